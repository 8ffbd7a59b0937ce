package persistence

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/smatrix-grid/smatrix/sim/problem"
)

// tarOf is a tar file under construction. Unlike tar.Writer it writes files with holes and
// heads of files that do not follow.
type tarOf struct{ bytes.Buffer }

// add appends a member whose head says size, with body, filled up to whole blocks.
func (a *tarOf) add(kind byte, name string, size int64, body string) {
	const block = 512
	head := make([]byte, block)
	copy(head, name)
	copy(head[100:], "0000644\x000000000\x000000000\x00")
	if octal := fmt.Sprintf("%011o", size); len(octal) < 12 {
		copy(head[124:], octal)
	} else { // as GNU tar writes greater sizes
		head[124] = 0x80
		for i := range 8 {
			head[135-i] = byte(size >> (8 * i))
		}
	}
	copy(head[136:], "00000000000\x00        ")
	head[156] = kind
	copy(head[257:], "ustar\x0000")
	if kind == tar.TypeGNUSparse {
		copy(head[257:], "ustar  \x00")
		copy(head[386:], fmt.Sprintf("%011o\x00%011o\x00", 0, 0)) // no data before the end
		copy(head[483:], "77777777777\x00")                       // its real size
	}
	sum := 0
	for _, b := range head {
		sum += int(b)
	}
	copy(head[148:], fmt.Sprintf("%06o\x00 ", sum))
	a.Write(head)
	a.WriteString(body)
	a.Write(make([]byte, (block-len(body)%block)%block))
}

// pax appends the record of a member to come.
func (a *tarOf) pax(records ...string) {
	body := ""
	for _, r := range records {
		n := len(r) + 4 // the length has two digits, then a blank and a line feed
		body += fmt.Sprintf("%d %s\n", n, r)
	}
	a.add('x', "head", int64(len(body)), body)
}

// An archive from anybody takes neither all memory nor all of the disk: each is refused by
// the head of a member, before its content is read or written, and nothing of it stays.
func TestRestoreRefusesBombs(t *testing.T) {
	const enough = 1 << 40
	for _, c := range []struct {
		name   string
		free   int64
		write  func(a *tarOf)
		wanted string
	}{
		{"file with holes", enough, func(a *tarOf) {
			a.pax("GNU.sparse.major=1", "GNU.sparse.minor=0", "GNU.sparse.name=readings.csv", "GNU.sparse.realsize=8796093022208")
			a.add(tar.TypeReg, "readings.csv", 512, "1\n8796093022208\n0\n")
		}, "readings.csv: it is a file with holes"},
		{"file with few holes", enough, func(a *tarOf) {
			a.pax("GNU.sparse.major=1", "GNU.sparse.minor=0", "GNU.sparse.name=readings.csv", "GNU.sparse.realsize=1000000")
			a.add(tar.TypeReg, "readings.csv", 512, "1\n1000000\n0\n")
		}, "readings.csv: it is a file with holes"},
		{"file with holes of the old form", enough, func(a *tarOf) {
			a.add(tar.TypeGNUSparse, "readings.csv", 0, "")
		}, `it has "readings.csv", which no run has`},
		{"more than a thousand times the archive", enough, func(a *tarOf) {
			a.add(tar.TypeReg, "a", 1<<10, strings.Repeat("a", 1<<10))
			a.add(tar.TypeReg, "b", freeExpansion+1<<30, "")
		}, "wanted at most"},
		{"more than the disk has room for", reserve + 1<<20, func(a *tarOf) {
			a.add(tar.TypeReg, "a", 1<<20, strings.Repeat("a", 1<<20))
			a.add(tar.TypeReg, "b", 1<<20+1, "")
		}, "b needs 1 MB, and 192 MB are free"},
		{"a few kB more than the disk has room for", reserve + 1<<10, func(a *tarOf) {
			a.add(tar.TypeReg, "b", 5<<10+512, strings.Repeat("b", 5<<10+512))
		}, "b needs 5.5 kB, and 192 MB are free"},
		{"sums longer than the names of the files", enough, func(a *tarOf) {
			a.add(tar.TypeReg, "run.json", 2, "{}")
			a.add(tar.TypeReg, sumsFile, 1<<20, `{"format": 1, "sha256": {"`+strings.Repeat("a", 1<<20))
		}, "sums.json: 1048576 bytes, wanted at most 432 for 1 files"},
		{"text after the sums", enough, func(a *tarOf) {
			sums := `{"format": 1, "sha256": {}}`
			a.add(tar.TypeReg, sumsFile, int64(len(sums)), sums)
			a.Write(make([]byte, 4*mostTrailer))
		}, "it goes on after its sums"},
		{"a file without its content", enough, func(a *tarOf) {
			a.add(tar.TypeReg, "run.json", 2, "{}")
			a.add(tar.TypeReg, "ledger", 1<<20, "short")
		}, "ledger: unexpected EOF"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var a tarOf
			c.write(&a)
			u := &unpacking{file: filepath.Join(t.TempDir(), "b.tar.gz"), dir: t.TempDir(), sums: map[string]string{}}
			u.free = func(string) (int64, error) { return c.free - u.unpacked, nil }
			writeGzip(t, u.file, a.Bytes())
			f, err := os.Open(u.file)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			err = u.unpack(f)
			if err == nil || !strings.Contains(err.Error(), c.wanted) {
				t.Errorf("%v; wanted an error with %q", err, c.wanted)
			}
			room := strings.Contains(c.name, "has room for") // which is no fault of the backup
			if errors.As(err, new(*FullError)) != room || errors.As(err, new(*problem.At)) == room {
				t.Errorf("%T %v", err, err)
			}
			if _, err := os.Stat(filepath.Join(u.dir, "b")); err == nil {
				t.Error("the file that is too large has been created")
			}
			dir := filepath.Join(t.TempDir(), "restored")
			if _, err := RestoreBackup(u.file, dir); err == nil {
				t.Error("it was restored")
			}
			if _, err := os.Lstat(dir); err == nil {
				t.Error("its folder is left behind")
			}
		})
	}
}

