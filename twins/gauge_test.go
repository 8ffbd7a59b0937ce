package twins_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/smatrix-grid/smatrix/twins"
	"github.com/smatrix-grid/smatrix/twins/twintest"
)

// gauged is a twin in the middle of a day, with its gauges of the last step.
type gauged struct {
	t      *testing.T
	kind   *twins.Kind
	site   *twins.Site
	slab   twins.Slab
	env    twins.Env
	flex   twins.Flex
	read   twins.Reading
	events twins.Events
	gauges map[string]int64
}

func newGauged(t *testing.T, k *twins.Kind, site *twins.Site, entry string) *gauged {
	t.Helper()
	slab, err := k.New(site, []twins.Member{{Path: "grid/c/it", Spec: []byte(entry)}})
	if err != nil {
		t.Fatal(err)
	}
	g := &gauged{t: t, kind: k, site: site, slab: slab, gauges: map[string]int64{}}
	g.read.Parts = make([]twins.Power, len(slab.Parts(0)))
	return g
}

// step takes it through a step with the setpoint that choose makes of its
// reference.
func (g *gauged) step(tick twins.Tick, choose func(*twins.Setpoint), outdoor float64) {
	twintest.FillEnv(g.site, tick, &g.env)
	g.env.Weather.Temperature = outdoor
	g.flex, g.read = twins.Flex{}, twins.Reading{Parts: g.read.Parts}
	g.events.Reset()
	g.slab.Offer(0, &g.env, &g.flex)
	set := g.flex.Follow()
	if choose != nil {
		choose(&set)
	}
	g.slab.Step(0, &g.env, &set, &g.events, &g.read)
	for i := range g.events.All() {
		g.slab.Apply(0, &g.events.All()[i])
	}
	list := twins.GaugesOf(g.kind, g.slab.Parts(0))
	values := make([]int64, len(list))
	g.slab.(twins.Gauger).Gauges(0, &g.env, &g.read, values)
	for i, v := range values {
		g.gauges[list[i].Name] = v
	}
}

// sum adds up the fields of the step's events of a type; a field after "-" is
// subtracted.
func (g *gauged) sum(event string, fields ...string) (sum int64) {
	for i := range g.events.All() {
		e := &g.events.All()[i]
		if e.Type.Name != event {
			continue
		}
		for _, f := range fields {
			if f[0] == '-' {
				sum -= e.Field(f[1:])
			} else {
				sum += e.Field(f)
			}
		}
	}
	return sum
}

func (g *gauged) command(setting string, v int64) {
	g.t.Helper()
	var ev twins.Events
	c := twins.Set("grid/c/it", setting, v)
	if err := g.slab.Command(0, &g.env, &c, &ev); err != nil {
		g.t.Fatal(err)
	}
	for i := range ev.All() {
		g.slab.Apply(0, &ev.All()[i])
	}
}

// near compares a gauge in its unit.
func (g *gauged) near(name string, want, tolerance float64) {
	g.t.Helper()
	list := twins.GaugesOf(g.kind, g.slab.Parts(0))
	at := slices.IndexFunc(list, func(l twins.Gauge) bool { return l.Name == name })
	if got := float64(g.gauges[name]) / math.Pow10(list[at].Places); math.Abs(got-want) > tolerance {
		g.t.Fatalf("step %d: %s is %v, wanted %v", g.env.Tick, name, got, want)
	}
}

// heatedHome is the entry of a home with a recorded load and other parts.
func heatedHome(changes string) string {
	return `{"load": {"recording": "r", "column": "c0", "scale": 1}, "power_factor": 1, "phase": "A", "bus": 0` + changes + `}`
}

func heatPump(initial float64, available bool) string {
	return fmt.Sprintf(`, "heat_pump": {"model": "air_to_water", "rated_w": 3000, "cop_share": 0.4, "flow_c": 45, "rated_heat_w": 8000, "rated_cop": 3.5,
		"heat_loss_w_per_k": 180, "time_constant_h": 50, "gains_w": 400, "solar_m2": 3, "min_c": 15, "max_c": 25, "setpoint_c": 21,
		"initial_c": %v, "available": %t}`, initial, available)
}

