package persistence

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/twins"
)

// journalFormat is the number of the journal's layout of keys.
const journalFormat = 1

// compare reads what the journal has and holds it against the ledger. What either
// has lost is taken from the other; what neither shows is left to be computed
// again. It is an error only if both are whole and say different things.
func (s *Store) compare(said *ledgerContent) error {
	s.start, s.ended, s.digest = said.start, said.ended, said.digest
	state := s.run.meta.State // failed is also a run whose disk took no end
	s.unclosed = state == Running || state == Failed && said.ended != twins.Tick(len(said.heads))
	if b, err := s.get([]byte{keyFormat}); err == nil && len(b) == 1 && b[0] > journalFormat {
		return &StoreError{Dir: s.dir, What: fmt.Sprintf("has a journal of format %d; this program knows formats up to %d, wanted a newer program", b[0], journalFormat), Invalid: true}
	}
	for _, at := range said.holes {
		s.repaired("ledger: damaged at byte %d; what it said there was taken from the journal", at)
	}
	if said.torn > 0 {
		s.expected("ledger: its last %d bytes were no whole record and count for nothing", said.torn)
	}
	kept, err := s.stepHeads()
	if err == nil {
		err = s.joinHeads(said.heads, kept)
	}
	if err == nil {
		err = s.joinCommands(said.commands)
	}
	if err == nil {
		s.chunks, err = s.listChunks()
	}
	if err == nil {
		s.snapshots, err = s.listSnapshots()
	}
	return err
}

// stepHeads are the heads that the journal has, zero where a step is missing or
// damaged.
func (s *Store) stepHeads() (heads []sim.Hash, err error) {
	err = s.table.Scan([]byte{keyStep}, nil, func(k, v []byte) error {
		t, err := tickOf(k)
		if err != nil || t > twins.Tick(len(heads))+mostLost {
			return nil // no key of ours
		}
		body, err := unseal(s.unpacker, k, v)
		if err != nil {
			s.repaired("journal: step %d: %v; it is computed again", t, err)
			return nil
		}
		r := &reader{b: body}
		if at, head := twins.Tick(r.int()), r.hash(); r.err == nil && at == t {
			for twins.Tick(len(heads)) <= t {
				heads = append(heads, sim.Hash{})
			}
			heads[t] = head
		}
		return nil
	})
	return heads, err
}

// joinHeads puts the heads of ledger and journal together.
func (s *Store) joinHeads(said, kept []sim.Hash) error {
	n := max(len(said), len(kept), int(s.base))
	s.heads = make([]sim.Hash, n)
	s.missing = make([]bool, n)
	first, count := twins.Tick(-1), 0
	mayBeGone := s.mayBeGone(twins.Tick(n))
	s.gone = s.base
	for t := range n {
		var a, b sim.Hash
		if t < int(s.base) {
			s.heads[t], _ = s.parent.HeadAt(twins.Tick(t) + 1)
			continue
		}
		if t < len(said) {
			a = said[t]
		}
		if t < len(kept) {
			b = kept[t]
		}
		if a != (sim.Hash{}) && b != (sim.Hash{}) && a != b {
			return &DamageError{Dir: s.dir, Step: twins.Tick(t), What: "ledger and journal are whole and say different things of it"}
		}
		s.heads[t] = a
		if a == (sim.Hash{}) {
			s.heads[t] = b
		}
		if s.missing[t] = b == (sim.Hash{}); s.missing[t] {
			if twins.Tick(t) < mayBeGone {
				if s.gone == twins.Tick(t) {
					s.gone++
				}
				continue
			}
			if count++; first < 0 {
				first = twins.Tick(t)
			}
		}
	}
	if count > 0 {
		s.expected("journal: %d of %d steps are missing from step %d on, as the ledger shows; they are computed again", count, n, first)
	}
	if extra := len(kept) - max(len(said), int(s.base)); extra > 0 {
		s.expected("ledger: it lacks the last %d steps, which the journal has", extra)
	}
	return nil
}

// joinCommands puts the commands of ledger and journal together.
func (s *Store) joinCommands(said []twins.Command) error {
	s.commands = nil
	if s.parent != nil {
		s.commands = s.parent.Commands(0, s.base)
	}
	s.inherited = len(s.commands)
	s.commands = append(s.commands, said...)
	known := make(map[twins.Command]bool, len(s.commands))
	for _, c := range s.commands {
		known[c] = true
	}
	err := s.table.Scan([]byte{keyCommand}, nil, func(k, v []byte) error {
		body, err := unseal(s.unpacker, k, v)
		if err != nil {
			return nil // the ledger has it, or a head will not come out
		}
		r := &reader{b: body}
		all := r.commands()
		if r.done() != nil {
			return nil
		}
		for _, c := range all {
			if !known[c] {
				known[c], s.commands = true, append(s.commands, c)
			}
		}
		return nil
	})
	slices.SortStableFunc(s.commands, func(a, b twins.Command) int {
		return cmp.Or(cmp.Compare(a.Step, b.Step), cmp.Compare(a.Target, b.Target), cmp.Compare(a.Seq, b.Seq))
	})
	return err
}

// listChunks are the chunks whose steps are all there.
func (s *Store) listChunks() (chunks []span, err error) {
	err = s.table.Scan([]byte{keyChunk}, nil, func(k, v []byte) error {
		from, err := tickOf(k)
		body, errValue := unseal(s.unpacker, k, v)
		if err != nil || errValue != nil {
			return nil // its steps are computed again
		}
		r := &reader{b: body}
		to := from + twins.Tick(r.uint())
		r.uint()
		if n := len(chunks); r.done() != nil || to <= from || to > s.Steps() || n > 0 && chunks[n-1].to > from {
			return nil
		}
		chunks = append(chunks, span{from, to})
		return nil
	})
	return chunks, err
}

