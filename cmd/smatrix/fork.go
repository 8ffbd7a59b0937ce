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
	at    string
	later string
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
together with DIR2; a backup of DIR2 contains its past. Commands that DIR has had
from outside for STEP and later are carried out in DIR2 as well, unless
--later-commands is drop. The digest is that of a run of the scenario with the same
changes under its "events:" at that step.

Exit codes are those of run.`,
		Example: `  smatrix fork runs/first --at 14:00 --set 'households.*.pv.rated_w*=1.3' --out runs/more-sun
  smatrix fork runs/first --at 2018-01-08T18:30 --set producers.coal.available=false --out runs/loss
  smatrix fork runs/first --at 14:00 --later-commands drop --out runs/untouched
  smatrix compare runs/first runs/loss`,
		Args:              someArgs(1, 1, "no folder, wanted that of a run"),
		ValidArgsFunction: completeDir,
		RunE:              func(c *cobra.Command, args []string) error { return f.fork(c, args[0]) },
	}
	c.Flags().StringVar(&f.at, "at", "", "begin at `STEP`: "+momentForms)
	c.Flags().StringArrayVar(&f.set, "set", nil, "change from then on: `PATH=VALUE` or PATH*=FACTOR; repeatable")
	_ = c.RegisterFlagCompletionFunc("set", completeSetOfRun) // the flag exists
	c.Flags().StringVar(&f.later, "later-commands", string(sim.KeepLater), "`keep` or drop the commands that DIR has had for STEP and later")
	_ = c.RegisterFlagCompletionFunc("later-commands", cobra.FixedCompletions([]string{string(sim.KeepLater), string(sim.DropLater)}, cobra.ShellCompDirectiveNoFileComp)) // the flag exists
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
	later, err := sim.ParseLater(f.later)
	if err != nil {
		return usage(c, "--later-commands %v", err)
	}
	durability, err := f.durability(c)
	if err != nil {
		return err
	}
	store, err := persistence.Open(dir, persistence.Read)
	if err != nil {
		return err
	}
	s, err := f.begin(c, store, later, durability)
	if err != nil {
		return errors.Join(err, store.Close())
	}
	return s.interruptible(c.Context())
}

// begin makes the fork's folder after all checks.
func (f *forkFlags) begin(c *cobra.Command, store *persistence.Store, later sim.Later, d persistence.Durability) (*session, error) {
	world, err := store.Twins()
	if err != nil {
		return nil, err
	}
	at, err := f.step(store, world.Scenario)
	if err != nil {
		return nil, err
	}
	before, after := store.Commands(0, at), store.Commands(at, world.Scenario.Calendar.Steps)
	if later == sim.KeepLater {
		before = append(before, after...)
	}
	changes, err := world.Scenario.Changes(f.set, at, before)
	if err != nil {
		return nil, err
	}
	if err := store.CanFork(at); err != nil {
		return nil, err
	}
	meta := store.Meta()
	s := &session{flags: &f.runFlags, stdout: c.OutOrStdout(), stderr: c.ErrOrStderr(), name: f.out, summary: views.NewSummary(world)}
	printFirst(s.stderr, store)
	if err := store.Replay(min(store.First(), at), at, s.summary); err != nil {
		return nil, err
	}
	s.dir, err = persistence.CreateRun(f.out, persistence.Run{Scenario: meta.Scenario, Seed: meta.Seed, Created: time.Now().UTC().Truncate(time.Second), Smatrix: readBuild().Version})
	if err != nil {
		return nil, err
	}
	journal, moment, err := store.Fork(s.dir, at, changes, later, d)
	if err == nil {
		store = journal.Store() // the fork's store also has the repairs of its parent
	}
	printRepairs(s.stderr, store)
	if err != nil {
		return nil, errors.Join(err, s.dir.Remove())
	}
	if n := int64(len(after)); n > 0 && !f.quiet {
		fmt.Fprintf(s.stderr, "smatrix: %s of the parent for step %d and later: %s (--later-commands)\n", counted(n, "command", "commands"), at, laterText(later))
	}
	if w, doubtful := world.Scenario.MomentWarning(f.at); doubtful {
		printWarnings(s.stderr, []problem.Warning{w})
	}
	printWarnings(s.stderr, moment.World.Warnings)
	s.world, s.chain, s.from = moment.World, moment.Chain, at
	s.keep = func() (sim.Sink, error) { return journal, nil }
	return s, nil
}

// laterText says what a fork does with its parent's later commands.
func laterText(l sim.Later) string {
	if l == sim.DropLater {
		return "dropped"
	}
	return "kept"
}

// step returns the step at which the fork begins.
func (f *forkFlags) step(store *persistence.Store, s *scenario.Scenario) (twins.Tick, error) {
	at, err := s.Moment("at", f.at)
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

// printFirst says with which step a report begins, if earlier ones cannot be shown.
func printFirst(w io.Writer, s *persistence.Store) {
	if first := s.First(); first > 0 {
		fmt.Fprintf(w, "smatrix: the records begin with step %d: earlier ones have been deleted, and model %d made them, so that they cannot be computed again\n",
			first, s.OldestModelOf(first-1))
	}
}

// printRepairs prints what was damaged and has been repaired.
func printRepairs(w io.Writer, s *persistence.Store) {
	for _, line := range s.Repairs() {
		fmt.Fprintln(w, "smatrix: repaired: "+printableLine(line))
	}
}
