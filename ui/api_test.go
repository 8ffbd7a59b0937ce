package ui

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/live"
	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/twins"
	"github.com/smatrix-grid/smatrix/ui/viewers"
)

// The answer to a bad request is a problem in words, never a 5xx.
func TestBadRequests(t *testing.T) {
	s := serve(t, "hamlet", nil)
	s.step(3)
	home := aHome(s)
	for _, row := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"GET", "/api/v1/x", "", 404, "there is no /api/v1/x"},
		{"GET", "/api/", "", 404, "see /docs"},
		{"GET", "/api/v1/clock/pause", "", 405, "wanted POST"},
		{"DELETE", "/api/v1/state", "", 405, "wanted GET"},
		{"GET", "/api/v1/state?run=x", "", 404, `no run \"x\"`},
		{"GET", "/api/v1/state?eat=1", "", 422, `unknown parameter \"eat\": wanted one of: run`},
		{"GET", "/api/v1/runs/x", "", 404, "no run"},
		{"GET", "/api/v1/tiles/1", "", 404, "there are 0 to 0"},
		{"GET", "/api/v1/tiles/-1", "", 404, "no tile -1"},
		{"GET", "/api/v1/tiles/x", "", 422, "wanted a whole number"},
		{"GET", "/api/v1/twin", "", 422, "path is missing: wanted a text"},
		{"GET", "/api/v1/twin?path=grid/x", "", 404, "no twin"},
		{"GET", "/api/v1/twin?path=" + home + "&tick=3", "", 404, "not made yet: the last one is 2"},
		{"GET", "/api/v1/twins?kind=x", "", 422, `kind \"x\": wanted one of: battery`},
		{"GET", "/api/v1/twins?community=x", "", 422, "no community"},
		{"GET", "/api/v1/twins?where=soc", "", 422, "wanted column"},
		{"GET", "/api/v1/twins?where=x%3C1", "", 422, `no column \"x\"`},
		{"GET", "/api/v1/twins?where=soc%3Cx", "", 422, "is not a number"},
		{"GET", "/api/v1/twins?limit=0", "", 422, "limit 0: wanted a whole number from 1 to 1000"},
		{"GET", "/api/v1/twins?limit=100000", "", 422, "wanted a whole number from 1 to 1000"},
		{"GET", "/api/v1/twins?cursor=x", "", 422, "wanted one from an answer"},
		{"GET", "/api/v1/events?cursor=-1.5", "", 422, "wanted one from an answer"},
		{"GET", "/api/v1/readings", "", 422, "path is missing"},
		{"GET", "/api/v1/readings?path=x", "", 404, "no twin"},
		{"GET", "/api/v1/readings?path=" + home + "&column=x", "", 422, "has no column"},
		{"GET", "/api/v1/readings?path=" + home + "&column=part:x", "", 422, "has no device"},
		{"GET", "/api/v1/readings?path=" + home + "&column=gauge:x", "", 422, "has no gauge"},
		{"GET", "/api/v1/readings?path=grid/south/home-5/car&column=gauge:x", "", 422, "it has: connector, leaves_s"},
		{"GET", "/api/v1/readings?path=" + home + "&from=5&to=2", "", 422, "no stretch"},
		{"GET", "/api/v1/readings?path=" + home + "&from=-1", "", 422, "no stretch"},
		{"GET", "/api/v1/readings?path=" + home + "&to=25", "", 422, "beyond the end"},
		{"GET", "/api/v1/readings?path=" + home + "&points=1", "", 422, "points 1: wanted a whole number from 2 to 10000"},
		{"GET", "/api/v1/readings?path=" + home + "&from=99999999999999999999", "", 422, "at most 9223372036854775807"},
		{"GET", "/api/v1/flows?scope=x", "", 404, "no scope"},
		{"GET", "/api/v1/flows?scope=sources/x", "", 404, "no scope"},
		{"GET", "/api/v1/flows?column=x", "", 422, "no column"},
		{"GET", "/api/v1/compare", "", 422, "b is missing"},
		{"GET", "/api/v1/compare?b=x", "", 404, "no run"},
		{"GET", "/api/v1/download/readings.csv?path=x", "", 404, "no twin"},
		{"GET", "/api/v1/download/readings.csv?community=x", "", 404, "no community"},
		{"GET", "/api/v1/download/grid.csv?from=99", "", 422, "no stretch"},
		{"GET", "/api/v1/download/readings.parquet?community=x", "", 404, "no community"},
		{"GET", "/api/v1/download/grid.parquet?to=99", "", 422, "beyond the end"},
		{"GET", "/api/v1/download/grid.xlsx", "", 404, "there is no"},
		{"GET", "/api/v1/stream", "", 426, "WebSocket"},
		{"GET", "/api/v1/stream?format=xml", "", 422, "wanted json"},
		{"POST", "/api/v1/clock/step", "{", 400, "the body is not JSON: wanted a JSON object with steps, until"},
		{"POST", "/api/v1/clock/step", "[]", 422, "the body: wanted a JSON object"},
		{"POST", "/api/v1/clock/step", `{"steps":0}`, 422, "steps 0: wanted a whole number from 1 to 100000"},
		{"POST", "/api/v1/clock/step", `{"steps":1,"until":"event"}`, 422, "one of the two"},
		{"POST", "/api/v1/clock/step", `{"steps":1,"eat":1}`, 422, `unknown key \"eat\": wanted one of: steps, until`},
		{"POST", "/api/v1/clock/step", "", 400, "the body is missing"},
		{"POST", "/api/v1/clock/speed", `{}`, 422, "wanted speed"},
		{"POST", "/api/v1/clock/speed", `{"speed":-1}`, 422, "speed -1: wanted a number above 0"},
		{"POST", "/api/v1/clock/speed", `{"speed":1,"max":true}`, 422, "wanted speed"},
		{"POST", "/api/v1/clock/speed", `{"speed":1e300}`, 422, "up to 1000000000"},
		{"POST", "/api/v1/clock/speed", `{"speed":0.001}`, 422, "speed 0.001, wanted"},
		{"POST", "/api/v1/clock/seek", `{"tick":25}`, 422, "beyond the end: the run has 24 steps"},
		{"POST", "/api/v1/clock/seek", `{"tick":1}`, 422, "forward only"},
		{"POST", "/api/v1/clock/seek", `{"tick":-1}`, 422, "tick -1: wanted a whole number from 0 on"},
		{"POST", "/api/v1/alerts/acknowledge", `{"id":"x"}`, 404, "no alert"},
		{"POST", "/api/v1/commands", `{"target":"grid/x","setting":"mode","value":1}`, 422, "no twin"},
		{"POST", "/api/v1/commands", `{"target":"` + home + `","setting":"x","value":1}`, 422, "has no setting"},
		{"POST", "/api/v1/commands", `{"target":"` + home + `","setting":"pv.scale"}`, 422, "wanted one of value"},
		{"POST", "/api/v1/commands", `{"target":"` + home + `","setting":"pv.scale","value":1,"multiply":2}`, 422, "wanted one of value"},
		{"POST", "/api/v1/commands", `{"target":"` + home + `","setting":"pv.scale","value":-1}`, 422, "households.home-1.pv.scale"},
		{"POST", "/api/v1/commands", `{"target":"grid/north","setting":"limit_w","value":0.0004}`, 422, "communities.north.limit_w: 0.0004 would be taken as 0, wanted 0 or at least 0.001"},
		{"POST", "/api/v1/commands", `{"target":"` + home + `","setting":"load.scale","multiply":1e-30}`, 422, "would be taken as 0"},
		{"POST", "/api/v1/forks", `{"at":1,"set":["communities.north.limit_w=0.0004"]}`, 422, "would be taken as 0"},
		{"POST", "/api/v1/commands", `{"target":"` + home + `","setting":"pv.scale","value":1e300}`, 422, "households.home-1.pv.scale"},
		{"POST", "/api/v1/commands", `{"target":"` + home + `","setting":"pv.scale","value":"a: b"}`, 422, ""},
		{"POST", "/api/v1/commands", `{"target":"` + home + `","setting":"pv.scale","value":[1]}`, 422, ""},
		{"POST", "/api/v1/commands", `{"target":"` + home + `/battery","setting":"mode","word":"dance"}`, 422, "mode"},
		{"POST", "/api/v1/commands", `{"target":"` + home + `","setting":"pv.scale","value":1,"tick":2}`, 409, "step 2 has been begun, wanted step 3 or a later one"},
		{"POST", "/api/v1/commands", `{"target":"` + home + `","setting":"pv.scale","value":1,"tick":0}`, 409, "step 0 has been begun, wanted step 3 or a later one"},
		{"POST", "/api/v1/commands", `{"target":"` + home + `","setting":"pv.scale","value":1,"tick":24}`, 422, "beyond the last one"},
		{"POST", "/api/v1/forks", `{"at":9,"set":["x=1"]}`, 422, "not reached"},
		{"POST", "/api/v1/forks", `{"at":99,"set":[]}`, 422, "wanted one from 0 to 23"},
		{"POST", "/api/v1/forks", `{"at":1,"set":["x=1"]}`, 422, "unknown key"},
		{"POST", "/api/v1/forks", `{"at":1,"set":["seed=1"]}`, 422, "may not change"},
		{"DELETE", "/api/v1/runs/live", "", 409, "cannot be deleted"},
		{"DELETE", "/api/v1/runs/x", "", 404, "no run"},
		{"POST", "/api/v1/commands", `{"target":"` + strings.Repeat("x", mostBody) + `"}`, 413, "too large"},
		{"POST", "/", "", 405, "not allowed"},
		{"GET", "/assets/x.js", "", 404, "there is no"},
		{"GET", "/etc/passwd.txt", "", 404, "there is no"},
	} {
		status, kind, b := s.ask(row.method, row.path, row.body)
		if status != row.status || !isProblem(kind, b) || !bytes.Contains(b, []byte(row.want)) {
			t.Errorf("%s %.80s %.80s: %d %s %s, want %d and %q", row.method, row.path, row.body, status, kind, b, row.status, row.want)
		}
	}
	if status, kind, b := s.ask("POST", "/api/v1/clock/step", `{"steps":1}`, "Content-Type", "text/csv"); status != 415 || !isProblem(kind, b) {
		t.Errorf("another media type: %d %s %s", status, kind, b)
	}
	var state State
	s.get("/state", &state)
	if state.Tick != 3 || state.State != "paused" {
		t.Errorf("a refused request has moved the clock: %+v", state)
	}
}

