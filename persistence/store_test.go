package persistence

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/twins"
)

// shippedSources has the shipped scenarios that tests have loaded, with their data, which takes longer
// to read than a day takes to run.
var shippedSources = map[string]*scenario.Scenario{}

func sourceKey(o *scenario.Origin) string {
	options, err := json.Marshal(o.Options)
	if err != nil {
		panic(err) // plain data
	}
	return fmt.Sprintf("%s %s %v %x", o.Name, options, o.Events, sha256.Sum256(o.Text))
}

// build loads and builds a scenario.
func build(t testing.TB, name string, o scenario.Options) *sim.World {
	t.Helper()
	s, err := scenario.Load(name, o)
	if err != nil {
		t.Fatal(err)
	}
	if origin := s.Origin(); origin.Shipped() {
		k := sourceKey(&origin)
		if shippedSources[k] == nil {
			s.KeepData()
			shippedSources[k] = s
		}
		s = shippedSources[k]
	}
	w, err := sim.Build(s)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// shareSource gives a store and its parents the scenario that build has loaded, if it is a shipped one.
func shareSource(s *Store) {
	for ; s != nil; s = s.parent {
		origin := s.run.meta.Journal.Scenario
		text, err := os.ReadFile(s.run.path(scenarioFile))
		if err != nil || !origin.Shipped() {
			continue
		}
		origin.Text = text
		s.source = shippedSources[sourceKey(&origin)]
	}
}

// kept runs a scenario into a new folder, until step stop, where it leaves it as a kill
// would; stop < 0 runs to the end and closes it. The sinks receive the run's records.
func kept(t testing.TB, dir string, w *sim.World, stop twins.Tick, sinks ...sim.Sink) sim.Hash {
	t.Helper()
	r, err := CreateRun(dir, Run{Scenario: w.Scenario.Name, Seed: w.Scenario.Seed, Smatrix: "test"})
	if err != nil {
		t.Fatal(err)
	}
	chain := w.NewChain()
	j, err := r.Keep(w, chain, Durability{Every: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	return carryOn(t, r, j, w, chain, 0, stop, sinks...)
}

func carryOn(t testing.TB, r *RunDir, j *Journal, w *sim.World, chain *sim.Chain, from, stop twins.Tick, sinks ...sim.Sink) sim.Hash {
	t.Helper()
	run := sim.Runner{World: w, Stepper: sim.NewFlat(w, nil, true), Sinks: append([]sim.Sink{chain, j}, sinks...)}
	run.From(from)
	for run.Done() != stop {
		more, err := run.Step()
		if err != nil {
			t.Fatal(err)
		}
		if !more {
			break
		}
	}
	if run.Done() == stop {
		drop(j)
		return chain.Head()
	}
	if err := r.Finish(Done, map[string]string{}); err != nil {
		t.Fatal(err)
	}
	return chain.Digest()
}

// drop closes the files of a journal without ending it.
func drop(j *Journal) {
	j.ledger.f.Close()
	j.store.Close()
}

func open(t testing.TB, dir string, mode Mode) *Store {
	t.Helper()
	s, err := Open(dir, mode)
	if err != nil {
		t.Fatal(err)
	}
	shareSource(s)
	return s
}

// digestOf returns the digest of an undisturbed run.
func digestOf(t testing.TB, w *sim.World) sim.Hash {
	t.Helper()
	chain := w.NewChain()
	r := sim.Runner{World: w, Stepper: sim.NewFlat(w, nil, true), Sinks: []sim.Sink{chain}}
	if _, err := r.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	return chain.Digest()
}

// Replay gives the frames, flows, events and decisions of every step as they were.
func TestReplayGivesTheRecordedSteps(t *testing.T) {
	for _, name := range []string{"town", "street"} {
		t.Run(name, func(t *testing.T) {
			steps := 200
			dir := filepath.Join(t.TempDir(), "run")
			var was, is sim.Memory
			digest := kept(t, dir, build(t, name, scenario.Options{Steps: &steps}), -1, &was)
			s := open(t, dir, Read)
			defer s.Close()
			if err := s.Replay(0, s.Steps(), &is); err != nil {
				t.Fatal(err)
			}
			if got, err := s.DigestAt(s.Steps()); got != digest || err != nil {
				t.Errorf("digest %s, %v, wanted %s", got, err, digest)
			}
			if len(s.Repairs()) > 0 {
				t.Errorf("repairs of a whole run: %q", s.Repairs())
			}
			if len(is.Frames) != steps {
				t.Fatalf("%d steps", len(is.Frames))
			}
			for i := range was.Frames {
				for _, pair := range [][2]any{{was.Frames[i], is.Frames[i]}, {was.Flows[i], is.Flows[i]},
					{len(was.Events[i]), len(is.Events[i])}, {len(was.Decisions[i]), len(is.Decisions[i])}} {
					if !reflect.DeepEqual(pair[0], pair[1]) {
						t.Fatalf("step %d: was %+v\nis %+v", i, pair[0], pair[1])
					}
				}
				for k := range was.Events[i] {
					if was.Events[i][k] != is.Events[i][k] {
						t.Fatalf("step %d: was %v, is %v", i, was.Events[i][k], is.Events[i][k])
					}
				}
			}
			path := was.Frames[0].Communities[0].Kinds[0].Paths[0]
			got, err := s.Readings(path, "power_w", 3, 150)
			if want := was.Column(path, "power_w")[3:150]; err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("readings %v, %v, wanted %v", got, err, want)
			}
		})
	}
}

// A run that was left at any step and resumed has the digest of an undisturbed one.
func TestResumeGivesTheSameDigest(t *testing.T) {
	steps := 230
	o := scenario.Options{Steps: &steps}
	for _, name := range []string{"street", "town"} {
		want := digestOf(t, build(t, name, o))
		for _, stop := range []twins.Tick{0, 1, 95, 96, 97, 131, 192, 229} {
			dir := filepath.Join(t.TempDir(), "run")
			kept(t, dir, build(t, name, o), stop)
			s := open(t, dir, Write)
			if s.Steps() != stop {
				t.Fatalf("%s left after %d steps: %d are kept", name, stop, s.Steps())
			}
			var before sim.Memory
			j, m, err := s.Resume(Durability{}, &before)
			if err != nil {
				t.Fatal(err)
			}
			if len(before.Frames) != int(m.Steps) {
				t.Errorf("%s left after %d steps: sinks got %d, resumed at %d", name, stop, len(before.Frames), m.Steps)
			}
			if got := carryOn(t, s.Run(), j, m.World, m.Chain, m.Steps, -1); got != want {
				t.Errorf("%s left after %d steps: digest %s, wanted %s", name, stop, got, want)
			}
		}
	}
}

// From every snapshot of a day, here one after each step, the rest of the run has the heads and the
// digest that it has from its beginning. With the states of another step it has not: the comparison
// would notice a snapshot that differs.
func TestEverySnapshotAndTheLog(t *testing.T) {
	was := mostBetween
	mostBetween = 1
	t.Cleanup(func() { mostBetween = was })
	dir, days := filepath.Join(t.TempDir(), "run"), 1
	want := kept(t, dir, build(t, dayOfSnapshots, scenario.Options{Days: &days}), -1)
	s := open(t, dir, Read)
	defer s.Close()
	for n := range s.Steps() {
		m, err := s.nearest(n)
		if err != nil || m.Steps != n {
			t.Fatalf("the snapshot after step %d is that of %d: %v", n, m.Steps, err)
		}
		if err := s.stepTo(m, n, s.Steps(), nil); err != nil {
			t.Fatalf("from the snapshot after step %d: %v", n, err)
		}
		if got := m.Chain.Digest(); got != want {
			t.Errorf("from the snapshot after step %d: digest %s, wanted %s", n, got, want)
		}
	}
	if len(s.Repairs()) > 0 {
		t.Errorf("repairs %q", s.Repairs())
	}
	middle := s.Steps() / 2
	m, err := s.nearest(middle)
	cells, grid, errStates := s.states(middle - 3)
	if err := errors.Join(err, errStates, m.World.Restore(cells, grid)); err != nil {
		t.Fatal(err)
	}
	if err := s.stepTo(m, middle, s.Steps(), nil); !errors.As(err, new(*DamageError)) {
		t.Errorf("with the states of three steps before: %v", err)
	}
}
