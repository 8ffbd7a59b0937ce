package persistence

import (
	"io"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/regular"
	"github.com/smatrix-grid/smatrix/twins"
)

// The heads of a run's steps stay on disk: the ledger has a record of each. Memory holds
// the offset of each page of heads, and a cache of pages.

// headsPerPage is the number of steps in a page of heads.
var headsPerPage twins.Tick = 256 // tests set others

// mostPages is the number of pages in a store's cache.
const mostPages = 8

// headIndex finds the heads of steps in a ledger. Pages are only appended, so a copy of it may
// be read while the journal appends steps.
type headIndex struct {
	file  io.ReaderAt             // the ledger; nil if there is none
	per   twins.Tick              // steps in a page
	steps twins.Tick              // in the ledger: the last one is steps−1
	last  twins.Tick              // steps up to the last one that has a record
	first twins.Tick              // step with which the first page begins
	pages []int64                 // for each page, the offset of the first record of its steps or of later ones
	late  map[twins.Tick]sim.Hash // heads in records that follow one of the same or a later step
}

func newHeadIndex(file io.ReaderAt) headIndex { return headIndex{file: file, per: headsPerPage} }

// add adds the record of a step, which is at an offset of the ledger.
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

// page reads a page: a head for each of its steps in the ledger, zero where the record is lost.
// holes are the offsets of damaged records.
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
		r := newDecoder(rec[9:])
		t, head := twins.Tick(r.Int()), r.hash()
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

// headPage is a cached page of heads.
type headPage struct {
	number int
	heads  []sim.Hash
}

// headCache is the pages that a store read last.
type headCache struct {
	pages []headPage // at most mostPages
	next  int        // index of the page to evict next
}

// headInLedger returns the ledger's head after step t, zero if it has none.
func (s *Store) headInLedger(t twins.Tick) sim.Hash {
	x := &s.index
	if t < x.first || t >= x.first+twins.Tick(len(x.pages))*x.per { // its record is lost or out of order
		return x.late[t]
	}
	n, at := int((t-x.first)/x.per), int(t%x.per)
	slot := -1
	for i, p := range s.pages.pages {
		if p.number == n {
			if at < len(p.heads) {
				return p.heads[at]
			}
			slot = i // the page has grown since it was read
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

// put stores a page in a slot, or evicts the oldest page for it.
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

// holeAt notes damage of the ledger.
func (s *Store) holeAt(at int64) {
	s.repaired("ledger: damaged at byte %d; what it said there was taken from the journal", at)
}

// head returns the head of the chain after step t < Steps; zero if neither ledger nor journal
// has it.
func (s *Store) head(t twins.Tick) sim.Hash {
	if t < s.base && s.parent != nil {
		head, _ := s.parent.HeadAt(t + 1)
		return head
	}
	if head := s.headInLedger(t); head != (sim.Hash{}) {
		return head
	}
	k := key(keyStep, t)
	v, err := s.table.Get(k)
	if err != nil {
		return sim.Hash{}
	}
	head, _, _ := s.headInStep(t, k, v)
	return head
}

// headInStep returns the head in the journal's value of step t; ok says that the value is of
// that step.
func (s *Store) headInStep(t twins.Tick, k, v []byte) (head sim.Hash, ok bool, err error) {
	body, err := unseal(s.unpacker, k, v)
	if err != nil {
		return head, false, err
	}
	r := newDecoder(body)
	at, head := twins.Tick(r.Int()), r.hash()
	if r.Err() != nil || at != t {
		return sim.Hash{}, false, nil
	}
	return head, true, nil
}

// openLedger opens the run's ledger for reading.
func (s *Store) openLedger() (err error) {
	if s.ledger, err = regular.Open(s.run.path(ledgerFile)); err == nil {
		s.index = newHeadIndex(s.ledger)
	}
	return err
}

// closeLedger closes the file that openLedger has opened.
func (s *Store) closeLedger() error {
	if s.ledger == nil {
		return nil
	}
	err := s.ledger.Close()
	s.ledger = nil
	return err
}
