package persistence

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/problem"
	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/twins"
)

// The process whose disk fails is a child, as it may crash or block for ever. It prints what
// has been acknowledged, and what happened after the failure.

func init() {
	children["full"] = func(dir string) error { return failingChild(dir, false, fill) }
	children["full, no reserve"] = func(dir string) error {
		return failingChild(dir, false, func(j *Journal, dir string) error {
			j.free = func(string) (int64, error) { return math.MaxInt64, nil }
			return fill(j, dir)
		})
	}
	children["ledger too large"] = func(dir string) error {
		return failingChild(dir, false, func(*Journal, string) error { return limitFiles(1700) })
	}
	children["journal too large"] = func(dir string) error {
		return failingChild(dir, true, func(*Journal, string) error { return limitFiles(1 << 20) })
	}
	children["tables refused"] = func(dir string) error { // Badger's first table finds its name taken
		return failingChild(dir, true, func(*Journal, string) error {
			return os.Mkdir(filepath.Join(dir, "run", journalDir, "000001.sst"), 0o777)
		})
	}
}

// fill takes all free space, as other programs may.
func fill(_ *Journal, dir string) error {
	f, err := os.Create(filepath.Join(dir, "ballast"))
	if err != nil {
		return err
	}
	for b := make([]byte, 1<<12); err == nil; {
		_, err = f.Write(b)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		return err
	}
	return f.Close()
}

// limitFiles makes writes fail that would make a file longer.
func limitFiles(most uint64) error {
	signal.Ignore(syscall.SIGXFSZ)
	return syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: most, Max: most})
}

// breaksAt is the step before which a failing child's disk fails.
const breaksAt = 9

// failingChild keeps a run, breaks its disk, and steps on until a call fails. notes keeps large
// notes with each step, so that Badger's memory is soon full.
func failingChild(dir string, notes bool, breakIt func(j *Journal, dir string) error) error {
	w, err := killedWorld()
	if err != nil {
		return err
	}
	r, err := CreateRun(filepath.Join(dir, "run"), Run{Scenario: "small"})
	if err != nil {
		return err
	}
	chain := w.NewChain()
	j, err := r.Keep(w, chain, Durability{})
	if err != nil {
		return err
	}
	random := rand.NewChaCha8([32]byte{1})
	run := sim.Runner{World: w, Stepper: sim.NewFlat(w, nil, true), Sinks: []sim.Sink{chain, j}}
	for t := range twins.Tick(killSteps) {
		if t == breaksAt {
			if err := breakIt(j, dir); err != nil {
				return err
			}
		}
		err := giveCommand(w, j, t)
		if err == nil && notes {
			text := make([]byte, 400<<10)
			_, _ = random.Read(text) // it does not fail
			err = j.AppendNote("long", text)
		}
		if err == nil {
			_, err = run.Step()
		}
		if err != nil {
			return afterFailure(r, j, t, err)
		}
		fmt.Println("step", t)
	}
	return errors.New("nothing has failed")
}

// afterFailure retries every call, replays the run, and ends it.
func afterFailure(r *RunDir, j *Journal, t twins.Tick, failed error) error {
	fmt.Println("failed", failed)
	fmt.Println("then a command:", j.AppendCommand(killCommand(t+1)))
	fmt.Println("then a note:", j.AppendNote("n", nil))
	var seen sim.Memory
	if err := j.Reader().Replay(0, breaksAt, false, &seen); err != nil || len(seen.Frames) != breaksAt {
		return fmt.Errorf("looking back: %d steps, %w", len(seen.Frames), err)
	}
	fmt.Println("then the end:", r.Finish(Failed, nil))
	return nil
}

// outcome is what a failing child has printed and how it has ended.
type outcome struct {
	steps, commands twins.Tick // acknowledged
	said            map[string]string
	stderr          string
	err             error
}

func failingProcess(t *testing.T, is, dir string) (o outcome) {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), childDir+"="+dir, childIs+"="+is)
	var stderr strings.Builder
	c.Stderr = &stderr
	out, err := c.StdoutPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	o.said = map[string]string{}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		what, rest, _ := strings.Cut(lines.Text(), " ")
		switch what {
		case "step":
			o.steps++
		case "command":
			o.commands++
		case "failed":
			o.said["failed"] = rest
		case "then":
			later, answer, _ := strings.Cut(rest, ": ")
			o.said[later] = answer
		}
	}
	o.err = c.Wait()
	o.stderr = stderr.String()
	return o
}

// isWhole opens the run that a failing child has left, which must have all that was acknowledged,
// and resumes it to the digest of an undisturbed run.
func (o *outcome) isWhole(t *testing.T, dir string) {
	t.Helper()
	s := open(t, dir, Write)
	given := s.Commands(0, killSteps)
	if s.Steps() < o.steps || twins.Tick(len(given)) < o.commands || s.Damaged() {
		t.Errorf("%d steps and %d commands were acknowledged, %d and %d are kept; repairs %q", o.steps, o.commands, s.Steps(), len(given), s.Repairs())
	}
	j, m, err := s.Resume(Durability{})
	if err != nil {
		t.Fatal(err)
	}
	w, err := killedWorld()
	for _, c := range given {
		err = errors.Join(err, w.Add(c))
	}
	if err != nil {
		t.Fatal(err)
	}
	if got, want := carryOn(t, s.Run(), j, m.World, m.Chain, m.Steps, -1), digestOf(t, w); got != want {
		t.Errorf("digest %s, wanted %s", got, want)
	}
}

