package inputs

import (
	"cmp"
	"fmt"
	"io"
	"io/fs"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/smatrix-grid/smatrix/sim/problem"
	"github.com/smatrix-grid/smatrix/twins"
)

// SessionsSpec is one entry of a scenario's sessions: a file of recorded
// charging sessions.
type SessionsSpec struct {
	ID      string
	File    string // relative to the scenario; .gz is unpacked
	Columns struct {
		User, Arrive, Leave, Energy string // of the file; "" for their own names
	}
	Unit   string // Wh | kWh: unit of the energy that the charger delivered
	Format Format // how the file is written
	Zone   string // IANA name of the zone of times without an offset, or "" for the scenario's
	// Guest is the user of sessions whose field of the user is empty, and of a file that has no
	// column user if Columns names no other; "": they are refused.
	Guest string
	// Incomplete says what to do with sessions that lack a departure or an energy, or end
	// when they begin: refuse | leave_out; "" is refuse.
	Incomplete string
	// WeeksFrom is a Monday to which the first Monday of each user is moved;
	// the user's whole weeks are repeated before and after. "": times are used
	// as they are.
	WeeksFrom string
	// MinWeeks excludes users with fewer whole weeks.
	MinWeeks int
}

// Sessions has the recorded sessions of a file.
type Sessions struct {
	ID    string
	Users []string // sorted

	// LeftOut is the number of sessions that Incomplete left out, and FirstLeftOut the line of
	// the first.
	LeftOut, FirstLeftOut int
	Undated               int64 // rows that Format.Undated left out

	Warnings []problem.Warning

	spec   SessionsSpec
	cal    *Calendar
	weeks  int64 // day number of WeeksFrom
	repeat bool
	of     map[string][]session

	thousands thousandsWatch
}

// session is one stay at the charger.
type session struct {
	arrive, leave moment // arrive before leave
	energy        twins.Energy
	line          int
}

// moment is a time of a session. An hour that clocks show twice makes wall times
// that are not in the order of time.
type moment struct {
	at   int64 // Unix second
	wall int64 // on the scenario's clock: seconds since 1970-01-01 00:00
	last int64 // Unix second of the last time that clocks show wall
}

// move moves a session by seconds of wall time. Both its ends are then first
// occurrences of their wall times.
func (o *session) move(by int64, home *time.Location) {
	length := o.leave.wall - o.arrive.wall
	if length <= 0 { // it was the same hour twice
		length = o.leave.at - o.arrive.at
	}
	for _, m := range []*moment{&o.arrive, &o.leave} {
		m.wall += by
	}
	o.leave.wall = o.arrive.wall + length
	for _, m := range []*moment{&o.arrive, &o.leave} {
		m.at, m.last, _ = wallInstants(home, m.wall)
	}
}

// mostCharged is the highest energy of a session: the highest that a vehicle
// may hold.
const mostCharged = twins.GigawattHour

