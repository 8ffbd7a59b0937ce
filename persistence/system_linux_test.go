package persistence

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/dgraph-io/badger/v4"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/problem"
	"github.com/smatrix-grid/smatrix/sim/scenario"
)

// bothStates are the folders of a run that was closed and of one that was killed.
func (k *truth) bothStates() map[string]string {
	return map[string]string{"closed": k.dir, "killed": k.killed}
}

// isWhole opens a run, which must have everything.
func (k *truth) isWhole(t *testing.T, dir string, mode Mode) {
	t.Helper()
	s := open(t, dir, mode)
	repairs := s.Repairs()
	s.Close()
	if what, err := k.look(dir, mode, true); what != "" || err != nil || len(repairs) > 0 {
		t.Errorf("%s, %v, repairs %q", what, err, repairs)
	}
}

// namesIn returns the names in a run's folder and its journal.
func namesIn(t *testing.T, dir string) (names []string) {
	t.Helper()
	for _, folder := range []string{dir, filepath.Join(dir, journalDir)} {
		entries, err := os.ReadDir(folder)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			names = append(names, e.Name())
		}
	}
	return names
}

// Whatever the system refuses at opening is no damage: the error says what to do, nothing is set
// aside, and the run has everything when it is opened again.
func TestSystemErrorsAreNoDamage(t *testing.T) {
	k := makeTruth(t)
	for errno, advice := range systemErrors {
		for how, err := range map[string]error{
			"wrapped": &fs.PathError{Op: "open", Path: "x", Err: errno},
			"as text": fmt.Errorf("while opening x err: %+v", &fs.PathError{Op: "open", Path: "x", Err: errno}), // as Badger does
		} {
			refuses := func(dir string, _ Mode, _ bool) (Table, error) { return nil, openError(dir, err) }
			before := namesIn(t, k.dir)
			_, got := OpenOn(refuses, k.dir, Write)
			var system *SystemError
			if !errors.As(got, &system) || !errors.Is(got, errno) || errors.As(got, new(*DamageError)) || !strings.Contains(got.Error(), advice) {
				t.Errorf("%v %s: %v", errno, how, got)
			}
			if after := namesIn(t, k.dir); !slices.Equal(before, after) {
				t.Errorf("%v %s: the folder had %q, it has %q", errno, how, before, after)
			}
		}
	}
	for _, err := range []error{fs.ErrNotExist, syscall.EISDIR, syscall.EINVAL, badger.ErrTruncateNeeded, errors.New("checksum mismatch")} {
		if got := openError("run/journal", err); !errors.As(got, new(*DamageError)) {
			t.Errorf("%v is no damage: %v", err, got)
		}
	}
	k.isWhole(t, k.dir, Write)
}

// A folder or file that cannot be written is a wrong choice; a disk without room, or a process without
// descriptors, is not.
func TestSystemErrorsOfOutputs(t *testing.T) {
	for errno := range systemErrors {
		err := &fs.PathError{Op: "mkdir", Path: "x", Err: errno}
		choice := errno == syscall.EACCES || errno == syscall.EPERM || errno == syscall.EROFS
		for _, got := range []error{unusableFor("x", "cannot be made", err), unusableBackup("x", "x.tar.gz", "made", err)} {
			if errors.Is(got, problem.ErrUsage) != choice || errors.As(got, new(*SystemError)) == choice {
				t.Errorf("%v: %v", errno, got)
			}
		}
	}
	if got := unusableFor("x", "cannot be made", fs.ErrNotExist); !errors.Is(got, problem.ErrUsage) {
		t.Errorf("%v", got)
	}
}

// A process that may not open enough files can open a run, or says so and leaves it whole.
func TestTooFewDescriptors(t *testing.T) {
	k := makeTruth(t)
	var was syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &was); err != nil {
		t.Fatal(err)
	}
	limit := func(n uint64) {
		t.Helper()
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: min(n, was.Max), Max: was.Max}); err != nil {
			t.Fatal(err)
		}
	}
	defer limit(was.Cur)
	for state, from := range k.bothStates() {
		for _, mode := range []Mode{Read, Write} {
			dir := filepath.Join(t.TempDir(), "run")
			copyRun(t, from, dir)
			refused, opened := 0, 0
			for spare := uint64(0); opened == 0 && spare < 60; spare++ {
				before := namesIn(t, dir)
				used, err := os.ReadDir("/proc/self/fd")
				if err != nil {
					t.Fatal(err)
				}
				limit(uint64(len(used)) + spare)
				s, err := Open(dir, mode)
				if err == nil {
					err = s.Close()
					opened++
				}
				limit(was.Cur)
				if err != nil && !errors.Is(err, syscall.EMFILE) {
					t.Errorf("%s, mode %d, %d spare: %v", state, mode, spare, err)
				}
				if err != nil {
					refused++
					if after := namesIn(t, dir); !slices.Equal(before, after) {
						t.Errorf("%s, mode %d, %d spare: the folder had %q, it has %q", state, mode, spare, before, after)
					}
				}
			}
			k.isWhole(t, dir, mode)
			if refused == 0 || opened == 0 {
				t.Errorf("%s, mode %d: refused %d times, opened %d times", state, mode, refused, opened)
			}
		}
	}
}

