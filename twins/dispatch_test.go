package twins_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/smatrix-grid/smatrix/twins"
	"github.com/smatrix-grid/smatrix/twins/twintest"
)

// offered is one unit's offer in a table, in watts: its output between least and
// most (a tie's least is −export), or its least output once started.
type offered struct {
	cost        float64
	least, most float64
	duty        twins.Duty
	startable   float64
}

func (u offered) flex() (f twins.Flex) {
	w := func(v float64) twins.Power { return twins.Power(v * float64(twins.Watt)) }
	f.Cost, f.Duty, f.Startable = twins.Price(u.cost*1e6), u.duty, w(u.startable)
	f.Tier[twins.Generation] = twins.Band{Min: -w(u.most), Ref: -w(max(u.least, 0)), Max: -w(u.least)}
	if u.duty == twins.Variable {
		f.Tier[twins.Generation].Ref = -w(u.most)
	}
	return f
}

// bands is one community's offer in a table, in watts: missing tiers are 0.
type bands map[twins.Tier][3]float64

func (b bands) flex() (f twins.Flex) {
	w := func(v float64) twins.Power { return twins.Power(v * float64(twins.Watt)) }
	for t, v := range b {
		f.Tier[t] = twins.Band{Min: w(v[0]), Ref: w(v[1]), Max: w(v[2])}
	}
	return f
}

// dispatch runs the merit order once and writes the plan as text: each unit's
// net power in W, with + or − if it is to start or stop, then for each
// community the tiers whose setpoint is not 0, in the order of the tiers.
func dispatch(units []offered, communities []bands) string {
	var o twins.Offers
	var p twins.Plan
	for _, c := range communities {
		f := c.flex()
		o.Communities, p.Communities = append(o.Communities, f), append(p.Communities, f.Follow())
	}
	for _, u := range units {
		f := u.flex()
		o.Units, p.Units = append(o.Units, f), append(p.Units, f.Follow())
	}
	twins.MeritOrder{}.Dispatch(&twins.Env{Step: 900}, &o, &p)
	var words []string
	for _, set := range p.Units {
		words = append(words, fmt.Sprint(set.Net().Watts())+map[twins.Run]string{twins.Start: "+", twins.Stop: "−"}[set.Run])
	}
	said := strings.Join(words, " ")
	for _, set := range p.Communities {
		words = words[:0]
		for t, v := range set.Tier {
			if v != 0 {
				words = append(words, fmt.Sprintf("%s %v", [...]string{"essential", "comfort", "flexible", "vehicles", "storage", "roofs"}[t], v.Watts()))
			}
		}
		said += " | " + strings.Join(words, ", ")
	}
	return said
}

const (
	essential  = twins.Essential
	comfort    = twins.Comfort
	flexible   = twins.Flexible
	mobility   = twins.Mobility
	storage    = twins.Storage
	generation = twins.Generation
	always     = 1e9 // €/MWh: a tie without a price
)

func load(w float64) bands { return bands{essential: {w, w, w}} }

