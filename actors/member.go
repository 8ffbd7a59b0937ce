package actors

import (
	"github.com/asynkron/protoactor-go/actor"

	"github.com/smatrix-grid/smatrix/twins"
)

// member is the actor of one household, battery, vehicle, producer or tie: its
// slot in the community's slabs, and, if hosted in the cell, its mailbox, which
// forwards to the community's. The community's turn owns every field, except
// progress.done and progress.fresh under hosting plain, which the member's own
// turn owns.
type member struct {
	c       *community
	at      twins.Slot
	invoker actor.MessageInvoker // nil if hosted plainly
	self    *actor.PID           // only if hosted plainly
	scratch *twins.Scratch       // only if hosted plainly
	held    []any                // user messages that came while suspended
	index   int32                // in the community's members and progresses

	failedAt twins.Tick
	failures uint8 // in the step failedAt
}

// progress is how far a member has got in the step. It is stored apart from the
// member, since every stage reads that of every member.
type progress struct {
	done      uint32 // turn that it has answered
	got       uint32 // turn whose answer the community has taken
	fresh     bool   // restarted since it last answered
	suspended bool
}

func (m *member) progress() *progress { return &m.c.progresses[m.index] }

var (
	_ actor.Actor   = (*member)(nil)
	_ actor.Mailbox = (*member)(nil)
)

// Receive implements actor.Actor.
func (m *member) Receive(ctx actor.Context) {
	switch a := ctx.Message().(type) {
	case *memberAsk:
		if m.c.mailbox == nil {
			m.c.shard.mail.turn(ctx, m.answerPlain)
			return
		}
		m.c.inLine.handled++
		m.carry(a, &m.c.scratch)
		if m.c.missing == 0 && !m.c.looping {
			m.c.shard.mail.send(m.c.system.actors.Root, m.c.self, &proceed{a.turn})
		}
	case Inspect:
		m.c.shard.mail.turn(ctx, m.inspect)
	}
}

// carry makes the twin answer into its slot, in the community's turn.
func (m *member) carry(a *memberAsk, w *twins.Scratch) {
	if st := m.progress(); a.turn > st.done {
		err := m.work(a, w)
		st.done, st.fresh = a.turn, false
		m.c.fill(m, a.turn, err)
		m.c.cell.Answered(m.at)
	}
}

// forgetful is a sabotage: a restarted member keeps the state that its failed
// step left. Only tests set it.
var forgetful bool

// work makes the twin answer into its slot. After a restart it first restores
// the twin's state from before the step.
func (m *member) work(a *memberAsk, w *twins.Scratch) error {
	if m.progress().fresh && !forgetful {
		if err := m.c.cell.Recover(m.at, a.env, w); err != nil {
			return err
		}
	}
	return m.c.cell.Ask(a.stage, m.at, a.env, w)
}

// answerPlain is carry in the member's own turn: it answers by message.
func (m *member) answerPlain(ctx actor.Context) {
	var err error
	a := ctx.Message().(*memberAsk)
	if st := m.progress(); a.turn > st.done { // else this turn, or a later one, has been answered
		if a.stage == twins.StageOffer {
			m.scratch.Reset()
		}
		err = m.work(a, m.scratch)
		st.done, st.fresh = a.turn, false
	}
	m.c.shard.mail.send(ctx, ctx.Parent(), &memberAnswered{m, a.turn, err})
	m.c.cell.Answered(m.at)
}

func (m *member) inspect(ctx actor.Context) {
	b, i := m.c.cell.Blocks[m.at.Block], int(m.at.Index)
	r := b.Read[i]
	r.Parts = append([]twins.Power(nil), r.Parts...)
	ctx.Respond(&Inspected{Path: b.Paths[i], Kind: b.Kind, State: b.Slab.AppendBinary(i, nil), Reading: &r})
}

// reborn is the actor that the library makes when it restarts a member. It
// finds the member by its address.
type reborn struct {
	c *community
	m *member
}

// Receive implements actor.Actor.
func (r *reborn) Receive(ctx actor.Context) {
	if _, ok := ctx.Message().(*actor.Started); ok {
		r.m = r.c.byPID(ctx.Self().Id)
		r.m.progress().fresh = true
		return
	}
	if r.m != nil {
		r.m.Receive(ctx)
	}
}
