package inputs

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"math/big"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"pgregory.net/rapid"

	"github.com/smatrix-grid/smatrix/sim/problem"
	"github.com/smatrix-grid/smatrix/twins"
)

// recordedAs returns a spec for street.csv in kW with stamps in column time,
// after the given changes.
func recordedAs(changes ...func(*RecordingSpec)) RecordingSpec {
	spec := RecordingSpec{ID: "street", File: "street.csv", Unit: "kW"}
	for _, change := range changes {
		change(&spec)
	}
	return spec
}

func inUnit(unit string) func(*RecordingSpec) {
	return func(s *RecordingSpec) { s.Unit = unit }
}

func withGaps(gaps string) func(*RecordingSpec) {
	return func(s *RecordingSpec) { s.Gaps = gaps }
}

func withStamps(stamps string) func(*RecordingSpec) {
	return func(s *RecordingSpec) { s.Time.Stamps = stamps }
}

func inZone(zone string) func(*RecordingSpec) {
	return func(s *RecordingSpec) { s.Time.Zone = zone }
}

func fromFile(name string) func(*RecordingSpec) {
	return func(s *RecordingSpec) { s.File = name }
}

func withTime(column string) func(*RecordingSpec) {
	return func(s *RecordingSpec) { s.Time.Column = column }
}

// withColumns takes pairs of our name and the file's name.
func withColumns(names ...string) func(*RecordingSpec) {
	return func(s *RecordingSpec) {
		s.Columns = map[string]string{}
		for i := 0; i < len(names); i += 2 {
			s.Columns[names[i]] = names[i+1]
		}
	}
}

func fileOf(spec RecordingSpec, text string) fs.FS {
	return fstest.MapFS{spec.File: {Data: []byte(text)}}
}

