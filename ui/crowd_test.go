//go:build unix

package ui

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/smatrix-grid/smatrix/ui/stream"
)

// A crowd is many viewers in a process of their own, this test binary once more, so that the
// server's processor time does not include theirs. It reads commands from the lines of its standard
// input, and answers with lines of JSON.

// crowdOf configures a crowd: how many viewers, and their subscription.
type crowdOf struct {
	URL     string
	Healthy int
	Stalled int // further viewers, which stop reading after their first frame
	Scopes  []string
	Hz      uint32
	Every   int // one in Every viewers applies each frame, the others read its head; 0: none applies
}

// crowdSays is a line of a crowd's output.
type crowdSays struct {
	Ready  bool // all have their first frames, and the stalled viewers have stopped reading
	Error  string
	Result *crowdResult
}

// crowdResult is the measurements of a crowd.
type crowdResult struct {
	Frames, Bytes int64
	Lost          int            // healthy connections that ended unexpectedly
	P50, P99, Max float64        // ms, ages of frames: from the start of their step until they were read
	States        map[string]int // by "scope@tick hash": number of viewers with that state
	CPU           float64        // s
}

// crowd is the test's handle of a crowd.
type crowd struct {
	t    testing.TB
	in   io.WriteCloser
	out  *bufio.Scanner
	done func() error
}

const crowdEnvironment = "SMATRIX_CROWD"

func init() {
	if spec := os.Getenv(crowdEnvironment); spec != "" {
		child = func() { crowdMain(spec) }
	}
}

// newCrowd starts a crowd and returns when all its viewers have their first frames.
func newCrowd(t testing.TB, of crowdOf) *crowd {
	t.Helper()
	spec, err := json.Marshal(of)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), crowdEnvironment+"="+string(spec))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := &crowd{t, in, bufio.NewScanner(out), sync.OnceValue(cmd.Wait)}
	c.out.Buffer(nil, 1<<24)
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Process.Kill() // fails if the crowd has ended, as it should
		_ = c.done()
	})
	c.ready()
	return c
}

func (c *crowd) next() (s crowdSays) {
	c.t.Helper()
	if !c.out.Scan() {
		c.t.Fatal("the viewers' process has ended: ", c.out.Err())
	}
	if err := json.Unmarshal(c.out.Bytes(), &s); err != nil || s.Error != "" {
		c.t.Fatalf("%v: %s", err, c.out.Text())
	}
	return s
}

func (c *crowd) ready() {
	c.t.Helper()
	if s := c.next(); !s.Ready {
		c.t.Fatalf("%+v", s)
	}
}

func (c *crowd) say(format string, args ...any) {
	c.t.Helper()
	if _, err := fmt.Fprintf(c.in, format+"\n", args...); err != nil {
		c.t.Fatal(err)
	}
}

// step reports to the crowd that a step begins.
func (c *crowd) step(tick int64) { c.t.Helper(); c.say("step %d %d", tick, time.Now().UnixNano()) }

// end waits until all viewers have the frames of a step, and returns the crowd's measurements.
func (c *crowd) end(tick int64) *crowdResult {
	c.t.Helper()
	c.say("end %d", tick)
	r := c.next().Result
	_ = c.in.Close()
	if err := c.done(); err != nil {
		c.t.Fatal(err)
	}
	return r
}

// stateName returns a name of a scope's state in a step, with a hash of its values.
func stateName(scope string, tick int64, blocks int, size func(b int) (columns, rows int), value func(b, c, row int) int64) string {
	h := sha256.New()
	var buf []byte
	for b := range blocks {
		columns, rows := size(b)
		for c := range columns {
			buf = buf[:0]
			for row := range rows {
				buf = binary.LittleEndian.AppendUint64(buf, uint64(value(b, c, row)))
			}
			h.Write(buf)
		}
	}
	return fmt.Sprintf("%s@%d %s", scope, tick, hex.EncodeToString(h.Sum(nil)[:8]))
}

