package main

import (
	"bytes"
	"context"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

func TestArguments(t *testing.T) {
	for _, c := range []struct{ name, args, want string }{
		{"no commits", "", `got 0 commits [], wanted two: OLD and NEW`},
		{"one commit", "main -pairs 3", `got 1 commits ["main"], wanted two`},
		{"three commits", "a b c", `got 3 commits ["a" "b" "c"], wanted two`},
		{"no pair", "a -pairs 0 b", `-pairs: 0, wanted at least 1`},
		{"half a pair", "a b -pairs 1.5", `invalid value "1.5" for flag -pairs`},
		{"no processor", "a b -procs 0", `-procs: 0, wanted at least 1`},
		{"no time", "a b -benchtime 0s", `-benchtime: "0s", wanted a duration such as 1s or iterations such as 100x`},
		{"no iterations", "a b -benchtime 0x", `-benchtime: "0x", wanted`},
		{"no unit", "a b -benchtime 5", `-benchtime: "5", wanted`},
		{"an open bracket", "a b -bench Step/(x", `-bench: "Step/(x" is no regular expression`},
		{"a package by its import path", "a b -package example.org/x", `-package: "example.org/x", wanted a folder`},
		{"an unknown flag", "a b -fast", `flag provided but not defined: -fast`},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out, stderr bytes.Buffer
			if code := run(t.Context(), strings.Fields(c.args), &out, &stderr); code != 2 {
				t.Errorf("exit code %d, wanted 2", code)
			}
			if !strings.Contains(stderr.String(), c.want) {
				t.Errorf("printed %q, wanted %q", stderr.String(), c.want)
			}
		})
	}
}

func TestFlagsAnywhere(t *testing.T) {
	for _, args := range []string{"-pairs 3 a b -procs 1", "a -pairs 3 b -procs 1", "a b -pairs 3 -procs 1"} {
		o, err := parse(strings.Fields(args), nil)
		if err != nil || o.commits != [2]string{"a", "b"} || o.pairs != 3 || o.procs != 1 {
			t.Errorf("%s: %+v, %v", args, o, err)
		}
	}
}

// repository makes a git repository of two commits, tagged old and new, whose
// benchmarks log each of their runs in a file. It becomes the working directory.
func repository(t *testing.T) (log string) {
	t.Helper()
	dir := t.TempDir()
	log = filepath.Join(dir, "log")
	t.Setenv("COMPARE_LOG", log)
	t.Setenv("TMPDIR", t.TempDir())
	t.Setenv("GOWORK", "off")
	for _, kv := range []string{"GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"} {
		t.Setenv(kv, "test")
	}
	t.Chdir(dir)
	write(t, "go.mod", "module example.org/measured\n\ngo 1.26\n")
	write(t, ".gitignore", "log\n")
	write(t, "untested/untested.go", "package untested\n")
	write(t, "steps/steps.txt", "old")
	write(t, "steps/steps_test.go", strings.NewReplacer("METRIC", "100", "OTHER", "Gone").Replace(measured))
	git(t, "init", "--quiet")
	commit(t, "old")
	write(t, "steps/steps.txt", "new")
	write(t, "steps/steps_test.go", strings.NewReplacer("METRIC", "150", "OTHER", "Added").Replace(measured))
	commit(t, "new")
	write(t, "steps/steps_test.go", "package steps\n\nbroken\n")
	commit(t, "broken")
	return log
}

// measured has the benchmarks of the repository. Each run logs its commit, which it
// reads from a file beside it, its iterations and GOMAXPROCS.
const measured = `package steps

import (
	"fmt"
	"os"
	"runtime"
	"testing"
)

func BenchmarkStep(b *testing.B) {
	for _, size := range []int{1, 1000} {
		b.Run(fmt.Sprintf("size=%d", size), func(b *testing.B) { step(b, size) })
	}
}

func BenchmarkOTHER(b *testing.B) {
	for b.Loop() {
	}
}

func step(b *testing.B, size int) {
	commit, err := os.ReadFile("steps.txt")
	if err != nil {
		b.Fatal(err)
	}
	log, err := os.OpenFile(os.Getenv("COMPARE_LOG"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		b.Fatal(err)
	}
	defer log.Close()
	for b.Loop() {
		sum := 0
		for i := range 1_000_000 + 100_000*size {
			sum += i * i
		}
		if sum == 1 {
			b.Fatal(sum)
		}
	}
	b.ReportMetric(METRIC, "B/household")
	fmt.Fprintln(log, string(commit), "size", size, "iterations", b.N, "procs", runtime.GOMAXPROCS(0))
}
`

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func commit(t *testing.T, tag string) {
	t.Helper()
	git(t, "add", ".")
	git(t, "commit", "--quiet", "--message", "commit "+tag)
	git(t, "tag", tag)
}

