package importer

import (
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/smatrix-grid/smatrix/sim/inputs"
	"github.com/smatrix-grid/smatrix/sim/problem"
)

// File is a file that is looked at.
type File struct {
	Name string // as in messages
	Path string // as the scenario refers to it: from the scenario's folder
}

// mostHead is how many lines of a file are looked at to find its form.
const mostHead = 200

var errNoPlace = errors.New("no latitude and longitude before the header, wanted those of the station")

// source is a file with its form and the keys that say how it is written.
type source struct {
	File
	fsys   fs.FS
	form   form
	preset bool
	made   []byte // the file that it was converted to; nil if scenarios read the file itself
	place  place

	format inputs.Format
	zone   *time.Location // of stamps without an offset
	stated bool           // the zone is that of the form or of the caller, or stamps have an offset
	given  bool           // it is that of the form or of the caller

	offsets bool // stamps have an offset

	battery     bool       // columns of a battery are left out by their names
	belowHeader [][]string // rows of units and of sums between the header and the first time
	unitOfFile  string     // of columns whose names have none: that of the caller, or of the file's own words

	mark   rune       // between fields
	before []string   // lines before the header
	header []string   // names of the columns
	rows   [][]string // the first rows after it, those with a time

	said   []string // what was found
	doubts []string // what was assumed
}

func (s *source) problem(line int, format string, args ...any) error {
	return &problem.At{File: s.Name, Line: line, What: fmt.Sprintf(format, args...)}
}

// named returns an error of the reader with the name of the file as the caller knows it.
func (s *source) named(err error) error {
	var at *problem.At
	if errors.As(err, &at) && at.File == s.Path {
		return &problem.At{File: s.Name, Line: at.Line, What: at.What, Err: at.Err}
	}
	return err
}

func (s *source) say(format string, args ...any) {
	s.said = append(s.said, fmt.Sprintf(format, args...))
}

func (s *source) doubt(format string, args ...any) {
	s.doubts = append(s.doubts, fmt.Sprintf(format, args...))
}

// look reads the first lines of a file and finds its form: a preset, or a guess by its first
// rows.
func look(fsys fs.FS, f File, zone *time.Location, o Options) (*source, error) {
	given := o.Zone != ""
	s := &source{File: f, fsys: fsys, zone: zone, stated: given, given: given, unitOfFile: o.Unit}
	if err := s.checkKind(); err != nil {
		return nil, err
	}
	lines, err := s.head(mostHead)
	if err != nil {
		return nil, err
	}
	if !s.findPreset(lines) {
		if err := s.guess(lines); err != nil {
			return nil, err
		}
	}
	if s.form.convert != nil {
		if err := s.convert(); err != nil {
			return nil, err
		}
	}
	s.findDirection()
	s.say("form: %s", s.form.title)
	if s.form.assumed != "" {
		s.doubt("%s", s.form.assumed)
	}
	s.format.Clock, s.format.Span, s.format.Missing = s.form.clock, s.form.span, s.form.missing
	if err := s.findPlace(); err != nil {
		return nil, err
	}
	if err := s.findDates(); err != nil {
		return nil, err
	}
	if !s.preset && s.form.kind == recordings {
		if err := s.guessColumns(); err != nil {
			return nil, err
		}
	}
	s.findNumbers()
	s.findMissing()
	s.format.Undated = "leave_out" // taken back if there are no such rows
	return s, nil
}

// otherKinds are files that are no text of rows, by how they begin, and what makes a CSV of them.
var otherKinds = []struct{ begins, what string }{
	{"PK\x03\x04", "is a spreadsheet or a ZIP archive, wanted a CSV: save its sheet as CSV, or unpack it"},
	{"\xd0\xcf\x11\xe0", "is a spreadsheet, wanted a CSV: save its sheet as CSV"},
	{"PAR1", "is Parquet, wanted a CSV: write it as CSV"},
	{"%PDF", "is a PDF, wanted a CSV: the portal that it is from often has one"},
	{"<", "is XML or HTML, wanted a CSV: the portal that it is from often has one, such as the CSV of Green Button"},
	{"{", "is JSON, wanted a CSV: write it as CSV"},
	{"[{", "is JSON, wanted a CSV: write it as CSV"},
}

