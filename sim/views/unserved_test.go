package views_test

import (
	"testing"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/sim/views"
)

// The alert about load that is not served is active in a community exactly in the steps in which load
// is unserved there or begins to wait, because it cannot be drawn by its deadline any more. In the
// night the almost empty car waits for its trip at 07:00, and nothing is unserved until then.
func TestUnservedAlert(t *testing.T) {
	s, err := scenario.Load("hamlet", scenario.Options{Set: []string{"vehicles.car.initial_soc=0.05",
		"vehicles.car.daily.trip_wh=50000", "ties.tie.available=false", "producers.engine.available=false"}})
	if err != nil {
		t.Fatal(err)
	}
	w, err := sim.Build(s)
	if err != nil {
		t.Fatal(err)
	}
	alerts := views.AlertsKind.New(w).(*views.Alerts)
	var waits, cut, none int
	members := map[string]int64{} // member-steps with load that is unserved or begins to wait
	run(t, w, alerts, sim.SinkFunc(func(r *sim.StepRecord) error {
		for _, c := range r.Cells {
			f := &c.Flows
			for i := range c.Blocks {
				b := &c.Blocks[i]
				for m := range b.Paths {
					if b.Value(b.ColumnNamed("unserved_w"), m) > 0 || b.Value(b.ColumnNamed("waiting_w"), m) > 0 {
						members[c.Path]++
					}
				}
			}
			switch {
			case f.Unserved > 0:
				cut++
			case f.Waiting > 0:
				waits++
			default:
				none++
			}
			row := alerts.Find("load.unserved:" + c.Path)
			if active, want := row != nil && row.Active, f.Unserved > 0 || f.Waiting > 0; active != want {
				t.Errorf("step %d, %s: active %v with %d mW unserved and %d mW waiting", r.Tick, c.Path, active, f.Unserved, f.Waiting)
			}
		}
		return nil
	}))
	for path, n := range members {
		if row := alerts.Find("load.unserved:" + path); row.Count != n || row.Rule.Counts != views.CountsMembers {
			t.Errorf("%s: the alert counts %d %s, wanted %d member-steps", path, row.Count, row.Rule.Counts, n)
		}
	}
	if waits == 0 || cut == 0 || none == 0 {
		t.Errorf("load only waits in %d steps of communities, is unserved in %d and served in %d, wanted all three", waits, cut, none)
	}
}
