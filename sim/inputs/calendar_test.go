package inputs

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/smatrix-grid/smatrix/sim/problem"
	"github.com/smatrix-grid/smatrix/twins"
)

const quarter twins.Seconds = 900

func zoneForCalendar(t testing.TB, name string) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// calendarFrom returns a calendar that begins at a wall time that occurs once
// in the zone.
func calendarFrom(t testing.TB, zone, start string, step twins.Seconds, steps twins.Tick) *Calendar {
	t.Helper()
	at, err := time.ParseInLocation("2006-01-02 15:04", start, zoneForCalendar(t, zone))
	if err != nil {
		t.Fatal(err)
	}
	return NewCalendar(at, step, steps)
}

func TestCalendarStepsOfDays(t *testing.T) {
	tests := []struct {
		name  string
		zone  string
		start string
		step  twins.Seconds
		days  int
		want  twins.Tick
	}{
		// Plain days.
		{"no day", "Europe/Berlin", "2024-01-15 00:00", quarter, 0, 0},
		{"one day", "Europe/Berlin", "2024-01-15 00:00", quarter, 1, 96},
		{"a leap year", "Europe/Berlin", "2024-01-01 00:00", quarter, 366, 366 * 96},
		{"the first day is half a day", "Europe/Berlin", "2024-01-15 12:00", quarter, 1, 48},
		{"half a day and a whole day", "Europe/Berlin", "2024-01-15 12:00", quarter, 2, 48 + 96},
		{"steps that fit into five days only", "UTC", "2024-01-15 00:00", 3000, 5, 144},
		// Clocks change.
		{"spring, 23 hours", "Europe/Berlin", "2024-03-31 00:00", quarter, 1, 92},
		{"autumn, 25 hours", "Europe/Berlin", "2024-10-27 00:00", quarter, 1, 100},
		{"the week of spring", "Europe/Berlin", "2024-03-25 00:00", quarter, 7, 7*96 - 4},
		{"the week of autumn", "Europe/Berlin", "2024-10-21 00:00", quarter, 7, 7*96 + 4},
		{"half an hour is skipped", "Australia/Lord_Howe", "2024-10-06 00:00", quarter, 1, 94},
		{"midnight is skipped", "America/Sao_Paulo", "2018-11-03 00:00", quarter, 2, 96 + 92},
		{"a whole day is skipped", "Pacific/Apia", "2011-12-29 00:00", quarter, 3, 96 + 0 + 96},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := calendarFrom(t, tt.zone, tt.start, tt.step, 0)
			got, err := c.StepsOfDays(tt.days)
			if got != tt.want || err != nil {
				t.Errorf("StepsOfDays(%d) = %d, %v, want %d", tt.days, got, err, tt.want)
			}
		})
	}
}

