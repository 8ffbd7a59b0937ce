package ui

import (
	"bytes"
	"maps"
	"testing"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/sim/views"
	"github.com/smatrix-grid/smatrix/sim/views/viewstest"
	"github.com/smatrix-grid/smatrix/twins"
)

// viewForms returns the stored forms of views by name.
func viewForms(s *views.Set) map[string][]byte {
	forms := map[string][]byte{}
	s.All(func(k *views.Kind, v views.View) { forms[k.Name] = v.AppendBinary(nil) })
	return forms
}

// A run whose journal has views shows those and folds none of its own: folding a step twice into one
// set would be an error.
func TestViewsAreFoldedOnce(t *testing.T) {
	var shared *views.Live
	s := serve(t, "scarcity", func(o *Options) {
		shared = views.NewLive(views.NewSet(o.World))
		o.Sinks, o.Begun.Views = []sim.Sink{shared}, shared
	})
	s.step(80)
	var list alertList
	s.get("/alerts", &list)
	if s.live.views.Live != shared || shared.Steps() != 80 || len(list.Alerts) == 0 {
		t.Errorf("%d steps are folded, %d alerts are shown", shared.Steps(), len(list.Alerts))
	}
	behind := Options{World: load(t, "hamlet", scenario.Options{}), Stepper: flat, Begun: Begun{Steps: 1, Views: views.NewLive(views.NewSet(s.options.World))}}
	if server, err := NewServer(behind); err == nil {
		server.Close()
		t.Error("views of 0 steps are taken for those after step 1")
	}
}

// All views, one of them unknown to this package, equal a fold of the records: live, at an earlier step, in a fork with
// and without a past, in a continued run, and in a replay.
func TestViewsAreShown(t *testing.T) {
	h := &shelf{notes: map[string][]byte{}}
	was := []map[string][]byte{}
	change := func(o *Options) {
		o.World = load(t, "hamlet", scenario.Options{Set: []string{"producers.engine.available=false"}})
		h.scenario = o.World.Scenario
	}
	fold := func(w *sim.World) sim.Sink {
		set := views.NewSet(w)
		was = append(was[:0], viewForms(set))
		return sim.SinkFunc(func(r *sim.StepRecord) error {
			err := set.Commit(r)
			was = append(was, viewForms(set))
			return err
		})
	}
	check := func(what string, r *run, n twins.Tick) {
		t.Helper()
		var got map[string][]byte
		r.views.Read(func(set *views.Set) { got = viewForms(set) })
		if !maps.EqualFunc(got, was[n], bytes.Equal) {
			t.Errorf("%s, after %d steps: %x\nwanted %x", what, n, got, was[n])
		}
	}
	then := func(what string, r *run, n twins.Tick) {
		t.Helper()
		var got []byte
		asOf(r.views, viewstest.Exporting, n, func(e *viewstest.Exports) bool {
			got = e.AppendBinary(nil)
			return e.Steps == int64(n)
		})
		if !bytes.Equal(got, was[n]["exporting"]) {
			t.Errorf("%s, before step %d: %x, wanted %x", what, n, got, was[n]["exporting"])
		}
	}
	s := shelved(t, h, func(o *Options) {
		change(o)
		o.Sinks = append(o.Sinks, fold(o.World))
	})
	s.step(12)
	check("live", s.live, 12)
	for _, n := range []twins.Tick{9, 3, 4, 12} {
		then("live", s.live, n)
	}
	s.step(12)
	ended := func(s *tester) *run {
		var fork RunInfo
		s.want(202, "POST", "/forks", `{"at":20,"set":[]}`, &fork)
		r, _ := s.runs.find(fork.ID)
		<-r.done
		return r
	}
	fork := ended(s)
	check("fork", fork, 24)
	then("fork", fork, 15)
	bare := serve(t, "hamlet", change)
	bare.step(21)
	check("without a past", bare.live, 21)
	check("fork without a past", ended(bare), 24)

	w, at, chain, err := h.ForkAt(18)
	if err != nil {
		t.Fatal(err)
	}
	again := serve(t, "hamlet", func(o *Options) {
		o.World, o.Chain, o.Keep = w, chain, h
		o.Begun = Begun{Past: h, Steps: at, Known: 12, Notes: h.notes}
	})
	check("gone on with", again.live, 12)
	replay := shelved(t, h, func(o *Options) {
		change(o)
		o.Replay, o.Sinks, o.Keep = true, nil, nil
		o.Begun.Steps = 24
	})
	check("replay", replay.live, 24)
	then("replay", replay.live, 7)
	then("replay", replay.live, 22)
}
