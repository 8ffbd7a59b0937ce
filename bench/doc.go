// Package bench measures how fast a city of any size is stepped by its actors, beside a
// plain loop over the same twins:
//
//	scenario city ─▶ world ─▶ actors.System ─┐  rounds in turns, the same steps   ┌─▶ Row
//	             └─▶ world ─▶ sim.Flat ──────┘  digests and balance compared     ─┘
//
// A Case is one size, hosting, number of threads and journal; Run measures one case after
// the other and hands out a Row for each. A row exists only if both sides have the same
// digest and every step of both has a residual of 0. Row has the definition of each figure.
//
// The folders beside it answer other questions: compare, whether one commit is slower than
// another; peers, whether other programs read and compute the same. README.md has dated
// results.
//
// Deliberately absent: a judgement. The package prints what it has measured and how busy the
// machine was; budgets are compared by those who read it.
package bench
