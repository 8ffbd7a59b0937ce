package actors

import (
	"strconv"
	"strings"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/twins"
)

// grid is the actor at the top: it holds the grid's twin, asks the shards stage
// after stage, and closes the books. It never waits inside a handler.
type grid struct {
	system      *System
	path        string
	balance     *twins.Balance
	cells       []*twins.Cell // to be spawned
	communities []*community
	shards      []*actor.PID
	spawned     int // communities whose members are there

	tick    *tick
	ask     *ask
	sending bool     // inside the loop that sends ask
	got     []uint64 // seq of the last answer of each shard
	missing int      // answers of the present stage
	moving  bool     // inside Balance.Next
	err     error
	record  sim.StepRecord
	seq     uint64
	mail    tally
	ofShard []*shard
}

func newGrid(s *System, w *sim.World) *grid {
	g := &grid{system: s, path: twins.GridPath, cells: w.Cells,
		balance: twins.NewBalance(w.Grid, s.options.Controller, twins.Rosters(w.Cells))}
	g.record.States = w.NewStates(s.options.Controller)
	for _, c := range w.Cells {
		g.record.Cells = append(g.record.Cells, c.Record())
	}
	if s.options.Hash {
		g.record.Digests = make([]sim.Hash, len(w.Cells))
	}
	return g
}

// Receive implements actor.Actor.
func (g *grid) Receive(ctx actor.Context) { g.mail.turn(ctx, g.receive) }

func (g *grid) receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		g.spawn(ctx)
	case spawned:
		if g.spawned++; g.spawned == len(g.communities) {
			g.system.done <- stepDone{}
		}
	case *tick:
		g.begin(ctx, m)
	case *answered:
		g.take(ctx, m)
	case Inspect:
		ctx.Respond(&Inspected{Path: g.path, Kind: twins.Grid, State: g.balance.Node.AppendBinary(nil)})
	}
}

// spawn makes the tree. The order is that of paths.
func (g *grid) spawn(ctx actor.Context) {
	n := min(g.system.options.Shards, len(g.cells))
	for i := range n {
		s := &shard{index: i, grid: ctx.Self(), first: i * len(g.cells) / n}
		for j, c := range g.cells[s.first : (i+1)*len(g.cells)/n] {
			k := newCommunity(g.system, s.first+j, c, s)
			if err := k.spawn(ctx, strings.TrimPrefix(c.Path, g.path+"/")); err != nil {
				g.system.abort(err)
				return
			}
			s.communities = append(s.communities, k)
		}
		g.communities, g.ofShard = append(g.communities, s.communities...), append(g.ofShard, s)
		s.got = make([]uint64, len(s.communities))
		s.answers = make([]*twins.Answer, len(s.communities))
		// A twin's path cannot contain $.
		pid, err := ctx.SpawnNamed(actor.PropsFromProducer(func() actor.Actor { return s }), "$shard-"+strconv.Itoa(i))
		if err != nil {
			g.system.abort(err)
			return
		}
		s.self = pid
		g.shards = append(g.shards, pid)
	}
	g.got = make([]uint64, n)
}

// begin starts a step; a tick that is delivered again continues where the step
// stopped.
func (g *grid) begin(ctx actor.Context, m *tick) {
	if g.tick == m {
		g.broadcast(ctx)
		return
	}
	g.tick, g.err = m, nil
	g.balance.Begin(m.env)
	g.send(ctx)
}

// send asks all shards at the present stage.
func (g *grid) send(ctx actor.Context) {
	g.seq++
	g.missing = len(g.shards)
	g.ask = &ask{seq: g.seq, stage: g.balance.Stage(), env: g.tick.env, asks: g.balance.Asks()}
	if w := g.system.options.Watch; w != nil {
		w.Asked(g.ask.stage)
	}
	g.broadcast(ctx)
}

// broadcast sends the ask to every shard. It may be repeated: a shard
// recognises an ask that it has done.
func (g *grid) broadcast(ctx actor.Context) {
	g.sending = true
	for _, s := range g.shards {
		g.mail.send(ctx, s, g.ask)
	}
	g.sending = false
}

