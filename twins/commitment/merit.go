package commitment

import (
	"cmp"
	"math"
	"math/bits"
	"slices"

	"github.com/smatrix-grid/smatrix/twins"
)

// fleet is a problem in the form for the search: units in merit order, times
// in periods, powers by period and unit.
type fleet struct {
	p        *Problem
	n, t     int // units, periods
	by       []int
	units    []fleetUnit
	min, max []twins.Power // [period·n + unit], at fixed output the same
	price    []twins.Price // of the tie, by period
	most     []twins.Power // import, while nothing is lost
}

// fleetUnit is a unit of the fleet, with its times in whole periods.
type fleetUnit struct {
	*Unit
	lead          [heats]int // order to generation, ≥ 1
	from, until   [heats]int // after stopping, at the order: from ≤ periods < until
	minUp         int        // ≥ 1
	begin, settle int        // first run: it is on from begin, and cannot stop before settle
	lastOut       []int      // [period]: the last period before it with an outage, or −1
}

// never is a period after the end of every plan.
const never = math.MaxInt32

func newFleet(p *Problem) *fleet {
	f := &fleet{p: p, n: len(p.Units), t: len(p.Residual)}
	for i := range p.Units {
		f.by = append(f.by, i)
	}
	slices.SortStableFunc(f.by, func(a, b int) int { return cmp.Compare(p.Units[a].Cost, p.Units[b].Cost) })
	f.units = make([]fleetUnit, f.n)
	f.min, f.max = make([]twins.Power, f.n*f.t), make([]twins.Power, f.n*f.t)
	dearest := 50 * twins.Price(1e6)
	for j, i := range f.by {
		f.units[j] = f.newUnit(&p.Units[i])
		dearest = max(dearest, p.Units[i].Cost)
		for t := range f.t {
			f.min[t*f.n+j], f.max[t*f.n+j] = p.Units[i].Min, p.Units[i].Max
			if fix := at(p.Units[i].Fixed, t, -1); fix > 0 {
				f.min[t*f.n+j], f.max[t*f.n+j] = fix, fix
			}
		}
	}
	for t := range f.t {
		f.price = append(f.price, at(p.Tie.Price, t, 2*dearest))
		most := p.Tie.Import
		if p.Tie.MaxShare > 0 {
			most = min(most, p.Load[t].Times(p.Tie.MaxShare))
		}
		f.most = append(f.most, most)
	}
	return f
}

// periods is the number of whole periods that hold a span of time.
func (f *fleet) periods(s twins.Seconds) int {
	return int(min(never, (max(0, s)+f.p.Period-1)/f.p.Period))
}

func (f *fleet) newUnit(u *Unit) fleetUnit {
	c := fleetUnit{Unit: u, minUp: max(1, f.periods(u.MinUp)), begin: never, settle: never}
	down, warm, cold := f.periods(u.MinDown), f.periods(u.WarmAfter), f.periods(u.ColdAfter)
	c.from = [heats]int{down, max(down, warm), max(down, cold)}
	c.until = [heats]int{warm, cold, never}
	for h := range c.lead {
		c.lead[h] = max(1, f.periods(u.Starts[h].Time))
	}
	switch u.State {
	case On:
		c.begin, c.settle = 0, f.periods(u.MinUp-u.Since)
	case Starting:
		c.begin = f.periods(u.Since)
		c.settle = c.begin + f.periods(u.MinUp)
	}
	last := -1
	for t := range f.t + 1 {
		c.lastOut = append(c.lastOut, last)
		if t < f.t && c.out(t) {
			last = t
		}
	}
	return c
}

func (u *fleetUnit) out(t int) bool { return at(u.Out, t, false) }

// order is the manager's order in a period.
func (u *fleetUnit) order(t int) Order {
	switch fix := at(u.Fixed, t, -1); {
	case fix > 0:
		return MustRun
	case fix == 0:
		return MustStop
	}
	return at(u.Orders, t, Free)
}

// heatOf is how cold a unit is after an off time.
func (u *Unit) heatOf(off twins.Seconds) Heat {
	switch {
	case off >= u.ColdAfter:
		return Cold
	case off >= u.WarmAfter:
		return Warm
	}
	return Hot
}

// period is the dispatch with the units that are on, as bits in merit order:
// each at its least, then the cheapest first, the tie by its price. If out is
// not nil it receives the outputs.
func (f *fleet) period(t int, on []uint64, out *Dispatch) (v value) {
	left := f.p.Residual[t]
	low, high := f.min[t*f.n:(t+1)*f.n], f.max[t*f.n:(t+1)*f.n]
	for w, word := range on {
		for ; word != 0; word &= word - 1 {
			left -= low[w<<6|bits.TrailingZeros64(word)]
		}
	}
	exported := min(max(0, -left), f.p.Tie.Export)
	spilled := max(0, -left) - exported
	var imported, head, worst twins.Power
	open := f.most[t] > 0
	for w, word := range on {
		for ; word != 0; word &= word - 1 {
			j := w<<6 | bits.TrailingZeros64(word)
			u := f.units[j].Unit
			if open && left > 0 && u.Cost > f.price[t] {
				imported, open = min(left, f.most[t]), false
				left -= imported
			}
			more := max(0, min(left, high[j]-low[j]))
			left -= more
			give := low[j] + more
			v.cost = v.cost.plus(product(int64(u.Cost), int64(give)*int64(f.p.Period)))
			up := high[j] - give
			if u.Raise > 0 {
				up = min(up, u.Raise)
			}
			head += up
			worst = max(worst, give+up)
			if out != nil {
				out.Output[f.by[j]] = give
			}
		}
	}
	if open && left > 0 {
		imported = min(left, f.most[t])
		left -= imported
	}
	v.cost = v.cost.plus(product(int64(f.price[t]), int64(imported)*int64(f.p.Period)))

	other := at(f.p.ReserveOther, t, 0)
	reserve := head + other + f.p.Tie.Import - imported + exported
	wanted := at(f.p.ReserveUp, t, 0)
	short := wanted - reserve
	if f.p.LargestInfeed { // worst is a unit's output plus its own share of the reserve
		short = max(short, worst-spilled-reserve)
	}
	if f.p.Tie.Survive {
		short = max(short, imported-head-other)
	}
	v.unserved, v.reserve, v.spilled = int64(max(0, left)), int64(max(0, short)), int64(spilled)
	if out != nil {
		out.Import, out.Export, out.Reserve = imported, exported, reserve
		out.Unserved, out.ReserveShort, out.Spilled = max(0, left), max(0, short), spilled
		out.Cost = v.cost.money()
	}
	return v
}
