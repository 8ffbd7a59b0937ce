package sim

import (
	"context"
	"testing"

	"github.com/smatrix-grid/smatrix/twins"
)

// came is what a run came to, as far as scarcity goes.
type came struct {
	unserved, essential twins.Energy
	least, most         float64 // Hz
	stages              int64
	black               bool
}

func (c *came) Commit(r *StepRecord) error {
	c.unserved += r.Flows.Unserved.For(r.Step)
	c.essential += r.Flows.UnservedEssential.For(r.Step)
	if r.Swing.Island {
		c.least, c.most = min(c.least, 50+float64(r.Swing.Min)/1e6), max(c.most, 50+float64(r.Swing.Max)/1e6)
	}
	c.stages = max(c.stages, r.Swing.Stages)
	c.black = c.black || r.Swing.Blackout
	return nil
}

func runOf(t testing.TB, scenario string, seed uint64, set ...string) *came {
	t.Helper()
	s, err := Load(scenario, Options{Set: set, Seed: &seed})
	if err != nil {
		t.Fatal(err)
	}
	w, err := s.Build()
	if err != nil {
		t.Fatal(err)
	}
	c := &came{least: 50, most: 50}
	r := Runner{World: w, Stepper: NewFlat(w, nil, false), Sinks: []Sink{c}}
	if _, err := r.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	return c
}

// With too little capacity nobody loses supply, as long as members give way.
func TestScarcity(t *testing.T) {
	if testing.Short() {
		t.Skip("long for the race detector, which finds nothing where one loop steps")
	}
	whole := runOf(t, "scarcity", 1)
	t.Logf("frequency %.3f to %.3f Hz, %v Wh unserved", whole.least, whole.most, whole.unserved.WattHours())
	if whole.unserved != 0 || whole.least < 49 || whole.most > 50.5 || whole.stages != 0 {
		t.Errorf("with controls: %+v", whole)
	}
	half := runOf(t, "scarcity", 1, "producers.*.inertia_s*=0.5")
	t.Logf("half the inertia: %.3f Hz", half.least)
	if half.least >= whole.least {
		t.Errorf("with half the inertia the least frequency is %v Hz, with all of it %v", half.least, whole.least)
	}
	bare := runOf(t, "scarcity", 1, "batteries.*.grid_forming=false")
	t.Logf("without the batteries' droop: %.3f Hz, %d stages, %v Wh unserved", bare.least, bare.stages, bare.unserved.WattHours())
	if bare.stages == 0 || bare.unserved == 0 {
		t.Errorf("without the batteries' droop: %+v", bare)
	}
}

// Without controls many go short, with them nobody, whatever the draws: two of them, ten
// in the long form.
func TestScarcityOfOtherDraws(t *testing.T) {
	if testing.Short() {
		t.Skip("long for the race detector, which finds nothing where one loop steps")
	}
	seeds := uint64(2)
	if long {
		seeds = 10
	}
	for seed := range seeds {
		none := runOf(t, "scarcity", seed+1, "controls=none")
		full := runOf(t, "scarcity", seed+1)
		t.Logf("seed %d: controls none %.0f kWh unserved, full %.1f kWh, least %.3f Hz", seed+1, none.unserved.WattHours()/1000, full.unserved.WattHours()/1000, full.least)
		if none.unserved < 50*twins.KilowattHour || full.unserved != 0 {
			t.Errorf("seed %d: %v Wh unserved without controls, %v with", seed+1, none.unserved.WattHours(), full.unserved.WattHours())
		}
	}
}
