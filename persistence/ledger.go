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
	"github.com/smatrix-grid/smatrix/sim/regular"
	"github.com/smatrix-grid/smatrix/twins"
)

// The ledger is a file beside the journal, to which the head of the chain after each step
// and each command and note from outside are appended: what cannot be computed again, in the
// simplest form. It shows what the journal has lost.

const (
	ledgerMagic   = "smatrix ledger\n"
	ledgerVersion = 2 // 1 had no notes
	ledgerHead    = len(ledgerMagic) + 1
	mostPerRecord = 1 << 20 // a length above it is damage
)

// Kinds of records in the ledger.
const (
	recordStart   = 'g' // head of the chain before step 0
	recordStep    = 's' // tick, head after it
	recordCommand = 'c' // commands from outside that arrived together
	recordNote    = 'n' // number, name, value
	recordEnd     = 'e' // steps made, digest: the run was ended here
)

// file is the part of *os.File that the ledger uses; tests make it fail.
type file interface {
	io.Writer
	Sync() error
	Close() error
}

// ledger is a ledger that is open for appending.
type ledger struct {
	f    file
	size int64 // bytes written
	buf  []byte
}

// createLedger creates a new ledger.
func createLedger(path string, start sim.Hash) (*ledger, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if err != nil {
		return nil, err
	}
	l := &ledger{f: f}
	l.buf = append(append(l.buf, ledgerMagic...), ledgerVersion)
	l.add(recordStart, func(w *encoder) { w.hash(start) })
	if err := errors.Join(l.flush(), f.Sync()); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return l, nil
}

// reopenLedger opens a ledger for appending after its last whole record, at size.
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
	return &ledger{f: f, size: size}, nil
}

// add buffers a record until flush:
//
//	┌──────────┬───────────┬──────┬─────────┐
//	│ length   │ CRC-32C   │ kind │ body    │
//	│ u32 LE   │ u32 LE    │ byte │         │
//	└──────────┴───────────┴──────┴─────────┘
//	            over length and all behind it
func (l *ledger) add(kind byte, body func(*encoder)) {
	at := len(l.buf)
	w := encoder{append(l.buf, 0, 0, 0, 0, 0, 0, 0, 0, kind)}
	body(&w)
	l.buf = w.Writer
	rec := l.buf[at:]
	binary.LittleEndian.PutUint32(rec, uint32(len(rec)-8))
	binary.LittleEndian.PutUint32(rec[4:], ledgerSum(rec))
}

func ledgerSum(rec []byte) uint32 {
	return crc32.Update(crc32.Checksum(rec[:4], castagnoli), castagnoli, rec[8:])
}

// step adds the head after a step, and returns the byte at which its record begins.
func (l *ledger) step(t twins.Tick, head sim.Hash) (at int64) {
	at = l.size + int64(len(l.buf))
	l.add(recordStep, func(w *encoder) { w.Int(int64(t)); w.hash(head) })
	return at
}

func (l *ledger) commands(all []twins.Command) {
	for batch := range slices.Chunk(all, mostTogether) {
		l.add(recordCommand, func(w *encoder) { w.commands(batch) })
	}
}

func (l *ledger) note(name string, n note) {
	l.add(recordNote, func(w *encoder) {
		w.Int(n.number)
		w.Text(name)
		w.Text(n.value)
	})
}

func (l *ledger) end(steps twins.Tick, digest sim.Hash) {
	l.add(recordEnd, func(w *encoder) { w.Int(int64(steps)); w.hash(digest) })
}

// flush writes the buffered records.
func (l *ledger) flush() error {
	if len(l.buf) == 0 {
		return nil
	}
	n, err := l.f.Write(l.buf)
	l.size += int64(n)
	l.buf = l.buf[:0]
	return err
}

// ledgerContent is the content of a ledger.
type ledgerContent struct {
	start    sim.Hash
	index    headIndex // finds the heads after its steps
	commands []twins.Command
	notes    map[string]note // by name
	version  byte
	ended    twins.Tick // steps after which the run last ended, −1 if it has not
	digest   sim.Hash

	size  int64   // up to the end of the last whole record before any damage
	torn  int64   // bytes after size that are no whole record and end the file
	holes []int64 // offsets of damaged records that whole ones follow
}

// readLedger reads a whole ledger, a block at a time. A torn last record ends it; damage
// before it leaves holes. A newer version is a *StoreError, a file that is no ledger a
// *DamageError. The index of the result reads the same file.
func readLedger(dir string, file io.ReaderAt) (*ledgerContent, error) {
	scan := &recordScan{file: file, at: int64(ledgerHead), end: mostBytes}
	head, err := scan.head()
	if err != nil {
		return nil, err
	}
	if len(head) < ledgerHead || string(head[:len(ledgerMagic)]) != ledgerMagic {
		return nil, lost(dir, "its ledger does not begin as one")
	}
	version := head[len(ledgerMagic)]
	if version > ledgerVersion {
		return nil, &StoreError{Dir: dir, What: fmt.Sprintf("has a ledger of version %d; this program knows versions up to %d, wanted a newer program", version, ledgerVersion), Invalid: true}
	}
	c := &ledgerContent{ended: -1, index: newHeadIndex(file), version: version, notes: map[string]note{}}
	for rec, at := scan.next(); rec != nil; rec, at = scan.next() {
		if err := c.take(rec[8:], at); err != nil {
			return nil, &DamageError{Dir: dir, Step: c.index.steps, What: fmt.Sprintf("its ledger at byte %d: %v", at, err)}
		}
		if len(scan.holes) == 0 {
			c.size = scan.at
		}
	}
	if scan.err != nil {
		return nil, scan.err
	}
	c.torn, c.holes = scan.torn, scan.holes
	if c.start == (sim.Hash{}) && len(c.holes) == 0 {
		return nil, lost(dir, "its ledger has no whole record")
	}
	return c, nil
}

