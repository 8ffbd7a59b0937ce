package commitment

import "github.com/smatrix-grid/smatrix/twins"

// Moment is when a plan is made, and its span.
type Moment struct {
	Now  twins.Tick
	Step twins.Seconds // of the run
	// Span of the plan: during it a plant short of water can use its stored water
	// and its inflow, and no more.
	Span twins.Seconds
	// ReserveIn is the time within which reserve must be there.
	ReserveIn twins.Seconds
}

// UnitOf is a plant in the form of the plan. A plant that is not available is out
// for the whole plan, since the end of the outage is unknown. Wind and sun are no
// units: they belong to the residual load.
func UnitOf(name string, p *twins.Plant, m Moment, periods int) Unit {
	u := Unit{
		Name: name, Min: p.MinOutput, Max: p.Rated, Cost: p.Cost,
		WarmAfter: p.WarmAfter, ColdAfter: p.ColdAfter, MinUp: p.MinUp, MinDown: p.MinDown,
		Since: min(maxSpan, twins.Seconds(m.Now-p.Since)*m.Step),
	}
	if m.Span > 0 {
		water, _ := p.Water.Over(m.Span)
		u.Max = min(p.Rated, p.Firm+water)
		u.Min = min(u.Min, u.Max)
	}
	if m.ReserveIn > 0 {
		raise, _ := twins.MulDiv(int64(p.Ramp), int64(m.ReserveIn), 60)
		u.Raise = max(twins.Milliwatt, min(p.Rated, twins.Power(raise)))
	}
	for h := range u.Starts {
		u.Starts[h] = Start{Time: p.StartUp[h], Cost: p.StartCost[h]}
	}
	switch {
	case p.State == twins.PlantStarting && p.Since > m.Now:
		u.State, u.Since = Starting, -u.Since
	case p.State == twins.PlantStarting:
		u.State, u.Since = On, 0
	case p.State == twins.PlantOn:
		u.State = On
	}
	u.byHand(p, m, periods)
	if !p.Available {
		u.Out = make([]bool, periods)
		for t := range u.Out {
			u.Out[t] = true
		}
	}
	return u
}

// byHand applies the manager's orders: an output stays fixed until its tick.
func (u *Unit) byHand(p *twins.Plant, m Moment, periods int) {
	want := Free
	switch p.Order {
	case twins.OrderRun:
		want = MustRun
	case twins.OrderStop:
		want = MustStop
	}
	if want != Free {
		u.Orders = make([]Order, periods)
		for t := range u.Orders {
			u.Orders[t] = want
		}
	}
	if p.Fixed <= 0 || p.FixedUntil <= m.Now || m.Span <= 0 || want == MustStop || u.State != On {
		return
	}
	period := m.Span / twins.Seconds(periods)
	u.Fixed = make([]twins.Power, periods)
	for t := range u.Fixed {
		if u.Fixed[t] = -1; twins.Seconds(t)*period < twins.Seconds(p.FixedUntil-m.Now)*m.Step {
			u.Fixed[t] = max(u.Min, min(u.Max, p.Fixed))
		}
	}
}
