package ui

import (
	"testing"

	"github.com/smatrix-grid/smatrix/sim/views"
)

// The memory of a history counts each row of alerts once, idle ones among them, which steps share.
func TestIdleAlertsAreCounted(t *testing.T) {
	s := serve(t, "hamlet", nil)
	s.step(24)
	held, counted, idle := 0, 0, map[*views.Alert]bool{}
	for tick := range int64(24) {
		step, _, err := s.live.stepAt(tick, false)
		if err != nil {
			t.Fatal(err)
		}
		counted += step.alerts.size()
		held += 120 * len(step.alerts.active)
		if rows := step.alerts.idle; len(rows) > 0 && !idle[&rows[0]] {
			idle[&rows[0]] = true
			held += 120 * len(rows)
		}
	}
	if len(idle) == 0 || counted != held {
		t.Errorf("%d B are counted, %d B held, with %d lists of idle alerts", counted, held, len(idle))
	}
}
