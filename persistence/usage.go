package persistence

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/views"
	"github.com/smatrix-grid/smatrix/twins"
)

// The read models stand in the journal's store under keys of their own: what each
// member and each of its devices used in each hour and in each local day. They are
// folded while the run is made, with the steps, since devices have no column; all of
// them can be had again from the log (Rebuild).

const secondsOfDay = 86_400

// usageKey lies in the order of time, then of communities.
func usageKey(kind byte, start int64, community, part int) []byte {
	k := binary.BigEndian.AppendUint64([]byte{kind}, uint64(start)^1<<63)
	k = binary.BigEndian.AppendUint32(k, uint32(community))
	return binary.BigEndian.AppendUint16(k, uint16(part))
}

func usageStart(key []byte) (start int64, community int, ok bool) {
	if len(key) != 15 {
		return 0, 0, false
	}
	return int64(binary.BigEndian.Uint64(key[1:]) ^ 1<<63), int(binary.BigEndian.Uint32(key[9:])), key[13] == 0 && key[14] == 0
}

// usageFold adds steps up to the hour and the day that they are in.
type usageFold struct {
	store     *Store
	cal       *sim.Calendar
	hour, day []*views.CellUsage // by community
	hourAt    int64              // where they begin
	dayAt     int64
	nextHour  int64      // a step from here on is in another hour
	next      twins.Tick // steps that are in
	hoursFrom int64      // hours before are a fork's parent's
	any       bool

	buf     []byte // used again
	scratch []int64
}

func newUsageFold(s *Store, w *sim.World, next twins.Tick) *usageFold {
	f := &usageFold{store: s, cal: w.Scenario.Calendar, next: next, hoursFrom: math.MinInt64}
	if s.parent != nil {
		f.hoursFrom = views.LocalHour(f.cal, s.base)
	}
	for _, c := range w.Cells {
		f.hour, f.day = append(f.hour, views.NewCellUsage(c.Layout(), f.cal.Step)), append(f.day, views.NewCellUsage(c.Layout(), f.cal.Step))
	}
	return f
}

// add takes the next step, and returns what is complete since it has begun.
func (f *usageFold) add(r *sim.StepRecord) (entries []Entry) {
	if now := r.Time.Unix(); !f.any || now >= f.nextHour {
		hour, day := views.LocalHour(f.cal, r.Tick), views.LocalDay(f.cal, r.Tick)
		if f.any {
			entries = f.endHour(entries)
			if day != f.dayAt {
				entries = f.endDay(entries, day)
			}
			entries = append(entries, f.mark())
		}
		f.hourAt, f.dayAt, f.nextHour, f.any = hour, day, hour+3600, true
	}
	for i, c := range r.Cells {
		f.hour[i].Add(c, r.Step)
	}
	f.next = r.Tick + 1
	return entries
}

func (f *usageFold) endHour(entries []Entry) []Entry {
	entries = f.appendHour(entries)
	for i, u := range f.hour {
		f.day[i].Plus(u)
		u.Reset()
	}
	return entries
}

// endDay writes the day and lets go of hours that are too old.
func (f *usageFold) endDay(entries []Entry, next int64) []Entry {
	entries = f.append(entries, keyDay, f.dayAt, f.day)
	for _, u := range f.day {
		u.Reset()
	}
	return f.store.usageBefore(entries, next-f.store.retention().hours())
}

// flush writes the hour and the day that have begun, as far as they are.
func (f *usageFold) flush(entries []Entry) []Entry {
	if !f.any {
		return entries
	}
	entries = f.appendHour(entries)
	for i, u := range f.hour {
		f.day[i].Plus(u)
	}
	entries = f.append(entries, keyDay, f.dayAt, f.day)
	return append(entries, f.mark())
}

func (f *usageFold) appendHour(entries []Entry) []Entry {
	if f.hourAt < f.hoursFrom {
		return entries
	}
	return f.append(entries, keyHour, f.hourAt, f.hour)
}

func (f *usageFold) mark() Entry {
	var w writer
	w.int(int64(f.next))
	return f.store.seal([]byte{keyFolded}, w)
}

func (f *usageFold) append(entries []Entry, kind byte, start int64, all []*views.CellUsage) []Entry {
	settled := f.settled(kind, start)
	for i, u := range all {
		w := writer(f.buf[:0])
		f.scratch = w.cellUsage(u, f.scratch)
		keyOf := func(part int) []byte { return usageKey(kind, start, i, part) }
		var like []byte
		if settled {
			like = f.store.like(keyOf(0))
		}
		entries = f.store.sealParts(entries, keyOf, w, like)
		f.buf = w
	}
	return entries
}

