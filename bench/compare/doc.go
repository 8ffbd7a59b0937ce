// Compare runs the benchmarks of two commits in turns and prints by how much the newer
// one differs:
//
//	go run ./bench/compare OLD NEW [-package ./actors] [-bench REGEXP] [-pairs 15] [-benchtime 1s] [-procs N]
//
// Each commit is checked out into a temporary git worktree and its benchmarks are built
// there. A benchmark runs in a process of its own, the two commits in the order
// A B B A A B B A …, so that a machine that grows slower delays both alike. OLD is
// measured against itself first, in the same way: what that shows is noise.
//
// The figure that counts is processor time, user and system, of the whole process and
// therefore of all its threads and of the collector. A benchmark's set-up is no part of
// it: a second process makes two iterations, and what it takes is subtracted. Where
// -benchtime asks for no more than those, as 1x does, the row says "with set-up". All
// metrics that the benchmark itself reports are compared beside it; its ns/op is time on
// the clock, which other work on the machine disturbs.
//
// A ratio is made within each pair; the median of the ratios is printed with their
// quartiles. Only benchmarks that both commits have are compared.
//
// Absent on purpose: a limit that fails. Whether a ratio is too high is for the reader,
// who knows how noisy the machine was.
package main