// checkKind refuses files that are no text of rows, by their first bytes.
func (s *source) checkKind() error {
	switch strings.ToLower(path.Ext(s.Path)) {
	case ".yaml", ".yml":
		return s.problem(0, "is a scenario by its name, wanted a CSV with data: smatrix run runs it")
	}
	file, err := s.fsys.Open(path.Clean(s.Path))
	if err != nil {
		return nil // ReadHead words it
	}
	defer file.Close()
	first := make([]byte, 16)
	n, _ := io.ReadFull(file, first)
	text := strings.TrimLeft(strings.TrimPrefix(string(first[:n]), "\ufeff"), " \t\r\n")
	for _, k := range otherKinds {
		if strings.HasPrefix(text, k.begins) {
			return s.problem(0, "%s", k.what)
		}
	}
	return nil
}

// head returns the first lines of the file, in Windows-1252, which includes Latin-1, if the
// text is not UTF-8.
func (s *source) head(most int) ([]string, error) {
	lines, err := inputs.ReadHead(s.fsys, s.Path, s.format, most)
	if s.format.Encoding == "" && errors.Is(err, inputs.ErrEncoding) {
		s.assumeEncoding()
		lines, err = inputs.ReadHead(s.fsys, s.Path, s.format, most)
	}
	return lines, s.named(err)
}

func (s *source) assumeEncoding() {
	s.format.Encoding = "windows-1252"
	s.doubt("encoding: not UTF-8, read as Windows-1252, which includes Latin-1")
}

// separators are the marks between fields that are tried, with the words of their format.
var separators = []struct {
	mark rune
	word string
}{{',', ""}, {';', "semicolon"}, {'\t', "tab"}}

// separatorOf returns the separator that is most frequent in a line.
func separatorOf(line string) rune {
	best := ','
	for _, s := range separators {
		if strings.Count(line, string(s.mark)) > strings.Count(line, string(best)) {
			best = s.mark
		}
	}
	return best
}

// splitLine splits a line at a separator outside quotes, and trims the fields.
func splitLine(line string, separator rune) []string {
	r := csv.NewReader(strings.NewReader(line))
	r.Comma, r.LazyQuotes = separator, true
	fields, err := r.Read()
	if err != nil {
		return nil
	}
	for i := range fields {
		fields[i] = strings.TrimSpace(fields[i])
	}
	return fields
}

// findPreset finds the first of the known forms whose header is among the lines.
func (s *source) findPreset(lines []string) bool {
	for _, p := range presets {
		for i, line := range lines {
			for _, by := range separators {
				fields := splitLine(line, by.mark)
				if hasAll(fields, p.header) {
					s.form, s.preset = p, true
					s.take(lines, i, by.mark)
					return true
				}
			}
		}
	}
	return false
}

// hasAll reports whether each wanted name fits a field of its own.
func hasAll(fields, wanted []string) bool {
	if len(fields) < len(wanted) {
		return false
	}
	used := make([]bool, len(fields))
	for _, name := range wanted {
		at := slices.IndexFunc(fields, func(f string) bool { return fits(name, f) })
		for at >= 0 && used[at] {
			next := slices.IndexFunc(fields[at+1:], func(f string) bool { return fits(name, f) })
			if next < 0 {
				return false
			}
			at += 1 + next
		}
		if at < 0 {
			return false
		}
		used[at] = true
	}
	return true
}

// fits reports whether a name fits a field: a * at its end fits any rest.
func fits(name, field string) bool {
	if beginning, ok := strings.CutSuffix(name, "*"); ok {
		return strings.HasPrefix(field, beginning)
	}
	return name == field
}

// take takes line i, from 0, for the header.
func (s *source) take(lines []string, i int, separator rune) {
	s.mark, s.before, s.header, s.rows = separator, lines[:i], inputs.ColumnNames(splitLine(lines[i], separator)), nil
	s.format.Header, s.format.Separator = "", ""
	if i > 0 {
		s.format.Header = strconv.Itoa(i + 1)
	}
	for _, by := range separators {
		if by.mark == separator {
			s.format.Separator = by.word
		}
	}
	for _, line := range lines[i+1:] {
		if row := splitLine(line, separator); len(row) == len(s.header) {
			s.rows = append(s.rows, row)
		}
	}
}

// at returns the index of the column that a name of a form fits, -1 if there is none.
func (s *source) at(name string) int {
	if i := slices.Index(s.header, name); i >= 0 {
		return i
	}
	return slices.IndexFunc(s.header, func(f string) bool { return fits(name, f) })
}

// columnNamed returns the name of the column that a name of a form fits, "" if there is none.
func (s *source) columnNamed(name string) string {
	if i := s.at(name); i >= 0 && name != "" {
		return s.header[i]
	}
	return ""
}