// FuzzRequests: no path and no body makes the server fail.
func FuzzRequests(f *testing.F) {
	server, err := NewServer(Options{World: load(f, "hamlet", scenario.Options{}), Stepper: flat, Live: live.Options{Paused: true}, Limits: Limits{Requests: 1e9}, Log: failing(f)})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(server.Close)
	if _, err := server.Live().Step(context.Background(), 2); err != nil {
		f.Fatal(err)
	}
	f.Add("GET", "/api/v1/twins?where=soc<0.5&q=kind:battery&limit=3", "")
	f.Add("GET", "/api/v1/readings?path=grid/north/home-1&from=0&to=2&points=2", "")
	f.Add("POST", "/api/v1/commands", `{"target":"grid/north/home-1","setting":"pv.scale","value":1.5}`)
	f.Add("POST", "/api/v1/alerts/acknowledge", `{"id":"\u0000"}`)
	f.Add("GET", "/home/x", "")
	f.Fuzz(func(t *testing.T, method, target, body string) {
		r, err := http.NewRequest(method, "http://127.0.0.1/", strings.NewReader(body))
		if err != nil {
			return
		}
		u, err := r.URL.Parse(target)
		if err != nil || u.Host != "127.0.0.1" || strings.Contains(target, "clock") || strings.Contains(target, "forks") {
			return
		}
		r.URL, r.RemoteAddr = u, "127.0.0.1:1"
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		server.Handler().ServeHTTP(w, r)
		if w.Code >= 500 {
			t.Errorf("%s %q %q: %d %s", method, target, body, w.Code, w.Body)
		}
	})
}

