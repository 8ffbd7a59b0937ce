package views_test

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/views"
	"github.com/smatrix-grid/smatrix/twins"
)

// outages is a row of the hand table. Each text is one customer's steps: "." served,
// "x" off with 600 W wanted, "120/600" cut by 120 of 600 W, "+200" with 200 W more
// that were not served and are not essential; "x*4" is four of them.
type outages struct {
	name               string
	customers          int
	step, threshold    twins.Seconds
	steps              []string
	saidi, saifi, ensW float64 // min, interruptions, Wh
}

// A step of 600 W is 10 Wh in a minute, 150 Wh in a quarter, 600 Wh in an hour.
var handTable = []outages{
	// No customer, or not for long enough.
	{"no customer", 10, 60, 0, nil, 0, 0, 0},
	{"served all the time", 1, 60, 0, []string{". . ."}, 0, 0, 0},
	{"1 min", 1, 60, 0, []string{"x"}, 0, 0, 10},
	{"2 min", 1, 60, 0, []string{"x x"}, 0, 0, 20},
	{"3 min: not longer than 3 min", 1, 60, 0, []string{"x x x"}, 0, 0, 30},
	{"3 min in steps of 10 s", 1, 10, 0, []string{"x*18"}, 0, 0, 30},
	{"3 min in steps of 1 s", 1, 1, 0, []string{"x*180"}, 0, 0, 30},

	// One interruption.
	{"4 min", 1, 60, 0, []string{"x*4"}, 4, 1, 40},
	{"4 min of one customer in ten", 10, 60, 0, []string{"x*4"}, 0.4, 0.1, 40},
	{"190 s in steps of 10 s", 1, 10, 0, []string{"x*19"}, 190. / 60, 1, 1.9 * 50 / 3}, // 19 · 600 W · 10 s
	{"181 s in steps of 1 s", 1, 1, 0, []string{"x*181"}, 181. / 60, 1, 181. / 6},
	{"a quarter", 1, 900, 0, []string{"x"}, 15, 1, 150},
	{"a quarter of one customer in four", 4, 900, 0, []string{"x"}, 3.75, 0.25, 150},
	{"a quarter of one customer in a thousand", 1000, 900, 0, []string{"x"}, 0.015, 0.001, 150},
	{"an hour", 1, 3600, 0, []string{"x"}, 60, 1, 600},
	{"a day", 1, 3600, 0, []string{"x*24"}, 1440, 1, 14400},
	{"however little was wanted", 1, 900, 0, []string{"1/1"}, 15, 1, 0.25},

	// Over several steps, and one after another.
	{"served before and after", 1, 60, 0, []string{". x*4 ."}, 4, 1, 40},
	{"two of 4 min", 1, 60, 0, []string{"x*4 . x*4"}, 8, 2, 80},
	{"two of 3 min do not count", 1, 60, 0, []string{"x*3 . x*3"}, 0, 0, 60},
	{"two of 2 min are not one of 4", 1, 60, 0, []string{"x*2 . x*2"}, 0, 0, 40},
	{"4 min, then 3", 1, 60, 0, []string{"x*4 . x*3"}, 4, 1, 70},
	{"every other quarter", 1, 900, 0, []string{"x . x . x"}, 45, 3, 450},
	{"every other minute", 1, 60, 0, []string{"x . x . x . x"}, 0, 0, 40},

	// Parts of steps.
	{"half a quarter", 1, 900, 0, []string{"300/600"}, 7.5, 1, 75},
	{"a fifth of a quarter is 3 min", 1, 900, 0, []string{"120/600"}, 0, 0, 30},
	{"a bit more than a fifth", 1, 900, 0, []string{"121/600"}, 3.025, 1, 30.25},
	{"2.5 min", 1, 900, 0, []string{"100/600"}, 0, 0, 25},
	{"1.5 min and 1.5 min in a row", 1, 900, 0, []string{"60/600 60/600"}, 0, 0, 30},
	{"1.5 min and 1.525 min in a row", 1, 900, 0, []string{"60/600 61/600"}, 3.025, 1, 30.25},
	{"one and a half", 1, 900, 0, []string{"x 300/600"}, 22.5, 1, 225},
	{"two halves around one", 1, 900, 0, []string{"300/600 x 300/600"}, 30, 1, 300},
	{"a quarter of 800 W, a half of 2 W", 1, 900, 0, []string{"200/800 1/2"}, 11.25, 1, 50.25},
	{"nine times 20 s", 1, 60, 0, []string{"200/600*9"}, 0, 0, 30},
	{"21 sevenths of a minute are 3 min", 1, 60, 0, []string{"100/700*21"}, 0, 0, 35},
	{"22 sevenths of a minute", 1, 60, 0, []string{"100/700*22"}, 22. / 7, 1, 110. / 3},

	// Several customers.
	{"two of four at a time", 4, 60, 0, []string{"x*4", "x*4"}, 2, 0.5, 80},
	{"all three for an hour", 3, 3600, 0, []string{"x", "x", "x"}, 60, 1, 1800},
	{"in turns of a quarter", 4, 900, 0, []string{"x . . .", ". x . .", ". . x .", ". . . x"}, 15, 1, 600},
	{"in turns of a minute", 4, 60, 0, []string{"x . . .", ". x . .", ". . x .", ". . . x"}, 0, 0, 40},
	{"neighbours' minutes do not add up", 2, 60, 0, []string{"x x . .", ". . x x"}, 0, 0, 40},
	{"turns that overlap", 2, 900, 0, []string{"x 300/600 .", ". 300/600 x"}, 22.5, 1, 450},
	{"one long, one short", 2, 60, 0, []string{"x*10", "x*3"}, 5, 0.5, 130},

	// Load that is not essential: energy not served, but no interruption.
	{"heating alone", 1, 900, 0, []string{"+200"}, 0, 0, 50},
	{"heating as well", 1, 900, 0, []string{"300/600+200"}, 7.5, 1, 125},
	{"heating between two", 1, 900, 0, []string{"x +200 x"}, 30, 2, 350},
	{"a vehicle that was promised more", 2, 900, 0, []string{".", ".", "+7360"}, 0, 0, 1840},

	// Other thresholds.
	{"4 min, threshold 5 min", 1, 60, 300, []string{"x*4"}, 0, 0, 40},
	{"5 min, threshold 5 min", 1, 60, 300, []string{"x*5"}, 0, 0, 50},
	{"6 min, threshold 5 min", 1, 60, 300, []string{"x*6"}, 6, 1, 60},
	{"a third of a quarter, threshold 5 min", 1, 900, 300, []string{"200/600"}, 0, 0, 50},
	{"201 of 600 W, threshold 5 min", 1, 900, 300, []string{"201/600"}, 5.025, 1, 50.25},
	{"2 min, threshold 1 min", 1, 60, 60, []string{"x*2"}, 2, 1, 20},
	{"1 min, threshold 1 s", 1, 60, 1, []string{"x"}, 1, 1, 10},

	// The run ends during an interruption.
	{"off at the end", 1, 60, 0, []string{". x*4"}, 4, 1, 40},
	{"off at the end, too short", 1, 60, 0, []string{". x*3"}, 0, 0, 30},
	{"off at the end, after one that counts", 1, 60, 0, []string{"x*4 . x*3"}, 4, 1, 70},
	{"off at the end, in part", 1, 900, 0, []string{"x . 150/600"}, 18.75, 2, 187.5},
}

