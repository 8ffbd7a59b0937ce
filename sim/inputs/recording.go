package inputs

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/smatrix-grid/smatrix/sim/problem"
	"github.com/smatrix-grid/smatrix/twins"
)

// RecordingSpec is one entry of a scenario's recordings.
type RecordingSpec struct {
	ID   string `json:"id"`
	File string `json:"file"` // relative to the scenario; .gz is unpacked
	Time struct {
		Column string `json:"column"` // "" for a column named time
		Zone   string `json:"zone"`   // IANA name, or "" for the scenario's
		Stamps string `json:"stamps"` // start | end: which end of its interval a stamp names; "" is start
	} `json:"time"`
	Columns map[string]string `json:"columns"` // our name → column of the file; with one * in both, every column that matches; empty: all columns
	Unit    string            `json:"unit"`    // W | kW | Wh | kWh
	Gaps    string            `json:"gaps"`    // refuse | hold | linear | same_time_last_week; "" is refuse

	// Calendar maps the weeks of the scenario year to weeks of the record.
	// Empty: the record covers the run's own days.
	Calendar []CalendarPart `json:"calendar"`
	// Moves are the weeks by which copies of a column are moved, other than 0.
	// They need a Calendar.
	Moves []int `json:"-"`
	// Homes are the columns, by our name, that homes draw or generate, each with the
	// factor on it. Their values are compared with what a home can draw.
	Homes map[string]float64 `json:"-"`
}

// Recording has the values of a recorded file for each step of a run.
type Recording struct {
	ID       string
	Columns  []string        // our names, in the order of the file
	Values   [][]twins.Power // per column: mean power ≥ 0 of each step of the run, exact in sum
	Filled   int             // missing values that were filled: one per column and interval of the file that the run or a moved copy needs
	Interval twins.Seconds   // of the file
	Warnings []problem.Warning

	fit      *recordedFit
	energies [][]int64 // per column: energy of each slot of fit in mJ; only if copies are moved
}

// Moved returns the powers of a column in a copy that is moved by whole weeks:
// in scenario week w it has the values of the column in week w + weeks, counted
// cyclically through the scenario year. The weeks must be among the spec's
// Moves, or 0.
func (r *Recording) Moved(column, weeks int) []twins.Power {
	if weeks == 0 {
		return r.Values[column]
	}
	return r.fit.powers(r.energies[column], r.fit.slotsOf[weeks])
}

// Words in the fields of a RecordingSpec.
const (
	stampsStart = "start"
	stampsEnd   = "end"

	gapsRefuse   = "refuse"
	gapsHold     = "hold"
	gapsLinear   = "linear"
	gapsLastWeek = "same_time_last_week"
)

// recordedUnit is a unit of the values of a file.
type recordedUnit struct {
	name   string
	scale  int64 // mJ per unit; for a power, mW per unit
	energy bool  // a value is the energy of an interval, not its mean power
}

var recordedUnits = []recordedUnit{
	{name: "W", scale: int64(twins.Watt)},
	{name: "kW", scale: int64(twins.Kilowatt)},
	{name: "Wh", scale: int64(twins.WattHour), energy: true},
	{name: "kWh", scale: int64(twins.KilowattHour), energy: true},
}

// mostRecorded is the highest mean power that is accepted: 1e15 W, a thousand
// times the output of all power stations in the world.
const mostRecorded = 1_000_000 * twins.Gigawatt

// noValue stands for an empty field. Recorded energies are never negative.
const noValue = -1

// ReadRecording reads a file of recorded loads or generation and maps it to the
// steps of cal, whose length must be known.
//
// The file is CSV with a header, separated by commas, semicolons or tabs,
// packed with gzip if its name ends in .gz. Time stamps are RFC 3339, or a date
// and a time of day in the recording's zone, or a time of day alone, which is
// on the run's first day. In an hour that clocks show twice, a stamp without an
// offset means the first occurrence, unless that is not later than the row
// before. The file's interval is the most frequent distance between two rows;
// it divides the step or is a multiple of it. Values are exact: over the run,
// the power of a column times the step differs from its recorded energy by less
// than one milliwatt held for one step, and not at all where powers are whole
// milliwatts.
//
// A missing row or an empty field is a gap. Where the run needs a value, gaps
// are refused, or filled and counted; elsewhere in the file they are allowed.
// Hold repeats the last recorded value, linear interpolates between the
// recorded neighbours, same_time_last_week takes the value 7·24 h earlier, and
// if that is a gap as well, the value a week before it; each may use rows
// outside the run. All other checks cover the whole file.
//
// With a Calendar, the record may be from another year, place and hemisphere:
// see CalendarPart.
//
// An error in the file or in the spec is a *problem.At.
func ReadRecording(fsys fs.FS, spec RecordingSpec, cal *Calendar) (*Recording, error) {
	rules, err := newRecordingRules(spec, cal)
	if err != nil {
		return nil, err
	}
	rows, err := rules.readRows(fsys)
	if err != nil {
		return nil, err
	}
	fit, err := rules.fit(rows)
	if err != nil {
		return nil, err
	}
	columns, values, err := rules.readValues(fsys, rows, fit)
	if err != nil {
		return nil, err
	}
	r := &Recording{ID: spec.ID, Interval: twins.Seconds(rows.interval), fit: fit, Warnings: rules.watch.warnings()}
	for i, column := range columns {
		energies, filled, err := fit.energies(column.theirs, values[i])
		if err != nil {
			return nil, err
		}
		r.Columns = append(r.Columns, column.ours)
		r.Values = append(r.Values, fit.powers(energies, fit.slotsOf[0]))
		if len(spec.Moves) > 0 {
			r.energies = append(r.energies, energies)
		}
		r.Filled += filled
	}
	return r, nil
}

