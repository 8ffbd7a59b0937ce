package twins

import (
	"fmt"
	"math"
)

// hotWater is a tank of hot water, heated by an element or a heat pump of its
// own and emptied by the people of the home. The tank has one temperature.
// Heating may wait while the tank is warm, but not below a reserve kept above
// min_c for the next bath, and it may run ahead up to max_c; unasked, a
// thermostat starts it a few kelvin below its setpoint and stops it there.
//
// People want heat: water of min_c or more, mixed with cold. While the tank
// holds min_c they get it. Otherwise the water is colder: the same litres at the
// temperature of the tank at the end of the step, and an event says how much
// heat was missing.
//
// The times of draws are random by the seed, with the hours and sizes of 25
// homes (see hotWaterHours), and the same at any length of step. A tap gives 15
// kW, about 7 litres a minute of 40 °C from 10 °C, so a draw of 1 kWh takes
// four minutes. When the clock is put back the hour happens twice, when it is
// put forward one is left out.
//
// Sources: 200 l, 2 kW, 45–60 °C and 1.5 kWh a day lost at 60 °C are usual
// data-sheet values; water is 4.186 kJ/(kg·K) at 1 kg/l, 1.4 % too much at
// 50 °C. The reserve is an assumption.
var hotWater = &PartKind{
	Name: "hot_water", Label: "Hot water", Tier: Comfort, Version: hotWaterVersion,
	Upgrades: hotWaterUpgrades,
	Schema:   hotWaterSchema,
	New:      newHotWater,
	Settings: hotWaterSettings.list(),
	Events:   []*EventType{hotWaterRan, hotWaterShort, hotWaterDeferred, eventSet},
	// tank_c is the temperature of the tank, °C: heat held above 0 °C ÷ heat capacity.
	Gauges: []Gauge{{Name: "tank_c", Label: "Tank temperature", Places: 3}},
	Sample: hotWaterSample,
}

const hotWaterSchema = `{"type": "object", "additionalProperties": false,
  "description": "a tank of hot water",
  "properties": {
    "volume_l": {"type": "number", "minimum": 10, "maximum": 100000, "default": 200, "description": "of the tank, l"},
    "rated_w": {"type": "number", "exclusiveMinimum": 0, "maximum": 1e6, "default": 2000, "description": "greatest electric power, W"},
    "cop": {"type": "number", "minimum": 0.5, "maximum": 10, "default": 1, "description": "heat made ÷ electricity drawn: 1 is an element, more a heat pump"},
    "min_c": {"type": "number", "minimum": 30, "maximum": 95, "default": 45, "description": "warm enough: from here down the water comes too cold, °C"},
    "max_c": {"type": "number", "minimum": 30, "maximum": 95, "default": 60, "description": "never warmer than, °C"},
    "setpoint_c": {"type": "number", "minimum": 30, "maximum": 95, "default": 58, "x-changeable": true, "description": "of the thermostat, °C; in mid-run taken into min_c…max_c"},
    "hysteresis_k": {"type": "number", "minimum": 0, "maximum": 30, "default": 3, "description": "the thermostat starts so far below its setpoint, K"},
    "reserve_wh": {"type": "number", "minimum": 0, "maximum": 1e7, "default": 1000, "description": "heat above min_c that waiting leaves in the tank, Wh"},
    "initial_c": {"type": "number", "minimum": 30, "maximum": 95, "default": 55, "description": "at the start, °C"},
    "inlet_c": {"type": "number", "minimum": 0, "maximum": 30, "default": 10, "description": "of the cold water, °C"},
    "ambient_c": {"type": "number", "minimum": 0, "maximum": 30, "default": 20, "description": "around the tank, °C"},
    "standing_loss_wh_per_day": {"type": "number", "minimum": 0, "maximum": 1e6, "default": 1500, "description": "of a tank at 60 °C in a room of 20 °C; in proportion to the difference, Wh"},
    "daily_wh": {"type": "number", "minimum": 0, "maximum": 1e6, "default": 7400, "description": "heat that is drawn on a mean day, Wh"},
    "available": {"type": "boolean", "default": true, "x-changeable": true, "description": "false: not heated"}
  }}`

