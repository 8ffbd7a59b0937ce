package twins

// Tick numbers a step since the start of the run, from 0. It is never a wall
// time.
type Tick int64

// Tier orders what a member draws or injects by how easily it can be moved.
// Scarcity is met from the last load tier to the first; abundance by
// generation.
type Tier uint8

// The tiers, in the order in which scarcity spares them.
const (
	Essential  Tier = iota // kept on until nothing else is left
	Comfort                // heat, hot water: may move inside its band
	Flexible               // may wait, by agreement
	Mobility               // vehicles: may wait until their departure
	Storage                // batteries: + charges, − discharges
	Generation             // ≤ 0; for a tie either sign
	NumTiers
)

// Band is a range of power that a member can follow: Min ≤ Ref ≤ Max. Ref is
// what it does without a request.
type Band struct{ Min, Ref, Max Power }

// Plus adds two bands.
func (b Band) Plus(c Band) Band { return Band{b.Min + c.Min, b.Ref + c.Ref, b.Max + c.Max} }

// Clip returns the power of the band nearest to p.
func (b Band) Clip(p Power) Power { return max(b.Min, min(b.Max, p)) }

// Fixed is the band of something that cannot be moved.
func Fixed(p Power) Band { return Band{p, p, p} }

// Need is energy that must have been drawn by a moment: a vehicle's departure,
// a tank's shower. MinPower is the least mean power from now on with which it
// can still be met.
type Need struct {
	Energy   Energy
	By       Tick
	MinPower Power
}

// Duty says how freely the generation of a unit may be chosen.
type Duty uint8

// Duties.
const (
	// Dispatched units run by merit and stop when they are not needed.
	Dispatched Duty = iota
	// Committed units have not run for long enough: they go down to their least,
	// and stop only if the books cannot be closed otherwise.
	Committed
	// Variable units give what wind and sun give, their Ref. They take no orders
	// to start and stop, and are held back when nothing else makes room.
	Variable
)

// Flex is what a member offers for one step: for each tier a band, and what it
// still needs by when.
//
// A setpoint of a load tier below its Ref but not below its Min moves load to later.
// One below its Min cuts it by force, and the part below Min is booked as unserved:
// a vehicle may then leave without the energy that it needs, a machine is held up in
// its programme. A setpoint above the Generation tier's Ref curtails it.
type Flex struct {
	Tier     [NumTiers]Band
	Need     Need
	Reactive ReactivePower // at Ref, from the member's power factor
	Cost     Price         // of one more unit of generation; for merit order
	Duty     Duty          // of a unit
	// Startable is the least that a unit which is off would inject once it has
	// been started; 0 if it is on or cannot start.
	Startable Power
	// Coming is what a unit that is off or starting could inject once it runs, so
	// that no more units are started than needed; 0 if it runs or cannot.
	Coming Power
	// Aim is what storage wants at the meter in front of it.
	Aim Aim
	// Deepest is the least power of the Storage tier if the owner's reserve is used
	// as well, which only essential load may ask for: Deepest ≤ Tier[Storage].Min.
	Deepest Power
}

// Add folds another member's offer into f. Needs and aims stay with their
// members.
func (f *Flex) Add(g *Flex) {
	for t := range f.Tier {
		f.Tier[t] = f.Tier[t].Plus(g.Tier[t])
	}
	f.Reactive += g.Reactive
	f.Deepest += g.Deepest
}

// band is the range of one tier. With deep, that of Storage is the part below the
// owner's reserve, from Deepest to what is offered freely.
func (f *Flex) band(t Tier, deep bool) Band {
	b := f.Tier[t]
	if deep && t == Storage {
		return Band{min(f.Deepest, b.Min), b.Min, b.Max}
	}
	return b
}

// Ref is the net power at reference, over all tiers.
func (f *Flex) Ref() (sum Power) {
	for t := range f.Tier {
		sum += f.Tier[t].Ref
	}
	return sum
}

