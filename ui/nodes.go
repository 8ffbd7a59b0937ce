package ui

import (
	"slices"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/twins"
	"github.com/smatrix-grid/smatrix/ui/viewers"
)

// flowColumn is a column of the nodes: the grid, communities and sources.
type flowColumn struct {
	name   string
	places int
	of     func(*node) int64
	// has reports whether a node has a value in the column: without one its row is viewers.None,
	// which is null in the API and a dash on the page, never 0. nil: every node has one.
	has func(*node) bool
}

// value returns the value of a node in the column, or viewers.None.
func (c *flowColumn) value(n *node) int64 {
	if c.has != nil && !c.has(n) {
		return viewers.None
	}
	return c.of(n)
}

// node is the figures of the grid, a community or a source in one step.
type node struct {
	flows    twins.Flows
	content  twins.Energy // energy in its storage at the end of the step
	limit    twins.Power  // 0: none
	residual twins.Power
	whole    bool            // it is the whole grid
	ties     bool            // it is the whole grid, or has ties of its own
	record   *sim.StepRecord // of the step
	// Of the whole grid: the frequency at the end of the step, and the lowest and the highest
	// within it, µHz, 0 if the grid has none.
	frequency, frequencyMin, frequencyMax int64
}

// The nodes that have a value in a column.
func wholeGrid(n *node) bool { return n.whole }
func withTies(n *node) bool  { return n.ties }

// flowColumns is the order of columns in frames, which never changes: new columns go to the end.
var flowColumns = slices.Concat(
	ofFlows("power_w", "load_w", "generation_w", "charge_w", "discharge_w", "import_w", "export_w", "network_loss_w",
		"unserved_w", "unserved_essential_w", "curtailed_w", "shifted_w", "reactive_var"),
	[]flowColumn{
		{"stored_j", 3, func(n *node) int64 { return int64(n.content) }, nil},
		{"limit_w", 3, func(n *node) int64 { return int64(n.limit) }, func(n *node) bool { return n.limit != 0 }},
		frequencyColumn("frequency_hz", func(n *node) int64 { return n.frequency }),
		{"residual_w", 3, func(n *node) int64 { return int64(n.residual) }, wholeGrid},
		{"price_eur_per_mwh", 6, func(n *node) int64 { return int64(n.record.Price) }, func(n *node) bool { return n.whole && n.record.Priced }},
		{"co2_g_per_kwh", 3, func(n *node) int64 { return n.record.Carbon }, func(n *node) bool { return n.whole && n.record.Mixed }},
	},
	ofFlows("relief_w", "kinetic_w"),
	[]flowColumn{
		frequencyColumn("frequency_min_hz", func(n *node) int64 { return n.frequencyMin }),
		frequencyColumn("frequency_max_hz", func(n *node) int64 { return n.frequencyMax }),
	},
	ofFlows("waiting_w", "waiting_j", "room_below_kh", "tank_below_kh", "driven_j"),
)

// frequencyColumn is a column of frequencies, µHz. A node without a frequency has no value.
func frequencyColumn(name string, of func(*node) int64) flowColumn {
	return flowColumn{name, 6, of, func(n *node) bool { return of(n) != 0 }}
}

// flowsHad has the flows that not every node has: import and export are those of a node's own ties, relief and
// kinetic power belong to the whole grid, and no kind of twin computes reactive power.
var flowsHad = map[string]func(*node) bool{
	"import_w": withTies, "export_w": withTies, "relief_w": wholeGrid, "kinetic_w": wholeGrid, "reactive_var": func(*node) bool { return hasReactive },
}

// hasReactive is whether any kind of twin computes reactive power.
var hasReactive = slices.ContainsFunc(twins.Kinds(), func(k *twins.Kind) bool { return columnOf(k, twins.ColumnReactive.Name) >= 0 })

// ofFlows returns columns of twins.Flows by name. A record of an earlier program may lack the last of them.
func ofFlows(names ...string) (all []flowColumn) {
	for _, name := range names {
		i := slices.IndexFunc(twins.FlowColumns, func(c twins.FlowColumn) bool { return c.Name == name })
		c, had := &twins.FlowColumns[i], flowsHad[name]
		all = append(all, flowColumn{c.Name, c.Places, func(n *node) int64 { return c.Value(&n.flows) },
			func(n *node) bool { return n.record.Knows(i) && (had == nil || had(n)) }})
	}
	return all
}

// nominal is the nominal frequency of the grid, µHz.
const nominal = 50_000_000

func flowColumnNamed(name string) int {
	for i := range flowColumns {
		if flowColumns[i].name == name {
			return i
		}
	}
	return -1
}

// blockOfNodes packs one row for each node.
func blockOfNodes(nodes []node) viewers.Block {
	b := viewers.Block{Rows: len(nodes), Columns: make([]viewers.Column, len(flowColumns))}
	values := make([]int64, len(nodes))
	for c := range flowColumns {
		for i := range nodes {
			values[i] = flowColumns[c].value(&nodes[i])
		}
		b.Columns[c] = viewers.NewColumn(values)
	}
	return b
}

// unitOf returns the unit that a name's suffix stands for, "" if it has none.
func unitOf(name string) string {
	for _, u := range []struct{ suffix, unit string }{
		{"_eur_per_mwh", "€/MWh"}, {"_g_per_kwh", "g/kWh"}, {"_wh", "Wh"}, {"_w", "W"}, {"_var", "var"}, {"_j", "J"}, {"_hz", "Hz"}, {"_c", "°C"}, {"_kh", "K·h"}, {"_s", "s"},
	} {
		if len(name) > len(u.suffix) && name[len(name)-len(u.suffix):] == u.suffix {
			return u.unit
		}
	}
	return ""
}
