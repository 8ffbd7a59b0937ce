package sim

import (
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/smatrix-grid/smatrix/twins"
)

// StepRecord is what happened in one step, as a stepper hands it to the sinks. The
// records of its cells are overwritten in the next step, so a sink copies what it keeps
// before it returns.
type StepRecord struct {
	Tick     twins.Tick
	Time     time.Time // start of the step
	Step     twins.Seconds
	Commands []twins.Command

	Cells   []*twins.CellRecord // in path order
	Digests []Hash              // one of each cell; nil if the stepper does not hash
	Flows   twins.Flows         // flows of the whole grid
	Swing   twins.Swing         // frequency in the step
	Events  []twins.Notice      // the grid's own, without those of its cells
	// States are the twins after this step, valid until the next one is made; nil in a
	// record that is replayed.
	States *States
	// Residual is production + discharge + import − consumption − charge − export
	// − losses: 0, or the books are wrong.
	Residual twins.Power

	// Price and Carbon are those of the step's Env. Priced: the scenario has a market.
	// Mixed: the market has a mix of generation, without which Carbon is unknown.
	Price         twins.Price
	Carbon        int64 // mg CO2 per kWh
	Priced, Mixed bool

	// CatchUp is what has become of shifted load in the step, of all members. CatchUpKnown is false in
	// a record that a program has kept that did not count it.
	CatchUp      twins.CatchUp
	CatchUpKnown bool

	// Lacking is how many of the last of twins.FlowColumns the layout of the run lacks, as that of an
	// earlier program: these flows are not known, whatever their values are.
	Lacking int

	// SnapshotDue: the twins' states belong to the record of this step.
	SnapshotDue bool
	// Quarantined are the members that were taken out of service in this step.
	Quarantined []string
}

// States are the twins of a run, to be stored.
type States struct {
	cells      []*twins.Cell
	grid       *twins.Node
	controller twins.Controller
	strategy   *twins.Strategy // strategy of the controller; nil if its name is not stored
}

// NewStates returns the states of a world's cells in path order, of its grid, and of the
// grid's controller, which may differ from the world's.
func (w *World) NewStates(controller twins.Controller) *States {
	s := &States{cells: w.Cells, grid: w.Grid, controller: controller}
	if _, ok := controller.(twins.Stateful); ok && w.Form.Chain == LayoutChain && controller == w.Controller {
		s.strategy = w.strategy
	}
	return s
}

// Cells returns the number of communities.
func (s *States) Cells() int { return len(s.cells) }

// AppendCell appends the stored form of community i with its members.
func (s *States) AppendCell(b []byte, i int) []byte { return s.cells[i].AppendStates(b) }

// AppendGrid appends the stored form of the grid: its twin, then the state of its
// controller, if it has one, with name and version of the strategy in front. In runs of
// FirstChain it has no name. World.Restore is its inverse.
func (s *States) AppendGrid(b []byte) []byte { return s.appendGridNamed(b, s.strategy) }

// appendGridNamed is AppendGrid with the name of a strategy; nil: without a name.
func (s *States) appendGridNamed(b []byte, strategy *twins.Strategy) []byte {
	b = s.grid.AppendBinary(b)
	if strategy != nil {
		b = strategy.AppendName(b)
	}
	if c, ok := s.controller.(twins.Stateful); ok {
		b = c.AppendBinary(b)
	}
	return b
}

// Hash returns the hash of all stored forms, in order, without the name of the grid's
// strategy: the name follows from the scenario, which is hashed at the chain's start, and
// digests stay equal to those from before the name was stored.
func (s *States) Hash() (h Hash) {
	all := sha256.New()
	var buf []byte
	for i := range s.cells {
		buf = s.AppendCell(buf[:0], i)
		all.Write(buf)
	}
	all.Write(s.appendGridNamed(buf[:0], nil))
	all.Sum(h[:0])
	return h
}

// HashStored returns States.Hash of stored forms: of cells as AppendCell wrote them, and
// of the grid as AppendGrid did. An error says that the grid's stored form cannot be read.
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

// Knows reports whether the record has a column of flows, by its index in twins.FlowColumns.
func (r *StepRecord) Knows(flow int) bool { return flow < len(twins.FlowColumns)-r.Lacking }

// HasFrequency reports whether the grid had a frequency in the step: a neighbour held it over a tie with
// a rating, or the grid's own supply did, as an island. An island that nothing feeds is dead, whatever
// Swing has. In a step with a blackout the grid had one only if it moved before plants disconnected; an
// island that is black from the start of the step had none.
func (r *StepRecord) HasFrequency() bool {
	if r.Swing.Blackout {
		return r.Swing.Min < r.Swing.Max
	}
	return r.HeldByNeighbour() || r.Swing.Island && r.Flows.Generation+r.Flows.Discharge+r.Flows.Import > 0
}

// HeldByNeighbour reports whether a neighbour held the frequency, over a tie in service with a rating.
func (r *StepRecord) HeldByNeighbour() bool { return r.Swing.Held && !r.Swing.Unrated }

// Sink receives the records of a run, in order, each once.
type Sink interface {
	Commit(*StepRecord) error
}

// SinkFunc makes a Sink of a function.
type SinkFunc func(*StepRecord) error

// Commit implements Sink.
func (f SinkFunc) Commit(r *StepRecord) error { return f(r) }

// Stepper makes steps: with actors, or in a plain loop (Flat).
type Stepper interface {
	// Step carries the grid through one step. The record is valid until the next
	// call.
	Step(*twins.Env) (*StepRecord, error)
	// Messages returns what became of the messages between actors so far. It may be called at any time.
	Messages() Messages
	Close()
}

// Messages counts messages between actors. Between two steps Sent = Handled + Resent + Reported, but for
// messages that are repeated after a failure and still on their way.
type Messages struct {
	Sent     int64 // including those sent again
	Handled  int64 // their handlers came to their end, or are at work
	Resent   int64 // their handlers panicked, and they were sent again
	Reported int64 // addressed to no actor, or given up with the error that ended the run
}

// AuditError says that energy was lost or created in a step. It ends the run.
type AuditError struct {
	Tick     twins.Tick
	Node     string // the grid, or the member whose own balance is broken
	Residual twins.Energy
}

func (e *AuditError) Error() string {
	return fmt.Sprintf("balance audit at step %d: %s: %d mJ unaccounted for", e.Tick, e.Node, int64(e.Residual))
}

// audit checks the balance of the whole grid and of every member.
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
