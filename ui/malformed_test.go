package ui

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/smatrix-grid/smatrix/sim/live"
	"github.com/smatrix-grid/smatrix/sim/malformed"
	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/ui/stream"
	"github.com/smatrix-grid/smatrix/ui/viewers"
)

// inputs returns the number of inputs for each entry point.
func inputs() int {
	if long {
		return 1_000_000
	}
	return 10_000
}

// mutated returns one of some inputs, malformed.
func mutated(r *rand.Rand, from []string, words []string) string {
	bytes := make([][]byte, len(from))
	for i, text := range from {
		bytes[i] = []byte(text)
	}
	return string(malformed.Of(r, bytes, words, 4096))
}

var spoilers = append([]string{"grid/north/home-1", "tile/0", "community/", "kind:", "soc<"}, malformed.Words...)

// No malformed message of a viewer breaks the server.
func TestMalformedMessages(t *testing.T) {
	w := load(t, "hamlet", scenario.Options{})
	run := &run{index: NewIndex(w), scenario: w.Scenario}
	var seeds [2][]string
	for _, m := range []*stream.ClientMessage{
		{Body: &stream.ClientMessage_Subscribe{Subscribe: &stream.Subscribe{Id: 1, Scopes: []string{"grid", "sources", "communities", "community/north", "tile/0", "twin/grid/north/home-1", "alerts"}, MaxHz: 10}}},
		{Body: &stream.ClientMessage_Look{Look: &stream.Look{Id: 2, Tick: 5}}}, {},
	} {
		b, _ := proto.Marshal(m)
		text, _ := protojson.Marshal(m)
		seeds[0], seeds[1] = append(seeds[0], string(b)), append(seeds[1], string(text))
	}
	r := rand.New(rand.NewPCG(4, 2))
	understood := 0
	for i := range inputs() {
		form := i % 2
		m, err := viewers.Decode([]byte(mutated(r, seeds[form], spoilers)), form == 1)
		if err != nil {
			continue
		}
		understood++
		if v, done, err := (source{run}).Resolve(m.GetSubscribe().GetScopes(), form == 1); err == nil && len(done.Frames) != len(v.Scopes)+len(v.Pins) {
			t.Fatalf("message %d: %d frames for %d scopes and %d pins", i, len(done.Frames), len(v.Scopes), len(v.Pins))
		}
	}
	if understood == 0 || understood > inputs()*9/10 {
		t.Errorf("%d of %d messages were understood", understood, inputs())
	}
}

// failing is a logger of a server that fails the test for whatever is logged: a panic after the status was
// sent shows nowhere else.
func failing(t testing.TB) *slog.Logger { return slog.New(slog.NewTextHandler(failed{t}, nil)) }

type failed struct{ testing.TB }

func (t failed) Write(b []byte) (int, error) {
	t.Errorf("the server logged %s", b)
	return len(b), nil
}

