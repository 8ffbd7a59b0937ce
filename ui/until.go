package ui

import (
	"slices"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/twins"
)

// untilEvent says whether a step had something that people would stop for.
func untilEvent(a *alerts) func(*sim.StepRecord) bool {
	return func(r *sim.StepRecord) bool {
		if worthStopping(r.Events) {
			return true
		}
		for _, c := range r.Cells {
			if worthStopping(c.Events) {
				return true
			}
		}
		return a.hasOpened()
	}
}

// worthStopping says whether there is an event besides those that go on: the forecast's
// comes every quarter hour, and that reserve is short in each step in which it is, of
// which the first opens an alert.
func worthStopping(events []twins.Notice) bool {
	return slices.ContainsFunc(events, func(n twins.Notice) bool {
		return n.Event.Type != sim.ForecastJudged && n.Event.Type.Name != "grid.reserve_short"
	})
}
