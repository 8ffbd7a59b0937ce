package main

import (
	"strings"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v4"

	"github.com/smatrix-grid/smatrix/persistence"
	"github.com/smatrix-grid/smatrix/sim/scenario"
)

// completeScenario completes shipped scenarios and files.
func completeScenario(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return scenarioNames(), cobra.ShellCompDirectiveDefault
}

// completeScenarios is completeScenario for commands with several scenarios.
func completeScenarios(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return scenarioNames(), cobra.ShellCompDirectiveDefault
}

func scenarioNames() (names []cobra.Completion) {
	for _, l := range scenario.List() {
		names = append(names, cobra.CompletionWithDesc(l.Name, firstLine(l.Description)))
	}
	return names
}

// completeSet completes paths of the scenario named before --set, one key at a time.
func completeSet(_ *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
	const noFiles = cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	if len(args) == 0 {
		return nil, noFiles
	}
	s, err := scenario.Load(args[0], scenario.Options{})
	if err != nil {
		return nil, noFiles
	}
	return completePaths(s, begun), noFiles
}

// completeSetOfRun is completeSet for the folder of a run.
func completeSetOfRun(_ *cobra.Command, args []string, begun string) (found []cobra.Completion, _ cobra.ShellCompDirective) {
	const noFiles = cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	if len(args) == 0 {
		return nil, noFiles
	}
	store, err := persistence.Open(args[0], persistence.Read)
	if err != nil {
		return nil, noFiles
	}
	if w, err := store.Twins(); err == nil {
		found = completePaths(w.Scenario, begun)
	}
	_ = store.Close() // nothing was written, so nothing can be lost
	return found, noFiles
}

// completePaths returns the paths of a scenario that begin with begun.
func completePaths(s *scenario.Scenario, begun string) []cobra.Completion {
	text, err := s.YAML()
	if err != nil {
		return nil
	}
	var root yaml.Node
	if err := yaml.Load(text, &root); err != nil || len(root.Content) == 0 {
		return nil
	}
	return nextKeys(root.Content[0], "", begun)
}

// nextKeys follows the whole keys of begun, and returns the paths with one key more.
func nextKeys(n *yaml.Node, path, begun string) (found []cobra.Completion) {
	for name, child := range children(n) {
		switch whole := path + name; {
		case strings.HasPrefix(begun, whole+"."):
			return nextKeys(child, whole+".", begun)
		case !strings.HasPrefix(whole, begun):
		case child.Kind == yaml.ScalarNode:
			found = append(found, whole+"=")
		default:
			found = append(found, whole+".")
		}
	}
	return found
}

// children yields the entries of a mapping by key, and those of a list by id.
func children(n *yaml.Node) func(yield func(string, *yaml.Node) bool) {
	return func(yield func(string, *yaml.Node) bool) {
		for i, c := range n.Content {
			switch {
			case n.Kind == yaml.MappingNode && i%2 == 1:
				if !yield(n.Content[i-1].Value, c) {
					return
				}
			case n.Kind == yaml.SequenceNode:
				for key, v := range children(c) {
					if key == "id" && !yield(v.Value, c) {
						return
					}
				}
			}
		}
	}
}
