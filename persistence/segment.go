package persistence

import (
	"errors"
	"fmt"
	"slices"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/twins"
)

// Form says in which layouts and by which models the steps of a run were recorded. It is
// part of run.json; a run without one is older than layouts (firstForm).
type Form struct {
	Chain  int           `json:"chain"`            // version of the chain
	Begun  int           `json:"begun"`            // model that began the run
	Layout *twins.Layout `json:"layout"`           // of the steps before the first joint
	Model  int           `json:"model"`            // of the steps after the last joint: Begun's or the joint's, or a later one that computes all of them alike
	Joints []sim.Joint   `json:"joints,omitempty"` // in order
}

// formOfWorld returns the form of a new run.
func formOfWorld(w *sim.World) *Form {
	return &Form{Chain: w.Form.Chain, Begun: w.Form.Model, Layout: w.Form.Layout, Model: w.Form.Model}
}

// firstForm is the form of runs that are older than layouts.
func firstForm() *Form {
	return &Form{Chain: sim.FirstChain, Begun: 1, Layout: twins.FirstLayout(), Model: 1}
}

// form returns the run's form.
func (k *Kept) form() *Form {
	if k.Form == nil {
		return firstForm()
	}
	return k.Form
}

// check refuses a form that this program does not know.
func (f *Form) check(steps twins.Tick) error {
	if f.Chain > sim.LayoutChain {
		return fmt.Errorf("has a chain of version %d; this program knows versions up to %d, wanted a newer program", f.Chain, sim.LayoutChain)
	}
	models, layouts, last := []int{f.Begun, f.Model}, []*twins.Layout{f.Layout}, twins.Tick(0)
	for i := range f.Joints {
		j := &f.Joints[i]
		models, layouts = append(models, j.Model), append(layouts, j.Layout)
		if j.Tick <= last || j.Tick > steps {
			return fmt.Errorf("says in its %s that it went on before step %d, wanted steps that rise, up to %d", runFile, j.Tick, steps)
		}
		last = j.Tick
	}
	if f.Chain < sim.FirstChain || slices.Min(models) < 1 {
		return fmt.Errorf("says in its %s that it has chain %d and models %v, wanted chain %d or %d and models from 1 on", runFile, f.Chain, models, sim.FirstChain, sim.LayoutChain)
	}
	if slices.Contains(layouts, nil) {
		return fmt.Errorf("has no layout in its %s", runFile)
	}
	if newest := slices.Max(models); newest > sim.Model() {
		return fmt.Errorf("was made by model %d; this program is model %d, wanted a newer program", newest, sim.Model())
	}
	for _, l := range layouts {
		if err := l.Check(); err != nil {
			return fmt.Errorf("has another layout: %w; wanted a newer program", err)
		}
	}
	return nil
}

// segment is a range of steps of a run that one model made in one layout.
type segment struct {
	from   twins.Tick
	begun  int // model that made its first step
	model  int // begun, or a later one that computes all of its steps alike
	layout *twins.Layout
	joint  *sim.Joint // before its first step; nil for the first segment
	shape  *shape     // computed on first use
}

// shape is what a layout fixes for each step: the members, and the numbers of flow columns
// and of figures per community.
type shape struct {
	cells        []*twins.CellLayout // in path order
	flows, nodes int
}

func shapeOf(l *twins.Layout, cells []*twins.Cell) *shape {
	s := &shape{flows: len(l.Flows), nodes: len(l.Nodes)}
	for _, c := range cells {
		s.cells = append(s.cells, c.LayoutAs(l))
	}
	return s
}

// records returns an empty record for each community.
func (s *shape) records() (all []*twins.CellRecord) {
	for _, c := range s.cells {
		all = append(all, twins.NewCellRecord(c))
	}
	return all
}

