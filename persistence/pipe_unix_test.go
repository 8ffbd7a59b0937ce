//go:build unix

package persistence

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/smatrix-grid/smatrix/sim/scenario"
)

// A pipe in place of any file of a run's folder is an error at once. Opening a pipe waits for
// a writer for ever, which the time limit of go test would show.
func TestPipeInARunFolder(t *testing.T) {
	run := filepath.Join(t.TempDir(), "run")
	steps := 20
	kept(t, run, build(t, "hamlet", scenario.Options{Steps: &steps}), 20)
	var names []string
	err := filepath.WalkDir(run, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			name, _ := filepath.Rel(run, path) // it is below run
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append(names, "journal/00009.mem", "journal/DISCARD", addressFile) {
		dir := t.TempDir()
		copyRun(t, run, dir)
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		if err := syscall.Mkfifo(filepath.Join(dir, name), 0o666); err != nil {
			t.Fatal(err)
		}
		s, err := Open(dir, Read)
		if err == nil {
			_, err = s.World()
			s.Close()
		}
		if err == nil && name != addressFile && name != reportFile {
			t.Errorf("%s is a pipe, and the run was opened", name)
		}
		if _, err := Backup(dir, filepath.Join(t.TempDir(), "b.tar.gz")); err == nil && name != addressFile {
			t.Errorf("%s is a pipe, and the run was packed", name)
		}
	}
}
