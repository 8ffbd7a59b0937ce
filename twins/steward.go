package twins

import (
	"fmt"
	"slices"
)

// ProRata shares a community's setpoint among its members along their bands, in
// proportion to the room that each has to give way.
var ProRata = DeclareStrategy(Strategy{Name: "pro_rata", Version: 1, Level: LevelCommunity, exact: true,
	Label:   "what is asked is shared along the bands that members have offered",
	Steward: func([]byte) (Steward, error) { return proRata{}, nil },
})

// OwnAims makes the storage behind a home's meter do what its owner wants of the net
// load, and shares the home's setpoint among its devices along their bands.
var OwnAims = DeclareStrategy(Strategy{Name: "own_aims", Version: 1, Level: LevelHome, exact: true,
	Label:   "storage pursues its owner's aim, and what is asked is shared along the bands of devices",
	Steward: func([]byte) (Steward, error) { return ownAims{}, nil },
})

type proRata struct{}

// Fold implements Steward: the community's own storage pursues its aims with the net load
// of the community.
func (proRata) Fold(_ *Env, m Members, _ *NetworkState, out *Flex) { m.Pursue(out) }

// Divide implements Steward.
func (proRata) Divide(_ *Env, m Members, _ *NetworkState, ask *Setpoint) {
	offered := m.folded
	var split [NumTiers]BandSplit
	follow, deep := true, ask.Tier[Storage] < offered.Tier[Storage].Min
	for t := range split {
		split[t] = NewBandSplit(ask.Tier[t], offered.band(Tier(t), deep))
		follow = follow && ask.Tier[t] == offered.Tier[t].Ref
	}
	if follow {
		return
	}
	for _, s := range m.spans {
		b := m.cell.Blocks[s.block]
		for i := s.lo; i < s.hi; i++ {
			set := &b.Set[i]
			set.Why = ask.Why
			for t := range split {
				set.Tier[t] = split[t].Next(b.Flex[i].band(Tier(t), deep))
			}
		}
	}
}

type ownAims struct{}

// Fold implements Steward.
func (ownAims) Fold(_ *Env, m Members, _ *NetworkState, out *Flex) { m.Pursue(out) }

// Divide implements Steward: devices offer in the tiers of vehicles and storage, parts in
// the others.
func (ownAims) Divide(_ *Env, m Members, _ *NetworkState, ask *Setpoint) {
	for _, t := range [...]Tier{Mobility, Storage} {
		var all Flex
		for k := range m.Len() {
			all.Add(m.Flex(k))
		}
		deep := ask.Tier[t] < all.Tier[t].Min
		split := NewBandSplit(ask.Tier[t], all.band(t, deep))
		for k := range m.Len() {
			to := m.Set(k)
			to.Tier[t] = split.Next(m.Flex(k).band(t, deep))
			to.Why[t] = ask.Why[t]
		}
	}
}

// stewards are the strategies of a cell.
type stewards struct {
	community, home         Steward
	communityBy, homeBy     *Strategy
	each                    [][]Steward // of homes, by block, if a home's steward is stateful
	settled                 Tick        // the tick of before
	before                  []byte      // the states of stateful stewards before Settled
	communityRemembers, any bool
}

// homesRemember reports whether the homes of the cell have a stateful strategy.
func (s *stewards) homesRemember() bool {
	return slices.ContainsFunc(s.each, func(homes []Steward) bool { return len(homes) > 0 })
}

// Adopt gives the community and its homes their strategies. It must be called before the
// cell's first step; without it the community is ProRata and its homes have OwnAims.
func (c *Cell) Adopt(community, home Choice) (err error) {
	s := stewards{communityBy: community.Strategy, homeBy: home.Strategy, settled: -1}
	if s.community, err = community.Steward(community.Spec); err != nil {
		return fmt.Errorf("%s: %w", community.Name, err)
	}
	if s.home, err = home.Steward(home.Spec); err != nil {
		return fmt.Errorf("%s: %w", home.Name, err)
	}
	_, s.communityRemembers = s.community.(StatefulSteward)
	_, homesRemember := s.home.(StatefulSteward)
	for _, b := range c.Blocks {
		b.partsFlex, b.partsSet = nil, nil
		var each []Steward
		if b.owner != nil && !home.exact {
			b.partsFlex, b.partsSet = make([]Flex, len(b.Paths)), make([]Setpoint, len(b.Paths))
		}
		for i := 0; b.owner != nil && homesRemember && i < len(b.Paths); i++ {
			one, err := home.Steward(home.Spec)
			if err != nil {
				return fmt.Errorf("%s: %w", home.Name, err)
			}
			each = append(each, one)
		}
		s.each = append(s.each, each)
	}
	s.any = s.communityRemembers || homesRemember
	c.stewards = s
	return nil
}

