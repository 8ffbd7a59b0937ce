package viewers

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/smatrix-grid/smatrix/twins"
	"github.com/smatrix-grid/smatrix/ui/stream"
)

// Close codes of the stream; the others are those of RFC 6455.
const (
	closeNoPong = 4000
	closeNoRead = 4001
	CloseGone   = 4002 // the run is gone
	closeBroken = -1   // nothing more can be written, not even a reason
)

const (
	mostIgnored   = 1 << 20 // further bytes that are read and discarded of a message that is too big
	mostMessage   = 32 << 10
	mostPerSecond = 50 // messages from a viewer; a burst may have as many again
	mostHz        = 30
	mostUnread    = 128 << 10 // bytes of the kernel's send buffer for a viewer
	// Bytes per second and viewer for frames of communities, which take turns where they need
	// several frames.
	turnsPerSecond = 400_000
)

// Timing has the intervals of heartbeats and pings, and the time limits of a pong and a write. Tests
// use shorter ones.
type Timing struct {
	Heartbeat, Ping, Pong, Write time.Duration
}

// UsualTiming is the Timing of the real server.
var UsualTiming = Timing{Heartbeat: time.Second, Ping: 5 * time.Second, Pong: 5 * time.Second, Write: 10 * time.Second}

// viewer is one connection. Its reader and its writer are a goroutine each. The reader leaves
// requests and answers for the writer under mu, and pokes it.
type viewer struct {
	hub    *Hub
	conn   *websocket.Conn
	wire   net.Conn // the connection under conn: only the writer writes to it
	json   bool
	timing Timing
	poked  chan struct{}
	closed chan struct{} // closed by the reader when the connection has ended

	mu      sync.Mutex
	wanted  view
	changed bool     // wanted has changed: full frames are due
	answers [][]byte // to the viewer's messages, at most a few
	code    int      // close code of a connection that is to be closed; otherwise 0
	reason  string

	sent, skipped uint64
}

// view is what a viewer has subscribed to, and the step that it looks at: the latest if live,
// otherwise tick.
type view struct {
	Wanted
	live  bool
	tick  twins.Tick
	every time.Duration // least time between two frames of a scope
}

// mostAnswers limits the answers queued for a viewer that sends messages and does not read.
const mostAnswers = 200

func (v *viewer) poke() {
	select {
	case v.poked <- struct{}{}:
	default:
	}
}

// end makes the writer close the connection with a reason. A pending write gets one more second.
func (v *viewer) end(code int, reason string) {
	v.mu.Lock()
	if v.code == 0 {
		v.code, v.reason = code, reason
		_ = v.wire.SetWriteDeadline(time.Now().Add(time.Second)) // fails if the connection is closed already
	}
	v.mu.Unlock()
	v.poke()
}

// Dismiss closes all connections with a reason.
func (h *Hub) Dismiss(code int, reason string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for v := range h.viewers {
		v.end(code, reason)
	}
}

// serve serves a connection until it ends.
func (v *viewer) serve() {
	v.hub.register(v)
	defer v.hub.unregister(v)
	v.answer(&stream.ServerMessage{Body: &stream.ServerMessage_Hello{Hello: v.hub.source.Hello()}})
	go v.read()
	if code, reason := v.write(); code != closeBroken {
		last := wireFrame(websocket.CloseMessage, websocket.FormatCloseMessage(code, clip(reason)))
		_ = v.wire.SetWriteDeadline(time.Now().Add(time.Second))
		_, _ = v.wire.Write(last) // fails if the viewer has disconnected
	}
	_ = v.conn.Close()
	<-v.closed
}

// clip shortens a reason to the size of a close frame.
func clip(s string) string {
	for len(s) > 120 {
		s = s[:len(s)-1]
	}
	return strings.ToValidUTF8(s, "")
}

// answer queues a message for the writer.
func (v *viewer) answer(m *stream.ServerMessage) {
	v.queue(Message(m, v.json))
}

// queue queues an encoded WebSocket frame for the writer.
func (v *viewer) queue(b []byte) {
	v.mu.Lock()
	v.answers = append(v.answers, b)
	full := len(v.answers) > mostAnswers
	v.mu.Unlock()
	if full {
		v.end(closeNoRead, "answers are not read")
	}
	v.poke()
}

func (v *viewer) refuse(id uint32, reason string) {
	v.answer(&stream.ServerMessage{Body: &stream.ServerMessage_Refused{Refused: &stream.Refused{Id: id, Reason: reason}}})
}

