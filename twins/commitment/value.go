package commitment

import (
	"cmp"
	"math/bits"

	"github.com/smatrix-grid/smatrix/twins"
)

// wide is a signed 128-bit integer. Costs are counted in µ€·mJ/MWh, so that
// nothing is rounded before the end; twins.Total has neither products nor order.
// The bounds of Check keep sums inside: 1e12 µ€/MWh · 1e15 mW · 7,200 s is below
// 1e31 for one unit and period, and 128 bits hold ten million of these.
type wide struct {
	hi int64
	lo uint64
}

// microEuro is one µ€ in the unit of wide: a MWh in mJ.
const microEuro = int64(twins.MegawattHour)

func (a wide) plus(b wide) wide {
	lo, carry := bits.Add64(a.lo, b.lo, 0)
	return wide{a.hi + b.hi + int64(carry), lo}
}

func (a wide) minus(b wide) wide {
	lo, borrow := bits.Sub64(a.lo, b.lo, 0)
	return wide{a.hi - b.hi - int64(borrow), lo}
}

func (a wide) compare(b wide) int {
	if c := cmp.Compare(a.hi, b.hi); c != 0 {
		return c
	}
	return cmp.Compare(a.lo, b.lo)
}

// product is a·b for b ≥ 0.
func product(a, b int64) wide {
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	return wide{int64(hi) - a>>63&b, lo}
}

// money is a in whole micro-euro, truncated toward zero.
func (a wide) money() twins.Money {
	neg := a.hi < 0
	if neg {
		a = wide{}.minus(a)
	}
	if a.hi >= microEuro/2 {
		panic(&twins.OverflowError{Op: "the cost of a schedule"})
	}
	q, _ := bits.Div64(uint64(a.hi), a.lo, uint64(microEuro))
	if neg {
		return -twins.Money(q)
	}
	return twins.Money(q)
}

// value is the objective of a period or a schedule, in this order; less is
// better. Powers are sums over periods, in mW.
type value struct {
	missed   int64 // orders of the manager
	unserved int64
	reserve  int64 // shortfall
	spilled  int64
	cost     wide
}

func (a *value) add(b *value) {
	a.missed += b.missed
	a.unserved += b.unserved
	a.reserve += b.reserve
	a.spilled += b.spilled
	a.cost = a.cost.plus(b.cost)
}

func (a *value) sub(b *value) {
	a.missed -= b.missed
	a.unserved -= b.unserved
	a.reserve -= b.reserve
	a.spilled -= b.spilled
	a.cost = a.cost.minus(b.cost)
}

func (a *value) less(b *value) bool {
	switch {
	case a.missed != b.missed:
		return a.missed < b.missed
	case a.unserved != b.unserved:
		return a.unserved < b.unserved
	case a.reserve != b.reserve:
		return a.reserve < b.reserve
	case a.spilled != b.spilled:
		return a.spilled < b.spilled
	}
	return a.cost.compare(b.cost) < 0
}
