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
	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/twins"
)

// Mode says what a store is opened for.
type Mode int

// Modes.
const (
	Read  Mode = iota // nothing that is kept changes; what a killed process left is put in order
	Write             // to go on with the run; what is damaged is repaired
)

// Store is what is kept of a run: its scenario, and every step. Whatever it hands out
// has been checked, against checksums and against the chain whose heads stand in
// the ledger. What cannot be read is recomputed from the snapshot before it, and
// checked the same way; Repairs tells of it.
//
// A Store is used by one goroutine at a time.
type Store struct {
	dir   string
	mode  Mode
	run   *RunDir
	table Table

	start     sim.Hash
	ledger    *os.File   // for reading
	index     headIndex  // where the ledger has the heads after steps
	pages     headCache  // of it
	steps     twins.Tick // that ledger or journal mention
	missing   spans      // steps that the journal does not have
	gone      twins.Tick // so many of them have been let go, from the first on
	commands  commandIndex
	until     twins.Tick // commands for this step and later ones do not count
	chunks    chunkList  // steps whose readings are kept; others are computed again
	last      span       // the chunk that was looked for last
	snapshots ticks      // steps made
	repairs   []string
	damaged   bool
	unclosed  bool // nobody has closed the run after its last step
	ended     twins.Tick
	digest    sim.Hash
	leftOut   twins.Tick // steps at the end that can be neither read nor computed again
	segments  []*segment // one, or more where the run went on in another model

	packer   *zstd.Encoder
	packed   []byte // used again
	unpacker *zstd.Decoder

	source *scenario.Scenario // once it has been read
	world  sync.Once
	shown  *sim.World // whose cells replay fills
	failed error
	cache  chunkCache

	// Of a fork: the run that it begins in, and how many steps they have in common.
	parent *Store
	base   twins.Tick
}

// Open opens the folder of a run. Errors: *StoreError if it is none, or of a newer
// version; *HeldError if another process works on it; *DamageError if it is
// damaged and cannot be read; *problem.At for data files that have changed.
func Open(dir string, mode Mode) (*Store, error) { return OpenOn(nil, dir, mode) }

// OpenOn is Open of a run whose journal, and that of the runs that it begins in, is
// kept in such a table.
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

// openStoreAt opens journal and ledger of a run, compares them, and in mode Write
// rebuilds a journal that cannot be opened.
func openStoreAt(run *RunDir, mode Mode, forks int) (*Store, error) {
	s := newStore(run, mode)
	err := s.openLedger()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &DamageError{Dir: run.dir, Step: 0, What: "its ledger is gone"}
	}
	if err != nil {
		return nil, err
	}
	said, err := readLedger(run.dir, s.ledger)
	if err != nil {
		return nil, errors.Join(err, s.closeLedger())
	}
	if _, err := os.Stat(run.path(journalDir)); errors.Is(err, fs.ErrNotExist) && mode == Read {
		err := &DamageError{Dir: run.dir, Step: 0, What: "its journal is gone; `smatrix run --resume " + run.dir + "` computes it again from the ledger"}
		return nil, errors.Join(err, s.closeLedger())
	}
	if p := run.meta.Journal.Parent; p != nil {
		s.base = twins.Tick(p.Step)
		if s.parent, err = openParent(run, p, forks); err != nil {
			return nil, errors.Join(err, s.closeLedger())
		}
	}
	s.table, err = run.openTable(mode, run.meta.Journal.Retention != (Retention{}))
	var damage *DamageError
	if mode == Write && errors.As(err, &damage) {
		err = s.startOver(damage)
	}
	if err != nil {
		return nil, errors.Join(err, s.closeLedger(), s.closeParent())
	}
	err = s.compare(said)
	if err == nil && mode == Read {
		err = s.leaveOut()
	}
	if err != nil {
		return nil, errors.Join(err, s.table.Close(), s.closeLedger(), s.closeParent())
	}
	return s, nil
}

func newStore(run *RunDir, mode Mode) *Store {
	s := &Store{dir: run.dir, mode: mode, run: run, packer: newPacker(), unpacker: newUnpacker(), ended: -1, until: allSteps}
	if run.meta.Journal != nil {
		s.segments = run.meta.Journal.form().segments()
	}
	return s
}