// segments returns a form's segments, in order.
func (f *Form) segments() []*segment {
	all := []*segment{{begun: f.Begun, model: f.Begun, layout: f.Layout}}
	for i := range f.Joints {
		j := &f.Joints[i]
		all = append(all, &segment{from: j.Tick, begun: j.Model, model: j.Model, layout: j.Layout, joint: j})
	}
	last := all[len(all)-1]
	last.model = max(last.model, f.Model)
	return all
}

// segmentOf returns the segment that contains a step.
func (s *Store) segmentOf(t twins.Tick) *segment {
	for i := len(s.segments) - 1; i > 0; i-- {
		if s.segments[i].from <= t {
			return s.segments[i]
		}
	}
	return s.segments[0]
}

// shapeAt returns the shape of a step's records.
func (s *Store) shapeAt(t twins.Tick) (*shape, error) {
	w, err := s.shownWorld()
	if err != nil {
		return nil, err
	}
	g := s.segmentOf(t)
	if g.shape == nil {
		g.shape = shapeOf(g.layout, w.Cells)
	}
	return g.shape, nil
}

// before returns the head of the chain before a step is made, a joint included; zero if
// unknown.
func (s *Store) before(t twins.Tick) sim.Hash {
	head, _ := s.HeadAt(t)
	if g := s.segmentOf(t); g.joint != nil && g.from == t && head != (sim.Hash{}) {
		return g.joint.Head(head)
	}
	return head
}

// ModelError reports that steps cannot be computed again because another model made them.
type ModelError struct {
	Dir   string
	Model int        // that made the steps
	Step  twins.Tick // the first that cannot be computed again
	Next  string     // what to do
}

func (e *ModelError) Error() string {
	text := fmt.Sprintf("run %q: step %d was made by model %d and cannot be computed again by this program, which is model %d", e.Dir, e.Step, e.Model, sim.Model())
	if e.Next != "" {
		text += "; " + e.Next
	}
	return text
}

// recomputable returns a *ModelError if this program may compute a step in from ≤ t < to
// differently.
func (s *Store) recomputable(from, to twins.Tick) error {
	for t := from; t < to; {
		if s.parent != nil && t < s.base {
			end := min(to, s.base)
			if err := s.parent.recomputable(t, end); err != nil {
				return err
			}
			t = end
			continue
		}
		g, end := s.segmentOf(t), to
		for _, later := range s.segments {
			if later.from > t {
				end = min(end, later.from)
			}
		}
		if at := s.firstDifference(g, t, end); at >= 0 {
			return &ModelError{Dir: s.dir, Model: g.model, Step: at}
		}
		if t = end; t < to { // a joint is in between
			return &ModelError{Dir: s.dir, Model: g.model, Step: t - 1}
		}
	}
	return nil
}

// First returns the first step that can be shown. Retention has deleted the readings of the
// steps before it, and another model made them, so that they cannot be computed again.
func (s *Store) First() twins.Tick { return s.firstBefore(s.Steps()) }

// firstBefore returns the first step from which on all steps before to can be shown; to if
// none can.
func (s *Store) firstBefore(to twins.Tick) twins.Tick {
	first := s.firstKept(to)
	if s.begins.kept != first { // it rises at most once for each chunk
		s.begins.kept, s.begins.first = first, s.computedBefore(first)
	}
	if first = s.begins.first; first > s.base || s.parent == nil {
		return first
	}
	return s.parent.firstBefore(s.base)
}

// firstKept returns the first of the store's own steps before to that has readings, if
// retention may have deleted those of earlier ones.
func (s *Store) firstKept(to twins.Tick) twins.Tick {
	if s.retention().readings() == 0 {
		return s.base
	}
	if first, found := s.chunks.covered.first(s.base); found {
		to = min(to, first.from)
	}
	return max(s.base, to)
}

// computedBefore returns the first of the store's own steps from which on all steps before to
// can be computed again.
func (s *Store) computedBefore(to twins.Tick) twins.Tick {
	for to > s.base {
		from := s.SnapshotBefore(to - 1)
		if s.recomputable(from, to) != nil {
			break
		}
		to = max(from, s.base)
	}
	return to
}

