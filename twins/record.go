package twins

// CellLayout lists the members of a community, by kind and in path order, and the
// columns that records have of them. It does not change during a run.
type CellLayout struct {
	Path   string
	Blocks []*BlockLayout
	Gauges []Gauge // of the community's own, from its network
}

// BlockLayout is the members of one kind.
type BlockLayout struct {
	Kind    *Kind
	Columns []Column // the columns of Kind in the run's layout
	Paths   []string

	parts    func(i int) []string
	gauges   []int32 // those of member i begin at gauges[i] of a record's Gauges; nil: no gauges
	first    []int32 // the powers of member i's parts begin at first[i] of a record's Parts; nil: no parts
	prepared []bool  // nil: none
	power    int     // column, −1 without
	content  int
}

// PartNames are those of the devices of member i; nil if it is one device.
func (l *BlockLayout) PartNames(i int) []string { return l.parts(i) }

// GaugeList are the gauges of member i, in the order of their values; nil if it has none.
func (l *BlockLayout) GaugeList(i int) []Gauge {
	if l.gauges == nil {
		return nil
	}
	return GaugesOf(l.Kind, l.parts(i))
}

// Prepared reports whether member i is prepared: absent until it is put in.
func (l *BlockLayout) Prepared(i int) bool { return l.prepared != nil && l.prepared[i] }

// ColumnNamed is the index of a column, −1 if records do not have it.
func (l *BlockLayout) ColumnNamed(name string) int {
	for i := range l.Columns {
		if l.Columns[i].Name == name {
			return i
		}
	}
	return -1
}

// CellRecord is what a community and its members did in one step, as a value: hash,
// journal, report and page read nothing else. The next step overwrites the record of a
// cell that is being stepped; a caller that keeps it must copy it.
type CellRecord struct {
	Path    string
	Blocks  []BlockRecord
	Flows   Flows
	CatchUp            // of its members; 0 in a replay: there only the grid's is known
	Limit   Power      // of net import and export at its connection point, in this step; 0: none
	Notes   []Decision // in slot order
	Events  []Notice   // notable ones, by member
	// Gauges are the values of the community's own gauges, in the order of its layout;
	// nil where they are unknown, as in a replay.
	Gauges []int64
	// Isolated are the members that were put into quarantine since the step before.
	Isolated []string
	// Broken is the first member whose reading breaks its own balance, and BrokenBy by
	// how much.
	Broken   string
	BrokenBy Energy
}

// NodeColumn is one figure of a community's own, as it appears in files. The name
// carries the unit and stays for ever.
type NodeColumn struct {
	Name   string
	Places int // decimals of the stored integer
	Value  func(*CellRecord) int64
	Set    func(*CellRecord, int64) // the inverse of Value
}

// NodeColumns are all figures of a community's own. A new one comes last.
var NodeColumns = []NodeColumn{
	{"limit_w", 3, func(r *CellRecord) int64 { return int64(r.Limit) }, func(r *CellRecord, v int64) { r.Limit = Power(v) }},
}

// BlockRecord is the members of one kind in a CellRecord.
type BlockRecord struct {
	*BlockLayout
	Flows Flows
	// Parts are the powers of the members' devices, those of the first member, then those
	// of the second; nil where they are not known, as in a replay.
	Parts []Power
	// Gauges are the values of the members' gauges, those of the first member, then those
	// of the second; nil where they are not known, as in a replay.
	Gauges []int64

	columns [][]int64 // nil: all values are 0
}

// NewCellRecord makes an empty record of a community.
func NewCellRecord(l *CellLayout) *CellRecord {
	r := &CellRecord{Path: l.Path, Blocks: make([]BlockRecord, len(l.Blocks))}
	for i, b := range l.Blocks {
		r.Blocks[i] = BlockRecord{BlockLayout: b, columns: make([][]int64, len(b.Columns))}
	}
	return r
}

// Net is what passes the community's connection point: + import, − export.
func (r *CellRecord) Net() Power { return r.Flows.Net() }

// Column is the values of column n for all members, in path order; nil if all are 0.
func (b *BlockRecord) Column(n int) []int64 { return b.columns[n] }

// SetColumn sets the values of a column; nil means zeros. The record owns the values
// from then on.
func (b *BlockRecord) SetColumn(n int, values []int64) { b.columns[n] = values }

// Value is the value of column n for member i; 0 for a column that records do not
// have.
func (b *BlockRecord) Value(n, i int) int64 {
	if n < 0 || b.columns[n] == nil {
		return 0
	}
	return b.columns[n][i]
}

