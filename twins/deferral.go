package twins

// How a load that was asked for less than it wanted is booked: moved to later, by
// agreement, or not served.

// Agreed reports whether a load that is held back for this reason has agreed to
// it: as long as it gets what it was promised, the lower end of its band, what it
// does not draw is shifted and not unserved.
func (r Reason) Agreed() bool {
	return r == Scarcity || r == Limit || r == Planned || r == Ordered
}

// putsOff reports whether what a load does not draw for this reason is remembered, so
// that it counts once: load that has agreed to wait, and load shed without an
// agreement.
func (r Reason) putsOff() bool { return r.Agreed() || r == Shed }

// putOff books what a load did of what it offered. With an agreement, the shifted
// part is what it would draw had it never been asked for less (unasked ≤ its greatest
// power), less what it drew or was promised; the part below the promise is unserved.
// Shed load has no agreement: all of it is unserved.
func (r *Reading) putOff(why Reason, b Band, unasked, did Power) {
	switch {
	case why == Shed:
		r.Unserved += max(0, unasked-did)
	case why.Agreed():
		r.Shifted += max(0, unasked-max(did, b.Min))
		fallthrough
	default:
		r.Unserved += max(0, b.Min-did)
	}
	if r.Unserved > 0 || r.Shifted > 0 {
		r.Reason = why
	}
}

// Deferrer is a PartSlab whose devices may put off what they draw.
type Deferrer interface {
	// Defer is called after Step and before its events are applied: the device has
	// offered b and drew did. held says that it was asked for less than its Ref, by
	// agreement or without one. Defer appends the change of what it owes and returns
	// what was moved to later in this step, ≥ 0: what stays moved is not counted again.
	Defer(i int, env *Env, b Band, did Power, held bool, ev *Events) (moved Power)
}

// DeferringRow is a PartRow whose device may put off what it draws.
type DeferringRow[T any] interface {
	PartRow[T]
	Defer(env *Env, b Band, did Power, held bool, ev *Events) (moved Power)
}

// DeferringSlabOf is a PartSlab over rows of one type that is a Deferrer.
type DeferringSlabOf[T any, P DeferringRow[T]] struct{ *PartSlabOf[T, P] }

// NewDeferringSlab makes a slab of n zero rows.
func NewDeferringSlab[T any, P DeferringRow[T]](n int) DeferringSlabOf[T, P] {
	return DeferringSlabOf[T, P]{NewPartSlab[T, P](n)}
}

// Defer implements Deferrer.
func (s DeferringSlabOf[T, P]) Defer(i int, env *Env, b Band, did Power, held bool, ev *Events) Power {
	return s.Row(i).Defer(env, b, did, held, ev)
}
