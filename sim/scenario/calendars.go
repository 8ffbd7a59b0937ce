package scenario

import (
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/smatrix-grid/smatrix/sim/inputs"
)

// CalendarMap lists which recorded days are used for which days of the run, for every record
// with a calendar: a line with its file, then one for each part of the calendar.
func (s *Scenario) CalendarMap() (lines []string) {
	s.eachCalendar(nil, func(entry *tree, _ *yaml.Node, days []string) {
		lines = append(lines, entry.textOf("file")+":")
		for _, d := range days {
			lines = append(lines, "  "+d)
		}
	})
	return lines
}

// commentCalendars adds to the node of each calendar a comment that says which recorded days
// it uses for which days of the run.
func (s *Scenario) commentCalendars(root *yaml.Node) {
	s.eachCalendar(root, func(_ *tree, n *yaml.Node, days []string) {
		for k := 0; n != nil && k < len(n.Content); k += 2 {
			if n.Content[k].Value == "calendar" {
				n.Content[k].HeadComment = "# " + strings.Join(days, "\n# ")
			}
		}
	})
}

// eachCalendar visits every entry that has a calendar, with its node below root (nil without
// a root) and the calendar's mapping of days as text.
func (s *Scenario) eachCalendar(root *yaml.Node, visit func(entry *tree, n *yaml.Node, days []string)) {
	one := func(entry *tree, n *yaml.Node) {
		if entry == nil || len(recordingSpec(entry).Calendar) == 0 {
			return
		}
		// A change may have made the calendar invalid; then sim.Build reports it.
		if parts := recordingSpec(entry).Calendar; inputs.CheckCalendar(parts) == nil {
			visit(entry, n, inputs.CalendarLines(parts, s.Calendar.Start))
		}
	}
	weather, node := s.document.root.get("weather"), childOf(root, "weather")
	one(weather, node)
	one(weather.get("wind"), childOf(node, "wind"))
	one(s.document.root.get("market"), childOf(root, "market"))
	recordings := childOf(root, "recordings")
	for i, entry := range s.document.entries("recordings") {
		var n *yaml.Node
		if recordings != nil {
			n = recordings.Content[i]
		}
		one(&entry, n)
	}
}

func childOf(n *yaml.Node, key string) *yaml.Node {
	if n == nil {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}
