// Package journaltest tests what a journal must keep, and what its table must do, alike for
// each kind of table: in memory and in Badger. Deliberately absent are killed processes and
// failed machines, which need real files: persistence's own tests have them.
package journaltest

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/smatrix-grid/smatrix/persistence"
)

// law is a named property of a table or a journal.
type law struct {
	name string
	test func(h *house)
}

// laws are all laws: first of the table alone, then of a journal in it.
var laws = []law{
	{"table: empty", testEmpty},
	{"table: put and get", testPut},
	{"table: scan", testScan},
	{"table: big", testBig},
	{"table: beside a model", testModel},
	{"table: read beside a writer", testReadBeside},
	{"table: closed and opened again", testReopen},
	{"journal: replayed as it was", testReplay},
	{"journal: left anywhere and resumed", testResume},
	{"journal: ended early and resumed", testEndedEarly},
	{"journal: commands and notes outlive a loss of power", testPower},
	{"journal: commands for steps that are over", testLateCommand},
	{"journal: snapshot and log are the log alone", testSnapshots},
	{"journal: deleted steps are gone, and computed again", testRetention},
	{"journal: ended", testEnded},
	{"journal: read beside the run", testReader},
	{"journal: forked", testFork},
}

// Run tests a kind of table against the contract of persistence.Table, and a journal in it
// against that of persistence.Journal. of returns an opener, which must reopen a table
// that was closed with its content.
func Run(t *testing.T, of func() persistence.Opener) {
	for _, l := range laws {
		t.Run(l.name, func(t *testing.T) { l.test(&house{TB: t, dir: t.TempDir(), tables: of()}) })
	}
}

// InMemory returns an Opener of tables in memory, which live as long as it does.
func InMemory() persistence.Opener {
	var mu sync.Mutex
	kept := map[string]*persistence.Memory{}
	return func(dir string, _ persistence.Mode, _ bool) (persistence.Table, error) {
		mu.Lock()
		defer mu.Unlock()
		if kept[dir] == nil {
			kept[dir] = &persistence.Memory{}
		}
		return kept[dir], os.MkdirAll(dir, 0o777) // a run checks that the folder exists
	}
}

// house is the environment in which a law is tested.
type house struct {
	testing.TB
	dir    string
	tables persistence.Opener
}

// table opens the table of a law that needs no journal.
func (h *house) table() persistence.Table {
	h.Helper()
	table, err := h.tables(filepath.Join(h.dir, "table"), persistence.Write, false)
	if err != nil {
		h.Fatal(err)
	}
	return table
}

func put(h *house, table persistence.Table, entries ...persistence.Entry) {
	h.Helper()
	if err := table.Put(entries); err != nil {
		h.Fatal(err)
	}
}

func entry(key, value string) persistence.Entry {
	return persistence.Entry{Key: []byte(key), Value: []byte(value)}
}

// all returns what a scan visits, as key=value.
func all(h *house, table persistence.Table, prefix, from string) (seen []string) {
	h.Helper()
	var at []byte
	if from != "" {
		at = []byte(from)
	}
	err := table.Scan([]byte(prefix), at, func(k, v []byte) error {
		seen = append(seen, string(k)+"="+string(v))
		return nil
	})
	if err != nil {
		h.Fatal(err)
	}
	return seen
}

func wantAll(h *house, table persistence.Table, prefix, from string, want ...string) {
	h.Helper()
	if got := all(h, table, prefix, from); !slices.Equal(got, want) {
		h.Errorf("scan of %q from %q: %q, wanted %q", prefix, from, got, want)
	}
}

func testEmpty(h *house) {
	table := h.table()
	defer closed(h, table)
	if _, err := table.Get([]byte("a")); !errors.Is(err, persistence.ErrNotFound) {
		h.Errorf("get: %v, wanted ErrNotFound", err)
	}
	wantAll(h, table, "", "")
	put(h, table)
	if err := table.Sync(); err != nil {
		h.Error(err)
	}
}

func testPut(h *house) {
	table := h.table()
	defer closed(h, table)
	key, value := []byte("k"), []byte("first")
	put(h, table, persistence.Entry{Key: key, Value: value})
	value[0] = 'x' // the table must have a copy
	got, err := table.Get(key)
	if err != nil || string(got) != "first" {
		h.Errorf("got %q, %v", got, err)
	}
	got[0] = 'y' // Get must have returned a copy
	put(h, table, entry("k2", "other"), entry("k3", ""))
	if got, err := table.Get(key); err != nil || string(got) != "first" {
		h.Errorf("got %q, %v", got, err)
	}
	if got, err := table.Get([]byte("k3")); err != nil || len(got) != 0 {
		h.Errorf("an empty value: got %q, %v", got, err)
	}
	put(h, table, entry("k", "second"), persistence.Entry{Key: []byte("k2")}, persistence.Entry{Key: []byte("none")})
	wantAll(h, table, "", "", "k=second", "k3=")
}

