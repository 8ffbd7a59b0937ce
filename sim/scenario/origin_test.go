package scenario_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/scenario"
)

// The scenario in a run's folder, such as a restored one, can name any file of this machine. It reads only files whose SHA-256 the run knows, and an
// error tells nothing about the content of another. One's own scenario may name any file.
func TestReloadReadsOnlyKnownFiles(t *testing.T) {
	dir := t.TempDir()
	var hours strings.Builder
	hours.WriteString("time,home\n")
	for h := range 24 {
		fmt.Fprintf(&hours, "%02d:00,1000\n", h)
	}
	const secret = "root:x:0:0"
	outside := write(t, dir, "outside.csv", hours.String())
	hidden := write(t, dir, "passwd", secret+"\n"+secret+"\n")
	home := filepath.Join(dir, "home")
	if err := os.Mkdir(home, 0o777); err != nil {
		t.Fatal(err)
	}
	text := func(file string) string {
		return "start: 2024-01-15\nstep_s: 3600\nrecordings:\n  - {id: r, file: " + file + ", unit: W}\n" +
			"communities: [{id: c}, {id: s}]\nhouseholds: [{id: h, community: c, load: {recording: r, column: home}}]\n" +
			"ties: [{id: tie, community: s, import_w: 10000, export_w: 10000}]\n"
	}
	own, err := scenario.Load(write(t, home, "own.yaml", text("../outside.csv")), scenario.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sim.Build(own); err != nil {
		t.Fatal(err)
	}
	known, err := own.Data()
	if err != nil {
		t.Fatal(err)
	}
	real := sha256.Sum256([]byte(secret + "\n" + secret + "\n"))
	wrong := strings.Repeat("0", 64)
	for _, c := range []struct {
		name, file string
		data       []scenario.DataFile
		wanted     string // of the error; "": none
	}{
		{"as the run has read it", "../outside.csv", known, ""},
		{"by its whole name", outside, known, ""},
		{"not among the files of the run", hidden, known, "has not read this file"},
		{"no files of the run", "../passwd", nil, "has not read this file"},
		{"with a sum that was made up", hidden, []scenario.DataFile{{Path: hidden, SHA256: wrong}}, "has changed"},
		{"with no sum", hidden, []scenario.DataFile{{Path: hidden}}, "has changed"},
		{"by another name", "../home/../passwd", known, "has not read this file"},
		{"a device", "/dev/zero", []scenario.DataFile{{Path: "/dev/zero", SHA256: wrong}}, "not a regular file"},
	} {
		o := own.Origin()
		o.Text = []byte(text(c.file))
		s, err := o.Reload(c.data)
		if err == nil {
			_, err = sim.Build(s)
		}
		switch {
		case c.wanted == "" && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.wanted != "" && (err == nil || !strings.Contains(err.Error(), c.wanted)):
			t.Errorf("%s: %v; wanted an error with %q", c.name, err, c.wanted)
		case err != nil && (strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), hex.EncodeToString(real[:4]))):
			t.Errorf("%s: the error tells about the file's content: %v", c.name, err)
		}
	}
}

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}
