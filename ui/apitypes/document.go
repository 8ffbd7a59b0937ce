package apitypes

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
)

// document is the part of an OpenAPI 3.1 document that types are made from.
type document struct {
	Paths      map[string]map[string]*operation // by path and method
	Components struct {
		Schemas map[string]*schema
	}
}

type operation struct {
	Summary     string
	Parameters  []parameter
	RequestBody *body
	Responses   map[string]*body // by status
}

type parameter struct {
	Name, In, Description string
	Required              bool
	Schema                *schema
}

type body struct {
	Content map[string]struct { // by media type
		Schema *schema
	}
}

// schema is a JSON Schema as far as the server's document uses the language.
type schema struct {
	Ref         string `json:"$ref"`
	Description string
	Type        oneOrMore
	Enum        []json.RawMessage
	OneOf       []*schema
	Items       *schema
	Properties  map[string]*schema
	Required    []string
	// AdditionalProperties is nil where the document says false or nothing.
	AdditionalProperties *schema
}

// known are the keywords that schema reads; bounds are those that TypeScript cannot express.
var (
	known  = []string{"$ref", "description", "type", "enum", "oneOf", "items", "properties", "required", "additionalProperties"}
	bounds = []string{
		"contentMediaType", "default", "examples", "exclusiveMaximum", "exclusiveMinimum", "format", "maximum", "maxItems", "maxLength", "minimum",
		"minItems", "minLength", "pattern", "readOnly", "uniqueItems", "writeOnly",
	}
)

// UnmarshalJSON implements json.Unmarshaler. It refuses keywords of neither list.
func (s *schema) UnmarshalJSON(b []byte) error {
	var keywords map[string]json.RawMessage
	if err := json.Unmarshal(b, &keywords); err != nil {
		return err
	}
	for k := range keywords {
		if !slices.Contains(known, k) && !slices.Contains(bounds, k) {
			return fmt.Errorf("keyword %q, wanted one of %q or %q: %s", k, known, bounds, b)
		}
	}
	if more := keywords["additionalProperties"]; bytes.Equal(more, []byte("false")) {
		delete(keywords, "additionalProperties")
	} else if bytes.Equal(more, []byte("true")) {
		keywords["additionalProperties"] = []byte("{}")
	}
	b, err := json.Marshal(keywords)
	if err != nil {
		return err
	}
	type plain schema // without this method
	return json.Unmarshal(b, (*plain)(s))
}

// oneOrMore is a word or a list of words. A single word is decoded as a list of one.
type oneOrMore []string

// UnmarshalJSON implements json.Unmarshaler.
func (o *oneOrMore) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*o = oneOrMore{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(o))
}
