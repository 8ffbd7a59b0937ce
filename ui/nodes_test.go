package ui

import (
	"testing"

	"github.com/smatrix-grid/smatrix/twins"
)

// The name of every column ends with its unit, and the catalogue shows that unit. Shares of one and
// codes have none.
func TestColumnsHaveUnits(t *testing.T) {
	plain := map[string]bool{"soc": true, "reason": true}
	check := func(of, name string) {
		if unit := unitOf(name); (unit == "") != plain[name] {
			t.Errorf("%s: column %q has the unit %q", of, name, unit)
		}
	}
	for i := range flowColumns {
		check("flows", flowColumns[i].name)
	}
	for _, k := range twins.Kinds() {
		for _, c := range k.Columns {
			check(k.Name, c.Name)
		}
	}
	if unit := unitOf("room_below_kh"); unit != "K·h" {
		t.Errorf("kelvin-hours have the unit %q", unit)
	}
}
