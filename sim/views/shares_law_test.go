package views

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/twins"
	"github.com/smatrix-grid/smatrix/twins/twintest"
)

// randomShares are the ratios of a random grid: some plants are renewable, the neighbour's mix is not known
// at all times, and batteries have floors.
func randomShares(g *twintest.Grid, w *sim.World) *Shares {
	r := rand.New(rand.NewPCG(g.Seed, 21))
	s := &Shares{renewable: map[string]bool{}}
	if r.IntN(4) > 0 {
		s.neighbour = func(t twins.Tick) (twins.Ratio, bool) {
			return twins.Ratio(int64(t) * 123_456_789 % int64(twins.One)), t%3 > 0
		}
	}
	for _, c := range w.Cells {
		floors := make([][]twins.Energy, len(c.Blocks))
		for i, b := range c.Blocks {
			for _, path := range b.Paths {
				s.renewable[path] = r.IntN(2) == 0
				if b.Kind == twins.Battery {
					floors[i] = append(floors[i], twins.Energy(r.Int64N(int64(5*twins.KilowattHour))))
				}
			}
		}
		s.floors = append(s.floors, floors)
	}
	return s
}

// beganWith is what storage held before the step of a record, above the floors.
func beganWith(s *Shares, rec *sim.StepRecord) twins.Energy {
	var of [2]poolFlows
	for n, c := range rec.Cells {
		for i := range c.Blocks {
			switch b := &c.Blocks[i]; {
			case b.Kind == twins.Battery:
				of[0].add(b, s.floors[n][i], rec.Step)
			case b.Kind.Role == twins.RoleStorage:
				of[1].add(b, nil, rec.Step)
			}
		}
	}
	return max(0, of[0].content-of[0].stored) + max(0, of[1].content-of[1].stored)
}

// In every step of random grids what is used is renewable, non-renewable or of unknown origin, to the
// millijoule, and so the three shares add up to 1; own production is never more than what is used.
func TestSharesBySourceAddUp(t *testing.T) {
	var sum shared
	for seed := range uint64(400) {
		g := twintest.NewGrid(seed)
		cells, node := g.Build()
		w := &sim.World{Cells: cells, Grid: node}
		s, loop := randomShares(g, w), sim.NewFlat(w, twins.MeritOrder{}, false)
		var env twins.Env
		began := twins.Total{}
		for tick := range twins.Tick(twintest.Steps) {
			g.Env(tick, &env)
			rec, err := loop.Step(&env)
			if err != nil {
				t.Fatal(err)
			}
			rec.Tick, rec.Step = tick, g.Site.Step
			before := s.shared
			if err := s.Commit(rec); err != nil {
				t.Fatal(err)
			}
			if tick == 0 { // what storage held then has been used, lost or is still held
				began = began.Plus(beganWith(s, rec))
			}
			used, bySource := s.sum(consumption), twins.Total{}
			for k, e := range s.used {
				bySource = bySource.PlusTotal(e)
				if e.Minus(before.used[k]).Sign() < 0 {
					t.Fatalf("seed %d, step %d: less than nothing came from source %d", seed, tick, k)
				}
			}
			switch {
			case bySource != used:
				t.Fatalf("seed %d, step %d: %v Wh by source, %v used", seed, tick, bySource.WattHours(), used.WattHours())
			case used.Minus(s.ownUsed).Sign() < 0:
				t.Fatalf("seed %d, step %d: %v Wh of own production used, %v in all", seed, tick, s.ownUsed.WattHours(), used.WattHours())
			}
			var content [2]twins.Energy // of batteries, above the floors, and vehicles
			for n, c := range rec.Cells {
				for i := range c.Blocks {
					b := &c.Blocks[i]
					if b.Kind.Role != twins.RoleStorage {
						continue
					}
					at := 0
					if b.Kind == twins.Vehicle {
						at = 1
					}
					for m, held := range b.Column(b.ColumnNamed(twins.ColumnContent.Name)) {
						if b.Kind == twins.Battery {
							held -= int64(s.floors[n][i][m])
						}
						content[at] += max(0, twins.Energy(held))
					}
				}
			}
			for at, p := range []*pool{&s.batteries, &s.vehicles} {
				if p.held.whole() != content[at] {
					t.Fatalf("seed %d, step %d: stores hold %d mJ by source, and %d in all", seed, tick, p.held.whole(), content[at])
				}
				if p.held.own < 0 || p.held.own > p.held.whole() || slices.Min(p.held.by[:]) < 0 {
					t.Fatalf("seed %d, step %d: a store holds %+v", seed, tick, p.held)
				}
			}
		}
		if parts := s.energy("held_before_used").PlusTotal(s.energy("other_unknown_used")); parts != s.energy("unknown_used") {
			t.Errorf("seed %d: of unknown origin are %v Wh, in parts %v", seed, s.energy("unknown_used").WattHours(), parts.WattHours())
		}
		if more := s.used[heldBefore].Minus(began); more.Sign() > 0 {
			t.Errorf("seed %d: %v Wh more are used than storage held before the run", seed, more.WattHours())
		}
		all := s.Ratios()
		if all[0] == nil {
			continue
		}
		if off := *all[2] + *all[3] + *all[4] - 1; math.Abs(off) > 1e-12 {
			t.Errorf("seed %d: the shares add up to 1%+g", seed, off)
		}
		of := SumToHundred(*all[2], *all[3], *all[4])
		if tenths := math.Round(10*of[0]) + math.Round(10*of[1]) + math.Round(10*of[2]); tenths != 1000 {
			t.Errorf("seed %d: they are shown as %v", seed, of)
		}
		for k := range sum.used {
			sum.used[k] = sum.used[k].PlusTotal(s.used[k])
		}
		sum.driven = sum.driven.PlusTotal(s.driven)
	}
	if sum.used[0].Sign() == 0 || sum.used[1].Sign() == 0 || sum.used[2].Sign() == 0 || sum.used[3].Sign() == 0 || sum.driven.Sign() == 0 {
		t.Errorf("%+v: the test shows nothing", sum)
	}
}

