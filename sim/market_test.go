package sim

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
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
	m, err := ReadMarket(shippedFS(), spec, cal)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// series is the market of each step: €/MWh and g/kWh.
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
		t.Fatalf("%d hours", len(prices))
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

// A kWh of Germany's mix of 2024 had emitted 296 g over its life cycle, with the
// medians of IPCC AR5: the mix without pumped storage and other sources, and with
// all gas as combined cycle, is 0.2 g below it. The direct basis gives more, 308 g:
// its coal is that of old plants, the life cycle's that of newer ones.
func TestMixOf2024(t *testing.T) {
	cal := berlin(t, "2024-01-01", 3600, 366)
	mean := func(basis string) float64 {
		spec := germany()
		spec.Basis = basis
		m := mustMarket(t, spec, cal)
		var emitted, generated float64
		_, carbon := series(m, cal)
		for i, g := range carbon {
			emitted += g * float64(m.rows[i].generated)
			generated += float64(m.rows[i].generated)
		}
		known(t, "generation, TWh", generated/1e9, 410.4, 0.1)
		return emitted / generated
	}
	known(t, "life cycle", mean(""), 296, 0.25)
	direct, byHand := mean(basisDirect), (70.99*1069+27.34*1066+56.92*378)/410.38
	known(t, "direct", direct, byHand, 0.1)
}

// The reference day of the town is a Monday in January with 78 to 130 €/MWh, on
// whatever day of the year of 2018 it lies and whatever the step.
func TestReferenceDay(t *testing.T) {
	for _, step := range []twins.Seconds{60, 900, 3600} {
		spec := germany()
		spec.Calendar = []CalendarPart{{1, "2024-01-01"}}
		cal := berlin(t, "2018-01-08", step, 1)
		prices, _ := series(mustMarket(t, spec, cal), cal)
		known(t, "least", slices.Min(prices), 78, 0.5)
		known(t, "most", slices.Max(prices), 130, 0.5)
		for i, p := range prices { // it holds for the hour
			if hour := i - i%int(3600/step); p != prices[hour] {
				t.Fatalf("step %d: %v after %v in the same hour", i, p, prices[hour])
			}
		}
	}
}

// A calendar lays wall clock on wall clock where the two years change their clocks
// in different weeks: noon is noon, all year.
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
			t.Fatalf("%s: the price of %v o'clock", at, p)
		}
	}
	if skipped != 4 { // 02:00 to 03:00 on the day when the record's clock skips it
		t.Errorf("%d quarter hours of another hour", skipped)
	}
	if slices.Max(carbon) != 0 || m.Mixed {
		t.Error("carbon without a mix")
	}
}

// A step of several intervals has the mean of their prices, and what all their
// generation emitted, rounded to the next micro-euro and milligram.
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
			t.Errorf("%v allocations", n)
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

// The keys of a mix are the technologies that are known, and those of plants have
// the plants' figures.
func TestGenerationSources(t *testing.T) {
	keys := shippedSchemaKeys(t)
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
		t.Errorf("%d technologies of plants", plants)
	}
}

func shippedSchemaKeys(t *testing.T) []string {
	t.Helper()
	s := readJSON(baseSchema)
	return s.get("$defs").get("market").get("properties").get("mix").get("properties").keys
}

const marketScenario = `name: m
start: 2018-01-01
zone: UTC
step_s: 900
market:
  file: m.csv
  columns: {price_eur_per_mwh: price}
  mix: {coal: coal, wind_onshore: wind}
producers:
  - {id: coal, community: c, rated_w: 1000}
communities:
  - id: c
`

// marketFile is a file of two days, with one line changed.
func marketFile(line int, by string) []byte {
	lines := []string{"time,price,coal,wind"}
	for h := range 48 {
		lines = append(lines, fmt.Sprintf("2018-01-%02dT%02d:00Z,%d,%d,10", 1+h/24, h%24, 10*h-50, h))
	}
	if line > 0 {
		lines[line-1] = by
	}
	return []byte(strings.Join(lines, "\n") + "\n")
}

func marketWorld(source string, file []byte) (*World, error) {
	s, err := load([]byte(source), origin{file: "x.yaml", data: fstest.MapFS{"m.csv": {Data: file}}}, Options{})
	if err != nil {
		return nil, err
	}
	return s.Build()
}

