package views

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/twins"
)

// View folds the records of a run, from its first step on, into one answer about the run. The
// same records give the same view, live, in a replay or in a fork. A view is used by one
// goroutine at a time.
//
// The memory of a view is bounded by the scenario, not by the number of steps: a view that would
// grow with the steps drops its oldest part, and a caller that needs that part folds the records
// again.
type View interface {
	// Commit takes each record once, in order. It keeps no reference to the record.
	sim.Sink
	// Until returns a copy of the view as it was before a step, or nil if the view has dropped
	// that state: then the caller folds the records before the step again.
	Until(at twins.Tick) View
	// AppendBinary appends the stored form: the kind's version byte, then the view's fields. The
	// form of each view is drawn in its comment.
	AppendBinary(b []byte) []byte
	// UnmarshalBinary is the inverse of AppendBinary, for a view that New has made. After an
	// error the view must not be used.
	UnmarshalBinary(b []byte) error
}

// Window holds the sums of one community over a length of time: an hour, a local day or a month.
// A kept run stores its windows of hours and days.
type Window interface {
	// Add adds a step. A step that is read from the journal has no power of devices.
	Add(r *sim.StepRecord)
	// Plus adds another window of the same kind and community.
	Plus(Window)
	// Reset empties the window.
	Reset()
	// AppendBinary appends the stored form: the kind's version byte, except for usage, which
	// is older than that rule, then the window's sums.
	AppendBinary(b []byte) []byte
	// UnmarshalBinary is the inverse of AppendBinary, for an empty window.
	UnmarshalBinary(b []byte) error
}

// Kind is the row of a view: all that server, journal and command line know of the view. A view is
// one file with its row. Name and Version are on disk for ever; a changed form has a new version.
type Kind struct {
	Name    string // lower-case letters and _
	Version uint8

	// New makes the view before the first step; nil if the kind has windows only. The world has
	// made no step yet and may make steps later, so New copies the states that the view needs.
	New func(w *sim.World) View
	// Window makes an empty window of a community, which is an index into w.Cells; nil if the
	// kind has no figures by hour and day.
	Window func(w *sim.World, community int) Window
}

// registry has all kinds of view, by name.
var registry []*Kind

// Declare adds a kind of view to the registry. Each kind calls it once, where it is defined. Declare
// panics if the name is taken or has other characters than lower-case letters and _.
func Declare(k Kind) *Kind {
	if k.Name == "" || strings.Trim(k.Name, "abcdefghijklmnopqrstuvwxyz_") != "" {
		panic(fmt.Sprintf("views: name %q, wanted lower-case letters and _", k.Name))
	}
	if KindNamed(k.Name) != nil {
		panic("views: kind declared twice: " + k.Name)
	}
	registry = append(registry, &k)
	slices.SortFunc(registry, func(a, b *Kind) int { return strings.Compare(a.Name, b.Name) })
	return &k
}

// Kinds returns every kind of view, by name.
func Kinds() []*Kind { return slices.Clone(registry) }

// KindNamed returns the kind with a name, or nil.
func KindNamed(name string) *Kind {
	for _, k := range registry {
		if k.Name == name {
			return k
		}
	}
	return nil
}

// Set holds one view of each kind of a run. It is a sink.
type Set struct {
	kinds []*Kind
	views []View
	next  twins.Tick
}

// NewSet makes the views of a world before its first step.
func NewSet(w *sim.World) *Set {
	s := &Set{}
	for _, k := range registry {
		if k.New != nil {
			s.kinds, s.views = append(s.kinds, k), append(s.views, k.New(w))
		}
	}
	return s
}

// Steps returns how many steps the views have taken.
func (s *Set) Steps() twins.Tick { return s.next }

// Skip makes to the next step that the views take: the steps before it are not kept, and the
// views know nothing of them.
func (s *Set) Skip(to twins.Tick) { s.next = to }

// Commit implements sim.Sink.
func (s *Set) Commit(r *sim.StepRecord) error {
	if r.Tick != s.next {
		return fmt.Errorf("views: got step %d, wanted %d", r.Tick, s.next)
	}
	for i, v := range s.views {
		if err := v.Commit(r); err != nil {
			return fmt.Errorf("view %s at step %d: %w", s.kinds[i].Name, r.Tick, err)
		}
	}
	s.next = r.Tick + 1
	return nil
}

// All visits the views by name.
func (s *Set) All(visit func(*Kind, View)) {
	for i, v := range s.views {
		visit(s.kinds[i], v)
	}
}

// Of returns the view of a kind. It panics if the set has no such view, or one of another type:
// that is a mistake of the caller.
func Of[V View](s *Set, k *Kind) V {
	i := slices.Index(s.kinds, k)
	if i < 0 {
		panic("views: the set has no view " + k.Name)
	}
	return s.views[i].(V)
}

// Until returns copies of the views as they were before a step, and false if a view has dropped
// that state.
func (s *Set) Until(at twins.Tick) (*Set, bool) {
	o := &Set{kinds: s.kinds, next: min(at, s.next)}
	for _, v := range s.views {
		u := v.Until(at)
		if u == nil {
			return nil, false
		}
		o.views = append(o.views, u)
	}
	return o, true
}

// Restore sets the views to their stored forms after the given number of steps; form returns the
// stored form of a view by name. After an error (a form is missing or damaged) the set must not be
// used.
func (s *Set) Restore(steps twins.Tick, form func(name string) ([]byte, error)) error {
	for i, v := range s.views {
		b, err := form(s.kinds[i].Name)
		if err == nil {
			err = v.UnmarshalBinary(b)
		}
		if err != nil {
			return fmt.Errorf("view %s after step %d: %w", s.kinds[i].Name, steps, err)
		}
	}
	s.next = steps
	return nil
}

// Live is a set that one sink adds steps to while others read it, so that a run's records are folded
// once however many use its views.
type Live struct {
	mu  sync.RWMutex
	set *Set
}

// NewLive makes a Live of a set, which the caller must no longer use.
func NewLive(set *Set) *Live { return &Live{set: set} }

// Commit implements sim.Sink.
func (l *Live) Commit(r *sim.StepRecord) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.set.Commit(r)
}

// Read calls ask with the set after the last step. ask must not change the set, nor keep it or a view
// of it.
func (l *Live) Read(ask func(*Set)) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	ask(l.set)
}

// Steps returns how many steps the views have taken.
func (l *Live) Steps() (n twins.Tick) {
	l.Read(func(s *Set) { n = s.Steps() })
	return n
}

// columnOf returns the index of a kind's column by name, −1 if the kind has no such column.
func columnOf(k *twins.Kind, name string) int {
	return slices.IndexFunc(k.Columns, func(c twins.Column) bool { return c.Name == name })
}
