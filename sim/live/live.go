package live

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/twins"
)

// Driver controls a Runner while viewers watch it: it pauses, plays at a speed, makes a
// number of steps, and takes commands between steps. The wall clock decides only when a step
// is made: a run has the digest of the same run without a pace. The driver never waits for a
// viewer.
//
// Run makes the steps in the goroutine that calls it; all other methods may be called from
// any goroutine. Only Add and the start of a step wait while commands are being stored; all
// other methods return meanwhile.
type Driver struct {
	runner *sim.Runner
	keep   func([]twins.Command) error
	now    func() time.Time // the wall clock
	wake   chan struct{}

	// turn is a lock that serves its callers in order: it holds one value while commands are
	// numbered, stored and published, or while a step is started. It is taken before mu. Only
	// its holder reads and changes seq, pending and the world's commands.
	turn    chan struct{}
	pending []twins.Command // stored, and not in the world yet
	weight  int             // memory of pending, bytes
	seq     int64           // number of the last command that was passed to keep

	mu       sync.Mutex    // never held while commands are being stored
	changed  chan struct{} // closed at each change and replaced by a new channel
	state    State
	err      error
	done     twins.Tick // steps made
	next     twins.Tick // the first step that has not been started; changed only under both turn and mu
	speed    float64    // simulated seconds per second; 0: as fast as possible
	goal     twins.Tick // steps before goal are made without a pace; then the run pauses; 0: no goal
	until    func(*sim.StepRecord) bool
	untilMet bool
	due      time.Time
	marks    []mark
}

// State is the state of a live run.
type State uint8

// The states of a live run.
const (
	Paused  State = iota
	Playing       // at its speed, or up to the goal
	Ended         // the scenario's last step has been made
	Failed        // a step has failed: Clock.Err
)

var stateNames = [...]string{"paused", "live", "ended", "failed"}

func (s State) String() string { return stateNames[s] }

// Over reports whether the run is over: no further step will be made.
func (s State) Over() bool { return s >= Ended }

// Clock is the clock of a live run.
type Clock struct {
	State   State
	Tick    twins.Tick // steps made
	Speed   float64    // requested, simulated seconds per second; 0: as fast as possible
	Reached float64    // measured over the last steps, simulated seconds per second
	Err     error      // why the run has failed
}

// Options say how a live run starts.
type Options struct {
	Paused bool
	Speed  float64 // simulated seconds per second; 0: as fast as possible
	// Keep stores commands durably before they are accepted; nil: they stay in memory.
	Keep func([]twins.Command) error
}

// mark is the time at which a step was completed.
type mark struct {
	at   time.Time
	tick twins.Tick
}

// reachedOver is the period over which the measured speed is taken.
const reachedOver = 3 * time.Second

// New returns a driver for a runner. No other code may step the runner.
func New(r *sim.Runner, o Options) *Driver {
	l := &Driver{runner: r, keep: o.Keep, now: time.Now, wake: make(chan struct{}, 1), turn: make(chan struct{}, 1), changed: make(chan struct{}), speed: o.Speed, done: r.Done(), next: r.Done()}
	if !o.Paused {
		l.state = Playing
	}
	l.seq = r.World.LastSeq()
	r.World.CheckDuringSteps()
	r.Sinks = append(r.Sinks, untilSink{l})
	return l
}

// untilSink is the sink that applies the condition of StepUntil to each record.
type untilSink struct{ *Driver }

func (l untilSink) Commit(r *sim.StepRecord) error {
	l.mu.Lock()
	until := l.until
	l.mu.Unlock()
	if until != nil && until(r) {
		l.mu.Lock()
		l.untilMet = true
		l.mu.Unlock()
	}
	return nil
}

// Run makes steps until the scenario's last one has been made, a step fails or ctx is done.
// It never stops within a step.
func (l *Driver) Run(ctx context.Context) error {
	if l.runner.Done() >= l.runner.World.Scenario.Calendar.Steps {
		l.end(Ended, nil)
	}
	l.mu.Lock()
	l.due = l.now()
	l.mu.Unlock()
	timer := time.NewTimer(idle)
	defer timer.Stop()
	for {
		wait, state := l.waitAndState(l.now())
		switch {
		case ctx.Err() != nil:
			return nil
		case state.Over():
			return l.Clock().Err
		case wait == 0:
			l.makeStep(ctx)
			continue
		}
		timer.Reset(wait)
		select {
		case <-ctx.Done():
		case <-l.wake:
		case <-timer.C:
		}
	}
}

