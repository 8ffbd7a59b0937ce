package persistence

import (
	"bytes"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"testing"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/sim/views"
	"github.com/smatrix-grid/smatrix/sim/views/viewstest"
	"github.com/smatrix-grid/smatrix/twins"
)

// viewForms are the stored forms of views, by name.
func viewForms(s *views.Set) map[string][]byte {
	forms := map[string][]byte{}
	s.All(func(k *views.Kind, v views.View) { forms[k.Name] = v.AppendBinary(nil) })
	return forms
}

// traced records the state of a run's views after each step.
type traced struct {
	set *views.Set
	was []map[string][]byte
}

func trace(w *sim.World) *traced {
	v := &traced{set: views.NewSet(w)}
	v.was = append(v.was, viewForms(v.set))
	return v
}

func (v *traced) Commit(r *sim.StepRecord) error {
	err := v.set.Commit(r)
	v.was = append(v.was, viewForms(v.set))
	return err
}

// same checks that the views of a store after n steps equal those traced, and reports whether
// they were read from the store rather than folded.
func (v *traced) same(t *testing.T, s *Store, n twins.Tick) (stored bool) {
	t.Helper()
	_, at, err := s.viewsBefore(n)
	if err != nil {
		t.Fatal(err)
	}
	set, err := s.viewsAt(n)
	if err != nil {
		t.Fatal(err)
	}
	if got := viewForms(set); set.Steps() != n || !maps.EqualFunc(got, v.was[n], bytes.Equal) {
		t.Errorf("%s, after %d steps: %x\nwanted %x", s.Dir(), n, got, v.was[n])
	}
	return at == n
}

// exported adds up the windows of the toy.
func exported(t *testing.T, s *Store, span Span) (sum int64, spans int) {
	t.Helper()
	last := int64(math.MinInt64)
	err := s.Windows(viewstest.Exporting, span, math.MinInt64/2, math.MaxInt64/2, func(start int64, _ int, w views.Window) error {
		if sum += w.(*viewstest.Exported).Count; start != last {
			spans, last = spans+1, start
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return sum, spans
}

// viewEntries returns all entries of views, and of windows other than usage.
func viewEntries(t *testing.T, s *Store) (all []Entry) {
	t.Helper()
	for _, kind := range []byte{keyView, keyWindow, keyFolded} {
		if err := s.table.Scan([]byte{kind}, nil, func(k, v []byte) error {
			all = append(all, Entry{bytes.Clone(k), bytes.Clone(v)})
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func sameEntries(a, b []Entry) bool {
	return slices.EqualFunc(a, b, func(a, b Entry) bool { return bytes.Equal(a.Key, b.Key) && bytes.Equal(a.Value, b.Value) })
}

// All views, one of them unknown to this package, are kept with a run, and their windows by hour, day and month. In a
// run that was killed and resumed, and in a fork, they are unchanged, and rebuilt they are the same to the bit.
func TestViewsAreKept(t *testing.T) {
	days := 2
	o := scenario.Options{Days: &days}
	w := build(t, "town", o)
	v := trace(w)
	dir := filepath.Join(t.TempDir(), "run")
	kept(t, dir, w, -1, v)
	end := twins.Tick(len(v.was) - 1)
	total := views.Of[*viewstest.Exports](v.set, viewstest.Exporting).Count
	check := func(dir string, v *traced, total int64) {
		t.Helper()
		s := open(t, dir, Read)
		defer s.Close()
		if !v.same(t, s, s.Steps()) {
			t.Errorf("%s: the views at its end were not kept", dir)
		}
		for _, n := range []twins.Tick{0, 1, 95, 96, 150} {
			v.same(t, s, n)
		}
		for span, spans := range map[Span]int{Hours: 48, Days: 2, Months: 1} {
			if sum, n := exported(t, s, span); sum != total || n != spans || total == 0 {
				t.Errorf("%s by %c: %d steps of export in %d spans, wanted %d in %d", dir, span, sum, n, total, spans)
			}
		}
	}
	check(dir, v, total)

	s := open(t, dir, Write)
	before := viewEntries(t, s)
	if err := s.Rebuild(); err != nil {
		t.Fatal(err)
	}
	if after := viewEntries(t, s); len(before) < 3 || !sameEntries(before, after) {
		t.Errorf("%d entries of views, %d when rebuilt, or different ones", len(before), len(after))
	}
	s.Close()
	check(dir, v, total)

	left := filepath.Join(t.TempDir(), "left")
	kept(t, left, build(t, "town", o), 121)
	s = open(t, left, Write)
	j, m, err := s.Resume(Durability{})
	if err != nil {
		t.Fatal(err)
	}
	carryOn(t, s.Run(), j, m.World, m.Chain, m.Steps, -1)
	check(left, v, total)

	fork := filepath.Join(t.TempDir(), "fork")
	forked(t, dir, fork, "13:00", -1)
	check(fork, v, total)
	if end != 192 {
		t.Errorf("%d steps", end)
	}
}

// A run of an older program lacks a view that was added later: the view is folded from the records on request, and its
// windows exist only after Rebuild.
func TestViewThatCameLater(t *testing.T) {
	w := build(t, "hamlet", scenario.Options{})
	v := trace(w)
	dir := filepath.Join(t.TempDir(), "run")
	kept(t, dir, w, 20, v)
	s := open(t, dir, Write)
	var gone []Entry
	for _, e := range viewEntries(t, s) {
		if bytes.Contains(e.Key, []byte(viewstest.Exporting.Name)) {
			gone = append(gone, Entry{Key: e.Key})
		}
	}
	if err := s.table.Put(gone); err != nil || len(gone) < 4 {
		t.Fatalf("%d entries of the view: %v", len(gone), err)
	}
	j, m, err := s.Resume(Durability{})
	if err != nil {
		t.Fatal(err)
	}
	carryOn(t, s.Run(), j, m.World, m.Chain, m.Steps, -1, sim.SinkFunc(func(r *sim.StepRecord) error {
		if r.Tick < 20 {
			return nil
		}
		return v.Commit(r)
	}))
	s = open(t, dir, Write)
	defer s.Close()
	if !v.same(t, s, s.Steps()) {
		t.Error("the views are not kept at the end of a run that went on")
	}
	if n := s.foldedOf(viewstest.Exporting); n != 0 || s.Folded() != s.Steps() {
		t.Errorf("%d steps are in the windows of a view that came later, %d in those of usage", n, s.Folded())
	}
	if err := s.Rebuild(); err != nil {
		t.Fatal(err)
	}
	if sum, _ := exported(t, s, Days); sum != views.Of[*viewstest.Exports](v.set, viewstest.Exporting).Count || sum == 0 || s.foldedOf(viewstest.Exporting) != s.Steps() {
		t.Errorf("rebuilt: %d steps of export", sum)
	}
}
