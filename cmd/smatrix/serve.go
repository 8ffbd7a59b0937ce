package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/smatrix-grid/smatrix/persistence"
	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/live"
	"github.com/smatrix-grid/smatrix/sim/problem"
	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/ui"
)

// serveFlags are the flags of serve.
type serveFlags struct {
	runFlags
	access accessFlags
	paused bool
	speed  string
}

// The defaults of serve: a week of the town, at under three minutes a day.
const (
	serveScenario = "town"
	serveDays     = 7
	serveSpeed    = "600"
)

func newServe() *cobra.Command {
	var f serveFlags
	c := &cobra.Command{
		Use:   "serve [SCENARIO] | serve --resume DIR",
		Short: "Run a scenario live, to be watched in a browser",
		Long: `Serve runs a scenario at a speed and shows it: open the address that it prints. All
that the page shows is JSON as well, see /docs. SCENARIO is the name of a shipped one
or a YAML file; without it a week of the town is run.

With --out every step is kept in a folder, as smatrix run keeps it, and commands are
on disk before they are acknowledged: the run can be viewed from its first step on,
replayed, and resumed after it was ended or killed. Without --out it is kept in a
temporary folder, which is removed at the end. What --keep-readings and
--keep-events delete is computed again on request.

Only this machine may connect, unless there is a token of at least 16 characters: then
--addr may be any, and every request needs the token; a browser asks for it. It is read
from --token-file, from the environment variable SMATRIX_TOKEN, or from --token, which
other users of the machine can see. Everyone with access may pause the run and change
its twins. Beyond this machine serve HTTPS, with --tls-cert and --tls-key or behind a
proxy that is named by --trusted-proxies.

Exit codes: 0 ended by a signal (Ctrl-C), after a whole step; 1 failed, 2 usage,
3 scenario or data invalid, 4 energy was lost or made.`,
		Example: `  smatrix serve
  smatrix serve street --speed max
  smatrix serve town --days 30 --paused
  smatrix serve town --out runs/town
  smatrix serve --resume runs/town
  smatrix serve --addr 0.0.0.0:7070 --token-file token.txt --tls-cert cert.pem --tls-key key.pem`,
		Args: func(c *cobra.Command, args []string) error {
			if c.Flags().Changed("resume") {
				return f.resumeAlone(c, args)
			}
			return someArgs(0, 1, "")(c, args)
		},
		ValidArgsFunction: completeScenario,
		RunE: func(c *cobra.Command, args []string) error {
			f.quiet = true // serve prints no report
			if c.Flags().Changed("resume") {
				return f.serveResumed(c)
			}
			return f.serve(c, args)
		},
	}
	f.addFlags(c)
	c.Flags().IntVar(&f.days, "days", 0, "run `N` local calendar days")
	c.Flags().Uint64Var(&f.seed, "seed", 0, "use `N` as seed of all random numbers, at most 2^53")
	addSet(c, &f.set)
	c.Flags().StringVar(&f.out, "out", "", "keep the run in `DIR`, which must be new or empty")
	c.Flags().StringVar(&f.resume, "resume", "", "go on with the run that is kept in `DIR`")
	c.Flags().StringVar(&f.sync, "sync", "64,1s", "sync after `WHEN`: step, or steps and time")
	f.addRetention(c)
	c.Flags().SortFlags = false
	_ = c.MarkFlagDirname("out") // completion only
	_ = c.MarkFlagDirname("resume")
	return c
}

// addFlags adds the flags of serve and of replay --serve.
func (f *serveFlags) addFlags(c *cobra.Command) {
	f.access.add(c)
	c.Flags().BoolVar(&f.paused, "paused", false, "begin paused")
	c.Flags().StringVar(&f.speed, "speed", serveSpeed, "run `N` simulated seconds per second, or max")
}

