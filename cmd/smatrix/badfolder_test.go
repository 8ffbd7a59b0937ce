package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/smatrix-grid/smatrix/persistence"
)

// treeHash returns a hash of everything below a folder: names, sizes and content; of Badger's
// logs, which are mostly zeros, only the beginning.
func treeHash(t *testing.T, root string) string {
	t.Helper()
	h := sha256.New()
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		h.Write([]byte(rel + "\x00" + e.Type().String() + "\x00"))
		if !e.Type().IsRegular() {
			return nil
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			return err
		}
		fmt.Fprintln(h, info.Size())
		_, err = io.CopyN(h, f, min(info.Size(), 1<<20))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// readers are all commands that read a run, those that resume it first.
func readers(dir string) [][]string {
	return [][]string{
		{"run", "--resume", dir}, {"serve", "--resume", dir, "--addr", "127.0.0.1:0"}, {"rebuild", dir},
		{"replay", dir}, {"replay", dir, "--verify"}, {"replay", dir, "--serve", "--addr", "127.0.0.1:0"}, {"fork", dir, "--at", "3", "--out", "new"},
		{"export", dir, "--format", "csv", "--out", "new"}, {"backup", dir, "new.tar.gz"}, {"report", dir, "--out", "new.html"}, {"usage", dir},
		{"compare", dir, "whole"}, {"compare", "whole", dir}, {"residuals", dir, "--recording", "notes", "--column", "a=b"},
	}
}

// makers are all commands that make a folder.
func makers(out string) [][]string {
	return [][]string{
		{"run", "hamlet", "--out", out}, {"run", "hamlet", "--out", out, "--csv"}, {"serve", "hamlet", "--addr", "127.0.0.1:0", "--out", out},
		{"fork", "whole", "--at", "3", "--out", out}, {"export", "whole", "--format", "csv", "--out", out},
		{"export", "whole", "--format", "parquet", "--out", out}, {"restore", "whole.tar.gz", out},
	}
}

// For each folder that a command cannot use, the error and the exit code are right, and nothing
// is changed.
func TestFoldersThatCannotBeUsed(t *testing.T) {
	root := t.TempDir()
	t.Chdir(root)
	wants(t, "run", "hamlet", "--out", "whole", "--quiet")
	wants(t, "backup", "whole", "whole.tar.gz")
	wants(t, "run", "hamlet", "--out", "parents/moved", "--quiet")
	wants(t, "fork", "parents/moved", "--at", "14:00", "--out", "orphan", "--quiet")
	wants(t, "run", "hamlet", "--out", "parents/swapped", "--quiet")
	wants(t, "fork", "parents/swapped", "--at", "14:00", "--out", "stepchild", "--quiet")
	wants(t, "run", "hamlet", "--out", "parents/other", "--seed", "5", "--quiet")
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(os.Rename("parents/moved", "parents/elsewhere"))
	check(os.Rename("parents/swapped", "parents/gone"))
	check(os.Rename("parents/other", "parents/swapped"))
	check(os.WriteFile("notes", []byte("mine"), 0o666))
	check(os.Mkdir("folder", 0o777))
	check(os.WriteFile("folder/notes", []byte("mine"), 0o666))
	change := func(dir, file string, with func([]byte) []byte) {
		t.Helper()
		check(os.CopyFS(dir, os.DirFS("whole")))
		b, err := os.ReadFile(filepath.Join(dir, file))
		check(err)
		check(os.WriteFile(filepath.Join(dir, file), with(b), 0o666))
	}
	change("newer", "run.json", func(b []byte) []byte { return []byte(strings.Replace(string(b), `"format": 3`, `"format": 4`, 1)) })
	change("newer-ledger", "ledger", func(b []byte) []byte { b[len("smatrix ledger\n")]++; return b })
	change("cut", "run.json", func(b []byte) []byte { return b[:len(b)/2] })
	change("begun", "run.json", func([]byte) []byte { return begunRun(t) })
	check(os.CopyFS("held", os.DirFS("whole")))
	held, err := persistence.Open("held", persistence.Write)
	check(err)
	check(os.WriteFile("held/address", []byte("http://127.0.0.1:7070/\n"), 0o666))
	defer func() { check(held.Close()) }()

	before := treeHash(t, root)
	wanted := func(code int, message string, commands [][]string) {
		t.Helper()
		for _, args := range commands {
			got, stdout, stderr := smatrix(t, args...)
			if want := code; got != want && !(args[len(args)-1] == "--verify" && code == exitInvalid && got == exitDiffers) {
				t.Errorf("smatrix %s: exit code %d, wanted %d: %s", strings.Join(args, " "), got, want, stderr)
			}
			if !regexp.MustCompile(message).MatchString(stderr) || stdout != "" || strings.Contains(stderr, "goroutine ") {
				t.Errorf("smatrix %s: %q, wanted %s", strings.Join(args, " "), stderr, message)
			}
			if treeHash(t, root) != before {
				t.Fatalf("smatrix %s has changed something", strings.Join(args, " "))
			}
		}
	}
	for _, tt := range []struct {
		dir     string
		code    int
		message string
	}{
		{"folder", exitUsage, `run "folder" is no run: it has no run.json\n$`},
		{"nowhere", exitUsage, `run "nowhere" is not there, wanted the folder of a run\n$`},
		{"notes", exitUsage, `run "notes" is a file, wanted the folder of a run\n$`},
		{"begun", exitUsage, `run "begun" has no journal yet: .* it can be removed\n$`},
		{"newer", exitInvalid, `run "newer" is of format 4; this program knows formats up to 3, wanted a newer program\n$`},
		{"newer-ledger", exitInvalid, `run "newer-ledger" has a ledger of version 3; this program knows versions up to 2, wanted a newer program\n$`},
		{"cut", exitInvalid, `run "cut" is damaged from step 0 on: its run.json is not what was written; restore a backup\n$`},
		{"held", exitFailed, `run "held" is held by another process, which shows it at http://127.0.0.1:7070/; ask there, or end that one first\n$`},
		{"orphan", exitInvalid, `run "orphan" is a fork of run ".*moved", which is not there any more; move it back there, or restore a backup`},
		{"stepchild", exitInvalid, `run "stepchild" is a fork of run [0-9a-f]{8}…, and in ".*swapped" is another one; move that one back\n$`},
	} {
		t.Run(tt.dir, func(*testing.T) { wanted(tt.code, tt.message, readers(tt.dir)) })
	}
	t.Run("a step that was not reached", func(*testing.T) {
		wanted(exitUsage, `--at 99 is step 99, which run "whole" has not reached: it got to step 24 of 24; wanted one up to there\n$`,
			[][]string{{"fork", "whole", "--at", "99", "--out", "new"}})
		wanted(exitUsage, `wanted (some of|one within) the run: 24 steps, from .*`, [][]string{{"replay", "whole", "--from", "24"}, {"replay", "whole", "--to", "25", "--verify"}})
	})
	for out, message := range map[string]string{
		"whole": `output folder "whole" holds a run already; choose one that is new or empty\n$`, "held": `output folder "held" holds a run already`,
		"folder": `output folder "folder" is not empty: it has notes; choose one that is new or empty\n$`, "notes": `output folder "notes" is a file; choose`,
		"notes/below": `output folder "notes/below" cannot be`, "": `output folder "" has no name; choose`,
	} {
		t.Run("out "+out, func(*testing.T) { wanted(exitUsage, message, makers(out)) })
	}
}

// begunRun is the run.json of a run without a journal yet.
func begunRun(t *testing.T) []byte {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "begun")
	if _, err := persistence.CreateRun(dir, persistence.Run{Scenario: "hamlet"}); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, "run.json"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// roadOfDays has a snapshot after each 96 steps.
const roadOfDays = `
start: 2018-09-01
step_s: 900
days: 3
communities: [{id: road}]
water_pumps: [{id: pump, community: road, rated_w: 1000, daily_wh: 3000, from: "06:00", until: "20:00"}]
ties: [{id: tie, community: road, import_w: 100000, export_w: 0}]
`

// A missing or damaged snapshot is no reason to refuse: the one before it is used, the result is
// the same, damage is reported, and commands that only read change nothing.
func TestMissingSnapshot(t *testing.T) {
	root := t.TempDir()
	whole := filepath.Join(root, "whole")
	road := filepath.Join(root, "road.yaml")
	if err := os.WriteFile(road, []byte(roadOfDays), 0o666); err != nil {
		t.Fatal(err)
	}
	wants(t, "run", road, "--out", whole, "--quiet")
	forked := reportOf(t, wants(t, "fork", whole, "--at", "150", "--set", "water_pumps.pump.rated_w=2000", "--out", filepath.Join(root, "fork"), "--json"))
	for _, tt := range []struct {
		name, prefix string // of the deleted keys, as persistence draws them
		told         bool
	}{
		{"marks", "n\x00\x00\x00\x00\x00\x00\x00\x60", false},
		{"states", "z\x00\x00\x00\x00\x00\x00\x00\x60", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := filepath.Join(root, tt.name)
			if err := os.CopyFS(dir, os.DirFS(whole)); err != nil {
				t.Fatal(err)
			}
			takeOut(t, filepath.Join(dir, "journal"), tt.prefix)
			before := treeHash(t, dir)
			for _, args := range [][]string{{"replay", dir, "--from", "120", "--to", "130", "--verify"}, {"fork", dir, "--at", "150", "--set", "water_pumps.pump.rated_w=2000", "--out", dir + "-fork", "--json"}} {
				code, stdout, stderr := smatrix(t, args...)
				wantCode := exitDone
				if tt.told && args[0] == "replay" {
					wantCode = exitDiffers
				}
				if code != wantCode || tt.told != strings.Contains(stderr, "smatrix: repaired: journal: snapshot after step 96: ") {
					t.Errorf("%v: exit code %d, %s", args, code, stderr)
				}
				if args[0] == "fork" && reportOf(t, stdout)["digest"] != forked["digest"] {
					t.Errorf("the fork has digest %v, wanted %v", reportOf(t, stdout)["digest"], forked["digest"])
				}
				if treeHash(t, dir) != before {
					t.Fatalf("%v has changed something", args)
				}
			}
		})
	}
}

// takeOut deletes keys from a journal.
func takeOut(t *testing.T, journal, prefix string) {
	t.Helper()
	table, err := persistence.Badger(journal, persistence.Write, false)
	if err != nil {
		t.Fatal(err)
	}
	var entries []persistence.Entry
	err = table.Scan([]byte(prefix), nil, func(k, _ []byte) error {
		entries = append(entries, persistence.Entry{Key: append([]byte(nil), k...)})
		return nil
	})
	if err == nil {
		err = table.Put(entries)
	}
	if err != nil || len(entries) == 0 {
		t.Fatalf("%d keys, %v", len(entries), err)
	}
	if err := table.Close(); err != nil {
		t.Fatal(err)
	}
}
