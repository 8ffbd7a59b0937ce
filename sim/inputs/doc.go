// Package inputs reads the data that a run takes from outside: the calendar with zones
// and daylight saving, recorded loads and generation of homes (recording.go), recorded
// charging sessions of vehicles, weather and the position of the sun, and the market's
// prices and generation mix. weeks.go maps records of other years to the scenario's
// year.
//
// Each input is a CSV file. A spec says how to read it for the steps of a Calendar; the
// result is then queried step by step. Every error in a file is a *problem.At with its
// line. Values that can be read and are not plausible are taken as they are, with a
// problem.Warning (plausible.go, plausible_weather.go).
//
// One reader reads them all, in two passes over the file:
//
//	file ─▶ text in UTF-8 ─▶ rows (table.go) ─▶ moments (stamps.go) ─▶ survey: which time the rows cover
//	                                                                └▶ values (number) ─▶ slots that the run needs (fit.go) ─▶ gaps (gaps.go)
//
// It holds a row, the slots that the run needs, and the values next to them that a gap
// rule uses. A Format says how the file is written; its zero value is a plain CSV.
// A Profile (profile.go) is what the same two passes find without a run, for package
// importer.
//
// What was read goes to a temporary file (spill.go), from which a run reads a window of
// some days as it goes: powers of all columns by step (Window), weather and prices by row.
// So a run of a year holds no more than one of some weeks. Windows are queried in any
// order: a forecast looks ahead, a replay seeks.
//
// # What is absent
//
// Scenarios: package scenario knows how an input is written in one, and which member
// uses which column. Worlds and their steps. Files are opened through the fs.FS that
// the caller passes; nothing is written but temporary files without a name. The wall clock
// is not read.
package inputs
