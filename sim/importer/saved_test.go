package importer_test

import (
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/importer"
	"github.com/smatrix-grid/smatrix/sim/scenario"
)

var decimalPoint = regexp.MustCompile(`^-?[0-9]+\.[0-9]+$`)

// resaved is a CSV as a German spreadsheet saves it: with a byte order mark, semicolons,
// decimal commas, its own form of dates, and carriage returns.
func resaved(t *testing.T, text string) string {
	t.Helper()
	text = strings.TrimPrefix(text, "\ufeff")
	by := ','
	if strings.Count(text, ";") > strings.Count(text, ",") {
		by = ';'
	}
	b := &strings.Builder{}
	b.WriteString("\ufeff")
	for line := range strings.Lines(text) {
		r := csv.NewReader(strings.NewReader(line))
		r.Comma, r.LazyQuotes = by, true
		fields, err := r.Read()
		if err != nil {
			b.WriteString("\r\n")
			continue
		}
		for i, f := range fields {
			if f = strings.TrimSpace(f); decimalPoint.MatchString(f) {
				f = strings.Replace(f, ".", ",", 1)
			}
			for _, layout := range []string{"2006-01-02 15:04:05", "2006-01-02 15:04:05.0000000"} {
				if at, err := time.Parse(layout, f); err == nil {
					f = at.Format("02.01.2006 15:04")
				}
			}
			fields[i] = f
		}
		w := csv.NewWriter(b)
		w.Comma, w.UseCRLF = ';', true
		if err := w.Write(fields); err != nil {
			t.Fatal(err)
		}
		w.Flush()
	}
	return b.String()
}

// edit replaces a text that the file of a form has once.
type edit struct{ form, old, new string }

// again is a row that follows itself.
func again(form, row string) edit { return edit{form, row, row + "\n" + row} }

