package ui

import (
	"strings"
	"testing"
	"time"

	"github.com/smatrix-grid/smatrix/twins"
	"github.com/smatrix-grid/smatrix/ui/stream"
)

// slowShelf is a shelf that keeps a command only when the test lets it.
type slowShelf struct {
	*shelf
	asked, goOn chan struct{}
}

func (h *slowShelf) KeepCommands(c ...twins.Command) error {
	h.asked <- struct{}{}
	<-h.goOn
	return h.shelf.KeepCommands(c...)
}

// While a disk keeps a command nobody waits but who brings commands: requests are
// answered, viewers get their heartbeats. The same key that comes meanwhile gets
// the same command.
func TestNothingWaitsForTheKeeper(t *testing.T) {
	h := &slowShelf{&shelf{notes: map[string][]byte{}}, make(chan struct{}), make(chan struct{})}
	s := shelved(t, h.shelf, func(o *Options) { o.Keep = h })
	s.timing = timing{heartbeat: 10 * time.Millisecond, ping: time.Minute, pong: time.Minute, write: time.Minute}
	s.step(3)
	viewer := s.dial("")
	body := `{"target":"` + aHome(s) + `","setting":"pv.scale","value":0.5}`
	type taken struct {
		status int
		body   string
	}
	order := func() <-chan taken {
		back := make(chan taken, 1)
		go func() {
			status, _, b := s.ask("POST", "/api/v1/commands", body, "Idempotency-Key", "a")
			back <- taken{status, string(b)}
		}()
		return back
	}
	first := order()
	<-h.asked
	second := order()
	answered := make(chan string)
	go func() {
		for _, path := range []string{"/healthz", "/metrics", "/api/v1/state", "/api/v1/commands", "/api/v1/alerts", "/api/v1/events", "/api/v1/flows", "/api/v1/twin?path=" + aHome(s)} {
			if status, _, b := s.ask("GET", path, ""); status != 200 {
				t.Errorf("%s: %d %s", path, status, b)
			}
		}
		s.want(200, "POST", "/clock/speed", `{"max":true}`, nil)
		for range 2 {
			viewer.until(func(m *stream.ServerMessage) bool { return m.GetHeartbeat() != nil })
		}
		s.want(202, "POST", "/forks", `{"at":2,"set":[]}`, nil)
		close(answered)
	}()
	select {
	case <-answered:
	case <-time.After(20 * time.Second):
		close(h.goOn)
		t.Fatal("requests or heartbeats wait for a command that is being kept")
	}
	h.goOn <- struct{}{}
	a, b := <-first, <-second
	repeated := strings.Count(a.body+b.body, `"repeated":true`)
	if a.status != 202 || b.status != 202 || repeated != 1 || len(h.commands) != 1 {
		t.Errorf("%+v and %+v, %d commands: wanted one, and once the answer that it is repeated", a, b, len(h.commands))
	}
	var list commandPage
	s.get("/commands", &list)
	if len(list.Commands) != 1 || list.Commands[0].Tick != 3 {
		t.Errorf("%+v", list)
	}
}
