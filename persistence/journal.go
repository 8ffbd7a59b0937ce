package persistence

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/sim/views"
	"github.com/smatrix-grid/smatrix/twins"
)

// Durability says when what was committed is on disk for good, whatever happens to
// the machine. A process that is killed loses nothing in any case, and commands
// from outside are on disk before they are acknowledged.
type Durability struct {
	Steps int           // at the latest after so many steps; 0 stands for 64
	Every time.Duration // or after that time, with the next step; 0 stands for 1 s
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

// Journal is the sink that keeps a run, step by step. A step is kept as a whole:
// when Commit returns it has been handed to the operating system, and Durability
// says when it is on disk. After a write that failed nothing more is taken.
//
// Commit and the methods for commands and notes may be called from several goroutines;
// Reader reads beside them.
type Journal struct {
	mu         sync.Mutex
	shown      atomic.Pointer[view] // what readers may read
	store      *Store
	chain      *sim.Chain
	ledger     *ledger
	durability Durability

	next    twins.Tick // of the step that comes
	known   twins.Tick // steps whose heads are known: they are made again
	chunk   chunk
	failed  error
	last    *sim.StepRecord
	refused bool      // a step has been made since last, for which there was no room
	waiting int       // steps since the last sync
	synced  time.Time // the last sync

	buf    []byte // for bodies, used again
	places *places
	folds  *folds                          // read models; nil: none are kept
	free   func(dir string) (int64, error) // bytes on the disk
}

// chunk is readings that wait to be written together.
type chunk struct {
	from   twins.Tick
	steps  int
	values int // that are kept in memory
	cells  []*cellChunk
}

// How many steps make a chunk: as many as compress well, fewer where there are many values
// other than 0.
const (
	mostChunkSteps  = 96
	leastChunkSteps = 8
	mostChunkValues = 8 << 20
)

// mostBetween is how many steps lie between snapshots at most: a day of minutes.
var mostBetween twins.Tick = 1440 // tests take fewer

// reserve is what is kept free on the disk: Badger dies on a full one, as it writes
// through mapped memory. It covers its open files and a compaction.
const reserve = 192 << 20

// closing is the part of the reserve that closing may take: with less the journal is left as a
// kill leaves it. patience is for how long a store is waited for that cannot be
// written any more; Badger would try for ever.
const closing = reserve / 2

var patience = 5 * time.Second

// Keep begins the journal of a new run, which is then made by the world. chain must
// be a sink before the journal, and the journal gets every record.
func (r *RunDir) Keep(w *sim.World, chain *sim.Chain, d Durability) (*Journal, error) {
	kept, err := keptOf(w)
	if err != nil {
		return nil, err
	}
	kept.Retention, kept.Form = r.Retention, formOfWorld(w)
	if err := r.writeText(scenarioFile, kept.Scenario.Text); err != nil {
		return nil, err
	}
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
	return j, nil
}

// keptOf is what run.json says of a world.
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

// scenario reads the scenario that a run was made of.
func (k *Kept) scenario(r *RunDir) (*scenario.Scenario, error) {
	text, err := os.ReadFile(r.path(scenarioFile))
	if err != nil {
		return nil, &DamageError{Dir: r.dir, Step: 0, What: fmt.Sprintf("its %s: %v", scenarioFile, reason(err))}
	}
	if sum := sim.Hash(sha256.Sum256(text)); sum.String() != k.Text {
		return nil, &DamageError{Dir: r.dir, Step: 0, What: fmt.Sprintf("its %s is not what was written: SHA-256 %.12s…, wanted %.12s…", scenarioFile, sum, k.Text)}
	}
	from := k.Scenario
	from.Text = text
	if err := from.Check(k.Data); err != nil {
		return nil, err
	}
	return from.Load()
}

func newJournal(s *Store, w *sim.World, chain *sim.Chain, d Durability, from twins.Tick) (*Journal, error) {
	last := s.segments[len(s.segments)-1]
	last.shape = shapeOf(last.layout, w.Cells)
	j := &Journal{
		store: s, chain: chain, durability: d.filled(), next: from, known: s.Steps(), chunk: chunk{from: from},
		synced: time.Now(), free: freeSpace, places: &places{},
	}
	j.show()
	return j, nil
}

// Commit implements sim.Sink. *FullError says that nothing was taken and the same
// record may come again when there is room; after any other error nothing more is
// taken.
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
	if err := j.same(r.Tick, head); err != nil {
		return j.fail(err)
	}
	entries, err := j.take(r, head)
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
	j.show()
	j.waiting++
	if j.waiting >= j.durability.Steps || time.Since(j.synced) >= j.durability.Every {
		return j.sync()
	}
	return nil
}

// fail stops the journal for good: what is on disk after a failed write nobody knows.
func (j *Journal) fail(err error) error {
	j.failed = fmt.Errorf("nothing more is kept since then: %w", err)
	return err
}

// Room is a *FullError if there is too little room on the disk to keep anything.
func (j *Journal) Room() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.room()
}

// room refuses before the disk is full.
func (j *Journal) room() error { return j.roomFor(reserve) }

func (j *Journal) roomFor(want int64) error {
	free, err := j.free(j.store.dir)
	if err != nil {
		return j.fail(err)
	}
	if free < want {
		return &FullError{Dir: j.store.dir, Free: free, Want: reserve}
	}
	return nil
}