// findDirection finds whether a file of one register has what a home fed in, by the lines before
// the header.
func (s *source) findDirection() {
	for _, line := range s.before {
		if !slices.ContainsFunc(s.form.fedIn, func(word string) bool { return hasWord(plainName(line), word) }) {
			continue
		}
		s.form.columns = slices.Clone(s.form.columns)
		for i := range s.form.columns {
			s.form.columns[i].to, s.form.columns[i].role = "home-fed-in", fedIn
		}
		return
	}
}

// findPlace reads where weather was recorded.
func (s *source) findPlace() (err error) {
	if s.form.place != nil {
		if s.place, err = s.form.place(s.before); err != nil {
			return s.problem(0, "%v", err)
		}
	}
	if name := cmp.Or(s.form.zone, s.place.zone); name != "" {
		if s.zone, err = time.LoadLocation(name); err != nil {
			return fmt.Errorf("zone %s: %w", name, err)
		}
		s.stated, s.given = true, true
	}
	return nil
}

// dateForms are the forms of dates that are tried after those of a preset; "" is ISO.
var dateForms = []string{"", "dd.mm.yyyy", "dd-mm-yyyy", "dd/mm/yyyy", "mm/dd/yyyy", "yyyy/mm/dd", "yyyymmdd", "unix_s", "unix_ms",
	"dd.mm.yy", "dd/mm/yy", "mm/dd/yy", "dd-mmm-yyyy", "dd-mmm-yy", "dd mmm yyyy"}

// stamps returns the texts of the times in the first rows, without notes and units.
func (s *source) stamps() (texts []string) {
	at, clock := s.at(cmp.Or(s.form.time, s.form.arrive)), -1
	if s.form.clock != "" {
		clock = s.at(s.form.clock)
	}
	for _, row := range s.rows {
		text := row[at]
		if text == "" || text[0] < '0' || text[0] > '9' {
			continue
		}
		if clock >= 0 {
			text += " " + row[clock]
		}
		texts = append(texts, text)
	}
	return texts
}

// findDates finds the form of dates: the first that all stamps of the first rows have, or
// that most have; then the reader refuses the others. Day and month first are told apart by
// the days that follow each other.
func (s *source) findDates() error {
	texts := s.stamps()
	switch {
	case len(texts) == 0 && s.form.kind == sessions:
		return s.problem(len(s.before)+1, "no session after the header, wanted one at least")
	case len(texts) == 0:
		return s.problem(len(s.before)+1, "no row with a time after the header, wanted two or more")
	}
	most := -1
	for _, date := range append(slices.Clone(s.form.dates), dateForms...) {
		format := s.format
		format.Date = date
		n, offsets := 0, 0
		for _, text := range texts {
			is, _, offset := format.IsDate(text)
			if is {
				n++
			}
			if offset {
				offsets++
			}
		}
		if n > most {
			most, s.format.Date = n, date
			s.offsets = offsets == len(texts)
			s.stated = s.stated || s.offsets
		}
	}
	if strings.HasPrefix(s.format.Date, "dd/mm/") && len(s.form.dates) == 0 {
		s.chooseDayOrMonth(texts, "mm/dd/"+s.format.Date[len("dd/mm/"):])
	}
	return nil
}

// chooseDayOrMonth chooses between 31/01 and 01/31, which both fit if no day is beyond 12: of
// days that follow each other, the day changes.
func (s *source) chooseDayOrMonth(texts []string, other string) {
	first, second := map[string]bool{}, map[string]bool{}
	for _, text := range texts {
		parts := strings.SplitN(text, "/", 3)
		if is, _, _ := (inputs.Format{Date: other, Clock: s.format.Clock, Span: s.format.Span}).IsDate(text); !is || len(parts) < 3 {
			return
		}
		first[parts[0]], second[parts[1]] = true, true
	}
	switch {
	case len(second) > len(first):
		s.format.Date = other
	case len(second) == len(first):
		s.doubt("dates: the day is first, as in 31/01: the first rows do not tell it from the month")
	}
}

// numberForms are the ways of writing numbers that are tried.
var numberForms = []struct{ decimal, thousands, said string }{
	{"", "", ""}, {"", "comma", "a comma before three digits is a mark of thousands"}, {"", "apostrophe", "an apostrophe is a mark of thousands"},
	{"comma", "point", "decimal comma, and a point before three digits is a mark of thousands"},
	{"comma", "space", "decimal comma, and a space is a mark of thousands"},
}

