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

	"github.com/smatrix-grid/smatrix/sim/inputs"
	"github.com/smatrix-grid/smatrix/sim/problem"
	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/twins"
)

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

// marketFile returns a market file of two days. If line is not 0, that line is replaced.
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
	s, err := scenario.Read([]byte(source), "x.yaml", fstest.MapFS{"m.csv": {Data: file}}, scenario.Options{})
	if err != nil {
		return nil, err
	}
	return Build(s)
}

// An impossible market is refused with file, line and reason.
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
			var p *problem.At
			switch {
			case row.want == "" && err != nil:
				t.Error(err)
			case row.want != "" && (!errors.As(err, &p) || !strings.HasPrefix(err.Error(), row.want)):
				t.Errorf("got  %v\nwant %s", err, row.want)
			}
		})
	}
}

// pricesAndCarbon runs a world and returns two columns of its grid.csv.
func pricesAndCarbon(t *testing.T, w *World) (prices, carbon []string) {
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

// grid.csv has the price and carbon of the market file. They change with the file, and
// without a market, or without a mix, their columns are empty.
func TestMarketInGridCSV(t *testing.T) {
	of := func(source string, file []byte) (prices, carbon []string) {
		w, err := marketWorld(source, file)
		if err != nil {
			t.Fatal(err)
		}
		return pricesAndCarbon(t, w)
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
			t.Errorf("quarter %d: %s with the changed file, %s with the first", i, others[i], prices[i])
		}
	}
	if others[4] != "0.936280000" {
		t.Errorf("936.28 €/MWh is %s €/kWh", others[4])
	}
	direct := strings.Replace(marketScenario, "  mix:", "  basis: direct\n  mix:", 1)
	if _, d := of(direct, marketFile(0, "")); d[8] == carbon[8] {
		t.Errorf("carbon of basis direct and life_cycle are both %s", d[8])
	}
	if p, c := of(strings.Replace(marketScenario, "  mix: {coal: coal, wind_onshore: wind}\n", "", 1), marketFile(0, "")); p[0] != prices[0] || c[0] != "" {
		t.Errorf("without a mix: %q and %q", p[0], c[0])
	}
	none := marketScenario[:strings.Index(marketScenario, "market:")] + marketScenario[strings.Index(marketScenario, "producers:"):]
	if p, c := of(none, nil); p[0] != "" || c[0] != "" {
		t.Errorf("without a market: %q and %q", p[0], c[0])
	}
}

// The town and the city have the reference day's prices.
func TestMarketOfTheTown(t *testing.T) {
	if testing.Short() {
		t.Skip("slow under the race detector, which finds no races in a single loop")
	}
	for name, set := range map[string][]string{"town": nil, "city": {"households=200"}} {
		s, err := scenario.Load(name, scenario.Options{Set: set})
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

func series(m *inputs.Market, cal *inputs.Calendar) (prices, carbon []float64) {
	var env twins.Env
	for t := range cal.Steps {
		m.Fill(t, &env)
		prices, carbon = append(prices, float64(env.Price)/1e6), append(carbon, float64(env.Carbon)/1000)
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
