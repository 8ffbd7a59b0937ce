package persistence

import (
	"iter"
	"slices"
	"sort"

	"github.com/smatrix-grid/smatrix/twins"
)

// What a store has in memory of the chunks, snapshots and missing steps of a run is as long as
// there are irregularities in them, not as the run.

// span is the steps from ≤ t < to.
type span struct{ from, to twins.Tick }

// spans are sets of steps: in order, with gaps between them.
type spans []span

// add takes steps behind those that are in it; none if c is empty.
func (s *spans) add(c span) {
	n := len(*s)
	switch {
	case c.from >= c.to:
	case n > 0 && (*s)[n-1].to == c.from:
		(*s)[n-1].to = c.to
	default:
		*s = append(*s, c)
	}
}

// from is the place of the first span that ends behind a step.
func (s spans) from(t twins.Tick) int {
	return sort.Search(len(s), func(i int) bool { return s[i].to > t })
}

// first is the first of the spans' steps from t on, with those that follow it.
func (s spans) first(t twins.Tick) (span, bool) {
	i := s.from(t)
	if i == len(s) {
		return span{}, false
	}
	return span{max(s[i].from, t), s[i].to}, true
}

// has reports whether a step is in one.
func (s spans) has(t twins.Tick) bool {
	c, found := s.first(t)
	return found && c.from == t
}

// count is how many steps from t on are in them.
func (s spans) count(t twins.Tick) (n twins.Tick) {
	for _, c := range s[s.from(t):] {
		n += c.to - max(c.from, t)
	}
	return n
}

// cut drops the steps from t on.
func (s *spans) cut(t twins.Tick) {
	i := s.from(t)
	if i < len(*s) && (*s)[i].from < t {
		(*s)[i].to = t
		i++
	}
	*s = (*s)[:i]
}

// ticks are rising steps, as arithmetic progressions.
type ticks []progression

// progression is the n steps at, at + every, at + 2 every, …
type progression struct {
	at, every twins.Tick
	n         int
}

func (r progression) last() twins.Tick { return r.at + r.every*twins.Tick(r.n-1) }

// add takes a step behind the others.
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

// with is add to a copy: readers keep what they have.
func (s ticks) with(t twins.Tick) ticks {
	s = slices.Clone(s)
	s.add(t)
	return s
}

// before is the last one that is at most t, 0 and false if there is none.
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

// first and last are 0 if there is none.
func (s ticks) first() twins.Tick {
	if len(s) == 0 {
		return 0
	}
	return s[0].at
}

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

// withoutFirst is a copy that lacks the first one.
func (s ticks) withoutFirst() ticks {
	if s[0].n == 1 {
		return s[1:]
	}
	s = slices.Clone(s)
	s[0].at += s[0].every
	s[0].n--
	return s
}

// cut drops those behind t.
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

// chunkList is which steps' readings are kept in chunks; the chunks themselves are looked for
// in the journal.
type chunkList struct {
	covered spans
	longest twins.Tick   // steps of a chunk
	refused []twins.Tick // first steps of chunks that count for nothing though their marks are whole
}

// end is behind the last chunk.
func (l *chunkList) end() twins.Tick {
	if n := len(l.covered); n > 0 {
		return l.covered[n-1].to
	}
	return 0
}

// add takes a chunk behind the others.
func (l *chunkList) add(c span) {
	l.covered.add(c)
	l.longest = max(l.longest, c.to-c.from)
}

// with is add to a copy: readers keep what they have.
func (l chunkList) with(c span) chunkList {
	l.covered = slices.Clone(l.covered)
	l.refused = slices.DeleteFunc(slices.Clone(l.refused), func(from twins.Tick) bool { return from == c.from })
	l.add(c)
	return l
}

// without is a copy that lacks the first chunk.
func (l chunkList) without(c span) chunkList {
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
func (s *Store) chunkOf(k, v []byte) (c span, ok bool) {
	from, err := tickOf(k)
	body, errValue := unseal(s.unpacker, k, v)
	if err != nil || errValue != nil {
		return c, false
	}
	r := &reader{b: body}
	to := from + twins.Tick(r.uint())
	r.uint()
	return span{from, to}, r.done() == nil && from < to
}

// chunkAt is the chunk with the readings of a step; if there is none, the steps from there on
// that have none either.
func (s *Store) chunkAt(t twins.Tick) (c span, found bool) {
	in, covered := s.chunks.covered.first(t)
	if !covered {
		return span{t, 1<<63 - 1}, false
	}
	if in.from > t {
		return span{t, in.from}, false
	}
	if s.last.from <= t && t < s.last.to {
		return s.last, true
	}
	none := span{t, in.to}
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

// firstChunk is the first of all chunks.
func (s *Store) firstChunk() (span, bool) {
	first, found := s.chunks.covered.first(0)
	if !found {
		return span{}, false
	}
	c, found := s.chunkAt(first.from)
	if !found { // its mark is lost
		c = span{first.from, min(first.to, c.to)}
	}
	return c, true
}
