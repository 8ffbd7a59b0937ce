package twins

import "fmt"

// Upgrade turns the stored form of one version, with which b begins, into that of the next,
// and returns the bytes of b after it. Raising the version of a kind or part needs one.
type Upgrade func(b []byte) (upgraded, rest []byte, err error)

// restoreState upgrades the stored form at the start of b to the newest version, reads it,
// and returns the rest of b.
func restoreState(b []byte, upgrades map[uint8]Upgrade, read func([]byte) ([]byte, error)) ([]byte, error) {
	if len(b) == 0 || upgrades[b[0]] == nil {
		return read(b)
	}
	state, rest, err := upgrades[b[0]](b)
	for err == nil && len(state) > 0 && upgrades[state[0]] != nil {
		var more []byte
		if state, more, err = upgrades[state[0]](state); err == nil && len(more) > 0 {
			err = fmt.Errorf("an upgraded state has %d bytes too many", len(more))
		}
	}
	if err != nil {
		return b, err
	}
	left, err := read(state)
	if err != nil {
		return b, fmt.Errorf("an upgraded state: %w", err)
	}
	if len(left) > 0 {
		return b, fmt.Errorf("an upgraded state has %d bytes too many", len(left))
	}
	return rest, nil
}

// RestoreNode restores the state of a community or the grid that was stored by this program
// or an earlier one, and returns the rest of b.
func RestoreNode(n *Node, b []byte) ([]byte, error) {
	return restoreState(b, n.kind.Upgrades, n.UnmarshalBinary)
}

// composite is a slab whose stored forms consist of several, each with a version of its
// own: it upgrades them itself.
type composite interface{ upgradesItself() }

// upgrades are those of a block's stored forms.
func (b *Block) upgrades() map[uint8]Upgrade {
	if _, ok := b.Slab.(composite); ok {
		return nil
	}
	return b.Kind.Upgrades
}
