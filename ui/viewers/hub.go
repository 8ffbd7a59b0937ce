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

// Hub passes the latest step of a run to its viewers. It never waits for a viewer: each reads the
// latest step when it is ready to send, and nothing is queued.
type Hub struct {
	source Source
	turns  Turns
	now    atomic.Pointer[shown]

	mu      sync.Mutex
	viewers map[*viewer]struct{}
	watched atomic.Int64 // len(viewers), read without mu
	sent    atomic.Int64
	skipped atomic.Int64
}

// Source is the run that viewers look at. Its methods are called concurrently.
type Source interface {
	// Hello returns the first message to a viewer.
	Hello() *stream.Hello
	// Resolve returns the frames that scopes stand for, and the answer to the subscription; the
	// error is sent to the viewer.
	Resolve(scopes []string, asJSON bool) (Wanted, *stream.Subscribed, error)
	// Frames makes frames of a step: of scopes by their numbers, and of twins by their paths. The
	// error says why the step cannot be shown.
	Frames(t twins.Tick, scopes []int, pins []string) (of, pinned []*Frame, err error)
	// News returns the encoded alerts that have changed after a revision, nil if none has, and
	// the present revision.
	News(since uint64, asJSON bool) ([]byte, uint64)
	// Clock returns the clock of the run, and the number of active alerts that are not acknowledged.
	Clock() (clock *stream.Clock, alerts uint32)
}

// Wanted is the frames that a viewer subscribes to.
type Wanted struct {
	Scopes []int    // by number, in order
	Pins   []string // paths of twins
	Alerts bool
}

// Turns are the scopes First ≤ n < First + Scopes, too many to be sent together: their frames take
// turns. With Scopes < 2 there are none.
type Turns struct{ First, Scopes int }

func (t Turns) has(scope int) bool {
	return t.Scopes > 1 && scope >= t.First && scope < t.First+t.Scopes
}

// shown is the frames of a step.
type shown struct {
	tick   twins.Tick
	frames []*Frame // by scope
}

// Frame is one scope of one step. Each of its messages is encoded when the first viewer needs
// it, and shared by all.
type Frame struct {
	scope  string
	tick   twins.Tick
	blocks []Block
	lacks  string // Frame.not_computed

	// messages are the encoded messages: full or delta, binary or JSON; nil until the first
	// viewer needs it.
	messages [2][2]atomic.Pointer[[]byte]
	before   atomic.Pointer[Frame] // nil once the next step is shown
	making   sync.Mutex            // held while a message is encoded
}

// NewFrame makes the frame of a scope. The caller must not change blocks afterwards.
func NewFrame(scope string, t twins.Tick, blocks []Block) *Frame {
	return &Frame{scope: scope, tick: t, blocks: blocks}
}

// NewPartless makes the frame of a twin without its parts; why says why they are not known.
func NewPartless(scope string, t twins.Tick, own Block, why string) *Frame {
	return &Frame{scope: scope, tick: t, blocks: []Block{own}, lacks: why}
}

// NewHub makes the hub of a run, without viewers.
func NewHub(of Source, turns Turns) *Hub {
	return &Hub{source: of, turns: turns, viewers: map[*viewer]struct{}{}}
}

// Show makes a step the latest one and wakes the viewers. frames has all scopes by number.
func (h *Hub) Show(t twins.Tick, frames []*Frame) {
	before := h.now.Load()
	for i, f := range frames {
		if before != nil {
			f.before.Store(before.frames[i])
			before.frames[i].before.Store(nil) // otherwise the frames of all earlier steps stay in memory
		}
	}
	h.now.Store(&shown{t, frames})
	if h.watched.Load() > 0 {
		go h.Wake() // waking a thousand goroutines must not delay the step
	}
}

// Latest returns the blocks of a scope in the latest step, nil before the first.
func (h *Hub) Latest(scope int) []Block {
	if now := h.now.Load(); now != nil {
		return now.frames[scope].blocks
	}
	return nil
}

// Wake makes each viewer's writer check what is due.
func (h *Hub) Wake() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for v := range h.viewers {
		v.poke()
	}
}

func (h *Hub) register(v *viewer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.viewers[v] = struct{}{}
	h.watched.Store(int64(len(h.viewers)))
}

func (h *Hub) unregister(v *viewer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.viewers, v)
	h.watched.Store(int64(len(h.viewers)))
}

// Count returns the number of viewers.
func (h *Hub) Count() int { return int(h.watched.Load()) }

// Sent returns the number of frames sent.
func (h *Hub) Sent() int64 { return h.sent.Load() }

// Skipped returns the number of frames that were not sent because a later one replaced them.
func (h *Hub) Skipped() int64 { return h.skipped.Load() }

// message returns the encoded frame for a viewer whose frame is of step base: a delta if that is the
// step before, otherwise the full state. −1 means that the viewer has none.
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
	if delta == 1 && before == nil { // released in the meantime: send the full state
		delta, made = 0, &f.messages[0][form]
	}
	if delta == 0 {
		before = nil
	}
	b := Message(&stream.ServerMessage{Body: &stream.ServerMessage_Frame{Frame: f.state(before)}}, asJSON)
	made.Store(&b)
	return b
}

// state returns what differs from the frame before, or the full state for nil.
func (f *Frame) state(before *Frame) *stream.Frame {
	m := &stream.Frame{Scope: f.scope, Tick: int64(f.tick), Base: -1}
	if f.lacks != "" {
		m.NotComputed = &f.lacks
	}
	if before != nil {
		m.Base, m.Blocks = int64(before.tick), deltaBlocks(before.blocks, f.blocks)
	} else {
		m.Blocks = fullBlocks(f.blocks)
	}
	return m
}

// Message encodes a message as a WebSocket frame, which all receivers can share.
func Message(m *stream.ServerMessage, asJSON bool) []byte { return onWire(encode(m, asJSON), asJSON) }

// encode encodes a message, without the header of a WebSocket frame.
func encode(m *stream.ServerMessage, asJSON bool) []byte {
	if asJSON {
		return appendJSON(nil, m.ProtoReflect())
	}
	b, err := proto.Marshal(m)
	if err != nil { // a text is not UTF-8; scenarios are checked for that
		b, _ = proto.Marshal(&stream.ServerMessage{Body: &stream.ServerMessage_Refused{Refused: &stream.Refused{Reason: err.Error()}}})
	}
	return b
}

// onWire wraps a message in a WebSocket frame of the server (RFC 6455, section 5.2: final, not
// masked), which all receivers can share.
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
