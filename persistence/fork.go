package persistence

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/twins"
)

// Parent names the run that another one is a fork of, and the step of the fork. Earlier
// steps are not copied: they are read from the parent.
type Parent struct {
	Dir  string `json:"dir"`  // absolute
	Rel  string `json:"rel"`  // the same relative to the fork's folder, "" if there is no such path
	Run  string `json:"run"`  // identity of the parent
	Step int64  `json:"step"` // steps that the two have in common
	Head string `json:"head"` // of the chain after them, hex
	// Dropped is how many commands the parent had for the fork's first step and later ones that
	// the fork was begun without; 0 if it was begun with all of them.
	Dropped int `json:"dropped_commands,omitempty"`
}

// Later returns what the fork has done with its parent's commands for its own steps.
func (p *Parent) Later() sim.Later {
	if p.Dropped > 0 {
		return sim.DropLater
	}
	return sim.KeepLater
}

// pastDir is the folder in which a restored fork has its parent.
const pastDir = "past"

// newIdentity returns a random identity for a run.
func newIdentity() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // rand.Read never fails
	return hex.EncodeToString(b[:])
}

// candidates returns the folders in which a parent may be: in the fork's own folder, where
// it was, and where it is if both have been moved together.
func (p *Parent) candidates(child string) []string {
	all := []string{filepath.Join(child, pastDir), p.Dir}
	if p.Rel != "" {
		all = append(all, filepath.Join(child, p.Rel))
	}
	return all
}

// openParent opens the parent of a fork. Its identity and its head at the fork must be
// those that the fork recorded.
func openParent(of *RunDir, p *Parent, depth int) (*Store, error) {
	child := of.dir
	if depth > mostForks {
		return nil, &StoreError{Dir: child, What: fmt.Sprintf("is a fork of more than %d forks, wanted fewer", mostForks), Invalid: true}
	}
	var found error
	for _, dir := range p.candidates(child) {
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

// mostForks is the greatest number of parents in a row.
const mostForks = 64

// Fork begins a run in a new folder that shares the first at steps of this one. changes are
// its own commands; later says whether it has this run's commands from outside for its own steps
// as well. The new run takes the store over and closes it. The moment's chain must be a sink before the journal.
func (s *Store) Fork(r *RunDir, at twins.Tick, changes []twins.Command, keep sim.Later, d Durability) (*Journal, *Moment, error) {
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
	child.start, child.parent, child.base, child.deleted = s.start, s, at, at
	child.steps = at
	later := s.Commands(at, kept.lastStep())
	if keep == sim.DropLater {
		parent.Dropped, later = len(later), nil
	}
	later = append(later, changes...)
	if child.table, err = r.openTable(Write, kept.Retention != (Retention{})); err != nil {
		return nil, nil, err
	}
	j, m, err := child.begin(at, later, d)
	if err != nil {
		child.parent = nil // the caller still owns it
		return nil, nil, errors.Join(err, child.Close())
	}
	r.journal = j
	Checkpoint()
	defer r.unlockBegun()
	return j, m, r.writeMeta()
}

// CanFork returns an error if a fork cannot begin at a step: the run has not reached it, or
// another model made the steps since the last snapshot (*ModelError).
func (s *Store) CanFork(at twins.Tick) error {
	if at > s.Steps() && at <= s.Steps()+s.leftOut {
		return s.noSnapshotHere(s.segments[len(s.segments)-1], at)
	}
	if at < 0 || at > s.Steps() {
		return fmt.Errorf("fork at step %d, wanted at most %d, which is how far the run got", at, s.Steps())
	}
	if _, err := s.formFrom(at, at); err != nil {
		return err
	}
	if from := s.SnapshotBefore(at); s.recomputable(from, at) != nil {
		return s.noSnapshotHere(s.segmentOf(at-1), at)
	}
	return nil
}

// lastStep is greater than every step of the run.
func (k *Kept) lastStep() twins.Tick { return twins.Tick(k.Steps) + 1 }

// parentOf returns this run as the Parent of a fork.
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

// begin writes the first content of a fork, its commands. Its state is computed from the
// parent's snapshot before the fork.
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

// FindParent returns the folder of a fork's parent, and whether it exists.
func FindParent(child string, p *Parent) (dir string, there bool) {
	for _, dir := range p.candidates(child) {
		if run, err := openRun(dir); err == nil && run.meta.ID == p.Run {
			return dir, true
		}
	}
	return p.Dir, false
}
