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

// Driver drives a Runner for those who watch it: it pauses, plays at a speed, makes
// some steps, and takes commands from outside between them. Wall time paces the
// steps and enters nothing else: a run has the digest of the same run without a
// pace. It waits for nobody who watches.
//
// Run makes the steps in the goroutine that calls it; all other methods may be
// called from any. Only Add and the beginning of a step wait for commands that are
// being kept; all others answer meanwhile.
type Driver struct {
	runner *sim.Runner
	keep   func([]twins.Command) error
	wake   chan struct{}

	// turn holds one value while commands are numbered, kept and published, or a step
	// begins; whoever wants it next waits in line. It is taken before mu. seq, pending and
	// the world's commands belong to its holder.
	turn    chan struct{}
	pending []twins.Command // kept, and not in the world yet
	weight  int             // of pending, bytes
	seq     int64           // of the last command that was given to keep

	mu       sync.Mutex    // never held while something is kept
	changed  chan struct{} // closed at each change, and made anew
	state    State
	err      error
	done     twins.Tick // steps made
	next     twins.Tick // the step that has not been begun; changed only by the holder of turn as well
	speed    float64    // simulated seconds per second; 0: as fast as it goes
	goal     twins.Tick // steps up to it are made without a pace; then it pauses
	until    func(*sim.StepRecord) bool
	untilMet bool
	due      time.Time
	marks    []mark
}

// State is what a live run does.
type State uint8

// The states of a live run.
const (
	Paused  State = iota
	Playing       // or making the steps that were asked for
	Ended         // the scenario's last step is made
	Failed
)

var stateNames = [...]string{"paused", "live", "ended", "failed"}

func (s State) String() string { return stateNames[s] }

// Over says that no step will be made any more.
func (s State) Over() bool { return s >= Ended }

// Clock is the clock of a live run.
type Clock struct {
	State   State
	Tick    twins.Tick // steps made
	Speed   float64    // asked, simulated seconds per second; 0: as fast as it goes
	Reached float64    // of the last steps
	Err     error      // why it has failed
}

// Options are how a live run begins.
type Options struct {
	Paused bool
	Speed  float64 // simulated seconds per second; 0: as fast as it goes
	// Keep makes commands durable before they are taken; nil: memory will do.
	Keep func([]twins.Command) error
}

// mark is when a step was done.
type mark struct {
	at   time.Time
	tick twins.Tick
}

// reachedOver is how long the speed reached looks back.
const reachedOver = 3 * time.Second

// New makes a live run of a runner. No other code may step the runner.
func New(r *sim.Runner, o Options) *Driver {
	l := &Driver{runner: r, keep: o.Keep, wake: make(chan struct{}, 1), turn: make(chan struct{}, 1), changed: make(chan struct{}), speed: o.Speed, done: r.Done(), next: r.Done()}
	if !o.Paused {
		l.state = Playing
	}
	l.seq = r.World.LastSeq()
	r.World.CheckDuringSteps()
	r.Sinks = append(r.Sinks, untilSink{l})
	return l
}

// untilSink sees what Until looks for.
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

// Run makes steps as it is told, until the scenario's last one is made, a step
// fails or ctx is done: always whole steps.
func (l *Driver) Run(ctx context.Context) error {
	if l.runner.Done() >= l.runner.World.Scenario.Calendar.Steps {
		l.end(Ended, nil)
	}
	l.mu.Lock()
	l.due = time.Now()
	l.mu.Unlock()
	timer := time.NewTimer(idle)
	defer timer.Stop()
	for {
		wait, state := l.waitAndState(time.Now())
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

// idle is how long a paused run sleeps if nobody wakes it.
const idle = time.Hour

// waitAndState says how long to wait for the next step.
func (l *Driver) waitAndState(now time.Time) (time.Duration, State) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.untilNext(now), l.state
}

// untilNext is how long it is until the next step is due. The caller holds mu.
func (l *Driver) untilNext(now time.Time) time.Duration {
	switch {
	case l.state != Playing:
		return idle
	case l.goal > l.next || l.speed == 0:
		return 0
	}
	return max(0, l.due.Sub(now))
}

// makeStep makes the next step, if it is still due once it may begin.
func (l *Driver) makeStep(ctx context.Context) {
	if !l.begin(ctx) {
		return
	}
	more, err := l.runner.Step()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.done, l.next = l.runner.Done(), l.runner.Done()
	l.markStep(time.Now())
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

// begin gives the world what was commanded, and drops what is over: from now on commands are for the step
// after this one. It waits for commands that are being kept, which this step must carry
// out. It reports false, and has begun nothing, if the step is not due any more after
// that or ctx is done.
func (l *Driver) begin(ctx context.Context) bool {
	select {
	case l.turn <- struct{}{}:
	case <-ctx.Done():
		return false
	}
	defer func() { <-l.turn }()
	if !l.advance(time.Now()) {
		return false
	}
	l.runner.World.Schedule(l.pending)
	l.pending, l.weight = nil, 0
	l.runner.World.Forget(l.runner.Done())
	return true
}

// advance moves the clock on to the step that begins now, unless none is due.
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
		if l.due.Before(now) { // too slow for its speed: what is lost is not made up
			l.due = now
		}
	}
	return true
}

// markStep notes when a step was done.
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

