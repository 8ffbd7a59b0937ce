package sim

import (
	"context"
	"strings"
	"testing"

	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/twins"
)

// Limits and reserves that make no sense are refused with file, line and figures.
func TestImpossibleGrids(t *testing.T) {
	const (
		community = "  - id: street\n"
		ties      = "\nties:"
	)
	second := "\n  - {id: north, community: supply, import_w: 5000, export_w: 5000"
	for _, row := range []struct{ name, from, to, want string }{
		{"a limit below the essential load", community, community + "    limit_w: 699\n",
			"x.yaml:7: communities.street.limit_w: 699 W, below what its members need at the start: 700 W of essential load, of which 0 W from its own plants; wanted 700 W or more"},
		{"a limit equal to the essential load", community, community + "    limit_w: 700\n", ""},
		{"0 is no limit", community, community + "    limit_w: 0\n", ""},
		{"a reserve of all plants and ties", "step_s: 3600", "step_s: 3600\nreserve_w: 14000",
			"x.yaml:3: reserve_w: 14000 W is all that plants and ties have (14000 W) or more, wanted less"},
		{"a reserve of 1 W less", "step_s: 3600", "step_s: 3600\nreserve_w: 13999", ""},
		{"sun is no reserve", "step_s: 3600", "step_s: 3600\nreserve_w: 14000\nsolar_parks:\n  - {id: park, community: supply, recording: homes, column: sun}",
			"x.yaml:3: reserve_w: 14000 W is all that plants and ties have (14000 W) or more, wanted less"},
		{"two ties that hold the frequency", ties, ties + second + "}", "x.yaml:28: ties.tie: holds the frequency, and so does ties.north in line 27, wanted one at most: holds_frequency: false here, or link: dc"},
		{"one of two ties does not hold it", ties, ties + second + ", holds_frequency: false}", ""},
		{"one of two ties is dc", ties, ties + second + ", link: dc}", ""},
		{"one of two ties is open, but could be closed", ties, ties + second + ", available: false}", "x.yaml:28: ties.tie: holds the frequency, and so does ties.north in line 27, wanted one at most: holds_frequency: false here, or link: dc"},
		{"a ramp of zero", "    rated_w: 5000\nties:", "    rated_w: 5000\n    ramp_per_min: 0\nties:", "x.yaml:26: producers.coal.ramp_per_min: 0 must be above 0"},
	} {
		err := loadAndBuild(edited(t, row.from, row.to), scenario.Options{})
		if got := errText(err); got != row.want {
			t.Errorf("%s:\ngot  %s\nwant %s", row.name, got, row.want)
		}
	}
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// toggle is a type of command that no kind takes.
var toggle = twins.DeclareCommand(twins.CommandType{Name: "toggle"})

// A command for an unknown member, for a past step or for a step after the end is refused
// by name, and does not change the run.
func TestRefusedCommands(t *testing.T) {
	w := mustBuild(t, mustLoad(t, baseScenario(t), scenario.Options{}))
	r := Runner{World: w, Stepper: NewFlat(w, nil, false)}
	for range 3 {
		if _, err := r.Step(); err != nil {
			t.Fatal(err)
		}
	}
	off := func(step twins.Tick, target string) twins.Command {
		return twins.Set(target, "available", 0).At(step, 0)
	}
	other := func(c twins.Command, t *twins.CommandType) twins.Command { c.Type = t; return c }
	for _, row := range []struct {
		name string
		c    twins.Command
		want string
	}{
		{"the past", off(2, "grid/supply/coal"), "grid/supply/coal: available for step 2, which is past, wanted step 3 or later"},
		{"after the end", off(24, "grid/supply/coal"), "grid/supply/coal: available for step 24, wanted one before the end of the run, 24"},
		{"unknown member", off(3, "grid/supply/cole"), "no member grid/supply/cole"},
		{"a type that the kind does not take", other(off(3, "grid/supply/coal"), toggle), `grid/supply/coal: unknown command "toggle", wanted set or multiply`},
		{"no type", other(off(3, "grid/supply/coal"), nil), `grid/supply/coal: unknown command "", wanted set or multiply`},
		{"a body that cannot be read", twins.Command{Step: 3, Target: "grid/supply/coal", Type: twins.CommandSet, Body: "available=0"}, "grid/supply/coal: set: its body is no setting and value"},
		{"no such setting", twins.Set("grid/supply/coal", "min_output", 0).At(3, 0), "grid/supply/coal: min_output may not change in mid-run"},
		{"out of bounds", twins.Set("grid/supply/coal", "available", 2).At(3, 0), "grid/supply/coal: available is outside its bounds"},
		{"now", off(3, "grid/supply/coal"), ""},
	} {
		before := len(w.commandsOf(row.c.Step))
		err := r.Add(row.c)
		if got := errText(err); got != row.want {
			t.Errorf("%s:\ngot  %s\nwant %s", row.name, got, row.want)
		}
		if (err == nil) != (len(w.commandsOf(row.c.Step)) > before) {
			t.Errorf("%s: %d commands in the step, %d before", row.name, len(w.commandsOf(row.c.Step)), before)
		}
	}
	if _, err := r.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// A limit is set, removed by 0 and set again during the run. A factor is refused where there
// is no limit, and where it would make the limit 0.
func TestLimitIsLifted(t *testing.T) {
	w := mustBuild(t, mustLoad(t, edited(t, "  - id: street\n", "  - id: street\n    limit_w: 800\n"), scenario.Options{Set: []string{"batteries.b1.available=false"}}))
	r := Runner{World: w, Stepper: NewFlat(w, nil, false)}
	add := func(step twins.Tick, by *twins.CommandType, value int64) error {
		c := twins.Set("grid/street", "limit_w", value).At(step, int64(step))
		c.Type = by
		return r.Add(c)
	}
	for _, row := range []struct {
		step  twins.Tick
		by    *twins.CommandType
		value int64
		want  string
	}{
		{1, twins.CommandMultiply, 0, "grid/street: limit_w would be outside 0.001…1e+15"},
		{1, twins.CommandSet, -1, "grid/street: limit_w is outside its bounds"},
		{1, twins.CommandSet, 1000, ""},
		{2, twins.CommandSet, 0, ""},
		{3, twins.CommandMultiply, 2e9, "grid/street: limit_w would be outside 0.001…1e+15"},
		{4, twins.CommandSet, 900_000, ""},
		{5, twins.CommandMultiply, 2e9, ""},
	} {
		if got := errText(add(row.step, row.by, row.value)); got != row.want {
			t.Errorf("%s %d:\ngot  %s\nwant %s", row.by.Name, row.value, got, row.want)
		}
	}
	passed := map[twins.Power]int{} // by limit
	for _, want := range []twins.Power{800_000, 1000, 0, 0, 900_000, 1_800_000} {
		if _, err := r.Step(); err != nil {
			t.Fatal(err)
		}
		if got := w.Cells[0].Node.Limit(); got != want {
			t.Errorf("after step %d the limit is %v W, wanted %v", r.Done(), got.Watts(), want.Watts())
		}
		for i := range w.Cells[0].Events {
			if e := &w.Cells[0].Events[i].Event; e.Type == twins.LimitPassed {
				passed[w.Cells[0].Node.Limit()]++
			}
		}
	}
	if passed[0] != 0 || passed[1000] != 1 {
		t.Errorf("steps above the limit, by limit: %v, wanted one above a limit of 1 W, and none without a limit", passed)
	}
}

// Unusual worlds run to their end with their books closed: steps of a second, a minute
// and an hour, starts at noon, days of 23 and 25 hours, no plants, only ties.
func TestOddWorlds(t *testing.T) {
	if testing.Short() {
		t.Skip("slow under the race detector, which finds no races in a single loop")
	}
	for _, row := range []struct {
		scenario string
		set      string
	}{
		{"hamlet", "step_s=1 days=1"},
		{"hamlet", "step_s=60"},
		{"hamlet", "step_s=3600"},
		{"hamlet", "step_s=600"},
		{"scarcity", "step_s=3600"},
		{"scarcity", "step_s=60 households=20"},
		{"scarcity", "start=2018-01-08T12:00"},
		{"town", "start=2018-03-25 households=30"},
		{"town", "start=2018-03-26 households=30"},
		{"town", "start=2018-10-28 households=30"},
		{"town", "start=2018-10-28 households=30 forecast=perfect"},
		{"town", "start=2018-12-31 days=2 households=30"},
		{"town", "step_s=3600 producers.*.available=false"},
		{"scarcity", "producers.*.available=false batteries.*.available=false households=20"},
		{"scarcity", "producers.*.rated_w=0.001 households=20"},
		{"scarcity", "producers.*.cost_eur_per_mwh=-50 households=20"},
		{"town", "reserve_w=300000"},
	} {
		t.Run(row.scenario+" "+row.set, func(t *testing.T) {
			s, err := scenario.Load(row.scenario, scenario.Options{Set: strings.Fields(row.set)})
			if err != nil {
				t.Fatal(err)
			}
			if s.Calendar.Steps > 2000 {
				s.Calendar.Steps = 2000
			}
			w := mustBuild(t, s)
			r := Runner{World: w, Stepper: NewFlat(w, nil, false)}
			if n, err := r.Run(context.Background()); err != nil || n != s.Calendar.Steps {
				t.Errorf("%d steps: %v", n, err)
			}
		})
	}
}

// The essential load that a community's own plants can cover does not count against its
// limit.
func TestLimitCountsOwnPlants(t *testing.T) {
	source := strings.Replace(edited(t, "  - id: street\n", "  - id: street\n    limit_w: 1\n"), "community: supply\n    rated_w: 5000", "community: street\n    rated_w: 5000", 1)
	if err := loadAndBuild(source, scenario.Options{}); err != nil {
		t.Error(err)
	}
}
