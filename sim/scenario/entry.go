package scenario

import (
	"strings"

	"github.com/smatrix-grid/smatrix/twins"
)

// Entry is a member's or community's entry in a scenario, with defaults filled in.
type Entry struct {
	kind     *twins.Kind
	entry    *tree
	document *document
}

// EntrySetting is a setting of an entry: its value at the start, and the bounds that both the
// kind and its schema allow.
type EntrySetting struct {
	twins.Setting
	Value int64
	None  bool // the entry has no value, such as a community without a limit
	// Boolean reports that the setting is written true or false and stored as 1 or 0.
	Boolean bool
}

// Entry returns the entry of a kind's member, or of a community, by its path.
func (s *Scenario) Entry(k *twins.Kind, path string) (Entry, bool) {
	if s == nil || s.document == nil || k == nil {
		return Entry{}, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	id := path[strings.LastIndexByte(path, '/')+1:]
	i, ok := s.document.index(k.Plural)[id]
	if !ok {
		return Entry{}, false
	}
	entry := &s.document.entries(k.Plural)[i]
	return Entry{k, entry, s.document}, targetPath(k, entry) == path
}

// SetPath is the path of a setting of the entry in --set and events: batteries.b1.mode.
func (e Entry) SetPath(setting string) string {
	return e.kind.Plural + "." + e.entry.textOf("id") + "." + setting
}

// JSON returns the entry for its kind: without the keys that all kinds share.
func (e Entry) JSON() []byte { return specOf(e.entry) }

// Absent reports whether the member is prepared and out of service at the start.
func (e Entry) Absent() bool { return isAbsent(e.entry) }

// isAbsent reports whether an entry's member is prepared and out of service at the start: it
// is not there until a command makes it available.
func isAbsent(entry *tree) bool {
	return entry.isTrue("prepared") && !entry.isTrue(twins.InService)
}

// Settings returns the settings of the kind that the entry has. A home without panels lacks
// the settings of panels.
func (e Entry) Settings() (found []EntrySetting) {
	for _, s := range e.kind.Settings {
		if v, ok := e.Setting(s.Name); ok {
			found = append(found, v)
		}
	}
	return found
}

// Setting returns a setting of the entry by its name.
func (e Entry) Setting(name string) (EntrySetting, bool) {
	s, ok := e.kind.Setting(name)
	if !ok {
		return EntrySetting{}, false
	}
	of, _ := e.document.schema.entryIn(e.kind.Plural)
	t, err := e.document.descend(name, target{list: e.kind.Plural, entry: e.entry, object: e.entry, rest: strings.Split(name, "."), sub: of})
	if err != nil {
		return EntrySetting{}, false
	}
	v := EntrySetting{Setting: within(s, t.sub), Boolean: t.sub.textOf("type") == "boolean"}
	now := t.object.get(t.key)
	if now == nil || now.form == formNull {
		v.None = true
		return v, true
	}
	v.Value, err = stored(now, v.Setting)
	return v, err == nil
}