// No malformed request is answered with a 5xx, or makes the server panic.
func TestMalformedRequests(t *testing.T) {
	s, err := NewServer(Options{World: load(t, "hamlet", scenario.Options{}), Stepper: flat, Live: live.Options{Paused: true}, Limits: Limits{Requests: 1e12}, Log: failing(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Live().Step(context.Background(), 3); err != nil {
		t.Fatal(err)
	}
	targets := []string{"/api/v1/twins?where=soc<0.5&q=kind:battery&limit=3&cursor=2", "/api/v1/twin?path=grid/north/home-1&tick=1", "/api/v1/readings?path=grid/north/home-1&column=part:pv&from=0&to=2&points=2",
		"/api/v1/flows?scope=grid/north&column=load_w", "/api/v1/events?type=x&cursor=1.2", "/api/v1/decisions?reason=limit", "/api/v1/tiles/0", "/api/v1/compare?a=live&b=live", "/api/v1/production?points=10",
		"/api/v1/download/readings.csv?community=north&from=1", "/api/v1/download/readings.parquet?path=grid/north/home-1", "/api/v1/download/grid.parquet?from=0&to=2", "/api/v1/alerts?active=true",
		"/api/v1/state?run=live", "/api/v1/runs/live", "/api/v1/stream?format=json", "/home/x", "/assets/x.js", "/docs", "/openapi.json"}
	posts := []string{"/api/v1/commands", "/api/v1/alerts/acknowledge", "/api/v1/clock/speed", "/api/v1/clock/seek", "/api/v1/forks"}
	bodies := []string{`{"target":"grid/north/home-1","setting":"pv.scale","value":1.5,"tick":9}`, `{"target":"grid/north","setting":"limit_w","multiply":2}`, `{"target":"grid/north/home-1/battery","setting":"mode","word":"idle"}`,
		`{"id":"load.unserved:grid/north"}`, `{"speed":600}`, `{"tick":2}`, `{"at":99,"name":"x","set":["ties.tie.available=false"]}`}
	r := rand.New(rand.NewPCG(4, 3))
	counts := map[int]int{}
	for i := range inputs() {
		method, target, body := http.MethodGet, mutated(r, targets, spoilers), ""
		if i%2 == 1 {
			method, target, body = http.MethodPost, posts[r.IntN(len(posts))], mutated(r, bodies, spoilers)
		}
		u, err := url.Parse("http://127.0.0.1" + target)
		if err != nil || u.Host != "127.0.0.1" {
			continue
		}
		q := httptest.NewRequestWithContext(t.Context(), method, "http://127.0.0.1/", strings.NewReader(body))
		q.URL = u
		q.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, q)
		if counts[w.Code/100]++; w.Code >= 500 {
			t.Fatalf("request %d: %s %q %q: %d %s", i, method, target, body, w.Code, w.Body)
		}
	}
	t.Logf("answers by hundred: %v", counts)
	if counts[2] == 0 || counts[4] < counts[2]/10 {
		t.Errorf("answers by hundred: %v", counts)
	}
}

// FuzzBodies: no body and no media type of a route that changes something makes the server fail.
func FuzzBodies(f *testing.F) {
	server, err := NewServer(Options{World: load(f, "hamlet", scenario.Options{}), Stepper: flat, Live: live.Options{Paused: true}, Limits: Limits{Requests: 1e12}, Log: failing(f)})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(server.Close)
	posts := []string{"commands", "alerts/acknowledge", "clock/step", "clock/speed", "clock/seek", "forks"}
	for i, body := range []string{`{"target":"grid/north/home-1","setting":"pv.scale","value":1.5}`, `{"id":"x"}`, `{"steps":1}`, `{"speed":600}`, `{"tick":1}`, `{"at":0,"set":["ties.tie.available=false"]}`} {
		f.Add(uint8(i), body, "application/json", "key")
	}
	f.Fuzz(func(t *testing.T, route uint8, body, media, key string) {
		q := httptest.NewRequest(http.MethodPost, "http://127.0.0.1/api/v1/"+posts[int(route)%len(posts)], strings.NewReader(body))
		q.Header.Set("Content-Type", media)
		q.Header.Set("Idempotency-Key", key)
		w := httptest.NewRecorder()
		if server.Handler().ServeHTTP(w, q); w.Code >= 500 {
			t.Errorf("%s %q %q: %d %s", q.URL.Path, media, body, w.Code, w.Body)
		}
	})
}

// FuzzSocket: whatever bytes a viewer sends after the handshake, the server closes the connection
// in order.
func FuzzSocket(f *testing.F) {
	server, err := NewServer(Options{World: load(f, "hamlet", scenario.Options{}), Stepper: flat, Live: live.Options{Paused: true}, Limits: Limits{Requests: 1e12}, Log: failing(f)})
	if err != nil {
		f.Fatal(err)
	}
	h := httptest.NewServer(server.Handler())
	f.Cleanup(func() { server.Close(); h.Close() })
	if _, err := server.Live().Step(context.Background(), 1); err != nil {
		f.Fatal(err)
	}
	m, _ := proto.Marshal(&stream.ClientMessage{Body: &stream.ClientMessage_Subscribe{Subscribe: &stream.Subscribe{Id: 1, Scopes: []string{"grid", "alerts"}}}})
	masked := append([]byte{0x82, 0x80 | byte(len(m)), 0, 0, 0, 0}, m...)
	f.Add(masked, false)
	f.Add([]byte("\x81\x80\x00\x00\x00\x00"), true)
	f.Add([]byte("\x89\x80\x00\x00\x00\x00\x8a\x80\x00\x00\x00\x00"), false) // ping, pong
	f.Add([]byte("\x88\x82\x00\x00\x00\x00\x03\xe8"), false)                 // close
	f.Add([]byte("\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00"), false)
	f.Fuzz(func(t *testing.T, b []byte, asJSON bool) {
		conn, err := net.Dial("tcp", h.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		query := ""
		if asJSON {
			query = "?format=json"
		}
		fmt.Fprintf(conn, "GET /api/v1/stream%s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n", query)
		in := bufio.NewReader(conn)
		answer, err := http.ReadResponse(in, nil)
		if err != nil || answer.StatusCode != http.StatusSwitchingProtocols {
			t.Fatalf("%v %v", answer, err)
		}
		_, _ = conn.Write(b) // fails if the server has closed the connection
		_ = conn.(*net.TCPConn).CloseWrite()
		_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
		if _, err := io.Copy(io.Discard, in); err != nil && strings.Contains(err.Error(), "timeout") {
			t.Errorf("%q: the connection goes on", b)
		}
	})
}
