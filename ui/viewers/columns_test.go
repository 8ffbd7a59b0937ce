package viewers

import (
	"bytes"
	"encoding/binary"
	"flag"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
	"google.golang.org/protobuf/proto"

	"github.com/smatrix-grid/smatrix/ui/stream"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files instead of comparing with them")

// mostRows is the most rows that the server puts into a block.
const mostRows = 1024

// randomBlocks draws values of every width, most of them as before.
func randomBlocks(r *rand.Rand, before [][][]int64) (values [][][]int64, blocks []Block) {
	bits := []uint{0, 7, 15, 31, 63}
	for b := range before {
		columns := make([][]int64, len(before[b]))
		packed := Block{Rows: len(before[b][0])}
		for c := range columns {
			columns[c] = slices.Clone(before[b][c])
			change, width := r.IntN(4), bits[r.IntN(len(bits))]
			for i := range columns[c] {
				if change == 1 && r.IntN(20) == 0 || change == 2 && r.IntN(2) == 0 || change == 3 {
					columns[c][i] = int64(r.Uint64()) >> (63 - width)
					if r.IntN(10) == 0 {
						columns[c][i] = None
					}
				}
			}
			packed.Columns = append(packed.Columns, NewColumn(columns[c]))
		}
		values, blocks = append(values, columns), append(blocks, packed)
	}
	return values, blocks
}

// A column has the least width that holds its values, and the least integer of a width is no value.
func TestColumnsWithoutValues(t *testing.T) {
	for _, row := range []struct {
		values []int64
		width  uint8
	}{
		{[]int64{0, 0}, 0}, {[]int64{None, None}, 1}, {[]int64{0, None}, 1}, {[]int64{-127, None, 127}, 1},
		{[]int64{math.MinInt8}, 2}, {[]int64{math.MinInt8, None}, 2}, {[]int64{math.MinInt16, None}, 4}, {[]int64{math.MinInt32, None}, 8},
		{[]int64{1000, None}, 2}, {[]int64{math.MinInt32 + 1, None}, 4}, {[]int64{math.MaxInt64, math.MinInt64 + 1, None}, 8},
	} {
		c := NewColumn(row.values)
		if c.Width != row.width {
			t.Errorf("%d: %d bytes each, wanted %d", row.values, c.Width, row.width)
		}
		for i, v := range row.values {
			if got := c.At(i); got != v {
				t.Errorf("%d in %d bytes is %d", v, c.Width, got)
			}
		}
	}
	b := appendColumn(nil, &stream.Column{Column: 3, Width: 1, Values: NewColumn([]int64{7, None}).Data})
	if got := string(b); got != `{"column":3,"values":[7,null],"index":[]}` {
		t.Errorf("as JSON %s", got)
	}
}

// A viewer that applies full frames and deltas has the server's values, whatever they are.
func TestFramesRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	deltas := 0
	for round := range 200 {
		values := make([][][]int64, 1+r.IntN(4))
		for b := range values {
			values[b] = make([][]int64, 1+r.IntN(5))
			rows := 1 + r.IntN(mostRows/(1+r.IntN(8)))
			for c := range values[b] {
				values[b][c] = make([]int64, rows)
			}
		}
		view := stream.View{}
		var before *Frame
		for tick := range 6 {
			var blocks []Block
			values, blocks = randomBlocks(r, values)
			f := &Frame{scope: "tile/0", tick: 0, blocks: blocks}
			f.before.Store(before)
			f.tick += 7
			base := int64(-1)
			if before != nil {
				base = int64(before.tick)
				f.tick = before.tick + 1
			}
			var m stream.ServerMessage
			if err := proto.Unmarshal(unwired(t, f.message(f.tick-1, false)), &m); err != nil {
				t.Fatal(err)
			}
			if got := m.GetFrame().GetBase(); got != base {
				t.Fatalf("round %d tick %d: base %d, want %d", round, tick, got, base)
			}
			if err := view.Apply(m.GetFrame()); err != nil {
				t.Fatalf("round %d tick %d: %v", round, tick, err)
			}
			if base >= 0 {
				deltas++
			}
			if got := view["tile/0"].Blocks; !reflect.DeepEqual(got, values) {
				t.Fatalf("round %d tick %d: the viewer has other values", round, tick)
			}
			before = f
			before.before.Store(nil)
		}
	}
	if deltas != 1000 {
		t.Errorf("%d deltas", deltas)
	}
}

