package twins

// Aim is the net load, between Least and Most, that storage wants at the meter in
// front of it. Storage does not know the load around it; the household that folds
// its offer does, or the community for its own storage.
//
//	self-consumption    Least = Most = 0
//	peak                Least = Most = the peak that is not to be passed
//	charging on purpose Least = Most = Unlimited
//	store surplus only  Least = 0, Most = Unlimited
//	idle                Least = −Unlimited, Most = Unlimited
type Aim struct {
	Least, Most Power // of the net load; Least ≤ Most
	// Still is the storage's own reference: what it does where the net load is
	// already between Least and Most.
	Still Power
}

// Unlimited is more than any net load.
const Unlimited = Power(1) << 60

func (a Aim) like(b Aim) bool { return a.Least == b.Least && a.Most == b.Most }

// pursue gives each storage among the devices the reference that brings the net
// load into its aim, or as near as its band allows. f is the fold of all devices
// and of everything at their meter. Storage with the same aim shares the change
// along its bands; where aims differ, the first in path order comes first. The
// call may be repeated: it starts from what each would do by itself.
func (d Devices) pursue(f *Flex) {
	n := d.Len()
	for k := range n {
		own := d.Flex(k)
		b := &own.Tier[Storage]
		still := b.Clip(own.Aim.Still)
		f.Tier[Storage].Ref += still - b.Ref
		b.Ref = still
	}
	for k := range n {
		if d.leads(k) {
			d.pursueTogether(k, n, f)
		}
	}
}

// leads reports whether device k is the first with its aim.
func (d Devices) leads(k int) bool {
	aim := d.Flex(k).Aim
	for j := range k {
		if d.Flex(j).Aim.like(aim) {
			return false
		}
	}
	return true
}

// pursueTogether moves device first and those after it that have its aim.
func (d Devices) pursueTogether(first, n int, f *Flex) {
	aim := d.Flex(first).Aim
	var sum Band
	for k := first; k < n; k++ {
		if own := d.Flex(k); own.Aim.like(aim) {
			sum = sum.Plus(awake(own.Tier[Storage]))
		}
	}
	net := f.Ref()
	to := sum.Clip(sum.Ref + max(aim.Least, min(aim.Most, net)) - net)
	if to == sum.Ref {
		return
	}
	f.Tier[Storage].Ref += to - sum.Ref
	split := NewBandSplit(to, sum)
	for k := first; k < n; k++ {
		if own := d.Flex(k); own.Aim.like(aim) {
			b := &own.Tier[Storage]
			b.Ref = split.Next(awake(*b))
		}
	}
}

// awake is the band that storage uses without being forced: with nothing to
// discharge it draws its standby, and sleeps only by force.
func awake(b Band) Band {
	if b.Min >= 0 {
		b.Min = b.Ref
	}
	return b
}
