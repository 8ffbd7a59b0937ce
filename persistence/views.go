package persistence

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/inputs"
	"github.com/smatrix-grid/smatrix/sim/views"
	"github.com/smatrix-grid/smatrix/twins"
)

// The read models stand in the journal's store under keys of their own: of each kind of view
// what it knew at each snapshot, and its windows of each hour and of each local day. They are
// folded while the run is made, with the steps, since devices have no column; all of
// them can be had again from the log (Rebuild).

const secondsOfDay = 86_400

// windowPrefix is what the keys of a kind's windows begin with. Usage was there before there
// were kinds.
func windowPrefix(k *views.Kind, span Span) []byte {
	if k == views.UsageKind {
		return []byte{byte(span)}
	}
	return append(append([]byte{keyWindow, byte(span)}, k.Name...), 0)
}

// windowKey lies in the order of time, then of communities.
func windowKey(k *views.Kind, span Span, start int64, community, part int) []byte {
	b := binary.BigEndian.AppendUint64(windowPrefix(k, span), uint64(start)^1<<63)
	b = binary.BigEndian.AppendUint32(b, uint32(community))
	return binary.BigEndian.AppendUint16(b, uint16(part))
}

// windowStart reads a key that begins with the prefix of its kind; ok says that it is the first
// of its parts.
func windowStart(prefix, key []byte) (start int64, community int, ok bool) {
	key = key[len(prefix):]
	if len(key) != 14 {
		return 0, 0, false
	}
	return int64(binary.BigEndian.Uint64(key) ^ 1<<63), int(binary.BigEndian.Uint32(key[8:])), key[12] == 0 && key[13] == 0
}

// markKey is where it stands how many steps are in the windows of a kind.
func markKey(k *views.Kind) []byte {
	if k == views.UsageKind {
		return []byte{keyFolded}
	}
	return append([]byte{keyFolded}, k.Name...)
}

// viewKey is where it stands what a view knew after so many steps.
func viewKey(after twins.Tick, name string, part int) []byte {
	return binary.BigEndian.AppendUint16(append(key(keyView, after), name...), uint16(part))
}

// folds adds steps to the views, and to their windows up to the hour and the day that they
// are in.
type folds struct {
	store     *Store
	cal       *inputs.Calendar
	views     *views.Set
	windows   []*windowFold
	hourAt    int64 // where hour and day begin
	dayAt     int64
	nextHour  int64      // a step from here on is in another hour
	next      twins.Tick // steps that are in the windows, and those before the first day that is added up
	hoursFrom int64      // hours before are a fork's parent's
	any       bool
	again     bool       // the run is folded again: what is stored at snapshots is written as well
	storedAt  twins.Tick // steps after which the views were written last
	members   int

	buf []byte // used again
}

// windowFold is the windows of one kind, by community.
type windowFold struct {
	kind      *views.Kind
	hour, day []views.Window
}

// newFolds adds up windows from step next on. The set stands after the step from which on
// records come, which may be before.
func newFolds(s *Store, w *sim.World, set *views.Set, kinds []*views.Kind, next twins.Tick) *folds {
	f := &folds{store: s, cal: w.Scenario.Calendar, views: set, next: next, hoursFrom: math.MinInt64, storedAt: set.Steps()}
	for _, c := range w.Cells {
		f.members += c.Members()
	}
	if s.parent != nil {
		f.hoursFrom = views.LocalHour(f.cal, s.base)
	}
	for _, k := range kinds {
		of := &windowFold{kind: k}
		for i := range w.Cells {
			of.hour, of.day = append(of.hour, k.Window(w, i)), append(of.day, k.Window(w, i))
		}
		f.windows = append(f.windows, of)
	}
	return f
}

// windowKinds are the kinds of view that have windows.
func windowKinds() []*views.Kind {
	return slices.DeleteFunc(views.Kinds(), func(k *views.Kind) bool { return k.Window == nil })
}

// foldedKinds are the kinds whose windows the run has from its first step on: one that a newer
// program brings along is left out until Rebuild has made it.
func (s *Store) foldedKinds() []*views.Kind {
	absent := func(k *views.Kind) bool {
		_, err := s.get(markKey(k))
		return errors.Is(err, ErrNotFound)
	}
	if absent(views.UsageKind) { // less than an hour has been made
		return windowKinds()
	}
	return slices.DeleteFunc(windowKinds(), absent)
}

