package persistence

import (
	"errors"
	"os"

	"github.com/smatrix-grid/smatrix/sim"
)

// csvFiles is a sim.CSV that writes two files.
type csvFiles struct {
	*sim.CSV
	files [2]*os.File
}

// createCSV creates both files; on an error it closes those it has opened.
func createCSV(readings, grid string) (*csvFiles, error) {
	a, err := createRegular(readings)
	if err != nil {
		return nil, err
	}
	b, err := createRegular(grid)
	if err != nil {
		return nil, errors.Join(err, a.Close())
	}
	csv, err := sim.NewCSV(a, b)
	if err != nil {
		return nil, errors.Join(err, a.Close(), b.Close())
	}
	return &csvFiles{csv, [2]*os.File{a, b}}, nil
}

// Commit implements sim.Sink.
func (c *csvFiles) Commit(r *sim.StepRecord) error {
	Checkpoint()
	return c.CSV.Commit(r)
}

// Close writes the buffered rows and closes the files. Writing may fail only now; a full
// disk is reported once for each file.
func (c *csvFiles) Close() error {
	err := c.CSV.Close()
	for _, f := range c.files {
		if err == nil {
			err = f.Sync()
		}
		if errClose := f.Close(); err == nil {
			err = errClose
		}
	}
	return err
}
