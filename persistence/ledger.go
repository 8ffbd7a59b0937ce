package persistence

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"slices"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/twins"
)

// The ledger is a file beside the journal to which the head of the chain after each step
// and each command from outside are appended: what cannot be had again, in the
// plainest form. What the journal has lost is known from it.

const (
	ledgerMagic   = "smatrix ledger\n"
	ledgerVersion = 1
	ledgerHead    = len(ledgerMagic) + 1
	mostPerRecord = 1 << 20 // a length above it is damage
)

// Kinds of records in the ledger.
const (
	recordStart   = 'g' // head of the chain before step 0
	recordStep    = 's' // tick, head after it
	recordCommand = 'c' // commands from outside that came together
	recordEnd     = 'e' // steps made, digest: the run was ended here
)

// file is what the ledger wants of the operating system; tests put failures in.
type file interface {
	io.Writer
	Sync() error
	Close() error
}

// ledger is open for appending.
type ledger struct {
	f   file
	buf []byte
}

// createLedger begins a new one.
func createLedger(path string, start sim.Hash) (*ledger, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if err != nil {
		return nil, err
	}
	l := &ledger{f: f}
	l.buf = append(append(l.buf, ledgerMagic...), ledgerVersion)
	l.add(recordStart, func(w *writer) { w.hash(start) })
	if err := errors.Join(l.flush(), f.Sync()); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return l, nil
}

// reopenLedger goes on behind the last whole record.
func reopenLedger(path string, size int64) (*ledger, error) {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	err = f.Truncate(size)
	if err == nil {
		_, err = f.Seek(size, io.SeekStart)
	}
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &ledger{f: f}, nil
}

// add puts a record behind those that wait for flush:
//
//	┌──────────┬───────────┬──────┬─────────┐
//	│ length   │ CRC-32C   │ kind │ body    │
//	│ u32 LE   │ u32 LE    │ byte │         │
//	└──────────┴───────────┴──────┴─────────┘
//	            over length and all behind it
func (l *ledger) add(kind byte, body func(*writer)) {
	at := len(l.buf)
	w := writer(append(l.buf, 0, 0, 0, 0, 0, 0, 0, 0, kind))
	body(&w)
	l.buf = w
	rec := l.buf[at:]
	binary.LittleEndian.PutUint32(rec, uint32(len(rec)-8))
	binary.LittleEndian.PutUint32(rec[4:], ledgerSum(rec))
}

func ledgerSum(rec []byte) uint32 {
	return crc32.Update(crc32.Checksum(rec[:4], castagnoli), castagnoli, rec[8:])
}

func (l *ledger) step(t twins.Tick, head sim.Hash) {
	l.add(recordStep, func(w *writer) { w.int(int64(t)); w.hash(head) })
}

func (l *ledger) commands(all []twins.Command) {
	for batch := range slices.Chunk(all, mostTogether) {
		l.add(recordCommand, func(w *writer) { w.commands(batch) })
	}
}

func (l *ledger) end(steps twins.Tick, digest sim.Hash) {
	l.add(recordEnd, func(w *writer) { w.int(int64(steps)); w.hash(digest) })
}

// flush hands what was added to the operating system.
func (l *ledger) flush() error {
	if len(l.buf) == 0 {
		return nil
	}
	_, err := l.f.Write(l.buf)
	l.buf = l.buf[:0]
	return err
}

// ledgerContent is what a ledger says.
type ledgerContent struct {
	start    sim.Hash
	heads    []sim.Hash // after step i; zero where a record is lost
	commands []twins.Command
	ended    twins.Tick // steps after which the run was ended last, −1 if it was not
	digest   sim.Hash

	size  int64   // up to the end of the last whole record before any damage
	torn  int64   // bytes behind size that are no whole record, and nothing follows
	holes []int64 // where records are damaged though whole ones follow
}

// readLedger reads a ledger. A tail that was torn ends it; damage before its end
// leaves holes. A ledger of a newer version or of something else is refused.
func readLedger(dir string, b []byte) (*ledgerContent, error) {
	if len(b) < ledgerHead || string(b[:len(ledgerMagic)]) != ledgerMagic {
		return nil, &DamageError{Dir: dir, Step: 0, What: "its ledger does not begin as one"}
	}
	if v := b[len(ledgerMagic)]; v > ledgerVersion {
		return nil, &StoreError{Dir: dir, What: fmt.Sprintf("has a ledger of version %d; this program knows versions up to %d, wanted a newer program", v, ledgerVersion), Invalid: true}
	}
	c := &ledgerContent{ended: -1}
	at := ledgerHead
	for at < len(b) {
		rec := recordAt(b[at:])
		if rec == nil {
			next := nextRecord(b, at+1)
			if next < 0 {
				c.torn = int64(len(b) - at)
				break
			}
			c.holes = append(c.holes, int64(at))
			at = next
			continue
		}
		if err := c.take(rec[8:]); err != nil {
			return nil, &DamageError{Dir: dir, Step: twins.Tick(len(c.heads)), What: fmt.Sprintf("its ledger at byte %d: %v", at, err)}
		}
		at += len(rec)
		if len(c.holes) == 0 {
			c.size = int64(at)
		}
	}
	if c.start == (sim.Hash{}) && len(c.holes) == 0 {
		return nil, &DamageError{Dir: dir, Step: 0, What: "its ledger has no whole record"}
	}
	return c, nil
}

// recordAt is the record that b begins with, nil if there is no whole one.
func recordAt(b []byte) []byte {
	if len(b) < 9 {
		return nil
	}
	n := binary.LittleEndian.Uint32(b)
	if n == 0 || n > mostPerRecord || int(n) > len(b)-8 {
		return nil
	}
	rec := b[:8+n]
	if binary.LittleEndian.Uint32(rec[4:]) != ledgerSum(rec) {
		return nil
	}
	return rec
}

// nextRecord finds the next whole record behind damage, −1 if there is none.
func nextRecord(b []byte, from int) int {
	for at := from; at < len(b)-8; at++ {
		if b[at] == 0 && b[at+1] == 0 { // quick over zeros: no record is that short or long
			if skip := bytes.IndexFunc(b[at:], func(r rune) bool { return r != 0 }); skip < 0 {
				return -1
			}
		}
		if recordAt(b[at:]) != nil {
			return at
		}
	}
	return -1
}

func (c *ledgerContent) take(rec []byte) error {
	r := &reader{b: rec[1:]}
	switch rec[0] {
	case recordStart:
		c.start = r.hash()
	case recordStep:
		t, head := r.int(), r.hash()
		if t < 0 || t > int64(len(c.heads))+mostLost {
			r.fail(fmt.Errorf("it has step %d behind step %d", t, len(c.heads)-1))
			break
		}
		for int64(len(c.heads)) <= t {
			c.heads = append(c.heads, sim.Hash{})
		}
		c.heads[t] = head
	case recordCommand:
		c.commands = append(c.commands, r.commands()...)
	case recordEnd:
		c.ended, c.digest = twins.Tick(r.int()), r.hash()
		if c.ended < 0 || c.ended > twins.Tick(len(c.heads))+mostLost {
			r.fail(fmt.Errorf("it ends after step %d behind step %d", c.ended, len(c.heads)-1))
			break
		}
		for twins.Tick(len(c.heads)) < c.ended { // their records are lost
			c.heads = append(c.heads, sim.Hash{})
		}
	default:
		r.fail(fmt.Errorf("a record of kind %q is unknown to this version", rec[0]))
	}
	return r.done()
}

// mostLost bounds how many steps a hole may hide.
const mostLost = 1 << 24
