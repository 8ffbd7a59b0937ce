package tables_test

import (
	"bytes"
	"errors"
	"io"
	"math"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/tables"
	"github.com/smatrix-grid/smatrix/twins"
)

// rowsOf reads a table back: each row by column, nulls left out.
func rowsOf(t *testing.T, b []byte) (rows []map[string]parquet.Value, groups int) {
	t.Helper()
	file, err := parquet.OpenFile(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	columns := file.Schema().Columns()
	for _, group := range file.RowGroups() {
		groups++
		r := group.Rows()
		for {
			buf := make([]parquet.Row, 1000)
			n, err := r.ReadRows(buf)
			for _, row := range buf[:n] {
				m := map[string]parquet.Value{}
				for _, v := range row {
					if !v.IsNull() {
						m[columns[v.Column()][0]] = v.Clone()
					}
				}
				rows = append(rows, m)
			}
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return rows, groups
}

// More rows than a row group holds are read back as they were written; unknown values are null.
func TestGrid(t *testing.T) {
	const steps = 70_000
	start := time.Date(2018, 1, 8, 0, 0, 0, 0, time.FixedZone("", 3600))
	names := sim.GridColumns()
	var b bytes.Buffer
	table := tables.NewGrid(&b)
	value := func(step, column int) sim.GridValue {
		return sim.GridValue{Value: int64(step*37-column*1000) * int64(column), Places: 3, Known: (step+column)%5 != 0}
	}
	for step := range steps {
		values := make([]sim.GridValue, len(names))
		for c := range values {
			values[c] = value(step, c)
		}
		if err := table.Add(twins.Tick(step), start.Add(time.Duration(step)*time.Minute), values); err != nil {
			t.Fatal(err)
		}
	}
	if err := table.Close(); err != nil {
		t.Fatal(err)
	}
	rows, groups := rowsOf(t, b.Bytes())
	if len(rows) != steps || groups != 2 {
		t.Fatalf("%d rows in %d groups, wanted %d in 2", len(rows), groups, steps)
	}
	for step, row := range rows {
		if row["step"].Int64() != int64(step) || row["time"].Int64() != start.UnixMilli()+int64(step)*60_000 {
			t.Fatalf("row %d: %v", step, row)
		}
		for c, name := range names {
			want, got := value(step, c), row[name]
			if _, known := row[name]; known != want.Known || known && math.Round(got.Double()*1000) != float64(want.Value) {
				t.Fatalf("row %d: %s is %v, wanted %+v", step, name, got, want)
			}
		}
	}
}

// A reading has the columns of its kind, and no others.
func TestReadings(t *testing.T) {
	var b bytes.Buffer
	table := tables.NewReadings(&b)
	for i, k := range twins.Kinds() {
		m := tables.Member{Path: "grid/ü/" + k.Name, Kind: k, Community: "grid/ü"}
		if err := table.Add(7, time.Unix(1, 0), m, func(c int) (int64, bool) { return int64(1000*i + c - 5), true }); err != nil {
			t.Fatal(err)
		}
	}
	if err := table.Close(); err != nil {
		t.Fatal(err)
	}
	rows, _ := rowsOf(t, b.Bytes())
	if len(rows) != len(twins.Kinds()) {
		t.Fatalf("%d rows, wanted %d", len(rows), len(twins.Kinds()))
	}
	for i, k := range twins.Kinds() {
		row := rows[i]
		if string(row["member"].ByteArray()) != "grid/ü/"+k.Name || string(row["kind"].ByteArray()) != k.Name || string(row["community"].ByteArray()) != "grid/ü" ||
			row["step"].Int64() != 7 || row["time"].Int64() != 1000 || len(row) != 5+len(k.Columns) {
			t.Errorf("%s: %v", k.Name, row)
		}
		for c, column := range k.Columns {
			if got := row[column.Name].Double() * math.Pow10(column.Places); math.Round(got) != float64(1000*i+c-5) {
				t.Errorf("%s: %s is %v, wanted %d", k.Name, column.Name, got, 1000*i+c-5)
			}
		}
	}
}

// broken accepts this many bytes and then fails.
type broken int

func (b *broken) Write(p []byte) (int, error) {
	if *b -= broken(len(p)); *b < 0 {
		return 0, io.ErrClosedPipe
	}
	return len(p), nil
}

// An error of the writer is returned, wherever in the file it occurs.
func TestWriterFails(t *testing.T) {
	for room := broken(0); room < 600; room += 50 {
		left := room
		table := tables.NewGrid(&left)
		err := table.Add(0, time.Unix(0, 0), make([]sim.GridValue, len(sim.GridColumns())))
		if err = errors.Join(err, table.Close()); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("after %d bytes: %v", room, err)
		}
	}
}
