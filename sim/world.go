package sim

import (
	"errors"
	"fmt"
	"slices"

	"github.com/smatrix-grid/smatrix/sim/inputs"
	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/twins"
)

// World holds a scenario's twins and their inputs, ready to be stepped.
type World struct {
	Scenario *scenario.Scenario
	Cells    []*twins.Cell // in path order; after BuildOnly, the selected ones
	Grid     *twins.Node
	inputs.Inputs
	Members    map[string]int // number present at the start, by name of the kind, communities included
	Prepared   map[string]int // number absent at the start that can be added during the run, by name of the kind
	Controller twins.Controller
	Form       Form // how a run of this world is recorded and chained

	strategy *twins.Strategy // strategy of Controller; nil if scenarios cannot choose it

	layout   *twins.Layout   // layout of a kept run's records; nil: this program's
	calendar inputs.Calendar // the world's own copy, since Fill keeps state in it
	recorded inputs.Window   // recorded columns that members follow, by index into Env.Recorded
	commands []twins.Command // sorted by step, target and seq
	added    []twins.Command // not yet merged into commands, in order of arrival
	courses  courses         // courses of the settings that commands change; nil until first needed
}

// Build makes the twins of a scenario, cell by cell, and the controller of its grid.
func Build(s *scenario.Scenario) (*World, error) { return BuildAs(s, nil) }

// BuildAs is Build for a kept run, in the form in which it is recorded and chained; nil
// means this program's form.
func BuildAs(s *scenario.Scenario, form *Form) (*World, error) {
	w, err := buildWorld(s, form, nil)
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

// BuildOnly makes the grid's twin and the twins of those communities for whose path only
// reports true; the others are built elsewhere. It differs from Build in two ways: the
// world has no operator until Operate makes one, and the checks over all communities
// together (limits, reserve) are left out.
func BuildOnly(s *scenario.Scenario, only func(path string) bool) (*World, error) {
	return buildWorld(s, nil, only)
}

// Operate makes the world's controller, which the scenario names, for a grid over these
// communities, built here or elsewhere. Their order is kept.
func (w *World) Operate(communities []twins.Roster) (err error) {
	site := &twins.GridSite{Communities: communities, Reserve: w.Scenario.Reserve, Forecast: func() (twins.Forecast, error) {
		if !dispatchable(communities) { // there is nothing to plan
			return nil, nil
		}
		return w.makeForecast(communities)
	}}
	grid := w.Scenario.Strategies[twins.LevelGrid]
	if w.Controller, err = grid.Controller(site, grid.Spec); err != nil {
		return fmt.Errorf("%s: %w", grid.Name, err)
	}
	w.strategy = grid.Strategy
	return nil
}

// BuildTwins makes the twins without an operator, for a world that shows records and plans
// nothing, in the form of a kept run; nil means this program's form. It is faster than
// BuildAs, since no day is rehearsed.
func BuildTwins(s *scenario.Scenario, form *Form) (*World, error) { return buildWorld(s, form, nil) }

// buildWorld makes a world without an operator. If only is not nil, the world has those
// communities for whose path it reports true.
func buildWorld(s *scenario.Scenario, form *Form, only func(path string) bool) (*World, error) {
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
	if w.Form = w.NewForm(); form != nil {
		w.Form = *form
	}
	w.commands = slices.Clone(s.Events)
	slices.SortFunc(w.commands, compareCommands)
	return w, nil
}

// Restore loads stored states into the twins: of each cell, in path order, as
// AppendStates wrote it, and of the grid as States.AppendGrid did. It is for a world
// that no stepper uses yet. States that are well formed and whose figures overflow are refused
// as well: they come from a store or an archive whose sums were made for them.
func (w *World) Restore(cells [][]byte, grid []byte) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("stored state: %v", p)
		}
	}()
	if len(cells) != len(w.Cells) {
		return fmt.Errorf("states of %d communities, wanted %d", len(cells), len(w.Cells))
	}
	for i, b := range cells {
		if err := checkUsedUp(w.Cells[i].RestoreStates(b)); err != nil {
			return err
		}
	}
	rest, err := twins.RestoreNode(w.Grid, grid)
	if c, ok := w.Controller.(twins.Stateful); ok && err == nil {
		rest, err = w.restoreController(c, rest)
	}
	return checkUsedUp(rest, err)
}

