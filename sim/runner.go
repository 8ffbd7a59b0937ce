package sim

import (
	"context"
	"fmt"

	"github.com/smatrix-grid/smatrix/twins"
)

// Runner takes a world through its steps: it makes the Env of each, has the
// stepper carry it out, audits the books and hands the record to the sinks.
type Runner struct {
	World   *World
	Stepper Stepper
	Sinks   []Sink
	// Progress is told after each step how many are done; nil if nobody looks.
	Progress func(done twins.Tick)

	env  twins.Env
	done twins.Tick
}

// Run steps to the end of the scenario, or until ctx is done, which ends it
// after a whole step. It returns the number of steps made. An *AuditError ends
// the run after the sinks have had the record that shows it.
func (r *Runner) Run(ctx context.Context) (twins.Tick, error) {
	cal := r.World.Scenario.Calendar
	for ; r.done < cal.Steps; r.done++ {
		if ctx.Err() != nil {
			return r.done, nil
		}
		if err := r.step(cal); err != nil {
			return r.done, err
		}
		if r.Progress != nil {
			r.Progress(r.done + 1)
		}
	}
	return r.done, nil
}

func (r *Runner) step(cal *Calendar) error {
	r.World.Env(r.done, &r.env)
	rec, err := r.Stepper.Step(&r.env)
	if err != nil {
		return fmt.Errorf("step %d: %w", r.done, err)
	}
	rec.Tick, rec.Time, rec.Step = r.done, cal.Time(r.done), cal.Step
	rec.Commands = r.env.Commands
	rec.Price, rec.Carbon = r.env.Price, r.env.Carbon
	rec.Priced = r.World.Market != nil
	rec.Mixed = rec.Priced && r.World.Market.Mixed
	rec.SnapshotDue = (r.done+1)%snapshotEvery(cal.Step) == 0
	for _, s := range r.Sinks {
		if err := s.Commit(rec); err != nil {
			return fmt.Errorf("step %d: %w", r.done, err)
		}
	}
	if err := rec.audit(); err != nil {
		r.done++
		return err
	}
	return nil
}

// snapshotEvery is how many steps lie between two snapshots: a day of them. It
// is part of what is hashed, so it depends on the scenario alone.
func snapshotEvery(step twins.Seconds) twins.Tick { return twins.Tick(86400 / step) }
