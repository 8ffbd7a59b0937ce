package twins

import (
	"cmp"
	"slices"
)

// Room is the power that plants and ties could give in addition to what they give at the end of a
// step: within RoomWithin, and from then on until RoomFor has passed. Rotating masses, storage
// and load that could be moved are not in it.
//
//   - A plant that runs can raise its output as fast as its ramp, up to its rating; if its water
//     is limited, up to what inflow and reservoir sustain until RoomFor has passed. It has none
//     if it is off, starting, out of service, ordered to stop, or fixed.
//   - A tie in service can import up to its limit.
//   - Wind and sun have none.
type Room struct {
	Up Power // ≥ 0, of all
	// Secure is the part of Up, ≥ 0, that leaves a reserve for the frequency: if it is used, the
	// loss of any single plant or tie is still covered by the room of the others, and what the
	// scenario requires beyond that is left.
	Secure Power
}

// RoomWithin is the time within which room is available: the time to restore the frequency
// of a synchronous area (Regulation (EU) 2017/1485, annex III, table 1: 15 min).
const RoomWithin = 15 * minute

// RoomFor is how long room lasts at least, from now on (assumption: by then slower
// plants have started).
const RoomFor = hour

// RoomUnit is a plant or a tie: what it gives, and its room.
type RoomUnit struct{ Gives, Room Power }

// RoomOf adds up the room of all plants and ties, of which reserve is required in addition to what
// covers the greatest loss.
func RoomOf(units []RoomUnit, reserve Power) (r Room) {
	for _, u := range units {
		r.Up += u.Room
	}
	// If S is used in all and x of it from a unit that gives g and has the room r, its loss is g + x, and
	// the others have Up − r − (S − x) left: S ≤ Up − r − g − reserve. A unit that gives nothing is no
	// loss as long as its room is not used. So those that give nothing may be left out, the one with the
	// most room first, and the best choice counts.
	order := slices.Clone(units)
	idle := func(u RoomUnit) bool { return u.Gives <= 0 }
	slices.SortStableFunc(order, func(a, b RoomUnit) int {
		if idle(a) != idle(b) {
			return cmp.Compare(max(0, a.Gives), max(0, b.Gives))
		}
		return cmp.Compare(b.Room, a.Room)
	})
	usable := r.Up
	for i := 0; ; i++ { // the first i are left out
		secure := min(usable, r.Up-reserve)
		for _, u := range order[i:] {
			if u.Gives > 0 || u.Room > 0 {
				secure = min(secure, r.Up-u.Room-max(0, u.Gives)-reserve)
			}
		}
		r.Secure = max(r.Secure, secure)
		if i == len(order) || !idle(order[i]) {
			return r
		}
		usable -= order[i].Room
	}
}

// The gauges of units that show their room.
var (
	gaugeRoom       = Gauge{Name: GaugeRoom, Label: "Room upwards within 15 min, for an hour", Places: 3}
	gaugeAfterStart = Gauge{Name: GaugeAfterStart, Label: "Output after a start, for an hour", Places: 3}
	gaugeWater      = Gauge{Name: "water_j", Label: "Stored water", Places: 3}
)

// Names of gauges that are added up over all units.
const (
	GaugeRoom       = "room_w"        // see Room
	GaugeAfterStart = "after_start_w" // of a plant that is off or starting and may run: what it could give once it runs
)

// room is the plant's part of Room.
func (p *producer) room(env *Env) Power {
	if p.state != PlantOn && p.state != plantFresh || !p.mayRun() || p.fixed > 0 && env.Tick+1 < p.until {
		return 0
	}
	ramp, _ := MulDiv(int64(p.ramp), int64(RoomWithin), int64(minute))
	return max(0, min(p.sustained(), p.output+p.rated.Times(min(Ratio(ramp), One)))-p.output)
}

// afterStart is what the plant could give for RoomFor if it ran; false if it runs, or may not.
func (p *producer) afterStart() (Power, bool) {
	if p.state == PlantOn || p.state == plantFresh || !p.mayRun() {
		return 0, false
	}
	return p.sustained(), true
}

// mayRun reports whether the plant is in service and not ordered to stop.
func (p *producer) mayRun() bool { return p.available && PlantOrder(p.order) != OrderStop }

// sustained is the highest output that the plant's rating and water allow for RoomFor.
func (p *producer) sustained() Power {
	if !p.limited {
		return p.rated
	}
	most, _ := (p.water + p.inflow.For(RoomFor)).Over(RoomFor)
	return min(p.rated, most)
}
