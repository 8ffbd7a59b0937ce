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

// A profile that cannot be written to its end is an error that names its file, and the run is made.
func TestProfilesThatCannotBeWritten(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("no device that is full")
	}
	const run, bench = "run hamlet --steps 2 --quiet ", "bench --steps 0 " // refused, with its profile
	for _, args := range []string{run + "--cpuprofile", run + "--memprofile", run + "--trace", bench + "--cpuprofile"} {
		c := exec.Command(chatty, append(strings.Fields(args), "/dev/full")...)
		output, err := c.CombinedOutput()
		if code := c.ProcessState.ExitCode(); code != exitFailed && args[:3] == "run" || code == exitDone || strings.Count(string(output), "smatrix: write /dev/full: ") != 1 {
			t.Errorf("%s: %v: %s", args, err, output)
		}
	}
}

// A pipe whose reader goes away is an error, too.
func TestProfileIntoAPipe(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("an open file cannot be opened again by a name")
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	defer w.Close()
	for _, flag := range []string{"--cpuprofile", "--trace"} {
		c := exec.Command(chatty, "run", "hamlet", "--steps", "2", "--quiet", flag, "/dev/fd/3")
		c.ExtraFiles = []*os.File{w}
		stderr, err := c.CombinedOutput()
		if c.ProcessState.ExitCode() == exitDone || !strings.Contains(string(stderr), "/dev/fd/3") {
			t.Errorf("%s: %v: %s", flag, err, stderr)
		}
	}
}
