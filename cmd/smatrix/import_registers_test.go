package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// twoRegisters is a made-up home with panels, interval by interval: what it drew, fed in and generated,
// in whole Wh. It never draws and feeds in within one interval.
type twoRegisters struct {
	at               []time.Time
	drawn, fed, made []int64
}

func homeWithPanels(zone string, minutes, days int) (h twoRegisters) {
	loc, err := time.LoadLocation(zone)
	if err != nil {
		panic(err)
	}
	start := time.Date(2025, 6, 2, 0, 0, 0, 0, loc)
	for at := start; at.Before(start.AddDate(0, 0, days)); at = at.Add(time.Duration(minutes) * time.Minute) {
		hour := float64(at.Hour()) + float64(at.Minute())/60
		made := int64(math.Max(0, 3000*math.Sin((hour-6)/12*math.Pi)) * float64(minutes) / 60)
		net := int64(300+50*(len(h.at)%5))*int64(minutes)/60 - made
		h.at, h.drawn, h.fed, h.made = append(h.at, at), append(h.drawn, max(net, 0)), append(h.fed, max(-net, 0)), append(h.made, made)
	}
	return h
}

// rows writes a line for each interval.
func (h *twoRegisters) rows(line func(k int) string) string {
	var b strings.Builder
	for k := range h.at {
		b.WriteString(line(k))
		b.WriteByte('\n')
	}
	return b.String()
}

// kWh formats Wh as kWh, with a decimal comma or point.
func kWh(wh int64, mark string) string { return fmt.Sprintf("%d%s%03d", wh/1000, mark, wh%1000) }

// counters writes readings of counters of two tariffs each way, one more than there are intervals.
func (h *twoRegisters) counters() string {
	level := [4]int64{1_000_000, 2_000_500, 300_250, 40_125}
	var b strings.Builder
	for k := range len(h.at) + 1 {
		at := h.at[0].Add(time.Duration(k) * h.at[1].Sub(h.at[0]))
		fmt.Fprintf(&b, "%s,%s,%s,%s,%s,120,130,140\n", at.Format("2006-01-02 15:04"), kWh(level[0], "."), kWh(level[1], "."), kWh(level[2], "."), kWh(level[3], "."))
		if k < len(h.at) {
			tariff := map[bool]int{true: 0, false: 1}[at.Hour() >= 7 && at.Hour() < 23]
			level[tariff] += h.drawn[k]
			level[2+tariff] += h.fed[k]
		}
	}
	return b.String()
}

// homeAssistant writes a row for each series and a column for each time.
func (h *twoRegisters) homeAssistant(series map[string][]int64, order ...string) string {
	var b strings.Builder
	b.WriteString("entity_id,type,unit")
	for _, at := range h.at {
		b.WriteString("," + at.UTC().Format("2006-01-02T15:04:05.000Z"))
	}
	for _, name := range order {
		fmt.Fprintf(&b, "\nsensor.%s,%s,kWh", name, name)
		for _, v := range series[name] {
			b.WriteString("," + kWh(v, "."))
		}
	}
	return b.String() + "\n"
}

