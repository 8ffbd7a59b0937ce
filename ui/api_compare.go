package ui

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/views"
	"github.com/smatrix-grid/smatrix/twins"
)

// TotalOf is one figure of each of two runs, a and b.
type TotalOf struct {
	Name       string   `json:"name"`
	A          *float64 `json:"a" nullable:"true" doc:"null if a record of the compared steps lacks it"`
	B          *float64 `json:"b" nullable:"true" doc:"as a"`
	Difference *float64 `json:"difference" nullable:"true" doc:"b − a"`
}

// RatioPair is one ratio of each of two runs, from the first step of each up to the last compared one.
type RatioPair struct {
	Name       string   `json:"name"`
	Label      string   `json:"label"`
	A          *float64 `json:"a" nullable:"true" doc:"null while the denominator is 0, and if it is not known any more"`
	B          *float64 `json:"b" nullable:"true" doc:"as a"`
	Difference *float64 `json:"difference" nullable:"true" doc:"b − a, a difference of ratios: 0.01 is one percentage point"`
	Definition string   `json:"definition" doc:"what it is"`
	Formula    string   `json:"formula" doc:"it in the names of energies"`
}

// EnergyPair is one energy of the ratios of each of two runs, over the same steps as the ratios.
type EnergyPair struct {
	Name       string   `json:"name"`
	Label      string   `json:"label"`
	A          *float64 `json:"a" nullable:"true" doc:"in Wh; null if it is not known any more"`
	B          *float64 `json:"b" nullable:"true" doc:"as a"`
	Difference *float64 `json:"difference" nullable:"true" doc:"b − a"`
}

// Pair is one column of each of two runs over time.
type Pair struct {
	Name string   `json:"name"`
	Unit string   `json:"unit"`
	A    SeriesOf `json:"a"`
	B    SeriesOf `json:"b"`
}

// Comparison is two runs side by side, over the last steps that both hold without a gap.
type Comparison struct {
	A               string       `json:"a"`
	B               string       `json:"b"`
	From            int64        `json:"from"`
	To              int64        `json:"to"`
	FirstDifference *int64       `json:"first_difference" doc:"null: none so far"`
	Notes           []string     `json:"notes" doc:"reasons for differences besides the changes of a fork, and what a fork has done with its parent's later commands"`
	Totals          []TotalOf    `json:"totals" doc:"energies over the compared steps; waiting_wh is what waits after the last one"`
	Ratios          []RatioPair  `json:"ratios"`
	Energies        []EnergyPair `json:"energies" doc:"all that the formulas of the ratios name"`
	Series          []Pair       `json:"series"`
}

type compareQuery struct {
	A      string `query:"a" default:"live"`
	B      string `query:"b" required:"true"`
	Points int    `query:"points" minimum:"2" maximum:"10000" default:"1000"`
}

// compared are the columns of a comparison.
var compared = []string{"load_w", "generation_w", "import_w", "export_w", "charge_w", "discharge_w", "network_loss_w", "unserved_w", "unserved_essential_w",
	"waiting_w", "waiting_j", "shifted_w", "curtailed_w", "stored_j", "frequency_hz"}

// totalOf returns the name of a column's total and its value over the steps from ≤ t < to; "" if the
// column has none, and nil if a record lacks the column. A power adds up to an energy. What waits is what
// waits after the last step: it becomes unserved at its deadline, so a sum of waiting_w would count it twice.
func (r *run) totalOf(column string, at Cell, from, to twins.Tick) (name string, total *twins.Total) {
	switch energy, isPower := strings.CutSuffix(column, "_w"); {
	case column == "waiting_w":
		return "", nil
	case column == "waiting_j":
		return "waiting_wh", r.last(at, from, to)
	case isPower:
		return energy + "_wh", r.energy(at, from, to)
	}
	return "", nil
}

// totals is a figure of each of two runs, from their totals; nil is not known.
func totals(name string, a, b *twins.Total) TotalOf {
	o := TotalOf{Name: name}
	if a != nil {
		o.A = new(a.WattHours())
	}
	if b != nil {
		o.B = new(b.WattHours())
	}
	if a != nil && b != nil {
		o.Difference = new(b.Minus(*a).WattHours())
	}
	return o
}

func (s *Server) compare(_ context.Context, q *compareQuery) (*answer[*Comparison], error) {
	a, err := s.runOf(RunQuery{q.A})
	if err != nil {
		return nil, err
	}
	b, err := s.runOf(RunQuery{q.B})
	if err != nil {
		return nil, err
	}
	_, nextA := a.history.Bounds()
	_, nextB := b.history.Bounds()
	from := max(wholeFrom(a.history), wholeFrom(b.history))
	to := max(from, min(nextA, nextB))
	c := &Comparison{A: q.A, B: q.B, From: int64(from), To: int64(to), Notes: notesOf(a, b, from, to), Totals: []TotalOf{}, Series: []Pair{}}
	c.FirstDifference = firstDifference(a, b, from, to)
	c.Ratios, c.Energies = ratioPairs(a, b, to)
	for _, name := range compared {
		at := Cell{Scope: scopeGrid, Column: flowColumnNamed(name), Part: -1}
		pa, pb := a.series("grid", from, to), b.series("grid", from, to)
		places := flowColumns[at.Column].places
		if err := errors.Join(pa.add(a, name, "", places, at, q.Points), pb.add(b, name, "", places, at, q.Points)); err != nil {
			return nil, err
		}
		c.Series = append(c.Series, Pair{name, unitOf(name), pa.Series[0], pb.Series[0]})
		if total, ea := a.totalOf(name, at, from, to); total != "" {
			_, eb := b.totalOf(name, at, from, to)
			c.Totals = append(c.Totals, totals(total, ea, eb))
		}
	}
	return &answer[*Comparison]{c}, nil
}

