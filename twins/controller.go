package twins

import (
	"cmp"
	"slices"
)

// Controller decides once a step what communities and units are asked. It is built
// in, or a program of the user's. It sees offers and answers, never the future or a
// twin, and returns setpoints.
type Controller interface {
	Dispatch(env *Env, offers *Offers, plan *Plan)
}

// Stateful is a controller with a memory: a plan, the frequency, what it has learnt.
// Its state changes in Settled alone, and is part of the grid's. A grid that fails
// asks again, so each method may be called twice in a step, with the same arguments
// and to the same effect.
type Stateful interface {
	Controller
	// Settled reports the outcome of the step; the controller appends its notable events.
	Settled(env *Env, out *Outcome, events []Notice) []Notice
	// AppendBinary appends the stored form, version byte first; UnmarshalBinary is
	// its inverse and returns the rest of b.
	AppendBinary(b []byte) []byte
	UnmarshalBinary(b []byte) (rest []byte, err error)
}

// Swinger is a controller that computes the frequency inside a step.
type Swinger interface {
	// Swing is asked once a step, after loads and storage have settled as planned and
	// before the units close the books.
	Swing(env *Env, o *Offers, p *Plan) Swing
}

// Outcome is the outcome of a step: the flows of the whole grid, what each unit
// did, + draws, − injects, and the answers of all communities at StageCommit.
type Outcome struct {
	Flows   *Flows
	Units   []Power
	Swing   *Swing
	Answers []*Answer // of communities, in path order
}

// Swing is how the frequency moved inside one step, and what followed from
// that.
type Swing struct {
	// Island says that the grid held its frequency itself: no tie in service held it.
	Island bool
	// Held says that a neighbour did, over a tie. If neither is set, the frequency is unknown.
	Held bool
	// Unrated says that the ties in service over which the neighbour would hold it have no rating: they can
	// carry nothing, so the frequency is unknown. It follows from their settings, and is neither stored nor hashed.
	Unrated bool
	// Deviations from the nominal frequency in microhertz, and the greatest rate of
	// change, either way, in microhertz per second.
	Min, Max, End, ROCOF int64
	Stages               int64 // of under-frequency shedding that were reached
	Blackout             bool  // plants left below 47.5 or above 51.5 Hz
	// Relief and Kinetic are as in Flows. Shed is essential load cut by relays, as a
	// mean of the step, and ShedFor the share of the step for which it was.
	Relief, Kinetic, Shed Power
	ShedFor               Ratio
}

// Offers is what the grid has been offered for one step.
type Offers struct {
	Communities []Flex   // folded, in path order; units not in it
	Units       []Flex   // producers and ties, in path order
	Burdens     []Burden // of communities; none: no customer has been cut
	// Answers are the last answers of communities, in path order, for a controller
	// that needs more of units and stores. They are not to be changed.
	Answers []*Answer
}

func (o *Offers) burden(i int) Burden {
	if i < len(o.Burdens) {
		return o.Burdens[i]
	}
	return Burden{}
}

// Plan is what the grid asks: a setpoint for each community and each unit, in
// the order of Offers. It comes filled with references.
type Plan struct {
	Communities []Setpoint
	Units       []Setpoint
	Order       []int // of units: the order in which they close the books
	// Converters says that the controller, a Swinger, needs those of this step's stores.
	Converters bool

	seen  []bool // reused
	turns []int  // of communities in rotation; reused
}

// MeritOrder meets demand from the cheapest unit on, inside what each can do in
// this step; ties come at their price or after every plant. If that is not
// enough it asks for less, tier after tier; if it is too much it stops plants,
// charges, exports and then curtails. Wind and sun are used first.
type MeritOrder struct{}

// Dispatch implements Controller.
func (MeritOrder) Dispatch(_ *Env, o *Offers, p *Plan) {
	p.Rank(o.Units)
	need := Power(0)
	for i := range o.Communities {
		need += o.Communities[i].Ref()
	}
	left := p.meet(o.Units, need)
	if rest := p.Relieve(o, left); rest < 0 { // nowhere to go: a plant must
		p.Relieve(o, p.Stop(o.Units, rest))
	}
	p.Start(o, left)
}

