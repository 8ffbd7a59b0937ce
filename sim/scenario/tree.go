package scenario

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/smatrix-grid/smatrix/sim/problem"
)

// form is the type of a tree's value.
type form uint8

const (
	formNull form = iota
	formBoolean
	formNumber
	formText
	formList
	formObject
)

// tree is a value of a scenario with its line, or a value of the schema. Numbers are kept as
// exact decimals in one notation, however they were written. A million entries must fit into
// memory, so entries of one pattern share their keys, and keys are never changed in place.
type tree struct {
	form    form
	shared  bool // other trees have the same items, so they are copied before a change
	checked bool // an entry that is known to fit its schema
	line    int32
	text    string   // of a scalar: true, 0.5, anything
	keys    []string // of an object, in the order written
	items   []tree   // of a list, or the values of the keys
}

// get returns the value of a key, or nil. The pointer is valid until the next put.
func (t *tree) get(key string) *tree {
	if t == nil {
		return nil
	}
	if i := slices.Index(t.keys, key); i >= 0 {
		return &t.items[i]
	}
	return nil
}

// textOf returns the text of a key's value, "" if there is none.
func (t *tree) textOf(key string) string {
	if v := t.get(key); v != nil {
		return v.text
	}
	return ""
}

// isTrue reports whether a key's value is true.
func (t *tree) isTrue(key string) bool {
	v := t.get(key)
	return v != nil && v.form == formBoolean && v.text == "true"
}

// writable returns the value of a key for changing it, or nil. If the value's items are
// shared, they are copied first.
func (t *tree) writable(key string) *tree {
	v := t.get(key)
	if v == nil || !v.shared {
		return v
	}
	v.items, v.shared = slices.Clone(v.items), false
	for i := range v.items {
		v.items[i].shared = v.items[i].items != nil
	}
	return v
}

// put sets the value of a key. A new key is added at the end.
func (t *tree) put(key string, v tree) {
	if old := t.get(key); old != nil {
		*old = v
		return
	}
	t.keys = append(slices.Clip(t.keys), key)
	t.items = append(t.items, v)
}

// without returns a copy of an object that lacks some keys. Its values are shared.
func (t *tree) without(keys ...string) tree {
	rest := tree{form: formObject, line: t.line}
	for i, k := range t.keys {
		if !slices.Contains(keys, k) {
			rest.keys, rest.items = append(rest.keys, k), append(rest.items, t.items[i])
		}
	}
	return rest
}

// clone returns a deep copy. It shares only keys, which never change.
func (t *tree) clone() tree {
	c := *t
	c.shared = false
	if t.items != nil {
		c.items = make([]tree, len(t.items))
		for i := range t.items {
			c.items[i] = t.items[i].clone()
		}
	}
	return c
}

// texts calls f with each text in the tree and its path, in order.
func (t *tree) texts(path string, f func(path string, t *tree)) {
	if t.form == formText {
		f(path, t)
	}
	for i := range t.items {
		if t.form == formObject {
			t.items[i].texts(joinPath(path, t.keys[i]), f)
		} else {
			t.items[i].texts(fmt.Sprintf("%s[%d]", path, i), f)
		}
	}
}