// take counts a shard's answer; with the last one the step goes on.
func (g *grid) take(ctx actor.Context, m *answered) {
	if g.sending { // this message's turn failed before
		g.broadcast(ctx)
		return
	}
	if m.seq != g.seq {
		return
	}
	if g.got[m.from] != m.seq {
		g.got[m.from] = m.seq
		g.missing--
		if g.err == nil {
			g.err = m.err
		}
		for i, a := range m.answers {
			if g.err == nil && g.balance.Involves(m.first+i) {
				g.err = g.balance.Take(m.first+i, a)
			}
		}
	}
	if g.missing == 0 {
		if w := g.system.options.Watch; w != nil {
			w.Answered(g.ask.stage)
		}
		g.next(ctx)
	}
}

// next moves the balance to its next stage and asks the shards. After a
// failure in the middle it rolls back and starts again.
func (g *grid) next(ctx actor.Context) {
	if g.moving {
		g.balance.Rollback()
	}
	if g.err == nil {
		g.moving = true
		g.balance.Next(g.tick.env)
		g.moving = false
	}
	if g.err != nil || g.balance.Stage() == twins.StageDone {
		g.finish()
		return
	}
	g.send(ctx)
}

// finish hands the record to the runner.
func (g *grid) finish() {
	g.missing = -1 // late duplicates are ignored
	r := &g.record
	r.Flows, r.Residual, r.Swing = g.balance.Flows, g.balance.Residual, g.balance.Swing
	r.Events = g.balance.Events
	r.Quarantined = r.Quarantined[:0]
	for i, k := range g.communities {
		if r.Digests != nil {
			r.Digests[i] = k.digest
		}
	}
	r.Quarantined = append(r.Quarantined, g.balance.Isolated...)
	if w := g.system.options.Watch; w != nil {
		w.Done()
	}
	g.system.done <- stepDone{r, g.err}
}

// shard ticks a part of the communities, in line. It holds no twin and appears
// in no path: it is the unit of parallelism.
type shard struct {
	index       int
	first       int // index of the first community
	grid, self  *actor.PID
	communities []*community

	seq      uint64
	got      []uint64
	missing  int
	err      error
	mail     tally           // of the shard and its communities
	answers  []*twins.Answer // the last of each community
	reported uint64          // seq of the last answer sent to the grid

	// fault is called at statements where a test wants the shard to fail; nil
	// otherwise.
	fault func(twins.FaultPoint)
}

// Receive implements actor.Actor.
func (s *shard) Receive(ctx actor.Context) { s.mail.turn(ctx, s.receive) }

func (s *shard) receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *ask:
		s.begin(ctx, m)
	case *answered:
		s.take(ctx, m)
	case Inspect:
		ctx.Respond(&Inspected{Path: ctx.Self().Id})
	}
}

func (s *shard) begin(ctx actor.Context, m *ask) {
	if m.seq < s.seq { // a duplicate of an ask that has been answered
		return
	}
	s.failAt(twins.BeforeAnswer)
	if s.seq == m.seq && s.missing == 0 {
		s.answer(ctx)
		return
	}
	s.seq, s.err, s.missing = m.seq, nil, 0
	for i, c := range s.communities {
		if c.involved(m.stage) && s.got[i] != m.seq {
			s.missing++
		}
	}
	if s.missing == 0 {
		s.answer(ctx)
		return
	}
	for i, c := range s.communities {
		if c.involved(m.stage) && s.got[i] != m.seq {
			s.mail.send(ctx, c.self, m)
		}
	}
}

func (s *shard) take(ctx actor.Context, m *answered) {
	if m.seq != s.seq {
		return
	}
	if i := m.from - s.first; s.got[i] != m.seq {
		s.got[i] = m.seq
		s.missing--
		s.answers[i] = m.answers[0]
		if s.err == nil {
			s.err = m.err
		}
	}
	s.failAt(twins.BetweenApply)
	if s.missing == 0 && s.reported != s.seq { // also when this message's turn has failed before
		s.answer(ctx)
	}
}

func (s *shard) failAt(p twins.FaultPoint) {
	if s.fault != nil {
		s.fault(p)
	}
}

func (s *shard) answer(ctx actor.Context) {
	s.mail.send(ctx, s.grid, &answered{from: s.index, seq: s.seq, first: s.first, answers: s.answers, err: s.err})
	s.reported = s.seq
	s.failAt(twins.AfterAnswer)
}