func tank(setpoint float64, daily int) string {
	return fmt.Sprintf(`, "hot_water": {"volume_l": 200, "rated_w": 2000, "cop": 1, "min_c": 45, "max_c": 60, "setpoint_c": %v, "hysteresis_k": 3,
		"reserve_wh": 1000, "initial_c": 55, "inlet_c": 10, "ambient_c": 20, "standing_loss_wh_per_day": 1500, "daily_wh": %d, "available": true}`, setpoint, daily)
}

// The temperatures of a room and a tank are the energy that went in, less the energy that
// went out, over the heat capacity in the entry: in each step of two days, at any
// setpoint. A room is colder in colder weather, a tank with a lower thermostat and larger
// draws.
func TestTemperaturesAreEnergyBalances(t *testing.T) {
	run := func(seed uint64, entry string, outdoor float64) *gauged {
		g := newGauged(t, twins.Household, twintest.NewSite(seed, 900), heatedHome(entry))
		random := rand.New(rand.NewPCG(seed, 7))
		room, tank := 0.0, 0.0
		for tick := range twins.Tick(192) {
			g.step(tick, func(s *twins.Setpoint) {
				if b := g.flex.Tier[twins.Comfort]; seed > 1 {
					s.Tier[twins.Comfort] = b.Min + twins.Power(random.Int64N(int64(b.Max-b.Min)+1))
				}
			}, outdoor)
			room += float64(g.sum("heat_pump.ran", "heat_j", "gains_j", "-lost_j"))
			tank += float64(g.sum("hot_water.ran", "heat_j", "-delivered_j", "-lost_j"))
			g.near("heat_pump.room_c", 18+room/(180*50*3.6e6), 0.001)
			g.near("hot_water.tank_c", 55+tank/(200*4186e3), 0.001)
		}
		return g
	}
	for seed := range uint64(10) {
		mild := run(seed, heatPump(18, true)+tank(58, 7400), 5)
		run(seed, heatPump(18, true)+tank(50, 7400), 5)
		if seed > 1 {
			continue
		}
		cold := run(seed, heatPump(18, false)+tank(47, 7400), -10)
		thirsty := run(seed, heatPump(18, true)+tank(58, 40000), 5)
		m, c, d := mild.gauges, cold.gauges, thirsty.gauges
		if c["heat_pump.room_c"] > m["heat_pump.room_c"]-5000 || c["hot_water.tank_c"] > m["hot_water.tank_c"]-5000 || d["hot_water.tank_c"] >= m["hot_water.tank_c"] {
			t.Errorf("seed %d: as it was %v, cold without heating %v, much drawn %v", seed, m, c, d)
		}
	}
}

// A home shows the gauges of its parts, and a load has none.
func TestGaugesOfParts(t *testing.T) {
	for _, row := range []struct{ entry, want string }{
		{"", "[]"}, {tank(58, 0), "[hot_water.tank_c]"}, {tank(58, 0) + heatPump(20, true), "[heat_pump.room_c hot_water.tank_c]"},
	} {
		g := newGauged(t, twins.Household, twintest.NewSite(1, 900), heatedHome(row.entry))
		var names []string
		for _, l := range twins.GaugesOf(twins.Household, g.slab.Parts(0)) {
			names = append(names, l.Name)
		}
		if got := fmt.Sprint(names); got != row.want {
			t.Errorf("%s, wanted %s", got, row.want)
		}
	}
}

