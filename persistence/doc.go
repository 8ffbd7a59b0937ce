// Package persistence keeps runs on disk: the folder of a run has every step of it, so that
// the run can be resumed, replayed, verified and forked.
//
//	DIR/
//	├── run.json       what the run is and its state; written first and last
//	├── scenario.yaml  the scenario as it was written; a fork reads its parent's
//	├── journal/       Badger: steps, readings, states, commands
//	├── ledger         head of the chain after each step; commands and notes from outside
//	├── address        where the process that has the run open serves it; removed at its end
//	├── report.json    the report: the object of `smatrix run --json`
//	├── readings.csv   a row for each member and step     ┐
//	├── grid.csv       a row for each step of the grid    │ with --csv, once the run has ended
//	└── bookings.csv   what members shifted, went without ┘
//	                   or held back, and what they are owed for it
//
// A file that is being written is NAME.tmp: under its name it is whole (whole.go).
//
// A folder holds one run. CreateRun creates it, in a new or empty folder only; Keep begins
// its journal, and Finish closes it. Open opens it again: to read (Replay, Readings, At,
// Verify), or to continue the run (Resume). While a journal appends steps, its Reader
// reads those written. The package knows neither actors nor viewers: a run arrives as
// sim.StepRecord through sim.Sink, and is replayed the same way.
//
// # Guarantees
//
// The step is the unit. Journal.Commit returns when the operating system has the step: a
// killed process loses nothing. Durability says how often steps are synced, which bounds
// what a failed machine loses; commands and notes from outside are synced before
// AppendCommand and AppendNote return. After a failed write or sync the journal accepts nothing more, and closing it
// does not wait for what cannot be written. Before the disk is full, Commit returns
// *FullError while there is still room to close the run; if that room is taken, too, the
// run is left as a kill would leave it.
//
// Badger may lose acknowledged writes when a bit of its log flips, and still open without
// an error. So the ledger, a file of the simplest form, has the head of the chain after
// each step. Open compares the two. What the journal lacks is listed (Repairs) and
// computed again from the last readable snapshot and the commands, and must give the heads
// in the ledger. Commands and notes that one of the two lacks are taken from the other, and
// so are heads that the ledger lacks; if both are whole and differ, the run is refused. What the system refuses (room, descriptors, permission) is no damage, and
// changes nothing (SystemError). All that is read is checked against its checksum, the
// digests of its step and the chain.
//
// The memory of a store does not grow with its run. Heads are read from the ledger, a page
// of 256 steps at a time: 8 bytes a page are its offset. Commands are read from the
// journal; for each 256 the index has their range of steps. Chunks are found by their
// marks, and snapshots are arithmetic progressions.
//
// A run may delete old readings, old steps with their decisions and events, and snapshots
// (Retention). Heads and commands stay, so all of it can be computed again on request, and
// is compared. The journal is kept in a Table; journaltest tests what a Table must do, and
// what a journal must keep in it.
//
// # Forms
//
// run.json has format 3 (1 had no journal, 2 had no form). Its keys are the fields of Run.
// Its form says in which layout and by which model the steps were recorded (Form): the
// kinds, parts, columns and flows of each step, and the versions of stored states, are
// those of the program that began the run, not of the one that reads it. A run without a
// form has twins.FirstLayout, chain 2 and model 1. A fork's run.json names its parent and
// the step of the fork; earlier steps are read from the parent (Parent). The two JSON
// files are replaced as a whole, so a reader finds the old or the new one and never a part
// of one; NAME.tmp is a file that is being written. The folder is locked until the run has a journal, which is locked
// from then on: a folder with a run.json that says "running", without a journal and not locked, has nothing that is
// kept, and CreateRun takes it.
//
// The ledger begins with the 15 bytes "smatrix ledger\n" and a byte for its version, 2.
// Then come records, each
//
//	┌────────┬─────────┬──────┬───────────────────────────────────┐
//	│ length │ CRC-32C │ kind │ body                              │
//	│ u32 LE │ u32 LE  │ byte │ g  head before step 0, 32 bytes   │
//	│        │         │      │ s  tick, head after it            │
//	│        │         │      │ c  commands that arrived together │
//	│        │         │      │ n  number int, name text, value   │
//	│        │         │      │    text: a note                   │
//	│        │         │      │ e  steps made, digest: ended here │
//	└────────┴─────────┴──────┴───────────────────────────────────┘
//	  length counts kind and body; the sum is over length, kind and body
//
// A torn last record ends the ledger. Version 1 has no notes: resuming such a run writes a ledger of
// version 2. A note has the number of notes kept until then.
//
// The journal has these keys. Numbers in keys are big-endian, so that keys sort by number:
// u64 for ticks, u32 for communities (in path order), u16 for parts.
//
//	f                          format of the journal: 1
//	s tick                     a step: head, commands, digests, decisions, events, flows
//	c number                   commands from outside that arrived together, from the number-th on
//	k tick                     marks a chunk: steps, communities
//	r community tick part      readings of a community in the chunk that begins at tick
//	n steps                    marks a snapshot after so many steps: communities
//	z steps community part     states of a community; 2³²−1 is the grid: see twins.Strategy.AppendName
//	o name                     a note of the viewer's server; no part of the chain. Under key/… older programs kept the
//	                           idempotency key of a command, which is now part of the command
//	q name                     number of a note; older programs did not write it
//	e                          steps made, digest: ended here
//	h start community part     usage in the hour that begins at start  ┐ read models: Unix seconds,
//	d start community part     usage in a local day                    ┘ u64 with the sign bit turned
//	w span name 0 start community part   the same of another kind of view (views.Kind); span is h or d
//	u, u name                  number of steps in the windows of usage, of another kind
//	v steps name part          state of a view after so many steps, at snapshots and at the end
//
// Not every snapshot has views: they are written when they are small compared with the records of the steps since;
// missing ones are folded from the records.
//
// A fork has no keys for the steps before it; its usage begins with the local day and the hour of the fork. A run that
// deletes old events has no s, k and r of the old steps.
//
// A mark is written in the last transaction of what it marks. Each value is
//
//	┌─────────┬───────┬─────────┬──────────────────────┐
//	│ version │ flags │ CRC-32C │ body                 │
//	│ 1       │ byte  │ u32 LE  │ zstd if flags has 1  │
//	└─────────┴───────┴─────────┴──────────────────────┘
//	  the sum is over the key, version, flags and body as stored
//
// In bodies, int is a zigzag varint and uint a varint as of encoding/binary, text a uint for the length and the
// bytes, hash 32 bytes; a list is a uint for its length and its items.
//
//	commands   a list; of each flags uint for the fields equal to the one before (1 step, and the next seq, 2 name,
//	           4 setting, 8 value) and for optional fields (16 a body that is no setting and value: 8 is for it then,
//	           32 key, 64 account), target after, then the fields that differ: step and seq int, name text, setting
//	           text and value int, or body text; key text, account int
//	after      uint: number of leading bytes equal to the same text of the one before; text: the rest
//	step       tick int, head hash, flags uint (1 snapshot due, 2 priced, 4 mixed, 8 with caught up),
//	           states hash if due, price int, carbon int, residual int, swing, flows (int, as many as the layout has),
//	           commands, list of digests (hash), list of cells, list of text (quarantined),
//	           list of the grid's own events: member text, event; with caught up: of shifted load caught up, given up int
//	swing      flags uint (1 island, 2 blackout, 4 held by a neighbour), min, max, end, rocof, stages, relief, kinetic, shed, shed for (int)
//	cell       community uint, list of decisions, list of events, broken text, by int
//	decision   member, reason uint, power, shifted, unserved, curtailed (int)
//	event      type text, part uint, 7 int; of a cell after its member
//	member     0 the community itself, 1 text, or its index among the members + 2 (uint)
//	readings   tick int, steps uint, number of blocks uint; for each block: kind text, members
//	           uint, list of columns: name text, a series for each member; then a series for each of the layout's flows of
//	           each block and of the community's flows less the sum of the blocks', then for each figure of the
//	           community that the layout has (limit_w, mW; none in twins.FirstLayout)
//	series     0 zeros │ 1 int the same in all steps │ 2 unit uint, differences in units (int) │ 3 values (int)
//	share      of a derived column: value int, of int, then a series of the deviations from this proportion to the column before
//
//	views      each view's form and that of its windows are drawn where it is defined (sim/views); usage: usage_form.go
//	multiples  0 zeros │ unit uint, each value in units (int)
//
// A body of parts is compressed as a whole and cut; each part begins with a byte of flags: 1
// if another part follows; 2, in the first, if the fork's parent's body under the same key
// is the dictionary (zstd, raw dictionary), whose CRC-32C (u32 LE) follows. The dictionary
// of readings is the parent's chunk that contains their first step.
//
// Versions: a changed form gets a new number, a function that converts the old form into
// the new one (upgrades), and bytes of the old form in testdata. A number that is too new
// is refused.
package persistence
