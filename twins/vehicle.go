package twins

import (
	"errors"
	"fmt"
)

// Vehicle is an electric vehicle with its charger. It plugs in and leaves by a
// timetable or a recording, drives between, and is charged at 0 or from its least
// to its rated current in steps of 1 A (IEC 61851-1). Unasked it charges at once.
//
// A recorded session says what was charged, not what was driven: the trip before
// it is long enough for a vehicle that left with its target to want that energy
// on arrival. A vehicle that left with less wants the missing energy as well.
//
// What it needs is the energy of its next trip; it wants to be charged to its target. What
// is missing of the need when it leaves is unserved, as far as it could have been charged
// had the charger never been asked for less.
var Vehicle = Declare(Kind{
	Name: "vehicle", Plural: "vehicles", Label: "Vehicle", Role: RoleStorage, Version: vehicleVersion,
	Upgrades: vehicleUpgrades,
	Schema:   vehicleSchema,
	Ownable:  true,
	New:      newVehicles,
	Sample:   vehicleSample,
	Events:   []*EventType{vehiclePluggedIn, vehicleUnplugged, vehicleCharged, vehicleDeferred, vehicleDriven, eventSet},
	Settings: vehicleSettings.list(),
	Columns:  []Column{ColumnPower, ColumnContent, ColumnSoC, ColumnDriven, ColumnElsewhere, ColumnUnserved, ColumnShifted, ColumnReason, ColumnWaiting, ColumnWaits},
	// connector is what the vehicle did at its charger in the step; leaves_s is the time
	// from the end of the step until it leaves, s, ≥ 0, unknown while it is away.
	Gauges: []Gauge{
		{Name: "connector", Label: "Connector", Words: []string{connectorAway: "away", connectorPlugged: "plugged", connectorCharging: "charging"}},
		{Name: "leaves_s", Label: "Leaves in"},
	},
})

var vehicleSettings = changeable[vehicle]{yesNo("available", func(v *vehicle) *bool { return &v.available })}

// Values of the gauge connector. A plugged vehicle draws nothing.
const (
	connectorAway = iota
	connectorPlugged
	connectorCharging
)

const vehicleSchema = `{
  "required": [],
  "properties": {
    "rated_wh": {"type": "number", "minimum": 1, "maximum": 1e9, "default": 60000, "description": "energy that its battery can hold, Wh"},
    "initial_soc": {"type": ["number", "null"], "minimum": 0, "maximum": 1, "default": null, "description": "state of charge at the start; null: 0.5, or with sessions what they tell"},
    "target_soc": {"type": "number", "minimum": 0, "maximum": 1, "default": 1, "description": "charged up to this share of rated_wh"},
    "efficiency": {"type": "number", "minimum": 0.1, "maximum": 1, "default": 0.9, "description": "stored / drawn"},
    "phases": {"enum": [1, 3], "default": 1, "description": "of the charger"},
    "min_a": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 6, "description": "least charging current per phase, A"},
    "rated_a": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 32, "description": "rated current per phase, A"},
    "daily": {"type": "object", "additionalProperties": false, "required": ["arrive", "leave", "trip_wh"],
      "description": "the same timetable every day",
      "properties": {
        "arrive": {"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$", "examples": ["18:00"], "description": "plugged in at, local time"},
        "leave": {"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$", "examples": ["07:00"], "description": "leaves at, local time; on the next day if not after arrive"},
        "trip_wh": {"type": "number", "minimum": 0, "maximum": 1e9, "description": "driven between leaving and arriving, Wh"},
        "jitter_min": {"type": "integer", "minimum": 0, "maximum": 180, "default": 0, "description": "both times move by up to so many minutes, by the seed"}
      }},
    "sessions": {"type": "object", "additionalProperties": false, "required": ["list", "user"],
      "description": "as recorded, instead of daily",
      "properties": {
        "list": {"type": "string", "minLength": 1, "description": "id of an entry of the scenario's sessions"},
        "user": {"type": "string", "minLength": 1, "description": "whose sessions; a * makes one vehicle of each user that fits"},
        "shift_weeks": {"type": "integer", "minimum": -520, "maximum": 520, "default": 0, "description": "moved later by so many weeks, so that copies of a user do not move in step"}
      }},
    "available": {"type": "boolean", "default": true, "x-changeable": true, "description": "false: the charger is out of service"}
  }
}`

