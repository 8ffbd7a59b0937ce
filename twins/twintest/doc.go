// Package twintest holds every kind of twin to the same laws and makes random
// grids to try them on. A kind added to package twins is covered as soon as it
// is declared: its Sample draws the entries.
//
// It depends on nothing but package twins and the standard library, so that any
// package's tests may use it.
package twintest
