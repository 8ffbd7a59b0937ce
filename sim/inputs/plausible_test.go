package inputs

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/smatrix-grid/smatrix/sim/problem"
	"github.com/smatrix-grid/smatrix/twins"
)

// rowsOf returns a CSV with a row every so many minutes from a moment on, and one column
// home. A text "-" leaves the row out.
func rowsOf(from string, minutes int, values ...string) string {
	at, err := time.Parse("2006-01-02 15:04", from)
	if err != nil {
		panic(err)
	}
	b := &strings.Builder{}
	for _, v := range values {
		if v != "-" {
			fmt.Fprintf(b, "%s,%s\n", at.Format("2006-01-02T15:04"), v)
		}
		at = at.Add(time.Duration(minutes) * time.Minute)
	}
	return b.String()
}

// many returns n texts, one for each number from 0 on.
func many(n int, text func(i int) string) (all []string) {
	for i := range n {
		all = append(all, text(i))
	}
	return all
}

// newestFirst returns rows in the reverse order.
func newestFirst(rows string) string {
	lines := strings.SplitAfter(rows, "\n")
	slices.Reverse(lines)
	return strings.Join(lines, "")
}

func same(n int, text string) []string { return many(n, func(int) string { return text }) }

func counting(from, by float64, decimals int) func(int) string {
	return func(i int) string { return fmt.Sprintf("%.*f", decimals, from+by*float64(i)) }
}

// usualLoad is a home's load in kWh of an hour, with a fridge, a noon and an evening.
func usualLoad(i int) string {
	return fmt.Sprintf("%.2f", 0.25+0.6*math.Exp(-math.Pow(float64(i%24)-19, 2)/8)+0.03*float64(i%3))
}

// berlinDays is the calendar of days from 8 January 2018 on in hours.
func berlinDays(t testing.TB, days int) *Calendar {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	return NewCalendar(time.Date(2018, 1, 8, 0, 0, 0, 0, zone), 3600, twins.Tick(24*days))
}

const jan8 = "2018-01-08 00:00"

// doubtsOf returns warnings as kind:line.
func doubtsOf(found []problem.Warning) (all []string) {
	for _, w := range found {
		all = append(all, fmt.Sprintf("%s:%d", w.Kind, w.Line))
	}
	return all
}

// dayRows returns three days of hours with a small peak in the morning and a high one in the
// evening, without the two hours before an hour, in which a value stands.
func dayRows(hour int, value float64) string {
	return rowsOf(jan8, 60, many(72, func(i int) string {
		switch h := i % 24; {
		case i == hour:
			return fmt.Sprint(value)
		case i == hour-1 || i == hour-2:
			return "-"
		case h >= 6 && h < 9:
			return fmt.Sprintf("%.2f", 0.6+0.02*float64(i%5))
		case h >= 18 && h < 22:
			return fmt.Sprintf("%.2f", 1.05+0.03*float64(i%5))
		default:
			return fmt.Sprintf("%.2f", 0.2+0.03*float64(i%5))
		}
	})...)
}

// A row after a gap that has its energy is spread over both, whatever the order of rows: the energy of the
// file is that of the run, and each interval has the same.
func TestEnergyOfAGapInTheNextRow(t *testing.T) {
	var oldest []twins.Power
	for _, newest := range []bool{false, true} {
		spec := recordedAs(inUnit("kWh"), withGaps(gapsNextRow), func(s *RecordingSpec) { s.Format.NewestFirst = newest })
		rows := rowsOf(jan8, 60, append(append(same(6, "1"), "-", "-", "-", "", "6", "1", "-", "3"), same(10, "1")...)...)
		if newest {
			rows = newestFirst(rows)
		}
		r, err := ReadRecording(fileOf(spec, "time,home\n"+rows), spec, berlinDays(t, 1))
		if err != nil {
			t.Fatal(err)
		}
		c, err := r.Column(0, 0)
		if err != nil {
			t.Fatal(err)
		}
		powers, err := c.Powers()
		if err != nil {
			t.Fatal(err)
		}
		sum := twins.Power(0)
		for _, p := range powers {
			sum += p
		}
		if sum != 26*twins.Kilowatt || r.Filled != 5 || powers[7] != 1200*twins.Watt || powers[13] != 1500*twins.Watt {
			t.Errorf("newest first %t: %v, %d filled, %v", newest, sum, r.Filled, powers)
		}
		if newest && !slices.Equal(powers, oldest) {
			t.Errorf("%v with the newest row first, %v with the oldest", powers, oldest)
		}
		oldest = powers
	}
}

