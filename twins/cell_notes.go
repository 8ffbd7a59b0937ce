package twins

import (
	"cmp"
	"slices"
)

// Notice is a notable event and the path of the member to which it happened.
type Notice struct {
	Member string
	Event  Event
}

// memberBooking is one of several bookings of a member.
type memberBooking struct {
	Slot
	Booking
}

// collectNotices gathers the notable events of the step, in slot order.
func (c *Cell) collectNotices(scratches []*Scratch) {
	c.Events = c.Events[:0]
	for _, w := range scratches {
		c.Events = append(c.Events, w.Notices...)
	}
	c.Events = append(c.Events, c.cuts...)
	if net := c.Net(); c.opened.above(max(net, -net)) {
		c.Events = append(c.Events, Notice{c.Path, Event{Type: LimitPassed, V: [7]int64{int64(net), int64(c.opened.limit)}}})
	}
	slices.SortStableFunc(c.Events, func(a, b Notice) int { return cmp.Compare(a.Member, b.Member) })
	c.Isolated = c.isolated
	slices.Sort(c.Isolated)
	c.collectDecisions(scratches)
}

// collectDecisions lists the decisions that moved members away from their reference, in slot
// order: one for each reason.
func (c *Cell) collectDecisions(scratches []*Scratch) {
	c.Notes, c.mixed = c.Notes[:0], c.mixed[:0]
	for _, w := range scratches {
		c.mixed = append(c.mixed, w.mixed...)
	}
	slices.SortStableFunc(c.mixed, func(a, b memberBooking) int {
		return cmp.Or(cmp.Compare(a.Block, b.Block), cmp.Compare(a.Index, b.Index))
	})
	mixed := c.mixed
	for k, b := range c.Blocks {
		for i := range b.Read {
			n := 0
			for n < len(mixed) && mixed[n].Slot == (Slot{int32(k), int32(i)}) {
				n++
			}
			c.Notes = b.decisions(c.Notes, i, mixed[:n])
			mixed = mixed[n:]
		}
	}
}

// decisions appends the decisions about member i. mixed are its bookings, if they have
// several reasons.
func (b *Block) decisions(to []Decision, i int, mixed []memberBooking) []Decision {
	r, set := &b.Read[i], &b.Set[i]
	d := Decision{b.Paths[i], r.Reason, set.Net(), r.Shifted, r.Unserved, r.Curtailed}
	switch {
	case b.quarantined[i]: // perhaps only after its answer was taken
		d.Reason, d.Power = Quarantined, r.Power
	case len(mixed) > 0:
		for _, k := range mixed {
			if k.Reason == NoReason {
				continue
			}
			to = append(to, Decision{d.Member, k.Reason, d.Power, k.Shifted, k.Unserved, k.Curtailed})
		}
		return to
	case r.Reason != NoReason:
	case set.Run != Keep:
		d.Reason = set.Why[Generation]
	case set.Why != [NumTiers]Reason{}:
		for t, why := range set.Why {
			if why != NoReason && set.Tier[t] != b.Flex[i].Tier[t].Ref && !decided(to, d.Member, why) {
				to = append(to, Decision{Member: d.Member, Reason: why, Power: d.Power})
			}
		}
		return to
	}
	if d.Reason != NoReason {
		to = append(to, d)
	}
	return to
}

// decided reports whether of ends with a decision about the member for this
// reason.
func decided(of []Decision, member string, why Reason) bool {
	for k := len(of) - 1; k >= 0 && of[k].Member == member; k-- {
		if of[k].Reason == why {
			return true
		}
	}
	return false
}