func gzipped(t testing.TB, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// lines joins rows and ends each with a line feed.
func lines(rows ...string) string { return strings.Join(rows, "\n") + "\n" }

// quarterRows returns a row for every quarter hour of local time from a first
// stamp, as a recorder in wall time writes them; the value of row i is i.
func quarterRows(t testing.TB, zone, first string, n int) string {
	t.Helper()
	c := calendarFrom(t, zone, first, quarter, 0)
	var b strings.Builder
	b.WriteString("time,a\n")
	for i := range n {
		fmt.Fprintf(&b, "%s,%d\n", c.Time(twins.Tick(i)).Format("2006-01-02 15:04"), i)
	}
	return b.String()
}

// TestRecordingRefuses lists what can be wrong with a recording, with the error
// for it. The run is the hour from 2024-01-15 00:00 in Berlin in four steps.
func TestRecordingRefuses(t *testing.T) {
	const good = "time,a\n00:00,1\n00:15,2\n00:30,3\n00:45,4\n"
	tests := []struct {
		name string
		spec RecordingSpec
		text string
		want string
	}{
		// The file.
		{"no file", recordedAs(fromFile("")), "",
			`street: no file, wanted a CSV beside the scenario`},
		{"empty", recordedAs(), "",
			`street.csv: is empty, wanted a header and rows`},
		{"blank lines only", recordedAs(), "\n\n",
			`street.csv: is empty, wanted a header and rows`},
		{"a byte order mark only", recordedAs(), "\ufeff",
			`street.csv: is empty, wanted a header and rows`},
		{"header only", recordedAs(), "time,a\n",
			`street.csv:1: a header and no rows, wanted two rows or more`},
		{"a single row", recordedAs(), "time,a\n00:00,1\n",
			`street.csv:2: a single row, wanted two or more: the time between rows says how long a value holds`},
		{"a zero byte", recordedAs(), "time,a\n00:00,1\n00:15,\x00\n",
			`street.csv:3: is not text, wanted a CSV in UTF-8`},
		{"Latin-1", recordedAs(), "time,W\xe4rme\n00:00,1\n00:15,1\n",
			`street.csv:1: is not text in UTF-8, wanted a CSV in UTF-8, or its encoding, such as format: {encoding: latin-1}`},
		{"half a character at the end", recordedAs(), "time,a\n00:00,\xc3",
			`street.csv:2: is not text in UTF-8, wanted a CSV in UTF-8, or its encoding, such as format: {encoding: latin-1}`},
		{"gzip without .gz", recordedAs(), gzipped(t, good),
			`street.csv: is packed with gzip, wanted a name that ends in .gz`},
		{".gz without gzip", recordedAs(fromFile("street.csv.gz")), good,
			`street.csv.gz: is not gzip, wanted a gzip file as its name says, or a name without .gz`},
		{"half a gzip file", recordedAs(fromFile("street.csv.gz")), gzipped(t, good)[:40],
			`street.csv.gz: cannot be read to its end: unexpected EOF`},

		// The header.
		{"no column for the time", recordedAs(), "Time,a\n00:00,1\n",
			`street.csv:1: no column "time" for the time, wanted one of the header such as "Time"`},
		{"a misspelt column for the time", recordedAs(withTime("tme")), good,
			`street.csv:1: no column "tme" for the time, wanted one of the header such as "time"`},
		{"no header", recordedAs(), "00:00,1\n00:15,2\n",
			`street.csv:1: no column "time" for the time, wanted one of the header such as "1"`},
		{"no column but the time", recordedAs(), "time\n00:00\n00:15\n",
			`street.csv:1: no column but the time, wanted at least one with values`},
		{"a column twice", recordedAs(withColumns("a", "a")), "time,a,a\n00:00,1,1\n",
			`street.csv:1: no column "a", wanted one of the header such as "a (1)", "a (2)"`},
		{"a column without a name", recordedAs(), "time,a,\n00:00,1,1\n",
			`street.csv:1: column 3 has no name, wanted a name, or the columns to be read to be listed`},
		{"a misspelt column", recordedAs(withColumns("home", "Shap_1")), "time,Shape_1,Shape_2,Sun\n",
			`street.csv:1: no column "Shap_1", wanted one of the header such as "Shape_1"`},
		{"a column with several similar names", recordedAs(withColumns("home", "Shape_")), "time,Shape_1,Shape_2,Sun,Shape_3,Shape_4\n",
			`street.csv:1: no column "Shape_", wanted one of the header such as "Shape_1", "Shape_2", "Shape_3"`},
		{"a column in a file without any", recordedAs(withColumns("home", "a")), "time\n",
			`street.csv:1: no column "a", wanted one of the header such as none: it has the time only`},
		{"a pattern that no column fits", recordedAs(withColumns("home-*", "House_*")), "time,House,House_,Home_1\n",
			`street.csv:1: no column fits "House_*", wanted one of the header such as "House_"`},
		{"a star on our side only", recordedAs(withColumns("home-*", "Shape_1")), "time,Shape_1\n",
			`street.csv:1: columns "home-*": "Shape_1", wanted one * on both sides or on neither`},
		{"a star on the file's side only", recordedAs(withColumns("home", "Shape_*")), "time,Shape_1\n",
			`street.csv:1: columns "home": "Shape_*", wanted one * on both sides or on neither`},
		{"two stars", recordedAs(withColumns("home-*-*", "Shape_*_*")), "time,Shape_1_1\n",
			`street.csv:1: columns "home-*-*": "Shape_*_*", wanted one * on both sides or on neither`},
		{"a name given twice", recordedAs(withColumns("home-*", "Shape_*", "home-2", "Sun")), "time,Shape_1,Shape_2,Sun\n",
			`street.csv:1: name "home-2" is given twice, by "home-*" and by "home-2", wanted each name once`},
		{"the time as a value", recordedAs(withColumns("home", "time")), good,
			`street.csv:1: column "time" has the time, wanted one with values`},
		{"another separator", recordedAs(), "time|a\n00:00|1\n",
			`street.csv:1: no column "time" for the time, wanted one of the header such as "time|a"`},

		// The words of the spec.
		{"an unknown unit", recordedAs(inUnit("MW")), good,
			`street.csv: unit "MW" is unknown, wanted W, kW, Wh or kWh`},
		{"no unit", recordedAs(inUnit("")), good,
			`street.csv: unit "" is unknown, wanted W, kW, Wh or kWh`},
		{"unknown stamps", recordedAs(withStamps("middle")), good,
			`street.csv: stamps "middle" is unknown, wanted start or end`},
		{"unknown gaps", recordedAs(withGaps("zero")), good,
			`street.csv: gaps "zero" is unknown, wanted refuse, hold, linear, same_time_last_week or in_next_row`},
		{"an unknown zone", recordedAs(inZone("Europe/Berln")), good,
			`street.csv: time zone "Europe/Berln" is unknown, wanted a name such as Europe/Berlin`},
		{"the zone of this machine", recordedAs(inZone("Local")), good,
			`street.csv: time zone "Local" is unknown, wanted a name such as Europe/Berlin`},

		// Rows.
		{"too few fields", recordedAs(), "time,a,b\n00:00,1,2\n00:15,1\n",
			`street.csv:3: 2 fields, wanted 3 as in the header`},
		{"one field", recordedAs(), "time,a,b\n00:00,1,2\nend\n",
			`street.csv:3: 1 field, wanted 3 as in the header`},
		{"too many fields", recordedAs(), "time,a\n00:00,0,036\n",
			`street.csv:2: 3 fields, wanted 2 as in the header`},
		{"a quote within a field", recordedAs(), "time,a\n00:00,1\n00:15,1\"\n",
			`street.csv:3: a quotation mark out of place, wanted quoted fields as in "a""b", or format: {quotes: loose}`},
		{"a quote that never ends", recordedAs(), "time,a\n00:00,\"1\n00:15,1\n",
			`street.csv:2: a quotation mark out of place, wanted quoted fields as in "a""b", or format: {quotes: loose}`},

		// Times.
		{"text for a time", recordedAs(), "time,a\nnoon,1\n",
			`street.csv:2: time "noon" cannot be read, wanted one like 2024-01-31 16:45, 2024-01-31T16:45:00+01:00 or 16:45`},
		{"no time", recordedAs(), "time,a\n00:00,1\n,1\n",
			`street.csv:3: time "" cannot be read, wanted one like 2024-01-31 16:45, 2024-01-31T16:45:00+01:00 or 16:45`},
		{"a day that does not exist", recordedAs(), "time,a\n2023-02-29 00:00,1\n",
			`street.csv:2: time "2023-02-29 00:00" cannot be read, wanted one like 2024-01-31 16:45, 2024-01-31T16:45:00+01:00 or 16:45`},
		{"after the end of the day", recordedAs(), "time,a\n24:01,1\n",
			`street.csv:2: time "24:01" cannot be read, wanted one like 2024-01-31 16:45, 2024-01-31T16:45:00+01:00 or 16:45`},
		{"a fraction of a second", recordedAs(), "time,a\n00:00:00.5,1\n",
			`street.csv:2: time "00:00:00.5" cannot be read, wanted one like 2024-01-31 16:45, 2024-01-31T16:45:00+01:00 or 16:45`},
		{"a date in German form", recordedAs(), "time,a\n15.01.2024 00:00,1\n",
			`street.csv:2: time "15.01.2024 00:00" cannot be read, wanted one like 2024-01-31 16:45, 2024-01-31T16:45:00+01:00 or 16:45, or its form, such as format: {date: dd.mm.yyyy}`},
		{"an hour that clocks skip", recordedAs(), "time,a\n2024-03-31 01:45,1\n2024-03-31 02:00,1\n",
			`street.csv:3: time "2024-03-31 02:00" does not exist in Europe/Berlin, where clocks skip it, wanted an offset (+01:00) or the zone of the file, such as Etc/GMT-1 if it has no saving time`},
		{"a time twice", recordedAs(), "time,a\n00:00,1\n00:15,2\n00:15,3\n",
			`street.csv:4: time "00:15" appears twice, wanted each once`},
		{"one moment in two forms", recordedAs(), "time,a\n2024-01-14 23:45,1\n2024-01-15 00:00,1\n2024-01-14T23:00Z,2\n",
			`street.csv:4: time "2024-01-14T23:00Z" appears twice, wanted each once`},
		{"a doubled hour three times", recordedAs(), "time,a\n2024-10-27 02:00,1\n2024-10-27 02:00,1\n2024-10-27 02:00,1\n",
			`street.csv:4: time "2024-10-27 02:00" appears twice, wanted each once`},
		{"out of order", recordedAs(), "time,a\n00:00,1\n00:30,2\n00:15,3\n",
			`street.csv:4: time "00:15" comes after "00:30", wanted rows in the order of time`},
		{"midnight as the end of the day", recordedAs(withStamps("end")), "time,a\n23:30,1\n23:45,2\n00:00,3\n",
			`street.csv:4: time "00:00" comes after "23:45", wanted rows in the order of time`},
		{"between two intervals", recordedAs(), "time,a\n00:00,1\n00:15,2\n00:30,3\n00:40,4\n",
			`street.csv:5: time "00:40" is no whole number of intervals after "00:00", wanted one value every 15 min`},

		// The run.
		{"an interval that does not fit the step", recordedAs(), "time,a\n00:00,1\n00:10,2\n",
			`street.csv: one value every 10 min does not fit steps of 15 min, wanted one that is a whole number of the other`},
		{"intervals beside the steps", recordedAs(), "time,a\n00:05,1\n00:20,2\n",
			`street.csv:2: the interval that starts at 2024-01-15 00:05 does not meet the run's steps of 15 min from 2024-01-15 00:00, wanted both to start together`},
		{"too short", recordedAs(), "time,a\n00:00,1\n00:15,2\n00:30,3\n",
			`street.csv: covers 2024-01-15 00:00 to 2024-01-15 00:45, wanted 2024-01-15 00:00 to 2024-01-15 01:00, which is the run (times in Europe/Berlin)`},
		{"too late", recordedAs(), "time,a\n00:15,1\n00:30,2\n00:45,2\n",
			`street.csv: covers 2024-01-15 00:15 to 2024-01-15 01:00, wanted 2024-01-15 00:00 to 2024-01-15 01:00, which is the run (times in Europe/Berlin)`},
		{"stamps of the end read as the start", recordedAs(), "time,a\n00:15,1\n00:30,2\n00:45,2\n01:00,2\n",
			`street.csv: covers 2024-01-15 00:15 to 2024-01-15 01:15, wanted 2024-01-15 00:00 to 2024-01-15 01:00, which is the run (times in Europe/Berlin)`},
		{"another zone", recordedAs(inZone("Asia/Kathmandu")), good,
			`street.csv: covers 2024-01-14 19:15 to 2024-01-14 20:15, wanted 2024-01-15 00:00 to 2024-01-15 01:00, which is the run (times in Europe/Berlin)`},
		{"another year", recordedAs(), "time,a\n2023-01-15 00:00,1\n2023-01-15 01:00,2\n",
			`street.csv: covers 2023-01-15 00:00 to 2023-01-15 02:00, wanted 2024-01-15 00:00 to 2024-01-15 01:00, which is the run (times in Europe/Berlin)`},

		// Values.
		{"not a number", recordedAs(), "time,Shape_1,Shape_3\n00:00,1,1\n00:15,1,NaN\n00:30,1,1\n00:45,1,1\n",
			`street.csv:3: column "Shape_3": "NaN" is not a number, wanted kW`},
		{"infinite", recordedAs(inUnit("Wh")), "time,a\n00:00,Inf\n00:15,1\n00:30,1\n00:45,1\n",
			`street.csv:2: column "a": "Inf" is not a number, wanted Wh`},
		{"text", recordedAs(), "time,a\n00:00,1\n00:15,off\n00:30,1\n00:45,1\n",
			`street.csv:3: column "a": "off" is not a number, wanted kW`},
		{"a number and its unit", recordedAs(), "time,a\n00:00,1\n00:15,2 kW\n00:30,1\n00:45,1\n",
			`street.csv:3: column "a": "2 kW" is not a number, wanted kW`},
		{"hexadecimal", recordedAs(), "time,a\n00:00,0x1p4\n00:15,1\n00:30,1\n00:45,1\n",
			`street.csv:2: column "a": "0x1p4" is not a number, wanted kW`},
		{"a decimal comma", recordedAs(), "time;a\n00:00;0,036\n00:15;1\n00:30;1\n00:45;1\n",
			`street.csv:2: column "a": "0,036" is not a number, wanted kW with a decimal point, or format: {decimal: comma}`},
		{"negative", recordedAs(), "time,a\n00:00,1\n00:15,-0.001\n00:30,1\n00:45,1\n",
			`street.csv:3: column "a": "-0.001" is negative, wanted kW of 0 or more`},
		{"negative after the run", recordedAs(), good + "01:00,-3\n",
			`street.csv:6: column "a": "-3" is negative, wanted kW of 0 or more`},
		{"too large for a step", recordedAs(), "time,a\n00:00,1e13\n00:15,2\n00:30,3\n00:45,4\n",
			`street.csv:2: column "a": "1e13" kW is too large, wanted a mean power of at most 10248191152060 W`},
		{"too large for a number", recordedAs(), "time,a\n00:00,1e300\n00:15,2\n00:30,3\n00:45,4\n",
			`street.csv:2: column "a": "1e300" kW is too large, wanted a mean power of at most 10248191152060 W`},
		{"too large for a float", recordedAs(), "time,a\n00:00,1e400\n00:15,2\n00:30,3\n00:45,4\n",
			`street.csv:2: column "a": "1e400" kW is too large, wanted a mean power of at most 10248191152060 W`},

		// Gaps.
		{"an empty field", recordedAs(), "time,a\n00:00,1\n00:15,\n00:30,3\n00:45,4\n",
			`street.csv:3: column "a": no value, wanted kW, or gaps: hold, linear or same_time_last_week`},
		{"a missing row", recordedAs(), "time,a\n00:00,1\n00:15,2\n00:45,4\n",
			`street.csv:4: no row for 2024-01-15 00:30 before this one, wanted one every 15 min, or gaps: hold, linear or same_time_last_week`},
		{"nothing to hold", recordedAs(withGaps("hold")), "time,a\n00:00,\n00:15,2\n00:30,3\n00:45,4\n",
			`street.csv:2: column "a": no value for 2024-01-15 00:00 and none before it to hold (gaps: hold)`},
		{"no left neighbour", recordedAs(withGaps("linear")), "time,a\n00:00,\n00:15,2\n00:30,3\n00:45,4\n",
			`street.csv:2: column "a": no value for 2024-01-15 00:00 and none before it, wanted neighbours on both sides (gaps: linear)`},
		{"no right neighbour", recordedAs(withGaps("linear")), "time,a\n00:00,1\n00:15,2\n00:30,\n00:45,\n",
			`street.csv:4: column "a": no value for 2024-01-15 00:30 and none after it, wanted neighbours on both sides (gaps: linear)`},
		{"no last week", recordedAs(withGaps("same_time_last_week")), "time,a\n00:00,1\n00:15,2\n00:45,3\n01:00,4\n",
			`street.csv:4: column "a": no value for 2024-01-15 00:30 and none 7 days before it (gaps: same_time_last_week)`},
	}
	cal := calendarFrom(t, "Europe/Berlin", "2024-01-15 00:00", quarter, 4)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := ReadRecording(fileOf(tt.spec, tt.text), tt.spec, cal)
			var problem *problem.At
			if !errors.As(err, &problem) || err.Error() != tt.want {
				t.Errorf("\ngot  %v\nwant %s", err, tt.want)
			}
		})
	}
}