// settled reports whether a fork's parent has an hour or a day for good: one that was not over
// it writes again when it goes on, and at its end hours that are too old are gone.
func (f *usageFold) settled(kind byte, start int64) bool {
	p := f.store.parent
	if p == nil {
		return false
	}
	if kind == keyDay {
		return start < views.LocalDay(f.cal, p.Steps())
	}
	return start < views.LocalHour(f.cal, p.Steps()) && start >= views.LocalDay(f.cal, f.cal.Steps)-DefaultHours*secondsOfDay
}

// Commit implements sim.Sink, for steps that are made again.
func (f *usageFold) Commit(r *sim.StepRecord) error {
	if entries := f.add(r); len(entries) > 0 {
		return f.store.table.Put(entries)
	}
	return nil
}

// usageBefore takes out the hours before a moment.
func (s *Store) usageBefore(entries []Entry, before int64) []Entry {
	_ = scan(s.table, []byte{keyHour}, nil, func(k, _ []byte) error { // what stays is taken out with the next day
		start, _, _ := usageStart(k)
		if start >= before {
			return errStop
		}
		entries = append(entries, Entry{Key: append([]byte(nil), k...)})
		return nil
	})
	return entries
}

func (j *Journal) foldStep(r *sim.StepRecord) []Entry {
	if j.usage == nil {
		return nil
	}
	return j.usage.add(r)
}

// dayOf is the first step of the local day of a step.
func dayOf(cal *sim.Calendar, t twins.Tick) twins.Tick {
	since := cal.Time(t).Unix() - views.LocalDay(cal, t)
	return max(0, t-twins.Tick(since/int64(cal.Step)))
}

// atWithUsage is At, with the usage of the steps before it folded as far as the models do not
// have them or their day is not over, so that the next step can be added.
func (s *Store) atWithUsage(at twins.Tick) (*Moment, *usageFold, error) {
	m, err := s.nearest(at)
	if err != nil {
		return nil, nil, err
	}
	cal := m.World.Scenario.Calendar
	from := max(dayOf(cal, min(at, s.Folded())), s.usageFrom(cal))
	if s.recomputable(min(m.Steps, from), at) != nil { // devices of these steps are not known
		f := newUsageFold(s, m.World, from)
		return m, f, s.Replay(from, at, f)
	}
	if m.Steps > from && from < at {
		if m, err = s.nearest(from); err != nil {
			return nil, nil, err
		}
	}
	f := newUsageFold(s, m.World, from)
	return m, f, s.carry(m, from, at, []sim.Sink{f})
}

// usageFrom is the first step in this store's own models: those of a fork begin with the day of the
// fork, since that is not its parent's.
func (s *Store) usageFrom(cal *sim.Calendar) twins.Tick { return dayOf(cal, s.base) }

// Folded is how many steps are in the read models.
func (s *Store) Folded() twins.Tick {
	b, err := s.get([]byte{keyFolded})
	if err != nil {
		return s.base
	}
	r := &reader{b: b}
	if n := twins.Tick(r.int()); r.done() == nil && n > s.base && n <= s.Steps() {
		return n
	}
	return s.base
}

// Rebuild makes the read models anew from the log: all steps are computed again and compared with it.
func (s *Store) Rebuild() error {
	if s.mode != Write {
		return errors.New("store: opened for reading only")
	}
	var old []Entry
	for _, kind := range []byte{keyHour, keyDay, keyFolded} {
		if err := s.table.Scan([]byte{kind}, nil, func(k, _ []byte) error {
			old = append(old, Entry{Key: append([]byte(nil), k...)})
			return nil
		}); err != nil {
			return err
		}
	}
	if err := s.table.Put(old); err != nil {
		return err
	}
	w, err := s.World()
	if err != nil {
		return err
	}
	f := newUsageFold(s, w, 0)
	if err := s.recompute(s.usageFrom(w.Scenario.Calendar), s.Steps(), []sim.Sink{f}); err != nil {
		return err
	}
	if err := s.table.Put(f.flush(nil)); err != nil {
		return err
	}
	return s.table.Sync()
}

// Span is a length of time that usage is kept for.
type Span byte

// Spans.
const (
	Hours Span = keyHour
	Days  Span = keyDay
)

