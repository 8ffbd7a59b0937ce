package ui

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/twins"
)

// gaugesKept is a sink that records the gauges of every member in every step.
type gaugesKept map[string]int64 // by step, path and gauge

func gaugeAt(tick int64, path, gauge string) string { return fmt.Sprint(tick, " ", path, " ", gauge) }

func (k gaugesKept) Commit(r *sim.StepRecord) error {
	for _, c := range r.Cells {
		for b := range c.Blocks {
			for i, path := range c.Blocks[b].Paths {
				values := c.Blocks[b].GaugesOf(i)
				for n, g := range c.Blocks[b].GaugeList(i) {
					k[gaugeAt(int64(r.Tick), path, g.Name)] = values[n]
				}
			}
		}
	}
	return nil
}

// The gauges of /twin and /readings equal those of the records, for each member in each step. An
// unknown value is null in the one and a gap in the other.
func TestGaugesOfTwins(t *testing.T) {
	for _, row := range []struct {
		scenario string
		steps    int
		want     []string // gauges that must be among those shown
	}{
		{"hamlet", 24, []string{"connector", "leaves_s", "health", "state", "left_j", "room_w"}},
		{"town", 3, []string{"heat_pump.room_c", "health", "connector"}},
	} {
		t.Run(row.scenario, func(t *testing.T) {
			k := gaugesKept{}
			s := serve(t, row.scenario, func(o *Options) { o.Sinks, o.Limits.Requests = []sim.Sink{k}, 1e6 })
			s.step(row.steps)
			var all TwinList
			s.get("/twins?limit=1000&absent=true", &all)
			shown, nulls := map[string]int{}, 0
			for n, twin := range all.Twins {
				p, _ := s.index.Place(twin.Path)
				list := s.index.block(p).gaugeList(p.Row)
				if len(list) == 0 || row.scenario == "town" && n%7 > 0 && twin.Kind != "household" {
					continue
				}
				query := "/readings?path=" + twin.Path
				for _, g := range list {
					query += "&column=gauge:" + g.Name
				}
				var series struct {
					Series []struct {
						Name, Label, Unit string
						T                 []int64
						V                 []*Number
					}
				}
				s.get(query, &series)
				for tick := range int64(row.steps) {
					var info TwinInfo
					s.get(fmt.Sprintf("/twin?path=%s&tick=%d", twin.Path, tick), &info)
					if len(info.Gauges) != len(list) || info.NotComputed != "" {
						t.Fatalf("%s: gauges %+v, wanted %d; %q", twin.Path, info.Gauges, len(list), info.NotComputed)
					}
					for i, g := range info.Gauges {
						want, over := k[gaugeAt(tick, twin.Path, g.Name)], series.Series[i]
						var then *Number // nil in a gap
						if at := slices.Index(over.T, tick); at >= 0 {
							then = over.V[at]
						}
						shown[g.Name]++
						if want == twins.GaugeUnknown {
							if nulls++; g.Value != nil || g.Text != "" || then != nil {
								t.Fatalf("%s, step %d: %+v and %v, wanted null", twin.Path, tick, g, then)
							}
							continue
						}
						if g.Value == nil || g.Value.Value != want || then == nil || then.Value != want ||
							g.Name != list[i].Name || g.Text == "" || over.Name != "gauge:"+g.Name || over.Unit != g.Unit || over.Label != g.Label {
							t.Fatalf("%s, step %d: %+v, over time %+v, wanted %d", twin.Path, tick, g, over, want)
						}
					}
				}
			}
			for _, name := range row.want {
				if shown[name] == 0 {
					t.Errorf("no %s among %v", name, shown)
				}
			}
			if nulls == 0 {
				t.Error("every gauge had a value in every step")
			}
		})
	}
}

// Before the first step a twin has gauges without values.
func TestGaugesBeforeFirstStep(t *testing.T) {
	s := serve(t, "hamlet", nil)
	var info TwinInfo
	s.get("/twin?path=grid/south/pump", &info)
	if len(info.Gauges) != 1 || info.Gauges[0].Value != nil || info.Gauges[0].Unit != "J" {
		t.Errorf("gauges %+v", info.Gauges)
	}
}

