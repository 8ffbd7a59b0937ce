package sim

import "github.com/smatrix-grid/smatrix/twins"

// Flat steps the grid in one plain loop, without actors. It is the reference for the
// actors: they must give the same digests, and their speed is compared with it.
type Flat struct {
	balance *twins.Balance
	cells   []*twins.Cell
	hasher  *CellHasher
	scratch twins.Scratch
	record  StepRecord
}

// NewFlat makes a stepper for a world. A nil controller means the world's own. Without
// hash the record has no digests.
func NewFlat(w *World, controller twins.Controller, hash bool) *Flat {
	if controller == nil {
		controller = w.Controller
	}
	if controller == nil { // the world was not built from a scenario
		controller = twins.MeritOrder{}
	}
	f := &Flat{balance: twins.NewBalance(w.Grid, controller, twins.Rosters(w.Cells)), cells: w.Cells}
	f.record.States = w.NewStates(controller)
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
	for s := g.Begin(env); s != twins.StageDone; s = g.Next(env) {
		for i, c := range f.cells {
			if !g.Involves(i) {
				continue
			}
			answer, err := c.Carry(env, &g.Asks()[i], &f.scratch)
			if err != nil {
				return nil, err
			}
			if err := g.Take(i, answer); err != nil {
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

// Messages implements Stepper. There are none: there are no actors.
func (f *Flat) Messages() Messages { return Messages{} }

// Close implements Stepper.
func (f *Flat) Close() {}