// Files of the known forms that were cut off, have a hole, a row twice or another unit: each is
// refused with its line, or runs, and what was done is said.
func TestFormsWithFaults(t *testing.T) {
	for _, row := range []struct {
		name string
		edit
		want string // the error, or filled values, rows left out and kinds of warnings
	}{
		{"a missing value", edit{"enedis", "2026-03-28T05:30:00+01:00;300", "2026-03-28T05:30:00+01:00;"}, `94 steps, 1 filled; 1 value is missing between the first and the last (longest gap 30 min): filled as gaps: says`},
		{"a row twice", again("enedis", "2026-03-28T05:30:00+01:00;300"), `m.csv:15: time "2026-03-28T05:30:00+01:00" appears twice, wanted each once`},
		{"a missing row", edit{"enedis", "2026-03-28T05:30:00+01:00;300\r\n", ""}, `94 steps, 1 filled; 1 value is missing between the first and the last (longest gap 30 min): filled as gaps: says`},
		{"cut off", edit{"enedis", "26-03-29T20:00:00+02:00", cutHere}, `m.csv:89: 1 field, wanted 2 as in the header`},
		{"kW in place of W", edit{"enedis", "2026-03-28T05:30:00+01:00;300", "2026-03-28T05:30:00+01:00;300000"}, `94 steps, 0 filled; spike`},
		{"a missing value", edit{"entsoe", `"26/10/2025 02:00:00 - 26/10/2025 02:15:00","BZN|DE-LU","Without Sequence","89.90"`, `"26/10/2025 02:00:00 - 26/10/2025 02:15:00","BZN|DE-LU","Without Sequence","n/e"`}, `m.csv:14: column "Day-ahead Price (EUR/MWh)": no value, wanted one: a market's gaps are not filled`},
		{"a row twice", again("entsoe", `"26/10/2025 01:00:00 - 26/10/2025 01:15:00","BZN|DE-LU","Without Sequence","85.41","",""`), `m.csv:7: time "26/10/2025 01:00:00 - 26/10/2025 01:15:00" appears twice, wanted each once`},
		{"cut off", edit{"entsoe", `Sequence","89.91"`, cutHere}, `m.csv:100: 3 fields, wanted 6 as in the header`},
		{"a missing energy", edit{"evcc", "109.25,8.25", "109.25,"}, `288 steps, 0 filled; left out: 2 sessions without a departure, an energy or a length, the first in line 3`},
		{"a guest", edit{"evcc", ",Blue Car,,100", ",,,100"}, `288 steps, 0 filled; left out: 1 session without a departure, an energy or a length, the first in line 5`},
		{"a row twice", again("evcc", "2026-03-02 12:00:00,2026-03-02 16:30:00,Garage,,Van,,101,109.25,8.25,3h20m0s,,,40,2.1,0.25,200"), `m.csv:4: user "Van": the session from 2026-03-02 12:00 appears twice, wanted it once: first in line 3`},
		{"cut off", edit{"evcc", "2026-03-04 06:45:00", cutHere}, `m.csv:4: 2 fields, wanted 16 as in the header`},
		{"a missing value", edit{"fluvius", "00:45:00;02-09-2025;01:00:00;=\"000000000000000000\";0AAA0000000000;Digitale meter;Afname Nacht;0,049", "00:45:00;02-09-2025;01:00:00;=\"000000000000000000\";0AAA0000000000;Digitale meter;Afname Nacht;"}, `96 steps, 0 filled; column "home": a net meter: "Afname Nacht" + "Afname Dag" was drawn, and "Injectie Nacht" + "Injectie Dag" was fed in; column "home": Afname Nacht and Afname Dag, added up; a value that some of them lack is 0 in these; column "home fed in": Injectie Nacht and Injectie Dag, added up; a value that some of them lack is 0 in these`},
		{"a row twice", again("fluvius", "02-09-2025;00:45:00;02-09-2025;01:00:00;=\"000000000000000000\";0AAA0000000000;Digitale meter;Afname Nacht;0,049;kWh;Uitgelezen;"), `m.csv:15: time "02-09-2025 00:45:00" appears twice, wanted each once`},
		{"another unit", edit{"fluvius", "00:45:00;02-09-2025;01:00:00;=\"000000000000000000\";0AAA0000000000;Digitale meter;Afname Nacht;0,049;kWh", "00:45:00;02-09-2025;01:00:00;=\"000000000000000000\";0AAA0000000000;Digitale meter;Afname Nacht;0,049;MWh"}, `m.csv:14: column "Eenheid": unit "MWh", wanted kWh`},
		{"a missing day", edit{"fronius_daily", "29.03.2025,21000.25,12000.5", "29.03.2025,21000.25,"}, `95 steps, 24 filled; left out: 1 line without a time, the first of them line 2, "[dd.MM.yyyy],[Wh],[Wh],[Wh],[Wh],[Wh],"; 1 value is missing between the first and the last (longest gap 24 h): filled as gaps: says`},
		{"a row twice", again("fronius_daily", "30.03.2025,8000,15500.75,9000.5,1000.5,4567.15,"), `m.csv:6: time "30.03.2025" appears twice, wanted each once`},
		{"cut off", edit{"fronius_daily", ",30123.45", cutHere}, `m.csv:6: 1 field, wanted 7 as in the header`},
		{"a missing value", edit{"green_button", "01:45,01:59,0.17", "01:45,01:59,"}, `96 steps, 1 filled; 1 value is missing between the first and the last (longest gap 15 min): filled as gaps: says`},
		{"a row twice", again("green_button", "Electric usage,2026-01-15,01:45,01:59,0.17,kWh,$0.09,"), `m.csv:15: time "2026-01-15 01:45" appears twice, wanted each once`},
		{"another unit", edit{"green_button", "01:59,0.17,kWh", "01:59,170,Wh"}, `m.csv:14: column "UNITS": unit "Wh", wanted kWh`},
		{"what was fed in", edit{"green_button", "01:59,0.17,kWh", "01:59,-0.17,kWh"}, `96 steps, 0 filled; column "home": a net meter with values from -0.17 to 0.22: what is below 0 was fed in`},
		{"an hour without values", edit{"home_assistant", "grid_consumption,kWh,0.2,0.25,", "grid_consumption,kWh,0.2,,"}, `48 steps, 0 filled; column "home": "grid" + "solar", less "return", which was fed in: what was drawn and generated and did not leave the home was consumed; 1 empty field: 0 where another row of energy has a value, and missing where none has`},
		{"another unit", edit{"home_assistant", "solar_production,kWh", "solar_production,Wh"}, `m.csv:5: unit "Wh", wanted kWh`},
		{"cut off", edit{"home_assistant", "solar_production,kWh,0,0,0,0,0,0,0,0,0,0.2,0.4", cutHere}, `m.csv:5: 2 fields, wanted 51 as in the header: is the file cut off?`},
		{"a missing value", edit{"low_carbon_london", "MAC900001,Std,2013-03-30 06:00:00.0000000, 0.225 ", "MAC900001,Std,2013-03-30 06:00:00.0000000,Null"}, `96 steps, 1 filled; 1 value is missing between the first and the last (longest gap 30 min): filled as gaps: says`},
		{"a row twice", again("low_carbon_london", "MAC900001,Std,2013-03-30 06:00:00.0000000, 0.225 ,ACORN-X,Made-up"), `m.csv:15: time "2013-03-30 06:00:00.0000000" appears twice, wanted each once`},
		{"cut off", edit{"low_carbon_london", "MAC900002,Std,2013-03-31 23:00:00.0000000", cutHere}, `48 steps, 0 filled`},
		{"a missing value", edit{"pvgis", "20200610:0411,103.3", "20200610:0411,"}, `72 steps, 1 filled; left out: 3 lines without a time, the first of them line 83, "G(i): Global irradiance on the inclined plane (plane of the array) (W/m2)"; 1 value is missing between the first and the last (longest gap 1 h): filled as gaps: says`},
		{"a row twice", again("pvgis", "20200610:0411,103.3,6.3,19.21,1.50,0.0"), `m.csv:15: time "20200610:0411" appears twice, wanted each once`},
		{"cut off", edit{"pvgis", "20200612:2211,", cutHere}, `48 steps, 0 filled`},
		{"a tilted plane", edit{"pvgis", "Slope: 0 deg.", "Slope: 35 deg."}, `72 steps, 0 filled; left out: 3 lines without a time, the first of them line 83, "G(i): Global irradiance on the inclined plane (plane of the array) (W/m2)"`},
		{"a missing value", edit{"pvgis_tmy", "20140129:0500,15.80", "20140129:0500,"}, `144 steps, 1 filled; left out: 2 lines without a time, the first of them line 154, "T2m: 2-m air temperature (degree Celsius)"; 1 value is missing between the first and the last (longest gap 1 h): filled as gaps: says`},
		{"a row twice", again("pvgis_tmy", "20140129:0500,15.80,60.0,0,0.0,0.0,300.0,2.00,100.0,101800.0"), `m.csv:15: time "20140129:0500" appears twice, wanted each once`},
		{"a pressure in hPa", edit{"pvgis_tmy", "20140129:0500,15.80,60.0,0,0.0,0.0,300.0,2.00,100.0,101800.0", "20140129:0500,15.80,60.0,0,0.0,0.0,300.0,2.00,100.0,1018.0"}, `m.csv:14: column "SP": 1018.0 is impossible, wanted pressure_pa of 30000 … 110000 Pa`},
		{"a missing value", edit{"tmy3", "02/27/1988,12:00,0,0,522", "02/27/1988,12:00,0,0,"}, `96 steps, 1 filled; 1 value is missing between the first and the last (longest gap 1 h): filled as gaps: says`},
		{"a row twice", again("tmy3", "02/27/1988,12:00,0,0,522,1,8,600,1,9,78,1,8,9.1,A,7,840,A,7,3.1,A,7"), `m.csv:15: time "02/27/1988 12:00" appears twice, wanted each once`},
		{"cut off", edit{"tmy3", "03/02/1995,23:00", cutHere}, `72 steps, 0 filled`},
		{"a missing value", edit{"uci", "1/2/2007;00:12:00;0.324;0.000;240.000", "1/2/2007;00:12:00;?;?;?"}, `1440 steps, 1 filled; 1 value is missing between the first and the last (longest gap 1 min): filled as gaps: says`},
		{"a row twice", again("uci", "1/2/2007;00:12:00;0.324;0.000;240.000;1.000;0.000;0.000;17.000"), `m.csv:15: time "1/2/2007 00:12:00" appears twice, wanted each once`},
		{"cut off", edit{"uci", "0.000;240.000;1.000;0.000;0.000;17.000\n1/2/2007;23:59", cutHere}, `m.csv:1440: 4 fields, wanted 9 as in the header`},
		{"a missing value", edit{"sma_daily", "26.10.2025;1068,569;19,001", "26.10.2025;1068,569;"}, `97 steps, 25 filled; 1 value is missing between the first and the last (longest gap 25 h): filled as gaps: says`},
		{"a row twice", again("sma_daily", "26.10.2025;1068,569;19,001"), `m.csv:13: time "26.10.2025" appears twice, wanted each once`},
		{"cut off", edit{"sma_daily", ";1076,069;7,500", cutHere}, `m.csv:13: 1 field, wanted 3 as in the header`},
		{"a missing value", edit{"smard", "03.03.2025 13:00;56,50", "03.03.2025 13:00;-"}, `m.csv:14: column "Deutschland/Luxemburg [€/MWh] Originalauflösungen": no value, wanted one: a market's gaps are not filled`},
		{"a row twice", again("smard", "03.03.2025 12:00;03.03.2025 13:00;56,50;-"), `m.csv:15: time "03.03.2025 12:00" appears twice, wanted each once`},
		{"a text", edit{"smard", "03.03.2025 13:00;56,50", "03.03.2025 13:00;x"}, `m.csv:14: column "Deutschland/Luxemburg [€/MWh] Originalauflösungen": "x" is not a number, wanted one with a decimal comma, or format: {missing: ["x"]} in a scenario, if it stands for a missing value`},
	} {
		t.Run(row.form+" "+row.name, func(t *testing.T) {
			b, err := os.ReadFile(filepath.Join("testdata", row.form+".csv"))
			if err != nil {
				t.Fatal(err)
			}
			text := string(b)
			if strings.Count(text, row.old) != 1 {
				t.Fatalf("%q is there %d times", row.old, strings.Count(text, row.old))
			}
			text = strings.Replace(text, row.old, row.new, 1)
			if row.new == cutHere {
				text, _, _ = strings.Cut(text, cutHere)
			}
			if got := outcome(t, text); got != row.want {
				t.Errorf("got  %s\nwant %s", got, row.want)
			}
		})
	}
}

