package twins

// Recover brings a member that failed back to its state before the step, with
// the step's commands applied; without them if it is in quarantine, since it
// is not asked any more. A member that has committed must not be recovered.
func (c *Cell) Recover(at Slot, env *Env, w *Scratch) error {
	b, i := c.Blocks[at.Block], int(at.Index)
	b.Slab.Restore(i)
	if b.quarantined[i] {
		return nil
	}
	return c.command(b, i, env, w)
}

// Quarantine takes a member out of service for the rest of the run, because
// it has failed twice in a step. What it did before stays.
func (c *Cell) Quarantine(at Slot) {
	if !c.Quarantined(at) {
		c.Blocks[at.Block].quarantined[at.Index] = true
		c.isolated = append(c.isolated, c.PathOf(at))
	}
}

// Quarantined reports whether member i of the block is in quarantine.
func (b *Block) Quarantined(i int) bool { return b.quarantined[i] }

// Quarantined reports whether a member is in quarantine.
func (c *Cell) Quarantined(at Slot) bool { return c.Blocks[at.Block].quarantined[at.Index] }

// estimate answers for a quarantined member: a load continues at its last
// power, a storage keeps what it holds, a unit gives nothing. If the member
// failed only at StageCommit, the reading is its answer before.
func (c *Cell) estimate(s Stage, k, i int, env *Env) {
	b := c.Blocks[k]
	if s == StageCommit { // the books were closed with its answer
		if b.last[i] = int64(b.Read[i].Load); b.Kind.Role == RoleStorage {
			b.last[i] = int64(b.Read[i].Content)
		}
		return
	}
	load := Power(0)
	if b.Kind.Role == RoleLoad {
		load = Power(b.last[i])
	}
	f := &b.Flex[i]
	*f = Flex{}
	f.Tier[Essential] = Fixed(load)
	owns := b.manages(i) // the devices behind its meter are sound
	if owns {
		c.foldHome(k, i, env)
	}
	if s == StageOffer {
		return
	}
	set := b.Set[i]
	if owns {
		c.divideHome(k, i, env, &set)
	}
	given := max(0, min(load, set.Tier[Essential]))
	r := &b.Read[i]
	clear(r.Parts)
	*r = Reading{Parts: r.Parts, Load: given, Power: given, Unserved: load - given, UnservedEssential: load - given, SoC: r.SoC, Reason: Quarantined}
	if b.Kind.Role == RoleStorage {
		r.Content = Energy(b.last[i])
	}
	if len(r.Parts) > 0 {
		r.Parts[0] = given
	}
}
