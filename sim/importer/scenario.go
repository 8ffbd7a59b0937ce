package importer

import (
	"encoding/csv"
	"fmt"
	"math"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/smatrix-grid/smatrix/sim/problem"
)

// Options are what the caller states about the files.
type Options struct {
	Zone string // IANA name of stamps without an offset, where the form does not state it; "" is assumedZone
	Name string // of the scenario, and the beginning of the names of converted files
}

// mostDays bounds the length of a run, as scenarios do.
const mostDays = 36_600

// assumedZone is the zone of stamps if nothing states one: the scenarios' default.
const assumedZone = "Europe/Berlin"

// Plan is a scenario that reads the files.
type Plan struct {
	Scenario []byte    // YAML
	Data     []NewFile // converted files, to be written beside the scenario
	Findings []Finding // what each file is, in the order of the files
	Notes    []string  // about the scenario as a whole
}

// NewFile is a file to be written.
type NewFile struct {
	Name  string
	Bytes []byte
}

// Finding is what a file is taken for.
type Finding struct {
	File   string
	Preset string // name of the form; "" if it was guessed
	Said   []string
	Doubts []string // what was assumed
}

// Make looks at files and writes a scenario that reads them. Errors are *problem.At of a file
// that cannot be read, or *problem.Usage.
func Make(files []File, o Options) (*Plan, error) {
	name := firstOf(o.Zone, assumedZone)
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		return nil, &problem.Usage{What: fmt.Sprintf("--zone %q is unknown, wanted a name such as Europe/Berlin", o.Zone)}
	}
	w := &writer{name: o.Name, taken: map[string]bool{timeColumn: true}, last: map[string]int{}, plan: &Plan{}}
	if w.tables, err = readAll(files, zone, o.Zone != ""); err != nil {
		return nil, err
	}
	if err := w.cover(); err != nil {
		return nil, err
	}
	if err := w.write(); err != nil {
		return nil, err
	}
	return w.plan, nil
}

// readAll reads files into tables, in their order. Typical years are laid on the year of the
// first other file.
func readAll(files []File, zone *time.Location, given bool) ([]*table, error) {
	tables := make([]*table, len(files))
	year := 0
	for _, typical := range []bool{false, true} {
		for i, f := range files {
			s, err := look(f)
			if err != nil {
				return nil, err
			}
			if s.form.typical != typical {
				continue
			}
			if typical && year > 0 {
				s.year = year
			}
			if tables[i], err = s.read(zone, given); err != nil {
				return nil, err
			}
			if from, _ := tables[i].bounds(tables[i].zone); year == 0 {
				year = from.In(tables[i].zone).Year()
			}
		}
	}
	return tables, nil
}

// writer writes a scenario for tables.
type writer struct {
	name   string
	tables []*table
	plan   *Plan

	zone  *time.Location
	start time.Time
	days  int
	step  time.Duration
	taken map[string]bool // ids that were given
	last  map[string]int  // the last number behind each name

	recordings, sessions, weather, market []string // YAML of the scenario's parts
	homes, parks, vehicles                []string
	peak                                  float64 // W
}

// end returns the end of what a table covers; a middle's value holds for half an interval
// more, as the reader of weather allows.
func (t *table) end() time.Time {
	end := t.times[len(t.times)-1].Add(t.interval)
	if t.form.stamps == "middle" {
		end = end.Add(t.interval / 2)
	}
	return end
}

