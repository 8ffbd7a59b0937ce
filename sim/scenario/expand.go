package scenario

import (
	"slices"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/smatrix-grid/smatrix/sim/inputs"
	"github.com/smatrix-grid/smatrix/sim/problem"
)

// expand replaces each entry with a * in its id by one entry for each column, user or owner
// that fits. Kinds that own others are expanded first, because devices can follow owners.
func (d *document) expand() error {
	var found []error
	for _, k := range memberKinds() {
		l := d.root.get(k.Plural)
		if l == nil || !slices.ContainsFunc(l.items, func(e tree) bool { return hasStar(&e) }) {
			continue
		}
		var all []tree
		for i := range l.items {
			entry := &l.items[i]
			if !hasStar(entry) {
				all = append(all, *entry)
				continue
			}
			p := pattern{document: d, name: entryName(k.Plural, i, entry), entry: entry}
			if err := p.find(); err != nil {
				found = append(found, err)
				continue
			}
			for _, captured := range p.captured {
				if idPart(captured) == "" {
					found = append(found, p.errorAt(entry.line, "%s: its * is %q, which leaves nothing for an id, wanted a letter or a digit in it", p.name, captured))
					continue
				}
				e := entry.clone()
				e.texts("", func(path string, t *tree) {
					with := captured
					if path == "id" || path == "owner" || path == "community" {
						with = idPart(captured)
					}
					t.text = strings.Replace(t.text, "*", with, 1)
				})
				found = append(found, d.entryShape(k.Plural, len(all), &e)...)
				all = append(all, e)
			}
		}
		l.items = all
	}
	return problem.Join(found)
}

// idPart returns what a * becomes in an id: letters in lower case, ä, ö, ü and ß as ae, oe, ue
// and ss, other letters without their accents, and each run of other characters as one -, none at
// the ends. House 12 (Süd) becomes house-12-sued. What fits into an id stays as it is.
func idPart(captured string) string {
	if strings.Trim(captured, "abcdefghijklmnopqrstuvwxyz0123456789_-") == "" {
		return captured
	}
	text := strings.NewReplacer("ä", "ae", "ö", "oe", "ü", "ue", "ß", "ss").Replace(norm.NFC.String(strings.ToLower(captured)))
	var id strings.Builder
	apart := false
	for _, c := range norm.NFD.String(text) {
		switch {
		case 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '_':
			if apart && id.Len() > 0 {
				id.WriteByte('-')
			}
			apart = false
			id.WriteRune(c)
		case !unicode.Is(unicode.Mn, c): // an accent
			apart = true
		}
	}
	return id.String()
}

func hasStar(entry *tree) (has bool) {
	entry.texts("", func(_ string, t *tree) { has = has || strings.Contains(t.text, "*") })
	return has
}

// pattern is an entry with a * in its id, which stands for many entries. Its first column of a
// recording with a * says what the * matches; without one the user of its sessions does, and
// without that its owner.
type pattern struct {
	*document
	name     string
	entry    *tree
	captured []string // what the * becomes, by entry
}

