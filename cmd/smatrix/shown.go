package main

import (
	"context"
	"errors"
	"math"
	"sync/atomic"
	"time"

	"github.com/smatrix-grid/smatrix/persistence"
	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/live"
	"github.com/smatrix-grid/smatrix/twins"
	"github.com/smatrix-grid/smatrix/ui"
)

// roomy is the journal of a run that is shown. While its disk is full the run waits,
// and goes on when there is room: viewers and their questions do not wait.
type roomy struct {
	*persistence.Journal
	stop context.Context
	full atomic.Pointer[persistence.FullError]
}

// lookForRoom is how often a full disk is looked at: nobody tells when there is room.
var lookForRoom = time.Second

// Commit implements sim.Sink.
func (r *roomy) Commit(rec *sim.StepRecord) error {
	for {
		err := r.Journal.Commit(rec)
		var full *persistence.FullError
		if !errors.As(err, &full) {
			r.full.Store(nil)
			return err
		}
		r.full.Store(full)
		select {
		case <-r.stop.Done():
			return err
		case <-time.After(lookForRoom):
		}
	}
}

// waiting is what the run waits for, in words.
func (r *roomy) waiting() string {
	if full := r.full.Load(); full != nil {
		return "waits for room: " + full.Error()
	}
	return ""
}

// KeepCommands implements ui.Keeper.
func (r *roomy) KeepCommands(c ...twins.Command) error { return notKept(r.AppendCommand(c...)) }

// KeepNote implements ui.Keeper.
func (r *roomy) KeepNote(note string, value []byte) error { return notKept(r.AppendNote(note, value)) }

// notKept is an error of the journal as viewers are told of it.
func notKept(err error) error {
	if err == nil {
		return nil
	}
	return &ui.NotKeptError{Full: errors.As(err, new(*persistence.FullError)), Err: err}
}

// temporary keeps a run that nobody wants to keep, so that it can be looked back at
// and forked: in a folder that goes with the process. It is never synced, but for
// commands. An error says why there is none: memory will do then.
func (s *session) temporary() error {
	persistence.RemoveStale() // of those that were killed
	dir, err := persistence.CreateTemp(persistence.Run{Scenario: s.world.Scenario.Name, Seed: s.world.Scenario.Seed})
	if err != nil {
		return err
	}
	journal, err := dir.Keep(s.world, s.chain, persistence.Durability{Steps: math.MaxInt, Every: math.MaxInt64})
	if err != nil {
		return errors.Join(err, dir.Remove())
	}
	s.dir, s.temp, s.keep = dir, true, func() (sim.Sink, error) { return journal, nil }
	return nil
}

// beShown begins the journal of a run, if there is to be one, and gives the server what
// it needs of it.
func (s *session) beShown(stop context.Context, o *ui.Options, address string) error {
	sinks, err := s.sinks()
	if err != nil {
		return err
	}
	for _, sink := range sinks[1:] { // the chain is the server's to put first
		if journal, ok := sink.(*persistence.Journal); ok {
			r := &roomy{Journal: journal, stop: stop}
			o.Begun.Past, o.Begun.Known, o.Keep, o.Waiting = journal.Reader(), journal.Known(), r, r.waiting
			sink = r
		}
		o.Sinks = append(o.Sinks, sink)
	}
	if s.dir == nil {
		return nil
	}
	return s.dir.Shown(address)
}

// stepper starts the actors of a world, and remembers those of the run's own.
func (s *session) stepper(w *sim.World) (sim.Stepper, error) {
	stepper, err := startActors(w)
	if w == s.world {
		s.acts = stepper
	}
	return stepper, err
}

// endShown closes the folder of a run that was shown, and writes what it came to.
func (s *session) endShown(err error) error {
	switch {
	case s.dir == nil:
		return nil
	case s.temp:
		_ = s.dir.Finish(persistence.Interrupted, nil) // nobody will read it
		return s.dir.Remove()
	}
	if s.acts != nil {
		s.messages = s.acts.MessagesHandled()
	}
	return s.dir.Finish(stateOf(err), s.report(err))
}

// endOf is how a run that is shown has ended, for its report.
func endOf(clock live.Clock, steps twins.Tick) error {
	if clock.Err == nil && clock.Tick < steps {
		return &interruptedError{int64(clock.Tick), int64(steps)}
	}
	return clock.Err
}
