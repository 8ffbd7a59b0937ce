package tables

import (
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/parquet-go/parquet-go"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/twins"
)

// Readings writes the table of members' readings.
type Readings struct {
	table
	columns int
	of      map[*twins.Kind][]int // for each column of a kind, its index among the figures of the table
}

// Grid writes the table of the whole grid's steps.
type Grid struct{ table }

// A row group of group rows is held in memory until it is complete: 14 MB of doubles at
// most. Rows are passed to the Parquet writer batch at a time.
const (
	group = 1 << 16
	batch = 1 << 10
)

// table writes rows. Columns are counted in the order in which begin gets them.
type table struct {
	name  string
	w     *parquet.GenericWriter[any]
	order []int // for each column its index in the file, where columns are sorted by name
	row   parquet.Row
	rows  []parquet.Row
}

// column is a column of a table.
type column struct {
	name string
	node parquet.Node
}

func timeColumns() []column {
	return []column{{"step", parquet.Int(64)}, {"time", parquet.Timestamp(parquet.Millisecond)}}
}

func figureColumns(names []string) (of []column) {
	for _, name := range names {
		of = append(of, column{name, parquet.Optional(parquet.Leaf(parquet.DoubleType))})
	}
	return of
}

// NewReadings begins the table of members' readings.
func NewReadings(w io.Writer) *Readings {
	names := sim.ReadingColumns()
	text := parquet.Encoded(parquet.String(), &parquet.RLEDictionary)
	r := &Readings{columns: len(names), of: map[*twins.Kind][]int{}}
	r.begin("readings", w, slices.Concat(timeColumns(), []column{{"member", text}, {"kind", text}, {"community", text}}, figureColumns(names)))
	for _, k := range twins.Kinds() {
		for _, c := range k.Columns {
			r.of[k] = append(r.of[k], slices.Index(names, c.Name))
		}
	}
	return r
}

// NewGrid begins the table of the whole grid's steps.
func NewGrid(w io.Writer) *Grid {
	g := &Grid{}
	g.begin("grid", w, slices.Concat(timeColumns(), figureColumns(sim.GridColumns())))
	return g
}

func (t *table) begin(name string, w io.Writer, columns []column) {
	fields := parquet.Group{}
	for _, c := range columns {
		fields[c.name] = c.node
	}
	schema := parquet.NewSchema("smatrix", fields)
	t.name, t.row = name, make(parquet.Row, len(columns))
	t.w = parquet.NewGenericWriter[any](w, schema, parquet.Compression(&parquet.Zstd), parquet.CreatedBy("smatrix", "", ""), parquet.MaxRowsPerRowGroup(group))
	for _, c := range columns {
		t.order = append(t.order, slices.IndexFunc(schema.Columns(), func(path []string) bool { return path[0] == c.name }))
	}
}

// Member is the member that a reading is of.
type Member struct {
	Path, Community string
	Kind            *twins.Kind
}

// Add appends the reading of a member in the step that began at a time. value returns the
// stored integer of a column of the member's kind, and false if the run's layout lacks it.
func (r *Readings) Add(step twins.Tick, at time.Time, m Member, value func(column int) (v int64, known bool)) error {
	r.setTime(step, at)
	for k, text := range [...]string{m.Path, m.Kind.Name, m.Community} {
		r.set(2+k, parquet.ByteArrayValue([]byte(text)), false)
	}
	for k := range r.columns {
		r.set(5+k, parquet.NullValue(), true)
	}
	for k, c := range m.Kind.Columns {
		if v, known := value(k); known {
			r.set(5+r.of[m.Kind][k], parquet.DoubleValue(scaled(v, c.Places)), true)
		}
	}
	return r.endRow()
}

// Add appends a step of the grid that began at a time, with a value for each of
// sim.GridColumns.
func (g *Grid) Add(step twins.Tick, at time.Time, values []sim.GridValue) error {
	g.setTime(step, at)
	for k, v := range values {
		value := parquet.NullValue()
		if v.Known {
			value = parquet.DoubleValue(scaled(v.Value, v.Places))
		}
		g.set(2+k, value, true)
	}
	return g.endRow()
}

func (t *table) setTime(step twins.Tick, at time.Time) {
	t.set(0, parquet.Int64Value(int64(step)), false)
	t.set(1, parquet.Int64Value(at.UnixMilli()), false)
}

// set puts a value into the row. An optional value that is not null has definition level 1.
func (t *table) set(column int, v parquet.Value, optional bool) {
	at := t.order[column]
	definition := 0
	if optional && !v.IsNull() {
		definition = 1
	}
	t.row[at] = v.Level(0, definition, at)
}

func (t *table) endRow() error {
	t.rows = append(t.rows, t.row.Clone())
	if len(t.rows) < batch {
		return nil
	}
	return t.flush()
}

func (t *table) flush() error {
	_, err := t.w.WriteRows(t.rows)
	if t.rows = t.rows[:0]; err != nil {
		return fmt.Errorf("%s.parquet: %w", t.name, err)
	}
	return nil
}

// Close writes the remaining rows and the footer of the file. It does not close the
// writer.
func (t *table) Close() error {
	if err := t.flush(); err != nil {
		return err
	}
	if err := t.w.Close(); err != nil {
		return fmt.Errorf("%s.parquet: %w", t.name, err)
	}
	return nil
}

// scaled returns a stored integer in its unit, as the nearest double.
func scaled(v int64, places int) float64 {
	unit := 1.0
	for range places {
		unit *= 10
	}
	return float64(v) / unit
}
