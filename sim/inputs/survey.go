package inputs

import (
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/smatrix-grid/smatrix/sim/problem"
)

// tableRow is a row of a file and the time that its values cover.
type tableRow struct {
	line     int
	at       int64 // Unix second that its stamp names
	from, to int64 // Unix seconds, from < to
	fields   []string
	meter    string // in a long table

	stamp string
	wall  int64 // what the stamp shows, in seconds since 1970-01-01 00:00 on its clock
}

// scan calls f with every row of the file, in its order, without from and to. It
// holds one row at a time; the fields are valid until f returns.
func (r *recordingRules) scan(fsys fs.FS, f func(*recordedFile, *tableRow) error) error {
	file, err := openRecorded(fsys, r.spec)
	if err != nil {
		return err
	}
	defer file.close()
	if r.spec.meters = nil; file.meter >= 0 {
		r.spec.meters = file.spec.meters // so that the next scan need not find them
	}
	r.headerLine = file.headerLine
	before := map[string]*rowBefore{}
	for {
		fields, line, err := file.next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		row := tableRow{line: line, fields: fields, stamp: file.stampText(fields)}
		if file.meter >= 0 {
			row.meter = strings.TrimSpace(fields[file.meter])
		}
		last := before[row.meter]
		if last == nil {
			last = &rowBefore{}
			before[strings.Clone(row.meter)] = last
		}
		row.at, err = r.timeOf(row.stamp, last, line)
		if err == errShownAgain {
			continue
		}
		if err != nil {
			return err
		}
		row.wall = r.shown
		last.rows, last.at, last.stamp = last.rows+1, row.at, row.stamp
		if err := f(file, &row); err != nil {
			return err
		}
	}
}

// The ways in which rows follow each other.
type spacing int8

const (
	evenly     spacing = iota // one row in every interval
	byClock                   // one row in every interval of the wall clock, so that days have 23, 24 or 25 h
	asTheyCome                // each row until the next
)

// survey is what a first pass over a file finds: which time its rows cover, and
// how they follow each other.
type survey struct {
	spacing    spacing
	usual      int64 // the most frequent distance between two rows, s
	start, end int64 // Unix seconds that the rows cover
	origin     int64 // Unix second at which slot 0 starts
	interval   int64 // of a slot, s
	longest    int64 // of the time that a row covers, s
	steady     int64 // the longest distance that repeats: in 1 % of rows, and in 12; s, 0 if none does
	rows       int64
	firstLine  int // of the earliest row
	firstStamp string
}

// slot returns the slot that contains a Unix second.
func (s *survey) slot(at int64) int64 { return quoFloor(at-s.origin, s.interval) }

// holdsTooLong reports whether rows follow each other as they come, and the value of
// one would hold for longer than any distance that repeats: rows are missing.
func (s *survey) holdsTooLong(row *tableRow) bool {
	return s.spacing == asTheyCome && s.steady > 0 && row.to-row.from > s.steady
}

// slots returns the number of slots up to the end of the file.
func (s *survey) slots() int64 { return -quoFloor(s.origin-s.end, s.interval) }

// starts returns the Unix second at which a slot starts.
func (s *survey) starts(slot int64) int64 { return s.origin + slot*s.interval }

// surveyor collects the distances between rows.
type surveyor struct {
	*recordingRules
	survey
	least, most   tableRow // the earliest and the latest row
	counts        map[int64]int64
	wallCounts    map[int64]int64
	common        int64 // greatest common divisor of all distances
	wallCommon    int64
	firstGap, gap int64 // between the first two rows, and the last two
	before        map[string]*surveyed
	changed       intervalChange
}

// surveyed is the row before of a meter, and how long rows have been equally far
// apart.
type surveyed struct {
	at, wall int64
	apart    int64 // 0 after the first row
	steady   int   // distances of apart in a row
	from     int   // line of the row with which they began
	line     int
	last     intervalChange // the last steady distance
}

// intervalChange is a change from one steady distance to another.
type intervalChange struct {
	from, to int64
	line     int // of the first row of the new interval
}

const (
	// steadyRows is how many equal distances in a row make an interval, not a
	// gap that happens to repeat.
	steadyRows = 12
	// mostDistances bounds the memory of the distances of an irregular file.
	mostDistances = 100_000
	// leastClock is the least interval that can be one of the wall clock: the
	// hour that clocks skip or repeat is a row in shorter ones.
	leastClock = 2 * 3600
	// leastMonth is the length above which rows are those of months, which differ.
	leastMonth = 25 * SecondsPerDay
)