// Each kind of doubt about a recording is found, at its line, and nothing else; and plain
// files, however odd, have none.
func TestRecordingDoubts(t *testing.T) {
	kWh, homes := inUnit("kWh"), func(s *RecordingSpec) { s.Homes = map[string]float64{"home": 1} }
	for _, row := range []struct {
		name string
		rows string
		spec []func(*RecordingSpec)
		want string
	}{
		// Counters.
		{"a counter in kWh", rowsOf(jan8, 60, many(24, counting(12345.678, 0.25, 3))...), nil, "counter:2"},
		{"a counter from 0", rowsOf(jan8, 60, many(48, counting(500, 1.3, 1))...), nil, "counter:2"},
		{"a counter in Wh", rowsOf(jan8, 60, many(24, counting(9876543, 250, 0))...), []func(*RecordingSpec){inUnit("Wh")}, "counter:2"},
		{"a counter taken as power", rowsOf(jan8, 60, many(24, counting(4711, 0.5, 1))...), []func(*RecordingSpec){inUnit("kW")}, "counter:2"},
		{"a counter that restarts", rowsOf(jan8, 60, append(many(24, counting(88000, 0.4, 1)), many(24, counting(0, 0.4, 1))...)...), nil, "counter:2"},
		{"a counter of each day", rowsOf(jan8, 60, many(72, func(i int) string { return fmt.Sprint(float64(i%24) * 0.5) })...), nil, "counter:2"},
		{"a counter that stands at night", rowsOf(jan8, 60, many(48, func(i int) string { return fmt.Sprint(700 + i/2) })...), nil, "counter:2"},
		{"a counter from almost 0", rowsOf(jan8, 60, many(24, counting(0.25, 0.25, 2))...), nil, "counter:2"},
		{"a small counter that restarts", rowsOf(jan8, 60, append(many(12, counting(0.25, 0.25, 2)), many(12, counting(0.25, 0.25, 2))...)...), nil, "counter:2"},
		{"a small counter that restarts early", rowsOf(jan8, 60, append(many(6, counting(0.25, 0.25, 2)), many(18, counting(0.25, 0.25, 2))...)...), nil, "counter:2"},
		{"a small counter with the newest row first", newestFirst(rowsOf(jan8, 60, many(24, counting(0.25, 0.25, 2))...)), []func(*RecordingSpec){func(s *RecordingSpec) { s.Format.NewestFirst = true }}, "counter:2"},
		{"a large one with the newest row first", newestFirst(rowsOf(jan8, 60, append(many(24, counting(88000, 0.4, 1)), many(24, counting(0, 0.4, 1))...)...)), []func(*RecordingSpec){func(s *RecordingSpec) { s.Format.NewestFirst = true }}, "counter:2"},
		{"powers that rise", rowsOf(jan8, 60, many(24, counting(0.25, 0.25, 2))...), []func(*RecordingSpec){inUnit("kW")}, ""},
		{"a rise of nineteen hours", rowsOf(jan8, 60, append(many(19, counting(0.25, 0.25, 2)), "4.5", "4.2", "3.8", "3.1", "2")...), nil, ""},
		{"a rise with one value twice", rowsOf(jan8, 60, many(24, func(i int) string { return fmt.Sprintf("%.2f", 0.25*float64(max(i, 1))) })...), nil, ""},
		{"a rise with a small fall", rowsOf(jan8, 60, append(many(12, counting(0.25, 0.25, 2)), many(12, counting(2, 0.25, 2))...)...), nil, ""},
		// Units.
		{"W taken as kW", rowsOf(jan8, 60, many(24, func(i int) string { return fmt.Sprint(300 + 40*(i%5)) })...), []func(*RecordingSpec){inUnit("kW")}, "unit:2"},
		{"Wh taken as kWh", rowsOf(jan8, 60, many(24, func(i int) string { return fmt.Sprint(250 + 35*(i%7)) })...), nil, "unit:2"},
		{"Wh of quarter hours taken as kWh", rowsOf(jan8, 15, many(96, func(i int) string { return fmt.Sprint(60 + i%9) })...), nil, "unit:2"},
		{"kW taken as W", rowsOf(jan8, 60, many(24, usualLoad)...), []func(*RecordingSpec){inUnit("W")}, "unit:21"},
		{"kWh taken as Wh", rowsOf(jan8, 60, many(48, usualLoad)...), []func(*RecordingSpec){inUnit("Wh")}, "unit:21"},
		{"MW taken as kW", rowsOf(jan8, 60, many(24, func(i int) string { return fmt.Sprintf("0.000%d", 3+i%4) })...), []func(*RecordingSpec){inUnit("kW")}, "unit:5"},
		{"a spike", rowsOf(jan8, 60, append(append(many(9, usualLoad), "13423.7"), many(400, usualLoad)...)...), nil, "spike:11"},
		{"a spike with a factor", rowsOf(jan8, 60, append(many(30, usualLoad), "60")...), []func(*RecordingSpec){func(s *RecordingSpec) { s.Homes["home"] = 3 }}, "spike:32"},
		// Thousands.
		{"a thousands mark in W", rowsOf(jan8, 60, many(24, func(i int) string { return []string{"1.242", "987"}[i%2] })...), []func(*RecordingSpec){inUnit("W")}, "thousands:2"},
		{"a single one", rowsOf(jan8, 60, append(many(30, func(i int) string { return fmt.Sprint(400 + 90*(i%6)) }), "1.105")...), []func(*RecordingSpec){inUnit("W")}, "thousands:32"},
		{"in Wh", rowsOf(jan8, 60, many(24, func(i int) string { return []string{"2.010", "640", "120"}[i%3] })...), []func(*RecordingSpec){inUnit("Wh")}, "thousands:2"},
		{"with tens of thousands", rowsOf(jan8, 60, many(24, func(i int) string { return []string{"12.750", "940"}[i%2] })...), []func(*RecordingSpec){inUnit("W")}, "thousands:2"},
		{"with ends that are full", rowsOf(jan8, 60, many(24, func(i int) string { return []string{"350", "1.000"}[i%2] })...), []func(*RecordingSpec){inUnit("W")}, "thousands:3"},
		// The interval: a change for good is refused, a short one is a doubt.
		{"hours to quarter hours", rowsOf(jan8, 60, same(6, "1")...) + rowsOf("2018-01-08 06:00", 15, same(72, "0.25")...), []func(*RecordingSpec){withGaps(gapsHold)}, "interval:8"},
		{"quarter hours to hours", rowsOf(jan8, 15, same(72, "0.25")...) + rowsOf("2018-01-08 18:00", 60, same(6, "1")...) + rowsOf("2018-01-09 00:00", 15, same(8, "0.25")...), []func(*RecordingSpec){withGaps(gapsHold)}, "interval:74"},
		{"half hours to quarter hours", rowsOf(jan8, 30, same(10, "0.4")...) + rowsOf("2018-01-08 05:00", 15, same(76, "0.2")...), []func(*RecordingSpec){withGaps(gapsLinear)}, "interval:12"},
		{"with stamps of the end", rowsOf("2018-01-08 00:15", 15, same(48, "0.25")...) + rowsOf("2018-01-08 13:00", 60, same(8, "1")...) + rowsOf("2018-01-08 20:15", 15, same(16, "0.25")...), []func(*RecordingSpec){withGaps(gapsHold), withStamps(stampsEnd)}, "interval:50"},
		{"and back", rowsOf(jan8, 15, same(48, "0.25")...) + rowsOf("2018-01-08 12:00", 60, same(9, "1")...) + rowsOf("2018-01-08 21:00", 15, same(12, "0.25")...), []func(*RecordingSpec){withGaps(gapsHold)}, "interval:50"},
		{"wanted", rowsOf(jan8, 60, same(24, "1")...) + rowsOf("2018-01-09 00:00", 15, same(96, "0.25")...), []func(*RecordingSpec){func(s *RecordingSpec) { s.Format.Intervals = intervalsAny }}, ""},
		// Forms of files.
		{"a counter that is said to be one", rowsOf(jan8, 60, many(25, counting(12345.678, 0.25, 3))...), []func(*RecordingSpec){func(s *RecordingSpec) { s.Format.Reading = readingCounter }}, ""},
		{"a thousands mark that is said to be one", rowsOf(jan8, 60, many(24, func(i int) string { return []string{"1.242", "987"}[i%2] })...), []func(*RecordingSpec){inUnit("W"), func(s *RecordingSpec) { s.Format.Thousands, s.Format.Decimal = "point", "comma" }}, ""},
		{"newest first", func() string {
			all := strings.SplitAfter(rowsOf(jan8, 60, append(append(same(6, "1"), same(14, "-")...), same(4, "1")...)...), "\n")
			slices.Reverse(all)
			return strings.Join(all, "")
		}(), []func(*RecordingSpec){withGaps(gapsHold), func(s *RecordingSpec) { s.Format.NewestFirst = true }}, "gap:6"},
		// Gaps.
		{"a row that catches up", rowsOf(jan8, 60, "1", "1", "1", "1", "1", "1", "-", "-", "-", "-", "-", "-", "7", "1", "1", "1", "1", "1", "1", "1", "1", "1", "1", "1"), []func(*RecordingSpec){withGaps(gapsLinear)}, "catch_up:8"},
		{"with another load", rowsOf(jan8, 60, append(append(many(8, func(i int) string { return fmt.Sprint(0.3 + 0.1*float64(i%3)) }), "-", "-", "-", "2.1"), same(12, "0.5")...)...), []func(*RecordingSpec){withGaps(gapsHold)}, "catch_up:10"},
		{"at the end of the file", rowsOf(jan8, 60, append(same(20, "0.8"), "-", "-", "-", "4")...), []func(*RecordingSpec){withGaps(gapsHold)}, "catch_up:22"},
		{"after two hours of a morning, below the evening's peak", dayRows(8, 2.05), []func(*RecordingSpec){withGaps(gapsLinear)}, "catch_up:8"},
		{"the same with the newest row first", newestFirst(dayRows(8, 2.05)), []func(*RecordingSpec){withGaps(gapsLinear), func(s *RecordingSpec) { s.Format.NewestFirst = true }}, "catch_up:65"},
		{"a plain row after two hours", dayRows(8, 0.7), []func(*RecordingSpec){withGaps(gapsLinear)}, ""},
		{"and with the newest row first", newestFirst(dayRows(8, 0.7)), []func(*RecordingSpec){withGaps(gapsLinear), func(s *RecordingSpec) { s.Format.NewestFirst = true }}, ""},
		{"the evening's peak after two hours", dayRows(19, 1.15), []func(*RecordingSpec){withGaps(gapsLinear)}, ""},
		{"with empty fields", rowsOf(jan8, 60, append(append(same(10, "0.8"), "", "", "", "", "5.1"), same(9, "1")...)...), []func(*RecordingSpec){withGaps(gapsLinear)}, "catch_up:16"},
		{"one of the value's own column", "2018-01-08T00:00,1\n2018-01-08T01:00,1\n2018-01-08T02:00,1\n2018-01-08T03:00,1\n2018-01-08T04:00,\n2018-01-08T05:00,\n2018-01-08T06:00,\n2018-01-08T07:00,4\n" + rowsOf("2018-01-08 08:00", 60, same(16, "1")...), []func(*RecordingSpec){withGaps(gapsLinear)}, "catch_up:9"},
		{"twice", rowsOf(jan8, 60, append(append(append(same(6, "1"), "-", "-", "3"), same(6, "1")...), "-", "-", "-", "4.2", "1", "1", "1", "1", "1")...), []func(*RecordingSpec){withGaps(gapsHold)}, "catch_up:15"},
		{"a row that is said to catch up", rowsOf(jan8, 60, append(append(same(6, "1"), "-", "-", "-", "-", "-", "-", "7"), same(11, "1")...)...), []func(*RecordingSpec){withGaps(gapsNextRow)}, ""},
		{"a long gap held", rowsOf(jan8, 60, append(append(same(6, "1"), same(14, "-")...), same(4, "1")...)...), []func(*RecordingSpec){withGaps(gapsHold)}, "gap:8"},
		{"a long gap bridged", rowsOf(jan8, 60, append(append(same(6, "1"), same(5, "-")...), same(13, "1.4")...)...), []func(*RecordingSpec){withGaps(gapsLinear)}, "gap:8"},
		{"the longest of two", rowsOf(jan8, 60, "1", "1", "1", "1", "-", "-", "-", "-", "1", "1", "1", "1", "-", "-", "-", "-", "-", "-", "1", "1", "1", "1", "1", "1"), []func(*RecordingSpec){withGaps(gapsHold)}, "gap:10"},
		{"a long gap of fields", rowsOf(jan8, 60, append(append(same(6, "1"), same(6, "")...), same(12, "1")...)...), []func(*RecordingSpec){withGaps(gapsHold)}, "gap:14"},
		{"a gap as long as is stated", rowsOf(jan8, 60, append(append(same(6, "1"), same(5, "-")...), same(13, "1.4")...)...), []func(*RecordingSpec){withGaps(gapsLinear), func(s *RecordingSpec) { s.Longest = 6 * 3600 }}, ""},
		{"half a day of quarter hours", rowsOf(jan8, 15, append(append(same(40, "0.1"), same(30, "-")...), same(26, "0.1")...)...), []func(*RecordingSpec){withGaps(gapsHold)}, "gap:42"},

		// Files without doubts.
		{"a home", rowsOf(jan8, 60, many(24, usualLoad)...), nil, ""},
		{"an empty home", rowsOf(jan8, 60, same(24, "0")...), nil, ""},
		{"a constant load", rowsOf(jan8, 60, same(24, "1")...), nil, ""},
		{"three decimals", rowsOf(jan8, 60, many(24, func(i int) string { return []string{"1.242", "0.987", "2"}[i%3] })...), nil, ""},
		{"decimals of any length beside integers", rowsOf(jan8, 60, many(24, func(i int) string { return []string{"1.242", "987", "12.5"}[i%3] })...), []func(*RecordingSpec){inUnit("W")}, ""},
		{"a short gap", rowsOf(jan8, 60, append(append(many(9, usualLoad), "-", "-"), many(13, usualLoad)...)...), []func(*RecordingSpec){withGaps(gapsHold)}, ""},
		{"a peak after a gap", rowsOf(jan8, 60, append(append(same(6, "0.3"), "-", "-", "9"), same(15, "0.3")...)...), []func(*RecordingSpec){withGaps(gapsHold)}, ""},
		{"nothing after a gap in nothing", rowsOf(jan8, 60, append(append(same(6, "0"), "-", "-", "0"), same(15, "0.3")...)...), []func(*RecordingSpec){withGaps(gapsHold)}, ""},
		{"a load that rises through the day", rowsOf(jan8, 60, many(24, func(i int) string { return fmt.Sprintf("%.1f", 0.1+0.1*float64(i-2*(i/23))) })...), nil, ""},
		{"a gap outside the run", rowsOf(jan8, 60, append(append(many(30, usualLoad), same(30, "-")...), many(30, usualLoad)...)...), nil, ""},
		{"a whole town", rowsOf(jan8, 60, same(24, "4500")...), []func(*RecordingSpec){func(s *RecordingSpec) { s.Homes = nil }}, ""},
		{"a town divided among homes", rowsOf(jan8, 60, same(24, "4500")...), []func(*RecordingSpec){func(s *RecordingSpec) { s.Homes["home"] = 0.001 }}, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			spec := recordedAs(append([]func(*RecordingSpec){kWh, homes}, row.spec...)...)
			text := "time,home\n" + row.rows
			r, err := ReadRecording(fileOf(spec, text), spec, berlinDays(t, 1))
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(doubtsOf(r.Warnings), " "); got != row.want {
				t.Errorf("got %q, wanted %q:\n%v\nin\n%s", got, row.want, r.Warnings, text)
			}
		})
	}
}

