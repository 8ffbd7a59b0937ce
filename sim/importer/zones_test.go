package importer_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

// The zone of times is that of the name of their column, whatever the days of the run are, and the rows that
// are in no day of the run are named.
func TestZonesAndDaysThatAreRun(t *testing.T) {
	of := func(k int) int { return 100 + k*37%101 }
	hours := func(head string, n int, layout string) string {
		return head + "\n" + every(60, n, layout, func(k int) string { return fmt.Sprint(",", of(k)) })
	}
	upTo := func(from, to int) float64 { // the sum of rows from ≤ k < to
		sum := 0
		for k := from; k < to; k++ {
			sum += of(k)
		}
		return float64(sum)
	}
	summer := strings.NewReplacer("2025-03-", "2025-07-")
	const iso = "2006-01-02T15:04"
	for _, row := range []struct {
		name, text, zone string
		wh               float64
		want             []string // in the scenario
	}{
		{"MEZ in summer", summer.Replace(hours("Zeit (MEZ),a Wh", 72, iso)), "", upTo(0, 72), []string{"zone: Etc/GMT-1\n", "zone: Etc/GMT-1}", `zone: Etc/GMT-1, by the name of the column "Zeit (MEZ)"`}},
		{"MEZ in local days", summer.Replace(hours("Zeit (MEZ),a Wh", 72, iso)), "Europe/Berlin", upTo(23, 71), []string{"zone: Europe/Berlin\n", "zone: Etc/GMT-1}", "its rows from 2025-07-03 01:00 to 2025-07-04 00:00 and from 2025-07-06 00:00 to 2025-07-06 01:00 are not run"}},
		{"MEZ and MESZ", summer.Replace(hours("Zeit (MEZ/MESZ),a Wh", 72, iso)), "", upTo(0, 72), []string{"zone: Europe/Berlin\n"}},
		{"UTC in local days", summer.Replace(hours("Time (UTC),a Wh", 72, iso)), "Europe/Berlin", upTo(22, 70), []string{"zone: Europe/Berlin\n", "zone: UTC}"}},
		{"UTC", summer.Replace(hours("time_utc,a Wh", 72, iso)), "", upTo(0, 72), []string{"zone: UTC\n", "--zone can name another for the days"}},
		{"an offset in the name", summer.Replace(hours("time UTC+02:00,a Wh", 72, iso)), "Europe/Berlin", upTo(0, 72), []string{"zone: Europe/Berlin\n", "zone: Etc/GMT-2}"}},
		{"a day that is not whole", hours("time,a Wh", 70, iso), "Europe/Berlin", upTo(0, 48), []string{"its rows from 2025-03-05 00:00 to 2025-03-05 22:00 are not run"}},
		{"a counter without its last reading", "time,a Wh\n" + every(60, 72, iso, func(k int) string { return fmt.Sprint(",", 70_000+300*k) }), "Europe/Berlin", 48 * 300, []string{"its rows from 2025-03-05 00:00 to 2025-03-05 23:00 are not run", "the last of these days needs the reading of 2025-03-06 00:00 as well"}},
		{"whole days", hours("time,a Wh", 72, iso), "Europe/Berlin", upTo(0, 72), nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, "m.csv", row.text)
			plan, w := made(t, dir, row.zone, "m.csv")
			if got := recorded(w)["a-wh"]; math.Abs(got-row.wh) > 0.01 {
				t.Errorf("%g Wh, wanted %g in\n%s", got, row.wh, plan.Scenario)
			}
			for _, words := range row.want {
				if !strings.Contains(string(plan.Scenario), words) {
					t.Errorf("wanted %q in\n%s", words, plan.Scenario)
				}
			}
			if row.want == nil && strings.Contains(string(plan.Scenario), "not run") {
				t.Errorf("all rows are run, and not by\n%s", plan.Scenario)
			}
		})
	}
}
