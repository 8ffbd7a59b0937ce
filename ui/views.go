package ui

import (
	"fmt"
	"sync"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/views"
	"github.com/smatrix-grid/smatrix/twins"
)

// folded are the views of a run as its steps leave them, and as viewers ask for them.
type folded struct {
	mu    sync.RWMutex
	set   *views.Set
	older *older // nil: nothing is kept of the run's past
}

// Commit implements sim.Sink.
func (f *folded) Commit(r *sim.StepRecord) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.set.Commit(r)
}

// latest asks a view as the last step has left it. What it returns must not be part of the view.
func latest[V views.View, O any](f *folded, k *views.Kind, ask func(V) O) O {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return ask(views.Of[V](f.set, k))
}

// asOf asks a view of the moment before a step. ask returns false if the view has forgotten that
// moment: then a view as it was at that moment is asked, if the run's past is kept and can be
// read; otherwise the first answer has to do.
func asOf[V views.View](f *folded, k *views.Kind, before twins.Tick, ask func(V) (known bool)) {
	if latest(f, k, ask) || f.older == nil || before > f.older.until {
		return
	}
	f.older.ask(before, func(set *views.Set) { ask(views.Of[V](set, k)) })
}

// before are the views of a run that begins at a step, as a fork does.
func (f *folded) before(at twins.Tick) (set *views.Set, err error) {
	f.mu.RLock()
	set, known := f.set.Until(at)
	f.mu.RUnlock()
	switch {
	case known:
		return set, nil
	case f.older == nil:
		return nil, fmt.Errorf("what was known before step %d is forgotten, and nothing of the run is kept", at)
	}
	return f.older.at(at)
}

// older are the views of a run at moments of its past.
type older struct {
	past  Past
	until twins.Tick // of a fork: up to here the past is its own as well

	mu  sync.Mutex
	set *views.Set // the one asked last
}

// at makes the views as they were before a step: from the last ones that are kept, and the records
// from there on.
func (o *older) at(before twins.Tick) (*views.Set, error) {
	set, from, err := o.past.Views(before)
	if err == nil && from < before {
		err = o.past.Replay(from, before, false, set)
	}
	return set, err
}

// ask asks the views as they were before a step. Whoever goes forwards through the past waits for
// the steps between only.
func (o *older) ask(before twins.Tick, ask func(*views.Set)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	before = min(before, o.past.Steps())
	set, from, err := o.past.Views(before)
	if o.set != nil && from <= o.set.Steps() && o.set.Steps() <= before {
		set, from, err = o.set, o.set.Steps(), nil
	}
	if err == nil && from < before {
		err = o.past.Replay(from, before, false, set)
	}
	if o.set = set; err != nil {
		o.set = nil // perhaps in the middle of a step
		return
	}
	ask(set)
}
