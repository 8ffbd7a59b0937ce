package twins

import (
	"fmt"
	"math/bits"
)

// changeable are the settings of rows of one type, each with its field in a row: the
// only list of them. Their order is that of the numbers in eventSet.
type changeable[T any] []settingAt[T]

// settingAt is a setting, and how it is read and written.
type settingAt[T any] struct {
	Setting
	get func(*T) int64
	set func(*T, int64)
}

// number is a setting whose field has the stored value.
func number[T any, N ~int64](s Setting, at func(*T) *N) settingAt[T] {
	return settingAt[T]{s, func(row *T) int64 { return int64(*at(row)) }, func(row *T, v int64) { *at(row) = N(v) }}
}

// yesNo is a setting that is stored as 1 or 0 and whose field is a bool.
func yesNo[T any](name string, at func(*T) *bool) settingAt[T] {
	return settingAt[T]{Setting{Name: name, Scale: 1, Max: 1}, func(row *T) int64 { return flag(*at(row)) }, func(row *T, v int64) { *at(row) = v != 0 }}
}

// inside turns the settings of a part of a row into settings of the row.
func inside[T, U any](all changeable[U], at func(*T) *U) (of changeable[T]) {
	for _, s := range all {
		of = append(of, settingAt[T]{s.Setting, func(row *T) int64 { return s.get(at(row)) }, func(row *T, v int64) { s.set(at(row), v) }})
	}
	return of
}

// named is the setting with a name, or nil.
func (all changeable[T]) named(name string) *settingAt[T] {
	for i := range all {
		if all[i].Name == name {
			return &all[i]
		}
	}
	return nil
}

// list is the plain settings.
func (all changeable[T]) list() (settings []Setting) {
	for _, s := range all {
		settings = append(settings, s.Setting)
	}
	return settings
}

// eventSet carries a setting that a command has changed: its number in the list of its
// kind, and the value. Every kind shares it.
var eventSet = &EventType{Name: "twin.set", Fields: []string{setNumber: "setting", setValue: "value"}, Notable: true}

// The values of eventSet.
const setNumber, setValue = 0, 1

// apply sets a field from an eventSet.
func (all changeable[T]) apply(row *T, e *Event) { all[e.V[setNumber]].set(row, e.V[setValue]) }

// command turns a command into the event that sets one of the settings.
func (all changeable[T]) command(row *T, c *Command, ev *Events) error {
	setting := c.Setting()
	for i := range all {
		s := &all[i]
		if s.Name != setting {
			continue
		}
		v, fits := c.Value(), true
		if c.Type == CommandMultiply {
			v, fits = scaled(s.get(row), v)
		}
		if least := s.Least(c.Type); !fits || v < least || v > s.Max {
			return fmt.Errorf("%s: %s is outside %s…%s", c.Target, s.Name, formatSetting(least, s.Scale), formatSetting(s.Max, s.Scale))
		}
		*ev.Add(eventSet) = [7]int64{setNumber: int64(i), setValue: v}
		return nil
	}
	return refused(c)
}

// refused is the error for a command that a twin of the kind does not take.
func refused(c *Command) error {
	if !c.Type.OfSetting() {
		return fmt.Errorf("%s: it takes no command %q", c.Target, c.Type)
	}
	return fmt.Errorf("%s: %s may not change in mid-run", c.Target, c.Setting())
}

// Least is the least stored value of the setting that a command of a type may
// produce.
func (s *Setting) Least(command *CommandType) int64 {
	if command == CommandMultiply && s.Zero != "" {
		return max(s.Min, 1)
	}
	return s.Min
}

// scaled is v times a factor in billionths, and whether it fits.
func scaled(v, factor int64) (product int64, fits bool) {
	if hi, _ := bits.Mul64(magnitude(v), magnitude(factor)); hi >= uint64(One)/2 { // the quotient would not be below 2⁶³
		return 0, false
	}
	product, _ = MulDiv(v, factor, int64(One))
	return product, true
}

func formatSetting(v, scale int64) string { return fmt.Sprint(float64(v) / float64(scale)) }
