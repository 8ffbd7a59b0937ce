// Package tables writes the two tables of sim.CSV as Parquet: a row for each member
// and step, and a row for each step of the whole grid. `smatrix export` and the
// server's downloads write the same tables, so their writer is a package of its own.
//
// Times are milliseconds since 1970 in UTC. Figures are doubles in the unit of the
// column's name, exact to the milliwatt up to 9 TW. A figure is null if the kind lacks
// the column or the grid does not know the value. Pages are compressed with zstd.
//
// Deliberately absent: files, records, and the choice of rows.
package tables