// The watch changes nothing: values are those of a file without a doubt.
func TestDoubtsChangeNoValue(t *testing.T) {
	spec := recordedAs(inUnit("kWh"))
	r, err := ReadRecording(fileOf(spec, "time,home\n"+rowsOf(jan8, 60, many(24, counting(12345.678, 0.25, 3))...)), spec, berlinDays(t, 1))
	if err != nil || len(r.Warnings) != 1 {
		t.Fatal(r.Warnings, err)
	}
	if got := r.all()[0][23]; got != 12_351_428*twins.Watt {
		t.Errorf("got %v W in the last hour", got.Watts())
	}
}

// The year of Fort Collins has no doubt; read in other zones, units and places it has the
// one that fits.
func TestWeatherDoubts(t *testing.T) {
	cal := calendarOf(t, "2018-06-01 00:00", 3600, 2)
	rows := weatherRows(t)
	for _, row := range []struct {
		name string
		spec func(*WeatherSpec)
		line func(at time.Time, ghi, temperature float64) (stamp string, g, c float64)
		want string
	}{
		{"as it is", nil, nil, ""},
		{"half a zone off, as all zones are", func(s *WeatherSpec) { s.Place.Longitude += 7 }, nil, ""},
		// Zones.
		{"taken as UTC", func(s *WeatherSpec) { s.Time.Zone = "UTC" }, nil, "zone"},
		{"taken as Berlin's", func(s *WeatherSpec) { s.Time.Zone = "Etc/GMT-1" }, nil, "zone"},
		{"an hour late", func(s *WeatherSpec) { s.Time.Zone = "Etc/GMT+8" }, nil, "zone"},
		{"two hours early", func(s *WeatherSpec) { s.Time.Zone = "Etc/GMT+5" }, nil, "zone"},
		{"the longitude's sign", func(s *WeatherSpec) { s.Place.Longitude = 105.06 }, nil, "zone"},
		// Saving time.
		{"standard time read as saving time", func(s *WeatherSpec) { s.Time.Zone = "America/Denver" }, onlyExisting("America/Denver"), "saving_time"},
		{"saving time read as standard", nil, localStamps("America/Denver"), "saving_time"},
		{"Berlin's saving time read as standard", nil, shiftedBetween(time.March, 25, time.October, 28, time.Hour), "saving_time"},
		{"an hour lost in summer", nil, shiftedBetween(time.April, 1, time.September, 30, -time.Hour), "saving_time"},
		{"saving time of the south", nil, shiftedOutside(time.April, 1, time.October, 7, time.Hour), "saving_time"},
		// Units.
		{"kW/m²", nil, scaledGHI(0.001), "unit"},
		{"Wh of half hours", nil, scaledGHI(0.05), "unit"},
		{"twice the sun", nil, scaledGHI(1.4), "unit"},
		{"Fahrenheit", nil, func(at time.Time, g, c float64) (string, float64, float64) { return stampOf(at), g, min(60, 32+1.8*c) }, "unit"},
		{"Fahrenheit of a mild place", nil, func(at time.Time, g, c float64) (string, float64, float64) { return stampOf(at), g, min(60, 50+0.4*c) }, "unit"},
		// Hemispheres.
		{"latitude of the south", func(s *WeatherSpec) { s.Place.Latitude = -40.53 }, nil, "season"},
		{"further south", func(s *WeatherSpec) { s.Place.Latitude = -52 }, nil, "season"},
		{"less far south", func(s *WeatherSpec) { s.Place.Latitude = -35 }, nil, "season"},
	} {
		t.Run(row.name, func(t *testing.T) {
			spec := fortCollins()
			spec.File = "w.csv"
			spec.Columns = map[string]string{"ghi_w_per_m2": "ghi", "temperature_c": "temperature"}
			spec.Gaps = gapsClearSky
			if row.spec != nil {
				row.spec(&spec)
			}
			w, err := ReadWeather(fstest.MapFS{"w.csv": {Data: rows.csv(row.line)}}, spec, cal)
			if err != nil {
				t.Fatal(err)
			}
			var kinds []string
			for _, one := range w.Warnings {
				kinds = append(kinds, one.Kind)
			}
			if got := strings.Join(slices.Compact(kinds), " "); got != row.want {
				t.Errorf("got %q, wanted %q: %v", got, row.want, w.Warnings)
			}
		})
	}
}

