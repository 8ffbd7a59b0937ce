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
	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/sim/views"
	"github.com/smatrix-grid/smatrix/twins"
	"github.com/smatrix-grid/smatrix/ui/viewers"
)

// run is one run that is shown: the live one, or a fork.
type run struct {
	id, name, parent string
	at               twins.Tick
	common           twins.Tick // up to this step it is one with the first of its parents
	set              []string

	index    *Index
	scenario *scenario.Scenario
	replay   bool // records of a run that is over
	pace     pacer
	history  History
	past     Past // nil: none
	keep     Keeper
	waiting  func() string // what a run that plays waits for; ""
	hub      *viewers.Hub
	views    *folded
	alerts   *alerts
	chain    *sim.Chain
	commands commandList
	members  map[string]int
	prepared map[string]int
	priced   bool // the scenario has a market, and
	mixed    bool // the market tells its mix

	cancel context.CancelFunc
	done   chan struct{} // closed when its goroutine has ended
	summed chan struct{} // closed before that, when the digest is there

	mu     sync.Mutex
	digest string
}

// runOptions are what a run is made of.
type runOptions struct {
	id      string
	world   *sim.World
	index   *Index
	begun   Begun
	chain   *sim.Chain
	sinks   []sim.Sink
	keep    Keeper
	waiting func() string
	bytes   int                                   // of memory for looking back
	stepper func(*sim.World) (sim.Stepper, error) // nil: it is a replay
	live    live.Options
	parent  *run // of a fork, which begins
	at      twins.Tick
	views   *views.Set // of a fork, as they were before its first step
}

// newRun starts a run in a goroutine of its own, which ends with the run or with
// close.
func newRun(o runOptions) (*run, error) {
	s := o.world.Scenario
	if o.chain == nil {
		o.chain = o.world.NewChain()
	}
	r := &run{
		id: o.id, index: o.index, scenario: s,
		chain: o.chain, members: o.world.Members, prepared: o.world.Prepared, past: o.begun.Past, keep: o.keep, waiting: o.waiting, replay: o.stepper == nil,
		done: make(chan struct{}), summed: make(chan struct{}),
		priced: o.world.Market != nil,
	}
	r.hub = newHub(r)
	r.mixed = r.priced && o.world.Market.Mixed
	if err := r.catchUp(&o); err != nil {
		return nil, err
	}
	memory := r.remember(&o)
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	if r.replay {
		r.pace = newPlayer(r.history, s.Calendar.Step, o.live, r.show)
		go r.run(ctx, func() {})
		return r, nil
	}
	show := &recorder{index: o.index, to: func(step *Step, rec *sim.StepRecord) {
		memory.Add(step)
		r.alerts.step(rec.Tick)
		r.show(step)
	}}
	stepper, err := o.stepper(o.world)
	if err != nil {
		return nil, err
	}
	runner := &sim.Runner{World: o.world, Stepper: stepper, Sinks: append(append([]sim.Sink{o.chain}, o.sinks...), r.views, show)}
	runner.From(o.begun.Steps)
	for runner.Done() < o.begun.Known { // before anybody looks
		if _, err := runner.Step(); err != nil {
			stepper.Close()
			return nil, err
		}
	}
	o.live.Keep = r.kept
	r.pace = live.New(runner, o.live)
	go r.run(ctx, stepper.Close)
	return r, nil
}

// remember chooses where steps are looked for, and returns the memory to which they
// are added.
func (r *run) remember(o *runOptions) *Memory {
	switch {
	case o.parent != nil:
		memory := NewMemory(o.index, o.bytes)
		r.history = &forked{o.parent.history, o.at, memory}
		return memory
	case r.past != nil:
		h := newKept(o.index, r.past, r.views, o.bytes)
		r.history = h
		return h.memory
	}
	memory := NewMemory(o.index, o.bytes)
	r.history = memory
	return memory
}

// run carries the run to its end.
func (r *run) run(ctx context.Context, stop func()) {
	defer close(r.done)
	defer stop()
	_ = r.pace.Run(ctx) // the clock has the error
	r.mu.Lock()
	if r.digest == "" {
		r.digest = r.chain.Digest().String()
	}
	r.mu.Unlock()
	close(r.summed)
	r.hub.Wake()
}

// close ends the run after a whole step.
func (r *run) close() {
	r.cancel()
	<-r.done
}

