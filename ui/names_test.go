package ui

import (
	"encoding/json"
	"regexp"
	"testing"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/views"
	"github.com/smatrix-grid/smatrix/twins"
)

// small matches the names of figures in milliwatts, millijoules and other small units. Outside the program figures are in W, J, Hz and
// °C: a reader takes _mw for megawatts.
var small = regexp.MustCompile(`_(mw|mj|mwh|uw|uj|uhz|uc|ppb|ppm)$`)

// prices are names that end with the unit of a price.
var prices = regexp.MustCompile(`(^|_)per_mwh$`)

// keysOf visits every name of a property and every parameter of an OpenAPI document, with the place that it is at.
func keysOf(v any, at string, visit func(at, name string)) {
	switch v := v.(type) {
	case map[string]any:
		if properties, ok := v["properties"].(map[string]any); ok {
			for name := range properties {
				visit(at, name)
			}
		}
		if name, ok := v["name"].(string); ok && v["in"] != nil {
			visit(at, name)
		}
		for k, of := range v {
			keysOf(of, at+"/"+k, visit)
		}
	case []any:
		for _, of := range v {
			keysOf(of, at, visit)
		}
	}
}

// No name that is read outside the program ends with the unit of a stored integer, mW or mJ: not a key or parameter of the API, a
// column of a table, of the stream or of a reading, a gauge, a setting, a field of an event, or a key of a report. The report's
// balance_residual_mj is the one exception: its name is a contract, and it is 0 in every run that does not end with an error.
func TestNamesHaveUnitsAsTheyAreRead(t *testing.T) {
	const contract = "balance_residual_mj"
	names, exceptions := 0, 0
	check := func(at, name string) {
		names++
		switch {
		case name == contract:
			exceptions++
		case small.MatchString(name) && !prices.MatchString(name):
			t.Errorf("%s: %q reads as a unit a thousand, a million or a milliard times as large", at, name)
		}
	}
	s := serve(t, "hamlet", nil)
	_, _, document := s.ask("GET", "/openapi.json", "")
	var api any
	if err := json.Unmarshal(document, &api); err != nil {
		t.Fatal(err)
	}
	keysOf(api, "/openapi.json", check)
	for _, name := range sim.GridColumns() {
		check("grid.csv and grid.parquet", name)
	}
	for _, name := range sim.ReadingColumns() {
		check("readings.csv and readings.parquet", name)
	}
	for i := range flowColumns {
		check("flow_columns", flowColumns[i].name)
	}
	for _, c := range twins.FlowColumns {
		check("flows", c.Name)
	}
	for _, k := range twins.Kinds() {
		for _, c := range k.Columns {
			check(k.Name, c.Name)
		}
		for _, g := range k.AllGauges() {
			check("gauges of "+k.Name, g.Name)
		}
		for _, of := range k.Settings {
			check("settings of "+k.Name, of.Name)
		}
	}
	for _, e := range twins.EventTypes() {
		for _, f := range e.Fields {
			check("event "+e.Name, f)
		}
	}
	for _, of := range []any{views.Report{}, views.EnergyReport{}, views.FrequencyReport{}, views.ReliabilityReport{}, views.ComfortReport{}, views.VehicleReport{}, views.RewardReport{}} {
		for _, name := range jsonNames(of) {
			check("the report", name)
		}
	}
	for _, name := range views.FigureNames {
		check("usage", name)
	}
	if names < 500 || exceptions != 1 {
		t.Errorf("%d names and %d of %s: the test does not see them all", names, exceptions, contract)
	}
}

// The value of an event in the API is in the unit of its name, exactly.
func TestEventFieldsAreInTheirUnits(t *testing.T) {
	for _, row := range []struct {
		field  string
		stored int64
		want   string
	}{
		{"wanted_w", 1_234_567, "1234.567"}, {"trip_j", 43_200_000_000, "43200000.000"}, {"least_deviation_hz", -406_523, "-0.406523"}, {"indoor_c", 20_500_000, "20.500000"},
		{"share_of_step", 250_000_000, "0.250000000"}, {"until_tick", 7, "7"}, {"early_s", 2700, "2700"}, {"ready", 1, "1"},
	} {
		b, err := json.Marshal(Number{row.stored, twins.FieldPlaces(row.field)})
		if got := string(b); err != nil || got != row.want {
			t.Errorf("%s: stored %d is %s, wanted %s", row.field, row.stored, got, row.want)
		}
	}
	s := serve(t, "hamlet", nil)
	s.step(1)
	s.step(23)
	var list struct {
		Events []struct {
			Path, Type string
			Fields     map[string]float64
		}
	}
	s.get("/events?limit=1000", &list)
	for _, e := range list.Events {
		switch {
		case e.Type == "vehicle.unplugged" && e.Fields["trip_j"] != 43.2e6: // 12 kWh
			t.Errorf("a trip of 12 kWh is %g J", e.Fields["trip_j"])
		case e.Type == "grid.reserve_short" && (e.Fields["wanted_w"] < 1000 || e.Fields["wanted_w"] > 10_000): // the tie's import
			t.Errorf("a reserve of %g W is wanted in a grid of six homes", e.Fields["wanted_w"])
		}
	}
	if len(list.Events) == 0 {
		t.Error("no events: the test shows nothing")
	}
}
