package twins

import (
	"math"
	"strings"
)

// Gauge is a figure that a kind of twin, a kind of part or a network shows beside its
// columns: the temperature of a tank, the state of a connector. Its value is that at the
// end of a step, and follows from the state and the step's reading. So a gauge is neither
// hashed nor stored: it is known for steps that are made or computed again, and unknown
// for steps that are only read from a disk.
type Gauge struct {
	Name   string   // carries the unit and stays for ever: tank_c
	Label  string   // for people: Tank temperature
	Places int      // decimals of the stored integer
	Words  []string // names of the values 0, 1, … of a gauge that is a state
}

// GaugeUnknown is the value of a gauge without one in a step: the departure of a
// vehicle that is away, any gauge of a member in quarantine.
const GaugeUnknown int64 = math.MinInt64

// Gauger is a Slab whose twins have gauges.
type Gauger interface {
	// Gauges writes the gauges of twin i into out, after the events of env's step have
	// been applied; read is what the twin did in the step. out has one value for each
	// of GaugesOf(kind, Parts(i)). Gauges changes no state and allocates nothing.
	Gauges(i int, env *Env, read *Reading, out []int64)
}

// PartGauger is a PartSlab whose devices have gauges.
type PartGauger interface {
	// Gauges writes the gauges of device i, one for each of its kind's, as Gauger does.
	Gauges(i int, env *Env, out []int64)
}

// GaugeRow is a Row of a kind that has Gauges.
type GaugeRow interface {
	Gauges(env *Env, read *Reading, out []int64)
}

// PartGaugeRow is a PartRow of a kind that has Gauges.
type PartGaugeRow interface {
	Gauges(env *Env, out []int64)
}

// GaugedNetwork is a Network that shows gauges of its community.
type GaugedNetwork interface {
	Network
	// GaugeList is the same at each call.
	GaugeList() []Gauge
	// Gauges writes one value for each of GaugeList, from the network's answer in
	// the step.
	Gauges(state *NetworkState, out []int64)
}

// Gauges implements Gauger.
func (s *SlabOf[T, P]) Gauges(i int, env *Env, read *Reading, out []int64) {
	if row, ok := any(P(&s.rows[i])).(GaugeRow); ok {
		row.Gauges(env, read, out)
	}
}

// Gauges implements PartGauger.
func (s *PartSlabOf[T, P]) Gauges(i int, env *Env, out []int64) {
	if row, ok := any(P(&s.rows[i])).(PartGaugeRow); ok {
		row.Gauges(env, out)
	}
}

// GaugesOf are the gauges of a twin of a kind that is made of these parts: its own, then
// those of its parts in their order, named part.gauge: hot_water.tank_c.
func GaugesOf(k *Kind, parts []string) []Gauge {
	if gaugeCount(k, parts) == 0 {
		return nil
	}
	all := append([]Gauge(nil), k.Gauges...)
	for _, name := range parts {
		p := partNamed(name)
		for _, g := range p.Gauges {
			g.Name, g.Label = p.Name+"."+g.Name, p.Label+": "+strings.ToLower(g.Label)
			all = append(all, g)
		}
	}
	return all
}

// AllGauges are the gauges that a twin of the kind may have, as GaugesOf names them: a
// household may have any part.
func (k *Kind) AllGauges() []Gauge {
	var parts []string
	if k == Household {
		for _, p := range partKinds {
			parts = append(parts, p.Name)
		}
	}
	return GaugesOf(k, parts)
}

func gaugeCount(k *Kind, parts []string) int {
	n := len(k.Gauges)
	for _, name := range parts {
		n += len(partNamed(name).Gauges)
	}
	return n
}

// partNamed is the kind of part with a name from a slab's Parts.
func partNamed(name string) *PartKind {
	for _, p := range partKinds {
		if p.Name == name {
			return p
		}
	}
	panic("twins: no part " + name)
}

// layGauges allocates the gauges of a block's members. first stays nil if no member has
// any.
func (b *Block) layGauges() {
	if b.gauger, _ = b.Slab.(Gauger); b.gauger == nil {
		return
	}
	first := make([]int32, 1, len(b.Paths)+1)
	for i := range b.Paths {
		first = append(first, first[i]+int32(gaugeCount(b.Kind, b.Slab.Parts(i))))
	}
	if n := first[len(b.Paths)]; n > 0 {
		b.gaugeFirst, b.gauges = first, make([]int64, n)
	}
}

// readGauges reads the gauges of all members. Those of a member in quarantine are
// unknown: an estimate says nothing about its state.
func (b *Block) readGauges(env *Env) []int64 {
	if b.gauges == nil {
		return nil
	}
	for i := range b.Read {
		out := b.gauges[b.gaugeFirst[i]:b.gaugeFirst[i+1]]
		switch {
		case len(out) == 0:
		case b.quarantined[i]:
			for k := range out {
				out[k] = GaugeUnknown
			}
		default:
			b.gauger.Gauges(i, env, &b.Read[i], out)
		}
	}
	return b.gauges
}
