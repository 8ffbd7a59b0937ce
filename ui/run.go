package ui

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"
	"sync"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/live"
	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/sim/views"
	"github.com/smatrix-grid/smatrix/twins"
	"github.com/smatrix-grid/smatrix/ui/viewers"
)

// run is one run of the server: the live one (or a replay in its place), or a fork.
type run struct {
	id, name, parent string
	at               twins.Tick
	common           twins.Tick // before this step it equals the live run, from which all forks descend
	set              []string
	key              string    // the Idempotency-Key that the fork was made with, "" if none
	later            sim.Later // what the fork has done with its parent's later commands; "" if the run is no fork
	laterCommands    int       // number of these commands

	index    *Index
	scenario *scenario.Scenario
	replay   bool // the steps of a run that is over are shown
	pace     pacer
	messages func() sim.Messages // between the actors of the run; nil for a replay
	history  History
	past     Past // nil: nothing is kept
	keep     Keeper
	waiting  func() string // what the playing run waits for, "" if nothing
	hub      *viewers.Hub
	views    *folded
	alerts   *alerts
	chain    *sim.Chain
	stepper  sim.Stepper // nil for a replay
	commands commandList
	members  map[string]int
	prepared map[string]int
	warnings []WarningInfo // of its scenario and data
	priced   bool          // the scenario has a market
	mixed    bool          // the market has a mix, from which its carbon intensity follows

	cancel context.CancelFunc
	done   chan struct{} // closed when the run's goroutine has ended
	summed chan struct{} // closed before done, when the digest is set

	mu     sync.Mutex
	digest string

	opening sync.Mutex // guards opened; held while alerts are read from a disk, so nothing else waits for it
	opened  struct {   // of a replay: openAlerts at its clock
		at    twins.Tick
		n     int
		known bool
	}
}

// runOptions are the arguments of newRun.
type runOptions struct {
	id      string
	world   *sim.World
	index   *Index
	begun   Begun
	chain   *sim.Chain
	sinks   []sim.Sink
	keep    Keeper
	waiting func() string
	bytes   int                                   // bound on the memory of the history
	stepper func(*sim.World) (sim.Stepper, error) // nil for a replay
	live    live.Options
	parent  *run // of a fork, whose first step is at
	at      twins.Tick
	views   *views.Set // of a fork: their state before its first step
}

// newRun starts a run in a goroutine of its own, which ends with the run or with close.
func newRun(o runOptions) (*run, error) {
	s := o.world.Scenario
	if o.chain == nil {
		o.chain = o.world.NewChain()
	}
	r := &run{
		id: o.id, index: o.index, scenario: s,
		chain: o.chain, members: o.world.Members, prepared: o.world.Prepared, warnings: warningsOf(o.world), past: o.begun.Past, keep: o.keep, waiting: o.waiting, replay: o.stepper == nil,
		done: make(chan struct{}), summed: make(chan struct{}),
		priced: o.world.Market != nil,
	}
	r.hub = newHub(r)
	r.mixed = r.priced && o.world.Market.Mixed
	if err := r.catchUp(&o); err != nil {
		return nil, err
	}
	memory := r.makeHistory(&o)
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	if r.replay {
		r.pace = newPlayer(r.history, s.Calendar.Step, o.live, r.show)
		go r.run(ctx, func() {})
		return r, nil
	}
	show := &recorder{index: o.index, to: func(step *Step, rec *sim.StepRecord) {
		step.alerts = r.alerts.step(rec.Tick)
		memory.Add(step)
		r.show(step)
	}}
	stepper, err := o.stepper(o.world)
	if err != nil {
		return nil, err
	}
	r.stepper = stepper
	sinks := append([]sim.Sink{o.chain}, o.sinks...)
	if o.begun.Views == nil {
		sinks = append(sinks, r.views)
	}
	runner := &sim.Runner{World: o.world, Stepper: stepper, Sinks: append(sinks, show)}
	runner.From(o.begun.Steps)
	for runner.Done() < o.begun.Known { // before viewers connect
		if _, err := runner.Step(); err != nil {
			stepper.Close()
			return nil, err
		}
	}
	if n := runner.Done(); n > 0 && r.hub.Latest(scopeGrid) == nil { // viewers see the last step before the next is made
		if step, err := r.history.Step(n-1, false); err == nil {
			r.show(step)
		}
	}
	o.live.Keep = r.keepCommands
	r.pace, r.messages = live.New(runner, o.live), stepper.Messages
	go r.run(ctx, stepper.Close)
	return r, nil
}

// makeHistory sets the run's history and returns the memory to which new steps are added.
func (r *run) makeHistory(o *runOptions) *Memory {
	switch {
	case o.parent != nil:
		memory := NewMemory(o.index, o.bytes)
		r.history = &forked{o.parent.history, o.at, memory}
		return memory
	case r.past != nil:
		h := newStoredHistory(o.index, r.past, r.views, o.bytes)
		r.history = h
		return h.memory
	}
	memory := NewMemory(o.index, o.bytes)
	r.history = memory
	return memory
}

// run runs the pacer until the run ends, then sets the digest and closes summed and done.
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

// close ends the run after the current step.
func (r *run) close() {
	r.cancel()
	<-r.done
}

