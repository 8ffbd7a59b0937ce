package ui

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/twins"
	"github.com/smatrix-grid/smatrix/ui/stream"
	"github.com/smatrix-grid/smatrix/ui/viewers"
)

// slowShelf is a shelf whose KeepCommands blocks until the test sends on goOn.
type slowShelf struct {
	*shelf
	asked, goOn chan struct{}
}

func (h *slowShelf) KeepCommands(c ...twins.Command) error {
	h.asked <- struct{}{}
	<-h.goOn
	return h.shelf.KeepCommands(c...)
}

// While a slow disk keeps a command, only requests with commands wait: others are answered, and
// viewers get their heartbeats. A request with the same key meanwhile is answered with the same
// command.
func TestNothingWaitsForTheKeeper(t *testing.T) {
	h := &slowShelf{&shelf{notes: map[string][]byte{}}, make(chan struct{}), make(chan struct{})}
	s := shelved(t, h.shelf, func(o *Options) { o.Keep = h })
	s.timing = viewers.Timing{Heartbeat: 10 * time.Millisecond, Ping: time.Minute, Pong: time.Minute, Write: time.Minute}
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

// Of many commands only the latest are in memory. Older ones are listed, passed to forks and found
// by their keys in the same way.
func TestOldCommandsAreRead(t *testing.T) {
	defer func(was int) { mostCommands = was }(mostCommands)
	mostCommands = 8
	h := &shelf{notes: map[string][]byte{}}
	s := shelved(t, h, func(o *Options) { h.scenario = o.World.Scenario })
	const all = 101
	send := func(i int) (c struct {
		Seq      int64
		Repeated bool
	}) {
		s.want(202, "POST", "/commands", fmt.Sprintf(`{"target":%q,"setting":"pv.scale","value":%d}`, aHome(s), i%5), &c, "Idempotency-Key", fmt.Sprint("key ", i))
		return c
	}
	for i := range all {
		if c := send(i); c.Repeated {
			t.Fatalf("command %d: %+v", i, c)
		}
		if i%10 == 5 {
			s.step(1)
		}
		if n := len(s.live.commands.last); n > 2*mostCommands {
			t.Fatalf("%d of %d commands are in memory", n, i)
		}
	}
	if c := send(0); !c.Repeated || c.Seq != h.commands[0].Seq {
		t.Errorf("the first command again: %+v, wanted number %d", c, h.commands[0].Seq)
	}
	for _, limit := range []int{1, 7, 30, 200} {
		var seqs []int64
		for next := ""; ; {
			var page struct {
				Next     string
				Commands []struct{ Seq int64 }
			}
			s.want(200, "GET", fmt.Sprintf("/commands?limit=%d&cursor=%s", limit, next), "", &page)
			for _, c := range page.Commands {
				seqs = append(seqs, c.Seq)
			}
			if next = page.Next; next == "" {
				break
			}
		}
		for i, seq := range seqs {
			if want := h.commands[all-1-i].Seq; seq != want {
				t.Fatalf("pages of %d: command %d from the end has number %d, wanted %d", limit, i, seq, want)
			}
		}
		if len(seqs) != all {
			t.Errorf("pages of %d: %d commands, wanted %d", limit, len(seqs), all)
		}
	}
	before := 0
	for _, c := range h.commands {
		if c.Step < 5 {
			before++
		}
	}
	for later, of := range map[sim.Later]int{sim.DropLater: before, sim.KeepLater: all} {
		fork, _, err := s.runs.fork(t.Context(), s.live, forkOf{at: 5, set: []string{"households.*.load.scale=1.5"}, later: later})
		if err != nil {
			t.Fatal(err)
		}
		if n := len(fork.commands.list()); n <= of || fork.commands.list()[of-1].Seq != h.commands[of-1].Seq || fork.laterCommands != all-before {
			t.Errorf("later commands: %s: the fork has %d commands, wanted %d of its parent and its own", later, n, of)
		}
	}
	fork, _, err := s.runs.fork(t.Context(), s.live, forkOf{at: 5, set: []string{"households.*.load.scale=1.5"}, later: sim.DropLater})
	if err != nil {
		t.Fatal(err)
	}
	<-fork.done
	again, _, err := s.runs.fork(t.Context(), fork, forkOf{at: 7, set: []string{"households.*.load.scale=1.2"}, later: sim.DropLater})
	if err != nil {
		t.Fatal(err)
	}
	own := len(fork.commands.list()) - before
	if err := s.runs.remove(fork.id); err != nil {
		t.Fatal(err)
	}
	sameCommands(t, again, before, own, h)
}

// sameCommands checks that a fork of a fork lists the commands of the live run before the first fork,
// then each fork's own, in pages of any size, and that few of them are in its own memory.
func sameCommands(t *testing.T, again *run, before, own int, h *shelf) {
	t.Helper()
	if n := len(again.commands.last); n > 2*mostCommands {
		t.Errorf("%d commands are in the memory of a fork", n)
	}
	all := again.commands.list()
	if len(all) != before+2*own {
		t.Fatalf("a fork of a fork has %d commands, wanted %d of the live run and %d of each fork", len(all), before, own)
	}
	for i, c := range all {
		if i < before && c.Seq != h.commands[i].Seq || i > 0 && c.Seq <= all[i-1].Seq {
			t.Errorf("command %d has number %d", i, c.Seq)
		}
	}
	if early := again.commands.before(5); len(early) != before {
		t.Errorf("%d commands for steps before the first fork, wanted %d", len(early), before)
	}
	for _, most := range []int{1, 7, 30} {
		var pages []twins.Command
		for more := true; more; {
			page, next, err := again.commands.newest(len(pages), most)
			if err != nil {
				t.Fatal(err)
			}
			pages, more = append(pages, page...), next
		}
		slices.Reverse(pages)
		if !slices.EqualFunc(pages, all, func(a, b twins.Command) bool { return a.Same(&b) }) {
			t.Errorf("pages of %d have %d commands, wanted the %d of the list", most, len(pages), len(all))
		}
	}
}
