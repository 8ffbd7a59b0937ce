package journaltest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"sync"
	"time"

	"github.com/smatrix-grid/smatrix/persistence"
	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/sim/views"
	"github.com/smatrix-grid/smatrix/twins"
)

// The run of these laws: a road of three homes for three days in hourly steps, whose tie
// is too small in the evening, so that there are decisions and events. A snapshot is
// due after each day.
const (
	roadSteps = 72
	roadDay   = 24
	road      = `
start: 2018-03-05
zone: Europe/Berlin
step_s: 3600
days: 3
recordings: [{id: meters, file: meters.csv, time: {column: time, stamps: start}, unit: W}]
communities: [{id: road, limit_w: 2500}, {id: supply}]
households:
  - {id: home-1, community: road, load: {recording: meters, column: a}}
  - {id: home-2, community: road, load: {recording: meters, column: b}}
  - {id: home-3, community: road, load: {recording: meters, column: c}}
batteries: [{id: battery, community: road, owner: home-1, rated_wh: 5000, rated_w: 2000}]
water_pumps: [{id: pump, community: road, rated_w: 1500, daily_wh: 6000, from: "06:00", until: "20:00"}]
ties: [{id: tie, community: supply, import_w: 3000, export_w: 1000}]
`
)

// world builds the road, with commands from outside.
func (h *house) world(commands ...twins.Command) *sim.World {
	h.Helper()
	dir := filepath.Join(h.dir, "road")
	var meters bytes.Buffer
	meters.WriteString("time,a,b,c\n")
	for t := range roadSteps {
		evening := 0
		if t%24 > 16 && t%24 < 22 {
			evening = 1500
		}
		fmt.Fprintf(&meters, "2018-03-%02d %02d:00,%d,%d,%d\n", 5+t/24, t%24, 300+37*t%200, 200+evening, 150+evening+53*t%90)
	}
	err := errors.Join(os.MkdirAll(dir, 0o777), os.WriteFile(filepath.Join(dir, "meters.csv"), meters.Bytes(), 0o666),
		os.WriteFile(filepath.Join(dir, "road.yaml"), []byte(road), 0o666))
	if err != nil {
		h.Fatal(err)
	}
	s, err := scenario.Load(filepath.Join(dir, "road.yaml"), scenario.Options{})
	if err != nil {
		h.Fatal(err)
	}
	w, err := sim.Build(s)
	if err != nil {
		h.Fatal(err)
	}
	for _, c := range commands {
		if err := w.Add(c); err != nil {
			h.Fatal(err)
		}
	}
	return w
}

// scaled returns a command from outside: more load of a home from a step on.
func scaled(at twins.Tick) twins.Command {
	return twins.Set("grid/road/home-2", "load.scale", int64(twins.One)+int64(at)*1e6).At(at, 100+int64(at))
}

// truth is the record of a run, kept independently of any journal.
type truth struct {
	sim.Memory
	used    []views.Figures // by community
	hoursGo bool            // hourly usage has been deleted, daily usage has not
	digest  sim.Hash
}

// Commit implements sim.Sink.
func (v *truth) Commit(r *sim.StepRecord) error {
	if v.used == nil {
		v.used = make([]views.Figures, len(r.Cells))
	}
	for i, c := range r.Cells {
		f, net := &c.Flows, c.Flows.Power+c.Flows.NetworkLoss
		for k, p := range [views.NumFigures]twins.Power{f.Load, f.Generation, f.Charge, f.Discharge, max(net, 0), max(-net, 0), f.Unserved, f.Curtailed, f.Shifted} {
			v.used[i][k] += p.For(r.Step)
		}
	}
	return v.Memory.Commit(r)
}

// undisturbed makes a run without a journal.
func (h *house) undisturbed(commands ...twins.Command) *truth {
	h.Helper()
	v := &truth{}
	w := h.world(commands...)
	chain := w.NewChain()
	h.steps(w, 0, roadSteps, chain, v)
	v.digest = chain.Digest()
	events, decisions := 0, 0
	for i := range v.Events {
		events, decisions = events+len(v.Events[i]), decisions+len(v.Decisions[i])
	}
	if events == 0 || decisions == 0 {
		h.Fatalf("the road has %d events and %d decisions: it shows nothing", events, decisions)
	}
	return v
}

