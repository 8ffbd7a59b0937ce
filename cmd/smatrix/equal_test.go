package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/smatrix-grid/smatrix/persistence"
	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/live"
	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/twins"
	"github.com/smatrix-grid/smatrix/ui"
)

// mayDiffer are the fields in which the views of one run may differ, each with its reason. A field
// without a route may differ in every answer.
var mayDiffer = map[string]string{
	"run": "the id of the run that was asked", "id": "the id of the run", "name": "the name that the run was given", "parent": "a fork has one",
	"/runs/{id} at":             "the first step of a fork",
	"/runs runs":                "the forks of one server; each run is asked about by /runs/{id}",
	"/runs/{id} later_commands": "only a fork has any", "/runs/{id} later_commands_count": "only a fork has any",
	"/compare notes": "say what a fork has done with its parent's later commands",
	"/compare a":     "the id of the run that was asked", "/compare b": "the id of the run that was asked",
	"state": "a replay is always in state replay", "playing": "a matter of the process's clock",
	"speed": "a matter of the process's clock", "max": "a matter of the process's clock",
	"reached": "a wall-clock rate", "steps_per_s": "a wall-clock rate",
	"viewers": "the process's connections", "frames_sent": "the process's connections", "frames_conflated": "the process's connections",
	"revision": "counts the changes that one process has shown",
}

// inReplay are the fields of a replay that is not at its last step which may differ besides.
var inReplay = map[string]string{"digest": "a replay knows how the run ended"}

// scopes are the routes of the API with the questions that the test asks of each: at a step, and at
// the latest step for t < 0.
var scopes = map[string]func(a *asked, t int64) []string{
	"/state": present(""), "/runs": present(""), "/runs/{id}": func(a *asked, t int64) []string { return a.presents("/runs/"+runMark, t) },
	"/scenario": present(""), "/catalogue": present(""),
	"/tiles/{n}": func(a *asked, t int64) (all []string) {
		for n := range a.tiles {
			all = append(all, a.presents(fmt.Sprint("/tiles/", n), t)...)
		}
		return all
	},
	"/tree": atStep("?"), "/ratios": atStep("?"), "/units": atStep("?limit=1000&"), "/alerts": atStep("?"),
	"/twins":    atStep("?limit=1000&absent=true&"),
	"/commands": present("?limit=1000"),
	"/twin":     (*asked).ofTwins, "/readings": (*asked).readings, "/flows": (*asked).flows, "/production": window("?"),
	"/events": window("?limit=1000&"), "/decisions": window("?limit=1000&"),
	"/compare":                   present("?a=" + runMark + "&b=" + runMark),
	"/download/readings.csv":     window("?"),
	"/download/readings.parquet": window("?"), "/download/grid.csv": window("?"), "/download/grid.parquet": window("?"),
}

// runMark stands for the id of the run in a question.
const runMark = "RUN"

// asked has what the questions are about.
type asked struct {
	paths   []string            // of the grid, communities, and some members of each kind
	scopes  []string            // of flows
	columns []string            // of flows
	special map[string][]string // devices and gauges by path, as columns of /readings
	tiles   int
}

// presents returns a question that has no step, when the latest one is asked.
func (a *asked) presents(question string, t int64) []string {
	if t >= 0 {
		return nil
	}
	return []string{question}
}

func present(query string) func(*asked, int64) []string {
	return func(a *asked, t int64) []string { return a.presents(query, t) }
}

func atStep(query string) func(*asked, int64) []string {
	return func(_ *asked, t int64) []string { return []string{query + "tick=" + strconv.FormatInt(t, 10)} }
}

// window asks for all steps up to t.
func window(query string) func(*asked, int64) []string {
	return func(_ *asked, t int64) []string { return []string{query + strings.TrimPrefix(until(t), "&")} }
}

func until(t int64) string {
	if t < 0 {
		return "&to=-1"
	}
	return fmt.Sprintf("&from=%d&to=%d", max(0, t-24), t+1)
}

func (a *asked) ofTwins(t int64) (all []string) {
	for _, path := range a.paths {
		all = append(all, "?path="+url.QueryEscape(path)+"&tick="+strconv.FormatInt(t, 10))
	}
	return all
}

func (a *asked) readings(t int64) (all []string) {
	for _, path := range a.paths {
		all = append(all, "?path="+url.QueryEscape(path)+until(t))
		if list := a.special[path]; len(list) > 0 {
			all = append(all, "?path="+url.QueryEscape(path)+until(t)+"&column="+strings.Join(list, "&column="))
		}
	}
	return all
}

