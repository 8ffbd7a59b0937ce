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
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"github.com/smatrix-grid/smatrix/sim/problem"
)

const (
	// mostRowBytes bounds the memory of a row: a thousand columns of a
	// kilobyte each.
	mostRowBytes = 1 << 20
	// mostFieldBytes bounds a field, which is a number, a time or a name.
	mostFieldBytes = 1 << 16
	// mostFileBytes bounds the time that a file takes, above all one that is
	// packed: a year of seconds of a hundred columns is 20 GB.
	mostFileBytes = 32 << 30
	// textBuffers is how much is read ahead of a row.
	textBuffers = 1 << 18
	// mostPreamble bounds the lines before a header.
	mostPreamble = 1000
	// mostMeters bounds the meters of a long table.
	mostMeters = 1_000_000
)

// recordedFile reads a CSV row by row, whatever its Format. Every input is
// read with it.
type recordedFile struct {
	spec       RecordingSpec
	format     formatRules
	file       fs.File
	text       *checkedText
	csv        *csv.Reader
	skipped    int      // lines before those that csv reads
	before     int64    // and their bytes
	first      []string // the first row, if it was read in place of a header
	header     []string
	headerLine int
	time       int // index of the column with the stamps
	clock      int // index of the column with the time of day, -1 if there is none
	meter      int // index of the column that names the meter, -1 if there is none
	value      int // index of the column of values of a long table
	units      int // index of the column that names the unit of a row, -1 if there is none
	columns    []recordedColumn
	ofMeter    map[string][]int // by meter of a long table: its columns
	undated    leftOutRows
}

// leftOutRows are the rows that were left out of a file.
type leftOutRows struct {
	n    int64
	line int    // of the first one
	text string // and its fields
}

// recordedColumn is a column of the file that is read, with our name and the
// file's name for it. In a long table it is a meter.
type recordedColumn struct {
	ours, theirs string
	index        int  // in the header; in a long table, in the order of the meters
	added        bool // to an earlier one of the same name
	sum          bool // others are added to it, or it to another
	less         bool // it is subtracted
}

// openRecorded opens the file of spec and reads its header, and in a long table
// the names of its meters.
func openRecorded(fsys fs.FS, spec RecordingSpec) (*recordedFile, error) {
	f, err := openTable(fsys, spec)
	if err != nil {
		return nil, err
	}
	if f.meter >= 0 && spec.meters == nil {
		spec.meters, err = f.readMeters()
		f.close()
		if err != nil {
			return nil, err
		}
		if f, err = openTable(fsys, spec); err != nil {
			return nil, err
		}
	}
	if err := f.mapColumns(); err != nil {
		f.close()
		return nil, err
	}
	return f, nil
}

