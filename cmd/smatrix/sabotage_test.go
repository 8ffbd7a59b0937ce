//go:build sabotage

package main

// canSabotage says whether meters of this build can be made to lie.
const canSabotage = true
