package operator_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/smatrix-grid/smatrix/twins"
	"github.com/smatrix-grid/smatrix/twins/operator"
	"github.com/smatrix-grid/smatrix/twins/twintest"
)

const quarter = twins.Seconds(900)

// member is an entry of a hand-made grid; keys that it lacks come from usual.
type member struct {
	kind *twins.Kind
	id   string
	spec string // as `"rated_w": 5, …`
}

// usual is the default entry of each kind. Plants have no least output and, within
// a quarter of an hour, no ramp limit; batteries lose nothing.
var usual = map[*twins.Kind]string{
	twins.Household: `"load": {"recording": "r", "column": "c0", "scale": 1}, "power_factor": 1, "phase": "ABC"`,
	twins.Battery: `"mode": "idle", "peak_w": 0, "cycle_life": 6000, "calendar_life_years": 15,
		"tariff": {"charge_from": "00:00", "charge_to": "06:00", "discharge_from": "17:00", "discharge_to": "21:00"},
		"charge_efficiency": 1, "discharge_efficiency": 1, "standby_w": 0, "min_soc": 0, "max_soc": 1, "reserve_soc": 0,
		"initial_soc": 0.5, "droop": 0.015, "response_s": 0.2, "available": true`,
	twins.Producer:  `"rated_w": 100000, "start_up_s": 300, "inertia_s": 4, "initially": "on", "available": true`,
	twins.Tie:       `"import_w": 100000, "export_w": 100000, "link": "ac", "holds_frequency": true, "cost_eur_per_mwh": null, "available": true`,
	twins.SolarPark: `"rated_w": 100000, "tilt_deg": 35, "azimuth_deg": 180, "scale": 1, "available": true`,
	twins.WindFarm:  `"turbine": "vestas-v27", "hub_height_m": 31.5, "shear_exponent": 0.257, "count": 1, "available": true`,
}

func plant(id, spec string) member   { return member{twins.Producer, id, spec} }
func battery(id, spec string) member { return member{twins.Battery, id, spec} }
func tie(id, spec string) member     { return member{twins.Tie, id, spec} }

// grid is a hand-made grid of one community with its operator.
type grid struct {
	t       testing.TB
	site    *twins.Site
	cell    *twins.Cell
	op      *operator.Operator
	balance *twintest.Loop
	env     twins.Env
	scratch twins.Scratch
	load    func(twins.Tick) float64 // kW, essential
	wind    float64                  // m/s
	sun     float64                  // W/m² on the panels
}

func newGrid(t testing.TB, step twins.Seconds, c operator.Config, members ...member) *grid {
	t.Helper()
	g := &grid{t: t, site: twintest.NewSite(1, step), load: func(twins.Tick) float64 { return 0 }}
	var list []twins.CellMember
	for _, m := range append([]member{{twins.Household, "homes", ""}}, members...) {
		spec := "{" + usual[m.kind]
		if m.spec != "" { // later keys win
			spec += ", " + m.spec
		}
		list = append(list, twins.CellMember{Kind: m.kind, Member: twins.Member{Path: "grid/c/" + m.id, Spec: []byte(spec + "}")}})
	}
	var err error
	if g.cell, err = twins.NewCell(g.site, twins.Member{Path: "grid/c", Spec: []byte("{}")}, list, twins.Lossless{}); err != nil {
		t.Fatal(err)
	}
	node, err := twins.NewNode(twins.Grid, twins.Member{Path: "grid", Spec: []byte("{}")})
	if err != nil {
		t.Fatal(err)
	}
	cells := []*twins.Cell{g.cell}
	g.op = operator.New(twins.Rosters(cells), c)
	g.balance = twintest.NewLoop(node, g.op, cells)
	return g
}

// world makes the world of a step.
func (g *grid) world(at twins.Tick, commands ...twins.Command) {
	twintest.FillEnv(g.site, at, &g.env)
	g.env.Recorded[0] = twins.Power(math.Round(g.load(at) * 1e6))
	g.env.Weather = twins.Weather{Wind: g.wind, Temperature: 15, AirDensity: 1.225}
	if g.sun > 0 {
		g.env.Weather.DNI, g.env.Weather.GHI, g.env.Weather.Sun = g.sun, g.sun, [3]float64{0, -0.6, 0.8}
	}
	g.env.Commands = commands
}