// Usage visits what the communities used in each hour or local day that begins at from or later and
// before to (Unix seconds), in order of time and path. The days of a fork before it are its parent's.
func (s *Store) Usage(span Span, from, to int64, visit func(start int64, community int, u *views.CellUsage) error) error {
	w, err := s.shownWorld()
	if err != nil {
		return err
	}
	if s.parent != nil {
		own := views.LocalHour(w.Scenario.Calendar, s.base)
		if span == Days {
			own = views.LocalDay(w.Scenario.Calendar, s.usageFrom(w.Scenario.Calendar))
		}
		if from < own {
			if err := s.parent.Usage(span, from, min(to, own), visit); err != nil {
				return err
			}
			from = own
		}
	}
	var starts []usageAt
	err = scan(s.table, []byte{byte(span)}, usageKey(byte(span), from, 0, 0), func(k, _ []byte) error {
		start, community, first := usageStart(k)
		if start >= to {
			return errStop
		}
		if first && community < len(w.Cells) {
			starts = append(starts, usageAt{start, community})
		}
		return nil
	})
	for _, at := range starts {
		if err != nil {
			return err
		}
		var u *views.CellUsage
		if u, err = s.cellUsage(w, span, at); err == nil {
			err = visit(at.start, at.community, u)
		}
	}
	return err
}

type usageAt struct {
	start     int64
	community int
}

func (s *Store) cellUsage(w *sim.World, span Span, at usageAt) (*views.CellUsage, error) {
	b, err := s.getParts(func(part int) []byte { return usageKey(byte(span), at.start, at.community, part) })
	u := views.NewCellUsage(w.Cells[at.community].Layout(), w.Scenario.Calendar.Step)
	if err == nil {
		r := &reader{b: b}
		r.cellUsage(u)
		err = r.done()
	}
	if err != nil {
		return nil, &DamageError{Dir: s.dir, Step: -1, What: fmt.Sprintf("usage of %s: %v; `smatrix rebuild %s` makes it anew", w.Cells[at.community].Path, err, s.dir)}
	}
	return u, nil
}

// usageOrder has each figure after those that it is expected from.
var usageOrder = [views.NumFigures]views.Figure{views.Produced, views.Charged, views.Discharged, views.Consumed, views.Drawn, views.FedIn,
	views.Unserved, views.Curtailed, views.Shifted}

// cellUsage writes figure by figure, and by how much each is not what those before it let
// expect, so that most are zeros: a home has used what its devices have, and one without
// panels has drawn it.
func (w *writer) cellUsage(u *views.CellUsage, scratch []int64) []int64 {
	for _, e := range u.Total {
		w.int(int64(e))
	}
	w.uint(uint64(len(u.Blocks)))
	for i := range u.Blocks {
		b := &u.Blocks[i]
		w.uint(uint64(len(b.Parts)))
		w.multiples(b.Parts)
		w.uint(uint64(b.Members()))
		for _, k := range usageOrder {
			scratch = slices.Grow(scratch[:0], b.Members())[:b.Members()]
			clear(scratch)
			addUsage(scratch, b.Figures[k], 1)
			expectUsage(scratch, b, k, -1)
			w.multiples(scratch)
		}
	}
	return scratch
}

func (r *reader) cellUsage(u *views.CellUsage) {
	for k := range u.Total {
		u.Total[k] = twins.Energy(r.int())
	}
	wrong := r.uint() != uint64(len(u.Blocks))
	for i := range u.Blocks {
		b := &u.Blocks[i]
		if wrong = wrong || r.uint() != uint64(len(b.Parts)); wrong {
			break
		}
		r.multiples(b.Parts)
		if wrong = r.uint() != uint64(b.Members()); wrong {
			break
		}
		for _, k := range usageOrder {
			b.Figures[k] = make([]int64, b.Members())
			r.multiples(b.Figures[k])
			expectUsage(b.Figures[k], b, k, 1)
		}
	}
	if wrong {
		r.fail(errors.New("it is of another community"))
	}
}

// expectUsage adds what a figure is likely to be, from those before it in usageOrder.
func expectUsage(to []int64, b *views.BlockUsage, k views.Figure, sign int64) {
	switch k {
	case views.Produced:
		b.EachPart(func(m int, sum int64) { to[m] -= sign * min(sum, 0) })
	case views.Consumed:
		b.EachPart(func(m int, sum int64) { to[m] += sign * max(sum, 0) })
	case views.Drawn:
		addUsage(to, b.Figures[views.Consumed], sign)
		addUsage(to, b.Figures[views.Charged], sign)
	case views.FedIn:
		addUsage(to, b.Figures[views.Drawn], sign)
		addUsage(to, b.Figures[views.Consumed], -sign)
		addUsage(to, b.Figures[views.Produced], sign)
		addUsage(to, b.Figures[views.Charged], -sign)
		addUsage(to, b.Figures[views.Discharged], sign)
	}
}

func addUsage(to, of []int64, sign int64) {
	for m, v := range of {
		to[m] += sign * v
	}
}
