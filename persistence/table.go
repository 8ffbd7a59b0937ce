package persistence

import (
	"bytes"
	"errors"
	"slices"
	"sync"
)

// Table is the ordered key-value store of a journal. One goroutine at a time may write; any
// number may call Get and Scan meanwhile. journaltest tests what a Table must do.
type Table interface {
	// Put writes all entries or, after a crash, none of them. An entry whose Value is
	// nil is deleted.
	Put(entries []Entry) error
	// Get returns a copy of a key's value, or ErrNotFound.
	Get(key []byte) ([]byte, error)
	// Scan calls visit for each key ≥ from (nil: all) that begins with prefix, in rising order.
	// It stops at the first error of visit and returns it. Key and value are valid during the call only.
	Scan(prefix, from []byte, visit func(key, value []byte) error) error
	// Sync returns when all entries are on disk and survive a failure of the machine.
	Sync() error
	Close() error
}

// Opener opens or creates the Table of a run's journal, in its folder. thin says that the run
// deletes old entries and that their space should be freed.
type Opener func(dir string, mode Mode, thin bool) (Table, error)

// Badger is the default Opener.
func Badger(dir string, mode Mode, thin bool) (Table, error) {
	t, err := openBadger(dir, mode, thin)
	if err != nil {
		return nil, err // an untyped nil, not a nil *badgerTable
	}
	return t, nil
}

// Entry is a key and its value.
type Entry struct{ Key, Value []byte }

// ErrNotFound reports that a table does not have a key.
var ErrNotFound = errors.New("not found")

// errStop ends a scan early without an error.
var errStop = errors.New("stop")

// scan is Scan with a visitor that may return errStop.
func scan(t Table, prefix, from []byte, visit func(key, value []byte) error) error {
	if err := t.Scan(prefix, from, visit); err != errStop {
		return err
	}
	return nil
}

// Memory is a Table in memory, for tests.
type Memory struct {
	mu      sync.RWMutex
	entries []Entry // sorted by key
}

func (m *Memory) find(key []byte) (int, bool) {
	return slices.BinarySearchFunc(m.entries, key, func(e Entry, k []byte) int { return bytes.Compare(e.Key, k) })
}

// Put implements Table.
func (m *Memory) Put(entries []Entry) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range entries {
		i, found := m.find(e.Key)
		switch {
		case e.Value == nil && found:
			m.entries = slices.Delete(m.entries, i, i+1)
		case e.Value == nil:
		case found:
			m.entries[i].Value = bytes.Clone(e.Value)
		default:
			m.entries = slices.Insert(m.entries, i, Entry{bytes.Clone(e.Key), bytes.Clone(e.Value)})
		}
	}
	return nil
}

// Get implements Table.
func (m *Memory) Get(key []byte) ([]byte, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	i, found := m.find(key)
	if !found {
		return nil, ErrNotFound
	}
	return bytes.Clone(m.entries[i].Value), nil
}

// Scan implements Table.
func (m *Memory) Scan(prefix, from []byte, visit func(key, value []byte) error) error {
	m.mu.RLock()
	i, _ := m.find(slices.MaxFunc([][]byte{prefix, from}, bytes.Compare))
	end := i
	for end < len(m.entries) && bytes.HasPrefix(m.entries[end].Key, prefix) {
		end++
	}
	found := slices.Clone(m.entries[i:end]) // a copy, as a writer moves entries
	m.mu.RUnlock()
	for _, e := range found {
		if err := visit(e.Key, e.Value); err != nil {
			return err
		}
	}
	return nil
}

// Sync implements Table.
func (m *Memory) Sync() error { return nil }

// Close implements Table.
func (m *Memory) Close() error { return nil }
