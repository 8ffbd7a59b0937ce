package actors

import (
	"github.com/asynkron/protoactor-go/actor"

	"github.com/smatrix-grid/smatrix/twins"
)

// member is the actor of one household, battery, vehicle, producer or tie: its
// slot in the community's slabs, and, if hosted in the cell, its mailbox, which
// is a shim before the community's. Everything in it belongs to the community's
// turn, but for its standing's done and fresh under hosting plain,
// which belong to its own.
type member struct {
	c       *community
	at      twins.Slot
	invoker actor.MessageInvoker // nil if hosted plainly
	self    *actor.PID           // only if hosted plainly
	scratch *twins.Scratch       // only if hosted plainly
	held    []any                // user messages that came while suspended
	index   int32                // in the community's members and standings

	failedAt twins.Tick
	failures uint8 // in the step failedAt
}

// standing is where a member stands in the step. It lies apart from the member,
// since every stage looks at every one.
type standing struct {
	done      uint32 // turn that it has answered
	got       uint32 // turn whose answer the community has taken
	fresh     bool   // restarted since it last answered
	suspended bool
}

func (m *member) standing() *standing { return &m.c.standings[m.index] }

var (
	_ actor.Actor   = (*member)(nil)
	_ actor.Mailbox = (*member)(nil)
)

// Receive implements actor.Actor.
func (m *member) Receive(ctx actor.Context) {
	switch a := ctx.Message().(type) {
	case *memberAsk:
		if m.c.mailbox == nil {
			m.answerPlain(ctx, a)
			return
		}
		m.c.handled++
		m.carry(a, &m.c.scratch)
		if m.c.missing == 0 && !m.c.looping {
			m.c.system.actors.Root.Send(m.c.self, &proceed{a.turn})
		}
	case Inspect:
		m.inspect(ctx)
	}
}

// carry has the twin answer into its slot, in the community's turn.
func (m *member) carry(a *memberAsk, w *twins.Scratch) {
	if st := m.standing(); a.turn > st.done {
		err := m.work(a, w)
		st.done, st.fresh = a.turn, false
		m.c.fill(m, a.turn, err)
		m.c.cell.Answered(m.at)
	}
}

// forgetful is a sabotage: restarted members keep what a failed step left in
// them. Only tests set it.
var forgetful bool

// work has the twin answer into its slot. After a restart the twin first goes
// back to where it stood before the step.
func (m *member) work(a *memberAsk, w *twins.Scratch) error {
	if m.standing().fresh && !forgetful {
		if err := m.c.cell.Recover(m.at, a.env, w); err != nil {
			return err
		}
	}
	return m.c.cell.Ask(a.stage, m.at, a.env, w)
}

// answerPlain is carry in the member's own turn: the answer is a message.
func (m *member) answerPlain(ctx actor.Context, a *memberAsk) {
	var err error
	if st := m.standing(); a.turn > st.done { // else it has been answered: by now perhaps a later one, too
		if a.stage == twins.StageOffer {
			m.scratch.Reset()
		}
		err = m.work(a, m.scratch)
		st.done, st.fresh = a.turn, false
	}
	ctx.Send(ctx.Parent(), &memberAnswered{m, a.turn, err})
	m.c.cell.Answered(m.at)
}

func (m *member) inspect(ctx actor.Context) {
	b, i := m.c.cell.Blocks[m.at.Block], int(m.at.Index)
	r := b.Read[i]
	r.Parts = append([]twins.Power(nil), r.Parts...)
	ctx.Respond(&Inspected{Path: b.Paths[i], Kind: b.Kind, State: b.Slab.AppendBinary(i, nil), Reading: &r})
}

// reborn is the actor that the library makes when it restarts a member. It does
// not know whose; its address tells.
type reborn struct {
	c *community
	m *member
}

// Receive implements actor.Actor.
func (r *reborn) Receive(ctx actor.Context) {
	if _, ok := ctx.Message().(*actor.Started); ok {
		r.m = r.c.byPID(ctx.Self().Id)
		r.m.standing().fresh = true
		return
	}
	if r.m != nil {
		r.m.Receive(ctx)
	}
}
