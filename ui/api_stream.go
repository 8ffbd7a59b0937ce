package ui

import (
	"fmt"
	"net/http"

	"github.com/gorilla/websocket"

	"github.com/smatrix-grid/smatrix/ui/viewers"
)

// streamRoutes registers the route of the WebSocket.
func (s *Server) streamRoutes(to *router) {
	to.handle("GET /api/v1/stream", Watch, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if wrong := checkQuery(r.URL.RawQuery, func(string) bool { return false }); wrong != "" {
			problem(w, http.StatusUnprocessableEntity, wrong)
			return
		}
		for name := range r.URL.Query() {
			if name != "run" && name != "format" {
				problem(w, http.StatusUnprocessableEntity, fmt.Sprintf("unknown parameter %q: wanted one of: run, format", name))
				return
			}
		}
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
	}))
}

// upgrade turns a request into a viewer's WebSocket and serves it until it closes.
func (s *Server) upgrade(w http.ResponseWriter, r *http.Request, shown *run) {
	asJSON := r.URL.Query().Get("format") == "json"
	if f := r.URL.Query().Get("format"); f != "" && !asJSON {
		problem(w, http.StatusUnprocessableEntity, fmt.Sprintf("format %q, wanted json or none", f))
		return
	}
	if !websocket.IsWebSocketUpgrade(r) {
		problem(w, http.StatusUpgradeRequired, "this is a WebSocket: wanted an upgrade")
		return
	}
	release, err := s.viewers.take(s.proxies.client(r))
	if err != nil {
		w.Header().Set("Retry-After", "5")
		problem(w, http.StatusTooManyRequests, err.Error())
		return
	}
	defer release()
	s.serving.Add(1)
	defer s.serving.Done()
	shown.hub.Serve(w, r, viewers.Connection{JSON: asJSON, Timing: s.timing, Buffers: &s.buffers, Refuse: problem})
}