type vehicleSpec struct {
	RatedEnergy  Energy `json:"rated_wh"`
	InitialSoC   *Ratio `json:"initial_soc"`
	TargetSoC    Ratio  `json:"target_soc"`
	Efficiency   Ratio  `json:"efficiency"`
	Phases       int64  `json:"phases"`
	MinCurrent   int64  `json:"min_a"`
	RatedCurrent int64  `json:"rated_a"`
	Daily        *struct {
		Arrive string `json:"arrive"`
		Leave  string `json:"leave"`
		Trip   Energy `json:"trip_wh"`
		Jitter int64  `json:"jitter_min"`
	} `json:"daily"`
	Sessions *struct {
		List       string `json:"list"`
		User       string `json:"user"`
		ShiftWeeks int    `json:"shift_weeks"`
	} `json:"sessions"`
	Available bool `json:"available"`
}

// stay is one time at the plug, [from, until), and the trip after it.
type stay struct {
	from, until Tick
	trip        Energy // the content on leaving with which it is ready
}

// phaseVoltage is the nominal line-to-neutral voltage of low-voltage networks
// in Europe (EN 50160): one ampere on one phase is 230 W.
const phaseVoltage = 230 * Watt

type vehicle struct {
	// Config. 0 ≤ target ≤ capacity; stays are in order and do not touch.
	capacity, target       Energy
	efficiency             Ratio
	phases                 int64
	minCurrent, maxCurrent int64
	stays                  []stay
	available              bool // changeable

	store           // 0 ≤ held ≤ capacity; out is the remainder of what was charged elsewhere
	next      int64 // index of the present or next stay
	plugged   bool
	later     account  // at the charger
	metered   Energy   // register at the charger
	driven    Energy   // register
	elsewhere Energy   // register: charged away
	counts    [3]int64 // departures, of them ready, known impossible at plug-in
}

var (
	vehiclePluggedIn = &EventType{Name: "vehicle.plugged_in", Notable: true,
		Fields:     []string{pluggedWanted: "wanted_j", pluggedUntil: "until_tick", pluggedImpossible: "impossible_j", pluggedStay: "stay"},
		Departures: func(e *Event) Departures { return Departures{Impossible: flag(e.V[pluggedImpossible] > 0)} },
		Parks: func(e *Event) Parking {
			return Parking{Plugged: true, Wanted: Energy(e.V[pluggedWanted]), Leaves: Tick(e.V[pluggedUntil]), Impossible: Energy(e.V[pluggedImpossible])}
		},
		Alert: &Alert{Rule: "vehicle.impossible", Severity: "warning", Text: "a vehicle was plugged in too late for what it needs",
			When: func(e *Event) bool { return e.V[pluggedImpossible] > 0 }}}
	vehicleUnplugged = &EventType{Name: "vehicle.unplugged", Notable: true,
		Fields: []string{leftHeld: "held_j", leftTrip: "trip_j", leftReady: "ready", leftNext: "next_stay", leftImpossible: "impossible_j"},
		Departures: func(e *Event) Departures {
			return Departures{Left: 1, Ready: e.V[leftReady], NoTrip: flag(e.V[leftReady] != 0 && e.V[leftTrip] == 0), Impossible: flag(e.V[leftImpossible] > 0)}
		},
		Parks: func(e *Event) Parking { return Parking{Ready: e.V[leftReady] != 0} },
		Alert: &Alert{Rule: "vehicle.not_ready", Severity: "critical", Text: "a vehicle left without what its trip needs",
			When: func(e *Event) bool { return e.V[leftReady] == 0 }}}
	vehicleCharged = &EventType{Name: "vehicle.charged",
		Fields: []string{chargedDrawn: "drawn_j", chargedGained: "gained_j", chargedRest: "remainder"}}
	vehicleDeferred = &EventType{Name: "vehicle.deferred", Fields: accountFields}
	vehicleDriven   = &EventType{Name: "vehicle.driven", Fields: []string{drivenByIt: "driven_j", drivenElsewhere: "elsewhere_j"}}
)

