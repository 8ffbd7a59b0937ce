package problem

import (
	"cmp"
	"fmt"
	"slices"
)

// Warning is a doubt about data or a scenario that can be read: the run goes on with the
// values as they are. It prints as warning: file:line: column: what, likely cause.
type Warning struct {
	File   string `json:"file"`
	Line   int    `json:"line"`   // from 1; 0 if the doubt is about the whole file
	Column string `json:"column"` // of a data file, or the path of a scenario's entry as in --set
	Kind   string `json:"kind"`   // a word of WarningKinds
	Text   string `json:"text"`   // what is doubtful, and its likely cause
}

// The kinds of warnings. They are part of the API, so none is ever renamed.
const (
	WarnCounter       = "counter"         // readings of a counter instead of energies of intervals
	WarnReading       = "reading"         // a reading of a counter that is left out
	WarnRestart       = "restart"         // a counter that was full, restarted or replaced
	WarnUnit          = "unit"            // values that the stated unit makes impossible
	WarnSpike         = "spike"           // a single value beyond what the device can do
	WarnThousands     = "thousands"       // a thousands mark that is read as a decimal point
	WarnInterval      = "interval"        // the length of the intervals changes within a file
	WarnCatchUp       = "catch_up"        // a value after a gap that holds the energy of the gap
	WarnGap           = "gap"             // a long gap is filled
	WarnZone          = "zone"            // irradiance that is out of step with the sun
	WarnSavingTime    = "saving_time"     // an hour off in one half of the year only
	WarnSeason        = "season"          // the season of the other hemisphere
	WarnNoWeather     = "no_weather"      // a device that follows the weather, and there is none
	WarnEventInStep   = "event_in_step"   // an event in the middle of a step
	WarnEventAfterEnd = "event_after_end" // an event after the last step
	WarnShortSession  = "short_session"   // sessions that are shorter than a step
	WarnBothWays      = "both_ways"       // energy drawn and fed in within one interval, of which a run has the net
)

// WarningKinds are all kinds of warnings.
var WarningKinds = []string{WarnCounter, WarnReading, WarnRestart, WarnUnit, WarnSpike, WarnThousands, WarnInterval, WarnCatchUp, WarnGap, WarnZone, WarnSavingTime, WarnSeason, WarnNoWeather, WarnEventInStep, WarnEventAfterEnd, WarnShortSession, WarnBothWays}

func (w Warning) String() string {
	at := w.File
	if w.Line > 0 {
		at = fmt.Sprintf("%s:%d", w.File, w.Line)
	}
	return fmt.Sprintf("warning: %s: %s: %s", at, w.Column, w.Text)
}

// mostAlike is the greatest number of warnings of one kind that are listed for one file.
const mostAlike = 3

// Listed sorts warnings by file and line, without duplicates, and keeps the first mostAlike of
// each kind and file; the last of these says how many more there are.
func Listed(found []Warning) []Warning {
	found = slices.Clone(found)
	slices.SortStableFunc(found, func(a, b Warning) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
	})
	found = slices.Compact(found)
	type alike struct{ file, kind string }
	counts := map[alike]int{}
	for _, w := range found {
		counts[alike{w.File, w.Kind}]++
	}
	list, listed := []Warning{}, map[alike]int{}
	for _, w := range found {
		of := alike{w.File, w.Kind}
		if listed[of]++; listed[of] > mostAlike {
			continue
		}
		if more := counts[of] - mostAlike; listed[of] == mostAlike && more > 0 {
			w.Text += fmt.Sprintf(" (and %d more of this kind)", more)
		}
		list = append(list, w)
	}
	return list
}
