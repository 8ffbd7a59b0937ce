package sim

import (
	"fmt"
	"time"

	"github.com/smatrix-grid/smatrix/twins"
)

// GridPath is the path of the grid's twin; every other path begins with it.
const GridPath = "grid"

// StepRecord is what has happened in one step, as a stepper hands it to the
// sinks. It is a view: the slots of its cells are written anew in the next
// step, so a sink keeps what it needs before it returns.
type StepRecord struct {
	Tick     twins.Tick
	Time     time.Time // start of the step
	Step     twins.Seconds
	Commands []twins.Command

	Cells   []*twins.Cell // in path order: readings, decisions, notable events
	Digests []Hash        // of each cell; nil if the stepper does not hash
	Grid    *twins.Node
	Flows   twins.Flows    // of the whole grid
	Swing   twins.Swing    // of the frequency
	Events  []twins.Notice // that are the grid's own
	// Controller is the grid's, if it has a state: it belongs to the states.
	Controller twins.Stateful
	// Residual is production + discharge + import − consumption − charge − export
	// − losses: 0, or the books are wrong.
	Residual twins.Power

	// Price and Carbon are those of the step's Env; Priced and Mixed say that the
	// scenario has a market, and that it tells its mix.
	Price         twins.Price
	Carbon        int64 // mg CO2 per kWh
	Priced, Mixed bool

	// SnapshotDue says that the twins' states belong to the record of this step.
	SnapshotDue bool
	// Quarantined are the members that were taken out of service in this step.
	Quarantined []string
}

// Sink takes the records of a run, in order, each once.
type Sink interface {
	Commit(*StepRecord) error
}

// Stepper makes steps: the actors do, and so does a plain loop.
type Stepper interface {
	// Step carries the grid through one step. The record is valid until the next
	// call.
	Step(*twins.Env) (*StepRecord, error)
	// MessagesHandled counts the messages that actors have handled so far.
	MessagesHandled() int64
	Close()
}

// AuditError says that energy was lost or made. It ends the run.
type AuditError struct {
	Tick     twins.Tick
	Node     string // the grid, or the member whose own balance is broken
	Residual twins.Energy
}

func (e *AuditError) Error() string {
	return fmt.Sprintf("balance audit at step %d: %s: %d mJ unaccounted for", e.Tick, e.Node, int64(e.Residual))
}

// audit looks at the whole grid and at every member.
func (r *StepRecord) audit() error {
	if r.Residual != 0 {
		return &AuditError{r.Tick, "grid", r.Residual.For(r.Step)}
	}
	for _, c := range r.Cells {
		if c.BrokenBy != 0 {
			return &AuditError{r.Tick, c.Broken, c.BrokenBy}
		}
	}
	return nil
}
