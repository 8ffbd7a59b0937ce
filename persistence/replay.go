package persistence

import (
	"errors"
	"fmt"
	"slices"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/twins"
)

// Moment is a run after a number of steps: the world with its states, and the chain.
type Moment struct {
	World *sim.World
	Chain *sim.Chain
	Steps twins.Tick // made so far
}

// sinkError is an error returned by a sink, not by the store.
type sinkError struct{ error }

func (e sinkError) Unwrap() error { return e.error }

// Replay passes the recorded steps from ≤ t < to to the sinks, without actors and without
// computing anything. A record's cells have readings, flows, decisions and notable
// events, but no offers, setpoints and states; a reading has only the fields with a
// column. Every step is checked against the chain. Steps that are damaged, or whose
// readings have been deleted or had not been written when the run was killed, are computed
// again: *ModelError for steps before First.
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
		var damage error // of the chunk that the step is in
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
				damage = err
			}
			t = next
		}
		if t < end {
			err := s.recompute(t, end, sinks)
			var other *ModelError
			if errors.As(err, &other) && damage != nil {
				return &DamageError{Dir: s.dir, Step: t, What: fmt.Sprintf("%v; model %d made its steps, so that they cannot be computed again", damage, other.Model)}
			}
			if other != nil && other.Next == "" {
				other.Next = s.nextKept(other.Step)
			}
			if err != nil {
				return err
			}
			t = end
		}
	}
	return nil
}

