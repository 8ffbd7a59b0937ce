// Package commitment decides which plants run when over the coming day: unit
// commitment by priority list with look-ahead.
//
// A Problem is what is known when a plan is due: the units and their state, the
// residual load of each period as forecast (load less wind and sun), the tie,
// and the required reserve. Solve returns a Schedule: when each unit runs and
// with how much, when starts must be ordered so that it is ready, and what
// remains unserved, short of reserve or spilled, by period. A physical
// impossibility is no error: the schedule shows it.
//
// # Objectives
//
// In this order, each before all that follow: the manager's orders kept, least
// unserved energy, least shortfall of reserve, least spilled, least cost. They
// are compared exactly, in integers.
//
// # Method
//
// The output of committed units is that of the dispatch: each at its least, then
// the cheapest first. So only commitment is decided. With the other units fixed,
// the best schedule of one unit (with start-up by how cold it has become, minimum
// up and down times, outages) is exact, by dynamic programming over its switching
// times. Units respond to each other in turn, in order of their average cost:
// once from nothing running, once from everything running, where the dearest are
// released first (unit decommitment: Tseng et al. 2000, A unit decommitment
// method in power system scheduling). A schedule that no single unit can improve
// is then shaken: a run is forbidden, or a gap filled, its neighbours in the list
// respond, and the result is kept if it is better.
//
// It is a heuristic: the tests bound its distance from the optimum, which
// they find by enumeration.
//
// # Deliberately absent
//
// Ramps: they are short against a period, and the dispatch has them. Storage:
// its schedule is its owner's, its power is in the residual load and its
// headroom in ReserveOther. Networks. Probabilities of outages: reserve is a
// rule. Cost that varies with output: a plant has one price.
package commitment
