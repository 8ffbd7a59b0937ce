package ui

import (
	"strconv"

	"github.com/smatrix-grid/smatrix/twins"
)

// UnitInfo is a plant or a tie: its reading, and the orders that it can take.
type UnitInfo struct {
	Path      string            `json:"path"`
	Kind      string            `json:"kind"`
	Role      string            `json:"role"`
	Community string            `json:"community"`
	Settings  []TwinSetting     `json:"settings"`
	Reading   map[string]Number `json:"reading" nullable:"true" doc:"null before the first step"`
	Out       bool              `json:"out" doc:"it was out of service in this step"`
	Plant     *PlantInfo        `json:"plant,omitempty" doc:"if it can be started and stopped"`
}

type unitsQuery struct {
	RunQuery
	Page
	Tick int64 `query:"tick" default:"-1" doc:"step of the values; -1: the latest"`
}

type unitList struct {
	Total int        `json:"total"`
	Tick  int64      `json:"tick" doc:"step of the values, -1 before the first"`
	Next  string     `json:"next" doc:"cursor of the next page, empty at the end"`
	Units []UnitInfo `json:"units" doc:"by kind, then by path"`
}

// units returns a page of the plants and ties.
func (r *run) units(q *unitsQuery) (*unitList, error) {
	from, err := q.from()
	if err != nil {
		return nil, err
	}
	step, _, err := r.stepAt(q.Tick, false)
	if err != nil {
		return nil, err
	}
	list := &unitList{Tick: -1, Units: []UnitInfo{}}
	if step != nil {
		list.Tick = int64(step.Tick)
	}
	for _, k := range twins.Kinds() {
		if !k.Role.Unit() {
			continue
		}
		for _, at := range r.index.membersOfKind(k) {
			if list.Total++; list.Total > from && len(list.Units) < q.Limit {
				list.Units = append(list.Units, r.unit(at, step))
			}
		}
	}
	if end := from + len(list.Units); end < list.Total && len(list.Units) > 0 {
		list.Next = strconv.Itoa(end)
	}
	return list, nil
}

func (r *run) unit(p Place, step *Step) UnitInfo {
	row, at := r.row(p, step), twins.Tick(-1)
	u := UnitInfo{Path: row.Path, Kind: row.Kind, Role: r.index.block(p).Kind.Role.String(), Community: row.Community, Settings: []TwinSetting{}}
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
