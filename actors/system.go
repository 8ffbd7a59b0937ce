package actors

import (
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/twins"
)

// Hosting is how a community gives its members their turns. All of them give
// the same digest.
type Hosting string

// The ways of hosting.
const (
	// Batched steps a community's members in one loop over their slabs; a member
	// that has failed gets messages of its own.
	Batched Hosting = "batched"
	// PerMember sends every member a message of its own, in the community's turn.
	PerMember Hosting = "message"
	// Plain is the library's default way: a mailbox and a goroutine's turn for
	// each member, and an answer by message.
	Plain Hosting = "plain"
)

// Options of a System. The zero value hosts in batches, on as many shards as
// there are processors, without hashing.
type Options struct {
	Hosting    Hosting
	Shards     int              // that tick communities at the same time; 0: one for each processor
	Controller twins.Controller // nil: the world's
	Hash       bool             // whether records have digests
	Watch      Watch            // nil: none
}

// Watch is told how far a step is. Its methods are called in the grid's turn, so they must
// not wait; after a failure of the grid they are called again for the same stage.
type Watch interface {
	// Asked says that the communities are about to be asked at a stage.
	Asked(twins.Stage)
	// Answered says that all communities have answered a stage; the grid then works on their answers.
	Answered(twins.Stage)
	// Done says that the step's record is complete.
	Done()
}

// System is a world whose every twin is an actor. It is a sim.Stepper.
type System struct {
	actors  *actor.ActorSystem
	grid    *actor.PID
	core    *grid
	options Options
	done    chan stepDone
	fatal   chan error
	letters atomic.Int64 // messages without an addressee
}

var _ sim.Stepper = (*System)(nil)

// Start spawns the tree: the grid, its communities, their members, and the
// shards that tick the communities. It returns when all of them are there.
func Start(w *sim.World, o Options) (*System, error) {
	switch o.Hosting {
	case "":
		o.Hosting = Batched
	case Batched, PerMember, Plain:
	default:
		return nil, fmt.Errorf("hosting %q, wanted message, batched or plain", o.Hosting)
	}
	if o.Shards <= 0 {
		o.Shards = runtime.GOMAXPROCS(0)
	}
	if o.Controller == nil {
		o.Controller = w.Controller
	}
	if o.Controller == nil { // a world that was not built from a scenario
		o.Controller = twins.MeritOrder{}
	}
	s := &System{
		actors: actor.NewActorSystem(actor.WithLoggerFactory(silent),
			actor.WithDeadLetterThrottleInterval(time.Millisecond)), // else a timer outlives Close
		options: o,
		done:    make(chan stepDone, 1),
		fatal:   make(chan error, 1),
	}
	s.actors.EventStream.Subscribe(func(event any) {
		if e, dead := event.(*actor.DeadLetterEvent); dead && isMessage(e.Message) {
			s.letters.Add(1)
		}
	})
	s.core = newGrid(s, w)
	props := actor.PropsFromProducer(func() actor.Actor { return s.core },
		actor.WithGuardian(&redeliver{system: s}), actor.WithSupervisor(&redeliver{system: s}))
	var err error
	if s.grid, err = s.actors.Root.SpawnNamed(props, twins.GridPath); err != nil {
		return nil, fmt.Errorf("actors: spawn %s: %w", twins.GridPath, err)
	}
	select {
	case <-s.done: // all members have been spawned
		return s, nil
	case err := <-s.fatal:
		s.Close()
		return nil, err
	}
}

// silent drops the library's log: the record reports failures.
func silent(*actor.ActorSystem) *slog.Logger {
	return slog.New(slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelError + 1}))
}

// Step implements sim.Stepper.
func (s *System) Step(env *twins.Env) (*sim.StepRecord, error) {
	s.core.mail.send(s.actors.Root, s.grid, &tick{env})
	select {
	case d := <-s.done:
		return d.record, d.err
	case err := <-s.fatal:
		return nil, err
	}
}

// Messages implements sim.Stepper. A message to an actor that is not there is reported as the library's dead letter.
func (s *System) Messages() sim.Messages {
	m := sim.Messages{Reported: s.letters.Load()}
	s.core.mail.addTo(&m)
	for _, shard := range s.core.ofShard {
		shard.mail.addTo(&m)
	}
	return m
}

// Waiting returns how many messages wait in the mailboxes of communities and their members,
// and how many in the longest of them. It is for another goroutine than the run's, and is 0
// with hosting plain, whose mailboxes are the library's.
func (s *System) Waiting() (all, longest int) {
	for _, c := range s.core.communities {
		if c.mailbox == nil {
			continue
		}
		n := c.mailbox.UserMessageCount()
		all, longest = all+n, max(longest, n)
	}
	return all, longest
}

// inspectTimeout bounds how long Inspect waits for an actor that is busy with a
// step.
const inspectTimeout = 10 * time.Second

// Inspect asks the actor at a path for a copy of its twin.
func (s *System) Inspect(path string) (*Inspected, error) {
	s.core.mail.sent.Add(1)
	answer, err := s.actors.Root.RequestFuture(s.actors.NewLocalPID(path), Inspect{}, inspectTimeout).Result()
	if err != nil {
		return nil, fmt.Errorf("inspect %s: %w", path, err)
	}
	return answer.(*Inspected), nil
}

// Close stops every actor and waits for it.
func (s *System) Close() {
	// Stopping waits for children; after a fatal fault there may be none.
	_ = s.actors.Root.StopFuture(s.grid).Wait()
	s.actors.Shutdown()
}

// abort ends the run with an error; only the first one counts.
func (s *System) abort(err error) {
	select {
	case s.fatal <- err:
	default:
	}
}
