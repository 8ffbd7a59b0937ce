package twins

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"
)

// Essential load that cannot be served is cut in rotation: customers are switched
// off one by one, for the whole step, those first who have been cut least for what
// they needed, and only as many as necessary. So a customer is on or off, as behind
// a switch, and no customer is off twice before each neighbour has been off once.

// burdenDays is the time over which cuts are remembered.
const burdenDays = 30

// Burden is what a customer, or a community of them, needed of essential energy in
// the last 30 days, today included, and how much of it was not served: 0 ≤ Borne ≤ Need.
type Burden struct{ Need, Borne Energy }

// Plus adds two burdens.
func (b Burden) Plus(c Burden) Burden { return Burden{b.Need + c.Need, b.Borne + c.Borne} }

// lighter compares the cuts of two relative to their need.
func (b Burden) lighter(c Burden) int {
	ah, al := bits.Mul64(uint64(b.Borne), uint64(max(c.Need, 1)))
	bh, bl := bits.Mul64(uint64(c.Borne), uint64(max(b.Need, 1)))
	return cmp.Or(cmp.Compare(ah, bh), cmp.Compare(al, bl))
}

// SupplyCut is the notable event of a member whose load was not served in a step:
// the essential load that it wanted and that was cut, all that was not served, its
// burden of the last 30 days with this step, and what began to wait for a deadline that
// it will miss. A vehicle is no customer: its event has only what was not served and
// what waits.
var SupplyCut = DeclareEvent(EventType{Name: "supply.cut", Notable: true,
	Fields: []string{"wanted_w", "cut_w", "unserved_w", "need_j", "borne_j", "waiting_w"}})

// burdens are those of the customers of one block. Each has a ring of days;
// what was cut takes memory only from the first cut on.
type burdens struct {
	sum  []Burden
	days []burdenDay // at most burdenDays, oldest first
}

type burdenDay struct {
	day   int32
	need  []Energy
	borne []Energy // nil until the first cut
}

// today returns the given day's entry, made if need be, and drops entries
// that are too old.
func (u *burdens) today(day int32, n int) *burdenDay {
	if u.sum == nil {
		u.sum = make([]Burden, n)
	}
	if k := len(u.days); k > 0 && u.days[k-1].day == day {
		return &u.days[k-1]
	}
	next := burdenDay{day: day}
	for len(u.days) > 0 && u.days[0].day <= day-burdenDays {
		old := u.days[0]
		for i := range old.need {
			u.sum[i].Need -= old.need[i]
		}
		for i := range old.borne {
			u.sum[i].Borne -= old.borne[i]
		}
		clear(old.need)
		next.need = old.need
		u.days = append(u.days[:0], u.days[1:]...)
	}
	if next.need == nil {
		next.need = make([]Energy, n)
	}
	u.days = append(u.days, next)
	return &u.days[len(u.days)-1]
}

// count adds one customer's step.
func (u *burdens) count(i int, d *burdenDay, need, borne Energy) {
	d.need[i] += need
	u.sum[i].Need += need
	if borne == 0 {
		return
	}
	if d.borne == nil {
		d.borne = make([]Energy, len(d.need))
	}
	d.borne[i] += borne
	u.sum[i].Borne += borne
}

// turn is a customer's turn in the rotation.
type turn struct {
	Slot
	Burden
}

// customers reports whether members of the block are customers: members that
// draw and have a connection point of their own.
func (b *Block) customers() bool { return b.Kind.Role == RoleLoad }

// Burden is the sum of the burdens of the community's customers.
func (c *Cell) Burden() (sum Burden) {
	for _, b := range c.Blocks {
		for i := range b.burdens.sum {
			sum = sum.Plus(b.burdens.sum[i])
		}
	}
	return sum
}

// rotate switches customers off until cut of the essential load is gone, each for a
// share of the step, or for the whole step if that does not suffice: the community
// follows to the milliwatt. No customer is asked for what is left when all are off.
func (c *Cell) rotate(cut Power, share Ratio) {
	c.turns = c.turns[:0]
	for k, b := range c.Blocks {
		for i := range b.Set {
			if !b.Kind.Role.Unit() && !b.owned(i) && b.Set[i].Tier[Essential] > 0 {
				t := turn{Slot: Slot{int32(k), int32(i)}}
				if b.burdens.sum != nil {
					t.Burden = b.burdens.sum[i]
				}
				c.turns = append(c.turns, t)
			}
		}
	}
	slices.SortStableFunc(c.turns, func(a, b turn) int { return a.lighter(b.Burden) })
	for _, share := range [...]Ratio{share, One} { // if all of them for a share are not enough, some for longer
		for _, t := range c.turns {
			set := &c.Blocks[t.Block].Set[t.Index]
			off := min(cut, set.Tier[Essential].Times(share))
			set.Tier[Essential] -= off
			if cut -= off; cut == 0 {
				return
			}
		}
	}
}

// countBurdens counts once a step what customers needed and what of it was not served,
// and makes the event of each that was cut.
func (c *Cell) countBurdens(env *Env) {
	c.cuts = c.cuts[:0]
	for _, b := range c.Blocks {
		var day *burdenDay
		if b.customers() {
			day = b.burdens.today(env.Day, len(b.Paths))
		}
		for i := range b.Read {
			r := &b.Read[i]
			var need Power
			var sum Burden
			if day != nil {
				need = max(b.Flex[i].Tier[Essential].Ref, r.UnservedEssential)
				if c.burdensAt != env.Tick {
					b.burdens.count(i, day, need.For(env.Step), r.UnservedEssential.For(env.Step))
				}
				sum = b.burdens.sum[i]
			}
			if r.Unserved > 0 || r.Waiting > 0 {
				c.cuts = append(c.cuts, Notice{b.Paths[i], Event{Type: SupplyCut, V: [7]int64{
					int64(need), int64(r.UnservedEssential), int64(r.Unserved), int64(sum.Need), int64(sum.Borne), int64(r.Waiting)}}})
			}
		}
	}
	c.burdensAt = env.Tick
}

// The stored form of burdens: for each day its number, then needs, then a flag and
// what was cut. Sums follow from the days.
func (u *burdens) appendBinary(b []byte) []byte {
	b = appendInts(b, int64(len(u.days)))
	for _, d := range u.days {
		b = appendInts(b, int64(d.day), flag(d.borne != nil))
		for _, e := range d.need {
			b = appendInts(b, int64(e))
		}
		for _, e := range d.borne {
			b = appendInts(b, int64(e))
		}
	}
	return b
}

func (u *burdens) unmarshalBinary(b []byte, n int) ([]byte, error) {
	*u = burdens{}
	var days int64
	b, err := readInt(b, &days)
	if err != nil || days < 0 || days > burdenDays {
		return b, fmt.Errorf("burdens: %d days, wanted 0…%d", days, burdenDays)
	}
	for range days {
		var day, borne int64
		if b, err = readInt(b, &day); err == nil {
			b, err = readInt(b, &borne)
		}
		if err == nil && len(b) < 8*n*int(1+borne&1) {
			err = fmt.Errorf("burdens: cut short: %d bytes for %d customers", len(b), n)
		}
		if err != nil {
			return b, err
		}
		d := u.today(int32(day), n)
		for i := range n {
			var need int64
			b, _ = readInt(b, &need)
			u.count(i, d, Energy(need), 0)
		}
		for i := range n * int(borne&1) {
			var e int64
			b, _ = readInt(b, &e)
			u.count(i, d, 0, Energy(e))
		}
	}
	return b, nil
}
