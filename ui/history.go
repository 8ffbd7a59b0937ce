package ui

import (
	"fmt"
	"sync"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/twins"
	"github.com/smatrix-grid/smatrix/ui/viewers"
)

// Step is one step as viewers see it. It is never changed.
type Step struct {
	Tick twins.Tick
	// Scopes has for each of the index's scopes its blocks: of grid, sources and
	// communities one with the flow columns, of a tile one for each kind.
	Scopes [][]viewers.Block
	// Parts has for each tile and block the powers of its members' devices, member by member.
	Parts [][]viewers.Column
	// Gauges has for each tile and block the values of its members' gauges, member by member.
	// It is nil where Parts is.
	Gauges [][]viewers.Column
	// Events are the notable ones: the grid's own first, then those of communities.
	Events    []twins.Notice
	Decisions []twins.Decision
	Swing     twins.Swing // of the frequency
	// Ahead is the latest forecast of the net load in this step; nil if there is none, or it was
	// not kept.
	Ahead *sim.NetForecast
	// alerts are those after the step; nil if the step was read from a journal.
	alerts *alertRows
}

// Cell addresses one value in each step. Part is the index of a member's device, or of its gauge if
// Gauge is true, and Column is then ignored; Part is −1 for a column.
type Cell struct {
	Scope, Block, Column, Row, Part int
	Gauge                           bool
}

// History gives access to the steps of a run that were made: to look at one, to draw values over
// time, to export. Implementations are Memory, storedHistory over a journal, and forked.
type History interface {
	// Bounds returns the steps that are held: first ≤ t < next.
	Bounds() (first, next twins.Tick)
	// Step returns a step, or a *NotHeldError if it is not held. Its Parts and Gauges may be nil
	// unless parts is true; then the error may be a *NotComputedError, and the step may be held
	// without them.
	Step(t twins.Tick, parts bool) (*Step, error)
	// Values calls put with the value of each step that is held of from ≤ t < to, in order. It
	// skips steps without a value (viewers.None). It also skips steps whose devices are not known,
	// and then returns a *NotComputedError after all others.
	Values(at Cell, from, to twins.Tick, put func(t twins.Tick, v int64)) error
}

// NotHeldError is returned for a step that the history does not hold.
type NotHeldError struct{ Tick, First, Next twins.Tick }

func (e *NotHeldError) Error() string {
	switch {
	case e.Next <= e.First:
		return fmt.Sprintf("step %d is not made yet: no step has been made", e.Tick)
	case e.Tick >= e.Next:
		return fmt.Sprintf("step %d is not made yet: the last one is %d", e.Tick, e.Next-1)
	}
	return fmt.Sprintf("step %d is not held any more: the oldest one is %d", e.Tick, e.First)
}

// NotComputedError is returned for steps From ≤ t < To whose devices and gauges are not known: they
// are not kept, and cannot be computed again.
type NotComputedError struct {
	From, To twins.Tick
	Err      error // why
}

func (e *NotComputedError) Error() string { return e.Err.Error() }
func (e *NotComputedError) Unwrap() error { return e.Err }

// orNil returns e as an error, nil if e is nil.
func (e *NotComputedError) orNil() error {
	if e == nil {
		return nil
	}
	return e
}

// Memory is the History that keeps steps in memory, up to a number of bytes: the oldest are
// evicted first.
type Memory struct {
	index *Index
	most  int

	mu    sync.RWMutex
	first twins.Tick
	steps []*Step
	bytes int
}

// NewMemory makes an empty Memory that holds about most bytes, and at least one step.
func NewMemory(x *Index, most int) *Memory { return &Memory{index: x, most: most} }

// Add appends the next step and evicts the oldest ones if there are too many bytes.
func (m *Memory) Add(s *Step) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.steps) == 0 {
		m.first = s.Tick
	}
	m.steps, m.bytes = append(m.steps, s), m.bytes+s.size()
	for m.bytes > m.most && len(m.steps) > 1 {
		m.bytes -= m.steps[0].size()
		m.steps[0] = nil
		m.steps, m.first = m.steps[1:], m.first+1
	}
}

