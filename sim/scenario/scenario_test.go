package scenario

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/smatrix-grid/smatrix/sim/problem"
	"github.com/smatrix-grid/smatrix/sim/regular"
	"github.com/smatrix-grid/smatrix/sim/scenarios"
	"github.com/smatrix-grid/smatrix/twins"
	"pgregory.net/rapid"
)

// baseScenario is the scenario testdata/scenario/base.yaml, which tests start from.
func baseScenario(t testing.TB) string {
	t.Helper()
	b, err := os.ReadFile("../testdata/scenario/base.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func testLocation() location {
	return location{file: "x.yaml", dir: "../testdata/scenario", data: regular.Dir("../testdata/scenario")}
}

// edited is the base scenario with one piece of text replaced.
func edited(t testing.TB, old, by string) string {
	t.Helper()
	base := baseScenario(t)
	if !strings.Contains(base, old) {
		t.Fatalf("%q is not in the base scenario", old)
	}
	return strings.Replace(base, old, by, 1)
}

func mustLoad(t testing.TB, source string, o Options) *Scenario {
	t.Helper()
	s, err := loadFrom([]byte(source), testLocation(), o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// loadAndBuild does what `smatrix scenario validate` does.
func loadAndBuild(source string, o Options) error {
	s, err := loadFrom([]byte(source), testLocation(), o)
	if err == nil {
		err = Build(s)
	}
	return err
}

// Each error in a scenario has exactly this text.
func TestBadScenarios(t *testing.T) {
	batteryKeys, topKeys := keysOf("battery"), keysOf("")
	const (
		battery = "    rated_w: 5000\nproducers:" // line 21
		event   = "set: producers.coal.available=false"
	)
	for _, band := range []struct {
		name string
		rows []badRow
	}{
		{"text", []badRow{
			{"no YAML", "step_s: 3600", "step_s: a: b", "x.yaml:2: not YAML: mapping values are not allowed in this context"},
			{"two documents", "step_s: 3600", "---", "x.yaml: more than one document in it, wanted one scenario without ---"},
			{"a key twice", battery, "    rated_wh: 3\nproducers:", `x.yaml:21: key "rated_wh" appears twice, wanted once: first in line 20`},
			{"not a number", battery, "    rated_w: .nan\nproducers:", "x.yaml:21: rated_w: .nan is not a number that can be used, wanted a finite decimal one"},
			{"infinite", battery, "    rated_w: -.inf\nproducers:", "x.yaml:21: rated_w: -.inf is not a number that can be used, wanted a finite decimal one"},
			{"octal", battery, "    rated_w: 0777\nproducers:", "x.yaml:21: rated_w: 0777 is not a number that can be used, wanted a finite decimal one"},
			{"tag", battery, "    rated_w: !watt 5\nproducers:", "x.yaml:21: rated_w: tag !watt is not known, wanted a plain value"},
		}},
		{"keys", []badRow{
			{"unknown", battery, "    rated_w: 5000\n    capcity_w: 3\nproducers:", `x.yaml:22: unknown key "capcity_w" in batteries.b1, wanted one of: ` + batteryKeys},
			{"nearly right", battery, "    rated_w: 5000\n    standby: 3\nproducers:", `x.yaml:22: unknown key "standby" in batteries.b1, did you mean "standby_w"? wanted one of: ` + batteryKeys},
			{"unknown, nested", "column: one}", "column: one, factor: 2}", `x.yaml:11: unknown key "factor" in households.h1.load, wanted one of: column, move_weeks, recording, scale`},
			{"unknown at the top", "step_s: 3600", "hostin: plain", `x.yaml:2: unknown key "hostin", did you mean "hosting"? wanted one of: ` + topKeys},
			{"unknown kind", "\nties:", "\nheatpumps:", "x.yaml:26: unknown kind heatpumps, wanted one of: " + kindLists()},
			{"missing", battery, "producers:", "x.yaml:17: batteries.b1: rated_w is missing, wanted greatest power at its terminals, each way, W"},
			{"neither recorded nor modelled", "    load: {recording: homes, column: one}\n", "", "x.yaml:9: households.h1: none of what it must have, wanted exactly one: load (a recorded load) or appliances (a load modelled by its appliances: base, cooking, washing machine, dishwasher and dryer)"},
			{"recorded and modelled", "column: one}\n", "column: one}\n    appliances: {}\n", "x.yaml:9: households.h1: load and appliances, wanted exactly one: load (a recorded load) or appliances (a load modelled by its appliances: base, cooking, washing machine, dishwasher and dryer)"},
			{"too many people", "load: {recording: homes, column: one}", "appliances: {occupants: 7}", "x.yaml:11: households.h1.appliances.occupants: 7 is above 6"},
			{"unknown appliance", "load: {recording: homes, column: one}", "appliances: {toaster: 1}", `x.yaml:11: unknown key "toaster" in households.h1.appliances, wanted one of: annual_wh, electric_shower, max_wait_h, occupants`},
			{"missing, nested", "column: one}", "}", "x.yaml:11: households.h1.load: column is missing, wanted one of its columns; a * makes one household of each column that fits"},
			{"no id", "  - id: b1\n    community", "  - community", "x.yaml:17: batteries[0]: id is missing, wanted its name; a * makes one member of each column, or owner, that fits"},
			{"no owner for a plant", "    rated_w: 5000\nties:", "    owner: h1\n    rated_w: 5000\nties:", `x.yaml:25: unknown key "owner" in producers.coal, did you mean "order"? wanted one of: ` + keysOf("producer")},
		}},
		{"values", []badRow{
			{"share above 1", battery, "    rated_w: 5000\n    min_soc: 1.5\nproducers:", "x.yaml:22: batteries.b1.min_soc: 1.5 is above 1"},
			{"negative capacity", battery, "    rated_w: -5\nproducers:", "x.yaml:21: batteries.b1.rated_w: -5 must be above 0"},
			{"a text", battery, "    rated_w: big\nproducers:", `x.yaml:21: batteries.b1.rated_w: "big" is a text, wanted a number`},
			{"a number in quotes", battery, "    rated_w: \"5\"\nproducers:", `x.yaml:21: batteries.b1.rated_w: "5" is a text, wanted a number`},
			{"nothing", battery, "    rated_w:\nproducers:", "x.yaml:21: batteries.b1.rated_w: empty, wanted a number"},
			{"a list", battery, "    rated_w: [5]\nproducers:", "x.yaml:21: batteries.b1.rated_w: a list, wanted a number"},
			{"keys", "start: 2018-01-08", "start: {a: 1}", "x.yaml:1: start: keys and values, wanted a text"},
			{"yes", battery, "    rated_w: 5000\n    available: yes\nproducers:", `x.yaml:22: batteries.b1.available: "yes" is a text, wanted true or false`},
			{"not in the list", "step_s: 3600", "hosting: fast", `x.yaml:2: hosting: "fast" is unknown, wanted one of: message, batched, plain`},
			{"not whole", "step_s: 3600", "step_s: 0.5", "x.yaml:2: step_s: 0.5 is not whole, wanted a whole number"},
			{"negative seed", "step_s: 3600", "seed: -1", "x.yaml:2: seed: -1 is below 0"},
			{"no threshold", "step_s: 3600", "reliability: {interruption_s: 0}", "x.yaml:2: reliability.interruption_s: 0 is below 1"},
			{"a threshold of more than a day", "step_s: 3600", "reliability: {interruption_s: 86401}", "x.yaml:2: reliability.interruption_s: 86401 is above 86400"},
			{"a threshold in parts of a second", "step_s: 3600", "reliability: {interruption_s: 0.5}", "x.yaml:2: reliability.interruption_s: 0.5 is not whole, wanted a whole number"},
			{"a threshold by another name", "step_s: 3600", "reliability: {interruption: 180}", `x.yaml:2: unknown key "interruption" in reliability, did you mean "interruption_s"? wanted one of: interruption_s`},
			{"a negative reward", "step_s: 3600", "agreement: {shifted_eur_per_kwh: -0.01}", "x.yaml:2: agreement.shifted_eur_per_kwh: -0.01 is below 0"},
			{"a reward above its bound", "step_s: 3600", "agreement: {unserved_eur_per_kwh: 1001}", "x.yaml:2: agreement.unserved_eur_per_kwh: 1001 is above 1000"},
			{"a reward as a text", "step_s: 3600", "agreement: {curtailed_eur_per_kwh: much}", `x.yaml:2: agreement.curtailed_eur_per_kwh: "much" is a text, wanted a number`},
			{"seed too large", "step_s: 3600", "seed: 18446744073709551616", "x.yaml:2: seed: 18446744073709551616 is above 18446744073709551615"},
			{"capital letters", "id: b1", "id: B1", `x.yaml:17: batteries.B1.id: "B1" does not fit, wanted lower-case letters, digits, - and _, with one * at most`},
		}},
		{"time", []badRow{
			{"step divides no day", "step_s: 3600", "step_s: 7", "x.yaml:2: step_s: 7 does not divide a day of 86400 s, wanted one that does, such as 60, 900 or 3600"},
			{"no date", "start: 2018-01-08", "start: tomorrow", `x.yaml:1: start: "tomorrow" does not fit, wanted local date, or date and time, at which the first step begins, such as 2018-01-08 or 2018-01-08T06:00`},
			{"no such date", "start: 2018-01-08", "start: 2018-02-30", "x.yaml:1: start: there is no 2018-02-30 in Europe/Berlin"},
			{"a time skipped by daylight saving", "start: 2018-01-08", "start: 2018-03-25T02:30", "x.yaml:1: start: there is no 2018-03-25T02:30 in Europe/Berlin"},
			{"no such zone", "step_s: 3600", "zone: Mars/Olympus", `x.yaml:2: zone: "Mars/Olympus" is unknown, wanted a name such as Europe/Berlin`},
			{"the machine's zone", "step_s: 3600", "zone: Local", `x.yaml:2: zone: "Local" is unknown, wanted a name such as Europe/Berlin`},
		}},
		{"communities", []badRow{
			{"none", "communities:\n  - id: street\n  - id: supply", "communities:", "x.yaml: no communities, wanted at least one with members"},
			{"without members", "  - id: supply", "  - id: supply\n  - id: lonely", "x.yaml:8: communities.lonely: no members, wanted at least one entry with community: lonely"},
			{"unknown", "id: h1\n    community: street", "id: h1\n    community: stret", `x.yaml:10: households.h1.community: no community "stret", did you mean "street"? wanted one of: street, supply`},
			{"named twice", "  - id: supply", "  - id: supply\n  - id: street", "x.yaml:8: communities.street: named twice, wanted another id: first in line 6"},
		}},
		{"members", []badRow{
			{"named twice", "id: tie", "id: tie\n    community: street\n    import_w: 1\n    export_w: 1\n  - id: tie", "x.yaml:31: ties.tie: named twice, wanted another id: first in line 27"},
			{"one path for two", "id: tie", "id: coal", "x.yaml:27: ties.coal: another member has the path grid/supply/coal, wanted another id"},
			{"unknown owner", "owner: h2", "owner: h3", `x.yaml:19: batteries.b1.owner: no household "h3", did you mean "h1"? wanted one of: h1, h2`},
			{"owner is a plant", "owner: h2", "owner: coal", `x.yaml:19: batteries.b1.owner: no household "coal", wanted one of: h1, h2`},
			{"owner elsewhere", "id: h2\n    community: street", "id: h2\n    community: supply", "x.yaml:19: batteries.b1.owner: household h2 is in community supply, wanted one in street"},
			{"no such mode", battery, "    rated_w: 5000\n    mode: peek\nproducers:", `x.yaml:22: batteries.b1.mode: "peek" is unknown, did you mean "peak"? wanted one of: self_consumption, tariff, peak, idle`},
			{"a mode without the value that it needs", battery, "    rated_w: 5000\n    mode: peak\nproducers:", "x.yaml:17: batteries.b1: mode peak and no peak_w, wanted the net load to stay at, W"},
			{"refused by its kind", battery, "    rated_w: 5000\n    min_soc: 0.9\nproducers:", "x.yaml:17: batteries.b1: initial_soc 0.5 is outside min_soc…max_soc 0.9…0.95"},
		}},
		{"plants", []badRow{
			{"minimum above the rating", "    rated_w: 5000\nties:", "    rated_w: 5000\n    min_output: 1.2\nties:", "x.yaml:26: producers.coal.min_output: 1.2 is above 1"},
			{"unknown technology", "    rated_w: 5000\nties:", "    rated_w: 5000\n    technology: col\nties:",
				`x.yaml:26: producers.coal.technology: "col" is unknown, did you mean "coal"? wanted one of: coal, lignite, gas_engine, gas_turbine, combined_cycle, nuclear, hydro, biogas, oil`},
			{"cold start shorter than a warm one", "    rated_w: 5000\nties:", "    rated_w: 5000\n    technology: coal\n    start_up_cold_s: 60\nties:",
				"x.yaml:23: producers.coal: start_up_cold_s 60 is below the 21600 s of a warm start"},
			{"cold_after_s below warm_after_s", "    rated_w: 5000\nties:", "    rated_w: 5000\n    warm_after_s: 7200\n    cold_after_s: 3600\nties:",
				"x.yaml:23: producers.coal: cold_after_s 3600 is below warm_after_s 7200"},
			{"a reservoir without a river", "    rated_w: 5000\nties:", "    rated_w: 5000\n    reservoir_wh: 1\nties:", "x.yaml:23: producers.coal: reservoir_wh: wanted only beside inflow_w"},
		}},
		{"wind", []badRow{
			{"curve not sorted", "\nties:", "\nwind_farms:\n  - id: mill\n    community: supply\n    hub_height_m: 30\n    curve: [[3, 0], [8, 900], [7, 1000]]\nties:",
				"x.yaml:27: wind_farms.mill: curve: not sorted: 7 m/s follows 8 m/s, wanted rising wind speeds"},
			{"curve not sorted, of a household", "column: one}", "column: one}\n    wind_turbine:\n      hub_height_m: 30\n      curve: [[3, 0], [3, 900]]",
				"x.yaml:12: households.h1.wind_turbine: curve: not sorted: 3 m/s follows 3 m/s, wanted rising wind speeds"},
			{"negative power", "\nties:", "\nwind_farms:\n  - {id: mill, community: supply, hub_height_m: 30, curve: [[3, -5], [8, 900]]}\nties:", "x.yaml:27: wind_farms.mill.curve[0][1]: -5 is below 0"},
			{"no pair", "\nties:", "\nwind_farms:\n  - {id: mill, community: supply, hub_height_m: 30, curve: [[3], [8, 900]]}\nties:", "x.yaml:27: wind_farms.mill.curve[0]: empty, wanted a wind speed, m/s, and a power, W"},
			{"unknown turbine", "\nties:", "\nwind_farms:\n  - {id: mill, community: supply, turbine: vestas-27}\nties:", "x.yaml:27: wind_farms.mill.turbine: \"vestas-27\" is unknown, did you mean \"vestas-v27\"? wanted one of: swift, pika-t701, kestrel-e400, fortis-montana, sd6, bergey-excel-10, dw20, entegrity-ew50, nps60c-24, nps100c-27, dw100, vestas-v27, vestas-v29, vestas-v47, ewt-dw54, ge-1.5, vestas-v82, atb-4mw"},
			{"a hub height of 0", "\nties:", "\nwind_farms:\n  - {id: mill, community: supply, turbine: sd6, hub_height_m: 0}\nties:", "x.yaml:27: wind_farms.mill.hub_height_m: 0 must be above 0"},
		}},
		{"recordings", []badRow{
			{"unknown", "load: {recording: homes, column: one}", "load: {recording: house, column: one}", `x.yaml:11: households.h1.load.recording: no recording "house", did you mean "homes"? wanted one of: homes`},
			{"unknown column", "column: one", "column: on", `x.yaml:11: households.h1.load.column: recording homes has no column "on", did you mean "one"? wanted one of: one, two, sun`},
			{"named twice", "unit: kW}", "unit: kW}\n  - {id: homes, file: homes.csv, unit: W}", "x.yaml:5: recordings.homes: named twice, wanted another id: first in line 4"},
			{"no file", "file: homes.csv", "file: house.csv", "x.yaml:4: recordings.homes: house.csv: no such file, wanted a CSV beside the scenario"},
			{"no unit of power", "unit: kW", "unit: kVA", `x.yaml:4: recordings.homes.unit: "kVA" is unknown, did you mean "kW"? wanted one of: W, kW, Wh, kWh`},
		}},
		{"patterns", []badRow{
			{"only in id", "id: h1", "id: h-*", `x.yaml:9: households.h-*: id has a * and load.column "one" has none, wanted one in both or in none`},
			{"only in column", "column: one", "column: o*", `x.yaml:11: households.h1: load.column "o*" has a * and id has none, wanted one in both or in none`},
			{"twice in one", "id: h1\n    community: street\n    load: {recording: homes, column: one}", "id: h-*\n    community: street\n    load: {recording: homes, column: \"*o*\"}", `x.yaml:11: households.h-*.load.column: "*o*" has more than one *, wanted one at most`},
			{"nothing fits", "id: h1\n    community: street\n    load: {recording: homes, column: one}", "id: h-*\n    community: street\n    load: {recording: homes, column: x*}", `x.yaml:11: households.h-*.load.column: recording homes has no column that fits "x*", wanted one of: one, two, sun`},
			{"pv without its column", "id: h1\n    community: street\n    load: {recording: homes, column: one}", "id: h-*\n    community: street\n    load: {recording: homes, column: t*}\n    pv: {recording: homes, column: sun-*}", `x.yaml:12: households.h-wo.pv.column: recording homes has no column "sun-wo", did you mean "sun"? wanted one of: one, two, sun`},
			{"nothing to follow", "id: b1", "id: b-*", "x.yaml:17: batteries.b-*: id has a * and nothing that it could follow, wanted one in owner as well"},
			{"owner alone", "owner: h2", "owner: h*", "x.yaml:17: batteries.b1: a * in it and none in id, wanted one in both or in none"},
			{"no owner fits", "id: b1\n    community: street\n    owner: h2", "id: b-*\n    community: street\n    owner: x*", `x.yaml:19: batteries.b-*.owner: no household in community "street" fits "x*", wanted one of: h1, h2`},
		}},
		{"events", []badRow{
			{"no time", `at: "14:00"`, `at: "25:00"`, `x.yaml:32: events[0].at: "25:00" does not fit, wanted local time on the first day, local date and time, or number of a step, such as 14:00 or 2018-01-09T14:00`},
			{"no date", `at: "14:00"`, `at: 2018-02-30T14:00`, `x.yaml:32: events: at: "2018-02-30" is no date`},
			{"before the start", `at: "14:00"`, `at: 2018-01-07T23:59`, "x.yaml:32: events: at: 2018-01-07T23:59 is before the start 2018-01-08 00:00"},
			{"no change", event, "set: producers.coal.available", `x.yaml:33: events: "producers.coal.available", wanted PATH=VALUE or PATH*=FACTOR`},
			{"no value", event, "set: producers.coal.available=5", "x.yaml:33: events: producers.coal.available: 5 is a number, wanted true or false"},
			{"out of bounds", event, "set: batteries.b1.reserve_soc=1.5", "x.yaml:33: events: batteries.b1.reserve_soc: 1.5 is above 1"},
			{"less than a milliwatt", event, "set: producers.coal.rated_w=0.0001", "x.yaml:33: events: producers.coal.rated_w: 0.0001 is below 0.001"},
			{"limit set to null", event, "set: communities.street.limit_w=null", "x.yaml:33: events: communities.street.limit_w: null cannot be set in mid-run, wanted 0 for none"},
			{"factor below 0", event, "set: producers.coal.rated_w*=-1", "x.yaml:33: events: producers.coal.rated_w: factor -1, wanted 0 or more"},
			{"factor out of bounds", event, "set: [households.h1.load.scale=900, households.h1.load.scale*=2]", "x.yaml:33: events: households.h1.load.scale: the factor takes it out of 0…1000"},
		}},
	} {
		t.Run(band.name, func(t *testing.T) {
			for _, row := range band.rows {
				t.Run(row.name, func(t *testing.T) { row.run(t) })
			}
		})
	}
}

type badRow struct{ name, old, by, want string }

func (row badRow) run(t *testing.T) {
	err := loadAndBuild(edited(t, row.old, row.by), Options{})
	var p *problem.At
	if !errors.As(err, &p) || errors.Is(err, problem.ErrUsage) {
		t.Fatalf("got %v, wanted a problem", err)
	}
	if got, _, _ := strings.Cut(err.Error(), "\n"); got != row.want {
		t.Errorf("got  %s\nwant %s", got, row.want)
	}
}

func TestBadFiles(t *testing.T) {
	for _, row := range []struct{ name, source, want string }{
		{"empty", "", "x.yaml: nothing in it, wanted at least communities and members"},
		{"a comment", "# nothing\n", "x.yaml: nothing in it, wanted at least communities and members"},
		{"a text", "hello", `x.yaml:1: "hello" is a text, wanted keys and values`},
		{"a list", "\n- a\n", "x.yaml:2: a list, wanted keys and values"},
		{"controls of no preset", "controls: local\n", `x.yaml:1: controls: "local" is unknown, wanted one of: full, none`},
		{"controls like a preset", "controls: ful\n", `x.yaml:1: controls: "ful" is unknown, did you mean "full"? wanted one of: full, none`},
		{"a list of controls", "controls: [full]\n", "x.yaml:1: controls: a list is unknown, wanted one of: full, none"},
		{"an unknown strategy", "controls:\n  grid: operatr\n  community: operator\n", "x.yaml:2: controls.grid: \"operatr\" is unknown, did you mean \"operator\"? wanted one of: operator, plain\n" +
			`x.yaml:3: controls.community: "operator" is unknown, wanted one of: pro_rata`},
		{"an unknown level", "controls: {hom: own_aims}\n", `x.yaml:1: unknown key "hom" in controls, did you mean "home"? wanted one of: community, grid, home, operator, plain`},
		{"an unknown key of a strategy", "controls:\n  operator:\n    import_shar: 1\n", `x.yaml:3: unknown key "import_shar" in controls.operator, did you mean "import_share"? wanted one of: import_share`},
		{"a strategy's key out of bounds", "controls: {operator: {import_share: 0}}\n", "x.yaml:1: controls.operator.import_share: 0 must be above 0"},
		{"no communities", "name: a\n", "x.yaml: no communities, wanted at least one with members"},
		{"an alias of itself", "a: &a {b: *a}\n", "x.yaml:1: nested too deep, wanted at most 64 levels and 1000000 values by aliases"},
		{"several", "sed: 1\ndays: 0\nheatpumps: []\n", `x.yaml:1: unknown key "sed", did you mean "seed"? wanted one of: ` +
			keysOf("") + "\n" +
			"x.yaml:2: days: 0 is below 1\n" +
			"x.yaml:3: unknown kind heatpumps, wanted one of: " + kindLists()},
	} {
		t.Run(row.name, func(t *testing.T) {
			if err := loadAndBuild(row.source, Options{}); err == nil || err.Error() != row.want {
				t.Errorf("got  %v\nwant %s", err, row.want)
			}
		})
	}
}

func TestOnlyTenProblems(t *testing.T) {
	var b strings.Builder
	b.WriteString("communities:\n")
	for i := range 1000 {
		fmt.Fprintf(&b, "  - {id: c%d, limt_w: 5}\n", i)
	}
	err := loadAndBuild(b.String(), Options{})
	if lines := strings.Split(err.Error(), "\n"); len(lines) != 10 || !strings.HasPrefix(lines[9], `x.yaml:11: unknown key "limt_w" in communities.c9`) {
		t.Errorf("got %d lines, the last: %s", len(lines), lines[len(lines)-1])
	}
}

// An alias bomb is refused before it takes much memory.
func TestAliasBomb(t *testing.T) {
	bomb := "a0: &a0 [1, 1]\n"
	for i := range 60 {
		bomb += fmt.Sprintf("a%d: &a%d [*a%d, *a%d]\n", i+1, i+1, i, i)
	}
	err := loadAndBuild(bomb, Options{})
	if err == nil || !strings.Contains(err.Error(), "nested too deep") {
		t.Errorf("got %v", err)
	}
}

// Errors in what was asked for, unlike errors in the file, are of usage: they have another
// exit code.
func TestBadUsage(t *testing.T) {
	t.Run("options", func(t *testing.T) {
		for _, row := range []struct {
			o    Options
			want string
		}{
			{Options{Steps: new(-1)}, "--steps -1: wanted at least 1"},
			{Options{Steps: new(0)}, "--steps 0: wanted at least 1"},
			{Options{Steps: new(1 << 40)}, "--steps 1099511627776: wanted at most 3162240000"},
			{Options{Days: new(0)}, "--days 0: wanted at least 1"},
			{Options{Days: new(1 << 30)}, "--days 1073741824: wanted at most 36600"},
		} {
			wantUsage(t, loadAndBuild(baseScenario(t), row.o), row.want)
		}
	})
	t.Run("scenario", func(t *testing.T) {
		folder := t.TempDir()
		for name, want := range map[string]string{
			"strete":       `scenario "strete": no such file, and none of this name is shipped, did you mean "street"? wanted one of: city, hamlet, scarcity, street, town`,
			"nowhere.yaml": `scenario "nowhere.yaml": no such file, and none of this name is shipped, wanted one of: city, hamlet, scarcity, street, town`,
			folder:         fmt.Sprintf("scenario %q: is a folder, wanted a YAML file", folder),
			os.DevNull:     fmt.Sprintf("scenario %q: not a regular file, wanted a YAML file", os.DevNull),
		} {
			_, err := Load(name, Options{})
			wantUsage(t, err, want)
		}
	})
	t.Run("events", func(t *testing.T) {
		for set, want := range map[string]string{
			"producers.cole.available=false": "x.yaml:33: events: producers.cole.available: no such member, did you mean producers.coal?",
			"households.h1.phase=A":          "x.yaml:33: events: households.h1.phase may not change in mid-run, wanted one of: " + homeSettings(),
			"households.*.load.column=one":   "x.yaml:33: events: households.h1.load.column may not change in mid-run, wanted one of: " + homeSettings(),
			"seed=5":                         "x.yaml:33: events: seed may not change in mid-run, wanted a setting of a member or a community",
			"recordings.homes.unit=W":        "x.yaml:33: events: recordings.homes.unit may not change in mid-run, wanted a setting of a member or a community",
			"households.h1.pv.scale=2":       "x.yaml:33: events: households.h1.pv.scale: there is no households.h1.pv",
			"producers.coal.available*=2":    "x.yaml:33: events: producers.coal.available: true is not a number, a factor wants one",
			"communities.street.limit_w*=2":  "x.yaml:33: events: communities.street.limit_w: null is not a number, a factor wants one",
		} {
			wantUsage(t, loadAndBuild(edited(t, "producers.coal.available=false", set), Options{}), want)
		}
	})
}

func wantUsage(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || err.Error() != want || !errors.Is(err, problem.ErrUsage) {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestDefaults(t *testing.T) {
	s := mustLoad(t, baseScenario(t), Options{})
	if s.Name != "x" || s.Seed != 1 || s.Hosting != "batched" || s.Controls != "full" || s.Forecast != "stated" {
		t.Errorf("got %+v", s)
	}
	if s.Calendar.Steps != 24 || s.Calendar.Start.Format("2006-01-02T15:04 MST") != "2018-01-08T00:00 CET" {
		t.Errorf("got %d steps from %v", s.Calendar.Steps, s.Calendar.Start)
	}
	entry := entryOf(s.document.root.get("batteries"), "b1")
	const want = `{"id":"b1","community":"street","owner":"h2","rated_wh":10000,"rated_w":5000,` +
		`"charge_efficiency":0.9506,"discharge_efficiency":0.9506,"standby_w":10,"min_soc":0.15,"max_soc":0.95,"cycle_life":6000,"calendar_life_years":15,` +
		`"mode":"self_consumption","peak_w":0,"tariff":{"charge_from":"00:00","charge_to":"06:00","discharge_from":"17:00","discharge_to":"21:00"},` +
		`"reserve_soc":0,"grid_forming":false,"droop":0.015,"response_s":0.2,"initial_soc":0.5,"prepared":false,"available":true}`
	if got := string(entry.appendJSON(nil)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if h1 := entryOf(s.document.root.get("households"), "h1"); h1.get("pv") != nil {
		t.Error("h1 has panels by default")
	}
}

func TestOptions(t *testing.T) {
	source := edited(t, "step_s: 3600", "step_s: 1800\nseed: 3")
	for _, row := range []struct {
		name  string
		o     Options
		seed  uint64
		steps twins.Tick
	}{
		{"none", Options{}, 3, 48},
		{"seed", Options{Seed: new(uint64(1 << 53))}, 1 << 53, 48},
		{"days", Options{Days: new(2)}, 3, 96},
		{"steps win", Options{Days: new(2), Steps: new(7)}, 3, 7},
		{"over --set", Options{Set: []string{"seed=5", "days=9"}, Seed: new(uint64(6)), Days: new(3)}, 6, 144},
		{"by --set", Options{Set: []string{"seed=5", "step_s=900"}}, 5, 96},
		{"three days with a change of clocks", Options{Set: []string{"start=2018-03-24", "days=3"}}, 3, 142},
		{"part of a day", Options{Set: []string{"start=2018-01-08T06:30"}}, 3, 35},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := mustLoad(t, source, row.o)
			if s.Seed != row.seed || s.Calendar.Steps != row.steps {
				t.Errorf("got seed %d, %d steps; want %d, %d", s.Seed, s.Calendar.Steps, row.seed, row.steps)
			}
		})
	}
}

func TestNumbersInOneForm(t *testing.T) {
	for in, want := range map[string]string{
		"5": "5", "+5": "5", "5.0": "5", "5.": "5", "05.5": "", "-0": "0", "0.000": "0", "00": "",
		".5": "0.5", "-1.50": "-1.5", "1_000.5": "1000.5", "1e3": "1000", "15e-1": "1.5", "1E+2": "100",
		"1e12": "1000000000000", "0.000000001": "0.000000001", "1e99": "1e99", "-12e-40": "-12e-40",
		"12345678901234567890123": "12345678901234567890123", "1e301": "", "1e-301": "", "1e999999999999": "",
		"": "", "-": "", ".": "", "e5": "", "0x10": "", "0o7": "", ".inf": "", ".nan": "", "1.2.3": "", "1e": "", "five": "",
	} {
		if got, ok := decimal(in); got != want || ok != (want != "") {
			t.Errorf("%q: got %q, %v, want %q", in, got, ok, want)
		}
	}
}

func TestPatterns(t *testing.T) {
	source := edited(t, "id: h1\n    community: street\n    load: {recording: homes, column: one}",
		"id: home-*\n    community: street\n    load: {recording: homes, column: Meter *}\n    pv: {recording: homes, column: Roof *}")
	source = strings.Replace(source, "column: two}\n    pv: {recording: homes, column: sun}", "column: Meter b}", 1)
	source = strings.Replace(source, "producers:", "  - {id: store-*, community: street, owner: home-*, rated_wh: 1000, rated_w: 500}\nproducers:", 1)
	from := testLocation()
	from.data = fstest.MapFS{"homes.csv": {Data: []byte("time,Meter b,Roof c,Meter a,Meter c,Roof a,Roof b\n2018-01-08T00:00,1,2,3,4,5,6\n2018-01-08T01:00,1,2,3,4,5,6\n")}}
	s, err := loadFrom([]byte(source), from, Options{Steps: new(2)})
	if err != nil {
		t.Fatal(err)
	}
	// The entries are in the order of the file, each with its own roof and battery.
	if got := fmt.Sprint(s.document.ids("households"), s.document.ids("batteries")); got != "[home-b home-a home-c h2] [b1 store-b store-a store-c]" {
		t.Error("got", got)
	}
	for _, id := range []string{"a", "b", "c"} {
		h := entryOf(s.document.root.get("households"), "home-"+id)
		if h.get("load").textOf("column") != "Meter "+id || h.get("pv").textOf("column") != "Roof "+id {
			t.Errorf("got %s", h.appendJSON(nil))
		}
	}
	_, members := s.Communities()[0].Specs()
	var paths []string
	for _, m := range members {
		paths = append(paths, m.Path)
	}
	if got, want := strings.Join(paths, " "), "grid/street/home-b grid/street/home-a grid/street/home-c grid/street/h2 "+
		"grid/street/h2/b1 grid/street/home-b/store-b grid/street/home-a/store-a grid/street/home-c/store-c"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestAliasesAndMerge(t *testing.T) {
	source := edited(t, "  - id: b1\n    community: street\n    owner: h2", "  - &b1\n    id: b1\n    community: street\n    owner: h2")
	source = strings.Replace(source, "producers:", "  - <<: *b1\n    id: b2\n    rated_w: 100\nproducers:", 1)
	s := mustLoad(t, source, Options{Set: []string{"batteries.b1.min_soc=0.2"}})
	b2 := entryOf(s.document.root.get("batteries"), "b2")
	if b2.textOf("rated_wh") != "10000" || b2.textOf("rated_w") != "100" || b2.textOf("min_soc") != "0.15" {
		t.Errorf("got %s", b2.appendJSON(nil))
	}
}

func TestIdentity(t *testing.T) {
	identity := func(source string, o Options) string { return string(mustLoad(t, source, o).Identity()) }
	base := baseScenario(t)
	want := identity(base, Options{})
	t.Run("the same", func(t *testing.T) {
		for name, got := range map[string]string{
			"hosting":        identity(base, Options{Set: []string{"hosting=plain"}}),
			"seed":           identity(base, Options{Seed: new(uint64(7))}),
			"days and steps": identity(base, Options{Days: new(3), Steps: new(3)}),
			"events":         identity(base[:strings.Index(base, "events:")], Options{}),
			"written number": identity(edited(t, "rated_wh: 10000", "rated_wh: 1.00e4"), Options{}),
			"default given":  identity(edited(t, "rated_wh: 10000", "rated_wh: 10000\n    max_soc: 0.95"), Options{}),
			"order of keys":  identity(edited(t, "rated_wh: 10000\n    rated_w: 5000", "rated_w: 5000\n    rated_wh: 10000"), Options{}),
			"order of lists": identity(edited(t, "  - id: street\n  - id: supply", "  - id: supply\n  - id: street"), Options{}),
			"comments":       identity("# hello\n"+base, Options{}),
		} {
			if got != want {
				t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
			}
		}
	})
	t.Run("another", func(t *testing.T) {
		s := mustLoad(t, base, Options{})
		seen := map[string]string{want: "the base"}
		for name, set := range everyScalar(s) {
			got := identity(base, Options{Set: []string{set}})
			if other, dup := seen[got]; dup {
				t.Errorf("--set %s (%s): same identity as %s", set, name, other)
			}
			seen[got] = set
		}
		if len(seen) < 40 {
			t.Errorf("only %d scalars were tried, wanted at least 40", len(seen))
		}
	})
}

// everyScalar returns, by path, a --set that changes the value, for each scalar of the scenario
// that is part of its identity.
func everyScalar(s *Scenario) map[string]string {
	sets := map[string]string{}
	d := s.document
	try := func(path string, v *tree) {
		candidates := []string{"other"}
		switch v.form {
		case formNumber:
			candidates = []string{"0.49", "0.51", "17", "7", "3", "1800"}
		case formBoolean:
			candidates = []string{fmt.Sprint(v.text == "false")}
		case formNull:
			candidates = []string{"5"}
		}
		if choices := d.mustTarget(path).sub.get("enum"); choices != nil {
			candidates = nil
			for _, c := range choices.items {
				candidates = append(candidates, c.text)
			}
		}
		for _, c := range candidates {
			if c == v.text {
				continue
			}
			if _, err := loadFrom([]byte(s.sourceForTest()), testLocation(), Options{Set: []string{path + "=" + c}, Steps: new(1)}); err == nil {
				sets[path] = path + "=" + c
				return
			}
		}
	}
	for i, key := range d.root.keys {
		v := &d.root.items[i]
		switch {
		case slices.Contains([]string{"hosting", "seed", "days", "events"}, key):
		case v.form == formList:
			for k := range v.items {
				leaves(entryName(key, k, &v.items[k]), &v.items[k], try)
			}
		default:
			leaves(key, v, try)
		}
	}
	return sets
}

// leaves calls f with each value of a tree that is no object, and its path.
func leaves(path string, t *tree, f func(string, *tree)) {
	if t.form != formObject {
		f(path, t)
	}
	for i := range t.items {
		leaves(path+"."+t.keys[i], &t.items[i], f)
	}
}

func (d *document) mustTarget(path string) target {
	targets, err := d.targets(path)
	if err != nil {
		panic(err)
	}
	return targets[0]
}

func (s *Scenario) sourceForTest() string {
	b, err := s.YAML()
	if err != nil {
		panic(err)
	}
	return string(b)
}

// A new household changes no other entry.
func TestNewHouseholdChangesNoOtherEntry(t *testing.T) {
	base := mustLoad(t, baseScenario(t), Options{})
	more := mustLoad(t, edited(t, "households:\n", "households:\n  - {id: a0, community: street, load: {recording: homes, column: two}}\n"), Options{})
	for _, list := range base.document.lists() {
		for _, id := range base.document.ids(list) {
			a, b := entryOf(base.document.root.get(list), id), entryOf(more.document.root.get(list), id)
			if list != "events" && !bytes.Equal(a.appendJSON(nil), b.appendJSON(nil)) {
				t.Errorf("%s.%s: %s became %s", list, id, a.appendJSON(nil), b.appendJSON(nil))
			}
		}
	}
}

func TestResolvedYAML(t *testing.T) {
	for _, name := range []string{"street", "hamlet"} {
		s, err := Load(name, Options{})
		if err != nil {
			t.Fatal(err)
		}
		source, err := s.YAML()
		if err != nil {
			t.Fatal(err)
		}
		again, err := loadFrom(source, location{file: name + ".yaml", data: scenarios.Files}, Options{})
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, source)
		}
		if !bytes.Equal(again.Identity(), s.Identity()) || !slices.Equal(again.Events, s.Events) {
			t.Errorf("%s: the scenario changed when it was read again:\n%s", name, source)
		}
	}
}

// The hamlet has a member of every kind.
func TestHamletHasEveryKind(t *testing.T) {
	s, err := Load("hamlet", Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range memberKinds() {
		if len(s.document.entries(k.Plural)) == 0 {
			t.Errorf("no %s", k.Name)
		}
	}
}

func TestSource(t *testing.T) {
	b, err := Source("hamlet")
	if err != nil || !bytes.HasPrefix(b, []byte("# Six homes")) {
		t.Errorf("got %.20s, %v", b, err)
	}
	_, err = Source("nowhere")
	wantUsage(t, err, `scenario "nowhere": no such file, and none of this name is shipped, wanted one of: city, hamlet, scarcity, street, town`)
}

// The keys that the schema marks x-changeable are exactly the settings of the kinds.
func TestChangeableIsSetting(t *testing.T) {
	s := scenarioSchema()
	for _, k := range append(memberKinds(), twins.Community) {
		of, _ := s.entryIn(k.Plural)
		changeable := map[string]subschema{}
		s.walk("", of, func(path string, sub subschema) {
			if sub.isTrue("x-changeable") {
				changeable[path] = sub
			}
		})
		for _, set := range k.Settings {
			sub, ok := changeable[set.Name]
			if !ok {
				t.Errorf("%s: setting %s is not marked x-changeable", k.Name, set.Name)
				continue
			}
			delete(changeable, set.Name)
			checkBounds(t, k, set, sub)
		}
		for path := range changeable {
			t.Errorf("%s: %s is marked x-changeable and is no setting", k.Name, path)
		}
	}
}

// walk calls f with every key of a schema, nested ones too, and with the schema itself.
func (s *schemaTree) walk(path string, of subschema, f func(string, subschema)) {
	f(path, of)
	for _, key := range of.keysOf() {
		sub, _ := s.key(of, key)
		s.walk(joinPath(path, key), sub, f)
	}
}

// checkBounds checks that a setting has exactly the values that its schema allows.
func checkBounds(t *testing.T, k *twins.Kind, set twins.Setting, sub subschema) {
	if sub.textOf("type") == "boolean" {
		if set.Min != 0 || set.Max != 1 || set.Scale != 1 {
			t.Errorf("%s: %s is true or false, its setting is %+v", k.Name, set.Name, set)
		}
		return
	}
	if choice := sub.get("enum"); choice != nil {
		for i, word := range choice.items {
			if i >= len(set.Words) || set.Words[i] != word.text || set.Max != int64(len(choice.items))-1 || set.Min != 0 {
				t.Errorf("%s: %s is one of %s, its setting is %+v", k.Name, set.Name, choice.appendJSON(nil), set)
			}
		}
		return
	}
	stored := func(bound string) int64 {
		v, err := twins.ParseScaled(bound, set.Scale)
		if err != nil {
			t.Fatalf("%s: %s: %v", k.Name, set.Name, err)
		}
		return v
	}
	least, most := stored(sub.textOf("minimum")), stored(sub.textOf("maximum"))
	if least != set.Min || most != set.Max {
		t.Errorf("%s: %s is %d…%d by the schema, its setting is %d…%d", k.Name, set.Name, least, most, set.Min, set.Max)
	}
}

// Every key of the schema has a description, every default is valid, and every object refuses
// unknown keys.
func TestSchemaIsComplete(t *testing.T) {
	s := scenarioSchema()
	check := func(path string, of subschema) {
		s.walk(path, of, func(path string, sub subschema) {
			if path != "" && sub.textOf("description") == "" {
				t.Errorf("%s has no description", path)
			}
			if d := sub.get("default"); d != nil && s.at(sub.pointer).Validate(d.plain()) != nil {
				t.Errorf("%s: default %s is not valid", path, d.appendJSON(nil))
			}
			if sub.get("properties") != nil && sub.textOf("additionalProperties") != "false" {
				t.Errorf("%s allows unknown keys", path)
			}
		})
	}
	check("", s.top())
	for _, key := range s.top().get("properties").keys {
		if of, ok := s.entryIn(key); ok {
			check(key, of)
		}
	}
	b, err := Schema()
	if err != nil || !bytes.Contains(b, []byte(`"x-changeable": true`)) {
		t.Errorf("schema: %v", err)
	}
}

// A text is unchanged after it was written as YAML and read again.
func TestTextsSurviveYAML(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		want := rapid.String().Draw(r, "text")
		s := tree{form: formObject, keys: []string{"description"}, items: []tree{{form: formText, text: want}}}
		d := &document{root: s}
		b, err := (&Scenario{document: d}).YAML()
		if err != nil {
			r.Skip("not text that YAML can hold")
		}
		back, err := readYAML("x", b)
		if err != nil || back.textOf("description") != want || back.items[0].form != formText {
			r.Fatalf("%q became %q, %v in\n%s", want, back.textOf("description"), err, b)
		}
	})
}

// keysOf lists, as messages do, the keys of a kind's entry, or of the scenario if kind is "".
func keysOf(kind string) string {
	at := scenarioSchema().top()
	if kind != "" {
		at = subschema{scenarioSchema().root.get("$defs").get(kind), ""}
	}
	return strings.TrimPrefix(problem.Wanted("", at.keysOf()), "wanted one of: ")
}

// kindLists lists, as messages do, the lists of members that a scenario can have.
func kindLists() string {
	var lists []string
	for _, k := range memberKinds() {
		lists = append(lists, k.Plural)
	}
	slices.Sort(lists)
	return strings.Join(lists, ", ")
}

// A home with appliances gets the defaults of their keys.
func TestDefaultsOfModelledHome(t *testing.T) {
	s := mustLoad(t, edited(t, "load: {recording: homes, column: two}", "appliances: {}"), Options{})
	const want = `{"occupants":null,"annual_wh":null,"electric_shower":null,"max_wait_h":6}`
	if got := entryOf(s.document.root.get("households"), "h2").get("appliances"); string(got.appendJSON(nil)) != want {
		t.Errorf("got  %s\nwant %s", got.appendJSON(nil), want)
	}
}

// List has all shipped scenarios.
func TestList(t *testing.T) {
	if got := len(List()); got != len(shippedNames()) || got < 2 {
		t.Errorf("%d listed", got)
	}
}
