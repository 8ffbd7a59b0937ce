package persistence

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/twins"
)

// A run that has deleted its old records is shown by a program of another model from its first
// kept step on. It is verified, exported, forked at each kept state and resumed, and what is
// kept of it stays as it was.
func TestAnotherModelOfARunThatLetsGo(t *testing.T) {
	const stop = 100
	for name, keeps := range map[string]Retention{
		"readings":               {Readings: 1},
		"steps and states":       {Readings: 2, Events: 2, Snapshots: 2},
		"steps, states, no hour": {Events: 1, Hours: 1, Snapshots: 2},
	} {
		t.Run(name, func(t *testing.T) {
			w := build(t, roadFile(t, 6), scenario.Options{})
			dir := endedEarly(t, w, stop, keeps)
			s := open(t, dir, Read)
			first, found := s.chunks.covered.first(0)
			if !found || first.from == 0 || s.First() != 0 {
				t.Fatalf("the first step with readings is %d, the first that can be shown %d; wanted a later one, and 0", first.from, s.First())
			}
			digest, err := s.DigestAt(stop)
			if err != nil {
				t.Fatal(err)
			}
			want := replayedFigures(t, s, first.from, stop)
			s.Close()
			raiseModel(t)
			s = open(t, dir, Read)
			isShownFrom(t, s, first.from, want)
			if got, err := s.DigestAt(stop); got != digest || err != nil {
				t.Errorf("digest %s, was %s: %v", got, digest, err)
			}
			at := slices.Collect(s.snapshots.all())
			s.Close()
			for _, n := range at {
				forkOfOneThatLetsGo(t, dir, n, first.from)
			}
			if name == "readings" { // as a program left it that had no windows yet
				withoutWindows(t, dir)
			}
			resumedThatLetsGo(t, dir, stop)
		})
	}
}

// isShownFrom checks that a run is shown from a step on, with these figures, and that earlier
// steps are refused with what to do.
func isShownFrom(t *testing.T, s *Store, first twins.Tick, want archivedFigures) {
	t.Helper()
	if s.First() != first || s.Reader().First() != first {
		t.Errorf("the first step is %d, for a reader %d; wanted %d", s.First(), s.Reader().First(), first)
	}
	compareFigures(t, "shown", replayedFigures(t, s, first, s.Steps()), want)
	var other *ModelError
	if err := s.Replay(first-1, s.Steps()); !errors.As(err, &other) || !strings.Contains(err.Error(), "--from ") {
		t.Errorf("steps before the first: %v, wanted a ModelError that says what can be shown", err)
	}
	if err := s.Verify(0, s.Steps(), nil, nil); err != nil {
		t.Errorf("verify: %v", err)
	}
	if err := s.Export("csv", filepath.Join(t.TempDir(), "tables")); err != nil {
		t.Errorf("export: %v", err)
	}
	for _, n := range []twins.Tick{0, first / 2, first, first + 1, s.Steps()} {
		set, steps, err := s.Reader().Views(n)
		if err == nil && steps < n {
			err = s.Reader().Replay(steps, n, false, set)
		}
		if err != nil || set.Steps() != n {
			t.Errorf("views after %d steps: of %d steps, %v", n, steps, err)
		}
	}
	if s.Damaged() {
		t.Errorf("it is called damaged: %q", s.Repairs())
	}
}

// forkOfOneThatLetsGo forks at a snapshot, and replays and verifies the fork.
func forkOfOneThatLetsGo(t *testing.T, dir string, at, first twins.Tick) {
	t.Helper()
	r, err := CreateRun(filepath.Join(t.TempDir(), "fork"), Run{Scenario: "road", Smatrix: "test"})
	if err != nil {
		t.Fatal(err)
	}
	j, m, err := open(t, dir, Read).Fork(r, at, nil, sim.KeepLater, Durability{Every: time.Hour})
	if err != nil {
		t.Fatalf("fork at step %d, where a state is kept: %v", at, err)
	}
	carryOn(t, r, j, m.World, m.Chain, at, -1)
	f := open(t, r.Dir(), Read)
	defer f.Close()
	if want := min(first, at); f.First() != want {
		t.Errorf("the first step of a fork at step %d is %d, wanted %d", at, f.First(), want)
	}
	replaysFromFirst(t, f)
}