// RecordingColumns reads the header of a recording's file and returns our names
// for its columns, in the order of the file. An error in the header or in
// spec.Columns is a *problem.At.
func RecordingColumns(fsys fs.FS, spec RecordingSpec) ([]string, error) {
	f, err := openRecorded(fsys, spec)
	if err != nil {
		return nil, err
	}
	defer f.close()
	names := make([]string, len(f.columns))
	for i, column := range f.columns {
		names[i] = column.ours
	}
	return names, nil
}

// recordingRules are the parsed fields of a RecordingSpec.
type recordingRules struct {
	spec RecordingSpec
	cal  *Calendar
	zone *time.Location
	unit recordedUnit
	end  bool // stamps name the end of their interval
	gaps string

	weeks *weekMap // nil: the record covers the run's own days
	moves []int    // 0 and spec.Moves
	watch *fileWatch
}

func newRecordingRules(spec RecordingSpec, cal *Calendar) (*recordingRules, error) {
	r := &recordingRules{spec: spec, cal: cal, zone: cal.Start.Location()}
	unit := slices.IndexFunc(recordedUnits, func(u recordedUnit) bool { return u.name == spec.Unit })
	if unit < 0 {
		return nil, recordedProblem(spec, 0, "unit %q is unknown, wanted W, kW, Wh or kWh", spec.Unit)
	}
	r.unit = recordedUnits[unit]

	switch spec.Time.Stamps {
	case "", stampsStart:
	case stampsEnd:
		r.end = true
	default:
		return nil, recordedProblem(spec, 0, "stamps %q is unknown, wanted start or end", spec.Time.Stamps)
	}

	switch r.gaps = cmp.Or(spec.Gaps, gapsRefuse); r.gaps {
	case gapsRefuse, gapsHold, gapsLinear, gapsLastWeek:
	default:
		return nil, recordedProblem(spec, 0, "gaps %q is unknown, wanted refuse, hold, linear or same_time_last_week", spec.Gaps)
	}

	if name := spec.Time.Zone; name != "" {
		zone, err := time.LoadLocation(name)
		if err != nil || name == "Local" { // Local would make the run depend on the machine
			return nil, recordedProblem(spec, 0, "time zone %q is unknown, wanted a name such as Europe/Berlin", name)
		}
		r.zone = zone
	}
	return r, r.readCalendar()
}

// readCalendar parses the calendar. Under a calendar, stamps are read as wall
// time of the record, whatever its zone.
func (r *recordingRules) readCalendar() error {
	r.moves = append([]int{0}, r.spec.Moves...)
	if len(r.spec.Calendar) == 0 {
		if len(r.spec.Moves) > 0 {
			return recordedProblem(r.spec, 0, "no calendar, wanted one: without it there is no year in which a copy could be moved by weeks")
		}
		return nil
	}
	weeks, wrong := newWeekMap(r.spec.Calendar)
	if wrong != nil {
		return recordedProblem(r.spec, 0, "calendar: %s", wrong.What)
	}
	r.weeks, r.zone = weeks, time.UTC
	return nil
}

func (r *recordingRules) problem(line int, format string, args ...any) error {
	return recordedProblem(r.spec, line, format, args...)
}

func recordedProblem(spec RecordingSpec, line int, format string, args ...any) error {
	return &problem.At{File: cmp.Or(spec.File, spec.ID), Line: line, What: fmt.Sprintf(format, args...)}
}

// The file.

// recordedFile reads a CSV record by record.
type recordedFile struct {
	spec       RecordingSpec
	file       fs.File
	text       *checkedText
	csv        *csv.Reader
	header     []string
	headerLine int
	time       int // index of the column with the stamps
	columns    []recordedColumn
}

// recordedColumn is a column of the file that is read, with our name and the
// file's name for it.
type recordedColumn struct {
	ours, theirs string
	index        int
}

