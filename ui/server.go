package ui

import (
	"container/list"
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/live"
	"github.com/smatrix-grid/smatrix/ui/viewers"
)

// Options configure a Server. World and Stepper are required.
type Options struct {
	World   *sim.World // of the live run; no other owner steps it
	Stepper func(*sim.World) (sim.Stepper, error)
	Live    live.Options
	Sinks   []sim.Sink    // of the live run; they get a step before viewers do
	Chain   *sim.Chain    // of the live run; nil: a new one
	Begun   Begun         // of the live run, if it continues one that is kept
	Keep    Keeper        // makes commands and acknowledgements durable; nil: they are in memory only
	Waiting func() string // what the live run waits for, in words; "" if nothing
	Replay  bool          // Begun's steps are shown; only forks make steps
	Log     *slog.Logger  // of failed requests; nil: none
	Meters  *Meters       // of the live run's steps, for /metrics; nil: none

	// Token is required of every caller, see CheckToken; "" requires none, and allows loopback addresses only.
	Token string
	// Proxies are the addresses of reverse proxies whose X-Forwarded headers are believed. They need a Token.
	Proxies []netip.Prefix
	// HistoryBytes bounds the memory of the live run's history; 0: 256 MiB. A fork gets a quarter.
	HistoryBytes int
	Limits       Limits
}

// Limits bound the resources that clients may use. Zero values mean the defaults, which are given here.
//
// A client is an address of IPv4, or a /64 of IPv6; behind a proxy of Options.Proxies, that of the
// forwarded address.
type Limits struct {
	Viewers              int     // at a time; 2,000
	ViewersPerClient     int     // 1,500
	Connections          int     // at a time, viewers not counted; 4,000, and 64 more that only this machine may use
	ConnectionsPerClient int     // 256: a class that shares an address, six for each of forty browsers
	Requests             float64 // per second and client; 200, in bursts of twice as many; a tenth without credentials
}

func (l Limits) filled() Limits {
	fill := func(v *int, usual int) {
		if *v == 0 {
			*v = usual
		}
	}
	fill(&l.Viewers, 2000)
	fill(&l.ViewersPerClient, 1500)
	fill(&l.Connections, 4000)
	fill(&l.ConnectionsPerClient, 256)
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

	proxies     proxies
	connections connections
	viewers     counter
	requests    budgets // of callers with credentials
	strangers   budgets // requests of callers without
	signIns     budgets // of these, forms without the right token
	wrong       budgets // wrong tokens
	sessions    sessions
	buffers     sync.Pool
	serving     sync.WaitGroup // viewers
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
	if o.Token != "" {
		if err := CheckToken(o.Token); err != nil {
			return nil, err
		}
	}
	o.Limits = o.Limits.filled()
	if o.HistoryBytes == 0 {
		o.HistoryBytes = memoryUsual
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{options: o, index: NewIndex(o.World), timing: viewers.UsualTiming}
	s.runs = newRuns(&s.options, s.index)
	s.proxies = o.Proxies
	s.connections = connections{most: o.Limits.Connections, each: o.Limits.ConnectionsPerClient, isProxy: s.proxies.isProxy,
		open: map[net.Conn]*connection{}, of: map[netip.Prefix]*list.List{}}
	s.viewers = counter{most: o.Limits.Viewers, each: o.Limits.ViewersPerClient, of: map[netip.Prefix]int{}}
	s.requests = budgets{rate: rate.Limit(o.Limits.Requests), burst: int(2 * o.Limits.Requests)}
	s.strangers = budgets{rate: rate.Limit(o.Limits.Requests / 10), burst: int(max(1, o.Limits.Requests/5))}
	s.signIns = budgets{rate: s.strangers.rate, burst: s.strangers.burst}
	s.wrong = newWrongTokens()
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
	s.runs.begun(o.Begun.Notes)
	s.options.Begun = Begun{} // releases its commands
	s.live.name = o.World.Scenario.Name
	s.runs.all = []*run{s.live}
	return s, nil
}

// Handler returns the handler of all routes, with limits and access control.
func (s *Server) Handler() http.Handler { return s.handler }

// Close ends each run after its current step, and closes the viewers' connections.
func (s *Server) Close() {
	s.runs.close()
	for _, r := range s.runs.list() {
		r.hub.Dismiss(1001, "the server is shutting down")
	}
	s.serving.Wait()
}

// Live returns the driver of the live run; nil in a replay.
func (s *Server) Live() *live.Driver { l, _ := s.live.pace.(*live.Driver); return l }

// Digest returns the live run's digest once the run is over or the server is closed, "" before.
func (s *Server) Digest() string { return s.live.finished() }

// AddressError is returned by Listen for an address that it refuses; What says why.
type AddressError struct{ Addr, What string }

func (e *AddressError) Error() string { return fmt.Sprintf("address %q: %s", e.Addr, e.What) }

// Listen listens on an address. An address beyond loopback needs a token.
func Listen(addr, token string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, &AddressError{addr, "wanted HOST:PORT such as 127.0.0.1:7070"}
	}
	if token == "" && !loopback(host) {
		return nil, &AddressError{addr, "without a token only this machine may connect: wanted an address such as 127.0.0.1:7070, or --token-file FILE"}
	}
	return net.Listen("tcp", addr)
}

