package twins

import "fmt"

// windTurbine is one or more small wind turbines behind a household's meter.
var windTurbine = &PartKind{
	Name: "wind_turbine", Label: "Wind turbine", Tier: Generation, Version: 1,
	Schema: `{"type": "object", "additionalProperties": false,
      "description": "small wind turbines behind the meter",
      "properties": {
    ` + turbineKeys + `,
    "count": {"type": "integer", "minimum": 0, "maximum": 1000, "default": 1, "x-changeable": true, "description": "of turbines"}
      }}`,
	New:      newWindTurbines,
	Follows:  Follows{"wind", "stands still"},
	Settings: windTurbineSettings.list(),
	Events:   []*EventType{eventSet},
	Sample: func(between func(lo, hi int64) int64) string {
		return fmt.Sprintf(`{%s, "count": %d}`, turbineSample(between, 10), between(0, 2))
	},
}

var windTurbineSettings = changeable[windTurbineRow]{
	number(Setting{Name: "count", Scale: 1, Max: 1000}, func(r *windTurbineRow) *int64 { return &r.count }),
}

type windTurbineSpec struct {
	turbineSpec
	Count int64 `json:"count"`
}

type windTurbineRow struct {
	turbine
	count int64 // changeable, ≥ 0
}

func newWindTurbines(_ *Site, members []Member) (PartSlab, error) {
	s := NewPartSlab[windTurbineRow](len(members))
	for i, m := range members {
		var spec windTurbineSpec
		if err := decodeSpec(m, &spec); err != nil {
			return nil, err
		}
		t, err := spec.build()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.Path, err)
		}
		*s.Row(i) = windTurbineRow{t, spec.Count}
	}
	return s, nil
}

func (r *windTurbineRow) Offer(env *Env) Band {
	given := Power(r.count) * r.power(&env.Weather)
	return Band{Min: -given, Ref: -given, Max: 0}
}

func (r *windTurbineRow) Step(_ *Env, p Power, _ *Events) Power { return p }

func (r *windTurbineRow) Apply(e *Event) {
	if e.Type == eventSet {
		windTurbineSettings.apply(r, e)
	}
}

func (r *windTurbineRow) Command(_ *Env, c *Command, ev *Events) error {
	return windTurbineSettings.command(r, c, ev)
}

func (r *windTurbineRow) AppendBinary(b []byte) []byte { return appendInts(append(b, 1), r.count) }
func (r *windTurbineRow) UnmarshalBinary(b []byte) ([]byte, error) {
	return readInts(b, "wind_turbine", 1, &r.count)
}
