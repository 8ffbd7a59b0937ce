package actors

import (
	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/twins"
)

// The messages, in the order in which a step sends them. A message is not changed
// after it has been sent; all are idempotent, so that a supervisor may send one again.
//
//	runner ─▶ grid       tick
//	grid ─▶ shard ─▶ community       ask: a twins.Ask for each community   once for each exchange
//	community ─▶ member              memberAsk  once for each exchange and round
//	member ─▶ community              memberAnswered (hosting plain; else into its slot)
//	community ─▶ shard ─▶ grid       answered: a twins.Answer of each community
//
// What a message points to is reused in place, and one actor owns it at a time. The
// grid owns the asks: it writes them before it sends an ask, and does not change them
// until every shard has answered; communities read them in between. A community owns
// its answer: it writes it before it sends answered, and does not change it until it is
// asked again; the grid reads it in between. Only the record of a step still points
// into cells, and is read after the last answer. The runner owns the world of the step
// and does not change it during the step.
//
//	anyone ─▶ anyone                 Inspect ─▶ Inspected

// spawned reports to the grid that a community has spawned all of its
// members.
type spawned struct{}

// tick asks the grid to carry out one step.
type tick struct{ env *twins.Env }

// ask carries one exchange of the step downwards: what each community is asked, in
// path order.
type ask struct {
	seq   uint64 // rises with each exchange of the run
	stage twins.Stage
	env   *twins.Env
	asks  []twins.Ask
}

// memberAsk asks one member at one stage. turn rises each time a community
// begins a stage, repeated stages included.
type memberAsk struct {
	turn  uint32
	tick  twins.Tick
	stage twins.Stage
	env   *twins.Env // valid until the member has answered
}

// memberAnswered says that a member has filled its slot.
type memberAnswered struct {
	m    *member
	turn uint32
	err  error
}

// proceed reports to a community that the last slot of a round has been
// filled outside its own turn.
type proceed struct{ turn uint32 }

// answered says that a community, or a shard with all of its communities, has
// done what was asked, and carries their answers.
type answered struct {
	from    int // index of the community or shard
	seq     uint64
	first   int             // index of the community that gave answers[0]
	answers []*twins.Answer // a community that did not take part: its answer before
	err     error
}

// Inspect asks any actor for a copy of its twin. The answer is an Inspected.
type Inspect struct{}

// Inspected is a copy of a twin between two turns of its actor.
type Inspected struct {
	Path    string
	Kind    *twins.Kind    // nil for shards, which have no twin
	State   []byte         // its stored form
	Reading *twins.Reading // of the last step; nil for communities and the grid
}

// stepDone is the grid's report to the runner.
type stepDone struct {
	record *sim.StepRecord
	err    error
}