// cpu returns the processor time that this process has used.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// heap returns the bytes in use on the heap and on stacks.
func heap() int64 {
	runtime.GC()
	runtime.GC() // frees what the first has left in pools
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

// The rest runs in the crowd's own process.

// onlooker is one viewer of a crowd.
type onlooker struct {
	of      *crowdOf
	first   chan struct{} // closed when it has a frame of each of its scopes
	stalls  bool
	applies bool

	mu      sync.Mutex
	conn    *websocket.Conn
	leaving bool
	view    stream.View
	ticks   map[string]int64 // by scope: tick of the latest frame
	wanted  int              // number of scopes with frames
	seen    []seen
	bytes   int64
	lost    bool
	err     error
	changed *sync.Cond
}

// seen is the tick of a frame and when it was received, in ns.
type seen struct{ tick, at int64 }

func crowdMain(spec string) {
	say := func(s crowdSays) { b, _ := json.Marshal(s); fmt.Printf("%s\n", b) }
	// The crowd shares the machine with the server, which real viewers would not: it yields to it.
	_ = syscall.Setpriority(syscall.PRIO_PROCESS, 0, 10)
	var of crowdOf
	if err := json.Unmarshal([]byte(spec), &of); err != nil {
		say(crowdSays{Error: err.Error()})
		return
	}
	if err := crowdRun(&of, say); err != nil {
		say(crowdSays{Error: err.Error()})
	}
}

func crowdRun(of *crowdOf, say func(crowdSays)) error {
	var all []*onlooker
	for i := range of.Healthy + of.Stalled {
		o := &onlooker{of: of, stalls: i >= of.Healthy}
		o.changed = sync.NewCond(&o.mu)
		if err := o.join(of.Every > 0 && i%of.Every == 0); err != nil {
			return fmt.Errorf("viewer %d: %w", i, err)
		}
		all = append(all, o)
	}
	for _, o := range all {
		<-o.first
	}
	say(crowdSays{Ready: true})
	begun := map[int64]int64{}
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		var tick, at int64
		switch line := lines.Text(); {
		case strings.HasPrefix(line, "step "):
			if _, err := fmt.Sscanf(line, "step %d %d", &tick, &at); err != nil {
				return err
			}
			begun[tick] = at
		case line == "again":
			if err := again(all); err != nil {
				return err
			}
			say(crowdSays{Ready: true})
		default:
			if _, err := fmt.Sscanf(line, "end %d", &tick); err != nil {
				return err
			}
			r, err := result(all, tick, begun)
			if err != nil {
				return err
			}
			say(crowdSays{Result: r})
		}
	}
	return nil
}

