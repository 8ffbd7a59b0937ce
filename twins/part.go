package twins

import (
	"encoding/json"
	"fmt"
	"slices"
)

// PartKind describes one kind of device that is part of a household's twin: a
// load, panels on the roof, a heat pump. Like a Kind it is one file and one row.
// Its entry in the scenario is the household's key of the same name, unless
// several parts share one.
type PartKind struct {
	Name  string // heat_pump: its name in a reading; on disk for ever
	Label string // Heat pump
	Tier  Tier   // of its offer
	// Version of the stored form of its state, the byte in front of it.
	Version uint8
	// Upgrades turn the stored form of a version into that of the next, by version.
	Upgrades map[uint8]Upgrade

	// Entry is the household's key that the part is built from; "" is Name. A home
	// with the key has all parts that read it. The first of these in the list of
	// kinds has Schema and Sample, the others have none; a setting of the entry is a
	// setting of each part that it concerns.
	Entry string

	// Schema is the JSON Schema of its entry, an object. Keys marked
	// "x-changeable" must be Settings.
	Schema string
	// New builds the states of the part in the households that have one.
	New func(site *Site, members []Member) (PartSlab, error)

	// Follows says how the part depends on the weather.
	Follows Follows

	Settings []Setting // named without the part: scale
	Events   []*EventType
	// Gauges are named without the part: tank_c. The slabs of a kind with gauges
	// implement PartGauger.
	Gauges []Gauge
	// Sample draws a valid entry, as Kind.Sample does.
	Sample func(between func(lo, hi int64) int64) string
}

// PartKinds returns every kind of part, in the order of a reading.
func PartKinds() []*PartKind { return slices.Clone(partKinds) }

// PartKindNamed returns the kind of part with a name, or nil.
func PartKindNamed(name string) *PartKind {
	for _, k := range partKinds {
		if k.Name == name {
			return k
		}
	}
	return nil
}

// PartSlab holds the states of one kind of part, contiguous. Offer and Step
// change nothing; the rest is as in Slab.
type PartSlab interface {
	Offer(i int, env *Env) Band
	Step(i int, env *Env, p Power, ev *Events) Power
	Apply(i int, e *Event)
	Command(i int, env *Env, c *Command, ev *Events) error
	AppendBinary(i int, b []byte) []byte
	UnmarshalBinary(i int, b []byte) ([]byte, error)
	Save()
	Restore(i int)
}

// PartRow is what a part's state struct implements, as a pointer; PartSlabOf
// makes a PartSlab of it.
type PartRow[T any] interface {
	*T
	// Offer is what the device could do in this step.
	Offer(env *Env) Band
	// Step appends what happens if the device is given p, and returns what it
	// does: p, unless it cannot.
	Step(env *Env, p Power, ev *Events) Power
	Apply(e *Event)
	Command(env *Env, c *Command, ev *Events) error
	AppendBinary(b []byte) []byte
	UnmarshalBinary(b []byte) ([]byte, error)
}

// PartSlabOf is a PartSlab over rows of one type.
type PartSlabOf[T any, P PartRow[T]] struct{ rows, saved []T }

// NewPartSlab makes a slab of n zero rows.
func NewPartSlab[T any, P PartRow[T]](n int) *PartSlabOf[T, P] {
	return &PartSlabOf[T, P]{rows: make([]T, n), saved: make([]T, n)}
}

// Row returns the state of part i, for its kind's own use.
func (s *PartSlabOf[T, P]) Row(i int) P { return &s.rows[i] }

