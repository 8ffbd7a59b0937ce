package operator

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/smatrix-grid/smatrix/twins"
)

// stateVersion is the first byte of the stored form: the plan, what units and
// stores did, the frequency, then what the forecast has learnt.
const stateVersion = 1

// AppendBinary implements twins.Stateful.
func (o *Operator) AppendBinary(b []byte) []byte {
	s := &o.state
	b = append(b, stateVersion)
	put := func(v int64) { b = binary.LittleEndian.AppendUint64(b, uint64(v)) }
	for _, v := range [...]int64{int64(s.madeAt), int64(s.settled), int64(s.net), flag(s.island)} {
		put(v)
	}
	for j := range s.on {
		for _, list := range [...]*[horizon]bool{&s.on[j], &s.start[j]} {
			var bits [(horizon + 63) / 64]uint64
			for k, set := range list {
				if set {
					bits[k/64] |= 1 << (k % 64)
				}
			}
			for _, v := range bits {
				put(int64(v))
			}
		}
	}
	for _, v := range s.status {
		put(v)
	}
	for _, v := range s.last {
		put(int64(v))
	}
	b = s.swing.AppendBinary(b)
	if f := o.config.Forecast; f != nil {
		b = f.AppendBinary(b)
	}
	return b
}

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

var errShort = errors.New("operator: stored state cut short")

// UnmarshalBinary implements twins.Stateful.
func (o *Operator) UnmarshalBinary(b []byte) ([]byte, error) {
	s := &o.state
	if len(b) == 0 || b[0] != stateVersion {
		return b, fmt.Errorf("operator: stored state of another version, wanted %d", stateVersion)
	}
	words := 4 + len(s.on)*2*((horizon+63)/64) + len(s.status) + len(s.last)
	if b = b[1:]; len(b) < 8*words {
		return b, errShort
	}
	take := func() int64 {
		v := int64(binary.LittleEndian.Uint64(b))
		b = b[8:]
		return v
	}
	s.madeAt, s.settled, s.net, s.island = twins.Tick(take()), twins.Tick(take()), twins.Power(take()), take() != 0
	if s.settled < -1 || s.madeAt < -1 || s.madeAt > s.settled {
		return b, fmt.Errorf("operator: stored state: a plan of step %d after step %d", s.madeAt, s.settled)
	}
	for j := range s.on {
		for _, list := range [...]*[horizon]bool{&s.on[j], &s.start[j]} {
			for k := 0; k < horizon; k += 64 {
				bits := uint64(take())
				for q := k; q < min(k+64, horizon); q++ {
					list[q] = bits>>(q-k)&1 != 0
				}
			}
		}
	}
	for i := range s.status {
		s.status[i] = take()
	}
	for i := range s.last {
		s.last[i] = twins.Power(take())
	}
	b, err := s.swing.UnmarshalBinary(b)
	if err != nil {
		return b, fmt.Errorf("operator: stored state: %w", err)
	}
	if f := o.config.Forecast; f != nil {
		return f.UnmarshalBinary(b)
	}
	return b, nil
}
