//go:build long

package ui

const long = true
