package operator

import (
	"math"

	"github.com/smatrix-grid/smatrix/twins"
	"github.com/smatrix-grid/smatrix/twins/frequency"
)

// A plant's governor: droop 4 % (Kundur 1994, Power system stability and control,
// section 11.1: 4 to 5 %) and one lag of a second for valve and machine (assumption).
// What it may change in minutes does not bound what it does in seconds.
const (
	governorDroop = 0.04
	governorLag   = 1.0 // s
	loadDamping   = 1   // %/%
	leastTrip     = 1   // W: less is no trip
)

// The area's events: an island that forms or is joined again, relays that shed, a
// blackout. They are told of the grid.
var (
	islandFormed   = twins.DeclareEvent(twins.EventType{Name: "grid.islanded", Notable: true, Fields: []string{"deviation_uhz"}})
	islandJoined   = twins.DeclareEvent(twins.EventType{Name: "grid.joined", Notable: true, Fields: []string{"deviation_uhz"}})
	relaysShed     = twins.DeclareEvent(twins.EventType{Name: "grid.relays_shed", Notable: true, Fields: []string{"stages", "shed_mw", "for_ppb", "least_uhz"}})
	wentBlack      = twins.DeclareEvent(twins.EventType{Name: "grid.blackout", Notable: true, Fields: []string{"least_uhz", "greatest_uhz"}})
	frequencySwung = twins.DeclareEvent(twins.EventType{Name: "grid.frequency_left_range", Notable: true, Fields: []string{"least_uhz", "greatest_uhz"}})
)

// gridPath is whom they are told of.
const gridPath = "grid"

// Swing implements twins.Swinger: what the frequency does while this step replaces
// the schedule of the one before.
func (o *Operator) Swing(env *twins.Env, of *twins.Offers, p *twins.Plan) twins.Swing {
	n := &o.next
	n.deviation, n.tripped = 0, 0
	if own, held := o.holds(); held || !own {
		return twins.Swing{Held: held}
	}
	o.describe(env, of, p)
	lost := o.trip()
	o.swing = frequency.State{Deviation: o.state.deviation, Tripped: int(o.state.tripped)}
	s := twins.Swing{Island: true}
	if math.Abs(lost) < leastTrip && o.swing.Tripped == 0 {
		if o.ordinary(env, &s) {
			return s
		}
	}
	// Plants stand where the load that is still shed left them: it comes back as they
	// follow.
	r := o.area.Run(&o.swing, lost+o.swing.Shed(&o.area), float64(env.Step))
	s.Min, s.Max, s.End = microhertz(r.Min), microhertz(r.Max), microhertz(r.End)
	s.ROCOF, s.Stages, s.Blackout = int64(math.Round(float64(r.ROCOF*1e6))), int64(r.Stages), r.Blackout
	o.book(env, &r, &s)
	n.deviation, n.tripped = r.End-nominal, int64(o.swing.Tripped)
	if r.Blackout { // the way back begins with what still stands
		n.deviation, n.tripped = 0, 0
	}
	return s
}

const nominal = 50.0 // Hz

// microhertz is a frequency as deviation from nominal.
func microhertz(hz float64) int64 { return int64(math.Round(float64((hz - nominal) * 1e6))) }

// holds reports who holds the frequency: something of the grid's own could, and a
// neighbour does over a tie in service.
func (o *Operator) holds() (own, neighbour bool) {
	own = o.survives()
	for i := range o.units {
		u := &o.units[i]
		own = own || u.planned >= 0
		neighbour = neighbour || u.tie != nil && u.tie.HoldsFrequency(u.index)
	}
	return own, neighbour
}

// trip is the power that was given at the end of the step before by units that are
// out of service now; nothing in a run's first step.
func (o *Operator) trip() (lost float64) {
	if o.state.settled < 0 {
		return 0
	}
	for i := range o.units {
		u := &o.units[i]
		in := u.tie != nil && u.tie.InService(u.index) || u.plant != nil && u.plant.Plant(u.index).Available
		if !in {
			lost -= o.state.last[i].Watts()
		}
	}
	return lost
}

// ordinary is a step in which nothing trips: the net load moves in a straight line.
func (o *Operator) ordinary(env *twins.Env, s *twins.Swing) bool {
	change := 0.0
	if o.state.settled >= 0 {
		change = (o.net() - o.state.net).Watts()
	}
	q := o.area.Closed(&o.swing, 0, change, float64(env.Step))
	if !q.OK {
		return false
	}
	s.Min, s.Max, s.End = microhertz(q.Min), microhertz(q.Max), microhertz(q.End)
	o.next.deviation = 0 // the next schedule begins balanced
	return true
}

