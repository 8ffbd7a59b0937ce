package scenario

import (
	"errors"
	"fmt"
	"math/big"
	"strings"

	"github.com/smatrix-grid/smatrix/sim/problem"
	"github.com/smatrix-grid/smatrix/twins"
	"go.yaml.in/yaml/v4"
)

// change is what stands in --set and under events: PATH=VALUE or PATH*=FACTOR.
type change struct {
	path   string
	factor bool
	value  tree // a scalar; a number if it is a factor
}

// pathError says that a path leads nowhere, or not to what may change.
type pathError struct {
	what   string
	absent bool // an entry lacks a part that others may have: a household its panels
}

func (e *pathError) Error() string { return e.what }

func errPath(format string, args ...any) error { return &pathError{what: fmt.Sprintf(format, args...)} }

// valueError says that a value is none, or not one that the schema allows.
type valueError struct{ what string }

func (e *valueError) Error() string { return e.what }

func errValue(format string, args ...any) error { return &valueError{fmt.Sprintf(format, args...)} }

// errWhat is a valueError of what has been found.
func errWhat(found error) error {
	var p *problem.At
	errors.As(found, &p)
	return &valueError{p.What}
}

// parseChange takes a change apart.
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

// parseScalar reads a value as it would stand in a scenario.
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
		return t, errWhat(r.problems[0])
	}
	return t, nil
}

// target is one scalar that a path leads to.
type target struct {
	list  string   // top-level list, "" if the scalar is no part of an entry
	entry *tree    // of the list
	rest  []string // path within the entry
	in    *tree    // object that has the key, or may have it
	key   string
	of    subschema // of the scalar
}

// name is the target's own path, without stars.
func (t *target) name() string {
	if t.list == "" {
		return strings.Join(t.rest, ".")
	}
	return entryName(t.list, 0, t.entry) + "." + strings.Join(t.rest, ".")
}

// own returns the object that has the key, to be changed: none of it is shared.
func (t *target) own() *tree {
	if t.list == "" {
		return t.in
	}
	t.entry.checked = false
	in := t.entry
	for _, key := range t.rest[:len(t.rest)-1] {
		in = in.own(key)
	}
	return in
}

// targets finds what a path leads to, of which there is at least one. With a *
// in it, entries that lack a part of the path are passed over.
func (d *document) targets(path string) ([]target, error) {
	keys := strings.Split(path, ".")
	if _, ok := d.schema.key(d.schema.top(), keys[0]); !ok {
		return nil, errPath("%s: unknown key %q, %s", path, keys[0], problem.Wanted(keys[0], d.schema.top().keysOf()))
	}
	entry, isList := d.schema.entry(keys[0])
	if !isList {
		t, err := d.descend(path, target{in: &d.root, rest: keys, of: d.schema.top()})
		if err != nil {
			return nil, err
		}
		return []target{*t}, nil
	}
	if entry.get("properties").get("id") == nil {
		return nil, errPath("%s: %s have no ids and cannot be set", path, keys[0])
	}
	if v := d.root.get(keys[0]); len(keys) == 1 && v != nil && v.form == formNumber { // how many are drawn
		of, _ := d.schema.key(d.schema.top(), keys[0])
		return []target{{in: &d.root, rest: keys, key: keys[0], of: of}}, nil
	}
	if len(keys) < 3 {
		return nil, errPath("%s: not a single value, wanted %s.ID.KEY, with a KEY of: %s", path, keys[0], strings.Join(entry.keysOf(), ", "))
	}
	return d.targetsIn(path, keys, entry)
}

// targetsIn finds the targets of LIST.ID.KEY….
func (d *document) targetsIn(path string, keys []string, of subschema) (found []target, err error) {
	matched := 0
	for _, e := range d.matching(keys[0], keys[1]) {
		matched++
		t, err := d.descend(path, target{list: keys[0], entry: e, in: e, rest: keys[2:], of: of})
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
		return nil, d.noSuch(path, keys[0], keys[1])
	case len(found) == 0:
		return nil, errPath("%s: none of %d has %s", path, matched, strings.Join(keys[2:], "."))
	}
	return found, nil
}

func (d *document) noSuch(path, list, id string) error {
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

// matching returns the entries of a list with an id, or with ids that fit a
// pattern.
func (d *document) matching(list, pattern string) (found []*tree) {
	entries := d.entries(list)
	if !strings.Contains(pattern, "*") {
		if i, ok := d.index(list)[pattern]; ok {
			return []*tree{&entries[i]}
		}
		return nil
	}
	for i := range entries {
		if _, ok := star(pattern, entries[i].textOf("id")); ok {
			found = append(found, &entries[i])
		}
	}
	return found
}

// index is where the entries of a list stand, by id.
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

// descend follows the rest of a path from t.in on.
func (d *document) descend(path string, t target) (*target, error) {
	for i, key := range t.rest {
		of, ok := d.schema.key(t.of, key)
		if !ok {
			if of := t.of.keysOf(); len(of) > 0 {
				return nil, errPath("%s: unknown key %q, %s", path, key, problem.Wanted(key, of))
			}
			return nil, errPath("%s: %s is a single value and has no keys", path, strings.TrimSuffix(path, "."+strings.Join(t.rest[i:], ".")))
		}
		v := t.in.get(key)
		last := i == len(t.rest)-1
		switch whole := of.get("properties") != nil && of.get("anyOf") == nil || of.textOf("type") == "object"; {
		case last && whole:
			return nil, errPath("%s: not a single value, wanted one of its keys: %s", path, strings.Join(of.keysOf(), ", "))
		case !last && v == nil:
			return nil, &pathError{fmt.Sprintf("%s: there is no %s", path, strings.TrimSuffix(path, "."+strings.Join(t.rest[i+1:], "."))), true}
		case last && t.of.excludes(t.in, key):
			return nil, &pathError{fmt.Sprintf("%s: there is no %s beside %s", path, key, strings.Join(t.in.keys, ", ")), true}
		case last:
			t.key, t.of = key, of
		default:
			t.in, t.of = v, of
		}
	}
	return &t, nil
}

// set makes one change to the tree. What is wrong with it is a pathError or a
// valueError.
func (d *document) set(written string) error {
	c, err := parseChange(written)
	if err != nil {
		return err
	}
	d.spellControls(c.path)
	targets, err := d.targets(c.path)
	if err != nil {
		return err
	}
	done := 0
	for i := range targets {
		t := &targets[i]
		v, old := c.value, t.in.get(t.key)
		if c.factor {
			if old == nil || old.form != formNumber {
				continue
			}
			v.text = product(old.text, c.value.text)
		}
		if v.line = t.in.line; old != nil {
			v.line = old.line
		}
		done++
		if found := d.validate(place{t.name(), &v, t.of}); len(found) > 0 {
			return errWhat(found[0])
		}
		if err := d.checkSet(t, &v); err != nil {
			return err
		}
		t.own().put(t.key, v)
		if t.key == "id" {
			d.indexes = nil
		}
	}
	if done == 0 {
		return notNumber(c.path, targets[0].in.get(targets[0].key))
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
	places, _ := x.FloatPrec()
	s, ok := decimal(x.FloatString(places))
	if !ok {
		panic("scenario: product of decimals is none: " + s)
	}
	return s
}
