package twins_test

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/smatrix-grid/smatrix/twins"
)

// unitsApart is the distance of two numbers in units in the last place of the
// larger, or of least if both are smaller.
func unitsApart(got, want, least float64) float64 {
	unit := math.Nextafter(math.Max(math.Abs(want), least), math.Inf(1)) - math.Max(math.Abs(want), least)
	return math.Abs(got-want) / unit
}

func TestTrigonometryAgreesWithTheLibrary(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 1))
	worst := map[string]float64{}
	near := func(name string, x, got, want float64) {
		apart := unitsApart(got, want, 1e-300)
		if worst[name] = max(worst[name], apart); !(apart <= 3) {
			t.Fatalf("%s(%v) = %v, wanted %v: %.1f units apart", name, x, got, want, apart)
		}
	}
	for range 300_000 {
		x := (r.Float64() - 0.5) * math.Ldexp(1, r.IntN(21))
		near("Sin", x, twins.Sin(x), math.Sin(x))
		near("Cos", x, twins.Cos(x), math.Cos(x))
		y := (r.Float64() - 0.5) * math.Ldexp(1, r.IntN(40)-20)
		z := (r.Float64() - 0.5) * math.Ldexp(1, r.IntN(40)-20)
		near("Atan2", y/z, twins.Atan2(y, z), math.Atan2(y, z))
	}
	t.Logf("worst, in units in the last place: %v", worst)
}

// math.Asin and math.Acos err by 13 units near 1, so the inverses are checked
// with a sine of 120 bits: its difference from x, divided by the slope, is the
// error.
func TestArcSineAndCosine(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 2))
	for range 5000 {
		x := math.Copysign(1-math.Pow(r.Float64(), 6), r.Float64()-0.5)
		for name, angle := range map[string]float64{"Asin": twins.Asin(x), "Acos": math.Pi/2 - twins.Acos(x)} {
			sine, cosine := bigSine(angle)
			left, _ := sine.Sub(sine, big.NewFloat(x)).Float64()
			most := 3 * (math.Nextafter(math.Abs(angle), 2) - math.Abs(angle))
			if name == "Acos" {
				most = 6e-16 // a unit in the last place of π, and that of the subtraction
			}
			if cosine < 1e-6 { // the slope itself is unsure
				continue
			}
			if math.Abs(left/cosine) > most {
				t.Fatalf("%s(%v) is off by %v", name, x, left/cosine)
			}
		}
	}
}

// bigSine is the sine of an angle by its series, and its cosine.
func bigSine(x float64) (sine *big.Float, cosine float64) {
	exact := func(v float64) *big.Float { return new(big.Float).SetPrec(120).SetFloat64(v) }
	sine, term, square := exact(x), exact(x), exact(x)
	square.Mul(square, square)
	for n := 2.0; n < 60; n += 2 {
		term.Mul(term, square).Quo(term, exact(-n*(n+1)))
		sine.Add(sine, term)
	}
	rest := exact(1)
	rest.Sub(rest, exact(0).Mul(sine, sine)).Abs(rest)
	cosine, _ = rest.Sqrt(rest).Float64()
	return sine, cosine
}

// Near a multiple of π/2 a sine or cosine is the remainder of the reduction:
// it is compared with π to 60 digits.
func TestTrigonometryNearQuarterTurns(t *testing.T) {
	const digits = "1.57079632679489661923132169163975144209858469968755291048747229615390820314310449931401741267105853399107404326"
	quarter, _, err := big.ParseFloat(digits, 10, 300, big.ToNearestEven)
	if err != nil {
		t.Fatal(err)
	}
	for n := int64(1); n < 600_000; n += 1 + n/97 {
		exact := new(big.Float).SetPrec(300).Mul(quarter, big.NewFloat(float64(n)))
		x, _ := exact.Float64()
		left, _ := new(big.Float).SetPrec(300).Sub(new(big.Float).SetPrec(300).SetFloat64(x), exact).Float64()
		got := [4]float64{twins.Sin(x), -twins.Cos(x), -twins.Sin(x), twins.Cos(x)}[n&3]
		if n&1 == 1 {
			got = [4]float64{0, -twins.Cos(x), 0, twins.Cos(x)}[n&3]
		}
		if apart := unitsApart(got, left, 0); apart > 1 {
			t.Fatalf("at %d quarter turns: %v, wanted %v", n, got, left)
		}
	}
}

func TestTrigonometryAtItsEdges(t *testing.T) {
	for _, row := range []struct {
		name      string
		got, want float64
	}{
		{"Sin(0)", twins.Sin(0), 0}, {"Cos(0)", twins.Cos(0), 1},
		{"Asin(1)", twins.Asin(1), math.Pi / 2}, {"Asin(-1)", twins.Asin(-1), -math.Pi / 2},
		{"Acos(1)", twins.Acos(1), 0}, {"Acos(-1)", twins.Acos(-1), math.Pi}, {"Acos(0)", twins.Acos(0), math.Pi / 2},
		{"east", twins.Atan2(0, 1), 0}, {"north", twins.Atan2(1, 0), math.Pi / 2},
		{"west", twins.Atan2(0, -1), math.Pi}, {"south", twins.Atan2(-1, 0), -math.Pi / 2},
		{"west from below", twins.Atan2(math.Copysign(0, -1), -1), -math.Pi},
		{"tiny over huge", twins.Atan2(1e-300, 1e300), 0}, {"huge over tiny", twins.Atan2(1e300, 1e-300), math.Pi / 2},
	} {
		if row.got != row.want || math.Signbit(row.got) != math.Signbit(row.want) {
			t.Errorf("%s = %v, wanted %v", row.name, row.got, row.want)
		}
	}
	for name, got := range map[string]float64{
		"Sin(∞)": twins.Sin(math.Inf(1)), "Cos(NaN)": twins.Cos(math.NaN()),
		"Asin(1.1)": twins.Asin(1.1), "Acos(-1.1)": twins.Acos(-1.1), "Atan2(NaN, 1)": twins.Atan2(math.NaN(), 1),
	} {
		if !math.IsNaN(got) {
			t.Errorf("%s = %v, wanted NaN", name, got)
		}
	}
	for _, x := range []float64{1 << 21, 1e9, -1e12} { // as good as the angle is known
		if got, want := twins.Sin(x), math.Sin(x); math.Abs(got-want) > math.Abs(x)*1.2e-16 {
			t.Errorf("Sin(%v) = %v, wanted %v", x, got, want)
		}
	}
}

func BenchmarkCos(b *testing.B) {
	x, sum := 0.0, 0.0
	for b.Loop() {
		if x += 1.1; x > 3000 {
			x = 0
		}
		sum += twins.Cos(x)
	}
	_ = sum
}
