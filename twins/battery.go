package twins

import (
	"fmt"
	"slices"
)

// Battery stores energy and gives it back, behind a household's meter or for
// its community. It is a converter with an efficiency each way, a standby draw
// and a band of charge that it never leaves: its offer is cut to what fits, so
// nothing is clamped afterwards.
//
// It ages by use and by time, which add up (the usual linear form; Schmalstieg et
// al. 2014, Journal of Power Sources 257, keep the two apart in the same way).
// The aged part is taken from the top of the band, and only after the energy held
// has fallen below it: no energy is lost by ageing.
//
// A battery that is prepared is absent until the setting available puts it in: it
// offers, draws and holds nothing and does not age. It begins empty, at no state of
// charge, since energy that it brought along would never have been metered; so the
// first charge is from 0 up through min_soc, below which it never falls again. Taken
// out, it is out of service like any other, and keeps what it holds.
var Battery = Declare(Kind{
	Name: "battery", Plural: "batteries", Label: "Battery", Role: RoleStorage, Version: 1,
	Schema:  batterySchema,
	Ownable: true, Prepares: true,
	New:      newBatteries,
	Sample:   batterySample,
	Events:   []*EventType{batteryCharged, batteryDischarged, batteryIdled, eventSet},
	Settings: batterySettings.list(),
	Columns:  []Column{ColumnPower, ColumnContent, ColumnSoC},
	// health is the share of its band that ageing has left, 0…1; unknown for a battery
	// that has not been put in.
	Gauges: []Gauge{{Name: "health", Label: "Health", Places: 9}},
})

var batterySettings = changeable[battery]{
	yesNo("available", func(b *battery) *bool { return &b.available }),
	number(Setting{Name: "reserve_soc", Scale: int64(One), Max: int64(One)}, func(b *battery) *Ratio { return &b.reserve }),
	number(Setting{Name: "mode", Scale: 1, Max: int64(len(batteryModes)) - 1, Words: batteryModes}, func(b *battery) *int64 { return &b.mode }),
	number(Setting{Name: "peak_w", Scale: int64(Watt), Max: int64(Gigawatt)}, func(b *battery) *Power { return &b.peak }),
}

// Modes of a battery, as their settings have them. The numbers are on disk for
// ever.
const (
	selfConsumption int64 = 0 // charges what would be exported, gives what would be imported
	byTariff        int64 = 1 // charges and gives in its windows of the day
	byPeak          int64 = 2 // keeps the net load at the peak, full where it can
	onlyAsked       int64 = 3 // does what it is asked, nothing by itself
)

var batteryModes = []string{"self_consumption", "tariff", "peak", "idle"}

// Defaults: the 10 kWh / 5 kW lithium battery of NREL OCHRE, 0.98 × 0.97 each
// way; standby and ageing are assumptions. The windows are those of a German
// time-of-use tariff.
const batterySchema = `{
  "required": ["rated_wh", "rated_w"],
  "properties": {
    "rated_wh": {"type": "number", "minimum": 1, "maximum": 1e9, "description": "energy that it can hold, Wh"},
    "rated_w": {"type": "number", "exclusiveMinimum": 0, "maximum": 1e9, "description": "greatest power at its terminals, each way, W"},
    "charge_efficiency": {"type": "number", "minimum": 0.1, "maximum": 1, "default": 0.9506, "description": "stored / drawn"},
    "discharge_efficiency": {"type": "number", "minimum": 0.1, "maximum": 1, "default": 0.9506, "description": "delivered / taken from store"},
    "standby_w": {"type": "number", "minimum": 0, "maximum": 1e9, "default": 10, "description": "drawn always, W"},
    "min_soc": {"type": "number", "minimum": 0, "maximum": 1, "default": 0.15, "description": "never below this share of rated_wh"},
    "max_soc": {"type": "number", "minimum": 0, "maximum": 1, "default": 0.95, "description": "never above this share of rated_wh; ageing lowers it towards min_soc"},
    "cycle_life": {"type": "integer", "minimum": 1, "maximum": 1000000000, "default": 6000, "description": "full cycles after which 80 % of the band is left, where time does nothing"},
    "calendar_life_years": {"type": "number", "minimum": 0.1, "maximum": 1e6, "default": 15, "description": "years after which 80 % of the band is left, where use does nothing"},
    "mode": {"enum": ["self_consumption", "tariff", "peak", "idle"], "default": "self_consumption", "x-changeable": true, "description": "what it does unasked: keep the net load of its home or community at 0; charge and discharge in windows of the day; keep it at peak_w; nothing"},
    "peak_w": {"type": "number", "minimum": 0, "maximum": 1e9, "default": 0, "x-changeable": true, "description": "mode peak: net load that it discharges to stay at, and charges up to, W"},
    "tariff": {"type": "object", "additionalProperties": false, "default": {}, "description": "windows of mode tariff, local time",
      "properties": {
        "charge_from": {"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$", "examples": ["00:00"], "default": "00:00", "description": "charges with all its power from here"},
        "charge_to": {"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$", "examples": ["06:00"], "default": "06:00", "description": "to here; never if the same as charge_from"},
        "discharge_from": {"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$", "examples": ["17:00"], "default": "17:00", "description": "serves the load from here; outside it stores surplus only"},
        "discharge_to": {"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$", "examples": ["21:00"], "default": "21:00", "description": "to here; never if the same as discharge_from"}
      }},
    "reserve_soc": {"type": "number", "minimum": 0, "maximum": 1, "default": 0, "x-changeable": true, "description": "the owner's reserve: not discharged below, in any mode"},
    "grid_forming": {"type": "boolean", "default": false, "description": "its converter holds the frequency by droop, within response_s, and can carry an island"},
    "droop": {"type": "number", "minimum": 0.001, "maximum": 1, "default": 0.015, "description": "of a grid-forming converter: relative deviation of frequency at which it gives its whole rating"},
    "response_s": {"type": "number", "minimum": 0.01, "maximum": 100, "default": 0.2, "description": "of a grid-forming converter: until it has done 63 % of a step, s"},
    "initial_soc": {"type": "number", "minimum": 0, "maximum": 1, "default": 0.5, "description": "state of charge at the start; one that is prepared begins empty"},
    "prepared": {"type": "boolean", "default": false, "description": "begins empty, and with available: false it is not there until that is set: it can be put in while the system runs"},
    "available": {"type": "boolean", "default": true, "x-changeable": true, "description": "false: out of service"}
  }
}`

