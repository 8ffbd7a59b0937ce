package persistence

import "github.com/smatrix-grid/smatrix/twins"

// Retention says what is deleted at each snapshot of a run in progress. Deleted steps can
// be computed again: the ledger keeps the head of the chain after each step, and commands
// stay, so old steps are computed from the snapshot before them, or from the beginning,
// and must give the same hashes. Replay, report, export, fork and Reader do this by
// themselves; Verify can only compare hashes for such steps. It takes as long as making
// the steps did, and needs the same model of the program and the recorded data. Of hourly
// usage only the days remain. A program of another model shows what is kept (Store.First).
//
// Readings are checked against the digests in the record of their step, which also has
// decisions, events and flows. So readings cannot be kept longer than those.
type Retention struct {
	Readings  int `json:"readings_days,omitempty"` // kept for so many days of 24 h; 0: as long as Events
	Events    int `json:"events_days,omitempty"`   // days for which decisions and events are kept; 0: for ever
	Hours     int `json:"hours_days,omitempty"`    // days for which hourly usage is kept; 0: DefaultHours
	Snapshots int `json:"snapshots,omitempty"`     // number of snapshots kept, at least LeastSnapshots; 0: all
}

// LeastSnapshots is the least number of snapshots kept: one may be damaged.
const LeastSnapshots = 2

// DefaultHours is the number of days for which hourly usage is kept by default; daily usage
// is kept for ever.
const DefaultHours = 60

// readings returns the number of days for which readings are kept, 0 for ever.
func (r Retention) readings() int {
	if r.Readings == 0 || r.Events > 0 && r.Events < r.Readings {
		return r.Events
	}
	return r.Readings
}

// hours returns the number of seconds for which hourly usage is kept.
func (r Retention) hours() int64 {
	if r.Hours == 0 {
		return DefaultHours * secondsOfDay
	}
	return int64(r.Hours) * secondsOfDay
}

func (s *Store) retention() Retention {
	if s.run.meta.Journal == nil { // the journal is being begun
		return s.run.Retention
	}
	return s.run.meta.Journal.Retention
}

// daysBefore returns the step that is a number of days before t.
func (s *Store) daysBefore(t twins.Tick, days int) twins.Tick {
	return t - twins.Tick(int64(days)*secondsOfDay/s.run.meta.Journal.StepS)
}

// applyRetention deletes what is older than the run's retention.
func (j *Journal) applyRetention(entries []Entry, cells int) []Entry {
	s, r := j.store, j.store.retention()
	if r.Snapshots > 0 {
		for s.snapshots.len() > max(r.Snapshots, LeastSnapshots) {
			n := s.snapshots.first()
			entries = append(entries, Entry{Key: key(keySnapshot, n)})
			entries = s.deletePrefix(entries, key(keyState, n))
			entries = s.deletePrefix(entries, key(keyView, n))
			s.snapshots = s.snapshots.withoutFirst()
		}
	}
	if days := r.readings(); days > 0 {
		before := s.daysBefore(j.chunk.from, days)
		for c, found := s.firstChunk(); found && c.to <= before; c, found = s.firstChunk() {
			from := c.from
			entries = append(entries, Entry{Key: key(keyChunk, from)})
			for i := range cells {
				k := readingsKey(i, from, 0)
				entries = s.deletePrefix(entries, k[:len(k)-2])
			}
			s.chunks = s.chunks.without(c)
		}
	}
	if r.Events > 0 {
		entries = s.deleteSteps(entries, s.daysBefore(j.chunk.from, r.Events))
	}
	return entries
}

// deleteSteps deletes the records of steps before a step, oldest first, except those whose
// readings are still kept.
func (s *Store) deleteSteps(entries []Entry, before twins.Tick) []Entry {
	if first, found := s.chunks.covered.first(0); found {
		before = min(before, first.from)
	}
	for ; s.deleted < before; s.deleted++ {
		entries = append(entries, Entry{Key: key(keyStep, s.deleted)})
	}
	return entries
}

// mostDeleted returns how many of n steps retention may have deleted: their absence is no
// damage.
func (s *Store) mostDeleted(n twins.Tick) twins.Tick {
	if days := s.retention().Events; days > 0 {
		return max(0, s.daysBefore(n, days))
	}
	return 0
}

func (s *Store) deletePrefix(entries []Entry, prefix []byte) []Entry {
	_ = s.table.Scan(prefix, nil, func(k, _ []byte) error { // an entry that is not deleted only takes space
		entries = append(entries, Entry{Key: append([]byte(nil), k...)})
		return nil
	})
	return entries
}
