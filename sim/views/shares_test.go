package views_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/sim/views"
	"github.com/smatrix-grid/smatrix/twins"
)

// stepFlows keeps the flows of each step.
type stepFlows []twins.Flows

func (f *stepFlows) Commit(r *sim.StepRecord) error {
	*f = append(*f, r.Flows)
	return nil
}

// ratios runs a scenario and returns its report and its flows of each step.
func ratios(t *testing.T, name string, set ...string) (*views.Report, []twins.Flows) {
	t.Helper()
	s, err := scenario.Load(name, scenario.Options{Set: set})
	if err != nil {
		t.Fatal(err)
	}
	w, err := sim.Build(s)
	if err != nil {
		t.Fatal(err)
	}
	sum, all := views.NewSummary(w), &stepFlows{}
	r := sim.Runner{World: w, Stepper: sim.NewFlat(w, twins.MeritOrder{}, false), Sinks: []sim.Sink{sum, all}}
	if _, err := r.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	return sum.Report(w), *all
}

// A home of 1 kW with 4 kW of sun from 08:00 to 16:00, computed by hand.
func TestSelfSufficiencyOfAHome(t *testing.T) {
	for _, row := range []struct {
		name                          string
		set                           []string
		sufficiency, consumption      float64
		renewable, unknown, tolerance float64
	}{
		// 8 of 24 kWh from the roof at once, 8 out of the battery, 8 imported. 2 kWh stay in
		// the battery; 14 kWh are exported.
		{"a battery of 10 kWh", nil, 16. / 24, 16. / 30, 16. / 24, 8. / 24, 1e-4},
		{"no battery", []string{"batteries.b.available=false"}, 8. / 24, 8. / 32, 8. / 24, 16. / 24, 1e-9},
		{"twice the sun", []string{"households.h1.pv.scale=2"}, 16. / 24, 16. / (16 + 46), 16. / 24, 8. / 24, 1e-4},
		// The battery begins with 4 kWh of unknown origin: they serve the first four hours, 8
		// kWh of sun the last eight. 4 kWh are imported.
		{"a battery that begins with 4 kWh", []string{"batteries.b.initial_soc=0.4"}, 16. / 24, 16. / 30, 16. / 24, 8. / 24, 1e-4},
		// What it holds below its min_soc never comes out, and changes nothing. Of 8.5 kWh above it 8 come out.
		{"a battery with a reserve", []string{"batteries.b.min_soc=0.15", "batteries.b.initial_soc=0.15"}, 16. / 24, 16. / (16 + 15.5), 16. / 24, 8. / 24, 1e-3},
		// 12.5 kWh of sun are charged, 8 come out, 4.5 are lost; 11.5 are exported.
		{"a battery that loses", []string{"batteries.b.charge_efficiency=0.8", "batteries.b.discharge_efficiency=0.8"}, 16. / 24, 16. / (16 + 11.5 + 4.5), 16. / 24, 8. / 24, 1e-3},
	} {
		r, _ := ratios(t, "testdata/battery/home.yaml", row.set...)
		for k, got := range []*float64{r.SelfSufficiency, r.SelfConsumption, r.RenewableShare, r.UnknownShare} {
			want := []float64{row.sufficiency, row.consumption, row.renewable, row.unknown}[k]
			if want == 0 {
				continue
			}
			if got == nil || math.Abs(*got-want) > row.tolerance {
				t.Errorf("%s: %s %v, want %v", row.name, []string{"self-sufficiency", "self-consumption", "renewable share", "unknown share"}[k], *got, want)
			}
		}
	}
}

// Without storage the ratios follow from the sums of each step: what is not imported is own.
func TestSharesWithoutStorage(t *testing.T) {
	r, steps := ratios(t, "hamlet", "batteries.*.available=false", "vehicles.*.available=false")
	var load, driven, imported, exported, generated float64
	for i := range steps {
		f := &steps[i]
		load += float64(f.Load)
		imported += float64(min(f.Import, f.Load))
		exported += float64(f.Export)
		generated += float64(f.Generation)
		driven += float64(f.Driven) / 3600 // hours
	}
	want := (load - imported) / (load + driven)
	if r.SelfSufficiency == nil || math.Abs(*r.SelfSufficiency-want) > 1e-6 {
		t.Errorf("self-sufficiency %v, want %v", *r.SelfSufficiency, want)
	}
	if want := (generated - exported) / generated; math.Abs(*r.SelfConsumption-want) > 1e-6 {
		t.Errorf("self-consumption %v, want %v", *r.SelfConsumption, want)
	}
}

// The renewable share follows sun, plants and what the neighbour burns.
func TestRenewableShareMoves(t *testing.T) {
	of := func(set ...string) (share, unknown float64) {
		r, _ := ratios(t, "town", set...)
		return *r.RenewableShare, *r.UnknownShare
	}
	share, unknown := of()
	if share <= 0.3 || share >= 0.6 || unknown <= 0 || share+unknown > 1 {
		t.Errorf("town: %.3f renewable, %.3f unknown", share, unknown)
	}
	if more, _ := of("households.*.pv.rated_w*=2"); more <= share {
		t.Errorf("with twice the panels %.3f, before %.3f", more, share)
	}
	if less, _ := of("producers.hydro.available=false"); less >= share {
		t.Errorf("without the river %.3f, before %.3f", less, share)
	}
}

// The view of the ratios has those of the report, after each step and before each past one, also if it has dropped
// all of a longer run but the last thousands of steps.
func TestRatiosOfEachStep(t *testing.T) {
	w := built(t, "hamlet", hamletCommands...)
	live, report := views.NewSet(w), views.NewSummary(w)
	var want [][]*float64
	now := func() []*float64 {
		return report.Shares.Ratios()
	}
	want = append(want, now())
	run(t, w, live, report, sim.SinkFunc(func(*sim.StepRecord) error { want = append(want, now()); return nil }))
	ratios := views.Of[*views.Ratios](live, views.RatiosKind)
	text := func(all []*float64) (s string) {
		for _, v := range all {
			if v == nil {
				s += " none"
			} else {
				s += fmt.Sprint(" ", *v)
			}
		}
		return s
	}
	for at := range want {
		got, _, from, known := ratios.Before(twins.Tick(at))
		if !known || from != 0 || text(got) != text(want[at]) {
			t.Errorf("before step %d:%s since step %d, known %v; the report has%s", at, text(got), from, known, text(want[at]))
		}
	}
	if last := text(want[len(want)-1]); last == text(want[0]) || strings.Contains(last, "none") {
		t.Errorf("the ratios are%s in the end: the test shows nothing", last)
	}

	x := newRestless(t, built(t, "hamlet"))
	const end = 20_000
	x.to(t, 0, end, ratios)
	if _, _, _, known := ratios.Before(0); known || ratios.Until(end/2) != nil {
		t.Error("the view returns a state that it has dropped")
	}
	if _, _, _, known := ratios.Before(end - 1024); !known {
		t.Error("the view does not know a state of 1,024 steps ago")
	}
}

// Views of a run whose first steps are not kept say from which step on the ratios count.
func TestRatiosOfTheRest(t *testing.T) {
	w := built(t, "hamlet")
	ratios := views.RatiosKind.New(w).(*views.Ratios)
	x := newRestless(t, built(t, "hamlet"))
	x.to(t, 7, 9, ratios)
	if _, _, from, known := ratios.Before(9); from != 7 || !known {
		t.Errorf("they count from step %d, known %v; wanted 7", from, known)
	}
	if o := ratios.Until(7).(*views.Ratios); o.Commit(&x.record) != nil {
		t.Error("a copy from before the first step takes no step")
	}
}