// loopback reports whether a host is a loopback address.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Serve serves a listener until ctx is done; then it calls Close and lets pending requests finish
// within shutdownTime.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	h := &http.Server{
		Handler: s.handler, ReadHeaderTimeout: headersIn, ReadTimeout: bodyIn, WriteTimeout: answeredIn, IdleTimeout: idleFor, MaxHeaderBytes: mostHeader,
		ErrorLog:    slog.NewLogLogger(s.options.Log.Handler(), slog.LevelWarn),
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	s.connections.configure(h)
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
		_ = h.Close() // a request did not finish in time
	}
	<-ended
	return nil
}

// dist is the built web app. A binary built without it serves placeholder.html.
//
//go:embed all:web/dist
var dist embed.FS

// guard wraps all routes: it turns panics into answers, refuses callers that exceed the rate or
// come from another origin, and adds the Principal to the request's context.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if p := recover(); p != nil {
				if p == http.ErrAbortHandler {
					panic(p)
				}
				s.options.Log.Error("panic", "path", r.URL.Path, "what", p, "stack", string(debug.Stack()))
				problem(w, http.StatusInternalServerError, "internal error of the server, see its log")
			}
		}()
		head := w.Header()
		head.Set("X-Content-Type-Options", "nosniff")
		head.Set("Referrer-Policy", "same-origin") // with no-referrer, browsers send a form with the origin null
		head.Set("Content-Security-Policy", "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'")
		head.Set("Cross-Origin-Opener-Policy", "same-origin")
		head.Set("Cross-Origin-Resource-Policy", "same-origin")
		p, wrong := s.principal(r)
		allowed := &s.strangers
		if len(p.Roles) > 0 {
			allowed = &s.requests
			s.connections.know(r)
		} else if !s.proxies.have(r.RemoteAddr) {
			head.Set("Connection", "close") // a stranger's connection is held for no further request
		}
		later := len(p.Roles) == 0 && s.isSignIn(r) // counted after the token was compared
		switch {
		case !later && !s.within(allowed, w, r):
		case !s.sameHost(r):
			problem(w, http.StatusForbidden, fmt.Sprintf("host %q is not served here", r.Host))
		case !sameOrigin(r):
			problem(w, http.StatusForbidden, fmt.Sprintf("origin %q may not ask, wanted %q", r.Header.Get("Origin"), r.Host))
		case wrong && s.tooManyWrong(w, r):
		case s.welcome(w, r):
		default:
			next.ServeHTTP(w, r.WithContext(withPrincipal(r.Context(), p)))
		}
	})
}

// within counts a request of a client. If there were too many it answers, and reports false.
func (s *Server) within(b *budgets, w http.ResponseWriter, r *http.Request) bool {
	if b.take(s.proxies.client(r), time.Now()) {
		return true
	}
	w.Header().Set("Retry-After", "1")
	problem(w, http.StatusTooManyRequests, "too many requests in a second")
	return false
}

// sameHost reports whether the request's Host is acceptable. Without a token only loopback names
// are: it defends against DNS rebinding, a foreign name that resolves to this machine.
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

// sameOrigin reports whether a request comes from a page of this server, or from a program, which
// sends no Origin.
func sameOrigin(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return r.Header.Get("Sec-Fetch-Site") != "cross-site" || r.Method == http.MethodGet
	}
	u, err := url.Parse(origin)
	return err == nil && u.Host != "" && strings.EqualFold(u.Host, r.Host)
}

// problem answers with application/problem+json.
func problem(w http.ResponseWriter, status int, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"status": status, "title": http.StatusText(status), "detail": detail}) // fails if the client has disconnected
}

// embedded returns the files of the built web app.
func embedded() fs.FS {
	files, err := fs.Sub(dist, "web/dist")
	if err != nil {
		panic(err) // the folder is embedded
	}
	return files
}

// web serves the files of the app; a path that is not a file is an address of the app and gets index.html.
func web(files fs.FS) http.Handler {
	_, err := fs.Stat(files, "index.html")
	built := err == nil
	server := http.FileServerFS(files)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			problem(w, http.StatusMethodNotAllowed, r.Method+" is not allowed here")
			return
		}
		name := strings.TrimPrefix(path.Clean(r.URL.Path), "/")
		w.Header().Set("Cache-Control", "no-cache")
		if info, err := fs.Stat(files, name); name != "" && (err != nil || info.IsDir()) {
			if path.Ext(name) != "" && !strings.HasPrefix(name, "twin/") && !strings.HasPrefix(name, "home/") {
				problem(w, http.StatusNotFound, "there is no /"+name)
				return
			}
			r = r.Clone(r.Context())
			r.URL.Path = "/"
		} else if strings.HasPrefix(name, "assets/") { // a name that changes with the file
			w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		}
		if r.URL.Path == "/" && !built {
			http.ServeFileFS(w, r, files, "placeholder.html")
			return
		}
		server.ServeHTTP(w, r)
	})
}

// counter limits the number of viewers, in total (most) and of one client (each).
type counter struct {
	most, each int

	mu   sync.Mutex
	all  int
	of   map[netip.Prefix]int
	left func() // called after a viewer has disconnected; nil: not called
}

func (c *counter) take(client netip.Prefix) (release func(), err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.all >= c.most:
		return nil, fmt.Errorf("%d viewers are connected, the most that are allowed", c.all)
	case c.of[client] >= c.each:
		return nil, fmt.Errorf("%d viewers are connected from %s, the most that are allowed", c.of[client], clientName(client))
	}
	c.all++
	c.of[client]++
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.all--
		if c.of[client]--; c.of[client] == 0 {
			delete(c.of, client)
		}
		if c.left != nil {
			c.left()
		}
	}, nil
}
