package scenario

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/big"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"github.com/smatrix-grid/smatrix/sim/inputs"
	"github.com/smatrix-grid/smatrix/sim/problem"
	"github.com/smatrix-grid/smatrix/twins"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

// document is a scenario that is being read.
type document struct {
	file   string // its name in error messages
	dir    string // folder of the data; "" if embedded
	data   fs.FS
	schema *schemaTree
	root   tree
	again  bool // it is loaded again, for a kept run

	columns map[string]*columnSet     // columns of the recordings, by id
	indexes map[string]map[string]int // by list and id: index of the entry in the list
	users   map[string][]string       // users of the lists of sessions, by id
	planned []planned                 // commands of the events

	rule           EventRule
	doubtfulEvents []problem.Warning

	cache *dataCache // nil: data files are read for each world
}

// columnSet is the columns of a recording, by the names that the scenario gives them.
type columnSet struct {
	names []string
	has   map[string]bool
}

func (d *document) errorAt(line int32, format string, args ...any) error {
	return &problem.At{File: d.file, Line: int(line), What: fmt.Sprintf(format, args...)}
}

// The shape: checks against the schema.

// lists returns the top-level keys whose entries have a schema of their own.
func (d *document) lists() (names []string) {
	for _, key := range d.schema.root.get("properties").keys {
		if _, ok := d.schema.entryIn(key); ok {
			names = append(names, key)
		}
	}
	return names
}

// dropEmpty removes lists without a value, which remain when all entries of a list are
// commented out.
func (d *document) dropEmpty() {
	for _, name := range d.lists() {
		if v := d.root.get(name); v != nil && v.form == formNull {
			d.root = d.root.without(name)
		}
	}
}

// shape validates against the schema: first the top level, then entry by entry, so that a
// million entries are never in memory twice.
func (d *document) shape() error {
	if d.root.form != formObject {
		return d.errorAt(d.root.line, "%s, wanted keys and values", describe(&d.root))
	}
	var found []error
	top := tree{form: formObject}
	lists := d.lists()
	for i, key := range d.root.keys {
		v := d.root.items[i]
		if v.form == formList && slices.Contains(lists, key) {
			found = append(found, d.entriesShape(key, v.items)...)
			v = tree{form: formList}
		}
		top.keys, top.items = append(top.keys, key), append(top.items, v)
	}
	at := valueAt{"", &top, d.schema.top()}
	return problem.Join(append(d.validate(at), found...))
}

func (d *document) entriesShape(list string, entries []tree) (found []error) {
	for i := range entries {
		if entries[i].checked {
			continue
		}
		wrong := d.entryShape(list, i, &entries[i])
		entries[i].checked = len(wrong) == 0
		if found = append(found, wrong...); len(found) > 10*problem.Most {
			break
		}
	}
	return found
}

func (d *document) entryShape(list string, i int, entry *tree) []error {
	of, _ := d.schema.entryIn(list)
	return d.validate(valueAt{entryName(list, i, entry), entry, of})
}

// entryName is the path of an entry as in --set: batteries.b1, or batteries[3] without an id.
func entryName(list string, i int, entry *tree) string {
	if id := entry.get("id"); id != nil && id.form == formText {
		return list + "." + id.text
	}
	return fmt.Sprintf("%s[%d]", list, i)
}

// valueAt is a value, its path and its schema.
type valueAt struct {
	path string
	*tree
	sub subschema
}

func (d *document) validate(at valueAt) []error {
	err := d.schema.at(at.sub.pointer).Validate(at.plain())
	if err == nil {
		return nil
	}
	var wrong *jsonschema.ValidationError
	if !errors.As(err, &wrong) {
		return []error{d.errorAt(at.line, "%s: %v", at.path, err)}
	}
	return d.explain(at, wrong)
}

