package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/smatrix-grid/smatrix/actors"
	"github.com/smatrix-grid/smatrix/bench"
	"github.com/smatrix-grid/smatrix/persistence"
	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/sim/views"
	"github.com/smatrix-grid/smatrix/twins"
	"github.com/smatrix-grid/smatrix/ui"
)

// runFlags are the flags of run; days, steps and seed count only if they were set.
type runFlags struct {
	days, steps int
	seed        uint64
	set         []string
	out         string
	resume      string
	sync        string
	retention   persistence.Retention
	csv         bool
	json        bool
	quiet       bool
	profiles    profiles
}

func newRun() *cobra.Command {
	var f runFlags
	c := &cobra.Command{
		Use:   "run SCENARIO | run --resume DIR",
		Short: "Run a scenario to its end and report",
		Long: `Run takes a scenario through its steps and prints what it came to: energy in and
out, the peak, self-sufficiency, a plot of demand and production, and a digest.
SCENARIO is the name of a shipped one or a YAML file.

` + ratiosHelp() + `

Unserved is load that was wanted, not delivered and not agreed to, once: of what can
catch up, what is missing at its deadline; what is missing at the end of the run for
later deadlines is waiting. A vehicle is ready if it left with the energy of its next
trip; without a trip to come it needs nothing. CO2 is that of import, by the
neighbour's mix; what the grid's own plants emit is not in it.

With --out every step is kept in a folder, so that the run can be replayed, and
resumed after it was interrupted or killed: --resume continues it to the same
digest. --sync says how often the disk is synced: after every "step", a number of
steps or a time; only a failure of the machine can lose the steps since the last
sync. What --keep-readings and --keep-events delete after some days is computed
again on request, and compared with the hashes.

What can be read but is not plausible is a warning on stderr and in the report: the
run takes it as it is. See smatrix scenario validate --help.

The digest is the same whenever scenario, seed and changes are the same, on any
number of processors. The report goes to stdout, progress to stderr. Ctrl-C ends
the run after a whole step, with the report of what was done; a second one kills.

Exit codes: 0 done, 1 failed, 2 usage, 3 scenario or data invalid, 4 energy was
lost or made, 130 interrupted.`,
		Example: `  smatrix run street
  smatrix run my-street.yaml --seed 42
  smatrix run hamlet --set 'households.*.load.scale*=1.3' --set ties.tie.import_w=4000
  smatrix run town --out runs/first --csv
  smatrix run --resume runs/first
  smatrix run street --json | jq .energy_wh`,
		Args: func(c *cobra.Command, args []string) error {
			if c.Flags().Changed("resume") {
				return f.resumeAlone(c, args)
			}
			return someArgs(1, 1, "no scenario, wanted the name of one or a YAML file")(c, args)
		},
		ValidArgsFunction: completeScenario,
		RunE: func(c *cobra.Command, args []string) error {
			return f.profiles.around(func() error {
				if c.Flags().Changed("resume") {
					return f.runResumed(c)
				}
				return f.run(c, args[0])
			})
		},
	}
	c.Flags().IntVar(&f.days, "days", 0, "run `N` local calendar days")
	c.Flags().IntVar(&f.steps, "steps", 0, "run `N` steps; wins over --days")
	c.Flags().Uint64Var(&f.seed, "seed", 0, "use `N` as seed of all random numbers, at most 2^53")
	addSet(c, &f.set)
	c.Flags().StringVar(&f.out, "out", "", "keep the run in `DIR`, which must be new or empty")
	c.Flags().BoolVar(&f.csv, "csv", false, "write readings.csv, grid.csv and bookings.csv to --out")
	c.Flags().StringVar(&f.resume, "resume", "", "go on with the run that is kept in `DIR`")
	c.Flags().StringVar(&f.sync, "sync", "64,1s", "sync after `WHEN`: step, or steps and time")
	f.addRetention(c)
	c.Flags().BoolVar(&f.json, "json", false, "print the report as one JSON object")
	c.Flags().BoolVarP(&f.quiet, "quiet", "q", false, "print no progress, and no report unless --json")
	f.profiles.add(c)
	c.Flags().SortFlags = false
	_ = c.MarkFlagDirname("out") // completion only
	_ = c.MarkFlagDirname("resume")
	return c
}

