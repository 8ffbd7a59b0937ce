//go:build long

package twins

func init() { driftSteps = 1_000_000_000 }
