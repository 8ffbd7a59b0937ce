package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/smatrix-grid/smatrix/sim/inputs"
	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/sim/views"
	"github.com/smatrix-grid/smatrix/twins"
)

// A figure for people has no exponent.
func TestThreeDigits(t *testing.T) {
	for x, want := range map[float64]string{0: "0", 1007.4: "1,007", 999.6: "1,000", 999.4: "999", 6.754: "6.75", 6.7: "6.7", 0.00001234: "0.0000123", 1_234_567: "1,234,567"} {
		if got := threeDigits(x); got != want {
			t.Errorf("%g is %q, wanted %q", x, got, want)
		}
	}
}

func TestQuantity(t *testing.T) {
	tests := []struct {
		x    float64
		want string
	}{
		// Less than a thousand.
		{0, "0 W"}, {0.001, "0.00 W"}, {0.5, "0.50 W"}, {57, "57.00 W"}, {647, "647.0 W"}, {999.9, "999.9 W"},
		// Values that round up to the next unit.
		{999.96, "1.00 kW"}, {1000, "1.00 kW"}, {999_960, "1.00 MW"},
		{57358, "57.36 kW"}, {483914.15, "483.9 kW"}, {12_345_678, "12.35 MW"}, {7e9, "7.00 GW"}, {2e15, "2000.0 TW"},
		{-57358, "-57.36 kW"},
	}
	for _, tt := range tests {
		if got := quantity(tt.x, "W"); got != tt.want {
			t.Errorf("%v is %s, want %s", tt.x, got, tt.want)
		}
	}
}

func TestGrouped(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 12: "12", 999: "999", 1000: "1,000", 123456: "123,456", -1234567: "-1,234,567"} {
		if got := grouped(n); got != want {
			t.Errorf("%d is %s, want %s", n, got, want)
		}
	}
}

func TestSpan(t *testing.T) {
	for s, want := range map[int64]string{1: "1 s", 60: "1 min", 90: "1 min 30 s", 900: "15 min", 8400: "2 h 20 min", 86400: "1 d"} {
		if got := span(s); got != want {
			t.Errorf("%d s is %s, want %s", s, got, want)
		}
	}
}

// summaryOf returns the summary of a run of so many steps, whose demand and production rise and
// fall.
func summaryOf(steps int, most twins.Power, production bool) *views.Summary {
	s := &views.Summary{}
	for i := range steps {
		s.Demand.Add(most * twins.Power(i%97) / 96)
		made := twins.Power(0)
		if production {
			made = most * twins.Power(i%31) / 30
		}
		s.Production.Add(made)
	}
	return s
}

var colours = regexp.MustCompile("\x1b\\[[0-9;]*m")

// A plot fits a terminal, however long the run and large its powers.
func TestPlotFits(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	start := time.Date(2024, 3, 30, 13, 7, 0, 0, zone) // the clocks change on the next day
	for _, steps := range []int{1, 2, 3, 10, 24, 37, 48, 71, 72, 73, 96, 100, 1000, 1440, 1441, 10_080, 20_000} {
		for _, step := range []twins.Seconds{1, 60, 3600} {
			for _, most := range []twins.Power{0, 1, 57_358 * twins.Watt, 999_999_999} {
				name := fmt.Sprintf("%d steps of %d s, %d mW", steps, step, most)
				calendar := inputs.NewCalendar(start, step, twins.Tick(steps))
				plain := plot(summaryOf(steps, most, true), calendar, false)
				for line := range strings.SplitSeq(plain, "\n") {
					if n := utf8.RuneCountInString(line); n > reportWidth {
						t.Fatalf("%s: %d columns in\n%s", name, n, plain)
					}
				}
				if n := strings.Count(plain, "\n"); n != plotRows+4 {
					t.Fatalf("%s: %d lines in\n%s", name, n, plain)
				}
				if got := colours.ReplaceAllString(plot(summaryOf(steps, most, true), calendar, true), ""); got != plain {
					t.Fatalf("%s: colours change\n%s\nto\n%s", name, plain, got)
				}
			}
		}
	}
}

