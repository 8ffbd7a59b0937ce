package inputs

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"

	"github.com/smatrix-grid/smatrix/twins"
)

// The values of a year take more memory than a grid does. When an input is read, they go to
// a temporary file, and a run holds a window of some days of them.

// fewValues is how many values of a recording stay in memory: 512 KiB.
const fewValues = 1 << 16

// spill stores values: few in memory, many in a temporary file, which has no name, so that
// nothing is left of it when the process ends. It can be used by several goroutines.
type spill struct {
	most  int64 // how many values stay in memory
	mu    sync.Mutex
	few   []int64  // all values, until there are too many
	file  *os.File // all values from then on, little-endian; nil before
	count int64
}

// Column is a series of values in a spill.
type Column struct {
	in    *spill
	first int64 // index in the spill
	count int64
}

// Powers returns all values as powers. It is for tools and tests: a run reads a Window.
func (c Column) Powers() ([]twins.Power, error) {
	values := make([]int64, c.count)
	if err := c.read(0, values); err != nil {
		return nil, err
	}
	powers := make([]twins.Power, c.count)
	for i, v := range values {
		powers[i] = twins.Power(v)
	}
	return powers, nil
}

// valueBytes is the length of a value in the file.
const valueBytes = 8

// add stores a column. An error is one of the operating system, such as a full disk.
func (s *spill) add(values []int64) (Column, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := Column{s, s.count, int64(len(values))}
	if s.file == nil && s.count+c.count <= s.most {
		s.few = append(s.few, values...)
		s.count += c.count
		return c, nil
	}
	if s.file == nil {
		f, err := unnamedFile()
		if err != nil {
			return c, storageError(err)
		}
		s.file = f
		if err := s.write(0, s.few); err != nil {
			return c, err
		}
		s.few = nil
	}
	err := s.write(s.count, values)
	s.count += c.count
	return c, err
}

// write writes values to the file, from an index on.
func (s *spill) write(at int64, values []int64) error {
	const most = 1 << 13 // values at a time
	buf := make([]byte, 0, valueBytes*min(most, len(values)))
	for len(values) > 0 {
		n := min(most, len(values))
		buf = buf[:0]
		for _, v := range values[:n] {
			buf = binary.LittleEndian.AppendUint64(buf, uint64(v))
		}
		if _, err := s.file.WriteAt(buf, at*valueBytes); err != nil {
			return storageError(err)
		}
		at, values = at+int64(n), values[n:]
	}
	return nil
}

// readBuffers has buffers for Column.read.
var readBuffers = sync.Pool{New: func() any { return new([]byte) }}

// read reads values from an index of the column on, until values is full.
func (c Column) read(from int64, values []int64) error {
	c.in.mu.Lock()
	few, file := c.in.few, c.in.file
	c.in.mu.Unlock()
	if file == nil {
		copy(values, few[c.first+from:])
		return nil
	}
	p := readBuffers.Get().(*[]byte)
	defer readBuffers.Put(p)
	if n := valueBytes * len(values); cap(*p) < n {
		*p = make([]byte, n)
	}
	buf := (*p)[:valueBytes*len(values)]
	if _, err := file.ReadAt(buf, (c.first+from)*valueBytes); err != nil {
		return storageError(err)
	}
	for i := range values {
		values[i] = int64(binary.LittleEndian.Uint64(buf[valueBytes*i:]))
	}
	return nil
}

// unnamedFile makes a temporary file and removes its name. Where a file that is open cannot
// be removed, it stays until the system empties its folder of temporary files.
func unnamedFile() (*os.File, error) {
	f, err := os.CreateTemp("", "smatrix-data-*")
	if err != nil {
		return nil, err
	}
	_ = os.Remove(f.Name())
	return f, nil
}

// StorageError is an error of the temporary file of an input, such as a full disk. The data
// is not to blame.
type StorageError struct {
	Dir string // folder of the file
	Err error  // of the operating system
}

func (e *StorageError) Error() string {
	wayOut := "make room there, or set TMPDIR to another folder"
	switch {
	case errors.Is(e.Err, syscall.EFBIG):
		wayOut = "raise the limit of the size of files (ulimit -f)"
	case errors.Is(e.Err, syscall.EMFILE):
		wayOut = "raise the limit of open files (ulimit -n)"
	}
	return fmt.Sprintf("temporary file for recorded data in %s: %v; %s", e.Dir, e.Err, wayOut)
}

