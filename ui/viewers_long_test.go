//go:build long && unix

package ui

import (
	"io"
	"math"
	"net/http"
	"slices"
	"testing"
	"time"
)

// A thousand viewers watch the city of 10,000 homes at 10 Hz; a hundred of them stop reading.
// Those are dropped within 15 s, the others see a step within 250 ms. Over a minute memory does not
// grow, and when all reconnect at once, each has the server's state.
func TestCrowd(t *testing.T) {
	const all, stalled, warm = 1000, 100, 50
	w := serveCity(t)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	steps := func(n int) {
		for range n {
			<-tick.C
			w.one(t)
		}
	}
	steps(warm)
	w.watch(t, all-stalled, stalled, 50, 10)
	if n := w.live.hub.Count(); n != all {
		t.Fatalf("%d watch", n)
	}
	gone := make(chan time.Duration, 1)
	go func() { gone <- w.untilGone(all - stalled) }()
	steps(200)
	took := <-gone
	if took > 15*time.Second {
		t.Errorf("viewers that do not read are dropped after %v", took)
	}
	before, used := heap(), cpu()
	frames := w.live.hub.Sent()
	steps(600)
	used, frames = cpu()-used, w.live.hub.Sent()-frames
	after := heap()
	t.Logf("gone after %.1f s; heap %.1f MB, a minute later %.1f MB; %.1f frames a viewer and second, %.1f µs of a processor each, steps included",
		took.Seconds(), float64(before)/1e6, float64(after)/1e6, float64(frames)/60/(all-stalled), float64(used.Microseconds())/float64(frames))
	if math.Abs(float64(after-before)) > 0.05*float64(before) {
		t.Errorf("memory is not flat: %d bytes, a minute later %d", before, after)
	}
	w.crowd.again()
	steps(10)
	r := w.crowd.end(w.made - 1)
	t.Logf("ages: %.0f ms in the middle, 99 of 100 below %.0f ms, at most %.0f ms; %.0f kB/s a viewer", r.P50, r.P99, r.Max, float64(r.Bytes)/(all-stalled)/81/1000)
	if r.Lost > 0 || r.P99 > 250 {
		t.Errorf("%d healthy viewers lost, 99 of 100 frames below %.0f ms", r.Lost, r.P99)
	}
	for _, scope := range []string{"grid", "communities/0", "tile/0"} {
		if want := w.stateOf(scope, w.made-1); r.States[want] != all-stalled {
			t.Errorf("%d of %d have %s as the server has it: %v", r.States[want], all-stalled, scope, r.States)
		}
	}
}

// again makes all healthy viewers disconnect and reconnect at once.
func (c *crowd) again() { c.t.Helper(); c.say("again"); c.ready() }

// Heavy queries, one after the other without a pause, move the time of a step of 10,000 homes by at most a
// tenth: the median of the ratios of pairs, a step with queries and one without, on two servers in turns.
func TestHeavyQueries(t *testing.T) {
	const warm, pairs = 30, 200
	sides := [2]*watched{serveCity(t), serveCity(t)}
	asked := sides[1]
	round := func(i int) {
		for k := range sides {
			sides[(i+k)%2].one(t)
		}
	}
	for i := range warm {
		round(i)
	}
	for _, s := range sides {
		s.took = s.took[:0]
	}
	home := aHome(asked.tester)
	paths := []string{"/twins?where=power_w>1000&limit=1000", "/readings?points=10000&path=" + home, "/flows?scope=grid&points=10000", "/download/grid.csv",
		"/download/readings.csv?from=0&to=2", "/production?points=10000", "/tree", "/tiles/0", "/events?limit=1000"}
	queries := 0
	over, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for ; ; queries++ {
			select {
			case <-over:
				return
			default:
			}
			answer, err := http.Get(asked.url + "/api/v1" + paths[queries%len(paths)])
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = io.Copy(io.Discard, answer.Body) // the server's time is measured, not the answer
			_ = answer.Body.Close()
			if answer.StatusCode != http.StatusOK {
				t.Errorf("%s: %s", paths[queries%len(paths)], answer.Status)
				return
			}
		}
	}()
	for i := range pairs {
		round(i)
	}
	close(over)
	<-ended
	ratios := make([]float64, pairs)
	for i := range ratios {
		ratios[i] = float64(asked.took[i]) / float64(sides[0].took[i])
	}
	slices.Sort(ratios)
	t.Logf("a step takes %.3f times as long while %d queries are answered", ratios[pairs/2], queries)
	if ratios[pairs/2] > 1.1 || queries < pairs/10 {
		t.Errorf("a step takes %.3f times as long while %d queries are answered, want at most 1.1", ratios[pairs/2], queries)
	}
}