// readLedgerAt opens a file, calls readLedger and closes it.
func readLedgerAt(dir, path string) (*ledgerContent, error) {
	f, err := regular.Open(path)
	if err != nil {
		return nil, err
	}
	c, err := readLedger(dir, f)
	return c, errors.Join(err, f.Close())
}

// recordScan reads the records of a ledger in order, between two offsets.
type recordScan struct {
	file io.ReaderAt
	at   int64 // offset of the next record
	end  int64 // offset at which the scan ends; mostBytes until the end of the file is found

	buf   []byte // content of the file from offset from on
	from  int64
	holes []int64 // offsets of damaged records that whole ones follow
	torn  int64   // bytes at the end that are no whole record
	err   error   // the first error of reading
}

const (
	mostBytes = 1<<63 - 1
	readAhead = 64 << 10
)

// head returns the first ledgerHead bytes of the file, or fewer if it is shorter.
func (s *recordScan) head() ([]byte, error) {
	return s.peek(0, int64(ledgerHead)), s.err
}

// next returns the next whole record and its offset, nil at the end. The record is valid until
// the next call.
func (s *recordScan) next() (rec []byte, at int64) {
	if len(s.peek(s.at, 1)) == 0 {
		return nil, s.at
	}
	at = s.at
	if rec = s.recordAt(at); rec == nil && s.err == nil {
		next := s.search(at + 1)
		if next < 0 {
			s.torn = s.end - at
			return nil, at
		}
		s.holes = append(s.holes, at)
		at, rec = next, s.recordAt(next)
	}
	if s.err != nil {
		return nil, at
	}
	s.at = at + int64(len(rec))
	return rec, at
}

// peek returns n bytes of the file at an offset, fewer at its end.
func (s *recordScan) peek(at, n int64) []byte {
	n = max(0, min(n, s.end-at))
	if at < s.from || at+n > s.from+int64(len(s.buf)) {
		want := min(max(n, readAhead), s.end-at)
		if int64(cap(s.buf)) < want {
			s.buf = make([]byte, want)
		}
		got, err := s.file.ReadAt(s.buf[:want], at)
		s.buf, s.from = s.buf[:got], at
		switch {
		case err == io.EOF:
			s.end = at + int64(got)
		case err != nil && s.err == nil:
			s.err = err
		}
		n = min(n, int64(got))
	}
	return s.buf[at-s.from:][:n]
}

// recordAt returns the record at an offset, nil if it is not whole.
func (s *recordScan) recordAt(at int64) []byte {
	b := s.peek(at, 9)
	if len(b) < 9 {
		return nil
	}
	n := int64(binary.LittleEndian.Uint32(b))
	if n == 0 || n > mostPerRecord {
		return nil
	}
	rec := s.peek(at, 8+n)
	if int64(len(rec)) < 8+n || binary.LittleEndian.Uint32(rec[4:]) != ledgerSum(rec) {
		return nil
	}
	return rec
}

// search returns the offset of the next whole record after damage, −1 if there is none.
func (s *recordScan) search(from int64) int64 {
	for at := from; s.err == nil; at++ {
		b := s.peek(at, 9)
		if len(b) < 9 {
			return -1
		}
		if zeros := len(b) - len(bytes.TrimLeft(b, "\x00")); zeros >= 4 { // no record has the length 0
			at += int64(zeros) - 4
			continue
		}
		if s.recordAt(at) != nil {
			return at
		}
	}
	return -1
}

// take adds a record, without its length and sum, that is at an offset.
func (c *ledgerContent) take(rec []byte, at int64) error {
	r := newDecoder(rec[1:])
	switch rec[0] {
	case recordStart:
		c.start = r.hash()
	case recordStep:
		t, head := twins.Tick(r.Int()), r.hash()
		if t < 0 || c.index.steps > 0 && t > c.index.steps+mostLost { // a fork's first step may be any
			r.Fail(fmt.Errorf("it has step %d behind step %d", t, c.index.steps-1))
			break
		}
		c.index.add(t, head, at)
	case recordCommand:
		c.commands = append(c.commands, r.commands()...)
	case recordNote:
		number, name, value := r.Int(), r.Text(), r.Text()
		c.notes[name] = note{number, value}
	case recordEnd:
		c.ended, c.digest = twins.Tick(r.Int()), r.hash()
		if c.ended < 0 || c.index.steps > 0 && c.ended > c.index.steps+mostLost {
			r.Fail(fmt.Errorf("it ends after step %d behind step %d", c.ended, c.index.steps-1))
			break
		}
		c.index.steps = max(c.index.steps, c.ended) // the records of some steps may be lost
	default:
		r.Fail(fmt.Errorf("a record of kind %q is unknown to this version", rec[0]))
	}
	return r.Done()
}

// mostLost bounds the number of steps whose records a hole may contain.
const mostLost = 1 << 24
