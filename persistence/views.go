package persistence

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/form"
	"github.com/smatrix-grid/smatrix/sim/inputs"
	"github.com/smatrix-grid/smatrix/sim/views"
	"github.com/smatrix-grid/smatrix/twins"
)

// The read models are stored in the journal's table under their own keys: for each kind of
// view its state at snapshots, and its windows for each hour and each local day. They are
// folded while the steps are made, since devices have no column, and can all be rebuilt
// from the log (Rebuild).

const secondsOfDay = 86_400

// windowPrefix returns the prefix of the keys of a kind's windows. Usage is older than kinds and
// has its own keys.
func windowPrefix(k *views.Kind, span Span) []byte {
	if k == views.UsageKind {
		return []byte{byte(span)}
	}
	return append(append([]byte{keyWindow, byte(span)}, k.Name...), 0)
}

// windowKey returns the key of a window; keys sort by time, then by community.
func windowKey(k *views.Kind, span Span, start int64, community, part int) []byte {
	b := binary.BigEndian.AppendUint64(windowPrefix(k, span), uint64(start)^1<<63)
	b = binary.BigEndian.AppendUint32(b, uint32(community))
	return binary.BigEndian.AppendUint16(b, uint16(part))
}

// windowStart parses a key with the prefix of its kind; ok says that it is the key of the first
// part.
func windowStart(prefix, key []byte) (start int64, community int, ok bool) {
	key = key[len(prefix):]
	if len(key) != 14 {
		return 0, 0, false
	}
	return int64(binary.BigEndian.Uint64(key) ^ 1<<63), int(binary.BigEndian.Uint32(key[8:])), key[12] == 0 && key[13] == 0
}

// markKey returns the key of the number of steps in the windows of a kind.
func markKey(k *views.Kind) []byte {
	if k == views.UsageKind {
		return []byte{keyFolded}
	}
	return append([]byte{keyFolded}, k.Name...)
}

// viewTick returns the number of steps in the key of a view's state.
func viewTick(key []byte) (after twins.Tick, ok bool) {
	if len(key) < 9 {
		return 0, false
	}
	return twins.Tick(binary.BigEndian.Uint64(key[1:])), true
}

// viewKey returns the key of a view's state after a number of steps.
func viewKey(after twins.Tick, name string, part int) []byte {
	return binary.BigEndian.AppendUint16(append(key(keyView, after), name...), uint16(part))
}

// folds adds steps to the views and to their windows of the current hour and day.
type folds struct {
	store     *Store
	world     *sim.World
	cal       *inputs.Calendar
	views     *views.Live
	windows   []*windowFold
	hourAt    int64 // starts of the current hour and day, Unix s
	dayAt     int64
	nextHour  int64      // start of the next hour, Unix s
	next      twins.Tick // steps in the windows, with those before the first day
	hoursFrom int64      // earlier hours belong to a fork's parent
	any       bool
	again     bool       // in Rebuild: views at snapshots are written as well
	storedAt  twins.Tick // number of steps when the views were last written
	members   int

	// Steps of another model come from their records, which lack the powers of devices. A stored
	// window that has the same steps replaces one that was folded from such records.
	bare     bool // the next steps come from records
	hourBare bool // steps of the current hour did, or are not known
	dayBare  bool

	buf []byte // reused
}

// windowFold is the windows of one kind, by community.
type windowFold struct {
	kind      *views.Kind
	hour, day []views.Window
	stored    twins.Tick // steps in the stored windows when the folds began
}

