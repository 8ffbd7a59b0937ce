package ui

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/twins"
)

const engine, tie, car = "grid/supply/engine", "grid/supply/tie", "grid/south/home-5/car"

// seenUnits records the state of the twins after each step.
type seenUnits struct {
	hands []twins.Hand
	in    []bool // whether the engine is in service
	cars  []carSeen
}

// carSeen is the car's state according to its events so far.
type carSeen struct {
	last  *twins.Event // nil: none
	since twins.Tick
}

func (s *seenUnits) commit(w *sim.World, r *sim.StepRecord) {
	for _, c := range w.Cells {
		for _, at := range c.Units() {
			if b := c.Blocks[at.Block]; b.Paths[at.Index] == engine {
				s.hands = append(s.hands, b.Slab.(twins.Handed).Hand(int(at.Index)))
				s.in = append(s.in, b.Slab.(twins.Generator).Plant(int(at.Index)).Available)
			}
		}
	}
	now := carSeen{}
	if n := len(s.cars); n > 0 {
		now = s.cars[n-1]
	}
	for _, c := range r.Cells {
		for _, e := range c.Events {
			if name := e.Event.Type.Name; e.Member == car && (name == "vehicle.plugged_in" || name == "vehicle.unplugged") {
				now = carSeen{&e.Event, r.Tick}
			}
		}
	}
	s.cars = append(s.cars, now)
}

// vehicle returns the text that the API should show of the car in a step.
func (s *seenUnits) vehicle(step twins.Tick, reading Figures) string {
	c := s.cars[step]
	if c.last == nil {
		return "away since before the run"
	}
	if c.last.Type.Name == "vehicle.unplugged" {
		return fmt.Sprintf("away since %d, ready %v", c.since, c.last.Field("ready") == 1)
	}
	state := "plugged"
	if reading["power_w"].Value > 0 {
		state = "charging"
	} else if reading["shifted_w"].Value+reading["unserved_w"].Value > 0 {
		state = "waiting"
	}
	wh := func(name string) float64 { return float64(c.last.Field(name)) / 3.6e6 }
	return fmt.Sprintf("%s since %d, leaves %d, needs %.2f Wh, %.2f Wh of it impossible", state, c.since, c.last.Field("until_tick"), wh("wanted_j"), wh("impossible_j"))
}

func (v *VehicleInfo) words() string {
	float := func(n *Number) float64 {
		f := 0.0
		b, _ := n.MarshalJSON()
		_ = json.Unmarshal(b, &f)
		return f
	}
	switch {
	case v.Since == nil:
		return v.State + " since before the run"
	case v.Ready != nil:
		return fmt.Sprintf("%s since %d, ready %v", v.State, *v.Since, *v.Ready)
	}
	return fmt.Sprintf("%s since %d, leaves %d, needs %.2f Wh, %.2f Wh of it impossible", v.State, *v.Since, *v.Leaves, float(v.NeedsWh), float(v.ImpossibleWh))
}

