package ui

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/twins"
)

// Schema implements huma.SchemaProvider.
func (Number) Schema(huma.Registry) *huma.Schema { return &huma.Schema{Type: huma.TypeNumber} }

// Schema implements huma.SchemaProvider.
func (Numbers) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeNumber, Nullable: true}}
}

// Scalar is a number, a word, true or false, as it was written.
type Scalar string

// UnmarshalJSON implements json.Unmarshaler.
func (s *Scalar) UnmarshalJSON(b []byte) error {
	*s = Scalar(b)
	if len(b) > 1 && b[0] == '"' {
		*s = Scalar(b[1 : len(b)-1])
	}
	return nil
}

// Schema implements huma.SchemaProvider.
func (Scalar) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{OneOf: []*huma.Schema{
		{Type: huma.TypeNumber}, {Type: huma.TypeBoolean}, {Type: huma.TypeString, MaxLength: new(100), Pattern: "^[A-Za-z0-9_.-]*$"},
	}}
}

// RunQuery is the run that a request is about.
type RunQuery struct {
	Run string `query:"run" default:"live" doc:"the live run or a fork"`
}

func (s *Server) runOf(q RunQuery) (*run, error) {
	r, ok := s.runs.find(q.Run)
	if !ok {
		return nil, huma.Error404NotFound(fmt.Sprintf("no run %q", q.Run))
	}
	return r, nil
}

// answer is a body.
type answer[T any] struct{ Body T }

// tagged is a body that is good until the catalogue changes.
type tagged[T any] struct {
	ETag         string `header:"ETag"`
	CacheControl string `header:"Cache-Control"`
	Body         T
}

// TagQuery is what the asker has already.
type TagQuery struct {
	IfNoneMatch string `header:"If-None-Match"`
}

// tag answers with a body that the asker may have already.
func tag[T any](s *Server, q TagQuery, body func() T) (*tagged[T], error) {
	etag := `"` + s.index.Version + `"`
	if q.IfNoneMatch == etag {
		return nil, huma.Status304NotModified()
	}
	return &tagged[T]{ETag: etag, CacheControl: "no-cache", Body: body()}, nil
}

// get registers a route that reads.
func get[I, O any](api huma.API, path, summary string, handle func(context.Context, *I) (*O, error)) {
	huma.Register(api, operation(http.MethodGet, path, summary, http.StatusOK), handle)
}

// post registers a route that changes.
func post[I, O any](api huma.API, path, summary string, status int, handle func(context.Context, *I) (*O, error)) {
	huma.Register(api, operation(http.MethodPost, path, summary, status), handle)
}

func operation(method, path, summary string, status int) huma.Operation {
	return huma.Operation{
		OperationID: strings.Trim(idOf.Replace(strings.ToLower(method)+path), "-"), Method: method, Path: "/api/v1" + path, Summary: summary,
		DefaultStatus: status, MaxBodyBytes: mostBody, RejectUnknownQueryParameters: true,
	}
}

var idOf = strings.NewReplacer("/", "-", "{", "", "}", "", ".", "-")

