package twins_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/smatrix-grid/smatrix/twins"
)

func TestExpAndLogAgreeWithTheLibrary(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	near := func(name string, x, got, want, tolerance float64) {
		if math.Abs(got-want) > tolerance*math.Abs(want) {
			t.Fatalf("%s(%v) = %v, wanted %v", name, x, got, want)
		}
	}
	for range 200_000 {
		x := (r.Float64() - 0.5) * 200
		near("Exp", x, twins.Exp(x), math.Exp(x), 4e-16)
		y := math.Exp(x)
		near("Log", y, twins.Log(y), math.Log(y), 4e-16)
		base, power := r.Float64()*3+0.01, (r.Float64()-0.5)*6
		near("Pow", base, twins.Pow(base, power), math.Pow(base, power), 1e-13)
	}
	for x, want := range map[float64]float64{0: 1, 800: math.Inf(1), -800: 0, math.Inf(-1): 0} {
		if got := twins.Exp(x); got != want {
			t.Errorf("Exp(%v) = %v, wanted %v", x, got, want)
		}
	}
	if !math.IsInf(twins.Log(0), -1) || !math.IsNaN(twins.Log(-1)) || twins.Log(1) != 0 {
		t.Error("Log at its edges")
	}
}