func TestRecordingFileProblems(t *testing.T) {
	cal := calendarFrom(t, "Europe/Berlin", "2024-01-15 00:00", quarter, 4)
	folder := fstest.MapFS{"data/street.csv": {Data: []byte("time,a\n00:00,1\n00:30,2\n")}}
	tests := []struct {
		name, file, want string
		is               error
	}{
		{"that does not exist", "strete.csv", "strete.csv: no such file, wanted a CSV beside the scenario", fs.ErrNotExist},
		{"in the folder", "./data/street.csv", "", nil},
		{"in a folder that does not exist", "date/street.csv", "date/street.csv: no such file, wanted a CSV beside the scenario", fs.ErrNotExist},
		{"out of the folder", "../street.csv",
			"../street.csv: is not a path that can be opened, wanted one relative to the scenario, within its folder", fs.ErrInvalid},
		{"from the root", "/street.csv",
			"/street.csv: is not a path that can be opened, wanted one relative to the scenario, within its folder", fs.ErrInvalid},
		{"that is a folder", "data", "data: cannot be read to its end: read data: invalid argument", fs.ErrInvalid},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			// MapFS reports any bad path as not existing; a folder on disk gives the reason.
			var fsys fs.FS = folder
			if !fs.ValidPath(tt.file) && tt.want != "" {
				fsys = badPaths{}
			}
			_, err := ReadRecording(fsys, recordedAs(fromFile(tt.file)), cal)
			if got := fmt.Sprint(err); tt.want != "" && got != tt.want || tt.want == "" && err != nil {
				t.Errorf("\ngot  %v\nwant %s", err, tt.want)
			}
			if tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("%v does not wrap %v", err, tt.is)
			}
		})
	}
}

