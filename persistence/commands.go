package persistence

import (
	"cmp"
	"math"
	"slices"

	"github.com/smatrix-grid/smatrix/twins"
)

// Commands from outside stay on disk: they are read from the journal when they are asked for.
// In memory is for which steps those of each page are.

// commandsPerPage is how many commands a page has at least.
var commandsPerPage = 256 // tests take others

// commandPage is commands that stand together in the journal.
type commandPage struct {
	number int  // of the first, in its key
	count  int  // commands
	steps  span // from the earliest to the latest that they are for
}

func (p *commandPage) add(commands []twins.Command) {
	for i := range commands {
		t := commands[i].Step
		if p.count == 0 {
			p.steps = span{t, t + 1}
		}
		p.steps = span{min(p.steps.from, t), max(p.steps.to, t+1)}
		p.count++
	}
}

// commandIndex finds a run's own commands, those of a fork's parent aside. A copy of it may be
// read while the journal takes others.
type commandIndex struct {
	pages []commandPage   // that are full, in order
	last  commandPage     // that is not
	lost  []twins.Command // that the ledger has and the journal has not
	next  int             // number of the command that comes
	seq   int64           // Command.Seq of the last one
	mixed bool            // they are not in the order of Command.Seq
}

// add takes commands that stand under a number in the journal.
func (x *commandIndex) add(number int, commands []twins.Command) {
	if x.last.count >= commandsPerPage {
		x.pages, x.last = append(x.pages, x.last), commandPage{}
	}
	if x.last.count == 0 {
		x.last.number = number
	}
	x.last.add(commands)
	for i := range commands {
		x.mixed = x.mixed || commands[i].Seq < x.seq
		x.seq = commands[i].Seq
	}
	x.next = max(x.next, number+len(commands))
}

// count is how many there are.
func (x *commandIndex) count() int {
	n := x.last.count + len(x.lost)
	for i := range x.pages {
		n += x.pages[i].count
	}
	return n
}

// between is where the commands for the steps from ≤ t < to are in the journal: under numbers
// first ≤ n < behind, among others, count in all. first is −1 if there are none.
func (x *commandIndex) between(from, to twins.Tick) (first, behind, count int) {
	first = -1
	sum := 0 // of the pages since the first
	for i := range len(x.pages) + 1 {
		p, next := &x.last, x.next
		if i < len(x.pages) {
			p, next = &x.pages[i], x.last.number
		}
		if i+1 < len(x.pages) {
			next = x.pages[i+1].number
		}
		wanted := p.count > 0 && from < p.steps.to && p.steps.from < to
		if first < 0 && wanted {
			first = p.number
		}
		if first >= 0 {
			sum += p.count
		}
		if wanted {
			behind, count = next, sum
		}
	}
	return first, behind, count
}

// scanCommands visits the commands that the journal has under numbers from first on, in the order in
// which they came.
func (s *Store) scanCommands(first int, visit func(number int, commands []twins.Command) error) error {
	return scan(s.table, []byte{keyCommand}, key(keyCommand, twins.Tick(first)), func(k, v []byte) error {
		number, err := tickOf(k)
		if err != nil {
			return nil // no key of ours
		}
		body, err := unseal(s.unpacker, k, v)
		if err != nil {
			return nil // the ledger has it, or a head will not come out
		}
		r := &reader{b: body}
		all := r.commands()
		if r.done() != nil {
			return nil
		}
		return visit(int(number), all)
	})
}

// joinCommands puts the commands of ledger and journal together.
func (s *Store) joinCommands(said []twins.Command) error {
	s.commands = commandIndex{}
	left := make(map[twins.Command]int, len(said)) // of the ledger's
	for i := range said {
		left[said[i]]++
	}
	err := s.scanCommands(0, func(number int, all []twins.Command) error {
		s.commands.add(number, all)
		for i := range all {
			if left[all[i]]--; left[all[i]] <= 0 {
				delete(left, all[i])
			}
		}
		return nil
	})
	for c, n := range left {
		s.commands.lost = append(s.commands.lost, slices.Repeat([]twins.Command{c}, n)...)
	}
	s.commands.next = max(s.commands.next, s.commands.count())
	sortCommands(s.commands.lost)
	return err
}

