package ui

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

// Schema implements huma.SchemaProvider.
func (Number) Schema(huma.Registry) *huma.Schema { return &huma.Schema{Type: huma.TypeNumber} }

// Schema implements huma.SchemaProvider.
func (Figures) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeObject, AdditionalProperties: &huma.Schema{Type: huma.TypeNumber, Nullable: true}}
}

// Schema implements huma.SchemaProvider.
func (Numbers) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeNumber, Nullable: true}}
}

// Scalar is a number, a word, true or false, as the request has it.
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
		{Type: huma.TypeNumber}, {Type: huma.TypeBoolean}, {Type: huma.TypeString, MaxLength: new(100), Pattern: wordPattern},
	}}
}

// RunQuery names the run that a request is about.
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

// answer is a response that has only a body.
type answer[T any] struct{ Body T }

// tagged is a response that clients may cache until the catalogue changes: its ETag is the version.
type tagged[T any] struct {
	ETag         string `header:"ETag"`
	CacheControl string `header:"Cache-Control"`
	Body         T
}

// TagQuery has the ETag of the version that the client has cached.
type TagQuery struct {
	IfNoneMatch string `header:"If-None-Match"`
}

// tag answers with the body, or with 304 if the client has cached it.
func tag[T any](s *Server, q TagQuery, body func() T) (*tagged[T], error) {
	etag := `"` + s.index.Version + `"`
	if q.IfNoneMatch == etag {
		return nil, huma.Status304NotModified()
	}
	return &tagged[T]{ETag: etag, CacheControl: "no-cache", Body: body()}, nil
}

// Page selects part of a list.
type Page struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
	Cursor string `query:"cursor" maxLength:"20"`
}

func (p Page) from() (int, error) {
	if p.Cursor == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(p.Cursor)
	if err != nil || n < 0 {
		return 0, huma.Error422UnprocessableEntity(fmt.Sprintf("cursor %q: wanted one from an answer", p.Cursor))
	}
	return n, nil
}

// of makes a handler of a method of run: it finds the run that the query names and calls ask.
func of[I any, O any](s *Server, run func(*I) RunQuery, ask func(*run, *I) (O, error)) func(context.Context, *I) (*answer[O], error) {
	return func(_ context.Context, q *I) (*answer[O], error) {
		r, err := s.runOf(run(q))
		if err != nil {
			return nil, err
		}
		o, err := ask(r, q)
		if err != nil {
			return nil, err
		}
		return &answer[O]{o}, nil
	}
}

// api registers the routes of the API, each with the role that its callers need.
type api struct {
	huma.API
	routes *router
}

// get registers a route that reads something.
func get[I, O any](a *api, path string, may Role, summary string, handle func(context.Context, *I) (*O, error)) {
	register(a, may, operation(http.MethodGet, path, summary, http.StatusOK), handle)
}

// post registers a route that changes something.
func post[I, O any](a *api, path string, may Role, summary string, status int, handle func(context.Context, *I) (*O, error)) {
	register(a, may, operation(http.MethodPost, path, summary, status), handle)
}

// register registers a route that neither get nor post fits.
func register[I, O any](a *api, may Role, o huma.Operation, handle func(context.Context, *I) (*O, error)) {
	a.routes.may(o.Method+" "+o.Path, may)
	huma.Register(a.API, o, handle)
}

func operation(method, path, summary string, status int) huma.Operation {
	return huma.Operation{
		OperationID: strings.Trim(idOf.Replace(strings.ToLower(method)+path), "-"), Method: method, Path: "/api/v1" + path, Summary: summary,
		DefaultStatus: status, MaxBodyBytes: mostBody, RejectUnknownQueryParameters: true,
	}
}

// answerIn gives the requests of a route that long to be answered. The read deadline is set as well: when
// it passes, net/http cancels the request's context as if the client had disconnected.
func answerIn(most time.Duration) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		_, w := humago.Unwrap(ctx)
		c, until := http.NewResponseController(w), time.Now().Add(most)
		_ = errors.Join(c.SetReadDeadline(until), c.SetWriteDeadline(until)) // not supported by the recorders of tests
		next(ctx)
	}
}

var idOf = strings.NewReplacer("/", "-", "{", "", "}", "", ".", "-")

// routes returns the handler of all routes of the server.
func (s *Server) routes() (http.Handler, error) {
	r := newRouter()
	config := huma.DefaultConfig("Smatrix Grid", "1")
	config.Info.Description = "A whole electricity grid as digital twins, live. Powers are in W with up to three decimals, which is exact; + draws, − injects. The stream of frames is a WebSocket at /api/v1/stream."
	config.CreateHooks, config.DocsPath, config.SchemasPath = nil, "", ""
	config.Transformers = append(config.Transformers, refusals{config.Components.Schemas}.transform)
	a := &api{humago.New(r, config), r}
	a.UseMiddleware(refuseQuery(a.API), refuseUntyped(a.API))
	for _, form := range []string{".json", "-3.0.json", ".yaml", "-3.0.yaml"} { // registered by huma
		r.may("GET "+config.OpenAPIPath+form, Watch)
	}

	s.clockRoutes(a)
	s.runRoutes(a)
	s.scenarioRoutes(a)
	s.treeRoutes(a)
	s.twinRoutes(a)
	s.unitRoutes(a)
	s.ratioRoutes(a)
	s.readingRoutes(a)
	s.eventRoutes(a)
	s.alertRoutes(a)
	s.commandRoutes(a)
	s.compareRoutes(a)
	s.downloadRoutes(a)
	listsNeverNull(a.OpenAPI())

	s.streamRoutes(r)
	s.loginRoutes(r)
	r.handle("/api/", Watch, methodsOf(r, http.HandlerFunc(noRoute)))
	r.handle("GET /healthz", Anyone, http.HandlerFunc(healthy))
	r.handle("GET /metrics", Watch, s.metrics())
	page, err := docsPage(a.OpenAPI())
	if err != nil {
		return nil, err
	}
	r.handle("GET /docs", Watch, page)
	r.handle("/", Watch, methodsOf(r, web(embedded())))
	return r, r.check()
}

// noRoute answers requests of the API that match no route.
func noRoute(w http.ResponseWriter, r *http.Request) {
	problem(w, http.StatusNotFound, fmt.Sprintf("there is no %s, see /docs", r.URL.Path))
}

// methodsOf answers 405 if the path of a request has routes, but none for its method; other requests are
// passed on.
func methodsOf(routes *router, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		allowed := routes.allowed(r.URL.Path)
		if len(allowed) == 0 || slices.Contains(allowed, r.Method) {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		problem(w, http.StatusMethodNotAllowed, fmt.Sprintf("%s is not allowed here, wanted %s", r.Method, strings.Join(allowed, " or ")))
	})
}

func healthy(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte("{\"status\":\"ok\"}\n")) // fails if the client has disconnected
}

func rfc3339(t time.Time) string { return t.Format(time.RFC3339) }
