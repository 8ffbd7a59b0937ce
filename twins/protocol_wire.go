package twins

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// The binary forms of Roster, Ask and Answer, for a community in another process: a
// version byte, then each field in the order of its struct. A number is a little-endian
// int64; a text, a stored form or a list begins with its length. A form is never
// changed: a new shape is a new version.
const (
	rosterVersion = 1
	askVersion    = 1
	answerVersion = 1
)

// AppendBinary appends the binary form.
func (r *Roster) AppendBinary(b []byte) []byte { return encode(b, rosterVersion, r.wire) }

// UnmarshalBinary is the inverse of AppendBinary and returns the rest of b. It refuses
// an unknown kind.
func (r *Roster) UnmarshalBinary(b []byte) (rest []byte, err error) {
	return decode(b, "roster", rosterVersion, r.wire)
}

// AppendBinary appends the binary form.
func (a *Ask) AppendBinary(b []byte) []byte { return encode(b, askVersion, a.wire) }

// UnmarshalBinary is the inverse of AppendBinary and returns the rest of b. It reuses
// the ask's memory; after an error the ask must not be used.
func (a *Ask) UnmarshalBinary(b []byte) (rest []byte, err error) {
	return decode(b, "ask", askVersion, a.wire)
}

// AppendBinary appends the binary form.
func (a *Answer) AppendBinary(b []byte) []byte { return encode(b, answerVersion, a.wire) }

// UnmarshalBinary is the inverse of AppendBinary and returns the rest of b. It reuses
// the answer's memory; after an error the answer must not be used.
func (a *Answer) UnmarshalBinary(b []byte) (rest []byte, err error) {
	return decode(b, "answer", answerVersion, a.wire)
}

func encode(b []byte, version byte, fields func(*wire)) []byte {
	w := wire{b: append(b, version)}
	fields(&w)
	return w.b
}

func decode(b []byte, what string, version byte, fields func(*wire)) ([]byte, error) {
	if len(b) == 0 {
		return b, fmt.Errorf("%s: no bytes", what)
	}
	if b[0] != version {
		return b, fmt.Errorf("%s of version %d, wanted %d", what, b[0], version)
	}
	w := wire{b: b[1:], reading: true}
	if fields(&w); w.err != nil {
		return w.b, fmt.Errorf("%s: %w", what, w.err)
	}
	return w.b, nil
}

func (r *Roster) wire(w *wire) {
	w.text(&r.Path)
	list(w, &r.Units, func(u *UnitRoster) {
		w.text(&u.Path)
		w.kind(&u.Kind)
		w.bytes(&u.Spec)
		choice(w, &u.Duty, Variable)
	})
	list(w, &r.Stores, w.text)
}

func (a *Ask) wire(w *wire) {
	wireInt(w, &a.Tick)
	wireInt(w, &a.Seq)
	choice(w, &a.Stage, StageCommit)
	a.Set.wire(w)
	list(w, &a.Units, func(s *Setpoint) { s.wire(w) })
	w.flag(&a.Converters)
}

func (a *Answer) wire(w *wire) {
	wireInt(w, &a.Tick)
	wireInt(w, &a.Seq)
	choice(w, &a.Stage, StageCommit)
	a.Flex.wire(w)
	numbers(w, &a.Burden.Need, &a.Burden.Borne)
	a.Flows.wire(w)
	list(w, &a.Units, func(u *UnitAnswer) { u.wire(w) })
	list(w, &a.Stores, func(s *StoreAnswer) {
		wireInt(w, &s.Power)
		w.flag(&s.InService)
		w.flag(&s.Forming)
	})
	list(w, &a.Converters, func(c *Converter) { c.wire(w) })
	list(w, &a.Isolated, w.text)
}

func (u *UnitAnswer) wire(w *wire) {
	u.Flex.wire(w)
	u.Plant.wire(w)
	w.flag(&u.InService)
	w.flag(&u.Holds)
	w.bytes(&u.State)
	wireInt(w, &u.Power)
}

func (s *Setpoint) wire(w *wire) {
	for t := range s.Tier {
		wireInt(w, &s.Tier[t])
	}
	for t := range s.Why {
		choice(w, &s.Why[t], Reason(len(reasonNames)-1))
	}
	wireInt(w, &s.Run)
	wireInt(w, &s.For)
}

func (f *Flex) wire(w *wire) {
	for t := range f.Tier {
		numbers(w, &f.Tier[t].Min, &f.Tier[t].Ref, &f.Tier[t].Max)
	}
	wireInt(w, &f.Need.Energy)
	wireInt(w, &f.Need.By)
	wireInt(w, &f.Need.MinPower)
	wireInt(w, &f.Reactive)
	wireInt(w, &f.Cost)
	choice(w, &f.Duty, Variable)
	numbers(w, &f.Startable, &f.Coming, &f.Aim.Least, &f.Aim.Most, &f.Aim.Still, &f.Deepest)
}