// Ordered reports whether Min ≤ Ref ≤ Max holds in every tier.
func (f *Flex) Ordered() bool {
	for _, b := range f.Tier {
		if b.Min > b.Ref || b.Ref > b.Max {
			return false
		}
	}
	return true
}

// Run is an order to a unit that can be on or off.
type Run int8

// Orders to units.
const (
	Keep  Run = 0
	Start Run = 1
	Stop  Run = -1
)

// Reason says why a member was asked for something other than its reference.
// The numbers are on disk for ever.
type Reason uint8

// Reasons.
const (
	NoReason    Reason = 0
	Scarcity    Reason = 1 // too little production
	Abundance   Reason = 2 // too much production
	Limit       Reason = 3 // a community's or network's limit
	Quarantined Reason = 4 // the member failed twice in a step: its reading is an estimate
	Merit       Reason = 5 // it is cheaper than what would run otherwise
	Shed        Reason = 6 // cut without an agreement: all that was not drawn is unserved
	Planned     Reason = 7 // required by the plan for the coming hours
	Ordered     Reason = 8 // ordered by the grid's manager
	Reserve     Reason = 9 // kept back, so that the greatest infeed may be lost
)

var reasonNames = [...]string{"", "scarcity", "abundance", "limit", "quarantined", "merit", "shed", "planned", "ordered", "reserve"}

func (r Reason) String() string { return reasonNames[r] }

// Setpoint is what a member is asked for one step, tier by tier, and why. Its answer,
// a Reading, says what it did.
type Setpoint struct {
	Tier [NumTiers]Power
	// Why says for each tier why the setpoint differs from the reference; an order
	// to a unit has the reason of its Generation.
	Why [NumTiers]Reason
	Run Run
	// For is the share of the step for which essential load is cut, if it is cut; 0
	// means all of it. Under-frequency relays cut many for a short time.
	For Ratio
}

// Follow is the setpoint that asks for the reference only.
func (f *Flex) Follow() (s Setpoint) {
	for t := range f.Tier {
		s.Tier[t] = f.Tier[t].Ref
	}
	return s
}

// order is the setpoint that starts or stops a unit.
func order(run Run, why Reason) (s Setpoint) {
	s.Run, s.Why[Generation] = run, why
	return s
}

// StopFor is the setpoint that stops a unit for a reason.
func StopFor(why Reason) Setpoint { return order(Stop, why) }

// Net is the net power asked, over all tiers.
func (s *Setpoint) Net() (sum Power) {
	for _, p := range s.Tier {
		sum += p
	}
	return sum
}

// BandSplit divides a tier's total along the members' bands: what is below the
// sum of references is taken in proportion to Ref − Min, what is above is added
// in proportion to Max − Ref. What goes below the sum of Min (load shed by
// force) is taken in proportion to Min where that is positive.
type BandSplit struct {
	move      Split
	up, below bool
}

// NewBandSplit starts dividing total among members whose bands add up to sum.
func NewBandSplit(total Power, sum Band) BandSplit {
	switch {
	case total >= sum.Ref:
		return BandSplit{move: NewSplit(min(total, sum.Max)-sum.Ref, sum.Max-sum.Ref), up: true}
	case total >= sum.Min:
		return BandSplit{move: NewSplit(sum.Ref-total, sum.Ref-sum.Min)}
	default:
		return BandSplit{move: NewSplit(min(sum.Min-total, max(sum.Min, 0)), max(sum.Min, 0)), below: true}
	}
}

// Next returns the power of the next member.
func (s *BandSplit) Next(b Band) Power {
	switch {
	case s.up:
		return b.Ref + s.move.Next(b.Max-b.Ref)
	case s.below:
		return b.Min - s.move.Next(max(b.Min, 0))
	default:
		return b.Ref - s.move.Next(b.Ref-b.Min)
	}
}