func testScan(h *house) {
	table := h.table()
	defer closed(h, table)
	put(h, table, entry("b\x00", "3"), entry("a", "1"), entry("b", "2"), entry("b\xff\xff", "5"), entry("c", "6"), entry("b\x01", "4"))
	wantAll(h, table, "b", "", "b=2", "b\x00=3", "b\x01=4", "b\xff\xff=5")
	wantAll(h, table, "b", "b\x01", "b\x01=4", "b\xff\xff=5")
	wantAll(h, table, "b", "b\x02", "b\xff\xff=5")
	wantAll(h, table, "d", "")
	wantAll(h, table, "", "c", "c=6")
	failed := errors.New("enough")
	n := 0
	if err := table.Scan([]byte("b"), nil, func(_, _ []byte) error { n++; return failed }); !errors.Is(err, failed) || n != 1 {
		h.Errorf("a visitor that fails: %v after %d", err, n)
	}
}

// testBig puts more at once than fits in a transaction of Badger.
func testBig(h *house) {
	table := h.table()
	defer closed(h, table)
	random := rand.NewChaCha8([32]byte{1})
	var entries []persistence.Entry
	for i := range 30 {
		v := make([]byte, 500<<10)
		_, _ = random.Read(v)
		entries = append(entries, persistence.Entry{Key: fmt.Appendf(nil, "big %02d", i), Value: v})
	}
	put(h, table, entries...)
	for _, e := range entries {
		if got, err := table.Get(e.Key); err != nil || !bytes.Equal(got, e.Value) {
			h.Fatalf("%s: %d bytes, %v", e.Key, len(got), err)
		}
	}
	var many []persistence.Entry
	for i := range 30_000 {
		many = append(many, entry(fmt.Sprintf("many %05d", i), "x"))
	}
	put(h, table, many...)
	if got := all(h, table, "many", ""); len(got) != len(many) {
		h.Errorf("%d of %d", len(got), len(many))
	}
}

// testModel applies the same operations to the table and to a map.
func testModel(h *house) {
	table := h.table()
	defer closed(h, table)
	random := rand.New(rand.NewPCG(7, 7))
	model := map[string]string{}
	for range 500 {
		var entries []persistence.Entry
		for range random.IntN(5) {
			k := fmt.Sprintf("%x", random.IntN(60))
			if random.IntN(3) == 0 {
				entries = append(entries, persistence.Entry{Key: []byte(k)})
				delete(model, k)
				continue
			}
			v := fmt.Sprint(random.Int())
			entries = append(entries, entry(k, v))
			model[k] = v
		}
		put(h, table, entries...)
	}
	var want []string
	for k, v := range model {
		want = append(want, k+"="+v)
	}
	slices.SortFunc(want, func(a, b string) int { // by key, without the =
		return bytes.Compare([]byte(a[:bytes.IndexByte([]byte(a), '=')]), []byte(b[:bytes.IndexByte([]byte(b), '=')]))
	})
	wantAll(h, table, "", "", want...)
}

// testReadBeside reads while another goroutine writes: entries that stay are always found, and
// keys rise.
func testReadBeside(h *house) {
	table := h.table()
	defer closed(h, table)
	for i := range 50 {
		put(h, table, entry(fmt.Sprintf("stays %02d", i), "1"))
	}
	over := make(chan error)
	go func() {
		var err error
		for i := 0; i < 400 && err == nil; i++ {
			k := []byte(fmt.Sprintf("goes %02d", i%7))
			if err = table.Put([]persistence.Entry{{Key: k, Value: fmt.Append(nil, i)}, entry(fmt.Sprintf("stays %02d.%d", i%50, i), "1")}); err == nil {
				err = table.Put([]persistence.Entry{{Key: k}})
			}
		}
		over <- err
	}()
	for {
		stays, last := 0, ""
		err := table.Scan(nil, nil, func(k, _ []byte) error {
			if len(k) == len("stays 00") {
				stays++
			}
			if string(k) <= last {
				return fmt.Errorf("%q comes behind %q", k, last)
			}
			last = string(k)
			return nil
		})
		if err != nil || stays != 50 {
			h.Errorf("read beside a writer: %d of 50 are there, %v", stays, err)
		}
		select {
		case err := <-over:
			if err != nil {
				h.Error(err)
			}
			return
		default:
		}
	}
}

func testReopen(h *house) {
	table := h.table()
	put(h, table, entry("a", "1"), entry("b", "2"))
	put(h, table, persistence.Entry{Key: []byte("a")}, entry("c", "3"))
	closed(h, table)
	table = h.table()
	defer closed(h, table)
	wantAll(h, table, "", "", "b=2", "c=3")
	put(h, table, entry("d", "4"))
	wantAll(h, table, "c", "", "c=3")
}

func closed(h *house, table persistence.Table) {
	h.Helper()
	if err := table.Close(); err != nil {
		h.Error(err)
	}
}
