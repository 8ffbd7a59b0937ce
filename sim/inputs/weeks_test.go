package inputs

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/smatrix-grid/smatrix/twins"
)

// southern maps a southern year to a northern one.
var southern = []CalendarPart{{1, "2013-07-01"}, {27, "2012-12-31"}}

// The days of the run are mapped to the right days of the record.
func TestCalendarMap(t *testing.T) {
	m, wrong := newWeekMap(southern)
	if wrong != nil {
		t.Fatal(wrong.What)
	}
	for _, row := range []struct {
		day   string
		start string // of the run
		weeks int
		want  string
	}{
		// The halves of the year.
		{"2018-01-01", "2018-01-01", 0, "2013-07-01"},
		{"2018-01-08", "2018-01-01", 0, "2013-07-08"},
		{"2018-01-26", "2018-01-08", 0, "2013-07-26"},
		{"2018-07-01", "2018-01-08", 0, "2013-12-29"},
		{"2018-07-02", "2018-01-08", 0, "2012-12-31"},
		{"2018-12-30", "2018-01-08", 0, "2013-06-30"},
		// Week 1 follows week 52.
		{"2018-12-31", "2018-01-08", 0, "2013-07-01"},
		{"2019-01-01", "2018-01-08", 0, "2013-07-02"},
		// Another year: week 1 begins on or before 1 January.
		{"2019-01-01", "2019-01-01", 0, "2013-07-02"},
		{"2018-12-31", "2019-01-01", 0, "2013-07-01"},
		{"2023-01-01", "2023-01-01", 0, "2013-07-07"},
		{"2024-01-01", "2024-01-01", 0, "2013-07-01"},
		// Moved copies, round the year.
		{"2018-01-08", "2018-01-01", 2, "2013-07-22"},
		{"2018-01-08", "2018-01-01", -1, "2013-07-01"},
		{"2018-01-08", "2018-01-01", -2, "2013-06-24"},
		{"2018-06-28", "2018-01-01", 1, "2013-01-03"},
		{"2018-12-24", "2018-01-01", 3, "2013-07-15"},
	} {
		day, err := time.Parse(time.DateOnly, row.day)
		if err != nil {
			t.Fatal(err)
		}
		start, err := time.Parse(time.DateOnly, row.start)
		if err != nil {
			t.Fatal(err)
		}
		recorded := time.Unix(m.recorded(dayNumber(day), firstMonday(start), row.weeks)*SecondsPerDay, 0).UTC()
		if got := recorded.Format(time.DateOnly); got != row.want {
			t.Errorf("%s of a run from %s, moved by %d: recorded on %s, want %s", row.day, row.start, row.weeks, got, row.want)
		}
		if recorded.Weekday() != day.Weekday() {
			t.Errorf("%s, a %s, was recorded on a %s, wanted the same weekday", row.day, day.Weekday(), recorded.Weekday())
		}
	}
}

// Each week of the record's year is used once by each move: the copies of all
// moves together have each day of the year equally often.
func TestCalendarMapIsAPermutation(t *testing.T) {
	m, _ := newWeekMap(southern)
	first := firstMonday(time.Date(2018, 1, 8, 0, 0, 0, 0, time.UTC))
	for move := -3; move <= 3; move++ {
		seen := map[int64]bool{}
		for day := first; day < first+364; day++ {
			seen[m.recorded(day, first, move)] = true
		}
		if len(seen) != 364 {
			t.Errorf("moved by %d: %d different days, want 364", move, len(seen))
		}
	}
}

// hourly returns a record in which each value identifies its hour: the day of the
// year times 100 plus the hour, in W.
func hourly(from, to string, offset string) string {
	first, _ := time.Parse(time.DateOnly, from)
	last, _ := time.Parse(time.DateOnly, to)
	var b strings.Builder
	b.WriteString("time,x\n")
	for at := first; at.Before(last); at = at.Add(time.Hour) {
		fmt.Fprintf(&b, "%s%s,%d\n", at.Format("2006-01-02T15:04"), offset, at.YearDay()*100+at.Hour())
	}
	return b.String()
}

func mapped(calendar []CalendarPart, moves ...int) func(*RecordingSpec) {
	return func(s *RecordingSpec) { s.Calendar, s.Moves, s.Unit = calendar, moves, "W" }
}

