package twins_test

import (
	"compress/gzip"
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/smatrix-grid/smatrix/twins"
	"github.com/smatrix-grid/smatrix/twins/twintest"
)

// street is modelled homes at their references.
type street struct {
	slab  twins.Slab
	site  *twins.Site
	flex  twins.Flex
	set   twins.Setpoint
	read  twins.Reading
	event twins.Events
}

func newStreet(t testing.TB, seed uint64, n int, step twins.Seconds, entry string) *street {
	t.Helper()
	s := &street{site: twintest.NewSite(seed, step)}
	members := make([]twins.Member, n)
	for i := range members {
		members[i] = twins.Member{Path: fmt.Sprintf("grid/c/home-%d", i), Spec: []byte(`{"appliances": ` + entry + `, "power_factor": 1, "phase": "ABC", "bus": 0}`)}
	}
	var err error
	if s.slab, err = twins.Household.New(s.site, members); err != nil {
		t.Fatal(err)
	}
	s.read.Parts = make([]twins.Power, len(s.slab.Parts(0)))
	return s
}

// usual is an entry with every default.
const usual = `{"occupants": null, "annual_wh": null, "electric_shower": null, "max_wait_h": 6}`

// world is the clock of a day; day 0 is Monday, 1 January.
func (s *street) world(day int, second int32) twins.Env {
	return twins.Env{
		Tick: twins.Tick(int64(day)*86400+int64(second)) / twins.Tick(s.site.Step), Step: s.site.Step, Seed: s.site.Seed,
		Day: int32(day), SecondOfDay: second, Weekday: int8((1 + day) % 7), YearDay: int16(1 + day%365), DayLength: 86400,
	}
}

// step takes home i through one step at its reference.
func (s *street) step(i int, env *twins.Env) twins.Power {
	s.flex, s.read = twins.Flex{}, twins.Reading{Parts: s.read.Parts}
	s.event.Reset()
	s.slab.Offer(i, env, &s.flex)
	s.set = s.flex.Follow()
	s.slab.Step(i, env, &s.set, &s.event, &s.read)
	for k := range s.event.All() {
		s.slab.Apply(i, &s.event.All()[k])
	}
	return s.read.Power
}

// day returns every home's kW in each step of a day.
func (s *street) day(day int) [][]float64 {
	steps := 86400 / int(s.site.Step)
	kW := make([][]float64, s.slab.Len())
	all := make([]float64, s.slab.Len()*steps)
	for i := range kW {
		kW[i] = all[i*steps : (i+1)*steps]
	}
	for k := range steps {
		env := s.world(day, int32(k*int(s.site.Step)))
		for i := range kW {
			kW[i][k] = s.step(i, &env).Watts() / 1000
		}
	}
	return kW
}

// dayFigures are the figures of a day of homes.
type dayFigures struct {
	energy  float64 // kWh per home
	evening float64 // kW per home: highest value of the homes' mean between 17 and 22 h
	peak    float64 // kW per home: highest value of the homes' mean
	own     float64 // kW: mean of the homes' own highest values
}

func (f dayFigures) coincidence() float64 { return f.peak / f.own }

func figures(kW [][]float64) (f dayFigures) {
	steps := len(kW[0])
	mean := make([]float64, steps)
	for _, home := range kW {
		f.own += slices.Max(home) / float64(len(kW))
		for k, p := range home {
			mean[k] += p / float64(len(kW))
		}
	}
	f.peak = slices.Max(mean)
	f.evening = slices.Max(mean[steps*17/24 : steps*22/24])
	for _, p := range mean {
		f.energy += p * 24 / float64(steps)
	}
	return f
}

func meanOf(x []float64) (sum float64) {
	for _, v := range x {
		sum += v / float64(len(x))
	}
	return sum
}

func deviation(x []float64) (sum float64) {
	m := meanOf(x)
	for _, v := range x {
		sum += (v - m) * (v - m) / float64(len(x)-1)
	}
	return math.Sqrt(sum)
}

// The model must match the figures of 57 recorded homes.

