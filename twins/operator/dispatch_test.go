package operator_test

import (
	"testing"

	"github.com/smatrix-grid/smatrix/twins"
	"github.com/smatrix-grid/smatrix/twins/operator"
)

// Plants of 100 kW: cheap a, and dear b, whose ramp allows 15 kW in a step.
var (
	cheap  = plant("a", `"cost_eur_per_mwh": 50, "ramp_per_min": 1`)
	dear   = plant("b", `"cost_eur_per_mwh": 90, "ramp_per_min": 1, "min_output": 0.1`)
	held   = plant("b", `"cost_eur_per_mwh": 90, "ramp_per_min": 0.01`)
	former = battery("s", `"rated_wh": 100000, "rated_w": 50000, "grid_forming": true`)
)

// Plans of the operator's first step, worked out by hand.
func TestDispatch(t *testing.T) {
	type row struct {
		name        string
		config      operator.Config
		members     []member
		communities []tiers
		want        string
	}
	for _, band := range []struct {
		name string
		rows []row
	}{
		{"reserve", []row{
			{"nothing is gained where headroom shrinks as the infeed does", operator.Config{},
				[]member{cheap, dear}, []tiers{load(120)},
				"-100 -20 | essential 120"},
			{"a plant that is held by its ramp takes over what it could not give in time", operator.Config{},
				[]member{cheap, held}, []tiers{load(120)}, // a may be lost: 85 of its 100 are uncovered, of which b can take over 65
				"-35 -85 | essential 120"},
			{"storage counts: less is moved", operator.Config{},
				[]member{cheap, held}, []tiers{load(120), {storage: {-40, 0, 40}}}, // 100 less 15 less 40
				"-55 -65 | essential 120 | "},
			{"and so does load that is moved by agreement", operator.Config{},
				[]member{cheap, held}, []tiers{load(80), {vehicles: {0, 40, 40}}},
				"-55 -65 | essential 80 | vehicles 40"},
			{"but not without controls", operator.Config{Plain: true},
				[]member{cheap, held}, []tiers{load(80), {vehicles: {0, 40, 40}}},
				"-35 -85 | essential 80 | vehicles 40"},
			{"what is wanted besides is moved, too", operator.Config{Reserve: kW(10)},
				[]member{cheap, held}, []tiers{load(120), {storage: {-40, 0, 40}}},
				"-45 -75 | essential 120 | "},
			{"enough of it: nothing is moved", operator.Config{},
				[]member{cheap, held}, []tiers{load(120), {storage: {-90, 0, 90}}},
				"-100 -20 | essential 120 | "},
			{"nothing is moved if load goes short", operator.Config{},
				[]member{cheap, held}, []tiers{load(240)},
				"-100 -100 | essential 200"},
		}},
		{"ties", []row{
			{"cheap import, up to 45 % of load where storage must survive its loss", operator.Config{},
				[]member{dear, former, tie("tie", `"cost_eur_per_mwh": 50`)}, []tiers{load(100), {storage: {-50, 0, 50}}},
				"-55 -45 | essential 100 | "},
			{"or another share", operator.Config{ImportShare: twins.One / 4},
				[]member{dear, former, tie("tie", `"cost_eur_per_mwh": 50`)}, []tiers{load(100), {storage: {-50, 0, 50}}},
				"-75 -25 | essential 100 | "},
			{"not where no storage holds the frequency", operator.Config{},
				[]member{dear, battery("s", `"rated_wh": 100000, "rated_w": 50000`), tie("tie", `"cost_eur_per_mwh": 50`)}, []tiers{load(100), {storage: {-50, 0, 50}}},
				"0− -100 | essential 100 | "},
			{"nor where that storage is out of service", operator.Config{},
				[]member{dear, battery("s", `"rated_wh": 100000, "rated_w": 50000, "grid_forming": true, "available": false`), tie("tie", `"cost_eur_per_mwh": 50`)}, []tiers{load(100), {storage: {-50, 0, 50}}},
				"0− -100 | essential 100 | "},
			{"more than the share before load goes short", operator.Config{},
				[]member{plant("b", `"rated_w": 40000`), former, tie("tie", `"cost_eur_per_mwh": 50`)}, []tiers{load(100)},
				"-40 -60 | essential 100"},
			{"two ties share it", operator.Config{},
				[]member{dear, former, tie("t1", `"cost_eur_per_mwh": 50, "import_w": 30000`), tie("t2", `"cost_eur_per_mwh": 60, "holds_frequency": false`)}, []tiers{load(100), {storage: {-50, 0, 50}}},
				"-55 -30 -15 | essential 100 | "},
		}},
		{"plans", []row{
			{"the dear one stops where the cheap one and storage are enough", operator.Config{},
				[]member{cheap, dear}, []tiers{load(60), {storage: {-100, 0, 100}}},
				"-60 0− | essential 60 | "},
			{"and stays on as reserve where they are not", operator.Config{},
				[]member{cheap, dear}, []tiers{load(60), {storage: {-20, 0, 20}}},
				"-50 -10 | essential 60 | "},
			{"one that has not run for long enough stays", operator.Config{},
				[]member{cheap, plant("b", `"cost_eur_per_mwh": 90, "order": "run", "min_output": 0.4`)}, []tiers{load(60), {storage: {-100, 0, 100}}},
				"-20 -40 | essential 60 | "},
			{"too much: vehicles and storage take it", operator.Config{},
				[]member{plant("b", `"order": "run", "min_output": 0.4`)}, []tiers{{essential: {20, 20, 20}, vehicles: {0, 5, 10}, storage: {-20, 0, 20}}},
				"-40 | essential 20, vehicles 10, storage 10"},
		}},
		{"sold", []row{
			{"a share is exported", operator.Config{},
				[]member{plant("a", `"sold_share": 0.3`), tie("tie", "")}, []tiers{load(50)},
				"-80 30 | essential 50"},
			{"and given up first when it is needed here", operator.Config{},
				[]member{plant("a", `"sold_share": 0.3`), tie("tie", "")}, []tiers{load(90)},
				"-100 10 | essential 90"},
			{"as far as the tie carries it", operator.Config{},
				[]member{plant("a", `"sold_share": 0.3`), tie("tie", `"export_w": 20000`)}, []tiers{load(50)},
				"-70 20 | essential 50"},
			{"and not by a plant that is off", operator.Config{},
				[]member{plant("a", `"sold_share": 0.3, "available": false`), tie("tie", "")}, []tiers{load(50)},
				"0 -50 | essential 50"},
		}},
		{"the manager's hand", []row{
			{"a fixed output", operator.Config{},
				[]member{cheap, plant("b", `"cost_eur_per_mwh": 90, "fixed_w": 70000`)}, []tiers{load(120)},
				"-50 -70 | essential 120"},
			{"an order to stop", operator.Config{},
				[]member{plant("a", `"order": "stop"`), dear}, []tiers{load(60)},
				"0 -60 | essential 60"},
			{"an order to run: no plan needs to start it", operator.Config{},
				[]member{plant("a", `"order": "run", "initially": "off"`), dear}, []tiers{load(60)},
				"0 -60 | essential 60"},
		}},
		{"without controls", []row{
			{"all tiers are cut alike", operator.Config{Plain: true},
				[]member{plant("a", `"rated_w": 80000`)}, []tiers{{essential: {60, 60, 60}, comfort: {0, 20, 20}, vehicles: {0, 20, 20}}},
				"-80 | essential 48, comfort 16, vehicles 16"},
			{"with them vehicles give way", operator.Config{},
				[]member{plant("a", `"rated_w": 80000`)}, []tiers{{essential: {60, 60, 60}, comfort: {0, 20, 20}, vehicles: {0, 20, 20}}},
				"-80 | essential 60, comfort 20"},
			{"no load takes the surplus: it is held back", operator.Config{Plain: true},
				[]member{tie("tie", `"export_w": 10000`)}, []tiers{{essential: {60, 60, 60}, vehicles: {0, 0, 50}, roofs: {-80, -80, 0}}},
				"10 | essential 60, roofs -70"},
			{"with them vehicles take it", operator.Config{},
				[]member{tie("tie", `"export_w": 10000`)}, []tiers{{essential: {60, 60, 60}, vehicles: {0, 0, 50}, roofs: {-80, -80, 0}}},
				"0 | essential 60, vehicles 20, roofs -80"},
		}},
		{"odd grids", []row{
			{"no unit at all", operator.Config{}, nil, []tiers{{essential: {60, 60, 60}, storage: {-20, 0, 20}}},
				" | essential 20, storage -20"},
			{"a plant of a milliwatt", operator.Config{}, []member{plant("a", `"rated_w": 0.001`)}, []tiers{load(1)},
				"-1e-06 | essential 1e-06"},
			{"every plant out", operator.Config{}, []member{plant("a", `"available": false`), plant("b", `"available": false`)}, []tiers{load(1)},
				"0 0 | "},
			{"ties of more than a plan's integers hold", operator.Config{},
				[]member{tie("t1", `"import_w": 1e12, "export_w": 1e12`), tie("t2", `"import_w": 1e12, "export_w": 1e12`)}, []tiers{load(50)},
				"-50 0 | essential 50"},
			{"a price below zero: import before every plant", operator.Config{},
				[]member{dear, tie("tie", `"cost_eur_per_mwh": -20`)}, []tiers{load(50)},
				"0− -50 | essential 50"},
		}},
	} {
		t.Run(band.name, func(t *testing.T) {
			for _, r := range band.rows {
				if got := newGrid(t, quarter, r.config, r.members...).ask(r.communities...); got != r.want {
					t.Errorf("%s:\ngot  %s\nwant %s", r.name, got, r.want)
				}
			}
		})
	}
}

