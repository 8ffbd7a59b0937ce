package scenario

// Build builds a scenario's world, as package sim does, which this package cannot import:
// what only a world finds is tested beside what the language refuses. build_test.go sets it.
var Build func(*Scenario) error