// findNumbers finds how numbers are written: the way in which most of the first rows can be
// read. In a file without commas between fields, a comma in a number is that of decimals.
func (s *source) findNumbers() {
	var texts []string
	s.eachNumber(func(text string) { texts = append(texts, text) })
	comma := s.format.Separator != "" && slices.ContainsFunc(texts, func(t string) bool { return strings.Contains(t, ",") })
	most, said := -1, ""
	for _, form := range numberForms {
		if s.format.Separator != "" && (form.thousands == "comma" || comma != (form.decimal == "comma")) {
			continue
		}
		format := s.format
		format.Decimal, format.Thousands = form.decimal, form.thousands
		n := 0
		for _, text := range texts {
			if _, ok := format.Number(text); ok {
				n++
			}
		}
		if n > most {
			most, said = n, form.said
			s.format.Decimal, s.format.Thousands = form.decimal, form.thousands
		}
	}
	if either := s.eitherMark(texts); either != "" {
		said = either
	} else if mark := s.pointOfThousands(); mark != "" && s.format.Decimal == "" && s.format.Thousands == "" {
		s.format.Decimal, s.format.Thousands, said = "comma", "point", mark
	}
	if said != "" && !(s.form.comma && s.format.Decimal == "comma") {
		s.doubt("%s", said)
	}
}

// eitherMark returns a doubt if all commas of decimals could be marks of thousands.
func (s *source) eitherMark(texts []string) string {
	first := ""
	for _, text := range texts {
		before, after, has := strings.Cut(text, ",")
		switch {
		case !has:
		case len(after) != 3 || strings.TrimLeft(before, "-+0") == "":
			return ""
		default:
			first = cmp.Or(first, text)
		}
	}
	v, ok := s.format.Number(first)
	if !ok || s.format.Decimal != "comma" {
		return ""
	}
	return fmt.Sprintf("decimal comma: %q is read as %s, and all such numbers could have a mark of thousands instead", first, strconv.FormatFloat(v, 'f', -1, 64))
}

// grouped is a number with a point as a mark of thousands, if it is one.
var grouped = regexp.MustCompile(`^-?[1-9][0-9]{0,2}\.[0-9]{3}$`)

// pointOfThousands returns a doubt if the points in numbers are marks of thousands: all are before three digits,
// and in each column that has some, other numbers have three digits and none: 1.242 beside 987.
func (s *source) pointOfThousands() (doubt string) {
	for _, i := range s.valueColumns() {
		first, beside := "", ""
		for _, row := range s.rows {
			text := row[i]
			v, ok := inputs.Format{}.Number(text)
			switch {
			case !ok:
			case grouped.MatchString(text):
				first = cmp.Or(first, text)
			case strings.Contains(text, "."):
				return ""
			case v >= 100 || v <= -100:
				beside = cmp.Or(beside, text)
			}
		}
		if first != "" && beside == "" {
			return ""
		}
		if first != "" {
			doubt = fmt.Sprintf("a point before three digits is a mark of thousands: %q beside %q", first, beside)
		}
	}
	return doubt
}

// eachNumber calls f with the fields of the first rows that are values.
func (s *source) eachNumber(f func(text string)) {
	columns := s.valueColumns()
	for _, row := range s.rows {
		for _, i := range columns {
			if text := row[i]; text != "" && strings.ContainsAny(text, "0123456789") {
				f(text)
			}
		}
	}
}

// valueColumns returns the indexes of the columns with values.
func (s *source) valueColumns() (columns []int) {
	add := func(name string) {
		if i := s.at(name); i >= 0 && name != "" {
			columns = append(columns, i)
		}
	}
	add(s.form.value)
	add(s.form.energy)
	if s.form.meter == "" {
		for _, c := range s.form.columns {
			add(c.from)
		}
	}
	return columns
}

// missingWords are words that stand for a missing value in files of many programs.
var missingWords = []string{"null", "nan", "n/a", "na", "none", "-", "--", "---", "?", "n/e", "unavailable", "unknown", "#n/a", "#nv", "n.a.", "k.a.", "k. a.", "missing", "nodata", "no data"}

// findMissing finds the words for missing values among the first rows.
func (s *source) findMissing() {
	for _, i := range s.valueColumns() {
		for _, row := range s.rows {
			word := row[i]
			known := slices.ContainsFunc(s.format.Missing, func(w string) bool { return strings.EqualFold(w, word) })
			if !known && slices.Contains(missingWords, strings.ToLower(word)) {
				s.format.Missing = append(slices.Clone(s.format.Missing), word)
			}
		}
	}
}

