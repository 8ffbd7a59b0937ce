package persistence

import (
	"sync"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/twins"
)

// view is what a journal has kept so far: parts of its store's lists that are not
// written to any more.
type view struct {
	steps     twins.Tick // made so far
	index     headIndex
	commands  commandIndex
	chunks    chunkList
	snapshots ticks
}

// show lets readers see what has been kept. The caller holds mu, or is alone.
func (j *Journal) show() {
	s := j.store
	j.shown.Store(&view{min(s.steps, j.next), s.index, s.commands, s.chunks, s.snapshots})
}

// Reader reads what is kept of a run while its journal takes steps, or of one that
// is over. The journal never waits for it; its own methods take turns. It must not
// be used when the journal or the store has been closed.
type Reader struct {
	mu    sync.Mutex
	of    func() *view
	store *Store // reads the same table, with lists of its own
}

// Reader makes one for what the journal keeps.
func (j *Journal) Reader() *Reader { return &Reader{of: j.shown.Load, store: j.store.beside()} }

// Reader makes one for what is kept.
func (s *Store) Reader() *Reader {
	all := &view{s.steps, s.index, s.commands, s.chunks, s.snapshots}
	return &Reader{of: func() *view { return all }, store: s.beside()}
}

// beside is a store that reads the same table.
func (s *Store) beside() *Store {
	b := &Store{dir: s.dir, mode: Read, run: s.run, table: s.table, start: s.start, unpacker: newUnpacker(), ended: -1, segments: s.ownSegments()}
	b.base, b.until, b.parent = s.base, allSteps, s.parent.past()
	return b
}

// past is the run that a fork begins in, for a reader of its own: it does not change any
// more.
func (s *Store) past() *Store {
	if s == nil {
		return nil
	}
	return &Store{dir: s.dir, mode: Read, run: s.run, table: s.table, start: s.start, unpacker: newUnpacker(), ended: s.ended, digest: s.digest,
		steps: s.steps, index: s.index, missing: s.missing, commands: s.commands, chunks: s.chunks, snapshots: s.snapshots,
		base: s.base, until: s.until, parent: s.parent.past(), segments: s.ownSegments()}
}

// ownSegments are the store's segments for another one, which makes its own shapes.
func (s *Store) ownSegments() (own []*segment) {
	for _, g := range s.segments {
		own = append(own, &segment{from: g.from, model: g.model, layout: g.layout, joint: g.joint})
	}
	return own
}

// look takes what is kept by now. The caller holds mu.
func (r *Reader) look() *Store {
	v, s := r.of(), r.store
	s.steps, s.index, s.commands, s.chunks, s.snapshots = v.steps, v.index, v.commands, v.chunks, v.snapshots
	return s
}

// Steps is how many steps are kept, and made again if need be.
func (r *Reader) Steps() twins.Tick { return r.of().steps }

// Replay hands the steps from ≤ t < to to a sink as they were; see Store.Replay. With
// parts, each reading has the powers of its devices, which are not kept: then the
// steps are computed again, from the snapshot before them.
func (r *Reader) Replay(from, to twins.Tick, parts bool, sink sim.Sink) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.look()
	if parts && 0 <= from && to <= s.Steps() {
		return s.recompute(from, to, []sim.Sink{sink})
	}
	return s.Replay(from, to, sink)
}

// ForkAt returns the run's world as it was at the beginning of a step ≤ at, for which
// its states are kept, with the commands from outside for steps before at and no
// others; that step; and the chain.
func (r *Reader) ForkAt(at twins.Tick) (*sim.World, twins.Tick, *sim.Chain, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.look().beside()
	s.steps, s.index, s.snapshots = r.store.steps, r.store.index, r.store.snapshots
	s.commands, s.until = r.store.commands, at
	m, err := s.nearest(min(at, s.Steps()))
	if err == nil {
		err = s.recomputable(m.Steps, min(at, s.Steps()))
	}
	if err != nil {
		return nil, 0, nil, err
	}
	return m.World, m.Steps, m.Chain, nil
}

// Commands are those from outside for the steps from ≤ t < to; see Store.Commands.
func (r *Reader) Commands(from, to twins.Tick) []twins.Command {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.look().Commands(from, to)
}

// CommandsBefore are some commands from outside, newest first; see Store.CommandsBefore.
func (r *Reader) CommandsBefore(position, most int) ([]twins.Command, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.look().CommandsBefore(position, most)
}

// Notes are those that were kept beside the run whose names begin with prefix, by name.
func (s *Store) Notes(prefix string) (map[string][]byte, error) {
	notes := map[string][]byte{}
	err := s.table.Scan(append([]byte{keyNote}, prefix...), nil, func(k, v []byte) error {
		if body, err := unseal(s.unpacker, k, v); err == nil { // one that is damaged is lost
			notes[string(k[1:])] = append([]byte{}, body...)
		}
		return nil
	})
	return notes, err
}
