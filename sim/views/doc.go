// Package views folds the records of a run into what people ask of it: alerts,
// what plants were doing, usage by the hour, a report of the whole. A view sees
// records only, so it gives the same over a run, a replay or a fork.
//
// A new view is one file with its row (Declare). Server, journal and command
// line find it there: it is asked live and at past moments, kept with the run,
// made anew and forked. viewstest has a whole one in sixty lines. What makes a
// report (Summary and what it is made of) is folded when the report is wanted,
// and is a sink only.
package views
