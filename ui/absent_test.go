package ui

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/twins"
	"github.com/smatrix-grid/smatrix/ui/viewers"
)

// has says which nodes have a value in a column of flows. Columns that are not in the table have one in every node.
var has = map[string]string{
	"import_w": "grid ties", "export_w": "grid ties", "limit_w": "limited", "residual_w": "grid",
	"frequency_hz": "held", "frequency_min_hz": "held", "frequency_max_hz": "held", "relief_w": "grid", "kinetic_w": "grid",
	"price_eur_per_mwh": "priced", "co2_g_per_kwh": "priced", "reactive_var": "",
}

// A figure that does not exist for a node is null in series, left without a number in readings, and without a value in the
// stream: never 0. A figure that is 0 is 0.
func TestWhatIsNotThereIsNull(t *testing.T) {
	for _, row := range []struct {
		scenario string
		set      []string
		nodes    map[string]string // what each node is
	}{
		{"hamlet", nil, map[string]string{"grid": "grid held", "grid/north": "limited", "grid/south": "", "grid/supply": "ties", "sources/household": "", "sources/battery": "",
			"sources/tie": "ties", "sources/producer": ""}},
		{"hamlet", []string{"communities.north.limit_w=0", "ties.tie.import_w=0", "ties.tie.export_w=0"}, map[string]string{"grid": "grid", "grid/north": "", "grid/supply": "ties"}},
		{"street", nil, map[string]string{"grid": "grid held", "grid/street": "", "grid/supply": "ties", "sources/household": "", "sources/tie": "ties"}},
		{"street", []string{"communities.street.limit_w=9000", "ties.*.available=false"}, map[string]string{"grid": "grid", "grid/street": "limited", "grid/supply": "ties"}},
		{"scarcity", nil, map[string]string{"grid": "grid held priced", "grid/community-01": "limited", "grid/supply": "ties", "sources/producer/coal": ""}},
	} {
		w := load(t, row.scenario, scenario.Options{Set: row.set})
		s := serve(t, row.scenario, func(o *Options) { o.World = w })
		s.step(2)
		var columns []string
		for _, f := range flowColumns {
			columns = append(columns, "column="+f.name)
		}
		for node, is := range row.nodes {
			name := fmt.Sprintf("%s %v: %s", row.scenario, row.set, node)
			there := func(column string) bool {
				of, listed := has[column]
				return !listed || slices.ContainsFunc(strings.Fields(of), func(word string) bool { return slices.Contains(strings.Fields(is), word) })
			}
			var flows struct {
				Series []struct {
					Name string
					V    []*float64
				}
			}
			s.get("/flows?scope="+node+"&"+strings.Join(columns, "&"), &flows)
			if len(flows.Series) != len(flowColumns) {
				t.Fatalf("%s: %d series", name, len(flows.Series))
			}
			for _, of := range flows.Series {
				if known := !slices.Contains(of.V, nil); known != there(of.Name) {
					t.Errorf("%s has %s %v over time, wanted %t", name, of.Name, known, there(of.Name))
				}
			}
			if strings.HasPrefix(node, "sources/") {
				continue
			}
			var twin TwinInfo
			s.get("/twin?path="+node, &twin)
			if len(twin.Reading) != len(flowColumns) {
				t.Errorf("%s: the reading has %v", name, slices.Sorted(maps.Keys(twin.Reading)))
			}
			for column, v := range twin.Reading {
				if (v != nil) != there(column) {
					t.Errorf("%s: %s in the reading is %v, wanted %t", name, column, v, there(column))
				}
			}
		}
		// The stream has the same values.
		for scope, frames := range map[string]string{"grid": "grid", "communities": "communities/0", "sources": "sources"} {
			watcher := s.dial("")
			watcher.subscribe(1, scope)
			s.shows(s.live, frames, watcher.at(frames, 1))
		}
	}
}

// A record of an earlier program lacks the last columns: they have no value in any node, and neither do the last columns of
// kinds. The others are as ever.
func TestColumnsThatARecordLacks(t *testing.T) {
	w := load(t, "hamlet", scenario.Options{})
	x := NewIndex(w)
	lacking := len(twins.FlowColumns) - len(twins.FirstLayout().Flows)
	var step *Step
	k := &recorder{index: x, partless: true, to: func(s *Step, _ *sim.StepRecord) { step = s }}
	flat := sim.NewFlat(w, nil, false)
	r := sim.Runner{World: w, Stepper: flat, Sinks: []sim.Sink{sim.SinkFunc(func(r *sim.StepRecord) error {
		r.Lacking = lacking
		return k.Commit(r)
	})}}
	if _, err := r.Step(); err != nil {
		t.Fatal(err)
	}
	lacks := map[string]bool{}
	for _, c := range twins.FlowColumns[len(twins.FirstLayout().Flows):] {
		lacks[c.Name] = true
	}
	if len(lacks) == 0 {
		t.Fatal("the first layout has all columns: the test shows nothing")
	}
	for i, f := range flowColumns {
		if got := step.Scopes[scopeGrid][0].Value(i, 0) == viewers.None; got != (lacks[f.name] || f.name == "reactive_var" || strings.HasSuffix(f.name, "kwh") || strings.HasSuffix(f.name, "mwh") || f.name == "limit_w") {
			t.Errorf("%s of the grid has no value: %t", f.name, got)
		}
	}
}
