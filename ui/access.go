package ui

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Role is what the caller of a route must be allowed to do. Each route is registered with its role;
// a route without one has the zero Role, which no caller has.
type Role uint8

const (
	_ Role = iota
	// Anyone needs no token: /healthz and /login.
	Anyone
	// Watch reads: figures of a run, documents and the page.
	Watch
	// Control makes changes: the clock, settings, forks, acknowledgements.
	Control
)

var roleNames = [...]string{"no role", "anyone", "watch", "control"}

// String is the role's name.
func (r Role) String() string { return roleNames[r] }

// Principal is the caller of a request with the roles that it has. The zero Principal is a caller
// without credentials.
type Principal struct{ Roles []Role }

// tokenBearer is the principal of the token, and of every caller where the server has no token.
var tokenBearer = Principal{Roles: []Role{Watch, Control}}

// May reports whether the principal may call a route of a role.
func (p Principal) May(r Role) bool { return r == Anyone || r != 0 && slices.Contains(p.Roles, r) }

type principalKey struct{}

// withPrincipal returns a request's context that carries its principal.
func withPrincipal(ctx context.Context, p Principal) context.Context {
	return context.WithValue(ctx, principalKey{}, p)
}

// PrincipalOf returns the caller of the request that the context belongs to, or the zero Principal
// if the context carries none.
func PrincipalOf(ctx context.Context) Principal {
	p, _ := ctx.Value(principalKey{}).(Principal)
	return p
}

// router holds the routes of the server, each with its role. It serves a request if the request's
// Principal has the role of the route; otherwise it answers 401 or 403.
type router struct {
	mux   *http.ServeMux
	roles map[string]Role // by pattern of the mux; zero: none was given
}

func newRouter() *router { return &router{http.NewServeMux(), map[string]Role{}} }

// handle registers a route with its role.
func (r *router) handle(pattern string, may Role, h http.Handler) {
	r.roles[pattern] = may
	r.mux.Handle(pattern, h)
}

// HandleFunc implements humago.Mux. The caller sets the role of the route with may, before or after.
func (r *router) HandleFunc(pattern string, h func(http.ResponseWriter, *http.Request)) {
	if _, ok := r.roles[pattern]; !ok {
		r.roles[pattern] = 0 // check finds a route without a role
	}
	r.mux.HandleFunc(pattern, h)
}

// may sets the role of a route.
func (r *router) may(pattern string, role Role) { r.roles[pattern] = role }

// check returns an error that names the first route without a role.
func (r *router) check() error {
	for _, pattern := range slices.Sorted(maps.Keys(r.roles)) {
		if r.roles[pattern] == 0 {
			return fmt.Errorf("route %s: wanted the role that its callers need", pattern)
		}
	}
	return nil
}

// allowed returns the methods of a path, sorted; none if there is no such route.
func (r *router) allowed(path string) (methods []string) {
	for _, method := range []string{http.MethodDelete, http.MethodGet, http.MethodHead, http.MethodPatch, http.MethodPost, http.MethodPut} {
		_, pattern := r.mux.Handler(&http.Request{Method: method, URL: &url.URL{Path: path}})
		if strings.Contains(pattern, " ") { // the pattern of a route has a method, those of the fallbacks have none
			methods = append(methods, method)
		}
	}
	return methods
}

// ServeHTTP implements http.Handler.
func (r *router) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	_, pattern := r.mux.Handler(q)
	p, needed := PrincipalOf(q.Context()), r.roles[pattern]
	switch {
	case p.May(needed):
		r.mux.ServeHTTP(w, q)
	case len(p.Roles) == 0:
		w.Header().Set("WWW-Authenticate", `Bearer realm="smatrix"`)
		if isPage(q) {
			next := *q.URL
			query := next.Query()
			query.Del("token") // a wrong one: it would be tried again after the form
			next.RawQuery = query.Encode()
			askForToken(w, http.StatusUnauthorized, next.RequestURI(), "")
			return
		}
		problem(w, http.StatusUnauthorized, "wanted the token: Authorization: Bearer TOKEN, or a session, which the page at /login begins")
	default:
		problem(w, http.StatusForbidden, fmt.Sprintf("%s %s needs the role %s", q.Method, q.URL.Path, needed))
	}
}
