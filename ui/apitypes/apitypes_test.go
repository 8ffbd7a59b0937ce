package apitypes_test

import (
	"strings"
	"testing"

	"github.com/smatrix-grid/smatrix/ui/apitypes"
)

// Each construct of JSON Schema has its TypeScript type.
func TestTypes(t *testing.T) {
	for _, row := range []struct{ name, schema, want string }{
		{"words", `{"type":"string","maxLength":9,"pattern":"^x$"}`, "string"},
		{"whole numbers", `{"type":"integer","format":"int64","minimum":0}`, "number"},
		{"numbers or nothing", `{"type":["number","null"]}`, "number | null"},
		{"yes or no", `{"type":"boolean"}`, "boolean"},
		{"a few words", `{"type":"string","enum":["on","it's"]}`, `'on' | 'it\'s'`},
		{"a few numbers", `{"type":"integer","enum":[1,2]}`, "1 | 2"},
		{"one of several, each once", `{"oneOf":[{"type":"number"},{"type":"integer"},{"type":"string"}]}`, "number | string"},
		{"a list", `{"type":"array","items":{"type":"string"}}`, "string[]"},
		{"a list that may be missing", `{"type":["array","null"],"items":{"type":"string"}}`, "string[] | null"},
		{"a list with gaps", `{"type":"array","items":{"type":["number","null"]}}`, "(number | null)[]"},
		{"lists in a list", `{"type":"array","items":{"type":"array","items":{"type":"number"}}}`, "number[][]"},
		{"another schema", `{"$ref":"#/components/schemas/Other","description":"x"}`, "Other"},
		{"figures by name", `{"type":"object","additionalProperties":{"type":"number"}}`, "Record<string, number>"},
		{"anything by name", `{"type":"object","additionalProperties":true}`, "Record<string, unknown>"},
		{"anything", `{"description":"its entry in the scenario"}`, "unknown"},
	} {
		got, err := apitypes.Write([]byte(`{"components":{"schemas":{"A":{"properties":{"b":` + row.schema + `},"required":["b"],"additionalProperties":false}}}}`))
		if err != nil || !strings.Contains(string(got), "\n  b: "+row.want+"\n") {
			t.Errorf("%s: %v, want b: %s in\n%s", row.name, err, row.want, got)
		}
	}
}

// Optional members get ?, names that need quotes get them, descriptions become comments.
func TestMembers(t *testing.T) {
	got, err := apitypes.Write([]byte(`{"components":{"schemas":{
		"B":{"type":"string","enum":["x"]},
		"A":{"description":"An A.","properties":{"z-1":{"type":"string"},"a":{"type":"number","description":"in W,\nor */ none"}},"required":["a"]}}}}`))
	want := `/** An A. */
export interface A {
  /** in W, or *\/ none */
  a: number
  'z-1'?: string
}
export type B = 'x'
`
	if err != nil || !strings.Contains(string(got), want) {
		t.Errorf("%v, got\n%s\nwant\n%s", err, got, want)
	}
}

// A route has its query, body and answer; headers and path parameters are not in the query.
func TestRoutes(t *testing.T) {
	got, err := apitypes.Write([]byte(`{"paths":{
		"/api/v1/runs/{id}":{
			"get":{"summary":"One run","parameters":[{"name":"id","in":"path","required":true,"schema":{"type":"string"}}],
				"responses":{"200":{"content":{"application/json":{"schema":{"$ref":"#/components/schemas/Run"}}}},"default":{}}},
			"delete":{"responses":{"204":{}}}},
		"/api/v1/table.csv":{"get":{"responses":{"200":{"content":{"text/csv":{"schema":{"type":"string"}}}}}}},
		"/api/v1/commands":{"post":{
			"parameters":[{"name":"run","in":"query","required":true,"schema":{"type":"string"}},{"name":"Key","in":"header","schema":{"type":"string"}}],
			"requestBody":{"content":{"application/json":{"schema":{"$ref":"#/components/schemas/Command"}}}},
			"responses":{"202":{"content":{"application/json":{"schema":{"type":"string"}}}}}}}}}`))
	want := `/** Routes that read: what each takes and answers. */
export interface Gets {
  /** One run */
  [path: ` + "`/runs/${string}`" + `]: {
    query: Record<never, never>
    answer: Run
  }
  '/table.csv': {
    query: Record<never, never>
    answer: Blob
  }
}
/** Routes that change something: what each takes and answers. */
export interface Posts {
  '/commands': {
    query: {
      run: string
    }
    body: Command
    answer: string
  }
}
/** Routes that remove something: what each takes. */
export interface Deletes {
  [path: ` + "`/runs/${string}`" + `]: {
    query: Record<never, never>
  }
}
`
	if err != nil || !strings.HasSuffix(string(got), want) {
		t.Errorf("%v, got\n%s\nwant\n%s", err, got, want)
	}
}

// A schema that would give an untrue type is an error that names the place.
func TestRefused(t *testing.T) {
	for _, row := range []struct{ schema, want string }{
		{`{"allOf":[{"type":"string"}]}`, `keyword "allOf"`},
		{`{"type":"array","items":{"not":{}}}`, `keyword "not"`},
		{`{"type":"date"}`, `A.b: type "date"`},
		{`{"type":"object","properties":{"c":{"type":"string"}}}`, "A.b: an object inside another"},
		{`{"type":7}`, "cannot unmarshal"},
		{`[]`, "cannot unmarshal"},
	} {
		_, err := apitypes.Write([]byte(`{"components":{"schemas":{"A":{"properties":{"b":` + row.schema + `}}}}}`))
		if err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %v, want %q", row.schema, err, row.want)
		}
	}
	_, err := apitypes.Write([]byte(`{"components":{"schemas":{"A":{"properties":{"b":{}},"additionalProperties":true}}}}`))
	if err == nil || !strings.Contains(err.Error(), "A: properties beside additionalProperties") {
		t.Errorf("%v", err)
	}
}