// The record's wall time is mapped to the same wall time of the run, whatever
// the zones.
func TestCalendarIsClockOnClock(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	year := []CalendarPart{{1, "2013-01-07"}} // day 7 of the record is mapped to 1 January
	for _, row := range []struct {
		name   string
		start  time.Time
		step   twins.Seconds
		steps  twins.Tick
		offset string
		zone   string
		move   int
		want   []int
	}{
		{"at noon", time.Date(2018, 1, 1, 12, 0, 0, 0, berlin), 3600, 3, "", "", 0, []int{712, 713, 714}},
		{"stamps with an offset", time.Date(2018, 1, 1, 12, 0, 0, 0, berlin), 3600, 3, "+10:00", "", 0, []int{712, 713, 714}},
		{"a record with a zone", time.Date(2018, 1, 1, 12, 0, 0, 0, berlin), 3600, 3, "", "Australia/Sydney", 0, []int{712, 713, 714}},
		{"over midnight", time.Date(2018, 1, 1, 23, 0, 0, 0, berlin), 3600, 2, "", "", 0, []int{723, 800}},
		{"in quarter hours", time.Date(2018, 1, 1, 12, 30, 0, 0, berlin), 900, 4, "", "", 0, []int{712, 712, 713, 713}},
		{"moved", time.Date(2018, 1, 1, 12, 0, 0, 0, berlin), 3600, 2, "", "", 1, []int{1412, 1413}},
		// 25 March 2018, day 84 of the year, has day 90 of the record.
		{"the clocks skip an hour", time.Date(2018, 3, 25, 1, 0, 0, 0, berlin), 3600, 3, "", "", 0, []int{9001, 9003, 9004}},
		{"the clocks are set back", time.Date(2018, 10, 28, 1, 0, 0, 0, berlin), 3600, 4, "", "", 0, []int{30701, 30702, 30702, 30703}},
	} {
		t.Run(row.name, func(t *testing.T) {
			spec := recordedAs(mapped(year, 1), inZone(row.zone))
			r, err := ReadRecording(fileOf(spec, hourly("2013-01-01", "2013-12-31", row.offset)), spec, NewCalendar(row.start, row.step, row.steps))
			if err != nil {
				t.Fatal(err)
			}
			var got []int
			for _, p := range r.powersOf(0, row.move) {
				got = append(got, int(p/twins.Watt))
			}
			if fmt.Sprint(got) != fmt.Sprint(row.want) {
				t.Errorf("recorded %v, want %v", got, row.want)
			}
		})
	}
}

func TestBadCalendar(t *testing.T) {
	week := hourly("2013-07-01", "2013-07-08", "")
	gap := strings.Replace(week, "2013-07-02T05:00,18305\n", "", 1)
	for _, row := range []struct {
		name     string
		calendar []CalendarPart
		moves    []int
		text     string
		want     string
	}{
		{"not from the first week", []CalendarPart{{2, "2013-07-01"}}, nil, week, "street.csv: calendar: from_week 2 is the first, wanted 1: every week needs a record"},
		{"not ascending", []CalendarPart{{1, "2013-07-01"}, {1, "2013-07-08"}}, nil, week, "street.csv: calendar: from_week 1 after 1, wanted ascending weeks up to 52"},
		{"a Tuesday", []CalendarPart{{1, "2013-07-02"}}, nil, week, "street.csv: calendar: record_day: 2013-07-02 is a Tuesday, wanted a Monday: scenario weeks begin on one, and weekdays lie on weekdays"},
		{"no date", []CalendarPart{{1, "2013-02-30"}}, nil, week, `street.csv: calendar: record_day: "2013-02-30" is no date, wanted one like 2013-07-01`},
		{"a day that the record lacks", []CalendarPart{{1, "2013-07-08"}}, nil, week, "street.csv: covers 2013-07-01 00:00 to 2013-07-08 00:00, wanted 2013-07-08 00:00, which the calendar lays on 2018-01-01 00:00"},
		{"a day that a copy lacks", []CalendarPart{{1, "2013-07-01"}}, []int{1}, week, "street.csv: covers 2013-07-01 00:00 to 2013-07-08 00:00, wanted 2013-07-08 00:00, which the calendar lays on 2018-01-01 00:00 in copies moved by +1 weeks"},
		{"moved without a calendar", nil, []int{1}, week, "street.csv: no calendar, wanted one: without it there is no year in which a copy could be moved by weeks"},
		{"a time without a date", []CalendarPart{{1, "2013-07-01"}}, nil, "time,x\n00:00,1\n01:00,1\n", `street.csv:2: time "00:00" has no date, wanted one: the calendar says which day lies where`},
		{"a gap that is needed", []CalendarPart{{1, "2013-07-01"}}, nil, gap, "street.csv:31: no row for 2013-07-02 05:00 before this one, wanted one every 1 h, or gaps: hold, linear or same_time_last_week"},
		{"half an hour off", []CalendarPart{{1, "2013-07-01"}}, nil, strings.ReplaceAll(hourly("2013-06-30", "2013-07-08", ""), ":00,", ":30,"), "street.csv:2: the interval that starts at 2013-06-30 00:30 does not meet the step of 1 h that the calendar lays on 2013-07-01 00:00, wanted both to start together"},
	} {
		t.Run(row.name, func(t *testing.T) {
			spec := recordedAs(mapped(row.calendar, row.moves...))
			cal := NewCalendar(time.Date(2018, 1, 1, 0, 0, 0, 0, time.UTC), 3600, 48)
			_, err := ReadRecording(fileOf(spec, row.text), spec, cal)
			if err == nil || err.Error() != row.want {
				t.Errorf("got  %v\nwant %s", err, row.want)
			}
		})
	}
}