// The values of a vehicle's events.
const (
	pluggedWanted, pluggedUntil, pluggedImpossible, pluggedStay = 0, 1, 2, 3
	leftHeld, leftTrip, leftReady, leftNext, leftImpossible     = 0, 1, 2, 3, 4
	chargedDrawn, chargedGained, chargedRest                    = 0, 1, 2
	drivenByIt, drivenElsewhere                                 = 0, 1
)

// LacksEnergy reports whether an event is that of a vehicle that came or left without the
// energy of its trip or, before model 3, of its target.
func LacksEnergy(e *Event) bool {
	switch e.Type {
	case vehiclePluggedIn:
		return e.V[pluggedImpossible] > 0
	case vehicleUnplugged:
		const least = 3600 // mJ, a milliwatt over the longest step
		return e.V[leftReady] == 0 || e.V[leftHeld] < e.V[leftTrip]-least
	}
	return false
}

// Purposes of a vehicle's random streams.
const (
	purposeArrival   Purpose = 1
	purposeDeparture Purpose = 2
)

func newVehicles(site *Site, members []Member) (Slab, error) {
	s := NewSlab[vehicle, *vehicle](len(members))
	for i, m := range members {
		var spec vehicleSpec
		if err := decodeSpec(m, &spec); err != nil {
			return nil, err
		}
		if err := s.Row(i).init(site, m, &spec); err != nil {
			return nil, fmt.Errorf("%s: %w", m.Path, err)
		}
	}
	return s, nil
}

func (v *vehicle) init(site *Site, m Member, spec *vehicleSpec) (err error) {
	*v = vehicle{
		capacity: spec.RatedEnergy, target: spec.RatedEnergy.Times(spec.TargetSoC),
		efficiency: spec.Efficiency, phases: spec.Phases,
		minCurrent: spec.MinCurrent, maxCurrent: spec.RatedCurrent, available: spec.Available,
	}
	switch {
	case spec.MinCurrent > spec.RatedCurrent:
		return fmt.Errorf("min_a %d is above rated_a %d", spec.MinCurrent, spec.RatedCurrent)
	case spec.Daily == nil && spec.Sessions == nil:
		return errors.New("neither daily nor sessions, wanted one of them: when it is at the plug")
	case spec.Daily != nil && spec.Sessions != nil:
		return errors.New("both daily and sessions, wanted one of them")
	case spec.Daily != nil:
		v.stays, err = spec.timetable(site, m)
		v.held = spec.RatedEnergy / 2
	default:
		var recorded []Session
		recorded, err = site.Sessions(spec.Sessions.List, spec.Sessions.User, spec.Sessions.ShiftWeeks)
		if err == nil {
			err = v.fromSessions(recorded, site.Step)
		}
	}
	if spec.InitialSoC != nil {
		v.held = spec.RatedEnergy.Times(*spec.InitialSoC)
	}
	return err
}

// fromSessions makes stays of recorded sessions, and the content at the start of the
// run as if it had always been running: a vehicle that is plugged in has been
// charging since it arrived, with full power.
func (v *vehicle) fromSessions(recorded []Session, step Seconds) error {
	v.stays = make([]stay, len(recorded))
	for k, r := range recorded {
		wanted := r.Energy.Times(v.efficiency)
		if wanted > v.target {
			return fmt.Errorf("%s:%d: a session of %v kWh stores %v kWh, more than the %v kWh up to target_soc of rated_wh",
				r.File, r.Line, r.Energy.WattHours()/1000, wanted.WattHours()/1000, v.target.WattHours()/1000)
		}
		v.stays[k] = stay{from: r.From, until: r.Until}
		if k > 0 {
			v.stays[k-1].trip = wanted
		}
	}
	v.held = v.target
	k, plugged := v.at(0)
	if int(k) == len(v.stays) {
		return nil
	}
	wanted, next := recorded[k].Energy.Times(v.efficiency), v.stays[k]
	switch {
	case plugged:
		before := v.level(v.maxCurrent).For(Seconds(-next.from) * step)
		v.held = min(v.target, v.target-wanted+before.Times(v.efficiency))
	case k == 0:
		v.held = v.target - wanted
	default: // on the way
		left := v.stays[k-1].until
		done, _ := MulDiv(int64(wanted), int64(-left), int64(next.from-left))
		v.held = v.target - Energy(done)
	}
	return nil
}

