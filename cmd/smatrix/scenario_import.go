package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/smatrix-grid/smatrix/sim/importer"
	"github.com/smatrix-grid/smatrix/sim/problem"
	"github.com/smatrix-grid/smatrix/sim/regular"
)

func newScenarioImport() *cobra.Command {
	var out, zone, unit string
	c := &cobra.Command{
		Use:   "import FILE...",
		Short: "Write a scenario that reads files of your own",
		Long: `Import looks at files of meters, charging sessions, weather and prices, says what it
takes them for (form, columns, zone, unit, interval, gaps), and writes a scenario that
reads them and runs as it is: into --out, or into this folder under the name of the
first file. It overwrites nothing. What it had to assume is printed, and is in the
comments of the scenario; nothing is assumed silently.

Known forms:
  ` + strings.Join(broken(strings.Join(importer.Titles(), ", "), 80), "\n  ") + `

Any other CSV with a column of times and columns of values, or a row for each meter
and time, is read as the loads of homes, if the columns have W, kW, Wh or kWh or a word
of power or energy in their names; --unit takes others. Columns that are called import,
export, grid, solar or the like, also in other languages or by their codes (1.8.0,
2.8.0), are the meter and the panels of a home: its meter has what was drawn less what
was fed in. A home runs without a battery that was recorded: what that took and gave is
taken out of what the home consumed, or left out. Without a home they are plants. A CSV of prices in EUR/MWh is a market. The scenario names the files themselves and the keys of their format,
so it has the values of the files as they are when it runs; keep them where they are.
Only the export of Home Assistant is converted, into a CSV beside the scenario.`,
		Example: `  smatrix scenario import meters.csv
  smatrix scenario import sessions.csv --out grids/mine.yaml
  smatrix scenario import usage.csv --zone America/Los_Angeles`,
		Args: someArgs(1, 0, "no file, wanted one or more"),
		RunE: func(c *cobra.Command, args []string) error {
			return importFiles(c, args, out, importer.Options{Zone: zone, Unit: unit})
		},
	}
	c.Flags().StringVar(&out, "out", "", "write the scenario to `FILE.yaml`")
	c.Flags().StringVar(&zone, "zone", "", "the days of the run are those of `ZONE`, and so are times without an offset where the file does not state theirs; Etc/GMT-1 is an hour ahead of UTC without saving time")
	c.Flags().StringVar(&unit, "unit", "", "read columns without a unit in their names in `UNIT`: W, kW, Wh or kWh")
	c.Flags().SortFlags = false
	_ = c.MarkFlagFilename("out", "yaml", "yml") // completion only
	return c
}

func importFiles(c *cobra.Command, args []string, out string, o importer.Options) (err error) {
	if out == "" {
		name := strings.TrimSuffix(filepath.Base(args[0]), ".gz")
		out = strings.TrimSuffix(name, filepath.Ext(name)) + ".yaml"
	}
	if !isScenario(out) {
		return usage(c, "--out %q: wanted a file that ends in .yaml", out)
	}
	var files []importer.File
	for _, name := range args {
		f, err := fileToImport(name, filepath.Dir(out))
		if err != nil {
			return err
		}
		files = append(files, f)
	}
	o.Name = strings.TrimSuffix(filepath.Base(out), filepath.Ext(out))
	plan, err := importer.Make(regular.Dir(filepath.Dir(out)), files, o)
	if err != nil {
		return err
	}
	written := []newFile{{out, plan.Scenario}}
	for _, f := range plan.Data {
		written = append(written, newFile{filepath.Join(filepath.Dir(out), f.Name), f.Bytes})
	}
	if written, err = createFiles(written); err != nil {
		return err
	}
	defer func() {
		if err != nil { // nothing stays that does not run
			for _, f := range written {
				os.Remove(f.path)
			}
		}
	}()
	if err := printFindings(c.OutOrStdout(), plan); err != nil {
		return err
	}
	world, err := buildNamed(out)
	if err != nil {
		return fmt.Errorf("the scenario that was made is not valid, and was not kept: %w", err)
	}
	printWarnings(c.ErrOrStderr(), append(plan.Warnings, world.Warnings...))
	return printBegun(c, written)
}

// fileToImport finds the path of a file from the scenario's folder.
func fileToImport(name, dir string) (f importer.File, err error) {
	opened, err := regular.Dir(".").Open(name) // refuses folders and pipes
	var path *fs.PathError
	if errors.As(err, &path) {
		return f, &problem.Usage{What: fmt.Sprintf("%s cannot be read: %v, wanted a CSV", name, path.Err)}
	}
	opened.Close()
	from, err := filepath.Abs(dir)
	if err != nil {
		return f, err
	}
	to, err := filepath.Abs(name)
	if err != nil {
		return f, err
	}
	if relative, err := filepath.Rel(from, to); err == nil { // otherwise on another volume
		to = relative
	}
	return importer.File{Name: name, Path: filepath.ToSlash(to)}, nil
}

// printFindings prints what each file is taken for, and what was assumed.
func printFindings(w io.Writer, plan *importer.Plan) error {
	b := &strings.Builder{}
	for _, f := range plan.Findings {
		fmt.Fprintln(b, printableLine(f.File))
		for _, line := range f.Said {
			fmt.Fprintf(b, "  %s\n", printableLine(line))
		}
		for _, line := range f.Doubts {
			fmt.Fprintf(b, "  assumed: %s\n", printableLine(line))
		}
	}
	for _, line := range plan.Notes {
		fmt.Fprintf(b, "note: %s\n", printableLine(line))
	}
	b.WriteByte('\n')
	_, err := io.WriteString(w, b.String())
	return err
}