// sortCommands sorts them as a step carries them out.
func sortCommands(all []twins.Command) {
	slices.SortStableFunc(all, func(a, b twins.Command) int {
		return cmp.Or(cmp.Compare(a.Step, b.Step), cmp.Compare(a.Target, b.Target), cmp.Compare(a.Seq, b.Seq))
	})
}

// Commands are those that came from outside for the steps from ≤ t < to, by step, target and
// number. A scenario's own events are not among them. They are read from disk.
func (s *Store) Commands(from, to twins.Tick) (found []twins.Command) {
	to = min(to, s.until)
	if s.parent != nil && from < s.base {
		found = s.parent.Commands(from, min(to, s.base))
	}
	all, err := s.ownCommands(from, to)
	if err != nil {
		s.repaired("journal: commands: %v", reason(err))
	}
	for i := range all {
		if t := all[i].Step; from <= t && t < to {
			found = append(found, all[i])
		}
	}
	sortCommands(found)
	return found
}

// CommandsBefore are at most so many commands from outside, newest first: of all, in the order of
// their numbers, the first so many without the last of them that are at a position or behind it.
func (s *Store) CommandsBefore(position, most int) ([]twins.Command, error) {
	first := max(0, position-most)
	if s.parent == nil && len(s.commands.lost) == 0 && !s.commands.mixed {
		some, whole, err := s.numberedCommands(first, position)
		if whole || err != nil {
			slices.Reverse(some)
			return some, err
		}
	}
	all := s.Commands(0, allSteps)
	slices.SortStableFunc(all, func(a, b twins.Command) int { return cmp.Compare(a.Seq, b.Seq) })
	some := slices.Clone(all[min(first, len(all)):min(position, len(all))])
	slices.Reverse(some)
	return some, nil
}

// numberedCommands are the run's own commands first ≤ i < behind, as they came; whole is false if the
// journal does not have them any more.
func (s *Store) numberedCommands(first, behind int) (some []twins.Command, whole bool, err error) {
	x := &s.commands
	at, begins := 0, &x.last // position of the first command of a page
	for i := range x.pages {
		if p := &x.pages[i]; first < at+p.count {
			begins = p
			break
		}
		at += x.pages[i].count
	}
	behind = min(behind, x.count())
	if first >= behind {
		return nil, true, nil
	}
	err = s.scanCommands(begins.number, func(_ int, all []twins.Command) error {
		from, to := max(first-at, 0), min(behind-at, len(all))
		if from < to {
			some = append(some, all[from:to]...)
		}
		if at += len(all); at >= behind {
			return errStop
		}
		return nil
	})
	return some, len(some) == behind-first, err
}

// ownCommands are the run's own commands for some steps, with others. Those that the journal does
// not have any more are taken from the ledger.
func (s *Store) ownCommands(from, to twins.Tick) ([]twins.Command, error) {
	all, want, err := s.journalCommands(from, to)
	if err == nil && len(all) == want || s.index.file == nil {
		return append(all, s.commands.lost...), err
	}
	said, err := readLedger(s.dir, s.index.file)
	if err != nil {
		return all, err
	}
	if err := s.joinCommands(said.commands); err != nil {
		return all, err
	}
	all, _, err = s.journalCommands(from, to)
	return append(all, s.commands.lost...), err
}

// journalCommands are those that the journal has, and how many it is known to have.
func (s *Store) journalCommands(from, to twins.Tick) (all []twins.Command, want int, err error) {
	first, behind, want := s.commands.between(from, to)
	if first < 0 {
		return nil, 0, nil
	}
	err = s.scanCommands(first, func(number int, some []twins.Command) error {
		if number >= behind {
			return errStop
		}
		all = append(all, some...)
		return nil
	})
	return all, want, err
}

// commandEntries are the entries for commands that come, which the index then has.
func (s *Store) commandEntries(x *commandIndex, commands []twins.Command) (entries []Entry) {
	for batch := range slices.Chunk(commands, mostTogether) {
		var w writer
		w.commands(batch)
		entries = append(entries, s.seal(key(keyCommand, twins.Tick(x.next)), w))
		x.add(x.next, batch)
	}
	return entries
}

// restoreCommands puts those into the journal that only the ledger has.
func (s *Store) restoreCommands() error {
	x := s.commands
	x.lost = nil
	err := s.table.Put(s.commandEntries(&x, s.commands.lost))
	if err == nil {
		s.commands = x
	}
	return err
}

// allSteps is behind each step of any run.
const allSteps = math.MaxInt64
