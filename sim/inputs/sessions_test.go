package inputs

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/smatrix-grid/smatrix/sim/problem"
	"github.com/smatrix-grid/smatrix/twins"
	"testing/fstest"
)

// sessionsOf reads a file of sessions for cal; nil: a week of hours from Monday
// 8 January 2018.
func sessionsOf(t testing.TB, spec SessionsSpec, cal *Calendar, rows ...string) (*Sessions, error) {
	t.Helper()
	if cal == nil {
		cal = calendarFrom(t, "Europe/Berlin", "2018-01-08 00:00", 3600, 168)
	}
	spec.ID, spec.File = "s", "s.csv"
	if spec.Unit == "" {
		spec.Unit = "kWh"
	}
	text := strings.Join(append([]string{"user,arrive,leave,energy"}, rows...), "\n")
	return ReadSessions(fstest.MapFS{"s.csv": {Data: []byte(text)}}, spec, cal)
}

func TestBadSessions(t *testing.T) {
	weeks := SessionsSpec{WeeksFrom: "2018-01-01"}
	for _, row := range []struct {
		name string
		spec SessionsSpec
		rows []string
		want string
	}{
		{"departure before its arrival", SessionsSpec{}, []string{"a,2018-01-08 18:00,2018-01-08 17:00,5"},
			"s.csv:2: leaves at 2018-01-08 17:00 and arrives at 2018-01-08 18:00, wanted a departure after its arrival"},
		{"departure at its arrival", SessionsSpec{}, []string{"a,2018-01-08 18:00,2018-01-08 18:00,5"},
			"s.csv:2: leaves at 2018-01-08 18:00 and arrives at 2018-01-08 18:00, wanted a departure after its arrival"},
		{"no departure", SessionsSpec{}, []string{"a,2018-01-08 18:00,,5"},
			`s.csv:2: time "" cannot be read, wanted one like 2024-01-31 16:45 or 2024-01-31T16:45:00+01:00`},
		{"a time of day alone", SessionsSpec{}, []string{"a,18:00,19:00,5"},
			`s.csv:2: time "18:00" cannot be read, wanted one like 2024-01-31 16:45 or 2024-01-31T16:45:00+01:00`},
		{"no such date", SessionsSpec{}, []string{"a,2018-02-30 18:00,2018-03-01 18:00,5"},
			`s.csv:2: time "2018-02-30 18:00" cannot be read, wanted one like 2024-01-31 16:45 or 2024-01-31T16:45:00+01:00`},
		{"negative energy", SessionsSpec{}, []string{"a,2018-01-08 18:00,2018-01-08 19:00,5", "a,2018-01-09 18:00,2018-01-09 19:00,-5"},
			`s.csv:3: energy "-5" is negative, wanted kWh of 0 or more`},
		{"no energy", SessionsSpec{}, []string{"a,2018-01-08 18:00,2018-01-08 19:00,"}, `s.csv:2: energy "" is not a number, wanted kWh`},
		{"too much energy", SessionsSpec{}, []string{"a,2018-01-08 18:00,2018-01-08 19:00,1e7"},
			`s.csv:2: energy "1e7" kWh is more than any vehicle holds, wanted at most 1e+06 kWh`},
		{"infinite energy", SessionsSpec{}, []string{"a,2018-01-08 18:00,2018-01-08 19:00,inf"}, `s.csv:2: energy "inf" is not a number, wanted kWh`},
		{"a session twice", SessionsSpec{}, []string{"a,2018-01-08 18:00,2018-01-08 19:00,5", "a,2018-01-08 18:00,2018-01-08 19:00,5"},
			`s.csv:3: user "a": the session from 2018-01-08 18:00 appears twice, wanted it once: first in line 2`},
		{"overlapping, in any order", SessionsSpec{}, []string{"a,2018-01-08 18:30,2018-01-08 20:00,5", "b,2018-01-08 18:00,2018-01-08 19:00,5", "a,2018-01-08 18:00,2018-01-08 19:00,5"},
			`s.csv:2: user "a": arrives at 2018-01-08 18:30 before having left at 2018-01-08 19:00 (line 4), wanted one session after the other`},
		{"no user", SessionsSpec{}, []string{",2018-01-08 18:00,2018-01-08 19:00,5"}, "s.csv:2: no user, wanted the name of the vehicle or its driver, or guest: and a name for all without"},
		{"guests at one time", SessionsSpec{Guest: "guest"}, []string{",2018-01-08 18:00,2018-01-08 19:00,5", ",2018-01-08 18:30,2018-01-08 19:30,5"},
			`s.csv:3: user "guest": arrives at 2018-01-08 18:30 before having left at 2018-01-08 19:00 (line 2), wanted one session after the other`},
		{"a departure before its arrival is complete", SessionsSpec{Incomplete: "leave_out"}, []string{"a,2018-01-08 18:00,2018-01-08 17:00,5"},
			"s.csv:2: leaves at 2018-01-08 17:00 and arrives at 2018-01-08 18:00, wanted a departure after its arrival"},
		{"too few fields", SessionsSpec{}, []string{"a,2018-01-08 18:00,2018-01-08 19:00"}, "s.csv:2: 3 fields, wanted 4 as in the header"},
		{"no column", SessionsSpec{Columns: struct{ User, Arrive, Leave, Energy string }{User: "usr"}}, []string{"a,2018-01-08 18:00,2018-01-08 19:00,5"},
			`s.csv:1: no column "usr", wanted one of the header such as "user"`},
		{"no whole week", weeks, []string{"a,2018-01-10 18:00,2018-01-10 19:00,5", "a,2018-01-18 18:00,2018-01-18 19:00,5"},
			`s.csv:2: user "a": no whole week from a Monday on, wanted one at least to be repeated`},
		{"not from a Monday", SessionsSpec{WeeksFrom: "2018-01-02"}, nil, "s.csv: weeks_from 2018-01-02 is no Monday, wanted one such as 2018-01-01"},
		{"no such zone", SessionsSpec{Zone: "Mars/Olympus"}, nil, `s.csv: time zone "Mars/Olympus" is unknown, wanted a name such as Europe/Berlin`},
	} {
		_, err := sessionsOf(t, row.spec, nil, row.rows...)
		var p *problem.At
		if !errors.As(err, &p) || err.Error() != row.want {
			t.Errorf("%s: got  %v\nwant %s", row.name, err, row.want)
		}
	}
}

