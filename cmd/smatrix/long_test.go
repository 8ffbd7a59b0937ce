//go:build long

package main

// The long form of the comparison of views: all scenarios, and so many members of each kind.
const (
	allScenarios = true
	members      = 20
)
