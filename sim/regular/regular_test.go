//go:build unix

package regular_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/smatrix-grid/smatrix/sim/regular"
)

// What is no regular file is refused at once: opening a pipe would wait for a writer for
// ever, and a device has no end. A link to a file is as good as the file.
func TestOnlyRegularFiles(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	if err := os.WriteFile(in("file"), []byte("12345678"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(in("pipe"), 0o666); err != nil {
		t.Fatal(err)
	}
	for link, to := range map[string]string{"link": "file", "link to a pipe": "pipe", "dangling": "nothing"} {
		if err := os.Symlink(to, in(link)); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name   string
		most   int64
		wanted string // of the error; "": none
	}{
		{in("file"), 100, ""},
		{in("file"), 8, ""},
		{in("link"), 8, ""},
		{in("file"), 7, "larger than 7 bytes"},
		{in("pipe"), 100, "not a regular file"},
		{in("link to a pipe"), 100, "not a regular file"},
		{os.DevNull, 100, "not a regular file"},
		{"/dev/zero", 100, "not a regular file"},
		{dir, 100, "is a folder"},
		{in("dangling"), 100, "no such file"},
	} {
		b, err := regular.ReadFile(c.name, c.most)
		switch {
		case c.wanted == "" && (err != nil || string(b) != "12345678"):
			t.Errorf("%s: %q, %v; wanted its content", c.name, b, err)
		case c.wanted != "" && (err == nil || !strings.Contains(err.Error(), c.wanted)):
			t.Errorf("%s: %v; wanted an error about %q", c.name, err, c.wanted)
		}
	}
}
