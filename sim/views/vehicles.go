package views

import (
	"fmt"
	"slices"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/form"
	"github.com/smatrix-grid/smatrix/twins"
)

// VehiclesKind is the row of Vehicles.
var VehiclesKind = Declare(Kind{Name: "vehicles", Version: 1, New: func(w *sim.World) View { return newVehicles(w) }})

// mostParked is how many changes are kept, of all vehicles together.
const mostParked = 4096

// Vehicles is the state of every vehicle: plugged in or away, since when, and what energy it asked
// for. Earlier states are known as far back as the last mostParked changes; these changes are not
// stored, because the run's records have them.
//
//	version byte, steps int, vehicles uint; of each in order of communities, kinds and paths: since int; if that is ≥ 0: 1 plugged,
//	2 away and ready or 0; if plugged: leaves int, wanted int, impossible int
type Vehicles struct {
	next twins.Tick
	from twins.Tick     // states are known after this step and later steps
	at   map[string]int // by path: index into now; shared by all views of a world, never changed
	now  []Parked
	log  []parkedBefore // oldest first
}

// Parked is the state of a vehicle since a step; Since −1: the vehicle has been away since before the
// run, and the other fields are not known.
type Parked struct {
	twins.Parking
	Since twins.Tick
}

type parkedBefore struct {
	tick    twins.Tick
	vehicle int
	was     Parked
}

// newVehicles finds the vehicles of a world: the members whose kind has an event that parks.
func newVehicles(w *sim.World) *Vehicles {
	v := &Vehicles{from: always, at: map[string]int{}}
	for _, c := range w.Cells {
		for _, b := range c.Blocks {
			if !slices.ContainsFunc(b.Kind.Events, func(e *twins.EventType) bool { return e.Parks != nil }) {
				continue
			}
			for _, path := range b.Paths {
				v.at[path] = len(v.at)
			}
		}
	}
	v.now = slices.Repeat([]Parked{{Since: -1}}, len(v.at))
	return v
}

// Commit implements View.
func (v *Vehicles) Commit(r *sim.StepRecord) error {
	v.next = r.Tick + 1
	for _, c := range r.Cells {
		for i := range c.Events {
			e := &c.Events[i]
			if e.Event.Type.Parks == nil {
				continue
			}
			k, ok := v.at[e.Member]
			if !ok {
				return fmt.Errorf("%s of %q, which is no vehicle of this world", e.Event.Type.Name, e.Member)
			}
			v.remember(parkedBefore{r.Tick, k, v.now[k]})
			v.now[k] = Parked{e.Event.Type.Parks(&e.Event), r.Tick}
		}
	}
	return nil
}

func (v *Vehicles) remember(c parkedBefore) {
	if len(v.log) == mostParked {
		v.from = v.log[0].tick
		v.log = slices.Delete(v.log, 0, 1)
	}
	v.log = append(v.log, c)
}

// Knows reports whether a path is that of a vehicle.
func (v *Vehicles) Knows(path string) bool { _, ok := v.at[path]; return ok }

// At returns the state of a vehicle after a step; false if that state has been dropped. The path must
// be that of a vehicle (Knows).
func (v *Vehicles) At(path string, t twins.Tick) (p Parked, known bool) {
	k := v.at[path]
	p = v.now[k]
	for i := len(v.log) - 1; i >= 0 && v.log[i].tick > t; i-- {
		if v.log[i].vehicle == k {
			p = v.log[i].was
		}
	}
	return p, t >= v.from
}

// Until implements View.
func (v *Vehicles) Until(at twins.Tick) View {
	if at <= v.from {
		return nil
	}
	o := &Vehicles{min(at, v.next), v.from, v.at, slices.Clone(v.now), nil}
	n := len(v.log)
	for ; n > 0 && v.log[n-1].tick >= at; n-- {
		o.now[v.log[n-1].vehicle] = v.log[n-1].was
	}
	o.log = slices.Clone(v.log[:n])
	return o
}

// AppendBinary implements View.
func (v *Vehicles) AppendBinary(b []byte) []byte {
	w := form.Writer(append(b, VehiclesKind.Version))
	w.Int(int64(v.next))
	w.Uint(uint64(len(v.now)))
	for i := range v.now {
		v.now[i].append(&w)
	}
	return w
}

func (p *Parked) append(w *form.Writer) {
	w.Int(int64(p.Since))
	switch {
	case p.Since < 0:
	case p.Plugged:
		w.Uint(1)
		w.Int(int64(p.Leaves))
		w.Int(int64(p.Wanted))
		w.Int(int64(p.Impossible))
	case p.Ready:
		w.Uint(2)
	default:
		w.Uint(0)
	}
}

func readParked(r *form.Reader) (p Parked) {
	if p.Since = twins.Tick(r.Int()); p.Since < 0 {
		return p
	}
	state := r.Uint()
	p.Plugged, p.Ready = state == 1, state == 2
	if p.Plugged {
		p.Leaves = twins.Tick(r.Int())
		p.Wanted, p.Impossible = twins.Energy(r.Int()), twins.Energy(r.Int())
	}
	return p
}

// UnmarshalBinary implements View.
func (v *Vehicles) UnmarshalBinary(b []byte) error {
	r := form.NewVersion(b, VehiclesKind.Version)
	v.next = twins.Tick(r.Int())
	if v.from = v.next - 1; v.next == 0 {
		v.from = always
	}
	if n := r.Count(1); n != len(v.now) {
		r.Fail(fmt.Errorf("it has %d vehicles, wanted %d", n, len(v.now)))
	}
	for i := range v.now {
		v.now[i] = readParked(r)
	}
	return r.Done()
}