// Pages have the security headers and load nothing from another origin; requests of foreign hosts and
// origins are refused.
func TestHeadersAndOrigins(t *testing.T) {
	s := serve(t, "hamlet", nil)
	for _, path := range []string{"/", "/docs", "/openapi.json", "/grid", "/twin/grid/north/home-1", "/healthz", "/metrics", "/api/v1/state"} {
		r, _ := http.NewRequest("GET", s.url+path, nil)
		answer, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		_, _ = b.ReadFrom(answer.Body)
		_ = answer.Body.Close()
		if answer.StatusCode != 200 || !strings.HasPrefix(answer.Header.Get("Content-Security-Policy"), "default-src 'self'") {
			t.Errorf("%s: %d, policy %q", path, answer.StatusCode, answer.Header.Get("Content-Security-Policy"))
		}
		for _, bad := range []string{"src=\"http", "href=\"http", "@import", "unpkg", "cdn"} {
			if strings.Contains(b.String(), bad) {
				t.Errorf("%s loads from elsewhere: %s", path, bad)
			}
		}
	}
	var api struct {
		OpenAPI string
		Paths   map[string]any
	}
	_, _, b := s.ask("GET", "/openapi.json", "")
	if err := json.Unmarshal(b, &api); err != nil || !strings.HasPrefix(api.OpenAPI, "3.1") || len(api.Paths) < 25 {
		t.Errorf("%v, %s, %d paths", err, api.OpenAPI, len(api.Paths))
	}
	_, _, docs := s.ask("GET", "/docs", "")
	prose, err := os.ReadFile("API.md")
	if err != nil {
		t.Fatal(err)
	}
	for path := range api.Paths {
		if !bytes.Contains(docs, []byte(path)) {
			t.Errorf("/docs lacks %s", path)
		}
		if !bytes.Contains(prose, []byte(" "+strings.TrimPrefix(path, "/api/v1"))) {
			t.Errorf("API.md lacks %s", path)
		}
	}
	for _, row := range []struct{ header, value string }{
		{"Origin", "http://evil.example"}, {"Origin", "null"}, {"Origin", "x"}, {"Host", "evil.example"}, {"Host", "evil.example:80"}, {"Sec-Fetch-Site", "cross-site"},
	} {
		if status, kind, b := s.ask("POST", "/api/v1/clock/play", "", row.header, row.value); status != 403 || !isProblem(kind, b) {
			t.Errorf("%s %s: %d %s", row.header, row.value, status, b)
		}
	}
	if status, _, b := s.ask("POST", "/api/v1/clock/pause", "", "Origin", s.url); status != 200 {
		t.Errorf("its own origin: %d %s", status, b)
	}
}

// The clock pauses, plays, steps, seeks and changes its speed.
func TestClock(t *testing.T) {
	s := serve(t, "hamlet", nil)
	var state State
	s.want(200, "POST", "/clock/step", `{"steps":2}`, &state)
	if state.Tick != 2 || state.State != "paused" || state.Time != "2018-01-08T02:00:00+01:00" && state.Steps != 24 {
		t.Errorf("%+v", state)
	}
	s.want(202, "POST", "/clock/seek", `{"tick":5}`, nil)
	if _, err := s.Live().Wait(t.Context(), func(c live.Clock) bool { return c.State == live.Paused }); err != nil {
		t.Fatal(err)
	}
	s.want(200, "POST", "/clock/step", `{"until":"event"}`, &state)
	if state.Tick <= 5 {
		t.Errorf("no event: %+v", state)
	}
	s.want(200, "POST", "/clock/speed", `{"max":true}`, &state)
	if !state.Max {
		t.Errorf("%+v", state)
	}
	s.want(200, "POST", "/clock/play", "", nil)
	<-s.live.done
	s.get("/state", &state)
	if state.State != "ended" || state.Tick != 24 || state.ResidualW == nil || state.ResidualW.Value != 0 || len(state.Digest) != 64 {
		t.Errorf("%+v", state)
	}
	s.want(409, "POST", "/clock/play", "", nil)
	s.want(409, "POST", "/commands", `{"target":"`+aHome(s)+`","setting":"pv.scale","value":1}`, nil)
}

// A setting is shown in the unit of its name, however it is stored: hours are stored
// in seconds. Empty lists are [], not null, and a twin is found by the label of its kind.
func TestSettingsInTheirUnits(t *testing.T) {
	s := serve(t, "town", nil)
	var all, found TwinList
	s.get("/twins?q=vehicle", &all)
	s.get("/twins?q=community+BATTERY", &found)
	if all.Total != 90 || all.Twins[0].Values == nil || found.Total != 45+6 {
		t.Errorf("%d vehicles with values %v before the first step, want 90, empty; %d batteries", all.Total, all.Twins[0].Values, found.Total)
	}
	var series struct{ Series []struct{ T []int64 } }
	s.get("/flows?scope=grid&column=load_w", &series)
	if len(series.Series) != 1 || series.Series[0].T == nil {
		t.Errorf("%+v, want one series without ticks", series)
	}
	wait := func(path string) string {
		var twin TwinInfo
		s.get("/twin?path="+path, &twin)
		for _, set := range twin.Settings {
			if set.Name == "appliances.max_wait_h" {
				v, _ := json.Marshal([]any{set.Value, set.Min, set.Max})
				return string(v)
			}
		}
		return ""
	}
	s.get("/twins?kind=household", &all)
	i := slices.IndexFunc(all.Twins, func(r TwinRow) bool { return wait(r.Path) != "" })
	home := all.Twins[i].Path
	if got := wait(home); got != "[6.000,0.000,24.000]" {
		t.Errorf("appliances wait at most %s h, want 6 of 0 to 24", got)
	}
	var c CommandInfo
	s.want(202, "POST", "/commands", `{"target":"`+home+`","setting":"appliances.max_wait_h","value":1.5}`, &c)
	s.step(1)
	if got, sent := wait(home), twins.AppendScaled(nil, c.Value.Value, c.Value.Places); got != "[1.500,0.000,24.000]" || string(sent) != "1.500" {
		t.Errorf("set to wait for 1.5 h, it shows %s, the command %s", got, sent)
	}
}

func TestCommands(t *testing.T) {
	s := serve(t, "hamlet", nil)
	s.step(10)
	home := aHome(s)
	body := `{"target":"` + home + `","setting":"pv.scale","value":2.5}`
	var first, again CommandInfo
	s.want(202, "POST", "/commands", body, &first, "Idempotency-Key", "k1")
	s.want(202, "POST", "/commands", body, &again, "Idempotency-Key", "k1")
	if first.Tick != 10 || first.Value.Value != 2_500_000_000 || first.Repeated || !again.Repeated || again.Seq != first.Seq {
		t.Errorf("first %+v, again %+v", first, again)
	}
	s.want(409, "POST", "/commands", strings.Replace(body, "2.5", "3", 1), nil, "Idempotency-Key", "k1")
	s.want(202, "POST", "/commands", `{"target":"`+home+`/battery","setting":"mode","word":"idle","tick":12}`, nil)
	s.want(202, "POST", "/commands", `{"target":"`+home+`/battery","setting":"available","value":false,"tick":14}`, nil)
	s.want(202, "POST", "/commands", `{"target":"`+home+`/battery","setting":"available","value":1,"tick":15}`, nil)
	s.want(202, "POST", "/commands", `{"target":"`+home+`","setting":"pv.scale","multiply":2,"tick":13}`, nil)
	var list commandPage
	s.get("/commands?limit=3", &list)
	if len(list.Commands) != 3 || list.Next != "3" || list.Commands[0].Name != "multiply" {
		t.Errorf("%+v", list)
	}
	before := s.value(home, "generation_w", 9)
	s.step(1)
	var twin TwinInfo
	s.get("/twin?path="+home, &twin)
	for _, set := range twin.Settings {
		if set.Name == "pv.scale" && set.Value.Value != 2_500_000_000 {
			t.Errorf("pv.scale is %+v", set)
		}
	}
	if now := s.value(home, "generation_w", 10); now == before {
		t.Errorf("generation is %d as before", now)
	}
	s.step(3)
	s.get("/twin?path="+home, &twin)
	for _, set := range twin.Settings {
		if set.Name == "pv.scale" && set.Value.Value != 5_000_000_000 {
			t.Errorf("after the factor: %+v", set)
		}
	}
	if err := s.Live().Seek(24); err != nil {
		t.Fatal(err)
	}
	<-s.live.done
	if got := s.live.finished(); got != s.replayed() {
		t.Errorf("digest %s, want that of the same commands from the start", got)
	}
}

