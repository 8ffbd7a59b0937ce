package scenario

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"slices"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/smatrix-grid/smatrix/twins"
)

//go:embed schema.json
var baseSchema string

// Schema returns the JSON Schema of a scenario (draft 2020-12): the keys that every scenario
// has, and a list for each kind of member with the keys that the kind declares.
func Schema() ([]byte, error) {
	var b bytes.Buffer
	err := json.Indent(&b, scenarioSchema().root.appendJSON(nil), "", "  ")
	b.WriteByte('\n')
	return b.Bytes(), err
}

// schemaTree is the schema of a scenario as a tree, with the validators of its parts.
type schemaTree struct {
	root tree

	mu       sync.Mutex // protects compiler and compiled
	compiler *jsonschema.Compiler
	compiled map[string]*jsonschema.Schema // by JSON pointer
}

// schemaName is an absolute URL: a relative one would be resolved against the process's
// working directory.
const schemaName = "mem:///scenario.json"

var scenarioSchema = sync.OnceValue(func() *schemaTree {
	s := &schemaTree{root: assembleSchema(), compiled: map[string]*jsonschema.Schema{}}
	s.compiler = jsonschema.NewCompiler()
	if err := s.compiler.AddResource(schemaName, s.root.plain()); err != nil {
		panic(err) // a kind's schema is wrong: found by any test
	}
	return s
})

// at returns the validator of the subschema at a JSON pointer such as #/$defs/battery.
func (s *schemaTree) at(pointer string) *jsonschema.Schema {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.compiled[pointer]
	if v == nil {
		v = s.compiler.MustCompile(schemaName + pointer)
		s.compiled[pointer] = v
	}
	return v
}

// memberKinds returns the kinds that have a list of entries in a scenario: first those that
// cannot be owned, then those that can.
func memberKinds() []*twins.Kind {
	kinds := slices.DeleteFunc(twins.Kinds(), func(k *twins.Kind) bool { return k.Role == twins.RoleNode })
	slices.SortStableFunc(kinds, func(a, b *twins.Kind) int {
		if a.Ownable != b.Ownable && b.Ownable {
			return -1
		} else if a.Ownable != b.Ownable {
			return 1
		}
		return strings.Compare(a.Plural, b.Plural)
	})
	return kinds
}

// kindOfList returns the kind whose entries a list has, or nil.
func kindOfList(list string) *twins.Kind {
	for _, k := range append(memberKinds(), twins.Community) {
		if k.Plural == list {
			return k
		}
	}
	return nil
}

// owns reports whether members of the kind can have others behind their meter.
func owns(k *twins.Kind) bool { return k.Role == twins.RoleLoad && !k.Ownable }

// assembleSchema adds every kind's fragment to the base schema: an entry in $defs, and a list
// before the events.
func assembleSchema() tree {
	root := readJSON(baseSchema)
	defs, properties := root.get("$defs"), root.get("properties")
	defs.put(twins.Community.Name, entrySchema(twins.Community))
	addDraw(defs.get("draw").get("properties"))
	properties.put("controls", controlsSchema())
	events := *properties.get("events")
	*properties = properties.without("events")
	for _, k := range memberKinds() {
		defs.put(k.Name, entrySchema(k))
		properties.put(k.Plural, readJSON(listSchema(k)))
	}
	properties.put("events", events)
	return root
}

func listSchema(k *twins.Kind) string {
	items := `"items": {"$ref": "#/$defs/` + k.Name + `"}, "description": "all members of the kind ` + k.Name
	if k == twins.Household {
		return `{"type": ["array", "integer"], "minimum": 1, "maximum": 10000000, ` + items + `, or how many are drawn as draw says"}`
	}
	return `{"type": "array", ` + items + `"}`
}

// addDraw adds to the keys of draw what a home can have (parts, its own keys, devices behind
// its meter) and what a community and the supply can have.
func addDraw(properties *tree) {
	household := readJSON(twins.Household.Schema)
	keys := household.get("properties")
	properties.get("load").get("properties").addDrawn(keys.get("load"), "column")
	community, supply := properties.get("community").get("properties"), properties.get("supply").get("properties")
	fragment := readJSON(twins.Community.Schema)
	community.addDrawn(&fragment)
	for i, key := range keys.keys {
		switch v := &keys.items[i]; {
		case key == "load":
		case v.textOf("type") == "object":
			more := ""
			if v.get("properties").get("scale") != nil {
				more = preparedPartKey
			}
			properties.put(key, shareSchema(more, v))
		default:
			properties.put(key, drawnSchema(v))
		}
	}
	for _, k := range memberKinds() {
		fragment := readJSON(k.Schema)
		if k.Ownable {
			fragment.put("description", tree{form: formText, text: "behind the homes' meters: " + k.Plural})
			more := deviceKeys
			if fragment.get("properties").get("prepared") != nil {
				more += preparedDeviceKey
			}
			properties.put(k.Plural, shareSchema(more, &fragment))
		}
		if k.Role.Unit() {
			supply.put(k.Plural, listOfDrawn(&fragment, unitKeys, "plants or ties: "+k.Plural))
		}
		if !owns(k) {
			community.put(k.Plural, listOfDrawn(&fragment, "", "members that each community has: "+k.Plural))
		}
	}
}

