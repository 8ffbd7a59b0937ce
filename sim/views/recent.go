package views

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/smatrix-grid/smatrix/sim/form"
	"github.com/smatrix-grid/smatrix/twins"
)

// mostRecent is how many changes of a value are kept.
const mostRecent = 64

// recent is a value with its last changes, at most mostRecent. Past values are known as far back as
// these changes go.
type recent[T any] struct {
	before  T          // value before the first of changes
	from    twins.Tick // values are known from this step on
	changes []change[T]
}

type change[T any] struct {
	tick  twins.Tick // from this step on
	value T
}

// always is a step before all steps.
const always twins.Tick = math.MinInt64

func newRecent[T any](value T) recent[T] { return recent[T]{before: value, from: always} }

// now is the value after the last change.
func (r *recent[T]) now() T {
	if n := len(r.changes); n > 0 {
		return r.changes[n-1].value
	}
	return r.before
}

// add changes the value from a step on. The step must not be before the last change.
func (r *recent[T]) add(t twins.Tick, value T) {
	if len(r.changes) == mostRecent {
		r.before, r.from = r.changes[0].value, r.changes[0].tick
		r.changes = slices.Delete(r.changes, 0, 1)
	}
	r.changes = append(r.changes, change[T]{t, value})
}

// at returns the value in a step; false if it has been dropped.
func (r *recent[T]) at(t twins.Tick) (value T, known bool) {
	value = r.before
	for i := range r.changes {
		if r.changes[i].tick <= t {
			value = r.changes[i].value
		}
	}
	return value, t >= r.from
}

// until returns a copy without the changes from a step on; false if the value before the step has been
// dropped.
func (r *recent[T]) until(at twins.Tick) (o recent[T], known bool) {
	n := slices.IndexFunc(r.changes, func(c change[T]) bool { return c.tick >= at })
	if n < 0 {
		n = len(r.changes)
	}
	return recent[T]{r.before, r.from, slices.Clone(r.changes[:n])}, at > r.from
}

// append writes the form: from int, before, a list of changes: tick int, value.
func (r *recent[T]) append(w *form.Writer, value func(T)) {
	w.Int(int64(r.from))
	value(r.before)
	w.Uint(uint64(len(r.changes)))
	for _, c := range r.changes {
		w.Int(int64(c.tick))
		value(c.value)
	}
}

// recents is a value of each plant with its last changes, by path.
type recents[T any] map[string]*recent[T]

// until returns copies without the changes from a step on; false if a value before the step has been
// dropped.
func (all recents[T]) until(at twins.Tick) (o recents[T], known bool) {
	o = recents[T]{}
	for path, log := range all {
		was, known := log.until(at)
		if !known {
			return nil, false
		}
		o[path] = &was
	}
	return o, true
}

// append writes the form: plants uint; of each in order of paths: path text, a recent.
func (all recents[T]) append(w *form.Writer, value func(T)) {
	w.Uint(uint64(len(all)))
	for _, path := range slices.Sorted(maps.Keys(all)) {
		w.Text(path)
		all[path].append(w, value)
	}
}

// read reads the form of append, of which an entry has at least so many bytes. The plants must be those
// that the map has.
func (all recents[T]) read(r *form.Reader, least int, value func() T) {
	if n := r.Count(least); n != len(all) {
		r.Fail(fmt.Errorf("it has %d plants, wanted %d", n, len(all)))
	}
	for range len(all) {
		path := r.Text()
		log := all[path]
		if log == nil {
			r.Fail(fmt.Errorf("it has a plant %q, of which the scenario has none", path))
			break
		}
		*log = readRecent(r, value)
	}
}

func readRecent[T any](r *form.Reader, value func() T) (o recent[T]) {
	o.from = twins.Tick(r.Int())
	o.before = value()
	for range r.Count(2) {
		tick := twins.Tick(r.Int())
		o.changes = append(o.changes, change[T]{tick, value()})
	}
	return o
}
