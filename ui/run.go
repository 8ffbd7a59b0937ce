package ui

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/twins"
)

// Commander keeps commands before they are carried out, so that a run can be made
// again. A journal is one.
type Commander interface {
	// KeepCommands returns when the commands are durable.
	KeepCommands([]twins.Command) error
}

// Forker makes the world in which a fork begins. A journal takes a snapshot and the
// steps after it; without one the scenario is built anew and stepped from its start.
type Forker interface {
	// ForkAt returns a world that stands at the beginning of a step ≤ at, with all
	// commands that its parent had before at, that step, and the chain up to it.
	ForkAt(at twins.Tick) (*sim.World, twins.Tick, *sim.Chain, error)
}

// run is one run that is shown: the live one, or a fork.
type run struct {
	id, name, parent string
	at               twins.Tick
	set              []string

	index    *Index
	scenario *sim.Scenario
	live     *sim.Live
	history  History
	hub      *hub
	alerts   *alerts
	chain    *sim.Chain
	settings settings
	commands commandList
	members  map[string]int
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
	from    twins.Tick
	chain   *sim.Chain
	sinks   []sim.Sink
	history History // nil: memory of so many bytes
	bytes   int
	stepper func(*sim.World) (sim.Stepper, error)
	live    sim.LiveOptions
}

// newRun starts a run in a goroutine of its own, which ends with the run or with
// close.
func newRun(o runOptions) (*run, error) {
	stepper, err := o.stepper(o.world)
	if err != nil {
		return nil, err
	}
	s := o.world.Scenario
	if o.chain == nil {
		o.chain = sim.NewChain(s.Seed, s.Identity())
	}
	r := &run{
		id: o.id, index: o.index, scenario: s, hub: newHub(o.index), alerts: newAlerts(o.index, o.world),
		chain: o.chain, members: o.world.Members, history: o.history, done: make(chan struct{}), summed: make(chan struct{}),
		settings: settings{now: map[settingOf]int64{}},
		priced:   o.world.Market != nil,
	}
	r.mixed = r.priced && o.world.Market.Mixed
	var memory *Memory
	if r.history == nil {
		memory = NewMemory(o.index, o.bytes)
		r.history = memory
	}
	show := &recorder{index: o.index, to: func(step *Step, rec *sim.StepRecord) {
		if memory != nil {
			memory.Add(step)
		}
		r.alerts.step(rec)
		r.settings.step(rec, r)
		r.hub.show(step)
	}}
	runner := &sim.Runner{World: o.world, Stepper: stepper, Sinks: append(append([]sim.Sink{o.chain}, o.sinks...), show)}
	runner.From(o.from)
	r.live = sim.NewLive(runner, o.live)
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	go func() {
		defer close(r.done)
		defer stepper.Close()
		_ = r.live.Run(ctx) // the clock has the error
		r.mu.Lock()
		r.digest = r.chain.Digest().String()
		r.mu.Unlock()
		close(r.summed)
		r.hub.wake()
	}()
	return r, nil
}

// close ends the run after a whole step.
func (r *run) close() {
	r.cancel()
	<-r.done
}

// finished is the run's digest once it is over or closed, and "" before.
func (r *run) finished() string {
	if r.live.Clock().State.Over() {
		<-r.summed // it is being made
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.digest
}

// settings are the values that commands have changed so far.
type settings struct {
	mu  sync.Mutex
	now map[settingOf]int64
}

type settingOf struct{ path, name string }

// step follows the commands of a record.
func (s *settings) step(rec *sim.StepRecord, r *run) {
	if len(rec.Commands) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range rec.Commands {
		c := &rec.Commands[i]
		at := settingOf{c.Target, c.Args.Setting}
		if c.Name == twins.CommandSet {
			s.now[at] = c.Args.Value
			continue
		}
		v, changed := s.now[at]
		if !changed {
			if e, ok := r.entry(c.Target); ok {
				was, _ := e.Setting(c.Args.Setting)
				v = was.Value
			}
		}
		s.now[at], _ = twins.MulDiv(v, c.Args.Value, int64(twins.One))
	}
}

func (s *settings) value(path, name string) (int64, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.now[settingOf{path, name}]
	return v, ok
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

func (r *run) entry(path string) (sim.Entry, bool) { return r.scenario.Entry(r.kindOf(path), path) }

// commandList are the commands that were taken while the run was live, and those
// that came with a key.
type commandList struct {
	mu   sync.Mutex
	all  []twins.Command
	keys map[string]keyed
	old  []string // keys, oldest first
}

type keyed struct {
	body    string
	command twins.Command
}

// mostKeys is how many idempotency keys are remembered.
const mostKeys = 10_000

// errKeyReused says that a key came again with another command.
var errKeyReused = errors.New("this Idempotency-Key came before with another command")

// take has a command carried out, once for each key.
func (r *run) take(c twins.Command, key, body string) (taken twins.Command, repeated bool, err error) {
	l := &r.commands
	l.mu.Lock()
	defer l.mu.Unlock()
	if k, ok := l.keys[key]; ok && key != "" {
		if k.body != body {
			return taken, false, errKeyReused
		}
		return k.command, true, nil
	}
	all, err := r.live.Add(c)
	if err != nil {
		return taken, false, err
	}
	l.all = append(l.all, all[0])
	if key != "" {
		if l.keys == nil {
			l.keys = map[string]keyed{}
		}
		l.keys[key], l.old = keyed{body, all[0]}, append(l.old, key)
		if len(l.old) > mostKeys {
			delete(l.keys, l.old[0])
			l.old = l.old[1:]
		}
	}
	return all[0], false, nil
}

// before are the commands taken for steps before at.
func (l *commandList) before(at twins.Tick) (found []twins.Command) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.all {
		if c.Step < at {
			found = append(found, c)
		}
	}
	return found
}

func (l *commandList) list() []twins.Command {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.all)
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
	clock := parent.live.Clock()
	switch steps := s.options.World.Scenario.Calendar.Steps; {
	case at < 0 || at >= steps:
		return nil, fmt.Errorf("step %d, wanted one from 0 to %d", at, steps-1)
	case at > clock.Tick:
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
	r, err := newRun(runOptions{id: s.nextID(), world: world, index: s.index, from: from, chain: chain,
		bytes: s.options.HistoryBytes / 4, stepper: s.options.Stepper, live: sim.LiveOptions{Paused: true}})
	if err != nil {
		return nil, err
	}
	r.parent, r.at, r.set, r.name = parent.id, at, set, name
	r.commands.all = append(parent.commands.before(at), changes...)
	if r.name == "" {
		r.name = r.id
	}
	if !s.add(r) {
		r.close()
		return nil, errors.New("the server is going")
	}
	_ = r.live.Play() // it is fresh: nothing to refuse
	return r, nil
}

// worldAt is the world of a run at a step or before.
func (s *runs) worldAt(parent *run, at twins.Tick) (*sim.World, twins.Tick, *sim.Chain, error) {
	if f := s.options.Forker; f != nil && parent.parent == "" {
		return f.ForkAt(at)
	}
	world, err := parent.scenario.Build()
	if err != nil {
		return nil, 0, nil, err
	}
	for _, c := range parent.commands.before(at) {
		if err := world.Add(c); err != nil {
			return nil, 0, nil, err
		}
	}
	return world, 0, nil, nil
}

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
	r.hub.dismiss(closeGone, "the run was deleted")
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
