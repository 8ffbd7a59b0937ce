package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/smatrix-grid/smatrix/persistence"
	"github.com/smatrix-grid/smatrix/ui"
)

// The fault matrix: each fault of a disk, of descriptors or of the process meets each command, by the
// real program. What a client was told before or during it (steps, commands with their keys,
// acknowledged alerts) is there afterwards, or the run is refused with a reason; nothing is lost in
// silence. No command ends with a trace, and each has an exit code that fits. In the short form each fault meets
// each command at one place, drawn by both.
func TestFaultMatrix(t *testing.T) {
	if _, err := exec.LookPath("strace"); err != nil {
		t.Skip("strace is not there: it injects the faults")
	}
	m := newMatrix(t)
	for _, f := range m.faults() {
		for _, c := range m.commands() {
			if f.spoils != nil && c.makes { // there are no files yet
				continue
			}
			t.Run(f.name+"/"+c.name, func(t *testing.T) { m.try(t, f, c) })
		}
	}
}

// matrix holds the runs that the commands work on.
type matrix struct {
	dir    string // has killed, a run as a kill leaves it, and whole.tar.gz
	digest string // of the run when it has been resumed to its end
	told   told
}

// told is what clients have been told.
type told struct {
	steps        int64
	commands     map[string]string // by key
	acknowledged []string          // alerts
}

// fault is one row of the matrix, in several places: when counts calls of the system.
type fault struct {
	name   string
	calls  string                                // of the system that strace lets fail
	files  bool                                  // only calls that concern files of the run's folder
	effect string                                // on them, with %d for when
	when   []int                                 // which call is the first, one for each try; the seed of spoils
	shell  []string                              // or a shell's limit, one for each try
	spoils func(dir string, r *rand.Rand) string // or a change of the run's files before the command
}

func (m *matrix) faults() []fault {
	places := []int{1, 2, 4, 9, 20}
	const stores = "pwrite64,fsync,fdatasync,msync,ftruncate,fallocate,mkdirat,renameat"
	return []fault{
		{name: "kill", calls: "write,pwrite64,fsync,msync,ftruncate,renameat", effect: "signal=SIGKILL:when=%d", when: []int{1, 3, 8, 20, 40}},
		{name: "EIO", calls: stores, effect: "error=EIO:when=%d+", when: places},
		{name: "EIO of write", calls: "write", effect: "error=EIO:when=%d+", files: true, when: places},
		{name: "ENOSPC", calls: stores, effect: "error=ENOSPC:when=%d+", when: places},
		{name: "ENOSPC of write", calls: "write", effect: "error=ENOSPC:when=%d+", files: true, when: places},
		{name: "EACCES", calls: "openat", effect: "error=EACCES:when=%d+", files: true, when: places},
		{name: "EMFILE", calls: "openat", effect: "error=EMFILE:when=%d+", files: true, when: places},
		{name: "descriptors", shell: []string{"ulimit -n 10", "ulimit -n 13", "ulimit -n 17", "ulimit -n 22"}},
		{name: "flip", spoils: flipped, when: places},
		{name: "truncate", spoils: truncated, when: places},
	}
}

// matrixCommand is one column. Its arguments name the folders of a try: run, whole.tar.gz and new.
type matrixCommand struct {
	name  string
	args  []string
	makes bool // it works on no existing folder
	serve bool
}

func (m *matrix) commands() []matrixCommand {
	return []matrixCommand{
		{name: "run", args: []string{"run", "hamlet", "--out", "new"}, makes: true},
		{name: "serve", args: []string{"serve", "hamlet", "--out", "new", "--paused", "--speed", "max", "--addr", "127.0.0.1:0"}, makes: true, serve: true},
		{name: "serve --resume", args: []string{"serve", "--resume", "run", "--paused", "--speed", "max", "--addr", "127.0.0.1:0"}, serve: true},
		{name: "run --resume", args: []string{"run", "--resume", "run"}},
		{name: "fork", args: []string{"fork", "run", "--at", "5", "--out", "new"}},
		{name: "backup", args: []string{"backup", "run", "new.tar.gz"}},
		{name: "restore", args: []string{"restore", "whole.tar.gz", "new"}, makes: true},
		{name: "export", args: []string{"export", "run", "--format", "csv", "--out", "new"}},
		{name: "replay", args: []string{"replay", "run", "--verify"}},
	}
}

