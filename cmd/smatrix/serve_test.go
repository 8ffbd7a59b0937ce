package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/smatrix-grid/smatrix/persistence"
	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/live"
	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/twins"
	"github.com/smatrix-grid/smatrix/ui"
)

// served is a server process that a script has started.
type served struct {
	cmd    *exec.Cmd
	url    string
	stderr strings.Builder
}

const servedKey = "served"

// serving ARGS… starts smatrix serve, or another command that serves, at a free port and
// waits until it prints the address.
func serving(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("usage: serving ARGS...")
	}
	if len(args) == 0 || args[0] != "replay" {
		args = append([]string{"serve"}, args...)
	}
	s := &served{cmd: exec.Command("smatrix", append(args, "--addr", "127.0.0.1:0")...)}
	s.cmd.Dir, s.cmd.Stderr = ts.MkAbs("."), &s.stderr
	s.cmd.Env = append(os.Environ(), "TMPDIR="+ts.Getenv("TMPDIR"), tokenVariable+"="+ts.Getenv(tokenVariable))
	out, err := s.cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(s.cmd.Start())
	ts.Defer(func() { _ = s.cmd.Process.Kill() }) // it may have ended
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		_ = s.cmd.Wait()
		ts.Fatalf("it has ended: %s", s.stderr.String())
	}
	_, s.url, _ = strings.Cut(strings.TrimSpace(line), " at ")
	kept, _ := ts.Value(servedKey).(*servedBox)
	kept.served = s
}

// servedBox holds the server of a script, nil before serving.
type servedBox struct{ *served }

// fetch [key=KEY] STATUS METHOD PATH [BODY] asks the server, and writes the answer to the file
// answer.
func fetch(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: fetch STATUS METHOD PATH [BODY]")
	}
	key := ""
	if k, ok := strings.CutPrefix(args[0], "key="); ok {
		key, args = k, args[1:]
	}
	status, b := request(ts, key, args[1], args[2], strings.Join(args[3:], " "))
	ts.Check(os.WriteFile(ts.MkAbs("answer"), b, 0o666))
	if strconv.Itoa(status) != args[0] {
		ts.Fatalf("status %d, wanted %s: %s", status, args[0], b)
	}
}

// request asks the server, with an idempotency key unless that is empty.
func request(ts *testscript.TestScript, key, method, path, body string) (status int, answer []byte) {
	s := ts.Value(servedKey).(*servedBox)
	r, err := http.NewRequest(method, strings.TrimSuffix(s.url, "/")+path, strings.NewReader(body))
	ts.Check(err)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	r.Close = true
	got, err := http.DefaultClient.Do(r)
	ts.Check(err)
	defer got.Body.Close()
	answer, err = io.ReadAll(got.Body)
	ts.Check(err)
	return got.StatusCode, answer
}

// finished RUN waits until a fork has made all its steps.
func finished(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: finished RUN")
	}
	run := "?run=" + args[0]
	request(ts, "", "POST", "/api/v1/clock/pause"+run, "") // both are refused if it has ended
	request(ts, "", "POST", "/api/v1/clock/step"+run, `{"steps":100000}`)
	if _, answer := request(ts, "", "GET", "/api/v1/state"+run, ""); !strings.Contains(string(answer), `"state":"ended"`) {
		ts.Fatalf("%s has not ended: %s", args[0], answer)
	}
}

// headless NAME SCENARIO DAYS STEP:SET… stores in an environment variable the digest of a run
// without a server, with the given changes in mid-run, in order.
func headless(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: headless NAME SCENARIO DAYS STEP:SET...")
	}
	days, err := strconv.Atoi(args[2])
	ts.Check(err)
	s, err := scenario.Load(args[1], scenario.Options{Days: &days})
	ts.Check(err)
	w, err := sim.Build(s)
	ts.Check(err)
	for i, arg := range args[3:] {
		at, set, _ := strings.Cut(arg, ":")
		tick, err := strconv.Atoi(at)
		ts.Check(err)
		changes, err := s.Commands([]string{set}, twins.Tick(tick))
		ts.Check(err)
		changes[0].Seq = int64(len(s.Events) + i + 1)
		ts.Check(w.Add(changes[0]))
	}
	chain := w.NewChain()
	run := sim.Runner{World: w, Stepper: sim.NewFlat(w, nil, true), Sinks: []sim.Sink{chain}}
	_, err = run.Run(context.Background())
	ts.Check(err)
	ts.Setenv(args[0], `"`+chain.Digest().String()+`"`)
}

// killed kills the server with SIGKILL.
func killed(ts *testscript.TestScript, neg bool, args []string) {
	s := ts.Value(servedKey).(*servedBox)
	ts.Check(s.cmd.Process.Kill())
	_ = s.cmd.Wait() // the error says that it was killed
}

// signalled CODE ends the server with an interrupt and wants its exit code.
func signalled(ts *testscript.TestScript, neg bool, args []string) {
	s := ts.Value(servedKey).(*servedBox)
	ts.Check(s.cmd.Process.Signal(syscall.SIGINT))
	err := s.cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		ts.Fatalf("%v", err)
	}
	if got := s.cmd.ProcessState.ExitCode(); strconv.Itoa(got) != args[0] {
		ts.Fatalf("exit code %d, wanted %s: %s", got, args[0], s.stderr.String())
	}
	if s.stderr.Len() > 0 {
		ts.Fatalf("stderr: %s", s.stderr.String())
	}
}

// A served run shows the views of its journal: each step is folded once, in a new run and in one that
// is resumed.
func TestServedRunFoldsOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	endEarly(t, dir, 5)
	store, err := persistence.Open(dir, persistence.Write)
	if err != nil {
		t.Fatal(err)
	}
	s := &session{flags: &runFlags{}, stdout: io.Discard, stderr: io.Discard, dir: store.Run(), name: dir}
	s.flags.quiet = true
	if err := s.resume(store, persistence.Durability{}); err != nil {
		t.Fatal(err)
	}
	o := ui.Options{World: s.world, Stepper: s.stepper, Chain: s.chain, Begun: ui.Begun{Steps: s.from}, Live: live.Options{Paused: true}}
	if err := s.beginServed(t.Context(), &o, "http://127.0.0.1/"); err != nil {
		t.Fatal(err)
	}
	server, err := ui.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := server.Live().Step(t.Context(), 3); err != nil {
		t.Error(err)
	}
	if o.Begun.Views == nil || o.Begun.Views.Steps() != 8 {
		t.Errorf("the server has views of its own, or they are not after step 8: %v", o.Begun.Views)
	}
	server.Close()
	if err := s.endServed(nil); err != nil {
		t.Error(err)
	}
}
