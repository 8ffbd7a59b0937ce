package ui

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/sim/views"
	"github.com/smatrix-grid/smatrix/twins"
)

// shelf is a Past and a Keeper that computes steps again from the scenario on each request:
// obviously right, and slow.
type shelf struct {
	mu       sync.Mutex
	scenario *scenario.Scenario
	steps    twins.Tick
	commands []twins.Command
	notes    map[string][]byte
	fails    error
	asked    int        // number of replays with parts
	partless error      // error of replays with parts for steps before joint
	joint    twins.Tick // 0: partless is for all steps
	first    twins.Tick // that can be shown
	models   []int      // that made its steps
}

func (h *shelf) Commit(*sim.StepRecord) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.steps++
	return nil
}

func (h *shelf) Steps() twins.Tick {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.steps
}

func (h *shelf) Replay(from, to twins.Tick, parts bool, sink sim.Sink) error {
	if parts && h.partless != nil && (h.joint == 0 || from < h.joint) {
		return h.partless
	}
	if from < h.first {
		return fmt.Errorf("step %d is not kept any more", from)
	}
	w, _, _, err := h.ForkAt(h.scenario.Calendar.Steps)
	if err != nil {
		return err
	}
	later := sim.SinkFunc(func(r *sim.StepRecord) error {
		if r.Tick < from {
			return nil
		}
		r.States = nil // kept records have none
		for _, c := range r.Cells {
			for i := range c.Blocks {
				if !parts {
					c.Blocks[i].Parts, c.Blocks[i].Gauges = nil, nil
				}
			}
		}
		return sink.Commit(r)
	})
	h.mu.Lock()
	if parts {
		h.asked++
	}
	h.mu.Unlock()
	runner := sim.Runner{World: w, Stepper: sim.NewFlat(w, nil, true), Sinks: []sim.Sink{later}}
	for runner.Done() < to {
		if _, err := runner.Step(); err != nil {
			return err
		}
	}
	return nil
}

// First implements Past.
func (h *shelf) First() twins.Tick { return h.first }
func (h *shelf) Computable(t, from, to twins.Tick) (first, end twins.Tick, err error) {
	switch {
	case h.partless == nil:
		return from, to, nil
	case h.joint == 0:
		return t, to, h.partless
	case t < h.joint:
		return t, min(to, h.joint), h.partless
	}
	return max(from, h.joint), to, nil
}

// Views implements Past. It keeps no views.
func (h *shelf) Views(most twins.Tick) (*views.Set, twins.Tick, error) {
	w, err := sim.BuildTwins(h.scenario, nil)
	if err != nil {
		return nil, 0, err
	}
	set, first := views.NewSet(w), min(h.first, most)
	set.Skip(first)
	return set, first, nil
}

// Models implements Past.
func (h *shelf) Models(from, to twins.Tick) (made []int) {
	for _, m := range h.models {
		if from < to {
			made = append(made, m)
		}
	}
	return made
}

// Commands and CommandsBefore implement Past.
func (h *shelf) Commands(from, to twins.Tick) (found []twins.Command) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range h.commands {
		if from <= c.Step && c.Step < to {
			found = append(found, c)
		}
	}
	return found
}

func (h *shelf) CommandsBefore(position, most int) ([]twins.Command, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	found := slices.Clone(h.commands[max(0, position-most):position])
	slices.Reverse(found)
	return found, nil
}

// list returns all commands in the order of their numbers.
func (l *commandList) list() []twins.Command {
	found, _, err := l.newest(0, math.MaxInt)
	if err != nil {
		panic(err)
	}
	slices.Reverse(found)
	return found
}

func (h *shelf) ForkAt(at twins.Tick) (*sim.World, twins.Tick, *sim.Chain, error) {
	w, err := sim.Build(h.scenario)
	if err != nil {
		return nil, 0, nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range h.commands {
		if c.Step < at {
			err = errors.Join(err, w.Add(c))
		}
	}
	chain := w.NewChain()
	from := at / 2 // as if there were a snapshot
	runner := sim.Runner{World: w, Stepper: sim.NewFlat(w, nil, true), Sinks: []sim.Sink{chain}}
	for err == nil && at < h.scenario.Calendar.Steps && runner.Done() < from {
		_, err = runner.Step()
	}
	return w, runner.Done(), chain, err
}

func (h *shelf) KeepCommands(c ...twins.Command) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.fails != nil {
		return h.fails
	}
	h.commands = append(h.commands, c...)
	return nil
}