// again makes all healthy viewers disconnect and reconnect, each by itself. From then on each
// applies its frames.
func again(all []*onlooker) error {
	var storm sync.WaitGroup
	errs := make([]error, len(all))
	for i, o := range all {
		if o.stalls {
			continue
		}
		storm.Go(func() {
			o.mu.Lock()
			o.leaving = true
			_ = o.conn.Close()
			o.mu.Unlock()
			if errs[i] = o.join(true); errs[i] == nil {
				<-o.first
			}
		})
	}
	storm.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// join connects, subscribes and begins to read.
func (o *onlooker) join(applies bool) error {
	d := *websocket.DefaultDialer
	if o.stalls { // the kernel's receive buffer would hide that the viewer does not read
		d.NetDial = func(network, address string) (net.Conn, error) {
			c, err := net.Dial(network, address)
			if t, ok := c.(*net.TCPConn); ok {
				err = t.SetReadBuffer(4096)
			}
			return c, err
		}
	}
	conn, _, err := d.Dial(o.of.URL, nil)
	if err != nil {
		return err
	}
	m, err := proto.Marshal(&stream.ClientMessage{Body: &stream.ClientMessage_Subscribe{Subscribe: &stream.Subscribe{Scopes: o.of.Scopes, MaxHz: o.of.Hz}}})
	if err != nil {
		return err
	}
	if err := conn.WriteMessage(websocket.BinaryMessage, m); err != nil {
		return err
	}
	o.mu.Lock()
	o.conn, o.leaving, o.applies, o.view, o.ticks, o.wanted, o.first = conn, false, applies, stream.View{}, map[string]int64{}, 0, make(chan struct{})
	o.mu.Unlock()
	go o.read(conn)
	return nil
}

func (o *onlooker) read(conn *websocket.Conn) {
	first := o.first
	var buf []byte
	for {
		_, r, err := conn.NextReader()
		if err == nil {
			buf, err = readInto(buf[:0], r)
		}
		if err != nil {
			o.mu.Lock()
			o.lost = o.lost || !o.leaving && conn == o.conn
			o.mu.Unlock()
			o.changed.Broadcast()
			return
		}
		if o.take(conn, buf) && first != nil {
			close(first)
			if first = nil; o.stalls {
				return
			}
		}
	}
}

func readInto(b []byte, r io.Reader) ([]byte, error) {
	for {
		if len(b) == cap(b) {
			b = slices.Grow(b, max(4096, len(b)))
		}
		n, err := r.Read(b[len(b):cap(b)])
		if b = b[:len(b)+n]; err == io.EOF {
			return b, nil
		} else if err != nil {
			return b, err
		}
	}
}

// take handles a message and reports whether frames of all scopes have come.
func (o *onlooker) take(conn *websocket.Conn, b []byte) bool {
	at := time.Now().UnixNano()
	o.mu.Lock()
	defer o.mu.Unlock()
	if conn != o.conn {
		return false
	}
	o.bytes += int64(len(b))
	f, ok := headOf(b)
	if !ok {
		var m stream.ServerMessage
		if o.wanted == 0 && proto.Unmarshal(b, &m) == nil {
			o.wanted = len(m.GetSubscribed().GetFrames())
		}
		return false
	}
	if before, had := o.ticks[f.scope]; f.base >= 0 && (!had || f.base != before) && o.err == nil {
		o.err = fmt.Errorf("%s: a delta to step %d, it has %d", f.scope, f.base, before)
	}
	if before, had := o.ticks[f.scope]; had && f.tick <= before && o.err == nil {
		o.err = fmt.Errorf("%s: step %d after step %d", f.scope, f.tick, before)
	}
	if o.applies && o.err == nil {
		var m stream.ServerMessage
		if o.err = proto.Unmarshal(b, &m); o.err == nil {
			o.err = o.view.Apply(m.GetFrame())
		}
	}
	o.ticks[f.scope] = f.tick
	o.seen = append(o.seen, seen{f.tick, at})
	o.changed.Broadcast()
	return len(o.ticks) == o.wanted
}

// head is the identity of a frame.
type head struct {
	scope      string
	tick, base int64
}

// headOf decodes scope, step and base of a frame, without its blocks.
func headOf(b []byte) (f head, ok bool) {
	field, kind, n := protowire.ConsumeTag(b)
	if n < 0 || field != 3 || kind != protowire.BytesType {
		return f, false
	}
	in, n := protowire.ConsumeBytes(b[n:])
	for n >= 0 && len(in) > 0 {
		field, kind, k := protowire.ConsumeTag(in)
		if k < 0 {
			break
		}
		in = in[k:]
		switch {
		case field == 1:
			v, k := protowire.ConsumeString(in)
			f.scope, n = v, k
		case field <= 3:
			v, k := protowire.ConsumeVarint(in)
			if n = k; field == 2 {
				f.tick = protowire.DecodeZigZag(v)
			} else {
				f.base = protowire.DecodeZigZag(v)
			}
		default:
			n = protowire.ConsumeFieldValue(field, kind, in)
		}
		if n < 0 {
			break
		}
		in = in[n:]
	}
	return f, n >= 0
}

// result waits until all healthy viewers have the frames of a step, and adds up their measurements.
func result(all []*onlooker, tick int64, begun map[int64]int64) (*crowdResult, error) {
	r := &crowdResult{States: map[string]int{}}
	var ages []int64
	for i, o := range all {
		if o.stalls {
			continue
		}
		if err := o.until(tick); err != nil {
			return nil, fmt.Errorf("viewer %d: %w", i, err)
		}
		o.mu.Lock()
		if o.lost {
			r.Lost++
		}
		r.Frames, r.Bytes = r.Frames+int64(len(o.seen)), r.Bytes+o.bytes
		for _, s := range o.seen {
			if at, ok := begun[s.tick]; ok && s.at > at {
				ages = append(ages, s.at-at)
			}
		}
		for scope, t := range o.view {
			r.States[stateName(scope, t.Tick, len(t.Blocks), func(b int) (columns, rows int) {
				if columns = len(t.Blocks[b]); columns > 0 {
					rows = len(t.Blocks[b][0])
				}
				return columns, rows
			}, func(b, c, row int) int64 { return t.Blocks[b][c][row] })]++
		}
		o.mu.Unlock()
	}
	slices.Sort(ages)
	at := func(q float64) float64 {
		if len(ages) == 0 {
			return 0
		}
		return float64(ages[int(q*float64(len(ages)-1))]) / 1e6
	}
	r.P50, r.P99, r.Max, r.CPU = at(0.5), at(0.99), at(1), cpu().Seconds()
	return r, nil
}

// until waits until the viewer has frames of a step.
func (o *onlooker) until(tick int64) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for !o.lost && o.err == nil && !o.has(tick) {
		o.changed.Wait()
	}
	return o.err
}

func (o *onlooker) has(tick int64) bool {
	for _, t := range o.ticks {
		if t < tick {
			return false
		}
	}
	return len(o.ticks) == o.wanted
}