// weatherYear has the irradiance and temperature of the shipped year, with the moments of
// their stamps on a clock of UTC−7.
type weatherYear struct {
	at               []time.Time
	ghi, temperature []float64
}

func weatherRows(t testing.TB) (y weatherYear) {
	eachRow(t, fortCollins().File, func(field func(string) string) {
		at, err := time.Parse("2006-01-02T15:04", strings.Replace(field("time"), " ", "T", 1))
		if err != nil {
			t.Fatal(err)
		}
		var g, c float64
		fmt.Sscan(field("ghi"), &g)
		fmt.Sscan(field("temperature"), &c)
		y.at, y.ghi, y.temperature = append(y.at, at), append(y.ghi, g), append(y.temperature, c)
	})
	return y
}

func stampOf(at time.Time) string { return at.Format("2006-01-02 15:04") }

// csv writes the year, each row as line says; a row without a stamp is left out.
func (y *weatherYear) csv(line func(at time.Time, ghi, temperature float64) (string, float64, float64)) []byte {
	b := &strings.Builder{}
	b.WriteString("time,ghi,temperature\n")
	last := ""
	for i, at := range y.at {
		stamp, g, c := stampOf(at), y.ghi[i], y.temperature[i]
		if line != nil {
			stamp, g, c = line(at, g, c)
		}
		if stamp > last {
			fmt.Fprintf(b, "%s,%.4f,%.2f\n", stamp, g, c)
			last = stamp
		}
	}
	return []byte(b.String())
}

