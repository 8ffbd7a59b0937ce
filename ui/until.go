package ui

import (
	"slices"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/twins"
)

// untilEvent returns a function that reports whether a step is worth pausing at: it has an event
// that is worth pausing for, or an alert has opened.
func untilEvent(a *alerts) func(*sim.StepRecord) bool {
	return func(r *sim.StepRecord) bool {
		if worthPausing(r.Events) {
			return true
		}
		for _, c := range r.Cells {
			if worthPausing(c.Events) {
				return true
			}
		}
		return a.hasOpened()
	}
}

// worthPausing reports whether any event is worth pausing for. Recurring ones are not:
// forecast.judged comes every quarter hour, grid.reserve_short in each step of a shortage, whose
// first step opens an alert.
func worthPausing(events []twins.Notice) bool {
	return slices.ContainsFunc(events, func(n twins.Notice) bool {
		return n.Event.Type != sim.ForecastJudged && n.Event.Type.Name != "grid.reserve_short"
	})
}
