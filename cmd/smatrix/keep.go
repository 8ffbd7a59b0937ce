package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/smatrix-grid/smatrix/persistence"
)

func newExport() *cobra.Command {
	var format, out string
	c := &cobra.Command{
		Use:   "export DIR --format csv|parquet --out DIR2",
		Short: "Write the readings of a run as CSV or Parquet",
		Long: `Export writes the readings of all members, the rows of the grid and the bookings into
DIR2, which must be new or empty. As CSV they are the bytes that "run --csv" writes;
times are local with their offset from UTC. As Parquet they have the same columns:
figures are doubles in the unit of their name, which hold every milliwatt, codes are
integers, times are milliseconds in UTC, and what a kind does not have or the run does
not know is null. The metadata name the zone (time_zone) and the length of a step
(step_s). Parquet tells its reader the types; a reader of CSV has to guess them.

Exit codes: 0 done, 1 failed, 2 usage, 3 what is kept is invalid.`,
		Example: `  smatrix export runs/first --format csv --out tables
  smatrix export runs/first --format parquet --out tables-parquet`,
		Args:              someArgs(1, 1, "no folder, wanted that of a run"),
		ValidArgsFunction: completeDir,
		RunE: func(c *cobra.Command, args []string) (err error) {
			if !slices.Contains(persistence.ExportFormats, format) {
				return usage(c, "--format %q: wanted %s", format, strings.Join(persistence.ExportFormats, " or "))
			}
			if !c.Flags().Changed("out") {
				return usage(c, "no --out, wanted a folder for the files")
			}
			store, err := persistence.Open(args[0], persistence.Read)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, store.Close()) }()
			printFirst(c.ErrOrStderr(), store)
			err = store.Export(format, out)
			printRepairs(c.ErrOrStderr(), store)
			return err
		},
	}
	c.Flags().StringVar(&format, "format", "", "write `FORMAT`: csv or parquet")
	c.Flags().StringVar(&out, "out", "", "write to `DIR2`, which must be new or empty")
	_ = c.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(persistence.ExportFormats, cobra.ShellCompDirectiveNoFileComp)) // the flag exists
	_ = c.MarkFlagDirname("out")
	return c
}

func newBackup() *cobra.Command {
	return &cobra.Command{
		Use:   "backup DIR FILE",
		Short: "Pack a run, with its past, into one file",
		Long: `Backup packs the folder of a run into FILE, whose name must end in .tar.gz or
.tar.zst and which must not exist. The runs that a fork begins in are packed as well.
The SHA-256 of each file is at the end. No process may have the run open. Recorded
data that a scenario of your own names is not packed.

Exit codes: 0 done, 1 failed, 2 usage, 3 what is kept is invalid.`,
		Example:           `  smatrix backup runs/first first.tar.zst`,
		Args:              someArgs(2, 2, "wanted the folder of a run and a file"),
		ValidArgsFunction: completeDir,
		RunE: func(c *cobra.Command, args []string) error {
			n, err := persistence.Backup(args[0], args[1])
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "%s packed into %s\n", counted(int64(n), "file", "files"), printableLine(args[1]))
			return err
		},
	}
}

func newRestore() *cobra.Command {
	return &cobra.Command{
		Use:   "restore FILE DIR",
		Short: "Unpack a run from a backup",
		Long: `Restore unpacks a backup into DIR, which must be new or empty, and compares the
SHA-256 of each file. If one differs or is missing, DIR is left as it was; if restore is
killed, it can be repeated. The past of a fork is restored to DIR/past.

Exit codes: 0 done, 1 failed, 2 usage, 3 the backup is damaged or none.`,
		Example: `  smatrix restore first.tar.zst runs/again`,
		Args:    someArgs(2, 2, "wanted a backup and a folder"),
		RunE: func(c *cobra.Command, args []string) error {
			n, err := persistence.RestoreBackup(args[0], args[1])
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "%s restored to %s\n", counted(int64(n), "file", "files"), printableLine(args[1]))
			return err
		},
	}
}
