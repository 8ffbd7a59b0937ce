package views

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/form"
	"github.com/smatrix-grid/smatrix/twins"
)

// SettingsKind is the row of Settings.
var SettingsKind = Declare(Kind{Name: "settings", Version: 1, New: func(w *sim.World) View {
	return &Settings{world: w, now: map[SettingOf]int64{}}
}})

// Settings are the values of settings that commands have changed so far, as stored integers. All
// other settings have the scenario's value.
//
//	version byte, steps int, a list in order of path and name: path text, name text, value int
type Settings struct {
	world *sim.World
	next  twins.Tick
	now   map[SettingOf]int64
}

// SettingOf names a setting of a member or a community.
type SettingOf struct{ Path, Name string }

// Commit implements View.
func (s *Settings) Commit(r *sim.StepRecord) error {
	s.next = r.Tick + 1
	for i := range r.Commands {
		c := &r.Commands[i]
		if !c.Type.OfSetting() {
			continue
		}
		at := SettingOf{c.Target, c.Setting()}
		s.now[at] = commanded(c, func() int64 {
			if v, changed := s.now[at]; changed {
				return v
			}
			return stated(s.world, at)
		})
	}
	return nil
}

// commanded returns the value of a setting after a command; was returns the value before it.
func commanded(c *twins.Command, was func() int64) int64 {
	if c.Type == twins.CommandSet {
		return c.Value()
	}
	return c.After(was())
}

// stated returns the scenario's value of a setting; 0 if the scenario does not state it.
func stated(w *sim.World, at SettingOf) int64 {
	e, ok := w.Scenario.Entry(kindOf(w, at.Path), at.Path)
	if !ok {
		return 0
	}
	s, _ := e.Setting(at.Name)
	return s.Value
}

// kindOf returns the kind of a community or a member, nil if the path is neither. It reads only what
// never changes in a world, unlike sim.World.KindOf, which builds an index.
func kindOf(w *sim.World, path string) *twins.Kind {
	for _, c := range w.Cells {
		if path == c.Path {
			return twins.Community
		}
		if !strings.HasPrefix(path, c.Path+"/") {
			continue
		}
		for _, b := range c.Blocks {
			if _, ok := slices.BinarySearch(b.Paths, path); ok {
				return b.Kind
			}
		}
	}
	return nil
}

// Steps returns how many steps the view has taken.
func (s *Settings) Steps() twins.Tick { return s.next }

// After returns the settings after a step, from the commands of the run up to that step in the order
// in which they are carried out.
func (s *Settings) After(t twins.Tick, commands []twins.Command) *Settings {
	o := &Settings{world: s.world, now: map[SettingOf]int64{}}
	_ = o.Commit(&sim.StepRecord{Tick: t, Commands: commands}) // it returns no errors
	return o
}

// Value returns the value of a setting that commands have changed; false if no command has.
func (s *Settings) Value(path, name string) (int64, bool) {
	v, ok := s.now[SettingOf{path, name}]
	return v, ok
}

// Until implements View. Only the values after the last step are known.
func (s *Settings) Until(at twins.Tick) View {
	if at < s.next {
		return nil
	}
	return &Settings{s.world, s.next, maps.Clone(s.now)}
}

// AppendBinary implements View.
func (s *Settings) AppendBinary(b []byte) []byte {
	w := form.Writer(append(b, SettingsKind.Version))
	w.Int(int64(s.next))
	w.Uint(uint64(len(s.now)))
	for _, at := range slices.SortedFunc(maps.Keys(s.now), func(a, b SettingOf) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Name, b.Name))
	}) {
		w.Text(at.Path)
		w.Text(at.Name)
		w.Int(s.now[at])
	}
	return w
}

// UnmarshalBinary implements View.
func (s *Settings) UnmarshalBinary(b []byte) error {
	r := form.NewVersion(b, SettingsKind.Version)
	s.next = twins.Tick(r.Int())
	for range r.Count(3) {
		at := SettingOf{r.Text(), r.Text()}
		s.now[at] = r.Int()
	}
	return r.Done()
}