func TestSumToHundred(t *testing.T) {
	third := 1. / 3
	for _, row := range []struct{ shares, want []float64 }{
		{[]float64{third, third, third}, []float64{33.4, 33.3, 33.3}},
		{[]float64{0.43449, 0.44549, 0.12002}, []float64{43.5, 44.5, 12.0}},
		{[]float64{1, 0, 0}, []float64{100, 0, 0}},
		{[]float64{0.99996, 0.00002, 0.00002}, []float64{100, 0, 0}},
		{[]float64{0.0005, 0.0005, 0.999}, []float64{0.1, 0, 99.9}},
	} {
		for i, got := range SumToHundred(row.shares...) {
			if got != row.want[i] {
				t.Errorf("%v: got %v, want %v", row.shares, SumToHundred(row.shares...), row.want)
				break
			}
		}
	}
}

// A part of a mix has its sources, to the millijoule; what is more than the whole is of unknown origin.
func TestPartOfAMix(t *testing.T) {
	whole := mix{by: [numSources]twins.Energy{10, 20, 2, 1}, own: 15}
	for _, row := range []struct {
		of, left twins.Energy
		want     mix
	}{
		{0, 33, mix{}},
		{11, 22, mix{by: [numSources]twins.Energy{3, 7, 0, 1}, own: 5}},
		{33, 0, whole},
		{40, 0, mix{by: [numSources]twins.Energy{10, 20, 2, 8}, own: 15}},
	} {
		m := whole
		if got := m.take(row.of); got != row.want || m.whole() != row.left || got.whole() != row.of {
			t.Errorf("%d of %+v: %+v and %d left, want %+v and %d", row.of, whole, got, m.whole(), row.want, row.left)
		}
	}
	var nothing mix
	if got := nothing.part(7); got != unknownMix(7) {
		t.Errorf("7 of nothing is %+v", got)
	}
}
