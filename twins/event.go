package twins

import "fmt"

// EventType names a kind of event; past tense with the kind in front. The name
// is on disk for ever.
type EventType struct {
	Name   string
	Fields []string // names of the values, unit included
	// Notable events go into the record; the others only carry a step's change
	// from Step to Apply, and can be had again by stepping.
	Notable bool
}

// Event is one change of a twin's state. Only Apply of its kind understands the
// values; the type's Fields name them.
type Event struct {
	Type *EventType
	V    [7]int64
}

func (e *Event) String() string {
	s := e.Type.Name
	for i, f := range e.Type.Fields {
		s += fmt.Sprintf(" %s=%d", f, e.V[i])
	}
	return s
}

// Events collects what happens in one Step. It is reused; appending allocates
// nothing once it has grown.
type Events struct{ list []Event }

// Add appends an event and returns its values to be filled in.
func (e *Events) Add(t *EventType) *[7]int64 {
	e.list = append(e.list, Event{Type: t})
	return &e.list[len(e.list)-1].V
}

// All returns the events since the last Reset.
func (e *Events) All() []Event { return e.list }

// Reset forgets all events and keeps the memory.
func (e *Events) Reset() { e.list = e.list[:0] }