// routes are all that the server answers.
func (s *Server) routes() (http.Handler, error) {
	mux := http.NewServeMux()
	config := huma.DefaultConfig("Smatrix Grid", "1")
	config.Info.Description = "A whole electricity grid as digital twins, live. Powers are in W with up to three decimals, which is exact; + draws, − injects. The stream of frames is a WebSocket at /api/v1/stream."
	config.CreateHooks, config.DocsPath, config.SchemasPath = nil, "", ""
	api := humago.New(mux, config)

	s.clockRoutes(api)
	s.worldRoutes(api)
	s.historyRoutes(api)
	s.commandRoutes(api)
	s.downloadRoutes(api)
	listsNeverNull(api.OpenAPI())

	mux.HandleFunc("GET /api/v1/stream", func(w http.ResponseWriter, r *http.Request) {
		id := r.URL.Query().Get("run")
		if id == "" {
			id = "live"
		}
		shown, ok := s.runs.find(id)
		if !ok {
			problem(w, http.StatusNotFound, fmt.Sprintf("no run %q", id))
			return
		}
		s.upgrade(w, r, shown)
	})
	mux.HandleFunc("/api/", func(w http.ResponseWriter, r *http.Request) {
		if allowed := allowed(api, r.URL.Path); allowed != "" {
			w.Header().Set("Allow", allowed)
			problem(w, http.StatusMethodNotAllowed, fmt.Sprintf("%s is not allowed here, wanted %s", r.Method, allowed))
			return
		}
		problem(w, http.StatusNotFound, fmt.Sprintf("there is no %s, see /docs", r.URL.Path))
	})
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte("{\"status\":\"ok\"}\n")) // nobody is there any more
	})
	mux.Handle("GET /metrics", s.metrics())
	page, err := docsPage(api.OpenAPI())
	if err != nil {
		return nil, err
	}
	mux.HandleFunc("GET /docs", page)
	mux.Handle("/", web())
	return s.guard(mux), nil
}

// allowed are the methods that a path has.
func allowed(api huma.API, path string) string {
	item := api.OpenAPI().Paths[path]
	switch {
	case item == nil:
		return ""
	case item.Post != nil:
		return "POST"
	case item.Get != nil:
		return "GET"
	}
	return ""
}

// State is a run's clock and how it is.
type State struct {
	Run             string  `json:"run"`
	Scenario        string  `json:"scenario"`
	State           string  `json:"state" enum:"paused,live,ended,failed,replay"`
	Playing         bool    `json:"playing" doc:"steps are made, or shown"`
	Tick            int64   `json:"tick" doc:"steps made"`
	Time            string  `json:"time" doc:"start of the next step"`
	First           int64   `json:"first" doc:"oldest step that is held"`
	Steps           int64   `json:"steps"`
	Start           string  `json:"start"`
	End             string  `json:"end"`
	Zone            string  `json:"zone"`
	StepS           int64   `json:"step_s"`
	Speed           float64 `json:"speed" doc:"asked, simulated seconds per second; the one before if max"`
	Max             bool    `json:"max" doc:"as fast as it goes"`
	Reached         float64 `json:"reached"`
	StepsPerS       float64 `json:"steps_per_s"`
	ResidualMW      int64   `json:"residual_mw" doc:"of the latest step, in milliwatts: 0, or energy was lost or made"`
	FrequencyHz     *Number `json:"frequency_hz" nullable:"true" doc:"at the end of the latest step; null where nobody holds it"`
	FrequencyMinHz  *Number `json:"frequency_min_hz" nullable:"true" doc:"least inside it"`
	FrequencyMaxHz  *Number `json:"frequency_max_hz" nullable:"true" doc:"greatest inside it"`
	Viewers         int     `json:"viewers"`
	Alerts          int     `json:"alerts" doc:"open ones that nobody has acknowledged"`
	FramesSent      int64   `json:"frames_sent"`
	FramesConflated int64   `json:"frames_conflated"`
	Seed            uint64  `json:"seed"`
	Digest          string  `json:"digest" doc:"once the run is over"`
	Error           string  `json:"error" doc:"of a failed run; of another one what it waits for, such as room on the disk"`
}