// listOfDrawn is the schema of a list of a kind's entries whose values can be drawn. It lacks
// the key prepared, which only the things of homes have.
func listOfDrawn(of *tree, more, description string) tree {
	list := readJSON(`{"type": "array"}`)
	list.put("description", tree{form: formText, text: description})
	item := readJSON(`{"type": "object", "additionalProperties": false, "required": ["id"], "properties": ` + communityKeys + `}`)
	item.put("description", tree{form: formText, text: "one of them"})
	if more != "" {
		item.get("properties").add(readJSON(more))
	}
	item.get("properties").addDrawn(of, "prepared")
	list.put("items", item)
	return list
}

const (
	unitKeys  = `{"units": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 1, "description": "how many there are of it: coal is coal-01, coal-02, …"}}`
	shareKeys = `"share": {"type": "number", "minimum": 0, "maximum": 1, "description": "share of all homes that have one"},
  "among": {"type": "string", "minLength": 1, "description": "only homes that have this have one, such as pv"}`
	preparedPartKey = `"prepared": {"type": "boolean", "default": false, "description": "homes that were not drawn have the same with scale 0, so that it can be put on their roofs while the system runs"},
  `
	preparedDeviceKey = `"prepared": {"type": "boolean", "default": false, "description": "homes that were not drawn are prepared for the same: it is not there, and can be put in while the system runs, by available"},
  `
	deviceKeys = `"name": {"type": "string", "pattern": "^[a-z0-9][a-z0-9_-]*$", "maxLength": 80, "x-wanted": "lower-case letters, digits, - and _", "description": "beginning of their ids; without it the name of the kind"},
  `
)

// shareSchema is the schema of a thing that a share of the homes has. of is the schema of one
// such thing, more has further keys as JSON.
func shareSchema(more string, of *tree) tree {
	s := readJSON(`{"type": "object", "additionalProperties": false, "required": ["share"], "properties": {` + more + shareKeys + `}}`)
	s.put("description", tree{form: formText, text: "drawn: " + of.textOf("description")})
	s.get("properties").addDrawn(of)
	return s
}

// addDrawn adds the keys of an object's schema, except some, with values that can be drawn.
func (t *tree) addDrawn(of *tree, but ...string) {
	properties := of.get("properties")
	for i, key := range properties.keys {
		if t.get(key) == nil && !slices.Contains(but, key) {
			t.put(key, drawnSchema(&properties.items[i]))
		}
	}
}

// drawnSchema is the schema of a value that can be drawn. It allows any value, because each
// value that can be drawn is validated against the original schema (checkVariants).
func drawnSchema(of *tree) tree {
	s := readJSON(`{"additionalProperties": {"$ref": "#/$defs/drawn"}}`)
	s.put("description", tree{form: formText, text: of.textOf("description")})
	return s
}

// The keys that kinds share, as JSON.
const (
	communityKeys = `{
  "id": {"type": "string", "pattern": "^[a-z0-9][a-z0-9_-]*$", "maxLength": 100, "x-wanted": "lower-case letters, digits, - and _", "description": "its name"}
}`
	memberKeys = `{
  "id": {"type": "string", "pattern": "^([a-z0-9][a-z0-9_-]*)?[*]?[a-z0-9_-]*$", "minLength": 1, "maxLength": 100, "x-wanted": "lower-case letters, digits, - and _, with one * at most", "description": "its name; a * makes one member of each column, or owner, that fits"},
  "community": {"type": "string", "minLength": 1, "description": "id of the community that it belongs to"}
}`
	ownedKeys = `{
  "owner": {"type": "string", "minLength": 1, "description": "id of the household behind whose meter it stands; without one it is the community's own"}
}`
)

// entrySchema is the schema of a kind's entry: the shared keys, then the kind's fragment.
func entrySchema(k *twins.Kind) tree {
	fragment := readJSON(k.Schema)
	entry := readJSON(`{"description": "` + k.Label + `", "type": "object", "additionalProperties": false, "required": ["id"], "properties": {}}`)
	required, properties := entry.get("required"), entry.get("properties")
	shared := []string{communityKeys}
	if k.Role != twins.RoleNode {
		shared[0] = memberKeys
		required.items = append(required.items, tree{form: formText, text: "community"})
		if k.Ownable {
			shared = append(shared, ownedKeys)
		}
	}
	for _, keys := range shared {
		properties.add(readJSON(keys))
	}
	for i, key := range fragment.keys {
		switch key {
		case "properties":
			properties.add(fragment.items[i])
		case "required":
			required.items = append(required.items, fragment.items[i].items...)
		default:
			entry.put(key, fragment.items[i])
			required, properties = entry.get("required"), entry.get("properties")
		}
	}
	return entry
}