func (h *shelf) KeepNote(note string, value []byte) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.fails == nil {
		h.notes[note] = value
	}
	return h.fails
}

// shelved starts a server over a shelf, with a memory of few steps.
func shelved(t *testing.T, h *shelf, change func(*Options)) *tester {
	t.Helper()
	return serve(t, "hamlet", func(o *Options) {
		h.scenario = o.World.Scenario
		o.HistoryBytes, o.Sinks, o.Keep, o.Begun.Past = 40_000, []sim.Sink{h}, h, h
		if change != nil {
			change(o)
		}
	})
}

// A comparison says what may be a reason for differences besides the changes of a fork: steps that another model
// made, and later commands of the parent.
func TestComparisonNotes(t *testing.T) {
	h := &shelf{notes: map[string][]byte{}}
	s := shelved(t, h, func(o *Options) { o.HistoryBytes = 1 << 22 })
	s.step(6)
	s.want(202, "POST", "/commands", `{"target":"`+aHome(s)+`","setting":"pv.scale","value":0.5}`, nil)
	s.step(18)
	for i, row := range []struct {
		models []int
		later  string
		want   string
	}{
		{[]int{sim.Model()}, "keep", "[fork-1 has the 1 command that live had for step 4 and later]"},
		{[]int{sim.Model()}, "drop", "[fork-2 has none of the 1 command that live had for step 4 and later]"},
		{[]int{1}, "keep", fmt.Sprintf("[their steps were made by different models of the program, live by model 1, fork-3 by model 1 and %d: differences may come from that "+
			"fork-3 has the 1 command that live had for step 4 and later]", sim.Model())},
	} {
		h.models = row.models
		s.want(202, "POST", "/forks", fmt.Sprintf(`{"at":4,"set":[],"later_commands":%q}`, row.later), nil)
		fork, _ := s.runs.find(fmt.Sprint("fork-", i+1))
		<-fork.done
		var c struct{ Notes []string }
		s.get("/compare?a=live&b="+fork.id, &c)
		if got := fmt.Sprint(c.Notes); got != row.want {
			t.Errorf("models %v, later commands %s: notes %s, wanted %s", row.models, row.later, got, row.want)
		}
	}
}

// A comparison leaves out the steps that a fork has evicted, and says so: its totals are of the same steps.
func TestComparisonOfEvictedSteps(t *testing.T) {
	h := &shelf{notes: map[string][]byte{}}
	s := shelved(t, h, nil)
	s.step(24)
	s.want(202, "POST", "/forks", `{"at":4,"set":[]}`, nil)
	fork, _ := s.runs.find("fork-1")
	<-fork.done
	s.want(202, "POST", "/forks?run=fork-1", `{"at":23,"set":[]}`, nil)
	second, _ := s.runs.find("fork-2")
	<-second.done
	for _, b := range []string{"fork-1", "fork-2"} {
		var c struct {
			From, To int64
			Notes    []string
			Totals   []TotalOf
		}
		s.get("/compare?a=live&b="+b, &c)
		if c.From <= 4 || c.To != 24 || len(c.Notes) == 0 || !strings.Contains(c.Notes[0], fmt.Sprintf("steps before %d are not compared", c.From)) {
			t.Errorf("%s: %+v", b, c)
		}
		for _, total := range c.Totals {
			if *total.Difference != 0 {
				t.Errorf("%s has no change: %+v", b, total)
			}
		}
	}
}

