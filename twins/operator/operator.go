package operator

import (
	"github.com/smatrix-grid/smatrix/twins"
	"github.com/smatrix-grid/smatrix/twins/frequency"
)

// Config says how an operator works. The zero value responds, plans by quarter
// hours and expects everything to stay as it is.
type Config struct {
	// Plain: nobody is asked to move anything. What cannot be served is cut, all
	// tiers of a customer alike.
	Plain bool
	// Forecast is what is expected; nil: that everything stays as it is.
	Forecast Forecast
	// Reserve is wanted besides what covers the greatest infeed.
	Reserve twins.Power
	// ImportShare is the share of load that ties may carry while grid-forming storage
	// would have to survive their loss, as far as plants can help it; 0: 45 %.
	ImportShare twins.Ratio
}

// Expectation is what one period is expected to bring, or what a step has brought:
// means, each ≥ 0. Load is what customers would draw if nobody asked for anything
// else, storage apart; Roofs is what stands behind their meters; Units is that of
// wind and sun at the grid's own.
type Expectation struct{ Load, Roofs, Units twins.Power }

// Forecast expects. It is pure but for what it learns.
type Forecast interface {
	// Expect writes what is expected of periods from the step of env on, each of the
	// given length, the first being that step's. now is what this step has offered.
	Expect(env *twins.Env, now Expectation, period twins.Seconds, out []Expectation)
	// Learn is told what a step has offered, once or twice for each, and appends
	// what is worth telling: how far off it was.
	Learn(env *twins.Env, now Expectation, told []twins.Notice) []twins.Notice
	// The stored form of what it has learnt, as in twins.Stateful.
	AppendBinary(b []byte) []byte
	UnmarshalBinary(b []byte) (rest []byte, err error)
}

// A plan looks a day ahead in quarter hours, and is made anew each hour or when
// something has changed that it did not expect.
const (
	period    = twins.Seconds(900)
	horizon   = 96
	planEvery = twins.Seconds(3600)
)

// defaultImportShare: an island of batteries with a droop of 1.5 % survives the loss of
// a tie that carries up to 45 % of its load without shedding.
const defaultImportShare = twins.One * 45 / 100

// Operator is a controller with a memory. See the package.
type Operator struct {
	config Config
	units  []unit
	stores []store

	state, next state // next becomes state when the step is settled

	expected []Expectation
	now      Expectation
	lost     twins.Power // by units that went out of service with this step
	area     frequency.Area
	caps     []twins.Power // greatest output of each unit in this step; reused
}

// unit is a producer or tie, in the order of Offers.Units.
type unit struct {
	path    string
	slab    twins.Slab
	index   int
	plant   twins.Generator // nil for ties and for wind and sun
	tie     twins.Holder    // nil for plants
	planned int             // its place in the plan; −1: none
}

// store is a storage whose converter may hold the frequency.
type store struct {
	bank  twins.ConverterBank
	block *twins.Block
	index int
}

// state is what an operator remembers from step to step.
type state struct {
	madeAt   twins.Tick // of the plan; −1: none
	on       [][horizon]bool
	inMerit  []bool        // plants that could give power when the plan was made
	last     []twins.Power // what each unit gave at the end of the step before
	net      twins.Power   // load less wind and sun of the step before
	swing    frequency.State
	settled  twins.Tick // the step before; −1: none
	islanded bool
}

var (
	_ twins.Stateful = (*Operator)(nil)
	_ twins.Swinger  = (*Operator)(nil)
)

// New makes the operator of a grid over its cells, which stay in the order given.
func New(cells []*twins.Cell, config Config) *Operator {
	if config.ImportShare == 0 {
		config.ImportShare = defaultImportShare
	}
	o := &Operator{config: config, expected: make([]Expectation, horizon)}
	plants := 0
	for _, c := range cells {
		for _, at := range c.Units() {
			b := c.Blocks[at.Block]
			u := unit{path: b.Paths[at.Index], slab: b.Slab, index: int(at.Index), planned: -1}
			u.plant, _ = b.Slab.(twins.Generator)
			u.tie, _ = b.Slab.(twins.Holder)
			if u.plant != nil {
				u.planned = plants
				plants++
			}
			o.units = append(o.units, u)
		}
		for _, b := range c.Blocks {
			if bank, ok := b.Slab.(twins.ConverterBank); ok {
				for i := range b.Paths {
					o.stores = append(o.stores, store{bank, b, i})
				}
			}
		}
	}
	for _, s := range []*state{&o.state, &o.next} {
		s.madeAt, s.settled = -1, -1
		s.on, s.inMerit = make([][horizon]bool, plants), make([]bool, plants)
		s.last = make([]twins.Power, len(o.units))
	}
	return o
}

// begin takes the state of the step before as the one to change.
func (o *Operator) begin() {
	n := &o.next
	n.madeAt, n.net, n.settled, n.islanded = o.state.madeAt, o.state.net, o.state.settled, o.state.islanded
	copy(n.on, o.state.on)
	copy(n.inMerit, o.state.inMerit)
	copy(n.last, o.state.last)
	n.swing = o.state.swing
}

// Settled implements twins.Stateful.
func (o *Operator) Settled(env *twins.Env, out *twins.Outcome, told []twins.Notice) []twins.Notice {
	if f := o.config.Forecast; f != nil {
		told = f.Learn(env, o.now, told)
	}
	copy(o.next.last, out.Units)
	o.next.net = o.now.Load - o.now.Roofs - o.now.Units
	o.next.settled = env.Tick
	o.next.islanded = out.Swing.Island
	told = o.tell(out.Swing, told)
	o.state, o.next = o.next, o.state // both keep their memory
	o.settle(env.Tick)
	return told
}