// firstShown is what First has found: the first step with readings, and the first that can be
// shown.
type firstShown struct{ kept, first twins.Tick }

// contradiction returns the error of a step that does not have its head when it is made again:
// a later model may make it otherwise, even where nothing that is kept of it says so.
func (s *Store) contradiction(t twins.Tick) error {
	if of, model, ok := s.olderModel(t); ok {
		return &ModelError{Dir: of.dir, Model: model, Step: t, Next: of.nextKept(t)}
	}
	return &DamageError{Dir: s.dir, Step: t, What: "what is computed again from scenario and commands is not what was kept; see `smatrix replay --verify`"}
}

// olderModel returns a model before this program's that may have made a step, and the store that has
// the step, which may be that of a fork's parent; false if this program's model made it.
func (s *Store) olderModel(t twins.Tick) (of *Store, model int, ok bool) {
	for of = s; of.parent != nil && t < of.base; {
		of = of.parent
	}
	model = of.OldestModelOf(t)
	return of, model, len(sim.ModelsSince(model)) > 0
}

// nextKept says which of the records after a step without any can be shown; "" if there are none.
func (s *Store) nextKept(t twins.Tick) string {
	if first, found := s.chunks.covered.first(t); found && s.retention().readings() > 0 {
		return fmt.Sprintf("its records begin with step %d: `smatrix replay %s --from %d`", first.from, s.dir, first.from)
	}
	return ""
}

// firstDifference returns the first step of a segment that this program's model may
// compute differently, −1 if there is none. A step without a record is skipped: when it is
// computed, its head is compared with the ledger's.
func (s *Store) firstDifference(g *segment, from, to twins.Tick) twins.Tick {
	for _, change := range sim.ModelsSince(g.model) {
		if change.Differs == nil || change.Lasts && s.differedBefore(&change, from) && !s.settled(from) {
			return from
		}
		for t := from; t < to; t++ {
			if k, ok := s.keptStep(t); ok && change.Differs(&k) {
				return t
			}
		}
	}
	return -1
}

// differedBefore reports whether a change of the model concerns a step before from. It reads
// each step once.
func (s *Store) differedBefore(change *sim.ModelChange, from twins.Tick) bool {
	if s.parent != nil && s.parent.differedBefore(change, min(from, s.base)) {
		return true
	}
	s.lastingLock.Lock()
	defer s.lastingLock.Unlock()
	if s.lasting == nil {
		s.lasting = map[int]*lastingChange{}
	}
	x := s.lasting[change.Model]
	if x == nil {
		x = &lastingChange{read: s.base, first: -1}
		s.lasting[change.Model] = x
	}
	for ; x.first < 0 && x.read < from; x.read++ {
		if k, ok := s.keptStep(x.read); ok && change.Differs(&k) {
			x.first = x.read
		}
	}
	return x.first >= 0 && x.first < from
}

// lastingChange is what has been read of a change that lasts: steps before read, and the first
// of them that it concerns, −1: none.
type lastingChange struct{ read, first twins.Tick }

// settled reports whether states are kept before a step in which no member owes load that it was
// held back from.
func (s *Store) settled(t twins.Tick) bool {
	s.lastingLock.Lock()
	defer s.lastingLock.Unlock()
	if owes, known := s.owing[t]; known {
		return !owes
	}
	owes := true
	if s.snapshots.has(t) && s.owingIn == nil {
		s.owingIn, _ = s.Twins() // without a world every state owes
	}
	if w := s.owingIn; w != nil && s.snapshots.has(t) {
		cells, _, err := s.states(t)
		owes = err != nil
		for i := 0; i < len(cells) && !owes; i++ {
			_, err := w.Cells[i].RestoreStates(cells[i])
			owes = err != nil || w.Cells[i].Owes()
		}
	}
	if s.owing == nil {
		s.owing = map[twins.Tick]bool{}
	}
	s.owing[t] = owes
	return !owes
}

