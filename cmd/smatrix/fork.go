package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/smatrix-grid/smatrix/persistence"
	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/problem"
	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/sim/views"
	"github.com/smatrix-grid/smatrix/twins"
)

// forkFlags are the flags of fork, in addition to those of run.
type forkFlags struct {
	runFlags
	at string
}

func newFork() *cobra.Command {
	var f forkFlags
	c := &cobra.Command{
		Use:   "fork DIR --at STEP --out DIR2",
		Short: "Begin a new run at a step of another, with changes",
		Long: `Fork begins a new run in DIR2 that has the steps of the run in DIR before STEP for
its past, and goes on from there to the last step with what --set changes. STEP is
a number of steps, HH:MM on the first day, or a date and a time.

The past is not copied: DIR2 reads DIR, which must stay where it is or be moved
together with DIR2; a backup of DIR2 contains its past. DIR2 also executes the
commands that DIR has had from outside. The digest is that of a run of the scenario
with the same changes under its "events:" at that step.

Exit codes are those of run.`,
		Example: `  smatrix fork runs/first --at 14:00 --set 'households.*.pv.rated_w*=1.3' --out runs/more-sun
  smatrix fork runs/first --at 2018-01-08T18:30 --set producers.coal-1.available=false --out runs/loss
  smatrix compare runs/first runs/loss`,
		Args:              someArgs(1, 1, "no folder, wanted that of a run"),
		ValidArgsFunction: completeDir,
		RunE:              func(c *cobra.Command, args []string) error { return f.fork(c, args[0]) },
	}
	c.Flags().StringVar(&f.at, "at", "", "begin at `STEP`: a number, HH:MM or 2006-01-02T15:04")
	c.Flags().StringArrayVar(&f.set, "set", nil, "change from then on: `PATH=VALUE` or PATH*=FACTOR; repeatable")
	_ = c.RegisterFlagCompletionFunc("set", completeSetOfRun) // the flag exists
	c.Flags().StringVar(&f.out, "out", "", "keep the fork in `DIR2`, which must be new or empty")
	c.Flags().StringVar(&f.sync, "sync", "64,1s", "sync after `WHEN`: step, or steps and time")
	c.Flags().BoolVar(&f.json, "json", false, "print the report as one JSON object")
	c.Flags().BoolVarP(&f.quiet, "quiet", "q", false, "print no progress, and no report unless --json")
	c.Flags().SortFlags = false
	_ = c.MarkFlagDirname("out") // completion only
	return c
}

// completeDir completes folders.
func completeDir(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveFilterDirs
}

func (f *forkFlags) fork(c *cobra.Command, dir string) error {
	if !c.Flags().Changed("at") || !c.Flags().Changed("out") {
		return usage(c, "wanted --at, the step to begin at, and --out, a folder for the fork")
	}
	durability, err := f.durability(c)
	if err != nil {
		return err
	}
	store, err := persistence.Open(dir, persistence.Read)
	if err != nil {
		return err
	}
	s, err := f.begin(c, store, durability)
	if err != nil {
		return errors.Join(err, store.Close())
	}
	return s.interruptible(c.Context())
}

// begin makes the fork's folder after all checks.
func (f *forkFlags) begin(c *cobra.Command, store *persistence.Store, d persistence.Durability) (*session, error) {
	world, err := store.Twins()
	if err != nil {
		return nil, err
	}
	at, err := f.step(store, world.Scenario)
	if err != nil {
		return nil, err
	}
	changes, err := world.Scenario.Changes(f.set, at, store.Commands(0, world.Scenario.Calendar.Steps))
	if err != nil {
		return nil, err
	}
	if err := store.CanFork(at); err != nil {
		return nil, err
	}
	meta := store.Meta()
	s := &session{flags: &f.runFlags, stdout: c.OutOrStdout(), stderr: c.ErrOrStderr(), name: f.out, summary: views.NewSummary(world.Scenario)}
	if err := store.Replay(0, at, s.summary); err != nil {
		return nil, err
	}
	s.dir, err = persistence.CreateRun(f.out, persistence.Run{Scenario: meta.Scenario, Seed: meta.Seed, Created: time.Now().UTC().Truncate(time.Second), Smatrix: readBuild().Version})
	if err != nil {
		return nil, err
	}
	journal, moment, err := store.Fork(s.dir, at, changes, d)
	if err == nil {
		store = journal.Store() // the fork's store also has the repairs of its parent
	}
	printRepairs(s.stderr, store)
	if err != nil {
		return nil, errors.Join(err, s.dir.Remove())
	}
	if w, doubtful := world.Scenario.MomentWarning(f.at); doubtful {
		printWarnings(s.stderr, []problem.Warning{w})
	}
	printWarnings(s.stderr, moment.World.Warnings)
	s.world, s.chain, s.from = moment.World, moment.Chain, at
	s.keep = func() (sim.Sink, error) { return journal, nil }
	return s, nil
}

// step returns the step at which the fork begins.
func (f *forkFlags) step(store *persistence.Store, s *scenario.Scenario) (twins.Tick, error) {
	at, err := s.Moment(f.at)
	switch {
	case err != nil:
		return 0, err
	case at > store.Steps()+store.LeftOut():
		return 0, &problem.Usage{What: fmt.Sprintf("--at %s is step %d, which run %q has not reached: it got to step %d of %d; wanted one up to there", f.at, at, store.Dir(), store.Steps(), s.Calendar.Steps)}
	case at >= s.Calendar.Steps:
		return 0, &problem.Usage{What: fmt.Sprintf("--at %s is step %d, where run %q ends: a fork there would have no steps; wanted an earlier one", f.at, at, store.Dir())}
	}
	return at, nil
}

// printRepairs prints what was damaged and has been repaired.
func printRepairs(w io.Writer, s *persistence.Store) {
	for _, line := range s.Repairs() {
		fmt.Fprintln(w, "smatrix: repaired: "+printable(line))
	}
}
