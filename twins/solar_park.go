package twins

import "fmt"

// SolarPark is panels in a field that feed the grid directly. It generates what
// the sun gives, whatever other units cost, and is curtailed when nothing else
// can make room. The panels are modelled like those of a roof, recorded or from
// the weather.
var SolarPark = Declare(Kind{
	Name: "solar_park", Plural: "solar_parks", Label: "Solar park", Role: RoleProducer, Version: 1,
	Schema:   solarParkSchema,
	New:      newSolarParks,
	Follows:  Follows{"sun", "gives nothing"},
	Sample:   solarParkSample,
	Events:   []*EventType{solarParkGenerated, eventSet},
	Settings: solarParkSettings.list(),
	Columns:  []Column{ColumnPower, ColumnCurtailed, ColumnReason},
})

var solarParkSettings = append(inside(pvSettings, func(p *solarPark) *pv { return &p.pv }),
	inside(variableSettings, func(p *solarPark) *variable { return &p.variable })...)

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
	variable
}

var solarParkGenerated = &EventType{Name: "solar_park.generated", Fields: []string{"energy_j", "curtailed_j"}}

func newSolarParks(site *Site, members []Member) (Slab, error) {
	s := &solarParks{NewSlab[solarPark, *solarPark](len(members))}
	for i, m := range members {
		var spec solarParkSpec
		if err := decodeSpec(m, &spec); err != nil {
			return nil, err
		}
		p, err := newPV(site, m.Path, &spec.pvSpec)
		if err != nil {
			return nil, err
		}
		*s.Row(i) = solarPark{pv: p, variable: variable{cost: spec.Cost, available: spec.Available}}
	}
	return s, nil
}

// solarParks is the slab.
type solarParks struct{ *SlabOf[solarPark, *solarPark] }

// Plant implements Generator. Panels are behind converters: no inertia; carbon is
// the median of IPCC AR5 for utility-scale panels.
func (s *solarParks) Plant(i int) Plant {
	p := s.Row(i)
	return Plant{Duty: Variable, Rated: p.rated, Ramp: p.rated, Cost: p.cost, Available: p.available, State: PlantOn, Since: longAgo, CO2LifeCycle: 48_000}
}

func (p *solarPark) Offer(env *Env, out *Flex) { p.offer(p.output(env), out) }

func (p *solarPark) Step(env *Env, set *Setpoint, ev *Events, out *Reading) {
	p.step(p.output(env), env, set, solarParkGenerated, ev, out)
}

func (p *solarPark) Apply(e *Event) {
	switch e.Type {
	case solarParkGenerated:
		p.meter(e)
	case eventSet:
		solarParkSettings.apply(p, e)
	}
}

func (p *solarPark) Command(_ *Env, c *Command, ev *Events) error {
	if err := p.refuses(c); err != nil {
		return err
	}
	return solarParkSettings.command(p, c, ev)
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
