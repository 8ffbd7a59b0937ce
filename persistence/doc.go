// Package persistence is what touches the disk: the folder of a run, and in it every
// moment of the run, so that it can be resumed, replayed, verified and forked.
//
//	DIR/
//	├── run.json       what the run is and how it stands; written first and last
//	├── scenario.yaml  the scenario as it was written; a fork's is its parent's
//	├── journal/       Badger: steps, readings, states, commands
//	├── ledger         head of the chain after each step, and commands from outside
//	├── address        where the process that holds the run is to be asked; gone with it
//	├── report.json    what it came to: the object of `smatrix run --json`
//	├── readings.csv   a row for each member and step     ┐
//	├── grid.csv       a row for each step of the grid    │ if they were asked for
//	└── bookings.csv   what members shifted, went without ┘
//	                   or held back, and are owed for it
//
// A folder holds one run. It is created by CreateRun, which takes new and empty
// folders only and changes nothing in others; Keep begins its journal, and Finish
// closes it. Open opens it again: to read (Replay, Readings, At, Verify), or to go on
// (Resume). While a journal takes steps, its Reader reads what it has kept. Neither actors nor viewers are known here: a run arrives as
// sim.StepRecord through sim.Sink, and is given back the same way.
//
// # What is relied on
//
// The step is the unit. Journal.Commit returns when a step has been handed to the
// operating system: a process that is killed loses nothing. Durability says how often it is
// synced, so that a machine that fails loses no more than that; commands from outside
// are synced before AppendCommand returns. After a write or a sync that failed nothing more is
// taken, and closing does not wait for what cannot be written. Before the disk is full,
// *FullError says so while there is still room to close; where others have taken that,
// too, the run is left as a kill leaves it.
//
// Badger may lose acknowledged writes when a bit of its log flips, and open without a
// word. So the ledger, a file of the plainest form, has the head of the chain after
// each step. On Open the two are compared. What the journal lacks is named
// (Repairs), computed again from the last good snapshot and the commands, and must come
// to the heads of the ledger; what the ledger lacks is taken from the journal; where
// both are whole and differ, the run is refused. All that is read is checked
// against its checksum, the digests of its step and the chain.
//
// What a store has in memory does not grow with its run. Heads are read from the ledger, a page
// of 256 steps at a time: 8 bytes a page say where it begins. Commands are read from the journal;
// of each 256 the index has for which steps they are. Chunks are found by their
// marks, and of snapshots there are progressions.
//
// A run may let go of old readings, of old steps with their decisions and events, and of
// snapshots (Retention). Heads and commands stay, so all of it is computed again when it
// is asked for, and compared. What stands in the journal stands in a Table; what that must
// do, and what a journal must keep in it, is in journaltest.
//
// # Forms
//
// run.json has format 3 (1 had no journal, 2 had no form). Its form says in which layout the steps
// were recorded and by which model (Form): the kinds, parts, columns and flows of each step, and the
// versions of stored states, are those of the program that began the run, not of the one that reads it.
// A run without a form has twins.FirstLayout, chain 2 and model 1. A fork's says of which run it is one, and from
// which step on; what was before is read from there (Parent). The two JSON files are replaced as a whole, so that whoever
// reads one finds the old or the new and never a part of it; NAME.tmp is one that is
// being written. Its keys are the fields of Run.
//
// The ledger begins with the 15 bytes "smatrix ledger\n" and a byte for its version, 1.
// Then come records, each
//
//	┌────────┬─────────┬──────┬───────────────────────────────────────┐
//	│ length │ CRC-32C │ kind │ body                                  │
//	│ u32 LE │ u32 LE  │ byte │ g  head before step 0, 32 bytes       │
//	│        │         │      │ s  tick, head after it                │
//	│        │         │      │ c  commands that came together        │
//	│        │         │      │ e  steps made, digest: ended here     │
//	└────────┴─────────┴──────┴───────────────────────────────────────┘
//	  length counts kind and body; the sum is over length, kind and body
//
// A last record that is not whole was torn and ends the ledger.
//
// The journal has these keys. Numbers in keys are big-endian, so that they lie in
// order: u64 for ticks, u32 for communities (in path order), u16 for parts.
//
//	f                          format of the journal: 1
//	s tick                     a step: head, commands, digests, decisions, events, flows
//	c number                   commands from outside that came together, from the number-th on
//	k tick                     marks a chunk: steps, communities
//	r community tick part      readings of a community in the chunk that begins at tick
//	n steps                    marks a snapshot after so many steps: communities
//	z steps community part     states of a community; 2³²−1 is the grid: see twins.Strategy.AppendName
//	o name                     a note of who shows the run; no part of the chain. Under key/… older programs kept the
//	                           idempotency key of a command, which stands with the command since
//	e                          steps made, digest: ended here
//	h start community part     usage in the hour that begins at start  ┐ read models: Unix seconds,
//	d start community part     usage in a local day                    ┘ u64 with the sign bit turned
//	w span name 0 start community part   the same of another kind of view (views.Kind); span is h or d
//	u, u name                  steps that are in the windows of usage, of another kind
//	v steps name part          what a view knew after so many steps, at snapshots and at the end
//
// Not every snapshot has views: they are written when they are little beside the steps since then, and what is not
// there is folded from the records.
//
// A fork has no keys for the steps before it; its usage begins with the local day and the hour of the fork. A run that lets go of old events has no s of the
// steps before, and no k and r.
//
// A marker is written in the last transaction of what it stands for. Each value is
//
//	┌─────────┬───────┬─────────┬──────────────────────┐
//	│ version │ flags │ CRC-32C │ body                 │
//	│ 1       │ byte  │ u32 LE  │ zstd if flags has 1  │
//	└─────────┴───────┴─────────┴──────────────────────┘
//	  the sum is over the key, version, flags and body as it stands
//
// In bodies, int is a zigzag varint and uint a varint as of encoding/binary, text a uint for the length and the
// bytes, hash 32 bytes; a list is a uint for its length and its items.
//
//	commands   a list; of each flags uint for what it has as the one before (1 step, and the seq behind, 2 name,
//	           4 setting, 8 value) and for what it has at all (16 a body that is no setting and value: 8 is of it then,
//	           32 key, 64 account), target after, then what it has not: step and seq int, name text, setting text and
//	           value int, or body text; key text, account int
//	after      uint: how many bytes are those of the same text of the one before; text: the rest
//	step       tick int, head hash, flags uint (1 snapshot due, 2 priced, 4 mixed),
//	           states hash if due, price int, carbon int, residual int, swing, flows (int, as many as the layout has),
//	           commands, list of digests (hash), list of cells, list of text (quarantined),
//	           list of the grid's own events: member text, event
//	swing      flags uint (1 island, 2 blackout, 4 held by a neighbour), min, max, end, rocof, stages, relief, kinetic, shed, shed for (int)
//	cell       community uint, list of decisions, list of events, broken text, by int
//	decision   member, reason uint, power, shifted, unserved, curtailed (int)
//	event      type text, part uint, 7 int; of a cell after its member
//	member     0 the community itself, 1 text, or its place among the members + 2 (uint)
//	readings   tick int, steps uint, number of blocks uint; for each block: kind text, members
//	           uint, list of columns: name text, a series for each member; then a series for each of the layout's flows of
//	           each block and of what the community's are more than their sum, then of each figure of the community
//	           that the layout has (limit_w, mW; none in twins.FirstLayout)
//	series     0 zeros │ 1 int the same in all steps │ 2 unit uint, differences in units (int) │ 3 values (int)
//	share      of a derived column: value int, of int, then a series of what is not in this proportion to the column before
//
//	views      each draws its own form, and that of its windows, where it is defined (sim/views); of usage: usage_form.go
//	multiples  0 zeros │ unit uint, each value in units (int)
//
// A body of parts is packed as a whole and cut; each part begins with a byte of flags: 1 if
// another one follows; 2, in the first, if it is packed against what the fork's parent has
// in the same place (zstd with that body for a raw dictionary), whose CRC-32C (u32 LE) follows.
// Readings have the parent's chunk in which their first step is for it.
//
// Versions: whoever changes a form gives it a new number, writes a function that turns
// the old into the new (upgrades), and keeps bytes of the old in testdata. A number
// that is too new is refused.
package persistence
