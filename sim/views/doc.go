// Package views folds the records of a run into what people ask of it: a
// report of the whole, later autarky windows, invoices, usage. A view sees
// records only, so it gives the same over a run, a replay or a fork.
package views