// Plans of the merit order, worked out by hand.
func TestMeritOrder(t *testing.T) {
	for _, band := range []struct {
		name string
		rows []dispatchRow
	}{
		{"enough", []dispatchRow{
			{"the cheapest first, up to its rating",
				[]offered{{cost: 134, most: 120}, {cost: 95, most: 75}, {cost: 5, most: 50}}, []bands{load(100)},
				"0 -50 -50 | essential 100"},
			{"at equal cost the first by path",
				[]offered{{cost: 134, most: 120}, {cost: 134, most: 120}}, []bands{load(150)},
				"-120 -30 | essential 150"},
			{"every plant at its least before the cheapest above it",
				[]offered{{cost: 134, least: 48, most: 120}, {cost: 95, least: 37.5, most: 75}}, []bands{load(100)},
				"-48 -52 | essential 100"},
			{"a unit held back by its ramp is helped by the next",
				[]offered{{cost: 91, least: 62, most: 66}, {cost: 134, least: 48, most: 120}}, []bands{load(140)},
				"-66 -74 | essential 140"},
			{"the tie comes last",
				[]offered{{cost: always, least: -250, most: 250}, {cost: 134, least: 48, most: 120}}, []bands{load(140)},
				"-20 -120 | essential 140"},
			{"a tie with a price comes where it belongs",
				[]offered{{cost: 100, least: -250, most: 250}, {cost: 134, least: 48, most: 120}, {cost: 5, most: 50}}, []bands{load(140)},
				"-42 -48 -50 | essential 140"},
			{"two communities, one with more sun than load",
				[]offered{{cost: 95, most: 75}}, []bands{load(60), {essential: {10, 10, 10}, generation: {-30, -30, 0}}},
				"-40 | essential 60 | essential 10, roofs -30"},
		}},
		{"wind", []dispatchRow{
			{"taken in full, before what is cheaper",
				[]offered{{cost: 0, most: 50}, {cost: 3, most: 80, duty: twins.Variable}}, []bands{load(100)},
				"-20 -80 | essential 100"},
			{"too much: the plant stops, the tie fills the gap",
				[]offered{{cost: 134, least: 48, most: 120}, {cost: 0, most: 80, duty: twins.Variable}, {cost: always, least: -250, most: 250}}, []bands{load(100)},
				"0− -80 -20 | essential 100"},
			{"too much: storage, then export, nothing held back",
				[]offered{{cost: 0, most: 200, duty: twins.Variable}, {cost: always, least: -60, most: 60}},
				[]bands{{essential: {100, 100, 100}, storage: {-50, 0, 50}}},
				"-200 50 | essential 100, storage 50"},
			{"still too much: the farm is held back, then roofs",
				[]offered{{cost: 0, most: 200, duty: twins.Variable}, {cost: always, least: -20, most: 60}},
				[]bands{{essential: {100, 100, 100}, storage: {-50, 0, 50}, generation: {-10, -10, 0}}},
				"-160 20 | essential 100, storage 50, roofs -10"},
			{"the dearer farm first",
				[]offered{{cost: 0, most: 80, duty: twins.Variable}, {cost: 2, most: 80, duty: twins.Variable}}, []bands{load(100)},
				"-80 -20 | essential 100"},
			{"no unit is started to replace it",
				[]offered{{cost: 5, most: 80, duty: twins.Variable}, {cost: 1, startable: 10}}, []bands{load(80)},
				"-80 0 | essential 80"},
		}},
		{"too little", []dispatchRow{
			{"vehicles first",
				[]offered{{cost: 95, most: 75}}, []bands{{essential: {60, 60, 60}, comfort: {5, 10, 15}, mobility: {0, 20, 20}}},
				"-75 | essential 60, comfort 10, vehicles 5"},
			{"then comfort to its least",
				[]offered{{cost: 95, most: 63}}, []bands{{essential: {60, 60, 60}, comfort: {2, 10, 15}, mobility: {0, 20, 20}}},
				"-63 | essential 60, comfort 3"},
			{"then storage gives",
				[]offered{{cost: 95, most: 50}}, []bands{{essential: {60, 60, 60}, comfort: {2, 10, 15}, flexible: {1, 8, 8}, mobility: {0, 20, 20}, storage: {-30, 0, 30}}},
				"-50 | essential 60, comfort 2, flexible 8, storage -20"},
			{"then what may wait",
				[]offered{{cost: 95, most: 35}}, []bands{{essential: {60, 60, 60}, comfort: {2, 10, 15}, flexible: {1, 8, 8}, mobility: {0, 20, 20}, storage: {-30, 0, 30}}},
				"-35 | essential 60, comfort 2, flexible 3, storage -30"},
			{"essential load last, in rotation",
				[]offered{{cost: 95, most: 30}}, []bands{{essential: {60, 60, 60}, flexible: {1, 8, 8}, storage: {-30, 0, 30}}, load(40)},
				"-30 | essential 20, storage -30 | essential 40"},
		}},
		{"too much", []dispatchRow{
			{"the dearest stops, the others go on",
				[]offered{{cost: 134, least: 48, most: 120}, {cost: 95, least: 37.5, most: 75}}, []bands{load(60)},
				"0− -60 | essential 60"},
			{"both stop where the tie can fill in",
				[]offered{{cost: 134, least: 48, most: 120}, {cost: 95, least: 37.5, most: 75}, {cost: always, most: 250}}, []bands{load(30)},
				"0− 0− -30 | essential 30"},
			{"a plant is not stopped into a gap that no unit fills: its rest is stored",
				[]offered{{cost: 134, least: 48, most: 120}}, []bands{{essential: {40, 40, 40}, storage: {-50, 0, 50}}},
				"-48 | essential 40, storage 8"},
			{"or exported",
				[]offered{{cost: 134, least: 48, most: 120}, {cost: always, least: -20, most: 20}}, []bands{load(40)},
				"-48 8 | essential 40"},
			{"or roofs are held back",
				[]offered{{cost: 134, least: 48, most: 120}}, []bands{{essential: {60, 60, 60}, generation: {-20, -20, 0}}},
				"-48 | essential 60, roofs -12"},
			{"the cheaper one, if only it can be replaced",
				[]offered{{cost: 134, least: 48, most: 120}, {cost: 91, least: 62, most: 62}}, []bands{load(100)},
				"-100 0− | essential 100"},
			{"with nowhere to go it stops, and storage gives before load is shed",
				[]offered{{cost: 134, least: 48, most: 120}}, []bands{{essential: {40, 40, 40}, storage: {-30, 0, 0}}},
				"0− | essential 30, storage -30"},
			{"vehicles and heat take more before storage, storage before export",
				[]offered{{cost: 91, least: 62, most: 155, duty: twins.Committed}, {cost: always, least: -250, most: 250}},
				[]bands{{essential: {20, 20, 20}, comfort: {0, 5, 10}, mobility: {0, 0, 7}, storage: {-20, 0, 20}}},
				"-62 5 | essential 20, comfort 10, vehicles 7, storage 20"},
		}},
		{"least time up", []dispatchRow{
			{"a plant that has just started goes down to its least and stays",
				[]offered{{cost: 134, least: 48, most: 120, duty: twins.Committed}, {cost: always, least: -250, most: 250}}, []bands{load(40)},
				"-48 8 | essential 40"},
			{"another one stops instead of it",
				[]offered{{cost: 134, least: 48, most: 120, duty: twins.Committed}, {cost: 95, least: 37.5, most: 75}}, []bands{load(60)},
				"-60 0− | essential 60"},
			{"with nowhere to go it stops: an emergency",
				[]offered{{cost: 134, least: 48, most: 120, duty: twins.Committed}}, []bands{load(40)},
				"0− | "},
			{"then the one that may is stopped before the one that may not",
				[]offered{{cost: 134, least: 48, most: 48, duty: twins.Committed}, {cost: 95, least: 37.5, most: 37.5}}, []bands{load(60)},
				"-48 0− | essential 48"},
		}},
		{"starts", []dispatchRow{
			{"where a dearer one would give as much as its least",
				[]offered{{cost: 95, startable: 37.5}, {cost: 134, least: 48, most: 120}}, []bands{load(60)},
				"0+ -60 | essential 60"},
			{"not for less than its least",
				[]offered{{cost: 95, startable: 75}, {cost: 134, least: 48, most: 120}}, []bands{load(60)},
				"0 -60 | essential 60"},
			{"not where only cheaper ones run",
				[]offered{{cost: 95, least: 37.5, most: 75}, {cost: 134, startable: 48}}, []bands{load(60)},
				"-60 0 | essential 60"},
			{"not to take over from one that costs the same",
				[]offered{{cost: 134, startable: 48}, {cost: 134, least: 48, most: 120}}, []bands{load(60)},
				"0 -60 | essential 60"},
			{"instead of import",
				[]offered{{cost: 134, startable: 48}, {cost: always, least: -250, most: 250}}, []bands{load(60)},
				"0+ -60 | essential 60"},
			{"for what is missing, while storage helps out",
				[]offered{{cost: 134, startable: 48}}, []bands{{essential: {60, 60, 60}, storage: {-100, 0, 100}}},
				"0+ | essential 60, storage -60"},
			{"the cheapest, though the dearest would do",
				[]offered{{cost: 50, startable: 40}, {cost: 200, startable: 40}}, []bands{load(50)},
				"0+ 0 | "},
			{"two, where one does not make up for it",
				[]offered{{cost: 200, startable: 40}, {cost: 50, startable: 40}}, []bands{load(80)},
				"0+ 0+ | "},
			{"for less than its least, where the rest can be stored",
				[]offered{{cost: 134, startable: 48}}, []bands{{essential: {40, 40, 40}, storage: {0, 0, 20}}},
				"0+ | "},
			{"not where it cannot",
				[]offered{{cost: 134, startable: 48}}, []bands{{essential: {40, 40, 40}, storage: {0, 0, 7}}},
				"0 | "},
			{"not for less than its least if no load goes short",
				[]offered{{cost: 134, startable: 48}, {cost: always, least: -250, most: 250}}, []bands{{essential: {40, 40, 40}, storage: {0, 0, 20}}},
				"0 -40 | essential 40"},
		}},
	} {
		t.Run(band.name, func(t *testing.T) {
			for _, row := range band.rows {
				if got := dispatch(row.units, row.communities); got != row.want {
					t.Errorf("%s:\ngot  %s\nwant %s", row.name, got, row.want)
				}
			}
		})
	}
}

