package commitment_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/smatrix-grid/smatrix/twins"
	"github.com/smatrix-grid/smatrix/twins/commitment"
)

// worth is the objective of a schedule, in order; the cost in €.
type worth struct {
	unserved, reserve, spilled twins.Power
	cost                       float64
}

func (a worth) plus(b worth) worth {
	return worth{a.unserved + b.unserved, a.reserve + b.reserve, a.spilled + b.spilled, a.cost + b.cost}
}

func (a worth) physical() [3]twins.Power { return [3]twins.Power{a.unserved, a.reserve, a.spilled} }

func (a worth) less(b worth) bool {
	if c := slices.Compare(ordered(a), ordered(b)); c != 0 {
		return c < 0
	}
	return a.cost < b.cost
}

func ordered(a worth) []twins.Power { p := a.physical(); return p[:] }

// judge is the dispatch of one period, slow and straightforward: least outputs,
// then the cheapest unit next; and each loss is checked by itself.
func judge(p *commitment.Problem, t int, on []bool) (w worth) {
	type source struct {
		price     float64
		give, max twins.Power
		raise     twins.Power
		tie       bool
	}
	var s []source
	need := p.Residual[t]
	for i, u := range p.Units {
		if on[i] {
			s = append(s, source{price: float64(u.Cost) / 1e6, give: u.Min, max: u.Max, raise: u.Raise})
			need -= u.Min
		}
	}
	share := p.Tie.Import
	if p.Tie.MaxShare > 0 {
		share = min(share, p.Load[t].Times(p.Tie.MaxShare))
	}
	s = append(s, source{price: float64(p.Tie.Price[t]) / 1e6, max: share, tie: true})
	slices.SortStableFunc(s, func(a, b source) int {
		switch {
		case a.price < b.price:
			return -1
		case a.price > b.price:
			return 1
		}
		return 0
	})
	over := max(0, -need)
	exported := min(over, p.Tie.Export)
	w.spilled = over - exported
	for i := range s {
		more := max(0, min(need, s[i].max-s[i].give))
		s[i].give += more
		need -= more
		w.cost += s[i].price * s[i].give.Watts() / 1e6 * float64(p.Period) / 3600
	}
	w.unserved = max(0, need)
	spare := func(k source) twins.Power {
		switch {
		case k.tie:
			return p.Tie.Import - k.give + exported
		case k.raise > 0:
			return min(k.raise, k.max-k.give)
		}
		return k.max - k.give
	}
	other := twins.Power(0)
	if len(p.ReserveOther) > 0 {
		other = p.ReserveOther[t]
	}
	for lost := -1; lost < len(s); lost++ {
		have, want := other, twins.Power(0)
		for i := range s {
			if i != lost && !(lost >= 0 && s[lost].tie && s[i].tie) {
				have += spare(s[i])
			}
		}
		switch {
		case lost < 0 && len(p.ReserveUp) > 0:
			want = p.ReserveUp[t]
		case lost >= 0 && s[lost].tie && p.Tie.Survive && s[lost].give > 0:
			want = s[lost].give
		case lost >= 0 && !s[lost].tie && p.LargestInfeed:
			want = s[lost].give - w.spilled
		}
		w.reserve = max(w.reserve, want-have)
	}
	return w
}

// startCost follows a unit's periods as a plant would, and returns the cost of
// its starts, or false if the plant cannot do it.
func startCost(p *commitment.Problem, u *commitment.Unit, on []bool) (cost float64, ok bool) {
	type seconds = twins.Seconds
	isOn, since, starting := u.State == commitment.On, u.Since, u.State == commitment.Starting
	ready := 0
	if starting {
		ready = int((u.Since + p.Period - 1) / p.Period)
	}
	stopped := -since // moments, from the plan's first
	begun := -since
	for t := range on {
		now := seconds(t) * p.Period
		out := len(u.Out) > 0 && u.Out[t]
		switch {
		case starting && out:
			starting, stopped = false, now
			if on[t] {
				return 0, false
			}
		case starting && t >= ready:
			starting, isOn, begun = false, true, now
			if !on[t] && u.MinUp > 0 {
				return 0, false
			}
			if !on[t] {
				isOn, stopped = false, now
			}
		case starting:
			if on[t] {
				return 0, false
			}
		case isOn && !on[t]:
			if now-begun < u.MinUp && !out {
				return 0, false
			}
			isOn, stopped = false, now
		case isOn && out:
			return 0, false
		case !isOn && on[t]:
			least := math.Inf(1)
			for order := 0; order < t; order++ { // any order after which it is ready exactly now
				off := seconds(order)*p.Period - stopped
				h := commitment.Hot
				if off >= u.WarmAfter {
					h = commitment.Warm
				}
				if off >= u.ColdAfter {
					h = commitment.Cold
				}
				lead := max(1, int((u.Starts[h].Time+p.Period-1)/p.Period))
				if off < 0 || off < u.MinDown || order+lead != t || (len(u.Out) > 0 && slices.Contains(u.Out[order:t+1], true)) {
					continue
				}
				least = min(least, u.Starts[h].Cost.Euros())
			}
			if math.IsInf(least, 1) {
				return 0, false
			}
			cost, isOn, begun = cost+least, true, now
		}
	}
	return cost, true
}

