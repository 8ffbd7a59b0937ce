package ui

import (
	"github.com/smatrix-grid/smatrix/twins"
	"github.com/smatrix-grid/smatrix/ui/live"
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
var flowColumns = []flowColumn{
	{"power_w", 3, func(n *node) int64 { return int64(n.flows.Power) }},
	{"load_w", 3, func(n *node) int64 { return int64(n.flows.Load) }},
	{"generation_w", 3, func(n *node) int64 { return int64(n.flows.Generation) }},
	{"charge_w", 3, func(n *node) int64 { return int64(n.flows.Charge) }},
	{"discharge_w", 3, func(n *node) int64 { return int64(n.flows.Discharge) }},
	{"import_w", 3, func(n *node) int64 { return int64(n.flows.Import) }},
	{"export_w", 3, func(n *node) int64 { return int64(n.flows.Export) }},
	{"network_loss_w", 3, func(n *node) int64 { return int64(n.flows.NetworkLoss) }},
	{"unserved_w", 3, func(n *node) int64 { return int64(n.flows.Unserved) }},
	{"unserved_essential_w", 3, func(n *node) int64 { return int64(n.flows.UnservedEssential) }},
	{"curtailed_w", 3, func(n *node) int64 { return int64(n.flows.Curtailed) }},
	{"shifted_w", 3, func(n *node) int64 { return int64(n.flows.Shifted) }},
	{"reactive_var", 3, func(n *node) int64 { return int64(n.flows.Reactive) }},
	{"stored_j", 3, func(n *node) int64 { return int64(n.content) }},
	{"limit_w", 3, func(n *node) int64 { return int64(n.limit) }},
	{"frequency_hz", 6, func(n *node) int64 { return n.frequency }},
	{"residual_w", 3, func(n *node) int64 { return int64(n.residual) }},
	{"price_eur_per_mwh", 6, func(n *node) int64 { return n.price }},
	{"co2_g_per_kwh", 3, func(n *node) int64 { return n.carbon }},
	{"relief_w", 3, func(n *node) int64 { return int64(n.flows.Relief) }},
	{"kinetic_w", 3, func(n *node) int64 { return int64(n.flows.Kinetic) }},
	{"frequency_min_hz", 6, func(n *node) int64 { return n.frequencyMin }},
	{"frequency_max_hz", 6, func(n *node) int64 { return n.frequencyMax }},
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
func blockOfNodes(nodes []node) live.Block {
	b := live.Block{Rows: len(nodes), Columns: make([]live.Column, len(flowColumns))}
	values := make([]int64, len(nodes))
	for c := range flowColumns {
		for i := range nodes {
			values[i] = flowColumns[c].of(&nodes[i])
		}
		b.Columns[c] = live.NewColumn(values)
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