// restoreController restores the state of the controller, with which b begins, and returns
// the rest of b.
func (w *World) restoreController(c twins.Stateful, b []byte) (rest []byte, err error) {
	if w.strategy == nil {
		return c.UnmarshalBinary(b)
	}
	version, b, err := w.strategy.ReadName(b)
	if err != nil {
		return b, err
	}
	return w.strategy.Restore(version, b, c.UnmarshalBinary)
}

// checkUsedUp returns err, or an error if bytes of a stored form are left over.
func checkUsedUp(rest []byte, err error) error {
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("stored state has %d bytes too many", len(rest))
	}
	return err
}

// site returns what kinds can query while their members are built.
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
// its index when a member first asks for it, so unused columns cost nothing and
// homes that follow the same copy share it.
func (w *World) recorder() func(recording, column string, moveWeeks int) (int32, error) {
	type source struct {
		*inputs.Recording
		column int
	}
	sources := map[columnCopy]source{}
	for _, r := range w.Recordings {
		for i, column := range r.Columns {
			sources[columnCopy{r.ID, column, 0}] = source{r, i}
		}
	}
	indexes := map[columnCopy]int32{}
	return func(recording, column string, moveWeeks int) (int32, error) {
		key := columnCopy{recording, column, moveWeeks}
		if i, ok := indexes[key]; ok {
			return i, nil
		}
		from, ok := sources[columnCopy{recording, column, 0}]
		if !ok {
			return 0, fmt.Errorf("recording %s has no column %q", recording, column)
		}
		c, err := from.Column(from.column, moveWeeks)
		if err != nil {
			return 0, err
		}
		i := w.recorded.Add(c)
		indexes[key] = i
		return i, nil
	}
}

// columnCopy names a copy of a recorded column that is moved by whole weeks.
type columnCopy struct {
	recording, column string
	moveWeeks         int
}

// outlook returns a world without twins whose Env extends one day beyond the run, so
// that a forecast does not depend on when a run ends. If the recordings end with the run,
// it ends there too. Its Env.Recorded has the columns that are requested from its own
// site. An error is one of a temporary file.
func (w *World) outlook() (*World, error) {
	cal := *w.Scenario.Calendar
	cal.Steps += twins.Tick(inputs.SecondsPerDay / cal.Step)
	s := w.Scenario
	in, err := s.Recorded(&cal)
	switch {
	case err == nil:
		return &World{Scenario: s.Over(&cal, s.Seed), Inputs: in, calendar: cal}, nil
	case isStorage(err):
		return nil, err
	}
	return &World{Scenario: s, Inputs: w.Inputs, layout: w.layout, calendar: *s.Calendar}, nil
}

// count adds a community and its members to Members and Prepared.
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

// Env fills env with the inputs of step t: calendar, weather, market, recorded values,
// and the commands that take effect. While t grows within the window of recorded data that is held (inputs, spill.go) it allocates
// nothing, once env has been used. An error is one of the temporary files that recorded data is read from.
func (w *World) Env(t twins.Tick, env *twins.Env) (err error) {
	w.calendar.Fill(t, env)
	env.Seed = w.Scenario.Seed
	if env.Weather = (twins.Weather{}); w.Weather != nil {
		err = w.Weather.Fill(w.calendar.Unix(t), w.calendar.Step, &env.Weather)
	}
	if env.Price, env.Carbon = 0, 0; w.Market != nil {
		err = errors.Join(err, w.Market.Fill(t, env))
	}
	var wrong error
	env.Recorded, wrong = w.recorded.Append(env.Recorded[:0], t)
	env.Commands = w.commandsOf(t)
	return errors.Join(err, wrong)
}
