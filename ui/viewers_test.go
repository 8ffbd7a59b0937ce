//go:build unix

package ui

import (
	"context"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/smatrix-grid/smatrix/sim/live"
	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/twins"
	"github.com/smatrix-grid/smatrix/ui/viewers"
)

// watched is a paused server of the city of 10,000 homes.
type watched struct {
	*tester
	made   int64
	took   []time.Duration
	crowd  *crowd
	left   chan struct{} // gets a value for each viewer that has disconnected
	served *httptest.Server
}

// serveCity starts a server with a small history, so that its memory soon reaches its final size.
func serveCity(t testing.TB) *watched {
	t.Helper()
	return serveQuiet(t, "city", scenario.Options{Days: new(14)})
}

// serveQuiet starts a server; timing, if given, is that of its viewers.
func serveQuiet(t testing.TB, name string, o scenario.Options, timing ...viewers.Timing) *watched {
	t.Helper()
	s, err := NewServer(Options{World: load(t, name, o), Stepper: flat, Live: live.Options{Paused: true}, HistoryBytes: 8 << 20,
		Limits: Limits{Requests: 1e6}})
	if err != nil {
		t.Fatal(err)
	}
	if len(timing) > 0 {
		s.timing = timing[0]
	}
	w := &watched{tester: &tester{Server: s}, left: make(chan struct{}, 1)}
	w.T, _ = t.(*testing.T)
	s.viewers.left = func() {
		select {
		case w.left <- struct{}{}:
		default:
		}
	}
	w.served = httptest.NewServer(s.Handler())
	w.url = w.served.URL
	t.Cleanup(func() {
		s.Close()
		w.served.Close()
	})
	return w
}

// watch starts a crowd that watches the grid, its communities and a tile.
func (w *watched) watch(t testing.TB, healthy, stalled, every int, hz uint32) {
	t.Helper()
	w.crowd = newCrowd(t, crowdOf{URL: "ws" + strings.TrimPrefix(w.url, "http") + "/api/v1/stream", Healthy: healthy, Stalled: stalled,
		Scopes: []string{"grid", "communities", "tile/0"}, Hz: hz, Every: every})
}

// one makes a step.
func (w *watched) one(t testing.TB) {
	t.Helper()
	if w.crowd != nil {
		w.crowd.step(w.made)
	}
	begun := time.Now()
	if _, err := w.Live().Step(context.Background(), 1); err != nil {
		t.Fatal(err)
	}
	w.took = append(w.took, time.Since(begun))
	w.made++
}

// untilGone returns when the viewers that have stopped reading have been dropped.
func (w *watched) untilGone(healthy int) time.Duration {
	begun := time.Now()
	for w.live.hub.Count() > healthy {
		<-w.left
	}
	return time.Since(begun)
}

// Of 200 viewers 40 stop reading. They are dropped, the others are not, and each of those has the server's
// state of the last step. (TestCrowd has the long form, with times.)
func TestViewersThatStall(t *testing.T) {
	if testing.Short() {
		t.Skip("200 viewers are too slow under the race detector to answer pings in time; TestStreamShowsTheRun has a few")
	}
	const all, stalled = 200, 40
	w := serveQuiet(t, "hamlet", scenario.Options{Set: []string{"step_s=60"}},
		viewers.Timing{Heartbeat: time.Second, Ping: 500 * time.Millisecond, Pong: 6 * time.Second, Write: 10 * time.Second})
	w.one(t)
	w.watch(t, all-stalled, stalled, 1, 30)
	for range 10 {
		w.one(t)
	}
	w.untilGone(all - stalled)
	for range 10 {
		w.one(t)
	}
	r := w.crowd.end(w.made - 1)
	if n := w.live.hub.Count(); n > all-stalled || r.Lost > 0 {
		t.Errorf("%d viewers are left, wanted at most %d; %d healthy ones were dropped", n, all-stalled, r.Lost)
	}
	for _, scope := range []string{"grid", "communities/0", "tile/0"} {
		if want := w.stateOf(scope, w.made-1); r.States[want] != all-stalled {
			t.Errorf("%d of %d have %s as the server has it: %v", r.States[want], all-stalled, scope, r.States)
		}
	}
}

