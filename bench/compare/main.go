package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is the whole program. It returns the exit code: 2 if the arguments are wrong, 1
// if the comparison fails.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		fmt.Fprintf(stderr, "compare: %v\n", err)
		return 2
	}
	if err := compare(ctx, o, stdout, stderr); err != nil {
		if ctx.Err() != nil {
			err = errors.New("interrupted")
		}
		fmt.Fprintf(stderr, "compare: %v\n", err)
		return 1
	}
	return 0
}

// options are the arguments of the command line.
type options struct {
	commits   [2]string // OLD, NEW
	pkg       string    // folder of the package, from the top of the repository, such as ./actors
	bench     string    // pattern of benchmarks, as for -test.bench
	pairs     int
	benchtime string // processor time, or iterations such as "100x"
	procs     int    // GOMAXPROCS of each process
}

// parse reads the command line. Flags may be before, between and after the commits.
func parse(args []string, usage io.Writer) (options, error) {
	var o options
	f := flag.NewFlagSet("compare", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.StringVar(&o.pkg, "package", "./actors", "folder of the benchmarks, from the top of the repository")
	f.StringVar(&o.bench, "bench", "^BenchmarkStep$/./^households=(1000|10000)$", "benchmarks to compare, as -bench of go test takes them")
	f.IntVar(&o.pairs, "pairs", 15, "pairs of runs, for the noise and again for the comparison")
	f.StringVar(&o.benchtime, "benchtime", "1s", "length of a run: processor time, or iterations such as 100x")
	f.IntVar(&o.procs, "procs", runtime.GOMAXPROCS(0), "GOMAXPROCS of each run")
	var commits []string
	for len(args) > 0 {
		if err := f.Parse(args); err != nil {
			if errors.Is(err, flag.ErrHelp) {
				fmt.Fprintln(usage, "usage: go run ./bench/compare OLD NEW [flags]")
				f.SetOutput(usage)
				f.PrintDefaults()
			}
			return o, err
		}
		if args = f.Args(); len(args) > 0 {
			commits, args = append(commits, args[0]), args[1:]
		}
	}
	if len(commits) != 2 {
		return o, fmt.Errorf("got %d commits %q, wanted two: OLD and NEW", len(commits), commits)
	}
	o.commits = [2]string(commits)
	return o, o.check()
}

// check reports the first option that is out of bounds.
func (o options) check() error {
	if o.pkg != "." && !strings.HasPrefix(o.pkg, "./") {
		return fmt.Errorf("-package: %q, wanted a folder of the repository such as ./actors", o.pkg)
	}
	if o.pairs < 1 {
		return fmt.Errorf("-pairs: %d, wanted at least 1", o.pairs)
	}
	if o.procs < 1 {
		return fmt.Errorf("-procs: %d, wanted at least 1", o.procs)
	}
	for part := range strings.SplitSeq(o.bench, "/") {
		if _, err := regexp.Compile(part); err != nil {
			return fmt.Errorf("-bench: %q is no regular expression: %w", o.bench, err)
		}
	}
	if n, ok := strings.CutSuffix(o.benchtime, "x"); ok {
		if n, err := strconv.Atoi(n); err == nil && n > 0 {
			return nil
		}
	} else if d, err := time.ParseDuration(o.benchtime); err == nil && d > 0 {
		return nil
	}
	return fmt.Errorf("-benchtime: %q, wanted a duration such as 1s or iterations such as 100x", o.benchtime)
}

// compare checks out both commits, measures them, and removes the worktrees and files
// that it made.
func compare(ctx context.Context, o options, stdout, progress io.Writer) (err error) {
	tmp, err := os.MkdirTemp("", "compare-")
	if err != nil {
		return err
	}
	var trees []*tree
	defer func() {
		for _, t := range trees {
			err = errors.Join(err, t.remove(ctx))
		}
		err = errors.Join(err, os.RemoveAll(tmp))
	}()
	var sides [2]*binary
	for i, commit := range o.commits {
		fmt.Fprintf(progress, "building %s of %s\n", o.pkg, commit)
		t, err := checkOut(ctx, commit, filepath.Join(tmp, sideNames[i]))
		if err != nil {
			return err
		}
		trees = append(trees, t)
		if sides[i], err = build(ctx, t, o, filepath.Join(tmp, sideNames[i]+".test")); err != nil {
			return err
		}
	}
	return measure(ctx, o, sides, stdout, progress)
}

// sideNames are the names of the two sides in the output. Their folders have names of
// equal length, so that the paths in both binaries have equal length too.
var sideNames = [2]string{"OLD", "NEW"}

// measure measures OLD against itself and against NEW, and prints both results.
func measure(ctx context.Context, o options, sides [2]*binary, stdout, progress io.Writer) error {
	names, err := common(ctx, sides, o.bench, progress)
	if err != nil {
		return err
	}
	m := measurement{pairs: o.pairs, progress: progress}
	for _, name := range names {
		n, err := sides[0].iterations(ctx, name, o.benchtime)
		if err != nil {
			return err
		}
		m.of = append(m.of, benchmark{name, n})
	}
	noise, err := m.take(ctx, "OLD and OLD", [2]*binary{sides[0], sides[0]})
	if err != nil {
		return err
	}
	found, err := m.take(ctx, "OLD and NEW", sides)
	if err != nil {
		return err
	}
	for i, side := range sides {
		fmt.Fprintf(stdout, "%s %s\n", sideNames[i], side.tree)
	}
	fmt.Fprintf(stdout, "%s, %d pairs, GOMAXPROCS %d, %s %s/%s\n", o.pkg, o.pairs, o.procs, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return writeTables(stdout, m.of, noise, found)
}
