package ui

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/live"
	"github.com/smatrix-grid/smatrix/sim/views"
	"github.com/smatrix-grid/smatrix/twins"
	"github.com/smatrix-grid/smatrix/ui/viewers"
)

// runs holds the live run and its forks.
type runs struct {
	options *Options
	index   *Index

	building chan struct{} // holds a value while a fork is made: one world at a time
	mu       sync.Mutex
	all      []*run
	forks    int // number of forks made so far, for their ids
	places   int // taken by forks, those that are being made included
	keys     forkKeys
	closed   bool
}

func newRuns(o *Options, index *Index) runs {
	return runs{options: o, index: index, building: make(chan struct{}, 1), keys: newForkKeys()}
}

// mostForks bounds the memory and processor time of forks.
const mostForks = 8

func (s *runs) find(id string) (*run, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.all {
		if r.id == id {
			return r, true
		}
	}
	return nil, false
}

func (s *runs) list() []*run {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.all)
}

// errTooManyForks is returned by fork at the limit.
var errTooManyForks = fmt.Errorf("there are %d forks already: delete one first", mostForks)

// forkOf says which fork of a run is wanted.
type forkOf struct {
	at    twins.Tick
	name  string // "": its id
	set   []string
	later sim.Later
	key   string // Idempotency-Key; "": each request makes a fork
}

func (f *forkOf) same(g *forkOf) bool {
	return f.at == g.at && f.name == g.name && slices.Equal(f.set, g.set) && cmp.Or(f.later, sim.KeepLater) == cmp.Or(g.later, sim.KeepLater)
}

// fork starts a run that equals its parent before step at; from that step on the changes of set
// apply, and, unless they are dropped, the commands that the parent has for that step and later
// ones. It runs in the background, as fast as it can, to the end of the scenario.
//
// Forks are made one after the other. Nothing is made for a caller that has gone. A fork with a key
// is made once: repeated reports that it was made before, with the same key.
func (s *runs) fork(ctx context.Context, parent *run, of forkOf) (r *run, repeated bool, err error) {
	if r, err := s.forked(parent.id, &of); r != nil || err != nil {
		return r, true, err
	}
	leave, err := s.enter(of.key)
	if err != nil {
		return nil, false, err
	}
	defer func() { leave(r != nil) }()
	select {
	case s.building <- struct{}{}:
		defer func() { <-s.building }()
	case <-ctx.Done():
		return nil, false, ctx.Err()
	}
	if r, err := s.forked(parent.id, &of); r != nil || err != nil { // made while this caller waited
		return r, true, err
	}
	r, err = s.build(ctx, parent, of)
	return r, false, err
}

// enter takes a place for a fork that a caller wants; callers with the same key share one. The returned
// function is to be called when the caller has its fork or gives up.
func (s *runs) enter(key string) (leave func(made bool), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if shared := key != "" && s.keys.callers[key] > 0; !shared {
		if s.places >= mostForks {
			return nil, errTooManyForks
		}
		s.places++
	}
	if key != "" {
		s.keys.callers[key]++
	}
	return func(made bool) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if key != "" {
			if s.keys.callers[key]--; s.keys.callers[key] > 0 {
				return
			}
			delete(s.keys.callers, key)
			made = s.keys.made(key)
		}
		if !made {
			s.places--
		}
	}, nil
}