// idle is how long a paused run sleeps unless it is woken.
const idle = time.Hour

// waitAndState returns the time until the next step is due, and the state.
func (l *Driver) waitAndState(now time.Time) (time.Duration, State) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.untilNext(now), l.state
}

// untilNext returns the time until the next step is due. The caller holds mu.
func (l *Driver) untilNext(now time.Time) time.Duration {
	switch {
	case l.state != Playing:
		return idle
	case l.goal > l.next || l.speed == 0:
		return 0
	}
	return max(0, l.due.Sub(now))
}

// makeStep makes the next step, unless it is no longer due when it may start.
func (l *Driver) makeStep(ctx context.Context) {
	if !l.begin(ctx) {
		return
	}
	more, err := l.runner.Step()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.done, l.next = l.runner.Done(), l.runner.Done()
	l.markStep(l.now())
	switch {
	case err != nil:
		l.state, l.err = Failed, err
	case !more:
		l.state = Ended
	case l.untilMet, l.goal > 0 && l.next == l.goal:
		l.state, l.goal = Paused, 0
	}
	if l.untilMet || l.state != Playing {
		l.untilMet, l.until = false, nil
	}
	l.notify()
}

// begin starts a step: it gives the world the pending commands and drops the commands of
// steps that have been made. Later commands are for the step after this one. It waits while
// commands are being stored, because this step must carry them out. If the step is no longer
// due after that, or ctx is done, begin changes nothing and returns false.
func (l *Driver) begin(ctx context.Context) bool {
	select {
	case l.turn <- struct{}{}:
	case <-ctx.Done():
		return false
	}
	defer func() { <-l.turn }()
	if !l.advance(l.now()) {
		return false
	}
	l.runner.World.Schedule(l.pending)
	l.pending, l.weight = nil, 0
	l.runner.World.Forget(l.runner.Done())
	return true
}

// advance moves the clock to the step that starts now. It returns false if none is due.
func (l *Driver) advance(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.untilNext(now) > 0 {
		return false
	}
	l.next = l.runner.Done() + 1
	if l.speed > 0 {
		interval := time.Duration(float64(l.runner.World.Scenario.Calendar.Step) / l.speed * float64(time.Second))
		l.due = l.due.Add(interval)
		if l.due.Before(now) { // too slow for its speed: lost time is not made up
			l.due = now
		}
	}
	return true
}

// markStep records when a step was completed, and forgets marks older than reachedOver.
func (l *Driver) markStep(now time.Time) {
	l.marks = append(l.marks, mark{now, l.next})
	old := 0
	for old < len(l.marks)-2 && now.Sub(l.marks[old].at) > reachedOver {
		old++
	}
	if l.marks = l.marks[old:]; len(l.marks) > 256 {
		l.marks = append(l.marks[:0], l.marks[len(l.marks)-128:]...)
	}
}

// measuredSpeed is the speed over the last steps, simulated seconds per second; 0 if unknown.
// The caller holds mu.
func (l *Driver) measuredSpeed() float64 {
	n := len(l.marks)
	if n < 2 || l.state != Playing {
		return 0
	}
	took := l.marks[n-1].at.Sub(l.marks[0].at).Seconds()
	if took <= 0 {
		return 0
	}
	return float64(l.marks[n-1].tick-l.marks[0].tick) * float64(l.runner.World.Scenario.Calendar.Step) / took
}

func (l *Driver) end(s State, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state, l.err = s, err
	l.notify()
}

