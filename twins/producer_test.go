package twins_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/smatrix-grid/smatrix/twins"
)

// plant is one producer that a test steps by hand.
type plant struct {
	t    *testing.T
	slab twins.Slab
	env  twins.Env
	ev   twins.Events
	flex twins.Flex
}

func newPlant(t *testing.T, step twins.Seconds, spec string) *plant {
	t.Helper()
	if !strings.Contains(spec, "initially") {
		spec += `, "initially": "on"`
	}
	s, err := twins.Producer.New(&twins.Site{Step: step}, []twins.Member{{Path: "grid/c/p", Spec: []byte(`{"available": true, ` + spec + `}`)}})
	if err != nil {
		t.Fatal(err)
	}
	p := &plant{t: t, slab: s, env: twins.Env{Step: step}}
	p.offer()
	return p
}

func (p *plant) offer() {
	p.flex = twins.Flex{}
	p.slab.Offer(0, &p.env, &p.flex)
}

// step asks for a power in W, or to start or stop, and advances to the next step.
func (p *plant) step(run twins.Run, watts float64) (generated twins.Power, events string) {
	p.t.Helper()
	set := twins.Setpoint{Run: run}
	set.Tier[twins.Generation] = -twins.Power(watts * float64(twins.Watt))
	var out twins.Reading
	p.ev.Reset()
	p.slab.Step(0, &p.env, &set, &p.ev, &out)
	for i := range p.ev.All() {
		e := &p.ev.All()[i]
		p.slab.Apply(0, e)
		if e.Type.Notable {
			events += e.String() + "; "
		}
	}
	p.env.Tick++
	p.offer()
	return out.Generation, strings.TrimSuffix(events, "; ")
}

// skip lets n steps pass without orders.
func (p *plant) skip(n int) {
	for range n {
		p.step(twins.Keep, 0)
	}
}

func (p *plant) command(setting string, v int64) {
	p.t.Helper()
	p.ev.Reset()
	c := twins.Set("grid/c/p", setting, v)
	if err := p.slab.Command(0, &p.env, &c, &p.ev); err != nil {
		p.t.Fatal(err)
	}
	for i := range p.ev.All() {
		p.slab.Apply(0, &p.ev.All()[i])
	}
	p.offer()
}

// Direct carbon is RTS-GMLC's: lb of CO2 per MMBTU, and its heat rate at full
// load, which is the average one at the first point and incremental ones from
// there on. Within 0.1 %.
func TestDirectCarbonIsThatOfRTS(t *testing.T) {
	const gramsPerPound = 453.592
	for _, row := range []struct {
		technology string
		lb         float64
		average    float64    // BTU/kWh at the first point
		points     [4]float64 // shares of full load
		increments [3]float64
	}{
		{"coal", 210, 11446, [4]float64{0.4, 0.6, 0.8, 1}, [3]float64{9650, 10640, 12796}},
		{"combined_cycle", 118, 7222, [4]float64{0.478873239, 0.65258216, 0.82629108, 1}, [3]float64{5970, 6892, 7854}},
		{"gas_turbine", 118, 13125, [4]float64{0.4, 0.6, 0.8, 1}, [3]float64{6899, 7602, 7797}},
		{"gas_engine", 118, 13125, [4]float64{0.4, 0.6, 0.8, 1}, [3]float64{6899, 7602, 7797}},
		{"oil", 160, 13114, [4]float64{0.4, 0.6, 0.8, 1}, [3]float64{9456, 9476, 10352}},
	} {
		heat := row.average * row.points[0]
		for i, inc := range row.increments {
			heat += inc * (row.points[i+1] - row.points[i])
		}
		want := row.lb * gramsPerPound * heat / 1e6
		p := newPlant(t, 60, fmt.Sprintf(`"rated_w": 1000, "technology": %q`, row.technology))
		got := float64(p.slab.(twins.Generator).Plant(0).CO2Direct) / 1000
		if math.Abs(got/want-1) > 0.001 {
			t.Errorf("%s: %v g/kWh, RTS has %.1f", row.technology, got, want)
		}
	}
}