// Steps evicted from memory show the same as when they were made, devices included, and forks have
// the right digest and past.
func TestLookingBackBeyondMemory(t *testing.T) {
	h := &shelf{notes: map[string][]byte{}}
	all, few := serve(t, "hamlet", nil), shelved(t, h, nil)
	home := aHome(all)
	for _, s := range []*tester{all, few} {
		s.step(3)
		s.want(202, "POST", "/commands", `{"target":"`+home+`","setting":"pv.scale","value":0.5}`, nil)
		s.want(202, "POST", "/commands", `{"target":"grid/north","setting":"limit_w","value":4000,"tick":10}`, nil)
		s.step(20)
	}
	if first, next := few.live.history.(*storedHistory).memory.Bounds(); first == 0 || next != 23 {
		t.Fatalf("memory holds %d to %d", first, next)
	}
	for i := range twins.Tick(23) {
		a, errA := all.live.history.Step(i, true)
		b, errB := few.live.history.Step(i, i%5 == 2)
		if errA != nil || errB != nil {
			t.Fatal(errA, errB)
		}
		for scope := range a.Scopes {
			for k := range a.Scopes[scope] {
				for c := range a.Scopes[scope][k].Columns {
					if !a.Scopes[scope][k].Columns[c].Equal(&b.Scopes[scope][k].Columns[c]) {
						t.Fatalf("step %d: %s: block %d, column %d differs", i, all.index.scopeName(scope), k, c)
					}
				}
			}
		}
		if len(a.Events) != len(b.Events) || len(a.Decisions) != len(b.Decisions) {
			t.Errorf("step %d: %d and %d events", i, len(a.Events), len(b.Events))
		}
	}
	for _, path := range []string{"/twin?tick=1&path=" + home, "/readings?column=part:pv&path=" + home, "/twin?tick=2&path=grid/south/home-5/car",
		"/twin?tick=3&path=grid/south/pump", "/readings?column=gauge:leaves_s&column=gauge:connector&path=grid/south/home-5/car", "/flows?scope=grid/north&column=limit_w",
		"/events?limit=1000", "/download/readings.csv", "/download/grid.csv", "/commands"} {
		_, _, a := all.ask("GET", "/api/v1"+path, "")
		_, _, b := few.ask("GET", "/api/v1"+path, "")
		if string(a) != string(b) {
			t.Errorf("%s:\n%.300s\nwanted\n%.300s", path, b, a)
		}
	}
	if h.asked == 0 {
		t.Error("the powers of devices were not requested")
	}
	digests := map[string]string{}
	for _, s := range []*tester{all, few} {
		for i, parent := range []string{"live", "fork-1"} {
			s.want(202, "POST", "/forks?run="+parent, fmt.Sprintf(`{"at":%d,"set":["households.home-1.load.scale=%d"]}`, 16+2*i, 2+i), nil)
			r, _ := s.runs.find(fmt.Sprint("fork-", i+1))
			<-r.done
			if was, ok := digests[r.id]; ok && was != r.finished() {
				t.Errorf("%s: digest %s, wanted %s", r.id, r.finished(), was)
			}
			digests[r.id] = r.finished()
			first, next := r.history.Bounds()
			if _, err := r.history.Step(0, true); first != 0 || next != 24 || err != nil {
				t.Errorf("%s: %d to %d, %v", r.id, first, next, err)
			}
		}
	}
	if digests["fork-1"] == digests["fork-2"] {
		t.Error("the change has no effect")
	}
}

