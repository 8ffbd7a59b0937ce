package persistence

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/form"
	"github.com/smatrix-grid/smatrix/sim/regular"
	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/sim/views"
	"github.com/smatrix-grid/smatrix/twins"
)

// Durability says when committed steps are synced to disk, so that they survive a failure
// of the machine. A killed process loses nothing in any case, and commands from outside
// are synced before they are acknowledged.
type Durability struct {
	Steps int           // at the latest after so many steps; 0 means 64
	Every time.Duration // or with the first step after this time; 0 means 1 s
}

// The defaults of Durability.
const (
	defaultSyncSteps = 64
	defaultSyncEvery = time.Second
)

func (d Durability) filled() Durability {
	if d.Steps == 0 {
		d.Steps = defaultSyncSteps
	}
	if d.Every == 0 {
		d.Every = defaultSyncEvery
	}
	return d
}

// Journal is the sink that keeps a run, step by step. A step is kept as a whole: when
// Commit returns, the operating system has it, and Durability says when it is on disk.
// After a failed write every call returns the error.
//
// Commit and the methods for commands and notes may be called from several goroutines,
// and a Reader may be used at the same time.
type Journal struct {
	mu         sync.Mutex
	published  atomic.Pointer[view] // the state that readers see
	store      *Store
	chain      *sim.Chain
	ledger     *ledger
	durability Durability

	next    twins.Tick // the expected step
	known   twins.Tick // steps before this one are made again: their heads are known
	chunk   chunk
	failed  error
	last    *sim.StepRecord
	refused bool      // a step made after last was refused, as the disk was full
	waiting int       // steps since the last sync
	synced  time.Time // the last sync

	whenRoom string // FullError.Then

	buf     []byte // for bodies, reused
	numbers *memberNumbers
	folds   *folds                          // read models; nil if none are kept
	free    func(dir string) (int64, error) // bytes on the disk
}

// chunk is readings of consecutive steps that will be written together.
type chunk struct {
	from   twins.Tick
	steps  int
	values int // in memory
	cells  []*cellChunk
}

// The number of steps in a chunk: enough to compress well, fewer if there are many values
// other than 0.
const (
	mostChunkSteps  = 96
	leastChunkSteps = 8
	mostChunkValues = 8 << 20
)

// mostBetween is the greatest number of steps between snapshots: a day of minutes.
var mostBetween twins.Tick = 1440 // tests set fewer

// reserve is the number of bytes kept free on the disk: Badger crashes on a full disk, as
// it writes through mapped memory. It covers Badger's open files and a compaction.
const reserve = 192 << 20

// closingReserve is the part of the reserve, in bytes, that closing needs: with less free, the
// journal is left as a kill leaves it.
const closingReserve = reserve / 2

