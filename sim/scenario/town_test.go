package scenario

import "testing"

// The town has the homes and devices that its description says.
func TestTownIsWhatItSays(t *testing.T) {
	s, err := Load("town", Options{})
	if err != nil {
		t.Fatal(err)
	}
	have := map[string]map[string]int{}
	count := func(what, in string) {
		if have[what] == nil {
			have[what] = map[string]int{}
		}
		have[what][in]++
	}
	roofs := map[string]bool{}
	azimuths := map[string]bool{}
	for i := range s.document.entries("households") {
		h := &s.document.entries("households")[i]
		for _, part := range []string{"load", "appliances", "heat_pump"} {
			if h.get(part) != nil {
				count(part, h.textOf("community"))
			}
		}
		if pv := h.get("pv"); pv == nil {
			t.Errorf("%s has neither panels nor a prepared roof", h.textOf("id"))
		} else if pv.textOf("scale") == "0" {
			count("prepared", h.textOf("community"))
		} else {
			count("pv", h.textOf("community"))
			roofs[h.textOf("id")] = true
			azimuths[pv.textOf("azimuth_deg")] = true
		}
	}
	for i := range s.document.entries("batteries") {
		b := &s.document.entries("batteries")[i]
		if owner := b.textOf("owner"); owner == "" {
			count("community battery", b.textOf("community"))
		} else if isAbsent(b) {
			count("prepared battery", b.textOf("community"))
		} else if count("battery", b.textOf("community")); !roofs[owner] {
			t.Errorf("%s is behind the meter of %s, which has no panels", b.textOf("id"), owner)
		}
	}
	for i := range s.document.entries("vehicles") {
		count("vehicle", s.document.entries("vehicles")[i].textOf("community"))
	}
	for what, want := range map[string][3]int{ // in all, and the least and most in a community
		"load": {150, 25, 25}, "appliances": {150, 25, 25}, "pv": {90, 15, 15}, "prepared": {210, 35, 35}, "heat_pump": {60, 10, 10},
		"battery": {45, 7, 8}, "prepared battery": {255, 42, 43}, "community battery": {6, 1, 1}, "vehicle": {90, 15, 15},
	} {
		all, least, most := 0, 1000, 0
		for _, n := range have[what] {
			all, least, most = all+n, min(least, n), max(most, n)
		}
		if got := [3]int{all, least, most}; got != want || len(have[what]) != 6 {
			t.Errorf("%s: %v in %d communities, want %v in 6", what, got, len(have[what]), want)
		}
	}
	if len(azimuths) < 5 {
		t.Errorf("panels have %d azimuths, wanted at least 5", len(azimuths))
	}
}
