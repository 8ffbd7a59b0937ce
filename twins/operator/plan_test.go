package operator_test

import (
	"testing"

	"github.com/smatrix-grid/smatrix/twins"
	"github.com/smatrix-grid/smatrix/twins/operator"
)

// foreseen is a forecast that knows the load by hour of the run, in kW. It has no
// memory.
type foreseen func(hour float64) float64

func (f foreseen) Expect(env *twins.Env, _ *twins.Offers, _ operator.Expectation, period twins.Seconds, out []operator.Expectation) {
	for k := range out {
		at := twins.Seconds(env.Tick)*env.Step + twins.Seconds(k)*period
		out[k] = operator.Expectation{Load: kW(f(float64(at) / 3600))}
	}
}

func (foreseen) Learn(_ *twins.Env, _ operator.Expectation, events []twins.Notice) []twins.Notice {
	return events
}
func (foreseen) AppendBinary(b []byte) []byte             { return b }
func (foreseen) UnmarshalBinary(b []byte) ([]byte, error) { return b, nil }

// peak is 50 kW, and 150 kW from noon to 18:00.
func peak(hour float64) float64 {
	if hour >= 12 && hour < 18 {
		return 150
	}
	return 50
}

// Coal that takes three hours to start is ordered three hours before a forecast
// peak, at any length of a step; without a forecast only once the peak has come,
// and an engine has to help out.
func TestCoalIsOrderedBeforeThePeak(t *testing.T) {
	for _, row := range []struct {
		name     string
		step     twins.Seconds
		forecast operator.Forecast
		ordered  float64 // hour
	}{
		{"quarter hours", 900, foreseen(peak), 9},
		{"minutes", 60, foreseen(peak), 9},
		{"hours", 3600, foreseen(peak), 9},
		{"a peak an hour later", 900, foreseen(func(h float64) float64 { return peak(h - 1) }), 10},
		{"nothing foreseen", 900, nil, 12},
	} {
		g := newGrid(t, row.step, operator.Config{Forecast: row.forecast},
			plant("engine", `"rated_w": 70000, "cost_eur_per_mwh": 130, "ramp_per_min": 1`),
			plant("coal", `"rated_w": 155000, "cost_eur_per_mwh": 91, "min_output": 0.4, "ramp_per_min": 1, "start_up_s": 10800, "initially": "off", "start_up_cost_eur": 200`),
			battery("s", `"rated_wh": 1000000, "rated_w": 160000, "grid_forming": true`))
		g.load = func(t twins.Tick) float64 { return peak(float64(t) * float64(row.step) / 3600) }
		ordered := -1.0
		for at := twins.Tick(0); at < twins.Tick(14*3600/row.step) && ordered < 0; at++ {
			g.step(at)
			for _, e := range g.cell.Events {
				if e.Event.Type.Name == "producer.starting" {
					ordered = float64(at) * float64(row.step) / 3600
				}
			}
		}
		if ordered != row.ordered {
			t.Errorf("%s: ordered at %v h, wanted %v h", row.name, ordered, row.ordered)
		}
	}
}

// A plan is made anew each hour, when a unit is lost or comes back and when the
// manager gives another order; not because the wind calms or a plant stops by
// plan.
func TestWhenPlansAreMade(t *testing.T) {
	for _, row := range []struct {
		name string
		do   func(g *grid, at twins.Tick) []twins.Command
		want string
	}{
		{"each hour", func(*grid, twins.Tick) []twins.Command { return nil }, "p...p...p."},
		{"a unit is lost and comes back", at(2, set("a", "available", 0), 3, set("a", "available", 1)), "p.pp...p.."},
		{"an order", at(5, set("a", "order", 1)), "p...pp...p"},
		{"a tie opens", at(6, set("tie", "available", 0)), "p...p.p..."},
		{"the wind calms", func(g *grid, at twins.Tick) []twins.Command {
			if g.wind = 12; at == 2 {
				g.wind = 0
			}
			return nil
		}, "p...p...p."},
		{"a member fails", func(g *grid, at twins.Tick) []twins.Command {
			if at == 2 {
				g.quarantine("a")
			}
			return nil
		}, "p.p...p..."},
	} {
		f := &counted{}
		g := newGrid(t, quarter, operator.Config{Forecast: f}, plant("a", ""),
			plant("b", `"min_output": 0.4, "cost_eur_per_mwh": 200, "min_down_s": 3600`), member{twins.WindFarm, "wind", ""}, tie("tie", ""))
		g.load = func(twins.Tick) float64 { return 40 }
		got := ""
		for tick := range twins.Tick(10) {
			f.n = 0
			g.step(tick, row.do(g, tick)...)
			got += map[bool]string{true: "p", false: "."}[f.n > 0]
		}
		if got != row.want {
			t.Errorf("%s: plans %s, wanted %s", row.name, got, row.want)
		}
	}
}

// at gives commands in their steps.
func at(list ...any) func(*grid, twins.Tick) []twins.Command {
	return func(_ *grid, now twins.Tick) (due []twins.Command) {
		for k := 0; k < len(list); k += 2 {
			if list[k].(int) == int(now) {
				due = append(due, list[k+1].(twins.Command))
			}
		}
		return due
	}
}

// counted expects everything to stay as it is and counts how often it was
// asked.
type counted struct {
	foreseen
	n int
}

func (c *counted) Expect(_ *twins.Env, _ *twins.Offers, now operator.Expectation, _ twins.Seconds, out []operator.Expectation) {
	c.n++
	for k := range out {
		out[k] = now
	}
}

// A plant in quarantine is no reserve: another one starts for it, and stays on.
func TestPlanDoesNotCountOnAPlantInQuarantine(t *testing.T) {
	g := newGrid(t, quarter, operator.Config{}, plant("a", ""), plant("b", `"initially": "off", "cost_eur_per_mwh": 200`),
		battery("s", `"rated_wh": 1000000, "rated_w": 100000, "grid_forming": true`))
	g.load = func(twins.Tick) float64 { return 40 }
	g.step(0)
	if g.read("b").Generation != 0 {
		t.Fatal("b runs before it is needed")
	}
	g.quarantine("a")
	for tick := twins.Tick(1); tick < 8; tick++ {
		g.step(tick)
	}
	if got := g.read("b").Generation; got != kW(40) {
		t.Errorf("b gives %v W, wanted 40 kW", got.Watts())
	}
}
