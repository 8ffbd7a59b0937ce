package persistence

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/twins"
)

// A week of the town, verified from the beginning and from a snapshot: no difference.
func TestVerifyAWeekOfTheTown(t *testing.T) {
	days := 7
	dir := filepath.Join(t.TempDir(), "run")
	kept(t, dir, build(t, "town", scenario.Options{Days: &days}), -1)
	s := open(t, dir, Read)
	defer s.Close()
	if s.Steps() != 7*96 || s.snapshots.len() != 7 {
		t.Fatalf("%d steps, snapshots %v", s.Steps(), s.snapshots)
	}
	for _, span := range [][2]twins.Tick{{0, 7 * 96}, {500, 520}} {
		if err := s.Verify(span[0], span[1], nil, nil); err != nil {
			t.Error(err)
		}
	}
	if len(s.Repairs()) > 0 {
		t.Errorf("repairs %q", s.Repairs())
	}
}

// A forged value, with all checksums right, is found at its step and member.
func TestVerifyNamesWhatDiffers(t *testing.T) {
	k := makeTruth(t)
	tests := map[string]struct {
		forge  func(s *Store, w *sim.World) error
		step   twins.Tick
		member string
		what   string
	}{
		"a reading": {func(s *Store, w *sim.World) error {
			c, _ := s.firstChunk()
			k, err := s.readings(shapeOf(w.Form.Layout, w.Cells), 1, c)
			if err != nil {
				return err
			}
			k.columns[1][0].rows[7][0] += 1000 // of the second kind in the south, power
			return s.table.Put(s.sealParts(nil, func(part int) []byte { return readingsKey(1, c.from, part) }, k.append(nil, w.Cells[1].Layout(), c.from), nil))
		}, 7, "grid/south/", "power_w: kept"},
		"a decision": {func(s *Store, w *sim.World) error {
			return forgeStep(s, w, 9, func(f *stepForm) { f.cells[len(f.cells)-1].notes[0].Power++ })
		}, 9, "grid/", "decision: kept"},
		"the frequency": {func(s *Store, w *sim.World) error {
			return forgeStep(s, w, 3, func(f *stepForm) { f.swing.Min-- })
		}, 3, "grid", "frequency: kept"},
		"a command": {func(s *Store, w *sim.World) error {
			return forgeStep(s, w, 5, func(f *stepForm) {
				c := &f.commands[0]
				*c = twins.Set(c.Target, c.Setting(), c.Value()+1).At(c.Step, c.Seq)
			})
		}, 5, "", "command 0: kept"},
		"a digest": {func(s *Store, w *sim.World) error {
			return forgeStep(s, w, 11, func(f *stepForm) { f.digests[2][0]++ })
		}, 11, "grid/supply", "digest: kept"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "run")
			copyRun(t, k.dir, dir)
			s := open(t, dir, Write)
			defer s.Close()
			w, err := s.shownWorld()
			if err == nil {
				err = tt.forge(s, w)
			}
			if err != nil {
				t.Fatal(err)
			}
			var differs *DifferenceError
			if err := s.Verify(0, s.Steps(), nil, nil); !errors.As(err, &differs) {
				t.Fatalf("verified: %v", err)
			}
			if differs.Step != tt.step || !strings.HasPrefix(differs.Member, tt.member) || !strings.HasPrefix(differs.What, tt.what) {
				t.Errorf("found %q", differs)
			}
			// A replay does not show the forged value: the step is computed again.
			if what, err := k.same(s); what != "" || err != nil {
				t.Errorf("replayed: %s, %v", what, err)
			}
			if len(s.Repairs()) == 0 {
				t.Error("replay has not said that it computed the step again")
			}
		})
	}
}

// same replays all of a store and compares.
func (k *truth) same(s *Store) (string, error) {
	var is sim.Memory
	err := s.Replay(0, s.Steps(), &is)
	if err == nil && !sameTold(&is, &k.frames) || len(is.Frames) != len(k.frames.Frames) {
		return "not the same", err
	}
	return "", err
}

func forgeStep(s *Store, w *sim.World, t twins.Tick, change func(*stepForm)) error {
	f, err := s.step(t)
	if err != nil {
		return err
	}
	change(f)
	return s.table.Put([]Entry{s.seal(key(keyStep, t), f.append(nil, shapeOf(w.Form.Layout, w.Cells), &memberNumbers{}))})
}

