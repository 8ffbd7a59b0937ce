package main

import (
	"context"
	"fmt"
	"io"
)

// benchmark is a benchmark to compare, with the number of iterations of each of its
// runs.
type benchmark struct {
	name       string
	iterations int
}

// measurement has the benchmarks to measure, and the number of pairs.
type measurement struct {
	of       []benchmark
	pairs    int
	progress io.Writer
}

// pairs are the values of one metric; each pair has those of the first and the second
// side.
type pairs [][2]float64

// metrics are the pairs of each metric of a benchmark; units are in the order in which
// the benchmark reports them.
type metrics struct {
	units []string
	of    map[string]pairs
}

// take measures the two sides in turns. In each pair all benchmarks run once, so that a
// minute in which the machine is slow does not affect only one of them.
func (m measurement) take(ctx context.Context, what string, sides [2]*binary) (map[string]*metrics, error) {
	all := map[string]*metrics{}
	for _, b := range m.of {
		all[b.name] = &metrics{of: map[string]pairs{}}
	}
	for pair := range m.pairs {
		fmt.Fprintf(m.progress, "%s: pair %d of %d\n", what, pair+1, m.pairs)
		for _, b := range m.of {
			var samples [2][]metric
			for _, side := range order(pair) {
				var err error
				if samples[side], err = sides[side].sample(ctx, b.name, b.iterations); err != nil {
					return nil, err
				}
			}
			all[b.name].add(samples)
		}
	}
	return all, nil
}

// order returns the sides in the order in which they run in a pair: A B, B A, A B, …
func order(pair int) [2]int { return [2]int{pair % 2, 1 - pair%2} }

// add appends a pair of each metric that both sides report.
func (m *metrics) add(samples [2][]metric) {
	for _, a := range samples[0] {
		for _, b := range samples[1] {
			if a.unit != b.unit {
				continue
			}
			if m.of[a.unit] == nil {
				m.units = append(m.units, a.unit)
			}
			m.of[a.unit] = append(m.of[a.unit], [2]float64{a.value, b.value})
		}
	}
}
