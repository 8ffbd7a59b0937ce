package twins_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/optimize/convex/lp"

	"github.com/smatrix-grid/smatrix/twins"
)

// system is a small grid for one step: plants that run, wind, ties, load. Powers
// in kW, prices in €/MWh.
type system struct {
	least, most, price []float64 // plants, then ties (least 0: import)
	ties               int       // number of ties, at the end of the lists
	export             []float64 // of the ties
	wind, demand       float64
}

func drawSystem(r *rand.Rand) (s system) {
	kw := func(lo, hi int) float64 { return float64(lo+r.IntN(hi-lo+1)) + float64(r.IntN(1000))/1000 }
	for range 1 + r.IntN(7) {
		most := kw(20, 400)
		s.least, s.most = append(s.least, math.Floor(most*float64(r.IntN(70))*10)/1000), append(s.most, most)
		s.price = append(s.price, float64(r.IntN(300_000))/1000)
	}
	s.ties = r.IntN(3)
	for range s.ties {
		s.least, s.most, s.price = append(s.least, 0), append(s.most, kw(0, 300)), append(s.price, float64(r.IntN(300_000))/1000)
		s.export = append(s.export, kw(0, 200))
	}
	if r.IntN(2) == 0 {
		s.wind = kw(0, 200)
	}
	return s
}

// milliwatts, in kW, are lost where decimals become whole ones.
const milliwatts = 5e-6

func sum(v []float64) (total float64) {
	for _, x := range v {
		total += x
	}
	return total
}

// dispatched is the merit order's result: its cost per hour in €, how many plants
// it stops, and the load it cannot serve, in kW.
func (s *system) dispatched() (cost float64, stopped int, unserved float64) {
	var o twins.Offers
	var p twins.Plan
	const kilo = 1000
	for _, share := range [...]float64{0.25, 0.75} { // two communities
		f := load(s.demand * kilo * share).flex()
		o.Communities, p.Communities = append(o.Communities, f), append(p.Communities, f.Follow())
	}
	add := func(u offered) {
		f := u.flex()
		o.Units, p.Units = append(o.Units, f), append(p.Units, f.Follow())
	}
	plants := len(s.least) - s.ties
	for i := range s.least {
		u := offered{cost: s.price[i], least: s.least[i] * kilo, most: s.most[i] * kilo}
		if i >= plants {
			u.least = -s.export[i-plants] * kilo
		}
		add(u)
	}
	add(offered{most: s.wind * kilo, duty: twins.Variable})
	twins.MeritOrder{}.Dispatch(&twins.Env{Step: 900}, &o, &p)
	for i := range s.least {
		cost += s.price[i] * max(0, -p.Units[i].Net().Watts()) / 1e6
		if p.Units[i].Run == twins.Stop {
			stopped++
		}
	}
	unserved = s.demand
	for _, c := range p.Communities {
		unserved -= c.Net().Watts() / kilo
	}
	return cost, stopped, unserved
}

// programme is the least cost per hour of a linear programme in which each source
// gives least … most, and sinks (export, wind held back) take up to sink for
// nothing. It returns false if there is no solution.
func (s *system) programme(least []float64, sink float64) (cost float64, ok bool) {
	n := len(s.most)
	left := s.demand - s.wind - sum(least)
	// Variables: what each gives above its least, the sink, and the slack of each.
	c, b := make([]float64, 2*(n+1)), make([]float64, n+2)
	a := mat.NewDense(n+2, 2*(n+1), nil)
	for i := range n + 1 {
		room := sink
		sign := -1.0
		if i < n {
			room, sign = s.most[i]-least[i], 1
			c[i] = s.price[i] / 1000
			cost += c[i] * least[i]
		}
		a.Set(0, i, sign)
		a.Set(i+1, i, 1)
		a.Set(i+1, n+1+i, 1)
		b[i+1] = room
	}
	if b[0] = left; left < 0 { // as the simplex requires
		b[0] = -left
		for i := range n + 1 {
			a.Set(0, i, -a.At(0, i))
		}
	}
	above, _, err := lp.Simplex(c, a, b, 1e-10, nil)
	return cost + above, err == nil
}

