package persistence

import (
	"iter"
	"slices"
	"sort"

	"github.com/smatrix-grid/smatrix/twins"
)

// A store's lists of chunks, snapshots and missing steps grow with their irregularities, not
// with the length of the run.

// stepRange is the steps from ≤ t < to.
type stepRange struct{ from, to twins.Tick }

// stepSet is a set of steps: ranges in order, with gaps between them.
type stepSet []stepRange

// add adds steps after those in the set; none if c is empty.
func (s *stepSet) add(c stepRange) {
	n := len(*s)
	switch {
	case c.from >= c.to:
	case n > 0 && (*s)[n-1].to == c.from:
		(*s)[n-1].to = c.to
	default:
		*s = append(*s, c)
	}
}

// from returns the index of the first range that ends after a step.
func (s stepSet) from(t twins.Tick) int {
	return sort.Search(len(s), func(i int) bool { return s[i].to > t })
}

// first returns the set's first range from t on, false if there is none.
func (s stepSet) first(t twins.Tick) (stepRange, bool) {
	i := s.from(t)
	if i == len(s) {
		return stepRange{}, false
	}
	return stepRange{max(s[i].from, t), s[i].to}, true
}

// has reports whether a step is in the set.
func (s stepSet) has(t twins.Tick) bool {
	c, found := s.first(t)
	return found && c.from == t
}

// count returns the number of steps ≥ t in the set.
func (s stepSet) count(t twins.Tick) (n twins.Tick) {
	for _, c := range s[s.from(t):] {
		n += c.to - max(c.from, t)
	}
	return n
}

// cut drops the steps from t on.
func (s *stepSet) cut(t twins.Tick) {
	i := s.from(t)
	if i < len(*s) && (*s)[i].from < t {
		(*s)[i].to = t
		i++
	}
	*s = (*s)[:i]
}

// ticks is a rising list of steps, as arithmetic progressions.
type ticks []progression

// progression is the n steps at, at + every, at + 2 every, …
type progression struct {
	at, every twins.Tick
	n         int
}

func (r progression) last() twins.Tick { return r.at + r.every*twins.Tick(r.n-1) }

// add appends a step, which is greater than the others.
func (s *ticks) add(t twins.Tick) {
	if n := len(*s); n > 0 {
		r := &(*s)[n-1]
		switch every := t - r.last(); {
		case r.n == 1:
			r.every, r.n = every, 2
			return
		case every == r.every:
			r.n++
			return
		}
	}
	*s = append(*s, progression{t, 0, 1})
}

// with returns a copy with t added; readers may keep the original.
func (s ticks) with(t twins.Tick) ticks {
	s = slices.Clone(s)
	s.add(t)
	return s
}

// before returns the last step ≤ t, 0 and false if there is none.
func (s ticks) before(t twins.Tick) (twins.Tick, bool) {
	i := sort.Search(len(s), func(i int) bool { return s[i].at > t })
	if i == 0 {
		return 0, false
	}
	r := s[i-1]
	if r.n == 1 {
		return r.at, true
	}
	return r.at + r.every*min((t-r.at)/r.every, twins.Tick(r.n-1)), true
}

func (s ticks) has(t twins.Tick) bool {
	at, found := s.before(t)
	return found && at == t
}

// first returns the first step, 0 if there is none.
func (s ticks) first() twins.Tick {
	if len(s) == 0 {
		return 0
	}
	return s[0].at
}

// last returns the last step, 0 if there is none.
func (s ticks) last() twins.Tick {
	if len(s) == 0 {
		return 0
	}
	return s[len(s)-1].last()
}

func (s ticks) len() (n int) {
	for _, r := range s {
		n += r.n
	}
	return n
}

func (s ticks) all() iter.Seq[twins.Tick] {
	return func(yield func(twins.Tick) bool) {
		for _, r := range s {
			for i := range r.n {
				if !yield(r.at + r.every*twins.Tick(i)) {
					return
				}
			}
		}
	}
}

