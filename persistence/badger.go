package persistence

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
	"github.com/dgraph-io/ristretto/v2/z"

	"github.com/smatrix-grid/smatrix/sim/regular"
)

// badgerMagic is the magic number in Badger's manifest. A store of another program has
// another one and is refused.
const badgerMagic = 0x5347

// Sizes of Badger's files. Small files need little free disk and little memory: while a
// memtable is written to disk, Badger holds six times its size, and a compaction writes a
// dozen tables at a time, each with several times its size. A transaction may take 15 % of
// a memtable.
const (
	memTableSize  = 4 << 20
	mostMemTable  = 16 << 20  // of earlier programs
	mostMemTables = 3         // on disk at level 0; more are compacted, and all of them are in memory then
	baseTableSize = 256 << 10 // of the highest level below 0; it doubles with each level
	valueLogSize  = 16 << 20
	mostPerTxn    = 560 << 10 // bytes, keys included
	mostEntries   = 5_000
	mostPerValue  = 512 << 10 // bytes of one value; longer ones are stored in parts
	mostMapped    = 4 << 20   // bytes put until the pages of tables are dropped from memory
)

// badgerTable is a Table in Badger.
type badgerTable struct {
	db     *badger.DB
	log    *failureLog
	copy   *unclosedCopy // of a store that a killed process left, opened for reading; else nil
	mapped int           // bytes put since dropMapped
}

// failureLog is a logger that catches Badger's report that it cannot write. Badger only logs it:
// it retries for ever, and Put would block for ever once Badger's memory is full.
type failureLog struct {
	failed atomic.Pointer[string] // the last report
	again  chan struct{}          // has a value after a report that was not waited for
}

// Errorf implements badger.Logger.
func (s *failureLog) Errorf(format string, args ...any) {
	if strings.HasPrefix(format, "error flushing memtable") {
		what := firstLine(fmt.Sprintf(format, args...))
		s.failed.Store(&what)
		select {
		case s.again <- struct{}{}:
		default:
		}
	}
}

// Warningf, Infof and Debugf implement badger.Logger.
func (s *failureLog) Warningf(string, ...any) {}
func (s *failureLog) Infof(string, ...any)    {}
func (s *failureLog) Debugf(string, ...any)   {}

// err returns the error that was logged, nil if none was.
func (s *failureLog) err() error {
	if what := s.failed.Load(); what != nil {
		return errors.New("journal: " + *what)
	}
	return nil
}

// openBadger opens the store in a folder. Transactions are kept in the order in which they
// are committed, and are on disk after Sync. All tables are verified on opening, since
// Badger's other checks crash or end early on damage.
//
// With thin, the store frees the space of deleted entries when it is closed.
func openBadger(dir string, mode Mode, thin bool) (t *badgerTable, err error) {
	defer guard(&err)
	log := &failureLog{again: make(chan struct{}, 1)}
	o := badger.DefaultOptions(dir).
		WithLogger(log).
		WithMetricsEnabled(false).
		WithExternalMagic(badgerMagic).
		WithChecksumVerificationMode(options.OnTableRead).
		WithCompression(options.None). // values are compressed before
		WithMemTableSize(memTableOf(dir)).WithNumMemtables(2).WithNumLevelZeroTables(mostMemTables).WithBaseTableSize(baseTableSize).
		WithValueLogFileSize(valueLogSize).WithValueThreshold(560 << 10). // values stay in the tables, not in the value log
		WithBlockCacheSize(0).WithIndexCacheSize(0).
		WithNumCompactors(2).WithNumGoroutines(1).WithDetectConflicts(false).
		WithCompactL0OnClose(thin && mode == Write).
		WithReadOnly(mode == Read)
	t = &badgerTable{log: log}
	others, err := checkFiles(dir)
	switch {
	case err != nil:
	case mode == Read && (others || unclosed(dir)):
		err = t.openCopy(o)
	case mode == Read:
		t.db, err = badger.Open(o)
	default:
		err = t.openToWrite(o)
	}
	if err != nil {
		return nil, openError(dir, err)
	}
	return t, nil
}

