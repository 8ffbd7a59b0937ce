// Package journaltest says what a table must do in which a journal is kept, as tests
// that run on each implementation alike: in memory and in Badger. Deliberately
// absent is what happens when a process or a machine fails, which needs a real file.
package journaltest

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/smatrix-grid/smatrix/persistence"
)

// Run holds a table to what persistence.Table says. open makes an empty one; reopen,
// nil if what is in it is gone with it, opens again what has been closed.
func Run(t *testing.T, open, reopen func(t *testing.T) persistence.Table) {
	t.Run("empty", func(t *testing.T) { testEmpty(t, open(t)) })
	t.Run("put and get", func(t *testing.T) { testPut(t, open(t)) })
	t.Run("scan", func(t *testing.T) { testScan(t, open(t)) })
	t.Run("big", func(t *testing.T) { testBig(t, open(t)) })
	t.Run("beside a model", func(t *testing.T) { testModel(t, open(t)) })
	if reopen != nil {
		t.Run("closed and opened again", func(t *testing.T) { testReopen(t, open(t), reopen) })
	}
}

func put(t *testing.T, table persistence.Table, entries ...persistence.Entry) {
	t.Helper()
	if err := table.Put(entries); err != nil {
		t.Fatal(err)
	}
}

func entry(key, value string) persistence.Entry {
	return persistence.Entry{Key: []byte(key), Value: []byte(value)}
}

// all is what a scan visits, as key=value.
func all(t *testing.T, table persistence.Table, prefix, from string) (seen []string) {
	t.Helper()
	var at []byte
	if from != "" {
		at = []byte(from)
	}
	err := table.Scan([]byte(prefix), at, func(k, v []byte) error {
		seen = append(seen, string(k)+"="+string(v))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return seen
}

func wantAll(t *testing.T, table persistence.Table, prefix, from string, want ...string) {
	t.Helper()
	if got := all(t, table, prefix, from); !slices.Equal(got, want) {
		t.Errorf("scan of %q from %q: %q, wanted %q", prefix, from, got, want)
	}
}

func testEmpty(t *testing.T, table persistence.Table) {
	defer closed(t, table)
	if _, err := table.Get([]byte("a")); !errors.Is(err, persistence.ErrNotFound) {
		t.Errorf("get: %v, wanted ErrNotFound", err)
	}
	wantAll(t, table, "", "")
	put(t, table)
	if err := table.Sync(); err != nil {
		t.Error(err)
	}
}

func testPut(t *testing.T, table persistence.Table) {
	defer closed(t, table)
	key, value := []byte("k"), []byte("first")
	put(t, table, persistence.Entry{Key: key, Value: value})
	value[0] = 'x' // it is a copy that is kept
	got, err := table.Get(key)
	if err != nil || string(got) != "first" {
		t.Errorf("got %q, %v", got, err)
	}
	got[0] = 'y' // and a copy that is given
	put(t, table, entry("k2", "other"), entry("k3", ""))
	if got, err := table.Get(key); err != nil || string(got) != "first" {
		t.Errorf("got %q, %v", got, err)
	}
	if got, err := table.Get([]byte("k3")); err != nil || len(got) != 0 {
		t.Errorf("an empty value: got %q, %v", got, err)
	}
	put(t, table, entry("k", "second"), persistence.Entry{Key: []byte("k2")}, persistence.Entry{Key: []byte("none")})
	wantAll(t, table, "", "", "k=second", "k3=")
}

func testScan(t *testing.T, table persistence.Table) {
	defer closed(t, table)
	put(t, table, entry("b\x00", "3"), entry("a", "1"), entry("b", "2"), entry("b\xff\xff", "5"), entry("c", "6"), entry("b\x01", "4"))
	wantAll(t, table, "b", "", "b=2", "b\x00=3", "b\x01=4", "b\xff\xff=5")
	wantAll(t, table, "b", "b\x01", "b\x01=4", "b\xff\xff=5")
	wantAll(t, table, "b", "b\x02", "b\xff\xff=5")
	wantAll(t, table, "d", "")
	wantAll(t, table, "", "c", "c=6")
	failed := errors.New("enough")
	n := 0
	if err := table.Scan([]byte("b"), nil, func(_, _ []byte) error { n++; return failed }); !errors.Is(err, failed) || n != 1 {
		t.Errorf("a visitor that fails: %v after %d", err, n)
	}
}

// testBig puts more at once than a transaction of Badger holds.
func testBig(t *testing.T, table persistence.Table) {
	defer closed(t, table)
	random := rand.NewChaCha8([32]byte{1})
	var entries []persistence.Entry
	for i := range 30 {
		v := make([]byte, 500<<10)
		_, _ = random.Read(v)
		entries = append(entries, persistence.Entry{Key: fmt.Appendf(nil, "big %02d", i), Value: v})
	}
	put(t, table, entries...)
	for _, e := range entries {
		if got, err := table.Get(e.Key); err != nil || !bytes.Equal(got, e.Value) {
			t.Fatalf("%s: %d bytes, %v", e.Key, len(got), err)
		}
	}
	var many []persistence.Entry
	for i := range 30_000 {
		many = append(many, entry(fmt.Sprintf("many %05d", i), "x"))
	}
	put(t, table, many...)
	if got := all(t, table, "many", ""); len(got) != len(many) {
		t.Errorf("%d of %d", len(got), len(many))
	}
}

// testModel does the same to the table and to a map.
func testModel(t *testing.T, table persistence.Table) {
	defer closed(t, table)
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
		put(t, table, entries...)
	}
	var want []string
	for k, v := range model {
		want = append(want, k+"="+v)
	}
	slices.SortFunc(want, func(a, b string) int { // by key, which = must not disturb
		return bytes.Compare([]byte(a[:bytes.IndexByte([]byte(a), '=')]), []byte(b[:bytes.IndexByte([]byte(b), '=')]))
	})
	wantAll(t, table, "", "", want...)
}

func testReopen(t *testing.T, table persistence.Table, reopen func(t *testing.T) persistence.Table) {
	put(t, table, entry("a", "1"), entry("b", "2"))
	put(t, table, persistence.Entry{Key: []byte("a")}, entry("c", "3"))
	closed(t, table)
	table = reopen(t)
	defer closed(t, table)
	wantAll(t, table, "", "", "b=2", "c=3")
	put(t, table, entry("d", "4"))
	wantAll(t, table, "c", "", "c=3")
}

func closed(t *testing.T, table persistence.Table) {
	t.Helper()
	if err := table.Close(); err != nil {
		t.Error(err)
	}
}
