//go:build !long

package persistence

// How often a test hurts a run.
const (
	flips = 300

	leastFlips = 50 // of a kind of file

	flipParts = 1 // processes that make them

	torn  = 200
	kills = 50

	powerLosses = 50

	dayOfSnapshots = "hamlet" // the scenario with a snapshot after each step

	forkKills = 12
)