func (h *house) steps(w *sim.World, from, to twins.Tick, sinks ...sim.Sink) {
	h.Helper()
	run := sim.Runner{World: w, Stepper: sim.NewFlat(w, nil, true), Sinks: sinks}
	run.From(from)
	for run.Done() < to {
		if _, err := run.Step(); err != nil {
			h.Fatal(err)
		}
	}
}

// keeping is a run that is being kept.
type keeping struct {
	h       *house
	world   *sim.World
	dir     *persistence.RunDir
	journal *persistence.Journal
	chain   *sim.Chain
	next    twins.Tick
	table   persistence.Table // as it was opened last
}

// watch stores the table that was opened, so that left can close it without ending the
// journal.
func (k *keeping) watch(tables persistence.Opener) persistence.Opener {
	return func(dir string, mode persistence.Mode, thin bool) (persistence.Table, error) {
		t, err := tables(dir, mode, thin)
		k.table = t
		return t, err
	}
}

// keep begins a run in a folder.
func (h *house) keep(name string, d persistence.Durability, r persistence.Retention) *keeping {
	h.Helper()
	return h.keepIn(h.tables, name, d, r)
}

func (h *house) keepIn(tables persistence.Opener, name string, d persistence.Durability, r persistence.Retention) *keeping {
	h.Helper()
	k := &keeping{h: h, world: h.world()}
	var err error
	if k.dir, err = persistence.CreateRun(filepath.Join(h.dir, name), persistence.Run{Scenario: "road", Smatrix: "test"}); err != nil {
		h.Fatal(err)
	}
	k.dir.Tables, k.dir.Retention = k.watch(tables), r
	k.chain = k.world.NewChain()
	if k.journal, err = k.dir.Keep(k.world, k.chain, d); err != nil {
		h.Fatal(err)
	}
	return k
}

// to makes the steps up to a step.
func (k *keeping) to(step twins.Tick, sinks ...sim.Sink) {
	k.h.Helper()
	k.h.steps(k.world, k.next, step, append([]sim.Sink{k.chain, k.journal}, sinks...)...)
	k.next = step
}

// command appends a command for the next step.
func (k *keeping) command() twins.Command {
	k.h.Helper()
	c := scaled(k.next)
	if err := errors.Join(k.journal.AppendCommand(c), k.world.Add(c)); err != nil {
		k.h.Fatal(err)
	}
	return c
}

// left leaves the run as a killed process does: the table has all that was put.
func (k *keeping) left() { closed(k.h, k.table) }

func (k *keeping) finish(state persistence.State) {
	k.h.Helper()
	if err := k.dir.Finish(state, nil); err != nil {
		k.h.Fatal(err)
	}
}

func (h *house) open(name string, mode persistence.Mode) *persistence.Store {
	h.Helper()
	s, err := persistence.OpenOn(h.tables, filepath.Join(h.dir, name), mode)
	if err != nil {
		h.Fatal(err)
	}
	return s
}

// resumed resumes a run.
func (h *house) resumed(name string) *keeping {
	h.Helper()
	k := &keeping{h: h}
	s, err := persistence.OpenOn(k.watch(h.tables), filepath.Join(h.dir, name), persistence.Write)
	if err != nil {
		h.Fatal(err)
	}
	if s.Damaged() {
		h.Errorf("damage of a table that was closed: %q", s.Repairs())
	}
	var at *persistence.Moment
	if k.journal, at, err = s.Resume(persistence.Durability{}); err != nil {
		h.Fatal(err)
	}
	k.dir, k.world, k.chain, k.next = s.Run(), at.World, at.Chain, at.Steps
	return k
}

