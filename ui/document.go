package ui

import "github.com/danielgtaylor/huma/v2"

// listsNeverNull makes the document say of lists in answers that they are never null.
// huma supposes they might be, as a nil slice of Go is; the server's answers have an
// empty list in its place. What requests may send stays as it is.
func listsNeverNull(api *huma.OpenAPI) {
	asked := map[*huma.Schema]bool{}
	for _, item := range api.Paths {
		if o := item.Post; o != nil && o.RequestBody != nil {
			for _, media := range o.RequestBody.Content {
				asked[api.Components.Schemas.SchemaFromRef(media.Schema.Ref)] = true
			}
		}
	}
	for _, s := range api.Components.Schemas.Map() {
		if !asked[s] {
			listNeverNull(s)
		}
	}
}

func listNeverNull(s *huma.Schema) {
	if s == nil {
		return
	}
	if s.Type == huma.TypeArray {
		s.Nullable = false
	}
	listNeverNull(s.Items)
	for _, p := range s.Properties {
		listNeverNull(p)
	}
}
