package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/smatrix-grid/smatrix/persistence"
	"github.com/smatrix-grid/smatrix/sim/problem"
	"github.com/smatrix-grid/smatrix/sim/regular"
	"github.com/smatrix-grid/smatrix/sim/scenario"
)

func newScenarioInit() *cobra.Command {
	return &cobra.Command{
		Use:   "init [DIR|FILE.yaml]",
		Short: "Begin a scenario of your own",
		Long: `Init writes a commented scenario and its recording, to begin with: into DIR,
which is made if it does not exist, or as FILE.yaml with the recording beside it.
It overwrites nothing.`,
		Example: `  smatrix scenario init
  smatrix scenario init grids/elm-road.yaml`,
		Args: someArgs(0, 1, ""),
		RunE: func(c *cobra.Command, args []string) error {
			where := "."
			if len(args) > 0 {
				where = args[0]
			}
			files := templateFiles(where)
			written, err := createFiles(files)
			if err != nil {
				return err
			}
			return printBegun(c, written)
		},
	}
}

// newFile is a file to create.
type newFile struct {
	path    string
	content []byte
}

// isScenario reports whether a file name is that of a scenario.
func isScenario(path string) bool {
	return slices.Contains([]string{".yaml", ".yml"}, filepath.Ext(path))
}

// templateFiles returns the template's files for a folder or a file, the scenario first.
// Its recording keeps the name that the scenario refers to.
func templateFiles(where string) (files []newFile) {
	dir, first := where, ""
	if isScenario(where) {
		dir, first = filepath.Dir(where), where
	}
	for name, content := range scenario.Template() {
		path := filepath.Join(dir, name)
		if isScenario(name) && first != "" {
			path = first
		}
		files = append(files, newFile{path, content})
	}
	slices.SortFunc(files, func(a, b newFile) int {
		switch x, y := isScenario(a.path), isScenario(b.path); {
		case x && !y:
			return -1
		case y && !x:
			return 1
		}
		return 0
	})
	return files
}

// createFiles writes all files and returns those that were missing, or none and returns an error. The first, the scenario, gets its name last and must
// be new. Another that is there already with the same content stays: the process may have been killed before.
func createFiles(files []newFile) (missing []newFile, err error) {
	for i, f := range files {
		_, err := os.Lstat(f.path)
		switch {
		case err != nil:
			missing = append(missing, f)
		case i == 0 || !f.isThere():
			return nil, &problem.Usage{What: fmt.Sprintf("%s is there already and stays as it is; choose another folder or name", f.path)}
		}
	}
	var begun []*persistence.NewFile
	for _, f := range missing {
		w, err := f.create()
		if err != nil {
			discard(begun)
			return nil, err
		}
		begun = append(begun, w)
	}
	for i := len(begun) - 1; i >= 0; i-- {
		if err := begun[i].Keep(); err != nil {
			discard(begun[:i])
			for _, done := range missing[i+1:] {
				os.Remove(done.path)
			}
			return nil, err
		}
	}
	return missing, nil
}

func discard(files []*persistence.NewFile) {
	for _, f := range files {
		f.Discard()
	}
}

// isThere reports whether a file of that name has the content.
func (f newFile) isThere() bool {
	b, err := regular.ReadFile(f.path, int64(len(f.content)))
	return err == nil && bytes.Equal(b, f.content)
}

// create writes the file, without its name.
func (f newFile) create() (*persistence.NewFile, error) {
	if err := os.MkdirAll(filepath.Dir(f.path), 0o777); err != nil {
		return nil, notCreated(f.path, err)
	}
	w, err := persistence.CreateFile(f.path)
	if err != nil {
		return nil, notCreated(f.path, err)
	}
	if _, err := w.Write(f.content); err != nil {
		w.Discard()
		return nil, err
	}
	return w, nil
}

// notCreated turns an error about a file's path into a usage error.
func notCreated(path string, err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		err = at.Err
	}
	return &problem.Usage{What: fmt.Sprintf("%s cannot be created: %v; choose another folder", path, err)}
}

func printBegun(c *cobra.Command, files []newFile) error {
	w := c.OutOrStdout()
	for _, f := range files {
		if _, err := fmt.Fprintf(w, "wrote %s\n", printableLine(f.path)); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "\nIt runs as it is:\n\n  smatrix run %s\n", printableLine(files[0].path))
	return err
}
