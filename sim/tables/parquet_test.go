package tables_test

import (
	"bytes"
	"errors"
	"io"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/inputs"
	"github.com/smatrix-grid/smatrix/sim/tables"
	"github.com/smatrix-grid/smatrix/sim/views"
	"github.com/smatrix-grid/smatrix/twins"
)

// open opens a table, and fails the test unless it has these columns: names with their types in the
// order of the file. Times must be instants, not local times.
func open(t *testing.T, b []byte, columns ...string) *parquet.File {
	t.Helper()
	file, err := parquet.OpenFile(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range file.Schema().Fields() {
		text := f.Name() + " " + f.Type().String()
		if f.Optional() {
			text += " or null"
		}
		got = append(got, text)
	}
	if !slices.Equal(got, columns) {
		t.Fatalf("columns %q, wanted %q", got, columns)
	}
	return file
}

// rowsOf reads a table back: each row by column, nulls left out.
func rowsOf(t *testing.T, file *parquet.File) (rows []map[string]parquet.Value, groups int) {
	t.Helper()
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

var stepColumns = []string{"step INT(64,true)", "time TIMESTAMP(isAdjustedToUTC=true,unit=MILLIS)"}

// berlin is the calendar of a run in Berlin.
func berlin(t *testing.T, step twins.Seconds) *inputs.Calendar {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	return inputs.NewCalendar(time.Date(2018, 1, 8, 0, 0, 0, 0, zone), step, 0)
}

// inBerlin fails the test unless the metadata have Berlin's zone and this length of a step.
func inBerlin(t *testing.T, file *parquet.File, step string) {
	t.Helper()
	zone, _ := file.Lookup("time_zone")
	if got, _ := file.Lookup("step_s"); zone != "Europe/Berlin" || got != step {
		t.Errorf("metadata: time_zone %q and step_s %q, wanted Europe/Berlin and %s", zone, got, step)
	}
}

// More rows than a row group holds are read back as they were written; unknown values are null.
func TestGrid(t *testing.T) {
	const steps = 70_000
	calendar := berlin(t, 60)
	start := calendar.Start
	names := sim.GridColumns()
	var b bytes.Buffer
	table := tables.NewGrid(&b, calendar)
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
	columns := slices.Clone(stepColumns)
	for _, name := range names {
		columns = append(columns, name+" DOUBLE or null")
	}
	file := open(t, b.Bytes(), columns...)
	inBerlin(t, file, "60")
	rows, groups := rowsOf(t, file)
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
	table := tables.NewReadings(&b, berlin(t, 900))
	for i, k := range twins.Kinds() {
		m := tables.Member{Path: "grid/ü/" + k.Name, Kind: k, Community: "grid/ü"}
		if err := table.Add(7, time.Unix(1, 0), m, func(c int) (int64, bool) { return int64(1000*i + c - 5), true }); err != nil {
			t.Fatal(err)
		}
	}
	if err := table.Close(); err != nil {
		t.Fatal(err)
	}
	columns := append(slices.Clone(stepColumns), "member STRING", "kind STRING", "community STRING")
	for _, name := range sim.ReadingColumns() {
		if name == twins.ColumnReason.Name { // a code
			columns = append(columns, name+" INT(64,true) or null")
		} else {
			columns = append(columns, name+" DOUBLE or null")
		}
	}
	file := open(t, b.Bytes(), columns...)
	inBerlin(t, file, "900")
	rows, _ := rowsOf(t, file)
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
			got := row[column.Name].Double() * math.Pow10(column.Places)
			if column.Places == 0 {
				got = float64(row[column.Name].Int64())
			}
			if math.Round(got) != float64(1000*i+c-5) {
				t.Errorf("%s: %s is %v, wanted %d", k.Name, column.Name, got, 1000*i+c-5)
			}
		}
	}
}

// What the layout of an earlier run lacks is null.
func TestLackingColumn(t *testing.T) {
	var b bytes.Buffer
	table := tables.NewReadings(&b, berlin(t, 900))
	m := tables.Member{Path: "grid/north/home", Kind: twins.Household, Community: "grid/north"}
	if err := table.Add(0, time.Unix(0, 0), m, func(c int) (int64, bool) { return 0, c == 0 }); err != nil {
		t.Fatal(err)
	}
	if err := table.Close(); err != nil {
		t.Fatal(err)
	}
	file, err := parquet.OpenFile(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	if rows, _ := rowsOf(t, file); len(rows) != 1 || len(rows[0]) != 6 {
		t.Errorf("%v, wanted one row with step, time, member, kind, community and %s", rows, twins.Household.Columns[0].Name)
	}
}

// Bookings have the rows and columns of bookings.csv.
func TestBookings(t *testing.T) {
	all := []views.Booking{
		{Member: "grid/a/home", Reason: 1, What: "unserved", Energy: 5 * twins.KilowattHour / 4, Reward: 1_234_567},
		{Member: "grid/b/home", Reason: 2, What: "curtailed", Energy: 1, Reward: 0},
	}
	var b bytes.Buffer
	if err := tables.WriteBookings(&b, all); err != nil {
		t.Fatal(err)
	}
	rows, _ := rowsOf(t, open(t, b.Bytes(), "member STRING", "reason STRING", "booked STRING", "energy_kwh DOUBLE", "reward_eur DOUBLE"))
	if len(rows) != len(all) {
		t.Fatalf("%d rows, wanted %d", len(rows), len(all))
	}
	for i, row := range rows {
		text := func(name string) string { return string(row[name].ByteArray()) }
		if text("member") != all[i].Member || text("reason") != all[i].Reason.String() || text("booked") != all[i].What ||
			row["energy_kwh"].Double() != float64(all[i].Energy)/3.6e9 || row["reward_eur"].Double() != float64(all[i].Reward)/1e6 {
			t.Errorf("%v, wanted %+v", row, all[i])
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
		table := tables.NewGrid(&left, berlin(t, 900))
		err := table.Add(0, time.Unix(0, 0), make([]sim.GridValue, len(sim.GridColumns())))
		if err = errors.Join(err, table.Close()); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("after %d bytes: %v", room, err)
		}
	}
}
