package sim_test

import (
	"testing"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/scenario"
)

// Worlds of one scenario that keeps its data share what was read, and do not disturb one
// another: stepped in turns, each comes to the digest of a world that read for itself.
func TestWorldsThatShareTheirData(t *testing.T) {
	if testing.Short() {
		t.Skip("long for the race detector, which finds nothing where one loop steps")
	}
	load := func() *scenario.Scenario {
		s, err := scenario.Load("town", scenario.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	type going struct {
		run   sim.Runner
		chain *sim.Chain
		world *sim.World
	}
	begin := func(s *scenario.Scenario) *going {
		w, err := sim.Build(s)
		if err != nil {
			t.Fatal(err)
		}
		chain := w.NewChain()
		return &going{sim.Runner{World: w, Stepper: sim.NewFlat(w, nil, true), Sinks: []sim.Sink{chain}}, chain, w}
	}
	shared := load()
	shared.KeepData()
	all := []*going{begin(load()), begin(shared), begin(shared)}
	for more := true; more; {
		for i, g := range all {
			if i == 2 && g.run.Done() == 0 && all[0].run.Done() < 30 { // one is behind
				continue
			}
			var err error
			if more, err = g.run.Step(); err != nil {
				t.Fatal(err)
			}
		}
	}
	for more := true; more; {
		var err error
		if more, err = all[2].run.Step(); err != nil {
			t.Fatal(err)
		}
	}
	for i, g := range all[1:] {
		if got, want := g.chain.Digest(), all[0].chain.Digest(); got != want {
			t.Errorf("world %d: digest %s, wanted %s", i, got, want)
		}
	}
	if all[1].world.Recordings[0] != all[2].world.Recordings[0] || all[0].world.Recordings[0] == all[1].world.Recordings[0] {
		t.Error("what was read is not shared, or with a stranger")
	}
	if all[1].world.Weather == all[2].world.Weather {
		t.Error("two worlds look at the weather from one place")
	}
}
