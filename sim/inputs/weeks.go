package inputs

import (
	"fmt"
	"time"

	"github.com/smatrix-grid/smatrix/twins"
)

// CalendarPart is one entry of a recording's calendar: from a week of the
// scenario year on, the run has what was recorded from a day on, week by week,
// until the next entry's week.
//
// The scenario year has 52 weeks. Week 1 begins on the Monday on or before
// 1 January of the year in which the run starts; after week 52 comes week 1
// again, so that a longer run repeats the year. All days are Mondays: weekdays
// lie on weekdays. A southern record whose July is laid on January brings its
// seasons into step as well:
//
//	calendar:
//	  - {from_week: 1, record_day: 2013-07-01}
//	  - {from_week: 27, record_day: 2012-12-31}
//
// Under a calendar the record's wall clock lies on the run's wall clock: an
// offset in a stamp and the recording's zone are passed over, and what was
// recorded at 18:00 is there at 18:00. Where the run's clocks are set forward,
// the hour that they skip is left out of the record; where they are set back, the
// hour comes twice. A record whose own clock is set back is refused, since a
// stamp comes twice; one whose clock is set forward has a gap there.
//
// A copy of a column moved by m weeks has in week w what the column has in week
// w + m, counted round the scenario year. So moved copies need no more of the
// record than the year itself, and keep their season but for m weeks.
type CalendarPart struct {
	FromWeek  int    `json:"from_week"`  // 1 … 52, ascending, the first is 1
	RecordDay string `json:"record_day"` // a Monday: 2013-07-01
}

const (
	weeksOfYear = 52
	daysOfWeek  = 7
)

// weekMap says for each week of the scenario year on which day its Monday was
// recorded.
type weekMap [weeksOfYear]int64

// CalendarError says which part of a calendar is wrong.
type CalendarError struct {
	Part int    // from 0
	Key  string // from_week | record_day
	What string
}

// CheckCalendar says what is wrong with a calendar, nil if nothing is.
func CheckCalendar(parts []CalendarPart) *CalendarError {
	_, wrong := newWeekMap(parts)
	return wrong
}

// CalendarLines says which days of a record lie where by a calendar that has passed
// CheckCalendar, in the scenario year of a run that starts at start: a line for each
// stretch of weeks.
func CalendarLines(parts []CalendarPart, start time.Time) []string {
	m, wrong := newWeekMap(parts)
	if wrong != nil {
		return nil
	}
	return m.lines(start)
}

func newWeekMap(parts []CalendarPart) (*weekMap, *CalendarError) {
	var m weekMap
	for i, p := range parts {
		day, err := time.Parse(time.DateOnly, p.RecordDay)
		switch {
		case i == 0 && p.FromWeek != 1:
			return nil, &CalendarError{i, "from_week", fmt.Sprintf("from_week %d is the first, wanted 1: every week needs a record", p.FromWeek)}
		case i > 0 && p.FromWeek <= parts[i-1].FromWeek || p.FromWeek > weeksOfYear:
			return nil, &CalendarError{i, "from_week", fmt.Sprintf("from_week %d after %d, wanted ascending weeks up to %d", p.FromWeek, parts[max(i-1, 0)].FromWeek, weeksOfYear)}
		case err != nil:
			return nil, &CalendarError{i, "record_day", fmt.Sprintf("record_day: %q is no date, wanted one like 2013-07-01", p.RecordDay)}
		case day.Weekday() != time.Monday:
			return nil, &CalendarError{i, "record_day", fmt.Sprintf("record_day: %s is a %s, wanted a Monday: scenario weeks begin on one, and weekdays lie on weekdays", p.RecordDay, day.Weekday())}
		}
		for w := p.FromWeek; w <= weeksOfYear; w++ {
			m[w-1] = dayNumber(day) + int64(daysOfWeek*(w-p.FromWeek))
		}
	}
	return &m, nil
}

// firstMonday is the day on which week 1 begins, for a run that starts in t's
// year.
func firstMonday(t time.Time) int64 {
	newYear := dayNumber(time.Date(t.Year(), time.January, 1, 0, 0, 0, 0, time.UTC))
	return newYear - modFloor(newYear+3, daysOfWeek) // day 0 was a Thursday
}