// explain turns the validator's tree of errors into a list of problems.
func (d *document) explain(at valueAt, wrong *jsonschema.ValidationError) (found []error) {
	if _, ok := wrong.ErrorKind.(*kind.OneOf); ok {
		where := d.locate(at, wrong)
		if where.sub.textOf("x-wanted") == "" {
			return []error{d.notOneOf(where)}
		}
		return d.explainAlternatives(where)
	}
	for _, cause := range relevantCauses(wrong) {
		found = append(found, d.explain(at, cause)...)
	}
	if len(wrong.Causes) > 0 {
		return found
	}
	at = d.locate(at, wrong)
	switch k := wrong.ErrorKind.(type) {
	case *kind.AdditionalProperties:
		for i, key := range at.keys {
			if len(found) < problem.Most && slices.Contains(k.Properties, key) {
				found = append(found, d.unknownKey(at, key, &at.items[i]))
			}
		}
	case *kind.Required:
		for _, key := range k.Missing {
			sub, _ := d.schema.key(at.sub, key)
			found = append(found, d.errorAt(at.line, "%s: %s is missing, wanted %s", at.path, key, sub.textOf("description")))
		}
	default:
		found = append(found, d.errorAt(at.line, "%s: %s", at.path, wrongValue(at, k)))
	}
	return found
}

// relevantCauses returns the causes of an error that explain it. Where a value fits none of
// several alternatives, those of another type than the value explain nothing.
func relevantCauses(wrong *jsonschema.ValidationError) []*jsonschema.ValidationError {
	if _, ok := wrong.ErrorKind.(*kind.AnyOf); !ok {
		return wrong.Causes
	}
	return slices.DeleteFunc(slices.Clone(wrong.Causes), func(e *jsonschema.ValidationError) bool {
		_, otherType := e.ErrorKind.(*kind.Type)
		return otherType
	})
}

// locate returns the value below at that an error is about.
func (d *document) locate(at valueAt, wrong *jsonschema.ValidationError) valueAt {
	at.sub = d.schema.find(at.sub, wrong.InstanceLocation)
	for _, key := range wrong.InstanceLocation {
		if at.form == formList {
			i, _ := strconv.Atoi(key)
			at.tree, at.path = &at.items[i], fmt.Sprintf("%s[%d]", at.path, i)
		} else {
			at.tree, at.path = at.get(key), joinPath(at.path, key)
		}
	}
	return at
}

// notOneOf is the error that an object has none, or more than one, of keys that exclude each
// other. Each alternative of the schema requires one of the keys.
func (d *document) notOneOf(at valueAt) error {
	var has, can []string
	for _, one := range at.sub.get("oneOf").items {
		key := one.get("required").items[0].text
		sub, _ := d.schema.key(at.sub, key)
		if can = append(can, key+" ("+sub.textOf("description")+")"); at.get(key) != nil {
			has = append(has, key)
		}
	}
	what := strings.Join(has, " and ")
	if len(has) == 0 {
		what = "none of what it must have"
	}
	return d.errorAt(at.line, "%s: %s, wanted exactly one: %s", at.path, what, strings.Join(can, " or "))
}

// explainAlternatives explains why an object fits none of its alternatives. If it has required
// keys of exactly one of them, the errors are the keys that are missing for it and those that it
// excludes; otherwise the error lists the alternatives.
func (d *document) explainAlternatives(at valueAt) (found []error) {
	var begun []*tree
	forms := at.sub.get("oneOf")
	for i := range forms.items {
		required := forms.items[i].get("required").items
		if slices.ContainsFunc(required, func(key tree) bool { return at.get(key.text) != nil }) {
			begun = append(begun, &forms.items[i])
		}
	}
	if len(begun) != 1 {
		return []error{d.errorAt(at.line, "%s: wanted %s", at.path, at.sub.textOf("x-wanted"))}
	}
	for _, key := range begun[0].get("required").items {
		if at.get(key.text) == nil {
			sub, _ := d.schema.key(at.sub, key.text)
			found = append(found, d.errorAt(at.line, "%s: %s is missing, wanted %s", at.path, key.text, sub.textOf("description")))
		}
	}
	for i, key := range at.keys {
		if sub := begun[0].get("properties").get(key); sub != nil && sub.form == formBoolean {
			found = append(found, d.errorAt(at.items[i].line, "%s.%s does not go with %s, wanted %s",
				at.path, key, begun[0].get("required").items[0].text, at.sub.textOf("x-wanted")))
		}
	}
	return found
}

