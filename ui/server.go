package ui

import (
	"context"
	"crypto/subtle"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"path"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/live"
	"github.com/smatrix-grid/smatrix/ui/viewers"
)

// Options are what a server shows and how. World and Stepper are needed.
type Options struct {
	World   *sim.World // that nobody steps yet
	Stepper func(*sim.World) (sim.Stepper, error)
	Live    live.Options
	Sinks   []sim.Sink    // of the live run, before viewers see the step
	Chain   *sim.Chain    // of the live run; nil: from its start
	Begun   Begun         // what there is of it already, and what keeps it
	Keep    Keeper        // of what comes from outside; nil: memory will do
	Waiting func() string // what the live run waits for, in words; "": nothing
	Replay  bool          // Begun's steps are shown, and none made but in forks
	Log     *slog.Logger  // of what went wrong with a request; nil: nowhere

	// Token lets in who knows it; "" lets in everybody, on loopback only.
	Token string
	// HistoryBytes bounds the memory for looking back; 0: 256 MiB. A fork has a
	// quarter of it.
	HistoryBytes int
	Limits       Limits
}

// Limits bound what others may take. Zero values are the defaults.
type Limits struct {
	Viewers           int     // at a time; 2,000
	ViewersPerAddress int     // 1,500
	Connections       int     // at a time; 4,000
	Requests          float64 // per second and address; 200, with as many again at once
}

func (l Limits) filled() Limits {
	fill := func(v *int, usual int) {
		if *v == 0 {
			*v = usual
		}
	}
	fill(&l.Viewers, 2000)
	fill(&l.ViewersPerAddress, 1500)
	fill(&l.Connections, 4000)
	if l.Requests == 0 {
		l.Requests = 200
	}
	return l
}

// Server shows a live run and its forks.
type Server struct {
	options Options
	index   *Index
	runs    runs
	live    *run
	handler http.Handler
	timing  viewers.Timing

	viewers     counter
	rate        rates
	buffers     sync.Pool
	serving     sync.WaitGroup // viewers
	connections atomic.Int64
}

// Bounds on requests.
const (
	mostBody     = 1 << 20
	headersIn    = 10 * time.Second
	bodyIn       = 30 * time.Second
	answeredIn   = 60 * time.Second
	idleFor      = 2 * time.Minute
	mostHeader   = 32 << 10
	memoryUsual  = 256 << 20
	shutdownTime = 5 * time.Second
)

// NewServer starts the live run and makes the server for it. Close ends both.
func NewServer(o Options) (*Server, error) {
	o.Limits = o.Limits.filled()
	if o.HistoryBytes == 0 {
		o.HistoryBytes = memoryUsual
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{options: o, index: NewIndex(o.World), timing: viewers.UsualTiming}
	s.runs = runs{options: &s.options, index: s.index}
	s.viewers = counter{most: o.Limits.Viewers, each: o.Limits.ViewersPerAddress, of: map[string]int{}}
	s.rate = rates{perSecond: o.Limits.Requests, of: map[string]*bucket{}}
	routes, err := s.routes()
	if err != nil {
		return nil, err
	}
	s.handler = s.guard(routes)
	stepper := o.Stepper
	if o.Replay {
		stepper = nil
	}
	s.live, err = newRun(runOptions{id: "live", world: o.World, index: s.index, chain: o.Chain, sinks: o.Sinks, begun: o.Begun, keep: o.Keep,
		waiting: o.Waiting, bytes: o.HistoryBytes, stepper: stepper, live: o.Live})
	if err != nil {
		return nil, err
	}
	s.options.Begun = Begun{} // its commands are in memory no longer
	s.live.name = o.World.Scenario.Name
	s.runs.all = []*run{s.live}
	return s, nil
}

// Handler is the whole of the server, with its limits.
func (s *Server) Handler() http.Handler { return s.handler }

// Close ends the runs after a whole step, and dismisses the viewers.
func (s *Server) Close() {
	s.runs.close()
	for _, r := range s.runs.list() {
		r.hub.Dismiss(1001, "the server is going")
	}
	s.serving.Wait()
}

// Live is the live run's control, for whoever started the server; nil in a replay.
func (s *Server) Live() *live.Driver { l, _ := s.live.pace.(*live.Driver); return l }

// Digest is the live run's, once it is over or the server is closed.
func (s *Server) Digest() string { return s.live.finished() }

// AddressError says that an address cannot be one to listen at.
type AddressError struct{ Addr, What string }

func (e *AddressError) Error() string { return fmt.Sprintf("address %q: %s", e.Addr, e.What) }

// Listen opens an address. Beyond loopback it wants a token.
func Listen(addr, token string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, &AddressError{addr, "wanted HOST:PORT such as 127.0.0.1:7070"}
	}
	if token == "" && !loopback(host) {
		return nil, &AddressError{addr, "without --token only this machine may connect: wanted an address such as 127.0.0.1:7070, or --token TEXT"}
	}
	return net.Listen("tcp", addr)
}

