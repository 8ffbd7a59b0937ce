//go:build !sabotage

package main

// canSabotage says whether this build can falsify meters.
const canSabotage = false
