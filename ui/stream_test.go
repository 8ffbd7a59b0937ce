package ui

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/ui/stream"
	"github.com/smatrix-grid/smatrix/ui/viewers"
)

// A viewer gets full state, then deltas, and has the server's values.
func TestStreamShowsTheRun(t *testing.T) {
	s := serve(t, "hamlet", nil)
	s.step(2)
	c := s.dial("")
	if m := c.subscribe(1, "grid", "sources", "communities", "community/north", "twin/"+aHome(s), "alerts"); m.GetSubscribed() == nil {
		t.Fatal(m)
	}
	c.at("grid", 1)
	bases := map[int64]int{}
	for tick := int64(2); tick < 12; tick++ {
		s.step(1)
		last := s.index.scopeName(s.index.scopes() - 1)
		m := c.until(func(m *stream.ServerMessage) bool {
			return m.GetFrame().GetScope() == last && m.GetFrame().GetTick() == tick
		})
		bases[m.GetFrame().GetBase()]++
	}
	for tick := int64(2); tick < 12; tick++ {
		if bases[tick-1] != 1 {
			t.Errorf("step %d came %d times as a delta to the step before: %v", tick, bases[tick-1], bases)
		}
	}
	for _, scope := range []string{"grid", "sources", "communities/0", "tile/0"} {
		if c.view[scope].Tick != 11 {
			t.Errorf("%s is at step %d", scope, c.view[scope].Tick)
		}
		s.shows(s.live, scope, c.view[scope])
	}
	pin := c.at("twin/"+aHome(s), 11)
	var twin TwinInfo
	s.get("/twin?path="+aHome(s), &twin)
	if len(twin.Parts) == 0 || len(pin.Blocks) != 2 || len(pin.Blocks[1][0]) != len(twin.Parts) {
		t.Fatalf("pinned %v, parts %v", pin.Blocks, twin.Parts)
	}
	sum := int64(0)
	for _, v := range pin.Blocks[1][0] {
		sum += v
	}
	if sum != pin.Blocks[0][0][0] || sum == 0 {
		t.Errorf("the devices add up to %d, the home draws %d", sum, pin.Blocks[0][0][0])
	}
}

// aHome returns the path of a home of the hamlet with more than one device.
func aHome(s *tester) string {
	for i := range s.index.Tiles {
		for _, b := range s.index.Tiles[i].Blocks {
			for r, parts := range b.Parts {
				if len(parts) > 1 {
					return b.Paths[r]
				}
			}
		}
	}
	panic("no home has two devices")
}

// One viewer looks at the past and comes back; the other stays live, and neither
// moves the simulation.
func TestTwoViewersOneScrubs(t *testing.T) {
	s := serve(t, "hamlet", nil)
	s.step(10)
	a, b := s.dial(""), s.dial("")
	a.subscribe(1, "grid", "tile/0")
	b.subscribe(1, "grid", "tile/0")
	a.at("tile/0", 9)
	b.at("tile/0", 9)
	if m := a.look(2, false, 4); m.GetLooking().GetTick() != 4 {
		t.Fatal(m)
	}
	s.shows(s.live, "tile/0", a.at("tile/0", 4))
	s.step(1)
	s.shows(s.live, "tile/0", b.at("tile/0", 10))
	m := a.until(func(m *stream.ServerMessage) bool {
		return m.GetHeartbeat() != nil && m.GetHeartbeat().Clock.Tick == 11
	})
	if m.GetHeartbeat().Live || m.GetHeartbeat().Looking != 4 || a.view["tile/0"].Tick != 4 {
		t.Errorf("the one that looks back is moved: %v, at %d", m, a.view["tile/0"].Tick)
	}
	a.look(3, true, 0)
	s.shows(s.live, "tile/0", a.at("tile/0", 10))
	s.step(1)
	a.at("tile/0", 11)
	for tick, want := range map[int64]string{-1: "not held", 12: "not made yet", 1 << 40: "not made yet"} {
		if m := a.look(4, false, tick); !strings.Contains(m.GetRefused().GetReason(), want) {
			t.Errorf("look at %d: %v, want %q", tick, m, want)
		}
	}
}