// describe lays out the area: what runs, what it can still give, what turns.
func (o *Operator) describe(env *twins.Env, of *twins.Offers, p *twins.Plan) {
	a := &o.area
	*a = frequency.Area{Nominal: nominal, Damping: loadDamping, Governors: a.Governors[:0], Stages: frequency.GermanStages}
	a.Load = math.Max(0, o.now.Load.Watts())
	spare := 0.0
	for i := range o.units {
		u := &o.units[i]
		gives := -p.Units[i].Tier[generation].Watts()
		if u.tie != nil {
			continue
		}
		if u.planned < 0 {
			a.Inverters += gives
			continue
		}
		plant := u.plant.Plant(u.index)
		if gives <= 0 { // stands still, or lost
			a.Governors = append(a.Governors, frequency.Governor{})
			if of.Units[i].Startable > 0 {
				spare += plant.Rated.Watts()
			}
			continue
		}
		rated := plant.Rated.Watts()
		// What it gave before the step is what it starts from.
		was := math.Min(rated, math.Max(0, -o.state.last[i].Watts()))
		if o.state.settled < 0 {
			was = gives
		}
		g := frequency.Governor{Gain: rated / (governorDroop * nominal), Lag: governorLag,
			Up: math.Max(0, rated-was), Down: was}
		a.Governors = append(a.Governors, g)
		a.AFRR.Up += g.Up
		a.AFRR.Down += math.Max(0, was-plant.MinOutput.Watts())
		a.Kinetic += float64(float64(plant.Inertia) / 1000 * rated)
	}
	a.Inverters += o.now.Roofs.Watts()
	for _, st := range o.stores {
		c := st.bank.Converter(st.index, env)
		now := st.block.Set[st.index].Tier[twins.Storage]
		up, down := math.Max(0, (now-c.Least).Watts()), math.Max(0, (c.Most-now).Watts())
		a.AFRR.Up += up // the operator calls on all of them
		a.AFRR.Down += down
		if c.Forming {
			a.Governors = append(a.Governors, frequency.Governor{Forming: true, Lag: float64(c.Response) / 1000,
				Gain: c.Rated.Watts() / (c.Droop.Float() * nominal), Up: up, Down: down})
		}
	}
	a.MFRR = frequency.Reserve{Up: spare + o.agreed(of, p).Watts(), Down: a.AFRR.Down}
}

// agreed is what vehicles, heat and what may wait could draw less.
func (o *Operator) agreed(of *twins.Offers, p *twins.Plan) (sum twins.Power) {
	if o.config.Plain {
		return 0
	}
	for i := range of.Communities {
		for _, t := range [...]twins.Tier{twins.Comfort, twins.Flexible, twins.Mobility} {
			sum += max(0, of.Communities[i].Tier[t].Ref-of.Communities[i].Tier[t].Min)
		}
	}
	return sum
}

// book turns energies of the swing into what the books owe: relief, what went into
// rotating masses, and load that relays have shed.
func (o *Operator) book(env *twins.Env, r *frequency.Result, s *twins.Swing) {
	step := float64(env.Step)
	s.Relief, s.Kinetic = mean(r.Relief, step), mean(r.Kinetic, step)
	if s.Blackout { // from then on nobody has anything
		s.Relief, s.Kinetic = 0, 0
		s.ShedFor = twins.Ratio(math.Round(float64((step - r.Seconds) / step * float64(twins.One))))
		s.Shed = o.now.Load.Times(s.ShedFor)
		return
	}
	if r.Shed <= 0 {
		return
	}
	s.Shed = mean(r.Shed, step)
	// Those that were shed were so for the same time: the energy over the power of
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

// tell says what the area went through.
func (o *Operator) tell(s *twins.Swing, told []twins.Notice) []twins.Notice {
	say := func(t *twins.EventType, v ...int64) {
		e := twins.Event{Type: t}
		copy(e.V[:], v)
		told = append(told, twins.Notice{Member: gridPath, Event: e})
	}
	switch {
	case s.Island && !o.state.island:
		say(islandFormed, s.Min)
	case !s.Island && o.state.island:
		say(islandJoined, s.End)
	}
	const range50 = 50_000 // ±50 mHz, standard frequency range
	if s.Min < -4*range50 || s.Max > 4*range50 {
		say(frequencySwung, s.Min, s.Max)
	}
	if s.Stages > 0 {
		say(relaysShed, s.Stages, int64(s.Shed), int64(s.ShedFor), s.Min)
	}
	if s.Blackout {
		say(wentBlack, s.Min, s.Max)
	}
	return told
}
