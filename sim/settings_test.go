package sim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/twins"
	"github.com/smatrix-grid/smatrix/twins/twintest"
)

// Every setting that a scenario can change by command is accepted by its twin.
func TestTwinsTakeEverySetting(t *testing.T) {
	source := baseScenario(t) + "vehicles:\n  - {id: car, community: street, daily: {arrive: \"18:00\", leave: \"07:00\", trip_wh: 100}}\n" +
		"wind_farms:\n  - {id: mill, community: supply, turbine: sd6}\n" +
		"solar_parks:\n  - {id: park, community: supply, rated_w: 1000, tilt_deg: 30, azimuth_deg: 180}\n"
	source = strings.Replace(source, "    pv:", "    wind_turbine: {turbine: sd6}\n    heat_pump: {}\n    hot_water: {}\n    pv:", 1)
	source = strings.Replace(source, "column: one}", "column: one}\n    pv: {rated_w: 1000, tilt_deg: 30, azimuth_deg: 180}", 1)
	source = strings.Replace(source, "batteries:\n", "  - {id: h3, community: street, appliances: {}}\nbatteries:\n", 1)
	kinds := slices.DeleteFunc(twins.Kinds(), func(k *twins.Kind) bool { return k.Role == twins.RoleNode })
	for _, k := range kinds { // a sample of every other kind
		if !strings.Contains(source, "\n"+k.Plural+":\n") {
			sample := k.Sample(twintest.Between(rand.New(rand.NewPCG(1, 1))))
			source += k.Plural + ":\n  - {id: it, community: supply, " + strings.TrimPrefix(sample, "{") + "\n"
		}
	}
	for _, k := range append(kinds, twins.Community) {
		for _, set := range k.Settings {
			s := mustLoad(t, source, scenario.Options{})
			value := "0.5"
			switch {
			case set.Max == 1:
				value = "false"
			case set.Scale == 1:
				value = "2"
			}
			if least := float64(set.Min) / float64(set.Scale); least > 0.5 {
				value = fmt.Sprint(least)
			}
			if set.Words != nil {
				value = set.Words[set.Max]
			}
			commands, err := s.Commands([]string{k.Plural + ".*." + set.Name + "=" + value}, 1)
			if err != nil {
				t.Errorf("%s: %s: %v", k.Name, set.Name, err)
				continue
			}
			s.Events = commands
			w := mustBuild(t, s)
			var env twins.Env
			w.Env(1, &env)
			if _, err := NewFlat(w, twins.MeritOrder{}, false).Step(&env); err != nil || len(env.Commands) == 0 {
				t.Errorf("%s: %s: %v", k.Name, set.Name, err)
			}
		}
	}
}
