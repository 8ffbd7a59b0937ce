package twins

import (
	"strings"
	"testing"
)

// The alert of an event is complete, and When accepts any event of the type.
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
				t.Errorf("%s: When does not distinguish events", e.Name)
			}
		}
	}
	if n < 5 {
		t.Errorf("%d alerts", n)
	}
}

// A name belongs to one type of event, so that a record that contains it can be
// read again.
func TestEventNames(t *testing.T) {
	all := []*EventType{eventSet, SupplyCut, LimitPassed, vehicleUnplugged, heatPumpLeftComfort}
	for _, k := range kinds {
		all = append(all, k.Events...)
	}
	for _, p := range partKinds {
		all = append(all, p.Events...)
	}
	for _, e := range all {
		if EventNamed(e.Name) != e {
			t.Errorf("%s is the name of another type of event, or of none", e.Name)
		}
	}
	for _, e := range eventNames {
		if len(e.Fields) > len(Event{}.V) {
			t.Errorf("%s has %d fields, and an event has room for %d", e.Name, len(e.Fields), len(Event{}.V))
		}
	}
	if len(eventNames) < 20 || EventNamed("battery.exploded") != nil {
		t.Errorf("%d types", len(eventNames))
	}
}

// Names on disk are declared once: kinds, events and commands.
func TestNamesDeclaredTwice(t *testing.T) {
	before := len(kinds)
	for want, declare := range map[string]func(){
		"kind declared twice: battery":          func() { Declare(Kind{Name: "battery"}) },
		"event declared twice: battery.charged": func() { Declare(Kind{Name: "accumulator", Events: []*EventType{eventSet, {Name: "battery.charged"}}}) },
		"event declared twice: heat_pump.ran":   func() { DeclareEvent(EventType{Name: "heat_pump.ran"}) },
		"command declared twice: set":           func() { DeclareCommand(CommandType{Name: "set"}) },
	} {
		func() {
			defer func() {
				if got, _ := recover().(string); !strings.HasSuffix(got, want) {
					t.Errorf("got %q, want %q", got, want)
				}
			}()
			declare()
		}()
	}
	if len(kinds) != before || EventNamed("battery.charged") != batteryCharged || EventNamed("heat_pump.ran") != heatPumpRan || CommandNamed("set") != CommandSet {
		t.Error("what was refused has been taken")
	}
}
