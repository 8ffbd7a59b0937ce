package scenario

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/smatrix-grid/smatrix/sim/inputs"
	"github.com/smatrix-grid/smatrix/sim/problem"
	"github.com/smatrix-grid/smatrix/twins"
)

// warnings returns the doubts about the scenario itself and about the data of a run.
func (d *document) warnings(in *inputs.Inputs) []problem.Warning {
	var data []problem.Warning
	for _, r := range in.Recordings {
		data = append(data, r.Warnings...)
	}
	if in.Weather != nil {
		data = append(data, in.Weather.Warnings...)
	}
	if in.Market != nil {
		data = append(data, in.Market.Warnings...)
	}
	for _, s := range in.Sessions {
		data = append(data, s.Warnings...)
	}
	for i := range data {
		data[i].File = d.dataFile(data[i].File)
	}
	found := append(data, d.doubtfulEvents...)
	found = append(found, d.withoutWeather()...)
	found = append(found, d.otherSeason()...)
	return problem.Listed(slices.DeleteFunc(found, d.accepts))
}

// accepts reports whether the scenario says that a warning is meant so, by its column.
func (d *document) accepts(w problem.Warning) bool {
	return slices.Contains(wordsOf(d.root.get("accept")), w.Column)
}

// dataFile returns the name of a data file for messages: with the scenario's folder.
func (d *document) dataFile(name string) string {
	if d.dir == "" || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(d.dir, filepath.FromSlash(name))
}

func (d *document) warning(line int32, path, kind, format string, args ...any) problem.Warning {
	return problem.Warning{File: d.file, Line: int(line), Column: path, Kind: kind, Text: fmt.Sprintf(format, args...)}
}

// homes returns, by recording, the columns that homes draw or generate, each with the
// greatest factor on it.
func (d *document) homes() map[string]map[string]float64 {
	all := map[string]map[string]float64{}
	for _, k := range memberKinds() {
		if !owns(k) {
			continue
		}
		for i := range d.entries(k.Plural) {
			references("", &d.entries(k.Plural)[i], func(_ string, ref *tree) {
				id, column := ref.textOf("recording"), ref.textOf("column")
				scale, err := strconv.ParseFloat(ref.textOf("scale"), 64)
				if err != nil {
					scale = 1
				}
				if all[id] == nil {
					all[id] = map[string]float64{}
				}
				all[id][column] = max(all[id][column], scale)
			})
		}
	}
	return all
}

// Events.

// eventWarnings returns the doubts about when an event takes effect.
func (d *document) eventWarnings(at *tree, m moment, cal *inputs.Calendar) []problem.Warning {
	tick := d.rule.step(m)
	switch {
	case cal.Steps > 0 && tick >= cal.Steps:
		return []problem.Warning{d.warning(at.line, "events", problem.WarnEventAfterEnd,
			"at: %s has no effect: the last step begins at %s and the run ends at %s; likely another start, or more days", at.text, clockText(cal, cal.Steps-1), clockText(cal, cal.Steps))}
	case m.within != m.due:
		return []problem.Warning{d.warning(at.line, "events", problem.WarnEventInStep,
			"at: %s is within the step of %s to %s: it takes effect at %s; likely steps that are too long for it", at.text, clockText(cal, m.within), clockText(cal, m.within+1), clockText(cal, tick))}
	}
	return nil
}

func clockText(cal *inputs.Calendar, t twins.Tick) string {
	at := cal.Time(t)
	if at.Second() != 0 {
		return at.Format(time.DateTime)
	}
	return at.Format("2006-01-02 15:04")
}

// Weather.

// withoutWeather returns a warning for each kind of device that follows a quantity of the
// weather which the scenario does not have.
func (d *document) withoutWeather() (found []problem.Warning) {
	weather := d.root.get("weather")
	lacks := func(f twins.Follows) bool {
		if f.Quantity == "" || weather == nil {
			return f.Quantity != ""
		}
		return f.Quantity == "wind" && weather.get("wind") == nil && weather.get("columns").get("wind_m_per_s") == nil
	}
	for _, k := range memberKinds() {
		if lacks(k.Follows) {
			found = append(found, d.lacking(k, "", k.Follows)...)
		}
		if !owns(k) {
			continue
		}
		for _, part := range twins.PartKinds() {
			if lacks(part.Follows) {
				found = append(found, d.lacking(k, cmp.Or(part.Entry, part.Name), part.Follows)...)
			}
		}
	}
	return found
}

