package views_test

import (
	"math"
	"testing"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/sim/views"
)

// The energies of a report close, also in an island whose frequency swings: relief and rotating masses are
// among them.
func TestEnergiesOfTheReportClose(t *testing.T) {
	s, err := scenario.Load("scarcity", scenario.Options{Set: []string{"batteries.*.grid_forming=false"}})
	if err != nil {
		t.Fatal(err)
	}
	w, err := sim.Build(s)
	if err != nil {
		t.Fatal(err)
	}
	sum := views.NewSummary(w)
	runner := sim.Runner{World: w, Stepper: sim.NewFlat(w, nil, true), Sinks: []sim.Sink{sum}}
	if _, err := runner.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	e := sum.Report(w).Energy
	if left := e.Produced + e.Imported + e.Discharged + e.Relief - e.Consumed - e.Charged - e.Exported - e.Lost - e.Kinetic; math.Abs(left) > 1e-4 {
		t.Errorf("%.6f Wh are left over", left)
	}
	if e.Relief == 0 {
		t.Error("no relief: the frequency did not swing")
	}
}
