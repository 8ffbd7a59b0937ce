package persistence

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/scenario"
)

// Only temporary folders of processes that have ended are deleted: not one of a live process,
// a locked one, one with other files in it, or one with a similar name.
func TestStaleTemporaryFolders(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	gone := exec.Command("true") // its process ID is free again
	if err := gone.Run(); err != nil {
		t.Fatal(err)
	}
	dead := gone.ProcessState.Pid()
	made := func(name string, files ...string) string {
		dir := filepath.Join(os.TempDir(), name)
		err := os.Mkdir(dir, 0o777)
		for _, f := range files {
			if err == nil {
				err = os.WriteFile(filepath.Join(dir, f), []byte("x"), 0o666)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		return dir
	}
	mine, err := CreateTemp(Run{Scenario: "hamlet"})
	if err != nil {
		t.Fatal(err)
	}
	w := build(t, "hamlet", scenario.Options{})
	j, err := mine.Keep(w, sim.NewChain(1, nil, sim.Form{}), Durability{Every: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	lively := made(fmt.Sprintf("smatrix-%d-a", os.Getpid()), runFile)
	locked := made(fmt.Sprintf("smatrix-%d-locked", dead), runFile)
	lock, err := lockFolder(locked)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	others := made(fmt.Sprintf("smatrix-%d-others", dead), runFile, "notes.txt")
	old := made("smatrix-12345", runFile)
	noProcess := made("smatrix-x-1", runFile)
	linked := filepath.Join(os.TempDir(), fmt.Sprintf("smatrix-%d-link", dead))
	if err := os.Symlink(others, linked); err != nil {
		t.Fatal(err)
	}
	empty := made(fmt.Sprintf("smatrix-%d-empty", dead))
	stale := made(fmt.Sprintf("smatrix-%d-run", dead), runFile, scenarioFile, ledgerFile, runFile+tempSuffix)
	copyRun(t, mine.dir, filepath.Join(os.TempDir(), fmt.Sprintf("smatrix-%d-killed", dead)))

	removed := RemoveStale()
	want := []string{empty, filepath.Join(os.TempDir(), fmt.Sprintf("smatrix-%d-killed", dead)), stale}
	if slices.Sort(want); !slices.Equal(removed, want) {
		t.Errorf("removed %q, wanted %q", removed, want)
	}
	for _, dir := range []string{mine.dir, lively, locked, others, old, noProcess, linked} {
		if _, err := os.Lstat(dir); err != nil {
			t.Errorf("%s is not there any more: %v", dir, err)
		}
	}
	for _, dir := range removed {
		if _, err := os.Lstat(dir); err == nil {
			t.Errorf("%s is still there", dir)
		}
	}
	if err := j.End(); err != nil {
		t.Error(err)
	}
	if err := mine.Remove(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(mine.dir); err == nil {
		t.Error("a folder that was removed is still there")
	}
}
