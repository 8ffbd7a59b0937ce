// Package tables writes the two tables of sim.CSV as Parquet: a row for each member
// and step, and a row for each step of the whole grid. An export of a run and a
// download from one that is shown are the same tables, so what writes them is in
// neither.
//
// Times are milliseconds since 1970 in UTC. Figures are doubles in the unit that the
// name says, which give every milliwatt back up to 9 TW; what a kind does not have, and
// what is not known of the grid, is null. Pages are compressed with zstd.
//
// Deliberately absent: files, records, and who asks for which rows.
package tables
