package operator

import (
	"math"

	"github.com/smatrix-grid/smatrix/twins"
	"github.com/smatrix-grid/smatrix/twins/frequency"
)

// A plant's governor: droop 4 % (Kundur 1994, Power system stability and control,
// section 11.1: 4 to 5 %) and one lag of a second for valve and machine (assumption).
// The plant's ramp over minutes does not limit it within seconds.
const (
	governorDroop = 0.04
	governorLag   = 1.0 // s
	loadDamping   = 1   // %/%
	leastTrip     = 1   // W: a smaller loss is no trip
)

// The area's events, which belong to the grid: an island that forms or is joined
// again, relays that shed, a blackout.
var (
	islandFormed   = twins.DeclareEvent(twins.EventType{Name: "grid.islanded", Notable: true, Fields: []string{"deviation_hz"}})
	islandJoined   = twins.DeclareEvent(twins.EventType{Name: "grid.joined", Notable: true, Fields: []string{"deviation_hz"}})
	relaysShed     = twins.DeclareEvent(twins.EventType{Name: "grid.relays_shed", Notable: true, Fields: []string{"stages", "shed_w", "share_of_step", "least_deviation_hz"}})
	wentBlack      = twins.DeclareEvent(twins.EventType{Name: "grid.blackout", Notable: true, Fields: []string{"least_deviation_hz", "greatest_deviation_hz"}})
	frequencySwung = twins.DeclareEvent(twins.EventType{Name: "grid.frequency_left_range", Notable: true, Fields: []string{"least_deviation_hz", "greatest_deviation_hz"}})
)

// gridPath is the member of these events.
const gridPath = "grid"

// Swing implements twins.Swinger: the frequency while this step replaces the
// schedule of the one before.
func (o *Operator) Swing(env *twins.Env, of *twins.Offers, p *twins.Plan) twins.Swing {
	swing := &o.next.swing
	swing.Assign(&o.state.swing)
	if !o.alone(of) {
		swing.Assign(&atRest)
		held := o.heldByNeighbour(of)
		return twins.Swing{Held: held, Unrated: held && !o.rated(of)}
	}
	o.describe(of, p)
	s := twins.Swing{Island: true}
	lost, change := o.trip(of), 0.0
	if math.Abs(lost) < leastTrip {
		if change = o.change(); o.ordinary(env, swing, change, &s) {
			return s
		}
	}
	// Plants are where the load that is still shed left them: it comes back as they
	// follow.
	lost += swing.Shed(&o.area)
	r := o.area.Ramp(swing, lost, lost+change, float64(env.Step))
	s.Min, s.Max, s.End = microhertz(r.Min), microhertz(r.Max), microhertz(r.End)
	s.ROCOF, s.Stages, s.Blackout = int64(math.Round(float64(r.ROCOF*1e6))), int64(r.Stages), r.Blackout
	o.bookSwing(env, &r, &s)
	swing.Reschedule()
	if r.Blackout { // the restart begins with the units that are left
		swing.Assign(&atRest)
	}
	return s
}

// atRest is a frequency at its nominal value with no load shed.
var atRest frequency.State

const nominal = 50.0 // Hz

// microhertz is a frequency as deviation from nominal.
func microhertz(hz float64) int64 { return int64(math.Round(float64((hz - nominal) * 1e6))) }

// alone reports whether the grid holds its frequency itself: a plant or storage of its
// own can, and no neighbour does.
func (o *Operator) alone(of *twins.Offers) bool {
	return !o.heldByNeighbour(of) && o.canHold(of.Answers)
}

// canHold reports whether a plant or storage of the grid's own could hold the frequency.
func (o *Operator) canHold(answers []*twins.Answer) bool {
	for i := range o.units {
		if o.units[i].planned >= 0 {
			return true
		}
	}
	return survives(answers)
}

// heldByNeighbour reports whether a neighbour holds the frequency, over a tie in service.
func (o *Operator) heldByNeighbour(of *twins.Offers) bool {
	for i := range o.units {
		if o.units[i].answer(of).Holds {
			return true
		}
	}
	return false
}

// rated reports whether a tie over which a neighbour holds the frequency could carry any power.
func (o *Operator) rated(of *twins.Offers) bool {
	for i := range o.units {
		if band := of.Units[i].Tier[generation]; o.units[i].answer(of).Holds && (band.Min != 0 || band.Max != 0) {
			return true
		}
	}
	return false
}

// trip is the power in W that units and stores gave in the step before and that are
// out of service now; 0 in a run's first step.
func (o *Operator) trip(of *twins.Offers) float64 {
	var lost twins.Power
	for i := range o.units {
		if o.units[i].status(of) == outOfService {
			lost -= o.state.last[i]
		}
	}
	last := o.state.last[len(o.units):]
	for _, a := range of.Answers {
		for i := range a.Stores {
			if !a.Stores[i].InService {
				lost -= last[i]
			}
		}
		last = last[len(a.Stores):]
	}
	return lost.Watts()
}

// change is the change of the net load since the step before, in W.
func (o *Operator) change() float64 {
	if o.state.settled < 0 {
		return 0
	}
	return (o.net() - o.state.net).Watts()
}

