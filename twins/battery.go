package twins

import "fmt"

// Battery stores energy and gives it back, behind a household's meter or for
// its community. It is a converter with an efficiency each way, a standby draw
// and a band of charge that it never leaves: its offer is cut to what fits, so
// nothing is clamped afterwards.
var Battery = Declare(Kind{
	Name: "battery", Plural: "batteries", Label: "Battery", Role: RoleStorage, Version: 1,
	Schema:  batterySchema,
	Ownable: true,
	New:     newBatteries,
	Sample:  batterySample,
	Events:  []*EventType{batteryCharged, batteryDischarged, batteryIdled, eventSet},
	Settings: []Setting{
		{Name: "available", Scale: 1, Max: 1},
		{Name: "reserve_soc", Scale: int64(One), Max: int64(One)},
	},
	Columns: []Column{ColumnPower, ColumnContent, ColumnSoC},
})

// Defaults: the 10 kWh / 5 kW lithium battery of NREL OCHRE, 0.98 × 0.97 each
// way; standby is an assumption.
const batterySchema = `{
  "required": ["rated_wh", "rated_w"],
  "properties": {
    "rated_wh": {"type": "number", "minimum": 1, "maximum": 1e9, "description": "energy that it can hold, Wh"},
    "rated_w": {"type": "number", "exclusiveMinimum": 0, "maximum": 1e9, "description": "greatest power at its terminals, each way, W"},
    "charge_efficiency": {"type": "number", "minimum": 0.1, "maximum": 1, "default": 0.9506, "description": "stored / drawn"},
    "discharge_efficiency": {"type": "number", "minimum": 0.1, "maximum": 1, "default": 0.9506, "description": "delivered / taken from store"},
    "standby_w": {"type": "number", "minimum": 0, "maximum": 1e9, "default": 10, "description": "drawn always, W"},
    "min_soc": {"type": "number", "minimum": 0, "maximum": 1, "default": 0.15, "description": "never below this share of rated_wh"},
    "max_soc": {"type": "number", "minimum": 0, "maximum": 1, "default": 0.95, "description": "never above this share of rated_wh"},
    "reserve_soc": {"type": "number", "minimum": 0, "maximum": 1, "default": 0, "x-changeable": true, "description": "the owner's reserve: not discharged below"},
    "initial_soc": {"type": "number", "minimum": 0, "maximum": 1, "default": 0.5, "description": "state of charge at the start"},
    "available": {"type": "boolean", "default": true, "x-changeable": true, "description": "false: out of service"}
  }
}`

type batterySpec struct {
	RatedEnergy         Energy `json:"rated_wh"`
	RatedPower          Power  `json:"rated_w"`
	ChargeEfficiency    Ratio  `json:"charge_efficiency"`
	DischargeEfficiency Ratio  `json:"discharge_efficiency"`
	Standby             Power  `json:"standby_w"`
	MinSoC              Ratio  `json:"min_soc"`
	MaxSoC              Ratio  `json:"max_soc"`
	ReserveSoC          Ratio  `json:"reserve_soc"`
	InitialSoC          Ratio  `json:"initial_soc"`
	Available           bool   `json:"available"`
}

type battery struct {
	// Config. 0 ≤ low ≤ high ≤ rated.
	rated            Power
	low, high        Energy
	capacity         Energy
	efficiencyIn     Ratio
	efficiencyOut    Ratio
	standby          Power
	reserve          Ratio  // changeable
	available        bool   // changeable
	store                   // low ≤ held ≤ high
	drawn, delivered Energy // registers at the terminals
}

var (
	batteryCharged    = &EventType{Name: "battery.charged", Fields: []string{"drawn_mj", "gained_mj", "remainder_ppb"}}
	batteryDischarged = &EventType{Name: "battery.discharged", Fields: []string{"net_mj", "taken_mj", "remainder"}}
	batteryIdled      = &EventType{Name: "battery.idled", Fields: []string{"drawn_mj"}}
)

func newBatteries(_ *Site, members []Member) (Slab, error) {
	s := NewSlab[battery, *battery](len(members))
	for i, m := range members {
		var spec batterySpec
		if err := decodeSpec(m, &spec); err != nil {
			return nil, err
		}
		if spec.MinSoC > spec.MaxSoC {
			return nil, fmt.Errorf("%s: min_soc %v is above max_soc %v", m.Path, spec.MinSoC.Float(), spec.MaxSoC.Float())
		}
		if spec.InitialSoC < spec.MinSoC || spec.InitialSoC > spec.MaxSoC {
			return nil, fmt.Errorf("%s: initial_soc %v is outside min_soc…max_soc %v…%v",
				m.Path, spec.InitialSoC.Float(), spec.MinSoC.Float(), spec.MaxSoC.Float())
		}
		*s.Row(i) = battery{
			rated: spec.RatedPower, capacity: spec.RatedEnergy,
			low: spec.RatedEnergy.Times(spec.MinSoC), high: spec.RatedEnergy.Times(spec.MaxSoC),
			efficiencyIn: spec.ChargeEfficiency, efficiencyOut: spec.DischargeEfficiency,
			standby: spec.Standby, reserve: spec.ReserveSoC, available: spec.Available,
			store: store{held: spec.RatedEnergy.Times(spec.InitialSoC)},
		}
	}
	return s, nil
}

