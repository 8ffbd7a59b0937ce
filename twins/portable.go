package twins

import "math"

// The functions of this file give the same bits on every processor. The
// compiler may fuse x*y + z into one rounding on some of them, and package math
// has assembly on others; float64(x*y) + z forbids the first, and plain Go the
// second. Square roots, divisions, Floor, Frexp and Ldexp are exact everywhere.

// Exp is e^x, within one unit in the last place of the true value. The reduction and
// the rational approximation are those of FDLIBM's e_exp (Sun Microsystems,
// 1993).
func Exp(x float64) float64 {
	const (
		ln2Hi = 6.93147180369123816490e-01
		ln2Lo = 1.90821492927058770002e-10
		p1    = 1.66666666666666657415e-01
		p2    = -2.77777777770155933842e-03
		p3    = 6.61375632143793436117e-05
		p4    = -1.65339022054652515390e-06
		p5    = 4.13813679705723846039e-08
	)
	switch {
	case math.IsNaN(x) || math.IsInf(x, 1) || x > 709.782712893384:
		return x * math.Inf(1)
	case x < -745.2:
		return 0
	}
	k := math.Floor(float64(math.Log2E*x) + 0.5)
	hi := x - float64(k*ln2Hi)
	lo := float64(k * ln2Lo)
	r := hi - lo
	t := float64(r * r)
	p := p4 + float64(t*p5)
	p = p3 + float64(t*p)
	p = p2 + float64(t*p)
	p = p1 + float64(t*p)
	c := r - float64(t*p)
	y := 1 - ((lo - float64(r*c)/(2-c)) - hi)
	return math.Ldexp(y, int(k))
}

// Log is the natural logarithm of x > 0, within one unit in the last place; the
// approximation is that of FDLIBM's e_log.
func Log(x float64) float64 {
	const (
		ln2Hi = 6.93147180369123816490e-01
		ln2Lo = 1.90821492927058770002e-10
		l1    = 6.666666666666735130e-01
		l2    = 3.999999999940941908e-01
		l3    = 2.857142874366239149e-01
		l4    = 2.222219843214978396e-01
		l5    = 1.818357216161805012e-01
		l6    = 1.531383769920937332e-01
		l7    = 1.479819860511658591e-01
	)
	if !(x > 0) || math.IsInf(x, 1) {
		if x == 0 {
			return math.Inf(-1)
		}
		if x > 0 {
			return x
		}
		return math.NaN()
	}
	m, exp := math.Frexp(x)
	if m < math.Sqrt2/2 {
		m *= 2
		exp--
	}
	f := m - 1
	k := float64(exp)
	s := f / (2 + f)
	z := float64(s * s)
	w := float64(z * z)
	odd := l5 + float64(w*l7)
	odd = l3 + float64(w*odd)
	odd = l1 + float64(w*odd)
	even := l4 + float64(w*l6)
	even = l2 + float64(w*even)
	r := float64(z*odd) + float64(w*even)
	half := float64(float64(0.5*f) * f)
	return float64(k*ln2Hi) - ((half - (float64(s*(half+r)) + float64(k*ln2Lo))) - f)
}

// Pow is x^y for x > 0, computed by the logarithm: good to about 1e-14 for
// the exponents of physics.
func Pow(x, y float64) float64 { return Exp(float64(y * Log(x))) }
