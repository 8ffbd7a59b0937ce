package importer

import (
	"cmp"
	"fmt"
	"io/fs"
	"math"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/smatrix-grid/smatrix/sim/inputs"
	"github.com/smatrix-grid/smatrix/sim/problem"
)

// Options are what the caller states about the files.
type Options struct {
	Zone string // IANA name of the days of the run, and of stamps without an offset where the form does not state it; "" is assumedZone
	Unit string // W | kW | Wh | kWh, of columns whose names have none; "" if the caller does not know it
	Name string // of the scenario, and the beginning of the names of converted files
}

// mostDays bounds the length of a run, as scenarios do.
const mostDays = 36_600

// assumedZone is the zone of stamps if nothing states one: the scenarios' default.
const assumedZone = "Europe/Berlin"

// Plan is a scenario that reads the files.
type Plan struct {
	Scenario []byte            // YAML
	Data     []NewFile         // converted files, to be written beside the scenario: of forms that scenarios do not read
	Findings []Finding         // what each file is, in the order of the files
	Notes    []string          // about the scenario as a whole
	Warnings []problem.Warning // that a run does not repeat: of what was joined here
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

// Make looks at files and writes a scenario that reads them. fsys opens them by their Path.
// Errors are *problem.At of a file that cannot be read, or *problem.Usage.
func Make(fsys fs.FS, files []File, o Options) (*Plan, error) {
	zone, err := time.LoadLocation(cmp.Or(o.Zone, assumedZone))
	if err != nil || o.Zone == "Local" {
		return nil, &problem.Usage{What: fmt.Sprintf("--zone %q is unknown, wanted a name such as Europe/Berlin", o.Zone)}
	}
	if o.Unit != "" && !slices.Contains(units, o.Unit) {
		return nil, &problem.Usage{What: fmt.Sprintf("--unit %q is unknown, wanted W, kW, Wh or kWh", o.Unit)}
	}
	w := &writer{name: o.Name, taken: map[string]bool{"time": true}, last: map[string]int{}, plan: &Plan{}}
	if w.asked = o.Zone != ""; w.asked {
		w.zone = zone
	}
	if w.tables, err = readAll(fsys, files, zone, o); err != nil {
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

// readAll looks at files and reads them, in their order. Typical years are laid on the year of
// the first other file.
func readAll(fsys fs.FS, files []File, zone *time.Location, o Options) ([]*table, error) {
	tables := make([]*table, len(files))
	year := 0
	for _, typical := range []bool{false, true} {
		for i, f := range files {
			s, err := look(fsys, f, zone, o)
			if err != nil {
				return nil, err
			}
			if s.form.typical != typical {
				continue
			}
			if typical {
				s.format.Year = strconv.Itoa(cmp.Or(year, typicalYear))
			}
			if tables[i], err = s.read(); err != nil {
				return nil, err
			}
			year = cmp.Or(year, tables[i].from.In(s.zone).Year())
		}
	}
	return tables, nil
}

// writer writes a scenario for tables.
type writer struct {
	name   string
	tables []*table
	plan   *Plan

	zone  *time.Location // of the days of the run
	asked bool           // the caller states it
	start time.Time
	days  int
	step  time.Duration
	taken map[string]bool // ids that were given
	last  map[string]int  // the last number behind each name

	recordings, sessions, weather, market []string // YAML of the scenario's parts
	homes, parks, vehicles                []string
	fedIn                                 []member // of files without the home that fed in
	peak                                  float64  // W
}

// cover finds the whole local days that all files cover, and the step.
func (w *writer) cover() error {
	var from, to time.Time
	w.step = time.Hour
	if !w.asked {
		w.zone = w.tables[0].zone
	}
	for _, t := range w.tables {
		if t.form.kind == recordings && !w.asked {
			w.zone = t.zone
			break
		}
	}
	for _, t := range w.tables {
		start, end := t.from, t.to
		if t.form.kind == sessions {
			start, end = midnight(start.In(w.zone)), midnight(end.In(w.zone).AddDate(0, 0, 1))
			w.step = min(w.step, 15*time.Minute)
		} else {
			step := t.interval
			if t.format.Intervals != "" && step < time.Minute { // events have no interval of their own
				step = 15 * time.Minute
			}
			w.step = min(w.step, step)
		}
		if from.IsZero() || start.After(from) {
			from = start
		}
		if to.IsZero() || end.Before(to) {
			to = end
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
		counter := ""
		if slices.ContainsFunc(w.tables, (*table).hasCounter) {
			counter = " (readings of a counter enclose one interval less than there are readings)"
		}
		return &problem.Usage{What: fmt.Sprintf("the files have no whole local day in common: from %s to %s in %s%s; wanted files of the same days",
			from.Format("2006-01-02 15:04"), to.Format("2006-01-02 15:04"), w.zone, counter)}
	}
	return nil
}

func midnight(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, t.Location())
}

func (w *writer) write() error {
	for i, t := range w.tables {
		switch t.form.kind {
		case recordings:
			w.addRecordings(t, i)
		case sessions:
			w.addSessions(t)
		case weather:
			w.addWeather(t)
		case market:
			w.addMarket(t)
		}
		if len(w.weather) > 1 || len(w.market) > 1 {
			return &problem.Usage{What: fmt.Sprintf("%s is a second file of %s, wanted one", t.Name, t.form.kind)}
		}
		w.sayZone(t)
		w.sayNotRun(t)
		w.plan.Warnings = append(w.plan.Warnings, t.warnings...)
		w.plan.Findings = append(w.plan.Findings, Finding{File: t.Name, Preset: t.form.name, Said: t.said, Doubts: t.doubts})
	}
	w.addFedIn()
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

func shortDuration(d time.Duration) string {
	switch {
	case d%time.Hour == 0:
		return fmt.Sprintf("%d h", d/time.Hour)
	case d%time.Minute == 0:
		return fmt.Sprintf("%d min", d/time.Minute)
	}
	return fmt.Sprintf("%d s", d/time.Second)
}

// file returns the path by which the scenario refers to a table: of the file itself, or of
// what it was converted to.
func (w *writer) file(t *table, i int) string {
	if t.made == nil {
		return t.Path
	}
	name := fmt.Sprintf("%s-%s.csv", w.name, strings.ReplaceAll(t.form.name, "_", "-"))
	for slices.ContainsFunc(w.plan.Data, func(f NewFile) bool { return f.Name == name }) {
		name = fmt.Sprintf("%s-%d.csv", strings.TrimSuffix(name, ".csv"), i+1)
	}
	w.plan.Data = append(w.plan.Data, NewFile{name, t.made})
	t.say("converted to %s: scenarios do not read a column for each time", name)
	return name
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
	text := cmp.Or(strings.Trim(b.String(), "-"), "column")
	if text[0] >= '0' && text[0] <= '9' || slices.Contains(yamlWords, text) {
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

// addRecordings adds an entry for each group of columns that are read alike.
func (w *writer) addRecordings(t *table, i int) {
	file := w.file(t, i)
	homes := map[string]int{} // by the name of their column: their place among the homes
	var panels []member
	for _, g := range t.groups() {
		recording := w.id(cmp.Or(strings.ReplaceAll(t.form.name, "_", "-"), "meters"))
		entry := fmt.Sprintf("  - id: %s\n    file: %s\n    unit: %s\n    gaps: %s\n    time: %s\n", recording, quote(file), g.unit, t.gaps(g), t.time())
		if keys := formatKeys(g.format); keys != "" {
			entry += "    format: " + keys + "\n"
		}
		entry += "    columns:\n"
		for _, k := range g.columns {
			c := t.columns[k]
			id := w.id(c.to)
			entry += fmt.Sprintf("      %s: %s\n", id, c.names())
			m := member{recording: recording, column: id, owner: c.owner, fedIn: c.fedIn}
			if c.role == load {
				homes[c.to] = len(w.homes)
				w.addHome(m, g.net)
			} else {
				if g.below {
					m.column += "-export"
				}
				panels = append(panels, m)
			}
			w.peak += t.peak(k, g.unit)
		}
		w.recordings = append(w.recordings, strings.TrimSuffix(entry, "\n"))
	}
	for _, m := range panels {
		at, owned := homes[m.owner]
		switch {
		case owned:
			w.homes[at] += "\n    pv: " + m.ref()
		case m.fedIn:
			w.fedIn = append(w.fedIn, m)
		default:
			w.addPark(m)
		}
	}
}

// member is a column of a recording on its way to a home or a plant.
type member struct {
	recording, column string
	owner             string // the column of the home whose panels it is
	fedIn             bool   // the register of what a home fed in, whose other register is in another file
}

func (m member) ref() string {
	return fmt.Sprintf("{recording: %s, column: %s}", m.recording, m.column)
}

// addHome adds the home of a column; net: the column makes a second one, of what was fed in.
func (w *writer) addHome(m member, net bool) {
	entry := fmt.Sprintf("  - id: %s\n    community: homes\n    load: %s", m.column, m.ref())
	if net {
		entry += "\n    pv: " + member{recording: m.recording, column: m.column + "-export"}.ref()
	}
	w.homes = append(w.homes, entry)
}

func (w *writer) addPark(m member) {
	w.parks = append(w.parks, fmt.Sprintf("  - {id: %s, community: supply, recording: %s, column: %s}", w.id("plant-"+m.column), m.recording, m.column))
}

// addFedIn gives the registers of what was fed in that have a file of their own to the only home of the
// other files; otherwise each is a plant.
func (w *writer) addFedIn() {
	for _, m := range w.fedIn {
		if len(w.homes) == 1 && len(w.fedIn) == 1 && !strings.Contains(w.homes[0], "\n    pv: ") {
			w.homes[0] += "\n    pv: " + m.ref()
			w.plan.Notes = append(w.plan.Notes, fmt.Sprintf("%s is what the home fed in: its meter has the net of both files, also where both are above 0 in one interval", m.column))
			continue
		}
		w.addPark(m)
	}
}

func (w *writer) addSessions(t *table) {
	list := w.id(cmp.Or(strings.ReplaceAll(t.form.name, "_", "-"), "sessions"))
	var ids []string
	for _, user := range t.users {
		id := w.id(user)
		ids = append(ids, id)
		w.vehicles = append(w.vehicles, fmt.Sprintf("  - {id: %s, community: homes, rated_a: 16, phases: 3, sessions: {list: %s, user: %s}}", id, list, quote(user)))
		w.peak += 11_000
	}
	t.say("sessions: %d of %d vehicles: %s; zone %s", t.stays, len(ids), strings.Join(ids[:min(len(ids), 8)], ", "), t.zone)
	user := ""
	if t.form.user != "" {
		user = "user: " + quote(t.form.user) + ", "
	}
	keys := fmt.Sprintf("id: %s, file: %s, unit: %s, zone: %s, columns: {%sarrive: %s, leave: %s, energy: %s}", list, quote(t.Path), t.form.unit, t.zone,
		user, quote(t.form.arrive), quote(t.form.leave), quote(t.form.energy))
	if t.guest != "" {
		keys += ", guest: " + t.guest
	}
	if t.incomplete {
		keys += ", incomplete: leave_out"
	}
	if format := formatKeys(t.format); format != "" {
		keys += ", format: " + format
	}
	w.sessions = append(w.sessions, "  - {"+keys+"}")
	w.plan.Notes = append(w.plan.Notes, "chargers are of 16 A on three phases: change rated_a and phases if yours differ")
}

func (w *writer) addWeather(t *table) {
	gaps := "refuse"
	if t.missing > 0 {
		gaps = "clear_sky"
	}
	if t.form.typical {
		t.doubt("months of different years are laid on %s", t.format.Year)
	}
	t.say("place: latitude %s, longitude %s, elevation %s m", t.place.latitude, t.place.longitude, t.place.elevation)
	entry := fmt.Sprintf("  file: %s\n  time: %s\n", quote(t.Path), t.time())
	if keys := formatKeys(t.format); keys != "" {
		entry += "  format: " + keys + "\n"
	}
	entry += fmt.Sprintf("  latitude_deg: %s\n  longitude_deg: %s\n  elevation_m: %s\n", t.place.latitude, t.place.longitude, t.place.elevation)
	if t.place.tilt != 0 {
		entry += fmt.Sprintf("  plane: {tilt_deg: %g, azimuth_deg: %g}\n", t.place.tilt, t.place.azimuth)
	}
	entry += "  gaps: " + gaps + "\n  columns:\n"
	for _, c := range t.columns {
		entry += fmt.Sprintf("    %s: %s\n", c.to, c.names())
	}
	w.weather = append(w.weather, strings.TrimSuffix(entry, "\n"))
}

func (w *writer) addMarket(t *table) {
	entry := fmt.Sprintf("  file: %s\n  time: %s\n", quote(t.Path), t.time())
	if keys := formatKeys(t.format); keys != "" {
		entry += "  format: " + keys + "\n"
	}
	w.market = append(w.market, entry+fmt.Sprintf("  columns: {price_eur_per_mwh: %s}", t.columns[0].names()))
}

// time returns the keys of a table's stamps as YAML.
func (t *table) time() string {
	keys := fmt.Sprintf("{column: %s, zone: %s", quote(t.columnNamed(t.form.time)), t.zone)
	if t.form.stamps != "" && t.form.stamps != "start" {
		keys += ", stamps: " + t.form.stamps
	}
	return keys + "}"
}

// formatKeys returns a format as YAML, "" if a file has none of its keys.
func formatKeys(f inputs.Format) string {
	var keys []string
	add := func(key, value string) {
		if value != "" {
			keys = append(keys, key+": "+value)
		}
	}
	text := func(s string) string {
		if s == "" {
			return ""
		}
		return quote(s)
	}
	add("encoding", f.Encoding)
	add("separator", f.Separator)
	add("header", f.Header)
	add("undated", f.Undated)
	add("quotes", f.Quotes)
	if len(f.Missing) > 0 {
		words := make([]string, len(f.Missing))
		for i, word := range f.Missing {
			words[i] = quote(word)
		}
		add("missing", "["+strings.Join(words, ", ")+"]")
	}
	add("decimal", f.Decimal)
	add("thousands", f.Thousands)
	add("date", text(f.Date))
	add("clock", text(f.Clock))
	add("span", text(f.Span))
	add("year", f.Year)
	if f.NewestFirst {
		add("newest_first", "true")
	}
	add("meter", text(f.Meter))
	add("value", text(f.Value))
	add("units", text(f.Units))
	add("intervals", f.Intervals)
	add("reading", f.Reading)
	add("negative", f.Negative)
	add("clip_below", f.ClipBelow)
	if len(keys) == 0 {
		return ""
	}
	return "{" + strings.Join(keys, ", ") + "}"
}

// quote formats a text for YAML.
func quote(s string) string { return strconv.Quote(s) }

func (w *writer) yaml() string {
	b := &strings.Builder{}
	fmt.Fprintf(b, "# Written by smatrix scenario import. What was assumed:\n")
	for _, f := range w.plan.Findings {
		for _, d := range f.Doubts {
			fmt.Fprintf(b, "# - %s: %s\n", inComment(path.Base(filepath.ToSlash(f.File))), inComment(d))
		}
	}
	for _, n := range w.plan.Notes {
		fmt.Fprintf(b, "# - %s\n", inComment(n))
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

// inComment replaces what would end a comment in YAML, or act on a terminal, by blanks.
func inComment(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
			return ' '
		}
		return r
	}, s)
}