// newFolds returns folds whose windows begin with step next. The views in set may be behind: they
// take the records from set.Steps() on.
func newFolds(s *Store, w *sim.World, set *views.Set, kinds []*views.Kind, next twins.Tick) *folds {
	f := &folds{store: s, world: w, cal: w.Scenario.Calendar, views: views.NewLive(set), next: next, hoursFrom: math.MinInt64, storedAt: set.Steps()}
	for _, c := range w.Cells {
		f.members += c.Members()
	}
	if s.parent != nil {
		f.hoursFrom = views.LocalHour(f.cal, s.base)
	}
	for _, k := range kinds {
		of := &windowFold{kind: k, stored: s.foldedOf(k)}
		for i := range w.Cells {
			of.hour, of.day = append(of.hour, k.Window(w, i)), append(of.day, k.Window(w, i))
		}
		f.windows = append(f.windows, of)
	}
	return f
}

// windowKinds returns the kinds of view that have windows.
func windowKinds() []*views.Kind {
	return slices.DeleteFunc(views.Kinds(), func(k *views.Kind) bool { return k.Window == nil })
}

// foldedKinds returns the kinds whose windows the run has from its first step on: a kind that a
// newer program adds is absent until Rebuild.
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

// add adds the next step, and returns the entries of hours and days that it completes.
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
			entries, f.hourBare = f.mark(entries), false
		}
		f.hourAt, f.dayAt, f.nextHour, f.any = hour, day, hour+3600, true
	}
	for _, of := range f.windows {
		for _, w := range of.hour {
			w.Add(r)
		}
	}
	f.next, f.hourBare = r.Tick+1, f.hourBare || f.bare
	return entries, nil
}

// Commit implements sim.Sink, for steps that are computed again.
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

// snapshot appends the states of the views at a snapshot, if they are small compared with the
// records of the steps since they were last written, or at the end of the run. So the views
// take a bounded share of the disk, and few steps have to be read to restore them at any
// moment.
func (f *folds) snapshot(entries []Entry, ends bool) []Entry {
	var names []string
	var forms [][]byte
	size := 0
	f.views.Read(func(set *views.Set) {
		set.All(func(k *views.Kind, v views.View) {
			names, forms = append(names, k.Name), append(forms, v.AppendBinary(nil))
			size += len(forms[len(forms)-1])
		})
	})
	since := int(f.views.Steps() - f.storedAt)
	if !ends && size > since*(stepShare+f.members/memberShare) {
		return entries
	}
	f.storedAt = f.views.Steps()
	for i, b := range forms {
		keyOf := func(part int) []byte { return viewKey(f.storedAt, names[i], part) }
		entries = f.store.sealParts(entries, keyOf, b, f.store.dictionary(keyOf(0)))
	}
	return entries
}

// The bytes that views may take on the disk for each step, before compression: so many, and one for
// so many members. A step takes a few hundred bytes, and one or more for each member.
const (
	stepShare   = 32
	memberShare = 4
)

func (f *folds) endHour(entries []Entry) []Entry {
	if f.hourBare {
		f.restoreStored(Hours, f.hourAt, true)
	}
	f.dayBare = f.dayBare || f.hourBare
	entries = f.appendHour(entries)
	for _, of := range f.windows {
		for i, w := range of.hour {
			of.day[i].Plus(w)
			w.Reset()
		}
	}
	return entries
}

// endDay writes the day and deletes hours that are too old.
func (f *folds) endDay(entries []Entry, next int64) []Entry {
	if f.dayBare {
		f.restoreStored(Days, f.dayAt, true)
	}
	f.dayBare = false
	for _, of := range f.windows {
		entries = f.append(entries, of.kind, Days, f.dayAt, of.day)
		for _, w := range of.day {
			w.Reset()
		}
		entries = f.store.hoursBefore(entries, of.kind, next-f.store.retention().hours())
	}
	return entries
}