type hotWaterSpec struct {
	Volume       float64     `json:"volume_l"`
	RatedPower   Power       `json:"rated_w"`
	Cop          Ratio       `json:"cop"`
	Min          temperature `json:"min_c"`
	Max          temperature `json:"max_c"`
	Setpoint     temperature `json:"setpoint_c"`
	Hysteresis   temperature `json:"hysteresis_k"`
	Reserve      Energy      `json:"reserve_wh"`
	Initial      temperature `json:"initial_c"`
	Inlet        temperature `json:"inlet_c"`
	Ambient      temperature `json:"ambient_c"`
	StandingLoss float64     `json:"standing_loss_wh_per_day"`
	Daily        Energy      `json:"daily_wh"`
	Available    bool        `json:"available"`
}

var hotWaterSettings = changeable[hotWaterRow]{
	number(Setting{Name: "setpoint_c", Scale: int64(degree), Min: int64(30 * degree), Max: int64(95 * degree)}, func(w *hotWaterRow) *temperature { return &w.setpoint }),
	yesNo("available", func(w *hotWaterRow) *bool { return &w.available }),
}

type hotWaterRow struct {
	// Config. inlet < low ≤ floor ≤ high.
	rated         Power // electric
	cop           Ratio
	floor         Energy // waiting ends here
	hysteresis    Energy
	inlet, around Energy // held at the temperatures of the cold water and the room
	initial       Energy
	draws         drawOff
	setpoint      temperature // changeable
	available     bool        // changeable

	thermal      // held = initial + heat − delivered − leaked
	heating bool // the thermostat is on

	// Registers: missing is heat that was wanted and not delivered.
	electric, heat, delivered, leaked, missing Energy
}

var (
	hotWaterRan = &EventType{Name: "hot_water.ran",
		Fields: []string{ranElectric: "electric_j", ranHeat: "heat_j", ranOther: "delivered_j", ranLost: "lost_j", ranHeatRest: "heat_remainder", ranLostRest: "lost_remainder", ranHeating: "heating"}}
	hotWaterShort = &EventType{Name: "hot_water.short", Notable: true,
		Fields: []string{"missing_j", "tank_c"},
		Alert:  &Alert{Rule: "hot_water.short", Severity: "warning", Text: "there was too little hot water"}}
	hotWaterDeferred = &EventType{Name: "hot_water.deferred", Fields: []string{"owed_j", "pending_j"}}
)

// heatOfWater is the heat that warms a litre by a kelvin, in millijoules.
const heatOfWater = 4186 * Joule

// A standing loss is stated for this difference, in K.
const standingDifference = 40

func newHotWater(site *Site, members []Member) (PartSlab, error) {
	s := NewDeferringSlab[hotWaterRow](len(members))
	for i, m := range members {
		var spec hotWaterSpec
		if err := decodeSpec(m, &spec); err != nil {
			return nil, err
		}
		if err := spec.check(); err != nil {
			return nil, fmt.Errorf("%s: %w", m.Path, err)
		}
		perKelvin := float64(spec.Volume * float64(heatOfWater))
		lossPerKelvin := float64(spec.StandingLoss * float64(WattHour) / (86400 * standingDifference)) // mJ/(s·K)
		w := s.Row(i)
		*w = hotWaterRow{
			rated: spec.RatedPower, cop: spec.Cop, setpoint: spec.Setpoint, available: spec.Available,
			draws:   drawOff{seed: site.Seed, key: m.Key(), daily: spec.Daily},
			thermal: newThermal(Energy(math.Round(perKelvin)), perKelvin/lossPerKelvin, site.Step),
		}
		w.low, w.high = w.at(spec.Min), w.at(spec.Max)
		w.floor = w.low + spec.Reserve
		w.hysteresis = w.at(spec.Hysteresis)
		w.inlet, w.around = w.at(spec.Inlet), w.at(spec.Ambient)
		w.initial = w.at(spec.Initial)
		w.held = w.initial
		if w.floor > w.high {
			return nil, fmt.Errorf("%s: reserve_wh %v is more than the tank holds between min_c and max_c, %.0f",
				m.Path, spec.Reserve.WattHours(), (w.high - w.low).WattHours())
		}
	}
	return s, nil
}

