package scenario

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/smatrix-grid/smatrix/sim/inputs"
	"github.com/smatrix-grid/smatrix/sim/scenarios"
	"github.com/smatrix-grid/smatrix/twins"
)

const drawnSource = `start: 2018-01-01
step_s: 1800
days: 364
recordings:
  - id: homes
    file: households-au-30min/general_supply_kwh.csv.gz
    time: {column: time_aest}
    unit: kWh
    gaps: same_time_last_week
    calendar:
      - {from_week: 1, record_day: 2013-07-01}
      - {from_week: 27, record_day: 2012-12-31}
communities:
  - {id: supply}
households: 300
draw:
  per_community: 50
  load: {recording: homes, move_weeks: 3}
  phase: {one_of: [A, B, C]}
  heat_pump:
    share: 0.2
    heat_loss_w_per_k: {between: [120, 240], step: 20}
    time_constant_h: 40
  hot_water: {share: 0.10}
  batteries:
    share: 0.15
    name: store
    rated_wh: {between: [5000, 10000], step: 2500}
    rated_w: 5000
  vehicles:
    share: 0.3
    rated_wh: 60000
    daily: {one_of: [{arrive: "17:00", leave: "07:00", trip_wh: 9000}, {arrive: "19:30", leave: "08:15", trip_wh: 6000, jitter_min: 20}]}
  community:
    limit_w: 75000
    batteries:
      - {id: shared, rated_wh: 100000, rated_w: 50000}
ties:
  - {id: tie, community: supply, import_w: 1e9, export_w: 1e9}
`

