package persistence

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/twins"
)

// Moment is a run after a number of steps: its twins in their states, and the chain.
type Moment struct {
	World *sim.World
	Chain *sim.Chain
	Steps twins.Tick // made so far
}

// sinkError is an error of who gets the steps, not of what is kept.
type sinkError struct{ error }

func (e sinkError) Unwrap() error { return e.error }

// Replay hands the steps from ≤ t < to to the sinks as they were, without actors and
// without computing anything. A record's cells show readings, flows, decisions and
// notable events; not offers, setpoints and states, and of a reading only what has a
// column. Every step is checked against the chain. Steps that are damaged, or whose
// readings had not been written when the run was killed, are computed again.
func (s *Store) Replay(from, to twins.Tick, sinks ...sim.Sink) error {
	if from < 0 || to > s.Steps() {
		return fmt.Errorf("steps %d to %d, wanted some of the %d that are kept", from, to, s.Steps())
	}
	if s.parent != nil && from < s.base {
		end := min(to, s.base)
		if err := s.parent.Replay(from, end, sinks...); err != nil || end == to {
			return err
		}
		from = end
	}
	for t := from; t < to; {
		c, found := s.chunkAt(t)
		end := min(to, c.to)
		if found {
			next, err := s.replayChunk(c, t, end, sinks)
			var ofSink sinkError
			switch {
			case errors.As(err, &ofSink):
				return ofSink.error
			case err != nil:
				s.repaired("journal: step %d: %v; it is computed again", next, err)
			}
			t = next
		}
		if t < end {
			if err := s.recompute(t, end, sinks); err != nil {
				return err
			}
			t = end
		}
	}
	return nil
}

// replayChunk hands out steps of one chunk, and says which is next.
func (s *Store) replayChunk(c span, from, to twins.Tick, sinks []sim.Sink) (next twins.Tick, err error) {
	w, err := s.shownWorld()
	if err != nil {
		return from, sinkError{err}
	}
	shape, err := s.shapeAt(c.from)
	if err != nil {
		return from, sinkError{err}
	}
	cells, records := make([]*cellChunk, len(w.Cells)), shape.records()
	for i := range w.Cells {
		if cells[i], err = s.readings(shape, i, c); err != nil {
			return from, fmt.Errorf("readings of %s: %w", w.Cells[i].Path, err)
		}
	}
	var hasher sim.CellHasher
	cal := w.Scenario.Calendar
	for t := from; t < to; t++ {
		form, err := s.step(t)
		if err != nil {
			return t, err
		}
		rec := &sim.StepRecord{Cells: records, Time: cal.Time(t), Step: cal.Step}
		form.fill(rec)
		for i, cell := range records {
			cells[i].fill(cell, int(t-c.from))
			if shape.nodes == 0 {
				cell.Limit = w.LimitAt(i, t)
			}
		}
		if err := s.check(rec, form, &hasher); err != nil {
			return t, err
		}
		for _, sink := range sinks {
			if err := sink.Commit(rec); err != nil {
				return t, sinkError{fmt.Errorf("step %d: %w", t, err)}
			}
		}
	}
	return to, nil
}

// readings reads a community's part of a chunk.
func (s *Store) readings(shape *shape, community int, c span) (*cellChunk, error) {
	b, err := s.getParts(func(part int) []byte { return readingsKey(community, c.from, part) })
	if err != nil {
		return nil, err
	}
	return readCellChunk(b, shape, community, c.from, int(c.to-c.from))
}

// step reads what is kept of a step at once.
func (s *Store) step(t twins.Tick) (*stepForm, error) {
	shape, err := s.shapeAt(t)
	if err != nil {
		return nil, err
	}
	b, err := s.get(key(keyStep, t))
	if err != nil {
		return nil, err
	}
	f, err := readStep(b, shape)
	if err == nil && f.tick != t {
		err = fmt.Errorf("it says that it is step %d", f.tick)
	}
	return f, err
}

// check holds a record that was read against the digests and the chain.
func (s *Store) check(r *sim.StepRecord, f *stepForm, hasher *sim.CellHasher) error {
	if len(f.digests) != len(r.Cells) {
		return fmt.Errorf("it has digests of %d communities, wanted %d", len(f.digests), len(r.Cells))
	}
	for i, c := range r.Cells {
		if hasher.Sum(c) != f.digests[i] {
			return fmt.Errorf("what is kept of %s does not have its digest", c.Path)
		}
	}
	before := s.before(r.Tick)
	if before != (sim.Hash{}) && sim.NextHead(before, r, f.states) != s.head(r.Tick) {
		return errors.New("what is kept of it does not have its hash")
	}
	return nil
}

