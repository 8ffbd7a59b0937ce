//go:build !long

package ui

const long = false
