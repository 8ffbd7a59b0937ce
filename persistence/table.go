package persistence

import (
	"bytes"
	"errors"
	"slices"
	"sync"
)

// Table is what a journal is kept in: bytes under keys, in the order of keys. It is
// used by one goroutine at a time, but for Get and Scan, which any number may call
// beside one writer. journaltest says what it must do.
type Table interface {
	// Put writes all entries or, after a crash, none of them. An entry whose Value is
	// nil is taken out.
	Put(entries []Entry) error
	// Get returns a copy of what stands under a key, or ErrNotFound.
	Get(key []byte) ([]byte, error)
	// Scan calls visit for each key that begins with prefix and is not below from (nil:
	// all), in rising order, until it fails, with what it returns. Key and value are valid in the call only.
	Scan(prefix, from []byte, visit func(key, value []byte) error) error
	// Sync returns when all that was put stays, whatever happens to the machine.
	Sync() error
	Close() error
}

// Opener opens or makes the Table of a run's journal, in its folder. thin says that the run lets
// go of what is old, and wants the room back.
type Opener func(dir string, mode Mode, thin bool) (Table, error)

// Badger is the Opener of runs that say nothing else.
func Badger(dir string, mode Mode, thin bool) (Table, error) {
	t, err := openBadger(dir, mode, thin)
	if err != nil {
		return nil, err // no table, rather than one that is nil
	}
	return t, nil
}

// Entry is a value and the key that it stands under.
type Entry struct{ Key, Value []byte }

// ErrNotFound says that nothing stands under a key.
var ErrNotFound = errors.New("not found")

// errStop ends a scan early; it is no failure.
var errStop = errors.New("stop")

// scan is Scan with a visitor that may have seen enough.
func scan(t Table, prefix, from []byte, visit func(key, value []byte) error) error {
	if err := t.Scan(prefix, from, visit); err != errStop {
		return err
	}
	return nil
}

// Memory is a Table that is gone with the process: for tests.
type Memory struct {
	mu      sync.RWMutex
	entries []Entry // by key
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
	found := slices.Clone(m.entries[i:end]) // a writer moves them
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