// ReadSessions reads a file of recorded charging sessions. It is CSV as in
// ReadRecording, with columns for the user, the arrival, the departure, and the
// energy that the charger delivered. Rows may be in any order.
//
// It refuses times that cannot be read, a departure that is not after its
// arrival, energy that is negative or more than any vehicle holds, and
// overlapping sessions of a user. An error is a *problem.At.
func ReadSessions(fsys fs.FS, spec SessionsSpec, cal *Calendar) (*Sessions, error) {
	s := &Sessions{ID: spec.ID, spec: spec, cal: cal, of: map[string][]session{}}
	if err := s.findMonday(); err != nil {
		return nil, err
	}
	if err := s.read(fsys); err != nil {
		return nil, err
	}
	for user, all := range s.of {
		slices.SortFunc(all, func(a, b session) int {
			return cmp.Or(cmp.Compare(a.arrive.at, b.arrive.at), cmp.Compare(a.line, b.line))
		})
		if _, weeks := wholeWeeks(all); weeks < int64(spec.MinWeeks) {
			delete(s.of, user)
			continue
		}
		s.Users = append(s.Users, user)
	}
	s.Warnings = append(s.energyDoubt(), s.shortDoubt()...)
	slices.Sort(s.Users)
	for _, user := range s.Users {
		if err := s.check(user); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *Sessions) problem(line int, format string, args ...any) error {
	return &problem.At{File: s.spec.File, Line: line, What: fmt.Sprintf(format, args...)}
}

func (s *Sessions) findMonday() error {
	if s.spec.WeeksFrom == "" {
		return nil
	}
	monday, err := time.Parse(time.DateOnly, s.spec.WeeksFrom)
	if err != nil || monday.Weekday() != time.Monday {
		return s.problem(0, "weeks_from %s is no Monday, wanted one such as 2018-01-01", s.spec.WeeksFrom)
	}
	s.weeks, s.repeat = dayNumber(monday), true
	return nil
}

// Our names of the columns. The arrival has none, because it is the file's time
// column.
const (
	columnUser   = "user"
	columnLeave  = "leave"
	columnEnergy = "energy"
)

func (s *Sessions) read(fsys fs.FS) error {
	c := &s.spec.Columns
	of := RecordingSpec{ID: s.spec.ID, File: s.spec.File, Columns: map[string]string{columnUser: cmp.Or(c.User, columnUser),
		columnLeave: cmp.Or(c.Leave, columnLeave), columnEnergy: cmp.Or(c.Energy, columnEnergy)}, Unit: s.spec.Unit, Format: s.spec.Format}
	if err := s.spec.Format.only("sessions", "clip_below"); err != nil {
		return s.problem(0, "%v", err)
	}
	of.Time.Column, of.Time.Zone = cmp.Or(c.Arrive, "arrive"), s.spec.Zone
	rules, err := newRecordingRules(of, s.cal)
	if err != nil {
		return err
	}
	f, err := openRecorded(fsys, of)
	everyGuest := false
	if err != nil && cmp.Or(c.User, columnUser) == columnUser && s.spec.Guest != "" { // a file without users
		delete(of.Columns, columnUser)
		if guests, without := openRecorded(fsys, of); without == nil {
			f, err, everyGuest = guests, nil, true
		}
	}
	if err != nil {
		return err
	}
	defer f.close()
	at := map[string]int{}
	for _, column := range f.columns {
		at[column.ours] = column.index
	}
	for {
		fields, line, err := f.next()
		if err == io.EOF {
			s.Undated = f.undated.n
			return nil
		}
		if err != nil {
			return err
		}
		row := sessionRow{s, rules, line, fields[f.time], fields[at[columnLeave]], fields[at[columnEnergy]]}
		if row.leftOut() {
			continue
		}
		one, err := row.session()
		if err != nil {
			return err
		}
		user := s.spec.Guest
		if !everyGuest {
			user = cmp.Or(strings.TrimSpace(fields[at[columnUser]]), user)
		}
		if user == "" {
			return s.problem(line, "no user, wanted the name of the vehicle or its driver, or guest: and a name for all without")
		}
		s.watchEnergy(rules, line, row.energy)
		s.of[strings.Clone(user)] = append(s.of[user], one)
	}
}

// sessionRow is a row of the file.
type sessionRow struct {
	*Sessions
	rules                 *recordingRules
	line                  int
	arrive, leave, energy string
}

// leftOut reports whether the session is not complete and left out, and counts it.
func (r *sessionRow) leftOut() bool {
	if r.spec.Incomplete != leaveOut ||
		!r.rules.format.isMissing(r.leave) && !r.rules.format.isMissing(r.energy) && strings.TrimSpace(r.leave) != strings.TrimSpace(r.arrive) {
		return false
	}
	if r.LeftOut++; r.LeftOut == 1 {
		r.FirstLeftOut = r.line
	}
	return true
}

func (r *sessionRow) session() (one session, err error) {
	one.line = r.line
	if one.arrive, err = r.clock(r.arrive, math.MinInt64); err != nil {
		return one, err
	}
	if one.leave, err = r.clock(r.leave, one.arrive.at); err != nil {
		return one, err
	}
	if one.leave.at <= one.arrive.at {
		return one, r.problem(r.line, "leaves at %s and arrives at %s, wanted a departure after its arrival", strings.TrimSpace(r.leave), strings.TrimSpace(r.arrive))
	}
	one.energy, err = r.charged(one.arrive.at)
	return one, err
}

// clock reads a date and a time of day. In an hour that clocks show twice it is
// the first occurrence, unless that is not later than after, a Unix second.
func (r *sessionRow) clock(text string, after int64) (m moment, err error) {
	stamp, ok := r.rules.stamp(strings.TrimSpace(text))
	if !ok || !stamp.hasDay || stamp.dateOnly {
		return m, r.clockProblem(text)
	}
	wall := stamp.day*SecondsPerDay + stamp.second
	m.at, m.last = wall-stamp.offset, wall-stamp.offset
	if !stamp.hasOffset {
		var exists bool
		if m.at, m.last, exists = r.rules.wall.instants(wall); !exists {
			return m, r.rules.skippedProblem(strings.TrimSpace(text), r.line)
		}
	}
	if m.at <= after {
		m.at = m.last
	}
	_, offset := time.Unix(m.at, 0).In(r.cal.Start.Location()).Zone()
	m.wall = m.at + int64(offset)
	return m, nil
}

func (r *sessionRow) clockProblem(text string) error {
	if r.rules.format.Date != "" {
		return r.rules.stampProblem(text, r.line)
	}
	return r.problem(r.line, "time %q cannot be read, wanted one like 2024-01-31 16:45 or 2024-01-31T16:45:00+01:00", text)
}

func (r *sessionRow) charged(at int64) (twins.Energy, error) {
	e, missing, err := r.rules.number(recordedField{line: r.line, at: at, column: columnEnergy, text: r.energy}, r.rules.unit.scale)
	switch {
	case err != nil || missing:
		return 0, r.problem(r.line, "energy %q is not a number, wanted %s", r.energy, r.rules.unit.name)
	case e < 0:
		return 0, r.problem(r.line, "energy %q is negative, wanted %s of 0 or more", r.energy, r.rules.unit.name)
	case e > int64(mostCharged):
		return 0, r.problem(r.line, "energy %q %s is more than any vehicle holds, wanted at most %v kWh", r.energy, r.rules.unit.name, mostCharged.WattHours()/1000)
	}
	return twins.Energy(e), nil
}

// Bounds returns the first arrival, the last departure and the number of all sessions.
func (s *Sessions) Bounds() (from, to time.Time, n int) {
	for _, user := range s.Users {
		all := s.of[user]
		n += len(all)
		for _, one := range all {
			if at := time.Unix(one.arrive.at, 0); from.IsZero() || at.Before(from) {
				from = at
			}
			if at := time.Unix(one.leave.at, 0); at.After(to) {
				to = at
			}
		}
	}
	return from, to, n
}

// check refuses sessions of a user that overlap, and a user without a whole
// week if weeks are repeated.
func (s *Sessions) check(user string) error {
	all := s.of[user]
	for i := 1; i < len(all); i++ {
		a, b := &all[i-1], &all[i]
		if b.arrive.at < a.leave.at && a.leave.at <= b.arrive.last && b.arrive.last < b.leave.last { // the hour that clocks show twice
			b.arrive.at = b.arrive.last
			if b.leave.at <= b.arrive.at {
				b.leave.at = b.leave.last
			}
		}
		switch {
		case a.arrive == b.arrive && a.leave == b.leave:
			return s.problem(max(a.line, b.line), "user %q: the session from %s appears twice, wanted it once: first in line %d", user, wallText(b.arrive.wall), min(a.line, b.line))
		case b.arrive.at < a.leave.at:
			return s.problem(b.line, "user %q: arrives at %s before having left at %s (line %d), wanted one session after the other", user, wallText(b.arrive.wall), wallText(a.leave.wall), a.line)
		}
	}
	if s.repeat {
		if _, weeks := wholeWeeks(all); weeks < 1 {
			return s.problem(all[0].line, "user %q: no whole week from a Monday on, wanted one at least to be repeated", user)
		}
	}
	return nil
}

func wallText(wall int64) string { return timeText(time.Unix(wall, 0).UTC()) }

// wholeWeeks returns the first Monday of a user's sessions as a day number, and
// the number of whole weeks from there to the day of the last departure.
func wholeWeeks(all []session) (monday, weeks int64) {
	first, last := quoFloor(all[0].arrive.wall, SecondsPerDay), quoFloor(all[len(all)-1].leave.wall, SecondsPerDay)
	const epochMonday = 4 // 1970-01-05
	weekday := first - epochMonday - 7*quoFloor(first-epochMonday, 7)
	monday = first + (7-weekday)%7
	return monday, max(0, (last-monday)/7)
}

// around is how far before and after the run sessions are searched, in s. A
// user without a session for so long counts as new.
const around = 28 * SecondsPerDay

// Of returns a user's sessions in steps of the run, moved by whole weeks: those
// during the run, and one before and one after it. At least one step lies
// between two sessions. If a session begins in the step in which another ends,
// the earlier one is shortened; if it is too short for that, the later one
// begins later; if that is too short as well, they become one.
func (s *Sessions) Of(user string, shiftWeeks int) ([]twins.Session, error) {
	all := s.of[user]
	if all == nil {
		return nil, fmt.Errorf("sessions %s have no user %q, %s", s.ID, user, problem.Wanted(user, s.Users))
	}
	var steps []twins.Session
	start, end := s.span()
	s.eachAround(all, int64(7*shiftWeeks*SecondsPerDay), func(one session) {
		if one.leave.wall < start-around || one.arrive.wall > end+around {
			return
		}
		from := s.tick(one.arrive)
		steps = addSession(steps, twins.Session{From: from, Until: max(s.tick(one.leave), from+1),
			Energy: one.energy, File: s.spec.File, Line: one.line})
	})
	from := 0
	for from+1 < len(steps) && steps[from+1].Until <= 0 {
		from++
	}
	to := from
	for to < len(steps) && steps[to].From < s.cal.Steps {
		to++
	}
	return steps[from:min(to+1, len(steps))], nil
}

// span returns the range of the run's local days, in wall time of the scenario.
func (s *Sessions) span() (start, end int64) {
	start = s.cal.firstDay() * SecondsPerDay
	return start, start + int64(s.cal.Days())*SecondsPerDay
}

// eachAround calls f with the sessions around the run in order, in wall time of
// the scenario.
func (s *Sessions) eachAround(all []session, shift int64, f func(session)) {
	home := s.cal.Start.Location()
	if !s.repeat {
		for _, one := range all {
			if shift != 0 {
				one.move(shift, home)
			}
			f(one)
		}
		return
	}
	monday, weeks := wholeWeeks(all)
	round := weeks * 7 * SecondsPerDay
	from, _ := slices.BinarySearchFunc(all, monday*SecondsPerDay, func(o session, t int64) int { return cmp.Compare(o.arrive.wall, t) })
	to, _ := slices.BinarySearchFunc(all, monday*SecondsPerDay+round, func(o session, t int64) int { return cmp.Compare(o.arrive.wall, t) })
	if all = all[from:to]; len(all) == 0 {
		return
	}
	if n := len(all); all[n-1].leave.wall >= all[0].arrive.wall+round { // the last session reaches into the next round
		all = all[:n-1]
	}
	shift += (s.weeks - monday) * SecondsPerDay
	start, end := s.span()
	shift += round * (quoFloor(start-shift-monday*SecondsPerDay, round) - 1) // begin one round before the run
	for ; monday*SecondsPerDay+shift < end+round; shift += round {
		for _, one := range all {
			one.move(shift, home)
			f(one)
		}
	}
}

// tick returns the step in which a moment lies.
func (s *Sessions) tick(m moment) twins.Tick {
	return twins.Tick(quoFloor(m.at-s.cal.Start.Unix(), int64(s.cal.Step)))
}

// addSession appends a session to sessions in order, with at least one step
// between any two.
func addSession(all []twins.Session, one twins.Session) []twins.Session {
	if len(all) == 0 || one.From > all[len(all)-1].Until {
		return append(all, one)
	}
	last := &all[len(all)-1]
	switch {
	case one.From-1 > last.From:
		last.Until = one.From - 1
	case one.Until > last.Until+1:
		one.From = last.Until + 1
	default:
		last.Until = max(last.Until, one.Until)
		last.Energy += one.Energy
		return all
	}
	return append(all, one)
}
