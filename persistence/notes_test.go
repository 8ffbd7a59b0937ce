package persistence

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/scenario"
)

// notedRun is a run in memory with notes, as a kill leaves it.
type notedRun struct {
	dir    string
	ledger []byte
	table  *Memory
	notes  map[string][]byte // that were acknowledged
	before map[string][]byte // before the last one, which replaced another
}

func keepNotes(t *testing.T) *notedRun {
	t.Helper()
	n := &notedRun{dir: filepath.Join(t.TempDir(), "run"), table: &Memory{}}
	w := build(t, "hamlet", scenario.Options{})
	r, err := CreateRun(n.dir, Run{Scenario: "hamlet"})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(r.path(journalDir), 0o777); err != nil {
		t.Fatal(err)
	}
	r.Tables = func(string, Mode, bool) (Table, error) { return n.table, nil }
	chain := w.NewChain()
	j, err := r.Keep(w, chain, Durability{})
	if err != nil {
		t.Fatal(err)
	}
	k := &truth{}
	run := sim.Runner{World: w, Stepper: sim.NewFlat(w, nil, true), Sinks: []sim.Sink{chain, j}}
	for run.Done() < 18 {
		if _, err := run.Step(); err != nil {
			t.Fatal(err)
		}
		k.note(t, j, run.Done())
	}
	n.before = maps.Clone(k.notes)
	k.note(t, j, 23) // the same name as after step 3
	k.note(t, j, 18) // a later one of another name
	n.notes = k.notes
	j.ledger.f.Close()
	if n.ledger, err = os.ReadFile(r.path(ledgerFile)); err != nil || len(n.notes) != len(n.before) {
		t.Fatalf("%v, notes %q", err, n.notes)
	}
	return n
}

