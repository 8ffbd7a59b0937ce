package sim

import (
	"fmt"
	"testing"

	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/twins"
)

// BenchmarkParts measures the parts of a step of the city at ten in the morning, each by
// itself, in a plain loop over all communities, per household and step:
//
//	env     inputs of the step
//	offer   every member offers
//	fold    communities add the offers up
//	plan    the grid plans the coming day, as it does once an hour, and dispatches the step
//	settle  setpoints are divided, every load, vehicle and store steps, communities add up
//	hash    the records of all communities
//
// What viewers get is in ui (BenchmarkFrame), the journal in persistence (BenchmarkJournal),
// and whole steps are in actors (BenchmarkStep).
func BenchmarkParts(b *testing.B) {
	for _, n := range []int{1000, 10_000, 100_000} {
		b.Run(fmt.Sprintf("households=%d", n), func(b *testing.B) { benchmarkParts(b, n) })
	}
}

const partsAt = 40 // the step that is measured, 10:00, at which a plan is due

func benchmarkParts(b *testing.B, homes int) {
	s, err := scenario.Load("city", scenario.Options{Set: []string{fmt.Sprintf("households=%d", homes)}})
	if err != nil {
		b.Fatal(err)
	}
	w := mustBuild(b, s)
	flat := NewFlat(w, nil, false)
	runner := Runner{World: w, Stepper: flat}
	for range partsAt {
		if _, err := runner.Step(); err != nil {
			b.Fatal(err)
		}
	}
	part := func(name string, do func() error) {
		b.Run("part="+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := do(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(homes), "ns/household-step")
		})
		if err := do(); err != nil { // the next part needs it, also if this one is left out
			b.Fatal(err)
		}
	}
	var env twins.Env
	var scratch twins.Scratch
	var hasher CellHasher
	g := flat.balance
	each := func(do func(i int, c *twins.Cell) error) func() error {
		return func() error {
			for i, c := range w.Cells {
				if err := do(i, c); err != nil {
					return err
				}
			}
			return nil
		}
	}
	carry := each(func(i int, c *twins.Cell) error { _, err := c.Carry(&env, &g.Asks()[i], &scratch); return err })
	part("hash", each(func(_ int, c *twins.Cell) error { hasher.Sum(c.Record()); return nil }))
	part("env", func() error { return w.Env(partsAt, &env) })
	g.Begin(&env)
	part("offer", each(func(i int, c *twins.Cell) error { return askAll(c, &env, &g.Asks()[i], &scratch) }))
	part("fold", each(func(_ int, c *twins.Cell) error { c.End(twins.StageOffer, &env, &scratch); return nil }))
	for i, c := range w.Cells {
		if err := g.Take(i, c.Answer()); err != nil {
			b.Fatal(err)
		}
	}
	planned := 0
	part("plan", func() error {
		if planned++; planned > 1 {
			g.Rollback()
		}
		g.Next(&env)
		return nil
	})
	part("settle", carry)
}

// askAll asks every member of a cell at a stage, without the fold at its end.
func askAll(c *twins.Cell, env *twins.Env, ask *twins.Ask, w *twins.Scratch) error {
	w.Reset()
	if err := c.Begin(env, ask); err != nil {
		return err
	}
	for r := range c.Rounds(ask.Stage) {
		for _, k := range c.Round(ask.Stage, r) {
			for i := range c.Blocks[k].Paths {
				if err := c.Ask(ask.Stage, twins.Slot{Block: k, Index: int32(i)}, env, w); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
