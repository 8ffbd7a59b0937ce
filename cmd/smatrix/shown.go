package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync/atomic"
	"time"

	"github.com/smatrix-grid/smatrix/persistence"
	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/live"
	"github.com/smatrix-grid/smatrix/twins"
	"github.com/smatrix-grid/smatrix/ui"
)

// waitingJournal is the journal of a served run. While its disk is full the run waits, and
// it continues when there is room; viewers and their requests do not wait.
type waitingJournal struct {
	*persistence.Journal
	meters *ui.Meters
	stop   context.Context
	full   atomic.Pointer[persistence.FullError]
}

// roomInterval is how often a full disk is polled: the system does not report free space.
var roomInterval = time.Second

// Commit implements sim.Sink.
func (r *waitingJournal) Commit(rec *sim.StepRecord) error {
	for {
		start := time.Now()
		err := r.Journal.Commit(rec)
		r.meters.Journal(time.Since(start))
		var full *persistence.FullError
		if !errors.As(err, &full) {
			r.full.Store(nil)
			return err
		}
		r.full.Store(goesOn(full))
		select {
		case <-r.stop.Done():
			return err
		case <-time.After(roomInterval):
		}
	}
}

// waiting returns a text that says what the run waits for, "" if it does not wait.
func (r *waitingJournal) waiting() string {
	if full := r.full.Load(); full != nil {
		return "waits for room: " + full.Error()
	}
	return ""
}

// goesOn returns the error of a full disk for those who see the live run: it goes on without being resumed.
func goesOn(full *persistence.FullError) *persistence.FullError {
	live := *full
	live.Then = "the run goes on by itself"
	return &live
}

// KeepCommands implements ui.Keeper.
func (r *waitingJournal) KeepCommands(c ...twins.Command) error {
	return notKept(r.AppendCommand(c...))
}

// KeepNote implements ui.Keeper.
func (r *waitingJournal) KeepNote(note string, value []byte) error {
	return notKept(r.AppendNote(note, value))
}

// notKept wraps an error of the journal for viewers.
func notKept(err error) error {
	if err == nil {
		return nil
	}
	var full *persistence.FullError
	if errors.As(err, &full) {
		return &ui.NotKeptError{Full: true, Err: goesOn(full)}
	}
	return &ui.NotKeptError{Err: err}
}

// temporary keeps a run without --out in a temporary folder, so that it can be replayed and
// forked; the folder is removed at the end. Only commands are synced. After an error the
// run is kept in memory only.
func (s *session) temporary() error {
	persistence.RemoveStale() // left by killed processes
	dir, err := persistence.CreateTemp(newRunOf(s.world.Scenario))
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

// beginServed begins the journal of a run, if it has one, and sets the server's options for
// it.
func (s *session) beginServed(stop context.Context, o *ui.Options, address string) error {
	sinks, err := s.sinks()
	if err != nil {
		return err
	}
	s.meters = ui.NewMeters()
	o.Meters = s.meters
	for _, sink := range sinks[1:] { // the server puts the chain first
		if journal, ok := sink.(*persistence.Journal); ok {
			journal.WhenRoom(s.whenRoom())
			r := &waitingJournal{Journal: journal, meters: s.meters, stop: stop}
			o.Begun.Past, o.Begun.Known, o.Keep, o.Waiting = journal.Reader(), journal.Known(), r, r.waiting
			o.Begun.Views = journal.Views()
			sink = r
		}
		o.Sinks = append(o.Sinks, sink)
	}
	if s.dir == nil {
		return nil
	}
	return s.dir.Shown(address)
}

// whenRoom is what to do with a served run that was ended while its disk was full, once there is room.
func (s *session) whenRoom() string {
	if s.temp {
		return "begin it again"
	}
	return fmt.Sprintf("go on with `smatrix serve --resume %s`", s.name)
}

// stepper starts the actors of a world, and stores those of the run itself, whose steps its
// meters measure.
func (s *session) stepper(w *sim.World) (sim.Stepper, error) {
	if w != s.world {
		return startActors(w)
	}
	stepper, err := startWatched(w, s.meters)
	s.stepperOfRun = stepper
	return stepper, err
}

// endServed closes the folder of a served run and writes its report.
func (s *session) endServed(err error) error {
	switch {
	case s.dir == nil:
		return nil
	case s.temp:
		_ = s.dir.Finish(persistence.Interrupted, nil) // the folder is removed next
		return s.dir.Remove()
	}
	if s.stepperOfRun != nil {
		s.messages = s.stepperOfRun.Messages().Handled
	}
	return s.dir.Finish(stateOf(err), s.reportToKeep(err, s.report(err)))
}

// endOf returns the error with which a served run has ended, for its report.
func endOf(clock live.Clock, steps twins.Tick) error {
	if clock.Err == nil && clock.Tick < steps {
		return &interruptedError{int64(clock.Tick), int64(steps)}
	}
	return clock.Err
}
