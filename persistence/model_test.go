package persistence

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/sim/views"
	"github.com/smatrix-grid/smatrix/twins"
)

// raiseModel makes the program of the test one of another model, which differs in any step.
func raiseModel(t *testing.T) {
	t.Helper()
	was := sim.Models
	sim.Models = append(slices.Clone(was), sim.ModelChange{Model: sim.Model() + 1, What: "a test's"})
	t.Cleanup(func() { sim.Models = was })
}

// archivedRuns are the archives of a folder that made runs of model 1.
func archivedRuns(t *testing.T) (all []*archive) {
	t.Helper()
	folder := filepath.Join(runArchives, "model1")
	text, err := os.ReadFile(filepath.Join(folder, "expected.json"))
	if err != nil {
		t.Fatal(err)
	}
	var runs []archivedRun
	if err := json.Unmarshal(text, &runs); err != nil {
		t.Fatal(err)
	}
	for i := range runs {
		all = append(all, &archive{archivedRun: &runs[i], file: filepath.Join(folder, runs[i].Archive)})
	}
	return all
}

// A program of another model shows runs from their records as they are. It verifies what is
// kept without computing it again, and goes on only from a state that is kept: a joint of
// the chain says so.
func TestAnotherModel(t *testing.T) {
	raiseModel(t)
	for _, a := range archivedRuns(t) {
		t.Run(strings.TrimSuffix(a.Archive, ".tar.zst"), func(t *testing.T) {
			s := open(t, a.restored(t), Read)
			defer s.Close()
			if s.Steps() > 0 { // else it was killed before any readings were written
				isReadByAnotherModel(t, a, s)
			}
			if s.Damaged() {
				t.Errorf("it is called damaged: %q", s.Repairs())
			}
			isContinuedByAnotherModel(t, a)
		})
	}
}

// isReadByAnotherModel compares what the records say with what they said to their maker.
func isReadByAnotherModel(t *testing.T, a *archive, s *Store) {
	t.Helper()
	w, err := s.Twins()
	if err != nil {
		t.Fatal(err)
	}
	sum := views.NewSummary(w.Scenario)
	if err := s.Replay(0, s.Steps(), sum); err != nil {
		t.Fatal(err)
	}
	if int64(s.Steps()) == a.Kept.Steps {
		digest, err := s.DigestAt(s.Steps())
		if err != nil {
			t.Fatal(err)
		}
		compareFigures(t, "replayed", figuresOf(sum, w, digest), a.Kept)
	} else if len(s.Repairs()) == 0 {
		t.Errorf("%d of %d steps are shown, and nothing is said", s.Steps(), a.Kept.Steps)
	}
	var other *ModelError
	if err := s.Recomputable(0, s.Steps()); !errors.As(err, &other) || other.Model != 1 {
		t.Errorf("recomputable: %v, wanted a ModelError of model 1", err)
	}
	if err := s.Verify(0, s.Steps(), nil, nil); err != nil {
		t.Errorf("verify: %v", err)
	}
	if _, err := s.At(s.Steps() - 1); !errors.As(err, &other) {
		t.Errorf("a moment between two states: %v, wanted a ModelError", err)
	}
}

// isContinuedByAnotherModel forks an archive where no state is kept, and where one is.
func isContinuedByAnotherModel(t *testing.T, a *archive) {
	t.Helper()
	dir := a.restored(t)
	s := open(t, dir, Read)
	source, all := s.source, slices.Collect(s.snapshots.all())
	var other *ModelError
	if at := a.Fork.At; !slices.Contains(all, at) {
		if _, _, err := s.Fork(newRun(t, a), at, nil, Durability{}); !errors.As(err, &other) {
			t.Errorf("fork at step %d, where no state is kept: %v, wanted a ModelError", at, err)
		} else if n := s.SnapshotBefore(at); n > 0 && !strings.Contains(err.Error(), "--at ") {
			t.Errorf("the refusal of a fork does not name the nearest state: %v", err)
		}
	}
	s.Close()
	if a.State == Running && a.Resumed != nil { // killed: its end is no state that is kept
		w := open(t, dir, Write)
		if _, _, err := w.Resume(Durability{}); !errors.As(err, &other) {
			t.Errorf("resume: %v, wanted a ModelError", err)
		}
		w.Close()
	}
	for _, at := range all {
		if last := twins.Tick(a.LastStep); at < last {
			forkedByAnotherModel(t, a, dir, at, source)
		}
	}
}