// cover finds the whole local days that all files cover, and the step.
func (w *writer) cover() error {
	var from, to time.Time
	w.step = time.Hour
	w.zone = w.tables[0].zone
	for _, t := range w.tables {
		if t.form.kind == recordings {
			w.zone = t.zone
			break
		}
	}
	for _, t := range w.tables {
		start, end := t.bounds(w.zone)
		if from.IsZero() || start.After(from) {
			from = start
		}
		if to.IsZero() || end.Before(to) {
			to = end
		}
		if t.form.kind == sessions {
			w.step = min(w.step, 15*time.Minute)
		} else {
			w.step = min(w.step, t.interval)
		}
	}
	if w.step < time.Second || 24*time.Hour%w.step != 0 {
		return w.tables[0].problem(0, "one value every %s, wanted an interval that divides a day", w.step)
	}
	from, to = from.In(w.zone), to.In(w.zone)
	w.start = midnight(from)
	if w.start.Before(from) {
		w.start = midnight(from.AddDate(0, 0, 1))
	}
	for w.days <= mostDays && !midnight(w.start.AddDate(0, 0, w.days+1)).After(to) {
		w.days++
	}
	if w.days > mostDays {
		return &problem.Usage{What: fmt.Sprintf("the files cover more than %d days from %s on, wanted fewer: is a year mistyped?", mostDays, w.start.Format(time.DateOnly))}
	}
	if w.days == 0 {
		return &problem.Usage{What: fmt.Sprintf("the files have no whole local day in common: from %s to %s in %s; wanted files of the same days",
			from.Format("2006-01-02 15:04"), to.Format("2006-01-02 15:04"), w.zone)}
	}
	return nil
}

func midnight(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, t.Location())
}

// bounds returns what a table covers: for sessions the days from the first arrival to the
// last departure.
func (t *table) bounds(zone *time.Location) (from, to time.Time) {
	if t.form.kind != sessions {
		return t.times[0], t.end()
	}
	for _, s := range t.stays {
		if from.IsZero() || s.from.Before(from) {
			from = s.from
		}
		if s.to.After(to) {
			to = s.to
		}
	}
	return midnight(from.In(zone)), midnight(to.In(zone).AddDate(0, 0, 1))
}

func (w *writer) write() error {
	for i, t := range w.tables {
		switch t.form.kind {
		case recordings:
			w.addRecording(t, i)
		case sessions:
			w.addSessions(t, i)
		case weather:
			w.addWeather(t, i)
		case market:
			w.addMarket(t, i)
		}
		if len(w.weather) > 1 || len(w.market) > 1 {
			return &problem.Usage{What: fmt.Sprintf("%s is a second file of %s, wanted one", t.Name, t.form.kind)}
		}
		if !t.stated {
			t.doubt("zone: %s, which neither the file nor --zone states", t.zone)
		}
		w.plan.Findings = append(w.plan.Findings, Finding{File: t.Name, Preset: t.form.name, Said: t.said, Doubts: t.doubts})
	}
	if len(w.homes)+len(w.parks)+len(w.vehicles) == 0 {
		w.homes = append(w.homes, "  - {id: home, community: homes, appliances: {}}")
		w.plan.Notes = append(w.plan.Notes, "no file has a load: one modelled home was added")
	}
	if len(w.weather) > 0 {
		w.parks = append(w.parks, "  - {id: panels, community: supply, rated_w: 5000, tilt_deg: 30, azimuth_deg: 180} # modelled from the weather")
		w.plan.Notes = append(w.plan.Notes, "panels of 5 kWp were added, modelled from the weather")
	}
	w.plan.Scenario = []byte(w.yaml())
	return nil
}

