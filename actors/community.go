package actors

import (
	"strings"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/twins"
)

// community is the actor of one community: it owns the cell with its members'
// slabs, asks its members stage after stage, folds their answers and reports
// to its shard. A stage is done when every slot of its last round is filled;
// messages and time are not counted.
type community struct {
	system *System
	index  int
	cell   *twins.Cell
	self   *actor.PID
	shard  *shard
	hasher sim.CellHasher
	digest sim.Hash

	mailbox    *cellMailbox    // nil if hosted plainly
	answers    []*twins.Answer // the cell's only one
	members    []member        // block after block
	progresses []progress      // of the members
	firsts     []int32         // index of the first member of each block
	byPath     map[string]*member
	spawning   *member // while its actor is made
	scratch    twins.Scratch
	scratches  []*twins.Scratch // of the members, if hosted plainly

	ask       *ask
	turn      uint32 // rises each time a stage begins
	memberAsk *memberAsk
	round     int
	missing   int // slots of the present round that are not filled
	looping   bool
	ending    bool   // all rounds are through
	done      uint64 // seq that has been answered
	err       error
	inLine    inLine
}

func newCommunity(s *System, index int, c *twins.Cell, of *shard) *community {
	k := &community{system: s, index: index, cell: c, shard: of, answers: []*twins.Answer{c.Answer()}, members: make([]member, c.Members()), progresses: make([]progress, c.Members())}
	at := 0
	for b, block := range c.Blocks {
		k.firsts = append(k.firsts, int32(at))
		for i := range block.Paths {
			k.members[at] = member{c: k, at: twins.Slot{Block: int32(b), Index: int32(i)}, index: int32(at)}
			at++
		}
	}
	if s.options.Hosting == Plain {
		k.scratches = make([]*twins.Scratch, len(k.members))
		for i := range k.members {
			k.scratches[i] = &twins.Scratch{}
			k.members[i].scratch = k.scratches[i]
		}
		return k
	}
	k.mailbox = &cellMailbox{c: k}
	k.scratches = []*twins.Scratch{&k.scratch}
	return k
}

// spawn makes the community's actor, which makes its members'.
func (c *community) spawn(ctx actor.Context, name string) error {
	options := []actor.PropsOption{actor.WithSupervisor(restart{c})}
	if c.mailbox != nil {
		options = append(options,
			actor.WithMailbox(func() actor.Mailbox { return c.mailbox }),
			actor.WithDispatcher(actor.NewSynchronizedDispatcher(1)))
	}
	pid, err := ctx.SpawnNamed(actor.PropsFromProducer(func() actor.Actor { return c }, options...), name)
	c.self = pid
	return err
}

// spawnMembers makes the actors of all members, in the community's own turn.
// One Props serves all: it finds the member under spawning.
func (c *community) spawnMembers(ctx actor.Context) {
	options := []actor.PropsOption{}
	if c.mailbox != nil {
		options = append(options, actor.WithMailbox(func() actor.Mailbox { return c.spawning }))
	}
	props := actor.PropsFromProducer(func() actor.Actor {
		if c.spawning != nil {
			return c.spawning
		}
		return &reborn{c: c}
	}, options...)
	for i := range c.members {
		m := &c.members[i]
		c.spawning = m
		pid, err := ctx.SpawnNamed(props, strings.TrimPrefix(c.cell.PathOf(m.at), c.cell.Path+"/"))
		c.spawning = nil
		if err != nil {
			c.system.abort(err)
			return
		}
		if c.mailbox == nil {
			m.self = pid
		}
	}
}

// Receive implements actor.Actor.
func (c *community) Receive(ctx actor.Context) { c.shard.mail.turn(ctx, c.receive) }

func (c *community) receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		c.spawnMembers(ctx)
		ctx.Send(ctx.Parent(), spawned{})
	case *ask:
		c.begin(m)
	case *memberAnswered:
		c.fill(m.m, m.turn, m.err)
		c.advance()
	case *proceed:
		if m.turn == c.turn {
			c.advance()
		}
	case Inspect:
		c.inLine.flush(&c.shard.mail)
		ctx.Respond(&Inspected{Path: c.cell.Path, Kind: twins.Community, State: c.cell.Node.AppendBinary(nil)})
	}
}

// involved reports whether the community takes part in a stage.
func (c *community) involved(s twins.Stage) bool {
	return s != twins.StageClose || len(c.cell.Units()) > 0
}

