package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/smatrix-grid/smatrix/actors"
	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/ui"
)

// serveFlags are the flags of serve.
type serveFlags struct {
	runFlags
	addr   string
	paused bool
	speed  string
	token  string
}

// What serve shows if nothing is asked for: a week of the town, of which a day
// passes in under three minutes.
const (
	serveScenario = "town"
	serveDays     = 7
	serveSpeed    = "600"
)

func newServe() *cobra.Command {
	var f serveFlags
	c := &cobra.Command{
		Use:   "serve [SCENARIO]",
		Short: "Run a scenario live, to be watched in a browser",
		Long: `Serve runs a scenario at a speed and shows it: open the address that it prints. All
that the page shows is JSON as well, see /docs. SCENARIO is the name of a shipped one
or a YAML file; without it a week of the town is run.

Only this machine may connect, unless there is a --token: then --addr may be any, and
who asks needs the token. Whoever is let in may pause the run and change its twins.

Exit codes: 0 ended by a signal (Ctrl-C), after a whole step; 1 failed, 2 usage,
3 scenario or data invalid, 4 energy was lost or made.`,
		Example: `  smatrix serve
  smatrix serve street --speed max
  smatrix serve hamlet --days 30 --paused
  smatrix serve --addr 0.0.0.0:7070 --token "$(openssl rand -hex 16)"`,
		Args:              someArgs(0, 1, ""),
		ValidArgsFunction: completeScenario,
		RunE: func(c *cobra.Command, args []string) error {
			return f.serve(c, args)
		},
	}
	c.Flags().StringVar(&f.addr, "addr", "127.0.0.1:7070", "listen at `HOST:PORT`; port 0 is a free one")
	c.Flags().BoolVar(&f.paused, "paused", false, "begin paused")
	c.Flags().StringVar(&f.speed, "speed", serveSpeed, "run `N` simulated seconds per second, or max")
	c.Flags().IntVar(&f.days, "days", 0, "run `N` local calendar days")
	c.Flags().Uint64Var(&f.seed, "seed", 0, "use `N` as seed of all random numbers")
	addSet(c, &f.set)
	c.Flags().StringVar(&f.token, "token", "", "let in only who knows `TEXT`")
	c.Flags().SortFlags = false
	return c
}

// speedOf reads --speed; 0 is as fast as it goes.
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
	speed, err := speedOf(c, f.speed)
	if err != nil {
		return err
	}
	name, options := serveScenario, f.options(c)
	if len(args) > 0 {
		name = args[0]
	} else if options.Days == nil {
		options.Days = new(serveDays)
	}
	scenario, err := sim.Load(name, options)
	if err != nil {
		return err
	}
	world, err := scenario.Build()
	if err != nil {
		return err
	}
	if err := sabotage(world); err != nil {
		return err
	}
	listener, err := ui.Listen(f.addr, f.token)
	var address *ui.AddressError
	if errors.As(err, &address) {
		return usage(c, "%v", err)
	} else if err != nil {
		return err
	}
	server, err := ui.NewServer(ui.Options{
		World: world, Stepper: func(w *sim.World) (sim.Stepper, error) {
			return actors.Start(w, actors.Options{Hosting: actors.Hosting(scenario.Hosting), Hash: true})
		},
		Live:  sim.LiveOptions{Paused: f.paused, Speed: speed},
		Token: f.token, Log: slog.New(slog.NewTextHandler(c.ErrOrStderr(), nil)),
	})
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	ctx, stop := signal.NotifyContext(c.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal finds nobody and kills
	if err := f.greet(c.OutOrStdout(), scenario, listener.Addr().String()); err != nil {
		return errors.Join(err, listener.Close())
	}
	err = server.Serve(ctx, listener)
	clock := server.Live().Clock()
	return errors.Join(err, clock.Err)
}

// greet says where to look.
func (f *serveFlags) greet(w io.Writer, s *sim.Scenario, addr string) error {
	_, err := fmt.Fprintf(w, "Smatrix Grid shows %s at http://%s/\n", s.Name, addr)
	if err == nil && f.token != "" {
		_, err = fmt.Fprintf(w, "open it once as http://%s/?token=…\n", addr)
	}
	return err
}
