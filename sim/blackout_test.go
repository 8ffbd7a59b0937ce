package sim_test

import (
	"testing"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/twins"
)

// In a step that is black from its first second on no load is served; what is unserved is booked. Before the
// mend, what relays had cut was given back in the second pass of the same step.
func TestNoLoadIsServedInABlackStep(t *testing.T) {
	black := 0
	for _, set := range [][]string{
		{"ties.tie.available=false"},
		{"ties.tie.available=false", "step_s=900"},
		{"ties.tie.available=false", "households.*.load.scale*=1.5"},
	} {
		s, err := scenario.Load("hamlet", scenario.Options{Set: set})
		if err != nil {
			t.Fatal(err)
		}
		w, err := sim.Build(s)
		if err != nil {
			t.Fatal(err)
		}
		runner := sim.Runner{World: w, Stepper: sim.NewFlat(w, nil, true), Sinks: []sim.Sink{sim.SinkFunc(func(r *sim.StepRecord) error {
			if !r.Swing.Blackout || r.Swing.ShedFor < twins.One {
				return nil
			}
			black++
			if r.Flows.Load != 0 {
				t.Errorf("%v: %v of load are served in step %d, which is black", set, r.Flows.Load, r.Tick)
			}
			if r.Flows.Residual() != 0 {
				t.Errorf("%v: step %d does not balance by %v", set, r.Tick, r.Flows.Residual())
			}
			return nil
		})}}
		if _, err := runner.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if black < 5 {
		t.Errorf("%d black steps, wanted some to look at", black)
	}
}