// newMatrix makes a run of the hamlet with commands, keys and an acknowledged alert, and copies it
// while it is open, as a kill leaves it.
func newMatrix(t *testing.T) *matrix {
	m := &matrix{dir: t.TempDir()}
	open := filepath.Join(m.dir, "open")
	r := servedNew(t, "hamlet", open, 0)
	r.to(3, nil)
	m.told.commands = map[string]string{}
	for i, body := range []string{set("north", "limit_w", "3000", 5), set("north/home-1", "pv.scale", "0.5", 8), set("north/home-1", "load.scale", "2", 20)} {
		m.told.commands[fmt.Sprint("before-", i)] = r.order(fmt.Sprint("before-", i), body)
	}
	r.to(21, nil)
	m.told.steps = 21
	var alerts struct{ Alerts []struct{ ID string } }
	r.must("GET", "/alerts", "", &alerts)
	if len(alerts.Alerts) == 0 {
		t.Fatal("no alert to acknowledge")
	}
	m.told.acknowledged = []string{alerts.Alerts[0].ID}
	r.must("POST", "/alerts/acknowledge", fmt.Sprintf(`{"id":%q}`, alerts.Alerts[0].ID), nil)
	copyRun(t, open, filepath.Join(m.dir, "killed"))
	r.to(24, nil)
	r.close()
	code, out, said := smatrix(t, "replay", open, "--json")
	if code != exitDone {
		t.Fatal(said)
	}
	m.digest = digestIn(t, out)
	if code, _, said := smatrix(t, "backup", open, filepath.Join(m.dir, "whole.tar.gz")); code != exitDone {
		t.Fatal(said)
	}
	return m
}

func digestIn(t *testing.T, report string) string {
	t.Helper()
	var d struct{ Digest string }
	if err := json.Unmarshal([]byte(report), &d); err != nil || d.Digest == "" {
		t.Fatalf("no digest: %v in %s", err, report)
	}
	return d.Digest
}

// order sends a command with a key to a server in this process, and returns what it was told.
func (r *servedRun) order(key, body string) string {
	q := httptest.NewRequest("POST", "http://127.0.0.1/api/v1/commands", strings.NewReader(body))
	q.Header.Set("Content-Type", "application/json")
	q.Header.Set("Idempotency-Key", key)
	w := httptest.NewRecorder()
	r.handler.ServeHTTP(w, q)
	if w.Code >= 300 {
		r.Fatalf("%s: %d %s", body, w.Code, w.Body)
	}
	return accepted(r.T, w.Body.Bytes())
}

// accepted is what identifies a command in the answer to it.
func accepted(t *testing.T, answer []byte) string {
	t.Helper()
	var c struct {
		Seq, Tick       int64
		Target, Setting string
	}
	if err := json.Unmarshal(answer, &c); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(c.Seq, c.Tick, c.Target, c.Setting)
}

