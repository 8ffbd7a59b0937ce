package importer

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/smatrix-grid/smatrix/sim/problem"
)

// File is a file that is looked at.
type File struct {
	Name  string // as in messages
	Path  string // as the scenario refers to it: from the scenario's folder
	Bytes []byte
}

// MostText bounds a file and its text, unpacked, in bytes: import holds both in memory.
const MostText = 1 << 30

var errNoPlace = errors.New("no latitude and longitude before the header, wanted those of the station")

// source is a file's text with its form.
type source struct {
	File
	form      form
	preset    bool
	year      int      // on which the months of a typical year are laid
	lines     []string // before the header
	head      []string // the first lines after it
	rows      *csv.Reader
	header    []string
	line      int // of the header
	separator rune
	plain     bool     // a scenario reads the file as it is
	said      []string // what was found
	doubts    []string // what was assumed
}

func (s *source) problem(line int, format string, args ...any) error {
	return &problem.At{File: s.Name, Line: line, What: fmt.Sprintf(format, args...)}
}

func (s *source) say(format string, args ...any) {
	s.said = append(s.said, fmt.Sprintf(format, args...))
}
func (s *source) doubt(format string, args ...any) {
	s.doubts = append(s.doubts, fmt.Sprintf(format, args...))
}

// look reads a file's text and finds its form: a preset, or a guess by its first rows.
func look(f File) (*source, error) {
	s := &source{File: f, year: typicalYear}
	text, err := s.text()
	if err != nil {
		return nil, err
	}
	head := firstLines(text, 200)
	split := splitAll(head)
	for _, p := range presets {
		if s.header, s.line, s.separator = findHeader(split, p.header); s.header != nil {
			s.form, s.preset = p, true
			break
		}
	}
	if !s.preset {
		if err := s.guess(head); err != nil {
			return nil, err
		}
	}
	s.plain = s.plain && !s.preset
	s.lines, s.head = head[:s.line-1], head[s.line:]
	s.rows = csv.NewReader(strings.NewReader(afterLine(text, s.line)))
	s.rows.Comma, s.rows.FieldsPerRecord, s.rows.LazyQuotes, s.rows.ReuseRecord = s.separator, -1, true, true
	s.say("form: %s", s.form.title)
	if s.form.assumed != "" {
		s.doubt("%s", s.form.assumed)
	}
	return s, nil
}

// text unpacks and decodes a file: gzip by its name, UTF-16 by its mark, and Latin-1 where
// the text is not UTF-8.
func (s *source) text() (string, error) {
	b := s.Bytes
	if strings.HasSuffix(strings.ToLower(s.Name), ".gz") {
		unpacked, err := gzip.NewReader(bytes.NewReader(b))
		if err != nil {
			return "", s.problem(0, "is not gzip, wanted a gzip file as its name says, or a name without .gz")
		}
		if b, err = io.ReadAll(io.LimitReader(unpacked, MostText+1)); err != nil {
			return "", s.problem(0, "cannot be unpacked: %v", err)
		}
	}
	if len(b) > MostText {
		return "", s.problem(0, "is larger than %d bytes, wanted a smaller file: cut it, or write the scenario by hand", MostText)
	}
	s.plain = true
	switch {
	case bytes.HasPrefix(b, []byte{0xff, 0xfe}), bytes.HasPrefix(b, []byte{0xfe, 0xff}):
		s.plain = false
		s.say("encoding: UTF-16")
		return decodeUTF16(b), nil
	case !utf8.Valid(b):
		s.plain = false
		s.doubt("encoding: not UTF-8, read as Latin-1")
		runes := make([]rune, len(b))
		for i, c := range b {
			runes[i] = rune(c)
		}
		return string(runes), nil
	}
	return strings.TrimPrefix(string(b), "\ufeff"), nil
}

func decodeUTF16(b []byte) string {
	units := make([]uint16, 0, len(b)/2)
	low := 0 // index of the low byte
	if b[0] == 0xfe {
		low = 1
	}
	for i := 2; i+1 < len(b); i += 2 {
		units = append(units, uint16(b[i+low])|uint16(b[i+1-low])<<8)
	}
	return string(utf16.Decode(units))
}

func firstLines(text string, most int) []string {
	var lines []string
	for len(lines) < most && text != "" {
		line, rest, _ := strings.Cut(text, "\n")
		lines, text = append(lines, strings.TrimSuffix(line, "\r")), rest
	}
	return lines
}