// timetable lays the daily times over the run, from the evening before it.
func (v *vehicleSpec) timetable(site *Site, m Member) ([]stay, error) {
	if v.Daily.Trip > v.RatedEnergy {
		return nil, fmt.Errorf("trip_wh %v is more than rated_wh %v holds", v.Daily.Trip.WattHours(), v.RatedEnergy.WattHours())
	}
	arrive, err := secondOfDay(v.Daily.Arrive)
	if err != nil {
		return nil, err
	}
	leave, err := secondOfDay(v.Daily.Leave)
	if err != nil {
		return nil, err
	}
	overnight := 0
	if leave <= arrive {
		overnight = 1
	}
	at := (leave - arrive + 86400) % 86400 // at the plug; the rest of the day away
	if gap := min(at, 86400-at); v.Daily.Jitter*60*2 >= int64(gap) {
		return nil, fmt.Errorf("daily: jitter_min %d lets arrive %s and leave %s pass each other", v.Daily.Jitter, v.Daily.Arrive, v.Daily.Leave)
	}
	jitter := func(p Purpose, day int) int {
		return int(60 * Between(Draw(site.Seed, m.Key(), p, int64(day)), -v.Daily.Jitter, v.Daily.Jitter))
	}
	var stays []stay
	for day := -1; day <= site.Days; day++ {
		s := stay{
			from:  site.At(day, arrive+jitter(purposeArrival, day)),
			until: site.At(day+overnight, leave+jitter(purposeDeparture, day)),
			trip:  v.Daily.Trip,
		}
		if n := len(stays); s.until <= s.from || n > 0 && s.from <= stays[n-1].until {
			return nil, fmt.Errorf("daily: arrive %s and leave %s fall into one step of %d s", v.Daily.Arrive, v.Daily.Leave, site.Step)
		}
		stays = append(stays, s)
	}
	return stays, nil
}

// secondOfDay reads HH:MM.
func secondOfDay(clock string) (int, error) {
	var hour, minute int
	if n, err := fmt.Sscanf(clock, "%2d:%2d", &hour, &minute); n != 2 || err != nil || len(clock) != 5 ||
		hour < 0 || hour > 23 || minute < 0 || minute > 59 {
		return 0, fmt.Errorf("%q is not a time of day, wanted HH:MM", clock)
	}
	return hour*3600 + minute*60, nil
}

// at finds the stay that contains tick t or comes next, from v.next on, and
// reports whether t is in it.
func (v *vehicle) at(t Tick) (stayIndex int64, plugged bool) {
	k := v.next
	for int(k) < len(v.stays) && t >= v.stays[k].until {
		k++
	}
	return k, int(k) < len(v.stays) && t >= v.stays[k].from
}

// most is the greatest power that the charger and the battery accept.
func (v *vehicle) most(env *Env) Power {
	return min(v.level(v.maxCurrent), v.room(v.target, v.efficiency, env.Step))
}

func (v *vehicle) level(current int64) Power { return Power(current*v.phases) * phaseVoltage }