// members are all members for which the community's steward decides.
func (c *Cell) members() Members {
	return Members{Devices: Devices{c, c.direct}, behind: c.shared, folded: &c.Flex}
}

// manages reports whether a strategy is asked about member i: a home with devices behind
// its meter, or any home if the strategy also decides about its parts.
func (b *Block) manages(i int) bool {
	return b.owner != nil && (b.partsFlex != nil || b.spans != nil && b.spans[i] != nil)
}

// home is the steward of home i, and the members for which it decides. For a home in
// quarantine it is OwnAims: its own steward may be what has failed.
func (c *Cell) home(k int, i int) (Steward, Members) {
	b := c.Blocks[k]
	m := Members{Devices: Devices{cell: c}, folded: &b.Flex[i]}
	if b.spans != nil {
		m.spans, m.behind = b.spans[i], b.spans[i]
	}
	if b.partsFlex != nil {
		m.own = &b.partsFlex[i]
	}
	if b.quarantined[i] {
		return ownAims{}, m
	}
	if each := c.stewards.each[k]; each != nil {
		return each[i], m
	}
	return c.stewards.home, m
}

// fold adds up the offers of everything at the community's own connection points, and
// asks the community's strategy what to offer of it.
func (c *Cell) fold(env *Env) {
	c.Flex = Flex{}
	for _, s := range c.direct {
		b := c.Blocks[s.block]
		for i := s.lo; i < s.hi; i++ {
			c.Flex.Add(&b.Flex[i])
		}
	}
	if c.stewards.communityBy.exact {
		c.stewards.community.Fold(env, c.members(), &c.networkBefore, &c.Flex)
		return
	}
	sum := c.Flex
	c.stewards.community.Fold(env, c.members(), &c.networkBefore, &c.Flex)
	c.Flex.straighten(&sum)
}

// foldHome adds the devices behind a home's meter to the offer of its parts, and asks
// the home's strategy what to offer of it.
func (c *Cell) foldHome(k, i int, env *Env) {
	b := c.Blocks[k]
	f := &b.Flex[i]
	if b.partsFlex != nil {
		b.partsFlex[i] = *f
	}
	steward, m := c.home(k, i)
	for _, s := range m.spans {
		for j := s.lo; j < s.hi; j++ {
			f.Add(&c.Blocks[s.block].Flex[j])
		}
	}
	if c.stewards.homeBy.exact {
		steward.Fold(env, m, &c.networkBefore, f)
		return
	}
	sum := *f
	steward.Fold(env, m, &c.networkBefore, f)
	f.straighten(&sum)
}

// straighten corrects a steward's offer for members that offer sum: nothing beyond sum, all
// of the essential load, and every means of closing the books as a last resort: to hold
// generation back, to leave storage alone and to use owners' reserves.
func (f *Flex) straighten(sum *Flex) {
	offered := f.Tier
	*f = *sum
	for t := Comfort; t < NumTiers; t++ {
		b, o := &f.Tier[t], offered[t]
		o.Min, o.Max = b.Clip(o.Min), b.Clip(o.Max)
		o.Max = max(o.Min, o.Max)
		switch t {
		case Generation:
			o.Max = b.Max
		case Storage:
			o.Min, o.Max = min(o.Min, b.Clip(0)), max(o.Max, b.Clip(0))
		}
		*b = Band{o.Min, o.Clip(o.Ref), o.Max}
	}
}

// divide shares the community's setpoint among its households and its own devices, as its
// strategy says; essential load is cut in rotation.
func (c *Cell) divide(env *Env, ask *Setpoint) {
	for _, b := range c.Blocks {
		if !b.Kind.Role.Unit() {
			for i := range b.Set {
				b.Set[i] = b.Flex[i].Follow()
			}
		}
	}
	c.asked = *ask
	c.stewards.community.Divide(env, c.members(), &c.networkBefore, &c.asked)
	cut, share := c.Flex.Tier[Essential].Ref-ask.Tier[Essential], ask.For
	if !c.stewards.communityBy.exact {
		for t := Essential; t < NumTiers; t++ {
			if t != Essential || cut <= 0 {
				c.members().straighten(t, ask.Tier[t], ask.Why[t])
			}
		}
	}
	if cut <= 0 {
		return
	}
	if share == 0 {
		share = One
	}
	for _, s := range c.direct {
		b := c.Blocks[s.block]
		for i := s.lo; i < s.hi; i++ {
			b.Set[i].Tier[Essential], b.Set[i].Why[Essential] = b.Flex[i].Tier[Essential].Ref, ask.Why[Essential]
		}
	}
	c.rotate(cut, share)
}

