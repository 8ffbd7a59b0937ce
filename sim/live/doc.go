// Package live paces a run for those who watch it: it pauses, plays at a speed, makes
// some steps, goes on to an event, and takes commands from outside between steps.
//
// It is the only package of sim that reads the wall clock and is called from several
// goroutines (a test of sim holds the others to that). Time paces steps and enters
// nothing else, so a live run has the digest of the same run without a pace.
//
// # What is absent
//
// No steps of its own: a sim.Runner makes them. No socket, no disk: whoever keeps
// commands gives a function that does (Options.Keep). No way back: a run goes
// forward only, and who wants the past reads it where it is kept.
package live
