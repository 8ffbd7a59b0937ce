package operator

import (
	"slices"

	"github.com/smatrix-grid/smatrix/twins"
)

const generation = twins.Generation

// Dispatch implements twins.Controller.
func (o *Operator) Dispatch(env *twins.Env, of *twins.Offers, p *twins.Plan) {
	o.next.assign(&o.state)
	o.now = Observe(of)
	if o.due(env, of) {
		o.plan(env, of, p)
	}
	p.Rank(of.Units)
	need := twins.Power(0)
	for i := range of.Communities {
		need += of.Communities[i].Ref()
	}
	left := o.switchOff(env, of, p, o.sell(of, p, p.Least(of.Units, need)))
	left = o.share(of, p, left)
	if left <= 0 {
		o.secure(env, of, p)
	}
	switch {
	case left < 0: // nowhere to go: a plant must
		if left = o.relieve(of, p, left); left < 0 {
			o.relieve(of, p, p.Stop(of.Units, left))
		}
	case left > 0:
		short := left
		o.relieve(of, p, left)
		p.Start(of, short)
	}
	o.orderStarts(env, of, p)
	o.saveUncovered(env, of, p)
	p.Converters = o.alone(of)
}

// saveUncovered saves what this step leaves uncovered, for Settled to report.
func (o *Operator) saveUncovered(env *twins.Env, of *twins.Offers, p *twins.Plan) {
	worst, short := o.uncovered(env, of, p, o.others(of, p))
	if o.wantedReserve, o.shortReserve = 0, short; worst >= 0 {
		o.wantedReserve = o.config.Reserve - p.Units[worst].Tier[generation]
	}
}

// sold is the sum that the manager has sold to the market from running
// plants.
func (o *Operator) sold(of *twins.Offers) (sum twins.Power) {
	for i := range o.units {
		if u := &o.units[i]; u.planned >= 0 && of.Units[i].Tier[generation].Min < 0 {
			sum += u.plant(of).Sold
		}
	}
	return sum
}

// sell exports what has been sold, as far as ties can carry it. This export is the
// first to be reduced when power is missing, since ties come last in order.
func (o *Operator) sell(of *twins.Offers, p *twins.Plan, left twins.Power) twins.Power {
	sold := o.sold(of)
	for i := range o.units {
		if !o.units[i].tie || sold <= 0 {
			continue
		}
		out := min(sold, max(0, of.Units[i].Tier[generation].Max-p.Units[i].Tier[generation]))
		if out > 0 {
			p.Units[i].Tier[generation] += out
			p.Units[i].Why[generation] = twins.Ordered
			left, sold = left+out, sold-out
		}
	}
	return left
}

// Observe adds up the offers of a step.
func Observe(of *twins.Offers) (now Expectation) {
	for i := range of.Communities {
		for t, b := range of.Communities[i].Tier {
			switch twins.Tier(t) {
			case twins.Storage:
			case generation:
				now.Roofs -= b.Ref
			default:
				now.Load += b.Ref
			}
		}
	}
	for i := range of.Units {
		if of.Units[i].Duty == twins.Variable {
			now.Units -= of.Units[i].Tier[generation].Ref
		}
	}
	return now
}

// wanted reports whether a plan is set in a period that this step touches.
func (o *Operator) wanted(env *twins.Env, plan *[horizon]bool) bool {
	first, last := o.periods(env)
	return slices.Contains(plan[first:last+1], true)
}

// switchOff stops the plants that the plan has off in this step, the dearest first,
// as long as the others can meet the need without them.
func (o *Operator) switchOff(env *twins.Env, of *twins.Offers, p *twins.Plan, left twins.Power) twins.Power {
	room := twins.Power(0)
	for i := range of.Units {
		room += max(0, p.Units[i].Tier[generation]-of.Units[i].Tier[generation].Min)
	}
	for n := len(p.Order) - 1; n >= 0; n-- {
		i := p.Order[n]
		u := &o.units[i]
		if u.planned < 0 || of.Units[i].Duty != twins.Dispatched || o.wanted(env, &o.next.on[u.planned]) {
			continue
		}
		now := p.Units[i].Tier[generation]
		own := max(0, now-of.Units[i].Tier[generation].Min)
		if now >= 0 && own == 0 || left-now > room-own {
			continue
		}
		left, room = left-now, room-own
		p.Units[i] = twins.StopFor(twins.Planned)
	}
	return left
}

// share divides the need among the units, the cheapest first. Ties carry no more
// than their share while plants can give the rest.
func (o *Operator) share(of *twins.Offers, p *twins.Plan, left twins.Power) twins.Power {
	for i := range of.Units {
		o.caps[i] = -of.Units[i].Tier[generation].Min
	}
	if survives(of.Answers) {
		share := o.now.Load.Times(o.config.ImportShare)
		for i := range o.units {
			if o.units[i].tie {
				o.caps[i] = min(o.caps[i], share)
				share -= o.caps[i]
			}
		}
	}
	if left = o.raise(p, left); left > 0 {
		for i := range of.Units {
			o.caps[i] = -of.Units[i].Tier[generation].Min
		}
		left = o.raise(p, left)
	}
	return left
}

// survives reports whether storage could hold the frequency if the ties were lost.
func survives(answers []*twins.Answer) bool {
	for _, a := range answers {
		for i := range a.Stores {
			if a.Stores[i].Forming {
				return true
			}
		}
	}
	return false
}