// finished is the run's digest once it is over or closed, and "" before.
func (r *run) finished() string {
	if !r.replay && r.pace.Clock().State.Over() {
		<-r.summed // it is being made
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.digest
}

// kindOf is the kind of a member or a community, nil if there is none of that path.
func (r *run) kindOf(path string) *twins.Kind {
	if p, ok := r.index.Place(path); ok {
		return r.index.block(p).Kind
	}
	if _, ok := r.index.Community(path); ok {
		return twins.Community
	}
	return nil
}

func (r *run) entry(path string) (scenario.Entry, bool) {
	return r.scenario.Entry(r.kindOf(path), path)
}

// commandList are the commands that were taken while the run was live: the last ones, and
// those before from what is kept of the run. If nothing is kept, all are in memory.
type commandList struct {
	// taking is held while a command is kept, which may take as long as the disk does:
	// only those who bring commands wait for it. It is taken before mu.
	taking sync.Mutex

	mu      sync.Mutex // never held while something is kept
	past    Past       // has all commands; nil: nothing is kept
	dropped int        // commands that are in the past only
	last    []twins.Command
	keys    map[string]twins.Command // those that came with a key
	old     []string                 // keys, oldest first
}

// mostCommands is how many commands are in memory at least, and half of how many at most.
var mostCommands = 4096 // tests take fewer

// mostKeys is how many idempotency keys are remembered.
const mostKeys = 10_000

// errKeyReused says that a key came again with another command.
var errKeyReused = errors.New("this Idempotency-Key came before with another command")

// take has a command carried out, once for each key.
func (r *run) take(c twins.Command) (taken twins.Command, repeated bool, err error) {
	l := &r.commands
	if taken, repeated, err = l.answered(&c); repeated || err != nil {
		return taken, repeated, err
	}
	l.taking.Lock()
	defer l.taking.Unlock()
	if taken, repeated, err = l.answered(&c); repeated || err != nil { // while this one waited
		return taken, repeated, err
	}
	all, err := r.pace.Add(c)
	if err != nil {
		return taken, false, err
	}
	return all[0], false, nil
}

// answered returns the command that was taken with the key of another one before, and
// whether there is one; errKeyReused if it asks for something else. A command for the
// next step, whichever that is, asks for the same as one for any step.
func (l *commandList) answered(c *twins.Command) (taken twins.Command, repeated bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	taken, ok := l.keys[c.Key]
	if !ok {
		return taken, false, nil
	}
	if !taken.SameOrder(c) || c.Step != 0 && c.Step != taken.Step {
		return twins.Command{}, false, errKeyReused
	}
	return taken, true, nil
}

// add remembers commands that were kept, and their keys.
func (l *commandList) add(commands []twins.Command) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.keys == nil {
		l.keys = map[string]twins.Command{}
	}
	for _, c := range commands {
		l.last = append(l.last, c)
		if c.Key == "" {
			continue
		}
		l.keys[c.Key], l.old = c, append(l.old, c.Key)
		if len(l.old) > mostKeys {
			delete(l.keys, l.old[0])
			l.old = l.old[1:]
		}
	}
	if over := len(l.last) - mostCommands; l.past != nil && over > mostCommands {
		l.last, l.dropped = slices.Clone(l.last[over:]), l.dropped+over
	}
}

// before are the commands taken for steps before at, by number.
func (l *commandList) before(at twins.Tick) (found []twins.Command) {
	l.mu.Lock()
	all, dropped := l.last, l.dropped
	l.mu.Unlock()
	if dropped > 0 {
		all = l.past.Commands(0, at)
		slices.SortStableFunc(all, func(a, b twins.Command) int { return cmp.Compare(a.Seq, b.Seq) })
	}
	for _, c := range all {
		if c.Step < at {
			found = append(found, c)
		}
	}
	return found
}

// newest are at most so many commands, newest first, without the first few; more says
// that there are others before them.
func (l *commandList) newest(without, most int) (found []twins.Command, more bool, err error) {
	l.mu.Lock()
	last, dropped := l.last, l.dropped // what is in last is not changed any more
	l.mu.Unlock()
	behind := max(0, dropped+len(last)-without)
	first := max(0, behind-most)
	for i := behind - 1; i >= max(first, dropped); i-- {
		found = append(found, last[i-dropped])
	}
	if first < dropped {
		kept := min(behind, dropped)
		older, err := l.past.CommandsBefore(kept, kept-first)
		if err != nil {
			return nil, false, err
		}
		found = append(found, older...)
	}
	return found, first > 0, nil
}