// badPaths fails as os.DirFS does for an invalid path.
type badPaths struct{}

func (badPaths) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
}

func TestRecordingColumns(t *testing.T) {
	tests := []struct {
		name   string
		header string
		spec   RecordingSpec
		want   []string
	}{
		{"all", "time,a,b", recordedAs(), []string{"a", "b"}},
		{"the time in the middle", "a,time,b", recordedAs(), []string{"a", "b"}},
		{"another column for the time", "a,time,b", recordedAs(withTime("b")), []string{"a", "time"}},
		{"spaces around names", "time, a , b", recordedAs(), []string{"a", "b"}},
		{"quotes", `"time","Load, kW"`, recordedAs(), []string{"Load, kW"}},
		{"semicolons", `time;"Load; kW";b`, recordedAs(), []string{"Load; kW", "b"}},
		{"semicolons around commas", `time;"a,b,c,d";b`, recordedAs(), []string{"a,b,c,d", "b"}},
		{"tabs", "time\ta\tb", recordedAs(), []string{"a", "b"}},
		{"a byte order mark", "\ufefftime,a", recordedAs(), []string{"a"}},
		{"after blank lines", "\r\n\r\ntime;a\r\n", recordedAs(), []string{"a"}},
		{"some, in the order of the file", "time,a,b,c", recordedAs(withColumns("x", "c", "y", "a")), []string{"y", "x"}},
		{"one under two names", "time,a", recordedAs(withColumns("y", "a", "x", "a")), []string{"x", "y"}},
		{"a pattern", "time,Shape_1,Shape_2,Sun", recordedAs(withColumns("home-*", "Shape_*")), []string{"home-1", "home-2"}},
		{"a pattern in the middle", "time,a1z,az,a23z", recordedAs(withColumns("*", "a*z")), []string{"1", "23"}},
		{"a pattern that fits the time as well", "time,tame,tune", recordedAs(withColumns("*", "t*")), []string{"ame", "une"}},
		{"a pattern and a name", "time,Shape_1,Sun", recordedAs(withColumns("home-*", "Shape_*", "pv", "Sun")), []string{"home-1", "pv"}},
		{"a column without a name that is not read", "time,a,", recordedAs(withColumns("a", "a")), []string{"a"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := RecordingColumns(fileOf(tt.spec, tt.header), tt.spec, calendarFrom(t, "UTC", "2024-01-15 00:00", quarter, 4))
			if err != nil || !slices.Equal(got, tt.want) {
				t.Errorf("%q, %v, want %q", got, err, tt.want)
			}
		})
	}
}