// Gaps are filled and counted only where the run, or a copy, uses the record.
func TestCalendarGaps(t *testing.T) {
	text := hourly("2013-07-01", "2013-08-05", "")
	for _, missing := range []string{"2013-07-09T05:00,19005\n", "2013-07-10T05:00,19105\n", "2013-07-16T05:00,19705\n", "2013-07-30T05:00,21105\n"} {
		text = strings.Replace(text, missing, "", 1)
	}
	cal := NewCalendar(time.Date(2018, 1, 15, 0, 0, 0, 0, time.UTC), 3600, 48) // from 15 July 2013 on
	for _, row := range []struct {
		moves  []int
		filled int
	}{
		{nil, 1},          // 16 July
		{[]int{1}, 1},     // and 22 and 23 July
		{[]int{2}, 2},     // 29 and 30 July
		{[]int{-1, 2}, 3}, // 9 July, but not the 10th
	} {
		spec := recordedAs(mapped([]CalendarPart{{1, "2013-07-01"}}, row.moves...), withGaps("same_time_last_week"))
		r, err := ReadRecording(fileOf(spec, text), spec, cal)
		if err != nil {
			t.Fatal(err)
		}
		if r.Filled != row.filled {
			t.Errorf("moves %v: %d filled, want %d", row.moves, r.Filled, row.filled)
		}
		// 16 July is filled from 9 July, which is missing as well, so it has
		// the values of 2 July.
		if got := r.all()[0][29] / twins.Watt; got != 18305 {
			t.Errorf("moves %v: the gap has %d, want 18305", row.moves, got)
		}
	}
}

// Weather under a calendar is moved by whole days of 24 hours, so that daylight
// saving does not move the sun. The wind may be from another record with its
// own calendar.
func TestWeatherUnderACalendar(t *testing.T) {
	berlin := zoneForCalendar(t, "Europe/Berlin")
	var sun, wind strings.Builder
	sun.WriteString("time,ghi,temperature\n")
	wind.WriteString("time,wind,temperature,pressure\n")
	from := time.Date(2013, 1, 1, 0, 0, 0, 0, time.UTC)
	for at := from; at.Year() == 2013; at = at.Add(time.Hour) {
		fmt.Fprintf(&sun, "%s,%d,%d\n", at.Format("2006-01-02 15:04"), 0, at.YearDay()%50)
		fmt.Fprintf(&wind, "%s,%d,%d,1000\n", at.AddDate(-3, 0, 0).Format("2006-01-02T15:04")+"+01:00", at.Hour(), at.YearDay()%50)
	}
	files := fstest.MapFS{"sun.csv": {Data: []byte(sun.String())}, "wind.csv": {Data: []byte(wind.String())}}
	spec := WeatherSpec{File: "sun.csv", Place: Place{Latitude: 50, Longitude: 15}, Calendar: []CalendarPart{{1, "2013-01-07"}},
		Columns: map[string]string{"ghi_w_per_m2": "ghi", "temperature_c": "temperature"}}
	spec.Time.Zone = "Etc/GMT-1"
	spec.Wind = &WeatherSpec{File: "wind.csv", Calendar: []CalendarPart{{1, "2010-01-04"}},
		Columns: map[string]string{"wind_m_per_s": "wind", "temperature_c": "temperature", "pressure_hpa": "pressure"}}
	for _, row := range []struct {
		at          time.Time
		day         int     // of the record, for temperature
		wind, dense float64 // wind in the middle of the hour; the record has n m/s at n o'clock standard time
	}{
		{time.Date(2018, 1, 1, 12, 0, 0, 0, berlin), 7, 12, airDensity(1000, 4)},
		{time.Date(2018, 1, 31, 12, 0, 0, 0, berlin), 37, 12, airDensity(1000, 34)},
		{time.Date(2018, 7, 2, 12, 0, 0, 0, berlin), 189, 11, airDensity(1000, 36)}, // noon in daylight saving time
	} {
		w, err := ReadWeather(files, spec, NewCalendar(row.at, 3600, 2))
		if err != nil {
			t.Fatal(err)
		}
		var out twins.Weather
		w.Fill(row.at.Unix(), 3600, &out)
		near(t, fmt.Sprint(row.at, ": temperature"), out.Temperature, float64(row.day%50), 1e-9)
		near(t, fmt.Sprint(row.at, ": wind"), out.Wind, row.wind, 1e-9)
		near(t, fmt.Sprint(row.at, ": density"), out.AirDensity, row.dense, 1e-9)
	}
	spec.Wind.Columns = map[string]string{"wind_m_per_s": "wind"}
	start := time.Date(2018, 1, 1, 12, 0, 0, 0, berlin)
	w, err := ReadWeather(files, spec, NewCalendar(start, 3600, 2))
	if err != nil {
		t.Fatal(err)
	}
	var out twins.Weather
	w.Fill(start.Unix(), 3600, &out)
	near(t, "density of the weather's own air", out.AirDensity, airDensity(standardPressure(0), 7), 1e-9)
}