// unwired returns the payload of a WebSocket frame.
func unwired(t *testing.T, b []byte) []byte {
	t.Helper()
	head, n := 2, int(b[1])
	switch n {
	case 126:
		head, n = 4, int(binary.BigEndian.Uint16(b[2:]))
	case 127:
		head, n = 10, int(binary.BigEndian.Uint64(b[2:]))
	}
	if len(b) != head+n {
		t.Fatalf("%d bytes on the wire, the head says %d and %d", len(b), head, n)
	}
	return b[head:]
}

// A WebSocket client reads each message as it was sent, whatever its length.
func TestOnTheWire(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
		if err != nil {
			return
		}
		for _, n := range wireLengths {
			for _, text := range []bool{false, true} {
				_, _ = conn.NetConn().Write(onWire(bytes.Repeat([]byte{'x'}, n), text))
			}
		}
		_, _ = conn.NetConn().Write(wireFrame(websocket.CloseMessage, websocket.FormatCloseMessage(CloseGone, "bye")))
		_ = conn.Close()
	}))
	defer server.Close()
	conn, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(server.URL, "http"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, n := range wireLengths {
		for _, want := range []int{websocket.BinaryMessage, websocket.TextMessage} {
			if kind, b, err := conn.ReadMessage(); err != nil || kind != want || len(b) != n || bytes.Count(b, []byte{'x'}) != n {
				t.Fatalf("%d bytes: kind %d, %d bytes, %v", n, kind, len(b), err)
			}
		}
	}
	if _, _, err := conn.ReadMessage(); !websocket.IsCloseError(err, CloseGone) {
		t.Error(err)
	}
}

var wireLengths = []int{0, 1, 125, 126, 127, 1<<16 - 1, 1 << 16, 1<<16 + 1, 1 << 20}

// A delta is never longer than the full state.
func TestDeltaIsShort(t *testing.T) {
	values := make([]int64, mostRows)
	for i := range values {
		values[i] = int64(i) * 1000
	}
	before := []Block{{Rows: mostRows, Columns: []Column{NewColumn(values), NewColumn(values)}}}
	values[5] = -1
	now := []Block{{Rows: mostRows, Columns: []Column{before[0].Columns[0], NewColumn(values)}}}
	d := deltaBlocks(before, now)
	if len(d) != 1 || len(d[0].Columns) != 1 || d[0].Columns[0].Column != 1 || len(d[0].Columns[0].Values) != 1 || len(d[0].Columns[0].Index) != 2 {
		t.Errorf("one value has changed: %v", d)
	}
	if d := deltaBlocks(now, now); len(d) != 0 {
		t.Errorf("nothing has changed: %v", d)
	}
}