// What is said about a market that cannot be: file, line and reason.
func TestBadMarket(t *testing.T) {
	for _, row := range []struct {
		name, old, by string
		line          int
		text, want    string
	}{
		{name: "no such file", old: "m.csv", by: "n.csv", want: "x.yaml:6: market: n.csv: no such file, wanted a CSV beside the scenario"},
		{name: "no price", old: "price_eur_per_mwh: price", want: "x.yaml:7: market.columns: price_eur_per_mwh is missing, wanted column of the price, −10,000…100,000 €/MWh; it holds for the whole interval"},
		{name: "no such column", old: "coal: coal", by: "coal: cole", want: `m.csv:1: no column "cole", wanted one of the header such as "coal"`},
		{name: "unknown technology", old: "wind_onshore: wind", by: "wind: wind", want: `x.yaml:8: unknown key "wind" in market.mix, wanted one of: biogas, biomass, coal, `},
		{name: "column twice", old: "wind_onshore: wind", by: "oil: coal", want: `x.yaml:6: market: m.csv: mix: column "coal" is coal and oil, wanted each column once`},
		{name: "unknown basis", old: "  mix:", by: "  basis: chimney\n  mix:", want: `x.yaml:8: market.basis: "chimney" is unknown, wanted one of: life_cycle, direct`},
		{name: "no Monday", old: "  mix:", by: "  calendar: [{from_week: 1, record_day: 2018-01-02}]\n  mix:", want: "x.yaml:8: market.calendar[0]: record_day: 2018-01-02 is a Tuesday, wanted a Monday: scenario weeks begin on one, and weekdays lie on weekdays"},
		{name: "another year", old: "start: 2018-01-01", by: "start: 2019-01-01", want: "x.yaml:6: market: m.csv: covers 2018-01-01 00:00 to 2018-01-03 00:00, wanted 2019-01-01 00:00, which lies on 2019-01-01 00:00 of the run"},
		{name: "too short", old: "step_s: 900", by: "step_s: 900\ndays: 3", want: "x.yaml:7: market: m.csv: covers 2018-01-01 00:00 to 2018-01-03 00:00, wanted 2018-01-03 00:00, which lies on 2018-01-03 00:00 of the run"},
		{name: "not a number", line: 4, text: "2018-01-01T02:00Z,cheap,1,1", want: `m.csv:4: column "price": "cheap" is not a number, wanted €/MWh`},
		{name: "dear", line: 40, text: "2018-01-02T14:00Z,100000.01,1,1", want: `m.csv:40: column "price": 100000.01 is impossible, wanted a price of -10000 … 100000 €/MWh`},
		{name: "cheap", line: 4, text: "2018-01-01T02:00Z,-10001,1,1", want: `m.csv:4: column "price": -10001 is impossible, wanted a price of -10000 … 100000 €/MWh`},
		{name: "no generation", line: 4, text: "2018-01-01T02:00Z,1,x,1", want: `m.csv:4: column "coal": "x" is not a number, wanted generation`},
		{name: "negative", line: 4, text: "2018-01-01T02:00Z,1,-1,1", want: `m.csv:4: column "coal": -1 is negative, wanted generation of 0 or more`},
		{name: "too much", line: 4, text: "2018-01-01T02:00Z,1,1e10,1", want: `m.csv:4: column "coal": 1e10 is too large, wanted generation of at most 1000000000`},
		{name: "nothing", line: 4, text: "2018-01-01T02:00Z,1,0,0", want: "m.csv:4: the mix adds up to nothing, wanted generation of one technology or more"},
		{name: "empty price", line: 4, text: "2018-01-01T02:00Z,,1,1", want: `m.csv:4: column "price": no value, wanted one: a market's gaps are not filled`},
		{name: "empty mix", line: 4, text: "2018-01-01T02:00Z,1,,1", want: `m.csv:4: column "coal": no value, wanted one: a market's gaps are not filled`},
		{name: "row missing", line: 4, text: "", want: "m.csv:5: no row for 2018-01-01 02:00 before this one, wanted one every 1 h: a market's gaps are not filled"},
		{name: "row missing in a step", old: "step_s: 900", by: "step_s: 3600", line: 4, text: "", want: "m.csv:5: no row for 2018-01-01 02:00 before this one, "},
		{name: "long gap", line: 49, text: "9999-12-31T23:00Z,1,1,1", old: "step_s: 900", by: "step_s: 900\ndays: 2", want: "m.csv:49: no row for 2018-01-02 23:00 before this one, "},
		{name: "does not fit", old: "step_s: 900", by: "step_s: 2700", want: "x.yaml:6: market: m.csv: one value every 1 h does not fit steps of 45 min, wanted one that is a whole number of the other"},
		{name: "does not meet", old: "start: 2018-01-01\nzone: UTC\nstep_s: 900", by: "start: 2018-01-02\nzone: Asia/Kathmandu\nstep_s: 3600",
			want: "m.csv:2: the interval that starts at 2018-01-01 05:45 does not meet the run's step of 1 h at 2018-01-02 00:00, wanted both to start together"},
		{name: "fields", line: 4, text: "2018-01-01T02:00Z,1", want: "m.csv:4: 2 fields, wanted 4 as in the header"},
		{name: "stamp", line: 4, text: "noon,1,1,1", want: `m.csv:4: time "noon" cannot be read, wanted one like 2024-01-31 16:45, 2024-01-31T16:45:00+01:00 or 16:45`},
		{name: "gap not needed", line: 40, text: "2018-01-02T14:00Z,,1,1"},
		{name: "good"},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := marketWorld(strings.Replace(marketScenario, row.old, row.by, 1), marketFile(row.line, row.text))
			var p *Problem
			switch {
			case row.want == "" && err != nil:
				t.Error(err)
			case row.want != "" && (!errors.As(err, &p) || !strings.HasPrefix(err.Error(), row.want)):
				t.Errorf("got  %v\nwant %s", err, row.want)
			}
		})
	}
}

