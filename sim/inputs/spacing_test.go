package inputs

import (
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"pgregory.net/rapid"

	"github.com/smatrix-grid/smatrix/twins"
)

// wattHours returns the energy of powers over steps of some seconds.
func wattHours(powers []twins.Power, step twins.Seconds) float64 {
	sum := 0.0
	for _, p := range powers {
		sum += p.Watts() * float64(step) / 3600
	}
	return sum
}

// hoursAlike returns n rows of one value, apart from each other, from a first
// stamp on.
func rowsAlike(t testing.TB, zone, first string, apart twins.Seconds, n int, value string) (rows []string) {
	t.Helper()
	c := calendarFrom(t, zone, first, apart, 0)
	for k := range n {
		rows = append(rows, c.Time(twins.Tick(k)).Format("2006-01-02T15:04:05Z07:00")+","+value)
	}
	return rows
}

// TestIntervalsAndCounters reads files whose rows are not equally far apart, or
// are readings of a counter, and compares the energy of the run.
func TestIntervalsAndCounters(t *testing.T) {
	const berlin, monday = "Europe/Berlin", "2018-01-08 00:00"
	change := append(rowsAlike(t, berlin, monday, 3600, 24, "1"), rowsAlike(t, berlin, "2018-01-09 00:00", 900, 96, "0.25")...)
	catchUp := slices.Concat(rowsAlike(t, berlin, monday, 3600, 6, "1"), rowsAlike(t, berlin, "2018-01-08 12:00", 3600, 1, "7"), rowsAlike(t, berlin, "2018-01-08 13:00", 3600, 11, "1"))
	counter := func(readings ...float64) (rows []string) {
		c := calendarFrom(t, berlin, monday, 3600, 0)
		for k, v := range readings {
			if v >= 0 {
				rows = append(rows, fmt.Sprintf("%s,%g", c.Time(twins.Tick(k)).Format(time.RFC3339), v))
			}
		}
		return rows
	}
	any := Format{Intervals: "as_they_come"}
	tests := []struct {
		name   string
		spec   RecordingSpec
		rows   []string
		start  string
		step   twins.Seconds
		steps  twins.Tick
		want   float64 // Wh
		filled int
	}{
		{"hours, then quarter hours", recordedAs(inFormat(any), inUnit("kWh")), change, monday, 3600, 48, 48_000, 0},
		{"hours, then quarter hours, in minutes", recordedAs(inFormat(any), inUnit("kWh")), change, monday, 60, 48 * 60, 48_000, 0},
		{"power in hours, then quarter hours", recordedAs(inFormat(any)), change, monday, 900, 192, 24_000 + 6_000, 0},
		{"a row that catches up", recordedAs(inFormat(any), inUnit("kWh")), catchUp, monday, 3600, 24, 24_000, 0},
		{"a row that catches up, stamps of the end", recordedAs(inFormat(any), inUnit("kWh"), withStamps("end")), catchUp, "2018-01-07 23:00", 3600, 24, 24_000, 0},
		{"a row for seven hours, its end", recordedAs(inFormat(any), inUnit("kWh"), withStamps("end")), catchUp, "2018-01-08 05:00", 3600, 7, 7_000, 0},
		{"steps within rows", recordedAs(inFormat(any), inUnit("kWh")), change, "2018-01-08 23:30", 1800, 2, 500 + 500, 0},
		{"rows in the middle of steps", recordedAs(inFormat(any), inUnit("kWh")), []string{"2018-01-08 00:00,1", "2018-01-08 00:50,2", "2018-01-08 02:00,1", "2018-01-08 03:00,1"}, monday, 3600, 2, 3_000, 0},

		{"days over the clock change in spring", recordedAs(inUnit("kWh")), []string{"2018-03-24,24", "2018-03-25,23", "2018-03-26,24", "2018-03-27,9"}, "2018-03-24 00:00", 3600, 71, 71_000, 0},
		{"only the short day", recordedAs(inUnit("kWh")), []string{"2018-03-25,23", "2018-03-26,24"}, "2018-03-25 00:00", 3600, 23, 23_000, 0},
		{"the whole day after it", recordedAs(inUnit("kWh")), []string{"2018-03-25,23", "2018-03-26,24"}, "2018-03-26 00:00", 3600, 24, 24_000, 0},
		{"days over the clock change in autumn, the end", recordedAs(inUnit("kWh"), withStamps("end")), []string{"2018-10-27,24", "2018-10-28,25", "2018-10-29,24"}, "2018-10-27 00:00", 900, 73 * 4, 73_000, 0},
		{"days without their midnight", recordedAs(inUnit("kWh"), inZone("America/Sao_Paulo")), []string{"2018-11-03,24", "2018-11-04,23", "2018-11-05,24", "2018-11-06,1"}, "2018-11-03 04:00", 3600, 71, 71_000, 0},
		{"every six hours of the clock", recordedAs(inUnit("kWh")), []string{"2018-10-28 00:00,7", "2018-10-28 06:00,6", "2018-10-28 12:00,6", "2018-10-28 18:00,6", "2018-10-29 00:00,6"}, "2018-10-28 00:00", 3600, 25, 25_000, 0},
		{"every two hours of the clock", recordedAs(inUnit("kWh")), []string{"2018-03-25 00:00,2", "2018-03-25 04:00,2", "2018-03-25 06:00,2", "2018-03-25 08:00,2"}, "2018-03-25 04:00", 3600, 4, 4_000, 0},
		{"a missing day, filled", recordedAs(inUnit("kWh"), withGaps("hold")), []string{"2018-03-23,24", "2018-03-24,24", "2018-03-26,24", "2018-03-27,24"}, "2018-03-24 00:00", 3600, 47, 47_000, 23},
		{"days of UTC are even", recordedAs(inUnit("kWh")), []string{"2018-03-24T00:00Z,24", "2018-03-25T00:00Z,24", "2018-03-26T00:00Z,24"}, "2018-03-24 01:00", 3600, 48, 48_000, 0},

		{"a counter", recordedAs(inUnit("kWh"), inFormat(Format{Reading: "counter"})), counter(100, 100.25, 100.5, 101, 102), monday, 3600, 4, 2_000, 0},
		{"a counter that restarts", recordedAs(inUnit("kWh"), inFormat(Format{Reading: "counter"})), counter(100, 101, 0.5, 1, 2), monday, 3600, 4, 3_000, 0},
		{"a counter that begins again at 0", recordedAs(inUnit("kWh"), inFormat(Format{Reading: "counter"})), counter(99_999, 100_000, 0, 1, 2), monday, 3600, 4, 3_000, 0},
		{"a counter with a gap", recordedAs(inUnit("kWh"), inFormat(Format{Reading: "counter"}), withGaps("linear")), counter(100, 101, -1, -1, 107, 108), monday, 3600, 5, 8_000, 3},
		{"a gap of a counter cut by the run", recordedAs(inUnit("kWh"), inFormat(Format{Reading: "counter"}), withGaps("hold")), counter(100, 101, -1, -1, 107, 108), "2018-01-08 02:00", 3600, 2, 4_000, 2},
		{"a counter, in quarter hours", recordedAs(inUnit("Wh"), inFormat(Format{Reading: "counter"})), counter(0, 1000, 1500), monday, 900, 8, 1_500, 0},
		{"a counter read now and then", recordedAs(inUnit("kWh"), inFormat(Format{Reading: "counter", Intervals: "as_they_come"})), counter(5, -1, -1, 8, 9), monday, 3600, 4, 4_000, 0},
		{"a counter, newest first", recordedAs(inUnit("kWh"), inFormat(Format{Reading: "counter", NewestFirst: true})), reversed(counter(100, 101, 0.5, 1, 2)), monday, 3600, 4, 3_000, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cal := calendarFrom(t, berlin, tt.start, tt.step, tt.steps)
			r, err := ReadRecording(fileOf(tt.spec, "time,a\n"+lines(tt.rows...)), tt.spec, cal)
			if err != nil {
				t.Fatal(err)
			}
			if got := wattHours(r.all()[0], tt.step); got < tt.want-0.01 || got > tt.want || r.Filled != tt.filled {
				t.Errorf("%v Wh with %d filled, wanted %v with %d: %d", got, r.Filled, tt.want, tt.filled, r.all()[0])
			}
		})
	}
}