// addSet adds --set, which scenario show also has.
func addSet(c *cobra.Command, set *[]string) {
	c.Flags().StringArrayVar(set, "set", nil, "change the scenario: `PATH=VALUE` or PATH*=FACTOR; repeatable")
	_ = c.RegisterFlagCompletionFunc("set", completeSet) // the flag exists
}

// options returns the flags as options of sim.
func (f *runFlags) options(c *cobra.Command) scenario.Options {
	o := scenario.Options{Set: f.set}
	if c.Flags().Changed("days") {
		o.Days = &f.days
	}
	if c.Flags().Changed("steps") {
		o.Steps = &f.steps
	}
	if c.Flags().Changed("seed") {
		o.Seed = &f.seed
	}
	return o
}

func (f *runFlags) run(c *cobra.Command, name string) error {
	keep := c.Flags().Changed("out")
	if f.csv && !keep {
		return usage(c, "--csv without --out, wanted a folder for the files")
	}
	durability, err := f.durability(c)
	if err != nil {
		return err
	}
	if err := f.checkRetention(c, keep); err != nil {
		return err
	}
	source, err := scenario.Load(name, f.options(c))
	if err != nil {
		return err
	}
	world, err := sim.Build(source)
	if err != nil {
		return err
	}
	if err := sabotage(world); err != nil {
		return err
	}
	s := newSession(f, world, c.OutOrStdout(), c.ErrOrStderr())
	printWarnings(s.stderr, world.Warnings)
	if keep {
		if s.dir, err = persistence.CreateRun(f.out, newRunOf(source)); err != nil {
			return err
		}
		s.dir.Retention = f.retention
		s.keep = func() (sim.Sink, error) { return s.dir.Keep(world, s.chain, durability) }
	}
	return s.interruptible(c.Context())
}

// newRunOf returns the content of run.json for a run of a scenario that begins now.
func newRunOf(s *scenario.Scenario) persistence.Run {
	return persistence.Run{Scenario: s.Name, Seed: s.Seed, Created: time.Now().UTC().Truncate(time.Second), Smatrix: readBuild().Version}
}

// interruptible runs until a signal arrives.
func (s *session) interruptible(ctx context.Context) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal kills the process
	s.flags.profiles.endsBySignal()
	return s.run(ctx)
}

// session is one run from its first step to its report.
type session struct {
	flags          *runFlags
	world          *sim.World
	dir            *persistence.RunDir      // nil without --out
	name           string                   // of the folder, as given
	temp           bool                     // the folder is removed at the end
	stepperOfRun   sim.Stepper              // of a served run
	meters         *ui.Meters               // likewise
	csv            sim.Sink                 // nil without --csv
	keep           func() (sim.Sink, error) // begins the journal; nil without --out
	stdout, stderr io.Writer

	from     twins.Tick // steps made before this process
	chain    *sim.Chain
	summary  *views.Summary
	messages int64
	wall     time.Duration
}

func newSession(f *runFlags, w *sim.World, stdout, stderr io.Writer) *session {
	return &session{
		flags: f, world: w, stdout: stdout, stderr: stderr, name: f.out,
		chain: w.NewChain(), summary: views.NewSummary(w),
	}
}

