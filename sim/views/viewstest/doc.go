// Package viewstest has a view for tests: toy.go is a complete view, one file with its row.
// Deliberately absent: anything that a program may import.
package viewstest
