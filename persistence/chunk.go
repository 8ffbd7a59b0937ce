package persistence

import (
	"fmt"

	"github.com/smatrix-grid/smatrix/twins"
)

// matrix is one figure of several members over the steps of a chunk: a row for each
// step; a nil row is zeros. The next chunk reuses the rows.
type matrix struct {
	width int
	rows  [][]int64
	spare [][]int64
}

// row appends a row and returns it, to be overwritten.
func (m *matrix) row() []int64 {
	if n := len(m.spare); n > 0 {
		m.rows, m.spare = append(m.rows, m.spare[n-1]), m.spare[:n-1]
	} else {
		m.rows = append(m.rows, make([]int64, m.width))
	}
	return m.rows[len(m.rows)-1]
}

// keep appends a copy of a row; nil is zeros.
func (m *matrix) keep(row []int64) {
	if row == nil {
		m.rows = append(m.rows, nil)
		return
	}
	copy(m.row(), row)
}

// reset drops the rows and keeps their memory.
func (m *matrix) reset() {
	for _, row := range m.rows {
		if row != nil {
			m.spare = append(m.spare, row)
		}
	}
	m.rows = m.rows[:0]
}

// zero reports whether all rows are zeros.
func (m *matrix) zero() bool {
	for _, row := range m.rows {
		if row != nil {
			return false
		}
	}
	return true
}

func (m *matrix) at(step, i int) int64 {
	if m.rows[step] == nil {
		return 0
	}
	return m.rows[step][i]
}

// gatherWidth is the number of series gathered at a time: 8 values of 8 bytes are one cache
// line.
const gatherWidth = 8

// eachColumn gathers the series of one member after the other.
func (m *matrix) eachColumn(s *series, visit func(i int, vs []int64)) {
	steps := len(m.rows)
	for from := 0; from < m.width; from += gatherWidth {
		n := min(gatherWidth, m.width-from)
		for k, row := range m.rows {
			if row == nil {
				for i := range n {
					s.at(i, steps)[k] = 0
				}
				continue
			}
			for i, v := range row[from : from+n] {
				s.values[i*steps+k] = v
			}
		}
		for i := range n {
			visit(from+i, s.at(i, steps))
		}
	}
}

// series holds gatherWidth series that were gathered from a matrix.
type series struct{ values []int64 }

func newSeries(steps int) *series { return &series{make([]int64, gatherWidth*steps)} }

func (s *series) at(i, steps int) []int64 { return s.values[i*steps : (i+1)*steps] }

// column gathers the series of one member.
func (m *matrix) column(i int, vs []int64) {
	for k, row := range m.rows {
		vs[k] = 0
		if row != nil {
			vs[k] = row[i]
		}
	}
}

// cellChunk is the readings of one community over the steps of a chunk: a matrix
// for each column of each block, and one for the flows.
type cellChunk struct {
	shape   *shape
	columns [][]matrix // by block and column
	flows   matrix     // of each block, then the community's less their sum, then the community's own figures
}

func newCellChunk(s *shape, community int) *cellChunk {
	c := s.cells[community]
	k := &cellChunk{shape: s, columns: make([][]matrix, len(c.Blocks)), flows: matrix{width: s.flows*(len(c.Blocks)+1) + s.nodes}}
	for i, b := range c.Blocks {
		k.columns[i] = make([]matrix, len(b.Columns))
		for n := range k.columns[i] {
			k.columns[i][n].width = len(b.Paths)
		}
	}
	return k
}

// add adds the readings of a step, and returns how many values it stored.
func (k *cellChunk) add(c *twins.CellRecord) (values int) {
	for i := range c.Blocks {
		b := &c.Blocks[i]
		for n := range b.Columns {
			column := b.Column(n)
			k.columns[i][n].keep(column)
			values += len(column)
		}
	}
	row, n := k.flows.row(), k.shape.flows
	rest := row[n*len(c.Blocks):]
	putFlows(rest[:n], &c.Flows)
	for i := range c.Blocks {
		of := row[n*i : n*(i+1)]
		putFlows(of, &c.Blocks[i].Flows)
		for f, v := range of {
			rest[f] -= v
		}
	}
	for i := range k.shape.nodes {
		rest[n+i] = twins.NodeColumns[i].Value(c)
	}
	return values + len(row)
}

// reset begins the next chunk.
func (k *cellChunk) reset() {
	for i := range k.columns {
		for n := range k.columns[i] {
			k.columns[i][n].reset()
		}
	}
	k.flows.reset()
}

// fill puts the readings of one step into a record.
func (k *cellChunk) fill(c *twins.CellRecord, step int) {
	row, n := k.flows.rows[step], k.shape.flows
	rest := row[n*len(c.Blocks):]
	c.Flows = flowsOf(rest[:n])
	for i := range c.Blocks {
		b := &c.Blocks[i]
		b.Flows = flowsOf(row[n*i : n*(i+1)])
		for m := range b.Columns {
			b.SetColumn(m, k.columns[i][m].rows[step])
		}
		c.Flows.Plus(&b.Flows)
	}
	for i := range k.shape.nodes {
		twins.NodeColumns[i].Set(c, rest[n+i])
	}
}

