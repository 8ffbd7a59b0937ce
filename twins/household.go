package twins

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
)

// Household is a home at its connection point. It is made of parts: its load, recorded or modelled
// appliance by appliance, the panels on its roof, and its other devices. Behind its meter are
// batteries and vehicles, which are twins of their own.
//
// The home pursues what a battery aims at, because only the home knows the net load.
var Household = Declare(Kind{
	Name: "household", Plural: "households", Label: "Household", Role: RoleLoad, Version: 1,
	Schema:   householdSchema(),
	New:      newHouseholds,
	Sample:   householdSample,
	Events:   []*EventType{householdMetered, eventSet},
	Settings: partSettings(),
	Columns: []Column{ColumnPower, ColumnGeneration, ColumnUnserved, ColumnCurtailed, ColumnShifted, ColumnReason,
		ColumnWaiting, ColumnWaits, ColumnRoomBelow, ColumnTankBelow},
})

// householdSchema is the home's own keys and the keys that its parts read. A home
// is recorded or modelled: exactly one of the two.
func householdSchema() string {
	properties := partsSchema()
	properties["power_factor"] = json.RawMessage(`{"type": "number", "minimum": 0.1, "maximum": 1, "default": 1, "description": "of the loads, lagging"}`)
	properties["phase"] = json.RawMessage(`{"enum": ["A", "B", "C", "ABC"], "default": "ABC", "description": "conductor that the home hangs on"}`)
	properties["bus"] = json.RawMessage(`{"type": "integer", "minimum": 0, "maximum": 1000000, "default": 0, "description": "of the community's network; 0 is its connection point"}`)
	b, err := json.MarshalIndent(map[string]any{
		"oneOf":      []any{map[string]any{"required": []string{recordedLoad.key()}}, map[string]any{"required": []string{baseLoad.key()}}},
		"properties": properties,
	}, "", "  ")
	if err != nil {
		panic(err)
	}
	return string(b)
}

type householdSpec struct {
	PowerFactor float64 `json:"power_factor"`
	Phase       string  `json:"phase"`
	Bus         int32   `json:"bus"`
}

// household is the state of the home itself; its parts are in their slabs.
type household struct {
	at       Connection
	reactive Ratio // reactive ÷ active power of the loads

	// Registers.
	consumed, generated, unserved, curtailed Energy
}

var householdMetered = &EventType{Name: "household.metered",
	Fields: []string{"consumed_j", "generated_j", "unserved_j", "curtailed_j"}}

// households is the slab: the homes' rows, a slab for each kind of part, and
// for each home the list of its parts.
type households struct {
	rows, saved []household
	slabs       []PartSlab // one for each of kinds
	deferrers   []Deferrer // the same slabs, nil for one that is no Deferrer
	gaugers     []PartGauger
	kinds       []*PartKind
	first       []int32 // home i has parts[first[i]:first[i+1]]
	parts       []partRef
	bands       []Band // of parts, as offered in this step
	names       [][]string
}

// partRef is a part of a home: a row of one of the slabs.
type partRef struct{ slab, row int32 }

func newHouseholds(site *Site, members []Member) (Slab, error) {
	s := &households{rows: make([]household, len(members)), saved: make([]household, len(members)), first: make([]int32, 1, len(members)+1)}
	has := make([][]Member, len(partKinds)) // entries by kind of part
	slabOf := make([]int32, len(partKinds))
	for i, m := range members {
		var entry map[string]json.RawMessage
		if err := json.Unmarshal(m.Spec, &entry); err != nil {
			return nil, fmt.Errorf("%s: %w", m.Path, err)
		}
		for k, kind := range partKinds {
			if part := entry[kind.key()]; part != nil && string(part) != "null" {
				s.parts = append(s.parts, partRef{int32(k), int32(len(has[k]))})
				has[k] = append(has[k], Member{Path: m.Path + "." + kind.key(), Spec: part})
			}
		}
		for _, kind := range partKinds {
			delete(entry, kind.key())
		}
		s.first = append(s.first, int32(len(s.parts)))
		if err := s.rows[i].init(m.Path, entry); err != nil {
			return nil, err
		}
	}
	for k, entries := range has {
		if len(entries) == 0 {
			continue
		}
		slab, err := partKinds[k].New(site, entries)
		if err != nil {
			return nil, err
		}
		slabOf[k] = int32(len(s.slabs))
		s.slabs, s.kinds = append(s.slabs, slab), append(s.kinds, partKinds[k])
		waits, _ := slab.(Deferrer)
		s.deferrers = append(s.deferrers, waits)
		shows, _ := slab.(PartGauger)
		s.gaugers = append(s.gaugers, shows)
	}
	for i := range s.parts {
		s.parts[i].slab = slabOf[s.parts[i].slab]
	}
	s.bands = make([]Band, len(s.parts))
	s.nameParts()
	return s, nil
}