func (v *vehicle) Offer(env *Env, out *Flex) {
	k, plugged := v.at(env.Tick)
	if !plugged || !v.available {
		return
	}
	most := v.most(env)
	out.Tier[Mobility] = Band{Min: v.leastInTime(env, &v.stays[k], most), Ref: most, Max: most}
	if wanted := v.toDraw(v.target); wanted > 0 {
		left := Seconds(v.stays[k].until-env.Tick) * env.Step
		least, rest := wanted.Over(left)
		if rest > 0 {
			least++
		}
		out.Need = Need{Energy: wanted, By: v.stays[k].until, MinPower: least}
	}
}

// need is the content on leaving that the charger is to reach: that of the trip, as far
// as the target allows.
func (v *vehicle) need(s *stay) Energy { return min(s.trip, v.target) }

// leastInTime is the least current step at which the needed energy can still be drawn
// in time, if the vehicle charges at its rated current after this step.
func (v *vehicle) leastInTime(env *Env, s *stay, most Power) Power {
	later := v.level(v.maxCurrent).For(Seconds(s.until-env.Tick-1) * env.Step)
	least, rest := max(0, v.toDraw(v.need(s))-later).Over(env.Step)
	if least == 0 && rest == 0 {
		return 0
	}
	steps := (least + v.level(1) - 1) / v.level(1)
	return min(most, v.level(max(v.minCurrent, int64(steps))))
}

// toDraw is the energy to be drawn until the battery holds held; 0 if it
// holds as much.
func (v *vehicle) toDraw(held Energy) Energy { return v.toDrawFrom(v.held, held) }

// toDrawFrom is the same for a battery that holds from.
func (v *vehicle) toDrawFrom(from, held Energy) Energy {
	missing := held - from
	if missing <= 0 {
		return 0
	}
	e, _ := MulAddDiv(int64(missing), int64(One), int64(v.efficiency)-1, int64(v.efficiency))
	return Energy(e)
}

// follow is the power at which the charger follows a setpoint: all that fits,
// or the current step below, or nothing.
func (v *vehicle) follow(asked, most Power) Power {
	if asked >= most {
		return most
	}
	current := int64(asked / v.level(1))
	if current < v.minCurrent {
		return 0
	}
	return v.level(current)
}

func (v *vehicle) Step(env *Env, set *Setpoint, ev *Events, out *Reading) {
	k, plugged := v.at(env.Tick)
	switch {
	case plugged && (!v.plugged || k != v.next):
		s := &v.stays[k]
		atMost := min(v.level(v.maxCurrent).For(Seconds(s.until-env.Tick)*env.Step), v.toDraw(v.target))
		impossible := max(0, v.toDraw(s.trip)-atMost)
		*ev.Add(vehiclePluggedIn) = [7]int64{pluggedWanted: int64(v.toDraw(v.target)), pluggedUntil: int64(s.until), pluggedImpossible: int64(impossible), pluggedStay: k}
	case !plugged && v.plugged:
		s := v.stays[v.next]
		least := s.trip - Milliwatt.For(env.Step) // power comes in whole milliwatts
		ready := v.held >= least
		impossible := Energy(0) // what it lacks and would lack with ample supply, at the charger
		if !ready {
			impossible = max(0, v.toDraw(s.trip)-min(v.later.owed, v.toDraw(v.need(&s)))-Milliwatt.For(env.Step))
		}
		*ev.Add(vehicleUnplugged) = [7]int64{leftHeld: int64(v.held), leftTrip: int64(s.trip), leftReady: flag(ready), leftNext: k, leftImpossible: int64(impossible)}
	}
	switch {
	case plugged:
		v.charge(env, &v.stays[k], set, ev, out)
	default:
		out.Driven, out.Elsewhere = v.drive(env.Tick, k)
		if out.Driven > 0 {
			*ev.Add(vehicleDriven) = [7]int64{drivenByIt: int64(out.Driven), drivenElsewhere: int64(out.Elsewhere)}
		}
		out.Stored = out.Elsewhere - out.Driven
		if out.Elsewhere > 0 && v.later.owed > 0 {
			later := v.later
			made, _ := v.drained(out.Elsewhere, v.efficiency)
			out.GivenUp = later.drawnElsewhere(made)
		}
	}
	out.Content = v.held + out.Stored
	out.SoC = shareOf(out.Content, v.capacity)
}

