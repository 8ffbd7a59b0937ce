package main

import (
	"encoding/json"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/smatrix-grid/smatrix/sim/views"
)

// The frequency is held by the neighbour only over a tie in service with a rating, in the report of a run, in that of its
// records, and in the report of a run that was computed again.
func TestWhoHoldsTheFrequency(t *testing.T) {
	line := regexp.MustCompile(`(?m)^frequency +(.*)$`)
	for _, row := range []struct {
		name  string
		set   []string
		words string // "": nothing is said
		held  int64  // −1: the grid has no frequency
	}{
		{"a tie", nil, "held by the neighbour over the tie", 24},
		{"a tie that only exports", []string{"ties.tie.import_w=0"}, "held by the neighbour over the tie", 24},
		{"a tie of 0 W", []string{"ties.tie.import_w=0", "ties.tie.export_w=0"}, "", -1},
		{"a tie out of service", []string{"ties.tie.available=false"}, "49.495 to 50.209 Hz as an island (20 steps)", 0},
		{"a tie of 0 W and out of service", []string{"ties.tie.import_w=0", "ties.tie.export_w=0", "ties.tie.available=false"}, "49.495 to 50.209 Hz as an island (20 steps)", 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "run")
			args := []string{"run", "hamlet", "--out", dir}
			for _, s := range row.set {
				args = append(args, "--set", s)
			}
			for _, args := range [][]string{args, {"replay", dir}, {"replay", dir, "--verify"}} {
				code, stdout, stderr := smatrix(t, args...)
				said := ""
				if m := line.FindStringSubmatch(stdout); m != nil {
					said = m[1]
				}
				if code != 0 || said != row.words {
					t.Errorf("%s: exit code %d, %q, wanted %q %s", args[0], code, said, row.words, stderr)
				}
			}
			_, stdout, _ := smatrix(t, "replay", dir, "--json")
			var report views.Report
			if err := json.Unmarshal([]byte(stdout), &report); err != nil {
				t.Fatal(err)
			}
			held := int64(-1)
			if report.Frequency != nil {
				held = report.Frequency.HeldSteps
			}
			if held != row.held {
				t.Errorf("it was held in %d steps, wanted %d", held, row.held)
			}
		})
	}
}

// A rating of the tie that commands take away and give back during a run holds from its step on, live and in the records.
func TestFrequencyAfterCommands(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	live := servedNew(t, "hamlet", dir, 0)
	live.to(24, map[int64][]string{
		6:  {set("supply/tie", "import_w", "0", 6)},
		8:  {set("supply/tie", "export_w", "0", 8)},
		11: {set("supply/tie", "import_w", "4000", 11)},
	})
	var series struct {
		Series []struct {
			T []int
			V []*float64
		}
	}
	wanted := func(t *testing.T, of string) {
		t.Helper()
		known := 0
		for i, v := range series.Series[0].V {
			if v == nil {
				continue
			}
			if known++; 8 <= series.Series[0].T[i] && series.Series[0].T[i] < 11 {
				t.Errorf("%s: the frequency of step %d is %g, wanted none", of, series.Series[0].T[i], *v)
			}
		}
		if known != 21 {
			t.Errorf("%s: %d steps have a frequency, wanted 21", of, known)
		}
	}
	live.must("GET", "/flows?column=frequency_hz", "", &series)
	wanted(t, "live")
	live.close()
	replay := replayOf(t, dir)
	replay.must("GET", "/flows?column=frequency_hz", "", &series)
	wanted(t, "replay")
}