// The defaults of a technology, and that an entry's own keys override them.
func TestTechnologies(t *testing.T) {
	for _, row := range []struct {
		spec              string
		min, ramp         float64 // W of 1,000
		cost              float64
		inertia           int64
		direct, lifeCycle int64 // mg
	}{
		{`"technology": "coal"`, 400, 19, 124, 3000, 1066_000, 820_000},
		{`"technology": "lignite"`, 500, 10, 87, 3800, 1069_000, 820_000},
		{`"technology": "gas_engine"`, 400, 200, 134, 1500, 520_000, 674_000},
		{`"technology": "gas_turbine"`, 400, 67, 134, 4200, 520_000, 674_000},
		{`"technology": "combined_cycle"`, 480, 12, 85, 4200, 378_000, 490_000},
		{`"technology": "nuclear"`, 500, 30, 10, 5900, 0, 12_000},
		{`"technology": "hydro"`, 0, 1000, 5, 2700, 0, 24_000},
		{`"technology": "biogas"`, 500, 200, 95, 1500, 0, 230_000},
		{`"technology": "oil"`, 400, 150, 300, 4300, 806_000, 840_000},
		{`"initially": "on"`, 0, 1000, 100, 0, 0, 0},
		{`"technology": "coal", "min_output": 0.3, "ramp_per_min": 0.05, "cost_eur_per_mwh": 91, "inertia_s": 4.2, "co2_direct_g_per_kwh": 774, "co2_life_cycle_g_per_kwh": 810.5`,
			300, 50, 91, 4200, 774_000, 810_500},
		{`"min_output": 0.3, "ramp_per_min": 0.05, "cost_eur_per_mwh": -1`, 300, 50, -1, 0, 0, 0},
	} {
		p := newPlant(t, 60, `"rated_w": 1000, `+row.spec)
		least, cost := (-p.flex.Tier[twins.Generation].Max).Watts(), float64(p.flex.Cost)/1e6
		p.step(twins.Keep, row.min)
		ramp := -p.flex.Tier[twins.Generation].Min.Watts() - row.min
		if row.min+row.ramp > 1000 {
			ramp = row.ramp
		}
		plant := p.slab.(twins.Generator).Plant(0)
		got := fmt.Sprint(least, math.Round(ramp), cost, plant.Rated, plant.Inertia, plant.CO2Direct, plant.CO2LifeCycle)
		want := fmt.Sprint(row.min, row.ramp, row.cost, 1000*twins.Watt, row.inertia, row.direct, row.lifeCycle)
		if got != want {
			t.Errorf("%s: %s, wanted %s", row.spec, got, want)
		}
	}
}

// The length of a start is that of the heat state at the order: coal stops, cools
// down, and starts.
func TestStartByHeatState(t *testing.T) {
	const quarter = 900
	for _, row := range []struct {
		name  string
		spec  string
		off   float64 // hours
		hours float64 // until it generates
		heat  string
	}{
		{"hot", `"technology": "coal"`, 8, 3, "heat=0"},
		{"hot, just", `"technology": "coal"`, 10.75, 3, "heat=0"},
		{"warm", `"technology": "coal"`, 11, 6, "heat=1"},
		{"warm, just", `"technology": "coal"`, 59.75, 6, "heat=1"},
		{"cold", `"technology": "coal"`, 60, 10, "heat=2"},
		{"warm sooner", `"technology": "coal", "warm_after_s": 3600, "min_down_s": 0`, 2, 6, "heat=1"},
		{"own hot start", `"technology": "coal", "start_up_s": 7200`, 8, 2, "heat=0"},
		{"own start counts for warm and cold", `"technology": "coal", "start_up_s": 7200`, 60, 2, "heat=2"},
		{"unless they are stated", `"technology": "coal", "start_up_s": 7200, "start_up_warm_s": 7200, "start_up_cold_s": 10800`, 60, 3, "heat=2"},
		{"engine", `"technology": "gas_engine"`, 1, 0.25, "heat=2"},
		{"without technology, always the same", `"start_up_s": 1800`, 100, 0.5, "heat=2"},
	} {
		p := newPlant(t, quarter, `"rated_w": 1000, `+row.spec)
		p.step(twins.Keep, 1000)
		p.step(twins.Stop, 0)
		p.skip(int(row.off*4) - 1)
		told := p.slab.(twins.Generator).Plant(0)
		takes, heat := told.Start(twins.Seconds(p.env.Tick-told.Since) * quarter)
		if want := map[string]string{"hot": "heat=0", "warm": "heat=1", "cold": "heat=2"}[heat]; want != row.heat || float64((takes+quarter-1)/quarter)/4 != row.hours {
			t.Errorf("%s: describes a start of %v h and %s", row.name, float64(takes)/3600, want)
		}
		if _, events := p.step(twins.Start, 0); !strings.HasPrefix(events, "producer.starting") || !strings.HasSuffix(events, row.heat) {
			t.Errorf("%s: %q, wanted %s", row.name, events, row.heat)
		}
		steps := 1
		for ; p.flex.Tier[twins.Generation].Min == 0; steps++ {
			p.step(twins.Keep, 0)
		}
		if got := float64(steps) / 4; got != row.hours {
			t.Errorf("%s: generates after %v h, wanted %v", row.name, got, row.hours)
		}
	}
	cold := newPlant(t, quarter, `"rated_w": 1000, "technology": "coal", "initially": "off"`)
	if _, events := cold.step(twins.Start, 0); events != "producer.starting ready_tick=40 heat=2" {
		t.Errorf("off at the start of the run: %q, wanted a cold start of 40 quarters", events)
	}
}

