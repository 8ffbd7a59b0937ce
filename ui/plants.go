package ui

import (
	"github.com/smatrix-grid/smatrix/sim/views"
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

	// What the manager has ordered, in the step that is shown.
	Ordered     string  `json:"ordered" enum:"auto,run,stop" doc:"over every plan; auto: as the plan has it"`
	StartsUntil *int64  `json:"starts_until" nullable:"true" doc:"the step in which it feeds in, of one that starts; null unless it starts"`
	FixedW      *Number `json:"fixed_w" nullable:"true" doc:"at which its output is fixed; null if it is not"`
	FixedUntil  *int64  `json:"fixed_until" nullable:"true" doc:"the first step in which its output is free again; null if it is not fixed"`
	SoldShare   Number  `json:"sold_share" doc:"of its rating, sold to the market"`

	StartHotS  int64 `json:"start_hot_s"`
	StartWarmS int64 `json:"start_warm_s"`
	StartColdS int64 `json:"start_cold_s"`
	WarmAfterS int64 `json:"warm_after_s" doc:"from stopping until it is warm, no longer hot"`
	ColdAfterS int64 `json:"cold_after_s" doc:"from stopping until it is cold"`
	MinUpS     int64 `json:"min_up_s" doc:"from starting until it may be stopped except in an emergency"`
	MinDownS   int64 `json:"min_down_s" doc:"from stopping until it may be ordered to start"`
}

// plantInfo is what an order to a plant would mean in the step after t; nil of what is no plant
// that can be started and stopped, and where it is not known any more what it was doing.
func (r *run) plantInfo(path string, t twins.Tick) (info *PlantInfo) {
	asOf(r.views, views.PlantsKind, t+1, func(p *views.Plants) bool {
		if !p.Knows(path) {
			return true
		}
		plant, known := p.At(path, t)
		if known {
			info = plantInfo(&plant, t+1, r.scenario.Calendar.Step)
		}
		return known
	})
	if info == nil {
		return nil
	}
	known := false
	asOf(r.views, views.HandsKind, t+1, func(h *views.Hands) bool {
		var hand twins.Hand
		if hand, _, known = h.At(path, t); known {
			info.ordered(&hand, t)
		}
		return known
	})
	if !known {
		return nil
	}
	return info
}

// ordered adds what the manager has ordered of the plant, in step t.
func (o *PlantInfo) ordered(h *twins.Hand, t twins.Tick) {
	o.Ordered, o.SoldShare = h.Order.String(), Number{int64(h.Sold), 9}
	if h.Fixed > 0 && h.Until > t {
		o.FixedW, o.FixedUntil = &Number{int64(h.Fixed), 3}, new(int64(h.Until))
	}
}

// inService reports whether a member is in service after step t. It is as it is now where that is
// not known any more.
func (r *run) inService(path string, t twins.Tick) (in bool) {
	asOf(r.views, views.ServiceKind, t+1, func(s *views.Service) (known bool) {
		in, known = s.In(path, t)
		return known
	})
	return in
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
	case twins.PlantStarting:
		o.StartsUntil = new(int64(p.Since))
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
