package form_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/smatrix-grid/smatrix/sim/form"
)

// A reader returns the values that were written: extremes, both signs, common divisors. A
// missing byte, an extra byte and another version are errors.
func TestReadsWhatWasWritten(t *testing.T) {
	const seed = 7
	rnd := rand.New(rand.NewPCG(seed, 0))
	for round := range 2000 {
		lists := make([][]int64, rnd.IntN(4))
		w := form.Writer{3}
		w.Bool(round%2 == 0)
		w.Text("süd")
		w.Bytes([]byte{1, 2, 3})
		w.Ints(-1, int64(round))
		w.Uint(uint64(len(lists)))
		for i := range lists {
			lists[i] = values(rnd, 1+rnd.IntN(6))
			w.Uint(uint64(len(lists[i])))
			w.Multiples(lists[i])
			w.Int(lists[i][0])
		}
		read := func(b []byte, version uint8) (all [][]int64, err error) {
			r := form.NewVersion(b, version)
			if r.Bool() != (round%2 == 0) || r.Text() != "süd" || string(r.Bytes(3)) != "\x01\x02\x03" || r.Int() != -1 || r.Int() != int64(round) {
				return nil, r.Done()
			}
			for range r.Count(2) {
				vs := make([]int64, r.Uint())
				r.Multiples(vs)
				if r.Int() != vs[0] {
					t.Fatalf("seed %d, round %d: the first value is not %d", seed, round, vs[0])
				}
				all = append(all, vs)
			}
			return all, r.Done()
		}
		if got, err := read(w, 3); err != nil || !slices.EqualFunc(got, lists, slices.Equal) {
			t.Fatalf("seed %d, round %d: %v, %v, wanted %v", seed, round, got, err, lists)
		}
		if _, err := read(append(slices.Clone(w), 0), 3); err == nil {
			t.Fatalf("seed %d, round %d: an extra byte is accepted", seed, round)
		}
		if _, err := read(w, 4); err == nil {
			t.Fatalf("seed %d, round %d: another version is accepted", seed, round)
		}
	}
	a, b := int64(0), int64(0)
	if err := form.Read(form.Append([]byte{}, 2, -5, math.MaxInt64), 2, &a, &b); err != nil || a != -5 || b != math.MaxInt64 {
		t.Errorf("%d, %d, %v", a, b, err)
	}
	if form.Read(form.Append(nil, 2, 1, 2), 2, &a) == nil || form.Read(form.Append(nil, 2, 1), 2, &a, &b) == nil {
		t.Error("a form with another number of values is accepted")
	}
	if r := form.NewReader([]byte{1}); r.Bytes(2) != nil || r.Err() != form.ErrCut {
		t.Error("more bytes are read than there are")
	}
	if r := form.NewVersion(nil, 1); r.Done() == nil {
		t.Error("an empty form is accepted")
	}
}

// values draws n values: zeros, multiples of a common unit, extremes, and random ones.
func values(rnd *rand.Rand, n int) []int64 {
	vs, unit := make([]int64, n), int64(1)<<rnd.IntN(40)
	for i := range vs {
		switch rnd.IntN(4) {
		case 0:
		case 1:
			vs[i] = unit * (rnd.Int64N(2000) - 1000)
		case 2:
			vs[i] = []int64{math.MinInt64, math.MaxInt64, math.MinInt64 + 1, -1}[rnd.IntN(4)]
		case 3:
			vs[i] = int64(rnd.Uint64())
		}
	}
	return vs
}
