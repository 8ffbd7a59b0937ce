package ui

import (
	"sync"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/twins"
)

// PlantInfo is what an order to a plant would mean in the step after the one that is
// shown. Ticks are null where there is none, or where it was before the run.
type PlantInfo struct {
	State string `json:"state" enum:"off,starting,on"`
	Since *int64 `json:"since" doc:"on or off since then; starting: ready then"`
	// Of one that is off.
	Heat      string `json:"heat" enum:",hot,warm,cold" doc:"how cold it has become; empty unless it is off"`
	StartS    *int64 `json:"start_s" doc:"from an order to start until it generates, in that heat; null unless it is off"`
	Startable *int64 `json:"startable" doc:"the first step in which it can be ordered to start, if that is to come"`
	// Of one that is on.
	Stoppable *int64 `json:"stoppable" doc:"the first step in which it has run for its least time, if that is to come"`

	StartHotS  int64 `json:"start_hot_s"`
	StartWarmS int64 `json:"start_warm_s"`
	StartColdS int64 `json:"start_cold_s"`
	WarmAfterS int64 `json:"warm_after_s" doc:"from stopping until it is warm, no longer hot"`
	ColdAfterS int64 `json:"cold_after_s" doc:"from stopping until it is cold"`
	MinUpS     int64 `json:"min_up_s" doc:"from starting until it may be stopped except in an emergency"`
	MinDownS   int64 `json:"min_down_s" doc:"from stopping until it may be ordered to start"`
}

// plants are those of a run that can be started and stopped, and what happened to
// them, so that it is known of each step what they were doing.
type plants struct {
	mu sync.Mutex
	of map[string]*followed // by path
}

type followed struct {
	plant    twins.Plant // in the first step that is known
	happened []happened
}

type happened struct {
	tick  twins.Tick
	event twins.Event
}

// newPlants finds them in a world that nobody steps yet.
func newPlants(w *sim.World) *plants {
	s := &plants{of: map[string]*followed{}}
	for _, c := range w.Cells {
		for _, at := range c.Units() {
			b := c.Blocks[at.Block]
			if g, ok := b.Slab.(twins.Generator); ok && g.Plant(int(at.Index)).Duty != twins.Variable {
				s.of[b.Paths[at.Index]] = &followed{plant: g.Plant(int(at.Index))}
			}
		}
	}
	return s
}

// before takes what another run knew of the same plants before a step.
func (s *plants) before(o *plants, at twins.Tick) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for path, f := range s.of {
		known := o.of[path]
		f.plant = known.plant
		for _, h := range known.happened {
			if h.tick < at {
				f.happened = append(f.happened, h)
			}
		}
	}
}

// step follows the records of a run.
func (s *plants) step(r *sim.StepRecord) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range r.Cells {
		for i := range c.Events {
			if f, ok := s.of[c.Events[i].Member]; ok {
				f.follow(happened{r.Tick, c.Events[i].Event})
			}
		}
	}
}

func (f *followed) follow(h happened) {
	after := f.plant
	after.State = -1
	if after.Follow(&h.event); after.State < 0 {
		return // it is about something else
	}
	if len(f.happened) == 0 {
		// A world that stands behind this step shows what came of it: before, the
		// plant was as it was since before the run.
		before := twins.PlantOn
		if after.State == twins.PlantStarting {
			before = twins.PlantOff
		}
		if f.plant.State != before || f.plant.Since >= 0 {
			f.plant.State, f.plant.Since = before, beforeTheRun
		}
	}
	f.happened = append(f.happened, h)
}

// beforeTheRun is far enough before step 0 that a plant is cold, or may be stopped.
const beforeTheRun twins.Tick = -1 << 40

// info is what an order would mean in the step after t; nil of what is no such plant.
func (s *plants) info(path string, t twins.Tick, step twins.Seconds) *PlantInfo {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, ok := s.of[path]
	if !ok {
		return nil
	}
	p := f.plant
	for i := range f.happened {
		if f.happened[i].tick <= t {
			p.Follow(&f.happened[i].event)
		}
	}
	return plantInfo(&p, t+1, step)
}

var plantStates = map[twins.PlantState]string{twins.PlantOff: "off", twins.PlantStarting: "starting", twins.PlantOn: "on"}

func plantInfo(p *twins.Plant, next twins.Tick, step twins.Seconds) *PlantInfo {
	o := &PlantInfo{State: plantStates[p.State],
		StartHotS: int64(p.StartUp[0]), StartWarmS: int64(p.StartUp[1]), StartColdS: int64(p.StartUp[2]),
		WarmAfterS: int64(p.WarmAfter), ColdAfterS: int64(p.ColdAfter), MinUpS: int64(p.MinUp), MinDownS: int64(p.MinDown)}
	whole := func(s twins.Seconds) twins.Tick { return twins.Tick((s + step - 1) / step) }
	ahead := func(t twins.Tick) *int64 {
		if t <= next {
			return nil
		}
		return new(int64(t))
	}
	if p.Since >= 0 {
		o.Since = new(int64(p.Since))
	}
	switch p.State {
	case twins.PlantOff:
		// An order that comes too early waits, and the plant cools meanwhile.
		at := max(next, p.Since+whole(p.MinDown))
		takes, heat := p.Start(twins.Seconds(at-p.Since) * step)
		o.Heat, o.StartS, o.Startable = heat, new(int64(takes)), ahead(at)
	case twins.PlantOn:
		o.Stoppable = ahead(p.Since + whole(p.MinUp))
	}
	return o
}