func TestReliabilityByHand(t *testing.T) {
	if len(handTable) < 50 {
		t.Errorf("%d rows, wanted at least 50", len(handTable))
	}
	for _, row := range handTable {
		v := views.Reliability{Threshold: row.threshold}
		unserved := twins.Total{}
		for _, r := range row.records(t) {
			if err := v.Commit(r); err != nil {
				t.Fatal(err)
			}
			unserved = unserved.Plus(r.Flows.Unserved.For(r.Step))
		}
		got := v.Report()
		caidi := 0.0
		if got.CAIDIMin != nil {
			caidi = *got.CAIDIMin
		}
		if !near(got.SAIDIMin, row.saidi) || !near(got.SAIFI, row.saifi) || !near(got.ENSWh, row.ensW) || !near(caidi*row.saifi, row.saidi) {
			t.Errorf("%s: SAIDI %v min, SAIFI %v, ENS %v Wh, CAIDI %v min; want %v, %v, %v", row.name, got.SAIDIMin, got.SAIFI, got.ENSWh, caidi, row.saidi, row.saifi, row.ensW)
		}
		if v.ENS() != unserved {
			t.Errorf("%s: ENS %v, wanted the unserved energy %v", row.name, v.ENS(), unserved)
		}
		if again := v.Report(); again.SAIDIMin != got.SAIDIMin || again.SAIFI != got.SAIFI {
			t.Errorf("%s: a second report is %+v, wanted %+v as in the first", row.name, again, got)
		}
	}
}

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-9*max(1, math.Abs(b)) }

