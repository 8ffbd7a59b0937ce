package scenario

import (
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/smatrix-grid/smatrix/sim/problem"
	"github.com/smatrix-grid/smatrix/twins"
	"go.yaml.in/yaml/v4"
)

// change is a change in --set or under events: PATH=VALUE or PATH*=FACTOR.
type change struct {
	path   string
	factor bool
	value  tree // a scalar; a number if factor is true
}

// pathError is the error of a path that does not exist or may not change.
type pathError struct {
	what   string
	absent bool // only this entry lacks a part of the path: a household without panels
}

func (e *pathError) Error() string { return e.what }

func errPath(format string, args ...any) error { return &pathError{what: fmt.Sprintf(format, args...)} }

// valueError is the error of a text that is no value, or of a value that the schema refuses.
type valueError struct{ what string }

func (e *valueError) Error() string { return e.what }

func errValue(format string, args ...any) error { return &valueError{fmt.Sprintf(format, args...)} }

// asValueError turns a *problem.At into a valueError without file and line.
func asValueError(found error) error {
	var p *problem.At
	errors.As(found, &p)
	return &valueError{p.What}
}

// parseChange parses PATH=VALUE or PATH*=FACTOR.
func parseChange(written string) (c change, err error) {
	path, value, ok := strings.Cut(written, "=")
	if c.path, c.factor = strings.CutSuffix(path, "*"); !ok || c.path == "" {
		return c, errValue("%q, wanted PATH=VALUE or PATH*=FACTOR", written)
	}
	if c.value, err = parseScalar(c.path, strings.TrimSpace(value)); err != nil {
		return c, err
	}
	if c.factor && c.value.form != formNumber {
		return c, errValue("%s: factor %q is not a number", c.path, value)
	}
	return c, nil
}

// parseScalar reads a value as in a scenario's YAML.
func parseScalar(path, value string) (t tree, err error) {
	if value == "" {
		return t, nil
	}
	var doc yaml.Node
	if err := yaml.Load([]byte(value), &doc); err != nil || len(doc.Content) != 1 || doc.Content[0].Kind != yaml.ScalarNode {
		return t, errValue("%s: %q is not a single value, wanted a number, a text (in quotes if need be), true or false", path, value)
	}
	r := yamlReader{}
	if r.readScalar(doc.Content[0], path, &t); len(r.problems) > 0 {
		return t, asValueError(r.problems[0])
	}
	return t, nil
}

// target is one scalar that a path names.
type target struct {
	list   string   // top-level list, "" if the scalar is no part of an entry
	entry  *tree    // entry of the list
	rest   []string // path within the entry
	object *tree    // object that has the key, or may have it
	key    string
	sub    subschema // of the scalar
}

// name is the target's own path, without stars.
func (t *target) name() string {
	if t.list == "" {
		return strings.Join(t.rest, ".")
	}
	return entryName(t.list, 0, t.entry) + "." + strings.Join(t.rest, ".")
}

// writable returns the object that has the key, for changing it: it is shared with no other
// entry.
func (t *target) writable() *tree {
	if t.list == "" {
		return t.object
	}
	t.entry.checked = false
	in := t.entry
	for _, key := range t.rest[:len(t.rest)-1] {
		in = in.writable(key)
	}
	return in
}

// targets returns the scalars that a path names, at least one. If the path has a *, entries
// that lack a part of it are skipped.
func (d *document) targets(path string) ([]target, error) {
	keys := strings.Split(path, ".")
	if _, ok := d.schema.key(d.schema.top(), keys[0]); !ok {
		return nil, errPath("%s: unknown key %q, %s", path, keys[0], problem.Wanted(keys[0], d.schema.top().keysOf()))
	}
	entry, isList := d.schema.entryIn(keys[0])
	if !isList {
		t, err := d.descend(path, target{object: &d.root, rest: keys, sub: d.schema.top()})
		if err != nil {
			return nil, err
		}
		return []target{*t}, nil
	}
	if entry.get("properties").get("id") == nil {
		return nil, errPath("%s: %s have no ids and cannot be set", path, keys[0])
	}
	if v := d.root.get(keys[0]); len(keys) == 1 && v != nil && v.form == formNumber { // the number of homes to draw
		of, _ := d.schema.key(d.schema.top(), keys[0])
		return []target{{object: &d.root, rest: keys, key: keys[0], sub: of}}, nil
	}
	if len(keys) < 3 {
		return nil, errPath("%s: not a single value, wanted %s.ID.KEY, with a KEY of: %s", path, keys[0], strings.Join(entry.keysOf(), ", "))
	}
	return d.targetsIn(path, keys, entry)
}

// targetsIn returns the targets of a path LIST.ID.KEY….
func (d *document) targetsIn(path string, keys []string, of subschema) (found []target, err error) {
	matched := 0
	for _, e := range d.matching(keys[0], keys[1]) {
		matched++
		t, err := d.descend(path, target{list: keys[0], entry: e, object: e, rest: keys[2:], sub: of})
		var lacks *pathError
		switch {
		case errors.As(err, &lacks) && lacks.absent && strings.Contains(keys[1], "*"):
			continue
		case err != nil:
			return nil, err
		}
		found = append(found, *t)
	}
	switch {
	case matched == 0:
		return nil, d.errNoSuch(path, keys[0], keys[1])
	case len(found) == 0:
		return nil, errPath("%s: none of %d has %s", path, matched, strings.Join(keys[2:], "."))
	}
	return found, nil
}