// A viewer that reconnects has the same state as the server, and as a viewer that stayed connected,
// whatever it missed.
func TestReconnect(t *testing.T) {
	s := serve(t, "hamlet", nil)
	stays := s.dial("")
	stays.subscribe(1, "grid", "communities", "tile/0")
	r := rand.New(rand.NewPCG(6, 1))
	done := 0
	for done < 20 {
		leaves := s.dial("")
		leaves.subscribe(1, "grid", "communities", "tile/0")
		n := 1 + r.IntN(3)
		s.step(n)
		done += n
		again := s.dial("")
		again.subscribe(1, "grid", "communities", "tile/0")
		if err := leaves.conn.Close(); err != nil {
			t.Fatal(err)
		}
		got, want := again.at("tile/0", int64(done-1)), stays.at("tile/0", int64(done-1))
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("after step %d a new viewer has other values than one that stayed", done)
		}
		s.shows(s.live, "tile/0", got)
		s.shows(s.live, "communities/0", again.view["communities/0"])
	}
}

// Subscriptions are met, or refused with a reason.
func TestSubscribe(t *testing.T) {
	s := serve(t, "hamlet", nil)
	s.step(1)
	c := s.dial("")
	many := make([]string, mostScopes+1)
	for i := range many {
		many[i] = "g"
	}
	for _, row := range []struct {
		scopes []string
		want   string
	}{
		{[]string{"x"}, `unknown scope "x", wanted grid`},
		{[]string{""}, `unknown scope ""`},
		{[]string{"grid", "tile/1"}, `no tile "1", there are 0 to 0`},
		{[]string{"tile/-1"}, `no tile "-1"`},
		{[]string{"tile/99999999999999999999"}, "no tile"},
		{[]string{"community/x"}, `no community "x"`},
		{[]string{"twin/grid/x"}, `no twin "grid/x"`},
		{[]string{"twin/grid/north"}, "no twin"},
		{many, "2001 scopes"},
	} {
		if m := c.subscribe(9, row.scopes...); !strings.Contains(m.GetRefused().GetReason(), row.want) {
			t.Errorf("%.60q: %v, want %q", row.scopes, m, row.want)
		}
	}
	if m := c.subscribe(10, "grid", "grid", "community/north", "tile/0"); fmt.Sprint(m.GetSubscribed().GetFrames()) != "[grid tile/0]" {
		t.Errorf("got %v", m)
	}
	if m := c.subscribe(11); m.GetSubscribed() == nil || len(m.GetSubscribed().Frames) != 0 {
		t.Errorf("nothing wanted: %v", m)
	}
}

// A subscription to more twins than the limit gets communities, and a notice.
func TestTooManyTwinsBecomeCommunities(t *testing.T) {
	s := serve(t, "hamlet", nil)
	tile := s.index.Tiles[0]
	tile.Twins = mostTwins + 1 // as if there were that many
	s.index.Tiles[0] = tile
	s.step(1)
	c := s.dial("")
	m := c.subscribe(1, "grid", "tile/0").GetSubscribed()
	if fmt.Sprint(m.GetFrames()) != "[grid communities/0]" || !m.Aggregated || !strings.Contains(m.Notice, "3 communities shown: 20001 twins") {
		t.Errorf("got %v", m)
	}
	s.shows(s.live, "communities/0", c.at("communities/0", 0))
	j := s.dial("?format=json")
	if err := j.conn.WriteMessage(websocket.TextMessage, []byte(`{"subscribe":{"id":1,"scopes":["tile/0"]}}`)); err != nil {
		t.Fatal(err)
	}
	if got := j.text("refused"); !strings.Contains(fmt.Sprint(got), "20001 twins as JSON") {
		t.Errorf("got %v", got)
	}
}

// text reads JSON messages up to the first of a sort.
func (c *client) text(sort string) map[string]any {
	c.t.Helper()
	for {
		kind, b, err := c.conn.ReadMessage()
		if err != nil || kind != websocket.TextMessage {
			c.t.Fatal(kind, err)
		}
		var m map[string]map[string]any
		if err := json.Unmarshal(b, &m); err != nil {
			c.t.Fatalf("%v: %s", err, b)
		}
		if m[sort] != nil {
			return m[sort]
		}
	}
}

