package ui

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/live"
	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/twins"
	"github.com/smatrix-grid/smatrix/ui/stream"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files instead of comparing with them")

// child is called instead of the tests if this binary was started as a crowd of viewers.
var child func()

// TestMain fails if tests leave goroutines behind.
func TestMain(m *testing.M) {
	if child != nil {
		child()
		return
	}
	flag.Parse()
	code := m.Run()
	http.DefaultClient.CloseIdleConnections()
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func flat(w *sim.World) (sim.Stepper, error) { return sim.NewFlat(w, nil, true), nil }

func load(t testing.TB, name string, o scenario.Options) *sim.World {
	t.Helper()
	s, err := scenario.Load(name, o)
	if err != nil {
		t.Fatal(err)
	}
	w, err := sim.Build(s)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// tester is a paused server with a client.
type tester struct {
	*testing.T
	*Server
	url string
}

// optionsOf returns the options of a paused server of a scenario.
func optionsOf(t testing.TB, name string) *Options {
	t.Helper()
	return &Options{World: load(t, name, scenario.Options{}), Stepper: flat, Live: live.Options{Paused: true}}
}

func serve(t *testing.T, name string, change func(*Options)) *tester {
	t.Helper()
	o := optionsOf(t, name)
	if change != nil {
		change(o)
	}
	s, err := NewServer(*o)
	if err != nil {
		t.Fatal(err)
	}
	h := httptest.NewUnstartedServer(s.Handler())
	s.connections.configure(h.Config)
	h.Start()
	t.Cleanup(func() {
		s.Close()
		h.CloseClientConnections()
		h.Close()
	})
	return &tester{t, s, h.URL}
}

// step makes steps of the live run.
func (t *tester) step(n int) {
	t.Helper()
	if _, err := t.Live().Step(t.Context(), n); err != nil {
		t.Fatal(err)
	}
}

// ask sends a request and returns status, media type and body.
func (t *tester) ask(method, path, body string, header ...string) (int, string, []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), method, t.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
		}
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := http.DefaultTransport.RoundTrip(r) // does not follow redirects
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, answer.Header.Get("Content-Type"), b
}

// get sends a GET request that must be answered with 200, and decodes the answer into v.
func (t *tester) get(path string, v any) { t.Helper(); t.want(200, "GET", path, "", v) }

func (t *tester) want(status int, method, path, body string, v any, header ...string) {
	t.Helper()
	got, _, b := t.ask(method, "/api/v1"+path, body, header...)
	if got != status {
		t.Fatalf("%s %s: %d, want %d: %s", method, path, got, status, b)
	}
	if v == nil {
		return
	}
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatalf("%s %s: %v: %s", method, path, err, b)
	}
}

// client is a viewer of the test.
type client struct {
	t    *testing.T
	conn *websocket.Conn
	view stream.View
}

func (t *tester) dial(query string) *client {
	t.Helper()
	conn, answer, err := websocket.DefaultDialer.DialContext(t.Context(), "ws"+strings.TrimPrefix(t.url, "http")+"/api/v1/stream"+query, nil)
	if err != nil {
		if answer != nil {
			b, _ := io.ReadAll(answer.Body)
			t.Fatalf("%v: %d %s", err, answer.StatusCode, b)
		}
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	c := &client{t: t.T, conn: conn, view: stream.View{}}
	if strings.Contains(query, "format=json") {
		return c
	}
	if m := c.next(); m.GetHello().GetProtocol() != protocol {
		t.Fatalf("the first message is %v", m)
	}
	return c
}

// read returns the next message, or the error of the connection.
func (c *client) read() (*stream.ServerMessage, error) {
	_, b, err := c.conn.ReadMessage()
	if err != nil {
		return nil, err
	}
	m := &stream.ServerMessage{}
	if err := proto.Unmarshal(b, m); err != nil {
		c.t.Fatalf("a message of the server cannot be decoded: %v", err)
	}
	if f := m.GetFrame(); f != nil {
		if err := c.view.Apply(f); err != nil {
			c.t.Fatal(err)
		}
	}
	return m, nil
}

func (c *client) next() *stream.ServerMessage {
	c.t.Helper()
	m, err := c.read()
	if err != nil {
		c.t.Fatal(err)
	}
	return m
}

// until reads messages up to the first that wanted accepts.
func (c *client) until(wanted func(*stream.ServerMessage) bool) *stream.ServerMessage {
	c.t.Helper()
	for {
		if m := c.next(); wanted(m) {
			return m
		}
	}
}

func (c *client) send(m *stream.ClientMessage) {
	c.t.Helper()
	b, err := proto.Marshal(m)
	if err != nil {
		c.t.Fatal(err)
	}
	if err := c.conn.WriteMessage(websocket.BinaryMessage, b); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) subscribe(id uint32, scopes ...string) *stream.ServerMessage {
	c.t.Helper()
	c.send(&stream.ClientMessage{Body: &stream.ClientMessage_Subscribe{Subscribe: &stream.Subscribe{Id: id, Scopes: scopes}}})
	return c.until(func(m *stream.ServerMessage) bool {
		return m.GetSubscribed().GetId() == id || m.GetRefused().GetId() == id
	})
}

func (c *client) look(id uint32, live bool, tick int64) *stream.ServerMessage {
	c.t.Helper()
	c.send(&stream.ClientMessage{Body: &stream.ClientMessage_Look{Look: &stream.Look{Id: id, Live: live, Tick: tick}}})
	return c.until(func(m *stream.ServerMessage) bool {
		return m.GetLooking().GetId() == id || m.GetRefused().GetId() == id
	})
}

// at reads messages until a scope shows a step.
func (c *client) at(scope string, tick int64) *stream.Table {
	c.t.Helper()
	c.until(func(m *stream.ServerMessage) bool {
		return m.GetFrame().GetScope() == scope && m.GetFrame().GetTick() == tick
	})
	return c.view[scope]
}

// closed reads until the connection ends, and returns the close error.
func (c *client) closed() *websocket.CloseError {
	c.t.Helper()
	for {
		if _, err := c.read(); err != nil {
			closed, ok := err.(*websocket.CloseError)
			if !ok {
				c.t.Fatalf("no close frame: %v", err)
			}
			return closed
		}
	}
}

// shows compares a viewer's table with the server's step.
func (t *tester) shows(r *run, scope string, table *stream.Table) {
	t.Helper()
	step, err := r.history.Step(twins.Tick(table.Tick), false)
	if err != nil {
		t.Fatal(err)
	}
	for i := range step.Scopes {
		if t.index.scopeName(i) != scope {
			continue
		}
		for b := range step.Scopes[i] {
			block := &step.Scopes[i][b]
			for c := range block.Columns {
				for row := range block.Rows {
					if got, want := table.Blocks[b][c][row], block.Value(c, row); got != want {
						t.Fatalf("%s at step %d: block %d, column %d, row %d: the viewer has %d, the server %d", scope, table.Tick, b, c, row, got, want)
					}
				}
			}
		}
		return
	}
	t.Fatalf("no scope %s", scope)
}

func isProblem(kind string, b []byte) bool {
	var p struct{ Detail string }
	return strings.HasPrefix(kind, "application/problem+json") && json.Unmarshal(b, &p) == nil && p.Detail != "" && !bytes.Contains(b, []byte("goroutine"))
}
