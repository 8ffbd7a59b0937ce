package inputs

import (
	"fmt"
	"math"
	"time"
	_ "time/tzdata" // machines without a zone database, such as Windows and bare containers, need the embedded one

	"github.com/smatrix-grid/smatrix/sim/problem"
	"github.com/smatrix-grid/smatrix/twins"
)

// Calendar maps the steps of a run to local time. A local day is a calendar
// date in Start's zone: it has 23 or 25 hours where the clocks change. Days are
// numbered by date; the date of Start is day 0.
//
// Fill caches the local day of its last step, so a Calendar must be used by one
// goroutine at a time. The other methods only read.
type Calendar struct {
	Start time.Time // of step 0, in the run's zone, to the second
	Step  twins.Seconds
	Steps twins.Tick // length of the run, 0 if open

	last dayPart
}

// dayPart is a part of one local day with a constant offset from UTC: the whole
// day, or its part before or after a clock change. Within it, the second of the
// day is the Unix time minus midnight.
type dayPart struct {
	from, to  int64 // Unix seconds, from ≤ now < to; both 0 in a new Calendar
	midnight  int64 // Unix second at which this clock would show 00:00:00
	day       int32
	yearDay   int16
	weekday   int8
	dayLength twins.Seconds
}

// SecondsPerDay is the length of a day without a clock change.
const SecondsPerDay = 86_400

// NewCalendar returns the calendar of a run that begins at start, in start's
// zone, with the given number of steps (0: its length is open), each of step >
// 0 seconds. Fractions of a second in start are dropped.
func NewCalendar(start time.Time, step twins.Seconds, steps twins.Tick) *Calendar {
	whole := time.Unix(start.Unix(), 0).In(start.Location())
	return &Calendar{Start: whole, Step: step, Steps: steps}
}

// Time returns the start of step t, in the run's zone. t may be any step; steps
// before the run are negative.
func (c *Calendar) Time(t twins.Tick) time.Time {
	return time.Unix(c.Unix(t), 0).In(c.Start.Location())
}

// At returns the step in which the wall clock of a local day reaches a second
// of that day. Day 0 is the first day of the run; days and steps before the run
// are negative. A second below 0 or above 86,399 is counted from the day's
// 00:00 as well, and falls on a neighbouring date. A wall time that the clocks
// skip means the first moment after the skip; a wall time that they show twice
// means its first occurrence.
func (c *Calendar) At(day, secondOfDay int) twins.Tick {
	wall := (c.firstDay()+int64(day))*SecondsPerDay + int64(secondOfDay)
	at, _, _ := wallInstants(c.Start.Location(), wall)
	return twins.Tick(quoFloor(at-c.Start.Unix(), int64(c.Step)))
}

// AtOrAfter is At for a change that must not take effect early: the first step that begins
// at the wall time or after it.
func (c *Calendar) AtOrAfter(day, secondOfDay int) twins.Tick {
	wall := (c.firstDay()+int64(day))*SecondsPerDay + int64(secondOfDay)
	at, _, _ := wallInstants(c.Start.Location(), wall)
	return twins.Tick(-quoFloor(c.Start.Unix()-at, int64(c.Step)))
}

// Days returns the number of local calendar days in which the run has steps, 0
// if its length is open.
func (c *Calendar) Days() int {
	if c.Steps <= 0 {
		return 0
	}
	last := dayNumber(time.Unix(c.Unix(c.Steps)-1, 0).In(c.Start.Location()))
	return int(last-c.firstDay()) + 1
}

// StepsOfDays returns the number of steps from Start to the end of the n-th
// local calendar day. The first day may be partial. A day ends at the next
// local midnight: in Europe it has 92, 96 or 100 quarter hours. StepsOfDays
// returns a *problem.Usage if n is negative or if that midnight falls within a
// step.
func (c *Calendar) StepsOfDays(n int) (twins.Tick, error) {
	if n < 0 {
		return 0, &problem.Usage{What: fmt.Sprintf("%d days, wanted 0 or more", n)}
	}
	if n == 0 {
		return 0, nil
	}
	length := c.midnight(c.firstDay()+int64(n)) - c.Start.Unix()
	if length%int64(c.Step) != 0 {
		return 0, &problem.Usage{What: fmt.Sprintf("local midnight %s is not a whole number of steps after %s, wanted steps of %s to end there",
			timeText(c.Start.Add(time.Duration(length)*time.Second)), timeText(c.Start), spanText(int64(c.Step)))}
	}
	return twins.Tick(length / int64(c.Step)), nil
}

// Fill writes the time of step t into env: Tick, Step, and the local wall clock
// at the start of the step. It allocates nothing, and queries the zone database
// only if t is outside the local day of the previous call.
func (c *Calendar) Fill(t twins.Tick, env *twins.Env) {
	now := c.Unix(t)
	if now < c.last.from || now >= c.last.to {
		c.last = c.dayPartAt(now)
	}
	p := &c.last
	env.Tick, env.Step = t, c.Step
	env.Day, env.SecondOfDay = p.day, int32(now-p.midnight)
	env.Weekday, env.YearDay, env.DayLength = p.weekday, p.yearDay, p.dayLength
}