// ordinary computes a step that begins at rest and in which nothing trips: the
// net load moves in a straight line. It returns false for any other step.
func (o *Operator) ordinary(env *twins.Env, swing *frequency.State, change float64, s *twins.Swing) bool {
	if math.Abs(swing.Deviation) > frequency.StandardRange {
		return false
	}
	q := o.area.Closed(swing, 0, change, float64(env.Step))
	if !q.OK {
		return false
	}
	s.Min, s.Max, s.End = microhertz(q.Min), microhertz(q.Max), microhertz(q.End)
	swing.Assign(&atRest) // the next schedule begins balanced
	return true
}

// describe fills in the area: the running plants, what they can still give,
// the rotating masses.
func (o *Operator) describe(of *twins.Offers, p *twins.Plan) {
	a := &o.area
	*a = frequency.Area{Nominal: nominal, Damping: loadDamping, Governors: a.Governors[:0], Stages: frequency.GermanStages}
	a.Load = math.Max(0, o.now.Load.Watts())
	a.Inverters = o.now.Roofs.Watts()
	spare := twins.Power(0) // of plants that could be started
	for i := range o.units {
		switch u, gives := &o.units[i], -p.Units[i].Tier[generation]; {
		case u.tie:
		case u.planned < 0:
			a.Inverters += gives.Watts()
		case runs(of, p, i):
			o.addGovernor(of, i, gives)
		case of.Units[i].Startable > 0:
			spare += u.plant(of).Rated
		}
	}
	for _, a := range of.Answers {
		for i := range a.Stores {
			if a.Stores[i].InService {
				o.addConverter(&a.Converters[i], a.Stores[i].Power)
			}
		}
	}
	a.MFRR = frequency.Reserve{Up: (spare + o.moveable(of, p)).Watts(), Down: a.AFRR.Down}
}

// addGovernor adds a running plant. Its output before the step is what it starts from.
func (o *Operator) addGovernor(of *twins.Offers, i int, gives twins.Power) {
	a, plant := &o.area, o.units[i].plant(of)
	was := gives
	if o.state.settled >= 0 {
		was = max(0, min(plant.Rated, -o.state.last[i]))
	}
	rated, up := plant.Rated.Watts(), max(0, plant.Rated-was).Watts()
	a.Governors = append(a.Governors, frequency.Governor{Gain: rated / (governorDroop * nominal), Lag: governorLag, Up: up, Down: was.Watts()})
	a.AFRR.Up += up
	a.AFRR.Down += max(0, was-plant.MinOutput).Watts()
	a.Kinetic += float64(float64(plant.Inertia) / 1000 * rated)
}

// addConverter adds a storage at power now, + charging: the operator can call on each of
// them, and grid-forming ones act by themselves.
func (o *Operator) addConverter(c *twins.Converter, now twins.Power) {
	a := &o.area
	up, down := max(0, now-c.Least).Watts(), max(0, c.Most-now).Watts()
	a.AFRR.Up += up
	a.AFRR.Down += down
	if c.Forming {
		a.Governors = append(a.Governors, frequency.Governor{Forming: true, Lag: float64(c.Response) / 1000,
			Gain: c.Rated.Watts() / (c.Droop.Float() * nominal), Up: up, Down: down})
	}
}

// bookSwing converts energies of the swing into entries for the books: relief, the
// energy of rotating masses, and load that relays have shed.
func (o *Operator) bookSwing(env *twins.Env, r *frequency.Result, s *twins.Swing) {
	step := float64(env.Step)
	s.Relief, s.Kinetic = mean(r.Relief, step), mean(r.Kinetic, step)
	if s.Blackout { // from then on no load is served
		s.Relief, s.Kinetic = 0, 0
		s.ShedFor = twins.Ratio(math.Round(float64((step - r.Seconds) / step * float64(twins.One))))
		s.Shed = o.now.Load.Times(s.ShedFor)
		return
	}
	if r.Shed <= 0 {
		return
	}
	s.Shed = mean(r.Shed, step)
	// All relays that shed did so for the same time: the energy over the power of
	// the deepest stages reached.
	share := 0.0
	for i := range r.Stages {
		share += o.area.Stages[i].Share
	}
	s.ShedFor = twins.Ratio(math.Round(float64(math.Min(1, r.Shed/(share*o.area.Load*step)) * float64(twins.One))))
}

// mean is an energy in J over a step, as power.
func mean(joule, seconds float64) twins.Power {
	return twins.Power(math.Round(float64(joule / seconds * 1000)))
}

// appendEvents appends the events of the area; island says whether it was an island
// before.
func (o *Operator) appendEvents(s *twins.Swing, island bool, events []twins.Notice) []twins.Notice {
	say := func(t *twins.EventType, v ...int64) {
		e := twins.Event{Type: t}
		copy(e.V[:], v)
		events = append(events, twins.Notice{Member: gridPath, Event: e})
	}
	switch {
	case s.Island && !island:
		say(islandFormed, s.Min)
	case !s.Island && island:
		say(islandJoined, s.End)
	}
	const full = frequency.FCRFull * 1e6 // µHz: beyond it FCR is exhausted
	if s.Min < -full || s.Max > full {
		say(frequencySwung, s.Min, s.Max)
	}
	if s.Stages > 0 {
		say(relaysShed, s.Stages, int64(s.Shed), int64(s.ShedFor), s.Min)
	}
	if s.Blackout {
		say(wentBlack, s.Min, s.Max)
	}
	return events
}