// A plant that has stopped cannot be started before min_down_s, for any order.
func TestMinDown(t *testing.T) {
	p := newPlant(t, 900, `"rated_w": 1000, "min_output": 0.4, "min_down_s": 3600`)
	p.step(twins.Keep, 1000)
	if _, events := p.step(twins.Stop, 0); events != "producer.stopped output_w=1000.000 tick=1 early_s=0" {
		t.Fatalf("%q", events)
	}
	for k := range 3 { // off for 1, 2, 3 quarters
		if p.flex.Startable != 0 {
			t.Errorf("off for %d s and startable with %v W", (k+1)*900, p.flex.Startable.Watts())
		}
		if _, events := p.step(twins.Start, 0); events != "" {
			t.Errorf("off for %d s: %q", (k+1)*900, events)
		}
	}
	if p.flex.Startable != 400*twins.Watt {
		t.Errorf("off for an hour: startable with %v W, wanted 400", p.flex.Startable.Watts())
	}
	if _, events := p.step(twins.Start, 0); events != "producer.starting ready_tick=6 heat=2" {
		t.Errorf("%q", events)
	}
	fresh := newPlant(t, 900, `"rated_w": 1000, "min_down_s": 3600, "initially": "off"`)
	if fresh.flex.Startable == 0 {
		t.Error("off since before the run and not startable")
	}
}

// A plant that has started is Committed for min_up_s. If it is stopped all the same, its event says
// how much was missing.
func TestMinUp(t *testing.T) {
	spec := `"rated_w": 1000, "min_output": 0.4, "start_up_s": 0, "min_up_s": 3600, "initially": "off"`
	started := func() *plant {
		p := newPlant(t, 900, spec)
		p.step(twins.Start, 0)
		return p
	}
	p := started()
	for k := range 4 {
		if p.flex.Duty != twins.Committed {
			t.Errorf("on for %d s: duty %d, wanted committed", 900*k, p.flex.Duty)
		}
		p.step(twins.Keep, 500)
	}
	if p.flex.Duty != twins.Dispatched {
		t.Errorf("on for an hour: duty %d, wanted dispatched", p.flex.Duty)
	}
	if _, events := p.step(twins.Stop, 0); events != "producer.stopped output_w=500.000 tick=5 early_s=0" {
		t.Errorf("%q", events)
	}
	p = started()
	p.step(twins.Keep, 500)
	if _, events := p.step(twins.Stop, 0); events != "producer.stopped output_w=500.000 tick=2 early_s=2700" {
		t.Errorf("stopped after a quarter: %q, wanted 2,700 s early", events)
	}
	p = started()
	p.step(twins.Keep, 500)
	p.command("available", 0)
	if _, events := p.step(twins.Keep, 0); events != "producer.stopped output_w=500.000 tick=2 early_s=2700" {
		t.Errorf("outage after a quarter: %q, wanted 2,700 s early", events)
	}
	if fresh := newPlant(t, 900, `"rated_w": 1000, "min_up_s": 3600`); fresh.flex.Duty != twins.Dispatched {
		t.Error("on since before the run and committed")
	}
}

