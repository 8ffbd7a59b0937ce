package inputs

import (
	"fmt"
	"time"

	"github.com/smatrix-grid/smatrix/twins"
)

// CalendarPart is one entry of a recording's calendar: from week FromWeek of
// the scenario year until the next entry, the run uses the record week by week
// from RecordDay on.
//
// The scenario year has 52 weeks. Week 1 begins on the Monday on or before 1
// January of the year in which the run starts; week 1 follows week 52 again, so
// that a longer run repeats the year. All record days are Mondays, so that
// weekdays are mapped to the same weekdays. A southern record whose July is
// mapped to January has the seasons of the north:
//
//	calendar:
//	  - {from_week: 1, record_day: 2013-07-01}
//	  - {from_week: 27, record_day: 2012-12-31}
//
// Under a calendar, the record's wall time is mapped to the same wall time of
// the run: the offset of a stamp and the recording's zone are ignored, and the
// value recorded at 18:00 applies at 18:00. When the run's clocks are set
// forward, the run does not use the record's values of the skipped hour; when
// they are set back, it uses an hour of the record twice. Of an hour that the
// record's own clocks show twice the first is used (the second, if the newest row
// is first) if its zone is stated; otherwise the record is refused, because a stamp
// appears twice. A record whose clock is set forward has a gap there.
//
// A copy of a column moved by m weeks has in week w the values of the column in
// week w + m, counted cyclically through the scenario year. So moved copies
// need no more of the record than the year itself, and their season is off by m
// weeks only.
type CalendarPart struct {
	FromWeek  int    `json:"from_week"`  // 1 … 52, ascending, the first is 1
	RecordDay string `json:"record_day"` // a Monday: 2013-07-01
}

const (
	weeksOfYear = 52
	daysOfWeek  = 7
)

// weekMap has for each week of the scenario year the day on which its Monday
// was recorded.
type weekMap [weeksOfYear]int64

// CalendarError is an error in one part of a calendar.
type CalendarError struct {
	Part int    // from 0
	Key  string // from_week | record_day
	What string
}

// CheckCalendar returns the first error in a calendar, or nil.
func CheckCalendar(parts []CalendarPart) *CalendarError {
	_, wrong := newWeekMap(parts)
	return wrong
}

// CalendarLines describes a calendar that has passed CheckCalendar, for the
// scenario year of a run that starts at start. Each line has a range of weeks,
// their days in the scenario year and the days on which they were recorded.
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

// firstMonday returns the day on which week 1 begins, for a run that starts in
// t's year.
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

// moment returns a function from a Unix second of the run to the Unix second at
// which its weather was recorded. The two differ by whole days of 24 h, which
// depend on the local date.
func (m *weekMap) moment(cal *Calendar) func(unix int64) int64 {
	zone, first := cal.Start.Location(), firstMonday(cal.Start)
	return func(unix int64) int64 {
		day := dayNumber(time.Unix(unix, 0).In(zone))
		return unix + (m.recorded(day, first, 0)-day)*SecondsPerDay
	}
}

// modFloor returns the remainder of quoFloor(a, b), 0 ≤ modFloor < b.
func modFloor(a, b int64) int64 { return a - b*quoFloor(a, b) }

// mapWeeks maps a record to the steps by its calendar, wall time to wall time,
// for each of the moves.
func (f *recordedFit) mapWeeks() error {
	cal := *f.rules.cal // a copy, because Fill writes its cache
	first := firstMonday(cal.Start)
	var env twins.Env
	f.from, f.to = f.rows.slots(), 0
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

// slotAt returns the slot that contains a wall time of the record. It is for
// the step of the run that starts at local.
func (f *recordedFit) slotAt(wall int64, move int, local time.Time) (int64, error) {
	r, rows := f.rules, f.rows
	if wall < rows.start || wall+f.step > rows.end {
		moved := ""
		if move != 0 {
			moved = fmt.Sprintf(" in copies moved by %+d weeks", move)
		}
		return 0, r.problem(0, "covers %s to %s, wanted %s, which the calendar lays on %s%s",
			r.local(rows.start), r.local(rows.end), r.local(wall), timeText(local), moved)
	}
	if (wall-rows.origin)%min(f.step, rows.interval) != 0 {
		return 0, r.problem(rows.firstLine, "the interval that starts at %s does not meet the step of %s that the calendar lays on %s, wanted both to start together",
			r.local(rows.start), spanText(f.step), r.local(wall))
	}
	return rows.slot(wall), nil
}

// lines describes the map for the scenario year of a run that starts at start,
// as CalendarLines does.
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
