package persistence

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/twins"
)

// journalFormat is the number of the journal's layout of keys.
const journalFormat = 1

// compare reads the journal and compares it with the ledger. What one of them has lost is
// taken from the other; what both have lost is computed again. It fails only if both are
// whole and contradict each other.
func (s *Store) compare(said *ledgerContent) error {
	s.start, s.ended, s.digest, s.index = said.start, said.ended, said.digest, said.index
	state := s.run.meta.State // a run also fails when the disk is too full for its end
	s.unclosed = state == Running || state == Failed && said.ended != said.index.steps
	if b, err := s.get([]byte{keyFormat}); err == nil && len(b) == 1 && b[0] > journalFormat {
		return &StoreError{Dir: s.dir, What: fmt.Sprintf("has a journal of format %d; this program knows formats up to %d, wanted a newer program", b[0], journalFormat), Invalid: true}
	}
	for _, at := range said.holes {
		s.holeAt(at)
	}
	if said.torn > 0 {
		s.expected("ledger: its last %d bytes were no whole record and count for nothing", said.torn)
	}
	kept, err := s.compareSteps()
	if err == nil {
		s.countSteps(kept)
		err = s.mergeCommands(said.commands)
	}
	if err == nil {
		err = s.mergeNotes(said)
	}
	if err == nil {
		s.chunks, err = s.listChunks()
	}
	if err == nil {
		s.snapshots, err = s.listSnapshots()
	}
	return err
}

// compareSteps compares the head of each step in the journal with the ledger's, and finds
// the steps that the journal lacks. kept is one more than the last step in the journal.
func (s *Store) compareSteps() (kept twins.Tick, err error) {
	var differs error
	next := s.base // the expected step
	err = s.table.Scan([]byte{keyStep}, nil, func(k, v []byte) error {
		t, err := tickOf(k)
		if err != nil || t < 0 || t > max(kept, s.index.steps, s.base)+mostLost {
			return nil // not a key of this package
		}
		head, ok, err := s.headInStep(t, k, v)
		if err != nil {
			s.repaired("journal: step %d: %v; it is computed again", t, err)
		}
		if !ok {
			return nil
		}
		kept = t + 1
		if t < s.base {
			return nil
		}
		if said := s.headInLedger(t); said != (sim.Hash{}) && said != head && differs == nil {
			differs = &DamageError{Dir: s.dir, Step: t, What: "ledger and journal are whole and say different things of it"}
		}
		s.missing.add(stepRange{next, t})
		next = t + 1
		return nil
	})
	if err == nil {
		err = differs
	}
	return kept, err
}

// countSteps counts the steps in ledger, journal or parent, and reports those missing.
func (s *Store) countSteps(kept twins.Tick) {
	s.steps = max(s.index.steps, kept, s.base)
	s.missing.add(stepRange{max(kept, s.base), s.steps})
	deletable := max(s.mostDeleted(s.steps), s.base)
	s.deleted = s.base
	if first, found := s.missing.first(s.base); found && first.from == s.base {
		s.deleted = min(first.to, deletable)
	}
	if count := s.missing.count(deletable); count > 0 {
		first, _ := s.missing.first(deletable)
		s.expected("journal: %d of %d steps are missing from step %d on, as the ledger shows; they are computed again", count, s.steps, first.from)
	}
	if extra := kept - max(s.index.steps, s.base); extra > 0 {
		s.expected("ledger: it lacks the last %d steps, which the journal has", extra)
	}
}

// listChunks lists the chunks with readable marks that do not overlap.
func (s *Store) listChunks() (list chunkList, err error) {
	err = s.table.Scan([]byte{keyChunk}, nil, func(k, v []byte) error {
		c, ok := s.chunkOf(k, v)
		switch {
		case !ok: // its steps are computed again
		case c.to > s.Steps() || c.from < list.end():
			list.refused = append(list.refused, c.from)
		default:
			list.add(c)
		}
		return nil
	})
	return list, err
}

func (s *Store) listSnapshots() (after ticks, err error) {
	err = s.table.Scan([]byte{keySnapshot}, nil, func(k, v []byte) error {
		n, err := tickOf(k)
		if _, errValue := unseal(s.unpacker, k, v); err == nil && errValue == nil && n > 0 && n <= s.Steps() {
			after.add(n)
		}
		return nil
	})
	return after, err
}

// startOver sets a journal that cannot be opened aside and begins an empty one, whose steps are
// then computed again. What was set aside is never deleted.
func (s *Store) startOver(damage *DamageError) error {
	aside := s.run.path(nextAside(s.run.dir))
	if err := os.Rename(s.run.path(journalDir), aside); err != nil {
		return errors.Join(damage, systemErrorOr(s.dir, err))
	}
	syncFolder(s.dir)
	s.repaired("journal: %s; all steps are computed again, and what it was is in %s", damage.What, aside)
	var err error
	if s.table, err = s.run.openTable(Write, s.retention() != (Retention{})); err != nil {
		return err
	}
	return s.table.Put([]Entry{s.seal([]byte{keyFormat}, []byte{journalFormat})})
}

// asidePrefix begins the names of journals that were set aside; a number follows. Older programs
// left the number out.
const asidePrefix = journalDir + ".damaged"

// nextAside returns the name for the next journal that is set aside in a run's folder.
func nextAside(dir string) string {
	for n := 1; ; n++ {
		name := fmt.Sprintf("%s.%d", asidePrefix, n)
		if _, err := os.Lstat(filepath.Join(dir, name)); err != nil {
			return name
		}
	}
}