const cutHere = "✂"

// outcome imports a file and reads what was made.
func outcome(t *testing.T, text string) string {
	t.Helper()
	plan, err := importer.Make(oneFile(text), []importer.File{{Name: "m.csv", Path: "m.csv"}}, importer.Options{Name: "made"})
	if err != nil {
		return err.Error()
	}
	dir := t.TempDir()
	write(t, dir, "m.csv", text)
	for _, f := range append(plan.Data, importer.NewFile{Name: "made.yaml", Bytes: plan.Scenario}) {
		write(t, dir, f.Name, string(f.Bytes))
	}
	s, err := scenario.Load(filepath.Join(dir, "made.yaml"), scenario.Options{})
	if err != nil {
		return strings.ReplaceAll(err.Error(), dir+"/", "")
	}
	w, err := sim.Build(s)
	if err != nil {
		return strings.ReplaceAll(err.Error(), dir+"/", "")
	}
	filled := 0
	for _, r := range w.Recordings {
		filled += r.Filled
	}
	if w.Weather != nil {
		filled += w.Weather.Filled
	}
	got := fmt.Sprintf("%d steps, %d filled", w.Scenario.Calendar.Steps, filled)
	for _, said := range append(plan.Findings[0].Said, plan.Findings[0].Doubts...) {
		if strings.HasPrefix(said, "left out: ") || strings.Contains(said, "missing") || strings.HasPrefix(said, "column \"") {
			got += "; " + said
		}
	}
	for _, warning := range w.Warnings {
		got += "; " + warning.Kind
	}
	return got
}
