package stream

import (
	"encoding/binary"
	"fmt"
	"math"
)

// View is the state of a viewer after the frames that it has received, scope by scope.
type View map[string]*Table

// Table is the state of one scope.
type Table struct {
	Tick        int64
	Blocks      [][][]int64 // by block, column, row; math.MinInt64: the row has no value
	NotComputed string      // why block 1 of a twin is missing
}

// Limits on the sizes that a frame may announce.
const (
	mostBlocks  = 256
	mostColumns = 256
	mostRows    = 1 << 16
)

// Apply applies a frame. A frame that does not follow the one before, or is malformed, returns an
// error and leaves the view unchanged.
func (v View) Apply(f *Frame) error {
	old := v[f.GetScope()]
	if f.GetBase() < 0 {
		t := &Table{Tick: f.GetTick(), NotComputed: f.GetNotComputed()}
		for i, b := range f.GetBlocks() {
			if b.GetRows() > mostRows || i >= mostBlocks || b.GetBlock() != uint32(i) {
				return fmt.Errorf("scope %s: block %d of %d rows at place %d", f.GetScope(), b.GetBlock(), b.GetRows(), i)
			}
			columns := make([][]int64, len(b.GetColumns()))
			if len(columns) > mostColumns {
				return fmt.Errorf("scope %s: %d columns", f.GetScope(), len(columns))
			}
			for c := range columns {
				columns[c] = make([]int64, b.GetRows())
			}
			t.Blocks = append(t.Blocks, columns)
		}
		if err := t.fill(f); err != nil {
			return err
		}
		v[f.GetScope()] = t
		return nil
	}
	if old == nil || old.Tick != f.GetBase() {
		return fmt.Errorf("scope %s: a delta to step %d, which is not here", f.GetScope(), f.GetBase())
	}
	t := old.clone()
	t.Tick = f.GetTick()
	if err := t.fill(f); err != nil {
		return err
	}
	v[f.GetScope()] = t
	return nil
}

func (t *Table) clone() *Table {
	c := &Table{Tick: t.Tick, Blocks: make([][][]int64, len(t.Blocks))}
	for b := range t.Blocks {
		c.Blocks[b] = make([][]int64, len(t.Blocks[b]))
		for i := range t.Blocks[b] {
			c.Blocks[b][i] = append([]int64(nil), t.Blocks[b][i]...)
		}
	}
	return c
}

func (t *Table) fill(f *Frame) error {
	for _, b := range f.GetBlocks() {
		if int(b.GetBlock()) >= len(t.Blocks) {
			return fmt.Errorf("scope %s: no block %d", f.GetScope(), b.GetBlock())
		}
		columns := t.Blocks[b.GetBlock()]
		for _, c := range b.GetColumns() {
			if int(c.GetColumn()) >= len(columns) {
				return fmt.Errorf("scope %s: no column %d", f.GetScope(), c.GetColumn())
			}
			if err := c.put(columns[c.GetColumn()]); err != nil {
				return fmt.Errorf("scope %s: block %d, column %d: %w", f.GetScope(), b.GetBlock(), c.GetColumn(), err)
			}
		}
	}
	return nil
}

// put writes the column's values into rows.
func (c *Column) put(rows []int64) error {
	width, n := int(c.GetWidth()), len(rows)
	if len(c.GetIndex()) > 0 {
		n = len(c.GetIndex()) / 2
	}
	switch {
	case width != 0 && width != 1 && width != 2 && width != 4 && width != 8:
		return fmt.Errorf("width %d", width)
	case len(c.GetIndex())%2 != 0 || len(c.GetValues()) != n*width:
		return fmt.Errorf("%d bytes of values and %d of index for %d rows", len(c.GetValues()), len(c.GetIndex()), len(rows))
	}
	for k := range n {
		row := k
		if len(c.GetIndex()) > 0 {
			row = int(binary.LittleEndian.Uint16(c.GetIndex()[2*k:]))
		}
		if row >= len(rows) {
			return fmt.Errorf("row %d of %d", row, len(rows))
		}
		rows[row] = c.value(k, width)
	}
	return nil
}

func (c *Column) value(k, width int) (v int64) {
	b := c.GetValues()[k*width:]
	switch width {
	case 0:
		return 0
	case 1:
		v = int64(int8(b[0]))
	case 2:
		v = int64(int16(binary.LittleEndian.Uint16(b)))
	case 4:
		v = int64(int32(binary.LittleEndian.Uint32(b)))
	default:
		v = int64(binary.LittleEndian.Uint64(b))
	}
	if v == -1<<(8*width-1) { // the least integer of the width: no value
		return math.MinInt64
	}
	return v
}