// add takes the next step, and returns what is complete since it has begun.
func (f *folds) add(r *sim.StepRecord) (entries []Entry, err error) {
	if err := f.views.Commit(r); err != nil {
		return nil, err
	}
	if r.Tick < f.next {
		return nil, nil
	}
	if now := r.Time.Unix(); !f.any || now >= f.nextHour {
		hour, day := views.LocalHour(f.cal, r.Tick), views.LocalDay(f.cal, r.Tick)
		if f.any {
			entries = f.endHour(entries)
			if day != f.dayAt {
				entries = f.endDay(entries, day)
			}
			entries = f.mark(entries)
		}
		f.hourAt, f.dayAt, f.nextHour, f.any = hour, day, hour+3600, true
	}
	for _, of := range f.windows {
		for _, w := range of.hour {
			w.Add(r)
		}
	}
	f.next = r.Tick + 1
	return entries, nil
}

// Commit implements sim.Sink, for steps that are made again.
func (f *folds) Commit(r *sim.StepRecord) error {
	entries, err := f.add(r)
	if err != nil {
		return err
	}
	if f.again && f.store.snapshots.has(r.Tick+1) {
		entries = f.snapshot(entries, r.Tick+1 == f.store.Steps())
	}
	if len(entries) > 0 {
		return f.store.table.Put(entries)
	}
	return nil
}

// snapshot writes what the views know, beside a snapshot of the states: if that is little beside
// what has been kept of the steps since it was written last, or at the end of the run. So what
// views take on the disk stays a share of all, and few steps have to be read to have them at
// any moment.
func (f *folds) snapshot(entries []Entry, ends bool) []Entry {
	var names []string
	var forms [][]byte
	size := 0
	f.views.All(func(k *views.Kind, v views.View) {
		names, forms = append(names, k.Name), append(forms, v.AppendBinary(nil))
		size += len(forms[len(forms)-1])
	})
	since := int(f.views.Steps() - f.storedAt)
	if !ends && size > since*(stepShare+f.members/memberShare) {
		return entries
	}
	f.storedAt = f.views.Steps()
	for i, b := range forms {
		keyOf := func(part int) []byte { return viewKey(f.storedAt, names[i], part) }
		entries = f.store.sealParts(entries, keyOf, b, f.store.like(keyOf(0)))
	}
	return entries
}

// What views may take on the disk before packing, for each step: so many bytes, and one for so many
// members. A step takes a few hundred bytes, and one or more of each member.
const (
	stepShare   = 32
	memberShare = 4
)

func (f *folds) endHour(entries []Entry) []Entry {
	entries = f.appendHour(entries)
	for _, of := range f.windows {
		for i, w := range of.hour {
			of.day[i].Plus(w)
			w.Reset()
		}
	}
	return entries
}

// endDay writes the day and lets go of hours that are too old.
func (f *folds) endDay(entries []Entry, next int64) []Entry {
	for _, of := range f.windows {
		entries = f.append(entries, of.kind, Days, f.dayAt, of.day)
		for _, w := range of.day {
			w.Reset()
		}
		entries = f.store.hoursBefore(entries, of.kind, next-f.store.retention().hours())
	}
	return entries
}

// flush writes the hour and the day that have begun, as far as they are.
func (f *folds) flush(entries []Entry) []Entry {
	if !f.any {
		return entries
	}
	entries = f.appendHour(entries)
	for _, of := range f.windows {
		for i, w := range of.hour {
			of.day[i].Plus(w)
		}
		entries = f.append(entries, of.kind, Days, f.dayAt, of.day)
	}
	return f.mark(entries)
}

func (f *folds) appendHour(entries []Entry) []Entry {
	if f.hourAt < f.hoursFrom {
		return entries
	}
	for _, of := range f.windows {
		entries = f.append(entries, of.kind, Hours, f.hourAt, of.hour)
	}
	return entries
}

func (f *folds) mark(entries []Entry) []Entry {
	var w writer
	w.int(int64(f.next))
	for _, of := range f.windows {
		entries = append(entries, f.store.seal(markKey(of.kind), w))
	}
	return entries
}

func (f *folds) append(entries []Entry, k *views.Kind, span Span, start int64, all []views.Window) []Entry {
	settled := f.settled(span, start)
	for i, w := range all {
		f.buf = w.AppendBinary(f.buf[:0])
		keyOf := func(part int) []byte { return windowKey(k, span, start, i, part) }
		var like []byte
		if settled {
			like = f.store.like(keyOf(0))
		}
		entries = f.store.sealParts(entries, keyOf, f.buf, like)
	}
	return entries
}

