package ui

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"github.com/smatrix-grid/smatrix/sim/views"
	"github.com/smatrix-grid/smatrix/twins"
)

// What is shown of a step is the state after that step, also if it was made long ago: settings and
// alerts as well as readings. Views hold their latest state only; older ones are in the steps that
// are in memory, in the commands, or restored from the records of a kept run.

// errAlertsUnknown is returned for the alerts after a step that only a kept run would know.
var errAlertsUnknown = errors.New("its alerts are not in memory any more, and the run is not kept on disk")

// tickOf returns a step, −1 before the first.
func tickOf(step *Step) twins.Tick {
	if step == nil {
		return -1
	}
	return step.Tick
}

// settingsAfter calls ask with the settings after step t, −1 before the first. ask must not keep them, and
// must not take long: steps may wait for it.
func (r *run) settingsAfter(t twins.Tick, ask func(*views.Settings)) {
	known := latest(r.views, views.SettingsKind, func(s *views.Settings) bool {
		if s.Steps() != t+1 {
			return false
		}
		ask(s)
		return true
	})
	if known {
		return
	}
	if o := r.views.older; o != nil && t < o.until {
		o.ask(t+1, func(set *views.Set) {
			known = true
			ask(views.Of[*views.Settings](set, views.SettingsKind))
		})
	}
	if known {
		return
	}
	before, _ := r.commands.around(t + 1)
	for _, c := range r.scenario.Events {
		if c.Step <= t {
			before = append(before, c)
		}
	}
	slices.SortStableFunc(before, func(a, b twins.Command) int { return cmp.Or(cmp.Compare(a.Step, b.Step), cmp.Compare(a.Seq, b.Seq)) })
	ask(latest(r.views, views.SettingsKind, func(s *views.Settings) *views.Settings { return s.After(t, before) }))
}

// settings returns a function that returns the value of a setting after step t; false if the twin has
// no such setting or it has no value. The function asks for the twin's settings once.
func (r *run) settings(path string, t twins.Tick) func(name string) (int64, bool) {
	changed := map[string]int64{}
	e, ok := r.entry(path)
	if !ok {
		return func(string) (int64, bool) { return 0, false }
	}
	all := e.Settings()
	r.settingsAfter(t, func(s *views.Settings) {
		for _, of := range all {
			if v, ok := s.Value(path, of.Name); ok {
				changed[of.Name] = v
			}
		}
	})
	return func(name string) (int64, bool) {
		if v, ok := changed[name]; ok {
			return v, true
		}
		s, ok := e.Setting(name)
		return s.Value, ok && !s.None
	}
}

// alertsAfter returns the alerts after a step, sorted; nil before the first step.
func (r *run) alertsAfter(step *Step) (rows []alert, err error) {
	t := tickOf(step)
	add := func(row *views.Alert) { rows = append(rows, alert{*row, r.alerts.acknowledgedAt(t, row)}) }
	switch o := r.views.older; {
	case step == nil:
	case step.alerts != nil:
		step.alerts.all(add)
	case o != nil && t < o.until:
		err = fmt.Errorf("the alerts of step %d cannot be read", t)
		o.ask(t+1, func(set *views.Set) {
			err = nil
			views.Of[*views.Alerts](set, views.AlertsKind).All(add)
		})
	default:
		err = fmt.Errorf("step %d: %w", t, errAlertsUnknown)
	}
	if err != nil {
		return nil, huma.Error404NotFound(err.Error())
	}
	slices.SortFunc(rows, func(p, q alert) int { return views.CompareAlerts(&p.Alert, &q.Alert) })
	return rows, nil
}

// openAlerts returns the number of alerts that are active and not acknowledged in the step that the
// clock of the run shows.
func (r *run) openAlerts(at twins.Tick) int {
	if !r.replay {
		return r.alerts.open()
	}
	r.opening.Lock()
	defer r.opening.Unlock()
	if r.opened.at == at && r.opened.known {
		return r.opened.n
	}
	r.opened.at, r.opened.n, r.opened.known = at, 0, true
	step, _, err := r.stepAt(int64(at)-1, false)
	if at == 0 || err != nil {
		return 0
	}
	rows, _ := r.alertsAfter(step) // a step whose records cannot be read has none
	for i := range rows {
		if rows[i].Active && !rows[i].acknowledged {
			r.opened.n++
		}
	}
	return r.opened.n
}
