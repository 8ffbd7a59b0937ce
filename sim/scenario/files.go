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
	default:
		if wrong := dataProblem(nameOrFile, source, err); wrong != nil {
			err = wrong
		}
	}
	return source, location{file: nameOrFile, dir: dir, data: regular.Dir(dir), events: EventsDue}, err
}

// dataKinds are the ends of the names of files with data, and what is to be done before they can be
// imported: "" is nothing.
var dataKinds = map[string]string{
	".csv": "", ".tsv": "", ".txt": "", ".gz": "",
	".xlsx": "save its sheet as CSV", ".xls": "save its sheet as CSV", ".ods": "save its sheet as CSV",
	".parquet": "write it as CSV", ".json": "write it as CSV", ".xml": "write it as CSV",
}

// dataProblem returns the error about a file that has data instead of a scenario, by its name and its
// text, and says what makes a scenario of it; nil for other files. wrong is the error of reading it, such
// as that it is too large for a scenario.
func dataProblem(file string, source []byte, wrong error) error {
	end := strings.ToLower(filepath.Ext(file))
	first, known := dataKinds[end]
	if !known || wrong == nil && isScenarioText(file, source) {
		return nil
	}
	csv := file
	if first != "" {
		csv, first = strings.TrimSuffix(file, filepath.Ext(file))+".csv", first+" first: "
	}
	return &problem.At{File: file, Err: wrong, What: fmt.Sprintf("is data and no scenario, wanted a YAML file: %ssmatrix scenario import %s writes one that reads it", first, csv)}
}

// isScenarioText reports whether a text has a key of a scenario at its top.
func isScenarioText(file string, source []byte) bool {
	root, err := readYAML(file, source)
	if err != nil || root.form != formObject {
		return false
	}
	keys := scenarioSchema().root.get("properties").keys
	return slices.ContainsFunc(root.keys, func(key string) bool { return slices.Contains(keys, key) })
}
