package ui

import (
	"crypto/subtle"
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/time/rate"
)

// leastToken is the least length of a token. A token of 16 hexadecimal digits has 64 bits: guessing it takes
// 300,000 years on average at a million guesses a second.
const leastToken = 16

// CheckToken refuses a token that is short, or that cannot be sent in a header.
func CheckToken(token string) error {
	for _, c := range token {
		if c <= ' ' || c > '~' {
			return errors.New("wanted a token of ASCII letters, digits and marks, without blanks")
		}
	}
	if len(token) < leastToken {
		return fmt.Errorf("the token has %d characters, wanted at least %d that nobody guesses, such as those of: openssl rand -hex 16", len(token), leastToken)
	}
	return nil
}

// A client may show this many wrong tokens, and then one more in each interval. The right one is taken however
// many wrong ones came, since others may share the address: what defends the token is its length. So a request
// that shows a token is counted after the token was compared: the right one as those of callers with credentials.
const (
	wrongTokens        = 10
	wrongTokenInterval = 10 * time.Second
)

func newWrongTokens() budgets {
	return budgets{rate: rate.Every(wrongTokenInterval), burst: wrongTokens}
}

// principal returns the caller of a request: tokenBearer if the request carries the token, or the cookie of a
// session, or if the server has no token; otherwise the zero Principal. wrong reports whether it carries
// another token. A cookie of no session is none: its session has ended.
func (s *Server) principal(r *http.Request) (p Principal, wrong bool) {
	if s.options.Token == "" {
		return tokenBearer, false
	}
	bearer, given := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if given && s.isToken(bearer) {
		return tokenBearer, false
	}
	if c, err := r.Cookie(cookieName(r, s.isSecure(r))); err == nil {
		if p, ok := s.sessions.find(c.Value, time.Now()); ok {
			return p, false
		}
	}
	return Principal{}, given
}

func (s *Server) isToken(given string) bool {
	return subtle.ConstantTimeCompare([]byte(given), []byte(s.options.Token)) == 1
}

// tooManyWrong counts a wrong token of a client. If there were too many it answers, and reports true.
func (s *Server) tooManyWrong(w http.ResponseWriter, r *http.Request) bool {
	if s.wrong.take(s.proxies.client(r), time.Now()) {
		return false
	}
	w.Header().Set("Retry-After", fmt.Sprint(int(wrongTokenInterval.Seconds())))
	problem(w, http.StatusTooManyRequests, fmt.Sprintf("too many wrong tokens: wait %v before the next", wrongTokenInterval))
	return true
}

// loginRoutes registers the form that asks a browser for the token.
func (s *Server) loginRoutes(to *router) {
	to.handle("GET /login", Anyone, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(PrincipalOf(r.Context()).Roles) > 0 {
			http.Redirect(w, r, "/", http.StatusSeeOther)
			return
		}
		askForToken(w, http.StatusOK, "/", "")
	}))
	to.handle("POST /login", Anyone, http.HandlerFunc(s.login))
}

// welcome answers a browser that opens /?token=TOKEN: it begins a session and redirects to the page without
// the token. It reports whether it has answered.
func (s *Server) welcome(w http.ResponseWriter, r *http.Request) bool {
	given := r.URL.Query().Get("token")
	switch {
	case !s.isWelcome(r):
		return false
	case !s.isToken(given):
		return s.tooManyWrong(w, r)
	case s.within(&s.requests, w, r):
		s.begin(w, r)
		http.Redirect(w, r, "/", http.StatusSeeOther)
	}
	return true
}

// isWelcome reports whether a request shows a token in the address of the page.
func (s *Server) isWelcome(r *http.Request) bool {
	return s.options.Token != "" && r.Method == http.MethodGet && r.URL.Path == "/" && r.URL.Query().Get("token") != ""
}

// isSignIn reports whether a request shows a token with which a session begins: welcome or login counts it.
func (s *Server) isSignIn(r *http.Request) bool {
	return s.isWelcome(r) || r.Method == http.MethodPost && r.URL.Path == "/login"
}

// begin begins a session of the browser that has shown the token.
func (s *Server) begin(w http.ResponseWriter, r *http.Request) {
	secure := s.isSecure(r)
	http.SetCookie(w, cookie(cookieName(r, secure), s.sessions.begin(tokenBearer, time.Now()), secure))
}

// mostForm bounds the body of the form, bytes.
const mostForm = 8 << 10

func (s *Server) login(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, mostForm)
	err := r.ParseForm()
	right := err == nil && s.isToken(strings.TrimSpace(r.PostForm.Get("token")))
	if counted := len(PrincipalOf(r.Context()).Roles) > 0; !counted {
		budget := &s.signIns
		if right {
			budget = &s.requests
		}
		if !s.within(budget, w, r) {
			return
		}
	}
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/x-www-form-urlencoded" {
		problem(w, http.StatusUnsupportedMediaType, fmt.Sprintf("Content-Type %q: wanted application/x-www-form-urlencoded", r.Header.Get("Content-Type")))
		return
	}
	if err != nil {
		status := http.StatusBadRequest
		if errors.As(err, new(*http.MaxBytesError)) {
			status = http.StatusRequestEntityTooLarge
		}
		problem(w, status, fmt.Sprintf("the form: wanted token and next, at most %d bytes", mostForm))
		return
	}
	next := localPath(r.PostForm.Get("next"))
	switch {
	case s.options.Token == "":
	case right:
		s.begin(w, r)
	case s.tooManyWrong(w, r):
		return
	default:
		askForToken(w, http.StatusUnauthorized, next, "This is not the token.")
		return
	}
	http.Redirect(w, r, next, http.StatusSeeOther)
}

// isSecure reports whether the browser's connection is TLS, to this server or to its proxy.
func (s *Server) isSecure(r *http.Request) bool {
	return r.TLS != nil || s.proxies.have(r.RemoteAddr) && strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https")
}

// localPath returns an address on this server, "/" for any other.
func localPath(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || !strings.HasPrefix(u.Path, "/") || strings.HasPrefix(u.Path, "//") || strings.ContainsAny(next, "\\\r\n\t") {
		return "/"
	}
	return u.RequestURI()
}

// isPage reports whether a request is that of a browser for a page.
func isPage(r *http.Request) bool {
	return r.Method == http.MethodGet && strings.Contains(r.Header.Get("Accept"), "text/html")
}

//go:embed login.html
var loginText string

var loginPage = template.Must(template.New("login").Parse(loginText))

// askForToken answers with the form. After it the browser goes to next.
func askForToken(w http.ResponseWriter, status int, next, wrong string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = loginPage.Execute(w, struct{ Next, Wrong string }{next, wrong}) // fails if the client has disconnected
}
