package frequency

import (
	"math"

	"github.com/smatrix-grid/smatrix/twins"
)

// Quasi is the frequency of an ordinary step, in which nothing trips.
type Quasi struct {
	Min, Max, End float64 // Hz
	// OK says that the closed form holds: aFRR inside its band and rate, every stage
	// of load shedding and the end of the plants' range out of reach. If not, s is
	// unchanged and Ramp is to be used.
	OK bool
}

// Closed is the frequency while the disturbance moves from one power to another
// in a straight line over some seconds, as net load does in an ordinary step,
// without inertia and without lags: they last seconds, and a ramp of minutes
// hardly moves them.
//
// The missing power, q = disturbance − aFRR − mFRR, is delivered by governors and
// relief at the deviation at which they deliver q; aFRR follows with da/dt = q/T,
// T = 100 s.
// With the ramp r of the disturbance this is dq/dt = r − q/T, so
//
//	q(t) = r·T + (q(0) − r·T)·e^(−t/T)
//
// which is monotone: the extremes are at the ends. Far from dead bands and limits
// the deviation is −q over Stiffness. It is the limit of Ramp's equations when M
// and the lags go to zero. TestClosedAgreesWithRamp measures the difference over a
// quarter of an hour: 0.01 mHz without dead bands, and with them less than the
// dead band, since aFRR computes the missing power from the deviation.
func (a *Area) Closed(s *State, from, to, seconds float64) Quasi {
	if s.Blackout || s.Tripped > 0 || seconds <= 0 {
		return Quasi{}
	}
	var (
		afrr  = between(-a.AFRR.Down, s.AFRR, a.AFRR.Up)
		mfrr  = between(-a.MFRR.Down, s.MFRR, a.MFRR.Up)
		first = from - afrr - mfrr
		last  = to - afrr - mfrr
		rate  = math.Max(a.AFRR.Up, a.AFRR.Down) / afrrTime
	)
	if rate > 0 {
		held := (to - from) * afrrConstant / seconds
		last = held + float64((first-held)*twins.Exp(-seconds/afrrConstant))
		afrr = to - last - mfrr
		if math.Max(math.Abs(first), math.Abs(last)) > afrrConstant*rate || afrr > a.AFRR.Up || afrr < -a.AFRR.Down {
			return Quasi{}
		}
	}
	begin, ok1 := a.settled(first)
	end, ok2 := a.settled(last)
	if !ok1 || !ok2 {
		return Quasi{}
	}
	s.settle(a, end, afrr)
	f0 := a.nominal()
	return Quasi{Min: f0 + math.Min(begin, end), Max: f0 + math.Max(begin, end), End: f0 + end, OK: true}
}

// settled is the deviation at which governors, relief and P(f) together deliver
// missing, and whether it is short of the first stage and of the plants' limits.
// The power that they deliver falls with the deviation, so it is found by
// bisection.
func (a *Area) settled(missing float64) (float64, bool) {
	lo, hi := LeaveBelow, LeaveAbove
	if len(a.Stages) > 0 {
		lo = a.Stages[0].At - a.nominal()
	}
	if a.lasting(lo) <= missing || a.lasting(hi) >= missing {
		return 0, false
	}
	if missing == 0 {
		return 0, true
	}
	for range 60 {
		mid := (lo + hi) / 2
		if a.lasting(mid) > missing {
			lo = mid
		} else {
			hi = mid
		}
	}
	return (lo + hi) / 2, true
}

// lasting is the response to a lasting deviation, in W.
func (a *Area) lasting(dev float64) float64 {
	p := float64(-a.relief(0)*dev) + a.giveWay(dev)
	for i := range a.Governors {
		p += a.Governors[i].demand(dev)
	}
	return p
}

// settle puts s into the state after a lasting deviation, from which a Run
// can continue.
func (s *State) settle(a *Area, dev, afrr float64) {
	s.Deviation, s.AFRR = dev, afrr
	s.governors = s.governors[:min(len(s.governors), len(a.Governors))]
	for i := range a.Governors {
		p := a.Governors[i].demand(dev)
		if i == len(s.governors) {
			s.governors = append(s.governors, inner{})
		}
		s.governors[i] = inner{p, p}
	}
	for i := range s.window {
		s.window[i] = dev
	}
	s.need, s.needed, s.calm, s.frame = 0, 0, 0, 0
	clear(s.below[:])
}
