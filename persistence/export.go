package persistence

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/tables"
	"github.com/smatrix-grid/smatrix/sim/views"
)

// ExportFormats are the formats that Export writes.
var ExportFormats = []string{"csv", "parquet"}

// Export writes the readings and the grid's rows of a whole run into a new or empty folder:
// readings.csv, grid.csv and bookings.csv, byte for byte as the run itself writes them, or
// the same tables as Parquet. After an error it removes what it has written.
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
	names := exportedFiles(format, dir)
	if err := s.exportTo(format, names); err != nil {
		for _, name := range names {
			_ = os.Remove(name) // the first error is the cause
		}
		removeFolders(made)
		return err
	}
	return nil
}

// exportedFiles are the files of an export: of readings, of the grid and of bookings.
func exportedFiles(format, dir string) (names [3]string) {
	for i, name := range [...]string{readingsFile, gridFile, bookingsFile} {
		names[i] = filepath.Join(dir, strings.TrimSuffix(name, ".csv")+"."+format)
	}
	return names
}

func (s *Store) exportTo(format string, names [3]string) error {
	w, err := s.shownWorld()
	if err != nil {
		return err
	}
	var sink interface {
		sim.Sink
		Close() error
	}
	b := &views.Bookings{Rates: w.Scenario.Rates}
	writeBookings := b.WriteCSV
	if format == "parquet" {
		sink, err = createParquet(names[0], names[1], w.Scenario.Calendar)
		writeBookings = func(to io.Writer) error { return tables.WriteBookings(to, b.All()) }
	} else {
		sink, err = createCSV(names[0], names[1])
	}
	if err != nil {
		return err
	}
	if err := errors.Join(s.Replay(s.First(), s.Steps(), sink, b), sink.Close()); err != nil {
		return err
	}
	f, err := os.Create(names[2])
	if err != nil {
		return err
	}
	return errors.Join(writeBookings(f), f.Sync(), f.Close())
}