// Water is neither made nor lost: inflow = generated + spilled + Δreservoir to the
// millijoule. A plant can hold its inflow for ever; above that it draws its
// reservoir down.
func TestHydroByHand(t *testing.T) {
	spec := `"rated_w": 50000, "technology": "hydro", "inflow_w": 25000, "reservoir_wh": 10000, "initial_fill": 0.5`
	p := newPlant(t, 3600, spec)
	for k, row := range []struct{ asked, given float64 }{
		{50_000, 30_000}, // 25 arrive, 5 were there
		{50_000, 25_000}, // the reservoir is empty: firm
		{50_000, 25_000},
		{10_000, 10_000}, // 10 fit in, 5 are spilled
		{0, 0},           // 25 are spilled
		{50_000, 35_000},
		{25_000, 25_000},
	} {
		if got, _ := p.step(twins.Keep, row.asked); got.Watts() != row.given {
			t.Errorf("hour %d: %v W, wanted %v", k, got.Watts(), row.given)
		}
	}
	state := p.slab.AppendBinary(0, nil)
	ints := make([]int64, (len(state)-1)/8)
	for i := range ints {
		for b := range 8 {
			ints[i] |= int64(state[1+8*i+b]) << (8 * b)
		}
	}
	generated, water, spilled := ints[3], ints[7], ints[8]
	wh := int64(twins.WattHour)
	if generated != 150_000*wh || water != 0 || spilled != 30_000*wh {
		t.Errorf("generated %d, water %d, spilled %d Wh; wanted 150,000, 0, 30,000", generated/wh, water/wh, spilled/wh)
	}
	if in := 7*25_000*wh + 5000*wh; in != generated+water+spilled {
		t.Errorf("%d mJ of water came, %d went", in, generated+water+spilled)
	}
	for _, row := range []struct {
		name, spec string
		first      float64 // asked for all
	}{
		{"fuller", `"rated_w": 50000, "technology": "hydro", "inflow_w": 25000, "reservoir_wh": 10000, "initial_fill": 1`, 35_000},
		{"more inflow", `"rated_w": 50000, "technology": "hydro", "inflow_w": 30000, "reservoir_wh": 10000`, 35_000},
		{"run of river", `"rated_w": 50000, "technology": "hydro", "inflow_w": 25000`, 25_000},
		{"no limit", `"rated_w": 50000, "technology": "hydro"`, 50_000},
		{"less than its minimum", `"rated_w": 50000, "min_output": 0.9, "inflow_w": 25000`, 25_000},
	} {
		if got, _ := newPlant(t, 3600, row.spec).step(twins.Keep, 50_000); got.Watts() != row.first {
			t.Errorf("%s: %v W, wanted %v", row.name, got.Watts(), row.first)
		}
	}
}

func TestProducerRefuses(t *testing.T) {
	for _, row := range []struct{ name, spec, want string }{
		{"minimum above the rating", `"rated_w": 1000, "min_output": 1.2`, "grid/c/p: min_output 1.2: its minimum of 1200 W exceeds its rating of 1000 W"},
		{"unknown technology", `"rated_w": 1000, "technology": "steam"`, `grid/c/p: technology: "steam" is unknown, wanted one of: coal, lignite, `},
		{"warm start shorter than hot", `"rated_w": 1000, "start_up_s": 600, "start_up_warm_s": 60`, "grid/c/p: start_up_warm_s 60 is below start_up_s 600"},
		{"cold start shorter than warm", `"rated_w": 1000, "technology": "coal", "start_up_cold_s": 60`, "grid/c/p: start_up_cold_s 60 is below the 21600 s of a warm start"},
		{"cold before warm", `"rated_w": 1000, "technology": "coal", "cold_after_s": 60`, "grid/c/p: cold_after_s 60 is below warm_after_s 39600"},
		{"reservoir alone", `"rated_w": 1000, "reservoir_wh": 5`, "grid/c/p: reservoir_wh: wanted only beside inflow_w"},
		{"fill alone", `"rated_w": 1000, "inflow_w": 5, "initial_fill": 1`, "grid/c/p: initial_fill: wanted only beside reservoir_wh"},
	} {
		_, err := twins.Producer.New(&twins.Site{Step: 60}, []twins.Member{{Path: "grid/c/p", Spec: []byte("{" + row.spec + "}")}})
		if err == nil || !strings.HasPrefix(err.Error(), row.want) {
			t.Errorf("%s: %v, wanted %s", row.name, err, row.want)
		}
	}
}

