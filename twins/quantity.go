package twins

import (
	"errors"
	"fmt"
	"math/bits"
	"strconv"
	"strings"
)

// Power is active power in milliwatts. + draws from the node (import,
// charging), − injects into it (export, discharging, generation).
type Power int64

// Powers, to be multiplied: 3 * Kilowatt.
const (
	Milliwatt Power = 1
	Watt            = 1000 * Milliwatt
	Kilowatt        = 1000 * Watt
	Megawatt        = 1000 * Kilowatt
	Gigawatt        = 1000 * Megawatt
)

// ReactivePower is reactive power in millivar; + draws (inductive).
type ReactivePower int64

// Energy is an amount of energy in millijoules. An int64 of them holds
// 2.56 TWh: enough for one member and for one step of any grid; running totals
// above the member are a Total.
type Energy int64

// Energies, to be multiplied: 10 * KilowattHour.
const (
	Millijoule   Energy = 1
	Joule               = 1000 * Millijoule
	WattHour            = 3600 * Joule
	KilowattHour        = 1000 * WattHour
	MegawattHour        = 1000 * KilowattHour
	GigawattHour        = 1000 * MegawattHour
)

// Seconds is a span of time. A step is a whole number of seconds, so that a
// power over a step is a whole number of millijoules.
type Seconds int64

// Ratio is a share or a factor in parts per billion: 0.95 is 950,000,000.
type Ratio int64

// One is the ratio 1.
const One Ratio = 1_000_000_000

// Price is money for energy in micro-euro per megawatt hour: 78.50 €/MWh is
// 78,500,000.
type Price int64

// Money is an amount of money in micro-euro.
type Money int64

// Euro is a million micro-euro.
const Euro Money = 1_000_000

// Euros is for screens and files.
func (m Money) Euros() float64 { return float64(m) / float64(Euro) }

// OverflowError is the panic of a product or a total that leaves its range. It
// is a broken invariant, never an expected event: scenarios are bounded so that
// no valid one reaches it.
type OverflowError struct{ Op string }

func (e *OverflowError) Error() string { return "twins: overflow in " + e.Op }

// MulDiv returns a·b/c with its remainder, so that quo·c + rem = a·b exactly.
// The product is kept in 128 bits; the quotient is truncated toward zero and
// the remainder has the sign of the product, as with Go's own / and %. Every
// product of two quantities goes through here. It panics with *OverflowError
// if c is zero or the quotient does not fit.
func MulDiv(a, b, c int64) (quo, rem int64) {
	neg := (a < 0) != (b < 0)
	hi, lo := bits.Mul64(magnitude(a), magnitude(b))
	return divide(hi, lo, neg, c)
}

// MulAddDiv is MulDiv of a·b + add, for a, b, add ≥ 0 and c > 0: the form in
// which a remainder is carried from one step to the next.
func MulAddDiv(a, b, add, c int64) (quo, rem int64) {
	if a < 0 || b < 0 || add < 0 || c <= 0 {
		panic(&OverflowError{fmt.Sprintf("%d·%d+%d over %d: negative", a, b, add, c)})
	}
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	lo, carry := bits.Add64(lo, uint64(add), 0)
	return divide(hi+carry, lo, false, c)
}

func divide(hi, lo uint64, neg bool, c int64) (quo, rem int64) {
	d := magnitude(c)
	if hi >= d {
		panic(&OverflowError{"a·b/" + strconv.FormatInt(c, 10)})
	}
	var q, r uint64
	if hi == 0 {
		q, r = lo/d, lo%d
	} else {
		q, r = bits.Div64(hi, lo, d)
	}
	return signed(q, neg != (c < 0)), signed(r, neg)
}

func magnitude(x int64) uint64 {
	if x < 0 {
		return -uint64(x)
	}
	return uint64(x)
}

func signed(m uint64, neg bool) int64 {
	if neg {
		if m > 1<<63 {
			panic(&OverflowError{"int64"})
		}
		return -int64(m)
	}
	if m >= 1<<63 {
		panic(&OverflowError{"int64"})
	}
	return int64(m)
}

// For returns the energy of p held for s seconds.
func (p Power) For(s Seconds) Energy {
	q, _ := MulDiv(int64(p), int64(s), 1)
	return Energy(q)
}

// Over returns the mean power of e spread over s seconds, rounded down for
// e ≥ 0, and what is left over.
func (e Energy) Over(s Seconds) (Power, Energy) {
	return Power(e / Energy(s)), e % Energy(s)
}