// What is not known is null or left out, not 0: figures before the first step, prices without a market.
// A community's limit is known from the start.
func TestUnknownFiguresAreBlank(t *testing.T) {
	for name, priced := range map[string]bool{"hamlet": false, "town": true} {
		s := serve(t, name, nil)
		var scenario ScenarioInfo
		s.get("/scenario", &scenario)
		var twin TwinInfo
		s.get("/twin?path="+aHome(s), &twin)
		if len(twin.Parts) == 0 || twin.Parts[0].PowerW != nil || twin.Reading != nil {
			t.Errorf("%s: before the first step parts %+v, reading %v", name, twin.Parts, twin.Reading)
		}
		var tree Tree
		s.get("/tree", &tree)
		if name == "hamlet" && (tree.Communities[0].LimitW == nil || tree.Communities[0].LimitW.Value != 8_000_000) {
			t.Errorf("before the first step the limit of %s is %+v", tree.Communities[0].ID, tree.Communities[0].LimitW)
		}
		s.step(2)
		var grid TwinInfo
		s.get("/twin?path=grid", &grid)
		var flows struct{ Series []struct{ V []*float64 } }
		s.get("/flows?column=price_eur_per_mwh&column=co2_g_per_kwh", &flows)
		for i, column := range []string{"price_eur_per_mwh", "co2_g_per_kwh"} {
			if known := grid.Reading[column] != nil; known != priced {
				t.Errorf("%s: the reading of the grid has %s: %t, wanted %t", name, column, known, priced)
			}
			if known := slices.ContainsFunc(flows.Series[i].V, func(v *float64) bool { return v != nil }); known != priced {
				t.Errorf("%s: the series %s has values: %t, wanted %t", name, column, known, priced)
			}
		}
		var community TwinInfo
		s.get("/twin?path=grid/supply", &community)
		if community.Reading["price_eur_per_mwh"] != nil {
			t.Errorf("%s: a community has a price", name)
		}
		if scenario.Priced != priced || scenario.Mixed != priced {
			t.Errorf("%s: priced %t, mixed %t", name, scenario.Priced, scenario.Mixed)
		}
	}
}

// For a step that can be read but not computed again, a twin has its reading, no devices, gauges
// without values, and the reason. Steps in memory have all of it.
func TestTwinOfStepThatIsNotComputed(t *testing.T) {
	h := &shelf{notes: map[string][]byte{}, partless: errors.New("another model made it")}
	s := shelved(t, h, nil)
	s.step(23)
	for _, path := range []string{aHome(s), "grid/south/home-5/car", "grid/supply/engine"} {
		var now, then TwinInfo
		s.get("/twin?path="+path, &now)
		s.get("/twin?tick=1&path="+path, &then)
		if now.NotComputed != "" || strings.HasSuffix(path, "engine") && (len(now.Gauges) != 4 || now.Gauges[0].Value == nil || now.Gauges[1].Value == nil) {
			t.Errorf("%s now: %+v, %q", path, now.Gauges, now.NotComputed)
		}
		if !strings.Contains(then.NotComputed, "another model made it") || len(then.Parts) != 0 || len(then.Gauges) != len(now.Gauges) ||
			then.Tick != 1 || len(then.Reading) == 0 || slices.ContainsFunc(then.Gauges, func(g GaugeInfo) bool { return g.Value != nil || g.Text != "" }) {
			t.Errorf("%s then: parts %+v, gauges %+v, reading %v, %q", path, then.Parts, then.Gauges, then.Reading, then.NotComputed)
		}
	}
	for _, row := range []struct {
		path, column string
		known        bool // before the steps in memory
	}{{aHome(s), "part:pv", false}, {aHome(s), "power_w", true}, {"grid/south/home-5/car", "gauge:connector", false}} {
		var list seriesJSON
		s.get("/readings?column="+row.column+"&path="+row.path, &list)
		if known := list.at(1) != nil; known != row.known || strings.Contains(list.NotComputed, "another model made it") == row.known {
			t.Errorf("%s: %v, %q", row.column, list.Series, list.NotComputed)
		}
		if list.at(22) == nil {
			t.Errorf("%s: step 22 is in memory, and a gap", row.column)
		}
	}
}

// seriesJSON is one column of an answer of /readings.
type seriesJSON struct {
	Series []struct {
		T []int64
		V []*float64
	}
	NotComputed string `json:"not_computed"`
}

// at returns the first column's value in a step, nil if that is a gap.
func (l *seriesJSON) at(tick int64) (v *float64) {
	for i, t := range l.Series[0].T {
		if t <= tick {
			v = l.Series[0].V[i]
		}
	}
	return v
}

