package sim

import (
	"strings"
	"testing"

	"github.com/smatrix-grid/smatrix/sim/scenario"
)

// An impossible heat pump or tank is refused with file, line and reason.
func TestBadHeat(t *testing.T) {
	const home = "    load: {recording: homes, column: one}\n"
	for _, row := range []struct{ name, part, want string }{
		{"COP share above 1", "heat_pump: {cop_share: 1.4}", "x.yaml:12: households.h1.heat_pump.cop_share: 1.4 is above 1"},
		{"no power", "heat_pump: {rated_w: 0}", "x.yaml:12: households.h1.heat_pump.rated_w: 0 must be above 0"},
		{"leaks nothing", "heat_pump: {heat_loss_w_per_k: 0}", "x.yaml:12: households.h1.heat_pump.heat_loss_w_per_k: 0 is below 10"},
		{"cold water", "heat_pump: {flow_c: 20}", "x.yaml:12: households.h1.heat_pump.flow_c: 20 is below 30"},
		{"comfort reversed", "heat_pump: {min_c: 23, max_c: 20}", "x.yaml:12: households.h1.heat_pump: min_c 23 is not below max_c 20, wanted at least 0.1 between them"},
		{"setpoint outside", "heat_pump: {setpoint_c: 25}", "x.yaml:12: households.h1.heat_pump: setpoint_c 25 is outside min_c…max_c 20…22"},
		{"unknown model", "heat_pump: {model: air}", `x.yaml:12: households.h1.heat_pump.model: "air" is unknown, wanted one of: air_to_water, air_to_air`},
		{"tank without power", "hot_water: {rated_w: 0}", "x.yaml:12: households.h1.hot_water.rated_w: 0 must be above 0"},
		{"tank reversed", "hot_water: {min_c: 60, max_c: 50}", "x.yaml:12: households.h1.hot_water: min_c 60 is not below max_c 50, wanted at least 0.1 between them"},
		{"tank begins too cold", "hot_water: {initial_c: 40}", "x.yaml:12: households.h1.hot_water: initial_c 40 is outside min_c…max_c 45…60"},
		{"boiling", "hot_water: {max_c: 120}", "x.yaml:12: households.h1.hot_water.max_c: 120 is above 95"},
		{"negative draws", "hot_water: {daily_wh: -1}", "x.yaml:12: households.h1.hot_water.daily_wh: -1 is below 0"},
		{"small tank, large reserve", "hot_water: {volume_l: 50}", "x.yaml:12: households.h1.hot_water: reserve_wh 1000 is more than the tank holds between min_c and max_c, 872"},
	} {
		source := strings.Replace(baseScenario(t), home, home+"    "+row.part+"\n", 1)
		if err := loadAndBuild(source, scenario.Options{}); err == nil || err.Error() != row.want {
			t.Errorf("%s:\n got %v\nwant %s", row.name, err, row.want)
		}
	}
}

// A home with a heat pump and a tank is built from defaults, and their settings can
// change in mid-run.
func TestHeatInAScenario(t *testing.T) {
	const home = "    load: {recording: homes, column: one}\n"
	source := strings.Replace(baseScenario(t), home, home+"    heat_pump: {}\n    hot_water: {}\n", 1)
	source = strings.Replace(source, "set: producers.coal.available=false",
		"set: [households.h1.heat_pump.setpoint_c=20.5, households.*.hot_water.available=false]", 1)
	if err := loadAndBuild(source, scenario.Options{}); err != nil {
		t.Fatal(err)
	}
}
