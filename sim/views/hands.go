package views

import (
	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/form"
	"github.com/smatrix-grid/smatrix/twins"
)

// HandsKind is the row of Hands.
var HandsKind = Declare(Kind{Name: "hands", Version: 1, New: func(w *sim.World) View { return newHands(w) }})

// Hands are the manager's orders to plants, now and at the last changes of each plant.
//
//	version byte, steps int, plants uint; of each in order of paths: path text, a recent of orders (order int, fixed int,
//	until int, sold int)
type Hands struct {
	next twins.Tick
	of   recents[twins.Hand]
}

// newHands finds the plants of a world.
func newHands(w *sim.World) *Hands {
	h := &Hands{of: recents[twins.Hand]{}}
	for _, c := range w.Cells {
		for _, at := range c.Units() {
			b := c.Blocks[at.Block]
			if slab, ok := b.Slab.(twins.Handed); ok {
				h.of[b.Paths[at.Index]] = new(newRecent(slab.Hand(int(at.Index))))
			}
		}
	}
	return h
}

// Commit implements View.
func (h *Hands) Commit(r *sim.StepRecord) error {
	h.next = r.Tick + 1
	for i := range r.Commands {
		c := &r.Commands[i]
		log := h.of[c.Target]
		if log == nil {
			continue
		}
		now, setting := log.now(), c.Setting()
		was, ok := now.Value(setting)
		if !ok {
			continue
		}
		now.Set(setting, commanded(c, func() int64 { return was }), r.Tick, r.Step)
		log.add(r.Tick, now)
	}
	return nil
}

// At returns the order to a plant after a step. ordered is false if the path is not that of a plant
// that takes orders; known is false if the order at that time has been dropped.
func (h *Hands) At(path string, t twins.Tick) (hand twins.Hand, ordered, known bool) {
	log := h.of[path]
	if log == nil {
		return hand, false, true
	}
	hand, known = log.at(t)
	return hand, true, known
}

// Until implements View.
func (h *Hands) Until(at twins.Tick) View {
	of, known := h.of.until(at)
	if !known {
		return nil
	}
	return &Hands{min(at, h.next), of}
}

// AppendBinary implements View.
func (h *Hands) AppendBinary(b []byte) []byte {
	w := form.Writer(append(b, HandsKind.Version))
	w.Int(int64(h.next))
	h.of.append(&w, func(d twins.Hand) {
		w.Int(int64(d.Order))
		w.Int(int64(d.Fixed))
		w.Int(int64(d.Until))
		w.Int(int64(d.Sold))
	})
	return w
}

// UnmarshalBinary implements View.
func (h *Hands) UnmarshalBinary(b []byte) error {
	r := form.NewVersion(b, HandsKind.Version)
	h.next = twins.Tick(r.Int())
	h.of.read(r, 7, func() twins.Hand {
		order, fixed := twins.PlantOrder(r.Int()), twins.Power(r.Int())
		return twins.Hand{Order: order, Fixed: fixed, Until: twins.Tick(r.Int()), Sold: twins.Ratio(r.Int())}
	})
	return r.Done()
}