func joinPath(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// decimal returns a decimal number in its one exact notation: 5000, 0.036, -1.5, 1e99. It
// refuses numbers that only YAML knows: infinities, hexadecimal and octal numbers, leading
// zeros.
func decimal(s string) (canonical string, ok bool) {
	rest := strings.ReplaceAll(s, "_", "")
	negative := strings.HasPrefix(rest, "-")
	if negative || strings.HasPrefix(rest, "+") {
		rest = rest[1:]
	}
	mantissa, power, hasPower := strings.Cut(strings.ToLower(rest), "e")
	exp := 0
	if hasPower {
		var err error
		if exp, err = strconv.Atoi(power); err != nil || max(exp, -exp) > 300 {
			return "", false
		}
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	if whole+fraction == "" || len(whole) > 1 && whole[0] == '0' || strings.Trim(whole+fraction, "0123456789") != "" {
		return "", false
	}
	digits := strings.TrimLeft(whole+fraction, "0")
	exp -= len(fraction)
	cut := strings.TrimRight(digits, "0")
	exp += len(digits) - len(cut)
	if cut == "" {
		return "0", true
	}
	if canonical = decimalPoint(cut, exp); negative {
		canonical = "-" + canonical
	}
	return canonical, true
}

// decimalPoint returns digits·10^exp, without an exponent unless that is too long.
func decimalPoint(digits string, exp int) string {
	const plain = 25 // digits
	switch point := len(digits) + exp; {
	case exp >= 0 && point <= plain:
		return digits + strings.Repeat("0", exp)
	case exp < 0 && point > 0:
		return digits[:point] + "." + digits[point:]
	case exp < 0 && -exp <= plain:
		return "0." + strings.Repeat("0", -point) + digits
	}
	return digits + "e" + strconv.Itoa(exp)
}

// Reading YAML.

// Bounds on nesting and aliases, which can make a small file large. They are far above what
// people write.
const (
	deepest     = 64
	mostAliased = 1_000_000
)

// yamlReader turns YAML into a tree.
type yamlReader struct {
	file     string
	problems []error
	inAlias  int
	aliased  int
	tooMuch  bool
}

// readYAML reads one YAML document strictly: duplicate keys, unknown tags and numbers that
// are not decimal are errors.
func readYAML(file string, source []byte) (tree, error) {
	var doc yaml.Node
	if err := yaml.Load(source, &doc); err != nil {
		return tree{}, yamlProblem(file, err)
	}
	r := yamlReader{file: file}
	var t tree
	if len(doc.Content) == 1 {
		t = r.readNode(doc.Content[0], "", 0)
	}
	return t, problem.Join(r.problems)
}

// yamlProblem turns an error of the YAML parser into a *problem.At.
func yamlProblem(file string, err error) error {
	p := &problem.At{File: file, What: err.Error(), Err: err}
	var at *yaml.LoadError
	if errors.As(err, &at) {
		p.Line = at.Mark.Line
		p.What = "not YAML: " + strings.TrimPrefix(at.Message, "yaml: ")
	}
	switch {
	case strings.Contains(p.What, "no documents"):
		p.What = "nothing in it, wanted at least communities and members"
	case strings.Contains(p.What, "found multiple"):
		p.What = "more than one document in it, wanted one scenario without ---"
	}
	return p
}

func (r *yamlReader) addProblem(n *yaml.Node, format string, args ...any) {
	r.problems = append(r.problems, &problem.At{File: r.file, Line: n.Line, What: fmt.Sprintf(format, args...)})
}

// readNode turns a node into a tree. key is the key of the node, for messages.
func (r *yamlReader) readNode(n *yaml.Node, key string, depth int) (t tree) {
	if r.inAlias > 0 {
		r.aliased++
	}
	if depth > deepest || r.aliased > mostAliased {
		if !r.tooMuch {
			r.addProblem(n, "nested too deep, wanted at most %d levels and %d values by aliases", deepest, mostAliased)
		}
		r.tooMuch, r.aliased = true, mostAliased+1 // the callers return without another error
		return t
	}
	t.line = int32(n.Line)
	switch n.Kind {
	case yaml.AliasNode:
		r.inAlias++
		t = r.readNode(n.Alias, key, depth+1)
		r.inAlias--
	case yaml.MappingNode:
		t.form = formObject
		r.readObject(n, &t, depth)
	case yaml.SequenceNode:
		t.form, t.items = formList, make([]tree, 0, len(n.Content))
		for _, item := range n.Content {
			t.items = append(t.items, r.readNode(item, key, depth+1))
		}
	case yaml.ScalarNode:
		r.readScalar(n, key, &t)
	}
	return t
}

func (r *yamlReader) readScalar(n *yaml.Node, key string, t *tree) {
	t.text = n.Value
	switch tag := n.ShortTag(); tag {
	case "!!str", "!!timestamp":
		t.form = formText
	case "!!null":
		t.form, t.text = formNull, ""
	case "!!bool":
		t.form, t.text = formBoolean, strings.ToLower(n.Value)
		if t.text != "true" && t.text != "false" {
			r.addProblem(n, "%s: %q is not true or false", key, n.Value)
		}
	case "!!int", "!!float":
		var ok bool
		t.form = formNumber
		if t.text, ok = decimal(n.Value); !ok {
			r.addProblem(n, "%s: %s is not a number that can be used, wanted a finite decimal one", key, n.Value)
		}
	default:
		r.addProblem(n, "%s: tag %s is not known, wanted a plain value", key, tag)
	}
}

// readObject reads a mapping. << adds the keys of other mappings that this one lacks.
func (r *yamlReader) readObject(n *yaml.Node, t *tree, depth int) {
	var merged []*yaml.Node
	first := make(map[string]int, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		if k.ShortTag() == "!!merge" {
			merged = append(merged, v)
			continue
		}
		if k.Kind != yaml.ScalarNode {
			r.addProblem(k, "a key that is no text, wanted a name")
			continue
		}
		if line, twice := first[k.Value]; twice {
			r.addProblem(k, "key %q appears twice, wanted once: first in line %d", k.Value, line)
			continue
		}
		first[k.Value] = k.Line
		value := r.readNode(v, k.Value, depth+1)
		value.line = int32(k.Line)
		t.keys, t.items = append(t.keys, k.Value), append(t.items, value)
	}
	for _, m := range merged {
		r.merge(m, t, first, depth)
	}
}

// merge adds the keys of a << that are not present yet.
func (r *yamlReader) merge(n *yaml.Node, t *tree, present map[string]int, depth int) {
	from := r.readNode(n, "<<", depth+1)
	sources := []tree{from}
	if from.form == formList {
		sources = from.items
	}
	for _, s := range sources {
		if s.form != formObject {
			r.addProblem(n, "<<: wanted an alias of keys and values")
			return
		}
		for i, k := range s.keys {
			if _, ok := present[k]; !ok {
				present[k] = n.Line
				t.keys, t.items = append(t.keys, k), append(t.items, s.items[i])
			}
		}
	}
}

// Conversion to and from JSON, the validator's values and YAML.

// readJSON reads JSON of the program itself, in which errors panic. It keeps the order of keys.
func readJSON(source string) tree {
	d := json.NewDecoder(strings.NewReader(source))
	d.UseNumber()
	t, err := jsonValue(d)
	if _, end := d.Token(); err != nil || end != io.EOF {
		panic(fmt.Sprintf("scenario: schema is not JSON: %v in %s", err, source))
	}
	return t
}

func jsonValue(d *json.Decoder) (t tree, err error) {
	token, err := d.Token()
	if err != nil {
		return t, err
	}
	switch v := token.(type) {
	case bool:
		return tree{form: formBoolean, text: strconv.FormatBool(v)}, nil
	case json.Number:
		t.form = formNumber
		t.text, _ = decimal(v.String())
	case string:
		return tree{form: formText, text: v}, nil
	case json.Delim:
		for t.form = formList; d.More(); {
			if v == '{' {
				key, err := d.Token()
				if err != nil {
					return t, err
				}
				t.keys = append(t.keys, key.(string))
			}
			item, err := jsonValue(d)
			if err != nil {
				return t, err
			}
			t.items = append(t.items, item)
		}
		if v == '{' {
			t.form = formObject
		}
		_, err = d.Token()
	}
	return t, err
}

// appendJSON appends the tree as compact JSON, keys in their order.
func (t *tree) appendJSON(b []byte) []byte {
	switch t.form {
	case formNull:
		return append(b, "null"...)
	case formBoolean, formNumber:
		return append(b, t.text...)
	case formText:
		return appendJSONText(b, t.text)
	case formList:
		b = append(b, '[')
		for i := range t.items {
			if i > 0 {
				b = append(b, ',')
			}
			b = t.items[i].appendJSON(b)
		}
		return append(b, ']')
	}
	b = append(b, '{')
	for i, k := range t.keys {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendJSONText(b, k), ':')
		b = t.items[i].appendJSON(b)
	}
	return append(b, '}')
}

func appendJSONText(b []byte, s string) []byte {
	if isPlain(s) {
		return append(append(append(b, '"'), s...), '"')
	}
	var w bytes.Buffer
	e := json.NewEncoder(&w)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		panic(err) // a text can always be encoded
	}
	return append(b, bytes.TrimSuffix(w.Bytes(), []byte("\n"))...)
}