// A vehicle is away, plugged or charging according to its sessions and its power, and leaves
// when its session ends. Held back or out of service it stays plugged.
func TestConnectorFollowsSessions(t *testing.T) {
	sessions := []twins.Session{{From: 8, Until: 40, Energy: 12 * twins.KilowattHour}, {From: 60, Until: 62, Energy: 3 * twins.KilowattHour},
		{From: 62, Until: 80, Energy: 5 * twins.KilowattHour}}
	for _, step := range []twins.Seconds{60, 900} {
		site := twintest.NewSite(1, step)
		site.Sessions = func(string, string, int) ([]twins.Session, error) { return sessions, nil }
		g := newGauged(t, twins.Vehicle, site, `{"rated_wh": 60000, "initial_soc": null, "target_soc": 0.9, "efficiency": 0.9,
			"phases": 1, "min_a": 6, "rated_a": 32, "sessions": {"list": "s", "user": "u", "shift_weeks": 0}, "available": true}`)
		seen := map[int64]int{}
		for tick := range twins.Tick(90) {
			switch tick {
			case 70:
				g.command("available", 0)
			case 74:
				g.command("available", 1)
			}
			g.step(tick, func(s *twins.Setpoint) {
				if tick >= 10 && tick < 14 {
					s.Tier[twins.Mobility] = 0
				}
			}, 10)
			connector, leaves := int64(0), twins.GaugeUnknown
			for _, s := range sessions {
				if s.From <= tick && tick < s.Until {
					connector, leaves = 1, int64(twins.Seconds(s.Until-tick-1)*step)
				}
			}
			if g.read.Storage > 0 {
				connector = 2
			}
			if g.gauges["connector"] != connector || g.gauges["leaves_s"] != leaves {
				t.Fatalf("steps of %d s, step %d: %v, wanted connector %d, leaves in %d s", step, tick, g.gauges, connector, leaves)
			}
			if held := tick >= 10 && tick < 14 || tick >= 70 && tick < 74; held && connector != 1 {
				t.Errorf("step %d: held back, connector %d", tick, connector)
			}
			seen[connector]++
		}
		if seen[0] < 20 || seen[1] < 8 || seen[2] < 5 {
			t.Errorf("steps of %d s: steps by connector %v", step, seen)
		}
	}
}

// Health falls by a fifth for a life of full cycles and a fifth for a life of years,
// counted from the readings: the energy taken from store, and the steps.
func TestHealthFollowsUseAndTime(t *testing.T) {
	for _, life := range []int{50, 200} {
		g := newGauged(t, twins.Battery, twintest.NewSite(1, 3600), fmt.Sprintf(`{"rated_wh": 10000, "rated_w": 5000, "charge_efficiency": 0.9506, "discharge_efficiency": 0.9506,
			"standby_w": 10, "min_soc": 0.15, "max_soc": 0.95, "cycle_life": %d, "calendar_life_years": 1, "mode": "self_consumption", "peak_w": 0,
			"tariff": {"charge_from": "00:00", "charge_to": "06:00", "discharge_from": "17:00", "discharge_to": "21:00"},
			"reserve_soc": 0, "grid_forming": false, "droop": 0.015, "response_s": 0.2, "initial_soc": 0.5, "prepared": false, "available": true}`, life))
		taken := 0.0
		for tick := range twins.Tick(240) {
			g.step(tick, func(s *twins.Setpoint) {
				s.Tier[twins.Storage] = []twins.Power{5 * twins.Kilowatt, -5 * twins.Kilowatt, 0}[int(tick)/3%3]
			}, 10)
			taken += math.Max(0, -float64(g.read.Stored))
			years := float64(tick+1) * 3600 / 31_557_600
			g.near("health", 1-0.2*taken/(10000*3.6e6)/float64(life)-0.2*years, 1e-8)
		}
		if g.gauges["health"] >= 980_000_000 {
			t.Errorf("a life of %d cycles: health %d after %.0f mJ were taken", life, g.gauges["health"], taken)
		}
	}
}

// A prepared battery has no health until it is put in, and then that of a new one.
func TestHealthOfPreparedBattery(t *testing.T) {
	g := newGauged(t, twins.Battery, twintest.NewSite(1, 900), `{"rated_wh": 10000, "rated_w": 5000, "charge_efficiency": 0.9506, "discharge_efficiency": 0.9506,
		"standby_w": 10, "min_soc": 0.15, "max_soc": 0.95, "cycle_life": 6000, "calendar_life_years": 15, "mode": "idle", "peak_w": 0,
		"tariff": {"charge_from": "00:00", "charge_to": "06:00", "discharge_from": "17:00", "discharge_to": "21:00"},
		"reserve_soc": 0, "grid_forming": false, "droop": 0.015, "response_s": 0.2, "initial_soc": 0.5, "prepared": true, "available": false}`)
	g.step(0, nil, 10)
	if g.gauges["health"] != twins.GaugeUnknown {
		t.Errorf("health %d before it was put in", g.gauges["health"])
	}
	g.command("available", 1)
	g.step(1, nil, 10)
	g.near("health", 1, 1e-6)
}

