package persistence

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dgraph-io/badger/v4"
)

// Reading a run that was killed leaves no copy in the temporary folder, whatever is damaged in it: with some damage
// Badger returns an error, with other it panics.
func TestNoCopyStays(t *testing.T) {
	k := makeTruth(t)
	if err := os.WriteFile(filepath.Join(k.dir, journalDir, "00099"+logExt), nil, 0o666); err != nil { // killed as it was created
		t.Fatal(err)
	}
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	r := rand.New(rand.NewPCG(1, 2))
	errs := 0
	for _, from := range []string{k.dir, k.killed} {
		whole := readFolder(t, from)
		for name, content := range whole.files {
			if filepath.Dir(name) != journalDir || len(content) == 0 {
				continue
			}
			for n := range 6 {
				dir := filepath.Join(t.TempDir(), "run")
				whole.write(t, dir)
				b := append([]byte{}, content...)
				switch n % 3 {
				case 0:
					b[r.IntN(len(b))] ^= 1 << r.IntN(8)
				case 1:
					for range 200 {
						b[len(b)-1-r.IntN(min(len(b), 400))] = byte(r.Uint32())
					}
				case 2:
					b = b[:r.IntN(len(b))]
				}
				if err := os.WriteFile(filepath.Join(dir, name), b, 0o666); err != nil {
					t.Fatal(err)
				}
				db, err := openBadger(filepath.Join(dir, journalDir), Read, false)
				switch {
				case err == nil:
					if err := db.Close(); err != nil {
						t.Error(err)
					}
				default:
					errs++
				}
				if left, errLeft := os.ReadDir(temp); len(left) > 0 || errLeft != nil {
					t.Fatalf("%s is damaged, %v: left %q", name, err, left)
				}
			}
		}
	}
	if errs == 0 {
		t.Error("no damage was found")
	}
	openCopied = func(badger.Options) (*badger.DB, error) { panic("as Badger does") }
	defer func() { openCopied = badger.Open }()
	_, err := openBadger(filepath.Join(k.killed, journalDir), Read, false)
	if left, _ := os.ReadDir(temp); len(left) > 0 || err == nil || !strings.Contains(err.Error(), "as Badger does") {
		t.Errorf("after a panic: %v, left %q", err, left)
	}
}
