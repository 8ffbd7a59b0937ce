package ui

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/smatrix-grid/smatrix/twins"
)

// apiSchema is the part of a JSON Schema that the API's parameters and bodies use.
type apiSchema struct {
	Ref        string               `json:"$ref"`
	Type       any                  `json:"type"` // a word, or a list with null
	OneOf      []apiSchema          `json:"oneOf"`
	Enum       []any                `json:"enum"`
	Minimum    *float64             `json:"minimum"`
	Maximum    *float64             `json:"maximum"`
	MaxLength  *int                 `json:"maxLength"`
	MaxItems   *int                 `json:"maxItems"`
	Items      *apiSchema           `json:"items"`
	Properties map[string]apiSchema `json:"properties"`
	Required   []string             `json:"required"`
}

// apiDocument is the part of /openapi.json that describes requests.
type apiDocument struct {
	Paths map[string]map[string]struct {
		Parameters []struct {
			Name, In string
			Schema   apiSchema
		}
		RequestBody struct {
			Content map[string]struct{ Schema apiSchema }
		}
	}
	Components struct{ Schemas map[string]apiSchema }
}

// odd returns values, as JSON, that a schema refuses.
func (s *apiSchema) odd() (all []string) {
	word := func(n int) string { return `"` + strings.Repeat("x", n) + `"` }
	if s.OneOf != nil {
		return []string{`[]`, `{}`, `"a b"`}
	}
	if s.Enum != nil {
		return []string{`"never"`, `1`, `[]`}
	}
	kind := fmt.Sprint(s.Type)
	switch {
	case strings.Contains(kind, "array"):
		all = []string{`"x"`, `{}`, `[1]`, `1e400`}
		if s.MaxItems != nil {
			all = append(all, "["+strings.TrimSuffix(strings.Repeat(`"x",`, *s.MaxItems+1), ",")+"]")
		}
	case kind == "integer":
		all = []string{`"x"`, `1.5`, `true`, `[]`, `1e99`, `9223372036854775808`, `1e400`, `""`}
	case kind == "number":
		all = []string{`"x"`, `true`, `{}`, `1e400`}
	case kind == "boolean":
		all = []string{`"maybe"`, `1`, `[]`}
	case s.MaxLength != nil:
		all = []string{`1`, `false`, `{}`, word(*s.MaxLength + 1)}
	default:
		all = []string{`1`, `false`, `{}`}
	}
	for _, n := range []*float64{s.Minimum, s.Maximum} {
		if n != nil {
			all = append(all, fmt.Sprintf("%.0f", *n-1+2*map[bool]float64{true: 1}[n == s.Maximum]))
		}
	}
	return all
}

// good are values that the routes accept, by the name of the key or parameter.
var good = map[string]string{"target": `"grid/north/home-1"`, "setting": `"pv.scale"`, "id": `"live"`, "at": "1", "set": "[]", "tick": "9", "n": "0", "path": `"grid/north/home-1"`, "b": `"live"`}

// Each parameter and each key of each body of /openapi.json is refused if its value has an odd type or is
// out of bounds, missing or unknown: with one sentence that names it and says what was wanted, without
// the words of Go, of JSON decoders and of the library that finds it.
func TestRefusalsOfAllRoutes(t *testing.T) {
	s := serve(t, "hamlet", func(o *Options) { o.Limits.Requests = 1e9 })
	s.step(3)
	var d apiDocument
	_, _, b := s.ask("GET", "/openapi.json", "")
	if err := json.Unmarshal(b, &d); err != nil {
		t.Fatal(err)
	}
	asked := 0
	refused := func(method, target, body string, names ...string) {
		t.Helper()
		asked++
		status, kind, b := s.ask(strings.ToUpper(method), target, body)
		var p struct{ Detail string }
		if status < 400 || status >= 500 || !isProblem(kind, b) || json.Unmarshal(b, &p) != nil {
			t.Errorf("%s %.150s %.150s: %d %.300s, wanted a refusal", method, target, body, status, b)
			return
		}
		for _, name := range append(names, "wanted ") {
			if !strings.Contains(p.Detail, name) {
				t.Errorf("%s %.150s %.150s: %q, wanted %q in it", method, target, body, p.Detail, name)
			}
		}
		for _, word := range []string{"json:", "Go ", "strconv", "unmarshal", "invalid character", "unexpected end", "expected", "validation", "schema", "of type"} {
			if strings.Contains(string(b), word) {
				t.Errorf("%s %.150s %.150s: %s, with the words %q", method, target, body, b, word)
			}
		}
	}
	for path, methods := range d.Paths {
		for method, o := range methods {
			query := url.Values{}
			target := func() string { // with the path's parameters and the query
				to := path
				for _, p := range o.Parameters {
					if p.In == "path" && query.Get(p.Name) != "" {
						to = strings.ReplaceAll(to, "{"+p.Name+"}", url.PathEscape(query.Get(p.Name)))
					} else if p.In == "path" {
						to = strings.ReplaceAll(to, "{"+p.Name+"}", strings.Trim(good[p.Name], `"`))
					}
				}
				rest := url.Values{}
				for name, all := range query {
					if !strings.Contains(path, "{"+name+"}") {
						rest[name] = all
					}
				}
				return to + "?" + rest.Encode()
			}
			var schema apiSchema
			if content, ok := o.RequestBody.Content["application/json"]; ok {
				schema = d.resolve(content.Schema)
			}
			for _, p := range o.Parameters {
				if in := p.Schema; p.In == "header" || fmt.Sprint(in.Type) == "string" && in.Enum == nil && in.MaxLength == nil || strings.Contains(fmt.Sprint(in.Type), "array") {
					continue // any text is of the type
				}
				for _, value := range p.Schema.odd() {
					if fmt.Sprint(p.Schema.Type) == "boolean" && value == "1" || value == `""` || p.Schema.MaxLength != nil && len(value) < 10 {
						continue // true; left out; a text
					}
					query = url.Values{p.Name: {strings.Trim(value, `"`)}}
					refused(method, target(), schema.body(nil), p.Name+" ")
				}
			}
			query = url.Values{"eat": {"1"}}
			refused(method, target(), schema.body(nil), `unknown parameter "eat"`)
			if schema.Properties == nil {
				continue
			}
			query = url.Values{}
			for _, body := range []string{"", "{", "[]", "null", `"x"`, "1", schema.body(nil) + "}", "{'a':1}", "\xff"} {
				refused(method, target(), body, "the body")
			}
			refused(method, target(), schema.body(map[string]string{"eat": "1"}), `unknown key "eat"`)
			for _, key := range schema.Required {
				refused(method, target(), schema.body(map[string]string{key: ""}), key+" is missing")
			}
			for key, of := range schema.Properties {
				of = d.resolve(of)
				for _, value := range of.odd() {
					refused(method, target(), schema.body(map[string]string{key: value}), key)
				}
			}
		}
	}
	if asked < 400 {
		t.Errorf("%d requests were made", asked)
	}
}