// Golden frames for the browser's decoder: bytes, and the same message as JSON.
func TestGoldenFrames(t *testing.T) {
	values := func(n int, of func(i int) int64) []int64 {
		out := make([]int64, n)
		for i := range out {
			out[i] = of(i)
		}
		return out
	}
	widths := []Column{
		NewColumn(make([]int64, 5)),
		NewColumn([]int64{0, 1, None, math.MaxInt8, math.MinInt8 + 1}),
		NewColumn([]int64{0, 1, None, math.MaxInt16, math.MinInt16 + 1}),
		NewColumn([]int64{0, 1, None, math.MaxInt32, math.MinInt32 + 1}),
		NewColumn([]int64{0, 1, None, 1<<53 - 1, -(1<<53 - 1)}),
	}
	ramp := func(from int64) []Column {
		return []Column{NewColumn(values(1000, func(i int) int64 { return int64(i) * 1_000_003 })), NewColumn(values(1000, func(i int) int64 {
			if i%100 == 7 {
				return from
			}
			return int64(i)
		}))}
	}
	first := &Frame{scope: "tile/3", tick: 41, blocks: []Block{{Rows: 5, Columns: widths}, {Rows: 1000, Columns: ramp(-5)}}}
	second := &Frame{scope: "tile/3", tick: 42, blocks: []Block{{Rows: 5, Columns: widths}, {Rows: 1000, Columns: ramp(70_000)}}}
	third := &Frame{scope: "tile/3", tick: 43, blocks: []Block{{Rows: 5, Columns: []Column{widths[4], widths[0], widths[1], widths[2], widths[3]}}, {Rows: 1000, Columns: ramp(70_000)}}}
	view := stream.View{}
	for _, row := range []struct {
		name string
		m    *stream.ServerMessage
	}{
		{"hello", &stream.ServerMessage{Body: &stream.ServerMessage_Hello{Hello: &stream.Hello{Protocol: 2, Catalogue: "f058ab30c6d775a5", Run: "live", Scenario: "town",
			StartUnixS: 1515366000, Zone: "Europe/Berlin", StepS: 900, Steps: 672, Tiles: 1, Twins: 493, MostTwins: 20_000}}}},
		{"subscribed", &stream.ServerMessage{Body: &stream.ServerMessage_Subscribed{Subscribed: &stream.Subscribed{Id: 7, Frames: []string{"grid", "tile/3"}, Aggregated: true, Notice: "212 communities shown"}}}},
		{"full", &stream.ServerMessage{Body: &stream.ServerMessage_Frame{Frame: first.state(nil)}}},
		{"delta-sparse", &stream.ServerMessage{Body: &stream.ServerMessage_Frame{Frame: second.state(first)}}},
		{"delta-whole-columns", &stream.ServerMessage{Body: &stream.ServerMessage_Frame{Frame: third.state(second)}}},
		{"heartbeat", &stream.ServerMessage{Body: &stream.ServerMessage_Heartbeat{Heartbeat: &stream.Heartbeat{
			Clock: &stream.Clock{State: stream.Clock_LIVE, Tick: 42, First: 3, Speed: 600, Reached: 598.5}, Looking: 40, Sent: 1 << 40, Conflated: 2, Viewers: 3, Alerts: 4}}}},
		{"alerts", &stream.ServerMessage{Body: &stream.ServerMessage_Alerts{Alerts: &stream.Alerts{Full: true, Alerts: []*stream.Alert{{Id: "limit.above:grid/süd", Rule: "limit.above",
			Severity: stream.Alert_CRITICAL, Scope: "grid/süd", Text: "above", First: 1, Last: 42, Count: 12, Active: true}}}}}},
		{"refused", &stream.ServerMessage{Body: &stream.ServerMessage_Refused{Refused: &stream.Refused{Id: 9, Reason: "unknown scope"}}}},
		{"looking", &stream.ServerMessage{Body: &stream.ServerMessage_Looking{Looking: &stream.Looking{Id: 2, Tick: 40}}}},
	} {
		golden(t, row.name+".bin", encode(row.m, false))
		golden(t, row.name+".json", append(encode(row.m, true), '\n'))
		if f := row.m.GetFrame(); f != nil {
			if err := view.Apply(f); err != nil {
				t.Errorf("%s: %v", row.name, err)
			}
		}
	}
	table := view["tile/3"].Blocks
	if table[1][1][7] != 70_000 || table[1][1][8] != 8 || table[0][0][4] != -(1<<53-1) || table[0][4][3] != math.MaxInt32 {
		t.Errorf("after all frames: %v", table[0])
	}
}

// golden compares with a file under testdata/frames, or writes it with -rewrite.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", "frames", name)
	if *rewrite {
		if err := os.WriteFile(file, got, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s differs: the browser's decoder is tested with this file; -rewrite accepts", file)
	}
}

// FuzzView: a viewer applies or refuses any message of a server.
func FuzzView(f *testing.F) {
	files, _ := filepath.Glob("testdata/frames/*.bin")
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var m stream.ServerMessage
		if proto.Unmarshal(b, &m) != nil || m.GetFrame() == nil {
			return
		}
		view := stream.View{}
		if view.Apply(m.GetFrame()) == nil && view[m.GetFrame().GetScope()].Tick != m.GetFrame().GetTick() {
			t.Error("applied, and of another step")
		}
	})
}