// TestRecordingForms reads one recording, 1, 2, 3 and 4 kW in the quarter hours
// from midnight, in the forms that it may have.
func TestRecordingForms(t *testing.T) {
	tests := []struct {
		name string
		spec RecordingSpec
		text string
	}{
		// Times.
		{"times of the day", recordedAs(), lines("time,a", "00:00,1", "00:15,2", "00:30,3", "00:45,4")},
		{"with seconds", recordedAs(), lines("time,a", "00:00:00,1", "00:15:00,2", "00:30:00,3", "00:45:00,4")},
		{"the end of the interval", recordedAs(withStamps("end")), lines("time,a", "00:15,1", "00:30,2", "00:45,3", "01:00,4")},
		{"dates", recordedAs(), lines("time,a", "2024-01-15 00:00,1", "2024-01-15 00:15:00,2", "2024-01-15T00:30,3", "2024-01-15T00:45:00,4")},
		{"the day before that ends", recordedAs(), lines("time,a", "2024-01-14 24:00,1", "2024-01-15 00:15,2", "2024-01-15 00:30,3", "2024-01-15 00:45,4")},
		{"offsets", recordedAs(), lines("time,a", "2024-01-14T23:00:00Z,1", "2024-01-15T00:15:00+01:00,2", "2024-01-14 22:30:00-01:00,3", "2024-01-15T00:45:00.000+01:00,4")},
		{"a zone of its own", recordedAs(inZone("Asia/Tokyo")), lines("time,a", "2024-01-15 08:00,1", "2024-01-15 08:15,2", "2024-01-15 08:30,3", "2024-01-15 08:45,4")},
		{"a recording that is longer", recordedAs(), lines("time,a", "2024-01-14 23:45,7", "2024-01-15 00:00,1", "2024-01-15 00:15,2", "2024-01-15 00:30,3", "2024-01-15 00:45,4", "2024-01-15 01:00,9")},
		{"gaps beside the run", recordedAs(), lines("time,a", "2024-01-14 22:45,7", "2024-01-14 23:45,", "2024-01-15 00:00,1", "2024-01-15 00:15,2", "2024-01-15 00:30,3", "2024-01-15 00:45,4", "2024-01-15 01:00,")},
		// Units.
		{"watts", recordedAs(inUnit("W")), lines("time,a", "00:00,1000", "00:15,2000", "00:30,3000", "00:45,4000")},
		{"watt hours", recordedAs(inUnit("Wh")), lines("time,a", "00:00,250", "00:15,500", "00:30,750", "00:45,1000")},
		{"kilowatt hours", recordedAs(inUnit("kWh")), lines("time,a", "00:00,0.25", "00:15,.5", "00:30,75e-2", "00:45,+1.")},
		// Text.
		{"lines of Windows", recordedAs(), "time,a\r\n00:00,1\r\n00:15,2\r\n00:30,3\r\n00:45,4\r\n"},
		{"no line end", recordedAs(), "time,a\n00:00,1\n00:15,2\n00:30,3\n00:45,4"},
		{"a byte order mark", recordedAs(), "\ufefftime,a\n00:00,1\n00:15,2\n00:30,3\n00:45,4\n"},
		{"semicolons", recordedAs(), lines("time;a", "00:00;1", "00:15;2", "00:30;3", "00:45;4")},
		{"tabs", recordedAs(), lines("time\ta", "00:00\t1", "00:15\t2", "00:30\t3", "00:45\t4")},
		{"spaces and quotes", recordedAs(), lines(`time,a`, `"00:00"," 1"`, `00:15 , 2`, `00:30,3 `, `00:45,"4"`)},
		{"gzip", recordedAs(fromFile("street.csv.gz")), gzipped(t, lines("time,a", "00:00,1", "00:15,2", "00:30,3", "00:45,4"))},
		{"a column of text that is not read", recordedAs(withColumns("a", "a")), lines("time,note,a", "00:00,,1", "00:15,é,2", `00:30,"x`, `y",3`, "00:45,-1,4")},
		// Gaps whose filling gives the same values.
		{"a neighbour of the same value", recordedAs(withGaps("hold")), lines("time,a,b", "00:00,1,1", "00:15,2,1", "00:30,3,", "00:45,4,1")},
	}
	cal := calendarFrom(t, "Europe/Berlin", "2024-01-15 00:00", quarter, 4)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, err := ReadRecording(fileOf(tt.spec, tt.text), tt.spec, cal)
			if err != nil {
				t.Fatal(err)
			}
			if r.ID != "street" || r.Interval != 900 || r.Columns[0] != "a" {
				t.Errorf("ID %q, interval %d, columns %q, wanted street, 900 and a first", r.ID, r.Interval, r.Columns)
			}
			samePowers(t, r.all()[0], 1, 2, 3, 4)
		})
	}
}

// samePowers compares powers with powers in kilowatts, which must be exact in
// binary.
func samePowers(t *testing.T, got []twins.Power, want ...float64) {
	t.Helper()
	powers := make([]twins.Power, len(want))
	for i, kW := range want {
		powers[i] = twins.Power(kW * float64(twins.Kilowatt))
	}
	if !slices.Equal(got, powers) {
		t.Errorf("powers %d mW, want %d", got, powers)
	}
}

func TestRecordingSteps(t *testing.T) {
	rows := lines("time,a", "00:00,1", "00:15,2", "00:30,3", "00:45,4", "01:00,8", "01:15,0", "01:30,1", "01:45,1")
	tests := []struct {
		name  string
		start string
		step  twins.Seconds
		steps twins.Tick
		want  []float64
	}{
		// Steps as long as the interval.
		{"the whole recording", "2024-01-15 00:00", 900, 8, []float64{1, 2, 3, 4, 8, 0, 1, 1}},
		{"its middle", "2024-01-15 00:30", 900, 3, []float64{3, 4, 8}},
		// Finer steps repeat the power.
		{"five minutes", "2024-01-15 00:00", 300, 6, []float64{1, 1, 1, 2, 2, 2}},
		{"five minutes from within an interval", "2024-01-15 00:10", 300, 5, []float64{1, 2, 2, 2, 3}},
		{"a second", "2024-01-15 00:15", 1, 2, []float64{2, 2}},
		// Coarser steps take the mean.
		{"half an hour", "2024-01-15 00:00", 1800, 4, []float64{1.5, 3.5, 4, 1}},
		{"an hour from a quarter past", "2024-01-15 00:15", 3600, 1, []float64{4.25}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cal := calendarFrom(t, "Europe/Berlin", tt.start, tt.step, tt.steps)
			r, err := ReadRecording(fileOf(recordedAs(), rows), recordedAs(), cal)
			if err != nil {
				t.Fatal(err)
			}
			samePowers(t, r.all()[0], tt.want...)
		})
	}
}

func TestRecordingCarriesRemainders(t *testing.T) {
	tests := []struct {
		name   string
		unit   string
		values []string
		step   twins.Seconds
		want   []twins.Power
	}{
		// A third of a milliwatt at a time.
		{"one milliwatt in three steps", "Wh", []string{"0", "0.00025", "0"}, 300, []twins.Power{0, 0, 0, 1, 1, 1, 0, 0, 0}},
		{"a third of it", "W", []string{"0.001", "0", "0"}, 2700, []twins.Power{0}},
		{"a third and two thirds", "W", []string{"0.001", "0.001", "0.001"}, 2700, []twins.Power{1}},
		{"half a milliwatt per interval", "W", []string{"0.0005", "0.0005", "0.0005"}, 900, []twins.Power{0, 1, 0}},
		{"half a milliwatt per interval in thirds", "W", []string{"0.0005", "0.0005", "0.0005"}, 300, []twins.Power{0, 1, 0, 1, 0, 1, 0, 1, 0}},
		// Exact powers carry no remainder.
		{"exact powers stay", "W", []string{"0.036", "14.661", "0"}, 900, []twins.Power{36, 14661, 0}},
		{"exact powers stay in thirds", "W", []string{"0.001", "7", "0"}, 300, []twins.Power{1, 1, 1, 7000, 7000, 7000, 0, 0, 0}},
		// The largest power.
		{"the largest power", "W", []string{"10248191152060", "10248191152060", "10248191152060"}, 900,
			[]twins.Power{10248191152060 * twins.Watt, 10248191152060 * twins.Watt, 10248191152060 * twins.Watt}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text := "time,a\n"
			for i, v := range tt.values {
				text += fmt.Sprintf("00:%02d,%s\n", 15*i, v)
			}
			cal := calendarFrom(t, "Europe/Berlin", "2024-01-15 00:00", tt.step, twins.Tick(2700/tt.step))
			spec := recordedAs(inUnit(tt.unit))
			r, err := ReadRecording(fileOf(spec, text), spec, cal)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(r.all()[0], tt.want) {
				t.Errorf("%d mW, want %d", r.all()[0], tt.want)
			}
		})
	}
}

