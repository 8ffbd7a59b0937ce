package sim

import (
	"errors"

	"github.com/smatrix-grid/smatrix/sim/inputs"
	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/twins"
	"github.com/smatrix-grid/smatrix/twins/operator"
)

// mostRehearsed bounds a rehearsal, in household-steps: a longer one would try the patience
// of a new user. Above it a forecast learns only during the run.
const mostRehearsed = 3_000_000

// rehearse makes another world of the same scenario that starts at step from, takes it
// through its steps with random numbers of seed, and calls observe with the Env and the
// offers of each. The world is dispatched by merit order: members are asked to give way
// only where plants and ties do not suffice. Events of the scenario do not happen in it. An
// error says that the recordings do not cover these steps.
func rehearse(s *scenario.Scenario, from twins.Tick, steps twins.Tick, seed uint64, observe func(*twins.Env, operator.Expectation)) error {
	cal := inputs.NewCalendar(s.Calendar.Time(from), s.Calendar.Step, steps)
	w, err := buildWorld(s.Over(cal, seed), nil, nil)
	if err != nil {
		return err
	}
	flat := NewFlat(w, &observer{observe: observe}, false)
	var env twins.Env
	for t := range steps {
		if err := w.Env(t, &env); err != nil {
			return err
		}
		if _, err := flat.Step(&env); err != nil {
			return err
		}
	}
	return nil
}

// observer dispatches by merit order and passes the offers on to observe.
type observer struct {
	twins.MeritOrder
	observe func(*twins.Env, operator.Expectation)
}

// Dispatch implements twins.Controller.
func (c *observer) Dispatch(env *twins.Env, o *twins.Offers, p *twins.Plan) {
	c.observe(env, operator.Observe(o))
	c.MeritOrder.Dispatch(env, o, p)
}

// rehearsalSeed returns the seed for days before the run. It differs from the run's, so
// that their random numbers reveal nothing about the run's.
func rehearsalSeed(seed uint64) uint64 { return twins.Draw(seed, 0, purposeForecast, -1) }

// dispatchable reports whether communities have a plant that can be planned.
func dispatchable(communities []twins.Roster) bool {
	for c := range communities {
		for k := range communities[c].Units {
			if u := &communities[c].Units[k]; !u.Tie() && u.Duty != twins.Variable {
				return true
			}
		}
	}
	return false
}

// makeForecast makes the forecast that the scenario names: the perfect one, or one that
// has learnt the day before the run, if the recordings cover it.
func (w *World) makeForecast(communities []twins.Roster) (operator.Forecast, error) {
	s := w.Scenario
	perDay := twins.Tick(inputs.SecondsPerDay / s.Calendar.Step)
	f, err := newForecast(w, communities)
	if err != nil {
		return nil, err
	}
	homes := twins.Tick(w.Members[twins.Household.Name])
	switch {
	case s.Forecast == "perfect":
		p := &perfectForecast{Forecast: f}
		observe := func(_ *twins.Env, now operator.Expectation) { p.steps = append(p.steps, now) }
		err := rehearse(s, 0, s.Calendar.Steps+perDay, s.Seed, observe)
		if err != nil && !isStorage(err) { // the recordings end with the run
			p.steps = nil
			err = rehearse(s, 0, s.Calendar.Steps, s.Seed, observe)
		}
		return p, err
	case perDay < 1, homes*perDay > mostRehearsed:
		return f, nil
	}
	// The rehearsal counts days from its own first day, which is one day before the run's
	// first, or two days where clocks have just been set forward.
	var begins twins.Env
	inputs.NewCalendar(s.Calendar.Time(-perDay), s.Calendar.Step, perDay).Fill(perDay, &begins)
	day := func(env *twins.Env, now operator.Expectation) {
		yesterday := *env
		yesterday.Day -= begins.Day
		f.past.addStep(&yesterday, now, f.sun(env))
	}
	err = rehearse(s, -perDay, perDay, rehearsalSeed(s.Seed), day)
	if isStorage(err) {
		return nil, err
	}
	if err != nil {
		f.past = history{} // the recordings do not reach so far back
	}
	return f, nil
}

// isStorage reports whether an error is about a temporary file, not about the recordings.
func isStorage(err error) bool { return errors.As(err, new(*inputs.StorageError)) }

// perfectForecast knows the offers of each step of the run for the case that no member is
// asked to shift load. It is the upper bound of what a forecast can be worth.
type perfectForecast struct {
	*Forecast
	steps []operator.Expectation // by tick
}

// Expect implements operator.Forecast.
func (p *perfectForecast) Expect(env *twins.Env, _ *twins.Offers, now operator.Expectation, period twins.Seconds, out []operator.Expectation) {
	perDay := max(1, twins.Tick(inputs.SecondsPerDay/env.Step))
	last := twins.Tick(len(p.steps)) - 1
	for k := range out {
		t := env.Tick + twins.Tick((twins.Seconds(k)*period+period/2)/env.Step)
		for t > last && t-perDay >= 0 {
			t -= perDay
		}
		out[k] = p.steps[min(t, last)]
	}
	if len(out) > 0 && env.Step >= period {
		out[0] = now
	}
	p.issue(env, period, out)
}
