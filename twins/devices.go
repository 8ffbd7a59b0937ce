package twins

// Devices are the members behind one household's meter, or the community's own,
// in path order within their kinds.
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
	panic("twins: no such device")
}

// Flex is what device k offers; Set is where its setpoint is written.
func (d Devices) Flex(k int) *Flex    { b, i := d.at(k); return &b.Flex[i] }
func (d Devices) Set(k int) *Setpoint { b, i := d.at(k); return &b.Set[i] }
