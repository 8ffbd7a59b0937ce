package inputs

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/smatrix-grid/smatrix/sim/problem"
	"github.com/smatrix-grid/smatrix/twins"
)

// withLess makes column a of what is added less what is subtracted.
func withLess(add, subtract string) func(*RecordingSpec) {
	return func(s *RecordingSpec) {
		s.Columns = nil
		s.AddUp("a", strings.Fields(add), strings.Fields(subtract))
	}
}

// The registers of a meter make one column with both signs, or two. Powers are kW of quarter hours.
func TestRegisters(t *testing.T) {
	net := Format{Negative: "export"}
	counter := Format{Negative: "export", Reading: "counter"}
	newest := counter
	newest.NewestFirst = true
	for _, row := range []struct {
		name   string
		unit   string
		format Format
		text   string
		change func(*RecordingSpec)
		powers string // of the columns a and a-export in each step, W
		warned string
	}{
		{"powers", "W", net, lines("time,in,out", "00:00,1000,0", "00:15,0,500", "00:30,0,0", "00:45,20,0"), withLess("in", "out"), "1000 0 0 20 | 0 500 0 0", ""},
		{"energies", "kWh", net, lines("time,in,out", "00:00,0.25,0", "00:15,0,0.5", "00:30,0,0", "00:45,1,0"), withLess("in", "out"), "1000 0 0 4000 | 0 2000 0 0", ""},
		{"what is fed in first in the file", "W", net, lines("time,out,in", "00:00,0,1000", "00:15,500,0", "00:30,0,0", "00:45,0,20"), withLess("in", "out"), "1000 0 0 20 | 0 500 0 0", ""},
		{"two tariffs each way", "W", net, lines("time,in1,in2,out1,out2", "00:00,1000,0,0,0", "00:15,0,0,500,0", "00:30,0,7,0,0", "00:45,0,0,0,20"), withLess("in1 in2", "out1 out2"), "1000 0 7 0 | 0 500 0 20", ""},
		{"a value that one lacks", "W", net, lines("time,in,out", "00:00,1000,", "00:15,,500", "00:30,0,0", "00:45,20,"), withLess("in", "out"), "1000 0 0 20 | 0 500 0 0", ""},
		{"both ways in one interval", "W", net, lines("time,in,out", "00:00,1000,400", "00:15,100,500", "00:30,0,0", "00:45,20,0"), withLess("in", "out"), "600 0 0 20 | 0 400 0 0",
			"both_ways:2 a drawn and fed in within the same 15 min, here and in 2 intervals in all: a step has their net alone, so the run draws and feeds in 0.125 kWh less"},
		{"rows of registers", "W", Format{Negative: "export", Meter: "id"}, lines("time,id,W", "00:00,in,1000", "00:00,out,0", "00:15,out,500", "00:15,in,0", "00:30,in,0", "00:30,out,0", "00:45,in,20", "00:45,out,0"), withLess("in", "out"), "1000 0 0 20 | 0 500 0 0", ""},
		{"import is what is below 0", "W", Format{Negative: "import"}, lines("time,in,out", "00:00,1000,0", "00:15,0,500", "00:30,0,0", "00:45,20,0"), withLess("out", "in"), "0 500 0 0 | 1000 0 0 20", ""},
		{"a home with panels", "W", Format{}, lines("time,in,out,sun", "00:00,1000,0,0", "00:15,0,500,700", "00:30,0,0,50", "00:45,20,0,10"), withLess("in sun", "out"), "1000 200 50 30", ""},
		{"slightly below 0", "W", Format{ClipBelow: "5"}, lines("time,in,out", "00:00,1000,0", "00:15,0,5", "00:30,0,0", "00:45,20,0"), withLess("in", "out"), "1000 0 0 20", ""},
		{"slightly below 0 in kWh", "kWh", Format{ClipBelow: "0.001"}, lines("time,in,out", "00:00,1,0", "00:15,0,0.001", "00:30,0,0", "00:45,2,0"), withLess("in", "out"), "4000 0 0 8000", ""},
		{"counters", "kWh", counter, lines("time,in,out", "00:00,100,7", "00:15,100.25,7", "00:30,100.25,7.5", "00:45,100.25,7.5", "01:00,100.5,7.5"), withLess("in", "out"), "1000 0 0 1000 | 0 2000 0 0", ""},
		{"counters of two tariffs", "kWh", counter, lines("time,in1,in2,out1,out2", "00:00,1,2,3,4", "00:15,1.25,2,3,4", "00:30,1.25,2,3.5,4", "00:45,1.25,3,3.5,4", "01:00,1.25,3,3.5,4.25"), withLess("in1 in2", "out1 out2"), "1000 0 4000 0 | 0 2000 0 1000", ""},
		{"counters that are added up alone", "kWh", Format{Reading: "counter"}, lines("time,t1,t2", "00:00,1,2", "00:15,1.25,2", "00:30,1.25,2", "00:45,1.25,3", "01:00,1.25,3.25"), func(s *RecordingSpec) { s.Columns = nil; s.AddUp("a", []string{"t1", "t2"}, nil) }, "1000 0 4000 1000", ""},
		{"the newest reading first", "kWh", newest, lines("time,out,in", "01:00,7.5,100.5", "00:45,7.5,100.25", "00:30,7.5,100.25", "00:15,7,100.25", "00:00,7,100"), withLess("in", "out"), "1000 0 0 1000 | 0 2000 0 0", ""},
		{"a counter that one lacks for a while", "kWh", counter, lines("time,in,out", "00:00,100,7", "00:15,,7", "00:30,100.5,7", "00:45,100.5,7.5", "01:00,100.5,7.5"),
			func(s *RecordingSpec) { withLess("in", "out")(s); s.Gaps = gapsLinear }, "1000 1000 0 0 | 0 0 2000 0", ""},
		{"a counter that restarts", "kWh", counter, lines("time,in,out", "00:00,100,7", "00:15,0.25,7", "00:30,0.25,7.5", "00:45,0.25,7.5", "01:00,0.5,7.5"), withLess("in", "out"), "1000 0 0 1000 | 0 2000 0 0", ""},
		{"counters both ways", "kWh", counter, lines("time,in,out", "00:00,100,7", "00:15,100.25,7.125", "00:30,100.25,7.5", "00:45,100.25,7.5", "01:00,100.5,7.5"), withLess("in", "out"), "500 0 0 1000 | 0 1500 0 0",
			"both_ways:3 a drawn and fed in within the same 15 min, here and in 1 interval in all: a step has their net alone, so the run draws and feeds in 0.125 kWh less"},
	} {
		t.Run(row.name, func(t *testing.T) {
			spec := recordedAs(inUnit(row.unit), inFormat(row.format))
			row.change(&spec)
			r, err := ReadRecording(fileOf(spec, row.text), spec, calendarFrom(t, "Europe/Berlin", "2024-01-15 00:00", quarter, 4))
			if err != nil {
				t.Fatal(err)
			}
			var columns []string
			for _, powers := range r.all() {
				texts := make([]string, len(powers))
				for i, p := range powers {
					texts[i] = fmt.Sprint(int64(p / twins.Watt))
				}
				columns = append(columns, strings.Join(texts, " "))
			}
			if got := strings.Join(columns, " | "); got != row.powers {
				t.Errorf("powers %s, wanted %s", got, row.powers)
			}
			if got := warned(r.Warnings, problem.WarnBothWays); !strings.HasPrefix(got, row.warned) || row.warned == "" && got != "" {
				t.Errorf("warned %q, wanted %q", got, row.warned)
			}
		})
	}
}

