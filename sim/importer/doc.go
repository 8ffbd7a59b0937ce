// Package importer looks at files that people have and writes a scenario that reads them:
//
//	file ─▶ form (a preset, or guessed) and keys of its format ─▶ profile by the reader of scenarios ─▶ scenario
//
// presets.go is the table of known forms, form.go finds the one that fits and the keys that
// say how the file is written, roles.go says what columns are by their names, units.go
// in which unit they are and whether they are of power or energy at all, registers.go joins those of one home, scenario.go writes the YAML. The scenario names the file
// itself: values are read by sim/inputs alone, here and in every run. What was assumed is
// always said: nothing is guessed silently.
//
// What a home has drawn and what it has fed in are the two registers of its meter. They make one
// home, whose meter has their difference in each step. What both counted within one interval
// is netted there, which is a warning.
//
// A net column of the grid is that difference. Beside it, or beside the registers, what panels gave tells
// what the home consumed. A recorded battery is no member of the scenario: what it took and gave is taken
// out of what the home consumed where both are known, and left out otherwise.
//
// A column has evidence: a unit that scenarios read, a word of power or energy in its name, or the unit
// of the caller. Others are left out, and a file without any is refused. A unit that is stated is never
// taken for another one.
//
// The energy export of Home Assistant is converted (home_assistant.go): it has a row for
// each series and a column for each time.
//
// # What is absent
//
// Terminals, and writing files: the caller passes a file system and writes what is returned.
// The scenario is checked by building it, as any other. The wall clock and the zone of the
// machine are not read.
package importer
