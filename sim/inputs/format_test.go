package inputs

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"testing/iotest"
	"time"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"pgregory.net/rapid"

	"github.com/smatrix-grid/smatrix/sim/problem"
	"github.com/smatrix-grid/smatrix/twins"
)

func inFormat(f Format) func(*RecordingSpec) {
	return func(s *RecordingSpec) { s.Format = f }
}

// latin returns text in Latin-1, utf16 in UTF-16 with its byte order mark.
func latin(text string) string {
	out, err := charmap.ISO8859_1.NewEncoder().String(text)
	if err != nil {
		panic(err)
	}
	return out
}

func utf16(text string) string {
	out, err := unicode.UTF16(unicode.BigEndian, unicode.UseBOM).NewEncoder().String(text)
	if err != nil {
		panic(err)
	}
	return out
}

// TestRecordingFormats reads one recording, 1000, 2000, 3000 and 4000 W in the
// quarter hours from midnight of 15 January 2024 in Berlin, as it is written by
// people and machines of several countries.
func TestRecordingFormats(t *testing.T) {
	day := func(clock string) string { return "15.01.2024 " + clock }
	tests := []struct {
		name   string
		format Format
		text   string
		change func(*RecordingSpec)
	}{
		// Numbers.
		{"decimal comma", Format{Decimal: "comma"}, lines("time;a", "00:00;1000,0", "00:15;2000", "00:30;3,0e3", "00:45;+4000,"), nil},
		{"decimal comma in quotes", Format{Decimal: "comma"}, lines("time,a", `00:00,"1000,0"`, `00:15,"2000"`, `00:30,"3000,00"`, `00:45,4000`), nil},
		{"point of thousands", Format{Decimal: "comma", Thousands: "point"}, lines("time;a", "00:00;1.000", "00:15;2.000,0", "00:30;3000", "00:45;4.000,00"), nil},
		{"quoted thousands", Format{Thousands: "comma"}, lines("time,a", `00:00,"1,000"`, `00:15,"2,000.0"`, `00:30,3000`, `00:45,"4,000"`), nil},
		{"space of thousands", Format{Decimal: "comma", Thousands: "space"}, lines("time;a", "00:00;1 000", "00:15;2\u00a0000,0", "00:30;3\u202f000", "00:45;4000"), nil},
		{"apostrophe of thousands", Format{Thousands: "apostrophe"}, lines("time;a", "00:00;1'000", "00:15;2'000.0", "00:30;3’000", "00:45;4000"), nil},
		{"small negatives", Format{ClipBelow: "5"}, lines("time,a,b", "00:00,1000,-5", "00:15,2000,-0.001", "00:30,3000,0", "00:45,4000,-3"), nil},
		// Time stamps.
		{"day first", Format{Date: "dd.mm.yyyy"}, lines("time,a", day("00:00")+",1000", day("0:15")+",2000", day("00:30:00")+",3000", day("00:45:00.000")+",4000"), nil},
		{"day first without noughts", Format{Date: "d.m.yy"}, lines("time,a", "15.1.24 0:00,1000", "15.1.24 0:15,2000", "15.01.24 0:30,3000", "15.1.24 0:45,4000"), nil},
		{"month first, half days", Format{Date: "mm/dd/yyyy"}, lines("time,a", "1/15/2024 12:00 AM,1000", "01/15/2024 12:15 am,2000", "1/15/2024 12:30:00 AM,3000", "1/15/2024 12:45 a.m.,4000"), nil},
		{"month in letters", Format{Date: "dd-mmm-yyyy"}, lines("time,a", "15-JAN-2024 00:00,1000", "15-Jan-2024 00:15,2000", "15-jan-2024 00:30,3000", "15-JAN-2024 00:45,4000"), nil},
		{"no marks", Format{Date: "yyyymmdd"}, lines("time,a", "20240115 00:00,1000", "20240115 00:15,2000", "20240115T00:30,3000", "20240115 00:45,4000"), nil},
		{"a form with offsets", Format{Date: "yyyy/mm/dd"}, lines("time,a", "2024/01/15 00:00+01:00,1000", "2024/01/14 23:15Z,2000", "2024/01/15 00:30+0100,3000", "2024/01/15 00:45,4000"), nil},
		{"Unix seconds", Format{Date: "unix_s"}, lines("time,a", "1705273200,1000", "1705274100,2000", "1705275000.0,3000", "1705275900,4000"), inZone("Asia/Tokyo")},
		{"Unix milliseconds", Format{Date: "unix_ms"}, lines("time,a", "1705273200000,1000", "1705274100000,2000", "1705275000000,3000", "1705275900000,4000"), nil},
		{"date and time in two columns", Format{Date: "dd.mm.yyyy", Clock: "Uhrzeit"}, lines("time,Uhrzeit,a", "15.01.2024,00:00,1000", "15.01.2024,00:15,2000", "15.01.2024,00:30,3000", "15.01.2024,00:45,4000"), nil},
		{"two columns, ISO", Format{Clock: "hour"}, lines("hour,time,a", "00:00,2024-01-15,1000", "00:15,2024-01-15,2000", "00:30,2024-01-15,3000", "00:45,2024-01-15,4000"), nil},
		{"spans", Format{Date: "dd.mm.yyyy", Span: " - "}, lines("time,a", "15.01.2024 00:00 - 15.01.2024 00:15,1000", "15.01.2024 00:15 - 15.01.2024 00:30,2000", "15.01.2024 00:30 - 15.01.2024 00:45 (CET),3000", "15.01.2024 00:45 - 15.01.2024 01:00,4000"), nil},
		{"spans of the time of day in a column of its own", Format{Date: "dd.mm.yyyy", Clock: "von - bis", Span: "-"}, lines("time,von - bis,a", "15.01.2024,00:00-00:15,1000", "15.01.2024,00:15-00:30,2000", "15.01.2024,00:30-00:45,3000", "15.01.2024,00:45-01:00,4000"), nil},
		{"spans within the day", Format{Span: " - "}, lines("time,a", "00:00 - 00:15,1000", "00:15 - 00:30,2000", "00:30 - 00:45,3000", "00:45 - 01:00,4000"), nil},
		{"newest first", Format{NewestFirst: true}, lines("time,a", "00:45,4000", "00:30,3000", "00:15,2000", "00:00,1000"), nil},
		{"newest first, the end of intervals", Format{NewestFirst: true}, lines("time,a", "01:00,4000", "00:45,3000", "00:30,2000", "00:15,1000"), withStamps("end")},
		{"no mark in the time of day", Format{Date: "yyyymmdd"}, lines("time,a", "20240115:0000,1000", "20240115:0015,2000", "20240115 0030,3000", "20240115:0045,4000"), nil},
		{"days of other years", Format{Year: "2024"}, lines("time,a", "1999-01-15 00:00,1000", "2024-01-15T00:15,2000", "2011-01-15 00:30,3000", "1999-01-15 00:45,4000"), nil},
		{"days of other years, the end of intervals", Format{Date: "mm/dd/yyyy", Clock: "clock", Year: "2024"}, lines("time,clock,a", "01/14/1999,24:00,7", "01/15/2003,00:15,1000", "01/15/1999,00:30,2000", "01/15/1999,00:45,3000", "01/15/1999,01:00,4000"), withStamps("end")},
		// Lines.
		{"a header after a quote left open", Format{Header: "4"}, lines("Meter;12", "\"unclosed", "", "time;a", "00:00;1000", "00:15;2000", "00:30;3000", "00:45;4000"), nil},
		{"a header to be found", Format{Header: "find"}, lines("Customer,7,8,9", "Period,2024", `"time",a`, "00:00,1000", "00:15,2000", "00:30,3000", "00:45,4000"), nil},
		{"a header to be found in the first line", Format{Header: "find"}, lines("time,a", "00:00,1000", "00:15,2000", "00:30,3000", "00:45,4000"), nil},
		{"no header", Format{Header: "none"}, lines("00:00,1000", "00:15,2000", "00:30,3000", "00:45,4000"), withColumns("a", "2")},
		{"comments", Format{Comment: "#"}, lines("# a; b; c; d", "time,a", "00:00,1000", "# 00:15", "00:15,2000", "00:30,3000", "00:45,4000", "#"), nil},
		{"totals", Format{Totals: []string{"", "Summe", "max*"}}, lines("time,a", "00:00,1000", "00:15,2000", "Maximum of the half,2000", "00:30,3000", "00:45,4000", "SUMME,10000", ","), nil},
		{"totals of fewer fields", Format{Totals: []string{"Total"}}, lines("a,time", "1000,00:00", "2000,00:15", "3000,00:30", "4000,00:45", "Total"), nil},
		{"rows without a time", Format{Undated: "leave_out"}, lines("time,a", "[hh:mm],[W]", "00:00,1000", "00:15,2000", "00:30,3000", "00:45,4000", ",", "", "Sum,10000", "a: what the meter, of make X, counts", "(c) 2024"), nil},
		{"loose quotes", Format{Quotes: "loose"}, lines("time;id;a", `00:00;="0815";1000`, `00:15;19" wide;"2000"`, `"00:30";"x ""y""";3000`, `00:45;"z";4000`), withColumns("a", "a")},
		{"a name that appears twice", Format{}, lines("time,kWh,kWh", "00:00,1,1000", "00:15,2,2000", "00:30,3,3000", "00:45,4,4000"), withColumns("a", "kWh (2)")},
		{"units of rows", Format{Units: "unit"}, lines("time,unit,a", "00:00,W,1000", "00:15,w ,2000", "00:30,,3000", "00:45,W,4000"), nil},
		{"units of the rows of a meter", Format{Units: "unit", Meter: "id", Value: "v"}, lines("time,unit,id,v", "00:00,W,m,1000", "00:00,m³,gas,7", "00:15,W,m,2000", "00:30,W,m,3000", "00:45,W,m,4000"), withColumns("a", "m")},
		{"registers added up", Format{}, lines("time,day,night,x", "00:00,600,400,9", "00:15,2000,,9", "00:30,,3000,9", "00:45,4000,0,9"), withSum("a", "day", "night")},
		{"registers in turn", Format{Meter: "id"}, lines("time,id,W", "00:00,night,1000", "00:15,night,2000", "00:30,day,3000", "00:45,day,1500", "00:45,night,2500"), withSum("a", "day", "night")},
		{"words for missing", Format{Missing: []string{"Null", "n/a"}}, lines("time,a,b", "00:00,1000,1", "00:15,2000,NULL", "00:30,3000,n/a", "00:45,4000,7"), withGaps("hold")},
		{"a first column without a name", Format{}, lines(",a", "00:00,1000", "00:15,2000", "00:30,3000", "00:45,4000"), nil},
		{"bars", Format{Separator: "bar"}, lines("time|a", "00:00|1000", "00:15|2000", "00:30|3000", "00:45|4000"), nil},
		{"a comma though semicolons are more", Format{Separator: "comma"}, lines("time,a;b;c", "00:00,1000", "00:15,2000", "00:30,3000", "00:45,4000"), withColumns("a", "a;b;c")},
		{"a name with blanks at its end", Format{}, lines("time,kWh/hh (per half hour) ", "00:00,1000", "00:15,2000", "00:30,3000", "00:45,4000"), withColumns("a", "kWh/hh (per half hour) ")},
		// Bytes.
		{"Latin-1", Format{Encoding: "latin-1"}, latin(lines("time,Wärme", "00:00,1000", "00:15,2000", "00:30,3000", "00:45,4000")), withColumns("a", "Wärme")},
		{"Windows-1252", Format{Encoding: "windows-1252"}, lines("time,\x80", "00:00,1000", "00:15,2000", "00:30,3000", "00:45,4000"), withColumns("a", "€")},
		{"UTF-16 with its mark", Format{}, utf16(lines("time,Wärme", "00:00,1000", "00:15,2000", "00:30,3000", "00:45,4000")), withColumns("a", "Wärme")},
		{"UTF-16 without its mark", Format{Encoding: "utf-16"}, littleEndian(lines("time,a", "00:00,1000", "00:15,2000", "00:30,3000", "00:45,4000")), nil},
		// Long tables.
		{"a long table, meter by meter", Format{Meter: "id"}, lines("id,time,W", "a,00:00,1000", "a,00:15,2000", "a,00:30,3000", "a,00:45,4000", "b,00:00,1", "b,00:15,1", "b,00:30,1", "b,00:45,1"), nil},
		{"a long table, time by time", Format{Meter: "id", Value: "W"}, lines("time,id,note,W", "00:00,a,x,1000", "00:00,b,,5", "00:15,a,,2000", "00:15,b,,5", "00:30,a,,3000", "00:30,b,,5", "00:45,a,,4000", "00:45,b,,5"), nil},
		{"one meter of a long table", Format{Meter: "id"}, lines("id,time,W", "B 7,00:00,1000", "B 7,00:15,2000", "C,00:15,-7", "B 7,00:30,3000", "B 7,00:45,4000"), withColumns("a", "B 7")},
	}
	cal := calendarFrom(t, "Europe/Berlin", "2024-01-15 00:00", quarter, 4)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			spec := recordedAs(inUnit("W"), inFormat(tt.format))
			if tt.change != nil {
				tt.change(&spec)
			}
			r, err := ReadRecording(fileOf(spec, tt.text), spec, cal)
			if err != nil {
				t.Fatal(err)
			}
			if r.Columns[0] != "a" || r.Interval != 900 {
				t.Errorf("columns %q, interval %d, wanted a first and 900", r.Columns, r.Interval)
			}
			samePowers(t, r.all()[0], 1, 2, 3, 4)
			names, err := RecordingColumns(fileOf(spec, tt.text), spec, cal)
			if err != nil || !slices.Equal(names, r.Columns) {
				t.Errorf("columns of the header %q, %v, wanted %q", names, err, r.Columns)
			}
		})
	}
}