// notify wakes the callers of Watch and Wait, and the run. The caller holds mu.
func (l *Driver) notify() {
	close(l.changed)
	l.changed = make(chan struct{})
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// Clock returns the clock of the run.
func (l *Driver) Clock() Clock {
	c, _ := l.Watch()
	return c
}

// Watch returns the clock and a channel that is closed at the clock's next change.
func (l *Driver) Watch() (Clock, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return Clock{State: l.state, Tick: l.done, Speed: l.speed, Reached: l.measuredSpeed(), Err: l.err}, l.changed
}

// Wait blocks until wanted accepts the clock, or ctx is done.
func (l *Driver) Wait(ctx context.Context, wanted func(Clock) bool) (Clock, error) {
	for {
		c, changed := l.Watch()
		if wanted(c) {
			return c, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return c, ctx.Err()
		}
	}
}

// mostPending bounds the memory of the commands that wait for the next step, bytes: about
// 200,000 commands, so that a controller can set 100,000 twins in one step twice.
const mostPending = 128 << 20

// perCommand is the memory of a command without its texts, bytes: 80 in each of the lists of
// the run, its world, its server and its journal, and 200 for the values that its setting
// takes over the run.
const perCommand = 5*80 + 200

// weightOf returns the memory of commands, bytes.
func weightOf(commands []twins.Command) (bytes int) {
	for i := range commands {
		c := &commands[i]
		bytes += perCommand + len(c.Target) + len(c.Body) + len(c.Key)
	}
	return bytes
}

// ErrTooMany is returned by Add when the commands that wait for the next step would take more
// memory than they may.
var ErrTooMany = fmt.Errorf("no more than %d MiB of commands may wait for the next step, about %d of them: wanted a step before more commands",
	mostPending>>20, mostPending/(perCommand+50)/1000*1000)

// BegunError is returned by Add for a command whose step has been begun.
type BegunError struct {
	Target     string
	Step, Next twins.Tick // of the command; the first that has not been begun
}

func (e *BegunError) Error() string {
	return fmt.Sprintf("%s: step %d has been begun, wanted step %d or a later one", e.Target, e.Step, e.Next)
}

// ErrOver is returned by methods that control a run which is over.
var ErrOver = errors.New("the run is over: no step will be made any more")

// Pause stops the run after the step in progress.
func (l *Driver) Pause() error { return l.control(func() { l.pauseLocked() }) }

// pauseLocked is Pause for a caller that holds mu.
func (l *Driver) pauseLocked() {
	l.state, l.goal, l.until = Paused, 0, nil
	l.marks = l.marks[max(0, len(l.marks)-1):]
}

// Play continues the run at its speed.
func (l *Driver) Play() error {
	return l.control(func() {
		if l.state == Paused {
			l.due = l.now()
		}
		l.state, l.goal, l.until = Playing, 0, nil
	})
}

// SetSpeed sets the simulated seconds per second; 0 is as fast as possible.
func (l *Driver) SetSpeed(speed float64) error {
	if err := CheckSpeed(speed); err != nil {
		return err
	}
	return l.control(func() {
		l.speed, l.due = speed, l.now()
		l.marks = l.marks[max(0, len(l.marks)-1):]
	})
}

// CheckSpeed returns an error unless speed is 0 or within the bounds of a speed.
func CheckSpeed(speed float64) error {
	if !(speed >= 0 && speed <= mostSpeed) || speed > 0 && speed < leastSpeed {
		return fmt.Errorf("speed %v, wanted %v to %v simulated seconds per second", speed, leastSpeed, float64(mostSpeed))
	}
	return nil
}

// Bounds of a speed, simulated seconds per second.
const (
	leastSpeed = 0.01
	mostSpeed  = 1e9
)

// Seek runs without a pace until t steps have been made, then pauses. It returns at once. A
// run goes forward only: t below the steps already made is an error.
func (l *Driver) Seek(t twins.Tick) error {
	_, err := l.setGoal(t, nil)
	return err
}

// setGoal is Seek with a condition that also ends it; nil: none.
func (l *Driver) setGoal(t twins.Tick, until func(*sim.StepRecord) bool) (twins.Tick, error) {
	steps := l.runner.World.Scenario.Calendar.Steps
	var err error
	over := l.control(func() {
		from := l.next
		switch {
		case t > steps:
			err = fmt.Errorf("step %d is beyond the end: the run has %d steps", t, steps)
		case t < from:
			err = fmt.Errorf("step %d has been made: a run goes forward only and is at step %d", t, from)
		case t == l.done:
			l.pauseLocked()
		default: // t == from: the step in progress is the last one, and is waited for
			l.state, l.goal, l.until = Playing, t, until
		}
	})
	return t, errors.Join(over, err)
}

// Step makes n steps without a pace and pauses. It waits until the run is paused, which
// another caller can do earlier.
func (l *Driver) Step(ctx context.Context, n int) (Clock, error) {
	if n < 1 {
		return l.Clock(), fmt.Errorf("%d steps, wanted at least 1", n)
	}
	l.mu.Lock()
	goal := min(l.next+twins.Tick(n), l.runner.World.Scenario.Calendar.Steps)
	l.mu.Unlock()
	if _, err := l.setGoal(goal, nil); err != nil {
		return l.Clock(), err
	}
	return l.Wait(ctx, stopped)
}

// StepUntil makes steps without a pace until wanted accepts a step's record, or the run ends,
// and pauses. It waits until the run is paused. wanted must not keep the record, which is
// valid only during the call.
func (l *Driver) StepUntil(ctx context.Context, wanted func(*sim.StepRecord) bool) (Clock, error) {
	if _, err := l.setGoal(l.runner.World.Scenario.Calendar.Steps, wanted); err != nil {
		return l.Clock(), err
	}
	return l.Wait(ctx, stopped)
}

func stopped(c Clock) bool { return c.State != Playing }

// control applies a change to the run and wakes it. It returns ErrOver if the run is over.
func (l *Driver) control(change func()) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state.Over() {
		return ErrOver
	}
	change()
	l.notify()
	return nil
}

