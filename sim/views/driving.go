package views

import (
	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/form"
	"github.com/smatrix-grid/smatrix/twins"
)

// DrivingKind is the row of what vehicles have used by driving, by hour, local day and month.
var DrivingKind = Declare(Kind{Name: "driving", Version: 1, Window: func(w *sim.World, community int) Window {
	d := &Driving{community: community, block: -1}
	for i, b := range w.Cells[community].Blocks {
		if b.Kind == twins.Vehicle {
			d.block, d.driven = i, make([]twins.Energy, len(b.Paths))
		}
	}
	return d
}})

// Driving is the energy that the vehicles of a community have used by driving in a window.
//
//	version byte, driven int of each vehicle in path order
type Driving struct {
	community, block int            // block of the vehicles, −1: there are none
	driven           []twins.Energy // of each vehicle
}

// DrivingOf returns the driving of a window. It panics if the window is of another kind.
func DrivingOf(w Window) *Driving { return w.(*Driving) }

// Of returns what a member has driven: 0 if it is no vehicle.
func (d *Driving) Of(block, member int) twins.Energy {
	if block != d.block {
		return 0
	}
	return d.driven[member]
}

// Total returns what all vehicles have driven.
func (d *Driving) Total() (sum twins.Energy) {
	for _, e := range d.driven {
		sum += e
	}
	return sum
}

// Add implements Window.
func (d *Driving) Add(r *sim.StepRecord) {
	if d.block < 0 {
		return
	}
	b := &r.Cells[d.community].Blocks[d.block]
	for m, e := range b.Column(b.ColumnNamed(twins.ColumnDriven.Name)) {
		d.driven[m] += twins.Energy(e)
	}
}

// Plus implements Window.
func (d *Driving) Plus(o Window) {
	for i, e := range o.(*Driving).driven {
		d.driven[i] += e
	}
}

// Reset implements Window.
func (d *Driving) Reset() { clear(d.driven) }

// AppendBinary implements Window.
func (d *Driving) AppendBinary(b []byte) []byte {
	w := form.Writer(append(b, DrivingKind.Version))
	for _, e := range d.driven {
		w.Int(int64(e))
	}
	return w
}

// UnmarshalBinary implements Window.
func (d *Driving) UnmarshalBinary(b []byte) error {
	r := form.NewVersion(b, DrivingKind.Version)
	for i := range d.driven {
		d.driven[i] = twins.Energy(r.Int())
	}
	return r.Done()
}