type batterySpec struct {
	RatedEnergy         Energy  `json:"rated_wh"`
	RatedPower          Power   `json:"rated_w"`
	ChargeEfficiency    Ratio   `json:"charge_efficiency"`
	DischargeEfficiency Ratio   `json:"discharge_efficiency"`
	Standby             Power   `json:"standby_w"`
	MinSoC              Ratio   `json:"min_soc"`
	MaxSoC              Ratio   `json:"max_soc"`
	CycleLife           int64   `json:"cycle_life"`
	CalendarLife        float64 `json:"calendar_life_years"`
	Mode                string  `json:"mode"`
	Peak                Power   `json:"peak_w"`
	Tariff              struct {
		ChargeFrom    string `json:"charge_from"`
		ChargeTo      string `json:"charge_to"`
		DischargeFrom string `json:"discharge_from"`
		DischargeTo   string `json:"discharge_to"`
	} `json:"tariff"`
	ReserveSoC Ratio `json:"reserve_soc"`
	Forming    bool  `json:"grid_forming"`
	Droop      Ratio `json:"droop"`
	Response   milli `json:"response_s"`
	InitialSoC Ratio `json:"initial_soc"`
	Prepared   bool  `json:"prepared"`
	Available  bool  `json:"available"`
}

// secondsPerYear is a Julian year.
const secondsPerYear = 31_557_600

type battery struct {
	// Config. 0 ≤ low ≤ top ≤ capacity.
	rated              Power
	low, top           Energy // band of a new battery
	capacity           Energy
	efficiencyIn       Ratio
	efficiencyOut      Ratio
	standby            Power
	cycleLife          int64
	calendarLife       Seconds
	charges, discharge window
	forming            bool
	droop              Ratio
	response           milli
	prepared           bool
	reserve            Ratio // changeable
	mode               int64 // changeable
	peak               Power // changeable
	available          bool  // changeable

	store                   // low ≤ held ≤ high; a prepared battery starts at held = 0
	drawn, delivered Energy // registers at the terminals
	cycles           int64  // whole cycles: rated energies taken from store
	cycled           Energy // of the next cycle: 0 ≤ cycled < capacity
	age              Seconds

	// Both are computed from the fields above.
	full Energy // top as aged: low ≤ full ≤ top, never rises
	high Energy // the greater of full and held: never rises
}

// window is a part of each day, in seconds of the day; it may pass midnight.
// Empty if both ends are the same.
type window struct{ from, to int }

func (w window) holds(second int) bool {
	if w.from <= w.to {
		return w.from <= second && second < w.to
	}
	return second >= w.from || second < w.to
}

func newWindow(from, to string) (w window, err error) {
	if w.from, err = secondOfDay(from); err == nil {
		w.to, err = secondOfDay(to)
	}
	return w, err
}

