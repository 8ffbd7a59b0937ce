package twins

// columns are the values of a block's readings, column by column: hash, journal, usage and
// frames want them one after the other, and all of them the same ones.
type columns struct {
	gathered bool
	values   [][]int64 // by column; nil until one of its values has not been 0
	zero     []bool
}

// Column is what all members' readings say in column n of the kind, after a commit; nil
// if they all say 0. It holds until the next step, and belongs to the block.
func (b *Block) Column(n int) []int64 {
	if !b.columns.gathered {
		b.gather()
	}
	if b.columns.zero[n] {
		return nil
	}
	return b.columns.values[n]
}

func (c *columns) prepare(b *Block) {
	if c.values == nil {
		c.values, c.zero = make([][]int64, len(b.Kind.Columns)), make([]bool, len(b.Kind.Columns))
	}
}

func (b *Block) gather() {
	c := &b.columns
	c.prepare(b)
	for n := range b.Kind.Columns {
		col := &b.Kind.Columns[n]
		if c.zero[n] = col.Sum != nil && col.Sum(&b.Flows) == 0; c.zero[n] {
			continue
		}
		if c.values[n] == nil {
			c.values[n] = make([]int64, len(b.Read))
		}
		values, some := c.values[n][:len(b.Read)], int64(0)
		for i := range values {
			v := col.Value(&b.Read[i])
			values[i] = v
			some |= v
		}
		c.zero[n] = some == 0
	}
	c.gathered = true
}

// Show puts recorded values into the readings and columns, column by column as Column gives
// them, and their sums.
func (b *Block) Show(flows Flows, column func(n int) []int64) {
	b.Flows = flows
	for i := range b.Read {
		b.Read[i] = Reading{Parts: b.Read[i].Parts}
	}
	c := &b.columns
	c.prepare(b)
	for n := range b.Kind.Columns {
		values := column(n)
		if c.zero[n] = values == nil; c.zero[n] {
			continue
		}
		c.values[n] = append(c.values[n][:0], values...)
		set := b.Kind.Columns[n].Set
		for i, v := range values {
			set(&b.Read[i], v)
		}
	}
	c.gathered = true
}
