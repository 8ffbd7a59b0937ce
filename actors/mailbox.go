package actors

import (
	"sync"

	"github.com/asynkron/protoactor-go/actor"
)

// cellMailbox is the mailbox of a community and of all its members: two queues,
// system messages first, and one run loop. So a community and its members take
// turns, their states need no locks, and any goroutine may send to any of them.
type cellMailbox struct {
	c          *community
	invoker    actor.MessageInvoker
	dispatcher actor.Dispatcher
	runLoop    func()
	suspended  bool // the community; only touched in the run loop

	mu           sync.Mutex
	system, user queue
	running      bool
}

// letter is a message with its addressee; nil is the community itself.
type letter struct {
	to  *member
	msg any
}

// queue is first in, first out, and keeps its memory.
type queue struct {
	letters []letter
	head    int
}

func (q *queue) push(l letter) { q.letters = append(q.letters, l) }

func (q *queue) pop() (l letter, ok bool) {
	if q.head == len(q.letters) {
		return l, false
	}
	l = q.letters[q.head]
	q.letters[q.head] = letter{}
	if q.head++; q.head == len(q.letters) {
		q.letters, q.head = q.letters[:0], 0
	}
	return l, true
}

var _ actor.Mailbox = (*cellMailbox)(nil)

// RegisterHandlers implements actor.Mailbox.
func (b *cellMailbox) RegisterHandlers(i actor.MessageInvoker, d actor.Dispatcher) {
	b.invoker, b.dispatcher = i, d
	b.runLoop = b.run
}

// Start implements actor.Mailbox.
func (b *cellMailbox) Start() {}

// UserMessageCount implements actor.Mailbox.
func (b *cellMailbox) UserMessageCount() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.user.letters) - b.user.head
}

// PostUserMessage implements actor.Mailbox.
func (b *cellMailbox) PostUserMessage(msg any) { b.post(&b.user, letter{nil, msg}) }

// PostSystemMessage implements actor.Mailbox.
func (b *cellMailbox) PostSystemMessage(msg any) { b.post(&b.system, letter{nil, msg}) }

func (b *cellMailbox) post(q *queue, l letter) {
	b.mu.Lock()
	q.push(l)
	idle := !b.running
	b.running = true
	b.mu.Unlock()
	if idle {
		b.dispatcher.Schedule(b.runLoop)
	}
}

// next takes the next message: system messages first; user messages wait while
// the community is suspended.
func (b *cellMailbox) next() (l letter, system, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if l, ok = b.system.pop(); ok {
		return l, true, true
	}
	if !b.suspended {
		if l, ok = b.user.pop(); ok {
			return l, false, true
		}
	}
	b.running = false
	return letter{}, false, false
}

func (b *cellMailbox) run() {
	for {
		l, system, ok := b.next()
		switch {
		case !ok:
			return
		case l.to == nil:
			b.deliverOwn(l.msg, system)
		case system:
			l.to.system(l.msg)
		default:
			l.to.deliver(l.msg)
		}
	}
}

// deliverOwn handles a message to the community itself.
func (b *cellMailbox) deliverOwn(msg any, system bool) {
	defer func() {
		if reason := recover(); reason != nil {
			b.invoker.EscalateFailure(reason, msg)
		}
	}()
	switch {
	case !system:
		b.invoker.InvokeUserMessage(msg)
	default:
		switch msg.(type) {
		case *actor.SuspendMailbox:
			b.suspended = true
		case *actor.ResumeMailbox:
			b.suspended = false
		default:
			b.invoker.InvokeSystemMessage(msg)
		}
	}
}

// A member's mailbox posts to its community's mailbox.

// RegisterHandlers implements actor.Mailbox.
func (m *member) RegisterHandlers(i actor.MessageInvoker, _ actor.Dispatcher) { m.invoker = i }

// Start implements actor.Mailbox.
func (m *member) Start() {}

// UserMessageCount implements actor.Mailbox.
func (m *member) UserMessageCount() int { return len(m.held) }

// PostUserMessage implements actor.Mailbox.
func (m *member) PostUserMessage(msg any) { m.c.mailbox.post(&m.c.mailbox.user, letter{m, msg}) }

// PostSystemMessage implements actor.Mailbox. The message that starts a member
// comes while the community spawns it, in its own turn: it is handled at once.
func (m *member) PostSystemMessage(msg any) {
	if m.c.spawning == m {
		m.system(msg)
		return
	}
	m.c.mailbox.post(&m.c.mailbox.system, letter{m, msg})
}

// deliver handles a user message, or keeps it while the member is suspended.
func (m *member) deliver(msg any) {
	if m.progress().suspended {
		m.held = append(m.held, msg)
		return
	}
	defer func() {
		if reason := recover(); reason != nil {
			if _, asked := msg.(*memberAsk); asked {
				m.c.inLine.handled--
			}
			m.fail(reason, msg)
		}
	}()
	m.invoker.InvokeUserMessage(msg)
}

// system handles a system message.
func (m *member) system(msg any) {
	defer func() {
		if reason := recover(); reason != nil {
			m.fail(reason, msg)
		}
	}()
	switch msg.(type) {
	case *actor.SuspendMailbox:
		m.progress().suspended = true
	case *actor.ResumeMailbox:
		m.progress().suspended = false
		held := m.held
		m.held = nil
		for _, h := range held {
			m.PostUserMessage(h)
		}
	default:
		m.invoker.InvokeSystemMessage(msg)
	}
}

// fail reports a failure to the member's supervisor, and keeps the member's
// messages until it has been restarted.
func (m *member) fail(reason, msg any) {
	m.progress().suspended = true
	m.invoker.EscalateFailure(reason, msg)
}
