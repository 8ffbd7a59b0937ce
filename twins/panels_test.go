package twins_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/smatrix-grid/smatrix/twins"
	"github.com/smatrix-grid/smatrix/twins/twintest"
)

// parkOf is one park of modelled panels: 1 kWp with 12 % losses, −0.4 %/K and 45 °C
// NOCT, with the orientation given.
func parkOf(t *testing.T, looking string) twins.Slab {
	t.Helper()
	slab, err := newPark(`"rated_w": 1000, ` + looking + `, "losses": 0.12, "temperature_coefficient_per_k": -0.004, "noct_c": 45, "albedo": 0.2, "scale": 1`)
	if err != nil {
		t.Fatal(err)
	}
	return slab
}

func newPark(keys string) (twins.Slab, error) {
	return twins.SolarPark.New(twintest.NewSite(1, 900), []twins.Member{{Path: "grid/c/park", Spec: []byte(`{` + keys + `, "cost_eur_per_mwh": 0, "available": true}`)}})
}

// The output of panels, computed by hand.
func TestPanelsByHand(t *testing.T) {
	const coldYield = 0.88 // at 25 °C
	above := [3]float64{0, 0, 1}
	southHalfUp := [3]float64{0, -math.Sqrt2 / 2, math.Sqrt2 / 2}
	around := 700 / 1361.1 // of the diffuse light that comes from around the sun
	warm := func(light, air float64) float64 { return 1 - 0.004*(air+light*25/800-25) }
	for _, row := range []struct {
		name    string
		looking string
		w       twins.Weather
		light   float64 // W/m², on the panels
	}{
		{"night", `"tilt_deg": 35, "azimuth_deg": 180`, twins.Weather{Sun: [3]float64{0, 0.6, -0.8}}, 0},
		{"night with light that a sensor made up", `"tilt_deg": 35, "azimuth_deg": 180`, twins.Weather{GHI: 5, DHI: 5, Sun: [3]float64{0, 0.6, -0.8}}, 0},
		{"flat under the sun", `"tilt_deg": 0, "azimuth_deg": 0`, twins.Weather{GHI: 800, DNI: 700, DHI: 100, Temperature: 20, Sun: above}, 800},
		{"facing the sun", `"tilt_deg": 45, "azimuth_deg": 180`, twins.Weather{GHI: 595, DNI: 700, DHI: 100, Temperature: 20, Sun: southHalfUp},
			700 + 100*(around*math.Sqrt2+(1-around)*(1+math.Sqrt2/2)/2) + 595*0.2*(1-math.Sqrt2/2)/2},
		{"a wall that looks away", `"tilt_deg": 90, "azimuth_deg": 0`, twins.Weather{GHI: 595, DNI: 700, DHI: 100, Temperature: 20, Sun: southHalfUp},
			100*(1-around)/2 + 595*0.1},
		{"an overcast winter day", `"tilt_deg": 90, "azimuth_deg": 90`, twins.Weather{GHI: 60, DHI: 60, Temperature: -10, Sun: southHalfUp}, 60*0.5 + 60*0.1},
	} {
		t.Run(row.name, func(t *testing.T) {
			var flex twins.Flex
			env := twins.Env{Step: 900, Weather: row.w}
			parkOf(t, row.looking).Offer(0, &env, &flex)
			got := -flex.Tier[twins.Generation].Ref.Watts()
			want := row.light * coldYield * warm(row.light, row.w.Temperature)
			if math.Abs(got-want) > 0.001 || row.light == 0 && got != 0 {
				t.Errorf("%v W, wanted %v", got, want)
			}
			if b := flex.Tier[twins.Generation]; b.Min != b.Ref || b.Max != 0 || flex.Duty != twins.Variable {
				t.Errorf("offered %+v", flex)
			}
		})
	}
}

// Curtailed output is booked, and generation and curtailment add up to the sun.
func TestParkCurtails(t *testing.T) {
	park := parkOf(t, `"tilt_deg": 0, "azimuth_deg": 0`)
	env := twins.Env{Step: 900, Weather: twins.Weather{GHI: 800, DHI: 800, Temperature: 20, Sun: [3]float64{0, 0, 1}}}
	for asked, want := range map[twins.Power]twins.Power{0: 0, -200 * twins.Watt: 200 * twins.Watt, -9 * twins.Kilowatt: 647_680, 5 * twins.Watt: 0} {
		var set twins.Setpoint
		var ev twins.Events
		var out twins.Reading
		set.Tier[twins.Generation], set.Why[twins.Generation] = asked, twins.Abundance
		park.Step(0, &env, &set, &ev, &out)
		if out.Generation != want || out.Curtailed != 647_680-want || (out.Reason == twins.Abundance) != (out.Curtailed > 0) {
			t.Errorf("asked for %v W: %+v", asked.Watts(), out)
		}
	}
}