// Rank puts the units in the order in which they close the books: by cost, then path.
func (p *Plan) Rank(units []Flex) {
	p.Order = p.Order[:0]
	for i := range units {
		p.Order = append(p.Order, i)
	}
	slices.SortStableFunc(p.Order, func(a, b int) int { return cmp.Compare(units[a].Cost, units[b].Cost) })
}

// straighten corrects a controller's plan: no community or unit is asked for
// more than it offered (loads may be shed), a unit that is to stop gives
// nothing, and the order contains every unit once.
func (p *Plan) straighten(o *Offers) {
	for i := range p.Communities {
		for t := range o.Communities[i].Tier {
			p.Communities[i].Tier[t] = o.Communities[i].allowed(Tier(t)).Clip(p.Communities[i].Tier[t])
		}
	}
	seen := p.seen[:0]
	for i := range p.Units {
		set := &p.Units[i]
		asked := o.Units[i].Tier[Generation].Clip(set.Tier[Generation])
		set.Tier = [NumTiers]Power{}
		if set.Run != Stop {
			set.Tier[Generation] = asked
		}
		seen = append(seen, false)
	}
	p.seen = seen
	for _, i := range p.Order {
		if i >= 0 && i < len(seen) {
			seen[i] = true
		}
	}
	if len(p.Order) != len(seen) || slices.Contains(seen, false) {
		p.Rank(o.Units)
	}
}

// meet sets the units so that they inject need, without exporting, and returns
// what is still missing (+) or too much (−).
func (p *Plan) meet(units []Flex, need Power) (left Power) {
	return p.Retire(units, p.Least(units, need))
}

// Least sets every plant to its least and wind and sun to all that is
// available, and returns what is still missing (+) or too much (−).
func (p *Plan) Least(units []Flex, need Power) (left Power) {
	left = need
	for _, i := range p.Order {
		band := units[i].Tier[Generation]
		least := min(band.Max, 0)
		if units[i].Duty == Variable {
			least = band.Ref
		}
		p.Units[i] = Setpoint{}
		p.Units[i].Tier[Generation] = least
		left += least
	}
	return left
}

// Raise makes units inject more, the cheapest first, and returns what is
// still missing. left ≤ 0 is returned as it is.
func (p *Plan) Raise(units []Flex, left Power) Power {
	for _, i := range p.Order {
		set := &p.Units[i]
		if left <= 0 || set.Run == Stop {
			continue
		}
		more := max(0, min(left, set.Tier[Generation]-units[i].Tier[Generation].Min))
		set.Tier[Generation] -= more
		left -= more
	}
	return left
}

// lower makes units inject less or export more, the dearest first, and
// returns what is still too much as a negative power. left ≥ 0 is returned as
// it is. Wind and sun are lowered only if variable is set.
func (p *Plan) lower(units []Flex, left Power, variable bool) Power {
	for k := len(p.Order) - 1; k >= 0; k-- {
		i := p.Order[k]
		set := &p.Units[i]
		if left >= 0 || set.Run == Stop || units[i].Duty == Variable != variable {
			continue
		}
		less := max(0, min(-left, units[i].Tier[Generation].Max-set.Tier[Generation]))
		set.Tier[Generation] += less
		left += less
		if variable && less > 0 {
			set.Why[Generation] = Abundance
		}
	}
	return left
}

