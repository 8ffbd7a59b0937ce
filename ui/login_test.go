package ui

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/smatrix-grid/smatrix/sim/scenario"
)

// signsIn sends the form, and returns the answer.
// The page of the form lets browsers send their origin with it: with no-referrer that would be null, and
// the form refused.
func TestFormSendsItsOrigin(t *testing.T) {
	s := serve(t, "hamlet", func(o *Options) { o.Token = "a-token-of-a-test" })
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, httptest.NewRequest("GET", "http://grid.example/login", nil))
	if got := w.Header().Get("Referrer-Policy"); got != "same-origin" {
		t.Errorf("Referrer-Policy %q, wanted same-origin", got)
	}
}

func signsIn(s *Server, token, next string, change func(*http.Request)) *http.Response {
	r := httptest.NewRequest("POST", "http://grid.example/login", strings.NewReader(url.Values{"token": {token}, "next": {next}}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", "http://grid.example") // as browsers send it, unless the page's Referrer-Policy is no-referrer
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w.Result()
}

func guarded(t *testing.T, change func(*Options)) *tester {
	t.Helper()
	return serve(t, "hamlet", func(o *Options) {
		o.Token, o.Limits.Requests = doorToken, 1e6
		if change != nil {
			change(o)
		}
	})
}

// A caller needs the token: as a bearer, in the form, or once in the address of the page.
func TestToken(t *testing.T) {
	s := guarded(t, nil)
	asked := url.QueryEscape(doorToken)
	for _, row := range []struct {
		path, header, value string
		status              int
	}{
		{"/api/v1/state", "", "", 401}, {"/", "", "", 401}, {"/metrics", "", "", 401}, {"/healthz", "", "", 200}, {"/api/v1/stream", "", "", 401},
		{"/api/v1/state", "Authorization", "Bearer " + doorToken, 200}, {"/api/v1/state", "Authorization", "Bearer " + doorToken[1:], 401},
		{"/api/v1/state?token=" + asked, "", "", 401}, {"/?token=" + asked, "", "", 303}, {"/?token=x", "", "", 401},
		{"/api/v1/state", "Cookie", s.cookieName() + "=" + asked, 401}, {"/api/v1/state", "Cookie", s.cookieName() + "=x", 401},
	} {
		var header []string
		if row.header != "" {
			header = []string{row.header, row.value}
		}
		if status, _, b := s.ask("GET", row.path, "", header...); status != row.status {
			t.Errorf("%s %s %s: %d, want %d: %s", row.path, row.header, row.value, status, row.status, b)
		}
	}
}

// A browser that asks for a page without a session gets the form, and after it the page that it asked for. A
// program gets the problem as JSON.
func TestForm(t *testing.T) {
	s := guarded(t, nil)
	status, kind, b := s.ask("GET", "/home/grid/north/home-1?x=%22%3E%3Cscript%3E", "", "Accept", "text/html,*/*;q=0.8")
	if status != 401 || !strings.HasPrefix(kind, "text/html") || !bytes.Contains(b, []byte(`<form method="post" action="/login">`)) || bytes.Contains(b, []byte("<script>")) {
		t.Errorf("a browser gets %d %s %s", status, kind, b)
	}
	if !bytes.Contains(b, []byte(`value="/home/grid/north/home-1?x=%22%3E%3Cscript%3E"`)) {
		t.Errorf("the form does not go back to the page: %s", b)
	}
	if status, kind, b := s.ask("GET", "/", ""); status != 401 || !isProblem(kind, b) {
		t.Errorf("a program gets %d %s %s", status, kind, b)
	}
	if status, _, _ := s.ask("GET", "/login", ""); status != 200 {
		t.Errorf("/login: %d", status)
	}
	for next, want := range map[string]string{
		"/home/grid/north/home-1?tick=3": "/home/grid/north/home-1?tick=3", "": "/", "/": "/",
		"https://evil.example/": "/", "//evil.example": "/", `/\evil.example`: "/", "/\t/evil.example": "/", "javascript:alert(1)": "/", "home": "/", "/%2fevil.example": "/",
	} {
		if a := signsIn(s.Server, doorToken, next, nil); a.StatusCode != 303 || a.Header.Get("Location") != want {
			t.Errorf("next %q: %d to %q, want %q", next, a.StatusCode, a.Header.Get("Location"), want)
		}
	}
	if a := signsIn(s.Server, "x", "/a", nil); a.StatusCode != 401 || len(a.Cookies()) > 0 {
		t.Errorf("a wrong token: %d, cookies %v", a.StatusCode, a.Cookies())
	}
	if a := signsIn(s.Server, doorToken, "/", func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }); a.StatusCode != 415 {
		t.Errorf("another media type: %d", a.StatusCode)
	}
	if a := signsIn(s.Server, strings.Repeat("x", mostForm), "/", nil); a.StatusCode != 413 {
		t.Errorf("a large form: %d", a.StatusCode)
	}
	if a := signsIn(s.Server, doorToken, "/", func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") }); a.StatusCode != 403 {
		t.Errorf("a form of another origin: %d", a.StatusCode)
	}
}

// cookieName is the name of the cookie that the server takes from plain connections.
func (s *tester) cookieName() string {
	u, err := url.Parse(s.url)
	if err != nil {
		s.Fatal(err)
	}
	return cookiePrefix + u.Port()
}

// Browsers send the cookies of a host to all of its ports: two servers there keep their sessions.
func TestServersOfOneHost(t *testing.T) {
	for name, start := range map[string]func(http.Handler) *httptest.Server{"plain": httptest.NewServer, "TLS": httptest.NewTLSServer} {
		jar, err := cookiejar.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		var urls []string
		var client *http.Client
		for range 2 {
			h := start(guarded(t, nil).Handler())
			t.Cleanup(h.Close)
			client = h.Client()
			client.Jar = jar
			urls = append(urls, h.URL)
			a, err := client.PostForm(h.URL+"/login", url.Values{"token": {doorToken}, "next": {"/healthz"}})
			if err != nil {
				t.Fatal(err)
			}
			_ = a.Body.Close()
		}
		for i, u := range urls {
			a, err := client.Get(u + "/api/v1/state")
			if err != nil {
				t.Fatal(err)
			}
			if _ = a.Body.Close(); a.StatusCode != 200 {
				t.Errorf("%s: server %d of one host: %d after signing in at both", name, i+1, a.StatusCode)
			}
		}
	}
}

// The cookie holds a session, not the token; it is of this server only, of no script, and Secure where the
// browser's connection is TLS.
func TestSessionCookie(t *testing.T) {
	s := guarded(t, func(o *Options) { o.Proxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")} })
	seen := map[string]bool{}
	for _, row := range []struct {
		name   string
		change func(*http.Request)
		secure bool
	}{
		{"plain", nil, false},
		{"TLS", func(r *http.Request) { r.TLS = &tls.ConnectionState{} }, true},
		{"TLS at a proxy", func(r *http.Request) {
			r.RemoteAddr = "10.0.0.1:1"
			r.Header.Set("X-Forwarded-Proto", "https")
		}, true},
		{"the header of a stranger", func(r *http.Request) { r.Header.Set("X-Forwarded-Proto", "https") }, false},
	} {
		a := signsIn(s.Server, doorToken, "/", row.change)
		if len(a.Cookies()) != 1 {
			t.Fatalf("%s: %d, cookies %v", row.name, a.StatusCode, a.Cookies())
		}
		c := a.Cookies()[0]
		if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Secure != row.secure || c.Domain != "" || c.Path != "/" || c.MaxAge <= 0 {
			t.Errorf("%s: %s", row.name, c)
		}
		if strings.Contains(c.Value, doorToken) || strings.Contains(c.Value, url.QueryEscape(doorToken)) || len(c.Value) < 26 || seen[c.Value] {
			t.Errorf("%s: the id is %q", row.name, c.Value)
		}
		seen[c.Value] = true
		if want := cookiePrefix + "80"; !row.secure && c.Name != want || row.secure && c.Name != "__Host-"+cookiePrefix+"443" {
			t.Errorf("%s: the name is %q", row.name, c.Name)
		}
		if status, _, b := s.ask("GET", "/api/v1/state", "", "Cookie", s.cookieName()+"="+c.Value); status != 200 {
			t.Errorf("%s: with the cookie %d %s", row.name, status, b)
		}
	}
}

// Sessions end after a week without a request, and the least recently used ends when there are too many.
func TestSessions(t *testing.T) {
	var s sessions
	now := time.Unix(0, 0)
	first, second := s.begin(tokenBearer, now), s.begin(tokenBearer, now.Add(time.Second))
	lives := func(id string) bool { _, ok := s.find(id, now); return ok }
	now = now.Add(sessionFor)
	if !lives(first) {
		t.Error("the session has ended early")
	}
	now = now.Add(2 * time.Second)
	if lives(second) || !lives(first) || lives("x") || lives("") {
		t.Error("a session without a request goes on, or one with requests does not")
	}
	for range mostSessions - 1 {
		now = now.Add(time.Millisecond)
		s.begin(tokenBearer, now)
	}
	if lives(first); len(s.of) != mostSessions {
		t.Fatalf("%d sessions", len(s.of))
	}
	now = now.Add(time.Second)
	lives(first)
	s.begin(tokenBearer, now)
	if !lives(first) || len(s.of) != mostSessions {
		t.Errorf("%d sessions; the one used last lives: %v", len(s.of), lives(first))
	}
}

// Who shows wrong tokens must wait, whichever way they are shown; the right token is always taken, and other
// clients need not wait.
func TestWrongTokens(t *testing.T) {
	for name, show := range map[string]func(s *Server, token, from string) int{
		"bearer": func(s *Server, token, from string) int { return s.shown("/api/v1/state", token, from) },
		"address": func(s *Server, token, from string) int {
			return s.shown("/?token="+url.QueryEscape(token), "", from)
		},
		"form": func(s *Server, token, from string) int {
			return signsIn(s, token, "/", func(r *http.Request) { r.RemoteAddr = from }).StatusCode
		},
	} {
		s := guarded(t, nil).Server
		for i := range wrongTokens {
			if got := show(s, fmt.Sprint("wrong", i), "192.0.2.1:1"); got != 401 {
				t.Errorf("%s: wrong token %d: %d", name, i, got)
			}
		}
		if got := show(s, "wrong", "192.0.2.1:1"); got != 429 {
			t.Errorf("%s: one more: %d, want 429", name, got)
		}
		if got := show(s, "wrong", "192.0.2.2:1"); got != 401 {
			t.Errorf("%s: of another client: %d, want 401", name, got)
		}
		if got := show(s, doorToken, "192.0.2.1:1"); got != 200 && got != 303 {
			t.Errorf("%s: the right token: %d", name, got)
		}
		if got := s.shown("/healthz", "", "192.0.2.1:1"); got != 200 {
			t.Errorf("%s: without a token: %d", name, got)
		}
	}
}

// Who floods the server with wrong tokens, forms that are none and requests does not slow the right token from
// the same address, whichever way it is shown.
func TestRightTokenBesideAFlood(t *testing.T) {
	s := guarded(t, func(o *Options) { o.Limits.Requests = 50 }).Server
	from := func(r *http.Request) { r.RemoteAddr = "192.0.2.1:1" }
	limited := 0
	for range 300 {
		for _, status := range []int{
			signsIn(s, "wrong", "/", from).StatusCode,
			signsIn(s, doorToken, "/", func(r *http.Request) { from(r); r.Header.Set("Content-Type", "text/plain") }).StatusCode,
			s.shown("/?token=wrong", "", "192.0.2.1:1"), s.shown("/home?token="+doorToken, "", "192.0.2.1:1"), s.shown("/api/v1/state", "wrong", "192.0.2.1:1"),
		} {
			if status == 429 {
				limited++
			}
		}
	}
	if limited < 1000 {
		t.Errorf("of 1500 requests %d were limited", limited)
	}
	for range 10 {
		a, b, c := signsIn(s, doorToken, "/", from).StatusCode, s.shown("/?token="+doorToken, "", "192.0.2.1:1"), s.shown("/api/v1/state", doorToken, "192.0.2.1:1")
		if a != 303 || b != 303 || c != 200 {
			t.Fatalf("the right token beside a flood: form %d, address %d, bearer %d", a, b, c)
		}
	}
}

// shown sends a GET request with a bearer token, "" for none, and returns its status.
func (s *Server) shown(path, token, from string) int {
	r := httptest.NewRequest("GET", "http://grid.example"+path, nil)
	if r.RemoteAddr = from; token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w.Code
}

// A token is long, and can be sent in a header.
func TestCheckToken(t *testing.T) {
	for token, want := range map[string]string{
		doorToken: "", "0123456789abcdef": "",
		"": "wanted at least 16", "0123456789abcde": "has 15 characters", "sésame-sésame-sésame": "ASCII", "0123456789 abcdef": "without blanks", "0123456789abcdef\n": "without blanks",
	} {
		err := CheckToken(token)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", token, err, want)
		}
		if _, made := NewServer(Options{World: load(t, "hamlet", scenario.Options{}), Stepper: flat, Token: token}); token != "" && (made == nil) != (want == "") {
			t.Errorf("a server with the token %q: %v", token, made)
		}
	}
}
