package twins

import (
	"fmt"
	"slices"
)

// Network is the cables and the transformer of a community. Flow takes what its members,
// producers and ties left out, draw on each bus and phase, and answers what is lost on the way, the
// voltages and loadings, what is beyond its limit, and how much may be drawn there. It is
// asked after each StageSettle and StageRevise, so that the last answer of a step is to
// what its members do, and must answer the same draws alike. out has the answer before,
// whose lists it may reuse.
type Network interface {
	Flow(draws []BusDraw, out *NetworkState)
}

// Phase is the conductor that a member hangs on.
type Phase uint8

// The phases. ABC is three-phase, and the zero value.
const (
	PhaseABC Phase = iota
	PhaseA
	PhaseB
	PhaseC
)

// Connection is where a member hangs on its community's network. Bus 0 is the
// community's own connection point.
type Connection struct {
	Bus   int32
	Phase Phase
}

// Connected is a slab whose members hang where their entries say. Devices behind a
// member's meter hang where it does; members of other slabs at bus 0, three-phase.
type Connected interface {
	Connection(i int) Connection
}

// BusDraw is what one member draws where it hangs on the network: + draws, − injects.
// What an owner draws and what its devices draw are draws of their own.
type BusDraw struct {
	Connection
	Power    Power
	Reactive ReactivePower
}

// NetworkState is what a network answers. The zero value is that of a network in which
// nothing is lost and nothing limited.
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

// LineLoading is how much of what it can carry a line or the transformer carries, in the
// most loaded conductor. A line is numbered by the bus at its far end; 0 is the transformer.
type LineLoading struct {
	Line    int32
	Loading Ratio // ≥ 0; above One it is overloaded
}

// BusBreach says that a limit is passed at a bus, and by how much of it.
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

// assign makes s what from is, without sharing memory.
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

// networkVersion is the first byte of a network's stored answer.
const networkVersion = 1

// NetworkKind is a sort of network that a community may have, by name.
type NetworkKind struct {
	Name  string // lossless
	Label string
	New   func() Network
}

var networks []*NetworkKind

// DeclareNetwork adds a sort of network to the registry. It is called once for each,
// where it is defined.
func DeclareNetwork(k NetworkKind) *NetworkKind {
	if _, err := NetworkNamed(k.Name); err == nil {
		panic("twins: network declared twice: " + k.Name)
	}
	networks = append(networks, &k)
	return &k
}

// NetworkNamed returns the sort of network of a name; an error if there is none.
func NetworkNamed(name string) (*NetworkKind, error) {
	at := slices.IndexFunc(networks, func(k *NetworkKind) bool { return k.Name == name })
	if at < 0 {
		return nil, fmt.Errorf("no network %q", name)
	}
	return networks[at], nil
}

var _ = DeclareNetwork(NetworkKind{Name: "lossless", Label: "Cables are not modelled", New: func() Network { return Lossless{} }})

// Lossless is the network of a community whose cables are not modelled: nothing
// is lost and nothing is limited.
type Lossless struct{}

// Flow implements Network.
func (Lossless) Flow(_ []BusDraw, out *NetworkState) { *out = NetworkState{} }