// Of returns the share r of x, truncated toward zero, with its remainder in
// billionths.
func (r Ratio) Of(x int64) (quo, rem int64) { return MulDiv(x, int64(r), int64(One)) }

// Times returns p scaled by r, truncated to a whole milliwatt.
func (p Power) Times(r Ratio) Power {
	if r == One {
		return p
	}
	q, _ := r.Of(int64(p))
	return Power(q)
}

// Times returns e scaled by r, truncated to a whole millijoule.
func (e Energy) Times(r Ratio) Energy {
	q, _ := r.Of(int64(e))
	return Energy(q)
}

// Watts and WattHours are for screens and files, where a float is enough.
func (p Power) Watts() float64      { return float64(p) / float64(Watt) }
func (e Energy) WattHours() float64 { return float64(e) / float64(WattHour) }

// Float returns r as a float64.
func (r Ratio) Float() float64 { return float64(r) / float64(One) }

// Total is a signed 128-bit sum of energies in millijoules: what a community
// or a grid has moved since the start. The zero Total is 0.
type Total struct {
	hi int64
	lo uint64
}

// Plus returns t + e. It panics with *OverflowError beyond 128 bits.
func (t Total) Plus(e Energy) Total {
	return t.PlusTotal(Total{int64(e) >> 63, uint64(e)})
}

// PlusTotal returns t + u. It panics with *OverflowError beyond 128 bits.
func (t Total) PlusTotal(u Total) Total {
	lo, carry := bits.Add64(t.lo, u.lo, 0)
	hi := t.hi + u.hi + int64(carry)
	if (t.hi < 0) == (u.hi < 0) && (hi < 0) != (t.hi < 0) {
		panic(&OverflowError{"Total"})
	}
	return Total{hi, lo}
}

// Minus returns t − u.
func (t Total) Minus(u Total) Total {
	lo, borrow := bits.Sub64(t.lo, u.lo, 0)
	hi := t.hi - u.hi - int64(borrow)
	if (t.hi < 0) != (u.hi < 0) && (hi < 0) != (t.hi < 0) {
		panic(&OverflowError{"Total"})
	}
	return Total{hi, lo}
}

// Sign is −1, 0 or +1.
func (t Total) Sign() int {
	switch {
	case t.hi < 0:
		return -1
	case t.hi == 0 && t.lo == 0:
		return 0
	}
	return 1
}

// Energy returns t as an Energy, and whether it fits.
func (t Total) Energy() (Energy, bool) {
	return Energy(t.lo), t.hi == int64(t.lo)>>63
}

// WattHours is for screens and files.
func (t Total) WattHours() float64 {
	if t.hi < 0 { // by its magnitude: beside −2^64 a small one would be rounded away
		return -Total{}.Minus(t).WattHours()
	}
	const two64 = 1 << 64
	return (float64(float64(t.hi)*two64) + float64(t.lo)) / float64(WattHour)
}

// Bits returns the two's complement halves of t, for stored forms.
func (t Total) Bits() (hi int64, lo uint64) { return t.hi, t.lo }

// TotalOf is the inverse of Bits.
func TotalOf(hi int64, lo uint64) Total { return Total{hi, lo} }

// Split divides a total in proportion to weights, one part after the other, so
// that the parts add up to the total exactly: after each member it has given
// ⌊total·(weights so far)/weights⌋. With 0 ≤ total ≤ weights no part exceeds its
// member's weight. The order of the calls (by path) decides which member gets
// the last units.
type Split struct{ total, weights, seen, given int64 }

// NewSplit starts dividing total ≥ 0 among members whose weights ≥ 0 add up to
// weights. With weights 0 all parts are 0.
func NewSplit(total, weights Power) Split {
	return Split{total: int64(total), weights: int64(weights)}
}

// Next returns the part of the next member.
func (s *Split) Next(weight Power) Power {
	if weight == 0 || s.weights == 0 {
		return 0
	}
	s.seen += int64(weight)
	upTo, _ := MulDiv(s.total, s.seen, s.weights)
	part := upTo - s.given
	s.given = upTo
	return Power(part)
}

// ErrNumber is wrapped by the error for an unreadable or unrepresentable
// number.
var ErrNumber = errors.New("not a number")