func TestCalendarStepsOfDaysRefuses(t *testing.T) {
	tests := []struct {
		name  string
		start string
		days  int
		want  string
	}{
		{"a midnight within a step", "2024-01-15 00:10", 2,
			"local midnight 2024-01-17 00:00 is not a whole number of steps after 2024-01-15 00:10, wanted steps of 15 min to end there"},
		{"a negative number of days", "2024-01-15 00:00", -1, "-1 days, wanted 0 or more"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := calendarFrom(t, "Europe/Berlin", tt.start, quarter, 0).StepsOfDays(tt.days)
			if err == nil || err.Error() != tt.want || !errors.Is(err, problem.ErrUsage) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

func TestCalendarAt(t *testing.T) {
	const hour = 3600
	tests := []struct {
		name  string
		start string
		day   int
		sec   int
		want  twins.Tick // in quarter hours
	}{
		// A plain day.
		{"midnight", "2024-01-15 00:00", 0, 0, 0},
		{"noon", "2024-01-15 00:00", 0, 12 * hour, 48},
		{"within a step", "2024-01-15 00:00", 0, 12*hour + 899, 48},
		{"noon tomorrow", "2024-01-15 00:00", 1, 12 * hour, 96 + 48},
		{"noon yesterday", "2024-01-15 00:00", -1, 12 * hour, -48},
		{"a second before the run", "2024-01-15 00:00", 0, -1, -1},
		{"the evening before", "2024-01-15 00:00", 0, -2 * hour, -8},
		{"01:30 of the next day", "2024-01-15 00:00", 0, 25*hour + 1800, 96 + 6},
		{"the morning before a start at noon", "2024-01-15 12:00", 0, 6 * hour, -24},
		{"the morning after a start at noon", "2024-01-15 12:00", 1, 6 * hour, 72},
		// Spring: the clocks go from 02:00 to 03:00.
		{"before the skipped hour", "2024-03-31 00:00", 0, 2*hour - 1, 7},
		{"the skipped hour begins", "2024-03-31 00:00", 0, 2 * hour, 8},
		{"within the skipped hour", "2024-03-31 00:00", 0, 2*hour + 1800, 8},
		{"after the skipped hour", "2024-03-31 00:00", 0, 3 * hour, 8},
		{"noon of a day of 23 hours", "2024-03-31 00:00", 0, 12 * hour, 44},
		{"the day after, from the evening before", "2024-03-30 00:00", 2, 0, 96 + 92},
		// Autumn: the clocks go from 03:00 to 02:00.
		{"before the doubled hour", "2024-10-27 00:00", 0, 2*hour - 1, 7},
		{"the doubled hour, first time", "2024-10-27 00:00", 0, 2*hour + 1800, 10},
		{"after the doubled hour", "2024-10-27 00:00", 0, 3 * hour, 16},
		{"noon of a day of 25 hours", "2024-10-27 00:00", 0, 12 * hour, 52},
		{"the day before autumn", "2024-10-28 00:00", -1, 0, -100},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := calendarFrom(t, "Europe/Berlin", tt.start, quarter, 96)
			if got := c.At(tt.day, tt.sec); got != tt.want {
				t.Errorf("At(%d, %d) = %d, want %d", tt.day, tt.sec, got, tt.want)
			}
		})
	}
}

func TestCalendarDays(t *testing.T) {
	tests := []struct {
		name  string
		start string
		steps twins.Tick
		want  int
	}{
		{"a run of open length", "2024-01-15 00:00", 0, 0},
		{"one step", "2024-01-15 00:00", 1, 1},
		{"to midnight", "2024-01-15 00:00", 96, 1},
		{"one step past midnight", "2024-01-15 00:00", 97, 2},
		{"noon to noon", "2024-01-15 12:00", 96, 2},
		{"spring", "2024-03-31 00:00", 92, 1},
		{"one step past spring", "2024-03-31 00:00", 93, 2},
		{"autumn", "2024-10-27 00:00", 100, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := calendarFrom(t, "Europe/Berlin", tt.start, quarter, tt.steps).Days(); got != tt.want {
				t.Errorf("%d days, want %d", got, tt.want)
			}
		})
	}
}

