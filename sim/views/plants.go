package views

import (
	"fmt"
	"maps"
	"slices"

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
	next twins.Tick
	of   map[string]*plantLog // by path
}

type plantLog struct {
	plant twins.Plant // as the scenario states it
	doing recent[plantDoing]
}

// plantDoing is the state of a plant; since is as in twins.Plant.
type plantDoing struct {
	state twins.PlantState
	since twins.Tick
}

// newPlants finds the plants of a world that can be started and stopped.
func newPlants(w *sim.World) *Plants {
	p := &Plants{of: map[string]*plantLog{}}
	for _, c := range w.Cells {
		for _, at := range c.Units() {
			b := c.Blocks[at.Block]
			g, ok := b.Slab.(twins.Generator)
			if !ok {
				continue
			}
			if plant := g.Plant(int(at.Index)); plant.Duty != twins.Variable {
				p.of[b.Paths[at.Index]] = &plantLog{plant, newRecent(plantDoing{plant.State, plant.Since})}
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
			if log, ok := p.of[c.Events[i].Member]; ok {
				log.follow(r.Tick, &c.Events[i].Event)
			}
		}
	}
	return nil
}

func (l *plantLog) follow(t twins.Tick, e *twins.Event) {
	after := l.plant
	after.State = -1
	if after.Follow(e); after.State < 0 {
		return // the event does not change the state
	}
	l.doing.add(t, plantDoing{after.State, after.Since})
}

// Knows reports whether a path is that of a plant that can be started and stopped.
func (p *Plants) Knows(path string) bool { return p.of[path] != nil }

// At returns a plant as it was after a step; false if that has been dropped. Only State, Since and the
// fields that never change are valid.
func (p *Plants) At(path string, t twins.Tick) (plant twins.Plant, known bool) {
	log := p.of[path]
	doing, known := log.doing.at(t)
	plant = log.plant
	plant.State, plant.Since = doing.state, doing.since
	return plant, known
}

// Until implements View.
func (p *Plants) Until(at twins.Tick) View {
	o := &Plants{min(at, p.next), map[string]*plantLog{}}
	for path, log := range p.of {
		doing, known := log.doing.until(at)
		if !known {
			return nil
		}
		o.of[path] = &plantLog{log.plant, doing}
	}
	return o
}

// AppendBinary implements View.
func (p *Plants) AppendBinary(b []byte) []byte {
	w := form.Writer(append(b, PlantsKind.Version))
	w.Int(int64(p.next))
	w.Uint(uint64(len(p.of)))
	for _, path := range slices.Sorted(maps.Keys(p.of)) {
		w.Text(path)
		p.of[path].doing.append(&w, func(d plantDoing) {
			w.Int(int64(d.state))
			w.Int(int64(d.since))
		})
	}
	return w
}

// UnmarshalBinary implements View.
func (p *Plants) UnmarshalBinary(b []byte) error {
	r := form.NewVersion(b, PlantsKind.Version)
	p.next = twins.Tick(r.Int())
	if n := r.Count(5); n != len(p.of) {
		r.Fail(fmt.Errorf("it has %d plants, wanted %d", n, len(p.of)))
	}
	for range len(p.of) {
		path := r.Text()
		log := p.of[path]
		if log == nil {
			r.Fail(fmt.Errorf("it has a plant %q, which the scenario lacks", path))
			break
		}
		log.doing = readRecent(r, func() plantDoing {
			state := twins.PlantState(r.Int())
			return plantDoing{state, twins.Tick(r.Int())}
		})
	}
	return r.Done()
}