func (d *document) unknownKey(at valueAt, key string, v *tree) error {
	if at.path != "" {
		return d.errorAt(v.line, "unknown key %q in %s, %s", key, at.path, problem.Wanted(key, at.sub.keysOf()))
	}
	if v.form == formList {
		var lists []string
		for _, k := range memberKinds() {
			lists = append(lists, k.Plural)
		}
		slices.Sort(lists)
		return d.errorAt(v.line, "unknown kind %s, %s", key, problem.Wanted(key, lists))
	}
	return d.errorAt(v.line, "unknown key %q, %s", key, problem.Wanted(key, at.sub.keysOf()))
}

// wrongValue says what is wrong with a value.
func wrongValue(at valueAt, k jsonschema.ErrorKind) string {
	switch k := k.(type) {
	case *kind.Type:
		if at.form == formNumber && slices.Contains(k.Want, "integer") {
			return at.text + " is not whole, wanted " + typeWords(k.Want)
		}
		return fmt.Sprintf("%s, wanted %s", describe(at.tree), typeWords(k.Want))
	case *kind.Enum:
		words := make([]string, len(k.Want))
		for i, w := range k.Want {
			words[i] = fmt.Sprint(w)
		}
		return fmt.Sprintf("%s is unknown, %s", shown(at.tree), problem.Wanted(at.text, words))
	case *kind.Minimum:
		return fmt.Sprintf("%s is below %s", at.text, ratText(k.Want))
	case *kind.Maximum:
		return fmt.Sprintf("%s is above %s", at.text, ratText(k.Want))
	case *kind.ExclusiveMinimum:
		return fmt.Sprintf("%s must be above %s", at.text, ratText(k.Want))
	case *kind.ExclusiveMaximum:
		return fmt.Sprintf("%s must be below %s", at.text, ratText(k.Want))
	case *kind.MinLength, *kind.MinItems:
		return "empty, wanted " + at.sub.textOf("description")
	case *kind.MaxLength:
		return fmt.Sprintf("%d characters, wanted at most %d", k.Got, k.Want)
	case *kind.Pattern:
		return fmt.Sprintf("%s does not fit, wanted %s", shown(at.tree), patternWords(at.sub, k.Want))
	}
	return k.LocalizedString(message.NewPrinter(language.English))
}

// patternWords says what a pattern wants: in words, by examples, or as the pattern itself.
func patternWords(of subschema, pattern string) string {
	if w := of.textOf("x-wanted"); w != "" {
		return w
	}
	examples := of.get("examples")
	if examples == nil {
		return of.textOf("description") + ", of the form " + pattern
	}
	var words []string
	for _, e := range examples.items {
		words = append(words, e.text)
	}
	return of.textOf("description") + ", such as " + strings.Join(words, " or ")
}

var typeNames = map[string]string{
	"null": "nothing", "boolean": "true or false", "number": "a number", "integer": "a whole number",
	"string": "a text", "array": "a list", "object": "keys and values",
}

func typeWords(types []string) string {
	words := make([]string, len(types))
	for i, t := range types {
		words[i] = typeNames[t]
	}
	return strings.Join(words, " or ")
}

// shown formats a value for a message.
func shown(t *tree) string {
	switch t.form {
	case formNull:
		return "null"
	case formText:
		return quoted(t.text)
	case formList, formObject:
		return describe(t)
	}
	return t.text
}

