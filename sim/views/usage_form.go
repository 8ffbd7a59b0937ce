package views

import (
	"errors"
	"slices"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/form"
	"github.com/smatrix-grid/smatrix/twins"
)

// UsageKind is the row of what each member and each of its devices used, by hour, local day and
// month. Its form has no version byte:
//
//	9 int (Figure, of the community), number of blocks uint; for each block: parts uint, multiples of the parts' sums;
//	members uint, and for each figure multiples of the members' sums, less their prediction from the figures before
//	(expectUsage); a sum is of powers over steps
var UsageKind = Declare(Kind{Name: "usage", Version: 1, Window: func(w *sim.World, community int) Window {
	return usageWindow{NewCellUsage(w.Cells[community].Layout(), w.Scenario.Calendar.Step), community}
}})

// usageWindow is a CellUsage as a Window.
type usageWindow struct {
	*CellUsage
	community int
}

// UsageOf returns the usage of a window. It panics if the window is of another kind.
func UsageOf(w Window) *CellUsage { return w.(usageWindow).CellUsage }

// Add implements Window.
func (u usageWindow) Add(r *sim.StepRecord) { u.CellUsage.Add(r.Cells[u.community], r.Step) }

// Plus implements Window.
func (u usageWindow) Plus(v Window) { u.CellUsage.Plus(v.(usageWindow).CellUsage) }

// usageOrder has each figure after those that it is predicted from.
var usageOrder = [NumFigures]Figure{Produced, Charged, Discharged, Consumed, Drawn, FedIn, Unserved, Curtailed, Shifted}

// AppendBinary writes each figure less its prediction from the figures before it, so that most
// values are zero: a home uses what its devices use, and a home without panels draws what it
// uses.
func (u *CellUsage) AppendBinary(b []byte) []byte {
	w, scratch := form.Writer(b), []int64(nil)
	for _, e := range u.Total {
		w.Int(int64(e))
	}
	w.Uint(uint64(len(u.Blocks)))
	for i := range u.Blocks {
		b := &u.Blocks[i]
		w.Uint(uint64(len(b.Parts)))
		w.Multiples(b.Parts)
		w.Uint(uint64(b.Members()))
		for _, k := range usageOrder {
			scratch = slices.Grow(scratch[:0], b.Members())[:b.Members()]
			clear(scratch)
			addUsage(scratch, b.Figures[k], 1)
			expectUsage(scratch, b, k, -1)
			w.Multiples(scratch)
		}
	}
	return w
}

// UnmarshalBinary is the inverse of AppendBinary, for the same community.
func (u *CellUsage) UnmarshalBinary(b []byte) error {
	r := form.NewReader(b)
	for k := range u.Total {
		u.Total[k] = twins.Energy(r.Int())
	}
	wrong := r.Uint() != uint64(len(u.Blocks))
	for i := range u.Blocks {
		b := &u.Blocks[i]
		if wrong = wrong || r.Uint() != uint64(len(b.Parts)); wrong {
			break
		}
		r.Multiples(b.Parts)
		if wrong = r.Uint() != uint64(b.Members()); wrong {
			break
		}
		for _, k := range usageOrder {
			b.Figures[k] = make([]int64, b.Members())
			r.Multiples(b.Figures[k])
			expectUsage(b.Figures[k], b, k, 1)
		}
	}
	if wrong {
		r.Fail(errors.New("it is of another community"))
	}
	return r.Done()
}

// expectUsage adds sign times the prediction of a figure from those before it in usageOrder.
func expectUsage(to []int64, b *BlockUsage, k Figure, sign int64) {
	switch k {
	case Produced:
		b.EachPart(func(m int, sum int64) { to[m] -= sign * min(sum, 0) })
	case Consumed:
		b.EachPart(func(m int, sum int64) { to[m] += sign * max(sum, 0) })
	case Drawn:
		addUsage(to, b.Figures[Consumed], sign)
		addUsage(to, b.Figures[Charged], sign)
	case FedIn:
		addUsage(to, b.Figures[Drawn], sign)
		addUsage(to, b.Figures[Consumed], -sign)
		addUsage(to, b.Figures[Produced], sign)
		addUsage(to, b.Figures[Charged], -sign)
		addUsage(to, b.Figures[Discharged], sign)
	}
}

func addUsage(to, of []int64, sign int64) {
	for m, v := range of {
		to[m] += sign * v
	}
}