// The dispatch costs as much as the optimum of a linear programme, under the
// programme's assumptions: everything that runs stays on, so that outputs are
// continuous between least and most; wind is used in full; demand is within
// reach; export earns nothing.
func TestDispatchCostsWhatALinearProgrammeDoes(t *testing.T) {
	worst := 0.0
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 2))
		s := drawSystem(r)
		low, high := sum(s.least), sum(s.most)
		s.demand = math.Floor((s.wind+low+(high-low)*r.Float64())*1000) / 1000
		s.demand = max(s.demand, math.Ceil((s.wind+low)*1000)/1000)
		want, ok := s.programme(s.least, 0)
		if !ok {
			t.Fatalf("seed %d: no solution of %+v", seed, s)
		}
		got, stopped, unserved := s.dispatched()
		gap := math.Abs(got-want) / max(1e-3, math.Abs(want))
		worst = max(worst, gap)
		if gap > 1e-6 || stopped > 0 || math.Abs(unserved) > milliwatts {
			t.Errorf("seed %d: %v €/h, %d stopped, %v kW unserved; the programme has %v €/h: %+v", seed, got, stopped, unserved, want, s)
		}
	}
	t.Logf("500 systems: at most %.1e apart", worst)
}

// If the least outputs exceed the load, a plant has to stop, which a linear
// programme cannot express: its relaxation, in which each gives anything from 0
// to its most, is a lower bound of the dispatch's cost. The best choice of plants
// to stop, each tried with a programme, shows what the dispatch's choice costs.
func TestStoppingCostsNoLessThanTheRelaxation(t *testing.T) {
	systems, reached, costs, bests := 0, 0, 0.0, 0.0
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 3))
		s := drawSystem(r)
		low := sum(s.least)
		if s.demand = math.Floor((s.wind+low*r.Float64())*1000) / 1000; low == 0 {
			continue
		}
		got, _, unserved := s.dispatched()
		if unserved > milliwatts {
			continue
		}
		systems++
		sink := sum(s.export) + s.wind
		bound, ok := s.programme(make([]float64, len(s.least)), sink)
		if !ok || got < bound-1e-6*max(1, bound) {
			t.Errorf("seed %d: %v €/h, the relaxation has %v (%v): %+v", seed, got, bound, ok, s)
		}
		best := s.bestStops(sink)
		if got < best-1e-6*max(1, best) {
			t.Errorf("seed %d: %v €/h, the best choice of stops %v: %+v", seed, got, best, s)
		}
		if got <= best*1.000001+1e-9 {
			reached++
		}
		costs, bests = costs+got, bests+best
	}
	if systems < 300 || reached == 0 {
		t.Errorf("%d systems, %d as good as the best", systems, reached)
	}
	t.Logf("%d systems: %d as good as the best choice of stops, together %.1f %% dearer", systems, reached, 100*(costs/bests-1))
}

// bestStops is the least cost over every choice of plants that stop.
func (s *system) bestStops(sink float64) float64 {
	best := math.Inf(1)
	plants := len(s.least) - s.ties
	for on := range 1 << plants {
		part := system{wind: s.wind, demand: s.demand}
		for i := range s.least {
			if i >= plants || on>>i&1 == 1 {
				part.least, part.most, part.price = append(part.least, s.least[i]), append(part.most, s.most[i]), append(part.price, s.price[i])
			}
		}
		if left := s.demand - s.wind - sum(part.least); left < -sink || left > sum(part.most)-sum(part.least) {
			continue
		}
		if len(part.most) == 0 {
			return 0
		}
		if cost, ok := part.programme(part.least, sink); ok {
			best = min(best, cost)
		}
	}
	return best
}
