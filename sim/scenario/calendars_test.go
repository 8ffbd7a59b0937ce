package scenario

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

// hourly is a record whose values encode their hour: the day of the year times 100 plus the
// hour of the day, in W.
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

// An error in a calendar or a move names its line.
func TestBadCalendarInScenario(t *testing.T) {
	source := `start: 2018-01-01
step_s: 3600
recordings:
  - id: homes
    file: x.csv
    unit: W
    CALENDAR
communities: [{id: c}]
households:
  - id: h
    community: c
    load:
      recording: homes
      column: x
      move_weeks: MOVE
`
	for _, row := range []struct{ name, calendar, move, want string }{
		{"a Tuesday", "calendar: [{from_week: 1, record_day: 2013-07-02}]", "0", "x.yaml:7: recordings.homes.calendar[0]: record_day: 2013-07-02 is a Tuesday, wanted a Monday: scenario weeks begin on one, and weekdays lie on weekdays"},
		{"empty", "calendar: []", "0", "x.yaml:7: recordings.homes.calendar: empty, wanted weeks of the record for the weeks of the scenario year; without it the record is of the run's own days"},
		{"week 53", "calendar: [{from_week: 53, record_day: 2013-07-01}]", "0", "x.yaml:7: recordings.homes.calendar[0].from_week: 53 is above 52"},
		{"a move without a calendar", "gaps: hold", "2", "x.yaml:15: households.h.load.move_weeks: 2, wanted 0, or a calendar for recording homes: it says in which year a copy can be moved"},
		{"a move too far", "calendar: [{from_week: 1, record_day: 2013-07-01}]", "4", "x.yaml:15: households.h.load.move_weeks: 4 is above 3"},
	} {
		t.Run(row.name, func(t *testing.T) {
			text := strings.NewReplacer("CALENDAR", row.calendar, "MOVE", row.move).Replace(source)
			files := fstest.MapFS{"x.csv": {Data: []byte(hourly("2013-07-01", "2013-08-05", ""))}}
			_, err := loadFrom([]byte(text), location{file: "x.yaml", data: files}, Options{})
			if err == nil || err.Error() != row.want {
				t.Errorf("got  %v\nwant %s", err, row.want)
			}
		})
	}
}

// The resolved view says which days lie where, and can be read again.
func TestCalendarIsShown(t *testing.T) {
	source := `start: 2018-01-08
step_s: 3600
recordings: [{id: homes, file: x.csv, unit: W, calendar: [{from_week: 1, record_day: 2013-07-01}, {from_week: 27, record_day: 2012-12-31}]}]
communities: [{id: c}]
households: [{id: h, community: c, load: {recording: homes, column: x}}]
`
	from := location{file: "x.yaml", data: fstest.MapFS{"x.csv": {Data: []byte(hourly("2012-12-31", "2014-01-01", ""))}}}
	s, err := loadFrom([]byte(source), from, Options{})
	if err != nil {
		t.Fatal(err)
	}
	shown, err := s.YAML()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"# weeks 1 to 26, Mon 1 January 2018 to Sun 1 July 2018: recorded Mon 1 July 2013 to Sun 29 December 2013\n",
		"# weeks 27 to 52, Mon 2 July 2018 to Sun 30 December 2018: recorded Mon 31 December 2012 to Sun 30 June 2013\n",
	} {
		if !strings.Contains(string(shown), want) {
			t.Errorf("no %q in\n%s", want, shown)
		}
	}
	again, err := loadFrom(shown, from, Options{})
	if err != nil || string(again.Identity()) != string(s.Identity()) {
		t.Errorf("read again: %v\n%s", err, shown)
	}
}

func TestBadWeatherCalendar(t *testing.T) {
	source := `start: 2018-01-01
step_s: 3600
weather:
  file: x.csv
  latitude_deg: 50
  longitude_deg: 10
  columns: {ghi_w_per_m2: x, temperature_c: x}
  WEATHER
  wind:
    file: w.csv
    columns: {COLUMNS}
    WIND
communities: [{id: c}]
households: [{id: h, community: c, appliances: {}}]
`
	for _, row := range []struct{ name, weather, columns, wind, want string }{
		{"a Tuesday", "calendar: [{from_week: 1, record_day: 2013-07-02}]", "wind_m_per_s: x", "", "x.yaml:8: weather.calendar[0]: record_day: 2013-07-02 is a Tuesday, wanted a Monday: scenario weeks begin on one, and weekdays lie on weekdays"},
		{"wind from a Tuesday", "", "wind_m_per_s: x", "calendar: [{from_week: 1, record_day: 2013-07-02}]", "x.yaml:12: weather.wind.calendar[0]: record_day: 2013-07-02 is a Tuesday, wanted a Monday: scenario weeks begin on one, and weekdays lie on weekdays"},
		{"half a density", "", "wind_m_per_s: x, temperature_c: x", "", "x.yaml:10: weather.wind: w.csv: one of temperature_c and pressure_hpa without the other, wanted both for the density of the air, or neither"},
		{"no wind", "", "temperature_c: x, pressure_hpa: x", "", "x.yaml:11: weather.wind.columns: wind_m_per_s is missing, wanted column of the wind speed, 0…75 m/s"},
		{"no such column", "", "wind_m_per_s: y", "", `w.csv:1: no column "y", wanted one of the header such as "x"`},
		{"too little of it", "calendar: [{from_week: 1, record_day: 2013-07-01}]", "wind_m_per_s: x", "calendar: [{from_week: 1, record_day: 2013-08-05}]", "x.yaml:10: weather.wind: w.csv: covers 2013-07-01 00:00 to 2013-08-05 00:00, wanted 2013-08-05 00:00 to 2013-08-06 00:00, which is the run (times in UTC)"},
	} {
		t.Run(row.name, func(t *testing.T) {
			text := strings.NewReplacer("WEATHER", row.weather, "COLUMNS", row.columns, "WIND", row.wind).Replace(source)
			still := regexp.MustCompile(",[0-9]+\n").ReplaceAllString(hourly("2013-07-01", "2013-08-05", ""), ",5\n")
			files := fstest.MapFS{"x.csv": {Data: []byte(still)}, "w.csv": {Data: []byte(still)}}
			err := loadAndBuildFrom([]byte(text), location{file: "x.yaml", data: files})
			if err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("got  %v\nwant %s", err, row.want)
			}
		})
	}
}

func loadAndBuildFrom(source []byte, from location) error {
	s, err := loadFrom(source, from, Options{Set: []string{"zone=UTC"}})
	if err != nil {
		return err
	}
	return Build(s)
}