// describe says what type a value has, for a message that wants another type.
func describe(t *tree) string {
	switch t.form {
	case formNull:
		return "empty"
	case formList:
		return "a list"
	case formObject:
		return "keys and values"
	case formText:
		return quoted(t.text) + " is a text"
	case formNumber:
		return t.text + " is a number"
	}
	return t.text + " is true or false"
}

// longest is the number of bytes of a text that a message shows.
const longest = 80

// quoted formats a text for a message.
func quoted(s string) string {
	if len(s) > longest {
		s = strings.ToValidUTF8(s[:longest], "") + "…"
	}
	return strconv.Quote(s)
}

func ratText(r *big.Rat) string {
	s, _ := decimal(r.FloatString(20))
	return s
}

// The meaning: checks that a schema cannot make.

// entries returns the entries of a top-level list.
func (d *document) entries(list string) []tree {
	if v := d.root.get(list); v != nil {
		return v.items
	}
	return nil
}

func (d *document) ids(list string) []string {
	entries := d.entries(list)
	ids := make([]string, len(entries))
	for i := range entries {
		ids[i] = entries[i].textOf("id")
	}
	return ids
}

// meaning checks the references between the parts of a scenario, and to its data files.
func (d *document) meaning() error {
	if len(d.entries(twins.Community.Plural)) == 0 {
		return d.errorAt(0, "no communities, wanted at least one with members")
	}
	found := append(d.checkRecordings(), d.checkSessionLists()...)
	found = append(found, d.checkWeather()...)
	found = append(found, d.checkMarket()...)
	found = append(found, d.checkControls()...)
	found = append(found, d.checkTwice("recordings")...)
	found = append(found, d.checkTwice("sessions")...)
	found = append(found, d.checkTwice(twins.Community.Plural)...)
	m := d.newMembership()
	for _, k := range memberKinds() {
		found = append(found, d.checkTwice(k.Plural)...)
		for i := range d.entries(k.Plural) {
			if len(found) > 10*problem.Most {
				break
			}
			entry := &d.entries(k.Plural)[i]
			name := entryName(k.Plural, i, entry)
			found = append(found, m.checkMember(k, name, entry)...)
			found = append(found, d.checkReferences(name, entry)...)
			found = append(found, d.checkSessions(name, entry)...)
		}
	}
	found = append(found, d.checkSlack()...)
	for i := range d.entries(twins.Community.Plural) {
		if c := &d.entries(twins.Community.Plural)[i]; m.members[c.textOf("id")] == 0 {
			found = append(found, d.errorAt(c.line, "communities.%s: no members, wanted at least one entry with community: %[1]s", c.textOf("id")))
		}
	}
	return problem.Join(found)
}

func (d *document) checkTwice(list string) (found []error) {
	entries := d.entries(list)
	first := make(map[string]int32, len(entries))
	for i := range entries {
		id := entries[i].textOf("id")
		if line, twice := first[id]; twice {
			found = append(found, d.errorAt(entries[i].line, "%s.%s: named twice, wanted another id: first in line %d", list, id, line))
			continue
		}
		first[id] = entries[i].line
	}
	return found
}

// checkRecordings reads the header of every recording.
func (d *document) checkRecordings() (found []error) {
	for i := range d.entries("recordings") {
		entry := &d.entries("recordings")[i]
		if _, err := d.columnsOf(entry); err != nil {
			found = append(found, err)
		}
		found = append(found, d.checkCalendar("recordings."+entry.textOf("id"), entry)...)
	}
	return found
}

func (d *document) checkCalendar(name string, entry *tree) []error {
	parts := recordingSpec(entry).Calendar
	if len(parts) == 0 {
		return nil
	}
	wrong := inputs.CheckCalendar(parts)
	if wrong == nil {
		return nil
	}
	line := entry.get("calendar").items[wrong.Part].get(wrong.Key).line
	return []error{d.errorAt(line, "%s.calendar[%d]: %s", name, wrong.Part, wrong.What)}
}

