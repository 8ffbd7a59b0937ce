package twins

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Role says how a kind takes part in the balance, and how it is drawn.
type Role uint8

// Roles.
const (
	RoleLoad    Role = iota // draws; may have generation of its own
	RoleStorage             // charges and discharges
	RoleProducer
	RoleTie  // connects the grid to a neighbour
	RoleNode // adds its members up: community, grid
)

var roleNames = [...]string{"load", "storage", "producer", "tie", "node"}

func (r Role) String() string { return roleNames[r] }

// Unit reports whether the grid dispatches members of the role one by one and
// closes the books with them, rather than their community folding them.
func (r Role) Unit() bool { return r == RoleProducer || r == RoleTie }

// Kind describes one kind of twin: all that the scenario reader, the actors,
// the journal, the viewer, the laws and the benchmarks know of it. Name and
// Version are on disk for ever.
type Kind struct {
	Name    string // household
	Plural  string // households: its list in a scenario
	Label   string // Household
	Role    Role
	Version uint8 // of the stored form of its state
	// Upgrades turn the stored form of a version into that of the next, by version.
	Upgrades map[uint8]Upgrade

	// Schema is the JSON Schema of a member's entry in a scenario, without the
	// keys that all share (id, community, owner). Keys marked "x-changeable"
	// must be Settings.
	Schema string

	// Ownable says that a member may be behind a household's meter.
	Ownable bool

	// Prepares says that a member may be prepared: absent until it is put in (Preparer).
	Prepares bool

	// Follows says how a member depends on the weather. That of a kind with parts is in
	// their rows.
	Follows Follows

	// New builds a slab of members, in the order given. Errors name the member
	// and the key.
	New func(site *Site, members []Member) (Slab, error)

	// Sample draws a valid entry, as JSON, for tests: between(lo, hi) is a random
	// number with both ends included. Recordings are named "r" and have the
	// columns "c0" … "c9".
	Sample func(between func(lo, hi int64) int64) string

	Events   []*EventType
	Settings []Setting
	Commands []*CommandType // besides those of its Settings, set and multiply
	Columns  []Column
	// Gauges are shown beside the columns and never stored. The slabs of a kind with
	// gauges implement Gauger. A new gauge comes last.
	Gauges []Gauge
}

// Follows says how a device depends on the weather. An entry with the key recording
// follows its recording instead. The zero value is a device that needs no weather.
type Follows struct {
	Quantity string // sun | wind | temperature
	Without  string // what the device does without the quantity, for a warning: gives nothing
}

// Setting is a property of a twin that a command may change in mid-run.
type Setting struct {
	Name  string // as in the scenario: rated_w, load.scale
	Scale int64  // of the stored integer: 1000 for mW under a name in W
	Min   int64  // least value allowed, stored integer
	Max   int64
	// Zero says what 0 means where it is no quantity: "none". Multiplying such a 0,
	// or a product of 0, is refused.
	Zero string

	// Words are the names of the values 0, 1, … of a setting that is a choice.
	Words []string
}

// Text is a stored value in the setting's unit, as it is written in a scenario.
func (s Setting) Text(v int64) string { return fmt.Sprint(float64(v) / float64(s.Scale)) }

// Slab holds the states of n twins of one kind, contiguous. A twin is
// (slab, index).
//
// Offer and Step change no state (an Offer may leave notes for the Step that
// follows it in the same step). Apply and Command are the only mutators; live,
// recovery and replay share them. Save keeps a copy of all states, Restore
// restores one of them.
type Slab interface {
	Len() int
	// Offer writes what twin i can do in this step; out comes zeroed.
	Offer(i int, env *Env, out *Flex)
	// Step appends what happens if twin i is given set, and writes what its
	// meter will show; out comes zeroed but for Parts, which has room.
	Step(i int, env *Env, set *Setpoint, ev *Events, out *Reading)
	// Apply makes an event part of the state.
	Apply(i int, e *Event)
	// Command turns a command into events; err says why it is refused.
	Command(i int, env *Env, c *Command, ev *Events) error
	// Parts names the devices of twin i; nil if it is one device.
	Parts(i int) []string
	// AppendBinary appends the stored form of twin i, version byte first.
	AppendBinary(i int, b []byte) []byte
	// UnmarshalBinary is its inverse and returns the rest of b.
	UnmarshalBinary(i int, b []byte) ([]byte, error)
	Save()
	Restore(i int)
}

// Owner is a slab whose members have others behind their own meter, which are connected
// where they are and offer with them: households with their batteries and vehicles.
type Owner interface {
	Slab
	Connected
}

// Preparer is a slab with twins that may be prepared. A prepared twin is absent:
// it holds nothing and does nothing until a command puts it in.
type Preparer interface {
	// Prepared reports whether twin i began as prepared, put in or not.
	Prepared(i int) bool
	// Absent reports whether twin i is prepared and has not been put in yet.
	Absent(i int) bool
}

