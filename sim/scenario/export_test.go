package scenario

// Build is sim.Build, which this package cannot import. build_test.go sets it. So tests cover
// errors that only building the world finds beside errors of the language.
var Build func(*Scenario) error
