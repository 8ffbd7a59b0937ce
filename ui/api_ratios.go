package ui

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/smatrix-grid/smatrix/sim/views"
	"github.com/smatrix-grid/smatrix/twins"
)

// Ratio is one ratio of a run.
type Ratio struct {
	Name       string   `json:"name"`
	Label      string   `json:"label"`
	Value      *float64 `json:"value" nullable:"true" doc:"from 0 to 1; null while the denominator is 0"`
	Definition string   `json:"definition" doc:"what it is"`
	Formula    string   `json:"formula" doc:"it in the names of energies"`
}

// Energy is one energy by which ratios are defined.
type Energy struct {
	Name  string  `json:"name"`
	Label string  `json:"label"`
	WH    float64 `json:"wh"`
}

// RatioList is the ratios of a run from one step up to another.
type RatioList struct {
	From     int64    `json:"from" doc:"the first step that is counted: 0 unless the run's first steps are not kept"`
	Tick     int64    `json:"tick" doc:"the last step that is counted, -1 before the first"`
	Ratios   []Ratio  `json:"ratios" doc:"of the three shares renewable_share, non_renewable_share and renewable_share_unknown the sum is 1"`
	Energies []Energy `json:"energies" doc:"all that the formulas name, over the same steps"`
}

type ratiosQuery struct {
	RunQuery
	Tick int64 `query:"tick" minimum:"-1" default:"-1" doc:"the last step that is counted; -1: the latest"`
}

// ratios returns the ratios of the run up to a step.
func (r *run) ratios(q *ratiosQuery) (*RatioList, error) {
	step, _, err := r.stepAt(q.Tick, false)
	if err != nil {
		return nil, err
	}
	t := tickOf(step)
	values, energies, from, known := r.ratiosBefore(t + 1)
	if !known {
		return nil, huma.Error404NotFound(fmt.Sprintf("the ratios up to step %d are not in memory any more, and the run is not kept on disk", t))
	}
	list := &RatioList{From: int64(from), Tick: int64(t)}
	for i, k := range views.RatioKinds {
		list.Ratios = append(list.Ratios, Ratio{k.Name, k.Label, values[i], k.Definition, k.Formula()})
	}
	for i, k := range views.EnergyKinds {
		list.Energies = append(list.Energies, Energy{k.Name, k.Label, energies[i]})
	}
	return list, nil
}

// ratiosBefore returns the values of views.RatioKinds and of views.EnergyKinds, in Wh, over the steps
// from ≤ t < before; false if they are not known any more.
func (r *run) ratiosBefore(before twins.Tick) (values []*float64, energies []float64, from twins.Tick, known bool) {
	asOf(r.views, views.RatiosKind, before, func(v *views.Ratios) bool {
		values, energies, from, known = v.Before(before)
		return known
	})
	return values, energies, from, known
}

func (s *Server) ratioRoutes(a *api) {
	o := operation(http.MethodGet, "/ratios", "Self-sufficiency, self-consumption and renewable share of the run", http.StatusOK)
	var formulas []string
	for _, k := range views.RatioKinds {
		formulas = append(formulas, fmt.Sprintf("- `%s` = `%s`: %s.", k.Name, k.Formula(), k.Definition))
	}
	o.Description = "Ratios of energies over the run, from its first step up to the one asked for:\n\n" + strings.Join(formulas, "\n")
	register(a, Watch, o, of(s, func(q *ratiosQuery) RunQuery { return q.RunQuery }, (*run).ratios))
}