// openRecorded opens the file of spec and reads its header.
func openRecorded(fsys fs.FS, spec RecordingSpec) (*recordedFile, error) {
	if spec.File == "" {
		return nil, recordedProblem(spec, 0, "no file, wanted a CSV beside the scenario")
	}
	f := &recordedFile{spec: spec}
	var err error
	if f.file, err = fsys.Open(path.Clean(spec.File)); err != nil {
		return nil, openProblem(spec, err)
	}
	if err = f.readHeader(); err != nil {
		f.close()
		return nil, err
	}
	return f, nil
}

func openProblem(spec RecordingSpec, err error) error {
	what := "cannot be opened: " + err.Error()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		what = "no such file, wanted a CSV beside the scenario"
	case errors.Is(err, fs.ErrInvalid):
		what = "is not a path that can be opened, wanted one relative to the scenario, within its folder"
	}
	return &problem.At{File: spec.File, What: what, Err: err}
}

func (f *recordedFile) close() { f.file.Close() }

func (f *recordedFile) problem(line int, format string, args ...any) error {
	return recordedProblem(f.spec, line, format, args...)
}

func (f *recordedFile) readHeader() error {
	var bytesOf io.Reader = f.file
	if strings.HasSuffix(strings.ToLower(f.spec.File), ".gz") {
		unpacked, err := gzip.NewReader(f.file)
		if err != nil {
			return f.problem(0, "is not gzip, wanted a gzip file as its name says, or a name without .gz")
		}
		bytesOf = unpacked
	}
	f.text = &checkedText{from: bytesOf, line: 1}
	text := bufio.NewReaderSize(f.text, 1<<16)
	if start, _ := text.Peek(3); string(start) == "\ufeff" {
		text.Discard(3)
	}
	f.csv = csv.NewReader(text)
	f.csv.Comma = separatorOf(text)
	f.csv.FieldsPerRecord = -1 // next counts the fields, and its error has the number that was wanted
	f.csv.ReuseRecord = true

	fields, line, err := f.next()
	if err == io.EOF {
		return f.problem(0, "is empty, wanted a header and rows")
	}
	if err != nil {
		return err
	}
	f.headerLine = line
	f.header = slices.Clone(fields)
	return f.mapHeader()
}

// separatorOf returns the separator of fields: a comma, or the semicolon or tab
// if the first line has more of these outside quotes.
func separatorOf(text *bufio.Reader) rune {
	head, _ := text.Peek(text.Size())
	head = bytes.TrimLeft(head, "\r\n")
	counts := map[rune]int{}
	quoted := false
	for _, c := range string(head) {
		if c == '\n' && !quoted {
			break
		}
		if c == '"' {
			quoted = !quoted
		} else if !quoted {
			counts[c]++
		}
	}
	best := ','
	for _, c := range ";\t" {
		if counts[c] > counts[best] {
			best = c
		}
	}
	return best
}

// next returns the fields of the next record and its line; io.EOF after the
// last. The fields are valid until the next call.
func (f *recordedFile) next() (fields []string, line int, err error) {
	fields, err = f.csv.Read()
	var syntax *csv.ParseError
	switch {
	case f.text.what != "": // takes precedence over the error that the CSV reader makes of it
		return nil, 0, &problem.At{File: f.spec.File, Line: f.text.badLine, What: f.text.what, Err: f.text.err}
	case errors.As(err, &syntax):
		return nil, 0, &problem.At{File: f.spec.File, Line: syntax.StartLine, Err: err,
			What: "a quotation mark out of place, wanted quoted fields as in \"a\"\"b\""}
	case err != nil:
		return nil, 0, err
	}
	line, _ = f.csv.FieldPos(0)
	if f.header != nil && len(fields) != len(f.header) {
		return nil, 0, f.problem(line, "%s, wanted %d as in the header", countText(len(fields), "field"), len(f.header))
	}
	return fields, line, nil
}

// checkedText passes text through and fails at the first byte that is not text
// in UTF-8. Without it, such a file would give misleading errors about quotes
// and fields.
type checkedText struct {
	from io.Reader
	line int
	rune []byte // bytes of a character that is not complete yet

	what    string // the error in words, "" if there is none
	badLine int
	err     error
}

func (t *checkedText) Read(p []byte) (int, error) {
	n, err := t.from.Read(p)
	for _, b := range p[:n] {
		if !t.accept(b) {
			return 0, t.fail(t.line, "is not text, wanted a CSV in UTF-8", nil)
		}
	}
	if err == io.EOF && len(t.rune) > 0 {
		return 0, t.fail(t.line, "is not text, wanted a CSV in UTF-8", nil)
	}
	if err != nil && err != io.EOF {
		return 0, t.fail(0, "cannot be read to its end: "+err.Error(), err)
	}
	return n, err
}

func (t *checkedText) fail(line int, what string, err error) error {
	t.badLine, t.what, t.err = line, what, err
	return errors.New(what)
}

