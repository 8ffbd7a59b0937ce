package persistence

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/smatrix-grid/smatrix/sim/malformed"
)

// recordEntrance reads the records of a kept run as they are behind their checksums: the first byte says
// whether as a step, as the readings of a community, as pages of the ledger or as run.json.
func recordEntrance(t testing.TB) (seeds [][]byte, reads func(b []byte) error) {
	k := makeTruth(t)
	s := open(t, k.dir, Read)
	defer s.Close()
	w, err := s.World()
	if err != nil {
		t.Fatal(err)
	}
	shape := shapeOf(w.Form.Layout, w.Cells)
	chunk := chunksOf(s)[0]
	err = s.table.Scan(nil, nil, func(key, value []byte) error {
		if key[0] != keyStep || len(seeds) > 4 {
			return nil
		}
		body, err := unseal(s.unpacker, key, value)
		seeds = append(seeds, append([]byte{0}, body...))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range w.Cells {
		b, err := s.getParts(func(part int) []byte { return readingsKey(i, chunk.from, part) })
		if err != nil {
			t.Fatal(err)
		}
		seeds = append(seeds, append([]byte{1, byte(i)}, b...))
	}
	for i, name := range []string{ledgerFile, runFile} {
		b, err := os.ReadFile(filepath.Join(k.dir, name))
		if err != nil {
			t.Fatal(err)
		}
		seeds = append(seeds, append([]byte{byte(2 + i)}, b...))
	}
	return seeds, func(b []byte) error {
		if len(b) < 2 {
			return nil
		}
		var err error
		switch b[0] % 4 {
		case 0:
			_, err = readStep(b[1:], shape)
		case 1:
			_, err = readCellChunk(b[2:], shape, int(b[1])%len(w.Cells), chunk.from, int(chunk.to-chunk.from))
		case 2:
			_, err = readLedger(k.dir, bytes.NewReader(b[1:]))
		case 3:
			_, err = readMeta(k.dir, resummed(b[1:]))
		}
		return err
	}
}

// resummed returns run.json without the sum that would refuse every change, as version 1 is.
func resummed(b []byte) []byte {
	var form map[string]json.RawMessage
	if json.Unmarshal(b, &form) != nil {
		return b
	}
	form["format"] = json.RawMessage("1")
	out, _ := json.Marshal(form) // raw messages of valid JSON
	return out
}

// Malformed records are refused without a panic, or are other records.
func TestMalformedRecords(t *testing.T) {
	n := 500
	if torn > 100 { // the long form
		n = 100_000
	}
	seeds, reads := recordEntrance(t)
	r := rand.New(rand.NewPCG(4, 5))
	taken := 0
	for i := range n {
		b := malformed.Of(r, seeds, malformed.Words, 256<<10)
		func() {
			defer func() {
				if p := recover(); p != nil {
					t.Fatalf("input %d: %v, for %.2000x", i, p, b)
				}
			}()
			if reads(b) == nil {
				taken++
			}
		}()
	}
	if taken == 0 || taken == n {
		t.Errorf("%d of %d inputs were taken", taken, n)
	}
}

// Any record is read or refused without a panic.
func FuzzRecords(f *testing.F) {
	seeds, reads := recordEntrance(f)
	for _, seed := range seeds {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, b []byte) { _ = reads(b) })
}