// The stream in JSON has the same content as the binary stream.
func TestStreamAsJSON(t *testing.T) {
	s := serve(t, "hamlet", nil)
	s.step(1)
	c := s.dial("?format=json")
	if got := c.text("hello"); got["scenario"] != "hamlet" || got["step_s"] != 3600.0 {
		t.Errorf("hello %v", got)
	}
	if err := c.conn.WriteMessage(websocket.TextMessage, []byte(`{"subscribe":{"id":3,"scopes":["grid","alerts"]}}`)); err != nil {
		t.Fatal(err)
	}
	if got := c.text("subscribed"); fmt.Sprint(got["frames"]) != "[grid]" {
		t.Errorf("subscribed %v", got)
	}
	if got := c.text("alerts"); got["full"] != true {
		t.Errorf("alerts %v", got)
	}
	f := c.text("frame")
	column := f["blocks"].([]any)[0].(map[string]any)["columns"].([]any)[flowColumnNamed("load_w")].(map[string]any)
	var state struct {
		Series []struct {
			V []float64 `json:"v"`
		} `json:"series"`
	}
	s.get("/flows?column=load_w", &state)
	if got := column["values"].([]any)[0].(float64) / 1000; got != state.Series[0].V[0] || got == 0 {
		t.Errorf("load %v on the stream, %v by REST", got, state.Series[0].V[0])
	}
	if got := c.text("heartbeat"); got["clock"].(map[string]any)["state"] != "PAUSED" {
		t.Errorf("heartbeat %v", got)
	}
	s.step(1)
	if f := c.text("frame"); f["base"] != 0.0 || f["tick"] != 1.0 {
		t.Errorf("frame %v", f["base"])
	}
}

// A viewer that breaks a rule is disconnected with a close code and a reason.
func TestStreamCloseCodes(t *testing.T) {
	s := serve(t, "hamlet", nil)
	s.step(1)
	empty, _ := proto.Marshal(&stream.ClientMessage{})
	look, _ := proto.Marshal(&stream.ClientMessage{Body: &stream.ClientMessage_Look{Look: &stream.Look{Live: true}}})
	for _, row := range []struct {
		name, query string
		kind        int
		message     []byte
		times       int
		code        int
		want        string
	}{
		{"not protobuf", "", websocket.BinaryMessage, []byte("\xff\xff\xff"), 1, websocket.CloseInvalidFramePayloadData, "cannot be decoded"},
		{"empty", "", websocket.BinaryMessage, empty, 1, websocket.CloseInvalidFramePayloadData, "without subscribe or look"},
		{"text", "", websocket.TextMessage, []byte("{}"), 1, websocket.CloseUnsupportedData, "text on a binary stream"},
		{"binary", "?format=json", websocket.BinaryMessage, look, 1, websocket.CloseUnsupportedData, "the other way round"},
		{"not JSON", "?format=json", websocket.TextMessage, []byte("{"), 1, websocket.CloseInvalidFramePayloadData, "cannot be decoded"},
		{"unknown field", "?format=json", websocket.TextMessage, []byte(`{"eat":{}}`), 1, websocket.CloseInvalidFramePayloadData, "cannot be decoded"},
		{"huge", "", websocket.BinaryMessage, make([]byte, 32<<10+1), 1, websocket.CloseMessageTooBig, "more than 32 KiB"},
		{"too many", "", websocket.BinaryMessage, look, 10 * 50, websocket.ClosePolicyViolation, "messages in a second"},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := s.dial(row.query)
			c.t = t
			for range row.times {
				if err := c.conn.WriteMessage(row.kind, row.message); err != nil {
					break // the server has closed the connection
				}
			}
			got := c.ended()
			if got.Code != row.code || !strings.Contains(got.Text, row.want) {
				t.Errorf("%d %q, want %d %q", got.Code, got.Text, row.code, row.want)
			}
		})
	}
}