// isPlain reports whether a text needs no escaping in JSON.
func isPlain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// canonical writes trees so that equal scenarios give equal bytes: compact JSON with keys in
// alphabetical order and entries sorted by id.
type canonical struct {
	orders map[*string][]int // order of keys, by the address of the first key: entries share their keys
}

func (c *canonical) append(b []byte, t *tree) []byte {
	switch t.form {
	case formList:
		b = append(b, '[')
		for i, k := range listOrder(t) {
			if i > 0 {
				b = append(b, ',')
			}
			b = c.append(b, &t.items[k])
		}
		return append(b, ']')
	case formObject:
		b = append(b, '{')
		for i, k := range c.keyOrder(t.keys) {
			if i > 0 {
				b = append(b, ',')
			}
			b = c.append(append(appendJSONText(b, t.keys[k]), ':'), &t.items[k])
		}
		return append(b, '}')
	}
	return t.appendJSON(b)
}

func (c *canonical) keyOrder(keys []string) []int {
	if len(keys) == 0 {
		return nil
	}
	order := c.orders[&keys[0]]
	if len(order) == len(keys) {
		return order
	}
	order = indices(len(keys))
	slices.SortFunc(order, func(a, b int) int { return strings.Compare(keys[a], keys[b]) })
	if c.orders == nil {
		c.orders = map[*string][]int{}
	}
	c.orders[&keys[0]] = order
	return order
}