// loopback says that only this machine can reach a host.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Serve answers on a listener until ctx is done; then it ends the runs, dismisses the
// viewers and lets requests finish.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	h := &http.Server{
		Handler: s.handler, ReadHeaderTimeout: headersIn, ReadTimeout: bodyIn, WriteTimeout: answeredIn, IdleTimeout: idleFor, MaxHeaderBytes: mostHeader,
		ErrorLog: slog.NewLogLogger(s.options.Log.Handler(), slog.LevelWarn), ConnState: s.connection,
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	ended := make(chan error, 1)
	go func() { ended <- h.Serve(l) }()
	select {
	case err := <-ended:
		s.Close()
		return err
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.Background(), shutdownTime)
	defer cancel()
	s.Close()
	if err := h.Shutdown(last); err != nil {
		_ = h.Close() // somebody does not finish
	}
	<-ended
	return nil
}

// connection bounds how many there are.
func (s *Server) connection(c net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		if s.connections.Add(1) > int64(s.options.Limits.Connections) {
			_ = c.Close()
		}
	case http.StateClosed, http.StateHijacked:
		s.connections.Add(-1)
	}
}

// dist is the web app as it was built before this binary; placeholder.html stands for
// it where it was not.
//
//go:embed all:web/dist
var dist embed.FS

// guard is what every request passes before its route: it turns panics into answers, refuses
// callers that ask too often or from another origin, and finds out who the others are.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if p := recover(); p != nil {
				if p == http.ErrAbortHandler {
					panic(p)
				}
				s.options.Log.Error("panic", "path", r.URL.Path, "what", p, "stack", string(debug.Stack()))
				problem(w, http.StatusInternalServerError, "an error of the server")
			}
		}()
		head := w.Header()
		head.Set("X-Content-Type-Options", "nosniff")
		head.Set("Referrer-Policy", "no-referrer")
		head.Set("Content-Security-Policy", "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'")
		head.Set("Cross-Origin-Opener-Policy", "same-origin")
		head.Set("Cross-Origin-Resource-Policy", "same-origin")
		switch {
		case !s.rate.allow(address(r), time.Now()):
			head.Set("Retry-After", "1")
			problem(w, http.StatusTooManyRequests, "too many requests in a second")
		case !s.sameHost(r):
			problem(w, http.StatusForbidden, fmt.Sprintf("host %q is not served here", r.Host))
		case !sameOrigin(r):
			problem(w, http.StatusForbidden, fmt.Sprintf("origin %q may not ask, wanted %q", r.Header.Get("Origin"), r.Host))
		case s.welcome(w, r):
		default:
			next.ServeHTTP(w, r.WithContext(withPrincipal(r.Context(), s.principal(r))))
		}
	})
}

// sameHost refuses names that others have pointed at this machine: without a token
// only those of loopback are good.
func (s *Server) sameHost(r *http.Request) bool {
	if s.options.Token != "" {
		return true
	}
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = r.Host
	}
	return loopback(strings.Trim(host, "[]"))
}

// sameOrigin refuses what a page of another origin asks. Programs send no Origin.
func sameOrigin(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return r.Header.Get("Sec-Fetch-Site") != "cross-site" || r.Method == http.MethodGet
	}
	u, err := url.Parse(origin)
	return err == nil && u.Host != "" && strings.EqualFold(u.Host, r.Host)
}

const cookieName = "smatrix_token"