func reversed(rows []string) []string {
	slices.Reverse(rows)
	return rows
}

// A change of the interval is told with the line of the first row of the new one,
// whatever is said about gaps; a gap that repeats is none.
func TestIntervalChangeIsRefused(t *testing.T) {
	const berlin = "Europe/Berlin"
	hours := func(n int) []string { return rowsAlike(t, berlin, "2018-01-08 00:00", 3600, n, "1") }
	quarters := func(first string, n int) []string { return rowsAlike(t, berlin, first, 900, n, "1") }
	tests := []struct {
		name string
		rows []string
		want string
	}{
		{"to quarter hours", slices.Concat(hours(24), quarters("2018-01-09 00:00", 96)), "street.csv:26: the interval changes from 1 h to 15 min in this line, wanted one interval, or format: {intervals: as_they_come}"},
		{"to hours", slices.Concat(quarters("2018-01-07 00:00", 96), hours(48)), "street.csv:98: the interval changes from 15 min to 1 h in this line, wanted one interval, or format: {intervals: as_they_come}"},
		{"to hours and back", slices.Concat(quarters("2018-01-07 00:00", 96), hours(24), quarters("2018-01-09 00:00", 48)), "street.csv:98: the interval changes from 15 min to 1 h in this line, wanted one interval, or format: {intervals: as_they_come}"},
		{"every second row missing twelve times", func() []string {
			rows := quarters("2018-01-08 00:00", 192)
			for i := range 12 {
				rows = slices.Delete(rows, 20+i, 21+i)
			}
			return rows
		}(), "street.csv:21: the interval changes from 15 min to 30 min in this line, wanted one interval, or format: {intervals: as_they_come}"},
		{"every second row missing ten times", func() []string {
			rows := quarters("2018-01-08 00:00", 192)
			for i := range 10 {
				rows = slices.Delete(rows, 20+i, 21+i)
			}
			return rows
		}(), "<nil>"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			spec := recordedAs(withGaps("hold"))
			_, err := ReadRecording(fileOf(spec, "time,a\n"+lines(tt.rows...)), spec, calendarFrom(t, berlin, "2018-01-08 00:00", 3600, 24))
			if fmt.Sprint(err) != tt.want {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
}

// TestAsTheyComeAgainstReference reads rows of random lengths and compares the
// energy of each step with an integral in fractions.
func TestAsTheyComeAgainstReference(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		n := rapid.IntRange(3, 20).Draw(r, "rows")
		end := rapid.Bool().Draw(r, "end")
		newest := rapid.Bool().Draw(r, "newest")
		step := rapid.SampledFrom([]int64{60, 300, 900, 3600}).Draw(r, "step")
		origin := time.Date(2024, 3, 31, 0, 0, 0, 0, time.UTC).Unix()
		ats := []int64{origin}
		for range n - 1 {
			ats = append(ats, ats[len(ats)-1]+rapid.Int64Range(1, 9000).Draw(r, "length"))
		}
		energies := make([]int64, n) // Wh
		var rows []string
		for i, at := range ats {
			energies[i] = rapid.Int64Range(0, 5000).Draw(r, "energy")
			rows = append(rows, fmt.Sprintf("%d,%d", at, energies[i]))
		}
		from, to := slices.Clone(ats), append(slices.Clone(ats[1:]), 2*ats[n-1]-ats[n-2])
		if end {
			from, to = append([]int64{2*ats[0] - ats[1]}, ats[:n-1]...), ats
		}
		if newest {
			slices.Reverse(rows)
		}
		first := from[0] + rapid.Int64Range(0, 3000).Draw(r, "start")
		steps := (to[n-1] - first) / step
		if steps < 1 {
			r.Skip("the file is shorter than a step")
		}
		spec := recordedAs(inUnit("Wh"), withStamps(map[bool]string{true: "end", false: "start"}[end]),
			inFormat(Format{Intervals: "as_they_come", Date: "unix_s", NewestFirst: newest}))
		got, err := ReadRecording(fileOf(spec, "time,a\n"+lines(rows...)), spec, NewCalendar(time.Unix(first, 0).UTC(), twins.Seconds(step), twins.Tick(steps)))
		if err != nil {
			r.Fatalf("%v\n%s", err, lines(rows...))
		}
		sum := new(big.Rat)
		for k := range steps {
			a, b := first+k*step, first+(k+1)*step
			for i := range n {
				if part := min(b, to[i]) - max(a, from[i]); part > 0 {
					sum.Add(sum, new(big.Rat).Mul(big.NewRat(energies[i]*3_600_000, to[i]-from[i]), big.NewRat(part, 1)))
				}
			}
			sum.Sub(sum, big.NewRat(int64(got.all()[0][k])*step, 1))
			// Up to a milliwatt is carried, and each row is cut to whole mJ at each end of a step.
			if sum.Cmp(big.NewRat(-int64(n)-1, 1)) < 0 || sum.Cmp(big.NewRat(step+int64(n)+1, 1)) > 0 {
				r.Fatalf("after step %d the run lacks %s mJ\n%s", k, sum.FloatString(1), lines(rows...))
			}
		}
	})
}

// A market's prices hold, whatever the length of their rows, and so does the value
// of weather.
func TestPricesOfHoursAndQuarterHours(t *testing.T) {
	rows := append(rowsAlike(t, "Europe/Berlin", "2025-09-30 00:00", 3600, 24, "10"), rowsAlike(t, "Europe/Berlin", "2025-10-01 00:00", 900, 96, "20")...)
	rows[23] = strings.Replace(rows[23], ",10", ",14", 1)
	rows[24], rows[25] = strings.Replace(rows[24], ",20", ",-8", 1), strings.Replace(rows[25], ",20", ",4", 1)
	files := fstest.MapFS{"m.csv": {Data: []byte("time,p\n" + lines(rows...))}}
	spec := MarketSpec{File: "m.csv", Price: "p"}
	if _, err := ReadMarket(files, spec, berlin(t, "2025-09-30", 900, 2)); fmt.Sprint(err) !=
		"m.csv:26: the interval changes from 1 h to 15 min in this line, wanted one interval, or format: {intervals: as_they_come}" {
		t.Errorf("without a word about it: %v", err)
	}
	spec.Format.Intervals = "as_they_come"
	for _, tt := range []struct {
		step twins.Seconds
		at   int // steps from midnight to the change
		want []float64
	}{
		{900, 96, []float64{14, 14, -8, 4, 20}},
		{3600, 24, []float64{10, 14, 9, 20}},
	} {
		cal := berlin(t, "2025-09-30", tt.step, 2)
		prices, _ := series(mustMarketOf(t, files, spec, cal), cal)
		if got := prices[tt.at-2 : tt.at-2+len(tt.want)]; !slices.Equal(got, tt.want) {
			t.Errorf("steps of %d s: %v, wanted %v", tt.step, got, tt.want)
		}
	}
}

// Where rows come as they do, a missing row is found by the distances that repeat: a
// power, a price or weather does not hold over it in silence. An energy does, since
// the row after a gap has that of the gap.
func TestMissingRowsAsTheyCome(t *testing.T) {
	rows := slices.Concat(rowsAlike(t, "Europe/Berlin", "2018-01-08 00:00", 3600, 24, "1"), rowsAlike(t, "Europe/Berlin", "2018-01-09 00:00", 900, 96, "1"))
	rows = slices.Delete(rows, 10, 14) // 10:00 to 13:00
	text := "time,a\n" + lines(rows...)
	files := fstest.MapFS{"gap.csv": {Data: []byte(text)}}
	cal, day := berlin(t, "2018-01-08", 3600, 2), berlin(t, "2018-01-08", 3600, 1)
	any := Format{Intervals: "as_they_come"}
	read := func(change func(*RecordingSpec), cal *Calendar) error {
		spec := recordedAs(inFormat(any), change)
		_, err := ReadRecording(fileOf(spec, text), spec, cal)
		return err
	}
	const held = "the value of this row would hold for 5 h, wanted a row every 1 h or more often"
	weather := func(cal *Calendar) error {
		_, err := ReadWeather(files, WeatherSpec{File: "gap.csv", Columns: map[string]string{"ghi_w_per_m2": "a", "temperature_c": "a"}, Format: any}, cal)
		return err
	}
	market := func(cal *Calendar) error {
		_, err := ReadMarket(files, MarketSpec{File: "gap.csv", Price: "a", Format: any}, cal)
		return err
	}
	later := calendarFrom(t, "Europe/Berlin", "2018-01-09 04:00", 3600, 10)
	for _, tt := range []struct {
		name string
		err  error
		want string
	}{
		{"power", read(inUnit("kW"), cal), "street.csv:11: " + held + ", or gaps: hold"},
		{"power, one day", read(inUnit("kW"), day), "street.csv:11: " + held + ", or gaps: hold"},
		{"power, held", read(withGaps("hold"), cal), "<nil>"},
		{"power that the run does not need", read(inUnit("kW"), later), "<nil>"},
		{"energy", read(inUnit("kWh"), cal), "<nil>"},
		{"energy, with a bound", read(func(s *RecordingSpec) { s.Unit, s.Gaps, s.Longest = "kWh", "hold", 4*3600 }, cal), "street.csv:11: a row for 5 h, wanted at most 4 h, as gaps.longest says"},
		{"energy, with a bound that holds", read(func(s *RecordingSpec) { s.Unit, s.Gaps, s.Longest = "kWh", "hold", 5*3600 }, cal), "<nil>"},
		{"weather", weather(cal), "gap.csv:11: " + held},
		{"weather that the run does not need", weather(later), "<nil>"},
		{"prices", market(cal), "gap.csv:11: " + held + ": a market's gaps are not filled"},
		{"prices that the run does not need", market(later), "<nil>"},
	} {
		if fmt.Sprint(tt.err) != tt.want {
			t.Errorf("%s:\ngot  %v\nwant %s", tt.name, tt.err, tt.want)
		}
	}
}

func mustMarketOf(t *testing.T, files fstest.MapFS, spec MarketSpec, cal *Calendar) *Market {
	t.Helper()
	m, err := ReadMarket(files, spec, cal)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// A gap is filled from the same time of day a week before, across a change of
// clocks.
func TestLastWeekAcrossClockChanges(t *testing.T) {
	for _, tt := range []struct {
		name string
		gap  string // RFC 3339
		from string
	}{
		{"in summer", "2024-07-10T18:00:00+02:00", "2024-07-03T18:00:00+02:00"},
		{"after spring", "2024-04-03T18:00:00+02:00", "2024-03-27T18:00:00+01:00"},
		{"after autumn", "2024-10-29T18:00:00+01:00", "2024-10-22T18:00:00+02:00"},
		{"the hour shown twice, first", "2024-10-27T02:00:00+02:00", "2024-10-20T02:00:00+02:00"},
		{"the hour shown twice, again", "2024-10-27T02:00:00+01:00", "2024-10-20T02:00:00+02:00"},
		{"a week after the hour shown twice", "2024-11-03T02:00:00+01:00", "2024-10-27T02:00:00+02:00"},
		{"a week after the skipped hour", "2024-04-07T02:00:00+02:00", "2024-03-24T02:00:00+01:00"},
	} {
		gap, _ := time.Parse(time.RFC3339, tt.gap)
		from, _ := time.Parse(time.RFC3339, tt.from)
		var rows []string
		first := gap.AddDate(0, 0, -22)
		for h := range 42 * 24 {
			at := first.Add(time.Duration(h) * time.Hour)
			if !at.Equal(gap) {
				rows = append(rows, fmt.Sprintf("%s,%d", at.UTC().Format(time.RFC3339), h))
			}
		}
		want := twins.Power(from.Sub(first)/time.Hour) * twins.Kilowatt
		for name, start := range map[string]time.Time{"before the run": gap.Add(-2 * time.Hour), "within the run": gap.AddDate(0, 0, -15)} {
			t.Run(tt.name+", "+name, func(t *testing.T) {
				spec := recordedAs(withGaps("same_time_last_week"))
				cal := NewCalendar(start.In(zoneForCalendar(t, "Europe/Berlin")), 3600, 17*24)
				r, err := ReadRecording(fileOf(spec, "time,a\n"+lines(rows...)), spec, cal)
				if err != nil {
					t.Fatal(err)
				}
				if got := r.all()[0][gap.Sub(start)/time.Hour]; got != want || r.Filled != 1 {
					t.Errorf("%d mW with %d filled, wanted %d of %s", got, r.Filled, want, tt.from)
				}
			})
		}
	}
}

// Net meters have values of both signs, and make two columns.
func TestNetMeters(t *testing.T) {
	text := lines("time,a,b", "00:00,1,-2", "00:15,-3,0", "00:30,0,-0.5", "00:45,4,4")
	cal := calendarFrom(t, "Europe/Berlin", "2024-01-15 00:00", quarter, 4)
	for _, tt := range []struct {
		change func(*RecordingSpec)
		names  string
		want   [][]float64
	}{
		{inFormat(Format{Negative: "export"}), "[a a-export b b-export]", [][]float64{{1, 0, 0, 4}, {0, 3, 0, 0}, {0, 0, 0, 4}, {2, 0, 0.5, 0}}},
		{inFormat(Format{Negative: "import", ClipBelow: "0.5"}), "[a a-import b b-import]", [][]float64{{1, 0, 0, 4}, {0, 3, 0, 0}, {0, 0, 0, 4}, {2, 0, 0, 0}}},
		{func(s *RecordingSpec) { s.Signed = true }, "[a b]", [][]float64{{1, -3, 0, 4}, {-2, 0, -0.5, 4}}},
		{func(s *RecordingSpec) { s.Signed, s.Gaps = true, "linear" }, "[a b]", [][]float64{{1, -3, 0, 4}, {-2, 0, -0.5, 4}}},
	} {
		spec := recordedAs(tt.change)
		r, err := ReadRecording(fileOf(spec, text), spec, cal)
		if err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(r.Columns) != tt.names {
			t.Errorf("columns %v, wanted %s", r.Columns, tt.names)
		}
		for i := range tt.want {
			samePowers(t, r.all()[i], tt.want[i]...)
		}
	}
	spec := recordedAs(inFormat(Format{Negative: "export"}))
	_, err := ReadRecording(fileOf(spec, "time,a,a-export\n00:00,1,1\n00:15,1,1\n00:30,1,1\n00:45,1,1\n"), spec, cal)
	if want := `street.csv: column "a-export", and column "a" has values of both signs and makes one of this name as well, wanted another name for it`; fmt.Sprint(err) != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	spec = recordedAs(func(s *RecordingSpec) { s.Signed = true })
	_, err = ReadRecording(fileOf(spec, "time,a\n00:00,-1e13\n00:15,1\n00:30,1\n00:45,1\n"), spec, cal)
	if want := `street.csv:2: column "a": "-1e13" kW is too large, wanted a mean power of at most 10248191152060 W`; fmt.Sprint(err) != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// Columns that lack more than a share of the file are left out, and the rest is
// filled.
func TestColumnsWithTooLittleAreLeftOut(t *testing.T) {
	wide := lines("time,a,b,c", "00:00,1,1,1", "00:15,,2,", "00:30,3,3,", "00:45,4,4,4", "01:00,5,,")
	long := lines("time,m,v", "00:00,a,1", "00:30,a,3", "00:45,a,4", "01:00,a,5", "00:00,b,1", "00:15,b,2", "00:30,b,3", "00:45,b,4", "00:00,c,1", "00:45,c,4")
	cal := calendarFrom(t, "Europe/Berlin", "2024-01-15 00:00", quarter, 4)
	for name, text := range map[string]string{"wide": wide, "long": long} {
		for _, tt := range []struct{ share, with, out string }{
			{"0.2", "[a b]", "[c]"}, {"0.19", "", ""}, {"0.6", "[a b c]", "[]"}, {"0.5", "[a b]", "[c]"},
		} {
			spec := recordedAs(withGaps("linear"), inFormat(Format{LeaveOut: tt.share}))
			if name == "long" {
				spec.Format.Meter = "m"
			}
			names, err := RecordingColumns(fileOf(spec, text), spec, cal)
			r, wrong := ReadRecording(fileOf(spec, text), spec, cal)
			if tt.with == "" {
				if want := "street.csv: every column lacks more than 0.19 of its values, wanted a greater format.leave_out"; fmt.Sprint(err) != want || fmt.Sprint(wrong) != want {
					t.Errorf("%s, %s: %v and %v, wanted %s", name, tt.share, err, wrong, want)
				}
				continue
			}
			if err != nil || wrong != nil || fmt.Sprint(names) != tt.with || fmt.Sprint(r.Columns) != tt.with || fmt.Sprint(r.LeftOut) != tt.out {
				t.Errorf("%s, %s: %v, %v, %v, %v, wanted %s without %s", name, tt.share, names, r, err, wrong, tt.with, tt.out)
			}
		}
	}
}

// Under a calendar, a year of local time whose clocks change is read: the hour that
// they show twice is used once, the one that they skip is a gap.
func TestCalendarOfARecordWhoseClocksChange(t *testing.T) {
	c := calendarFrom(t, "Europe/Berlin", "2019-01-07 00:00", 3600, 0)
	var rows []string
	for h := range 364 * 24 {
		rows = append(rows, fmt.Sprintf("%s,%d", c.Time(twins.Tick(h)).Format("2006-01-02 15:04"), h))
	}
	// 31 March and 27 October 2019 are the Sundays of weeks 12 and 42 of the record.
	spring := int(time.Date(2019, 3, 31, 1, 0, 0, 0, c.Start.Location()).Sub(c.Start) / time.Hour)
	autumn := int(time.Date(2019, 10, 27, 1, 0, 0, 0, c.Start.Location()).Sub(c.Start) / time.Hour)
	for _, newest := range []bool{false, true} {
		spec := recordedAs(mapped([]CalendarPart{{1, "2019-01-07"}}), inZone("Europe/Berlin"), withGaps("hold"), inUnit("W"), inFormat(Format{NewestFirst: newest}))
		second := 1
		if newest {
			slices.Reverse(rows)
			second = 2
		}
		text := "time,a\n" + lines(rows...)
		r, err := ReadRecording(fileOf(spec, text), spec, NewCalendar(time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC), 3600, 364*24))
		if err != nil {
			t.Fatal(err)
		}
		at := func(week, hour int) int { return int(r.all()[0][((week-1)*7+6)*24+hour] / twins.Watt) }
		for hour, want := range []int{spring - 1, spring, spring, spring + 1} {
			if got := at(12, hour); got != want {
				t.Errorf("newest first %v: on the Sunday in spring at %d o'clock row %d, wanted %d", newest, hour, got, want)
			}
		}
		for hour, want := range []int{autumn - 1, autumn, autumn + second, autumn + 3} {
			if got := at(42, hour); got != want {
				t.Errorf("newest first %v: on the Sunday in autumn at %d o'clock row %d, wanted %d", newest, hour, got, want)
			}
		}
		if r.Filled != 1 {
			t.Errorf("newest first %v: %d filled, wanted the skipped hour", newest, r.Filled)
		}
		spec.Time.Zone = ""
		if _, err := ReadRecording(fileOf(spec, text), spec, NewCalendar(time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC), 3600, 24)); err == nil || !strings.Contains(err.Error(), "2019-10-27 02:00\" appears twice") {
			t.Errorf("newest first %v, without a zone: %v", newest, err)
		}
	}
}
