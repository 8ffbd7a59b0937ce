package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/smatrix-grid/smatrix/persistence"
	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/problem"
	"github.com/smatrix-grid/smatrix/sim/views"
	"github.com/smatrix-grid/smatrix/twins"
)

// resumeAlone refuses flags and arguments that cannot change a resumed run.
func (f *runFlags) resumeAlone(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usage(c, "--resume with scenario %q, wanted one of them: a resumed run has its own", args[0])
	}
	for _, name := range []string{"days", "steps", "seed", "set", "out", "csv", keepReadings, keepEvents, keepHours, keepSnapshots} {
		if c.Flags().Changed(name) {
			return usage(c, "--resume with --%s, wanted --resume alone: a resumed run keeps its flags", name)
		}
	}
	return nil
}

// durability parses --sync.
func (f *runFlags) durability(c *cobra.Command) (d persistence.Durability, err error) {
	bad := usage(c, "--sync %q: wanted step, a number of steps, a time, or both such as 64,1s", f.sync)
	if f.sync == "step" {
		return persistence.Durability{Steps: 1}, nil
	}
	for part := range strings.SplitSeq(f.sync, ",") {
		if n, err := strconv.Atoi(part); err == nil && n > 0 && d.Steps == 0 {
			d.Steps = n
		} else if t, err := time.ParseDuration(part); err == nil && t > 0 && d.Every == 0 {
			d.Every = t
		} else {
			return d, bad
		}
	}
	const never = 1 << 30
	if d.Steps == 0 {
		d.Steps = never
	}
	if d.Every == 0 {
		d.Every = never * time.Second
	}
	return d, nil
}

// runResumed resumes a run that was ended early, or killed.
func (f *runFlags) runResumed(c *cobra.Command) error {
	durability, err := f.durability(c)
	if err != nil {
		return err
	}
	store, err := persistence.Open(f.resume, persistence.Write)
	if err != nil {
		return err
	}
	meta := store.Meta()
	if meta.State == persistence.Done && !store.Damaged() {
		_ = store.Close() // nothing was written
		return &problem.Usage{What: fmt.Sprintf("run %q has been made to its end; see it with `smatrix replay %s`", f.resume, f.resume)}
	}
	s := &session{flags: f, stdout: c.OutOrStdout(), stderr: c.ErrOrStderr(), dir: store.Run(), name: f.resume}
	if err := s.resume(store, durability); err != nil {
		_ = store.Close() // the first error is the cause
		return err
	}
	return s.interruptible(c.Context())
}

// resume passes the recorded steps to the summary and the CSV files, and sets the world, the chain
// and the journal to continue after them.
func (s *session) resume(store *persistence.Store, d persistence.Durability) error {
	world, err := store.Twins()
	if err != nil {
		return err
	}
	if err := store.CanResume(); err != nil { // before files are replaced
		return err
	}
	printFirst(s.stderr, store)
	s.summary = views.NewSummary(world)
	sinks := []sim.Sink{s.summary}
	if store.Meta().Journal.CSV {
		if s.csv, err = s.resumeCSV(store.First()); err != nil {
			return err
		}
		sinks = append(sinks, s.csv)
	}
	journal, at, err := store.Resume(d, sinks...)
	for _, line := range store.Repairs() {
		fmt.Fprintln(s.stderr, "smatrix: repaired: "+printableLine(line))
	}
	if err != nil {
		return err
	}
	printWarnings(s.stderr, at.World.Warnings)
	s.world, s.chain, s.from = at.World, at.Chain, at.Steps
	s.keep = func() (sim.Sink, error) { return journal, nil }
	if !s.flags.quiet {
		fmt.Fprintf(s.stderr, "smatrix: going on after step %d of %d\n", at.Steps, at.World.Scenario.Calendar.Steps)
	}
	return nil
}

// resumeCSV begins the CSV files again. If the steps before first cannot be written again, the
// files that have them are set aside.
func (s *session) resumeCSV(first twins.Tick) (sim.Sink, error) {
	if first > 0 {
		names, err := s.dir.SetCSVAside(first)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			fmt.Fprintf(s.stderr, "smatrix: the rows before step %d are in %s\n", first, name)
		}
	}
	return s.dir.CSV()
}