// Unix returns the Unix second at which step t starts.
func (c *Calendar) Unix(t twins.Tick) int64 { return c.Start.Unix() + int64(t)*int64(c.Step) }

// DayOf returns the number of the local day with the date that t has in its own
// zone.
func (c *Calendar) DayOf(t time.Time) int { return int(dayNumber(t) - c.firstDay()) }

// StartText returns Start as text for a message.
func (c *Calendar) StartText() string { return timeText(c.Start) }

func (c *Calendar) firstDay() int64 { return dayNumber(c.Start) }

// midnight returns the Unix second at which a local day begins.
func (c *Calendar) midnight(day int64) int64 {
	at, _, _ := wallInstants(c.Start.Location(), day*SecondsPerDay)
	return at
}

// FirstMoment returns the first moment of a date in a zone: 00:00, or the moment after a
// clock change that skips it. exists is false if the zone skips the whole date.
func FirstMoment(date time.Time, zone *time.Location) (t time.Time, exists bool) {
	day := dayNumber(date)
	at, _, _ := wallInstants(zone, day*SecondsPerDay)
	t = time.Unix(at, 0).In(zone)
	return t, dayNumber(t) == day
}

// DayStart returns the Unix second at which the local day of a Unix second
// begins.
func (c *Calendar) DayStart(unix int64) int64 {
	return c.midnight(dayNumber(time.Unix(unix, 0).In(c.Start.Location())))
}

func (c *Calendar) dayPartAt(now int64) dayPart {
	t := time.Unix(now, 0).In(c.Start.Location())
	offset, zoneFrom, zoneTo := zoneOf(t)
	day := dayNumber(t)
	midnight := day*SecondsPerDay - offset
	return dayPart{
		from: max(zoneFrom, midnight), to: min(zoneTo, midnight+SecondsPerDay), midnight: midnight,
		day: int32(day - c.firstDay()), yearDay: int16(t.YearDay()), weekday: int8(t.Weekday()),
		dayLength: twins.Seconds(c.midnight(day+1) - c.midnight(day)),
	}
}

// dayNumber returns the number of t's date in its own zone; 1970-01-01 is 0.
func dayNumber(t time.Time) int64 {
	_, offset := t.Zone()
	return quoFloor(t.Unix()+int64(offset), SecondsPerDay)
}

// zoneOf returns t's offset from UTC in seconds and the Unix seconds between
// which that offset holds, from ≤ t < to.
func zoneOf(t time.Time) (offset, from, to int64) {
	_, o := t.Zone()
	from, to = math.MinInt64, math.MaxInt64
	start, end := t.ZoneBounds()
	if !start.IsZero() {
		from = start.Unix()
	}
	if !end.IsZero() {
		to = end.Unix()
	}
	if now := t.Unix(); to <= now { // from 2040 on, after its tables end, package time counts leap years as 365 days
		to = (quoFloor(now, SecondsPerDay) + 1) * SecondsPerDay
	}
	return int64(o), from, to
}

// wallInstants returns the first and the last Unix second at which clocks in
// loc show a wall time, given in seconds since 1970-01-01 00:00 on that clock.
// The two differ if the clocks show the wall time twice. If the clocks skip it,
// exists is false and both are the moment of the clock change. time.Date does
// not specify which moment it chooses in either case.
func wallInstants(loc *time.Location, wall int64) (first, last int64, exists bool) {
	skip, skipped := int64(0), false
	// Every offset is shorter than a day, so a clock shows this wall time within a day of wall.
	for t := time.Unix(wall-SecondsPerDay, 0).In(loc); ; {
		offset, from, to := zoneOf(t)
		at := wall - offset
		switch {
		case at < from && !skipped:
			skip, skipped = from, true
		case from <= at && at < to:
			if last = at; !exists {
				first, exists = at, true
			}
		}
		if to > wall+SecondsPerDay {
			break
		}
		t = time.Unix(to, 0).In(loc)
	}
	if !exists {
		return skip, skip, false
	}
	return first, last, true
}

// quoFloor returns a/b rounded down, for b > 0.
func quoFloor(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// timeText formats a wall time for a message. Seconds are left out if they are
// 0.
func timeText(t time.Time) string {
	if t.Second() != 0 {
		return t.Format(time.DateTime)
	}
	return t.Format("2006-01-02 15:04")
}

// spanText formats a number of seconds for a message, in the largest unit that
// divides it.
func spanText(seconds int64) string {
	switch {
	case seconds%3600 == 0:
		return fmt.Sprintf("%d h", seconds/3600)
	case seconds%60 == 0:
		return fmt.Sprintf("%d min", seconds/60)
	}
	return fmt.Sprintf("%d s", seconds)
}