// settled reports whether a fork's parent has an hour or a day for good: one that was not over
// it writes again when it goes on, and at its end hours that are too old are gone.
func (f *folds) settled(span Span, start int64) bool {
	p := f.store.parent
	if p == nil {
		return false
	}
	if span == Days {
		return start < views.LocalDay(f.cal, p.Steps())
	}
	return start < views.LocalHour(f.cal, p.Steps()) && start >= views.LocalDay(f.cal, f.cal.Steps)-DefaultHours*secondsOfDay
}

// hoursBefore takes out the hours of a kind before a moment.
func (s *Store) hoursBefore(entries []Entry, k *views.Kind, before int64) []Entry {
	prefix := windowPrefix(k, Hours)
	_ = scan(s.table, prefix, nil, func(key, _ []byte) error { // what stays is taken out with the next day
		start, _, _ := windowStart(prefix, key)
		if start >= before {
			return errStop
		}
		entries = append(entries, Entry{Key: append([]byte(nil), key...)})
		return nil
	})
	return entries
}

// foldStep takes a step into the read models; nil folds nothing.
func (j *Journal) foldStep(r *sim.StepRecord) ([]Entry, error) {
	if j.folds == nil {
		return nil, nil
	}
	return j.folds.add(r)
}

// dayOf is the first step of the local day of a step.
func dayOf(cal *inputs.Calendar, t twins.Tick) twins.Tick {
	since := cal.Time(t).Unix() - views.LocalDay(cal, t)
	return max(0, t-twins.Tick(since/int64(cal.Step)))
}

// atFolded is At, with the read models of the steps before it folded as far as they are
// not kept or their day is not over, so that the next step can be added.
func (s *Store) atFolded(at twins.Tick) (*Moment, *folds, error) {
	m, err := s.nearest(at)
	if err != nil {
		return nil, nil, err
	}
	cal := m.World.Scenario.Calendar
	from := max(dayOf(cal, min(at, s.Folded())), s.windowsFrom(cal))
	if s.recomputable(min(m.Steps, from), at) != nil { // another model made them: devices are not known
		set, err := s.viewsAt(from)
		if err != nil {
			return nil, nil, err
		}
		f := newFolds(s, m.World, set, s.foldedKinds(), from)
		return m, f, s.Replay(from, at, f)
	}
	if m.Steps > from && from < at {
		if m, err = s.nearest(from); err != nil {
			return nil, nil, err
		}
	}
	set, err := s.viewsAt(m.Steps)
	if err != nil {
		return nil, nil, err
	}
	f := newFolds(s, m.World, set, s.foldedKinds(), from)
	return m, f, s.carry(m, m.Steps, at, []sim.Sink{f})
}

// viewsAt are the views after n steps: as they were kept, or folded from there on.
func (s *Store) viewsAt(n twins.Tick) (*views.Set, error) {
	set, at, err := s.viewsBefore(n)
	if err == nil && at < n {
		err = s.Replay(at, n, set)
	}
	return set, err
}

// viewsBefore are the views as they were kept last, after at most so many steps; of no steps
// if nothing is kept of them that this program can read.
func (s *Store) viewsBefore(most twins.Tick) (*views.Set, twins.Tick, error) {
	w, err := s.shownWorld()
	if err != nil {
		return nil, 0, err
	}
	for n := s.SnapshotBefore(most); n > 0; n = s.SnapshotBefore(n - 1) {
		set, of := views.NewSet(w), s
		for of.parent != nil && n <= of.base {
			of = of.parent
		}
		err := set.Restore(n, func(name string) ([]byte, error) {
			return of.getParts(func(part int) []byte { return viewKey(n, name, part) })
		})
		if err == nil {
			return set, n, nil
		}
	}
	return views.NewSet(w), 0, nil
}

// Views are the views as they were kept last, after at most so many steps, and how many those
// are. Whoever wants them later replays the steps from there on.
func (r *Reader) Views(most twins.Tick) (*views.Set, twins.Tick, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.look().viewsBefore(most)
}

// windowsFrom is the first step in this store's own windows: those of a fork begin with the day of
// the fork, since that is not its parent's.
func (s *Store) windowsFrom(cal *inputs.Calendar) twins.Tick { return dayOf(cal, s.base) }

// Folded is how many steps are in the windows of usage.
func (s *Store) Folded() twins.Tick { return s.FoldedOf(views.UsageKind) }

