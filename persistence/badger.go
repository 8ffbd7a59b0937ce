package persistence

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
	"github.com/dgraph-io/ristretto/v2/z"
)

// badgerMagic stands in Badger's manifest, so that the store of another program is
// not taken for ours.
const badgerMagic = 0x5347

// Sizes of Badger's files. Small ones keep what must be free on the disk, and what
// is in memory, small; a transaction may have 15 % of a memtable.
const (
	memTableSize = 16 << 20
	valueLogSize = 16 << 20
	mostPerTxn   = 2 << 20 // bytes, keys included
	mostEntries  = 10_000
	mostPerValue = 512 << 10 // bytes of one value; what is longer is kept in parts
)

// badgerTable is a Table in Badger.
type badgerTable struct {
	db  *badger.DB
	log *stuck
}

// stuck is a logger that hears that Badger cannot write what it has taken. Badger says it to
// nobody else: it tries again for ever, and Put would wait for ever once its memory is full.
type stuck struct{ failed atomic.Pointer[string] }

// Errorf implements badger.Logger.
func (s *stuck) Errorf(format string, args ...any) {
	if strings.HasPrefix(format, "error flushing memtable") {
		what := oneLine(fmt.Sprintf(format, args...))
		s.failed.Store(&what)
	}
}

// Warningf, Infof and Debugf implement badger.Logger.
func (s *stuck) Warningf(string, ...any) {}
func (s *stuck) Infof(string, ...any)    {}
func (s *stuck) Debugf(string, ...any)   {}

// err is what was heard.
func (s *stuck) err() error {
	if what := s.failed.Load(); what != nil {
		return errors.New("journal: " + *what)
	}
	return nil
}

// openBadger opens the store in a folder. Its transactions stay in the order in which they
// are made, and are on disk after Sync; all tables are verified while it is opened,
// since Badger's other ways of checking crash or end early on damage.
//
// One that is thin gives room back when it is closed.
func openBadger(dir string, mode Mode, thin bool) (t *badgerTable, err error) {
	defer guard(&err)
	log := &stuck{}
	o := badger.DefaultOptions(dir).
		WithLogger(log).
		WithMetricsEnabled(false).
		WithExternalMagic(badgerMagic).
		WithChecksumVerificationMode(options.OnTableRead).
		WithCompression(options.None). // what is worth it is compressed before
		WithMemTableSize(memTableSize).WithNumMemtables(2).
		WithValueLogFileSize(valueLogSize).WithValueThreshold(1 << 20). // values stay in the tables
		WithBlockCacheSize(0).WithIndexCacheSize(0).
		WithNumCompactors(2).WithNumGoroutines(1).WithDetectConflicts(false).
		WithCompactL0OnClose(thin && mode == Write).
		WithReadOnly(mode == Read)
	if err := checkTables(dir); err != nil {
		return nil, openError(dir, err)
	}
	var db *badger.DB
	if err = errCutLog; mode == Write || !hasCutLog(dir) {
		db, err = badger.Open(o)
	}
	if leftInTheMiddle(err) {
		// A process that was killed while it made or cut a file: opened for writing, Badger
		// puts it in order, at the second time where it was still empty.
		write := o.WithReadOnly(false)
		if db, err = badger.Open(write); leftInTheMiddle(err) {
			db, err = badger.Open(write)
		}
		if mode == Read && err == nil {
			if err = db.Close(); err == nil {
				db, err = badger.Open(o)
			}
		}
	}
	if err != nil {
		return nil, openError(dir, err)
	}
	return &badgerTable{db, log}, nil
}

// errCutLog is of a log that is cut within its head: opened for reading, Badger would end the
// process.
var errCutLog = errors.New("a log is shorter than its head")

func hasCutLog(dir string) bool {
	const head = 20
	logs, _ := filepath.Glob(filepath.Join(dir, "*.mem")) // the pattern is right
	return slices.ContainsFunc(logs, func(name string) bool {
		info, err := os.Stat(name)
		return err == nil && info.Size() < head
	})
}

// leftInTheMiddle reports whether an error of Badger's, which it does not wrap, is of a log that
// must be cut, or of a file that had been created and nothing more.
func leftInTheMiddle(err error) bool {
	return err != nil && (err == errCutLog || strings.Contains(err.Error(), badger.ErrTruncateNeeded.Error()) ||
		strings.Contains(err.Error(), z.NewFile.Error()) || strings.Contains(err.Error(), "error while truncation"))
}