func (s *Store) listSnapshots() (after []twins.Tick, err error) {
	err = s.table.Scan([]byte{keySnapshot}, nil, func(k, v []byte) error {
		n, err := tickOf(k)
		if _, errValue := unseal(s.unpacker, k, v); err == nil && errValue == nil && n > 0 && n <= s.Steps() {
			after = append(after, n)
		}
		return nil
	})
	return after, err
}

// startOver puts a journal that cannot be opened aside and begins an empty one, which
// is then computed again.
func (s *Store) startOver(damage *DamageError) error {
	aside := s.run.path(journalDir + ".damaged")
	if err := os.RemoveAll(aside); err != nil {
		return err
	}
	if err := os.Rename(s.run.path(journalDir), aside); err != nil {
		return errors.Join(damage, err)
	}
	s.repaired("journal: %s; all steps are computed again, and what it was is in %s", damage.What, aside)
	var err error
	if s.table, err = s.run.openTable(Write, s.retention() != (Retention{})); err != nil {
		return err
	}
	return s.table.Put([]Entry{s.seal([]byte{keyFormat}, []byte{journalFormat})})
}

// Resume makes the store of a run that was ended early ready to go on. The moment is
// the last from which everything is kept whole: steps behind it that were made
// before are made again and compared, step by step, with what is known of them. The
// sinks get the steps up to the moment as they were.
//
// The chain of the moment must be a sink before the journal.
func (s *Store) Resume(d Durability, sinks ...sim.Sink) (*Journal, *Moment, error) {
	if s.mode != Write {
		return nil, nil, errors.New("store: opened for reading only")
	}
	at := s.whole(twins.Tick(s.run.meta.Journal.Steps) - 1) // a step at least is made: the digest wants it
	form, err := s.formFrom(at, s.Steps())
	if err != nil {
		return nil, nil, err
	}
	if s.goOn(form); len(form.Joints) > 0 {
		if err := s.run.writeMeta(); err != nil { // the chain has the joint from here on
			return nil, nil, err
		}
	}
	if err := s.Replay(0, at, sinks...); err != nil {
		return nil, nil, err
	}
	m, folded, err := s.atFolded(at)
	if err != nil {
		return nil, nil, err
	}
	s.gone = max(s.base, min(s.gone, at)) // what is made again is let go again
	if err := s.forget(at); err != nil {
		return nil, nil, err
	}
	j, err := newJournal(s, m.World, m.Chain, d, at)
	if err != nil {
		return nil, nil, err
	}
	if j.ledger, err = s.mendLedger(); err != nil {
		return nil, nil, err
	}
	j.folds = folded
	_ = os.Remove(s.run.path(addressFile)) // of a process that was killed
	s.run.journal = j
	s.run.meta.State = Running
	return j, m, s.run.writeMeta()
}

// Run is the folder of the run, to finish it.
func (s *Store) Run() *RunDir { return s.run }

// whole is the last snapshot, after at most so many steps, up to which all steps and readings are kept.
func (s *Store) whole(most twins.Tick) twins.Tick {
	to := s.base
	if s.retention().readings() > 0 && len(s.chunks) > 0 { // what was before has been let go
		to = s.chunks[0].from
	}
	for _, c := range s.chunks {
		if c.from != to || slices.Contains(s.missing[c.from:c.to], true) {
			break
		}
		to = c.to
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

// forget takes out the marks of what will be written again.
func (s *Store) forget(from twins.Tick) error {
	var entries []Entry
	s.chunks = slices.DeleteFunc(s.chunks, func(c span) bool {
		if c.from >= from {
			entries = append(entries, Entry{Key: key(keyChunk, c.from)})
		}
		return c.from >= from
	})
	s.snapshots = slices.DeleteFunc(s.snapshots, func(n twins.Tick) bool {
		if n > from {
			entries = append(entries, Entry{Key: key(keySnapshot, n)})
		}
		return n > from
	})
	return s.table.Put(entries)
}

// mendLedger opens the ledger for appending. What it lacks and the journal has is
// written into a new one, which takes its place.
func (s *Store) mendLedger() (*ledger, error) {
	b, err := os.ReadFile(s.run.path(ledgerFile))
	if err != nil {
		return nil, err
	}
	said, err := readLedger(s.dir, b)
	if err != nil {
		return nil, err
	}
	if len(said.holes) == 0 && max(len(said.heads), int(s.base)) == len(s.heads) && len(said.commands) == len(s.commands)-s.inherited {
		return reopenLedger(s.run.path(ledgerFile), said.size)
	}
	temp := s.run.path(ledgerFile + writing)
	if err := os.RemoveAll(temp); err != nil {
		return nil, err
	}
	l, err := createLedger(temp, s.start)
	if err != nil {
		return nil, err
	}
	l.commands(s.commands[s.inherited:])
	for t, head := range s.heads {
		if t >= int(s.base) && head != (sim.Hash{}) {
			l.step(twins.Tick(t), head)
		}
	}
	err = l.flush()
	if err == nil {
		err = l.f.Sync()
	}
	if err == nil {
		err = os.Rename(temp, s.run.path(ledgerFile))
	}
	if err != nil {
		return nil, errors.Join(err, l.f.Close())
	}
	syncFolder(s.dir)
	return l, nil
}