// The order in which tiers give way: when there is too little, generation that
// was held back comes first, then waiting vehicles, and essential load is cut
// last; when there is too much, load and storage that can draw more come first,
// then export, then generation.
//
// Inside their bands all give way before any is cut by force, below what it was
// promised. Essential load goes before an owner's reserve, before a promised
// departure and before promised heat: it is cut last.
var (
	scarcityOrder = [...]concession{{Generation, false}, {Mobility, false}, {Comfort, false}, {Storage, false}, {Flexible, false},
		{Flexible, true}, {Storage, true}, {Mobility, true}, {Comfort, true}, {Essential, true}}
	abundanceOrder = [...]concession{{Mobility, false}, {Comfort, false}, {Flexible, false}, {Storage, false}}
	// For the passes after the first, when the books must be closed and some
	// members have not followed: tiers that follow to the milliwatt come first.
	exactOrder = [...]concession{{Generation, false}, {Storage, false}, {Flexible, true}, {Storage, true}, {Comfort, true}, {Essential, true}, {Mobility, true}}
)

// concession is a tier that gives way, inside its band or by force.
type concession struct {
	Tier
	force bool
}

// sheddable reports whether a tier is load that can be cut by force, down to
// nothing.
func (t Tier) sheddable() bool { return t <= Mobility }

// shedByRelays cuts the essential load that under-frequency relays have shed, in
// proportion, for their part of the step; in a blackout it cuts all load from
// then on. It reports whether anything was cut.
func (p *Plan) shedByRelays(o *Offers, s *Swing) bool {
	for i := range p.Communities {
		if p.Communities[i].For = 0; p.Communities[i].Tier[Essential] >= o.Communities[i].Tier[Essential].Ref {
			p.Communities[i].For = s.ShedFor // otherwise some would be off for the whole step
		}
	}
	moved := p.moveTier(o, concession{Essential, true}, s.Shed, Shed) != s.Shed
	for t := Comfort; s.Blackout && t <= Mobility; t++ {
		off := Power(0)
		for i := range p.Communities {
			off += max(0, p.Communities[i].Tier[t])
		}
		off = off.Times(s.ShedFor)
		moved = p.moveTier(o, concession{t, true}, off, Shed) != off || moved
	}
	return moved
}

// Relieve asks the communities for less (left > 0) or more (left < 0) than
// planned, tier after tier, exports what they cannot take and at last curtails.
// It returns what even that leaves.
func (p *Plan) Relieve(o *Offers, left Power) Power {
	switch {
	case left > 0:
		for _, c := range scarcityOrder {
			left = p.concede(o, c, left, Scarcity)
		}
	case left < 0:
		for _, c := range abundanceOrder {
			left = p.moveTier(o, c, left, Abundance)
		}
		left = p.Spill(o, left)
	}
	return left
}

// Spill exports what is too much (left < 0) and holds back what ties cannot carry.
// It asks no community to draw more. It returns what even that leaves.
func (p *Plan) Spill(o *Offers, left Power) Power {
	if left >= 0 {
		return left
	}
	return p.curtail(o, p.lower(o.Units, left, false))
}

// ShedAll cuts without an agreement: every tier of load in proportion, with no
// request to use less before that. It returns what even that leaves.
func (p *Plan) ShedAll(o *Offers, left Power) Power {
	var sum Power
	for i := range p.Communities {
		for t := Essential; t <= Mobility; t++ {
			sum += max(0, p.Communities[i].Tier[t])
		}
	}
	cut := NewSplit(min(left, sum), sum)
	for i := range p.Communities {
		set := &p.Communities[i]
		for t := Essential; t <= Mobility; t++ {
			if off := cut.Next(max(0, set.Tier[t])); off > 0 {
				set.Tier[t] -= off
				set.Why[t] = Shed
			}
		}
	}
	return left - min(left, sum)
}

// giveBack returns load that was cut by force to its communities, as far as something else drew
// less than planned (left < 0): chargers that are cut below their least current stop, and their
// share is free. Essential load comes first. Load that has agreed to wait, and vehicles, which
// follow in steps, get nothing back. It returns what is then still too much.
func (p *Plan) giveBack(o *Offers, left Power) Power {
	for t := Essential; t <= Flexible; t++ {
		var sum Power
		for i := range p.Communities {
			sum += p.cutByForce(o, i, t)
		}
		back := min(-left, sum)
		split := NewSplit(back, sum)
		for i := range p.Communities {
			cut := p.cutByForce(o, i, t)
			set, more := &p.Communities[i], split.Next(cut)
			if set.Tier[t] += more; more > 0 && set.Tier[t] == o.Communities[i].Tier[t].Ref {
				set.Why[t] = NoReason
			}
		}
		left += back
	}
	return left
}