// ratioPairs returns the ratios of two runs before a step, and their energies.
func ratioPairs(a, b *run, before twins.Tick) (pairs []RatioPair, energies []EnergyPair) {
	ofA, whA, _, knownA := a.ratiosBefore(before)
	ofB, whB, _, knownB := b.ratiosBefore(before)
	for i, k := range views.EnergyKinds {
		p := EnergyPair{Name: k.Name, Label: k.Label}
		if knownA {
			p.A = &whA[i]
		}
		if knownB {
			p.B = &whB[i]
		}
		if knownA && knownB {
			p.Difference = new(whB[i] - whA[i])
		}
		energies = append(energies, p)
	}
	for i, k := range views.RatioKinds {
		p := RatioPair{Name: k.Name, Label: k.Label, Definition: k.Definition, Formula: k.Formula()}
		if knownA {
			p.A = ofA[i]
		}
		if knownB {
			p.B = ofB[i]
		}
		if p.A != nil && p.B != nil {
			p.Difference = new(*p.B - *p.A)
		}
		pairs = append(pairs, p)
	}
	return pairs, energies
}

// notesOf says what to know of two runs besides their figures from ≤ t < to.
func notesOf(a, b *run, from, to twins.Tick) []string {
	notes := []string{}
	if note := views.ModelsNote(a.id, b.id, a.models(from, to), b.models(from, to)); note != "" {
		notes = append(notes, note)
	}
	for _, r := range [...]*run{a, b} {
		if first := wholeFrom(r.history); first > 0 {
			notes = append(notes, fmt.Sprintf("steps before %d are not compared: not all are in the memory of %s any more", first, r.id))
		}
		if r.laterCommands == 0 {
			continue
		}
		has, of := "the", "s"
		if r.later == sim.DropLater {
			has = "none of the"
		}
		if r.laterCommands == 1 {
			of = ""
		}
		notes = append(notes, fmt.Sprintf("%s has %s %d command%s that %s had for step %d and later", r.id, has, r.laterCommands, of, r.parent, r.at))
		if a == b {
			break
		}
	}
	return notes
}

// models returns the models of the program that made the steps from ≤ t < to.
func (r *run) models(from, to twins.Tick) (models []int) {
	kept := from // steps before it are in the past of the run or of its ancestor
	if o := r.views.older; o != nil {
		kept = max(from, min(to, o.until, o.past.Steps()))
		models = o.past.Models(from, kept)
	}
	if kept < to && !slices.Contains(models, sim.Model()) {
		models = append(models, sim.Model())
	}
	return models
}

// energy is the sum of a power over the steps from ≤ t < to; nil unless all of them have it.
func (r *run) energy(at Cell, from, to twins.Tick) *twins.Total {
	step, sum, known := r.scenario.Calendar.Step, twins.Total{}, from
	_ = r.history.Values(at, from, to, func(_ twins.Tick, v int64) { // Memory returns no errors; a journal returns those of its disk
		sum = sum.Plus(twins.Power(v).For(step))
		known++
	})
	if known < to {
		return nil
	}
	return &sum
}

// last is the energy in the last of the steps from ≤ t < to, 0 if there are none; nil if the step lacks it.
func (r *run) last(at Cell, from, to twins.Tick) (energy *twins.Total) {
	if from == to {
		return &twins.Total{}
	}
	_ = r.history.Values(at, to-1, to, func(_ twins.Tick, v int64) { // as in energy
		energy = new(twins.Total{}.Plus(twins.Energy(v)))
	})
	return energy
}

// firstDifference returns the first step in which a figure of any twin differs, nil if there is none.
func firstDifference(a, b *run, from, to twins.Tick) *int64 {
	for t := from; t < to; t++ {
		x, errX := a.history.Step(t, false)
		y, errY := b.history.Step(t, false)
		if errX != nil || errY != nil {
			continue
		}
		for scope := range x.Scopes {
			for k := range x.Scopes[scope] {
				for c := range x.Scopes[scope][k].Columns {
					if !x.Scopes[scope][k].Columns[c].Equal(&y.Scopes[scope][k].Columns[c]) {
						return new(int64(t))
					}
				}
			}
		}
	}
	return nil
}

func (s *Server) compareRoutes(a *api) {
	get(a, "/compare", Watch, "Two runs side by side", s.compare)
}
