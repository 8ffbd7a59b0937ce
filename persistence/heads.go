package persistence

import (
	"io"
	"os"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/twins"
)

// The heads of a run's steps stay on disk: the ledger has a record of each. In memory is
// where each page of them begins, and the pages that were read last.

// headsPerPage is how many steps a page of heads has.
var headsPerPage twins.Tick = 256 // tests take others

// mostPages is how many pages a store keeps in memory.
const mostPages = 8

// headIndex finds the heads of steps in a ledger. Its pages only grow at the end, so a copy of
// it may be read while the journal takes steps.
type headIndex struct {
	file  io.ReaderAt             // the ledger; nil: there is none
	per   twins.Tick              // steps of a page
	steps twins.Tick              // that the ledger mentions: the last one is steps−1
	last  twins.Tick              // steps up to the last one that has a record
	first twins.Tick              // step with which the first page begins
	pages []int64                 // of each page, the byte at which the first record of its steps or of later ones begins
	late  map[twins.Tick]sim.Hash // of records that follow one of the same or of a later step
}

func newHeadIndex(file io.ReaderAt) headIndex { return headIndex{file: file, per: headsPerPage} }

// add takes the record of a step that begins at a byte of the ledger.
func (x *headIndex) add(t twins.Tick, head sim.Hash, at int64) {
	if t < x.last {
		if x.late == nil {
			x.late = map[twins.Tick]sim.Hash{}
		}
		x.late[t] = head
		return
	}
	if len(x.pages) == 0 {
		x.first = t - t%x.per
	}
	for x.first+twins.Tick(len(x.pages))*x.per <= t {
		x.pages = append(x.pages, at)
	}
	x.last, x.steps = t+1, max(x.steps, t+1)
}

// page reads a page: a head for each of its steps that the ledger mentions, zero where the
// record is lost. holes are the bytes at which records are damaged.
func (x *headIndex) page(n int) (heads []sim.Hash, holes []int64, err error) {
	from := x.first + twins.Tick(n)*x.per
	heads = make([]sim.Hash, min(x.per, x.steps-from))
	scan := &recordScan{file: x.file, at: x.pages[n], end: mostBytes}
	if n+1 < len(x.pages) {
		scan.end = x.pages[n+1]
	}
	for rec, _ := scan.next(); rec != nil; rec, _ = scan.next() {
		if rec[8] != recordStep {
			continue
		}
		r := &reader{b: rec[9:]}
		t, head := twins.Tick(r.int()), r.hash()
		if t >= from+x.per { // written since the index was copied
			break
		}
		if at := t - from; at >= 0 && int(at) < len(heads) {
			heads[at] = head
		}
	}
	for i := range heads {
		if head, ok := x.late[from+twins.Tick(i)]; ok {
			heads[i] = head
		}
	}
	return heads, scan.holes, scan.err
}

// headPage is a page of heads that has been read.
type headPage struct {
	number int
	heads  []sim.Hash
}

// headCache is the pages that a store has read last.
type headCache struct {
	pages []headPage // at most mostPages
	next  int        // which of them is evicted next
}

// said is the head after step t as the ledger has it, zero where it does not.
func (s *Store) said(t twins.Tick) sim.Hash {
	x := &s.index
	if t < x.first || t >= x.first+twins.Tick(len(x.pages))*x.per { // its record is lost, or late
		return x.late[t]
	}
	n, at := int((t-x.first)/x.per), int(t%x.per)
	slot := -1
	for i, p := range s.pages.pages {
		if p.number == n {
			if at < len(p.heads) {
				return p.heads[at]
			}
			slot = i // it has grown since it was read
		}
	}
	heads, holes, err := x.page(n)
	for _, hole := range holes {
		s.holeAt(hole)
	}
	if err != nil {
		s.repaired("ledger: %v; what it said there is taken from the journal", reason(err))
		return sim.Hash{}
	}
	s.pages.put(slot, headPage{n, heads})
	if at >= len(heads) {
		return sim.Hash{}
	}
	return heads[at]
}

// put keeps a page in a slot, or in that of the oldest page.
func (c *headCache) put(slot int, p headPage) {
	switch {
	case slot >= 0:
		c.pages[slot] = p
	case len(c.pages) < mostPages:
		c.pages = append(c.pages, p)
	default:
		c.pages[c.next] = p
		c.next = (c.next + 1) % mostPages
	}
}

// holeAt notes that the ledger is damaged.
func (s *Store) holeAt(at int64) {
	s.repaired("ledger: damaged at byte %d; what it said there was taken from the journal", at)
}

// head is the head of the chain after step t, t < Steps; zero where neither ledger nor journal
// has it.
func (s *Store) head(t twins.Tick) sim.Hash {
	if t < s.base && s.parent != nil {
		head, _ := s.parent.HeadAt(t + 1)
		return head
	}
	if head := s.said(t); head != (sim.Hash{}) {
		return head
	}
	k := key(keyStep, t)
	v, err := s.table.Get(k)
	if err != nil {
		return sim.Hash{}
	}
	head, _, _ := s.headIn(t, k, v)
	return head
}

// headIn is the head in the value that the journal has of step t; ok says that it is of this step.
func (s *Store) headIn(t twins.Tick, k, v []byte) (head sim.Hash, ok bool, err error) {
	body, err := unseal(s.unpacker, k, v)
	if err != nil {
		return head, false, err
	}
	r := &reader{b: body}
	at, head := twins.Tick(r.int()), r.hash()
	if r.err != nil || at != t {
		return sim.Hash{}, false, nil
	}
	return head, true, nil
}

// openLedger opens the run's ledger for reading.
func (s *Store) openLedger() (err error) {
	if s.ledger, err = os.Open(s.run.path(ledgerFile)); err == nil {
		s.index = newHeadIndex(s.ledger)
	}
	return err
}

// closeLedger closes what openLedger has opened.
func (s *Store) closeLedger() error {
	if s.ledger == nil {
		return nil
	}
	err := s.ledger.Close()
	s.ledger = nil
	return err
}