// welcome answers a browser that opens the page with the token: the token becomes a cookie. It
// reports whether it has answered.
func (s *Server) welcome(w http.ResponseWriter, r *http.Request) bool {
	given := r.URL.Query().Get("token")
	if s.options.Token == "" || given == "" || r.URL.Path != "/" || r.Method != http.MethodGet || !s.isToken(given) {
		return false
	}
	http.SetCookie(w, &http.Cookie{Name: cookieName, Value: url.QueryEscape(given), Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode})
	http.Redirect(w, r, "/", http.StatusSeeOther)
	return true
}

// principal is the caller of a request: the bearer of the token, whom a server without one takes
// every caller for, or the zero Principal.
func (s *Server) principal(r *http.Request) Principal {
	if s.options.Token == "" {
		return tokenBearer
	}
	if bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok && s.isToken(bearer) {
		return tokenBearer
	}
	if c, err := r.Cookie(cookieName); err == nil {
		if v, err := url.QueryUnescape(c.Value); err == nil && s.isToken(v) {
			return tokenBearer
		}
	}
	return Principal{}
}

func (s *Server) isToken(given string) bool {
	return subtle.ConstantTimeCompare([]byte(given), []byte(s.options.Token)) == 1
}

// problem answers with application/problem+json.
func problem(w http.ResponseWriter, status int, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"status": status, "title": http.StatusText(status), "detail": detail}) // nobody is there any more
}

// address is who asks.
func address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// web serves the embedded app; what is no file is a page of it.
func web() http.Handler {
	files, err := fs.Sub(dist, "web/dist")
	if err != nil {
		panic(err) // the folder is embedded
	}
	_, err = fs.Stat(files, "index.html")
	built := err == nil
	server := http.FileServerFS(files)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			problem(w, http.StatusMethodNotAllowed, r.Method+" is not allowed here")
			return
		}
		name := strings.TrimPrefix(path.Clean(r.URL.Path), "/")
		if strings.HasPrefix(name, "assets/") {
			w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		} else {
			w.Header().Set("Cache-Control", "no-cache")
		}
		if info, err := fs.Stat(files, name); name != "" && (err != nil || info.IsDir()) {
			if path.Ext(name) != "" && !strings.HasPrefix(name, "twin/") && !strings.HasPrefix(name, "home/") {
				problem(w, http.StatusNotFound, "there is no /"+name)
				return
			}
			w.Header().Set("Cache-Control", "no-cache")
			r = r.Clone(r.Context())
			r.URL.Path = "/"
		}
		if r.URL.Path == "/" && !built {
			http.ServeFileFS(w, r, files, "placeholder.html")
			return
		}
		server.ServeHTTP(w, r)
	})
}

// counter bounds viewers, in all and from one address.
type counter struct {
	most, each int

	mu   sync.Mutex
	all  int
	of   map[string]int
	left func() // told when one has gone; nil if nobody asks
}

func (c *counter) take(address string) (release func(), err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.all >= c.most:
		return nil, fmt.Errorf("%d viewers are there, which is as many as may be", c.all)
	case c.of[address] >= c.each:
		return nil, fmt.Errorf("%d viewers are there from %s, which is as many as may be", c.of[address], address)
	}
	c.all++
	c.of[address]++
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.all--
		if c.of[address]--; c.of[address] == 0 {
			delete(c.of, address)
		}
		if c.left != nil {
			c.left()
		}
	}, nil
}

// rates bounds requests per second and address.
type rates struct {
	perSecond float64

	mu sync.Mutex
	of map[string]*bucket
}

type bucket struct {
	left float64
	at   time.Time
}

// mostAddresses bounds the memory of rates.
const mostAddresses = 10_000

func (l *rates) allow(address string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.of[address]
	if b == nil {
		if len(l.of) >= mostAddresses {
			l.forget(now)
		}
		b = &bucket{left: 2 * l.perSecond, at: now}
		l.of[address] = b
	}
	b.left = min(2*l.perSecond, b.left+now.Sub(b.at).Seconds()*l.perSecond)
	b.at = now
	if b.left < 1 {
		return false
	}
	b.left--
	return true
}

// forget drops addresses that have not asked lately; if all have, all of them.
func (l *rates) forget(now time.Time) {
	for a, b := range l.of {
		if now.Sub(b.at) > 2*time.Second {
			delete(l.of, a)
		}
	}
	if len(l.of) >= mostAddresses {
		clear(l.of)
	}
}