// divideHome shares a home's setpoint among its devices, and leaves in set the setpoint
// of its own parts.
func (c *Cell) divideHome(k, i int, env *Env, set *Setpoint) {
	b := c.Blocks[k]
	steward, m := c.home(k, i)
	if c.stewards.homeBy.exact {
		steward.Divide(env, m, &c.networkBefore, set)
		set.Tier[Mobility], set.Tier[Storage] = 0, 0 // parts offer in neither
		return
	}
	for j := range m.Len() {
		*m.Set(j) = m.Flex(j).Follow()
	}
	ask := *set
	steward.Divide(env, m, &c.networkBefore, set)
	*set = ask
	for t := range set.Tier {
		own, asked, all := m.own.allowed(Tier(t)), ask.Tier[t], Power(0)
		for j := range m.Len() {
			to := m.Set(j)
			to.Tier[t] = m.Flex(j).allowed(Tier(t)).Clip(to.Tier[t])
			all += to.Tier[t]
		}
		m.straighten(Tier(t), asked-own.Clip(asked-all), ask.Why[t])
		for j := range m.Len() {
			asked -= m.Set(j).Tier[t]
		}
		if set.Tier[t] = asked; asked != m.own.Tier[t].Ref && ask.Why[t] == NoReason {
			set.Why[t] = Planned
		}
	}
	b.partsSet[i] = *set
}

// straighten corrects a steward's setpoints in one tier: no member is asked for more than it
// offered (load may be shed), and the setpoints add up to total if the members can do that;
// the first members make up the difference. A member that is asked for something other than
// its reference has a reason: the steward's, or else why.
func (m Members) straighten(t Tier, total Power, why Reason) {
	if why == NoReason {
		why = Planned
	}
	for _, s := range m.spans {
		b := m.cell.Blocks[s.block]
		for i := s.lo; i < s.hi; i++ {
			set := &b.Set[i]
			set.Run, set.For = Keep, 0
			set.Tier[t] = b.Flex[i].allowed(t).Clip(set.Tier[t])
			total -= set.Tier[t]
		}
	}
	for _, s := range m.spans {
		b := m.cell.Blocks[s.block]
		for i := s.lo; i < s.hi; i++ {
			set := &b.Set[i]
			was := set.Tier[t]
			set.Tier[t] = b.Flex[i].allowed(t).Clip(was + total)
			total -= set.Tier[t] - was
			if set.Tier[t] != b.Flex[i].Tier[t].Ref && set.Why[t] == NoReason {
				set.Why[t] = why
			}
		}
	}
}

// allowed is what a member may be asked in a tier: what it has offered, load down to
// nothing, and storage down to the end of its owner's reserve.
func (f *Flex) allowed(t Tier) Band {
	b := f.Tier[t]
	if t.sheddable() {
		b.Min = min(b.Min, 0)
	} else if t == Storage {
		b.Min = min(b.Min, f.Deepest)
	}
	return b
}

// settleStewards reports the outcome of the step to stateful stewards. If the end of
// a step is repeated after a failure, their state from before is restored first.
func (c *Cell) settleStewards(env *Env) {
	s := &c.stewards
	if !s.any {
		return
	}
	if s.settled == env.Tick {
		if _, err := c.readStewards(s.before); err != nil {
			panic(fmt.Sprintf("%s: %v", c.Path, err)) // a steward that cannot read its own state
		}
	}
	s.before, s.settled = c.appendStewards(s.before[:0]), env.Tick
	if s.communityRemembers {
		s.community.(StatefulSteward).Settled(env, c.members())
	}
	for k, each := range s.each {
		for i := range each {
			if steward, m := c.home(k, i); !c.Blocks[k].quarantined[i] {
				steward.(StatefulSteward).Settled(env, m)
			}
		}
	}
}

// appendStewards appends the states of stateful stewards: of the community's, then of
// homes in path order, each group after its strategy's name.
func (c *Cell) appendStewards(b []byte) []byte {
	s := &c.stewards
	if s.communityRemembers {
		b = s.community.(StatefulSteward).AppendBinary(s.communityBy.AppendName(b))
	}
	for _, each := range s.each {
		for i, one := range each {
			if i == 0 {
				b = s.homeBy.AppendName(b)
			}
			b = one.(StatefulSteward).AppendBinary(b)
		}
	}
	return b
}

// readStewards is the inverse of appendStewards and returns the rest of b.
func (c *Cell) readStewards(b []byte) (rest []byte, err error) {
	s := &c.stewards
	var version uint8
	if s.communityRemembers {
		if version, b, err = s.communityBy.ReadName(b); err == nil {
			b, err = s.communityBy.Restore(version, b, s.community.(StatefulSteward).UnmarshalBinary)
		}
	}
	for _, each := range s.each {
		for i := 0; i < len(each) && err == nil; i++ {
			if i == 0 {
				version, b, err = s.homeBy.ReadName(b)
			}
			if err == nil {
				b, err = s.homeBy.Restore(version, b, each[i].(StatefulSteward).UnmarshalBinary)
			}
		}
	}
	return b, err
}
