package frequency

import "math"

// Result is the outcome of one interval. Energies are in J over the interval; +
// is power delivered, or load not drawn, beyond the schedule. They add up to
// rounding:
//
//	Disturbance = Σ Governors + AFRR + MFRR + Relief + Shed + GiveWay − Kinetic
type Result struct {
	Min, Max, End float64 // Hz
	MinAt, MaxAt  float64 // s since the beginning of the interval
	ROCOF         float64 // Hz/s, the greatest magnitude of the mean over any 500 ms (ENTSO-E's window)
	ROCOFInitial  float64 // Hz/s at the beginning: imbalance over inertia
	Stages        int     // the most stages of load shedding that were open
	Blackout      bool    // the frequency left the range in which plants stay
	Seconds       float64 // simulated: less than asked for only at a blackout

	Disturbance float64
	Governors   []float64 // one each; valid until the next Run on the same State
	AFRR, MFRR  float64
	Relief      float64 // of the load by its own damping
	Shed        float64
	GiveWay     float64 // of inverters by P(f), ≤ 0
	Kinetic     float64 // gained by rotating masses
}

// Run continues from s for the given seconds with a disturbance in W held
// throughout: + is generation lost or load gained against the schedule. The
// area's reserves are measured from the schedule; a caller that moves a reserve's
// delivery into the schedule passes a smaller disturbance.
//
// Without any machine, or almost without (less than a tenth of M = Σ gain·lag),
// Forming governors hold the frequency: droop behind a power filter of that lag is
// the same as this inertia (D'Arco and Suul 2014, IEEE Trans. Smart Grid 5(1),
// 394–395). Their lag is then in M, and its energy is booked on them. Without
// rotating masses and forming governors the area is black at once.
//
// A State that is black stays so. Energies cover Seconds only; the caller
// accounts for the load not served afterwards.
func (a *Area) Run(s *State, disturbance, seconds float64) Result {
	return a.Ramp(s, disturbance, disturbance, seconds)
}

// Ramp is Run with a disturbance that moves from one power to another in a
// straight line.
func (a *Area) Ramp(s *State, from, to, seconds float64) Result {
	return a.ramp(s, from, to, seconds, 1)
}

// ramp is Ramp with steps that are shorter by the factor finer: for measuring the
// error.
func (a *Area) ramp(s *State, from, to, seconds, finer float64) Result {
	m := machine{area: a, state: s, disturbance: from, finer: finer}
	m.result.Min = a.nominal() + s.Deviation
	m.result.Max, m.result.End, m.result.Stages = m.result.Min, m.result.Min, s.Tripped
	if !m.prepare() {
		s.Blackout = true
	}
	if !s.Blackout && seconds > 0 {
		m.drift = (to - from) / seconds
		m.run(seconds)
		if !s.Blackout {
			m.now = seconds // without the rounding of many steps
		}
	}
	return m.finish()
}

// machine is one Run. y holds the deviation, aFRR, and for each governor the
// power behind its lag and behind its reheater.
type machine struct {
	area  *Area
	state *State

	inertia     float64 // W·s/Hz
	formed      bool    // forming governors hold the frequency
	relief      float64 // W/Hz
	shed        float64 // W
	stiffness   float64 // W/Hz
	disturbance float64 // W now
	drift       float64 // W/s of it
	mfrrRate    float64 // W/s in this step
	pace        float64 // s, the longest step
	finer       float64 // times that the step is shorter than usual
	careful     float64 // s, the longest step after a jump; doubles until it is pace
	now         float64 // s

	y, next, k, sum []float64 // state, trial, derivative, weighted derivatives
	power, energy   []float64 // weighted powers and their integrals: relief, P(f), aFRR, mFRR, governors
	result          Result
}

const (
	atDeviation = 0
	atAFRR      = 1
	atGovernors = 2

	ofRelief    = 0
	ofGiveWay   = 1
	ofAFRR      = 2
	ofMFRR      = 3
	ofGovernors = 4

	frameLength = 0.1  // s between samples of the window, and the longest step
	instant     = 1e-9 // s: less is no time

	windowLength = 0.5 // s, len(State.window) frames
)

