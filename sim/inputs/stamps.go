package inputs

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/smatrix-grid/smatrix/sim/problem"
)

// recordedStamp is a parsed time stamp.
type recordedStamp struct {
	day       int64 // since 1970-01-01
	second    int64 // of the day, 0 … 86,400
	offset    int64 // seconds east of UTC
	hasDay    bool
	hasOffset bool
	dateOnly  bool // the stamp is a date without a time of day, and names the whole day
}

// stampText returns the stamp of a row. A time of day in a column of its own
// follows its date.
func (f *recordedFile) stampText(fields []string) string {
	stamp := strings.TrimSpace(fields[f.time])
	if f.clock >= 0 {
		stamp += " " + strings.TrimSpace(fields[f.clock])
	}
	return stamp
}

// stamp parses the text of a stamp in the form that the Format says.
func (r *recordingRules) stamp(text string) (s recordedStamp, ok bool) {
	if mark := r.format.Span; mark != "" {
		text, _, _ = strings.Cut(text, mark)
		text = strings.TrimSpace(text)
	}
	switch {
	case r.format.Date == dateUnix:
		return r.unixStamp(text, 1)
	case r.format.Date == dateUnixMilli:
		return r.unixStamp(text, 1000)
	case r.format.date != nil:
		s, ok = r.format.date.stamp(text)
	default:
		s, ok = parseStamp(text)
	}
	if ok && s.hasDay && r.format.year != 0 {
		ok = s.laidOn(r.format.year)
	}
	return s, ok
}

// laidOn moves a stamp to the same day of a year. It reports whether the year has that day.
func (s *recordedStamp) laidOn(year int) bool {
	_, month, day := time.Unix(s.day*SecondsPerDay, 0).UTC().Date()
	laid := time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
	s.day = dayNumber(laid)
	return laid.Day() == day
}

// unixStamp reads a whole number of seconds since 1970, in parts of a second.
// Under a calendar it is wall time in the zone of the record.
func (r *recordingRules) unixStamp(text string, parts int64) (s recordedStamp, ok bool) {
	at, err := strconv.ParseInt(strings.TrimSuffix(text, ".0"), 10, 64)
	if err != nil || at%parts != 0 || max(at, -at)/parts > mostUnix {
		return s, false
	}
	wall := r.unixWall.wall(at / parts)
	s.day, s.offset = quoFloor(wall, SecondsPerDay), wall-at/parts
	s.second = wall - s.day*SecondsPerDay
	s.hasDay, s.hasOffset = true, true
	return s, true
}

// mostUnix is the greatest Unix second that is accepted: in the year 9999.
const mostUnix = 253_402_300_799

// stampProblem returns the error about a stamp that cannot be read.
func (r *recordingRules) stampProblem(text string, line int) error {
	wanted := "one like 2024-01-31 16:45, 2024-01-31T16:45:00+01:00 or 16:45"
	switch date := r.format.Date; {
	case date == dateUnix:
		wanted = "whole seconds since 1970, as format.date unix_s says"
	case date == dateUnixMilli:
		wanted = "milliseconds since 1970 that are whole seconds, as format.date unix_ms says"
	case date != "":
		wanted = fmt.Sprintf("one like %s 16:45, as format.date %s says", r.format.date.example(), date)
	case len(text) > 4 && strings.ContainsAny(text[:min(5, len(text))], "./"):
		wanted += ", or its form, such as format: {date: dd.mm.yyyy}"
	case len(text) > 8 && strings.Trim(text, "0123456789") == "":
		wanted += ", or its form: format: {date: unix_s} or unix_ms"
	}
	if r.format.year != 0 {
		wanted += fmt.Sprintf(", on a day that the year %d has (format.year)", r.format.year)
	}
	return r.problem(line, "time %q cannot be read, wanted %s", text, wanted)
}

// rowBefore is the time of the row before, in a file or of a meter.
type rowBefore struct {
	rows  int64
	at    int64 // Unix second
	stamp string
}