func git(t *testing.T, args ...string) string {
	t.Helper()
	out, err := output(exec.Command("git", args...))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Two commits are built and measured in turns, each run in a process of its own. No
// worktree or file remains.
func TestCompare(t *testing.T) {
	log := repository(t)
	var out, stderr bytes.Buffer
	args := strings.Fields("old new -package ./steps -bench .*/size=1$ -pairs 2 -benchtime 200x -procs 3")
	if code := run(t.Context(), args, &out, &stderr); code != 0 {
		t.Fatalf("exit code %d\n%s", code, stderr.String())
	}
	ran, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	for _, run := range strings.Fields("old/1 new/1 old/200 old/2 old/200 old/2 old/200 old/2 old/200 old/2 old/200 old/2 new/200 new/2 new/200 new/2 old/200 old/2") {
		commit, n, _ := strings.Cut(run, "/")
		want.WriteString(commit + " size 1 iterations " + n + " procs 3\n")
	}
	if string(ran) != want.String() {
		t.Errorf("ran\n%swanted\n%s", ran, want.String())
	}
	rows := strings.Fields(out.String())
	if got := strings.Join(rows, " "); !strings.Contains(got, "B/household 100 150 1.500 1.500 to 1.500 1.000 1.000 to 1.000") ||
		!strings.Contains(got, "BenchmarkStep/size=1, 200 iterations") || !strings.Contains(got, "cpu-ns/op") {
		t.Errorf("printed\n%s", out.String())
	}
	checkCleanedUp(t)
}

// A benchtime that is a duration is converted to a number of iterations once, the same
// for all runs of both commits. The number is high enough that the set-up can be
// subtracted.
func TestIterations(t *testing.T) {
	log := repository(t)
	for _, c := range []struct {
		name, args string
		least      int
		most       int
	}{
		{"many short ones", "-bench Step/size=1$ -benchtime 200ms", fewest + 1, math.MaxInt},
		{"the fewest of long ones", "-bench Step/size=1000$ -benchtime 1us", fewest, fewest},
	} {
		t.Run(c.name, func(t *testing.T) {
			write(t, log, "")
			var out, stderr bytes.Buffer
			if code := run(t.Context(), strings.Fields("old new -package ./steps -pairs 1 "+c.args), &out, &stderr); code != 0 {
				t.Fatalf("exit code %d\n%s", code, stderr.String())
			}
			_, head, _ := strings.Cut(out.String(), ", GOMAXPROCS")
			_, head, _ = strings.Cut(head, "\nBenchmarkStep/size=")
			_, head, _ = strings.Cut(head, ", ")
			head, _, _ = strings.Cut(head, " iterations\n")
			if n, err := strconv.Atoi(head); err != nil || n < c.least || n > c.most {
				t.Errorf("%q iterations, wanted %d to %d, printed\n%s", head, c.least, c.most, out.String())
			}
			if strings.Contains(out.String(), cpuWithSetUp) {
				t.Errorf("the set-up is not subtracted, printed\n%s", out.String())
			}
			ran, err := os.ReadFile(log)
			if err != nil {
				t.Fatal(err)
			}
			var last []string // runs of the pairs, each followed by its run of the set-up
			for line := range strings.Lines(string(ran)) {
				f := strings.Fields(line)
				last = append(last, f[0]+"/"+f[4])
			}
			last = last[max(0, len(last)-8):]
			if want := strings.ReplaceAll("old/N old/2 old/N old/2 old/N old/2 new/N new/2", "N", head); strings.Join(last, " ") != want {
				t.Errorf("ran %q, wanted %q", last, want)
			}
		})
	}
}

// checkCleanedUp reports worktrees and temporary folders that still exist.
func checkCleanedUp(t *testing.T) {
	t.Helper()
	if got := git(t, "worktree", "list", "--porcelain"); strings.Count(got, "worktree ") != 1 {
		t.Errorf("worktrees remain:\n%s", got)
	}
	if left, err := filepath.Glob(filepath.Join(os.Getenv("TMPDIR"), "compare-*")); err != nil || len(left) > 0 {
		t.Errorf("files remain: %q, %v", left, err)
	}
}

// interrupter cancels a context when a text that contains text is written.
type interrupter struct {
	bytes.Buffer
	text   string
	cancel context.CancelFunc
}

func (i *interrupter) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte(i.text)) {
		i.cancel()
	}
	return i.Buffer.Write(p)
}

func TestInterrupt(t *testing.T) {
	repository(t)
	for _, text := range []string{"building ./steps of old", "building ./steps of new", "OLD and OLD: pair 1", "OLD and NEW: pair 1"} {
		t.Run(text, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			stderr := interrupter{text: text, cancel: cancel}
			var out bytes.Buffer
			args := strings.Fields("old new -package ./steps -bench Step/size=1$ -pairs 1 -benchtime 2x")
			if code := run(ctx, args, &out, &stderr); code != 1 || out.Len() > 0 || !strings.HasSuffix(stderr.String(), "compare: interrupted\n") {
				t.Errorf("exit code %d, stdout %q, stderr %q, wanted 1, nothing, interrupted", code, out.String(), stderr.String())
			}
			checkCleanedUp(t)
		})
	}
}

func TestCompareRefuses(t *testing.T) {
	repository(t)
	for _, c := range []struct{ name, args, want string }{
		{"an unknown commit", "old newer -package ./steps", `"newer" is no commit of this repository`},
		{"a commit that looks like a flag", "-package ./steps -- --all new", `"--all" is no commit of this repository`},
		{"a commit that does not build", "old broken -package ./steps", "steps_test.go:3:1: expected declaration, found broken"},
		{"a package that is not there", "old new -package ./gone", "gone: directory not found"},
		{"a package without tests", "old new -package ./untested", "package ./untested has no tests"},
		{"no benchmark", "old new -package ./steps -bench Nothing", `-bench: "Nothing" names no benchmark that both commits have`},
		{"no benchmark that both commits have", "old new -package ./steps -bench Gone|Added", "not compared, only in NEW: BenchmarkAdded"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out, stderr bytes.Buffer
			if code := run(t.Context(), strings.Fields(c.args), &out, &stderr); code != 1 {
				t.Errorf("exit code %d, wanted 1", code)
			}
			if !strings.Contains(stderr.String(), c.want) {
				t.Errorf("printed\n%s\nwanted %q", stderr.String(), c.want)
			}
			checkCleanedUp(t)
		})
	}
}