// hurt opens the run with other content of ledger and journal, in a mode.
func (n *notedRun) hurt(t *testing.T, ledger []byte, journal *Memory, mode Mode) *Store {
	t.Helper()
	if err := os.WriteFile(filepath.Join(n.dir, ledgerFile), ledger, 0o666); err != nil {
		t.Fatal(err)
	}
	s, err := OpenOn(func(string, Mode, bool) (Table, error) { return journal, nil }, n.dir, mode)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// without returns a copy of the journal without the keys that begin with some bytes.
func (n *notedRun) without(prefix string) *Memory {
	return &Memory{entries: slices.DeleteFunc(slices.Clone(n.table.entries), func(e Entry) bool { return bytes.HasPrefix(e.Key, []byte(prefix)) })}
}

// older returns a copy of the journal without its last note, which had replaced one.
func (n *notedRun) older(t *testing.T) *Memory {
	t.Helper()
	m, s := &Memory{entries: slices.Clone(n.table.entries)}, &Store{packer: newPacker()}
	for name, value := range n.before {
		if !bytes.Equal(value, n.notes[name]) {
			if err := m.Put(s.noteEntries(map[string]note{name: {1, string(value)}})); err != nil {
				t.Fatal(err)
			}
		}
	}
	return m
}

// recordsOf returns the offset of each record of a ledger, and that of its end.
func recordsOf(ledger []byte) (at []int64) {
	scan := &recordScan{file: bytes.NewReader(ledger), at: int64(ledgerHead), end: mostBytes}
	for rec, from := scan.next(); rec != nil; rec, from = scan.next() {
		at = append(at, from)
	}
	return append(at, int64(len(ledger)))
}

// Ledger and journal each have every note: what one of them has lost, or has only an older form of,
// is taken from the other, and resuming the run gives both all notes again.
func TestNotesHaveTwoCopies(t *testing.T) {
	n := keepNotes(t)
	type damage struct {
		name    string
		ledger  []byte
		journal *Memory
	}
	all := []damage{
		{"none", n.ledger, n.table},
		{"the journal has no note", n.ledger, n.without(string(keyNote))},
		{"the journal has no numbers", n.ledger, n.without(string(keyNoteNumber))},
		{"the journal lacks the last", n.ledger, n.older(t)},
	}
	for name := range n.notes {
		all = append(all, damage{"the journal lacks " + name, n.ledger, n.without(string(keyNote) + name)})
	}
	at := recordsOf(n.ledger)
	for i, from := range at[1:] { // the first record is the head before step 0
		if to := at[1:][min(i+1, len(at)-2)]; to > from {
			flipped := slices.Clone(n.ledger)
			flipped[(from+to)/2] ^= 1
			all = append(all, damage{fmt.Sprintf("the ledger is damaged in record %d", i+1), flipped, n.table})
			all = append(all, damage{fmt.Sprintf("the ledger is torn in record %d", i+1), n.ledger[:(from+to)/2], n.table})
		}
		all = append(all, damage{fmt.Sprintf("the ledger ends before record %d", i+1), n.ledger[:from], n.table})
	}
	for _, d := range all {
		s := n.hurt(t, d.ledger, d.journal, Read)
		notes, err := s.Notes("")
		if err != nil || !maps.EqualFunc(notes, n.notes, bytes.Equal) {
			t.Errorf("%s: notes %q, wanted %q; %v", d.name, notes, n.notes, err)
		}
		if some, err := s.Notes("acknowledge/3"); err != nil || len(some) != 1 {
			t.Errorf("%s: notes of one prefix: %q, %v", d.name, some, err)
		}
		s.closeLedger()
		journal := &Memory{entries: slices.Clone(d.journal.entries)}
		s = n.hurt(t, d.ledger, journal, Write)
		j, _, err := s.Resume(Durability{})
		if err != nil {
			t.Fatalf("%s: %v", d.name, err)
		}
		err = errors.Join(j.ledger.f.Close(), s.closeLedger())
		said, errSaid := readLedgerAt(n.dir, filepath.Join(n.dir, ledgerFile))
		kept, errKept := s.journalNotes("")
		if err := errors.Join(err, errSaid, errKept); err != nil {
			t.Fatalf("%s: %v", d.name, err)
		}
		for where, is := range map[string]map[string]note{"ledger": said.notes, "journal": kept} {
			if !maps.EqualFunc(is, n.notes, func(a note, b []byte) bool { return a.value == string(b) && a.number <= s.noted }) {
				t.Errorf("%s: after resuming the %s has %v, wanted %q", d.name, where, is, n.notes)
			}
		}
	}
}

// A run whose ledger has no notes, as older programs wrote it, is not called damaged for that, and
// has them in its ledger once it is resumed.
func TestNotesOfAnOlderRun(t *testing.T) {
	n := keepNotes(t)
	at := recordsOf(n.ledger)
	old := slices.Clone(n.ledger[:at[0]])
	old[len(ledgerMagic)] = 1
	for i, from := range at[:len(at)-1] {
		if n.ledger[from+8] != recordNote {
			old = append(old, n.ledger[from:at[i+1]]...)
		}
	}
	journal := n.without(string(keyNoteNumber))
	s := n.hurt(t, old, journal, Write)
	if len(s.Repairs()) > 0 || s.Damaged() {
		t.Errorf("repairs %q", s.Repairs())
	}
	j, _, err := s.Resume(Durability{})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(j.AppendNote("one more", nil), j.ledger.f.Close(), s.closeLedger()); err != nil {
		t.Fatal(err)
	}
	said, err := readLedgerAt(n.dir, filepath.Join(n.dir, ledgerFile))
	if err != nil || said.version != ledgerVersion || len(said.notes) != len(n.notes)+1 || said.notes["one more"].number != 1 {
		t.Errorf("%v, version %d, notes %v", err, said.version, said.notes)
	}
}

// A note that does not fit into a record is refused, and the journal goes on.
func TestLongNote(t *testing.T) {
	r, err := CreateRun(filepath.Join(t.TempDir(), "run"), Run{})
	if err != nil {
		t.Fatal(err)
	}
	r.Tables = func(string, Mode, bool) (Table, error) { return &Memory{}, nil }
	w := build(t, "hamlet", scenario.Options{})
	j, err := r.Keep(w, w.NewChain(), Durability{})
	if err != nil {
		t.Fatal(err)
	}
	if err := j.AppendNote("a", make([]byte, mostPerNote)); err == nil || !strings.Contains(err.Error(), "wanted at most") {
		t.Errorf("a long note: %v", err)
	}
	if err := errors.Join(j.AppendNote("a", make([]byte, mostPerNote-1)), j.End()); err != nil {
		t.Error(err)
	}
	said, err := readLedgerAt("", r.path(ledgerFile))
	if err != nil || len(said.notes["a"].value) != mostPerNote-1 || len(said.holes) > 0 || said.torn > 0 {
		t.Errorf("%v, %d bytes, holes %v", err, len(said.notes["a"].value), said.holes)
	}
}
