package persistence

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/scenario"
)

// On a small file system that fills up, Commit fails before the disk is full; the run keeps
// its steps and resumes when there is room.
func TestSmallFileSystem(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=320m"); err != nil {
		t.Skipf("cannot mount: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	ballast := filepath.Join(dir, "ballast")
	fill := sim.SinkFunc(func(r *sim.StepRecord) error {
		if r.Tick != 9 {
			return nil
		}
		return os.WriteFile(ballast, make([]byte, 140<<20), 0o666)
	})
	w := build(t, "hamlet", scenario.Options{})
	r, err := CreateRun(filepath.Join(dir, "run"), Run{})
	if err != nil {
		t.Fatal(err)
	}
	chain := w.NewChain()
	j, err := r.Keep(w, chain, Durability{})
	if err != nil {
		t.Fatal(err)
	}
	run := sim.Runner{World: w, Stepper: sim.NewFlat(w, nil, true), Sinks: []sim.Sink{chain, j, fill}}
	for err == nil {
		_, err = run.Step()
	}
	if !errors.As(err, new(*FullError)) || run.Done() != 10 {
		t.Fatalf("after %d steps: %v", run.Done(), err)
	}
	if err := r.Finish(Failed, nil); err != nil { // there is still room to close
		t.Fatal(err)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	s := open(t, filepath.Join(dir, "run"), Write)
	if s.Steps() != 10 || len(s.Repairs()) > 0 {
		t.Errorf("%d steps are kept, repairs %q", s.Steps(), s.Repairs())
	}
	j, m, err := s.Resume(Durability{})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := carryOn(t, s.Run(), j, m.World, m.Chain, m.Steps, -1), digestOf(t, build(t, "hamlet", scenario.Options{})); got != want {
		t.Errorf("digest %s, wanted %s", got, want)
	}
}