// recorded returns the day of the record for a day of the run, moved by whole
// weeks; first is the Monday of week 1.
func (m *weekMap) recorded(day, first int64, weeks int) int64 {
	week := modFloor(quoFloor(day-first, daysOfWeek)+int64(weeks), weeksOfYear)
	return m[week] + modFloor(day-first, daysOfWeek)
}

// moment takes a Unix second of a run to the one at which its weather was
// recorded: whole days of 24 h away, by the local date.
func (m *weekMap) moment(cal *Calendar) func(unix int64) int64 {
	zone, first := cal.Start.Location(), firstMonday(cal.Start)
	return func(unix int64) int64 {
		day := dayNumber(time.Unix(unix, 0).In(zone))
		return unix + (m.recorded(day, first, 0)-day)*SecondsPerDay
	}
}

// modFloor is the remainder that belongs to quoFloor, 0 ≤ modFloor < b.
func modFloor(a, b int64) int64 { return a - b*quoFloor(a, b) }

// layWeeks lays a record by its calendar, wall clock on wall clock, for each of
// the moves.
func (f *recordedFit) layWeeks() error {
	cal := *f.rules.cal // its own: Fill remembers
	first := firstMonday(cal.Start)
	var env twins.Env
	f.from, f.to = f.rows.slots[len(f.rows.slots)-1], 0
	for _, move := range f.rules.moves {
		slots := make([]int32, cal.Steps)
		for k := range slots {
			cal.Fill(twins.Tick(k), &env)
			day := f.rules.weeks.recorded(cal.firstDay()+int64(env.Day), first, move)
			slot, err := f.slotAt(day*SecondsPerDay+int64(env.SecondOfDay), move, cal.Time(twins.Tick(k)))
			if err != nil {
				return err
			}
			slots[k] = int32(slot)
			f.from, f.to = min(f.from, slot), max(f.to, slot+f.perStep())
		}
		f.slotsOf[move] = slots
	}
	f.needed = make([]bool, max(0, f.to-f.from))
	for _, slots := range f.slotsOf {
		for _, slot := range slots {
			for i := range f.perStep() {
				f.needed[int64(slot)+i-f.from] = true
			}
		}
	}
	return nil
}

// slotAt returns the slot that a wall time of the record lies in, for the step of
// the run that starts at local.
func (f *recordedFit) slotAt(wall int64, move int, local time.Time) (int64, error) {
	r, rows := f.rules, f.rows
	if wall < rows.first || wall+f.step > rows.end() {
		moved := ""
		if move != 0 {
			moved = fmt.Sprintf(" in copies moved by %+d weeks", move)
		}
		return 0, r.problem(0, "covers %s to %s, wanted %s, which the calendar lays on %s%s",
			r.local(rows.first), r.local(rows.end()), r.local(wall), timeText(local), moved)
	}
	since := wall - rows.first
	if since%min(f.step, rows.interval) != 0 {
		return 0, r.problem(rows.lines[0], "the interval that starts at %s does not meet the step of %s that the calendar lays on %s, wanted both to start together",
			r.local(rows.first), spanText(f.step), r.local(wall))
	}
	return since / rows.interval, nil
}

// lines says which days of the record lie on which days of the scenario year
// that a run in start's year belongs to.
func (m *weekMap) lines(start time.Time) (lines []string) {
	const layout = "Mon 2 January 2006"
	first := firstMonday(start)
	text := func(day int64) string { return time.Unix(day*SecondsPerDay, 0).UTC().Format(layout) }
	for w := 0; w < weeksOfYear; {
		end := w + 1
		for end < weeksOfYear && m[end] == m[end-1]+daysOfWeek {
			end++
		}
		weeks := fmt.Sprintf("weeks %d to %d", w+1, end)
		if end == w+1 {
			weeks = fmt.Sprint("week ", end)
		}
		lines = append(lines, fmt.Sprintf("%s, %s to %s: recorded %s to %s", weeks,
			text(first+int64(w*daysOfWeek)), text(first+int64(end*daysOfWeek)-1), text(m[w]), text(m[end-1]+daysOfWeek-1)))
		w = end
	}
	return lines
}
