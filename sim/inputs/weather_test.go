package inputs

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/smatrix-grid/smatrix/sim/problem"
	"github.com/smatrix-grid/smatrix/twins"
)

// fortCollins is the shipped year of weather.
func fortCollins() (s WeatherSpec) {
	s.File, s.Time.Zone, s.Time.Stamps = "weather/fort-collins-2018.csv.gz", "Etc/GMT+7", stampsMiddle
	s.Place = Place{Latitude: 40.53, Longitude: -105.06, Elevation: 1526}
	s.Columns = map[string]string{"ghi_w_per_m2": "ghi", "dni_w_per_m2": "dni", "dhi_w_per_m2": "dhi",
		"temperature_c": "temperature", "wind_m_per_s": "wind", "pressure_hpa": "pressure"}
	return s
}

// calendarOf returns a calendar of days of standard time in Fort Collins.
func calendarOf(t testing.TB, start string, step twins.Seconds, days int) *Calendar {
	t.Helper()
	zone, err := time.LoadLocation("Etc/GMT+7")
	if err != nil {
		t.Fatal(err)
	}
	from, err := time.ParseInLocation("2006-01-02 15:04", start, zone)
	if err != nil {
		t.Fatal(err)
	}
	return NewCalendar(from, step, twins.Tick(days*86_400/int(step)))
}