// runs are the live run and its forks.
type runs struct {
	options *Options
	index   *Index

	building sync.Mutex // one world at a time
	mu       sync.Mutex
	all      []*run
	forks    int // made so far
	closed   bool
}

// mostForks bounds what forks take of memory and processors.
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

// errTooManyForks says what to do about it.
var errTooManyForks = fmt.Errorf("there are %d forks already: delete one first", mostForks)

// fork begins a run that is its parent's up to a step, from which on changes hold.
// It runs to the parent's end, in the background and without a pace.
func (s *runs) fork(parent *run, at twins.Tick, name string, set []string) (*run, error) {
	s.building.Lock()
	defer s.building.Unlock()
	clock := parent.pace.Clock()
	switch steps := s.options.World.Scenario.Calendar.Steps; {
	case at < 0 || at >= steps:
		return nil, fmt.Errorf("step %d, wanted one from 0 to %d", at, steps-1)
	case at > clock.Tick && !parent.replay, parent.replay && at > parent.past.Steps():
		return nil, fmt.Errorf("step %d is not reached: the run is at step %d", at, clock.Tick)
	case len(s.list()) > mostForks:
		return nil, errTooManyForks
	}
	changes, err := parent.scenario.Commands(set, at)
	if err != nil {
		return nil, err
	}
	world, from, chain, err := s.worldAt(parent, at)
	if err != nil {
		return nil, err
	}
	known, err := s.viewsAt(parent, world, from)
	if err != nil {
		return nil, err
	}
	seq := int64(len(world.Scenario.Events))
	for _, c := range parent.commands.before(at) {
		seq = max(seq, c.Seq)
	}
	for i := range changes {
		changes[i].Seq = seq + int64(i) + 1
		if err := world.Add(changes[i]); err != nil {
			return nil, err
		}
	}
	r, err := newRun(runOptions{id: s.nextID(), world: world, index: s.index, begun: Begun{Steps: from}, chain: chain, parent: parent, at: at, views: known,
		bytes: s.options.HistoryBytes / 4, stepper: s.options.Stepper, live: live.Options{Paused: true}})
	if err != nil {
		return nil, err
	}
	r.parent, r.at, r.set, r.name, r.common = parent.id, at, set, name, at
	if parent.parent != "" {
		r.common = min(at, parent.common)
	}
	r.commands.last = append(parent.commands.before(at), changes...)
	if r.name == "" {
		r.name = r.id
	}
	if !s.add(r) {
		r.close()
		return nil, errors.New("the server is going")
	}
	_ = r.pace.Play() // it is fresh: nothing to refuse
	return r, nil
}

// worldAt is the world of a run at a step or before: from what is kept of the first of
// its parents, up to where they were one, or built anew.
func (s *runs) worldAt(parent *run, at twins.Tick) (world *sim.World, from twins.Tick, chain *sim.Chain, err error) {
	common := at // what the parent had before it, its first parent had as well
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
	for _, c := range parent.commands.before(at) {
		if c.Step < common {
			continue // it has it
		}
		if err := world.Add(c); err != nil {
			return nil, 0, nil, err
		}
	}
	return world, from, chain, nil
}

// viewsAt are the views that a fork begins with, in a world that has made so many steps.
func (s *runs) viewsAt(parent *run, world *sim.World, from twins.Tick) (*views.Set, error) {
	if from == 0 {
		return views.NewSet(world), nil
	}
	return parent.views.before(from)
}

// first is the run that all others come from.
func (s *runs) first() *run { return s.list()[0] }

func (s *runs) nextID() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forks++
	return "fork-" + strconv.Itoa(s.forks)
}

func (s *runs) add(r *run) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.all = append(s.all, r)
	}
	return !s.closed
}

// remove ends a fork and forgets it.
func (s *runs) remove(id string) error {
	r, ok := s.find(id)
	switch {
	case !ok:
		return fmt.Errorf("no run %q", id)
	case r.parent == "":
		return errors.New("the live run cannot be deleted")
	}
	s.mu.Lock()
	s.all = slices.DeleteFunc(s.all, func(o *run) bool { return o == r })
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