// withoutFirst returns a copy without the first step.
func (s ticks) withoutFirst() ticks {
	if s[0].n == 1 {
		return s[1:]
	}
	s = slices.Clone(s)
	s[0].at += s[0].every
	s[0].n--
	return s
}

// cut drops the steps after t.
func (s *ticks) cut(t twins.Tick) {
	for n := len(*s); n > 0 && (*s)[n-1].last() > t; n = len(*s) {
		r := &(*s)[n-1]
		if r.at > t {
			*s = (*s)[:n-1]
			continue
		}
		r.n = int((t-r.at)/r.every) + 1
	}
}

// chunkList lists the steps whose readings are in chunks; the chunks themselves are looked up
// in the journal.
type chunkList struct {
	covered stepSet
	longest twins.Tick   // steps in the longest chunk
	refused []twins.Tick // first steps of chunks that are ignored though their marks are whole
}

// end returns the end of the last chunk.
func (l *chunkList) end() twins.Tick {
	if n := len(l.covered); n > 0 {
		return l.covered[n-1].to
	}
	return 0
}

// add appends a chunk.
func (l *chunkList) add(c stepRange) {
	l.covered.add(c)
	l.longest = max(l.longest, c.to-c.from)
}

// with returns a copy with c added; readers may keep the original.
func (l chunkList) with(c stepRange) chunkList {
	l.covered = slices.Clone(l.covered)
	l.refused = slices.DeleteFunc(slices.Clone(l.refused), func(from twins.Tick) bool { return from == c.from })
	l.add(c)
	return l
}

// without returns a copy without c, the first chunk.
func (l chunkList) without(c stepRange) chunkList {
	l.covered = slices.Clone(l.covered)
	if l.covered[0].from = c.to; c.to >= l.covered[0].to {
		l.covered = l.covered[1:]
	}
	return l
}

// cut drops the chunks from a step on.
func (l *chunkList) cut(from twins.Tick) {
	l.covered.cut(from)
	l.refused = slices.DeleteFunc(l.refused, func(t twins.Tick) bool { return t >= from })
}

// chunkOf reads the mark of a chunk.
func (s *Store) chunkOf(k, v []byte) (c stepRange, ok bool) {
	from, err := tickOf(k)
	body, errValue := unseal(s.unpacker, k, v)
	if err != nil || errValue != nil {
		return c, false
	}
	r := newDecoder(body)
	to := from + twins.Tick(r.Uint())
	r.Uint()
	return stepRange{from, to}, r.Done() == nil && from < to
}

// chunkAt returns the chunk with the readings of step t; if there is none, the range of steps
// from t on without readings.
func (s *Store) chunkAt(t twins.Tick) (c stepRange, found bool) {
	in, covered := s.chunks.covered.first(t)
	if !covered {
		return stepRange{t, 1<<63 - 1}, false
	}
	if in.from > t {
		return stepRange{t, in.from}, false
	}
	if s.last.from <= t && t < s.last.to {
		return s.last, true
	}
	none := stepRange{t, in.to}
	_ = scan(s.table, []byte{keyChunk}, key(keyChunk, max(0, t-s.chunks.longest+1)), func(k, v []byte) error { // what cannot be read is computed again
		at, ok := s.chunkOf(k, v)
		switch {
		case !ok || slices.Contains(s.chunks.refused, at.from) || at.to <= t:
			return nil
		case at.from <= t:
			c, found = at, true
		default:
			none.to = min(none.to, at.from)
		}
		return errStop
	})
	if !found {
		return none, false
	}
	s.last = c
	return c, true
}

// firstChunk returns the first chunk.
func (s *Store) firstChunk() (stepRange, bool) {
	first, found := s.chunks.covered.first(0)
	if !found {
		return stepRange{}, false
	}
	c, found := s.chunkAt(first.from)
	if !found { // its mark is lost
		c = stepRange{first.from, min(first.to, c.to)}
	}
	return c, true
}
