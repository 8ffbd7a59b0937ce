package importer_test

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/smatrix-grid/smatrix/sim/importer"
)

// threeDays returns rows of 72 hours from 3 March 2025 on.
func threeDays(header string, values func(hour int) string) string {
	return "time," + header + "\n" + every(60, 72, "2006-01-02T15:04,", values)
}

// What the columns of a file become: homes with their registers and panels, and plants.
func TestHomesOfFiles(t *testing.T) {
	sun := func(hour int) int { return map[bool]int{true: 1, false: 0}[hour%24 >= 9 && hour%24 < 15] }
	for _, row := range []struct {
		name, header string
		values       func(hour int) string
		want         string  // households, solar parks, and homes with pv
		wh           string  // of each recorded column
		said         string  // words of what was assumed, "" if nothing more
		warned       float64 // kWh that are netted
	}{
		{"two registers", "in import kWh,out export kWh", func(h int) string { return fmt.Sprintf("%d,%d", 1-sun(h), 2*sun(h)) }, "1 0 1", "home 54000 home-fed-in 36000", "", 0},
		{"both within an hour", "import kWh,export kWh", func(h int) string { return fmt.Sprintf("1,%d", 2*sun(h)) }, "1 0 1", "home 72000 home-fed-in 36000", "", 18},
		{"with panels", "import kWh,export kWh,solar kWh", func(h int) string { return fmt.Sprintf("%d,%d,%d", 1-sun(h), 2*sun(h), 3*sun(h)) }, "1 0 1", "home 72000 home-roof 54000", "what was drawn and generated and did not leave the home", 0},
		{"with panels, both within an hour", "import kWh,export kWh,solar kWh", func(h int) string { return fmt.Sprintf("1,%d,%d", 2*sun(h), 3*sun(h)) }, "1 0 1", "home 90000 home-roof 54000", "", 18},
		{"with two roofs", "import kWh,export kWh,pv east kWh,pv west kWh", func(h int) string { return fmt.Sprintf("%d,%d,%d,%d", 1-sun(h), 2*sun(h), sun(h), 2*sun(h)) }, "1 0 1", "home 72000 home-roof 54000", "", 0},
		{"with consumption as well", "consumption kWh,import kWh,export kWh,solar kWh", func(h int) string { return fmt.Sprintf("1,%d,%d,%d", 1-sun(h), 2*sun(h), 3*sun(h)) }, "1 0 1", "home 72000 home-roof 54000", `column "consumption kWh": left out`, 0},
		{"consumption and panels", "consumption kWh,solar kWh", func(h int) string { return fmt.Sprintf("1,%d", 3*sun(h)) }, "1 0 1", "home 72000 home-roof 54000", "", 0},
		{"consumption, panels and fed in", "Verbrauch kWh,Erzeugung kWh,Einspeisung kWh", func(h int) string { return fmt.Sprintf("1,%d,%d", 3*sun(h), 2*sun(h)) }, "1 0 1", "home 72000 home-roof 54000", `column "Einspeisung kWh": left out`, 0},
		{"consumption for drawn", "Verbrauch kWh,Einspeisung kWh", func(h int) string { return fmt.Sprintf("%d,%d", 1-sun(h), 2*sun(h)) }, "1 0 1", "home 54000 home-fed-in 36000", "a net meter", 0},
		{"drawn and panels", "import kWh,solar kWh", func(h int) string { return fmt.Sprintf("%d,%d", 1-sun(h), sun(h)) }, "1 0 1", "home 72000 home-roof 18000", "that nothing was fed in is assumed", 0},
		{"drawn and consumed", "Verbrauch (kWh),Restnetzbezug (kWh)", func(int) string { return "1,0.75" }, "1 0 0", "home 72000", `column "Restnetzbezug (kWh)": left out`, 0},
		{"panels and fed in", "production kWh,export kWh", func(h int) string { return fmt.Sprintf("%d,%d", 3*sun(h), 2*sun(h)) }, "1 0 1", "home 18000 home-roof 54000", "", 0},
		{"a battery that feeds in", "import kWh,export kWh,solar kWh", func(h int) string {
			return fmt.Sprintf("%d,%d,%d", map[bool]int{true: 1, false: 0}[h%24 < 6], map[bool]int{true: 2, false: 0}[h%24 > 18], 2*sun(h))
		}, "1 0 1", "home 18000 home-fed-in 30000", "does a battery feed in?", 0},
		{"noise below 0", "import kWh,export kWh,solar kWh", func(h int) string { return fmt.Sprintf("%d,%.3f,%d", 1-sun(h), 2.001*float64(sun(h)), 2*sun(h)) }, "1 0 1", "home 54000 home-roof 36000", "values from -0.001 to 0 are 0", 0},
		{"panels alone", "solar kWh", func(h int) string { return fmt.Sprint(3 * sun(h)) }, "0 1 0", "solar-kwh 54000", "generated, by its name", 0},
		{"fed in alone", "export kWh", func(h int) string { return fmt.Sprint(3 * sun(h)) }, "0 1 0", "export-kwh 54000", "has no column of what was drawn", 0},
		{"two homes and one export", "a kWh,b kWh,export kWh", func(h int) string { return fmt.Sprintf("1,2,%d", 2*sun(h)) }, "2 1 0", "a-kwh 72000 b-kwh 144000 export-kwh 36000", "has no column of what was drawn", 0},
		{"two homes and panels", "a kWh,b kWh,pv kWh", func(h int) string { return fmt.Sprintf("1,2,%d", 2*sun(h)) }, "2 1 0", "a-kwh 72000 b-kwh 144000 pv-kwh 36000", "", 0},
		{"two homes with registers", "a import kWh,a export kWh,b import kWh,b export kWh", func(h int) string { return fmt.Sprintf("%d,%d,%d,0", 1-sun(h), 2*sun(h), 2) }, "2 0 2", "a 54000 a-fed-in 36000 b 144000 b-fed-in 0", "", 0},
		{"tariffs of one meter", "Day kWh,Night kWh", func(h int) string { return fmt.Sprintf("%d,%d", sun(h), 1-sun(h)) }, "1 0 0", "home 72000", "added up", 0},
		{"counters, of which one stands still", "import kWh,export kWh", func(h int) string { return fmt.Sprintf("%.2f,1234.5", 500+0.5*float64(h)) }, "1 0 1", "home 24000 home-fed-in 0", "", 0},
		{"energy and power of both", "import kWh,import W,export kWh,export W", func(h int) string {
			return fmt.Sprintf("%d,%d,%d,%d", 1-sun(h), 1000-1000*sun(h), 2*sun(h), 2000*sun(h))
		}, "1 0 1", "home 54000 home-fed-in 36000", `column "import W": left out, in another unit`, 0},
		{"a net column and panels", "pv_w,grid_w", func(h int) string { return fmt.Sprintf("%d,%d", 3000*sun(h), 1000-3000*sun(h)) }, "1 0 1", "home 72000 home-export 0 home-roof 54000", "their sum was consumed", 0},
		{"a net column and panels below 0", "grid_kw,solar_kw", func(h int) string { return fmt.Sprintf("%d,%d", 1-3*sun(h), -3*sun(h)) }, "1 0 1", "home 72000 home-export 0 home-roof 0 home-roof-export 54000", "pv: {recording: meters-2, column: home-roof-export}", 0},
		{"a net column of phases and panels", "Grid L1 W,Grid L2 W,Grid L3 W,PV W", func(h int) string { return fmt.Sprintf("%d,200,300,%d", 500-3000*sun(h), 3000*sun(h)) }, "1 0 1", "home 72000 home-export 0 home-roof 54000", "", 0},
		{"a net column, panels and the home", "pv_w,grid_w,home_w", func(h int) string { return fmt.Sprintf("%d,%d,1000", 3000*sun(h), 1000-3000*sun(h)) }, "1 0 1", "home 72000 home-roof 54000", `column "grid_w": left out, it follows from`, 0},
		{"a grid column that is never below 0", "pv_w,grid_w", func(h int) string { return fmt.Sprintf("%d,%d", 500*sun(h), 1000-500*sun(h)) }, "1 0 1", "home 72000 home-roof 9000", "that nothing was fed in is assumed", 0},
		{"two homes with net columns", "House 1 grid W,House 1 pv W,House 2 grid W", func(h int) string { return fmt.Sprintf("%d,%d,500", 1000-3000*sun(h), 3000*sun(h)) }, "2 0 1", "house-1 72000 house-1-export 0 house-1-roof 54000 house-2-grid-w 36000", "", 0},
		{"panels alone below 0", "solar kWh", func(h int) string { return fmt.Sprint(-3 * sun(h)) }, "0 1 0", "solar-kwh 0 solar-kwh-export 54000", "column: solar-kwh-export}", 0},
		{"a net column that does not fit", "pv_w,grid_w,home_w", func(h int) string { return fmt.Sprintf("%d,%d,1500", 3000*sun(h), 1000-3000*sun(h)) }, "1 0 1", "home 108000 home-roof 54000", "by up to 500 W", 0},
		{"net consumption and consumption", "Net consumption kWh,Consumption kWh,Production kWh", func(h int) string { return fmt.Sprintf("%d,1,%d", 1-3*sun(h), 3*sun(h)) }, "1 0 1", "home 72000 home-roof 54000", `column "Net consumption kWh": left out`, 0},
		{"a net column and the home", "grid_w,home_w", func(h int) string { return fmt.Sprintf("%d,1000", 1000-3000*sun(h)) }, "1 0 1", "grid_w 54000 grid_w-export 36000", `column "home_w": left out, "grid_w" is the meter`, 0},
		{"a net column beside registers", "grid W,import W,export W", func(h int) string { return fmt.Sprintf("%d,%d,%d", 1000-3000*sun(h), 1000-1000*sun(h), 2000*sun(h)) }, "1 0 1", "home 54000 home-fed-in 36000", `column "grid W": left out, the difference`, 0},
		{"a net column alone", "Grid (kW)", func(h int) string { return fmt.Sprint(1 - 3*sun(h)) }, "1 0 1", "grid-kw 54000 grid-kw-export 36000", "a net meter", 0},
		{"fed in below 0 and panels", "import kWh,export kWh,solar kWh", func(h int) string { return fmt.Sprintf("%d,%d,%d", 1-sun(h), -2*sun(h), 3*sun(h)) }, "1 0 1", "home 72000 home-export 0 home-roof 54000", `less "export kWh", which was fed in`, 0},
		{"Growatt's grid in and out", "Ppv(W),Pac(W),Pload(W),Pgrid in(W),Pgrid out(W)", func(h int) string {
			return fmt.Sprintf("%d,%d,1000,%d,%d", 3100*sun(h), 3000*sun(h), 1000-1000*sun(h), 2000*sun(h))
		}, "1 0 1", "home 72000 home-roof 54000", `column "Pload(W)": left out`, 0},
		{"Shelly's returned energy", "total_act_energy,total_act_ret_energy", func(h int) string { return fmt.Sprintf("%d,%d", 1000-1000*sun(h), 2000*sun(h)) }, "1 0 1", "home 54000 home-fed-in 36000", "a net meter", 0},
		{"Datadis", "AE_kWh,AS_KWh,AE_AUTOCONS_kWh", func(h int) string { return fmt.Sprintf("%d,%d,%d", 1-sun(h), 2*sun(h), sun(h)) }, "1 0 1", "home 54000 home-fed-in 36000", `column "AE_AUTOCONS_kWh": left out`, 0},
		{"a battery and registers", "Grid import kWh,Grid export kWh,Solar kWh,Battery charge kWh,Battery discharge kWh", func(h int) string {
			night := map[bool]int{true: 1, false: 0}[h%24 >= 20]
			return fmt.Sprintf("%d,%d,%d,%d,%d", 1-sun(h)-night, 2*sun(h), 4*sun(h), sun(h), night)
		}, "1 0 1", "home 72000 home-roof 72000", `"Battery charge kWh" was charged, and "Battery discharge kWh" discharged: the home runs without it`, 0},
		{"a battery, registers and consumption", "Consumption kWh,PV kWh,Battery charge kWh,Battery discharge kWh,Grid import kWh,Grid export kWh", func(h int) string {
			night := map[bool]int{true: 1, false: 0}[h%24 >= 20]
			return fmt.Sprintf("1,%d,%d,%d,%d,%d", 4*sun(h), sun(h), night, 1-sun(h)-night, 2*sun(h))
		}, "1 0 1", "home 72000 home-roof 72000", `column "Grid import kWh": left out, the meter of a home with a battery`, 0},
		{"a battery without a meter", "Load kWh,Solar kWh,Charge kWh,Discharge kWh", func(h int) string { return fmt.Sprintf("1,%d,%d,0", 4*sun(h), sun(h)) }, "1 0 1", "home 72000 home-roof 72000", `column "Charge kWh": left out, what a battery charges`, 0},
		{"a Powerwall", "Solar (kW),Powerwall (kW),Grid (kW),Home (kW)", func(h int) string { return fmt.Sprintf("%d,%d,%d,1", 4*sun(h), -sun(h), 1-3*sun(h)) }, "1 0 1", "home 72000 home-roof 72000", "the home runs without it", 0},
		{"a wallbox is no battery", "Home kWh,Wallbox charge kWh", func(int) string { return "1,2" }, "2 0 0", "home-kwh 72000 wallbox-charge-kwh 144000", "", 0},
		{"phases", "L1 W,L2 W,L3 W", func(int) string { return "100,200,300" }, "1 0 0", "home 43200", "added up", 0},
		{"phases and their sum", "Phase 1 (W),Phase 2 (W),Phase 3 (W),Total W", func(int) string { return "100,200,300,600" }, "1 0 0", "home 43200", `column "Total W": left out`, 0},
		{"on and off peak", "On-Peak kWh,Off-Peak kWh", func(h int) string { return fmt.Sprintf("%d,%d", sun(h), 1-sun(h)) }, "1 0 0", "home 72000", "added up", 0},
		{"visitors beside a meter", "Load kW,Visitors", func(h int) string { return fmt.Sprintf("1,%d", h) }, "1 0 0", "load-kw 72000", `column "Visitors": left out, neither of power nor of energy`, 0},
		{"another unit beside a meter", "Load kW,Plant MW", func(h int) string { return "1,2" }, "1 0 0", "load-kw 72000", `column "Plant MW": left out, in MW by its name`, 0},
		{"weather beside a meter", "Load kW,GHI,Global radiation (W/m²),Pressure (hPa),Rain (mm),Wind (m/s)", func(h int) string { return "1,2,3,4,5,6" }, "1 0 0", "load-kw 72000", `column "Global radiation (W/m²)": left out, weather`, 0},
		{"homes alone", "Home 1 kWh,Home 2 kWh", func(int) string { return "1,2" }, "2 0 0", "home-1-kwh 72000 home-2-kwh 144000", "", 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, "m.csv", threeDays(row.header, row.values))
			plan, w := made(t, dir, "Europe/Berlin", "m.csv")
			text := string(plan.Scenario)
			if got := fmt.Sprint(w.Members["household"], w.Members["solar_park"], strings.Count(text, "\n    pv: ")); got != row.want {
				t.Errorf("%s, wanted %s\n%s", got, row.want, text)
			}
			days := float64(w.Scenario.Calendar.Steps) / 72 // a counter has one interval less than readings
			fields := strings.Fields(row.wh)
			for i := 0; i+1 < len(fields); i += 2 {
				want, err := strconv.ParseFloat(fields[i+1], 64)
				if got, ok := recorded(w)[fields[i]]; err != nil || !ok || math.Abs(got-want) > 0.05 {
					t.Errorf("%s: %v Wh, wanted %v, of %v (%v of the days)\n%s", fields[i], got, want, recorded(w), days, text)
				}
			}
			if len(recorded(w)) != len(fields)/2 || !strings.Contains(text, row.said) {
				t.Errorf("columns %v, wanted %q said in\n%s", recorded(w), row.said, text)
			}
			warned := ""
			for _, one := range plan.Warnings {
				warned += one.Text
			}
			if want := fmt.Sprintf("feeds in %v kWh less", row.warned); (row.warned > 0) != strings.Contains(warned, want) || row.warned == 0 && warned != "" || row.warned > 0 && !strings.Contains(text, want) {
				t.Errorf("warned %q, wanted %v kWh", warned, row.warned)
			}
			if len(w.Warnings) > 0 {
				t.Errorf("%v", w.Warnings)
			}
		})
	}
}

