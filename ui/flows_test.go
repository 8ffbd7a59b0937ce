package ui

import (
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/sim/views"
	"github.com/smatrix-grid/smatrix/twins"
)

// flowList is a place that lists figures of flows.
type flowList struct {
	name  string
	names []string          // what it has
	as    map[string]string // its names of columns, where they differ
	less  map[string]string // the columns that it has not, each with the reason
}

// Reasons for which a list does without a column.
const (
	ofIslands   = "belongs to the seconds of an island, and to the balance of the whole grid"
	asStored    = "stored_j is the content there, not its change"
	ofStorage   = "the energy of storage is in its own figures"
	asStock     = "what waits is a stock, and becomes unserved at its deadline: a sum over time would count it twice"
	ofHeat      = "K·h are in the comfort of the report"
	notActive   = "reactive power is no energy"
	ofAll       = "the sum of its parts, which are there"
	notAsked    = "a decision says what became of a request"
	inReadings  = "the form of the file is a contract: the readings beside it have the column"
	followsLoss = "follows from what storage took, gave and holds"
)

// jsonNames returns the names of a struct's fields in JSON.
func jsonNames(of any) (names []string) {
	t := reflect.TypeOf(of)
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}

func flowLists(t *testing.T) []flowList {
	t.Helper()
	var names []string
	for _, f := range flowColumns {
		names = append(names, f.name)
	}
	energies := map[string]string{"load_w": "consumed", "generation_w": "produced", "import_w": "imported", "export_w": "exported", "charge_w": "charged", "discharge_w": "discharged",
		"network_loss_w": "lost", "unserved_w": "unserved", "unserved_essential_w": "unserved_essential", "curtailed_w": "curtailed", "shifted_w": "shifted", "waiting_j": "waiting", "relief_w": "relief", "kinetic_w": "kinetic"}
	noEnergies := map[string]string{"power_w": ofAll, "reactive_var": notActive, "stored_j": ofStorage, "storage_loss_j": ofStorage,
		"driven_j": ofStorage, "elsewhere_j": ofStorage, "waiting_w": asStock, "room_below_kh": ofHeat, "tank_below_kh": ofHeat}
	inGrid := map[string]string{}
	for column, energy := range energies {
		if power, ok := strings.CutSuffix(column, "_w"); ok && power != "" && power != "relief" && power != "kinetic" { // the columns of grid.csv are fixed
			inGrid[column] = energy + "_w"
		}
	}
	inUsage := map[string]string{"load_w": "consumed_wh", "generation_w": "produced_wh", "import_w": "drawn_wh", "export_w": "fed_in_wh", "charge_w": "charged_wh",
		"discharge_w": "discharged_wh", "unserved_w": "unserved_wh", "curtailed_w": "curtailed_wh", "shifted_w": "shifted_wh"}
	with := func(all map[string]string, more ...string) map[string]string {
		o := map[string]string{}
		for k, v := range all {
			o[k] = v
		}
		for i := 0; i < len(more); i += 2 {
			o[more[i]] = more[i+1]
		}
		return o
	}
	total := func(as map[string]string) map[string]string { // of a comparison's homes and communities
		return map[string]string{"unserved_w": as["unserved_w"] + "_wh", "waiting_j": as["waiting_j"] + "_wh"}
	}
	quoted := func(file string) []string { // the texts between quotes of a source of the page
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return strings.FieldsFunc(string(b), func(r rune) bool { return strings.ContainsRune("\"' \n:,[]{}", r) })
	}
	served := []string{"unserved_w", "waiting_j"}
	others := func(reason string) map[string]string {
		less := map[string]string{}
		for _, c := range twins.FlowColumns {
			if !slices.Contains(served, c.Name) {
				less[c.Name] = reason
			}
		}
		return less
	}
	onPage := map[string]string{"storage_loss_j": followsLoss, "driven_j": ofStorage, "elsewhere_j": ofStorage, "relief_w": ofIslands, "kinetic_w": ofIslands, "network_loss_w": "is in the balance and in comparisons"}
	return []flowList{
		{"frames and /flows", names, nil, map[string]string{"storage_loss_j": followsLoss, "elsewhere_j": ofStorage}},
		{"/compare", compared, nil, map[string]string{"power_w": ofAll, "relief_w": ofIslands, "kinetic_w": ofIslands, "reactive_var": notActive,
			"storage_loss_j": ofStorage, "driven_j": ofStorage, "elsewhere_j": ofStorage, "room_below_kh": ofHeat, "tank_below_kh": ofHeat}},
		{"grid.csv and grid.parquet", sim.GridColumns(), inGrid, with(noEnergies, "relief_w", ofIslands, "kinetic_w", ofIslands, "waiting_w", inReadings, "waiting_j", inReadings, "unserved_essential_w", inReadings, "shifted_w", inReadings)},
		{"energies of the report", jsonNames(views.EnergyReport{}), energies, noEnergies},
		{"energies of usage", views.FigureNames[:], inUsage, with(noEnergies, "relief_w", ofIslands, "kinetic_w", ofIslands, "network_loss_w", "belongs to no member", "unserved_essential_w", "unserved_wh has it", "waiting_j", asStock)},
		{"a comparison's communities", jsonNames(views.CommunityDifference{}), total(energies), others("figures of the whole grid are compared in full")},
		{"a comparison's households", jsonNames(views.HouseholdDifference{}), total(energies), others("figures of the whole grid are compared in full")},
		{"/decisions", jsonNames(DecisionInfo{}), nil, map[string]string{"load_w": notAsked, "generation_w": notAsked, "charge_w": notAsked, "discharge_w": notAsked, "import_w": notAsked,
			"export_w": notAsked, "network_loss_w": notAsked, "unserved_essential_w": "unserved_w has it", "relief_w": ofIslands, "kinetic_w": ofIslands, "reactive_var": notActive, "stored_j": asStored,
			"storage_loss_j": ofStorage, "driven_j": ofStorage, "elsewhere_j": ofStorage, "waiting_j": "a decision is about one step", "room_below_kh": ofHeat, "tank_below_kh": ofHeat}},
		{"a twin's readings on the page", quoted("web/src/parts/Readings.svelte"), nil, with(onPage, "driven_j", "", "elsewhere_j", "")},
		{"names on the page", quoted("web/src/lib/name.ts"), nil, map[string]string{"storage_loss_j": followsLoss}},
	}
}