// On a disk without a free byte every run can be read, nothing in its folder changes, and it is not
// opened for writing.
func TestRunOnAFullDisk(t *testing.T) {
	k := makeTruth(t)
	disk := smallDisk(t)
	for state, from := range k.bothStates() {
		copyRun(t, from, filepath.Join(disk, state))
	}
	if err := fill(nil, disk); err != nil {
		t.Fatal(err)
	}
	for state := range k.bothStates() {
		dir := filepath.Join(disk, state)
		before := listing(t, dir)
		k.isWhole(t, dir, Read)
		_, err := Open(dir, Write)
		if !errors.As(err, new(*FullError)) || !strings.Contains(err.Error(), "make room, then try again") {
			t.Errorf("%s: %v", state, err)
		}
		if listing(t, dir) != before {
			t.Errorf("%s: the folder has changed", state)
		}
	}
	_, err := CreateRun(filepath.Join(disk, "new"), Run{})
	if !errors.As(err, new(*FullError)) || !strings.HasSuffix(err.Error(), "make room, then try again") {
		t.Errorf("a new run: %v", err)
	}
	if _, err := os.Lstat(filepath.Join(disk, "new")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a new run has left its folder: %v", err)
	}
	if err := os.Remove(filepath.Join(disk, "ballast")); err != nil {
		t.Fatal(err)
	}
	for state := range k.bothStates() {
		k.isWhole(t, filepath.Join(disk, state), Write)
	}
}