// moves returns, by recording, the numbers of weeks by which copies of its columns are moved,
// sorted and without 0.
func (d *document) moves() map[string][]int {
	all := map[string][]int{}
	for _, k := range memberKinds() {
		for i := range d.entries(k.Plural) {
			references("", &d.entries(k.Plural)[i], func(_ string, ref *tree) {
				id := ref.textOf("recording")
				if n := moveWeeks(ref); n != 0 && !slices.Contains(all[id], n) {
					all[id] = append(all[id], n)
				}
			})
		}
	}
	for id := range all {
		slices.Sort(all[id])
	}
	return all
}

func moveWeeks(ref *tree) int {
	n, _ := strconv.Atoi(ref.textOf("move_weeks")) // the schema allows only whole numbers; 0 without the key
	return n
}

// columnsOf returns the columns of a recording, which it reads once.
func (d *document) columnsOf(entry *tree) (*columnSet, error) {
	id := entry.textOf("id")
	if columns, ok := d.columns[id]; ok {
		return columns, nil
	}
	cal, err := d.firstDay()
	if err != nil {
		return nil, err
	}
	names, err := inputs.RecordingColumns(d.data, recordingSpec(entry), cal)
	if err != nil {
		return nil, d.dataProblem("recordings."+id, entry, err)
	}
	columns := &columnSet{names, make(map[string]bool, len(names))}
	for _, name := range names {
		columns.has[name] = true
	}
	if d.columns == nil {
		d.columns = map[string]*columnSet{}
	}
	d.columns[id] = columns
	return columns, nil
}

// checkWeather checks the headers and calendars of the weather's files.
func (d *document) checkWeather() []error {
	entry := d.root.get("weather")
	if entry == nil {
		return nil
	}
	spec := weatherSpec(entry)
	found := d.checkWeatherFile("weather", entry, &spec)
	if spec.Wind != nil {
		found = append(found, d.checkWeatherFile("weather.wind", entry.get("wind"), spec.Wind)...)
	}
	return found
}

func (d *document) checkWeatherFile(name string, entry *tree, spec *inputs.WeatherSpec) []error {
	cal, err := d.firstDay()
	if err == nil {
		err = spec.CheckHeader(d.data, cal)
	}
	if err != nil {
		return []error{d.dataProblem(name, entry, err)}
	}
	return d.checkCalendar(name, entry)
}

// checkMarket checks the header and calendar of the market's file.
func (d *document) checkMarket() []error {
	entry := d.root.get("market")
	if entry == nil {
		return nil
	}
	if found := d.checkCalendar("market", entry); found != nil {
		return found
	}
	spec := marketSpec(entry)
	cal, err := d.firstDay()
	if err == nil {
		err = spec.CheckHeader(d.data, cal)
	}
	if err != nil {
		return []error{d.dataProblem("market", entry, err)}
	}
	return nil
}

// weatherProblem is dataProblem for the weather's file or the file of its wind.
func (d *document) weatherProblem(entry *tree, err error) error {
	var p *problem.At
	if wind := entry.get("wind"); wind != nil && errors.As(err, &p) && p.File == wind.textOf("file") {
		return d.dataProblem("weather.wind", wind, err)
	}
	return d.dataProblem("weather", entry, err)
}

// dataProblem adds to an error about an entry's data file where it is: the line of the data
// file, or, if the error has none, the line of the scenario that names the file.
func (d *document) dataProblem(name string, entry *tree, err error) error {
	var p *problem.At
	if !errors.As(err, &p) {
		return &problem.At{File: d.file, Line: int(entry.line), What: fmt.Sprintf("%s: %v", name, err), Err: err}
	}
	if file := entry.get("file"); p.Line == 0 {
		return &problem.At{File: d.file, Line: int(file.line), Err: err,
			What: fmt.Sprintf("%s: %s: %s", name, file.text, p.What)}
	}
	moved := *p
	if d.dir != "" && !filepath.IsAbs(p.File) {
		moved.File = filepath.Join(d.dir, filepath.FromSlash(p.File))
	}
	return &moved
}