type dispatchRow struct {
	name        string
	units       []offered
	communities []bands
	want        string
}

// An engine fails in an island. For the quarter of an hour until the other has
// started a battery gives what it can and the rest is unserved; when the first
// engine is repaired, at the same cost, it stays off.
func TestIslandLosesAnEngine(t *testing.T) {
	site := &twins.Site{Step: 900, Recorded: func(string, string, int) (int32, error) { return 0, nil }}
	engine := `{"rated_w": 120000, "technology": "gas_engine", "available": true, "initially": %q}`
	member := func(k *twins.Kind, id, spec string) twins.CellMember {
		return twins.CellMember{Kind: k, Member: twins.Member{Path: "grid/c/" + id, Spec: []byte(spec)}}
	}
	cell, err := twins.NewCell(site, twins.Member{Path: "grid/c", Spec: []byte("{}")}, []twins.CellMember{
		member(twins.Household, "homes", `{"load": {"recording": "r", "column": "c", "scale": 1}, "power_factor": 1, "phase": "ABC"}`),
		member(twins.Battery, "battery", `{"mode": "idle", "peak_w": 0, "cycle_life": 6000, "calendar_life_years": 15,
			"tariff": {"charge_from": "00:00", "charge_to": "06:00", "discharge_from": "17:00", "discharge_to": "21:00"}, "rated_wh": 100000, "rated_w": 20000, "charge_efficiency": 1, "discharge_efficiency": 1, "standby_w": 0,
			"min_soc": 0, "max_soc": 1, "reserve_soc": 0, "initial_soc": 0.5, "available": true}`),
		member(twins.Producer, "engine-a", fmt.Sprintf(engine, "on")),
		member(twins.Producer, "engine-b", fmt.Sprintf(engine, "off")),
	}, twins.Lossless{})
	if err != nil {
		t.Fatal(err)
	}
	node, err := twins.NewNode(twins.Grid, twins.Member{Path: "grid", Spec: []byte("{}")})
	if err != nil {
		t.Fatal(err)
	}
	balance := twintest.NewLoop(node, twins.MeritOrder{}, []*twins.Cell{cell})
	var w twins.Scratch
	set := func(v int64) []twins.Command {
		return []twins.Command{twins.Set("grid/c/engine-a", "available", v)}
	}
	env := twins.Env{Step: 900, Recorded: []twins.Power{60 * twins.Kilowatt}}
	for tick, row := range []struct {
		commands []twins.Command
		want     string // kW: load, unserved, battery, engine-a, engine-b
	}{
		{nil, "60 0 0 -60 0"},
		{set(0), "20 40 -20 0 0"},
		{nil, "60 0 0 0 -60"},
		{set(1), "60 0 0 0 -60"},
		{nil, "60 0 0 0 -60"},
	} {
		env.Tick, env.Commands = twins.Tick(tick), row.commands
		if err := twintest.Step(balance, &env, &w); err != nil {
			t.Fatal(err)
		}
		read := map[string]*twins.Reading{}
		for _, b := range cell.Blocks {
			for i := range b.Paths {
				read[strings.TrimPrefix(b.Paths[i], "grid/c/")] = &b.Read[i]
			}
		}
		kw := func(p twins.Power) float64 { return p.Watts() / 1000 }
		got := fmt.Sprint(kw(read["homes"].Load), kw(read["homes"].Unserved), kw(read["battery"].Power), kw(read["engine-a"].Power), kw(read["engine-b"].Power))
		if got != row.want || balance.Residual != 0 {
			t.Errorf("step %d: %s, wanted %s; residual %d", tick, got, row.want, balance.Residual)
		}
	}
}

