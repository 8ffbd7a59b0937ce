package persistence

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/dgraph-io/badger/v4"

	"github.com/smatrix-grid/smatrix/sim/regular"
)

// Extensions of Badger's files, and the length of the head of a log.
const (
	logExt      = ".mem"  // write-ahead log of a table in memory
	valueLogExt = ".vlog" // values longer than the threshold: a journal has none
	tableExt    = ".sst"
	logHead     = 20
)

// unclosed reports whether a process that was killed, or is running, left the store: it has logs
// that Badger would first cut, or an empty file.
func unclosed(dir string) bool {
	return len(filesWith(dir, logExt)) > 0 || slices.ContainsFunc(filesWith(dir, valueLogExt), func(name string) bool {
		info, err := os.Stat(name)
		return err == nil && info.Size() < logHead
	})
}

// filesWith returns the paths of the files of a folder whose names have an extension; none if the
// folder cannot be read. The folder's own name may hold what filepath.Glob takes for a pattern.
func filesWith(dir, ext string) (paths []string) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if filepath.Ext(e.Name()) == ext {
			paths = append(paths, filepath.Join(dir, e.Name()))
		}
	}
	return paths
}

// unclosedCopy is a store, in a temporary folder, that Badger can open for reading: the logs of
// another store, cut behind their last whole transaction, and links to its tables. Badger itself
// would cut the logs of that store and write tables and new logs beside them, through mapped
// memory: a process on a full disk would be killed by SIGBUS, and a disk that can only be read
// could not be read. So reading a run changes nothing in its folder.
type unclosedCopy struct {
	dir    string // temporary folder, which has the store in journalDir
	locks  []*os.File
	logs   int
	folder string // of the original
}

// copyUnclosed makes the copy of a store and locks the original against writers.
func copyUnclosed(dir string) (c *unclosedCopy, err error) {
	held, err := lockShared(dir)
	if err != nil {
		return nil, err
	}
	c = &unclosedCopy{folder: dir, locks: []*os.File{held}}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.remove())
		}
	}()
	RemoveStale()
	temp, lock, err := makeTemp()
	if err != nil {
		return c, err
	}
	c.dir, c.locks = temp, append(c.locks, lock)
	if err = os.Mkdir(c.store(), 0o700); err != nil {
		return c, err
	}
	files, err := os.ReadDir(dir)
	for _, f := range files {
		if err == nil {
			err = c.take(f)
		}
	}
	return c, err
}

func (c *unclosedCopy) store() string { return filepath.Join(c.dir, journalDir) }

// take copies or links a file of the original, if the store needs it.
func (c *unclosedCopy) take(f fs.DirEntry) error {
	from, to := filepath.Join(c.folder, f.Name()), filepath.Join(c.store(), f.Name())
	switch filepath.Ext(f.Name()) {
	case logExt:
		return c.takeLog(from, to)
	case tableExt:
	default:
		if f.Name() != badger.ManifestFilename && f.Name() != badger.KeyRegistryFileName {
			return nil
		}
	}
	from, err := filepath.Abs(from)
	if err == nil && os.Symlink(from, to) != nil { // not every system has links
		err = copyFile(from, to)
	}
	return err
}

// takeLog copies a log without the zeros at its end, but for those that Badger takes for its end. A
// log that is shorter than its head has no content.
func (c *unclosedCopy) takeLog(from, to string) (err error) {
	in, err := regular.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	if info, err := in.Stat(); err != nil || info.Size() < logHead {
		return err
	}
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	c.logs++
	block, waiting := make([]byte, 256<<10), 0 // zeros that are written if anything follows
	for err == nil {
		var n int
		n, err = io.ReadFull(in, block)
		used := inUse(block[:n])
		if used > 0 {
			if errWrite := writeAfter(out, waiting, block[:used]); errWrite != nil {
				return errors.Join(errWrite, out.Close())
			}
			waiting = 0
		}
		waiting += n - used
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		const end = 32 // bytes, more than the longest head of an entry
		_, err = out.Write(make([]byte, min(waiting, end)))
	}
	return errors.Join(err, out.Close())
}

// writeAfter writes bytes after a number of zeros. There are no holes: mapped, they may want room.
func writeAfter(w io.Writer, zeroes int, b []byte) error {
	for zeroes > 0 {
		n, err := w.Write(zeros[:min(zeroes, len(zeros))])
		if err != nil {
			return err
		}
		zeroes -= n
	}
	_, err := w.Write(b)
	return err
}

// zeros are compared with the ends of files, which are mostly zeros.
var zeros [4 << 10]byte

// inUse is the length of a file without the zeros at its end.
func inUse(b []byte) int {
	n := len(b)
	for n >= len(zeros) && bytes.Equal(b[n-len(zeros):n], zeros[:]) {
		n -= len(zeros)
	}
	for n > 0 && b[n-1] == 0 {
		n--
	}
	return n
}

func copyFile(from, to string) error {
	in, err := regular.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// mustCut finds the number of a log, and the end of its last whole transaction, in the error with
// which Badger refuses to read it.
var mustCut = regexp.MustCompile(`opening fid: (\d+) .*end offset: (\d+) < size`)

// openCopied opens a store.
var openCopied = badger.Open // tests set others

// open opens the copy for reading, after cutting each log where Badger says that it ends. A panic of Badger is
// an error, so that the caller removes the copy.
func (c *unclosedCopy) open(o badger.Options) (db *badger.DB, err error) {
	defer guard(&err)
	o = o.WithDir(c.store()).WithValueDir(c.store())
	for range c.logs + 1 {
		if db, err = openCopied(o); err == nil || !strings.Contains(err.Error(), badger.ErrTruncateNeeded.Error()) {
			return db, err
		}
		var log, end int64
		found := mustCut.FindStringSubmatch(err.Error())
		if found == nil {
			return nil, err
		}
		if _, errScan := fmt.Sscan(found[1]+" "+found[2], &log, &end); errScan != nil {
			return nil, err
		}
		if errCut := os.Truncate(filepath.Join(c.store(), fmt.Sprintf("%05d%s", log, logExt)), end); errCut != nil {
			return nil, errCut
		}
	}
	return db, err
}

// remove deletes the copy and unlocks the original.
func (c *unclosedCopy) remove() (err error) {
	if c.dir != "" {
		err = os.RemoveAll(c.dir)
	}
	for _, lock := range c.locks {
		err = errors.Join(err, lock.Close())
	}
	return err
}
