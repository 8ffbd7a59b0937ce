//go:build !sabotage

package main

import "github.com/smatrix-grid/smatrix/sim"

// sabotage does nothing: this build cannot falsify meters.
func sabotage(*sim.World) error { return nil }