// charge is a step at the charger.
func (v *vehicle) charge(env *Env, s *stay, set *Setpoint, ev *Events, out *Reading) {
	var p, unasked Power
	var gain Energy
	if v.available {
		most := v.most(env)
		p, unasked = v.follow(set.Tier[Mobility], most), v.unasked(env, most)
		drawn := p.For(env.Step)
		var rem int64
		gain, rem = v.charged(drawn, v.efficiency)
		*ev.Add(vehicleCharged) = [7]int64{chargedDrawn: int64(drawn), chargedGained: int64(gain), chargedRest: rem}
		out.Power, out.Storage = p, p
		out.Stored, out.Lost = gain, drawn-gain
	}
	if v.later.owed == 0 && p == unasked {
		return
	}
	still := v.toDrawFrom(v.held+gain, v.need(s))
	next := v.later
	can := v.level(v.maxCurrent).For(Seconds(s.until-env.Tick-1) * env.Step) // after this step
	d := next.step(set.Why[Mobility], unasked, p, max(0, still-can), s.until == env.Tick+1, env.Step)
	d.book(ev, out)
	if next != v.later {
		*ev.Add(vehicleDeferred) = next.values()
	}
}

// unasked is what it would draw in this step had it never been asked for less, at
// this stay or before: nothing if it would be full by now.
func (v *vehicle) unasked(env *Env, most Power) Power {
	if v.later.owed == 0 {
		return most
	}
	p, _ := max(0, v.fits(v.target, v.efficiency)-v.later.owed).Over(env.Step)
	return min(v.level(v.maxCurrent), p)
}

// drive spreads the trip between two stays evenly over the steps between them.
// What the battery does not hold is charged on the way.
func (v *vehicle) drive(t Tick, k int64) (driven, elsewhere Energy) {
	if k == 0 || int(k) >= len(v.stays) {
		return 0, 0
	}
	left, back, trip := v.stays[k-1].until, v.stays[k].from, v.stays[k-1].trip
	before, _ := MulDiv(int64(trip), int64(t-left), int64(back-left))
	after, _ := MulDiv(int64(trip), int64(t+1-left), int64(back-left))
	driven = Energy(after - before)
	return driven, max(0, driven-v.held)
}

func (v *vehicle) Apply(e *Event) {
	switch e.Type {
	case vehiclePluggedIn:
		v.plugged, v.next = true, e.V[pluggedStay]
		v.counts[2] += flag(e.V[pluggedImpossible] > 0)
	case vehicleUnplugged:
		v.plugged, v.next = false, e.V[leftNext]
		v.counts[0]++
		v.counts[1] += e.V[leftReady]
	case vehicleCharged:
		v.metered += Energy(e.V[chargedDrawn])
		v.held += Energy(e.V[chargedGained])
		v.in = e.V[chargedRest]
	case vehicleDeferred:
		v.later.set(&e.V)
	case vehicleDriven:
		driven, elsewhere := Energy(e.V[drivenByIt]), Energy(e.V[drivenElsewhere])
		v.driven += driven
		v.elsewhere += elsewhere
		v.held += elsewhere - driven
		if elsewhere > 0 { // charged there
			var made Energy
			made, v.out = v.drained(elsewhere, v.efficiency)
			v.later.drawnElsewhere(made)
		}
	case eventSet:
		vehicleSettings.apply(v, e)
	}
	if v.held < 0 || v.held > v.capacity {
		panic(fmt.Sprintf("vehicle: %d mJ held, outside 0…%d", v.held, v.capacity))
	}
}

// Gauges implements GaugeRow.
func (v *vehicle) Gauges(env *Env, read *Reading, out []int64) {
	switch {
	case !v.plugged:
		out[0], out[1] = connectorAway, GaugeUnknown
		return
	case read.Power > 0:
		out[0] = connectorCharging
	default:
		out[0] = connectorPlugged
	}
	out[1] = int64(Seconds(v.stays[v.next].until-env.Tick-1) * env.Step)
}

