package sim

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/twins"
)

func TestShippedScenarios(t *testing.T) {
	for _, row := range []struct {
		name    string
		steps   twins.Tick
		columns int
		members map[string]int
	}{
		{"street", 1440, 55, map[string]int{"household": 55, "tie": 1, "community": 2}},
		{"hamlet", 24, 8, map[string]int{"household": 6, "battery": 2, "community": 3}}, // and one of every other kind
	} {
		t.Run(row.name, func(t *testing.T) {
			s, err := scenario.Load(row.name, scenario.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if s.Name != row.name || s.Description == "" || s.Calendar.Steps != row.steps {
				t.Errorf("got %q, %q, %d steps", s.Name, s.Description, s.Calendar.Steps)
			}
			w := mustBuild(t, s)
			for _, k := range twins.Kinds() {
				if k.Role != twins.RoleNode && row.name == "hamlet" && row.members[k.Name] == 0 {
					row.members[k.Name] = 1
				}
			}
			if !maps.Equal(w.Members, row.members) || w.recorded.Len() != row.columns {
				t.Errorf("got %v and %d columns, want %v and %d", w.Members, w.recorded.Len(), row.members, row.columns)
			}
		})
	}
}

// The street's day is the recorded one: minute m is step m−1. Figures of the
// feeder: 483.9 kWh, peak 57.36 kW at minute 566.
func TestStreetIsAsRecorded(t *testing.T) {
	s, err := scenario.Load("street", scenario.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w := mustBuild(t, s)
	var env twins.Env
	var energy twins.Energy
	var peak twins.Power
	var peakAt twins.Tick
	for step := range s.Calendar.Steps {
		w.Env(step, &env)
		sum := twins.Power(0)
		for _, p := range env.Recorded {
			sum += p
		}
		energy += sum.For(60)
		if sum > peak {
			peak, peakAt = sum, step
		}
	}
	if energy/(100*twins.WattHour) != 4839 || peak != 57_358*twins.Watt || peakAt != 565 {
		t.Errorf("%v Wh, peak %v W at step %d", energy.WattHours(), peak.Watts(), peakAt)
	}
}

func TestTemplateRuns(t *testing.T) {
	dir := t.TempDir()
	for name, content := range scenario.Template() {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s, err := scenario.Load(filepath.Join(dir, "my-street.yaml"), scenario.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if w := mustBuild(t, s); w.Members["household"] != 3 {
		t.Errorf("got %v", w.Members)
	}
}

// Data files may be in another folder than the scenario.
func TestDataElsewhere(t *testing.T) {
	dir := t.TempDir()
	data, err := os.ReadFile("testdata/scenario/homes.csv")
	if err != nil {
		t.Fatal(err)
	}
	for _, sub := range []string{"data", "scenarios"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	csv := filepath.Join(dir, "data", "homes.csv")
	if err := os.WriteFile(csv, data, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"../data/homes.csv", csv} {
		name := filepath.Join(dir, "scenarios", "a.yaml")
		if err := os.WriteFile(name, []byte(edited(t, "homes.csv", file)), 0o644); err != nil {
			t.Fatal(err)
		}
		s, err := scenario.Load(name, scenario.Options{})
		if err != nil {
			t.Fatal(err)
		}
		mustBuild(t, s)
	}
}

// An empty appliances entry gives a home all its appliances, in addition to panels, and
// their use follows the seed.
func TestModelledHome(t *testing.T) {
	source := edited(t, "load: {recording: homes, column: two}", "appliances: {}")
	s := mustLoad(t, source, scenario.Options{})
	w := mustBuild(t, s)
	for _, c := range w.Cells {
		for _, b := range c.Blocks {
			if b.Kind != twins.Household {
				continue
			}
			if got := fmt.Sprint(b.Slab.Parts(0), b.Slab.Parts(1)); got != "[load] [base cooking washing_machine dishwasher dryer pv]" {
				t.Errorf("parts %s", got)
			}
		}
	}
	drawn := func(seed uint64) (sum twins.Energy) {
		w := mustBuild(t, mustLoad(t, source, scenario.Options{Seed: &seed}))
		flat := NewFlat(w, twins.MeritOrder{}, false)
		var env twins.Env
		for tick := range s.Calendar.Steps {
			w.Env(tick, &env)
			rec, err := flat.Step(&env)
			if err != nil || rec.Residual != 0 {
				t.Fatal(rec.Residual, err)
			}
			sum += rec.Flows.Load.For(env.Step)
		}
		return sum
	}
	if a, b := drawn(1), drawn(2); a == b || a != drawn(1) {
		t.Errorf("seed 1 draws %d mJ, seed 2 %d", a, b)
	}
}