func (e *StorageError) Unwrap() error { return e.Err }

func storageError(err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	return &StorageError{os.TempDir(), err}
}

// Window reads columns of a run step by step. It holds the values of the next steps: a
// mebibyte of them, or one step. It is used by one goroutine at a time.
type Window struct {
	columns  []Column
	from, to int64   // steps that are held, from ≤ step < to
	values   []int64 // per step: those of all columns
	series   []int64 // of one column
}

// windowValues is how many values a Window holds, unless one step has more.
const windowValues = 1 << 17

// Add adds a column, and returns its index in a step.
func (w *Window) Add(c Column) int32 {
	w.columns, w.from, w.to = append(w.columns, c), 0, 0
	return int32(len(w.columns) - 1)
}

// Len returns the number of columns.
func (w *Window) Len() int { return len(w.columns) }

// Append appends the values of all columns in step t. It allocates nothing while t grows.
func (w *Window) Append(to []twins.Power, t twins.Tick) ([]twins.Power, error) {
	if len(w.columns) == 0 {
		return to, nil
	}
	if at := int64(t); at < w.from || at >= w.to {
		if err := w.load(at); err != nil {
			return to, err
		}
	}
	n := int64(len(w.columns))
	for _, v := range w.values[(int64(t)-w.from)*n:][:n] {
		to = append(to, twins.Power(v))
	}
	return to, nil
}

// load reads the steps from a step on.
func (w *Window) load(from int64) error {
	w.from, w.to = 0, 0
	n := len(w.columns)
	steps := int(min(int64(max(1, windowValues/n)), w.columns[0].count-from))
	if cap(w.series) < steps {
		w.values, w.series = make([]int64, steps*n), make([]int64, steps)
	}
	for c := range w.columns {
		series := w.series[:steps]
		if err := w.columns[c].read(from, series); err != nil {
			return err
		}
		for k, v := range series {
			w.values[k*n+c] = v
		}
	}
	w.from, w.to = from, from+int64(steps)
	return nil
}

// rowWindow reads rows of several values each, in any order. It holds those around the one
// that was read last, in their own type.
type rowWindow[T any] struct {
	rows   []T   // that are held
	from   int64 // index of the first of rows
	column Column
	width  int // values of a row in column
	count  int64
}

// keepRows stores rows, of which a window holds up to held. If there are no more than
// that, they stay where they are.
func keepRows[T any](rows []T, held int, width int, encode func(*T, []int64)) (w rowWindow[T], err error) {
	w = rowWindow[T]{rows: rows, width: width, count: int64(len(rows))}
	if len(rows) <= held {
		return w, nil
	}
	w.rows = make([]T, 0, held)
	values := make([]int64, width*len(rows))
	for i := range rows {
		encode(&rows[i], values[width*i:][:width])
	}
	w.column, err = new(spill).add(values)
	return w, err
}

// at returns a row, which is valid until the next call.
func (w *rowWindow[T]) at(i int64, decode func([]int64, *T)) (*T, error) {
	if i < w.from || i >= w.from+int64(len(w.rows)) {
		if err := w.load(i, decode); err != nil {
			return nil, err
		}
	}
	return &w.rows[i-w.from], nil
}

// rowsBehind is the part of a window, as a divisor, that lies before the row it is loaded
// for: weather is interpolated between rows.
const rowsBehind = 8

func (w *rowWindow[T]) load(i int64, decode func([]int64, *T)) error {
	held := int64(cap(w.rows))
	from := max(0, min(i-held/rowsBehind, w.count-held))
	values := make([]int64, int64(w.width)*held)
	w.rows = w.rows[:0]
	if err := w.column.read(from*int64(w.width), values); err != nil {
		return err
	}
	w.from, w.rows = from, w.rows[:held]
	for k := range w.rows {
		decode(values[k*w.width:][:w.width], &w.rows[k])
	}
	return nil
}

// clone returns a window for another goroutine.
func (w *rowWindow[T]) clone() rowWindow[T] {
	c := *w
	if c.column.in != nil { // otherwise all rows are held, and never change
		c.rows, c.from = make([]T, 0, cap(w.rows)), 0
	}
	return c
}