func TestPanelsRefuse(t *testing.T) {
	const looking = `"tilt_deg": 35, "azimuth_deg": 180`
	for _, row := range []struct{ keys, want string }{
		{`"rated_w": -5, ` + looking, "rated_w -5 is negative"},
		{`"rated_w": 5, "tilt_deg": 35, "azimuth_deg": 400`, "azimuth_deg 400 is outside 0…360"},
		{`"rated_w": 5, "tilt_deg": -1, "azimuth_deg": 180`, "tilt_deg -1 is outside 0…90"},
		{`"rated_w": 5, "losses": 1.5, ` + looking, "losses 1.5 are outside 0…1"},
		{`"rated_w": 5, "inverter_w": -1, ` + looking, "inverter_w -1 is negative"},
		{looking, "wanted either recording and column, or rated_w"},
		{`"rated_w": 5, "recording": "r", "column": "c1", ` + looking, "wanted either recording and column, or rated_w"},
		{`"recording": "r", "column": "d1"`, "no column d1 in recording r"},
	} {
		if _, err := newPark(row.keys); err == nil || !strings.HasPrefix(err.Error(), "grid/c/park: "+row.want) {
			t.Errorf("%s: %v, wanted %s", row.keys, err, row.want)
		}
	}
}

// The stored form of a home with recorded panels has not changed: version 1 of
// a load and of panels.
func TestRecordedPanelsAreStoredAsBefore(t *testing.T) {
	home := `{"load": {"recording": "r", "column": "c0", "scale": 1}, "pv": %s, "power_factor": 1, "phase": "A", "bus": 0}`
	stored := func(panels string) []byte {
		slab, err := twins.Household.New(twintest.NewSite(1, 900), []twins.Member{{Path: "grid/c/h", Spec: []byte(fmt.Sprintf(home, panels))}})
		if err != nil {
			t.Fatal(err)
		}
		return slab.AppendBinary(0, nil)
	}
	recorded := stored(`{"recording": "r", "column": "c1", "scale": 2}`)
	if want := 1 + 4*8 + 2*9; len(recorded) != want || recorded[want-9] != 1 {
		t.Errorf("%d bytes, wanted %d: %x", len(recorded), want, recorded)
	}
	modelled := stored(`{"rated_w": 5000, "tilt_deg": 1, "azimuth_deg": 1, "losses": 0, "temperature_coefficient_per_k": 0, "noct_c": 45, "albedo": 0, "scale": 2}`)
	if want := len(recorded) + 8; len(modelled) != want || modelled[want-17] != 2 {
		t.Errorf("%d bytes, wanted %d: %x", len(modelled), want, modelled)
	}
}

// A step of panels allocates nothing.
func TestPanelsDoNotAllocate(t *testing.T) {
	park := parkOf(t, `"tilt_deg": 35, "azimuth_deg": 170`)
	env := twins.Env{Step: 900, Weather: twins.Weather{GHI: 800, DHI: 100, DNI: 700, Sun: [3]float64{0, 0.6, 0.8}}}
	var flex twins.Flex
	var ev twins.Events
	var set twins.Setpoint
	var out twins.Reading
	if n := testing.AllocsPerRun(100, func() {
		ev.Reset()
		flex = twins.Flex{}
		park.Offer(0, &env, &flex)
		set, out = flex.Follow(), twins.Reading{}
		park.Step(0, &env, &set, &ev, &out)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkPanels(b *testing.B) {
	slab, err := newPark(`"rated_w": 1000, "tilt_deg": 35, "azimuth_deg": 170, "losses": 0.12, "temperature_coefficient_per_k": -0.004, "noct_c": 45, "albedo": 0.2, "scale": 1`)
	if err != nil {
		b.Fatal(err)
	}
	env := twins.Env{Step: 900, Weather: twins.Weather{GHI: 800, DHI: 100, DNI: 700, Sun: [3]float64{0, 0.6, 0.8}}}
	var flex twins.Flex
	for b.Loop() {
		slab.Offer(0, &env, &flex)
	}
}
