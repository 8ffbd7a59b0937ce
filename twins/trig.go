package twins

import "math"

// Sine, cosine and their inverses with the same bits on every processor, as in
// portable.go: plain Go, no fused products. The polynomials are those of
// FDLIBM's k_sin, k_cos and s_atan (Sun Microsystems, 1993).

// Sin is the sine of x in radians, within one unit in the last place for
// |x| ≤ 2^20. Beyond that the angle itself is known no better than its last
// bit, and the error is less than what that bit makes.
func Sin(x float64) float64 {
	quadrant, head, tail := quarterTurns(x)
	switch quadrant {
	case 0:
		return sinKernel(head, tail)
	case 1:
		return cosKernel(head, tail)
	case 2:
		return -sinKernel(head, tail)
	}
	return -cosKernel(head, tail)
}

// Cos is the cosine of x in radians, as good as Sin.
func Cos(x float64) float64 {
	quadrant, head, tail := quarterTurns(x)
	switch quadrant {
	case 0:
		return cosKernel(head, tail)
	case 1:
		return -sinKernel(head, tail)
	case 2:
		return -cosKernel(head, tail)
	}
	return sinKernel(head, tail)
}

// quarterTurns takes x apart: x = (4n + quadrant)·π/2 + head + tail, with
// |head| ≤ π/4 or hardly more. π/2 is held in pieces of 33 bits, so that a piece
// times a count of less than 2^20 is exact (Cody and Waite).
func quarterTurns(x float64) (quadrant int, head, tail float64) {
	const (
		first  = 1.57079632673412561417e+00 // π/2, bits 1 … 33
		second = 6.07710050630396597660e-11 // 34 … 66
		third  = 2.02226624871116645580e-21 // 67 … 99
		rest   = 8.47842766036889956997e-32 // of π/2
		most   = 1 << 20
	)
	x = float64(x) // a product of the caller's must not be fused into what follows
	if math.Abs(x) > most {
		if math.IsInf(x, 0) {
			x = math.NaN()
		}
		x = math.Mod(x, 2*math.Pi) // exact in itself
	}
	if math.IsNaN(x) {
		return 0, x, 0
	}
	n := math.Floor(float64(x*(2/math.Pi)) + 0.5)
	a := x - float64(n*first) // exact, since both are near
	b, lost := difference(a, float64(n*second))
	c, lost2 := difference(b, float64(n*third))
	lost += lost2 - float64(n*rest)
	head = c + lost
	tail = (c - head) + lost
	return int(int64(n) & 3), head, tail
}

// difference is a − b rounded, and what the rounding lost (Knuth).
func difference(a, b float64) (d, lost float64) {
	d = a - b
	minus := a - d
	back := d + minus
	return d, (a - back) + (minus - b)
}

// sinKernel is sin(x + tail) for |x| ≤ π/4.
func sinKernel(x, tail float64) float64 {
	const (
		s1 = -1.66666666666666324348e-01
		s2 = 8.33333333332248946124e-03
		s3 = -1.98412698298579493134e-04
		s4 = 2.75573137070700676789e-06
		s5 = -2.50507602534068634195e-08
		s6 = 1.58969099521155010221e-10
	)
	z := float64(x * x)
	v := float64(z * x)
	r := s5 + float64(z*s6)
	r = s4 + float64(z*r)
	r = s3 + float64(z*r)
	r = s2 + float64(z*r)
	correction := float64(z*(float64(0.5*tail)-float64(v*r))) - tail
	return x - (correction - float64(v*s1))
}

// cosKernel is cos(x + tail) for |x| ≤ π/4.
func cosKernel(x, tail float64) float64 {
	const (
		c1 = 4.16666666666666019037e-02
		c2 = -1.38888888888741095749e-03
		c3 = 2.48015872894767294178e-05
		c4 = -2.75573143513906633035e-07
		c5 = 2.08757232129817482790e-09
		c6 = -1.13596475577881948265e-11
	)
	z := float64(x * x)
	r := c5 + float64(z*c6)
	r = c4 + float64(z*r)
	r = c3 + float64(z*r)
	r = c2 + float64(z*r)
	r = c1 + float64(z*r)
	half := float64(0.5 * z)
	w := 1 - half
	return w + (((1 - w) - half) + (float64(float64(z*z)*r) - float64(x*tail)))
}

// Asin is the arc sine of −1 ≤ x ≤ 1, in −π/2 … π/2, within a few units in the
// last place; NaN for other x.
func Asin(x float64) float64 {
	return Atan2(x, math.Sqrt(float64((1-x)*(1+x))))
}

// Acos is the arc cosine of −1 ≤ x ≤ 1, in 0 … π, within a few units in the last
// place; NaN for other x.
func Acos(x float64) float64 {
	return Atan2(math.Sqrt(float64((1-x)*(1+x))), x)
}

// Atan2 is the angle of the point (x, y) as seen from the origin, from the x
// axis towards y, in −π … π, within a few units in the last place. Signs of
// zeros count as in math.Atan2; infinities are not allowed for.
func Atan2(y, x float64) float64 {
	const piRest = 1.2246467991473531772e-16 // of π, beyond math.Pi
	if math.IsNaN(x) || math.IsNaN(y) || math.IsInf(x, 0) || math.IsInf(y, 0) {
		return math.NaN()
	}
	var a float64 // of |y| and |x|, 0 … π/2
	switch ax, ay := math.Abs(x), math.Abs(y); {
	case ay == 0:
	case ax == 0:
		a = math.Pi / 2
	case ay > ax: // keeps the quotient away from overflow
		a = math.Pi/2 - (atanUnit(ax/ay) - piRest/2)
	default:
		a = atanUnit(ay / ax)
	}
	if math.Signbit(x) {
		a = math.Pi - (a - piRest)
	}
	return math.Copysign(a, y)
}

// atanUnit is the arc tangent of 0 ≤ x ≤ 1.
func atanUnit(x float64) float64 {
	const (
		halfHead = 4.63647609000806093515e-01 // atan(1/2)
		halfTail = 2.26987774529616870924e-17
		oneTail  = 3.06161699786838301793e-17 // of π/4
	)
	switch {
	case x < 7.0/16:
		return x - atanOdd(x)
	case x < 11.0/16:
		t := (float64(2*x) - 1) / (2 + x)
		return halfHead - ((atanOdd(t) - halfTail) - t)
	}
	t := (x - 1) / (x + 1)
	return math.Pi/4 - ((atanOdd(t) - oneTail) - t)
}

// atanOdd is x − atan(x) for |x| ≤ 7/16.
func atanOdd(x float64) float64 {
	const (
		a0  = 3.33333333333329318027e-01
		a1  = -1.99999999998764832476e-01
		a2  = 1.42857142725034663711e-01
		a3  = -1.11111104054623557880e-01
		a4  = 9.09088713343650656196e-02
		a5  = -7.69187620504482999495e-02
		a6  = 6.66107313738753120669e-02
		a7  = -5.83357013379057348645e-02
		a8  = 4.97687799461593236017e-02
		a9  = -3.65315727442169155270e-02
		a10 = 1.62858201153657823623e-02
	)
	z := float64(x * x)
	w := float64(z * z)
	even := a8 + float64(w*a10)
	even = a6 + float64(w*even)
	even = a4 + float64(w*even)
	even = a2 + float64(w*even)
	even = a0 + float64(w*even)
	odd := a7 + float64(w*a9)
	odd = a5 + float64(w*odd)
	odd = a3 + float64(w*odd)
	odd = a1 + float64(w*odd)
	return float64(x * (float64(z*even) + float64(w*odd)))
}
