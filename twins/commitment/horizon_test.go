package commitment_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/smatrix-grid/smatrix/twins"
	"github.com/smatrix-grid/smatrix/twins/commitment"
)

// dayProblem draws three plants and two days, by the hour, with two peaks and noise.
func dayProblem(r *rand.Rand) *commitment.Problem {
	between := func(lo, hi int) int { return lo + r.IntN(hi-lo+1) }
	p := &commitment.Problem{Period: 3600, LargestInfeed: between(0, 1) == 0}
	total := twins.Power(0)
	for i := range 3 {
		most := twins.Power(between(50, 200)) * twins.Kilowatt
		u := commitment.Unit{
			Name: fmt.Sprint("u", i), Max: most, Min: most * twins.Power(between(1, 6)) / 10, Cost: twins.Price(between(20, 200)) * 1e6,
			MinUp: twins.Seconds(between(0, 4)) * 3600, MinDown: twins.Seconds(between(0, 3)) * 3600,
			State: []commitment.State{commitment.Off, commitment.On}[between(0, 1)], Since: twins.Seconds(between(1, 9)) * 3600,
		}
		u.WarmAfter = twins.Seconds(between(0, 3)) * 3600
		u.ColdAfter = u.WarmAfter + twins.Seconds(between(0, 3))*3600
		lead, cost := between(0, 2), between(0, 15)
		for h := range u.Starts {
			u.Starts[h] = commitment.Start{Time: twins.Seconds(lead) * 3600, Cost: twins.Money(cost) * twins.Euro}
			lead, cost = lead+between(0, 1), cost+between(0, 10)
		}
		total += most
		p.Units = append(p.Units, u)
	}
	for t := range 48 {
		hour := float64(t % 24)
		share := 0.35 + 0.2*math.Exp(-(hour-8)*(hour-8)/5) + 0.35*math.Exp(-(hour-19)*(hour-19)/6) - 0.3*math.Exp(-(hour-13)*(hour-13)/8)
		share += 0.1 * (r.Float64() - 0.5)
		p.Residual = append(p.Residual, twins.Power(share*float64(total)))
		p.Tie.Price = append(p.Tie.Price, twins.Price(between(60, 300))*1e6)
	}
	p.Tie.Import, p.Tie.Export = total/twins.Power(between(4, 20)), total/20
	return p
}

// exact is the optimum by dynamic programming over the states of all units at once:
// the number of periods for which each has been on or off.
type exact struct {
	p    *commitment.Problem
	caps [3][2]int // number of periods on or off after which nothing changes any more
}

func periods(s twins.Seconds) int { return int(s / 3600) }

func newExact(p *commitment.Problem) *exact {
	e := &exact{p: p}
	for i, u := range p.Units {
		e.caps[i] = [2]int{max(1, periods(u.ColdAfter)+periods(u.MinDown)) + max(1, periods(u.Starts[2].Time)), max(1, periods(u.MinUp))}
	}
	return e
}

// next is a unit's state and cost if it is on or off in period t.
func (e *exact) next(i, t int, isOn bool, long int, on bool) (to int, cost float64, ok bool) {
	u := &e.p.Units[i]
	here := 0
	if on {
		here = 1
	}
	switch {
	case isOn == on:
		return min(e.caps[i][here], long+1), 0, true
	case isOn:
		return 1, 0, long >= periods(u.MinUp)
	}
	cost = math.Inf(1)
	for _, s := range u.Starts {
		lead := max(1, periods(s.Time))
		off := long - lead // off time at the order
		if off < 0 || off < periods(u.MinDown) || lead > t {
			continue
		}
		if u.Starts[heatAfter(u, off)] == s {
			cost = min(cost, s.Cost.Euros())
		}
	}
	return 1, cost, !math.IsInf(cost, 1)
}

func heatAfter(u *commitment.Unit, off int) commitment.Heat {
	switch {
	case off >= periods(u.ColdAfter):
		return commitment.Cold
	case off >= periods(u.WarmAfter):
		return commitment.Warm
	}
	return commitment.Hot
}

func (e *exact) solve() worth {
	type state struct {
		on   [3]bool
		long [3]int
	}
	var first state
	for i, u := range e.p.Units {
		here := 0
		if first.on[i] = u.State == commitment.On; first.on[i] {
			here = 1
		}
		first.long[i] = min(e.caps[i][here], periods(u.Since))
	}
	reached := map[state]worth{first: {}}
	for t := range e.p.Residual {
		table := [8]worth{}
		for mask := range table {
			table[mask] = judge(e.p, t, []bool{mask&1 > 0, mask&2 > 0, mask&4 > 0})
		}
		to := map[state]worth{}
		for from, w := range reached {
		masks:
			for mask := range table {
				var s state
				sum := w.plus(table[mask])
				for i := range s.on {
					s.on[i] = mask>>i&1 == 1
					long, cost, ok := e.next(i, t, from.on[i], from.long[i], s.on[i])
					if !ok {
						continue masks
					}
					s.long[i] = long
					sum.cost += cost
				}
				if old, ok := to[s]; !ok || sum.less(old) {
					to[s] = sum
				}
			}
		}
		reached = to
	}
	var best worth
	any := false
	for _, w := range reached {
		if !any || w.less(best) {
			best, any = w, true
		}
	}
	return best
}

// Two days by the hour, compared with the optimum over the states of all units at
// once.
func TestAgainstExactDays(t *testing.T) {
	var g gaps
	for seed := range uint64(100) {
		p := dayProblem(rand.New(rand.NewPCG(seed, 4)))
		s, err := commitment.Solve(p)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		got, best := of(t, p, s), newExact(p).solve()
		if got.less(best) && best.cost-got.cost > 1e-6 {
			t.Fatalf("seed %d: %+v is better than the optimum %+v", seed, got, best)
		}
		g.add(seed, got, best)
	}
	t.Log(g.String())
	// The bounds follow a measurement: 80 are as good, 11 spill more, the others cost 0.26 % more in the mean and 6.5 % at worst.
	if g.unserved+g.reserve > 0 || g.spilled > 13 || g.equal < 75 || g.sum/float64(g.cases) > 0.004 || g.worst > 0.08 {
		t.Error(g.String())
	}
}
