package twins

import "fmt"

// WaterPump lifts water into a tower: a fixed energy each day, between two times
// of the day, at times of the grid's choice. Unasked it pumps at once. What it has not
// pumped by the later time is not pumped that day.
var WaterPump = Declare(Kind{
	Name: "water_pump", Plural: "water_pumps", Label: "Water pump", Role: RoleLoad, Version: waterPumpVersion,
	Upgrades: waterPumpUpgrades,
	Schema:   waterPumpSchema,
	New:      newWaterPumps,
	Sample:   waterPumpSample,
	Events:   []*EventType{waterPumped, waterPumpDeferred, eventSet},
	Columns:  []Column{ColumnPower, ColumnUnserved, ColumnShifted, ColumnReason, ColumnWaiting, ColumnWaits},
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

	// State: what has been pumped on the day. 0 ≤ pumped ≤ daily.
	day    int64
	pumped Energy
	closed int64   // the last day whose deadline has passed before all was pumped; −1: none
	later  account // of the day
	total  Energy  // register
}

var (
	waterPumped       = &EventType{Name: "water_pump.pumped", Fields: []string{"day", "energy_j", "closed"}}
	waterPumpDeferred = &EventType{Name: "water_pump.deferred", Fields: accountFields}
)

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
		p := waterPump{rated: spec.Rated, daily: spec.Daily, from: Seconds(from), until: Seconds(until), day: -1, closed: -1}
		if most := p.rated.For(max(0, p.until-p.from)); most < p.daily {
			return nil, fmt.Errorf("%s: daily_wh %v is more than rated_w %v pumps between from %s and until %s, %v Wh",
				m.Path, spec.Daily.WattHours(), spec.Rated.Watts(), spec.From, spec.Until, most.WattHours())
		}
		*s.Row(i) = p
	}
	return s, nil
}

// left is what is still to be pumped today: nothing once the day's deadline has passed.
func (p *waterPump) left(env *Env) Energy {
	switch int64(env.Day) {
	case p.closed:
		return 0
	case p.day:
		return p.daily - p.pumped
	}
	return p.daily
}

// over reports whether the deadline of the present day has passed.
func (p *waterPump) over(env *Env) bool {
	return Seconds(env.SecondOfDay) >= p.until || p.closed == int64(env.Day)
}

// Offer lets the pump wait as long as the rest of the day is enough.
func (p *waterPump) Offer(env *Env, out *Flex) {
	now := Seconds(env.SecondOfDay)
	left := p.left(env)
	if now+env.Step <= p.from || left <= 0 || p.over(env) {
		return
	}
	most, rest := left.Over(env.Step)
	if rest > 0 {
		most++ // the last step pumps a millijoule or so more: whole milliwatts
	}
	most = min(p.rated, most)
	least, rest := max(0, left-p.after(env)).Over(env.Step)
	if rest > 0 {
		least++
	}
	least = min(least, most)
	out.Tier[Flexible] = Band{Min: least, Ref: most, Max: most}
	out.Need = Need{Energy: left, By: env.Tick + Tick(max(0, p.until-now)/env.Step), MinPower: least}
}

// after is the energy that the steps after this one can pump before the day's deadline.
func (p *waterPump) after(env *Env) Energy {
	return p.rated.For(max(0, p.until-Seconds(env.SecondOfDay)-env.Step))
}

func (p *waterPump) Step(env *Env, set *Setpoint, ev *Events, out *Reading) {
	var can Flex
	p.Offer(env, &can)
	band := can.Tier[Flexible]
	out.Load = max(0, min(band.Max, set.Tier[Flexible]))
	out.Power = out.Load
	closed := p.closed
	due := Seconds(env.SecondOfDay)+env.Step >= p.until && p.closed != int64(env.Day)
	if lacks := p.left(env) - out.Load.For(env.Step); due && lacks > 0 {
		closed = int64(env.Day)
	}
	p.bookLater(env, set.Why[Flexible], band.Ref, due, ev, out)
	if out.Load < band.Ref {
		out.Reason = set.Why[Flexible]
	}
	*ev.Add(waterPumped) = [7]int64{int64(env.Day), int64(out.Load.For(env.Step)), closed}
}

