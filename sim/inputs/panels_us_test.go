package inputs

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/smatrix-grid/smatrix/twins"
)

// fontana returns the weather of the twelve homes of testdata/homes-us, and 364
// whole days of it. Its source does not say what its stamps mean; see
// TestLightOfFontana.
func fontana(t *testing.T) (*Weather, *Calendar) {
	t.Helper()
	zone, err := time.LoadLocation("Etc/GMT+8")
	if err != nil {
		t.Fatal(err)
	}
	cal := NewCalendar(time.Date(2016, 8, 1, 0, 0, 0, 0, zone), 3600, 364*24)
	var spec WeatherSpec
	spec.File = "pv-us/weather.csv.gz"
	spec.Place = Place{Latitude: 34.10, Longitude: -117.43, Elevation: 380}
	spec.Columns = map[string]string{"ghi_w_per_m2": "ghi", "temperature_c": "temperature"}
	return weatherBeside(t, spec, cal), cal
}

// The recorded light agrees with the sun over Fontana only if a row is the hour
// from its stamp on, in Pacific standard time. Then the beam on flat ground
// exceeds the global light in no hour, and only 11 of 8,760 hours have light
// while the sun is down. An hour earlier or later there are 224 and more of
// each. This fixes the meridian to a few degrees, but does not tell Fontana's
// from that of the coast.
func TestLightOfFontana(t *testing.T) {
	w, _ := fontana(t)
	ghi, dni := measured(t, "pv-us/weather.csv.gz", "ghi"), measured(t, "pv-us/weather.csv.gz", "dni")
	for _, late := range []int{-1, 0, 1} {
		dark, below := 0, 0
		for i := range ghi {
			sun := w.slotSunOf(int64(i + late))
			if sun.whole.lit == 0 && ghi[i] > 0 {
				dark++
			}
			if sun.whole.height/3600 > 0.1 && ghi[i] < dni[i]*sun.whole.height/sun.whole.lit {
				below++
			}
		}
		t.Logf("%+d h: %d hours have light while the sun is down, %d have more beam than global light", late, dark, below)
		if late == 0 && (dark > 11 || below > 0) || late != 0 && min(dark, below) < 200 {
			t.Errorf("%+d h: %d hours have light while the sun is down, %d have more beam than global light", late, dark, below)
		}
	}
}

// roof returns the output of one home's panels in each hour of a calendar, in
// W. Stamps are in civil time with daylight saving, as the output shows at both
// clock changes: the sun's noon moves by an hour on 6 November and back on 12
// March. A row is the hour that begins at the number, 1 to 24, that the source
// gives it.
func roof(t *testing.T, home int, cal *Calendar) []float64 {
	t.Helper()
	civil, err := time.LoadLocation("America/Los_Angeles")
	if err != nil {
		t.Fatal(err)
	}
	rows := measured(t, "homes-us/year.csv.gz", fmt.Sprintf("sun-b%d", home))
	first := time.Date(2016, 8, 1, 0, 0, 0, 0, time.UTC).Unix() // on the wall
	hours := make([]float64, cal.Steps)
	for k := range hours {
		at := time.Unix(cal.Unix(twins.Tick(k)), 0).In(civil)
		_, offset := at.Zone()
		hours[k] = rows[(at.Unix()+int64(offset)-first)/3600]
	}
	return hours
}

// days returns the sums of each 24 hours.
func days(hours []float64) (sums []float64) {
	for day := range slices.Chunk(hours, 24) {
		sums = append(sums, sumOf(day))
	}
	return sums
}

// clearDays returns the days with at least 97 % of the best output within ten
// days.
func clearDays(hours []float64) (clear []int) {
	sums := days(hours)
	for d, sum := range sums {
		if sum >= 0.97*slices.Max(sums[max(0, d-10):min(len(sums), d+11)]) {
			clear = append(clear, d)
		}
	}
	return clear
}

func hoursOf(hours []float64, days []int) (those []float64) {
	for _, d := range days {
		those = append(those, hours[24*d:24*d+24]...)
	}
	return those
}

// nominal has the ratings of the homes' panels as the source states them, kW.
var nominal = [...]float64{4, 4, 4, 5, 4, 4, 4, 4, 4, 5, 5, 5}

// fittedRoof has the fitted panels of one home.
type fittedRoof struct {
	keys   string
	rating float64   // kW
	clear  []float64 // output of 1 kWp if the sky is always clear
}

// fitRoof returns the tilt and azimuth with the least RMSE, each with the
// rating that gives the measured energy.
func fitRoof(roofs []fittedRoof, real []float64, days []int) (best fittedRoof) {
	least, those := math.Inf(1), hoursOf(real, days)
	for _, r := range roofs {
		model := hoursOf(r.clear, days)
		r.rating = sumOf(those) / sumOf(model)
		if rmse, _, _ := fit(model, those, r.rating); rmse < least {
			best, least = r, rmse
		}
	}
	return best
}

