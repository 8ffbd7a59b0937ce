package main

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
)

// served is a smatrix serve that a script has started.
type served struct {
	cmd    *exec.Cmd
	url    string
	stderr strings.Builder
}

const servedKey = "served"

// serving ARGS… starts smatrix serve at a free port and waits until it says where.
func serving(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("usage: serving ARGS...")
	}
	s := &served{cmd: exec.Command("smatrix", append([]string{"serve", "--addr", "127.0.0.1:0"}, args...)...)}
	s.cmd.Dir, s.cmd.Stderr = ts.MkAbs("."), &s.stderr
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

// servedBox is where a script's server is kept.
type servedBox struct{ *served }

// fetch STATUS METHOD PATH [BODY] asks the server, and writes the answer to the file
// answer.
func fetch(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: fetch STATUS METHOD PATH [BODY]")
	}
	s := ts.Value(servedKey).(*servedBox)
	body := strings.Join(args[3:], " ")
	r, err := http.NewRequest(args[1], strings.TrimSuffix(s.url, "/")+args[2], strings.NewReader(body))
	ts.Check(err)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	r.Close = true
	answer, err := http.DefaultClient.Do(r)
	ts.Check(err)
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs("answer"), b, 0o666))
	if strconv.Itoa(answer.StatusCode) != args[0] {
		ts.Fatalf("status %d, wanted %s: %s", answer.StatusCode, args[0], b)
	}
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
