package ui

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/smatrix-grid/smatrix/twins"
	"github.com/smatrix-grid/smatrix/ui/apitypes"
)

// The page's API types match the document that the server serves.
func TestAPITypes(t *testing.T) {
	const file = "web/src/gen/api.ts"
	s := serve(t, "hamlet", nil)
	_, _, document := s.ask("GET", "/openapi.json", "")
	got, err := apitypes.Write(document)
	if err != nil {
		t.Fatal(err)
	}
	if *rewrite {
		if err := os.WriteFile(file, got, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("ui/%s is not what /openapi.json says; make api-types writes it anew", file)
	}
}

// Every answer matches its schema in /openapi.json: before the first step, after some steps, and
// in a fork. A list that is null, or a field that may be null and is not documented so, would
// give the page an untrue type.
func TestAnswersMatchDocument(t *testing.T) {
	asked, all := map[string]bool{}, map[string]bool{}
	for _, scenario := range []string{"hamlet", "scarcity"} { // the second has alerts
		d := describe(serve(t, scenario, func(o *Options) { o.Limits.Requests = 1e6 }))
		d.checkGets("live")
		d.step(3)
		d.checkPosts()
		d.checkGets("live")
		d.checkGets("fork-1")
		maps.Copy(asked, d.asked)
		maps.Copy(all, d.all())
	}
	for route := range all {
		if !asked[route] {
			t.Errorf("%s has not been asked", route)
		}
	}
}

// described is a server with the JSON Schemas of its routes.
type described struct {
	*tester
	compiler *jsonschema.Compiler
	routes   struct {
		Paths map[string]map[string]struct { // by path and method
			Responses map[string]struct {
				Content map[string]any
			}
		}
	}
	asked map[string]bool // method and path
}

func describe(s *tester) *described {
	s.Helper()
	_, _, b := s.ask("GET", "/openapi.json", "")
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		s.Fatal(err)
	}
	d := &described{tester: s, compiler: jsonschema.NewCompiler(), asked: map[string]bool{}}
	if err := d.compiler.AddResource("mem:///openapi.json", document); err != nil {
		s.Fatal(err)
	}
	if err := json.Unmarshal(b, &d.routes); err != nil {
		s.Fatal(err)
	}
	return d
}

// status returns the status of a route's answer in JSON, empty if it has none.
func (d *described) status(method, path string) string {
	for status, r := range d.routes.Paths[path][method].Responses {
		if r.Content["application/json"] != nil {
			return status
		}
	}
	return ""
}

// all returns the routes that answer in JSON.
func (d *described) all() map[string]bool {
	routes := map[string]bool{}
	for path, methods := range d.routes.Paths {
		for method := range methods {
			if d.status(method, path) != "" {
				routes[method+" "+path] = true
			}
		}
	}
	return routes
}

// check sends a request and compares the answer with the document.
func (d *described) check(method, path, query, body string, header ...string) {
	d.Helper()
	d.asked[method+" "+path] = true
	target := strings.NewReplacer("{id}", "live", "{n}", "0").Replace(path) + query
	status, _, b := d.ask(strings.ToUpper(method), target, body, header...)
	want := d.status(method, path)
	if strconv.Itoa(status) != want {
		d.Errorf("%s %s: %d, want %s: %s", method, target, status, want, b)
		return
	}
	schema, err := d.compiler.Compile("mem:///openapi.json#/paths/" + strings.ReplaceAll(path, "/", "~1") + "/" + method +
		"/responses/" + want + "/content/application~1json/schema")
	if err != nil {
		d.Fatal(err)
	}
	answer, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		d.Fatalf("%s %s: %v: %s", method, target, err, b)
	}
	if err := schema.Validate(answer); err != nil {
		d.Errorf("%s %s %s: not what /openapi.json says: %v", method, target, body, err)
	}
}

// checkGets checks all GET routes of a run, those of twins with two of each kind in a tile.
func (d *described) checkGets(run string) {
	d.Helper()
	of := "?run=" + run
	for _, path := range []string{"/state", "/tree", "/alerts", "/commands", "/decisions", "/events", "/flows", "/production", "/ratios", "/twins", "/units"} {
		d.check("get", "/api/v1"+path, of, "")
	}
	for _, path := range []string{"/runs", "/runs/{id}", "/scenario", "/catalogue", "/tiles/{n}"} {
		d.check("get", "/api/v1"+path, "", "")
	}
	d.check("get", "/api/v1/twins", of+"&absent=true&limit=1000&kind=household", "")
	d.check("get", "/api/v1/twins", of+"&q=nothing-has-this-name", "")
	d.check("get", "/api/v1/compare", "?a=live&b="+run, "")
	for _, path := range d.shown() {
		p := "&path=" + url.QueryEscape(path)
		d.check("get", "/api/v1/twin", of+p, "")
		d.check("get", "/api/v1/readings", of+p, "")
	}
}

// shown returns the paths of the grid, its communities, and the first and the last twin of each kind in a tile.
func (d *described) shown() []string {
	paths := []string{twins.GridPath}
	for _, c := range d.index.Communities {
		paths = append(paths, c.Path)
	}
	for i := range d.index.Tiles {
		for _, b := range d.index.Tiles[i].Blocks {
			paths = append(paths, b.Paths[0], b.Paths[len(b.Paths)-1])
		}
	}
	return paths
}

// checkPosts checks all routes that change something, at a run's third step.
func (d *described) checkPosts() {
	d.Helper()
	post := func(path, body string, header ...string) {
		d.Helper()
		d.check("post", "/api/v1"+path, "", body, header...)
	}
	home := `{"target":"` + aHome(d.tester) + `","setting":"pv.scale","value":0.5}`
	post("/commands", home, "Idempotency-Key", "twice")
	post("/commands", home, "Idempotency-Key", "twice")
	post("/forks", `{"at":2,"name":"a fork","set":[]}`)
	post("/clock/step", `{"steps":1}`)
	post("/clock/speed", `{"speed":1000}`)
	post("/clock/play", "")
	post("/clock/pause", "")
	post("/clock/seek", `{"tick":6}`)
	d.step(1) // after it the clock has reached its target
	var list alertList
	d.get("/alerts", &list)
	if len(list.Alerts) > 0 {
		post("/alerts/acknowledge", `{"id":"`+list.Alerts[0].ID+`"}`)
	}
}
