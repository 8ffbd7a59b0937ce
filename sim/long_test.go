//go:build long

package sim

func init() { long = true }
