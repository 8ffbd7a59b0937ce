package persistence

import (
	"errors"
	"fmt"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/twins"
)

// Verify makes the steps from ≤ t < to again, from the snapshot before them or from the
// beginning, and compares each with its record. start returns the stepper; nil is a plain
// loop. It returns a *DifferenceError for the first difference, and a *DamageError for
// what cannot be read. progress, if not nil, is called with the number of steps done.
//
// Steps that another model made (Recomputable) are not made again: their checksums, layout,
// digests and chain are checked, and the snapshots among them are read. Those before First are
// left out.
func (s *Store) Verify(from, to twins.Tick, start func(*sim.World) (sim.Stepper, error), progress func(done twins.Tick)) error {
	if from < 0 || to > s.Steps() {
		return fmt.Errorf("steps %d to %d, wanted some of the %d that are kept", from, to, s.Steps())
	}
	if s.parent != nil && from < s.base {
		end := min(to, s.base)
		if err := s.parent.Verify(from, end, start, progress); err != nil || end == to {
			return err
		}
		from = end
	}
	var other *ModelError
	if err := s.Recomputable(from, to); errors.As(err, &other) {
		return s.inspect(from, to, progress)
	}
	m, err := s.nearest(from)
	if err != nil {
		return err
	}
	if start == nil {
		start = func(w *sim.World) (sim.Stepper, error) { return sim.NewFlat(w, nil, true), nil }
	}
	stepper, err := start(m.World)
	if err != nil {
		return err
	}
	defer stepper.Close()
	v := &verifier{store: s, chain: m.Chain, from: from}
	r := sim.Runner{World: m.World, Stepper: stepper, Sinks: []sim.Sink{m.Chain, v}}
	r.From(m.Steps)
	for t := m.Steps; t < to; t++ {
		if _, err := r.Step(); err != nil && v.err == nil {
			return err // an error of the step, not of the comparison
		}
		if v.err != nil {
			return s.ofItsModel(t, v.err)
		}
		if progress != nil {
			progress(t + 1)
		}
	}
	return nil
}

// ofItsModel returns err, or the *ModelError of a step that a model before this one made: a
// difference is then of the models, even where nothing that is kept of the step says so.
func (s *Store) ofItsModel(t twins.Tick, err error) error {
	var d *DifferenceError
	if of, model, ok := s.olderModel(t); ok && errors.As(err, &d) {
		return &ModelError{Dir: of.dir, Model: model, Step: t, Next: err.Error()}
	}
	return err
}

// Recomputable returns a *ModelError if this program may compute the steps from ≤ t < to,
// or those between them and the snapshot before, differently.
func (s *Store) Recomputable(from, to twins.Tick) error {
	return s.recomputable(s.SnapshotBefore(from), to)
}

// inspect checks the records of steps without making them again: of those from First on.
func (s *Store) inspect(from, to twins.Tick, progress func(done twins.Tick)) error {
	from = max(from, s.firstBefore(to))
	count := sim.SinkFunc(func(r *sim.StepRecord) error {
		if progress != nil {
			progress(r.Tick + 1)
		}
		return nil
	})
	if err := s.Replay(from, to, count); err != nil {
		return err
	}
	w, err := s.Twins()
	if err != nil {
		return err
	}
	for n := range s.snapshots.all() {
		if n <= from || n > to {
			continue
		}
		cells, grid, err := s.states(n)
		for i := 0; i < len(cells) && err == nil; i++ {
			_, err = w.Cells[i].RestoreStates(cells[i])
		}
		if err == nil { // only the model that made a controller's state can read it
			_, err = twins.RestoreNode(w.Grid, grid)
		}
		if err != nil {
			return &DamageError{Dir: s.dir, Step: n, What: fmt.Sprintf("the states after step %d: %v", n-1, err)}
		}
	}
	return nil
}

// verifier is a sink that compares each step with its record.
type verifier struct {
	store *Store
	chain *sim.Chain
	from  twins.Tick
	span  stepRange // of cells
	cells []*cellChunk
	err   error
}

// Commit implements sim.Sink.
func (v *verifier) Commit(r *sim.StepRecord) error {
	if r.Tick >= v.from {
		v.err = v.compare(r)
	} else if was := v.store.head(r.Tick); was != (sim.Hash{}) && was != v.chain.Head() {
		v.err = &DifferenceError{Step: r.Tick, What: "its hash is another one"}
	}
	return v.err
}

func (v *verifier) damage(t twins.Tick, what string, err error) error {
	return &DamageError{Dir: v.store.dir, Step: t, What: fmt.Sprintf("%s: %v", what, err)}
}

func (v *verifier) compare(r *sim.StepRecord) error {
	s := v.store
	if s.missing.has(r.Tick) { // only its hash is known, from the ledger
		return v.compareHead(r)
	}
	form, err := s.step(r.Tick)
	if err != nil {
		return v.damage(r.Tick, "the record of the step", err)
	}
	if d := diffCommands(r, form); d != nil {
		return d
	}
	shape, err := s.shapeAt(r.Tick)
	if err != nil {
		return err
	}
	if err := v.compareCells(r, form, shape); err != nil {
		return err
	}
	switch {
	case !sameSwing(form.swing, r.Swing):
		return difference(r.Tick, "grid", "frequency", form.swing, r.Swing)
	case form.flows != firstFlows(r.Flows, shape.flows):
		return difference(r.Tick, "grid", "flows", form.flows, r.Flows)
	case form.caught && form.caughtUp != r.CatchUp:
		return difference(r.Tick, "grid", "shifted load that was caught up and given up", form.caughtUp, r.CatchUp)
	case form.price != r.Price, form.carbon != r.Carbon, form.residual != r.Residual:
		return difference(r.Tick, "grid", "price, carbon and residual", [...]int64{int64(form.price), form.carbon, int64(form.residual)},
			[...]int64{int64(r.Price), r.Carbon, int64(r.Residual)})
	case r.SnapshotDue && form.states != v.chain.States():
		return difference(r.Tick, "", "hash of all states", form.states, v.chain.States())
	}
	return v.compareHead(r)
}

