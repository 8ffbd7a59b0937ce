package importer

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// fixedZones are the zones that a name of a column of times has as a word, without saving time.
var fixedZones = map[string]string{"utc": "UTC", "gmt": "UTC", "wez": "UTC", "mez": "Etc/GMT-1", "cet": "Etc/GMT-1", "oez": "Etc/GMT-2", "eet": "Etc/GMT-2", "mesz": "Etc/GMT-2", "cest": "Etc/GMT-2"}

// clockZones are pairs of such words by which clocks change.
var clockZones = []struct{ winter, summer, zone string }{{"mez", "mesz", "Europe/Berlin"}, {"cet", "cest", "Europe/Berlin"}, {"gmt", "bst", "Europe/London"}}

// offsetZone is a zone as an offset from UTC, such as UTC+1 and GMT+01:00.
var offsetZone = regexp.MustCompile(`^(?:utc|gmt)([+-])0?([0-9]|1[0-4])$`)

// zoneNamed returns the zone that a name of a column of times states, "" if it states none.
func zoneNamed(name string) string {
	words := strings.Fields(plainName(name))
	has := func(word string) bool { return slices.Contains(words, word) }
	for _, z := range clockZones {
		if has(z.winter) && has(z.summer) {
			return z.zone
		}
	}
	for _, word := range words {
		if zone := fixedZones[word]; zone != "" {
			return zone
		}
		if m := offsetZone.FindStringSubmatch(word); m != nil {
			hours, _ := strconv.Atoi(m[1] + m[2])
			return fixedZone(hours)
		}
	}
	return ""
}

// sayZone says what zone the times and the days of a table have, if that was assumed or is not one.
func (w *writer) sayZone(t *table) {
	switch {
	case !t.stated:
		t.doubt("zone: %s, which neither the file nor --zone states", t.zone)
	case t.offsets && !t.given:
		t.doubt("zone: %s for the days of the run: the times of the file have offsets, and --zone can name another", t.zone)
	case !t.preset && t.form.zone != "" && w.asked:
		t.say("zone: %s for its times, by the name of their column, and %s for the days of the run, as --zone says", t.zone, w.zone)
	case !t.preset && t.form.zone != "":
		t.doubt("zone: %s, by the name of the column %q, for its times and the days of the run; --zone can name another for the days", t.zone, t.form.time)
	}
}

// sayNotRun says which rows of a table are in no day of the run: its days are whole, and all files cover them.
func (w *writer) sayNotRun(t *table) {
	if t.form.kind == sessions || len(t.columns) == 0 {
		return
	}
	first, last := t.columns[0].From, t.columns[0].To
	for i := range t.columns {
		c := &t.columns[i]
		if c.From.Before(first) {
			first = c.From
		}
		if c.To.After(last) {
			last = c.To
		}
	}
	if t.hasCounter() { // its last reading ends an interval
		last = last.Add(-t.interval)
	}
	end := midnight(w.start.AddDate(0, 0, w.days))
	text := func(at time.Time) string { return at.In(w.zone).Format("2006-01-02 15:04") }
	var parts []string
	if first.Before(w.start) {
		parts = append(parts, fmt.Sprintf("from %s to %s", text(first), text(w.start)))
	}
	if last.After(end) {
		parts = append(parts, fmt.Sprintf("from %s to %s", text(end), text(last)))
	}
	if len(parts) == 0 {
		return
	}
	help := ""
	if next := last.Add(t.interval).In(w.zone); t.hasCounter() && last.After(end) && next.Equal(midnight(next)) {
		help = fmt.Sprintf("; the last of these days needs the reading of %s as well, or gaps: hold and a day more in the scenario", text(next))
	}
	t.doubt("its rows %s are not run: a run has whole days, here of %s, that all columns of all files cover%s", strings.Join(parts, " and "), w.zone, help)
}