// recompute makes steps again, in a plain loop from the snapshot before them, and
// compares their heads with those that are known.
func (s *Store) recompute(from, to twins.Tick, sinks []sim.Sink) error {
	m, err := s.nearest(from)
	if err != nil {
		return err
	}
	return s.carry(m, from, to, sinks)
}

// carry takes a moment on to step to; sinks get the steps from from on.
func (s *Store) carry(m *Moment, from, to twins.Tick, sinks []sim.Sink) error {
	if err := s.recomputable(m.Steps, to); err != nil {
		return err
	}
	gate := &gate{store: s, chain: m.Chain, from: from, sinks: sinks}
	r := sim.Runner{World: m.World, Stepper: sim.NewFlat(m.World, nil, true), Sinks: []sim.Sink{m.Chain, gate}}
	r.From(m.Steps)
	for m.Steps < to {
		if _, err := r.Step(); err != nil {
			var audit *sim.AuditError
			if !errors.As(err, &audit) { // that is how it was
				return err
			}
			r.From(m.Steps + 1)
		}
		m.Steps++
	}
	return nil
}

// gate checks each step and lets those from one on through.
type gate struct {
	store *Store
	chain *sim.Chain
	from  twins.Tick
	sinks []sim.Sink
}

// Commit implements sim.Sink.
func (g *gate) Commit(r *sim.StepRecord) error {
	if was := g.store.head(r.Tick); was != (sim.Hash{}) && was != g.chain.Head() {
		return &DamageError{Dir: g.store.dir, Step: r.Tick, What: "what is computed again from scenario and commands is not what was kept; see `smatrix replay --verify`"}
	}
	if r.Tick < g.from {
		return nil
	}
	for _, s := range g.sinks {
		if err := s.Commit(r); err != nil {
			return err
		}
	}
	return nil
}

// At makes the moment after n steps, 0 ≤ n ≤ Steps: from the snapshot before it, and
// stepped on from there.
func (s *Store) At(n twins.Tick) (*Moment, error) {
	if n < 0 || n > s.Steps() {
		return nil, fmt.Errorf("after step %d, wanted at most the %d that are kept", n, s.Steps())
	}
	m, err := s.nearest(n)
	if err != nil {
		return nil, err
	}
	return m, s.carry(m, n, n, nil)
}

// nearest is the moment of the last good snapshot after at most n steps.
func (s *Store) nearest(n twins.Tick) (*Moment, error) {
	for {
		n = s.SnapshotBefore(n)
		w, err := s.build(sim.BuildAs, s.segmentOf(n))
		if err != nil {
			return nil, err
		}
		head := s.before(n)
		if n == 0 {
			return &Moment{World: w, Chain: s.chainFrom(head)}, nil
		}
		if head != (sim.Hash{}) {
			var cells [][]byte
			var grid []byte
			if cells, grid, err = s.states(n); err == nil {
				err = w.Restore(cells, grid)
			}
			if err == nil {
				return &Moment{World: w, Chain: s.chainFrom(head), Steps: n}, nil
			}
			s.repaired("journal: snapshot after step %d: %v; the one before it serves", n, err)
		}
		n--
	}
}

// states reads the snapshot after n steps.
func (s *Store) states(n twins.Tick) (cells [][]byte, grid []byte, err error) {
	if s.parent != nil && n <= s.base {
		return s.parent.states(n)
	}
	b, err := s.get(key(keySnapshot, n))
	if err != nil {
		return nil, nil, err
	}
	r := &reader{b: b}
	communities := r.uint()
	if err := r.done(); err != nil {
		return nil, nil, err
	}
	for i := range communities {
		b, err := s.getParts(func(part int) []byte { return stateKey(n, uint32(i), part) })
		if err != nil {
			return nil, nil, err
		}
		cells = append(cells, b)
	}
	grid, err = s.getParts(func(part int) []byte { return stateKey(n, gridState, part) })
	return cells, grid, err
}

// chunkCache is the readings that were read last.
type chunkCache struct {
	span      span
	community int
	cells     *cellChunk
}

