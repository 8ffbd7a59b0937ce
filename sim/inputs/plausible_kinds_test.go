package inputs

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/smatrix-grid/smatrix/sim/problem"
)

// Which doubt a column of each role may have: a row for each kind of values that give one in some
// role. A counter is one of energy alone, a price that rises is not; a row that catches up needs
// an energy; what a home can draw bounds what homes draw. Weather may lack a day. - is none, and ! is a file
// that is refused.
func TestDoubtsOfEachRole(t *testing.T) {
	kinds := []string{problem.WarnCounter, problem.WarnThousands, problem.WarnCatchUp, problem.WarnGap, problem.WarnInterval, problem.WarnUnit, problem.WarnSpike}
	rising := many(48, counting(40, 0.4, 1)) // between the bounds of every quantity
	grouped := many(48, func(i int) string { return []string{"1.042", "187"}[i%2] })
	catches := append(append(same(20, "1"), "-", "-", "-", "-", "-", "-", "7"), same(21, "1")...)
	outage := append(append(same(20, "1"), same(14, "-")...), same(14, "1")...)
	spike := append(append(many(20, usualLoad), "2900"), many(27, usualLoad)...)
	for _, role := range []struct {
		name string
		read func(t *testing.T, values []string) ([]problem.Warning, error)
		want [5]string // rising, grouped, catches, outage, spike
	}{
		{"energy of a home", ofRecording("kWh", "", true), [5]string{"counter", "thousands", "catch_up", "gap", "spike"}},
		{"energy of no home", ofRecording("kWh", "", false), [5]string{"counter", "thousands", "catch_up", "gap", "-"}},
		{"power of a home", ofRecording("kW", "", true), [5]string{"counter", "thousands", "gap", "gap", "spike"}},
		{"power of no home", ofRecording("kW", "", false), [5]string{"counter", "thousands", "gap", "gap", "-"}},
		{"counter of a home", ofRecording("kWh", readingCounter, true), [5]string{"-", "!", "gap", "gap", "!"}},
		{"price", ofMarket(PriceColumn), [5]string{"-", "thousands", "!", "!", "-"}},
		{"generation of a mix", ofMarket("coal"), [5]string{"-", "thousands", "!", "!", "-"}},
		{"temperature", ofWeather("temperature_c"), [5]string{"unit", "!", "-", "-", "!"}},
		{"wind", ofWeather("wind_m_per_s"), [5]string{"-", "!", "-", "-", "!"}},
		{"irradiance", ofWeather("ghi_w_per_m2"), [5]string{"-", "thousands unit", "-", "-", "!"}},
		{"energy of sessions", ofSessions, [5]string{"-", "thousands", "!", "!", "-"}},
	} {
		for i, values := range [5][]string{rising, grouped, catches, outage, spike} {
			name := role.name + ": " + []string{"rising", "grouped", "catches up", "outage", "spike"}[i]
			found, err := role.read(t, values)
			var got []string
			for _, w := range found {
				if slices.Contains(kinds, w.Kind) {
					got = append(got, w.Kind)
				}
			}
			slices.Sort(got)
			text := strings.Join(slices.Compact(got), " ")
			switch {
			case err != nil:
				text = "!"
			case text == "":
				text = "-"
			}
			if text != role.want[i] {
				t.Errorf("%s: %q, wanted %q: %v %v", name, text, role.want[i], found, err)
			}
		}
	}
}

func ofRecording(unit, reading string, home bool) func(*testing.T, []string) ([]problem.Warning, error) {
	return func(t *testing.T, values []string) ([]problem.Warning, error) {
		spec := recordedAs(inUnit(unit), withGaps(gapsLinear))
		if spec.Format.Reading = reading; home {
			spec.Homes = map[string]float64{"home": 1}
		}
		r, err := ReadRecording(fileOf(spec, "time,home\n"+rowsOf(jan8, 60, values...)), spec, berlinDays(t, 1))
		if err != nil {
			return nil, err
		}
		return r.Warnings, nil
	}
}

// ofMarket reads values as those of one column of a market, whose others are plain.
func ofMarket(column string) func(*testing.T, []string) ([]problem.Warning, error) {
	return func(t *testing.T, values []string) ([]problem.Warning, error) {
		head := map[bool]string{true: "time,price,wind\n", false: "time,coal,price,wind\n"}[column == PriceColumn]
		spec := MarketSpec{File: "m.csv", Price: "price", Mix: map[string]string{"wind_onshore": "wind"}}
		if column != PriceColumn {
			spec.Mix[column] = column
		}
		text := head
		for i, v := range values {
			switch at := time.Date(2018, 1, 8, i, 0, 0, 0, time.UTC).Format("2006-01-02T15:04"); {
			case v == "-":
			case column == PriceColumn:
				text += fmt.Sprintf("%s,%s,%d.5\n", at, v, 50+i%7)
			default:
				text += fmt.Sprintf("%s,%s,%d.25,%d.5\n", at, v, 50+i%5, 50+i%7)
			}
		}
		m, err := ReadMarket(fstest.MapFS{"m.csv": {Data: []byte(text)}}, spec, berlinDays(t, 1))
		if err != nil {
			return nil, err
		}
		return m.Warnings, nil
	}
}

// ofWeather reads values as those of one quantity, with a night in Berlin for the others.
func ofWeather(quantity string) func(*testing.T, []string) ([]problem.Warning, error) {
	return func(t *testing.T, values []string) ([]problem.Warning, error) {
		spec := WeatherSpec{File: "w.csv", Gaps: gapsClearSky, Place: Place{Latitude: 52, Longitude: 13}, Columns: map[string]string{"ghi_w_per_m2": "ghi", "temperature_c": "temperature", "wind_m_per_s": "wind"}}
		text := "time,ghi,temperature,wind\n"
		for i, v := range values {
			if v == "-" {
				continue
			}
			fields := map[string]string{"ghi_w_per_m2": "0", "temperature_c": fmt.Sprintf("%d.5", i%7), "wind_m_per_s": fmt.Sprintf("%d.5", i%5)}
			fields[quantity] = v
			text += fmt.Sprintf("%s,%s,%s,%s\n", time.Date(2018, 1, 8, i, 0, 0, 0, time.UTC).Format("2006-01-02T15:04"), fields["ghi_w_per_m2"], fields["temperature_c"], fields["wind_m_per_s"])
		}
		w, err := ReadWeather(fstest.MapFS{"w.csv": {Data: []byte(text)}}, spec, berlinDays(t, 1))
		if err != nil {
			return nil, err
		}
		return w.Warnings, nil
	}
}

// ofSessions reads values as the energies of sessions, one on each day.
func ofSessions(t *testing.T, values []string) ([]problem.Warning, error) {
	text := "user,arrive,leave,energy\n"
	for i, v := range values {
		day := time.Date(2018, 1, 8+i, 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
		text += fmt.Sprintf("a,%s 08:00,%s 18:00,%s\n", day, day, v)
	}
	s, err := ReadSessions(fstest.MapFS{"s.csv": {Data: []byte(text)}}, SessionsSpec{ID: "s", File: "s.csv", Unit: "kWh"}, berlinDays(t, 1))
	if err != nil {
		return nil, err
	}
	return s.Warnings, nil
}