// memTableOf returns the size of the memtables of a store. The log of one that a killed process
// has left must fit into the memtable that it is read into, or Badger ends this process.
func memTableOf(dir string) int64 {
	size := int64(memTableSize)
	for _, name := range filesWith(dir, logExt) {
		if info, err := os.Stat(name); err == nil {
			size = min(max(size, info.Size()), mostMemTable)
		}
	}
	return size
}

// checkFiles returns an error for what Badger would wait for, or would end the process for. others is
// that of checkTables.
func checkFiles(dir string) (others bool, err error) {
	if err := errors.Join(checkDescriptors(dir), checkStore(dir)); err != nil {
		return false, err
	}
	return checkTables(dir)
}

func (t *badgerTable) openToWrite(o badger.Options) (err error) {
	t.db, err = badger.Open(o)
	for range mostEmptyFiles {
		if !createdFile(err) {
			break
		}
		t.db, err = badger.Open(o)
	}
	return err
}

func (t *badgerTable) openCopy(o badger.Options) (err error) {
	if t.copy, err = copyUnclosed(o.Dir); err != nil {
		return err
	}
	if t.db, err = t.copy.open(o); err != nil {
		err = errors.Join(err, t.copy.remove())
	}
	return err
}

// mostEmptyFiles is how many files a killed process may have created and left empty: a log and a
// value log.
const mostEmptyFiles = 2

// createdFile reports whether an error of Badger, which it does not wrap, says that a file was empty.
// Badger gives it content before it fails, and opens it the next time.
func createdFile(err error) bool {
	return err != nil && (strings.Contains(err.Error(), z.NewFile.Error()) || strings.Contains(err.Error(), "error while truncation"))
}

// openError returns *SystemError for what the system refuses, *HeldError for a store in use and
// *DamageError for a damaged one.
func openError(dir string, err error) error {
	run := filepath.Dir(dir)
	if system := systemError(run, err); system != nil {
		return system
	}
	if errors.Is(err, errHeld) || strings.Contains(err.Error(), "directory lock") {
		address, _ := regular.ReadFile(filepath.Join(run, addressFile), mostMeta) // most processes write no address
		return &HeldError{Dir: run, Address: firstLine(string(address))}
	}
	return &DamageError{Dir: run, Step: -1, What: "the journal cannot be opened: " + firstLine(err.Error())}
}

// firstLine drops the stack trace that errors of Badger may contain.
func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

// guard turns a panic, which Badger raises for some kinds of damage, into an error.
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
		if t.mapped += size; t.mapped >= mostMapped {
			t.mapped = 0
			if err := dropMapped(t.db); err != nil {
				return fmt.Errorf("journal: %w", err)
			}
		}
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

// Compact frees the space of deleted entries in the value log. Journal.End calls it on tables
// that have it.
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
	closed := make(chan error, 1)
	go func() {
		var err error
		defer func() { closed <- err }()
		defer guard(&err)
		err = t.db.Close()
	}()
	for tries := 0; ; {
		select {
		case err := <-closed:
			if t.copy != nil {
				return errors.Join(err, t.copy.remove())
			}
			dropStatistics(t.db.Opts().Dir)
			return err
		case <-t.log.again:
			if tries++; tries == mostFlushes {
				return t.log.err()
			}
		}
	}
}

// mostFlushes is how often Badger may fail to write its memory to a table, a second apart, before Close
// returns without it. The entries are in Badger's log, as after a kill.
const mostFlushes = 3

const mostStatistics = 1 << 20 // bytes

// dropStatistics removes Badger's file of discard statistics, 1 MiB, if it has only zeros.
// Badger creates it again on opening; a copy on a file system without sparse files would
// take the whole MiB.
func dropStatistics(dir string) {
	name := filepath.Join(dir, "DISCARD")
	if b, err := regular.ReadFile(name, mostStatistics); err == nil && len(bytes.TrimLeft(b, "\x00")) == 0 {
		_ = os.Remove(name) // the file does no harm
	}
}