// append appends the stored form.
func (k *cellChunk) append(b []byte, c *twins.CellLayout, from twins.Tick) []byte {
	w := encoder{b}
	steps := len(k.flows.rows)
	gathered, base := newSeries(steps), make([]int64, steps)
	w.Int(int64(from))
	w.Uint(uint64(steps))
	w.Uint(uint64(len(c.Blocks)))
	for i, block := range c.Blocks {
		w.Text(block.Kind.Name)
		w.Uint(uint64(len(block.Paths)))
		w.Uint(uint64(len(block.Columns)))
		for n, col := range block.Columns {
			w.Text(col.Name)
			if k.columns[i][n].zero() && !col.Derived { // as most columns are in most steps
				w.zeros(len(block.Paths))
				continue
			}
			k.columns[i][n].eachColumn(gathered, func(m int, vs []int64) {
				if col.Derived && n > 0 {
					k.columns[i][n-1].column(m, base)
					w.shares(vs, base)
					return
				}
				w.series(vs)
			})
		}
	}
	k.flows.eachColumn(gathered, func(_ int, vs []int64) { w.series(vs) })
	return w.Writer
}

// readCellChunk is the inverse of append, for a cell of the same scenario and layout.
func readCellChunk(b []byte, s *shape, community int, from twins.Tick, steps int) (*cellChunk, error) {
	c := s.cells[community]
	r := newDecoder(b)
	if t, n := twins.Tick(r.Int()), r.Uint(); t != from || n != uint64(steps) {
		return nil, fmt.Errorf("it has %d steps from %d on, wanted %d from %d on", n, t, steps, from)
	}
	if n := r.Uint(); n != uint64(len(c.Blocks)) {
		return nil, fmt.Errorf("it has %d kinds, wanted %d", n, len(c.Blocks))
	}
	k := newCellChunk(s, community)
	vs, base := make([]int64, steps), make([]int64, steps)
	for i, block := range c.Blocks {
		if name, n := r.Text(), r.Uint(); name != block.Kind.Name || n != uint64(len(block.Paths)) {
			return nil, fmt.Errorf("it has %d of %q, wanted %d of %q", n, name, len(block.Paths), block.Kind.Name)
		}
		before := -1
		for range r.Count(1) {
			name := r.Text()
			n := block.ColumnNamed(name)
			if n < 0 {
				return nil, fmt.Errorf("it has the column %q, which the run's layout does not have", name)
			}
			m := &k.columns[i][n]
			m.rows = make([][]int64, steps)
			for at := range block.Paths {
				if block.Columns[n].Derived && before >= 0 {
					k.columns[i][before].column(at, base)
					r.shares(vs, base)
				} else if r.series(vs) {
					continue
				}
				m.set(at, vs)
			}
			before = n
		}
	}
	k.flows.allocate(steps)
	for i := range k.flows.width {
		if !r.series(vs) {
			k.flows.set(i, vs)
		}
	}
	for i := range k.columns { // columns that the chunk does not have are zeros
		for n := range k.columns[i] {
			if k.columns[i][n].rows == nil {
				k.columns[i][n].rows = make([][]int64, steps)
			}
		}
	}
	return k, r.Done()
}

func (m *matrix) allocate(steps int) {
	all := make([]int64, steps*m.width)
	for range steps {
		m.rows = append(m.rows, all[:m.width:m.width])
		all = all[m.width:]
	}
}

// set stores a series in a column; rows of zeros stay nil.
func (m *matrix) set(i int, vs []int64) {
	for k, v := range vs {
		if m.rows[k] == nil {
			if v == 0 {
				continue
			}
			m.rows[k] = make([]int64, m.width)
		}
		m.rows[k][i] = v
	}
}

// zeros writes n series of zeros.
func (w *encoder) zeros(n int) { w.Writer = append(w.Writer, make([]byte, n)...) }

// shares writes a column that is proportional to another one, base, as a state of charge is
// to the energy stored: the greatest value and base's value in the same step, then the
// deviations of all values from that proportion, which are close to 0.
func (w *encoder) shares(vs, base []int64) {
	at := 0
	for i := range vs {
		if vs[i] > vs[at] {
			at = i
		}
	}
	share, of := vs[at], base[at]
	rest := make([]int64, len(vs))
	w.Ints(share, of)
	for i := range vs {
		rest[i] = vs[i] - proportion(base[i], share, of)
	}
	w.series(rest)
}

func (r *decoder) shares(vs, base []int64) {
	share, of := r.Int(), r.Int()
	r.series(vs)
	for i := range vs {
		vs[i] += proportion(base[i], share, of)
	}
}

// proportion returns v·share÷of, 0 if it is undefined or would overflow.
func proportion(v, share, of int64) int64 {
	if v < 0 || share <= 0 || of <= 0 || v/2 > of || share > 1<<60 {
		return 0
	}
	q, _ := twins.MulDiv(v, share, of)
	return q
}