func (h *household) init(path string, entry map[string]json.RawMessage) error {
	rest, err := json.Marshal(entry)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	var spec householdSpec
	if err := decodeSpec(Member{Path: path, Spec: rest}, &spec); err != nil {
		return err
	}
	*h = household{
		at:       Connection{spec.Bus, map[string]Phase{"A": PhaseA, "B": PhaseB, "C": PhaseC}[spec.Phase]},
		reactive: reactiveShare(spec.PowerFactor),
	}
	return nil
}

// reactiveShare is tan φ for a power factor cos φ. Square root and division are
// exact to the last bit on every processor; tan and acos are not.
func reactiveShare(powerFactor float64) Ratio {
	sin := math.Sqrt(1 - float64(powerFactor*powerFactor))
	return Ratio(math.Round(float64(sin / powerFactor * float64(One))))
}

// nameParts lists the parts' names; homes with the same parts share a list.
func (s *households) nameParts() {
	known := map[string][]string{}
	for i := range s.rows {
		var names []string
		for _, p := range s.of(i) {
			names = append(names, s.kinds[p.slab].Name)
		}
		key := strings.Join(names, " ")
		if known[key] == nil {
			known[key] = names
		}
		s.names = append(s.names, known[key])
	}
}

func (s *households) of(i int) []partRef { return s.parts[s.first[i]:s.first[i+1]] }

// Len implements Slab.
func (s *households) Len() int { return len(s.rows) }

// Connection implements Connected.
func (s *households) Connection(i int) Connection { return s.rows[i].at }

// Parts implements Slab.
func (s *households) Parts(i int) []string { return s.names[i] }

// Offer implements Slab.
func (s *households) Offer(i int, env *Env, out *Flex) {
	h := &s.rows[i]
	bands := s.bands[s.first[i]:s.first[i+1]]
	load := Power(0)
	for k, p := range s.of(i) {
		t := s.kinds[p.slab].Tier
		bands[k] = s.slabs[p.slab].Offer(int(p.row), env)
		out.Tier[t] = out.Tier[t].Plus(bands[k])
		if t != Generation {
			load += bands[k].Ref
		}
	}
	q, _ := h.reactive.Of(int64(load))
	out.Reactive = ReactivePower(q)
}

// Step implements Slab: each tier's setpoint is shared among the parts along
// the bands of their offers in this step.
func (s *households) Step(i int, env *Env, set *Setpoint, ev *Events, out *Reading) {
	bands := s.bands[s.first[i]:s.first[i+1]]
	parts := s.of(i)
	var split [NumTiers]BandSplit
	var begun [NumTiers]bool
	for k, p := range parts {
		t := s.kinds[p.slab].Tier
		if !begun[t] { // most homes have parts in few tiers
			begun[t] = true
			split[t] = NewBandSplit(set.Tier[t], s.sum(t, parts[k:], bands[k:]))
		}
		from := len(ev.list)
		did := s.slabs[p.slab].Step(int(p.row), env, split[t].Next(bands[k]), ev)
		if d := s.deferrers[p.slab]; d != nil {
			deferPart(d, int(p.row), env, bands[k], did, set.Why[t], ev, out)
		}
		ev.mark(from, int32(k+1))
		out.Parts[k] = did
		out.Power += did
		switch t {
		case Generation:
			out.Generation -= did
			ev.book(out, Booking{Reason: set.Why[t], Curtailed: did - bands[k].Ref})
		case Essential:
			out.Load += did
			out.UnservedEssential += bands[k].Ref - did
			ev.book(out, Booking{Reason: set.Why[t], Unserved: bands[k].Ref - did})
		default:
			out.Load += did
		}
	}
	s.rows[i].meter(env, ev, out)
}

// deferPart books what part i of d, which offered b and drew did, has put off.
func deferPart(d Deferrer, i int, env *Env, b Band, did Power, why Reason, ev *Events, out *Reading) {
	later := d.Defer(i, env, b, did, why, ev)
	later.book(ev, out)
}

// Owes implements debtors.
func (s *households) Owes(i int) bool {
	for _, p := range s.of(i) {
		if d, ok := s.slabs[p.slab].(debtors); ok && d.Owes(int(p.row)) {
			return true
		}
	}
	return false
}

// StillShifted implements debtors.
func (s *households) StillShifted(i int) (sum Energy) {
	for _, p := range s.of(i) {
		if d, ok := s.slabs[p.slab].(debtors); ok {
			sum += d.StillShifted(int(p.row))
		}
	}
	return sum
}

// sum adds up what the parts of one tier have offered.
func (s *households) sum(t Tier, parts []partRef, bands []Band) (sum Band) {
	for k, p := range parts {
		if s.kinds[p.slab].Tier == t {
			sum = sum.Plus(bands[k])
		}
	}
	return sum
}

