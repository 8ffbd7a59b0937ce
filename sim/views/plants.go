package views

import (
	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/form"
	"github.com/smatrix-grid/smatrix/twins"
)

// PlantsKind is the row of Plants.
var PlantsKind = Declare(Kind{Name: "plants", Version: 1, New: func(w *sim.World) View { return newPlants(w) }})

// Plants are the plants that can be started and stopped, with their states: off, starting or on, and
// since when.
//
//	version byte, steps int, plants uint; of each in order of paths: path text, a recent of states (state int, since int)
type Plants struct {
	next   twins.Tick
	stated map[string]twins.Plant // by path: as the scenario states it
	doing  recents[plantDoing]
}

// plantDoing is the state of a plant; since is as in twins.Plant.
type plantDoing struct {
	state twins.PlantState
	since twins.Tick
}

// newPlants finds the plants of a world that can be started and stopped.
func newPlants(w *sim.World) *Plants {
	p := &Plants{stated: map[string]twins.Plant{}, doing: recents[plantDoing]{}}
	for _, c := range w.Cells {
		for _, at := range c.Units() {
			b := c.Blocks[at.Block]
			g, ok := b.Slab.(twins.Generator)
			if !ok {
				continue
			}
			if plant := g.Plant(int(at.Index)); plant.Duty != twins.Variable {
				path := b.Paths[at.Index]
				p.stated[path], p.doing[path] = plant, new(newRecent(plantDoing{plant.State, plant.Since}))
			}
		}
	}
	return p
}

// Commit implements View.
func (p *Plants) Commit(r *sim.StepRecord) error {
	p.next = r.Tick + 1
	for _, c := range r.Cells {
		for i := range c.Events {
			p.follow(r.Tick, &c.Events[i])
		}
	}
	return nil
}

func (p *Plants) follow(t twins.Tick, n *twins.Notice) {
	log := p.doing[n.Member]
	if log == nil {
		return
	}
	after := p.stated[n.Member]
	after.State = -1
	if after.Follow(&n.Event); after.State < 0 {
		return // the event does not change the state
	}
	log.add(t, plantDoing{after.State, after.Since})
}

// Knows reports whether a path is that of a plant that can be started and stopped.
func (p *Plants) Knows(path string) bool { return p.doing[path] != nil }

// At returns a plant as it was after a step; false if that has been dropped. Only State, Since and the
// fields that never change are valid.
func (p *Plants) At(path string, t twins.Tick) (plant twins.Plant, known bool) {
	doing, known := p.doing[path].at(t)
	plant = p.stated[path]
	plant.State, plant.Since = doing.state, doing.since
	return plant, known
}

// Until implements View.
func (p *Plants) Until(at twins.Tick) View {
	doing, known := p.doing.until(at)
	if !known {
		return nil
	}
	return &Plants{min(at, p.next), p.stated, doing}
}

// AppendBinary implements View.
func (p *Plants) AppendBinary(b []byte) []byte {
	w := form.Writer(append(b, PlantsKind.Version))
	w.Int(int64(p.next))
	p.doing.append(&w, func(d plantDoing) {
		w.Int(int64(d.state))
		w.Int(int64(d.since))
	})
	return w
}

// UnmarshalBinary implements View.
func (p *Plants) UnmarshalBinary(b []byte) error {
	r := form.NewVersion(b, PlantsKind.Version)
	p.next = twins.Tick(r.Int())
	p.doing.read(r, 5, func() plantDoing {
		state := twins.PlantState(r.Int())
		return plantDoing{state, twins.Tick(r.Int())}
	})
	return r.Done()
}
