package sim

import (
	"github.com/smatrix-grid/smatrix/sim/inputs"
	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/twins"
	"github.com/smatrix-grid/smatrix/twins/operator"
)

// mostRehearsed bounds what is rehearsed, in household-steps: more takes longer than
// a newcomer waits. Beyond it a forecast learns as the run goes.
const mostRehearsed = 3_000_000

// rehearse steps another world of the same scenario through other days, with other
// random numbers unless told otherwise, and has look
// see what each step offers. It is dispatched by merit order: members are asked to
// give way only where plants and ties do not suffice. Events of the scenario do not
// happen in it. An error
// says that the days are not in its recordings.
func rehearse(s *scenario.Scenario, from twins.Tick, steps twins.Tick, seed uint64, look func(*twins.Env, operator.Expectation)) error {
	cal := inputs.NewCalendar(s.Calendar.Time(from), s.Calendar.Step, steps)
	w, err := build(s.Over(cal, seed), nil, nil)
	if err != nil {
		return err
	}
	flat := NewFlat(w, &onlooker{look: look}, false)
	var env twins.Env
	for t := range steps {
		w.Env(t, &env)
		if _, err := flat.Step(&env); err != nil {
			return err
		}
	}
	return nil
}

// onlooker dispatches by merit order and looks at what is offered.
type onlooker struct {
	twins.MeritOrder
	look func(*twins.Env, operator.Expectation)
}

// Dispatch implements twins.Controller.
func (c *onlooker) Dispatch(env *twins.Env, o *twins.Offers, p *twins.Plan) {
	c.look(env, operator.Observe(o))
	c.MeritOrder.Dispatch(env, o, p)
}

// rehearsalSeed is that of days before the run: nothing that is drawn in them tells
// of the run's own.
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

// forecast makes the forecast that the scenario wants for its communities: one that
// knows the day before the run, if its recordings have it, or the one that knows what
// will be.
func (w *World) forecast(communities []twins.Roster) (operator.Forecast, error) {
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
		look := func(_ *twins.Env, now operator.Expectation) { p.comes = append(p.comes, now) }
		err := rehearse(s, 0, s.Calendar.Steps+perDay, s.Seed, look)
		if err != nil { // the recordings end with the run
			p.comes = nil
			err = rehearse(s, 0, s.Calendar.Steps, s.Seed, look)
		}
		return p, err
	case perDay < 1, homes*perDay > mostRehearsed:
		return f, nil
	}
	// The rehearsal counts days from its own first one, which is the day before the
	// run's; two days before it where clocks have just been set forward.
	var begins twins.Env
	inputs.NewCalendar(s.Calendar.Time(-perDay), s.Calendar.Step, perDay).Fill(perDay, &begins)
	day := func(env *twins.Env, now operator.Expectation) {
		yesterday := *env
		yesterday.Day -= begins.Day
		f.past.learn(&yesterday, now, f.sun(env))
	}
	if err := rehearse(s, -perDay, perDay, rehearsalSeed(s.Seed), day); err != nil {
		f.past = history{} // the recordings do not reach so far back
	}
	return f, nil
}

// perfectForecast knows what each step of the run will offer if nobody is asked to
// move anything: the upper bound of what a forecast can be worth.
type perfectForecast struct {
	*Forecast
	comes []operator.Expectation
}

// Expect implements operator.Forecast.
func (p *perfectForecast) Expect(env *twins.Env, _ *twins.Offers, now operator.Expectation, period twins.Seconds, out []operator.Expectation) {
	perDay := max(1, twins.Tick(inputs.SecondsPerDay/env.Step))
	last := twins.Tick(len(p.comes)) - 1
	for k := range out {
		t := env.Tick + twins.Tick((twins.Seconds(k)*period+period/2)/env.Step)
		for t > last && t-perDay >= 0 {
			t -= perDay
		}
		out[k] = p.comes[min(t, last)]
	}
	if len(out) > 0 && env.Step >= period {
		out[0] = now
	}
	p.issue(env, period, out)
}
