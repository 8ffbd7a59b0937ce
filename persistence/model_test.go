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
	"github.com/smatrix-grid/smatrix/twins/operator"
)

// raiseModel gives the test's program another model, which differs in every step.
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

// A program of another model shows runs from their records. It verifies the records without
// computing them again, and continues a run only from a snapshot, with a joint in the
// chain.
func TestAnotherModel(t *testing.T) {
	raiseModel(t)
	for _, a := range archivedRuns(t) {
		t.Run(strings.TrimSuffix(a.Archive, ".tar.zst"), func(t *testing.T) {
			s := open(t, a.restored(t), Read)
			defer s.Close()
			if s.Steps() > 0 { // otherwise it was killed before any readings were written
				isReadByAnotherModel(t, a, s)
			}
			if s.Damaged() {
				t.Errorf("it is called damaged: %q", s.Repairs())
			}
			isContinuedByAnotherModel(t, a)
		})
	}
}

// isReadByAnotherModel compares the records with what their maker read from them.
func isReadByAnotherModel(t *testing.T, a *archive, s *Store) {
	t.Helper()
	w, err := s.Twins()
	if err != nil {
		t.Fatal(err)
	}
	sum := views.NewSummary(w)
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

// isContinuedByAnotherModel forks an archive at a step without a snapshot, and at one with.
func isContinuedByAnotherModel(t *testing.T, a *archive) {
	t.Helper()
	dir := a.restored(t)
	s := open(t, dir, Read)
	source, all := s.source, slices.Collect(s.snapshots.all())
	var other *ModelError
	if at := a.Fork.At; !slices.Contains(all, at) {
		if _, _, err := s.Fork(newRun(t, a), at, nil, sim.KeepLater, Durability{}); !errors.As(err, &other) {
			t.Errorf("fork at step %d, where no state is kept: %v, wanted a ModelError", at, err)
		} else if n := s.SnapshotBefore(at); n > 0 && !strings.Contains(err.Error(), "--at ") {
			t.Errorf("the refusal of a fork does not name the nearest state: %v", err)
		}
	}
	s.Close()
	if a.State == Running && a.Resumed != nil { // killed: no snapshot at its end
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

// forkedByAnotherModel forks at a snapshot and makes some steps. From the joint on the fork
// is a run like any other.
func forkedByAnotherModel(t *testing.T, a *archive, dir string, at twins.Tick, source *scenario.Scenario) {
	t.Helper()
	s := open(t, dir, Read)
	s.source = source
	r := newRun(t, a)
	j, m, err := s.Fork(r, at, nil, sim.KeepLater, Durability{Every: time.Hour})
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
	if err := f.Replay(0, end, sim.SinkFunc(func(r *sim.StepRecord) error { seen++; return nil })); err != nil || seen != end {
		t.Errorf("replay of %d steps showed %d: %v", end, seen, err)
	}
}

// A run that was ended early on a state that is kept goes on in a program of another model:
// its chain has the joint, and the resumed run is read, verified and resumed again.
func TestResumedByAnotherModel(t *testing.T) {
	days := 2
	town, island := []string{"households=20"}, []string{"batteries.*.grid_forming=false"}
	for _, row := range []struct {
		scenario string
		set      []string
		stop     twins.Tick
		differs  func(*sim.KeptStep) bool
	}{
		{"town", town, 30, nil}, // within a day, at its end, in the next one
		{"town", town, 96, nil},
		{"town", town, 150, nil},
		{"scarcity", island, 100, func(k *sim.KeptStep) bool { return k.Swing.Stages > 0 }}, // the day before differs, its own steps do not
	} {
		stop := row.stop
		r := endedEarly(t, build(t, row.scenario, scenario.Options{Days: &days, Set: row.set}), stop, Retention{})
		func() {
			was := sim.Models
			sim.Models = append(slices.Clone(was), sim.ModelChange{Model: sim.Model() + 1, What: "a test's", Differs: row.differs})
			defer func() { sim.Models = was }()
			s := open(t, r, Write)
			j, m, err := s.Resume(Durability{Every: time.Hour})
			if err != nil {
				t.Fatalf("ended after step %d: %v", stop, err)
			}
			if m.Steps != stop {
				t.Fatalf("it goes on after step %d, wanted %d", m.Steps, stop)
			}
			carryOn(t, s.Run(), j, m.World, m.Chain, m.Steps, -1)
			f := open(t, r, Read)
			defer f.Close()
			if js := f.Joints(); len(js) != 1 || js[0].Tick != stop {
				t.Errorf("joints %+v, wanted one before step %d", js, stop)
			}
			if err := f.Verify(stop, f.Steps(), nil, nil); err != nil {
				t.Errorf("ended after step %d: verify from there on: %v", stop, err)
			}
			if err := f.Verify(0, f.Steps(), nil, nil); err != nil || len(f.Repairs()) > 0 {
				t.Errorf("ended after step %d: verify: %v, repairs %q", stop, err, f.Repairs())
			}
			seen := twins.Tick(0)
			if err := f.Replay(0, f.Steps(), sim.SinkFunc(func(*sim.StepRecord) error { seen++; return nil })); err != nil || seen != f.Steps() {
				t.Errorf("ended after step %d: replay showed %d steps: %v", stop, seen, err)
			}
			if !devicesAreKnownFrom(t, f, stop, max(0, stop-3), stop+3) {
				t.Errorf("ended after step %d: no step of the later model has devices", stop)
			}
		}()
	}
}

// devicesAreKnownFrom compares Computable, for some steps around a joint, with whether each step can
// be replayed with the powers of devices, and replays the stretches whole. It reports whether those
// from the joint on can be.
func devicesAreKnownFrom(t *testing.T, s *Store, joint, from, to twins.Tick) (known bool) {
	t.Helper()
	r, none := s.Reader(), sim.SinkFunc(func(*sim.StepRecord) error { return nil })
	for at := from; at < to; at++ {
		first, end, err := r.Computable(at, from, to)
		alone := r.Replay(at, at+1, true, none)
		if (err == nil) != (alone == nil) || at < first || at >= end || first < from || end > to {
			t.Errorf("step %d of %d to %d: computable from %d to %d: %v; replayed alone: %v", at, from, to, first, end, err, alone)
			continue
		}
		if err != nil {
			continue
		}
		known = known || at >= joint
		steps := twins.Tick(0)
		sink := sim.SinkFunc(func(r *sim.StepRecord) error {
			steps++
			if r.Cells[0].Blocks[0].PartsOf(0) == nil && r.Cells[0].Blocks[0].Gauges == nil {
				t.Errorf("step %d has no devices", r.Tick)
			}
			return nil
		})
		if err := r.Replay(first, end, true, sink); err != nil || steps != end-first || at >= joint && first != max(joint, from) {
			t.Errorf("step %d: from %d to %d %d steps were replayed: %v", at, first, end, steps, err)
		}
	}
	return known
}

// endedEarly makes a run that was interrupted after so many steps, and returns its folder.
func endedEarly(t *testing.T, w *sim.World, stop twins.Tick, keeps Retention) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "run")
	r, err := CreateRun(dir, Run{Scenario: w.Scenario.Name, Seed: w.Scenario.Seed, Smatrix: "test"})
	if err != nil {
		t.Fatal(err)
	}
	r.Retention = keeps
	chain := w.NewChain()
	j, err := r.Keep(w, chain, Durability{Every: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	run := sim.Runner{World: w, Stepper: sim.NewFlat(w, nil, true), Sinks: []sim.Sink{chain, j}}
	for range stop {
		if _, err := run.Step(); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Finish(Interrupted, map[string]string{}); err != nil {
		t.Fatal(err)
	}
	return dir
}

// The chain covers a joint: a run.json with another step, model or layout for the joint has
// another chain.
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

// asModel2 makes this program one of model 2, for archives in which no load has waited longer
// than models 2 and 3 book alike.
func asModel2(t *testing.T) {
	was := sim.Models
	sim.Models = slices.Clone(was[:2])
	t.Cleanup(func() { sim.Models = was })
}

// A program in which a kind has one more column reads and continues older runs in their own
// layout, with the same digests.
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

// raised counts the states of older versions that a test's program has upgraded, by name.
type raised map[string]int

// raiseBattery, raiseCell and raiseStrategy give the test's program another version of a
// stored form, which has the bytes of the one before.
func (n raised) raiseBattery(t *testing.T) {
	const size = 1 + 12*8 // of a battery's state in version 1
	was := *twins.Battery
	t.Cleanup(func() { *twins.Battery = was })
	twins.Battery.Version = 2
	twins.Battery.Upgrades = map[uint8]twins.Upgrade{1: func(b []byte) (state, rest []byte, err error) {
		n["battery"]++
		return append([]byte{2}, b[1:size]...), b[size:], nil
	}}
}

func (n raised) raiseCell(t *testing.T) {
	was := *twins.CellForm
	t.Cleanup(func() { *twins.CellForm = was })
	twins.CellForm.Version = 2
	twins.CellForm.Upgrades = map[uint8]func(*twins.Cell, []byte) ([]byte, []byte, error){1: func(_ *twins.Cell, b []byte) (state, rest []byte, err error) {
		n["cell"]++
		return append([]byte{2}, b[1:]...), nil, nil
	}}
}

// raiseStrategy raises a strategy whose state is the last of its stored form.
func (n raised) raiseStrategy(t *testing.T, s *twins.Strategy) {
	was := *s
	t.Cleanup(func() { *s = was })
	s.Version = 2
	s.Upgrades = map[uint8]twins.Upgrade{1: func(b []byte) (state, rest []byte, err error) {
		n[s.Name]++
		return b, nil, nil
	}}
}

// A program that stores the states of a kind, a community and a strategy in another version
// upgrades older runs: it replays, verifies, resumes and forks them, and no figure changes.
func TestStateVersionRaised(t *testing.T) {
	asModel2(t)
	upgraded := raised{}
	upgraded.raiseBattery(t)
	upgraded.raiseCell(t)
	upgraded.raiseStrategy(t, operator.Strategy)
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
	for _, name := range []string{"battery", "cell", "operator"} {
		if upgraded[name] == 0 {
			t.Errorf("no state of %s has been upgraded", name)
		}
	}
}

// The states that this program keeps are read by one in which community and strategies are
// in version 2. A run that such a program begins says so in its layout, and a program that
// does not know the version refuses it.
func TestKeptStatesAreUpgraded(t *testing.T) {
	days := 2
	o := scenario.Options{Days: &days, Set: []string{"households=12", "controls.community=halving"}}
	w := build(t, "scarcity", o)
	if w.Form.Layout.Forms != nil {
		t.Errorf("forms %v are in the layout though all are in version 1: the chain would begin with another head", w.Form.Layout.Forms)
	}
	dir := endedEarly(t, w, 110, Retention{})

	upgraded := raised{}
	var newer *twins.Layout
	t.Run("raised", func(t *testing.T) {
		halving := twins.StrategyNamed("halving")
		upgraded.raiseCell(t)
		upgraded.raiseStrategy(t, operator.Strategy)
		was := *halving
		t.Cleanup(func() { *halving = was })
		halving.Version, halving.Upgrades = 2, map[uint8]twins.Upgrade{1: func(b []byte) (state, rest []byte, err error) {
			upgraded["halving"]++
			return b[:8], b[8:], nil
		}}
		s := open(t, dir, Read)
		if err := s.Verify(0, s.Steps(), nil, nil); err != nil || len(s.Repairs()) > 0 {
			t.Errorf("verify: %v, repairs %q", err, s.Repairs())
		}
		head, _ := s.HeadAt(105)
		if m, err := s.At(105); err != nil || m.Chain.Head() != head {
			t.Errorf("after step 104: %v", err)
		}
		s.Close()
		s = open(t, dir, Write)
		j, m, err := s.Resume(Durability{Every: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		carryOn(t, s.Run(), j, m.World, m.Chain, m.Steps, 150)
		s = open(t, dir, Read) // its states are in both versions
		defer s.Close()
		if err := s.Verify(0, s.Steps(), nil, nil); err != nil || len(s.Repairs()) > 0 {
			t.Errorf("resumed, verify: %v, repairs %q", err, s.Repairs())
		}
		for _, name := range []string{"cell", "operator", "halving"} {
			if upgraded[name] == 0 {
				t.Errorf("no state of %s has been upgraded", name)
			}
		}
		newer = build(t, "scarcity", o).Form.Layout
	})
	text, err := json.Marshal(newer.Forms)
	if want := `["cell 2","strategy/halving 2","strategy/operator 2"]`; err != nil || string(text) != want {
		t.Errorf("the layout of a newer program has forms %s, wanted %s", text, want)
	}
	if newer.Hash() == w.Form.Layout.Hash() {
		t.Error("the chains of both programs begin with the same head")
	}
	if err := newer.Check(); err == nil || !strings.Contains(err.Error(), "version 2, this program knows versions up to 1") {
		t.Errorf("the layout of a newer program: %v", err)
	}
}
