package sim

import (
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/smatrix-grid/smatrix/twins"
)

// StepRecord is what has happened in one step, as a stepper hands it to the sinks. The
// records of its cells are filled anew in the next step, so a sink copies what it keeps
// before it returns.
type StepRecord struct {
	Tick     twins.Tick
	Time     time.Time // start of the step
	Step     twins.Seconds
	Commands []twins.Command

	Cells   []*twins.CellRecord // in path order
	Digests []Hash              // of each cell; nil if the stepper does not hash
	Flows   twins.Flows         // of the whole grid
	Swing   twins.Swing         // of the frequency
	Events  []twins.Notice      // that are the grid's own
	// States are the twins as they stand after this step, until the next one is made; nil
	// in a record that is replayed.
	States *States
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

// States are the twins of a run, to be stored.
type States struct {
	cells      []*twins.Cell
	grid       *twins.Node
	controller twins.Controller
	strategy   *twins.Strategy // of the controller; nil if its name is not stored
}

// NewStates are those of a world's cells in path order, its grid, and the grid's controller,
// which may be another one than the world's.
func (w *World) NewStates(controller twins.Controller) *States {
	s := &States{cells: w.Cells, grid: w.Grid, controller: controller}
	if _, ok := controller.(twins.Stateful); ok && w.Form.Chain == LayoutChain && controller == w.Controller {
		s.strategy = w.strategy
	}
	return s
}

// Cells is how many communities there are.
func (s *States) Cells() int { return len(s.cells) }

// AppendCell appends the stored form of community i with its members.
func (s *States) AppendCell(b []byte, i int) []byte { return s.cells[i].AppendStates(b) }

// AppendGrid appends the stored form of the grid: its twin, then the state of its
// controller, if it has one, with name and version of the strategy in front. In runs of
// FirstChain it has no name. World.Restore is its inverse.
func (s *States) AppendGrid(b []byte) []byte { return s.appendGrid(b, s.strategy) }

func (s *States) appendGrid(b []byte, strategy *twins.Strategy) []byte {
	b = s.grid.AppendBinary(b)
	if strategy != nil {
		b = strategy.AppendName(b)
	}
	if c, ok := s.controller.(twins.Stateful); ok {
		b = c.AppendBinary(b)
	}
	return b
}

// Hash is that of all stored forms, in order, the name of the grid's strategy left out:
// it follows from the scenario, which is hashed at the chain's start, and digests are what
// they were before it was stored.
func (s *States) Hash() (h Hash) {
	all := sha256.New()
	var buf []byte
	for i := range s.cells {
		buf = s.AppendCell(buf[:0], i)
		all.Write(buf)
	}
	all.Write(s.appendGrid(buf[:0], nil))
	all.Sum(h[:0])
	return h
}

// HashStored is States.Hash of stored forms: of cells as AppendCell wrote them, and of the
// grid as AppendGrid did.
func HashStored(cells [][]byte, grid []byte) (h Hash, err error) {
	node, err := twins.NewNode(twins.Grid, twins.Member{Path: twins.GridPath, Spec: []byte("{}")})
	if err != nil {
		return h, err
	}
	rest, err := twins.RestoreNode(node, grid)
	if err != nil {
		return h, err
	}
	all := sha256.New()
	for _, b := range cells {
		all.Write(b)
	}
	all.Write(grid[:len(grid)-len(rest)])
	all.Write(twins.SkipName(rest))
	all.Sum(h[:0])
	return h, nil
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
