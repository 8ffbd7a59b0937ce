// Package live controls a run while viewers watch it: a Driver pauses the run, plays it at a
// speed, makes a number of steps, runs until an event, and takes commands between steps.
//
// It is the only package of sim that reads the wall clock and whose methods are safe to call
// from several goroutines (a test of sim checks the other packages). The wall clock decides
// only when a step is made, so a live run has the digest of the same run without a pace.
//
// # What is absent
//
// No steps: a sim.Runner makes them. No socket and no disk: the caller passes a function that
// stores commands (Options.Keep). No way back: a run goes forward only, and earlier steps are
// read from the journal.
package live
