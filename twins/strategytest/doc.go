// Package strategytest has the smallest strategy that does something and remembers, in one
// file and one row, for tests of what grids, journals and scenarios do with any strategy.
//
// Deliberately absent: from every program that ships. A strategy that is declared is one that
// scenarios can choose.
package strategytest