// On a disk that is mounted for reading only every run can be read, and is not called damaged when
// it cannot be written.
func TestRunOnAReadOnlyDisk(t *testing.T) {
	k := makeTruth(t)
	disk := smallDisk(t)
	for state, from := range k.bothStates() {
		copyRun(t, from, filepath.Join(disk, state))
	}
	if err := syscall.Mount("", disk, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	for state := range k.bothStates() {
		k.isWhole(t, filepath.Join(disk, state), Read)
		_, err := Open(filepath.Join(disk, state), Write)
		if !errors.Is(err, syscall.EROFS) || !strings.Contains(err.Error(), "mounted for reading only") {
			t.Errorf("%s: %v", state, err)
		}
	}
}

// renamed renames a folder to a name that filepath.Glob would take for a pattern.
func renamed(t *testing.T, dir string) string {
	t.Helper()
	if err := os.Rename(dir, dir+" [x"); err != nil {
		t.Fatal(err)
	}
	return dir + " [x"
}

// Reading a run changes nothing in its folder, also if a process was killed while it wrote its
// tables, and leaves nothing in the temporary folder.
func TestReadingChangesNothing(t *testing.T) {
	k := makeTruth(t)
	k.dir, k.killed = renamed(t, k.dir), renamed(t, k.killed)
	t.Setenv("TMPDIR", renamed(t, t.TempDir()))
	stray := filepath.Join(k.dir, journalDir, "000099.sst") // Badger would delete it
	if err := os.WriteFile(stray, []byte("half"), 0o666); err != nil {
		t.Fatal(err)
	}
	for state, dir := range k.bothStates() {
		before := listing(t, dir)
		k.isWhole(t, dir, Read)
		if listing(t, dir) != before {
			t.Errorf("%s: the folder has changed", state)
		}
	}
	if left, err := os.ReadDir(os.TempDir()); len(left) > 0 || err != nil {
		t.Errorf("left in the temporary folder: %v, %v", left, err)
	}
}

// While a run is read, no process can open it for writing, also if it was killed; other readers can
// read it.
func TestReadersLockOutWriters(t *testing.T) {
	k := makeTruth(t)
	for state, dir := range k.bothStates() {
		a, b := open(t, dir, Read), open(t, dir, Read)
		if _, err := Open(dir, Write); !errors.As(err, new(*HeldError)) {
			t.Errorf("%s: %v", state, err)
		}
		if err := errors.Join(a.Close(), b.Close()); err != nil {
			t.Error(err)
		}
		w := open(t, dir, Write)
		if _, err := Open(dir, Read); !errors.As(err, new(*HeldError)) {
			t.Errorf("%s, read while it is written: %v", state, err)
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	}
}

// A journal that is damaged is set aside under a number that is free, so that none that was set
// aside before is deleted.
func TestSetAsideIsKept(t *testing.T) {
	k := makeTruth(t)
	old := filepath.Join(k.dir, asidePrefix) // as older programs named it
	if err := os.Mkdir(old, 0o777); err != nil {
		t.Fatal(err)
	}
	want := []string{asidePrefix}
	for n := range 3 {
		manifest := filepath.Join(k.dir, journalDir, badger.ManifestFilename)
		damage := fmt.Sprintf("damage %d", n)
		if err := os.WriteFile(manifest, []byte(damage), 0o666); err != nil {
			t.Fatal(err)
		}
		s := open(t, k.dir, Write)
		if repairs := s.Repairs(); len(repairs) == 0 || !strings.Contains(repairs[0], fmt.Sprintf("%s.%d", asidePrefix, n+1)) {
			t.Errorf("repairs %q", repairs)
		}
		s.Close()
		want = append(want, fmt.Sprintf("%s.%d", asidePrefix, n+1))
		if b, err := os.ReadFile(filepath.Join(k.dir, want[n+1], badger.ManifestFilename)); err != nil || string(b) != damage {
			t.Errorf("%s has %q, %v", want[n+1], b, err)
		}
	}
	var got []string
	for _, name := range namesIn(t, k.dir) {
		if strings.HasPrefix(name, asidePrefix) {
			got = append(got, name)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("set aside: %q, wanted %q", got, want)
	}
}

// A journal whose manifest is gone is damaged: Badger would take it for a new one and delete its
// tables.
func TestManifestGone(t *testing.T) {
	k := makeTruth(t)
	if err := os.Remove(filepath.Join(k.dir, journalDir, badger.ManifestFilename)); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(k.dir, Read); !errors.As(err, new(*DamageError)) {
		t.Errorf("for reading: %v", err)
	}
	tables, _ := filepath.Glob(filepath.Join(k.dir, journalDir, "*"+tableExt))
	s := open(t, k.dir, Write)
	s.Close()
	aside, _ := filepath.Glob(filepath.Join(k.dir, asidePrefix+".1", "*"+tableExt))
	if len(aside) != len(tables) || len(tables) == 0 {
		t.Errorf("of the tables %q there are %q", tables, aside)
	}
}

// A pipe in the place of any file of a run, or of a backup, is an error or is repaired; nothing waits for
// a writer.
func TestPipesAreNotRead(t *testing.T) {
	w := build(t, "hamlet", scenario.Options{})
	dir := filepath.Join(t.TempDir(), "run")
	r, err := CreateRun(dir, Run{Scenario: w.Scenario.Name})
	if err != nil {
		t.Fatal(err)
	}
	csv, err := r.CSV()
	if err != nil {
		t.Fatal(err)
	}
	chain := w.NewChain()
	j, err := r.Keep(w, chain, Durability{})
	if err != nil {
		t.Fatal(err)
	}
	carryOn(t, r, j, w, chain, 0, -1, csv)
	whole := readFolder(t, dir)
	for _, name := range append(slices.Sorted(maps.Keys(whole.files)), journalDir, addressFile, runFile+tempSuffix, scenarioFile+tempSuffix, journalDir+"/00001.mem") {
		whole.write(t, dir)
		pipe := filepath.Join(dir, name)
		if err := errors.Join(os.RemoveAll(pipe), syscall.Mkfifo(pipe, 0o666)); err != nil {
			t.Fatal(err)
		}
		if found, err := List(dir); err != nil || len(found) != 1 && name != runFile {
			t.Errorf("%s: listed %v, %v", name, found, err)
		}
		s, err := Open(dir, Read)
		if err == nil {
			err = errors.Join(s.Replay(0, s.Steps(), &sim.Memory{}), s.Close())
		}
		if err != nil && !errors.As(err, new(*DamageError)) && !errors.As(err, new(*StoreError)) {
			t.Errorf("%s, for reading: %v", name, err)
		}
		if _, err := Backup(dir, filepath.Join(t.TempDir(), "run.tar.gz")); err != nil && !errors.As(err, new(*DamageError)) && !errors.As(err, new(*StoreError)) {
			t.Errorf("%s, backup: %v", name, err)
		}
		if s, err = Open(dir, Write); err != nil {
			continue
		}
		if _, err = s.Run().CSV(); err == nil {
			_, _, err = s.Resume(Durability{})
		}
		inTheWay := name == scenarioFile || name == readingsFile || name == gridFile || strings.HasSuffix(name, tempSuffix)
		if err != nil && !inTheWay {
			t.Errorf("%s, for writing: %v", name, err)
		}
		if s.run.journal != nil {
			drop(s.run.journal)
		} else {
			s.Close()
		}
	}
	pipe := filepath.Join(t.TempDir(), "run.tar.gz")
	if err := syscall.Mkfifo(pipe, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := RestoreBackup(pipe, filepath.Join(t.TempDir(), "again")); !errors.Is(err, problem.ErrUsage) {
		t.Errorf("restored from a pipe: %v", err)
	}
}
