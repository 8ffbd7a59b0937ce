package views_test

import (
	"bytes"
	"encoding/csv"
	"io"
	"math"
	"slices"
	"testing"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/sim/views"
)

// An island that nothing feeds, or that is black from the start of a step, has no frequency: in the report, in
// curves and in files.
func TestNoFrequencyWithoutSupply(t *testing.T) {
	s, err := scenario.Load("hamlet", scenario.Options{Set: []string{"producers.*.available=false", "ties.*.available=false"}})
	if err != nil {
		t.Fatal(err)
	}
	w, err := sim.Build(s)
	if err != nil {
		t.Fatal(err)
	}
	var grid bytes.Buffer
	files, err := sim.NewCSV(io.Discard, &grid)
	if err != nil {
		t.Fatal(err)
	}
	summary, curves := views.NewSummary(w), views.NewCurves(w)
	var fed []bool // and not black from the start
	known := false
	run(t, w, summary, curves, files, sim.SinkFunc(func(r *sim.StepRecord) error {
		supply := r.Flows.Generation + r.Flows.Discharge + r.Flows.Import
		holds := supply > 0 && !r.Swing.Blackout || r.Swing.Blackout && r.Swing.Min != r.Swing.Max
		fed, known = append(fed, holds), known || holds
		if has := r.HasFrequency(); has != holds || !r.Swing.Island {
			t.Errorf("step %d: supply %v W, blackout %v, has a frequency %v, an island %v", r.Tick, supply.Watts(), r.Swing.Blackout, has, r.Swing.Island)
		}
		if f := summary.Frequency.Report(); (f != nil && f.Min != nil) != known {
			t.Errorf("step %d: supply %v W, frequency %+v", r.Tick, supply.Watts(), f)
		}
		return nil
	}))
	if err := files.Close(); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&grid).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	column := 0
	for i, name := range rows[0] {
		if name == "frequency_hz" {
			column = i
		}
	}
	dark := 0
	curves.Pad()
	for i, is := range fed {
		if math.IsNaN(curves.FrequencyMin[i]) == is || math.IsNaN(curves.FrequencyMax[i]) == is || (rows[i+1][column] == "") == is {
			t.Errorf("step %d: fed %v, curve %g to %g Hz, grid.csv %q", i, is, curves.FrequencyMin[i], curves.FrequencyMax[i], rows[i+1][column])
		}
		if !is {
			dark++
		}
	}
	if dark == 0 || dark == len(fed) {
		t.Errorf("%d of %d steps without supply: the test shows nothing", dark, len(fed))
	}
}

// Each step with a blackout counts, whether anything feeds the island or not, and an island that is black from
// the start of a step has no frequency in it: in the report, in curves, in alerts and in files.
func TestBlackSteps(t *testing.T) {
	s, err := scenario.Load("town", scenario.Options{Set: []string{"ties.tie.available=false", "producers.*.available=false", "batteries.*.grid_forming=false"}})
	if err != nil {
		t.Fatal(err)
	}
	w, err := sim.Build(s)
	if err != nil {
		t.Fatal(err)
	}
	summary, curves := views.NewSummary(w), views.NewCurves(w)
	frequency := slices.Index(sim.GridColumns(), "frequency_hz")
	black, fed, said, least, most := int64(0), 0, int64(0), int64(0), int64(0)
	var without []bool
	run(t, w, summary, curves, sim.SinkFunc(func(r *sim.StepRecord) error {
		from := r.Swing.Blackout && r.Swing.Min == r.Swing.Max
		if from && (r.HasFrequency() || sim.GridValues(r)[frequency].Known) {
			t.Errorf("step %d is black from its start and has a frequency", r.Tick)
		}
		without = append(without, !r.HasFrequency())
		if r.HasFrequency() {
			least, most = min(least, r.Swing.Min), max(most, r.Swing.Max)
		}
		if r.Swing.Blackout {
			black++
			if r.Flows.Generation+r.Flows.Discharge > 0 {
				fed++
			}
		}
		for i := range r.Events {
			if r.Events[i].Event.Type.Name == "grid.blackout" {
				said++
			}
		}
		return nil
	}))
	f := summary.Frequency.Report()
	if f.BlackSteps != black || said != black || f.Min != nil && (*f.Min != 50+float64(least)/1e6 || *f.Max != 50+float64(most)/1e6) {
		t.Errorf("%+v, wanted %d black steps, as %d events say, and %d to %d µHz", f, black, said, least, most)
	}
	curves.Pad()
	for i, is := range without {
		if i < len(curves.FrequencyMin) && math.IsNaN(curves.FrequencyMin[i]) != is {
			t.Errorf("step %d: without a frequency %v, and the curve has %g Hz", i, is, curves.FrequencyMin[i])
		}
	}
	if black == 0 || int64(fed) == black {
		t.Errorf("%d black steps, of them %d with supply: the test shows nothing", black, fed)
	}
}

// The CO2 of the report is what a comparison has, and there is none without a mix.
func TestCO2IsOneFigure(t *testing.T) {
	for name, mixed := range map[string]bool{"town": true, "hamlet": false} {
		s, err := scenario.Load(name, scenario.Options{Steps: new(8), Set: []string{"producers.*.available=false"}})
		if err != nil {
			t.Fatal(err)
		}
		w, err := sim.Build(s)
		if err != nil {
			t.Fatal(err)
		}
		a := views.NewAccounts(w)
		by := 0.0
		run(t, w, a, sim.SinkFunc(func(r *sim.StepRecord) error {
			by += r.Flows.Import.For(r.Step).WattHours() / 1000 * float64(r.Carbon) / 1000
			return nil
		}))
		report := a.Summary.Report(w)
		c := views.Compare(a, a, views.RunOf{StepS: 900}, views.RunOf{StepS: 900}, views.Shared{}, report, report)
		switch {
		case !mixed && (report.CO2G != nil || c.CO2G.A != nil):
			t.Errorf("%s has no mix, and CO2 %v and %v", name, report.CO2G, c.CO2G.A)
		case mixed && (by == 0 || math.Abs(*report.CO2G-by) > 1e-9*by || *c.CO2G.A != *report.CO2G):
			t.Errorf("%s: %g g in the report, %g in the comparison, %g by hand", name, *report.CO2G, *c.CO2G.A, by)
		}
	}
}
