package ui

import (
	"github.com/smatrix-grid/smatrix/sim/views"
	"github.com/smatrix-grid/smatrix/twins"
)

// VehicleInfo is the state of a vehicle in a step. Ticks are null where they are not known, or do
// not apply.
type VehicleInfo struct {
	State string `json:"state" enum:"away,plugged,charging,waiting" doc:"charging: it draws; waiting: it would draw but was asked not to; plugged: neither"`
	Since *int64 `json:"since" nullable:"true" doc:"the step in which it was plugged in, or left; null if that was before the run"`
	// While it is plugged in.
	Leaves       *int64  `json:"leaves" nullable:"true" doc:"the step in which it leaves, and by which it should be ready; null unless it is plugged in"`
	NeedsWh      *Number `json:"needs_wh" nullable:"true" doc:"energy that it requested when it was plugged in, at the charger; null unless it is plugged in"`
	ImpossibleWh *Number `json:"impossible_wh" nullable:"true" doc:"part of the energy for its next trip that could not be charged in time from the start; null unless it is plugged in"`
	// While it is away.
	Ready *bool `json:"ready" nullable:"true" doc:"whether it left with the energy that its trip needs; true if no trip is known, as after its last recorded session; null unless it has left"`
}

// vehicleInfo returns the state of a vehicle in step t, in which its columns have the given values.
// It is nil if the twin is no vehicle or the state is not known any more.
func (r *run) vehicleInfo(path string, t twins.Tick, values Figures) (info *VehicleInfo) {
	asOf(r.views, views.VehiclesKind, t+1, func(v *views.Vehicles) bool {
		if !v.Knows(path) {
			return true
		}
		p, known := v.At(path, t)
		if known && t >= 0 { // before the first step it is not known where it is
			info = vehicleInfo(&p, values)
		}
		return known
	})
	return info
}

func vehicleInfo(p *views.Parked, values Figures) *VehicleInfo {
	o := &VehicleInfo{State: "away"}
	if p.Since < 0 {
		return o
	}
	o.Since = new(int64(p.Since))
	if !p.Plugged {
		o.Ready = new(p.Ready)
		return o
	}
	o.Leaves, o.NeedsWh, o.ImpossibleWh = new(int64(p.Leaves)), new(wattHours(p.Wanted)), new(wattHours(p.Impossible))
	value := func(c twins.Column) int64 { return values.stored(c.Name) }
	switch {
	case value(twins.ColumnPower) > 0:
		o.State = "charging"
	case value(twins.ColumnShifted) > 0, value(twins.ColumnUnserved) > 0:
		o.State = "waiting"
	default:
		o.State = "plugged"
	}
	return o
}

// wattHours converts an energy to Wh, to a thousandth.
func wattHours(e twins.Energy) Number {
	const each = 3600 * 1000 // mJ in a Wh
	v, _ := twins.MulDiv(int64(e), 1000, each)
	return Number{v, 3}
}
