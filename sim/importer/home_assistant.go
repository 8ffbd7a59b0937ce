package importer

import (
	"bytes"
	"encoding/csv"
	"io"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"github.com/smatrix-grid/smatrix/twins"
)

// mostConverted bounds the lines of a file that is converted, which is held in memory: each
// is a series.
const mostConverted = 10_000

// convert converts the file, and looks at the result instead.
func (s *source) convert() error {
	lines, err := s.head(mostConverted + 1)
	if err != nil {
		return err
	}
	if len(lines) > mostConverted {
		return s.problem(mostConverted+1, "more than %d lines, wanted a file of fewer series: export fewer of them", mostConverted)
	}
	if s.made, err = s.form.convert(lines[len(s.before):], s); err != nil {
		return err
	}
	of := s.form
	s.form = form{name: of.name, title: of.title, kind: of.kind, time: "time", zone: of.zone, stamps: "start", unit: of.unit,
		columns: []column{{from: "home", to: "home", role: load}, {from: "home-roof", to: "home-roof", role: roof}}}
	s.fsys = convertedFile(s.made)
	s.format.Encoding = ""
	head := strings.Split(strings.TrimSpace(string(s.made)), "\n")
	s.take(head[:min(len(head), mostHead)], 0, ',')
	return nil
}

// micro is the scale of converted values: millionths of the file's unit.
const micro = 1_000_000

// energies are the types of the export's rows, with the sign with which they add up to what
// the home consumed.
var energies = map[string]int64{"grid_consumption": 1, "solar_production": 1, "battery_out": 1, "grid_return": -1, "battery_in": -1, "calculated_total_consumption": 0}

// convertHomeAssistant converts a table with a row for each series and a column for each time
// into one with the columns time, home and home-roof, kWh. A home consumed grid + solar +
// battery out − return − battery in, or what the export says.
func convertHomeAssistant(lines []string, s *source) ([]byte, error) {
	times := splitLine(lines[0], s.mark)[3:]
	first := len(s.before) + 1 // line of the header
	sums, empty, filled := map[string][]int64{}, 0, make([]bool, len(times))
	for i, line := range lines[1:] {
		if strings.Count(line, `"`)%2 != 0 {
			return nil, s.problem(first+1+i, `the quotation mark in this line is not closed before the next row, wanted "…" around a field or no mark`)
		}
		row := splitLine(line, s.mark)
		if row == nil {
			continue
		}
		if len(row) != 3+len(times) {
			return nil, s.problem(first+1+i, "%d fields, wanted %d as in the header: is the file cut off?", len(row), 3+len(times))
		}
		_, known := energies[row[1]]
		switch {
		case !known:
			continue // costs, gas and water
		case row[2] != s.form.unit:
			return nil, s.problem(first+1+i, "unit %q, wanted %s", row[2], s.form.unit)
		}
		if sums[row[1]] == nil {
			sums[row[1]] = make([]int64, len(times))
		}
		for k, text := range row[3:] {
			if text == "" {
				empty++
				continue
			}
			filled[k] = true
			v, err := twins.ParseScaled(strings.Replace(text, ",", ".", 1), micro)
			if err != nil {
				return nil, s.problem(first+1+i, "column %q: %q is not a number", times[k], text)
			}
			sums[row[1]][k] += v
		}
	}
	if len(sums) == 0 {
		return nil, s.problem(first, "no row in %s, wanted energy", s.form.unit)
	}
	if empty > 0 {
		s.doubt("%s: 0 where another row of energy has a value, and missing where none has", counted(int64(empty), "empty field", "empty fields"))
	}
	return homeTable(times, sums, filled, s)
}

// homeTable writes the columns of a home, with empty fields where no row has a value.
func homeTable(times []string, sums map[string][]int64, filled []bool, s *source) ([]byte, error) {
	used := sums["calculated_total_consumption"]
	if used == nil {
		s.doubt("consumption is grid + solar + battery out - return - battery in: the file has no row calculated_total_consumption")
		used = make([]int64, len(times))
		for name, values := range sums { // integers: any order
			for i, v := range values {
				used[i] += energies[name] * v
			}
		}
		below := 0
		for i := range used {
			if used[i] < 0 {
				used[i], below = 0, below+1
			}
		}
		if below > 0 {
			s.doubt("consumption: %s below 0 set to 0", counted(int64(below), "value was", "values were"))
		}
	}
	var b bytes.Buffer
	c := csv.NewWriter(&b) // a Buffer does not fail
	solar := sums["solar_production"]
	header := []string{"time", "home", "home-roof"}
	_ = c.Write(header[:2+min(1, len(solar))])
	for i, at := range times {
		if _, err := time.Parse(time.RFC3339, at); err != nil {
			return nil, s.problem(len(s.before)+1, "time %q cannot be read, wanted one like 2026-01-31T16:00:00.000Z", at)
		}
		row := []string{at, decimalText(used[i])}
		if solar != nil {
			row = append(row, decimalText(solar[i]))
		}
		if !filled[i] {
			clear(row[1:])
		}
		_ = c.Write(row)
	}
	c.Flush()
	return b.Bytes(), nil
}

// decimalText formats millionths as a decimal number.
func decimalText(v int64) string {
	text := strconv.FormatInt(max(v, -v)/micro, 10) + "." + strconv.FormatInt(micro+max(v, -v)%micro, 10)[1:]
	if v < 0 {
		text = "-" + text
	}
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}

// convertedFile is a file system with one file of any name.
type convertedFile []byte

// Open implements fs.FS.
func (c convertedFile) Open(string) (fs.File, error) {
	return openedFile{bytes.NewReader(c)}, nil
}

type openedFile struct{ io.Reader }

// Stat implements fs.File.
func (openedFile) Stat() (fs.FileInfo, error) { return nil, fs.ErrInvalid }

// Close implements fs.File.
func (openedFile) Close() error { return nil }