// withSum makes a column of several of the file.
func withSum(ours string, theirs ...string) func(*RecordingSpec) {
	return func(s *RecordingSpec) { s.Sums = map[string][]string{ours: theirs} }
}

// littleEndian returns ASCII text in UTF-16 without a byte order mark.
func littleEndian(text string) string {
	var b strings.Builder
	for i := range len(text) {
		b.WriteByte(text[i])
		b.WriteByte(0)
	}
	return b.String()
}

// TestRecordingFormatRefuses lists what can be wrong with a format, or with a file
// in it, with the error for it.
func TestRecordingFormatRefuses(t *testing.T) {
	const good = "time,a\n00:00,1\n00:15,2\n00:30,3\n00:45,4\n"
	gapsNext := func(s *RecordingSpec) { s.Unit, s.Gaps = "kWh", gapsNextRow }
	tests := []struct {
		name   string
		format Format
		text   string
		want   string
		change func(*RecordingSpec)
	}{
		// The words.
		{"an unknown encoding", Format{Encoding: "ebcdic"}, good, `street.csv: format.encoding "ebcdic" is unknown, wanted utf-8, utf-16, latin-1 or windows-1252`, nil},
		{"an unknown separator", Format{Separator: "dot"}, good, `street.csv: format.separator "dot" is unknown, wanted comma, semicolon, tab or bar`, nil},
		{"an unknown mark", Format{Decimal: "dot"}, good, `street.csv: format.decimal "dot" is unknown, wanted point or comma`, nil},
		{"one mark for both", Format{Decimal: "comma", Thousands: "comma"}, good, `street.csv: format.thousands comma is the mark of decimals as well, wanted another of the two`, nil},
		{"a point for both", Format{Thousands: "point"}, good, `street.csv: format.thousands point is the mark of decimals as well, wanted another of the two`, nil},
		{"no line of a header", Format{Header: "first"}, good, `street.csv: format.header "first" is no line, wanted its number from 1 to 1000, find or none`, nil},
		{"a long comment", Format{Comment: "//"}, good, `street.csv: format.comment "//", wanted one character such as #`, nil},
		{"a date without a day", Format{Date: "mm.yyyy"}, good, `street.csv: format.date "mm.yyyy" is unknown, wanted year, month and day such as dd.mm.yyyy, mm/dd/yyyy or yyyymmdd, or unix_s or unix_ms`, nil},
		{"a share above 1", Format{LeaveOut: "20"}, good, `street.csv: format.leave_out 20, wanted a share of 0 to 1`, nil},
		{"a value without a meter", Format{Value: "a"}, good, `street.csv: format.value without format.meter, wanted the column that names the meter`, nil},
		{"a counter of power", Format{Reading: "counter"}, good, `street.csv: format.reading: counter in kW, wanted Wh or kWh: a counter counts energy`, nil},
		{"an unknown word for rows without a time", Format{Undated: "skip"}, good, `street.csv: format.undated "skip" is unknown, wanted refuse or leave_out`, nil},
		{"rows without a time beside months in letters", Format{Undated: "leave_out", Date: "mmm-dd-yyyy"}, good, `street.csv: format.undated: leave_out beside the date mmm-dd-yyyy, wanted one that begins with a digit`, nil},
		{"an unknown word for quotes", Format{Quotes: "none"}, good, `street.csv: format.quotes "none" is unknown, wanted strict or loose`, nil},
		{"no year", Format{Year: "0"}, good, `street.csv: format.year "0", wanted a year such as 2018`, nil},
		{"a year of moments", Format{Year: "2018", Date: "unix_s"}, good, `street.csv: format.year beside unix_s, wanted one of them: such a stamp is a moment`, nil},
		{"a span of ends", Format{Span: "-"}, good, `street.csv: format.span with stamps of the end, wanted stamps: start: a span begins with its start`, withStamps("end")},

		// Columns.
		{"no column of the time of day", Format{Clock: "Uhr"}, good, `street.csv:1: no column "Uhr" for the time of day, wanted one of the header such as "a"`, nil},
		{"no column of meters", Format{Meter: "id"}, good, `street.csv:1: no column "id" for the meter, wanted one of the header such as "a"`, nil},
		{"no column of values", Format{Meter: "id", Value: "W"}, "id,time,kW\n", `street.csv:1: no column "W" for the values, wanted one of the header such as "kW"`, nil},
		{"several columns of values", Format{Meter: "id"}, "id,time,kW,V\n", `street.csv:1: 2 columns besides meter and time, wanted format.value to name the one with the values`, nil},
		{"no such meter", Format{Meter: "id"}, "id,time,kW\nM1,00:00,1\n", `street.csv:1: no meter "N1", wanted one of column "id" such as "M1"`, withColumns("a", "N1")},
		{"a row without a meter", Format{Meter: "id"}, "id,time,kW\nM1,00:00,1\n,00:15,1\n", `street.csv:3: column "id": no meter, wanted its name`, nil},
		{"a header that is not there", Format{Header: "find"}, "Time,a\n00:00,1\n", `street.csv: no header with column "time", wanted one`, nil},
		{"a header after the end", Format{Header: "9"}, good, `street.csv: ends before line 9, wanted the header there`, nil},
		{"a header in the wrong line", Format{Header: "2"}, good, `street.csv:2: no column "time" for the time, wanted one of the header such as "1"`, nil},

		{"no column of units", Format{Units: "unit"}, good, `street.csv:1: no column "unit" for the units, wanted one of the header such as "time", "a"`, nil},
		{"a sum of a column that is not there", Format{}, good, `street.csv:1: no column "b", wanted one of the header such as "a"`, withSum("home", "a", "b")},
		{"a sum of one column twice", Format{}, good, `street.csv:1: columns "home": "a" is added up twice, wanted each column once`, withSum("home", "a", "a")},
		{"a sum of many", Format{}, good, `street.csv:1: columns "h*": several columns that are added up, wanted a name without *`, withSum("h*", "*")},
		{"a sum beside a share of gaps", Format{LeaveOut: "0.2"}, good, `street.csv: columns that are added up beside format.leave_out or gaps: in_next_row, wanted each of them by its own name`,
			func(s *RecordingSpec) { s.Unit = "kWh"; withSum("home", "a")(s) }},

		// Rows.
		{"a row in another unit", Format{Units: "unit"}, "time,a,unit\n00:00,1,kW\n00:15,2000,W\n", `street.csv:3: column "unit": unit "W", wanted kW`, nil},
		{"a quote that is not closed in its line", Format{Quotes: "loose"}, "time,a,b\n00:00,1,x\n00:15,1,\"19\n00:30,1,x\n00:45,1,\"\n", `street.csv:3: the quotation mark in this line is not closed before the next row, wanted "…" around a field or no mark`, nil},
		{"29 February in a year without", Format{Year: "2023"}, "time,a\n2024-02-29 00:00,1\n", `street.csv:2: time "2024-02-29 00:00" cannot be read, wanted one like 2024-01-31 16:45, 2024-01-31T16:45:00+01:00 or 16:45, on a day that the year 2023 has (format.year)`, nil},
		{"a time that all registers lack", Format{}, "time,day,night\n00:00,1,\n00:15,,\n00:30,1,\n00:45,,1\n", `street.csv:3: column "day": no value, wanted kW, or gaps: hold, linear or same_time_last_week`, withSum("home", "day", "night")},
		{"a quote after a preamble", Format{Header: "3"}, "x\ny\n" + good + "01:00,1\"\n", `street.csv:8: a quotation mark out of place, wanted quoted fields as in "a""b", or format: {quotes: loose}`, nil},
		{"a total that is not named", Format{Totals: []string{"Sum"}}, good + ",10\n", `street.csv:6: time "" cannot be read, wanted one like 2024-01-31 16:45, 2024-01-31T16:45:00+01:00 or 16:45`, nil},
		{"newest first, not said", Format{}, "time,a\n00:45,4\n00:30,3\n00:15,2\n00:00,1\n", `street.csv:3: time "00:30" comes after "00:45", wanted rows in the order of time, or format: {newest_first: true}`, nil},
		{"newest first, and it is not", Format{NewestFirst: true}, good, `street.csv:3: time "00:15" comes after "00:00", wanted the newest row first, as format.newest_first says`, nil},
		{"a missing row, newest first", Format{NewestFirst: true}, "time,a\n00:45,4\n00:15,2\n00:00,1\n", `street.csv:2: no row for 2024-01-15 00:30 after this one, wanted one every 15 min, or gaps: hold, linear or same_time_last_week`, nil},
		{"a missing row of a meter", Format{Meter: "m"}, "m,time,a\nx,00:00,1\nx,00:15,1\nx,00:30,1\nx,00:45,1\ny,00:00,1\ny,00:30,1\ny,00:45,1\n",
			`street.csv:7: meter y: no row for 2024-01-15 00:15 before this one, wanted one every 15 min, or gaps: hold, linear or same_time_last_week`, nil},
		{"a meter that ends early", Format{Meter: "m"}, "m,time,a\nx,00:00,1\nx,00:15,1\nx,00:30,1\nx,00:45,1\ny,00:00,1\ny,00:15,1\ny,00:30,1\n",
			`street.csv: meter y: no row for 2024-01-15 00:45 at the end, wanted one every 15 min, or gaps: hold, linear or same_time_last_week`, nil},
		{"a meter twice at a time", Format{Meter: "m"}, "m,time,a\nx,00:00,1\ny,00:00,1\nx,00:00,1\n", `street.csv:4: time "00:00" appears twice, wanted each once`, nil},

		// Stamps.
		{"month and day exchanged", Format{Date: "mm/dd/yyyy"}, "time,a\n15/01/2024 00:00,1\n", `street.csv:2: time "15/01/2024 00:00" cannot be read, wanted one like 01/31/2024 16:45, as format.date mm/dd/yyyy says`, nil},
		{"ISO though another form is said", Format{Date: "dd.mm.yyyy"}, "time,a\n2024-01-15 00:00,1\n", `street.csv:2: time "2024-01-15 00:00" cannot be read, wanted one like 31.01.2024 16:45, as format.date dd.mm.yyyy says`, nil},
		{"30 February", Format{Date: "d.m.yy"}, "time,a\n30.2.24 00:00,1\n", `street.csv:2: time "30.2.24 00:00" cannot be read, wanted one like 31.1.24 16:45, as format.date d.m.yy says`, nil},
		{"hour 13 of a half day", Format{Date: "yyyy-mm-dd"}, "time,a\n2024-01-15 13:00 PM,1\n", `street.csv:2: time "2024-01-15 13:00 PM" cannot be read, wanted one like 2024-01-31 16:45, as format.date yyyy-mm-dd says`, nil},
		{"milliseconds read as seconds", Format{Date: "unix_s"}, "time,a\n1705273200000,1\n", `street.csv:2: time "1705273200000" cannot be read, wanted whole seconds since 1970, as format.date unix_s says`, nil},
		{"half a second", Format{Date: "unix_ms"}, "time,a\n1705273200500,1\n", `street.csv:2: time "1705273200500" cannot be read, wanted milliseconds since 1970 that are whole seconds, as format.date unix_ms says`, nil},
		{"Unix seconds, not said", Format{}, "time,a\n1705273200,1\n", `street.csv:2: time "1705273200" cannot be read, wanted one like 2024-01-31 16:45, 2024-01-31T16:45:00+01:00 or 16:45, or its form: format: {date: unix_s} or unix_ms`, nil},
		{"a skipped hour in another form", Format{Date: "dd.mm.yyyy"}, "time,a\n31.03.2024 02:30,1\n", `street.csv:2: time "31.03.2024 02:30" does not exist in Europe/Berlin, where clocks skip it, wanted an offset (+01:00) or the zone of the file, such as Etc/GMT-1 if it has no saving time`, nil},

		// Numbers.
		{"a point beside a decimal comma", Format{Decimal: "comma"}, "time;a\n00:00;1.5\n00:15;1\n00:30;1\n00:45;1\n", `street.csv:2: column "a": "1.5" is not a number, wanted kW with a decimal comma, as format.decimal says`, nil},
		{"two signs", Format{Decimal: "comma", Thousands: "point"}, "time;a\n00:00;1\n00:15;--5\n00:30;1\n00:45;1\n", `street.csv:3: column "a": "--5" is not a number, wanted kW`, nil},
		{"two signs that differ", Format{Thousands: "space"}, "time;a\n00:00;1\n00:15;+-5\n00:30;1\n00:45;1\n", `street.csv:3: column "a": "+-5" is not a number, wanted kW`, nil},
		{"a gap whose energy does not come", Format{}, "time,a\n00:00,1\n00:15,1\n00:30,1\n00:45,\n01:00,\n", `street.csv:5: column "a": no value for 2024-01-15 00:45 and none after it that holds its energy (gaps: in_next_row)`, gapsNext},
		{"a power after a gap", Format{}, good, `street.csv: gaps: in_next_row beside a power, a counter or intervals of any length, wanted energies of regular intervals`, withGaps("in_next_row")},
		{"a group of two digits", Format{Thousands: "apostrophe"}, "time,a\n00:00,1'00\n00:15,1\n00:30,1\n00:45,1\n", `street.csv:2: column "a": "1'00" is not a number, wanted kW`, nil},
		{"a mark of thousands among decimals", Format{Decimal: "comma", Thousands: "point"}, "time;a\n00:00;1,000.5\n00:15;1\n00:30;1\n00:45;1\n", `street.csv:2: column "a": "1,000.5" is not a number, wanted kW with a decimal comma, as format.decimal says`, nil},
		{"a mark of thousands at the end", Format{Thousands: "comma"}, "time;a\n00:00;1,\n00:15;1\n00:30;1\n00:45;1\n", `street.csv:2: column "a": "1," is not a number, wanted kW with a decimal point, or format: {decimal: comma}`, nil},
		{"a word that is not named", Format{Missing: []string{"null"}}, "time,a\n00:00,1\n00:15,NaN\n00:30,1\n00:45,1\n", `street.csv:3: column "a": "NaN" is not a number, wanted kW`, nil},
		{"a missing value", Format{Missing: []string{"null"}}, "time,a\n00:00,1\n00:15,Null\n00:30,1\n00:45,1\n", `street.csv:3: column "a": no value, wanted kW, or gaps: hold, linear or same_time_last_week`, nil},
		{"more than a small negative", Format{ClipBelow: "0.003"}, "time,a\n00:00,1\n00:15,-0.004\n00:30,1\n00:45,1\n", `street.csv:3: column "a": "-0.004" is negative, wanted kW of 0 or more`, nil},
		{"a gap that is too long", Format{}, "time,a\n00:00,1\n00:45,1\n01:00,1\n01:15,1\n", `street.csv:3: column "a": no value for 30 min from 2024-01-15 00:15 on, wanted gaps of at most 15 min, as gaps.longest says`,
			func(s *RecordingSpec) { s.Gaps, s.Longest = "linear", 900 }},
		{"no column with enough data", Format{LeaveOut: "0.1"}, "time,a\n00:00,1\n00:15,\n00:30,1\n00:45,\n", `street.csv: every column lacks more than 0.1 of its values, wanted a greater format.leave_out`, nil},

		// Counters.
		{"a counter that falls again and again", Format{Reading: "counter"}, "time,a\n00:00,10\n00:15,11\n00:30,10.5\n00:45,12\n01:00,11.5\n01:15,13\n", `street.csv:4: column "a": the counter falls from 11 to 10.5 kWh and does not go on from there, wanted readings that rise, or a restart`, inUnit("kWh")},
		{"a counter with marks of thousands", Format{Reading: "counter"}, "time,a\n00:00,980\n00:15,990\n00:30,1.001\n00:45,999\n01:00,1.010\n01:15,998\n01:30,1.020\n01:45,999\n", `street.csv:4: column "a": the counter falls from 990 to 1.001 kWh and does not go on from there, wanted readings that rise, or a restart; 1.001 beside 980 is read as a little more than 1: likely a thousands mark, which format: {decimal: comma, thousands: point} reads, as in 3 values of the column`, inUnit("kWh")},
		{"a counter below 0", Format{Reading: "counter"}, "time,a\n00:00,-1\n00:15,0\n00:30,1\n00:45,2\n01:00,3\n", `street.csv:2: column "a": "-1" is negative, wanted the reading of a counter, 0 or more`, inUnit("kWh")},
		{"a missing reading", Format{Reading: "counter"}, "time,a\n00:00,1\n00:15,\n00:30,2\n00:45,2\n01:00,3\n", `street.csv:3: column "a": no value, wanted kWh, or gaps: hold, linear or same_time_last_week`, inUnit("kWh")},
		{"as many readings as steps", Format{Reading: "counter"}, "time,a\n00:00,1\n00:15,1\n00:30,2\n00:45,2\n", `street.csv: covers 2024-01-15 00:00 to 2024-01-15 00:45, wanted 2024-01-15 00:00 to 2024-01-15 01:00, which is the run (times in Europe/Berlin): readings of a counter enclose one interval less than there are readings; add that of 2024-01-15 01:00, let the run end at 2024-01-15 00:45, or fill the last interval with gaps: hold or same_time_last_week`, inUnit("kWh")},
	}
	cal := calendarFrom(t, "Europe/Berlin", "2024-01-15 00:00", quarter, 4)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			spec := recordedAs(inFormat(tt.format))
			if tt.change != nil {
				tt.change(&spec)
			}
			_, err := ReadRecording(fileOf(spec, tt.text), spec, cal)
			var at *problem.At
			if !errors.As(err, &at) || err.Error() != tt.want {
				t.Errorf("\ngot  %v\nwant %s", err, tt.want)
			}
		})
	}
}