var (
	batteryCharged    = &EventType{Name: "battery.charged", Fields: []string{movedNet: "drawn_j", movedStored: "gained_j", movedRest: "remainder", movedFor: "for_s"}}
	batteryDischarged = &EventType{Name: "battery.discharged", Fields: []string{movedNet: "net_j", movedStored: "taken_j", movedRest: "remainder", movedFor: "for_s"}}
	batteryIdled      = &EventType{Name: "battery.idled", Fields: []string{idledNet: "drawn_j", idledFor: "for_s"}}
)

// The values of a battery's events: energy at its terminals, energy into or out of store,
// remainders, and time.
const (
	movedNet, movedStored, movedRest, movedFor = 0, 1, 2, 3
	idledNet, idledFor                         = 0, 1
)

// Converter describes a storage's converter to a model of frequency: whether it
// holds the frequency, how, and within which bounds of power, + charging.
type Converter struct {
	Forming     bool
	Droop       Ratio
	Response    int64  // ms
	Rated       Power  // each way
	Least       Power  // ≤ 0, down to the least state of charge in a step of this length
	Most        Power  // ≥ 0
	Deliverable Energy // above the owner's reserve, at the terminals
	Room        Energy // that can still be charged, at the terminals
}

// ConverterBank is a slab that knows its converters.
type ConverterBank interface {
	// InService reports whether storage i is connected.
	InService(i int) bool
	Converter(i int, env *Env) Converter
	// Forming reports whether storage i is in service and holds the frequency.
	Forming(i int) bool
}

// Floored is a slab of storage that is never discharged below a least state of charge.
type Floored interface {
	// Floor is the least state of charge of storage i, 0…1 of its rated energy.
	Floor(i int) Ratio
}

// batteries is the slab.
type batteries struct{ *SlabOf[battery, *battery] }

// InService implements ConverterBank.
func (s *batteries) InService(i int) bool { return s.Row(i).available }

// Forming implements ConverterBank.
func (s *batteries) Forming(i int) bool { return s.Row(i).forming && s.Row(i).available }

// Floor implements Floored.
func (s *batteries) Floor(i int) Ratio { return shareOf(s.Row(i).low, s.Row(i).capacity) }

// Prepared implements Preparer.
func (s *batteries) Prepared(i int) bool { return s.Row(i).prepared }

// Absent implements Preparer.
func (s *batteries) Absent(i int) bool { return s.Row(i).absent() }

// Converter implements ConverterBank.
func (s *batteries) Converter(i int, env *Env) Converter {
	b := s.Row(i)
	c := Converter{Forming: b.forming && b.available, Droop: b.droop, Response: int64(b.response), Rated: b.rated}
	if !b.available {
		return c
	}
	var can Flex
	b.Offer(env, &can)
	c.Least, c.Most = can.Deepest, can.Tier[Storage].Max
	above := max(0, b.held-b.floor())
	c.Deliverable = above.Times(b.efficiencyOut)
	if free := max(0, b.full-b.held); free > 0 {
		room, _ := MulDiv(int64(free), int64(One), int64(b.efficiencyIn))
		c.Room = Energy(room)
	}
	return c
}