func mustWeather(t testing.TB, spec WeatherSpec, cal *Calendar) *Weather {
	t.Helper()
	w, err := ReadWeather(shippedFiles(), spec, cal)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// eachRow calls f with each row of a shipped file.
func eachRow(t testing.TB, file string, f func(field func(name string) string)) {
	t.Helper()
	var spec RecordingSpec
	spec.File = file
	r, err := openRecorded(shippedFiles(), spec)
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	for {
		fields, _, err := r.next()
		if err != nil {
			return
		}
		f(func(name string) string { return fields[slices.Index(r.header, name)] })
	}
}

func number(t testing.TB, text string) float64 {
	t.Helper()
	v, err := twins.ParseScaled(text, 1_000_000)
	if err != nil {
		t.Fatal(err)
	}
	return float64(v) / 1e6
}

// The zenith column of Fort Collins is for the moment of the stamp, refraction
// with the air of the row included: it is off by at most 0.0175° while the sun
// is higher than 5°. A quarter of an hour before or after the stamp it is far
// off.
func TestSunOfFortCollins(t *testing.T) {
	for _, row := range []struct {
		shift       float64 // seconds
		least, most float64 // degrees
	}{{0, 0, 0.0176}, {-900, 2, 3}, {900, 2, 3}} {
		worst, rows := 0.0, 0
		eachRow(t, "weather/fort-collins-2018.csv.gz", func(field func(string) string) {
			zenith := number(t, field("zenith"))
			if zenith >= 85 {
				return
			}
			at, err := time.Parse("2006-01-02 15:04", field("time"))
			if err != nil {
				t.Fatal(err)
			}
			air := Air{number(t, field("pressure")), number(t, field("temperature"))}
			sun := SunAt(fortCollins().Place, float64(at.Unix()+7*3600)+row.shift, air)
			worst = max(worst, math.Abs(sun.Zenith-zenith))
			rows++
		})
		if t.Logf("%v s from the stamp: %.4f° at most, of %d rows", row.shift, worst, rows); worst < row.least || worst > row.most || rows < 8000 {
			t.Errorf("%v s from the stamp: %.4f°, wanted %v…%v", row.shift, worst, row.least, row.most)
		}
	}
}

// Whatever the step, the mean over an interval of the record is the recorded
// value: for each interval with steps that divide it, and over the year with
// all steps. January's mean of 0.7 °C and 1,675 kWh/m² are figures of the
// record.
func TestWeatherKeepsItsEnergy(t *testing.T) {
	var ghi, dni, dhi, january float64
	eachRow(t, "weather/fort-collins-2018.csv.gz", func(field func(string) string) {
		ghi += number(t, field("ghi")) / 2
		dni += number(t, field("dni")) / 2
		dhi += number(t, field("dhi")) / 2
		if strings.HasPrefix(field("time"), "2018-01") {
			january += number(t, field("temperature")) / (31 * 48)
		}
	})
	for _, step := range []twins.Seconds{300, 900, 1800, 3600} {
		cal := calendarOf(t, "2018-01-01 00:00", step, 365)
		w := mustWeather(t, fortCollins(), cal)
		var out twins.Weather
		var sum [3]float64
		mild := 0.0
		for k := range cal.Steps {
			w.Fill(cal.Unix(k), step, &out)
			hours := float64(step) / 3600
			sum[0], sum[1], sum[2] = sum[0]+out.GHI*hours, sum[1]+out.DNI*hours, sum[2]+out.DHI*hours
			if k < twins.Tick(31*86_400/step) {
				mild += out.Temperature / float64(31*86_400/step)
			}
		}
		for i, want := range []float64{ghi, dni, dhi} {
			if math.Abs(sum[i]-want) > 1e-9*want {
				t.Errorf("steps of %d s: %v Wh/m², wanted %v", step, sum[i], want)
			}
		}
		if math.Abs(sum[0]-1_675_000) > 1000 || math.Abs(mild-0.7) > 0.05 || math.Abs(mild-january) > 0.01 {
			t.Errorf("steps of %d s: %.0f Wh/m², wanted 1675000; January %.3f °C, wanted %.3f °C as recorded", step, sum[0], mild, january)
		}
	}
}

func TestWeatherKeepsEachInterval(t *testing.T) {
	cal := calendarOf(t, "2018-03-17 23:45", 60, 2)
	w := mustWeather(t, fortCollins(), cal)
	row := w.slot(cal.Unix(0))
	for k := twins.Tick(0); k < cal.Steps; row++ {
		var sum twins.Weather
		for range 30 {
			var out twins.Weather
			w.Fill(cal.Unix(k), 60, &out)
			sum.GHI, sum.DNI, sum.DHI = sum.GHI+out.GHI/30, sum.DNI+out.DNI/30, sum.DHI+out.DHI/30
			k++
		}
		want := w.row(row)
		for i, pair := range [][2]float64{{sum.GHI, want.ghi}, {sum.DNI, want.dni}, {sum.DHI, want.dhi}} {
			if math.Abs(pair[0]-pair[1]) > 1e-9*(1+pair[1]) {
				t.Fatalf("interval %d, quantity %d: %v, wanted %v", row, i, pair[0], pair[1])
			}
		}
	}
}

// Within an interval the light follows the sun: minute by minute it rises
// before noon and falls after it, and it is 0 before sunrise.
func TestLightFollowsTheSun(t *testing.T) {
	cal := calendarOf(t, "2018-06-20 00:00", 60, 1)
	w := mustWeather(t, fortCollins(), cal)
	var out twins.Weather
	dark, broken := 0, 0
	for k := range cal.Steps {
		before := out.GHI
		w.Fill(cal.Unix(k), 60, &out)
		if length := math.Sqrt(out.Sun[0]*out.Sun[0] + out.Sun[1]*out.Sun[1] + out.Sun[2]*out.Sun[2]); math.Abs(length-1) > 1e-12 {
			t.Fatalf("step %d: sun vector of length %v, wanted 1", k, length)
		}
		if out.Sun[2] <= 0 {
			dark++
		}
		if out.Sun[2] < -0.05 && out.GHI+out.DNI+out.DHI != 0 {
			t.Fatalf("step %d: light at night: %+v", k, out)
		}
		if minute := int(k) % 30; minute != 15 && out.Sun[2] > 0.1 && (out.GHI > before) != (out.Sun[0] > 0) {
			broken++
		}
	}
	if dark < 530 || dark > 545 { // 20 June 2018: sunrise 5:29 to sunset 20:33 MDT, 15:05 h of light
		t.Errorf("%d dark minutes, wanted 530 … 545", dark)
	}
	if broken > 2 { // the minutes at noon
		t.Errorf("in %d minutes the light does not follow the sun, wanted at most 2", broken)
	}
}

// Temperature is linear between the moments of the record, and the air's density
// follows from it and the pressure.
func TestWeatherBetweenRows(t *testing.T) {
	cal := calendarOf(t, "2018-01-01 08:00", 600, 1)
	w := mustWeather(t, fortCollins(), cal)
	var out twins.Weather
	w.Fill(cal.Unix(0), 600, &out) // 08:00 … 08:10 between −9.1 °C at 08:00 and −7.9 °C at 08:30
	if want := -9.1 + 1.2/6; math.Abs(out.Temperature-want) > 1e-9 {
		t.Errorf("%v °C, wanted %v", out.Temperature, want)
	}
	if want := 1 - 0.2/6; math.Abs(out.Wind-want) > 1e-9 {
		t.Errorf("%v m/s, wanted %v", out.Wind, want)
	}
	if want := 83500 / (287.05 * (273.15 + out.Temperature)); math.Abs(out.AirDensity-want) > 1e-9 {
		t.Errorf("%v kg/m³, wanted %v", out.AirDensity, want)
	}
	spec := fortCollins()
	delete(spec.Columns, "pressure_hpa")
	spec.WindHeight, spec.Shear = 80, 0.257
	thin := mustWeather(t, spec, cal)
	var other twins.Weather
	thin.Fill(cal.Unix(0), 600, &other)
	// The standard atmosphere has 842.6 hPa at 1,526 m (ISO 2533); Fort Collins 812 … 845.
	if got := other.AirDensity * 287.05 * (273.15 + other.Temperature) / 100; math.Abs(got-842.6) > 0.5 {
		t.Errorf("pressure %v hPa, wanted 842.6", got)
	}
	if want := out.Wind * math.Pow(10.0/80, 0.257); math.Abs(other.Wind-want) > 1e-9 {
		t.Errorf("%v m/s at 10 m, wanted %v", other.Wind, want)
	}
}

// The weather of a step does not depend on the steps read before, and reading
// it allocates nothing.
func TestWeatherInAnyOrder(t *testing.T) {
	cal := calendarOf(t, "2018-04-03 00:00", 900, 3)
	w := mustWeather(t, fortCollins(), cal)
	want := make([]twins.Weather, cal.Steps)
	for k := range want {
		w.Fill(cal.Unix(twins.Tick(k)), 900, &want[k])
	}
	var got twins.Weather
	for _, k := range rand.New(rand.NewPCG(1, 1)).Perm(len(want)) {
		if w.Fill(cal.Unix(twins.Tick(k)), 900, &got); got != want[k] {
			t.Fatalf("step %d: %+v, before %+v", k, got, want[k])
		}
	}
	if n := testing.AllocsPerRun(100, func() { w.Fill(cal.Unix(40), 900, &got); w.Fill(cal.Unix(90), 900, &got) }); n != 0 {
		t.Errorf("%v allocations per step, wanted none", n)
	}
}

// A run of another year reads the record through Moment.
func TestWeatherOfAnotherYear(t *testing.T) {
	const year = 365 * 86_400
	there := calendarOf(t, "2018-05-05 00:00", 900, 2)
	here := calendarOf(t, "2019-05-05 00:00", 900, 2)
	spec := fortCollins()
	if _, err := ReadWeather(shippedFiles(), spec, here); err == nil || !strings.Contains(err.Error(), "which is the run") {
		t.Fatalf("a run outside the record: got error %v, wanted it to name the run", err)
	}
	spec.Moment = func(unix int64) int64 { return unix - year }
	a, b := mustWeather(t, fortCollins(), there), mustWeather(t, spec, here)
	var x, y twins.Weather
	for k := range there.Steps {
		a.Fill(there.Unix(k), 900, &x)
		if b.Fill(here.Unix(k), 900, &y); x != y {
			t.Fatalf("step %d: %+v, a year later %+v", k, x, y)
		}
	}
}

// A pressure in Pa gives the same air as one in hPa.
func TestPressureInPascal(t *testing.T) {
	read := func(column, scale string) (air []float64) {
		b := &strings.Builder{}
		b.WriteString("time,ghi,t,p\n")
		for h := range 24 {
			fmt.Fprintf(b, "2018-01-08T%02d:00,0,%d,%d%s\n", h, h-5, 980+h, scale)
		}
		cal := calendarFrom(t, "Europe/Berlin", "2018-01-08 00:00", 3600, 24)
		w, err := ReadWeather(fstest.MapFS{"w.csv": {Data: []byte(b.String())}}, WeatherSpec{File: "w.csv", Place: Place{Latitude: 50, Longitude: 10},
			Columns: map[string]string{"ghi_w_per_m2": "ghi", "temperature_c": "t", column: "p"}}, cal)
		if err != nil {
			t.Fatal(err)
		}
		var step twins.Weather
		for k := range cal.Steps {
			w.Fill(cal.Unix(k), cal.Step, &step)
			air = append(air, step.AirDensity)
		}
		return air
	}
	if hecto, pascal := read("pressure_hpa", ""), read("pressure_pa", "00"); !slices.Equal(hecto, pascal) {
		t.Errorf("%v\nin Pa %v", hecto, pascal)
	}
}

// On clear days the clear sky gives what was recorded: the brightest day of
// each month within 13 % (too little in the dry air of winter), and these days
// together within 4 %.
func TestClearSky(t *testing.T) {
	w := mustWeather(t, fortCollins(), calendarOf(t, "2018-01-01 00:00", 1800, 365))
	rows := w.all()
	sum := func(day int) (recorded, clear float64) {
		for s := day * 48; s < (day+1)*48; s++ {
			recorded += rows[s].ghi / 2
			ghi, _ := w.slotSunOf(int64(s)).clearSky(1526)
			clear += ghi / 2
		}
		return recorded, clear
	}
	var all [2]float64
	for month := time.January; month <= time.December; month++ {
		best, bestDay := 0.0, 0
		for day := range 365 {
			if at := time.Date(2018, 1, 1+day, 0, 0, 0, 0, time.UTC); at.Month() != month {
				continue
			}
			if recorded, _ := sum(day); recorded > best {
				best, bestDay = recorded, day
			}
		}
		recorded, clear := sum(bestDay)
		all[0], all[1] = all[0]+recorded, all[1]+clear
		t.Logf("%v: recorded %.0f Wh/m², clear sky %+.1f %%", month, recorded, 100*(clear/recorded-1))
		if math.Abs(clear/recorded-1) > 0.13 {
			t.Errorf("%v: recorded %.0f Wh/m², clear sky %.0f, wanted within 13 %%", month, recorded, clear)
		}
	}
	if by := all[1]/all[0] - 1; math.Abs(by) > 0.04 {
		t.Errorf("clear sky is off by %.3f, wanted at most 0.04", by)
	}
}

// When it is estimated from the global irradiance, the year's beam is 9 % too
// low and its diffuse irradiance 13 % too high: in this high, dry place less
// light is scattered than where Erbs, Klein and Duffie measured.
func TestGlobalIrradianceDecomposed(t *testing.T) {
	cal := calendarOf(t, "2018-01-01 00:00", 1800, 365)
	spec := fortCollins()
	delete(spec.Columns, "dni_w_per_m2")
	delete(spec.Columns, "dhi_w_per_m2")
	whole, apart := mustWeather(t, fortCollins(), cal), mustWeather(t, spec, cal)
	var beam, diffuse [2]float64
	decomposed := apart.all()
	for s, a := range whole.all() {
		b := &decomposed[s]
		beam[0], beam[1] = beam[0]+a.dni, beam[1]+b.dni
		diffuse[0], diffuse[1] = diffuse[0]+a.dhi, diffuse[1]+b.dhi
		if b.dni < 0 || b.dhi < 0 || b.dhi > b.ghi {
			t.Fatalf("interval %d: %+v, wanted 0 ≤ dni and 0 ≤ dhi ≤ ghi", s, b)
		}
	}
	t.Logf("beam %+.1f %%, diffuse %+.1f %%", 100*(beam[1]/beam[0]-1), 100*(diffuse[1]/diffuse[0]-1))
	if math.Abs(beam[1]/beam[0]-1) > 0.10 || math.Abs(diffuse[1]/diffuse[0]-1) > 0.14 {
		t.Errorf("beam %v, diffuse %v (from the record, decomposed), wanted within 10 and 14 %%", beam, diffuse)
	}
}

// dayOfWeather returns a file of one day with a row for every hour; edit may
// replace lines.
func dayOfWeather(edit func(hour int, line string) string) fstest.MapFS {
	var b strings.Builder
	b.WriteString("time,g,b,d,t,v,p\n")
	for hour := range 24 {
		up := math.Max(0, -math.Cos(float64(hour)/24*2*math.Pi))
		line := fmt.Sprintf("2018-01-08 %02d:00,%.1f,%.1f,%.1f,%d,2.5,1000\n", hour, 400*up, 500*up, 100*up, hour-10)
		if edit != nil {
			line = edit(hour, line)
		}
		b.WriteString(line)
	}
	return fstest.MapFS{"w.csv": {Data: []byte(b.String())}}
}

func smallSpec() (s WeatherSpec) {
	s.File = "w.csv"
	s.Place = Place{Latitude: 40, Longitude: -105}
	s.Columns = map[string]string{"ghi_w_per_m2": "g", "dni_w_per_m2": "b", "dhi_w_per_m2": "d", "temperature_c": "t", "wind_m_per_s": "v", "pressure_hpa": "p"}
	return s
}

func TestBadWeather(t *testing.T) {
	at := func(hour int, line string) func(int, string) string {
		return func(h int, was string) string {
			if h == hour {
				return line
			}
			return was
		}
	}
	row := func(values string) string { return "2018-01-08 12:00," + values + "\n" }
	for _, r := range []struct {
		name string
		edit func(int, string) string
		want string
	}{
		{"global below 0", at(12, row("-1,500,100,2,2.5,1000")), `w.csv:14: column "g": -1 is impossible, wanted ghi_w_per_m2 of 0 … 1500 W/m²`},
		{"global above the sun", at(12, row("1501,500,100,2,2.5,1000")), `w.csv:14: column "g": 1501 is impossible, wanted ghi_w_per_m2 of 0 … 1500 W/m²`},
		{"beam above the sun", at(12, row("400,1400.5,100,2,2.5,1000")), `w.csv:14: column "b": 1400.5 is impossible, wanted dni_w_per_m2 of 0 … 1400 W/m²`},
		{"too hot", at(12, row("400,500,100,61,2.5,1000")), `w.csv:14: column "t": 61 is impossible, wanted temperature_c of -60 … 60 °C`},
		{"in kelvin", at(12, row("400,500,100,273,2.5,1000")), `w.csv:14: column "t": 273 is impossible, wanted temperature_c of -60 … 60 °C`},
		{"wind backwards", at(12, row("400,500,100,2,-0.1,1000")), `w.csv:14: column "v": -0.1 is impossible, wanted wind_m_per_s of 0 … 75 m/s`},
		{"in pascal", at(12, row("400,500,100,2,2.5,100000")), `w.csv:14: column "p": 100000 is impossible, wanted pressure_hpa of 300 … 1100 hPa`},
		{"no number", at(12, row("NaN,500,100,2,2.5,1000")), `w.csv:14: column "g": "NaN" is not a number, wanted W/m²`},
		{"an empty field", at(12, row("400,500,100,,2.5,1000")), `w.csv:14: column "t": no value, wanted °C, or gaps: clear_sky`},
		{"a missing row", at(12, ""), "w.csv:14: no row for 2018-01-08 12:00 before this one, wanted one every 1 h, or gaps: clear_sky"},
		{"a field too many", at(12, row("400,500,100,2,2.5,1000,7")), "w.csv:14: 8 fields, wanted 7 as in the header"},
		{"an end too soon", at(23, ""), "w.csv: covers 2018-01-08 00:00 to 2018-01-08 23:00, wanted 2018-01-08 00:00 to 2018-01-09 00:00, which is the run (times in Etc/GMT+7)"},
	} {
		t.Run(r.name, func(t *testing.T) {
			_, err := ReadWeather(dayOfWeather(r.edit), smallSpec(), calendarOf(t, "2018-01-08 00:00", 900, 1))
			var p *problem.At
			if !errors.As(err, &p) || err.Error() != r.want {
				t.Errorf("got  %v\nwant %s", err, r.want)
			}
		})
	}
}

// Values outside the run may be missing.
func TestWeatherGapsElsewhere(t *testing.T) {
	files := dayOfWeather(func(hour int, line string) string {
		if hour > 12 && hour < 22 {
			return ""
		}
		return line
	})
	cal := calendarOf(t, "2018-01-08 00:00", 900, 1)
	cal.Steps = 12 * 4
	if w, err := ReadWeather(files, smallSpec(), cal); err != nil || w.Filled != 0 {
		t.Errorf("got %+v, %v, wanted no filled value", w, err)
	}
}

// Gaps are filled, and counted: irradiance with that of a clear sky by day
// (Ineichen and Perez) and with 0 by night, the rest linearly.
func TestWeatherGapsFilled(t *testing.T) {
	files := dayOfWeather(func(hour int, line string) string {
		switch hour {
		case 2, 11, 12:
			return ""
		case 15:
			return "2018-01-08 15:00,,,,5,,1000\n"
		}
		return line
	})
	spec := smallSpec()
	spec.Gaps = gapsClearSky
	cal := calendarOf(t, "2018-01-08 00:00", 3600, 1)
	w, err := ReadWeather(files, spec, cal)
	if err != nil {
		t.Fatal(err)
	}
	if w.Filled != 3*6+4 {
		t.Errorf("%d values filled, wanted 22", w.Filled)
	}
	rows := w.all()
	if row := rows[2]; row.ghi != 0 || row.dni != 0 || row.dhi != 0 || row.temperature != -8 {
		t.Errorf("at night %+v", row)
	}
	// 40 N on 8 January: the sun is 27.7° high at noon.
	row := rows[12]
	if row.ghi < 400 || row.ghi > 480 || math.Abs(row.temperature-2) > 1e-12 || row.wind != 2.5 || row.dni < 500 || row.dhi > 150 {
		t.Errorf("at noon %+v", row)
	}
	if rows[15].temperature != 5 || rows[15].wind != 2.5 || rows[15].ghi < 130 || rows[15].ghi > 200 {
		t.Errorf("in the afternoon %+v", rows[15])
	}
}

// A gap at either end of the run is filled from the values of the file beside it,
// however far they are from the run.
func TestWeatherGapsAtTheEndsOfTheRun(t *testing.T) {
	files := dayOfWeather(func(hour int, line string) string {
		if hour > 3 && hour < 11 || hour > 14 && hour < 23 {
			return ""
		}
		return fmt.Sprintf("2018-01-08 %02d:00,100,0,100,%d,1,1000\n", hour, hour)
	})
	spec := smallSpec()
	spec.Gaps = gapsClearSky
	cal := calendarOf(t, "2018-01-08 09:00", 3600, 1)
	cal.Steps = 10
	w, err := ReadWeather(files, spec, cal)
	if err != nil {
		t.Fatal(err)
	}
	for k := range cal.Steps {
		var now twins.Weather
		w.Fill(cal.Unix(k), cal.Step, &now)
		near(t, fmt.Sprintf("temperature at %d o'clock", 9+k), now.Temperature, float64(9+k), 1e-9)
	}
	if w.rows.count != 14 || w.Filled != 6*6 {
		t.Errorf("%d rows, %d values filled, wanted 14 and 36", w.rows.count, w.Filled)
	}
	spec.Longest = 7 * 3600
	if _, err := ReadWeather(files, spec, cal); err == nil || err.Error() != `w.csv:10: column "g": no value for 8 h from 2018-01-08 15:00 on, wanted gaps of at most 7 h, as gaps.longest says` {
		t.Error(err)
	}
}

// The three meanings of a stamp are half an interval apart.
func TestWeatherStamps(t *testing.T) {
	var first [3]int64
	for i, stamps := range []string{stampsStart, stampsMiddle, stampsEnd} {
		spec := smallSpec()
		spec.Time.Stamps = stamps
		cal := calendarOf(t, "2018-01-08 03:00", 900, 1)
		cal.Steps = 8
		w, err := ReadWeather(dayOfWeather(nil), spec, cal)
		if err != nil {
			t.Fatal(err)
		}
		first[i] = w.first
	}
	if first[0]-first[1] != 1800 || first[1]-first[2] != 1800 {
		t.Errorf("first intervals start at %v for start, middle and end, wanted 1800 s between them", first)
	}
}

func BenchmarkWeatherFill(b *testing.B) {
	cal := calendarOf(b, "2018-06-01 00:00", 900, 30)
	w := mustWeather(b, fortCollins(), cal)
	var out twins.Weather
	k := twins.Tick(0)
	for b.Loop() {
		w.Fill(cal.Unix(k%cal.Steps), 900, &out)
		k++
	}
}