// bookLater books what the pump did not draw of most. due says that the day's deadline has
// come.
func (p *waterPump) bookLater(env *Env, why Reason, most Power, due bool, ev *Events, out *Reading) {
	next := p.later
	unasked := p.unasked(env, most)
	lacks := max(0, p.left(env)-out.Load.For(env.Step)-p.after(env))
	d := next.step(why, unasked, out.Load, lacks, due, env.Step)
	if due { // what lacks is not wanted again
		d.GivenUp = next.shifted
		next = account{rest: next.rest, why: next.why}
	}
	d.book(ev, out)
	if next != p.later {
		*ev.Add(waterPumpDeferred) = next.values()
	}
}

// unasked is what it would pump in this step had it never been asked for less today.
func (p *waterPump) unasked(env *Env, most Power) Power {
	if p.later.owed == 0 {
		return most
	}
	wanted, rest := max(0, p.left(env)-p.later.owed).Over(env.Step)
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
		p.closed = e.V[2]
	case waterPumpDeferred:
		p.later.set(&e.V)
	case eventSet:
		waterPumpSettings.apply(p, e)
	}
}

// Gauges implements GaugeRow.
func (p *waterPump) Gauges(env *Env, _ *Reading, out []int64) { out[0] = int64(max(0, p.left(env))) }

func (p *waterPump) Command(_ *Env, c *Command, ev *Events) error {
	return waterPumpSettings.command(p, c, ev)
}

// waterPumpVersion is that of the stored form of a water pump.
const waterPumpVersion = 2

// AppendBinary writes version 1 while it says as much: for a pump that owes nothing.
func (p *waterPump) AppendBinary(b []byte) []byte {
	if p.later == (account{}) && p.closed < 0 {
		return appendInts(append(b, 1), int64(p.rated), p.day, int64(p.pumped), 0, int64(p.total))
	}
	return p.appendNewest(b)
}

func (p *waterPump) appendNewest(b []byte) []byte {
	b = appendInts(append(b, waterPumpVersion), int64(p.rated), p.day, int64(p.pumped), p.closed, int64(p.total))
	return p.later.append(b)
}

// UnmarshalBinary reads every version.
func (p *waterPump) UnmarshalBinary(b []byte) ([]byte, error) {
	return restoreState(b, waterPumpUpgrades, p.readNewest)
}

func (p *waterPump) readNewest(b []byte) ([]byte, error) {
	return readInts(b, "water_pump", waterPumpVersion, append([]*int64{(*int64)(&p.rated), &p.day, (*int64)(&p.pumped), &p.closed, (*int64)(&p.total)},
		p.later.fields()...)...)
}

var waterPumpUpgrades = map[uint8]Upgrade{1: upgradeWaterPump}

// upgradeWaterPump reads version 1, which had one number for what is owed and no day's end.
func upgradeWaterPump(b []byte) (upgraded, rest []byte, err error) {
	p := waterPump{closed: -1}
	rest, err = readInts(b, "water_pump", 1, (*int64)(&p.rated), &p.day, (*int64)(&p.pumped), (*int64)(&p.later.owed), (*int64)(&p.total))
	p.later.shifted = p.later.owed
	return p.appendNewest(nil), rest, err
}

func waterPumpSample(between func(lo, hi int64) int64) string {
	rated := between(1, 20000)
	return fmt.Sprintf(`{"rated_w": %d, "daily_wh": %d, "from": "%02d:00", "until": "%02d:30"}`,
		rated, between(0, 8*rated), between(0, 8), between(16, 23))
}

// owes implements debtor.
func (p *waterPump) owes() bool { return p.later.owed > 0 }

func (p *waterPump) stillShifted() Energy { return p.later.shifted }
