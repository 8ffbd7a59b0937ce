package twins_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/smatrix-grid/smatrix/twins"
	"github.com/smatrix-grid/smatrix/twins/twintest"
)

// stubborn is a slab whose members offer power and then do nothing: a battery
// that is full without knowing it, a plant that has tripped.
type stubborn struct{ twins.Slab }

func (s stubborn) Step(i int, env *twins.Env, _ *twins.Setpoint, ev *twins.Events, out *twins.Reading) {
	idle := twins.Setpoint{Run: twins.Stop}
	s.Slab.Step(i, env, &idle, ev, out)
}

// faulty is a kind whose members are stubborn.
func faulty(k *twins.Kind) *twins.Kind {
	f := *k
	f.New = func(site *twins.Site, members []twins.Member) (twins.Slab, error) {
		s, err := k.New(site, members)
		return stubborn{s}, err
	}
	return &f
}

// asking plans by merit order, but has storage discharge 2 kW.
type asking struct{ twins.MeritOrder }

func (a asking) Dispatch(env *twins.Env, o *twins.Offers, p *twins.Plan) {
	o.Communities[0].Tier[twins.Storage].Ref = -2 * twins.Kilowatt
	a.MeritOrder.Dispatch(env, o, p)
	p.Communities[0].Tier[twins.Storage] = -2 * twins.Kilowatt
}

// A home draws 5 kW and its community's battery is asked for 2 of them. Which
// unit closes the books if a member does not follow?
func TestWhoClosesTheBooks(t *testing.T) {
	sound := func(k *twins.Kind) *twins.Kind { return k }
	for _, row := range []struct {
		name            string
		battery, engine func(*twins.Kind) *twins.Kind
		engineW, tieW   int // rated
		wantEngine      twins.Power
		wantTie         twins.Power
		wantUnserved    twins.Power
	}{
		{"all follow: the engine gives the rest", sound, sound, 4000, 4000, -3 * twins.Kilowatt, 0, 0},
		{"the battery does not: the engine, next in order, gives more", faulty, sound, 6000, 4000, -5 * twins.Kilowatt, 0, 0},
		{"the engine is at its rating: the tie, next in order", faulty, sound, 4000, 4000, -4 * twins.Kilowatt, -1 * twins.Kilowatt, 0},
		{"the engine does not follow: the tie, next in order", sound, faulty, 4000, 4000, 0, -3 * twins.Kilowatt, 0},
		{"no unit has room: the home is not served in full", faulty, sound, 3000, 1000, -3 * twins.Kilowatt, -1 * twins.Kilowatt, 1 * twins.Kilowatt},
		{"neither follows and the tie is too small", faulty, faulty, 4000, 1000, 0, -1 * twins.Kilowatt, 4 * twins.Kilowatt},
	} {
		t.Run(row.name, func(t *testing.T) {
			member := func(k *twins.Kind, id, spec string) twins.CellMember {
				return twins.CellMember{Kind: k, Member: twins.Member{Path: "grid/c/" + id, Spec: []byte(spec)}}
			}
			site := twintest.NewSite(1, 900)
			cell, err := twins.NewCell(site, twins.Member{Path: "grid/c", Spec: []byte(`{}`)}, []twins.CellMember{
				member(twins.Household, "home", `{"load": {"recording": "r", "column": "c0", "scale": 1}, "power_factor": 1, "phase": "A", "bus": 0}`),
				member(row.battery(twins.Battery), "battery", `{"mode": "idle", "peak_w": 0, "cycle_life": 6000, "calendar_life_years": 15,
					"tariff": {"charge_from": "00:00", "charge_to": "06:00", "discharge_from": "17:00", "discharge_to": "21:00"},
					"rated_wh": 10000, "rated_w": 5000, "charge_efficiency": 1, "discharge_efficiency": 1, "standby_w": 0,
					"min_soc": 0, "max_soc": 1, "reserve_soc": 0, "initial_soc": 0.9, "available": true}`),
				member(row.engine(twins.Producer), "engine", fmt.Sprintf(`{"rated_w": %d, "min_output": 0, "ramp_per_min": 1, "start_up_s": 300,
					"cost_eur_per_mwh": 100, "initially": "on", "available": true}`, row.engineW)),
				member(twins.Tie, "tie", fmt.Sprintf(`{"import_w": %d, "export_w": 0, "link": "ac", "holds_frequency": true, "cost_eur_per_mwh": null, "available": true}`, row.tieW)),
			}, twins.Lossless{})
			if err != nil {
				t.Fatal(err)
			}
			node, _ := twins.NewNode(twins.Grid, twins.Member{Path: "grid", Spec: []byte(`{}`)})
			b := twintest.NewLoop(node, asking{}, []*twins.Cell{cell})
			env := twins.Env{Step: 900, Recorded: []twins.Power{5 * twins.Kilowatt}}
			if err := twintest.Step(b, &env, &twins.Scratch{}); err != nil {
				t.Fatal(err)
			}
			engine, tie := reading(cell, "engine"), reading(cell, "tie")
			if b.Residual != 0 || engine.Power != row.wantEngine || tie.Power != row.wantTie || b.Flows.Unserved != row.wantUnserved {
				t.Fatalf("engine %d, tie %d, unserved %d, residual %d mW", engine.Power, tie.Power, b.Flows.Unserved, b.Residual)
			}
			if row.wantUnserved > 0 && !slices.ContainsFunc(cell.Notes, func(d twins.Decision) bool {
				return d.Member == "grid/c/home" && d.Reason == twins.Scarcity
			}) {
				t.Fatalf("what is not served is not booked on its member: %+v", cell.Notes)
			}
		})
	}
}

func reading(c *twins.Cell, id string) *twins.Reading {
	for _, b := range c.Blocks {
		for i, p := range b.Paths {
			if p == c.Path+"/"+id {
				return &b.Read[i]
			}
		}
	}
	return nil
}