// FoldedOf is how many steps are in the windows of a kind.
func (s *Store) FoldedOf(k *views.Kind) twins.Tick {
	b, err := s.get(markKey(k))
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
	if err := s.recomputable(s.base, s.Steps()); err != nil {
		return err
	}
	var old []Entry
	for _, kind := range []byte{keyHour, keyDay, keyFolded, keyWindow, keyView} {
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
	from := s.windowsFrom(w.Scenario.Calendar)
	m, err := s.nearest(from)
	if err != nil {
		return err
	}
	set, err := s.viewsAt(m.Steps)
	if err != nil {
		return err
	}
	f := newFolds(s, w, set, windowKinds(), from)
	f.again = true
	if err := s.carry(m, m.Steps, s.Steps(), []sim.Sink{f}); err != nil {
		return err
	}
	if err := s.table.Put(f.flush(nil)); err != nil {
		return err
	}
	return s.table.Sync()
}

// Span is a length of time that windows are kept for.
type Span byte

// Spans. Months are added up from days when they are asked for.
const (
	Hours  Span = keyHour
	Days   Span = keyDay
	Months Span = 'm'
)

// Usage visits what the communities used; see Windows.
func (s *Store) Usage(span Span, from, to int64, visit func(start int64, community int, u *views.CellUsage) error) error {
	return s.Windows(views.UsageKind, span, from, to, func(start int64, community int, w views.Window) error {
		return visit(start, community, views.UsageOf(w))
	})
}

// Windows visits what the communities came to in each hour, local day or month that begins at from
// or later and before to (Unix seconds), in order of time and path. The days of a fork before it are
// its parent's. A month is of its days inside those bounds, and begins with the first of them that
// is kept.
func (s *Store) Windows(k *views.Kind, span Span, from, to int64, visit func(start int64, community int, w views.Window) error) error {
	if span != Months {
		return s.windows(k, span, from, to, visit)
	}
	w, err := s.shownWorld()
	if err != nil {
		return err
	}
	first, sums := int64(0), map[int]views.Window{}
	end := func() error {
		for i := range w.Cells {
			if sum := sums[i]; sum != nil {
				if err := visit(first, i, sum); err != nil {
					return err
				}
			}
		}
		clear(sums)
		return nil
	}
	err = s.windows(k, Days, from, to, func(start int64, community int, day views.Window) error {
		if len(sums) > 0 && !sameMonth(w.Scenario.Calendar, first, start) {
			if err := end(); err != nil {
				return err
			}
		}
		if len(sums) == 0 {
			first = start
		}
		if sums[community] == nil {
			sums[community] = day
			return nil
		}
		sums[community].Plus(day)
		return nil
	})
	if err != nil {
		return err
	}
	return end()
}

// sameMonth reports whether two moments, in Unix seconds, lie in one month on the run's clocks.
func sameMonth(cal *inputs.Calendar, a, b int64) bool {
	zone := cal.Start.Location()
	y, m, _ := time.Unix(a, 0).In(zone).Date()
	z, n, _ := time.Unix(b, 0).In(zone).Date()
	return y == z && m == n
}

func (s *Store) windows(k *views.Kind, span Span, from, to int64, visit func(start int64, community int, w views.Window) error) error {
	w, err := s.shownWorld()
	if err != nil {
		return err
	}
	if s.parent != nil {
		own := views.LocalHour(w.Scenario.Calendar, s.base)
		if span == Days {
			own = views.LocalDay(w.Scenario.Calendar, s.windowsFrom(w.Scenario.Calendar))
		}
		if from < own {
			if err := s.parent.windows(k, span, from, min(to, own), visit); err != nil {
				return err
			}
			from = own
		}
	}
	type windowAt struct {
		start     int64
		community int
	}
	var starts []windowAt
	prefix := windowPrefix(k, span)
	err = scan(s.table, prefix, windowKey(k, span, from, 0, 0), func(key, _ []byte) error {
		start, community, first := windowStart(prefix, key)
		if start >= to {
			return errStop
		}
		if first && community < len(w.Cells) {
			starts = append(starts, windowAt{start, community})
		}
		return nil
	})
	for _, at := range starts {
		if err != nil {
			return err
		}
		var of views.Window
		if of, err = s.window(w, k, span, at.start, at.community); err == nil {
			err = visit(at.start, at.community, of)
		}
	}
	return err
}

func (s *Store) window(w *sim.World, k *views.Kind, span Span, start int64, community int) (views.Window, error) {
	b, err := s.getParts(func(part int) []byte { return windowKey(k, span, start, community, part) })
	of := k.Window(w, community)
	if err == nil {
		err = of.UnmarshalBinary(b)
	}
	if err != nil {
		return nil, &DamageError{Dir: s.dir, Step: -1, What: fmt.Sprintf("%s of %s: %v; `smatrix rebuild %s` makes it anew", k.Name, w.Cells[community].Path, err, s.dir)}
	}
	return of, nil
}
