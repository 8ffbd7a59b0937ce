package inputs

import (
	"fmt"
	"math"

	"github.com/smatrix-grid/smatrix/sim/problem"
	"github.com/smatrix-grid/smatrix/twins"
)

// The registers of a meter: columns that are added up, and columns that are subtracted from
// them. Values of intervals are added as they are read, and counters here, after each has
// filled its own gaps.

// withRegisters returns columns and the counters that are added to them.
func (f *recordedFit) withRegisters(kept []int) (all []int) {
	all = append(all, kept...)
	for _, k := range kept {
		all = append(all, f.registersOf(k)...)
	}
	return all
}

// registersOf returns the counters that are added to column k.
func (f *recordedFit) registersOf(k int) (others []int) {
	if !f.rules.counter() || !f.columns[k].sum {
		return nil
	}
	for i, c := range f.columns {
		if i != k && c.ours == f.columns[k].ours {
			others = append(others, i)
		}
	}
	return others
}

// addRegisters adds to column k the counters that it is a sum of, and returns the number of
// their values that were filled.
func (f *recordedFit) addRegisters(k int) (filled int, err error) {
	s := f.series[k]
	if f.rules.counter() && f.columns[k].less {
		energies := s.energies
		s.energies = make([]int64, len(energies))
		s.addRegister(energies, true)
	}
	for _, i := range f.registersOf(k) {
		n, err := f.fillGaps(f.series[i])
		if err != nil {
			return 0, err
		}
		filled += n
		s.addRegister(f.series[i].energies, f.columns[i].less)
		f.series[i].energies = nil
	}
	return filled, nil
}

// addRegister adds the energies of a register, or subtracts them. A slot that one of them
// lacks has no value: the run does not need it.
func (s *recordedSeries) addRegister(energies []int64, less bool) {
	for i, e := range energies {
		switch {
		case e == noValue || s.energies[i] == noValue:
			s.energies[i] = noValue
		case less:
			s.energies[i] -= e
			s.taken[i] += e
		default:
			s.energies[i] += e
		}
	}
}

// checkNet refuses a sum below 0 if the values may not have both signs, and returns a
// doubt if both what was drawn and what was fed in are above 0 in one slot: a step has their
// net alone.
func (f *recordedFit) checkNet(k int) ([]problem.Warning, error) {
	s := f.series[k]
	if s.taken == nil {
		return nil, nil
	}
	if !f.rules.signed() {
		return nil, f.clipNet(s, f.columns[k].ours)
	}
	var n, both int64
	first := -1
	for i, e := range s.energies {
		if e == noValue || !f.needs(f.from+int64(i)) {
			continue
		}
		if less := min(s.taken[i], e+s.taken[i]); less > 0 {
			n, both = n+1, both+less
			if first < 0 {
				first = i
			}
		}
	}
	if first < 0 || f.rules.spec.Signed {
		return nil, nil
	}
	line, _, err := f.rowFor(s, f.from+int64(first))
	if err != nil {
		return nil, err
	}
	return []problem.Warning{{File: f.rules.spec.File, Line: line, Column: f.columns[k].ours, Kind: problem.WarnBothWays,
		Text: fmt.Sprintf("drawn and fed in within the same %s, here and in %s in all: a step has their net alone, so the run draws and feeds in %s kWh less than the two registers have; likely a file of longer intervals than those of the meter",
			spanText(f.rows.interval), countText(int(n), "interval"), aboutText(twins.Energy(both).WattHours()/1000))}}, nil
}

// clipNet takes sums slightly below 0 for 0, as format.clip_below says, and refuses others
// below 0.
func (f *recordedFit) clipNet(s *recordedSeries, ours string) error {
	least := int64(0)
	if clip := f.rules.format.ClipBelow; clip != "" {
		scale := f.rules.unit.scale
		if !f.rules.unit.energy {
			scale *= f.rows.interval
		}
		v, err := twins.ParseScaled(clip, scale)
		if err != nil {
			v = math.MaxInt64
		}
		least = v
	}
	for i, e := range s.energies {
		switch {
		case e >= 0 || e == noValue || !f.needs(f.from+int64(i)):
		case e >= -least:
			s.energies[i] = 0
		default:
			line, _, err := f.rowFor(s, f.from+int64(i))
			if err != nil {
				return err
			}
			return f.rules.problem(line, "columns %q: more is subtracted than added, by %s kWh, wanted 0 or more, or format: {negative: export}, which takes it for what was fed in",
				ours, aboutText(twins.Energy(-e).WattHours()/1000))
		}
	}
	return nil
}
