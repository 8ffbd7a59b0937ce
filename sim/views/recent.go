package views

import (
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

func readRecent[T any](r *form.Reader, value func() T) (o recent[T]) {
	o.from = twins.Tick(r.Int())
	o.before = value()
	for range r.Count(2) {
		tick := twins.Tick(r.Int())
		o.changes = append(o.changes, change[T]{tick, value()})
	}
	return o
}