func TestRecordingLargestPowerOfShortSteps(t *testing.T) {
	cal := calendarFrom(t, "UTC", "2024-01-15 00:00", 1, 2)
	spec := recordedAs(inUnit("W"))
	r, err := ReadRecording(fileOf(spec, lines("time,a", "00:00:00,1e15", "00:00:01,0")), spec, cal)
	if err != nil || r.all()[0][0] != mostRecorded {
		t.Errorf("got %v, %v, wanted a first power of %v", r, err, mostRecorded)
	}
	_, err = ReadRecording(fileOf(spec, lines("time,a", "00:00:00,1000000000000000.001", "00:00:01,0")), spec, cal)
	const want = `street.csv:2: column "a": "1000000000000000.001" W is too large, wanted a mean power of at most 1000000000000000 W`
	if err == nil || err.Error() != want {
		t.Errorf("\ngot  %v\nwant %s", err, want)
	}
}

// TestRecordingWhenClocksChange maps recordings in wall time to the quarter
// hours of a local day: the value of each row is its number.
func TestRecordingWhenClocksChange(t *testing.T) {
	tests := []struct {
		name   string
		day    string
		before int // rows of the day before that the file has
		want   int // steps of the day
	}{
		{"spring, 92 quarter hours", "2024-03-31 00:00", 0, 92},
		{"autumn, 100 quarter hours", "2024-10-27 00:00", 0, 100},
		{"a day between", "2024-06-01 00:00", 0, 96},
		{"spring within a longer file", "2024-03-31 00:00", 96, 92},
		{"autumn within a longer file", "2024-10-27 00:00", 96, 100},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cal := calendarFrom(t, "Europe/Berlin", tt.day, quarter, 0)
			steps, err := cal.StepsOfDays(1)
			if err != nil || steps != twins.Tick(tt.want) {
				t.Fatalf("%d steps, %v, want %d", steps, err, tt.want)
			}
			cal.Steps = steps
			first := cal.Time(-twins.Tick(tt.before)).Format("2006-01-02 15:04")
			text := quarterRows(t, "Europe/Berlin", first, tt.before+tt.want+4)
			r, err := ReadRecording(fileOf(recordedAs(), text), recordedAs(), cal)
			if err != nil {
				t.Fatal(err)
			}
			for i, p := range r.all()[0] {
				if want := twins.Power(tt.before+i) * twins.Kilowatt; p != want {
					t.Fatalf("step %d, %s: %d, want %d", i, cal.Time(twins.Tick(i)), p, want)
				}
			}
		})
	}
}

func TestRecordingOfTheDoubledHour(t *testing.T) {
	head := []string{"time,a", "2024-10-27 01:00,1", "2024-10-27 01:30,1"}
	tests := []struct {
		name string
		rows []string
		want []float64 // half hours from 01:00 to 04:00
	}{
		{"both times", []string{"2024-10-27 02:00,2", "2024-10-27 02:30,3", "2024-10-27 02:00,4", "2024-10-27 02:30,5", "2024-10-27 03:00,6"},
			[]float64{1, 1, 2, 3, 4, 5, 6}},
		{"once, the second time is a gap", []string{"2024-10-27 02:00,2", "2024-10-27 02:30,3", "2024-10-27 03:00,6"},
			[]float64{1, 1, 2, 3, 3, 3, 6}},
		{"the first time half", []string{"2024-10-27 02:30,3", "2024-10-27 02:00,4", "2024-10-27 02:30,5", "2024-10-27 03:00,6"},
			[]float64{1, 1, 1, 3, 4, 5, 6}},
		{"offsets say which", []string{"2024-10-27T02:00:00+02:00,2", "2024-10-27T02:00:00+01:00,4", "2024-10-27 02:30,5", "2024-10-27 03:00,6"},
			[]float64{1, 1, 2, 2, 4, 5, 6}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cal := calendarFrom(t, "Europe/Berlin", "2024-10-27 01:00", 1800, 7)
			spec := recordedAs(withGaps("hold"))
			r, err := ReadRecording(fileOf(spec, lines(append(head, tt.rows...)...)), spec, cal)
			if err != nil {
				t.Fatal(err)
			}
			samePowers(t, r.all()[0], tt.want...)
		})
	}
}

