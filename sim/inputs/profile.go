package inputs

import (
	"fmt"
	"io"
	"io/fs"
	"math"
	"path"
	"strings"
	"time"

	"github.com/smatrix-grid/smatrix/twins"
)

// Profile is what a file has, as it is read without a run: the time that its rows cover,
// and how the values of its columns are.
type Profile struct {
	From, To time.Time     // what the rows cover; of readings of a counter too, as if they were intervals
	Interval twins.Seconds // the most frequent one; if rows come as they come, one that divides all
	Rows     int64
	Columns  []ProfileColumn // those of the spec, by our names
	LeftOut  int64           // rows that Format.Undated left out
	LeftLine int             // the first of them
	LeftText string
}

// ProfileColumn is a column of a Profile. Values are in the file's unit.
type ProfileColumn struct {
	Name           string // our name
	Values         int64
	From, To       time.Time // from the start of its first value to the end of its last
	Last           time.Time // the start of its last value: the moment of the last reading of a counter
	Missing        int64     // intervals from From to To without a value
	Longest        twins.Seconds
	Gaps, CaughtUp int     // gaps from From to To, and values after one that are likely its energy as well
	Min, Max       float64 // 0 without values
	Mean           float64 // of the magnitudes; 0 without values
	Rise           float64 // mean difference of two values of which the later one is the greater
	Counter        bool    // likely readings of a counter
	Falls          int     // how often a value is less than the one before it in time
}

// ReadProfile reads a file as ReadRecording does, with values of either sign, and whatever
// its time. An error is a *problem.At; it wraps ErrEncoding, ErrInterval or ErrOrder, or a
// *csv.ParseError, if another Format would read the file.
func ReadProfile(fsys fs.FS, spec RecordingSpec, zone *time.Location) (*Profile, error) {
	spec.Signed = true
	rules, err := newRecordingRules(spec, NewCalendar(time.Date(2000, 1, 1, 0, 0, 0, 0, zone), 3600, 1))
	if err != nil {
		return nil, err
	}
	rows, err := rules.readRows(fsys)
	if err != nil {
		return nil, err
	}
	p := &profiler{rules: rules, rows: rows}
	p.Interval = twins.Seconds(rows.usual)
	if rows.spacing == asTheyCome {
		p.Interval = twins.Seconds(rows.interval)
	}
	p.From, p.To, p.Rows = time.Unix(rows.start, 0), time.Unix(rows.end, 0), rows.rows
	if err := rules.eachRow(fsys, rows, p.see); err != nil {
		return nil, err
	}
	p.finish()
	return &p.Profile, nil
}

// profiler collects a Profile.
type profiler struct {
	Profile
	rules *recordingRules
	rows  *survey
	file  *recordedFile
	index []int // per column of the file: that of Columns
	spans []profiledSpan
}

// profiledSpan is the time from the first to the last value of a column so far, Unix
// seconds, and the sum of the magnitudes of its values.
type profiledSpan struct {
	from, to int64
	last     int64
	sum      float64
}

func (p *profiler) see(file *recordedFile, row *tableRow) error {
	if p.file == nil {
		p.begin(file)
	}
	p.rules.watch.row(row)
	return file.eachField(row, func(column int, field recordedField) error {
		v, missing, err := p.rules.number(field, micro)
		switch {
		case missing:
			return nil
		case err != nil:
			text, help := strings.TrimSpace(field.text), ""
			if !strings.ContainsAny(text, "0123456789") {
				help = fmt.Sprintf(", or format: {missing: [%q]} in a scenario, if it stands for a missing value", text)
			}
			return p.rules.problem(field.line, "column %q: %q is not a number, wanted one with a decimal %s%s", field.column, text, map[byte]string{'.': "point", ',': "comma"}[p.rules.format.decimal], help)
		}
		p.rules.watch.value(column, field.text, float64(v)/micro)
		p.add(p.index[column], row, float64(v)/micro)
		return nil
	})
}

func (p *profiler) begin(file *recordedFile) {
	p.file = file
	p.rules.watch = p.rules.newWatch(file, p.rows.start, p.rows.end)
	known := map[string]int{}
	for _, c := range file.columns {
		at, ok := known[c.ours]
		if !ok {
			at = len(p.Columns)
			known[c.ours] = at
			p.Columns = append(p.Columns, ProfileColumn{Name: c.ours, Min: math.Inf(1), Max: math.Inf(-1)})
			p.spans = append(p.spans, profiledSpan{})
		}
		p.index = append(p.index, at)
	}
}