// describe says what was found about a table's times and gaps, and returns how many values
// the run lacks.
func (w *writer) describe(t *table) (gaps int) {
	names := make([]string, len(t.columns))
	for i, c := range t.columns {
		names[i] = c.to
	}
	shown := strings.Join(names[:min(len(names), 8)], ", ")
	if len(names) > 8 {
		shown += fmt.Sprintf(", … (%d in all)", len(names))
	}
	t.say("columns: %s", shown)
	t.say("%d rows from %s to %s, zone %s, one every %s", len(t.times), t.times[0].In(t.zone).Format("2006-01-02 15:04"), t.times[len(t.times)-1].Add(t.interval).In(t.zone).Format("2006-01-02 15:04"), t.zone, shortDuration(t.interval))
	end := w.start.AddDate(0, 0, w.days)
	longest := time.Duration(0)
	for i := 1; i < len(t.times); i++ {
		apart := t.times[i].Sub(t.times[i-1])
		if apart != t.interval && t.times[i].After(w.start) && t.times[i-1].Before(end) {
			gaps += int(apart/t.interval) - 1
			longest = max(longest, apart-t.interval)
		}
	}
	for k := range t.values {
		for i, v := range t.values[k] {
			if v == none && !t.times[i].Before(w.start) && t.times[i].Before(end) {
				gaps++
			}
		}
	}
	if gaps > 0 {
		t.doubt("%d values are missing in the days of the run (longest gap between rows %s): filled as gaps: says", gaps, shortDuration(longest))
	} else {
		t.say("gaps: none")
	}
	return gaps
}

func shortDuration(d time.Duration) string {
	switch {
	case d%time.Hour == 0:
		return fmt.Sprintf("%d h", d/time.Hour)
	case d%time.Minute == 0:
		return fmt.Sprintf("%d min", d/time.Minute)
	}
	return fmt.Sprintf("%d s", d/time.Second)
}

// file returns the path by which the scenario refers to a table: of the file itself if
// scenarios read its form, otherwise of a converted one.
func (w *writer) file(t *table, i int, convert func() []byte) string {
	if t.plain {
		return t.Path
	}
	name := fmt.Sprintf("%s-%s.csv", w.name, firstOf(strings.ReplaceAll(t.form.name, "_", "-"), string(t.form.kind)))
	for slices.ContainsFunc(w.plan.Data, func(f NewFile) bool { return f.Name == name }) {
		name = fmt.Sprintf("%s-%d.csv", strings.TrimSuffix(name, ".csv"), i+1)
	}
	w.plan.Data = append(w.plan.Data, NewFile{name, convert()})
	t.say("converted to %s: scenarios do not read the form of the file itself", name)
	return name
}

// timeColumn is the column of stamps in converted files.
const timeColumn = "time"

// csvText writes a table as a CSV with a column time: moments with their offset, values as in
// the file with a decimal point.
func (t *table) csvText(names []string) []byte {
	b := &strings.Builder{}
	c := csv.NewWriter(b)
	_ = c.Write(append([]string{timeColumn}, names...)) // a Builder does not fail
	record := make([]string, 1+len(names))
	for i, at := range t.times {
		if t.form.stamps == "middle" {
			at = at.Add(t.interval / 2)
		}
		record[0] = at.In(t.zone).Format(time.RFC3339)
		for k := range names {
			if record[1+k] = ""; t.values[k][i] != none {
				record[1+k] = decimalText(t.values[k][i])
			}
		}
		_ = c.Write(record)
	}
	c.Flush()
	return []byte(b.String())
}

// id returns an id for a name that no other has: lower case, ä as ae, other characters than
// letters and digits as one -. A name that YAML reads as a number, a date or a word of its own
// gets column- in front, one that is taken gets the next number behind.
func (w *writer) id(name string) string {
	b := &strings.Builder{}
	for _, r := range umlauts.Replace(strings.ToLower(name)) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '_' && b.Len() > 0:
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	text := firstOf(strings.Trim(b.String(), "-"), "column")
	if startsWithDigit(text) || slices.Contains(yamlWords, text) {
		text = "column-" + text
	}
	text = strings.TrimRight(text[:min(len(text), 60)], "-")
	id := text
	for n := 2; w.taken[id]; n++ {
		n = max(n, w.last[text]+1)
		w.last[text], id = n, fmt.Sprintf("%s-%d", text, n)
	}
	w.taken[id] = true
	return id
}

// yamlWords are words that YAML 1.1 or 1.2 does not read as texts.
var yamlWords = []string{"null", "true", "false", "yes", "no", "on", "off", "y", "n"}

var umlauts = strings.NewReplacer("ä", "ae", "ö", "oe", "ü", "ue", "ß", "ss")

