package sim

import (
	"bufio"
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/smatrix-grid/smatrix/twins"
)

// CSV is the sink that streams two tables: one with a row for each step and member, absent
// members left out, and one with a row for each step of the whole grid. Powers are in watts
// with three decimals, prices with nine and carbon with three, which is exact. Times are
// RFC 3339, the start of the step. A column that a kind does not have is empty. The
// frequency is the one of the step that was farthest from nominal.
type CSV struct {
	readings, grid *csv.Writer
	buffers        [2]*bufio.Writer
	columns        []string
	row            []string
	num            []byte
}

// NewCSV writes the headings. Close must be called at the end.
func NewCSV(readings, grid io.Writer) (*CSV, error) {
	s := &CSV{columns: ReadingColumns()}
	s.buffers = [2]*bufio.Writer{bufio.NewWriterSize(readings, 1<<16), bufio.NewWriterSize(grid, 1<<16)}
	s.readings, s.grid = csv.NewWriter(s.buffers[0]), csv.NewWriter(s.buffers[1])
	head := append([]string{"step", "time", "member", "kind", "community"}, s.columns...)
	if err := s.readings.Write(head); err != nil {
		return nil, err
	}
	return s, s.grid.Write(append([]string{"step", "time"}, gridNames...))
}

// ReadingColumns returns every column of every kind in the order of readings.csv: power
// and state of charge first.
func ReadingColumns() []string {
	names := []string{twins.ColumnPower.Name, twins.ColumnSoC.Name}
	seen := map[string]bool{names[0]: true, names[1]: true}
	for _, k := range twins.Kinds() {
		for _, c := range k.Columns {
			if !seen[c.Name] {
				names, seen[c.Name] = append(names, c.Name), true
			}
		}
	}
	return names
}

// Commit implements Sink.
func (s *CSV) Commit(r *StepRecord) error {
	step, at := strconv.FormatInt(int64(r.Tick), 10), r.Time.Format(time.RFC3339)
	for _, c := range r.Cells {
		for k := range c.Blocks {
			b := &c.Blocks[k]
			for i := range b.Paths {
				if b.Vacant(i) {
					continue
				}
				s.row = append(s.row[:0], step, at, b.Paths[i], b.Kind.Name, c.Path)
				for _, name := range s.columns {
					s.row = append(s.row, s.cell(b, name, i))
				}
				if err := s.readings.Write(s.row); err != nil {
					return err
				}
			}
		}
	}
	s.row = append(s.row[:0], step, at)
	for _, v := range GridValues(r) {
		text := ""
		if v.Known {
			s.num = twins.AppendScaled(s.num[:0], v.Value, v.Places)
			text = string(s.num)
		}
		s.row = append(s.row, text)
	}
	return s.grid.Write(s.row)
}

// gridNames are the figures of a step of the whole grid. A new one comes last: files keep their columns.
var gridNames = []string{"consumed_w", "produced_w", "imported_w", "exported_w", "charged_w", "discharged_w", "lost_w",
	"curtailed_w", "unserved_w", "frequency_hz", "price_eur_per_kwh", "co2_g_per_kwh"}

// GridColumns returns the names of GridValues.
func GridColumns() []string { return slices.Clone(gridNames) }

// GridValue is a figure of the whole grid: Value · 10^−Places in the unit of its name, if
// it is known.
type GridValue struct {
	Value  int64
	Places int
	Known  bool
}

// GridValues returns the figures of a step of the whole grid, in the order of GridColumns.
func GridValues(r *StepRecord) (v [12]GridValue) {
	f := &r.Flows
	for i, p := range [...]twins.Power{f.Load, f.Generation, f.Import, f.Export, f.Charge, f.Discharge, f.NetworkLoss, f.Curtailed, f.Unserved} {
		v[i] = GridValue{int64(p), 3, true}
	}
	v[9] = GridValue{FarthestFrequency(&r.Swing), 6, r.HasFrequency()}
	v[10] = GridValue{int64(r.Price), 9, r.Priced} // micro-euro per MWh
	v[11] = GridValue{r.Carbon, 3, r.Mixed}
	return v
}

// FarthestFrequency returns the frequency of a step that was farthest from nominal, in
// µHz; in a step with a blackout, until then. It says nothing unless the grid had a frequency (StepRecord.HasFrequency).
func FarthestFrequency(w *twins.Swing) int64 {
	farthest := w.Min
	if w.Max > -w.Min {
		farthest = w.Max
	}
	return 50_000_000 + farthest
}

func (s *CSV) cell(b *twins.BlockRecord, name string, i int) string {
	n := b.ColumnNamed(name)
	if n < 0 {
		return ""
	}
	s.num = twins.AppendScaled(s.num[:0], b.Value(n, i), b.Columns[n].Places)
	return string(s.num)
}

// Close writes out what is still buffered.
func (s *CSV) Close() error {
	s.readings.Flush()
	s.grid.Flush()
	return errors.Join(s.readings.Error(), s.grid.Error(), s.buffers[0].Flush(), s.buffers[1].Flush())
}