// same compares a step that is made again with what was kept of it.
func (j *Journal) same(t twins.Tick, head sim.Hash) error {
	if t >= j.known {
		return nil
	}
	if was := j.store.head(t); was != (sim.Hash{}) && was != head {
		return &DamageError{Dir: j.store.dir, Step: t, What: "what is computed again from scenario and commands is not what was kept; see `smatrix replay --verify`"}
	}
	return nil
}

// take makes the entries of a step: with a chunk that is full, and with a snapshot
// that is due, in the order in which they may be found after a crash: what a marker
// stands for comes before it.
func (j *Journal) take(r *sim.StepRecord, head sim.Hash) (entries []Entry, err error) {
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
		entries = j.letGo(entries, len(r.Cells))
	}
	form := formOf(r, head)
	form.states = j.chain.States()
	j.buf = form.append(j.buf[:0], j.shape(), j.places)
	return append(entries, s.seal(key(keyStep, r.Tick), j.buf)), nil
}

// shape is that of the records that come.
func (j *Journal) shape() *shape { return j.store.segments[len(j.store.segments)-1].shape }

// flushChunk writes the chunk out and begins the next one.
func (j *Journal) flushChunk(entries []Entry) []Entry {
	s, c := j.store, &j.chunk
	if c.steps == 0 {
		return entries
	}
	for i, cell := range j.shape().cells {
		j.buf = c.cells[i].append(j.buf[:0], cell, c.from)
		keyOf := func(part int) []byte { return readingsKey(i, c.from, part) }
		entries = s.sealParts(entries, keyOf, j.buf, s.like(keyOf(0)))
	}
	entries = append(entries, s.seal(key(keyChunk, c.from), chunkMark(c.steps, len(c.cells))))
	s.chunks = s.chunks.with(span{c.from, c.from + twins.Tick(c.steps)})
	c.from, c.steps, c.values = c.from+twins.Tick(c.steps), 0, 0
	for _, cell := range c.cells {
		cell.reset()
	}
	return entries
}

// chunkMark is what stands under the mark of a chunk.
func chunkMark(steps, communities int) (w writer) {
	w.uint(uint64(steps))
	w.uint(uint64(communities))
	return w
}

// snapshot writes all states after a step, which may be the last that is made for now.
func (j *Journal) snapshot(entries []Entry, r *sim.StepRecord, ends bool) []Entry {
	s, after := j.store, r.Tick+1
	keep := func(of uint32, states []byte) {
		keyOf := func(part int) []byte { return stateKey(after, of, part) }
		entries = s.sealParts(entries, keyOf, states, s.like(keyOf(0)))
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
	var w writer
	w.uint(uint64(len(r.Cells)))
	entries = append(entries, s.seal(key(keySnapshot, after), w))
	if s.snapshots.last() < after {
		s.snapshots = s.snapshots.with(after)
	}
	return entries
}

// Next is the step that comes: a command must not be for an earlier one.
func (j *Journal) Next() twins.Tick {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.next
}

// Known is how many steps of the run have been kept before. A journal that goes on has
// them made again up to there, and takes commands for later ones only.
func (j *Journal) Known() twins.Tick { return j.known }

// AppendCommand keeps commands from outside: when it returns nil they are on disk, and
// may be acknowledged. The caller adds them to its world, too. Of several that are kept
// together, some may be there after an error.
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
	known := j.store.commands // readers have it
	entries := j.store.commandEntries(&known, commands)
	if err := j.store.table.Put(entries); err != nil {
		return j.fail(err)
	}
	j.store.commands = known
	j.show()
	return nil
}

// AppendNote keeps a note beside the run, for who shows it: on disk when it returns
// nil. A later one of the same name takes its place. Notes are no part of what is
// chained and replayed.
func (j *Journal) AppendNote(name string, value []byte) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.note(name, value)
}

func (j *Journal) note(name string, value []byte) error {
	if j.failed != nil {
		return j.failed
	}
	if err := j.room(); err != nil {
		return err
	}
	err := j.store.table.Put([]Entry{j.store.seal(append([]byte{keyNote}, name...), value)})
	if err == nil {
		err = j.store.table.Sync()
	}
	if err != nil {
		return j.fail(err)
	}
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

// End writes what still waits and the states as they are now, so that the run can
// go on from here, and closes the store. The journal takes nothing after it. Where
// writing has failed, or somebody has taken the reserve (*FullError), nothing is
// written, and the run is as a kill would leave it.
func (j *Journal) End() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	err := j.failed
	if err == nil {
		err = j.roomFor(closing)
	}
	if err == nil {
		err = j.end()
	}
	j.failed = errors.Join(err, errors.New("the journal has been closed"))
	return errors.Join(err, j.ledger.f.Close(), j.letLoose(err))
}

// letLoose closes the store. After a failure it may not be possible to write what Badger
// still has in memory.
func (j *Journal) letLoose(failed error) error {
	if failed == nil {
		return j.store.Close()
	}
	if free, err := j.free(j.store.dir); err != nil || free < closing {
		return nil
	}
	closed := make(chan error, 1)
	go func() { closed <- j.store.Close() }()
	select {
	case err := <-closed:
		return err
	case <-time.After(patience):
		return nil
	}
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
	if j.refused { // twins and chain are a step further than what is kept
		if err := s.table.Put(entries); err != nil {
			return j.fail(err)
		}
		return j.sync()
	}
	if s.snapshots.last() != j.next {
		entries = j.snapshot(entries, j.last, true)
	}
	digest := j.chain.Digest()
	var w writer
	w.int(int64(j.next))
	w.hash(digest)
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

// Store is what is kept so far, for reading beside the run, in its turn.
func (j *Journal) Store() *Store { return j.store }
