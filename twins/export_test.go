package twins

// Distrust makes the cell straighten the answers of its strategies, even exact ones.
func (c *Cell) Distrust() {
	community, home := *c.stewards.communityBy, *c.stewards.homeBy
	community.exact, home.exact = false, false
	if err := c.Adopt(Choice{Strategy: &community}, Choice{Strategy: &home}); err != nil {
		panic(err)
	}
}

// Standing are the members at the community's own connection points.
func (c *Cell) Standing() Devices { return c.members().Devices }

// Behind are the devices behind the meter of member k of Standing, with the offer and the
// setpoint of its own parts; nil if it is no home.
func (d Devices) Behind(k int) (devices Devices, own *Flex, ownSet *Setpoint) {
	b, i := d.at(k)
	if b.owner == nil {
		return Devices{}, nil, nil
	}
	if b.spans != nil {
		devices = Devices{d.cell, b.spans[i]}
	}
	return devices, &b.partsFlex[i], &b.partsSet[i]
}

// Allowed is what a member may be asked in a tier.
func (f *Flex) Allowed(t Tier) Band { return f.allowed(t) }

// Homes are the paths of the cell's homes.
func (c *Cell) Homes() (paths []string) {
	for _, b := range c.Blocks {
		if b.owner != nil {
			paths = append(paths, b.Paths...)
		}
	}
	return paths
}
