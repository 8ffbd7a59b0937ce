package ui

import (
	"bufio"
	"container/list"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// from is a listener whose connections have the remote addresses that dial gives them.
type from struct {
	net.Listener
	addresses chan string
	deadlines *atomic.Pointer[chan time.Time]
}

type fromConn struct {
	net.Conn
	addr      net.Addr
	closed    func()                          // called by Close; nil: not called
	deadlines *atomic.Pointer[chan time.Time] // gets each deadline that is set; nil: none does
}

func (c *fromConn) SetReadDeadline(at time.Time) error {
	c.tell(at)
	return c.Conn.SetReadDeadline(at)
}

func (c *fromConn) SetWriteDeadline(at time.Time) error {
	c.tell(at)
	return c.Conn.SetWriteDeadline(at)
}

func (c *fromConn) tell(deadline time.Time) {
	if to := c.deadlines.Load(); to != nil {
		*to <- deadline
	}
}

func (c *fromConn) Close() error {
	if c.closed != nil {
		c.closed()
	}
	return c.Conn.Close()
}

func (c *fromConn) RemoteAddr() net.Addr { return c.addr }

func (l *from) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &fromConn{Conn: c, addr: net.TCPAddrFromAddrPort(netip.MustParseAddrPort(<-l.addresses)), deadlines: l.deadlines}, nil
}

// streetDoor is a server with few connections, asked from addresses of the test's choice.
type streetDoor struct {
	*tester
	addresses chan string
	deadlines atomic.Pointer[chan time.Time] // gets the deadlines of all connections; nil: none does
}

const doorToken = "open-sesame-please"

func openDoor(t *testing.T, change func(*Options)) *streetDoor {
	t.Helper()
	o := optionsOf(t, "hamlet")
	o.Token, o.Limits = doorToken, Limits{Connections: 12, ConnectionsPerClient: 4, Requests: 1e6}
	if change != nil {
		change(o)
	}
	s, err := NewServer(*o)
	if err != nil {
		t.Fatal(err)
	}
	d := &streetDoor{addresses: make(chan string, 1)}
	h := httptest.NewUnstartedServer(s.Handler())
	h.Listener = &from{h.Listener, d.addresses, &d.deadlines}
	s.connections.configure(h.Config)
	h.Start()
	t.Cleanup(func() {
		s.Close()
		h.CloseClientConnections()
		h.Close()
	})
	d.tester = &tester{t, s, h.URL}
	return d
}

// dial opens a connection that the server takes for one from an address, and sends a text.
func (d *streetDoor) dial(address, text string) net.Conn {
	d.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(d.url, "http://"))
	if err != nil {
		d.Fatal(err)
	}
	d.Cleanup(func() { _ = conn.Close() })
	d.addresses <- address
	_, _ = io.WriteString(conn, text) // fails if the server has closed the connection
	return conn
}

// status sends a request from an address, and returns the status of its answer, 0 if there is none.
func (d *streetDoor) status(address, path string, header ...string) int {
	d.Helper()
	conn := d.dial(address, "GET "+path+" HTTP/1.1\r\nHost: 127.0.0.1\r\n"+strings.Join(header, "")+"\r\n")
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0
	}
	_ = answer.Body.Close()
	return answer.StatusCode
}

const withToken = "Authorization: Bearer " + doorToken + "\r\n"

// A stranger who opens connections, whatever they send, takes none from others: neither from who shares
// the address and has the token, nor from other addresses, nor from this machine.
func TestStrangersKeepNobodyOut(t *testing.T) {
	for _, row := range []struct{ name, sends string }{
		{"nothing", ""},
		{"half a head", "GET /healthz HTTP/1.1\r\nHost: 127"},
		{"whole requests", "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"},
		{"half a body", "POST /api/v1/commands HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9000\r\n\r\n{"},
		{"a wrong token", "GET /api/v1/state HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer x\r\n\r\n"},
	} {
		t.Run(row.name, func(t *testing.T) {
			d := openDoor(t, nil)
			for i := range 40 { // of one client, of one client's /64, and of many clients
				d.dial("203.0.113.7:1000", row.sends)
				d.dial(fmt.Sprintf("[2001:db8:1:2::%x]:1000", i+1), row.sends)
			}
			for _, address := range []string{"203.0.113.7:2", "[2001:db8:1:2::ffff]:2", "198.51.100.1:2", "127.0.0.1:2"} {
				if got := d.status(address, "/api/v1/state", withToken); got != 200 {
					t.Errorf("from %s: %d, want 200", address, got)
				}
			}
			for i := range 40 {
				d.dial(fmt.Sprintf("192.0.2.%d:1000", i), row.sends)
			}
			for _, address := range []string{"203.0.113.7:3", "192.0.2.3:3", "127.0.0.1:3"} {
				if got := d.status(address, "/api/v1/state", withToken); got != 200 {
					t.Errorf("from %s, while many clients hold connections: %d, want 200", address, got)
				}
			}
			if n := d.connections.count(); n > 12+keptForLoopback {
				t.Errorf("%d connections are open", n)
			}
		})
	}
}

