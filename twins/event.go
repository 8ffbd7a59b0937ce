package twins

import (
	"maps"
	"slices"
	"strings"
)

// EventType names a kind of event; past tense with the kind in front. The name
// is on disk for ever.
type EventType struct {
	Name string
	// Fields are the names of the values. A name ends in the unit of the value as it is shown, W, J,
	// Hz or °C; the value is stored as an integer with the decimals that FieldPlaces has for the name.
	Fields []string
	// Notable events go into the record; the others only carry a step's change
	// from Step to Apply, and are made again by stepping.
	Notable bool
	// Departures is what an event of this type says of departures; nil if nothing.
	Departures func(*Event) Departures
	// Parks is where a vehicle is from an event of this type on; nil if it says nothing of that.
	Parks func(*Event) Parking
	// Alert says which alert an event of this type is; nil if none.
	Alert *Alert
}

// Alert is the rule that makes events of a type an alert, which people want to see at once.
type Alert struct {
	Rule     string            // heat.left_comfort; on disk for ever
	Severity string            // note, warning or critical
	Text     string            // the problem in words
	When     func(*Event) bool // which events are; nil: all
	Exact    bool              // the alert belongs to the member, not to its community
}

// Departures counts vehicles that have left the plug, or are going to.
type Departures struct {
	Left  int64
	Ready int64 // of them, with the energy of their next trip
	// NoTrip are those of Ready after which no trip is known, as after the last recorded session:
	// they need nothing, so they are ready whatever was charged.
	NoTrip     int64
	Impossible int64 // known on arrival to be impossible to charge in time
}

// Parking is the whereabouts of a vehicle, as of when it was plugged in or left. Energies are
// at the charger and ≥ 0.
type Parking struct {
	Plugged    bool
	Leaves     Tick   // plugged: the first step in which it is away again
	Wanted     Energy // plugged: what it was to draw until then
	Impossible Energy // plugged: of what its next trip needs, what cannot be drawn in time
	Ready      bool   // away: it left with what its trip needs
}

// Plus adds two counts.
func (d Departures) Plus(e Departures) Departures {
	return Departures{d.Left + e.Left, d.Ready + e.Ready, d.NoTrip + e.NoTrip, d.Impossible + e.Impossible}
}

// Event is one change of a twin's state. Only Apply of its kind understands the
// values; the type's Fields name them.
type Event struct {
	Type *EventType
	Part int32 // of a household's parts, counted from 1; 0 is the twin itself
	V    [7]int64
}

// fieldPlaces are the decimals of a stored value by the unit at the end of its name.
var fieldPlaces = []struct {
	suffix string
	places int
}{
	{"_w", 3}, {"_j", 3}, {"_hz", 6}, {"_c", 6}, {"share_of_step", 9},
}

// FieldPlaces is the number of decimals that separate the stored value of a field from the unit in its
// name, as in Column.Places: 3 for milliwatts under wanted_w, 0 for a number without a unit and for seconds.
func FieldPlaces(field string) int {
	for _, f := range fieldPlaces {
		if strings.HasSuffix(field, f.suffix) {
			return f.places
		}
	}
	return 0
}

// Field returns the stored value with this name in the event's type; it panics if
// there is none, which is a mistake of the caller.
func (e *Event) Field(name string) int64 {
	for i, f := range e.Type.Fields {
		if f == name {
			return e.V[i]
		}
	}
	panic("twins: event " + e.Type.Name + " has no field " + name)
}

// String is the name of the event and its values in the units of their names.
func (e *Event) String() string {
	b := []byte(e.Type.Name)
	for i, f := range e.Type.Fields {
		b = AppendScaled(append(b, " "+f+"="...), e.V[i], FieldPlaces(f))
	}
	return string(b)
}

// Events collects what happens in one Step. It is reused; appending allocates
// nothing once it has grown.
type Events struct {
	list   []Event
	booked []Booking // of the stepping member, one for each reason
}

// Booking is the cost of one reason to a member in a step: load moved to later by
// agreement (negative where it cannot be made up after all), load not served and
// generation held back, both ≥ 0.
type Booking struct {
	Reason                       Reason
	Shifted, Unserved, Curtailed Power
}

// book adds a booking to the reading. The reading's own reason is that of the first booking with
// one; a member whose tiers were moved for several reasons has a decision for each.
func (e *Events) book(out *Reading, b Booking) {
	if b.Shifted == 0 && b.Unserved <= 0 && b.Curtailed <= 0 {
		return
	}
	out.Shifted += b.Shifted
	out.Unserved += b.Unserved
	out.Curtailed += b.Curtailed
	if out.Reason == NoReason {
		out.Reason = b.Reason
	}
	for i := range e.booked {
		if k := &e.booked[i]; k.Reason == b.Reason {
			k.Shifted += b.Shifted
			k.Unserved += b.Unserved
			k.Curtailed += b.Curtailed
			return
		}
	}
	e.booked = append(e.booked, b)
}

// Add appends an event and returns its values to be filled in.
func (e *Events) Add(t *EventType) *[7]int64 {
	e.list = append(e.list, Event{Type: t})
	return &e.list[len(e.list)-1].V
}

// mark says that the events from index from on belong to a part.
func (e *Events) mark(from int, part int32) {
	for i := from; i < len(e.list); i++ {
		e.list[i].Part = part
	}
}

// All returns the events since the last Reset.
func (e *Events) All() []Event { return e.list }

// Reset forgets all events and keeps the memory.
func (e *Events) Reset() { e.list, e.booked = e.list[:0], e.booked[:0] }

// EventNamed returns the type with a name, of a kind, of a part or shared, or nil:
// for events that are read from a record.
func EventNamed(name string) *EventType { return eventNames[name] }

var eventNames = map[string]*EventType{}

// DeclareEvent adds a type of event that belongs to no kind, such as one of a
// controller, where it is defined. It panics if the name is taken.
func DeclareEvent(t EventType) *EventType {
	declareEvents(&t)
	return &t
}

// EventTypes returns every type of event, by name.
func EventTypes() []*EventType {
	return slices.SortedFunc(maps.Values(eventNames), func(a, b *EventType) int { return strings.Compare(a.Name, b.Name) })
}

// declareEvents adds types of events to the registry; types that kinds share come more
// than once.
func declareEvents(types ...*EventType) {
	for _, t := range types {
		if was := eventNames[t.Name]; was != nil && was != t {
			panic("twins: event declared twice: " + t.Name)
		}
		eventNames[t.Name] = t
	}
}

func init() { // parts are not declared one by one
	for _, p := range partKinds {
		declareEvents(p.Events...)
	}
}
