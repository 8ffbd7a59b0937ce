package twins

// Network is the cables and the transformer of a community. Fold takes what
// its members draw on each bus and phase and returns what is lost on the way
// and where a limit is passed. It is asked once a step, after loads and storage
// have settled.
type Network interface {
	Fold(draws []BusDraw, out *NetworkState)
}

// BusDraw is what one member draws at its place on the network.
type BusDraw struct {
	Bus      int32
	Phase    Phase
	Power    Power
	Reactive ReactivePower
}

// NetworkState is what a network answers for one step.
type NetworkState struct {
	Loss     Power // ≥ 0, in cables and transformer
	Voltages []BusVoltage
	Breached []BusLimit
}

// BusVoltage is the voltage of one conductor of a bus, in millivolts to neutral.
type BusVoltage struct {
	Bus        int32
	Phase      Phase
	Millivolts int64
}

// BusLimit says that a limit was passed, and by how much of it.
type BusLimit struct {
	Bus  int32
	Over Ratio
}

// Lossless is the network of a community whose cables are not modelled: nothing
// is lost and nothing is limited.
type Lossless struct{}

// Fold answers with no losses.
func (Lossless) Fold(_ []BusDraw, out *NetworkState) { *out = NetworkState{} }