// A file of prices in €/MWh is a market, and others say what is wanted.
func TestFilesOfPrices(t *testing.T) {
	for _, header := range []string{"price_eur_per_mwh", "Preis (EUR/MWh)", "Day-ahead €/MWh"} {
		dir := t.TempDir()
		write(t, dir, "m.csv", threeDays(header, func(h int) string { return fmt.Sprint(40 + h) }))
		plan, w := made(t, dir, "Europe/Berlin", "m.csv")
		if checkTotal(t, w, 40*72+72*71/2); w.Market == nil || len(w.Warnings) > 0 {
			t.Errorf("%s: %v\n%s", header, w.Warnings, plan.Scenario)
		}
	}
	for header, want := range map[string]string{
		"price ct/kWh": "m.csv:1: 1 column of prices and no column of power or energy, wanted one column of prices in €/MWh",
		"temperature":  `m.csv:1: no column with numbers of power or energy, but weather in "temperature", wanted one of a meter`,
	} {
		text := threeDays(header, func(h int) string { return fmt.Sprint(40 + h) })
		_, err := importer.Make(oneFile(text), []importer.File{{Name: "m.csv", Path: "m.csv"}}, importer.Options{Name: "made"})
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, wanted %s", header, err, want)
		}
	}
}

// Powers and weather do not catch up: only a row of energy can have that of a gap.
func TestOnlyEnergiesCatchUp(t *testing.T) {
	for _, row := range []struct{ header, gaps string }{{"a kWh", "in_next_row"}, {"a W", "linear"}} {
		dir := t.TempDir()
		write(t, dir, "m.csv", threeDays(row.header, func(h int) string {
			switch {
			case h >= 30 && h < 33:
				return absent
			case h == 33:
				return "1200"
			}
			return "300"
		}))
		plan, _ := made(t, dir, "Europe/Berlin", "m.csv")
		if !strings.Contains(string(plan.Scenario), "gaps: "+row.gaps+"\n") {
			t.Errorf("%s: wanted gaps: %s in\n%s", row.header, row.gaps, plan.Scenario)
		}
		if said := strings.Contains(string(plan.Scenario), "the row after each gap has its energy"); said != (row.gaps == "in_next_row") {
			t.Errorf("%s: that rows catch up is said: %v\n%s", row.header, said, plan.Scenario)
		}
	}
}

