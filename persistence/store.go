package persistence

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/klauspost/compress/zstd"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/form"
	"github.com/smatrix-grid/smatrix/sim/regular"
	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/twins"
)

// Mode says what a store is opened for.
type Mode int

// Modes.
const (
	Read  Mode = iota // nothing in the run's folder is changed
	Write             // to continue the run; damage is repaired
)

// Store is the kept record of a run: its scenario and every step. Whatever it returns has
// been checked against checksums and against the chain, whose heads are in the ledger.
// What cannot be read is computed again from the snapshot before it, checked the same way
// and listed in Repairs.
//
// A Store is used by one goroutine at a time.
type Store struct {
	dir   string
	mode  Mode
	run   *RunDir
	table Table

	lastingLock sync.Mutex
	lasting     map[int]*lastingChange // by model
	owing       map[twins.Tick]bool    // by snapshot: a member owes load
	owingIn     *sim.World             // in which the states of snapshots are restored to find that

	start       sim.Hash
	ledger      *os.File   // for reading
	index       headIndex  // finds the heads in the ledger
	pages       headCache  // pages of the ledger read last
	steps       twins.Tick // in ledger or journal
	missing     stepSet    // steps that the journal does not have
	deleted     twins.Tick // steps before this one have been deleted by retention
	commands    commandIndex
	noted       int64           // number of the last note
	lostNotes   map[string]note // in the ledger but not in the journal, or newer there
	unsaidNotes int             // notes in the journal but not in the ledger, or newer there
	until       twins.Tick      // commands for this step and later ones are ignored
	chunks      chunkList       // steps with readings; others are computed again
	last        stepRange       // the chunk that was looked up last
	snapshots   ticks           // steps made
	repairs     []string
	damaged     bool
	unclosed    bool // the run was not closed after its last step
	ended       twins.Tick
	digest      sim.Hash
	leftOut     twins.Tick // steps at the end that can be neither read nor computed again
	segments    []*segment // one, and one more for each joint
	begins      firstShown

	packer   *zstd.Encoder
	packed   []byte // reused
	unpacker *zstd.Decoder

	source *scenario.Scenario // nil until it is read
	world  sync.Once
	shown  *sim.World // replay fills its cells
	failed error
	cache  chunkCache

	// Of a fork: the run it is a fork of, and how many steps they have in common.
	parent *Store
	base   twins.Tick
}

// Open opens the folder of a run. Errors: *StoreError if it is not a run, or of a newer
// version; *HeldError if another process has it open; *DamageError if it is
// damaged and cannot be read; *SystemError if the system refuses what is needed; *FullError if the
// disk is too full to write; *problem.At for data files that have changed.
func Open(dir string, mode Mode) (*Store, error) { return OpenOn(nil, dir, mode) }

// OpenOn is Open with another kind of table for the journals of the run and its parents;
// nil is Badger.
func OpenOn(tables Opener, dir string, mode Mode) (*Store, error) {
	run, err := openRun(dir)
	if err != nil {
		return nil, err
	}
	run.Tables = tables
	if run.meta.Journal == nil && run.meta.State == Running {
		return nil, &StoreError{Dir: dir, What: "has no journal yet: it is just being begun, or was ended while it began; then nothing of it is kept, and it can be removed"}
	}
	if run.meta.Journal == nil {
		return nil, &StoreError{Dir: dir, What: "has no journal, only its figures: it was kept by an older version of smatrix"}
	}
	return openStoreAt(run, mode, 0)
}