// lacking returns the warning for the entries of a kind, or for one of their parts, that
// are modelled: those with a recording need no weather.
func (d *document) lacking(k *twins.Kind, part string, f twins.Follows) []problem.Warning {
	var first problem.Warning
	n := 0
	for i := range d.entries(k.Plural) {
		entry := &d.entries(k.Plural)[i]
		device, name := entry, entryName(k.Plural, i, entry)
		if part != "" {
			device, name = entry.get(part), joinPath(name, part)
		}
		if device == nil || device.form != formObject || device.get("recording") != nil {
			continue
		}
		if n++; n > 1 {
			continue
		}
		lacking, missing := "the scenario has no weather", "the key weather"
		if d.root.get("weather") != nil {
			lacking, missing = "the weather has no "+f.Quantity, "its column or the key wind"
		}
		first = d.warning(device.line, name, problem.WarnNoWeather, "%s, so it %s: likely %s is missing", lacking, f.Without, missing)
	}
	if n == 0 {
		return nil
	}
	if n > 1 {
		first.Text += fmt.Sprintf(" (as for %d more)", n-1)
	}
	return []problem.Warning{first}
}

// Seasons.

// otherSeason returns a warning for weather and recordings of the other hemisphere that are
// used in the same months, and for those of the same hemisphere moved by half a year.
func (d *document) otherSeason() (found []problem.Warning) {
	here := hemisphereOf(d.root.textOf("zone"))
	check := func(entry *tree, name, key, value string, there int) {
		if here*there == 0 {
			return
		}
		moved := movedByHalfAYear(recordingSpec(entry).Calendar)
		line := entry.line
		if at := entry.get(key); at != nil {
			line = at.line
		}
		switch {
		case here != there && !moved:
			found = append(found, d.warning(line, name, problem.WarnSeason, "recorded at %s and used in the same months in %s: its summer is winter there; likely a calendar is missing that moves it by half a year", value, d.root.textOf("zone")))
		case here == there && moved:
			found = append(found, d.warning(line, name, problem.WarnSeason, "recorded at %s and moved by half a year in %s, on the same hemisphere: its summer becomes winter; likely another record_day", value, d.root.textOf("zone")))
		}
	}
	if weather := d.root.get("weather"); weather != nil {
		spec := weatherSpec(weather)
		check(weather, "weather", "latitude_deg", fmt.Sprintf("latitude %g", spec.Place.Latitude), hemisphereAt(spec.Place.Latitude))
	}
	for i := range d.entries("recordings") {
		entry := &d.entries("recordings")[i]
		zone := entry.get("time").textOf("zone")
		check(entry, "recordings."+entry.textOf("id"), "time", zone, hemisphereOf(zone))
	}
	return found
}

// movedByHalfAYear reports whether a calendar takes the first weeks of the year from the
// middle of a year.
func movedByHalfAYear(parts []inputs.CalendarPart) bool {
	if len(parts) == 0 {
		return false
	}
	day, err := time.Parse(time.DateOnly, parts[0].RecordDay)
	return err == nil && day.Month() >= time.April && day.Month() <= time.September
}

// hemisphereAt returns 1 for the north, -1 for the south, and 0 for the tropics, which
// have no winter.
func hemisphereAt(latitude float64) int {
	const tropic = 23.5
	switch {
	case latitude > tropic:
		return 1
	case latitude < -tropic:
		return -1
	}
	return 0
}

// hemisphereOf is hemisphereAt for a time zone: the one in whose summer it has or had
// saving time; 0 if it never had any since 2000, which says nothing.
func hemisphereOf(zone string) int {
	at, err := loadZone(zone)
	if err != nil {
		return 0
	}
	for year := 2000; year <= 2020; year++ {
		_, january := time.Date(year, time.January, 1, 12, 0, 0, 0, at).Zone()
		_, july := time.Date(year, time.July, 1, 12, 0, 0, 0, at).Zone()
		if january != july {
			return cmp.Compare(july, january)
		}
	}
	if strings.HasPrefix(zone, "Australia/") {
		return -1
	}
	return 0
}
