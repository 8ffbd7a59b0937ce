package persistence

import "github.com/smatrix-grid/smatrix/twins"

// Retention says what is let go while a run is made. What is let go can still be had: it is computed
// again from the snapshot before it, or from the beginning, and must come to the same
// hashes. Commands, steps and their hashes are kept for ever.
type Retention struct {
	Readings  int `json:"readings_days,omitempty"` // for so many days of 24 h; 0: for ever
	Snapshots int `json:"snapshots,omitempty"`     // so many, at least LeastSnapshots; 0: all
}

// LeastSnapshots is how many snapshots are kept at the least: one may be damaged.
const LeastSnapshots = 2

// letGo takes out what is older than the run wants to keep.
func (j *Journal) letGo(entries []Entry, cells int) []Entry {
	s, r := j.store, j.store.run.meta.Journal.Retention
	if r.Snapshots > 0 {
		for len(s.snapshots) > max(r.Snapshots, LeastSnapshots) {
			n := s.snapshots[0]
			entries = append(entries, Entry{Key: key(keySnapshot, n)})
			entries = s.takeOut(entries, key(keyState, n))
			s.snapshots = s.snapshots[1:]
		}
	}
	if r.Readings > 0 {
		before := j.chunk.from - twins.Tick(int64(r.Readings)*secondsOfDay/s.run.meta.Journal.StepS)
		for len(s.chunks) > 0 && s.chunks[0].to <= before {
			from := s.chunks[0].from
			entries = append(entries, Entry{Key: key(keyChunk, from)})
			for i := range cells {
				k := readingsKey(i, from, 0)
				entries = s.takeOut(entries, k[:len(k)-2])
			}
			s.chunks = s.chunks[1:]
		}
	}
	return entries
}

func (s *Store) takeOut(entries []Entry, prefix []byte) []Entry {
	_ = s.table.Scan(prefix, nil, func(k, _ []byte) error { // what stays takes room, and no more
		entries = append(entries, Entry{Key: append([]byte(nil), k...)})
		return nil
	})
	return entries
}
