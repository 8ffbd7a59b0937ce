package ui

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/views"
	"github.com/smatrix-grid/smatrix/twins"
	"github.com/smatrix-grid/smatrix/ui/viewers"
)

// Past gives access to the records of a run since its first step. A journal implements it.
type Past interface {
	// First returns the first step that can be shown, 0 unless earlier ones have been deleted and
	// cannot be computed again.
	First() twins.Tick
	// Steps returns the number of steps that are kept.
	Steps() twins.Tick
	// Replay passes the records of the steps from ≤ t < to to a sink. The cells of a record have
	// readings, flows, decisions and notable events; they have the powers of devices and
	// gauges only if parts is true, which may take longer, and is refused with an error for
	// steps that Computable does not give together.
	Replay(from, to twins.Tick, parts bool, sink sim.Sink) error
	// Computable returns the longest stretch of steps around t, within from ≤ u < to, of which
	// Replay can give devices and gauges together. If step t is in none, because another model
	// made it, it returns a stretch that begins at t and has no such step, and why.
	Computable(t, from, to twins.Tick) (first, end twins.Tick, err error)
	// ForkAt returns the run's world as it was before a step ≤ at, with the commands from
	// outside for steps before at and no others; that step; and the chain up to it.
	ForkAt(at twins.Tick) (*sim.World, twins.Tick, *sim.Chain, error)
	// Views returns the latest kept views of no more than most steps, and the number of steps that
	// they have; empty views and 0 if none are kept.
	Views(most twins.Tick) (*views.Set, twins.Tick, error)
	// Models returns the models of the program that made the steps from ≤ t < to.
	Models(from, to twins.Tick) []int
	// Commands returns the commands from outside for the steps from ≤ t < to.
	Commands(from, to twins.Tick) []twins.Command
	// CommandsBefore returns the last commands from outside before a position in the order of
	// their numbers, newest first, no more than most; the first command has position 0.
	CommandsBefore(position, most int) ([]twins.Command, error)
}

// Keeper makes commands and notes durable before they are acknowledged.
type Keeper interface {
	// KeepCommands keeps commands with their idempotency keys.
	KeepCommands(commands ...twins.Command) error
	// KeepNote keeps other data of the run by name; a later note of the same name replaces it.
	KeepNote(note string, value []byte) error
}

// NotKeptError is returned by a Keeper: a command or note was refused because it could not be made
// durable.
type NotKeptError struct {
	Full bool // the disk is full; otherwise nothing can be kept any more
	Err  error
}

func (e *NotKeptError) Error() string { return e.Err.Error() }
func (e *NotKeptError) Unwrap() error { return e.Err }

// storedHistory is a History over a Past, with the steps made in this process in memory as well.
type storedHistory struct {
	index  *Index
	memory *Memory // the latest steps made in this process; empty in a replay
	past   Past
	views  *folded
	most   int        // bound on bytes
	each   twins.Tick // number of steps in a full page

	mu    sync.Mutex
	pages []*stepPage // least recently used first
	bytes int
}

// stepPage is a stretch of steps that were read from the past.
type stepPage struct {
	from  twins.Tick
	parts bool
	steps []*Step
	bytes int
}

// mostPage is how many steps a journal keeps together.
const mostPage = 96

func newStoredHistory(x *Index, past Past, v *folded, most int) *storedHistory {
	const perTwin = 64 // approximate bytes of a twin in a step
	each := min(mostPage, max(1, most/8/(perTwin*x.Twins+4000)))
	return &storedHistory{index: x, memory: NewMemory(x, most), past: past, views: v, most: most / 4, each: twins.Tick(each)}
}

// Bounds implements History.
func (h *storedHistory) Bounds() (first, next twins.Tick) {
	if first, next := h.memory.Bounds(); next > first {
		return min(first, h.past.First()), next
	}
	return h.past.First(), h.past.Steps()
}

// Step implements History.
func (h *storedHistory) Step(t twins.Tick, parts bool) (*Step, error) {
	if s, err := h.memory.Step(t, parts); err == nil {
		return s, nil
	}
	first, next := h.Bounds()
	if t < first || t >= next {
		return nil, &NotHeldError{t, first, next}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	i := slices.IndexFunc(h.pages, func(p *stepPage) bool { return p.has(t) && (p.parts || !parts) })
	if i < 0 {
		p, err := h.read(t, parts)
		if err != nil {
			return nil, err
		}
		h.pages, h.bytes, i = append(h.pages, p), h.bytes+p.bytes, len(h.pages)
	}
	p := h.pages[i]
	h.pages = append(slices.Delete(h.pages, i, i+1), p)
	for h.bytes > h.most && len(h.pages) > 1 {
		h.bytes -= h.pages[0].bytes
		h.pages = slices.Delete(h.pages, 0, 1)
	}
	return p.steps[t-p.from], nil
}

func (p *stepPage) has(t twins.Tick) bool {
	return p.from <= t && t < p.from+twins.Tick(len(p.steps))
}

// read reads the page with step t. The last page may be short: it is read again when a step beyond
// it is needed. A page with parts has only steps that can be computed again together; the error of
// one that cannot be computed is a *NotComputedError.
func (h *storedHistory) read(t twins.Tick, parts bool) (*stepPage, error) {
	start := t / h.each * h.each
	from, to := max(h.past.First(), start), min(start+h.each, h.past.Steps())
	if parts {
		var err error
		if from, to, err = h.past.Computable(t, from, to); err != nil {
			return nil, &NotComputedError{from, to, err}
		}
	}
	p := &stepPage{from: from, parts: parts}
	sink := &recorder{index: h.index, partless: !parts, to: func(s *Step, _ *sim.StepRecord) {
		p.steps, p.bytes = append(p.steps, s), p.bytes+s.size()
	}}
	switch err := h.past.Replay(from, to, parts, sink); {
	case err != nil && parts:
		return nil, &NotComputedError{from, to, err}
	case err != nil:
		return nil, fmt.Errorf("step %d cannot be read: %w", t, err)
	}
	return p, nil
}

// Values implements History.
func (h *storedHistory) Values(at Cell, from, to twins.Tick, put func(t twins.Tick, v int64)) error {
	first, next := h.memory.Bounds()
	if first == next {
		next = h.past.Steps()
		first = next
	}
	var unknown *NotComputedError // the first
	for t := max(h.past.First(), from); t < min(to, first); t++ {
		s, err := h.Step(t, at.Part >= 0)
		var gap *NotComputedError
		switch {
		case errors.As(err, &gap):
			unknown, t = cmp.Or(unknown, gap), gap.To-1
		case err != nil:
			return err
		default:
			if v := s.value(h.index, at); v != viewers.None {
				put(t, v)
			}
		}
	}
	return errors.Join(unknown.orNil(), h.memory.Values(at, from, to, put))
}

// forked is the History of a fork: its parent's before the first step of the fork, then its own.
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

// wholeFrom returns the first step from which on a history holds all: a fork holds its parent's steps and
// may have evicted the first ones of its own.
func wholeFrom(h History) twins.Tick {
	f, ok := h.(*forked)
	if !ok {
		first, _ := h.Bounds()
		return first
	}
	if first, next := f.own.Bounds(); next > first && first > f.at {
		return first
	}
	return min(wholeFrom(f.parent), f.at)
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
	var unknown *NotComputedError
	if from < h.at {
		if err := h.parent.Values(at, from, min(to, h.at), put); err != nil && !errors.As(err, &unknown) {
			return err
		}
	}
	return errors.Join(unknown.orNil(), h.own.Values(at, max(from, h.at), to, put))
}
