package persistence

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
	"github.com/dgraph-io/badger/v4/table"
	"github.com/dgraph-io/ristretto/v2/z"

	"github.com/smatrix-grid/smatrix/sim/regular"
)

// checkTables opens each table of a journal once by itself. Badger opens them in its own
// goroutines and panics there for some kinds of damage, which would end the process. Here
// such a panic becomes an error. others says that there are tables that the manifest does not
// name: Badger deletes those when it opens the store, also for reading.
func checkTables(dir string) (others bool, err error) {
	tables := filesWith(dir, tableExt)
	f, err := regular.Open(filepath.Join(dir, badger.ManifestFilename))
	if errors.Is(err, fs.ErrNotExist) && len(tables) == 0 {
		return false, nil // the store is new
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	manifest, _, err := badger.ReplayManifestFile(f, badgerMagic, badger.DefaultOptions(dir).WithLogger(nil))
	if err != nil {
		return false, nil // Badger says so itself
	}
	ids := make([]uint64, 0, len(manifest.Tables))
	for id := range manifest.Tables { // it lacks the tables of an interrupted compaction
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		if err := checkTable(table.NewFilename(id, dir), manifest.Tables[id].Compression); err != nil {
			return false, err
		}
	}
	return len(tables) > len(ids), nil
}

func checkTable(name string, compression options.CompressionType) (err error) {
	file, err := z.OpenMmapFile(name, os.O_RDONLY, 0)
	if err != nil {
		return nil // Badger says so itself
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("table %s: %s", filepath.Base(name), firstLine(fmt.Sprint(p)))
		}
		err = errors.Join(err, file.Close(-1))
	}()
	_, err = table.OpenTable(file, table.Options{
		ReadOnly: true, BlockSize: 4 << 10, ChkMode: options.OnTableRead, Compression: compression,
	})
	return err
}