// A continued run has its settings, keys (those of old notes included), alerts and acknowledgements
// as before; a key whose command was never kept is unknown.
func TestContinuedRun(t *testing.T) {
	h := &shelf{notes: map[string][]byte{}}
	change := func(o *Options) {
		o.World = load(t, "hamlet", scenario.Options{Set: []string{"producers.engine.available=false"}})
		h.scenario = o.World.Scenario
	}
	s := shelved(t, h, change)
	s.step(5)
	body := `{"target":"` + aHome(s) + `","setting":"pv.scale","value":0.5}`
	s.want(202, "POST", "/commands", body, nil, "Idempotency-Key", "a")
	load := strings.Replace(strings.Replace(body, "pv.scale", "load.scale", 1), "0.5", "2", 1)
	var old CommandInfo
	s.want(202, "POST", "/commands", load, &old)
	s.step(3)
	s.want(200, "POST", "/alerts/acknowledge", `{"id":"unit.unavailable:grid/supply/engine"}`, nil)
	s.step(4)
	var before, after alertList
	s.get("/alerts", &before)
	h.notes["key/b"] = []byte(`{"body":"x","command":{"Step":3,"Seq":9}}`)
	h.notes["key/old"] = fmt.Appendf(nil, `{"body":"{Target:… Setting:load.scale}","command":{"Step":5,"Seq":%d,"Target":%q,"Name":"set","Args":{"Setting":"load.scale","Value":2000000000}}}`,
		old.Seq, aHome(s)) // the form of versions whose commands had no keys
	s.Close()

	w, at, chain, err := h.ForkAt(12)
	if err != nil {
		t.Fatal(err)
	}
	commands := slices.Clone(h.commands)
	again := serve(t, "hamlet", func(o *Options) {
		o.World, o.Chain, o.Keep, o.Sinks = w, chain, h, nil
		o.Begun = Begun{Past: h, Steps: at, Known: 12, Commands: commands, Notes: h.notes}
	})
	var state State
	again.get("/state", &state)
	again.get("/alerts", &after)
	if state.Tick != 12 || at != 6 {
		t.Fatalf("it continues at step %d, the world is at %d", state.Tick, at)
	}
	if a, b := fmt.Sprint(after.Alerts), fmt.Sprint(before.Alerts); a != b || len(before.Alerts) == 0 ||
		!slices.ContainsFunc(after.Alerts, func(a AlertInfo) bool { return a.Acknowledged }) {
		t.Errorf("alerts\n%s\nwanted\n%s", a, b)
	}
	var c CommandInfo
	again.want(202, "POST", "/commands", body, &c, "Idempotency-Key", "a")
	if !c.Repeated || c.Tick != 5 {
		t.Errorf("%+v", c)
	}
	again.want(202, "POST", "/commands", load, &c, "Idempotency-Key", "old")
	if !c.Repeated || c.Seq != old.Seq {
		t.Errorf("the key of an old note: %+v", c)
	}
	for _, another := range []string{load, strings.Replace(body, "0.5", "1", 1), strings.Replace(body, "{", `{"tick":20,`, 1)} {
		again.want(409, "POST", "/commands", another, nil, "Idempotency-Key", "a")
	}
	if v, ok := again.live.settings(aHome(again), 11)("pv.scale"); !ok || v != 500_000_000 {
		t.Errorf("pv.scale is %d", v)
	}
	again.want(202, "POST", "/commands", body, &c, "Idempotency-Key", "b")
	if c.Repeated || c.Seq != commands[0].Seq+2 {
		t.Errorf("%+v", c)
	}
	again.step(12)
	if got, want := again.live.finished(), again.replayedOf(h); got != want {
		t.Errorf("digest %s, wanted %s", got, want)
	}
}

// replayedOf returns the digest of a headless run with a shelf's commands.
func (t *tester) replayedOf(h *shelf) string {
	w, _, _, err := h.ForkAt(h.scenario.Calendar.Steps)
	if err != nil {
		t.Fatal(err)
	}
	return headless(t.T, w)
}

// A change that cannot be kept is refused with the reason and has no effect; the rest still works.
func TestNotKept(t *testing.T) {
	h := &shelf{notes: map[string][]byte{}}
	waits := ""
	s := shelved(t, h, func(o *Options) {
		o.World = load(t, "hamlet", scenario.Options{Set: []string{"producers.engine.available=false"}})
		h.scenario, o.Waiting = o.World.Scenario, func() string { return waits }
	})
	s.step(12)
	for _, row := range []struct {
		err    error
		status int
	}{{&NotKeptError{true, errors.New("only 3 MB are free")}, http.StatusInsufficientStorage}, {&NotKeptError{false, errors.New("sync: input/output error")}, http.StatusServiceUnavailable}} {
		h.fails, waits = row.err, "waits: "+row.err.Error()
		for path, body := range map[string]string{"/commands": `{"target":"` + aHome(s) + `","setting":"pv.scale","value":0.5}`,
			"/alerts/acknowledge": `{"id":"unit.unavailable:grid/supply/engine"}`} {
			status, kind, b := s.ask("POST", "/api/v1"+path, body)
			if status != row.status || !isProblem(kind, b) {
				t.Errorf("%s: %d %s, want %d", path, status, b, row.status)
			}
		}
		var state State
		s.get("/state", &state)
		if state.Error != waits || state.State != "paused" {
			t.Errorf("%+v", state)
		}
		s.get("/flows", nil)
	}
	if acknowledged, _ := s.live.alerts.since(0); len(s.live.commands.list()) != 0 || slices.ContainsFunc(acknowledged, func(a alert) bool { return a.acknowledged }) {
		t.Error("a refused command was accepted")
	}
	h.fails = nil
	s.step(12)
	if got, want := s.live.finished(), headless(t, load(t, "hamlet", scenario.Options{Set: []string{"producers.engine.available=false"}})); got != want {
		t.Errorf("digest %s, wanted %s", got, want)
	}
}

