package ui

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/twins"
)

// forkNote is a fork that was made with an Idempotency-Key. It is kept with the live run before the fork
// is acknowledged. A run that is resumed has no forks; the same request with the same key then makes the
// same fork again, once.
type forkNote struct {
	Key     string     `json:"-"` // the name of the note has it
	Parent  string     `json:"parent"`
	At      twins.Tick `json:"at"`
	Name    string     `json:"name"`
	Set     []string   `json:"set"`
	Later   sim.Later  `json:"later"`
	Last    int64      `json:"last"` // greatest number of the parent's commands by then
	ID      string     `json:"id"`
	Deleted bool       `json:"deleted"`

	made bool // by this process
}

func (n *forkNote) of() *forkOf {
	return &forkOf{at: n.At, name: n.Name, set: n.Set, later: n.Later, key: n.Key}
}

// forkKeys are the forks that were made with keys, the latest mostKeys of them.
type forkKeys struct {
	notes   map[string]*forkNote
	old     []string       // keys, oldest first
	callers map[string]int // by key: callers that want a fork and do not have it yet
}

func newForkKeys() forkKeys {
	return forkKeys{notes: map[string]*forkNote{}, callers: map[string]int{}}
}

// made reports whether this process has made the fork of a key.
func (k *forkKeys) made(key string) bool { return k.notes[key] != nil && k.notes[key].made }

// add remembers a fork that was made.
func (k *forkKeys) add(n *forkNote) {
	if n.Key == "" {
		return
	}
	n.made = true
	k.put(n)
}

func (k *forkKeys) put(n *forkNote) {
	if k.notes[n.Key] == nil {
		k.old = append(k.old, n.Key)
	}
	k.notes[n.Key] = n
	if len(k.old) > mostKeys {
		delete(k.notes, k.old[0])
		k.old = k.old[1:]
	}
}

// begun restores the keys of the forks of a run that was kept, in the order in which they were made.
func (s *runs) begun(notes map[string][]byte) {
	var all []*forkNote
	for name, value := range notes {
		key, ok := strings.CutPrefix(name, noteFork)
		n := &forkNote{}
		if ok && json.Unmarshal(value, n) == nil {
			n.Key = key
			all = append(all, n)
		}
	}
	slices.SortFunc(all, func(a, b *forkNote) int {
		return cmp.Or(cmp.Compare(a.number(), b.number()), cmp.Compare(a.Key, b.Key))
	})
	for _, n := range all {
		s.keys.put(n)
		s.forks = max(s.forks, n.number()) // no other fork gets its id
	}
}

// number is that of the fork's id.
func (n *forkNote) number() int {
	number, _ := strconv.Atoi(strings.TrimPrefix(n.ID, forkPrefix)) // 0 of an id that is not ours
	return number
}

// errForkDeleted is returned for a key whose fork was made and deleted.
type errForkDeleted struct{ id string }

func (e *errForkDeleted) Error() string {
	return fmt.Sprintf("%s was made with this Idempotency-Key, and deleted since", e.id)
}

// forked returns the fork that was made with the key of a request; nil if none was, or none since the run
// was resumed.
func (s *runs) forked(parent string, of *forkOf) (*run, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.keys.notes[of.key]
	switch {
	case n == nil:
		return nil, nil
	case n.Parent != parent || !n.of().same(of):
		return nil, errKeyReused
	case n.Deleted:
		return nil, &errForkDeleted{n.ID}
	}
	for _, r := range s.all {
		if r.id == n.ID {
			return r, nil
		}
	}
	return nil, nil
}

// noteOf returns the note of a fork that is about to be made; parents are its parent's commands. If it was
// made before the run was resumed, that is the note of then; otherwise the note has no id yet.
func (s *runs) noteOf(parent *run, of *forkOf, parents []twins.Command) forkNote {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := s.keys.notes[of.key]; n != nil {
		return *n
	}
	n := forkNote{Key: of.key, Parent: parent.id, At: of.at, Name: of.name, Set: of.set, Later: of.later}
	for i := range parents {
		n.Last = max(n.Last, parents[i].Seq)
	}
	return n
}

// keep makes a note durable, if it has a key and the run is kept.
func (s *runs) keep(n *forkNote) error {
	if n.Key == "" || s.options.Keep == nil {
		return nil
	}
	value, _ := json.Marshal(n) // plain data
	return s.options.Keep.KeepNote(noteFork+n.Key, value)
}

// keepDeleted notes that the fork of a key is deleted.
func (s *runs) keepDeleted(key string) error {
	s.mu.Lock()
	n := s.keys.notes[key]
	s.mu.Unlock()
	if n == nil {
		return nil
	}
	deleted := *n
	deleted.Deleted = true
	if err := s.keep(&deleted); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys.put(&deleted)
	return nil
}
