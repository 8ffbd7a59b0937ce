package sim

import "github.com/smatrix-grid/smatrix/twins"

// Flat steps the grid in one plain loop, without actors: what they are measured
// against, and held to, digest for digest.
type Flat struct {
	balance *twins.Balance
	hasher  *CellHasher
	scratch twins.Scratch
	record  StepRecord
}

// NewFlat makes a stepper over a world; controller nil stands for the world's own.
// With hash false the record has no digests.
func NewFlat(w *World, controller twins.Controller, hash bool) *Flat {
	if controller == nil {
		controller = w.Controller
	}
	if controller == nil { // a world that was not built from a scenario
		controller = twins.MeritOrder{}
	}
	f := &Flat{balance: twins.NewBalance(w.Grid, controller, w.Cells)}
	f.record.States = NewStates(w.Cells, w.Grid, controller)
	for _, c := range w.Cells {
		f.record.Cells = append(f.record.Cells, c.Record())
	}
	if hash {
		f.hasher = &CellHasher{}
		f.record.Digests = make([]Hash, len(w.Cells))
	}
	return f
}

// Step implements Stepper.
func (f *Flat) Step(env *twins.Env) (*StepRecord, error) {
	g := f.balance
	for s := g.Begin(); s != twins.StageDone; s = g.Next(env) {
		for i, c := range g.Cells {
			if !g.Involves(i) {
				continue
			}
			if err := f.carry(c, s, env, &g.Plan()[i]); err != nil {
				return nil, err
			}
			if s == twins.StageCommit && f.hasher != nil {
				f.record.Digests[i] = f.hasher.Sum(c.Record())
			}
		}
	}
	f.record.Flows, f.record.Residual, f.record.Swing = g.Flows, g.Residual, g.Swing
	f.record.Events = g.Events
	return &f.record, nil
}

// carry takes one cell through one stage.
func (f *Flat) carry(c *twins.Cell, s twins.Stage, env *twins.Env, ask *twins.Setpoint) error {
	f.scratch.Reset() // what is told of one cell's members is not told of the next one's
	if err := c.Begin(s, env, ask); err != nil {
		return err
	}
	for r := range c.Rounds(s) {
		for _, k := range c.Round(s, r) {
			for i := range c.Blocks[k].Paths {
				if err := c.Ask(s, twins.Slot{Block: k, Index: int32(i)}, env, &f.scratch); err != nil {
					return err
				}
			}
		}
	}
	c.End(s, env, &f.scratch)
	return nil
}

// MessagesHandled implements Stepper: there are none.
func (f *Flat) MessagesHandled() int64 { return 0 }

// Close implements Stepper.
func (f *Flat) Close() {}
