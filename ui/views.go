package ui

import (
	"fmt"
	"sync"

	"github.com/smatrix-grid/smatrix/sim/views"
	"github.com/smatrix-grid/smatrix/twins"
)

// folded has the views of a run, which latest and asOf read.
type folded struct {
	*views.Live
	older *older // nil: the run's past is not kept
}

// latest calls ask with a view after the last step. Its result must not alias the view.
func latest[V views.View, O any](f *folded, k *views.Kind, ask func(V) O) (answer O) {
	f.Read(func(set *views.Set) { answer = ask(views.Of[V](set, k)) })
	return answer
}

// asOf calls ask to read from a view what was known before a step. If ask returns false, the view
// has dropped that: then asOf calls ask again with a view restored to that moment, if the run's
// past is kept and can be read. Otherwise the result of the first call stays.
func asOf[V views.View](f *folded, k *views.Kind, before twins.Tick, ask func(V) (known bool)) {
	if latest(f, k, ask) || f.older == nil || before > f.older.until {
		return
	}
	f.older.ask(before, func(set *views.Set) { ask(views.Of[V](set, k)) })
}

// before returns the views before a step, for a fork that begins there.
func (f *folded) before(at twins.Tick) (set *views.Set, err error) {
	known := false
	f.Read(func(now *views.Set) { set, known = now.Until(at) })
	switch {
	case known:
		return set, nil
	case f.older == nil:
		return nil, fmt.Errorf("views before step %d are not in memory any more, and the run is not kept on disk", at)
	}
	return f.older.at(at)
}

// older restores the views of a run at earlier steps.
type older struct {
	past  Past
	until twins.Tick // the past holds this run's steps before until; a fork differs from there on

	mu  sync.Mutex
	set *views.Set // the one restored last
}

// at restores the views before a step from the latest ones kept up to then and the records of the
// steps between.
func (o *older) at(before twins.Tick) (*views.Set, error) {
	set, from, err := o.past.Views(before)
	if err == nil && from < before {
		err = o.past.Replay(from, before, false, set)
	}
	return set, err
}

// ask calls ask with the views before a step. It keeps them, so that a caller that moves forwards
// through the past replays only the steps between.
func (o *older) ask(before twins.Tick, ask func(*views.Set)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	before = min(before, o.past.Steps())
	if o.set == nil || o.set.Steps() != before {
		set, from, err := o.past.Views(before)
		if o.set != nil && from <= o.set.Steps() && o.set.Steps() <= before {
			set, from, err = o.set, o.set.Steps(), nil
		}
		if err == nil && from < before {
			err = o.past.Replay(from, before, false, set)
		}
		if o.set = set; err != nil {
			o.set = nil // it may be in the middle of a step
			return
		}
	}
	ask(o.set)
}