// Row is what a kind's state struct implements, as a pointer; SlabOf makes a
// Slab of it.
type Row[T any] interface {
	*T
	Offer(env *Env, out *Flex)
	Step(env *Env, set *Setpoint, ev *Events, out *Reading)
	Apply(e *Event)
	Command(env *Env, c *Command, ev *Events) error
	AppendBinary(b []byte) []byte
	UnmarshalBinary(b []byte) ([]byte, error)
}

// SlabOf is a Slab over rows of one type.
type SlabOf[T any, P Row[T]] struct {
	rows, saved []T
}

// NewSlab makes a slab of n zero rows.
func NewSlab[T any, P Row[T]](n int) *SlabOf[T, P] {
	return &SlabOf[T, P]{rows: make([]T, n), saved: make([]T, n)}
}

// Row returns the state of twin i, for its kind's own use.
func (s *SlabOf[T, P]) Row(i int) P { return &s.rows[i] }

func (s *SlabOf[T, P]) Len() int                         { return len(s.rows) }
func (s *SlabOf[T, P]) Offer(i int, env *Env, out *Flex) { P(&s.rows[i]).Offer(env, out) }
func (s *SlabOf[T, P]) Step(i int, env *Env, set *Setpoint, ev *Events, out *Reading) {
	P(&s.rows[i]).Step(env, set, ev, out)
}
func (s *SlabOf[T, P]) Apply(i int, e *Event) { P(&s.rows[i]).Apply(e) }
func (s *SlabOf[T, P]) Command(i int, env *Env, c *Command, ev *Events) error {
	return P(&s.rows[i]).Command(env, c, ev)
}
func (s *SlabOf[T, P]) Parts(int) []string                  { return nil }
func (s *SlabOf[T, P]) AppendBinary(i int, b []byte) []byte { return P(&s.rows[i]).AppendBinary(b) }
func (s *SlabOf[T, P]) UnmarshalBinary(i int, b []byte) ([]byte, error) {
	return P(&s.rows[i]).UnmarshalBinary(b)
}

// Owes implements debtors.
func (s *SlabOf[T, P]) Owes(i int) bool {
	d, ok := any(P(&s.rows[i])).(debtor)
	return ok && d.owes()
}

// StillShifted implements debtors.
func (s *SlabOf[T, P]) StillShifted(i int) Energy {
	if d, ok := any(P(&s.rows[i])).(debtor); ok {
		return d.stillShifted()
	}
	return 0
}
func (s *SlabOf[T, P]) Save()         { copy(s.saved, s.rows) }
func (s *SlabOf[T, P]) Restore(i int) { s.rows[i] = s.saved[i] }

var kinds []*Kind

// Declare adds a kind to the registry. It is called once for each kind, where the
// kind is defined. It panics if the name of the kind, or of one of its events, is
// taken.
func Declare(k Kind) *Kind {
	if KindNamed(k.Name) != nil {
		panic("twins: kind declared twice: " + k.Name)
	}
	declareEvents(k.Events...)
	kinds = append(kinds, &k)
	slices.SortFunc(kinds, func(a, b *Kind) int { return strings.Compare(a.Name, b.Name) })
	return &k
}

// Kinds returns every kind, by name.
func Kinds() []*Kind { return slices.Clone(kinds) }

// KindNamed returns the kind with a name, or nil.
func KindNamed(name string) *Kind {
	for _, k := range kinds {
		if k.Name == name {
			return k
		}
	}
	return nil
}

// Setting returns the kind's setting with a name.
func (k *Kind) Setting(name string) (Setting, bool) {
	for _, s := range k.Settings {
		if s.Name == name {
			return s, true
		}
	}
	return Setting{}, false
}

// decodeSpec reads a member's entry and refuses unknown keys.
func decodeSpec(m Member, spec any) error {
	d := json.NewDecoder(bytes.NewReader(m.Spec))
	d.DisallowUnknownFields()
	if err := d.Decode(spec); err != nil {
		return fmt.Errorf("%s: %w", m.Path, err)
	}
	return nil
}

// Stored forms: little-endian int64 after the version byte.

func appendInts(b []byte, vs ...int64) []byte {
	for _, v := range vs {
		b = binary.LittleEndian.AppendUint64(b, uint64(v))
	}
	return b
}

// readInts checks the version byte and fills vs; it returns what follows.
func readInts(b []byte, kind string, version uint8, vs ...*int64) ([]byte, error) {
	if len(b) < 1+8*len(vs) {
		return b, fmt.Errorf("%s: stored state cut short: %d bytes, wanted %d", kind, len(b), 1+8*len(vs))
	}
	if b[0] != version {
		return b, fmt.Errorf("%s: stored state of version %d, wanted %d", kind, b[0], version)
	}
	b = b[1:]
	for _, v := range vs {
		*v = int64(binary.LittleEndian.Uint64(b))
		b = b[8:]
	}
	return b, nil
}

// readInt takes one value off a stored form.
func readInt(b []byte, v *int64) ([]byte, error) {
	if len(b) < 8 {
		return b, fmt.Errorf("stored state cut short: %d bytes, wanted 8", len(b))
	}
	*v = int64(binary.LittleEndian.Uint64(b))
	return b[8:], nil
}

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
