package twins

import "fmt"

// WaterPump lifts water into a tower: a fixed energy each day, between two times
// of the day, at times of the grid's choice. Unasked it pumps at once.
var WaterPump = Declare(Kind{
	Name: "water_pump", Plural: "water_pumps", Label: "Water pump", Role: RoleLoad, Version: 1,
	Schema:   waterPumpSchema,
	New:      newWaterPumps,
	Sample:   waterPumpSample,
	Events:   []*EventType{waterPumped, eventSet},
	Columns:  []Column{ColumnPower, ColumnUnserved, ColumnShifted, ColumnReason},
	Settings: waterPumpSettings.list(),
	// left_j is the energy of the day's water that is still to be pumped, J, ≥ 0: that of
	// the day in which the step begins.
	Gauges: []Gauge{{Name: "left_j", Label: "Left to pump today", Places: 3}},
})

var waterPumpSettings = changeable[waterPump]{
	number(Setting{Name: "rated_w", Scale: int64(Watt), Min: 1, Max: int64(Gigawatt)}, func(p *waterPump) *Power { return &p.rated }),
}

const waterPumpSchema = `{
  "required": ["rated_w", "daily_wh"],
  "properties": {
    "rated_w": {"type": "number", "minimum": 0.001, "maximum": 1e9, "x-changeable": true, "description": "power of the motor, W"},
    "daily_wh": {"type": "number", "minimum": 0, "maximum": 1e10, "description": "energy of a day's water, Wh"},
    "from": {"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$", "examples": ["06:00"], "default": "00:00", "description": "not before, local time"},
    "until": {"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$", "examples": ["22:00"], "default": "23:00", "description": "done by, local time"}
  }
}`

type waterPumpSpec struct {
	Rated Power  `json:"rated_w"`
	Daily Energy `json:"daily_wh"`
	From  string `json:"from"`
	Until string `json:"until"`
}

type waterPump struct {
	// Config. 0 ≤ from < until ≤ 86,400.
	rated       Power // changeable
	daily       Energy
	from, until Seconds

	// State: what has been pumped on the day, and what has been shifted. 0 ≤ pumped ≤ daily.
	day    int64
	pumped Energy
	owed   Energy // ≥ 0
	total  Energy // register
}

var waterPumped = &EventType{Name: "water_pump.pumped", Fields: []string{"day", "energy_mj", "owed_mj"}}

func newWaterPumps(_ *Site, members []Member) (Slab, error) {
	s := NewSlab[waterPump](len(members))
	for i, m := range members {
		var spec waterPumpSpec
		if err := decodeSpec(m, &spec); err != nil {
			return nil, err
		}
		from, err := secondOfDay(spec.From)
		if err != nil {
			return nil, fmt.Errorf("%s: from: %w", m.Path, err)
		}
		until, err := secondOfDay(spec.Until)
		if err != nil {
			return nil, fmt.Errorf("%s: until: %w", m.Path, err)
		}
		p := waterPump{rated: spec.Rated, daily: spec.Daily, from: Seconds(from), until: Seconds(until), day: -1}
		if most := p.rated.For(max(0, p.until-p.from)); most < p.daily {
			return nil, fmt.Errorf("%s: daily_wh %v is more than rated_w %v pumps between from %s and until %s, %v Wh",
				m.Path, spec.Daily.WattHours(), spec.Rated.Watts(), spec.From, spec.Until, most.WattHours())
		}
		*s.Row(i) = p
	}
	return s, nil
}

// left is what is still to be pumped today.
func (p *waterPump) left(env *Env) Energy {
	if p.day != int64(env.Day) {
		return p.daily
	}
	return p.daily - p.pumped
}

// Offer lets the pump wait as long as the rest of the day is enough.
func (p *waterPump) Offer(env *Env, out *Flex) {
	now := Seconds(env.SecondOfDay)
	left := p.left(env)
	if now+env.Step <= p.from || left <= 0 {
		return
	}
	most, rest := left.Over(env.Step)
	if rest > 0 {
		most++ // the last step pumps a millijoule or so more: whole milliwatts
	}
	most = min(p.rated, most)
	later := p.rated.For(max(0, p.until-now-env.Step)) // energy that the steps after this one can pump
	least, rest := max(0, left-later).Over(env.Step)
	if rest > 0 {
		least++
	}
	least = min(least, most)
	out.Tier[Flexible] = Band{Min: least, Ref: most, Max: most}
	out.Need = Need{Energy: left, By: env.Tick + Tick(max(0, p.until-now)/env.Step), MinPower: least}
}

func (p *waterPump) Step(env *Env, set *Setpoint, ev *Events, out *Reading) {
	var can Flex
	p.Offer(env, &can)
	band := can.Tier[Flexible]
	out.Load = max(0, min(band.Max, set.Tier[Flexible]))
	out.Power = out.Load
	owed := Energy(0)
	if p.day == int64(env.Day) {
		owed = p.owed
	}
	unasked := p.unasked(env, owed, band.Ref)
	if out.Load < band.Ref {
		out.putOff(set.Why[Flexible], band, unasked, out.Load)
		out.Reason = set.Why[Flexible]
	}
	owed = max(0, owed+(unasked-out.Load).For(env.Step))
	*ev.Add(waterPumped) = [7]int64{int64(env.Day), int64(out.Load.For(env.Step)), int64(owed)}
}

// unasked is what it would pump in this step had it never been asked for less today.
func (p *waterPump) unasked(env *Env, owed Energy, most Power) Power {
	if owed == 0 {
		return most
	}
	wanted, rest := max(0, p.left(env)-owed).Over(env.Step)
	if rest > 0 {
		wanted++
	}
	return min(most, wanted)
}

func (p *waterPump) Apply(e *Event) {
	switch e.Type {
	case waterPumped:
		if p.day != e.V[0] {
			p.day, p.pumped = e.V[0], 0
		}
		p.pumped += Energy(e.V[1])
		p.total += Energy(e.V[1])
		p.owed = Energy(e.V[2])
	case eventSet:
		waterPumpSettings.apply(p, e)
	}
}

// Gauges implements GaugeRow.
func (p *waterPump) Gauges(env *Env, _ *Reading, out []int64) { out[0] = int64(max(0, p.left(env))) }

func (p *waterPump) Command(_ *Env, c *Command, ev *Events) error {
	return waterPumpSettings.command(p, c, ev)
}

func (p *waterPump) AppendBinary(b []byte) []byte {
	return appendInts(append(b, WaterPump.Version), int64(p.rated), p.day, int64(p.pumped), int64(p.owed), int64(p.total))
}

func (p *waterPump) UnmarshalBinary(b []byte) ([]byte, error) {
	return readInts(b, "water_pump", WaterPump.Version, (*int64)(&p.rated), &p.day, (*int64)(&p.pumped), (*int64)(&p.owed), (*int64)(&p.total))
}

func waterPumpSample(between func(lo, hi int64) int64) string {
	rated := between(1, 20000)
	return fmt.Sprintf(`{"rated_w": %d, "daily_wh": %d, "from": "%02d:00", "until": "%02d:30"}`,
		rated, between(0, 8*rated), between(0, 8), between(16, 23))
}