// warned returns the warnings of a kind, "" if there are none.
func warned(all []problem.Warning, kind string) string {
	var texts []string
	for _, w := range all {
		if w.Kind == kind {
			texts = append(texts, fmt.Sprintf("%s:%d %s %s", w.Kind, w.Line, w.Column, w.Text))
		}
	}
	return strings.Join(texts, "\n")
}

// What cannot be the registers of one meter is refused, with line and reason.
func TestRefusedRegisters(t *testing.T) {
	for _, row := range []struct {
		name, unit string
		format     Format
		text       string
		change     func(*RecordingSpec)
		want       string
	}{
		{"more is subtracted", "W", Format{}, lines("time,in,out", "00:00,1000,0", "00:15,0,500", "00:30,0,0", "00:45,20,0"), withLess("in", "out"),
			`street.csv:3: columns "a": more is subtracted than added, by 0.125 kWh, wanted 0 or more, or format: {negative: export}, which takes it for what was fed in`},
		{"more than is clipped", "W", Format{ClipBelow: "5"}, lines("time,in,out", "00:00,1000,0", "00:15,0,5", "00:30,0,6", "00:45,20,0"), withLess("in", "out"),
			`street.csv:4: columns "a": more is subtracted than added, by 0.0015 kWh, wanted 0 or more, or format: {negative: export}, which takes it for what was fed in`},
		{"twice", "W", Format{}, lines("time,in,out", "00:00,1000,0", "00:15,0,500"), withLess("in", "in"), `street.csv:1: columns "a": "in" is added up twice, wanted each column once`},
		{"none of the name", "W", Format{}, lines("time,in,out", "00:00,1000,0", "00:15,0,500"), withLess("in", "export"), `street.csv:1: no column "export", wanted one of the header such as "out"`},
		{"a counter with a gap", "kWh", Format{Reading: "counter", Negative: "export"}, lines("time,in,out", "00:00,100,7", "00:15,100,", "00:30,100.5,7", "00:45,100.5,7.5", "01:00,100.5,7.5"), withLess("in", "out"),
			`street.csv:3: column "out": no value, wanted kWh, or gaps: hold, linear or same_time_last_week`},
		{"both signs of one counter", "kWh", Format{Reading: "counter", Negative: "export"}, lines("time,in,out", "00:00,100,7"), withColumns("a", "in"), `street.csv: format.negative with reading: counter, wanted one of the two: a counter only rises`},
	} {
		spec := recordedAs(inUnit(row.unit), inFormat(row.format))
		row.change(&spec)
		_, err := ReadRecording(fileOf(spec, row.text), spec, calendarFrom(t, "Europe/Berlin", "2024-01-15 00:00", quarter, 4))
		if err == nil || err.Error() != row.want {
			t.Errorf("%s:\ngot  %v\nwant %s", row.name, err, row.want)
		}
	}
}