func (v *verifier) compareHead(r *sim.StepRecord) error {
	if was := v.store.head(r.Tick); was != (sim.Hash{}) && was != v.chain.Head() {
		return difference(r.Tick, "", "hash", was, v.chain.Head())
	}
	return nil
}

func difference(t twins.Tick, member, what string, kept, computed any) *DifferenceError {
	return &DifferenceError{t, member, fmt.Sprintf("%s: kept %v, computed again %v", what, kept, computed)}
}

func diffCommands(r *sim.StepRecord, f *stepForm) error {
	for i := range max(len(r.Commands), len(f.commands)) {
		var kept, computed *twins.Command
		if i < len(f.commands) {
			kept = &f.commands[i]
		}
		if i < len(r.Commands) {
			computed = &r.Commands[i]
		}
		if kept == nil || computed == nil || !kept.Same(computed) {
			return difference(r.Tick, "", fmt.Sprintf("command %d", i), kept, computed)
		}
	}
	return nil
}

// compareCells returns a *DifferenceError for the first member whose readings, decisions or
// events differ.
func (v *verifier) compareCells(r *sim.StepRecord, form *stepForm, shape *shape) error {
	if err := v.load(r.Tick); err != nil {
		return err
	}
	rec := &sim.StepRecord{Cells: shape.records()}
	form.fill(rec)
	for i, c := range r.Cells {
		kept := rec.Cells[i]
		if v.cells != nil {
			v.cells[i].fill(kept, int(r.Tick-v.span.from))
			if d := diffReadings(r.Tick, kept, c, shape.flows); d != nil {
				return d
			}
		}
		if d := diffDecisions(r.Tick, kept, c); d != nil {
			return d
		}
		if form.digests[i] != r.Digests[i] {
			return difference(r.Tick, c.Path, "digest", form.digests[i], r.Digests[i])
		}
	}
	return nil
}

// load reads the chunk that contains a step, if its readings have been written.
func (v *verifier) load(t twins.Tick) error {
	if v.cells != nil && t < v.span.to {
		return nil
	}
	v.cells = nil
	c, found := v.store.chunkAt(t)
	if !found {
		return nil
	}
	v.span = c
	shape, err := v.store.shapeAt(c.from)
	if err != nil {
		return err
	}
	for i, cell := range shape.cells {
		k, err := v.store.readings(shape, i, c)
		if err != nil {
			return v.damage(c.from, "readings of "+cell.Path, err)
		}
		v.cells = append(v.cells, k)
	}
	return nil
}

// diffReadings compares readings and their sums, of which a layout has the first columns.
func diffReadings(t twins.Tick, kept, computed *twins.CellRecord, flows int) error {
	for i := range computed.Blocks {
		b, of := &computed.Blocks[i], &kept.Blocks[i]
		for n := range of.Columns {
			col := &of.Columns[n]
			for m := range of.Paths {
				was, is := of.Value(n, m), b.Value(n, m)
				if was != is {
					return difference(t, b.Paths[m], col.Name, string(twins.AppendScaled(nil, was, col.Places)), string(twins.AppendScaled(nil, is, col.Places)))
				}
			}
		}
		if is := firstFlows(b.Flows, flows); of.Flows != is {
			return difference(t, computed.Path, "flows of "+b.Kind.Plural, of.Flows, is)
		}
	}
	if is := firstFlows(computed.Flows, flows); kept.Flows != is {
		return difference(t, computed.Path, "flows", kept.Flows, is)
	}
	return nil
}

// firstFlows returns flows of which only the first n columns are set.
func firstFlows(f twins.Flows, n int) twins.Flows {
	for i := n; i < len(twins.FlowColumns); i++ {
		twins.FlowColumns[i].Set(&f, 0)
	}
	return f
}

// diffDecisions compares decisions and notable events.
func diffDecisions(t twins.Tick, kept, computed *twins.CellRecord) error {
	for i := range max(len(kept.Notes), len(computed.Notes)) {
		var was, is twins.Decision
		if i < len(kept.Notes) {
			was = kept.Notes[i]
		}
		if i < len(computed.Notes) {
			is = computed.Notes[i]
		}
		if was != is {
			return difference(t, firstOf(is.Member, was.Member), "decision", was, is)
		}
	}
	for i := range max(len(kept.Events), len(computed.Events)) {
		var was, is twins.Notice
		if i < len(kept.Events) {
			was = kept.Events[i]
		}
		if i < len(computed.Events) {
			is = computed.Events[i]
		}
		if was != is {
			return difference(t, firstOf(is.Member, was.Member), "event", was, is)
		}
	}
	return nil
}

func firstOf(a, b string) string {
	if a == "" {
		return b
	}
	return a
}

// sameSwing reports whether two swings are the same in all that is stored.
func sameSwing(kept, made twins.Swing) bool {
	made.Unrated = kept.Unrated
	return kept == made
}