// is compares all that can be read of a run with the truth, and wants no repairs.
func (h *house) is(name string, want *truth, commands ...twins.Command) {
	h.Helper()
	s := h.open(name, persistence.Read)
	defer func() {
		if err := s.Close(); err != nil {
			h.Error(err)
		}
	}()
	var is sim.Memory
	if err := s.Replay(0, s.Steps(), &is); err != nil {
		h.Fatal(err)
	}
	h.sameSteps(&is, &want.Memory, 0, roadSteps)
	if got, err := s.DigestAt(roadSteps); err != nil || got != want.digest {
		h.Errorf("digest %s, %v, wanted %s", got, err, want.digest)
	}
	if got := s.Commands(0, roadSteps); len(got) != len(commands) || len(got) > 0 && !reflect.DeepEqual(got, commands) {
		h.Errorf("commands %v, wanted %v", got, commands)
	}
	for _, span := range []persistence.Span{persistence.Hours, persistence.Days} {
		if span == persistence.Hours && want.hoursGo {
			continue
		}
		used := make([]views.Figures, len(want.used))
		err := s.Usage(span, math.MinInt64/2, math.MaxInt64/2, func(_ int64, i int, u *views.CellUsage) error {
			used[i].Plus(&u.Total)
			return nil
		})
		if err != nil || !reflect.DeepEqual(used, want.used) {
			h.Errorf("use by %c is %v, %v, wanted %v", span, used, err, want.used)
		}
	}
	if err := s.Verify(0, s.Steps(), nil, nil); err != nil {
		h.Error(err)
	}
	if len(s.Repairs()) > 0 {
		h.Errorf("repairs of a whole run: %q", s.Repairs())
	}
}

// sameSteps compares the replayed steps from ≤ t < to of a run with those recorded.
func (h *house) sameSteps(is, was *sim.Memory, from, to int) {
	h.Helper()
	if len(is.Frames) != to-from {
		h.Fatalf("%d steps, wanted %d", len(is.Frames), to-from)
	}
	for i := range is.Frames {
		t := from + i
		if !reflect.DeepEqual(is.Frames[i], was.Frames[t]) || is.Flows[i] != was.Flows[t] {
			h.Fatalf("step %d: readings are not what they were", t)
		}
		if fmt.Sprint(is.Events[i]) != fmt.Sprint(was.Events[t]) || fmt.Sprint(is.Decisions[i]) != fmt.Sprint(was.Decisions[t]) {
			h.Fatalf("step %d: events %v and decisions %v, wanted %v and %v", t, is.Events[i], is.Decisions[i], was.Events[t], was.Decisions[t])
		}
	}
}

func testReplay(h *house) {
	want := h.undisturbed()
	k := h.keep("run", persistence.Durability{}, persistence.Retention{})
	k.to(roadSteps)
	k.finish(persistence.Done)
	h.is("run", want)
}

// testResume leaves runs at steps around chunks and snapshots.
func testResume(h *house) {
	for _, stop := range []twins.Tick{0, 1, 23, 24, 25, 60, 71} {
		name := fmt.Sprintf("left-%d", stop)
		k := h.keep(name, persistence.Durability{}, persistence.Retention{})
		var given []twins.Command
		if k.to(stop / 2); stop > 0 {
			given = append(given, k.command())
		}
		k.to(stop)
		k.left()
		k = h.resumed(name)
		if known := k.journal.Known(); known != stop {
			h.Fatalf("left after %d steps: %d are known", stop, known)
		}
		k.to(roadSteps)
		k.finish(persistence.Done)
		h.is(name, h.undisturbed(given...), given...)
	}
}

// testEndedEarly ends a run within a day: the current hour and day are written again after
// it is resumed.
func testEndedEarly(h *house) {
	k := h.keep("run", persistence.Durability{}, persistence.Retention{})
	for _, stop := range []twins.Tick{13, 40, roadSteps} {
		k.to(stop)
		k.finish(persistence.Interrupted)
		if stop < roadSteps {
			k = h.resumed("run")
		}
	}
	h.is("run", h.undisturbed())
}

// undone is a table on a machine that loses power: pull undoes all puts since the last sync.
type undone struct {
	persistence.Table
	before []persistence.Entry // the value of each key before each put, in order
}

// Put implements persistence.Table.
func (u *undone) Put(entries []persistence.Entry) error {
	for _, e := range entries {
		was, err := u.Get(e.Key)
		if err != nil && !errors.Is(err, persistence.ErrNotFound) {
			return err
		}
		if err == nil && was == nil {
			was = []byte{}
		}
		u.before = append(u.before, persistence.Entry{Key: bytes.Clone(e.Key), Value: was})
	}
	return u.Table.Put(entries)
}

