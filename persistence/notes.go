package persistence

import (
	"fmt"
	"strings"

	"github.com/smatrix-grid/smatrix/sim/form"
)

// A note of the viewer's server is in the ledger and in the journal, as a command is: each of the
// two has what the other loses.

// note is the last note of its name. Its number says which of two of one name is the newer; 0 if an
// older program kept it.
type note struct {
	number int64
	value  string
}

// mostPerNote is the greatest length of a note with its name, in bytes: it is one record of the
// ledger and one value of the journal.
const mostPerNote = 512 << 10

// AppendNote keeps a note of the viewer's server: it is synced to disk when AppendNote
// returns nil. It replaces an earlier note of the same name. Notes are neither chained nor
// replayed.
func (j *Journal) AppendNote(name string, value []byte) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.note(name, value)
}

func (j *Journal) note(name string, value []byte) error {
	if j.failed != nil {
		return j.failed
	}
	if n := len(name) + len(value); n > mostPerNote {
		return fmt.Errorf("note of %d bytes, wanted at most %d", n, mostPerNote)
	}
	if err := j.room(); err != nil {
		return err
	}
	s := j.store
	s.noted++
	kept := note{s.noted, string(value)}
	j.ledger.note(name, kept)
	err := j.ledger.flush()
	if err == nil {
		err = j.ledger.f.Sync()
	}
	if err == nil {
		err = s.table.Put(s.noteEntries(map[string]note{name: kept}))
	}
	if err == nil {
		err = s.table.Sync()
	}
	if err != nil {
		return j.fail(err)
	}
	return nil
}

// noteEntries returns the journal's entries of notes.
func (s *Store) noteEntries(notes map[string]note) (entries []Entry) {
	for name, n := range notes {
		var w form.Writer
		w.Int(n.number)
		entries = append(entries, s.seal(noteKey(keyNote, name), []byte(n.value)), s.seal(noteKey(keyNoteNumber, name), w))
	}
	return entries
}

func noteKey(kind byte, name string) []byte { return append([]byte{kind}, name...) }

// journalNotes reads the notes that the journal has whose names begin with prefix.
func (s *Store) journalNotes(prefix string) (map[string]note, error) {
	notes := map[string]note{}
	err := s.table.Scan(noteKey(keyNote, prefix), nil, func(k, v []byte) error {
		if body, err := unseal(s.unpacker, k, v); err == nil { // the ledger has a damaged one
			notes[string(k[1:])] = note{value: string(body)}
		}
		return nil
	})
	for name, n := range notes {
		if body, err := s.get(noteKey(keyNoteNumber, name)); err == nil {
			n.number = form.NewReader(body).Int()
			notes[name] = n
		}
	}
	return notes, err
}

// mergeNotes compares the notes of ledger and journal; the newer of two of one name counts.
func (s *Store) mergeNotes(said *ledgerContent) error {
	kept, err := s.journalNotes("")
	if err != nil {
		return err
	}
	s.noted, s.lostNotes, s.unsaidNotes = 0, map[string]note{}, 0
	for name, n := range said.notes {
		s.noted = max(s.noted, n.number)
		if was, found := kept[name]; !found || was.number < n.number {
			s.lostNotes[name] = n
		}
	}
	for name, n := range kept {
		s.noted = max(s.noted, n.number)
		if was, found := said.notes[name]; !found || was.number < n.number {
			s.unsaidNotes++
		}
	}
	if n := len(s.lostNotes); n > 0 {
		s.expected("journal: it lacks %d notes, which the ledger has", n)
	}
	if n := s.unsaidNotes; n > 0 && said.version == ledgerVersion {
		s.expected("ledger: it lacks %d notes, which the journal has", n)
	}
	return nil
}

// restoreNotes writes the notes that only the ledger has into the journal.
func (s *Store) restoreNotes() error {
	if len(s.lostNotes) == 0 {
		return nil
	}
	err := s.table.Put(s.noteEntries(s.lostNotes))
	if err == nil {
		s.lostNotes = nil
	}
	return err
}

// allNotes returns the notes that ledger or journal has whose names begin with prefix.
func (s *Store) allNotes(prefix string) (map[string]note, error) {
	notes, err := s.journalNotes(prefix)
	for name, n := range s.lostNotes {
		if strings.HasPrefix(name, prefix) {
			notes[name] = n
		}
	}
	return notes, err
}

// Notes returns the notes of the run whose names begin with prefix, by name.
func (s *Store) Notes(prefix string) (map[string][]byte, error) {
	all, err := s.allNotes(prefix)
	if err != nil {
		return nil, err
	}
	notes := make(map[string][]byte, len(all))
	for name, n := range all {
		notes[name] = []byte(n.value)
	}
	return notes, nil
}
