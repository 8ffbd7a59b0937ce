package twins_test

import (
	"testing"

	"github.com/smatrix-grid/smatrix/twins"
	"github.com/smatrix-grid/smatrix/twins/twintest"
)

// In the cold, with a tie that carries all of the essential load and half of
// the heat pump's least: essential load is served, heat is cut below its
// promise and booked as unserved.
func TestHeatIsCutByForceBeforeEssentialLoad(t *testing.T) {
	site := twintest.NewSite(7, 900)
	member := func(k *twins.Kind, path, spec string) twins.CellMember {
		return twins.CellMember{Kind: k, Member: twins.Member{Path: path, Spec: []byte(spec)}}
	}
	cell, err := twins.NewCell(site, twins.Member{Path: "grid/c", Spec: []byte(`{}`)}, []twins.CellMember{
		member(twins.Household, "grid/c/h1", `{"load": {"recording": "r", "column": "c0", "scale": 1}, "power_factor": 1, "phase": "ABC", "bus": 0,
			"heat_pump": {"model": "air_to_water", "rated_w": 3000, "cop_share": 0.4, "flow_c": 45, "rated_heat_w": 1, "rated_cop": 3,
			"heat_loss_w_per_k": 180, "time_constant_h": 50, "gains_w": 0, "solar_m2": 0, "min_c": 20, "max_c": 22, "setpoint_c": 21,
			"initial_c": 20, "available": true}}`),
		member(twins.Tie, "grid/c/tie", `{"import_w": 2000, "export_w": 0, "link": "ac", "holds_frequency": true, "available": true}`),
	}, twins.Lossless{})
	if err != nil {
		t.Fatal(err)
	}
	node, err := twins.NewNode(twins.Grid, twins.Member{Path: "grid", Spec: []byte(`{}`)})
	if err != nil {
		t.Fatal(err)
	}
	b := twintest.NewLoop(node, twins.MeritOrder{}, []*twins.Cell{cell})
	var env twins.Env
	var w twins.Scratch
	twintest.FillEnv(site, 0, &env)
	const load = 1500 * twins.Watt
	env.Weather = twins.Weather{Temperature: -2}
	env.Recorded[0] = load
	if err := twintest.Step(b, &env, &w); err != nil {
		t.Fatal(err)
	}
	if err := books(b, &env); err != nil {
		t.Error(err)
	}
	// 22 K · 180 W/K ÷ COP 2.71 hold 20 °C.
	home := cell.Blocks[0].Read[0]
	needs := cell.Flex.Tier[twins.Comfort].Min
	if needs < 1450*twins.Watt || needs > 1480*twins.Watt {
		t.Errorf("the heat pump must have %v W", needs.Watts())
	}
	// The house cools within the step and loses less: 1 − (1 − e^−x)/x of 900 s ÷ 50 h, 0.25 %.
	missing := needs - 500*twins.Watt
	if saved := missing - home.Unserved; saved < missing/500 || saved > missing/333 {
		t.Errorf("%v W unserved of %v W", home.Unserved.Watts(), missing.Watts())
	}
	if home.Parts[0] != load || home.Parts[1] != 500*twins.Watt || home.Reason != twins.Scarcity {
		t.Errorf("load and heat %v, unserved %v W because of %v", home.Parts, home.Unserved.Watts(), home.Reason)
	}
	if len(cell.Events) != 2 || cell.Events[0].Event.Type.Name != "heat_pump.left_comfort" || cell.Events[1].Event.Type != twins.SupplyCut {
		t.Fatalf("events: %v", cell.Events)
	}
	if cut := cell.Events[1].Event; cut.Field("cut_w") != 0 || cut.Field("unserved_w") != int64(home.Unserved) {
		t.Errorf("heat that is missing is no essential load: %v", &cut)
	}
}

// Neither an offer nor a step of a heater allocates.
func TestHeatAllocatesNothing(t *testing.T) {
	for _, k := range twins.PartKinds() {
		if k.Name != "heat_pump" && k.Name != "hot_water" {
			continue
		}
		slab, env := heatSlab(t, k, 1)
		var ev twins.Events
		step := func() {
			env.Tick++
			env.SecondOfDay = (env.SecondOfDay + 900) % 86400
			ev.Reset()
			slab.Step(0, env, slab.Offer(0, env).Ref, &ev)
			for i := range ev.All() {
				slab.Apply(0, &ev.All()[i])
			}
		}
		step()
		if n := testing.AllocsPerRun(1000, step); n != 0 {
			t.Errorf("%s: %v allocations per step", k.Name, n)
		}
	}
}

func BenchmarkHeat(b *testing.B) {
	for _, k := range twins.PartKinds() {
		if k.Name != "heat_pump" && k.Name != "hot_water" {
			continue
		}
		b.Run(k.Name, func(b *testing.B) {
			slab, env := heatSlab(b, k, 1000)
			var ev twins.Events
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				i := n % 1000
				ev.Reset()
				slab.Step(i, env, slab.Offer(i, env).Ref, &ev)
				for e := range ev.All() {
					slab.Apply(i, &ev.All()[e])
				}
			}
		})
	}
}

// heatSlab is n random parts in the cold.
func heatSlab(t testing.TB, k *twins.PartKind, n int) (twins.PartSlab, *twins.Env) {
	site := twintest.NewSite(1, 900)
	var members []twins.Member
	draw := int64(0)
	for range n {
		members = append(members, twins.Member{Path: "grid/c/h." + k.Name, Spec: []byte(k.Sample(func(lo, hi int64) int64 {
			draw++
			return twins.Between(twins.Draw(1, 2, 3, draw), lo, hi)
		}))})
	}
	slab, err := k.New(site, members)
	if err != nil {
		t.Fatal(err)
	}
	var env twins.Env
	twintest.FillEnv(site, 30, &env)
	env.Weather.Temperature = -3
	return slab, &env
}