func (a *asked) flows(t int64) (all []string) {
	for _, scope := range a.scopes {
		all = append(all, "?scope="+url.QueryEscape(scope)+until(t)+"&column="+strings.Join(a.columns, "&column="))
	}
	return all
}

// view is one run as a server shows it.
type view struct {
	*testing.T
	name, run string
	server    *ui.Server
	handler   http.Handler
}

// ask returns the answer to a request.
func (v *view) ask(method, path, body string) (status int, media string, answer []byte) {
	r := httptest.NewRequest(method, "http://127.0.0.1/api/v1"+path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	w := httptest.NewRecorder()
	v.handler.ServeHTTP(w, r)
	return w.Code, w.Header().Get("Content-Type"), w.Body.Bytes()
}

// must sends a request that must succeed and decodes the answer into o unless that is nil.
func (v *view) must(method, path, body string, o any) {
	v.Helper()
	status, _, b := v.ask(method, path, body)
	if status >= 300 {
		v.Fatalf("%s: %s %s %s: %d %s", v.name, method, path, body, status, b)
	}
	if o != nil {
		if err := json.Unmarshal(b, o); err != nil {
			v.Fatal(err)
		}
	}
}

// get returns the answer to a question about the run.
func (v *view) get(route, question string) answer {
	path := question
	if !strings.HasPrefix(question, "/") {
		path = route + question
	}
	path = strings.ReplaceAll(path, runMark, v.run)
	if strings.Contains(route, "{") || slices.Contains([]string{"/runs", "/scenario", "/catalogue", "/compare"}, route) {
		return v.read(path)
	}
	sign := "?"
	if strings.Contains(path, "?") {
		sign = "&"
	}
	return v.read(path + sign + "run=" + v.run)
}

func (v *view) read(path string) answer {
	status, media, b := v.ask("GET", path, "")
	return answer{fmt.Sprint(status, " ", media), b}
}

// servedRun is a run in a folder that a server makes or continues.
type servedRun struct {
	view
	s *session
}

// servedNew starts a paused server that makes a scenario in a folder; steps 0 are the scenario's own.
func servedNew(t *testing.T, name, dir string, steps int) *servedRun {
	t.Helper()
	o := scenario.Options{}
	if steps > 0 {
		o.Steps = &steps
	}
	source, err := scenario.Load(name, o)
	if err != nil {
		t.Fatal(err)
	}
	world, err := sim.Build(source)
	if err != nil {
		t.Fatal(err)
	}
	s := newSession(&runFlags{out: dir, quiet: true}, world, io.Discard, io.Discard)
	if s.dir, err = persistence.CreateRun(dir, persistence.Run{Scenario: source.Name, Seed: source.Seed}); err != nil {
		t.Fatal(err)
	}
	s.keep = func() (sim.Sink, error) { return s.dir.Keep(world, s.chain, persistence.Durability{}) }
	return shownIn(t, "live", s, ui.Begun{})
}

// servedAgain starts a paused server that continues the run in a folder.
func servedAgain(t *testing.T, dir string) *servedRun {
	t.Helper()
	store, err := persistence.Open(dir, persistence.Write)
	if err != nil {
		t.Fatal(err)
	}
	s := &session{flags: &runFlags{quiet: true}, stdout: io.Discard, stderr: io.Discard, dir: store.Run(), name: dir}
	b, err := s.resumeServed(store, persistence.Durability{})
	if err != nil {
		t.Fatal(err)
	}
	return shownIn(t, "resumed", s, b)
}

func shownIn(t *testing.T, what string, s *session, b ui.Begun) *servedRun {
	t.Helper()
	o := ui.Options{World: s.world, Stepper: s.stepper, Chain: s.chain, Begun: b, Live: live.Options{Paused: true}, Limits: ui.Limits{Requests: 1e9}}
	if err := s.beginServed(t.Context(), &o, "http://x/"); err != nil {
		t.Fatal(err)
	}
	server, err := ui.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	return &servedRun{view{t, what, "live", server, server.Handler()}, s}
}

// close ends the server and the run in its folder.
func (r *servedRun) close() {
	r.Helper()
	r.server.Close()
	clock := r.server.Live().Clock()
	if err := r.s.endServed(endOf(clock, r.s.world.Scenario.Calendar.Steps)); err != nil {
		var interrupted *interruptedError
		if !errors.As(err, &interrupted) {
			r.Fatal(err)
		}
	}
}

// to makes steps up to a number of them; orders are sent in the step before which they are listed.
func (r *servedRun) to(n int64, orders map[int64][]string) {
	r.Helper()
	for {
		var now ui.State
		r.must("GET", "/state", "", &now)
		for _, body := range orders[now.Tick] {
			r.must("POST", "/commands", body, nil)
		}
		if now.Tick >= n {
			return
		}
		next := n
		for at := range orders {
			if at > now.Tick && at < next {
				next = at
			}
		}
		r.must("POST", "/clock/step", fmt.Sprintf(`{"steps":%d}`, next-now.Tick), nil)
	}
}

// replayOf serves the records of a run that is over.
func replayOf(t *testing.T, dir string) *view {
	t.Helper()
	store, err := persistence.Open(dir, persistence.Read)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	world, err := store.Twins()
	if err != nil {
		t.Fatal(err)
	}
	o := ui.Options{World: world, Stepper: startActors, Replay: true, Live: live.Options{Paused: true}, Limits: ui.Limits{Requests: 1e9}}
	if o.Begun, err = replayed(store); err != nil {
		t.Fatal(err)
	}
	server, err := ui.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	return &view{t, "replay", "live", server, server.Handler()}
}

// fork forks the run of a view without a change, and returns the fork once it has ended.
func (v *view) fork(at, steps int64) *view {
	v.Helper()
	var info ui.RunInfo
	v.must("POST", "/forks?run="+v.run, fmt.Sprintf(`{"at":%d,"set":[]}`, at), &info)
	f := &view{v.T, fmt.Sprintf("fork of the %s run at step %d", v.name, at), info.ID, v.server, v.handler}
	f.ask("POST", "/clock/pause?run="+f.run, "") // refused if it has ended already
	var now ui.State
	f.must("GET", "/state?run="+f.run, "", &now)
	if now.Tick < steps {
		f.ask("POST", "/clock/step?run="+f.run, fmt.Sprintf(`{"steps":%d}`, steps))
	}
	f.must("GET", "/state?run="+f.run, "", &now)
	if now.Tick != steps {
		v.Fatalf("%s: it is at step %d of %d: %s", f.name, now.Tick, steps, now.Error)
	}
	return f
}

// routesOf returns the GET routes of the server's document, without their prefix.
func (v *view) routesOf() (routes []string) {
	r := httptest.NewRequest("GET", "http://127.0.0.1/openapi.json", nil)
	w := httptest.NewRecorder()
	v.handler.ServeHTTP(w, r)
	var document struct{ Paths map[string]map[string]any }
	if err := json.Unmarshal(w.Body.Bytes(), &document); err != nil {
		v.Fatal(err)
	}
	for _, path := range slices.Sorted(maps.Keys(document.Paths)) {
		if document.Paths[path]["get"] != nil {
			routes = append(routes, strings.TrimPrefix(path, "/api/v1"))
		}
	}
	return routes
}

// asks returns what the questions are about: the grid, the communities, and some members of each kind.
func (v *view) asks(seed uint64, members int) *asked {
	v.Helper()
	a := &asked{paths: []string{twins.GridPath}, scopes: []string{twins.GridPath}, special: map[string][]string{}}
	var tree ui.Tree
	v.must("GET", "/tree", "", &tree)
	for _, c := range tree.Communities {
		a.paths, a.scopes = append(a.paths, c.Path), append(a.scopes, c.Path)
		for _, n := range c.Tiles {
			a.tiles = max(a.tiles, n+1)
		}
	}
	var c ui.Catalogue
	v.must("GET", "/catalogue", "", &c)
	for _, s := range c.Sources {
		a.scopes = append(a.scopes, "sources/"+s.Name)
	}
	for _, f := range c.FlowColumns {
		a.columns = append(a.columns, f.Name)
	}
	pick := rand.New(rand.NewPCG(seed, 0))
	for _, k := range c.Kinds {
		if k.Role == "node" {
			continue
		}
		var list ui.TwinList
		v.must("GET", "/twins?limit=1000&absent=true&kind="+k.Name, "", &list)
		for _, i := range pick.Perm(len(list.Twins))[:min(members, len(list.Twins))] {
			path := list.Twins[i].Path
			a.paths = append(a.paths, path)
			var twin ui.TwinInfo
			v.must("GET", "/twin?path="+url.QueryEscape(path), "", &twin)
			for _, p := range twin.Parts {
				a.special[path] = append(a.special[path], url.QueryEscape("part:"+p.Name))
			}
			for _, g := range twin.Gauges {
				a.special[path] = append(a.special[path], url.QueryEscape("gauge:"+g.Name))
			}
		}
	}
	return a
}

// equality compares the answers of views.
type equality struct {
	*testing.T
	how    string // how to repeat it
	routes []string
	asked  *asked
	saved  map[string]answer // of the live run when a step was its latest, by route and question
	failed map[string]int    // by route and field
	n      int
}

// answer is an answer of a view: its status and media type, and its body.
type answer struct {
	head string
	body []byte
}

// save saves the answers of the live run about its latest step t. They must equal those for which no step
// is given.
func (e *equality) save(t int64, v *view) {
	e.Helper()
	for _, route := range e.routes {
		latest := scopes[route](e.asked, -1)
		for i, question := range scopes[route](e.asked, t) {
			a := v.get(route, question)
			e.saved[route+" "+question] = a
			if strings.Contains(question, "tick=") {
				e.check(route, latest[i], v, nil, v.get(route, latest[i]), a)
			}
		}
	}
}

// at asks all views the questions about a step, or about the latest one for t < 0, and compares them
// with the first.
func (e *equality) at(t int64, only func(route string) bool, less map[string]string, views ...*view) {
	e.Helper()
	for _, route := range e.routes {
		if only != nil && !only(route) {
			continue
		}
		for _, question := range scopes[route](e.asked, t) {
			want := views[0].get(route, question)
			if !strings.HasPrefix(want.head, "200 ") {
				e.differs(route+" status", views[0], question, want.head+" "+string(want.body), "200")
			}
			if then, ok := e.saved[route+" "+question]; ok { // when the step was the latest
				e.check(route, question, views[0], less, want, then)
			}
			for _, v := range views[1:] {
				e.check(route, question, v, less, v.get(route, question), want)
			}
		}
	}
}

// check compares two answers.
func (e *equality) check(route, question string, v *view, less map[string]string, got, want answer) {
	e.Helper()
	e.n++
	var a, b any
	switch {
	case got.head != want.head:
		e.differs(route+" status", v, question, got.head+" "+string(got.body), want.head+" "+string(want.body))
	case bytes.Equal(got.body, want.body):
	case json.Unmarshal(got.body, &a) != nil || json.Unmarshal(want.body, &b) != nil:
		e.differs(route+" bytes", v, question, string(got.body), string(want.body))
	default:
		e.fields(route, "", question, v, less, a, b)
	}
}

// fields compares two decoded answers field by field.
func (e *equality) fields(route, at, question string, v *view, less map[string]string, got, want any) {
	e.Helper()
	switch w := want.(type) {
	case map[string]any:
		g, _ := got.(map[string]any)
		names := maps.Clone(w)
		maps.Copy(names, g)
		for _, name := range slices.Sorted(maps.Keys(names)) {
			if mayDiffer[name] != "" || mayDiffer[route+" "+name] != "" || less[name] != "" {
				continue
			}
			e.fields(route, at+"."+name, question, v, less, g[name], w[name])
		}
	case []any:
		g, _ := got.([]any)
		if len(g) != len(w) {
			e.differs(route+" "+at+" length", v, question, fmt.Sprintf("%d: %.300v", len(g), g), fmt.Sprintf("%d: %.300v", len(w), w))
			return
		}
		for i := range w {
			e.fields(route, at+"[]", question, v, less, g[i], w[i])
		}
	default:
		if !reflect.DeepEqual(got, want) {
			e.differs(route+" "+at, v, question, fmt.Sprint(got), fmt.Sprint(want))
		}
	}
}

// differs reports a difference, the first ones of each field.
func (e *equality) differs(field string, v *view, question, got, want string) {
	e.Helper()
	if e.failed[field]++; e.failed[field] <= 2 {
		e.Errorf("%s: %s, asked %q:\n%.400s\nwanted as live\n%.400s\n%s", field, v.name, question, got, want, e.how)
	}
}

// Every view of a run is equal, whether it is live, resumed, replayed or a fork without a change: the
// answers of all GET routes, field by field, at several steps, or at every step in the long form.
func TestViewsAreEqual(t *testing.T) {
	for _, row := range equalRuns() {
		t.Run(row.scenario, func(t *testing.T) { row.check(t) })
	}
}

// equalRun is a run whose views are compared.
type equalRun struct {
	scenario string
	steps    int                // 0: the scenario's own
	stops    []int64            // steps made when the run is interrupted and resumed
	forks    []int64            // first steps of forks
	orders   map[int64][]string // bodies of POST /commands by the number of steps made when they are sent
}

func set(target, setting, value string, tick int64) string {
	return fmt.Sprintf(`{"target":"grid/%s","setting":%q,"value":%s,"tick":%d}`, target, setting, value, tick)
}

func equalRuns() []equalRun {
	hamlet := equalRun{scenario: "hamlet", stops: []int64{0, 1, 7, 13, 24}, forks: []int64{6, 16}, orders: map[int64][]string{
		2:  {set("supply/tie", "available", "false", 4), set("supply/tie", "available", "true", 9), set("north", "limit_w", "3000", 5)},
		6:  {set("north/home-1", "pv.scale", "0.5", 8), set("supply/engine", "order", `"run"`, 6), set("north", "limit_w", "0", 11)},
		14: {set("north/home-1", "load.scale", "2", 20), set("supply/engine", "available", "false", 15)},
	}}
	if !allScenarios {
		return []equalRun{hamlet}
	}
	ordered := map[int64][]string{
		3:  {set("supply/tie", "available", "false", 40), set("supply/tie", "available", "true", 60), set("supply/coal", "order", `"run"`, 5)},
		20: {set("community-01", "limit_w", "20000", 21), set("supply/engine-b", "fixed_w", "60000", 22), set("community-02/household-0051/battery-0051", "available", "true", 30)},
		50: {set("community-01", "limit_w", "0", 70), set("supply/coal", "order", `"stop"`, 51), set("supply/biogas", "available", "false", 80)},
	}
	town := equalRun{scenario: "town", stops: []int64{0, 1, 30, 71, 96}, forks: []int64{25, 64}, orders: ordered}
	scarcity := equalRun{scenario: "scarcity", stops: []int64{2, 33, 76, 96}, forks: []int64{47}, orders: ordered}
	street := equalRun{scenario: "street", stops: []int64{0, 5, 565, 1440}, forks: []int64{97, 1000}, orders: map[int64][]string{
		3:    {set("street/household-1", "load.scale", "2", 300)},
		560:  {set("supply/tie", "import_w", "30000", 561)},
		1100: {set("supply/tie", "import_w", "100000", 1200)},
	}}
	return []equalRun{hamlet, town, scarcity, street}
}

func (row *equalRun) check(t *testing.T) {
	const seed = 1
	dir := t.TempDir()
	recorded := servedNew(t, row.scenario, filepath.Join(dir, "recorded"), row.steps)
	recorded.to(row.stops[len(row.stops)-1], row.orders)
	recorded.close()
	replay := replayOf(t, filepath.Join(dir, "recorded"))
	whole := servedNew(t, row.scenario, filepath.Join(dir, "whole"), row.steps)
	again := servedNew(t, row.scenario, filepath.Join(dir, "again"), row.steps)
	e := &equality{T: t, how: fmt.Sprintf("go test ./cmd/smatrix -run 'TestViewsAreEqual/%s', seed %d", row.scenario, seed), saved: map[string]answer{}, failed: map[string]int{}}
	e.routes = whole.routesOf()
	for _, route := range e.routes {
		if scopes[route] == nil {
			t.Fatalf("GET %s is in /openapi.json and not in the test's list of scopes: say what is asked of it", route)
		}
	}
	if len(e.routes) != len(scopes) {
		t.Fatalf("the list of scopes has %d routes, /openapi.json %d", len(scopes), len(e.routes))
	}
	e.asked = whole.asks(seed, members)
	for _, stop := range row.stops {
		whole.to(stop, row.orders)
		again.to(stop, row.orders)
		if stop < row.stops[len(row.stops)-1] {
			again.close()
			again = servedAgain(t, filepath.Join(dir, "again"))
		}
		e.at(-1, nil, nil, &whole.view, &again.view)
		if stop > 0 {
			e.save(stop-1, &whole.view)
		}
		replay.must("POST", "/clock/seek", fmt.Sprintf(`{"tick":%d}`, stop), nil)
		e.at(-1, func(route string) bool { return route == "/state" }, inReplay, &whole.view, replay)
	}
	steps := row.stops[len(row.stops)-1]
	views := []*view{&whole.view, &again.view, replay}
	for _, at := range row.forks {
		views = append(views, whole.fork(at, steps), replay.fork(at, steps))
	}
	e.at(-1, nil, nil, views...)
	for t := range steps {
		e.at(t, nil, nil, views...)
	}
	whole.close()
	again.close()
	t.Logf("%d answers compared, of %d twins", e.n, len(e.asked.paths))
}
