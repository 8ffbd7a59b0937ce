package ui

import (
	"slices"

	"github.com/smatrix-grid/smatrix/twins"
	"github.com/smatrix-grid/smatrix/ui/viewers"
)

// flowColumn is a figure of a node: the grid, a community, a source.
type flowColumn struct {
	name   string
	places int
	of     func(*node) int64
}

// node is what is known of the grid, a community or a source in one step.
type node struct {
	flows    twins.Flows
	content  twins.Energy // of its storage, at the end of the step
	limit    twins.Power  // 0: none
	residual twins.Power
	// Of the grid alone: the frequency at the end of the step, and the least and the
	// greatest inside it, µHz, 0 where nobody holds it; µ€ per MWh; mg CO2 per kWh.
	frequency, frequencyMin, frequencyMax int64
	price, carbon                         int64
}

// flowColumns are in frames for ever: columns are added at the end.
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
)

// ofFlows are columns of twins.Flows, by name.
func ofFlows(names ...string) (all []flowColumn) {
	for _, name := range names {
		i := slices.IndexFunc(twins.FlowColumns, func(c twins.FlowColumn) bool { return c.Name == name })
		c := &twins.FlowColumns[i]
		all = append(all, flowColumn{c.Name, c.Places, func(n *node) int64 { return c.Value(&n.flows) }})
	}
	return all
}

// nominal is the frequency of the grid, µHz.
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

// unitOf is the unit that a name carries.
func unitOf(name string) string {
	for _, u := range []struct{ suffix, unit string }{
		{"_eur_per_mwh", "€/MWh"}, {"_g_per_kwh", "g/kWh"}, {"_wh", "Wh"}, {"_w", "W"}, {"_var", "var"}, {"_j", "J"}, {"_hz", "Hz"}, {"_c", "°C"}, {"_s", "s"},
	} {
		if len(name) > len(u.suffix) && name[len(name)-len(u.suffix):] == u.suffix {
			return u.unit
		}
	}
	return ""
}
