package viewers

import (
	"encoding/binary"
	"sync"
	"sync/atomic"

	"github.com/gorilla/websocket"
	"google.golang.org/protobuf/proto"

	"github.com/smatrix-grid/smatrix/twins"
	"github.com/smatrix-grid/smatrix/ui/stream"
)

// Hub hands the latest step of a run to its viewers. It never waits for one: each
// finds the latest when it comes to it, and nothing is queued.
type Hub struct {
	source Source
	turns  Turns
	now    atomic.Pointer[shown]

	mu      sync.Mutex
	viewers map[*viewer]struct{}
	watched atomic.Int64 // how many they are
	sent    atomic.Int64
	skipped atomic.Int64
}

// Source is the run that viewers look at. Its methods are called by many at once.
type Source interface {
	// Hello is the first message to a viewer.
	Hello() *stream.Hello
	// Resolve returns the frames that scopes stand for, and what is said of them; the error goes
	// to the viewer.
	Resolve(scopes []string, asJSON bool) (Wanted, *stream.Subscribed, error)
	// Frames makes frames of a step, of scopes by their numbers and of twins by their paths; the
	// error says why the step cannot be looked at.
	Frames(t twins.Tick, scopes []int, pins []string) (of, pinned []*Frame, err error)
	// News is the alerts that have changed after a revision, on the wire, nil if none has, and
	// the revision now.
	News(since uint64, asJSON bool) ([]byte, uint64)
	// Clock is the clock of the run, and how many open alerts have not been acknowledged.
	Clock() (clock *stream.Clock, alerts uint32)
}

// Wanted are the frames that a viewer subscribes to.
type Wanted struct {
	Scopes []int    // by number, in order
	Pins   []string // paths of twins
	Alerts bool
}

// Turns are scopes that are too many to be sent together: their frames take turns. They are numbered
// from First on; with less than two there is nothing to take turns.
type Turns struct{ First, Scopes int }

func (t Turns) has(scope int) bool {
	return t.Scopes > 1 && scope >= t.First && scope < t.First+t.Scopes
}

// shown is a step as viewers get it.
type shown struct {
	tick   twins.Tick
	frames []*Frame // by scope
}

// Frame is one scope of one step. Its messages are made when the first viewer wants
// them, and shared by all.
type Frame struct {
	scope  string
	tick   twins.Tick
	blocks []Block

	// messages are what goes over the wire: full or delta, binary or JSON; nil until
	// somebody wants it.
	messages [2][2]atomic.Pointer[[]byte]
	before   atomic.Pointer[Frame] // nil once the next step is shown
	making   sync.Mutex            // one makes a message, the others wait for it
}

// NewFrame makes the frame of a scope; blocks are not changed any more.
func NewFrame(scope string, t twins.Tick, blocks []Block) *Frame {
	return &Frame{scope: scope, tick: t, blocks: blocks}
}

// NewHub makes the hub of a run.
func NewHub(of Source, turns Turns) *Hub {
	return &Hub{source: of, turns: turns, viewers: map[*viewer]struct{}{}}
}

// Show makes a step the latest one and wakes the viewers. Frames are those of all scopes, by number.
func (h *Hub) Show(t twins.Tick, frames []*Frame) {
	before := h.now.Load()
	for i, f := range frames {
		if before != nil {
			f.before.Store(before.frames[i])
			before.frames[i].before.Store(nil) // else each would hold all that came before it
		}
	}
	h.now.Store(&shown{t, frames})
	if h.watched.Load() > 0 {
		go h.Wake() // a thousand goroutines are not woken at the cost of the step
	}
}

// Latest returns the blocks of a scope in the latest step, nil before the first.
func (h *Hub) Latest(scope int) []Block {
	if now := h.now.Load(); now != nil {
		return now.frames[scope].blocks
	}
	return nil
}

// Wake has the viewers look for news.
func (h *Hub) Wake() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for v := range h.viewers {
		v.poke()
	}
}

func (h *Hub) join(v *viewer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.viewers[v] = struct{}{}
	h.watched.Store(int64(len(h.viewers)))
}

func (h *Hub) leave(v *viewer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.viewers, v)
	h.watched.Store(int64(len(h.viewers)))
}

// Count is how many viewers there are.
func (h *Hub) Count() int { return int(h.watched.Load()) }

// Sent is how many frames have been sent.
func (h *Hub) Sent() int64 { return h.sent.Load() }

// Skipped is how many frames were not, since a later one took their place.
func (h *Hub) Skipped() int64 { return h.skipped.Load() }

// message is the frame on the wire for a viewer that has the step of base, or −1.
func (f *Frame) message(base twins.Tick, asJSON bool) []byte {
	delta, form := 0, 0
	if before := f.before.Load(); before != nil && before.tick == base {
		delta = 1
	}
	if asJSON {
		form = 1
	}
	made := &f.messages[delta][form]
	if b := made.Load(); b != nil {
		return *b
	}
	f.making.Lock()
	defer f.making.Unlock()
	if b := made.Load(); b != nil {
		return *b
	}
	before := f.before.Load()
	if delta == 1 && before == nil { // it has been let go of in the meantime: the whole will do
		delta, made = 0, &f.messages[0][form]
	}
	if delta == 0 {
		before = nil
	}
	b := Message(&stream.ServerMessage{Body: &stream.ServerMessage_Frame{Frame: f.state(before)}}, asJSON)
	made.Store(&b)
	return b
}

// state is what differs from the frame before, or all of it for nil.
func (f *Frame) state(before *Frame) *stream.Frame {
	m := &stream.Frame{Scope: f.scope, Tick: int64(f.tick), Base: -1}
	if before != nil {
		m.Base, m.Blocks = int64(before.tick), deltaBlocks(before.blocks, f.blocks)
	} else {
		m.Blocks = fullBlocks(f.blocks)
	}
	return m
}

// Message is a message as it goes over the wire, the same for all who get it.
func Message(m *stream.ServerMessage, asJSON bool) []byte { return onWire(encode(m, asJSON), asJSON) }

// encode is a message as it goes over the wire.
func encode(m *stream.ServerMessage, asJSON bool) []byte {
	if asJSON {
		return appendJSON(nil, m.ProtoReflect())
	}
	b, err := proto.Marshal(m)
	if err != nil { // texts that are no UTF-8: scenarios are checked for that
		b, _ = proto.Marshal(&stream.ServerMessage{Body: &stream.ServerMessage_Refused{Refused: &stream.Refused{Reason: err.Error()}}})
	}
	return b
}

// onWire is a message as a WebSocket frame of the server, which is the same for all who
// get it (RFC 6455, section 5.2: final, not masked).
func onWire(message []byte, asText bool) []byte {
	kind := byte(websocket.BinaryMessage)
	if asText {
		kind = websocket.TextMessage
	}
	return wireFrame(kind, message)
}

func wireFrame(kind byte, payload []byte) []byte {
	b := make([]byte, 0, len(payload)+10)
	b = append(b, 0x80|kind)
	switch n := len(payload); {
	case n < 126:
		b = append(b, byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 127), uint64(n))
	}
	return append(b, payload...)
}
