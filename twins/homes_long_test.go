//go:build long

package twins_test

func init() { homesEvery, streets = 1, 200 }