// replaysFromFirst checks that the steps of a run are shown from the first on, and verified.
func replaysFromFirst(t *testing.T, s *Store) {
	t.Helper()
	next := s.First()
	err := s.Replay(next, s.Steps(), sim.SinkFunc(func(r *sim.StepRecord) error {
		if r.Tick != next {
			t.Errorf("step %d, wanted step %d", r.Tick, next)
		}
		next = r.Tick + 1
		return nil
	}))
	if err != nil || next != s.Steps() {
		t.Errorf("shown up to step %d of %d: %v", next, s.Steps(), err)
	}
	if err := s.Verify(0, s.Steps(), nil, nil); err != nil {
		t.Errorf("verify: %v", err)
	}
	if s.Damaged() {
		t.Errorf("it is called damaged: %q", s.Repairs())
	}
}

// withoutWindows deletes the marks of a run's windows.
func withoutWindows(t *testing.T, dir string) {
	t.Helper()
	s := open(t, dir, Write)
	var gone []Entry
	err := s.table.Scan([]byte{keyFolded}, nil, func(k, _ []byte) error {
		gone = append(gone, Entry{Key: slices.Clone(k)})
		return nil
	})
	if err = errors.Join(err, s.table.Put(gone), s.Close()); err != nil || len(gone) == 0 {
		t.Fatalf("%d marks: %v", len(gone), err)
	}
}

// resumedThatLetsGo resumes a run from the state at its end, and makes it to the end of its
// scenario while it deletes records.
func resumedThatLetsGo(t *testing.T, dir string, stop twins.Tick) {
	t.Helper()
	s := open(t, dir, Write)
	if err := s.CanResume(); err != nil {
		t.Error(err)
	}
	first, seen := s.First(), []twins.Tick{}
	j, m, err := s.Resume(Durability{Every: time.Hour}, sim.SinkFunc(func(r *sim.StepRecord) error {
		seen = append(seen, r.Tick)
		return nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	if m.Steps != stop || seen[0] != first || len(seen) != int(stop-first) {
		t.Errorf("it goes on after step %d with %d steps shown from %d on, wanted %d from %d on", m.Steps, len(seen), seen[0], stop, first)
	}
	carryOn(t, s.Run(), j, m.World, m.Chain, m.Steps, -1)
	s = open(t, dir, Read)
	defer s.Close()
	if js := s.Joints(); len(js) != 1 || js[0].Tick != stop {
		t.Errorf("joints %+v, wanted one before step %d", js, stop)
	}
	if s.First() < first || s.First() >= s.Steps() {
		t.Errorf("the first step is %d of %d, it was %d", s.First(), s.Steps(), first)
	}
	replaysFromFirst(t, s)
	if set, err := s.viewsAt(s.Steps()); err != nil || set.Steps() != s.Steps() {
		t.Errorf("views at its end: %v", err)
	}
}

// A run of a model that differs in some steps only, whose records are deleted, may differ in one
// of those: a step that comes out otherwise is another model's then, and no damage.
func TestDeletedStepsMayDiffer(t *testing.T) {
	dir := endedEarly(t, build(t, roadFile(t, 6), scenario.Options{}), 100, Retention{Events: 1, Snapshots: 2})
	was := sim.Models
	t.Cleanup(func() { sim.Models = was })
	pump := *twins.WaterPump
	t.Cleanup(func() { *twins.WaterPump = pump })
	twins.WaterPump.New = func(site *twins.Site, members []twins.Member) (twins.Slab, error) { // its figures differ
		members = slices.Clone(members)
		for i := range members {
			var spec map[string]any
			if err := json.Unmarshal(members[i].Spec, &spec); err != nil {
				return nil, err
			}
			spec["daily_wh"] = 2500
			members[i].Spec, _ = json.Marshal(spec)
		}
		return pump.New(site, members)
	}
	s := open(t, dir, Read)
	var damage *DamageError
	if err := s.Replay(0, s.Steps()); !errors.As(err, &damage) {
		t.Errorf("without another model: %v, wanted a DamageError", err)
	}
	s.Close()
	sim.Models = append(slices.Clone(was), sim.ModelChange{Model: sim.Model() + 1, What: "a test's", Differs: func(k *sim.KeptStep) bool { return k.Swing.Stages > 0 }})
	s = open(t, dir, Read)
	defer s.Close()
	var other *ModelError
	if err := s.Replay(0, s.Steps()); !errors.As(err, &other) || !strings.Contains(err.Error(), "--from ") {
		t.Errorf("with another model: %v, wanted a ModelError that says what can be shown", err)
	}
	replays := s.chunks.covered[0].from
	if err := s.Replay(replays, s.Steps()); err != nil {
		t.Errorf("its records: %v", err)
	}
}
