package tables

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/parquet-go/parquet-go"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/inputs"
	"github.com/smatrix-grid/smatrix/sim/views"
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
	name string
	w    *parquet.GenericWriter[any]
	row  parquet.Row
	rows []parquet.Row
}

// column is a column of a table.
type column struct {
	name string
	node parquet.Node
}

func timeColumns() []column {
	return []column{{"step", parquet.Int(64)}, {"time", parquet.Timestamp(parquet.Millisecond)}}
}

func textColumns(names ...string) (of []column) {
	for _, name := range names {
		of = append(of, column{name, parquet.Encoded(parquet.String(), &parquet.RLEDictionary)})
	}
	return of
}

// figureColumn is a column of numbers or nulls: of integers if they have no decimals.
func figureColumn(name string, places int) column {
	if places == 0 {
		return column{name, parquet.Optional(parquet.Int(64))}
	}
	return column{name, parquet.Optional(parquet.Leaf(parquet.DoubleType))}
}

// NewReadings begins the table of members' readings of a run with this calendar.
func NewReadings(w io.Writer, calendar *inputs.Calendar) *Readings {
	names := sim.ReadingColumns()
	r := &Readings{columns: len(names), of: map[*twins.Kind][]int{}}
	figures := make([]column, len(names))
	for _, k := range twins.Kinds() {
		for _, c := range k.Columns {
			at := slices.Index(names, c.Name)
			figures[at] = figureColumn(c.Name, c.Places)
			r.of[k] = append(r.of[k], at)
		}
	}
	r.begin("readings", w, slices.Concat(timeColumns(), textColumns("member", "kind", "community"), figures), inTime(calendar)...)
	return r
}

// NewGrid begins the table of the whole grid's steps of a run with this calendar.
func NewGrid(w io.Writer, calendar *inputs.Calendar) *Grid {
	columns := timeColumns()
	for _, name := range sim.GridColumns() {
		columns = append(columns, column{name, parquet.Optional(parquet.Leaf(parquet.DoubleType))})
	}
	g := &Grid{}
	g.begin("grid", w, columns, inTime(calendar)...)
	return g
}

// inTime is the metadata of a table of steps: what turns its instants into local time, and
// its powers into energies.
func inTime(calendar *inputs.Calendar) []parquet.WriterOption {
	return []parquet.WriterOption{
		parquet.KeyValueMetadata("time_zone", calendar.Start.Location().String()),
		parquet.KeyValueMetadata("step_s", strconv.FormatInt(int64(calendar.Step), 10)),
	}
}

// ordered is a group whose fields keep the order of its names; a parquet.Group sorts them.
type ordered struct {
	parquet.Group
	names []string
}

// Fields implements parquet.Node.
func (g ordered) Fields() []parquet.Field {
	fields := g.Group.Fields()
	slices.SortFunc(fields, func(a, b parquet.Field) int {
		return cmp.Compare(slices.Index(g.names, a.Name()), slices.Index(g.names, b.Name()))
	})
	return fields
}

func (t *table) begin(name string, w io.Writer, columns []column, options ...parquet.WriterOption) {
	fields := ordered{Group: parquet.Group{}}
	for _, c := range columns {
		fields.Group[c.name], fields.names = c.node, append(fields.names, c.name)
	}
	t.name, t.row = name, make(parquet.Row, len(columns))
	t.w = parquet.NewGenericWriter[any](w, append(options, parquet.NewSchema("smatrix", fields), parquet.Compression(&parquet.Zstd),
		parquet.CreatedBy("smatrix", "", ""), parquet.MaxRowsPerRowGroup(group))...)
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
	r.setText(2, m.Path, m.Kind.Name, m.Community)
	for k := range r.columns {
		r.set(5+k, parquet.NullValue(), true)
	}
	for k, c := range m.Kind.Columns {
		if v, known := value(k); known {
			r.set(5+r.of[m.Kind][k], figure(v, c.Places), true)
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
			value = figure(v.Value, v.Places)
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
	definition := 0
	if optional && !v.IsNull() {
		definition = 1
	}
	t.row[column] = v.Level(0, definition, column)
}

// setText puts texts into the columns from first on.
func (t *table) setText(first int, texts ...string) {
	for k, text := range texts {
		t.set(first+k, parquet.ByteArrayValue([]byte(text)), false)
	}
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

// figure returns a stored integer in its unit, as the nearest double; as an integer if it has
// no decimals.
func figure(v int64, places int) parquet.Value {
	if places == 0 {
		return parquet.Int64Value(v)
	}
	unit := 1.0
	for range places {
		unit *= 10
	}
	return parquet.DoubleValue(float64(v) / unit)
}

// WriteBookings writes the table of views.Bookings.
func WriteBookings(w io.Writer, bookings []views.Booking) error {
	names := views.BookingColumns()
	t := &table{}
	columns := textColumns(names[:3]...)
	for _, name := range names[3:] {
		columns = append(columns, column{name, parquet.Leaf(parquet.DoubleType)})
	}
	t.begin("bookings", w, columns)
	for _, b := range bookings {
		t.setText(0, b.Member, b.Reason.String(), b.What)
		t.set(3, parquet.DoubleValue(b.Energy.WattHours()/1000), false)
		t.set(4, figure(b.Reward, 6), false)
		if err := t.endRow(); err != nil {
			return err
		}
	}
	return t.Close()
}