// A step that cannot be kept fails the run. Steps made before can still be shown, and commands are
// refused with the reason.
func TestKeepingFails(t *testing.T) {
	s := serve(t, "hamlet", func(o *Options) {
		o.Sinks = []sim.Sink{sim.SinkFunc(func(r *sim.StepRecord) error {
			if r.Tick == 5 {
				return errors.New("sync: input/output error")
			}
			return nil
		})}
	})
	_, _ = s.Live().Step(t.Context(), 24)
	var state State
	s.get("/state", &state)
	if state.State != "failed" || state.Tick != 5 {
		t.Errorf("%+v", state)
	}
	s.want(503, "POST", "/commands", `{"target":"`+aHome(s)+`","setting":"pv.scale","value":0.5}`, nil)
	s.get("/twin?tick=4&path="+aHome(s), nil)
}

// A replay shows the steps of a run that is over at its own speed, in both directions.
func TestReplay(t *testing.T) {
	h := &shelf{notes: map[string][]byte{}, steps: 24}
	s := shelved(t, h, func(o *Options) {
		o.Replay, o.Sinks, o.Keep = true, nil, nil
		o.Begun.Steps, o.Begun.Digest = 24, "abc"
	})
	live := serve(t, "hamlet", nil)
	live.step(24)
	var state State
	s.get("/state", &state)
	if state.State != "replay" || state.Playing || state.Tick != 1 || state.Digest != "abc" {
		t.Errorf("%+v", state)
	}
	watcher := s.dial("")
	watcher.subscribe(1, "tile/0", "grid")
	for _, tick := range []int64{24, 3, 9} {
		s.want(202, "POST", "/clock/seek", fmt.Sprintf(`{"tick":%d}`, tick), nil)
		live.shows(live.live, "tile/0", watcher.at("tile/0", tick-1))
	}
	watcher.look(2, false, 20)
	live.shows(live.live, "grid", watcher.at("grid", 20))
	watcher.look(3, true, 0)
	s.want(422, "POST", "/clock/seek", `{"tick":25}`, nil)
	s.want(200, "POST", "/clock/speed", `{"max":true}`, nil)
	s.want(200, "POST", "/clock/play", "", nil)
	live.shows(live.live, "tile/0", watcher.at("tile/0", 23))
	s.want(200, "POST", "/clock/step", `{"until":"event"}`, nil)
	s.want(409, "POST", "/commands", `{"target":"`+aHome(s)+`","setting":"pv.scale","value":0.5}`, nil)
	var fork RunInfo
	s.want(202, "POST", "/forks", `{"at":12,"set":[]}`, &fork)
	r, _ := s.runs.find(fork.ID)
	<-r.done
	if r.finished() != live.live.finished() {
		t.Errorf("a fork without a change: digest %s, wanted %s", r.finished(), live.live.finished())
	}
	var a, b alertList
	s.get("/alerts", &a)
	live.get("/alerts", &b)
	if fmt.Sprint(a) != fmt.Sprint(b) {
		t.Errorf("alerts %+v, wanted %+v", a, b)
	}
}

// A replay of a run whose first steps are not kept any more begins with the first one that is. The
// API lists and shows those steps, and refuses earlier ones.
func TestReplayOfWhatIsKept(t *testing.T) {
	const first = 10
	h := &shelf{notes: map[string][]byte{}, steps: 24, first: first}
	s := shelved(t, h, func(o *Options) {
		o.Replay, o.Sinks, o.Keep, o.Begun.Steps = true, nil, nil, 24
	})
	var state State
	s.get("/state", &state)
	if state.First != first || state.Tick != first+1 {
		t.Errorf("the clock is at step %d, the first is %d; wanted %d and %d", state.Tick, state.First, first+1, first)
	}
	for tick, status := range map[int]int{0: 404, first - 1: 404, first: 200, 23: 200} {
		s.want(status, "GET", fmt.Sprintf("/twin?path=%s&tick=%d", aHome(s), tick), "", nil)
	}
	s.want(422, "POST", "/clock/seek", fmt.Sprintf(`{"tick":%d}`, first-1), nil)
	s.want(202, "POST", "/clock/seek", fmt.Sprintf(`{"tick":%d}`, first+2), nil)
	watcher := s.dial("")
	watcher.subscribe(1, "tile/0")
	watcher.at("tile/0", first+1)
	for _, path := range []string{"/alerts", "/readings?column=power_w&path=" + aHome(s), "/events", "/download/grid.csv"} {
		s.want(200, "GET", path, "", nil)
	}
}

