package ui

import (
	"encoding/binary"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/gorilla/websocket"
	"google.golang.org/protobuf/proto"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/twins"
	"github.com/smatrix-grid/smatrix/ui/stream"
)

// hub hands the latest step of a run to its viewers. It never waits for one: each
// finds the latest step when it comes to it, and nothing is queued.
type hub struct {
	index *Index
	now   atomic.Pointer[shown]

	mu      sync.Mutex
	viewers map[*viewer]struct{}
	watched atomic.Int64 // how many they are
	sent    atomic.Int64
	skipped atomic.Int64
}

// shown is a step as viewers get it.
type shown struct {
	tick   twins.Tick
	frames []*frame // by scope
}

// frame is one scope of one step. Its messages are made when the first viewer wants
// them, and shared by all.
type frame struct {
	scope  string
	tick   twins.Tick
	blocks []Block

	// messages are what goes over the wire: full or delta, binary or JSON; nil until
	// somebody wants it.
	messages [2][2]atomic.Pointer[[]byte]
	before   atomic.Pointer[frame] // nil once the next step is shown
	making   sync.Mutex            // one makes a message, the others wait for it
}

func newHub(x *Index) *hub { return &hub{index: x, viewers: map[*viewer]struct{}{}} }

// show makes a step the latest one and wakes the viewers.
func (h *hub) show(s *Step) {
	before := h.now.Load()
	next := &shown{tick: s.Tick, frames: make([]*frame, len(s.Scopes))}
	for i, blocks := range s.Scopes {
		f := &frame{scope: h.index.scopeName(i), tick: s.Tick, blocks: blocks}
		if before != nil {
			f.before.Store(before.frames[i])
			before.frames[i].before.Store(nil) // else each would hold all that came before it
		}
		next.frames[i] = f
	}
	h.now.Store(next)
	if h.watched.Load() > 0 {
		go h.wake() // a thousand goroutines are not woken at the cost of the step
	}
}

func (h *hub) wake() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for v := range h.viewers {
		v.poke()
	}
}

func (h *hub) join(v *viewer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.viewers[v] = struct{}{}
	h.watched.Store(int64(len(h.viewers)))
}

func (h *hub) leave(v *viewer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.viewers, v)
	h.watched.Store(int64(len(h.viewers)))
}

func (h *hub) count() int { return int(h.watched.Load()) }

// message is the frame on the wire for a viewer that has the step of base, or −1.
func (f *frame) message(base twins.Tick, asJSON bool) []byte {
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
	b := onWire(encode(&stream.ServerMessage{Body: &stream.ServerMessage_Frame{Frame: f.frame(before)}}, asJSON), asJSON)
	made.Store(&b)
	return b
}

// frame is what differs from the frame before, or all of it for nil.
func (f *frame) frame(before *frame) *stream.Frame {
	m := &stream.Frame{Scope: f.scope, Tick: int64(f.tick), Base: -1}
	if before != nil {
		m.Base, m.Blocks = int64(before.tick), deltaBlocks(before.blocks, f.blocks)
	} else {
		m.Blocks = fullBlocks(f.blocks)
	}
	return m
}

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

// frameOf makes frames of a step that is looked at, for one viewer.
func frameOf(x *Index, s *Step, scope int) *frame {
	return &frame{scope: x.scopeName(scope), tick: s.Tick, blocks: s.Scopes[scope]}
}

// pinned is the frame of one twin: its columns, and its devices.
func pinned(x *Index, s *Step, path string, at Place) *frame {
	own := s.Scopes[x.scopeOfTile(int(at.Tile))][at.Block]
	b := x.block(at)
	blocks := []Block{{Rows: 1, Columns: make([]Column, len(own.Columns))}}
	for i := range own.Columns {
		blocks[0].Columns[i] = NewColumn([]int64{own.Value(i, int(at.Row))})
	}
	if n := len(b.Parts[at.Row]); n > 0 {
		parts := make([]int64, n)
		for k := range parts {
			parts[k] = s.Parts[at.Tile][at.Block].At(int(b.partAt[at.Row]) + k)
		}
		blocks = append(blocks, Block{Rows: n, Columns: []Column{NewColumn(parts)}})
	}
	return &frame{scope: "twin/" + path, tick: s.Tick, blocks: blocks}
}

// untilEvent says whether a step had something that people would stop for.
func untilEvent(a *alerts) func(*sim.StepRecord) bool {
	return func(r *sim.StepRecord) bool {
		if worthStopping(r.Events) {
			return true
		}
		for _, c := range r.Cells {
			if worthStopping(c.Events) {
				return true
			}
		}
		return a.hasOpened()
	}
}

// worthStopping says whether there is an event besides those that go on: the forecast's
// comes every quarter hour, and that reserve is short in each step in which it is, of
// which the first opens an alert.
func worthStopping(events []twins.Notice) bool {
	return slices.ContainsFunc(events, func(n twins.Notice) bool {
		return n.Event.Type != sim.ForecastJudged && n.Event.Type.Name != "grid.reserve_short"
	})
}