// timeOf returns the Unix second of a stamp. Rows are in the order of time: it
// must be later than the row before, or earlier if the newest row is first. In an
// hour that clocks show twice, a stamp without an offset means the occurrence
// that comes first in the file, unless that contradicts the order.
func (r *recordingRules) timeOf(text string, before *rowBefore, line int) (int64, error) {
	s, ok := r.stamp(text)
	if !ok {
		return 0, r.stampProblem(text, line)
	}
	if r.weeks != nil {
		if s.hasOffset = false; !s.hasDay {
			return 0, r.problem(line, "time %q has no date, wanted one: the calendar says which day lies where", text)
		}
	}
	if s.dateOnly && r.late {
		s.day++
	}
	if !s.hasDay {
		s.day = r.cal.firstDay()
	}
	wall := s.day*SecondsPerDay + s.second
	if r.shownAgain(wall, before) {
		return 0, errShownAgain
	}
	first, last := wall-s.offset, wall-s.offset
	if !s.hasOffset {
		var exists bool
		if first, last, exists = r.wall.instants(wall); !exists && !s.dateOnly {
			return 0, r.skippedProblem(text, line)
		}
	}
	at, err := r.inOrder(first, last, text, before, line)
	if r.shown = wall; s.hasOffset {
		r.shown = r.wall.wall(at)
	}
	return at, err
}

// errShownAgain is returned for a row that is not used.
var errShownAgain = errors.New("the hour has been read")

// shownAgain reports whether a row under a calendar, where wall time is mapped to
// wall time, has an hour of the record that its clocks show twice and that has
// been read. The spec must name the zone of those clocks.
func (r *recordingRules) shownAgain(wall int64, before *rowBefore) bool {
	inOrder := wall > before.at
	if r.format.NewestFirst {
		inOrder = wall < before.at
	}
	if r.weeks == nil || r.spec.Time.Zone == "" || before.rows == 0 || inOrder {
		return false
	}
	first, last, _ := r.unixWall.instants(wall)
	return first != last
}

func (r *recordingRules) skippedProblem(text string, line int) error {
	return r.problem(line, "time %q does not exist in %s, where clocks skip it, wanted an offset (+01:00) or the zone of the file%s", text, r.wall.loc, r.withoutSaving(text))
}

// withoutSaving names the zone of clocks that show a skipped time: without saving time, a whole number
// of hours from UTC.
func (r *recordingRules) withoutSaving(text string) string {
	s, ok := r.stamp(text)
	if !ok {
		return ""
	}
	first, _, _ := r.wall.instants(s.day*SecondsPerDay + s.second)
	offset := min(r.wall.wall(first-SecondsPerDay)-first+SecondsPerDay, r.wall.wall(first+SecondsPerDay)-first-SecondsPerDay)
	if offset%3600 != 0 || offset == 0 {
		return ""
	}
	return fmt.Sprintf(", such as Etc/GMT%+d if it has no saving time", -offset/3600)
}

// inOrder chooses the occurrence of a wall time that fits the row before.
func (r *recordingRules) inOrder(first, last int64, text string, before *rowBefore, line int) (int64, error) {
	at, wanted := first, "wanted rows in the order of time"
	if before.rows == 0 {
		if r.format.NewestFirst {
			return last, nil
		}
		return first, nil
	}
	late := at <= before.at
	if late {
		at = last
		late = at < before.at
	}
	if r.format.NewestFirst {
		if at = last; at >= before.at {
			at = first
		}
		late, wanted = at > before.at, "wanted the newest row first, as format.newest_first says"
	} else if late && before.rows == 1 {
		wanted += ", or format: {newest_first: true}"
	}
	if at == before.at {
		return 0, r.problem(line, "time %q appears twice, wanted each once", text)
	}
	if late {
		return 0, &problem.At{File: r.spec.File, Line: line, Err: ErrOrder, What: fmt.Sprintf("time %q comes after %q, %s", text, before.stamp, wanted)}
	}
	return at, nil
}

// zoneClock converts between Unix time and the wall time of a zone. It remembers
// the offset of its last conversion.
type zoneClock struct {
	loc      *time.Location
	offset   int64 // seconds east of UTC
	from, to int64 // Unix seconds between which it holds
}

