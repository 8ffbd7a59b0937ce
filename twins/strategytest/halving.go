package strategytest

import (
	"encoding/binary"
	"encoding/json"
	"fmt"

	"github.com/smatrix-grid/smatrix/twins"
)

// Halving is the row of a community strategy that offers half of what flexible load may
// draw, except in every Turns-th step with such load: their count is its state.
var Halving = twins.DeclareStrategy(twins.Strategy{
	Name: "halving", Version: 1, Level: twins.LevelCommunity, Label: "half of what flexible load may draw, in turns",
	Schema: `{"properties": {"turns": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 3, "description": "steps with flexible load of which one is left alone"}}}`,
	Steward: func(spec []byte) (twins.Steward, error) {
		h := &halving{}
		return h, json.Unmarshal(spec, h)
	},
})

type halving struct{ Turns, done int64 } // done: steps in which there was flexible load

func (h *halving) Fold(_ *twins.Env, m twins.Members, _ *twins.NetworkState, out *twins.Flex) {
	m.Pursue(out)
	if b := &out.Tier[twins.Flexible]; h.done%h.Turns != 0 {
		b.Max = max(b.Min, b.Max/2) // and with it the reference
	}
}

func (h *halving) Divide(_ *twins.Env, m twins.Members, _ *twins.NetworkState, ask *twins.Setpoint) {
	for t := range ask.Tier {
		var sum twins.Band
		for k := range m.Len() {
			sum = sum.Plus(m.Flex(k).Tier[t])
		}
		split := twins.NewBandSplit(ask.Tier[t], sum)
		for k := range m.Len() {
			m.Set(k).Tier[t] = split.Next(m.Flex(k).Tier[t])
		}
	}
}

func (h *halving) Settled(_ *twins.Env, m twins.Members) {
	if m.Folded().Tier[twins.Flexible].Ref > 0 {
		h.done++
	}
}

func (h *halving) AppendBinary(b []byte) []byte {
	return binary.LittleEndian.AppendUint64(b, uint64(h.done))
}

func (h *halving) UnmarshalBinary(b []byte) ([]byte, error) {
	if len(b) < 8 {
		return b, fmt.Errorf("halving: stored state cut short: %d bytes, wanted 8", len(b))
	}
	h.done = int64(binary.LittleEndian.Uint64(b))
	return b[8:], nil
}
