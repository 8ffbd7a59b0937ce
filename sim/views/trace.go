package views

import (
	"github.com/smatrix-grid/smatrix/twins"
)

// MostPlotted is the highest number of values of a Trace: half a year of quarter hours, eleven days of minutes.
const MostPlotted = 16_384

// Trace is the curve of a power over a run, for a plot. Up to MostPlotted steps it has a value for
// each step. Beyond that, neighbours are added up, so that a value is the sum of 2, 4, 8 … steps. Sums
// are exact.
type Trace struct {
	each  int // steps of a value; the last value may have fewer
	steps int
	sums  []twins.Total // mW·steps
}

// Add appends the power of a step.
func (t *Trace) Add(p twins.Power) {
	if len(t.sums) == MostPlotted && t.steps == MostPlotted*t.each {
		for i := range MostPlotted / 2 {
			t.sums[i] = t.sums[2*i].PlusTotal(t.sums[2*i+1])
		}
		t.sums, t.each = t.sums[:MostPlotted/2], 2*t.each
	}
	if t.each == 0 {
		t.each = 1
	}
	if t.steps%t.each == 0 {
		t.sums = append(t.sums, twins.Total{})
	}
	last := &t.sums[len(t.sums)-1]
	*last = last.Plus(twins.Energy(p))
	t.steps++
}

// Len returns the number of values.
func (t *Trace) Len() int { return len(t.sums) }

// Each returns the number of steps of a value.
func (t *Trace) Each() int { return max(1, t.each) }

// Steps returns the number of steps of all values together.
func (t *Trace) Steps() int { return t.steps }

// Mean returns the mean power over the values from ≤ i < to, in W.
func (t *Trace) Mean(from, to int) float64 {
	sum := 0.0
	for i := from; i < to; i++ {
		sum += watts(t.sums[i])
	}
	return sum / float64(min(to*t.each, t.steps)-from*t.each)
}

// watts returns a sum of powers in W, with the rounding of Power.Watts if the sum fits into a Power.
func watts(sum twins.Total) float64 {
	if e, ok := sum.Energy(); ok {
		return twins.Power(e).Watts()
	}
	return sum.WattHours() * 3600
}
