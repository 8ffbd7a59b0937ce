package form

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// Writer appends to a stored form. Its zero value is an empty form.
type Writer []byte

// Uint appends a varint.
func (w *Writer) Uint(v uint64) { *w = binary.AppendUvarint(*w, v) }

// Int appends a zigzag varint.
func (w *Writer) Int(v int64) { *w = AppendInt(*w, v) }

// Bool appends 1 for true and 0 for false.
func (w *Writer) Bool(v bool) {
	if v {
		w.Uint(1)
	} else {
		w.Uint(0)
	}
}

// Text appends the length of a text in bytes, and the bytes.
func (w *Writer) Text(s string) { w.Uint(uint64(len(s))); *w = append(*w, s...) }

// Bytes appends bytes as they are, without their number.
func (w *Writer) Bytes(b []byte) { *w = append(*w, b...) }

// Ints appends values as Int does.
func (w *Writer) Ints(vs ...int64) {
	b := []byte(*w)
	for _, v := range vs {
		b = AppendInt(b, v)
	}
	*w = b
}

// Multiples appends values as multiples of their greatest common divisor, not as differences:
//
//	0                 all of them are 0
//	unit v₀ v₁ …      in multiples of unit > 0
func (w *Writer) Multiples(vs []int64) {
	unit := Unit(vs)
	w.Uint(unit)
	if unit == 0 {
		return
	}
	b := []byte(*w)
	for _, v := range vs {
		if unit != 1 && unit <= math.MaxInt64 { // no division by 1: it takes longer than everything else here
			v /= int64(unit)
		}
		b = AppendInt(b, v)
	}
	*w = b
}

// Append appends a whole form: a version byte, then values as varints like those of Int.
func Append(b []byte, version uint8, vs ...int64) []byte {
	b = append(b, version)
	for _, v := range vs {
		b = AppendInt(b, v)
	}
	return b
}

// Read reads a whole form that Append wrote with the same number of values.
func Read(b []byte, version uint8, vs ...*int64) error {
	r := NewVersion(b, version)
	for _, v := range vs {
		*v = r.Int()
	}
	return r.Done()
}

// AppendInt is binary.AppendVarint, short enough for the compiler to inline.
func AppendInt(b []byte, v int64) []byte {
	u := uint64(v)<<1 ^ uint64(v>>63)
	for u >= 0x80 {
		b = append(b, byte(u)|0x80)
		u >>= 7
	}
	return append(b, byte(u))
}

// Reader reads a form in the order in which it was written. After an error it reads only
// zeros, and Done returns that error.
type Reader struct {
	b   []byte
	err error
}

// NewReader returns a reader of b, which must not change while it is read.
func NewReader(b []byte) *Reader { return &Reader{b: b} }

// NewVersion returns a reader of b after its first byte, which must be the given version.
func NewVersion(b []byte, version uint8) *Reader {
	r := &Reader{b: b}
	switch {
	case len(b) == 0:
		r.Fail(ErrCut)
	case b[0] != version:
		r.Fail(fmt.Errorf("it is of version %d, wanted %d", b[0], version))
	default:
		r.b = b[1:]
	}
	return r
}

// ErrCut reports a form that ends before what it should hold.
var ErrCut = errors.New("it is cut short")

// Fail makes err the reader's error if it has none.
func (r *Reader) Fail(err error) {
	if r.err == nil {
		r.err = err
	}
	r.b = nil
}

// Uint reads what Writer.Uint appended.
func (r *Reader) Uint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.Fail(ErrCut)
		return 0
	}
	r.b = r.b[n:]
	return v
}

// Int reads what Writer.Int appended.
func (r *Reader) Int() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.Fail(ErrCut)
		return 0
	}
	r.b = r.b[n:]
	return v
}

// Bool reads what Writer.Bool appended.
func (r *Reader) Bool() bool { return r.Uint() != 0 }

// Count reads the number of items that follow, each of at least least bytes. A number for
// which too few bytes remain is an error, so that a damaged form cannot exhaust the memory.
func (r *Reader) Count(least int) int {
	n := r.Uint()
	if n > uint64(len(r.b)/max(least, 1)) {
		r.Fail(ErrCut)
		return 0
	}
	return int(n)
}

// Text reads what Writer.Text appended.
func (r *Reader) Text() string {
	n := r.Count(1)
	s := string(r.b[:n])
	r.b = r.b[n:]
	return s
}

// Bytes reads n bytes, which the caller must not change; nil if there are fewer.
func (r *Reader) Bytes(n int) []byte {
	if n > len(r.b) {
		r.Fail(ErrCut)
		return nil
	}
	b := r.b[:n:n]
	r.b = r.b[n:]
	return b
}

// Multiples reads what Writer.Multiples appended for len(vs) values.
func (r *Reader) Multiples(vs []int64) {
	unit := r.Uint()
	if unit == 0 {
		clear(vs)
		return
	}
	if unit > math.MaxInt64 {
		unit = 1
	}
	for i := range vs {
		vs[i] = r.Int() * int64(unit)
	}
}

// Err returns the first error so far.
func (r *Reader) Err() error { return r.err }

// Done returns the reader's error, or one if bytes are left.
func (r *Reader) Done() error {
	if r.err == nil && len(r.b) > 0 {
		r.err = fmt.Errorf("it has %d bytes too many", len(r.b))
	}
	return r.err
}

// Unit is the greatest common divisor of values; 0 if all are 0.
func Unit(vs []int64) (unit uint64) {
	for _, v := range vs {
		if m := magnitude(v); unit == 0 || m%unit != 0 {
			if unit = gcd(unit, m); unit == 1 {
				return unit
			}
		}
	}
	return unit
}

func magnitude(v int64) uint64 {
	if v < 0 {
		return -uint64(v)
	}
	return uint64(v)
}

// gcd returns the greatest common divisor; gcd(0, b) = b.
func gcd(a, b uint64) uint64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