// Load that is cut without controls is cut without an agreement, and its
// reason says so.
func TestPlainSheds(t *testing.T) {
	for _, row := range []struct {
		plain bool
		want  twins.Reason
	}{{true, twins.Shed}, {false, twins.Scarcity}} {
		g := newGrid(t, quarter, operator.Config{Plain: row.plain}, plant("a", `"rated_w": 80000`))
		of, p := g.offer(tiers{essential: {60, 60, 60}, vehicles: {0, 40, 40}})
		g.op.Dispatch(&g.env, of, p)
		if got := p.Communities[0].Why[twins.Mobility]; got != row.want {
			t.Errorf("plain %v: reason %q, wanted %q", row.plain, got, row.want)
		}
	}
}

// A unit that was moved for reserve has that reason, and so has a unit that
// the plan stops.
func TestReasons(t *testing.T) {
	g := newGrid(t, quarter, operator.Config{}, cheap, held)
	of, p := g.offer(load(120))
	g.op.Dispatch(&g.env, of, p)
	if p.Units[0].Why[twins.Generation] != twins.Reserve || p.Units[1].Why[twins.Generation] != twins.Reserve {
		t.Errorf("reasons %q and %q, wanted reserve", p.Units[0].Why[twins.Generation], p.Units[1].Why[twins.Generation])
	}
	g = newGrid(t, quarter, operator.Config{}, cheap, dear)
	of, p = g.offer(load(60), tiers{storage: {-100, 0, 100}})
	g.op.Dispatch(&g.env, of, p)
	if p.Units[1].Why[twins.Generation] != twins.Planned {
		t.Errorf("reason %q, wanted planned", p.Units[1].Why[twins.Generation])
	}
}

