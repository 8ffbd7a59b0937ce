package persistence

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/twins"
)

// truth is a run and what must be read from it.
type truth struct {
	dir    string // folder of the closed run
	killed string // folder before it was closed: Badger's log is in use
	frames sim.Memory
	digest sim.Hash
	fork   bool            // it has a parent, which is whole
	given  []twins.Command // of a fork
	notes  map[string][]byte
}

// makeTruth keeps the hamlet, with a command from outside, in both states.
func makeTruth(t testing.TB) *truth {
	t.Helper()
	return truthOf(t, build(t, "hamlet", scenario.Options{}), Retention{})
}

func truthOf(t testing.TB, w *sim.World, keep Retention) *truth {
	t.Helper()
	k := &truth{dir: filepath.Join(t.TempDir(), "run"), killed: filepath.Join(t.TempDir(), "killed")}
	r, err := CreateRun(k.dir, Run{Scenario: w.Scenario.Name, Seed: w.Scenario.Seed, Smatrix: "test"})
	if err != nil {
		t.Fatal(err)
	}
	r.Retention = keep
	chain := w.NewChain()
	j, err := r.Keep(w, chain, Durability{Every: time.Hour, Steps: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range outside(w) {
		if err := w.Add(c); err != nil {
			t.Fatal(err)
		}
		if err := j.AppendCommand(c); err != nil {
			t.Fatal(err)
		}
	}
	run := sim.Runner{World: w, Stepper: sim.NewFlat(w, nil, true), Sinks: []sim.Sink{chain, j, &k.frames}}
	for more := true; more; {
		if more, err = run.Step(); err != nil {
			t.Fatal(err)
		}
		k.note(t, j, run.Done())
	}
	copyRun(t, k.dir, k.killed)
	if err := r.Finish(Done, map[string]string{}); err != nil {
		t.Fatal(err)
	}
	k.digest = chain.Digest()
	return k
}

// note keeps a note after some steps, and now and then a newer one of the same name.
func (k *truth) note(t testing.TB, j *Journal, steps twins.Tick) {
	t.Helper()
	if steps%5 != 3 {
		return
	}
	if k.notes == nil {
		k.notes = map[string][]byte{}
	}
	name, value := fmt.Sprintf("acknowledge/%d", steps%4), fmt.Appendf(nil, `{"tick":%d}`, steps)
	if err := j.AppendNote(name, value); err != nil {
		t.Fatal(err)
	}
	k.notes[name] = value
}

// outside is commands for the hamlet that come from outside.
func outside(w *sim.World) (commands []twins.Command) {
	for i, b := range w.Cells[0].Blocks {
		if len(b.Kind.Settings) > 0 && b.Kind == twins.Battery {
			c := twins.Set(b.Paths[0], "available", 0).At(5, int64(100+i))
			c.Key, c.By = fmt.Sprintf("key %d", i), 7
			commands = append(commands, c)
		}
	}
	return commands
}

// copyRun copies a folder; zeros at the end of a file become a hole.
func copyRun(t testing.TB, from, to string) {
	t.Helper()
	readFolder(t, from).write(t, to)
}

// look opens a run in a mode and compares its content with the truth. silent is what is
// wrong without an error or a repair.
func (k *truth) look(dir string, mode Mode, ledger bool) (silent string, told error) {
	run, err := openRun(dir)
	if err != nil {
		return "", err
	}
	var s *Store
	if ledger {
		s, err = Open(dir, mode)
	} else { // as if there were none
		s = newStore(run, mode)
		if s.table, err = openBadger(run.path(journalDir), mode, false); err == nil {
			start, _ := readLedgerAt(dir, filepath.Join(k.dir, ledgerFile))
			err = s.compare(&ledgerContent{start: start.start, ended: -1})
		}
	}
	if err != nil {
		return "", err
	}
	defer s.Close()
	var is sim.Memory
	if err := s.Replay(0, s.Steps(), &is); err != nil {
		return "", err
	}
	switch {
	case len(is.Frames) != len(k.frames.Frames):
		return fmt.Sprintf("%d of %d steps", len(is.Frames), len(k.frames.Frames)), nil
	case !reflect.DeepEqual(is.Frames, k.frames.Frames), !reflect.DeepEqual(is.Flows, k.frames.Flows), !sameTold(&is, &k.frames):
		return "steps are others", nil
	case !reflect.DeepEqual(s.Commands(0, 1<<40), k.commands(s)):
		return "commands are missing", nil
	}
	if notes, err := s.Notes(""); err != nil || !reflect.DeepEqual(notes, k.notes) {
		return fmt.Sprintf("notes are %q, %v", notes, err), nil
	}
	return "", nil
}

func (k *truth) commands(s *Store) []twins.Command {
	if k.fork {
		return k.given
	}
	w, err := s.shownWorld()
	if err != nil {
		return nil
	}
	return outside(w)
}

func sameTold(a, b *sim.Memory) bool {
	for i := range a.Events {
		if len(a.Events[i]) != len(b.Events[i]) || len(a.Decisions[i]) != len(b.Decisions[i]) {
			return false
		}
		for n := range a.Events[i] {
			if a.Events[i][n] != b.Events[i][n] {
				return false
			}
		}
		for n := range a.Decisions[i] {
			if a.Decisions[i][n] != b.Decisions[i][n] {
				return false
			}
		}
	}
	return true
}

// A flipped bit anywhere is repaired or reported, never overlooked. The same flips without
// a ledger lose something, or the test would show nothing.
func TestBitFlips(t *testing.T) {
	if inParts(t) {
		return
	}
	k := makeTruth(t)
	if lost := k.flip(t, flips); lost == 0 {
		t.Error("without the ledger nothing is lost either: the flips show nothing")
	}
}

// The same holds for a run that has deleted steps, readings and snapshots.
func TestBitFlipsAfterRetention(t *testing.T) {
	if inParts(t) {
		return
	}
	k := truthOf(t, build(t, roadFile(t, 4), scenario.Options{}), Retention{Events: 1, Snapshots: 2})
	if lost := k.flip(t, 0); lost == 0 {
		t.Error("without the ledger nothing is lost either: the flips show nothing")
	}
}

// The same holds for a fork, which is compressed with its parent's values.
func TestBitFlipsOfAFork(t *testing.T) {
	if inParts(t) {
		return
	}
	parent := makeTruth(t)
	k := &truth{dir: filepath.Join(t.TempDir(), "fork"), killed: filepath.Join(t.TempDir(), "killed"), fork: true}
	forked(t, parent.dir, k.dir, "10", 12, "households.*.pv.scale*=1.3")
	s := open(t, k.dir, Write)
	j, m, err := s.Resume(Durability{})
	if err != nil {
		t.Fatal(err)
	}
	carryOn(t, s.Run(), j, m.World, m.Chain, m.Steps, -1, sim.SinkFunc(func(r *sim.StepRecord) error {
		k.note(t, j, r.Tick)
		if r.Tick == m.World.Scenario.Calendar.Steps-1 {
			copyRun(t, k.dir, k.killed)
		}
		return nil
	}))
	s = open(t, k.dir, Read)
	k.given = s.Commands(0, 1<<40)
	if err := s.Replay(0, s.Steps(), &k.frames); err != nil || len(k.given) < 2 || reflect.DeepEqual(k.frames.Frames, parent.frames.Frames) {
		t.Fatalf("%v, commands %v, or nothing differs", err, k.given)
	}
	s.Close()
	k.flip(t, 0)
}

// partOf is the environment variable with the part of the flips that a process makes.
const partOf = "SMATRIX_FLIP_PART"

// inParts runs the test in several processes, one after another, and reports whether it did:
// Badger leaks goroutines and 16 MiB for each store that it fails to open, and the long form
// has thousands of those.
func inParts(t *testing.T) bool {
	t.Helper()
	if flipParts == 1 || os.Getenv(partOf) != "" {
		return false
	}
	for i := range flipParts {
		c := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$", "-test.v", "-test.timeout", "0")
		c.Env = append(os.Environ(), fmt.Sprintf("%s=%d", partOf, i))
		out, err := c.CombinedOutput()
		t.Logf("%s", out)
		if err != nil {
			t.Errorf("%s=%d %s: %v", partOf, i, c, err)
		}
	}
	return true
}

func part() int {
	i, _ := strconv.Atoi(os.Getenv(partOf)) // unset: the only one
	return i
}

// inFile is a file of a run in one of its two states.
type inFile struct {
	from *folder
	name string
	used int
}

// flip flips n bits, one after another, evenly over kinds of files, at least leastFlips of each, and
// returns how many of a part of them would have been silent losses without the ledger.
func (k *truth) flip(t *testing.T, n int) (lost int) {
	t.Helper()
	kinds := map[string][]inFile{}
	killed := readFolder(t, k.killed)
	for _, from := range []*folder{readFolder(t, k.dir), killed} {
		for name, used := range from.inUse {
			kinds[kindOf(name)] = append(kinds[kindOf(name)], inFile{from, name, used})
		}
	}
	random := rand.New(rand.NewPCG(1, 2+uint64(part())))
	dir := filepath.Join(t.TempDir(), "run")
	silent, done := 0, 0
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		files := kinds[kind]
		slices.SortFunc(files, func(a, b inFile) int { return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.from.dir, b.from.dir)) })
		flips, told, silentOf, tried, lostOf := max(n/len(kinds), leastFlips)/flipParts, 0, 0, 0, 0
		for i := range flips {
			of := files[i%len(files)]
			at, bit := random.IntN(of.used), random.IntN(8)
			of.flipped(t, dir, at, bit)
			what, err := k.look(dir, Read, true)
			if what != "" {
				silentOf++
				t.Errorf("%s of %s, byte %d bit %d: %s", of.name, filepath.Base(of.from.dir), at, bit, what)
			}
			if err != nil {
				told++
			}
			if i%8 < 2 && of.from == killed && !k.fork {
				of.flipped(t, dir, at, bit)
				if what, _ := k.look(dir, Read, false); what != "" {
					lostOf++
				}
				tried++
			}
		}
		t.Logf("%-13s %5d flips: %4d refused, the others without effect or repaired, silent losses %d; without the ledger %d of %d lost", kind, flips, told, silentOf, lostOf, tried)
		done, silent, lost = done+flips, silent+silentOf, lost+lostOf
	}
	t.Logf("%d flips, silent losses %d, without the ledger %d", done, silent, lost)
	return lost
}

