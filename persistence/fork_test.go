package persistence

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/twins"
)

// forked forks a run and steps it to its end, or leaves it after step stop.
func forked(t testing.TB, dir, out, at string, stop twins.Tick, set ...string) sim.Hash {
	t.Helper()
	s := open(t, dir, Read)
	w, err := s.World()
	if err != nil {
		t.Fatal(err)
	}
	tick, err := w.Scenario.Moment(at)
	if err != nil {
		t.Fatal(err)
	}
	changes, err := w.Scenario.Changes(set, tick, s.Commands(0, 1<<40))
	if err != nil {
		t.Fatal(err)
	}
	r, err := CreateRun(out, Run{Scenario: w.Scenario.Name, Seed: w.Scenario.Seed, Smatrix: "test"})
	if err != nil {
		t.Fatal(err)
	}
	j, m, err := s.Fork(r, tick, changes, Durability{Every: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	return carryOn(t, r, j, m.World, m.Chain, tick, stop)
}

// withEvents is a shipped scenario with more under its events.
func withEvents(t testing.TB, scenario, events string, o sim.Options) *sim.World {
	t.Helper()
	source, err := sim.Source(scenario)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("../sim/scenarios")); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, scenario+"-changed.yaml")
	text := string(source)
	if strings.Contains(text, "\nevents:\n") {
		text = strings.Replace(text, "\nevents:\n", "\nevents:\n"+events, 1)
	} else {
		text += "\nevents:\n" + events
	}
	if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return build(t, file, o)
}

// A fork with changes has the digest of a run that has the same changes under its
// events, and takes little room; it is replayed, verified and resumed as any other.
func TestForkIsTheRunWithThoseEvents(t *testing.T) {
	days := 2
	o := sim.Options{Days: &days}
	parent := filepath.Join(t.TempDir(), "parent")
	base := kept(t, parent, build(t, "town", o), -1)
	for _, f := range []struct{ name, at, set string }{
		{"more panels", "2018-01-09T14:00", "households.*.pv.rated_w*=1.3"},
		{"a plant lost", "18:15", "producers.biogas.available=false"},
		{"from the beginning", "0", "households.*.pv.rated_w*=1.3"},
	} {
		t.Run(f.name, func(t *testing.T) {
			at := f.at
			if len(at) == 5 {
				at = `"` + at + `"`
			}
			want := digestOf(t, withEvents(t, "town", "  - at: "+at+"\n    set: "+f.set+"\n", o))
			if want == base {
				t.Fatal("the change changes nothing")
			}
			dir := filepath.Join(t.TempDir(), "fork")
			if got := forked(t, parent, dir, f.at, -1, f.set); got != want {
				t.Errorf("digest %s, wanted %s", got, want)
			}
			s := open(t, dir, Read)
			defer s.Close()
			if err := s.Verify(0, s.Steps(), nil, nil); err != nil || len(s.Repairs()) > 0 {
				t.Errorf("verify: %v, repairs %q", err, s.Repairs())
			}
		})
	}
}
