package persistence

import "github.com/smatrix-grid/smatrix/twins"

// Retention says what is let go while a run is made, at each snapshot. What is let go
// of the log can still be had: the ledger has the head of the chain after each step,
// for ever, and commands stay, so that old steps are computed again from the snapshot
// before them, or from the beginning, and must come to the same hashes. Replay, report,
// export, fork and a reader do so by themselves; Verify has only the hashes of such
// steps to compare. It takes the time that making the steps took, the version of the
// program that made them, and the recorded data. Of use by the hour only the
// days stay.
//
// Readings are held against the digests in the record of their step, which has its
// decisions, events and flows as well. So they cannot be kept longer than those.
type Retention struct {
	Readings  int `json:"readings_days,omitempty"` // for so many days of 24 h; 0: as long as Events
	Events    int `json:"events_days,omitempty"`   // decisions and events, for so many days; 0: for ever
	Hours     int `json:"hours_days,omitempty"`    // use by the hour, for so many days; 0: DefaultHours
	Snapshots int `json:"snapshots,omitempty"`     // so many, at least LeastSnapshots; 0: all
}

// LeastSnapshots is how many snapshots are kept at the least: one may be damaged.
const LeastSnapshots = 2

// DefaultHours is for how many days use by the hour is kept if nothing is said; use by the
// day is kept for ever.
const DefaultHours = 60

// readings is for how many days readings are kept, 0 for ever.
func (r Retention) readings() int {
	if r.Readings == 0 || r.Events > 0 && r.Events < r.Readings {
		return r.Events
	}
	return r.Readings
}

// hours is for how many seconds use by the hour is kept.
func (r Retention) hours() int64 {
	if r.Hours == 0 {
		return DefaultHours * secondsOfDay
	}
	return int64(r.Hours) * secondsOfDay
}

func (s *Store) retention() Retention { return s.run.meta.Journal.Retention }

// daysBefore is the step so many days before another one.
func (s *Store) daysBefore(t twins.Tick, days int) twins.Tick {
	return t - twins.Tick(int64(days)*secondsOfDay/s.run.meta.Journal.StepS)
}

// letGo takes out what is older than the run wants to keep.
func (j *Journal) letGo(entries []Entry, cells int) []Entry {
	s, r := j.store, j.store.retention()
	if r.Snapshots > 0 {
		for s.snapshots.len() > max(r.Snapshots, LeastSnapshots) {
			n := s.snapshots.first()
			entries = append(entries, Entry{Key: key(keySnapshot, n)})
			entries = s.takeOut(entries, key(keyState, n))
			entries = s.takeOut(entries, key(keyView, n))
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
				entries = s.takeOut(entries, k[:len(k)-2])
			}
			s.chunks = s.chunks.without(c)
		}
	}
	if r.Events > 0 {
		entries = s.letGoSteps(entries, s.daysBefore(j.chunk.from, r.Events))
	}
	return entries
}

// letGoSteps takes out the records of steps before a step, in their order, but of those whose
// readings are still there.
func (s *Store) letGoSteps(entries []Entry, before twins.Tick) []Entry {
	if first, found := s.chunks.covered.first(0); found {
		before = min(before, first.from)
	}
	for ; s.gone < before; s.gone++ {
		entries = append(entries, Entry{Key: key(keyStep, s.gone)})
	}
	return entries
}

// mayBeGone is how many steps at most have been let go of a run of n steps: of
// those nothing is missed.
func (s *Store) mayBeGone(n twins.Tick) twins.Tick {
	if days := s.retention().Events; days > 0 {
		return max(0, s.daysBefore(n, days))
	}
	return 0
}

func (s *Store) takeOut(entries []Entry, prefix []byte) []Entry {
	_ = s.table.Scan(prefix, nil, func(k, _ []byte) error { // what stays takes room, and no more
		entries = append(entries, Entry{Key: append([]byte(nil), k...)})
		return nil
	})
	return entries
}