// raise makes units give more, the cheapest first, within caps.
func (o *Operator) raise(p *twins.Plan, left twins.Power) twins.Power {
	for _, i := range p.Order {
		set := &p.Units[i]
		if left <= 0 || set.Run == twins.Stop {
			continue
		}
		more := max(0, min(left, o.caps[i]+set.Tier[generation]))
		set.Tier[generation] -= more
		left -= more
	}
	return left
}

// secure keeps the loss of each infeed covered in the step after this one: by the
// extra power that the others could then give, what storage has left and what
// communities have agreed to move.
//
// Output that another unit takes over makes the infeed smaller, but usually
// reduces the other's headroom as much, so nothing is gained. The exception is a
// unit that is limited by its ramp, since it has more left than it could give
// within a step. So only such units take over, the cheapest first and no more than
// that.
func (o *Operator) secure(env *twins.Env, of *twins.Offers, p *twins.Plan) {
	other := o.others(of, p)
	for range of.Units {
		worst, short := o.uncovered(env, of, p, other)
		if worst < 0 || !o.takeOver(env, of, p, worst, short) {
			return
		}
	}
}

// others is the power besides units that can cover a loss, less the extra reserve
// required.
func (o *Operator) others(of *twins.Offers, p *twins.Plan) twins.Power {
	return o.moveable(of, p) + o.storage(of, p) - o.config.Reserve
}

// uncovered is the infeed whose loss the others and the rest of the units cover
// least, and how much of it would be left in the step after this one; −1: none.
func (o *Operator) uncovered(env *twins.Env, of *twins.Offers, p *twins.Plan, other twins.Power) (worst int, short twins.Power) {
	headroom := other
	for i := range o.units {
		headroom += o.headroom(env, of, p, i)
	}
	worst = -1
	for i := range o.units {
		gives := -p.Units[i].Tier[generation]
		if by := gives - (headroom - o.headroom(env, of, p, i)); gives > 0 && by > short {
			worst, short = i, by
		}
	}
	return worst, short
}

// takeOver moves up to most from one unit to others that lose no headroom by it,
// and reports whether there were any.
func (o *Operator) takeOver(env *twins.Env, of *twins.Offers, p *twins.Plan, from int, most twins.Power) bool {
	give := &p.Units[from]
	most = min(most, of.Units[from].Tier[generation].Max-give.Tier[generation])
	left := most
	for _, i := range p.Order {
		set := &p.Units[i]
		room, within := o.reach(env, of, p, i)
		more := min(left, room-within, set.Tier[generation]-of.Units[i].Tier[generation].Min)
		if i == from || more <= 0 {
			continue
		}
		set.Tier[generation] -= more
		set.Why[generation] = twins.Reserve
		left -= more
	}
	if left == most {
		return false
	}
	give.Tier[generation] += most - left
	give.Why[generation] = twins.Reserve
	return true
}

// headroom is what a unit could give in addition in the step after this one.
func (o *Operator) headroom(env *twins.Env, of *twins.Offers, p *twins.Plan, i int) twins.Power {
	room, within := o.reach(env, of, p, i)
	return min(room, within)
}

// runs reports whether a plant runs in this step, even without output.
func runs(of *twins.Offers, p *twins.Plan, i int) bool {
	return of.Units[i].Tier[generation].Min < 0 && p.Units[i].Run != twins.Stop
}

// reach is the power that a running unit has left, and how much of that its ramp
// allows within a step.
func (o *Operator) reach(env *twins.Env, of *twins.Offers, p *twins.Plan, i int) (room, within twins.Power) {
	u, now := &o.units[i], p.Units[i].Tier[generation]
	switch {
	case u.tie:
		room = now - of.Units[i].Tier[generation].Min
		return room, room
	case u.planned < 0, !runs(of, p, i):
		return 0, 0
	}
	plant := u.plant(of)
	water, _ := plant.Water.Over(env.Step)
	room = max(0, min(plant.Rated, plant.Firm+water)+now)
	share, _ := twins.MulDiv(int64(plant.Ramp), int64(env.Step), 60)
	return room, min(plant.Rated, twins.Power(share))
}

// moveable is how much less vehicles, heat and flexible load could still draw in
// this step, as agreed.
func (o *Operator) moveable(of *twins.Offers, p *twins.Plan) (sum twins.Power) {
	if o.config.Plain {
		return 0
	}
	for i := range of.Communities {
		for t := twins.Comfort; t <= twins.Mobility; t++ {
			sum += max(0, p.Communities[i].Tier[t]-of.Communities[i].Tier[t].Min)
		}
	}
	return sum
}

// storage is how much more storage could still give in this step, above its
// owners' reserve.
func (o *Operator) storage(of *twins.Offers, p *twins.Plan) (sum twins.Power) {
	for i := range of.Communities {
		sum += max(0, p.Communities[i].Tier[twins.Storage]-of.Communities[i].Tier[twins.Storage].Min)
	}
	return sum
}

// relieve asks communities to move a surplus or a shortage, or, without
// controls, cuts and holds back.
func (o *Operator) relieve(of *twins.Offers, p *twins.Plan, left twins.Power) twins.Power {
	switch {
	case !o.config.Plain:
		return p.Relieve(of, left)
	case left > 0:
		return p.ShedAll(of, left)
	}
	return p.Spill(of, left)
}

// orderStarts orders the starts of the plan.
func (o *Operator) orderStarts(env *twins.Env, of *twins.Offers, p *twins.Plan) {
	for i := range o.units {
		j := o.units[i].planned
		if j >= 0 && of.Units[i].Startable > 0 && o.wanted(env, &o.next.start[j]) {
			p.Units[i].Run, p.Units[i].Why[generation] = twins.Start, twins.Planned
		}
	}
}