// openStoreAt opens the journal and ledger of a run and compares them. In mode Write it
// replaces a journal that cannot be opened. forks is the number of forks it was reached
// through.
func openStoreAt(run *RunDir, mode Mode, forks int) (*Store, error) {
	if mode == Write {
		if err := checkRoom(run.dir); err != nil {
			return nil, err
		}
	}
	s := newStore(run, mode)
	err := s.openLedger()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, lost(run.dir, "its ledger is gone")
	}
	if errors.Is(err, regular.ErrNotRegular) {
		return nil, lost(run.dir, "its ledger is %v", regular.ErrNotRegular)
	}
	if err != nil {
		return nil, systemErrorOr(run.dir, err)
	}
	said, err := readLedger(run.dir, s.ledger)
	if err != nil {
		return nil, errors.Join(systemErrorOr(run.dir, err), s.closeLedger())
	}
	if _, err := os.Stat(run.path(journalDir)); errors.Is(err, fs.ErrNotExist) && mode == Read {
		err := &DamageError{Dir: run.dir, Step: 0, What: "its journal is gone"}
		return nil, errors.Join(s.withWayOut(err, said), s.closeLedger())
	}
	if p := run.meta.Journal.Parent; p != nil {
		s.base = twins.Tick(p.Step)
		if s.parent, err = openParent(run, p, forks); err != nil {
			return nil, errors.Join(err, s.closeLedger())
		}
	}
	s.table, err = run.openTable(mode, run.meta.Journal.Retention != (Retention{}))
	var damage *DamageError
	switch {
	case !errors.As(err, &damage):
	case mode == Write:
		err = s.startOver(damage)
	default:
		err = s.withWayOut(damage, said)
	}
	if err != nil {
		return nil, errors.Join(err, s.closeLedger(), s.closeParent())
	}
	err = s.compare(said)
	if err == nil && mode == Read && forks == 0 { // a fork reads its own steps, whatever can be read of its parent's
		err = s.dropUnreadable()
	}
	if err != nil {
		return nil, errors.Join(err, s.table.Close(), s.closeLedger(), s.closeParent())
	}
	return s, nil
}

// withWayOut returns the damage of a journal that cannot be opened, with what to do: all of it is computed again if the
// ledger is whole and no step was made by another model.
func (s *Store) withWayOut(damage *DamageError, said *ledgerContent) *DamageError {
	other := func(g *segment) bool { return len(sim.ModelsSince(g.model)) > 0 }
	d := *damage
	if len(said.holes) > 0 || slices.ContainsFunc(s.segments, other) {
		d.What += "; " + restoreBackup
	} else {
		d.What += fmt.Sprintf("; `smatrix run --resume %s` makes it again from its ledger", d.Dir)
	}
	return &d
}

// lost returns the error of a run without one of the files from which all others can be made again.
func lost(dir, format string, args ...any) *DamageError {
	return &DamageError{Dir: dir, Step: 0, What: fmt.Sprintf(format, args...) + "; " + restoreBackup}
}

// restoreBackup is what is left to do for a run that cannot be repaired.
const restoreBackup = "restore a backup"

func newStore(run *RunDir, mode Mode) *Store {
	s := &Store{dir: run.dir, mode: mode, run: run, packer: newPacker(), unpacker: newUnpacker(), ended: -1, until: allSteps}
	if run.meta.Journal != nil {
		s.segments = run.meta.Journal.form().segments()
	}
	return s
}

// Close closes the files and unlocks the folder.
func (s *Store) Close() error {
	s.packer.Close()
	s.unpacker.Close()
	return errors.Join(s.table.Close(), s.closeLedger(), s.closeParent())
}

func (s *Store) closeParent() error {
	if s.parent == nil {
		return nil
	}
	return s.parent.Close()
}

// Dir returns the run's folder.
func (s *Store) Dir() string { return s.dir }

// Meta returns the content of run.json.
func (s *Store) Meta() Run { return s.run.meta }

// Steps returns how many steps are kept.
func (s *Store) Steps() twins.Tick { return s.steps }

// LeftOut returns how many steps at the end are dropped because another model made them
// and their readings had not been written when the run was killed.
func (s *Store) LeftOut() twins.Tick { return s.leftOut }

// Head returns the head of the chain after the last step.
func (s *Store) Head() sim.Hash { h, _ := s.HeadAt(s.Steps()); return h }

// HeadAt returns the head of the chain after n steps, 0 ≤ n ≤ Steps; false beyond.
func (s *Store) HeadAt(n twins.Tick) (sim.Hash, bool) {
	switch {
	case n == 0:
		return s.start, true
	case n < 0 || n > s.Steps():
		return sim.Hash{}, false
	}
	return s.head(n - 1), true
}