// At a bound the oldest stranger's connection goes first, then the known one that has waited longest; one
// that carries a request with credentials is never closed.
func TestWhichConnectionIsClosed(t *testing.T) {
	c := connections{most: 6, each: 3, isProxy: proxies{netip.MustParsePrefix("10.0.0.0/8")}.isProxy, open: map[net.Conn]*connection{}, of: map[netip.Prefix]*list.List{}}
	var last net.Conn
	opened := func(address string) net.Conn {
		conn, other := net.Pipe()
		t.Cleanup(func() { _ = other.Close() })
		last = nil
		of := &fromConn{Conn: conn, addr: net.TCPAddrFromAddrPort(netip.MustParseAddrPort(address))}
		of.closed = func() { last = of }
		c.changed(of, http.StateNew)
		return of
	}
	asks := func(conn net.Conn) { // a request with credentials
		c.changed(conn, http.StateActive)
		r := httptest.NewRequest("GET", "/", nil)
		c.know(r.WithContext(context.WithValue(t.Context(), connectionKey{}, conn)))
	}
	a := opened("192.0.2.1:1")
	asks(a)
	c.changed(a, http.StateIdle)
	b, s := opened("192.0.2.1:2"), opened("192.0.2.1:3")
	asks(b)
	if opened("192.0.2.1:4"); last != s {
		t.Errorf("the stranger's connection was not closed but %v", last)
	}
	known := opened("192.0.2.1:5") // closes the stranger's of port 4
	asks(known)
	if opened("192.0.2.1:6"); last != a {
		t.Errorf("the idle connection was not closed but %v", last)
	}
	third := opened("192.0.2.1:7") // closes that of port 6
	asks(third)
	if refused := opened("192.0.2.1:8"); last != refused {
		t.Errorf("all have requests: the new one was not closed but %v", last)
	}
	if p := opened("10.0.0.1:1"); last != nil || c.open[p] == nil {
		t.Errorf("a proxy's connection closed %v", last)
	}
	for i := range 5 {
		opened(fmt.Sprintf("10.0.0.1:%d", i+2))
	}
	if n := c.count(); n != 6 {
		t.Errorf("%d connections are open, want 6 in total", n)
	}
	if mine := opened("127.0.0.1:1"); last != nil || c.open[mine] == nil {
		t.Errorf("for one of this machine %v was closed", last)
	}
}