func scaledGHI(by float64) func(time.Time, float64, float64) (string, float64, float64) {
	return func(at time.Time, g, c float64) (string, float64, float64) { return stampOf(at), by * g, c }
}

// localStamps writes stamps as the clocks of a zone show them, which a reader takes for
// UTC−7.
func localStamps(name string) func(time.Time, float64, float64) (string, float64, float64) {
	zone, err := time.LoadLocation(name)
	if err != nil {
		panic(err)
	}
	return func(at time.Time, g, c float64) (string, float64, float64) {
		return stampOf(at.Add(7 * time.Hour).In(zone)), g, c
	}
}

// onlyExisting leaves out the stamps that the clocks of a zone skip.
func onlyExisting(name string) func(time.Time, float64, float64) (string, float64, float64) {
	zone, err := time.LoadLocation(name)
	if err != nil {
		panic(err)
	}
	return func(at time.Time, g, c float64) (string, float64, float64) {
		if stampOf(time.Date(at.Year(), at.Month(), at.Day(), at.Hour(), at.Minute(), 0, 0, zone)) != stampOf(at) {
			return "", g, c
		}
		return stampOf(at), g, c
	}
}

func shiftedBetween(m time.Month, d int, m2 time.Month, d2 int, by time.Duration) func(time.Time, float64, float64) (string, float64, float64) {
	return func(at time.Time, g, c float64) (string, float64, float64) {
		day := at.Month()*100 + time.Month(at.Day())
		if day >= m*100+time.Month(d) && day < m2*100+time.Month(d2) {
			at = at.Add(by)
		}
		return stampOf(at), g, c
	}
}

