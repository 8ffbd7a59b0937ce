package importer_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/smatrix-grid/smatrix/sim/importer"
	"github.com/smatrix-grid/smatrix/twins"
)

// Any names of columns become ids of their own: the scenario loads, and each column has
// its own values.
func TestNamesOfColumns(t *testing.T) {
	long := strings.Repeat("a", 59)
	for _, row := range []struct {
		header string // besides the time; column k has the value k of each hour
		ids    string
	}{
		{"1,2", "column-1 column-2"},
		{"null,b", "column-null b"},
		{"NULL,Null", "column-null column-null-2"},
		{"yes,no", "column-yes column-no"},
		{"On,off", "column-on column-off"},
		{"y,N", "column-y column-n"},
		{"true,False", "column-true column-false"},
		{"1e3,0x10", "column-1e3 column-0x10"},
		{"2025-03-01,1_000", "column-2025-03-01 column-1_000"},
		{"NaN,inf", "nan inf"},
		{"home,Home,home 2", "home home-2 home-2-2"},
		{"home 2,home,Home", "home-2 home home-3"},
		{"a*,ab", "a ab"},
		{"ab,a*", "ab a"},
		{"a,a", "a-1 a-2"},
		{"time,b", "time-2 b"},
		{"tie,supply", "tie supply"},
		{"meters,homes", "meters-2 homes"},
		{long + " b," + long + " c", long + " " + long + "-2"},
		{"-,--", "column column-2"},
		{`"a""b","c,d"`, "a-b c-d"},
		{"ключ,名前", "column column-2"},
		{"b\\c,d'e", "b-c d-e"},
	} {
		t.Run(row.header, func(t *testing.T) {
			ids := strings.Fields(row.ids)
			for _, stamp := range []string{"2025-03-01T%02d:00", "01.03.2025 %02d:00"} { // read as it is, and converted
				b := &strings.Builder{}
				b.WriteString("time," + row.header + "\n")
				for h := range 24 {
					fmt.Fprintf(b, stamp, h)
					for k := range ids {
						fmt.Fprintf(b, ",%d", k+1)
					}
					b.WriteString("\n")
				}
				dir := t.TempDir()
				write(t, dir, "m.csv", b.String())
				plan, w := madeWith(t, dir, importer.Options{Unit: "kWh"}, "m.csv") // most of the names say nothing
				var got []string
				for _, r := range w.Recordings {
					got = append(got, r.Columns...)
				}
				slices.Sort(got)
				want := slices.Sorted(slices.Values(ids))
				if !slices.Equal(got, want) {
					t.Errorf("ids %v, wanted %v in\n%s", got, want, plan.Scenario)
				}
				unit := map[bool]float64{true: 1000, false: 1}[strings.Contains(string(plan.Scenario), "unit: k")]
				for k, id := range ids {
					if wh := recorded(w)[id]; wh != 24*unit*float64(k+1) {
						t.Errorf("%s: %v Wh, wanted %v", id, wh, 24*unit*float64(k+1))
					}
				}
			}
		})
	}
}

// Rows across a clock change have their moments in both orders of time.
func TestClockChangesInBothOrders(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for _, minutes := range []int{15, 30, 60} {
		for _, date := range []time.Time{time.Date(2025, 3, 29, 0, 0, 0, 0, berlin), time.Date(2025, 10, 25, 0, 0, 0, 0, berlin)} {
			for _, newest := range []bool{false, true} {
				var rows []string
				sum := 0.0
				for at := date; at.Before(date.AddDate(0, 0, 3)); at = at.Add(time.Duration(minutes) * time.Minute) {
					rows = append(rows, fmt.Sprintf("%s,%d\n", at.Format("2006-01-02T15:04"), len(rows)%7))
					sum += 1000 * float64((len(rows)-1)%7)
				}
				if newest {
					slices.Reverse(rows)
				}
				dir := t.TempDir()
				write(t, dir, "m.csv", "time,a kWh\n"+strings.Join(rows, ""))
				plan, w := made(t, dir, "Europe/Berlin", "m.csv")
				if got := recorded(w)["a-kwh"]; math.Abs(got-sum) > 0.05 || strings.Contains(strings.Join(plan.Findings[0].Doubts, ""), "missing") {
					t.Errorf("%d min from %s, newest first %v: %v Wh, wanted %v\n%s", minutes, date, newest, got, sum, plan.Scenario)
				}
			}
		}
	}
}