// stateOf returns the stateName of the server's values of a scope in a step.
func (t *tester) stateOf(scope string, tick int64) string {
	t.Helper()
	step, err := t.live.history.Step(twins.Tick(tick), false)
	if err != nil {
		t.Fatal(err)
	}
	for i, blocks := range step.Scopes {
		if t.index.scopeName(i) == scope {
			return stateName(scope, tick, len(blocks), func(b int) (int, int) { return len(blocks[b].Columns), blocks[b].Rows },
				func(b, c, row int) int64 { return blocks[b].Value(c, row) })
		}
	}
	t.Fatalf("no scope %s", scope)
	return ""
}

// BenchmarkViewers measures the cost of 200 or 1,000 viewers of the city of 10,000 homes at 10 Hz. A
// tenth of the viewers have stopped reading. Two servers step in turns, one of them watched by viewers in
// another process. The processor time of a frame is that of a round of both servers less that of a
// round without viewers.
func BenchmarkViewers(b *testing.B) {
	for _, all := range []int{200, 1000} {
		b.Run(fmt.Sprint("viewers=", all), func(b *testing.B) { benchmarkViewers(b, all*9/10, all/10) })
	}
}

func benchmarkViewers(b *testing.B, healthy, stalled int) {
	const idle = 40
	sides := [2]*watched{serveCity(b), serveCity(b)}
	alone, shown := sides[0], sides[1]
	tick := time.NewTicker(50 * time.Millisecond) // each of the two at 10 Hz
	defer tick.Stop()
	round := func(i int) {
		for k := range sides {
			<-tick.C
			sides[(i+k)%2].one(b)
		}
	}
	for i := range idle / 2 { // history fills
		round(i)
	}
	before, used := heap(), cpu()
	for i := range idle {
		round(i)
	}
	used = (cpu() - used) / idle
	shown.watch(b, healthy, stalled, 20, 10)
	var gone time.Duration
	var dropped sync.WaitGroup
	dropped.Go(func() { gone = shown.untilGone(healthy) })
	for _, s := range sides {
		s.took = s.took[:0]
	}
	frames, busy, rounds := shown.live.hub.Sent(), cpu(), 0
	for b.Loop() {
		round(rounds)
		rounds++
	}
	busy = cpu() - busy - time.Duration(rounds)*used
	frames = shown.live.hub.Sent() - frames
	after := heap()
	r := shown.crowd.end(shown.made - 1)
	dropped.Wait()
	ratios := make([]float64, rounds)
	for i := range ratios {
		ratios[i] = float64(shown.took[i]) / float64(alone.took[i])
	}
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], "watched/alone")
	b.ReportMetric(float64(busy.Microseconds())/float64(frames), "server-µs/frame")
	b.ReportMetric(r.P50, "ms-age-p50")
	b.ReportMetric(r.P99, "ms-age-p99")
	b.ReportMetric(float64(r.Bytes)/float64(healthy)/float64(rounds)/100, "kB/s/viewer")
	b.ReportMetric(float64(after-before)/float64(healthy+stalled)/1000, "kB/viewer")
	b.ReportMetric(gone.Seconds(), "s-until-gone")
	b.ReportMetric(float64(shown.live.hub.Skipped())/float64(frames), "conflated/frame")
	if r.Lost > 0 {
		b.Errorf("%d healthy viewers were dropped", r.Lost)
	}
}

// BenchmarkFrames measures what a frame for a viewer costs the server where steps cost next to
// nothing: 200 viewers of a hamlet, three frames each a step, 20 steps a second.
func BenchmarkFrames(b *testing.B) {
	const watching = 200
	w := serveQuiet(b, "hamlet", scenario.Options{Set: []string{"step_s=60"}})
	w.one(b)
	w.watch(b, watching, 0, 0, 30)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	frames, used := w.live.hub.Sent(), cpu()
	for b.Loop() {
		<-tick.C
		w.one(b)
	}
	used, frames = cpu()-used, w.live.hub.Sent()-frames
	r := w.crowd.end(w.made - 1)
	b.ReportMetric(float64(used.Nanoseconds())/float64(frames)/1000, "server-µs/frame")
	b.ReportMetric(r.CPU*1e6/float64(r.Frames), "viewers-µs/frame")
	b.ReportMetric(r.P99, "ms-age-p99")
}