func (t *checkedText) accept(b byte) bool {
	if b < utf8.RuneSelf && len(t.rune) == 0 {
		if b == '\n' {
			t.line++
		}
		return b != 0
	}
	t.rune = append(t.rune, b)
	if !utf8.FullRune(t.rune) {
		return true
	}
	r, size := utf8.DecodeRune(t.rune)
	t.rune = t.rune[:0]
	return r != utf8.RuneError || size > 1
}

// The columns.

func (f *recordedFile) mapHeader() error {
	seen := map[string]bool{}
	for i, name := range f.header {
		name = strings.TrimSpace(name)
		if f.header[i] = name; name != "" && seen[name] {
			return f.problem(f.headerLine, "column %q appears twice, wanted each name once", name)
		}
		seen[name] = true
	}
	stamps := cmp.Or(f.spec.Time.Column, "time")
	if f.time = slices.Index(f.header, stamps); f.time < 0 {
		return f.problem(f.headerLine, "no column %q for the time, wanted one of the header such as %s", stamps, nearestNames(stamps, f.header))
	}
	var err error
	if len(f.spec.Columns) == 0 {
		err = f.mapAll()
	} else {
		err = f.mapSome()
	}
	slices.SortFunc(f.columns, func(a, b recordedColumn) int {
		return cmp.Or(cmp.Compare(a.index, b.index), strings.Compare(a.ours, b.ours))
	})
	return err
}

// mapAll maps every column except the time, each under its own name.
func (f *recordedFile) mapAll() error {
	for i, name := range f.header {
		if i == f.time {
			continue
		}
		if name == "" {
			return f.problem(f.headerLine, "column %d has no name, wanted a name, or the columns to be read to be listed", i+1)
		}
		f.columns = append(f.columns, recordedColumn{name, name, i})
	}
	if len(f.columns) == 0 {
		return f.problem(f.headerLine, "no column but the time, wanted at least one with values")
	}
	return nil
}

