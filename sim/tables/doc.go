// Package tables writes the tables of a run as Parquet, with the columns of its CSV
// files and in their order: a row for each member and step, a row for each step of the
// whole grid, and a row for each booking. `smatrix export` and the server's downloads
// write the same tables, so their writer is a package of its own.
//
// Times are milliseconds since 1970 in UTC. Figures are doubles in the unit of the
// column's name, exact to the milliwatt up to 9 TW; those without decimals are int64. A
// figure is null if the kind lacks the column, the record lacks it, or the grid does not
// know the value. The metadata of tables with times has `time_zone`, the name of the
// zone whose local time the CSV files show, and `step_s`, the length of a step in
// seconds. Pages are compressed with zstd.
//
// Deliberately absent: files, records, and the choice of rows.
package tables