// check compares the plant, the tie and the car of a run at each step, one by one and in the list of units.
func (s *seenUnits) check(t *tester, what, run string, out map[twins.Tick]bool) {
	t.Helper()
	for step := range twins.Tick(len(s.hands)) {
		at := fmt.Sprintf("run=%s&tick=%d", run, step)
		var of [3]TwinInfo
		for i, path := range []string{engine, tie, car} {
			t.get("/twin?"+at+"&path="+path, &of[i])
		}
		var list unitList
		t.get("/units?"+at, &list)
		for _, u := range list.Units {
			for i := range of[:2] {
				if of[i].Path == u.Path && (asJSON(u.Reading) != asJSON(of[i].Reading) || u.Out != of[i].Out || asJSON(u.Plant) != asJSON(of[i].Plant)) {
					t.Errorf("%s, step %d: the list says %s, the twin %s", what, step, asJSON(u), asJSON(of[i]))
				}
			}
		}
		if list.Total != 4 || list.Tick != int64(step) {
			t.Errorf("%s, step %d: %d units of step %d", what, step, list.Total, list.Tick)
		}
		h := s.hands[step]
		p := of[0].Plant
		if p == nil {
			t.Fatalf("%s, step %d: the API shows no plant", what, step)
		}
		fixed := h.Fixed > 0 && h.Until > step
		if p.Ordered != h.Order.String() || asJSON(p.SoldShare) != asJSON(Number{int64(h.Sold), 9}) || fixed != (p.FixedW != nil) ||
			fixed && (*p.FixedUntil != int64(h.Until) || asJSON(p.FixedW) != asJSON(Number{int64(h.Fixed), 3})) {
			t.Errorf("%s, step %d: the API shows the plant as %s, it was %+v", what, step, asJSON(p), h)
		}
		if of[0].Out == s.in[step] || of[1].Out != out[step] {
			t.Errorf("%s, step %d: engine out %v, tie out %v, wanted %v, %v", what, step, of[0].Out, of[1].Out, !s.in[step], out[step])
		}
		if v := of[2].Vehicle; v == nil || v.words() != s.vehicle(step, of[2].Reading) {
			t.Errorf("%s, step %d: the car is %s, it was %s", what, step, asJSON(v), s.vehicle(step, of[2].Reading))
		}
	}
}

func asJSON(v any) string { b, _ := json.Marshal(v); return string(b) }

// For each step the API shows the orders to a plant, what is out of service, and the state of a vehicle as the twins and
// their events were: live, in a fork, in a continued run, and in a replay.
func TestUnitsAndVehicles(t *testing.T) {
	h := &shelf{notes: map[string][]byte{}}
	seen := &seenUnits{}
	s := shelved(t, h, func(o *Options) {
		w := o.World
		o.HistoryBytes = 1 << 20 // a quarter of it must hold all steps of the fork
		o.Sinks = append(o.Sinks, sim.SinkFunc(func(r *sim.StepRecord) error { seen.commit(w, r); return nil }))
	})
	set := func(target, setting, value string) {
		s.want(202, "POST", "/commands", fmt.Sprintf(`{"target":%q,"setting":%q,%s}`, target, setting, value), nil)
	}
	s.step(4)
	set(engine, "order", `"word":"run"`)
	s.step(3)
	set(engine, "fixed_w", `"value":4000`)
	set(engine, "sold_share", `"value":0.2`)
	set(tie, "available", `"value":0`)
	s.step(2)
	set(engine, "order", `"word":"auto"`)
	set(engine, "sold_share", `"multiply":0.5`)
	s.step(1)
	set(tie, "available", `"value":1`)
	s.step(14)
	out := map[twins.Tick]bool{7: true, 8: true, 9: true}
	seen.check(s, "live", "live", out)
	if a, b := asJSON(seen.hands[7]), asJSON(seen.hands[9]); a == b || seen.hands[7].Fixed == 0 || seen.hands[9].Sold != twins.Ratio(0.1*float64(twins.One)) ||
		seen.in[17] || !seen.in[20] || seen.cars[6].since == seen.cars[7].since || seen.cars[18].last.Type.Name != "vehicle.plugged_in" {
		t.Errorf("the day lacks a case that the test needs: %s, %s, %+v", a, b, seen.cars)
	}
	var fork RunInfo
	s.want(202, "POST", "/forks", `{"at":12,"set":[]}`, &fork)
	r, _ := s.runs.find(fork.ID)
	<-r.done
	seen.check(s, "fork", fork.ID, out)

	w, at, chain, err := h.ForkAt(18)
	if err != nil {
		t.Fatal(err)
	}
	again := serve(t, "hamlet", func(o *Options) {
		o.World, o.Chain, o.Keep, o.HistoryBytes = w, chain, h, 1<<20
		o.Begun = Begun{Past: h, Steps: at, Known: 18, Notes: h.notes}
	})
	first := &seenUnits{seen.hands[:18], seen.in[:18], seen.cars[:18]}
	first.check(again, "gone on with", "live", out)
	replay := shelved(t, h, func(o *Options) {
		o.Replay, o.Sinks, o.Keep, o.HistoryBytes = true, nil, nil, 1<<20
		o.Begun.Steps = 24
	})
	seen.check(replay, "replay", "live", out)
}

