//go:build !sabotage

package main

import "github.com/smatrix-grid/smatrix/sim"

// sabotage does nothing: meters cannot be made to lie in this build.
func sabotage(*sim.World) error { return nil }
