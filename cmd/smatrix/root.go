package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/smatrix-grid/smatrix/sim/problem"
)

// newRoot makes the tree of commands.
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
		newBackup(), newRestore(), newScenario(), newVersion())
	root.SetHelpCommand(newHelp())
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd("completion")
	finishGroups(root)
	root.SetUsageTemplate(strings.Replace(root.UsageTemplate(), "{{if .Runnable}}", "{{if not .HasAvailableSubCommands}}", 1))
	return root
}

// finishGroups makes commands that only hold others refuse what they do not
// hold; cobra by itself would print help and call that a success.
func finishGroups(c *cobra.Command) {
	for _, sub := range c.Commands() {
		finishGroups(sub)
	}
	if c.HasSubCommands() && !c.Runnable() {
		c.Args = cobra.ArbitraryArgs
		c.RunE = runGroup
	}
}

// runGroup prints what a group holds, or refuses what it does not.
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

// newHelp is cobra's help command, but for a command that is not there.
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

// usage is an error about how a command was asked for, in one line with a hint.
func usage(c *cobra.Command, format string, args ...any) error {
	what := fmt.Sprintf(format, args...)
	if !strings.HasSuffix(what, "?") {
		what += ";"
	}
	return &problem.Usage{What: fmt.Sprintf("%s see %q", what, c.CommandPath()+" --help")}
}

// flagError says what is wrong with a flag in words that name no Go function.
func flagError(c *cobra.Command, err error) error {
	var value *pflag.InvalidValueError
	if !errors.As(err, &value) {
		return usage(c, "%v", err)
	}
	wanted := map[string]string{"int": "a whole number", "uint64": "a whole number from 0 to 2^64-1", "bool": "true or false", "int64": "a whole number"}
	flag := value.GetFlag()
	return usage(c, "--%s %q: wanted %s", flag.Name, value.GetValue(), wanted[flag.Value.Type()])
}

// noArgs, like someArgs, refuses a wrong number of arguments.
func noArgs(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usage(c, "unexpected argument %q", args[0])
	}
	return nil
}

// someArgs wants least to most arguments; most 0 is any number. missing says
// what is wanted.
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
