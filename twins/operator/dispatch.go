package operator

import (
	"github.com/smatrix-grid/smatrix/twins"
)

const generation = twins.Generation

// Dispatch implements twins.Controller.
func (o *Operator) Dispatch(env *twins.Env, of *twins.Offers, p *twins.Plan) {
	o.next.assign(&o.state)
	o.observe(of)
	if o.due(env, of) {
		o.plan(env, of)
	}
	p.Rank(of.Units)
	need := twins.Power(0)
	for i := range of.Communities {
		need += of.Communities[i].Ref()
	}
	left := o.switchOff(env, of, p, o.sell(of, p, p.Least(of.Units, need)))
	left = o.share(of, p, left)
	left = o.secure(of, p, left)
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
	o.order(env, of, p)
}

// sold is what the manager has sold to the market of plants that run.
func (o *Operator) sold(of *twins.Offers) (sum twins.Power) {
	for i := range o.units {
		if u := &o.units[i]; u.planned >= 0 && of.Units[i].Tier[generation].Min < 0 {
			sum += u.plant.Plant(u.index).Sold
		}
	}
	return sum
}

// sell exports what has been sold, as far as ties can carry it. It is the first to
// give way when something is missing, since ties come last in order.
func (o *Operator) sell(of *twins.Offers, p *twins.Plan, left twins.Power) twins.Power {
	sold := o.sold(of)
	for i := range o.units {
		if o.units[i].tie == nil || sold <= 0 {
			continue
		}
		out := min(sold, max(0, of.Units[i].Tier[generation].Max-p.Units[i].Tier[generation]))
		if out > 0 {
			p.Units[i].Tier[generation] += out
			p.Units[i].Reason = twins.Ordered
			left, sold = left+out, sold-out
		}
	}
	return left
}

// observe takes what this step offers.
func (o *Operator) observe(of *twins.Offers) {
	o.now = Observe(of)
}

// Observe adds up what a step has offered.
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

// inService reports whether a unit can give power or begin to.
func inService(f *twins.Flex) bool {
	b := f.Tier[generation]
	return b.Min < 0 || b.Max > 0 || f.Startable > 0 || f.Coming > 0
}

// switchOff stops what the plan has off in this step, the dearest first, as long as
// the others can meet what is needed without it.
func (o *Operator) switchOff(env *twins.Env, of *twins.Offers, p *twins.Plan, left twins.Power) twins.Power {
	room := twins.Power(0)
	for i := range of.Units {
		room += max(0, p.Units[i].Tier[generation]-of.Units[i].Tier[generation].Min)
	}
	k := o.periodOf(env)
	for n := len(p.Order) - 1; n >= 0; n-- {
		i := p.Order[n]
		u := &o.units[i]
		if u.planned < 0 || o.next.on[u.planned][k] || of.Units[i].Duty != twins.Dispatched {
			continue
		}
		now := p.Units[i].Tier[generation]
		own := max(0, now-of.Units[i].Tier[generation].Min)
		if now >= 0 && own == 0 || left-now > room-own {
			continue
		}
		left, room = left-now, room-own
		p.Units[i] = twins.Setpoint{Run: twins.Stop, Reason: twins.Planned}
	}
	return left
}

// share gives what is needed to the units, the cheapest first. Ties carry no more
// than their share while plants can give the rest.
func (o *Operator) share(of *twins.Offers, p *twins.Plan, left twins.Power) twins.Power {
	for i := range of.Units {
		o.caps[i] = -of.Units[i].Tier[generation].Min
	}
	if o.survives() {
		share := o.now.Load.Times(o.config.ImportShare)
		for i := range o.units {
			if o.units[i].tie != nil {
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
func (o *Operator) survives() bool {
	for _, s := range o.stores {
		if !s.block.Quarantined(s.index) && s.bank.Forming(s.index) {
			return true
		}
	}
	return false
}

// raise lets units give more, the cheapest first, within caps.
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

// secure moves output from the greatest infeed to others until what they and
// storage have left, and what communities have agreed to move, covers its loss, as
// far as that can be done within this step.
func (o *Operator) secure(of *twins.Offers, p *twins.Plan, left twins.Power) twins.Power {
	if left > 0 {
		return left
	}
	others := o.moveable(of, p)
	headroom := twins.Power(0)
	for i := range of.Units {
		o.caps[i] = -of.Units[i].Tier[generation].Min
		headroom += o.head(p, i)
	}
	for range of.Units {
		worst, by := -1, twins.Power(0)
		for i := range of.Units {
			gives := -p.Units[i].Tier[generation]
			if over := gives + o.config.Reserve - (others + headroom - o.head(p, i)); over > by && gives > 0 {
				worst, by = i, over
			}
		}
		if worst < 0 {
			break
		}
		// What it gives less, others give more: their headroom shrinks as much.
		move := min((by+1)/2, -p.Units[worst].Tier[generation]+min(0, of.Units[worst].Tier[generation].Max))
		before := p.Units[worst].Tier[generation]
		p.Units[worst].Tier[generation] += max(0, move)
		o.caps[worst] = -p.Units[worst].Tier[generation]
		rest := o.raise(p, max(0, move))
		p.Units[worst].Tier[generation] -= rest
		if p.Units[worst].Tier[generation] == before {
			o.caps[worst] = -before
			break
		}
		p.Units[worst].Reason = twins.Reserve
	}
	return left
}

// head is what a unit could give more in this step.
func (o *Operator) head(p *twins.Plan, i int) twins.Power {
	if p.Units[i].Run == twins.Stop {
		return 0
	}
	return max(0, o.caps[i]+p.Units[i].Tier[generation])
}

// moveable is what communities could draw less in this step by agreement: storage,
// vehicles, heat and what may wait.
func (o *Operator) moveable(of *twins.Offers, p *twins.Plan) (sum twins.Power) {
	for i := range of.Communities {
		for t, b := range of.Communities[i].Tier {
			switch twins.Tier(t) {
			case twins.Essential, generation:
			case twins.Storage:
				sum += max(0, p.Communities[i].Tier[t]-b.Min)
			default:
				if !o.config.Plain {
					sum += max(0, p.Communities[i].Tier[t]-b.Min)
				}
			}
		}
	}
	return sum
}

// relieve asks communities to move what is too much or too little.
func (o *Operator) relieve(of *twins.Offers, p *twins.Plan, left twins.Power) twins.Power {
	if o.config.Plain && left > 0 {
		return p.ShedAll(of, left)
	}
	return p.Relieve(of, left)
}

// order starts what the plan wants started.
func (o *Operator) order(env *twins.Env, of *twins.Offers, p *twins.Plan) {
	k := o.periodOf(env)
	last := min(horizon-1, o.periodAt(env.Tick+1, env.Step)-1)
	for i := range o.units {
		j := o.units[i].planned
		if j < 0 || of.Units[i].Startable == 0 {
			continue
		}
		for q := k; q <= max(k, last); q++ {
			if o.next.start[j][q] {
				p.Units[i].Run, p.Units[i].Reason = twins.Start, twins.Planned
			}
		}
	}
}