// Readings returns what one column of one member says in the steps from ≤ t < to.
// Columns are those of the member's kind, by name.
func (s *Store) Readings(path, column string, from, to twins.Tick) ([]int64, error) {
	w, err := s.shownWorld()
	if err != nil {
		return nil, err
	}
	at, err := placeOf(w, path, column)
	if err != nil {
		return nil, err
	}
	if from < 0 || to > s.Steps() {
		return nil, fmt.Errorf("steps %d to %d, wanted some of the %d that are kept", from, to, s.Steps())
	}
	values := make([]int64, 0, max(0, to-from))
	if s.parent != nil && from < s.base {
		end := min(to, s.base)
		past, err := s.parent.Readings(path, column, from, end)
		if err != nil {
			return nil, err
		}
		values, from = append(values, past...), end
	}
	for t := from; t < to; {
		c, found := s.chunkAt(t)
		end := min(to, c.to)
		if found {
			if k, n, err := s.cachedColumn(at, column, c); err == nil && n >= 0 {
				for ; t < end; t++ {
					values = append(values, k.columns[at.block][n].at(int(t-c.from), at.member))
				}
			}
		}
		if t < end {
			err := s.Replay(t, end, sinkFunc(func(r *sim.StepRecord) error {
				b := &r.Cells[at.cell].Blocks[at.block]
				values = append(values, b.Value(b.ColumnNamed(column), at.member))
				return nil
			}))
			if err != nil {
				return nil, err
			}
			t = end
		}
	}
	return values, nil
}

// cachedColumn is the chunk with a member's readings, and where a column stands in it.
func (s *Store) cachedColumn(at place, column string, c span) (*cellChunk, int, error) {
	shape, err := s.shapeAt(c.from)
	if err != nil {
		return nil, -1, err
	}
	k, err := s.cached(shape, at.cell, c)
	return k, shape.cells[at.cell].Blocks[at.block].ColumnNamed(column), err
}

func (s *Store) cached(shape *shape, community int, c span) (*cellChunk, error) {
	if s.cache.cells != nil && s.cache.span == c && s.cache.community == community {
		return s.cache.cells, nil
	}
	k, err := s.readings(shape, community, c)
	if err == nil {
		s.cache = chunkCache{c, community, k}
	}
	return k, err
}

type sinkFunc func(*sim.StepRecord) error

func (f sinkFunc) Commit(r *sim.StepRecord) error { return f(r) }

// place is where a member stands.
type place struct{ cell, block, member int }

func placeOf(w *sim.World, path, column string) (place, error) {
	for i, c := range w.Cells {
		for n, b := range c.Blocks {
			m, found := slices.BinarySearch(b.Paths, path)
			if !found {
				continue
			}
			if !slices.ContainsFunc(b.Kind.Columns, func(c twins.Column) bool { return c.Name == column }) {
				return place{}, fmt.Errorf("%s has no column %q", path, column)
			}
			return place{i, n, m}, nil
		}
	}
	return place{}, fmt.Errorf("no member %s", path)
}

// DigestAt is the digest that the run had after n steps, 0 ≤ n ≤ Steps. Of steps that
// another model made it is known only where states are kept: *ModelError elsewhere.
func (s *Store) DigestAt(n twins.Tick) (sim.Hash, error) {
	switch {
	case n == s.ended && n == s.Steps() && n > 0:
		return s.digest, nil
	case n <= 0:
		return s.start, nil
	}
	if s.Recomputable(n-1, n) != nil { // another model made it
		return s.keptDigest(n)
	}
	// The chain has a digest from the first step that it is given, so one is made.
	m, err := s.nearest(n - 1)
	if err != nil {
		return sim.Hash{}, err
	}
	err = s.carry(m, n, n, nil)
	return m.Chain.Digest(), err
}

// DigestText is DigestAt in hex; "" where it is not known, since another model made the
// steps.
func (s *Store) DigestText(n twins.Tick) (string, error) {
	digest, err := s.DigestAt(n)
	var other *ModelError
	if errors.As(err, &other) {
		return "", nil
	}
	return digest.String(), err
}

// keptDigest is the digest after n steps, from the states that are kept.
func (s *Store) keptDigest(n twins.Tick) (sim.Hash, error) {
	cells, grid, err := s.states(n)
	if err != nil {
		return sim.Hash{}, s.recomputable(s.SnapshotBefore(n-1), n)
	}
	all := sha256.New()
	for _, b := range append(cells, grid) {
		all.Write(b)
	}
	var states sim.Hash
	all.Sum(states[:0])
	head, _ := s.HeadAt(n)
	return sim.DigestOf(head, states), nil
}