// Sessions without a user have the one of guests, and those that are not complete are left
// out and counted.
func TestSessionsThatLackSomething(t *testing.T) {
	s, err := sessionsOf(t, SessionsSpec{Guest: "guest", Incomplete: "leave_out"}, nil,
		"a,2018-01-08 18:00,2018-01-08 19:00,5", ",2018-01-08 10:00,2018-01-08 11:00,3",
		"a,2018-01-09 18:00,,5", "a,2018-01-09 18:00,2018-01-09 19:00,", "a,2018-01-09 18:00,2018-01-09 18:00,0")
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(s.Users, s.LeftOut, s.FirstLeftOut, len(s.of["a"]), len(s.of["guest"])); got != "[a guest] 3 4 1 1" {
		t.Errorf("got %s", got)
	}
}

// inSteps returns a user's sessions as text, from-until:Wh.
func inSteps(t testing.TB, s *Sessions, user string, shift int) string {
	t.Helper()
	all, err := s.Of(user, shift)
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	for _, one := range all {
		words = append(words, fmt.Sprintf("%d-%d:%d", one.From, one.Until, one.Energy/twins.WattHour))
	}
	return strings.Join(words, " ")
}

func TestSessionsAsRecorded(t *testing.T) {
	for _, row := range []struct {
		name string
		rows []string
		want string
	}{
		{"in the run", []string{"a,2018-01-08 18:00,2018-01-09 07:00,5.5"}, "18-31:5500"},
		{"within steps", []string{"a,2018-01-08 18:59,2018-01-09 07:01,5"}, "18-31:5000"},
		{"within one step", []string{"a,2018-01-08 18:10,2018-01-08 18:20,1"}, "18-19:1000"},
		{"with an offset", []string{"a,2018-01-08T18:00:00Z,2018-01-08T20:00:00Z,1"}, "19-21:1000"},
		{"the last before the run, those in it, the first after", []string{"a,2018-01-05 18:00,2018-01-06 07:00,1", "a,2018-01-06 18:00,2018-01-07 07:00,2", "a,2018-01-07 18:00,2018-01-08 07:00,3",
			"a,2018-01-15 18:00,2018-01-15 20:00,4", "a,2018-01-16 18:00,2018-01-16 20:00,5"}, "-30--17:2000 -6-7:3000 186-188:4000"},
		{"one step apart", []string{"a,2018-01-08 18:00,2018-01-08 20:00,1", "a,2018-01-08 21:00,2018-01-08 22:00,2"}, "18-20:1000 21-22:2000"},
		{"the first is shortened", []string{"a,2018-01-08 18:00,2018-01-08 20:10,1", "a,2018-01-08 20:30,2018-01-08 22:00,2"}, "18-19:1000 20-22:2000"},
		{"the second begins later", []string{"a,2018-01-08 18:00,2018-01-08 18:10,1", "a,2018-01-08 18:30,2018-01-08 22:00,2"}, "18-19:1000 20-22:2000"},
		{"two become one", []string{"a,2018-01-08 18:00,2018-01-08 18:10,1", "a,2018-01-08 18:30,2018-01-08 18:40,2"}, "18-19:3000"},
		{"a session long before the run", []string{"a,2017-11-08 18:00,2017-11-08 18:10,1", "a,2018-01-08 18:00,2018-01-08 19:00,2"}, "18-19:2000"},
	} {
		s, err := sessionsOf(t, SessionsSpec{}, nil, row.rows...)
		if err != nil {
			t.Fatal(err)
		}
		if got := inSteps(t, s, "a", 0); got != row.want {
			t.Errorf("%s: got %s, want %s", row.name, got, row.want)
		}
	}
}