// afterLine returns the text after its first n lines.
func afterLine(text string, n int) string {
	for range n {
		_, text, _ = strings.Cut(text, "\n")
	}
	return text
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

// separators are the marks between fields that are tried.
const separators = ",;\t"

// splitAll returns for each line its fields by each of the separators.
func splitAll(lines []string) [][][]string {
	all := make([][][]string, len(lines))
	for i, line := range lines {
		for _, separator := range separators {
			all[i] = append(all[i], splitLine(line, separator))
		}
	}
	return all
}

// findHeader returns the first line that has all wanted fields, as fields, with its number
// and separator.
func findHeader(lines [][][]string, wanted []string) (fields []string, line int, separator rune) {
	for i := range lines {
		for k, separator := range separators {
			fields := lines[i][k]
			if len(fields) >= len(wanted) && !slices.ContainsFunc(wanted, func(w string) bool { return indexOf(fields, w, 0) < 0 }) {
				return fields, i + 1, separator
			}
		}
	}
	return nil, 0, 0
}

// indexOf returns the index of the n-th field that fits a name, -1 if there is none. A * at
// the end of the name fits any rest.
func indexOf(fields []string, name string, n int) int {
	for i, field := range fields {
		if fits(name, field) {
			if n == 0 {
				return i
			}
			n--
		}
	}
	return -1
}

func fits(name, field string) bool {
	if beginning, ok := strings.CutSuffix(name, "*"); ok {
		return strings.HasPrefix(field, beginning)
	}
	return name == field
}

// guessedLayouts are the forms of stamps that are recognised without a preset. A date with
// slashes is ambiguous and has none; the first two are those that scenarios read.
var guessedLayouts = []string{
	"2006-01-02T15:04:05Z07:00", "2006-01-02 15:04:05Z07:00", "2006-01-02T15:04Z07:00",
	"2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02 15:04",
	"02.01.2006 15:04:05", "02.01.2006 15:04", "2006-01-02", "02.01.2006",
}

// plainLayouts is the number of guessedLayouts that scenarios read.
const plainLayouts = 7

// guess finds the form of a file without a preset: the first line whose next line has a
// stamp in one field and a number in another.
func (s *source) guess(head []string) error {
	for i := range len(head) - 1 {
		for _, separator := range separators {
			header, row := splitLine(head[i], separator), splitLine(head[i+1], separator)
			if len(header) < 2 || len(row) != len(header) {
				continue
			}
			if s.guessFrom(header, row, separator, head[i+1:]) {
				s.line = i + 1
				s.plain = s.plain && i == 0
				return nil
			}
		}
	}
	var names []string
	for _, p := range presets {
		names = append(names, p.name)
	}
	return s.problem(0, "no row with a time and a number after a header was found, wanted a CSV with a header, or one of the known forms: %s", strings.Join(names, ", "))
}

func (s *source) guessFrom(header, row []string, separator rune, rows []string) bool {
	at, layout := -1, -1
	for k, layoutText := range guessedLayouts {
		if i := slices.IndexFunc(row, func(f string) bool { return parses(layoutText, f) }); i >= 0 {
			at, layout = i, k
			break
		}
	}
	if at < 0 {
		return false
	}
	f := form{name: "", title: "a CSV with a header", kind: recordings, time: header[at], guessed: true, at: at, layouts: guessedLayouts, stamps: "start", decimal: '.'}
	comma, doubt := guessComma(rows, separator)
	if comma {
		f.decimal, f.group = ',', '.'
	}
	for i, name := range header {
		if i != at && name != "" && (isNumber(row[i], f.decimal) || isNumber(row[i], '.') || row[i] == "") {
			f.columns = append(f.columns, column{from: name, to: name, role: load, at: i})
		}
	}
	if len(f.columns) == 0 {
		return false
	}
	if comma {
		s.say("decimal comma")
	}
	if doubt != "" {
		s.doubt("%s", doubt)
	}
	f.unit = unitOf(header)
	s.form, s.header, s.separator = f, header, separator
	s.plain = s.plain && !comma && layout < plainLayouts && plainNames(header)
	s.doubt("stamps name the start of their intervals: a file cannot say it")
	return true
}

// guessComma reports whether rows have numbers with a decimal comma. It is a doubt if each
// comma could be a mark of thousands.
func guessComma(rows []string, separator rune) (comma bool, doubt string) {
	first, other := "", false
	for _, line := range rows {
		for _, f := range splitLine(line, separator) {
			if separator == ',' || !isNumber(f, ',') || isNumber(f, '.') {
				continue
			}
			first = firstOf(first, f)
			other = other || !thousands(strings.Split(f, ","))
		}
	}
	if first != "" && !other {
		read, _ := withPoint(first, ',', '.')
		doubt = fmt.Sprintf("decimal comma: %q is read as %s, and all such numbers could have a mark of thousands instead", first, strings.TrimRight(strings.TrimRight(read, "0"), "."))
	}
	return first != "", doubt
}

// plainNames reports whether a scenario can name each column of a header: there are no two of
// one name, and no name with a * or without a text.
func plainNames(header []string) bool {
	seen := map[string]bool{}
	for _, name := range header {
		if name == "" || seen[name] || strings.Contains(name, "*") {
			return false
		}
		seen[name] = true
	}
	return true
}

// unitOf returns the unit that a header names, "" if it names none.
func unitOf(header []string) string {
	for _, unit := range []string{"kWh", "Wh", "kW", "W"} {
		for _, name := range header {
			words := strings.FieldsFunc(name, func(r rune) bool { return strings.ContainsRune(" _-()[]/,", r) })
			if slices.ContainsFunc(words, func(w string) bool { return strings.EqualFold(w, unit) }) {
				return unit
			}
		}
	}
	return ""
}