// The room upwards of /units is the sum of its plants and ties; it moves with a plant's ramp and water, with the
// reserve that is required, and with a tie's limit, and is the same on each page of the list.
func TestRoomOfUnits(t *testing.T) {
	type answer struct {
		Next string
		Room struct {
			UpW, SecureW, StartsW float64
			WithinS, ForS         int64
			StartsS               *int64
		}
		Units []struct {
			Path   string
			Gauges []struct {
				Name  string
				Value *float64
			}
		}
	}
	ask := func(set ...string) (a answer, room map[string]float64) {
		s := serve(t, "hamlet", func(o *Options) {
			o.World = load(t, "hamlet", scenario.Options{Set: append([]string{"producers.engine.initially=on", "producers.engine.order=run",
				"producers.engine.rated_w=12000", "producers.engine.min_output=0.1", "producers.engine.inflow_w=1500", "producers.engine.reservoir_wh=40000", "producers.engine.ramp_per_min=1"}, set...)})
		})
		s.step(1)
		get := func(path string, a *answer) { // keys of JSON in the form of Go
			var m map[string]any
			s.get(path, &m)
			r := m["room"].(map[string]any)
			for k, to := range map[string]string{"up_w": "UpW", "secure_w": "SecureW", "starts_w": "StartsW", "within_s": "WithinS", "for_s": "ForS", "starts_s": "StartsS"} {
				r[to] = r[k]
			}
			b, err := json.Marshal(m)
			if err == nil {
				err = json.Unmarshal(b, a)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		get("/units", &a)
		var page answer
		get("/units?limit=1", &page)
		if page.Room.UpW != a.Room.UpW || page.Room.SecureW != a.Room.SecureW || page.Next == "" {
			t.Errorf("%v: a page has %+v, the whole list %+v", set, page.Room, a.Room)
		}
		room, sum := map[string]float64{}, 0.0
		for _, u := range a.Units {
			for _, g := range u.Gauges {
				if g.Value != nil {
					room[u.Path+" "+g.Name] = *g.Value
				}
			}
			sum += room[u.Path+" room_w"]
		}
		if math.Abs(sum-a.Room.UpW) > 1e-3 || a.Room.SecureW > a.Room.UpW || a.Room.WithinS != 900 || a.Room.ForS != 3600 {
			t.Errorf("%v: units have %g W of room, together %+v", set, sum, a.Room)
		}
		return a, room
	}
	usual, room := ask()
	for _, row := range []struct{ name, set, unit, gauge string }{
		{"a slow ramp", "producers.engine.ramp_per_min=0.001", engine, "room_w"},
		{"less water", "producers.engine.initial_fill=0.1", engine, "room_w"},
		{"less water", "producers.engine.initial_fill=0.1", engine, "water_j"},
		{"a smaller tie", "ties.tie.import_w=1000", tie, "room_w"},
	} {
		a, now := ask(row.set)
		key := row.unit + " " + row.gauge
		if now[key] >= room[key] || row.gauge == "room_w" && a.Room.UpW >= usual.Room.UpW {
			t.Errorf("%s: %s is %g, usually %g; all units have %g and %g W", row.name, key, now[key], room[key], a.Room.UpW, usual.Room.UpW)
		}
	}
	if a, _ := ask("reserve_w=13000"); a.Room.UpW != usual.Room.UpW || a.Room.SecureW >= usual.Room.SecureW { // more than the idle tie can hold beside the engine's loss
		t.Errorf("with a reserve of 13 kW: %+v, without: %+v", a.Room, usual.Room)
	}
}
