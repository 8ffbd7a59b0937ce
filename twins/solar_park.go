package twins

import "fmt"

// SolarPark is panels in a field that feed the grid by themselves. It generates
// what the sun gives, whatever others cost, and is curtailed where nothing else
// makes room. The panels are those of a roof, recorded or modelled.
var SolarPark = Declare(Kind{
	Name: "solar_park", Plural: "solar_parks", Label: "Solar park", Role: RoleProducer, Version: 1,
	Schema: solarParkSchema,
	New:    newSolarParks,
	Sample: solarParkSample,
	Events: []*EventType{solarParkGenerated, eventSet},
	Settings: append(append([]Setting(nil), pvSettings...),
		Setting{Name: "available", Scale: 1, Max: 1},
		Setting{Name: "cost_eur_per_mwh", Scale: 1_000_000, Min: -1e12, Max: 1e12}),
	Columns: []Column{ColumnPower, ColumnCurtailed, ColumnReason},
})

const solarParkSchema = `{
  "properties": {` + pvProperties + `,
    "cost_eur_per_mwh": {"type": "number", "minimum": -1e6, "maximum": 1e6, "default": 0, "x-changeable": true, "description": "variable cost, 0 to 5 as a rule; cheaper plants run first"},
    "available": {"type": "boolean", "default": true, "x-changeable": true, "description": "false: outage"}
  },
  "oneOf": ` + pvForms + `, "x-wanted": "` + pvWanted + `"
}`

type solarParkSpec struct {
	pvSpec
	Cost      Price `json:"cost_eur_per_mwh"`
	Available bool  `json:"available"`
}

type solarPark struct {
	pv
	cost      Price // changeable
	available bool  // changeable

	// Registers.
	generated, curtailed Energy
}

var solarParkGenerated = &EventType{Name: "solar_park.generated", Fields: []string{"energy_mj", "curtailed_mj"}}

func newSolarParks(site *Site, members []Member) (Slab, error) {
	s := NewSlab[solarPark, *solarPark](len(members))
	for i, m := range members {
		var spec solarParkSpec
		if err := decodeSpec(m, &spec); err != nil {
			return nil, err
		}
		p, err := newPV(site, m.Path, &spec.pvSpec)
		if err != nil {
			return nil, err
		}
		*s.Row(i) = solarPark{pv: p, cost: spec.Cost, available: spec.Available}
	}
	return s, nil
}

// can is what the park could inject in this step, ≥ 0.
func (p *solarPark) can(env *Env) Power {
	if !p.available {
		return 0
	}
	return p.output(env)
}

func (p *solarPark) Offer(env *Env, out *Flex) {
	sun := p.can(env)
	out.Cost, out.Duty = p.cost, Variable
	out.Tier[Generation] = Band{Min: -sun, Ref: -sun, Max: 0}
}

func (p *solarPark) Step(env *Env, set *Setpoint, ev *Events, out *Reading) {
	sun := p.can(env)
	out.Generation = max(0, min(sun, -set.Tier[Generation]))
	out.Power = -out.Generation
	if out.Curtailed = sun - out.Generation; out.Curtailed > 0 {
		out.Reason = set.Reason
	}
	*ev.Add(solarParkGenerated) = [7]int64{int64(out.Generation.For(env.Step)), int64(out.Curtailed.For(env.Step))}
}

func (p *solarPark) Apply(e *Event) {
	switch e.Type {
	case solarParkGenerated:
		p.generated += Energy(e.V[0])
		p.curtailed += Energy(e.V[1])
	case eventSet:
		switch SolarPark.Settings[e.V[0]].Name {
		case "available":
			p.available = e.V[1] != 0
		case "cost_eur_per_mwh":
			p.cost = Price(e.V[1])
		default:
			p.apply(e)
		}
	}
}

func (p *solarPark) Command(_ *Env, c *Command, ev *Events) error {
	if err := p.refuses(c); err != nil {
		return err
	}
	return SolarPark.setEvent(c, func(setting string) int64 {
		switch setting {
		case "available":
			return flag(p.available)
		case "cost_eur_per_mwh":
			return int64(p.cost)
		}
		return p.current(setting)
	}, ev)
}

func (p *solarPark) AppendBinary(b []byte) []byte {
	return appendInts(append(b, SolarPark.Version), int64(p.generated), int64(p.curtailed),
		int64(p.scale), int64(p.rated), int64(p.cost), flag(p.available))
}

func (p *solarPark) UnmarshalBinary(b []byte) ([]byte, error) {
	var available int64
	b, err := readInts(b, "solar_park", SolarPark.Version, (*int64)(&p.generated), (*int64)(&p.curtailed),
		(*int64)(&p.scale), (*int64)(&p.rated), (*int64)(&p.cost), &available)
	p.available = available != 0
	return b, err
}

func solarParkSample(between func(lo, hi int64) int64) string {
	return fmt.Sprintf(`{%s, "cost_eur_per_mwh": %d, "available": %v}`, pvSample(between), between(-5, 5), between(0, 3) > 0)
}
