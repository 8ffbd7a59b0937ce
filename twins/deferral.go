package twins

// How a load that may draw later is booked when it is asked for less than it wants.
//
// What it would have drawn by now, had it never been asked for less, is its reference.
// Energy that the reference has drawn and the load has not is owed. Each millijoule of it
// is in one state at a time:
//
//   - shifted: its owner has agreed to the delay, and it can still be drawn in time; or the
//     deadline has passed and it was not needed by then;
//   - waiting: it is needed by the deadline and cannot be drawn by then any more;
//   - unserved: it was waiting when the deadline came;
//   - neither: it was held back without an agreement and can still be drawn.
//
// So a shortage is booked once, as the energy that is missing in the end, however many
// steps it lasts; nothing is booked both as shifted and as unserved; and a run that ends
// before the deadline has it under waiting.
//
// What is shifted ends in one of three ways: it is caught up, as the load draws more than its
// reference; it is given up, because it is not wanted any more (a vehicle has charged on the way, a
// room is warm without it); or it turns out to be missing, which is booked as less shifted. So at
// any time
//
//	shifted = caught up + given up + still to be drawn
//
// to the millijoule.

// Agreed reports whether a load that is held back for this reason has agreed to
// it: as long as it gets what it was promised, what it does not draw is shifted.
func (r Reason) Agreed() bool {
	return r == Scarcity || r == Limit || r == Planned || r == Ordered
}

// Deferral is how a load that may draw later is booked in a step.
type Deferral struct {
	Booking
	Waiting Power  // ≥ 0, what began to wait in the step
	Waits   Energy // ≥ 0, all that waits at its end
	CatchUp
	// How far and how long a room or a tank was below the lower edge of its band, ≥ 0.
	RoomBelow, TankBelow DegreeHours
}

// CatchUp is what has become of shifted load in a step: the part that was drawn, and the part
// that is not wanted any more. Both are ≥ 0.
type CatchUp struct{ CaughtUp, GivenUp Energy }

// Plus adds what another load has caught up and given up.
func (c *CatchUp) Plus(d CatchUp) {
	c.CaughtUp += d.CaughtUp
	c.GivenUp += d.GivenUp
}

// DegreeHours is a temperature difference times a duration, in millionths of a kelvin-hour.
type DegreeHours int64

// KelvinHours returns d in kelvin-hours.
func (d DegreeHours) KelvinHours() float64 { return float64(d) / 1e6 }

// account is the state of a load that may draw later and has a deadline. Energies are
// those at its meter, ≥ 0, and shifted + waiting ≤ owed.
type account struct {
	owed    Energy // drawn by the reference and not by the load
	shifted Energy // of it, booked as shifted
	waiting Energy // of it, booked as waiting
	rest    Energy // unserved and too little for a milliwatt over a step: added to the next booking
	why     int64  // the Reason why it was last held back
}

// accountFields name the values of an event that carries an account.
var accountFields = []string{"owed_j", "shifted_j", "waiting_j", "rest_j", "reason"}

func (a *account) values() [7]int64 {
	return [7]int64{int64(a.owed), int64(a.shifted), int64(a.waiting), int64(a.rest), a.why}
}

func (a *account) set(v *[7]int64) {
	*a = account{Energy(v[0]), Energy(v[1]), Energy(v[2]), Energy(v[3]), v[4]}
}

// append appends the account's part of a stored form; fields are its inverse for readInts.
func (a *account) append(b []byte) []byte {
	v := a.values()
	return appendInts(b, v[:len(accountFields)]...)
}

func (a *account) fields() []*int64 {
	return []*int64{(*int64)(&a.owed), (*int64)(&a.shifted), (*int64)(&a.waiting), (*int64)(&a.rest), &a.why}
}

// step books a step of env's length in which the load drew did where its reference drew
// unasked. lacks is what its need lacks at the end of the step and cannot draw by the
// deadline any more; due says that the step ends at the deadline.
func (a *account) step(why Reason, unasked, did Power, lacks Energy, due bool, step Seconds) (d Deferral) {
	off := unasked - did
	if off > 0 && why != NoReason {
		a.why = int64(why)
	}
	a.owed = max(0, a.owed+off.For(step)) // a load may draw the last milliwatt of a step before its reference
	if off > 0 && why.Agreed() {
		d.Shifted = off
		a.shifted += off.For(step)
	}
	d.CaughtUp = a.forget() // what has been drawn since is no longer owed
	lacks = min(lacks, a.owed)
	a.waiting = min(a.waiting, lacks)
	more := lacks - a.waiting
	if due {
		d.Unserved, a.rest = (lacks + a.rest).Over(step)
	} else {
		d.Waiting, _ = more.Over(step)
		more = d.Waiting.For(step)
	}
	d.Shifted -= a.takeBack(more, step)
	if a.waiting += more; due {
		later, _ := max(0, a.owed-a.shifted-lacks).Over(step) // not needed by the deadline: drawn after it
		d.Shifted += later
		a.shifted += later.For(step)
		a.waiting = 0
	}
	d.Waits, d.Reason = a.waiting, Reason(a.why)
	return d
}