// Close lets go of the folder.
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

// Dir is the run's folder, Meta what run.json says of it.
func (s *Store) Dir() string { return s.dir }
func (s *Store) Meta() Run   { return s.run.meta }

// Steps is how many steps are kept.
func (s *Store) Steps() twins.Tick { return s.steps }

// LeftOut is how many steps at the end are not shown, since another model made them and
// their readings had not been written when the run was killed.
func (s *Store) LeftOut() twins.Tick { return s.leftOut }

// Head is the head of the chain after the last step that is kept.
func (s *Store) Head() sim.Hash { h, _ := s.HeadAt(s.Steps()); return h }

// HeadAt is the head of the chain when n steps have been made, 0 ≤ n ≤ Steps; false
// beyond.
func (s *Store) HeadAt(n twins.Tick) (sim.Hash, bool) {
	switch {
	case n == 0:
		return s.start, true
	case n < 0 || n > s.Steps():
		return sim.Hash{}, false
	}
	return s.head(n - 1), true
}

// Repairs tells what was damaged or missing and has been made good so far, a line each.
func (s *Store) Repairs() []string {
	all := slices.Clone(s.repairs)
	if s.parent != nil {
		for _, line := range s.parent.Repairs() {
			all = append(all, s.parent.dir+": "+line)
		}
	}
	return all
}

// Damaged reports whether one of Repairs is more than what a kill or a machine that
// fails leaves behind.
func (s *Store) Damaged() bool { return s.damaged }

// expected is a repair of what a run that was not closed may have.
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

// SnapshotBefore is the number of steps, at most n, after which the nearest state is
// kept. 0 is the scenario itself, which is always there.
func (s *Store) SnapshotBefore(n twins.Tick) twins.Tick {
	at, found := s.snapshots.before(n)
	if !found && s.parent != nil {
		return s.parent.SnapshotBefore(min(n, s.base))
	}
	return at
}

// World builds the run's scenario as it was when the run began, with the commands
// that came from outside. Its data files must be what they were.
func (s *Store) World() (*sim.World, error) {
	return s.build(sim.BuildAs, s.segments[len(s.segments)-1])
}

// Twins builds a world in which what is kept can be shown, which cannot be stepped as
// the run was.
func (s *Store) Twins() (*sim.World, error) {
	return s.build(sim.BuildTwins, s.segments[len(s.segments)-1])
}

// build builds the world whose records have the layout of a segment.
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

// scenario is read once, with its data: worlds are built of it again and again.
func (s *Store) scenario() (*scenario.Scenario, error) {
	if s.source != nil {
		return s.source, nil
	}
	first := s // the past of a fork is not copied, and the scenario is part of it
	for first.parent != nil {
		first = first.parent
	}
	source, err := s.run.meta.Journal.scenario(first.run)
	if err == nil {
		source.KeepData()
		s.source = source
	}
	return source, err
}

// shownWorld is the world whose cells show what is replayed.
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

// Parts: a long value is kept in several, each with its own checksum; each begins
// with a byte of flags. Those of a fork are packed against what its parent has in the
// same place, where most is the same.
const (
	partMore = 1 // another one follows
	partLike = 2 // in the first: CRC-32C (u32 LE) of what it is packed against, then the rest
)

