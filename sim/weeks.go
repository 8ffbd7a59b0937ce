package sim

import (
	"fmt"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

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

// calendarError says which entry of a calendar is wrong.
type calendarError struct {
	entry int
	key   string
	what  string
}

func newWeekMap(parts []CalendarPart) (*weekMap, *calendarError) {
	var m weekMap
	for i, p := range parts {
		day, err := time.Parse(time.DateOnly, p.RecordDay)
		switch {
		case i == 0 && p.FromWeek != 1:
			return nil, &calendarError{i, "from_week", fmt.Sprintf("from_week %d is the first, wanted 1: every week needs a record", p.FromWeek)}
		case i > 0 && p.FromWeek <= parts[i-1].FromWeek || p.FromWeek > weeksOfYear:
			return nil, &calendarError{i, "from_week", fmt.Sprintf("from_week %d after %d, wanted ascending weeks up to %d", p.FromWeek, parts[max(i-1, 0)].FromWeek, weeksOfYear)}
		case err != nil:
			return nil, &calendarError{i, "record_day", fmt.Sprintf("record_day: %q is no date, wanted one like 2013-07-01", p.RecordDay)}
		case day.Weekday() != time.Monday:
			return nil, &calendarError{i, "record_day", fmt.Sprintf("record_day: %s is a %s, wanted a Monday: scenario weeks begin on one, and weekdays lie on weekdays", p.RecordDay, day.Weekday())}
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
		return unix + (m.recorded(day, first, 0)-day)*secondsPerDay
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
			slot, err := f.slotAt(day*secondsPerDay+int64(env.SecondOfDay), move, cal.Time(twins.Tick(k)))
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
	text := func(day int64) string { return time.Unix(day*secondsPerDay, 0).UTC().Format(layout) }
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

// CalendarMap says of every record that lies on the scenario by a calendar which
// of its days lie where: a line with its file, then one for each part.
func (s *Scenario) CalendarMap() (lines []string) {
	s.eachCalendar(nil, func(entry *tree, _ *yaml.Node, days []string) {
		lines = append(lines, entry.textOf("file")+":")
		for _, d := range days {
			lines = append(lines, "  "+d)
		}
	})
	return lines
}

// noteCalendars writes above each calendar, as a comment, what it
// means.
func (s *Scenario) noteCalendars(root *yaml.Node) {
	s.eachCalendar(root, func(_ *tree, n *yaml.Node, days []string) {
		for k := 0; n != nil && k < len(n.Content); k += 2 {
			if n.Content[k].Value == "calendar" {
				n.Content[k].HeadComment = "# " + strings.Join(days, "\n# ")
			}
		}
	})
}

// eachCalendar visits every entry that has a calendar, with its node below root
// (nil without a root) and what the calendar lays where.
func (s *Scenario) eachCalendar(root *yaml.Node, visit func(entry *tree, n *yaml.Node, days []string)) {
	one := func(entry *tree, n *yaml.Node) {
		if entry == nil || len(recordingSpec(entry).Calendar) == 0 {
			return
		}
		// A change may have made it wrong; Build says so.
		if m, wrong := newWeekMap(recordingSpec(entry).Calendar); wrong == nil {
			visit(entry, n, m.lines(s.Calendar.Start))
		}
	}
	weather, node := s.document.root.get("weather"), childOf(root, "weather")
	one(weather, node)
	one(weather.get("wind"), childOf(node, "wind"))
	one(s.document.root.get("market"), childOf(root, "market"))
	recordings := childOf(root, "recordings")
	for i, entry := range s.document.entries("recordings") {
		var n *yaml.Node
		if recordings != nil {
			n = recordings.Content[i]
		}
		one(&entry, n)
	}
}

func childOf(n *yaml.Node, key string) *yaml.Node {
	if n == nil {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}
