package persistence

import (
	"fmt"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/twins"
)

// stepForm is the record of a step that is written at once: everything except the readings,
// which are written in chunks.
type stepForm struct {
	tick     twins.Tick
	head     sim.Hash // of the chain, after the step
	states   sim.Hash // hash of the states, if due
	due      bool     // SnapshotDue
	priced   bool
	mixed    bool
	price    twins.Price
	carbon   int64
	residual twins.Power
	swing    twins.Swing
	flows    twins.Flows
	commands []twins.Command
	digests  []sim.Hash
	events   []twins.Notice // events of the grid itself
	cells    []cellForm     // communities with decisions or events
	isolated []string
	caughtUp twins.CatchUp // if caught
	caught   bool          // CatchUpKnown
}

// cellForm is a community's decisions and events of a step.
type cellForm struct {
	index    int // of the community
	notes    []twins.Decision
	events   []twins.Notice
	broken   string
	brokenBy twins.Energy
}

const (
	stepDue = 1 << iota
	stepPriced
	stepMixed
	stepCaught
)

// formOf returns the form of a record, whose memory it shares.
func formOf(r *sim.StepRecord, head sim.Hash) *stepForm {
	f := &stepForm{
		tick: r.Tick, head: head, due: r.SnapshotDue, priced: r.Priced, mixed: r.Mixed, price: r.Price, carbon: r.Carbon,
		residual: r.Residual, swing: r.Swing, flows: r.Flows, commands: r.Commands, digests: r.Digests, isolated: r.Quarantined,
		events: r.Events, caughtUp: r.CatchUp, caught: r.CatchUpKnown,
	}
	for i, c := range r.Cells {
		if len(c.Notes) > 0 || len(c.Events) > 0 || c.BrokenBy != 0 {
			f.cells = append(f.cells, cellForm{i, c.Notes, c.Events, c.Broken, c.BrokenBy})
		}
	}
	return f
}

// append appends the stored form; p numbers the members.
func (f *stepForm) append(b []byte, s *shape, p *memberNumbers) []byte {
	w := encoder{b}
	flags := uint64(0)
	for i, set := range [...]bool{f.due, f.priced, f.mixed, f.caught} {
		if set {
			flags |= 1 << i
		}
	}
	w.Int(int64(f.tick))
	w.hash(f.head)
	w.Uint(flags)
	if f.due {
		w.hash(f.states)
	}
	w.Ints(int64(f.price), f.carbon, int64(f.residual))
	w.swing(&f.swing)
	v := make([]int64, s.flows)
	putFlows(v, &f.flows)
	w.Ints(v...)
	w.commands(f.commands)
	w.Uint(uint64(len(f.digests)))
	for _, d := range f.digests {
		w.hash(d)
	}
	w.Uint(uint64(len(f.cells)))
	for i := range f.cells {
		w.cell(&f.cells[i], s.cells[f.cells[i].index], p)
	}
	w.Uint(uint64(len(f.isolated)))
	for _, path := range f.isolated {
		w.Text(path)
	}
	w.Uint(uint64(len(f.events)))
	for i := range f.events {
		w.Text(f.events[i].Member)
		w.event(&f.events[i].Event)
	}
	if f.caught {
		w.Ints(int64(f.caughtUp.CaughtUp), int64(f.caughtUp.GivenUp))
	}
	return w.Writer
}

func readStep(b []byte, s *shape) (*stepForm, error) {
	r := newDecoder(b)
	f := &stepForm{}
	f.readHead(r)
	v := make([]int64, s.flows)
	for i := range v {
		v[i] = r.Int()
	}
	f.flows = flowsOf(v)
	f.commands = r.commands()
	for range r.Count(len(sim.Hash{})) {
		f.digests = append(f.digests, r.hash())
	}
	for range r.Count(4) {
		f.cells = append(f.cells, r.cell(s.cells))
	}
	for range r.Count(1) {
		f.isolated = append(f.isolated, r.Text())
	}
	for range r.Count(10) {
		f.events = append(f.events, twins.Notice{Member: r.Text(), Event: r.event()})
	}
	if f.caught {
		f.caughtUp = twins.CatchUp{CaughtUp: twins.Energy(r.Int()), GivenUp: twins.Energy(r.Int())}
	}
	return f, r.Done()
}

// readHead reads the fields before flows, which do not depend on the layout.
func (f *stepForm) readHead(r *decoder) {
	f.tick, f.head = twins.Tick(r.Int()), r.hash()
	flags := r.Uint()
	f.due, f.priced, f.mixed = flags&stepDue != 0, flags&stepPriced != 0, flags&stepMixed != 0
	f.caught = flags&stepCaught != 0
	if f.due {
		f.states = r.hash()
	}
	f.price, f.carbon, f.residual = twins.Price(r.Int()), r.Int(), twins.Power(r.Int())
	r.swing(&f.swing)
}

