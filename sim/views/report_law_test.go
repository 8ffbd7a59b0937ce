package views_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/sim/views"
	"github.com/smatrix-grid/smatrix/twins"
)

// reported runs a scenario, and returns its world after the last step and its report.
func reported(t *testing.T, name string, options scenario.Options) (*sim.World, *views.Report) {
	t.Helper()
	s, err := scenario.Load(name, options)
	if err != nil {
		t.Fatal(err)
	}
	w, err := sim.Build(s)
	if err != nil {
		t.Fatal(err)
	}
	sum := views.NewSummary(w)
	run(t, w, sum)
	return w, sum.Report(w)
}

// Each ratio can be computed from the energies in the same report that its formula names.
func TestRatiosFollowFromTheReport(t *testing.T) {
	for _, name := range []string{"hamlet", "town", "scarcity", "street"} {
		options := scenario.Options{}
		if name == "town" {
			options.Days = new(1)
		}
		_, r := reported(t, name, options)
		b, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		var keys map[string]any
		if err := json.Unmarshal(b, &keys); err != nil {
			t.Fatal(err)
		}
		energies := keys["energy_wh"].(map[string]any)
		sum := func(names []string) (wh float64) {
			for _, n := range names {
				v, ok := energies[n].(float64)
				if !ok {
					t.Fatalf("%s: energy_wh has no %s", name, n)
				}
				wh += v
			}
			return wh
		}
		for _, k := range views.RatioKinds {
			for _, n := range append(k.Over, k.Under...) {
				if !strings.Contains(k.Formula(), n) {
					t.Errorf("%s: the formula %q has no %s", k.Name, k.Formula(), n)
				}
			}
			got, ok := keys[k.Name]
			if !ok {
				t.Fatalf("%s: the report has no %s", name, k.Name)
			}
			over, under := sum(k.Over), sum(k.Under)
			if got == nil {
				if under != 0 {
					t.Errorf("%s: no %s, but %s is %v ÷ %v", name, k.Name, k.Formula(), over, under)
				}
				continue
			}
			if want := over / under; math.Abs(got.(float64)-want) > 1e-12 {
				t.Errorf("%s: %s is %v, %s is %v", name, k.Name, got, k.Formula(), want)
			}
		}
		if r.SelfSufficiency == nil || name != "street" && r.Energy.Driven == 0 {
			t.Errorf("%s: self-sufficiency %v, %v Wh driven: it shows nothing", name, r.SelfSufficiency, r.Energy.Driven)
		}
		all := map[string]bool{}
		for _, e := range r.Energy.All() {
			all[e.Name] = true
			if v := energies[e.Name]; e.Wh == nil && v != nil || e.Wh != nil && v != *e.Wh {
				t.Errorf("%s: %s is listed as %v, and %v in JSON", name, e.Name, e.Wh, v)
			}
		}
		for n := range energies {
			if !all[n] {
				t.Errorf("the list of energies has no %s", n)
			}
		}
	}
}

// What was shifted was caught up, was given up, or is still to be drawn: to the millijoule, by what the twins
// still owe at the end. What was shifted and turned out to be missing is in waiting and unserved.
func TestShiftedLoadIsAccountedFor(t *testing.T) {
	var caught, given, still twins.Total
	check := func(name string, options scenario.Options) {
		t.Helper()
		s, err := scenario.Load(name, options)
		if err != nil {
			t.Fatal(err)
		}
		w, err := sim.Build(s)
		if err != nil {
			t.Fatal(err)
		}
		var shifted, up, off, owed twins.Total
		run(t, w, sim.SinkFunc(func(r *sim.StepRecord) error {
			shifted, up, off = shifted.Plus(r.Flows.Shifted.For(r.Step)), up.Plus(r.CatchUp.CaughtUp), off.Plus(r.CatchUp.GivenUp)
			return nil
		}))
		for _, c := range w.Cells {
			owed = owed.Plus(c.StillShifted())
		}
		if rest := shifted.Minus(up).Minus(off); rest != owed {
			t.Errorf("%s %v: %v Wh shifted, %v caught up, %v given up: %v left, but the members owe %v", name, options.Set,
				shifted.WattHours(), up.WattHours(), off.WattHours(), rest.WattHours(), owed.WattHours())
		}
		caught, given, still = caught.PlusTotal(up), given.PlusTotal(off), still.PlusTotal(owed)
	}
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 3))
		set := []string{fmt.Sprintf("ties.tie.import_w=%d", r.IntN(6000)), fmt.Sprintf("vehicles.car.initial_soc=0.%02d", r.IntN(100)),
			fmt.Sprintf("vehicles.car.daily.trip_wh=%d", r.IntN(50000)), fmt.Sprintf("producers.engine.rated_w=%d", 3000+r.IntN(9000)),
			fmt.Sprintf("step_s=%d", []int{300, 900, 3600}[r.IntN(3)])}
		check("hamlet", scenario.Options{Set: set})
	}
	check("scarcity", scenario.Options{})
	check("scarcity", scenario.Options{Steps: new(78)})
	if caught.Sign() == 0 || still.Sign() == 0 { // what is given up: twins.TestUnservedIsWhatWasMissing, TestRoomCatchesUp
		t.Errorf("%v Wh caught up, %v still owed: the test shows nothing", caught.WattHours(), still.WattHours())
	}
	t.Logf("%v Wh caught up, %v given up, %v still owed", caught.WattHours(), given.WattHours(), still.WattHours())
}
