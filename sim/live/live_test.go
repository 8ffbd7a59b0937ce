package live

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/twins"
)

// liveRun is a live run with its chain of records.
type liveRun struct {
	*Driver
	chain *sim.Chain
	done  chan error
}

func startLive(t *testing.T, w *sim.World, o Options) *liveRun {
	t.Helper()
	chain := w.NewChain()
	l := &liveRun{New(&sim.Runner{World: w, Stepper: sim.NewFlat(w, nil, true), Sinks: []sim.Sink{chain}}, o), chain, make(chan error, 1)}
	ctx, cancel := context.WithCancel(t.Context())
	go func() { l.done <- l.Run(ctx) }()
	t.Cleanup(cancel)
	return l
}

func digestOf(t *testing.T, w *sim.World) string {
	t.Helper()
	chain := w.NewChain()
	if _, err := (&sim.Runner{World: w, Stepper: sim.NewFlat(w, nil, true), Sinks: []sim.Sink{chain}}).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	return chain.Digest().String()
}

func mustShip(t *testing.T, name string) *sim.World {
	t.Helper()
	s, err := scenario.Load(name, scenario.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return mustBuild(t, s)
}

// baseScenario is the scenario that the tests of package sim start from.
func baseScenario(t testing.TB) string {
	t.Helper()
	b, err := os.ReadFile("../testdata/scenario/base.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func mustLoad(t testing.TB, source string) *scenario.Scenario {
	t.Helper()
	s, err := scenario.Origin{File: "x.yaml", Dir: "../testdata/scenario", Text: []byte(source), Events: scenario.EventsDue}.Load()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func mustBuild(t testing.TB, s *scenario.Scenario) *sim.World {
	t.Helper()
	w, err := sim.Build(s)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// commandsOf returns the commands of a step from its Env.
func commandsOf(w *sim.World, t twins.Tick) []twins.Command {
	var env twins.Env
	w.Env(t, &env)
	return env.Commands
}

func (l *liveRun) waitForEnd(t *testing.T) {
	t.Helper()
	if err := <-l.done; err != nil {
		t.Fatal(err)
	}
}

// toggle is a type of command that no kind accepts.
var toggle = twins.DeclareCommand(twins.CommandType{Name: "toggle"})

// A live run has the digest of a headless run, however its clock is controlled.
func TestLiveDigestIsTheHeadlessOne(t *testing.T) {
	want := digestOf(t, mustShip(t, "hamlet"))
	synctest.Test(t, func(t *testing.T) {
		l := startLive(t, mustShip(t, "hamlet"), Options{Paused: true, Speed: 3600})
		check := func(c Clock, err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		check(l.Step(t.Context(), 3))
		check(l.StepUntil(t.Context(), func(r *sim.StepRecord) bool { return len(r.Commands) > 0 }))
		if got := l.Clock().Tick; got != 18 { // the step of 17:00 has been made
			t.Errorf("stopped after step %d, want 18", got)
		}
		check(Clock{}, l.Play())
		check(l.Wait(t.Context(), func(c Clock) bool { return c.Tick == 20 }))
		check(Clock{}, l.Pause())
		check(Clock{}, l.Seek(22))
		check(l.Wait(t.Context(), stopped))
		check(Clock{}, l.SetSpeed(0))
		check(Clock{}, l.Play())
		l.waitForEnd(t)
		if got := l.chain.Digest().String(); got != want {
			t.Errorf("digest %s, want %s", got, want)
		}
		if c := l.Clock(); c.State != Ended || c.Tick != 24 {
			t.Errorf("clock %+v", c)
		}
		if err := l.Play(); !errors.Is(err, ErrOver) {
			t.Errorf("play: %v", err)
		}
	})
}

// Step, Seek and StepUntil wait for a last step that is in progress: what they answer is the end of
// the run, not a pause one step before it.
func TestLiveWaitsForTheLastStepInProgress(t *testing.T) {
	for name, ask := range map[string]func(context.Context, *liveRun) (Clock, error){
		"step": func(ctx context.Context, l *liveRun) (Clock, error) { return l.Step(ctx, 100) },
		"until": func(ctx context.Context, l *liveRun) (Clock, error) {
			return l.StepUntil(ctx, func(*sim.StepRecord) bool { return false })
		},
		"seek": func(ctx context.Context, l *liveRun) (Clock, error) {
			if err := l.Seek(24); err != nil {
				return Clock{}, err
			}
			return l.Wait(ctx, stopped)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, last := mustShip(t, "hamlet"), &lastStep{begun: make(chan struct{}), goOn: make(chan struct{})}
				l := &liveRun{New(&sim.Runner{World: w, Stepper: sim.NewFlat(w, nil, true), Sinks: []sim.Sink{last}}, Options{}), nil, make(chan error, 1)}
				go func() { l.done <- l.Run(t.Context()) }()
				<-last.begun
				go func() {
					synctest.Wait() // until the question is asked
					close(last.goOn)
				}()
				if c, err := ask(t.Context(), l); err != nil || c.State != Ended || c.Tick != 24 {
					t.Errorf("clock %+v, error %v; want ended at step 24", c, err)
				}
				l.waitForEnd(t)
			})
		})
	}
}

// Promise R4: jumps of the wall clock by up to a day, in either direction and at each reading, change
// no digest and move no command to another step. The clock paces the run and does nothing else.
func TestJumpsOfTheWallClockChangeNothing(t *testing.T) {
	const command = "  - {at: 5, set: batteries.b1.mode=idle}\n"
	want := digestOf(t, mustBuild(t, mustLoad(t, baseScenario(t)+command)))
	for seed := range uint64(5) {
		synctest.Test(t, func(t *testing.T) {
			w := mustBuild(t, mustLoad(t, baseScenario(t)))
			chain := w.NewChain()
			l := New(&sim.Runner{World: w, Stepper: sim.NewFlat(w, nil, true), Sinks: []sim.Sink{chain}}, Options{Paused: true, Speed: 3600})
			random := rand.New(rand.NewPCG(seed, 1))
			var mu sync.Mutex
			l.now = func() time.Time {
				mu.Lock()
				defer mu.Unlock()
				return time.Now().Round(0).Add(time.Duration(random.Int64N(int64(48*time.Hour))) - 24*time.Hour) // Round: without the monotonic reading
			}
			done := make(chan error, 1)
			go func() { done <- l.Run(t.Context()) }()
			if _, err := l.Step(t.Context(), 3); err != nil {
				t.Fatal(err)
			}
			idle, err := w.Scenario.Commands([]string{"batteries.b1.mode=idle"}, 5)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := l.Add(idle...); err != nil {
				t.Fatal(err)
			}
			if err := l.Play(); err != nil {
				t.Fatal(err)
			}
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			if got := chain.Digest().String(); got != want {
				t.Errorf("seed %d: digest %s, want %s", seed, got, want)
			}
		})
	}
}

// lastStep is a sink that holds the last step of hamlet until it may go on.
type lastStep struct{ begun, goOn chan struct{} }

func (s *lastStep) Commit(r *sim.StepRecord) error {
	if r.Tick == 23 {
		close(s.begun)
		<-s.goOn
	}
	return nil
}

// A run with a command has the digest of a run with the same change under events.
func TestLiveCommandIsAnEvent(t *testing.T) {
	want := digestOf(t, mustShip(t, "hamlet"))
	base := baseScenario(t)
	changed := digestOf(t, mustBuild(t, mustLoad(t, base+"  - {at: 5, set: batteries.b1.mode=idle}\n")))
	w := mustBuild(t, mustLoad(t, base))
	if changed == digestOf(t, mustBuild(t, mustLoad(t, base))) || changed == want {
		t.Fatal("the change changes nothing")
	}
	var kept []twins.Command
	l := startLive(t, w, Options{Paused: true, Keep: func(c []twins.Command) error { kept = append(kept, c...); return nil }})
	if _, err := l.Step(t.Context(), 5); err != nil {
		t.Fatal(err)
	}
	commands, err := w.Scenario.Commands([]string{"batteries.b1.mode=idle"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	taken, err := l.Add(commands...)
	if err != nil || len(taken) != 1 || taken[0].Step != 5 || taken[0].Seq != 2 || len(kept) != 1 || kept[0] != taken[0] {
		t.Fatalf("taken %+v, kept %+v, %v", taken, kept, err)
	}
	if err := errors.Join(l.SetSpeed(0), l.Play()); err != nil {
		t.Fatal(err)
	}
	l.waitForEnd(t)
	if got := l.chain.Digest().String(); got != changed {
		t.Errorf("digest %s, want that of the change under events: %s", got, changed)
	}
}

// Add refuses every command that would fail the run later.
func TestLiveRefuses(t *testing.T) {
	source := baseScenario(t) + "  - {at: 20, set: [ties.tie.import_w*=1e8]}\n"
	w := mustBuild(t, mustLoad(t, source))
	full := errors.New("disk full")
	keep := func([]twins.Command) error { return nil }
	l := startLive(t, w, Options{Paused: true, Keep: func(c []twins.Command) error { return keep(c) }})
	if _, err := l.Step(t.Context(), 3); err != nil {
		t.Fatal(err)
	}
	set := func(target, setting string, v int64) twins.Command {
		return twins.Set(target, setting, v)
	}
	multiply := func(target, setting string, by int64) twins.Command {
		return twins.Multiply(target, setting, by)
	}
	at := func(c twins.Command, t twins.Tick) twins.Command { c.Step = t; return c }
	for _, row := range []struct {
		name string
		c    twins.Command
		want string
	}{
		{"no such member", set("grid/street/h9", "load.scale", 1), "no member grid/street/h9"},
		{"not under its owner", set("grid/street/b1", "x", 1), "no member grid/street/b1"},
		{"unknown setting", set("grid/street/h2/b1", "rated_wh", 1), "rated_wh may not change in mid-run"},
		{"no panels", set("grid/street/h1", "pv.scale", 1), "grid/street/h1: it has no pv.scale"},
		{"above the bounds", set("grid/supply/tie", "import_w", 1<<60), "outside its bounds"},
		{"below the bounds", set("grid/supply/tie", "import_w", -1), "outside its bounds"},
		{"no such mode", set("grid/street/h2/b1", "mode", 99), "outside its bounds"},
		{"factor too large", multiply("grid/supply/tie", "import_w", 1<<62), "would be outside"},
		{"outside the bounds after a later event", set("grid/supply/tie", "import_w", 1e15), "would be outside"},
		{"negative factor", multiply("grid/supply/tie", "import_w", -1), "a factor is 0 or more"},
		{"no such command", twins.Command{Target: "grid/supply/tie", Type: toggle}, `unknown command "toggle"`},
		{"a past step", at(set("grid/supply/tie", "import_w", 1), 2), "step 2 has been begun"},
		{"after the end", at(set("grid/supply/tie", "import_w", 1), 24), "beyond the last one, 23"},
	} {
		if _, err := l.Add(row.c); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %v, want %q", row.name, err, row.want)
		}
	}
	good := set("grid/supply/tie", "import_w", 1000)
	if _, err := l.Add(good, set("grid/x", "y", 1)); err == nil {
		t.Error("a list with one bad command was accepted")
	}
	keep = func([]twins.Command) error { return full }
	if _, err := l.Add(good); !errors.Is(err, full) {
		t.Errorf("a command that could not be stored was accepted: %v", err)
	}
	keep = func([]twins.Command) error { return nil }
	if taken, err := l.Add(good); err != nil || taken[0].Seq != 4 {
		t.Errorf("%+v, %v: wanted number 4: 1 and 2 are the scenario's events, 3 may be on disk, and refused commands use no number", taken, err)
	}
	for speed, want := range map[float64]string{-1: "speed -1", 1e10: "speed 1e+10"} {
		if err := l.SetSpeed(speed); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("speed %v: %v", speed, err)
		}
	}
	for tick, want := range map[twins.Tick]string{2: "forward only", 25: "beyond the end"} {
		if err := l.Seek(tick); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("seek %d: %v", tick, err)
		}
	}
	if _, err := l.Step(t.Context(), 0); err == nil {
		t.Error("0 steps")
	}
	if err := l.Play(); err != nil {
		t.Fatal(err)
	}
	l.waitForEnd(t) // no accepted command has failed the run
}

// The speed alone decides when steps are made. No step is made during a pause.
func TestLivePace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		l := startLive(t, mustShip(t, "hamlet"), Options{Speed: 1800}) // two seconds a step
		at := func(tick twins.Tick, want time.Duration) {
			t.Helper()
			if _, err := l.Wait(t.Context(), func(c Clock) bool { return c.Tick == tick }); err != nil {
				t.Fatal(err)
			}
			if got := time.Since(start); got != want {
				t.Errorf("step %d after %v, want %v", tick, got, want)
			}
		}
		at(4, 6*time.Second) // the first step is made at once
		if c := l.Clock(); c.Reached != 1800 {
			t.Errorf("reached %v, want 1800", c.Reached)
		}
		if err := l.Pause(); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		time.Sleep(time.Hour) // simulated by synctest: the test does not wait
		if c := l.Clock(); c.Tick != 4 || c.State != Paused {
			t.Errorf("paused: %+v", c)
		}
		if err := errors.Join(l.SetSpeed(3600), l.Play()); err != nil {
			t.Fatal(err)
		}
		at(6, 6*time.Second+time.Hour+time.Second)
		if err := l.SetSpeed(0); err != nil {
			t.Fatal(err)
		}
		l.waitForEnd(t)
	})
}

