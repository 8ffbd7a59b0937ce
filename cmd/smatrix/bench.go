package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/smatrix-grid/smatrix/actors"
	"github.com/smatrix-grid/smatrix/bench"
)

// benchFlags are the flags of bench.
type benchFlags struct {
	households []int
	steps      int
	hosting    []string
	threads    []int
	journal    []string
	seed       uint64
	json       bool
	quiet      bool
	profiles   profiles
}

func newBench() *cobra.Command {
	var f benchFlags
	c := &cobra.Command{
		Use:   "bench",
		Short: "Measure how fast this machine steps a city",
		Long: `Bench steps the scenario city at several sizes with its actors and, in the same
process and in turns, in a plain loop over the same twins, which is the bound: what the
actors take more than the loop is their price. There is a row for each size, hosting,
number of threads and journal. A row is printed only if both sides end with the same
digest and every step of both balances to the millijoule.

Hosting is "message" (a message for each member), "batched" (one for a community) or
"plain" (the library's own way). With N threads the program runs on N processors, and
the communities are divided among N actors; the loop has one goroutine. With --journal
on the actors' run is kept on disk, in the folder for temporary files, with all that
smatrix run --out keeps.

Processor time of a household-step counts all threads and the collection of garbage; the
ratio is the median of at least seven rounds in turns, so that a busy machine harms both
sides alike. Inputs, hash and report are on neither side. Bytes per household are the
heap once the actors have started; with --json they are told by kind of twin, computed
from the layout and beside what was measured. Other work on the machine changes every
figure: the load average is in the row.

A size that memory will not hold is refused before anything is measured. With the
usual sizes bench takes some minutes; --households 1000000 needs about 12 GB.

Exit codes: 0 done, 1 failed, 2 usage, 4 the digests differ or energy was lost or made
(no row), 130 interrupted (with the rows that were done).`,
		Example: `  smatrix bench --households 1000 --hosting batched
  smatrix bench --households 500 --steps 24 --hosting batched --journal off,on
  smatrix bench --households 200 --steps 8 --json | jq '.[].memory.kinds'
  smatrix bench --households 500 --steps 8 --hosting batched --cpuprofile cpu.out`,
		Args:              noArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(c *cobra.Command, _ []string) error { return f.profiles.around(func() error { return f.bench(c) }) },
	}
	c.Flags().IntSliceVar(&f.households, "households", bench.UsualHouseholds, "sizes of the city, a `LIST`")
	c.Flags().IntVar(&f.steps, "steps", bench.UsualSteps, "make `N` steps of 15 min")
	c.Flags().StringSliceVar(&f.hosting, "hosting", hostingNames(bench.UsualHostings), "ways of hosting, a `LIST`")
	c.Flags().IntSliceVar(&f.threads, "threads", []int{1}, "numbers of threads, a `LIST`")
	c.Flags().StringSliceVar(&f.journal, "journal", []string{"off"}, "on, off or both, a `LIST`")
	c.Flags().Uint64Var(&f.seed, "seed", 0, "use `N` as seed of all random numbers, at most 2^53")
	c.Flags().BoolVar(&f.json, "json", false, "print a JSON array with more figures")
	c.Flags().BoolVarP(&f.quiet, "quiet", "q", false, "print no progress")
	f.profiles.add(c)
	c.Flags().SortFlags = false
	for flag, words := range map[string][]cobra.Completion{
		"hosting":    hostingNames([]actors.Hosting{actors.PerMember, actors.Batched, actors.Plain}),
		"journal":    {"on", "off"},
		"households": {"1000", "10000", "100000", "1000000"},
	} {
		_ = c.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)) // the flag exists
	}
	return c
}

func hostingNames(all []actors.Hosting) (names []string) {
	for _, h := range all {
		names = append(names, string(h))
	}
	return names
}

// options returns the flags as options of the harness.
func (f *benchFlags) options(c *cobra.Command) (bench.Options, error) {
	o := bench.Options{Households: f.households, Steps: f.steps, Threads: f.threads, Commit: commitText(readBuild()), Prepare: sabotage, Standing: f.profiles.snapshot}
	for _, h := range f.hosting {
		o.Hostings = append(o.Hostings, actors.Hosting(h))
	}
	for _, j := range f.journal {
		if j != "on" && j != "off" {
			return o, usage(c, "--journal %q: wanted on, off or both", j)
		}
		o.Journals = append(o.Journals, j == "on")
	}
	for name, n := range map[string]int{"households": len(f.households), "hosting": len(f.hosting), "threads": len(f.threads), "journal": len(f.journal)} {
		if n == 0 {
			return o, usage(c, "--%s: wanted at least one", name)
		}
	}
	if c.Flags().Changed("seed") {
		o.Seed = &f.seed
	}
	if f.steps < 1 {
		return o, usage(c, "--steps %d: wanted at least 1", f.steps)
	}
	return o, o.Check()
}

// commitText names the commit of a build; "" if it was not built in a checkout.
func commitText(b build) string {
	if b.Revision != "" && b.Modified {
		return b.Revision + " (modified)"
	}
	return b.Revision
}

func (f *benchFlags) bench(c *cobra.Command) error {
	o, err := f.options(c)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(c.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal kills the process
	f.profiles.endsBySignal()
	for _, w := range o.Warnings() {
		fmt.Fprintf(c.ErrOrStderr(), "warning: %s\n", w)
	}
	if err := o.Fits(ctx); err != nil {
		return err
	}
	rows, err := f.measure(ctx, o, c.ErrOrStderr())
	return errors.Join(err, f.print(c, rows))
}

// measure measures all cases and shows how far it is.
func (f *benchFlags) measure(ctx context.Context, o bench.Options, stderr io.Writer) ([]*bench.Row, error) {
	if !f.quiet {
		p := newProgressOf(stderr)
		defer p.end()
		o.Progress = p.advance
	}
	rows := []*bench.Row{} // an empty array in JSON
	err := o.Run(ctx, func(r *bench.Row) error { rows = append(rows, r); return nil })
	return rows, err
}

// print prints the rows that were measured.
func (f *benchFlags) print(c *cobra.Command, rows []*bench.Row) error {
	if f.json {
		return printJSON(c.OutOrStdout(), rows)
	}
	return bench.WriteTable(c.OutOrStdout(), rows)
}