// table reads numbers of a CSV file by column; other text is 0.
func table(t testing.TB, file string) map[string][]float64 {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var r io.Reader = f
	if strings.HasSuffix(file, ".gz") {
		if r, err = gzip.NewReader(f); err != nil {
			t.Fatal(err)
		}
	}
	rows, err := csv.NewReader(r).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	columns := map[string][]float64{}
	for c, name := range rows[0] {
		for _, row := range rows[1:] {
			v, _ := strconv.ParseFloat(row[c], 64)
			columns[name] = append(columns[name], v)
		}
	}
	return columns
}

// yearFigures are means over the days of a year, except the last three.
type yearFigures struct {
	energy, evening, coincidence float64
	winter, spring               float64 // kWh a day in the coldest month and in the fourth after it starts
	deviation                    float64 // of a year's kWh a day between homes
	yearPeak                     float64 // kW: mean of the homes' own
	groups                       map[int]float64
}

// recordedHomes are the figures of the 57. July is their January, October their
// April.
func recordedHomes(t testing.TB) (f yearFigures) {
	days, homes := table(t, "testdata/homes/days.csv"), table(t, "testdata/homes/homes.csv")
	f.energy, f.evening = meanOf(days["energy_kwh"]), meanOf(days["evening_kw"])
	for i, p := range days["peak_kw"] {
		f.coincidence += p / days["own_peak_kw"][i] / float64(len(days["peak_kw"]))
	}
	f.winter, f.spring = meanOf(days["energy_kwh"][181:212]), meanOf(days["energy_kwh"][273:304])
	f.deviation, f.yearPeak = deviation(homes["energy_kwh_per_day"]), meanOf(homes["year_peak_kw"])
	groups := table(t, "testdata/homes/groups.csv")
	f.groups = map[int]float64{}
	for i, n := range groups["homes"] {
		f.groups[int(n)] = groups["coincidence"][i]
	}
	return f
}

func TestRecordedHomes(t *testing.T) {
	f := recordedHomes(t)
	for _, row := range []struct {
		what      string
		got, want float64
	}{
		{"kWh a day", f.energy, 10.50}, {"evening kW", f.evening, 0.744}, {"coincidence", f.coincidence, 0.287}, {"July kWh", f.winter, 13.56},
		{"October kWh", f.spring, 8.99}, {"deviation", f.deviation, 5.19}, {"year's peak", f.yearPeak, 6.00}, {"of 5", f.groups[5], 0.522},
	} {
		if math.Abs(row.got-row.want) > 0.005*row.want {
			t.Errorf("%s: %.3f, wanted %.3f", row.what, row.got, row.want)
		}
	}
}

// homesEvery is the stride of the days of a modelled year that are used; the long
// form uses all. It is no multiple of a week.
var homesEvery = 8

// modelledHomes computes a year of n homes, a multiple of 57, in half hours.
func modelledHomes(t testing.TB, seed uint64, n int, entry string) (f yearFigures) {
	s := newStreet(t, seed, n, 1800, entry)
	perHome, yearPeak := make([]float64, n), make([]float64, n)
	var energy, evening, winter, spring []float64
	groups := map[int][]float64{}
	for day := 0; day < 365; day += homesEvery {
		kW := s.day(day)
		of := figures(kW)
		energy, evening = append(energy, of.energy), append(evening, of.evening)
		if day < 31 {
			winter = append(winter, of.energy)
		} else if day >= 90 && day < 120 {
			spring = append(spring, of.energy)
		}
		for size := range recordedHomes(t).groups {
			for at := 0; at+size <= n; at += size {
				groups[size] = append(groups[size], figures(kW[at:at+size]).coincidence())
			}
		}
		for i, home := range kW {
			perHome[i] += meanOf(home) * 24
			yearPeak[i] = max(yearPeak[i], slices.Max(home))
		}
	}
	for i := range perHome {
		perHome[i] /= float64(len(energy))
	}
	f = yearFigures{energy: meanOf(energy), evening: meanOf(evening), winter: meanOf(winter), spring: meanOf(spring),
		deviation: deviation(perHome), yearPeak: meanOf(yearPeak), groups: map[int]float64{}}
	for size, c := range groups {
		f.groups[size] = meanOf(c)
	}
	f.coincidence = f.groups[57]
	return f
}

