// Package importer looks at files that people have and writes a scenario that reads them:
//
//	file ─▶ text (encoding, gzip) ─▶ form (a preset, or guessed) ─▶ table ─▶ scenario, and data where the form is not one that scenarios read
//
// presets.go is the table of known forms, form.go finds the one that fits, table.go reads
// rows, scenario.go writes the YAML. What was assumed is always said: nothing is guessed
// silently. Values are exact: a converted file has the sums of the file that it was made of.
//
// # What is absent
//
// Files and terminals: the caller passes bytes and writes what is returned. The scenario is
// checked by building it, as any other. The wall clock and the zone of the machine are not
// read.
package importer