// guess finds the header of a file without a preset: the first line whose next line with as
// many fields has a date in one of them and a number in another.
func (s *source) guess(lines []string) error {
	for i := range len(lines) - 1 {
		for _, by := range separators {
			header, row := splitLine(lines[i], by.mark), splitLine(lines[i+1], by.mark)
			if len(header) < 2 || len(row) != len(header) || isDate(header[0]) {
				continue
			}
			at := slices.IndexFunc(row, isDate)
			if at < 0 || !slices.ContainsFunc(slices.Delete(slices.Clone(row), at, at+1), isNumber) {
				continue
			}
			s.take(lines, s.aboveUnits(lines, i, by.mark), by.mark)
			s.form = form{title: "a CSV with a header", kind: recordings, stamps: "start", time: s.header[at]}
			if clock := slices.IndexFunc(row, isClock); clock >= 0 && clock != at && repeats(s.stamps()) > 0 {
				s.form.clock = s.header[clock] // of a row for each day it would be that of something else
			}
			s.form.zone = cmp.Or(zoneNamed(s.form.time), zoneNamed(s.form.clock))
			if s.guessSessions() {
				return nil
			}
			if hasWord(plainName(s.form.time), "end", "ende", "bis", "to", "until") {
				s.form.stamps = "end"
			}
			return nil
		}
	}
	if s.guessWithoutHeader(lines) {
		return nil
	}
	var names []string
	for _, p := range presets {
		names = append(names, p.name)
	}
	return s.problem(0, "no row with a time and a number after a header was found, wanted a CSV with a header and times such as 2024-01-31 16:45, 31.01.2024 16:45 or 1/31/2024 4:45 PM, or one of the known forms: %s", strings.Join(names, ", "))
}

// mostBelow is how many rows of units, totals and the like may be between a header and its first time.
const mostBelow = 3

// aboveUnits returns the line of the header, from 0: i, or one before it if i has units, or a sum, below
// the names of a line with as many fields.
func (s *source) aboveUnits(lines []string, i int, mark rune) int {
	s.belowHeader = nil
	var below [][]string
	for n := 1; n <= mostBelow && i-n >= 0; n++ {
		row, above := splitLine(lines[i-n+1], mark), splitLine(lines[i-n], mark)
		if len(above) != len(row) || !isBelowHeader(row) || slices.ContainsFunc(above, isDate) {
			break
		}
		below = append(below, row)
		if !isBelowHeader(above) && slices.IndexFunc(above, isText) >= 0 {
			s.belowHeader = below
			return i - n
		}
	}
	return i
}

// isBelowHeader reports whether a row without a time is not the header: it has units alone, or
// the numbers of a sum or a mean.
func isBelowHeader(row []string) bool {
	units, numbers, others := 0, 0, 0
	for _, field := range row {
		switch bare := strings.Trim(field, "[]() "); {
		case bare == "" || slices.Contains(sums, strings.ToLower(strings.Trim(bare, ": "))):
		case strings.ContainsAny(field, "0123456789") && isNumber(field):
			numbers++
		case unitOf(bare) == bare || otherUnit("("+bare+")") != "" || isPattern(bare):
			units++
		default:
			others++
		}
	}
	return others == 0 && units+numbers > 0
}

// sums are words in front of a row of sums or means.
var sums = []string{"total", "totals", "sum", "summe", "gesamt", "gesamtsumme", "somme", "totaal", "totale", "mean", "average", "mittel", "mittelwert", "durchschnitt", "moyenne", "ø", "min", "max", "unit", "units", "einheit", "einheiten", "unité", "eenheid"}

// isPattern reports whether a text says how dates are written: dd.mm.yyyy, hh:mm.
func isPattern(text string) bool {
	return strings.Trim(strings.ToLower(text), "dmyhsjat.:/- ") == "" && strings.ContainsAny(text, ".:/-")
}

// isText reports whether a field has a letter.
func isText(field string) bool { return strings.IndexFunc(field, unicode.IsLetter) >= 0 }

// inRow returns what the row of units says of column i, "" if there is none.
func (s *source) inRow(i int) string {
	for _, row := range s.belowHeader {
		if isText(row[i]) {
			return row[i]
		}
	}
	return ""
}

// unitInRow returns the unit of column i in the row of units, "" if there is none.
func (s *source) unitInRow(i int) string { return unitOf(s.inRow(i)) }

