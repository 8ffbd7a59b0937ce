package viewstest

import (
	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/form"
	"github.com/smatrix-grid/smatrix/sim/views"
	"github.com/smatrix-grid/smatrix/twins"
)

// Exporting is the row of a view that counts the steps in which communities export, in total and by the hour.
var Exporting = views.Declare(views.Kind{Name: "exporting", Version: 1,
	New:    func(*sim.World) views.View { return &Exports{} },
	Window: func(_ *sim.World, community int) views.Window { return &Exported{community: community} },
})

// Exports counts exporting steps of all communities over the run. Form: version byte, steps int, count int.
type Exports struct{ Steps, Count int64 }

func (e *Exports) Commit(r *sim.StepRecord) error {
	for i := range r.Cells {
		e.Count += exportsIn(r, i)
	}
	e.Steps = int64(r.Tick) + 1
	return nil
}

func (e *Exports) Until(at twins.Tick) views.View {
	if int64(at) < e.Steps {
		return nil // only the count after the last step is known
	}
	return &Exports{e.Steps, e.Count}
}

func (e *Exports) AppendBinary(b []byte) []byte {
	return form.Append(b, Exporting.Version, e.Steps, e.Count)
}

func (e *Exports) UnmarshalBinary(b []byte) error {
	return form.Read(b, Exporting.Version, &e.Steps, &e.Count)
}

// Exported counts exporting steps of one community in a window. Form: version byte, count int.
type Exported struct {
	community int
	Count     int64
}

func (e *Exported) Add(r *sim.StepRecord)          { e.Count += exportsIn(r, e.community) }
func (e *Exported) Plus(o views.Window)            { e.Count += o.(*Exported).Count }
func (e *Exported) Reset()                         { e.Count = 0 }
func (e *Exported) AppendBinary(b []byte) []byte   { return form.Append(b, Exporting.Version, e.Count) }
func (e *Exported) UnmarshalBinary(b []byte) error { return form.Read(b, Exporting.Version, &e.Count) }

// exportsIn returns 1 if a community exports in a step, 0 otherwise.
func exportsIn(r *sim.StepRecord, community int) int64 {
	f := &r.Cells[community].Flows
	return int64(uint64(f.Power+f.NetworkLoss) >> 63)
}