func TestPlotOfADay(t *testing.T) {
	calendar := inputs.NewCalendar(time.Date(2018, 1, 8, 0, 0, 0, 0, time.UTC), 60, 1440)
	got := plot(summaryOf(1440, 20*twins.Kilowatt, false), calendar, false)
	for _, want := range []string{
		"00:00       04:00       08:00       12:00       16:00       20:00       00:00\n",
		"demand, kW; a column is the mean of 20 min\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if got := plot(summaryOf(1440, 20*twins.Kilowatt, true), calendar, false); !strings.Contains(got, "demand ───  production ···  in kW") {
		t.Errorf("no production in\n%s", got)
	}
	if got := plot(summaryOf(24, twins.Watt, false), inputs.NewCalendar(calendar.Start, 3600, 24), false); strings.Contains(got, "mean") {
		t.Errorf("a column is part of a step in\n%s", got)
	}
}

// Warnings are in the report, and events that did not happen are not.
func TestReportText(t *testing.T) {
	half := 0.5
	calendar := inputs.NewCalendar(time.Date(2018, 12, 31, 0, 0, 0, 0, time.UTC), 900, 96)
	s := &scenario.Scenario{Name: "x", Calendar: calendar}
	bad := views.Report{
		Scenario: "x\x1b[2J", StepS: 900, Steps: 96, Members: map[string]int{"household": 1, "vehicle": 2, "battery": 1},
		Energy:      views.EnergyReport{Consumed: 1, Produced: 1, Exported: 2, Lost: 3, Curtailed: 4, Shifted: 6, Unserved: 5, UnservedEssential: 2},
		Reliability: views.ReliabilityReport{ENSWh: 5, SAIDIMin: 12.345, SAIFI: 0.25}, Fairness: &views.FairnessReport{Jain: 0.8, MaxOverMean: 1.5, ServedShort: 2},
		PeakW: 1, PeakStep: 3, LimitBreachSteps: 1, BalanceResidualMJ: -7, ReportRatios: views.ReportRatios{SelfSufficiency: &half},
		Breached:     views.BreachReport{Communities: 1, Steps: 1},
		Vehicles:     views.VehicleReport{Departures: 3, Ready: 2, Impossible: 1},
		FilledValues: 1234, Quarantined: []string{"grid/a/b"}, Interrupted: true,
	}
	text := reportText(&bad, summaryOf(96, twins.Kilowatt, false), s, 0, false)
	for _, want := range []string{
		"Mon 31 Dec 2018 00:00 to Tue 1 Jan 2019 00:00, UTC", "interrupted after step 96 of 96",
		"1 household, 1 battery, 2 vehicles", "lost in cables    3.00 Wh", "curtailed         4.00 Wh", "unserved          5.00 Wh, of it essential 2.00 Wh",
		"shifted           6.00 Wh to later by agreement,\n                  what has become of it is not known", "interruptions     SAIFI 0.25, SAIDI 12.3 min per customer",
		"served short      2 customers, Jain's index 0.800, greatest ÷ mean 1.50",
		"above a limit     1 community-step: 1 community, 1 step", "1.00 W of consumption + charging at 00:45, step 3", "self-sufficiency  50.0 %", "self-consumption  —",
		"3 departures, 2 ready, 1 impossible", "residual -7 mJ", "quarantined       grid/a/b", "filled values     1,234 that the recordings lack\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	part := bad
	part.Steps = 40
	if text, want := reportText(&part, summaryOf(40, twins.Kilowatt, false), s, 40, false), "1,234 that the recordings lack for the whole of the scenario's time\n"; !strings.Contains(text, want) {
		t.Errorf("a part: no %q in\n%s", want, text)
	}
	if strings.Contains(text, "\x1b") {
		t.Errorf("a name can make the terminal do things:\n%q", text)
	}
	good := views.Report{Scenario: "x", StepS: 900}
	text = reportText(&good, &views.Summary{}, s, 0, false)
	for _, no := range []string{"unserved", "curtailed", "quarantined", "filled", "lost", "vehicles", "limit", "interrupted", "peak", "kept", "shifted", "SAIFI", "Jain"} {
		if strings.Contains(text, no) {
			t.Errorf("%q in\n%s", no, text)
		}
	}
}

func TestProgressText(t *testing.T) {
	calendar := inputs.NewCalendar(time.Date(2018, 1, 8, 0, 0, 0, 0, time.UTC), 60, 1440)
	if got, want := progressText(calendar, 720, time.Second), "Mon 8 Jan 2018 12:00  43,200×  1 s left"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A run that ends before the first interval prints nothing; a long one prints a line in
// each.
func TestProgressLines(t *testing.T) {
	var b strings.Builder
	calendar := inputs.NewCalendar(time.Date(2018, 1, 8, 0, 0, 0, 0, time.UTC), 60, 1440)
	p := newProgress(&b, calendar)
	for i := range twins.Tick(100) {
		p.update(i + 1)
	}
	if p.end(); b.Len() > 0 {
		t.Errorf("said %q", &b)
	}
	p.shown = p.shown.Add(-linesEvery)
	p.update(720)
	p.update(721)
	if got := b.String(); !strings.HasPrefix(got, " 50 %  Mon 8 Jan 2018 12:00  ") || strings.Count(got, "\n") != 1 {
		t.Errorf("said %q", got)
	}
}

// What the text says of service, vehicles and operation, the page says in the same words.
func TestPageSaysWhatTheTextSays(t *testing.T) {
	s := &scenario.Scenario{Name: "x", Calendar: inputs.NewCalendar(time.Date(2018, 12, 31, 0, 0, 0, 0, time.UTC), 900, 96)}
	island := views.Report{
		StepS: 900, Members: map[string]int{"vehicle": 2, "producer": 1},
		Reliability: views.ReliabilityReport{SAIDIMin: 1007.4, SAIFI: 6.75, CAIDIMin: new(149.2)}, Fairness: &views.FairnessReport{Jain: 0.8, MaxOverMean: 1.5, ServedShort: 2},
		Vehicles: views.VehicleReport{Departures: 3, Ready: 2, Impossible: 1}, Forecast: &views.ForecastReport{HourAhead: 0.087, DayAhead: 0.155},
		Frequency: &views.FrequencyReport{Min: new(49.5), Max: new(50.2), IslandSteps: 7, UFLSStages: 2, BlackSteps: 5},
	}
	held := island
	held.Frequency = &views.FrequencyReport{Min: new(50.0), Max: new(50.0), HeldSteps: 96}
	for _, row := range []struct {
		r     views.Report
		wants []string
	}{
		{island, []string{"SAIFI 6.75, SAIDI 1,007 min per customer, CAIDI 149 min per interruption", "2 customers, Jain's index 0.800, greatest ÷ mean 1.50",
			"3 departures, 2 ready, 1 impossible, as told at plug-in", "49.500 to 50.200 Hz as an island", "2 stages", "5 steps",
			"off by 8.7 % of the load an hour ahead, 15.5 % a day ahead (rms)"}},
		{held, []string{"held by the neighbour over the tie"}},
	} {
		var page []string
		for _, f := range makePage(&row.r, &views.Curves{}, s).Figures {
			page = append(page, f.Value)
		}
		text := strings.Join(strings.Fields(reportText(&row.r, &views.Summary{}, s, 0, false)), " ")
		for _, want := range row.wants {
			if !strings.Contains(text, want) || !slices.Contains(page, want) {
				t.Errorf("no %q in the text or the page:\n%s\n%q", want, text, page)
			}
		}
	}
}
