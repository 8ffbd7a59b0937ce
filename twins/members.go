package twins

// Devices are members of a cell, in path order within their kinds.
type Devices struct {
	cell  *Cell
	spans []span
}

// Len is the number of devices.
func (d Devices) Len() (n int) {
	for _, s := range d.spans {
		n += int(s.hi - s.lo)
	}
	return n
}

func (d Devices) at(k int) (*Block, int) {
	for _, s := range d.spans {
		if n := int(s.hi - s.lo); k >= n {
			k -= n
			continue
		}
		return d.cell.Blocks[s.block], int(s.lo) + k
	}
	panic("twins: no such member")
}

// Flex is the offer of member k, of a home with everything behind its meter; it is not
// to be changed.
func (d Devices) Flex(k int) *Flex { b, i := d.at(k); return &b.Flex[i] }

// Set is where the setpoint of member k is written.
func (d Devices) Set(k int) *Setpoint { b, i := d.at(k); return &b.Set[i] }

// Reading is what member k did, once it has been asked in this step. That of a home
// is without its devices.
func (d Devices) Reading(k int) *Reading { b, i := d.at(k); return &b.Read[i] }

// Kind is the kind of member k.
func (d Devices) Kind(k int) *Kind { b, _ := d.at(k); return b.Kind }

// Path is the path of member k.
func (d Devices) Path(k int) string { b, i := d.at(k); return b.Paths[i] }

// Connection is where member k is connected to the community's network.
func (d Devices) Connection(k int) Connection { b, i := d.at(k); return b.Connection(i) }

// Members are the members for which a steward decides: for a community its homes, each with
// everything behind its meter, and its other members without producers and ties; for a home
// the batteries and vehicles behind its meter.
type Members struct {
	Devices
	behind []span // devices directly behind this meter; their storage pursues its aims here
	own    *Flex
	folded *Flex
}

// Own is the offer of a home's own parts; nil for a community.
func (m Members) Own() *Flex { return m.own }

// Folded is the offer of all members together.
func (m Members) Folded() *Flex { return m.folded }

// Pursue moves the references of the storage directly behind this meter, and of f, the
// offer of all, so that the net load comes as near to each aim as the bands allow.
func (m Members) Pursue(f *Flex) { Devices{m.cell, m.behind}.pursue(f) }
