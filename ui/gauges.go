package ui

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/smatrix-grid/smatrix/twins"
)

// GaugeKind describes a gauge.
type GaugeKind struct {
	Name   string   `json:"name"`
	Label  string   `json:"label"`
	Unit   string   `json:"unit"`
	Places int      `json:"places" doc:"stored integer ÷ 10^places is in the unit"`
	Words  []string `json:"words" doc:"names of the values 0, 1, …, where it is a state"`
}

// GaugeInfo is a gauge of a twin with its value at the end of a step.
type GaugeInfo struct {
	Name  string  `json:"name" doc:"DEVICE.NAME for a gauge of a home's device"`
	Label string  `json:"label"`
	Unit  string  `json:"unit"`
	Value *Number `json:"value" nullable:"true" doc:"null if it has none in this step, or it is not known"`
	Text  string  `json:"text" doc:"the value in words; empty where it is null"`
}

func gaugeKind(g twins.Gauge) GaugeKind {
	return GaugeKind{g.Name, g.Label, unitOf(g.Name), g.Places, append([]string{}, g.Words...)}
}

// gauges returns the gauges of a member. Their values are null before the first step, and if
// notComputed says why they are not known.
func (r *run) gauges(p Place, step *Step, notComputed string) (all []GaugeInfo) {
	b := r.index.block(p)
	for i, g := range b.gaugeList(p.Row) {
		info := GaugeInfo{Name: g.Name, Label: g.Label, Unit: unitOf(g.Name)}
		if step != nil && notComputed == "" {
			at := Cell{Scope: r.index.scopeOfTile(int(p.Tile)), Block: int(p.Block), Row: int(p.Row), Part: i, Gauge: true}
			if v := step.value(r.index, at); v != twins.GaugeUnknown {
				info.Value, info.Text = &Number{v, g.Places}, gaugeText(g, v)
			}
		}
		all = append(all, info)
	}
	return all
}

// gauge returns the value of a member's gauge in a step that has gauges; false if it has none.
func (r *run) gauge(p Place, step *Step, name string) (v int64, ok bool) {
	i := slices.IndexFunc(r.index.block(p).gaugeList(p.Row), func(g twins.Gauge) bool { return g.Name == name })
	if i < 0 {
		return 0, false
	}
	v = step.value(r.index, Cell{Scope: r.index.scopeOfTile(int(p.Tile)), Block: int(p.Block), Row: int(p.Row), Part: i, Gauge: true})
	return v, v != twins.GaugeUnknown
}

// gaugeText writes a gauge's value for people: a word if it is a state, a length of time,
// a share in percent, a power in kW, an energy in kWh, or the figure to a tenth with its unit.
func gaugeText(g twins.Gauge, v int64) string {
	if v >= 0 && v < int64(len(g.Words)) {
		return g.Words[v]
	}
	switch unit := unitOf(g.Name); unit {
	case "s":
		minutes := v / 60
		if minutes < 60 {
			return fmt.Sprintf("%d min", minutes)
		}
		return fmt.Sprintf("%d h %d min", minutes/60, minutes%60)
	case "W":
		return tenths(v, g.Places, 1000) + " kW"
	case "J":
		return tenths(v, g.Places, 3_600_000) + " kWh"
	case "":
		if g.Places == 9 {
			return tenths(100*v, 9, 1) + " %"
		}
		return strings.TrimSuffix(tenths(v, g.Places, 1), ".0")
	default:
		return tenths(v, g.Places, 1) + " " + unit
	}
}

// tenths is v ÷ 10^places ÷ by, to a tenth.
func tenths(v int64, places int, by float64) string {
	x := math.Round(10*float64(v)/(math.Pow10(places)*by)) / 10
	return strconv.FormatFloat(x+0, 'f', 1, 64) // no −0
}
