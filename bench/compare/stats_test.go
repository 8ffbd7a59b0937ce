package main

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestQuartiles(t *testing.T) {
	for _, c := range []struct {
		name string
		in   []float64
		want [3]float64
	}{
		{"one value", []float64{7}, [3]float64{7, 7, 7}},
		{"two, interpolated", []float64{3, 1}, [3]float64{1.5, 2, 2.5}},
		{"an odd number, in no order", []float64{5, 1, 4, 2, 3}, [3]float64{2, 3, 4}},
		{"an even number", []float64{4, 3, 2, 1}, [3]float64{1.75, 2.5, 3.25}},
		{"one outlier", []float64{1, 1, 1, 1, 1000}, [3]float64{1, 1, 1}},
		{"infinite above", []float64{1, 2, 3, 4, math.Inf(1)}, [3]float64{2, 3, 4}},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := slices.Clone(c.in)
			if got := quartiles(c.in); got != c.want {
				t.Errorf("got %v, wanted %v", got, c.want)
			}
			if !slices.Equal(c.in, before) {
				t.Errorf("quartiles changed the order of its argument: %v", c.in)
			}
		})
	}
	for _, q := range quartiles(nil) {
		if !math.IsNaN(q) {
			t.Errorf("of no values: %v, wanted NaN", q)
		}
	}
}

// Quartiles divide the values: a quarter of them are below the first, a half below the
// median, whatever the values.
func TestQuartilesDivide(t *testing.T) {
	for seed := range uint64(2000) {
		r := rand.New(rand.NewPCG(seed, 1))
		values := make([]float64, 1+4*r.IntN(10)) // so that the quartiles are among the values
		for i := range values {
			values[i] = r.Float64()
		}
		for i, q := range quartiles(values) {
			below := 0
			for _, v := range values {
				if v < q {
					below++
				}
			}
			if want := (len(values) - 1) * (i + 1) / 4; below != want {
				t.Fatalf("seed %d: %d of %d values are below quartile %d, wanted %d", seed, below, len(values), i+1, want)
			}
		}
	}
}

func TestRatios(t *testing.T) {
	p := pairs{{2, 3}, {4, 2}, {0, 0}, {0, 5}, {5, 0}}
	want := []float64{1.5, 0.5, 1, math.Inf(1), 0}
	if got := p.ratios(); !slices.Equal(got, want) {
		t.Errorf("got %v, wanted %v", got, want)
	}
	// The machine becomes ten times slower; the ratio within each pair stays the same.
	slower := pairs{{1, 1.1}, {3, 3.3}, {10, 11}}
	if got := quartiles(slower.ratios()); math.Abs(got[0]-1.1) > 1e-9 || math.Abs(got[2]-1.1) > 1e-9 {
		t.Errorf("quartiles %v, wanted 1.1 in all", got)
	}
}

// Each side runs first as often as the other, and the order is reversed from pair to
// pair.
func TestOrder(t *testing.T) {
	var got strings.Builder
	for pair := range 4 {
		for _, side := range order(pair) {
			got.WriteByte("AB"[side])
		}
	}
	if got.String() != "ABBAABBA" {
		t.Errorf("got %s, wanted ABBAABBA", got.String())
	}
}

func TestAddPairs(t *testing.T) {
	m := metrics{of: map[string]pairs{}}
	for i := range 2 {
		v := float64(i)
		m.add([2][]metric{
			{{"cpu-ns/op", 10 + v}, {"gone", 1}, {"allocs/op", v}},
			{{"allocs/op", 5 + v}, {"new", 1}, {"cpu-ns/op", 20 + v}},
		})
	}
	if want := []string{"cpu-ns/op", "allocs/op"}; !slices.Equal(m.units, want) {
		t.Errorf("units %q, wanted those of both sides in the order of the first: %q", m.units, want)
	}
	if got, want := m.of["cpu-ns/op"], (pairs{{10, 20}, {11, 21}}); !slices.Equal(got, want) {
		t.Errorf("cpu-ns/op: got %v, wanted %v", got, want)
	}
	if got, want := m.of["allocs/op"], (pairs{{0, 5}, {1, 6}}); !slices.Equal(got, want) {
		t.Errorf("allocs/op: got %v, wanted %v", got, want)
	}
}

func TestPerIteration(t *testing.T) {
	for _, c := range []struct {
		name       string
		cpu, setUp time.Duration
		n          int
		want       float64 // ns; 0 for an error
	}{
		{"the set-up and two iterations are subtracted", 500, 100, 102, 4},
		{"of two iterations nothing is subtracted", 500, 0, 2, 250},
		{"of one iteration nothing is subtracted", 500, 0, 1, 500},
		{"a run as long as the set-up is an error", 100, 100, 10, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := perIteration(c.cpu, c.setUp, c.n)
			if got != c.want || (err != nil) != (c.want == 0) {
				t.Errorf("got %v, %v, wanted %v", got, err, c.want)
			}
		})
	}
}

func TestParseResult(t *testing.T) {
	for _, c := range []struct {
		name, line string
		procs      int
		want       string // name; empty for any other line
	}{
		{"with GOMAXPROCS", "BenchmarkStep/households=10-2 \t 50\t 233.5 ns/op\t 12 B/op", 2, "BenchmarkStep/households=10"},
		{"a number that belongs to the name", "BenchmarkStep/size-1 \t 50\t 233.5 ns/op\t 12 B/op", 1, "BenchmarkStep/size-1"},
		{"a line of its log", "BenchmarkStep: it took four rounds", 2, ""},
		{"a name alone", "BenchmarkStep", 2, ""},
		{"the processor", "cpu: Intel(R) Xeon(R) Processor", 2, ""},
		{"the end", "PASS", 2, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, ok := parseResult(c.line, c.procs)
			if r.name != c.want || ok != (c.want != "") {
				t.Fatalf("got %q, %v, wanted %q", r.name, ok, c.want)
			}
			if !ok {
				return
			}
			if want := []metric{{"ns/op", 233.5}, {"B/op", 12}}; r.iterations != 50 || !slices.Equal(r.metrics, want) {
				t.Errorf("got %d iterations, %v, wanted 50, %v", r.iterations, r.metrics, want)
			}
		})
	}
}