// value returns the value of a twin's column in a step.
func (t *tester) value(path, column string, tick int64) int64 {
	t.Helper()
	var twin TwinInfo
	t.get(fmt.Sprintf("/twin?path=%s&tick=%d", path, tick), &twin)
	return twin.Reading[column].Value
}

// replayed returns the digest of a headless run with the live run's commands.
func (t *tester) replayed() string {
	t.Helper()
	w := load(t.T, "hamlet", scenario.Options{})
	for _, c := range t.live.commands.list() {
		if err := w.Add(c); err != nil {
			t.Fatal(err)
		}
	}
	return headless(t.T, w)
}

func headless(t testing.TB, w *sim.World) string {
	t.Helper()
	chain := w.NewChain()
	runner := sim.Runner{World: w, Stepper: sim.NewFlat(w, nil, true), Sinks: []sim.Sink{chain}}
	if _, err := runner.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	return chain.Digest().String()
}

// A fork has the digest of a run that had the change from the beginning on under events:, and
// differs from its parent from its step on. The commands that its parent has for later steps, those
// that wait included, are its own as well, unless it drops them.
func TestFork(t *testing.T) {
	s := serve(t, "hamlet", nil)
	s.step(12)
	scale := `{"target":"` + aHome(s) + `","setting":"pv.scale","value":0.5`
	s.want(202, "POST", "/commands", scale+`}`, nil)
	s.want(202, "POST", "/commands", scale+`,"tick":20}`, nil) // it waits when the forks begin
	s.step(4)
	headlessWith := func(later ...twins.Tick) string {
		w := load(t, "hamlet", scenario.Options{})
		seq := int64(len(w.Scenario.Events))
		add := func(set string, at twins.Tick) { // numbered like events at the end of the scenario's list
			changes, err := w.Scenario.Commands([]string{set}, at)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range changes {
				seq++
				c.Seq = seq
				if err := w.Add(c); err != nil {
					t.Fatal(err)
				}
			}
		}
		for _, at := range later {
			add("households.home-1.pv.scale=0.5", at)
		}
		add("ties.tie.available=false", 8)
		return headless(t, w)
	}
	plain := headless(t, load(t, "hamlet", scenario.Options{}))
	seen := map[string]bool{plain: true}
	for i, row := range []struct{ body, later, want string }{
		{`,"later_commands":"drop"`, "drop", headlessWith()},
		{`,"later_commands":"keep"`, "keep", headlessWith(12, 20)},
		{``, "keep", headlessWith(12, 20)},
	} {
		var fork RunInfo
		s.want(202, "POST", "/forks", `{"at":8,"name":"no tie","set":["ties.tie.available=false"]`+row.body+`}`, &fork)
		if fork.ID != fmt.Sprint("fork-", i+1) || fork.Parent != "live" || fork.At != 8 || fork.Name != "no tie" || fork.LaterCommands != row.later || fork.LaterCommandsCount != 2 {
			t.Fatalf("%+v", fork)
		}
		r, _ := s.runs.find(fork.ID)
		<-r.done
		s.get("/runs/"+fork.ID, &fork)
		if fork.Digest != row.want || fork.State != "ended" || fork.Tick != 24 {
			t.Errorf("later commands %q: %+v, want digest %s", row.later, fork, row.want)
		}
		seen[row.want] = true
	}
	if len(seen) != 3 {
		t.Fatal("the change or the later commands have no effect")
	}
	s.want(422, "POST", "/forks", `{"at":8,"set":[],"later_commands":"forget"}`, nil)
	s.want(204, "DELETE", "/runs/fork-2", "", nil)
	s.want(204, "DELETE", "/runs/fork-3", "", nil)
	r, _ := s.runs.find("fork-1")
	var c struct {
		From, To        int64
		FirstDifference *int64 `json:"first_difference"`
		Totals          []TotalOf
	}
	s.get("/compare?a=live&b=fork-1", &c)
	if c.To != 16 || c.FirstDifference == nil || *c.FirstDifference != 8 {
		t.Errorf("%+v", c)
	}
	for _, total := range c.Totals {
		if math.Abs(*total.Difference-(*total.B-*total.A)) > 1e-6 {
			t.Errorf("%+v", total)
		}
	}
	var without struct{ Series []struct{ V []float64 } }
	s.get("/flows?run=fork-1&column=import_w&from=8", &without)
	if got := without.Series[0].V; len(got) != 16 || slices.ContainsFunc(got, func(w float64) bool { return w != 0 }) {
		t.Errorf("without the tie it imports %v", got)
	}
	watcher := s.dial("?run=fork-1")
	watcher.subscribe(1, "tile/0")
	s.shows(r, "tile/0", watcher.at("tile/0", 23))
	s.want(204, "DELETE", "/runs/fork-1", "", nil)
	if got := watcher.closed(); got.Code != viewers.CloseGone {
		t.Errorf("%d %q", got.Code, got.Text)
	}
	s.want(404, "GET", "/state?run=fork-1", "", nil)
	for range mostForks {
		s.want(202, "POST", "/forks", `{"at":0,"set":[]}`, nil)
	}
	s.want(409, "POST", "/forks", `{"at":0,"set":[]}`, nil)
}

