package sim

import (
	"context"
	"testing"

	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/twins"
)

// shortage is a sink that keeps a run's unserved energy and extremes of frequency.
type shortage struct {
	unserved, essential twins.Energy
	least, most         float64 // Hz
	stages              int64
	black               bool
}

func (c *shortage) Commit(r *StepRecord) error {
	c.unserved += r.Flows.Unserved.For(r.Step)
	c.essential += r.Flows.UnservedEssential.For(r.Step)
	if r.Swing.Island {
		c.least, c.most = min(c.least, 50+float64(r.Swing.Min)/1e6), max(c.most, 50+float64(r.Swing.Max)/1e6)
	}
	c.stages = max(c.stages, r.Swing.Stages)
	c.black = c.black || r.Swing.Blackout
	return nil
}

func runOf(t testing.TB, name string, seed uint64, set ...string) *shortage {
	t.Helper()
	s, err := scenario.Load(name, scenario.Options{Set: set, Seed: &seed})
	if err != nil {
		t.Fatal(err)
	}
	w, err := Build(s)
	if err != nil {
		t.Fatal(err)
	}
	c := &shortage{least: 50, most: 50}
	r := Runner{World: w, Stepper: NewFlat(w, nil, false), Sinks: []Sink{c}}
	if _, err := r.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	return c
}

// With too little capacity no customer loses supply, as long as members give way.
func TestScarcity(t *testing.T) {
	if testing.Short() {
		t.Skip("slow under the race detector, which finds no races in a single loop")
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

// Without controls there is much unserved energy, with them none, for every seed: two
// seeds, ten in the long form.
func TestScarcityOfOtherDraws(t *testing.T) {
	if testing.Short() {
		t.Skip("slow under the race detector, which finds no races in a single loop")
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

// Without controls load is cut in proportion. The share of a charger that its least current does
// not allow is not lost: a home that the tie can serve whole is not cut for a vehicle.
func TestChargerThatStopsCutsNoHome(t *testing.T) {
	for _, controls := range []string{"none", "full"} {
		s, err := scenario.Origin{File: "x.yaml", Dir: "testdata/scenario", Events: scenario.EventsDue, Text: []byte(`start: 2018-01-08
step_s: 3600
controls: ` + controls + `
recordings:
  - {id: homes, file: homes.csv, unit: kW}
communities: [{id: street}, {id: supply}]
households:
  - {id: h1, community: street, load: {recording: homes, column: one}}
ties: [{id: tie, community: supply, import_w: 600, export_w: 0}]
vehicles:
  - {id: v, community: street, owner: h1, rated_wh: 40000, initial_soc: 0.1, target_soc: 1, daily: {arrive: "18:00", leave: "07:00", trip_wh: 8000}}
`)}.Load()
		if err != nil {
			t.Fatal(err)
		}
		c := &shortage{}
		w := mustBuild(t, s)
		if _, err := (&Runner{World: w, Stepper: NewFlat(w, nil, false), Sinks: []Sink{c}}).Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if c.unserved == 0 || c.essential != 0 {
			t.Errorf("controls %s: %v Wh unserved, %v of them essential; want some, none of them essential", controls, c.unserved.WattHours(), c.essential.WattHours())
		}
	}
}

// Relays may shed load in a step in which members also wait by agreement. Essential load
// that relays cut is unserved; load that waits is shifted, with the reason scarcity, and is
// paid as such.
func TestRelaysBesideAgreement(t *testing.T) {
	if testing.Short() {
		t.Skip("slow under the race detector, which finds no races in a single loop")
	}
	const shedding = 74
	s, err := scenario.Load("scarcity", scenario.Options{Set: []string{"batteries.*.grid_forming=false"}})
	if err != nil {
		t.Fatal(err)
	}
	w, err := Build(s)
	if err != nil {
		t.Fatal(err)
	}
	stepper := NewFlat(w, nil, false)
	var r *StepRecord
	runner := Runner{World: w, Stepper: stepper, Sinks: []Sink{SinkFunc(func(now *StepRecord) error { r = now; return nil })}}
	for range shedding + 1 {
		if _, err := runner.Step(); err != nil {
			t.Fatal(err)
		}
	}
	if r.Swing.Stages != 3 || r.Swing.Blackout {
		t.Fatalf("step %d: %d stages, blackout %v, wanted 3 and none", r.Tick, r.Swing.Stages, r.Swing.Blackout)
	}
	shifted, unserved := map[twins.Reason]twins.Energy{}, map[twins.Reason]twins.Energy{}
	both := 0
	for _, c := range r.Cells {
		for i, d := range c.Notes {
			shifted[d.Reason] += d.Shifted.For(r.Step)
			unserved[d.Reason] += d.Unserved.For(r.Step)
			if i > 0 && c.Notes[i-1].Member == d.Member && c.Notes[i-1].Unserved > 0 && d.Shifted > 0 {
				both++
			}
		}
	}
	known := map[string]struct {
		got, want twins.Energy
	}{
		"unserved, shed":       {unserved[twins.Shed], 36_135_099_900},
		"unserved, scarcity":   {unserved[twins.Scarcity], 0},
		"unserved of the grid": {r.Flows.Unserved.For(r.Step), 36_135_099_900},
		"of it essential":      {r.Flows.UnservedEssential.For(r.Step), 36_135_099_900},
		"shifted, shed":        {shifted[twins.Shed], 0},
	}
	for what, k := range known {
		if k.got != k.want {
			t.Errorf("step %d: %s %d mJ, wanted %d", r.Tick, what, k.got, k.want)
		}
	}
	// Before reasons were kept by tier, the load that waits was booked as shed: 13.77 kWh in
	// addition to the essential load that was cut.
	if waits := shifted[twins.Scarcity]; waits < 13_774*twins.WattHour {
		t.Errorf("step %d: %v Wh wait by agreement, wanted 13,774 or more", r.Tick, waits.WattHours())
	}
	if both == 0 {
		t.Errorf("step %d: no home has both load that was shed and load that waits", r.Tick)
	}
}
