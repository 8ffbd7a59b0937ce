package persistence

import (
	"errors"
	"slices"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/twins"
)

// Rebuild builds the read models again: all steps are computed again and compared with the
// log. Steps that another model made are taken from their records instead. Those have no
// powers of devices, so a stored window of such steps stays if it can be read.
func (s *Store) Rebuild() error {
	if s.mode != Write {
		return errors.New("store: opened for reading only")
	}
	w, err := s.World()
	if err != nil {
		return err
	}
	from := s.windowsFrom(w.Scenario.Calendar)
	if s.Recomputable(from, s.Steps()) != nil {
		return s.rebuildKept(w, from)
	}
	var old []Entry
	for _, kind := range []byte{keyHour, keyDay, keyFolded, keyWindow, keyView} {
		if err := s.table.Scan([]byte{kind}, nil, func(k, _ []byte) error {
			old = append(old, Entry{Key: append([]byte(nil), k...)})
			return nil
		}); err != nil {
			return err
		}
	}
	if err := s.table.Put(old); err != nil {
		return err
	}
	m, err := s.nearest(from)
	if err != nil {
		return err
	}
	set, err := s.viewsAt(m.Steps)
	if err != nil {
		return err
	}
	f := newFolds(s, w, set, windowKinds(), from)
	f.again = true
	if err := s.stepTo(m, m.Steps, s.Steps(), []sim.Sink{f}); err != nil {
		return err
	}
	if err := s.table.Put(f.flush(nil)); err != nil {
		return err
	}
	return s.table.Sync()
}

// rebuildKept is Rebuild of a run of which another model made some steps. Windows and views of
// steps before First stay as they are.
func (s *Store) rebuildKept(w *sim.World, from twins.Tick) error {
	if err := s.dropUnreadable(); err != nil {
		return err
	}
	begins := from // a window may begin with an earlier step
	from = min(max(from, s.First()), s.Steps())
	set, err := s.viewsAt(from)
	if err != nil {
		return err
	}
	old, err := s.viewsSince(from)
	if err != nil {
		return err
	}
	f := newFolds(s, w, set, windowKinds(), from)
	f.again, f.hourBare, f.dayBare = true, from > begins, from > begins
	var stored []twins.Tick
	noted := sim.SinkFunc(func(*sim.StepRecord) error {
		if n := len(stored); n == 0 || stored[n-1] != f.storedAt {
			stored = append(stored, f.storedAt)
		}
		return nil
	})
	for _, p := range s.partsToFold(from) {
		if p.again {
			err = s.recompute(p.from, p.to, []sim.Sink{f, noted})
		} else {
			f.bare = true
			err = s.Replay(p.from, p.to, f, noted)
			f.endBare()
		}
		if err != nil {
			return err
		}
	}
	for _, k := range old { // views that were stored in more places
		if n, ok := viewTick(k); ok && !slices.Contains(stored, n) {
			if err := s.table.Put([]Entry{{Key: k}}); err != nil {
				return err
			}
		}
	}
	return errors.Join(s.table.Put(f.flush(nil)), s.table.Sync())
}

// foldPart is a range of steps that are computed again to be folded, or else read.
type foldPart struct {
	stepRange
	again bool
}

// partsToFold splits the steps from from on at snapshots, where they may begin to be computed
// again.
func (s *Store) partsToFold(from twins.Tick) (all []foldPart) {
	add := func(to twins.Tick) {
		if to <= from {
			return
		}
		p := foldPart{stepRange{from, to}, s.Recomputable(from, to) == nil}
		if n := len(all); n > 0 && all[n-1].again == p.again && s.segmentOf(from) == s.segmentOf(from-1) {
			all[n-1].to = to
		} else {
			all = append(all, p)
		}
		from = to
	}
	for n := range s.snapshots.all() {
		add(min(n, s.Steps()))
	}
	add(s.Steps())
	return all
}

// viewsSince returns the keys of the views that are stored after more than from steps.
func (s *Store) viewsSince(from twins.Tick) (keys [][]byte, err error) {
	err = s.table.Scan([]byte{keyView}, nil, func(k, _ []byte) error {
		if n, ok := viewTick(k); ok && n > from {
			keys = append(keys, slices.Clone(k))
		}
		return nil
	})
	return keys, err
}
