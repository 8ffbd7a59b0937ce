package twins

import "testing"

// What an alert of an event says is whole, and can be asked of any event of the type.
func TestAlertsOfEvents(t *testing.T) {
	n := 0
	for _, e := range EventTypes() {
		a := e.Alert
		if a == nil {
			continue
		}
		n++
		if a.Rule == "" || a.Text == "" || (a.Severity != "note" && a.Severity != "warning" && a.Severity != "critical") || !e.Notable {
			t.Errorf("%s, notable %v: %+v", e.Name, e.Notable, a)
		}
		if a.When != nil {
			all := Event{Type: e}
			none := a.When(&all)
			for i := range e.Fields {
				all.V[i] = 1
			}
			if a.When(&all) == none {
				t.Errorf("%s: no event is told from another", e.Name)
			}
		}
	}
	if n < 5 {
		t.Errorf("%d alerts", n)
	}
}

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
