package scenarios

import "embed"

// Files has the scenarios by name, NAME.yaml, and the data that they name, by path. In
// template is a scenario to begin with.
//
//go:embed *.yaml hamlet households-au-30min market street template vehicles weather wind
var Files embed.FS
