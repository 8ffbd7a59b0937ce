// Package strategytest has the smallest strategy with an effect and a memory, in one file and
// one row, for tests of how grids, journals and scenarios treat any strategy.
//
// Deliberately absent: from every program that ships, since scenarios can choose any declared
// strategy.
package strategytest