// ended reads and discards messages until the connection ends.
func (c *client) ended() *websocket.CloseError {
	c.t.Helper()
	for {
		if _, _, err := c.conn.ReadMessage(); err != nil {
			closed, ok := err.(*websocket.CloseError)
			if !ok {
				c.t.Fatalf("no close frame: %v", err)
			}
			return closed
		}
	}
}

// FuzzClientMessage: no message of a viewer breaks the server.
func FuzzClientMessage(f *testing.F) {
	w := load(f, "hamlet", scenario.Options{})
	x := NewIndex(w)
	r := &run{index: x, scenario: w.Scenario, history: NewMemory(x, 1<<20)}
	for _, m := range []*stream.ClientMessage{
		{Body: &stream.ClientMessage_Subscribe{Subscribe: &stream.Subscribe{Id: 1, Scopes: []string{"grid", "sources", "communities", "community/north", "tile/0", "twin/grid/north/x", "alerts"}, MaxHz: 10}}},
		{Body: &stream.ClientMessage_Look{Look: &stream.Look{Id: 2, Tick: 5}}}, {},
	} {
		b, _ := proto.Marshal(m)
		text, _ := protojson.Marshal(m)
		f.Add(b, false)
		f.Add(text, true)
	}
	f.Fuzz(func(t *testing.T, b []byte, asJSON bool) {
		m, err := viewers.Decode(b, asJSON)
		if err != nil {
			return
		}
		v, done, err := source{r}.Resolve(m.GetSubscribe().GetScopes(), asJSON)
		if err == nil && len(done.Frames) != len(v.Scopes)+len(v.Pins) {
			t.Errorf("%d frames for %d scopes and %d pins", len(done.Frames), len(v.Scopes), len(v.Pins))
		}
		_, _ = r.history.Step(0, true)
	})
}

// short makes the intervals and time limits of the stream short.
func short(t *tester) {
	t.timing = viewers.Timing{Heartbeat: 10 * time.Millisecond, Ping: 50 * time.Millisecond, Pong: 1500 * time.Millisecond, Write: 5 * time.Second}
}

// A viewer that does not answer pings is dropped; one that does stays.
func TestStalledViewerIsDropped(t *testing.T) {
	s := serve(t, "hamlet", nil)
	short(s)
	s.step(1)
	stays, stalls := s.dial(""), s.dial("")
	stalls.conn.SetPingHandler(func(string) error { return nil })
	stays.subscribe(1, "grid")
	if got := s.live.hub.Count(); got != 2 {
		t.Fatalf("%d viewers", got)
	}
	stays.until(func(m *stream.ServerMessage) bool { return m.GetHeartbeat() != nil && m.GetHeartbeat().Viewers == 1 })
	if got := stalls.closed(); got.Code != 4000 || !strings.Contains(got.Text, "no pong") {
		t.Errorf("%d %q", got.Code, got.Text)
	}
	s.step(1)
	stays.at("grid", 1)
}

