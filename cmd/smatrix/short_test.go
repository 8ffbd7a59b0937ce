//go:build !long

package main

// The short form of the comparison of views: the hamlet, and so many members of each kind.
const (
	allScenarios = false
	members      = 3
)
