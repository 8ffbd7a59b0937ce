package twins_test

import (
	"errors"
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"github.com/smatrix-grid/smatrix/twins"
)

func TestMulDivIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := rapid.Int64().Draw(t, "a"), rapid.Int64().Draw(t, "b"), rapid.Int64().Draw(t, "c")
		product := new(big.Int).Mul(big.NewInt(a), big.NewInt(b))
		if c == 0 {
			mustOverflow(t, func() { twins.MulDiv(a, b, c) })
			return
		}
		quo, rem := new(big.Int).QuoRem(product, big.NewInt(c), new(big.Int))
		if !quo.IsInt64() {
			mustOverflow(t, func() { twins.MulDiv(a, b, c) })
			return
		}
		if q, r := twins.MulDiv(a, b, c); q != quo.Int64() || r != rem.Int64() {
			t.Fatalf("MulDiv(%d, %d, %d) = %d, %d, wanted %v, %v", a, b, c, q, r, quo, rem)
		}
	})
}

func TestMulAddDivIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := rapid.Int64Min(0)
		a, b, add, c := g.Draw(t, "a"), g.Draw(t, "b"), g.Draw(t, "add"), rapid.Int64Min(1).Draw(t, "c")
		sum := new(big.Int).Mul(big.NewInt(a), big.NewInt(b))
		sum.Add(sum, big.NewInt(add))
		quo, rem := new(big.Int).QuoRem(sum, big.NewInt(c), new(big.Int))
		if !quo.IsInt64() {
			mustOverflow(t, func() { twins.MulAddDiv(a, b, add, c) })
			return
		}
		if q, r := twins.MulAddDiv(a, b, add, c); q != quo.Int64() || r != rem.Int64() {
			t.Fatalf("got %d, %d, wanted %v, %v", q, r, quo, rem)
		}
	})
}

// The edges of design: a proportional share of a 10 kWh battery is beyond a
// plain int64 product, and an int64 of millijoules ends at 2.56 TWh.
func TestQuantityBoundaries(t *testing.T) {
	for _, row := range []struct {
		name     string
		do       func() int64
		want     int64
		overflow bool
	}{
		{"a third of a 10 kWh battery by shares of 10 kWh",
			func() int64 {
				q, _ := twins.MulDiv(int64(10*twins.KilowattHour), int64(10*twins.KilowattHour), int64(30*twins.KilowattHour))
				return q
			}, 12_000_000_000, false},
		{"the most that an hour's step can hold", func() int64 { return int64(twins.Power(math.MaxInt64 / 3600).For(3600)) }, math.MaxInt64 / 3600 * 3600, false},
		{"one milliwatt more", func() int64 { return int64(twins.Power(math.MaxInt64/3600 + 1).For(3600)) }, 0, true},
		{"the least power for a second", func() int64 { return int64(twins.Power(math.MinInt64).For(1)) }, math.MinInt64, false},
		{"twice that", func() int64 { return int64(twins.Power(math.MinInt64).For(2)) }, 0, true},
		{"2.56 TWh in millijoules", func() int64 { return int64(2562 * twins.GigawattHour) }, 2562 * 3_600_000_000_000_000, false},
		{"a ratio of everything", func() int64 { return int64(twins.Energy(math.MaxInt64).Times(twins.One)) }, math.MaxInt64, false},
		{"more than everything", func() int64 { return int64(twins.Energy(math.MaxInt64).Times(twins.One + 1)) }, 0, true},
		{"division by nothing", func() int64 { q, _ := twins.MulDiv(1, 1, 0); return q }, 0, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			if row.overflow {
				mustOverflow(t, func() { row.do() })
				return
			}
			if got := row.do(); got != row.want {
				t.Fatalf("got %d, wanted %d", got, row.want)
			}
		})
	}
}

func TestTotalGoesBeyondInt64(t *testing.T) {
	var total twins.Total
	want := new(big.Int)
	for range 1000 {
		total = total.Plus(math.MaxInt64)
		want.Add(want, big.NewInt(math.MaxInt64))
	}
	if _, fits := total.Energy(); fits {
		t.Fatal("a thousand times 2.56 TWh is said to fit an Energy")
	}
	hi, lo := total.Bits()
	got := new(big.Int).Lsh(big.NewInt(hi), 64)
	got.Add(got, new(big.Int).SetUint64(lo))
	if got.Cmp(want) != 0 {
		t.Fatalf("got %v, wanted %v", got, want)
	}
	for range 2000 {
		total = total.Plus(-math.MaxInt64)
	}
	if total.Sign() != -1 {
		t.Fatal("the sign is lost")
	}
	mustOverflow(t, func() { twins.TotalOf(math.MaxInt64, math.MaxUint64).Plus(1) })
	mustOverflow(t, func() { twins.TotalOf(math.MinInt64, 0).Plus(-1) })
	mustOverflow(t, func() { twins.TotalOf(math.MinInt64, 0).Minus(twins.TotalOf(0, 1)) })
}

// A negative total is shown as exactly as a positive one.
func TestWattHoursOfNegativeTotals(t *testing.T) {
	for _, e := range []twins.Energy{1, 17, twins.WattHour, 3_465_744_384, math.MaxInt64} {
		plus := twins.Total{}.Plus(e)
		if got, want := (twins.Total{}).Minus(plus).WattHours(), -plus.WattHours(); got != want || want == 0 {
			t.Errorf("%d mJ: −%v Wh, as a negative total %v", e, plus.WattHours(), got)
		}
	}
}