// Sync implements persistence.Table.
func (u *undone) Sync() error {
	u.before = nil
	return u.Table.Sync()
}

func (u *undone) pull() error {
	for i := len(u.before) - 1; i >= 0; i-- {
		if err := u.Table.Put(u.before[i : i+1]); err != nil {
			return err
		}
	}
	return u.Close()
}

// testPower loses power: all synced steps, commands and notes are kept, and the resumed run
// has the same end.
func testPower(h *house) {
	for _, stop := range []twins.Tick{3, 26, 51} {
		name := fmt.Sprintf("cut-%d", stop)
		const every = 4
		k := h.keepIn(func(dir string, mode persistence.Mode, thin bool) (persistence.Table, error) {
			t, err := h.tables(dir, mode, thin)
			return &undone{Table: t}, err
		}, name, persistence.Durability{Steps: every, Every: time.Hour}, persistence.Retention{})
		if err := k.journal.Sync(); err != nil {
			h.Fatal(err)
		}
		k.to(stop - 1)
		given := []twins.Command{k.command()}
		k.to(stop)
		given = append(given, k.command())
		if err := k.journal.AppendNote("note", []byte("text")); err != nil {
			h.Fatal(err)
		}
		synced := k.next
		if err := k.table.(*undone).pull(); err != nil {
			h.Fatal(err)
		}
		h.hasSteps(name, synced)
		s := h.open(name, persistence.Read)
		notes, err := s.Notes("")
		if err != nil || string(notes["note"]) != "text" {
			h.Errorf("notes %q, %v", notes, err)
		}
		if err := s.Close(); err != nil {
			h.Fatal(err)
		}
		k = h.resumed(name)
		k.to(roadSteps)
		k.finish(persistence.Done)
		h.is(name, h.undisturbed(given...), given...)
	}
	h.losesWhatIsNotSynced()
}

// losesWhatIsNotSynced shows that a loss of power loses something: the last steps.
func (h *house) losesWhatIsNotSynced() {
	k := h.keepIn(func(dir string, mode persistence.Mode, thin bool) (persistence.Table, error) {
		t, err := h.tables(dir, mode, thin)
		return &undone{Table: t}, err
	}, "late", persistence.Durability{Steps: 8, Every: time.Hour}, persistence.Retention{})
	k.to(21)
	if err := k.table.(*undone).pull(); err != nil {
		h.Fatal(err)
	}
	h.hasSteps("late", 16)
	table, err := h.tables(filepath.Join(h.dir, "late", "journal"), persistence.Write, false)
	if err != nil {
		h.Fatal(err)
	}
	if _, err := table.Get(stepKey(16)); !errors.Is(err, persistence.ErrNotFound) {
		h.Errorf("a step that was not synced: %v", err)
	}
	closed(h, table)
	s := h.open("late", persistence.Read)
	if len(s.Repairs()) != 1 || s.Steps() != 21 { // the ledger still has them
		h.Errorf("%d steps, repairs %q", s.Steps(), s.Repairs())
	}
	if err := s.Close(); err != nil {
		h.Fatal(err)
	}
}

// stepKey returns the key of a step, as drawn in persistence's doc.go.
func stepKey(t twins.Tick) []byte { return binary.BigEndian.AppendUint64([]byte{'s'}, uint64(t)) }

// hasSteps checks that the table itself has the first steps.
func (h *house) hasSteps(name string, steps twins.Tick) {
	h.Helper()
	table, err := h.tables(filepath.Join(h.dir, name, "journal"), persistence.Write, false)
	if err != nil {
		h.Fatal(err)
	}
	defer closed(h, table)
	for t := range steps {
		if _, err := table.Get(stepKey(t)); err != nil {
			h.Errorf("step %d of %d that were synced: %v", t, steps, err)
		}
	}
}