// prepare lays out the scratch and chooses the step; it returns false if
// nothing holds the frequency.
func (m *machine) prepare() bool {
	a, s := m.area, m.state
	n := len(a.Governors)
	for len(s.governors) < n {
		s.governors = append(s.governors, inner{})
	}
	states, powers := atGovernors+2*n, ofGovernors+n
	if need := 4*states + 2*powers; len(s.work) < need {
		s.work = make([]float64, need)
	}
	w := s.work
	cut := func(n int) (part []float64) { part, w = w[:n:n], w[n:]; clear(part); return }
	m.y, m.next, m.k, m.sum = cut(states), cut(states), cut(states), cut(states)
	m.power, m.energy = cut(powers), cut(powers)

	m.y[atDeviation] = s.Deviation
	for i := range a.Governors {
		if !a.Governors[i].absent() {
			m.y[atGovernors+2*i], m.y[atGovernors+2*i+1] = s.governors[i].lag, s.governors[i].reheat
		}
	}
	m.y[atAFRR] = between(-a.AFRR.Down, s.AFRR, a.AFRR.Up)
	s.MFRR = between(-a.MFRR.Down, s.MFRR, a.MFRR.Up)
	if s.Tripped > len(a.Stages) {
		s.Tripped, s.Back = len(a.Stages), 0
	}
	m.stiffness = a.Stiffness()
	m.setShed()
	m.setInertia()
	if m.inertia > 0 {
		m.setPace()
	}
	return m.inertia > 0
}

func (m *machine) setShed() {
	m.shed = m.state.Shed(m.area)
	m.relief = m.area.relief(m.shed)
	m.result.Stages = max(m.result.Stages, m.state.Tripped)
}

func (m *machine) setInertia() {
	a := m.area
	m.inertia = 2 * a.Kinetic / a.nominal()
	forming := 0.0
	for i := range a.Governors {
		forming += a.Governors[i].forming()
	}
	if m.inertia < float64(formedInertia*forming) {
		m.formed = true
		m.inertia += forming
	}
}

// forming is the inertia in W·s/Hz of a governor that forms the grid alone.
func (g *Governor) forming() float64 {
	if !g.Forming {
		return 0
	}
	return float64(g.gain() * math.Max(g.Lag, shortestLag))
}

// lagNow is the lag of governor g in this run; 0 is none.
func (m *machine) lagNow(g *Governor) float64 {
	switch {
	case g.Forming && m.formed:
		return 0
	case g.Lag == 0 && g.Ramp > 0:
		return rampFollow
	}
	return g.Lag
}

// The step is a whole fraction of 100 ms and so short that the fastest rate moves
// by no more than this share in it; TestStepIsShortEnough measures the error.
const stepShare = 0.3

// After a jump, limits and dead bands are reached within a step, which costs
// the method its order: it continues with short steps.
const (
	jump         = 0.001 // Hz in one step
	carefulParts = 32
)

// setPace chooses the step from the fastest rates: the immediate responses over
// the inertia, the shortest lag, and the oscillation between inertia and lagging
// responses. If it would be below 1 ms, a larger inertia is assumed.
func (m *machine) setPace() {
	a := m.area
	atOnce, behind, shortest := m.relief+float64(GiveWayPerHz*a.Inverters), 0.0, 0.0
	for i := range a.Governors {
		g := &a.Governors[i]
		switch lag := m.lagNow(g); {
		case g.absent():
			continue
		case lag == 0:
			atOnce += g.gain()
		default:
			behind += g.gain() / lag
			shortest = math.Max(shortest, 1/lag)
		}
		if g.Reheat > 0 {
			shortest = math.Max(shortest, 1/g.Reheat)
		}
	}
	for {
		rate := atOnce/m.inertia + shortest + math.Sqrt(behind/m.inertia)
		parts := math.Ceil(float64(rate*frameLength) / stepShare)
		if parts <= 100 {
			m.pace = frameLength / float64(math.Max(1, parts)*m.finer)
			return
		}
		m.inertia *= 1.25
	}
}

