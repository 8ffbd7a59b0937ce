package persistence

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/views"
)

// ExportFormats are the formats that Export writes.
var ExportFormats = []string{"csv", "parquet"}

// Export writes the readings and the grid's rows of a whole run into a new or empty folder:
// readings.csv, grid.csv and bookings.csv, byte for byte as the run itself writes them, or
// readings.parquet and grid.parquet. After an error it removes what it has written.
func (s *Store) Export(format, dir string) (err error) {
	if dir == "" {
		return unusable(dir, "has no name")
	}
	if err := checkEmpty(dir); err != nil {
		return err
	}
	made, err := makeFolders(dir)
	if err != nil {
		removeFolders(made)
		return err
	}
	names := [2]string{filepath.Join(dir, readingsFile), filepath.Join(dir, gridFile)}
	var sink interface {
		sim.Sink
		Close() error
	}
	if format == "parquet" {
		names = [2]string{filepath.Join(dir, "readings.parquet"), filepath.Join(dir, "grid.parquet")}
		sink, err = createParquet(names[0], names[1])
	} else {
		sink, err = createCSV(names[0], names[1])
	}
	if err == nil {
		err = errors.Join(s.exportTo(format, dir, sink), sink.Close())
	}
	if err != nil {
		for _, name := range append(names[:], filepath.Join(dir, bookingsFile)) {
			_ = os.Remove(name) // the first error is the cause
		}
		removeFolders(made)
	}
	return err
}

func (s *Store) exportTo(format, dir string, sink sim.Sink) error {
	w, err := s.shownWorld()
	if err != nil {
		return err
	}
	b := &views.Bookings{Rates: w.Scenario.Rates}
	if err := s.Replay(s.First(), s.Steps(), sink, b); err != nil || format != "csv" {
		return err
	}
	f, err := os.Create(filepath.Join(dir, bookingsFile))
	if err != nil {
		return err
	}
	return errors.Join(b.WriteCSV(f), f.Sync(), f.Close())
}
