package operator

import (
	"fmt"

	"github.com/smatrix-grid/smatrix/twins"
	"github.com/smatrix-grid/smatrix/twins/commitment"
)

// periodAt is the period of the plan in which step t begins, periodOf that of this
// step; the last one goes on.
func (o *Operator) periodAt(t twins.Tick, step twins.Seconds) int {
	return int(twins.Seconds(t-o.next.madeAt) * step / period)
}

func (o *Operator) periodOf(env *twins.Env) int {
	return min(horizon-1, o.periodAt(env.Tick, env.Step))
}

// due reports whether a plan is to be made: there is none, the last one is an hour
// old, or a unit has gone out of service or come back.
func (o *Operator) due(env *twins.Env, of *twins.Offers) bool {
	changed := false
	for i := range o.units {
		if now := inService(&of.Units[i]); now != o.next.inService[i] {
			o.next.inService[i], changed = now, true
		}
	}
	return changed || o.next.madeAt < 0 || twins.Seconds(env.Tick-o.next.madeAt)*env.Step >= max(planEvery, env.Step)
}

// plan commits the plants for the coming day.
func (o *Operator) plan(env *twins.Env, of *twins.Offers) {
	o.next.madeAt = env.Tick
	o.expect(env)
	problem := commitment.Problem{Period: period, LargestInfeed: true}
	reserve := o.storageReserve(of)
	for k := range o.expected {
		e := &o.expected[k]
		problem.Residual = append(problem.Residual, e.Load-e.Roofs-e.Units)
		problem.Load = append(problem.Load, e.Load)
		problem.ReserveUp = append(problem.ReserveUp, o.config.Reserve)
		problem.ReserveOther = append(problem.ReserveOther, reserve)
	}
	for i := range o.units {
		u := &o.units[i]
		switch {
		case u.planned >= 0:
			problem.Units = append(problem.Units, o.unit(env, u))
		case u.tie != nil:
			b := of.Units[i].Tier[generation]
			problem.Tie.Import -= min(0, b.Min)
			problem.Tie.Export += max(0, b.Max)
			if of.Units[i].Cost < twins.Unpriced {
				problem.Tie.Price = flat(of.Units[i].Cost)
			}
		}
	}
	if problem.Tie.Survive = o.survives(); problem.Tie.Survive {
		problem.Tie.MaxShare = o.config.ImportShare
	}
	schedule, err := commitment.Solve(&problem)
	if err != nil { // its bounds are wider than any scenario's
		panic(fmt.Sprintf("operator: plan at step %d: %v", env.Tick, err))
	}
	for j := range schedule.Units {
		copy(o.next.on[j][:], schedule.Units[j].On)
		o.next.start[j] = [horizon]bool{}
		for _, s := range schedule.Units[j].Starts {
			o.next.start[j][s.Order] = true
		}
	}
}

// expect asks the forecast, or takes what is for what will be.
func (o *Operator) expect(env *twins.Env) {
	if o.config.Forecast != nil {
		o.config.Forecast.Expect(env, o.now, period, o.expected)
		return
	}
	for k := range o.expected {
		o.expected[k] = o.now
	}
}

func flat(price twins.Price) []twins.Price {
	list := make([]twins.Price, horizon)
	for k := range list {
		list[k] = price
	}
	return list
}

// unit is a plant as the plan sees it.
func (o *Operator) unit(env *twins.Env, u *unit) commitment.Unit {
	p := u.plant.Plant(u.index)
	c := commitment.Unit{
		Name: u.path, Min: min(p.MinOutput, p.Firm), Max: p.Firm, Cost: p.Cost,
		WarmAfter: p.WarmAfter, ColdAfter: p.ColdAfter, MinUp: p.MinUp, MinDown: p.MinDown,
	}
	if p.Firm < p.Rated { // what waits above it can be used within the day
		c.Max = min(p.Rated, p.Firm+powerOf(p.Water, period*horizon))
	}
	for h := range c.Starts {
		c.Starts[h] = commitment.Start{Time: p.StartUp[h], Cost: p.StartCost[h]}
	}
	switch p.State {
	case twins.PlantOff:
		c.State, c.Since = commitment.Off, since(env, p.Since)
	case twins.PlantStarting:
		c.State, c.Since = commitment.Starting, twins.Seconds(max(0, p.Since-env.Tick))*env.Step
	default:
		c.State, c.Since = commitment.On, since(env, p.Since)
	}
	if !p.Available {
		c.Out = make([]bool, horizon)
		for k := range c.Out {
			c.Out[k] = true
		}
	}
	return c
}

// longest is more than any heat state or least time.
const longest = twins.Seconds(1 << 40)

func since(env *twins.Env, t twins.Tick) twins.Seconds {
	return min(longest, twins.Seconds(env.Tick-t)*env.Step)
}

func powerOf(e twins.Energy, over twins.Seconds) twins.Power {
	p, _ := e.Over(over)
	return p
}

// storageReserve is what storage and agreed load could give for a period, now; it
// is taken to stay so.
func (o *Operator) storageReserve(of *twins.Offers) (sum twins.Power) {
	for i := range of.Communities {
		for t, b := range of.Communities[i].Tier {
			switch twins.Tier(t) {
			case twins.Essential, generation:
			case twins.Storage:
				sum += max(0, b.Ref-b.Min)
			default:
				if !o.config.Plain {
					sum += max(0, b.Ref-b.Min)
				}
			}
		}
	}
	return sum
}