// gridColumns runs a world and returns two columns of its grid.csv.
func gridColumns(t *testing.T, w *World) (prices, carbon []string) {
	t.Helper()
	var readings, grid bytes.Buffer
	sink, err := NewCSV(&readings, &grid)
	if err != nil {
		t.Fatal(err)
	}
	run := Runner{World: w, Stepper: NewFlat(w, twins.MeritOrder{}, false), Sinks: []Sink{sink}}
	if _, err := run.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := sink.Close(); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&grid).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	p, c := slices.Index(rows[0], "price_eur_per_kwh"), slices.Index(rows[0], "co2_g_per_kwh")
	for _, row := range rows[1:] {
		prices, carbon = append(prices, row[p]), append(carbon, row[c])
	}
	return prices, carbon
}

// The file's price and mix are in grid.csv, other ones are other ones, and without
// a market, or a mix, the column is empty.
func TestMarketInGridCSV(t *testing.T) {
	of := func(source string, file []byte) (prices, carbon []string) {
		w, err := marketWorld(source, file)
		if err != nil {
			t.Fatal(err)
		}
		return gridColumns(t, w)
	}
	prices, carbon := of(marketScenario, marketFile(0, ""))
	for i := range prices {
		price, coal := 10*(i/4)-50, float64(i/4)
		got, err := strconv.ParseFloat(carbon[i], 64)
		want := (coal*820 + 10*11) / (coal + 10)
		if prices[i] != strings.Replace(fmt.Sprintf("%.9f", float64(price)/1000), "-0.000000000", "0.000000000", 1) || err != nil || math.Abs(got-want) > 0.0005 {
			t.Fatalf("quarter %d: %s and %s, wanted %d €/MWh and %.3f", i, prices[i], carbon[i], price, want)
		}
	}
	others, same := of(marketScenario, marketFile(3, "2018-01-01T01:00Z,936.28,1,10"))
	for i := range others {
		if changed := i/4 == 1; changed != (others[i] != prices[i]) || same[i] != carbon[i] {
			t.Errorf("quarter %d: %s, was %s", i, others[i], prices[i])
		}
	}
	if others[4] != "0.936280000" {
		t.Errorf("936.28 €/MWh is %s €/kWh", others[4])
	}
	direct := strings.Replace(marketScenario, "  mix:", "  basis: direct\n  mix:", 1)
	if _, d := of(direct, marketFile(0, "")); d[8] == carbon[8] {
		t.Errorf("direct and life cycle are both %s", d[8])
	}
	if p, c := of(strings.Replace(marketScenario, "  mix: {coal: coal, wind_onshore: wind}\n", "", 1), marketFile(0, "")); p[0] != prices[0] || c[0] != "" {
		t.Errorf("without a mix: %q and %q", p[0], c[0])
	}
	none := marketScenario[:strings.Index(marketScenario, "market:")] + marketScenario[strings.Index(marketScenario, "producers:"):]
	if p, c := of(none, nil); p[0] != "" || c[0] != "" {
		t.Errorf("without a market: %q and %q", p[0], c[0])
	}
}

// The town and the city see the reference day's prices.
func TestMarketOfTheTown(t *testing.T) {
	if testing.Short() {
		t.Skip("long for the race detector, which finds nothing where one loop steps")
	}
	for name, set := range map[string][]string{"town": nil, "city": {"households=200"}} {
		s, err := Load(name, Options{Set: set})
		if err != nil {
			t.Fatal(err)
		}
		prices, carbon := series(mustBuild(t, s).Market, s.Calendar)
		known(t, name+": least price", slices.Min(prices), 78, 0.5)
		known(t, name+": most", slices.Max(prices), 130, 0.5)
		if mean := meanAll(carbon); mean < 150 || mean > 600 {
			t.Errorf("%s: %.0f g/kWh", name, mean)
		}
	}
}
