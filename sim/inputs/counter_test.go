package inputs

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

// What readings of a counter do besides rising, as it happens to meters and to what reads them: the
// energy of the day is right, nothing is counted twice, and what is left out is said with its line.
// With the newest reading first the same readings have the same energy. The totals were computed by hand.
func TestCountersThatFall(t *testing.T) {
	rise := func(hour int) float64 { return 0.2 + 0.1*float64(hour%3) }
	// readings returns those of a day of hours and the hour after it, with others in place of some.
	readings := func(from float64, other map[int]string) []string {
		v := from
		return many(25, func(i int) string {
			if i > 0 {
				v += rise(i - 1)
			}
			if text, is := other[i]; is {
				return text
			}
			return fmt.Sprintf("%.3f", v)
		})
	}
	// behind replaces the readings from an hour on by those of another counter.
	behind := func(from float64, hour int, other float64) []string {
		all := readings(from, nil)
		v := other
		for i := hour; i < len(all); i++ {
			all[i] = fmt.Sprintf("%.3f", v)
			v += rise(i)
		}
		return all
	}
	const day = 24 * 0.3 // kWh
	for _, row := range []struct {
		name   string
		values []string
		kWh    float64
		want   string // kinds and lines of warnings, oldest first
	}{
		{"none", readings(12000, nil), day, ""},
		{"a dropout to 0", readings(12000, map[int]string{9: "0"}), day, "reading:11"},
		{"of several readings", readings(12000, map[int]string{9: "0", 10: "0", 11: "0", 12: "0", 13: "0", 14: "0"}), day, "reading:11"},
		{"and while it stands", many(25, func(i int) string { return []string{"700", "0"}[i/9%2*((i+1)/10%2)] }), 0, "reading:11"},
		{"to another low value", readings(12000, map[int]string{9: "17.5"}), day, "reading:11"},
		{"of a small counter", readings(2, map[int]string{15: "0"}), day, "reading:17"},
		{"at the second reading", readings(12000, map[int]string{1: "0"}), day, "reading:3"},
		{"at the first", readings(12000, map[int]string{0: "0"}), day - 0.2, "restart:3"},
		{"at the last but one", readings(12000, map[int]string{23: "0"}), day, "reading:25"},
		{"at the last", readings(12000, map[int]string{24: "0"}), day - 0.4, "restart:26"},
		{"a reading that is a little lower", readings(12000, map[int]string{9: "12002.298"}), day, "reading:11"},
		{"that is too high", readings(12000, map[int]string{9: "99999"}), day, "reading:11"},
		{"too high twice", readings(12000, map[int]string{9: "99999", 10: "99999.5"}), day, "reading:11"},
		{"another meter", behind(12000, 9, 5123), day - 0.4, "restart:11"},
		{"another meter that begins at 0", behind(12000, 9, 0), day - 0.4, "restart:11"},
		{"one that begins above 0", behind(12000, 9, 0.15), day - 0.4 + 0.15, "restart:11"},
		{"one that is far above", behind(12000, 9, 48000), day - 0.4 + 48000 - 12002.3, "spike:11"},
		{"one that was full", behind(99997.6, 9, 0.1), day - 0.4 + 0.2, "restart:11"},
		{"of six digits before the point", behind(999997.6, 9, 0.1), day - 0.4 + 0.2, "restart:11"},
	} {
		for _, newest := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, newest first %t", row.name, newest), func(t *testing.T) {
				spec := recordedAs(inUnit("kWh"), inFormat(Format{Reading: readingCounter}), func(s *RecordingSpec) {
					s.Homes = map[string]float64{"home": 1}
					s.Format.NewestFirst = newest
				})
				rows := rowsOf(jan8, 60, row.values...)
				if newest {
					rows = newestFirst(rows)
				}
				r, err := ReadRecording(fileOf(spec, "time,home\n"+rows), spec, berlinDays(t, 1))
				if err != nil {
					t.Fatal(err)
				}
				column, err := r.Column(0, 0)
				if err != nil {
					t.Fatal(err)
				}
				powers, err := column.Powers()
				if err != nil {
					t.Fatal(err)
				}
				sum := 0.0
				for _, p := range powers {
					sum += float64(p) / 1e6
				}
				if math.Abs(sum-row.kWh) > 1e-3 {
					t.Errorf("%.3f kWh, wanted %.3f", sum, row.kWh)
				}
				got := doubtsOf(r.Warnings)
				kinds := strings.Join(got, " ")
				if newest {
					kinds, row.want = strings.Split(kinds+":", ":")[0], strings.Split(row.want+":", ":")[0]
				}
				if kinds != row.want {
					t.Errorf("%q, wanted %q: %v", kinds, row.want, r.Warnings)
				}
			})
		}
	}
}

// Files with such readings are recognised as those of counters, and energies are not.
func TestCountersThatFallAreRecognised(t *testing.T) {
	counts := func(other map[int]string, from func(i int) float64) []string {
		return many(49, func(i int) string {
			if text, is := other[i]; is {
				return text
			}
			return fmt.Sprintf("%.3f", from(i))
		})
	}
	rising := func(i int) float64 { return 12000 + 0.3*float64(i) + 0.05*float64(i%2) }
	standing := func(i int) float64 { return 800 + 0.5*float64(min(max(i-20, 0), 8)) }
	swapped := func(i int) float64 {
		if i < 20 {
			return rising(i)
		}
		return 5123 + 0.3*float64(i-20)
	}
	for _, row := range []struct {
		name   string
		values []string
		want   bool
	}{
		{"a dropout", counts(map[int]string{20: "0"}, rising), true},
		{"a little lower", counts(map[int]string{20: "12005.6"}, rising), true},
		{"another meter", counts(nil, swapped), true},
		{"a register that stands, with a dropout", counts(map[int]string{20: "0"}, standing), true},
		{"energies", many(49, usualLoad), false},
		{"energies that rise to noon and fall", many(49, func(i int) string { return fmt.Sprintf("%.3f", 40-math.Abs(float64(i-24))) }), false},
		{"a steady load", counts(map[int]string{20: "4.9", 30: "5.1", 31: "5.2"}, func(int) float64 { return 5 }), false},
	} {
		for _, newest := range []bool{false, true} {
			spec := recordedAs(inUnit("kWh"))
			spec.Format.NewestFirst = newest
			rows := rowsOf(jan8, 60, row.values...)
			if newest {
				rows = newestFirst(rows)
			}
			p, err := ReadProfile(fileOf(spec, "time,home\n"+rows), spec, berlinDays(t, 1).Start.Location())
			if err != nil {
				t.Fatal(err)
			}
			if p.Columns[0].Counter != row.want {
				t.Errorf("%s, newest first %t: counter %t, wanted %t", row.name, newest, p.Columns[0].Counter, row.want)
			}
		}
	}
}