// add adds a value to a column, whose rows are in order of time or in the reverse order.
func (p *profiler) add(k int, row *tableRow, v float64) {
	c, span := &p.Columns[k], &p.spans[k]
	gap := max(row.from-span.to, span.from-row.to)
	if c.Values++; c.Values == 1 {
		*span, gap = profiledSpan{from: row.from, to: row.to, last: row.from}, 0
	}
	span.last = max(span.last, row.from)
	span.from, span.to, span.sum = min(span.from, row.from), max(span.to, row.to), span.sum+math.Abs(v)
	c.Min, c.Max = min(c.Min, v), max(c.Max, v)
	if gap > 0 {
		c.Gaps++
		c.Missing += gap / p.rows.usual
		c.Longest = max(c.Longest, twins.Seconds(gap))
	}
}

func (p *profiler) finish() {
	p.LeftOut, p.LeftLine, p.LeftText = p.file.undated.n, p.file.undated.line, p.file.undated.text
	for i, at := range p.index {
		c, w := &p.Columns[at], &p.rules.watch.columns[i]
		w.gaps.judge()
		c.Counter = w.count.counts(p.rules.unit.energy)
		c.CaughtUp, c.Falls = w.gaps.catchUps, w.count.resets
		if w.count.ups > 0 {
			c.Rise = w.count.rises / float64(w.count.ups)
		}
	}
	for k := range p.Columns {
		c, span := &p.Columns[k], &p.spans[k]
		if c.Values == 0 {
			c.Min, c.Max = 0, 0
			continue
		}
		c.From, c.To, c.Last, c.Mean = time.Unix(span.from, 0), time.Unix(span.to, 0), time.Unix(span.last, 0), span.sum/float64(c.Values)
	}
}

// mostHead bounds the bytes of the lines that ReadHead returns.
const mostHead = 64 << 20

// ReadHead returns the first lines of a file, at most so many, as text. It refuses lines of
// more than 64 MiB together.
func ReadHead(fsys fs.FS, file string, format Format, most int) (lines []string, err error) {
	f := &recordedFile{spec: RecordingSpec{File: file, Format: format}}
	if f.format, err = format.rules(); err != nil {
		return nil, recordedProblem(f.spec, 0, "%v", err)
	}
	if f.file, err = fsys.Open(path.Clean(file)); err != nil {
		return nil, openProblem(f.spec, err)
	}
	defer f.close()
	text, err := f.openText()
	if err != nil {
		return nil, err
	}
	for len(lines) < most {
		line, err := text.ReadString('\n')
		if f.text.what != "" {
			return nil, f.textProblem()
		}
		if err != nil && err != io.EOF {
			return nil, err
		}
		if line == "" {
			break
		}
		lines = append(lines, strings.TrimRight(line, "\r\n"))
		f.before += int64(len(line))
		f.text.consumed, f.text.rowAt = f.before, len(lines)+1
		if f.before > mostHead {
			return nil, f.problem(len(lines), "the lines up to this one have more than %d bytes, wanted shorter ones", mostHead)
		}
	}
	return lines, nil
}

// ColumnNames returns the names by which the fields of a header are called. Those that
// appear several times get their number behind: kWh (1), kWh (2).
func ColumnNames(header []string) []string {
	names := make([]string, len(header))
	counts, seen := map[string]int{}, map[string]int{}
	for i, name := range header {
		names[i] = strings.TrimSpace(name)
		counts[names[i]]++
	}
	for i, name := range names {
		if name != "" && counts[name] > 1 {
			seen[name]++
			names[i] = fmt.Sprintf("%s (%d)", name, seen[name])
		}
	}
	return names
}

// IsDate reports whether a text is a stamp with a date in this format; clock: with a time
// of day, offset: with the offset of its zone.
func (f Format) IsDate(text string) (is, clock, offset bool) {
	format, err := f.rules()
	if err != nil {
		return false, false, false
	}
	r := recordingRules{format: format, unixWall: zoneClock{loc: time.UTC}}
	s, ok := r.stamp(strings.TrimSpace(text))
	return ok && s.hasDay, ok && !s.dateOnly, ok && s.hasOffset
}

// Moment returns what clocks show at a stamp with a date and a time of day in this format, in seconds since
// 1970-01-01 00:00 on that clock; with an offset it is in UTC.
func (f Format) Moment(text string) (wall int64, ok bool) {
	format, err := f.rules()
	if err != nil {
		return 0, false
	}
	r := recordingRules{format: format, unixWall: zoneClock{loc: time.UTC}}
	s, ok := r.stamp(strings.TrimSpace(text))
	return s.day*SecondsPerDay + s.second - s.offset, ok && s.hasDay && !s.dateOnly
}

// Number returns a number that is written in this format.
func (f Format) Number(text string) (v float64, ok bool) {
	format, err := f.rules()
	if err != nil {
		return 0, false
	}
	n, err := format.parse(text, micro)
	return float64(n) / micro, err == nil
}