// Repairs lists what was damaged or missing and has been repaired so far, a line each.
func (s *Store) Repairs() []string {
	all := slices.Clone(s.repairs)
	if s.parent != nil {
		for _, line := range s.parent.Repairs() {
			all = append(all, s.parent.dir+": "+line)
		}
	}
	return all
}

// Damaged reports whether one of Repairs is more than a kill or a failed machine leaves
// behind.
func (s *Store) Damaged() bool { return s.damaged }

// expected notes a repair that counts as damage only if the run had been closed.
func (s *Store) expected(format string, args ...any) {
	was := s.damaged
	s.repaired(format, args...)
	s.damaged = was || !s.unclosed
}

func (s *Store) repaired(format string, args ...any) {
	s.damaged = true
	if line := fmt.Sprintf(format, args...); !slices.Contains(s.repairs, line) {
		s.repairs = append(s.repairs, line)
	}
}

// SnapshotBefore returns the nearest snapshot, as a number of steps ≤ n. 0 is the
// scenario itself, which always exists.
func (s *Store) SnapshotBefore(n twins.Tick) twins.Tick {
	at, found := s.snapshots.before(n)
	if !found && s.parent != nil {
		return s.parent.SnapshotBefore(min(n, s.base))
	}
	return at
}

// World builds the world at the beginning of the run, with the commands from outside.
// The scenario's data files must be unchanged.
func (s *Store) World() (*sim.World, error) {
	return s.build(sim.BuildAs, s.segments[len(s.segments)-1])
}

// Twins builds a world that can show recorded steps but cannot be stepped.
func (s *Store) Twins() (*sim.World, error) {
	return s.build(sim.BuildTwins, s.segments[len(s.segments)-1])
}

// build builds a world whose records have the layout of a segment.
func (s *Store) build(make func(*scenario.Scenario, *sim.Form) (*sim.World, error), g *segment) (*sim.World, error) {
	source, err := s.scenario()
	if err != nil {
		return nil, err
	}
	form := s.run.meta.Journal.form()
	w, err := make(source, &sim.Form{Chain: form.Chain, Model: g.model, Layout: g.layout})
	if err != nil {
		return nil, err
	}
	start := sim.Form{Chain: form.Chain, Model: form.Begun, Layout: form.Layout}
	if head := sim.NewChain(w.Scenario.Seed, w.Scenario.Identity(), start).Head(); s.start != (sim.Hash{}) && head != s.start {
		return nil, &StoreError{Dir: s.dir, What: fmt.Sprintf("has a scenario that this version of smatrix reads as another one; wanted version %s, which made the run", s.run.meta.Smatrix), Invalid: true}
	}
	for _, c := range s.Commands(0, allSteps) {
		if err := w.Add(c); err != nil {
			return nil, &DamageError{Dir: s.dir, Step: c.Step, What: fmt.Sprintf("a command of it is refused: %v", err)}
		}
	}
	return w, nil
}

// scenario reads the scenario and its data once; worlds are built from it repeatedly. A fork has its
// parent's.
func (s *Store) scenario() (source *scenario.Scenario, err error) {
	if s.source != nil {
		return s.source, nil
	}
	if s.parent != nil {
		source, err = s.parent.scenario()
	} else if source, err = s.run.meta.Journal.scenario(s.run); err == nil {
		source.KeepData()
	}
	if err == nil {
		s.source = source
	}
	return source, err
}

// shownWorld returns the world whose cells Replay fills.
func (s *Store) shownWorld() (*sim.World, error) {
	s.world.Do(func() { s.shown, s.failed = s.Twins() })
	return s.shown, s.failed
}

// get reads and checks a value.
func (s *Store) get(key []byte) ([]byte, error) {
	v, err := s.table.Get(key)
	if err != nil {
		return nil, err
	}
	return unseal(s.unpacker, key, v)
}

func (s *Store) seal(key []byte, body []byte) Entry { return Entry{key, seal(s.packer, key, body)} }

