package persistence

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/twins"
)

// childDir makes the test binary a process that keeps a run in a folder and prints what has
// been acknowledged, until it is killed.
const (
	childDir  = "SMATRIX_TEST_KEEP"
	childIs   = "SMATRIX_TEST_CHILD" // name of its task; "" keeps a run
	childLies = "SMATRIX_TEST_LIE"   // it acknowledges steps before it has kept them
)

// children are the tasks of the test binary, by the value of childIs.
var children = map[string]func(dir string) error{"": child}

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		killAtCheckpoints()
		if err := children[os.Getenv(childIs)](dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// killSteps is the length of a run that is killed: the hamlet in steps of five minutes,
// with snapshots often, so that all kinds of records are hit.
const killSteps = 240

func killedWorld() (*sim.World, error) {
	steps := killSteps
	s, err := scenario.Load("hamlet", scenario.Options{Steps: &steps, Set: []string{"step_s=300"}})
	if err != nil {
		return nil, err
	}
	return sim.Build(s)
}

// killCommand is the command from outside that is given before step t.
func killCommand(t twins.Tick) twins.Command {
	return twins.Set("grid/north/home-1", "load.scale", int64(twins.One)+int64(t)*1e6).At(t, 1000+int64(t))
}

// killNote is the note that is kept before step t; every second one replaces the one before.
func killNote(t twins.Tick) (name string, value []byte) {
	return fmt.Sprintf("acknowledge/%d", t/40), fmt.Appendf(nil, `{"tick":%d}`, t)
}

// often makes snapshots more often for a test.
func often(t testing.TB) {
	was := mostBetween
	mostBetween = 50
	t.Cleanup(func() { mostBetween = was })
}

func child(dir string) error {
	mostBetween = 50
	w, err := killedWorld()
	if err != nil {
		return err
	}
	r, err := CreateRun(dir, Run{Scenario: "small"})
	if err != nil {
		return err
	}
	chain := w.NewChain()
	j, err := r.Keep(w, chain, Durability{})
	if err != nil {
		return err
	}
	run := sim.Runner{World: w, Stepper: sim.NewFlat(w, nil, true), Sinks: []sim.Sink{chain, j}}
	fmt.Println("begun")
	lies := os.Getenv(childLies) != ""
	for t := range twins.Tick(killSteps) {
		if lies {
			fmt.Println("step", t)
		}
		if err := errors.Join(giveCommand(w, j, t), giveNote(j, t)); err != nil {
			return err
		}
		if _, err := run.Step(); err != nil {
			return err
		}
		if !lies {
			fmt.Println("step", t)
		}
	}
	return r.Finish(Done, nil)
}

// mostToReopen is the processor time in which a killed run is reopened. The work is bounded by the
// steps between two snapshots.
const mostToReopen = 5 * time.Second

// A process that is killed at any moment loses nothing that it had acknowledged, and its
// resumed run has the digest of an undisturbed one.
func TestKill9(t *testing.T) {
	often(t)
	want := map[twins.Tick]sim.Hash{} // by how many commands were given
	digest := func(commands twins.Tick) sim.Hash {
		if _, ok := want[commands]; !ok {
			w, err := killedWorld()
			for at := twins.Tick(7); err == nil && at < 20*commands; at += 20 {
				err = w.Add(killCommand(at))
			}
			if err != nil {
				t.Fatal(err)
			}
			want[commands] = digestOf(t, w)
		}
		return want[commands]
	}
	random := rand.New(rand.NewPCG(9, 9))
	for i := range kills {
		dir := filepath.Join(t.TempDir(), "run")
		was := killAfter(t, dir, random.IntN(killSteps), random.IntN(300))
		before := cpu()
		s := open(t, dir, Write)
		was.isKept(t, i, s, 0, 0)
		j, m, err := s.Resume(Durability{})
		if err != nil {
			t.Fatalf("kill %d after %d steps: %v", i, was.steps, err)
		}
		if took := cpu() - before; took > mostToReopen {
			t.Errorf("kill %d after %d steps: reopened in %v of processor time", i, was.steps, took)
		}
		if again := s.Steps() - m.Steps; again > mostBetween {
			t.Errorf("kill %d after %d steps: %d steps are made again, wanted at most the %d between snapshots", i, was.steps, again, mostBetween)
		}
		given := twins.Tick(len(s.Commands(0, killSteps)))
		if got := carryOn(t, s.Run(), j, m.World, m.Chain, m.Steps, -1); got != digest(given) {
			t.Fatalf("kill %d after %d steps: digest %s, wanted %s", i, was.steps, got, digest(given))
		}
	}
}

// The same kills detect a process that acknowledges steps before it has kept them.
func TestKill9FindsALie(t *testing.T) {
	t.Setenv(childLies, "1")
	for i := range 20 {
		dir := filepath.Join(t.TempDir(), "run")
		was := killAfter(t, dir, 20+5*i, 0)
		s := open(t, dir, Read)
		kept := s.Steps()
		s.Close()
		if kept < was.steps {
			return
		}
	}
	t.Error("none of 20 kills has found that steps were acknowledged before they were kept")
}

// acknowledged is what a child has printed before it was killed.
type acknowledged struct {
	begun                  bool
	steps, commands, notes twins.Tick
}

// isKept checks that a run, of which the child has made the steps from a step on and given all but
// some commands, has what was acknowledged, and is not called damaged.
func (a *acknowledged) isKept(t *testing.T, kill int, s *Store, from, others twins.Tick) {
	t.Helper()
	commands := twins.Tick(len(s.Commands(0, killSteps))) - others
	if s.Steps() < from+a.steps || commands < a.commands || s.Damaged() {
		t.Fatalf("kill %d: %d steps and %d commands were acknowledged, %d and %d are kept; repairs %q", kill, a.steps, a.commands, s.Steps()-from, commands, s.Repairs())
	}
	notes, err := s.Notes("")
	if err != nil {
		t.Fatal(err)
	}
	for at, n := from, twins.Tick(0); n < a.notes; at++ {
		if at%20 != 13 {
			continue
		}
		n++
		name, value := killNote(at)
		_, next := killNote(at + 20) // it may have been kept and not acknowledged, or acknowledged later
		if is := string(notes[name]); is != string(value) && is != string(next) {
			t.Fatalf("kill %d: note %d of %d acknowledged ones, %s, is %q, wanted %q", kill, n, a.notes, name, is, value)
		}
	}
}

// killAfter runs a child, kills it some microseconds after a number of acknowledgements, and
// returns what it had acknowledged.
func killAfter(t *testing.T, dir string, lines, spin int, env ...string) (a acknowledged) {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(append(os.Environ(), childDir+"="+dir), env...)
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	said := bufio.NewScanner(out)
	for n := 0; said.Scan(); n++ {
		what, _, _ := strings.Cut(said.Text(), " ")
		switch what {
		case "begun":
			a.begun = true
		case "step":
			a.steps++
		case "command":
			a.commands++
		case "note":
			a.notes++
		}
		if n == lines {
			for from := time.Now(); time.Since(from) < time.Duration(spin)*time.Microsecond; {
			}
			_ = c.Process.Kill() // it may have ended
		}
	}
	_ = c.Wait() // it was killed
	return a
}

// childParent is the environment variable with the folder of the run that a child forks.
const childParent = "SMATRIX_TEST_PARENT"

func init() { children["fork"] = forkChild }

// killFork is where a fork that is killed begins: not at a snapshot.
const killFork = 110

// forkChange is the fork's change.
func forkChange() twins.Command {
	c := killCommand(killFork)
	return twins.Set(c.Target, c.Setting(), 2*int64(twins.One)).At(c.Step, c.Seq+1)
}

// forkChild keeps a fork, as child keeps a run.
func forkChild(dir string) error {
	mostBetween = 50
	parent, err := Open(os.Getenv(childParent), Read)
	if err != nil {
		return err
	}
	fmt.Println("forking")
	r, err := CreateRun(dir, Run{Scenario: "small"})
	if err != nil {
		return err
	}
	j, m, err := parent.Fork(r, killFork, []twins.Command{forkChange()}, sim.KeepLater, Durability{})
	if err != nil {
		return err
	}
	run := sim.Runner{World: m.World, Stepper: sim.NewFlat(m.World, nil, true), Sinks: []sim.Sink{m.Chain, j}}
	run.From(killFork)
	fmt.Println("begun")
	for t := twins.Tick(killFork); t < killSteps; t++ {
		if err := errors.Join(giveCommand(m.World, j, t), giveNote(j, t)); err != nil {
			return err
		}
		if _, err := run.Step(); err != nil {
			return err
		}
		fmt.Println("step", t)
	}
	return r.Finish(Done, nil)
}

// giveCommand gives the command that is due before a step.
func giveCommand(w *sim.World, j *Journal, t twins.Tick) error {
	if t%20 != 7 {
		return nil
	}
	c := killCommand(t)
	if err := j.AppendCommand(c); err != nil {
		return err
	}
	fmt.Println("command", t)
	return w.Add(c)
}

// giveNote keeps the note that is due before a step.
func giveNote(j *Journal, t twins.Tick) error {
	if t%20 != 13 {
		return nil
	}
	err := j.AppendNote(killNote(t))
	if err == nil {
		fmt.Println("note", t)
	}
	return err
}

// A fork that is killed at any moment and resumed has the digest of an undisturbed one. A
// fork that is killed while it begins has acknowledged nothing, and opening it says so; its
// parent is unchanged.
func TestKill9OfForks(t *testing.T) {
	often(t)
	parent := filepath.Join(t.TempDir(), "parent")
	w, err := killedWorld()
	if err != nil {
		t.Fatal(err)
	}
	kept(t, parent, w, -1)
	before := listing(t, parent)
	want := map[int]sim.Hash{}
	digest := func(given []twins.Command) sim.Hash {
		if _, ok := want[len(given)]; !ok {
			w, err := killedWorld()
			for _, c := range given {
				err = errors.Join(err, w.Add(c))
			}
			if err != nil {
				t.Fatal(err)
			}
			want[len(given)] = digestOf(t, w)
		}
		return want[len(given)]
	}
	random := rand.New(rand.NewPCG(13, 14))
	early := 0
	for i := range forkKills {
		dir := filepath.Join(t.TempDir(), "fork")
		line, spin := random.IntN(killSteps-killFork), random.IntN(300)
		if i%4 == 0 { // while it begins
			line, spin = 0, random.IntN(30_000)
		}
		was := killAfter(t, dir, line, spin, childIs+"=fork", childParent+"="+parent)
		s, err := Open(dir, Write)
		if err != nil && !was.begun {
			early++
			if !errors.As(err, new(*StoreError)) {
				t.Errorf("kill %d while it began: %v", i, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		given := s.Commands(0, killSteps)
		was.isKept(t, i, s, killFork, 1)
		j, m, err := s.Resume(Durability{})
		if err != nil {
			t.Fatalf("kill %d after %d steps: %v", i, was.steps, err)
		}
		if got := carryOn(t, s.Run(), j, m.World, m.Chain, m.Steps, -1); got != digest(given) {
			t.Fatalf("kill %d after %d steps: digest %s, wanted %s", i, was.steps, got, digest(given))
		}
	}
	if early == 0 {
		t.Error("no fork was killed while it began")
	}
	if listing(t, parent) != before {
		t.Error("the parent was changed")
	}
}