// A series has the values of the steps; values left out lie between the least and the
// greatest of their pixel.
func TestSeries(t *testing.T) {
	s := serve(t, "hamlet", nil)
	s.step(24)
	home := aHome(s)
	var all struct {
		Reduced bool
		Series  []struct {
			Name string
			T    []int64
			V    []float64
		}
	}
	s.get("/readings?path="+home+"&column=power_w&column=part:load&column=part:pv", &all)
	if all.Reduced || len(all.Series) != 3 || len(all.Series[0].V) != 24 {
		t.Fatalf("%+v", all)
	}
	for i, v := range all.Series[0].V {
		if got := s.value(home, "power_w", int64(i)); float64(got)/1000 != v {
			t.Errorf("step %d: %v, want %d mW", i, v, got)
		}
		if sum := all.Series[1].V[i] + all.Series[2].V[i]; sum-v > 1e-9 || v-sum > 1e-9 {
			t.Errorf("step %d: the devices add up to %v, the home draws %v", i, sum, v)
		}
	}
	// The generation of the sources adds up to the grid's.
	var made struct {
		Series []struct {
			Name, Label string
			V           []float64
		}
	}
	s.get("/production", &made)
	sum := make([]float64, 24)
	for _, m := range made.Series {
		for i, v := range m.V {
			if m.Name == "generation_w" {
				sum[i] += v
			}
		}
	}
	s.get("/flows?column=generation_w", &all)
	for i, v := range all.Series[0].V {
		if sum[i]-v > 1e-6 || v-sum[i] > 1e-6 {
			t.Errorf("step %d: the sources made %v, the grid %v", i, sum[i], v)
		}
	}
}

func TestReduce(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for round := range 300 {
		var c curve
		next := int64(r.IntN(50))
		for range 1 + r.IntN(2000) {
			at := next
			if r.IntN(30) == 0 {
				at += int64(r.IntN(5))
			}
			c.put(at, int64(r.IntN(1000))-500, &next)
		}
		whole := curve{slices.Clone(c.t), slices.Clone(c.v), c.gaps}
		points := 2 + r.IntN(200)
		reduced := c.reduce(points)
		if reduced != (len(whole.t) > 2*points) || len(c.t) > 2*points+len(c.gaps) {
			t.Fatalf("round %d: %d of %d values for %d pixels", round, len(c.t), len(whole.t), points)
		}
		if !slices.IsSorted(c.t) {
			t.Fatalf("round %d: out of order", round)
		}
		extremes := func(c *curve) (least, most int64) {
			least, most = 1<<60, -1<<60
			for i, v := range c.v {
				if !c.gaps[i] {
					least, most = min(least, v), max(most, v)
				}
			}
			return least, most
		}
		a, b := extremes(&c)
		x, y := extremes(&whole)
		if a != x || b != y || (len(whole.gaps) > 0) != (len(c.gaps) > 0) {
			t.Fatalf("round %d: %d…%d with %d gaps, want %d…%d with some of %d", round, a, b, len(c.gaps), x, y, len(whole.gaps))
		}
	}
}

// Downloads equal the tables that run --csv writes.
func TestDownloads(t *testing.T) {
	w := load(t, "town", scenario.Options{Steps: new(5)})
	var readings, grid bytes.Buffer
	table, err := sim.NewCSV(&readings, &grid)
	if err != nil {
		t.Fatal(err)
	}
	runner := sim.Runner{World: w, Stepper: sim.NewFlat(w, nil, true), Sinks: []sim.Sink{table}}
	if _, err := runner.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := table.Close(); err != nil {
		t.Fatal(err)
	}
	s := serve(t, "town", nil)
	s.step(5)
	for path, want := range map[string]string{"readings.csv": readings.String(), "grid.csv": grid.String()} {
		status, kind, got := s.ask("GET", "/api/v1/download/"+path, "")
		if status != 200 || kind != "text/csv; charset=utf-8" || string(got) != want {
			t.Errorf("%s: %d %s, %d bytes, want the %d of run --csv", path, status, kind, len(got), len(want))
		}
	}
}

// A Parquet file has the content of the CSV: the same rows in the same order, each figure to its
// last place, null where the CSV is empty, times in UTC; also for one community and a
// stretch of steps.
func TestParquetDownloads(t *testing.T) {
	s := serve(t, "hamlet", nil)
	s.step(9)
	for _, row := range [][2]string{{"readings", ""}, {"grid", ""}, {"readings", "?community=north&from=3&to=5"}, {"readings", "?path=" + aHome(s)}, {"grid", "?from=8"}, {"grid", "?from=4&to=4"}} {
		_, _, text := s.ask("GET", "/api/v1/download/"+row[0]+".csv"+row[1], "")
		status, kind, b := s.ask("GET", "/api/v1/download/"+row[0]+".parquet"+row[1], "")
		want, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
		if status != 200 || kind != "application/vnd.apache.parquet" || err != nil {
			t.Fatalf("%s%s: %d %s, %v", row[0], row[1], status, kind, err)
		}
		rows := parquetRows(t, b, want[0])
		if len(rows) != len(want)-1 {
			t.Fatalf("%s%s: %d rows, wanted %d", row[0], row[1], len(rows), len(want)-1)
		}
		for i, got := range rows {
			for k, name := range want[0] {
				value := want[i+1][k]
				switch {
				case name == "time":
					at, _ := time.Parse(time.RFC3339, value)
					value = strconv.FormatInt(at.UnixMilli(), 10)
				case value != "" && k > 4 || value != "" && row[0] == "grid":
					v, _ := strconv.ParseFloat(value, 64) // the double nearest to the text
					value = strconv.FormatFloat(v, 'g', -1, 64)
				}
				if got[k] != value {
					t.Fatalf("%s%s row %d: %s is %q, wanted %q", row[0], row[1], i, name, got[k], value)
				}
			}
		}
	}
}

