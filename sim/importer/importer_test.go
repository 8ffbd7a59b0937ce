package importer_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"
	"unicode/utf16"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/importer"
	"github.com/smatrix-grid/smatrix/sim/problem"
	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/twins"
)

// made imports files from a folder, writes what was made there and builds the scenario.
func made(t *testing.T, dir string, zone string, names ...string) (*importer.Plan, *sim.World) {
	t.Helper()
	return madeWith(t, dir, importer.Options{Zone: zone}, names...)
}

// madeWith does what made does, with what the caller states.
func madeWith(t *testing.T, dir string, o importer.Options, names ...string) (*importer.Plan, *sim.World) {
	t.Helper()
	o.Name = "made"
	var files []importer.File
	for _, name := range names {
		files = append(files, importer.File{Name: name, Path: name})
	}
	plan, err := importer.Make(os.DirFS(dir), files, o)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range append(plan.Data, importer.NewFile{Name: "made.yaml", Bytes: plan.Scenario}) {
		if err := os.WriteFile(filepath.Join(dir, f.Name), f.Bytes, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s, err := scenario.Load(filepath.Join(dir, "made.yaml"), scenario.Options{})
	if err != nil {
		t.Fatalf("%v in\n%s", err, plan.Scenario)
	}
	w, err := sim.Build(s)
	if err != nil {
		t.Fatalf("%v in\n%s", err, plan.Scenario)
	}
	return plan, w
}

// copied copies test files into a new folder.
func copied(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range names {
		b, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		write(t, dir, name, string(b))
	}
	return dir
}

// oneFile is a folder with the file m.csv.
func oneFile(text string) fs.FS { return fstest.MapFS{"m.csv": {Data: []byte(text)}} }

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// recorded returns the energy of each recorded column over the run, in Wh.
func recorded(w *sim.World) map[string]float64 {
	sums := map[string]float64{}
	for _, r := range w.Recordings {
		for i, column := range r.Columns {
			c, err := r.Column(i, 0)
			if err != nil {
				panic(err)
			}
			powers, err := c.Powers()
			if err != nil {
				panic(err)
			}
			var sum twins.Energy
			for _, p := range powers {
				sum += p.For(w.Scenario.Calendar.Step)
			}
			sums[column] = sum.WattHours()
		}
	}
	return sums
}

// The file of each form is recognised, imports with one call, and the run has its total; as it
// is, and as a spreadsheet saves it.
// The totals were computed apart from this program, from the values before they were
// written in the form.
func TestEveryFormSumsToItsTotal(t *testing.T) {
	seen := map[string]bool{}
	for _, row := range []struct {
		preset, zone string
		steps        int64
		wh           map[string]float64 // of recorded columns
		total        float64            // of sessions, kWh; of prices and irradiance, the sum of the rows
	}{
		{preset: "home_assistant", zone: "Europe/Berlin", steps: 48, wh: map[string]float64{"home": 17_450, "home-roof": 6400}},
		{preset: "evcc", zone: "Europe/Berlin", steps: 3 * 96, total: 30.5},
		{preset: "smard", steps: 24, total: 2417},
		{preset: "entsoe", steps: 100, total: 8075.28},
		{preset: "pvgis", steps: 72, total: 21_486.1},
		{preset: "pvgis_tmy", steps: 144, total: 19_379.7},
		{preset: "tmy3", steps: 96, total: 15_023},
		{preset: "enedis", steps: 94, wh: map[string]float64{"home": 18_018.5}},
		{preset: "fluvius", steps: 96, wh: map[string]float64{"home": 4985, "home-fed-in": 4000}},
		{preset: "green_button", zone: "America/Los_Angeles", steps: 96, wh: map[string]float64{"home": 15_160}},
		{preset: "low_carbon_london", steps: 96, wh: map[string]float64{"mac900001": 17_660, "mac900002": 34_460}},
		{preset: "uci", steps: 1440, wh: map[string]float64{"home": 9483.5}},
		{preset: "sma_daily", zone: "Europe/Berlin", steps: 97, wh: map[string]float64{"yield": 75_612}},
		{preset: "fronius_daily", zone: "Europe/Berlin", steps: 95, wh: map[string]float64{"home": 51_166.12, "home-roof": 92_605.22}},
	} {
		for _, saved := range []struct {
			how string
			by  func(*testing.T, string) string
		}{{"plain", nil}, {"by a spreadsheet", resaved}} {
			t.Run(row.preset+" "+saved.how, func(t *testing.T) {
				seen[row.preset] = true
				file := row.preset + ".csv"
				dir := copied(t, file)
				if saved.by != nil {
					b, err := os.ReadFile(filepath.Join(dir, file))
					if err != nil {
						t.Fatal(err)
					}
					write(t, dir, file, saved.by(t, string(b)))
				}
				plan, w := made(t, dir, row.zone, file)
				if got := plan.Findings[0].Preset; got != row.preset {
					t.Fatalf("recognised as %q", got)
				}
				if got := int64(w.Scenario.Calendar.Steps); got != row.steps {
					t.Errorf("%d steps, wanted %d of\n%s", got, row.steps, plan.Scenario)
				}
				for column, want := range row.wh {
					if got := recorded(w)[column]; math.Abs(got-want) > 0.002 { // a milliwatt over a step
						t.Errorf("%s: %v Wh, wanted %v", column, got, want)
					}
				}
				if got := len(recorded(w)); got != len(row.wh) {
					t.Errorf("%d columns, wanted %d", got, len(row.wh))
				}
				if row.total > 0 {
					checkTotal(t, w, row.total)
				}
				if len(w.Warnings) > 0 {
					t.Errorf("%v", w.Warnings)
				}
			})
		}
	}
	if len(seen) != len(importer.Titles()) {
		t.Errorf("%d forms were tried, wanted all %d: %v", len(seen), len(importer.Titles()), importer.Titles())
	}
}

// checkTotal compares what the run reads with a total: exactly, or within 1 % for irradiance,
// whose rows reach beyond the days of the run.
func checkTotal(t *testing.T, w *sim.World, total float64) {
	t.Helper()
	read, within := 0.0, 1e-6
	var env twins.Env
	for step := range w.Scenario.Calendar.Steps {
		w.Env(step, &env)
		switch {
		case w.Market != nil:
			read += float64(env.Price) / 1e6
		case w.Weather != nil:
			read, within = read+env.Weather.GHI, 0.01
		}
	}
	for _, s := range w.Sessions {
		for _, user := range s.Users {
			stays, err := s.Of(user, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, one := range stays {
				read += one.Energy.WattHours() / 1000
			}
		}
	}
	if math.Abs(read-total) > within*total {
		t.Errorf("the run reads %v, wanted %v", read, total)
	}
}

// Files without a preset are guessed, and what was assumed is said.
func TestGuessedForms(t *testing.T) {
	hours := func(format func(day, hour int) string) string {
		b := &strings.Builder{}
		for i := range 48 {
			b.WriteString(format(i/24, i%24))
		}
		return b.String()
	}
	for _, row := range []struct {
		name, text string
		wh         map[string]float64
		unit       string
		assumed    []string // words of what must be said
	}{
		{"plain", "time,Home 1,home 1\n" + hours(func(d, h int) string { return fmt.Sprintf("2025-03-%02dT%02d:00,0.5,1\n", d+1, h) }),
			map[string]float64{"home-1": 24_000, "home-1-2": 48_000}, "kWh", []string{"unit: kWh", "start of their intervals", "zone: Europe/Berlin"}},
		{"with an offset and W", "stamp,load W\n" + hours(func(d, h int) string { return fmt.Sprintf("2025-03-%02d %02d:00:00+01:00,250\n", d+1, h) }),
			map[string]float64{"load-w": 12_000}, "W", []string{"start of their intervals"}},
		{"German", "Zeit;Verbrauch (kWh)\n" + hours(func(d, h int) string { return fmt.Sprintf("%02d.03.2025 %02d:00;0,%d\n", d+1, h, 25*(h%2)) }),
			map[string]float64{"verbrauch-kwh": 6000}, "kWh", []string{"zone: Europe/Berlin"}},
		{"newest first", "time,a Wh\n" + func() string {
			all := strings.SplitAfter(strings.TrimSuffix(hours(func(d, h int) string { return fmt.Sprintf("2025-03-%02dT%02d:00,%d\n", d+1, h, 7*h%24) }), ""), "\n")
			slices.Reverse(all)
			return strings.Join(all, "")
		}(), map[string]float64{"a-wh": 552}, "Wh", nil},
		{"lines before the header", "my meter\nserial,123\ntime,a kWh\n" + hours(func(d, h int) string { return fmt.Sprintf("2025-03-%02dT%02d:00,1\n", d+1, h) }),
			map[string]float64{"a-kwh": 48_000}, "kWh", nil},
		{"days", "date,a kWh\n2025-03-29,12\n2025-03-30,11.5\n2025-03-31,12.25\n",
			map[string]float64{"a-kwh": 35_750}, "kWh", []string{"spread evenly over its hours"}},
		{"days without a unit", "time,home\n2018-03-24 00:00,24\n2018-03-25 00:00,23\n2018-03-26 00:00,24\n2018-03-27 00:00,24\n",
			map[string]float64{"home": 95_000}, "kWh", []string{"unit: kWh", "spread evenly over its hours"}},
		{"days without a unit in Wh", "time,home\n2018-03-24,24000\n2018-03-25,23000\n2018-03-26,24000\n2018-03-27,24000\n",
			map[string]float64{"home": 95_000}, "Wh", []string{"unit: Wh", "spread evenly over its hours"}},
		{"days without a unit in W", "time,home\n2018-03-24,500\n2018-03-25,480\n2018-03-26,510\n2018-03-27,490\n",
			map[string]float64{"home": 500*24 + 480*23 + 510*24 + 490*24}, "W", []string{"unit: W", "spread evenly over its hours"}},
		{"thousands with points", "Zeit;Wh\n" + hours(func(d, h int) string {
			return fmt.Sprintf("%02d.03.2025 %02d:00;%s\n", d+1, h, []string{"999,5", "1.250", "1.250,5"}[h%3])
		}),
			map[string]float64{"wh": 56_000}, "Wh", []string{"a point before three digits is a mark of thousands"}},
		{"commas that may be thousands", "Zeit;Wh\n" + hours(func(d, h int) string {
			return fmt.Sprintf("%02d.03.2025 %02d:00;%s\n", d+1, h, []string{"987", "1,250"}[h%2])
		}),
			map[string]float64{"wh": 24*987 + 24*1.25}, "Wh", []string{`"1,250" is read as 1.25`}},
		{"a note of two lines", "time,a kWh,note\n" + hours(func(d, h int) string {
			return fmt.Sprintf("2025-03-%02dT%02d:00,1,\"one\nand, two\"\n", d+1, h)
		}), map[string]float64{"a-kwh": 48_000}, "kWh", nil},
		{"quotes within a field", "time,a kWh,note\n" + hours(func(d, h int) string { return fmt.Sprintf("2025-03-%02dT%02d:00,1,19\" wide\n", d+1, h) }),
			map[string]float64{"a-kwh": 48_000}, "kWh", nil},
		{"a total at the end", "time,a kWh\n" + hours(func(d, h int) string { return fmt.Sprintf("2025-03-%02dT%02d:00,1\n", d+1, h) }) + "Total,48\n",
			map[string]float64{"a-kwh": 48_000}, "kWh", nil},
		{"a gap", "time,a kWh\n" + hours(func(d, h int) string {
			if d == 0 && (h == 7 || h == 8) {
				return ""
			}
			return fmt.Sprintf("2025-03-%02dT%02d:00,1\n", d+1, h)
		}), map[string]float64{"a-kwh": 48_000}, "kWh", []string{"2 values are missing"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, "m.csv", row.text)
			plan, w := made(t, dir, "", "m.csv")
			for column, want := range row.wh {
				if got := recorded(w)[column]; math.Abs(got-want) > 0.002 {
					t.Errorf("%s: %v Wh, wanted %v: %v\n%s", column, got, want, recorded(w), plan.Scenario)
				}
			}
			if len(recorded(w)) != len(row.wh) || len(plan.Data) > 0 {
				t.Errorf("columns %v, %d converted files", recorded(w), len(plan.Data))
			}
			if !strings.Contains(string(plan.Scenario), "unit: "+row.unit+"\n") {
				t.Errorf("wanted the unit %s in\n%s", row.unit, plan.Scenario)
			}
			doubts := strings.Join(plan.Findings[0].Doubts, "\n")
			for _, words := range row.assumed {
				if !strings.Contains(doubts, words) || !strings.Contains(string(plan.Scenario), words) {
					t.Errorf("not said: %q, but\n%s\nin\n%s", words, doubts, plan.Scenario)
				}
			}
		})
	}
}

// Several files become one scenario over the days that they have in common.
func TestSeveralFiles(t *testing.T) {
	dir := copied(t, "evcc.csv")
	b := &strings.Builder{}
	b.WriteString("time,home kWh\n")
	for i := range 24 * 6 {
		fmt.Fprintf(b, "2026-03-%02dT%02d:00,0.5\n", 1+i/24, i%24)
	}
	write(t, dir, "home.csv", b.String())
	plan, w := made(t, dir, "Europe/Berlin", "home.csv", "evcc.csv")
	if w.Members["vehicle"] != 2 || w.Members["household"] != 1 || w.Scenario.Calendar.Steps != 3*96 || w.Scenario.Calendar.StartText() != "2026-03-02 00:00" {
		t.Errorf("%v, %d steps from %s\n%s", w.Members, w.Scenario.Calendar.Steps, w.Scenario.Calendar.StartText(), plan.Scenario)
	}
}

// A file has the same values in every encoding, and packed.
func TestEncodings(t *testing.T) {
	b := &strings.Builder{}
	b.WriteString("Zeit;Küche kWh\n")
	for i := range 24 {
		fmt.Fprintf(b, "03.03.2025 %02d:00;0,%02d\n", i, 10+7*i%24)
	}
	var utf16LE, utf16BE, latin1 []byte
	for _, unit := range utf16.Encode([]rune("\ufeff" + b.String())) {
		utf16LE, utf16BE = append(utf16LE, byte(unit), byte(unit>>8)), append(utf16BE, byte(unit>>8), byte(unit))
	}
	for _, r := range b.String() {
		latin1 = append(latin1, byte(r))
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write([]byte(b.String())); err != nil || z.Close() != nil {
		t.Fatal(err)
	}
	for _, row := range []struct{ name, text string }{
		{"m.csv", b.String()}, {"bom.csv", "\ufeff" + b.String()}, {"utf16le.csv", string(utf16LE)}, {"utf16be.csv", string(utf16BE)},
		{"latin1.csv", string(latin1)}, {"m.csv.gz", packed.String()}, {"crlf.csv", strings.ReplaceAll(b.String(), "\n", "\r\n")},
	} {
		dir := t.TempDir()
		write(t, dir, row.name, row.text)
		_, w := made(t, dir, "", row.name)
		if got := recorded(w)["kueche-kwh"]; math.Abs(got-5160) > 0.002 {
			t.Errorf("%s: %v, wanted 5160 Wh", row.name, recorded(w))
		}
	}
}

// A typical year is laid on the year of the other files, whichever comes first.
func TestTypicalYear(t *testing.T) {
	for _, names := range [][]string{{"home.csv", "tmy3.csv"}, {"tmy3.csv", "home.csv"}} {
		dir := copied(t, "tmy3.csv")
		b := &strings.Builder{}
		b.WriteString("time,home kWh\n")
		for i := range 24 * 6 {
			at := time.Date(2026, 2, 26, i, 0, 0, 0, time.UTC)
			fmt.Fprintf(b, "%s,0.5\n", at.Format("2006-01-02T15:04"))
		}
		write(t, dir, "home.csv", b.String())
		plan, w := made(t, dir, "America/Denver", names...)
		if w.Scenario.Calendar.Steps != 96 || w.Scenario.Calendar.StartText() != "2026-02-27 00:00" || w.Weather == nil {
			t.Errorf("%v: %d steps from %s\n%s", names, w.Scenario.Calendar.Steps, w.Scenario.Calendar.StartText(), plan.Scenario)
		}
	}
}

// Files that cannot be read are refused with file and line, and what was wanted.
func TestRefusedFiles(t *testing.T) {
	evcc, err := os.ReadFile("testdata/evcc.csv")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct{ name, text, zone, want string }{
		{"no table", "hello\nworld\n", "", "m.csv: no row with a time and a number after a header was found, wanted"},
		{"a number that is none", "time,a kWh\n2025-03-01T00:00,1\n2025-03-01T01:00,x\n2025-03-01T02:00,1\n", "", `m.csv:3: column "a kWh": "x" is not a number`},
		{"a stamp that is none", "time,a kWh\n2025-03-01T00:00,1\n2025-13-01T01:00,1\n", "", `m.csv:3: time "2025-13-01T01:00" cannot be read, wanted one like`},
		{"a quote that is not closed", "time,a kWh,note\n2025-03-01T00:00,1,ok\n2025-03-01T01:00,1,\"19 inch\n2025-03-01T02:00,1,\n2025-03-01T03:00,1,\n", "", `m.csv:3: the quotation mark in this line is not closed before the next row, wanted "…" around a field or no mark`},
		{"two quotes that are not closed", "time,a kWh,note\n2025-03-01T00:00,1,ok\n2025-03-01T01:00,1,\"19 inch\n2025-03-01T02:00,1,\n2025-03-01T03:00,1,\"20 inch\n2025-03-01T04:00,1,\n", "", `m.csv:3: the quotation mark in this line is not closed`},
		{"a quote that is closed in the next row", "time,a kWh,note\n2025-03-01T00:00,1,ok\n2025-03-01T01:00,1,\"19\n2025-03-01T02:00,1,20\"\n2025-03-01T04:00,1,\n", "", `m.csv:3: the quotation mark in this line is not closed`},
		{"a quote in a row of a statistic", "entity_id,type,unit,2025-03-01T00:00:00.000Z,2025-03-01T01:00:00.000Z\n\"a,grid_consumption,kWh,1,1\nb,solar_production,kWh,1,1\n", "", `m.csv:2: the quotation mark in this line is not closed`},
		{"a point in a file with commas", "Zeit;kWh\n01.03.2025 00:00;0,5\n01.03.2025 01:00;0.25\n", "", `m.csv:3: column "kWh": "0.25" is not a number, wanted one with a decimal comma`},
		{"points that are no marks", "Zeit;kWh\n01.03.2025 00:00;0,5\n01.03.2025 01:00;12.5\n", "", `m.csv:3: column "kWh": "12.5" is not a number, wanted one with a decimal comma`},
		{"a group of two digits", "Zeit;kWh\n01.03.2025 00:00;0,5\n01.03.2025 01:00;1.25.000,5\n", "", `m.csv:3: column "kWh": "1.25.000,5" is not a number, wanted one with a decimal comma`},
		{"a mark of thousands behind the comma", "Zeit;kWh\n01.03.2025 00:00;0,5\n01.03.2025 01:00;1,250.000\n", "", `m.csv:3: column "kWh": "1,250.000" is not a number, wanted one with a decimal comma`},
		{"a row in another unit", "TYPE,DATE,START TIME,END TIME,USAGE,UNITS,COST,NOTES\nElectric usage,2025-03-01,00:00,00:59,1.5,kWh,,\nElectric usage,2025-03-01,01:00,01:59,1500,Wh,,\n", "", `m.csv:3: column "UNITS": unit "Wh", wanted kWh`},
		{"a register in another unit", "Van (datum);Van (tijdstip);Register;Volume;Eenheid\n01-03-2025;00:00:00;Afname Dag;1,5;kWh\n01-03-2025;00:15:00;Afname Dag;2,5;MWh\n", "", `m.csv:3: column "Eenheid": unit "MWh", wanted kWh`},
		{"twice", "time,a kWh\n2025-03-01T00:00,1\n2025-03-01T01:00,1\n2025-03-01T01:00,1\n", "", `m.csv:4: time "2025-03-01T01:00" appears twice`},
		{"a meter twice at a time", "time,m,kWh\n2025-03-01T00:00,a,1\n2025-03-01T00:00,b,1\n2025-03-01T01:00,a,1\n2025-03-01T01:00,b,1\n2025-03-01T01:00,b,1\n", "", `m.csv:6: time "2025-03-01T01:00" appears twice`},
		{"skipped by the clocks", "time,a kWh\n2025-03-30T01:00,1\n2025-03-30T02:00,1\n2025-03-30T03:00,1\n", "", `m.csv:3: time "2025-03-30T02:00" does not exist in Europe/Berlin`},
		{"less than a day", "time,a kWh\n2025-03-01T00:00,1\n2025-03-01T01:00,1\n", "", "the files have no whole local day in common: from 2025-03-01 00:00 to 2025-03-01 02:00"},
		{"an unknown zone", "time,a kWh\n2025-03-01T00:00,1\n", "Mars/Olympus", `--zone "Mars/Olympus" is unknown, wanted a name`},
		{"sessions without one", strings.SplitAfter(string(evcc), "\n")[0], "", "m.csv:1: no session after the header, wanted one at least"},
		{"weather without a place", "a,b\nDate (MM/DD/YYYY),Time (HH:MM),GHI (W/m^2),Dry-bulb (C)\n", "", "m.csv: no latitude and longitude before the header"},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := importer.Make(oneFile(row.text), []importer.File{{Name: "m.csv", Path: "m.csv"}}, importer.Options{Zone: row.zone, Name: "made"})
			if err == nil || !strings.HasPrefix(err.Error(), row.want) {
				t.Errorf("got %v, wanted %s", err, row.want)
			}
			if !errors.As(err, new(*problem.At)) && !errors.Is(err, problem.ErrUsage) {
				t.Errorf("%T", err)
			}
		})
	}
}

// Any bytes are imported or refused, without a panic, and what is made can be read.
func FuzzMake(f *testing.F) {
	files, err := filepath.Glob("testdata/*.csv")
	if err != nil || len(files) == 0 {
		f.Fatal(files, err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b[:min(len(b), 3000)])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _ = importer.Make(oneFile(string(b)), []importer.File{{Name: "m.csv", Path: "m.csv"}}, importer.Options{Name: "made"})
	})
}
