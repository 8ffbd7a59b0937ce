package frequency

import "math"

// behindLag is the power of governor i behind its lag in state y.
func (m *machine) behindLag(i int, y []float64) float64 {
	g := &m.area.Governors[i]
	if m.lagNow(g) == 0 {
		return g.demand(y[atDeviation])
	}
	return y[atGovernors+2*i]
}

// derive puts the derivative of y into k, at a time in seconds into the step,
// and adds the powers to m.power with a weight.
func (m *machine) derive(y []float64, at, weight float64) {
	a, dev := m.area, y[atDeviation]
	relief := float64(-m.relief * dev)
	giveWay := a.giveWay(dev)
	afrr := between(-a.AFRR.Down, y[atAFRR], a.AFRR.Up)
	mfrr := m.state.MFRR + float64(m.mfrrRate*at)
	m.power[ofRelief] += float64(weight * relief)
	m.power[ofGiveWay] += float64(weight * giveWay)
	m.power[ofAFRR] += float64(weight * afrr)
	m.power[ofMFRR] += float64(weight * mfrr)
	balance := relief + giveWay + afrr + mfrr + m.shed - (m.disturbance + float64(m.drift*at))
	for i := range a.Governors {
		p := m.governor(i, y)
		m.power[ofGovernors+i] += float64(weight * p)
		balance += p
	}
	m.k[atDeviation] = balance / m.inertia
	m.k[atAFRR] = m.afrrMove(dev, y[atAFRR])
}

// governor puts the derivatives of governor i into k and returns the power
// that it delivers.
func (m *machine) governor(i int, y []float64) float64 {
	g, at := &m.area.Governors[i], atGovernors+2*i
	if g.absent() {
		return 0
	}
	x := m.behindLag(i, y)
	if lag := m.lagNow(g); lag > 0 {
		move := (g.demand(y[atDeviation]) - x) / lag
		if g.Ramp > 0 {
			move = between(-g.Ramp, move, g.Ramp)
		}
		m.k[at] = move
	}
	if g.Reheat > 0 {
		m.k[at+1] = (x - y[at+1]) / g.Reheat
	}
	return g.output(x, y[at+1])
}

// step is one step of Runge and Kutta's method of order four. It returns the slope
// of the frequency at its beginning and, to third order, at its end.
func (m *machine) step(h float64) (first, last float64) {
	clear(m.sum)
	clear(m.power)
	m.derive(m.y, 0, 1)
	first = m.k[atDeviation]
	m.trial(h/2, 1)
	m.derive(m.next, h/2, 2)
	m.trial(h/2, 2)
	m.derive(m.next, h/2, 2)
	m.trial(h, 2)
	m.derive(m.next, h, 1)
	last = m.k[atDeviation]
	m.advance(h)
	return first, last
}

func (m *machine) trial(h, weight float64) {
	for j, k := range m.k {
		m.sum[j] += float64(weight * k)
		m.next[j] = m.y[j] + float64(h*k)
	}
}

func (m *machine) advance(h float64) {
	sixth := h / 6
	for j, k := range m.k {
		m.y[j] += float64(sixth * (m.sum[j] + k))
	}
	for j, p := range m.power {
		m.energy[j] += float64(sixth * p)
	}
	m.pass(h)
}

// pass advances everything that moves in straight lines.
func (m *machine) pass(h float64) {
	a := m.area
	m.result.Shed += float64(h * m.shed)
	m.result.Disturbance += float64(h * (m.disturbance + float64(float64(h*m.drift)/2)))
	m.disturbance += float64(h * m.drift)
	m.state.MFRR = between(-a.MFRR.Down, m.state.MFRR+float64(h*m.mfrrRate), a.MFRR.Up)
	m.y[atAFRR] = between(-a.AFRR.Down, m.y[atAFRR], a.AFRR.Up)
}

// rests reports whether nothing will move in the time left by more than 1 µHz
// or a millionth of the load, nor any relay or order.
func (m *machine) rests(left float64) bool {
	if m.drift != 0 || m.mfrrRoom(m.wanted()) > 0 || m.mayRestore() {
		return false
	}
	for i := m.state.relay(); i < len(m.area.Stages); i++ {
		if m.y[atDeviation] < m.area.Stages[i].At-m.area.nominal() {
			return false
		}
	}
	m.mfrrRate = 0
	m.derive(m.y, 0, 0)
	small := float64(1e-6*m.area.Load) + 1e-6
	for j, k := range m.k {
		if limit := small; j != atDeviation && math.Abs(k)*left > limit {
			return false
		}
	}
	return math.Abs(m.k[atDeviation])*left <= 1e-6
}

// coast takes the rest of the interval in one step, at rest.
func (m *machine) coast(left float64) {
	clear(m.power)
	m.derive(m.y, 0, 1)
	for j, k := range m.k {
		m.y[j] += float64(left * k)
	}
	for j, p := range m.power {
		m.energy[j] += float64(left * p)
	}
	m.pass(left)
	m.extreme(m.y[atDeviation], m.now+left)
	m.now += left
	s := m.state
	for i := range s.window {
		s.window[i] = m.y[atDeviation]
	}
	s.frame, s.calm, s.need, s.needed = 0, 0, 0, 0
	clear(s.below[:])
}
