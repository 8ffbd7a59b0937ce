package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/smatrix-grid/smatrix/sim/problem"
)

// newRoot returns the tree of commands.
func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "smatrix",
		Short: "A whole electricity grid as digital twins",
		Long: `Smatrix runs a whole electricity grid as digital twins: every household, panel,
battery, vehicle, plant and tie is an actor, and in every step production equals
consumption to the milliwatt.`,
		Example: `  smatrix run street                     a recorded day of 55 homes
  smatrix scenario list                  what else there is to run
  smatrix scenario init                  begin a scenario of your own`,
		Version:       readBuild().Version,
		SilenceErrors: true, // printErrors prints them
		SilenceUsage:  true,
	}
	root.SetVersionTemplate("{{.Name}} {{.Version}}\n")
	root.SetFlagErrorFunc(flagError)
	root.AddCommand(newRun(), newServe(), newReplay(), newRuns(), newFork(), newCompare(), newResiduals(), newUsage(), newRebuild(), newExport(), newReport(),
		newBackup(), newRestore(), newScenario(), newBench(), newVersion())
	root.SetHelpCommand(newHelp())
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd("completion")
	finishGroups(root)
	root.SetUsageTemplate(strings.Replace(root.UsageTemplate(), "{{if .Runnable}}", "{{if not .HasAvailableSubCommands}}", 1))
	return root
}

// finishGroups makes groups of commands refuse unknown subcommands; cobra by itself
// prints help and exits with 0.
func finishGroups(c *cobra.Command) {
	for _, sub := range c.Commands() {
		finishGroups(sub)
	}
	if c.HasSubCommands() && !c.Runnable() {
		c.Args = cobra.ArbitraryArgs
		c.RunE = runGroup
	}
}

// runGroup prints the help of a group, or refuses an unknown subcommand.
func runGroup(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return c.Help()
	}
	c.SuggestionsMinimumDistance = 2
	hint := ""
	if like := c.SuggestionsFor(args[0]); len(like) > 0 {
		hint = fmt.Sprintf(", did you mean %q?", like[0])
	}
	return usage(c, "unknown command %q for %q%s", args[0], c.CommandPath(), hint)
}

// newHelp is cobra's help command, which also refuses an unknown command.
func newHelp() *cobra.Command {
	return &cobra.Command{
		Use:               "help [COMMAND]",
		Short:             "Say how a command is used",
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, args []string) error {
			about, rest, err := c.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return runGroup(about, rest)
			}
			return about.Help()
		},
	}
}

// usage returns a usage error, in one line with a hint.
func usage(c *cobra.Command, format string, args ...any) error {
	what := fmt.Sprintf(format, args...)
	if !strings.HasSuffix(what, "?") {
		what += ";"
	}
	return &problem.Usage{What: fmt.Sprintf("%s see %q", what, c.CommandPath()+" --help")}
}

// flagError rewords an error of a flag without names of Go functions.
func flagError(c *cobra.Command, err error) error {
	var value *pflag.InvalidValueError
	if !errors.As(err, &value) {
		return usage(c, "%v", err)
	}
	wanted := map[string]string{"int": "a whole number", "uint64": "a whole number from 0 to 2^64-1", "bool": "true or false", "int64": "a whole number", "intSlice": "whole numbers, separated by commas"}
	flag := value.GetFlag()
	return usage(c, "--%s %q: wanted %s", flag.Name, value.GetValue(), wanted[flag.Value.Type()])
}

// noArgs refuses any argument.
func noArgs(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usage(c, "unexpected argument %q", args[0])
	}
	return nil
}

// someArgs accepts least to most arguments; most 0 is any number. missing is the
// error text if there are too few.
func someArgs(least, most int, missing string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		switch {
		case len(args) < least:
			return usage(c, "%s", missing)
		case most > 0 && len(args) > most:
			return usage(c, "unexpected argument %q", args[most])
		}
		return nil
	}
}