func (b *battery) floor() Energy { return max(b.low, b.capacity.Times(b.reserve)) }

func (b *battery) Offer(env *Env, out *Flex) {
	if !b.available {
		return
	}
	out.Tier[Storage] = Band{
		Min: min(0, b.standby-b.mostOut(env)), // at the least it sleeps
		Ref: b.standby,
		Max: b.standby + min(b.rated, b.room(b.high, b.efficiencyIn, env.Step)),
	}
}

// mostOut is the greatest power that the converter can deliver in this step.
func (b *battery) mostOut(env *Env) Power {
	return min(b.rated, b.yield(b.floor(), b.efficiencyOut, env.Step))
}

func (b *battery) Step(env *Env, set *Setpoint, ev *Events, out *Reading) {
	out.Content, out.SoC = b.held, shareOf(b.held, b.capacity)
	if !b.available {
		return
	}
	var can Flex
	b.Offer(env, &can)
	net := can.Tier[Storage].Clip(set.Tier[Storage])
	energy := net.For(env.Step)
	out.Power, out.Storage = net, net
	switch convert := net - b.standby; {
	case convert < -b.mostOut(env): // it cannot feed its own standby: asleep for a part of the step
		*ev.Add(batteryIdled) = [7]int64{int64(energy)}
	case convert > 0:
		gain, rem := b.charged(convert.For(env.Step), b.efficiencyIn)
		*ev.Add(batteryCharged) = [7]int64{int64(energy), int64(gain), rem}
		out.Stored = gain
	case convert < 0:
		drop, rem := b.drained((-convert).For(env.Step), b.efficiencyOut)
		*ev.Add(batteryDischarged) = [7]int64{int64(energy), int64(drop), rem}
		out.Stored = -drop
	default:
		*ev.Add(batteryIdled) = [7]int64{int64(energy)}
	}
	out.Lost = energy - out.Stored
	out.Content += out.Stored
	out.SoC = shareOf(out.Content, b.capacity)
}

func (b *battery) Apply(e *Event) {
	switch e.Type {
	case batteryCharged:
		b.meter(Energy(e.V[0]))
		b.held += Energy(e.V[1])
		b.in = e.V[2]
	case batteryDischarged:
		b.meter(Energy(e.V[0]))
		b.held -= Energy(e.V[1])
		b.out = e.V[2]
	case batteryIdled:
		b.meter(Energy(e.V[0]))
	case eventSet:
		switch Battery.Settings[e.V[0]].Name {
		case "available":
			b.available = e.V[1] != 0
		case "reserve_soc":
			b.reserve = Ratio(e.V[1])
		}
	}
	if b.held < b.low || b.held > b.high {
		panic(fmt.Sprintf("battery: %d mJ held, outside %d…%d", b.held, b.low, b.high))
	}
}

func (b *battery) meter(e Energy) {
	b.drawn += max(e, 0)
	b.delivered += max(-e, 0)
}

func (b *battery) Command(_ *Env, c *Command, ev *Events) error {
	return Battery.setEvent(c, func(setting string) int64 {
		if setting == "available" {
			return flag(b.available)
		}
		return int64(b.reserve)
	}, ev)
}

func (b *battery) AppendBinary(buf []byte) []byte {
	return appendInts(append(buf, Battery.Version), int64(b.held), b.in, b.out,
		int64(b.drawn), int64(b.delivered), int64(b.reserve), flag(b.available))
}

func (b *battery) UnmarshalBinary(buf []byte) ([]byte, error) {
	var available int64
	buf, err := readInts(buf, "battery", Battery.Version, (*int64)(&b.held), &b.in, &b.out,
		(*int64)(&b.drawn), (*int64)(&b.delivered), (*int64)(&b.reserve), &available)
	b.available = available != 0
	return buf, err
}

func batterySample(between func(lo, hi int64) int64) string {
	low := between(0, 40)
	return fmt.Sprintf(`{"rated_wh": %d.%d, "rated_w": %d, "charge_efficiency": 0.%d, "discharge_efficiency": %s,
		"standby_w": %d, "min_soc": 0.%02d, "max_soc": 0.%02d, "reserve_soc": 0.%02d, "initial_soc": 0.%02d, "available": true}`,
		between(1, 20000), between(0, 999), between(1, 20000), between(500000001, 999999999), []string{"1", "0.9", "0.948683298"}[between(0, 2)],
		between(0, 1)*between(0, 50), low, between(50, 99), between(0, 99), between(low, 50))
}
