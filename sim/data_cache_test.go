package sim_test

import (
	"testing"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/scenario"
)

// Worlds of one scenario that keeps its data share what was read and do not disturb each
// other: stepped in turns, each has the digest of a world that read its own data.
func TestWorldsThatShareTheirData(t *testing.T) {
	if testing.Short() {
		t.Skip("slow under the race detector, which finds no races in a single loop")
	}
	load := func() *scenario.Scenario {
		s, err := scenario.Load("town", scenario.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	type stepping struct {
		run   sim.Runner
		chain *sim.Chain
		world *sim.World
	}
	begin := func(s *scenario.Scenario) *stepping {
		w, err := sim.Build(s)
		if err != nil {
			t.Fatal(err)
		}
		chain := w.NewChain()
		return &stepping{sim.Runner{World: w, Stepper: sim.NewFlat(w, nil, true), Sinks: []sim.Sink{chain}}, chain, w}
	}
	shared := load()
	shared.KeepData()
	all := []*stepping{begin(load()), begin(shared), begin(shared)}
	for more := true; more; {
		for i, g := range all {
			if i == 2 && g.run.Done() == 0 && all[0].run.Done() < 30 { // starts 30 steps later
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
		t.Error("worlds of one scenario do not share their recordings, or share them with another scenario's world")
	}
	if all[1].world.Weather == all[2].world.Weather {
		t.Error("two worlds share one Weather, wanted a clone for each")
	}
}
