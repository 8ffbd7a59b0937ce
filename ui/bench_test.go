package ui

import (
	"context"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"google.golang.org/protobuf/proto"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/ui/stream"
)

// BenchmarkShow is what a step costs beyond itself so that it can be seen: record and
// history, alerts, and handing it to viewers that are not there.
func BenchmarkShow(b *testing.B) {
	w := load(b, "city", sim.Options{})
	x := NewIndex(w)
	r := &run{index: x, scenario: w.Scenario, hub: newHub(x), alerts: newAlerts(x, w), settings: settings{now: map[settingOf]int64{}}}
	m := NewMemory(x, 64<<20)
	show := &recorder{index: x, limit: nodeLimit, to: func(s *Step, rec *sim.StepRecord) {
		m.Add(s)
		r.alerts.step(rec, nodeLimit)
		r.hub.show(s)
	}}
	for _, row := range []struct {
		name  string
		sinks []sim.Sink
	}{{"bare", nil}, {"shown", []sim.Sink{show}}} {
		b.Run(row.name, func(b *testing.B) {
			runner := sim.Runner{World: w, Stepper: sim.NewFlat(w, nil, true), Sinks: row.sinks}
			runner.From(0)
			for b.Loop() {
				if more, err := runner.Step(); err != nil {
					b.Fatal(err)
				} else if !more {
					runner.From(0)
				}
			}
			b.ReportMetric(float64(x.Twins), "twins")
		})
	}
}

// BenchmarkViewers is how much longer a step of the city of 10,000 homes takes while 200
// watch it at 10 Hz, 20 of whom have stopped reading: two servers step in turns, one of
// them watched. The viewers are in this process, too, on processors of their own only
// if there are any.
func BenchmarkViewers(b *testing.B) {
	const all, stalled = 200, 20
	type side struct {
		*Server
		took []time.Duration
	}
	var sides [2]*side
	for i := range sides {
		s, err := NewServer(Options{World: load(b, "city", sim.Options{Days: new(3)}), Stepper: flat, Live: sim.LiveOptions{Paused: true}, HistoryBytes: 64 << 20,
			Limits: Limits{Requests: 1e6}})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(s.Close)
		sides[i] = &side{Server: s}
	}
	h := httptest.NewServer(sides[1].Handler())
	b.Cleanup(h.Close)
	var age ages
	var gone sync.WaitGroup
	for i := range all {
		conn, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(h.URL, "http")+"/api/v1/stream", nil)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = conn.Close() })
		m, _ := proto.Marshal(&stream.ClientMessage{Body: &stream.ClientMessage_Subscribe{Subscribe: &stream.Subscribe{Scopes: []string{"grid", "communities", "tile/0"}, MaxHz: 10}}})
		if err := conn.WriteMessage(websocket.BinaryMessage, m); err != nil {
			b.Fatal(err)
		}
		if i < stalled {
			continue
		}
		gone.Go(func() { age.read(conn) })
	}
	step := func(s *side) {
		begun := time.Now()
		age.made(s == sides[1], begun)
		if _, err := s.Live().Step(context.Background(), 1); err != nil {
			b.Fatal(err)
		}
		s.took = append(s.took, time.Since(begun))
	}
	tick := time.NewTicker(50 * time.Millisecond) // each of the two at 10 Hz
	defer tick.Stop()
	for i := 0; b.Loop(); i++ {
		for k := range sides {
			<-tick.C
			step(sides[(i+k)%2])
		}
	}
	ratios := make([]float64, len(sides[0].took))
	for i := range ratios {
		ratios[i] = float64(sides[1].took[i]) / float64(sides[0].took[i])
	}
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], "watched/alone")
	b.ReportMetric(age.quantile(0.99).Seconds()*1000, "ms-age-p99")
	b.ReportMetric(float64(sides[1].live.hub.count()), "viewers-left")
}

// ages are how old frames are when they have been read: since their step was begun.
type ages struct {
	mu    sync.Mutex
	begun []time.Time // of the watched steps, by tick
	all   []time.Duration
}

func (a *ages) made(watched bool, at time.Time) {
	if watched {
		a.mu.Lock()
		a.begun = append(a.begun, at)
		a.mu.Unlock()
	}
}

func (a *ages) read(conn *websocket.Conn) {
	for {
		_, b, err := conn.ReadMessage()
		if err != nil {
			return
		}
		m := &stream.ServerMessage{}
		if proto.Unmarshal(b, m) != nil || m.GetFrame() == nil {
			continue
		}
		a.mu.Lock()
		a.all = append(a.all, time.Since(a.begun[m.GetFrame().GetTick()]))
		a.mu.Unlock()
	}
}

func (a *ages) quantile(q float64) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.all) == 0 {
		return 0
	}
	slices.Sort(a.all)
	return a.all[int(q*float64(len(a.all)-1))]
}