// ParseScaled reads a decimal number times scale as an exact integer: "0.036"
// with scale 1,000,000 (kW to mW) is 36,000. Digits finer than the integer are
// rounded half away from zero. NaN, infinities and numbers that do not fit are
// refused.
func ParseScaled(s string, scale int64) (int64, error) {
	digits, exp, neg, err := decimal(s)
	if err != nil {
		return 0, err
	}
	// value = digits · 10^exp · scale
	hi, lo := bits.Mul64(digits, uint64(scale))
	for ; exp > 0; exp-- {
		h2, l2 := bits.Mul64(lo, 10)
		if hi > (1<<60)/10 {
			return 0, fmt.Errorf("%q: out of range: %w", s, ErrNumber)
		}
		hi, lo = hi*10+h2, l2
	}
	var up bool
	for ; exp < 0 && (hi != 0 || lo != 0); exp++ {
		var r uint64
		hi, r = hi/10, hi%10
		lo, r = bits.Div64(r, lo, 10)
		up = r >= 5
	}
	if exp == 0 && up {
		lo++
	}
	if hi != 0 || lo > 1<<63-1 {
		return 0, fmt.Errorf("%q: out of range: %w", s, ErrNumber)
	}
	return signed(lo, neg), nil
}

// decimal takes a number apart: value = ±digits·10^exp, at most 19 digits.
func decimal(s string) (digits uint64, exp int, neg bool, err error) {
	bad := func() (uint64, int, bool, error) { return 0, 0, false, fmt.Errorf("%q: %w", s, ErrNumber) }
	t := strings.TrimSpace(s)
	if t != "" && (t[0] == '-' || t[0] == '+') {
		neg = t[0] == '-'
		t = t[1:]
	}
	mantissa, power, hasPower := strings.Cut(strings.ToLower(t), "e")
	whole, fraction, _ := strings.Cut(mantissa, ".")
	if whole+fraction == "" {
		return bad()
	}
	if hasPower {
		if exp, err = strconv.Atoi(power); err != nil || exp > 40 || exp < -400 {
			return bad()
		}
	}
	all := strings.TrimLeft(whole+fraction, "0")
	exp -= len(fraction)
	if len(all) > 19 { // beyond what an integer can hold: drop what cannot matter
		exp += len(all) - 19
		for _, c := range all[19:] {
			if c < '0' || c > '9' {
				return bad()
			}
		}
		all = all[:19]
	}
	if all == "" {
		all = "0"
	}
	for _, c := range whole + fraction {
		if c < '0' || c > '9' {
			return bad()
		}
	}
	if digits, err = strconv.ParseUint(all, 10, 64); err != nil {
		return bad()
	}
	return digits, exp, neg, nil
}

// appendScaled writes v / 10^places as an exact decimal: 36 with three places
// is "0.036".
func appendScaled(b []byte, v int64, places int) []byte {
	m := magnitude(v)
	if v < 0 {
		b = append(b, '-')
	}
	scale := uint64(1)
	for range places {
		scale *= 10
	}
	b = strconv.AppendUint(b, m/scale, 10)
	if places == 0 {
		return b
	}
	b = append(b, '.')
	for frac := m % scale; scale > 1; frac %= scale {
		scale /= 10
		b = append(b, byte('0'+frac/scale))
	}
	return b
}

// AppendScaled writes v / 10^places as an exact decimal.
func AppendScaled(b []byte, v int64, places int) []byte { return appendScaled(b, v, places) }

// AppendWatts writes p in watts with three decimals, which is exact.
func (p Power) AppendWatts(b []byte) []byte { return appendScaled(b, int64(p), 3) }

// UnmarshalJSON reads watts.
func (p *Power) UnmarshalJSON(b []byte) error { return unmarshalScaled((*int64)(p), b, int64(Watt)) }

// UnmarshalJSON reads watt hours.
func (e *Energy) UnmarshalJSON(b []byte) error {
	return unmarshalScaled((*int64)(e), b, int64(WattHour))
}

// UnmarshalJSON reads a plain number: 0.95.
func (r *Ratio) UnmarshalJSON(b []byte) error { return unmarshalScaled((*int64)(r), b, int64(One)) }

// UnmarshalJSON reads euro per megawatt hour.
func (p *Price) UnmarshalJSON(b []byte) error { return unmarshalScaled((*int64)(p), b, 1_000_000) }

// UnmarshalJSON reads euro.
func (m *Money) UnmarshalJSON(b []byte) error { return unmarshalScaled((*int64)(m), b, int64(Euro)) }

func unmarshalScaled(v *int64, b []byte, scale int64) error {
	if string(b) == "null" {
		return nil
	}
	x, err := ParseScaled(string(b), scale)
	*v = x
	return err
}
