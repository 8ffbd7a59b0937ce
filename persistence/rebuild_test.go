package persistence

import (
	"bytes"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/sim/views"
	"github.com/smatrix-grid/smatrix/twins"
)

// usages are the windows of usage of a run, as they are stored, by span, start and community.
func usages(t *testing.T, s *Store) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	for _, span := range []Span{Hours, Days} {
		err := s.Windows(views.UsageKind, span, 0, 1<<40, func(start int64, community int, w views.Window) error {
			all[fmt.Sprintf("%c %d %d", span, start, community)] = w.AppendBinary(nil)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// sameUsages compares windows, other than some, with what they were.
func sameUsages(t *testing.T, when string, got, want map[string][]byte, except ...string) {
	t.Helper()
	if a, b := slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)); !slices.Equal(a, b) {
		t.Errorf("%s: windows %q, wanted %q", when, a, b)
	}
	for name, b := range want {
		if !slices.Contains(except, name) && !bytes.Equal(got[name], b) {
			t.Errorf("%s: window %s is not what it was", when, name)
		}
	}
}

// devicesOf adds up what the devices of each community used, in Wh, and all consumption.
func devicesOf(t *testing.T, s *Store, span Span) (devices, consumed float64) {
	t.Helper()
	err := s.Usage(span, 0, 1<<40, func(_ int64, _ int, u *views.CellUsage) error {
		for i := range u.Blocks {
			u.Blocks[i].EachPart(func(_ int, sum int64) { devices += float64(max(sum, -sum)) })
		}
		consumed += u.Total[views.Consumed].WattHours()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return devices, consumed
}

// The read models of a run that another model made, in which under-frequency stages were reached,
// are rebuilt from its records. Windows that can be read keep the powers of devices; those that
// are damaged are made anew, without them.
func TestRebuildOfArchivedRun(t *testing.T) {
	all := archivedRuns(t)
	at := slices.IndexFunc(all, func(a *archive) bool { return a.Scenario == "scarcity" })
	dir := all[at].restored(t)
	s := open(t, dir, Write)
	was := usages(t, s)
	devices, consumed := devicesOf(t, s, Days)
	if err := s.Rebuild(); err != nil {
		t.Fatal(err)
	}
	sameUsages(t, "rebuilt", usages(t, s), was)
	if set, n, err := s.storedViews(s.Steps()); err != nil || n != s.Steps() || set.Steps() != n {
		t.Errorf("views of %d steps are stored, wanted %d: %v", n, s.Steps(), err)
	}

	days := slices.DeleteFunc(slices.Sorted(maps.Keys(was)), func(name string) bool { return !strings.HasPrefix(name, "d") })
	hours := slices.DeleteFunc(slices.Sorted(maps.Keys(was)), func(name string) bool { return !strings.HasPrefix(name, "h") })
	for _, name := range hours { // as retention does
		deleteWindow(t, s, name)
	}
	if err := s.Rebuild(); err != nil {
		t.Fatal(err)
	}
	sameUsages(t, "days without hours", usages(t, s), was, hours...)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, all[at].restored(t), Write)
	damageWindow(t, s, days[0])
	if err := s.Rebuild(); err != nil {
		t.Fatal(err)
	}
	sameUsages(t, "a day made anew from its hours", usages(t, s), was)
	damageWindow(t, s, hours[len(hours)/2])
	damageWindow(t, s, days[1])
	if err := s.Rebuild(); err != nil {
		t.Fatal(err)
	}
	sameUsages(t, "made anew", usages(t, s), was, hours[len(hours)/2], days[1], sameCommunity(hours[len(hours)/2], days))
	for _, span := range []Span{Hours, Days} {
		d, c := devicesOf(t, s, span)
		if int64(c+0.5) != int64(consumed+0.5) || d > devices || d < 0.5*devices {
			t.Errorf("by %c: %v Wh are consumed, wanted %v; devices %v, were %v", span, c, consumed, d, devices)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// sameCommunity returns the window, of those given, of the same community as another one.
func sameCommunity(name string, of []string) string {
	community := name[strings.LastIndexByte(name, ' '):]
	return of[slices.IndexFunc(of, func(n string) bool { return strings.HasSuffix(n, community) })]
}

// keyOfWindow is the key of a window of usages.
func keyOfWindow(t *testing.T, name string) (Span, []byte) {
	t.Helper()
	var span byte
	var start int64
	var community int
	if _, err := fmt.Sscanf(name, "%c %d %d", &span, &start, &community); err != nil {
		t.Fatal(err)
	}
	return Span(span), windowKey(views.UsageKind, Span(span), start, community, 0)
}

func deleteWindow(t *testing.T, s *Store, name string) {
	t.Helper()
	_, key := keyOfWindow(t, name)
	if err := s.table.Put([]Entry{{Key: key}}); err != nil {
		t.Fatal(err)
	}
}

// damageWindow overwrites a window of usage, and checks that it cannot be read.
func damageWindow(t *testing.T, s *Store, name string) {
	t.Helper()
	span, key := keyOfWindow(t, name)
	if err := s.table.Put([]Entry{{key, []byte("no window")}}); err != nil {
		t.Fatal(err)
	}
	err := s.Usage(span, 0, 1<<40, func(int64, int, *views.CellUsage) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "smatrix rebuild") {
		t.Fatalf("window %s is damaged: %v", name, err)
	}
}

// A run that went on in another model within an hour of its day keeps the powers of devices of the
// steps before, in hours and in the day, and so does its rebuilding.
func TestRebuildAcrossAJoint(t *testing.T) {
	often(t)
	w, err := killedWorld()
	if err != nil {
		t.Fatal(err)
	}
	const stop = 130 // 10 of the 12 steps of an hour
	whole := filepath.Join(t.TempDir(), "whole")
	steps := twins.Tick(w.Scenario.Calendar.Steps)
	again, err := killedWorld()
	if err != nil {
		t.Fatal(err)
	}
	kept(t, whole, again, -1)
	s := open(t, whole, Read)
	want := usages(t, s)
	s.Close()

	dir := endedEarly(t, w, stop, Retention{})
	raiseModel(t)
	s = open(t, dir, Write)
	j, _, err := s.Resume(Durability{Every: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	drop(j) // killed at once
	s = open(t, dir, Write)
	j, m, err := s.Resume(Durability{Every: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	carryOn(t, s.Run(), j, m.World, m.Chain, m.Steps, -1)
	s = open(t, dir, Write)
	sameUsages(t, "resumed", usages(t, s), want)
	before := storedForms(t, s)
	if err := s.Rebuild(); err != nil {
		t.Fatal(err)
	}
	sameUsages(t, "rebuilt", usages(t, s), want)
	if after := storedForms(t, s); len(before) < 3 || !maps.EqualFunc(before, after, bytes.Equal) {
		t.Errorf("views %q are stored at its end, %q when rebuilt, or different ones", slices.Sorted(maps.Keys(before)), slices.Sorted(maps.Keys(after)))
	}
	if s.Folded() != steps {
		t.Errorf("%d steps are in the windows, wanted %d", s.Folded(), steps)
	}
	parts := s.partsToFold(0)
	if len(parts) != 2 || parts[0].again || parts[0].to != stop || !parts[1].again || parts[1].to != steps {
		t.Errorf("steps are folded in parts %+v, wanted those before step %d from records, and then those computed again", parts, stop)
	}
	s.Close()
}

// storedForms are the views that are stored after the last step, by name.
func storedForms(t *testing.T, s *Store) map[string][]byte {
	t.Helper()
	set, n, err := s.storedViews(s.Steps())
	if err != nil || n != s.Steps() {
		t.Fatalf("views of %d steps are stored, wanted %d: %v", n, s.Steps(), err)
	}
	all := map[string][]byte{}
	set.All(func(k *views.Kind, v views.View) { all[k.Name] = v.AppendBinary(nil) })
	return all
}

// The windows of deleted records of another model stay when the others are rebuilt, also those of
// the hour and the day in which the records begin: with a step of the other model, and with the
// first step after the run went on.
func TestRebuildOfWhatIsKept(t *testing.T) {
	often(t)
	const stop = 660                                   // at 14:00
	o := scenario.Options{Set: []string{"step_s=600"}} // 144 a day
	dir := endedEarly(t, build(t, roadFile(t, 6), o), stop, Retention{Events: 1})
	raiseModel(t)
	s := open(t, dir, Write)
	rebuildsFrom(t, s, 500)
	j, m, err := s.Resume(Durability{Every: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	carryOn(t, s.Run(), j, m.World, m.Chain, m.Steps, -1)
	s = open(t, dir, Write)
	rebuildsFrom(t, s, stop)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// rebuildsFrom rebuilds a run that is shown from a step on. A damaged window comes back, and the
// others are as they were.
func rebuildsFrom(t *testing.T, s *Store, first twins.Tick) {
	t.Helper()
	was := usages(t, s)
	if s.First() != first || len(was) < 100 {
		t.Fatalf("the first step is %d, with %d windows; wanted %d", s.First(), len(was), first)
	}
	damageWindow(t, s, slices.MaxFunc(slices.Collect(maps.Keys(was)), strings.Compare))
	if err := s.Rebuild(); err != nil {
		t.Fatal(err)
	}
	sameUsages(t, fmt.Sprintf("rebuilt from step %d on", first), usages(t, s), was) // a pump has no devices
	storedForms(t, s)
}
