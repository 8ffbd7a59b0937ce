package ui

import (
	"html/template"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// docsPage renders the reference of the API as one page, once. huma's own page loads scripts from
// another origin.
func docsPage(api *huma.OpenAPI) (http.HandlerFunc, error) {
	type route struct {
		Method, Path, Summary string
		Parameters            []parameter
	}
	var routes []route
	for path, item := range api.Paths {
		for method, o := range map[string]*huma.Operation{"GET": item.Get, "POST": item.Post, "DELETE": item.Delete} {
			if o == nil {
				continue
			}
			r := route{Method: method, Path: path, Summary: o.Summary}
			for _, p := range o.Parameters {
				r.Parameters = append(r.Parameters, parameter{p.Name, p.In, p.Description})
			}
			if o.RequestBody != nil {
				r.Parameters = append(r.Parameters, bodyKeys(api, o)...)
			}
			routes = append(routes, r)
		}
	}
	slices.SortFunc(routes, func(a, b route) int { return strings.Compare(a.Path+a.Method, b.Path+b.Method) })
	var page strings.Builder
	if err := docsTemplate.Execute(&page, map[string]any{"Title": api.Info.Title, "About": api.Info.Description, "Routes": routes}); err != nil {
		return nil, err
	}
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(page.String())) // fails if the client has disconnected
	}, nil
}

// parameter is one parameter of a route.
type parameter struct{ Name, In, Doc string }

func bodyKeys(api *huma.OpenAPI, o *huma.Operation) (keys []parameter) {
	for _, media := range o.RequestBody.Content {
		schema := media.Schema
		if schema.Ref != "" {
			schema = api.Components.Schemas.SchemaFromRef(schema.Ref)
		}
		for name, s := range schema.Properties {
			keys = append(keys, parameter{name, "body", s.Description})
		}
	}
	slices.SortFunc(keys, func(a, b parameter) int { return strings.Compare(a.Name, b.Name) })
	return keys
}

var docsTemplate = template.Must(template.New("docs").Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{{.Title}}: API</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:60em;margin:2em auto;padding:0 1em;color-scheme:light dark}
code{font-size:.95em}section{border-top:1px solid;padding:.5em 0}td{padding-right:1em;vertical-align:top}</style>
<h1>{{.Title}}: API</h1><p>{{.About}}</p>
<p>Errors are <code>application/problem+json</code>. For programs: <a href="/openapi.json">/openapi.json</a>.</p>
{{range .Routes}}<section><h2><code>{{.Method}} {{.Path}}</code></h2><p>{{.Summary}}</p>
{{if .Parameters}}<table>{{range .Parameters}}<tr><td><code>{{.Name}}</code><td>{{.In}}<td>{{.Doc}}</tr>{{end}}</table>{{end}}</section>
{{end}}</html>
`))