// The whole weeks of a user, from the first Monday on, are repeated before and
// after a Monday of the scenario.
func TestSessionsRepeatWeeks(t *testing.T) {
	rows := []string{ // first Monday 2019-03-04, two whole weeks
		"a,2019-03-01 10:00,2019-03-01 11:00,9", // Friday before the first Monday: left out
		"a,2019-03-05 10:00,2019-03-05 11:00,1", // Tuesday of week 1
		"a,2019-03-13 20:00,2019-03-14 07:00,2", // Wednesday of week 2
		"a,2019-03-19 10:00,2019-03-19 11:00,9", // Tuesday after the last whole week: left out
	}
	const tuesday, wednesday = "34-35:1000", "68-79:2000"
	for _, row := range []struct {
		name, start, from string
		shift             int
		want              string // within the run
	}{
		{"week 1", "2018-01-01 00:00", "2018-01-01", 0, tuesday},
		{"week 2", "2018-01-08 00:00", "2018-01-01", 0, wednesday},
		{"week 3 is week 1", "2018-01-15 00:00", "2018-01-01", 0, tuesday},
		{"the week before is week 2", "2017-12-25 00:00", "2018-01-01", 0, wednesday},
		{"years later", "2020-01-06 00:00", "2018-01-01", 0, wednesday},
		{"years before", "2015-01-05 00:00", "2018-01-01", 0, tuesday},
		{"moved by a week", "2018-01-08 00:00", "2018-01-01", 1, tuesday},
		{"moved by two", "2018-01-08 00:00", "2018-01-01", 2, wednesday},
		{"moved back", "2018-01-08 00:00", "2018-01-01", -1, tuesday},
		{"from another Monday", "2018-01-08 00:00", "2018-01-08", 0, tuesday},
		{"in summer time", "2018-07-02 00:00", "2018-01-01", 0, tuesday},
	} {
		cal := calendarFrom(t, "Europe/Berlin", row.start, 3600, 168)
		s, err := sessionsOf(t, SessionsSpec{WeeksFrom: row.from}, cal, rows...)
		if err != nil {
			t.Fatal(err)
		}
		words := strings.Fields(inSteps(t, s, "a", row.shift))
		if len(words) != 3 || words[1] != row.want {
			t.Errorf("%s: got %s, want %s in the middle", row.name, words, row.want)
		}
	}
}

// A session over the end of the last week is left out if it overlaps the first
// session of the next round.
func TestSessionsAtTheSeam(t *testing.T) {
	sunday := "a,2019-03-10 20:00,2019-03-11 07:00,2" // to Monday
	for first, want := range map[string]string{
		"a,2019-03-04 06:00,2019-03-04 08:00,1": "-162--160:1000 6-8:1000 174-176:1000",
		"a,2019-03-04 09:00,2019-03-04 10:00,1": "-159--158:1000 -4-7:2000 9-10:1000 164-175:2000 177-178:1000",
	} {
		s, err := sessionsOf(t, SessionsSpec{WeeksFrom: "2018-01-01"}, nil, first, sunday)
		if err != nil {
			t.Fatal(err)
		}
		if got := inSteps(t, s, "a", 0); got != want {
			t.Errorf("%s: got %s, want %s", first, got, want)
		}
	}
}
