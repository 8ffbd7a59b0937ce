//go:build long

package twins

func init() {
	driftSteps = 1_000_000_000
	batterySteps = 1_000_000_000
}
