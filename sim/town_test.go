package sim

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/twins"
)

// townYear is a sink that adds up a run of the town, and fails the test if a balance is not
// closed or panels give power at night.
type townYear struct {
	t      *testing.T
	cells  []*twins.Cell
	energy map[string]float64     // kWh, by part of a home or kind of member
	peak   map[string]twins.Power // of the net load, by community of homes
	least  twins.Power            // of the net loads of all these communities
	dark   int                    // steps of night
}

// Commit implements Sink.
func (y *townYear) Commit(r *StepRecord) error {
	if r.Residual != 0 {
		y.t.Fatalf("step %d: residual %d", r.Tick, r.Residual)
	}
	now := map[string]twins.Power{}
	for _, c := range y.cells {
		net := twins.Power(0)
		for _, b := range c.Blocks {
			for i := range b.Read {
				read := &b.Read[i]
				if by := read.Imbalance(r.Step); by != 0 {
					y.t.Fatalf("step %d: %s: %d mJ", r.Tick, b.Paths[i], by)
				}
				net += read.Power
				names := b.Slab.Parts(i)
				if names == nil {
					now[b.Kind.Name] += read.Power
				}
				for k, name := range names {
					now[name] += read.Parts[k]
				}
			}
		}
		if strings.HasPrefix(c.Path, "grid/community-") {
			y.peak[c.Path] = max(y.peak[c.Path], net)
			y.least = min(y.least, net)
		}
	}
	for name, p := range now {
		y.energy[name] += p.Watts() * float64(r.Step) / 3.6e6
	}
	if hour := r.Time.Hour(); hour >= 22 || hour < 4 {
		y.dark++
		if now["pv"] != 0 || now["solar_park"] != 0 {
			y.t.Fatalf("%s: panels give %d and %d mW in the night", r.Time, now["pv"], now["solar_park"])
		}
	}
	return nil
}

func runTown(t *testing.T, o scenario.Options) *townYear {
	t.Helper()
	s, err := scenario.Load("town", o)
	if err != nil {
		t.Fatal(err)
	}
	w := mustBuild(t, s)
	y := &townYear{t: t, cells: w.Cells, energy: map[string]float64{}, peak: map[string]twins.Power{}}
	r := Runner{World: w, Stepper: NewFlat(w, twins.MeritOrder{}, false), Sinks: []Sink{y}}
	if n, err := r.Run(context.Background()); err != nil || n != s.Calendar.Steps {
		t.Fatalf("%d steps, %v", n, err)
	}
	return y
}

// In a week of the town the books close in every step and at every member, and panels give
// nothing at night, both of which Commit checks. Every part and kind draws or gives energy.
func TestTownWeek(t *testing.T) {
	if testing.Short() {
		t.Skip("slow under the race detector, which finds no races in a single loop")
	}
	days := 7
	y := runTown(t, scenario.Options{Days: &days})
	if y.dark != 7*24 {
		t.Errorf("%d quarter hours of night, want %d", y.dark, 7*24)
	}
	for _, name := range []string{"load", "base", "cooking", "dishwasher", "dryer", "washing_machine", "heat_pump", "vehicle", "battery"} {
		if y.energy[name] <= 0 {
			t.Errorf("%s drew %.1f kWh", name, y.energy[name])
		}
	}
	for _, name := range []string{"pv", "solar_park", "wind_farm", "producer"} {
		if y.energy[name] >= 0 {
			t.Errorf("%s gave %.1f kWh", name, -y.energy[name])
		}
	}
	if len(y.peak) != 6 {
		t.Errorf("%d communities of homes", len(y.peak))
	}
}

// long is true when the long forms of tests run: make test-long.
var long bool

// A year of the town, 52 weeks, is compared with sums computed from the same data by
// other means: homes 1,100 MWh, heat pumps 210, panels 690, and 90 vehicles with
// the 6.5 kWh a day that are recorded of each, 213. A turbine of this kind gives
// 296 MWh without the correction for the density of the air. Reached are +5, +4,
// −3, +4 and −8 %. A community's net load peaks at 84 to 113 kW without controls,
// its export stays below 54 kW. Sums change with the number of homes and the shares
// that are drawn.
func TestTownYear(t *testing.T) {
	if !long {
		t.Skip("a year of 300 homes; make test-long")
	}
	days := 364
	for seed := range uint64(3) {
		seed++
		y := runTown(t, scenario.Options{Days: &days, Seed: &seed, Set: []string{"start=2018-01-01"}})
		homes := 0.0
		for _, part := range []string{"load", "base", "cooking", "dishwasher", "dryer", "washing_machine"} {
			homes += y.energy[part]
		}
		for _, row := range []struct {
			name      string
			got, want float64
		}{
			{"homes", homes, 1100}, {"heat pumps", y.energy["heat_pump"], 210}, {"panels", -y.energy["pv"], 690},
			{"vehicles", y.energy["vehicle"], 213}, {"wind", -y.energy["wind_farm"], 296},
		} {
			figure(t, fmt.Sprintf("seed %d: %s, MWh", seed, row.name), row.got/1000, row.want, row.want/10)
		}
		for id, p := range y.peak {
			if kW := p.Watts() / 1000; kW < 70 || kW > 125 {
				t.Errorf("seed %d: %s peaks at %.1f kW", seed, id, kW)
			}
		}
		if kW := -y.least.Watts() / 1000; kW < 40 || kW > 58 {
			t.Errorf("seed %d: a community exports %.1f kW", seed, kW)
		}
	}
}