// cutByForce is how much less a community is asked to draw in a tier than it has agreed to.
func (p *Plan) cutByForce(o *Offers, i int, t Tier) Power {
	band, set := o.Communities[i].Tier[t], &p.Communities[i]
	switch set.Why[t] {
	case Shed: // without an agreement
		return max(0, band.Ref-set.Tier[t])
	case Scarcity:
		return max(0, band.Min-set.Tier[t])
	}
	return 0
}

// curtail holds back wind and sun: first those of units, then those of
// communities.
func (p *Plan) curtail(o *Offers, left Power) Power {
	left = p.lower(o.Units, left, true)
	return p.moveTier(o, concession{Generation, false}, left, Abundance)
}

// secondPass is the second pass of a step: less load, or generation curtailed. It
// returns what could not be moved.
//
// Load that relays have cut gets nothing back within the step: what was generated for it is held back.
func (p *Plan) secondPass(o *Offers, left Power, again, relays bool) Power {
	if left < 0 && relays {
		return p.moveTier(o, concession{Storage, false}, p.curtail(o, left), Abundance)
	}
	if left < 0 { // what was cut is given back first
		for _, t := range [...]Tier{Essential, Comfort, Flexible} {
			left = p.moveTier(o, concession{t, false}, left, Abundance)
		}
		return p.curtail(o, p.moveTier(o, concession{Storage, false}, left, Abundance))
	}
	order := scarcityOrder[:]
	if again {
		order = exactOrder[:]
	}
	for _, c := range order {
		if c.Tier == Mobility && again && left > 0 {
			// Chargers that follow in steps of 1 A might not move at all.
			const all = Power(1) << 60
			left -= all - p.moveTier(o, c, all, Scarcity)
			continue
		}
		left = p.concede(o, c, left, Scarcity)
	}
	return left
}

// concede is moveTier, but for essential load, which is cut in rotation.
func (p *Plan) concede(o *Offers, c concession, left Power, why Reason) Power {
	if c.Tier == Essential && left > 0 {
		return p.rotate(o, left, why)
	}
	return p.moveTier(o, c, left, why)
}

// rotate cuts essential load, community after community: first those whose
// customers have been cut least for what they needed.
func (p *Plan) rotate(o *Offers, left Power, why Reason) Power {
	p.turns = p.turns[:0]
	for i := range p.Communities {
		p.turns = append(p.turns, i)
	}
	slices.SortStableFunc(p.turns, func(a, b int) int { return o.burden(a).lighter(o.burden(b)) })
	for _, i := range p.turns {
		set := &p.Communities[i]
		if off := min(left, max(0, set.Tier[Essential])); off > 0 {
			set.Tier[Essential] -= off
			set.Why[Essential], set.For = why, 0
			left -= off
		}
	}
	return left
}

// Retire stops plants, the dearest first, while there is too much and the other
// units can make up for the part of their output that was needed. Plants that
// must not stop yet keep running. It returns what is then missing or too much.
func (p *Plan) Retire(units []Flex, left Power) Power {
	room := Power(0) // by how much the units can be raised
	for i := range units {
		room += max(0, p.Units[i].Tier[Generation]-units[i].Tier[Generation].Min)
	}
	for k := len(p.Order) - 1; k >= 0 && left < 0; k-- {
		i := p.Order[k]
		now, own := p.Units[i].Tier[Generation], max(0, p.Units[i].Tier[Generation]-units[i].Tier[Generation].Min)
		if now < 0 && units[i].Duty == Dispatched && left-now <= room-own {
			left, room = left-now, room-own
			p.Units[i] = StopFor(Abundance)
		}
	}
	return p.Raise(units, left)
}

