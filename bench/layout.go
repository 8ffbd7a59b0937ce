package bench

import (
	"math/bits"
	"reflect"
	"unsafe"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/twins"
)

// layout is the memory of a world's twins as it follows from their types: of each kind, the
// rows of its slab, the slots of offers, setpoints and readings, columns, paths, and what
// they point to. It is computed, not measured: widths times numbers, each rounded up to the
// size that Go's allocator has for it.
type layout struct {
	of      map[string]float64 // bytes, by name of the kind
	members map[string]int64
}

// mostWalked bounds the members whose memory is computed one by one. Of a larger world every
// so many-th community is taken, and all that have plants or ties.
const mostWalked = 20_000

// layoutOf computes the layout of a world that has not been stepped yet.
func layoutOf(w *sim.World) layout {
	l := layout{map[string]float64{}, map[string]int64{}}
	seen := &walker{seen: map[unsafe.Pointer]bool{}}
	members := 0
	for _, c := range w.Cells {
		members += c.Members()
		for _, b := range c.Blocks {
			l.members[b.Kind.Name] += int64(len(b.Paths))
		}
	}
	every := max(1, members/mostWalked)
	walked := map[string]int64{}
	for i, c := range w.Cells {
		if i%every != 0 && len(c.Units()) == 0 {
			continue
		}
		for _, b := range c.Blocks {
			l.of[b.Kind.Name] += float64(seen.reach(reflect.ValueOf(b)))
			walked[b.Kind.Name] += int64(len(b.Paths))
		}
		l.of[twins.Community.Name] += float64(seen.reach(reflect.ValueOf(c)))
		walked[twins.Community.Name]++
	}
	l.members[twins.Community.Name] = int64(len(w.Cells))
	for kind, n := range walked {
		l.of[kind] *= float64(l.members[kind]) / float64(n)
	}
	l.members[twins.Grid.Name] = 1
	l.of[twins.Grid.Name] = float64(seen.reachAll(reflect.ValueOf(w.Grid), reflect.ValueOf(&w.Controller), reflect.ValueOf(&w.Inputs)))
	return l
}

func (l layout) bytes() (sum float64) {
	for _, b := range l.of {
		sum += b
	}
	return sum
}

// kinds returns the layout by kind, for a number of households.
func (l layout) kinds(homes float64) map[string]KindMemory {
	all := map[string]KindMemory{}
	for kind, b := range l.of {
		all[kind] = KindMemory{l.members[kind], b / float64(max(1, l.members[kind])), b / homes}
	}
	return all
}

// walker adds up the memory that values point to, each piece once.
type walker struct {
	seen    map[unsafe.Pointer]bool
	classes [largest + 1]int64 // allocated of each size, 0 where it is not known yet
}

// elsewhere are types that belong to no twin: what they point to is not added.
var elsewhere = map[reflect.Type]bool{
	reflect.TypeFor[scenario.Scenario](): true, // Memory.Scenario
	reflect.TypeFor[twins.Kind]():        true, // one for the whole program
	reflect.TypeFor[twins.Strategy]():    true,
	reflect.TypeFor[twins.EventType]():   true,
}

func (w *walker) reachAll(values ...reflect.Value) (sum int64) {
	for _, v := range values {
		sum += w.reach(v)
	}
	return sum
}

// take returns size, rounded as the allocator does, the first time that it is called for a
// piece of memory, and 0 after that.
func (w *walker) take(at unsafe.Pointer, size uintptr) (int64, bool) {
	if at == nil || size == 0 || w.seen[at] {
		return 0, false
	}
	w.seen[at] = true
	return w.allocated(size), true
}

// reach returns the bytes that v points to, directly and through others. What functions,
// channels and foreign pointers point to is not seen.
func (w *walker) reach(v reflect.Value) (sum int64) {
	switch v.Kind() {
	case reflect.Pointer:
		t := v.Type().Elem()
		if elsewhere[t] {
			return 0
		}
		size, first := w.take(v.UnsafePointer(), t.Size())
		if !first {
			return 0
		}
		return size + w.reach(v.Elem())
	case reflect.Interface:
		e := v.Elem()
		if !e.IsValid() || e.Kind() == reflect.Pointer {
			return w.reach(e)
		}
		return w.allocated(e.Type().Size()) + w.reach(e)
	case reflect.String:
		size, _ := w.take(unsafe.Pointer(unsafe.StringData(v.String())), uintptr(v.Len()))
		return size
	case reflect.Slice:
		size, first := w.take(v.UnsafePointer(), uintptr(v.Cap())*v.Type().Elem().Size())
		if !first {
			return 0
		}
		return size + w.elements(v)
	case reflect.Array:
		return w.elements(v)
	case reflect.Struct:
		for i := range v.NumField() {
			sum += w.reach(v.Field(i))
		}
	case reflect.Map:
		return w.mapping(v)
	}
	return sum
}

func (w *walker) elements(v reflect.Value) (sum int64) {
	if !points(v.Type().Elem()) {
		return 0
	}
	for i := range v.Len() {
		sum += w.reach(v.Index(i))
	}
	return sum
}

// mapping is about right: a map has a byte beside each place, and at most seven of eight
// places are taken.
func (w *walker) mapping(v reflect.Value) (sum int64) {
	if v.IsNil() {
		return 0
	}
	if _, first := w.take(v.UnsafePointer(), 1); !first {
		return 0
	}
	places := uint(8)
	if n := v.Len(); n > 8 {
		places = 1 << bits.Len(uint(n*8/7))
	}
	t := v.Type()
	sum = w.allocated(uintptr(places) * (1 + t.Key().Size() + t.Elem().Size()))
	if points(t.Key()) || points(t.Elem()) {
		for each := v.MapRange(); each.Next(); {
			sum += w.reach(each.Key()) + w.reach(each.Value())
		}
	}
	return sum
}

// points reports whether values of a type may point to memory.
func points(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Interface, reflect.String, reflect.Slice, reflect.Map:
		return true
	case reflect.Array:
		return points(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if points(t.Field(i).Type) {
				return true
			}
		}
	}
	return false
}

// largest is the greatest size for which Go's allocator has a class; beyond it memory comes
// in pages.
const (
	largest = 32 << 10
	page    = 8 << 10
)

// allocated is the size of the piece of memory that Go's allocator gives for a size.
func (w *walker) allocated(size uintptr) int64 {
	if size > largest {
		return int64((size + page - 1) / page * page)
	}
	if w.classes[size] == 0 {
		w.classes[size] = int64(cap(append([]byte(nil), make([]byte, size)...)))
	}
	return w.classes[size]
}
