package operator

import (
	"fmt"
	"math"

	"github.com/smatrix-grid/smatrix/twins"
	"github.com/smatrix-grid/smatrix/twins/commitment"
)

// periods are the first and the last period of the plan that this step touches;
// after its end, the plan's last period continues.
func (o *Operator) periods(env *twins.Env) (first, last int) {
	since := twins.Seconds(env.Tick-o.next.madeAt) * env.Step
	return int(min(horizon-1, since/period)), int(min(horizon-1, (since+env.Step-1)/period))
}

// due reports whether a plan must be made: there is none, the last one is an hour
// old, a unit has gone out of service or come back, or has another order.
func (o *Operator) due(env *twins.Env, of *twins.Offers) bool {
	changed := false
	for i := range o.units {
		if now := o.units[i].status(of); now != o.next.status[i] {
			o.next.status[i], changed = now, true
		}
	}
	return changed || o.next.madeAt < 0 || twins.Seconds(env.Tick-o.next.madeAt)*env.Step >= max(planEvery, env.Step)
}

// plan commits the plants for the coming day.
func (o *Operator) plan(env *twins.Env, of *twins.Offers, p *twins.Plan) {
	o.next.madeAt = env.Tick
	o.expect(env, of)
	problem := commitment.Problem{Period: period, LargestInfeed: true, Tie: o.tie(of)}
	sold, share := min(o.sold(of), problem.Tie.Export), o.greatestShare(of)
	// What could be moved now is assumed to stay so; nothing has been moved yet. The
	// extra reserve required is not free for that.
	other := o.moveable(of, p) + o.storage(of, p) - o.config.Reserve
	for k := range o.expected {
		e := &o.expected[k]
		problem.Residual = append(problem.Residual, bounded(e.Load-e.Roofs-e.Units+sold))
		problem.Load = append(problem.Load, bounded(e.Load))
		problem.ReserveUp = append(problem.ReserveUp, bounded(e.Units.Times(share)+max(0, -other)))
		problem.ReserveOther = append(problem.ReserveOther, bounded(max(0, other)))
	}
	moment := commitment.Moment{Now: env.Tick, Step: env.Step, Span: period * horizon, ReserveIn: max(period, env.Step)}
	for i := range o.units {
		if u := &o.units[i]; u.planned >= 0 {
			problem.Units = append(problem.Units, commitment.UnitOf(u.path, u.plant(of), moment, horizon))
		}
	}
	schedule, err := commitment.Solve(&problem)
	if err != nil { // every input is inside its bounds
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

// greatestShare is the share of the greatest wind or solar unit in their total;
// that unit may be lost like any other.
func (o *Operator) greatestShare(of *twins.Offers) twins.Ratio {
	var most, all twins.Power
	for i := range o.units {
		if u := &o.units[i]; !u.tie && u.planned < 0 {
			rated := u.plant(of).Rated
			most, all = max(most, rated), all+rated
		}
	}
	if all == 0 {
		return 0
	}
	share, _ := twins.MulDiv(int64(most), int64(twins.One), int64(all))
	return twins.Ratio(share)
}

// bounded keeps a power inside the range of a plan: a thousand gigawatts mean the
// same as more.
func bounded(p twins.Power) twins.Power {
	return max(-commitment.MaxPower, min(commitment.MaxPower, p))
}

// tie is all ties as one for the plan, at the price of the dearest that has one.
func (o *Operator) tie(of *twins.Offers) (t commitment.Tie) {
	dearest, priced := twins.Price(math.MinInt64), false
	for i := range o.units {
		if !o.units[i].tie {
			continue
		}
		f := &of.Units[i]
		t.Import = bounded(t.Import - min(0, f.Tier[generation].Min))
		t.Export = bounded(t.Export + max(0, f.Tier[generation].Max))
		if f.Cost < twins.Unpriced {
			dearest, priced = max(dearest, f.Cost), true
		}
	}
	if priced {
		t.Price = flat(dearest)
	}
	if t.Survive = survives(of.Answers); t.Survive {
		t.MaxShare = o.config.ImportShare
	}
	return t
}

// expect asks the forecast, or assumes that everything stays as it is.
func (o *Operator) expect(env *twins.Env, of *twins.Offers) {
	if o.config.Forecast != nil {
		o.config.Forecast.Expect(env, of, o.now, period, o.expected)
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