// sealParts appends the parts of a long body, packed as a whole, and against another body
// if there is one.
func (s *Store) sealParts(entries []Entry, keyOf func(part int) []byte, body, like []byte) []Entry {
	var head [5]byte
	first := head[:1]
	if like == nil {
		s.packed = s.packer.EncodeAll(body, s.packed[:0])
	} else {
		packer := newPacker(zstd.WithEncoderDictRaw(likeID, like), zstd.WithEncoderLevel(zstd.SpeedDefault))
		s.packed = packer.EncodeAll(body, s.packed[:0])
		first = head[:]
		first[0] = partLike
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
			return nil, errCut
		}
		flags := b[0]
		b = b[1:]
		if part == 0 && flags&partLike != 0 {
			if len(b) < 4 {
				return nil, errCut
			}
			if like, err = s.liked(keyOf(0), binary.LittleEndian.Uint32(b)); err != nil {
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
	unpacker := newUnpacker(zstd.WithDecoderDictRaw(likeID, like))
	defer unpacker.Close()
	return unpacker.DecodeAll(packed, nil)
}

// likeID tells a value that is packed against another one from those that are not.
const likeID = 1

// leastLike is how short a dictionary the packer takes.
const leastLike = 8

// likes are what a fork's parent, and the runs that that begins in, have where the fork has
// the value of a key: of readings the chunk in which the same step is.
func (s *Store) likes(key []byte) iter.Seq2[*Store, []byte] {
	return func(yield func(*Store, []byte) bool) {
		for p := s.parent; p != nil; p = p.parent {
			there := key
			if key[0] == keyReadings {
				community, from := readingsPlace(key)
				c, found := p.chunkAt(from)
				if !found {
					continue
				}
				there = readingsKey(community, c.from, 0)
			}
			there = there[: len(there)-2 : len(there)-2]
			b, err := p.getParts(func(part int) []byte { return binary.BigEndian.AppendUint16(there, uint16(part)) })
			if err == nil && len(b) >= leastLike && !yield(p, b) {
				return
			}
		}
	}
}

// like is what a value of a fork is packed against; nil if there is nothing that stays.
func (s *Store) like(key []byte) []byte {
	for p, b := range s.likes(key) {
		if p.retention() == (Retention{}) { // else it may go on, and let go of it
			return b
		}
	}
	return nil
}

// liked finds again what a value is packed against. The nearest that has something there
// may have gone on since.
func (s *Store) liked(key []byte, sum uint32) ([]byte, error) {
	for _, b := range s.likes(key) {
		if crc32.Checksum(b, castagnoli) == sum {
			return b, nil
		}
	}
	return nil, errors.New("it is packed against what its parent had, and that is not what it was")
}

// openRun reads run.json.
func openRun(dir string) (*RunDir, error) {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, &StoreError{Dir: dir, What: "is not there, wanted the folder of a run"}
	case err != nil:
		return nil, &StoreError{Dir: dir, What: fmt.Sprintf("cannot be read: %v", reason(err))}
	case !info.IsDir():
		return nil, &StoreError{Dir: dir, What: "is a file, wanted the folder of a run"}
	}
	b, err := os.ReadFile(filepath.Join(dir, runFile))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, &StoreError{Dir: dir, What: "is no run: it has no " + runFile}
	case err != nil:
		return nil, &StoreError{Dir: dir, What: fmt.Sprintf("cannot be read: %v", reason(err))}
	}
	meta, err := readMeta(dir, b)
	if err != nil {
		return nil, err
	}
	return &RunDir{dir: dir, meta: *meta}, nil
}

// readMeta reads run.json of any version up to this one.
func readMeta(dir string, b []byte) (*Run, error) {
	var form struct {
		Format int `json:"format"`
	}
	if err := json.Unmarshal(b, &form); err != nil || form.Format < 1 {
		return nil, &DamageError{Dir: dir, Step: 0, What: fmt.Sprintf("its %s is not what was written", runFile)}
	}
	if form.Format > runFormat {
		return nil, &StoreError{Dir: dir, What: fmt.Sprintf("is of format %d; this program knows formats up to %d, wanted a newer program", form.Format, runFormat), Invalid: true}
	}
	if form.Format > 1 {
		if err := checkSum(b); err != nil {
			return nil, &DamageError{Dir: dir, Step: 0, What: fmt.Sprintf("its %s %v", runFile, err)}
		}
	}
	for v := form.Format; v < runFormat; v++ {
		var err error
		if b, err = upgrades[v](b); err != nil {
			return nil, &DamageError{Dir: dir, Step: 0, What: fmt.Sprintf("its %s: %v", runFile, err)}
		}
	}
	meta := &Run{}
	d := json.NewDecoder(bytes.NewReader(b))
	if err := d.Decode(meta); err != nil {
		return nil, &DamageError{Dir: dir, Step: 0, What: fmt.Sprintf("its %s: %v", runFile, err)}
	}
	if meta.Journal != nil {
		if err := meta.Journal.form().check(); err != nil {
			return nil, &StoreError{Dir: dir, What: err.Error(), Invalid: true}
		}
	}
	return meta, nil
}

// checkSum compares the sum of a run.json that has one with its content.
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

// upgrades turn the run.json of a version into that of the next one.
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
