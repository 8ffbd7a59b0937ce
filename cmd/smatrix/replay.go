package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/smatrix-grid/smatrix/actors"
	"github.com/smatrix-grid/smatrix/bench"
	"github.com/smatrix-grid/smatrix/persistence"
	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/inputs"
	"github.com/smatrix-grid/smatrix/sim/views"
	"github.com/smatrix-grid/smatrix/twins"
)

// replayFlags are the flags of replay.
type replayFlags struct {
	from, to string // moments
	verify   bool
	json     bool
	serve    bool
	shown    serveFlags
}

func newReplay() *cobra.Command {
	var f replayFlags
	c := &cobra.Command{
		Use:   "replay DIR",
		Short: "Report on a run that was kept, and verify it",
		Long: `Replay goes through the steps of a run that was kept with --out, from its records
and without computing them, and prints the report that the run printed.

With --verify every step is computed again, by actors, from the scenario and the
commands, or from the snapshot before --from, and all that is kept of it is
compared. The first step and member that differ are named.

With --serve nothing is computed either: the run's records are shown at an address, as
smatrix serve shows a live run. The clock is the viewer's: it pauses, goes at a
speed, and to any step, back and forth. Nothing can be changed in it, but it can be
forked at any step.

Exit codes: 0 done, 1 failed, also when another process holds the run, 2 usage,
3 what is kept is invalid, 5 it differs from what is computed again or is damaged.`,
		Example: `  smatrix replay runs/first
  smatrix replay runs/first --from 48 --to 96 --json
  smatrix replay runs/first --from 18:00 --to 2018-01-08T20:00
  smatrix replay runs/first --verify
  smatrix replay runs/first --serve --paused`,
		Args: someArgs(1, 1, "no folder, wanted that of a run"),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
		RunE: func(c *cobra.Command, args []string) error {
			if err := f.checkFlags(c); err != nil {
				return err
			}
			if f.serve {
				return f.shown.serveReplay(c, args[0])
			}
			return f.replay(c, args[0])
		},
	}
	c.Flags().StringVar(&f.from, "from", "", "begin with `STEP`: "+momentForms)
	c.Flags().StringVar(&f.to, "to", "", "end before `STEP`, written alike")
	c.Flags().BoolVar(&f.verify, "verify", false, "compute every step again and compare")
	c.Flags().BoolVar(&f.json, "json", false, "print the report as one JSON object")
	c.Flags().BoolVar(&f.serve, "serve", false, "show the records at an address, to be watched in a browser")
	f.shown.addFlags(c)
	c.Flags().SortFlags = false
	return c
}

// checkFlags refuses flags that exclude each other.
func (f *replayFlags) checkFlags(c *cobra.Command) error {
	without, names := "without", append([]string{"addr", "paused", "speed"}, accessNames...)
	if f.serve {
		without, names = "with", []string{"from", "to", "verify", "json"}
	}
	for _, name := range names {
		if c.Flags().Changed(name) {
			return usage(c, "--%s %s --serve, wanted one or the other", name, without)
		}
	}
	return nil
}

func (f *replayFlags) replay(c *cobra.Command, dir string) (err error) {
	if f.verify {
		defer func() { err = markDifference(err) }()
	}
	store, err := persistence.Open(dir, persistence.Read)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	from, to, err := f.span(c, store)
	if err != nil {
		return err
	}
	if !c.Flags().Changed("from") && store.First() < to {
		printFirst(c.ErrOrStderr(), store)
		from = max(from, store.First())
	}
	r := &replaySession{store: store, from: from, to: to, stderr: c.ErrOrStderr()}
	if err := r.run(f.verify); err != nil {
		return err
	}
	report, err := r.report(dir)
	if err != nil {
		return err
	}
	if f.json {
		return printJSON(c.OutOrStdout(), report)
	}
	_, err = io.WriteString(c.OutOrStdout(), reportText(report, r.summary, r.world.Scenario, from, useColour(c.OutOrStdout())))
	return err
}

// markDifference wraps what --verify has found in a *differsError.
func markDifference(err error) error {
	var differs *persistence.DifferenceError
	var damage *persistence.DamageError
	if errors.As(err, &differs) || errors.As(err, &damage) {
		return &differsError{err}
	}
	return err
}

