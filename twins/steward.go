package twins

import "fmt"

// ProRata shares what is asked of a community among its members along their bands, in
// proportion to what each can give way.
var ProRata = DeclareStrategy(Strategy{Name: "pro_rata", Version: 1, Level: LevelCommunity, exact: true,
	Label:   "what is asked is shared along the bands that members have offered",
	Steward: func([]byte) (Steward, error) { return proRata{}, nil },
})

// OwnAims has the storage behind a home's meter do what its owner wants of the net load,
// and shares what is asked of the home among its devices along their bands.
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
	each                    [][]Steward // of homes, by block, where a home's steward is stateful
	settled                 Tick        // for which before is
	before                  []byte      // the states of stateful ones before they were told of a step
	communityRemembers, any bool
}

// Adopt gives the community and its homes their strategies. It is for a cell that has not
// made a step; without it the community is ProRata and its homes have OwnAims.
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
		b.own, b.ownSet = nil, nil
		var each []Steward
		if b.owner != nil && !home.exact {
			b.own, b.ownSet = make([]Flex, len(b.Paths)), make([]Setpoint, len(b.Paths))
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

// members are all for whom the community's steward decides.
func (c *Cell) members() Members {
	return Members{Devices: Devices{c, c.standing}, behind: c.shared, folded: &c.Flex}
}

// manages reports whether a strategy is asked about member i: a home, with devices behind
// its meter unless the strategy is one that has a say in its parts.
func (b *Block) manages(i int) bool {
	return b.owner != nil && (b.own != nil || b.spans != nil && b.spans[i] != nil)
}

// home is the steward of home i, and for whom it decides. Where the home is in quarantine
// that is OwnAims: its own may be what has failed.
func (c *Cell) home(k int, i int) (Steward, Members) {
	b := c.Blocks[k]
	m := Members{Devices: Devices{cell: c}, folded: &b.Flex[i]}
	if b.spans != nil {
		m.spans, m.behind = b.spans[i], b.spans[i]
	}
	if b.own != nil {
		m.own = &b.own[i]
	}
	if b.quarantined[i] {
		return ownAims{}, m
	}
	if each := c.stewards.each[k]; each != nil {
		return each[i], m
	}
	return c.stewards.home, m
}

// fold adds up the offers of everything that stands at the community's own connection
// points, and has the community's strategy say what is offered of it.
func (c *Cell) fold(env *Env) {
	c.Flex = Flex{}
	for _, s := range c.standing {
		b := c.Blocks[s.block]
		for i := s.lo; i < s.hi; i++ {
			c.Flex.Add(&b.Flex[i])
		}
	}
	if c.stewards.communityBy.exact {
		c.stewards.community.Fold(env, c.members(), &c.heard, &c.Flex)
		return
	}
	sum := c.Flex
	c.stewards.community.Fold(env, c.members(), &c.heard, &c.Flex)
	c.Flex.straighten(&sum)
}

// foldHome adds what stands behind a home's meter to what its parts offer, and has the
// home's strategy say what is offered of it.
func (c *Cell) foldHome(k, i int, env *Env) {
	b := c.Blocks[k]
	f := &b.Flex[i]
	if b.own != nil {
		b.own[i] = *f
	}
	steward, m := c.home(k, i)
	for _, s := range m.spans {
		for j := s.lo; j < s.hi; j++ {
			f.Add(&c.Blocks[s.block].Flex[j])
		}
	}
	if c.stewards.homeBy.exact {
		steward.Fold(env, m, &c.heard, f)
		return
	}
	sum := *f
	steward.Fold(env, m, &c.heard, f)
	f.straighten(&sum)
}

// straighten makes sense of what a steward offers of members that offer sum: nothing
// beyond it, all of the essential load, and all that closes the books where nothing else
// does, which is to hold generation back, to leave storage alone and to use owners' reserves.
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

// divide shares what was asked of the community among its households and its own devices,
// as its strategy says; essential load is cut in rotation.
func (c *Cell) divide(env *Env, ask *Setpoint) {
	for _, b := range c.Blocks {
		if !b.Kind.Role.Unit() {
			for i := range b.Set {
				b.Set[i] = b.Flex[i].Follow()
			}
		}
	}
	c.asked = *ask
	c.stewards.community.Divide(env, c.members(), &c.heard, &c.asked)
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
	for _, s := range c.standing {
		b := c.Blocks[s.block]
		for i := s.lo; i < s.hi; i++ {
			b.Set[i].Tier[Essential], b.Set[i].Why[Essential] = b.Flex[i].Tier[Essential].Ref, ask.Why[Essential]
		}
	}
	c.rotate(cut, share)
}

// divideHome shares what was asked of a home among its devices, and leaves in set what is
// asked of its own parts.
func (c *Cell) divideHome(k, i int, env *Env, set *Setpoint) {
	b := c.Blocks[k]
	steward, m := c.home(k, i)
	if c.stewards.homeBy.exact {
		steward.Divide(env, m, &c.heard, set)
		set.Tier[Mobility], set.Tier[Storage] = 0, 0 // parts offer in neither
		return
	}
	for j := range m.Len() {
		*m.Set(j) = m.Flex(j).Follow()
	}
	ask := *set
	steward.Divide(env, m, &c.heard, set)
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
	b.ownSet[i] = *set
}

// straighten makes sense of what a steward asks of the members in one tier: nobody is
// asked for more than was offered (load may be shed), and what is asked comes to total if the
// members can do that; those in front make up for the difference. Who is asked for
// something else than its reference has a reason: the steward's, or else why.
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
// nothing, and storage down to where nothing is left of its owner's reserve.
func (f *Flex) allowed(t Tier) Band {
	b := f.Tier[t]
	if t.sheddable() {
		b.Min = min(b.Min, 0)
	} else if t == Storage {
		b.Min = min(b.Min, f.Deepest)
	}
	return b
}

// settleStewards tells those that remember what came of the step. If a step's end is
// repeated after a failure, they are told again in the state that they had before.
func (c *Cell) settleStewards(env *Env) {
	s := &c.stewards
	if !s.any {
		return
	}
	if s.settled == env.Tick {
		if _, err := c.readStewards(s.before); err != nil {
			panic(fmt.Sprintf("%s: %v", c.Path, err)) // a steward that does not read its own state
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

// appendStewards appends the states of those that remember: of the community's, then of
// homes in path order, each sort with its strategy's name in front.
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
	if s.communityRemembers {
		if b, err = s.communityBy.ReadName(b); err == nil {
			b, err = s.community.(StatefulSteward).UnmarshalBinary(b)
		}
	}
	for _, each := range s.each {
		for i := 0; i < len(each) && err == nil; i++ {
			if i == 0 {
				b, err = s.homeBy.ReadName(b)
			}
			if err == nil {
				b, err = each[i].(StatefulSteward).UnmarshalBinary(b)
			}
		}
	}
	return b, err
}
