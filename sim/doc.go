// Package sim builds the world of a scenario and has the runner that makes each step's
// Env and audits the balance, the record of a step, and the sinks that receive it.
// The scenario language is in package scenario; a run's inputs (calendar, recordings,
// sessions, weather, market) are in inputs, its pace in live, and the figures that are
// made from its records in views.
//
// A World may have only some of a scenario's communities (BuildOnly). The grid then works
// on the rosters of these and of communities that are built elsewhere (World.Operate).
//
//	scenario, seed ─▶ World ─▶ Env(t) ─▶ Stepper ─▶ StepRecord ─▶ audit ─▶ Sinks
//
// A Stepper carries out a step, in package actors or, as Flat, in a plain loop. A Sink
// receives records: Chain makes the hash, Memory keeps frames, CSV writes tables,
// views.Summary makes the report.
//
// # What is absent
//
// No physics and no decisions: those are in package twins. No actors: sim knows only the
// interface Stepper. No text of scenarios: a world takes communities and inputs from a
// Scenario. It opens no file and no socket: package scenario opens files. It does not
// read the wall clock: package live paces a run by it.
package sim
