// Package sim says when and where: the world that is built of a scenario, the runner that
// makes each step's Env and audits the books, the record of a step and the sinks that take
// it. The scenario language is in scenario, what a run is given from outside (calendar,
// recordings, sessions, weather, market) in inputs, the pace of a run in live, what its
// records come to in views.
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
// not know who steps. No text of scenarios: a world sees a Scenario's communities and
// inputs. No file is opened and no socket: package scenario opens files. The wall clock is not read: a run
// that is paced by it is package live's.
package sim
