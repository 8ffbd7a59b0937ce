package ui

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// pathsOf returns the methods of each path that is registered, those of /openapi.json and the others, with
// HEAD where there is GET.
func (t *tester) pathsOf(of *testing.T) map[string][]string {
	of.Helper()
	found := map[string][]string{}
	for pattern := range t.router(of).roles {
		method, path, ok := strings.Cut(pattern, " ")
		if !ok {
			continue // a fallback
		}
		path = strings.NewReplacer("{id}", "live", "{n}", "0").Replace(path)
		found[path] = append(found[path], method)
		if method == http.MethodGet {
			found[path] = append(found[path], http.MethodHead)
		}
	}
	var d apiDocument
	_, _, b := t.ask("GET", "/openapi.json", "")
	if err := json.Unmarshal(b, &d); err != nil {
		of.Fatal(err)
	}
	for path := range d.Paths {
		if path = strings.NewReplacer("{id}", "live", "{n}", "0").Replace(path); found[path] == nil {
			of.Errorf("%s is in the document and not registered", path)
		}
	}
	for path := range found {
		slices.Sort(found[path])
	}
	return found
}

// A method that a path does not have is answered with 405, whose Allow lists those that it has.
func TestMethodsOfAllRoutes(t *testing.T) {
	s := serve(t, "hamlet", func(o *Options) { o.Limits.Requests = 1e6 })
	paths := s.pathsOf(t)
	paths["/"] = []string{"GET", "HEAD"} // the page
	if len(paths) < 30 {
		t.Errorf("only %d paths", len(paths))
	}
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"} {
			if slices.Contains(paths[path], method) {
				continue
			}
			w := httptest.NewRecorder()
			s.Handler().ServeHTTP(w, httptest.NewRequest(method, "http://127.0.0.1"+path, nil))
			if got, want := w.Header().Get("Allow"), strings.Join(paths[path], ", "); w.Code != 405 || got != want {
				t.Errorf("%s %s: %d, Allow %q, want 405 and %q", method, path, w.Code, got, want)
			}
			if method != "HEAD" && !isProblem(w.Header().Get("Content-Type"), w.Body.Bytes()) {
				t.Errorf("%s %s: %s", method, path, w.Body)
			}
		}
	}
}

// A body is taken only with the Content-Type of JSON: without one, or with another, it is 415 and changes
// nothing.
func TestMediaTypesOfAllRoutes(t *testing.T) {
	s := serve(t, "hamlet", func(o *Options) { o.Limits.Requests = 1e6 })
	s.step(3)
	var d apiDocument
	_, _, b := s.ask("GET", "/openapi.json", "")
	if err := json.Unmarshal(b, &d); err != nil {
		t.Fatal(err)
	}
	asked := 0
	for path, methods := range d.Paths {
		for method, o := range methods {
			content, ok := o.RequestBody.Content["application/json"]
			if !ok {
				continue
			}
			schema := d.resolve(content.Schema)
			for _, kind := range []string{"", " ", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/xml"} {
				asked++
				q := httptest.NewRequest(strings.ToUpper(method), "http://127.0.0.1"+path, strings.NewReader(schema.body(nil)))
				if kind != "" {
					q.Header.Set("Content-Type", kind)
				}
				w := httptest.NewRecorder()
				s.Handler().ServeHTTP(w, q)
				if w.Code != 415 || !strings.Contains(w.Body.String(), "wanted application/json") {
					t.Errorf("%s %s as %q: %d %s, want 415", method, path, kind, w.Code, w.Body)
				}
			}
			q := httptest.NewRequest(strings.ToUpper(method), "http://127.0.0.1"+path, io.MultiReader(strings.NewReader(schema.body(nil)))) // of unknown length
			w := httptest.NewRecorder()
			if s.Handler().ServeHTTP(w, q); w.Code != 415 {
				t.Errorf("%s %s, chunked and without a type: %d, want 415", method, path, w.Code)
			}
		}
	}
	if asked < 30 {
		t.Errorf("only %d requests", asked)
	}
	var state State
	if s.get("/state", &state); state.Tick != 3 || len(s.forksOf()) > 0 {
		t.Errorf("a refused body was carried out: %+v", state)
	}
}

// Only an answer of 200 may be cached for long, and only if its name changes with what it holds.
func TestNoErrorIsCached(t *testing.T) {
	s := serve(t, "hamlet", func(o *Options) { o.Limits.Requests = 1e6 })
	page := web(fstest.MapFS{"index.html": {Data: []byte("<!doctype html>")}, "assets/app-1f2e.js": {Data: []byte("1")}, "icon.svg": {Data: []byte("<svg/>")}})
	for _, row := range []struct {
		method, path, ranges string
		status               int
		long                 bool
	}{
		{"GET", "/assets/app-1f2e.js", "", 200, true},
		{"HEAD", "/assets/app-1f2e.js", "", 200, true},
		{"GET", "/assets/app-0000.js", "", 404, false},
		{"GET", "/assets/app-1f2e.js", "bytes=9-", 416, false},
		{"POST", "/assets/app-1f2e.js", "", 405, false},
		{"GET", "/assets/", "", 200, false}, // an address of the app
		{"GET", "/assets", "", 200, false},
		{"GET", "/icon.svg", "", 200, false},
		{"GET", "/home/x.y", "", 200, false},
		{"GET", "/", "", 200, false},
	} {
		q := httptest.NewRequest(row.method, row.path, nil)
		if row.ranges != "" {
			q.Header.Set("Range", row.ranges)
		}
		w := httptest.NewRecorder()
		page.ServeHTTP(w, q)
		if long := strings.Contains(w.Header().Get("Cache-Control"), "max-age"); w.Code != row.status || long != row.long {
			t.Errorf("%s %s %s: %d, Cache-Control %q", row.method, row.path, row.ranges, w.Code, w.Header().Get("Cache-Control"))
		}
	}
	for path := range s.pathsOf(t) {
		for _, query := range []string{"", "?eat=1"} {
			w := httptest.NewRecorder()
			s.Handler().ServeHTTP(w, httptest.NewRequest("GET", "http://127.0.0.1"+path+query, nil))
			if cached := w.Header().Get("Cache-Control"); w.Code != 200 && strings.Contains(cached, "max-age") {
				t.Errorf("%s%s: %d, Cache-Control %q", path, query, w.Code, cached)
			}
		}
	}
}