// The model against the recording: the three figures that it is fitted to, and
// others. Error reached over all days of 1,026 homes: energy 0 %, evening −5 % (the
// recorded mean of 57 is more ragged), coincidence +5 %, and over five seeds −2…+2,
// −8…−3 and +4…+6 %; own peaks of the year are 9 % too high.
func TestModelledHomes(t *testing.T) {
	want, got := recordedHomes(t), modelledHomes(t, 7, 18*57, usual)
	check := func(what string, got, want, tolerance float64) {
		t.Helper()
		t.Logf("%-22s %7.3f, recorded %7.3f: %+.1f %%", what, got, want, 100*(got/want-1))
		if math.Abs(got/want-1) > tolerance {
			t.Errorf("%s: %.3f, wanted %.3f ± %.0f %%", what, got, want, 100*tolerance)
		}
	}
	check("kWh per home and day", got.energy, want.energy, 0.10)
	check("evening maximum kW", got.evening, want.evening, 0.10)
	check("coincidence of 57", got.coincidence, want.coincidence, 0.10)
	check("winter kWh a day", got.winter, want.winter, 0.10)
	check("spring kWh a day", got.spring, want.spring, 0.10)
	check("deviation of homes", got.deviation, want.deviation, 0.10)
	for _, size := range []int{5, 10, 20, 40} {
		check(fmt.Sprintf("coincidence of %d", size), got.groups[size], want.groups[size], 0.10)
	}
	if homesEvery == 1 {
		check("own peak of the year", got.yearPeak, want.yearPeak, 0.12)
	}
}

// streets is the number of modelled streets that the recorded one is compared
// with.
var streets = 60

// recordedStreet is the European low-voltage feeder's day at one minute, kW.
func recordedStreet(t testing.TB) (kW [][]float64) {
	columns := table(t, "../sim/scenarios/street/load_profiles_1min.csv.gz")
	for name, values := range columns {
		if strings.HasPrefix(name, "Shape_") {
			kW = append(kW, values)
		}
	}
	return kW
}

// halfHours are 30-minute means of minutes.
func halfHours(kW [][]float64) [][]float64 {
	means := make([][]float64, len(kW))
	for i, home := range kW {
		for part := range slices.Chunk(home, 30) {
			means[i] = append(means[i], meanOf(part))
		}
	}
	return means
}

// A recorded street of one unnamed day lies inside the middle 90 % of modelled
// streets, each of 55 other homes on a day of the year drawn at random.
func TestRecordedStreetAmongModelled(t *testing.T) {
	recorded := recordedStreet(t)
	n := len(recorded)
	figuresOf := func(kW [][]float64) []float64 {
		minutes, halves := figures(kW), figures(halfHours(kW))
		return []float64{minutes.energy, halves.evening, minutes.evening, minutes.coincidence(), minutes.peak, minutes.own}
	}
	names := []string{"kWh per home", "evening kW at 30 min", "evening kW at 1 min", "coincidence at 1 min", "peak kW at 1 min", "own peaks kW at 1 min"}
	want := figuresOf(recorded)
	if n != 55 || math.Abs(want[0]-8.80) > 0.01 || math.Abs(want[1]-0.725) > 0.001 || math.Abs(want[2]-0.838) > 0.001 || math.Abs(want[3]-0.174) > 0.001 {
		t.Fatalf("%d recorded homes with %.3f", n, want)
	}
	seen := make([][]float64, len(want))
	for k := range streets {
		day := int(twins.Draw(1, 0, 97, int64(k)) % 365)
		for i, v := range figuresOf(newStreet(t, uint64(1000+k), n, 60, usual).day(day)) {
			seen[i] = append(seen[i], v)
		}
	}
	for i, v := range seen {
		slices.Sort(v)
		lo, mid, hi := v[len(v)*5/100], v[len(v)/2], v[len(v)*95/100]
		t.Logf("%-22s %6.3f in %6.3f … %6.3f … %6.3f", names[i], want[i], lo, mid, hi)
		if want[i] < lo || want[i] > hi {
			t.Errorf("%s: recorded %.3f is outside %.3f…%.3f", names[i], want[i], lo, hi)
		}
	}
}