// A step that leaves an infeed uncovered has an event with the missing power, worked
// out by hand; a step that covers each has none, and neither has a grid that could not
// hold its frequency with all the reserve there is.
func TestReserveThatIsShort(t *testing.T) {
	idle := func(rated string) member {
		return battery("s", `"rated_wh": 1000000, "rated_w": `+rated+`, "mode": "idle", "standby_w": 0`)
	}
	for _, row := range []struct {
		name    string
		config  operator.Config
		members []member
		load    float64
		want    [2]float64 // kW; 0: no event
	}{
		{"what b has left is less than a gives", operator.Config{}, []member{cheap, dear}, 120, [2]float64{100, 80}},
		{"storage makes up for the rest", operator.Config{}, []member{cheap, dear, idle("20000")}, 120, [2]float64{}},
		{"or for a part of it", operator.Config{}, []member{cheap, dear, idle("15000")}, 120, [2]float64{100, 95}},
		{"but not for what is wanted besides", operator.Config{Reserve: kW(7)}, []member{cheap, dear, idle("20000")}, 120, [2]float64{107, 100}},
		{"load that leaves enough", operator.Config{}, []member{cheap, dear}, 99, [2]float64{}},
		{"what a ramp holds back is no reserve", operator.Config{}, []member{cheap, held}, 120, [2]float64{35, 15}}, // and as much if b is lost: 85, of which a has 65
		{"nothing is left if load goes short", operator.Config{}, []member{cheap, dear}, 240, [2]float64{100, 0}},
		{"a tie alone", operator.Config{}, []member{tie("tie", "")}, 60, [2]float64{}},
		{"a tie that carries more than a plant has left", operator.Config{}, []member{plant("b", `"cost_eur_per_mwh": 90, "order": "run", "min_output": 0.4`), tie("tie", `"cost_eur_per_mwh": 50, "import_w": 200000`)}, 180, [2]float64{140, 60}},
	} {
		g := newGrid(t, quarter, row.config, row.members...)
		g.load = func(twins.Tick) float64 { return row.load }
		g.step(0)
		var got [2]float64
		for _, n := range g.balance.Events {
			if n.Event.Type == operator.ReserveShort {
				got = [2]float64{float64(n.Event.Field("wanted_w")) / 1e6, float64(n.Event.Field("kept_w")) / 1e6}
			}
		}
		if got != row.want {
			t.Errorf("%s: event has %v kW wanted and kept, wanted %v", row.name, got, row.want)
		}
	}
}
