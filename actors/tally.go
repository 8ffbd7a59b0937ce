package actors

import (
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/smatrix-grid/smatrix/sim"
)

// tally counts the messages that some actors have sent and handled. Each message that was sent is handled,
// or its handler panicked and it was sent again, or it was reported:
//
//	sent = handled + resent + reported + still in a mailbox
//
// A message that is sent again is sent once more. Replies to questions are not counted, and neither is what
// spawns and supervises actors.
type tally struct {
	sent, handled, resent, reported atomic.Int64

	_ [32]byte // with the counters a cache line: shards count at the same time
}

// isMessage reports whether a message is counted.
func isMessage(m any) bool {
	switch actor.UnwrapEnvelopeMessage(m).(type) {
	case *memberAsk, *memberAnswered, *ask, *answered, *proceed, *tick, Inspect:
		return true
	}
	return false
}

// send sends a message and counts it.
func (t *tally) send(from interface{ Send(*actor.PID, any) }, to *actor.PID, m any) {
	t.sent.Add(1)
	from.Send(to, m)
}

// resend sends a message again whose handler has panicked.
func (t *tally) resend(from interface{ Send(*actor.PID, any) }, to *actor.PID, m any) {
	if isMessage(m) {
		t.resent.Add(1)
		t.sent.Add(1)
	}
	from.Send(to, m)
}

// turn calls a handler, and counts the message as handled unless the handler panics: then the supervisor
// says what becomes of it.
func (t *tally) turn(ctx actor.Context, handle func(actor.Context)) {
	if !isMessage(ctx.Message()) {
		handle(ctx)
		return
	}
	t.handled.Add(1) // at first: who reads the figures after a reply to this message finds it
	ended := false
	defer func() {
		if !ended {
			t.handled.Add(-1)
		}
	}()
	handle(ctx)
	ended = true
}

// addTo adds the counts to others.
func (t *tally) addTo(m *sim.Messages) {
	m.Sent += t.sent.Load()
	m.Handled += t.handled.Load()
	m.Resent += t.resent.Load()
	m.Reported += t.reported.Load()
}

// inLine counts messages that a community hands to its members in its own turn, without atomic operations:
// one for each member and stage. They are added to the tally before the community answers.
type inLine struct{ sent, handled int64 }

func (l *inLine) flush(t *tally) {
	t.sent.Add(l.sent)
	t.handled.Add(l.handled)
	*l = inLine{}
}
