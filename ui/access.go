package ui

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
)

// Role is what the caller of a route must be allowed to do. A route says its role where it is
// registered; the zero Role is that of a route which says none, and no caller has it.
type Role uint8

const (
	_ Role = iota
	// Anyone needs nothing, not even the token: whether the server is up.
	Anyone
	// Watch reads: what a run shows, its documents and the page.
	Watch
	// Control changes: the clock, settings, forks, acknowledgements.
	Control
)

var roleNames = [...]string{"no role", "anyone", "watch", "control"}

// String is the role's name.
func (r Role) String() string { return roleNames[r] }

// Principal is the caller of a request with the roles that it has. The zero Principal is a caller
// that has not said who it is.
type Principal struct{ Roles []Role }

// tokenBearer is the principal of the token, and of every caller where the server has no token.
var tokenBearer = Principal{Roles: []Role{Watch, Control}}

// May reports whether the principal may call a route of a role.
func (p Principal) May(r Role) bool { return r == Anyone || r != 0 && slices.Contains(p.Roles, r) }

type principalKey struct{}

// withPrincipal is a context of a request of a principal.
func withPrincipal(ctx context.Context, p Principal) context.Context {
	return context.WithValue(ctx, principalKey{}, p)
}

// PrincipalOf is the caller of the request of a context: the zero Principal if there is none.
func PrincipalOf(ctx context.Context) Principal {
	p, _ := ctx.Value(principalKey{}).(Principal)
	return p
}

// router is the routes of the server, each with its role. It lets a request through to its route
// if the request's Principal has that role, and refuses it otherwise.
type router struct {
	mux   *http.ServeMux
	roles map[string]Role // by pattern of the mux; zero: none has been said
}

func newRouter() *router { return &router{http.NewServeMux(), map[string]Role{}} }

// handle registers a route with its role.
func (r *router) handle(pattern string, may Role, h http.Handler) {
	r.roles[pattern] = may
	r.mux.Handle(pattern, h)
}

// HandleFunc implements humago.Mux. The role of the route is said by may, before or after.
func (r *router) HandleFunc(pattern string, h func(http.ResponseWriter, *http.Request)) {
	r.roles[pattern] = r.roles[pattern] // so that a route whose role is never said is in the list
	r.mux.HandleFunc(pattern, h)
}

// may says the role of a route.
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

// ServeHTTP implements http.Handler.
func (r *router) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	_, pattern := r.mux.Handler(q)
	p, needed := PrincipalOf(q.Context()), r.roles[pattern]
	switch {
	case p.May(needed):
		r.mux.ServeHTTP(w, q)
	case len(p.Roles) == 0:
		w.Header().Set("WWW-Authenticate", `Bearer realm="smatrix"`)
		problem(w, http.StatusUnauthorized, "wanted the token: Authorization: Bearer TOKEN, or open /?token=TOKEN once")
	default:
		problem(w, http.StatusForbidden, fmt.Sprintf("%s %s needs the role %s", q.Method, q.URL.Path, needed))
	}
}