func loadDrawn(t testing.TB, source string, sets ...string) *Scenario {
	t.Helper()
	s, err := loadFrom([]byte(source), location{file: "x.yaml", data: scenarios.Files}, Options{Set: sets})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// entriesByCommunity returns a scenario's entries as text, by community.
func entriesByCommunity(s *Scenario) map[string][]string {
	all := map[string][]string{}
	for _, list := range s.document.lists() {
		for i := range s.document.entries(list) {
			e := &s.document.entries(list)[i]
			in := e.textOf("community")
			if list == twins.Community.Plural {
				in = e.textOf("id")
			}
			all[in] = append(all[in], list+" "+string(e.appendJSON(nil)))
		}
	}
	return all
}

// The number of homes with a thing is exactly its share of all homes, and each community has
// its part of them.
func TestDrawnQuotas(t *testing.T) {
	for _, row := range []struct {
		homes, per         int
		share              string
		all, least, most   int // homes with a heat pump: in all, and in a full community
		communities, inEnd int
	}{
		{300, 50, "0.15", 45, 7, 8, 6, 50},
		{300, 50, "0.3", 90, 15, 15, 6, 50},
		{10000, 200, "0.15", 1500, 30, 30, 50, 200},
		{1000, 7, "0.1", 100, 0, 1, 143, 6},
		{999, 50, "0.333", 332, 16, 17, 20, 49},
		{300, 50, "1", 300, 50, 50, 6, 50},
		{300, 50, "0", 0, 0, 0, 6, 50},
		{7, 50, "0.999999999", 6, 6, 6, 1, 7},
	} {
		t.Run(fmt.Sprintf("%d of %d", row.homes, row.per), func(t *testing.T) {
			s := loadDrawn(t, drawnSource, fmt.Sprint("households=", row.homes), fmt.Sprint("draw.per_community=", row.per), "draw.heat_pump.share="+row.share)
			homes, pumps := map[string]int{}, map[string]int{}
			all := 0
			for i := range s.document.entries("households") {
				h := &s.document.entries("households")[i]
				homes[h.textOf("community")]++
				if h.get("heat_pump") != nil {
					pumps[h.textOf("community")]++
					all++
				}
			}
			if all != row.all || len(homes) != row.communities {
				t.Errorf("%d heat pumps in %d communities, want %d in %d", all, len(homes), row.all, row.communities)
			}
			for id, n := range homes {
				if n != row.per && n != row.inEnd || pumps[id] > row.most || n == row.per && pumps[id] < row.least {
					t.Errorf("%s: %d homes, %d heat pumps, want %d to %d", id, n, pumps[id], row.least, row.most)
				}
			}
		})
	}
}

// Drawn entries are entries like any other: named, owned, set and multiplied.
func TestDrawnEntries(t *testing.T) {
	s := loadDrawn(t, drawnSource, "batteries.store-*.rated_w*=1.5", "households.*.heat_pump.heat_loss_w_per_k*=2", "households.household-0007.load.scale=0.5")
	d := s.document
	if d.root.get("draw") != nil {
		t.Error("the scenario still has its draw")
	}
	values := map[string]map[string]int{}
	count := func(what, value string) {
		if values[what] == nil {
			values[what] = map[string]int{}
		}
		values[what][value]++
	}
	for i := range d.entries("households") {
		h := &d.entries("households")[i]
		if want := fmt.Sprintf("household-%04d", i+1); h.textOf("id") != want {
			t.Fatalf("home %d is %s, want %s", i, h.textOf("id"), want)
		}
		count("phase", h.textOf("phase"))
		count("move", h.get("load").textOf("move_weeks"))
		count("scale", h.get("load").textOf("scale"))
		if hp := h.get("heat_pump"); hp != nil {
			count("loss", hp.textOf("heat_loss_w_per_k"))
			count("constant", hp.textOf("time_constant_h"))
			count("comfort", hp.textOf("min_c"))
		}
	}
	for i := range d.entries("batteries") {
		b := &d.entries("batteries")[i]
		if strings.HasPrefix(b.textOf("id"), "shared-") {
			count("shared", b.textOf("rated_w")+" "+b.textOf("owner"))
			continue
		}
		if want := "household" + strings.TrimPrefix(b.textOf("id"), "store"); b.textOf("owner") != want {
			t.Errorf("battery %s has the owner %s, want %s", b.textOf("id"), b.textOf("owner"), want)
		}
		count("rated_wh", b.textOf("rated_wh"))
		count("rated_w", b.textOf("rated_w"))
	}
	for i := range d.entries("communities") {
		count("limit", d.entries("communities")[i].textOf("limit_w"))
	}
	for i := range d.entries("vehicles") {
		daily := d.entries("vehicles")[i].get("daily")
		count("daily", daily.textOf("arrive")+" "+daily.textOf("jitter_min"))
	}
	for what, want := range map[string]string{
		"phase": "A B C", "move": "-1 -2 -3 0 1 2 3", "scale": "0.5 1",
		"loss": "240 280 320 360 400 440 480", "constant": "40", "comfort": "20",
		"shared": "50000 ", "rated_wh": "10000 5000 7500", "rated_w": "7500",
		"limit": " 75000", "daily": "17:00 0 19:30 20",
	} {
		if got := strings.Join(slices.Sorted(maps.Keys(values[what])), " "); got != want {
			t.Errorf("%s: %s, want %s", what, got, want)
		}
	}
	if values["scale"]["0.5"] != 1 {
		t.Errorf("--set of one home's scale has changed %d homes", values["scale"]["0.5"])
	}
}

// More homes change no community that was full, a change of one thing changes no other thing,
// and another seed changes all homes.
func TestDrawIsStable(t *testing.T) {
	few := entriesByCommunity(loadDrawn(t, drawnSource))
	for _, row := range []struct {
		name string
		sets []string
		same func(entry string) bool
	}{
		{"more homes", []string{"households=730"}, func(string) bool { return true }},
		{"more heat pumps", []string{"draw.heat_pump.share=0.7"}, func(e string) bool { return !strings.HasPrefix(e, "households") }},
		{"fewer vehicles", []string{"draw.vehicles.share=0.1"}, func(e string) bool { return !strings.HasPrefix(e, "vehicles") }},
		{"other values", []string{"draw.batteries.rated_w=3000"}, func(e string) bool { return !strings.HasPrefix(e, "batteries") }},
	} {
		t.Run(row.name, func(t *testing.T) {
			more := entriesByCommunity(loadDrawn(t, drawnSource, row.sets...))
			for id, entries := range few {
				if got, want := keep(more[id], row.same), keep(entries, row.same); !slices.Equal(got, want) {
					t.Errorf("entries of %s changed: %d entries, were %d", id, len(got), len(want))
				}
			}
		})
	}
	seed := uint64(2)
	s, err := loadFrom([]byte(drawnSource), location{file: "x.yaml", data: scenarios.Files}, Options{Seed: &seed})
	if err != nil {
		t.Fatal(err)
	}
	same := 0
	for id, entries := range entriesByCommunity(s) {
		for i, e := range entries {
			if strings.HasPrefix(e, "households") && i < len(few[id]) && e == few[id][i] {
				same++
			}
		}
	}
	if same > 5 {
		t.Errorf("another seed leaves %d of 300 homes unchanged, wanted at most 5", same)
	}
}

// keep returns the entries that f accepts.
func keep(entries []string, f func(string) bool) (kept []string) {
	for _, e := range entries {
		if f(e) {
			kept = append(kept, e)
		}
	}
	return kept
}

// A thing that is drawn among homes with another thing is only in such homes. Its share counts
// all homes.
func TestDrawnAmong(t *testing.T) {
	s := loadDrawn(t, strings.Replace(drawnSource, "name: store", "among: heat_pump", 1))
	pumps, stores := map[string]bool{}, 0
	for i := range s.document.entries("households") {
		if h := &s.document.entries("households")[i]; h.get("heat_pump") != nil {
			pumps[h.textOf("id")] = true
		}
	}
	for i := range s.document.entries("batteries") {
		if owner := s.document.entries("batteries")[i].textOf("owner"); owner != "" {
			stores++
			if !pumps[owner] {
				t.Errorf("%s has a battery and no heat pump", owner)
			}
		}
	}
	if stores != 45 {
		t.Errorf("%d batteries, want 45", stores)
	}
}

// If panels are prepared, the homes without them have prepared ones with scale 0 and drawn
// values. The homes that have panels, and the batteries drawn among these, do not change.
func TestPreparedRoofs(t *testing.T) {
	const panels = "pv: {share: 0.3, rated_w: {between: [4000, 6000], step: 500}, tilt_deg: 30, azimuth_deg: {one_of: [90, 180, 270]}, scale: 1.5}\n  batteries:\n    among: pv"
	source := strings.NewReplacer("hot_water: {share: 0.10}\n  batteries:", panels).Replace(drawnSource)
	roofs := func(s *Scenario) (on, off map[string]string) {
		on, off = map[string]string{}, map[string]string{}
		for i := range s.document.entries("households") {
			h := &s.document.entries("households")[i]
			switch pv := h.get("pv"); {
			case pv == nil:
			case pv.textOf("scale") == "0":
				off[h.textOf("id")] = string(pv.appendJSON(nil))
			default:
				on[h.textOf("id")] = string(pv.appendJSON(nil))
			}
		}
		return on, off
	}
	plain, none := roofs(loadDrawn(t, source))
	s := loadDrawn(t, strings.Replace(source, "scale: 1.5", "scale: 1.5, prepared: true", 1))
	on, off := roofs(s)
	if len(plain) != 90 || len(none) != 0 || !maps.Equal(on, plain) || len(off) != 210 {
		t.Fatalf("%d homes have panels and %d prepared ones, before %d and %d; want 90 and 210, before 90 and 0", len(on), len(off), len(plain), len(none))
	}
	forms := map[string]bool{}
	for id, pv := range off {
		forms[pv] = true
		if on[id] != "" {
			t.Errorf("%s is prepared and has panels", id)
		}
	}
	if len(forms) != 5*3 {
		t.Errorf("prepared panels have %d combinations of values, want 15", len(forms))
	}
	for i := range s.document.entries("batteries") {
		if owner := s.document.entries("batteries")[i].textOf("owner"); owner != "" && on[owner] == "" {
			t.Errorf("%s has a battery and no panels", owner)
		}
	}
	if all, rest := roofs(loadDrawn(t, source, "draw.pv.prepared=true", "draw.pv.share=0.15")); len(all) != 45 || len(rest) != 255 {
		t.Errorf("at a share of 0.15 %d homes have panels and %d prepared ones, want 45 and 255", len(all), len(rest))
	}
}

// If batteries are prepared, the homes without one have a prepared one with drawn values, out
// of service. The homes that have a battery, and their batteries, do not change.
func TestPreparedBatteries(t *testing.T) {
	stores := func(s *Scenario) (there, prepared map[string]string) {
		there, prepared = map[string]string{}, map[string]string{}
		for i := range s.document.entries("batteries") {
			switch b := &s.document.entries("batteries")[i]; {
			case b.textOf("owner") == "":
				if isAbsent(b) || b.isTrue("prepared") {
					t.Errorf("%s belongs to a community and is prepared", b.textOf("id"))
				}
			case isAbsent(b):
				prepared[b.textOf("owner")] = b.textOf("rated_wh")
			default:
				there[b.textOf("owner")] = string(b.appendJSON(nil))
			}
		}
		return there, prepared
	}
	plain, none := stores(loadDrawn(t, drawnSource))
	s := loadDrawn(t, drawnSource, "draw.batteries.prepared=true")
	there, prepared := stores(s)
	if len(plain) != 45 || len(none) != 0 || !maps.Equal(there, plain) || len(prepared) != 255 {
		t.Fatalf("%d batteries and %d prepared, before %d and %d; want 45 and 255, before 45 and 0", len(there), len(prepared), len(plain), len(none))
	}
	sizes := map[string]int{}
	for owner, wh := range prepared {
		sizes[wh]++
		if there[owner] != "" {
			t.Errorf("%s has a battery and a prepared one", owner)
		}
	}
	if len(sizes) != 3 || sizes["5000"] < 60 || sizes["7500"] < 60 || sizes["10000"] < 60 {
		t.Errorf("prepared batteries by size in Wh: %v, want at least 60 each of 5000, 7500 and 10000", sizes)
	}
	batteries := func(s *Scenario) (members, prepared int) {
		for _, g := range s.Communities() {
			for kind, absent := range g.Kinds() {
				switch {
				case kind != twins.Battery:
				case absent:
					prepared++
				default:
					members++
				}
			}
		}
		return members, prepared
	}
	if n, more := batteries(s); n != 45+6 || more != 255 {
		t.Errorf("%d batteries are members and %d prepared, want 51 and 255", n, more)
	}
	n, more := batteries(loadDrawn(t, drawnSource, "draw.batteries.prepared=true", "batteries.store-0001.available=true", "batteries.store-0002.available=true", "batteries.store-0003.available=true"))
	if n < 51+2 || n+more != 306 { // one of the three homes may have had a battery
		t.Errorf("with three made available: %d batteries are members and %d prepared, want at least 53 and 306 in all", n, more)
	}
}

func TestBadDraws(t *testing.T) {
	for _, row := range []struct{ name, old, new, want string }{
		{"a share above 1", "share: 0.2", "share: 1.2", "x.yaml:21: draw.heat_pump.share: 1.2 is above 1"},
		{"no share", "share: 0.2", "min_c: 19", "x.yaml:20: draw.heat_pump: share is missing, wanted share of all homes that have one"},
		{"a share above that of among", "name: store", "among: hot_water", "x.yaml:26: draw.batteries.share: 0.15 of the homes, more than the 0.1 that have hot_water, wanted as many at most"},
		{"among nothing", "name: store", "among: heatpump", `x.yaml:27: draw.batteries.among: nothing "heatpump" is drawn among all homes, did you mean "heat_pump"? wanted one of: heat_pump, hot_water, vehicles`},
		{"an unknown recording", "recording: homes, move", "recording: home, move", `x.yaml:18: draw.load.recording: no recording "home", did you mean "homes"? wanted one of: homes`},
		{"no such column", "move_weeks: 3", "columns: [h10006414, x*]", `x.yaml:18: draw.load.columns: recording homes has no other column that fits "x*", wanted one of: h10006414, h10006572, `},
		{"moved without a calendar", "gaps: same_time_last_week\n    calendar:\n      - {from_week: 1, record_day: 2013-07-01}\n      - {from_week: 27, record_day: 2012-12-31}", "gaps: hold", "x.yaml:15: draw.load.move_weeks: 3, wanted 0, or a calendar for recording homes: it says in which year a copy can be moved"},
		{"no load", "  load: {recording: homes, move_weeks: 3}\n", "", "x.yaml:16: draw: load is missing, wanted the recorded load of homes that have no appliances"},
		{"an unknown thing", "hot_water:", "hot_watr:", `x.yaml:24: unknown key "hot_watr" in draw, did you mean "hot_water"? wanted one of: `},
		{"an unknown key", "time_constant_h", "time_constant", `x.yaml:23: unknown key "time_constant" in draw.heat_pump, did you mean "time_constant_h"? wanted one of: `},
		{"a value out of bounds", "time_constant_h: 40", "time_constant_h: 4000", "x.yaml:23: draw.heat_pump.time_constant_h: 4000 is above 1000"},
		{"a drawn value out of bounds", "between: [120, 240]", "between: [120, 24000]", "x.yaml:22: draw.heat_pump.heat_loss_w_per_k: 24000 is above 10000"},
		{"an option out of bounds", "time_constant_h: 40", "time_constant_h: {one_of: [40, 0.5]}", "x.yaml:23: draw.heat_pump.time_constant_h: 0.5 is below 1"},
		{"between with the greater first", "between: [120, 240]", "between: [240, 120]", "x.yaml:22: draw.heat_pump.heat_loss_w_per_k: wanted between: [least, most], the smaller first, and step above 0, at most 1000000 values apart"},
		{"no step", "step: 20", "step: 0", "x.yaml:22: draw.heat_pump.heat_loss_w_per_k: wanted between: [least, most], the smaller first, and step above 0, at most 1000000 values apart"},
		{"one of nothing", "one_of: [A, B, C]", "one_of: []", "x.yaml:19: draw.phase: wanted one_of alone, with a list of values"},
		{"no such phase", "one_of: [A, B, C]", "one_of: [A, D]", `x.yaml:19: draw.phase: "D" is unknown, did you mean "A"? wanted one of: A, B, C, ABC`},
		{"an owner", "name: store", "owner: x", `x.yaml:27: unknown key "owner" in draw.batteries, wanted one of: `},
		{"an incomplete device", "    rated_w: 5000\n", "", "x.yaml:25: draw.batteries: rated_w is missing, wanted "},
		{"prepared, and a drawn scale", "hot_water: {share: 0.10}", "pv: {share: 0.3, prepared: true, rated_w: 5000, tilt_deg: 30, azimuth_deg: 180, scale: {one_of: [1, 2]}}", "x.yaml:24: draw.pv.scale: wanted a number, the same for all, where the other homes are prepared: theirs is 0"},
		{"prepared, as a text", "hot_water: {share: 0.10}", "pv: {share: 0.3, prepared: all, rated_w: 5000, tilt_deg: 30, azimuth_deg: 180}", `x.yaml:24: draw.pv.prepared: "all" is a text, wanted true or false`},
		{"prepared without a scale", "hot_water: {share: 0.10}", "hot_water: {share: 0.10, prepared: true}", `x.yaml:24: unknown key "prepared" in draw.hot_water`},
		{"prepared, and a drawn availability", "name: store", "prepared: true\n    available: {one_of: [true, false]}", "x.yaml:28: draw.batteries.available: wanted true or false, the same for all, where the other homes are prepared: theirs is false"},
		{"a prepared device, as a text", "name: store", "prepared: later", `x.yaml:27: draw.batteries.prepared: "later" is a text, wanted true or false`},
		{"a device that cannot be prepared", "rated_wh: 60000", "prepared: true", `x.yaml:32: unknown key "prepared" in draw.vehicles`},
		{"a prepared battery of a community", "rated_w: 50000}", "rated_w: 50000, prepared: true}", `x.yaml:37: unknown key "prepared" in draw.community.batteries[0]`},
		{"a bad limit", "limit_w: 75000", "limit_w: -1", "x.yaml:35: draw.community.limit_w: -1 is below 0"},
		{"a bad member of each community", "rated_w: 50000", "rated_w: -1", "x.yaml:37: draw.community.batteries[0].rated_w: -1 must be above 0"},
		{"a number and no draw", "households: 300\ndraw:", "households: 300\nx_draw:", `unknown key "x_draw"`},
		{"a draw and no number", "households: 300\n", "", "x.yaml:15: draw: no number of households, wanted one, such as households: 300, instead of a list"},
		{"no homes", "households: 300", "households: 0", "x.yaml:15: households: 0 is below 1"},
		{"half a home", "households: 300", "households: 0.5", "x.yaml:15: households: 0.5 is not whole, wanted a whole number or a list"},
		{"what the kind refuses", "between: [120, 240], step: 20}", "one_of: [180]}\n    max_c: 19", "x.yaml:20: households.household-0009.heat_pump: min_c 20 is not below max_c 19"},
	} {
		t.Run(row.name, func(t *testing.T) {
			if !strings.Contains(drawnSource, row.old) {
				t.Fatalf("%q is not in the scenario", row.old)
			}
			s, err := loadFrom([]byte(strings.Replace(drawnSource, row.old, row.new, 1)), location{file: "x.yaml", data: scenarios.Files}, Options{Steps: new(2)})
			if err == nil {
				err = Build(s)
			}
			if err == nil || !strings.HasPrefix(err.Error(), row.want) && !strings.Contains(err.Error(), row.want) {
				t.Errorf("got  %v\nwant %s", err, row.want)
			}
		})
	}
}

// A number of households needs a draw, and a list cannot be set to a number.
func TestHouseholdsWithoutDraw(t *testing.T) {
	for _, row := range [][2]string{
		{"communities: [{id: c}]\nhouseholds: 3\n", "x.yaml:2: households: 3 of them and no draw, wanted a draw that says what they are, or a list of them"},
		{"communities: [{id: c}]\nhouseholds: 3\ndraw: 4\n", "x.yaml:3: draw: 4 is a number, wanted keys and values"},
	} {
		_, err := loadFrom([]byte(row[0]), location{file: "x.yaml", data: scenarios.Files}, Options{})
		if err == nil || err.Error() != row[1] {
			t.Errorf("got  %v\nwant %s", err, row[1])
		}
	}
	s := mustLoad(t, baseScenario(t), Options{})
	if err := s.document.applySet("households=3"); err == nil || !strings.Contains(err.Error(), "not a single value") {
		t.Errorf("--set of a list of households to a number: %v", err)
	}
}

// The peaks of copies that are moved by weeks do not coincide. The wanted peaks of the
// recorded load in the year, kW/home, are of six towns drawn independently: 1.30 for 50 homes,
// 1.05 for 300, 0.96 to 1.00 for 3,000; without the move 1.32 for 300 and 1.28 for 3,000. The
// errors reached are −3 %, −2 % and none; 0 % without the move, from 300 homes on. (Fifty homes
// without the move had 1.53 where a column could be drawn twice.)
func TestPeaksOfMovedCopies(t *testing.T) {
	if testing.Short() {
		t.Skip("years of many homes")
	}
	for _, row := range []struct {
		move                   int
		of50, of300, of3000    float64
		off50, off300, off3000 float64
	}{
		{3, 1.30, 1.05, 0.98, 0.06, 0.04, 0.02},
		{0, 1.31, 1.32, 1.28, 0.02, 0.05, 0.01},
	} {
		t.Run(fmt.Sprint("moved by ", row.move), func(t *testing.T) {
			s := loadDrawn(t, drawnSource, "households=3000", fmt.Sprint("draw.load.move_weeks=", row.move))
			communities := recordedLoads(t, s)
			figure(t, "50 homes, mean of 60 communities", meanPeak(communities, 1, 50), row.of50, row.off50)
			figure(t, "300 homes, mean of 10 towns of six communities", meanPeak(communities, 6, 300), row.of300, row.off300)
			figure(t, "3,000 homes", meanPeak(communities, 60, 3000), row.of3000, row.off3000)
		})
	}
}

// powersOf returns the powers of a copy of a recorded column.
func powersOf(t testing.TB, r *inputs.Recording, column, weeks int) []twins.Power {
	t.Helper()
	c, err := r.Column(column, weeks)
	if err != nil {
		t.Fatal(err)
	}
	powers, err := c.Powers()
	if err != nil {
		t.Fatal(err)
	}
	return powers
}

// recordedLoads returns the sum of the recorded loads of each community, by step.
func recordedLoads(t *testing.T, s *Scenario) (communities [][]twins.Power) {
	t.Helper()
	spec := recordingSpec(&s.document.entries("recordings")[0])
	spec.Moves = s.document.moves()["homes"]
	r, err := inputs.ReadRecording(scenarios.Files, spec, s.Calendar)
	if err != nil {
		t.Fatal(err)
	}
	type copied struct {
		column string
		move   int
	}
	loads := map[copied][]twins.Power{}
	of := map[string]int{}
	for i := range s.document.entries("households") {
		h := &s.document.entries("households")[i]
		load := h.get("load")
		c := copied{load.textOf("column"), moveWeeks(load)}
		if loads[c] == nil {
			loads[c] = powersOf(t, r, slices.Index(r.Columns, c.column), c.move)
		}
		id := h.textOf("community")
		if _, ok := of[id]; !ok {
			of[id] = len(communities)
			communities = append(communities, make([]twins.Power, len(loads[c])))
		}
		for k, p := range loads[c] {
			communities[of[id]][k] += p
		}
	}
	return communities
}

// meanPeak returns the mean peak of groups of communities, kW per home. size is the number of
// communities in a group, homes its number of homes.
func meanPeak(communities [][]twins.Power, size, homes int) float64 {
	var peaks []float64
	for group := range slices.Chunk(communities, size) {
		sum := make([]twins.Power, len(group[0]))
		for _, c := range group {
			for k, p := range c {
				sum[k] += p
			}
		}
		peaks = append(peaks, slices.Max(sum).Watts()/1000/float64(homes))
	}
	return mean(peaks)
}

// The ratings of plants are proportional to the number of homes; the number of plants does not
// change. The city has 15.0 MW for 10,000 homes; its largest plant has 0.66 MW.
func TestDrawnSupply(t *testing.T) {
	for _, row := range []struct {
		homes         int
		firm, largest float64 // MW
		turbines      string
		tie           string
	}{
		{10_000, 15.0, 0.66, "18", "5000000"},
		{1_000, 1.5, 0.066, "2", "500000"},
		{40_000, 60, 2.636, "72", "20000000"},
	} {
		s, err := Load("city", Options{Set: []string{fmt.Sprint("households=", row.homes)}})
		if err != nil {
			t.Fatal(err)
		}
		firm, largest := 0.0, 0.0
		for i := range s.document.entries("producers") {
			p := &s.document.entries("producers")[i]
			mW, err := twins.ParseScaled(p.textOf("rated_w"), 1000)
			if err != nil || p.textOf("community") != "supply" || p.get("units") != nil {
				t.Errorf("%s: %v", p.appendJSON(nil), err)
			}
			firm += float64(mW) / 1e9
			largest = max(largest, float64(mW)/1e9)
		}
		figure(t, fmt.Sprintf("plants of %d homes, MW", row.homes), firm, row.firm, row.firm/200)
		figure(t, fmt.Sprintf("the largest for %d homes, MW", row.homes), largest, row.largest, row.largest/200)
		if n := len(s.document.entries("producers")); n != 93 {
			t.Errorf("%d plants, want 93", n)
		}
		if got := s.document.entries("wind_farms")[0].textOf("count"); got != row.turbines {
			t.Errorf("%d homes: %s turbines, want %s", row.homes, got, row.turbines)
		}
		if got := s.document.entries("ties")[0].textOf("import_w"); got != row.tie {
			t.Errorf("%d homes: tie of %s W, want %s", row.homes, got, row.tie)
		}
	}
}

// A * in a column or a user matches any column or user that exists.
func TestDrawnWords(t *testing.T) {
	source := strings.NewReplacer(
		"  hot_water: {share: 0.10}", "  pv: {share: 1, recording: homes, column: \"h100*\"}",
		"daily: {one_of: [{arrive: \"17:00\", leave: \"07:00\", trip_wh: 9000}, {arrive: \"19:30\", leave: \"08:15\", trip_wh: 6000, jitter_min: 20}]}",
		"sessions: {list: drivers, user: \"Ad*\"}",
		"communities:\n", "sessions: [{id: drivers, file: vehicles/trondheim.csv.gz, unit: kWh, weeks_from: 2018-01-01}]\ncommunities:\n",
	).Replace(drawnSource)
	s := loadDrawn(t, source)
	columns, users := map[string]bool{}, map[string]bool{}
	for i := range s.document.entries("households") {
		columns[s.document.entries("households")[i].get("pv").textOf("column")] = true
	}
	for i := range s.document.entries("vehicles") {
		users[s.document.entries("vehicles")[i].get("sessions").textOf("user")] = true
	}
	for c := range columns {
		if !strings.HasPrefix(c, "h100") {
			t.Errorf("column %s", c)
		}
	}
	if len(columns) < 40 || len(users) < 5 {
		t.Errorf("%d columns, %d users", len(columns), len(users))
	}
	for _, row := range [][2]string{
		{strings.Replace(source, `"h100*"`, `"g*"`, 1), `draw.pv.column: nothing fits "g*", wanted one of: h10006414, `},
		{strings.Replace(source, `"Ad*"`, `"Bd*"`, 1), `draw.vehicles.sessions.user: nothing fits "Bd*", wanted one of: AdA1-1, `},
		{strings.Replace(source, "list: drivers", "list: driver", 1), `draw.vehicles.sessions.list: no session "driver", did you mean "drivers"?`},
	} {
		_, err := loadFrom([]byte(row[0]), location{file: "x.yaml", data: scenarios.Files}, Options{Steps: new(2)})
		if err == nil || !strings.Contains(err.Error(), row[1]) {
			t.Errorf("got  %v\nwant %s", err, row[1])
		}
	}
}

func TestBadSupply(t *testing.T) {
	for _, row := range [][2]string{
		{"{community: supply, for_households: 100, producers: [{id: p, rated_w: -5}]}", "draw.supply.producers[0].rated_w: -5"},
		{"{community: supply, for_households: 0, producers: [{id: p, rated_w: 5}]}", "draw.supply.for_households: 0 is below 1"},
		{"{community: nowhere, for_households: 100, producers: [{id: p, rated_w: 5}]}", `producers.p.community: no community "nowhere"`},
		{"{community: supply, for_households: 100, producers: [{id: p, rated: 5}]}", `unknown key "rated" in draw.supply.producers[0]`},
		{"{community: supply, for_households: 100, plants: [{id: p, rated_w: 5}]}", `unknown key "plants" in draw.supply, wanted one of: community, for_households, producers, solar_parks, ties, wind_farms`},
		{"{community: supply, for_households: 100, producers: [{id: p, rated_w: 5, units: 0}]}", "draw.supply.producers[0].units: 0 is below 1"},
	} {
		source := strings.Replace(drawnSource, "draw:\n", "draw:\n  supply: "+row[0]+"\n", 1)
		_, err := loadFrom([]byte(source), location{file: "x.yaml", data: scenarios.Files}, Options{Steps: new(2)})
		if err == nil || !strings.Contains(err.Error(), "x.yaml:17: ") || !strings.Contains(err.Error(), row[1]) {
			t.Errorf("got  %v\nwant %s", err, row[1])
		}
	}
}

// figure checks that got is within off of want, and logs its error.
func figure(t *testing.T, what string, got, want, off float64) {
	t.Helper()
	if math.Abs(got-want) > off {
		t.Errorf("%s: %.4f, want %.4g ± %.2g", what, got, want, off)
		return
	}
	t.Logf("%s: %.4f, want %.4g, error %+.1f %%", what, got, want, 100*(got/want-1))
}

func mean(v []float64) (m float64) {
	for _, x := range v {
		m += x
	}
	return m / float64(len(v))
}
