package operator_test

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/smatrix-grid/smatrix/twins"
	"github.com/smatrix-grid/smatrix/twins/operator"
	"github.com/smatrix-grid/smatrix/twins/twintest"
)

// hz is a deviation in µHz as Hz.
func hz(d int64) float64 { return 50 + float64(d)/1e6 }

// Which losses are trips: by how fast the frequency moves in their step, in an
// island of 60 kW with two plants and a battery.
func TestWhatIsATrip(t *testing.T) {
	calm := func(g *grid) []twins.Command { g.wind = 0; return nil }
	night := func(g *grid) []twins.Command { g.sun = 0; return nil }
	lose := func(id string) func(*grid) []twins.Command {
		return func(*grid) []twins.Command { return []twins.Command{set(id, "available", 0)} }
	}
	for _, row := range []struct {
		name string
		more []member
		wind float64
		sun  float64
		do   func(*grid) []twins.Command
		trip bool
	}{
		{"nothing", nil, 0, 0, func(*grid) []twins.Command { return nil }, false},
		{"a plant is lost", nil, 0, 0, lose("a"), true},
		{"a plant fails", nil, 0, 0, func(g *grid) []twins.Command { g.quarantine("a"); return nil }, true},
		{"a plant that is off is lost", []member{plant("c", `"initially": "off"`)}, 0, 0, lose("c"), false},
		{"the wind calms", []member{{twins.WindFarm, "w", ""}}, 5, 0, calm, false},
		{"the wind farm is lost", []member{{twins.WindFarm, "w", ""}}, 5, 0, lose("w"), true},
		{"the sun shines on", []member{{twins.SolarPark, "p", `"rated_w": 30000`}}, 0, 800, func(*grid) []twins.Command { return nil }, false},
		{"the sun sets", []member{{twins.SolarPark, "p", `"rated_w": 30000`}}, 0, 800, night, false},
		{"the solar park is lost", []member{{twins.SolarPark, "p", `"rated_w": 30000`}}, 0, 800, lose("p"), true},
		{"a battery that gives is lost", []member{battery("d", `"rated_wh": 100000, "rated_w": 30000, "mode": "tariff", "tariff": {"charge_from": "12:00", "charge_to": "13:00", "discharge_from": "00:00", "discharge_to": "06:00"}`)}, 0, 0, lose("d"), true},
		{"a battery that fails while it gives", []member{battery("d", `"rated_wh": 100000, "rated_w": 30000, "mode": "tariff", "tariff": {"charge_from": "12:00", "charge_to": "13:00", "discharge_from": "00:00", "discharge_to": "06:00"}`)}, 0, 0, func(g *grid) []twins.Command { g.quarantine("d"); return nil }, true},
		{"a battery at rest is lost", []member{battery("d", `"rated_wh": 100000, "rated_w": 30000`)}, 0, 0, lose("d"), false},
	} {
		g := newGrid(t, quarter, operator.Config{}, append([]member{plant("a", `"cost_eur_per_mwh": 90`), plant("b", ""),
			battery("s", `"rated_wh": 100000, "rated_w": 50000, "grid_forming": true`)}, row.more...)...)
		g.load = func(twins.Tick) float64 { return 60 }
		g.wind, g.sun = row.wind, row.sun
		for tick := range twins.Tick(3) {
			if s := g.step(tick); s.ROCOF > 50_000 || !s.Island {
				t.Fatalf("%s: step %d before it: %+v", row.name, tick, s)
			}
		}
		s := g.step(3, row.do(g)...)
		if trip := s.ROCOF > 50_000; trip != row.trip {
			t.Errorf("%s: least %.3f Hz, %.3f Hz/s, wanted a trip: %v", row.name, hz(s.Min), float64(s.ROCOF)/1e6, row.trip)
		}
		if s.Stages > 0 || g.balance.Flows.Unserved > 0 {
			t.Errorf("%s: %d stages, %v W unserved", row.name, s.Stages, g.balance.Flows.Unserved.Watts())
		}
	}
}

