package importer_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

// absent stands for a row that is not there.
const absent = "absent"

// every returns rows at an interval from 3 March 2025 on, without an offset.
func every(minutes, n int, layout string, values func(k int) string) string {
	b := &strings.Builder{}
	at := time.Date(2025, 3, 3, 0, 0, 0, 0, time.UTC)
	for k := range n {
		if values(k) == absent {
			continue
		}
		fmt.Fprintf(b, "%s%s\n", at.Add(time.Duration(k*minutes)*time.Minute).Format(layout), values(k))
	}
	return b.String()
}

// caughtUp are hours of 1, of which three are absent, and the row after them has their energy as well.
func caughtUp(k int) string {
	switch {
	case k >= 10 && k < 13:
		return absent
	case k == 13:
		return ",4"
	}
	return ",1"
}

// newestFirst returns rows in the reverse order.
func newestFirst(rows string) string {
	lines := strings.SplitAfter(strings.TrimSuffix(rows, "\n"), "\n")
	lines[len(lines)-1] += "\n"
	slices.Reverse(lines)
	return strings.Join(lines, "")
}

// What a file holds is recognised, gets its key, is said, and has its energy in the run.
func TestWhatFilesHold(t *testing.T) {
	const iso, clocked = "2006-01-02T15:04", "02.01.2006,15:04"
	hours := func(values func(k int) string) string { return every(60, 48, iso, values) }
	for _, row := range []struct {
		name, text string
		wh         map[string]float64
		keys       []string // of the scenario
		said       []string // of what was assumed
		doubts     string   // kinds of the warnings of the run
	}{
		{"a counter", "time,a kWh\n" + every(60, 49, iso, func(k int) string { return fmt.Sprintf(",%.2f", 12345+0.25*float64(k)) }),
			map[string]float64{"a-kwh": 12_000}, []string{"reading: counter"}, []string{`column "a kWh": readings of a counter, from 12345 to 12357`}, ""},
		{"a counter without a unit", "time,energy a\n" + every(60, 49, iso, func(k int) string { return fmt.Sprint(",", 700_000+300*k) }),
			map[string]float64{"energy-a": 14_400}, []string{"reading: counter", "unit: Wh"}, []string{"unit: Wh, by what homes draw"}, ""},
		{"a counter that restarts", "time,a kWh\n" + every(60, 73, iso, func(k int) string { return fmt.Sprint(",", []int{88_000, 0}[k/50]+k%50) }),
			map[string]float64{"a-kwh": 71_000}, []string{"reading: counter"}, nil, "restart"},
		{"a counter with a dropout", "time,a kWh\n" + every(60, 49, iso, func(k int) string {
			return []string{fmt.Sprintf(",%.2f", 12345+0.25*float64(k)), ",0"}[1-min(1, max(k-20, 20-k))]
		}),
			map[string]float64{"a-kwh": 12_000}, []string{"reading: counter"}, nil, "reading"},
		{"a counter with a lower reading", "time,a kWh\n" + every(60, 49, iso, func(k int) string {
			return []string{fmt.Sprintf(",%.2f", 12345+0.25*float64(k)), ",12349.74"}[1-min(1, max(k-20, 20-k))]
		}),
			map[string]float64{"a-kwh": 12_000}, []string{"reading: counter"}, nil, "reading"},
		{"a counter of another meter", "time,a kWh\n" + every(60, 49, iso, func(k int) string {
			return fmt.Sprintf(",%.2f", []float64{12345, 5123}[k/20%2*(1-k/40)+k/40]+0.25*float64(k))
		}),
			map[string]float64{"a-kwh": 11_750}, []string{"reading: counter"}, nil, "restart"},
		{"a counter that is full", "time,a kWh\n" + every(60, 49, iso, func(k int) string { return fmt.Sprintf(",%.2f", math.Mod(99_996.1+0.25*float64(k), 100_000)) }),
			map[string]float64{"a-kwh": 12_000}, []string{"reading: counter"}, nil, "restart"},
		{"a counter beside a power", "time,a kWh,a W\n" + every(60, 49, iso, func(k int) string { return fmt.Sprintf(",%d,%d", 500+2*k, 100*(k%5)) }),
			map[string]float64{"a-kwh": 96_000, "a-w": 9300}, []string{"unit: kWh", "unit: W", "id: meters-2"}, nil, ""},
		{"a net meter", "time,a kWh\n" + hours(func(k int) string { return fmt.Sprintf(",%.1f", 0.5-float64(k%3)*0.5) }),
			map[string]float64{"a-kwh": 8000, "a-kwh-export": 8000}, []string{"negative: export", "pv: {recording: meters, column: a-kwh-export}"}, []string{`column "a kWh": a net meter with values from -0.5 to 0.5`}, ""},
		{"an inverter that draws at night", "time,pv kW\n" + hours(func(k int) string { return []string{",-0.003", ",1"}[k%2] }),
			map[string]float64{"pv-kw": 24_000}, []string{"clip_below: 0.003", "solar_parks:"}, []string{`column "pv kW": values from -0.003 to 0 are 0`, "generated, by its name"}, ""},
		{"a net meter beside a home", "time,a kWh,b kWh\n" + hours(func(k int) string { return fmt.Sprintf(",0.25,%.2f", 0.5-0.25*float64(k%4)) }),
			map[string]float64{"a-kwh": 12_000, "b-kwh": 9000, "b-kwh-export": 3000}, []string{"negative: export"}, nil, ""},
		{"W beside kW", "time,a W,b kW\n" + hours(func(int) string { return ",250,1.5" }),
			map[string]float64{"a-w": 12_000, "b-kw": 72_000}, []string{"unit: W", "unit: kW"}, nil, ""},
		{"a row that catches up", "time,a kWh\n" + hours(caughtUp), map[string]float64{"a-kwh": 48_000}, []string{"gaps: in_next_row"}, []string{"the row after each gap has its energy"}, ""},
		{"a row that catches up in a file with the newest row first", "time,a kWh\n" + newestFirst(hours(caughtUp)), map[string]float64{"a-kwh": 48_000}, []string{"gaps: in_next_row", "newest_first: true"}, []string{"the row after each gap has its energy"}, ""},
		{"quarter hours after hours", "time,a kWh\n" + hours(func(int) string { return ",1" }) + strings.ReplaceAll(every(15, 96, iso, func(int) string { return ",0.25" }), "-03T", "-05T"),
			map[string]float64{"a-kwh": 72_000}, []string{"intervals: as_they_come", "step_s: 900"}, []string{"m.csv:50: the interval changes from 1 h to 15 min in this line"}, ""},
		{"quarter hours after hours, with stamps of the end", "time,a kWh\n" + every(60, 25, iso, func(k int) string { return []string{absent, ",1"}[min(k, 1)] }) +
			strings.NewReplacer("-03T", "-04T", "-04T", "-05T").Replace(every(15, 97, iso, func(k int) string { return []string{absent, ",0.25"}[min(k, 1)] })),
			map[string]float64{"a-kwh": 48_000}, []string{"stamps: end", "intervals: as_they_come"}, nil, ""},
		{"words of Home Assistant and spreadsheets", "time,a kWh\n" + hours(func(k int) string {
			return "," + map[int]string{5: "unavailable", 9: "#N/A", 20: "k.A.", 30: "---"}[k] + strings.Repeat("1", 1-len(map[int]string{5: "x", 9: "x", 20: "x", 30: "x"}[k]))
		}),
			map[string]float64{"a-kwh": 48_000}, []string{`missing: ["unavailable", "#N/A", "k.A.", "---"]`, "gaps: linear"}, []string{"4 values are missing"}, ""},
		{"powers that come when they change", "time,a W\n" + strings.Join(strings.Fields(func() string {
			b := &strings.Builder{}
			for at, k := 0, 0; at < 2*86400; at, k = at+[]int{127, 341, 59, 613, 211}[k%5]+k, k+1 {
				fmt.Fprintln(b, time.Date(2025, 3, 3, 0, 0, at, 0, time.UTC).Format("2006-01-02T15:04:05")+",500")
			}
			return b.String()
		}()), "\n") + "\n2025-03-05T00:00:00,500\n",
			map[string]float64{"a-w": 24_000}, []string{"intervals: as_they_come", "step_s: 900"}, nil, ""},
		{"UTC behind the time", "time,a kWh\n" + strings.ReplaceAll(every(60, 72, "2006-01-02 15:04", func(k int) string { return fmt.Sprint(",", k%5) }), ",", " UTC,"),
			map[string]float64{"a-kwh": 97_000}, nil, nil, ""},
		{"an offset without a colon", "time;a kWh\n" + strings.ReplaceAll(every(60, 48, "2006-01-02 15:04:05", func(int) string { return ";1" }), ";", "+0100;"),
			map[string]float64{"a-kwh": 48_000}, nil, nil, ""},
		{"an offset behind a blank", "time;a kWh\n" + strings.ReplaceAll(every(60, 48, "2006-01-02 15:04:05", func(int) string { return ";1" }), ";", " +0100;"),
			map[string]float64{"a-kwh": 48_000}, nil, nil, ""},
		{"points of thousands", "time,a Wh\n" + hours(func(k int) string { return []string{",1.250", ",750"}[k%2] }),
			map[string]float64{"a-wh": 48_000}, []string{"decimal: comma, thousands: point"}, []string{`a point before three digits is a mark of thousands: "1.250" beside "750"`}, ""},
		{"points of decimals", "time,a W,b kW\n" + hours(func(k int) string { return []string{",1250,1.250", ",750,1.750"}[k%2] }),
			map[string]float64{"a-w": 48_000, "b-kw": 72_000}, nil, nil, ""},
		{"day and month", "date;a kWh\n" + every(60, 48, "02/01/2006 15:04", func(int) string { return ";1" }),
			map[string]float64{"a-kwh": 48_000}, []string{`date: "dd/mm/yyyy"`}, nil, ""},
		{"month and day", "date;a kWh\n" + every(60, 48, "01/02/2006 3:04 PM", func(int) string { return ";1" }),
			map[string]float64{"a-kwh": 48_000}, []string{`date: "mm/dd/yyyy"`}, nil, ""},
		{"date and time of day", "Datum,Zeit,a kWh\n" + every(60, 48, clocked, func(int) string { return ",1" }),
			map[string]float64{"a-kwh": 48_000}, []string{`clock: "Zeit"`, `date: "dd.mm.yyyy"`}, nil, ""},
		{"Unix seconds", "ts,a W\n" + strings.Join(strings.Fields(every(60, 49, "", func(k int) string { return fmt.Sprintf("%d,200", 1_740_952_800+3600*k) })), "\n") + "\n",
			map[string]float64{"a-w": 9600}, []string{"unix_s"}, nil, ""},
		{"words for missing values", "time,a kWh\n" + hours(func(k int) string {
			if k == 11 {
				return ",NaN"
			}
			return ",1"
		}),
			map[string]float64{"a-kwh": 48_000}, []string{`missing: ["NaN"]`, "gaps: linear"}, []string{"1 value is missing"}, ""},
		{"a gap in a file with the newest row first", "time,a kWh\n" + newestFirst(hours(func(k int) string {
			if k == 11 || k == 12 {
				return absent
			}
			return ",1"
		})), map[string]float64{"a-kwh": 48_000}, []string{"newest_first: true", "gaps: linear"}, []string{"2 values are missing between the first and the last (longest gap 2 h)"}, ""},
		{"a long table", "time;Zähler;kWh\n" + hours(func(k int) string {
			return fmt.Sprintf(";A 1;0,5\n%s;B 2;1,5", time.Date(2025, 3, 3, k, 0, 0, 0, time.UTC).Format(iso))
		}),
			map[string]float64{"a-1": 24_000, "b-2": 72_000}, []string{`meter: "Zähler"`, `value: "kWh"`, "unit: kWh"}, []string{`column "Zähler" names the meter of a row`}, ""},
		{"a long table with numbers for meters", "time,id,kWh,note\n" + hours(func(k int) string {
			return fmt.Sprintf(",7,0.5,x\n%s,8,1.5,", time.Date(2025, 3, 3, k, 0, 0, 0, time.UTC).Format(iso))
		}),
			map[string]float64{"column-7": 24_000, "column-8": 72_000}, []string{`meter: "id"`}, nil, ""},
		{"quoted thousands", "time,a W\n" + hours(func(int) string { return `,"1,250"` }),
			map[string]float64{"a-w": 60_000}, []string{"thousands: comma"}, []string{"a comma before three digits is a mark of thousands"}, ""},
		{"notes at the end", "time,a kWh\n" + hours(func(int) string { return ",1" }) + "a: at the main switch\n",
			map[string]float64{"a-kwh": 48_000}, []string{"undated: leave_out"}, nil, ""},
		{"a column without a value", "time,a kWh,b kWh\n" + hours(func(int) string { return ",1," }),
			map[string]float64{"a-kwh": 48_000}, nil, nil, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, "m.csv", row.text)
			plan, w := made(t, dir, "Europe/Berlin", "m.csv")
			for column, want := range row.wh {
				if got := recorded(w)[column]; math.Abs(got-want) > 0.05 {
					t.Errorf("%s: %v Wh, wanted %v", column, got, want)
				}
			}
			var doubts []string
			for _, d := range w.Warnings {
				doubts = append(doubts, d.Kind)
			}
			if len(recorded(w)) != len(row.wh) || strings.Join(doubts, " ") != row.doubts {
				t.Errorf("columns %v, warnings %v", recorded(w), w.Warnings)
			}
			for _, words := range append(row.keys, row.said...) {
				if !strings.Contains(string(plan.Scenario), words) {
					t.Errorf("wanted %q in\n%s", words, plan.Scenario)
				}
			}
		})
	}
}
