package sim

import (
	"errors"
	"fmt"
	"slices"

	"github.com/smatrix-grid/smatrix/sim/inputs"
	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/twins"
)

// World is a scenario's twins and what they see, ready to be stepped.
type World struct {
	Scenario *scenario.Scenario
	Cells    []*twins.Cell // by path; of BuildOnly, those that were wanted
	Grid     *twins.Node
	inputs.Inputs
	Members    map[string]int // that are there at the start, by name of the kind, communities included
	Prepared   map[string]int // that are not, and can be put in while it runs
	Controller twins.Controller
	Form       Form // how a run of it is recorded and chained

	strategy *twins.Strategy // of Controller; nil if it is none that a scenario can choose

	layout   *twins.Layout   // of a kept run's records; nil: this program's
	calendar inputs.Calendar // its own: Fill remembers
	columns  [][]twins.Power // what members follow, by index into Env.Recorded
	commands []twins.Command // by step, target and seq
	added    []twins.Command // taken since then, as they came
	courses  courses         // of the settings that they change; nil until they are needed
}

// Build makes the twins of a scenario, cell by cell, and the controller of its grid.
func Build(s *scenario.Scenario) (*World, error) { return BuildAs(s, nil) }

// BuildAs is Build for a kept run, which is recorded and chained in a form of its own; nil:
// this program's.
func BuildAs(s *scenario.Scenario, form *Form) (*World, error) {
	w, err := build(s, form, nil)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(w.checkLimits(), w.checkReserve()); err != nil {
		return nil, err
	}
	if err := w.Operate(twins.Rosters(w.Cells)); err != nil {
		return nil, err
	}
	return w, nil
}

// BuildOnly makes the twins of those communities alone whose path only reports true
// for, and of the grid: a world of which the rest is elsewhere. Everything else is as in
// Build, but that it has no operator until Operate gives it one, and that what is checked
// of all communities together is not checked.
func BuildOnly(s *scenario.Scenario, only func(path string) bool) (*World, error) {
	return build(s, nil, only)
}

// Operate gives the world the controller that its scenario wants, for a grid over these
// communities, be they built here or elsewhere. They stay in the order given.
func (w *World) Operate(communities []twins.Roster) (err error) {
	site := &twins.GridSite{Communities: communities, Reserve: w.Scenario.Reserve, Forecast: func() (twins.Forecast, error) {
		if !dispatchable(communities) { // there is nothing to plan
			return nil, nil
		}
		return w.forecast(communities)
	}}
	grid := w.Scenario.Strategies[twins.LevelGrid]
	if w.Controller, err = grid.Controller(site, grid.Spec); err != nil {
		return fmt.Errorf("%s: %w", grid.Name, err)
	}
	w.strategy = grid.Strategy
	return nil
}

// BuildTwins makes the twins alone: a world in which records are shown and nothing is
// planned, in the form of a kept run; nil: this program's. It is made faster than one that is
// stepped, as nothing is rehearsed.
func BuildTwins(s *scenario.Scenario, form *Form) (*World, error) { return build(s, form, nil) }

// build makes the twins alone, of some communities if only is given.
func build(s *scenario.Scenario, form *Form, only func(path string) bool) (*World, error) {
	w := &World{Scenario: s, Members: map[string]int{}, Prepared: map[string]int{}, calendar: *s.Calendar, Controller: twins.MeritOrder{}}
	var err error
	if w.Inputs, err = s.Inputs(s.Calendar); err != nil {
		return nil, err
	}
	grid, err := twins.NewNode(twins.Grid, twins.Member{Path: twins.GridPath, Spec: []byte("{}")})
	if err != nil {
		return nil, err
	}
	w.Grid = grid
	if form != nil {
		w.layout = form.Layout
	}
	site := w.site()
	for _, g := range s.Communities() {
		w.count(g)
		if only != nil && !only(g.Path()) {
			continue
		}
		if err := w.addCell(site, g); err != nil {
			return nil, err
		}
	}
	if w.Form = NewForm(w.Cells); form != nil {
		w.Form = *form
	}
	w.commands = slices.Clone(s.Events)
	slices.SortFunc(w.commands, compareCommands)
	return w, nil
}

// Restore puts the twins into a state that was kept: of each cell in path order as
// AppendStates wrote it, and of the grid as States.AppendGrid did. It is for a world
// that nobody steps yet.
func (w *World) Restore(cells [][]byte, grid []byte) error {
	if len(cells) != len(w.Cells) {
		return fmt.Errorf("states of %d communities, wanted %d", len(cells), len(w.Cells))
	}
	for i, b := range cells {
		if err := whole(w.Cells[i].RestoreStates(b)); err != nil {
			return err
		}
	}
	rest, err := twins.RestoreNode(w.Grid, grid)
	if c, ok := w.Controller.(twins.Stateful); ok && err == nil {
		if w.strategy != nil {
			rest, err = w.strategy.ReadName(rest)
		}
		if err == nil {
			rest, err = c.UnmarshalBinary(rest)
		}
	}
	return whole(rest, err)
}

