package ui

import (
	"fmt"
	"slices"
	"sync"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/views"
	"github.com/smatrix-grid/smatrix/twins"
)

// Past is the records of a run since its first step. A journal has them.
type Past interface {
	// Steps is how many are there.
	Steps() twins.Tick
	// Replay hands the steps from ≤ t < to to a sink. The cells of a record show
	// readings, flows, decisions and notable events; they have the powers of devices and
	// gauges only if parts is true, which may take longer, or be refused with an error.
	Replay(from, to twins.Tick, parts bool, sink sim.Sink) error
	// ForkAt returns the run's world as it was at the beginning of a step ≤ at, with
	// the commands from outside for steps before at and no others; that step; and the
	// chain up to it.
	ForkAt(at twins.Tick) (*sim.World, twins.Tick, *sim.Chain, error)
	// Views are the run's views as they were kept last, after at most so many steps, and
	// after how many that was; the views of no steps if none are kept.
	Views(most twins.Tick) (*views.Set, twins.Tick, error)
	// Commands are those from outside for the steps from ≤ t < to.
	Commands(from, to twins.Tick) []twins.Command
	// CommandsBefore are at most so many commands from outside, newest first, of those that
	// come before a position in the order of their numbers; 0 is that of the first one.
	CommandsBefore(position, most int) ([]twins.Command, error)
}

// Keeper makes durable what comes from outside, before it is acknowledged.
type Keeper interface {
	// KeepCommands keeps commands with the keys that they came with.
	KeepCommands(commands ...twins.Command) error
	// KeepNote keeps what else belongs to the run that is shown; a later note of the same
	// name takes its place.
	KeepNote(note string, value []byte) error
}

// NotKeptError says that something from outside was refused since it could not be
// made durable.
type NotKeptError struct {
	Full bool // the disk is; otherwise nothing more can be kept at all
	Err  error
}

func (e *NotKeptError) Error() string { return e.Err.Error() }
func (e *NotKeptError) Unwrap() error { return e.Err }

// kept is a History whose last part is in memory, and all of it in the past.
type kept struct {
	index  *Index
	memory *Memory // what was made in this process; empty in a replay
	past   Past
	views  *folded
	most   int        // bytes of pages
	each   twins.Tick // steps of a page

	mu    sync.Mutex
	pages []*page // the one used last is the last
	bytes int
}

// page is some steps of the past as they were read.
type page struct {
	from  twins.Tick
	parts bool
	steps []*Step
	bytes int
}

// mostPage is as many steps as a journal keeps together.
const mostPage = 96

func newKept(x *Index, past Past, v *folded, most int) *kept {
	const perTwin = 64 // bytes of a step, about
	each := min(mostPage, max(1, most/8/(perTwin*x.Twins+4000)))
	return &kept{index: x, memory: NewMemory(x, most), past: past, views: v, most: most / 4, each: twins.Tick(each)}
}

// Bounds implements History.
func (h *kept) Bounds() (first, next twins.Tick) {
	if first, next := h.memory.Bounds(); next > first {
		return 0, next
	}
	return 0, h.past.Steps()
}

// Step implements History.
func (h *kept) Step(t twins.Tick, parts bool) (*Step, error) {
	if s, err := h.memory.Step(t, parts); err == nil {
		return s, nil
	}
	if _, next := h.Bounds(); t < 0 || t >= next {
		return nil, &NotHeldError{t, 0, next}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	from := t / h.each * h.each
	i := slices.IndexFunc(h.pages, func(p *page) bool { return p.from == from && p.has(t) && (p.parts || !parts) })
	if i < 0 {
		p, err := h.read(from, parts)
		if err != nil {
			return nil, fmt.Errorf("step %d cannot be read: %w", t, err)
		}
		h.pages, h.bytes, i = append(h.pages, p), h.bytes+p.bytes, len(h.pages)
	}
	p := h.pages[i]
	h.pages = append(slices.Delete(h.pages, i, i+1), p)
	for h.bytes > h.most && len(h.pages) > 1 {
		h.bytes -= h.pages[0].bytes
		h.pages = slices.Delete(h.pages, 0, 1)
	}
	return p.steps[t-from], nil
}

func (p *page) has(t twins.Tick) bool { return t < p.from+twins.Tick(len(p.steps)) }

// read reads a page. The last one may be short, and is read again when there is more.
func (h *kept) read(from twins.Tick, parts bool) (*page, error) {
	p := &page{from: from, parts: parts}
	sink := &recorder{index: h.index, partless: !parts, to: func(s *Step, _ *sim.StepRecord) {
		p.steps, p.bytes = append(p.steps, s), p.bytes+s.size()
	}}
	return p, h.past.Replay(from, min(from+h.each, h.past.Steps()), parts, sink)
}

// sinkFunc is a function as a sim.Sink.
type sinkFunc func(*sim.StepRecord) error

// Commit implements sim.Sink.
func (f sinkFunc) Commit(r *sim.StepRecord) error { return f(r) }

// Values implements History.
func (h *kept) Values(at Cell, from, to twins.Tick, put func(t twins.Tick, v int64)) error {
	first, next := h.memory.Bounds()
	if first == next {
		next = h.past.Steps()
		first = next
	}
	for t := max(0, from); t < min(to, first); t++ {
		s, err := h.Step(t, at.Part >= 0)
		if err != nil {
			return err
		}
		put(t, s.value(h.index, at))
	}
	return h.memory.Values(at, from, to, put)
}

// forked is the History of a fork: its parent's up to the step in which it began.
type forked struct {
	parent History
	at     twins.Tick
	own    *Memory
}

// Bounds implements History.
func (h *forked) Bounds() (first, next twins.Tick) {
	first, _ = h.parent.Bounds()
	if a, b := h.own.Bounds(); b > a && b > h.at {
		return min(first, h.at), b
	}
	return min(first, h.at), h.at
}

// Step implements History.
func (h *forked) Step(t twins.Tick, parts bool) (*Step, error) {
	if t < h.at {
		return h.parent.Step(t, parts)
	}
	return h.own.Step(t, parts)
}

// Values implements History.
func (h *forked) Values(at Cell, from, to twins.Tick, put func(t twins.Tick, v int64)) error {
	if from < h.at {
		if err := h.parent.Values(at, from, min(to, h.at), put); err != nil {
			return err
		}
	}
	return h.own.Values(at, max(from, h.at), to, put)
}