// optimum tries every schedule of every unit with every schedule of the
// others.
func optimum(p *commitment.Problem) (best worth) {
	periods, n := len(p.Residual), len(p.Units)
	type plan struct {
		bits int
		cost float64
	}
	plans := make([][]plan, n)
	on := make([]bool, periods)
	for i := range p.Units {
		for bits := range 1 << periods {
			for t := range on {
				on[t] = bits>>t&1 == 1
			}
			if cost, ok := startCost(p, &p.Units[i], on); ok {
				plans[i] = append(plans[i], plan{bits, cost})
			}
		}
	}
	table := make([][]worth, periods) // [period][units on]
	who := make([]bool, n)
	for t := range table {
		for mask := range 1 << n {
			for i := range who {
				who[i] = mask>>i&1 == 1
			}
			table[t] = append(table[t], judge(p, t, who))
		}
	}
	first := true
	pick := make([]int, n)
	var walk func(i int, cost float64)
	walk = func(i int, cost float64) {
		if i < n {
			for _, pl := range plans[i] {
				pick[i] = pl.bits
				walk(i+1, cost+pl.cost)
			}
			return
		}
		w := worth{cost: cost}
		for t := range periods {
			mask := 0
			for k, bits := range pick {
				mask |= bits >> t & 1 << k
			}
			w = w.plus(table[t][mask])
		}
		if first || w.less(best) {
			best, first = w, false
		}
	}
	walk(0, 0)
	return best
}

// smallProblem draws a fleet that can be enumerated.
func smallProblem(r *rand.Rand) *commitment.Problem {
	between := func(lo, hi int) int { return lo + r.IntN(hi-lo+1) }
	kw := func(lo, hi int) twins.Power { return twins.Power(between(lo, hi)) * twins.Kilowatt }
	units, periods := between(2, 3), between(4, 8)
	if between(0, 9) == 0 {
		units, periods = 4, between(4, 5)
	}
	p := &commitment.Problem{Period: 3600, LargestInfeed: between(0, 2) == 0}
	total := twins.Power(0)
	for i := range units {
		most := kw(20, 200)
		u := commitment.Unit{
			Name: fmt.Sprint("u", i), Max: most, Min: most * twins.Power(between(0, 7)) / 10, Cost: twins.Price(between(5, 300)) * 1e6,
			MinUp: twins.Seconds(between(0, 3)) * 3600, MinDown: twins.Seconds(between(0, 2)) * 3600,
			State: commitment.State(between(0, 2)), Since: twins.Seconds(between(0, 12)) * 1800,
		}
		u.WarmAfter = twins.Seconds(between(0, 3)) * 3600
		u.ColdAfter = u.WarmAfter + twins.Seconds(between(0, 3))*3600
		lead, cost := between(0, 2), between(0, 20)
		for h := range u.Starts {
			u.Starts[h] = commitment.Start{Time: twins.Seconds(lead) * 1800, Cost: twins.Money(cost) * twins.Euro}
			lead, cost = lead+between(0, 2), cost+between(0, 20)
		}
		if between(0, 3) == 0 {
			u.Raise = most / 10
		}
		if between(0, 9) == 0 {
			u.Out = make([]bool, periods)
			for t := between(0, periods-1); t < periods && between(0, 2) > 0; t++ {
				u.Out[t] = true
			}
		}
		total += most
		p.Units = append(p.Units, u)
	}
	for range periods {
		load := twins.Power(between(0, 100)) * total / 100
		p.Load, p.Residual = append(p.Load, load), append(p.Residual, load-kw(0, 1)*twins.Power(between(0, 30)))
		p.Tie.Price = append(p.Tie.Price, twins.Price(between(20, 400))*1e6)
	}
	if between(0, 1) == 0 {
		p.Tie.Import, p.Tie.Export, p.Tie.Survive = kw(0, 100), kw(0, 50), between(0, 1) == 0
		if p.Tie.Survive {
			p.Tie.MaxShare = 45 * twins.One / 100
		}
	}
	if between(0, 2) == 0 {
		for range periods {
			p.ReserveUp, p.ReserveOther = append(p.ReserveUp, kw(0, 60)), append(p.ReserveOther, kw(0, 40))
		}
	}
	return p
}

