package views

import (
	"math"
	"time"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/twins"
)

// Curves folds a run into curves of at most MostPoints points, each the mean of as many steps, for
// plots. Powers are in W.
type Curves struct {
	PerPoint int           // steps of a point
	Step     twins.Seconds // length of a step
	Times    []time.Time
	End      time.Time

	Demand     []Curve // by kind of consumer, to be stacked
	Production []Curve // by kind of producer, to be stacked
	Import     Curve   // + import, − export, over the outer ties
	Unserved   Curve
	// FrequencyMin and FrequencyMax are the extremes within each point, in Hz, NaN if the grid had no
	// frequency in it; nil if it never had one.
	FrequencyMin, FrequencyMax []float64
	Communities                []CommunityCurve

	steps  int
	counts []int
}

// Curve is a value for each point.
type Curve struct {
	Name   string
	Values []float64
}

// CommunityCurve is the net load of a community: + draws from the grid, − feeds in. LimitW is its
// limit as the scenario states it; 0: none.
type CommunityCurve struct {
	Curve
	LimitW float64
}

// MostPoints is the highest number of points of a curve.
const MostPoints = 480

// NewCurves makes the curves of a world before its first step.
func NewCurves(w *sim.World) *Curves {
	steps := max(1, int(w.Scenario.Calendar.Steps))
	v := &Curves{PerPoint: (steps + MostPoints - 1) / MostPoints, Step: w.Scenario.Calendar.Step, Import: Curve{Name: "Import"}, Unserved: Curve{Name: "Unserved"}}
	for _, c := range w.Cells {
		v.Communities = append(v.Communities, CommunityCurve{Curve{Name: c.Path}, c.Node.Limit().Watts()})
	}
	return v
}

// Commit implements sim.Sink.
func (v *Curves) Commit(r *sim.StepRecord) error {
	if v.steps%v.PerPoint == 0 {
		v.Times, v.counts = append(v.Times, r.Time), append(v.counts, 0)
	}
	v.steps++
	v.counts[len(v.counts)-1]++
	v.End = r.Time.Add(time.Duration(r.Step) * time.Second)
	f := &r.Flows
	demand, production := map[string]twins.Power{}, map[string]twins.Power{}
	for i, c := range r.Cells {
		v.Communities[i].add(v, c.Net().Watts())
		for _, b := range c.Blocks {
			demand[b.Kind.Label] += b.Flows.Load + b.Flows.Charge
			production[b.Kind.Label] += b.Flows.Generation + b.Flows.Discharge
		}
	}
	demand["Export"], demand["Losses"], production["Import"] = f.Export, f.NetworkLoss, f.Import
	v.stack(&v.Demand, demand)
	v.stack(&v.Production, production)
	v.Import.add(v, (f.Import - f.Export).Watts())
	v.Unserved.add(v, f.Unserved.Watts())
	v.frequency(r)
	return nil
}

// add adds a step to the mean of the last point.
func (c *Curve) add(v *Curves, watts float64) {
	for len(c.Values) < len(v.Times) {
		c.Values = append(c.Values, 0)
	}
	n := float64(v.counts[len(v.counts)-1])
	at := &c.Values[len(c.Values)-1]
	*at += (watts - *at) / n
}

// stack adds a step to curves by name. A curve that begins later is 0 before.
func (v *Curves) stack(curves *[]Curve, powers map[string]twins.Power) {
	seen := map[string]bool{}
	for i := range *curves {
		c := &(*curves)[i]
		c.add(v, powers[c.Name].Watts())
		seen[c.Name] = true
	}
	for _, name := range stackOrder() {
		if p := powers[name]; p != 0 && !seen[name] {
			c := Curve{Name: name}
			c.add(v, p.Watts())
			*curves = append(*curves, c)
		}
	}
}

// stackOrder returns the names of all curves, in the order in which they are stacked.
func stackOrder() (names []string) {
	for _, k := range twins.Kinds() {
		names = append(names, k.Label)
	}
	return append(names, "Import", "Export", "Losses")
}

func (v *Curves) frequency(r *sim.StepRecord) {
	if !r.HasFrequency() {
		return
	}
	v.padFrequency()
	last := len(v.Times) - 1
	least, greatest := nominalHz+float64(r.Swing.Min)/1e6, nominalHz+float64(r.Swing.Max)/1e6
	if first := math.IsNaN(v.FrequencyMin[last]); first || least < v.FrequencyMin[last] {
		v.FrequencyMin[last] = least
	}
	if first := math.IsNaN(v.FrequencyMax[last]); first || greatest > v.FrequencyMax[last] {
		v.FrequencyMax[last] = greatest
	}
}

// padFrequency appends values for points in which the grid had no frequency so far.
func (v *Curves) padFrequency() {
	for len(v.FrequencyMin) < len(v.Times) {
		v.FrequencyMin, v.FrequencyMax = append(v.FrequencyMin, math.NaN()), append(v.FrequencyMax, math.NaN())
	}
}

// Pad appends values to curves that are too short, so that each has a value for each point.
func (v *Curves) Pad() {
	pad := func(c *Curve) {
		for len(c.Values) < len(v.Times) {
			c.Values = append(c.Values, 0)
		}
	}
	for _, curves := range [][]Curve{v.Demand, v.Production} {
		for i := range curves {
			pad(&curves[i])
		}
	}
	if len(v.FrequencyMin) > 0 {
		v.padFrequency()
	}
}