func TestRecordingGaps(t *testing.T) {
	tests := []struct {
		name   string
		gaps   string
		rows   []string // the run is from 00:15 to 01:15
		want   []float64
		filled int
	}{
		{"hold over an empty field", "hold", []string{"00:00,9", "00:15,1", "00:30,", "00:45,3", "01:00,4"}, []float64{1, 1, 3, 4}, 1},
		{"hold over missing rows", "hold", []string{"00:00,9", "00:15,1", "01:00,4", "01:15,1", "01:30,1"}, []float64{1, 1, 1, 4}, 2},
		{"hold over spaces", "hold", []string{"00:00,9", "00:15,1", "00:30,  ", "00:45,3", "01:00,4"}, []float64{1, 1, 3, 4}, 1},
		{"hold from before the run", "hold", []string{"23:45,", "00:00,9", "00:15,", "00:30,", "00:45,3", "01:00,4"}, []float64{9, 9, 3, 4}, 2},
		{"hold to the end", "hold", []string{"00:00,9", "00:15,1", "00:30,", "00:45,", "01:00,"}, []float64{1, 1, 1, 1}, 3},
		{"hold twice", "hold", []string{"00:00,9", "00:15,", "00:30,5", "00:45,", "01:00,4"}, []float64{9, 5, 5, 4}, 2},
		{"linear up", "linear", []string{"00:00,9", "00:15,1", "00:30,", "00:45,", "01:00,4"}, []float64{1, 2, 3, 4}, 2},
		{"linear down over a missing row", "linear", []string{"00:00,9", "00:15,4", "00:45,2", "01:00,1"}, []float64{4, 3, 2, 1}, 1},
		{"linear from before the run", "linear", []string{"00:00,9", "00:15,", "00:30,", "00:45,3", "01:00,4"}, []float64{7, 5, 3, 4}, 2},
		{"linear to after the run", "linear", []string{"00:00,9", "00:15,1", "00:30,1", "00:45,", "01:00,", "01:15,4"}, []float64{1, 1, 2, 3}, 2},
		{"linear over the whole run", "linear", []string{"00:00,0", "00:15,", "01:00,", "01:15,5"}, []float64{1, 2, 3, 4}, 4},
		{"nothing to fill", "linear", []string{"00:00,", "00:15,1", "00:30,2", "00:45,3", "01:00,4", "01:15,"}, []float64{1, 2, 3, 4}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rows := slices.Clone(tt.rows)
			for i, row := range rows {
				day := "2024-01-15 "
				if row >= "23:" {
					day = "2024-01-14 "
				}
				rows[i] = day + row
			}
			cal := calendarFrom(t, "Europe/Berlin", "2024-01-15 00:15", quarter, 4)
			spec := recordedAs(withGaps(tt.gaps))
			r, err := ReadRecording(fileOf(spec, "time,a\n"+lines(rows...)), spec, cal)
			if err != nil {
				t.Fatal(err)
			}
			samePowers(t, r.all()[0], tt.want...)
			if r.Filled != tt.filled {
				t.Errorf("%d filled, want %d", r.Filled, tt.filled)
			}
		})
	}
}

func TestRecordingGapsOfLastWeek(t *testing.T) {
	// The file has the hours of four weeks; each value is the number of its hour.
	const week = 7 * 24
	file := func(missing func(hour int) bool, empty func(hour int) bool) string {
		var b strings.Builder
		b.WriteString("time,a\n")
		c := calendarFrom(t, "UTC", "2024-01-01 00:00", 3600, 0)
		for hour := range 4 * week {
			at := c.Time(twins.Tick(hour)).Format(time.RFC3339)
			switch {
			case missing(hour):
			case empty(hour):
				fmt.Fprintf(&b, "%s,\n", at)
			default:
				fmt.Fprintf(&b, "%s,%d\n", at, hour)
			}
		}
		return b.String()
	}
	never := func(int) bool { return false }
	between := func(from, to int) func(int) bool {
		return func(hour int) bool { return from <= hour && hour < to }
	}
	tests := []struct {
		name           string
		missing, empty func(int) bool
		from, steps    int // hours
		hour, want     int
		filled         int
	}{
		{"before the run", never, between(2*week, 2*week+3), 2 * week, week, 2*week + 1, week + 1, 3},
		{"within the run", between(2*week+5, 2*week+6), never, week, 2 * week, 2*week + 5, week + 5, 1},
		{"a gap of two weeks, before the run", never, between(week+4, 3*week), 2 * week, week, 2*week + 9, 9, week},
		{"a gap of two weeks, within the run", between(week, 3*week), never, 0, 4 * week, 2*week + 9, 9, 2 * week},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			start := calendarFrom(t, "UTC", "2024-01-01 00:00", 3600, 0).Time(twins.Tick(tt.from))
			cal := NewCalendar(start, 3600, twins.Tick(tt.steps))
			spec := recordedAs(withGaps("same_time_last_week"))
			r, err := ReadRecording(fileOf(spec, file(tt.missing, tt.empty)), spec, cal)
			if err != nil {
				t.Fatal(err)
			}
			if got := r.all()[0][tt.hour-tt.from]; got != twins.Power(tt.want)*twins.Kilowatt || r.Filled != tt.filled {
				t.Errorf("%d mW with %d filled, want %d kW with %d", got, r.Filled, tt.want, tt.filled)
			}
		})
	}
}

// TestRecordingAgainstReference maps random recordings to random runs and
// compares the powers with a reference in fractions of unlimited size.
func TestRecordingAgainstReference(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		unit := rapid.SampledFrom(recordedUnits).Draw(r, "unit")
		interval := rapid.SampledFrom([]int64{1, 5, 7, 60, 300, 900, 1800, 3600}).Draw(r, "interval")
		n := rapid.Int64Range(1, 12).Draw(r, "ratio")
		step := interval * n
		if rapid.Bool().Draw(r, "finer") && interval%n == 0 {
			step = interval / n
		}
		grain := min(step, interval)
		skip := grain * rapid.Int64Range(0, 5).Draw(r, "skip")
		steps := rapid.Int64Range(1, 20).Draw(r, "steps")
		rows := max(2, (skip+steps*step+interval-1)/interval+rapid.Int64Range(0, 3).Draw(r, "more"))

		zone := zoneForCalendar(t, "Europe/Berlin")
		first := time.Date(2024, 10, 26, 23, 0, 0, 0, zone).Add(time.Duration(rapid.Int64Range(0, 200).Draw(r, "first")) * time.Minute)
		end := rapid.Bool().Draw(r, "end")
		local := rapid.Bool().Draw(r, "local")
		comma := rapid.SampledFrom([]string{",", ";", "\t"}).Draw(r, "comma")
		newline := rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(r, "newline")

		var text strings.Builder
		text.WriteString("a" + comma + "time" + newline)
		var values []string
		for i := range rows {
			at := first.Add(time.Duration(i*interval) * time.Second)
			if end {
				at = at.Add(time.Duration(interval) * time.Second)
			}
			stamp := at.Format(time.RFC3339)
			if local {
				stamp = at.Format(time.DateTime)
			}
			value := rapid.StringMatching(`0|0\.0\d{1,6}|[1-9]\d{0,4}(\.\d{1,9})?|\de-[1-5]`).Draw(r, "value")
			values = append(values, value)
			text.WriteString(value + comma + stamp + newline)
		}

		spec := recordedAs(inUnit(unit.name), withStamps(map[bool]string{true: "end", false: "start"}[end]))
		if local && first.Add(time.Duration(interval)*time.Second).After(time.Date(2024, 10, 27, 0, 0, 0, 0, time.UTC)) {
			r.Skip("a file that starts in an hour that clocks show twice could mean either")
		}
		cal := NewCalendar(first.Add(time.Duration(skip)*time.Second), twins.Seconds(step), twins.Tick(steps))
		got, err := ReadRecording(fileOf(spec, text.String()), spec, cal)
		if err != nil {
			r.Fatalf("%v\n%s", err, text.String())
		}
		energies := wholeEnergies(values, unit, interval)
		want := referencePowers(energies, interval, skip, step, steps)
		if !slices.Equal(got.all()[0], want) {
			r.Fatalf("\ngot  %d\nwant %d\n%s", got.all()[0], want, text.String())
		}
		checkSum(r, got.all()[0], energies, interval, skip, step)
	})
}