// find sets captured, or returns what is wrong with the pattern.
func (p *pattern) find() error {
	var starred, plain *tree
	var starredPath, plainPath string
	references("", p.entry, func(path string, ref *tree) {
		if strings.Contains(ref.textOf("column"), "*") {
			if starred == nil {
				starred, starredPath = ref, path
			}
		} else if plain == nil {
			plain, plainPath = ref, path
		}
	})
	var twice error
	p.entry.texts("", func(path string, t *tree) {
		if strings.Count(t.text, "*") > 1 && twice == nil {
			twice = p.errorAt(t.line, "%s.%s: %q has more than one *, wanted one at most", p.name, path, t.text)
		}
	})
	id, owner, user := p.entry.get("id"), p.entry.get("owner"), p.entry.get("sessions")
	if user == nil {
		user = &tree{}
	}
	switch hasID := strings.Contains(id.text, "*"); {
	case twice != nil:
		return twice
	case hasID && starred != nil:
		return p.byColumn(starredPath, starred)
	case hasID && strings.Contains(user.textOf("user"), "*"):
		return p.byUser(user)
	case hasID && owner != nil && strings.Contains(owner.text, "*"):
		return p.byOwner(owner)
	case hasID && plain != nil:
		return p.errorAt(id.line, "%s: id has a * and %s.column %q has none, wanted one in both or in none", p.name, plainPath, plain.textOf("column"))
	case hasID:
		return p.errorAt(id.line, "%s: id has a * and nothing that it could follow, wanted one in owner as well", p.name)
	case starred != nil:
		return p.errorAt(starred.line, "%s: %s.column %q has a * and id has none, wanted one in both or in none", p.name, starredPath, starred.textOf("column"))
	}
	return p.errorAt(p.entry.line, "%s: a * in it and none in id, wanted one in both or in none", p.name)
}

// byColumn matches the * with the columns of a recording, in the order of the file.
func (p *pattern) byColumn(path string, ref *tree) error {
	recording := entryOf(p.root.get("recordings"), ref.textOf("recording"))
	if recording == nil {
		id := ref.get("recording")
		return p.errorAt(id.line, "%s.%s.recording: no recording %q, %s", p.name, path, id.text, problem.Wanted(id.text, p.ids("recordings")))
	}
	columns, err := p.columnsOf(recording)
	if err != nil {
		return err
	}
	column := ref.get("column")
	if p.capture(column.text, columns.names); len(p.captured) == 0 {
		return p.errorAt(column.line, "%s.%s.column: recording %s has no column that fits %q, %s",
			p.name, path, ref.textOf("recording"), column.text, problem.Wanted(column.text, columns.names))
	}
	return nil
}

// byUser matches the * with the users of a file of sessions, in alphabetical order.
func (p *pattern) byUser(ref *tree) error {
	list, user := ref.get("list"), ref.get("user")
	sessions := entryOf(p.root.get("sessions"), list.text)
	if sessions == nil {
		return p.errorAt(list.line, "%s.sessions.list: no sessions %q, %s", p.name, list.text, problem.Wanted(list.text, p.ids("sessions")))
	}
	users, err := p.usersOf(sessions)
	if err != nil {
		return err
	}
	if p.capture(user.text, users); len(p.captured) == 0 {
		return p.errorAt(user.line, "%s.sessions.user: sessions %s have no user that fits %q, %s", p.name, list.text, user.text, problem.Wanted(user.text, users))
	}
	return nil
}

// byOwner matches the * with the ids of the owners in the entry's community.
func (p *pattern) byOwner(owner *tree) error {
	var ids []string
	for _, k := range memberKinds() {
		for i := range p.entries(k.Plural) {
			if e := &p.entries(k.Plural)[i]; owns(k) && e.textOf("community") == p.entry.textOf("community") {
				ids = append(ids, e.textOf("id"))
			}
		}
	}
	if p.capture(owner.text, ids); len(p.captured) == 0 {
		return p.errorAt(owner.line, "%s.owner: no household in community %q fits %q, %s",
			p.name, p.entry.textOf("community"), owner.text, problem.Wanted(owner.text, ids))
	}
	return nil
}

// capture adds what the * of a pattern captures in each of words that fits it.
func (p *pattern) capture(pattern string, words []string) {
	for _, w := range words {
		if captured, ok := matchStar(pattern, w); ok && captured != "" && captured != "*" {
			p.captured = append(p.captured, captured)
		}
	}
}

// matchStar matches a word with a pattern that has at most one *, and returns what the *
// captures.
func matchStar(pattern, word string) (captured string, ok bool) {
	before, after, has := strings.Cut(pattern, "*")
	if !has {
		return "", pattern == word
	}
	if len(word) < len(before)+len(after) || !strings.HasPrefix(word, before) || !strings.HasSuffix(word, after) {
		return "", false
	}
	return word[len(before) : len(word)-len(after)], true
}

