package persistence

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The memory of a journal's tables does not grow with them: Badger maps every one, and a
// run that is kept would hold all that it has written. What has been let go is read as
// before.
func TestTablesAreNotHeldInMemory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "journal")
	table, err := openBadger(dir, Write, false)
	if err != nil {
		t.Fatal(err)
	}
	defer table.Close()
	random := rand.New(rand.NewPCG(1, 1))
	value := func() []byte {
		b := make([]byte, 0, 64<<10)
		for len(b) < cap(b) {
			b = binary.LittleEndian.AppendUint64(b, random.Uint64())
		}
		return b
	}
	first := value()
	for k := range 1280 { // 80 MiB
		v := first
		if k > 0 {
			v = value()
		}
		if err := table.Put([]Entry{{Key: fmt.Appendf(nil, "%04d", k), Value: v}}); err != nil {
			t.Fatal(err)
		}
		if k%16 == 15 {
			if err := table.Sync(); err != nil {
				t.Fatal(err)
			}
		}
	}
	ticks, done := make(chan time.Time), make(chan struct{})
	go releaseTables(dir, ticks, done)
	ticks <- time.Time{}
	ticks <- time.Time{} // it is received when the first has been dealt with
	close(done)
	const slack = 8 << 20 // a compaction may be at work
	if size := mappedTables(t, dir); size < mostMapped || mappedMemory() > mostMapped+slack {
		t.Errorf("%d MB of tables are mapped, wanted %d or more, and %d MB of mapped files are in memory, wanted at most %d",
			size>>20, mostMapped>>20, mappedMemory()>>20, (mostMapped+slack)>>20)
	}
	if got, err := table.Get([]byte("0000")); err != nil || string(got) != string(first) {
		t.Errorf("%d bytes, %v; wanted the value that was put first", len(got), err)
	}
}

// mappedTables returns how many bytes of the journal's tables are mapped.
func mappedTables(t *testing.T, dir string) (size int64) {
	t.Helper()
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(maps)) {
		if !isTableOf(dir, strings.TrimSpace(line)) {
			continue
		}
		var from, to int64
		if _, err := fmt.Sscanf(line, "%x-%x", &from, &to); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		size += to - from
	}
	return size
}