// The client of a request is the address that asked the outermost proxy; what a client writes itself into
// the header is not believed.
func TestForwardedClient(t *testing.T) {
	p := proxies{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8:ffff::/48")}
	for _, row := range []struct{ name, remote, forwarded, want string }{
		{"no proxy", "192.0.2.1:99", "", "192.0.2.1"},
		{"no proxy, but the header", "192.0.2.1:99", "198.51.100.1", "192.0.2.1"},
		{"a proxy", "10.0.0.1:99", "198.51.100.1", "198.51.100.1"},
		{"what the client wrote", "10.0.0.1:99", "203.0.113.9, 198.51.100.1", "198.51.100.1"},
		{"two proxies", "10.0.0.1:99", "203.0.113.9, 198.51.100.1, 10.9.9.9", "198.51.100.1"},
		{"only proxies", "10.0.0.1:99", "10.0.0.2", "10.0.0.2"},
		{"no header", "10.0.0.1:99", "", "10.0.0.1"},
		{"no address", "10.0.0.1:99", "198.51.100.1, unknown", "10.0.0.1"},
		{"with a port", "10.0.0.1:99", "198.51.100.1:4711", "198.51.100.1"},
		{"IPv6", "[2001:db8:ffff::1]:99", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"},
		{"IPv6 with a port", "10.0.0.1:99", "[2001:db8:1:2:3:4:5:6]:80", "2001:db8:1:2::/64"},
		{"IPv4 as IPv6", "[::ffff:10.0.0.1]:99", "::ffff:198.51.100.1", "198.51.100.1"},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = row.remote
		if row.forwarded != "" {
			r.Header.Set("X-Forwarded-For", row.forwarded)
		}
		if got := clientName(p.client(r)); got != row.want {
			t.Errorf("%s: %s, want %s", row.name, got, row.want)
		}
	}
}

// Requests are limited for each client, apart for callers with and without credentials: who sends many
// without the token uses up nothing of those who share the address.
func TestRates(t *testing.T) {
	l := budgets{rate: 10, burst: 20}
	now := time.Unix(0, 0)
	count := func(address string) (n int) {
		for range 100 {
			if l.take(clientOf(address), now) {
				n++
			}
		}
		return n
	}
	if a, b, same := count("192.0.2.1"), count("2001:db8::1"), count("2001:db8::2"); a != 20 || b != 20 || same != 0 {
		t.Errorf("%d, %d and %d at once, want 20, 20 and 0", a, b, same)
	}
	now = now.Add(time.Second)
	if a := count("192.0.2.1"); a != 10 {
		t.Errorf("%d after a second, want 10", a)
	}
	for i := range mostClients + 10 {
		l.take(clientOf(fmt.Sprintf("10.1.%d.%d", i/256, i%256)), now)
	}
	if len(l.of) > mostClients {
		t.Errorf("%d clients are remembered", len(l.of))
	}
	d := openDoor(t, func(o *Options) { o.Limits.Requests = 5 })
	last := 0
	for range 5 {
		last = d.status("192.0.2.1:1", "/healthz")
	}
	if last != http.StatusTooManyRequests {
		t.Errorf("a stranger's fifth request: %d, want 429", last)
	}
	if got := d.status("192.0.2.1:1", "/api/v1/state", withToken); got != 200 {
		t.Errorf("with the token, from the same address: %d, want 200", got)
	}
	for range 20 {
		last = d.status("192.0.2.1:1", "/api/v1/state", withToken)
	}
	if last != http.StatusTooManyRequests {
		t.Errorf("many requests with the token: %d, want 429", last)
	}
}

// The connection of a caller without credentials is closed after its answer; that of one with them is
// held for the next request.
func TestStrangersConnectionsEnd(t *testing.T) {
	d := openDoor(t, nil)
	for _, row := range []struct {
		header string
		ends   bool
	}{{"", true}, {"Authorization: Bearer x\r\n", true}, {withToken, false}} {
		conn := d.dial("192.0.2.1:1", "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n"+row.header+"\r\n")
		answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _ = answer.Body.Close(); answer.Close != row.ends {
			t.Errorf("with %q the connection ends: %v, want %v", row.header, answer.Close, row.ends)
		}
	}
}

// A caller has ten seconds for the head of a request and half a minute for all of it.
func TestTimeForARequest(t *testing.T) {
	s := serve(t, "hamlet", nil)
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	until := make(chan time.Time, 100)
	l := &from{inner, make(chan string, 1), new(atomic.Pointer[chan time.Time])}
	l.deadlines.Store(&until)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, l) }()
	conn, err := net.Dial("tcp", inner.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	l.addresses <- "127.0.0.1:1"
	// A deadline is set after begun and before it is told: then it is so long after one and no longer after the other.
	within := func(limit time.Duration) {
		t.Helper()
		at := <-until
		if now := time.Now(); at.Before(begun.Add(limit)) || at.After(now.Add(limit)) {
			t.Errorf("a deadline %v after the start, want %v", at.Sub(begun), limit)
		}
	}
	within(10 * time.Second)
	_, _ = io.WriteString(conn, "POST /api/v1/clock/step HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 10\r\n\r\n")
	within(30 * time.Second)
	_ = conn.Close()
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
