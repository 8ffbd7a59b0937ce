package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/smatrix-grid/smatrix/persistence"
)

// doomed is smatrix that kills itself at the checkpoint with the number in the environment.
const (
	doomed   = "smatrix-doomed"
	doomedAt = "SMATRIX_TEST_DOOMED_AT"
)

func doomedMain() {
	left, err := strconv.Atoi(os.Getenv(doomedAt))
	if err != nil {
		panic(err)
	}
	persistence.Checkpoint = func() {
		if left--; left < 0 {
			if self, err := os.FindProcess(os.Getpid()); err == nil {
				_ = self.Kill()
			}
			select {} // until the signal arrives
		}
	}
	main()
}

// Whatever the program writes is whole or has not its name: killed at any moment, each command that writes
// leaves no part under a name of its own, its next call succeeds, and nothing of the killed ones stays.
func TestKilledWritersLeaveNoPart(t *testing.T) {
	root := t.TempDir()
	at := func(name string) string { return filepath.Join(root, name) }
	done := func(t *testing.T, args ...string) {
		t.Helper()
		if code, _, said := smatrix(t, args...); code != exitDone {
			t.Fatalf("%q: exit code %d: %s", args, code, said)
		}
	}
	done(t, "run", "hamlet", "--out", at("run"), "--quiet")
	done(t, "backup", at("run"), at("run.tar.gz"))
	meters := "time,home-1,home-2\n"
	for h := range 48 {
		meters += fmt.Sprintf("2018-01-0%dT%02d:00:00Z,0.5,0.25\n", 7+h/24, h%24)
	}
	if err := os.WriteFile(at("meters.csv"), []byte(meters), 0o666); err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct {
		args  []string                 // the last is the name, in the folder of a try
		again func(to string) []string // instead of args, after a kill
		has   []string                 // names in the folder; nil: all
		least int                      // kills
	}{
		"backup":         {args: []string{"backup", at("run"), "new.tar.gz"}, least: 4},
		"restore":        {args: []string{"restore", at("run.tar.gz"), "new"}, least: 5},
		"export csv":     {args: []string{"export", at("run"), "--format", "csv", "--out", "new"}, least: 6},
		"export parquet": {args: []string{"export", at("run"), "--format", "parquet", "--out", "new"}, least: 6},
		"report":         {args: []string{"report", at("run"), "--out", "new.html"}, least: 4},
		"init":           {args: []string{"scenario", "init", "new"}, least: 5},
		"import":         {args: []string{"scenario", "import", at("meters.csv"), "--out", "new.yaml"}, least: 2},
		"fork": {args: []string{"fork", at("run"), "--at", "20", "--quiet", "--out", "new"}, least: 3,
			has:   []string{}, // its report has times
			again: resumedIfKept},
		"run": {args: []string{"run", "hamlet", "--quiet", "--csv", "--out", "new"}, least: 6,
			has:   []string{"new/readings.csv", "new/grid.csv", "new/bookings.csv"},
			again: resumedIfKept},
	} {
		t.Run(name, func(t *testing.T) {
			inDir := func(dir string) []string {
				last := len(row.args) - 1
				return append(slices.Clone(row.args[:last]), filepath.Join(dir, row.args[last]))
			}
			try := t.TempDir()
			t.Chdir(try) // a scenario names its data from its folder
			whole := filepath.Join(try, "whole")
			if err := os.Mkdir(whole, 0o777); err != nil {
				t.Fatal(err)
			}
			done(t, inDir(whole)...)
			want := filesOf(t, whole, row.has)
			dir, kills := filepath.Join(try, "killed"), 0
			if err := os.Mkdir(dir, 0o777); err != nil {
				t.Fatal(err)
			}
			to := filepath.Join(dir, row.args[len(row.args)-1])
			for before, n := 0, 1; ; before, n = n, before+n { // the numbers of Fibonacci
				c := exec.Command(doomed, inDir(dir)...)
				c.Env = append(os.Environ(), doomedAt+"="+strconv.Itoa(before))
				out, err := c.CombinedOutput()
				if err == nil {
					break
				}
				if kills++; c.ProcessState.Exited() {
					t.Fatalf("to be killed at %d: %v\n%s", before, err, out)
				}
				for name, b := range filesOf(t, dir, row.has) {
					if !bytes.Equal(b, want[name]) {
						t.Errorf("killed at %d: a part of %s is there, %d bytes of %d", before, name, len(b), len(want[name]))
					}
				}
				args := inDir(dir)
				if row.again != nil {
					if resume := row.again(to); resume != nil {
						args = resume
					}
				} else if n%2 == 0 && len(filesOf(t, dir, row.has)) == 0 { // otherwise the next one is killed as well
					continue
				}
				code, _, said := smatrix(t, args...)
				if taken := row.again == nil && code == exitUsage && strings.Contains(said, "already"); code != exitDone && !taken {
					t.Errorf("killed at %d: the next %s: exit code %d: %s", before, name, code, said)
				}
				compareFiles(t, before, filesOf(t, dir, row.has), want)
				if err := errors.Join(os.RemoveAll(dir), os.Mkdir(dir, 0o777)); err != nil {
					t.Fatal(err)
				}
			}
			compareFiles(t, -1, filesOf(t, dir, row.has), want)
			if kills < row.least {
				t.Errorf("killed %d times, wanted at least %d", kills, row.least)
			}
			_ = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
				if strings.HasPrefix(e.Name(), ".") || strings.HasSuffix(path, ".tmp") {
					t.Errorf("left: %s", path)
				}
				return err
			})
		})
	}
}

// resumedIfKept returns the command that goes on with a killed run. Of a run that has no journal yet nothing is kept:
// nil, since the command that began it takes its folder.
func resumedIfKept(dir string) []string {
	if b, err := os.ReadFile(filepath.Join(dir, "run.json")); err != nil || !strings.Contains(string(b), `"journal"`) {
		return nil
	}
	return []string{"run", "--quiet", "--resume", dir}
}

// filesOf returns the files of a folder by name, but those that have not got their name: hidden ones, and those of
// a run that end in .tmp.
func filesOf(t *testing.T, dir string, has []string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		name, _ := filepath.Rel(dir, path)
		switch {
		case err != nil:
			return err
		case strings.HasPrefix(e.Name(), ".") && e.IsDir():
			return fs.SkipDir
		case strings.HasPrefix(e.Name(), "."), strings.HasSuffix(name, ".tmp"), e.Name() == "LOCK", e.IsDir(), has != nil && !slices.Contains(has, name):
			return nil
		}
		files[name], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func compareFiles(t *testing.T, at int, got, want map[string][]byte) {
	t.Helper()
	for name, b := range want {
		if !bytes.Equal(got[name], b) {
			t.Errorf("killed at %d, and called again: %s differs", at, name)
		}
	}
	if len(got) != len(want) {
		t.Errorf("killed at %d, and called again: %d files, wanted %d", at, len(got), len(want))
	}
}
