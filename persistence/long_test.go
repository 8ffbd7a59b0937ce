//go:build long

package persistence

// How often a test hurts a run.
const (
	flips = 10_000

	leastFlips = 1_000 // of a kind of file

	flipParts = 8 // processes that make them

	torn  = 1_000
	kills = 1_000

	powerLosses = 1_000

	dayOfSnapshots = "town" // the scenario with a snapshot after each step

	forkKills = 200
)
