package sim

import "github.com/smatrix-grid/smatrix/twins"

// Frame is what a viewer receives of a step: per community and kind, the columns
// that the kind's row declares, with one value for each member in path order.
// Columns are added, never renamed.
type Frame struct {
	Tick        twins.Tick
	Communities []CommunityFrame
}

// CommunityFrame is one community in a Frame.
type CommunityFrame struct {
	Path  string
	Kinds []KindFrame
}

// KindFrame holds the members of one kind. Columns[c][i] is the value of
// Kind.Columns[c] for the member Paths[i].
type KindFrame struct {
	Kind    *twins.Kind
	Paths   []string
	Columns [][]int64
}

// FrameOf copies the readings of a record into a frame.
func FrameOf(r *StepRecord) Frame {
	f := Frame{Tick: r.Tick, Communities: make([]CommunityFrame, len(r.Cells))}
	for k, c := range r.Cells {
		to := CommunityFrame{Path: c.Path}
		for i := range c.Blocks {
			b := &c.Blocks[i]
			kf := KindFrame{Kind: b.Kind, Paths: b.Paths}
			for n := range b.Columns {
				values := make([]int64, len(b.Paths))
				copy(values, b.Column(n))
				kf.Columns = append(kf.Columns, values)
			}
			to.Kinds = append(to.Kinds, kf)
		}
		f.Communities[k] = to
	}
	return f
}

// Column returns a member's values of one column over all frames, or nil.
func (m *Memory) Column(path, column string) (values []int64) {
	for i := range m.Frames {
		if v, ok := m.Frames[i].Value(path, column); ok {
			values = append(values, v)
		}
	}
	return values
}

// Value returns one column of one member; false if the frame does not have it.
func (f *Frame) Value(path, column string) (int64, bool) {
	for _, c := range f.Communities {
		for _, k := range c.Kinds {
			for i, p := range k.Paths {
				if p != path {
					continue
				}
				for n, col := range k.Kind.Columns[:len(k.Columns)] {
					if col.Name == column {
						return k.Columns[n][i], true
					}
				}
			}
		}
	}
	return 0, false
}

// Memory is the sink that keeps a whole run in memory, for tests and short runs.
type Memory struct {
	Frames    []Frame
	Flows     []twins.Flows
	Events    [][]twins.Notice
	Decisions [][]twins.Decision
}

// Commit implements Sink.
func (m *Memory) Commit(r *StepRecord) error {
	m.Frames = append(m.Frames, FrameOf(r))
	m.Flows = append(m.Flows, r.Flows)
	var events []twins.Notice
	var decisions []twins.Decision
	for _, c := range r.Cells {
		events = append(events, c.Events...)
		decisions = append(decisions, c.Notes...)
	}
	m.Events = append(m.Events, events)
	m.Decisions = append(m.Decisions, decisions)
	return nil
}