// fill copies the form into a record that has its communities.
func (f *stepForm) fill(r *sim.StepRecord) {
	r.Tick, r.SnapshotDue, r.Priced, r.Mixed, r.Price, r.Carbon = f.tick, f.due, f.priced, f.mixed, f.price, f.carbon
	r.Residual, r.Swing, r.Flows, r.Commands, r.Digests, r.Quarantined = f.residual, f.swing, f.flows, f.commands, f.digests, f.isolated
	r.Events, r.CatchUp, r.CatchUpKnown = f.events, f.caughtUp, f.caught
	for _, c := range r.Cells {
		c.Notes, c.Events, c.Isolated, c.Broken, c.BrokenBy = nil, nil, nil, "", 0
	}
	for i := range f.cells {
		from := &f.cells[i]
		c := r.Cells[from.index]
		c.Notes, c.Events, c.Broken, c.BrokenBy = from.notes, from.events, from.broken, from.brokenBy
	}
}

func (w *encoder) swing(s *twins.Swing) {
	flags := uint64(0)
	if s.Island {
		flags |= 1
	}
	if s.Blackout {
		flags |= 2
	}
	if s.Held {
		flags |= 4
	}
	w.Uint(flags)
	w.Ints(s.Min, s.Max, s.End, s.ROCOF, s.Stages, int64(s.Relief), int64(s.Kinetic), int64(s.Shed), int64(s.ShedFor))
}

func (r *decoder) swing(s *twins.Swing) {
	flags := r.Uint()
	s.Island, s.Blackout, s.Held = flags&1 != 0, flags&2 != 0, flags&4 != 0
	for _, v := range [...]*int64{&s.Min, &s.Max, &s.End, &s.ROCOF, &s.Stages} {
		*v = r.Int()
	}
	s.Relief, s.Kinetic, s.Shed, s.ShedFor = twins.Power(r.Int()), twins.Power(r.Int()), twins.Power(r.Int()), twins.Ratio(r.Int())
}

func (w *encoder) cell(f *cellForm, c *twins.CellLayout, p *memberNumbers) {
	w.Uint(uint64(f.index))
	w.Uint(uint64(len(f.notes)))
	for i := range f.notes {
		n := &f.notes[i]
		w.member(p.of(c, f.index), n.Member)
		w.Uint(uint64(n.Reason))
		w.Ints(int64(n.Power), int64(n.Shifted), int64(n.Unserved), int64(n.Curtailed))
	}
	w.Uint(uint64(len(f.events)))
	for i := range f.events {
		e := &f.events[i]
		w.member(p.of(c, f.index), e.Member)
		w.event(&e.Event)
	}
	w.Text(f.broken)
	w.Int(int64(f.brokenBy))
}

func (r *decoder) cell(cells []*twins.CellLayout) (f cellForm) {
	at := r.Uint()
	if at >= uint64(len(cells)) {
		r.Fail(fmt.Errorf("it has events of community %d of %d", at, len(cells)))
		return f
	}
	f.index = int(at)
	c := cells[at]
	for range r.Count(6) {
		n := twins.Decision{Member: r.member(c), Reason: twins.Reason(r.Uint()), Power: twins.Power(r.Int())}
		n.Shifted, n.Unserved, n.Curtailed = twins.Power(r.Int()), twins.Power(r.Int()), twins.Power(r.Int())
		f.notes = append(f.notes, n)
	}
	for range r.Count(10) {
		f.events = append(f.events, twins.Notice{Member: r.member(c), Event: r.event()})
	}
	f.broken, f.brokenBy = r.Text(), twins.Energy(r.Int())
	return f
}

func (w *encoder) event(e *twins.Event) {
	w.Text(e.Type.Name)
	w.Uint(uint64(e.Part))
	w.Ints(e.V[:]...)
}

func (r *decoder) event() (e twins.Event) {
	name := r.Text()
	if e.Type = twins.EventNamed(name); e.Type == nil && r.Err() == nil {
		r.Fail(fmt.Errorf("event %q is unknown to this version", name))
	}
	e.Part = int32(r.Uint())
	for i := range e.V {
		e.V[i] = r.Int()
	}
	return e
}

// A member is written as its number in its community: 0 is the community itself, 1 a
// path that follows, n + 2 the member n.
func (w *encoder) member(numbers map[string]uint64, path string) {
	n, ok := numbers[path]
	if !ok {
		w.Uint(1)
		w.Text(path)
		return
	}
	w.Uint(n)
}

// memberNumbers finds the numbers of members by path. A community's map is built when it first
// has a decision or an event.
type memberNumbers struct{ cells []map[string]uint64 }

func (p *memberNumbers) of(c *twins.CellLayout, index int) map[string]uint64 {
	for len(p.cells) <= index {
		p.cells = append(p.cells, nil)
	}
	if p.cells[index] == nil {
		found := map[string]uint64{c.Path: 0}
		for _, b := range c.Blocks {
			for _, path := range b.Paths {
				found[path] = uint64(len(found) + 1)
			}
		}
		p.cells[index] = found
	}
	return p.cells[index]
}

func (r *decoder) member(c *twins.CellLayout) string {
	at := r.Uint()
	switch at {
	case 0:
		return c.Path
	case 1:
		return r.Text()
	}
	at -= 2
	for _, b := range c.Blocks {
		if at < uint64(len(b.Paths)) {
			return b.Paths[at]
		}
		at -= uint64(len(b.Paths))
	}
	r.Fail(fmt.Errorf("%s has no member %d", c.Path, at))
	return ""
}
