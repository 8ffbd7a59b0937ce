// Package twins says what a thing is: a household, a battery, a vehicle, a
// producer, a tie, a community, the grid. A twin is pure: it has a state, it
// offers what it can do in a step, it steps on a setpoint, and it applies what
// happened. There is no clock here, no file, no socket, no goroutine and no
// global random number; only the standard library is imported.
//
// # Signs and units
//
// Load convention everywhere: + draws from the node (import, charging),
// − injects into it (export, discharging, generation). Power is in integer
// milliwatts, Energy in integer millijoules, totals above a member in 128 bits,
// so that sums are exact in any order. Physics may use float64 inside one
// function; it is rounded once, where it becomes a Power.
//
// # A kind is one file
//
// Config, state, events and physics of a kind are in its file, and Declare
// adds it to the registry. No other code has a switch on kinds: the scenario
// reader, the actors, the recorder and the laws of package twintest read its
// row.
//
// # A strategy is one file
//
// Decisions are made at three levels: by the grid's Controller, and by a Steward of
// each community and home. DeclareStrategy adds one to the registry by name, and a
// scenario chooses. A strategy sees offers and a Network's answers, never a twin.
//
// # One step
//
//	Offer ─▶ Settle ─▶ [Revise] ─▶ Close ─▶ Commit
//
// A Cell is a community with its members, a Balance the grid over communities. They
// exchange values, an Ask and an Answer at each stage; besides, the grid has a Roster of
// each community. Both are state machines without turns of their own: package actors
// drives them by messages, sim.Flat by a loop.
package twins