// Each figure follows its input.
func TestHomesFollowTheirInputs(t *testing.T) {
	const n = 114
	energy := func(entry string) float64 { return modelledHomes(t, 3, n, entry).energy }
	entry := func(occupants, annual string) string {
		return fmt.Sprintf(`{"occupants": %s, "annual_wh": %s, "electric_shower": null, "max_wait_h": 6}`, occupants, annual)
	}
	near := func(what string, got, want float64) {
		t.Helper()
		if math.Abs(got/want-1) > 0.04 {
			t.Errorf("%s: %.3f, wanted %.3f ± 4 %%", what, got, want)
		}
	}
	// 1,835 kWh for a home and 790 for each person.
	near("four occupants for two", energy(entry("4", "null"))/energy(entry("2", "null")), 4995.0/3415)
	for _, annual := range []float64{300, 2000, 4000, 15000} {
		near(fmt.Sprint(annual, " kWh a year"), energy(entry("null", fmt.Sprint(annual*1000)))*365.25, annual)
	}
	own := func(shower string) float64 {
		return figures(newStreet(t, 3, n, 60, strings.Replace(usual, `"electric_shower": null`, `"electric_shower": `+shower, 1)).day(100)).own
	}
	if with, without := own("true"), own("false"); with < 1.5*without {
		t.Errorf("own peaks of %.2f kW with electric showers, %.2f without", with, without)
	}
	s := newStreet(t, 3, n, 1800, usual)
	if winter, summer := figures(s.day(14)), figures(s.day(196)); winter.energy < 1.3*summer.energy {
		t.Errorf("%.1f kWh in January, %.1f in July", winter.energy, summer.energy)
	}
	again, other := newStreet(t, 3, n, 1800, usual).day(14), newStreet(t, 4, n, 1800, usual).day(14)
	if first := newStreet(t, 3, n, 1800, usual).day(14); !slices.EqualFunc(first, again, slices.Equal) {
		t.Error("the same seed gives other homes")
	}
	same := 0
	for i := range again {
		if slices.Equal(again[i], other[i]) {
			same++
		}
	}
	if same > 0 {
		t.Errorf("%d homes are the same with another seed", same)
	}
}

// Every length of step sees the same events: each part's hours agree. A load
// that waits for its machine starts with a step, so homes with such a load are
// left out.
func TestStepsSeeTheSameEvents(t *testing.T) {
	const homes, days = 24, 2
	wh := func(step twins.Seconds) (hours [homes][24 * days][5]float64, queued [homes]bool) {
		s := newStreet(t, 5, homes, step, strings.Replace(usual, `"occupants": null`, `"occupants": 1`, 1))
		for k := range days * 86400 / int(step) {
			second := k * int(step)
			env := s.world(second/86400, int32(second%86400))
			for i := range homes {
				s.step(i, &env)
				for p, power := range s.read.Parts {
					hours[i][second/3600][p] += power.For(step).WattHours()
				}
				for _, e := range s.event.All() {
					queued[i] = queued[i] || strings.HasSuffix(e.Type.Name, ".queued")
				}
			}
		}
		return hours, queued
	}
	want, queued := wh(1)
	for _, step := range []twins.Seconds{60, 900, 3600} {
		seen := 0
		got, alsoQueued := wh(step)
		for i := range got {
			if queued[i] || alsoQueued[i] {
				continue
			}
			seen++
			for h := range got[i] {
				for p := range got[i][h] {
					got, want := got[i][h][p], want[i][h][p]
					if math.Abs(got-want) > 0.01 {
						t.Errorf("steps of %d s: part %d of home %d draws %.3f Wh in hour %d, %.3f in steps of 1 s", step, p, i, got, h, want)
					}
				}
			}
		}
		if seen < homes/2 {
			t.Errorf("only %d homes of %d without a waiting load", seen, homes)
		}
	}
}

// A home lists its parts, and their powers add up to its own.
func TestModelledHomeShowsItsParts(t *testing.T) {
	s := newStreet(t, 1, 1, 900, usual)
	if got := strings.Join(s.slab.Parts(0), " "); got != "base cooking washing_machine dishwasher dryer" {
		t.Fatal(got)
	}
	drawn := make([]twins.Power, 5)
	for day := range 14 {
		for k := range 96 {
			env := s.world(day, int32(900*k))
			s.step(0, &env)
			if by := s.read.Imbalance(900); by != 0 {
				t.Fatal(by)
			}
			for p, power := range s.read.Parts {
				drawn[p] += power
			}
		}
	}
	for p, sum := range drawn {
		if sum <= 0 {
			t.Errorf("%s draws %d mW in two weeks", s.slab.Parts(0)[p], sum)
		}
	}
}