// The loss of a tie leaves an island: the frequency swings by what the tie carried,
// the grid has an event for the island, and later one for its end.
func TestIslandFormsAndJoins(t *testing.T) {
	g := newGrid(t, quarter, operator.Config{}, plant("a", ""), battery("s", `"rated_wh": 100000, "rated_w": 50000, "grid_forming": true`), tie("tie", `"cost_eur_per_mwh": 10`))
	g.load = func(twins.Tick) float64 { return 60 }
	for tick, row := range []struct {
		do                    []twins.Command
		island, held, unrated bool
		event                 string
	}{
		{nil, false, true, false, ""},
		{[]twins.Command{set("tie", "available", 0)}, true, false, false, "grid.islanded"},
		{nil, true, false, false, ""},
		{[]twins.Command{set("tie", "available", 1)}, false, true, false, "grid.joined"},
		{nil, false, true, false, ""},
		{[]twins.Command{set("tie", "import_w", 0)}, false, true, false, ""},
		{[]twins.Command{set("tie", "export_w", 0)}, false, true, true, ""},
		{[]twins.Command{set("tie", "export_w", 1000)}, false, true, false, ""},
	} {
		s := g.step(twins.Tick(tick), row.do...)
		if s.Island != row.island || s.Held != row.held || s.Unrated != row.unrated {
			t.Errorf("step %d: island %v, held %v, unrated %v", tick, s.Island, s.Held, s.Unrated)
		}
		for _, name := range []string{"grid.islanded", "grid.joined"} {
			if g.hadEvent(name) != (name == row.event) {
				t.Errorf("step %d: event %s: %v", tick, name, g.hadEvent(name))
			}
		}
		if tick == 1 && (s.Min > -50_000 || s.Min < -1_000_000) {
			t.Errorf("27 of 60 kW were lost and the least frequency is %.3f Hz", hz(s.Min))
		}
	}
}

// weak is an island of 60 kW on two plants without storage: when one is lost relays
// shed load, since governors are too slow.
func weak(t testing.TB, step twins.Seconds) *grid {
	g := newGrid(t, step, operator.Config{}, plant("a", `"inertia_s": 2`), plant("b", `"inertia_s": 2, "cost_eur_per_mwh": 200`))
	g.load = func(twins.Tick) float64 { return 60 }
	return g
}

// Load shed by relays is essential load for a part of the step, with an event and
// booked as unserved, and comes back in minutes, whether steps are seconds or an
// hour.
func TestShedLoadComesBack(t *testing.T) {
	for _, step := range []twins.Seconds{1, 10, 60, 900, 3600} {
		g := weak(t, step)
		g.step(0)
		g.step(1)
		s := g.step(2, set("a", "available", 0))
		if s.Stages == 0 || s.Shed <= 0 || s.Blackout || !g.hadEvent("grid.relays_shed") {
			t.Errorf("step %d s: nothing was shed: %+v", step, *s)
			continue
		}
		// In seconds plants cannot be asked to follow: more is cut than relays have shed.
		if got := g.balance.Flows.UnservedEssential; got != s.Shed && (step >= 60 || got < s.Shed) {
			t.Errorf("step %d s: relays shed %v W, %v W were not served", step, s.Shed.Watts(), got.Watts())
		}
		within := max(3, 3+twins.Tick(900/step))
		for tick := twins.Tick(3); tick <= within; tick++ {
			s = g.step(tick)
		}
		if s.Shed != 0 || g.balance.Flows.Unserved != 0 || s.Min < -50_000 {
			t.Errorf("step %d s: a quarter of an hour later %v W are shed, %d stages open, %.3f Hz", step, s.Shed.Watts(), s.Stages, hz(s.Min))
		}
	}
}

