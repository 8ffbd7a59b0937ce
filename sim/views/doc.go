// Package views folds the records of a run into alerts, states of plants, usage by
// the hour, and a report of the whole run. A view reads records only, so a run, a
// replay and a fork with the same records give the same view.
//
// A new view is one file with its row (Declare). Server, journal and command line
// find the row: they query the view live and at past moments, store it with the run,
// rebuild it and fork it. viewstest has a complete view in sixty lines. Summary and
// the types that it consists of are only sinks: they are folded when a report is
// requested.
//
// Deliberately absent: anything of a twin that its record lacks, and where views are
// stored, which is the journal's.
package views