// openError tells a store that is in use from one that is damaged.
func openError(dir string, err error) error {
	run := filepath.Dir(dir)
	if strings.Contains(err.Error(), "directory lock") {
		address, _ := os.ReadFile(filepath.Join(run, addressFile)) // most say nothing
		return &HeldError{Dir: run, Address: oneLine(string(address))}
	}
	if errors.Is(err, os.ErrPermission) {
		return fmt.Errorf("run %q: %w", run, err)
	}
	return &DamageError{Dir: run, Step: -1, What: "the journal cannot be opened: " + oneLine(err.Error())}
}

// oneLine drops the stack that Badger's errors may carry.
func oneLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

// guard turns a panic of Badger, which it has for some kinds of damage, into an error.
func guard(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("journal: %v", p)
	}
}

// Put implements Table.
func (t *badgerTable) Put(entries []Entry) (err error) {
	defer guard(&err)
	if err := t.log.err(); err != nil {
		return err
	}
	for len(entries) > 0 {
		n, size := 0, 0
		for n < len(entries) && (n == 0 || size+len(entries[n].Key)+len(entries[n].Value) < mostPerTxn && n < mostEntries) {
			size += len(entries[n].Key) + len(entries[n].Value)
			n++
		}
		if err := t.commit(entries[:n]); err != nil {
			return err
		}
		entries = entries[n:]
	}
	return nil
}

func (t *badgerTable) commit(entries []Entry) error {
	txn := t.db.NewTransaction(true)
	defer txn.Discard()
	for _, e := range entries {
		var err error
		if e.Value == nil {
			err = txn.Delete(e.Key)
		} else {
			err = txn.Set(e.Key, e.Value)
		}
		if err != nil {
			return fmt.Errorf("journal: %w", err)
		}
	}
	if err := txn.Commit(); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	return nil
}

// Get implements Table.
func (t *badgerTable) Get(key []byte) (value []byte, err error) {
	defer guard(&err)
	err = t.db.View(func(txn *badger.Txn) error {
		item, err := txn.Get(key)
		if err != nil {
			return err
		}
		value, err = item.ValueCopy(nil)
		return err
	})
	if errors.Is(err, badger.ErrKeyNotFound) {
		return nil, ErrNotFound
	}
	return value, err
}

// Scan implements Table.
func (t *badgerTable) Scan(prefix, from []byte, visit func(key, value []byte) error) (err error) {
	defer guard(&err)
	return t.db.View(func(txn *badger.Txn) error {
		o := badger.DefaultIteratorOptions
		o.Prefix, o.PrefetchValues = prefix, false
		it := txn.NewIterator(o)
		defer it.Close()
		if from == nil {
			from = prefix
		}
		for it.Seek(from); it.ValidForPrefix(prefix); it.Next() {
			item := it.Item()
			if err := item.Value(func(v []byte) error { return visit(item.Key(), v) }); err != nil {
				return err
			}
		}
		return nil
	})
}

// Sync implements Table.
func (t *badgerTable) Sync() (err error) {
	defer guard(&err)
	if t.db.Opts().ReadOnly {
		return nil
	}
	return errors.Join(t.log.err(), t.db.Sync())
}

// Compact gives room back that what was taken out of the value log still has. It is
// asked of tables that can.
func (t *badgerTable) Compact() (err error) {
	defer guard(&err)
	for err == nil {
		err = t.db.RunValueLogGC(0.5)
	}
	if errors.Is(err, badger.ErrNoRewrite) || errors.Is(err, badger.ErrRejected) {
		return nil
	}
	return err
}

// Close implements Table.
func (t *badgerTable) Close() (err error) {
	defer guard(&err)
	err = t.db.Close()
	dropStatistics(t.db.Opts().Dir)
	return err
}

// dropStatistics removes the mebibyte in which Badger counts what its value log could let go,
// while it counts nothing: it is made anew when the store is opened, and a folder that
// is copied to where files have no holes would be as much bigger.
func dropStatistics(dir string) {
	name := filepath.Join(dir, "DISCARD")
	if b, err := os.ReadFile(name); err == nil && len(bytes.TrimLeft(b, "\x00")) == 0 {
		_ = os.Remove(name) // what stays is as good
	}
}