// Without any rotating mass left the island is black for the rest of the step,
// for all customers; a plant that starts brings it back.
func TestBlackoutAndTheWayBack(t *testing.T) {
	g := newGrid(t, quarter, operator.Config{}, plant("a", ""), plant("b", `"initially": "off", "start_up_s": 3600`))
	g.load = func(twins.Tick) float64 { return 60 }
	g.step(0)
	s := g.step(1, set("a", "available", 0))
	if !s.Blackout || !g.hadEvent("grid.blackout") || g.balance.Flows.Load != 0 || g.balance.Flows.UnservedEssential != kW(60) {
		t.Errorf("all that turned was lost: %+v, %v W served", *s, g.balance.Flows.Load.Watts())
	}
	for tick := twins.Tick(2); tick < 7; tick++ {
		s = g.step(tick)
	}
	if s.Blackout || g.balance.Flows.Load != kW(60) || s.Min < -50_000 {
		t.Errorf("an hour later: %+v, %v W served", *s, g.balance.Flows.Load.Watts())
	}
}

// In an island without a closed form, because its load moves by more than the
// reserve, the swing is integrated: losing half the load in a step moves it further
// than losing a tenth.
func TestLoadThatMovesFurtherThanReserve(t *testing.T) {
	least := func(jump float64) float64 {
		g := newGrid(t, quarter, operator.Config{}, plant("a", `"rated_w": 62000`))
		g.load = func(at twins.Tick) float64 {
			if at >= 2 {
				return 60 + jump
			}
			return 60
		}
		g.step(0)
		g.step(1)
		return hz(g.step(2).Min)
	}
	small, large := least(1), least(20)
	if !(small > 49.9) || !(large < 49.5) {
		t.Errorf("1 kW more: %v Hz, 20 kW more than the plant has: %v Hz", small, large)
	}
}

// twice calls each method of an operator twice, as a grid does that fails and rolls
// back, and compares.
type twice struct {
	*operator.Operator
	t testing.TB
}

func (c *twice) Dispatch(env *twins.Env, of *twins.Offers, p *twins.Plan) {
	fresh := append([]twins.Setpoint(nil), p.Communities...)
	units := append([]twins.Setpoint(nil), p.Units...)
	c.Operator.Dispatch(env, of, p)
	first := said(p)
	copy(p.Communities, fresh)
	copy(p.Units, units)
	if c.Operator.Dispatch(env, of, p); said(p) != first {
		c.t.Errorf("step %d: dispatched %s, then %s", env.Tick, first, said(p))
	}
}

func (c *twice) Swing(env *twins.Env, of *twins.Offers, p *twins.Plan) twins.Swing {
	first := c.Operator.Swing(env, of, p)
	if second := c.Operator.Swing(env, of, p); second != first {
		c.t.Errorf("step %d: swing %+v, then %+v", env.Tick, first, second)
	}
	return first
}

func (c *twice) Settled(env *twins.Env, out *twins.Outcome, events []twins.Notice) []twins.Notice {
	first := c.Operator.Settled(env, out, nil)
	state := c.AppendBinary(nil)
	events = c.Operator.Settled(env, out, events)
	if !reflect.DeepEqual(events, first) && len(events)+len(first) > 0 {
		c.t.Errorf("step %d: events %v, then %v", env.Tick, first, events)
	}
	if string(c.AppendBinary(nil)) != string(state) {
		c.t.Errorf("step %d: settled twice, the state is another", env.Tick)
	}
	return events
}