func (s *Step) size() int {
	n := 200 + 96*len(s.Events) + 64*len(s.Decisions)
	if s.alerts != nil {
		n += s.alerts.size()
	}
	for _, blocks := range s.Scopes {
		for i := range blocks {
			n += blocks[i].Size() + 32
		}
	}
	for _, all := range [...][][]viewers.Column{s.Parts, s.Gauges} {
		for _, blocks := range all {
			for i := range blocks {
				n += len(blocks[i].Data) + 32
			}
		}
	}
	return n
}

// Bounds implements History.
func (m *Memory) Bounds() (first, next twins.Tick) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.first, m.first + twins.Tick(len(m.steps))
}

// Step implements History.
func (m *Memory) Step(t twins.Tick, _ bool) (*Step, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	next := m.first + twins.Tick(len(m.steps))
	if t < m.first || t >= next {
		return nil, &NotHeldError{t, m.first, next}
	}
	return m.steps[t-m.first], nil
}

// Values implements History.
func (m *Memory) Values(at Cell, from, to twins.Tick, put func(t twins.Tick, v int64)) error {
	m.mu.RLock()
	first := max(from, m.first)
	last := min(to, m.first+twins.Tick(len(m.steps)))
	var steps []*Step
	if first < last {
		steps = m.steps[first-m.first : last-m.first] // elements are never changed, only evicted
		steps = append([]*Step{}, steps...)
	}
	m.mu.RUnlock()
	for _, s := range steps {
		if v := s.value(m.index, at); v != viewers.None {
			put(s.Tick, v)
		}
	}
	return nil
}

// value returns the value at a cell, or viewers.None.
func (s *Step) value(x *Index, at Cell) int64 {
	if at.Part < 0 {
		return s.Scopes[at.Scope][at.Block].Value(at.Column, at.Row)
	}
	tile := at.Scope - x.scopeOfTile(0)
	b := &x.Tiles[tile].Blocks[at.Block]
	if at.Gauge {
		return s.Gauges[tile][at.Block].At(int(b.gaugeAt[at.Row]) + at.Part)
	}
	return s.Parts[tile][at.Block].At(int(b.partAt[at.Row]) + at.Part)
}

// recorder is the sink that converts records to Steps.
type recorder struct {
	index    *Index
	partless bool // records lack the powers of devices, and gauges
	// to takes each step, in order, while the record is valid.
	to func(*Step, *sim.StepRecord)

	ahead       *sim.NetForecast // the latest
	values      []int64
	communities []node
	sources     []node
}

// Commit implements sim.Sink.
func (k *recorder) Commit(r *sim.StepRecord) error {
	x := k.index
	s := &Step{Tick: r.Tick, Swing: r.Swing, Scopes: make([][]viewers.Block, 0, x.scopes())}
	if !k.partless {
		s.Parts, s.Gauges = make([][]viewers.Column, len(x.Tiles)), make([][]viewers.Column, len(x.Tiles))
	}
	grid := k.nodes(r)
	s.Scopes = append(s.Scopes, []viewers.Block{blockOfNodes([]node{grid})}, []viewers.Block{blockOfNodes(k.sources)})
	for i := range x.chunks() {
		s.Scopes = append(s.Scopes, []viewers.Block{blockOfNodes(k.communities[i*mostRows : min(len(k.communities), (i+1)*mostRows)])})
	}
	for i := range x.Tiles {
		s.Scopes = append(s.Scopes, k.tile(r, &x.Tiles[i]))
		if !k.partless {
			s.Parts[i], s.Gauges[i] = k.devices(r, &x.Tiles[i])
		}
	}
	s.Events = append(s.Events, r.Events...)
	for _, c := range r.Cells {
		s.Events = append(s.Events, c.Events...)
		s.Decisions = append(s.Decisions, c.Notes...)
	}
	if f, ok := r.Forecast(); ok && (k.ahead == nil || k.ahead.Issued != f.Issued) {
		k.ahead = &f
	}
	s.Ahead = k.ahead
	k.to(s, r)
	return nil
}