func shiftedOutside(m time.Month, d int, m2 time.Month, d2 int, by time.Duration) func(time.Time, float64, float64) (string, float64, float64) {
	inside := shiftedBetween(m, d, m2, d2, -by)
	return func(at time.Time, g, c float64) (string, float64, float64) { return inside(at.Add(by), g, c) }
}

// A file whose interval changes again and again has one warning, with the number of changes,
// and its watch does not grow with the rows.
func TestIntervalsThatAlternate(t *testing.T) {
	b := &strings.Builder{}
	b.WriteString("time,home\n")
	at := time.Date(2018, 1, 8, 0, 0, 0, 0, time.UTC)
	changes := -2 // the first interval is no change, and the last one is too short
	for end := at.AddDate(0, 0, 3); at.Before(end); {
		for _, minutes := range []int{15, 15, 15, 15, 30, 30, 30} {
			fmt.Fprintf(b, "%s,1\n", at.Format("2006-01-02T15:04"))
			at = at.Add(time.Duration(minutes) * time.Minute)
		}
		changes += 2
	}
	spec := recordedAs(inUnit("kWh"), withGaps(gapsHold))
	r, err := ReadRecording(fileOf(spec, b.String()), spec, berlinDays(t, 2))
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("; %d such changes", changes)
	if got := doubtsOf(r.Warnings); len(got) != 1 || got[0] != "interval:6" || !strings.HasSuffix(r.Warnings[0].Text, want) {
		t.Errorf("%v, wanted one warning with %q", r.Warnings, want)
	}

	w := &fileWatch{columns: make([]columnWatch, 1), to: 1 << 60}
	row := tableRow{}
	grown := testing.AllocsPerRun(10_000, func() {
		step := int64(900 + 900*(row.line/4%2))
		row.line++
		row.from += step
		row.to = row.from + step
		w.row(&row)
		w.value(0, "1", 1)
	})
	if grown > 0 || w.pace.changes < 1000 {
		t.Errorf("%v allocations in each row, %d changes", grown, w.pace.changes)
	}
}

