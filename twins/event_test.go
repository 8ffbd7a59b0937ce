package twins

import "testing"

// A name stands for one type of event: a record that names it can be read again.
func TestEventNames(t *testing.T) {
	n := 0
	for e := range eventTypes {
		n++
		if got := EventNamed(e.Name); got != e {
			t.Errorf("%s is the name of two types of event", e.Name)
		}
		if len(e.Fields) > len(Event{}.V) {
			t.Errorf("%s has %d fields, and an event has room for %d", e.Name, len(e.Fields), len(Event{}.V))
		}
	}
	for _, e := range []*EventType{eventSet, SupplyCut, LimitPassed, vehicleUnplugged, heatPumpLeftComfort} {
		if EventNamed(e.Name) != e {
			t.Errorf("%s is not found", e.Name)
		}
	}
	if n < 20 || EventNamed("battery.exploded") != nil {
		t.Errorf("%d types", n)
	}
}