// smallDisk mounts a file system.
func smallDisk(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=320m"); err != nil {
		t.Skipf("cannot mount: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil { // what Badger could not open stays mapped
			t.Error(err)
		}
	})
	return dir
}

// Whichever file meets a full disk, Finish returns the error, run.json has the state failed, and no part of a file
// has its name.
func TestDiskFull(t *testing.T) {
	for name, row := range map[string]struct {
		csv    bool
		report any
	}{"tables": {true, 1}, "report": {false, strings.Repeat("x", 64<<10)}} {
		t.Run(name, func(t *testing.T) {
			disk := smallDisk(t)
			dir := filepath.Join(disk, "run")
			r, err := CreateRun(dir, meta)
			if err != nil {
				t.Fatal(err)
			}
			if row.csv {
				csv, err := r.CSV()
				if err != nil {
					t.Fatal(err)
				}
				w := build(t, "hamlet", scenario.Options{})
				run := sim.Runner{World: w, Stepper: sim.NewFlat(w, nil, true), Sinks: []sim.Sink{csv}}
				if _, err := run.Run(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			fillDisk(t, disk, 8<<10) // run.json fits, the tables and the report do not
			if err := r.Finish(Done, row.report); err == nil || !strings.Contains(err.Error(), "no space left") || errors.Is(err, problem.ErrUsage) {
				t.Errorf("got %v, want no space left, which is no usage error", err)
			}
			if got := readRun(t, dir).State; got != Failed {
				t.Errorf("run.json says %s, want failed", got)
			}
			for _, name := range []string{readingsFile, gridFile, reportFile} {
				if _, err := os.Lstat(filepath.Join(dir, name)); name != reportFile == row.csv && !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("%s: %v", name, err)
				}
			}
		})
	}
}

// fillDisk leaves some bytes free on a disk.
func fillDisk(t *testing.T, disk string, left int64) {
	t.Helper()
	var s syscall.Statfs_t
	if err := syscall.Statfs(disk, &s); err != nil {
		t.Fatal(err)
	}
	ballast, err := os.Create(filepath.Join(disk, "ballast"))
	if err != nil {
		t.Fatal(err)
	}
	defer ballast.Close()
	if err := syscall.Fallocate(int(ballast.Fd()), 0, 0, int64(s.Bavail)*s.Bsize-left); err != nil {
		t.Fatal(err)
	}
}

// When other programs fill the disk to its last byte, the process stays up: it returns errors, can
// replay the run, ends with an error, and loses nothing.
func TestDiskFilledByOthers(t *testing.T) {
	dir := smallDisk(t)
	o := failingProcess(t, "full", dir)
	if o.err != nil || o.steps != breaksAt {
		t.Fatalf("after %d steps: %v\n%s", o.steps, o.err, o.stderr)
	}
	for _, what := range []string{"failed", "a command", "a note", "the end"} {
		if !strings.Contains(o.said[what], "make room, then go on with `smatrix run --resume") {
			t.Errorf("%s: %q", what, o.said[what])
		}
	}
	if err := os.Remove(filepath.Join(dir, "ballast")); err != nil {
		t.Fatal(err)
	}
	o.isWhole(t, filepath.Join(dir, "run"))
}

// Without the reserve the process crashes, or loses what it acknowledged: the reserve is needed.
func TestDiskFilledWithoutTheReserve(t *testing.T) {
	dir := smallDisk(t)
	o := failingProcess(t, "full, no reserve", dir)
	if err := os.Remove(filepath.Join(dir, "ballast")); err != nil {
		t.Fatal(err)
	}
	kept := twins.Tick(-1)
	if s, err := Open(filepath.Join(dir, "run"), Read); err == nil {
		kept = s.Steps()
		s.Close()
	}
	died := o.err != nil && o.said["the end"] == "" && strings.Contains(o.stderr, "SIGBUS")
	if !died && kept >= o.steps {
		t.Errorf("without the reserve nothing has happened either: %d steps acknowledged, %d kept, %v %q", o.steps, kept, o.err, o.said)
	}
	t.Logf("died: %t; %d steps acknowledged, %d kept", died, o.steps, kept)
}

// After a permanent write failure of the ledger, of Badger's log or of its tables nothing is
// acknowledged, the process ends, and the run has all that was acknowledged.
func TestFailedWrites(t *testing.T) {
	for is, wanted := range map[string]string{
		"ledger too large": "file too large", "journal too large": "file too large", "tables refused": "error flushing memtable",
	} {
		t.Run(is, func(t *testing.T) {
			dir := t.TempDir()
			o := failingProcess(t, is, dir)
			if o.err != nil || o.steps < breaksAt {
				t.Fatalf("after %d steps: %v\n%s", o.steps, o.err, o.stderr)
			}
			for _, what := range []string{"failed", "a command", "a note", "the end"} {
				if !strings.Contains(o.said[what], wanted) {
					t.Errorf("%s: %q, wanted %q", what, o.said[what], wanted)
				}
			}
			if err := os.RemoveAll(filepath.Join(dir, "run", journalDir, "000001.sst")); err != nil {
				t.Fatal(err)
			}
			o.isWhole(t, filepath.Join(dir, "run"))
		})
	}
}