// checkReferences checks the columns of recordings that an entry names: every object of it
// with the keys recording and column.
func (d *document) checkReferences(name string, entry *tree) (found []error) {
	references(name, entry, func(path string, ref *tree) {
		id, column := ref.get("recording"), ref.get("column")
		recordings := d.root.get("recordings")
		r := entryOf(recordings, id.text)
		if r == nil {
			found = append(found, d.errorAt(id.line, "%s.recording: no recording %q, %s", path, id.text, problem.Wanted(id.text, d.ids("recordings"))))
			return
		}
		columns, err := d.columnsOf(r)
		if err == nil && !columns.has[column.text] {
			found = append(found, d.errorAt(column.line, "%s.column: recording %s has no column %q, %s", path, id.text, column.text, problem.Wanted(column.text, columns.names)))
		}
		if moveWeeks(ref) != 0 && r.get("calendar") == nil {
			found = append(found, d.errorAt(ref.get("move_weeks").line, "%s.move_weeks: %d, wanted 0, or a calendar for recording %s: it says in which year a copy can be moved", path, moveWeeks(ref), id.text))
		}
	})
	return found
}

// firstDay returns a calendar that begins with the run, for files that are read before its
// length is known.
func (d *document) firstDay() (*inputs.Calendar, error) {
	start, err := d.startTime()
	if err != nil {
		return nil, err
	}
	return inputs.NewCalendar(start, 1, 0), nil
}

// usersOf returns the users of a file of sessions, which it reads once.
func (d *document) usersOf(entry *tree) ([]string, error) {
	id := entry.textOf("id")
	if users, ok := d.users[id]; ok {
		return users, nil
	}
	cal, err := d.firstDay()
	if err != nil {
		return nil, err
	}
	s, err := inputs.ReadSessions(d.data, sessionsSpec(entry), cal)
	if err != nil {
		return nil, d.dataProblem(entryName("sessions", 0, entry), entry, err)
	}
	if d.users == nil {
		d.users = map[string][]string{}
	}
	d.users[id] = s.Users
	return s.Users, nil
}

// checkSessionLists reads every file of sessions.
func (d *document) checkSessionLists() (found []error) {
	for i := range d.entries("sessions") {
		if _, err := d.usersOf(&d.entries("sessions")[i]); err != nil {
			found = append(found, err)
		}
	}
	return found
}

// checkSessions checks the user whose sessions an entry follows.
func (d *document) checkSessions(name string, entry *tree) []error {
	ref := entry.get("sessions")
	if ref == nil || ref.form != formObject {
		return nil
	}
	list, user := ref.get("list"), ref.get("user")
	sessions := entryOf(d.root.get("sessions"), list.text)
	if sessions == nil {
		return []error{d.errorAt(list.line, "%s.sessions.list: no sessions %q, %s", name, list.text, problem.Wanted(list.text, d.ids("sessions")))}
	}
	users, err := d.usersOf(sessions)
	if err == nil && !slices.Contains(users, user.text) {
		return []error{d.errorAt(user.line, "%s.sessions.user: sessions %s have no user %q, %s", name, list.text, user.text, problem.Wanted(user.text, users))}
	}
	return nil
}

// references calls f with every object of an entry that names a column of a recording.
func references(path string, t *tree, f func(path string, ref *tree)) {
	if r, c := t.get("recording"), t.get("column"); r != nil && c != nil && r.form == formText && c.form == formText {
		f(path, t)
	}
	for i := range t.items {
		if t.form == formObject && t.items[i].form == formObject {
			references(joinPath(path, t.keys[i]), &t.items[i], f)
		}
	}
}