// guessWithoutHeader takes a file for one without a header if its first two lines have a date and a
// number: columns are called 1, 2, 3.
func (s *source) guessWithoutHeader(lines []string) bool {
	if len(lines) < 2 {
		return false
	}
	for _, by := range separators {
		first, second := splitLine(lines[0], by.mark), splitLine(lines[1], by.mark)
		at := slices.IndexFunc(first, isDate)
		if at < 0 || len(first) < 2 || len(second) != len(first) || !isDate(second[at]) || !slices.ContainsFunc(slices.Delete(slices.Clone(second), at, at+1), isNumber) {
			continue
		}
		numbers := make([]string, len(first))
		for i := range numbers {
			numbers[i] = strconv.Itoa(i + 1)
		}
		s.take(append([]string{strings.Join(numbers, string(by.mark))}, lines...), 0, by.mark)
		s.format.Header = "none"
		s.form = form{title: "a CSV without a header", kind: recordings, stamps: "start", time: s.header[at]}
		if clock := slices.IndexFunc(first, isClock); clock >= 0 && clock != at && repeats(s.stamps()) > 0 {
			s.form.clock = s.header[clock]
		}
		s.doubt("no header: columns are called by their numbers")
		return true
	}
	return false
}

// isDate reports whether a field has a date in any known form.
func isDate(field string) bool {
	return slices.ContainsFunc(dateForms, func(date string) bool {
		if strings.HasPrefix(date, "unix") && (len(field) < 10 || field[0] != '1') || date == "yyyymmdd" && !strings.HasPrefix(field, "20") {
			return false // a number
		}
		is, _, _ := inputs.Format{Date: date}.IsDate(field)
		return is
	})
}

// isClock reports whether a field has a time of day alone.
func isClock(field string) bool {
	for date, day := range map[string]string{"": "2024-01-31 ", "mm/dd/yyyy": "01/31/2024 "} { // 12:30 and 12:30 PM
		if is, clock, _ := (inputs.Format{Date: date}).IsDate(day + field); is && clock {
			return !isDate(field)
		}
	}
	return false
}

// isNumber reports whether a field is a number in one of the known ways.
func isNumber(field string) bool {
	for _, form := range numberForms {
		if _, ok := (inputs.Format{Decimal: form.decimal, Thousands: form.thousands}).Number(field); ok {
			return true
		}
	}
	return false
}

// leftOut is a column that is not read, and what it is.
type leftOut struct {
	column
	of string
}

// guessColumns takes each column that has numbers, more often than other texts, if its unit or its name
// is of power or energy. A sum of others is taken if there are no others of its role.
func (s *source) guessColumns() error {
	if times := s.timesInHeader(); times >= mostlyTimes {
		return s.problem(len(s.before)+1, "a row for each day with %d times of the day as columns, wanted a row for each time: date and time, value; a spreadsheet makes it (unpivot), and portals often have it as an export of its own", times)
	}
	if err := s.findUnitOfFile(); err != nil {
		return err
	}
	others := s.columnsByName()
	known := slices.Clone(s.form.columns)
	others = slices.DeleteFunc(others, func(o leftOut) bool {
		alone := (o.of == aSum || o.of == aDirect) && s.isOfPower(o.column) && !slices.ContainsFunc(known, func(c column) bool { return c.role == o.role && s.isOfPower(c) })
		if alone {
			s.form.columns = append(s.form.columns, o.column)
		}
		return alone
	})
	s.findMeter()
	if s.form.meter == "" {
		others = append(others, s.leaveOutUnknown()...)
	}
	if len(s.form.columns) == 0 && s.form.meter == "" {
		return s.refuseColumns(others)
	}
	for _, o := range others {
		if o.from != s.form.meter {
			s.doubt("column %q: left out, %s by its name", o.from, o.of)
		}
	}
	s.findRoleOfFile()
	return nil
}

// mostlyTimes is how many columns with a time of day for a name make a file one of a row for each day.
const mostlyTimes = 12

// timesInHeader returns how many columns have a time of day for a name: 00:15, H01, or 1 to 24.
func (s *source) timesInHeader() (n int) {
	for _, name := range s.header {
		words := strings.FieldsFunc(name, func(r rune) bool { return strings.ContainsRune(" -–", r) })
		if len(words) > 0 && isClock(words[0]) || hourName.MatchString(name) {
			n++
		}
	}
	return n
}

// hourName matches the hours of a day: H1, h24, Hour 3, Stunde 12.
var hourName = regexp.MustCompile(`(?i)^(?:h|hour|hr|stunde|std|heure|he)[ _.]?[0-9]{1,2}$`)