// step takes the grid through one step; the books must close.
func (g *grid) step(at twins.Tick, commands ...twins.Command) *twins.Swing {
	g.t.Helper()
	g.world(at, commands...)
	if err := twintest.Step(g.balance, &g.env, &g.scratch); err != nil {
		g.t.Fatal(err)
	}
	if g.balance.Residual != 0 {
		g.t.Fatalf("step %d: residual %d mW: %+v, %+v, %+v", at, g.balance.Residual, g.balance.Swing, g.balance.Flows, g.balance.Asks())
	}
	return &g.balance.Swing
}

// set is a command; values are in W, or 0 and 1.
func set(id, setting string, value int64) twins.Command {
	return twins.Set("grid/c/"+id, setting, value)
}

// read is what a member did.
func (g *grid) read(id string) *twins.Reading {
	b, i := g.find(id)
	return &g.cell.Blocks[b].Read[i]
}

func (g *grid) find(id string) (block, index int) {
	for k, b := range g.cell.Blocks {
		for i, p := range b.Paths {
			if p == "grid/c/"+id {
				return k, i
			}
		}
	}
	g.t.Fatalf("no member %s", id)
	return 0, 0
}

func (g *grid) quarantine(id string) {
	b, i := g.find(id)
	g.cell.Quarantine(twins.Slot{Block: int32(b), Index: int32(i)})
}

// hadEvent reports whether the grid had an event of this name in the last step.
func (g *grid) hadEvent(name string) bool {
	for _, n := range g.balance.Events {
		if n.Event.Type.Name == name {
			return true
		}
	}
	return false
}

// tiers are the offers of one community, in kW: least, reference, most.
type tiers map[twins.Tier][3]float64

const (
	essential = twins.Essential
	comfort   = twins.Comfort
	vehicles  = twins.Mobility
	storage   = twins.Storage
	roofs     = twins.Generation
)

func load(kw float64) tiers { return tiers{essential: {kw, kw, kw}} }

// ask makes the operator dispatch the grid's units in step 0 with these offers of
// communities, and writes the plan in kW: each unit with + or − if it is to start or
// stop, then the tiers of each community.
func (g *grid) ask(communities ...tiers) string {
	g.t.Helper()
	of, p := g.offer(communities...)
	g.op.Dispatch(&g.env, of, p)
	return said(p)
}

func (g *grid) offer(communities ...tiers) (*twins.Offers, *twins.Plan) {
	g.t.Helper()
	g.world(0)
	a, err := g.cell.Carry(&g.env, &twins.Ask{Stage: twins.StageOffer}, &g.scratch)
	if err != nil {
		g.t.Fatal(err)
	}
	of, p := &twins.Offers{Answers: []*twins.Answer{a}}, &twins.Plan{}
	for k := range a.Units {
		f := &a.Units[k].Flex
		of.Units, p.Units = append(of.Units, *f), append(p.Units, f.Follow())
	}
	for _, c := range communities {
		var f twins.Flex
		for t, v := range c {
			f.Tier[t] = twins.Band{Min: kW(v[0]), Ref: kW(v[1]), Max: kW(v[2])}
		}
		of.Communities, p.Communities = append(of.Communities, f), append(p.Communities, f.Follow())
	}
	return of, p
}

func kW(v float64) twins.Power { return twins.Power(math.Round(v * 1e6)) }

func said(p *twins.Plan) string {
	var words []string
	for _, s := range p.Units {
		words = append(words, fmt.Sprint(s.Net().Watts()/1000)+map[twins.Run]string{twins.Start: "+", twins.Stop: "−"}[s.Run])
	}
	all := strings.Join(words, " ")
	for _, s := range p.Communities {
		words = words[:0]
		for t, v := range s.Tier {
			if v != 0 {
				words = append(words, fmt.Sprintf("%s %v", [...]string{"essential", "comfort", "flexible", "vehicles", "storage", "roofs"}[t], v.Watts()/1000))
			}
		}
		all += " | " + strings.Join(words, ", ")
	}
	return all
}
