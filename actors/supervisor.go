package actors

import (
	"fmt"
	"sync"

	"github.com/asynkron/protoactor-go/actor"
)

// redeliver supervises the grid, its shards and its communities: an actor that
// fails is resumed with its state (a restart would stop its children) and
// receives the failed message a second time. Handlers are idempotent up to
// their last statement, so nothing is lost and nothing done twice. Three
// failures on one message end the run.
type redeliver struct {
	system *System

	mu       sync.Mutex
	failures map[string]failure // by path
}

// failure is the message on which an actor failed last, and how often it did.
type failure struct {
	on    any
	times int
}

const maxFailures = 3

// HandleFailure implements actor.SupervisorStrategy.
func (r *redeliver) HandleFailure(sys *actor.ActorSystem, s actor.Supervisor, child *actor.PID,
	_ *actor.RestartStatistics, reason, message any) {
	if r.countFailure(child.Id, message) {
		if isMessage(message) {
			r.system.core.mail.reported.Add(1)
		}
		r.system.abort(fmt.Errorf("%s failed %d times on one message: %v", child.Id, maxFailures, reason))
		return
	}
	s.ResumeChildren(child)
	r.system.core.mail.resend(sys.Root, child, message)
}

// countFailure counts a failure, and reports whether it is the last one on this
// message.
func (r *redeliver) countFailure(child string, message any) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failures == nil {
		r.failures = map[string]failure{}
	}
	f := r.failures[child]
	if f.on != message {
		f = failure{on: message}
	}
	f.times++
	r.failures[child] = f
	return f.times >= maxFailures
}

// restart supervises the members of a community: a member that fails is
// restarted, brought back to its state before the step and asked again in the
// same step. If it fails again in that step it is quarantined. A question that it
// cannot answer is refused. It runs in the community's own turn and never stops a
// member.
type restart struct{ c *community }

// HandleFailure implements actor.SupervisorStrategy.
func (r restart) HandleFailure(sys *actor.ActorSystem, s actor.Supervisor, child *actor.PID,
	_ *actor.RestartStatistics, _, message any) {
	a, asked := message.(*memberAsk)
	if asked { // before the restart: after it the member may find the next ask waiting
		r.c.failed(r.c.byPID(child.Id), a)
	}
	s.RestartChildren(child)
	switch {
	case asked:
		r.c.shard.mail.resend(sys.Root, child, a)
	case isMessage(message):
		_, question, asker := actor.UnwrapEnvelope(message)
		sys.EventStream.Publish(&actor.DeadLetterEvent{PID: child, Message: question, Sender: asker})
	}
}