// Through an island that forms, a trip, shedding and restoration, asking twice
// changes nothing.
func TestAskedTwice(t *testing.T) {
	play := func(wrap bool) (log []string) {
		g := newGrid(t, 60, operator.Config{}, plant("a", `"inertia_s": 2`), plant("b", `"inertia_s": 2, "cost_eur_per_mwh": 200`),
			tie("tie", `"cost_eur_per_mwh": 10, "import_w": 10000`))
		g.load = func(at twins.Tick) float64 { return 60 + float64(at%7) }
		if wrap {
			g.balance.Controller = &twice{g.op, t}
		}
		for tick := range twins.Tick(90) {
			g.step(tick, at(5, set("tie", "available", 0), 20, set("a", "available", 0), 60, set("tie", "available", 1))(g, tick)...)
			log = append(log, fmt.Sprintf("%+v %+v %v", g.balance.Swing, g.balance.Flows, g.balance.Events))
		}
		return log
	}
	once, again := play(false), play(true)
	shed := false
	for k := range once {
		if once[k] != again[k] {
			t.Fatalf("step %d: asked once\n%s\nasked twice\n%s", k, once[k], again[k])
		}
		shed = shed || k == 20 && len(once[k]) > 0
	}
	if !shed {
		t.Error("nothing was shed: the way is not tried")
	}
}

// An operator that is restored in any step, even in the middle of a swing, continues
// as if nothing had happened.
func TestRestoredInMidSwing(t *testing.T) {
	const steps = 12
	do := at(3, set("a", "available", 0))
	log := func(g *grid) string { return fmt.Sprintf("%+v %+v", g.balance.Swing, g.balance.Flows) }
	for after := twins.Tick(1); after < steps; after++ {
		g, other := weak(t, 60), weak(t, 60)
		for tick := range after {
			g.step(tick, do(g, tick)...)
		}
		state := g.op.AppendBinary(nil)
		if rest, err := other.op.UnmarshalBinary(state); err != nil || len(rest) > 0 {
			t.Fatalf("after step %d: %v, %d bytes left", after, err, len(rest))
		}
		if string(other.op.AppendBinary(nil)) != string(state) {
			t.Fatalf("after step %d: stored again it is another state", after)
		}
		if rest, err := other.cell.RestoreStates(g.cell.AppendStates(nil)); err != nil || len(rest) > 0 {
			t.Fatal(err)
		}
		for tick := after; tick < steps; tick++ {
			g.step(tick, do(g, tick)...)
			other.step(tick, do(other, tick)...)
			if log(g) != log(other) {
				t.Fatalf("restored after step %d, step %d:\n%s\nwanted\n%s", after, tick, log(other), log(g))
			}
		}
	}
}

// A stored state that is truncated anywhere, or impossible, is refused.
func TestBrokenStateIsRefused(t *testing.T) {
	g := weak(t, 60)
	g.step(0)
	g.step(1, set("a", "available", 0))
	state := g.op.AppendBinary(nil)
	for cut := range state {
		if _, err := weak(t, 60).op.UnmarshalBinary(state[:cut]); err == nil {
			t.Fatalf("a state cut to %d of %d bytes was taken", cut, len(state))
		}
	}
	for name, spoil := range map[string]func([]byte){
		"another version":           func(b []byte) { b[0] = 99 },
		"a plan of a step to come":  func(b []byte) { b[1] = 50 },
		"a plan before the run":     func(b []byte) { b[8] = 0x80 },
		"settled before the run":    func(b []byte) { b[16] = 0x80 },
		"a frequency of no version": func(b []byte) { b[len(b)-8*(7+3+5+16+1)-1] = 99 },
	} {
		b := append([]byte(nil), state...)
		spoil(b)
		if _, err := weak(t, 60).op.UnmarshalBinary(b); err == nil {
			t.Errorf("a state with %s was taken", name)
		}
	}
}

// A step in which no plan is due allocates nothing, in an island and in a swing.
func TestStepAllocatesNothing(t *testing.T) {
	g := weak(t, 10)
	for tick := range twins.Tick(5) {
		g.step(tick)
	}
	g.step(5, set("a", "available", 0))
	tick := twins.Tick(6)
	if n := testing.AllocsPerRun(100, func() { g.silent(tick); tick++ }); n > 0 {
		t.Errorf("%v allocations in a step", n)
	}
}

func (g *grid) silent(at twins.Tick) {
	g.env.Tick, g.env.Commands = at, nil
	if err := twintest.Step(g.balance, &g.env, &g.scratch); err != nil {
		g.t.Fatal(err)
	}
}