func (w *writer) addRecording(t *table, i int) {
	recording := w.id(firstOf(strings.ReplaceAll(t.form.name, "_", "-"), "meters"))
	ids := make([]string, len(t.columns))
	for k := range t.columns {
		ids[k] = w.id(t.columns[k].to)
		t.columns[k].to = ids[k]
	}
	gaps := "refuse"
	if w.describe(t) > 0 {
		gaps = "linear"
	}
	entry := fmt.Sprintf("  - id: %s\n    file: %s\n    unit: %s\n    gaps: %s\n", recording, quote(w.file(t, i, func() []byte { return t.csvText(ids) })), t.form.unit, gaps)
	if t.plain {
		entry += fmt.Sprintf("    time: {column: %s, zone: %s}\n    columns:\n", quote(t.form.time), t.zone)
		for k, c := range t.columns {
			entry += fmt.Sprintf("      %s: %s\n", ids[k], quote(c.from))
		}
	}
	w.recordings = append(w.recordings, strings.TrimSuffix(entry, "\n"))
	home := ""
	for k, c := range t.columns {
		w.peak += t.peak(k)
		ref := fmt.Sprintf("{recording: %s, column: %s}", recording, ids[k])
		switch {
		case c.role == load:
			home = ids[k]
			w.homes = append(w.homes, fmt.Sprintf("  - id: %s\n    community: homes\n    load: %s", home, ref))
		case c.role == roof && home != "":
			w.homes[len(w.homes)-1] += "\n    pv: " + ref
		default:
			w.parks = append(w.parks, fmt.Sprintf("  - {id: %s, community: supply, recording: %s, column: %s}", w.id("plant-"+ids[k]), recording, ids[k]))
		}
	}
}

// watts is the power of a value of 1 in a unit, W; of an energy per interval.
func (t *table) watts(unit string) float64 {
	w := 1.0
	if strings.HasPrefix(unit, "k") {
		w = 1000
	}
	if strings.HasSuffix(unit, "h") {
		w *= float64(time.Hour) / float64(t.interval)
	}
	return w
}

func (t *table) peak(k int) float64 {
	high := 0.0
	for _, v := range t.values[k] {
		if v != none {
			high = math.Max(high, float64(v)/micro)
		}
	}
	return high * t.watts(t.form.unit)
}

// guessUnit returns the unit in which the mean of all columns is nearest to that of a
// home, 500 W.
func (t *table) guessUnit() (best string) {
	sum, n := 0.0, 0
	for k := range t.values {
		for _, v := range t.values[k] {
			if v != none {
				sum += float64(v) / micro
				n++
			}
		}
	}
	apart := math.Inf(1)
	for _, unit := range []string{"kWh", "Wh", "kW", "W"} {
		mean := sum / float64(max(n, 1)) * t.watts(unit)
		if a := math.Abs(math.Log(math.Max(mean, 1e-9) / 500)); a < apart {
			best, apart = unit, a
		}
	}
	return best
}

func (w *writer) addSessions(t *table, i int) {
	list := w.id(strings.ReplaceAll(t.form.name, "_", "-"))
	users := map[string]string{}
	var order []string
	for k := range t.stays {
		s := &t.stays[k]
		if users[s.user] == "" {
			users[s.user] = w.id(s.user)
			order = append(order, users[s.user])
		}
		s.user = users[s.user]
	}
	t.say("sessions: %d of %d vehicles: %s; zone %s", len(t.stays), len(order), strings.Join(order[:min(len(order), 8)], ", "), t.zone)
	slices.SortStableFunc(t.stays, func(a, b stay) int { return a.from.Compare(b.from) })
	t.plain = false
	file := w.file(t, i, func() []byte {
		b := &strings.Builder{}
		b.WriteString("user,arrive,leave,energy\n")
		for _, s := range t.stays {
			fmt.Fprintf(b, "%s,%s,%s,%s\n", s.user, s.from.In(t.zone).Format(time.RFC3339), s.to.In(t.zone).Format(time.RFC3339), s.energy)
		}
		return []byte(b.String())
	})
	w.sessions = append(w.sessions, fmt.Sprintf("  - {id: %s, file: %s, unit: %s}", list, quote(file), t.form.unit))
	for _, user := range order {
		w.vehicles = append(w.vehicles, fmt.Sprintf("  - {id: %s, community: homes, rated_a: 16, phases: 3, sessions: {list: %s, user: %s}}", user, list, user))
		w.peak += 11_000
	}
	w.plan.Notes = append(w.plan.Notes, "chargers are of 16 A on three phases: change rated_a and phases if yours differ")
}