// Keep begins the journal of a new run of a world. chain must be a sink before the journal,
// and the journal must receive every record.
func (r *RunDir) Keep(w *sim.World, chain *sim.Chain, d Durability) (*Journal, error) {
	kept, err := keptOf(w)
	if err != nil {
		return nil, err
	}
	kept.Retention, kept.Form = r.Retention, formOfWorld(w)
	if err := r.writeText(scenarioFile, kept.Scenario.Text); err != nil {
		return nil, err
	}
	Checkpoint()
	s := newStore(r, Write)
	s.start, s.segments = chain.Head(), kept.Form.segments()
	if s.table, err = r.openTable(Write, kept.Retention != (Retention{})); err != nil {
		return nil, err
	}
	j, err := newJournal(s, w, chain, d, 0)
	if err == nil {
		err = s.table.Put([]Entry{s.seal([]byte{keyFormat}, []byte{journalFormat})})
	}
	if err == nil {
		if j.ledger, err = createLedger(r.path(ledgerFile), s.start); err == nil {
			err = s.openLedger()
		}
	}
	Checkpoint()
	if err == nil {
		r.meta.Journal = kept
		r.meta.Journal.CSV = r.csv != nil
		err = r.writeMeta()
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	j.folds = newFolds(s, w, views.NewSet(w), windowKinds(), 0)
	r.journal = j
	r.unlockBegun()
	return j, nil
}

// keptOf returns what run.json records of a world.
func keptOf(w *sim.World) (*Kept, error) {
	k := &Kept{Scenario: w.Scenario.Origin(), Steps: int64(w.Scenario.Calendar.Steps), StepS: int64(w.Scenario.Calendar.Step)}
	sum := sim.Hash(sha256.Sum256(k.Scenario.Text))
	k.Text = sum.String()
	var err error
	if err = k.Scenario.MakeAbsolute(); err == nil {
		k.Data, err = w.Scenario.Data()
	}
	return k, err
}

// scenario reads the scenario of a run.
func (k *Kept) scenario(r *RunDir) (*scenario.Scenario, error) {
	text, err := regular.ReadFile(r.path(scenarioFile), scenario.MostText)
	if system := systemError(r.dir, err); system != nil {
		return nil, system
	}
	if err != nil {
		return nil, lost(r.dir, "its %s: %v", scenarioFile, reason(err))
	}
	if sum := sim.Hash(sha256.Sum256(text)); sum.String() != k.Text {
		return nil, lost(r.dir, "its %s is not what was written: SHA-256 %.12s…, wanted %.12s…", scenarioFile, sum, k.Text)
	}
	from := k.Scenario
	from.Text = text
	return from.Reload(k.Data)
}

func newJournal(s *Store, w *sim.World, chain *sim.Chain, d Durability, from twins.Tick) (*Journal, error) {
	last := s.segments[len(s.segments)-1]
	last.shape = shapeOf(last.layout, w.Cells)
	j := &Journal{
		store: s, chain: chain, durability: d.filled(), next: from, known: s.Steps(), chunk: chunk{from: from},
		synced: time.Now(), free: diskFree, numbers: &memberNumbers{},
		whenRoom: fmt.Sprintf("go on with `smatrix run --resume %s`", s.dir),
	}
	j.publish()
	return j, nil
}

// Commit implements sim.Sink. After a *FullError nothing was written, and the caller may
// retry the same record when there is room; any other error is permanent.
func (j *Journal) Commit(r *sim.StepRecord) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.failed != nil {
		return j.failed
	}
	if r.Tick != j.next {
		return j.fail(fmt.Errorf("journal: step %d came, wanted %d", r.Tick, j.next))
	}
	if err := j.room(); err != nil {
		j.refused = true
		return err
	}
	head := j.chain.Head()
	if err := j.checkHead(r.Tick, head); err != nil {
		return j.fail(err)
	}
	entries, err := j.encodeStep(r, head)
	if err != nil {
		return j.fail(err)
	}
	if err := j.store.table.Put(entries); err != nil {
		return j.fail(err)
	}
	j.store.steps = max(j.store.steps, r.Tick+1)
	j.next, j.last, j.refused = r.Tick+1, r, false
	if r.Tick >= j.known {
		at := j.ledger.step(r.Tick, head)
		if err := j.ledger.flush(); err != nil {
			return j.fail(err)
		}
		j.store.index.add(r.Tick, head, at)
	}
	j.publish()
	j.waiting++
	if j.waiting >= j.durability.Steps || time.Since(j.synced) >= j.durability.Every {
		return j.sync()
	}
	return nil
}

// fail stops the journal for good: after a failed write the content of the disk is unknown.
func (j *Journal) fail(err error) error {
	j.failed = fmt.Errorf("nothing more is kept since then: %w", err)
	return err
}

// WhenRoom sets what the *FullErrors of the journal say that happens, or is to be done, once there is room. Without
// it they name `smatrix run --resume`.
func (j *Journal) WhenRoom(then string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.whenRoom = then
}

// Room returns a *FullError if less than the reserve is free on the disk.
func (j *Journal) Room() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.room()
}

// room returns a *FullError if less than the reserve is free. The caller holds mu.
func (j *Journal) room() error { return j.roomFor(reserve) }

func (j *Journal) roomFor(want int64) error {
	free, err := j.free(j.store.dir)
	if err != nil {
		return j.fail(err)
	}
	if free < want {
		return &FullError{Dir: j.store.dir, Free: free, Want: reserve, Then: j.whenRoom}
	}
	return nil
}

