package persistence

import (
	"sync"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/twins"
)

// view is the journal's state after a step: prefixes of its store's lists, which are
// immutable.
type view struct {
	first     twins.Tick // that can be shown
	steps     twins.Tick // made so far
	index     headIndex
	commands  commandIndex
	chunks    chunkList
	snapshots ticks
}

// publish makes the current state visible to readers. The caller holds mu, or is the only user.
func (j *Journal) publish() {
	s := j.store
	j.published.Store(&view{s.First(), min(s.steps, j.next), s.index, s.commands, s.chunks, s.snapshots})
}

// Reader reads a run while its journal appends steps, or a run that has ended. The journal
// never waits for it; its own methods are serialized. It must not be used after the
// journal or the store has been closed.
type Reader struct {
	mu    sync.Mutex
	of    func() *view
	store *Store // reads the same table, with its own lists
}

// Reader returns a reader of the run that the journal keeps.
func (j *Journal) Reader() *Reader { return &Reader{of: j.published.Load, store: j.store.readCopy()} }

// Reader returns a reader of the run.
func (s *Store) Reader() *Reader {
	all := &view{s.First(), s.steps, s.index, s.commands, s.chunks, s.snapshots}
	return &Reader{of: func() *view { return all }, store: s.readCopy()}
}

// readCopy returns a store that reads the same table.
func (s *Store) readCopy() *Store {
	b := &Store{dir: s.dir, mode: Read, run: s.run, table: s.table, start: s.start, unpacker: newUnpacker(), ended: -1, segments: s.ownSegments()}
	b.base, b.until, b.parent = s.base, allSteps, s.parent.parentCopy()
	return b
}

// parentCopy returns a copy of a fork's parent, which is immutable, for one reader; nil for nil.
func (s *Store) parentCopy() *Store {
	if s == nil {
		return nil
	}
	return &Store{dir: s.dir, mode: Read, run: s.run, table: s.table, start: s.start, unpacker: newUnpacker(), ended: s.ended, digest: s.digest,
		steps: s.steps, index: s.index, missing: s.missing, commands: s.commands, chunks: s.chunks, snapshots: s.snapshots,
		base: s.base, until: s.until, parent: s.parent.parentCopy(), segments: s.ownSegments()}
}

// ownSegments returns a copy of the segments without their shapes, which the copy computes
// itself.
func (s *Store) ownSegments() (own []*segment) {
	for _, g := range s.segments {
		own = append(own, &segment{from: g.from, begun: g.begun, model: g.model, layout: g.layout, joint: g.joint})
	}
	return own
}

// refresh returns the store with the journal's current state. The caller holds mu.
func (r *Reader) refresh() *Store {
	v, s := r.of(), r.store
	s.steps, s.index, s.commands, s.chunks, s.snapshots = v.steps, v.index, v.commands, v.chunks, v.snapshots
	return s
}

// First returns the first step that can be shown; see Store.First.
func (r *Reader) First() twins.Tick { return r.of().first }

// Steps returns how many steps are kept, with those that have to be computed again.
func (r *Reader) Steps() twins.Tick { return r.of().steps }

// Replay passes the recorded steps from ≤ t < to to a sink; see Store.Replay. With parts,
// each reading has the powers of its devices. They are not recorded, so the steps are
// computed again from the snapshot before them.
func (r *Reader) Replay(from, to twins.Tick, parts bool, sink sim.Sink) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.refresh()
	if parts && 0 <= from && to <= s.Steps() {
		return s.recompute(from, to, []sim.Sink{sink})
	}
	return s.Replay(from, to, sink)
}

// Computable returns the steps around t whose devices Replay can give together; see
// Store.Computable.
func (r *Reader) Computable(t, from, to twins.Tick) (first, end twins.Tick, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.refresh().Computable(t, from, to)
}

// ForkAt returns the world at the last snapshot ≤ at, with the commands from outside for
// steps before at only; the number of steps of the snapshot; and the chain.
func (r *Reader) ForkAt(at twins.Tick) (*sim.World, twins.Tick, *sim.Chain, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.refresh().readCopy()
	s.steps, s.index, s.snapshots = r.store.steps, r.store.index, r.store.snapshots
	s.commands, s.until = r.store.commands, at
	at = min(at, s.Steps())
	if err := s.CanFork(at); err != nil {
		return nil, 0, nil, err
	}
	form, err := s.formFrom(at, at)
	if err != nil {
		return nil, 0, nil, err
	}
	s.segments = form.segments()
	m, err := s.nearest(at)
	if err != nil {
		return nil, 0, nil, err
	}
	if known := m.Chain.Known; known != nil { // from the fork on it has states of its own
		m.Chain.Known = func(t twins.Tick) (sim.Hash, bool) {
			if t >= at {
				return sim.Hash{}, false
			}
			return known(t)
		}
	}
	return m.World, m.Steps, m.Chain, nil
}

// Commands returns the commands from outside for the steps from ≤ t < to; see
// Store.Commands.
func (r *Reader) Commands(from, to twins.Tick) []twins.Command {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.refresh().Commands(from, to)
}

// CommandsBefore returns some commands from outside, newest first; see
// Store.CommandsBefore.
func (r *Reader) CommandsBefore(position, most int) ([]twins.Command, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.refresh().CommandsBefore(position, most)
}

// Models returns the models that made the steps from ≤ t < to; see Store.Models.
func (r *Reader) Models(from, to twins.Tick) []int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.refresh().Models(from, to)
}