// copyRun copies a folder with holes as holes.
func copyRun(t *testing.T, from, to string) {
	t.Helper()
	if out, err := exec.Command("cp", "-a", "--sparse=always", from, to).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// try carries out a command under a fault, once for each place.
func (m *matrix) try(t *testing.T, f fault, c matrixCommand) {
	for i := range max(len(f.when), len(f.shell)) {
		if !manyFaults && i != (len(f.name)+len(c.name))%max(len(f.when), len(f.shell)) {
			continue
		}
		dir := t.TempDir()
		if !c.makes {
			copyRun(t, filepath.Join(m.dir, "killed"), filepath.Join(dir, "run"))
		}
		if c.name == "restore" {
			copyRun(t, filepath.Join(m.dir, "whole.tar.gz"), filepath.Join(dir, "whole.tar.gz"))
		}
		line, what := append([]string{"smatrix"}, c.args...), ""
		switch {
		case f.spoils != nil:
			what = f.spoils(filepath.Join(dir, "run"), rand.New(rand.NewPCG(uint64(f.when[i]), 7)))
		case f.shell != nil:
			what = f.shell[i]
			line = []string{"sh", "-c", f.shell[i] + ` && exec "$@"`, "sh"}
			line = append(append(line, "smatrix"), c.args...)
		default:
			what = "inject=" + f.calls + ":" + fmt.Sprintf(f.effect, f.when[i])
			trace := []string{"strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=" + f.calls, "-e", what}
			if f.files {
				trace = append(trace, pathsOf(dir)...)
			}
			line = append(trace, line...)
		}
		p := &process{T: t, dir: dir, what: fmt.Sprintf("%s; %s", what, strings.Join(c.args, " ")), told: m.told}
		p.told.commands = maps.Clone(m.told.commands)
		if c.makes {
			p.told = told{commands: map[string]string{}}
		}
		code, said := p.run(line, c.serve)
		p.fits(f, c.serve, code, said)
		m.recover(p, f, c, code)
		if err := os.RemoveAll(dir); err != nil { // hundreds of them
			t.Fatal(err)
		}
	}
}

// pathsOf returns the options that confine strace to the files of the folders of a try.
func pathsOf(dir string) (options []string) {
	paths := []string{"new", "new/ledger", "new/run.json", "new/scenario.yaml", "new/journal", "new/journal/MANIFEST", "new.tar.gz", "new/readings.csv"}
	_ = filepath.WalkDir(filepath.Join(dir, "run"), func(path string, _ fs.DirEntry, err error) error {
		if rel, e := filepath.Rel(dir, path); err == nil && e == nil {
			paths = append(paths, rel)
		}
		return nil
	})
	for _, p := range paths {
		options = append(options, "-P", p, "-P", filepath.Join(dir, p))
	}
	return options
}

// process is one try of a command.
type process struct {
	*testing.T
	dir, what string
	told      told
}

// run carries the command out and returns its exit code, −1 after a signal, and what it said. A server
// is asked for steps and commands until it refuses or ends, and then killed.
func (p *process) run(line []string, serve bool) (code int, said string) {
	const hung = 3 * time.Minute // a command that takes a second otherwise
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Dir, cmd.SysProcAttr = p.dir, &syscall.SysProcAttr{Setpgid: true}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		p.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		p.Fatal(err)
	}
	hang := time.AfterFunc(hung, func() {
		p.Errorf("%s: it hangs", p.what)
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	})
	defer hang.Stop()
	stdout := bufio.NewReader(out)
	killed := false
	if serve {
		first, _ := stdout.ReadString('\n')
		if _, url, ok := strings.Cut(strings.TrimSpace(first), " at "); ok {
			p.use(strings.TrimSuffix(url, "/"))
			killed = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) == nil
		}
	}
	rest, _ := io.ReadAll(stdout)
	err = cmd.Wait()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		code = exit.ExitCode()
	case err != nil:
		p.Fatal(err)
	}
	if killed || code == 128+int(syscall.SIGKILL) {
		code = -1
	}
	return code, stderr.String() + string(rest)
}

