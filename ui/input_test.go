package ui

import (
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/smatrix-grid/smatrix/sim/live"
	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/twins"
)

// Clients send ten times as many commands as the limit allows while the run plays, in the long form
// for five minutes: commands beyond the limit are refused with 429, acknowledged ones are carried
// out, no step is missing, and memory stays within twice its size before.
func TestTooMuchInput(t *testing.T) {
	const perSecond, senders, step = 20.0, 10, 60
	total := int64(1500)
	if long {
		total = 10 * perSecond * 300
	}
	s := serve(t, "hamlet", func(o *Options) {
		o.World = load(t, "hamlet", scenario.Options{Set: []string{fmt.Sprint("step_s=", step)}})
		o.Limits.Requests, o.HistoryBytes = perSecond, 1<<20
		o.Live.Speed = 10 * step // ten steps a second
		if long {
			o.Live.Speed = 3 * step
		}
	})
	s.step(50)
	before := living()
	if err := s.Live().Play(); err != nil {
		t.Fatal(err)
	}
	home := aHome(s)
	pace := time.NewTicker(time.Second / (10 * perSecond))
	defer pace.Stop()
	var sent, taken, refused atomic.Int64
	var all sync.WaitGroup
	for range senders {
		all.Go(func() {
			for n := sent.Add(1); n <= total; n = sent.Add(1) {
				<-pace.C
				status, kind, b := s.ask("POST", "/api/v1/commands", fmt.Sprintf(`{"target":"%s","setting":"pv.scale","value":%d}`, home, n%4))
				switch {
				case status == http.StatusAccepted:
					taken.Add(1)
				case status == http.StatusTooManyRequests && isProblem(kind, b):
					refused.Add(1)
				default:
					t.Errorf("command %d: %d %s", n, status, b)
				}
			}
		})
	}
	all.Wait()
	if err := s.Live().Pause(); err != nil {
		t.Fatal(err)
	}
	clock, err := s.Live().Wait(t.Context(), func(c live.Clock) bool { return c.State != live.Playing })
	if err != nil {
		t.Fatal(err)
	}
	after := living()
	t.Logf("%d taken, %d refused, %d steps; %d kB before, %d kB after", taken.Load(), refused.Load(), clock.Tick, before/1000, after/1000)
	if taken.Load()+refused.Load() != total || refused.Load() < total/2 || taken.Load() < int64(2*perSecond) {
		t.Errorf("%d taken and %d refused of %d", taken.Load(), refused.Load(), total)
	}
	if after > 2*before {
		t.Errorf("%d bytes are in use, before it were %d", after, before)
	}
	if got := int64(len(s.live.commands.list())); got != taken.Load() {
		t.Errorf("%d commands are listed, %d were acknowledged", got, taken.Load())
	}
	first, next := s.live.history.Bounds()
	for tick := first; tick < next; tick++ {
		if step, err := s.live.history.Step(tick, false); err != nil || step.Tick != tick {
			t.Errorf("step %d: %v", tick, err)
		}
	}
	if next != clock.Tick || clock.Tick <= 50 {
		t.Errorf("%d steps are made, the last one shown is %d", clock.Tick, next-1)
	}
	if err := s.Live().Seek(s.live.scenario.Calendar.Steps); err != nil {
		t.Fatal(err)
	}
	<-s.live.done
	w := load(t, "hamlet", scenario.Options{Set: []string{fmt.Sprint("step_s=", step)}})
	for _, c := range s.live.commands.list() {
		if err := w.Add(c); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := s.live.finished(), headless(t, w); got != want {
		t.Errorf("digest %s, that of the acknowledged commands from the start is %s", got, want)
	}
}

// living returns the bytes in use on the heap.
func living() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// Without steps, pending commands take at most 128 MiB; further ones are refused until a step is made.
func TestPendingCommandsAreBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("long for the race detector, which finds nothing in what one goroutine sends")
	}
	s := serve(t, "hamlet", nil)
	s.step(1)
	c := twins.Set(aHome(s), "pv.scale", int64(twins.One))
	n := 0
	for ; ; n++ {
		if _, err := s.Live().Add(c); errors.Is(err, live.ErrTooMany) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	body := `{"target":"` + c.Target + `","setting":"pv.scale","value":1}`
	if status, kind, b := s.ask("POST", "/api/v1/commands", body); status != http.StatusTooManyRequests || !isProblem(kind, b) || n < 150_000 || n > 250_000 {
		t.Errorf("after %d: %d %s", n, status, b)
	}
	s.step(1)
	s.want(202, "POST", "/commands", body, nil)
}
