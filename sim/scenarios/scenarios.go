package scenarios

import "embed"

// Files has the scenarios as NAME.yaml, and their data by the paths that the scenarios name.
// The folder template has a scenario to start from.
//
//go:embed *.yaml hamlet households-au-30min market street template vehicles weather wind
var Files embed.FS
