package ui

import (
	"strconv"
	"strings"

	"github.com/smatrix-grid/smatrix/twins"
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