// readRows reads the stamps of the whole file.
func (r *recordingRules) readRows(fsys fs.FS) (*survey, error) {
	y := &surveyor{recordingRules: r, counts: map[int64]int64{}, wallCounts: map[int64]int64{}, before: map[string]*surveyed{}}
	if err := r.scan(fsys, y.see); err != nil {
		return nil, err
	}
	switch y.rows {
	case 0:
		return nil, r.problem(r.headerLine, "a header and no rows, wanted two rows or more")
	case 1:
		return nil, r.problem(y.least.line, "a single row, wanted two or more: the time between rows says how long a value holds")
	}
	if len(y.counts) == 0 {
		return nil, r.problem(y.least.line, "a single row of each meter, wanted two or more: the time between rows says how long a value holds")
	}
	y.usual = mostFrequent(y.counts)
	y.firstLine, y.firstStamp = y.least.line, y.least.stamp
	return &y.survey, y.choose(fsys)
}

func (y *surveyor) see(_ *recordedFile, row *tableRow) error {
	y.rows++
	if y.rows == 1 {
		y.least, y.most = *row, *row
	}
	y.common, y.wallCommon = commonDivisor(y.common, row.at-y.least.at), commonDivisor(y.wallCommon, row.wall-y.least.wall)
	if row.at < y.least.at {
		y.least = *row
	}
	if row.at > y.most.at {
		y.most = *row
	}
	b := y.before[row.meter]
	if b == nil {
		y.before[strings.Clone(row.meter)] = &surveyed{at: row.at, wall: row.wall, line: row.line}
		return nil
	}
	apart := max(row.at-b.at, b.at-row.at)
	count(y.counts, apart)
	count(y.wallCounts, max(row.wall-b.wall, b.wall-row.wall))
	if y.gap = apart; y.firstGap == 0 {
		y.firstGap = apart
	}
	y.longest = max(y.longest, apart)
	b.step(apart, &y.changed)
	b.at, b.wall, b.line = row.at, row.wall, row.line
	return nil
}

func count(counts map[int64]int64, apart int64) {
	if _, known := counts[apart]; known || len(counts) < mostDistances {
		counts[apart]++
	}
}

// step takes the distance to the next row, and notes the first change between two
// steady ones.
func (b *surveyed) step(apart int64, change *intervalChange) {
	if apart != b.apart {
		b.apart, b.steady, b.from = apart, 0, b.line
	}
	if b.steady++; b.steady != steadyRows {
		return
	}
	if b.last.to != 0 && b.last.to != apart && change.line == 0 {
		*change = intervalChange{b.last.to, apart, b.from}
	}
	b.last.to = apart
}

// holdProblem returns the error about a row whose value would hold for too long.
func (r *recordingRules) holdProblem(s *survey, row *tableRow, or string) error {
	return r.problem(row.line, "the value of this row would hold for %s, wanted a row every %s or more often%s",
		spanText(row.to-row.from), spanText(s.steady), or)
}

// mostFrequent returns the distance with the highest count. A gap is longer than
// the interval, so the shorter of two wins.
func mostFrequent(counts map[int64]int64) (best int64) {
	for apart, n := range counts {
		if most := counts[best]; n > most || n == most && apart < best {
			best = apart
		}
	}
	return best
}

func commonDivisor(a, b int64) int64 {
	for a, b = max(a, -a), max(b, -b); b != 0; {
		a, b = b, a%b
	}
	return a
}

// choose finds how the rows follow each other, and the slots.
func (y *surveyor) choose(fsys fs.FS) error {
	byWall := mostFrequent(y.wallCounts)
	switch {
	case y.format.Intervals == intervalsAny:
		y.spacing, y.interval = asTheyCome, y.common
		for apart, n := range y.counts {
			if n >= max(steadyRows, y.rows/100) {
				y.steady = max(y.steady, apart)
			}
		}
	case byWall >= leastClock && y.wallCommon%byWall == 0 && (y.common%y.usual != 0 || byWall != y.usual):
		y.spacing, y.usual, y.interval = byClock, byWall, y.common
	case y.changed.line != 0:
		return &problem.At{File: y.spec.File, Line: y.changed.line, Err: ErrInterval, What: fmt.Sprintf(
			"the interval changes from %s to %s in this line, wanted one interval, or format: {intervals: as_they_come}", spanText(y.changed.from), spanText(y.changed.to))}
	case y.common%y.usual != 0:
		return y.offProblem(fsys)
	default:
		y.interval, y.longest = y.usual, y.usual
	}
	y.cover()
	return nil
}

// offProblem returns the error about the first row that is no whole number of
// intervals after the earliest.
func (y *surveyor) offProblem(fsys fs.FS) error {
	err := y.scan(fsys, func(_ *recordedFile, row *tableRow) error {
		if (row.at-y.least.at)%y.usual != 0 {
			off := &problem.At{File: y.spec.File, Line: row.line, What: fmt.Sprintf("time %q is no whole number of intervals after %q, wanted one value every %s",
				row.stamp, y.least.stamp, spanText(y.usual))}
			if y.usual > leastMonth || 2*y.counts[y.usual] < y.rows { // months have no interval of their own, nor have rows of events
				off.Err = ErrInterval
				off.What += ", or format: {intervals: as_they_come}"
			}
			return off
		}
		return nil
	})
	if err == nil {
		err = y.changedProblem()
	}
	return err
}