// kindOf returns the kind of a file.
func kindOf(name string) string {
	if ext := filepath.Ext(name); strings.HasPrefix(name, journalDir) && ext != "" {
		return "*" + ext
	}
	return filepath.Base(name)
}

// folder is the content of a folder, without the zeros at the ends of files: Badger's logs are mostly
// zeros.
type folder struct {
	dir   string
	dirs  []string
	files map[string][]byte
	sizes map[string]int64
	inUse map[string]int // bytes in use, of files with content that belong to the run
}

func readFolder(t testing.TB, dir string) *folder {
	t.Helper()
	f := &folder{dir: dir, files: map[string][]byte{}, sizes: map[string]int64{}, inUse: map[string]int{}}
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(dir, path)
		if e.IsDir() {
			f.dirs = append(f.dirs, rel)
			return nil
		}
		b, size, err := readUsed(path)
		f.files[rel], f.sizes[rel] = b, size
		if len(b) > 0 && rel != reportFile && !strings.HasSuffix(rel, "LOCK") {
			f.inUse[rel] = len(b)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// readUsed reads a file without the zeros at its end, a block at a time.
func readUsed(path string) (b []byte, size int64, err error) {
	in, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer in.Close()
	for block := make([]byte, 256<<10); err == nil; {
		var n int
		n, err = io.ReadFull(in, block)
		if used := inUse(block[:n]); used > 0 {
			b = append(append(b, make([]byte, size-int64(len(b)))...), block[:used]...)
		}
		size += int64(n)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return b, size, err
}

// write writes the folder, in place of one that is there.
func (f *folder) write(t testing.TB, to string) {
	t.Helper()
	err := os.RemoveAll(to)
	for _, dir := range f.dirs {
		err = errors.Join(err, os.MkdirAll(filepath.Join(to, dir), 0o777))
	}
	for name, b := range f.files {
		path := filepath.Join(to, name)
		err = errors.Join(err, os.WriteFile(path, b, 0o666))
		if size := f.sizes[name]; size > int64(len(b)) {
			err = errors.Join(err, os.Truncate(path, size))
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

// flipped writes the folder with one bit flipped.
func (f inFile) flipped(t testing.TB, to string, at, bit int) {
	t.Helper()
	f.from.write(t, to)
	b := bytes.Clone(f.from.files[f.name])
	b[at] ^= 1 << bit
	file, err := os.OpenFile(filepath.Join(to, f.name), os.O_WRONLY, 0)
	if err == nil {
		_, err = file.WriteAt(b[at:at+1], int64(at))
		err = errors.Join(err, file.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// A ledger that was torn at any byte ends with the last whole record before it.
func TestLedgerTornAnywhere(t *testing.T) {
	k := makeTruth(t)
	b, err := os.ReadFile(filepath.Join(k.dir, ledgerFile))
	if err != nil {
		t.Fatal(err)
	}
	whole, err := readLedger(k.dir, bytes.NewReader(b))
	if err != nil || whole.torn != 0 || len(whole.heads(t)) != len(k.frames.Frames) {
		t.Fatalf("%v, %d heads", err, whole.index.steps)
	}
	heads := whole.heads(t)
	for cut := range b {
		for _, tail := range [][]byte{nil, make([]byte, 100)} { // zeros: a file that was longer than its content
			c, err := readLedger(k.dir, bytes.NewReader(append(b[:cut:cut], tail...)))
			if cut < ledgerHead+8+1+32 {
				if err == nil {
					t.Fatalf("a ledger of %d bytes was taken", cut)
				}
				continue
			}
			if err != nil || len(c.holes) > 0 || !slices.Equal(c.heads(t), heads[:c.index.steps]) {
				t.Fatalf("cut at %d: %v, holes %v", cut, err, c.holes)
			}
			if int(c.size+c.torn) != cut+len(tail) {
				t.Fatalf("cut at %d: %d whole and %d torn", cut, c.size, c.torn)
			}
		}
	}
	// Damage in the middle leaves a hole, and the records after it are still read.
	for at := ledgerHead + 41; at < len(b)-60; at += 7 {
		bad := append([]byte{}, b...)
		bad[at] ^= 4
		c, err := readLedger(k.dir, bytes.NewReader(bad))
		if err != nil || len(c.holes) == 0 || int(c.index.steps) != len(heads) {
			t.Fatalf("damage at %d: %v, holes %v, %d heads", at, err, c.holes, c.index.steps)
		}
	}
}

// Every value that is cut short, at any byte, is refused, and so is every body whose
// checksum is right though it is cut: damage is an error, never a panic.
func TestValuesTornAnywhere(t *testing.T) {
	k := makeTruth(t)
	s := open(t, k.dir, Read)
	defer s.Close()
	w, err := s.World()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	err = s.table.Scan(nil, nil, func(key, value []byte) error {
		body, err := unseal(s.unpacker, key, value)
		if err != nil {
			return err
		}
		for cut := range value {
			if _, err := unseal(s.unpacker, key, value[:cut]); err == nil {
				t.Errorf("value of %x cut at %d was taken", key, cut)
			}
		}
		if key[0] == keyStep {
			for cut := range body {
				n++
				if _, err := readStep(body[:cut], shapeOf(w.Form.Layout, w.Cells)); err == nil {
					t.Errorf("step %x cut at %d was taken", key, cut)
				}
			}
		}
		return nil
	})
	if err != nil || n == 0 {
		t.Fatal(n, err)
	}
	for _, c := range chunksOf(s) {
		for i := range w.Cells {
			b, err := s.getParts(func(part int) []byte { return readingsKey(i, c.from, part) })
			if err != nil {
				t.Fatal(err)
			}
			for cut := range b {
				if _, err := readCellChunk(b[:cut], shapeOf(w.Form.Layout, w.Cells), i, c.from, int(c.to-c.from)); err == nil {
					t.Errorf("readings cut at %d were taken", cut)
				}
			}
			random := rand.New(rand.NewPCG(3, uint64(i)))
			for range 2000 { // any bytes: an error or other values, no panic
				bad := append([]byte{}, b...)
				bad[random.IntN(len(bad))] = byte(random.Uint32())
				_, _ = readCellChunk(bad, shapeOf(w.Form.Layout, w.Cells), i, c.from, int(c.to-c.from))
			}
		}
	}
}

// If Badger's log is torn at any byte, the run is restored whole, from the ledger.
func TestBadgerLogTorn(t *testing.T) {
	k := makeTruth(t)
	name, killed := "", readFolder(t, k.killed)
	for f := range killed.inUse {
		if strings.HasSuffix(f, ".mem") {
			name = f
		}
	}
	used := killed.inUse[name]
	dir := filepath.Join(t.TempDir(), "run")
	random := rand.New(rand.NewPCG(5, 6))
	repaired := 0
	for i := range torn {
		killed.write(t, dir)
		cut := int64(random.IntN(used))
		if err := os.Truncate(filepath.Join(dir, name), cut); err != nil {
			t.Fatal(err)
		}
		what, err := k.look(dir, Read, true)
		var damage *DamageError
		if what != "" || err != nil && !errors.As(err, &damage) {
			t.Fatalf("log cut at %d of %d: %s, %v", cut, used, what, err)
		}
		if err == nil {
			repaired++
		}
		if i%10 == 0 {
			s := open(t, dir, Write)
			j, m, err := s.Resume(Durability{})
			if err != nil {
				t.Fatalf("log cut at %d of %d: %v", cut, used, err)
			}
			if got := carryOn(t, s.Run(), j, m.World, m.Chain, m.Steps, -1); got != k.digest {
				t.Fatalf("log cut at %d of %d: digest %s, wanted %s", cut, used, got, k.digest)
			}
		}
	}
	t.Logf("%d of %d torn logs were read whole, the others refused until the run is resumed", repaired, torn)
}

// failing is a file that fails from a certain call on.
type failing struct {
	io.Writer
	writes, syncs int // until it fails; < 0: never
	fail          error
}

func (f *failing) Write(b []byte) (int, error) {
	if f.writes == 0 {
		return 0, f.fail
	}
	f.writes--
	return len(b), nil
}

func (f *failing) Sync() error {
	if f.syncs == 0 {
		return f.fail
	}
	f.syncs--
	return nil
}

func (f *failing) Close() error { return nil }

// After a failed write or sync nothing more is acknowledged, even if the disk works again.
func TestNothingIsAcceptedAfterAFailure(t *testing.T) {
	for _, bad := range []*failing{{writes: 3, syncs: -1}, {writes: -1, syncs: 1}} {
		bad.fail = errors.New("input/output error")
		w := build(t, "hamlet", scenario.Options{})
		r, err := CreateRun(filepath.Join(t.TempDir(), "run"), Run{})
		if err != nil {
			t.Fatal(err)
		}
		chain := sim.NewChain(1, nil, sim.Form{})
		j, err := r.Keep(w, chain, Durability{Steps: 2, Every: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		j.ledger.f.Close()
		j.ledger.f = bad
		run := sim.Runner{World: w, Stepper: sim.NewFlat(w, nil, true), Sinks: []sim.Sink{chain, j}}
		for err == nil {
			_, err = run.Step()
		}
		if !errors.Is(err, bad.fail) || run.Done() > 4 {
			t.Errorf("after %d steps: %v", run.Done(), err)
		}
		bad.writes, bad.syncs = -1, -1 // and works again
		steps := j.store.Steps()
		err = j.Commit(&sim.StepRecord{Tick: j.next})
		errCommand := j.AppendCommand(killCommand(1000))
		errSync := j.Sync()
		for _, err := range []error{err, errCommand, errSync} {
			if !errors.Is(err, bad.fail) {
				t.Errorf("after a failure: %v, wanted it again", err)
			}
		}
		if j.store.Steps() != steps {
			t.Error("a step was taken after a failure")
		}
		if err := j.End(); !errors.Is(err, bad.fail) {
			t.Errorf("End: %v", err)
		}
	}
}

// failingTable is a table that fails from a certain call on.
type failingTable struct {
	Table
	f *failing
}

func (t failingTable) Put(entries []Entry) error {
	if _, err := t.f.Write(nil); err != nil {
		return err
	}
	return t.Table.Put(entries)
}

func (t failingTable) Sync() error {
	if err := t.f.Sync(); err != nil {
		return err
	}
	return t.Table.Sync()
}

// The same holds for the table, and if a command or a note is the first to fail.
func TestNothingIsAcceptedAfterTheTableFails(t *testing.T) {
	command := killCommand(20)
	tries := map[string]func(j *Journal) error{
		"a step":    func(j *Journal) error { return j.Commit(&sim.StepRecord{Tick: j.next}) },
		"a command": func(j *Journal) error { return j.AppendCommand(command) },
		"a note":    func(j *Journal) error { return j.AppendNote("n", nil) },
		"a sync":    func(j *Journal) error { return j.Sync() },
	}
	for _, tt := range []struct {
		first  string
		table  bool // the table fails, not the ledger
		writes int
		syncs  int
	}{
		{"a command", true, 0, -1}, {"a command", false, 0, -1}, {"a command", false, -1, 0},
		{"a note", true, 0, -1}, {"a note", true, -1, 0}, {"a note", false, 0, -1}, {"a note", false, -1, 0}, {"a sync", true, -1, 0}, {"a sync", false, -1, 0},
	} {
		t.Run(fmt.Sprintf("%s, table %t, writes %d, syncs %d", tt.first, tt.table, tt.writes, tt.syncs), func(t *testing.T) {
			bad := &failing{writes: tt.writes, syncs: tt.syncs, fail: errors.New("input/output error")}
			dir := filepath.Join(t.TempDir(), "run")
			w := build(t, "hamlet", scenario.Options{})
			r, err := CreateRun(dir, Run{})
			if err != nil {
				t.Fatal(err)
			}
			chain := sim.NewChain(1, nil, sim.Form{})
			j, err := r.Keep(w, chain, Durability{Steps: 1 << 20, Every: time.Hour})
			if err != nil {
				t.Fatal(err)
			}
			run := sim.Runner{World: w, Stepper: sim.NewFlat(w, nil, true), Sinks: []sim.Sink{chain, j}}
			for range 5 {
				if _, err := run.Step(); err != nil {
					t.Fatal(err)
				}
			}
			if tt.table {
				j.store.table = failingTable{j.store.table, bad}
			} else {
				j.ledger.f.Close()
				j.ledger.f = bad
			}
			if err := tries[tt.first](j); !errors.Is(err, bad.fail) {
				t.Fatalf("%s was acknowledged: %v", tt.first, err)
			}
			bad.writes, bad.syncs = -1, -1 // and it works again
			for what, try := range tries {
				if err := try(j); !errors.Is(err, bad.fail) {
					t.Errorf("%s after a failure: %v, wanted it again", what, err)
				}
			}
			if err := j.End(); !errors.Is(err, bad.fail) {
				t.Errorf("End: %v", err)
			}
			s := open(t, dir, Read)
			defer s.Close()
			if s.Steps() != 5 || len(s.Commands(0, 100)) > 1 {
				t.Errorf("%d steps and commands %v, wanted 5 steps", s.Steps(), s.Commands(0, 100))
			}
		})
	}
}

// On a nearly full disk steps are refused with an error; when there is room the same step is
// accepted, and the run is as if the disk had never been full.
func TestDiskAlmostFull(t *testing.T) {
	w := build(t, "hamlet", scenario.Options{})
	r, err := CreateRun(filepath.Join(t.TempDir(), "run"), Run{})
	if err != nil {
		t.Fatal(err)
	}
	chain := w.NewChain()
	j, err := r.Keep(w, chain, Durability{})
	if err != nil {
		t.Fatal(err)
	}
	full := 0
	j.free = func(string) (int64, error) {
		if j.next == 7 && full < 3 {
			full++
			return reserve - 1, nil
		}
		return reserve, nil
	}
	again := sim.SinkFunc(func(rec *sim.StepRecord) error {
		err := j.Commit(rec)
		for errors.As(err, new(*FullError)) {
			if !strings.Contains(err.Error(), "make room, then go on with `smatrix run --resume") {
				t.Error(err)
			}
			if err := j.AppendCommand(killCommand(20)); full < 3 && !errors.As(err, new(*FullError)) {
				t.Errorf("a command on a full disk: %v", err)
			}
			if _, err := j.Store().table.Get(key(keyStep, 3)); err != nil {
				t.Errorf("reading on a full disk: %v", err)
			}
			err = j.Commit(rec)
		}
		return err
	})
	run := sim.Runner{World: w, Stepper: sim.NewFlat(w, nil, true), Sinks: []sim.Sink{chain, again}}
	for more := true; more; {
		if more, err = run.Step(); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Finish(Done, nil); err != nil {
		t.Fatal(err)
	}
	if want := digestOf(t, build(t, "hamlet", scenario.Options{})); chain.Digest() != want || full != 3 {
		t.Errorf("digest %s, wanted %s; full %d times", chain.Digest(), want, full)
	}
}

// A run that ends while the disk is full has made a step that is not kept: it resumes from
// the last kept one.
func TestEndedOnAFullDisk(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	w := build(t, "hamlet", scenario.Options{})
	r, err := CreateRun(dir, Run{})
	if err != nil {
		t.Fatal(err)
	}
	chain := w.NewChain()
	j, err := r.Keep(w, chain, Durability{})
	if err != nil {
		t.Fatal(err)
	}
	j.free = func(string) (int64, error) {
		if j.next == 19 {
			return reserve - 1, nil
		}
		return reserve, nil
	}
	run := sim.Runner{World: w, Stepper: sim.NewFlat(w, nil, true), Sinks: []sim.Sink{chain, j}}
	for err == nil {
		_, err = run.Step()
	}
	if err := r.Finish(Interrupted, nil); err != nil {
		t.Fatal(err)
	}
	s := open(t, dir, Write)
	steps := 19
	want := digestOf(t, build(t, "hamlet", scenario.Options{Steps: &steps}))
	if got, err := s.DigestAt(19); err != nil || got != want || s.Steps() != 19 {
		t.Errorf("%d steps with digest %s, wanted %s; %v", s.Steps(), got, want, err)
	}
	j, m, err := s.Resume(Durability{})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := carryOn(t, s.Run(), j, m.World, m.Chain, m.Steps, -1), digestOf(t, build(t, "hamlet", scenario.Options{})); got != want {
		t.Errorf("digest %s, wanted %s", got, want)
	}
}

// A reader that cannot open a journal says what makes it again if anything does, and that does; without a whole ledger it
// says that nothing does. (Badger bears the loss of some of its files.)
func TestDamageNamesTheWayOut(t *testing.T) {
	k := makeTruth(t)
	change := func(t *testing.T, pattern string, how func(name string) error) func(dir string) {
		return func(dir string) {
			names, err := filepath.Glob(filepath.Join(dir, pattern))
			if err != nil || len(names) == 0 {
				t.Fatalf("%s: %d files, %v", pattern, len(names), err)
			}
			if err := how(names[0]); err != nil {
				t.Fatal(err)
			}
		}
	}
	flip := func(name string) error {
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		b[len(b)/2] ^= 0x10
		return os.WriteFile(name, b, 0o666)
	}
	half := func(name string) error {
		info, err := os.Stat(name)
		if err != nil {
			return err
		}
		return os.Truncate(name, info.Size()/2)
	}
	told := 0
	for _, pattern := range []string{"", "/MANIFEST", "/*.sst", "/KEYREGISTRY", "/*.vlog"} {
		for name, how := range map[string]func(string) error{"removed": os.RemoveAll, "flipped": flip, "cut": half} {
			if pattern == "" && name != "removed" {
				continue
			}
			t.Run(name+pattern, func(t *testing.T) {
				dir := filepath.Join(t.TempDir(), "run")
				copyRun(t, k.dir, dir)
				change(t, journalDir+pattern, how)(dir)
				s, err := Open(dir, Read)
				if err == nil {
					s.Close()
					return
				}
				told++
				if want := "; `smatrix run --resume " + dir + "` makes it again from its ledger"; !errors.As(err, new(*DamageError)) || !strings.HasSuffix(err.Error(), want) {
					t.Errorf("%v; wanted %q at its end", err, want)
				}
				hurt := filepath.Join(t.TempDir(), "run")
				copyRun(t, dir, hurt)
				if err := flip(filepath.Join(hurt, ledgerFile)); err != nil {
					t.Fatal(err)
				}
				if _, err := Open(hurt, Read); err == nil || !strings.HasSuffix(err.Error(), "; restore a backup") {
					t.Errorf("without its whole ledger: %v", err)
				}
				if what, err := k.look(dir, Write, true); what != "" || err != nil {
					t.Errorf("made again: %s, %v", what, err)
				}
			})
		}
	}
	if told < 5 {
		t.Errorf("%d kinds of damage, wanted most", told)
	}
}
