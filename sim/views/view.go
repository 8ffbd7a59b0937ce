package views

import (
	"fmt"
	"slices"
	"strings"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/twins"
)

// View folds the records of a run, from its first step on, into something that people ask
// of it. The same records give the same view, live, in a replay or in a fork. A view is used
// by one goroutine at a time.
//
// What a view holds is bounded by the scenario, not by the steps made: where it would grow
// with them, it forgets the oldest, and whoever asks for that folds the records again.
type View interface {
	// Commit takes the next record, each once. It keeps nothing of the record itself.
	sim.Sink
	// Until returns a copy of what the view knew before a step, or nil if that has been
	// forgotten: then the records before the step are to be folded again.
	Until(at twins.Tick) View
	// AppendBinary appends the stored form: the kind's version byte, then what the view has
	// in a form that is only appended to, drawn at the view.
	AppendBinary(b []byte) []byte
	// UnmarshalBinary is its inverse, for a view that New has made. After an error the view
	// is of no use.
	UnmarshalBinary(b []byte) error
}

// Window is what one community has come to in a length of time: an hour or a local day. What is
// kept of all hours, days and months of a run is made of such.
type Window interface {
	// Add adds a step, of which a replay shows no devices.
	Add(r *sim.StepRecord)
	// Plus adds another window of the same kind and community.
	Plus(Window)
	// Reset makes it the window of no time at all.
	Reset()
	// AppendBinary appends the stored form: the kind's version byte, except for usage, which
	// is older than that rule, then what the window has.
	AppendBinary(b []byte) []byte
	// UnmarshalBinary is its inverse, for a window of no time.
	UnmarshalBinary(b []byte) error
}

// Kind is the row of a view: all that server, journal and command line know of it. A view is one
// file with its row. Name and Version are on disk for ever; a changed form has a new version.
type Kind struct {
	Name    string // of small letters and _
	Version uint8

	// New makes the view of no steps at all; nil if the kind has windows only. The world has made
	// none, and may make some later: what the view needs of its states it takes now.
	New func(w *sim.World) View
	// Window makes the window of no time of a community, an index into w.Cells; nil if the
	// kind has no figures by hour and day.
	Window func(w *sim.World, community int) Window
}

var kinds []*Kind

// Declare adds a kind of view to the registry. It is called once for each kind, where the kind is
// defined.
func Declare(k Kind) *Kind {
	if k.Name == "" || strings.Trim(k.Name, "abcdefghijklmnopqrstuvwxyz_") != "" {
		panic(fmt.Sprintf("views: name %q, wanted small letters and _", k.Name))
	}
	if KindNamed(k.Name) != nil {
		panic("views: kind declared twice: " + k.Name)
	}
	kinds = append(kinds, &k)
	slices.SortFunc(kinds, func(a, b *Kind) int { return strings.Compare(a.Name, b.Name) })
	return &k
}

// Kinds returns every kind of view, by name.
func Kinds() []*Kind { return slices.Clone(kinds) }

// KindNamed returns the kind of a name, or nil.
func KindNamed(name string) *Kind {
	for _, k := range kinds {
		if k.Name == name {
			return k
		}
	}
	return nil
}

// Set is the views of one run, one of each kind that has any. It is a sink.
type Set struct {
	kinds []*Kind
	views []View
	next  twins.Tick
}

// NewSet makes the views of no steps at all.
func NewSet(w *sim.World) *Set {
	s := &Set{}
	for _, k := range kinds {
		if k.New != nil {
			s.kinds, s.views = append(s.kinds, k), append(s.views, k.New(w))
		}
	}
	return s
}

// Steps is how many steps the views have taken.
func (s *Set) Steps() twins.Tick { return s.next }

// Commit implements sim.Sink.
func (s *Set) Commit(r *sim.StepRecord) error {
	if r.Tick != s.next {
		return fmt.Errorf("views: step %d came, wanted %d", r.Tick, s.next)
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

// Of returns the view of a kind. It panics if the set has none or one of another type, which
// is a mistake in the caller.
func Of[V View](s *Set, k *Kind) V {
	i := slices.Index(s.kinds, k)
	if i < 0 {
		panic("views: the set has no view " + k.Name)
	}
	return s.views[i].(V)
}

// Until returns what the views knew before a step, and false if one of them has forgotten it.
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

// Restore puts the views after so many steps to what their stored forms say, by name. One that
// is missing or cannot be read is an error, after which the set is of no use.
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

// columnOf is the index of a kind's column of a name, −1 without one.
func columnOf(k *twins.Kind, name string) int {
	return slices.IndexFunc(k.Columns, func(c twins.Column) bool { return c.Name == name })
}
