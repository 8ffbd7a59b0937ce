// Package viewstest has a view for tests: toy.go is the whole of what a new view takes, its
// file and its row. Absent: anything that a program may import.
package viewstest