// PartsOf are the powers of member i's devices; nil where they are unknown.
func (b *BlockRecord) PartsOf(i int) []Power {
	if b.Parts == nil || b.first == nil {
		return nil
	}
	return b.Parts[b.first[i]:b.first[i+1]]
}

// GaugesOf are the values of member i's gauges, in the order of GaugeList; nil where they
// are unknown, and for a member without gauges.
func (b *BlockRecord) GaugesOf(i int) []int64 {
	if b.Gauges == nil || b.gauges == nil {
		return nil
	}
	return b.Gauges[b.gauges[i]:b.gauges[i+1]]
}

// Reading is member i's reading from the columns. The kind's role decides
// whether the power is load, storage or exchange; fields without a column are 0.
func (b *BlockRecord) Reading(i int) (r Reading) {
	for n := range b.Columns {
		b.Columns[n].Set(&r, b.Value(n, i))
	}
	r.Parts = b.PartsOf(i)
	switch b.Kind.Role {
	case RoleLoad:
		r.Load = r.Power + r.Generation
	case RoleStorage:
		r.Storage = r.Power
	case RoleProducer:
		r.Load, r.Generation = max(r.Power, 0), max(-r.Power, 0)
	case RoleTie:
		r.Exchange = r.Power
	}
	return r
}

// Vacant reports whether member i is prepared and absent in this step: it held nothing at
// its end and neither drew nor gave.
func (b *BlockRecord) Vacant(i int) bool {
	return b.Prepared(i) && b.Value(b.power, i) == 0 && b.Value(b.content, i) == 0
}

// layoutOf is the layout of a block's records.
func (b *Block) layoutOf(l *Layout) *BlockLayout {
	n := len(b.Paths)
	to := &BlockLayout{Kind: b.Kind, Columns: l.columns(b.Kind), Paths: b.Paths, parts: b.Slab.Parts, gauges: b.gaugeFirst}
	if len(b.Parts) > 0 {
		to.first = make([]int32, 1, n+1)
		for i := range n {
			to.first = append(to.first, to.first[i]+int32(len(b.Slab.Parts(i))))
		}
	}
	if b.preparer != nil {
		for i := range n {
			if b.preparer.Prepared(i) && to.prepared == nil {
				to.prepared = make([]bool, n)
			}
			if to.prepared != nil {
				to.prepared[i] = b.preparer.Prepared(i)
			}
		}
	}
	to.power, to.content = to.ColumnNamed(ColumnPower.Name), to.ColumnNamed(ColumnContent.Name)
	return to
}

// Layout lists the community's members and columns in its records.
func (c *Cell) Layout() *CellLayout { return c.layout }

// LayoutAs is Layout for records of another run layout.
func (c *Cell) LayoutAs(l *Layout) *CellLayout {
	to := &CellLayout{Path: c.Path}
	for _, b := range c.Blocks {
		to.Blocks = append(to.Blocks, b.layoutOf(l))
	}
	if c.gauger != nil {
		to.Gauges = c.gauger.GaugeList()
	}
	return to
}

// Record is what the community did in the last committed step.
func (c *Cell) Record() *CellRecord { return c.record }

// takeRecord fills the cell's record after a commit.
func (c *Cell) takeRecord(env *Env) {
	r := c.record
	r.Flows, r.CatchUp, r.Limit = c.Flows, c.caughtUp, c.opened.limit
	r.Notes, r.Events, r.Isolated, r.Broken, r.BrokenBy = c.Notes, c.Events, c.Isolated, c.Broken, c.BrokenBy
	for i, b := range c.Blocks {
		to := &r.Blocks[i]
		to.Flows, to.Parts, to.Gauges = b.Flows, b.Parts, b.readGauges(env)
		b.gather(to)
	}
	if c.gauger != nil {
		c.gauger.Gauges(&c.state, c.gauges)
		r.Gauges = c.gauges
	}
}

// gather fills the columns of a record. A column that is known to be 0
// for all members is skipped.
func (b *Block) gather(to *BlockRecord) {
	if b.columns == nil {
		b.columns = make([][]int64, len(to.Columns))
	}
	for n := range to.Columns {
		col := &to.Columns[n]
		if to.columns[n] = nil; col.Sum != nil && col.Sum(&b.Flows) == 0 || col.Moved && !b.moved {
			continue
		}
		if b.columns[n] == nil {
			b.columns[n] = make([]int64, len(b.Read))
		}
		values, some := b.columns[n], int64(0)
		for i := range values {
			v := col.Value(&b.Read[i])
			values[i] = v
			some |= v
		}
		if some != 0 {
			to.columns[n] = values
		}
	}
}
