package viewers

import (
	"bytes"
	"encoding/binary"
	"math"

	"github.com/smatrix-grid/smatrix/twins"
	"github.com/smatrix-grid/smatrix/ui/stream"
)

// None is the value of a row that has none: the column has no meaning for it, or the record of the step lacks it.
const None = twins.GaugeUnknown

// Column is the values of one column as the stream has them: little-endian signed
// integers of the least width that holds all of them. The least integer of a width is None.
// A Column is never changed.
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
	case v == None || v == int64(int8(v)) && v != math.MinInt8:
		return 1
	case v == int64(int16(v)) && v != math.MinInt16:
		return 2
	case v == int64(int32(v)) && v != math.MinInt32:
		return 4
	}
	return 8
}

// leastOf is the least integer of a width, which stands for None.
func leastOf(width uint8) int64 { return -1 << (8*width - 1) }

func appendValue(b []byte, v int64, width uint8) []byte {
	if v == None {
		v = leastOf(width)
	}
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

// At returns the value of a row, or None.
func (c *Column) At(i int) (v int64) {
	switch c.Width {
	case 0:
		return 0
	case 1:
		v = int64(int8(c.Data[i]))
	case 2:
		v = int64(int16(binary.LittleEndian.Uint16(c.Data[2*i:])))
	case 4:
		v = int64(int32(binary.LittleEndian.Uint32(c.Data[4*i:])))
	default:
		v = int64(binary.LittleEndian.Uint64(c.Data[8*i:]))
	}
	if v == leastOf(c.Width) {
		return None
	}
	return v
}

// Equal reports whether two columns are the same bytes.
func (c *Column) Equal(d *Column) bool { return c.Width == d.Width && bytes.Equal(c.Data, d.Data) }

// Block is the rows of one kind, column by column.
type Block struct {
	Rows    int
	Columns []Column
}

// Value returns the value of a row in a column, or None.
func (b *Block) Value(column, row int) int64 { return b.Columns[column].At(row) }

// Size returns about how much memory a block takes, in bytes.
func (b *Block) Size() (n int) {
	for i := range b.Columns {
		n += len(b.Columns[i].Data) + 32
	}
	return n
}

// fullBlocks returns the full state of blocks for the stream.
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

// deltaBlocks returns the columns and rows that differ from before.
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

// deltaColumn returns the rows that differ, or all rows where that is shorter; nil if none differs.
func deltaColumn(before, now *Column, rows int) *stream.Column {
	if now.Equal(before) {
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
	case len(changed) == 0: // equal values, stored in another width
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