// whole is an error if a stored form was not used up.
func whole(rest []byte, err error) error {
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("stored state has %d bytes too many", len(rest))
	}
	return err
}

// site is what kinds may ask while their members are built.
func (w *World) site() *twins.Site {
	cal := w.Scenario.Calendar
	return &twins.Site{
		Layout: w.layout,
		Step:   cal.Step, Steps: cal.Steps, Seed: w.Scenario.Seed,
		Recorded: w.recorder(), Sessions: w.sessionsOf, At: cal.At, Days: cal.Days(),
	}
}

func (w *World) sessionsOf(list, user string, shiftWeeks int) ([]twins.Session, error) {
	for _, s := range w.Sessions {
		if s.ID == list {
			return s.Of(user, shiftWeeks)
		}
	}
	return nil, fmt.Errorf("no sessions %q", list)
}

// recorder resolves copies of columns to indices into Env.Recorded. A copy gets
// its index when a member first asks for it, so columns that nobody follows cost
// nothing, and homes that follow the same copy share it.
func (w *World) recorder() func(recording, column string, moveWeeks int) (int32, error) {
	type place struct {
		*inputs.Recording
		column int
	}
	places := map[followed]place{}
	for _, r := range w.Recordings {
		for i, column := range r.Columns {
			places[followed{r.ID, column, 0}] = place{r, i}
		}
	}
	indexes := map[followed]int32{}
	return func(recording, column string, moveWeeks int) (int32, error) {
		at := followed{recording, column, moveWeeks}
		if i, ok := indexes[at]; ok {
			return i, nil
		}
		p, ok := places[followed{recording, column, 0}]
		if !ok {
			return 0, fmt.Errorf("recording %s has no column %q", recording, column)
		}
		i := int32(len(w.columns))
		indexes[at] = i
		w.columns = append(w.columns, p.Moved(p.column, moveWeeks))
		return i, nil
	}
}

// followed names a copy of a recorded column.
type followed struct {
	recording, column string
	moveWeeks         int
}

// outlook is what the world would have in its Env if the run were a day longer, so
// that a forecast does not depend on when a run ends; no longer than the run, if its
// recordings end with it. It has no twins, and Env.Recorded has what is asked of its own
// site.
func (w *World) outlook() *World {
	cal := *w.Scenario.Calendar
	cal.Steps += twins.Tick(inputs.SecondsPerDay / cal.Step)
	s := w.Scenario
	if in, err := s.Recorded(&cal); err == nil {
		return &World{Scenario: s.Over(&cal, s.Seed), Inputs: in, calendar: cal}
	}
	return &World{Scenario: s, Inputs: w.Inputs, layout: w.layout, calendar: *s.Calendar}
}

// count adds a community and its members to those that the scenario has.
func (w *World) count(g *scenario.Community) {
	w.Members[twins.Community.Name]++
	for kind, absent := range g.Kinds() {
		if absent {
			w.Prepared[kind.Name]++
		} else {
			w.Members[kind.Name]++
		}
	}
}

// networkName is the network of every community: scenarios have no key for another.
const networkName = "lossless"

func (w *World) addCell(site *twins.Site, g *scenario.Community) error {
	self, members := g.Specs()
	network, err := twins.NetworkNamed(networkName)
	if err != nil {
		return err
	}
	cell, err := twins.NewCell(site, self, members, network.New())
	if err != nil {
		return g.Problem(err)
	}
	s := &w.Scenario.Strategies
	if err := cell.Adopt(s[twins.LevelCommunity], s[twins.LevelHome]); err != nil {
		return w.Scenario.ControlsProblem(err)
	}
	w.Cells = append(w.Cells, cell)
	return nil
}

// Env makes the world of step t, in the memory of env: the calendar, the
// weather, the market, what is recorded, and the commands that take effect. It allocates nothing once env has
// been used.
func (w *World) Env(t twins.Tick, env *twins.Env) {
	w.calendar.Fill(t, env)
	env.Seed = w.Scenario.Seed
	if env.Weather = (twins.Weather{}); w.Weather != nil {
		w.Weather.Fill(w.calendar.Unix(t), w.calendar.Step, &env.Weather)
	}
	if env.Price, env.Carbon = 0, 0; w.Market != nil {
		w.Market.Fill(t, env)
	}
	env.Recorded = env.Recorded[:0]
	for _, values := range w.columns {
		env.Recorded = append(env.Recorded, values[t])
	}
	env.Commands = w.commandsOf(t)
}