// findUnitOfFile takes the unit that a column has in every row, beside the values: those of columns whose
// names have none are in it.
func (s *source) findUnitOfFile() error {
	for i, name := range s.header {
		unit, other := "", ""
		for at, row := range s.rows {
			if at == 0 {
				unit, other = unitOf(row[i]), otherUnit(row[i])
			}
			if len(s.belowHeader) > 0 || row[i] == "" || row[i] != s.rows[0][i] || len(nameWords(row[i])) != 1 {
				unit, other = "", ""
			}
		}
		switch {
		case unit == "" && other == "":
		case unit == "":
			return s.problem(len(s.before)+1, "column %q has the unit %s, wanted W, kW, Wh or kWh: write the values in one of them%s", name, other, conversion(other))
		default:
			s.unitOfFile = unit
			s.say("unit: %s, as column %q says", unit, name)
			return nil
		}
	}
	return nil
}

// columnsByName takes the columns that have numbers, and returns those that are no power or energy by
// their names, or in a unit that scenarios do not read.
func (s *source) columnsByName() (others []leftOut) {
	for i, name := range s.header {
		if name == "" || name == s.form.time || name == s.form.clock || !s.hasNumbers(i) {
			continue
		}
		c, of := column{from: name, to: name, role: roleOf(name, s.header), unit: s.unitInRow(i)}, notPower(name+" "+s.inRow(i))
		if as := batteryRole(name, s.header); as != "" && (of == "" || of == ofABattery) {
			c.role, of = as, ""
		}
		s.battery = s.battery || of == ofABattery
		if of == "" && s.isNumberOfMeter(i) {
			of = "the number of a meter"
		}
		if unit := otherUnit(name + " " + s.inRow(i)); (of == "" || of == aSum) && unit != "" && c.unit == "" && unitOf(name) == "" {
			of = inUnit + unit
		}
		if of != "" {
			others = append(others, leftOut{c, of})
			continue
		}
		s.form.columns = append(s.form.columns, c)
	}
	return others
}

// isOfPower reports whether a column is of power or energy: by its unit or its name, or as the
// caller says.
func (s *source) isOfPower(c column) bool {
	return s.unitOfFile != "" || c.unit != "" || isOfPower(c.from)
}

// unknown is what a column is whose name says nothing of power or energy.
const unknown = "neither of power nor of energy, unless --unit says so,"

// leaveOutUnknown removes the columns that are not of power or energy, and returns them.
func (s *source) leaveOutUnknown() (others []leftOut) {
	s.form.columns = slices.DeleteFunc(s.form.columns, func(c column) bool {
		if s.isOfPower(c) {
			return false
		}
		others = append(others, leftOut{c, unknown})
		return true
	})
	return others
}

// findRoleOfFile takes the only column of a file for what the name of the file says, if its own name
// says nothing: kWh in export.csv.
func (s *source) findRoleOfFile() {
	if len(s.form.columns) != 1 {
		return
	}
	c := &s.form.columns[0]
	name, _, _ := strings.Cut(path.Base(s.Path), ".")
	role := roleOf(name, []string{name})
	named := slices.ContainsFunc(strings.Fields(homeOf(c.from)), func(word string) bool { return notMetered[word] != aSum }) // Energy Today names no home
	if c.role != load || saysLoad(c.from) || named || role != fedIn && role != generated {
		return
	}
	c.role = role
	s.doubt("column %q: what was %s, by the name of the file", c.from, role)
}

