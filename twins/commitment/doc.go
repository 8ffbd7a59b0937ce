// Package commitment decides which plants run when over the coming day: unit
// commitment by priority list with look-ahead.
//
// A Problem is what is known when a plan is due: the units with the state that
// they are in, the residual load of each period as forecast (load less what wind
// and sun give), the tie, and what must be in reserve. Solve answers a Schedule:
// when each unit runs and with how much, when starts must be ordered so that it
// is ready, and what remains unserved, short of reserve or spilled, by period.
// What is physically impossible is no error: it is in the schedule.
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
// the cheapest first. So commitment is all that there is to decide. With the
// others as they are, the best schedule of one unit (with start-up by how cold it
// has become, minimum up and down times, outages) is exact, by dynamic
// programming over its switching times. Units answer each other in turn, in order
// of their average cost: once from nothing running, once from everything running,
// where the dearest are released first (unit decommitment: Tseng et al. 2000, A
// unit decommitment method in power system scheduling). What no single unit can
// improve is then shaken: a run is forbidden, or a gap filled, its neighbours in
// the list answer, and the outcome stays if it is better.
//
// It is a heuristic: the tests hold how far it is from the optimum, found by
// enumeration.
//
// # Deliberately absent
//
// Ramps: a period is long against them, and the dispatch has them. Storage: its
// schedule is its owner's, its power is in the residual load and its headroom in
// ReserveOther. Networks. Probabilities of outages: reserve is a rule. Cost that
// bends with output: a plant has one price.
package commitment
