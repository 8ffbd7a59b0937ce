package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// build is the version of this program and how it was built.
type build struct {
	Version  string `json:"version"`
	Revision string `json:"revision"` // "" if it was not built in a checkout
	Modified bool   `json:"modified"` // the checkout differed from its revision
	Time     string `json:"time"`     // of the revision
	Go       string `json:"go"`
	OS       string `json:"os"`
	Arch     string `json:"arch"`
	GOAMD64  string `json:"goamd64"` // level of instructions; "" on others
}

func readBuild() build {
	b := build{Version: "unknown", Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	b.Version = info.Main.Version
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Revision = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		case "vcs.time":
			b.Time = s.Value
		case "GOAMD64":
			b.GOAMD64 = s.Value
		}
	}
	if b.Version == "" {
		b.Version = "(devel)" // as Go itself names it
	}
	return b
}

func (b build) String() string {
	s := "smatrix " + b.Version + "\n"
	if b.Revision != "" {
		modified := ""
		if b.Modified {
			modified = ", modified"
		}
		s += fmt.Sprintf("revision %.12s of %s%s\n", b.Revision, b.Time, modified)
	}
	s += fmt.Sprintf("%s %s/%s", b.Go, b.OS, b.Arch)
	if b.GOAMD64 != "" {
		s += " " + b.GOAMD64
	}
	return s + "\n"
}

func newVersion() *cobra.Command {
	asJSON := false
	c := &cobra.Command{
		Use:   "version",
		Short: "Print version, revision and Go version",
		Args:  noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if asJSON {
				return printJSON(c.OutOrStdout(), readBuild())
			}
			_, err := fmt.Fprint(c.OutOrStdout(), readBuild())
			return err
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return c
}
