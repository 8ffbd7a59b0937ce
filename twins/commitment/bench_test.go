package commitment_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/smatrix-grid/smatrix/twins"
	"github.com/smatrix-grid/smatrix/twins/commitment"
)

// fleetOf is n plants of every technology against a day of load with sun at
// noon.
func fleetOf(n, periods int) *commitment.Problem {
	sort := []commitment.Unit{
		{Name: "coal", Max: 155, Min: 62, Cost: 124, MinUp: 8 * hour, MinDown: 8 * hour, WarmAfter: 11 * hour, ColdAfter: 60 * hour,
			Starts: [3]commitment.Start{{3 * hour, 15}, {6 * hour, 24}, {10 * hour, 23}}, State: commitment.On, Since: 100 * hour},
		{Name: "engine", Max: 120, Min: 48, Cost: 134, Starts: [3]commitment.Start{{300, 3}, {300, 3}, {300, 4}}, Since: 100 * hour},
		{Name: "engine", Max: 120, Min: 48, Cost: 135, Starts: [3]commitment.Start{{300, 3}, {300, 3}, {300, 4}}, Since: 100 * hour},
		{Name: "biogas", Max: 75, Min: 37, Cost: 95, Starts: [3]commitment.Start{{300, 2}, {300, 2}, {300, 3}}, State: commitment.On, Since: 100 * hour},
		{Name: "hydro", Max: 25, Cost: 5, Starts: [3]commitment.Start{{120, 0}, {120, 0}, {120, 0}}, State: commitment.On, Since: 100 * hour},
		{Name: "gas turbine", Max: 55, Min: 22, Cost: 140, MinUp: 2 * hour, MinDown: 2 * hour, WarmAfter: hour, ColdAfter: hour,
			Starts: [3]commitment.Start{{600, 1}, {600, 1}, {600, 2}}, Since: 100 * hour},
		{Name: "combined cycle", Max: 355, Min: 170, Cost: 85, MinUp: 8 * hour, MinDown: 4 * hour, WarmAfter: hour, ColdAfter: 2 * hour,
			Starts: [3]commitment.Start{{4500, 13}, {7200, 20}, {12600, 28}}, State: commitment.On, Since: 100 * hour},
	}
	p := &commitment.Problem{Period: 86400 / twins.Seconds(periods), LargestInfeed: true}
	total := twins.Power(0)
	for i := range n {
		u := sort[i%len(sort)]
		u.Name = fmt.Sprint(u.Name, i)
		size := 1000 * twins.Power(900+(i*37)%200) // every plant is a little different
		u.Max, u.Min, u.Cost = u.Max*size, u.Min*size, u.Cost*1e6+twins.Price((i*7919)%1000)*1000
		for h := range u.Starts {
			u.Starts[h].Cost *= twins.Euro
		}
		total += u.Max
		p.Units = append(p.Units, u)
	}
	for t := range periods {
		h := 24 * (float64(t) + 0.5) / float64(periods)
		load := 0.40 + 0.1*math.Exp(-(h-8)*(h-8)/4) + 0.22*math.Exp(-(h-19)*(h-19)/6) - 0.30*math.Exp(-(h-13)*(h-13)/6)
		p.Residual = append(p.Residual, twins.Power(load*float64(total)))
	}
	return p
}

func BenchmarkSolve(b *testing.B) {
	for _, units := range []int{7, 40, 160} {
		b.Run(fmt.Sprintf("units=%d/periods=96", units), func(b *testing.B) {
			p := fleetOf(units, 96)
			for b.Loop() {
				s, err := commitment.Solve(p)
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(s.Cost.Euros(), "€")
				b.ReportMetric(float64(s.ReserveShort), "short")
			}
		})
	}
}
