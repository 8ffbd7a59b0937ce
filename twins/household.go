package twins

import (
	"fmt"
	"math"
)

// Household is a home at its connection point: what it draws, what its roof
// gives, and, behind its meter, batteries and vehicles that are twins of their
// own. It follows recorded meters: a load, and panels if they were recorded.
//
// With batteries it is greedy for its own sun: what the roof gives and the home
// does not use is stored, what the home draws is taken from store first.
var Household = Declare(Kind{
	Name: "household", Plural: "households", Label: "Household", Role: RoleLoad, Version: 1,
	Schema: householdSchema,
	New:    newHouseholds,
	Sample: householdSample,
	Events: []*EventType{householdMetered, eventSet},
	Settings: []Setting{
		{Name: "load.scale", Scale: int64(One), Max: 1000 * int64(One)},
		{Name: "pv.scale", Scale: int64(One), Max: 1000 * int64(One)},
	},
	Columns: []Column{ColumnPower, ColumnGeneration, ColumnUnserved, ColumnCurtailed, ColumnReason},
})

const householdSchema = `{
  "required": ["load"],
  "properties": {
    "load": {"type": "object", "additionalProperties": false, "required": ["recording", "column"],
      "description": "a recorded load",
      "properties": {
        "recording": {"type": "string", "minLength": 1, "description": "id of a recording"},
        "column": {"type": "string", "minLength": 1, "description": "one of its columns; a * makes one household of each column that fits"},
        "scale": {"type": "number", "minimum": 0, "maximum": 1000, "default": 1, "x-changeable": true, "description": "factor on the recorded power"}
      }},
    "pv": {"type": "object", "additionalProperties": false, "required": ["recording", "column"],
      "description": "recorded output of panels on the roof",
      "properties": {
        "recording": {"type": "string", "minLength": 1, "description": "id of a recording"},
        "column": {"type": "string", "minLength": 1, "description": "one of its columns"},
        "scale": {"type": "number", "minimum": 0, "maximum": 1000, "default": 1, "x-changeable": true, "description": "factor on the recorded power"}
      }},
    "power_factor": {"type": "number", "minimum": 0.1, "maximum": 1, "default": 1, "description": "of the load, lagging"},
    "phase": {"enum": ["A", "B", "C", "ABC"], "default": "ABC", "description": "conductor that the home hangs on"},
    "bus": {"type": "integer", "minimum": 0, "maximum": 1000000, "default": 0, "description": "of the community's network; 0 is its connection point"}
  }
}`

type recordedSpec struct {
	Recording string `json:"recording"`
	Column    string `json:"column"`
	Scale     Ratio  `json:"scale"`
}

type householdSpec struct {
	Load        recordedSpec  `json:"load"`
	PV          *recordedSpec `json:"pv"`
	PowerFactor float64       `json:"power_factor"`
	Phase       string        `json:"phase"`
	Bus         int32         `json:"bus"`
}

type household struct {
	// Config. load and pv index Env.Recorded; pv is −1 without panels.
	load, pv           int32
	bus                int32
	phase              Phase
	reactive           Ratio // reactive ÷ active power of the load
	loadScale, pvScale Ratio // changeable

	// Registers.
	consumed, generated, unserved, curtailed Energy
}

var householdMetered = &EventType{Name: "household.metered",
	Fields: []string{"consumed_mj", "generated_mj", "unserved_mj", "curtailed_mj"}}

// households is the slab; it is an Owner as well.
type households struct {
	*SlabOf[household, *household]
}

// recordedParts and sunnyParts are the devices of a recorded home.
var (
	recordedParts = []string{"recorded_load"}
	sunnyParts    = []string{"recorded_load", "recorded_pv"}
)

func newHouseholds(site *Site, members []Member) (Slab, error) {
	s := households{NewSlab[household, *household](len(members))}
	for i, m := range members {
		var spec householdSpec
		if err := decodeSpec(m, &spec); err != nil {
			return nil, err
		}
		h := household{
			pv: -1, bus: spec.Bus, loadScale: spec.Load.Scale,
			phase:    map[string]Phase{"A": PhaseA, "B": PhaseB, "C": PhaseC}[spec.Phase],
			reactive: reactiveShare(spec.PowerFactor),
		}
		var err error
		if h.load, err = site.Recorded(spec.Load.Recording, spec.Load.Column); err != nil {
			return nil, fmt.Errorf("%s: load: %w", m.Path, err)
		}
		if spec.PV != nil {
			if h.pv, err = site.Recorded(spec.PV.Recording, spec.PV.Column); err != nil {
				return nil, fmt.Errorf("%s: pv: %w", m.Path, err)
			}
			h.pvScale = spec.PV.Scale
		}
		*s.Row(i) = h
	}
	return s, nil
}

func (s households) Parts(i int) []string {
	if s.Row(i).pv >= 0 {
		return sunnyParts
	}
	return recordedParts
}

// reactiveShare is tan φ for a power factor cos φ. Square root and division are
// exact to the last bit on every processor; tan and acos are not.
func reactiveShare(powerFactor float64) Ratio {
	sin := math.Sqrt(1 - float64(powerFactor*powerFactor))
	return Ratio(math.Round(float64(sin / powerFactor * float64(One))))
}