func TestTotalAddsLikeBigIntegers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var total twins.Total
		want := new(big.Int)
		for _, e := range rapid.SliceOf(rapid.Int64()).Draw(t, "energies") {
			total = total.Plus(twins.Energy(e))
			want.Add(want, big.NewInt(e))
		}
		hi, lo := total.Bits()
		got := new(big.Int).Lsh(big.NewInt(hi), 64)
		if got.Add(got, new(big.Int).SetUint64(lo)); got.Cmp(want) != 0 {
			t.Fatalf("got %v, wanted %v", got, want)
		}
		if total.Minus(total).Sign() != 0 {
			t.Fatal("t − t is not 0")
		}
	})
}

func TestSplitAddsUpAndStaysInside(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		weights := rapid.SliceOfN(rapid.Int64Range(0, 1e15), 1, 40).Draw(t, "weights")
		var sum int64
		for _, w := range weights {
			sum += w
		}
		total := rapid.Int64Range(0, sum).Draw(t, "total")
		split := twins.NewSplit(twins.Power(total), twins.Power(sum))
		var given int64
		for _, w := range weights {
			part := int64(split.Next(twins.Power(w)))
			if part < 0 || part > w {
				t.Fatalf("part %d of weight %d", part, w)
			}
			given += part
		}
		if given != total {
			t.Fatalf("gave %d of %d", given, total)
		}
	})
}

func TestBandSplitStaysInsideBands(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var sum twins.Band
		var bands []twins.Band
		for range rapid.IntRange(1, 20).Draw(t, "members") {
			lo := rapid.Int64Range(-1e12, 1e12).Draw(t, "min")
			mid := lo + rapid.Int64Range(0, 1e12).Draw(t, "ref")
			hi := mid + rapid.Int64Range(0, 1e12).Draw(t, "max")
			bands = append(bands, twins.Band{Min: twins.Power(lo), Ref: twins.Power(mid), Max: twins.Power(hi)})
			sum = sum.Plus(bands[len(bands)-1])
		}
		total := twins.Power(rapid.Int64Range(int64(sum.Min), int64(sum.Max)).Draw(t, "total"))
		split := twins.NewBandSplit(total, sum)
		given := twins.Power(0)
		for _, b := range bands {
			p := split.Next(b)
			if p < b.Min || p > b.Max {
				t.Fatalf("%d outside %+v", p, b)
			}
			given += p
		}
		if given != total {
			t.Fatalf("gave %d of %d", given, total)
		}
	})
}

func TestParseScaled(t *testing.T) {
	for _, row := range []struct {
		in    string
		scale int64
		want  int64
		bad   bool
	}{
		{"0.036", 1_000_000, 36_000, false},
		{"14.661", 1_000_000, 14_661_000, false},
		{" 7 ", 1000, 7000, false},
		{"-2.5", 1000, -2500, false},
		{"+2.5", 1000, 2500, false},
		{".5", 1000, 500, false},
		{"1e3", 1000, 1_000_000, false},
		{"1.5E-3", 1000, 2, false},
		{"0.0005", 1000, 1, false},
		{"-0.0005", 1000, -1, false},
		{"0.00049999999999999999999", 1000, 0, false},
		{"9223372036854775807", 1, math.MaxInt64, false},
		{"0.1234567890123456789012345", 1_000_000_000, 123_456_789, false},
		{"9223372036854775808", 1, 0, true},
		{"1e40", 1, 0, true},
		{"1e-400", 1, 0, false},
		{"", 1, 0, true}, {"-", 1, 0, true}, {".", 1, 0, true}, {"NaN", 1, 0, true}, {"Inf", 1, 0, true},
		{"1,5", 1, 0, true}, {"0x10", 1, 0, true}, {"1_000", 1, 0, true}, {"1e", 1, 0, true}, {"--1", 1, 0, true},
	} {
		got, err := twins.ParseScaled(row.in, row.scale)
		if (err != nil) != row.bad || err == nil && got != row.want {
			t.Errorf("ParseScaled(%q, %d) = %d, %v, wanted %d", row.in, row.scale, got, err, row.want)
		}
		if row.bad && !errors.Is(err, twins.ErrNumber) {
			t.Errorf("ParseScaled(%q): %v does not wrap ErrNumber", row.in, err)
		}
	}
}

func TestAppendWattsIsExact(t *testing.T) {
	for p, want := range map[twins.Power]string{0: "0.000", 1: "0.001", -1: "-0.001", 57_358_000: "57358.000", -12_345: "-12.345"} {
		if got := string(p.AppendWatts(nil)); got != want {
			t.Errorf("%d mW: %s, wanted %s", p, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.Int64Range(-1e17, 1e17).Draw(t, "mW")
		back, err := twins.ParseScaled(string(twins.Power(p).AppendWatts(nil)), 1000)
		if err != nil || back != p {
			t.Fatalf("%d mW came back as %d, %v", p, back, err)
		}
	})
}

type fataler interface{ Fatal(...any) }

// mustOverflow requires f to panic with *twins.OverflowError.
func mustOverflow(t fataler, f func()) {
	defer func() {
		if _, ok := recover().(*twins.OverflowError); !ok {
			t.Fatal("no overflow was reported")
		}
	}()
	f()
}