func newRun(t *testing.T, a *archive) *RunDir {
	t.Helper()
	r, err := CreateRun(filepath.Join(t.TempDir(), "fork"), Run{Scenario: a.Scenario, Seed: a.Seed, Smatrix: "test"})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// forkedByAnotherModel forks at a state that is kept and makes some steps. What comes of it
// is a run like any other from the joint on.
func forkedByAnotherModel(t *testing.T, a *archive, dir string, at twins.Tick, source *scenario.Scenario) {
	t.Helper()
	s := open(t, dir, Read)
	s.source = source
	r := newRun(t, a)
	j, m, err := s.Fork(r, at, nil, Durability{Every: time.Hour})
	if err != nil {
		t.Fatalf("fork at step %d, where a state is kept: %v", at, err)
	}
	end := min(at+10, twins.Tick(a.LastStep))
	carryOn(t, r, j, m.World, m.Chain, at, end)
	f := open(t, r.Dir(), Read)
	defer f.Close()
	if js := f.Joints(); len(js) != 1 || js[0].Tick != at || js[0].Model != sim.Model() {
		t.Fatalf("joints %+v, wanted one before step %d", js, at)
	}
	if head, _ := f.HeadAt(at); f.before(at) == head {
		t.Error("the joint is no link of the chain")
	}
	if err := f.Verify(at, end, nil, nil); err != nil {
		t.Errorf("verify from the joint on: %v", err)
	}
	if err := f.Recomputable(at, end); err != nil {
		t.Errorf("from the joint on: %v", err)
	}
	if err := f.Verify(0, end, nil, nil); err != nil {
		t.Errorf("verify all: %v", err)
	}
	var seen twins.Tick
	if err := f.Replay(0, end, sinkFunc(func(r *sim.StepRecord) error { seen++; return nil })); err != nil || seen != end {
		t.Errorf("replay of %d steps showed %d: %v", end, seen, err)
	}
}

// A joint is part of what the chain proves: a run.json that says another step, model or
// layout for it has another chain.
func TestJointIsChained(t *testing.T) {
	layout := twins.FirstLayout()
	j := sim.Joint{Tick: 96, Model: 2, Layout: layout}
	before := hashOf(1)
	head := j.Head(before)
	other := *layout
	other.Flows = other.Flows[:18]
	for name, k := range map[string]sim.Joint{
		"step": {Tick: 95, Model: 2, Layout: layout}, "model": {Tick: 96, Model: 3, Layout: layout}, "layout": {Tick: 96, Model: 2, Layout: &other},
	} {
		if k.Head(before) == head {
			t.Errorf("another %s has the same head", name)
		}
	}
	if j.Head(hashOf(2)) == head {
		t.Error("another past has the same head")
	}
}

// A program in which a kind has one more column reads and continues what was kept before in
// the run's own layout: with the digests that it had.
func TestColumnAdded(t *testing.T) {
	for _, k := range []*twins.Kind{twins.WaterPump, twins.Household} {
		was := k.Columns
		k.Columns = append(slices.Clone(was), twins.ColumnDriven)
		defer func() { k.Columns = was }()
	}
	for _, a := range archivedRuns(t) {
		if a.DiffersAt > 0 || a.Scenario == "town" && testing.Short() {
			continue
		}
		t.Run(strings.TrimSuffix(a.Archive, ".tar.zst"), func(t *testing.T) {
			s := open(t, a.restored(t), Read)
			a.isRead(t, s)
			a.isComputedAgain(t, s)
			source := s.source
			a.isForked(t, s)
			a.isResumed(t, source)
		})
	}
	w := build(t, "hamlet", scenario.Options{})
	if w.Form.Layout.Hash() == twins.FirstLayout().Hash() {
		t.Error("a run that is begun does not have the new column in its layout")
	}
}

// A program in which a kind stores its state in another version upgrades what was kept
// before: it replays, verifies, resumes and forks it, and no figure changes.
func TestStateVersionRaised(t *testing.T) {
	const size = 1 + 12*8 // of a battery's state in version 1
	upgraded := 0
	was := *twins.Battery
	twins.Battery.Version = 2
	twins.Battery.Upgrades = map[uint8]twins.Upgrade{1: func(b []byte) (state, rest []byte, err error) {
		upgraded++
		state = append([]byte{2}, b[1:size]...)
		return state, b[size:], nil
	}}
	defer func() { *twins.Battery = was }()
	for _, a := range archivedRuns(t) {
		if a.Archive != "city-killed.tar.zst" && a.Archive != "town-fork.tar.zst" {
			continue
		}
		t.Run(strings.TrimSuffix(a.Archive, ".tar.zst"), func(t *testing.T) {
			withoutDigests := *a.archivedRun
			withoutDigests.Kept.Digest, withoutDigests.Fork.Digest = "", "" // they cover the states as they are stored now
			if a.Resumed != nil {
				resumed := *a.Resumed
				resumed.Digest = ""
				withoutDigests.Resumed = &resumed
			}
			b := &archive{&withoutDigests, a.file}
			s := open(t, b.restored(t), Read)
			b.isRead(t, s)
			b.isComputedAgain(t, s)
			source := s.source
			b.isForked(t, s)
			b.isResumed(t, source)
		})
	}
	if upgraded == 0 {
		t.Error("no state has been upgraded")
	}
}
