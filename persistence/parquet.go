package persistence

import (
	"errors"
	"os"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/inputs"
	"github.com/smatrix-grid/smatrix/sim/tables"
)

// parquetFiles is the sink that writes the two tables of sim.CSV as Parquet.
type parquetFiles struct {
	readings *tables.Readings
	grid     *tables.Grid
	files    [2]*os.File
}

func createParquet(readings, grid string, calendar *inputs.Calendar) (*parquetFiles, error) {
	a, err := os.Create(readings)
	if err != nil {
		return nil, err
	}
	b, err := os.Create(grid)
	if err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return &parquetFiles{tables.NewReadings(a, calendar), tables.NewGrid(b, calendar), [2]*os.File{a, b}}, nil
}

// Commit implements sim.Sink.
func (p *parquetFiles) Commit(r *sim.StepRecord) error {
	Checkpoint()
	for _, c := range r.Cells {
		for k := range c.Blocks {
			b := &c.Blocks[k]
			for i := range b.Paths {
				if b.Vacant(i) {
					continue
				}
				member := tables.Member{Path: b.Paths[i], Kind: b.Kind, Community: c.Path}
				value := func(column int) (int64, bool) {
					if column >= len(b.Columns) { // added since the run began
						return 0, false
					}
					return b.Value(column, i), true
				}
				if err := p.readings.Add(r.Tick, r.Time, member, value); err != nil {
					return err
				}
			}
		}
	}
	values := sim.GridValues(r)
	return p.grid.Add(r.Tick, r.Time, values[:])
}

// Close writes the buffered rows and the footers, and closes the files.
func (p *parquetFiles) Close() error {
	err := errors.Join(p.readings.Close(), p.grid.Close())
	for _, f := range p.files {
		if err == nil {
			err = f.Sync()
		}
		err = errors.Join(err, f.Close())
	}
	return err
}
