package ui

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/big"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/danielgtaylor/huma/v2/validation"
)

// refusals writes the refusals of malformed requests: a sentence for each parameter or key of the
// body that is wrong, with its name, its value and what was wanted.
type refusals struct{ schemas huma.Registry }

// transform implements huma.Transformer. It changes the refusals that huma writes before it calls a
// handler, and leaves every other answer as it is.
func (f refusals) transform(ctx huma.Context, _ string, v any) (any, error) {
	e, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	o := ctx.Operation()
	switch body := f.body(o); {
	case e.Status == http.StatusRequestEntityTooLarge && strings.HasPrefix(e.Detail, "request body is too large"): // huma's words
		e.Detail = fmt.Sprintf("the body is too large: wanted at most %d bytes", o.MaxBodyBytes)
	case e.Status == http.StatusUnsupportedMediaType:
		e.Detail, e.Errors = fmt.Sprintf("Content-Type %q: wanted application/json", ctx.Header("Content-Type")), nil
	case body != nil && e.Status == http.StatusBadRequest && len(e.Errors) == 0:
		e.Detail = "the body is missing: wanted " + f.wanted(body)
	case len(e.Errors) > 0:
		var all []string
		for _, d := range e.Errors {
			all = append(all, f.sentence(o, d))
		}
		e.Detail = strings.Join(all, "; ")
	}
	return e, nil
}

// body returns the schema of an operation's body, nil if it has none.
func (f refusals) body(o *huma.Operation) *huma.Schema {
	if o.RequestBody == nil || o.RequestBody.Content["application/json"] == nil {
		return nil
	}
	return f.resolve(o.RequestBody.Content["application/json"].Schema)
}

func (f refusals) resolve(s *huma.Schema) *huma.Schema {
	for s != nil && s.Ref != "" {
		s = f.schemas.SchemaFromRef(s.Ref)
	}
	return s
}

// sentence says what is wrong with one parameter or key of the body, and sets the message of the
// detail to what was wanted.
func (f refusals) sentence(o *huma.Operation, d *huma.ErrorDetail) string {
	in, name, _ := strings.Cut(d.Location, ".")
	switch {
	case in != "body":
		return f.ofParameter(o, d, in, name)
	case name != "":
		return f.ofKey(f.body(o), d, name)
	}
	body := f.body(o)
	if missing, ok := strings.CutPrefix(d.Message, "expected required property "); ok {
		key := strings.TrimSuffix(missing, " to be present")
		d.Location, d.Value, d.Message = "body."+key, nil, "wanted "+f.wanted(body.Properties[key])
		return key + " is missing: " + d.Message
	}
	text, isText := d.Value.(string)
	if isText && d.Message != validation.MsgExpectedObject { // the decoder's error: the value is the whole body
		if key, value, found := outsideRange(text, body); found {
			d.Location, d.Value = "body."+key, value
			return f.ofKey(body, d, key)
		}
		d.Value, d.Message = nil, "wanted "+f.wanted(body)
		return "the body is not JSON: " + d.Message
	}
	d.Message = "wanted " + f.wanted(body)
	return "the body: " + d.Message
}

// ofParameter is sentence for a parameter of the path, the query or a header.
func (f refusals) ofParameter(o *huma.Operation, d *huma.ErrorDetail, in, name string) string {
	i := slices.IndexFunc(o.Parameters, func(p *huma.Param) bool { return p.In == in && p.Name == name })
	if i < 0 {
		var names []string
		for _, p := range o.Parameters {
			if p.In == in {
				names = append(names, p.Name)
			}
		}
		d.Value, d.Message = nil, "wanted none"
		if len(names) > 0 {
			d.Message = "wanted one of: " + strings.Join(names, ", ")
		}
		return fmt.Sprintf("unknown parameter %q: %s", name, d.Message)
	}
	missing := strings.HasPrefix(d.Message, "required ")
	d.Message = "wanted " + f.wanted(o.Parameters[i].Schema) + beyond(d.Value, o.Parameters[i].Schema)
	if missing {
		d.Value = nil
		return name + " is missing: " + d.Message
	}
	return fmt.Sprintf("%s %s: %s", name, shortJSON(d.Value), d.Message)
}

// ofKey is sentence for a key of the body; an entry of a list is KEY[0].
func (f refusals) ofKey(body *huma.Schema, d *huma.ErrorDetail, key string) string {
	name, _, entry := strings.Cut(key, "[")
	s := f.resolve(body.Properties[f.keyOf(body, name)])
	if s == nil {
		d.Value, d.Message = nil, "wanted one of: "+strings.Join(slices.Sorted(maps.Keys(body.Properties)), ", ")
		return fmt.Sprintf("unknown key %q: %s", key, d.Message)
	}
	if entry && s.Items != nil {
		s = f.resolve(s.Items)
	}
	d.Message = "wanted " + f.wanted(s) + beyond(d.Value, s)
	return fmt.Sprintf("%s %s: %s", key, shortJSON(d.Value), d.Message)
}

// keyOf returns a key as the schema writes it: the decoder ignores case.
func (f refusals) keyOf(body *huma.Schema, key string) string {
	for name := range body.Properties {
		if strings.EqualFold(name, key) {
			return name
		}
	}
	return key
}

// outsideRange finds the key of a body, by name, whose number is JSON but none of its type: too large,
// or an integer written with an exponent. It reports false if the body is no object in JSON.
func outsideRange(text string, body *huma.Schema) (key string, value any, found bool) {
	var keys map[string]json.RawMessage
	if json.Unmarshal([]byte(text), &keys) != nil {
		return "", nil, false
	}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		raw, s := keys[key], body.Properties[key]
		var any any
		if err := json.Unmarshal(raw, &any); err != nil {
			return key, raw, true
		}
		if _, err := strconv.ParseInt(string(raw), 10, 64); err != nil && s != nil && s.Type == huma.TypeInteger {
			return key, raw, true
		}
	}
	return "", nil, false
}