// Resume continues a run that was ended early. The moment it returns is the last snapshot
// before which nothing is missing. Steps after it that had been made already are made
// again, and the head of each is compared with the known one. The sinks receive the
// recorded steps up to the moment, from First on.
//
// The chain of the moment must be a sink before the journal.
func (s *Store) Resume(d Durability, sinks ...sim.Sink) (j *Journal, _ *Moment, _ error) {
	if s.mode != Write {
		return nil, nil, errors.New("store: opened for reading only")
	}
	at := s.resumePoint(s.lastToResume())
	form, err := s.formFrom(at, s.Steps())
	if err != nil {
		return nil, nil, err
	}
	was := s.run.meta.Journal.Form
	s.useForm(form)
	defer func() {
		if j == nil { // the run stays as it was
			s.useForm(was)
		}
	}()
	if err := s.Replay(min(s.First(), at), at, sinks...); err != nil {
		return nil, nil, err
	}
	m, folded, err := s.atFolded(at)
	if err != nil {
		return nil, nil, err
	}
	s.deleted = max(s.base, min(s.deleted, at)) // retention deletes again what is made again
	if err := errors.Join(s.deleteMarks(at), s.restoreCommands(), s.restoreNotes()); err != nil {
		return nil, nil, err
	}
	made, err := newJournal(s, m.World, m.Chain, d, at)
	if err != nil {
		return nil, nil, err
	}
	if made.ledger, err = s.mendLedger(); err != nil {
		return nil, nil, err
	}
	made.folds = folded
	_ = os.Remove(s.run.path(addressFile)) // left by a killed process
	s.run.journal = made
	s.run.meta.State = Running
	if err := s.run.writeMeta(); err != nil { // it has the joint, which the chain has from here on
		return nil, nil, err
	}
	return made, m, nil
}

// CanResume returns the error with which Resume refuses a run that another model made and
// that was not ended on a state that is kept (*ModelError).
func (s *Store) CanResume() error {
	_, err := s.formFrom(s.resumePoint(s.lastToResume()), s.Steps())
	return err
}

// lastToResume is the last step after which a run may go on: at least one step is made, as the
// chain needs one for a digest.
func (s *Store) lastToResume() twins.Tick { return twins.Tick(s.run.meta.Journal.Steps) - 1 }

// Run returns the folder of the run, to finish it.
func (s *Store) Run() *RunDir { return s.run }

// resumePoint returns the last snapshot after at most so many steps before which no step
// and no readings are missing, other than those that retention has deleted.
func (s *Store) resumePoint(most twins.Tick) twins.Tick {
	to := s.base
	first, found := s.chunks.covered.first(0)
	if found && s.retention().readings() > 0 { // retention has deleted the chunks before
		to = first.from
	}
	if found && first.from == to {
		to = first.to
		if lost, found := s.missing.first(first.from); found && lost.from < to { // its chunk is written again
			c, _ := s.chunkAt(lost.from)
			to = c.from
		}
	}
	for n := s.SnapshotBefore(min(to, most)); ; n = s.SnapshotBefore(n - 1) {
		if n <= s.base {
			return s.base
		}
		if _, _, err := s.states(n); err == nil {
			return n
		}
	}
}

// deleteMarks deletes the marks of chunks and snapshots that will be written again.
func (s *Store) deleteMarks(from twins.Tick) error {
	var entries []Entry
	for _, kind := range []byte{keyChunk, keySnapshot} {
		after := from
		if kind == keySnapshot {
			after++
		}
		err := s.table.Scan([]byte{kind}, key(kind, after), func(k, _ []byte) error {
			entries = append(entries, Entry{Key: bytes.Clone(k)})
			return nil
		})
		if err != nil {
			return err
		}
	}
	s.chunks.cut(from)
	s.snapshots.cut(from)
	s.last = stepRange{}
	return s.table.Put(entries)
}

// mendLedger opens the ledger for appending. If it lacks records that the journal has, or is of an
// older version, a complete ledger is written and replaces it.
func (s *Store) mendLedger() (*ledger, error) {
	said, err := readLedger(s.dir, s.ledger)
	if err != nil {
		return nil, err
	}
	path := s.run.path(ledgerFile)
	if said.version == ledgerVersion && len(said.holes) == 0 && max(said.index.steps, s.base) == s.steps &&
		len(said.commands) == s.commands.count() && s.unsaidNotes == 0 {
		return reopenLedger(path, said.size)
	}
	temp := path + tempSuffix
	if err := os.RemoveAll(temp); err != nil {
		return nil, err
	}
	l, err := createLedger(temp, s.start)
	if err != nil {
		return nil, err
	}
	index, err := s.writeLedger(l)
	if err == nil {
		err = errors.Join(s.closeLedger(), os.Rename(temp, path))
	}
	if err == nil {
		err = s.openLedger()
	}
	if err != nil {
		return nil, errors.Join(err, l.f.Close())
	}
	index.file = s.ledger
	s.index, s.pages, s.unsaidNotes = index, headCache{}, 0
	syncFolder(s.dir)
	return l, nil
}

// writeLedger writes all known commands, notes and heads into a new ledger, and returns the index
// of its heads.
func (s *Store) writeLedger(l *ledger) (headIndex, error) {
	index := newHeadIndex(nil)
	commands, err := s.ownCommands(0, allSteps)
	if err != nil {
		return index, err
	}
	l.commands(commands)
	notes, err := s.allNotes("")
	if err != nil {
		return index, err
	}
	for name, n := range notes { // in any order: each name is there once
		l.note(name, n)
	}
	for t := s.base; t < s.steps; t++ {
		if head := s.head(t); head != (sim.Hash{}) {
			index.add(t, head, l.step(t, head))
		}
		if len(l.buf) < readAhead {
			continue
		}
		if err := l.flush(); err != nil {
			return index, err
		}
	}
	return index, errors.Join(l.flush(), l.f.Sync())
}
