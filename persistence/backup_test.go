package persistence

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/smatrix-grid/smatrix/sim/problem"
	"github.com/smatrix-grid/smatrix/sim/scenario"
)

// killedAt is the environment variable with the number of the checkpoint at which a child kills
// itself.
const killedAt = "SMATRIX_TEST_KILLED_AT"

func init() {
	children["backup"] = func(dir string) error { _, err := Backup(dir, os.Getenv(childParent)); return killedChild(err) }
	children["restore"] = func(dir string) error { _, err := RestoreBackup(os.Getenv(childParent), dir); return killedChild(err) }
}

// killedChild prints that a child was not killed.
func killedChild(err error) error {
	if err == nil {
		fmt.Println("done")
	}
	return err
}

// killAtCheckpoints makes a child kill itself at a checkpoint.
func killAtCheckpoints() {
	left, err := strconv.Atoi(os.Getenv(killedAt))
	if err != nil {
		return
	}
	Checkpoint = func() {
		if left--; left < 0 {
			if self, err := os.FindProcess(os.Getpid()); err == nil {
				_ = self.Kill()
			}
			select {} // until the signal arrives
		}
	}
}

// childKilledAt runs a child that kills itself at a checkpoint, and reports whether it got to its end.
func childKilledAt(t *testing.T, is, dir, archive string, at int) (done bool) {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), childDir+"="+dir, childIs+"="+is, childParent+"="+archive, fmt.Sprintf("%s=%d", killedAt, at))
	out, err := c.CombinedOutput()
	if err == nil {
		return strings.Contains(string(out), "done")
	}
	if c.ProcessState.Exited() {
		t.Fatalf("%s, killed at %d: %v\n%s", is, at, err, out)
	}
	return false
}

// A backup that was killed at any file does not block its name, and the next one removes what it has
// left, and nothing else.
func TestKilledBackup(t *testing.T) {
	dir, out := filepath.Join(t.TempDir(), "run"), t.TempDir()
	kept(t, dir, build(t, "hamlet", scenario.Options{}), -1)
	file := filepath.Join(out, "run.tar.zst")
	others := []string{
		file + tempSuffix, filepath.Join(out, ".run.tar.zst.notes"),
		filepath.Join(out, fmt.Sprintf(".run.tar.zst.%d-living", os.Getpid())), filepath.Join(out, ".other.tar.zst.4-1"),
	}
	for _, name := range others {
		if err := os.WriteFile(name, []byte("mine"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	at, done := 0, false
	for ; !done && at < 100; at++ {
		if done = childKilledAt(t, "backup", dir, file, at); done {
			continue
		}
		if _, err := os.Lstat(file); err == nil {
			done = true // killed after it got its name: it must be whole
		}
	}
	if !done || at < 4 {
		t.Fatalf("killed %d times, done: %t", at, done)
	}
	left, err := os.ReadDir(out)
	if err != nil || len(left) != len(others)+1 {
		t.Errorf("left: %v, %v", left, err)
	}
	for _, name := range others {
		if b, err := os.ReadFile(name); string(b) != "mine" {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
	if _, err := Backup(dir, file); !errors.Is(err, problem.ErrUsage) {
		t.Errorf("a second backup of that name: %v", err)
	}
	if _, err := RestoreBackup(file, filepath.Join(out, "again")); err != nil {
		t.Error(err)
	}
}

// A folder into which a run was being restored when the process was killed, at any file, is no run,
// and the run can be restored into it again.
func TestKilledRestore(t *testing.T) {
	root := t.TempDir()
	dir, file := filepath.Join(root, "run"), filepath.Join(root, "run.tar.gz")
	want := kept(t, dir, build(t, "hamlet", scenario.Options{}), -1)
	if _, err := Backup(dir, file); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"new", "empty"} {
		to := filepath.Join(root, name)
		if name == "empty" {
			if err := os.Mkdir(to, 0o777); err != nil {
				t.Fatal(err)
			}
		}
		at, done := 0, false
		for ; !done && at < 100; at++ {
			if done = childKilledAt(t, "restore", to, file, at); done {
				break
			}
			if _, err := os.Lstat(filepath.Join(to, runFile)); err == nil { // killed just after it was complete
				if s := open(t, to, Read); s.Steps() != 24 {
					t.Errorf("%s, killed at %d: %d steps", name, at, s.Steps())
				} else {
					s.Close()
				}
				if err := os.RemoveAll(to); err != nil {
					t.Fatal(err)
				}
				continue
			}
			if _, err := Open(to, Read); !errors.As(err, new(*StoreError)) {
				t.Errorf("%s, killed at %d: %v", name, at, err)
			}
		}
		if !done || at < 8 {
			t.Fatalf("%s: killed %d times, done: %t", name, at, done)
		}
		s := open(t, to, Read)
		if got, err := s.DigestAt(s.Steps()); got != want || err != nil {
			t.Errorf("%s: digest %s, wanted %s; %v", name, got, want, err)
		}
		s.Close()
		if left, _ := filepath.Glob(filepath.Join(to, newPrefix+"*")); len(left) > 0 {
			t.Errorf("%s: left %q", name, left)
		}
	}
	mine := filepath.Join(root, "mine")
	if err := errors.Join(os.Mkdir(mine, 0o777), os.WriteFile(filepath.Join(mine, "notes"), []byte("mine"), 0o666)); err != nil {
		t.Fatal(err)
	}
	if _, err := RestoreBackup(file, mine); !errors.Is(err, problem.ErrUsage) {
		t.Errorf("into a folder that is not empty: %v", err)
	}
}