// span returns the steps from ≤ t < to that the flags select.
func (f *replayFlags) span(c *cobra.Command, s *persistence.Store) (from, to twins.Tick, err error) {
	w, err := s.Twins()
	if err != nil {
		return 0, 0, err
	}
	to = s.Steps()
	for _, flag := range [...]struct {
		name, text string
		at         *twins.Tick
	}{{"from", f.from, &from}, {"to", f.to, &to}} {
		if !c.Flags().Changed(flag.name) {
			continue
		}
		if *flag.at, err = w.Scenario.Moment(flag.name, flag.text); err != nil {
			return 0, 0, err
		}
		if *flag.at > s.Steps() {
			return 0, 0, usage(c, "--%s %s is step %d, wanted one within the run: %s", flag.name, flag.text, *flag.at, spanText(s, w.Scenario.Calendar))
		}
	}
	if from > to || from == to && s.Steps() > 0 {
		return 0, 0, usage(c, "step %d (--from) to %d (--to) is no step, wanted some of the run: %s", from, to, spanText(s, w.Scenario.Calendar))
	}
	return from, to, nil
}

// momentForms are the forms of a flag that names a moment of a run; scenario.Moment reads them.
const momentForms = "a number from 0, HH:MM on the first day, or 2006-01-02T15:04"

// spanText is the span of the steps that a run has made, for people.
func spanText(s *persistence.Store, cal *inputs.Calendar) string {
	const form = "2006-01-02 15:04"
	if s.Steps() == 0 {
		return fmt.Sprintf("it begins at %s and has made no step", cal.Time(0).Format(form))
	}
	return fmt.Sprintf("%s, from %s to %s", counted(int64(s.Steps()), "step", "steps"), cal.Time(0).Format(form), cal.Time(s.Steps()).Format(form))
}

// replaySession is a replay of a run.
type replaySession struct {
	store    *persistence.Store
	from, to twins.Tick
	stderr   io.Writer
	world    *sim.World
	summary  *views.Summary
	wall     time.Duration
	again    *bool // with --verify: whether the steps were computed again
}

func (r *replaySession) run(verify bool) (err error) {
	if r.world, err = r.store.Twins(); err != nil {
		return err
	}
	r.summary = views.NewSummary(r.world)
	start := time.Now()
	if verify {
		var other *persistence.ModelError
		r.again = new(!errors.As(r.store.Recomputable(r.from, r.to), &other) && r.store.LeftOut() == 0)
		err = r.store.Verify(r.from, r.to, startActors, nil)
		if err == nil && other != nil {
			fmt.Fprintf(r.stderr, "smatrix: made by model %d, not computed again; what is kept has its checksums and its chain\n", other.Model)
		}
	}
	for _, j := range r.store.Joints() {
		if r.from <= j.Tick && j.Tick < r.to {
			fmt.Fprintf(r.stderr, "smatrix: before step %d the run went on from a state that was kept, made by model %d since then\n", j.Tick, j.Model)
		}
	}
	if err == nil {
		err = r.store.Replay(r.from, r.to, r.summary)
	}
	r.wall = time.Since(start)
	for _, line := range r.store.Repairs() {
		fmt.Fprintln(r.stderr, "smatrix: repaired: "+printableLine(line))
	}
	if verify && err == nil && r.store.Damaged() {
		err = &differsError{fmt.Errorf("run %q was damaged, and could be computed again; `smatrix run --resume %s` repairs it", r.store.Dir(), r.store.Dir())}
	}
	return err
}

func startActors(w *sim.World) (sim.Stepper, error) { return startWatched(w, nil) }

// startWatched is startActors with a watch, which may be nil.
func startWatched(w *sim.World, watch actors.Watch) (sim.Stepper, error) {
	return actors.Start(w, actors.Options{Hosting: actors.Hosting(w.Scenario.Hosting), Hash: true, Watch: watch})
}

func (r *replaySession) report(dir string) (*views.Report, error) {
	report := r.summary.Report(r.world)
	report.StepS = int64(r.world.Scenario.Calendar.Step)
	digest, err := r.store.DigestText(r.to)
	if err != nil {
		return nil, err
	}
	report.Run, report.Digest, report.Recomputed = &dir, digest, r.again
	report.WallS = r.wall.Seconds()
	if report.WallS > 0 {
		report.HouseholdStepsPerS = float64(report.Members[twins.Household.Name]) * float64(report.Steps) / report.WallS
	}
	report.PeakRSSBytes = bench.PeakResident()
	report.Interrupted = r.to == r.store.Steps() && r.to < r.world.Scenario.Calendar.Steps
	return report, nil
}