// replayChunk passes steps of one chunk to the sinks, and returns the step after the last
// one passed.
func (s *Store) replayChunk(c stepRange, from, to twins.Tick, sinks []sim.Sink) (next twins.Tick, err error) {
	w, err := s.shownWorld()
	if err != nil {
		return from, sinkError{err}
	}
	shape, err := s.shapeAt(c.from)
	if err != nil {
		return from, sinkError{err}
	}
	cells, records := make([]*cellChunk, len(w.Cells)), shape.records()
	var known *limits // nil: the records have them
	if shape.nodes == 0 {
		known = s.limitsOf(w, to)
	}
	for i := range w.Cells {
		if cells[i], err = s.readings(shape, i, c); err != nil {
			return from, fmt.Errorf("readings of %s: %w", w.Cells[i].Path, err)
		}
	}
	ties := s.ratingsOf(w, to)
	var hasher sim.CellHasher
	cal := w.Scenario.Calendar
	for t := from; t < to; t++ {
		form, err := s.step(t)
		if err != nil {
			return t, err
		}
		rec := &sim.StepRecord{Cells: records, Time: cal.Time(t), Step: cal.Step, Lacking: len(twins.FlowColumns) - shape.flows}
		form.fill(rec)
		rec.Swing.Unrated = rec.Swing.Held && !ties.rated(t)
		for i, cell := range records {
			cells[i].fill(cell, int(t-c.from))
			if known != nil {
				cell.Limit = known.at(t)[i]
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
func (s *Store) readings(shape *shape, community int, c stepRange) (*cellChunk, error) {
	b, err := s.getParts(func(part int) []byte { return readingsKey(community, c.from, part) })
	if err != nil {
		return nil, err
	}
	return readCellChunk(b, shape, community, c.from, int(c.to-c.from))
}

// step reads the record of a step, without its readings.
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

// check compares a record that was read with its digests and the chain.
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

// recompute makes the steps from ≤ t < to again, from the snapshot before them, and compares
// their heads with the known ones.
func (s *Store) recompute(from, to twins.Tick, sinks []sim.Sink) error {
	m, err := s.nearest(from)
	if err != nil {
		return err
	}
	return s.stepTo(m, from, to, sinks)
}

// stepTo steps a moment to step to; the sinks receive the steps ≥ from.
func (s *Store) stepTo(m *Moment, from, to twins.Tick, sinks []sim.Sink) error {
	if err := s.recomputable(m.Steps, to); err != nil {
		return err
	}
	gate := &gate{store: s, chain: m.Chain, from: from, sinks: sinks}
	r := sim.Runner{World: m.World, Stepper: sim.NewFlat(m.World, nil, true), Sinks: []sim.Sink{m.Chain, gate}}
	r.From(m.Steps)
	for m.Steps < to {
		if _, err := r.Step(); err != nil {
			var audit *sim.AuditError
			if !errors.As(err, &audit) { // the run itself failed the audit here
				return err
			}
			r.From(m.Steps + 1)
		}
		m.Steps++
	}
	return nil
}

// gate checks the head of each step, and passes the steps ≥ from to the sinks.
type gate struct {
	store *Store
	chain *sim.Chain
	from  twins.Tick
	sinks []sim.Sink
}

// Commit implements sim.Sink.
func (g *gate) Commit(r *sim.StepRecord) error {
	if was := g.store.head(r.Tick); was != (sim.Hash{}) && was != g.chain.Head() {
		return g.store.contradiction(r.Tick)
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

// At returns the moment after n steps, 0 ≤ n ≤ Steps: it restores the snapshot before it
// and steps from there.
func (s *Store) At(n twins.Tick) (*Moment, error) {
	if n < 0 || n > s.Steps() {
		return nil, fmt.Errorf("after step %d, wanted at most the %d that are kept", n, s.Steps())
	}
	m, err := s.nearest(n)
	if err != nil {
		return nil, err
	}
	return m, s.stepTo(m, n, n, nil)
}

// nearest returns the moment of the last readable snapshot after at most n steps.
func (s *Store) nearest(n twins.Tick) (*Moment, error) {
	for {
		n = s.SnapshotBefore(n)
		w, err := s.build(sim.BuildAs, s.segmentOf(n))
		if err != nil {
			return nil, err
		}
		head := s.before(n)
		if n == 0 {
			return &Moment{World: w, Chain: s.chainFrom(w, head)}, nil
		}
		if head != (sim.Hash{}) {
			var cells [][]byte
			var grid []byte
			if cells, grid, err = s.states(n); err == nil {
				err = w.Restore(cells, grid)
			}
			if err == nil {
				return &Moment{World: w, Chain: s.chainFrom(w, head), Steps: n}, nil
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
	r := newDecoder(b)
	communities := r.Uint()
	if err := r.Done(); err != nil {
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

// chunkCache is the last readings that were read.
type chunkCache struct {
	span      stepRange
	community int
	cells     *cellChunk
}

// Readings returns the values of one column of one member in the steps from ≤ t < to.
// column is the name of a column of the member's kind; units are the column's.
func (s *Store) Readings(path, column string, from, to twins.Tick) ([]int64, error) {
	w, err := s.shownWorld()
	if err != nil {
		return nil, err
	}
	at, err := findMember(w, path, column)
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
			err := s.Replay(t, end, sim.SinkFunc(func(r *sim.StepRecord) error {
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

// cachedColumn returns the chunk with a member's readings, and the index of a column in it,
// −1 if the chunk's layout does not have it.
func (s *Store) cachedColumn(at memberIndex, column string, c stepRange) (*cellChunk, int, error) {
	shape, err := s.shapeAt(c.from)
	if err != nil {
		return nil, -1, err
	}
	k, err := s.cached(shape, at.cell, c)
	return k, shape.cells[at.cell].Blocks[at.block].ColumnNamed(column), err
}

func (s *Store) cached(shape *shape, community int, c stepRange) (*cellChunk, error) {
	if s.cache.cells != nil && s.cache.span == c && s.cache.community == community {
		return s.cache.cells, nil
	}
	k, err := s.readings(shape, community, c)
	if err == nil {
		s.cache = chunkCache{c, community, k}
	}
	return k, err
}

// memberIndex locates a member: the indices of its community, block and member.
type memberIndex struct{ cell, block, member int }

func findMember(w *sim.World, path, column string) (memberIndex, error) {
	for i, c := range w.Cells {
		for n, b := range c.Blocks {
			m, found := slices.BinarySearch(b.Paths, path)
			if !found {
				continue
			}
			if !slices.ContainsFunc(b.Kind.Columns, func(c twins.Column) bool { return c.Name == column }) {
				return memberIndex{}, fmt.Errorf("%s has no column %q", path, column)
			}
			return memberIndex{i, n, m}, nil
		}
	}
	return memberIndex{}, fmt.Errorf("no member %s", path)
}

// DigestAt returns the run's digest after n steps, 0 ≤ n ≤ Steps. For steps that another
// model made it is known only at snapshots: *ModelError elsewhere.
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
	// A resumed chain has a digest only after a step, so one step is made.
	m, err := s.nearest(n - 1)
	if err != nil {
		return sim.Hash{}, err
	}
	err = s.stepTo(m, n, n, nil)
	return m.Chain.Digest(), err
}

// DigestText returns DigestAt in hex; "" where it is unknown because another model made
// the steps.
func (s *Store) DigestText(n twins.Tick) (string, error) {
	digest, err := s.DigestAt(n)
	var other *ModelError
	if errors.As(err, &other) {
		return "", nil
	}
	return digest.String(), err
}

// keptDigest returns the digest after n steps, computed from the snapshot there.
func (s *Store) keptDigest(n twins.Tick) (sim.Hash, error) {
	cells, grid, err := s.states(n)
	if err != nil {
		return sim.Hash{}, s.recomputable(s.SnapshotBefore(n-1), n)
	}
	states, err := sim.HashStored(cells, grid)
	head, _ := s.HeadAt(n)
	return sim.DigestOf(head, states), err
}