func (m *machine) run(seconds float64) {
	s := m.state
	m.derive(m.y, 0, 0)
	m.result.ROCOFInitial = m.k[atDeviation]
	m.careful = m.pace
	if math.Abs(m.k[atDeviation])*m.pace > jump {
		m.careful = m.pace / carefulParts
	}
	check := 0.0 // time of the next check for rest
	for left := seconds; left > instant && !s.Blackout; {
		if m.now >= check {
			if m.rests(left) {
				m.coast(left)
				return
			}
			check = m.now + 1
		}
		h := m.length(left)
		m.mfrrRate = m.mfrrMove(h)
		before := m.y[atDeviation]
		first, last := m.step(h)
		m.observe(before, first, last, h)
		left -= h
		m.now += h
		m.trip(before, h)
		if s.frame += h; s.frame > frameLength-instant {
			s.frame = 0
			m.sample()
			m.order()
			m.restore()
		}
		if m.result.Min < m.area.nominal()+LeaveBelow || m.result.Max > m.area.nominal()+LeaveAbove {
			s.Blackout = true
		}
	}
}

// length is the next step in s: at most to the end of a frame, of the interval
// or of a running relay.
func (m *machine) length(left float64) float64 {
	h := math.Min(m.careful, math.Min(left, frameLength-m.state.frame))
	m.careful = math.Min(m.pace, 2*m.careful)
	for i := m.state.relay(); i < len(m.area.Stages); i++ {
		if rest := m.area.Stages[i].Delay - m.state.below[i]; m.state.below[i] > 0 && rest > instant {
			h = math.Min(h, rest)
		}
	}
	return h
}

// observe updates the extremes of a step from the cubic through its ends and
// slopes.
func (m *machine) observe(before, first, last, h float64) {
	after := m.y[atDeviation]
	m.extreme(after, m.now+h)
	if first*last >= 0 {
		return
	}
	d0, d1, rise := float64(h*first), float64(h*last), after-before
	b, c := float64(3*rise)-float64(2*d0)-d1, d0+d1-float64(2*rise)
	lo, hi := 0.0, 1.0
	for range 40 {
		u := (lo + hi) / 2
		slope := d0 + float64(u*(float64(2*b)+float64(float64(3*c)*u)))
		if slope*d0 > 0 {
			lo = u
		} else {
			hi = u
		}
	}
	m.extreme(before+float64(lo*(d0+float64(lo*(b+float64(c*lo))))), m.now+float64(lo*h))
}

func (m *machine) extreme(dev, at float64) {
	hz := m.area.nominal() + dev
	if hz < m.result.Min {
		m.result.Min, m.result.MinAt = hz, at
	}
	if hz > m.result.Max {
		m.result.Max, m.result.MaxAt = hz, at
	}
}

// sample moves the window of 500 ms on by a frame.
func (m *machine) sample() {
	w := &m.state.window
	m.result.ROCOF = math.Max(m.result.ROCOF, math.Abs(m.y[atDeviation]-w[0])/windowLength)
	copy(w[:], w[1:])
	w[len(w)-1] = m.y[atDeviation]
}

func (m *machine) finish() Result {
	a, s, r := m.area, m.state, &m.result
	gained := m.y[atDeviation] - s.Deviation
	turning := m.inertia
	if m.formed {
		for i := range a.Governors {
			virtual := a.Governors[i].forming()
			m.energy[ofGovernors+i] -= float64(virtual * gained)
			turning -= virtual
		}
	}
	r.Kinetic = float64(turning * gained)
	r.Relief, r.GiveWay, r.AFRR, r.MFRR = m.energy[ofRelief], m.energy[ofGiveWay], m.energy[ofAFRR], m.energy[ofMFRR]
	r.Governors = m.energy[ofGovernors:]
	r.Blackout, r.Seconds = s.Blackout, m.now
	s.Deviation, s.AFRR = m.y[atDeviation], m.y[atAFRR]
	r.End = a.nominal() + s.Deviation
	for i := range a.Governors {
		s.governors[i] = inner{m.behindLag(i, m.y), m.y[atGovernors+2*i+1]}
	}
	return *r
}
