// Package inputs is what a run is given from outside: the calendar with zones and
// daylight saving, recorded days of homes (recording.go), recorded sessions of vehicles,
// weather and the sun's place, the market's prices and mix. weeks.go lays records of
// other years on the scenario's.
//
// Each input is read from a CSV file by a spec, for the steps of a Calendar, and is then
// asked step by step. Whatever is wrong with a file is a *problem.At with its line.
//
// # What is absent
//
// No scenario: how an input is written in one, and who follows which column, is known
// to package scenario. No world and no steps. Files are opened through the fs.FS that the
// caller gives; nothing is written. The wall clock is not read.
package inputs