// begin starts a stage. A stage that is asked for again starts again, except
// a commit: a member that has committed is not asked twice.
func (c *community) begin(m *ask) {
	if c.done == m.seq {
		c.answer()
		return
	}
	if c.ask != nil && m.seq < c.ask.seq { // a duplicate of an ask that has been answered
		return
	}
	if c.ask == m && c.mailbox == nil && c.missing > 0 {
		// The members are answering in their own turns and must not be disturbed. If
		// this turn failed while asking them, the rest is asked now.
		if c.looping {
			c.askRound()
		}
		return
	}
	c.fault(twins.BeforeAnswer)
	if again := c.ask == m; !again || m.stage != twins.StageCommit {
		c.turn++
		c.memberAsk = &memberAsk{c.turn, m.env.Tick, m.stage, m.env}
	}
	c.ask, c.err, c.ending, c.looping = m, nil, false, false
	if m.stage == twins.StageOffer {
		c.scratch.Reset()
	}
	c.err = c.cell.Begin(m.env, &m.asks[c.index])
	c.round, c.missing = -1, 0
	c.advance()
}

// advance goes from round to round while no answer is missing, and answers
// after the last one. In hosting message and batched a round is over when
// askRound returns, unless a member has failed in it.
func (c *community) advance() {
	if c.looping {
		return
	}
	for c.missing == 0 && !c.ending {
		c.round++
		if c.err != nil || c.round >= c.cell.Rounds(c.ask.stage) {
			c.ending = true
			break
		}
		c.askRound()
	}
	if c.ending && c.done != c.ask.seq {
		c.end()
	}
}

// end folds the members' answers and answers the shard.
func (c *community) end() {
	if c.err == nil {
		c.cell.End(c.ask.stage, c.ask.env, c.scratches...)
		if c.ask.stage == twins.StageCommit && c.system.options.Hash {
			c.digest = c.hasher.Sum(c.cell.Record())
		}
	}
	c.done = c.ask.seq
	c.answer()
	c.fault(twins.AfterAnswer)
}

func (c *community) answer() {
	c.inLine.flush(&c.shard.mail)
	c.shard.mail.send(c.system.actors.Root, c.shard.self, &answered{from: c.index, seq: c.done, first: c.index, answers: c.answers, err: c.err})
}

// askRound asks every member of the round that has not answered yet.
func (c *community) askRound() {
	blocks := c.cell.Round(c.ask.stage, c.round)
	c.missing = 0
	for _, b := range blocks {
		from, to := c.block(b)
		for i := from; i < to; i++ {
			if c.progresses[i].got != c.turn {
				c.missing++
			}
		}
	}
	c.looping = true
	for _, b := range blocks {
		from, to := c.block(b)
		if c.mailbox != nil && c.system.options.Hosting == Batched {
			for from < to {
				from = c.batch(from, to)
			}
			continue
		}
		for i := from; i < to; i++ {
			switch m := &c.members[i]; {
			case c.progresses[i].got == c.turn:
			case c.mailbox != nil:
				c.inLine.sent++
				m.deliver(c.memberAsk)
			default:
				c.shard.mail.send(c.system.actors.Root, m.self, c.memberAsk)
			}
		}
	}
	c.looping = false
}

// block returns the range of the members of one block.
func (c *community) block(b int32) (from, to int) {
	if int(b)+1 < len(c.firsts) {
		return int(c.firsts[b]), int(c.firsts[b+1])
	}
	return int(c.firsts[b]), len(c.members)
}

// batch steps members in one loop until one of them fails, and returns the
// index at which it stopped. The failure concerns that member alone: its
// supervisor handles it, and the loop continues after it. What the member was asked counts as a message of
// its own from then on.
func (c *community) batch(i, to int) (next int) {
	defer func() {
		if reason := recover(); reason != nil {
			c.inLine.sent++
			c.members[i].fail(reason, c.memberAsk)
			next = i + 1
		}
	}()
	for ; i < to; i++ {
		switch st := &c.progresses[i]; {
		case st.got == c.turn:
		case st.suspended || st.fresh:
			c.inLine.sent++
			c.members[i].PostUserMessage(c.memberAsk)
		default:
			c.members[i].carry(c.memberAsk, &c.scratch)
		}
	}
	return i
}

// fill takes a member's answer, once in each turn.
func (c *community) fill(m *member, turn uint32, err error) {
	st := m.progress()
	if turn != c.turn || st.got == turn {
		return
	}
	st.got = turn
	c.missing--
	if c.err == nil {
		c.err = err
	}
}

// failed counts failures of a member in one step; the second one puts it into
// quarantine.
func (c *community) failed(m *member, a *memberAsk) {
	if m.failedAt != a.tick {
		m.failedAt, m.failures = a.tick, 0
	}
	if m.failures++; m.failures == 2 {
		c.cell.Quarantine(m.at)
	}
}

// byPID finds a member by its actor's address, which is its path.
func (c *community) byPID(id string) *member {
	if c.byPath == nil {
		c.byPath = make(map[string]*member, len(c.members))
		for i := range c.members {
			c.byPath[c.cell.PathOf(c.members[i].at)] = &c.members[i]
		}
	}
	return c.byPath[id]
}

func (c *community) fault(p twins.FaultPoint) {
	if c.cell.Fault != nil {
		c.cell.Fault(p, c.cell.Path)
	}
}
