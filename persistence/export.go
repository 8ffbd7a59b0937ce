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
// the same tables as Parquet. After an error, or if the process is killed, no table is there.
func (s *Store) Export(format, dir string) (err error) {
	if dir == "" {
		return unusable(dir, "has no name")
	}
	removeAbandonedFolders(dir)
	if err := checkEmpty(dir); err != nil {
		return err
	}
	made, err := makeFolders(dir)
	if err == nil {
		err = inNewFolder(dir, tableName(bookingsFile, format), func(work string) error { return s.exportTo(format, work) })
	}
	if err != nil {
		removeFolders(made)
		return err
	}
	syncFolder(dir)
	return nil
}

// tableName is the name of a table in a format.
func tableName(csv, format string) string { return strings.TrimSuffix(csv, ".csv") + "." + format }

func (s *Store) exportTo(format, dir string) error {
	table := func(csv string) string { return filepath.Join(dir, tableName(csv, format)) }
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
		sink, err = createParquet(table(readingsFile), table(gridFile), w.Scenario.Calendar)
		writeBookings = func(to io.Writer) error { return tables.WriteBookings(to, b.All()) }
	} else {
		sink, err = createCSV(table(readingsFile), table(gridFile))
	}
	if err != nil {
		return err
	}
	if err := errors.Join(s.Replay(s.First(), s.Steps(), sink, b), sink.Close()); err != nil {
		return err
	}
	f, err := os.Create(table(bookingsFile))
	if err != nil {
		return err
	}
	return errors.Join(writeBookings(f), f.Sync(), f.Close())
}
