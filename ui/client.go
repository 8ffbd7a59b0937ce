package ui

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// clientOf returns the client of an address with or without a port: the address itself if it is of IPv4,
// its /64 if it is of IPv6, since a household or a company has that many addresses. A text that is no
// address is the zero Prefix.
func clientOf(address string) netip.Prefix {
	ip, err := parseAddress(address)
	if err != nil {
		return netip.Prefix{}
	}
	bits := 64
	if ip.Is4() || ip.IsLoopback() {
		bits = ip.BitLen()
	}
	p, _ := ip.Prefix(bits) // bits fit the address
	return p
}

func parseAddress(address string) (netip.Addr, error) {
	if with, err := netip.ParseAddrPort(address); err == nil {
		return with.Addr().Unmap().WithZone(""), nil
	}
	ip, err := netip.ParseAddr(strings.Trim(address, "[]"))
	return ip.Unmap().WithZone(""), err
}

// proxies are the addresses of reverse proxies whose X-Forwarded headers are believed.
type proxies []netip.Prefix

func (p proxies) have(address string) bool {
	ip, err := parseAddress(address)
	return err == nil && slices.ContainsFunc(p, func(of netip.Prefix) bool { return of.Contains(ip) })
}

func (p proxies) isProxy(a net.Addr) bool { return p.have(a.String()) }

// client returns the client of a request. A proxy appends the address that it was asked from to
// X-Forwarded-For; so the client is the last address there that is no proxy's. What stands before it was
// written by the client itself.
func (p proxies) client(r *http.Request) netip.Prefix {
	if !p.have(r.RemoteAddr) {
		return clientOf(r.RemoteAddr)
	}
	client := clientOf(r.RemoteAddr)
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		from := clientOf(strings.TrimSpace(hop))
		if !from.IsValid() {
			break
		}
		if client = from; !p.have(strings.TrimSpace(hop)) {
			break
		}
	}
	return client
}

// clientName writes a client for people.
func clientName(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}

// budgets limits how often each client may do something.
type budgets struct {
	rate  rate.Limit // per second
	burst int

	mu sync.Mutex
	of map[netip.Prefix]*rate.Limiter
}

// mostClients limits the memory of budgets.
const mostClients = 10_000

// take reports whether the client may do it now; if so, that is counted.
func (l *budgets) take(client netip.Prefix, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.of[client]
	if b == nil {
		if len(l.of) >= mostClients {
			l.forget(now)
		}
		b = rate.NewLimiter(l.rate, l.burst)
		if l.of == nil {
			l.of = map[netip.Prefix]*rate.Limiter{}
		}
		l.of[client] = b
	}
	return b.AllowN(now, 1)
}

// forget drops the clients whose budget is full again; if none is, it drops all.
func (l *budgets) forget(now time.Time) {
	for c, b := range l.of {
		if b.TokensAt(now) >= float64(l.burst) {
			delete(l.of, c)
		}
	}
	if len(l.of) >= mostClients {
		clear(l.of)
	}
}
