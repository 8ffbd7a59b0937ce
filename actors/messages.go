package actors

import (
	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/twins"
)

// The messages, in the order in which a step sends them. A message is not
// changed after it has been sent, but for what it points to (the world of the
// step, the grid's plan), which is its receiver's only until it has answered; all
// are idempotent, so that a supervisor may send one again.
//
//	runner ─▶ grid       tick
//	grid ─▶ shard ─▶ community       ask        once for each stage
//	community ─▶ member              memberAsk  once for each stage and round
//	member ─▶ community              memberAnswered (hosting plain; else into its slot)
//	community ─▶ shard ─▶ grid       answered
//	anyone ─▶ anyone                 Inspect ─▶ Inspected

// spawned tells the grid that all members of a community are there.
type spawned struct{}

// tick asks the grid to carry out one step.
type tick struct{ env *twins.Env }

// ask carries one stage of the step downwards. setpoints has one entry for each
// community.
type ask struct {
	seq       uint64 // rises with each stage
	stage     twins.Stage
	env       *twins.Env
	setpoints []twins.Setpoint
}

// memberAsk asks one member at one stage. turn rises each time a community
// begins a stage anew.
type memberAsk struct {
	turn  uint32
	tick  twins.Tick
	stage twins.Stage
	env   *twins.Env // only until it has been answered
}

// memberAnswered says that a member has filled its slot.
type memberAnswered struct {
	m    *member
	turn uint32
	err  error
}

// proceed tells a community that the last slot of a round has been filled
// outside its own turn.
type proceed struct{ turn uint32 }

// answered says that a community, or a shard with all of its communities, has
// done what was asked.
type answered struct {
	from    int // index of the community or shard
	seq     uint64
	err     error
	handled int64 // messages handled below and by the sender so far
}

// Inspect asks any actor for a copy of its twin. The answer is an Inspected.
type Inspect struct{}

// Inspected is a copy of a twin between two turns of its actor.
type Inspected struct {
	Path    string
	Kind    *twins.Kind
	State   []byte         // its stored form
	Reading *twins.Reading // of the last step; nil for communities and the grid
}

// stepDone is what the grid tells the runner.
type stepDone struct {
	record *sim.StepRecord
	err    error
}