func (v *vehicle) Command(_ *Env, c *Command, ev *Events) error {
	return vehicleSettings.command(v, c, ev)
}

// vehicleVersion is that of the stored form of a vehicle.
const vehicleVersion = 2

// AppendBinary writes version 1 while it says as much: for a vehicle that owes nothing.
func (v *vehicle) AppendBinary(b []byte) []byte {
	if v.later == (account{}) && v.out == 0 {
		return appendInts(append(b, 1), int64(v.held), v.in, v.next, flag(v.plugged), 0,
			int64(v.metered), int64(v.driven), int64(v.elsewhere), v.counts[0], v.counts[1], v.counts[2], flag(v.available))
	}
	return v.appendNewest(b)
}

func (v *vehicle) appendNewest(b []byte) []byte {
	b = appendInts(append(b, vehicleVersion), int64(v.held), v.in, v.out, v.next, flag(v.plugged),
		int64(v.metered), int64(v.driven), int64(v.elsewhere), v.counts[0], v.counts[1], v.counts[2], flag(v.available))
	return v.later.append(b)
}

// UnmarshalBinary reads every version.
func (v *vehicle) UnmarshalBinary(b []byte) ([]byte, error) {
	return restoreState(b, vehicleUpgrades, v.readNewest)
}

func (v *vehicle) readNewest(b []byte) ([]byte, error) {
	var plugged, available int64
	b, err := readInts(b, "vehicle", vehicleVersion, append([]*int64{(*int64)(&v.held), &v.in, &v.out, &v.next, &plugged,
		(*int64)(&v.metered), (*int64)(&v.driven), (*int64)(&v.elsewhere), &v.counts[0], &v.counts[1], &v.counts[2], &available}, v.later.fields()...)...)
	v.plugged, v.available = plugged != 0, available != 0
	return b, err
}

var vehicleUpgrades = map[uint8]Upgrade{1: upgradeVehicle}

// upgradeVehicle reads version 1, which had one number for what is owed.
func upgradeVehicle(b []byte) (upgraded, rest []byte, err error) {
	var v vehicle
	var plugged, available int64
	rest, err = readInts(b, "vehicle", 1, (*int64)(&v.held), &v.in, &v.next, &plugged, (*int64)(&v.later.owed),
		(*int64)(&v.metered), (*int64)(&v.driven), (*int64)(&v.elsewhere), &v.counts[0], &v.counts[1], &v.counts[2], &available)
	v.plugged, v.available = plugged != 0, available != 0
	v.later.shifted = v.later.owed
	return v.appendNewest(nil), rest, err
}

func vehicleSample(between func(lo, hi int64) int64) string {
	rated := between(1000, 100000)
	if between(0, 2) == 0 { // its sessions need up to 50 kWh
		return fmt.Sprintf(`{"rated_wh": %d, "initial_soc": null, "target_soc": 1, "efficiency": 0.%d, "phases": %d, "min_a": 6, "rated_a": %d,
			"sessions": {"list": "s", "user": "u%d", "shift_weeks": %d}, "available": true}`,
			50000+rated, between(500000001, 999999999), 1+2*between(0, 1), between(6, 32), between(0, 9), between(-3, 3))
	}
	return fmt.Sprintf(`{"rated_wh": %d, "initial_soc": 0.%02d, "target_soc": 0.%02d, "efficiency": 0.%d, "phases": %d,
		"min_a": 6, "rated_a": %d, "daily": {"arrive": "%02d:%02d", "leave": "%02d:00", "trip_wh": %d, "jitter_min": %d}, "available": true}`,
		rated, between(0, 99), between(20, 99), between(500000001, 999999999), 1+2*between(0, 1),
		between(6, 32), between(13, 18), between(0, 59), between(5, 9), between(0, rated), between(0, 60))
}

// owes implements debtor.
func (v *vehicle) owes() bool { return v.later.owed > 0 }

func (v *vehicle) stillShifted() Energy { return v.later.shifted }