// Twelve roofs in Fontana on their clear days, under the clear sky of the model.
// The fit is to 1 August … 29 January: tilt and azimuth on a grid of 10° and 30°,
// and one rating each. It is checked on 30 January … 30 July:
//
//   - The shape of the day, with a second factor that corrects the energy of these
//     days: the error of an hour is 3 … 6 % of the rating rms, in b10 and b11 8 and
//     11 %.
//   - With the fitted rating, which is 0.7 … 1.03 of the nominal one: mean error
//     −13 … −16 %, RMSE 8 … 10 % of the rating, in b10 and b11 12 and 15 %. The
//     model lacks a difference between seasons with the same height of the sun: on
//     a clear day around 21 April the roofs gave 1.16 … 1.27 of their output around
//     21 August, and the model 1.01 … 1.04. Likely causes, which are not shown here,
//     are dust until the winter rain, haze and heat; losses and turbidity are
//     constants in the model. The fit contributes as well: six roofs take the
//     steepest tilt of the grid.
//
// The bounds are just above the errors that were found.
//
// Cloudy hours cannot be checked, because the recorded light is that of other days:
// the correlation r of its daily clearness with that of the roofs is 0.2 or less.
// In the recorded light the fitted panels give the year's energy to −4 … −14 %, and
// the error of an hour is half of the mean.
func TestPanelsOfFontana(t *testing.T) {
	if testing.Short() {
		t.Skip("long for the race detector, which finds nothing where one loop steps")
	}
	w, cal := fontana(t)
	clearSky := weatherReader{weather: *w, whole: w.all()}
	for s := range clearSky.whole {
		clearSky.fillClear(s)
	}
	if err := clearSky.keep(); err != nil {
		t.Fatal(err)
	}
	var roofs []fittedRoof
	for tilt := 10; tilt <= 40; tilt += 10 {
		for azimuth := 90; azimuth <= 270; azimuth += 30 {
			keys := fmt.Sprintf(`"tilt_deg": %d, "azimuth_deg": %d`, tilt, azimuth)
			roofs = append(roofs, fittedRoof{keys: keys, clear: modelled(t, &clearSky.weather, cal, keys, nil)})
		}
	}
	for i, nominal := range nominal {
		real := roof(t, i+1, cal)
		clear := clearDays(real)
		half, _ := slices.BinarySearch(clear, 182)
		best := fitRoof(roofs, real, clear[:half])
		t.Logf("b%d: %s, %.2f kW of %.0f, fitted to %d clear days", i+1, best.keys, best.rating, nominal, half)
		if share := best.rating / nominal; share < 0.7 || share > 1.05 {
			t.Errorf("b%d: fitted rating %.2f kW, wanted 0.7 … 1.05 of the nominal %v kW", i+1, best.rating, nominal)
		}
		most := fontanaError{rmse: 0.105, shape: 0.058}
		if i+1 == 10 || i+1 == 11 {
			most = fontanaError{rmse: 0.15, shape: 0.115}
		}
		best.checkClearDays(t, real, clear, half, most)
		best.checkYear(t, real, modelled(t, w, cal, best.keys, nil))
	}
}

// fontanaError has errors as shares of the rating.
type fontanaError struct{ rmse, shape float64 }

// checkClearDays compares the roof with the measured output on the clear days
// from the half-th on, which were not used for the fit.
func (f *fittedRoof) checkClearDays(t *testing.T, real []float64, clear []int, half int, most fontanaError) {
	t.Helper()
	model, those := hoursOf(f.clear, clear[half:]), hoursOf(real, clear[half:])
	rmse, by, mean := fit(model, those, f.rating)
	again := sumOf(those) / sumOf(model)
	shape, _, _ := fit(model, those, again)
	got := fontanaError{rmse: rmse / f.rating / 1000, shape: shape / again / 1000}
	spring, springModel := springOverSummer(real, clear), springOverSummer(f.clear, clear)
	t.Logf("  %d clear days later: mean error %+.1f %%, RMSE %.1f %% of the rating, shape %.1f %%; output in April is %.2f of that in August, in the model %.2f",
		len(clear)-half, 100*by/mean, 100*got.rmse, 100*got.shape, spring, springModel)
	if math.Abs(by) > 0.165*mean || got.rmse > most.rmse || got.shape > most.shape {
		t.Errorf("mean error %+.1f %%, %+v, wanted at most %+v", 100*by/mean, got, most)
	}
	if spring < 1.15 || springModel > 1.05 {
		t.Errorf("output in April is %.2f of that in August, wanted at least 1.15; in the model %.2f, wanted at most 1.05", spring, springModel)
	}
}

// checkYear compares the roof with the measured output in the recorded light,
// in which 1 kWp gives lit.
func (f *fittedRoof) checkYear(t *testing.T, real, lit []float64) {
	t.Helper()
	year := f.rating*sumOf(lit)/sumOf(real) - 1
	rmse, _, mean := fit(lit, real, f.rating)
	r := correlation(ratios(days(lit), days(f.clear)), ratios(days(real), days(f.clear)))
	t.Logf("  in the recorded light: year %+.1f %%, RMSE %.0f %% of the mean, clearness of days r %.2f", 100*year, 100*rmse/mean, r)
	if math.Abs(r) > 0.25 || math.Abs(year) > 0.145 {
		t.Errorf("in the recorded light: year %+.1f %%, clearness of days r %.2f, wanted within ±14.5 %% and ±0.25", 100*year, r)
	}
}

// springOverSummer returns the mean output of a clear day from 6 April to 5
// May, divided by that of one from 7 August to 5 September.
func springOverSummer(hours []float64, clear []int) float64 {
	var sum, n [2]float64
	for _, d := range clear {
		for i, from := range [2]int{248, 6} {
			if d >= from && d < from+30 {
				sum[i] += sumOf(hours[24*d : 24*d+24])
				n[i]++
			}
		}
	}
	return sum[0] / n[0] / (sum[1] / n[1])
}

func ratios(a, b []float64) []float64 {
	a = slices.Clone(a)
	for i := range a {
		a[i] /= b[i]
	}
	return a
}

func correlation(a, b []float64) float64 {
	var ab, aa, bb float64
	ma, mb := sumOf(a)/float64(len(a)), sumOf(b)/float64(len(b))
	for i := range a {
		ab += (a[i] - ma) * (b[i] - mb)
		aa += (a[i] - ma) * (a[i] - ma)
		bb += (b[i] - mb) * (b[i] - mb)
	}
	return ab / math.Sqrt(aa*bb)
}
