package main

import (
	"github.com/spf13/cobra"

	"github.com/smatrix-grid/smatrix/persistence"
)

// The names of the retention flags.
const (
	keepReadings  = "keep-readings"
	keepEvents    = "keep-events"
	keepHours     = "keep-hours"
	keepSnapshots = "keep-snapshots"
)

// mostDays is the greatest number of days accepted: a thousand years.
const mostDays = 365_000

// addRetention adds the retention flags.
func (f *runFlags) addRetention(c *cobra.Command) {
	c.Flags().IntVar(&f.retention.Readings, keepReadings, 0, "keep readings for `N` days; older ones are computed again")
	c.Flags().IntVar(&f.retention.Events, keepEvents, 0, "keep events, decisions and readings for `N` days, as above")
	c.Flags().IntVar(&f.retention.Hours, keepHours, persistence.DefaultHours, "keep use by the hour for `N` days, days for ever")
	c.Flags().IntVar(&f.retention.Snapshots, keepSnapshots, 0, "keep the last `N` snapshots, at least 2")
}

// checkRetention refuses invalid values of the retention flags.
func (f *runFlags) checkRetention(c *cobra.Command, keep bool) error {
	for _, v := range []struct {
		name        string
		value       int
		least, most int
	}{
		{keepReadings, f.retention.Readings, 1, mostDays}, {keepEvents, f.retention.Events, 1, mostDays}, {keepHours, f.retention.Hours, 1, mostDays},
		{keepSnapshots, f.retention.Snapshots, persistence.LeastSnapshots, 1_000_000},
	} {
		switch {
		case !c.Flags().Changed(v.name):
		case !keep:
			return usage(c, "--%s without --out, wanted a folder to keep the run in", v.name)
		case v.value < v.least:
			return usage(c, "--%s %d: wanted at least %d", v.name, v.value, v.least)
		case v.value > v.most:
			return usage(c, "--%s %d: wanted at most %d", v.name, v.value, v.most)
		}
	}
	if e := f.retention.Events; e > 0 && f.retention.Readings > e {
		return usage(c, "--%s %d with --%s %d: readings are checked against the records of events, wanted at most %d", keepReadings, f.retention.Readings, keepEvents, e, e)
	}
	if !c.Flags().Changed(keepHours) {
		f.retention.Hours = 0 // 0 means the default, as if the flag did not exist
	}
	return nil
}