func (w *writer) addWeather(t *table, i int) {
	gaps := "refuse"
	if w.describe(t) > 0 {
		gaps = "clear_sky"
	}
	if t.form.typical {
		t.doubt("months of different years are laid on %d", t.year)
	}
	names := make([]string, len(t.columns))
	entry := ""
	for k, c := range t.columns {
		names[k] = c.to
		entry += fmt.Sprintf("    %s: %s\n", c.to, c.to)
	}
	stamps := "start"
	if t.form.stamps == "middle" {
		stamps = "middle"
	}
	t.plain = false
	t.say("place: latitude %s, longitude %s, elevation %s m", t.place.latitude, t.place.longitude, t.place.elevation)
	w.weather = append(w.weather, fmt.Sprintf("  file: %s\n  time: {stamps: %s}\n  latitude_deg: %s\n  longitude_deg: %s\n  elevation_m: %s\n  gaps: %s\n  columns:\n%s",
		quote(w.file(t, i, func() []byte { return t.csvText(names) })), stamps, t.place.latitude, t.place.longitude, t.place.elevation, gaps, strings.TrimSuffix(entry, "\n")))
}

func (w *writer) addMarket(t *table, i int) {
	w.describe(t)
	t.plain = false
	w.market = append(w.market, fmt.Sprintf("  file: %s\n  columns: {price_eur_per_mwh: price}", quote(w.file(t, i, func() []byte { return t.csvText([]string{"price"}) }))))
}

// quote formats a text for YAML.
func quote(s string) string { return strconv.Quote(s) }

func (w *writer) yaml() string {
	b := &strings.Builder{}
	fmt.Fprintf(b, "# Written by smatrix scenario import. What was assumed:\n")
	for _, f := range w.plan.Findings {
		for _, d := range f.Doubts {
			fmt.Fprintf(b, "# - %s: %s\n", oneLine(path.Base(filepath.ToSlash(f.File))), oneLine(d))
		}
	}
	for _, n := range w.plan.Notes {
		fmt.Fprintf(b, "# - %s\n", oneLine(n))
	}
	fmt.Fprintf(b, "\nstart: %s\nzone: %s\nstep_s: %d\ndays: %d\n", w.start.Format(time.DateOnly), w.zone, int(w.step/time.Second), w.days)
	list := func(key string, entries []string) {
		if len(entries) > 0 {
			fmt.Fprintf(b, "\n%s:\n%s\n", key, strings.Join(entries, "\n"))
		}
	}
	list("recordings", w.recordings)
	list("sessions", w.sessions)
	list("weather", w.weather)
	list("market", w.market)
	communities := []string{"  - id: supply # plants and ties"}
	if len(w.homes)+len(w.vehicles) > 0 {
		communities = append([]string{"  - id: homes"}, communities...)
	}
	list("communities", communities)
	list("households", w.homes)
	list("vehicles", w.vehicles)
	list("solar_parks", w.parks)
	limit := int64(math.Ceil(w.peak/100_000)+1) * 100_000
	list("ties", []string{fmt.Sprintf("  - {id: tie, community: supply, import_w: %d, export_w: %d} # above all peaks", limit, limit)})
	return b.String()
}

// oneLine removes what would end a comment.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, s)
}
