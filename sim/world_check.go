package sim

import (
	"github.com/smatrix-grid/smatrix/sim/problem"
	"github.com/smatrix-grid/smatrix/twins"
)

// The checks of this file need a scenario's twins: it can be built, but makes no sense.

// checkLimits refuses a community whose limit is below the essential load of its members
// in the run's first step, less what its own panels and plants could give then. A greater
// need in later steps is no error: it is served and reported.
func (w *World) checkLimits() error {
	var found []error
	var env *twins.Env
	for i, g := range w.Scenario.Communities() {
		limit, err := g.Limit()
		if err != nil {
			return err
		}
		if limit == 0 { // no limit
			continue
		}
		if env == nil {
			env = &twins.Env{}
			if err := w.Env(0, env); err != nil {
				return err
			}
		}
		essential, own := needOf(w.Cells[i], env)
		if need := essential - own; limit < need {
			found = append(found, g.LimitProblem("%v W, below what its members need at the start: %v W of essential load, of which %v W from its own plants; wanted %v W or more",
				limit.Watts(), essential.Watts(), own.Watts(), need.Watts()))
		}
	}
	return problem.Join(found)
}

// needOf returns the essential load of a community's members in a step, and how much of
// it its own panels and plants could give: own ≤ essential.
func needOf(c *twins.Cell, env *twins.Env) (essential, own twins.Power) {
	for _, b := range c.Blocks {
		if b.Kind.Role == twins.RoleTie {
			continue
		}
		for i := range b.Paths {
			var f twins.Flex
			b.Slab.Offer(i, env, &f)
			essential += f.Tier[twins.Essential].Ref
			own -= f.Tier[twins.Generation].Min
		}
	}
	return essential, min(essential, own)
}

// checkReserve refuses a reserve that is not below the power of all plants and ties
// together. Wind and sun do not count, since their output follows the weather.
func (w *World) checkReserve() error {
	if w.Scenario.Reserve == 0 {
		return nil
	}
	var fleet twins.Power
	var f twins.Flex
	for _, c := range w.Cells {
		for _, at := range c.Units() {
			b := c.Blocks[at.Block]
			switch slab := b.Slab.(type) {
			case twins.Generator:
				if p := slab.Plant(int(at.Index)); p.Duty != twins.Variable {
					fleet += p.Rated
				}
			case twins.Holder:
				f = twins.Flex{}
				b.Slab.Offer(int(at.Index), &twins.Env{}, &f)
				fleet -= f.Tier[twins.Generation].Min
			}
		}
	}
	if w.Scenario.Reserve < fleet {
		return nil
	}
	return w.Scenario.Problem("reserve_w", "%v W is all that plants and ties have (%v W) or more, wanted less", w.Scenario.Reserve.Watts(), fleet.Watts())
}
