package twins

// meter adds up the readings, and the losses of the network between them.
func (c *Cell) meter(units bool) {
	c.Flows, c.caughtUp = Flows{}, CatchUp{}
	c.draws = c.draws[:0]
	for _, b := range c.Blocks {
		if b.Kind.Role.Unit() && !units {
			continue
		}
		b.Flows = Flows{}
		moved := int64(0)
		for i := range b.Read {
			r := &b.Read[i]
			b.Flows.Add(r)
			moved |= int64(r.Reason) | int64(r.Shifted)
			c.caughtUp.Plus(r.CatchUp)
			if !c.lossless && !units {
				c.draws = append(c.draws, BusDraw{b.Connection(i), r.Power, r.Reactive})
			}
		}
		b.moved = moved != 0
		c.Flows.Plus(&b.Flows)
	}
	if !units { // at commit members do what the network has already been asked about
		c.network.Flow(c.draws, &c.state)
	}
	c.Flows.NetworkLoss = c.state.Loss
}

// keepNetworkState saves the network's last answer for the strategies of this exchange, so
// that an exchange that is repeated after a failure sees the same one.
func (c *Cell) keepNetworkState(ask *Ask) {
	at := exchange{ask.Tick, ask.Seq, ask.Stage}
	if c.lossless || c.heardIn == at {
		return
	}
	c.heardIn = at
	c.networkBefore.assign(&c.state)
}

// exchange names one exchange of the protocol.
type exchange struct {
	tick  Tick
	seq   int32
	stage Stage
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