// cover finds the time that the rows cover.
func (y *surveyor) cover() {
	y.start, y.end = y.least.at, y.most.at
	early, late := y.usual, y.usual
	switch y.spacing {
	case byClock:
		early, late = y.start-y.atWall(y.least.wall-y.usual), y.atWall(y.most.wall+y.usual)-y.end
	case asTheyCome:
		if early, late = y.firstGap, y.gap; y.format.NewestFirst {
			early, late = late, early
		}
	}
	switch {
	case y.counter(): // the readings are of moments
	case y.endsAtStamp():
		y.start -= early
	default:
		y.survey.end += late
	}
	if y.longest = max(y.longest, early, late); y.spacing == byClock {
		y.longest += leastClock // no zone sets its clocks back by more in a day
	}
	y.interval = commonDivisor(y.interval, commonDivisor(early, late))
	y.origin = y.start
}

// atWall returns the first Unix second at which clocks of the file show a wall
// time.
func (r *recordingRules) atWall(wall int64) int64 {
	at, _, _ := r.wall.instants(wall)
	return at
}

// eachRow calls f with every row and the time that it covers. It holds two rows
// at a time and one more for each meter.
func (r *recordingRules) eachRow(fsys fs.FS, s *survey, f func(*recordedFile, *tableRow) error) error {
	var rows int64
	held := map[string]*heldRow{}
	err := r.scan(fsys, func(file *recordedFile, row *tableRow) error {
		if rows++; row.at < s.start || row.at > s.end || rows > s.rows {
			return r.changedProblem()
		}
		switch {
		case s.spacing == asTheyCome:
			return r.follow(held, file, row, f)
		case s.spacing == byClock && r.endsAtStamp():
			row.from, row.to = r.atWall(row.wall-s.usual), row.at
		case s.spacing == byClock:
			row.from, row.to = row.at, r.atWall(row.wall+s.usual)
		case r.endsAtStamp():
			row.from, row.to = row.at-s.interval, row.at
		default:
			row.from, row.to = row.at, row.at+s.interval
		}
		return f(file, row)
	})
	if err == nil && rows != s.rows {
		err = r.changedProblem()
	}
	for _, meter := range sortedMeters(held) {
		if h := held[meter]; err == nil {
			err = h.pass(r, h.file, f)
		}
	}
	return err
}

func (r *recordingRules) changedProblem() error {
	return r.problem(0, "has changed while it was read, wanted a file that does not change")
}

func sortedMeters(held map[string]*heldRow) (meters []string) {
	for meter := range held {
		meters = append(meters, meter)
	}
	slices.Sort(meters)
	return meters
}

// heldRow is a row whose length is not known before the next one has been read.
type heldRow struct {
	file *recordedFile
	row  tableRow
	gap  int64 // to the row before it, or of the first row to the row after it
}

// follow holds back a row until the next of its meter, and passes the one before.
func (r *recordingRules) follow(held map[string]*heldRow, file *recordedFile, row *tableRow, f func(*recordedFile, *tableRow) error) error {
	h := held[row.meter]
	if h == nil {
		held[strings.Clone(row.meter)] = &heldRow{file: file, row: *row}
		held[row.meter].row.fields = slices.Clone(row.fields)
		return nil
	}
	gap := max(row.at-h.row.at, h.row.at-row.at)
	if h.gap == 0 || r.endsAtStamp() == r.format.NewestFirst { // the row lies between its stamp and the next one
		h.gap = gap
	}
	if err := h.pass(r, file, f); err != nil {
		return err
	}
	h.row, h.gap, h.row.fields = *row, gap, append(h.row.fields[:0], row.fields...)
	return nil
}

// pass calls f with the row that was held back.
func (h *heldRow) pass(r *recordingRules, file *recordedFile, f func(*recordedFile, *tableRow) error) error {
	h.row.from, h.row.to = h.row.at, h.row.at+h.gap
	if r.endsAtStamp() {
		h.row.from, h.row.to = h.row.at-h.gap, h.row.at
	}
	return f(file, &h.row)
}

// rowAfter reads the file again, and returns the line of the earliest row that
// ends after a Unix second, 0 if there is none.
func (r *recordingRules) rowAfter(fsys fs.FS, s *survey, at int64) (line int, err error) {
	earliest := s.end + 1
	err = r.eachRow(fsys, s, func(_ *recordedFile, row *tableRow) error {
		if row.to > at && row.at < earliest {
			line, earliest = row.line, row.at
		}
		return nil
	})
	return line, err
}
