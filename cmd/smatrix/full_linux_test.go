package main

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/smatrix-grid/smatrix/persistence"
	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/live"
	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/ui"
)

// When its disk fills up, a served run waits, refuses commands and can still be viewed; when
// there is room it continues to the same digest.
func TestServedOnAFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=320m"); err != nil {
		t.Skipf("cannot mount: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	was := roomInterval
	roomInterval = 10 * time.Millisecond
	t.Cleanup(func() { roomInterval = was })

	source, err := scenario.Load("hamlet", scenario.Options{})
	if err != nil {
		t.Fatal(err)
	}
	world, err := sim.Build(source)
	if err != nil {
		t.Fatal(err)
	}
	s := newSession(&runFlags{out: filepath.Join(dir, "run"), quiet: true}, world, io.Discard, io.Discard)
	if s.dir, err = persistence.CreateRun(s.name, persistence.Run{Scenario: "hamlet"}); err != nil {
		t.Fatal(err)
	}
	s.keep = func() (sim.Sink, error) { return s.dir.Keep(world, s.chain, persistence.Durability{}) }
	o := ui.Options{World: world, Stepper: s.stepper, Chain: s.chain, Live: live.Options{Paused: true}}
	if err := s.beginServed(t.Context(), &o, "http://x/"); err != nil {
		t.Fatal(err)
	}
	server, err := ui.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := &http.Server{Handler: server.Handler()}
	go func() { _ = h.Serve(l) }() // until the listener is closed
	t.Cleanup(func() { http.DefaultClient.CloseIdleConnections(); _ = h.Close() })
	ask := func(method, path, body string) (int, string) {
		t.Helper()
		r, err := http.NewRequest(method, "http://"+l.Addr().String()+"/api/v1"+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		b, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer.StatusCode, string(b)
	}
	const command = `{"target":"grid/north/home-1","setting":"pv.scale","value":2,"tick":20}`
	ask("POST", "/clock/step", `{"steps":9}`)
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 140<<20), 0o666); err != nil {
		t.Fatal(err)
	}
	ask("POST", "/clock/speed", `{"max":true}`)
	ask("POST", "/clock/play", "")
	var state struct {
		Tick  int
		State string
		Error string
	}
	for state.Error == "" { // until the step for which there is no room
		_, b := ask("GET", "/state", "")
		if err := json.Unmarshal([]byte(b), &state); err != nil {
			t.Fatal(err)
		}
	}
	if state.Tick != 9 || state.State != "live" || !strings.Contains(state.Error, "waits for room: run ") || !strings.HasSuffix(state.Error, "make room, then the run goes on by itself") {
		t.Errorf("%+v", state)
	}
	if status, b := ask("POST", "/commands", command); status != http.StatusInsufficientStorage || !strings.Contains(b, "make room, then the run goes on by itself") || strings.Contains(b, "--resume") {
		t.Errorf("a command on a full disk: %d %s", status, b)
	}
	for _, path := range []string{"/twin?path=grid/north/home-1&tick=3", "/download/grid.csv", "/tree"} {
		if status, b := ask("GET", path, ""); status != 200 {
			t.Errorf("%s on a full disk: %d %s", path, status, b)
		}
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if _, err := server.Live().Wait(t.Context(), func(c live.Clock) bool { return c.State.Over() }); err != nil {
		t.Fatal(err)
	}
	server.Close()
	if err := s.endServed(endOf(server.Live().Clock(), source.Calendar.Steps)); err != nil {
		t.Fatal(err)
	}
	_, report, _ := smatrix(t, "run", "hamlet", "--json")
	if got, want := server.Digest(), reportOf(t, report)["digest"]; got != want {
		t.Errorf("digest %v, wanted %v", got, want)
	}
	if code, _, said := smatrix(t, "replay", s.name, "--verify", "--json"); code != exitDone {
		t.Errorf("exit code %d, %s", code, said)
	}
}

// A disk that fills up in mid-run ends the run: exit code 1, and no report that looks like one
// of a whole run.
func TestDiskThatFillsUp(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=200m"); err != nil {
		t.Skipf("cannot mount: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	source, err := scenario.Load("street", scenario.Options{})
	if err != nil {
		t.Fatal(err)
	}
	world, err := sim.Build(source)
	if err != nil {
		t.Fatal(err)
	}
	var stdout, stderr strings.Builder
	s := newSession(&runFlags{out: dir, csv: true}, world, &stdout, &stderr)
	if s.dir, err = persistence.CreateRun(dir, persistence.Run{}); err != nil {
		t.Fatal(err)
	}
	ballast, err := os.Create(filepath.Join(dir, "ballast"))
	if err != nil {
		t.Fatal(err)
	}
	defer ballast.Close()
	var disk syscall.Statfs_t
	if err := syscall.Statfs(dir, &disk); err != nil {
		t.Fatal(err)
	}
	const left = 256 << 10 // a few steps of readings
	if err := syscall.Fallocate(int(ballast.Fd()), 0, 0, int64(disk.Bavail)*disk.Bsize-left); err != nil {
		t.Fatal(err)
	}
	err = s.run(t.Context())
	if exitCode(err) != exitFailed || !strings.Contains(err.Error(), "no space left on device") || stdout.Len() > 0 {
		t.Errorf("exit code %d, %v, stdout %q", exitCode(err), err, &stdout)
	}
	if _, err := os.Stat(filepath.Join(dir, "report.json")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a report is there: %v", err)
	}
}
