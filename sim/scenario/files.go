package scenario

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/smatrix-grid/smatrix/sim/problem"
	"github.com/smatrix-grid/smatrix/sim/regular"
	"github.com/smatrix-grid/smatrix/sim/scenarios"
)

// Listing is one shipped scenario.
type Listing struct{ Name, Description string }

// List returns the shipped scenarios, sorted by name.
func List() (all []Listing) {
	for _, name := range shippedNames() {
		source, err := Source(name)
		if err != nil {
			panic(err) // it is embedded
		}
		t, err := readYAML(name, source)
		if err != nil {
			panic(err) // TestList reads all of them
		}
		all = append(all, Listing{name, t.textOf("description")})
	}
	return all
}

func shippedNames() (names []string) {
	files, err := fs.Glob(scenarios.Files, "*.yaml")
	if err != nil {
		panic(err) // the pattern is a constant
	}
	for _, f := range files {
		names = append(names, strings.TrimSuffix(f, ".yaml"))
	}
	return names
}

// Source returns the text of a shipped scenario or of a file, with its comments.
func Source(nameOrFile string) ([]byte, error) {
	source, _, err := openScenario(nameOrFile)
	return source, err
}

// Template returns the files of a commented scenario to start from, by name: the scenario and
// its recording. They run without changes.
func Template() map[string][]byte {
	files := map[string][]byte{}
	dir := "template"
	entries, err := scenarios.Files.ReadDir(dir)
	for _, e := range entries {
		files[e.Name()], err = scenarios.Files.ReadFile(dir + "/" + e.Name())
	}
	if err != nil {
		panic(err) // they are embedded
	}
	return files
}

// MostText bounds the text of a scenario, in bytes: reading YAML takes a multiple of it in
// memory.
const MostText = 16 << 20

// location is a scenario's file, and where its data files are opened.
type location struct {
	file string // its name in error messages
	dir  string // folder of the data; "" if embedded
	data fs.FS

	again  bool // of a kept run, which an earlier program may have begun
	events EventRule
}

// openScenario reads a shipped scenario by its name, or a file. A file with the name of a
// shipped scenario is opened as ./name.
func openScenario(nameOrFile string) ([]byte, location, error) {
	if slices.Contains(shippedNames(), nameOrFile) {
		file := nameOrFile + ".yaml"
		source, err := scenarios.Files.ReadFile(file)
		return source, location{file: file, data: scenarios.Files, events: EventsDue}, err
	}
	dir := filepath.Dir(nameOrFile)
	source, err := regular.ReadFile(nameOrFile, MostText)
	var path *fs.PathError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = &problem.Usage{What: fmt.Sprintf("scenario %q: no such file, and none of this name is shipped, %s",
			nameOrFile, problem.Wanted(nameOrFile, shippedNames()))}
	case errors.As(err, &path):
		err = &problem.Usage{What: fmt.Sprintf("scenario %q: %v, wanted a YAML file", nameOrFile, path.Err)}
	}
	return source, location{file: nameOrFile, dir: dir, data: regular.Dir(dir), events: EventsDue}, err
}
