// Package scenario is the scenario language: YAML that says what a grid consists of, which
// inputs it has and how long it runs.
//
//	YAML ─▶ tree ─▶ shape (schema.go) ─▶ --set ─▶ draw ─▶ expand ─▶ meaning (check.go) ─▶ Scenario
//
// The schema is schema.json and the keys that every kind and strategy declares. draw.go turns
// a number of homes and the shares of their devices into ordinary entries, and expand.go does
// so with patterns. A Scenario then has what a world is built from: communities with the specs
// of their members (cells.go), inputs over a calendar (inputs.go), strategies, and events as
// commands. Origin has what is needed to load the scenario again, and checks the sums of its
// data files.
//
// Each error in a scenario is a *problem.At with its line; an error in how the scenario was
// asked for is a *problem.Usage.
//
// # What is absent
//
// No world, no steps and no figures: package sim builds twins from a Scenario, and this
// package does not know how a run is recorded. It reads files (scenarios and their data)
// and writes none. The wall clock and the zone of the machine are not read.
package scenario
