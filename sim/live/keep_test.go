package live

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/twins"
)

// slowKeeper is a slow disk: storing commands takes until the test lets it return.
type slowKeeper struct {
	asked chan []twins.Command // one value for each call of keep
	done  chan error           // what that call returns
}

func newSlowKeeper() *slowKeeper {
	return &slowKeeper{make(chan []twins.Command, 10), make(chan error)}
}

func (k *slowKeeper) keep(c []twins.Command) error { k.asked <- c; return <-k.done }

// scaleOf is a command that sets the scale of a home's load.
func scaleOf(home string, v int64) twins.Command {
	return twins.Set(home, "load.scale", v)
}

// addResult is the result of Add.
type addResult struct {
	taken []twins.Command
	err   error
}

// addAsync calls Add in a goroutine of its own and returns a channel for its result.
func (l *liveRun) addAsync(c twins.Command) <-chan addResult {
	back := make(chan addResult, 1)
	go func() {
		taken, err := l.Add(c)
		back <- addResult{taken, err}
	}()
	return back
}

// The clock can be read and controlled while a command is being stored.
func TestLiveClockAnswersWhileAddWaits(t *testing.T) {
	k := newSlowKeeper()
	l := startLive(t, mustBuild(t, mustLoad(t, baseScenario(t))), Options{Paused: true, Keep: k.keep})
	if _, err := l.Step(t.Context(), 3); err != nil {
		t.Fatal(err)
	}
	back := l.addAsync(scaleOf("grid/street/h1", int64(twins.One)))
	<-k.asked
	answered := make(chan Clock)
	go func() {
		_, _ = l.Watch()
		if err := errors.Join(l.SetSpeed(60), l.Pause(), l.Seek(3)); err != nil {
			t.Error(err)
		}
		answered <- l.Clock()
	}()
	select {
	case c := <-answered:
		if c.Tick != 3 || c.Speed != 60 || c.State != Paused {
			t.Errorf("clock %+v", c)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the clock waits for a command that is being stored")
	}
	k.done <- nil
	if a := <-back; a.err != nil || a.taken[0].Step != 3 {
		t.Errorf("%+v", a)
	}
}

// Commands of several callers are stored in the order of their numbers, one at a time. The
// number of a command that could not be stored is not used again.
func TestLiveKeepsInOrder(t *testing.T) {
	w := mustBuild(t, mustLoad(t, baseScenario(t))) // its event has the number 1
	var carried []int64
	synctest.Test(t, func(t *testing.T) {
		k := newSlowKeeper()
		l := startLive(t, w, Options{Paused: true, Keep: k.keep})
		var backs []<-chan addResult
		for i := range int64(5) {
			backs = append(backs, l.addAsync(scaleOf("grid/street/h1", int64(twins.One)+i)))
			synctest.Wait() // so that the commands arrive in this order
		}
		full := errors.New("disk full")
		var kept []int64
		for i := range backs {
			if n := len(k.asked); n != 1 {
				t.Fatalf("%d commands are being stored at a time, wanted 1", n)
			}
			c := (<-k.asked)[0]
			kept = append(kept, c.Seq)
			var err error
			if i == 1 {
				err = full
			}
			k.done <- err
			if a := <-backs[i]; !errors.Is(a.err, err) || err == nil && a.taken[0] != c {
				t.Errorf("command %d: %+v, wanted it as it was stored, %+v", i, a, c)
			}
			synctest.Wait()
		}
		if got := fmt.Sprint(kept); got != "[2 3 4 5 6]" {
			t.Errorf("numbers %s, wanted each once and in order", got)
		}
		l.runner.Sinks = append(l.runner.Sinks, sim.SinkFunc(func(r *sim.StepRecord) error {
			for i := range r.Commands {
				if r.Tick == 0 {
					carried = append(carried, r.Commands[i].Seq)
				}
			}
			return nil
		}))
		if err := errors.Join(l.SetSpeed(0), l.Play()); err != nil {
			t.Fatal(err)
		}
		l.waitForEnd(t)
	})
	if got := fmt.Sprint(carried); got != "[2 4 5 6]" {
		t.Errorf("commands %s were carried out, wanted those that were stored", got)
	}
}

// A step that is due waits while a command for it is being stored, and carries the command
// out. The step is not made if the run is paused meanwhile. A run that is cancelled does not
// wait.
func TestLiveStepWaitsForItsCommand(t *testing.T) {
	w := mustBuild(t, mustLoad(t, baseScenario(t)))
	synctest.Test(t, func(t *testing.T) {
		k := newSlowKeeper()
		ctx, cancel := context.WithCancel(t.Context())
		l := New(&sim.Runner{World: w, Stepper: sim.NewFlat(w, nil, true)}, Options{Paused: true, Keep: k.keep})
		run := &liveRun{Driver: l, done: make(chan error, 1)}
		go func() { run.done <- l.Run(ctx) }()
		tick := func() twins.Tick { synctest.Wait(); return l.Clock().Tick }
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		back := run.addAsync(scaleOf("grid/street/h1", 2*int64(twins.One)))
		<-k.asked
		must(l.Seek(2))
		if got := tick(); got != 0 {
			t.Fatalf("step %d was made without the command that is being stored for step 0", got-1)
		}
		must(l.Pause())
		k.done <- nil
		if a := <-back; a.err != nil || a.taken[0].Step != 0 {
			t.Fatalf("%+v", a)
		}
		if got := tick(); got != 0 {
			t.Errorf("step %d was made though the run is paused", got-1)
		}
		back = run.addAsync(scaleOf("grid/street/h2", 2*int64(twins.One)))
		<-k.asked
		must(l.Seek(1))
		k.done <- nil
		if a := <-back; a.err != nil || a.taken[0].Step != 0 {
			t.Fatalf("%+v", a)
		}
		if got := tick(); got != 1 {
			t.Errorf("%d steps were made, wanted only the one that waited", got)
		}
		if got := len(commandsOf(w, 0)); got != 2 {
			t.Errorf("step 0 has carried out %d commands, wanted 2", got)
		}
		back = run.addAsync(scaleOf("grid/street/h1", 3*int64(twins.One)))
		<-k.asked
		must(l.Play())
		if got := tick(); got != 1 {
			t.Errorf("%d steps were made while a command is being stored, wanted 1", got)
		}
		cancel()
		if err := <-run.done; err != nil {
			t.Error(err)
		}
		k.done <- nil
		<-back
	})
}

// A live run drops the commands of steps that have been made. It still refuses and carries
// out later commands as a world does that holds all of them.
func TestLiveDropsCommandsOfStepsThatAreOver(t *testing.T) {
	w, all := mustBuild(t, mustLoad(t, baseScenario(t))), mustBuild(t, mustLoad(t, baseScenario(t)))
	l := startLive(t, w, Options{Paused: true})
	steps := int(w.Scenario.Calendar.Steps)
	refused, most := 0, 0
	for at := range steps - 1 {
		random := rand.New(rand.NewPCG(uint64(at), 31))
		for range 20 {
			c := twins.Set([]string{"grid/street/h1", "grid/street/h2"}[random.IntN(2)], "load.scale", int64(random.IntN(1000))*int64(twins.One))
			if random.IntN(2) == 0 {
				c = twins.Multiply(c.Target, "load.scale", int64(random.IntN(8))*int64(twins.One))
			}
			c = c.At(twins.Tick(min(steps-1, at+random.IntN(3))), 0)
			if c.Step == 0 && at > 0 {
				t.Fatal("the test made a command for a step that has been made")
			}
			taken, err := l.Add(c)
			probe := c.At(c.Step, math.MaxInt64)
			if want := all.Check(probe); fmt.Sprint(err) != fmt.Sprint(want) {
				t.Fatalf("step %d: %v, wanted %v", at, err, want)
			}
			if err != nil {
				refused++
				continue
			}
			if err := all.Add(taken[0]); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := l.Step(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		l.turn <- struct{}{}
		held := len(l.pending) + w.Held()
		<-l.turn
		most = max(most, held)
	}
	if most > 2*4*20 || refused == 0 {
		t.Errorf("up to %d commands are held at 20 new ones in each step, %d were refused", most, refused)
	}
	if _, err := l.Step(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if err := <-l.done; err != nil {
		t.Fatal(err)
	}
	if got, want := l.chain.Digest().String(), digestOf(t, all); got != want {
		t.Errorf("digest %s, wanted %s", got, want)
	}
}
