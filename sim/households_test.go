package sim

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/smatrix-grid/smatrix/sim/inputs"
	"github.com/smatrix-grid/smatrix/sim/scenarios"
	"github.com/smatrix-grid/smatrix/twins"
)

// recordedHomes reads the shipped half hours of 57 Australian homes, on the days on which
// they were recorded.
func recordedHomes(t testing.TB, from time.Time, days int) *inputs.Recording {
	t.Helper()
	spec := inputs.RecordingSpec{ID: "homes", File: "households-au-30min/general_supply_kwh.csv.gz", Unit: "kWh", Gaps: "same_time_last_week"}
	spec.Time.Column = "time_aest"
	r, err := inputs.ReadRecording(scenarios.Files, spec, inputs.NewCalendar(from, 1800, twins.Tick(48*days)))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// powersOf returns the powers of all columns.
func powersOf(t testing.TB, r *inputs.Recording) (powers [][]twins.Power) {
	t.Helper()
	for i := range r.Columns {
		c, err := r.Column(i, 0)
		if err != nil {
			t.Fatal(err)
		}
		p, err := c.Powers()
		if err != nil {
			t.Fatal(err)
		}
		powers = append(powers, p)
	}
	return powers
}

const halfHours = 48 // of a day

// figure checks a value against a known one, from which it may differ by off.
func figure(t *testing.T, what string, got, want, off float64) {
	t.Helper()
	if math.Abs(got-want) > off {
		t.Errorf("%s: %.4f, want %.4g ± %.2g", what, got, want, off)
		return
	}
	t.Logf("%s: %.4f, want %.4g, error %+.1f %%", what, got, want, 100*(got/want-1))
}

// The published figures of the homes in 2013, each reached to its last digit. A change of
// the file, its unit, its gaps or the year changes them.
func TestRecordedHomesOf2013(t *testing.T) {
	r := recordedHomes(t, time.Date(2013, 1, 1, 0, 0, 0, 0, time.UTC), 365)
	values := powersOf(t, r)
	if len(values) != 57 || len(values[0]) != 365*halfHours {
		t.Fatalf("%d homes of %d half hours, want 57 of %d", len(values), len(values[0]), 365*halfHours)
	}
	figure(t, "filled values, share", float64(r.Filled)/57/365/halfHours, 0.0006, 0.0001)
	homes := kilowatts(values)
	var perDay, peaks []float64
	for _, home := range homes {
		perDay = append(perDay, total(home)/2/365)
		peaks = append(peaks, slices.Max(home))
	}
	figure(t, "kWh per home and day", mean(perDay), 10.5, 0.05)
	figure(t, "its standard deviation between homes", deviation(perDay), 5.1, 0.05)
	figure(t, "mean of own peaks of the year, kW", mean(peaks), 6.0, 0.05)

	together := meanOf(homes)
	month := func(m time.Month) float64 {
		from, to := time.Date(2013, m, 1, 0, 0, 0, 0, time.UTC).YearDay()-1, time.Date(2013, m+1, 1, 0, 0, 0, 0, time.UTC).YearDay()-1
		return total(together[from*halfHours:to*halfHours]) / 2 / float64(to-from)
	}
	figure(t, "kWh per home and day in July", month(time.July), 13.6, 0.05)
	figure(t, "kWh per home and day in October", month(time.October), 9.0, 0.05)

	var evening, peakOfDay []float64
	curve := make([]float64, halfHours)
	for day := range slices.Chunk(together, halfHours) {
		evening = append(evening, slices.Max(day[34:44])) // 17:00 to 22:00
		peakOfDay = append(peakOfDay, slices.Max(day))
		for i, p := range day {
			curve[i] += p / 365
		}
	}
	figure(t, "highest value of the evening, mean over days, kW", mean(evening), 0.74, 0.01)
	figure(t, "maximum of the year's mean curve, kW", slices.Max(curve), 0.64, 0.01)
	figure(t, "peak of all together in the year, kW per home", slices.Max(together), 1.275, 0.002)
	slices.Sort(peakOfDay)
	figure(t, "median of the days' peaks, kW per home", peakOfDay[182], 0.73, 0.01)
	figure(t, "95th percentile of the days' peaks", peakOfDay[346], 1.05, 0.01)
	figure(t, "coincidence in the year", slices.Max(together)/mean(peaks), 0.212, 0.001)
	perDayOf := coincidences(homes)
	figure(t, "coincidence per day", mean(perDayOf), 0.287, 0.001)
	figure(t, "its standard deviation", deviation(perDayOf), 0.033, 0.001)
}

// Peaks of homes coincide more in smaller groups: 60 random groups of each size. The error
// is below 1 %.
func TestCoincidenceByGroupSize(t *testing.T) {
	if testing.Short() {
		t.Skip("years of many homes")
	}
	homes := kilowatts(powersOf(t, recordedHomes(t, time.Date(2013, 1, 1, 0, 0, 0, 0, time.UTC), 365)))
	r := rand.New(rand.NewPCG(1, 1))
	for _, row := range []struct {
		homes int
		want  float64
	}{{5, 0.52}, {10, 0.41}, {20, 0.35}, {40, 0.30}} {
		var all []float64
		for range 60 {
			group := make([][]float64, row.homes)
			for i, k := range r.Perm(len(homes))[:row.homes] {
				group[i] = homes[k]
			}
			all = append(all, mean(coincidences(group)))
		}
		figure(t, fmt.Sprintf("coincidence per day of %d homes", row.homes), mean(all), row.want, 0.01)
	}
}

// coincidences returns, for each day, the peak of all homes together ÷ the sum of their
// own peaks.
func coincidences(homes [][]float64) (perDay []float64) {
	together := meanOf(homes)
	for at := 0; at < len(together); at += halfHours {
		own := 0.0
		for _, home := range homes {
			own += slices.Max(home[at : at+halfHours])
		}
		perDay = append(perDay, slices.Max(together[at:at+halfHours])/own*float64(len(homes)))
	}
	return perDay
}

func kilowatts(columns [][]twins.Power) [][]float64 {
	kw := make([][]float64, len(columns))
	for i, column := range columns {
		kw[i] = make([]float64, len(column))
		for k, p := range column {
			kw[i][k] = p.Watts() / 1000
		}
	}
	return kw
}

func meanOf(homes [][]float64) []float64 {
	all := make([]float64, len(homes[0]))
	for _, home := range homes {
		for k, p := range home {
			all[k] += p / float64(len(homes))
		}
	}
	return all
}

func total(v []float64) (s float64) {
	for _, x := range v {
		s += x
	}
	return s
}

func mean(v []float64) float64 { return total(v) / float64(len(v)) }

func deviation(v []float64) float64 {
	m, s := mean(v), 0.0
	for _, x := range v {
		s += (x - m) * (x - m)
	}
	return math.Sqrt(s / float64(len(v)))
}