// Prices of another unit and of files that change their interval are doubtful.
func TestMarketDoubts(t *testing.T) {
	usual := func(i int) string { return fmt.Sprintf("%.2f", 60+40*math.Sin(float64(i))) }
	for _, row := range []struct{ name, rows, want string }{
		{"usual prices", rowsOf(jan8, 60, many(24, usual)...), ""},
		{"negative prices", rowsOf(jan8, 60, many(24, func(i int) string { return fmt.Sprint(-5 + i) })...), ""},
		{"€/kWh", rowsOf(jan8, 60, many(24, func(i int) string { return fmt.Sprintf("%.4f", 0.06+0.004*float64(i%7)) })...), "unit:8"},
		{"€/kWh with a dear hour", rowsOf(jan8, 60, many(24, func(i int) string { return []string{"0.05", "0.9", "0.31"}[i%3] })...), "unit:3"},
		{"ct/MWh", rowsOf(jan8, 60, many(24, func(i int) string { return fmt.Sprint(6000 + 200*(i%5)) })...), "unit:6"},
		{"a thousands mark", rowsOf(jan8, 60, many(24, func(i int) string { return []string{"1.042", "612", "180"}[i%3] })...), "thousands:2"},
		{"an interval that changes outside the run", rowsOf(jan8, 60, many(24, usual)...) + rowsOf("2018-01-09 00:00", 120, many(12, usual)...), "interval:26"},
	} {
		t.Run(row.name, func(t *testing.T) {
			spec := MarketSpec{File: "m.csv", Price: "home"}
			m, err := ReadMarket(fstest.MapFS{"m.csv": {Data: []byte("time,home\n" + row.rows)}}, spec, berlinDays(t, 1))
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(doubtsOf(m.Warnings), " "); got != row.want {
				t.Errorf("got %q, wanted %q: %v", got, row.want, m.Warnings)
			}
		})
	}
}