// Days are laid out over their hours where clocks skip midnight.
func TestDaysWithoutMidnight(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "m.csv", "date,a kWh\n2024-09-06,24\n2024-09-07,24\n2024-09-08,23\n2024-09-09,24\n2024-09-10,24\n")
	plan, w := made(t, dir, "America/Santiago", "m.csv")
	if w.Scenario.Calendar.Steps != 119 || w.Scenario.Calendar.Time(48).Format(time.RFC3339) != "2024-09-08T01:00:00-03:00" {
		t.Errorf("%d steps\n%s", w.Scenario.Calendar.Steps, plan.Scenario)
	}
	c, err := w.Recordings[0].Column(0, 0)
	if err != nil {
		t.Fatal(err)
	}
	powers, err := c.Powers()
	if err != nil {
		t.Fatal(err)
	}
	for step, p := range powers {
		if p != twins.Kilowatt {
			t.Errorf("step %d: %v, wanted 1 kW", step, p)
		}
	}
}

// The registers of a long table have rows of one time each, in the hour that clocks show
// twice as well: each has its own two.
func TestLongTableAcrossTheClockChange(t *testing.T) {
	brussels, err := time.LoadLocation("Europe/Brussels")
	if err != nil {
		t.Fatal(err)
	}
	for _, newest := range []bool{false, true} {
		var rows []string
		date := time.Date(2025, 10, 26, 0, 0, 0, 0, brussels)
		for at := date; at.Before(date.AddDate(0, 0, 1)); at = at.Add(15 * time.Minute) {
			row := at.Format("02-01-2006;15:04:05;")
			rows = append(rows, row+"Afname Dag;0,1\n"+row+"Injectie Dag;0,2\n")
		}
		if newest {
			slices.Reverse(rows)
		}
		dir := t.TempDir()
		write(t, dir, "m.csv", "Van (datum);Van (tijdstip);Register;Volume\n"+strings.Join(rows, ""))
		plan, w := made(t, dir, "", "m.csv")
		if got := recorded(w); math.Abs(got["home"]-10_000) > 0.05 || math.Abs(got["home-fed-in"]-20_000) > 0.05 || strings.Contains(string(plan.Scenario), "missing") {
			t.Errorf("newest first %v: %v Wh\n%s", newest, got, plan.Scenario)
		}
	}
}

// A long table of many meters is read in one look at each row.
func TestManyMeters(t *testing.T) {
	const meters = 4000
	b := &strings.Builder{}
	b.WriteString("LCLid,stdorToU,DateTime,KWH/hh (per half hour) \n")
	for m := range meters {
		for h := range 48 {
			fmt.Fprintf(b, "M%d,Std,2012-10-12 %02d:%02d:00.0000000, 0.%d \n", m, h/2, h%2*30, m%10)
		}
	}
	plan, err := importer.Make(oneFile(b.String()), []importer.File{{Name: "m.csv", Path: "m.csv"}}, importer.Options{Name: "made"})
	if err != nil {
		t.Fatal(err)
	}
	text := string(plan.Scenario)
	if strings.Count(text, "\n      m") != meters || strings.Count(text, "load: ") != meters || !strings.Contains(text, `m3999: "M3999"`) {
		t.Errorf("%d columns and %d homes", strings.Count(text, "\n      m"), strings.Count(text, "load: "))
	}
}

// Columns that are no energy of a meter, by their names, are left out and named; a total alone is a meter.
func TestColumnsThatAreNoMeters(t *testing.T) {
	rows := func(head string, fields string) string {
		var b strings.Builder
		b.WriteString("time," + head + "\n")
		for h := range 48 {
			fmt.Fprintf(&b, "2024-01-%02d %02d:00,%s\n", 15+h/24, h%24, fields)
		}
		return b.String()
	}
	for _, c := range []struct{ head, fields, said string }{
		{"load_kwh,battery_soc_percent,temperature_C,price_eur_per_kwh", "0.5,55,3.5,0.31", `column "price_eur_per_kwh": left out, a price by its name`},
		{"Müller kWh,Total kWh", "0.5,0.5", `column "Total kWh": left out, a sum of others by its name`},
		{"Total kWh", "0.5", ""},
	} {
		dir := t.TempDir()
		write(t, dir, "m.csv", rows(c.head, c.fields))
		plan, _ := made(t, dir, "Europe/Berlin", "m.csv")
		if strings.Count(string(plan.Scenario), "load: {recording: meters") != 1 || !strings.Contains(fmt.Sprint(plan.Findings), c.said) {
			t.Errorf("%s: found %+v\n%s", c.head, plan.Findings, plan.Scenario)
		}
	}
}
