package twins

// Devices are members of a cell, in path order within their kinds.
type Devices struct {
	cell  *Cell
	spans []span
}

// Len is how many there are.
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

// Flex is what member k offers, a home with all that stands behind its meter; it is not
// to be changed.
func (d Devices) Flex(k int) *Flex { b, i := d.at(k); return &b.Flex[i] }

// Set is where the setpoint of member k is written.
func (d Devices) Set(k int) *Setpoint { b, i := d.at(k); return &b.Set[i] }

// Reading is what member k did, once it has been asked in this step. A home's own is
// without its devices.
func (d Devices) Reading(k int) *Reading { b, i := d.at(k); return &b.Read[i] }

// Kind is the kind of member k.
func (d Devices) Kind(k int) *Kind { b, _ := d.at(k); return b.Kind }

// Path is the path of member k.
func (d Devices) Path(k int) string { b, i := d.at(k); return b.Paths[i] }

// Connection is where member k hangs on the community's network.
func (d Devices) Connection(k int) Connection { b, i := d.at(k); return b.Connection(i) }

// Members are those for whom a steward decides: of a community its homes, each with all
// that stands behind its meter, and what else stands in it, producers and ties left out; of
// a home the batteries and vehicles behind its meter.
type Members struct {
	Devices
	behind []span // storage whose aims are those of this meter, among others
	own    *Flex
	folded *Flex
}

// Own is what a home's own parts offer; nil of a community.
func (m Members) Own() *Flex { return m.own }

// Folded is what was offered for them all.
func (m Members) Folded() *Flex { return m.folded }

// Pursue moves the references of the storage that stands behind no other meter, and that
// of f, the offer of all, so that the net load comes as near to what each aims at as their
// bands allow.
func (m Members) Pursue(f *Flex) { Devices{m.cell, m.behind}.pursue(f) }
