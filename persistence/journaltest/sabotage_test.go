package journaltest

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/smatrix-grid/smatrix/persistence"
)

// broken is a table that does one thing wrong.
type broken struct {
	persistence.Table
	how string

	mu    *sync.Mutex
	puts  *int
	given map[string]bool // keys that have been put
	late  []persistence.Entry
}

// Put implements persistence.Table.
func (b *broken) Put(entries []persistence.Entry) error {
	b.mu.Lock()
	*b.puts++
	n := *b.puts
	b.mu.Unlock()
	entries = slices.Clone(entries)
	switch b.how {
	case "drops a write":
		if n%7 == 0 && len(entries) > 0 {
			entries = entries[:len(entries)-1]
		}
	case "tears a write":
		if n%7 == 0 {
			entries = entries[:len(entries)/2]
		}
	case "reorders writes": // each second entry is written after the next one
		if n%2 == 0 {
			b.late = append(b.late, entries...)
			return nil
		}
		entries, b.late = append(entries, b.late...), nil
	case "loses deletes":
		entries = slices.DeleteFunc(entries, func(e persistence.Entry) bool { return e.Value == nil })
	case "keeps what was there":
		entries = slices.DeleteFunc(entries, func(e persistence.Entry) bool { return e.Value != nil && b.given[string(e.Key)] })
	}
	for _, e := range entries {
		b.given[string(e.Key)] = e.Value != nil
	}
	return b.Table.Put(entries)
}

// Get implements persistence.Table.
func (b *broken) Get(key []byte) ([]byte, error) {
	v, err := b.Table.Get(key)
	if b.how == "flips a bit" && len(v) > 40 {
		v[len(v)/2] ^= 4
	}
	return v, err
}

// Scan implements persistence.Table.
func (b *broken) Scan(prefix, from []byte, visit func(key, value []byte) error) error {
	var all []persistence.Entry
	err := b.Table.Scan(prefix, from, func(k, v []byte) error {
		all = append(all, persistence.Entry{Key: slices.Clone(k), Value: slices.Clone(v)})
		return nil
	})
	switch {
	case err != nil:
		return err
	case b.how == "scans backwards":
		slices.Reverse(all)
	case b.how == "ends a scan early" && len(all) > 2:
		all = all[:len(all)-1]
	}
	for _, e := range all {
		if err := visit(e.Key, e.Value); err != nil {
			return err
		}
	}
	return nil
}

// Close implements persistence.Table.
func (b *broken) Close() error {
	if b.how == "forgets the end" {
		var last []byte
		_ = b.Table.Scan(nil, nil, func(k, _ []byte) error { last = slices.Clone(k); return nil }) // the table is broken anyway
		if err := b.Table.Put([]persistence.Entry{{Key: last}}); err != nil {
			return err
		}
	}
	return b.Table.Close()
}

// recorder collects the failures of a law, and ends the law where it would end a test.
type recorder struct {
	testing.TB
	found []string
}

func (r *recorder) Helper()           {}
func (r *recorder) Error(args ...any) { r.found = append(r.found, fmt.Sprint(args...)) }
func (r *recorder) Fatal(args ...any) { r.Error(args...); runtime.Goexit() }
func (r *recorder) Errorf(format string, args ...any) {
	r.found = append(r.found, fmt.Sprintf(format, args...))
}
func (r *recorder) Fatalf(format string, args ...any) { r.Errorf(format, args...); runtime.Goexit() }

// Each kind of broken table is detected, by a law of tables and by a law of journals.
func TestBrokenTablesAreFoundOut(t *testing.T) {
	for _, how := range []string{"drops a write", "tears a write", "reorders writes", "loses deletes", "keeps what was there",
		"flips a bit", "scans backwards", "ends a scan early", "forgets the end"} {
		t.Run(how, func(t *testing.T) {
			found := map[string]string{} // the first broken law of tables and of journals
			for _, l := range laws {
				of, _, _ := strings.Cut(l.name, ":")
				if found[of] != "" {
					continue
				}
				r := &recorder{TB: t}
				h := &house{TB: r, dir: t.TempDir(), tables: breaking(how)}
				var law sync.WaitGroup
				law.Go(func() { l.test(h) })
				law.Wait()
				if len(r.found) > 0 {
					found[of] = l.name + ": " + r.found[0]
				}
			}
			if found["table"] == "" || found["journal"] == "" {
				t.Errorf("laws that found it: %q", found)
			}
		})
	}
}

func breaking(how string) persistence.Opener {
	tables, puts, mu := InMemory(), 0, &sync.Mutex{}
	given := map[string]map[string]bool{}
	return func(dir string, mode persistence.Mode, thin bool) (persistence.Table, error) {
		t, err := tables(dir, mode, thin)
		if given[dir] == nil {
			given[dir] = map[string]bool{}
		}
		return &broken{Table: t, how: how, mu: mu, puts: &puts, given: given[dir]}, err
	}
}