// finished returns the run's digest once the run is over or closed, "" before.
func (r *run) finished() string {
	if !r.replay && r.pace.Clock().State.Over() {
		<-r.summed // the digest is being computed
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.digest
}

// kindOf returns the kind of a member or a community, nil if no twin has that path.
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

// commandPast has a run's commands from outside; see Past.
type commandPast interface {
	Commands(from, to twins.Tick) []twins.Command
	CommandsBefore(position, most int) ([]twins.Command, error)
}

// parentsCommands are the commands that a fork has in common with its parent: those for steps
// before at. The parent, which may have been deleted, is asked for them again.
type parentsCommands struct {
	parent *commandList
	at     twins.Tick
}

// Commands implements commandPast.
func (p *parentsCommands) Commands(from, to twins.Tick) []twins.Command {
	all := p.parent.before(min(to, p.at))
	return slices.DeleteFunc(all, func(c twins.Command) bool { return c.Step < from })
}

// CommandsBefore implements commandPast.
func (p *parentsCommands) CommandsBefore(position, most int) ([]twins.Command, error) {
	all := p.parent.before(p.at)
	some := slices.Clone(all[max(0, position-most):position])
	slices.Reverse(some)
	return some, nil
}

// commandList holds the commands accepted while the run was live. The latest are in memory, older
// ones are read from past; without a past all are in memory.
type commandList struct {
	// taking is held while a command is made durable, which may take long on a slow disk:
	// only requests with commands wait for it. It is locked before mu.
	taking sync.Mutex

	mu      sync.Mutex  // never held during disk access
	past    commandPast // has the run's commands, those of a fork only from before it; nil: nothing is kept
	fork    bool        // the list is a fork's, whose own commands are in memory alone
	dropped int         // number of commands that only past has
	last    []twins.Command
	keys    map[string]twins.Command // commands by idempotency key
	old     []string                 // keys, oldest first
}

// mostCommands is how many of the latest commands stay in memory. Older ones are dropped when there
// are twice as many.
var mostCommands = 4096 // tests lower it

// mostKeys is how many idempotency keys are remembered.
const mostKeys = 10_000

// errKeyReused is returned when a key is sent again with another command or fork.
var errKeyReused = errors.New("this Idempotency-Key was used before with another request")

// take accepts a command, once for each idempotency key. It is for its Step if that is exact, else for the
// next. repeated is true if the key was used before with the same command, which is then returned.
func (r *run) take(c twins.Command, exact bool) (taken twins.Command, repeated bool, err error) {
	l := &r.commands
	if taken, repeated, err = l.answered(&c, exact); repeated || err != nil {
		return taken, repeated, err
	}
	l.taking.Lock()
	defer l.taking.Unlock()
	if taken, repeated, err = l.answered(&c, exact); repeated || err != nil { // accepted while this one waited
		return taken, repeated, err
	}
	add := r.pace.Add
	if exact {
		add = r.pace.AddAt
	}
	all, err := add(c)
	if err != nil {
		return taken, false, err
	}
	return all[0], false, nil
}

// answered returns the command that was accepted with the key of c, and whether there is one; it
// returns errKeyReused if the two differ. A command for the next step equals one for any step.
func (l *commandList) answered(c *twins.Command, exact bool) (taken twins.Command, repeated bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	taken, ok := l.keys[c.Key]
	if !ok {
		return taken, false, nil
	}
	if !taken.SameOrder(c) || exact && c.Step != taken.Step {
		return twins.Command{}, false, errKeyReused
	}
	return taken, true, nil
}

// add appends commands that are durable, and their keys.
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
	if over := len(l.last) - mostCommands; l.past != nil && !l.fork && over > mostCommands {
		l.last, l.dropped = slices.Clone(l.last[over:]), l.dropped+over
	}
}

// inherit begins the list of a fork with the commands of its parent for steps before at, and the
// fork's own. Many of the parent's stay with the parent.
func (l *commandList) inherit(parent *commandList, at twins.Tick, before, own []twins.Command) {
	l.fork = true
	if n := len(before); n > mostCommands {
		l.past, l.dropped, before = &parentsCommands{parent, at}, n, nil
	}
	l.last = slices.Concat(before, own)
	slices.SortStableFunc(l.last, func(a, b twins.Command) int { return cmp.Compare(a.Seq, b.Seq) })
}

// around returns the commands for steps before at, and those for at and later steps, each sorted by
// number.
func (l *commandList) around(at twins.Tick) (before, later []twins.Command) {
	l.mu.Lock()
	all, dropped := l.last, l.dropped
	l.mu.Unlock()
	if dropped > 0 {
		older := l.past.Commands(0, math.MaxInt64)
		slices.SortStableFunc(older, func(a, b twins.Command) int { return cmp.Compare(a.Seq, b.Seq) })
		if l.fork {
			older = append(older, all...)
			slices.SortStableFunc(older, func(a, b twins.Command) int { return cmp.Compare(a.Seq, b.Seq) })
		}
		all = older
	}
	for _, c := range all {
		if c.Step < at {
			before = append(before, c)
		} else {
			later = append(later, c)
		}
	}
	return before, later
}

// before returns the commands for steps before at, sorted by number.
func (l *commandList) before(at twins.Tick) []twins.Command {
	found, _ := l.around(at)
	return found
}

// newest returns the newest commands first, no more than most, after skipping the first without; more
// reports whether there are older ones.
func (l *commandList) newest(without, most int) (found []twins.Command, more bool, err error) {
	l.mu.Lock()
	last, dropped := l.last, l.dropped // the elements of last are never changed
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
