package persistence

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/smatrix-grid/smatrix/sim/problem"
)

var meta = Run{Scenario: "hamlet", Seed: 1<<64 - 1, Created: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Smatrix: "v1"}

// readRun reads run.json, which must exist and be whole.
func readRun(t *testing.T, dir string) (r Run) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, runFile))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &r); err != nil {
		t.Fatalf("%v in %s", err, b)
	}
	return r
}

// listing is everything below dir with its content, to see whether it was touched.
func listing(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		all.WriteString(strings.TrimPrefix(path, dir) + "\n")
		if !e.IsDir() {
			b, err := os.ReadFile(path)
			all.Write(b)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

func TestRunDir(t *testing.T) {
	for _, state := range []State{Done, Interrupted, Failed} {
		t.Run(string(state), func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "a", "b")
			r, err := CreateRun(dir, meta)
			if err != nil {
				t.Fatal(err)
			}
			want := meta
			want.Format, want.State, want.ID = runFormat, Running, readRun(t, dir).ID
			want.Sum = want.sum()
			if len(want.ID) != 32 {
				t.Errorf("identity %q, wanted 32 digits", want.ID)
			}
			if got := readRun(t, dir); got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
			if err := r.Finish(state, map[string]string{"digest": "<1>"}); err != nil {
				t.Fatal(err)
			}
			want.State = state
			want.Sum = want.sum()
			if got := readRun(t, dir); got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
			report, err := os.ReadFile(filepath.Join(dir, reportFile))
			if want := "{\n  \"digest\": \"<1>\"\n}\n"; string(report) != want || err != nil {
				t.Errorf("got %s, %v, want %s", report, err, want)
			}
			if entries, _ := os.ReadDir(dir); len(entries) != 2 {
				t.Errorf("%d files, want run.json and report.json: %v", len(entries), entries)
			}
		})
	}
}

func TestCreateRunTakes(t *testing.T) {
	empty := t.TempDir()
	for name, dir := range map[string]string{
		"an empty folder": empty,
		"a new one":       filepath.Join(t.TempDir(), "new"),
		"with a slash":    filepath.Join(t.TempDir(), "new") + string(filepath.Separator),
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := CreateRun(dir, meta); err != nil {
				t.Error(err)
			}
		})
	}
}

// begun begins a run, whose folder is locked until the end of the test.
func begun(t *testing.T, dir string) *RunDir {
	t.Helper()
	r, err := CreateRun(dir, meta)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.unlockBegun)
	return r
}

// The folder of a run whose process ended before it had a journal is taken, with all that it had made.
func TestCreateRunTakesWhatIsBegun(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	begun(t, dir).unlockBegun()
	write(t, dir, scenarioFile)
	write(t, dir, ledgerFile)
	write(t, dir, readingsFile+tempSuffix)
	if err := os.Mkdir(filepath.Join(dir, journalDir), 0o777); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, journalDir), "MANIFEST")
	if journal, err := lockFolder(filepath.Join(dir, journalDir)); err != nil {
		t.Fatal(err)
	} else { // a process of another version of the program, which does not lock the folder
		if _, err := CreateRun(dir, meta); !errors.Is(err, problem.ErrUsage) {
			t.Errorf("its journal is held: %v", err)
		}
		journal.Close()
	}
	begun(t, dir)
	if entries, err := os.ReadDir(dir); len(entries) != 1 || err != nil {
		t.Errorf("left: %v, %v", entries, err)
	}
}

