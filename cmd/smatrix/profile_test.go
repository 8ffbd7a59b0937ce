package main

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// profile FILE… checks that each file is a profile, which is gzipped and not empty.
func profile(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: profile FILE...")
	}
	for _, name := range args {
		n, err := unzipped([]byte(ts.ReadFile(name)))
		ts.Check(err)
		if n == 0 {
			ts.Fatalf("%s is empty", name)
		}
	}
}

// unzipped returns the number of bytes in a gzipped file.
func unzipped(b []byte) (int64, error) {
	r, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return 0, err
	}
	return io.Copy(io.Discard, r)
}

// After an interrupt the profiles are whole, and bench prints the rows that were done.
func TestProfilesAfterAnInterrupt(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("processes cannot be sent an interrupt")
	}
	for name, command := range map[string]struct{ args, want string }{
		"run":   {"run endless.yaml", "smatrix: interrupted after step "},
		"bench": {"bench --households 200 --json", "smatrix: interrupted after row 0 of 2\n"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "endless.yaml"), []byte(endless), 0o666); err != nil {
				t.Fatal(err)
			}
			args := append(strings.Fields(command.args), "--cpuprofile", "cpu.out", "--memprofile", "mem.out", "--trace", "trace.out")
			c := exec.Command(chatty, args...)
			c.Dir = dir
			stdout, stderr := interrupted(t, c, os.Interrupt)
			if c.ProcessState.ExitCode() != exitInterrupted || !strings.Contains(stderr, command.want) {
				t.Errorf("exit code %d, stderr ends with\n%s", c.ProcessState.ExitCode(), stderr)
			}
			if name == "bench" && strings.TrimSpace(stdout) != "[]" {
				t.Errorf("got %s", stdout)
			}
			for _, file := range []string{"cpu.out", "mem.out"} {
				b, err := os.ReadFile(filepath.Join(dir, file))
				if err != nil {
					t.Fatal(err)
				}
				if n, err := unzipped(b); n == 0 || err != nil {
					t.Errorf("%s has %d bytes, %v", file, n, err)
				}
			}
			if b, err := os.ReadFile(filepath.Join(dir, "trace.out")); err != nil || !bytes.HasPrefix(b, []byte("go 1.")) {
				t.Errorf("trace.out begins with %.20q, %v", b, err)
			}
		})
	}
}
