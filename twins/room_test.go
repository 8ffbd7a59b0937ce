package twins_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/smatrix-grid/smatrix/twins"
)

// gauge returns a gauge of the plant at the end of the last step, in thousandths of its unit; false if it has none.
func (p *plant) gauge(name string) (int64, bool) {
	env, list := p.env, twins.GaugesOf(twins.Producer, nil)
	env.Tick--
	values := make([]int64, len(list))
	p.slab.(twins.Gauger).Gauges(0, &env, &twins.Reading{}, values)
	v := values[slices.IndexFunc(list, func(g twins.Gauge) bool { return g.Name == name })]
	return v, v != twins.GaugeUnknown
}

// The room of a plant moves with its output, its ramp, its water and its orders.
func TestRoomOfPlants(t *testing.T) {
	const usual = `"technology": "gas_engine", "rated_w": 100000, "min_output": 0, `
	const water = usual + `"ramp_per_min": 1, "inflow_w": 20000, "reservoir_wh": 200000, `
	for _, row := range []struct {
		name, entry string
		gives       float64 // W
		order       func(*plant)
		room, after float64 // kW; after −1: none
	}{
		{"fast", usual + `"ramp_per_min": 1`, 40_000, nil, 60, -1},
		{"slow: 1 % a minute", usual + `"ramp_per_min": 0.01`, 40_000, nil, 15, -1},
		{"slower: 0.2 % a minute", usual + `"ramp_per_min": 0.002`, 40_000, nil, 3, -1},
		{"at its rating", usual + `"ramp_per_min": 1`, 100_000, nil, 0, -1},
		{"water for an hour of 30 kW beside the inflow", water + `"initial_fill": 0.15`, 20_000, nil, 30, -1},
		{"more water", water + `"initial_fill": 0.2`, 20_000, nil, 40, -1},
		{"water enough for all of it", water + `"initial_fill": 1`, 20_000, nil, 80, -1},
		{"no water but the inflow", water + `"initial_fill": 0`, 20_000, nil, 0, -1},
		{"fixed", usual + `"ramp_per_min": 1`, 40_000, func(p *plant) { p.command("fixed_w", int64(40*twins.Kilowatt)) }, 0, -1},
		{"ordered to stop", usual + `"ramp_per_min": 1`, 40_000, func(p *plant) { p.command("order", int64(twins.OrderStop)) }, 0, -1},
		{"out of service", usual + `"ramp_per_min": 1`, 40_000, func(p *plant) { p.command("available", 0) }, 0, -1},
		{"stopped", usual + `"ramp_per_min": 1`, 40_000, func(p *plant) { p.step(twins.Stop, 0) }, 0, 100},
		{"stopped, with water for 50 kW", water + `"initial_fill": 0.15`, 20_000, func(p *plant) { p.env.Step = 1; p.step(twins.Stop, 0) }, 0, 50},
		{"stopped by an order", usual + `"ramp_per_min": 1`, 40_000, func(p *plant) { p.command("order", int64(twins.OrderStop)); p.step(twins.Keep, 0) }, 0, -1},
	} {
		p := newPlant(t, 60, row.entry)
		p.step(twins.Keep, row.gives)
		if row.order != nil {
			row.order(p)
		}
		room, _ := p.gauge(twins.GaugeRoom)
		after, ok := p.gauge(twins.GaugeAfterStart)
		if !ok {
			after = -1e6
		}
		if got, than := float64(room)/1e6, float64(after)/1e6; got != row.room || got != 0 && ok || abs(than-row.after) > 0.01 {
			t.Errorf("%s: room %g kW, after a start %g kW; wanted %g and %g", row.name, got, than, row.room, row.after)
		}
	}
}

func abs(x float64) float64 { return max(x, -x) }

// A plant that is asked for its room gives it: reached within RoomWithin, and held until RoomFor has passed. It cannot
// give much more: at most the water that it saves while its ramp brings it up, half of the room for a quarter of the hour.
func TestRoomIsGiven(t *testing.T) {
	const watched = 200
	for seed := range uint64(watched) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		entry := fmt.Sprintf(`"technology": "hydro", "rated_w": 100000, "min_output": 0, "ramp_per_min": %.4f, "initially": "on"`, 0.002+0.1*rnd.Float64())
		if rnd.IntN(3) > 0 {
			entry += fmt.Sprintf(`, "inflow_w": %d, "reservoir_wh": 100000, "initial_fill": %.3f`, rnd.IntN(60_000), rnd.Float64())
		}
		gives := float64(rnd.IntN(100_000))
		for _, more := range []bool{false, true} {
			p := newPlant(t, 60, entry)
			output, _ := p.step(twins.Keep, gives)
			room, _ := p.gauge(twins.GaugeRoom)
			wanted := output.Watts() + float64(room)/1000
			if more {
				wanted += float64(room)/8000 + 2000
			}
			least := twins.Power(1 << 62)
			for minute := range 60 {
				if made, _ := p.step(twins.Keep, wanted); minute >= 14 { // the step that ends with the 15th minute
					least = min(least, made)
				}
			}
			held := least.Watts() >= wanted-0.1
			if !more && room > 0 && !held || more && held {
				t.Errorf("seed %d, %s: %v W and %d mW of room; asked for %.3f W it gave at least %.3f W between minute 15 and 60", seed, entry, output.Watts(), room, wanted, least.Watts())
			}
		}
	}
}

// Secure room is what is left when the loss of any single unit has to be covered, and the reserve that the
// scenario requires kept.
func TestSecureRoom(t *testing.T) {
	kW := func(gives, room twins.Power) twins.RoomUnit {
		return twins.RoomUnit{Gives: gives * twins.Kilowatt, Room: room * twins.Kilowatt}
	}
	for _, row := range []struct {
		name                string
		units               []twins.RoomUnit
		reserve, up, secure twins.Power // kW
	}{
		{"none", nil, 0, 0, 0},
		{"one unit cannot cover itself", []twins.RoomUnit{kW(50, 50)}, 0, 50, 0},
		{"two", []twins.RoomUnit{kW(50, 50), kW(20, 80)}, 0, 130, 30}, // without the first 80 are left for its 50
		{"the loss of the second is the worse one", []twins.RoomUnit{kW(50, 50), kW(40, 100)}, 0, 150, 10},
		{"beside a reserve", []twins.RoomUnit{kW(50, 50), kW(20, 80)}, 10, 130, 20},
		{"a reserve greater than what is left", []twins.RoomUnit{kW(50, 50), kW(20, 80)}, 31, 130, 0},
		{"a unit that gives nothing is a loss once it is used", []twins.RoomUnit{kW(0, 100)}, 0, 100, 0},
		{"the room of an idle tie covers the plants, and is not used itself", []twins.RoomUnit{kW(0, 250), kW(100, 44), kW(40, 6)}, 0, 300, 50},
		{"beside a reserve that the tie has", []twins.RoomUnit{kW(0, 250), kW(100, 44), kW(40, 6)}, 150, 300, 6}, // 300 − 44 − 100 − 150
		{"of two idle ones the smaller is used", []twins.RoomUnit{kW(0, 100), kW(0, 60)}, 0, 160, 60},
	} {
		got := twins.RoomOf(row.units, row.reserve*twins.Kilowatt)
		if got.Up != row.up*twins.Kilowatt || got.Secure != row.secure*twins.Kilowatt {
			t.Errorf("%s: %v W, secure %v W; wanted %d and %d kW", row.name, got.Up.Watts(), got.Secure.Watts(), row.up, row.secure)
		}
	}
}