// Stop stops plants, the dearest first and those below their least time on last,
// until no more than needed is left, even if load goes short; the others raise
// their output as far as they can.
func (p *Plan) Stop(units []Flex, left Power) Power {
	for _, duty := range [...]Duty{Dispatched, Committed} {
		for k := len(p.Order) - 1; k >= 0 && left < 0; k-- {
			i := p.Order[k]
			if set := &p.Units[i]; set.Tier[Generation] < 0 && units[i].Duty == duty {
				left -= set.Tier[Generation]
				*set = StopFor(Abundance)
			}
		}
	}
	return p.Raise(units, left)
}

// moveTier takes left from (or, if negative, adds it to) one tier of all
// communities, along their bands and starting from the plan. It returns what
// the tier could not take.
func (p *Plan) moveTier(o *Offers, c concession, left Power, why Reason) Power {
	if left == 0 {
		return 0
	}
	t := c.Tier
	band := func(i int) Band {
		b, now := o.Communities[i].Tier[t], p.Communities[i].Tier[t]
		switch {
		case c.force && t == Storage: // down to the end of the owners' reserves
			return Band{Min: min(now, o.Communities[i].Deepest), Ref: now, Max: now}
		case c.force: // down to nothing
			return Band{Min: min(now, 0), Ref: now, Max: now}
		}
		return Band{Min: min(b.Min, now), Ref: now, Max: max(b.Max, now)}
	}
	var sum Band
	for i := range o.Communities {
		sum = sum.Plus(band(i))
	}
	total := sum.Clip(sum.Ref - left)
	if total == sum.Ref {
		return left
	}
	split := NewBandSplit(total, sum)
	for i := range o.Communities {
		set := &p.Communities[i]
		if to := split.Next(band(i)); to != set.Tier[t] {
			set.Tier[t], set.Why[t] = to, why
		}
	}
	return left - (sum.Ref - total)
}

// Start orders units that are off to start, the cheapest first, if dearer units
// would otherwise give, or load go short by, at least their least output. If load
// goes short it may be less, as long as the rest can be stored or exported.
func (p *Plan) Start(o *Offers, short Power) {
	short = max(short, 0)
	dearer := short // than unit i: what is missing, and the output of units that cost more
	for _, i := range p.Order {
		dearer += p.replaceable(o, i)
	}
	spare, claimed, k := o.spareDemand(), Power(0), 0
	for _, i := range p.Order {
		for k < len(p.Order) && o.Units[p.Order[k]].Cost <= o.Units[i].Cost {
			dearer -= p.replaceable(o, p.Order[k])
			k++
		}
		u := &o.Units[i]
		least, gap := u.Startable, dearer-claimed
		switch {
		case least == 0: // it runs or is starting already
			claimed += u.Coming
		case gap >= least || gap > 0 && claimed < short && least-gap <= spare:
			p.Units[i].Run, p.Units[i].Why[Generation] = Start, Merit
			if short > 0 {
				p.Units[i].Why[Generation] = Scarcity
			}
			claimed += max(least, u.Coming)
		}
	}
}

// replaceable is the part of a unit's output that another could give instead.
func (p *Plan) replaceable(o *Offers, i int) Power {
	if o.Units[i].Duty == Variable {
		return 0
	}
	return max(0, -p.Units[i].Tier[Generation])
}

// spareDemand is how much more communities and ties can draw than at reference.
func (o *Offers) spareDemand() (room Power) {
	for i := range o.Communities {
		for t, b := range o.Communities[i].Tier {
			if Tier(t) != Essential {
				room += b.Max - b.Ref
			}
		}
	}
	for i := range o.Units {
		room += max(0, o.Units[i].Tier[Generation].Max)
	}
	return room
}

// moveUnits moves the units by what the rest of the grid did otherwise than
// planned: left > 0 is missing, left < 0 too much. Running units inside their
// bands come first, then ties. It returns what they cannot take.
func (p *Plan) moveUnits(units []Flex, left Power) Power {
	if left > 0 {
		return p.Raise(units, left)
	}
	return p.lower(units, left, false)
}