// TestInputsInAnotherForm reads a recording, a market, weather and sessions twice:
// in plain ISO form, and as a German program would write them, newest row first
// where rows have an order. Both give the same.
func TestInputsInAnotherForm(t *testing.T) {
	var recording, market, weather strings.Builder
	recording.WriteString("time,a,b\n")
	market.WriteString("time,price,coal,wind\n")
	weather.WriteString("time,ghi,temperature,wind\n")
	cal := calendarFrom(t, "Europe/Berlin", "2024-10-26 22:00", 900, 96)
	for k := range twins.Tick(26 * 4) {
		stamp := cal.Time(k).Format("2006-01-02T15:04")
		fmt.Fprintf(&recording, "%s,%d.25,%d\n", stamp, 1000+k, k%7)
		fmt.Fprintf(&market, "%s,-%d.5,%d.125,%d\n", stamp, k, 2000+k, k+1)
		fmt.Fprintf(&weather, "%s,%d.5,%d.25,%d\n", stamp, k%9, k%12, k%5)
	}
	sessions := "user,arrive,leave,energy\nÄnne,2024-10-27T18:00,2024-10-27T20:00,7.5\nbob,2024-10-27T02:30,2024-10-27T02:15,1.25\n"
	format := Format{Encoding: "latin-1", Header: "3", Decimal: "comma", Thousands: "point", Date: "dd.mm.yyyy", Comment: "#", Totals: []string{"Summe"}, Missing: []string{"-"}}
	read := map[string]func(Format, string) (any, error){
		"recording": func(f Format, text string) (any, error) {
			spec := recordedAs(inFormat(f), inUnit("W"))
			r, err := ReadRecording(fileOf(spec, text), spec, cal)
			if err != nil {
				return nil, err
			}
			return []any{r.Columns, r.all(), r.Interval}, nil
		},
		"market": func(f Format, text string) (any, error) {
			m, err := ReadMarket(fstest.MapFS{"m.csv": {Data: []byte(text)}}, MarketSpec{File: "m.csv", Price: "price", Mix: map[string]string{"coal": "coal", "wind_onshore": "wind"}, Format: f}, cal)
			if err != nil {
				return nil, err
			}
			prices, carbon := series(m, cal)
			return []any{prices, carbon, m.Interval}, nil
		},
		"weather": func(f Format, text string) (any, error) {
			spec := WeatherSpec{File: "w.csv", Place: Place{Latitude: 50, Longitude: 10}, Format: f,
				Columns: map[string]string{"ghi_w_per_m2": "ghi", "temperature_c": "temperature", "wind_m_per_s": "wind"}}
			w, err := ReadWeather(fstest.MapFS{"w.csv": {Data: []byte(text)}}, spec, cal)
			if err != nil {
				return nil, err
			}
			steps := make([]twins.Weather, cal.Steps)
			for k := range steps {
				w.Fill(cal.Unix(twins.Tick(k)), cal.Step, &steps[k])
			}
			return steps, nil
		},
		"sessions": func(f Format, text string) (any, error) {
			s, err := ReadSessions(fstest.MapFS{"s.csv": {Data: []byte(text)}}, SessionsSpec{File: "s.csv", Unit: "kWh", Format: f}, cal)
			if err != nil {
				return nil, err
			}
			var all []any
			for _, user := range s.Users {
				of, err := s.Of(user, 0)
				if err != nil {
					return nil, err
				}
				for i := range of {
					of[i].Line = 0
				}
				all = append(all, user, of)
			}
			return all, nil
		},
	}
	for kind, plain := range map[string]string{"recording": recording.String(), "market": market.String(), "weather": weather.String(), "sessions": sessions} {
		t.Run(kind, func(t *testing.T) {
			want, err := read[kind](Format{}, plain)
			if err != nil {
				t.Fatal(err)
			}
			f := format
			if kind != "sessions" {
				f.NewestFirst = true
			}
			got, err := read[kind](f, inGerman(plain, f.NewestFirst))
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("in German form\n%v\nwanted\n%v", got, want)
			}
		})
	}
}

