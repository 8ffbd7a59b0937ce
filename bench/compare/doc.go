// Compare runs the benchmarks of two commits in turns and prints by how much the newer
// one differs:
//
//	go run ./bench/compare OLD NEW [-package ./actors] [-bench REGEXP] [-pairs 15] [-benchtime 1s] [-procs N]
//
// Each commit is checked out into a temporary git worktree, where its benchmarks are
// built. Every run of a benchmark is a process of its own. The two commits run in the
// order A B B A A B B A …, so that a machine that becomes slower affects both alike.
// OLD is first measured against itself in the same way: the difference that this shows
// is noise.
//
// The figure that counts is processor time, user and system, of the whole process and
// therefore of all its threads and of the collector. A benchmark's set-up is not part
// of it: a second process makes two iterations, and its processor time is subtracted.
// If -benchtime asks for two iterations or fewer, as 1x does, nothing is subtracted and
// the row says "with set-up". All metrics that the benchmark itself reports are
// compared as well; its ns/op is time on the clock, which other work on the machine
// disturbs.
//
// A ratio is computed within each pair; the median of the ratios is printed with their
// quartiles. Only benchmarks that both commits have are compared.
//
// Deliberately absent: a limit above which compare fails. The reader judges whether a
// ratio is too high, and knows how noisy the machine was.
package main