// With many viewers at 10 Hz, one that never reads and one that reads slowly, the simulation does not
// wait, healthy viewers end with the server's state, and no goroutine is left.
func TestManyViewers(t *testing.T) {
	healthy, stalled, steps := 50, 1, 24
	if long {
		healthy, stalled = 1000, 100
	}
	s := serve(t, "hamlet", func(o *Options) { o.Limits.Requests = 1e6 })
	short(s)
	s.timing.Pong = 3 * time.Second
	if long {
		s.timing = viewers.UsualTiming
	}
	for range stalled {
		s.dial("").send(&stream.ClientMessage{Body: &stream.ClientMessage_Subscribe{Subscribe: &stream.Subscribe{Scopes: []string{"grid", "communities", "tile/0"}, MaxHz: 10}}})
	}
	slow := s.dial("")
	var all sync.WaitGroup
	all.Add(1)
	go func() {
		defer all.Done()
		slow.send(&stream.ClientMessage{Body: &stream.ClientMessage_Subscribe{Subscribe: &stream.Subscribe{Scopes: []string{"grid", "tile/0"}, MaxHz: 1}}})
		for slow.view["tile/0"] == nil || slow.view["tile/0"].Tick < int64(steps-1) {
			if _, err := slow.read(); err != nil {
				t.Error(err)
				return
			}
		}
	}()
	tables := make([]*stream.Table, healthy)
	for i := range healthy {
		c := s.dial("")
		all.Add(1)
		go func() {
			defer all.Done()
			c.send(&stream.ClientMessage{Body: &stream.ClientMessage_Subscribe{Subscribe: &stream.Subscribe{Scopes: []string{"grid", "communities", "tile/0"}, MaxHz: 10}}})
			for c.view["tile/0"] == nil || c.view["tile/0"].Tick < int64(steps-1) {
				if _, err := c.read(); err != nil {
					t.Error(err)
					return
				}
			}
			tables[i] = c.view["tile/0"]
		}()
	}
	for range steps {
		s.step(1)
	}
	all.Wait()
	if t.Failed() {
		return
	}
	for i := range tables {
		s.shows(s.live, "tile/0", tables[i])
	}
	s.shows(s.live, "tile/0", slow.view["tile/0"])
	// The stalled viewers are dropped: the heartbeat of the slow one counts one viewer.
	slow.until(func(m *stream.ServerMessage) bool { return m.GetHeartbeat() != nil && m.GetHeartbeat().Viewers == 1 })
}

// The number of viewers is limited, in total and from one address.
func TestViewerLimits(t *testing.T) {
	s := serve(t, "hamlet", func(o *Options) { o.Limits.ViewersPerClient = 2 })
	a := s.dial("")
	s.dial("")
	url := "ws" + strings.TrimPrefix(s.url, "http") + "/api/v1/stream"
	_, answer, err := websocket.DefaultDialer.Dial(url, nil)
	if err == nil || answer.StatusCode != http.StatusTooManyRequests {
		t.Fatalf("a third viewer: %v", err)
	}
	left := make(chan struct{})
	leaves := func(called func()) {
		s.viewers.mu.Lock()
		defer s.viewers.mu.Unlock()
		s.viewers.left = called
	}
	leaves(func() { close(left) })
	if err := a.conn.Close(); err != nil {
		t.Fatal(err)
	}
	<-left
	leaves(nil)
	s.dial("")
	_, answer, err = websocket.DefaultDialer.Dial(url, http.Header{"Origin": {"http://evil.example"}})
	if err == nil || answer.StatusCode != http.StatusForbidden {
		t.Errorf("another origin: %v", err)
	}
	_, answer, err = websocket.DefaultDialer.Dial(url+"?run=x", nil)
	if err == nil || answer.StatusCode != http.StatusNotFound {
		t.Errorf("another run: %v", err)
	}
}

// A server that shuts down closes its viewers' connections with a reason.
func TestServerShutsDown(t *testing.T) {
	s := serve(t, "hamlet", nil)
	c := s.dial("")
	go s.Close()
	if got := c.closed(); got.Code != websocket.CloseGoingAway {
		t.Errorf("%d %q", got.Code, got.Text)
	}
}

func TestListen(t *testing.T) {
	for _, row := range []struct{ addr, token, want string }{
		{"0.0.0.0:0", "", "without a token"}, {":0", "", "without a token"}, {"[::]:0", "", "without a token"},
		{"example.org:80", "", "without a token"}, {"192.168.0.1:80", "", "without a token"}, {"x", "", "wanted HOST:PORT"}, {"", "t", "wanted HOST:PORT"},
	} {
		if l, err := Listen(row.addr, row.token); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%q %q: %v %v", row.addr, row.token, l, err)
		}
	}
	for _, addr := range []string{"127.0.0.1:0", "localhost:0"} {
		l, err := Listen(addr, "")
		if err != nil {
			t.Fatal(err)
		}
		if ip := l.Addr().(*net.TCPAddr).IP; !ip.IsLoopback() {
			t.Errorf("%s listens at %s", addr, ip)
		}
		_ = l.Close()
	}
	l, err := Listen("0.0.0.0:0", "secret")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
}