// Add accepts commands for steps that have not been started; Step 0 means the first such. It
// numbers the commands, stores them, and returns them as they will be carried out. It accepts
// all of them, or none and returns an error. Concurrent callers are served one after another,
// so that commands are stored and carried out in the order of their numbers. Numbers passed
// to Options.Keep are not used again even if it fails, because part of the commands may be on
// disk.
func (l *Driver) Add(commands ...twins.Command) ([]twins.Command, error) {
	return l.add(commands, false)
}

// AddAt is Add for commands whose Step is meant as it is, 0 included.
func (l *Driver) AddAt(commands ...twins.Command) ([]twins.Command, error) {
	return l.add(commands, true)
}

func (l *Driver) add(commands []twins.Command, exact bool) ([]twins.Command, error) {
	if len(commands) == 0 {
		return nil, nil
	}
	l.turn <- struct{}{}
	defer func() { <-l.turn }()
	taken, err := l.number(commands, exact)
	if err != nil {
		return nil, err
	}
	weight := weightOf(taken)
	if l.weight+weight > mostPending {
		return nil, ErrTooMany
	}
	passed, err := l.runner.World.Pass(taken)
	if err != nil {
		return nil, err
	}
	l.seq += int64(len(taken))
	if l.keep != nil {
		if err := l.keep(taken); err != nil {
			return nil, fmt.Errorf("the command could not be kept: %w", err)
		}
	}
	passed.Take()
	l.pending, l.weight = append(l.pending, taken...), l.weight+weight
	return taken, nil
}

// number returns the commands with their steps and the numbers after seq, which it does not
// change. The caller holds turn.
func (l *Driver) number(commands []twins.Command, exact bool) ([]twins.Command, error) {
	l.mu.Lock()
	next, over := l.next, l.state.Over()
	l.mu.Unlock()
	if over {
		return nil, ErrOver
	}
	taken := slices.Clone(commands)
	steps := l.runner.World.Scenario.Calendar.Steps
	for i := range taken {
		c := &taken[i]
		if c.Step == 0 && !exact {
			c.Step = next
		}
		switch {
		case c.Step < next:
			return nil, &BegunError{c.Target, c.Step, next}
		case c.Step >= steps:
			return nil, fmt.Errorf("%s: step %d is beyond the last one, %d", c.Target, c.Step, steps-1)
		}
		c.Seq = l.seq + int64(i) + 1
	}
	return taken, nil
}