// wall returns what clocks show at a Unix second, in seconds since 1970-01-01
// 00:00 on that clock.
func (z *zoneClock) wall(at int64) int64 {
	if at < z.from || at >= z.to {
		z.offset, z.from, z.to = zoneOf(time.Unix(at, 0).In(z.loc))
	}
	return at + z.offset
}

// instants is wallInstants in the clock's zone.
func (z *zoneClock) instants(wall int64) (first, last int64, exists bool) {
	const margin = 2 * SecondsPerDay // two offsets of a zone differ by less
	if at := wall - z.offset; at >= z.from && at < z.to && at-z.from > margin && z.to-at > margin {
		return at, at, true
	}
	first, last, exists = wallInstants(z.loc, wall)
	z.wall(first)
	if z.from == math.MinInt64 { // so that differences stay in range
		z.from = -mostUnix * 2
	}
	if z.to == math.MaxInt64 {
		z.to = mostUnix * 2
	}
	return first, last, exists
}

// parseStamp reads a date and a time of day, with or without an offset, a time
// of day alone, or a date alone. 24:00 is the end of a day.
func parseStamp(text string) (s recordedStamp, ok bool) {
	clock := text
	if len(text) >= 10 && text[4] == '-' {
		date, err := time.Parse(time.DateOnly, text[:10])
		if err != nil {
			return s, false
		}
		s.day, s.hasDay = dayNumber(date), true
		if len(text) == 10 {
			s.dateOnly = true
			return s, true
		}
		if text[10] != 'T' && text[10] != ' ' {
			return s, false
		}
		clock = text[11:]
		if clock, ok = s.cutOffset(clock); !ok {
			return s, false
		}
	}
	s.second, ok = parseClock(clock)
	return s, ok
}

// cutOffset cuts an offset from the end of a time of day: Z, UTC, +01:00 or +0100, with a blank before it or
// without.
func (s *recordedStamp) cutOffset(clock string) (rest string, ok bool) {
	for _, word := range []string{"UTC", "GMT"} {
		if before, has := strings.CutSuffix(clock, word); has {
			s.hasOffset = true
			return strings.TrimRight(before, " "), true
		}
	}
	i := strings.IndexAny(clock, "Z+-")
	if i < 0 {
		return clock, true
	}
	zone, err := time.Parse("Z07:00", clock[i:])
	if err != nil {
		if zone, err = time.Parse("Z0700", clock[i:]); err != nil {
			return clock, false
		}
	}
	_, offset := zone.Zone()
	s.offset, s.hasOffset = int64(offset), true
	return strings.TrimRight(clock[:i], " "), true
}

// parseClock reads 15:04, 15:04:05 or 15:04:05.000 as a second of the day.
func parseClock(text string) (second int64, ok bool) {
	if whole, fraction, has := strings.Cut(text, "."); has {
		if len(whole) != 8 || fraction == "" || strings.Trim(fraction, "0") != "" {
			return 0, false
		}
		text = whole
	}
	if len(text) == 5 {
		text += ":00"
	}
	if len(text) != 8 || text[2] != ':' || text[5] != ':' {
		return 0, false
	}
	for i, most := range []int64{24, 59, 59} {
		tens, ones := text[3*i]-'0', text[3*i+1]-'0'
		n := 10*int64(tens) + int64(ones)
		if tens > 9 || ones > 9 || n > most {
			return 0, false
		}
		second = 60*second + n
	}
	return second, second <= SecondsPerDay
}

// dateForm is a form of dates, such as dd.mm.yyyy.
type dateForm struct {
	parts [3]datePart
	marks [2]string // between them; "" if the parts have fixed widths
}

// datePart is year, month or day in a date: its letter, and how many there are.
type datePart struct {
	letter byte
	width  int
}