func newBatteries(_ *Site, members []Member) (Slab, error) {
	s := &batteries{NewSlab[battery, *battery](len(members))}
	for i, m := range members {
		var spec batterySpec
		err := decodeSpec(m, &spec)
		if err == nil {
			err = s.Row(i).init(m.Path, &spec)
		}
		if err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (b *battery) init(path string, spec *batterySpec) (err error) {
	switch {
	case spec.MinSoC > spec.MaxSoC:
		return fmt.Errorf("%s: min_soc %v is above max_soc %v", path, spec.MinSoC.Float(), spec.MaxSoC.Float())
	case spec.InitialSoC < spec.MinSoC || spec.InitialSoC > spec.MaxSoC:
		return fmt.Errorf("%s: initial_soc %v is outside min_soc…max_soc %v…%v",
			path, spec.InitialSoC.Float(), spec.MinSoC.Float(), spec.MaxSoC.Float())
	case spec.Mode == batteryModes[byPeak] && spec.Peak == 0:
		return fmt.Errorf("%s: mode peak and no peak_w, wanted the net load to stay at, W", path)
	}
	*b = battery{
		rated: spec.RatedPower, capacity: spec.RatedEnergy,
		low: spec.RatedEnergy.Times(spec.MinSoC), top: spec.RatedEnergy.Times(spec.MaxSoC),
		efficiencyIn: spec.ChargeEfficiency, efficiencyOut: spec.DischargeEfficiency, standby: spec.Standby,
		cycleLife: spec.CycleLife, calendarLife: Seconds(float64(spec.CalendarLife * secondsPerYear)),
		forming: spec.Forming, droop: spec.Droop, response: spec.Response,
		reserve: spec.ReserveSoC, mode: int64(slices.Index(batteryModes, spec.Mode)), peak: spec.Peak, available: spec.Available,
		prepared: spec.Prepared, store: store{held: spec.RatedEnergy.Times(spec.InitialSoC)},
	}
	if b.prepared {
		b.held = 0
	}
	if b.charges, err = newWindow(spec.Tariff.ChargeFrom, spec.Tariff.ChargeTo); err == nil {
		b.discharge, err = newWindow(spec.Tariff.DischargeFrom, spec.Tariff.DischargeTo)
	}
	if err != nil {
		return fmt.Errorf("%s: tariff: %w", path, err)
	}
	b.shrinkBand()
	return nil
}

// health is the share of the band that ageing has left. A fifth is gone after
// cycleLife cycles, a fifth after calendarLife, in proportion before and
// after, down to nothing.
func (b *battery) health() Ratio {
	used := min(b.cycles, 5*b.cycleLife)*int64(One) + int64(shareOf(b.cycled, b.capacity)) // beyond five lives nothing is left
	byUse, _ := MulDiv(used, int64(One/5), b.cycleLife*int64(One))
	byTime, _ := MulDiv(int64(b.age), int64(One/5), int64(b.calendarLife))
	return max(0, One-Ratio(byUse)-min(Ratio(byTime), One))
}

// shrinkBand lowers full, the top of the band, to what health leaves of it, and
// high, the most that may be held, as far as the energy held allows.
func (b *battery) shrinkBand() {
	b.full = b.low + (b.top - b.low).Times(b.health())
	b.high = max(b.full, b.held)
}

// aim is the net load that the mode wants in this step.
func (b *battery) aim(env *Env) Aim {
	aim := Aim{Still: b.standby}
	switch b.mode {
	case byTariff:
		switch second := int(env.SecondOfDay); {
		case b.charges.holds(second):
			aim.Least, aim.Most = Unlimited, Unlimited
		case !b.discharge.holds(second):
			aim.Most = Unlimited
		}
	case byPeak:
		aim.Least, aim.Most = b.peak, b.peak
	case onlyAsked:
		aim.Least, aim.Most = -Unlimited, Unlimited
	}
	return aim
}

// absent reports whether the battery is prepared and has not been put in yet. It ages
// from the step in which it is put in.
func (b *battery) absent() bool { return b.prepared && !b.available && b.age == 0 }

func (b *battery) floor() Energy { return max(b.low, b.capacity.Times(b.reserve)) }

func (b *battery) Offer(env *Env, out *Flex) {
	if !b.available {
		return
	}
	out.Tier[Storage] = Band{
		Min: min(0, b.standby-b.mostOut(env, b.floor())), // its least power is asleep
		Ref: b.standby,
		Max: b.standby + min(b.rated, b.room(b.full, b.efficiencyIn, env.Step)),
	}
	out.Deepest = min(0, b.standby-b.mostOut(env, b.low))
	out.Aim = b.aim(env)
}

// mostOut is the greatest power that the converter can deliver in this step without
// holding less than floor.
func (b *battery) mostOut(env *Env, floor Energy) Power {
	return min(b.rated, b.yield(floor, b.efficiencyOut, env.Step))
}

func (b *battery) Step(env *Env, set *Setpoint, ev *Events, out *Reading) {
	if b.absent() {
		return
	}
	out.Content, out.SoC = b.held, shareOf(b.held, b.capacity)
	if !b.available { // out of service it still ages
		*ev.Add(batteryIdled) = [7]int64{idledFor: int64(env.Step)}
		return
	}
	var can Flex
	b.Offer(env, &can)
	net := Band{Min: can.Deepest, Max: can.Tier[Storage].Max}.Clip(set.Tier[Storage])
	energy := net.For(env.Step)
	out.Power, out.Storage = net, net
	switch convert := net - b.standby; {
	case convert < -b.mostOut(env, b.low): // it cannot feed its own standby: asleep for a part of the step
		*ev.Add(batteryIdled) = [7]int64{idledNet: int64(energy), idledFor: int64(env.Step)}
	case convert > 0:
		gain, rem := b.charged(convert.For(env.Step), b.efficiencyIn)
		*ev.Add(batteryCharged) = [7]int64{movedNet: int64(energy), movedStored: int64(gain), movedRest: rem, movedFor: int64(env.Step)}
		out.Stored = gain
	case convert < 0:
		drop, rem := b.drained((-convert).For(env.Step), b.efficiencyOut)
		*ev.Add(batteryDischarged) = [7]int64{movedNet: int64(energy), movedStored: int64(drop), movedRest: rem, movedFor: int64(env.Step)}
		out.Stored = -drop
	default:
		*ev.Add(batteryIdled) = [7]int64{idledNet: int64(energy), idledFor: int64(env.Step)}
	}
	out.Lost = energy - out.Stored
	out.Content += out.Stored
	out.SoC = shareOf(out.Content, b.capacity)
}

func (b *battery) Apply(e *Event) {
	least := min(b.low, b.held) // below its band it only charges
	switch e.Type {
	case batteryCharged:
		b.meter(Energy(e.V[movedNet]))
		b.held += Energy(e.V[movedStored])
		b.in = e.V[movedRest]
		b.age += Seconds(e.V[movedFor])
	case batteryDischarged:
		b.meter(Energy(e.V[movedNet]))
		b.held -= Energy(e.V[movedStored])
		b.out = e.V[movedRest]
		b.cycle(Energy(e.V[movedStored]))
		b.age += Seconds(e.V[movedFor])
	case batteryIdled:
		b.meter(Energy(e.V[idledNet]))
		b.age += Seconds(e.V[idledFor])
	case eventSet:
		batterySettings.apply(b, e)
	}
	if b.held < least || b.held > b.high {
		panic(fmt.Sprintf("battery: %d mJ held, outside %d…%d", b.held, least, b.high))
	}
	b.shrinkBand()
}

func (b *battery) meter(e Energy) {
	b.drawn += max(e, 0)
	b.delivered += max(-e, 0)
}

// cycle counts what was taken from store, at most the capacity.
func (b *battery) cycle(taken Energy) {
	if b.cycled += taken; b.cycled >= b.capacity {
		b.cycled -= b.capacity
		b.cycles++
	}
}

// Gauges implements GaugeRow.
func (b *battery) Gauges(_ *Env, _ *Reading, out []int64) {
	if out[0] = int64(b.health()); b.absent() {
		out[0] = GaugeUnknown
	}
}

func (b *battery) Command(_ *Env, c *Command, ev *Events) error {
	return batterySettings.command(b, c, ev)
}

func (b *battery) AppendBinary(buf []byte) []byte {
	return appendInts(append(buf, Battery.Version), int64(b.held), b.in, b.out,
		int64(b.drawn), int64(b.delivered), b.cycles, int64(b.cycled), int64(b.age),
		int64(b.reserve), b.mode, int64(b.peak), flag(b.available))
}

func (b *battery) UnmarshalBinary(buf []byte) ([]byte, error) {
	var available int64
	buf, err := readInts(buf, "battery", Battery.Version, (*int64)(&b.held), &b.in, &b.out,
		(*int64)(&b.drawn), (*int64)(&b.delivered), &b.cycles, (*int64)(&b.cycled), (*int64)(&b.age),
		(*int64)(&b.reserve), &b.mode, (*int64)(&b.peak), &available)
	b.available = available != 0
	b.shrinkBand()
	return buf, err
}

func batterySample(between func(lo, hi int64) int64) string {
	low := between(0, 40)
	hour := func() string { return fmt.Sprintf("%02d:%02d", between(0, 23), between(0, 59)) }
	return fmt.Sprintf(`{"rated_wh": %d.%d, "rated_w": %d, "charge_efficiency": 0.%d, "discharge_efficiency": %s,
		"standby_w": %d, "min_soc": 0.%02d, "max_soc": 0.%02d, "cycle_life": %d, "calendar_life_years": %d.1,
		"mode": %q, "peak_w": %d, "tariff": {"charge_from": %q, "charge_to": %q, "discharge_from": %q, "discharge_to": %q},
		"reserve_soc": 0.%02d, "grid_forming": %t, "droop": 0.0%d, "response_s": 0.%d, "initial_soc": 0.%02d, %s}`,
		between(1, 20000), between(0, 999), between(1, 20000), between(500000001, 999999999), []string{"1", "0.9", "0.948683298"}[between(0, 2)],
		between(0, 1)*between(0, 50), low, between(50, 99), between(1, 20)*between(1, 300), between(0, 15),
		batteryModes[between(0, 3)], between(1, 5000), hour(), hour(), hour(), hour(),
		between(0, 99), between(0, 1) == 1, between(1, 9), between(1, 9), between(low, 50),
		[]string{`"available": true`, `"available": true`, `"prepared": true, "available": true`, `"prepared": true, "available": false`}[between(0, 3)])
}