func (s *hotWaterSpec) check() error {
	switch {
	case s.RatedPower <= 0:
		return fmt.Errorf("rated_w %v, wanted more than 0", s.RatedPower.Watts())
	case s.Max-s.Min < leastBand:
		return fmt.Errorf("min_c %v is not below max_c %v, wanted at least 0.1 between them", s.Min.celsius(), s.Max.celsius())
	case s.Initial < s.Min || s.Initial > s.Max:
		return fmt.Errorf("initial_c %v is outside min_c…max_c %v…%v", s.Initial.celsius(), s.Min.celsius(), s.Max.celsius())
	case s.Setpoint < s.Min || s.Setpoint > s.Max:
		return fmt.Errorf("setpoint_c %v is outside min_c…max_c %v…%v", s.Setpoint.celsius(), s.Min.celsius(), s.Max.celsius())
	case s.Inlet >= s.Min:
		return fmt.Errorf("inlet_c %v is not below min_c %v", s.Inlet.celsius(), s.Min.celsius())
	}
	return nil
}

// world is what the tank's heater can do in a step, and the heat that people
// want.
func (w *hotWaterRow) world(env *Env) (h heater, wanted Energy) {
	wanted = w.draws.during(env)
	h = heater{cop: w.cop, other: -wanted, around: w.around, step: env.Step}
	if w.available {
		h.most = w.rated
	}
	return h, wanted
}

// thermostat says whether it heats now, and up to what content.
func (w *hotWaterRow) thermostat() (on bool, until Energy) {
	until = max(w.low, min(w.at(w.setpoint), w.high))
	if w.heating {
		return w.held < until, until
	}
	return w.held < until-w.hysteresis, until
}

func (w *hotWaterRow) Offer(env *Env) Band {
	h, _ := w.world(env)
	on, until := w.thermostat()
	if !on {
		until = w.floor
	}
	b := w.band(w.floor, until, &h)
	if !on {
		b.Ref = b.Min
	}
	return b
}

// Step follows the setpoint as long as the tank does not get too hot.
func (w *hotWaterRow) Step(env *Env, p Power, ev *Events) Power {
	h, wanted := w.world(env)
	p = max(0, min(p, w.atMost(w.high, &h)))
	electric := p.For(env.Step)
	heat, heatRem := w.heated(electric, w.cop)
	delivered := w.deliver(wanted, heat)
	lost, lostRem := w.lost(w.around, heat-delivered)
	on, _ := w.thermostat()
	*ev.Add(hotWaterRan) = [7]int64{ranElectric: int64(electric), ranHeat: int64(heat), ranOther: int64(delivered), ranLost: int64(lost),
		ranHeatRest: heatRem, ranLostRest: lostRem, ranHeating: flag(on)}
	if missing := wanted - delivered; missing > 0 {
		held := w.held + heat - delivered - lost
		*ev.Add(hotWaterShort) = [7]int64{int64(missing), int64(w.temperature(held))}
	}
	return p
}

// deliver is how much of the wanted heat the tank gives in a step: all of it if
// it still holds low in the end. If not, the litres come at the temperature T of
// its end, and carry wanted·(T − inlet)/(min − inlet); T follows from what the
// tank would hold undrawn, which the draw lowers by (1 − early)·delivered.
func (w *hotWaterRow) deliver(wanted, heat Energy) Energy {
	if wanted == 0 || w.after(w.around, heat-wanted) >= w.low {
		return wanted
	}
	above := w.after(w.around, heat) - w.inlet
	if above <= 0 {
		return 0
	}
	takes, _ := MulDiv(int64(wanted), unity-w.early, unity)
	q, _ := MulDiv(int64(wanted), int64(above), int64(w.low-w.inlet)+takes)
	return min(Energy(q), wanted)
}

// Defer implements Deferrer.
func (w *hotWaterRow) Defer(env *Env, b Band, did Power, why Reason, ev *Events) Deferral {
	if w.follows(b, did) {
		return Deferral{}
	}
	h, wanted := w.world(env)
	heat, _ := w.heated(did.For(env.Step), w.cop)
	held := w.after(w.around, heat-w.deliver(wanted, heat))
	_, until := w.thermostat()
	owed, pending, d := w.putOff(b, did, why, held, w.after(w.around, heat-wanted), until, &h)
	d.TankBelow = w.below(held, env.Step)
	if owed != w.owed || pending != w.pending {
		*ev.Add(hotWaterDeferred) = [7]int64{int64(owed), int64(pending)}
	}
	return d
}

