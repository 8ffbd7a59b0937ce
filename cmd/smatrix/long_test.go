//go:build long

package main

// The long forms: the comparison of views for all scenarios, and so many members of each kind; the fault matrix with
// each fault at several places of each command.
const (
	allScenarios = true
	members      = 20
	manyFaults   = true
)
