package importer_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// Any names of columns become ids of their own: the scenario loads, and each column has
// its own values.
func TestNamesOfColumns(t *testing.T) {
	long := strings.Repeat("a", 59)
	for _, row := range []struct {
		header string // besides the time; column k has the value k of each hour
		ids    string
	}{
		{"1,2", "column-1 column-2"},
		{"null,b", "column-null b"},
		{"NULL,Null", "column-null column-null-2"},
		{"yes,no", "column-yes column-no"},
		{"On,off", "column-on column-off"},
		{"y,N", "column-y column-n"},
		{"true,False", "column-true column-false"},
		{"1e3,0x10", "column-1e3 column-0x10"},
		{"2025-03-01,1_000", "column-2025-03-01 column-1_000"},
		{"NaN,inf", "nan inf"},
		{"home,Home,home 2", "home home-2 home-2-2"},
		{"home 2,home,Home", "home-2 home home-3"},
		{"a*,ab", "a ab"},
		{"ab,a*", "ab a"},
		{"a,a", "a a-2"},
		{"time,b", "time-2 b"},
		{"tie,supply", "tie supply"},
		{"meters,homes", "meters-2 homes"},
		{long + " b," + long + " c", long + " " + long + "-2"},
		{"-,--", "column column-2"},
		{`"a""b","c,d"`, "a-b c-d"},
		{"ключ,名前", "column column-2"},
		{"b\\c,d'e", "b-c d-e"},
	} {
		t.Run(row.header, func(t *testing.T) {
			ids := strings.Fields(row.ids)
			for _, stamp := range []string{"2025-03-01T%02d:00", "01.03.2025 %02d:00"} { // read as it is, and converted
				b := &strings.Builder{}
				b.WriteString("time," + row.header + "\n")
				for h := range 24 {
					fmt.Fprintf(b, stamp, h)
					for k := range ids {
						fmt.Fprintf(b, ",%d", k+1)
					}
					b.WriteString("\n")
				}
				dir := t.TempDir()
				write(t, dir, "m.csv", b.String())
				plan, w := made(t, dir, "", "m.csv")
				var got []string
				for _, r := range w.Recordings {
					got = append(got, r.Columns...)
				}
				slices.Sort(got)
				want := slices.Sorted(slices.Values(ids))
				if !slices.Equal(got, want) {
					t.Errorf("ids %v, wanted %v in\n%s", got, want, plan.Scenario)
				}
				unit := map[bool]float64{true: 1000, false: 1}[strings.Contains(string(plan.Scenario), "unit: k")]
				for k, id := range ids {
					if wh := recorded(w)[id]; wh != 24*unit*float64(k+1) {
						t.Errorf("%s: %v Wh, wanted %v", id, wh, 24*unit*float64(k+1))
					}
				}
			}
		})
	}
}
