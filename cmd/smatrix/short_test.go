//go:build !long

package main

// The short forms: the comparison of views for the hamlet, and so many members of each kind; the fault matrix with
// each fault at one place of each command.
const (
	allScenarios = false
	members      = 3
	manyFaults   = false
)
