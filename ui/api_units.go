package ui

import (
	"strconv"

	"github.com/smatrix-grid/smatrix/twins"
)

// UnitInfo is a plant or a tie: its reading, and the orders that it can take.
type UnitInfo struct {
	Path      string        `json:"path"`
	Kind      string        `json:"kind"`
	Role      string        `json:"role"`
	Community string        `json:"community"`
	Settings  []TwinSetting `json:"settings"`
	Reading   Figures       `json:"reading" nullable:"true" doc:"null before the first step"`
	Gauges    []GaugeInfo   `json:"gauges" doc:"room_w is its part of room; water_j is the energy of its stored water"`
	Out       bool          `json:"out" doc:"it was out of service in this step"`
	Plant     *PlantInfo    `json:"plant,omitempty" doc:"if it can be started and stopped"`
}

type unitsQuery struct {
	RunQuery
	Page
	Tick int64 `query:"tick" minimum:"-1" default:"-1" doc:"step of the values; -1: the latest"`
}

// RoomInfo is the power that plants and ties could give in addition to what they give in a step.
type RoomInfo struct {
	WithinS int64  `json:"within_s" doc:"within this time it can be had, as ramps allow"`
	ForS    int64  `json:"for_s" doc:"it lasts until this time has passed, as water allows"`
	UpW     Number `json:"up_w" doc:"sum of room_w of all plants and ties"`
	SecureW Number `json:"secure_w" doc:"the part of up_w that leaves a reserve for the frequency: if it is used, the room of the others still covers the loss of any single plant or tie, and reserve_w of the scenario is left; storage and load that could be moved are not counted"`
	StartsW Number `json:"starts_w" doc:"what plants that are off or starting could give once they run, for for_s"`
	StartsS *int64 `json:"starts_s" nullable:"true" doc:"the shortest time until one of them gives anything; null if there is none"`
}

type unitList struct {
	Total int        `json:"total"`
	Tick  int64      `json:"tick" doc:"step of the values, -1 before the first"`
	Next  string     `json:"next" doc:"cursor of the next page, empty at the end"`
	Room  *RoomInfo  `json:"room,omitempty" doc:"of all plants and ties; left out before the first step, and if gauges cannot be computed"`
	Units []UnitInfo `json:"units" doc:"by kind, then by path"`

	NotComputed string `json:"not_computed" doc:"why gauges and room of the step are not known, else empty"`
}

// units returns a page of the plants and ties.
func (r *run) units(q *unitsQuery) (*unitList, error) {
	from, err := q.from()
	if err != nil {
		return nil, err
	}
	step, notComputed, err := r.stepAt(q.Tick, true)
	if err != nil {
		return nil, err
	}
	list := &unitList{Tick: -1, Units: []UnitInfo{}, NotComputed: notComputed}
	if step != nil {
		list.Tick = int64(step.Tick)
	}
	var all []Place
	for _, k := range twins.Kinds() {
		if !k.Role.Unit() {
			continue
		}
		for _, at := range r.index.membersOfKind(k) {
			all = append(all, at)
			if list.Total++; list.Total > from && len(list.Units) < q.Limit {
				list.Units = append(list.Units, r.unit(at, step, notComputed))
			}
		}
	}
	if step != nil && notComputed == "" {
		list.Room = r.room(all, step)
	}
	if end := from + len(list.Units); end < list.Total && len(list.Units) > 0 {
		list.Next = strconv.Itoa(end)
	}
	return list, nil
}

// room adds up the room of units in a step that has gauges.
func (r *run) room(units []Place, step *Step) *RoomInfo {
	var of []twins.RoomUnit
	starts, soonest := twins.Power(0), (*int64)(nil)
	for _, p := range units {
		up, hasRoom := r.gauge(p, step, twins.GaugeRoom)
		if !hasRoom {
			continue
		}
		b := r.index.block(p)
		power := step.Scopes[r.index.scopeOfTile(int(p.Tile))][p.Block].Value(columnOf(b.Kind, twins.ColumnPower.Name), int(p.Row))
		of = append(of, twins.RoomUnit{Gives: twins.Power(max(0, -power)), Room: twins.Power(up)})
		if after, off := r.gauge(p, step, twins.GaugeAfterStart); off {
			starts += twins.Power(after)
			if s := r.startsIn(b.Paths[p.Row], step.Tick); s != nil && (soonest == nil || *s < *soonest) {
				soonest = s
			}
		}
	}
	sum := twins.RoomOf(of, r.scenario.Reserve)
	w := func(p twins.Power) Number { return Number{int64(p), 3} }
	return &RoomInfo{int64(twins.RoomWithin), int64(twins.RoomFor), w(sum.Up), w(sum.Secure), w(starts), soonest}
}

// startsIn is how long it takes at least until a plant that is off or starting after step t gives
// anything, in s; nil if that is not known.
func (r *run) startsIn(path string, t twins.Tick) *int64 {
	p, next, step := r.plantInfo(path, t), int64(t)+1, int64(r.scenario.Calendar.Step)
	switch {
	case p == nil:
		return nil
	case p.StartsUntil != nil:
		return new(max(0, *p.StartsUntil-next) * step)
	case p.StartS == nil:
		return nil
	case p.Startable != nil:
		return new((*p.Startable-next)*step + *p.StartS)
	}
	return p.StartS
}

func (r *run) unit(p Place, step *Step, notComputed string) UnitInfo {
	row, at := r.row(p, step), twins.Tick(-1)
	u := UnitInfo{Path: row.Path, Kind: row.Kind, Role: r.index.block(p).Kind.Role.String(), Community: row.Community, Settings: []TwinSetting{}}
	u.Gauges = append([]GaugeInfo{}, r.gauges(p, step, notComputed)...)
	if step != nil {
		u.Reading, at = row.Values, step.Tick
	}
	if e, ok := r.entry(row.Path); ok {
		u.Settings = r.settingsOf(row.Path, e, at)
	}
	u.Out, u.Plant = !r.inService(row.Path, at), r.plantInfo(row.Path, at)
	return u
}

func (s *Server) unitRoutes(a *api) {
	get(a, "/units", Watch, "Plants and ties", of(s, func(q *unitsQuery) RunQuery { return q.RunQuery }, (*run).units))
}
