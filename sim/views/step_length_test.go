package views_test

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// shortStreet is a home whose load is constant, with a vehicle, a pump and a heat pump behind a
// tie that is too small for them.
const shortStreet = `
start: 2018-01-08
zone: Europe/Berlin
step_s: %d
days: 2
recordings:
  - {id: homes, file: m.csv, unit: kW}
communities: [{id: street}, {id: supply}]
households:
  - {id: h1, community: street, load: {recording: homes, column: home}, heat_pump: {heat_loss_w_per_k: 300, rated_w: 6000, gains_w: 0, solar_m2: 0}}
ties: [{id: tie, community: supply, import_w: %d, export_w: 0}]
vehicles:
  - {id: v, community: street, owner: h1, rated_a: 16, min_a: 1, rated_wh: 40000, target_soc: 0.9, initial_soc: 0.2, daily: {arrive: "18:00", leave: "07:00", trip_wh: 20000}}
water_pumps:
  - {id: p, community: street, rated_w: 2000, daily_wh: 12000, from: "06:00", until: "16:00"}
`

// With inputs that are constant over each hour, what is unserved, and how cold it was, does not
// depend on the length of the step; and a smaller tie leaves more unserved.
func TestUnservedAtAnyStepLength(t *testing.T) {
	dir := t.TempDir()
	var m strings.Builder
	m.WriteString("time,home\n")
	for h := range 48 {
		fmt.Fprintf(&m, "2018-01-%02dT%02d:00,1\n", 8+h/24, h%24)
	}
	if err := os.WriteFile(filepath.Join(dir, "m.csv"), []byte(m.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	before := -1.0
	for _, importW := range []int{6000, 3500, 2000} {
		var unserved, cold []float64
		for _, step := range []int{60, 900, 3600} {
			file := filepath.Join(dir, fmt.Sprintf("s-%d-%d.yaml", importW, step))
			if err := os.WriteFile(file, fmt.Appendf(nil, shortStreet, step, importW), 0o644); err != nil {
				t.Fatal(err)
			}
			r, _ := ratios(t, file)
			unserved, cold = append(unserved, r.Energy.Unserved), append(cold, *r.Comfort.RoomsKh)
			if r.Energy.UnservedEssential != 0 {
				t.Errorf("%d W, steps of %d s: %v Wh of the constant load unserved", importW, step, r.Energy.UnservedEssential)
			}
		}
		for k := range unserved {
			if math.Abs(unserved[k]-unserved[0]) > 0.01*unserved[0]+1 || math.Abs(cold[k]-cold[0]) > 0.01*cold[0]+0.1 {
				t.Errorf("%d W: %v Wh unserved and %v K·h, wanted them within 1 %%", importW, unserved, cold)
			}
		}
		if unserved[0] <= before {
			t.Errorf("%d W: %v Wh unserved, with more %v", importW, unserved[0], before)
		}
		before = unserved[0]
		t.Logf("%d W: %.0f Wh unserved, %.1f K·h", importW, unserved, cold)
	}
}
