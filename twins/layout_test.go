package twins

import (
	"reflect"
	"testing"
)

// A layout's text is read back unchanged, and invalid text is refused.
func TestLayoutText(t *testing.T) {
	first := FirstLayout()
	for _, k := range append(first.Kinds, first.Parts...) {
		text, err := k.MarshalText()
		var back KindLayout
		if err == nil {
			err = back.UnmarshalText(text)
		}
		if err != nil || !reflect.DeepEqual(back, k) {
			t.Errorf("%s: %+v, wanted %+v; %v", text, back, k, err)
		}
	}
	for _, text := range []string{"", "battery", "battery x", "battery 300", "battery 1 power_w", "battery 1 power_w:x", "battery 1 soc:9:hidden", "battery 1 a:1:derived:2"} {
		var l KindLayout
		if err := l.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q was taken as %+v", text, l)
		}
	}
}

// This program reads the first layout, whose kinds, parts and columns are for ever the first
// of its own. Another layout has another hash, and an unreadable one is refused.
func TestFirstLayout(t *testing.T) {
	first := FirstLayout()
	if err := first.Check(); err != nil {
		t.Fatal(err)
	}
	for _, k := range first.Kinds {
		if known := KindNamed(k.Name); known.Version > k.Version && known.Upgrades[k.Version] == nil {
			t.Errorf("%s has states of version %d and no upgrade from version %d", k.Name, known.Version, k.Version)
		}
	}
	for name, change := range map[string]func(*Layout){
		"an unknown kind":             func(l *Layout) { l.Kinds[0].Name = "windmill" },
		"a newer state":               func(l *Layout) { l.Kinds[0].Version = 200 },
		"an unknown column":           func(l *Layout) { l.Kinds[0].Columns[0].Name = "heat_w" },
		"columns in another order":    func(l *Layout) { c := l.Kinds[0].Columns; c[0], c[1] = c[1], c[0] },
		"other decimals":              func(l *Layout) { l.Kinds[0].Columns[0].Places++ },
		"a column that is derived":    func(l *Layout) { l.Kinds[0].Columns[0].Derived = true },
		"an unknown part":             func(l *Layout) { l.Parts[0].Name = "sauna" },
		"parts in another order":      func(l *Layout) { l.Parts[0], l.Parts[1] = l.Parts[1], l.Parts[0] },
		"an unknown flow":             func(l *Layout) { l.Flows[3] = "heat_w" },
		"an unknown community column": func(l *Layout) { l.Nodes = []string{"mood"} },
		"an unknown form":             func(l *Layout) { l.Forms = []KindLayout{{Name: "aura", Version: 2}} },
		"an unknown strategy":         func(l *Layout) { l.Forms = []KindLayout{{Name: "strategy/whim", Version: 2}} },
		"a strategy without prefix":   func(l *Layout) { l.Forms = []KindLayout{{Name: "pro_rata", Version: 1}} },
		"a newer form":                func(l *Layout) { l.Forms = []KindLayout{{Name: "cell", Version: 200}} },
		"a form twice":                func(l *Layout) { l.Forms = []KindLayout{{Name: "cell", Version: 1}, {Name: "cell", Version: 1}} },
	} {
		l := FirstLayout()
		if change(l); l.Check() == nil {
			t.Errorf("%s was taken", name)
		}
		if l.Hash() == first.Hash() {
			t.Errorf("%s has the same hash", name)
		}
	}
	a, b := FirstLayout(), FirstLayout()
	a.Forms, b.Forms = []KindLayout{{Name: "cell", Version: 2}}, []KindLayout{{Name: "network", Version: 2}}
	if a.Hash() == b.Hash() {
		t.Error("two forms have the same hash")
	}
}
