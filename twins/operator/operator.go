package operator

import (
	"github.com/smatrix-grid/smatrix/twins"
	"github.com/smatrix-grid/smatrix/twins/frequency"
)

// Config says how an operator works. The zero value asks communities to
// respond, plans by quarter hours and expects everything to stay as it is.
type Config struct {
	// Plain: no community is asked to move anything. What cannot be served is
	// cut, all tiers of a customer alike.
	Plain bool
	// Forecast predicts load and generation; nil: everything stays as it is.
	Forecast Forecast
	// Reserve is required in addition to what covers the greatest infeed.
	Reserve twins.Power
	// ImportShare is the greatest share of load on ties, as far as plants allow,
	// while grid-forming storage would have to survive their loss; 0: 45 %.
	ImportShare twins.Ratio
}

// Expectation is the forecast of a period, or the figures of a step.
type Expectation = twins.Expectation

// Forecast predicts load and generation.
type Forecast = twins.Forecast

// A plan covers a day in quarter hours, and is made anew each hour or when
// something has changed that the plan did not expect.
const (
	period    = twins.Seconds(900)
	horizon   = 96
	planEvery = twins.Seconds(3600)
)

// defaultImportShare: an island of batteries with a droop of 1.5 % survives the loss of
// a tie that carries up to 45 % of its load without shedding.
const defaultImportShare = twins.One * 45 / 100

// Operator is a controller with a memory. See the package comment.
type Operator struct {
	config Config
	units  []unit
	stores int // of all communities

	state, next state // next becomes state when the step is settled

	expected []Expectation
	now      Expectation    // the figures of this step
	area     frequency.Area // reused
	caps     []twins.Power  // greatest output of each unit in this step; reused

	wantedReserve, shortReserve twins.Power // of this step: the reserve that would cover each infeed, and the missing part of it
}

// unit is a producer or tie, in the order of Offers.Units.
type unit struct {
	path      string
	community int // whose roster and answers contain it
	index     int // index in these
	tie       bool
	planned   int // its index in the plan; −1: wind, sun and ties have none
}

// answer is the unit's answer at StageOffer.
func (u *unit) answer(of *twins.Offers) *twins.UnitAnswer {
	return &of.Answers[u.community].Units[u.index]
}

// plant is a producer in this step; a producer in quarantine is out of service.
func (u *unit) plant(of *twins.Offers) *twins.Plant { return &u.answer(of).Plant }

// A unit's status is what a plan assumes of it: the manager's order, 0 for ties, or out
// of service.
const outOfService = -1

func (u *unit) status(of *twins.Offers) int64 {
	switch a := u.answer(of); {
	case !a.InService:
		return outOfService
	case u.tie:
		return 0
	default:
		return int64(a.Plant.Order)
	}
}

// state is what an operator remembers from step to step.
type state struct {
	madeAt    twins.Tick      // of the plan; −1: none
	on, start [][horizon]bool // of each plant and period: it runs, it must be ordered to start
	status    []int64         // of each unit, when the plan was made
	last      []twins.Power   // what each unit, then each store, did in the step before: + draws, − injects
	net       twins.Power     // load less wind and sun of the step before
	settled   twins.Tick      // the step before; −1: none
	island    bool            // the grid held its frequency itself
	// swing is the state of an island's frequency at the start of the next step:
	// its deviation, the load shed, the time measured by relays. Everything else
	// that was delivered beyond the schedule is part of the next one.
	swing frequency.State
}

// assign makes s a copy of from that shares no memory with it.
func (s *state) assign(from *state) {
	on, start, status, last, swing := s.on, s.start, s.status, s.last, s.swing
	copy(on, from.on)
	copy(start, from.start)
	copy(status, from.status)
	copy(last, from.last)
	swing.Assign(&from.swing)
	*s = *from
	s.on, s.start, s.status, s.last, s.swing = on, start, status, last, swing
}

var (
	_ twins.Stateful = (*Operator)(nil)
	_ twins.Swinger  = (*Operator)(nil)
)

// ReserveShort is an event of the grid in each step that leaves an infeed uncovered: if
// the infeed were lost, other units, storage and what communities have agreed to move
// would not make up for it in the step after. wanted_w is that infeed plus the extra
// reserve required, kept_w the reserve available. A grid without its own means of
// holding the frequency keeps no reserve, and has no such event.
var ReserveShort = twins.DeclareEvent(twins.EventType{Name: "grid.reserve_short", Notable: true, Fields: []string{"wanted_w", "kept_w"},
	Alert: &twins.Alert{Rule: "reserve.short", Severity: "warning", Text: "if the greatest infeed were lost now, reserve would not make up for it"}})

// New makes the operator of a grid over communities, which stay in the order given.
func New(communities []twins.Roster, config Config) *Operator {
	if config.ImportShare == 0 {
		config.ImportShare = defaultImportShare
	}
	o := &Operator{config: config, expected: make([]Expectation, horizon)}
	plants := 0
	for c := range communities {
		for k := range communities[c].Units {
			r := &communities[c].Units[k]
			u := unit{path: r.Path, community: c, index: k, tie: r.Tie(), planned: -1}
			if !u.tie && r.Duty != twins.Variable {
				u.planned = plants
				plants++
			}
			o.units = append(o.units, u)
		}
		o.stores += len(communities[c].Stores)
	}
	for _, s := range []*state{&o.state, &o.next} {
		*s = state{madeAt: -1, settled: -1, on: make([][horizon]bool, plants), start: make([][horizon]bool, plants),
			status: make([]int64, len(o.units)), last: make([]twins.Power, len(o.units)+o.stores)}
	}
	o.caps = make([]twins.Power, len(o.units))
	return o
}

// Forecast is the operator's forecast; nil: none.
func (o *Operator) Forecast() Forecast { return o.config.Forecast }

// Settled implements twins.Stateful.
func (o *Operator) Settled(env *twins.Env, out *twins.Outcome, events []twins.Notice) []twins.Notice {
	if f := o.config.Forecast; f != nil {
		events = f.Learn(env, o.now, events)
	}
	n := &o.next
	copy(n.last, out.Units)
	last := n.last[len(o.units):]
	for _, a := range out.Answers {
		for i := range a.Stores {
			last[i] = a.Stores[i].Power
		}
		last = last[len(a.Stores):]
	}
	events = o.appendEvents(out.Swing, n.island, events)
	if o.canHold(out.Answers) && o.shortReserve > 0 {
		events = append(events, twins.Notice{Member: gridPath, Event: twins.Event{Type: ReserveShort,
			V: [7]int64{int64(o.wantedReserve), int64(o.wantedReserve - o.shortReserve)}}})
	}
	o.state.assign(n)
	o.state.net, o.state.settled, o.state.island = o.net(), env.Tick, out.Swing.Island
	return events
}

// net is the load of customers in this step less wind and sun.
func (o *Operator) net() twins.Power { return o.now.Load - o.now.Roofs - o.now.Units }
