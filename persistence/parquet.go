package persistence

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/parquet-go/parquet-go"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/twins"
)

// parquetFiles is the sink that writes the two tables of sim.CSV as Parquet. Times are
// milliseconds since 1970 in UTC; figures are doubles in the unit that the name says,
// which give every milliwatt back up to 9 TW; what a kind does not have is null.
type parquetFiles struct {
	readings, grid *parquetTable
	columns        []string
	of             map[*twins.Kind][]int // place among columns of each of a kind's
}

// parquetTable is one file.
type parquetTable struct {
	file  *os.File
	w     *parquet.GenericWriter[any]
	place []int // where the columns of a row stand in the file, which has them by name
	row   parquet.Row
	rows  []parquet.Row
}

// parquetColumn is a column of a table.
type parquetColumn struct {
	name string
	node parquet.Node
}

const parquetRows = 4096 // that are handed over at a time

func createParquet(readings, grid string) (*parquetFiles, error) {
	p := &parquetFiles{columns: sim.ReadingColumns(), of: map[*twins.Kind][]int{}}
	text := parquet.Encoded(parquet.String(), &parquet.RLEDictionary)
	when := []parquetColumn{{"step", parquet.Int(64)}, {"time", parquet.Timestamp(parquet.Millisecond)}}
	of := append(slices.Clone(when), parquetColumn{"member", text}, parquetColumn{"kind", text}, parquetColumn{"community", text})
	for _, name := range p.columns {
		of = append(of, parquetColumn{name, parquet.Optional(parquet.Leaf(parquet.DoubleType))})
	}
	for _, k := range twins.Kinds() {
		for _, c := range k.Columns {
			p.of[k] = append(p.of[k], slices.Index(p.columns, c.Name))
		}
	}
	var err error
	if p.readings, err = createTable(readings, of); err != nil {
		return nil, err
	}
	for _, name := range sim.GridColumns() {
		when = append(when, parquetColumn{name, parquet.Optional(parquet.Leaf(parquet.DoubleType))})
	}
	if p.grid, err = createTable(grid, when); err != nil {
		return nil, errors.Join(err, p.readings.close())
	}
	return p, nil
}

func createTable(name string, columns []parquetColumn) (*parquetTable, error) {
	f, err := os.Create(name)
	if err != nil {
		return nil, err
	}
	group := parquet.Group{}
	for _, c := range columns {
		group[c.name] = c.node
	}
	schema := parquet.NewSchema("smatrix", group)
	t := &parquetTable{file: f, w: parquet.NewGenericWriter[any](f, schema, parquet.Compression(&parquet.Zstd), parquet.CreatedBy("smatrix", "", "")), row: make(parquet.Row, len(columns))}
	for _, c := range columns {
		t.place = append(t.place, slices.IndexFunc(schema.Columns(), func(path []string) bool { return path[0] == c.name }))
	}
	return t, nil
}

// set puts a value into the row; optional ones are defined then.
func (t *parquetTable) set(column int, v parquet.Value, optional bool) {
	at := t.place[column]
	definition := 0
	if optional && !v.IsNull() {
		definition = 1
	}
	t.row[at] = v.Level(0, definition, at)
}

func (t *parquetTable) end() error {
	t.rows = append(t.rows, t.row.Clone())
	if len(t.rows) < parquetRows {
		return nil
	}
	return t.flush()
}

func (t *parquetTable) flush() error {
	_, err := t.w.WriteRows(t.rows)
	t.rows = t.rows[:0]
	return err
}

func (t *parquetTable) close() error {
	err := t.flush()
	err = errors.Join(err, t.w.Close())
	if err == nil {
		err = t.file.Sync()
	}
	return errors.Join(err, t.file.Close())
}

// Commit implements sim.Sink.
func (p *parquetFiles) Commit(r *sim.StepRecord) error {
	step, at := parquet.Int64Value(int64(r.Tick)), parquet.Int64Value(r.Time.UnixMilli())
	t := p.readings
	for _, c := range r.Cells {
		for _, b := range c.Blocks {
			for i := range b.Read {
				if b.Vacant(i) {
					continue
				}
				t.set(0, step, false)
				t.set(1, at, false)
				for k, text := range [...]string{b.Paths[i], b.Kind.Name, c.Path} {
					t.set(2+k, parquet.ByteArrayValue([]byte(text)), false)
				}
				for k := range p.columns {
					t.set(5+k, parquet.NullValue(), true)
				}
				for k, col := range b.Kind.Columns {
					t.set(5+p.of[b.Kind][k], parquet.DoubleValue(scaled(col.Value(&b.Read[i]), col.Places)), true)
				}
				if err := t.end(); err != nil {
					return fmt.Errorf("readings.parquet: %w", err)
				}
			}
		}
	}
	t = p.grid
	t.set(0, step, false)
	t.set(1, at, false)
	for k, v := range sim.GridValues(r) {
		value := parquet.NullValue()
		if v.Known {
			value = parquet.DoubleValue(scaled(v.Value, v.Places))
		}
		t.set(2+k, value, true)
	}
	return t.end()
}

// scaled is a stored integer in its unit: the double that is nearest to it.
func scaled(v int64, places int) float64 {
	unit := 1.0
	for range places {
		unit *= 10
	}
	return float64(v) / unit
}

// Close writes what still waits and the files' footers.
func (p *parquetFiles) Close() error { return errors.Join(p.readings.close(), p.grid.close()) }