// refuseColumns takes a file without power and energy for one of prices, if it has one column of
// them, in €/MWh by its name. It refuses others, and says what their columns are.
func (s *source) refuseColumns(others []leftOut) error {
	isPerMWh := func(name string) bool {
		plain := strings.ToLower(name)
		return strings.Contains(plain, "mwh") && (strings.Contains(plain, "eur") || strings.Contains(plain, "€"))
	}
	of := map[string][]string{}
	for _, o := range others {
		kind, _, _ := strings.Cut(o.of, ": ")
		of[kind] = append(of[kind], o.from)
	}
	prices, line := of[aPrice], len(s.before)+1
	for _, o := range others {
		if unit, ok := strings.CutPrefix(o.of, inUnit); ok {
			return s.problem(line, "column %q: %s%s, wanted W, kW, Wh or kWh: write its values in one of them, and name it in the header%s", o.from, inUnit, unit, conversion(unit))
		}
	}
	switch {
	case len(prices) == 1 && len(of[unknown]) == 0 && isPerMWh(prices[0]):
		s.form.kind, s.form.title = market, "prices, a CSV with a header"
		s.form.columns = []column{{from: prices[0], to: "price"}}
		return nil
	case len(prices) > 0:
		return s.problem(line, "%s and no column of power or energy, wanted one column of prices in €/MWh with that in its name, such as \"EUR/MWh\"", counted(int64(len(prices)), "column of prices", "columns of prices"))
	case len(of[unknown]) > 0:
		return s.problem(line, "no column of power or energy: neither a unit nor a word of them in %s, wanted a name such as \"Load (kW)\", or --unit W, kW, Wh or kWh if they are of homes", shortList(of[unknown]))
	case len(of[aWeather]) > 0:
		return s.problem(line, "no column with numbers of power or energy, but weather in %s, wanted one of a meter, or a known form of weather: PVGIS or TMY3; weather: in a scenario reads others, with the place of the station", shortList(of[aWeather]))
	}
	for _, o := range others {
		return s.problem(line, "no column with numbers of power or energy, wanted one at least: %q is %s by its name", o.from, o.of)
	}
	return s.problem(line, "no column with numbers of power or energy, wanted one at least")
}

// shortList joins the first of some names for a message.
func shortList(names []string) string {
	const most = 4
	text := make([]string, 0, most)
	for _, name := range names[:min(len(names), most)] {
		text = append(text, strconv.Quote(name))
	}
	if len(names) > most {
		text = append(text, "…")
	}
	return strings.Join(text, ", ")
}

// hasNumbers reports whether column i has numbers in the first rows, at least as many as other texts.
func (s *source) hasNumbers(i int) bool {
	numbers, texts := 0, 0
	for _, row := range s.rows {
		switch {
		case row[i] == "" || slices.Contains(missingWords, strings.ToLower(row[i])):
		case isNumber(row[i]):
			numbers++
		default:
			texts++
		}
	}
	return numbers > 0 && numbers >= texts
}

// isNumberOfMeter reports whether column i has the same whole number in each of the first rows,
// and a name for the number of a meter or a customer.
func (s *source) isNumberOfMeter(i int) bool {
	if !hasWord(plainName(s.header[i]), "number", "nummer", "nr", "id", "serial", "mpan", "mprn", "ean", "nmi", "cups", "pod", "account", "esiid", "zählpunkt") {
		return false
	}
	return !slices.ContainsFunc(s.rows, func(row []string) bool {
		return row[i] != s.rows[0][i] || strings.Trim(row[i], "0123456789") != ""
	})
}

// findMeter recognises a long table: a third of the times or more are repeated, and with one
// more column, that of the meter, they are not, or rarely, as where clocks are set back. One
// column with numbers must be left for the values.
func (s *source) findMeter() {
	times := repeats(s.stamps())
	if times == 0 || 3*times < len(s.rows) {
		return
	}
	ofPower := slices.DeleteFunc(slices.Clone(s.form.columns), func(c column) bool { return !s.isOfPower(c) })
	for i, name := range s.header {
		values := slices.DeleteFunc(slices.Clone(s.form.columns), func(c column) bool { return c.from == name })
		if len(ofPower) == 1 && ofPower[0].from != name {
			values = ofPower
		}
		if name == "" || name == s.form.time || name == s.form.clock || len(values) != 1 || slices.ContainsFunc(s.rows, func(row []string) bool { return isClock(row[i]) }) {
			continue
		}
		var meters, both []string
		for _, row := range s.rows {
			meters, both = append(meters, row[i]), append(both, row[i]+"\n"+row[s.at(s.form.time)]+"\n"+row[max(0, s.at(s.form.clock))])
		}
		if 3*repeats(both) <= times && repeats(meters) >= len(meters)/2 {
			if !s.isOfPower(values[0]) && !isOfPower(name) && !slices.ContainsFunc(meters, isOfPower) {
				return
			}
			s.form.meter, s.form.value, s.form.columns = name, values[0].from, nil
			s.form.unit = cmp.Or(values[0].unit, unitOf(s.form.value), s.unitOfFile)
			s.doubt("column %q names the meter of a row, and %q has its values: times repeat", name, s.form.value)
			return
		}
	}
}

// repeats returns how many texts are the same as one before.
func repeats(texts []string) (n int) {
	seen := map[string]bool{}
	for _, text := range texts {
		if seen[text] {
			n++
		}
		seen[text] = true
	}
	return n
}