// records returns the steps of a row, as a stepper passes them to sinks.
func (o *outages) records(t *testing.T) []*sim.StepRecord {
	t.Helper()
	homes := &twins.BlockLayout{Kind: twins.Household}
	for i := range o.customers {
		homes.Paths = append(homes.Paths, fmt.Sprintf("grid/c/home-%d", i))
	}
	var each [][]string
	length := 1
	for _, s := range o.steps {
		var steps []string
		for _, token := range strings.Fields(s) {
			what, times, many := strings.Cut(token, "*")
			n := 1
			if many {
				n, _ = strconv.Atoi(times)
			}
			steps = append(steps, slices.Repeat([]string{what}, n)...)
		}
		each, length = append(each, steps), max(length, len(steps))
	}
	var records []*sim.StepRecord
	for tick := range length {
		cell := &twins.CellRecord{Path: "grid/c", Blocks: []twins.BlockRecord{{BlockLayout: homes}}}
		r := &sim.StepRecord{Tick: twins.Tick(tick), Step: o.step, Cells: []*twins.CellRecord{cell}}
		for i, steps := range each {
			if tick < len(steps) && steps[tick] != "." {
				e := cutOf(t, steps[tick])
				r.Flows.Unserved += twins.Power(e.Field("unserved_w"))
				cell.Events = append(cell.Events, twins.Notice{Member: fmt.Sprintf("grid/c/home-%d", i), Event: e})
			}
		}
		records = append(records, r)
	}
	return records
}

func cutOf(t *testing.T, token string) twins.Event {
	t.Helper()
	if token == "x" {
		token = "600/600"
	}
	var cut, wanted, more int64
	essential, other, _ := strings.Cut(token, "+")
	if other != "" {
		more, _ = strconv.ParseInt(other, 10, 64)
	}
	if essential != "" {
		if _, err := fmt.Sscanf(essential, "%d/%d", &cut, &wanted); err != nil {
			t.Fatalf("%s: %v", token, err)
		}
	}
	return twins.Event{Type: twins.SupplyCut, V: [7]int64{wanted * 1000, cut * 1000, (cut + more) * 1000}}
}

// Jain's index by hand: shares of 0.1 and 0.3 give 0.4² ÷ (2 · 0.10) = 0.8, and the
// greatest is 1.5 times the mean. Each customer counts with its last cut of essential
// load, if that is less than 30 days ago.
func TestFairnessByHand(t *testing.T) {
	type cut struct {
		member      string
		tick        twins.Tick
		need, borne int64
	}
	const day = 24 // steps of an hour
	for _, row := range []struct {
		name string
		cuts []cut
		want views.FairnessReport
	}{
		{"no customer", nil, views.FairnessReport{}},
		{"one", []cut{{"a", 0, 100, 10}}, views.FairnessReport{Jain: 1, MaxOverMean: 1, ServedShort: 1}},
		{"equal shares", []cut{{"a", 0, 100, 10}, {"b", 0, 50, 5}, {"c", 1, 10, 1}}, views.FairnessReport{Jain: 1, MaxOverMean: 1, ServedShort: 3}},
		{"one has three times the share", []cut{{"a", 0, 100, 10}, {"b", 0, 100, 30}}, views.FairnessReport{Jain: 0.8, MaxOverMean: 1.5, ServedShort: 2}},
		{"for half of the need", []cut{{"a", 0, 100, 10}, {"b", 0, 50, 15}}, views.FairnessReport{Jain: 0.8, MaxOverMean: 1.5, ServedShort: 2}},
		{"the last cut counts", []cut{{"a", 0, 100, 90}, {"b", 0, 100, 10}, {"a", 5, 100, 30}}, views.FairnessReport{Jain: 0.8, MaxOverMean: 1.5, ServedShort: 2}},
		{"heat alone does not count", []cut{{"a", 0, 100, 10}, {"b", 0, 100, 0}}, views.FairnessReport{Jain: 1, MaxOverMean: 1, ServedShort: 1}},
		{"more than 30 days ago", []cut{{"a", 0, 100, 10}, {"b", 30 * day, 100, 30}}, views.FairnessReport{Jain: 1, MaxOverMean: 1, ServedShort: 1}},
		{"less than 30 days ago", []cut{{"a", 1, 100, 10}, {"b", 30 * day, 100, 30}}, views.FairnessReport{Jain: 0.8, MaxOverMean: 1.5, ServedShort: 2}},
	} {
		var v views.Reliability
		for _, e := range row.cuts {
			cell := &twins.CellRecord{Events: []twins.Notice{{Member: e.member, Event: twins.Event{Type: twins.SupplyCut, V: [7]int64{1, 1, 1, e.need, e.borne}}}}}
			if err := v.Commit(&sim.StepRecord{Tick: e.tick, Step: 3600, Cells: []*twins.CellRecord{cell}}); err != nil {
				t.Fatal(err)
			}
		}
		got := v.Fairness()
		if got == nil {
			got = &views.FairnessReport{}
		}
		if !near(got.Jain, row.want.Jain) || !near(got.MaxOverMean, row.want.MaxOverMean) || got.ServedShort != row.want.ServedShort {
			t.Errorf("%s: %+v, want %+v", row.name, *got, row.want)
		}
	}
}