// sessionsSpec returns an entry as inputs.ReadSessions takes it.
func sessionsSpec(entry *tree) (spec inputs.SessionsSpec) {
	spec.ID, spec.File = entry.textOf("id"), entry.textOf("file")
	spec.Unit, spec.Zone, spec.WeeksFrom = entry.textOf("unit"), entry.textOf("zone"), entry.textOf("weeks_from")
	spec.Format = formatOf(entry.get("format"))
	spec.Guest, spec.Incomplete = entry.textOf("guest"), entry.textOf("incomplete")
	spec.MinWeeks, _ = strconv.Atoi(entry.textOf("min_weeks")) // the schema allows only whole numbers
	if c := entry.get("columns"); c != nil {
		spec.Columns.User, spec.Columns.Arrive = c.textOf("user"), c.textOf("arrive")
		spec.Columns.Leave, spec.Columns.Energy = c.textOf("leave"), c.textOf("energy")
	}
	return spec
}

// recordingSpec returns an entry as inputs.ReadRecording takes it.
func recordingSpec(entry *tree) (spec inputs.RecordingSpec) {
	spec.ID, spec.File = entry.textOf("id"), entry.textOf("file")
	spec.Unit, spec.Format = entry.textOf("unit"), formatOf(entry.get("format"))
	spec.Gaps, spec.Longest = gapsOf(entry.get("gaps"))
	if t := entry.get("time"); t != nil {
		spec.Time.Column, spec.Time.Zone, spec.Time.Stamps = t.textOf("column"), t.textOf("zone"), t.textOf("stamps")
	}
	if c := entry.get("calendar"); c != nil {
		for i := range c.items {
			week, _ := strconv.Atoi(c.items[i].textOf("from_week")) // the schema allows only whole numbers
			spec.Calendar = append(spec.Calendar, inputs.CalendarPart{FromWeek: week, RecordDay: c.items[i].textOf("record_day")})
		}
	}
	if c := entry.get("columns"); c != nil {
		spec.Columns = make(map[string]string, len(c.keys))
		for i, ours := range c.keys {
			switch of := &c.items[i]; of.form {
			case formList:
				spec.AddUp(ours, wordsOf(of), nil)
			case formObject:
				spec.AddUp(ours, wordsOf(of.get("add")), wordsOf(of.get("subtract")))
			default:
				spec.Columns[ours] = of.text
			}
		}
	}
	return spec
}

// ParseFormat reads the keys of a file's format as in a scenario: {decimal: comma, header: 3}.
// An error is a *problem.At.
func ParseFormat(text string) (inputs.Format, error) {
	d := &document{file: "format", schema: scenarioSchema()}
	root, err := readYAML(d.file, []byte(text))
	if err != nil {
		return inputs.Format{}, err
	}
	keys := subschema{d.schema.root.get("$defs").get("format"), "#/$defs/format"}
	return formatOf(&root), problem.Join(d.validate(valueAt{"format", &root, keys}))
}

// formatOf returns the format of a file, or its zero value without one.
func formatOf(t *tree) (f inputs.Format) {
	if t == nil {
		return f
	}
	f.Encoding, f.Separator, f.Header, f.Comment = t.textOf("encoding"), t.textOf("separator"), t.textOf("header"), t.textOf("comment")
	f.Undated, f.Quotes, f.Year, f.Units = t.textOf("undated"), t.textOf("quotes"), t.textOf("year"), t.textOf("units")
	f.Totals, f.Missing = wordsOf(t.get("totals")), wordsOf(t.get("missing"))
	f.Decimal, f.Thousands = t.textOf("decimal"), t.textOf("thousands")
	f.Date, f.Clock, f.Span, f.NewestFirst = t.textOf("date"), t.textOf("clock"), t.textOf("span"), t.isTrue("newest_first")
	f.Meter, f.Value = t.textOf("meter"), t.textOf("value")
	f.Intervals, f.Reading, f.Negative = t.textOf("intervals"), t.textOf("reading"), t.textOf("negative")
	f.ClipBelow, f.LeaveOut = t.textOf("clip_below"), t.textOf("leave_out")
	return f
}