// One engine is enough for what is missing: while it starts no second one is
// started, for any number of steps.
func TestOneStartIsNotFollowedByOthers(t *testing.T) {
	site := twintest.NewSite(1, 60)
	engine := `{"rated_w": 100000, "min_output": 0.1, "ramp_per_min": 1, "start_up_s": 600, "cost_eur_per_mwh": %d, "initially": "off", "available": true}`
	var members []twins.CellMember
	add := func(k *twins.Kind, id, spec string) {
		members = append(members, twins.CellMember{Kind: k, Member: twins.Member{Path: "grid/c/" + id, Spec: []byte(spec)}})
	}
	add(twins.Household, "homes", `{"load": {"recording": "r", "column": "c0", "scale": 1}, "power_factor": 1, "phase": "ABC"}`)
	for i := range 5 {
		add(twins.Producer, fmt.Sprintf("engine-%d", i), fmt.Sprintf(engine, 100+i))
	}
	add(twins.Tie, "tie", `{"import_w": 200000, "export_w": 0, "link": "ac", "holds_frequency": true, "cost_eur_per_mwh": null, "available": true}`)
	cell, err := twins.NewCell(site, twins.Member{Path: "grid/c", Spec: []byte("{}")}, members, twins.Lossless{})
	if err != nil {
		t.Fatal(err)
	}
	node, err := twins.NewNode(twins.Grid, twins.Member{Path: "grid", Spec: []byte("{}")})
	if err != nil {
		t.Fatal(err)
	}
	balance := twintest.NewLoop(node, twins.MeritOrder{}, []*twins.Cell{cell})
	env := twins.Env{Step: 60, Recorded: []twins.Power{80 * twins.Kilowatt}}
	starting, running := 0, 0
	for range 30 {
		if err := twintest.Step(balance, &env, &twins.Scratch{}); err != nil {
			t.Fatal(err)
		}
		for _, e := range cell.Events {
			switch e.Event.Type.Name {
			case "producer.starting":
				starting++
			case "producer.started":
				running++
			}
		}
		env.Tick++
	}
	if starting != 1 || running != 1 || reading(cell, "engine-0").Power != -80*twins.Kilowatt {
		t.Fatalf("%d ordered to start, %d started, the cheapest gives %v W", starting, running, -reading(cell, "engine-0").Power.Watts())
	}
}
