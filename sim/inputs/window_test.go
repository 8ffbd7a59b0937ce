package inputs

import (
	"math/rand/v2"
	"testing"

	"github.com/smatrix-grid/smatrix/twins"
)

// A run reads the same values from windows as from the whole: in the order of its steps, as
// a forecast does, which looks ahead of each step by a day, and at steps in any order, as a
// replay does.
func TestWindowsReadWhatWasKept(t *testing.T) {
	const steps, columns = 5000, 70
	of := func(column, step int) int64 { return int64(column)<<40 - int64(step)*7 }
	forwards, ahead, anywhere := []int{}, []int{}, []int{}
	random := rand.New(rand.NewPCG(1, 2))
	for k := range steps {
		forwards, anywhere = append(forwards, k), append(anywhere, random.IntN(steps))
		ahead = append(ahead, k, min(k+48, steps-1), min(k+96, steps-1))
	}
	for _, few := range []int64{0, 1000, 1 << 40} { // all, most and none of them in the file
		in := spill{most: few}
		var w Window
		for c := range columns {
			values := make([]int64, steps)
			for k := range values {
				values[k] = of(c, k)
			}
			column, err := in.add(values)
			if err != nil {
				t.Fatal(err)
			}
			w.Add(column)
		}
		if inMemory := in.file == nil; inMemory != (few > 1000) {
			t.Errorf("few values %d: in memory %v", few, inMemory)
		}
		for name, order := range map[string][]int{"forwards": forwards, "with a look ahead": ahead, "in any order": anywhere} {
			if name == "in any order" {
				order = order[:100] // each loads a window
			}
			var got []twins.Power
			for _, k := range order {
				var err error
				if got, err = w.Append(got[:0], twins.Tick(k)); err != nil {
					t.Fatal(err)
				}
				for c, v := range got {
					if int64(v) != of(c, k) {
						t.Fatalf("few values %d, %s: column %d has %d in step %d, wanted %d", few, name, c, v, k, of(c, k))
					}
				}
				if len(got) != columns {
					t.Fatalf("%d values in a step, wanted %d", len(got), columns)
				}
			}
		}
	}
}

// Rows are read as they were kept, forwards, backwards and at random, by a window and its
// clone in turns, and few rows are not copied at all.
func TestRowsAreReadAsTheyWereKept(t *testing.T) {
	type pair struct{ a, b int64 }
	encode := func(p *pair, to []int64) { to[0], to[1] = p.a, p.b }
	decode := func(from []int64, p *pair) { *p = pair{from[0], from[1]} }
	for _, count := range []int{1, 47, 48, 49, 1000} {
		const held = 48
		var rows []pair
		for i := range count {
			rows = append(rows, pair{int64(i), -int64(i)})
		}
		w, err := keepRows(rows, held, 2, encode)
		if err != nil {
			t.Fatal(err)
		}
		if inMemory := w.column.in == nil; inMemory != (count <= held) {
			t.Errorf("%d rows: in memory %v", count, inMemory)
		}
		clone := w.clone()
		random := rand.New(rand.NewPCG(3, 4))
		for k := range 2 * count {
			for _, i := range []int{k % count, (2*count - 1 - k) % count, random.IntN(count)} {
				for _, of := range []*rowWindow[pair]{&w, &clone} {
					if got, err := of.at(int64(i), decode); err != nil || *got != rows[i] {
						t.Fatalf("%d rows: row %d is %v, %v", count, i, got, err)
					}
				}
			}
		}
		if len(w.rows) > held || cap(w.rows) > max(held, cap(rows)) {
			t.Errorf("%d rows: a window holds %d", count, len(w.rows))
		}
	}
}