// wholeEnergies returns the energies of values in mJ, rounded to whole ones.
func wholeEnergies(values []string, unit recordedUnit, interval int64) []*big.Int {
	scale := unit.scale
	if !unit.energy {
		scale *= interval
	}
	energies := make([]*big.Int, len(values))
	for i, value := range values {
		e, _ := new(big.Rat).SetString(value)
		e.Mul(e, new(big.Rat).SetInt64(scale))
		energies[i] = floorRat(e.Add(e, big.NewRat(1, 2)))
	}
	return energies
}

func floorRat(x *big.Rat) *big.Int { return new(big.Int).Div(x.Num(), x.Denom()) }

// energyBetween returns the energy between two seconds of the file, given the
// energy of each interval.
func energyBetween(energies []*big.Int, interval, from, to int64) *big.Rat {
	sum := new(big.Rat)
	for i, e := range energies {
		begin, end := int64(i)*interval, int64(i+1)*interval
		if part := min(end, to) - max(begin, from); part > 0 {
			sum.Add(sum, new(big.Rat).Mul(new(big.Rat).SetInt(e), big.NewRat(part, interval)))
		}
	}
	return sum
}

// referencePowers gives each step the power that brings the sum of all powers
// to the recorded energy so far, in whole milliwatts over one step, rounded
// down.
func referencePowers(energies []*big.Int, interval, skip, step, steps int64) []twins.Power {
	powers := make([]twins.Power, steps)
	var given int64
	for k := range powers {
		e := energyBetween(energies, interval, skip, skip+int64(k+1)*step)
		upTo := floorRat(e.Mul(e, big.NewRat(1, step))).Int64()
		powers[k] = twins.Power(upTo - given)
		given = upTo
	}
	return powers
}

// checkSum checks the promise of ReadRecording: the run draws the recorded
// energy to within a milliwatt over one step.
func checkSum(t *rapid.T, powers []twins.Power, energies []*big.Int, interval, skip, step int64) {
	short := energyBetween(energies, interval, skip, skip+int64(len(powers))*step)
	for _, p := range powers {
		short.Sub(short, new(big.Rat).SetInt64(int64(p)*step))
	}
	if short.Sign() < 0 || short.Cmp(big.NewRat(step, 1)) >= 0 {
		t.Fatalf("the run draws %s mJ less than was recorded, steps of %d s", short.FloatString(3), step)
	}
}

func TestRecordingReadsAnyStamp(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		layout := rapid.SampledFrom([]string{
			time.RFC3339, "2006-01-02T15:04:05.000Z07:00", "2006-01-02 15:04:05-07:00", "2006-01-02T15:04-07:00",
			"2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02T15:04:05", "2006-01-02T15:04", "15:04:05", "15:04",
		}).Draw(r, "layout")
		at := time.Unix(rapid.Int64Range(-1<<33, 1<<33).Draw(r, "at"), 0).In(time.FixedZone("", 900*rapid.IntRange(-48, 56).Draw(r, "offset")))
		text := at.Format(layout)
		s, ok := parseStamp(text)
		want, err := time.Parse(layout, text)
		if !ok || err != nil {
			r.Fatalf("%q: %v, %v", text, ok, err)
		}
		got := s.day*SecondsPerDay + s.second - s.offset
		if !s.hasDay {
			got += dayNumber(want) * SecondsPerDay
		}
		if got != want.Unix() {
			r.Fatalf("%q is %d, want %d", text, got, want.Unix())
		}
	})
}

func TestRecordingNeverPanics(t *testing.T) {
	cal := calendarFrom(t, "Europe/Berlin", "2024-01-15 00:00", quarter, 4)
	const good = "time,a\n00:00,1\n00:15,2\n00:30,3\n00:45,4\n"
	rapid.Check(t, func(r *rapid.T) {
		text := []byte(good)
		for range rapid.IntRange(1, 4).Draw(r, "changes") {
			at := rapid.IntRange(0, len(text)-1).Draw(r, "at")
			piece := rapid.SampledFrom([]string{"", "\n", ",", ";", "\"", "*", "-", "1e99", "9", "24:00", "\x00", "\xff", "time"}).Draw(r, "piece")
			text = slices.Replace(text, at, at+1, []byte(piece)...)
			if len(text) == 0 {
				return
			}
		}
		spec := recordedAs(withGaps(rapid.SampledFrom([]string{"", "hold", "linear", "same_time_last_week"}).Draw(r, "gaps")))
		rec, err := ReadRecording(fileOf(spec, string(text)), spec, cal)
		var problem *problem.At
		if err != nil && !errors.As(err, &problem) {
			r.Fatalf("%q: %v is no *problem.At", text, err)
		}
		if err == nil {
			for _, values := range rec.all() {
				if len(values) != 4 || slices.Min(values) < 0 {
					r.Fatalf("%q: %d", text, values)
				}
			}
		}
	})
}

// BenchmarkReadRecording reads files of the sizes that ship: a day of minutes, a
// year of quarter hours.
func BenchmarkReadRecording(b *testing.B) {
	for _, size := range []struct {
		rows, columns int
		interval      twins.Seconds
	}{{1440, 55, 60}, {35_040, 77, 900}} {
		b.Run(fmt.Sprintf("rows=%d/columns=%d", size.rows, size.columns), func(b *testing.B) {
			cal := calendarFrom(b, "UTC", "2023-01-01 00:00", size.interval, twins.Tick(size.rows))
			var text strings.Builder
			text.WriteString("time")
			for c := range size.columns {
				fmt.Fprintf(&text, ",home-%d", c)
			}
			for row := range size.rows {
				text.WriteString("\n" + cal.Time(twins.Tick(row)).Format("2006-01-02 15:04"))
				for c := range size.columns {
					fmt.Fprintf(&text, ",%.3f", 3+3*math.Sin(float64(row*c)))
				}
			}
			fsys := fileOf(recordedAs(), text.String())
			b.ReportAllocs()
			for b.Loop() {
				if _, err := ReadRecording(fsys, recordedAs(), cal); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
