package twins

import (
	"reflect"
	"testing"
)

// Every figure of flows has one column, and another node's flows are added in each. A new
// figure without a column, or one that Plus leaves out, would be lost in files and sums.
func TestFlowColumnsAreAllFigures(t *testing.T) {
	figures := reflect.TypeFor[Flows]().NumField()
	if len(FlowColumns) != figures {
		t.Fatalf("%d columns of %d figures", len(FlowColumns), figures)
	}
	var f Flows
	names := map[string]bool{}
	for i, c := range FlowColumns {
		c.Set(&f, int64(i)+1)
		names[c.Name] = true
	}
	if len(names) != figures {
		t.Errorf("%d names of %d columns", len(names), figures)
	}
	value := reflect.ValueOf(f)
	for i := range figures {
		if value.Field(i).Int() == 0 {
			t.Errorf("%s has no column", value.Type().Field(i).Name)
		}
	}
	g := f
	f.Plus(&g)
	for i, c := range FlowColumns {
		if got := c.Value(&f); got != 2*(int64(i)+1) {
			t.Errorf("%s of two nodes is %d, wanted %d", c.Name, got, 2*(i+1))
		}
	}
}