func (w *hotWaterRow) Apply(e *Event) {
	switch e.Type {
	case hotWaterRan:
		heat, delivered, lost := Energy(e.V[ranHeat]), Energy(e.V[ranOther]), Energy(e.V[ranLost])
		w.electric += Energy(e.V[ranElectric])
		w.heat += heat
		w.delivered += delivered
		w.leaked += lost
		w.held += heat - delivered - lost
		w.heatRem, w.lostRem = e.V[ranHeatRest], e.V[ranLostRest]
		w.heating = e.V[ranHeating] != 0
	case hotWaterDeferred:
		w.owed, w.pending = Energy(e.V[0]), Energy(e.V[1])
	case hotWaterShort:
		w.missing += Energy(e.V[0])
	case eventSet:
		hotWaterSettings.apply(w, e)
	}
	if by := w.held - (w.initial + w.heat - w.delivered - w.leaked); by != 0 {
		panic(fmt.Sprintf("hot_water: the tank holds %d mJ more than came in and stayed", by))
	}
}

// Gauges implements PartGaugeRow.
func (w *hotWaterRow) Gauges(_ *Env, out []int64) { out[0] = w.milliCelsius() }

func (w *hotWaterRow) Command(_ *Env, c *Command, ev *Events) error {
	return hotWaterSettings.command(w, c, ev)
}

// hotWaterVersion is that of the stored form of a tank.
const hotWaterVersion = 2

var hotWaterUpgrades = map[uint8]Upgrade{1: upgradeHotWater}

// AppendBinary writes version 1 while it says as much: for a tank without pending energy.
func (w *hotWaterRow) AppendBinary(b []byte) []byte {
	if w.pending == 0 {
		return w.appendFields(append(b, 1))
	}
	return w.appendNewest(b)
}

func (w *hotWaterRow) appendNewest(b []byte) []byte {
	return appendInts(w.appendFields(append(b, hotWaterVersion)), int64(w.pending))
}

// appendFields appends what all versions have.
func (w *hotWaterRow) appendFields(b []byte) []byte {
	return appendInts(b, int64(w.held), w.heatRem, w.lostRem, flag(w.heating), int64(w.electric), int64(w.heat),
		int64(w.delivered), int64(w.leaked), int64(w.missing), int64(w.owed), int64(w.setpoint), flag(w.available))
}

// UnmarshalBinary reads every version.
func (w *hotWaterRow) UnmarshalBinary(b []byte) ([]byte, error) {
	return restoreState(b, hotWaterUpgrades, w.readNewest)
}

func (w *hotWaterRow) readNewest(b []byte) ([]byte, error) {
	return w.read(b, hotWaterVersion, (*int64)(&w.pending))
}

// read reads what all versions have, and what version has besides.
func (w *hotWaterRow) read(b []byte, version uint8, more ...*int64) ([]byte, error) {
	var heating, available int64
	b, err := readInts(b, "hot_water", version, append([]*int64{(*int64)(&w.held), &w.heatRem, &w.lostRem, &heating, (*int64)(&w.electric), (*int64)(&w.heat),
		(*int64)(&w.delivered), (*int64)(&w.leaked), (*int64)(&w.missing), (*int64)(&w.owed), (*int64)(&w.setpoint), &available}, more...)...)
	w.heating, w.available = heating != 0, available != 0
	return b, err
}

// upgradeHotWater reads version 1, which had no pending energy.
func upgradeHotWater(b []byte) (upgraded, rest []byte, err error) {
	var w hotWaterRow
	rest, err = w.read(b, 1)
	return w.appendNewest(nil), rest, err
}

// drawOff is the random hot-water use of one home: when it draws and how much
// heat.
type drawOff struct {
	seed, key uint64
	daily     Energy // on a mean day
}

// Purposes of a tank's random streams, numbered by hour since the run's first day.
const (
	purposeDrawn    Purpose = 10
	purposeDrawSize Purpose = 11
	purposeDrawTime Purpose = 12
)