// use sends commands to a server and lets it make steps, and remembers what it was told.
func (p *process) use(url string) {
	ask := func(path, key, body string) (int, []byte) {
		r, err := http.NewRequest("POST", url+"/api/v1"+path, strings.NewReader(body))
		if err != nil {
			p.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Idempotency-Key", key)
		r.Close = true
		a, err := http.DefaultClient.Do(r)
		if err != nil {
			return 0, nil // it has ended
		}
		defer a.Body.Close()
		b, err := io.ReadAll(a.Body)
		if err != nil {
			return 0, nil
		}
		return a.StatusCode, b
	}
	for i := range 6 {
		key := fmt.Sprint("during-", i)
		status, b := ask("/commands", key, fmt.Sprintf(`{"target":"grid/north/home-1","setting":"load.scale","value":%d,"tick":23}`, i+1))
		if status/100 == 2 {
			p.told.commands[key] = accepted(p.T, b)
		}
		if p.told.steps >= 23 {
			continue
		}
		status, _ = ask("/clock/seek", "", fmt.Sprintf(`{"tick":%d}`, min(23, p.told.steps+2)))
		if status == 0 {
			return
		}
	}
}

// fits checks how a command ended.
func (p *process) fits(f fault, serve bool, code int, said string) {
	p.Helper()
	for _, trace := range []string{"goroutine ", "panic:", "fatal error", "SIGBUS", "runtime error"} {
		if strings.Contains(said, trace) {
			p.Errorf("%s: it ended with a trace: exit code %d\n%.1500s", p.what, code, said)
			return
		}
	}
	wanted := []int{exitDone, exitFailed}
	switch {
	case f.spoils != nil:
		wanted = []int{exitDone, exitInvalid, exitDiffers}
	case strings.HasPrefix(f.effect, "signal"):
		wanted = []int{exitDone, -1}
	case f.name == "EACCES":
		wanted = append(wanted, exitUsage) // an output folder that may not be used
	}
	if serve {
		wanted = append(wanted, -1) // it is killed
	}
	if !slices.Contains(wanted, code) {
		p.Errorf("%s: exit code %d, wanted one of %v: %s", p.what, code, wanted, said)
	}
	if code > 0 && !strings.Contains(said, "smatrix: ") {
		p.Errorf("%s: exit code %d without a reason: %q", p.what, code, said)
	}
}

// recover uses the folder again, without a fault. All that clients were told is in it.
func (m *matrix) recover(p *process, f fault, c matrixCommand, code int) {
	p.Helper()
	run := filepath.Join(p.dir, "run")
	if c.makes {
		run = filepath.Join(p.dir, "new")
	}
	if c.name == "restore" && code != exitDone { // a second try has to succeed
		if code, _, said := smatrix(p.T, "restore", filepath.Join(p.dir, "whole.tar.gz"), run); code != exitDone {
			p.Errorf("%s: the next restore: exit code %d: %s", p.what, code, said)
		}
		return
	}
	if c.name == "backup" && code != exitDone && f.spoils == nil {
		if code, _, said := smatrix(p.T, "backup", run, filepath.Join(p.dir, "new.tar.gz")); code != exitDone {
			p.Errorf("%s: the next backup: exit code %d: %s", p.what, code, said)
		}
	}
	if c.name == "export" && code != exitDone && f.spoils == nil {
		if code, _, said := smatrix(p.T, "export", run, "--format", "csv", "--out", filepath.Join(p.dir, "new")); code != exitDone {
			p.Errorf("%s: the next export: exit code %d: %s", p.what, code, said)
		}
	}
	again, _, said := smatrix(p.T, "run", "--resume", run)
	over := again == exitUsage && strings.Contains(said, "has been made to its end")
	if again != exitDone && !over {
		refused := again == exitInvalid || again == exitUsage || again == exitDiffers
		if nothing := len(p.told.commands) == 0 && p.told.steps == 0; refused && (nothing || f.spoils != nil) {
			return
		}
		p.Errorf("%s: resumed afterwards: exit code %d: %s", p.what, again, said)
		return
	}
	store, err := persistence.Open(run, persistence.Read)
	if err != nil {
		p.Errorf("%s: read afterwards: %v", p.what, err)
		return
	}
	defer store.Close()
	if got := int64(store.Steps()); got != 24 {
		p.Errorf("%s: %d steps afterwards, wanted 24", p.what, got)
	}
	kept, err := replayed(store)
	if err != nil {
		p.Errorf("%s: %v", p.what, err)
		return
	}
	p.compare(&kept)
	if len(p.told.commands) == len(m.told.commands) && !c.makes && kept.Digest != m.digest {
		p.Errorf("%s: digest %s afterwards, wanted %s", p.what, kept.Digest, m.digest)
	}
}

// compare checks that commands, keys and acknowledgements are kept.
func (p *process) compare(kept *ui.Begun) {
	p.Helper()
	found := map[string]string{}
	for _, c := range kept.Commands {
		if c.Key == "" {
			continue
		}
		if found[c.Key] != "" {
			p.Errorf("%s: the command with key %s is kept twice", p.what, c.Key)
		}
		found[c.Key] = c.Target
	}
	for key := range p.told.commands {
		if found[key] == "" {
			p.Errorf("%s: the command with key %s was acknowledged, and is lost", p.what, key)
		}
	}
	for _, id := range p.told.acknowledged {
		if _, ok := kept.Notes["acknowledge/"+id]; !ok {
			p.Errorf("%s: alert %s was acknowledged, and is not any more", p.what, id)
		}
	}
}

// flipped changes one bit of a byte in use of one file.
func flipped(dir string, r *rand.Rand) string {
	file, size := drawFile(dir, r)
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	at := r.Int64N(size)
	b := make([]byte, 1)
	_, _ = f.ReadAt(b, at)
	b[0] ^= 1 << r.IntN(8)
	_, _ = f.WriteAt(b, at)
	return fmt.Sprintf("a flipped bit of byte %d of %s", at, filepath.Base(file))
}

// truncated cuts one file short.
func truncated(dir string, r *rand.Rand) string {
	file, size := drawFile(dir, r)
	at := r.Int64N(size)
	if err := os.Truncate(file, at); err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%s cut at byte %d", filepath.Base(file), at)
}

// drawFile draws a file of a run and returns its size up to the last byte that is not 0.
func drawFile(dir string, r *rand.Rand) (file string, size int64) {
	type used struct {
		path string
		size int64
	}
	var all []used
	_ = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() && filepath.Base(path) != "LOCK" {
			b := make([]byte, 8<<20) // Badger's files are mostly holes
			f, err := os.Open(path)
			if err != nil {
				return err
			}
			defer f.Close()
			n, _ := io.ReadFull(f, b)
			if b = []byte(strings.TrimRight(string(b[:n]), "\x00")); len(b) > 0 {
				all = append(all, used{path, int64(len(b))})
			}
		}
		return nil
	})
	one := all[r.IntN(len(all))]
	return one.path, one.size
}

