package actors

import (
	"context"
	"testing"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/scenario"
)

// An island whose operator plans, forecasts and computes the frequency: each hosting
// gives the digest of the flat loop, also while members, communities, shards and the
// grid fail. The operator is also asked again in a step after it has settled.
func TestOperatorUnderInjectedPanics(t *testing.T) {
	w := smallIsland(t)
	want := digestOf(t, w, sim.NewFlat(w, nil, true))
	grid := 0
	for _, h := range hostings {
		for seed := range uint64(2) {
			w := smallIsland(t)
			s := start(t, w, Options{Hosting: h, Shards: 2})
			f := newFaults(seed, 25)
			if seed > 0 { // seed 0: no faults
				f.arm(w, s)
			}
			if got := digestOf(t, w, s, onStep(f.next)); got != want {
				t.Errorf("hosting %s, seed %d: digest %s, flat loop %s; %v", h, seed, got, want, f.counts())
			}
			grid += f.counts()["grid after"]
		}
	}
	if grid < 10 {
		t.Errorf("the grid failed %d times after a stage, wanted more", grid)
	}
}

// smallIsland builds the scenario scarcity with 40 homes, and with changes as in --set.
func smallIsland(t *testing.T, set ...string) *sim.World {
	t.Helper()
	s, err := scenario.Load("scarcity", scenario.Options{Set: append(set, "households=40", "producers.*.rated_w*=0.15", "batteries.*.rated_w*=0.15")})
	if err != nil {
		t.Fatal(err)
	}
	w, err := sim.Build(s)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// digestOf runs a world to its end and returns the run's digest.
func digestOf(t *testing.T, w *sim.World, s sim.Stepper, more ...sim.Sink) string {
	t.Helper()
	chain := w.NewChain()
	r := sim.Runner{World: w, Stepper: s, Sinks: append([]sim.Sink{chain}, more...)}
	if _, err := r.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	return chain.Digest().String()
}

// onStep is a sink that calls itself with each step.
type onStep func(*sim.StepRecord)

func (f onStep) Commit(r *sim.StepRecord) error { f(r); return nil }