// keptStep returns what is kept of a step; false if its record is missing.
func (s *Store) keptStep(t twins.Tick) (k sim.KeptStep, ok bool) {
	if s.missing.has(t) {
		return k, false
	}
	f, err := s.step(t)
	if err != nil {
		return k, false
	}
	k = sim.KeptStep{Swing: f.swing, Flows: f.flows, Events: f.events}
	for i := range f.cells {
		k.Events = append(k.Events, f.cells[i].events...)
	}
	return k, true
}

// Computable returns the longest stretch of steps around t, within from ≤ u < to, that this
// program can compute again together from one kept state. If it cannot compute step t, it
// returns the stretch that begins at t and in which it can compute no step, and a
// *ModelError that says why.
func (s *Store) Computable(t, from, to twins.Tick) (first, end twins.Tick, err error) {
	g := s.segmentOf(t)
	from, to = max(from, g.from), min(to, s.segmentEnd(g))
	first = s.SnapshotBefore(t)
	if err := s.recomputable(first, t+1); err != nil {
		end = to
		for n := s.SnapshotBefore(to); n > t; n = s.SnapshotBefore(n - 1) {
			end = min(end, n)
		}
		return t, end, err
	}
	for first > from {
		before := s.SnapshotBefore(first - 1)
		if s.recomputable(before, first) != nil {
			break
		}
		first = before
	}
	var other *ModelError
	if errors.As(s.recomputable(s.SnapshotBefore(max(first, from)), to), &other) {
		to = other.Step
	}
	return max(first, from), to, nil
}

// segmentEnd returns the first step after a segment.
func (s *Store) segmentEnd(g *segment) twins.Tick {
	end := s.Steps()
	for _, later := range s.segments {
		if later.from > g.from {
			end = min(end, later.from)
		}
	}
	return end
}

// OldestModelOf returns the oldest model that may have made a step. Models names the latest that makes it alike,
// with which the run has been continued.
func (s *Store) OldestModelOf(t twins.Tick) int {
	if s.parent != nil && t < s.base {
		return s.parent.OldestModelOf(t)
	}
	return s.segmentOf(t).begun
}

// Models returns the models that made the steps from ≤ t < to, in the order of their first steps. Steps
// that a later model would have made alike are counted as that model's, once the run has been continued with it.
func (s *Store) Models(from, to twins.Tick) (models []int) {
	if s.parent != nil && from < s.base {
		models = s.parent.Models(from, min(to, s.base))
		from = s.base
	}
	for i, g := range s.segments {
		end := to
		if i+1 < len(s.segments) {
			end = min(to, s.segments[i+1].from)
		}
		if max(from, g.from) < end && !slices.Contains(models, g.model) {
			models = append(models, g.model)
		}
	}
	return models
}

// Joints returns the points at which the run was continued with another model.
func (s *Store) Joints() []sim.Joint { return s.run.meta.Journal.form().Joints }

// chainFrom returns a chain of a world's run that continues from a head. If this program stores states in a
// newer version than the run does, the chain takes hashes of states from the records.
func (s *Store) chainFrom(w *sim.World, head sim.Hash) *sim.Chain {
	c := sim.ResumeChain(head)
	now := w.NewForm().Layout
	if slices.ContainsFunc(s.segments, func(g *segment) bool { return g.layout.Upgraded(now) }) {
		c.Known = func(t twins.Tick) (sim.Hash, bool) {
			if t >= s.Steps() || s.missing.has(t) {
				return sim.Hash{}, false
			}
			f, err := s.step(t)
			return f.statesIf(err == nil)
		}
	}
	return c
}

// statesIf returns the hash of states in a step, false if it was not read or has none.
func (f *stepForm) statesIf(read bool) (sim.Hash, bool) {
	if !read || !f.due {
		return sim.Hash{}, false
	}
	return f.states, true
}

