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
		"temperature":  "m.csv:1: no column with numbers of power or energy, wanted one at least",
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