func testLateCommand(h *house) {
	k := h.keep("run", persistence.Durability{}, persistence.Retention{})
	k.to(30)
	if err := k.journal.AppendCommand(scaled(29)); err == nil {
		h.Error("a command was taken for a step that is over")
	}
	if err := k.journal.AppendCommand(scaled(30)); err != nil {
		h.Error(err)
	}
	k.left()
	k = h.resumed("run")
	if k.next >= 30 {
		h.Fatalf("resumed at step %d", k.next)
	}
	if err := k.journal.AppendCommand(scaled(29)); err == nil {
		h.Error("a command was taken for a step that is made again")
	}
	k.left()
}

// testSnapshots compares the states restored from each snapshot with those computed from the
// beginning.
func testSnapshots(h *house) {
	k := h.keep("run", persistence.Durability{}, persistence.Retention{})
	k.to(50)
	k.command()
	k.to(roadSteps)
	k.finish(persistence.Done)
	s := h.open("run", persistence.Read)
	with := map[twins.Tick][]byte{}
	for n := twins.Tick(roadSteps); n > 0; n = s.SnapshotBefore(n - 1) {
		for _, at := range []twins.Tick{n, n - 5} {
			with[at] = h.statesAt(s, at)
		}
	}
	if len(with) != 2*roadSteps/roadDay || len(s.Repairs()) > 0 {
		h.Errorf("%d states, repairs %q", len(with), s.Repairs())
	}
	if err := s.Close(); err != nil {
		h.Fatal(err)
	}
	h.takeOut("run", 'n')
	s = h.open("run", persistence.Read)
	if n := s.SnapshotBefore(roadSteps); n != 0 {
		h.Fatalf("a snapshot after step %d is left", n)
	}
	for at, want := range with {
		if !bytes.Equal(h.statesAt(s, at), want) {
			h.Errorf("after step %d: snapshot and log are not the log alone", at)
		}
	}
	if err := s.Close(); err != nil {
		h.Fatal(err)
	}
}

// statesAt returns all states at a moment, and the head of the chain.
func (h *house) statesAt(s *persistence.Store, at twins.Tick) []byte {
	h.Helper()
	m, err := s.At(at)
	if err != nil {
		h.Fatal(err)
	}
	head := m.Chain.Head()
	b := head[:]
	states := m.World.NewStates(m.World.Controller)
	for i := range m.World.Cells {
		b = states.AppendCell(b, i)
	}
	return states.AppendGrid(b)
}

// takeOut deletes the keys of a kind from a run's table.
func (h *house) takeOut(name string, kind byte) {
	h.Helper()
	table, err := h.tables(filepath.Join(h.dir, name, "journal"), persistence.Write, false)
	if err != nil {
		h.Fatal(err)
	}
	defer closed(h, table)
	var entries []persistence.Entry
	for _, k := range keysOf(h, table, kind) {
		entries = append(entries, persistence.Entry{Key: k})
	}
	put(h, table, entries...)
}

func keysOf(h *house, table persistence.Table, kind byte) (keys [][]byte) {
	h.Helper()
	if err := table.Scan([]byte{kind}, nil, func(k, _ []byte) error {
		keys = append(keys, bytes.Clone(k))
		return nil
	}); err != nil {
		h.Fatal(err)
	}
	return keys
}

// testRetention keeps one day: older entries are deleted from the table, and the steps are
// computed again as they were, also in a run that was left and resumed.
func testRetention(h *house) {
	want := h.undisturbed()
	for name, r := range map[string]persistence.Retention{
		"readings": {Readings: 1, Snapshots: 2}, "events": {Events: 1, Hours: 1, Snapshots: 2},
	} {
		kinds := map[byte]int{'k': 1, 'r': 5, 'n': 1, 'z': 1} // and the offset of the step in the key
		if r.Events > 0 {
			kinds['s'] = 1
		}
		k := h.keep(name, persistence.Durability{}, r)
		k.to(2*roadDay + 7)
		h.oldest(name+", running", k.table, kinds, roadDay)
		k.left()
		k = h.resumed(name)
		k.to(roadSteps)
		h.oldest(name+", resumed", k.table, kinds, 2*roadDay)
		k.finish(persistence.Done)
		want.hoursGo = r.Hours > 0
		h.is(name, want)
	}
}