// formFrom returns the form of a run that continues from the state after at steps, of made
// steps in all. If this program's model computes the steps so far alike, it replaces the
// run's model without a joint. Otherwise a joint is added, and the state after at steps
// must be a snapshot.
func (s *Store) formFrom(at, made twins.Tick) (*Form, error) {
	form := *s.run.meta.Journal.form()
	joints := len(form.Joints)
	form.Joints = slices.DeleteFunc(slices.Clone(form.Joints), func(j sim.Joint) bool { return j.Tick > at })
	if n := len(form.Joints); n == 0 && joints > 0 { // later joints, and the model of the steps after them, are not the fork's
		form.Model = form.Begun
	} else if n < joints {
		form.Model = form.Joints[n-1].Model
	}
	segments := form.segments()
	last := segments[len(segments)-1]
	if last.model == sim.Model() {
		return &form, nil
	}
	if s.sameInModel(last, made) {
		form.Model = sim.Model()
		return &form, nil
	}
	if _, _, err := s.states(at); at != made || err != nil {
		return nil, s.noSnapshotHere(last, made)
	}
	w, err := s.shownWorld()
	if err != nil {
		return nil, err
	}
	form.Joints = append(form.Joints, sim.Joint{Tick: at, Model: sim.Model(), Layout: w.NewForm().Layout})
	form.Model = sim.Model()
	return &form, nil
}

// sameInModel reports whether this program's model computes all steps of a segment before
// to alike.
func (s *Store) sameInModel(g *segment, to twins.Tick) bool { return s.differsInModel(g, to) < 0 }

// differsInModel returns the first step of a segment before to that this program's model may
// compute differently, −1 if there is none.
func (s *Store) differsInModel(g *segment, to twins.Tick) twins.Tick {
	for from := g.from; from < to; {
		of, end := s, to
		for of.parent != nil && from < of.base {
			of, end = of.parent, min(end, of.base)
		}
		if at := of.firstDifference(g, from, end); at >= 0 {
			return at
		}
		from = end
	}
	return -1
}

// noSnapshotHere returns the *ModelError of a run that cannot be continued at a step. It
// names the nearest step before it at which a fork can begin: after a kept state, or before
// the first step that this program makes otherwise.
func (s *Store) noSnapshotHere(g *segment, at twins.Tick) error {
	nearest := s.SnapshotBefore(min(at, twins.Tick(s.run.meta.Journal.Steps)-1))
	nearest = max(nearest, s.differsInModel(g, min(at, s.Steps())))
	return &ModelError{Dir: s.dir, Model: g.model, Step: at, Next: fmt.Sprintf(
		"it goes on only from a state that is kept or before a step that differs: `smatrix fork %s --at %d --out NEW` begins at the nearest one", s.dir, nearest)}
}

// useForm sets the form for the steps to come.
func (s *Store) useForm(form *Form) {
	s.run.meta.Journal.Form = form
	s.segments, s.begins = form.segments(), firstShown{}
}

// dropUnreadable drops steps at the end that can be neither read nor computed again: those
// of a killed run whose readings had not been written, made by another model.
func (s *Store) dropUnreadable() error {
	last, read := s.segments[len(s.segments)-1], max(s.base, s.chunks.end())
	if read >= s.Steps() || len(sim.ModelsSince(last.model)) == 0 || s.recomputable(s.SnapshotBefore(read), s.Steps()) == nil {
		return nil
	}
	var other *ModelError
	if errors.As(s.recomputable(s.SnapshotBefore(read), s.Steps()), &other) {
		read = max(read, other.Step) // steps before it are computed from their commands
	}
	s.expected("steps from %d to %d were made by model %d, which this program does not have, and their readings had not been written: they are not shown", read, s.Steps()-1, last.model)
	s.leftOut = s.Steps() - read
	s.steps = read
	s.missing.cut(read)
	return nil
}
