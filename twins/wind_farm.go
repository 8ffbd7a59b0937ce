package twins

import "fmt"

// WindFarm is wind turbines that feed the grid. Its output follows the wind;
// it is held back when nothing else can make room for it.
var WindFarm = Declare(Kind{
	Name: "wind_farm", Plural: "wind_farms", Label: "Wind farm", Role: RoleProducer, Version: 1,
	Schema: `{
  "required": [],
  "properties": {
    ` + turbineKeys + `,
    "count": {"type": "integer", "minimum": 0, "maximum": 10000, "default": 1, "x-changeable": true, "description": "of turbines"},
    "cost_eur_per_mwh": {"type": "number", "minimum": -1e6, "maximum": 1e6, "default": 0, "x-changeable": true, "description": "variable cost; the dearest is held back first"},
    "available": {"type": "boolean", "default": true, "x-changeable": true, "description": "false: outage"}
  }
}`,
	New:      newWindFarms,
	Sample:   windFarmSample,
	Events:   []*EventType{windFarmGenerated, eventSet},
	Settings: windFarmSettings.list(),
	Columns:  []Column{ColumnPower, ColumnCurtailed, ColumnReason},
	Follows:  Follows{"wind", "stands still"},
})

var windFarmSettings = append(changeable[windFarm]{
	number(Setting{Name: "count", Scale: 1, Max: 10_000}, func(f *windFarm) *int64 { return &f.count }),
}, inside(variableSettings, func(f *windFarm) *variable { return &f.variable })...)

type windFarmSpec struct {
	turbineSpec
	Count     int64 `json:"count"`
	Cost      Price `json:"cost_eur_per_mwh"`
	Available bool  `json:"available"`
}

type windFarm struct {
	turbine
	variable
	count int64 // changeable, ≥ 0
}

var windFarmGenerated = &EventType{Name: "wind_farm.generated", Fields: []string{"energy_j", "curtailed_j"}}

func newWindFarms(_ *Site, members []Member) (Slab, error) {
	s := &windFarms{NewSlab[windFarm, *windFarm](len(members))}
	for i, m := range members {
		var spec windFarmSpec
		if err := decodeSpec(m, &spec); err != nil {
			return nil, err
		}
		t, err := spec.build()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.Path, err)
		}
		*s.Row(i) = windFarm{turbine: t, variable: variable{cost: spec.Cost, available: spec.Available}, count: spec.Count}
	}
	return s, nil
}

// windFarms is the slab.
type windFarms struct{ *SlabOf[windFarm, *windFarm] }

// Plant implements Generator. Turbines are behind converters: no inertia (as
// ENTSO-E counts them); carbon is the median of IPCC AR5 for wind on land.
func (s *windFarms) Plant(i int) Plant {
	f := s.Row(i)
	most := 0.0
	for _, p := range f.curve {
		most = max(most, p.power)
	}
	rated := Power(f.count) * watts(most)
	return Plant{Duty: Variable, Rated: rated, Ramp: rated, Cost: f.cost, Available: f.available, State: PlantOn, Since: longAgo, CO2LifeCycle: 11_000}
}

// given is what the wind gives in this step, ≥ 0.
func (f *windFarm) given(env *Env) Power { return Power(f.count) * f.power(&env.Weather) }

func (f *windFarm) Offer(env *Env, out *Flex) { f.offer(f.given(env), out) }

func (f *windFarm) Step(env *Env, set *Setpoint, ev *Events, out *Reading) {
	f.step(f.given(env), env, set, windFarmGenerated, ev, out)
}

func (f *windFarm) Apply(e *Event) {
	switch e.Type {
	case windFarmGenerated:
		f.meter(e)
	case eventSet:
		windFarmSettings.apply(f, e)
	}
}

func (f *windFarm) Command(_ *Env, c *Command, ev *Events) error {
	return windFarmSettings.command(f, c, ev)
}

func (f *windFarm) AppendBinary(b []byte) []byte {
	return appendInts(append(b, 1), int64(f.generated), int64(f.curtailed), f.count, int64(f.cost), flag(f.available))
}

func (f *windFarm) UnmarshalBinary(b []byte) ([]byte, error) {
	var available int64
	b, err := readInts(b, "wind_farm", 1, (*int64)(&f.generated), (*int64)(&f.curtailed), &f.count, (*int64)(&f.cost), &available)
	f.available = available != 0
	return b, err
}

func windFarmSample(between func(lo, hi int64) int64) string {
	return fmt.Sprintf(`{%s, "count": %d, "cost_eur_per_mwh": %d, "available": true}`, turbineSample(between, 30), between(0, 3), between(-5, 5))
}

// turbineSample draws a turbine of up to so many kilowatts by name or by curve.
func turbineSample(between func(lo, hi int64) int64, kilowatts int64) string {
	which := fmt.Sprintf(`"turbine": %q`, []string{"sd6", "dw20", "fortis-montana"}[between(0, 2)])
	if between(0, 1) == 1 {
		rated := between(1, 1000*kilowatts)
		which = fmt.Sprintf(`"curve": [[%d, 0], [%d.5, %d.%d], [25, %d]], "hub_height_m": %d`,
			between(1, 4), between(8, 14), rated, between(0, 999), rated, between(1, 80))
	}
	return fmt.Sprintf(`%s, "shear_exponent": 0.%02d, "control": %q`, which, between(0, 40), []string{"pitch", "stall"}[between(0, 1)])
}
