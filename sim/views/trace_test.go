package views_test

import (
	"testing"

	"github.com/smatrix-grid/smatrix/sim/views"
	"github.com/smatrix-grid/smatrix/twins"
)

// A trace of many steps has exact means: each value is the mean of the steps that it covers.
func TestTrace(t *testing.T) {
	for _, steps := range []int{1, 3, views.MostPlotted, views.MostPlotted + 1, 3*views.MostPlotted + 7, 10 * views.MostPlotted} {
		var trace views.Trace
		powers := make([]twins.Power, steps)
		for i := range powers {
			powers[i] = twins.Power(i*i%997)*twins.Gigawatt - twins.Power(i)
			trace.Add(powers[i])
		}
		each := trace.Each()
		if trace.Steps() != steps || trace.Len() > views.MostPlotted || trace.Len() != (steps+each-1)/each || steps <= views.MostPlotted && each != 1 || each > 16 {
			t.Fatalf("%d steps: %d values of %d steps each, wanted all steps in as few values as fit", steps, trace.Len(), each)
		}
		for i := range trace.Len() {
			part := powers[i*each : min(steps, (i+1)*each)]
			sum := twins.Power(0)
			for _, p := range part {
				sum += p
			}
			if got, want := trace.Mean(i, i+1), sum.Watts()/float64(len(part)); got != want {
				t.Fatalf("%d steps: value %d is %v, wanted %v", steps, i, got, want)
			}
		}
	}
}