// oldest fails if a key of these kinds is of a step before from, or none are left.
func (h *house) oldest(what string, table persistence.Table, kinds map[byte]int, from uint64) {
	h.Helper()
	for kind, offset := range kinds {
		least := uint64(math.MaxUint64)
		for _, key := range keysOf(h, table, kind) {
			least = min(least, binary.BigEndian.Uint64(key[offset:]))
		}
		if least < from || least > from+roadDay {
			h.Errorf("%s: the oldest %c is of %d, wanted %d", what, kind, least, from)
		}
	}
}

// testEnded checks that an ended journal accepts nothing.
func testEnded(h *house) {
	want := h.undisturbed()
	k := h.keep("run", persistence.Durability{}, persistence.Retention{})
	k.to(roadSteps)
	k.finish(persistence.Done)
	for what, err := range map[string]error{
		"a step": k.journal.Commit(&sim.StepRecord{Tick: roadSteps}), "a command": k.journal.AppendCommand(scaled(roadSteps)),
		"a note": k.journal.AppendNote("n", nil), "a sync": k.journal.Sync(),
	} {
		if err == nil {
			h.Errorf("%s was taken after the end", what)
		}
	}
	s := h.open("run", persistence.Read)
	if s.Meta().State != persistence.Done || s.Steps() != roadSteps || s.SnapshotBefore(roadSteps) != roadSteps {
		h.Errorf("%s after %d steps, the last snapshot after %d", s.Meta().State, s.Steps(), s.SnapshotBefore(roadSteps))
	}
	if err := s.Close(); err != nil {
		h.Fatal(err)
	}
	h.is("run", want)
}

// testReader reads a run while its steps are made, from another goroutine and between steps.
func testReader(h *house) {
	want := h.undisturbed()
	k := h.keep("run", persistence.Durability{}, persistence.Retention{Readings: 1, Snapshots: 2})
	reader := k.journal.Reader()
	over := make(chan struct{})
	var failed error
	var all sync.WaitGroup
	all.Go(func() {
		for last := false; !last && failed == nil; {
			select {
			case <-over:
				last = true
			default:
			}
			failed = sameSoFar(reader, want)
		}
	})
	ended := sync.OnceFunc(func() { close(over); all.Wait() })
	defer ended() // also if a step fails
	for t := range twins.Tick(roadSteps) {
		k.to(t + 1)
		if n := reader.Steps(); n != t+1 {
			h.Errorf("after step %d a reader knows %d", t+1, n)
		}
	}
	if ended(); failed != nil {
		h.Error(failed)
	}
	k.finish(persistence.Done)
	h.is("run", want)
}

// sameSoFar replays the steps that a reader has, and compares them.
func sameSoFar(r *persistence.Reader, want *truth) error {
	var is sim.Memory
	n := r.Steps()
	if err := r.Replay(0, n, false, &is); err != nil {
		return fmt.Errorf("beside the run: %w", err)
	}
	if len(is.Frames) != int(n) || !reflect.DeepEqual(is.Frames, want.Frames[:n]) && n > 0 {
		return fmt.Errorf("beside the run: %d of %d steps, or others", len(is.Frames), n)
	}
	return nil
}

// testFork forks a run, and leaves and resumes the fork.
func testFork(h *house) {
	const at = 30
	k := h.keep("run", persistence.Durability{}, persistence.Retention{})
	k.to(roadSteps)
	k.finish(persistence.Done)
	s := h.open("run", persistence.Read)
	f := &keeping{h: h, next: at}
	var err error
	if f.dir, err = persistence.CreateRun(filepath.Join(h.dir, "fork"), persistence.Run{Scenario: "road", Smatrix: "test"}); err != nil {
		h.Fatal(err)
	}
	f.dir.Tables = f.watch(h.tables)
	journal, moment, err := s.Fork(f.dir, at, []twins.Command{scaled(at)}, sim.KeepLater, persistence.Durability{})
	if err != nil {
		h.Fatal(err)
	}
	f.journal, f.world, f.chain = journal, moment.World, moment.Chain
	f.to(at + 20)
	f.left()
	if err := s.Close(); err != nil {
		h.Fatal(err)
	}
	f = h.resumed("fork")
	f.to(roadSteps)
	f.finish(persistence.Done)
	h.is("fork", h.undisturbed(scaled(at)), scaled(at))
	h.is("run", h.undisturbed())
}