// takeBack returns how much of what was booked as shifted must now be booked as waiting or
// unserved, because more of it is lacking: what was held back without an agreement lacks
// first.
func (a *account) takeBack(more Energy, step Seconds) Power {
	free := max(0, a.owed-a.shifted-a.waiting)
	p, _ := min(a.shifted, max(0, more-free)).Over(step)
	a.shifted -= p.For(step)
	return p
}

// drawnElsewhere takes energy that was drawn at another meter out of the account, and returns how
// much of it was shifted.
func (a *account) drawnElsewhere(e Energy) (givenUp Energy) {
	a.owed = max(0, a.owed-e)
	return a.forget()
}

// forget lowers what is shifted to what is owed, and returns by how much.
func (a *account) forget() Energy {
	before := a.shifted
	a.shifted = min(a.shifted, a.owed)
	return before - a.shifted
}

// book adds the deferral to the member's bookings and its reading.
func (d *Deferral) book(ev *Events, out *Reading) {
	if *d == (Deferral{}) {
		return
	}
	ev.book(out, d.Booking)
	out.Waiting += d.Waiting
	out.Waits += d.Waits
	out.CatchUp.Plus(d.CatchUp)
	out.RoomBelow += d.RoomBelow
	out.TankBelow += d.TankBelow
	if d.Waiting > 0 && out.Reason == NoReason {
		out.Reason = d.Reason
	}
}

// Deferrer is a PartSlab whose devices may put off what they draw.
type Deferrer interface {
	// Defer is called after Step and before its events are applied: the device has
	// offered b and drew did; why says why it was asked for something other than b.Ref.
	// Defer appends the change of what it owes and returns how the step is booked.
	Defer(i int, env *Env, b Band, did Power, why Reason, ev *Events) Deferral
}

// DeferringRow is a PartRow whose device may put off what it draws.
type DeferringRow[T any] interface {
	PartRow[T]
	debtor
	Defer(env *Env, b Band, did Power, why Reason, ev *Events) Deferral
}

// DeferringSlabOf is a PartSlab over rows of one type that is a Deferrer.
type DeferringSlabOf[T any, P DeferringRow[T]] struct{ *PartSlabOf[T, P] }

// NewDeferringSlab makes a slab of n zero rows.
func NewDeferringSlab[T any, P DeferringRow[T]](n int) DeferringSlabOf[T, P] {
	return DeferringSlabOf[T, P]{NewPartSlab[T, P](n)}
}

// Defer implements Deferrer.
func (s DeferringSlabOf[T, P]) Defer(i int, env *Env, b Band, did Power, why Reason, ev *Events) Deferral {
	return s.Row(i).Defer(env, b, did, why, ev)
}

// Owes implements debtors.
func (s DeferringSlabOf[T, P]) Owes(i int) bool { return s.Row(i).owes() }

// StillShifted implements debtors.
func (s DeferringSlabOf[T, P]) StillShifted(i int) Energy { return s.Row(i).stillShifted() }

// debtor is a row that reports whether it still has to draw what it was held back from, and how much
// of that is booked as shifted.
type debtor interface {
	owes() bool
	stillShifted() Energy
}

// debtors is a slab of rows that may owe something.
type debtors interface {
	Owes(i int) bool
	StillShifted(i int) Energy
}

// StillShifted returns what the members have shifted and neither caught up nor given up yet.
func (c *Cell) StillShifted() (sum Energy) {
	for _, b := range c.Blocks {
		of, ok := b.Slab.(debtors)
		for i := 0; ok && i < len(b.Paths); i++ {
			sum += of.StillShifted(i)
		}
	}
	return sum
}

// Owes reports whether any member was held back and has not made up for it yet.
func (c *Cell) Owes() bool {
	for _, b := range c.Blocks {
		of, ok := b.Slab.(debtors)
		for i := 0; ok && i < len(b.Paths); i++ {
			if of.Owes(i) {
				return true
			}
		}
	}
	return false
}