// inGerman rewrites a CSV with ISO stamps as a German program writes it.
func inGerman(text string, newestFirst bool) string {
	rows := strings.Split(strings.TrimSpace(text), "\n")
	head, rows := rows[0], rows[1:]
	if newestFirst {
		slices.Reverse(rows)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Z\xe4hler;Werte\nErstellt; am Montag\n%s\n# Einheit\n", strings.ReplaceAll(head, ",", ";"))
	for _, row := range rows {
		fields := strings.Split(row, ",")
		for i, field := range fields {
			if at, err := time.Parse("2006-01-02T15:04", field); err == nil {
				fields[i] = at.Format("2.1.2006 15:04:05")
				continue
			}
			field = strings.Replace(field, ".", ",", 1)
			whole, _, _ := strings.Cut(field, ",")
			if digits := strings.TrimPrefix(whole, "-"); len(digits) == 4 && strings.Trim(digits, "0123456789") == "" {
				field = strings.Replace(field, digits, digits[:1]+"."+digits[1:], 1)
			}
			fields[i] = field
		}
		b.WriteString(latin(strings.Join(fields, ";")) + "\n")
	}
	b.WriteString("Summe" + strings.Repeat(";", strings.Count(head, ",")) + "\n")
	return b.String()
}

// A row that is too long is refused while it is read, with the line in which it
// begins: here, 64 MiB from a few kilobytes of gzip.
func TestRowsAreBounded(t *testing.T) {
	for name, row := range map[string]string{"one long field": "00:15,1\n00:30,", "a quote left open": "00:15,1\n00:30,\"\n", "after a quote": "\"00:15\",\"\n1\"\n00:30,"} {
		t.Run(name, func(t *testing.T) {
			var packed bytes.Buffer
			w := gzip.NewWriter(&packed)
			fill := bytes.Repeat([]byte("0000000\n"), 1<<17)
			if !strings.HasSuffix(row, "\"\n") {
				fill = bytes.ReplaceAll(fill, []byte("\n"), []byte("0"))
			}
			if _, err := w.Write([]byte("time,a\n00:00,1\n" + row)); err != nil {
				t.Fatal(err)
			}
			for range 64 {
				if _, err := w.Write(fill); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			spec := recordedAs(fromFile("street.csv.gz"))
			_, err := ReadRecording(fileOf(spec, packed.String()), spec, calendarFrom(t, "UTC", "2024-01-15 00:00", quarter, 4))
			want := fmt.Sprintf("street.csv.gz:%d: a row of more than 1048576 bytes, wanted shorter ones: is a quotation mark left open?", 3+strings.Count(strings.TrimSuffix(row, "\"\n"), "\n"))
			if fmt.Sprint(err) != want {
				t.Errorf("got  %v\nwant %s", err, want)
			}
		})
	}
}

// The first lines of a file are bounded together, however many there are.
func TestFirstLinesAreBounded(t *testing.T) {
	line := append(bytes.Repeat([]byte("a"), mostRowBytes-1), '\n')
	files := fstest.MapFS{"m.csv": {Data: bytes.Repeat(line, mostHead/mostRowBytes+2)}}
	if lines, err := ReadHead(files, "m.csv", Format{}, mostHead/mostRowBytes); err != nil || len(lines) != mostHead/mostRowBytes {
		t.Errorf("%d lines, %v", len(lines), err)
	}
	_, err := ReadHead(files, "m.csv", Format{}, 1000)
	if want := "m.csv:65: the lines up to this one have more than 67108864 bytes, wanted shorter ones"; fmt.Sprint(err) != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// A field of a row that is not too long is bounded as well, and so is a whole file: a packed
// one of any length costs no more than a time that can be waited for.
func TestFieldsAndFilesAreBounded(t *testing.T) {
	spec, cal := recordedAs(), calendarFrom(t, "UTC", "2024-01-15 00:00", quarter, 1)
	for _, c := range []struct{ name, text, wanted string }{
		{"a number", "time,a\n00:00,1\n00:15," + strings.Repeat("0", mostFieldBytes) + "1\n", "street.csv:3: field 2 has 65537 bytes, wanted at most 65536: is a quotation mark left open?"},
		{"a name", "time," + strings.Repeat("a", mostFieldBytes+1) + "\n00:00,1\n00:15,1\n", "street.csv:1: field 2 has 65537 bytes, wanted at most 65536: is a quotation mark left open?"},
		{"the longest", "time,a\n00:00,1\n00:15," + strings.Repeat("0", mostFieldBytes-1) + "1\n", "<nil>"},
		{"many short ones", "time,a" + strings.Repeat(",", mostFieldBytes) + "\n", "street.csv:1: column 3 has no name, wanted a name, or the columns to be read to be listed"},
	} {
		if _, err := ReadRecording(fileOf(spec, c.text), spec, cal); fmt.Sprint(err) != c.wanted {
			t.Errorf("%s:\ngot  %v\nwant %s", c.name, err, c.wanted)
		}
	}
	var long strings.Builder
	long.WriteString("time,m,v\n")
	hours := calendarFrom(t, "UTC", "2024-01-15 00:00", 3600, 3000)
	for h := range hours.Steps {
		fmt.Fprintf(&long, "%s,m0,1\n", hours.Time(h).Format("2006-01-02 15:04"))
	}
	for m := 1; m < 90_000; m++ {
		fmt.Fprintf(&long, "2024-01-15 00:00,m%d,1\n2024-01-15 01:00,m%d,1\n", m, m)
	}
	meters := recordedAs(inFormat(Format{Meter: "m"}))
	wanted := "street.csv:1: 90000 columns with 3000 values each that the run needs, wanted at most 268435456 in all: name the columns that it reads, or run fewer days"
	if _, err := ReadRecording(fileOf(meters, long.String()), meters, hours); fmt.Sprint(err) != wanted {
		t.Errorf("many meters of many days:\ngot  %v\nwant %s", err, wanted)
	}
	text := &checkedText{from: strings.NewReader("a\nb\nc\nd\n"), most: 6, line: 1, rowAt: 1}
	if b, err := io.ReadAll(iotest.OneByteReader(text)); string(b) != "a\nb\nc\n" || text.badLine != 4 || fmt.Sprint(err) != "more than 6 bytes of text, wanted a smaller file" {
		t.Errorf("%q, line %d, %v; wanted six bytes and an error in line 4", b, text.badLine, err)
	}
}

// A run of a day holds a day of a year's file, whatever the order of its rows.
func TestRecordingHoldsTheRunAlone(t *testing.T) {
	rows := strings.Split(strings.TrimSpace(quarterRows(t, "UTC", "2024-01-01 00:00", 366*96)), "\n")
	for _, newest := range []bool{false, true} {
		if newest {
			slices.Reverse(rows[1:])
		}
		spec := recordedAs(inFormat(Format{NewestFirst: newest}), withGaps("linear"))
		cal := calendarFrom(t, "UTC", "2024-06-01 00:00", quarter, 96)
		rules, err := newRecordingRules(spec, cal)
		if err != nil {
			t.Fatal(err)
		}
		fsys := fileOf(spec, lines(rows...))
		s, err := rules.readRows(fsys)
		if err != nil {
			t.Fatal(err)
		}
		f, err := rules.fit(fsys, s)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.readValues(); err != nil {
			t.Fatal(err)
		}
		const kilowattQuarter = 900_000_000 // mJ; the value of each quarter is its number, 1 June is day 152
		one := f.series[0]
		if len(one.energies) != 96 || one.energies[0] != 152*96*kilowattQuarter || one.before.slot != 152*96-1 || one.after.slot != 153*96 {
			t.Errorf("newest first %v: %d slots, the first of %d, before %+v, after %+v", newest, len(one.energies), one.energies[0], one.before, one.after)
		}
	}
}

// A long table and a file with the newest row first have what the same values have
// in a wide table in the order of time, with every way to fill gaps.
func TestOrdersOfRowsAreEqual(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		gaps := rapid.SampledFrom([]string{"hold", "linear", "same_time_last_week"}).Draw(r, "gaps")
		stamps := rapid.SampledFrom([]string{"start", "end"}).Draw(r, "stamps")
		zone := rapid.SampledFrom([]string{"Europe/Berlin", "UTC"}).Draw(r, "zone")
		const hours = 16 * 24
		first := calendarFrom(t, zone, "2024-10-15 00:00", 3600, 0)
		var wide, long []string
		for h := range hours {
			stamp := first.Time(twins.Tick(h)).Format("2006-01-02 15:04")
			a, b := fmt.Sprint(rapid.IntRange(0, 99).Draw(r, "a")), fmt.Sprint(rapid.IntRange(0, 99).Draw(r, "b"))
			if h > 8*24 && rapid.IntRange(0, 4).Draw(r, "gap") == 0 {
				a = ""
			}
			wide = append(wide, stamp+","+a+","+b)
			long = append(long, stamp+",a,"+a, stamp+",b,"+b)
		}
		cal := calendarFrom(t, zone, "2024-10-24 00:00", 1800, 2*24*5)
		read := func(f Format, head string, rows []string) *Recording {
			spec := recordedAs(withGaps(gaps), withStamps(stamps), inFormat(f))
			got, err := ReadRecording(fileOf(spec, head+"\n"+lines(rows...)), spec, cal)
			if err != nil {
				r.Fatalf("%v\n%s", err, lines(rows...))
			}
			return got
		}
		want := read(Format{}, "time,a,b", wide)
		byMeter := slices.Clone(long)
		slices.SortStableFunc(byMeter, func(x, y string) int { return strings.Compare(strings.Split(x, ",")[1], strings.Split(y, ",")[1]) })
		newest := slices.Clone(wide)
		slices.Reverse(newest)
		for name, got := range map[string]*Recording{
			"newest first":               read(Format{NewestFirst: true}, "time,a,b", newest),
			"a long table, by time":      read(Format{Meter: "m"}, "time,m,v", long),
			"a long table, by meter":     read(Format{Meter: "m"}, "time,m,v", byMeter),
			"intervals as they come":     read(Format{Intervals: "as_they_come"}, "time,a,b", wide),
			"as they come, newest first": read(Format{Intervals: "as_they_come", NewestFirst: true}, "time,a,b", newest),
		} {
			if gaps != "linear" && strings.Contains(name, "as they come") && got.Filled != 2*want.Filled {
				r.Fatalf("%s: %d filled half hours, wanted %d", name, got.Filled, 2*want.Filled)
			}
			if gaps == "linear" && strings.Contains(name, "as they come") {
				continue // half hours are filled between half hours, not between hours
			}
			if !slices.EqualFunc(got.all(), want.all(), slices.Equal[[]twins.Power]) {
				r.Fatalf("%s, gaps %s, stamps %s in %s:\ngot  %d\nwant %d\n%s", name, gaps, stamps, zone, got.all(), want.all(), lines(wide...))
			}
		}
	})
}

// A quote left open before the header does not make one row of the rest.
func TestPreambleWithAQuote(t *testing.T) {
	rows := quarterRows(t, "UTC", "2024-01-01 00:00", 3*365*96)
	spec := recordedAs(inFormat(Format{Header: "2"}))
	if len(rows) < 2*mostRowBytes {
		t.Fatalf("%d bytes, wanted more than two rows may have", len(rows))
	}
	if _, err := ReadRecording(fileOf(spec, "height 5\"\n"+rows), spec, calendarFrom(t, "UTC", "2024-01-15 00:00", quarter, 4)); err != nil {
		t.Error(err)
	}
}