// parquetRows returns the rows of a table as text, and checks its header.
func parquetRows(t *testing.T, b []byte, header []string) (rows [][]string) {
	t.Helper()
	file, err := parquet.OpenFile(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	var columns []string
	for _, path := range file.Schema().Columns() {
		columns = append(columns, path[0])
	}
	if !slices.Equal(columns, header) {
		t.Fatalf("columns %q, wanted %q", columns, header)
	}
	r := parquet.NewReader(file)
	defer r.Close()
	buf := make([]parquet.Row, 1)
	for range file.NumRows() {
		if n, err := r.ReadRows(buf); n != 1 {
			t.Fatal(n, err)
		}
		row := make([]string, len(header))
		for _, v := range buf[0] {
			if !v.IsNull() {
				row[v.Column()] = v.String()
			}
		}
		rows = append(rows, row)
	}
	return rows
}

// Twins are found by kind, community, values and text; the pages add up to the whole list.
func TestTwins(t *testing.T) {
	s := serve(t, "town", nil)
	s.step(30)
	var all, empty, page TwinList
	s.get("/twins?kind=battery&limit=1000", &all)
	s.get("/twins?q=kind:battery+soc%3C0.2&limit=1000", &empty)
	count := 0
	for _, row := range all.Twins {
		if row.Values["soc"].Value < 200_000_000 {
			count++
		}
	}
	if all.Total != len(all.Twins) || all.Total == 0 || count != empty.Total || count == 0 || count == all.Total {
		t.Errorf("%d batteries, %d empty ones, %d found", all.Total, count, empty.Total)
	}
	var paths []string
	for cursor := ""; ; cursor = page.Next {
		page = TwinList{}
		s.get("/twins?kind=battery&limit=7&cursor="+cursor, &page)
		for _, row := range page.Twins {
			paths = append(paths, row.Path)
		}
		if page.Next == "" {
			break
		}
	}
	if len(paths) != all.Total || paths[len(paths)-1] != all.Twins[all.Total-1].Path {
		t.Errorf("%d in pages, %d at once", len(paths), all.Total)
	}
	s.get("/twins?community=community-02&q=household-0057", &page)
	for _, row := range page.Twins {
		if row.Community != "grid/community-02" || !strings.Contains(row.Path, "household-0057") {
			t.Errorf("%+v", row)
		}
	}
}

// Events and decisions are listed newest first, and their pages miss none.
func TestEventPages(t *testing.T) {
	s := serve(t, "town", nil)
	s.step(40)
	want := 0
	for i := range 40 {
		step, err := s.live.history.Step(twins.Tick(i), false)
		if err != nil {
			t.Fatal(err)
		}
		want += len(step.Events)
	}
	got, last := 0, int64(1<<60)
	for cursor := ""; ; {
		var list eventList
		s.get("/events?limit=7&cursor="+cursor, &list)
		for _, e := range list.Events {
			if e.Tick > last {
				t.Fatalf("step %d after step %d", e.Tick, last)
			}
			last = e.Tick
		}
		got += len(list.Events)
		if cursor = list.Next; cursor == "" {
			break
		}
	}
	if got != want || want < 20 {
		t.Errorf("%d events in pages, %d in all", got, want)
	}
	var some eventList
	s.get("/events?type=vehicle.unplugged&path=grid/community-01&limit=1000", &some)
	for _, e := range some.Events {
		if e.Type != "vehicle.unplugged" || !strings.HasPrefix(e.Path, "grid/community-01/") {
			t.Errorf("%+v", e)
		}
	}
	if len(some.Events) == 0 {
		t.Error("no vehicle left in 10 hours")
	}
}

// Each cause has one alert, which is active in the steps in which its condition is met.
func TestAlerts(t *testing.T) {
	s := serve(t, "hamlet", func(o *Options) {
		o.World = load(t, "hamlet", scenario.Options{Set: []string{"ties.tie.available=false", "producers.*.available=false", "communities.north.limit_w=1300",
			"batteries.*.available=false"}}) // without the roofs' power, load is unserved
	})
	s.step(20)
	var list alertList
	s.get("/alerts?active=true", &list)
	rows := map[string]AlertInfo{}
	for _, a := range list.Alerts {
		if _, twice := rows[a.ID]; twice {
			t.Errorf("%s twice", a.ID)
		}
		rows[a.ID] = a
	}
	for _, id := range []string{"load.unserved:grid/north", "unit.unavailable:grid/supply/tie"} {
		if a := rows[id]; !a.Active || a.Count < 1 || a.Last != 19 {
			t.Errorf("%s: %+v of %v", id, a, rows)
		}
	}
	if list.Alerts[0].Severity != "critical" {
		t.Errorf("the first is %+v", list.Alerts[0])
	}
	var state State
	s.get("/state", &state)
	var a AlertInfo
	s.want(200, "POST", "/alerts/acknowledge", `{"id":"unit.unavailable:grid/supply/tie"}`, &a)
	before := state.Alerts
	s.get("/state", &state)
	if !a.Acknowledged || state.Alerts != before-1 {
		t.Errorf("%+v, %d open, were %d", a, state.Alerts, before)
	}
}

// Memory has a bound: the oldest steps are evicted, and a request for one is refused with the reason.
func TestHistoryIsBounded(t *testing.T) {
	s := serve(t, "hamlet", func(o *Options) { o.HistoryBytes = 40_000 })
	s.step(24)
	var state State
	s.get("/state", &state)
	if state.First == 0 || state.First >= 23 {
		t.Fatalf("the oldest step is %d", state.First)
	}
	m := s.live.history.(*Memory)
	if m.bytes > 40_000 {
		t.Errorf("%d bytes are held", m.bytes)
	}
	s.want(404, "GET", "/twin?path="+aHome(s)+"&tick=0", "", nil)
	var series struct {
		HeldFrom int64 `json:"held_from"`
		Series   []struct {
			T []int64
			V []*float64
		}
	}
	s.get("/flows?column=load_w", &series)
	if got := series.Series[0]; series.HeldFrom != state.First || got.V[0] != nil || got.T[1] != state.First || got.V[1] == nil {
		t.Errorf("held from %d: %v %v", series.HeldFrom, got.T, got.V)
	}
}

// On the plane no two twins overlap, communities do not touch, and the layout is the same
// each time.
func TestLayout(t *testing.T) {
	for _, name := range []string{"hamlet", "street", "town"} {
		x, y := NewIndex(load(t, name, scenario.Options{})), NewIndex(load(t, name, scenario.Options{}))
		if x.Version != y.Version || x.Version == "" {
			t.Errorf("%s: versions %s and %s", name, x.Version, y.Version)
		}
		for i, a := range x.Communities {
			for _, b := range x.Communities[:i] {
				if dx, dy := a.X-b.X, a.Y-b.Y; dx*dx+dy*dy < (a.R+b.R)*(a.R+b.R) {
					t.Errorf("%s: %s and %s overlap", name, a.ID, b.ID)
				}
			}
		}
		seen, n := map[[2]float64]string{}, 0
		for i := range x.Tiles {
			if x.Tiles[i].Twins > mostRows {
				t.Errorf("%s: tile %d has %d twins", name, i, x.Tiles[i].Twins)
			}
			for _, b := range x.Tiles[i].Blocks {
				for r, path := range b.Paths {
					n++
					at := [2]float64{b.X[r], b.Y[r]}
					if other, taken := seen[at]; taken {
						t.Errorf("%s: %s stands on %s", name, path, other)
					}
					seen[at] = path
					c := x.Communities[b.Community[r]]
					if dx, dy := at[0]-c.X, at[1]-c.Y; dx*dx+dy*dy > c.R*c.R {
						t.Errorf("%s: %s is outside its community", name, path)
					}
				}
			}
		}
		if n != x.Twins {
			t.Errorf("%s: %d twins in tiles, %d in all", name, n, x.Twins)
		}
	}
}

// The catalogue and the tiles have an ETag: a client that has them gets 304.
func TestETag(t *testing.T) {
	s := serve(t, "hamlet", nil)
	etag := `"` + s.index.Version + `"`
	for _, path := range []string{"/catalogue", "/tiles/0"} {
		if status, _, b := s.ask("GET", "/api/v1"+path, "", "If-None-Match", etag); status != 304 || len(b) != 0 {
			t.Errorf("%s: %d %s", path, status, b)
		}
		if status, _, _ := s.ask("GET", "/api/v1"+path, "", "If-None-Match", `"x"`); status != 200 {
			t.Errorf("%s: %d", path, status)
		}
	}
}

// The frequency and its extremes within the step are those of the record, and null if no member
// holds it.
func TestFrequency(t *testing.T) {
	for _, row := range []struct {
		scenario string
		set      []string
		holds    bool
	}{
		{"hamlet", nil, true},
		{"hamlet", []string{"producers.*.available=false", "ties.tie.available=false"}, true}, // the engine, which returns from repair, holds the frequency
		{"street", []string{"ties.*.available=false"}, false},
		{"street", []string{"ties.*.import_w=0"}, true}, // it can still export
		{"street", []string{"ties.*.import_w=0", "ties.*.export_w=0"}, false},
		{"hamlet", []string{"ties.tie.import_w=0", "ties.tie.export_w=0"}, false},
	} {
		s := serve(t, row.scenario, func(o *Options) { o.World = load(t, row.scenario, scenario.Options{Set: row.set}) })
		s.step(3)
		step, err := s.live.history.Step(2, false)
		if err != nil {
			t.Fatal(err)
		}
		var state State
		s.get("/state", &state)
		if got := state.FrequencyHz != nil; got != row.holds || got != (step.Swing.Island || step.Swing.Held && !step.Swing.Unrated) {
			t.Errorf("%s %v: %v, swing %+v", row.scenario, row.set, state.FrequencyHz, step.Swing)
		} else if got && (state.FrequencyMinHz.Value != nominal+step.Swing.Min || state.FrequencyMaxHz.Value != nominal+step.Swing.Max) {
			t.Errorf("%s: %v to %v, swing %+v", row.scenario, state.FrequencyMinHz, state.FrequencyMaxHz, step.Swing)
		}
		var series struct{ Series []struct{ V []*float64 } }
		s.get("/flows?column=frequency_hz", &series)
		if v := series.Series[0].V; v[len(v)-1] == nil == row.holds {
			t.Errorf("%s: over time %v", row.scenario, v)
		}
	}
	s := serve(t, "hamlet", nil)
	s.step(2)
	s.want(202, "POST", "/commands", `{"target":"grid/supply/tie","setting":"available","value":false}`, nil)
	s.step(1)
	var events eventList
	s.get("/events?path=grid&type=grid.islanded", &events)
	var alerts alertList
	s.get("/alerts?active=true", &alerts)
	if len(events.Events) != 1 || events.Events[0].Tick != 2 || events.Events[0].Path != "grid" ||
		!slices.ContainsFunc(alerts.Alerts, func(a AlertInfo) bool { return a.ID == "grid.islanded:grid" && a.First == 2 }) {
		t.Errorf("%+v, %+v", events, alerts)
	}
}

// /production has the actual net load with its forecasts, then the forecast of the coming day.
func TestForecastBand(t *testing.T) {
	s := serve(t, "town", nil)
	s.step(10)
	var p struct {
		Series []struct {
			Name, Label string
			T           []int64
			V           []float64
		}
	}
	s.get("/production", &p)
	curves := map[string][]float64{}
	last := map[string]int64{}
	for _, c := range p.Series {
		if c.Name == "net_load_w" || c.Name == "forecast_w" {
			curves[c.Label], last[c.Label] = c.V, c.T[len(c.T)-1]
		}
	}
	net, hour, day := curves["net load"], curves["forecast, up to an hour ahead"], curves["forecast, a day ahead"]
	if len(net) < 7 || last["net load"] != 9 || len(day) != len(net) || last["forecast, up to an hour ahead"] != 95 {
		t.Fatalf("%d, %d and %d values up to steps %v", len(net), len(hour), len(day), last)
	}
	for i := range net {
		if math.Abs(hour[i]-net[i]) > 0.5*math.Abs(net[i]) {
			t.Errorf("value %d: %v W, the forecast an hour ahead was %v W", i, net[i], hour[i])
		}
	}
	// The forecast of the next day equals the actual net load within the error of a forecast.
	expected := hour[len(net):]
	s.step(80)
	s.get("/production?from=10", &p)
	for _, c := range p.Series {
		if c.Label != "net load" {
			continue
		}
		sum, off := 0.0, 0.0
		for i, at := range c.T {
			sum += math.Abs(c.V[i])
			off += math.Abs(c.V[i] - expected[at-10])
		}
		if off > 0.6*sum || off == 0 {
			t.Errorf("off by %.0f %% of the actual net load", 100*off/sum)
		}
		t.Logf("off by %.0f %% of the actual net load", 100*off/sum)
	}
}

// Short reserve is an alert of the grid while it lasts. An island whose batteries are out of
// service gets it hours before its engine trips and load is unserved; with its batteries no load
// is unserved, and no reserve is short.
func TestReserveShort(t *testing.T) {
	if testing.Short() {
		t.Skip("long for the race detector, which finds nothing where one loop steps")
	}
	const trip = 74 // 18:30
	alertsOf := func(batteries string) map[string]AlertInfo {
		s := serve(t, "scarcity", func(o *Options) {
			o.World = load(t, "scarcity", scenario.Options{Set: []string{"batteries.*.available=" + batteries}})
		})
		s.step(trip + 6)
		var list alertList
		s.get("/alerts", &list)
		rows := map[string]AlertInfo{}
		for _, a := range list.Alerts {
			if row, ok := rows[a.Rule]; !ok || a.First < row.First {
				rows[a.Rule] = a
			}
		}
		return rows
	}
	without, with := alertsOf("false"), alertsOf("true")
	short, unserved := without["reserve.short"], without["load.unserved"]
	if short.Severity != "warning" || short.Scope != "grid" || !strings.Contains(short.Text, "greatest infeed") || short.Count < 2 ||
		short.First >= trip || unserved.First < trip {
		t.Errorf("without batteries: %+v, %+v", short, unserved)
	}
	t.Logf("short from step %d, unserved from %d", short.First, unserved.First)
	if a, ok := with["reserve.short"]; ok || with["load.unserved"].Count > 0 {
		t.Errorf("with them: %+v", a)
	}
}

// A community's limit is set while the run goes on, and lifted by 0: the alert ends, every answer
// shows no limit, and the digest equals that of a run with the same commands from the start.
func TestLimitIsLifted(t *testing.T) {
	s := serve(t, "hamlet", nil)
	active := func() (found bool) {
		var list alertList
		s.get("/alerts?active=true", &list)
		return slices.ContainsFunc(list.Alerts, func(a AlertInfo) bool { return a.ID == "limit.above:grid/north" })
	}
	shown := func() string {
		var tree Tree
		var twin TwinInfo
		s.get("/tree", &tree)
		s.get("/twin?path=grid/north", &twin)
		i := slices.IndexFunc(tree.Communities, func(c CommunityInfo) bool { return c.Path == "grid/north" })
		b, _ := json.Marshal([]any{tree.Communities[i].LimitW, twin.Settings[0].Value, twin.Settings[0].Zero, twin.Reading["limit_w"]})
		return string(b)
	}
	s.step(1)
	s.want(202, "POST", "/commands", `{"target":"grid/north","setting":"limit_w","value":1}`, nil)
	s.step(1)
	if got := shown(); !active() || got != `[1.000,1.000,"none",1.000]` {
		t.Errorf("limited to a watt: above it %v, %s", active(), got)
	}
	s.want(422, "POST", "/commands", `{"target":"grid/north","setting":"limit_w","multiply":0}`, nil)
	s.want(202, "POST", "/commands", `{"target":"grid/north","setting":"limit_w","value":0}`, nil)
	s.step(1)
	if got := shown(); active() || got != `[null,null,"none",null]` {
		t.Errorf("lifted: above it %v, %s", active(), got)
	}
	s.want(422, "POST", "/commands", `{"target":"grid/north","setting":"limit_w","multiply":2}`, nil)
	if err := s.Live().Seek(24); err != nil {
		t.Fatal(err)
	}
	<-s.live.done
	if got := s.live.finished(); got != s.replayed() {
		t.Errorf("digest %s, want that of the same commands from the start", got)
	}
}

// Prepared members are not counted, listed or written until they are put in. A query for absent
// ones lists them, marked as absent.
func TestPreparedMembers(t *testing.T) {
	s := serve(t, "town", nil)
	const community, battery = "grid/community-04", "grid/community-04/household-0185/battery-0185"
	type counts struct{ listed, marked, members, twins, rows int }
	count := func() (c counts) {
		t.Helper()
		var list, all TwinList
		s.get("/twins?kind=battery&community=community-04&limit=1000", &list)
		s.get("/twins?kind=battery&community=community-04&limit=1000&absent=true", &all)
		c.listed = list.Total
		for _, row := range all.Twins {
			if row.Absent {
				c.marked++
			}
		}
		if all.Total != 51 || list.Total+c.marked != all.Total {
			t.Errorf("%d batteries listed, %d with the absent ones, %d of them marked", list.Total, all.Total, c.marked)
		}
		var tree Tree
		s.get("/tree", &tree)
		for _, info := range tree.Communities {
			if info.Path == community {
				c.members, c.twins = info.Members["battery"], info.Twins
			}
		}
		_, _, csv := s.ask("GET", "/api/v1/download/readings.csv?community=community-04", "")
		c.rows = strings.Count(string(csv), battery)
		return c
	}
	twin := func() (t TwinInfo) {
		var home TwinInfo
		s.get("/twin?path="+battery, &t)
		s.get("/twin?path="+t.Owner, &home)
		if slices.Contains(home.ChildrenAbsent, battery) != t.Absent || !slices.Contains(home.Children, battery) {
			s.Errorf("children %v, not there %v; the battery is absent: %v", home.Children, home.ChildrenAbsent, t.Absent)
		}
		return t
	}
	var catalogue Catalogue
	s.get("/catalogue", &catalogue)
	for _, k := range catalogue.Kinds {
		if k.Prepares != (k.Name == "battery") {
			t.Errorf("of %s the catalogue says that it prepares: %v", k.Name, k.Prepares)
		}
	}
	roofs := map[bool]int{}
	homes, _ := s.index.membersOf(&s.index.Communities[3])
	for _, path := range homes {
		var home TwinInfo
		s.get("/twin?path="+path, &home)
		scale, _ := home.Spec["pv"].(map[string]any)["scale"].(float64)
		for _, p := range home.Parts {
			if p.Absent != (p.Name == "pv" && scale == 0) {
				t.Errorf("%s: the panels' scale is %v, %+v", path, scale, p)
			}
			if p.Name == "pv" {
				roofs[p.Absent]++
			}
		}
	}
	if roofs[true] == 0 || roofs[false] == 0 {
		t.Errorf("roofs with panels, or prepared: %v", roofs)
	}
	var info ScenarioInfo
	s.get("/scenario", &info)
	if info.Members["battery"] != 45+6 || info.Prepared["battery"] != 255 {
		t.Errorf("members %v, prepared %v", info.Members, info.Prepared)
	}
	before := count()
	if before.members != before.listed || before.listed > 9 || !twin().Absent || !twin().Out {
		t.Errorf("before the first step: %+v, absent %v", before, twin().Absent)
	}
	s.step(2)
	if now := count(); now != before || !twin().Absent {
		t.Errorf("after two steps: %+v, were %+v", now, before)
	}
	var alerts struct{ Alerts []AlertInfo }
	s.get("/alerts", &alerts)
	for _, row := range alerts.Alerts {
		if row.Rule == "storage.empty" && row.Scope == community && row.Count > int64(2*before.listed) {
			t.Errorf("%d times a battery of %d is empty in two steps", row.Count, before.listed)
		}
	}
	s.want(202, "POST", "/commands", `{"target":"`+battery+`","setting":"available","value":true}`, nil)
	s.step(2)
	now, is := count(), twin()
	if now.listed != before.listed+1 || now.members != before.members+1 || now.twins != before.twins+1 || now.rows != 2 || is.Absent || is.Out || is.Reading["power_w"].Value == 0 {
		t.Errorf("put in: %+v, were %+v; %+v", now, before, is.Reading)
	}
	var past TwinList
	s.get("/twins?kind=battery&community=community-04&tick=1", &past)
	if past.Total != before.listed {
		t.Errorf("a step before it was put in, %d batteries are listed, were %d", past.Total, before.listed)
	}
	var tile TileInfo
	s.get("/tiles/"+strconv.Itoa(is.Tile), &tile)
	for _, b := range tile.Blocks {
		marked := slices.ContainsFunc(b.Prepared, func(row int) bool { return b.Paths[row] == battery })
		if marked != (b.Kind == "battery") || b.Kind != "battery" && len(b.Prepared) > 0 {
			t.Errorf("tile %d has %d %s marked as prepared, the battery among them: %v", is.Tile, len(b.Prepared), b.Kind, marked)
		}
	}
	s.want(202, "POST", "/commands", `{"target":"`+battery+`","setting":"available","value":false}`, nil)
	s.step(1)
	if now := count(); now.listed != before.listed || now.members != before.members || !twin().Absent || !twin().Out {
		t.Errorf("taken out, empty: %+v, were %+v", now, before)
	}
}
