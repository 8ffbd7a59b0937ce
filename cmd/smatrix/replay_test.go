package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Promise R3: a replay has no effect outside itself. Whatever is asked of it, by commands and by every
// route that changes something, the run's folder stays as it is; orders and acknowledgements are
// refused.
func TestReplayTouchesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	live := servedNew(t, "hamlet", dir, 0)
	live.to(24, map[int64][]string{6: {set("north", "limit_w", "3000", 6)}})
	live.close()
	before := treeHash(t, dir)
	for _, args := range [][]string{{"replay", dir}, {"replay", dir, "--verify", "--json"}, {"usage", dir}, {"report", dir, "--out", dir + ".html"}, {"compare", dir, dir}} {
		if _, stderr, err := command(args...); err != nil {
			t.Fatalf("%s: %s", strings.Join(args, " "), stderr)
		}
		if treeHash(t, dir) != before {
			t.Fatalf("smatrix %s has changed the run's folder", strings.Join(args, " "))
		}
	}
	replay := replayOf(t, dir)
	acts := replay.actions()
	replay.must("POST", "/clock/seek", `{"tick":24}`, nil)
	var alerts struct{ Alerts []struct{ ID string } }
	replay.must("GET", "/alerts", "", &alerts)
	if len(alerts.Alerts) == 0 {
		t.Fatal("the run has no alert to acknowledge")
	}
	// Bodies that a live run takes. The clock of a replay moves, and its forks are in memory.
	bodies := map[string]string{
		"POST /clock/pause": "", "POST /clock/play": "", "POST /clock/step": `{"steps":3}`, "POST /clock/speed": `{"speed":3600}`, "POST /clock/seek": `{"tick":9}`,
		"POST /forks": `{"at":5,"set":[]}`, "DELETE /runs/{id}": "",
		"POST /commands": set("north", "limit_w", "3000", 0), "POST /alerts/acknowledge": fmt.Sprintf(`{"id":%q}`, alerts.Alerts[0].ID),
	}
	moves := []string{"POST /clock/pause", "POST /clock/play", "POST /clock/step", "POST /clock/speed", "POST /clock/seek", "POST /forks", "DELETE /runs/{id}"}
	for _, act := range acts {
		body, known := bodies[act]
		if !known {
			t.Errorf("%s: no body for it in this test", act)
			continue
		}
		method, route, _ := strings.Cut(act, " ")
		status, _, answer := replay.ask(method, strings.ReplaceAll(route, "{id}", "fork-1"), body)
		if did := status < 300; did != slices.Contains(moves, act) {
			t.Errorf("%s of a replay: %d %s", act, status, answer)
		}
		if treeHash(t, dir) != before {
			t.Fatalf("%s has changed the folder of the run that is replayed", act)
		}
	}
	if len(acts) < len(bodies) {
		t.Errorf("the document has %v, fewer than the bodies of this test", acts)
	}
}

// actions returns the methods and routes of the server's document that may change something: forks are
// deleted after they have been made.
func (v *view) actions() (acts []string) {
	w := httptest.NewRecorder()
	v.handler.ServeHTTP(w, httptest.NewRequest("GET", "http://127.0.0.1/openapi.json", nil))
	var document struct{ Paths map[string]map[string]any }
	if err := json.Unmarshal(w.Body.Bytes(), &document); err != nil {
		v.Fatal(err)
	}
	for _, method := range []string{"post", "put", "patch", "delete"} {
		for _, path := range slices.Sorted(maps.Keys(document.Paths)) {
			if document.Paths[path][method] != nil {
				acts = append(acts, strings.ToUpper(method)+" "+strings.TrimPrefix(path, "/api/v1"))
			}
		}
	}
	return acts
}