// of computes a schedule's worth independently, and checks that each unit can
// follow it.
func of(t *testing.T, p *commitment.Problem, s *commitment.Schedule) (w worth) {
	t.Helper()
	on := make([]bool, len(p.Units))
	for i := range p.Units {
		cost, ok := startCost(p, &p.Units[i], s.Units[i].On)
		if !ok {
			t.Fatalf("%s cannot do %v: %+v", p.Units[i].Name, s.Units[i].On, p.Units[i])
		}
		w.cost += cost
	}
	for k := range p.Residual {
		for i := range on {
			on[i] = s.Units[i].On[k]
		}
		w = w.plus(judge(p, k, on))
	}
	return w
}

// gaps are the distances of schedules from the optimum.
type gaps struct {
	cases, equal               int
	unserved, reserve, spilled int // cases with more than the optimum, with equal earlier objectives
	sum, worst                 float64
	extra                      float64 // kWh, at worst
	worstSeed                  uint64
}

func (g *gaps) add(seed uint64, got, best worth) {
	g.cases++
	switch {
	case got.unserved != best.unserved:
		g.unserved++
		return
	case got.reserve != best.reserve:
		g.reserve++
		return
	case got.spilled != best.spilled:
		g.spilled++
		g.extra = max(g.extra, (got.spilled-best.spilled).Watts()/1000)
		return
	}
	gap := (got.cost - best.cost) / max(1, math.Abs(best.cost))
	if gap < 1e-9 {
		g.equal++
	}
	g.sum += gap
	if gap > g.worst {
		g.worst, g.worstSeed = gap, seed
	}
}

func (g *gaps) String() string {
	return fmt.Sprintf("%d fleets: %d as good as the optimum; more unserved %d, less reserve %d, more spilled %d, by %.1f kWh at worst; cost of the rest above it %.4f %% in the mean, %.2f %% at worst (seed %d)",
		g.cases, g.equal, g.unserved, g.reserve, g.spilled, g.extra, 100*g.sum/float64(g.cases), 100*g.worst, g.worstSeed)
}

// Compares with the optimum of fleets that are small enough to enumerate.
func TestAgainstEnumeration(t *testing.T) {
	var g gaps
	for seed := range uint64(2000) {
		p := smallProblem(rand.New(rand.NewPCG(seed, 1)))
		s, err := commitment.Solve(p)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		got, best := of(t, p, s), optimum(p)
		if best.less(got) && got.physical() == best.physical() && (got.cost-best.cost) < 1e-6 {
			got.cost = best.cost
		}
		if got.less(best) && best.cost-got.cost > 1e-6 {
			t.Fatalf("seed %d: %+v is better than the optimum %+v", seed, got, best)
		}
		said := worth{cost: s.Cost.Euros()}
		for _, d := range s.Periods {
			said = said.plus(worth{d.Unserved, d.ReserveShort, d.Spilled, 0})
		}
		if said.physical() != got.physical() || math.Abs(said.cost-got.cost) > 1e-5 {
			t.Fatalf("seed %d: the schedule says %+v, by the book it is %+v", seed, said, got)
		}
		g.add(seed, got, best)
	}
	t.Log(g.String())
	// The bounds follow a measurement: of 5,000, 4,995 are as good, 3 spill more, the others cost 0.001 % more in the mean and 4.1 % at worst.
	if g.unserved+g.reserve > 0 || g.spilled > 3 || g.equal < g.cases-8 || g.sum/float64(g.cases) > 0.0001 || g.worst > 0.05 {
		t.Error(g.String())
	}
}
