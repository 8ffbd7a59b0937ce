package apitypes

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Root is the prefix of every route of the API. The keys of the tables leave it out.
const Root = "/api/v1"

const header = "// The REST API's types. Made by `make api-types` from the server's /openapi.json: not to be edited.\n"

// tables are the interfaces that list the routes of each method.
var tables = []struct{ method, name, about string }{
	{"get", "Gets", "Routes that read: what each takes and answers."},
	{"post", "Posts", "Routes that change something: what each takes and answers."},
	{"delete", "Deletes", "Routes that remove something: what each takes."},
}

// Write returns TypeScript for an OpenAPI 3.1 document: an interface for each of its
// schemas, by name, then Gets, Posts and Deletes, whose keys are paths without Root and
// whose members are query, body (of Posts) and answer. The same document gives the
// same bytes. The error names the schema or the route that no type can be made of.
func Write(openAPI []byte) ([]byte, error) {
	var d document
	if err := json.Unmarshal(openAPI, &d); err != nil {
		return nil, fmt.Errorf("OpenAPI document: %w", err)
	}
	w := &writer{}
	w.WriteString(header)
	for _, name := range slices.Sorted(maps.Keys(d.Components.Schemas)) {
		s := d.Components.Schemas[name]
		w.about("", s.Description)
		if len(s.Properties) == 0 {
			fmt.Fprintf(w, "export type %s = %s\n", name, w.typeOf(name, s))
			continue
		}
		fmt.Fprintf(w, "export interface %s {\n", name)
		w.properties(name, s)
		w.WriteString("}\n")
	}
	for _, t := range tables {
		w.about("", t.about)
		fmt.Fprintf(w, "export interface %s {\n", t.name)
		for _, path := range slices.Sorted(maps.Keys(d.Paths)) {
			if o := d.Paths[path][t.method]; o != nil {
				w.route(t.method, path, o)
			}
		}
		w.WriteString("}\n")
	}
	return w.Bytes(), w.err
}

// writer collects the text; err is the first error.
type writer struct {
	bytes.Buffer
	err error
}

// about writes a description as a comment, none if it is empty.
func (w *writer) about(indent, text string) {
	if text != "" {
		fmt.Fprintf(w, "%s/** %s */\n", indent, strings.ReplaceAll(strings.Join(strings.Fields(text), " "), "*/", "*\\/"))
	}
}

// properties writes the members of an object in the order of their names.
func (w *writer) properties(where string, s *schema) {
	if s.AdditionalProperties != nil {
		w.fail("%s: properties beside additionalProperties, wanted one of them", where)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		p := s.Properties[name]
		w.about("  ", p.Description)
		w.member("  ", name, slices.Contains(s.Required, name), w.typeOf(where+"."+name, p))
	}
}

func (w *writer) member(indent, name string, required bool, of string) {
	mark := "?"
	if required {
		mark = ""
	}
	fmt.Fprintf(w, "%s%s%s: %s\n", indent, key(name), mark, of)
}

// route writes what a route takes and answers.
func (w *writer) route(method, path string, o *operation) {
	where := method + " " + path
	w.about("  ", o.Summary)
	fmt.Fprintf(w, "  %s: {\n", routeKey(path))
	w.query(where, o.Parameters)
	if method == "post" {
		w.member("    ", "body", true, w.content(where+" body", o.RequestBody))
	}
	if answer := answerOf(o); method != "delete" {
		w.member("    ", "answer", true, w.content(where+" answer", answer))
	}
	w.WriteString("  }\n")
}

// query writes the query parameters.
func (w *writer) query(where string, all []parameter) {
	all = slices.DeleteFunc(slices.Clone(all), func(p parameter) bool { return p.In != "query" })
	slices.SortFunc(all, func(a, b parameter) int { return cmp.Compare(a.Name, b.Name) })
	if len(all) == 0 {
		w.WriteString("    query: Record<never, never>\n")
		return
	}
	w.WriteString("    query: {\n")
	for _, p := range all {
		w.about("      ", p.Description)
		w.member("      ", p.Name, p.Required, w.typeOf(where+" "+p.Name, p.Schema))
	}
	w.WriteString("    }\n")
}

// answerOf returns the body of a route's 2xx response, nil if it has none.
func answerOf(o *operation) *body {
	for _, status := range slices.Sorted(maps.Keys(o.Responses)) {
		if strings.HasPrefix(status, "2") {
			return o.Responses[status]
		}
	}
	return nil
}

// content returns the type of a body: that of the schema for JSON, otherwise Blob.
func (w *writer) content(where string, b *body) string {
	if b == nil || len(b.Content) == 0 {
		return "undefined"
	}
	if c, ok := b.Content["application/json"]; ok {
		return w.typeOf(where, c.Schema)
	}
	return "Blob"
}

// typeOf returns the TypeScript type of a schema.
func (w *writer) typeOf(where string, s *schema) string {
	switch {
	case s == nil:
		return "unknown"
	case s.Ref != "":
		return s.Ref[strings.LastIndexByte(s.Ref, '/')+1:]
	case len(s.Enum) > 0:
		return union(s.Enum, func(v json.RawMessage) string { return literal(v) })
	case len(s.OneOf) > 0:
		return union(s.OneOf, func(o *schema) string { return w.typeOf(where, o) })
	case len(s.Type) == 0:
		return "unknown"
	}
	return union(s.Type, func(name string) string { return w.named(where, name, s) })
}

// named returns the TypeScript type of one of JSON Schema's seven types.
func (w *writer) named(where, name string, s *schema) string {
	switch name {
	case "null", "string", "boolean":
		return name
	case "integer", "number":
		return "number"
	case "array":
		of := w.typeOf(where+"[]", s.Items)
		if strings.Contains(of, " ") {
			of = "(" + of + ")"
		}
		return of + "[]"
	case "object":
		if len(s.Properties) > 0 {
			w.fail("%s: an object inside another, wanted a schema with a name", where)
		}
		return "Record<string, " + w.typeOf(where+"{}", s.AdditionalProperties) + ">"
	}
	w.fail("%s: type %q, wanted one of JSON Schema's", where, name)
	return "never"
}

func (w *writer) fail(format string, args ...any) {
	if w.err == nil {
		w.err = fmt.Errorf(format, args...)
	}
}

// union joins types with |, each once.
func union[T any](all []T, one func(T) string) string {
	var names []string
	for _, t := range all {
		if name := one(t); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return strings.Join(names, " | ")
}

// literal writes a JSON value as a TypeScript literal.
func literal(v json.RawMessage) string {
	var text string
	if json.Unmarshal(v, &text) != nil {
		return string(v)
	}
	return quoted(text)
}

func quoted(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\n", `\n`).Replace(text) + "'"
}

var identifier = regexp.MustCompile(`^[A-Za-z_$][\w$]*$`)

// key writes a member's name, quoted if it is no identifier.
func key(name string) string {
	if identifier.MatchString(name) {
		return name
	}
	return quoted(name)
}

var placeholder = regexp.MustCompile(`\{\w+\}`)

// routeKey writes a path without Root as a key. A path with a placeholder becomes a template, which
// matches every address of the route: [path: `/runs/${string}`].
func routeKey(path string) string {
	path = strings.TrimPrefix(path, Root)
	if placeholder.MatchString(path) {
		return "[path: `" + placeholder.ReplaceAllString(path, "$${string}") + "`]"
	}
	return quoted(path)
}