func TestCreateRunRefuses(t *testing.T) {
	tests := []struct {
		name string
		make func(t *testing.T, root string) // makes what exists before
		dir  string                          // below root
		want string
	}{
		{"a run", func(t *testing.T, root string) {
			begun(t, filepath.Join(root, "run")) // and its process lives
		}, "run", "holds a run already; choose one that is new or empty"},
		{"a run that was killed while it began, and a file", func(t *testing.T, root string) {
			begun(t, filepath.Join(root, "run")).unlockBegun()
			write(t, filepath.Join(root, "run"), "notes.txt")
		}, "run", "holds a run already; choose one that is new or empty"},
		{"a run with its end", func(t *testing.T, root string) {
			if err := begun(t, filepath.Join(root, "run")).Finish(Interrupted, nil); err != nil {
				t.Fatal(err)
			}
		}, "run", "holds a run already; choose one that is new or empty"},
		{"something else", func(t *testing.T, root string) { write(t, root, "notes.txt") }, ".", "is not empty: it has notes.txt; choose"},
		{"a hidden file", func(t *testing.T, root string) { write(t, root, ".hidden") }, ".", "is not empty: it has .hidden; choose"},
		{"a run that was killed while it began", func(t *testing.T, root string) { write(t, root, "run.json.tmp") }, ".", "is not empty: it has run.json.tmp; choose"},
		{"a file", func(t *testing.T, root string) { write(t, root, "file") }, "file", "is a file; choose"},
		{"below a file", func(t *testing.T, root string) { write(t, root, "file") }, "file/run", "cannot be"},
		{"a long name in a new folder", func(*testing.T, string) {}, "new/" + strings.Repeat("x", 300), "cannot be"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			root := t.TempDir()
			tt.make(t, root)
			before := listing(t, root)
			_, err := CreateRun(filepath.Join(root, tt.dir), meta)
			if !errors.Is(err, problem.ErrUsage) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want a usage error with %q", err, tt.want)
			}
			if after := listing(t, root); after != before {
				t.Errorf("was %s\nis %s", before, after)
			}
		})
	}
	if _, err := CreateRun("", meta); !errors.Is(err, problem.ErrUsage) {
		t.Errorf("no name: got %v, want a usage error", err)
	}
}

func write(t *testing.T, dir, name string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte("mine"), 0o666); err != nil {
		t.Fatal(err)
	}
}

func TestCreateRunWithoutPermission(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	if os.WriteFile(filepath.Join(dir, "probe"), nil, 0o666) == nil {
		t.Skip("this user may write everywhere")
	}
	for _, d := range []string{dir, filepath.Join(dir, "new")} {
		if _, err := CreateRun(d, meta); !errors.Is(err, problem.ErrUsage) {
			t.Errorf("%s: got %v, want a usage error", d, err)
		}
	}
}

// Of many runs that claim one folder at the same time one succeeds, and the others get a
// usage error.
func TestCreateRunAtTheSameTime(t *testing.T) {
	for range 50 {
		dir := filepath.Join(t.TempDir(), "run")
		errs := make([]error, 8)
		var all sync.WaitGroup
		for i := range errs {
			all.Go(func() { _, errs[i] = CreateRun(dir, meta) })
		}
		all.Wait()
		got := 0
		for _, err := range errs {
			if err == nil {
				got++
			} else if !errors.Is(err, problem.ErrUsage) {
				t.Error(err)
			}
		}
		if got != 1 {
			t.Fatalf("%d runs in one folder: %v", got, errs)
		}
		readRun(t, dir)
	}
}

// If the report cannot be written, run.json is the old or the new one, never a part of one.
func TestFinishWhereTheFolderIsGone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	r, err := CreateRun(dir, meta)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := r.Finish(Done, 1); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want that there is no such folder", err)
	}
}

func TestCSV(t *testing.T) {
	dir := t.TempDir()
	r, err := CreateRun(dir, meta)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.CSV(); err != nil {
		t.Fatal(err)
	}
	if err := r.Finish(Done, 1); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		readingsFile: "step,time,member,kind,community,power_w,soc",
		gridFile:     "step,time,consumed_w,produced_w,imported_w,exported_w",
	} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if !strings.HasPrefix(string(b), want) || err != nil {
			t.Errorf("%s: got %s, %v, want %s…", name, b, err, want)
		}
	}
}

// Rows that were set aside stay when the run is resumed from the same step again.
func TestSetCSVAsideTwice(t *testing.T) {
	dir := t.TempDir()
	r := &RunDir{dir: dir}
	for i, want := range [][]string{{"readings-before-step-72.csv", "grid-before-step-72.csv"}, nil} {
		for _, name := range []string{readingsFile, gridFile} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte{byte('0' + i)}, 0o666); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := r.SetCSVAside(72); err != nil || !slices.Equal(got, want) {
			t.Errorf("set aside %q, %v, wanted %q", got, err, want)
		}
	}
	if b, err := os.ReadFile(filepath.Join(dir, "grid-before-step-72.csv")); string(b) != "0" {
		t.Errorf("the rows set aside are %q, %v", b, err)
	}
}