// Files with a register of what was drawn and one of what was fed in become one home with one command,
// and its run draws and feeds in what the registers have, to the watt-hour.
func TestRegistersSumToTheirTotals(t *testing.T) {
	berlin := homeWithPanels("Europe/Berlin", 15, 2)
	hours := homeWithPanels("Europe/Berlin", 60, 2)
	pacific := homeWithPanels("America/Los_Angeles", 60, 2)
	paris := homeWithPanels("Europe/Paris", 30, 2)
	utc := homeWithPanels("UTC", 15, 2)
	enedis := func(what string, of []int64) string {
		return "\ufeffIdentifiant PRM;Type de donnees;Grandeur metier;Unite\n00000000000000;Courbe de charge;" + what + ";W\nHorodate;Valeur\n" +
			paris.rows(func(k int) string {
				return fmt.Sprintf("%s;%d", paris.at[k].Add(30*time.Minute).Format(time.RFC3339), 2*of[k])
			})
	}
	long := func(h *twoRegisters, line func(k int, register string, v int64) string, drawn, fed string) string {
		return h.rows(func(k int) string { return line(k, drawn, h.drawn[k]) + "\n" + line(k, fed, h.fed[k]) })
	}
	for _, row := range []struct {
		name   string
		of     *twoRegisters
		zone   string
		files  []string
		panels bool // what was generated is known as well
	}{
		{name: "Fluvius", of: &berlin, files: []string{"Van (datum);Van (tijdstip);Tot (datum);Tot (tijdstip);Register;Volume;Eenheid\n" +
			long(&berlin, func(k int, register string, v int64) string {
				end := berlin.at[k].Add(15 * time.Minute)
				return berlin.at[k].Format("02-01-2006;15:04:05;") + end.Format("02-01-2006;15:04:05;") + register + ";" + kWh(v, ",") + ";kWh"
			}, "Afname Dag", "Injectie Dag")}},
		{name: "Green Button, rows of two types", of: &pacific, zone: "America/Los_Angeles", files: []string{"Name,MADE UP\n\nTYPE,DATE,START TIME,END TIME,USAGE,UNITS,COST,NOTES\n" +
			long(&pacific, func(k int, register string, v int64) string {
				return fmt.Sprintf("%s,%s,%02d:59,%s,kWh,$0.05,", register, pacific.at[k].Format("2006-01-02,15:04"), pacific.at[k].Hour(), kWh(v, "."))
			}, "Electric usage", "Electric export")}},
		{name: "Green Button, two columns", of: &pacific, zone: "America/Los_Angeles", files: []string{"Name,MADE UP\n\nTYPE,DATE,START TIME,END TIME,IMPORT (kWh),EXPORT (kWh),COST,NOTES\n" +
			pacific.rows(func(k int) string {
				return fmt.Sprintf("Electric usage,%s,%02d:59,%s,%s,$0.05,", pacific.at[k].Format("2006-01-02,15:04"), pacific.at[k].Hour(), kWh(pacific.drawn[k], "."), kWh(pacific.fed[k], "."))
			})}},
		{name: "Green Button, below 0", of: &pacific, zone: "America/Los_Angeles", files: []string{"Name,MADE UP\n\nTYPE,DATE,START TIME,END TIME,USAGE,UNITS,COST,NOTES\n" +
			pacific.rows(func(k int) string {
				return fmt.Sprintf("Electric usage,%s,%02d:59,%.3f,kWh,$0.05,", pacific.at[k].Format("2006-01-02,15:04"), pacific.at[k].Hour(), float64(pacific.drawn[k]-pacific.fed[k])/1000)
			})}},
		{name: "Home Assistant without panels", of: &hours, files: []string{hours.homeAssistant(map[string][]int64{"grid_consumption": hours.drawn, "grid_return": hours.fed}, "grid_consumption", "grid_return")}},
		{name: "Home Assistant with panels", of: &hours, panels: true, files: []string{hours.homeAssistant(map[string][]int64{"grid_consumption": hours.drawn, "grid_return": hours.fed, "solar_production": hours.made},
			"solar_production", "grid_return", "grid_consumption")}},
		{name: "Enedis, two files", of: &paris, files: []string{enedis("Consommation", paris.drawn), enedis("Production", paris.fed)}},
		{name: "Enedis, the other first", of: &paris, files: []string{enedis("Injection", paris.fed), enedis("Consommation", paris.drawn)}},
		{name: "P1, counters of two tariffs", of: &berlin, files: []string{"time,Import T1 kWh,Import T2 kWh,Export T1 kWh,Export T2 kWh,L1 max W,L2 max W,L3 max W\n" + berlin.counters()}},
		{name: "a German load curve", of: &berlin, files: []string{"\ufeffDatum;Von;Bis;Wirkarbeit Bezug [kWh];Wirkarbeit Lieferung [kWh];Status\r\n" +
			berlin.rows(func(k int) string {
				return berlin.at[k].Format("02.01.2006;15:04;") + berlin.at[k].Add(15*time.Minute).Format("15:04;") + kWh(berlin.drawn[k], ",") + ";" + kWh(berlin.fed[k], ",") + ";W\r"
			})}},
		{name: "codes, stamps of the end", of: &berlin, files: []string{"Zeit;1-1:1.29.0 [kWh];1-1:2.29.0 [kWh];1-1:3.29.0 [kvarh]\n" +
			berlin.rows(func(k int) string {
				return berlin.at[k].Add(15*time.Minute).Format("02.01.2006 15:04;") + kWh(berlin.drawn[k], ",") + ";" + kWh(berlin.fed[k], ",") + ";0,01"
			})}},
		{name: "Enphase", of: &berlin, panels: true, files: []string{"Date/Time,Energy Produced (Wh),Energy Consumed (Wh),Exported to Grid (Wh),Imported from Grid (Wh),Stored in batteries (Wh),Discharged from batteries (Wh)\n" +
			berlin.rows(func(k int) string {
				return fmt.Sprintf("%s,%d,%d,%d,%d,0,0", berlin.at[k].Format("01/02/2006 15:04"), berlin.made[k], berlin.made[k]+berlin.drawn[k]-berlin.fed[k], berlin.fed[k], berlin.drawn[k])
			})}},
		{name: "SolarEdge, powers", of: &berlin, panels: true, files: []string{"Time,System Production (W),Consumption (W),Self Consumption (W),Export (W),Import (W)\n" +
			berlin.rows(func(k int) string {
				return fmt.Sprintf("%s,%d,%d,%d,%d,%d", berlin.at[k].Format("01/02/2006 15:04"), 4*berlin.made[k], 4*(berlin.made[k]+berlin.drawn[k]-berlin.fed[k]), 4*min(berlin.made[k], berlin.made[k]+berlin.drawn[k]-berlin.fed[k]), 4*berlin.fed[k], 4*berlin.drawn[k])
			})}},
		{name: "Shelly EM", of: &utc, files: []string{"Date/time UTC,Active energy Wh (1),Returned energy Wh (1),Min V,Max V\n" +
			utc.rows(func(k int) string {
				return fmt.Sprintf("%s,%d.00,%d.00,229.5,235.1", utc.at[k].Format("2006-01-02 15:04"), utc.drawn[k], utc.fed[k])
			})}},
		{name: "what was fed in below 0", of: &hours, files: []string{"time,Bezug kWh,Einspeisung kWh\n" +
			hours.rows(func(k int) string {
				return fmt.Sprintf("%s,%s,%.3f", hours.at[k].Format("2006-01-02T15:04"), kWh(hours.drawn[k], "."), -float64(hours.fed[k])/1000)
			})}},
		{name: "two units", of: &hours, files: []string{"time,Bezug kWh,Einspeisung Wh\n" +
			hours.rows(func(k int) string {
				return fmt.Sprintf("%s,%s,%d", hours.at[k].Format("2006-01-02T15:04"), kWh(hours.drawn[k], "."), hours.fed[k])
			})}},
		{name: "rows of meters", of: &hours, files: []string{"time,register,kWh\n" +
			long(&hours, func(k int, register string, v int64) string {
				return hours.at[k].Format("2006-01-02T15:04,") + register + "," + kWh(v, ".")
			}, "1-0:1.8.0", "1-0:2.8.0")}},
		{name: "two homes", of: &hours, files: []string{"time,House 1 import kWh,House 1 export kWh,House 2 import kWh,House 2 export kWh\n" +
			hours.rows(func(k int) string {
				return fmt.Sprintf("%s,%s,%s,9.5,0", hours.at[k].Format("2006-01-02T15:04"), kWh(hours.drawn[k], "."), kWh(hours.fed[k], "."))
			})}},
	} {
		t.Run(row.name, func(t *testing.T) {
			dir := t.TempDir()
			args := []string{"scenario", "import", "--out", "made.yaml"}
			if row.zone != "" {
				args = append(args, "--zone", row.zone)
			}
			for i, text := range row.files {
				name := fmt.Sprintf("m%d.csv", i)
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
				args = append(args, name)
			}
			said := smatrixIn(t, dir, args...)
			smatrixIn(t, dir, "run", "made.yaml", "--out", "run", "--quiet")
			var got usedJSON
			home := map[bool]string{true: "house-1", false: "home"}[row.name == "two homes"]
			if err := json.Unmarshal([]byte(smatrixIn(t, dir, "usage", "run", "--household", home, "--json")), &got); err != nil {
				t.Fatal(err)
			}
			for name, values := range map[string][]int64{"drawn": row.of.drawn, "fed_in": row.of.fed} {
				want := int64(0)
				for _, v := range values {
					want += v
				}
				if v := got.Energy[name]; math.Abs(v-float64(want)) > 0.05 {
					t.Errorf("%s: %v Wh, wanted %d\n%s", name, v, want, said)
				}
			}
			made := int64(0)
			for _, v := range row.of.made {
				made += v
			}
			if v := got.Energy["produced"]; row.panels && math.Abs(v-float64(made)) > 0.05 {
				t.Errorf("produced: %v Wh, wanted %d\n%s", v, made, said)
			}
			if strings.Contains(said, "both_ways") || strings.Contains(said, "warning") {
				t.Errorf("said %s", said)
			}
		})
	}
}

// smatrixIn runs smatrix in a folder and returns what it printed.
func smatrixIn(t *testing.T, dir string, args ...string) string {
	t.Helper()
	c := exec.Command("smatrix", args...)
	c.Dir = dir
	var out, diag strings.Builder
	c.Stdout, c.Stderr = &out, &diag
	if err := c.Run(); err != nil {
		t.Fatalf("smatrix %s: %v\n%s%s", strings.Join(args, " "), err, out.String(), diag.String())
	}
	if strings.Contains(diag.String(), "warning") {
		t.Errorf("smatrix %s: %s", strings.Join(args, " "), diag.String())
	}
	return out.String()
}