func TestCalendarFill(t *testing.T) {
	tests := []struct {
		name  string
		zone  string
		start string
		tick  twins.Tick
		want  twins.Env
	}{
		// A plain day; 2024-01-15 is a Monday.
		{"midnight", "Europe/Berlin", "2024-01-15 00:00", 0,
			twins.Env{Day: 0, SecondOfDay: 0, Weekday: 1, YearDay: 15, DayLength: 86_400}},
		{"noon", "Europe/Berlin", "2024-01-15 00:00", 48,
			twins.Env{Day: 0, SecondOfDay: 43_200, Weekday: 1, YearDay: 15, DayLength: 86_400}},
		{"the step before the run", "Europe/Berlin", "2024-01-15 00:00", -1,
			twins.Env{Day: -1, SecondOfDay: 85_500, Weekday: 0, YearDay: 14, DayLength: 86_400}},
		{"the day after a start at noon", "Europe/Berlin", "2024-01-15 12:00", 48,
			twins.Env{Day: 1, SecondOfDay: 0, Weekday: 2, YearDay: 16, DayLength: 86_400}},
		{"the last day of a leap year", "Europe/Berlin", "2024-12-31 00:00", 95,
			twins.Env{Day: 0, SecondOfDay: 85_500, Weekday: 2, YearDay: 366, DayLength: 86_400}},
		{"new year", "Europe/Berlin", "2024-12-31 00:00", 96,
			twins.Env{Day: 1, SecondOfDay: 0, Weekday: 3, YearDay: 1, DayLength: 86_400}},
		// Spring.
		{"before the skipped hour", "Europe/Berlin", "2024-03-31 00:00", 7,
			twins.Env{Day: 0, SecondOfDay: 6_300, Weekday: 0, YearDay: 91, DayLength: 82_800}},
		{"after the skipped hour", "Europe/Berlin", "2024-03-31 00:00", 8,
			twins.Env{Day: 0, SecondOfDay: 10_800, Weekday: 0, YearDay: 91, DayLength: 82_800}},
		{"the end of a day of 23 hours", "Europe/Berlin", "2024-03-31 00:00", 91,
			twins.Env{Day: 0, SecondOfDay: 85_500, Weekday: 0, YearDay: 91, DayLength: 82_800}},
		{"the day after spring", "Europe/Berlin", "2024-03-31 00:00", 92,
			twins.Env{Day: 1, SecondOfDay: 0, Weekday: 1, YearDay: 92, DayLength: 86_400}},
		// Autumn.
		{"the doubled hour, first time", "Europe/Berlin", "2024-10-27 00:00", 10,
			twins.Env{Day: 0, SecondOfDay: 9_000, Weekday: 0, YearDay: 301, DayLength: 90_000}},
		{"the doubled hour, second time", "Europe/Berlin", "2024-10-27 00:00", 14,
			twins.Env{Day: 0, SecondOfDay: 9_000, Weekday: 0, YearDay: 301, DayLength: 90_000}},
		{"the end of a day of 25 hours", "Europe/Berlin", "2024-10-27 00:00", 99,
			twins.Env{Day: 0, SecondOfDay: 85_500, Weekday: 0, YearDay: 301, DayLength: 90_000}},
		// Elsewhere.
		{"a day that begins at one", "America/Sao_Paulo", "2018-11-03 00:00", 96,
			twins.Env{Day: 1, SecondOfDay: 3_600, Weekday: 0, YearDay: 308, DayLength: 82_800}},
		{"the day after the one that Samoa skipped", "Pacific/Apia", "2011-12-29 00:00", 96,
			twins.Env{Day: 2, SecondOfDay: 0, Weekday: 6, YearDay: 365, DayLength: 86_400}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := calendarFrom(t, tt.zone, tt.start, quarter, 96)
			tt.want.Tick, tt.want.Step = tt.tick, quarter
			var got twins.Env
			c.Fill(tt.tick, &got)
			sameClock(t, got, tt.want)
		})
	}
}

// TestCalendarFillAgainstTime compares Fill, which caches the local day, with
// package time for each step, in any order of steps.
func TestCalendarFillAgainstTime(t *testing.T) {
	zones := []string{"UTC", "Europe/Berlin", "Australia/Lord_Howe", "America/Sao_Paulo", "Asia/Kathmandu", "Pacific/Apia", "America/St_Johns"}
	rapid.Check(t, func(r *rapid.T) {
		zone := zoneForCalendar(t, rapid.SampledFrom(zones).Draw(r, "zone"))
		start := time.Date(rapid.IntRange(2005, 2060).Draw(r, "year"), 1, rapid.IntRange(1, 366).Draw(r, "day"),
			rapid.IntRange(0, 23).Draw(r, "hour"), 0, 0, 0, zone)
		c := NewCalendar(start, twins.Seconds(rapid.SampledFrom([]int{1, 60, 900, 3600}).Draw(r, "step")), 0)
		ticks := rapid.SliceOfN(rapid.IntRange(-20_000, 40_000), 1, 12).Draw(r, "ticks")
		for _, tick := range ticks {
			for next := range twins.Tick(6) { // consecutive steps, then a jump
				tick := twins.Tick(tick) + next
				var env twins.Env
				c.Fill(tick, &env)
				sameClock(r, env, clockOf(c, tick))
			}
		}
	})
}