// Files that have neither a unit nor a word of power and energy, a unit that is not read, weather or
// a matrix are refused, and the error says what they are and what can be done.
func TestFilesOfOtherThings(t *testing.T) {
	clocks := make([]string, 24)
	for h := range clocks {
		clocks[h] = fmt.Sprintf("%02d:00", h)
	}
	hours := strings.Join(clocks, ",")
	for _, row := range []struct{ header, want string }{
		{"Energy (MWh)", `column "Energy (MWh)": in MWh, wanted W, kW, Wh or kWh: write its values in one of them, and name it in the header (1 MWh = 1000 kWh)`},
		{"Load [MW]", `column "Load [MW]": in MW`}, {"Consumption GWh", `in GWh`}, {"Energy (MJ)", `in MJ, wanted W, kW, Wh or kWh: write its values in one of them, and name it in the header (1 MJ = 0.277778 kWh)`},
		{"energy_mwh", `in mwh`}, {"Energy mWh", "in mWh"}, {"Current (A)", "in A"}, {"Charge Ah", "in Ah"}, {"yield kWh/kWp", "in kWh/kWp"}, {"Total MWh", "in MWh"},
		{"Energy kVAh", `"Energy kVAh" is reactive or apparent`},
		{"Visitors", `neither a unit nor a word of them in "Visitors", wanted a name such as "Load (kW)", or --unit`}, {"steps", "neither a unit"}, {"Amount", "neither a unit"}, {"Close", "neither a unit"}, {"SE1", "neither a unit"}, {"value", "neither a unit"}, {"phone", "neither a unit"},
		{"Spot DE-LU", "1 column of prices and no column of power or energy"},
		{"GHI", `but weather in "GHI", wanted one of a meter`}, {"shortwave_radiation (W/m²)", "but weather"}, {"Wind speed (m/s)", "but weather"}, {"Luftdruck hPa", "but weather"}, {"Global W/m2", "but weather"}, {"Einstrahlung", "but weather"}, {"rain (mm)", "but weather"},
		{hours, "a row for each day with 24 times of the day as columns, wanted a row for each time"}, {strings.ReplaceAll(hours, ":00", ":00 - x kWh"), "a row for each day"}, {"H1,H2,H3,H4,H5,H6,H7,H8,H9,H10,H11,H12", "a row for each day"},
	} {
		text := threeDays(row.header, func(h int) string { return fmt.Sprint(40+h) + strings.Repeat(",1", strings.Count(row.header, ",")) })
		_, err := importer.Make(oneFile(text), []importer.File{{Name: "m.csv", Path: "m.csv"}}, importer.Options{Name: "made"})
		if err == nil || !strings.HasPrefix(err.Error(), "m.csv:1: ") || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %v, wanted %s", row.header, err, row.want)
		}
	}
	dir := t.TempDir()
	write(t, dir, "m.csv", threeDays("value,Visitors", func(int) string { return "1,2" }))
	if _, w := madeWith(t, dir, importer.Options{Unit: "kW"}, "m.csv"); recorded(w)["value"] != 72_000 || len(recorded(w)) != 2 {
		t.Errorf("with a unit: %v", recorded(w))
	}
	_, err := importer.Make(oneFile("time,kW\n"), []importer.File{{Name: "m.csv", Path: "m.csv"}}, importer.Options{Unit: "MW"})
	if err == nil || !strings.Contains(err.Error(), `--unit "MW" is unknown`) {
		t.Errorf("%v", err)
	}
}

