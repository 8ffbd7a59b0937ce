package ui

import "github.com/danielgtaylor/huma/v2"

// listsNeverNull marks lists in answers as never null. huma marks them as nullable because a nil
// slice of Go is encoded as null; the server's answers have an empty list instead. Lists in
// requests stay nullable.
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
