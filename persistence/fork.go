package persistence

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/smatrix-grid/smatrix/twins"
)

// Parent says of which run another one is a fork, and from when on. What was before is
// not copied: it is read from there.
type Parent struct {
	Dir  string `json:"dir"`  // absolute
	Rel  string `json:"rel"`  // the same from the fork's folder, "" if there is no such way
	Run  string `json:"run"`  // identity of the parent
	Step int64  `json:"step"` // steps that the two have in common
	Head string `json:"head"` // of the chain after them, hex
}

// pastDir is where a run that was restored has the run that it is a fork of.
const pastDir = "past"

// newIdentity is a name that no other run has.
func newIdentity() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // it does not fail
	return hex.EncodeToString(b[:])
}

// places are where a parent may be: in the fork's own folder, where it was, and where it
// is if the two have been moved together.
func (p *Parent) places(child string) []string {
	all := []string{filepath.Join(child, pastDir), p.Dir}
	if p.Rel != "" {
		all = append(all, filepath.Join(child, p.Rel))
	}
	return all
}

// openParent opens the run that a fork begins in. Its identity and its head at the
// fork must be what they were.
func openParent(of *RunDir, p *Parent, depth int) (*Store, error) {
	child := of.dir
	if depth > mostForks {
		return nil, &StoreError{Dir: child, What: fmt.Sprintf("is a fork of more than %d forks, wanted fewer", mostForks), Invalid: true}
	}
	var found error
	for _, dir := range p.places(child) {
		run, err := openRun(dir)
		var none *StoreError
		switch {
		case errors.As(err, &none) && !none.Invalid:
			continue
		case err != nil:
			found = &StoreError{Dir: child, What: fmt.Sprintf("is a fork of a run that cannot be read: %v", err), Invalid: true}
			continue
		case run.meta.ID != p.Run || run.meta.Journal == nil:
			found = &StoreError{Dir: child, What: fmt.Sprintf("is a fork of run %.8s…, and in %q is another one; move that one back", p.Run, dir), Invalid: true}
			continue
		}
		run.Tables = of.Tables
		s, err := openStoreAt(run, Read, depth+1)
		if err != nil {
			return nil, err
		}
		head, ok := s.HeadAt(twins.Tick(p.Step))
		if !ok || head.String() != p.Head {
			err := &StoreError{Dir: child, What: fmt.Sprintf("is a fork of run %q after step %d, whose hash there is not what it was; see `smatrix replay %s --verify`, or restore a backup", dir, p.Step, dir), Invalid: true}
			return nil, errors.Join(err, s.Close())
		}
		return s, nil
	}
	if found != nil {
		return nil, found
	}
	return nil, &StoreError{Dir: child, What: fmt.Sprintf("is a fork of run %q, which is not there any more; move it back there, or restore a backup of the fork, which has its past in it", p.Dir), Invalid: true}
}

// mostForks is how many runs a past may go through.
const mostForks = 64

// Fork begins a run in a new folder that has the first steps of this one for its past, and
// commands of its own besides those from outside that this one has. The store belongs to
// the new run then, and is closed with it. The moment's chain must be a sink before
// the journal.
func (s *Store) Fork(r *RunDir, at twins.Tick, changes []twins.Command, d Durability) (*Journal, *Moment, error) {
	parent, err := s.parentOf(r, at)
	if err != nil {
		return nil, nil, err
	}
	form, err := s.formFrom(at, at)
	if err != nil {
		return nil, nil, err
	}
	kept := *s.run.meta.Journal
	kept.Parent, kept.CSV, kept.Retention, kept.Form = parent, false, r.Retention, form
	r.meta.Journal = &kept
	child := newStore(r, Write)
	child.start, child.parent, child.base, child.gone = s.start, s, at, at
	child.steps = at
	later := append(s.Commands(at, kept.lastStep()), changes...)
	if child.table, err = r.openTable(Write, kept.Retention != (Retention{})); err != nil {
		return nil, nil, err
	}
	j, m, err := child.begin(at, later, d)
	if err != nil {
		child.parent = nil // it stays the caller's
		return nil, nil, errors.Join(err, child.Close())
	}
	r.journal = j
	return j, m, r.writeMeta()
}

// CanFork says why a fork cannot begin at a step: it has not been reached, or, as a
// *ModelError, another model made the steps since the last state that is kept.
func (s *Store) CanFork(at twins.Tick) error {
	if at > s.Steps() && at <= s.Steps()+s.leftOut {
		return s.elsewhere(s.segments[len(s.segments)-1], at)
	}
	if at < 0 || at > s.Steps() {
		return fmt.Errorf("fork at step %d, wanted at most %d, which is how far the run got", at, s.Steps())
	}
	if _, err := s.formFrom(at, at); err != nil {
		return err
	}
	if from := s.SnapshotBefore(at); s.recomputable(from, at) != nil {
		return s.elsewhere(s.segmentOf(at-1), at)
	}
	return nil
}

// lastStep is beyond all steps of the run.
func (k *Kept) lastStep() twins.Tick { return twins.Tick(k.Steps) + 1 }

// parentOf is what a fork remembers of this run.
func (s *Store) parentOf(r *RunDir, at twins.Tick) (*Parent, error) {
	if err := s.CanFork(at); err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(s.dir)
	if err != nil {
		return nil, err
	}
	p := &Parent{Dir: dir, Run: s.run.meta.ID, Step: int64(at)}
	if child, err := filepath.Abs(r.dir); err == nil {
		if rel, err := filepath.Rel(child, dir); err == nil {
			p.Rel = rel
		}
	}
	head, _ := s.HeadAt(at)
	p.Head = head.String()
	return p, nil
}

// begin writes what a fork begins with: its commands. Its state at that moment is had from
// the parent's snapshot before it.
func (s *Store) begin(at twins.Tick, commands []twins.Command, d Durability) (j *Journal, _ *Moment, err error) {
	m, folded, err := s.atFolded(at)
	if err != nil {
		return nil, nil, err
	}
	if j, err = newJournal(s, m.World, m.Chain, d, at); err != nil {
		return nil, nil, err
	}
	j.folds = folded
	if j.ledger, err = createLedger(s.run.path(ledgerFile), s.start); err != nil {
		return nil, nil, err
	}
	if err = s.openLedger(); err != nil {
		return nil, nil, errors.Join(err, j.ledger.f.Close())
	}
	if err = s.table.Put([]Entry{s.seal([]byte{keyFormat}, []byte{journalFormat})}); err != nil {
		return nil, nil, errors.Join(err, j.ledger.f.Close())
	}
	for _, c := range commands {
		if err = m.World.Add(c); err != nil {
			break
		}
	}
	if err == nil {
		err = j.AppendCommand(commands...)
	}
	if err != nil {
		return nil, nil, errors.Join(err, j.ledger.f.Close())
	}
	return j, m, nil
}

// FindParent is where the run that a fork begins in lies, and whether it is there.
func FindParent(child string, p *Parent) (dir string, there bool) {
	for _, dir := range p.places(child) {
		if run, err := openRun(dir); err == nil && run.meta.ID == p.Run {
			return dir, true
		}
	}
	return p.Dir, false
}
