package bench

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/smatrix-grid/smatrix/actors"
	"github.com/smatrix-grid/smatrix/persistence"
	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/twins"
)

// measure measures one case. The context's error is returned as it is.
func (o Options) measure(ctx context.Context, c Case, w *work) (*Row, error) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(c.Threads))
	m := &measured{began: time.Now().UTC().Truncate(time.Second)}
	m.loads[0] = loadAverage()
	for range c.passes() {
		if err := o.makePass(ctx, c, m, w); err != nil {
			return nil, err
		}
	}
	m.loads[1] = loadAverage()
	return m.row(o, c), nil
}

// makePass makes the run once on both sides.
func (o Options) makePass(ctx context.Context, c Case, m *measured, w *work) (err error) {
	s := &stage{options: o, c: c, ctx: ctx, m: m, work: w, first: !m.measuredOnce}
	defer func() { err = errors.Join(err, s.close()) }()
	for _, do := range []func() error{s.startActors, s.warmActors, s.startFlat, s.makeRounds, s.compare, s.measureRest} {
		if err := do(); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	m.measuredOnce = true
	return nil
}

// stage has the two sides of a pass.
type stage struct {
	options Options
	c       Case
	ctx     context.Context
	m       *measured
	work    *work
	first   bool // the first pass, which measures memory and start as well

	source       *scenario.Scenario
	actors, flat *side
	dir          *persistence.RunDir // nil without journal, and once it is over
	journal      *timedSink          // likewise
	before       int64               // heap before the case
}

// heap is the size of the heap after a collection, in bytes.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// settledHeap is heap after everything that is no longer used has gone: what has a finalizer
// goes with the second collection.
func settledHeap() int64 {
	runtime.GC()
	return heap()
}

// homes is the number of household-steps in n steps.
func (s *stage) homes(n int) float64 { return float64(s.c.Households) * float64(n) }

// load loads the city of a case.
func (o Options) load(c Case) (*scenario.Scenario, error) {
	set := []string{fmt.Sprintf("households=%d", c.Households), "hosting=" + string(c.Hosting)}
	return scenario.Load("city", scenario.Options{Set: set, Steps: &c.Steps, Seed: o.Seed})
}

// startActors builds the first world and starts its actors.
func (s *stage) startActors() (err error) {
	if s.first {
		debug.FreeOSMemory()
		resetPeak()
	}
	s.before = settledHeap()
	s.work.add(0, "reading the scenario")
	var parts [3]usage
	timed := func(i int, watch stopwatch) { parts[i] = watch.used() }
	watch := startWatch()
	if s.source, err = abandonable(s.ctx, func() (*scenario.Scenario, error) { return s.options.load(s.c) }); err != nil {
		return err
	}
	timed(0, watch)
	s.work.add(int64(s.homes(startSteps/2)), "building twins")
	watch = startWatch()
	world, err := s.build()
	if err != nil {
		return err
	}
	timed(1, watch)
	s.work.add(int64(s.homes(startSteps/2)), "starting actors")
	if err := s.prepare("actors", world); err != nil {
		return err
	}
	watch = startWatch()
	system, err := abandonable(s.ctx, func() (*actors.System, error) {
		return actors.Start(world, actors.Options{Hosting: s.c.Hosting, Shards: s.c.Threads})
	})
	if err != nil {
		return err
	}
	timed(2, watch)
	s.actors = newSide("actors", world, system)
	if s.first {
		s.m.start, s.m.heaps.started = parts, heap()-s.before
		s.m.stepS, s.m.seed = s.source.Calendar.Step, s.source.Seed
		for _, cell := range world.Cells {
			s.m.members += int64(cell.Members())
		}
	}
	return nil
}

func (s *stage) build() (*sim.World, error) {
	return abandonable(s.ctx, func() (*sim.World, error) { return sim.Build(s.source) })
}

func (s *stage) prepare(side string, w *sim.World) error {
	if s.options.alter != nil {
		s.options.alter(side, w)
	}
	if s.options.Prepare != nil {
		return s.options.Prepare(w)
	}
	return nil
}

// warmActors begins the journal and makes the actors' first steps, while the flat loop's
// world takes no memory yet.
func (s *stage) warmActors() error {
	if s.c.Journal {
		persistence.RemoveStale() // left by killed processes
		dir, err := persistence.CreateTemp(persistence.Run{Scenario: s.source.Name, Seed: s.source.Seed, Created: time.Now().UTC().Truncate(time.Second)})
		if err != nil {
			return err
		}
		s.dir = dir
		journal, err := dir.Keep(s.actors.world, s.actors.hashed.chain, persistence.Durability{})
		if err != nil {
			return err
		}
		s.journal = &timedSink{Sink: journal}
		s.actors.hashed.next = s.journal
	}
	if err := s.make(s.actors, s.c.pass().warm, "warming up"); err != nil {
		return err
	}
	if s.first {
		s.m.peak = PeakResident()
	}
	return nil
}

// startFlat builds the second world and makes its first steps.
func (s *stage) startFlat() error {
	before := int64(0)
	if s.first {
		before = heap()
	}
	s.work.add(0, "building twins of the flat loop")
	world, err := s.build()
	if err != nil {
		return err
	}
	if err := s.prepare("flat", world); err != nil {
		return err
	}
	s.flat = newSide("flat loop", world, sim.NewFlat(world, nil, false))
	if s.first {
		s.m.heaps.twins = heap() - before
		s.m.layout = layoutOf(world)
	}
	s.work.add(int64(s.homes(startSteps)), "warming up")
	return s.make(s.flat, s.c.pass().warm, "warming up")
}

// make makes n steps of one side.
func (s *stage) make(side *side, n int, doing string) error {
	for range n {
		if err := s.ctx.Err(); err != nil {
			return err
		}
		if _, err := side.runner.Step(); err != nil {
			return fmt.Errorf("%s, %s: %w", s.c, side.name, err)
		}
		s.work.add(int64(s.c.Households), doing)
	}
	return nil
}

// makeRounds makes the steps after those that warm up, both sides in turns; which one begins
// changes from round to round.
func (s *stage) makeRounds() error {
	p := s.c.pass()
	for k, at := 0, p.warm; at < s.c.Steps; k++ {
		n := min(p.each, s.c.Steps-at)
		turn := []*side{s.flat, s.actors}
		if k%2 == 1 {
			turn[0], turn[1] = turn[1], turn[0]
		}
		for _, side := range turn {
			side.stepper.used = usage{}
			if err := s.make(side, n, fmt.Sprintf("round %d of %d", k+1, s.c.rounds())); err != nil {
				return err
			}
		}
		s.m.rounds = append(s.m.rounds, round{s.flat.stepper.used, s.actors.stepper.used, s.homes(n)})
		at += n
	}
	return nil
}

// compare ends the run and compares the digests of both sides.
func (s *stage) compare() error {
	if s.dir != nil {
		watch := startWatch()
		if err := s.dir.Finish(persistence.Done, nil); err != nil {
			return err
		}
		s.m.journal.add(watch.used())
		s.m.journal.add(s.journal.used)
		if err := s.dir.Remove(); err != nil {
			return err
		}
		s.dir, s.journal, s.actors.hashed.next = nil, nil, nil
	}
	s.m.hash.add(s.actors.hashed.used)
	s.m.total += s.homes(s.c.Steps)
	s.m.messages = s.actors.stepper.Messages().Handled
	s.m.digests = [2]sim.Hash{s.actors.hashed.chain.Digest(), s.flat.hashed.chain.Digest()}
	if s.m.digests[0] != s.m.digests[1] {
		return &DigestError{s.c, s.m.digests[0].String(), s.m.digests[1].String()}
	}
	return nil
}

// measureRest measures what the heap has after the last step, part by part.
func (s *stage) measureRest() error {
	if !s.first {
		return nil
	}
	s.m.peakBoth = PeakResident()
	if s.options.Standing != nil {
		s.options.Standing()
	}
	s.flat = nil
	s.m.heaps.stepped = heap() - s.before
	s.closeActors()
	s.m.heaps.scenario = heap() - s.before
	runtime.KeepAlive(s.source) // until here it belongs to the heap
	return nil
}

func (s *stage) closeActors() {
	if s.actors != nil {
		s.actors.stepper.Close()
		s.actors = nil
	}
}

// close stops the actors and removes the journal.
func (s *stage) close() error {
	s.closeActors()
	if s.dir == nil {
		return nil
	}
	_ = s.dir.Finish(persistence.Interrupted, nil) // the folder is removed next
	return s.dir.Remove()
}

// side is one of the two runs.
type side struct {
	name    string
	world   *sim.World
	stepper *timedStepper
	hashed  *hashed
	runner  sim.Runner
}

func newSide(name string, w *sim.World, s sim.Stepper) *side {
	k := &side{name: name, world: w, stepper: &timedStepper{Stepper: s}, hashed: &hashed{chain: w.NewChain()}}
	k.runner = sim.Runner{World: w, Stepper: k.stepper, Sinks: []sim.Sink{k.hashed}}
	return k
}

// timedStepper measures the steps of another stepper.
type timedStepper struct {
	sim.Stepper
	used usage
}

// Step implements sim.Stepper.
func (s *timedStepper) Step(env *twins.Env) (*sim.StepRecord, error) {
	watch := startWatch()
	r, err := s.Stepper.Step(env)
	s.used.add(watch.used())
	return r, err
}

// timedSink measures another sink.
type timedSink struct {
	sim.Sink
	used usage
}

// Commit implements sim.Sink.
func (s *timedSink) Commit(r *sim.StepRecord) error {
	watch := startWatch()
	err := s.Sink.Commit(r)
	s.used.add(watch.used())
	return err
}

// hashed hashes the records of a stepper that does not, so that no hash is in the time of
// its steps, and hands them on.
type hashed struct {
	chain  *sim.Chain
	next   sim.Sink // nil: none
	hasher sim.CellHasher
	record sim.StepRecord // the step's, with digests
	used   usage
}

// Commit implements sim.Sink.
func (h *hashed) Commit(r *sim.StepRecord) error {
	watch := startWatch()
	digests := h.record.Digests[:0]
	for _, c := range r.Cells {
		digests = append(digests, h.hasher.Sum(c))
	}
	h.record = *r
	h.record.Digests = digests
	err := h.chain.Commit(&h.record)
	h.used.add(watch.used())
	if err == nil && h.next != nil {
		err = h.next.Commit(&h.record)
	}
	return err
}
