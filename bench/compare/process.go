package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// binary is a test binary of one commit.
type binary struct {
	tree  *tree
	file  string
	dir   string // working directory: the package, for its testdata
	procs int    // GOMAXPROCS
}

// metric is a figure of a benchmark, for one iteration unless the unit says otherwise.
type metric struct {
	unit  string
	value float64
}

// result is a line of results that a benchmark prints.
type result struct {
	name       string // without GOMAXPROCS at its end
	iterations int
	metrics    []metric
}

// Units of processor time, which is measured from outside: without and with a
// benchmark's set-up.
const (
	cpuUnit      = "cpu-ns/op"
	cpuWithSetUp = "cpu-ns/op with set-up"
)

// least is how many iterations the process makes whose processor time is subtracted. It
// is two and not one, because a benchmark that loops to b.N itself is set up twice if
// more than one iteration is asked for.
const least = 2

// fewest is the least number of iterations of a run whose length is a duration.
const fewest = 2 * least

// run runs the benchmarks that match pattern in one process and returns their results
// and the processor time of the process, user and system.
func (b *binary) run(ctx context.Context, pattern, benchtime string) ([]result, time.Duration, error) {
	cmd := exec.CommandContext(ctx, b.file, "-test.run", "^$", "-test.bench", pattern, "-test.benchtime", benchtime, "-test.timeout", "0")
	cmd.Dir = b.dir
	cmd.Env = append(os.Environ(), "GOMAXPROCS="+strconv.Itoa(b.procs))
	out, err := output(cmd)
	if err != nil {
		return nil, 0, fmt.Errorf("commit %s: %w", b.tree, err)
	}
	var results []result
	for line := range strings.Lines(out) {
		if r, ok := parseResult(line, b.procs); ok {
			results = append(results, r)
		}
	}
	return results, cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), nil
}

// parseResult parses a line such as "BenchmarkStep/households=10-2 50 233 ns/op". It
// returns false if the line is not the result of a benchmark.
func parseResult(line string, procs int) (result, bool) {
	f := strings.Fields(line)
	if len(f) < 4 || len(f)%2 != 0 || !strings.HasPrefix(f[0], "Benchmark") {
		return result{}, false
	}
	r := result{name: f[0]}
	if procs != 1 { // package testing omits the number if it is 1
		r.name = strings.TrimSuffix(r.name, "-"+strconv.Itoa(procs))
	}
	var err error
	if r.iterations, err = strconv.Atoi(f[1]); err != nil {
		return result{}, false
	}
	for i := 2; i < len(f); i += 2 {
		v, err := strconv.ParseFloat(f[i], 64)
		if err != nil {
			return result{}, false
		}
		r.metrics = append(r.metrics, metric{f[i+1], v})
	}
	return r, true
}

// only returns the pattern of -test.bench that matches one benchmark alone.
func only(name string) string {
	parts := strings.Split(name, "/")
	for i, p := range parts {
		parts[i] = "^" + regexp.QuoteMeta(p) + "$"
	}
	return strings.Join(parts, "/")
}

// one runs one benchmark.
func (b *binary) one(ctx context.Context, name, benchtime string) (result, time.Duration, error) {
	results, cpu, err := b.run(ctx, only(name), benchtime)
	if err != nil {
		return result{}, 0, err
	}
	if len(results) != 1 || results[0].name != name {
		return result{}, 0, fmt.Errorf("commit %s: got %d results, wanted one of %s", b.tree, len(results), name)
	}
	return results[0], cpu, nil
}

// iterations returns how many iterations of a benchmark take benchtime. If that is a
// duration, it is processor time: in time on the clock, a run would be shorter, the
// busier the machine is. A duration gives at least fewest iterations, so that the
// set-up can be subtracted.
func (b *binary) iterations(ctx context.Context, name, benchtime string) (int, error) {
	if n, ok := strings.CutSuffix(benchtime, "x"); ok {
		return strconv.Atoi(n)
	}
	r, cpu, err := b.one(ctx, name, benchtime)
	if err != nil {
		return 0, err
	}
	each, err := b.withoutSetUp(ctx, name, r.iterations, cpu)
	if err != nil {
		return 0, err
	}
	wanted, err := time.ParseDuration(benchtime)
	return max(fewest, int(float64(wanted)/each)), err
}

// sample runs n iterations of a benchmark and returns its metrics, processor time
// first.
func (b *binary) sample(ctx context.Context, name string, n int) ([]metric, error) {
	r, cpu, err := b.one(ctx, name, strconv.Itoa(n)+"x")
	if err != nil {
		return nil, err
	}
	each, err := b.withoutSetUp(ctx, name, n, cpu)
	if err != nil {
		return nil, err
	}
	unit := cpuUnit
	if n <= least {
		unit = cpuWithSetUp
	}
	return append([]metric{{unit, each}}, r.metrics...), nil
}

// withoutSetUp runs the set-up of a benchmark and returns the processor time of one
// iteration in ns; n iterations with their set-up took cpu.
func (b *binary) withoutSetUp(ctx context.Context, name string, n int, cpu time.Duration) (float64, error) {
	var setUp time.Duration
	if n > least {
		var err error
		if _, setUp, err = b.one(ctx, name, strconv.Itoa(least)+"x"); err != nil {
			return 0, err
		}
	}
	each, err := perIteration(cpu, setUp, n)
	if err != nil {
		return 0, fmt.Errorf("commit %s: %s: %w", b.tree, name, err)
	}
	return each, nil
}

// perIteration returns the processor time of one iteration in ns. A process of n
// iterations took cpu, and one of least iterations took setUp. For n ≤ least the result
// includes the set-up, because nothing can be subtracted.
func perIteration(cpu, setUp time.Duration, n int) (float64, error) {
	if n <= least {
		return float64(cpu) / float64(n), nil
	}
	if cpu <= setUp {
		return 0, fmt.Errorf("%d iterations took %v of processor time and %d took %v, wanted a longer -benchtime", n, cpu, least, setUp)
	}
	return float64(cpu-setUp) / float64(n-least), nil
}

// common returns the benchmarks that match pattern in both binaries, in the order of
// the first. It writes to progress which benchmarks only one of them has.
func common(ctx context.Context, sides [2]*binary, pattern string, progress io.Writer) ([]string, error) {
	var names [2][]string
	for i, b := range sides {
		results, _, err := b.run(ctx, pattern, "1x")
		if err != nil {
			return nil, err
		}
		for _, r := range results {
			names[i] = append(names[i], r.name)
		}
	}
	var both []string
	for i := range names {
		for _, name := range names[i] {
			switch {
			case !slices.Contains(names[1-i], name):
				fmt.Fprintf(progress, "not compared, only in %s: %s\n", sideNames[i], name)
			case i == 0:
				both = append(both, name)
			}
		}
	}
	if len(both) == 0 {
		return nil, fmt.Errorf("-bench: %q names no benchmark that both commits have", pattern)
	}
	return both, nil
}
