package ui

import (
	"strconv"
	"strings"

	"github.com/smatrix-grid/smatrix/twins"
	"github.com/smatrix-grid/smatrix/ui/viewers"
)

// Number is a stored integer that is written as an exact JSON number in the unit of its name.
type Number struct {
	Value  int64
	Places int
}

// MarshalJSON implements json.Marshaler.
func (n Number) MarshalJSON() ([]byte, error) {
	return twins.AppendScaled(nil, n.Value, n.Places), nil
}

// UnmarshalJSON implements json.Unmarshaler, for clients in Go.
func (n *Number) UnmarshalJSON(b []byte) (err error) {
	_, fraction, _ := strings.Cut(string(b), ".")
	n.Places = len(fraction)
	n.Value, err = strconv.ParseInt(strings.Replace(string(b), ".", "", 1), 10, 64)
	return err
}

// Figures are values by the names of their columns. A value that does not exist or is not known is nil, which
// is null, never 0.
type Figures map[string]*Number

// put sets the value of a column from its stored integer.
func (f Figures) put(name string, v int64, places int) {
	f[name] = nil
	if v != viewers.None {
		f[name] = &Number{v, places}
	}
}

// stored is the stored integer of a column, 0 without a value.
func (f Figures) stored(name string) int64 {
	if v := f[name]; v != nil {
		return v.Value
	}
	return 0
}

// Numbers are values over time; null is a gap.
type Numbers struct {
	Values []int64
	Gaps   map[int]bool
	Places int
}

// MarshalJSON implements json.Marshaler.
func (n Numbers) MarshalJSON() ([]byte, error) {
	b := []byte{'['}
	for i, v := range n.Values {
		if i > 0 {
			b = append(b, ',')
		}
		if n.Gaps[i] {
			b = append(b, "null"...)
		} else {
			b = twins.AppendScaled(b, v, n.Places)
		}
	}
	return append(b, ']'), nil
}