// beyond completes what is wanted of an integer that is too large, or written with an exponent.
func beyond(value any, s *huma.Schema) string {
	var text string
	switch v := value.(type) {
	case string:
		text = v
	case json.RawMessage:
		text = string(v)
	}
	if n, ok := new(big.Float).SetString(text); !ok || !n.IsInt() || s.Type != huma.TypeInteger || s.Maximum != nil {
		return ""
	}
	return fmt.Sprintf(" in plain digits, at most %d", int64(math.MaxInt64))
}

// wordPattern is the pattern of a word: the name of a value where a setting is a choice.
const wordPattern = "^[A-Za-z0-9_.-]*$"

// wanted describes the values that a schema accepts.
func (f refusals) wanted(s *huma.Schema) string {
	s = f.resolve(s)
	if len(s.Enum) > 0 {
		var words []string
		for _, v := range s.Enum {
			words = append(words, fmt.Sprint(v))
		}
		return strings.Join(words, " or ")
	}
	var parts []string
	for _, of := range s.OneOf {
		parts = append(parts, f.wanted(of))
	}
	if n := len(parts); n > 0 {
		return strings.Join(parts[:n-1], ", ") + " or " + parts[n-1]
	}
	switch s.Type {
	case huma.TypeInteger:
		return "a whole number" + bounds(s)
	case huma.TypeNumber:
		return "a number" + bounds(s)
	case huma.TypeBoolean:
		return "true or false"
	case huma.TypeArray:
		text := "a list"
		if s.MaxItems != nil {
			text += fmt.Sprintf(" of at most %d", *s.MaxItems)
		}
		return text + ", each " + f.wanted(s.Items)
	case huma.TypeObject:
		return "a JSON object with " + strings.Join(slices.Sorted(maps.Keys(s.Properties)), ", ")
	}
	text := "a text"
	if s.Pattern == wordPattern {
		text = "a word of letters, digits and _.-"
	}
	if s.MaxLength != nil {
		text += fmt.Sprintf(" of at most %d characters", *s.MaxLength)
	}
	return text
}

// bounds describes the bounds of a number.
func bounds(s *huma.Schema) (text string) {
	number := func(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
	switch {
	case s.Minimum != nil && s.Maximum != nil:
		return " from " + number(*s.Minimum) + " to " + number(*s.Maximum)
	case s.Minimum != nil:
		text = " from " + number(*s.Minimum) + " on"
	case s.ExclusiveMinimum != nil:
		text = " above " + number(*s.ExclusiveMinimum)
	}
	if s.Maximum != nil {
		text += " up to " + number(*s.Maximum)
	}
	return text
}

// shortJSON writes a value as JSON, at most about sixty characters of it.
func shortJSON(v any) string {
	var b strings.Builder
	to := json.NewEncoder(&b)
	to.SetEscapeHTML(false)
	if to.Encode(v) != nil {
		fmt.Fprint(&b, v)
	}
	text := []rune(strings.TrimSpace(b.String()))
	if len(text) > 60 {
		return string(text[:60]) + "…"
	}
	return string(text)
}

// oneOf refuses a name that is in no list of known ones: a filter with it would find nothing.
func oneOf(parameter, name string, known []string) error {
	if name == "" || slices.Contains(known, name) {
		return nil
	}
	return huma.Error422UnprocessableEntity(fmt.Sprintf("%s %s: wanted one of: %s", parameter, shortJSON(name), strings.Join(known, ", ")))
}

// checkQuery returns a sentence about a query that cannot be read whole, or that gives a parameter
// twice of which one value would be ignored; "" if there is nothing wrong. repeats reports whether a
// parameter is a list.
func checkQuery(raw string, repeats func(name string) bool) string {
	for part := range strings.SplitSeq(raw, "&") {
		if strings.Contains(part, ";") {
			return fmt.Sprintf(`query %s: wanted %%3B for ";", and & between parameters`, shortJSON(part))
		}
		if _, err := url.QueryUnescape(part); err != nil {
			return fmt.Sprintf(`query %s: wanted %%25 for "%%", or two hexadecimal digits after it`, shortJSON(part))
		}
	}
	values, _ := url.ParseQuery(raw) // all parts can be read
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if n := len(values[name]); n > 1 && !repeats(name) {
			return fmt.Sprintf("%s is given %d times: wanted it once", name, n)
		}
	}
	return ""
}

// refuseQuery returns a middleware that refuses requests by checkQuery.
func refuseQuery(a huma.API) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		u, o := ctx.URL(), ctx.Operation()
		wrong := checkQuery(u.RawQuery, func(name string) bool {
			return slices.ContainsFunc(o.Parameters, func(p *huma.Param) bool { return p.Name == name && p.Schema.Type == huma.TypeArray })
		})
		if wrong != "" {
			_ = huma.WriteErr(a, ctx, http.StatusUnprocessableEntity, wrong) // fails if the client has disconnected
			return
		}
		next(ctx)
	}
}

// refuseUntyped returns a middleware that refuses a body without a Content-Type, as one of another type is
// refused: huma would take it as JSON.
func refuseUntyped(a huma.API) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		r, _ := humago.Unwrap(ctx)
		if ctx.Operation().RequestBody != nil && r.ContentLength != 0 && strings.TrimSpace(ctx.Header("Content-Type")) == "" {
			_ = huma.WriteErr(a, ctx, http.StatusUnsupportedMediaType, "") // the detail is written by refusals; fails if the client has disconnected
			return
		}
		next(ctx)
	}
}