// A long value is stored in parts, each with its own checksum and a leading byte of flags.
// A fork's values are compressed with its parent's value under the same key as the
// dictionary, since most of the two is equal.
const (
	partMore       = 1 // another part follows
	partDictionary = 2 // in the first part: CRC-32C (u32 LE) of the dictionary, then the rest
)

// sealParts appends the parts of a long body, compressed as a whole. like is the
// dictionary, nil for none.
func (s *Store) sealParts(entries []Entry, keyOf func(part int) []byte, body, like []byte) []Entry {
	var head [5]byte
	first := head[:1]
	if like == nil {
		s.packed = s.packer.EncodeAll(body, s.packed[:0])
	} else {
		packer := newPacker(zstd.WithEncoderDictRaw(dictionaryID, like), zstd.WithEncoderLevel(zstd.SpeedDefault))
		s.packed = packer.EncodeAll(body, s.packed[:0])
		first = head[:]
		first[0] = partDictionary
		binary.LittleEndian.PutUint32(first[1:], crc32.Checksum(like, castagnoli))
	}
	packed := s.packed
	for part := 0; ; part++ {
		n := min(len(packed), mostPerValue)
		if n < len(packed) {
			first[0] |= partMore
		} else {
			first[0] &^= partMore
		}
		k := keyOf(part)
		entries = append(entries, Entry{k, seal(nil, k, first, packed[:n])})
		if packed = packed[n:]; len(packed) == 0 {
			return entries
		}
		first = head[:1]
		first[0] = 0
	}
}

// getParts reads a value in parts.
func (s *Store) getParts(keyOf func(part int) []byte) ([]byte, error) {
	var packed, like []byte
	for part := 0; ; part++ {
		b, err := s.get(keyOf(part))
		if err != nil {
			return nil, err
		}
		if len(b) == 0 {
			return nil, form.ErrCut
		}
		flags := b[0]
		b = b[1:]
		if part == 0 && flags&partDictionary != 0 {
			if len(b) < 4 {
				return nil, form.ErrCut
			}
			if like, err = s.findDictionary(keyOf(0), binary.LittleEndian.Uint32(b)); err != nil {
				return nil, err
			}
			b = b[4:]
		}
		packed = append(packed, b...)
		if flags&partMore == 0 {
			break
		}
	}
	if like == nil {
		return s.unpacker.DecodeAll(packed, nil)
	}
	unpacker := newUnpacker(zstd.WithDecoderDictRaw(dictionaryID, like))
	defer unpacker.Close()
	return unpacker.DecodeAll(packed, nil)
}

// dictionaryID is the zstd dictionary ID of values that have a dictionary.
const dictionaryID = 1

// leastDictionary is the length of the shortest dictionary that zstd accepts.
const leastDictionary = 8

// dictionaries yields the values that a fork's parents, nearest first, have under a key of
// the fork; for readings, the chunk that contains the key's step.
func (s *Store) dictionaries(key []byte) iter.Seq2[*Store, []byte] {
	return func(yield func(*Store, []byte) bool) {
		for p := s.parent; p != nil; p = p.parent {
			there := key
			if key[0] == keyReadings {
				community, from := splitReadingsKey(key)
				c, found := p.chunkAt(from)
				if !found {
					continue
				}
				there = readingsKey(community, c.from, 0)
			}
			there = there[: len(there)-2 : len(there)-2]
			b, err := p.getParts(func(part int) []byte { return binary.BigEndian.AppendUint16(there, uint16(part)) })
			if err == nil && len(b) >= leastDictionary && !yield(p, b) {
				return
			}
		}
	}
}

// dictionary returns the dictionary for a new value of a fork; nil if no parent has one that
// will not be deleted.
func (s *Store) dictionary(key []byte) []byte {
	for p, b := range s.dictionaries(key) {
		if p.retention() == (Retention{}) { // a parent with retention may be resumed and delete it
			return b
		}
	}
	return nil
}