// mapSome maps the columns that spec.Columns names. Keys are visited in order,
// so that the same mistake always gives the same message.
func (f *recordedFile) mapSome() error {
	from := map[string]string{} // our name → key of spec.Columns that gave it
	for _, key := range sortedKeys(f.spec.Columns) {
		found, err := f.find(key, f.spec.Columns[key])
		if err != nil {
			return err
		}
		for _, column := range found {
			if other, twice := from[column.ours]; twice {
				return f.problem(f.headerLine, "name %q is given twice, by %q and by %q, wanted each name once", column.ours, other, key)
			}
			from[column.ours] = key
			f.columns = append(f.columns, column)
		}
	}
	return nil
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// find returns the columns that match one entry of spec.Columns, at least one.
func (f *recordedFile) find(ours, theirs string) ([]recordedColumn, error) {
	stars := strings.Count(ours, "*")
	if stars != strings.Count(theirs, "*") || stars > 1 {
		return nil, f.problem(f.headerLine, "columns %q: %q, wanted one * on both sides or on neither", ours, theirs)
	}
	if theirs == f.header[f.time] {
		return nil, f.problem(f.headerLine, "column %q has the time, wanted one with values", theirs)
	}
	var found []recordedColumn
	for i, name := range f.header {
		switch part, fits := starred(theirs, name); {
		case i == f.time:
		case stars == 1 && fits:
			found = append(found, recordedColumn{strings.Replace(ours, "*", part, 1), name, i})
		case stars == 0 && name == theirs && name != "":
			found = append(found, recordedColumn{ours, name, i})
		}
	}
	if len(found) > 0 {
		return found, nil
	}
	values := slices.Delete(slices.Clone(f.header), f.time, f.time+1)
	if stars == 1 {
		return nil, f.problem(f.headerLine, "no column fits %q, wanted one of the header such as %s", theirs, nearestNames(theirs, values))
	}
	return nil, f.problem(f.headerLine, "no column %q, wanted one of the header such as %s", theirs, nearestNames(theirs, values))
}

// starred matches name with a pattern and returns the text in place of its *,
// which is not empty if the name fits.
func starred(pattern, name string) (part string, fits bool) {
	before, after, _ := strings.Cut(pattern, "*")
	if len(name) <= len(before)+len(after) || !strings.HasPrefix(name, before) || !strings.HasSuffix(name, after) {
		return "", false
	}
	return name[len(before) : len(name)-len(after)], true
}

// nearestNames returns, quoted for a message, up to three of the names with the
// smallest edit distance from name.
func nearestNames(name string, names []string) string {
	var nearest []string
	least := math.MaxInt
	for _, n := range names {
		changes := problem.Distance(strings.ToLower(name), strings.ToLower(n))
		if changes < least {
			nearest, least = nil, changes
		}
		if changes == least && len(nearest) < 3 {
			nearest = append(nearest, strconv.Quote(n))
		}
	}
	if len(nearest) == 0 {
		return "none: it has the time only"
	}
	return strings.Join(nearest, ", ")
}

// The stamps.

// recordedRows has the times of the rows of a file.
type recordedRows struct {
	first    int64   // Unix second at which the interval of the first row starts
	interval int64   // seconds
	slots    []int64 // per row: how many intervals after the first, ascending from 0
	lines    []int
}

// readRows reads the stamps of the whole file.
func (r *recordingRules) readRows(fsys fs.FS) (*recordedRows, error) {
	f, err := openRecorded(fsys, r.spec)
	if err != nil {
		return nil, err
	}
	defer f.close()
	rows := &recordedRows{}
	var times []int64
	var stamps []string
	for {
		fields, line, err := f.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		stamp := strings.TrimSpace(fields[f.time])
		var before string
		after := int64(math.MinInt64)
		if len(times) > 0 {
			before, after = stamps[len(stamps)-1], times[len(times)-1]
		}
		at, err := r.timeOf(stamp, after, before, line)
		if err != nil {
			return nil, err
		}
		times, stamps, rows.lines = append(times, at), append(stamps, strings.Clone(stamp)), append(rows.lines, line)
	}
	switch len(times) {
	case 0:
		return nil, r.problem(f.headerLine, "a header and no rows, wanted two rows or more")
	case 1:
		return nil, r.problem(rows.lines[0], "a single row, wanted two or more: the time between rows says how long a value holds")
	}
	return rows, r.number(rows, times, stamps)
}

// timeOf returns the Unix second of a stamp. It must be later than after, the
// Unix second of the row before, whose stamp is before.
func (r *recordingRules) timeOf(text string, after int64, before string, line int) (int64, error) {
	s, ok := parseStamp(text)
	if !ok {
		return 0, r.problem(line, "time %q cannot be read, wanted one like 2024-01-31 16:45, 2024-01-31T16:45:00+01:00 or 16:45", text)
	}
	if r.weeks != nil {
		if s.hasOffset = false; !s.hasDay {
			return 0, r.problem(line, "time %q has no date, wanted one: the calendar says which day lies where", text)
		}
	}
	var at int64
	if s.hasOffset {
		at = s.day*SecondsPerDay + s.second - s.offset
	} else {
		if !s.hasDay {
			s.day = r.cal.firstDay()
		}
		first, last, exists := wallInstants(r.zone, s.day*SecondsPerDay+s.second)
		if !exists {
			return 0, r.problem(line, "time %q does not exist in %s, where clocks skip it, wanted an offset (+01:00) or the zone of the file", text, r.zone)
		}
		if at = first; at <= after {
			at = last
		}
	}
	if at == after {
		return 0, r.problem(line, "time %q appears twice, wanted each once", text)
	}
	if at < after {
		return 0, r.problem(line, "time %q comes after %q, wanted rows in the order of time", text, before)
	}
	return at, nil
}

// number finds the interval and the slot of each row.
func (r *recordingRules) number(rows *recordedRows, times []int64, stamps []string) error {
	counts := map[int64]int{}
	for i := 1; i < len(times); i++ {
		counts[times[i]-times[i-1]]++
	}
	for apart, count := range counts { // a gap is longer than the interval, so the shorter of two wins
		if best := counts[rows.interval]; count > best || count == best && apart < rows.interval {
			rows.interval = apart
		}
	}
	rows.slots = make([]int64, len(times))
	for i, at := range times {
		since := at - times[0]
		if since%rows.interval != 0 {
			return r.problem(rows.lines[i], "time %q is no whole number of intervals after %q, wanted one value every %s",
				stamps[i], stamps[0], spanText(rows.interval))
		}
		rows.slots[i] = since / rows.interval
	}
	if rows.first = times[0]; r.end {
		rows.first -= rows.interval
	}
	return nil
}

// recordedStamp is a parsed time stamp.
type recordedStamp struct {
	day       int64 // since 1970-01-01
	second    int64 // of the day, 0 … 86,400
	offset    int64 // seconds east of UTC
	hasDay    bool
	hasOffset bool
}

// parseStamp reads a date and a time of day, with or without an offset, or a
// time of day alone. 24:00 is the end of a day.
func parseStamp(text string) (s recordedStamp, ok bool) {
	clock := text
	if len(text) > 11 && (text[10] == 'T' || text[10] == ' ') {
		date, err := time.Parse(time.DateOnly, text[:10])
		if err != nil {
			return s, false
		}
		s.day, s.hasDay = dayNumber(date), true
		clock = text[11:]
		if i := strings.IndexAny(clock, "Z+-"); i >= 0 {
			zone, err := time.Parse("Z07:00", clock[i:])
			if err != nil {
				return s, false
			}
			_, offset := zone.Zone()
			s.offset, s.hasOffset = int64(offset), true
			clock = clock[:i]
		}
	}
	s.second, ok = parseClock(clock)
	return s, ok
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

// The values.

// readValues reads the mapped columns of the whole file, in mJ per interval.
func (r *recordingRules) readValues(fsys fs.FS, rows *recordedRows, fit *recordedFit) ([]recordedColumn, [][]int64, error) {
	f, err := openRecorded(fsys, r.spec)
	if err != nil {
		return nil, nil, err
	}
	defer f.close()
	reader := recordedValues{rules: r, scale: r.unit.scale, interval: rows.interval, most: fit.mostEnergy()}
	if !r.unit.energy {
		reader.scale *= rows.interval
	}
	values := make([][]int64, len(f.columns))
	for i := range values {
		values[i] = make([]int64, len(rows.slots))
	}
	r.watch = r.newWatch(f.columns, rows.starts(fit.from), rows.starts(fit.to))
	for n := range rows.slots {
		fields, line, err := f.next()
		if err == nil && line != rows.lines[n] || err == io.EOF {
			return nil, nil, r.problem(0, "has changed while it was read, wanted a file that does not change")
		}
		if err != nil {
			return nil, nil, err
		}
		r.watch.row(line, rows.starts(rows.slots[n]), rows.interval)
		for i, column := range f.columns {
			v, err := reader.read(fields[column.index], column.theirs, line)
			if err != nil {
				return nil, nil, err
			}
			if v != noValue {
				r.watch.value(i, fields[column.index], float64(v)/float64(reader.scale))
			}
			if values[i][n] = v; v == noValue && r.gaps == gapsRefuse && fit.needs(rows.slots[n]) {
				return nil, nil, r.problem(line, "column %q: no value, wanted %s, or gaps: hold, linear or same_time_last_week", column.theirs, r.unit.name)
			}
		}
	}
	return f.columns, values, nil
}

// recordedValues reads the fields of a file with one unit and one interval.
type recordedValues struct {
	rules    *recordingRules
	scale    int64 // mJ per unit
	interval int64
	most     int64 // mJ
}

// read returns the energy of a field in mJ, rounded to a whole one, or noValue.
func (v *recordedValues) read(text, column string, line int) (int64, error) {
	if strings.TrimSpace(text) == "" {
		return noValue, nil
	}
	e, err := twins.ParseScaled(text, v.scale)
	if err == nil && 0 <= e && e <= v.most {
		return e, nil
	}
	return 0, v.rules.problem(line, "column %q: %q %s", column, text, v.complaint(text, e, err))
}

// complaint returns the error text for a field; e and err are the results of
// parsing it.
func (v *recordedValues) complaint(text string, e int64, err error) string {
	unit := v.rules.unit.name
	about, notFloat := strconv.ParseFloat(strings.TrimSpace(text), 64)
	isNumber := err == nil || !math.IsNaN(about) && (notFloat == nil && !math.IsInf(about, 0) || errors.Is(notFloat, strconv.ErrRange))
	switch {
	case isNumber && about < 0:
		return "is negative, wanted " + unit + " of 0 or more"
	case isNumber && (e > v.most || about*float64(v.scale) > float64(v.most)):
		return fmt.Sprintf("%s is too large, wanted a mean power of at most %d W", unit, twins.Power(v.most/v.interval)/twins.Watt)
	case strings.Count(text, ",") == 1:
		return "is not a number, wanted " + unit + " with a decimal point"
	}
	return "is not a number, wanted " + unit
}

// The mapping to steps.

// recordedFit maps the intervals of a file, its slots, to the steps of a run.
type recordedFit struct {
	rules      *recordingRules
	rows       *recordedRows
	step       int64           // seconds
	slotsOf    map[int][]int32 // per move in weeks: the first slot of each step
	from, to   int64           // range of slots that the run needs, from ≤ slot < to
	needed     []bool          // per slot from … to: the run needs it; nil if it needs all of them
	rowOf      []int32         // per slot from … to: its row, or noValue
	weekOfRows int64           // slots in a week, 0 if that is not a whole number
}

// fit checks that the recording has one value for each moment of the run.
func (r *recordingRules) fit(rows *recordedRows) (*recordedFit, error) {
	f := &recordedFit{rules: r, rows: rows, step: int64(r.cal.Step), slotsOf: map[int][]int32{}}
	if f.step%rows.interval != 0 && rows.interval%f.step != 0 {
		return nil, r.problem(0, "one value every %s does not fit steps of %s, wanted one that is a whole number of the other",
			spanText(rows.interval), spanText(f.step))
	}
	mapSlots := f.mapDays
	if r.weeks != nil {
		mapSlots = f.mapWeeks
	}
	if err := mapSlots(); err != nil {
		return nil, err
	}
	if secondsPerWeek := int64(7 * SecondsPerDay); secondsPerWeek%rows.interval == 0 {
		f.weekOfRows = secondsPerWeek / rows.interval
	}
	return f, f.findRows()
}

// perStep returns the number of slots in a step; 1 if several steps share one
// slot.
func (f *recordedFit) perStep() int64 { return max(f.step/f.rows.interval, 1) }

// mapDays maps a record of the run's own days: each moment of the run to the
// same moment of the record.
func (f *recordedFit) mapDays() error {
	r, rows := f.rules, f.rows
	start := r.cal.Start.Unix()
	if (start-rows.first)%min(f.step, rows.interval) != 0 {
		return r.problem(rows.lines[0], "the interval that starts at %s does not meet the run's steps of %s from %s, wanted both to start together",
			r.local(rows.first), spanText(f.step), r.local(start))
	}
	end := r.cal.Unix(r.cal.Steps)
	if start < rows.first || end > rows.end() {
		return r.problem(0, "covers %s to %s, wanted %s to %s, which is the run (times in %s)",
			r.local(rows.first), r.local(rows.end()), r.local(start), r.local(end), r.zoneShown())
	}
	slots := make([]int32, r.cal.Steps)
	for k := range slots {
		slots[k] = int32((r.cal.Unix(twins.Tick(k)) - rows.first) / rows.interval)
	}
	f.slotsOf[0] = slots
	f.from = (start - rows.first) / rows.interval
	f.to = -quoFloor(rows.first-end, rows.interval)
	return nil
}

// end returns the Unix second at which the last row's interval ends.
func (rows *recordedRows) end() int64 {
	return rows.first + (rows.slots[len(rows.slots)-1]+1)*rows.interval
}

// starts returns the Unix second at which a slot starts.
func (rows *recordedRows) starts(slot int64) int64 { return rows.first + slot*rows.interval }

// findRows fills rowOf, and refuses missing rows if gaps are refused.
func (f *recordedFit) findRows() error {
	f.rowOf = make([]int32, f.to-f.from)
	row, _ := slices.BinarySearch(f.rows.slots, f.from)
	for i := range f.rowOf {
		slot := f.from + int64(i)
		if f.rows.slots[row] == slot { // the file covers the run, so each slot has a row at or after it
			f.rowOf[i] = int32(row)
			row++
			continue
		}
		f.rowOf[i] = noValue
		if f.rules.gaps == gapsRefuse && f.needs(slot) {
			return f.rules.problem(f.rows.lines[row], "no row for %s before this one, wanted one every %s, or gaps: hold, linear or same_time_last_week",
				f.local(slot), spanText(f.rows.interval))
		}
	}
	return nil
}

// needs reports whether the run needs a slot.
func (f *recordedFit) needs(slot int64) bool {
	return f.from <= slot && slot < f.to && (f.needed == nil || f.needed[slot-f.from])
}

// mostEnergy returns the highest energy of an interval that is accepted, in mJ:
// that of the mean power mostRecorded, or less if the energy of a step or an
// interval plus a remainder would not fit into an Energy.
func (f *recordedFit) mostEnergy() int64 {
	power := min(int64(mostRecorded), math.MaxInt64/max(f.step, f.rows.interval)-1)
	return power * f.rows.interval
}

// powers returns the power of each step, given the energies of the slots from …
// to. The remainder of a division is carried into the next step: all powers
// together fall short of the energies by less than one milliwatt over one step,
// and a power that is a whole number of milliwatts in the file is the same in
// the run as long as nothing is carried.
func (f *recordedFit) powers(energies []int64, slots []int32) []twins.Power {
	span := max(f.step, f.rows.interval) // s, of the energy below
	powers := make([]twins.Power, len(slots))
	var carry int64 // mJ, 0 ≤ carry < span
	for k, slot := range slots {
		first := int64(slot) - f.from
		energy := carry
		for i := range f.perStep() {
			energy += energies[first+i]
		}
		powers[k], carry = twins.Power(energy/span), energy%span
	}
	return powers
}

// The gaps.

// energies returns the energies of the slots from … to of one column, given
// those of the file's rows, with gaps filled, and the number of filled values.
func (f *recordedFit) energies(column string, values []int64) (energies []int64, filled int, err error) {
	energies = make([]int64, len(f.rowOf))
	for i, row := range f.rowOf {
		energies[i] = noValue
		if row != noValue {
			energies[i] = values[row]
		}
	}
	for i := 0; i < len(energies); i++ {
		if energies[i] != noValue {
			continue
		}
		end := i
		for end < len(energies) && energies[end] == noValue {
			end++
		}
		if needed := f.countNeeded(i, end); needed > 0 {
			if err := f.fill(recordedGap{column, values, energies, i, end}); err != nil {
				return nil, 0, err
			}
			filled += needed
		}
		i = end
	}
	return energies, filled, nil
}

// countNeeded counts the slots with from ≤ index < to that the run needs.
func (f *recordedFit) countNeeded(from, to int) (n int) {
	for i := from; i < to; i++ {
		if f.needs(f.from + int64(i)) {
			n++
		}
	}
	return n
}

// recordedGap is a range of a column's slots, from ≤ index < to, that have no
// value.
type recordedGap struct {
	column   string
	values   []int64 // of the file's rows
	energies []int64 // of the run's slots, complete up to the gap
	from, to int
}

func (f *recordedFit) fill(g recordedGap) error {
	switch f.rules.gaps {
	case gapsHold:
		return f.fillHold(g)
	case gapsLinear:
		return f.fillLinear(g)
	case gapsLastWeek:
		return f.fillLastWeek(g)
	}
	panic("sim: a gap was neither refused nor filled")
}

func (f *recordedFit) fillHold(g recordedGap) error {
	_, value, ok := f.recordedBefore(g)
	if !ok {
		return f.gapProblem(g, g.from, "none before it to hold")
	}
	for i := g.from; i < g.to; i++ {
		g.energies[i] = value
	}
	return nil
}

func (f *recordedFit) fillLinear(g recordedGap) error {
	left, from, ok := f.recordedBefore(g)
	if !ok {
		return f.gapProblem(g, g.from, "none before it, wanted neighbours on both sides")
	}
	right, to, ok := f.recordedAfter(g)
	if !ok {
		return f.gapProblem(g, g.from, "none after it, wanted neighbours on both sides")
	}
	for i := g.from; i < g.to; i++ {
		part, _ := twins.MulDiv(to-from, f.from+int64(i)-left, right-left)
		g.energies[i] = from + part
	}
	return nil
}

func (f *recordedFit) fillLastWeek(g recordedGap) error {
	for i := g.from; i < g.to; i++ {
		value, ok := f.lastWeek(g, i)
		if !ok && !f.needs(f.from+int64(i)) {
			continue
		}
		if !ok {
			return f.gapProblem(g, i, "none 7 days before it")
		}
		g.energies[i] = value
	}
	return nil
}

// lastWeek returns the value a week before index i: that of the run, recorded
// or filled, or else the latest value of the file that lies a whole number of
// weeks earlier.
func (f *recordedFit) lastWeek(g recordedGap, i int) (value int64, ok bool) {
	if f.weekOfRows == 0 {
		return 0, false
	}
	if before := int64(i) - f.weekOfRows; before >= 0 && g.energies[before] != noValue {
		return g.energies[before], true
	}
	for slot := f.from + int64(i) - f.weekOfRows; slot >= 0; slot -= f.weekOfRows {
		row, found := slices.BinarySearch(f.rows.slots, slot)
		if found && g.values[row] != noValue {
			return g.values[row], true
		}
	}
	return 0, false
}

// recordedBefore returns the last slot before the gap that has a value: the
// gap's neighbour within the run, or the last row of the file before the run
// that has one.
func (f *recordedFit) recordedBefore(g recordedGap) (slot, value int64, ok bool) {
	if g.from > 0 {
		return f.from + int64(g.from) - 1, g.energies[g.from-1], true
	}
	row, _ := slices.BinarySearch(f.rows.slots, f.from)
	for row--; row >= 0; row-- {
		if g.values[row] != noValue {
			return f.rows.slots[row], g.values[row], true
		}
	}
	return 0, 0, false
}

// recordedAfter returns the first slot after the gap with a value.
func (f *recordedFit) recordedAfter(g recordedGap) (slot, value int64, ok bool) {
	if g.to < len(g.energies) {
		return f.from + int64(g.to), g.energies[g.to], true
	}
	row, _ := slices.BinarySearch(f.rows.slots, f.to)
	for ; row < len(g.values); row++ {
		if g.values[row] != noValue {
			return f.rows.slots[row], g.values[row], true
		}
	}
	return 0, 0, false
}

// gapProblem returns the error about a gap that cannot be filled. Its line is
// that of the row, or of the next row if the row is missing.
func (f *recordedFit) gapProblem(g recordedGap, i int, why string) error {
	slot := f.from + int64(i)
	row, _ := slices.BinarySearch(f.rows.slots, slot)
	return f.rules.problem(f.rows.lines[row], "column %q: no value for %s and %s (gaps: %s)", g.column, f.local(slot), why, f.rules.gaps)
}

// local returns the start of a slot as a time for a message, in zoneShown.
func (f *recordedFit) local(slot int64) string {
	return f.rules.local(f.rows.first + slot*f.rows.interval)
}

func (r *recordingRules) local(unix int64) string {
	return timeText(time.Unix(unix, 0).In(r.zoneShown()))
}

// zoneShown returns the zone of times in messages: that of the run, or under a
// calendar that of the record.
func (r *recordingRules) zoneShown() *time.Location {
	if r.weeks != nil {
		return r.zone
	}
	return r.cal.Start.Location()
}

func countText(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
