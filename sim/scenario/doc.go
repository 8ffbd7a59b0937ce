// Package scenario is the scenario language: YAML that says what a grid is made of, what it
// is given and how long it is run.
//
//	YAML ─▶ tree ─▶ shape (schema.go) ─▶ --set ─▶ draw ─▶ expand ─▶ meaning (check.go) ─▶ Scenario
//
// The schema is schema.json with the keys of every kind and strategy, as they declare them.
// draw.go makes homes that are given by number and share ordinary entries, and expand.go
// makes entries of patterns. A Scenario then answers what a world is built from: its
// communities with the specs of their members (cells.go), inputs over a calendar
// (inputs.go), strategies, and events as commands. Origin says where it comes from, with
// the sums of its data files, so that it can be loaded again.
//
// What is wrong with a scenario is a *problem.At for each thing, with its line; what is
// wrong with how it was asked for is a *problem.Usage.
//
// # What is absent
//
// No world, no steps and no figures: package sim builds twins from a Scenario, and this
// package does not know how a run is recorded. It reads files (scenarios and their data)
// and writes none. The wall clock and the zone of the machine are not read.
package scenario
