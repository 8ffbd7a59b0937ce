package ui

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/smatrix-grid/smatrix/sim/live"
	"github.com/smatrix-grid/smatrix/twins"
	"github.com/smatrix-grid/smatrix/ui/viewers"
)

// State is a run's clock and its condition.
type State struct {
	Run             string  `json:"run"`
	Scenario        string  `json:"scenario"`
	State           string  `json:"state" enum:"paused,live,ended,failed,replay"`
	Playing         bool    `json:"playing" doc:"steps are being made, or shown in a replay"`
	Tick            int64   `json:"tick" doc:"steps made"`
	Time            string  `json:"time" doc:"start of the next step"`
	First           int64   `json:"first" doc:"oldest step that is held"`
	Steps           int64   `json:"steps"`
	Start           string  `json:"start"`
	End             string  `json:"end"`
	Zone            string  `json:"zone"`
	StepS           int64   `json:"step_s"`
	Speed           float64 `json:"speed" doc:"requested speed, simulated seconds per second; if max, the one requested before"`
	Max             bool    `json:"max" doc:"no limit on the speed"`
	Reached         float64 `json:"reached"`
	StepsPerS       float64 `json:"steps_per_s"`
	ResidualW       *Number `json:"residual_w" nullable:"true" doc:"of the latest step, exact to the milliwatt: 0 unless energy was lost or created; null before the first step"`
	FrequencyHz     *Number `json:"frequency_hz" nullable:"true" doc:"at the end of the latest step; null if the grid has none: nobody holds it, nothing feeds it, or after a blackout"`
	FrequencyMinHz  *Number `json:"frequency_min_hz" nullable:"true" doc:"lowest within the step; null if the grid had none in it, as when it is black from the start"`
	FrequencyMaxHz  *Number `json:"frequency_max_hz" nullable:"true" doc:"highest within the step; null as the lowest"`
	Viewers         int     `json:"viewers"`
	Alerts          int     `json:"alerts" doc:"active and not acknowledged"`
	FramesSent      int64   `json:"frames_sent"`
	FramesConflated int64   `json:"frames_conflated"`
	Seed            uint64  `json:"seed"`
	Digest          string  `json:"digest" doc:"once the run is over"`
	Error           string  `json:"error" doc:"why the run failed; while it runs, what it waits for, such as space on the disk"`
}

func (r *run) state() State {
	c := r.pace.Clock()
	cal := r.scenario.Calendar
	first, _ := r.history.Bounds()
	s := State{Run: r.id, Scenario: r.scenario.Name, State: r.stateName(c.State), Playing: c.State == live.Playing, Tick: int64(c.Tick), Time: r.time(c.Tick), First: int64(first),
		Steps: int64(cal.Steps), Start: r.time(0), End: r.time(cal.Steps), Zone: cal.Start.Location().String(), StepS: int64(cal.Step),
		Speed: c.Speed, Max: c.Speed == 0, Reached: c.Reached, StepsPerS: c.Reached / float64(cal.Step),
		Viewers: r.hub.Count(), Alerts: r.openAlerts(c.Tick),
		FramesSent: r.hub.Sent(), FramesConflated: r.hub.Skipped(), Seed: r.scenario.Seed, Digest: r.finished()}
	s.Error = r.trouble(&c)
	if step, err := r.history.Step(c.Tick-1, false); err == nil {
		grid := &step.Scopes[scopeGrid][0]
		for name, to := range map[string]**Number{"residual_w": &s.ResidualW, "frequency_hz": &s.FrequencyHz, "frequency_min_hz": &s.FrequencyMinHz, "frequency_max_hz": &s.FrequencyMaxHz} {
			c := flowColumnNamed(name)
			if v := grid.Value(c, 0); v != viewers.None {
				*to = &Number{v, flowColumns[c].places}
			}
		}
	}
	return s
}

// residual is the residual of the latest step, 0 before the first.
func (r *run) residual() twins.Power {
	step, err := r.history.Step(r.pace.Clock().Tick-1, false)
	if err != nil {
		return 0
	}
	return twins.Power(step.Scopes[scopeGrid][0].Value(flowColumnNamed("residual_w"), 0))
}

// stateName is the run's state as the API names it.
func (r *run) stateName(s live.State) string {
	if r.replay {
		return "replay"
	}
	return s.String()
}

