package views

import (
	"slices"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/form"
	"github.com/smatrix-grid/smatrix/twins"
)

// RatiosKind is the row of Ratios.
var RatiosKind = Declare(Kind{Name: "ratios", Version: 3, New: func(w *sim.World) View { return &Ratios{shares: NewShares(w)} }})

// mostRatios is the least number of past steps of which the ratios are known.
const mostRatios = 1024

// Ratios are the ratios of RatioKinds from the first step on. They are known after each of the last
// mostRatios steps or more; these past states are not stored, because the run's records have them.
//
//	version byte, from int, steps int; of batteries and vehicles each: begun uint, held by source int (renewable, other, held before the run, unknown), of it
//	own production int; then consumed, driven, own used, used by source, own exported and lost: hi int, lo uint
//
// A run that has an older version is folded again from its records.
type Ratios struct {
	from, next twins.Tick // steps from ≤ t < next are counted
	shares     Shares
	past       []shared // before the steps next − len(past) ≤ t < next
}

// Commit implements View.
func (v *Ratios) Commit(r *sim.StepRecord) error {
	if v.next == 0 {
		v.from = r.Tick // earlier steps may not be kept
	}
	if len(v.past) == 2*mostRatios {
		v.past = append(make([]shared, 0, 2*mostRatios), v.past[mostRatios:]...)
	}
	v.past = append(v.past, v.shares.shared)
	v.next = r.Tick + 1
	return v.shares.Commit(r)
}

// Before returns the ratios before a step, in the order of RatioKinds, each nil if its denominator
// is 0; the energies in the order of EnergyKinds, in Wh; and the first step that they count. known is false
// if they have been dropped.
func (v *Ratios) Before(at twins.Tick) (ratios []*float64, energies []float64, from twins.Tick, known bool) {
	s, known := v.before(at)
	if !known {
		return nil, nil, 0, false
	}
	for i := range EnergyKinds {
		energies = append(energies, EnergyKinds[i].of(s).WattHours())
	}
	return s.Ratios(), energies, v.from, true
}

func (v *Ratios) before(at twins.Tick) (s *shared, known bool) {
	switch n := int(v.next - at); {
	case n <= 0:
		return &v.shares.shared, true
	case n <= len(v.past):
		return &v.past[len(v.past)-n], true
	}
	return nil, false
}

// Until implements View.
func (v *Ratios) Until(at twins.Tick) View {
	s, known := v.before(at)
	if !known {
		return nil
	}
	o := *v
	o.shares.shared, o.next = *s, min(at, v.next)
	o.past = slices.Clone(v.past[:len(v.past)-int(v.next-o.next)])
	if o.next <= v.from {
		o.from, o.next = 0, 0
	}
	return &o
}

// AppendBinary implements View.
func (v *Ratios) AppendBinary(b []byte) []byte {
	w := form.Writer(append(b, RatiosKind.Version))
	w.Ints(int64(v.from), int64(v.next))
	for _, p := range v.shares.pools() {
		w.Bool(p.begun)
		for _, e := range p.held.by {
			w.Int(int64(e))
		}
		w.Int(int64(p.held.own))
	}
	for _, t := range v.shares.totals() {
		hi, lo := t.Bits()
		w.Int(hi)
		w.Uint(lo)
	}
	return w
}

// UnmarshalBinary implements View.
func (v *Ratios) UnmarshalBinary(b []byte) error {
	r := form.NewVersion(b, RatiosKind.Version)
	v.from, v.next = twins.Tick(r.Int()), twins.Tick(r.Int())
	for _, p := range v.shares.pools() {
		p.begun = r.Bool()
		for k := range p.held.by {
			p.held.by[k] = twins.Energy(r.Int())
		}
		p.held.own = twins.Energy(r.Int())
	}
	for _, t := range v.shares.totals() {
		hi := r.Int()
		*t = twins.TotalOf(hi, r.Uint())
	}
	return r.Done()
}

func (s *shared) pools() [2]*pool { return [...]*pool{&s.batteries, &s.vehicles} }

func (s *shared) totals() (all []*twins.Total) {
	all = append(all, &s.consumed, &s.driven, &s.ownUsed)
	for k := range s.used {
		all = append(all, &s.used[k])
	}
	return append(all, &s.exported, &s.lost)
}
