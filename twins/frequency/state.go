package frequency

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// State is what an area carries from one step to the next. The zero State is at
// rest at nominal frequency.
type State struct {
	Deviation float64 // Hz from nominal
	AFRR      float64 // W delivered beyond the schedule
	MFRR      float64 // W delivered beyond the schedule
	Tripped   int     // number of stages of load shedding that are open, from the first on
	Back      float64 // share of the last of them that has come back already
	Blackout  bool    // plants have disconnected; a restart begins with a zero State

	governors []inner
	need      int                // direction in which mFRR is needed: −1, 0, +1
	needed    float64            // s for which it has been needed
	below     [MaxStages]float64 // s that the frequency has been below each stage
	calm      float64            // s for which load could have been restored
	window    [5]float64         // deviations of the last 500 ms, each 100 ms, oldest first
	frame     float64            // s since the newest of them

	work []float64 // scratch of Run, not part of the state
}

// relay is the first stage whose relay is active: the first that is closed, or
// has load back.
func (s *State) relay() int {
	if s.Back > 0 && s.Tripped > 0 {
		return s.Tripped - 1
	}
	return s.Tripped
}

// inner is the state of one governor in W: behind its lag, and behind its reheater.
type inner struct{ lag, reheat float64 }

// Shed is the power in W that stages of load shedding hold back in a.
func (s *State) Shed(a *Area) float64 {
	share := 0.0
	for i := range min(s.Tripped, len(a.Stages)) {
		share += a.Stages[i].Share
		if i == s.Tripped-1 {
			share -= float64(s.Back * a.Stages[i].Share)
		}
	}
	return float64(share * a.Load)
}

// Delivered is the power in W that governor i of a delivers beyond its schedule.
// A caller that moves it into the schedule, or loses the unit, reads it here.
func (s *State) Delivered(a *Area, i int) float64 {
	if i >= len(s.governors) || a.Governors[i].absent() {
		return 0
	}
	return a.Governors[i].output(s.governors[i].lag, s.governors[i].reheat)
}

// Reschedule makes the power delivered beyond the schedule part of the next one:
// reserves and governors begin at 0. The deviation, the load shed and the times
// measured by relays and for restoration stay.
func (s *State) Reschedule() {
	s.AFRR, s.MFRR, s.need, s.needed = 0, 0, 0, 0
	s.governors = s.governors[:0]
}

// Assign makes s a copy of from that shares no memory with it.
func (s *State) Assign(from *State) {
	governors, work := append(s.governors[:0], from.governors...), s.work
	*s = *from
	s.governors, s.work = governors, work
}

func (g *Governor) output(lag, reheat float64) float64 {
	if g.Reheat == 0 {
		return lag
	}
	return float64(g.High*lag) + float64((1-g.High)*reheat)
}

const stateVersion = 1

// AppendBinary appends the stored form: a version byte, then little-endian 64-bit words,
// floats by their bits: deviation, aFRR, mFRR, stages tripped, blackout, mFRR's need,
// share back, seconds of need, calm, frame, 5 of the window, 16 stage timers, number of
// governors, two for each.
func (s *State) AppendBinary(buf []byte) []byte {
	buf = append(buf, stateVersion)
	put := func(x uint64) { buf = binary.LittleEndian.AppendUint64(buf, x) }
	f := s.floats()
	for _, p := range f[:3] {
		put(math.Float64bits(*p))
	}
	black := uint64(0)
	if s.Blackout {
		black = 1
	}
	put(uint64(s.Tripped))
	put(black)
	put(uint64(s.need))
	for _, p := range f[3:] {
		put(math.Float64bits(*p))
	}
	for _, x := range s.window {
		put(math.Float64bits(x))
	}
	for _, x := range s.below {
		put(math.Float64bits(x))
	}
	put(uint64(len(s.governors)))
	for _, g := range s.governors {
		put(math.Float64bits(g.lag))
		put(math.Float64bits(g.reheat))
	}
	return buf
}

func (s *State) floats() [7]*float64 {
	return [7]*float64{&s.Deviation, &s.AFRR, &s.MFRR, &s.Back, &s.needed, &s.calm, &s.frame}
}

var errState = errors.New("frequency state")

// UnmarshalBinary reads the form of AppendBinary and returns the rest.
func (s *State) UnmarshalBinary(buf []byte) ([]byte, error) {
	if len(buf) == 0 || buf[0] != stateVersion {
		return buf, fmt.Errorf("%w: version is not %d", errState, stateVersion)
	}
	buf = buf[1:]
	const words = 7 + 3 + 5 + MaxStages + 1
	if len(buf) < 8*words {
		return buf, fmt.Errorf("%w: %d bytes, wanted at least %d", errState, len(buf), 8*words)
	}
	r := State{work: s.work}
	bad := false
	take := func() uint64 {
		x := binary.LittleEndian.Uint64(buf)
		buf = buf[8:]
		return x
	}
	number := func(p *float64) {
		*p = math.Float64frombits(take())
		bad = bad || math.IsNaN(*p) || math.IsInf(*p, 0)
	}
	f := r.floats()
	for _, p := range f[:3] {
		number(p)
	}
	tripped, black, need := take(), take(), int64(take())
	for _, p := range f[3:] {
		number(p)
	}
	for i := range r.window {
		number(&r.window[i])
	}
	for i := range r.below {
		number(&r.below[i])
	}
	n := take()
	if tripped > MaxStages || black > 1 || need < -1 || need > 1 {
		return buf, fmt.Errorf("%w: %d stages, blackout %d, need %d: out of range", errState, tripped, black, need)
	}
	if n > uint64(len(buf))/16 {
		return buf, fmt.Errorf("%w: %d governors in %d bytes", errState, n, len(buf))
	}
	r.Tripped, r.Blackout, r.need = int(tripped), black == 1, int(need)
	for range n {
		var g inner
		number(&g.lag)
		number(&g.reheat)
		r.governors = append(r.governors, g)
	}
	if !(r.Back >= 0 && r.Back < 1) || (r.Back > 0 && r.Tripped == 0) {
		return buf, fmt.Errorf("%w: share %v of %d stages is back: out of range", errState, r.Back, r.Tripped)
	}
	if bad {
		return buf, fmt.Errorf("%w: a word is not a number", errState)
	}
	*s = r
	return buf, nil
}