func (r *run) state() State {
	c := r.pace.Clock()
	cal := r.scenario.Calendar
	first, _ := r.history.Bounds()
	s := State{Run: r.id, Scenario: r.scenario.Name, State: r.stateName(c.State), Playing: c.State == sim.Playing, Tick: int64(c.Tick), Time: r.time(c.Tick), First: int64(first),
		Steps: int64(cal.Steps), Start: r.time(0), End: r.time(cal.Steps), Zone: cal.Start.Location().String(), StepS: int64(cal.Step),
		Speed: c.Speed, Max: c.Speed == 0, Reached: c.Reached, StepsPerS: c.Reached / float64(cal.Step),
		Viewers: r.hub.count(), Alerts: r.alerts.open(),
		FramesSent: r.hub.sent.Load(), FramesConflated: r.hub.skipped.Load(), Seed: r.scenario.Seed, Digest: r.finished()}
	s.Error = r.trouble(&c)
	if now := r.hub.now.Load(); now != nil {
		grid := &now.frames[scopeGrid].blocks[0]
		s.ResidualMW = grid.Value(flowColumnNamed("residual_w"), 0)
		for name, to := range map[string]**Number{"frequency_hz": &s.FrequencyHz, "frequency_min_hz": &s.FrequencyMinHz, "frequency_max_hz": &s.FrequencyMaxHz} {
			if v := grid.Value(flowColumnNamed(name), 0); v != 0 {
				*to = &Number{v, 6}
			}
		}
	}
	return s
}

// stateName is what a run does, as the API has it.
func (r *run) stateName(s sim.LiveState) string {
	if r.replay {
		return "replay"
	}
	return s.String()
}

// trouble is why a run has failed, or what it waits for.
func (r *run) trouble(c *sim.LiveClock) string {
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
		Tick int64 `json:"tick" minimum:"0" doc:"steps that are to have been made"`
	}
}

func (s *Server) clockRoutes(api huma.API) {
	get(api, "/state", "The clock and how the run is", func(_ context.Context, q *RunQuery) (*answer[State], error) {
		r, err := s.runOf(*q)
		if err != nil {
			return nil, err
		}
		return &answer[State]{r.state()}, nil
	})
	for name, do := range map[string]func(pacer) error{"pause": pacer.Pause, "play": pacer.Play} {
		post(api, "/clock/"+name, "Let the simulation "+name, http.StatusOK, func(_ context.Context, q *RunQuery) (*answer[State], error) {
			return s.control(*q, do)
		})
	}
	post(api, "/clock/step", "Make steps, then pause", http.StatusOK, func(ctx context.Context, q *stepBody) (*answer[State], error) {
		r, err := s.runOf(q.RunQuery)
		if err != nil {
			return nil, err
		}
		ctx, cancel := context.WithTimeout(ctx, answeredIn-10*time.Second) // then the answer is how far it is
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
	post(api, "/clock/speed", "Set the speed", http.StatusOK, func(_ context.Context, q *speedBody) (*answer[State], error) {
		if (q.Body.Speed == 0) != q.Body.Max {
			return nil, huma.Error422UnprocessableEntity("wanted speed, or max: true")
		}
		return s.control(q.RunQuery, func(l pacer) error { return l.SetSpeed(q.Body.Speed) })
	})
	post(api, "/clock/seek", "Run up to a step, then pause", http.StatusAccepted, func(_ context.Context, q *seekBody) (*answer[State], error) {
		return s.control(q.RunQuery, func(l pacer) error { return l.Seek(twins.Tick(q.Body.Tick)) })
	})
}

// stepUntilEvent goes on to the next notable event or alert.
func (r *run) stepUntilEvent(ctx context.Context) error {
	if p, ok := r.pace.(*player); ok {
		return p.untilEvent(ctx)
	}
	_, err := r.pace.(*sim.Live).StepUntil(ctx, untilEvent(r.alerts))
	return err
}

// control moves the clock of a run.
func (s *Server) control(q RunQuery, do func(pacer) error) (*answer[State], error) {
	r, err := s.runOf(q)
	if err != nil {
		return nil, err
	}
	return r.answer(do(r.pace))
}

// answer is the state after something was asked of the clock.
func (r *run) answer(err error) (*answer[State], error) {
	switch {
	case errors.Is(err, sim.ErrOver):
		return nil, huma.Error409Conflict(err.Error())
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded): // the asker has gone
		return &answer[State]{r.state()}, nil
	case err != nil:
		return nil, huma.Error422UnprocessableEntity(err.Error())
	}
	return &answer[State]{r.state()}, nil
}