// read reads and handles the viewer's messages until the connection ends.
func (v *viewer) read() {
	defer close(v.closed)
	defer v.poke()
	extend := func(string) error { return v.conn.SetReadDeadline(time.Now().Add(v.timing.Ping + v.timing.Pong)) }
	_ = extend("") // a broken connection fails in the next read
	v.conn.SetPongHandler(extend)
	// Only the writer writes: it answers pings, and sends the close frame with the reason.
	v.conn.SetPingHandler(func(data string) error { v.queue(wireFrame(websocket.PongMessage, []byte(data))); return nil })
	v.conn.SetCloseHandler(func(int, string) error { return nil })
	allowance, last := float64(mostPerSecond), time.Now()
	for {
		kind, b, err := v.message()
		if err != nil {
			v.end(closeOf(err))
			return
		}
		now := time.Now()
		allowance = min(mostPerSecond, allowance+now.Sub(last).Seconds()*mostPerSecond) - 1
		last = now
		switch {
		case allowance < 0:
			v.end(websocket.ClosePolicyViolation, fmt.Sprintf("more than %d messages in a second", mostPerSecond))
			return
		case (kind == websocket.TextMessage) != v.json:
			v.end(websocket.CloseUnsupportedData, "text on a binary stream, or the other way round: ?format=json has text")
			return
		}
		m, err := Decode(b, v.json)
		if err != nil {
			v.end(websocket.CloseInvalidFramePayloadData, err.Error())
			return
		}
		v.take(m)
	}
}

var errTooBig = errors.New("a message of more than 32 KiB")

// message reads one message. Of one that is too big it reads up to mostIgnored more bytes, so that
// the viewer finishes writing and reads the reason in the close frame.
func (v *viewer) message() (kind int, b []byte, err error) {
	kind, r, err := v.conn.NextReader()
	if err != nil {
		return 0, nil, err
	}
	b, err = io.ReadAll(io.LimitReader(r, mostMessage+1))
	if err == nil && len(b) > mostMessage {
		_, _ = io.CopyN(io.Discard, r, mostIgnored)
		err = errTooBig
	}
	return kind, b, err
}

// closeOf returns the close code and the reason for an error of message.
func closeOf(err error) (int, string) {
	var timeout interface{ Timeout() bool }
	var closed *websocket.CloseError
	switch {
	case errors.Is(err, errTooBig):
		return websocket.CloseMessageTooBig, err.Error()
	case errors.As(err, &closed):
		return websocket.CloseNormalClosure, "closed by the viewer"
	case errors.As(err, &timeout) && timeout.Timeout():
		return closeNoPong, "no pong in time: the viewer does not answer"
	}
	return websocket.CloseProtocolError, "the connection is broken"
}

// Decode decodes a message of a viewer.
func Decode(b []byte, asJSON bool) (*stream.ClientMessage, error) {
	m := &stream.ClientMessage{}
	var err error
	if asJSON {
		err = protojson.Unmarshal(b, m)
	} else {
		err = proto.Unmarshal(b, m)
	}
	switch {
	case err != nil:
		return nil, errors.New("a message that cannot be decoded: wanted a ClientMessage of stream.proto")
	case m.Body == nil:
		return nil, errors.New("a message without subscribe or look")
	}
	return m, nil
}

// take handles a message.
func (v *viewer) take(m *stream.ClientMessage) {
	switch body := m.Body.(type) {
	case *stream.ClientMessage_Subscribe:
		v.subscribe(body.Subscribe)
	case *stream.ClientMessage_Look:
		v.look(body.Look)
	}
}

func (v *viewer) subscribe(s *stream.Subscribe) {
	of, done, err := v.hub.source.Resolve(s.GetScopes(), v.json)
	if err != nil {
		v.refuse(s.GetId(), err.Error())
		return
	}
	done.Id = s.GetId()
	hz := s.GetMaxHz()
	if hz == 0 || hz > mostHz {
		hz = mostHz
	}
	want := view{Wanted: of, every: time.Second / time.Duration(hz)}
	v.mu.Lock()
	want.live, want.tick = v.wanted.live, v.wanted.tick
	v.wanted, v.changed = want, true
	v.mu.Unlock()
	v.answer(&stream.ServerMessage{Body: &stream.ServerMessage_Subscribed{Subscribed: done}})
}

func (v *viewer) look(l *stream.Look) {
	if !l.GetLive() {
		if _, _, err := v.hub.source.Frames(twins.Tick(l.GetTick()), nil, nil); err != nil {
			v.refuse(l.GetId(), err.Error())
			return
		}
	}
	v.mu.Lock()
	v.wanted.live, v.wanted.tick, v.changed = l.GetLive(), twins.Tick(l.GetTick()), true
	v.mu.Unlock()
	v.answer(&stream.ServerMessage{Body: &stream.ServerMessage_Looking{Looking: &stream.Looking{Id: l.GetId(), Live: l.GetLive(), Tick: l.GetTick()}}})
}