// A plant's state follows its notable events, and it generates only while it is on.
func TestStateOfPlantFollowsEvents(t *testing.T) {
	g := newGauged(t, twins.Producer, twintest.NewSite(1, 900), `{"rated_w": 6000, "min_output": 0.4, "ramp_per_min": 0.2, "start_up_s": 2700, "cost_eur_per_mwh": 134,
		"initially": "on", "order": "auto", "fixed_w": 0, "sold_share": 0, "available": true}`)
	want, seen := "on", map[string]int{}
	words := twins.Producer.Gauges[0].Words
	for tick := range twins.Tick(96) {
		g.step(tick, func(s *twins.Setpoint) {
			switch tick % 24 {
			case 5:
				s.Run = twins.Stop
			case 12:
				s.Run = twins.Start
			}
		}, 10)
		for _, e := range g.events.All() {
			switch e.Type.Name {
			case "producer.starting":
				want = "starting"
			case "producer.started":
				want = "on"
			case "producer.stopped":
				want = "off"
			}
		}
		got := words[g.gauges["state"]]
		if got != want || g.read.Generation > 0 && got != "on" {
			t.Fatalf("step %d: %s, wanted %s; it generates %d mW", tick, got, want, g.read.Generation)
		}
		seen[got]++
	}
	if seen["off"] == 0 || seen["starting"] == 0 || seen["on"] == 0 {
		t.Errorf("steps by state %v", seen)
	}
}

// What a pump has left is the day's energy less its metered energy of that day.
func TestLeftToPumpFollowsMeter(t *testing.T) {
	for seed := range uint64(10) {
		g := newGauged(t, twins.WaterPump, twintest.NewSite(seed, 900), `{"rated_w": 3000, "daily_wh": 11000, "from": "06:00", "until": "20:00"}`)
		random := rand.New(rand.NewPCG(seed, 7))
		pumped, day := twins.Energy(0), int32(0)
		for tick := range twins.Tick(3 * 96) {
			g.step(tick, func(s *twins.Setpoint) {
				b := g.flex.Tier[twins.Flexible]
				s.Tier[twins.Flexible] = b.Min + twins.Power(random.Int64N(int64(b.Max-b.Min)+1))
			}, 10)
			if g.env.Day != day {
				pumped, day = 0, g.env.Day
			}
			pumped += g.read.Power.For(900)
			if want := max(0, 11000*twins.WattHour-pumped); g.gauges["left_j"] != int64(want) {
				t.Fatalf("seed %d, step %d: %d mJ left, wanted %d", seed, tick, g.gauges["left_j"], want)
			}
		}
	}
}

// Reading gauges allocates nothing, for every kind.
func TestGaugesAllocateNothing(t *testing.T) {
	shown := 0
	for _, k := range twins.Kinds() {
		if k.New == nil {
			continue
		}
		for seed := range uint64(20) {
			site, slab, err := twintest.NewSlab(k, seed)
			if err != nil {
				t.Fatal(err)
			}
			values := make([]int64, len(twins.GaugesOf(k, slab.Parts(0))))
			if len(values) == 0 {
				continue
			}
			var env twins.Env
			twintest.FillEnv(site, 0, &env)
			read, gauger := twins.Reading{}, slab.(twins.Gauger)
			if n := testing.AllocsPerRun(10, func() { gauger.Gauges(0, &env, &read, values) }); n != 0 {
				t.Errorf("%s, seed %d: %v allocations", k.Name, seed, n)
			}
			shown++
		}
	}
	if shown < 80 {
		t.Errorf("%d twins with gauges", shown)
	}
}

