package inputs

import (
	"fmt"
	"math"
	"os"
	"testing"

	"github.com/smatrix-grid/smatrix/twins"
)

// measured returns a column of a file of testdata.
func measured(t *testing.T, file, column string) (values []float64) {
	t.Helper()
	spec := RecordingSpec{File: "testdata/" + file}
	spec.Columns = map[string]string{"value": column}
	r, err := openRecorded(os.DirFS(".."), spec)
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	for {
		fields, _, err := r.next()
		if err != nil {
			return values
		}
		values = append(values, number(t, fields[r.columns[0].index]))
	}
}

// weatherBeside reads the weather of a file of testdata.
func weatherBeside(t *testing.T, spec WeatherSpec, cal *Calendar) *Weather {
	t.Helper()
	weather, err := ReadWeather(os.DirFS("../testdata"), spec, cal)
	if err != nil {
		t.Fatal(err)
	}
	return weather
}

// modelled returns what 1 kWp of panels gives in each step.
func modelled(t *testing.T, weather *Weather, cal *Calendar, keys string, change func(*twins.Weather)) (powers []float64) {
	t.Helper()
	entry := fmt.Sprintf(`{"rated_w": 1000, %s, "losses": 0.12, "temperature_coefficient_per_k": -0.004, "noct_c": 45, "albedo": 0.2, "scale": 1, "available": true}`, keys)
	slab, err := twins.SolarPark.New(&twins.Site{}, []twins.Member{{Path: "grid/c/p", Spec: []byte(entry)}})
	if err != nil {
		t.Fatal(err)
	}
	var env twins.Env
	for k := range cal.Steps {
		weather.Fill(cal.Unix(k), cal.Step, &env.Weather)
		if change != nil {
			change(&env.Weather)
		}
		var flex twins.Flex
		slab.Offer(0, &env, &flex)
		powers = append(powers, -flex.Tier[twins.Generation].Ref.Watts())
	}
	return powers
}

// fit compares a model times one factor with the measured values, over the
// steps in which either is not 0.
func fit(model, real []float64, factor float64) (rmse, meanError, mean float64) {
	n, squares := 0.0, 0.0
	for i := range model {
		if model[i] <= 0 && real[i] <= 5 {
			continue
		}
		by := factor*model[i] - real[i]
		n++
		squares += by * by
		meanError += by
		mean += real[i]
	}
	return math.Sqrt(squares / n), meanError / n, mean / n
}

func sumOf(values []float64) (sum float64) {
	for _, v := range values {
		sum += v
	}
	return sum
}

// SERF East, tilted 45° towards 158°, in the light that a satellite recorded
// every half hour. One factor, the rating, is fitted to the first half (July
// and August). In the second half (to 13 October) the mean error is below 1 %,
// and the error of a quarter hour is 0.76 kW rms, 13 % of the rating, because
// the satellite sees clouds elsewhere or not at all. The stamp of a power is
// taken as the end of its quarter hour, which fits best.
func TestPanelsOfSERFEast(t *testing.T) {
	real := measured(t, "pv/serf-east-2016.csv.gz", "power_w")
	var spec WeatherSpec
	spec.File, spec.Time.Zone, spec.Time.Stamps = "pv/serf-east-2016.csv.gz", "Etc/GMT+7", stampsMiddle
	spec.Place = Place{Latitude: 39.742, Longitude: -105.173, Elevation: 1829}
	spec.Columns = map[string]string{"ghi_w_per_m2": "ghi", "temperature_c": "temperature"}
	cal := calendarOf(t, "2016-07-01 00:00", 900, 104)
	model := modelled(t, weatherBeside(t, spec, cal), cal, `"tilt_deg": 45, "azimuth_deg": 158`, nil)
	real = real[1 : len(model)+1] // step k ends at row k+1
	half := len(model) / 2
	rating := sumOf(real[:half]) / sumOf(model[:half])
	rmse, by, mean := fit(model[half:], real[half:], rating)
	t.Logf("fitted rating %.2f kW; then RMSE %.0f W, mean error %+.1f W of %.0f W", rating, rmse, by, mean)
	if rating < 5.6 || rating > 6.1 || rmse > 790 || math.Abs(by) > 0.01*mean {
		t.Errorf("rating %v kW, RMSE %v W, mean error %v W of %v W, wanted 5.6 … 6.1 kW, at most 790 W and 1 %%", rating, rmse, by, mean)
	}
}

// RSF II, in the light recorded on its own plane: with one fitted factor, the
// error of a quarter hour is 13 kW rms, 3.4 % of the rating. The fitted rating
// is 382 kW. The source's rating of 204.12 kW cannot be right: it would give
// half of the measured power.
func TestPanelsOfRSFII(t *testing.T) {
	real := measured(t, "pv/rsf-ii-2022.csv.gz", "power_w")
	var spec WeatherSpec
	spec.File, spec.Time.Zone = "pv/rsf-ii-2022.csv.gz", "Etc/GMT+7"
	spec.Columns = map[string]string{"ghi_w_per_m2": "poa", "temperature_c": "temperature"}
	flatLight := func(w *twins.Weather) { // the light on the plane becomes diffuse light on flat panels
		w.DNI, w.DHI, w.Sun = 0, w.GHI, [3]float64{0, 0, 1}
	}
	spec.Place = Place{Latitude: 39.742, Longitude: -105.173, Elevation: 1829}
	cal := calendarOf(t, "2022-01-02 00:00", 900, 4)
	model := modelled(t, weatherBeside(t, spec, cal), cal, `"tilt_deg": 0, "azimuth_deg": 180`, flatLight)
	rating := sumOf(real) / sumOf(model)
	rmse, _, mean := fit(model, real, rating)
	_, half, _ := fit(model, real, 204.12)
	t.Logf("fitted rating %.0f kW, RMSE %.1f kW of %.1f kW; with 204.12 kW mean error %+.0f %%", rating, rmse/1000, mean/1000, 100*half/mean)
	if rating < 360 || rating > 400 || rmse > 0.036*1000*rating || half > -0.4*mean {
		t.Errorf("rating %v kW, RMSE %v W of %v W, mean error with 204.12 kW %v W, wanted 360 … 400 kW, at most 3.6 %% of the rating, below −40 %%", rating, rmse, mean, half)
	}
}