func entryOf(l *tree, id string) *tree {
	if l != nil {
		for i := range l.items {
			if l.items[i].textOf("id") == id {
				return &l.items[i]
			}
		}
	}
	return nil
}

// membership checks that members belong to communities and owners that exist.
type membership struct {
	*document
	communities []string
	members     map[string]int         // by community: number of members so far
	owners      map[string]string      // by the owner's id: its community
	paths       map[string]*twins.Kind // by path: the kind of its member
}

func (d *document) newMembership() *membership {
	m := &membership{document: d, communities: slices.Compact(slices.Sorted(slices.Values(d.ids(twins.Community.Plural)))),
		members: map[string]int{}, owners: map[string]string{}, paths: map[string]*twins.Kind{}}
	for _, id := range m.communities {
		m.members[id] = 0
	}
	for _, k := range memberKinds() {
		for i := range d.entries(k.Plural) {
			if entry := &d.entries(k.Plural)[i]; owns(k) {
				m.owners[entry.textOf("id")] = entry.textOf("community")
			}
		}
	}
	return m
}

func (m *membership) checkMember(k *twins.Kind, name string, entry *tree) (found []error) {
	community := entry.get("community")
	if _, ok := m.members[community.text]; !ok {
		return []error{m.errorAt(community.line, "%s.community: no community %q, %s", name, community.text, problem.Wanted(community.text, m.communities))}
	}
	m.members[community.text]++
	if owner := entry.get("owner"); owner != nil {
		in, ok := m.owners[owner.text]
		switch {
		case !ok:
			ids := slices.Sorted(maps.Keys(m.owners))
			found = append(found, m.errorAt(owner.line, "%s.owner: no household %q, %s", name, owner.text, problem.Wanted(owner.text, ids)))
		case in != community.text:
			found = append(found, m.errorAt(owner.line, "%s.owner: household %s is in community %s, wanted one in %s", name, owner.text, in, community.text))
		}
	}
	path := memberPath(entry)
	if strings.Contains(path, "*") { // set by --set, after patterns were expanded
		found = append(found, m.errorAt(entry.line, "%s: a * in its path %s, wanted none", name, path))
	}
	if other := m.paths[path]; other != nil && other != k { // the same kind: checkTwice reports it
		found = append(found, m.errorAt(entry.line, "%s: another member has the path %s, wanted another id", name, path))
	}
	m.paths[path] = k
	return found
}

func communityPath(id string) string { return twins.GridPath + "/" + id }

// memberPath is the path of a member: grid/community/id, or grid/community/owner/id behind
// an owner's meter.
func memberPath(entry *tree) string {
	path := communityPath(entry.textOf("community"))
	if owner := entry.textOf("owner"); owner != "" {
		path += "/" + owner
	}
	return path + "/" + entry.textOf("id")
}

// readReserve reads reserve_w into milliwatts.
func (d *document) readReserve() (twins.Power, error) {
	entry := d.root.get("reserve_w")
	mw, err := twins.ParseScaled(entry.text, int64(twins.Watt))
	if err != nil {
		return 0, d.errorAt(entry.line, "reserve_w: %v", err)
	}
	return twins.Power(mw), nil
}

// checkSlack refuses a second tie that holds the frequency, even an open one, because it
// could be closed at any time.
func (d *document) checkSlack() (found []error) {
	var first *tree
	for i := range d.entries(twins.Tie.Plural) {
		entry := &d.entries(twins.Tie.Plural)[i]
		if entry.textOf("link") != "ac" || entry.textOf("holds_frequency") != "true" {
			continue
		}
		if first == nil {
			first = entry
			continue
		}
		found = append(found, d.errorAt(entry.line, "%s: holds the frequency, and so does %s in line %d, wanted one at most: holds_frequency: false here, or link: dc",
			entryName(twins.Tie.Plural, i, entry), entryName(twins.Tie.Plural, 0, first), first.line))
	}
	return found
}
