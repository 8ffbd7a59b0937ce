// Package sim has the world that is built from a scenario, the runner that makes each
// step's Env and audits the balance, the record of a step, and the sinks that receive it.
// The scenario language is in package scenario; a run's inputs (calendar, recordings,
// sessions, weather, market) are in inputs, its pace in live, and the figures that are
// made from its records in views.
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
// not know who steps. No text of scenarios: a world has a Scenario's communities
// and inputs. It opens no file and no socket: package scenario opens files. It
// does not read the wall clock: package live paces a run by it.
package sim
