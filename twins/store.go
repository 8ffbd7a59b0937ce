package twins

// store is the content of a battery or a vehicle, with the remainders of its
// conversions, so that a billion steps do not drift. 0 ≤ held; the owner sets
// the upper bound.
type store struct {
	held Energy
	in   int64 // remainder of charging, in billionths of a millijoule: 0 ≤ in < One
	out  int64 // remainder of discharging, 0 ≤ out < efficiency
}

// charged returns what e drawn adds to the store, and the remainder.
func (s *store) charged(e Energy, efficiency Ratio) (gain Energy, in int64) {
	q, r := MulAddDiv(int64(e), int64(efficiency), s.in, int64(One))
	return Energy(q), r
}

// drained returns what e delivered takes from the store, and the remainder.
func (s *store) drained(e Energy, efficiency Ratio) (drop Energy, out int64) {
	q, r := MulAddDiv(int64(e), int64(One), s.out, int64(efficiency))
	return Energy(q), r
}

// fits is the most that can be drawn without holding more than full.
func (s *store) fits(full Energy, efficiency Ratio) Energy {
	free := full - s.held
	if free <= 0 {
		return 0
	}
	e, _ := MulAddDiv(int64(free), int64(One), int64(One)-1-s.in, int64(efficiency))
	return Energy(e)
}

// room is the greatest power that can be drawn for t without holding more than
// full.
func (s *store) room(full Energy, efficiency Ratio, t Seconds) Power {
	p, _ := s.fits(full, efficiency).Over(t)
	return p
}

// yield is the greatest power that can be delivered for t without holding less
// than floor.
func (s *store) yield(floor Energy, efficiency Ratio, t Seconds) Power {
	above := s.held - floor
	if above <= 0 {
		return 0
	}
	e, _ := MulAddDiv(int64(above), int64(efficiency), int64(efficiency)-1-s.out, int64(One))
	p, _ := Energy(e).Over(t)
	return p
}

// shareOf is part ÷ whole, for whole > 0.
func shareOf(part, whole Energy) Ratio {
	q, _ := MulDiv(int64(part), int64(One), int64(whole))
	return Ratio(q)
}