// Every list of figures has every column of flows, or a reason to do without it. A new column that is missing
// somewhere fails this test.
func TestEveryListHasEveryFlow(t *testing.T) {
	for _, list := range flowLists(t) {
		for _, c := range twins.FlowColumns {
			name := c.Name
			if as, ok := list.as[name]; ok {
				name = as
			}
			has, without := slices.Contains(list.names, name), list.less[c.Name] != ""
			if has == without {
				t.Errorf("%s: it has %s %v, and a reason to do without it %v; wanted one of them", list.name, c.Name, has, without)
			}
		}
	}
}

// A comparison has a difference of each energy of the report.
func TestComparedEnergies(t *testing.T) {
	w := load(t, "hamlet", scenario.Options{})
	a := views.NewAccounts(w)
	c := views.Compare(a, a, views.RunOf{StepS: 900}, views.RunOf{StepS: 900}, views.Shared{}, a.Summary.Report(w), a.Summary.Report(w))
	energies := jsonNames(views.EnergyReport{})
	for _, name := range energies {
		if c.Energy[name].More == nil {
			t.Errorf("a comparison has no %s, which the report has", name)
		}
	}
	if len(c.Energy) != len(energies) {
		t.Errorf("a comparison has %d energies, the report %d", len(c.Energy), len(energies))
	}
}

// asked is a series of the API with its values as numbers.
type asked struct {
	Name string
	V    []float64
}