// wordsOf returns a list of words. YAML reads the word null, in several spellings, as no value.
func wordsOf(t *tree) (words []string) {
	if t == nil {
		return nil
	}
	for i := range t.items {
		word := t.items[i].text
		if t.items[i].form == formNull {
			word = "null"
		}
		words = append(words, word)
	}
	return words
}

// gapsOf returns how gaps are filled, and the longest that is filled in s, 0 for any.
func gapsOf(t *tree) (fill string, longest int64) {
	if t == nil || t.form != formObject {
		return t.word(), 0
	}
	text := t.textOf("longest")
	digits := strings.TrimRight(text, " smindh")
	n, _ := strconv.ParseInt(digits, 10, 64) // the schema allows only digits and a unit
	unit := map[string]int64{"s": 1, "min": 60, "h": 3600, "d": inputs.SecondsPerDay}[strings.TrimSpace(text[len(digits):])]
	return t.textOf("fill"), n * unit
}

// word returns the text of a scalar, "" for none.
func (t *tree) word() string {
	if t == nil {
		return ""
	}
	return t.text
}

// numberOf returns a number of an object that fits its schema.
func (t *tree) numberOf(key string) float64 {
	v, err := strconv.ParseFloat(t.textOf(key), 64)
	if err != nil {
		panic(err) // the schema allows only numbers
	}
	return v
}

// weatherSpec returns a scenario's weather as inputs.ReadWeather takes it.
func weatherSpec(entry *tree) (spec inputs.WeatherSpec) {
	r := recordingSpec(entry)
	spec.File, spec.Time, spec.Format, spec.Columns, spec.Gaps, spec.Longest = r.File, r.Time, r.Format, r.Columns, r.Gaps, r.Longest
	number := func(key string) float64 { return entry.numberOf(key) }
	if p := entry.get("plane"); p != nil {
		spec.Plane = &inputs.Plane{Tilt: p.numberOf("tilt_deg"), Azimuth: p.numberOf("azimuth_deg"), Albedo: p.numberOf("albedo")}
	}
	spec.Place = inputs.Place{Latitude: number("latitude_deg"), Longitude: number("longitude_deg"), Elevation: number("elevation_m")}
	spec.WindHeight, spec.Shear = number("wind_height_m"), number("shear_exponent")
	spec.Calendar = r.Calendar
	if w := entry.get("wind"); w != nil {
		of := recordingSpec(w)
		spec.Wind = inputs.WeatherSpec{File: of.File, Format: of.Format, Columns: of.Columns, Gaps: spec.Gaps, Longest: spec.Longest, Calendar: of.Calendar}.AsWind()
		spec.Wind.Time = of.Time
		entry = w
		spec.Wind.WindHeight, spec.Wind.Shear = number("wind_height_m"), number("shear_exponent")
	}
	return spec
}

// marketSpec returns a scenario's market as inputs.ReadMarket takes it.
func marketSpec(entry *tree) (spec inputs.MarketSpec) {
	r := recordingSpec(entry)
	spec.File, spec.Time, spec.Format, spec.Calendar = r.File, r.Time, r.Format, r.Calendar
	spec.Price, spec.Basis = r.Columns[inputs.PriceColumn], entry.textOf("basis")
	if mix := entry.get("mix"); mix != nil {
		spec.Mix = make(map[string]string, len(mix.keys))
		for i, technology := range mix.keys {
			spec.Mix[technology] = mix.items[i].text
		}
	}
	return spec
}