func listOrder(t *tree) []int {
	order := indices(len(t.items))
	if len(t.items) > 0 && t.items[0].get("id") != nil {
		slices.SortStableFunc(order, func(a, b int) int {
			return strings.Compare(t.items[a].textOf("id"), t.items[b].textOf("id"))
		})
	}
	return order
}

func indices(n int) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	return order
}

// plain returns the tree as the values that the JSON Schema validator takes.
func (t *tree) plain() any {
	switch t.form {
	case formBoolean:
		return t.text == "true"
	case formNumber:
		return json.Number(t.text)
	case formText:
		return t.text
	case formList:
		items := make([]any, len(t.items))
		for i := range t.items {
			items[i] = t.items[i].plain()
		}
		return items
	case formObject:
		m := make(map[string]any, len(t.keys))
		for i, k := range t.keys {
			m[k] = t.items[i].plain()
		}
		return m
	}
	return nil
}

// node returns the tree as a YAML node.
func (t *tree) node() *yaml.Node {
	tags := [...]string{"!!null", "!!bool", "", "!!str", "!!seq", "!!map"}
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: tags[t.form], Value: t.text}
	switch t.form {
	case formNull:
		n.Value = "null"
	case formList:
		n.Kind = yaml.SequenceNode
	case formObject:
		n.Kind = yaml.MappingNode
	}
	for i := range t.items {
		if t.form == formObject {
			n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: t.keys[i]})
		}
		n.Content = append(n.Content, t.items[i].node())
	}
	return n
}