// A column that has one unit in all rows says that of the values beside it.
func TestColumnsOfUnits(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "m.csv", threeDays("Mængde,Måleenhed,Kvalitet", func(int) string { return "2,KWH,Målt" }))
	plan, w := made(t, dir, "", "m.csv")
	if said := strings.Join(plan.Findings[0].Said, "\n"); recorded(w)["m-ngde"] != 144_000 || !strings.Contains(said, `unit: kWh, as column "Måleenhed" says`) {
		t.Errorf("%v, %s", recorded(w), said)
	}
	text := threeDays("Energy,unit", func(int) string { return "2,MWh" })
	_, err := importer.Make(oneFile(text), []importer.File{{Name: "m.csv", Path: "m.csv"}}, importer.Options{})
	if err == nil || err.Error() != `m.csv:1: column "unit" has the unit MWh, wanted W, kW, Wh or kWh: write the values in one of them (1 MWh = 1000 kWh)` {
		t.Errorf("%v", err)
	}
}

// A row of units, or of sums, below the header is left out, and its units are those of the columns.
func TestRowsBelowTheHeader(t *testing.T) {
	for _, row := range []struct {
		name, rows string
		wh         map[string]float64
	}{
		{"units", "time,House A,House B\n,kW,W\n", map[string]float64{"house-a": 72_000, "house-b": 144}},
		{"units in brackets", "Datum,Haus,Nachbar\n[dd.mm.yyyy],[kWh],[Wh]\n", map[string]float64{"haus": 72_000, "nachbar": 144}},
		{"a sum", "time,a Wh,b Wh\nSum,72,144\n", map[string]float64{"a-wh": 72, "b-wh": 144}},
		{"units and a sum", "time,a,b\n,Wh,kWh\nSumme:,72,144\n", map[string]float64{"a": 72, "b": 144_000}},
		{"a title, and numbers for names", "Report,of,1\ntime,1 kWh,2 kWh\n", map[string]float64{"column-1-kwh": 72_000, "column-2-kwh": 144_000}},
	} {
		dir := t.TempDir()
		rows := strings.TrimPrefix(threeDays("", func(int) string { return "1,2" }), "time,\n")
		write(t, dir, "m.csv", row.rows+rows)
		plan, w := made(t, dir, "", "m.csv")
		for column, want := range row.wh {
			if got := recorded(w)[column]; got != want || len(recorded(w)) != len(row.wh) {
				t.Errorf("%s: %s: %v Wh, wanted %v, of %v\n%s", row.name, column, got, want, recorded(w), plan.Scenario)
			}
		}
		if n := strings.Count(row.rows, "\n") - 1; row.rows[0] != 'R' && !strings.Contains(strings.Join(plan.Findings[0].Said, "\n"), fmt.Sprintf("left out: %d line", n)) {
			t.Errorf("%s: %v, wanted %d lines left out", row.name, plan.Findings[0].Said, n)
		}
	}
	_, err := importer.Make(oneFile("time,a\n,MWh\n2025-03-03T00:00,1\n2025-03-03T01:00,1\n"), []importer.File{{Name: "m.csv", Path: "m.csv"}}, importer.Options{})
	if err == nil || !strings.Contains(err.Error(), `column "a": in MWh, wanted`) {
		t.Errorf("%v", err)
	}
}

