package views

import (
	"time"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/twins"
)

// Curves folds a run into curves of at most MostPoints points, each the mean of as many steps, for
// plots. Powers are in W.
type Curves struct {
	PerPoint int // steps of a point
	Times    []time.Time
	End      time.Time

	Demand     []Curve // by kind of consumer, to be stacked
	Production []Curve // by kind of producer, to be stacked
	Import     Curve   // + import, − export, over the outer ties
	Unserved   Curve
	// FrequencyMin and FrequencyMax are the extremes within each point, in Hz; nil if neither an island
	// nor a neighbour ever held the frequency.
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
	v := &Curves{PerPoint: (steps + MostPoints - 1) / MostPoints, Import: Curve{Name: "Import"}, Unserved: Curve{Name: "Unserved"}}
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
	v.frequency(&r.Swing)
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

func (v *Curves) frequency(s *twins.Swing) {
	if !s.Island && !s.Held {
		return
	}
	for len(v.FrequencyMin) < len(v.Times) {
		v.FrequencyMin, v.FrequencyMax = append(v.FrequencyMin, nominalHz), append(v.FrequencyMax, nominalHz)
	}
	last := len(v.Times) - 1
	v.FrequencyMin[last] = min(v.FrequencyMin[last], nominalHz+float64(s.Min)/1e6)
	v.FrequencyMax[last] = max(v.FrequencyMax[last], nominalHz+float64(s.Max)/1e6)
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
	for len(v.FrequencyMin) > 0 && len(v.FrequencyMin) < len(v.Times) {
		v.FrequencyMin, v.FrequencyMax = append(v.FrequencyMin, nominalHz), append(v.FrequencyMax, nominalHz)
	}
}