// The description of a plant for a planner: each key moves its figure, and the
// state is the present one.
func TestPlantTellsAPlanner(t *testing.T) {
	p := newPlant(t, 900, `"rated_w": 155000, "technology": "coal", "initially": "off"`)
	told := func() twins.Plant { return p.slab.(twins.Generator).Plant(0) }
	const h = twins.Seconds(3600)
	kw := func(v float64) twins.Power { return twins.Power(v * float64(twins.Kilowatt)) }
	euro := func(v float64) twins.Money { return twins.Money(v * float64(twins.Euro)) }
	want := twins.Plant{
		Rated: kw(155), MinOutput: kw(62), Ramp: kw(2.945), Firm: kw(155), Cost: 124e6,
		StartUp: [3]twins.Seconds{3 * h, 6 * h, 10 * h}, StartCost: [3]twins.Money{euro(14.57), euro(24.335), euro(22.785)},
		WarmAfter: 11 * h, ColdAfter: 60 * h, MinUp: 8 * h, MinDown: 8 * h,
		Available: true, State: twins.PlantOff, Since: told().Since,
		Inertia: 3000, CO2Direct: 1066_000, CO2LifeCycle: 820_000,
	}
	if got := told(); got != want || got.Since > -1e9 {
		t.Errorf("off: %+v\nwanted %+v", got, want)
	}
	p.step(twins.Start, 0)
	if got := told(); got.State != twins.PlantStarting || got.Since != 40 {
		t.Errorf("ordered at tick 0: %+v", got)
	}
	p.skip(39)
	p.step(twins.Keep, 70)
	p.step(twins.Keep, 100000)
	if got := told(); got.State != twins.PlantOn || got.Since != 40 || got.Output < kw(62) {
		t.Errorf("running: %+v", got)
	}
	p.command("available", 0)
	p.command("rated_w", int64(kw(100)))
	if got := told(); got.Available || got.Rated != kw(100) || got.MinOutput != kw(40) || got.StartCost != want.StartCost {
		t.Errorf("out and derated: %+v", got)
	}
}

// The state of a plant can be computed from its notable events: start, run, stop,
// stop during a start, and trip.
func TestPlantIsFollowed(t *testing.T) {
	p := newPlant(t, 900, `"rated_w": 155000, "technology": "gas_engine", "start_up_s": 2700, "min_down_s": 1800`)
	told := func() twins.Plant { return p.slab.(twins.Generator).Plant(0) }
	seen := told()
	states := map[twins.PlantState]int{}
	for i := range 400 {
		if p.command("available", int64(1-i%37/36)); i%23 == 22 {
			p.command("order", int64(i%3))
		}
		p.step([]twins.Run{twins.Keep, twins.Keep, twins.Start, twins.Keep, twins.Stop}[i%5], 100000)
		for k := range p.ev.All() {
			seen.Follow(&p.ev.All()[k])
		}
		now := told()
		if states[now.State]++; seen.State != now.State || seen.Since != now.Since {
			t.Fatalf("step %d: %d since %d, it is %d since %d", i, seen.State, seen.Since, now.State, now.Since)
		}
	}
	if states[twins.PlantOff] < 20 || states[twins.PlantStarting] < 20 || states[twins.PlantOn] < 20 {
		t.Errorf("it hardly did anything: %v", states)
	}
}

// Start costs: by technology and rating, overridden by an entry's own keys. Water
// makes firm power less than the rating.
func TestStartCost(t *testing.T) {
	for _, row := range []struct {
		spec string
		want string // €: hot, warm, cold; firm W
	}{
		{`"rated_w": 1000000, "technology": "coal"`, "94 157 147 1e+06"},
		{`"rated_w": 1000000, "technology": "lignite"`, "59 65 105 1e+06"},
		{`"rated_w": 1000000, "technology": "gas_engine"`, "19 24 32 1e+06"},
		{`"rated_w": 1000000, "technology": "gas_turbine"`, "19 24 32 1e+06"},
		{`"rated_w": 1000000, "technology": "combined_cycle"`, "35 55 79 1e+06"},
		{`"rated_w": 1000000, "technology": "nuclear"`, "210 210 210 1e+06"},
		{`"rated_w": 1000000, "technology": "biogas"`, "19 24 32 1e+06"},
		{`"rated_w": 1000000, "technology": "oil"`, "19 24 32 1e+06"},
		{`"rated_w": 500000, "technology": "hydro", "inflow_w": 25000`, "1.5 1.5 1.5 25000"},
		{`"rated_w": 500000`, "0 0 0 500000"},
		{`"rated_w": 500000, "technology": "coal", "start_up_cost_eur": 7`, "7 7 7 500000"},
		{`"rated_w": 500000, "technology": "coal", "start_up_cost_eur": 7, "start_up_cost_warm_eur": 8.5`, "7 8.5 7 500000"},
		{`"rated_w": 500000, "technology": "coal", "start_up_cost_cold_eur": 0.25`, "47 78.5 0.25 500000"},
	} {
		plant := newPlant(t, 60, row.spec).slab.(twins.Generator).Plant(0)
		var words []any
		for _, c := range plant.StartCost {
			words = append(words, c.Euros())
		}
		if got := strings.TrimSpace(fmt.Sprintln(append(words, plant.Firm.Watts())...)); got != row.want {
			t.Errorf("%s: %s, wanted %s", row.spec, got, row.want)
		}
	}
}