// run makes the steps, closes the folder and prints the report, in this order, so that
// a failure of stdout does not change what is on disk.
func (s *session) run(ctx context.Context) error {
	err := s.steps(ctx)
	s.flags.profiles.snapshot()
	report := s.report(err)
	errs := []error{err}
	if s.dir != nil {
		errs = append(errs, s.dir.WriteBookings(s.summary.Bookings.WriteCSV), s.dir.Finish(stateOf(err), s.reportToKeep(err, report)))
	}
	if worthReporting(err) {
		errs = append(errs, s.print(report))
	}
	return errors.Join(errs...)
}

// steps makes the steps until the end or an interrupt.
func (s *session) steps(ctx context.Context) error {
	sinks, err := s.sinks()
	if err != nil {
		return err
	}
	source := s.world.Scenario
	stepper, err := actors.Start(s.world, actors.Options{Hosting: actors.Hosting(source.Hosting), Hash: true})
	if err != nil {
		return err
	}
	defer stepper.Close()
	if s.keep != nil && os.Getenv("GOMEMLIMIT") == "" {
		limit := newMemoryLimit()
		defer limit.lift()
		sinks = append(sinks, limit)
	}
	runner := sim.Runner{World: s.world, Stepper: stepper, Sinks: sinks}
	runner.From(s.from)
	if !s.flags.quiet {
		p := newProgress(s.stderr, source.Calendar)
		defer p.end()
		runner.Progress = p.update
	}
	start := time.Now()
	done, err := runner.Run(ctx)
	s.wall, s.messages = time.Since(start), stepper.Messages().Handled
	if err == nil && done < source.Calendar.Steps {
		return &interruptedError{int64(done), int64(source.Calendar.Steps)}
	}
	return err
}

// sinks returns the sinks of the run: the chain first, then the journal, so that no
// summary counts a step that is not kept.
func (s *session) sinks() (sinks []sim.Sink, err error) {
	if s.flags.csv && s.csv == nil {
		if s.csv, err = s.dir.CSV(); err != nil {
			return nil, err
		}
	}
	sinks = append(sinks, s.chain)
	if s.keep != nil {
		journal, err := s.keep()
		if err != nil {
			return nil, err
		}
		sinks = append(sinks, journal)
	}
	sinks = append(sinks, s.summary)
	if s.csv != nil {
		sinks = append(sinks, s.csv)
	}
	return sinks, nil
}

// stateOf returns the state of a run that has ended with err.
func stateOf(err error) persistence.State {
	var interrupted *interruptedError
	switch {
	case err == nil:
		return persistence.Done
	case errors.As(err, &interrupted):
		return persistence.Interrupted
	}
	return persistence.Failed
}

// worthReporting reports whether the figures are those of whole steps. After a failed
// audit they show what it has found.
func worthReporting(err error) bool {
	var audit *sim.AuditError
	return stateOf(err) != persistence.Failed || errors.As(err, &audit)
}

// report returns the report, with the fields that the summary does not know.
func (s *session) report(err error) *views.Report {
	r := s.summary.Report(s.world)
	if s.dir != nil {
		r.Run = &s.name
	}
	r.Digest = s.chain.Digest().String()
	r.MessagesHandled = s.messages
	r.WallS = s.wall.Seconds()
	if r.WallS > 0 {
		r.HouseholdStepsPerS = float64(r.Members[twins.Household.Name]) * float64(r.Steps-int64(s.from)) / r.WallS
	}
	r.PeakRSSBytes = bench.PeakResident()
	r.Interrupted = stateOf(err) == persistence.Interrupted
	return r
}

// reportToKeep returns the report, or nil if the run has failed before its end: on disk it would look like that of
// a whole run.
func (s *session) reportToKeep(err error, r *views.Report) any {
	if worthReporting(err) {
		return r
	}
	return nil
}

func (s *session) print(r *views.Report) error {
	switch {
	case s.flags.json:
		return printJSON(s.stdout, r)
	case s.flags.quiet:
		return nil
	}
	_, err := io.WriteString(s.stdout, reportText(r, s.summary, s.world.Scenario, 0, useColour(s.stdout)))
	return err
}