// hotWaterHours gives for each hour of the day the chance of a draw, in
// millionths, and the hour's share of a mean day's heat on average, in
// millionths. hotWaterSizes are equally likely sizes of an hour's draw, in
// ten-thousandths of the hour's mean size; they add up to 32 means. Both are
// measured in the simulated draws of 25 homes over a year, each home by its own
// mean day: NREL End-Use Load Profiles (ResStock 2018, Chittenden County,
// Vermont) as packed in CityLearn. There the days of a home vary by 0.65 of
// their mean (median of the homes), here by 0.62; seasons are left out (there
// 1.20 in March, 0.83 in August).
var hotWaterHours = [24]struct{ chance, share int64 }{
	{87_600, 12_300}, {48_900, 6_900}, {34_700, 5_100}, {32_500, 6_600}, {65_200, 16_300}, {135_100, 37_400},
	{204_600, 57_100}, {222_600, 58_400}, {252_600, 58_800}, {292_900, 55_200}, {314_100, 53_800}, {316_900, 50_100},
	{304_000, 43_300}, {281_200, 38_600}, {277_300, 38_300}, {289_800, 41_500}, {327_700, 48_300}, {353_200, 51_400},
	{375_800, 58_900}, {373_300, 59_000}, {376_000, 66_100}, {346_300, 63_600}, {271_500, 46_900}, {172_700, 26_100},
}

var hotWaterSizes = [32]int64{
	612, 1327, 1820, 2186, 2489, 2756, 3015, 3277, 3531, 3812, 4113, 4418, 4728, 5087, 5472, 5878,
	6329, 6842, 7439, 8133, 8880, 9686, 10589, 11636, 12752, 14013, 15629, 17688, 20339, 24327, 31612, 59585,
}

// tap is the heat that flows during a draw; a draw too large for its hour takes
// all of it.
const tap = 15 * Kilowatt

// during is the heat wanted in a step.
func (d *drawOff) during(env *Env) (sum Energy) {
	from := int64(env.Day)*86400 + int64(env.SecondOfDay)
	until := from + int64(env.Step)
	for hour := from / 3600; hour*3600 < until; hour++ {
		start, length, heat := d.hour(hour)
		if heat > 0 {
			sum += upTo(until-start, length, heat) - upTo(from-start, length, heat)
		}
	}
	return sum
}

// upTo is how much of a draw has been drawn so many seconds after its start.
func upTo(seconds, length int64, heat Energy) Energy {
	q, _ := MulDiv(int64(heat), max(0, min(seconds, length)), length)
	return Energy(q)
}

// hour is the draw of one hour since the run's first day: when it starts, in
// seconds of local time since then, how long it takes and its heat. It ends
// within the hour.
func (d *drawOff) hour(hour int64) (start, length int64, heat Energy) {
	h := &hotWaterHours[hour%24]
	if Between(Draw(d.seed, d.key, purposeDrawn, hour), 0, 999_999) >= h.chance {
		return 0, 0, 0
	}
	size := hotWaterSizes[Draw(d.seed, d.key, purposeDrawSize, hour)%uint64(len(hotWaterSizes))]
	q, _ := MulDiv(int64(d.daily), h.share*size, h.chance*10_000)
	length = max(60, min(q/int64(tap)+1, 3600))
	start = hour*3600 + Between(Draw(d.seed, d.key, purposeDrawTime, hour), 0, 3600-length)
	return start, length, Energy(q)
}

func hotWaterSample(between func(lo, hi int64) int64) string {
	low := between(35, 55)
	high := between(low+5, 90)
	return fmt.Sprintf(`{"volume_l": %d, "rated_w": %d.%03d, "cop": %d.%d, "min_c": %d, "max_c": %d, "setpoint_c": %d, "hysteresis_k": %d,
		"reserve_wh": %d, "initial_c": %d, "inlet_c": %d, "ambient_c": %d, "standing_loss_wh_per_day": %d, "daily_wh": %d, "available": true}`,
		between(20, 1000), between(1, 6000), between(0, 999), between(1, 4), between(0, 9), low, high, between(low, high), between(0, 10),
		between(0, 100), between(low, high), between(0, 25), between(0, 30), between(0, 1)*between(0, 5000), between(0, 40000))
}