// speedOf parses --speed; 0 is as fast as possible.
func speedOf(c *cobra.Command, s string) (float64, error) {
	if s == "max" {
		return 0, nil
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || !(v >= 0.01 && v <= 1e9) {
		return 0, usage(c, "--speed %q: wanted simulated seconds per second from 0.01 to 1e9, or max", s)
	}
	return v, nil
}

func (f *serveFlags) serve(c *cobra.Command, args []string) error {
	durability, err := f.durability(c)
	if err != nil {
		return err
	}
	if err := f.checkRetention(c, c.Flags().Changed("out")); err != nil {
		return err
	}
	name, options := serveScenario, f.options(c)
	if len(args) > 0 {
		name = args[0]
	} else if options.Days == nil {
		options.Days = new(serveDays)
	}
	source, err := scenario.Load(name, options)
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
	s := newSession(&f.runFlags, world, c.OutOrStdout(), c.ErrOrStderr())
	printWarnings(s.stderr, world.Warnings)
	return f.listen(c, func(l net.Listener, speed float64) error {
		if c.Flags().Changed("out") {
			if s.dir, err = persistence.CreateRun(f.out, newRunOf(source)); err != nil {
				return err
			}
			s.dir.Retention = f.retention
			s.keep = func() (sim.Sink, error) { return s.dir.Keep(world, s.chain, durability) }
		} else if err := s.temporary(); err != nil {
			fmt.Fprintf(s.stderr, "smatrix: no temporary folder, so only the steps in memory can be viewed again: %s\n", printableLine(err.Error()))
		}
		return f.show(c, s, ui.Begun{}, l, speed)
	})
}

// serveResumed resumes a run that was ended early, or killed, and serves it.
func (f *serveFlags) serveResumed(c *cobra.Command) error {
	durability, err := f.durability(c)
	if err != nil {
		return err
	}
	return f.listen(c, func(l net.Listener, speed float64) error {
		store, err := persistence.Open(f.resume, persistence.Write)
		if err != nil {
			return err
		}
		if store.Meta().State == persistence.Done && !store.Damaged() {
			_ = store.Close() // nothing was written
			return &problem.Usage{What: fmt.Sprintf("run %q has been made to its end; see it with `smatrix replay %s --serve`", f.resume, f.resume)}
		}
		s := &session{flags: &f.runFlags, stdout: c.OutOrStdout(), stderr: c.ErrOrStderr(), dir: store.Run(), name: f.resume}
		b, err := s.resumeServed(store, durability)
		if err != nil {
			_ = store.Close() // the first error is the cause
			return err
		}
		return f.show(c, s, b, l, speed)
	})
}

// resumeServed sets the session to continue a kept run, and returns what the server must know of it.
func (s *session) resumeServed(store *persistence.Store, d persistence.Durability) (b ui.Begun, err error) {
	b.Commands = store.Commands(0, math.MaxInt64)
	if b.Notes, err = store.Notes(""); err == nil {
		err = s.resume(store, d)
	}
	b.Steps = s.from
	return b, err
}

// serveReplay serves the records of a run.
func (f *serveFlags) serveReplay(c *cobra.Command, dir string) error {
	return f.listen(c, func(l net.Listener, speed float64) (err error) {
		store, err := persistence.Open(dir, persistence.Read)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, store.Close()) }()
		world, err := store.Twins()
		if err != nil {
			return err
		}
		options := f.serverOptions(c, world, speed)
		options.Replay = true
		if options.Begun, err = replayed(store); err != nil {
			return err
		}
		server, err := ui.NewServer(options)
		if err != nil {
			return err
		}
		ctx, stop := signal.NotifyContext(c.Context(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		context.AfterFunc(ctx, stop) // a second signal kills the process
		if err := f.greet(c.OutOrStdout(), world.Scenario, "replays", l); err != nil {
			server.Close()
			return err
		}
		return server.Serve(ctx, l)
	})
}

// replayed returns what a server that replays a run must know of it.
func replayed(store *persistence.Store) (b ui.Begun, err error) {
	b = ui.Begun{Past: store.Reader(), Steps: store.Steps(), Commands: store.Commands(0, math.MaxInt64)}
	if b.Digest, err = store.DigestText(store.Steps()); err == nil {
		b.Notes, err = store.Notes("")
	}
	return b, err
}

// listen opens the address and calls show; it closes the address when show returns.
func (f *serveFlags) listen(c *cobra.Command, show func(net.Listener, float64) error) error {
	speed, err := speedOf(c, f.speed)
	if err != nil {
		return err
	}
	listener, err := f.access.listen(c)
	if err != nil {
		return err
	}
	defer listener.Close() // it may be closed already
	return show(listener, speed)
}

// show serves a run until a signal arrives, and then ends it.
func (f *serveFlags) show(c *cobra.Command, s *session, b ui.Begun, l net.Listener, speed float64) error {
	ctx, stop := signal.NotifyContext(c.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal kills the process
	options := f.serverOptions(c, s.world, speed)
	options.Chain, options.Begun = s.chain, b
	if err := s.beginServed(ctx, &options, f.access.urls(l)[0]); err != nil {
		return errors.Join(err, s.endServed(err))
	}
	options.Stepper = s.stepper
	start := time.Now()
	server, err := ui.NewServer(options)
	if err != nil {
		return errors.Join(err, s.endServed(err))
	}
	options.Begun = ui.Begun{} // frees the memory of its commands
	if err := f.greet(s.stdout, s.world.Scenario, "shows", l); err != nil {
		server.Close()
		return errors.Join(err, s.endServed(err))
	}
	err = server.Serve(ctx, l)
	s.wall = time.Since(start)
	clock := server.Live().Clock()
	return errors.Join(err, clock.Err, s.endServed(endOf(clock, s.world.Scenario.Calendar.Steps)))
}

// serverOptions returns the options common to a run and a replay.
func (f *serveFlags) serverOptions(c *cobra.Command, w *sim.World, speed float64) ui.Options {
	return ui.Options{
		World: w, Stepper: startActors, Live: live.Options{Paused: f.paused, Speed: speed},
		Token: f.access.token, Proxies: f.access.trusted, Log: slog.New(slog.NewTextHandler(c.ErrOrStderr(), nil)),
	}
}

// greet prints the addresses.
func (f *serveFlags) greet(w io.Writer, s *scenario.Scenario, does string, l net.Listener) error {
	urls := f.access.urls(l)
	text := fmt.Sprintf("Smatrix Grid %s %s at %s\n", does, printableLine(s.Name), urls[0])
	for _, url := range urls[1:] {
		text += "also at " + url + "\n"
	}
	if f.access.token != "" {
		text += "its page asks for the token\n"
	}
	_, err := io.WriteString(w, text)
	return err
}