func (d *apiDocument) resolve(s apiSchema) apiSchema {
	for s.Ref != "" {
		s = d.Components.Schemas[s.Ref[strings.LastIndex(s.Ref, "/")+1:]]
	}
	return s
}

// body returns a body with the required keys and some others; an empty value leaves a key out.
func (s *apiSchema) body(others map[string]string) string {
	keys := map[string]string{}
	for _, name := range s.Required {
		keys[name] = good[name]
	}
	maps.Copy(keys, others)
	var all []string
	for _, name := range slices.Sorted(maps.Keys(keys)) {
		if keys[name] != "" {
			all = append(all, fmt.Sprintf("%q:%s", name, keys[name]))
		}
	}
	return "{" + strings.Join(all, ",") + "}"
}

// A query that would be read in part, and a filter that names nothing, are refused with a sentence: an
// empty or unfiltered answer would look like a result.
func TestRefusedFilters(t *testing.T) {
	s := serve(t, "hamlet", nil)
	s.step(3)
	for _, row := range []struct {
		target string
		status int
		want   string
	}{
		{"/twins?where=soc<0.2;power_w>1", 422, `"where=soc<0.2;power_w>1"`},
		{"/twins?where=soc%3C0.2%3Bpower_w>1", 422, "is not a number"},
		{"/twins?limit=%zz", 422, "%25"},
		{"/twins?limit=1&limit=2", 422, "limit is given 2 times: wanted it once"},
		{"/stream?run=live;format=json", 422, "%3B"},
		{"/stream?fromat=json", 422, `unknown parameter "fromat": wanted one of: run, format`},
		{"/state?run=live;x=1", 422, "%3B"},
		{"/events?type=battery.exploded", 422, "vehicle.plugged_in"},
		{"/events?type=battery.charged", 422, "wanted one of: "}, // not recorded
		{"/events?path=grid/nowhere", 404, `no twin "grid/nowhere"`},
		{"/decisions?reason=mood", 422, "wanted one of: scarcity, "},
		{"/decisions?path=nowhere", 404, "no twin"},
		{"/twins?kind=windmill", 422, "wanted one of: battery, "},
		{"/twins?q=kind:windmill", 422, "wanted one of: battery, "},
	} {
		status, kind, b := s.ask("GET", "/api/v1"+row.target, "")
		var p struct{ Detail string }
		if err := json.Unmarshal(b, &p); status != row.status || !isProblem(kind, b) || err != nil || !strings.Contains(p.Detail, row.want) {
			t.Errorf("%s: %d %s, wanted %d and %q", row.target, status, b, row.status, row.want)
		}
	}
	for _, target := range []string{"/twins?where=soc%3C0.9&where=soc%3E0.1", "/events?type=vehicle.plugged_in&path=grid", "/events?path=grid/north", "/decisions?reason=scarcity", "/decisions?path=grid/north/home-1"} {
		if status, _, b := s.ask("GET", "/api/v1"+target, ""); status != 200 {
			t.Errorf("%s: %d %s", target, status, b)
		}
	}
}

// The filter of /events takes the type of every event that is recorded.
func TestRecordedEventsCanBeFound(t *testing.T) {
	s := serve(t, "scarcity", nil)
	s.step(80)
	types := map[string]bool{}
	for tick := range twins.Tick(80) {
		step, err := s.live.history.Step(tick, false)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range step.Events {
			types[n.Event.Type.Name] = true
		}
	}
	if len(types) < 5 {
		t.Errorf("only %v were recorded", types)
	}
	for name := range types {
		if !slices.Contains(notableTypes(), name) {
			t.Errorf("%s is recorded, and refused as a filter", name)
		}
	}
}
