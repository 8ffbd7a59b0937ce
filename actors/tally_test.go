package actors

import (
	"fmt"
	"sync"
	"testing"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/twins"
	"github.com/smatrix-grid/smatrix/twins/twintest"
)

// settle returns when every actor has handled the messages that it had been sent: those of the last step, and
// those that follow from failures after an answer. An actor answers a question after all that was sent to it
// before. A failure moves at most six messages in a row: again to its actor, from there to the member's community,
// shard and grid, and back where one of them repeats its last statement.
func settle(t *testing.T, s *System, except string) {
	t.Helper()
	for range 8 {
		paths := []string{twins.GridPath}
		for _, shard := range s.core.ofShard {
			paths = append(paths, shard.self.Id)
		}
		for _, c := range s.core.communities {
			if c.cell.Path == except {
				continue
			}
			paths = append(paths, c.cell.Path)
			for i := range c.members {
				paths = append(paths, c.cell.PathOf(c.members[i].at))
			}
		}
		for i := len(paths) - 1; i >= 0; i-- {
			if _, err := s.Inspect(paths[i]); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// unaccounted is the number of messages that were sent and came to no end.
func unaccounted(m sim.Messages) int64 { return m.Sent - m.Handled - m.Resent - m.Reported }

// injectTwice makes members fail as f says, and each other one of them a second time in the same step, after which
// it is quarantined. It returns the number of panics of members so far.
func injectTwice(w *sim.World, f *faults) (panics func() int64) {
	var mu sync.Mutex
	n, doomed, times := int64(0), map[string]bool{}, map[string]int{}
	for _, c := range w.Cells {
		c.Fault = func(p twins.FaultPoint, path string) {
			if sortOf(path) != "member" {
				f.at(p, path)
				return
			}
			mu.Lock()
			again := doomed[path]
			fails := again || f.hit(p, path)
			if fails && !again {
				times[path]++
			}
			doomed[path] = fails && !again && times[path]%2 == 0
			if fails {
				n++
			}
			mu.Unlock()
			if fails {
				panic("injected at " + path)
			}
		}
	}
	return func() int64 {
		mu.Lock()
		defer mu.Unlock()
		return n
	}
}

// Promise A2, to the unit: every message that was sent was handled, or its handler failed and it was sent again, or
// it was reported. Members fail once and twice, and so do communities, shards and the grid; viewers ask while the grid
// steps, also for actors that are not there.
func TestNoMessageIsLost(t *testing.T) {
	for _, h := range hostings {
		t.Run(string(h), func(t *testing.T) {
			var sum sim.Messages
			quarantined := 0
			for _, seed := range seeds(15) {
				g := twintest.NewGrid(seed)
				w := world(g)
				s := start(t, w, Options{Hosting: h, Shards: 2})
				f := newFaults(seed, 10)
				f.arm(w, s)
				panics := injectTwice(w, f)
				strangers := int64(0)
				_, err := drive(g, s, func(r *sim.StepRecord) {
					quarantined += len(r.Quarantined)
					f.next(r)
					if _, err := s.Inspect(w.Cells[0].Path); err != nil {
						t.Error(err)
					}
					if _, err := s.Inspect(fmt.Sprintf("grid/nowhere-%d", r.Tick)); err == nil {
						t.Error("an address without an actor answered")
					}
					strangers++
				})
				if err != nil {
					t.Fatalf("seed %d: %v\n%s", seed, err, again(t, seed))
				}
				f.end()
				settle(t, s, "")
				injected := panics()
				for who, n := range f.counts() {
					if who[:6] != "member" {
						injected += int64(n)
					}
				}
				m := s.Messages()
				if unaccounted(m) != 0 || m.Resent != injected || m.Reported != strangers {
					t.Fatalf("seed %d: %+v: %d are lost; %d handlers failed, %d messages were for no actor\n%s", seed, m, unaccounted(m), injected, strangers, again(t, seed))
				}
				sum.Sent, sum.Resent, sum.Reported = sum.Sent+m.Sent, sum.Resent+m.Resent, sum.Reported+m.Reported
			}
			if *gridSeed < 0 && (sum.Resent < 200 || sum.Reported == 0 || quarantined == 0) {
				t.Errorf("%+v, %d members in quarantine: too few to show anything", sum, quarantined)
			}
		})
	}
}

// The message on which a community fails for ever is the one that is reported.
func TestMessageThatEndsTheRunIsReported(t *testing.T) {
	for _, h := range hostings {
		g := twintest.NewGrid(1)
		w := world(g)
		s := start(t, w, Options{Hosting: h})
		broken := w.Cells[0].Path
		w.Cells[0].Fault = func(_ twins.FaultPoint, path string) {
			if path == broken {
				panic("broken for ever")
			}
		}
		if _, err := drive(g, s, nil); err == nil {
			t.Fatal("the run went on")
		}
		settle(t, s, broken)
		if m := s.Messages(); unaccounted(m) != 0 || m.Resent != maxFailures-1 || m.Reported != 1 {
			t.Errorf("hosting %s: %+v: %d are lost", h, m, unaccounted(m))
		}
	}
}

// A mailbox that loses a letter, or delivers one twice, breaks the promise.
func TestNoMessageIsLostSabotaged(t *testing.T) {
	for times, want := range []int64{1, 0, -1} { // how often the letter is delivered, and what is unaccounted for
		g := twintest.NewGrid(2)
		s := start(t, world(g), Options{})
		if _, err := drive(g, s, nil); err != nil {
			t.Fatal(err)
		}
		c := s.core.communities[0]
		b := c.mailbox
		setRunning := func(to bool) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.running = to
		}
		setRunning(true) // the letter waits
		c.shard.mail.send(s.actors.Root, c.self, &proceed{turn: c.turn})
		l, _ := b.user.pop()
		setRunning(false)
		for range times {
			b.post(&b.user, l)
		}
		settle(t, s, "")
		if got := unaccounted(s.Messages()); got != want {
			t.Errorf("a letter delivered %d times: %d messages are unaccounted for, wanted %d", times, got, want)
		}
	}
}