// findDictionary returns the dictionary with a checksum. The nearest parent's value may have
// been rewritten since, so all parents are searched.
func (s *Store) findDictionary(key []byte, sum uint32) ([]byte, error) {
	for _, b := range s.dictionaries(key) {
		if crc32.Checksum(b, castagnoli) == sum {
			return b, nil
		}
	}
	return nil, errors.New("it is packed against what its parent had, and that is not what it was")
}

// openRun reads run.json.
func openRun(dir string) (*RunDir, error) {
	info, err := os.Stat(dir)
	if system := systemError(dir, err); system != nil {
		return nil, system
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, &StoreError{Dir: dir, What: "is not there, wanted the folder of a run"}
	case err != nil:
		return nil, &StoreError{Dir: dir, What: fmt.Sprintf("cannot be read: %v", reason(err))}
	case !info.IsDir():
		return nil, &StoreError{Dir: dir, What: "is a file, wanted the folder of a run"}
	}
	b, err := regular.ReadFile(filepath.Join(dir, runFile), mostMeta)
	if system := systemError(dir, err); system != nil {
		return nil, system
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, &StoreError{Dir: dir, What: "is no run: it has no " + runFile + backupOf(dir)}
	case err != nil:
		return nil, &StoreError{Dir: dir, What: fmt.Sprintf("cannot be read: %v", reason(err))}
	}
	meta, err := readMeta(dir, b)
	if err != nil {
		return nil, err
	}
	return &RunDir{dir: dir, meta: *meta}, nil
}

// backupOf says what to do about a folder without a run.json, which was a run if it has a ledger.
func backupOf(dir string) string {
	if _, err := os.Lstat(filepath.Join(dir, ledgerFile)); err != nil {
		return ""
	}
	return ", but a ledger; " + restoreBackup
}

// readMeta reads run.json of any version up to this one.
func readMeta(dir string, b []byte) (*Run, error) {
	var form struct {
		Format int `json:"format"`
	}
	if err := json.Unmarshal(b, &form); err != nil || form.Format < 1 {
		return nil, lost(dir, "its %s is not what was written", runFile)
	}
	if form.Format > runFormat {
		return nil, &StoreError{Dir: dir, What: fmt.Sprintf("is of format %d; this program knows formats up to %d, wanted a newer program", form.Format, runFormat), Invalid: true}
	}
	if form.Format > 1 {
		if err := checkSum(b); err != nil {
			return nil, lost(dir, "its %s %v", runFile, err)
		}
	}
	for v := form.Format; v < runFormat; v++ {
		var err error
		if b, err = upgrades[v](b); err != nil {
			return nil, lost(dir, "its %s: %v", runFile, err)
		}
	}
	meta := &Run{}
	d := json.NewDecoder(bytes.NewReader(b))
	if err := d.Decode(meta); err != nil {
		return nil, lost(dir, "its %s: %v", runFile, err)
	}
	if meta.Journal != nil {
		if err := meta.Journal.form().check(twins.Tick(meta.Journal.Steps)); err != nil {
			return nil, &StoreError{Dir: dir, What: err.Error(), Invalid: true}
		}
	}
	return meta, nil
}

// checkSum compares a run.json with its own checksum.
func checkSum(b []byte) error {
	var said Run
	if err := json.Unmarshal(b, &said); err != nil {
		return fmt.Errorf("cannot be read: %w", err)
	}
	if said.Sum != said.sum() {
		return fmt.Errorf("is not what was written: its sum is %q, wanted %q", said.Sum, said.sum())
	}
	return nil
}

// upgrades convert the run.json of a version to the next one.
var upgrades = map[int]func([]byte) ([]byte, error){
	1: func(b []byte) ([]byte, error) { // runs without a journal
		var m map[string]json.RawMessage
		if err := json.Unmarshal(b, &m); err != nil {
			return nil, err
		}
		m["format"] = json.RawMessage("2")
		return json.Marshal(m)
	},
	2: func(b []byte) ([]byte, error) { // runs without a form: FirstChain, model 1
		var m map[string]json.RawMessage
		if err := json.Unmarshal(b, &m); err != nil {
			return nil, err
		}
		m["format"] = json.RawMessage("3")
		return json.Marshal(m)
	},
}