// failing is a stepper that fails at a step.
type failing struct {
	sim.Stepper
	at twins.Tick
}

func (f failing) Step(env *twins.Env) (*sim.StepRecord, error) {
	if env.Tick == f.at {
		return nil, fmt.Errorf("broken")
	}
	return f.Stepper.Step(env)
}

func TestLiveFails(t *testing.T) {
	w := mustShip(t, "hamlet")
	l := New(&sim.Runner{World: w, Stepper: failing{sim.NewFlat(w, nil, true), 5}}, Options{})
	if err := l.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "step 5: broken") {
		t.Errorf("got %v", err)
	}
	if c := l.Clock(); c.State != Failed || c.Tick != 5 || c.Err == nil {
		t.Errorf("clock %+v", c)
	}
}

// A run that starts or resumes with commands numbers the next one after them, even if no
// step has carried them out yet.
func TestNumbersGoOn(t *testing.T) {
	w := mustShip(t, "hamlet")
	before := twins.Set("grid/north", "limit_w", int64(8*twins.Kilowatt)).At(20, 77)
	if err := w.Add(before); err != nil {
		t.Fatal(err)
	}
	l := startLive(t, w, Options{Paused: true})
	taken, err := l.Add(twins.Set("grid/north", "limit_w", int64(9*twins.Kilowatt)))
	if err != nil || taken[0].Seq != before.Seq+1 {
		t.Errorf("the command after number %d: %+v, %v", before.Seq, taken, err)
	}
}
