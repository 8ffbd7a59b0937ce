package importer

import (
	"slices"
	"strings"

	"github.com/smatrix-grid/smatrix/sim/inputs"
)

// Charging sessions of any wallbox: a row has two times, and the next one begins some time after the first
// has ended. Rows of intervals follow on each other.

// usersNamed are words in the name of the column that says whose vehicle it was.
var usersNamed = []string{"user", "nutzer", "benutzer", "vehicle", "fahrzeug", "car", "auto", "card", "karte", "ladekarte", "rfid", "tag", "token", "driver", "fahrer", "name", "kennzeichen"}

// guessSessions takes a file for one of charging sessions, if its rows are, and says so.
func (s *source) guessSessions() bool {
	arrive, leave := -1, -1
	var from, to []int64
	for i := range s.header {
		at, ok := s.moments(i)
		switch {
		case !ok:
		case arrive < 0:
			arrive, from = i, at
		case leave < 0:
			leave, to = i, at
		}
	}
	energy := slices.IndexFunc(s.header, func(name string) bool { return strings.HasSuffix(unitOf(name), "h") && notPower(name) == "" })
	if leave < 0 || energy < 0 || !areSessions(from, to) {
		return false
	}
	f := form{title: "charging sessions, a CSV with a header", kind: sessions, arrive: s.header[arrive], leave: s.header[leave], energy: s.header[energy], unit: unitOf(s.header[energy])}
	if user := slices.IndexFunc(s.header, func(name string) bool { return hasWord(plainName(name), usersNamed...) }); user >= 0 && user != arrive && user != leave && user != energy {
		f.user = s.header[user]
	}
	f.zone = zoneNamed(f.arrive)
	s.form = f
	s.doubt("charging sessions from %q to %q with %q: rows have two times, and do not follow on each other", f.arrive, f.leave, f.energy)
	return true
}

// moments returns the times of column i in the first rows, in seconds on their clock; rows without one, such as
// totals, have none in any column. ok: all have a date and a time of day.
func (s *source) moments(i int) (at []int64, ok bool) {
	for _, date := range dateForms {
		at = nil
		complete := true
		for _, row := range s.rows {
			if first := strings.TrimSpace(row[i]); first == "" || first[0] < '0' || first[0] > '9' {
				continue
			}
			v, is := inputs.Format{Date: date}.Moment(row[i])
			if complete = complete && is; is {
				at = append(at, v)
			}
		}
		if complete && len(at) >= 3 && !(strings.HasPrefix(date, "unix") && at[0] < 1e9) {
			return at, true
		}
	}
	return nil, false
}

// areSessions reports whether most spans last some time and have pauses between them, and none ends before it begins.
func areSessions(from, to []int64) bool {
	const pause = 120 // s
	if len(from) != len(to) {
		return false
	}
	pauses, last := 0, 0
	for i := range from {
		switch {
		case to[i] < from[i]:
			return false
		case to[i] > from[i]:
			last++
		}
		if i == 0 {
			continue
		}
		first, second := i-1, i
		if from[first] > from[second] { // the newest is first
			first, second = second, first
		}
		if apart := from[second] - to[first]; apart > pause || apart < -pause {
			pauses++
		}
	}
	return 4*pauses >= 3*(len(from)-1) && 4*last >= 3*len(from)
}