// flush writes the current hour and day, which are incomplete.
func (f *folds) flush(entries []Entry) []Entry {
	if !f.any {
		return entries
	}
	if f.hourBare {
		f.restoreStored(Hours, f.hourAt, false)
	}
	entries = f.appendHour(entries)
	for _, of := range f.windows {
		for i, w := range of.hour {
			of.day[i].Plus(w)
		}
	}
	if f.hourBare || f.dayBare {
		f.restoreStored(Days, f.dayAt, false)
	}
	for _, of := range f.windows {
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
	for _, of := range f.windows {
		var w form.Writer
		if f.bare || f.again { // the stored windows of later steps stay
			w.Int(int64(max(f.next, of.stored)))
		} else {
			w.Int(int64(f.next))
		}
		entries = append(entries, f.store.seal(markKey(of.kind), w))
	}
	return entries
}

// endBare ends a stretch of steps that come from their records.
func (f *folds) endBare() {
	if f.bare = false; f.any && f.hourBare {
		f.restoreStored(Hours, f.hourAt, false)
	}
}

// restoreStored replaces the current windows of a span by the stored ones that have the same
// steps and can be read. ends says that the span has ended, otherwise it goes on with step
// next.
func (f *folds) restoreStored(span Span, start int64, ends bool) {
	s := f.store
	for span == Hours && s.parent != nil && start < views.LocalHour(f.cal, s.base) {
		s = s.parent
	}
	for _, of := range f.windows {
		all, stored := of.hour, of.stored
		if span == Days {
			all = of.day
		}
		if s != f.store {
			stored = s.foldedOf(of.kind)
		}
		if stored < f.next || stored > f.next && !ends {
			continue
		}
		for i := range all {
			if w, err := s.window(f.world, of.kind, span, start, i); err == nil {
				all[i] = w
			}
		}
	}
}

func (f *folds) append(entries []Entry, k *views.Kind, span Span, start int64, all []views.Window) []Entry {
	settled := f.settled(span, start)
	for i, w := range all {
		f.buf = w.AppendBinary(f.buf[:0])
		keyOf := func(part int) []byte { return windowKey(k, span, start, i, part) }
		var like []byte
		if settled {
			like = f.store.dictionary(keyOf(0))
		}
		entries = f.store.sealParts(entries, keyOf, f.buf, like)
	}
	return entries
}

// settled reports whether a window of a fork's parent is final. The parent rewrites an
// incomplete window when it is resumed, and deletes hours that are too old.
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

// hoursBefore deletes the hours of a kind before a moment.
func (s *Store) hoursBefore(entries []Entry, k *views.Kind, before int64) []Entry {
	prefix := windowPrefix(k, Hours)
	_ = scan(s.table, prefix, nil, func(key, _ []byte) error { // those not deleted now are deleted with the next day
		start, _, _ := windowStart(prefix, key)
		if start >= before {
			return errStop
		}
		entries = append(entries, Entry{Key: append([]byte(nil), key...)})
		return nil
	})
	return entries
}

// Views returns the run's views, which the journal adds each step to; nil if it keeps none. A
// caller that shows the run reads them, so that each step is folded once.
func (j *Journal) Views() *views.Live {
	if j.folds == nil {
		return nil
	}
	return j.folds.views
}

// foldStep adds a step to the read models, if the journal has any.
func (j *Journal) foldStep(r *sim.StepRecord) ([]Entry, error) {
	if j.folds == nil {
		return nil, nil
	}
	return j.folds.add(r)
}

// dayOf returns the first step of the local day of a step.
func dayOf(cal *inputs.Calendar, t twins.Tick) twins.Tick {
	since := cal.Time(t).Unix() - views.LocalDay(cal, t)
	return max(0, t-twins.Tick(since/int64(cal.Step)))
}

// atFolded is At, with the read models of the steps before it: those not stored, and those of
// the current day, are folded again, so that the next step can be added.
func (s *Store) atFolded(at twins.Tick) (*Moment, *folds, error) {
	m, err := s.nearest(at)
	if err != nil {
		return nil, nil, err
	}
	cal := m.World.Scenario.Calendar
	from := min(at, max(dayOf(cal, min(at, s.Folded())), s.windowsFrom(cal), s.First()))
	if s.Recomputable(from, at) != nil { // another model made the steps: devices are unknown
		set, err := s.viewsAt(from)
		if err != nil {
			return nil, nil, err
		}
		f := newFolds(s, m.World, set, s.foldedKinds(), from)
		f.bare = true
		err = s.Replay(from, at, f)
		f.endBare()
		return m, f, err
	}
	if g := s.segmentOf(at); g.joint != nil && g.from == at { // the run goes on from the state, in a layout of its own
		before, err := s.nearest(from)
		if err != nil || before.Steps >= at {
			before = m
		}
		set, err := s.viewsAt(before.Steps)
		if err != nil {
			return nil, nil, err
		}
		f := newFolds(s, m.World, set, s.foldedKinds(), from)
		if before == m {
			return m, f, nil
		}
		return m, f, s.stepTo(before, before.Steps, at, []sim.Sink{f})
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
	return m, f, s.stepTo(m, m.Steps, at, []sim.Sink{f})
}

// viewsAt returns the views after n steps: the stored ones, with the steps since folded.
func (s *Store) viewsAt(n twins.Tick) (*views.Set, error) {
	set, at, err := s.viewsBefore(n)
	if err == nil && at < n {
		err = s.Replay(at, n, set)
	}
	return set, err
}

// viewsBefore returns the last stored views of at most so many steps, and their number of steps;
// views of no steps if none are stored that this program can read. If the steps since then
// cannot all be shown, the views skip those before First.
func (s *Store) viewsBefore(most twins.Tick) (*views.Set, twins.Tick, error) {
	set, n, err := s.storedViews(most)
	if first := min(s.First(), most); err == nil && n < first {
		set.Skip(first)
		n = first
	}
	return set, n, err
}

// storedViews is viewsBefore without skipping.
func (s *Store) storedViews(most twins.Tick) (*views.Set, twins.Tick, error) {
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

// Views returns the last stored views of at most so many steps, and their number of steps. For
// a later moment the caller replays the steps since.
func (r *Reader) Views(most twins.Tick) (*views.Set, twins.Tick, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.refresh().viewsBefore(most)
}

// windowsFrom returns the first step in this store's own windows: those of a fork begin with the
// day of the fork, which differs from its parent's.
func (s *Store) windowsFrom(cal *inputs.Calendar) twins.Tick { return dayOf(cal, s.base) }

// HasWindows reports whether the run and its past have the windows of a kind: a kind that a newer program
// has added is absent until Rebuild.
func (s *Store) HasWindows(k *views.Kind) bool {
	return slices.Contains(s.foldedKinds(), k) && (s.parent == nil || s.parent.HasWindows(k))
}

// Folded returns how many steps are in the windows of usage.
func (s *Store) Folded() twins.Tick { return s.foldedOf(views.UsageKind) }

// foldedOf returns how many steps are in the windows of a kind.
func (s *Store) foldedOf(k *views.Kind) twins.Tick {
	b, err := s.get(markKey(k))
	if err != nil {
		return s.base
	}
	r := newDecoder(b)
	if n := twins.Tick(r.Int()); r.Done() == nil {
		return max(s.base, min(n, s.Steps()))
	}
	return s.base
}

// Span is a length of time that windows are kept for.
type Span byte

// Spans. Months are summed from days on request.
const (
	Hours  Span = keyHour
	Days   Span = keyDay
	Months Span = 'm'
)

// Usage visits the communities' windows of usage; see Windows.
func (s *Store) Usage(span Span, from, to int64, visit func(start int64, community int, u *views.CellUsage) error) error {
	return s.Windows(views.UsageKind, span, from, to, func(start int64, community int, w views.Window) error {
		return visit(start, community, views.UsageOf(w))
	})
}

// Windows visits the communities' windows of each hour, local day or month with from ≤ start < to
// (Unix seconds), in order of time and path. A fork's days before the fork are its parent's. A
// month sums its days within the bounds, and starts with the first of them that is kept.
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
