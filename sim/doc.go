// Package sim says when and where: the scenario, the runner that makes each step's Env
// and audits the books, the record of a step and the sinks that take it. What a run is
// given from outside (calendar, recordings, sessions, weather, market) is in inputs, its
// pace in live, what its records come to in views.
//
// A scenario may give a number of households and say what they are: draw.go makes
// them ordinary entries.
//
// A World may have some of a scenario's communities only (BuildOnly); the grid
// is then over rosters of them and of others (World.Operate).
//
//	scenario, seed ─▶ World ─▶ Env(t) ─▶ Stepper ─▶ StepRecord ─▶ audit ─▶ Sinks
//
// A Stepper carries out a step: package actors does, and Flat does in a loop. A
// Sink takes records: Chain makes the hash, Memory keeps frames, CSV writes
// tables, views.Summary makes the report.
//
// # What is absent
//
// No physics and no decisions: those are package twins'. No actors: sim does
// not know who steps. Files are read here (scenarios, recordings), but nothing
// is written to disk and no socket is opened. The wall clock is not read: a run
// that is paced by it is package live's.
package sim
