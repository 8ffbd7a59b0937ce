package importer_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/smatrix-grid/smatrix/sim/importer"
)

// Files as portals, inverters and meters write them, with two whole days or more of made-up values: what they
// become, and the energy of each column, which was computed apart. A form that is read as it is needs no preset.
func TestFilesOfPortals(t *testing.T) {
	start := time.Date(2025, 6, 2, 0, 0, 0, 0, time.UTC)
	rows := func(minutes, n int, line func(at time.Time, k int) string) string {
		b := &strings.Builder{}
		for k := range n {
			b.WriteString(line(start.Add(time.Duration(k*minutes)*time.Minute), k) + "\n")
		}
		return b.String()
	}
	quarters := func(layout string) string {
		return rows(15, 192, func(at time.Time, k int) string { return at.Format(layout) + []string{"0,25", "0,5"}[k%2] })
	}
	london, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name, text, zone string
		steps            int64
		wh               map[string]float64
		said             string
	}{
		{"Octopus", " Consumption (kwh), Start, End\n" + rows(30, 96, func(at time.Time, k int) string {
			return fmt.Sprintf(" %.3f, %s+01:00, %s+01:00", 0.2+0.1*float64(k%2), at.Format("2006-01-02T15:04:05"), at.Add(30*time.Minute).Format("2006-01-02T15:04:05"))
		}), "Europe/London", 96, map[string]float64{"consumption-kwh": 24_000}, ""},
		{"Octopus in the days that have 25 hours", "\ufeffConsumption (kWh), Start, End\n" + rows(30, 50, func(_ time.Time, k int) string {
			at := time.Date(2025, 10, 25, 23, 0, 0, 0, time.UTC).Add(time.Duration(k*30) * time.Minute)
			return fmt.Sprintf("0.1, %s, %s", at.In(london).Format(time.RFC3339), at.Add(30*time.Minute).In(london).Format(time.RFC3339))
		}), "Europe/London", 50, map[string]float64{"consumption-kwh": 5000}, ""},
		{"Octopus with costs", "Consumption (kWh), Estimated Cost Inc. Tax (p), Standing Charge Inc. Tax (p), Start, End\n" + rows(30, 96, func(at time.Time, k int) string {
			return fmt.Sprintf("0.250000, %d.5, 45.1, %s+01:00, %s+01:00", 5+k%3, at.Format("2006-01-02T15:04:05"), at.Add(30*time.Minute).Format("2006-01-02T15:04:05"))
		}), "Europe/London", 96, map[string]float64{"consumption-kwh": 24_000}, `column "Standing Charge Inc. Tax (p)": left out, a price by its name`},
		{"Tibber", "from,to,consumption,consumptionUnit,cost,unitPrice\n" + rows(60, 48, func(at time.Time, k int) string {
			return fmt.Sprintf("%s.000+02:00,%s.000+02:00,0.5,kWh,0.11,0.22", at.Format("2006-01-02T15:04:05"), at.Add(time.Hour).Format("2006-01-02T15:04:05"))
		}), "", 48, map[string]float64{"consumption": 24_000}, "zone: Europe/Berlin for the days of the run: the times of the file have offsets"},
		{"San Diego, a net meter with its number", "Name : MADE UP\nAccount Number: 0000000\n\nMeter Number,Date,Start Time,Duration,Consumed\n" + rows(60, 48, func(at time.Time, k int) string {
			return fmt.Sprintf(`"0012345",%s,%s,Hour,%s`, at.Format("01/02/2006"), at.Format("03:04:05 PM"), []string{"0.5", "-0.25"}[k%2])
		}), "America/Los_Angeles", 48, map[string]float64{"consumed": 12_000, "consumed-export": 6000}, `column "Meter Number": left out, the number of a meter by its name`},
		{"Growatt, an inverter alone", "Time,Ppv(W),Pac(W),Vpv1(V),Temperature(°C),EacToday(kWh)\n" + rows(5, 576, func(at time.Time, k int) string {
			return fmt.Sprintf("%s,%d,%d,320.5,41.2,%.1f", at.Format("2006-01-02 15:04:05"), 1100*(k/144%2), 1000*(k/144%2), float64(k%288)/12)
		}), "", 576, map[string]float64{"pac-w": 24_000}, `column "EacToday(kWh)": left out, a sum of others by its name`},
		{"Growatt, a home", "Time,Ppv(W),Pac(W),Pload(W),Ptogrid(W),Ptouser(W)\n" + rows(5, 576, func(at time.Time, k int) string {
			return at.Format("2006-01-02 15:04:05") + []string{",0,0,400,0,400", ",1100,1000,400,600,0"}[k/144%2]
		}), "", 576, map[string]float64{"home": 19_200, "home-roof": 24_000}, ""},
		{"PVOutput, days", "Date,Generated (Wh),Efficiency (kWh/kW),Exported (Wh),Used (Wh),Peak Power (W),Peak Time,Conditions\n" + rows(24*60, 4, func(at time.Time, k int) string {
			return fmt.Sprintf("%s,%d,4.1,9000,14000,3900,13:0%d,Fine", at.Format("2006-01-02"), 20_000+1000*k, k%2)
		}), "", 96, map[string]float64{"home": 56_000, "home-roof": 86_000}, "values of a day are spread evenly over its hours"},
		{"Discovergy", "time,energy,energyOut,power\n" + rows(15, 193, func(at time.Time, k int) string {
			return fmt.Sprintf("%d,%.2f,%.2f,%d", at.Add(-2*time.Hour).UnixMilli(), 1234.5+0.25*float64((k+1)/2), 77.25+0.5*float64(k/2), 400+k%7)
		}), "", 192, map[string]float64{"home": 24_000, "home-fed-in": 48_000}, `column "power": left out, in another unit than "energy"`},
		{"the Austrian community's columns", "Messzeitpunkt;Verbrauch (kWh);Restnetzbezug (kWh);Eigendeckung (kWh)\n" + rows(15, 192, func(at time.Time, k int) string { return at.Format("02.01.2006 15:04") + ";0,25;0,2;0,05" }),
			"Europe/Vienna", 192, map[string]float64{"home": 48_000}, `column "Restnetzbezug (kWh)": left out`},
		{"years of two digits", "Zeit;kWh\n" + quarters("02.01.06 15:04;"), "", 192, map[string]float64{"kwh": 72_000}, ""},
		{"years of two digits, month first", "Time;kWh\n" + quarters("1/2/06 3:04 PM;"), "", 192, map[string]float64{"kwh": 72_000}, ""},
		{"months in letters", "Date;kWh\n" + quarters("02-Jan-2006 15:04;"), "", 192, map[string]float64{"kwh": 72_000}, ""},
		{"days of one digit", "Zeit;kWh\n" + quarters("2.1.2006 15:04;"), "", 192, map[string]float64{"kwh": 72_000}, ""},
		{"from and to", "Datum von;Datum bis;Verbrauch in kWh\n" + quarters("02.01.2006 15:04;02.01.2006 15:04;"), "", 192, map[string]float64{"verbrauch-in-kwh": 72_000}, ""},
		{"24:00 at the end of a day", "Datum;Uhrzeit;kWh\n" + rows(15, 192, func(at time.Time, k int) string {
			end := at.Add(15 * time.Minute)
			if end.Hour()+end.Minute() == 0 {
				return at.Format("02.01.2006;") + "24:00;0,25"
			}
			return end.Format("02.01.2006;15:04;") + "0,25"
		}), "", 192, map[string]float64{"kwh": 48_000}, "stamps name the end of their intervals"},
		{"stamps of the end by their name", "Ende;kWh\n" + rows(15, 192, func(at time.Time, k int) string { return at.Add(15*time.Minute).Format("02.01.2006 15:04;") + "0,25" }), "", 192, map[string]float64{"kwh": 48_000}, ""},
		{"no header", quarters("2006-01-02 15:04;"), "", 192, map[string]float64{"column-2": 72_000}, "no header: columns are called by their numbers"},
		{"months", "Monat;kWh\n" + func() string {
			b := &strings.Builder{}
			for m, kWh := range []int{310, 280, 155, 150} {
				fmt.Fprintf(b, "01.%02d.2025;%d,0\n", m+5, kWh)
			}
			return b.String()
		}(), "", 24 * 123, map[string]float64{"kwh": 895_000}, "each row is read for the time until the next"},
	} {
		t.Run(row.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, "m.csv", row.text)
			plan, w := madeWith(t, dir, importer.Options{Zone: row.zone, Unit: map[bool]string{true: "kWh"}[row.name == "no header"]}, "m.csv")
			if got := int64(w.Scenario.Calendar.Steps); got != row.steps {
				t.Errorf("%d steps, wanted %d\n%s", got, row.steps, plan.Scenario)
			}
			for column, want := range row.wh {
				if got := recorded(w)[column]; math.Abs(got-want) > 0.05 {
					t.Errorf("%s: %v Wh, wanted %v of %v\n%s", column, got, want, recorded(w), plan.Scenario)
				}
			}
			if len(recorded(w)) != len(row.wh) || len(w.Warnings)+len(plan.Warnings) > 0 {
				t.Errorf("columns %v, warnings %v %v", recorded(w), w.Warnings, plan.Warnings)
			}
			if !strings.Contains(string(plan.Scenario), row.said) {
				t.Errorf("wanted %q in\n%s", row.said, plan.Scenario)
			}
		})
	}
}
