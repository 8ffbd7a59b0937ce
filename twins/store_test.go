package twins

import (
	"math/big"
	"math/rand/v2"
	"testing"
)

// driftSteps is how often a store is charged and discharged by an odd amount;
// with -tags long a billion times.
var driftSteps = 2_000_000

// After any number of steps a store has gained what exact arithmetic says,
// rounded down once.
func TestStoreDriftsByNothing(t *testing.T) {
	if err := drift(func(s *store, e Energy, eff Ratio) (Energy, int64) { return s.charged(e, eff) }); err != "" {
		t.Fatal(err)
	}
}

// A store that forgets its remainders drifts, and the test sees it.
func TestStoreDriftsByNothingSabotaged(t *testing.T) {
	if drift(func(s *store, e Energy, eff Ratio) (Energy, int64) {
		gain, _ := s.charged(e, eff)
		return gain, 0
	}) == "" {
		t.Fatal("the remainders were dropped without an error")
	}
}

func drift(charge func(*store, Energy, Ratio) (Energy, int64)) string {
	const in, out = Ratio(950_600_001), Ratio(948_683_298)
	r := rand.New(rand.NewPCG(1, 1))
	var s store
	var drawn, delivered, gained, taken int64
	for range driftSteps {
		e := Energy(r.Int64N(9_000))
		gain, rem := charge(&s, e, in)
		s.held, s.in = s.held+gain, rem
		drawn, gained = drawn+int64(e), gained+int64(gain)

		e = min(Energy(r.Int64N(9_000)), Energy(s.held/2))
		drop, rem := s.drained(e, out)
		s.held, s.out = s.held-drop, rem
		delivered, taken = delivered+int64(e), taken+int64(drop)
	}
	exact := func(e int64, num, den Ratio) int64 {
		x := new(big.Int).Mul(big.NewInt(e), big.NewInt(int64(num)))
		return x.Quo(x, big.NewInt(int64(den))).Int64()
	}
	switch {
	case gained != exact(drawn, in, One):
		return "charging has drifted"
	case taken != exact(delivered, One, out):
		return "discharging has drifted"
	case int64(s.held) != gained-taken:
		return "the store does not hold what it gained less what was taken"
	}
	return ""
}

func TestRoomAndYieldNeverPassTheBand(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	for range 200_000 {
		const eff = Ratio(948_683_298)
		full := Energy(1 + r.Int64N(1e12))
		s := store{held: Energy(r.Int64N(int64(full) + 1)), in: r.Int64N(int64(One)), out: r.Int64N(int64(eff))}
		step := Seconds(1 + r.Int64N(3600))
		if gain, _ := s.charged(s.room(full, eff, step).For(step), eff); s.held+gain > full {
			t.Fatalf("%+v: charging with its room of %d s passes %d", s, step, full)
		}
		if gain, _ := s.charged((s.room(full, eff, step) + 1).For(step), eff); s.held < full && s.held+gain < full {
			t.Fatalf("%+v: one milliwatt more would have fitted below %d", s, full)
		}
		floor := Energy(r.Int64N(int64(full)))
		if drop, _ := s.drained(s.yield(floor, eff, step).For(step), eff); s.held >= floor && s.held-drop < floor {
			t.Fatalf("%+v: discharging with its yield of %d s passes %d", s, step, floor)
		}
	}
}
