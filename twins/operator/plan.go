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
	moment := commitment.Moment{Now: env.Tick, Step: env.Step, Span: period * horizon, ReserveIn: max(period, env.Step)}
	reserve, sold := o.storageReserve(of), min(o.sold(of), o.exportable(of))
	for k := range o.expected {
		e := &o.expected[k]
		problem.Residual = append(problem.Residual, e.Load-e.Roofs-e.Units+sold)
		problem.Load = append(problem.Load, e.Load)
		problem.ReserveUp = append(problem.ReserveUp, o.config.Reserve)
		problem.ReserveOther = append(problem.ReserveOther, reserve)
	}
	for i := range o.units {
		u := &o.units[i]
		switch {
		case u.planned >= 0:
			plant := u.plant.Plant(u.index)
			problem.Units = append(problem.Units, commitment.UnitOf(u.path, &plant, moment, horizon))
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

// exportable is what ties can carry out of the grid.
func (o *Operator) exportable(of *twins.Offers) (sum twins.Power) {
	for i := range o.units {
		if o.units[i].tie != nil {
			sum += max(0, of.Units[i].Tier[generation].Max)
		}
	}
	return sum
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
