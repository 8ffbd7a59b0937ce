// Package persistence is what touches the disk: the folder of a run.
//
//	DIR/
//	├── run.json      what the run is and how it stands; written first and last
//	├── report.json   what it came to: the object of `smatrix run --json`
//	├── readings.csv  a row for each member and step     ┐ if they were
//	└── grid.csv      a row for each step of the grid    ┘ asked for
//
// A folder holds one run. It is created by CreateRun, which takes new and empty
// folders only and changes nothing in others, and it is closed by Finish. The two
// JSON files are replaced as a whole, so that whoever reads one finds the old or
// the new and never a part of it. run.json.tmp is one that is being written:
//
//	┌─ run.json ────────────────────────────────────────────────┐
//	│ format    1; another shape gets another number            │
//	│ scenario  its name                                        │
//	│ seed      of all random numbers, 0 … 2⁶⁴−1                │
//	│ created   RFC 3339, UTC; the wall clock, for people only  │
//	│ smatrix   version of the program                          │
//	│ state     running, then done, interrupted or failed       │
//	└───────────────────────────────────────────────────────────┘
//
// A run that is running although no process works on it was killed.
//
// Deliberately absent for now is the journal, the record of each step from which
// a run is replayed, resumed and forked, and Badger, which will keep it in the
// same folder. Neither actors nor viewers are known here: a run arrives as
// sim.StepRecord through sim.Sink.
package persistence