// writing is the writer's state: what it has sent, and what is due when.
type writing struct {
	*viewer
	base      map[int]twins.Tick // by scope: tick of the frame sent last
	pinned    map[string]twins.Tick
	revision  uint64    // of the alerts sent last
	due       time.Time // when the next frames may be sent
	turn      int       // the chunk of communities that is sent next
	paid      time.Time // when the next chunk may be sent at turnsPerSecond
	heartbeat time.Time
	ping      time.Time
	out       [][]byte // frames to be written at the end of the round
}

// write sends what is due until the connection is to be closed, and returns the close code and reason.
func (v *viewer) write() (code int, reason string) {
	now := time.Now()
	w := &writing{viewer: v, heartbeat: now, ping: now.Add(v.timing.Ping)}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-v.poked:
		case <-timer.C:
		case <-v.closed:
		}
		v.mu.Lock()
		code, reason = v.code, v.reason
		v.mu.Unlock()
		if code != 0 {
			return code, reason
		}
		next := w.round(time.Now())
		if w.flush() != nil { // the viewer does not read, or has disconnected
			return closeBroken, ""
		}
		timer.Reset(time.Until(next))
	}
}

// round collects what is due now, and returns when the next round is due unless a poke comes first.
func (w *writing) round(now time.Time) time.Time {
	w.mu.Lock()
	want, changed := w.wanted, w.changed
	w.out, w.changed, w.answers = append(w.out, w.answers...), false, nil
	w.mu.Unlock()
	if changed {
		w.base, w.pinned, w.revision, w.due = map[int]twins.Tick{}, map[string]twins.Tick{}, 0, time.Time{}
	}
	next := w.due
	if !next.After(now) {
		n, again := w.frames(&want, now)
		if n > 0 {
			// A step that comes a little late does not delay the next one: the mean rate is
			// max_hz.
			w.due = later(w.due, now.Add(-want.every/2)).Add(want.every)
		}
		next = now.Add(time.Hour)
		if again {
			next = later(w.due, w.paid)
		}
	}
	if !now.Before(w.heartbeat) {
		w.heartbeat = now.Add(w.timing.Heartbeat)
		w.send(&stream.ServerMessage{Body: &stream.ServerMessage_Heartbeat{Heartbeat: w.beat(&want)}})
	}
	if !now.Before(w.ping) {
		w.ping = now.Add(w.timing.Ping)
		w.out = append(w.out, pingFrame)
	}
	for _, t := range []time.Time{w.heartbeat, w.ping} {
		if t.Before(next) {
			next = t
		}
	}
	return next
}

var pingFrame = wireFrame(websocket.PingMessage, nil)

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// send adds a message to out.
func (w *writing) send(m *stream.ServerMessage) {
	w.out = append(w.out, Message(m, w.json))
}

// flush writes out with one system call.
func (w *writing) flush() error {
	if len(w.out) == 0 {
		return nil
	}
	w.mu.Lock()
	var err error
	ends := w.code != 0
	if !ends {
		err = w.wire.SetWriteDeadline(time.Now().Add(w.timing.Write))
	}
	w.mu.Unlock()
	if ends || err != nil {
		return err
	}
	all := net.Buffers(w.out)
	_, err = all.WriteTo(w.wire)
	clear(w.out)
	w.out = w.out[:0]
	return err
}

// frames collects the frames that the viewer does not have yet. It returns their number, and
// whether other chunks of communities wait for their turn.
func (w *writing) frames(want *view, at time.Time) (n int, again bool) {
	if want.Alerts {
		n = w.sendAlerts()
	}
	if !want.live {
		return n + w.past(want), false
	}
	if now := w.hub.now.Load(); now != nil {
		n += w.latest(want, now)
		var took int
		took, again = w.turns(want, now, at)
		w.count(took)
		n += took
	}
	return n, again
}

// turns collects chunks of communities in turn: as many as turnsPerSecond allows, and all that the
// viewer does not have at all. It does nothing if the communities fit into one frame.
func (w *writing) turns(want *view, now *shown, at time.Time) (n int, again bool) {
	all := w.hub.turns
	if !all.has(all.First) || !slices.Contains(want.Scopes, all.First) {
		return 0, false
	}
	w.paid = later(w.paid, at.Add(-time.Second/10)) // at most a tenth of a second of unused rate is saved up
	for range all.Scopes {
		scope := all.First + w.turn
		if base, has := w.base[scope]; has && base == now.tick {
			w.turn = (w.turn + 1) % all.Scopes
			continue
		} else if has && w.paid.After(at) {
			return n, true
		}
		b := w.one(scope, now)
		w.paid = w.paid.Add(time.Duration(len(b)) * time.Second / turnsPerSecond)
		w.turn = (w.turn + 1) % all.Scopes
		n++
	}
	return n, false
}

