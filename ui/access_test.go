package ui

import (
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// routeRoles is the role that each route needs. A new route needs its row here.
var routeRoles = map[string]Role{
	"GET /healthz": Anyone,
	"GET /login":   Anyone,
	"POST /login":  Anyone,

	"/":                     Watch,
	"/api/":                 Watch,
	"GET /docs":             Watch,
	"GET /metrics":          Watch,
	"GET /openapi-3.0.json": Watch,
	"GET /openapi-3.0.yaml": Watch,
	"GET /openapi.json":     Watch,
	"GET /openapi.yaml":     Watch,

	"GET /api/v1/alerts":                    Watch,
	"GET /api/v1/catalogue":                 Watch,
	"GET /api/v1/commands":                  Watch,
	"GET /api/v1/compare":                   Watch,
	"GET /api/v1/decisions":                 Watch,
	"GET /api/v1/download/grid.csv":         Watch,
	"GET /api/v1/download/grid.parquet":     Watch,
	"GET /api/v1/download/readings.csv":     Watch,
	"GET /api/v1/download/readings.parquet": Watch,
	"GET /api/v1/events":                    Watch,
	"GET /api/v1/flows":                     Watch,
	"GET /api/v1/production":                Watch,
	"GET /api/v1/ratios":                    Watch,
	"GET /api/v1/readings":                  Watch,
	"GET /api/v1/runs":                      Watch,
	"GET /api/v1/runs/{id}":                 Watch,
	"GET /api/v1/scenario":                  Watch,
	"GET /api/v1/state":                     Watch,
	"GET /api/v1/stream":                    Watch,
	"GET /api/v1/tiles/{n}":                 Watch,
	"GET /api/v1/tree":                      Watch,
	"GET /api/v1/twin":                      Watch,
	"GET /api/v1/twins":                     Watch,
	"GET /api/v1/units":                     Watch,

	"DELETE /api/v1/runs/{id}":        Control,
	"POST /api/v1/alerts/acknowledge": Control,
	"POST /api/v1/clock/pause":        Control,
	"POST /api/v1/clock/play":         Control,
	"POST /api/v1/clock/seek":         Control,
	"POST /api/v1/clock/speed":        Control,
	"POST /api/v1/clock/step":         Control,
	"POST /api/v1/commands":           Control,
	"POST /api/v1/forks":              Control,
}

// Every route that is registered, huma's own included, is in the table with its role.
func TestRoutesHaveRoles(t *testing.T) {
	got := serve(t, "hamlet", nil).router(t).roles
	for pattern, role := range got {
		if want, ok := routeRoles[pattern]; !ok {
			t.Errorf("%s has no row in routeRoles; it is registered for %s", pattern, role)
		} else if role != want {
			t.Errorf("%s is registered for %s, want %s", pattern, role, want)
		}
	}
	for pattern := range routeRoles {
		if _, ok := got[pattern]; !ok {
			t.Errorf("%s is not registered", pattern)
		}
	}
}

func (t *tester) router(of *testing.T) *router {
	of.Helper()
	h, err := t.routes()
	if err != nil {
		of.Fatal(err)
	}
	return h.(*router)
}

// Each principal can call the routes of its roles and no others: a caller without credentials gets
// 401, one without the role 403.
func TestRoles(t *testing.T) {
	routes := serve(t, "hamlet", nil).router(t)
	const missing = http.MethodGet + " /missing"
	routes.HandleFunc(missing, func(http.ResponseWriter, *http.Request) { t.Error("a route without a role was called") })
	for _, who := range []struct {
		name   string
		ctx    context.Context
		may    []Role
		denied int
	}{
		{"no principal", t.Context(), []Role{Anyone}, 401},
		{"no token", withPrincipal(t.Context(), Principal{}), []Role{Anyone}, 401},
		{"a watcher", withPrincipal(t.Context(), Principal{[]Role{Watch}}), []Role{Anyone, Watch}, 403},
		{"a controller", withPrincipal(t.Context(), Principal{[]Role{Control}}), []Role{Anyone, Control}, 403},
		{"the token", withPrincipal(t.Context(), tokenBearer), []Role{Anyone, Watch, Control}, 403},
	} {
		for _, pattern := range slices.Sorted(maps.Keys(routes.roles)) {
			role := routes.roles[pattern]
			method, path, ok := strings.Cut(pattern, " ")
			if !ok {
				method, path = http.MethodGet, pattern
			}
			r := httptest.NewRequest(method, strings.NewReplacer("{id}", "x", "{n}", "0").Replace(path), strings.NewReader("")).WithContext(who.ctx)
			w := httptest.NewRecorder()
			routes.ServeHTTP(w, r)
			may := false
			for _, m := range who.may {
				may = may || m == role
			}
			if denied := w.Code == 401 || w.Code == 403; denied == may || denied && w.Code != who.denied {
				t.Errorf("%s, %s for %s: %d %s", who.name, pattern, role, w.Code, w.Body)
			}
		}
	}
}

// A server does not start with a route that has no role.
func TestRouteWithoutRole(t *testing.T) {
	r := newRouter()
	r.handle("GET /a", Watch, http.NotFoundHandler())
	if err := r.check(); err != nil {
		t.Fatal(err)
	}
	r.HandleFunc("GET /b", func(http.ResponseWriter, *http.Request) {})
	if err := r.check(); err == nil || err.Error() != "route GET /b: wanted the role that its callers need" {
		t.Errorf("%v", err)
	}
}
