package sim

import (
	"testing"

	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/twins"
)

// A preset and the strategies that it stands for give the same steps.
func TestPresetIsItsStrategies(t *testing.T) {
	for _, row := range []struct{ preset, written string }{{"controls=full", "controls.grid=operator"}, {"controls=none", "controls.grid=plain"}} {
		a, b := headsOf(t, row.preset), headsOf(t, row.written)
		if a != b {
			t.Errorf("%s and %s give different steps", row.preset, row.written)
		}
	}
	if headsOf(t, "controls=full") == headsOf(t, "controls=none") {
		t.Error("both presets give the same steps")
	}
}

// headsOf returns the head of the chain of a short run with scarcity. The chain's start does
// not depend on the scenario.
func headsOf(t *testing.T, set string) Hash {
	t.Helper()
	steps := 90
	s, err := scenario.Load("scarcity", scenario.Options{Steps: &steps, Set: []string{"households=20", "producers.*.rated_w*=0.05", set}})
	if err != nil {
		t.Fatal(err)
	}
	w := mustBuild(t, s)
	chain := NewChain(1, nil, w.Form)
	var env twins.Env
	flat := NewFlat(w, nil, true)
	for k := range w.Scenario.Calendar.Steps {
		w.Env(k, &env)
		r, err := flat.Step(&env)
		if err != nil {
			t.Fatal(err)
		}
		r.Tick = k
		if err := chain.Commit(r); err != nil {
			t.Fatal(err)
		}
	}
	return chain.Head()
}
