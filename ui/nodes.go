package ui

import (
	"slices"

	"github.com/smatrix-grid/smatrix/twins"
	"github.com/smatrix-grid/smatrix/ui/viewers"
)

// flowColumn is a column of the nodes: the grid, communities and sources.
type flowColumn struct {
	name   string
	places int
	of     func(*node) int64
}

// node is the figures of the grid, a community or a source in one step.
type node struct {
	flows    twins.Flows
	content  twins.Energy // energy in its storage at the end of the step
	limit    twins.Power  // 0: none
	residual twins.Power
	// Set for the grid only: the frequency at the end of the step, and the lowest and the
	// highest within it, µHz, 0 if the grid has none; µ€ per MWh; mg CO2 per kWh.
	frequency, frequencyMin, frequencyMax int64
	price, carbon                         int64
}

// flowColumns is the order of columns in frames, which never changes: new columns go to the end.
var flowColumns = slices.Concat(
	ofFlows("power_w", "load_w", "generation_w", "charge_w", "discharge_w", "import_w", "export_w", "network_loss_w",
		"unserved_w", "unserved_essential_w", "curtailed_w", "shifted_w", "reactive_var"),
	[]flowColumn{
		{"stored_j", 3, func(n *node) int64 { return int64(n.content) }},
		{"limit_w", 3, func(n *node) int64 { return int64(n.limit) }},
		{"frequency_hz", 6, func(n *node) int64 { return n.frequency }},
		{"residual_w", 3, func(n *node) int64 { return int64(n.residual) }},
		{"price_eur_per_mwh", 6, func(n *node) int64 { return n.price }},
		{"co2_g_per_kwh", 3, func(n *node) int64 { return n.carbon }},
	},
	ofFlows("relief_w", "kinetic_w"),
	[]flowColumn{
		{"frequency_min_hz", 6, func(n *node) int64 { return n.frequencyMin }},
		{"frequency_max_hz", 6, func(n *node) int64 { return n.frequencyMax }},
	},
	ofFlows("waiting_w", "waiting_j", "room_below_kh", "tank_below_kh"),
)

// ofFlows returns columns of twins.Flows by name.
func ofFlows(names ...string) (all []flowColumn) {
	for _, name := range names {
		i := slices.IndexFunc(twins.FlowColumns, func(c twins.FlowColumn) bool { return c.Name == name })
		c := &twins.FlowColumns[i]
		all = append(all, flowColumn{c.Name, c.Places, func(n *node) int64 { return c.Value(&n.flows) }})
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
			values[i] = flowColumns[c].of(&nodes[i])
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
