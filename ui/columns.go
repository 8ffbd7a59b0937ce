package ui

import (
	"bytes"
	"encoding/binary"
	"slices"

	"github.com/smatrix-grid/smatrix/twins"
	"github.com/smatrix-grid/smatrix/ui/stream"
)

// Column is values of one column as the stream has them: little-endian signed
// integers of the least width that holds all of them. It is never changed.
type Column struct {
	Width uint8 // bytes per value: 0 (all are zero), 1, 2, 4 or 8
	Data  []byte
}

// NewColumn packs values.
func NewColumn(values []int64) Column {
	width := uint8(0)
	for _, v := range values {
		width = max(width, widthOf(v))
	}
	c := Column{Width: width}
	if width == 0 {
		return c
	}
	c.Data = make([]byte, 0, len(values)*int(width))
	for _, v := range values {
		c.Data = appendValue(c.Data, v, width)
	}
	return c
}

func widthOf(v int64) uint8 {
	switch {
	case v == 0:
		return 0
	case v == int64(int8(v)):
		return 1
	case v == int64(int16(v)):
		return 2
	case v == int64(int32(v)):
		return 4
	}
	return 8
}

func appendValue(b []byte, v int64, width uint8) []byte {
	switch width {
	case 0:
		return b
	case 1:
		return append(b, byte(v))
	case 2:
		return binary.LittleEndian.AppendUint16(b, uint16(v))
	case 4:
		return binary.LittleEndian.AppendUint32(b, uint32(v))
	}
	return binary.LittleEndian.AppendUint64(b, uint64(v))
}

// At is the value of a row.
func (c *Column) At(i int) int64 {
	switch c.Width {
	case 0:
		return 0
	case 1:
		return int64(int8(c.Data[i]))
	case 2:
		return int64(int16(binary.LittleEndian.Uint16(c.Data[2*i:])))
	case 4:
		return int64(int32(binary.LittleEndian.Uint32(c.Data[4*i:])))
	}
	return int64(binary.LittleEndian.Uint64(c.Data[8*i:]))
}

func (c *Column) equal(d *Column) bool { return c.Width == d.Width && bytes.Equal(c.Data, d.Data) }

// Block is rows of one kind, column by column.
type Block struct {
	Rows    int
	Columns []Column
}

// Value is one value of a block.
func (b *Block) Value(column, row int) int64 { return b.Columns[column].At(row) }

func (b *Block) size() (n int) {
	for i := range b.Columns {
		n += len(b.Columns[i].Data) + 32
	}
	return n
}

// fullBlocks is the full state of blocks for the stream.
func fullBlocks(blocks []Block) []*stream.Block {
	out := make([]*stream.Block, len(blocks))
	for k := range blocks {
		b := &blocks[k]
		to := &stream.Block{Block: uint32(k), Rows: uint32(b.Rows)}
		for i := range b.Columns {
			c := &b.Columns[i]
			to.Columns = append(to.Columns, &stream.Column{Column: uint32(i), Width: uint32(c.Width), Values: c.Data})
		}
		out[k] = to
	}
	return out
}

// deltaBlocks is what differs from before.
func deltaBlocks(before, now []Block) (out []*stream.Block) {
	for k := range now {
		var to *stream.Block
		for i := range now[k].Columns {
			c := deltaColumn(&before[k].Columns[i], &now[k].Columns[i], now[k].Rows)
			if c == nil {
				continue
			}
			if to == nil {
				to = &stream.Block{Block: uint32(k), Rows: uint32(now[k].Rows)}
				out = append(out, to)
			}
			c.Column = uint32(i)
			to.Columns = append(to.Columns, c)
		}
	}
	return out
}

// deltaColumn is the rows that differ, or all of them where that is shorter; nil if
// none does.
func deltaColumn(before, now *Column, rows int) *stream.Column {
	if now.equal(before) {
		return nil
	}
	all := &stream.Column{Width: uint32(now.Width), Values: now.Data}
	var index []byte
	var changed []int64
	width := uint8(0)
	for i := range rows {
		v := now.At(i)
		if v == before.At(i) {
			continue
		}
		index = binary.LittleEndian.AppendUint16(index, uint16(i))
		changed, width = append(changed, v), max(width, widthOf(v))
	}
	switch {
	case len(changed) == 0: // the same in another width
		return nil
	case len(index)+len(changed)*int(width) >= len(all.Values):
		return all
	}
	c := &stream.Column{Width: uint32(width), Index: index}
	for _, v := range changed {
		c.Values = appendValue(c.Values, v, width)
	}
	return c
}

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
func blockOfNodes(nodes []node) Block {
	b := Block{Rows: len(nodes), Columns: make([]Column, len(flowColumns))}
	values := make([]int64, len(nodes))
	for c := range flowColumns {
		for i := range nodes {
			values[i] = flowColumns[c].of(&nodes[i])
		}
		b.Columns[c] = NewColumn(values)
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
