package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/smatrix-grid/smatrix/sim/problem"
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
			if err := createFiles(files); err != nil {
				return err
			}
			return printBegun(c, files)
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

// createFiles writes all files, or none and returns an error.
func createFiles(files []newFile) error {
	for _, f := range files {
		if _, err := os.Lstat(f.path); err == nil {
			return &problem.Usage{What: fmt.Sprintf("%s is there already and stays as it is; choose another folder or name", f.path)}
		}
	}
	for i, f := range files {
		if err := createFile(f); err != nil {
			for _, done := range files[:i] {
				os.Remove(done.path)
			}
			return err
		}
	}
	return nil
}

func createFile(f newFile) error {
	err := os.MkdirAll(filepath.Dir(f.path), 0o777)
	if err != nil {
		return notCreated(f.path, err)
	}
	w, err := os.OpenFile(f.path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if err != nil {
		return notCreated(f.path, err)
	}
	_, err = w.Write(f.content)
	if err = errors.Join(err, w.Close()); err != nil {
		os.Remove(f.path)
	}
	return err
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
