package persistence

import (
	"errors"
	"os"

	"github.com/smatrix-grid/smatrix/sim"
)

// csvFiles is a sim.CSV into two files.
type csvFiles struct {
	*sim.CSV
	files [2]*os.File
}

// createCSV begins both files or, with an error, closes what it has opened.
func createCSV(readings, grid string) (*csvFiles, error) {
	a, err := os.Create(readings)
	if err != nil {
		return nil, err
	}
	b, err := os.Create(grid)
	if err != nil {
		return nil, errors.Join(err, a.Close())
	}
	csv, err := sim.NewCSV(a, b)
	if err != nil {
		return nil, errors.Join(err, a.Close(), b.Close())
	}
	return &csvFiles{csv, [2]*os.File{a, b}}, nil
}

// Close writes out what is buffered and closes the files: an error that comes no
// sooner than now is as bad as any other. A disk that is full is told once for
// each file.
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