// nodes fills in communities and sources, and returns their sum, the grid.
func (k *recorder) nodes(r *sim.StepRecord) node {
	k.communities = make([]node, len(r.Cells))
	k.sources = make([]node, len(k.index.Sources))
	for i := range k.sources {
		k.sources[i].record = r
	}
	grid := node{flows: r.Flows, residual: r.Residual, whole: true, ties: true, record: r}
	if r.HasFrequency() {
		grid.frequencyMin, grid.frequencyMax = nominal+r.Swing.Min, nominal+r.Swing.Max
		if !r.Swing.Blackout { // after one there is none
			grid.frequency = nominal + r.Swing.End
		}
	}
	for i, c := range r.Cells {
		n := &k.communities[i]
		n.flows, n.limit, n.record = c.Flows, c.Limit, r
		for j := range c.Blocks {
			b, of := &c.Blocks[j], k.index.sourceOf[i][j]
			if b.Kind.Role == twins.RoleTie {
				n.ties = true
				for _, source := range of {
					k.sources[source].ties = true
				}
			}
			if len(of) == 1 {
				k.sources[of[0]].flows.Plus(&b.Flows)
			} else {
				for m := range b.Paths {
					reading := b.Reading(m)
					k.sources[of[m]].flows.Add(&reading)
				}
			}
			if holds := b.ColumnNamed(twins.ColumnContent.Name); holds >= 0 {
				for m, v := range b.Column(holds) {
					k.sources[of[min(m, len(of)-1)]].content += twins.Energy(v)
					n.content += twins.Energy(v)
				}
			}
		}
		grid.content += n.content
	}
	return grid
}

func (k *recorder) tile(r *sim.StepRecord, t *Tile) []viewers.Block {
	blocks := make([]viewers.Block, len(t.Blocks))
	for i := range t.Blocks {
		b := &t.Blocks[i]
		blocks[i] = viewers.Block{Rows: len(b.slots), Columns: make([]viewers.Column, len(b.Kind.Columns))}
		for c := range b.Kind.Columns {
			k.values = k.values[:0]
			for _, s := range b.slots {
				k.values = append(k.values, k.value(r, s, c))
			}
			blocks[i].Columns[c] = viewers.NewColumn(k.values)
		}
	}
	return blocks
}

// devices returns the powers of devices and the gauges of a tile's members, block by block.
func (k *recorder) devices(r *sim.StepRecord, t *Tile) (parts, gauges []viewers.Column) {
	parts, gauges = make([]viewers.Column, len(t.Blocks)), make([]viewers.Column, len(t.Blocks))
	for i := range t.Blocks {
		b := &t.Blocks[i]
		if b.parts > 0 {
			k.values = k.values[:0]
			for _, s := range b.slots {
				for _, p := range r.Cells[s.cell].Blocks[s.Block].PartsOf(int(s.Index)) {
					k.values = append(k.values, int64(p))
				}
			}
			parts[i] = viewers.NewColumn(k.values)
		}
		if b.gauges > 0 {
			k.values = k.values[:0]
			for _, s := range b.slots {
				k.values = append(k.values, r.Cells[s.cell].Blocks[s.Block].GaugesOf(int(s.Index))...)
			}
			gauges[i] = viewers.NewColumn(k.values)
		}
	}
	return parts, gauges
}

// value returns a member's value in column n of its kind, viewers.None if the run's layout lacks the column.
func (k *recorder) value(r *sim.StepRecord, s cellSlot, n int) int64 {
	b := &r.Cells[s.cell].Blocks[s.Block]
	if n >= len(b.Columns) {
		return viewers.None
	}
	return b.Value(n, int(s.Index))
}
