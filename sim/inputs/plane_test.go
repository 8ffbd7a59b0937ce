package inputs

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/smatrix-grid/smatrix/twins"
)

// onPlane returns the light of recorded weather on a plane in each step, W/m².
func onPlane(w *Weather, cal *Calendar, p *Plane) (light []float64, all []twins.Weather) {
	for k := range cal.Steps {
		var now twins.Weather
		w.Fill(cal.Unix(k), cal.Step, &now)
		light, all = append(light, 0), append(all, now)
		if now.Sun[2] > 0 {
			light[k] = p.light(now.GHI, now.DNI, now.DHI, now.Sun)
		}
	}
	return light, all
}

// The horizontal light that is found from that on a plane gives it back: for a third of a year
// of half hours, and for planes that look at the sun and away from it. Where the
// plane sees the sun, it is near the one that was recorded; a wall to the east knows
// little of the afternoon.
func TestLightOfAPlane(t *testing.T) {
	flat := fortCollins()
	delete(flat.Columns, "dni_w_per_m2")
	delete(flat.Columns, "dhi_w_per_m2")
	cal := calendarOf(t, "2018-03-01 00:00", 1800, 120)
	horizontal := mustWeather(t, flat, cal)
	for _, tt := range []struct {
		plane       Plane
		light       float64 // root mean square of the error of the light on the plane, W/m²
		rmse, shift float64 // of the global light: root mean square and mean error, W/m²
	}{
		{Plane{0, 180, 0.2}, 0.1, 1.2, 0.5},
		{Plane{35, 180, 0.2}, 1, 18, 4},
		{Plane{45, 158, 0.2}, 2, 42, 9},
		{Plane{90, 90, 0.2}, 13, 215, 85},
		{Plane{30, 0, 0}, 1.5, 70, 16},
	} {
		light, all := onPlane(horizontal, cal, &tt.plane)
		var text strings.Builder
		text.WriteString("time,poa,t\n")
		for k, v := range light {
			fmt.Fprintf(&text, "%s,%.6f,%.6f\n", cal.Time(twins.Tick(k)).Format("2006-01-02T15:04Z07:00"), v, all[k].Temperature)
		}
		spec := WeatherSpec{File: "w.csv", Place: flat.Place, Plane: &tt.plane, Columns: map[string]string{"poa_w_per_m2": "poa", "temperature_c": "t"}}
		w, err := ReadWeather(fstest.MapFS{"w.csv": {Data: []byte(text.String())}}, spec, cal)
		if err != nil {
			t.Fatal(err)
		}
		back, again := onPlane(w, cal, &tt.plane)
		var off, squares, mean float64
		for k := range light {
			off += (back[k] - light[k]) * (back[k] - light[k]) / float64(len(light))
			d := again[k].GHI - all[k].GHI
			squares, mean = squares+d*d/float64(len(light)), mean+d/float64(len(light))
		}
		off, rmse := math.Sqrt(off), math.Sqrt(squares)
		t.Logf("%+v: light on it off by %.3f W/m² rms, global light %.1f W/m² rms, mean %+.1f", tt.plane, off, rmse, mean)
		if off > tt.light || rmse > tt.rmse || math.Abs(mean) > tt.shift {
			t.Errorf("%+v: light on it off by %.3f W/m² rms, global light %.1f W/m² rms, mean %+.1f, wanted at most %v, %v and ±%v", tt.plane, off, rmse, mean, tt.light, tt.rmse, tt.shift)
		}
	}
}

func TestBadPlane(t *testing.T) {
	plane := &Plane{30, 180, 0.2}
	for _, tt := range []struct {
		name    string
		plane   *Plane
		columns string
		text    string
		want    string
	}{
		{"no plane", nil, "poa_w_per_m2 temperature_c", "", "w.csv: column poa_w_per_m2 without a plane, wanted plane: {tilt_deg, azimuth_deg}"},
		{"no light on it", plane, "ghi_w_per_m2 temperature_c", "", "w.csv: a plane without column poa_w_per_m2, wanted the column of the light on it"},
		{"both", plane, "ghi_w_per_m2 poa_w_per_m2 temperature_c", "", "w.csv: column poa_w_per_m2 beside those of horizontal light, wanted one or the other"},
		{"no light at all", nil, "temperature_c", "", "w.csv: no column for ghi_w_per_m2, wanted one in W/m², or poa_w_per_m2 and the plane of its light"},
		{"more than there is", plane, "poa_w_per_m2 temperature_c", "time,poa_w_per_m2,temperature_c\n2018-01-08 00:00,2001,0\n2018-01-08 01:00,0,0\n",
			`w.csv:2: column "poa_w_per_m2": 2001 is impossible, wanted poa_w_per_m2 of 0 … 2000 W/m²`},
	} {
		spec := WeatherSpec{File: "w.csv", Plane: tt.plane, Columns: map[string]string{}}
		for _, c := range strings.Fields(tt.columns) {
			spec.Columns[c] = c
		}
		cal := calendarOf(t, "2018-01-08 00:00", 3600, 1)
		cal.Steps = 2
		_, err := ReadWeather(fstest.MapFS{"w.csv": {Data: []byte(tt.text)}}, spec, cal)
		if fmt.Sprint(err) != tt.want {
			t.Errorf("%s:\ngot  %v\nwant %s", tt.name, err, tt.want)
		}
	}
}
