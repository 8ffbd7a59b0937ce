package persistence

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/sim/views"
	"github.com/smatrix-grid/smatrix/twins"
)

// forked forks a run and steps it to its end, or leaves it after step stop.
func forked(t testing.TB, dir, out, at string, stop twins.Tick, set ...string) sim.Hash {
	t.Helper()
	s := open(t, dir, Read)
	w, err := s.World()
	if err != nil {
		t.Fatal(err)
	}
	tick, err := w.Scenario.Moment("at", at)
	if err != nil {
		t.Fatal(err)
	}
	changes, err := w.Scenario.Changes(set, tick, s.Commands(0, 1<<40))
	if err != nil {
		t.Fatal(err)
	}
	r, err := CreateRun(out, Run{Scenario: w.Scenario.Name, Seed: w.Scenario.Seed, Smatrix: "test"})
	if err != nil {
		t.Fatal(err)
	}
	j, m, err := s.Fork(r, tick, changes, sim.KeepLater, Durability{Every: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	return carryOn(t, r, j, m.World, m.Chain, tick, stop)
}

// withEvents is a shipped scenario with more under its events.
func withEvents(t testing.TB, name, events string, o scenario.Options) *sim.World {
	t.Helper()
	source, err := scenario.Source(name)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("../sim/scenarios")); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, name+"-changed.yaml")
	text := string(source)
	if strings.Contains(text, "\nevents:\n") {
		text = strings.Replace(text, "\nevents:\n", "\nevents:\n"+events, 1)
	} else {
		text += "\nevents:\n" + events
	}
	if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return build(t, file, o)
}

// A fork with changes has the digest of a run that has the same changes under its
// events, and takes little room; it is replayed, verified and resumed as any other.
func TestForkIsTheRunWithThoseEvents(t *testing.T) {
	days := 1
	o := scenario.Options{Days: &days}
	parent := filepath.Join(t.TempDir(), "parent")
	base := kept(t, parent, build(t, "town", o), -1)
	for _, f := range []struct{ name, at, set string }{
		{"more panels", "2018-01-08T14:00", "households.*.pv.rated_w*=1.3"},
		{"a plant lost", "18:15", "producers.biogas.available=false"},
	} {
		t.Run(f.name, func(t *testing.T) {
			at := f.at
			if len(at) == 5 {
				at = `"` + at + `"`
			}
			want := digestOf(t, withEvents(t, "town", "  - at: "+at+"\n    set: "+f.set+"\n", o))
			if want == base {
				t.Fatal("the change changes nothing")
			}
			dir := filepath.Join(t.TempDir(), "fork")
			if got := forked(t, parent, dir, f.at, -1, f.set); got != want {
				t.Errorf("digest %s, wanted %s", got, want)
			}
			if f.name != "more panels" {
				return
			}
			s := open(t, dir, Read)
			defer s.Close()
			if err := s.Verify(0, s.Steps(), nil, nil); err != nil || len(s.Repairs()) > 0 {
				t.Errorf("verify: %v, repairs %q", err, s.Repairs())
			}
			left := filepath.Join(t.TempDir(), "left")
			forked(t, parent, left, f.at, 80, f.set)
			again := open(t, left, Write)
			j, m, err := again.Resume(Durability{})
			if err != nil {
				t.Fatal(err)
			}
			if got := carryOn(t, again.Run(), j, m.World, m.Chain, m.Steps, -1); got != want {
				t.Errorf("left after step 80 and resumed: digest %s, wanted %s", got, want)
			}
		})
	}
}

// A fork stores what differs from its parent: with 30 % more panels from 14:00 on it takes less
// than a quarter of the parent's day, and a fork without changes takes less still.
func TestForkTakesLittleRoom(t *testing.T) {
	days := 1
	parent := filepath.Join(t.TempDir(), "parent")
	kept(t, parent, build(t, "town", scenario.Options{Days: &days}), -1)
	takes := map[string]int64{}
	for name, set := range map[string][]string{"more": {"households.*.pv.rated_w*=1.3"}, "same": nil} {
		fork := filepath.Join(t.TempDir(), name)
		forked(t, parent, fork, "14:00", -1, set...)
		takes[name] = bytesIn(t, fork) - drivingIn(t, fork)
	}
	of := bytesIn(t, parent) - drivingIn(t, parent)
	if takes["more"]*4 >= of || takes["more"] == 0 {
		t.Errorf("the fork takes %d bytes, its parent %d", takes["more"], of)
	}
	if takes["same"]*3 >= takes["more"]*2 {
		t.Errorf("a fork in which nothing differs takes %d bytes, one with more panels %d", takes["same"], takes["more"])
	}
}