func (f *Flows) wire(w *wire) {
	numbers(w, &f.Power, &f.Load, &f.Generation, &f.Charge, &f.Discharge, &f.Import, &f.Export, &f.NetworkLoss,
		&f.Unserved, &f.UnservedEssential, &f.Curtailed, &f.Shifted, &f.Relief, &f.Kinetic)
	wireInt(w, &f.Reactive)
	numbers(w, &f.Stored, &f.StorageLoss, &f.Driven, &f.Elsewhere)
	wireInt(w, &f.Waiting)
	wireInt(w, &f.Waits)
	numbers(w, &f.RoomBelow, &f.TankBelow)
}

func (p *Plant) wire(w *wire) {
	choice(w, &p.Duty, Variable)
	numbers(w, &p.Rated, &p.MinOutput, &p.Ramp, &p.Firm)
	numbers(w, &p.Water, &p.Reservoir)
	wireInt(w, &p.Cost)
	for h := range p.StartUp {
		wireInt(w, &p.StartUp[h])
	}
	for h := range p.StartCost {
		wireInt(w, &p.StartCost[h])
	}
	numbers(w, &p.WarmAfter, &p.ColdAfter, &p.MinUp, &p.MinDown)
	w.flag(&p.Available)
	wireInt(w, &p.State)
	wireInt(w, &p.Since)
	wireInt(w, &p.Output)
	wireInt(w, &p.Order)
	wireInt(w, &p.Fixed)
	wireInt(w, &p.FixedUntil)
	wireInt(w, &p.Sold)
	numbers(w, &p.Inertia, &p.CO2Direct, &p.CO2LifeCycle)
}

func (c *Converter) wire(w *wire) {
	w.flag(&c.Forming)
	wireInt(w, &c.Droop)
	wireInt(w, &c.Response)
	numbers(w, &c.Rated, &c.Least, &c.Most)
	numbers(w, &c.Deliverable, &c.Room)
}

// wire writes values to b, or reads them from it: one list of a type's fields serves
// both. After an error nothing more is read.
type wire struct {
	b       []byte
	reading bool
	err     error
}

// word writes or reads one number.
func (w *wire) word(v int64) int64 {
	switch {
	case !w.reading:
		w.b = binary.LittleEndian.AppendUint64(w.b, uint64(v))
	case w.err == nil && len(w.b) < 8:
		w.err = fmt.Errorf("cut short: %d bytes, wanted 8", len(w.b))
	case w.err == nil:
		v = int64(binary.LittleEndian.Uint64(w.b))
		w.b = w.b[8:]
	}
	return v
}

// integer is a field that is a number.
type integer interface {
	~int8 | ~uint8 | ~int32 | ~int64
}

func wireInt[T integer](w *wire, v *T) {
	got := w.word(int64(*v))
	if w.err == nil && int64(T(got)) != got {
		w.err = fmt.Errorf("%d does not fit a %T", got, *v)
	}
	*v = T(got)
}

func numbers[T integer](w *wire, vs ...*T) {
	for _, v := range vs {
		wireInt(w, v)
	}
}

// choice is a number from 0 to last.
func choice[T integer](w *wire, v *T, last T) {
	wireInt(w, v)
	if w.err == nil && w.reading && (*v < 0 || *v > last) {
		w.err = fmt.Errorf("%T %d, wanted 0…%d", *v, int64(*v), int64(last))
	}
}

func (w *wire) flag(v *bool) {
	n := flag(*v)
	choice(w, &n, 1)
	*v = n == 1
}

// length is the length of a list whose elements take at least each bytes.
func (w *wire) length(n, each int) int {
	n64 := w.word(int64(n))
	if w.err == nil && w.reading && (n64 < 0 || n64 > int64(len(w.b)/each)) {
		w.err = fmt.Errorf("a list of %d in %d bytes", n64, len(w.b))
	}
	if w.err != nil {
		return 0
	}
	return int(n64)
}

func (w *wire) bytes(v *[]byte) {
	n := w.length(len(*v), 1)
	if !w.reading {
		w.b = append(w.b, *v...)
		return
	}
	*v = append((*v)[:0], w.b[:n]...)
	w.b = w.b[n:]
}

func (w *wire) text(v *string) {
	b := []byte(*v)
	if w.bytes(&b); w.reading {
		*v = string(b)
	}
}

func (w *wire) kind(k **Kind) {
	name := ""
	if !w.reading {
		name = (*k).Name
	}
	if w.text(&name); w.reading && w.err == nil {
		if *k = KindNamed(name); *k == nil {
			w.err = fmt.Errorf("unknown kind %q", name)
		}
	}
}

// list writes or reads a list element by element.
func list[T any](w *wire, v *[]T, element func(*T)) {
	n := w.length(len(*v), 8)
	if w.reading {
		*v = (*v)[:0]
	}
	for i := 0; i < n && w.err == nil; i++ {
		if w.reading { // one by one: the bytes that a length claims must exist
			*v = slices.Grow(*v, 1)[:i+1]
		}
		element(&(*v)[i])
	}
}
