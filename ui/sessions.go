package ui

import (
	"crypto/rand"
	"crypto/sha256"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// sessions are the browsers that have shown the token. A browser has a random id in a cookie, never the
// token: who reads the cookie learns nothing that outlives the session. They are in memory only, so the
// token is asked for again after a restart.
type sessions struct {
	mu sync.Mutex
	of map[[sha256.Size]byte]*session // by the hash of the id
}

type session struct {
	Principal
	used time.Time
}

const (
	cookiePrefix = "smatrix_session_"
	mostSessions = 1000               // the one that was used least recently ends first
	sessionFor   = 7 * 24 * time.Hour // without a request
)

// begin returns the id of a new session.
func (s *sessions) begin(p Principal, now time.Time) (id string) {
	id = rand.Text() // 128 bits
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.of) >= mostSessions {
		s.endOldest()
	}
	if s.of == nil {
		s.of = map[[sha256.Size]byte]*session{}
	}
	s.of[sha256.Sum256([]byte(id))] = &session{p, now}
	return id
}

// endOldest ends the session that was used least recently. The caller holds mu.
func (s *sessions) endOldest() {
	var oldest [sha256.Size]byte
	var used time.Time
	for id, o := range s.of {
		if used.IsZero() || o.used.Before(used) {
			oldest, used = id, o.used
		}
	}
	delete(s.of, oldest)
}

// find returns the principal of a session, and whether there is such a session.
func (s *sessions) find(id string, now time.Time) (Principal, bool) {
	key := sha256.Sum256([]byte(id))
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.of[key]
	if o == nil {
		return Principal{}, false
	}
	if now.Sub(o.used) > sessionFor {
		delete(s.of, key)
		return Principal{}, false
	}
	o.used = now
	return o.Principal, true
}

// cookieName returns the name of the session's cookie. Browsers send a cookie to every port of a host, so the
// name has the port: servers on one host do not end each other's sessions. Over TLS it begins with __Host-, so
// that a browser takes it from this host alone, and only if it came over TLS (RFC 6265bis, section 4.1.3.2).
func cookieName(r *http.Request, secure bool) string {
	prefix, port := "", "80"
	if secure {
		prefix, port = "__Host-", "443"
	}
	if _, given, err := net.SplitHostPort(r.Host); err == nil {
		if _, err := strconv.ParseUint(given, 10, 16); err == nil {
			port = given
		}
	}
	return prefix + cookiePrefix + port
}

// cookie returns the cookie of a session. A browser sends it to this host only, shows it to no script, and
// sends it over TLS alone if it came so. It stays for a year: the server ends the session.
func cookie(name, id string, secure bool) *http.Cookie {
	return &http.Cookie{Name: name, Value: id, Path: "/", HttpOnly: true, Secure: secure, SameSite: http.SameSiteStrictMode, MaxAge: 365 * 24 * 60 * 60}
}
