package twins

import (
	"fmt"
	"slices"
)

// Network is the cables and the transformer of a community. Flow takes what its members, without
// producers and ties, draw on each bus and phase, and answers with the losses, the voltages and
// loadings, the limits that are passed, and how much may be drawn where. It is asked after each
// StageSettle and StageRevise, so that the last answer of a step fits what its members do, and must
// answer the same draws alike. out has the answer before, whose lists it may reuse.
type Network interface {
	Flow(draws []BusDraw, out *NetworkState)
}

// Phase is the conductor to which a member is connected.
type Phase uint8

// The phases. ABC is three-phase, and the zero value.
const (
	PhaseABC Phase = iota
	PhaseA
	PhaseB
	PhaseC
)

// Connection is where a member is connected to its community's network. Bus 0
// is the community's own connection point.
type Connection struct {
	Bus   int32
	Phase Phase
}

// Connected is a slab whose members are connected where their entries say. Devices
// behind a member's meter are connected where it is; members of other slabs at bus
// 0, three-phase.
type Connected interface {
	Connection(i int) Connection
}

// BusDraw is what one member draws at its connection: + draws, − injects. An owner's
// draw and its devices' draws are separate.
type BusDraw struct {
	Connection
	Power    Power
	Reactive ReactivePower
}

// NetworkState is the answer of a network. The zero value is that of a network without
// losses and limits.
type NetworkState struct {
	Loss     Power         // ≥ 0, in cables and transformer
	Voltages []BusVoltage  // gauges, for the record
	Loadings []LineLoading // gauges, for the record
	Breached []BusBreach   // what is beyond a limit
	Limits   []BusLimit    // for the strategy: what members may draw
}

// BusVoltage is the voltage of one conductor of a bus, in millivolts to neutral.
type BusVoltage struct {
	Connection
	Millivolts int64
}

// LineLoading is the loading of a line or the transformer relative to its rating, in the
// most loaded conductor. A line is numbered by the bus at its far end; 0 is the transformer.
type LineLoading struct {
	Line    int32
	Loading Ratio // ≥ 0; above One it is overloaded
}

// BusBreach says that a limit is passed at a bus, and by what share of it.
type BusBreach struct {
	Connection
	Over Ratio // > 0
}

// BusLimit bounds what all members at a bus and phase draw together: Least ≤ net ≤ Most,
// + draws, − injects. Without a limit a bound is Unlimited.
type BusLimit struct {
	Connection
	Least, Most Power
}

// assign makes s a copy of from that shares no memory with it.
func (s *NetworkState) assign(from *NetworkState) {
	s.Loss = from.Loss
	s.Voltages = append(s.Voltages[:0], from.Voltages...)
	s.Loadings = append(s.Loadings[:0], from.Loadings...)
	s.Breached = append(s.Breached[:0], from.Breached...)
	s.Limits = append(s.Limits[:0], from.Limits...)
}

func (c *Connection) wire(w *wire) {
	wireInt(w, &c.Bus)
	choice(w, &c.Phase, PhaseC)
}

func (s *NetworkState) wire(w *wire) {
	wireInt(w, &s.Loss)
	list(w, &s.Voltages, func(v *BusVoltage) {
		v.wire(w)
		wireInt(w, &v.Millivolts)
	})
	list(w, &s.Loadings, func(l *LineLoading) {
		wireInt(w, &l.Line)
		wireInt(w, &l.Loading)
	})
	list(w, &s.Breached, func(l *BusBreach) {
		l.wire(w)
		wireInt(w, &l.Over)
	})
	list(w, &s.Limits, func(l *BusLimit) {
		l.wire(w)
		numbers(w, &l.Least, &l.Most)
	})
}

// NetworkKind is a kind of network that a community may have, by name.
type NetworkKind struct {
	Name  string // lossless
	Label string
	New   func() Network
}

var networks []*NetworkKind

// DeclareNetwork adds a kind of network to the registry. It is called once for each,
// where it is defined.
func DeclareNetwork(k NetworkKind) *NetworkKind {
	if _, err := NetworkNamed(k.Name); err == nil {
		panic("twins: network declared twice: " + k.Name)
	}
	networks = append(networks, &k)
	return &k
}

// NetworkNamed returns the kind of network with a name, or an error.
func NetworkNamed(name string) (*NetworkKind, error) {
	at := slices.IndexFunc(networks, func(k *NetworkKind) bool { return k.Name == name })
	if at < 0 {
		return nil, fmt.Errorf("no network %q", name)
	}
	return networks[at], nil
}

var _ = DeclareNetwork(NetworkKind{Name: "lossless", Label: "Cables are not modelled", New: func() Network { return Lossless{} }})

// Lossless is the network of a community whose cables are not modelled: without
// losses and limits.
type Lossless struct{}

// Flow implements Network.
func (Lossless) Flow(_ []BusDraw, out *NetworkState) { *out = NetworkState{} }