// withTick returns the GET routes that take a tick, each with the other parameters that it needs.
func (t *tester) withTick(of *testing.T) (routes []string) {
	of.Helper()
	var d apiDocument
	_, _, b := t.ask("GET", "/openapi.json", "")
	if err := json.Unmarshal(b, &d); err != nil {
		of.Fatal(err)
	}
	for path, methods := range d.Paths {
		query, takes := "?", false
		for _, p := range methods["get"].Parameters {
			takes = takes || p.In == "query" && p.Name == "tick"
			if p.Name == "path" {
				query = "?path=" + aHome(t) + "&"
			}
		}
		if takes {
			routes = append(routes, path+query)
		}
	}
	if len(routes) < 6 {
		of.Fatalf("only %v take a tick", routes)
	}
	return routes
}

// Every route with a tick answers without one, and with −1, as for the latest step: the last one made, and in a
// replay the one that its clock shows, which is none before the first. A tick below −1 is refused.
func TestTheLatestStep(t *testing.T) {
	replay := func(steps int) *tester {
		s := shelved(t, &shelf{notes: map[string][]byte{}, steps: 24}, func(o *Options) {
			o.Replay, o.Sinks, o.Keep, o.Begun.Steps = true, nil, nil, 24
		})
		s.want(202, "POST", "/clock/seek", fmt.Sprintf(`{"tick":%d}`, steps), nil)
		return s
	}
	var h *shelf // of the last live run
	resumed := func(int) *tester {
		w, at, chain, err := h.ForkAt(14)
		if err != nil {
			t.Fatal(err)
		}
		return serve(t, "hamlet", func(o *Options) {
			o.World, o.Chain, o.Keep, o.Sinks = w, chain, h, nil
			o.Begun = Begun{Past: h, Steps: at, Known: 14, Notes: h.notes}
		})
	}
	live := func(steps int) *tester {
		h = &shelf{notes: map[string][]byte{}}
		s := shelved(t, h, nil)
		if steps > 0 {
			s.step(steps)
		}
		return s
	}
	for _, c := range []struct {
		name  string
		serve func(steps int) *tester
		steps int
		run   string
	}{{"live, before the first", live, 0, "live"}, {"live", live, 14, "live"}, {"resumed", resumed, 14, "live"}, {"fork, at its end", live, 24, "fork-1"},
		{"replay, before the first", replay, 0, "live"}, {"replay", replay, 14, "live"}, {"replay, at its end", replay, 24, "live"}} {
		s := c.serve(c.steps)
		if c.run != "live" {
			s.want(202, "POST", "/forks", `{"at":12,"set":[]}`, nil)
			r, _ := s.runs.find(c.run)
			<-r.done
		}
		for _, route := range s.withTick(t) {
			answer := func(query string) string {
				_, _, b := s.ask("GET", route+"run="+c.run+query, "")
				return string(b)
			}
			latest, different := answer(""), answer(fmt.Sprint("&tick=", max(0, c.steps-9)))
			if !strings.HasPrefix(latest, "{") || strings.Contains(latest, `"status"`) {
				t.Fatalf("%s: %s: %s", c.name, route, latest)
			}
			if latest != answer("&tick=-1") || c.steps > 0 && latest != answer(fmt.Sprint("&tick=", c.steps-1)) {
				t.Errorf("%s: %s without a tick does not show step %d", c.name, route, c.steps-1)
			}
			if latest == different && !strings.Contains(route, "/tree") && !strings.Contains(route, "/alerts") {
				t.Errorf("%s: %s shows the same for other steps, so it proves nothing", c.name, route)
			}
			for _, tick := range []string{"-2", "-9223372036854775808"} {
				if refused := answer("&tick=" + tick); !strings.Contains(refused, "from -1") || !strings.Contains(refused, "422") {
					t.Errorf("%s: %s with tick %s: %s", c.name, route, tick, refused)
				}
			}
		}
	}
}