// checkHead compares the head of a step that is made again with the recorded one.
func (j *Journal) checkHead(t twins.Tick, head sim.Hash) error {
	if t >= j.known {
		return nil
	}
	if was := j.store.head(t); was != (sim.Hash{}) && was != head {
		return j.store.contradiction(t)
	}
	return nil
}

// encodeStep returns the entries of a step, with those of a full chunk and of a snapshot
// that is due. Their order is safe in a crash: a mark follows what it marks.
func (j *Journal) encodeStep(r *sim.StepRecord, head sim.Hash) (entries []Entry, err error) {
	s, c := j.store, &j.chunk
	if entries, err = j.foldStep(r); err != nil {
		return nil, err
	}
	if c.cells == nil {
		for i := range r.Cells {
			c.cells = append(c.cells, newCellChunk(j.shape(), i))
		}
	}
	for i, cell := range r.Cells {
		c.values += c.cells[i].add(cell)
	}
	c.steps++
	full := c.steps >= mostChunkSteps || c.steps >= leastChunkSteps && c.values >= mostChunkValues
	snapshot := r.SnapshotDue || (r.Tick+1)%mostBetween == 0
	if full || snapshot {
		entries = j.flushChunk(entries)
	}
	if snapshot {
		entries = j.snapshot(entries, r, false)
		entries = j.applyRetention(entries, len(r.Cells))
	}
	form := formOf(r, head)
	form.states = j.chain.States()
	j.buf = form.append(j.buf[:0], j.shape(), j.numbers)
	return append(entries, s.seal(key(keyStep, r.Tick), j.buf)), nil
}

// shape returns the shape of the records to come.
func (j *Journal) shape() *shape { return j.store.segments[len(j.store.segments)-1].shape }

// flushChunk appends the entries of the chunk and begins the next one.
func (j *Journal) flushChunk(entries []Entry) []Entry {
	s, c := j.store, &j.chunk
	if c.steps == 0 {
		return entries
	}
	for i, cell := range j.shape().cells {
		j.buf = c.cells[i].append(j.buf[:0], cell, c.from)
		keyOf := func(part int) []byte { return readingsKey(i, c.from, part) }
		entries = s.sealParts(entries, keyOf, j.buf, s.dictionary(keyOf(0)))
	}
	entries = append(entries, s.seal(key(keyChunk, c.from), chunkMark(c.steps, len(c.cells))))
	s.chunks = s.chunks.with(stepRange{c.from, c.from + twins.Tick(c.steps)})
	c.from, c.steps, c.values = c.from+twins.Tick(c.steps), 0, 0
	for _, cell := range c.cells {
		cell.reset()
	}
	return entries
}

// chunkMark returns the body of a chunk's mark.
func chunkMark(steps, communities int) (w form.Writer) {
	w.Uint(uint64(steps))
	w.Uint(uint64(communities))
	return w
}

// snapshot appends all states after a step; ends says that it is the last step for now.
func (j *Journal) snapshot(entries []Entry, r *sim.StepRecord, ends bool) []Entry {
	s, after := j.store, r.Tick+1
	keep := func(of uint32, states []byte) {
		keyOf := func(part int) []byte { return stateKey(after, of, part) }
		entries = s.sealParts(entries, keyOf, states, s.dictionary(keyOf(0)))
	}
	var buf []byte
	for i := range r.Cells {
		buf = r.States.AppendCell(buf[:0], i)
		keep(uint32(i), buf)
	}
	keep(gridState, r.States.AppendGrid(buf[:0]))
	if j.folds != nil {
		entries = j.folds.snapshot(entries, ends)
	}
	var w form.Writer
	w.Uint(uint64(len(r.Cells)))
	entries = append(entries, s.seal(key(keySnapshot, after), w))
	if s.snapshots.last() < after {
		s.snapshots = s.snapshots.with(after)
	}
	return entries
}

// Next returns the next step to be made: a command must not be for an earlier one.
func (j *Journal) Next() twins.Tick {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.next
}