// A cell's record has each member's gauges at its index, those of a member in quarantine
// as unknown; a record that is not of a stepping cell has none. The indices match the
// members' names, also after states were stored and restored.
func TestRecordHasGauges(t *testing.T) {
	compared, unknown := 0, 0
	for seed := range uint64(40) {
		g := twintest.NewGrid(seed)
		cells, node := g.Build()
		b := twintest.NewLoop(node, twins.MeritOrder{}, cells)
		var env twins.Env
		var w twins.Scratch
		for tick := range twins.Tick(twintest.Steps) {
			g.Env(tick, &env)
			if tick == twintest.Steps/2 {
				cells[0].Quarantine(twins.Slot{})
			}
			if err := twintest.Step(b, &env, &w); err != nil {
				t.Fatal(err)
			}
			for n, c := range cells {
				for k := range c.Record().Blocks {
					r := &c.Record().Blocks[k]
					at := 0
					for i := range r.Paths {
						want := make([]int64, len(r.GaugeList(i)))
						if c.Blocks[k].Quarantined(i) {
							for j := range want {
								want[j] = twins.GaugeUnknown
								unknown++
							}
						} else if len(want) > 0 {
							c.Blocks[k].Slab.(twins.Gauger).Gauges(i, &env, &c.Blocks[k].Read[i], want)
						}
						if got := r.GaugesOf(i); !slices.Equal(got, want) || len(want) > 0 && &got[0] != &r.Gauges[at] {
							t.Fatalf("seed %d, cell %d, %s, step %d: gauges %d, wanted %d", seed, n, r.Paths[i], tick, got, want)
						}
						at += len(want)
						compared += len(want)
					}
					if at != len(r.Gauges) {
						t.Fatalf("seed %d: %d gauges of a block, its members have %d", seed, len(r.Gauges), at)
					}
				}
			}
		}
		blank := twins.NewCellRecord(cells[0].Layout())
		for k := range blank.Blocks {
			for i := range blank.Blocks[k].Paths {
				if got := blank.Blocks[k].GaugesOf(i); got != nil {
					t.Fatalf("a record of no step has gauges %d", got)
				}
			}
		}
	}
	if compared < 1000 || unknown == 0 {
		t.Errorf("%d gauges compared, %d unknown", compared, unknown)
	}
}

// drooping is a network whose voltage falls with the draw, and which has a gauge
// for it.
type drooping struct{}

func (drooping) Flow(draws []twins.BusDraw, out *twins.NetworkState) {
	*out = twins.NetworkState{Voltages: append(out.Voltages[:0], twins.BusVoltage{Millivolts: 230_000})}
	for _, d := range draws {
		out.Voltages[0].Millivolts -= int64(d.Power) / 1000
	}
}

func (drooping) GaugeList() []twins.Gauge {
	return []twins.Gauge{{Name: "voltage_v", Label: "Voltage", Places: 3}}
}

func (drooping) Gauges(state *twins.NetworkState, out []int64) { out[0] = state.Voltages[0].Millivolts }

// A network with gauges shows them for its community.
func TestRecordHasGaugesOfNetwork(t *testing.T) {
	site := twintest.NewSite(1, 900)
	home := twins.CellMember{Kind: twins.Household, Member: twins.Member{Path: "grid/c/h", Spec: []byte(heatedHome(""))}}
	tie := twins.CellMember{Kind: twins.Tie, Member: twins.Member{Path: "grid/c/tie",
		Spec: []byte(`{"import_w": 1e6, "export_w": 1e6, "link": "ac", "holds_frequency": true, "cost_eur_per_mwh": null, "available": true}`)}}
	cell, err := twins.NewCell(site, twins.Member{Path: "grid/c", Spec: []byte(`{}`)}, []twins.CellMember{home, tie}, drooping{})
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
	seen := map[int64]bool{}
	for tick := range twins.Tick(24) {
		twintest.FillEnv(site, tick, &env)
		if err := twintest.Step(b, &env, &w); err != nil {
			t.Fatal(err)
		}
		r := cell.Record()
		if want := 230_000 - int64(r.Blocks[0].Flows.Power)/1000; len(r.Gauges) != 1 || r.Gauges[0] != want {
			t.Fatalf("step %d: gauges %d, wanted %d", tick, r.Gauges, want)
		}
		seen[r.Gauges[0]] = true
	}
	if list := cell.Layout().Gauges; len(list) != 1 || list[0].Name != "voltage_v" || len(seen) < 5 {
		t.Errorf("gauges %v, %d voltages", list, len(seen))
	}
}
