package sim

import (
	"context"
	"fmt"

	"github.com/smatrix-grid/smatrix/sim/inputs"
	"github.com/smatrix-grid/smatrix/twins"
)

// Runner takes a world through its steps: it makes the Env of each, has the
// stepper carry it out, audits the books and hands the record to the sinks.
type Runner struct {
	World   *World
	Stepper Stepper
	Sinks   []Sink
	// Progress, if not nil, is called after each step with the number of steps done.
	Progress func(done twins.Tick)

	env  twins.Env
	done twins.Tick
}

// Done returns the number of steps made, which is the tick of the next one.
func (r *Runner) Done() twins.Tick { return r.done }

// From makes t the next step, for a world that was restored to the beginning of
// that step.
func (r *Runner) From(t twins.Tick) { r.done = t }

// Add takes a command for a step that is not made yet; see World.Add. It must not be
// called while a step is being made.
func (r *Runner) Add(c twins.Command) error {
	switch steps := r.World.Scenario.Calendar.Steps; {
	case c.Step < r.done:
		return fmt.Errorf("%s: %s for step %d, which is past, wanted step %d or later", c.Target, subjectOf(&c), c.Step, r.done)
	case steps > 0 && c.Step >= steps:
		return fmt.Errorf("%s: %s for step %d, wanted one before the end of the run, %d", c.Target, subjectOf(&c), c.Step, steps)
	}
	return r.World.Add(c)
}

// subjectOf returns the name of a command's setting, or, if it has none, of its type.
func subjectOf(c *twins.Command) string {
	if setting := c.Setting(); setting != "" {
		return setting
	}
	return c.Type.String()
}

// Run steps to the end of the scenario, or until ctx is done, which ends it
// after a whole step. It returns the number of steps made. An *AuditError ends
// the run after the sinks have received the record of the faulty step.
func (r *Runner) Run(ctx context.Context) (twins.Tick, error) {
	cal := r.World.Scenario.Calendar
	for ; r.done < cal.Steps; r.done++ {
		if ctx.Err() != nil {
			return r.done, nil
		}
		if err := r.makeStep(cal); err != nil {
			return r.done, err
		}
		if r.Progress != nil {
			r.Progress(r.done + 1)
		}
	}
	return r.done, nil
}

// Step makes one step, for callers that pace the run themselves.
// After the scenario's last step it does nothing and reports false.
func (r *Runner) Step() (more bool, err error) {
	cal := r.World.Scenario.Calendar
	if r.done >= cal.Steps {
		return false, nil
	}
	if err := r.makeStep(cal); err != nil {
		return false, err
	}
	r.done++
	return r.done < cal.Steps, nil
}

func (r *Runner) makeStep(cal *inputs.Calendar) error {
	if err := r.World.Env(r.done, &r.env); err != nil {
		return fmt.Errorf("step %d: %w", r.done, err)
	}
	rec, err := r.Stepper.Step(&r.env)
	if err != nil {
		return fmt.Errorf("step %d: %w", r.done, err)
	}
	rec.Tick, rec.Time, rec.Step = r.done, cal.Time(r.done), cal.Step
	rec.Commands = r.env.Commands
	rec.Price, rec.Carbon = r.env.Price, r.env.Carbon
	rec.Priced = r.World.Market != nil
	rec.Mixed = rec.Priced && r.World.Market.Mixed
	rec.CatchUp, rec.CatchUpKnown = twins.CatchUp{}, true
	for _, c := range rec.Cells {
		rec.CatchUp.Plus(c.CatchUp)
	}
	rec.Lacking = len(twins.FlowColumns) - len(r.World.Form.Layout.Flows)
	rec.SnapshotDue = SnapshotDue(r.done, cal.Step)
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

// SnapshotDue reports whether the states after a step belong to its record.
func SnapshotDue(t twins.Tick, step twins.Seconds) bool { return (t+1)%snapshotEvery(step) == 0 }

// snapshotEvery returns the number of steps between two snapshots, those of a day.
// Snapshots are hashed, so it depends on the scenario alone.
func snapshotEvery(step twins.Seconds) twins.Tick { return twins.Tick(86400 / step) }
