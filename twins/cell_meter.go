package twins

// fold adds up the offers of everything that stands at the community's own
// connection points: households with their devices, and its own devices, which
// pursue their aims with the net load of the community.
func (c *Cell) fold() {
	c.Flex = Flex{}
	for _, b := range c.Blocks {
		if b.Kind.Role.Unit() {
			continue
		}
		for i := range b.Flex {
			if !b.owned(i) {
				c.Flex.Add(&b.Flex[i])
			}
		}
	}
	Devices{c, c.shared}.pursue(&c.Flex)
}

// meter adds up the readings, and what is lost between them.
func (c *Cell) meter(units bool) {
	loss := c.Flows.NetworkLoss
	c.Flows = Flows{}
	c.draws = c.draws[:0]
	for _, b := range c.Blocks {
		if b.Kind.Role.Unit() && !units {
			continue
		}
		b.Flows = Flows{}
		for i := range b.Read {
			r := &b.Read[i]
			b.Flows.Add(r)
			if !c.lossless && !units {
				c.draws = append(c.draws, BusDraw{b.Connection(i), r.Power, r.Reactive})
			}
		}
		c.Flows.Plus(&b.Flows)
	}
	if units { // the network was asked when loads and storage had settled
		c.Flows.NetworkLoss = loss
		return
	}
	c.network.Flow(c.draws, &c.state)
	c.Flows.NetworkLoss = c.state.Loss
}

// check looks for a member whose reading breaks its own balance.
func (c *Cell) check(s Seconds) {
	c.Broken, c.BrokenBy = "", 0
	for _, b := range c.Blocks {
		for i := range b.Read {
			if by := b.Read[i].Imbalance(s); by != 0 {
				c.Broken, c.BrokenBy = b.Paths[i], by
				return
			}
		}
	}
}