// parseDateForm reads a form. Each of year, month and day appears once.
func parseDateForm(text string) (f dateForm, ok bool) {
	rest, seen := text, ""
	for i := range f.parts {
		if rest == "" || !strings.Contains("ymd", rest[:1]) || strings.Contains(seen, rest[:1]) {
			return f, false
		}
		letter := rest[0]
		width := len(rest) - len(strings.TrimLeft(rest, rest[:1]))
		f.parts[i], rest, seen = datePart{letter, width}, rest[width:], seen+string(letter)
		most := map[byte]int{'y': 4, 'm': 3, 'd': 2}[letter]
		if width > most || letter == 'y' && width%2 != 0 {
			return f, false
		}
		if i < 2 {
			mark := rest[:len(rest)-len(strings.TrimLeft(rest, "./- "))]
			if len(mark) > 1 {
				return f, false
			}
			f.marks[i], rest = mark, rest[len(mark):]
		}
	}
	return f, rest == ""
}

// example is 31 January 2024 in the form.
func (f *dateForm) example() (text string) {
	for i, p := range f.parts {
		switch {
		case p.letter == 'y':
			text += "2024"[4-p.width:]
		case p.letter == 'd':
			text += "31"
		case p.width == 3:
			text += "Jan"
		default:
			text += "01"[2-p.width:]
		}
		if i < 2 {
			text += f.marks[i]
		}
	}
	return text
}

// stamp reads a date in the form, alone or followed by a time of day.
func (f *dateForm) stamp(text string) (s recordedStamp, ok bool) {
	var value [3]int // year, month, day
	rest := text
	for i, p := range f.parts {
		n, after, ok := p.read(rest, i < 2 && f.marks[i] == "" || i == 2 && f.marks[1] == "")
		if !ok {
			return s, false
		}
		value[strings.IndexByte("ymd", p.letter)], rest = n, after
		if i < 2 {
			if rest, ok = strings.CutPrefix(rest, f.marks[i]); !ok {
				return s, false
			}
		}
	}
	date := time.Date(value[0], time.Month(value[1]), value[2], 0, 0, 0, 0, time.UTC)
	if date.Month() != time.Month(value[1]) || date.Day() != value[2] {
		return s, false
	}
	s.day, s.hasDay = dayNumber(date), true
	if rest == "" {
		s.dateOnly = true
		return s, true
	}
	if !strings.ContainsAny(rest[:1], " T,:") {
		return s, false
	}
	return s.looseClock(strings.TrimLeft(rest, " T,:"))
}

// read reads the part at the beginning of text; fixed: it has no mark after it.
func (p *datePart) read(text string, fixed bool) (n int, rest string, ok bool) {
	if p.width == 3 {
		if len(text) < 3 {
			return 0, "", false
		}
		at := strings.Index("janfebmaraprmayjunjulaugsepoctnovdec", strings.ToLower(text[:3]))
		return at/3 + 1, text[3:], at >= 0 && at%3 == 0
	}
	width := 0
	for width < len(text) && '0' <= text[width] && text[width] <= '9' && (!fixed || width < p.width) {
		width++
	}
	n, err := strconv.Atoi(text[:width])
	if err != nil || (p.letter == 'y' || fixed) && width != p.width || width > 4 {
		return 0, "", false
	}
	if p.letter == 'y' && p.width == 2 {
		n += 2000
	}
	return n, text[width:], true
}

// looseClock reads a time of day after a date: 9:05, 0905, 09:05:00.000, 9:05 PM, with
// an offset at its end or without.
func (s recordedStamp) looseClock(text string) (recordedStamp, bool) {
	text, ok := s.cutOffset(text)
	if !ok {
		return s, false
	}
	text = strings.ToLower(strings.TrimSpace(text))
	half := int64(-1)
	for i, words := range [][]string{{"am", "a.m."}, {"pm", "p.m."}} {
		for _, word := range words {
			if before, has := strings.CutSuffix(text, word); has {
				text, half = strings.TrimSpace(before), int64(i)
			}
		}
	}
	switch {
	case len(text) > 1 && text[1] == ':':
		text = "0" + text
	case len(text) == 4 && strings.Trim(text, "0123456789") == "":
		text = text[:2] + ":" + text[2:]
	}
	second, ok := parseClock(text)
	if half >= 0 {
		if second < 3600 || second >= 13*3600 {
			return s, false
		}
		second = second%(12*3600) + half*12*3600
	}
	s.second = second
	return s, ok
}