// trouble returns why the run has failed or what it waits for, "" if neither.
func (r *run) trouble(c *live.Clock) string {
	switch {
	case c.Err != nil:
		return c.Err.Error()
	case r.waiting != nil && !c.State.Over():
		return r.waiting()
	}
	return ""
}

func (r *run) time(t twins.Tick) string { return rfc3339(r.scenario.Calendar.Time(t)) }

type stepBody struct {
	RunQuery
	Body struct {
		Steps int    `json:"steps,omitempty" minimum:"1" maximum:"100000" doc:"how many; 1 if left out"`
		Until string `json:"until,omitempty" enum:"event" doc:"to the next notable event or alert"`
	}
}

type speedBody struct {
	RunQuery
	Body struct {
		Speed float64 `json:"speed,omitempty" exclusiveMinimum:"0" maximum:"1e9" doc:"simulated seconds per second"`
		Max   bool    `json:"max,omitempty" doc:"as fast as it goes"`
	}
}

type seekBody struct {
	RunQuery
	Body struct {
		Tick int64 `json:"tick" minimum:"0" doc:"the number of steps made when it pauses"`
	}
}

func (s *Server) clockRoutes(a *api) {
	get(a, "/state", Watch, "The clock and the state of the run", func(_ context.Context, q *RunQuery) (*answer[State], error) {
		r, err := s.runOf(*q)
		if err != nil {
			return nil, err
		}
		return &answer[State]{r.state()}, nil
	})
	for name, do := range map[string]func(pacer) error{"pause": pacer.Pause, "play": pacer.Play} {
		post(a, "/clock/"+name, Control, "Let the simulation "+name, http.StatusOK, func(_ context.Context, q *RunQuery) (*answer[State], error) {
			return s.control(*q, do)
		})
	}
	step := operation(http.MethodPost, "/clock/step", "Make steps, then pause", http.StatusOK)
	step.Middlewares = huma.Middlewares{answerIn(answeredIn)}
	register(a, Control, step, func(ctx context.Context, q *stepBody) (*answer[State], error) {
		r, err := s.runOf(q.RunQuery)
		if err != nil {
			return nil, err
		}
		ctx, cancel := context.WithTimeout(ctx, answeredIn-10*time.Second) // then the answer is the state reached so far
		defer cancel()
		if q.Body.Until != "" {
			if q.Body.Steps != 0 {
				return nil, huma.Error422UnprocessableEntity("steps and until: wanted one of the two")
			}
			err = r.stepUntilEvent(ctx)
		} else {
			_, err = r.pace.Step(ctx, max(1, q.Body.Steps))
		}
		return r.answer(err)
	})
	post(a, "/clock/speed", Control, "Set the speed", http.StatusOK, func(_ context.Context, q *speedBody) (*answer[State], error) {
		if (q.Body.Speed == 0) != q.Body.Max {
			return nil, huma.Error422UnprocessableEntity("wanted speed, or max: true")
		}
		return s.control(q.RunQuery, func(l pacer) error { return l.SetSpeed(q.Body.Speed) })
	})
	post(a, "/clock/seek", Control, "Run up to a step, then pause", http.StatusAccepted, func(_ context.Context, q *seekBody) (*answer[State], error) {
		return s.control(q.RunQuery, func(l pacer) error { return l.Seek(twins.Tick(q.Body.Tick)) })
	})
}

// stepUntilEvent makes steps up to the next notable event or alert.
func (r *run) stepUntilEvent(ctx context.Context) error {
	if p, ok := r.pace.(*player); ok {
		return p.untilEvent(ctx)
	}
	_, err := r.pace.(*live.Driver).StepUntil(ctx, untilEvent(r.alerts))
	return err
}

// control calls do with the clock of a run and answers with the state after it.
func (s *Server) control(q RunQuery, do func(pacer) error) (*answer[State], error) {
	r, err := s.runOf(q)
	if err != nil {
		return nil, err
	}
	return r.answer(do(r.pace))
}

// answer returns the state after a request to the clock, or its error with a status.
func (r *run) answer(err error) (*answer[State], error) {
	switch {
	case errors.Is(err, live.ErrOver):
		return nil, huma.Error409Conflict(err.Error())
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded): // the client has disconnected
		return &answer[State]{r.state()}, nil
	case err != nil:
		return nil, huma.Error422UnprocessableEntity(err.Error())
	}
	return &answer[State]{r.state()}, nil
}
