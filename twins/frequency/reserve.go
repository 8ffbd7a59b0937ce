package frequency

import "math"

// afrrMove is the rate of aFRR in W/s at a deviation: the integral of the
// missing power, which is the deviation times the stiffness, with a time
// constant of 100 s, and never faster than the whole band in 300 s.
func (m *machine) afrrMove(dev, now float64) float64 {
	band := m.area.AFRR
	fastest := math.Max(band.Up, band.Down) / afrrTime
	move := between(-fastest, float64(-dev*m.stiffness)/afrrConstant, fastest)
	if (move > 0 && now >= band.Up) || (move < 0 && now <= -band.Down) {
		return 0
	}
	return move
}

// wanted is the direction in which mFRR is needed: to raise the frequency, to
// lower it, or 0. It relieves aFRR: it is needed while aFRR delivers more than a
// twentieth of its band, or the frequency is outside the standard range.
func (m *machine) wanted() int {
	dev, afrr, band := m.y[atDeviation], m.y[atAFRR], m.area.AFRR
	switch {
	case dev < -StandardRange:
		return 1
	case dev > StandardRange:
		return -1
	case afrr > float64(mfrrNeed*band.Up):
		return 1
	case afrr < float64(-mfrrNeed*band.Down):
		return -1
	}
	return 0
}

// order notes the need for mFRR over the last frame. Another direction is a new
// order, with the same preparation.
func (m *machine) order() {
	s := m.state
	if need := m.wanted(); need != s.need {
		s.need, s.needed = need, 0
	}
	if s.need != 0 {
		s.needed += frameLength
	}
}

// mfrrRoom is how far mFRR can go in a direction, in W.
func (m *machine) mfrrRoom(need int) float64 {
	switch band, now := m.area.MFRR, m.state.MFRR; {
	case need > 0:
		return math.Max(0, band.Up-now)
	case need < 0:
		return math.Max(0, now+band.Down)
	}
	return 0
}

// mfrrMove is the rate of mFRR in W/s over a step of h: it starts 2.5 min after the
// need and takes 10 min, so that it is full after 12.5 min (ENTSO-E MARI: full
// activation time).
func (m *machine) mfrrMove(h float64) float64 {
	s, band := m.state, m.area.MFRR
	if s.need == 0 || s.needed < mfrrPrepare-instant {
		return 0
	}
	rate := math.Min(math.Max(band.Up, band.Down)/mfrrRamp, m.mfrrRoom(s.need)/h)
	return float64(float64(s.need) * rate)
}

// trip makes relays time the last step, and opens stages whose delay is over, in
// their order. A relay starts again when the frequency recovers.
func (m *machine) trip(before, h float64) {
	s, after := m.state, m.y[atDeviation]
	for i := s.relay(); i < len(m.area.Stages); i++ {
		at := m.area.Stages[i].At - m.area.nominal()
		switch {
		case after >= at:
			s.below[i] = 0
			continue
		case before < at:
			s.below[i] += h
		default:
			s.below[i] = float64(h * ((at - after) / (before - after)))
		}
		if i == s.relay() && s.below[i] >= m.area.Stages[i].Delay-instant {
			s.below[i] = 0
			s.Tripped, s.Back = i+1, 0
			m.setShed()
			m.careful = m.pace / carefulParts
		}
	}
}

// restore reconnects the load of the stage that opened last, once that has been
// possible for a minute: part by part, each a few seconds after the one before.
// The next stage waits another minute.
func (m *machine) restore() {
	s := m.state
	if !m.mayRestore() {
		s.calm = 0
		return
	}
	wait := float64(restoreWait)
	if s.Back > 0 {
		wait = restoreEach
	}
	if s.calm += frameLength; s.calm < wait-instant {
		return
	}
	s.calm = 0
	if s.Back += 1. / restoreBlocks; s.Back > 1-instant {
		s.Tripped, s.Back = s.Tripped-1, 0
	}
	m.setShed()
	m.careful = m.pace / carefulParts
}

// mayRestore reports whether the last stage's load may come back: the frequency is within FCR's
// range, unused reserve covers all the load still shed in the stage, and the dip that its next part
// causes ends above the first stage. Governors count only with the response that they have left at
// that dip.
func (m *machine) mayRestore() bool {
	s, a, dev := m.state, m.area, m.y[atDeviation]
	if s.Tripped == 0 || dev < restoreAbove {
		return false
	}
	room := math.Min(0, dev) - (a.Stages[0].At - a.nominal())
	if room <= 0 {
		return false
	}
	load := float64(a.Stages[s.Tripped-1].Share * a.Load)
	part := load / restoreBlocks
	load -= float64(load * s.Back)
	spare := a.AFRR.Up - m.y[atAFRR] + math.Max(0, a.MFRR.Up-s.MFRR)
	stiffness := m.relief
	for i := range a.Governors {
		if g := &a.Governors[i]; !g.absent() {
			left := math.Max(0, g.Up-g.output(m.behindLag(i, m.y), m.y[atGovernors+2*i+1]))
			spare += left
			stiffness += math.Min(g.gain(), left/room)
		}
	}
	return spare >= load && float64(restoreDip*part) < float64(room*stiffness)
}