// Devices of a run whose steps before a joint were made by another model are known from the joint
// on: in /twin, in /readings over both sides, and in the stream. Before it they are blank, with the
// reason, in the run itself and in a fork of it.
func TestDevicesAcrossJoint(t *testing.T) {
	const joint, steps, why = 5, 30, "another model made it"
	h := &shelf{notes: map[string][]byte{}, partless: errors.New(why), joint: joint}
	s := shelved(t, h, nil)
	s.live.history.(*storedHistory).each = 4 // the joint is in the middle of a page
	s.step(steps)
	s.want(202, "POST", "/forks", `{"at":8,"set":[]}`, nil)
	home, car := aHome(s), "grid/south/home-5/car"
	for _, run := range []string{"live", "fork-1"} {
		for tick := range int64(joint + 2) {
			var twin TwinInfo
			s.get(fmt.Sprintf("/twin?run=%s&tick=%d&path=%s", run, tick, home), &twin)
			if known := tick >= joint; known != (len(twin.Parts) > 0) || known == strings.Contains(twin.NotComputed, why) {
				t.Errorf("%s, step %d: parts %v, %q", run, tick, twin.Parts, twin.NotComputed)
			}
		}
		for path, column := range map[string]string{home: "part:load", car: "gauge:connector"} {
			var list seriesJSON
			s.get("/readings?run="+run+"&column="+column+"&path="+path, &list)
			if list.at(joint-1) != nil || list.at(joint) == nil || !strings.Contains(list.NotComputed, why) {
				t.Errorf("%s, %s: %v, %q", run, column, list.Series, list.NotComputed)
			}
			s.get("/readings?run="+run+"&from=5&column="+column+"&path="+path, &list)
			if list.at(joint) == nil || list.NotComputed != "" {
				t.Errorf("%s from the joint on: %v, %q", run, list.Series, list.NotComputed)
			}
		}
		viewer, pin := s.dial("?run="+run), "twin/"+home
		viewer.subscribe(1, "grid", pin)
		for i, tick := range []int64{joint, joint - 1, joint + 1, 0} {
			viewer.look(uint32(i+2), false, tick)
			table := viewer.at(pin, tick)
			if known := tick >= joint; known != (len(table.Blocks) == 2) || known == strings.Contains(table.NotComputed, why) {
				t.Errorf("%s, %s of step %d: %d blocks, %q", run, pin, tick, len(table.Blocks), table.NotComputed)
			}
		}
	}
}

func TestGaugesInCatalogue(t *testing.T) {
	s := serve(t, "hamlet", nil)
	var c Catalogue
	s.get("/catalogue", &c)
	got := map[string]string{}
	for _, k := range c.Kinds {
		for _, g := range k.Gauges {
			got[k.Name] += fmt.Sprint(g.Name, " ", g.Unit, " ", g.Places, " ", g.Words, "; ")
		}
	}
	for kind, want := range map[string]string{
		"household": "heat_pump.room_c °C 3 []; hot_water.tank_c °C 3 []; ", "vehicle": "connector  0 [away plugged charging]; leaves_s s 0 []; ",
		"battery": "health  9 []; ", "producer": "state  0 [off starting on]; room_w W 3 []; after_start_w W 3 []; water_j J 3 []; ", "water_pump": "left_j J 3 []; ", "tie": "room_w W 3 []; ",
	} {
		if got[kind] != want {
			t.Errorf("%s: %q, wanted %q", kind, got[kind], want)
		}
	}
}

func TestGaugeTexts(t *testing.T) {
	for _, row := range []struct {
		gauge twins.Gauge
		value int64
		want  string
	}{
		{twins.Gauge{Name: "state", Words: []string{"off", "on"}}, 1, "on"},
		{twins.Gauge{Name: "leaves_s"}, 3540, "59 min"},
		{twins.Gauge{Name: "leaves_s"}, 25 * 3600, "25 h 0 min"},
		{twins.Gauge{Name: "left_j", Places: 3}, 3_600_000_000, "1.0 kWh"},
		{twins.Gauge{Name: "health", Places: 9}, 998_760_000, "99.9 %"},
		{twins.Gauge{Name: "tank_c", Places: 3}, 54_349, "54.3 °C"},
		{twins.Gauge{Name: "room_c", Places: 3}, -40, "0.0 °C"},
		{twins.Gauge{Name: "room_c", Places: 3}, -1_250, "-1.3 °C"},
		{twins.Gauge{Name: "count"}, 7, "7"},
	} {
		if got := gaugeText(row.gauge, row.value); got != row.want {
			t.Errorf("%s %d: %q, wanted %q", row.gauge.Name, row.value, got, row.want)
		}
	}
}