// one collects the latest frame of a scope.
func (w *writing) one(scope int, now *shown) []byte {
	base, has := w.base[scope]
	if !has {
		base = -1
	} else if missed := int64(now.tick - base - 1); missed > 0 {
		w.skipped += uint64(missed)
		w.hub.skipped.Add(missed)
	}
	b := now.frames[scope].message(base, w.json)
	w.out = append(w.out, b)
	w.base[scope] = now.tick
	return b
}

// latest collects the frames of the latest step, of scopes that do not take turns and of pins.
func (w *writing) latest(want *view, now *shown) (n int) {
	for _, scope := range want.Scopes {
		if base, has := w.base[scope]; has && base == now.tick || w.hub.turns.has(scope) {
			continue
		}
		w.one(scope, now)
		n++
	}
	if due := w.pinsDue(want, now.tick); len(due) > 0 {
		if _, pinned, err := w.hub.source.Frames(now.tick, nil, due); err == nil {
			n += w.pins(due, pinned)
		}
	}
	w.count(n)
	return n
}

// past collects the frames of the past step that the viewer looks at, once.
func (w *writing) past(want *view) (n int) {
	if len(want.Scopes)+len(want.Pins) == 0 {
		return 0
	}
	if len(want.Scopes) > 0 {
		if t, has := w.base[want.Scopes[0]]; has && t == want.tick {
			return 0
		}
	}
	due := w.pinsDue(want, want.tick)
	if len(want.Scopes)+len(due) == 0 {
		return 0
	}
	frames, pinned, err := w.hub.source.Frames(want.tick, want.Scopes, due)
	if err != nil { // the step was evicted in the meantime
		w.refuse(0, err.Error())
		want.Scopes = nil
		w.mu.Lock()
		if !w.wanted.live && w.wanted.tick == want.tick {
			w.wanted.live, w.changed = true, true
		}
		w.mu.Unlock()
		return 0
	}
	for i, f := range frames {
		w.out = append(w.out, f.message(-1, w.json))
		w.base[want.Scopes[i]] = f.tick
		n++
	}
	n += w.pins(due, pinned)
	w.count(n)
	return n
}

// pinsDue returns the pinned twins whose frames of a step the viewer does not have.
func (w *writing) pinsDue(want *view, t twins.Tick) (due []string) {
	for _, path := range want.Pins {
		if has, sent := w.pinned[path]; !sent || has != t {
			due = append(due, path)
		}
	}
	return due
}

// pins collects the frames of pinned twins.
func (w *writing) pins(paths []string, frames []*Frame) int {
	for i, f := range frames {
		w.out = append(w.out, f.message(-1, w.json))
		w.pinned[paths[i]] = f.tick
	}
	return len(frames)
}

func (w *writing) count(n int) {
	w.sent += uint64(n)
	w.hub.sent.Add(int64(n))
}

func (w *writing) sendAlerts() int {
	b, revision := w.hub.source.News(w.revision, w.json)
	if w.revision = revision; b == nil {
		return 0
	}
	w.out = append(w.out, b)
	return 1
}

func (w *writing) beat(want *view) *stream.Heartbeat {
	clock, alerts := w.hub.source.Clock()
	return &stream.Heartbeat{Clock: clock, Live: want.live, Looking: int64(want.tick), Sent: w.sent, Conflated: w.skipped,
		Viewers: uint32(w.hub.Count()), Alerts: alerts}
}

// Connection has the options of a viewer's connection.
type Connection struct {
	JSON    bool // messages are text
	Timing  Timing
	Buffers *sync.Pool // of write buffers for the upgrade
	// Refuse answers a request that cannot become a WebSocket.
	Refuse func(w http.ResponseWriter, status int, reason string)
}

// Serve upgrades a request to a viewer's WebSocket and serves it until it ends.
func (h *Hub) Serve(w http.ResponseWriter, r *http.Request, c Connection) {
	u := websocket.Upgrader{
		HandshakeTimeout: 10 * time.Second, ReadBufferSize: 4096, WriteBufferSize: 16 << 10, WriteBufferPool: c.Buffers,
		CheckOrigin: func(*http.Request) bool { return true }, // the server has checked it before
		Error: func(w http.ResponseWriter, _ *http.Request, status int, reason error) {
			c.Refuse(w, status, reason.Error())
		},
	}
	conn, err := u.Upgrade(w, r, nil)
	if err != nil {
		return // Upgrade has answered
	}
	// The kernel's send buffer is a queue as well: steps in it cannot be replaced by later
	// ones. Linux doubles the figure.
	if tcp, ok := conn.NetConn().(*net.TCPConn); ok {
		_ = tcp.SetWriteBuffer(mostUnread) // otherwise the kernel chooses its size
	}
	v := &viewer{hub: h, conn: conn, wire: conn.NetConn(), json: c.JSON, timing: c.Timing, poked: make(chan struct{}, 1), closed: make(chan struct{})}
	v.wanted = view{live: true, every: time.Second / mostHz}
	v.serve()
}
