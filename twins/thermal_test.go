package twins

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"math"
	"math/big"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestDecayAgreesWithTheLibrary(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 100_000 {
		x := math.Exp(r.Float64()*20 - 15)
		gone, early := decay(x)
		if want := -math.Expm1(-x); math.Abs(gone-want) > 4e-16*want {
			t.Fatalf("1 − e^−%v = %v, wanted %v", x, gone, want)
		}
		if want := 1 - gone/x; math.Abs(early-want) > 1e-15/x+1e-15 {
			t.Fatalf("1 − (1 − e^−x)/x at %v = %v, wanted %v", x, early, want)
		}
	}
	if gone, early := decay(0); gone != 0 || early != 0 {
		t.Error("a body that does not leak has lost something")
	}
}

// toReach is the least energy that reaches the target: one millijoule less does
// not.
func TestToReachIsExact(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 1))
	for range 20_000 {
		b := newThermal(Energy(1e7+r.Int64N(1e11)), 3600*math.Exp(r.Float64()*5), Seconds(1+r.Int64N(3600)))
		b.held, b.lostRem = b.at(temperature(r.Int64N(60e6))), r.Int64N(unity)
		target, around := b.at(temperature(r.Int64N(60e6))), b.at(temperature(r.Int64N(60e6)-20e6))
		in := b.toReach(target, around)
		if b.after(around, in) < target || b.after(around, in-1) >= target {
			t.Fatalf("%+v: %d mJ reach %d, one less %d, wanted %d", b, in, b.after(around, in), b.after(around, in-1), target)
		}
	}
}

// The body's loss is the closed form, rounded once and without drift: after a
// year of steps it is within a millijoule of the exact sum.
func TestLossIsTheClosedForm(t *testing.T) {
	const perKelvin, step = 9 * KilowattHour, 900
	b := newThermal(perKelvin, 50*3600, step)
	b.held = b.at(21 * degree)
	around, in := b.at(-3*degree), (2 * Kilowatt).For(step)
	gone, early := big.NewRat(b.gone, unity), big.NewRat(b.early, unity)
	exact := new(big.Rat)
	for range 35_040 {
		x := new(big.Rat).Mul(gone, big.NewRat(int64(b.held-around), 1))
		exact.Add(exact, x.Add(x, new(big.Rat).Mul(early, big.NewRat(int64(in), 1))))
		lost, rem := b.lost(around, in)
		if rem < 0 || rem >= unity {
			t.Fatalf("remainder %d outside 0…2^60", rem)
		}
		exact.Sub(exact, big.NewRat(int64(lost), 1))
		b.held += in - lost
		b.lostRem = rem
	}
	if left, _ := exact.Float64(); left < 0 || left >= 1 {
		t.Errorf("%v mJ have drifted away in a year, wanted 0…1", left)
	}
	// −3 °C + 2 kW / 180 W/K
	if got, want := b.temperature(b.held).celsius(), -3+2000/180.0; math.Abs(got-want) > 1e-3 {
		t.Errorf("settles at %v °C, wanted %v", got, want)
	}
}

// partEntry is an entry of a part with the defaults of its schema, except the
// changed keys.
func partEntry(t testing.TB, k *PartKind, change map[string]any) []byte {
	t.Helper()
	var schema struct {
		Properties map[string]struct {
			Default any `json:"default"`
		} `json:"properties"`
	}
	if err := json.Unmarshal([]byte(k.Schema), &schema); err != nil {
		t.Fatal(err)
	}
	entry := map[string]any{}
	for key, p := range schema.Properties {
		entry[key] = p.Default
	}
	for key, v := range change {
		if _, ok := entry[key]; !ok {
			t.Fatalf("%s has no key %s", k.Name, key)
		}
		entry[key] = v
	}
	b, err := json.Marshal(entry)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func newPart(t testing.TB, k *PartKind, step Seconds, change map[string]any) PartSlab {
	t.Helper()
	s, err := k.New(&Site{Step: step, Seed: 1}, []Member{{Path: "grid/c/h1." + k.Name, Spec: partEntry(t, k, change)}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func newHeatPumpRow(t testing.TB, step Seconds, change map[string]any) *heatPumpRow {
	return newPart(t, heatPump, step, change).(interface{ Row(int) *heatPumpRow }).Row(0)
}

func newTank(t testing.TB, step Seconds, change map[string]any) *hotWaterRow {
	return newPart(t, hotWater, step, change).(interface{ Row(int) *hotWaterRow }).Row(0)
}

// partRow is the methods of a part's state that the tests use.
type partRow interface {
	Offer(env *Env) Band
	Step(env *Env, p Power, ev *Events) Power
	Apply(e *Event)
}

// stepPart takes a part through one step; choose picks the power from its band.
func stepPart(row partRow, env *Env, ev *Events, choose func(Band) Power) (Band, Power) {
	b := row.Offer(env)
	ev.Reset()
	p := row.Step(env, choose(b), ev)
	for i := range ev.list {
		row.Apply(&ev.list[i])
	}
	return b, p
}

func reference(b Band) Power { return b.Ref }

// within picks a power of the band at random, its ends more often.
func within(r *rand.Rand) func(Band) Power {
	return func(b Band) Power {
		switch r.IntN(4) {
		case 0:
			return b.Min
		case 1:
			return b.Max
		}
		return b.Min + Power(r.Int64N(int64(b.Max-b.Min)+1))
	}
}

// sample is one row of a file of weather.
type sample struct{ temperature, ghi float64 }

// readWeather reads temperature and irradiance of each row of a file, nil if
// there is no such file.
func readWeather(t testing.TB, file string) (w []sample) {
	t.Helper()
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	var r io.Reader = bytes.NewReader(b)
	if strings.HasSuffix(file, ".gz") {
		if r, err = gzip.NewReader(r); err != nil {
			t.Fatal(err)
		}
	}
	rows, err := csv.NewReader(r).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	number := func(row []string, names ...string) float64 {
		at := slices.IndexFunc(rows[0], func(column string) bool { return slices.Contains(names, column) })
		v, err := strconv.ParseFloat(row[at], 64)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, row := range rows[1:] {
		w = append(w, sample{number(row, "temperature_c", "temperature"), number(row, "ghi_w_per_m2", "ghi")})
	}
	return w
}

// eachStep calls do for every step of half-hourly weather.
func eachStep(w []sample, step Seconds, do func(env *Env)) {
	for t := Tick(0); int(t)*int(step) < 1800*len(w); t++ {
		env := envAt(t, step)
		s := w[int(t)*int(step)/1800]
		env.Weather.Temperature, env.Weather.GHI = s.temperature, s.ghi
		do(&env)
	}
}

// envAt is a step without weather.
func envAt(t Tick, step Seconds) Env {
	seconds := int64(t) * int64(step)
	return Env{Tick: t, Step: step, Day: int32(seconds / 86400), SecondOfDay: int32(seconds % 86400)}
}

// sampled draws a random entry of a part.
func sampled(k *PartKind, r *rand.Rand) string {
	return k.Sample(func(lo, hi int64) int64 { return lo + r.Int64N(hi-lo+1) })
}