// add puts all keys of an object into t.
func (t *tree) add(o tree) {
	for i, k := range o.keys {
		t.put(k, o.items[i])
	}
}

// subschema is a part of the schema, with its JSON pointer.
type subschema struct {
	*tree
	pointer string
}

func (s *schemaTree) top() subschema { return subschema{&s.root, "#"} }

// entryIn returns the schema of a top-level list's entries, and whether there is such a list.
func (s *schemaTree) entryIn(list string) (subschema, bool) {
	p, ok := s.key(s.top(), list)
	if !ok || p.get("items") == nil {
		return subschema{}, false
	}
	return s.resolve(subschema{p.get("items"), p.pointer + "/items"}), true
}

// key returns the schema of a key's value, and whether the key is allowed.
func (s *schemaTree) key(of subschema, key string) (subschema, bool) {
	if p := of.get("properties"); p != nil {
		if v := p.get(key); v != nil {
			return s.resolve(subschema{v, of.pointer + "/properties/" + key}), true
		}
	}
	if more := of.get("additionalProperties"); more != nil && more.form == formObject {
		return s.resolve(subschema{more, of.pointer + "/additionalProperties"}), true
	}
	return subschema{}, false
}

// resolve follows a reference to $defs.
func (s *schemaTree) resolve(of subschema) subschema {
	ref, ok := strings.CutPrefix(of.textOf("$ref"), "#/$defs/")
	if !ok {
		return of
	}
	return subschema{s.root.get("$defs").get(ref), "#/$defs/" + ref}
}

// find returns the schema of the value at a path below of, or an empty one if there is none.
func (s *schemaTree) find(of subschema, path []string) subschema {
	for _, key := range path {
		next, ok := s.key(of, key)
		if items := of.get("items"); !ok && items != nil {
			next, ok = s.resolve(subschema{items, of.pointer + "/items"}), true
		}
		if !ok {
			return subschema{&tree{form: formObject}, ""}
		}
		of = next
	}
	return of
}

// keysOf returns the keys that an object can have, sorted.
func (s subschema) keysOf() []string {
	p := s.get("properties")
	if p == nil {
		return nil
	}
	return slices.Sorted(slices.Values(p.keys))
}

// alternative returns the first alternative (oneOf) whose required keys an object has, or nil.
func (s subschema) alternative(t *tree) *tree {
	forms := s.get("oneOf")
	if forms == nil || t.form != formObject {
		return nil
	}
	for i := range forms.items {
		required := forms.items[i].get("required")
		if !slices.ContainsFunc(required.items, func(key tree) bool { return t.get(key.text) == nil }) {
			return &forms.items[i]
		}
	}
	return nil
}

// excludes reports whether the alternative that an object fits forbids a key.
func (s subschema) excludes(t *tree, key string) bool {
	form := s.alternative(t)
	if form == nil {
		return false
	}
	sub := form.get("properties").get(key)
	return sub != nil && sub.form == formBoolean && sub.text == "false"
}

// defaultOf returns the default of an object's key: the key's own, or the one of the
// alternative that the object fits. It is nil if there is none.
func (s subschema) defaultOf(t *tree, key string, of subschema) *tree {
	if d := of.get("default"); d != nil {
		return d
	}
	if form := s.alternative(t); form != nil {
		if sub := form.get("properties").get(key); sub != nil {
			return sub.get("default")
		}
	}
	return nil
}

// fill adds the defaults of missing keys, so that every path exists, and sorts keys into the
// order of the schema.
func (s *schemaTree) fill(of subschema, t *tree) {
	switch t.form {
	case formList:
		if items := of.get("items"); items != nil {
			sub := s.resolve(subschema{items, of.pointer + "/items"})
			for i := range t.items {
				s.fill(sub, &t.items[i])
			}
		}
	case formObject:
		properties := of.get("properties")
		if properties == nil {
			return
		}
		for _, key := range properties.keys {
			sub, _ := s.key(of, key)
			if d := of.defaultOf(t, key, sub); d != nil && t.get(key) == nil {
				v := d.clone()
				v.setLine(t.line)
				t.put(key, v)
			}
			if v := t.get(key); v != nil {
				s.fill(sub, v)
			}
		}
		t.arrange(properties.keys)
	}
}

// arrange sorts keys into an order. Keys that are not in it come last.
func (t *tree) arrange(order []string) {
	arranged := tree{}
	for _, key := range order {
		if v := t.get(key); v != nil {
			arranged.keys, arranged.items = append(arranged.keys, key), append(arranged.items, *v)
		}
	}
	rest := t.without(order...)
	t.keys, t.items = append(arranged.keys, rest.keys...), append(arranged.items, rest.items...)
}

func (t *tree) setLine(line int32) {
	t.line = line
	for i := range t.items {
		t.items[i].setLine(line)
	}
}
