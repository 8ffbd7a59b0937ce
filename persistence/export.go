package persistence

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/smatrix-grid/smatrix/sim"
)

// ExportFormats are the formats that a run can be exported in.
var ExportFormats = []string{"csv", "parquet"}

// Export writes the readings and the grid's rows of a whole run into a folder, which must be new or
// empty: readings.csv and grid.csv, the same bytes that the run itself writes, or
// readings.parquet and grid.parquet. An error leaves nothing.
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
		err = errors.Join(s.Replay(0, s.Steps(), sink), sink.Close())
	}
	if err != nil {
		for _, name := range names {
			_ = os.Remove(name) // the error says more
		}
		removeFolders(made)
	}
	return err
}
