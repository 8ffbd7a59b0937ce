package inputs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/smatrix-grid/smatrix/twins"
)

// germany is the shipped year of prices and mix.
func germany() (s MarketSpec) {
	s.File, s.Time.Column, s.Time.Zone, s.Price = "market/de-2024.csv.gz", "start_utc", "Europe/Berlin", "de_lu_eur_mwh"
	s.Mix = map[string]string{"lignite": "lignite_mwh", "coal": "hard_coal_mwh", "combined_cycle": "gas_mwh", "biomass": "biomass_mwh",
		"hydro": "hydro_mwh", "wind_onshore": "wind_onshore_mwh", "wind_offshore": "wind_offshore_mwh", "solar_roof": "solar_mwh"}
	return s
}

func berlin(t testing.TB, start string, step twins.Seconds, days int) *Calendar {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	from, err := time.ParseInLocation("2006-01-02", start, zone)
	if err != nil {
		t.Fatal(err)
	}
	cal := NewCalendar(from, step, 0)
	if cal.Steps, err = cal.StepsOfDays(days); err != nil {
		t.Fatal(err)
	}
	return cal
}

func mustMarket(t testing.TB, spec MarketSpec, cal *Calendar) *Market {
	t.Helper()
	m, err := ReadMarket(shippedFiles(), spec, cal)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// series returns the market of each step: €/MWh and g/kWh.
func series(m *Market, cal *Calendar) (prices, carbon []float64) {
	var env twins.Env
	for t := range cal.Steps {
		m.Fill(t, &env)
		prices, carbon = append(prices, float64(env.Price)/1e6), append(carbon, float64(env.Carbon)/1e3)
	}
	return prices, carbon
}

func meanAll(values []float64) (mean float64) {
	for _, v := range values {
		mean += v / float64(len(values))
	}
	return mean
}

func known(t *testing.T, what string, got, want, within float64) {
	t.Helper()
	if t.Logf("%s: %.3f, known as %v", what, got, want); math.Abs(got-want) > within {
		t.Errorf("%s: %.3f, wanted %v ± %v", what, got, want, within)
	}
}

// Prices of 2024 as SMARD published them: mean 78.51 €/MWh, 457 negative hours,
// −135.45 to 936.28; 5 to 95 % lie between 0 and 143, and a day spans 111 on
// average.
func TestPricesOf2024(t *testing.T) {
	cal := berlin(t, "2024-01-01", 3600, 366)
	prices, _ := series(mustMarket(t, germany(), cal), cal)
	if len(prices) != 8784 {
		t.Fatalf("%d hours, wanted 8784", len(prices))
	}
	negative, spread, env := 0, 0.0, twins.Env{}
	days := map[int32][]float64{}
	for i, p := range prices {
		if p < 0 {
			negative++
		}
		cal.Fill(twins.Tick(i), &env)
		days[env.Day] = append(days[env.Day], p)
	}
	for _, day := range days {
		spread += (slices.Max(day) - slices.Min(day)) / float64(len(days))
	}
	known(t, "mean", meanAll(prices), 78.51, 0.005)
	known(t, "negative hours", float64(negative), 457, 0)
	known(t, "mean span of a day", spread, 111, 0.5)
	slices.Sort(prices)
	known(t, "least", prices[0], -135.45, 0)
	known(t, "most", prices[len(prices)-1], 936.28, 0)
	known(t, "5 %", prices[len(prices)*5/100], 0, 0.5)
	known(t, "95 %", prices[len(prices)*95/100], 143, 0.5)
}

// One kWh of Germany's mix of 2024 emitted 296 g over its life cycle, with the
// medians of IPCC AR5. The mix without pumped storage and other sources, and
// with all gas as combined cycle, is 0.2 g below that. The direct basis gives
// more, 308 g, because its coal is burnt in old plants and that of the life
// cycle in newer ones.
func TestMixOf2024(t *testing.T) {
	cal := berlin(t, "2024-01-01", 3600, 366)
	mean := func(basis string) float64 {
		spec := germany()
		spec.Basis = basis
		rules, err := newRecordingRules(spec.recording(), cal)
		if err != nil {
			t.Fatal(err)
		}
		r := marketReader{spec: spec, rules: rules}
		if err := r.read(shippedFiles()); err != nil {
			t.Fatal(err)
		}
		var emitted, generated float64
		_, carbon := series(&r.market, cal)
		for i, g := range carbon {
			emitted += g * float64(r.rows[i].generated)
			generated += float64(r.rows[i].generated)
		}
		known(t, "generation, TWh", generated/1e9, 410.4, 0.1)
		return emitted / generated
	}
	known(t, "life cycle", mean(""), 296, 0.25)
	direct, byHand := mean(basisDirect), (70.99*1069+27.34*1066+56.92*378)/410.38
	known(t, "direct", direct, byHand, 0.1)
}

// The reference day of the town is a Monday in January with 78 to 130 €/MWh, on
// whatever day of 2018 it is placed and whatever the step.
func TestReferenceDay(t *testing.T) {
	for _, step := range []twins.Seconds{60, 900, 3600} {
		spec := germany()
		spec.Calendar = []CalendarPart{{1, "2024-01-01"}}
		cal := berlin(t, "2018-01-08", step, 1)
		prices, _ := series(mustMarket(t, spec, cal), cal)
		known(t, "least", slices.Min(prices), 78, 0.5)
		known(t, "most", slices.Max(prices), 130, 0.5)
		for i, p := range prices { // a price holds for an hour
			if hour := i - i%int(3600/step); p != prices[hour] {
				t.Fatalf("step %d: price %v, wanted %v as in the rest of the hour", i, p, prices[hour])
			}
		}
	}
}

// A calendar maps wall time to wall time although the clocks of the two years
// change in different weeks: noon is noon, all year.
func TestMarketKeepsTheWallClock(t *testing.T) {
	var file strings.Builder
	file.WriteString("start,price\n")
	plain := berlin(t, "2023-12-31", 3600, 368)
	for i := range plain.Steps {
		at := plain.Time(i)
		fmt.Fprintf(&file, "%s,%d\n", at.UTC().Format(time.RFC3339), at.Hour())
	}
	spec := MarketSpec{File: "hours.csv", Price: "price", Calendar: []CalendarPart{{1, "2024-01-01"}}}
	spec.Time.Column, spec.Time.Zone = "start", "Europe/Berlin"
	cal := berlin(t, "2018-01-01", 900, 400)
	m, err := ReadMarket(fstest.MapFS{"hours.csv": {Data: []byte(file.String())}}, spec, cal)
	if err != nil {
		t.Fatal(err)
	}
	prices, carbon := series(m, cal)
	skipped := 0
	for i, p := range prices {
		at := cal.Time(twins.Tick(i))
		if int(p) == at.Hour() {
			continue
		}
		if skipped++; at.Hour() != 2 || p != 3 {
			t.Fatalf("%s: has the price of %v o'clock", at, p)
		}
	}
	if skipped != 4 { // 02:00 to 03:00 on the day on which the record's clocks skip this hour
		t.Errorf("%d quarter hours have the price of another hour, wanted 4", skipped)
	}
	if slices.Max(carbon) != 0 || m.Mixed {
		t.Error("carbon without a mix")
	}
}

// A step of several intervals has the mean of their prices, and their emissions
// divided by their generation, rounded to the nearest micro-euro and milligram.
func TestMarketOfLongSteps(t *testing.T) {
	const text = "time,price,coal,wind\n2018-01-01 00:00,-5,1,0\n2018-01-01 00:15,10.000001,0,3\n2018-01-01 00:30,0,0.5,0.5\n2018-01-01 00:45,0,0,2\n"
	spec := MarketSpec{File: "m.csv", Price: "price", Mix: map[string]string{"coal": "coal", "wind_onshore": "wind"}}
	for _, row := range []struct {
		step          twins.Seconds
		price, carbon []int64
	}{
		{900, []int64{-5_000_000, 10_000_001, 0, 0}, []int64{820_000, 11_000, 415_500, 11_000}},
		{1800, []int64{2_500_001, 0}, []int64{213_250, 145_833}},
		{3600, []int64{1_250_000}, []int64{184_357}},
	} {
		cal := berlin(t, "2018-01-01", row.step, 1)
		cal.Steps = twins.Tick(3600 / row.step)
		m, err := ReadMarket(fstest.MapFS{"m.csv": {Data: []byte(text)}}, spec, cal)
		if err != nil {
			t.Fatal(err)
		}
		var env twins.Env
		for i := range row.price {
			if m.Fill(twins.Tick(i), &env); int64(env.Price) != row.price[i] || env.Carbon != row.carbon[i] {
				t.Errorf("steps of %d s, %d: %d and %d, wanted %d and %d", row.step, i, env.Price, env.Carbon, row.price[i], row.carbon[i])
			}
		}
		if n := testing.AllocsPerRun(10, func() { m.Fill(0, &env) }); n != 0 {
			t.Errorf("%v allocations per step, wanted none", n)
		}
	}
}

// A step that lacks one of its intervals is refused.
func TestMarketGapWithinAStep(t *testing.T) {
	const text = "time,price\n2018-01-01 00:00,1\n2018-01-01 00:15,2\n2018-01-01 00:45,3\n2018-01-01 01:00,4\n"
	cal := berlin(t, "2018-01-01", 3600, 1)
	cal.Steps = 1
	_, err := ReadMarket(fstest.MapFS{"m.csv": {Data: []byte(text)}}, MarketSpec{File: "m.csv", Price: "price"}, cal)
	const want = "m.csv:4: no row for 2018-01-01 00:30 before this one, wanted one every 15 min: a market's gaps are not filled"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// The keys of a mix in the schema are the known technologies. Technologies of
// plants have the plants' figures.
func TestGenerationSources(t *testing.T) {
	keys := schemaTechnologies(t)
	if want := sourceNames(); !slices.Equal(keys, want) {
		t.Errorf("the schema has %v, wanted %v", keys, want)
	}
	plants := 0
	for _, s := range generationSources {
		slab, err := twins.Producer.New(&twins.Site{Step: 900}, []twins.Member{{Path: "grid/c/p",
			Spec: fmt.Appendf(nil, `{"technology": %q, "rated_w": 1000, "initially": "on", "available": true}`, s.name)}})
		if err != nil || !slices.Contains([]string{"coal", "lignite", "gas_engine", "gas_turbine", "combined_cycle", "oil", "nuclear", "hydro", "biogas"}, s.name) {
			continue
		}
		plants++
		if p := slab.(twins.Generator).Plant(0); p.CO2Direct != int64(s.direct) || p.CO2LifeCycle != int64(s.lifeCycle) {
			t.Errorf("%s: %d and %d, a plant has %d and %d", s.name, s.direct, s.lifeCycle, p.CO2Direct, p.CO2LifeCycle)
		}
	}
	if plants != 9 {
		t.Errorf("%d technologies are of plants, wanted 9", plants)
	}
}

// schemaTechnologies returns the keys of a market's mix in the scenario's
// schema, in its order.
func schemaTechnologies(t *testing.T) (keys []string) {
	t.Helper()
	b, err := os.ReadFile("../scenario/schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Defs struct {
			Market struct {
				Properties struct {
					Mix struct{ Properties json.RawMessage }
				}
			}
		} `json:"$defs"`
	}
	if err := json.Unmarshal(b, &schema); err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(schema.Defs.Market.Properties.Mix.Properties))
	if _, err := d.Token(); err != nil { // {
		t.Fatal(err)
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			t.Fatal(err)
		}
		var of json.RawMessage
		if err := d.Decode(&of); err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key.(string))
	}
	return keys
}
