package persistence

import (
	"cmp"
	"math"
	"slices"

	"github.com/smatrix-grid/smatrix/twins"
)

// Commands from outside stay on disk and are read from the journal on request. Memory holds
// only the range of steps of each page of commands.

// commandsPerPage is the least number of commands in a page.
var commandsPerPage = 256 // tests set others

// commandPage describes commands with adjacent keys in the journal.
type commandPage struct {
	number int       // in the key of the first
	count  int       // commands
	steps  stepRange // from the earliest to the latest step of the commands
}

func (p *commandPage) add(commands []twins.Command) {
	for i := range commands {
		t := commands[i].Step
		if p.count == 0 {
			p.steps = stepRange{t, t + 1}
		}
		p.steps = stepRange{min(p.steps.from, t), max(p.steps.to, t+1)}
		p.count++
	}
}

// commandIndex finds a run's own commands, without those of a fork's parent. A copy of it
// may be read while the journal appends others.
type commandIndex struct {
	pages []commandPage   // full pages, in order
	last  commandPage     // the page that is not full
	lost  []twins.Command // in the ledger but not in the journal
	next  int             // number of the next command
	seq   int64           // Command.Seq of the last command
	mixed bool            // the commands are not in the order of Command.Seq
}

// add adds the commands that the journal has under a number.
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

// count returns the number of commands.
func (x *commandIndex) count() int {
	n := x.last.count + len(x.lost)
	for i := range x.pages {
		n += x.pages[i].count
	}
	return n
}

// between finds the commands for the steps from ≤ t < to: the journal has them, among others,
// under the numbers first ≤ n < behind, count commands in all. first is −1 if there are none.
func (x *commandIndex) between(from, to twins.Tick) (first, behind, count int) {
	first = -1
	sum := 0 // commands in the pages since the first
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

// scanCommands visits the journal's commands from number first on, in the order in which
// they arrived.
func (s *Store) scanCommands(first int, visit func(number int, commands []twins.Command) error) error {
	return scan(s.table, []byte{keyCommand}, key(keyCommand, twins.Tick(first)), func(k, v []byte) error {
		number, err := tickOf(k)
		if err != nil {
			return nil // not a key of this package
		}
		body, err := unseal(s.unpacker, k, v)
		if err != nil {
			return nil // the ledger has the command; if not, a head will differ
		}
		r := newDecoder(body)
		all := r.commands()
		if r.Done() != nil {
			return nil
		}
		return visit(int(number), all)
	})
}

// mergeCommands merges the commands of ledger and journal.
func (s *Store) mergeCommands(said []twins.Command) error {
	s.commands = commandIndex{}
	left := make(map[twins.Command]int, len(said)) // the ledger's, less those in the journal
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

// sortCommands sorts commands into the order in which a step executes them.
func sortCommands(all []twins.Command) {
	slices.SortStableFunc(all, func(a, b twins.Command) int {
		return cmp.Or(cmp.Compare(a.Step, b.Step), cmp.Compare(a.Target, b.Target), cmp.Compare(a.Seq, b.Seq))
	})
}

// Commands reads the commands from outside for the steps from ≤ t < to, sorted by step, target
// and number. Events of the scenario are not included.
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

// CommandsBefore returns up to most commands from outside with positions < position in the
// order of their numbers, newest first.
func (s *Store) CommandsBefore(position, most int) ([]twins.Command, error) {
	first := max(0, position-most)
	if s.parent == nil && len(s.commands.lost) == 0 && !s.commands.mixed {
		if some, whole, err := s.numberedCommands(first, position); whole && err == nil {
			slices.Reverse(some)
			return some, nil
		}
	}
	all := s.Commands(0, allSteps)
	slices.SortStableFunc(all, func(a, b twins.Command) int { return cmp.Compare(a.Seq, b.Seq) })
	some := slices.Clone(all[min(first, len(all)):min(position, len(all))])
	slices.Reverse(some)
	return some, nil
}

// numberedCommands returns the run's own commands first ≤ i < behind in order of arrival; whole is
// false if the journal has lost some.
func (s *Store) numberedCommands(first, behind int) (some []twins.Command, whole bool, err error) {
	x := &s.commands
	at, begins := 0, &x.last // position of the first command of the page
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

// ownCommands returns the run's own commands for the steps from ≤ t < to, among others. Those that
// the journal has lost are taken from the ledger, and all of them if the journal cannot be read.
func (s *Store) ownCommands(from, to twins.Tick) ([]twins.Command, error) {
	all, want, err := s.journalCommands(from, to)
	if err == nil && len(all) == want || s.index.file == nil {
		return append(all, s.commands.lost...), err
	}
	said, err := readLedger(s.dir, s.index.file)
	if err != nil {
		return all, err
	}
	was := s.commands
	if err := s.mergeCommands(said.commands); err != nil { // after a failed write the journal may be unreadable
		s.commands = was
		return said.commands, err
	}
	all, _, err = s.journalCommands(from, to)
	return append(all, s.commands.lost...), err
}

// journalCommands returns the journal's commands for some steps, among others, and how many the
// index has there.
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

// commandEntries returns the entries of new commands and adds them to the index.
func (s *Store) commandEntries(x *commandIndex, commands []twins.Command) (entries []Entry) {
	for batch := range slices.Chunk(commands, mostTogether) {
		var w encoder
		w.commands(batch)
		entries = append(entries, s.seal(key(keyCommand, twins.Tick(x.next)), w.Writer))
		x.add(x.next, batch)
	}
	return entries
}

// restoreCommands writes the commands that only the ledger has into the journal.
func (s *Store) restoreCommands() error {
	x := s.commands
	x.lost = nil
	err := s.table.Put(s.commandEntries(&x, s.commands.lost))
	if err == nil {
		s.commands = x
	}
	return err
}

// allSteps is greater than every step of any run.
const allSteps = math.MaxInt64