// What waits is the same in the series and totals of a comparison, in the table of the grid, and in the decisions
// about members.
func TestWaitingIsEverywhere(t *testing.T) {
	s := serve(t, "hamlet", func(o *Options) {
		o.World = load(t, "hamlet", scenario.Options{Set: []string{"vehicles.car.initial_soc=0.05", "vehicles.car.daily.trip_wh=50000",
			"ties.tie.available=false", "producers.engine.available=false"}})
	})
	const night = 5 // steps: until then the car waits, and its trip is still to come
	s.step(night)
	var flows struct{ Series []asked }
	s.get("/flows?column=waiting_w&column=waiting_j", &flows)
	began, waits := flows.Series[0].V, flows.Series[1].V
	if slices.Max(began) == 0 || waits[night-1] == 0 {
		t.Fatalf("%v W began to wait, %v J wait: the test shows nothing", began, waits)
	}
	var c struct {
		Totals []TotalOf
		Series []struct {
			Name string
			A    asked
		}
	}
	s.get("/compare?a=live&b=live", &c)
	found := 0
	for _, pair := range c.Series {
		if i := slices.Index([]string{"waiting_w", "waiting_j"}, pair.Name); i >= 0 {
			if found++; !slices.Equal(pair.A.V, flows.Series[i].V) {
				t.Errorf("%s of the comparison is %v, that of /flows %v", pair.Name, pair.A.V, flows.Series[i].V)
			}
		}
	}
	for _, total := range c.Totals {
		if total.Name == "waiting_wh" {
			if found++; math.Abs(*total.A-waits[night-1]/3600) > 1e-6 {
				t.Errorf("%g Wh wait at the end, wanted %g", *total.A, waits[night-1]/3600)
			}
		}
	}
	if found != 3 {
		t.Errorf("the comparison has %d of two series and a total of what waits", found)
	}
	said := 0
	for tick := range began {
		var d struct {
			Decisions []struct {
				Path     string
				WaitingW float64 `json:"waiting_w"`
			}
		}
		s.get(fmt.Sprintf("/decisions?limit=1000&from=%d&to=%d", tick, tick+1), &d)
		for _, of := range d.Decisions {
			if k := s.live.kindOf(of.Path); columnOf(k, "waiting_w") < 0 {
				continue
			}
			var r struct{ Series []asked }
			s.get(fmt.Sprintf("/readings?path=%s&column=waiting_w&from=%d&to=%d", of.Path, tick, tick+1), &r)
			if r.Series[0].V[0] != of.WaitingW {
				t.Errorf("step %d: the decision about %s says that %g W began to wait, its reading %g", tick, of.Path, of.WaitingW, r.Series[0].V[0])
			}
			if of.WaitingW > 0 {
				said++
			}
		}
	}
	if said == 0 {
		t.Error("no decision says that anything began to wait")
	}
}

// Every column that the page asks for, or looks up in an answer, exists: an unknown one would leave a chart empty.
func TestColumnsThatThePageAsksFor(t *testing.T) {
	var (
		asks  = regexp.MustCompile(`'(/flows|/readings)'|\bcolumn: \[([^\]]*)\]`)
		looks = regexp.MustCompile(`\blineOf\([^,()]+, '([a-z0-9_]+)'\)|\bflow\??\.([a-z0-9]+_[a-z0-9_]+)`)
		text  = regexp.MustCompile(`'([a-z0-9_]+)'`)
		found = map[string]int{}
	)
	ofKind := func(name string) bool {
		return slices.ContainsFunc(twins.Kinds(), func(k *twins.Kind) bool { return columnOf(k, name) >= 0 })
	}
	inFlows := func(name string) bool { return flowColumnNamed(name) >= 0 }
	err := filepath.WalkDir("web/src", func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Base(filepath.Dir(file)) == "gen" {
			return err
		}
		b, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		exists, route := inFlows, ""
		for _, m := range asks.FindAllStringSubmatch(string(b), -1) {
			if m[1] != "" {
				exists, route = inFlows, m[1]
				if route == "/readings" {
					exists = ofKind
				}
				continue
			}
			for _, name := range text.FindAllStringSubmatch(m[2], -1) {
				found[route]++
				if !exists(name[1]) {
					t.Errorf("%s asks %s for the column %q, which it does not have", file, route, name[1])
				}
			}
		}
		for _, m := range looks.FindAllStringSubmatch(string(b), -1) {
			name := m[1] + m[2]
			found["looks"]++
			if !inFlows(name) && (m[1] == "" || !ofKind(name)) {
				t.Errorf("%s looks for a column %q, which flows do not have", file, name)
			}
		}
		return nil
	})
	if err != nil || found["/flows"] == 0 || found["/readings"] == 0 || found["looks"] == 0 {
		t.Errorf("found %v, %v: the test has read no sources of the page", found, err)
	}
}
