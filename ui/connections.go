package ui

import (
	"container/list"
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"sync"
)

// connections bounds the HTTP connections, in total and from one client, so that no client can keep
// the others out. A connection is known once it has carried a request with credentials; before, it is a
// stranger's. At a bound the oldest stranger's connection is closed to make room for a new one, then
// the known one that has carried no request for longest. A known connection with a request is never
// closed: if all are, the new one is. Viewers are counted apart, by counter.
type connections struct {
	most    int                 // in total; clients on this machine may exceed it by keptForLoopback
	each    int                 // from one client
	isProxy func(net.Addr) bool // its connections are shared by many clients: they are known from the start, and each does not apply

	mu        sync.Mutex
	open      map[net.Conn]*connection
	of        map[netip.Prefix]*list.List // the open connections of each client, oldest first
	strangers list.List                   // the strangers' connections, oldest first
	idle      list.List                   // the known connections without a request, longest first
}

// connection is an open HTTP connection.
type connection struct {
	net.Conn
	from     netip.Prefix
	known    bool
	ofClient *list.Element // in connections.of; nil for a proxy's
	waiting  *list.Element // in strangers or idle; nil: it may not be closed
}

// keptForLoopback is the number of connections that only clients on this machine may use, so that who
// runs the server can always reach it.
const keptForLoopback = 64

// configure sets the hooks of an HTTP server by which connections are counted.
func (c *connections) configure(h *http.Server) {
	h.ConnState = c.changed
	h.ConnContext = func(ctx context.Context, conn net.Conn) context.Context {
		return context.WithValue(ctx, connectionKey{}, conn)
	}
}

type connectionKey struct{}

// changed implements http.Server.ConnState.
func (c *connections) changed(conn net.Conn, state http.ConnState) {
	var victim net.Conn
	c.mu.Lock()
	switch state {
	case http.StateNew:
		victim = c.add(conn)
	case http.StateActive:
		if o := c.open[conn]; o != nil && o.known {
			c.unlist(o)
		}
	case http.StateIdle:
		if o := c.open[conn]; o != nil && o.known {
			o.waiting = c.idle.PushBack(o)
		}
	case http.StateClosed, http.StateHijacked:
		if o := c.open[conn]; o != nil {
			c.remove(o)
		}
	}
	c.mu.Unlock()
	if victim == nil {
		return
	}
	if t, ok := victim.(*tls.Conn); ok {
		victim = t.NetConn() // closing the TLS connection would wait for its client
	}
	_ = victim.Close()
}

// add counts a new connection, and returns the one to be closed for it, nil if there is room. The caller
// holds mu.
func (c *connections) add(conn net.Conn) (victim net.Conn) {
	o := &connection{Conn: conn, from: clientOf(conn.RemoteAddr().String())}
	most := c.most
	o.known = c.isProxy(conn.RemoteAddr())
	if o.from.Addr().IsLoopback() && !o.known { // a proxy on this machine brings strangers
		most += keptForLoopback
	}
	var loser *connection
	if !o.known {
		if all := c.of[o.from]; all != nil && all.Len() >= c.each {
			if loser = oldest(all); loser == nil {
				return conn
			}
		}
	}
	if loser == nil && len(c.open) >= most {
		if loser = c.longest(); loser == nil {
			return conn
		}
	}
	if loser != nil {
		c.remove(loser)
		victim = loser.Conn
	}
	if c.open[conn] = o; o.known {
		return victim
	}
	o.waiting = c.strangers.PushBack(o)
	if c.of[o.from] == nil {
		c.of[o.from] = list.New()
	}
	o.ofClient = c.of[o.from].PushBack(o)
	return victim
}

// oldest returns the first of a client's connections that may be closed: a stranger's if there is one; nil
// if none may be.
func oldest(all *list.List) (found *connection) {
	for e := all.Front(); e != nil; e = e.Next() {
		switch o := e.Value.(*connection); {
		case !o.known:
			return o
		case o.waiting != nil && found == nil:
			found = o
		}
	}
	return found
}

// longest returns the first of all connections that may be closed, as oldest does.
func (c *connections) longest() *connection {
	for _, all := range []*list.List{&c.strangers, &c.idle} {
		if e := all.Front(); e != nil {
			return e.Value.(*connection)
		}
	}
	return nil
}

// know marks the connection of a request that carries credentials.
func (c *connections) know(r *http.Request) {
	conn, _ := r.Context().Value(connectionKey{}).(net.Conn)
	c.mu.Lock()
	defer c.mu.Unlock()
	if o := c.open[conn]; o != nil && !o.known {
		c.unlist(o)
		o.known = true
	}
}

// unlist takes a connection out of the list of those that may be closed. The caller holds mu.
func (c *connections) unlist(o *connection) {
	if o.waiting == nil {
		return
	}
	if o.known {
		c.idle.Remove(o.waiting)
	} else {
		c.strangers.Remove(o.waiting)
	}
	o.waiting = nil
}

// remove forgets a connection. The caller holds mu.
func (c *connections) remove(o *connection) {
	delete(c.open, o.Conn)
	c.unlist(o)
	if o.ofClient == nil {
		return
	}
	all := c.of[o.from]
	if all.Remove(o.ofClient); all.Len() == 0 {
		delete(c.of, o.from)
	}
}

// count returns the number of open connections.
func (c *connections) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.open)
}