// wanted is the load that the home would draw, and what its roof could give;
// both ≥ 0.
func (h *household) wanted(env *Env) (load, sun Power) {
	load = env.Recorded[h.load].Times(h.loadScale)
	if h.pv >= 0 {
		sun = env.Recorded[h.pv].Times(h.pvScale)
	}
	return load, sun
}

func (h *household) Offer(env *Env, out *Flex) {
	load, sun := h.wanted(env)
	out.Tier[Essential] = Fixed(load)
	out.Tier[Generation] = Band{Min: -sun, Ref: -sun, Max: 0}
	q, _ := h.reactive.Of(int64(load))
	out.Reactive = ReactivePower(q)
	out.Bus, out.Phase = h.bus, h.phase
}

func (h *household) Step(env *Env, set *Setpoint, ev *Events, out *Reading) {
	load, sun := h.wanted(env)
	out.Load = max(0, min(load, set.Tier[Essential]))
	out.Unserved = load - out.Load
	out.Generation = max(0, min(sun, -set.Tier[Generation]))
	out.Curtailed = sun - out.Generation
	out.Power = out.Load - out.Generation
	if out.Unserved > 0 || out.Curtailed > 0 {
		out.Reason = set.Reason
	}
	q, _ := h.reactive.Of(int64(out.Load))
	out.Reactive = ReactivePower(q)
	out.Parts[0] = out.Load
	if h.pv >= 0 {
		out.Parts[1] = -out.Generation
	}
	*ev.Add(householdMetered) = [7]int64{
		int64(out.Load.For(env.Step)), int64(out.Generation.For(env.Step)),
		int64(out.Unserved.For(env.Step)), int64(out.Curtailed.For(env.Step)),
	}
}

// Fold adds the devices behind the meter, and asks of storage what makes the
// home's net load as small as it can.
func (s households) Fold(_ int, _ *Env, own *Flex, devices Devices) {
	for k := range devices.Len() {
		own.Add(devices.Flex(k))
	}
	store := &own.Tier[Storage]
	rest := own.Ref() - store.Ref
	store.Ref = store.Clip(-rest)
}

// Divide shares what was asked of the whole among the devices, along their
// bands and in path order; what remains is the home's own.
func (s households) Divide(_ int, _ *Env, set *Setpoint, devices Devices) {
	for _, t := range [...]Tier{Flexible, Mobility, Storage} {
		var sum Band
		for k := range devices.Len() {
			sum = sum.Plus(devices.Flex(k).Tier[t])
		}
		split := NewBandSplit(set.Tier[t], sum)
		for k := range devices.Len() {
			to := devices.Set(k)
			to.Tier[t] = split.Next(devices.Flex(k).Tier[t])
			to.Reason = set.Reason
		}
		set.Tier[t] = 0
	}
}

func (h *household) Apply(e *Event) {
	switch e.Type {
	case householdMetered:
		h.consumed += Energy(e.V[0])
		h.generated += Energy(e.V[1])
		h.unserved += Energy(e.V[2])
		h.curtailed += Energy(e.V[3])
	case eventSet:
		switch Household.Settings[e.V[0]].Name {
		case "load.scale":
			h.loadScale = Ratio(e.V[1])
		case "pv.scale":
			h.pvScale = Ratio(e.V[1])
		}
	}
}

func (h *household) Command(_ *Env, c *Command, ev *Events) error {
	if c.Args.Setting == "pv.scale" && h.pv < 0 {
		return fmt.Errorf("%s: pv.scale: the household has no panels", c.Target)
	}
	return Household.setEvent(c, func(setting string) int64 {
		if setting == "load.scale" {
			return int64(h.loadScale)
		}
		return int64(h.pvScale)
	}, ev)
}

func (h *household) AppendBinary(b []byte) []byte {
	return appendInts(append(b, Household.Version), int64(h.consumed), int64(h.generated),
		int64(h.unserved), int64(h.curtailed), int64(h.loadScale), int64(h.pvScale))
}

func (h *household) UnmarshalBinary(b []byte) ([]byte, error) {
	return readInts(b, "household", Household.Version, (*int64)(&h.consumed), (*int64)(&h.generated),
		(*int64)(&h.unserved), (*int64)(&h.curtailed), (*int64)(&h.loadScale), (*int64)(&h.pvScale))
}

func householdSample(between func(lo, hi int64) int64) string {
	sun := ""
	if between(0, 1) == 1 {
		sun = fmt.Sprintf(`"pv": {"recording": "r", "column": "c%d", "scale": %d.%d},`, between(0, 9), between(0, 3), between(0, 999))
	}
	return fmt.Sprintf(`{"load": {"recording": "r", "column": "c%d", "scale": 1}, %s "power_factor": 0.%d, "phase": %q, "bus": %d}`,
		between(0, 9), sun, between(50, 99), []string{"A", "B", "C", "ABC"}[between(0, 3)], between(0, 9))
}