// If a snapshot is missing or damaged, the one before it is used, or the scenario.
func TestMissingSnapshot(t *testing.T) {
	steps := 300
	dir := filepath.Join(t.TempDir(), "run")
	kept(t, dir, build(t, "town", scenario.Options{Steps: &steps}), 250)
	s := open(t, dir, Write)
	if got := s.SnapshotBefore(200); got != 192 {
		t.Fatalf("snapshot before step 200 is %d", got)
	}
	if err := s.table.Put([]Entry{{Key: stateKey(192, 1, 0)}, {Key: key(keySnapshot, 96)}}); err != nil {
		t.Fatal(err)
	}
	s.Close()
	s = open(t, dir, Write)
	j, m, err := s.Resume(Durability{})
	if err != nil || m.Steps != 0 || len(s.Repairs()) != 0 && !strings.Contains(s.Repairs()[0], "snapshot") {
		t.Fatalf("%v, resumed at %d, repairs %q", err, m.Steps, s.Repairs())
	}
	want := digestOf(t, build(t, "town", scenario.Options{Steps: &steps}))
	if got := carryOn(t, s.Run(), j, m.World, m.Chain, m.Steps, -1); got != want {
		t.Errorf("digest %s, wanted %s", got, want)
	}
}

// Opening a folder in use is a *HeldError, opening a folder that is no run a *StoreError;
// neither changes anything.
func TestOpenRefuses(t *testing.T) {
	k := makeTruth(t)
	held := open(t, k.dir, Write)
	defer held.Close()
	for _, mode := range []Mode{Read, Write} {
		if _, err := Open(k.dir, mode); !errors.As(err, new(*HeldError)) {
			t.Errorf("a run that is held: %v", err)
		}
	}
	tests := map[string]struct {
		make func(dir string) error
		want string
	}{
		"no ledger":       {func(dir string) error { return os.Remove(filepath.Join(dir, ledgerFile)) }, "its ledger is gone; restore a backup"},
		"no journal":      {func(dir string) error { return os.RemoveAll(filepath.Join(dir, journalDir)) }, "its journal is gone; `smatrix run --resume"},
		"another ledger":  {func(dir string) error { return os.WriteFile(filepath.Join(dir, ledgerFile), []byte("ledger"), 0o666) }, "does not begin as one; restore a backup"},
		"run.json forged": {func(dir string) error { return replaceIn(filepath.Join(dir, runFile), `"seed": `, `"seed": 1`) }, "is not what was written"},
		"run.json cut":    {func(dir string) error { return os.Truncate(filepath.Join(dir, runFile), 50) }, "is not what was written; restore a backup"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "run")
			copyRun(t, k.killed, dir)
			if err := tt.make(dir); err != nil {
				t.Fatal(err)
			}
			before := listing(t, dir)
			_, err := Open(dir, Read)
			if !errors.As(err, new(*DamageError)) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, wanted %q", err, tt.want)
			}
			if listing(t, dir) != before {
				t.Error("the folder was changed")
			}
		})
	}
}

func replaceIn(path, old, new string) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return os.WriteFile(path, []byte(strings.Replace(string(b), old, new, 1)), 0o666)
}

// A deleted journal is computed again from scenario and ledger.
func TestJournalGone(t *testing.T) {
	k := makeTruth(t)
	dir := filepath.Join(t.TempDir(), "run")
	copyRun(t, k.killed, dir)
	if err := os.RemoveAll(filepath.Join(dir, journalDir)); err != nil {
		t.Fatal(err)
	}
	s := open(t, dir, Write)
	if len(s.Repairs()) != 2 || !strings.Contains(s.Repairs()[0], "24 of 24 steps are missing from step 0 on") || !strings.Contains(s.Repairs()[1], "it lacks 4 notes") {
		t.Errorf("repairs %q", s.Repairs())
	}
	j, m, err := s.Resume(Durability{})
	if err != nil {
		t.Fatal(err)
	}
	if got := carryOn(t, s.Run(), j, m.World, m.Chain, m.Steps, -1); got != k.digest {
		t.Errorf("digest %s, wanted %s", got, k.digest)
	}
	if what, err := k.look(dir, Read, true); what != "" || err != nil {
		t.Errorf("%s, %v", what, err)
	}
}
