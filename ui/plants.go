package ui

import (
	"github.com/smatrix-grid/smatrix/sim/views"
	"github.com/smatrix-grid/smatrix/twins"
)

// PlantInfo is the state of a plant, its orders, and what an order given for the next step would
// mean. Ticks are null where there is none, or where it was before the run.
type PlantInfo struct {
	State string `json:"state" enum:"off,starting,on"`
	Since *int64 `json:"since" doc:"the step since which it is on or off; if it is starting, the step in which it is ready"`
	// While it is off.
	Heat      string `json:"heat" enum:",hot,warm,cold" doc:"how far it has cooled; empty unless it is off"`
	StartS    *int64 `json:"start_s" doc:"seconds from an order to start until it generates, at that heat; null unless it is off"`
	Startable *int64 `json:"startable" doc:"the first step in which it may be ordered to start; null if it may be now"`
	// While it is on.
	Stoppable *int64 `json:"stoppable" doc:"the first step in which it has run for its minimum time; null if it has already"`

	// The manager's orders in the step that is shown.
	Ordered     string  `json:"ordered" enum:"auto,run,stop" doc:"the order, which overrides every plan; auto: it follows the plan"`
	StartsUntil *int64  `json:"starts_until" nullable:"true" doc:"the step in which it will feed in; null unless it is starting"`
	FixedW      *Number `json:"fixed_w" nullable:"true" doc:"the power at which its output is fixed; null if it is not fixed"`
	FixedUntil  *int64  `json:"fixed_until" nullable:"true" doc:"the first step in which its output is free again; null if it is not fixed"`
	SoldShare   Number  `json:"sold_share" doc:"the share of its rating that is sold to the market"`

	// Of a plant whose water is limited.
	FirmW       *Number `json:"firm_w" nullable:"true" doc:"the power that it can hold for ever, as the scenario states it: what flows in; null if its rating"`
	ReservoirWh *Number `json:"reservoir_wh" nullable:"true" doc:"the energy of its full reservoir, for more than firm_w; null if firm_w is"`

	StartHotS  int64 `json:"start_hot_s"`
	StartWarmS int64 `json:"start_warm_s"`
	StartColdS int64 `json:"start_cold_s"`
	WarmAfterS int64 `json:"warm_after_s" doc:"seconds from stopping until it is warm, no longer hot"`
	ColdAfterS int64 `json:"cold_after_s" doc:"seconds from stopping until it is cold"`
	MinUpS     int64 `json:"min_up_s" doc:"seconds from starting until it may be stopped, except in an emergency"`
	MinDownS   int64 `json:"min_down_s" doc:"seconds from stopping until it may be ordered to start"`
}

// plantInfo returns the state of a plant after step t. It is nil if the twin cannot be started and
// stopped, or if its state in that step is not known any more.
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

// ordered sets the manager's orders to the plant in step t.
func (o *PlantInfo) ordered(h *twins.Hand, t twins.Tick) {
	o.Ordered, o.SoldShare = h.Order.String(), Number{int64(h.Sold), 9}
	if h.Fixed > 0 && h.Until > t {
		o.FixedW, o.FixedUntil = &Number{int64(h.Fixed), 3}, new(int64(h.Until))
	}
}

// inService reports whether a member is in service after step t. Where that is not known any more,
// it reports the oldest that is known.
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
	if p.Firm < p.Rated {
		o.FirmW, o.ReservoirWh = &Number{int64(p.Firm), 3}, new(wattHours(p.Reservoir))
	}
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