func (s *PartSlabOf[T, P]) Offer(i int, env *Env) Band { return P(&s.rows[i]).Offer(env) }
func (s *PartSlabOf[T, P]) Step(i int, env *Env, p Power, ev *Events) Power {
	return P(&s.rows[i]).Step(env, p, ev)
}
func (s *PartSlabOf[T, P]) Apply(i int, e *Event) { P(&s.rows[i]).Apply(e) }
func (s *PartSlabOf[T, P]) Command(i int, env *Env, c *Command, ev *Events) error {
	return P(&s.rows[i]).Command(env, c, ev)
}
func (s *PartSlabOf[T, P]) AppendBinary(i int, b []byte) []byte { return P(&s.rows[i]).AppendBinary(b) }
func (s *PartSlabOf[T, P]) UnmarshalBinary(i int, b []byte) ([]byte, error) {
	return P(&s.rows[i]).UnmarshalBinary(b)
}
func (s *PartSlabOf[T, P]) Save()         { copy(s.saved, s.rows) }
func (s *PartSlabOf[T, P]) Restore(i int) { s.rows[i] = s.saved[i] }

// partKinds are the parts that a household can have, in the order of their
// entries in a reading. The first part of any home is a load, to which an
// estimate is booked.
var partKinds = []*PartKind{recordedLoad, baseLoad, cooking, washingMachine, dishwasher, dryer, heatPump, hotWater, panels, windTurbine}

// key is the household's key that the part is built from.
func (k *PartKind) key() string {
	if k.Entry != "" {
		return k.Entry
	}
	return k.Name
}

// has reports whether the part has a setting.
func (k *PartKind) has(setting string) bool {
	return slices.ContainsFunc(k.Settings, func(s Setting) bool { return s.Name == setting })
}

// partsSchema is the properties of a household's entry for its parts.
func partsSchema() map[string]json.RawMessage {
	all := map[string]json.RawMessage{}
	for _, k := range partKinds {
		if _, shared := all[k.key()]; shared && k.Schema == "" {
			continue
		}
		if !json.Valid([]byte(k.Schema)) {
			panic("twins: schema of part " + k.Name + " is not JSON")
		}
		all[k.key()] = json.RawMessage(k.Schema)
	}
	return all
}

// partSettings are the settings of all parts, as the household's.
func partSettings() (all []Setting) {
	for _, k := range partKinds {
		for _, s := range k.Settings {
			s.Name = k.key() + "." + s.Name
			if !slices.ContainsFunc(all, func(o Setting) bool { return o.Name == s.Name }) { // several parts of one entry may have it
				all = append(all, s)
			}
		}
	}
	return all
}

// recordedSpec is an entry that follows a column of a recording.
type recordedSpec struct {
	Recording string `json:"recording"`
	Column    string `json:"column"`
	MoveWeeks int    `json:"move_weeks"`
	Scale     Ratio  `json:"scale"`
}

// moveWeeksSchema is the schema of recordedSpec.MoveWeeks.
const moveWeeksSchema = `{"type": "integer", "minimum": -3, "maximum": 3, "default": 0, "description": "this copy of the column is moved by so many weeks of the scenario year: in week w it has what the column has in week w + move_weeks; the recording needs a calendar"}`

// recorded is a device that does what was recorded, times a factor.
type recorded struct {
	column int32 // of Env.Recorded
	scale  Ratio // changeable
}

func newRecorded(site *Site, m Member) (recorded, error) {
	var spec recordedSpec
	if err := decodeSpec(m, &spec); err != nil {
		return recorded{}, err
	}
	column, err := site.Recorded(spec.Recording, spec.Column, spec.MoveWeeks)
	if err != nil {
		return recorded{}, fmt.Errorf("%s: %w", m.Path, err)
	}
	return recorded{column, spec.Scale}, nil
}

// power is what was recorded for this step, ≥ 0.
func (r *recorded) power(env *Env) Power { return env.Recorded[r.column].Times(r.scale) }

func (r *recorded) Apply(e *Event) {
	if e.Type == eventSet {
		scaleSetting.apply(r, e)
	}
}

var scaleSetting = changeable[recorded]{
	number(Setting{Name: "scale", Scale: int64(One), Max: 1000 * int64(One)}, func(r *recorded) *Ratio { return &r.scale }),
}