// Random registers are the same net whether the file has energies of intervals or readings of counters, in
// either order of rows, wide or long; what is drawn less what is fed in is the sum of the one less that of the other.
func TestRegistersInAnyForm(t *testing.T) {
	cal := calendarFrom(t, "Europe/Berlin", "2024-01-15 00:00", quarter, 96)
	start := time.Date(2024, 1, 15, 0, 0, 0, 0, time.UTC)
	for seed := range uint64(40) {
		rng := rand.New(rand.NewPCG(seed, 7))
		const n = 97
		var wh [3][n]int64 // energies of in1, in2 and out
		for i := range n {
			for k := range wh {
				if rng.IntN(3) == 0 {
					wh[k][i] = rng.Int64N(2000)
				}
			}
		}
		names := []string{"in1", "in2", "out"}
		var intervals, counters, long, newest []string
		level := [3]int64{5000, 70, 123456}
		for i := range n {
			at := start.Add(time.Duration(i) * 15 * time.Minute).Format("2006-01-02T15:04")
			intervals = append(intervals, fmt.Sprintf("%s,%d,%d,%d", at, wh[0][i], wh[1][i], wh[2][i]))
			counters = append(counters, fmt.Sprintf("%s,%d,%d,%d", at, level[0], level[1], level[2]))
			for _, k := range rng.Perm(3) {
				long = append(long, fmt.Sprintf("%s,%s,%d", at, names[k], wh[k][i]))
				level[k] += wh[k][i]
			}
		}
		for i := range counters {
			newest = append(newest, counters[n-1-i])
		}
		head := "time,in1,in2,out"
		for name, file := range map[string]struct {
			format Format
			text   string
		}{
			"intervals": {Format{Negative: "export"}, lines(append([]string{head}, intervals...)...)},
			"counters":  {Format{Negative: "export", Reading: "counter"}, lines(append([]string{head}, counters...)...)},
			"newest":    {Format{Negative: "export", Reading: "counter", NewestFirst: true}, lines(append([]string{head}, newest...)...)},
			"long":      {Format{Negative: "export", Meter: "id", Value: "v"}, lines(append([]string{"time,id,v"}, long...)...)},
		} {
			spec := recordedAs(inUnit("Wh"), inFormat(file.format))
			withLess("in1 in2", "out")(&spec)
			r, err := ReadRecording(fileOf(spec, file.text), spec, cal)
			if err != nil {
				t.Fatalf("seed %d, %s: %v", seed, name, err)
			}
			both := r.all()
			for i := range 96 {
				net := wh[0][i] + wh[1][i] - wh[2][i]
				in, out := twins.Power(max(net, 0))*4*twins.Watt, twins.Power(max(-net, 0))*4*twins.Watt
				if both[0][i] != in || both[1][i] != out {
					t.Fatalf("seed %d, %s, step %d: %v and %v, wanted %v and %v", seed, name, i, both[0][i], both[1][i], in, out)
				}
			}
		}
	}
}