// What cannot be written under the limit of the size of files is named as it was asked for, with the limit as the way
// out.
func TestLimitOfTheSizeOfFiles(t *testing.T) {
	root := t.TempDir()
	at := func(name string) string { return filepath.Join(root, name) }
	wants(t, "run", "hamlet", "--out", at("run"), "--quiet")
	wants(t, "backup", at("run"), at("run.tar.gz"))
	hidden := regexp.MustCompile(`[.]\d+-[0-9a-f]{8}`)
	for what, args := range map[string][]string{
		"new.tar.gz": {"backup", at("run"), at("new.tar.gz")},
		"new.html":   {"report", at("run"), "--out", at("new.html")},
		"csv":        {"export", at("run"), "--format", "csv", "--out", at("csv")},
		"parquet":    {"export", at("run"), "--format", "parquet", "--out", at("parquet")},
		"restored":   {"restore", at("run.tar.gz"), at("restored")},
		"":           {"run", "town", "--quiet"}, // its recorded data goes to a file without a name
	} {
		output, err := exec.Command("bash", append([]string{"-c", `ulimit -f 4; exec smatrix "$@"`, "bash"}, args...)...).CombinedOutput()
		said := string(output)
		named := what == "" || strings.Contains(said, at(what))
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != exitFailed || !named || !strings.Contains(said, "(ulimit -f)") || strings.Contains(said, "make room") || hidden.MatchString(said) {
			t.Errorf("%q: %v: %s", args, err, said)
		}
		if _, err := os.Lstat(at(what)); what != "" && err == nil {
			t.Errorf("%q has left a part", args)
		}
	}
}