// meter adds the figures that follow from the parts' sums.
func (h *household) meter(env *Env, ev *Events, out *Reading) {
	q, _ := h.reactive.Of(int64(out.Load))
	out.Reactive = ReactivePower(q)
	*ev.Add(householdMetered) = [7]int64{
		int64(out.Load.For(env.Step)), int64(out.Generation.For(env.Step)),
		int64(out.Unserved.For(env.Step)), int64(out.Curtailed.For(env.Step)),
	}
}

// Apply implements Slab.
func (s *households) Apply(i int, e *Event) {
	if e.Part > 0 {
		p := s.of(i)[e.Part-1]
		s.slabs[p.slab].Apply(int(p.row), e)
		return
	}
	if e.Type == householdMetered {
		h := &s.rows[i]
		h.consumed += Energy(e.V[0])
		h.generated += Energy(e.V[1])
		h.unserved += Energy(e.V[2])
		h.curtailed += Energy(e.V[3])
	}
}

// Command implements Slab: settings are those of parts, entry.setting, and go to
// each part of the entry that has them.
func (s *households) Command(i int, env *Env, c *Command, ev *Events) error {
	if _, ok := Household.Setting(c.Setting()); !ok {
		return refused(c)
	}
	name, setting, _ := strings.Cut(c.Setting(), ".")
	part := *c
	part.Target, part.Body = c.Target+"."+name, settingBody(setting, c.Value())
	found := false
	for k, p := range s.of(i) {
		if kind := s.kinds[p.slab]; kind.key() != name || !kind.has(setting) {
			continue
		}
		found = true
		from := len(ev.list)
		err := s.slabs[p.slab].Command(int(p.row), env, &part, ev)
		ev.mark(from, int32(k+1))
		if err != nil {
			return err
		}
	}
	if !found {
		return fmt.Errorf("%s: %s: the household has no %s", c.Target, c.Setting(), name)
	}
	return nil
}

// Gauges implements Gauger: a home has only the gauges of its parts.
func (s *households) Gauges(i int, env *Env, _ *Reading, out []int64) {
	for _, p := range s.of(i) {
		if n := len(s.kinds[p.slab].Gauges); n > 0 {
			s.gaugers[p.slab].Gauges(int(p.row), env, out[:n])
			out = out[n:]
		}
	}
}

// AppendBinary implements Slab: the home's registers, then its parts.
func (s *households) AppendBinary(i int, b []byte) []byte {
	h := &s.rows[i]
	b = appendInts(append(b, Household.Version), int64(h.consumed), int64(h.generated), int64(h.unserved), int64(h.curtailed))
	for _, p := range s.of(i) {
		b = s.slabs[p.slab].AppendBinary(int(p.row), b)
	}
	return b
}

// upgradesItself implements composite: a home and each of its parts have versions.
func (s *households) upgradesItself() {}

// UnmarshalBinary implements Slab.
func (s *households) UnmarshalBinary(i int, b []byte) ([]byte, error) {
	h := &s.rows[i]
	b, err := restoreState(b, Household.Upgrades, func(b []byte) ([]byte, error) {
		return readInts(b, "household", Household.Version, (*int64)(&h.consumed), (*int64)(&h.generated),
			(*int64)(&h.unserved), (*int64)(&h.curtailed))
	})
	for _, p := range s.of(i) {
		if err != nil {
			break
		}
		b, err = restoreState(b, s.kinds[p.slab].Upgrades, func(b []byte) ([]byte, error) {
			return s.slabs[p.slab].UnmarshalBinary(int(p.row), b)
		})
	}
	return b, err
}

// Save implements Slab.
func (s *households) Save() {
	copy(s.saved, s.rows)
	for _, p := range s.slabs {
		p.Save()
	}
}

// Restore implements Slab.
func (s *households) Restore(i int) {
	s.rows[i] = s.saved[i]
	for _, p := range s.of(i) {
		s.slabs[p.slab].Restore(int(p.row))
	}
}

// householdSample gives every home a load, recorded or modelled, and, by chance,
// other parts.
func householdSample(between func(lo, hi int64) int64) string {
	load := []*PartKind{recordedLoad, baseLoad}[between(0, 1)]
	parts := ""
	for _, k := range partKinds {
		if k.Sample == nil || k == recordedLoad && k != load || k == baseLoad && k != load {
			continue
		}
		if k == load || between(0, 1) == 1 {
			parts += fmt.Sprintf("%q: %s, ", k.key(), k.Sample(between))
		}
	}
	return fmt.Sprintf(`{%s "power_factor": 0.%d, "phase": %q, "bus": %d}`, parts,
		between(50, 99), []string{"A", "B", "C", "ABC"}[between(0, 3)], between(0, 9))
}