// The name of a file says what its only column is, if that does not.
func TestNamesOfFiles(t *testing.T) {
	for _, row := range []struct{ files, header, want, wh string }{
		{"import export", "kWh", "1 0 1", "kwh 72000 kwh-2 72000"},
		{"bezug einspeisung", "kWh", "1 0 1", "kwh 72000 kwh-2 72000"},
		{"solar", "Energy (kWh)", "0 1 0", "energy-kwh 72000"},
		{"solar", "Verbrauch kWh", "1 0 0", "verbrauch-kwh 72000"},
		{"solar", "Müller kWh", "1 0 0", "mueller-kwh 72000"},
		{"meter", "kWh", "1 0 0", "kwh 72000"},
	} {
		dir := t.TempDir()
		var names []string
		for name := range strings.FieldsSeq(row.files) {
			names = append(names, name+".csv")
			write(t, dir, name+".csv", threeDays(row.header, func(int) string { return "1" }))
		}
		plan, w := made(t, dir, "", names...)
		if got := fmt.Sprint(w.Members["household"], w.Members["solar_park"], strings.Count(string(plan.Scenario), "\n    pv: ")); got != row.want {
			t.Errorf("%s: %s, wanted %s\n%s", row.files, got, row.want, plan.Scenario)
		}
		fields := strings.Fields(row.wh)
		for i := 0; i+1 < len(fields); i += 2 {
			if got := fmt.Sprint(recorded(w)[fields[i]]); got != fields[i+1] {
				t.Errorf("%s: %s: %s Wh, wanted %s", row.files, fields[i], got, fields[i+1])
			}
		}
	}
}
