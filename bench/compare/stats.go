package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"text/tabwriter"
)

// side returns the values of the first (0) or second (1) side.
func (p pairs) side(i int) []float64 {
	var values []float64
	for _, pair := range p {
		values = append(values, pair[i])
	}
	return values
}

// ratios returns second ÷ first of each pair. The ratio of two zeros is 1, that of
// another value to zero is infinite.
func (p pairs) ratios() []float64 {
	var ratios []float64
	for _, pair := range p {
		if pair[0] == pair[1] {
			ratios = append(ratios, 1)
			continue
		}
		ratios = append(ratios, pair[1]/pair[0])
	}
	return ratios
}

// quartiles returns the first quartile, the median and the third quartile of values in
// any order, interpolated between neighbours. Without values all are NaN.
func quartiles(values []float64) [3]float64 {
	sorted := slices.Sorted(slices.Values(values))
	return [3]float64{quantile(sorted, 0.25), quantile(sorted, 0.5), quantile(sorted, 0.75)}
}

// quantile returns the value below which the share q of the sorted values lies, 0 ≤ q ≤
// 1.
func quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return math.NaN()
	}
	at := q * float64(len(sorted)-1)
	i := int(at)
	if rest := at - float64(i); rest > 0 {
		return sorted[i]*(1-rest) + sorted[i+1]*rest
	}
	return sorted[i]
}

// writeTables writes a row for each metric of each benchmark. The medians of OLD and NEW are
// those of the comparison; noise is OLD over itself.
func writeTables(w io.Writer, of []benchmark, noise, found map[string]*metrics) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, b := range of {
		if err := t.Flush(); err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "\n%s, %d iterations\n", b.name, b.iterations); err != nil {
			return err
		}
		fmt.Fprint(t, "\tOLD\tNEW\tNEW ÷ OLD\tquartiles\tOLD ÷ OLD\tquartiles\t\n")
		for _, unit := range found[b.name].units {
			p := found[b.name].of[unit]
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t\n", unit, figure(quartiles(p.side(0))[1]), figure(quartiles(p.side(1))[1]),
				spread(p), spread(noise[b.name].of[unit]))
		}
	}
	return t.Flush()
}

// spread returns the median of the ratios and, in the next column, their first and
// third quartile.
func spread(p pairs) string {
	q := quartiles(p.ratios())
	return fmt.Sprintf("%.3f\t%.3f to %.3f", q[1], q[0], q[2])
}

// figure formats a value with four significant digits, or with all digits before the
// point if it is whole or at least 1000.
func figure(v float64) string {
	if math.Abs(v) >= 1000 || v == math.Trunc(v) {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.4g", v)
}
