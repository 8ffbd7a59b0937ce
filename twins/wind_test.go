package twins_test

import (
	"compress/gzip"
	"encoding/csv"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/smatrix-grid/smatrix/twins"
)

// windYear is the year of sim/scenarios/wind, hourly: weather with density, and
// the wind at 80 m.
func windYear(t *testing.T) (hours []twins.Weather, at80 []float64) {
	t.Helper()
	f, err := os.Open("../sim/scenarios/wind/wind-de-2010.csv.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(z).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(rows[0], ","), "time,wind_10m_ms,wind_80m_ms,temperature_c,pressure_hpa"; got != want {
		t.Fatalf("columns %s, wanted %s", got, want)
	}
	for _, row := range rows[1:] {
		var v [4]float64
		for i := range v {
			if v[i], err = strconv.ParseFloat(row[i+1], 64); err != nil {
				t.Fatal(err)
			}
		}
		density := 100 * v[3] / (287.05 * (v[2] + 273.15))
		hours = append(hours, twins.Weather{Wind: v[0], Temperature: v[2], AirDensity: density})
		at80 = append(at80, v[1])
	}
	return hours, at80
}

// farm builds one wind farm.
func farm(t *testing.T, spec string) twins.Slab {
	t.Helper()
	s, err := twins.WindFarm.New(&twins.Site{Step: 3600}, []twins.Member{{Path: "grid/c/w", Spec: []byte(spec)}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// yield steps a farm through hours, each following its reference, and returns
// the energy generated.
func yield(t *testing.T, s twins.Slab, hours []twins.Weather) (sum twins.Energy) {
	t.Helper()
	env := twins.Env{Step: 3600}
	var ev twins.Events
	for i, w := range hours {
		env.Tick, env.Weather = twins.Tick(i), w
		var flex twins.Flex
		s.Offer(0, &env, &flex)
		set, out := flex.Follow(), twins.Reading{}
		ev.Reset()
		s.Step(0, &env, &set, &ev, &out)
		for k := range ev.All() {
			s.Apply(0, &ev.All()[k])
		}
		if out.Curtailed != 0 {
			t.Fatalf("hour %d: %d mW curtailed of %d", i, out.Curtailed, out.Generation)
		}
		sum += out.Generation.For(env.Step)
	}
	return sum
}

func spec(turbine string, hub, shear float64, count int) string {
	return fmt.Sprintf(`{"turbine": %q, "hub_height_m": %v, "shear_exponent": %v, "count": %d, "available": true}`, turbine, hub, shear, count)
}

const windYearShear = 0.257

func TestWindYear(t *testing.T) {
	hours, at80 := windYear(t)
	var v10, v80, density float64
	for i, w := range hours {
		v10, v80, density = v10+w.Wind, v80+at80[i], density+w.AirDensity
	}
	n := float64(len(hours))
	if shear := math.Log(v80/v10) / math.Log(8); len(hours) != 8760 || math.Abs(shear-windYearShear) > 0.0005 {
		t.Errorf("%d hours, shear exponent %.4f, wanted 8760 and 0.257", len(hours), shear)
	}
	if mean := v10 / n; math.Abs(mean-3.74) > 0.005 {
		t.Errorf("mean wind %.3f m/s, wanted 3.74", mean)
	}
	if mean := density / n; math.Abs(mean-1.246) > 0.0005 {
		t.Errorf("mean density %.4f kg/m³, wanted 1.246", mean)
	}
	standard := make([]twins.Weather, len(hours))
	for i, w := range hours {
		standard[i] = twins.Weather{Wind: w.Wind, AirDensity: 1.225}
	}
	for _, row := range []struct {
		turbine     string
		hub, mwh    float64
		plain, real float64 // error allowed with standard air, and with that of the year
	}{
		{"vestas-v27", 31.5, 296, 0.001, 0.014},
		{"dw20", 30, 44, 0.007, 0.007},
		{"sd6", 15, 5.0, 0.004, 0.014},
	} {
		s := spec(row.turbine, row.hub, windYearShear, 1)
		plain := yield(t, farm(t, s), standard).WattHours() / 1e6
		real := yield(t, farm(t, s), hours).WattHours() / 1e6
		t.Logf("%s at %v m: %.3f MWh in standard air, %.3f MWh", row.turbine, row.hub, plain, real)
		if math.Abs(plain/row.mwh-1) > row.plain {
			t.Errorf("%s: %.3f MWh a year in standard air, wanted %v within %v", row.turbine, plain, row.mwh, row.plain)
		}
		if math.Abs(real/row.mwh-1) > row.real {
			t.Errorf("%s: %.3f MWh a year, wanted %v within %v", row.turbine, real, row.mwh, row.real)
		}
	}
}

// The effect of each input on the yearly energy.
func TestWindInputsMoveTheYield(t *testing.T) {
	hours, _ := windYear(t)
	dense := make([]twins.Weather, len(hours))
	for i, w := range hours {
		w.AirDensity *= 1.05
		dense[i] = w
	}
	v27 := yield(t, farm(t, spec("vestas-v27", 31.5, windYearShear, 1)), hours)
	if two := yield(t, farm(t, spec("vestas-v27", 31.5, windYearShear, 2)), hours); two != 2*v27 {
		t.Errorf("two turbines %d mJ, one %d", two, v27)
	}
	for _, row := range []struct {
		name string
		spec string
		in   []twins.Weather
		more bool
	}{
		{"denser air", spec("vestas-v27", 31.5, windYearShear, 1), dense, true},
		{"more shear, above the mast", spec("vestas-v27", 31.5, 0.3, 1), hours, true},
		{"more shear, below the mast", spec("vestas-v27", 5, 0.3, 1), hours, false},
		{"higher hub", spec("vestas-v27", 40, windYearShear, 1), hours, true},
		{"a longer blade: V29", spec("vestas-v29", 31.5, windYearShear, 1), hours, true},
		{"open land: 1/7", spec("vestas-v27", 31.5, 0.142857143, 1), hours, false},
	} {
		if got := yield(t, farm(t, row.spec), row.in); (got > v27) != row.more || got == v27 {
			t.Errorf("%s: %.1f MWh, against %.1f", row.name, got.WattHours()/1e6, v27.WattHours()/1e6)
		}
	}
	stall := strings.Replace(spec("vestas-v27", 31.5, windYearShear, 1), `"count"`, `"control": "stall", "count"`, 1)
	if a, b := yield(t, farm(t, stall), hours), yield(t, farm(t, stall), dense); b-a < a/20-a/10_000 || b-a > a/20+a/10_000 {
		t.Errorf("stall: 5 %% more air gives %.3f %% more", 100*float64(b-a)/float64(a))
	}
}

func TestWindFarmRefuses(t *testing.T) {
	for _, row := range []struct{ name, spec, want string }{
		{"a curve that is not sorted", `{"curve": [[3, 0], [8, 900], [7, 1000]], "hub_height_m": 10}`,
			"grid/c/w: curve: not sorted: 7 m/s follows 8 m/s, wanted rising wind speeds"},
		{"the same speed twice", `{"curve": [[3, 0], [3, 900]], "hub_height_m": 10}`, "grid/c/w: curve: not sorted: 3 m/s follows 3 m/s"},
		{"negative power", `{"curve": [[3, -1], [8, 900]], "hub_height_m": 10}`, "grid/c/w: curve: point 3 m/s, -1 W, wanted none below 0"},
		{"one point", `{"curve": [[3, 1]], "hub_height_m": 10}`, "grid/c/w: curve: 1 points, wanted at least 2"},
		{"both", `{"curve": [[3, 0], [8, 900]], "turbine": "sd6", "hub_height_m": 10}`, "grid/c/w: turbine: wanted either a turbine or a curve"},
		{"neither", `{"hub_height_m": 10}`, "grid/c/w: turbine: wanted either a turbine or a curve"},
		{"unknown", `{"turbine": "sd7"}`, `grid/c/w: turbine: "sd7" is unknown, wanted one of: swift, `},
		{"no height", `{"curve": [[3, 0], [8, 900]]}`, "grid/c/w: hub_height_m: missing, wanted beside a curve"},
	} {
		_, err := twins.WindFarm.New(&twins.Site{Step: 3600}, []twins.Member{{Path: "grid/c/w", Spec: []byte(row.spec)}})
		if err == nil || !strings.HasPrefix(err.Error(), row.want) {
			t.Errorf("%s: %v, wanted %s", row.name, err, row.want)
		}
	}
}

// A household's turbine gives the same as a farm of that turbine.
func TestHouseholdWindTurbine(t *testing.T) {
	hours, _ := windYear(t)
	s, err := twins.Household.New(&twins.Site{Step: 3600, Recorded: func(string, string, int) (int32, error) { return 0, nil }},
		[]twins.Member{{Path: "grid/c/h", Spec: []byte(`{"load": {"recording": "r", "column": "c", "scale": 1}, "power_factor": 1, "phase": "ABC", "bus": 0,
		"wind_turbine": ` + strings.Replace(spec("sd6", 15, windYearShear, 3), `, "available": true`, "", 1) + `}`)}})
	if err != nil {
		t.Fatal(err)
	}
	if parts := fmt.Sprint(s.Parts(0)); parts != "[load wind_turbine]" {
		t.Fatalf("parts %s", parts)
	}
	env := twins.Env{Step: 3600, Recorded: []twins.Power{500 * twins.Watt}}
	var home twins.Energy
	var ev twins.Events
	out := twins.Reading{Parts: make([]twins.Power, 2)}
	for _, env.Weather = range hours {
		var flex twins.Flex
		s.Offer(0, &env, &flex)
		set := flex.Follow()
		out = twins.Reading{Parts: out.Parts}
		ev.Reset()
		s.Step(0, &env, &set, &ev, &out)
		if out.Parts[1] != -out.Generation || out.Power != 500*twins.Watt-out.Generation {
			t.Fatalf("%+v", out)
		}
		home -= out.Parts[1].For(env.Step)
	}
	if farm := yield(t, farm(t, spec("sd6", 15, windYearShear, 3)), hours); home != farm || home == 0 {
		t.Errorf("home %d mJ, farm %d", home, farm)
	}
}