// notify wakes whoever waits for a change, and the run. The caller holds mu.
func (l *Driver) notify() {
	close(l.changed)
	l.changed = make(chan struct{})
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// Clock is where the run stands.
func (l *Driver) Clock() Clock {
	c, _ := l.Watch()
	return c
}

// Watch returns the clock and a channel that is closed when it has changed.
func (l *Driver) Watch() (Clock, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return Clock{State: l.state, Tick: l.done, Speed: l.speed, Reached: l.measuredSpeed(), Err: l.err}, l.changed
}

// Wait waits until the clock is as wanted, or ctx is done.
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

// mostPending bounds the memory of the commands that wait for the next step to be
// begun: about 200,000 of them, so that a controller can set 100,000 twins in one
// step twice over.
const mostPending = 128 << 20

// perCommand is what a command takes beside its texts: 80 bytes in each of the lists of
// the run, its world, its server and its journal, and 200 for the course of its
// setting.
const perCommand = 5*80 + 200

// weightOf is the memory that commands take, bytes.
func weightOf(commands []twins.Command) (bytes int) {
	for i := range commands {
		c := &commands[i]
		bytes += perCommand + len(c.Target) + len(c.Body) + len(c.Key)
	}
	return bytes
}

// ErrTooMany says that the commands that wait for the next step hold as much memory as
// they may.
var ErrTooMany = fmt.Errorf("no more than %d MiB of commands may wait for the next step, about %d of them: wanted a step before more commands",
	mostPending>>20, mostPending/(perCommand+50)/1000*1000)

// ErrOver says that a run is over, so that nothing can be asked of it any more.
var ErrOver = errors.New("the run is over: no step will be made any more")

// Pause stops after the step in progress.
func (l *Driver) Pause() error { return l.control(func() { l.pauseLocked() }) }

func (l *Driver) pauseLocked() {
	l.state, l.goal, l.until = Paused, 0, nil
	l.marks = l.marks[max(0, len(l.marks)-1):]
}

// Play goes on at the speed that is set.
func (l *Driver) Play() error {
	return l.control(func() {
		if l.state == Paused {
			l.due = time.Now()
		}
		l.state, l.goal, l.until = Playing, 0, nil
	})
}

// SetSpeed sets the simulated seconds per second; 0 is as fast as it goes.
func (l *Driver) SetSpeed(speed float64) error {
	if err := CheckSpeed(speed); err != nil {
		return err
	}
	return l.control(func() {
		l.speed, l.due = speed, time.Now()
		l.marks = l.marks[max(0, len(l.marks)-1):]
	})
}

// CheckSpeed refuses what cannot be a speed.
func CheckSpeed(speed float64) error {
	if !(speed >= 0 && speed <= mostSpeed) || speed > 0 && speed < leastSpeed {
		return fmt.Errorf("speed %v, wanted %v to %v simulated seconds per second", speed, leastSpeed, float64(mostSpeed))
	}
	return nil
}

// Bounds of a speed.
const (
	leastSpeed = 0.01
	mostSpeed  = 1e9
)

// Seek makes steps without a pace until t are made, then pauses. It does not wait
// for that. A run goes forward only.
func (l *Driver) Seek(t twins.Tick) error {
	_, err := l.setGoal(t, nil)
	return err
}

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
		case t == from:
			l.pauseLocked()
		default:
			l.state, l.goal, l.until = Playing, t, until
		}
	})
	return t, errors.Join(over, err)
}

// Step makes n steps without a pace, pauses, and waits for that. Somebody else may
// pause it earlier.
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

// StepUntil makes steps without a pace until one is as wanted, pauses, and waits
// for that; at the end of the run it stops in any case. wanted is called while the
// record is valid.
func (l *Driver) StepUntil(ctx context.Context, wanted func(*sim.StepRecord) bool) (Clock, error) {
	if _, err := l.setGoal(l.runner.World.Scenario.Calendar.Steps, wanted); err != nil {
		return l.Clock(), err
	}
	return l.Wait(ctx, stopped)
}

func stopped(c Clock) bool { return c.State != Playing }

// control changes what the run does next.
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

// Add takes commands for a step that has not been begun: the first such if their
// Step is 0. It numbers them, has them kept, and returns them as they will be
// carried out: all of them, or none and why they are refused. Several callers take
// turns, so that commands are kept and carried out in the order of their numbers. A
// number that was given to the keeper is used up even if it has failed: part of what
// failed may be on disk.
func (l *Driver) Add(commands ...twins.Command) ([]twins.Command, error) {
	if len(commands) == 0 {
		return nil, nil
	}
	l.turn <- struct{}{}
	defer func() { <-l.turn }()
	taken, err := l.number(commands)
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

// number gives commands their steps and the numbers that follow, without using them up.
// The caller holds turn.
func (l *Driver) number(commands []twins.Command) ([]twins.Command, error) {
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
		if c.Step == 0 {
			c.Step = next
		}
		switch {
		case c.Step < next:
			return nil, fmt.Errorf("%s: step %d has been begun, wanted step %d or a later one", c.Target, c.Step, next)
		case c.Step >= steps:
			return nil, fmt.Errorf("%s: step %d is beyond the last one, %d", c.Target, c.Step, steps-1)
		}
		c.Seq = l.seq + int64(i) + 1
	}
	return taken, nil
}