// build makes a fork.
func (s *runs) build(ctx context.Context, parent *run, of forkOf) (*run, error) {
	at := of.at
	clock := parent.pace.Clock()
	switch steps := s.options.World.Scenario.Calendar.Steps; {
	case at < 0 || at >= steps:
		return nil, fmt.Errorf("step %d, wanted one from 0 to %d", at, steps-1)
	case at > clock.Tick && !parent.replay, parent.replay && at > parent.past.Steps():
		return nil, fmt.Errorf("step %d is not reached: the run is at step %d", at, clock.Tick)
	}
	before, later := parent.commands.around(at)
	note := s.noteOf(parent, &of, slices.Concat(before, later))
	later = slices.DeleteFunc(later, func(c twins.Command) bool { return c.Seq > note.Last })
	own := later
	if of.later == sim.DropLater {
		own = nil
	}
	changes, err := parent.scenario.Changes(of.set, at, slices.Concat(before, own))
	if err != nil {
		return nil, err
	}
	own = slices.Concat(own, changes)
	world, from, chain, err := s.worldAt(parent, at, before)
	if err != nil {
		return nil, err
	}
	folded, err := s.viewsAt(parent, world, from)
	if err != nil {
		return nil, err
	}
	for _, c := range own {
		if err := world.Add(c); err != nil {
			return nil, err
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if note.ID == "" {
		note.ID = s.nextID()
	}
	if err := s.keep(&note); err != nil {
		return nil, err
	}
	r, err := newRun(runOptions{id: note.ID, world: world, index: s.index, begun: Begun{Steps: from}, chain: chain, parent: parent, at: at, views: folded,
		bytes: s.options.HistoryBytes / 4, stepper: s.options.Stepper, live: live.Options{Paused: true}})
	if err != nil {
		return nil, err
	}
	r.parent, r.at, r.set, r.name, r.common, r.key = parent.id, at, of.set, of.name, at, of.key
	r.later, r.laterCommands = cmp.Or(of.later, sim.KeepLater), len(later)
	if parent.parent != "" {
		r.common = min(at, parent.common)
	}
	r.commands.inherit(&parent.commands, at, before, own)
	if r.name == "" {
		r.name = r.id
	}
	if !s.add(r, &note) {
		r.close()
		return nil, errors.New("the server is shutting down")
	}
	_ = r.pace.Play() // a new run does not refuse it
	return r, nil
}

// worldAt returns the world of a run before a step from ≤ at, with the run's commands for steps before
// at. It is restored from the live run's past, as far as the two are equal, or built anew if nothing is
// kept.
func (s *runs) worldAt(parent *run, at twins.Tick, commands []twins.Command) (world *sim.World, from twins.Tick, chain *sim.Chain, err error) {
	common := at // before this step the parent equals the live run
	if parent.parent != "" {
		common = min(at, parent.common)
	}
	if past := s.first().past; past != nil {
		world, from, chain, err = past.ForkAt(common)
	} else {
		common = 0
		world, err = sim.Build(parent.scenario)
	}
	if err != nil {
		return nil, 0, nil, err
	}
	for _, c := range commands {
		if c.Step < common {
			continue // the world has it already
		}
		if err := world.Add(c); err != nil {
			return nil, 0, nil, err
		}
	}
	return world, from, chain, nil
}

// viewsAt returns the parent's views before step from, in which the fork's world begins.
func (s *runs) viewsAt(parent *run, world *sim.World, from twins.Tick) (*views.Set, error) {
	if from == 0 {
		return views.NewSet(world), nil
	}
	return parent.views.before(from)
}

// first returns the live run, from which all others descend.
func (s *runs) first() *run { return s.list()[0] }

// nextID returns the id of the next fork.
func (s *runs) nextID() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forks++
	return forkPrefix + strconv.Itoa(s.forks)
}

// forkPrefix is what ids of forks begin with; a number follows.
const forkPrefix = "fork-"

func (s *runs) add(r *run, note *forkNote) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.all = append(s.all, r)
	s.keys.add(note)
	return true
}

// remove ends a fork and removes it from the list.
func (s *runs) remove(id string) error {
	r, ok := s.find(id)
	switch {
	case !ok:
		return fmt.Errorf("no run %q", id)
	case r.parent == "":
		return errors.New("the live run cannot be deleted")
	}
	if err := s.keepDeleted(r.key); err != nil {
		return err
	}
	s.mu.Lock()
	with := len(s.all)
	s.all = slices.DeleteFunc(s.all, func(o *run) bool { return o == r })
	s.places -= with - len(s.all)
	s.mu.Unlock()
	r.close()
	r.hub.Dismiss(viewers.CloseGone, "the run was deleted")
	return nil
}

func (s *runs) close() {
	s.mu.Lock()
	s.closed = true
	all := slices.Clone(s.all)
	s.mu.Unlock()
	for _, r := range all {
		r.close()
	}
}