// The mean energy of sessions is the same each time, to the last bit: here it is at the limit
// of what vehicles charge in one order of users, and beyond it in another.
func TestSessionDoubtsHaveAnOrder(t *testing.T) {
	b := &strings.Builder{}
	b.WriteString("user,arrive,leave,energy\n")
	for i, energy := range limitEnergies {
		fmt.Fprintf(b, "%c,2018-01-08 18:00,2018-01-09 07:00,%s\n", 'a'+i, energy)
	}
	for range 40 { // each time in the random order of a map
		s, err := ReadSessions(fstest.MapFS{"s.csv": {Data: []byte(b.String())}}, SessionsSpec{ID: "s", File: "s.csv", Unit: "Wh"}, berlinDays(t, 30))
		if err != nil {
			t.Fatal(err)
		}
		if len(s.Warnings) > 0 {
			t.Fatalf("%v", s.Warnings)
		}
	}
}

// limitEnergies are the energies of twelve sessions in Wh, 1200 together, whose sum in the order
// of users is not below 1200 and in others is.
var limitEnergies = []string{"84.212", "13.398", "129.409", "28.338", "169.265", "148.001", "39.944", "170.050", "18.451", "106.582", "28.895", "263.455"}

// Sessions shorter than a step, and energies that no vehicle charges, are doubtful.
func TestSessionDoubts(t *testing.T) {
	rows := func(n, minutes int, energy string) string {
		b := &strings.Builder{}
		for i := range n {
			arrive := time.Date(2018, 1, 8+i, 18, 5, 0, 0, time.UTC)
			fmt.Fprintf(b, "a,%s,%s,%s\n", stampOf(arrive), stampOf(arrive.Add(time.Duration(minutes)*time.Minute)), energy)
		}
		return b.String()
	}
	for _, row := range []struct{ name, rows, unit, want string }{
		{"nights", rows(20, 700, "9.5"), "kWh", ""},
		{"one short stay of many", rows(30, 700, "9.5") + "b,2018-01-08 12:00,2018-01-08 12:20,0.1\n", "kWh", ""},
		{"stays within an hour", rows(20, 40, "4"), "kWh", "short_session:2"},
		{"half of them", rows(6, 700, "9.5") + "b,2018-01-08 12:00,2018-01-08 12:20,3\n", "kWh", "short_session:8"},
		{"a fast charger", rows(12, 700, "7") + "b,2018-01-08 12:00,2018-01-08 12:30,80\n", "kWh", "short_session:14"},
		{"a minute", rows(3, 1, "0.2"), "kWh", "short_session:2"},
		{"up to the hour", rows(3, 55, "3"), "kWh", "short_session:2"},
		{"Wh taken as kWh", rows(20, 700, "9500"), "kWh", "unit:2"},
		{"kWh taken as Wh", rows(20, 700, "9.5"), "Wh", "unit:2"},
		{"a thousands mark", rows(15, 700, "9.500") + "b,2018-01-08 12:00,2018-01-08 22:20,810\n", "Wh", "thousands:2"},
	} {
		t.Run(row.name, func(t *testing.T) {
			spec := SessionsSpec{ID: "s", File: "s.csv", Unit: row.unit}
			s, err := ReadSessions(fstest.MapFS{"s.csv": {Data: []byte("user,arrive,leave,energy\n" + row.rows)}}, spec, berlinDays(t, 30))
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(doubtsOf(s.Warnings), " "); got != row.want {
				t.Errorf("got %q, wanted %q: %v", got, row.want, s.Warnings)
			}
		})
	}
}