// clockOf computes what Fill does, slowly and without a cache.
func clockOf(c *Calendar, tick twins.Tick) twins.Env {
	at := c.Start.Add(time.Duration(tick) * time.Duration(c.Step) * time.Second)
	date := func(t time.Time) time.Time {
		return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
	}
	return twins.Env{
		Tick: tick, Step: c.Step,
		Day:         int32(date(at).Sub(date(c.Start)) / (24 * time.Hour)),
		SecondOfDay: int32(at.Hour()*3600 + at.Minute()*60 + at.Second()),
		Weekday:     int8(at.Weekday()),
		YearDay:     int16(at.YearDay()),
		DayLength:   twins.Seconds(firstMoment(at, 1).Sub(firstMoment(at, 0)) / time.Second),
	}
}

// firstMoment finds the first moment with the date of at plus the given days,
// or with a later date where clocks skip that date.
func firstMoment(at time.Time, days int) time.Time {
	want := time.Date(at.Year(), at.Month(), at.Day()+days, 0, 0, 0, 0, time.UTC)
	moment := want.Add(-26 * time.Hour).In(at.Location())
	for {
		y, m, d := moment.Date()
		if !time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Before(want) {
			return moment
		}
		moment = moment.Add(time.Minute)
	}
}

func sameClock(t interface {
	Helper()
	Fatalf(string, ...any)
}, got, want twins.Env) {
	t.Helper()
	if got.Tick != want.Tick || got.Step != want.Step || got.Day != want.Day || got.SecondOfDay != want.SecondOfDay ||
		got.Weekday != want.Weekday || got.YearDay != want.YearDay || got.DayLength != want.DayLength {
		t.Fatalf("got  %+v\nwant %+v", got, want)
	}
}

func TestCalendarAtFindsWhatFillShows(t *testing.T) {
	c := calendarFrom(t, "Europe/Berlin", "2024-03-25 06:00", quarter, 365*96)
	var env twins.Env
	for tick := twins.Tick(-96); tick < 366*96; tick++ {
		c.Fill(tick, &env)
		at := c.At(int(env.Day), int(env.SecondOfDay))
		if at != tick && at != tick-4 { // four quarter hours earlier, in the hour that clocks show twice
			t.Fatalf("step %d shows day %d second %d, for which At returns step %d", tick, env.Day, env.SecondOfDay, at)
		}
	}
}

// TestCalendarAfterTheTables steps over the end of 2040, where package time
// reports that an offset has ended which is still valid.
func TestCalendarAfterTheTables(t *testing.T) {
	c := calendarFrom(t, "Europe/Berlin", "2040-12-30 00:00", quarter, 4*96)
	for tick := range twins.Tick(4 * 96) {
		var env twins.Env
		c.Fill(tick, &env)
		sameClock(t, env, clockOf(c, tick))
		if at := c.At(int(env.Day), int(env.SecondOfDay)); at != tick {
			t.Fatalf("step %d shows day %d second %d, for which At returns step %d", tick, env.Day, env.SecondOfDay, at)
		}
	}
}

func TestCalendarTime(t *testing.T) {
	c := calendarFrom(t, "Europe/Berlin", "2024-10-27 00:00", quarter, 100)
	for tick, want := range map[twins.Tick]string{
		0: "2024-10-27T00:00:00+02:00", 8: "2024-10-27T02:00:00+02:00", 12: "2024-10-27T02:00:00+01:00",
		100: "2024-10-28T00:00:00+01:00", -1: "2024-10-26T23:45:00+02:00", 10_000_000: "2310-01-08T15:00:00+01:00",
	} {
		if got := c.Time(tick).Format(time.RFC3339); got != want {
			t.Errorf("step %d is at %s, want %s", tick, got, want)
		}
	}
}

func TestCalendarFillAllocatesNothing(t *testing.T) {
	c := calendarFrom(t, "Europe/Berlin", "2024-03-25 00:00", quarter, 0)
	var env twins.Env
	var tick twins.Tick
	if n := testing.AllocsPerRun(2000, func() { c.Fill(tick, &env); tick++ }); n != 0 {
		t.Errorf("%v allocations per step, wanted none", n)
	}
}

func BenchmarkCalendarFill(b *testing.B) {
	c := calendarFrom(b, "Europe/Berlin", "2024-01-01 00:00", 60, 0)
	var env twins.Env
	var tick twins.Tick
	b.ReportAllocs()
	for b.Loop() {
		c.Fill(tick, &env)
		tick++
	}
}
