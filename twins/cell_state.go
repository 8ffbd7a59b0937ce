package twins

import "fmt"

// AppendStates appends the stored form of the community with everything that its
// next step depends on: its own twin; then, block by block, the members' twins in
// path order, the basis of estimates, the quarantined members and the customers'
// burdens; then the network's last answer, unless it is Lossless, and the states of
// stateful strategies.
func (c *Cell) AppendStates(buf []byte) []byte {
	buf = c.Node.AppendBinary(append(buf, CellForm.Version))
	for _, b := range c.Blocks {
		for i := range b.Paths {
			buf = b.Slab.AppendBinary(i, buf)
			buf = appendInts(buf, b.last[i], flag(b.quarantined[i]))
		}
		if b.customers() {
			buf = b.burdens.appendBinary(buf)
		}
	}
	if !c.lossless {
		buf = encode(buf, NetworkForm.Version, c.state.wire)
	}
	return c.appendStewards(buf)
}

// RestoreStates is the inverse of AppendStates, of this program or an earlier one, for a cell
// of the same scenario; it returns the rest of b.
func (c *Cell) RestoreStates(b []byte) (rest []byte, err error) {
	return CellForm.restore(c, b, c.readStates)
}

// readStates reads states in the newest version of CellForm.
func (c *Cell) readStates(b []byte) (rest []byte, err error) {
	if len(b) == 0 || b[0] != CellForm.Version {
		return b, fmt.Errorf("%s: stored state of another version, wanted %d", c.Path, CellForm.Version)
	}
	if b, err = RestoreNode(c.Node, b[1:]); err != nil {
		return b, fmt.Errorf("%s: %w", c.Path, err)
	}
	for _, block := range c.Blocks {
		for i, path := range block.Paths {
			var quarantined int64
			if b, err = restoreState(b, block.upgrades(), func(b []byte) ([]byte, error) { return block.Slab.UnmarshalBinary(i, b) }); err == nil {
				if b, err = readInt(b, &block.last[i]); err == nil {
					b, err = readInt(b, &quarantined)
				}
			}
			if err != nil {
				return b, fmt.Errorf("%s: %w", path, err)
			}
			block.quarantined[i] = quarantined != 0
		}
		if block.customers() {
			if b, err = block.burdens.unmarshalBinary(b, len(block.Paths)); err != nil {
				return b, fmt.Errorf("%s: %w", c.Path, err)
			}
		}
	}
	if !c.lossless {
		read := func(b []byte) ([]byte, error) { return decode(b, "network", NetworkForm.Version, c.state.wire) }
		if b, err = NetworkForm.restore(c, b, read); err != nil {
			return b, fmt.Errorf("%s: %w", c.Path, err)
		}
	}
	if b, err = c.readStewards(b); err != nil {
		return b, fmt.Errorf("%s: %w", c.Path, err)
	}
	c.stewards.settled = -1
	c.savedAt, c.burdensAt, c.heardIn.tick = -1, -1, -1
	return b, nil
}
