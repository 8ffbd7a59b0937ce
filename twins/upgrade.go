package twins

import "fmt"

// Upgrade turns the stored form of one version, with which b begins, into that of the next,
// and returns the bytes of b after it. Raising the version of a kind, a part or a strategy
// needs one.
type Upgrade func(b []byte) (upgraded, rest []byte, err error)

// StoredForm is a stored form of every community, which belongs to neither a kind, a part
// nor a strategy. Name and Version are on disk for ever.
type StoredForm struct {
	Name    string
	Version uint8
	// Upgrades are those of the earlier versions, as Upgrade, for the community whose form it is.
	Upgrades map[uint8]func(c *Cell, b []byte) (upgraded, rest []byte, err error)
}

// The stored forms of a community: CellForm is what AppendStates writes, in which the states
// of twins and strategies and the network's answer have versions of their own; NetworkForm is
// the last answer of a network, which only a network other than Lossless has.
var (
	CellForm    = &StoredForm{Name: "cell", Version: 1}
	NetworkForm = &StoredForm{Name: "network", Version: 1}
)

// restore is restoreState for the form of a community.
func (f *StoredForm) restore(c *Cell, b []byte, read func([]byte) ([]byte, error)) ([]byte, error) {
	upgrades := map[uint8]Upgrade{}
	for version, upgrade := range f.Upgrades {
		upgrades[version] = func(b []byte) (upgraded, rest []byte, err error) { return upgrade(c, b) }
	}
	return restoreState(b, upgrades, read)
}

// restoreState upgrades the stored form at the start of b, whose first byte is its version,
// to the newest version, reads it, and returns the rest of b.
func restoreState(b []byte, upgrades map[uint8]Upgrade, read func([]byte) ([]byte, error)) ([]byte, error) {
	if len(b) == 0 {
		return read(b)
	}
	return restoreFrom(b[0], b, upgrades, read)
}

// restoreFrom upgrades the stored form of a version at the start of b to the newest version,
// reads it, and returns the rest of b.
func restoreFrom(version uint8, b []byte, upgrades map[uint8]Upgrade, read func([]byte) ([]byte, error)) ([]byte, error) {
	if upgrades[version] == nil {
		return read(b)
	}
	state, rest, err := upgrades[version](b)
	for version++; err == nil && upgrades[version] != nil; version++ {
		var more []byte
		if state, more, err = upgrades[version](state); err == nil && len(more) > 0 {
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