// drivingIn returns how many bytes of a run's journal are windows of driving. Their entries are so short that
// packing against the parent saves little of them; the bounds of forks are for everything else.
func drivingIn(t *testing.T, dir string) (sum int64) {
	t.Helper()
	const around = 19 // bytes that Badger adds to an entry: its head, the version of the key, its place in the block
	s := open(t, dir, Read)
	defer s.Close()
	for _, span := range []Span{Hours, Days} {
		if err := s.table.Scan(windowPrefix(views.DrivingKind, span), nil, func(key, value []byte) error {
			sum += int64(len(key) + len(value) + around)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	return sum
}

// bytesIn returns the number of bytes in a folder's files.
func bytesIn(t *testing.T, dir string) (sum int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err == nil {
			sum += info.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

// A fork is compressed with final values of its parent: when a parent that was left within an
// hour is resumed, its forks stay as they were.
func TestParentThatGoesOn(t *testing.T) {
	days := 1
	o := scenario.Options{Days: &days}
	for _, left := range []twins.Tick{58, 60} { // in the middle of an hour, and at its end
		parent, fork := filepath.Join(t.TempDir(), "parent"), filepath.Join(t.TempDir(), "fork")
		kept(t, parent, build(t, "town", o), left)
		s := open(t, parent, Write)
		if _, _, err := s.Resume(Durability{}); err != nil {
			t.Fatal(err)
		}
		if err := s.Run().Finish(Interrupted, nil); err != nil { // writes the incomplete hour
			t.Fatal(err)
		}
		want := forked(t, parent, fork, "10:00", -1, "households.*.pv.rated_w*=1.3")
		s = open(t, parent, Write)
		j, m, err := s.Resume(Durability{})
		if err != nil {
			t.Fatal(err)
		}
		carryOn(t, s.Run(), j, m.World, m.Chain, m.Steps, -1)
		f := open(t, fork, Read)
		if err := f.Verify(0, f.Steps(), nil, nil); err != nil || len(f.Repairs()) > 0 {
			t.Errorf("left after %d steps: verify: %v, repairs %q", left, err, f.Repairs())
		}
		for _, span := range []Span{Hours, Days} {
			if err := f.Usage(span, 0, 1<<40, func(int64, int, *views.CellUsage) error { return nil }); err != nil {
				t.Errorf("left after %d steps: usage: %v", left, err)
			}
		}
		if digest, err := f.DigestAt(f.Steps()); err != nil || digest != want {
			t.Errorf("left after %d steps: digest %s, %v; wanted %s", left, digest, err, want)
		}
		f.Close()
	}
}

// A parent that is resumed and deletes old steps takes nothing from its forks.
func TestParentThatGoesOnAndLetsGo(t *testing.T) {
	parent, fork := filepath.Join(t.TempDir(), "parent"), filepath.Join(t.TempDir(), "fork")
	file := roadFile(t, 5)
	w := build(t, file, scenario.Options{})
	r, err := CreateRun(parent, Run{Scenario: "road", Smatrix: "test"})
	if err != nil {
		t.Fatal(err)
	}
	r.Retention = Retention{Events: 1, Hours: 1, Snapshots: 2}
	chain := w.NewChain()
	j, err := r.Keep(w, chain, Durability{Every: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	run := sim.Runner{World: w, Stepper: sim.NewFlat(w, nil, true), Sinks: []sim.Sink{chain, j}}
	for range 60 {
		if _, err := run.Step(); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Finish(Interrupted, nil); err != nil {
		t.Fatal(err)
	}
	want := forked(t, parent, fork, "30", -1, "water_pumps.pump.rated_w=1500")
	goesOn(t, parent)
	f := open(t, fork, Read)
	if f.parent.deleted <= 60 {
		t.Fatalf("the parent has deleted %d steps: the test shows nothing", f.parent.deleted)
	}
	f.Close()
	undisturbed(t, fork, want)
}

// Every run deletes hours after 60 days: a fork is not compressed with hours that its parent
// will have deleted by its end.
func TestParentWhoseHoursGo(t *testing.T) {
	parent, fork := filepath.Join(t.TempDir(), "parent"), filepath.Join(t.TempDir(), "fork")
	kept(t, parent, build(t, roadFile(t, 70), scenario.Options{}), 20*24)
	want := forked(t, parent, fork, "72", 19*24, "water_pumps.pump.rated_w=1500")
	goesOn(t, parent)
	undisturbed(t, fork, want)
}

// A fork of a fork may be compressed with a value of its parent's parent, where its parent had
// none yet; when the parent is resumed, the fork stays as it was.
func TestForkOfAForkThatGoesOn(t *testing.T) {
	first, second, third := filepath.Join(t.TempDir(), "1"), filepath.Join(t.TempDir(), "2"), filepath.Join(t.TempDir(), "3")
	kept(t, first, build(t, roadFile(t, 5), scenario.Options{}), -1)
	forked(t, first, second, "30", 60, "water_pumps.pump.rated_w=1500")
	want := forked(t, second, third, "50", -1, "water_pumps.pump.rated_w=1700")
	goesOn(t, second)
	undisturbed(t, third, want)
}

// goesOn resumes a run that was left and runs it to its end.
func goesOn(t *testing.T, dir string) {
	t.Helper()
	s := open(t, dir, Write)
	j, m, err := s.Resume(Durability{})
	if err != nil {
		t.Fatal(err)
	}
	carryOn(t, s.Run(), j, m.World, m.Chain, m.Steps, -1)
}

// undisturbed checks that a fork has everything unchanged, without repairs.
func undisturbed(t *testing.T, dir string, want sim.Hash) {
	t.Helper()
	f := open(t, dir, Read)
	defer f.Close()
	if err := f.Verify(0, f.Steps(), nil, nil); err != nil || len(f.Repairs()) > 0 {
		t.Errorf("verify: %v, repairs %q", err, f.Repairs())
	}
	for _, span := range []Span{Hours, Days} {
		if err := f.Usage(span, 0, 1<<40, func(int64, int, *views.CellUsage) error { return nil }); err != nil {
			t.Errorf("usage: %v", err)
		}
	}
	for n := range f.snapshots.all() {
		if _, _, err := f.states(n); err != nil {
			t.Errorf("states after step %d: %v", n, err)
		}
	}
	if head, _ := f.HeadAt(f.Steps()); head != want {
		if digest, err := f.DigestAt(f.Steps()); err != nil || digest != want {
			t.Errorf("digest %s, %v; wanted %s", digest, err, want)
		}
	}
}

// The dictionary of a fork's readings may be deleted with its parent's: the steps are then
// computed again, and Repairs says so.
func TestForkOfAParentThatLetGo(t *testing.T) {
	days := 1
	parent, fork := filepath.Join(t.TempDir(), "parent"), filepath.Join(t.TempDir(), "fork")
	kept(t, parent, build(t, "town", scenario.Options{Days: &days}), -1)
	forked(t, parent, fork, "14:00", -1, "households.*.pv.rated_w*=1.3")
	want := readingsOf(t, fork)
	s := open(t, parent, Write)
	var gone []Entry
	if err := s.table.Scan([]byte{keyReadings}, nil, func(k, _ []byte) error {
		gone = append(gone, Entry{Key: slices.Clone(k)})
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.table.Put(gone), s.Close()); err != nil || len(gone) == 0 {
		t.Fatal(err, len(gone))
	}
	if got := readingsOf(t, fork); !slices.Equal(got, want) {
		t.Error("what is computed again is not what was")
	}
}

// readingsOf returns what the first home drew in the last 10 hours of a day.
func readingsOf(t *testing.T, dir string) []int64 {
	t.Helper()
	s := open(t, dir, Read)
	defer s.Close()
	w, err := s.shownWorld()
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(w.Cells[0].Blocks, func(b *twins.Block) bool { return b.Kind == twins.Household })
	values, err := s.Readings(w.Cells[0].Blocks[at].Paths[0], "power_w", 56, 96)
	if err != nil {
		t.Fatal(err)
	}
	return values
}

// A fork whose parent is another run, or has another hash, is refused.
func TestForkOfAnotherParent(t *testing.T) {
	root := t.TempDir()
	parent, fork := filepath.Join(root, "parent"), filepath.Join(root, "fork")
	kept(t, parent, build(t, "hamlet", scenario.Options{}), -1)
	forked(t, parent, fork, "14:00", -1, "households.*.pv.scale*=1.3")
	refused := func(wanted string) {
		t.Helper()
		s, err := Open(fork, Read)
		var store *StoreError
		if !errors.As(err, &store) || !store.Invalid || !strings.Contains(err.Error(), wanted) {
			t.Errorf("got %v, wanted an invalid store and %q", err, wanted)
		}
		if err == nil {
			s.Close()
		}
	}
	run, err := openRun(fork)
	if err != nil {
		t.Fatal(err)
	}
	was := *run.meta.Journal.Parent
	other := was
	other.Head = strings.Repeat("0", 64)
	run.meta.Journal.Parent = &other
	if err := run.writeMeta(); err != nil {
		t.Fatal(err)
	}
	refused("whose hash there is not what it was")
	other.Head, other.Run = was.Head, "other"
	if err := run.writeMeta(); err != nil {
		t.Fatal(err)
	}
	refused("is another one")
	other.Run = was.Run
	if err := run.writeMeta(); err != nil {
		t.Fatal(err)
	}
	s := open(t, fork, Read)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(parent); err != nil {
		t.Fatal(err)
	}
	refused("is not there any more; move it back there, or restore a backup")
}

// Retention makes a run smaller, and all deleted steps can be computed again.
func TestRetention(t *testing.T) {
	days := 3
	o := scenario.Options{Days: &days}
	all, less := filepath.Join(t.TempDir(), "all"), filepath.Join(t.TempDir(), "less")
	var was, is sim.Memory
	digest := kept(t, all, build(t, "town", o), -1, &was)
	w := build(t, "town", o)
	r, err := CreateRun(less, Run{Scenario: "town", Seed: 1, Smatrix: "test"})
	if err != nil {
		t.Fatal(err)
	}
	r.Retention = Retention{Readings: 1, Snapshots: 2}
	chain := w.NewChain()
	j, err := r.Keep(w, chain, Durability{Every: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	if got := carryOn(t, r, j, w, chain, 0, -1); got != digest {
		t.Errorf("digest %s, wanted %s", got, digest)
	}
	s := open(t, less, Read)
	defer s.Close()
	if first, found := s.firstChunk(); s.snapshots.len() != 2 || !found || first.from < 96 {
		t.Errorf("snapshots %v, readings %v", s.snapshots, s.chunks)
	}
	if of, is := size(all), size(less); is*4 > of*3 {
		t.Errorf("it takes %d bytes, with all %d", is, of)
	}
	if err := s.Replay(90, 200, &is); err != nil || len(s.Repairs()) > 0 {
		t.Fatal(err, s.Repairs())
	}
	if !reflect.DeepEqual(is.Frames, was.Frames[90:200]) {
		t.Error("deleted readings differ when they are computed again")
	}
}

// A reader of a fork reads the parent's steps, with devices as well, and can begin another fork
// there.
func TestReaderOfAFork(t *testing.T) {
	root := t.TempDir()
	parent, fork := filepath.Join(root, "parent"), filepath.Join(root, "fork")
	var was, is sim.Memory
	kept(t, parent, build(t, "hamlet", scenario.Options{}), -1, &was)
	forked(t, parent, fork, "14:00", -1)
	s := open(t, fork, Read)
	defer s.Close()
	r := s.Reader()
	for _, parts := range []bool{false, true} {
		is = sim.Memory{}
		if err := r.Replay(3, r.Steps(), parts, &is); err != nil || !reflect.DeepEqual(is.Frames, was.Frames[3:]) {
			t.Errorf("with parts %t: %v, %d steps that are not what they were", parts, err, len(is.Frames))
		}
	}
	if _, from, chain, err := r.ForkAt(9); err != nil || from > 9 || chain == nil {
		t.Errorf("a fork in its past begins at %d: %v", from, err)
	}
}