// openTable opens the file of spec and finds its header.
func openTable(fsys fs.FS, spec RecordingSpec) (*recordedFile, error) {
	if spec.File == "" {
		return nil, recordedProblem(spec, 0, "no file, wanted a CSV beside the scenario")
	}
	f := &recordedFile{spec: spec, clock: -1, meter: -1, units: -1}
	var err error
	if f.format, err = spec.Format.rules(); err != nil {
		return nil, recordedProblem(spec, 0, "%v", err)
	}
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

// The text.

// openText sets up the text of the file: unpacked and in UTF-8.
func (f *recordedFile) openText() (*bufio.Reader, error) {
	var bytesOf io.Reader = f.file
	if strings.HasSuffix(strings.ToLower(f.spec.File), ".gz") {
		unpacked, err := gzip.NewReader(f.file)
		if err != nil {
			return nil, f.problem(0, "is not gzip, wanted a gzip file as its name says, or a name without .gz")
		}
		bytesOf = unpacked
	}
	raw := bufio.NewReaderSize(bytesOf, 1<<16)
	start, _ := raw.Peek(2)
	if string(start) == "\x1f\x8b" {
		return nil, f.problem(0, "is packed with gzip, wanted a name that ends in .gz")
	}
	wide := string(start) == "\xff\xfe" || string(start) == "\xfe\xff"
	var decoded io.Reader = raw
	switch encoding := f.format.Encoding; {
	case encoding == "latin-1":
		decoded = charmap.ISO8859_1.NewDecoder().Reader(raw)
	case encoding == "windows-1252":
		decoded = charmap.Windows1252.NewDecoder().Reader(raw)
	case encoding == "utf-16" || encoding == "" && wide:
		decoded = unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewDecoder().Reader(raw)
	}
	f.text = &checkedText{from: decoded, most: mostFileBytes, line: 1, rowAt: 1}
	text := bufio.NewReaderSize(f.text, 1<<16)
	if start, _ := text.Peek(3); string(start) == "\ufeff" {
		text.Discard(3)
	}
	return text, nil
}

func (f *recordedFile) readHeader() error {
	text, err := f.openText()
	if err != nil {
		return err
	}
	if err := f.skipPreamble(&text); err != nil {
		return err
	}
	f.csv = csv.NewReader(text)
	if f.csv.Comma = f.format.separator; f.csv.Comma == 0 {
		f.csv.Comma = separatorOf(text, f.format.comment)
	}
	f.csv.Comment = f.format.comment
	f.csv.FieldsPerRecord = -1 // next counts the fields, and its error has the number that was wanted
	f.csv.ReuseRecord, f.csv.LazyQuotes = true, f.format.Quotes == quotesLoose

	fields, line, err := f.read()
	if err == io.EOF {
		return f.problem(0, "is empty, wanted a header and rows")
	}
	if err != nil {
		return err
	}
	f.headerLine, f.header = line, slices.Clone(fields)
	if f.format.Header == headerNone {
		f.first = slices.Clone(f.header)
		for i := range f.header {
			f.header[i] = strconv.Itoa(i + 1)
		}
	}
	return f.findColumns()
}

// skipPreamble reads the lines before the header.
func (f *recordedFile) skipPreamble(text **bufio.Reader) error {
	for f.skipped < f.format.headerLine-1 {
		if _, err := f.rawLine(*text); err != nil {
			return err
		}
	}
	for f.format.Header == headerFind {
		line, err := f.rawLine(*text)
		if err != nil {
			return err
		}
		if f.isHeader(line) {
			f.skipped--
			f.before -= int64(len(line))
			*text = bufio.NewReaderSize(io.MultiReader(strings.NewReader(line), *text), 1<<16)
			return nil
		}
		if f.skipped >= mostPreamble {
			return f.problem(0, "no header with column %q in its first %d lines, wanted one", f.timeColumn(), mostPreamble)
		}
	}
	return nil
}

// rawLine returns the next line with its line feed.
func (f *recordedFile) rawLine(text *bufio.Reader) (string, error) {
	line, err := text.ReadString('\n')
	switch {
	case f.text.what != "":
		return "", f.textProblem()
	case err == io.EOF && line == "":
		if f.format.Header == headerFind {
			return "", f.problem(0, "no header with column %q, wanted one", f.timeColumn())
		}
		return "", f.problem(0, "ends before line %d, wanted the header there", f.format.headerLine)
	case err != nil && err != io.EOF:
		return "", err
	}
	f.skipped++
	f.before += int64(len(line))
	f.text.consumed, f.text.rowAt = f.before, f.skipped+1
	return line, nil
}

// isHeader reports whether a line has the column of the time.
func (f *recordedFile) isHeader(line string) bool {
	comma := f.format.separator
	if comma == 0 {
		comma = separatorOf(bufio.NewReader(strings.NewReader(line)), 0)
	}
	r := csv.NewReader(strings.NewReader(line))
	r.Comma, r.LazyQuotes = comma, true
	fields, _ := r.Read()
	return slices.ContainsFunc(fields, func(name string) bool { return strings.TrimSpace(name) == f.timeColumn() })
}

// timeColumn returns the name of the column with the stamps.
func (f *recordedFile) timeColumn() string {
	if f.format.Header == headerNone && (f.spec.Time.Column == "" || f.spec.Time.Column == timeByDefault) {
		return "1"
	}
	return cmp.Or(strings.TrimSpace(f.spec.Time.Column), timeByDefault)
}

const timeByDefault = "time"

// separatorOf returns the separator of fields: a comma, or the semicolon or tab
// if the first line that is no comment has more of these outside quotes.
func separatorOf(text *bufio.Reader, comment rune) rune {
	head, _ := text.Peek(text.Size())
	head = bytes.TrimLeft(head, "\r\n")
	for comment != 0 && bytes.HasPrefix(head, []byte(string(comment))) {
		_, head, _ = bytes.Cut(head, []byte("\n"))
		head = bytes.TrimLeft(head, "\r\n")
	}
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

// next returns the fields of the next row and its line; io.EOF after the last.
// Rows of totals are left out. The fields are valid until the next call.
func (f *recordedFile) next() (fields []string, line int, err error) {
	for {
		if fields, line, err = f.read(); err != nil {
			return nil, 0, err
		}
		if len(f.format.Totals) > 0 && f.isTotal(fields) || f.leavesOut(fields, line) {
			continue
		}
		if len(fields) != len(f.header) {
			return nil, 0, f.problem(line, "%s, wanted %d as in the header", countText(len(fields), "field"), len(f.header))
		}
		return fields, line, f.checkUnit(fields, line)
	}
}

// leavesOut reports whether a row has no time and is left out, and counts it.
func (f *recordedFile) leavesOut(fields []string, line int) bool {
	stamp := ""
	if f.time < len(fields) {
		stamp = fields[f.time]
	}
	if !f.format.isUndated(stamp) {
		return false
	}
	if f.undated.n++; f.undated.n == 1 {
		f.undated.line, f.undated.text = line, strings.Join(fields, string(f.csv.Comma))
	}
	return true
}

// checkUnit refuses a row that is read and names another unit than the spec's.
func (f *recordedFile) checkUnit(fields []string, line int) error {
	if f.units < 0 || f.meter >= 0 && f.ofMeter[strings.TrimSpace(fields[f.meter])] == nil {
		return nil
	}
	if unit := strings.TrimSpace(fields[f.units]); unit != "" && !strings.EqualFold(unit, f.spec.Unit) {
		return f.problem(line, "column %q: unit %q, wanted %s", f.header[f.units], unit, f.spec.Unit)
	}
	return nil
}

// isTotal reports whether a row is one of totals, by its stamp or the word in its
// first field.
func (f *recordedFile) isTotal(fields []string) bool {
	stamp := ""
	if f.time < len(fields) {
		stamp = fields[f.time]
	}
	return f.format.isTotal(stamp) || strings.TrimSpace(fields[0]) != "" && f.format.isTotal(fields[0])
}

// read returns the next record, whatever the number of its fields.
func (f *recordedFile) read() (fields []string, line int, err error) {
	if fields, f.first = f.first, nil; fields != nil {
		return fields, f.headerLine, nil
	}
	fields, err = f.csv.Read()
	if err == nil {
		err = f.checkQuotes(fields)
	}
	var syntax *csv.ParseError
	switch {
	case f.text.what != "": // takes precedence over the error that the CSV reader makes of it
		return nil, 0, f.textProblem()
	case errors.As(err, &syntax):
		return nil, 0, &problem.At{File: f.spec.File, Line: f.skipped + syntax.StartLine, Err: err,
			What: "a quotation mark out of place, wanted quoted fields as in \"a\"\"b\"" + f.orLoose()}
	case err != nil:
		return nil, 0, err
	}
	line, _ = f.csv.FieldPos(0)
	last := len(fields) - 1
	ends, _ := f.csv.FieldPos(last)
	ended := f.before + f.csv.InputOffset()
	if ended-f.text.consumed > mostFieldBytes {
		for i, field := range fields {
			if len(field) > mostFieldBytes {
				return nil, 0, f.problem(f.skipped+line, "field %d has %d bytes, wanted at most %d: is a quotation mark left open?", i+1, len(field), mostFieldBytes)
			}
		}
	}
	f.text.consumed = ended
	f.text.rowAt = f.skipped + ends + strings.Count(fields[last], "\n") + 1
	return fields, f.skipped + line, nil
}

// orLoose names the format in which a mark out of place is read.
func (f *recordedFile) orLoose() string {
	if f.format.Quotes == quotesLoose {
		return ""
	}
	return ", or format: {quotes: loose}"
}

// checkQuotes refuses a field of several lines if a row is among them, or where quotes are
// loose: a mark that is not closed takes the rows behind it into its field.
func (f *recordedFile) checkQuotes(fields []string) error {
	for i, field := range fields {
		_, more, several := strings.Cut(field, "\n")
		if !several {
			continue
		}
		for text := range strings.Lines(more + "\n") {
			if f.csv.LazyQuotes || len(f.header) > 1 && strings.Count(text, string(f.csv.Comma)) >= len(f.header)-1 {
				line, _ := f.csv.FieldPos(i)
				return f.problem(f.skipped+line, `the quotation mark in this line is not closed before the next row, wanted "…" around a field or no mark`)
			}
		}
	}
	return nil
}

func (f *recordedFile) textProblem() error {
	return &problem.At{File: f.spec.File, Line: f.text.badLine, What: f.text.what, Err: f.text.err}
}

// checkedText passes text through and fails at the first byte that is not text
// in UTF-8, and in a row that is too long. Without it, such a file would give
// misleading errors about quotes and fields, or take all memory.
type checkedText struct {
	from io.Reader
	most int64 // bytes of the whole file
	line int
	rune []byte // bytes of a character that is not complete yet

	passed   int64 // bytes so far
	consumed int64 // of them, those before the row that is being read
	rowAt    int   // line in which that row begins

	what    string // the error in words, "" if there is none
	badLine int
	err     error
}

// Reasons for which a file needs another Format, in the errors of readers.
var (
	ErrEncoding = errors.New("not in UTF-8")         // an encoding
	ErrInterval = errors.New("the interval changes") // intervals: as_they_come
	ErrOrder    = errors.New("rows not in order")    // newest_first
)

const notText = "is not text in UTF-8, wanted a CSV in UTF-8, or its encoding, such as format: {encoding: latin-1}"

// Read implements io.Reader.
func (t *checkedText) Read(p []byte) (int, error) {
	if t.passed-t.consumed > mostRowBytes+textBuffers {
		return 0, t.fail(t.rowAt, fmt.Sprintf("a row of more than %d bytes, wanted shorter ones: is a quotation mark left open?", mostRowBytes), nil)
	}
	n, err := t.from.Read(p)
	for _, b := range p[:n] {
		if b == 0 {
			return 0, t.fail(t.line, "is not text, wanted a CSV in UTF-8", nil)
		}
		if !t.accept(b) {
			return 0, t.fail(t.line, notText, ErrEncoding)
		}
	}
	if t.passed += int64(n); t.passed > t.most {
		return 0, t.fail(t.line, fmt.Sprintf("more than %d bytes of text, wanted a smaller file", t.most), nil)
	}
	if err == io.EOF && len(t.rune) > 0 {
		return 0, t.fail(t.line, notText, ErrEncoding)
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

// accept reports whether the text is valid so far.
func (t *checkedText) accept(b byte) bool {
	if b < utf8.RuneSelf && len(t.rune) == 0 {
		if b == '\n' {
			t.line++
		}
		return true
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

// findColumns finds the columns of the time and, in a long table, those of the
// meter and its values.
func (f *recordedFile) findColumns() error {
	f.header = ColumnNames(f.header)
	if f.time = slices.Index(f.header, f.timeColumn()); f.time < 0 && f.timeColumn() == timeByDefault && f.header[0] == "" {
		f.time = 0
	}
	var err error
	if f.time < 0 {
		_, err = f.special(f.timeColumn(), "the time")
		return err
	}
	if f.format.Clock != "" {
		if f.clock, err = f.special(f.format.Clock, "the time of day"); err != nil {
			return err
		}
	}
	if f.format.Units != "" {
		if f.units, err = f.special(f.format.Units, "the units"); err != nil {
			return err
		}
	}
	if f.format.Meter != "" {
		return f.findLong()
	}
	return nil
}

// special returns the index of a column with a role other than values.
func (f *recordedFile) special(name, role string) (int, error) {
	i := slices.Index(f.header, strings.TrimSpace(name))
	if i < 0 {
		return i, f.problem(f.headerLine, "no column %q for %s, wanted one of the header such as %s", strings.TrimSpace(name), role, nearestNames(name, f.header))
	}
	return i, nil
}

// findLong finds the columns of a long table.
func (f *recordedFile) findLong() (err error) {
	if f.meter, err = f.special(f.format.Meter, "the meter"); err != nil {
		return err
	}
	if f.format.Value != "" {
		f.value, err = f.special(f.format.Value, "the values")
		return err
	}
	var rest []int
	for i := range f.header {
		if i != f.time && i != f.clock && i != f.meter && i != f.units {
			rest = append(rest, i)
		}
	}
	if len(rest) != 1 {
		return f.problem(f.headerLine, "%s besides meter and time, wanted format.value to name the one with the values", countText(len(rest), "column"))
	}
	f.value = rest[0]
	return nil
}

// readMeters returns the meters of a long table in the order in which they
// appear. It reads the file to its end.
func (f *recordedFile) readMeters() (meters []string, err error) {
	known := map[string]bool{}
	for {
		fields, line, err := f.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		name := strings.TrimSpace(fields[f.meter])
		if name == "" {
			return nil, f.problem(line, "column %q: no meter, wanted its name", f.header[f.meter])
		}
		if !known[name] {
			name = strings.Clone(name)
			known[name], meters = true, append(meters, name)
		}
		if len(meters) > mostMeters {
			return nil, f.problem(line, "column %q: more than %d meters, wanted fewer: does it name the meter?", f.header[f.meter], mostMeters)
		}
	}
	if len(meters) == 0 {
		return nil, f.problem(f.headerLine, "a header and no rows, wanted two rows or more")
	}
	return meters, nil
}

// names are the columns that can have values: those of the header or, in a long
// table, its meters.
func (f *recordedFile) names() []string {
	if f.meter >= 0 {
		return f.spec.meters
	}
	return f.header
}

// hasValues reports whether column i of names can have values.
func (f *recordedFile) hasValues(i int) bool {
	return f.meter >= 0 || i != f.time && i != f.clock && i != f.units
}

// mapColumns finds the columns that are read.
func (f *recordedFile) mapColumns() (err error) {
	if len(f.spec.Columns)+len(f.spec.Sums) == 0 {
		err = f.mapAll()
	} else {
		err = f.mapSome()
	}
	if err != nil {
		return err
	}
	slices.SortFunc(f.columns, func(a, b recordedColumn) int {
		return cmp.Or(cmp.Compare(a.index, b.index), strings.Compare(a.ours, b.ours))
	})
	if f.meter >= 0 {
		f.ofMeter = map[string][]int{}
		for i, c := range f.columns {
			f.ofMeter[c.theirs] = append(f.ofMeter[c.theirs], i)
		}
	}
	return nil
}

// mapAll maps every column with values, each under its own name.
func (f *recordedFile) mapAll() error {
	for i, name := range f.names() {
		if !f.hasValues(i) {
			continue
		}
		if name == "" {
			return f.problem(f.headerLine, "column %d has no name, wanted a name, or the columns to be read to be listed", i+1)
		}
		f.columns = append(f.columns, recordedColumn{ours: name, theirs: name, index: i})
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
		found, err := f.find(key, strings.TrimSpace(f.spec.Columns[key]), true)
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
	return f.mapSums(from)
}

// mapSums maps the columns that spec.Sums names; from has the names that are given already.
func (f *recordedFile) mapSums(from map[string]string) error {
	for _, key := range sortedKeys(f.spec.Sums) {
		named := map[int]bool{}
		plus := f.spec.Sums[key]
		for i, theirs := range slices.Concat(plus, f.spec.Less[key]) {
			if strings.Contains(key, "*") {
				return f.problem(f.headerLine, "columns %q: several columns that are added up, wanted a name without *", key)
			}
			if other, twice := from[key]; twice {
				return f.problem(f.headerLine, "name %q is given twice, by %q and by %q, wanted each name once", key, other, key)
			}
			found, err := f.find(key, strings.TrimSpace(theirs), false)
			if err != nil {
				return err
			}
			column := found[0]
			if named[column.index] {
				return f.problem(f.headerLine, "columns %q: %q is added up twice, wanted each column once", key, theirs)
			}
			named[column.index] = true
			column.added, column.sum, column.less = i > 0, true, i >= len(plus)
			f.columns = append(f.columns, column)
		}
	}
	return nil
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// find returns the columns that match a name of the file, or with patterns one entry of
// spec.Columns, at least one.
func (f *recordedFile) find(ours, theirs string, patterns bool) ([]recordedColumn, error) {
	stars := strings.Count(ours, "*")
	if patterns && (stars != strings.Count(theirs, "*") || stars > 1) {
		return nil, f.problem(f.headerLine, "columns %q: %q, wanted one * on both sides or on neither", ours, theirs)
	}
	if f.meter < 0 && theirs == f.header[f.time] {
		return nil, f.problem(f.headerLine, "column %q has the time, wanted one with values", theirs)
	}
	var found []recordedColumn
	var others []string
	for i, name := range f.names() {
		if !f.hasValues(i) {
			continue
		}
		others = append(others, name)
		switch part, fits := starred(theirs, name); {
		case stars == 1 && fits:
			found = append(found, recordedColumn{ours: strings.Replace(ours, "*", part, 1), theirs: name, index: i})
		case stars == 0 && name == theirs && name != "":
			found = append(found, recordedColumn{ours: ours, theirs: name, index: i})
		}
	}
	if len(found) > 0 {
		return found, nil
	}
	what, where := "column", "of the header"
	if f.meter >= 0 {
		what, where = "meter", fmt.Sprintf("of column %q", f.header[f.meter])
	}
	if stars == 1 {
		return nil, f.problem(f.headerLine, "no %s fits %q, wanted one %s such as %s", what, theirs, where, nearestNames(theirs, others))
	}
	return nil, f.problem(f.headerLine, "no %s %q, wanted one %s such as %s", what, theirs, where, nearestNames(theirs, others))
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
