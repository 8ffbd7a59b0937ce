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
		columns: []column{{from: "grid", to: "home", role: drawn, home: "home"}, {from: "return", to: "home-fed-in", role: fedIn, home: "home"},
			{from: "home", to: "home", role: load, home: "home"}, {from: "solar", to: "home-roof", role: generated, home: "home"}}}
	s.fsys = convertedFile(s.made)
	s.format.Encoding = ""
	head := strings.Split(strings.TrimSpace(string(s.made)), "\n")
	s.take(head[:min(len(head), mostHead)], 0, ',')
	return nil
}

// micro is the scale of converted values: millionths of the file's unit.
const micro = 1_000_000

// energies are the types of the export's rows that are read, with the columns that they
// make. What a battery took and gave is behind the meter, and in what its registers have.
var energies = map[string]string{"grid_consumption": "grid", "grid_return": "return", "solar_production": "solar", "calculated_total_consumption": "home",
	"battery_in": "", "battery_out": ""}

// convertHomeAssistant converts a table with a row for each series and a column for each time
// into one with a row for each time, and the columns time, grid, return and solar, kWh: rows of
// one type are added up. If it has none of the grid, the column home is what the export says that the
// home consumed.
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
	var names []string
	for _, name := range []string{"grid_consumption", "grid_return", "calculated_total_consumption", "solar_production"} {
		isHome := name == "calculated_total_consumption"
		if sums[name] == nil || isHome && len(names) > 0 {
			continue
		}
		names = append(names, name)
	}
	if len(names) == 0 {
		return nil, s.problem(len(s.before)+1, "no row of grid_consumption, grid_return, solar_production or calculated_total_consumption, wanted one")
	}
	if sums["battery_in"] != nil || sums["battery_out"] != nil {
		s.doubt("the battery is behind the meter of the home: what it charged and discharged is in what the home consumed")
	}
	var b bytes.Buffer
	c := csv.NewWriter(&b) // a Buffer does not fail
	header := []string{"time"}
	for _, name := range names {
		header = append(header, energies[name])
	}
	_ = c.Write(header)
	for i, at := range times {
		if _, err := time.Parse(time.RFC3339, at); err != nil {
			return nil, s.problem(len(s.before)+1, "time %q cannot be read, wanted one like 2026-01-31T16:00:00.000Z", at)
		}
		row := []string{at}
		for _, name := range names {
			row = append(row, decimalText(sums[name][i]))
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