func writeGzip(t *testing.T, name string, b []byte) {
	t.Helper()
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, err := w.Write(b)
	if err == nil {
		err = w.Close()
	}
	if err == nil {
		err = os.WriteFile(name, packed.Bytes(), 0o666)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// The number of files is bounded as well: each takes an entry of the file system, and 512
// bytes of an archive that shrink to one or two.
func TestRestoreRefusesManyFiles(t *testing.T) {
	u := &unpacking{file: "b.tar.gz", free: func(string) (int64, error) { return 1 << 40, nil }, sums: map[string]string{}, most: 1 << 40}
	head := func(i int) *tar.Header { return &tar.Header{Name: fmt.Sprint(i), Typeflag: tar.TypeReg} }
	for i := range mostMembers {
		if err := u.check(head(i)); err != nil {
			t.Fatalf("file %d: %v", i, err)
		}
		u.sums[fmt.Sprint(i)] = "sum"
	}
	if err := u.check(head(mostMembers)); err == nil || !strings.Contains(err.Error(), "more than 100000 files") {
		t.Errorf("%v; wanted an error about the number of files", err)
	}
}

// The longest sums that packing can write are within the bound for reading them.
func TestSumsFitTheirBound(t *testing.T) {
	u := &unpacking{sums: map[string]string{}}
	for _, name := range []string{"run.json", "journal/000001.vlog", "past/past/" + strings.Repeat("\x01", 200), strings.Repeat("é", 120)} {
		u.sums[name] = strings.Repeat("f", 64)
		var b bytes.Buffer
		a := tar.NewWriter(&b)
		if err := packSums(a, u.sums); err != nil {
			t.Fatal(err)
		}
		h, err := tar.NewReader(&b).Next()
		if err != nil && err != io.EOF {
			t.Fatal(err)
		}
		if h.Size > u.longestSums() {
			t.Errorf("%d files: sums of %d bytes, bound %d", len(u.sums), h.Size, u.longestSums())
		}
	}
}