// Known returns how many steps had been kept when the run was resumed. They are made again,
// and commands are accepted for later steps only.
func (j *Journal) Known() twins.Tick { return j.known }

// AppendCommand keeps commands from outside: when it returns nil they are synced to disk
// and may be acknowledged. The caller must add them to its world, too. After an error,
// some of several commands may have been kept.
func (j *Journal) AppendCommand(commands ...twins.Command) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.command(commands...)
}

func (j *Journal) command(commands ...twins.Command) error {
	if j.failed != nil {
		return j.failed
	}
	for _, c := range commands {
		if c.Type == nil {
			return fmt.Errorf("command %d for %s has no type", c.Seq, c.Target)
		}
		if c.Step < j.next || c.Step < j.known {
			return fmt.Errorf("command for step %d, which has been made; the next one is %d", c.Step, max(j.next, j.known))
		}
	}
	if err := j.room(); err != nil {
		return err
	}
	j.ledger.commands(commands)
	if err := j.ledger.flush(); err != nil {
		return j.fail(err)
	}
	if err := j.ledger.f.Sync(); err != nil {
		return j.fail(err)
	}
	known := j.store.commands // a copy, as readers share the original
	entries := j.store.commandEntries(&known, commands)
	if err := j.store.table.Put(entries); err != nil {
		return j.fail(err)
	}
	j.store.commands = known
	j.publish()
	return nil
}

// Sync returns when all steps so far are on disk.
func (j *Journal) Sync() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.sync()
}

func (j *Journal) sync() error {
	if j.failed != nil {
		return j.failed
	}
	err := j.store.table.Sync()
	if err == nil {
		err = j.ledger.f.Sync()
	}
	if err != nil {
		return j.fail(fmt.Errorf("run %q: sync: %w", j.store.dir, err))
	}
	j.waiting, j.synced = 0, time.Now()
	return nil
}

// End writes the last chunk and a snapshot, so that the run can be resumed from here, and
// closes the store. Later calls of the journal fail. If a write has failed, or too little
// of the reserve is free (*FullError), End writes nothing and leaves the run as a kill
// would.
func (j *Journal) End() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	err := j.failed
	if err == nil {
		err = j.roomFor(closingReserve)
	}
	if err == nil {
		err = j.end()
	}
	j.failed = errors.Join(err, errors.New("the journal has been closed"))
	return errors.Join(err, j.ledger.f.Close(), j.closeStore(err))
}

// closeStore closes the store. After a failure on a disk that is full to the last bytes it does not: Badger would
// write through mapped memory, and what it has in memory is in its log, as after a kill.
func (j *Journal) closeStore(failed error) error {
	if failed != nil {
		if free, err := j.free(j.store.dir); err != nil || free < closingReserve {
			return nil
		}
	}
	return j.store.Close()
}

func (j *Journal) end() error {
	if j.last == nil {
		return j.sync()
	}
	s := j.store
	entries := j.flushChunk(nil)
	if j.folds != nil {
		entries = j.folds.flush(entries)
	}
	if j.refused { // twins and chain are one step ahead of what is kept
		if err := s.table.Put(entries); err != nil {
			return j.fail(err)
		}
		return j.sync()
	}
	if s.snapshots.last() != j.next {
		entries = j.snapshot(entries, j.last, true)
	}
	digest := j.chain.Digest()
	var w form.Writer
	w.Int(int64(j.next))
	w.Bytes(digest[:])
	if err := s.table.Put(append(entries, s.seal([]byte{keyEnd}, w))); err != nil {
		return j.fail(err)
	}
	j.ledger.end(j.next, digest)
	if err := j.ledger.flush(); err != nil {
		return j.fail(err)
	}
	if t, ok := s.table.(interface{ Compact() error }); ok && s.run.meta.Journal.Retention != (Retention{}) {
		if err := t.Compact(); err != nil {
			return j.fail(err)
		}
	}
	return j.sync()
}

// Store returns the store that the journal writes; it must not be read during a call of
// the journal.
func (j *Journal) Store() *Store { return j.store }