func (d *document) errNoSuch(path, list, id string) error {
	what := "member"
	switch k := kindOfList(list); {
	case k == nil:
		what = strings.TrimSuffix(list, "s")
	case k.Role == twins.RoleNode:
		what = k.Name
	}
	ids := d.ids(list)
	if like := problem.Nearest(id, ids); like != "" {
		return errPath("%s: no such %s, did you mean %s.%s?", path, what, list, like)
	}
	return errPath("%s: no such %s, %s", path, what, problem.Wanted(id, ids))
}

// matching returns the entries of a list whose id fits a pattern.
func (d *document) matching(list, pattern string) (found []*tree) {
	entries := d.entries(list)
	if !strings.Contains(pattern, "*") {
		if i, ok := d.index(list)[pattern]; ok {
			return []*tree{&entries[i]}
		}
		return nil
	}
	for i := range entries {
		if _, ok := matchStar(pattern, entries[i].textOf("id")); ok {
			found = append(found, &entries[i])
		}
	}
	return found
}

// index returns the indices of a list's entries, by id.
func (d *document) index(list string) map[string]int {
	if d.indexes[list] == nil {
		ids := d.ids(list)
		index := make(map[string]int, len(ids))
		for i, id := range ids {
			index[id] = i
		}
		if d.indexes == nil {
			d.indexes = map[string]map[string]int{}
		}
		d.indexes[list] = index
	}
	return d.indexes[list]
}

// descend returns t with the object and key that the path t.rest leads to from t.object.
func (d *document) descend(path string, t target) (*target, error) {
	for i, key := range t.rest {
		of, ok := d.schema.key(t.sub, key)
		if !ok {
			if of := t.sub.keysOf(); len(of) > 0 {
				return nil, errPath("%s: unknown key %q, %s", path, key, problem.Wanted(key, of))
			}
			return nil, errPath("%s: %s is a single value and has no keys", path, strings.TrimSuffix(path, "."+strings.Join(t.rest[i:], ".")))
		}
		v := t.object.get(key)
		last := i == len(t.rest)-1
		switch {
		case last && !of.single():
			return nil, errPath("%s: not a single value, wanted one of its keys: %s", path, strings.Join(of.keysOf(), ", "))
		case !last && v == nil:
			return nil, &pathError{fmt.Sprintf("%s: there is no %s", path, strings.TrimSuffix(path, "."+strings.Join(t.rest[i+1:], "."))), true}
		case last && t.sub.excludes(t.object, key):
			return nil, &pathError{fmt.Sprintf("%s: there is no %s beside %s", path, key, strings.Join(t.object.keys, ", ")), true}
		case last:
			t.key, t.sub = key, of
		default:
			t.object, t.sub = v, of
		}
	}
	return &t, nil
}

// single reports whether a value of the schema can be a single one.
func (s subschema) single() bool {
	types := s.get("type")
	switch {
	case s.get("anyOf") != nil: // of which one is single
		return true
	case types != nil && types.form == formList:
		return slices.ContainsFunc(types.items, func(t tree) bool { return t.text != "object" && t.text != "array" })
	}
	return s.get("properties") == nil && s.textOf("type") != "object"
}

// applySet makes one change to the tree. Its errors are a pathError or a valueError.
func (d *document) applySet(written string) error {
	c, err := parseChange(written)
	if err != nil {
		return err
	}
	d.expandPreset(c.path)
	targets, err := d.targets(c.path)
	if err != nil {
		return err
	}
	done := 0
	for i := range targets {
		t := &targets[i]
		v, old := c.value, t.object.get(t.key)
		if c.factor {
			if old == nil || old.form != formNumber {
				continue
			}
			v.text = product(old.text, c.value.text)
		}
		if v.line = t.object.line; old != nil {
			v.line = old.line
		}
		done++
		if found := d.validate(valueAt{t.name(), &v, t.sub}); len(found) > 0 {
			return asValueError(found[0])
		}
		if err := d.checkSet(t, &v); err != nil {
			return err
		}
		t.writable().put(t.key, v)
		if t.key == "id" {
			d.indexes = nil
		}
	}
	if done == 0 {
		return notNumber(c.path, targets[0].object.get(targets[0].key))
	}
	return nil
}

func notNumber(path string, t *tree) error {
	if t == nil {
		t = &tree{}
	}
	return errPath("%s: %s is not a number, a factor wants one", path, shown(t))
}

// product multiplies two decimals exactly.
func product(a, b string) string {
	x, okX := new(big.Rat).SetString(a)
	y, okY := new(big.Rat).SetString(b)
	if !okX || !okY {
		panic("scenario: not in decimal form: " + a + " or " + b)
	}
	x.Mul(x, y)
	decimals, _ := x.FloatPrec()
	s, ok := decimal(x.FloatString(decimals))
	if !ok {
		panic("scenario: product of decimals is none: " + s)
	}
	return s
}
