package ui

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/twins"
)

// CommandBody changes a setting of a twin.
type CommandBody struct {
	Target   string `json:"target" maxLength:"500" doc:"path of a member or a community"`
	Setting  string `json:"setting" maxLength:"100"`
	Value    Scalar `json:"value,omitempty" doc:"in the setting's unit; a word where it is a choice; true or false"`
	Word     string `json:"word,omitempty" maxLength:"100" pattern:"^[A-Za-z0-9_.-]*$" doc:"the same as a word in value"`
	Multiply Scalar `json:"multiply,omitempty" doc:"a factor, instead of a value"`
	Tick     int64  `json:"tick,omitempty" minimum:"0" doc:"step it is for; the next one if left out"`
}

// CommandInfo is a command as it is carried out.
type CommandInfo struct {
	Seq      int64  `json:"seq"`
	Tick     int64  `json:"tick"`
	Target   string `json:"target"`
	Setting  string `json:"setting"`
	Name     string `json:"name" doc:"set, multiply, or another command that the twin takes: it has no setting"`
	Value    Number `json:"value" doc:"in the setting's unit, or the factor"`
	Repeated bool   `json:"repeated" doc:"the Idempotency-Key came before: nothing more was done"`
}

func (r *run) commandInfo(c twins.Command, repeated bool) CommandInfo {
	i := CommandInfo{Seq: c.Seq, Tick: int64(c.Step), Target: c.Target, Setting: c.Setting(), Name: c.Type.Name, Value: Number{c.Value(), 9}, Repeated: repeated}
	if k := r.kindOf(c.Target); k != nil && c.Type == twins.CommandSet {
		if s, ok := k.Setting(c.Setting()); ok {
			i.Value = inUnit(c.Value(), s.Scale)
		}
	}
	return i
}

type commandInput struct {
	RunQuery
	Key  string `header:"Idempotency-Key" maxLength:"200"`
	Body CommandBody
}

// command reads what was asked as a change of the scenario in mid-run: with the same
// bounds, and the same words about what is wrong.
func (r *run) command(b *CommandBody) (c twins.Command, err error) {
	e, ok := r.entry(b.Target)
	if !ok {
		return c, fmt.Errorf("no twin %q", b.Target)
	}
	given := 0
	for _, s := range []string{string(b.Value), string(b.Multiply), b.Word} {
		if s != "" {
			given++
		}
	}
	if given != 1 {
		return c, errors.New("wanted one of value, word and multiply")
	}
	sign, value := "=", string(b.Value)+b.Word
	if b.Multiply != "" {
		sign, value = "*=", string(b.Multiply)
	}
	s, ok := e.Setting(b.Setting)
	if !ok {
		return c, fmt.Errorf("%s has no setting %q, it has: %s", b.Target, b.Setting, strings.Join(settingNames(e), ", "))
	}
	if s.Boolean && sign == "=" {
		switch value {
		case "1":
			value = "true"
		case "0":
			value = "false"
		}
	}
	commands, err := r.scenario.Commands([]string{e.SetPath(b.Setting) + sign + value}, twins.Tick(b.Tick))
	if err != nil {
		return c, errors.New(strings.TrimPrefix(err.Error(), "--set: "))
	}
	return commands[0], nil
}

func settingNames(e sim.Entry) (names []string) {
	for _, s := range e.Settings() {
		names = append(names, s.Name)
	}
	return names
}

func (s *Server) order(_ context.Context, q *commandInput) (*answer[CommandInfo], error) {
	r, err := s.runOf(q.RunQuery)
	if err != nil {
		return nil, err
	}
	if r.replay {
		return nil, huma.Error409Conflict(errReplay.Error())
	}
	c, err := r.command(&q.Body)
	if err != nil {
		return nil, huma.Error422UnprocessableEntity(err.Error())
	}
	c.Key = q.Key
	taken, repeated, err := r.take(c)
	var lost *NotKeptError
	switch clock := r.pace.Clock(); {
	case errors.As(err, &lost) && lost.Full:
		return nil, huma.NewError(http.StatusInsufficientStorage, err.Error())
	case errors.As(err, &lost):
		return nil, huma.Error503ServiceUnavailable(err.Error())
	case errors.Is(err, sim.ErrOver) && clock.State == sim.Failed:
		return nil, huma.Error503ServiceUnavailable("the run has failed, nothing is taken any more: " + r.trouble(&clock))
	case errors.Is(err, sim.ErrTooMany):
		return nil, huma.Error429TooManyRequests(err.Error())
	case errors.Is(err, errKeyReused), errors.Is(err, sim.ErrOver), errors.Is(err, errReplay):
		return nil, huma.Error409Conflict(err.Error())
	case err != nil:
		return nil, huma.Error422UnprocessableEntity(err.Error())
	}
	return &answer[CommandInfo]{r.commandInfo(taken, repeated)}, nil
}

type commandsQuery struct {
	RunQuery
	Page
}

type commandPage struct {
	Next     string        `json:"next"`
	Commands []CommandInfo `json:"commands" doc:"newest first"`
}

func (r *run) commandPage(q *commandsQuery) (*commandPage, error) {
	from, err := q.from()
	if err != nil {
		return nil, err
	}
	some, more := r.commands.newest(from, q.Limit)
	list := &commandPage{Commands: []CommandInfo{}}
	if more {
		list.Next = strconv.Itoa(from + len(some))
	}
	for _, c := range some {
		list.Commands = append(list.Commands, r.commandInfo(c, false))
	}
	return list, nil
}

type forkInput struct {
	RunQuery
	Body struct {
		At   int64    `json:"at" minimum:"0" doc:"step from which on the changes hold"`
		Name string   `json:"name,omitempty" maxLength:"100"`
		Set  []string `json:"set" maxItems:"100" doc:"changes as in --set: producers.coal-1.available=false"`
	}
}

func (s *Server) fork(_ context.Context, q *forkInput) (*answer[RunInfo], error) {
	parent, err := s.runOf(q.RunQuery)
	if err != nil {
		return nil, err
	}
	r, err := s.runs.fork(parent, twins.Tick(q.Body.At), q.Body.Name, q.Body.Set)
	switch {
	case errors.Is(err, errTooManyForks):
		return nil, huma.Error409Conflict(err.Error())
	case err != nil:
		return nil, huma.Error422UnprocessableEntity(strings.TrimPrefix(err.Error(), "--set: "))
	}
	return &answer[RunInfo]{r.info()}, nil
}

// TotalOf is a figure of two runs.
type TotalOf struct {
	Name       string  `json:"name"`
	A          float64 `json:"a"`
	B          float64 `json:"b"`
	Difference float64 `json:"difference" doc:"b − a"`
}

// Pair is a column of two runs over time.
type Pair struct {
	Name string   `json:"name"`
	Unit string   `json:"unit"`
	A    SeriesOf `json:"a"`
	B    SeriesOf `json:"b"`
}

// Comparison is two runs side by side, over the steps that both have.
type Comparison struct {
	A               string    `json:"a"`
	B               string    `json:"b"`
	From            int64     `json:"from"`
	To              int64     `json:"to"`
	FirstDifference *int64    `json:"first_difference" doc:"null: none so far"`
	Totals          []TotalOf `json:"totals"`
	Series          []Pair    `json:"series"`
}

type compareQuery struct {
	A      string `query:"a" default:"live"`
	B      string `query:"b" required:"true"`
	Points int    `query:"points" minimum:"2" maximum:"10000" default:"1000"`
}

// compared are the flows that comparisons have: energies add up, the others do not.
var compared = []string{"load_w", "generation_w", "import_w", "export_w", "charge_w", "discharge_w", "network_loss_w", "unserved_w", "curtailed_w", "stored_j", "frequency_hz"}

func (s *Server) compare(_ context.Context, q *compareQuery) (*answer[*Comparison], error) {
	a, err := s.runOf(RunQuery{q.A})
	if err != nil {
		return nil, err
	}
	b, err := s.runOf(RunQuery{q.B})
	if err != nil {
		return nil, err
	}
	firstA, nextA := a.history.Bounds()
	firstB, nextB := b.history.Bounds()
	from := max(firstA, firstB)
	to := max(from, min(nextA, nextB))
	c := &Comparison{A: q.A, B: q.B, From: int64(from), To: int64(to), Totals: []TotalOf{}, Series: []Pair{}}
	c.FirstDifference = firstDifference(a, b, from, to)
	for _, name := range compared {
		at := Cell{Scope: scopeGrid, Column: flowColumnNamed(name), Part: -1}
		pa, pb := a.series("grid", from, to), b.series("grid", from, to)
		places := flowColumns[at.Column].places
		if err := errors.Join(pa.add(a, name, "", places, at, q.Points), pb.add(b, name, "", places, at, q.Points)); err != nil {
			return nil, err
		}
		c.Series = append(c.Series, Pair{name, unitOf(name), pa.Series[0], pb.Series[0]})
		if energy, ok := strings.CutSuffix(name, "_w"); ok {
			ea, eb := a.energy(at, from, to), b.energy(at, from, to)
			c.Totals = append(c.Totals, TotalOf{energy + "_wh", ea.WattHours(), eb.WattHours(), eb.Minus(ea).WattHours()})
		}
	}
	return &answer[*Comparison]{c}, nil
}

// energy is what a power adds up to.
func (r *run) energy(at Cell, from, to twins.Tick) (sum twins.Total) {
	step := r.scenario.Calendar.Step
	_ = r.history.Values(at, from, to, func(_ twins.Tick, v int64) { // memory gives no errors, a journal those of its disk
		sum = sum.Plus(twins.Power(v).For(step))
	})
	return sum
}

// firstDifference is the first step in which any twin's figures differ.
func firstDifference(a, b *run, from, to twins.Tick) *int64 {
	for t := from; t < to; t++ {
		x, errX := a.history.Step(t, false)
		y, errY := b.history.Step(t, false)
		if errX != nil || errY != nil {
			continue
		}
		for scope := range x.Scopes {
			for k := range x.Scopes[scope] {
				for c := range x.Scopes[scope][k].Columns {
					if !x.Scopes[scope][k].Columns[c].equal(&y.Scopes[scope][k].Columns[c]) {
						return new(int64(t))
					}
				}
			}
		}
	}
	return nil
}

type noBody struct{}

func (s *Server) commandRoutes(api huma.API) {
	post(api, "/commands", "Change a setting of a twin", http.StatusAccepted, s.order)
	get(api, "/commands", "Commands that were taken, newest first", of(s, func(q *commandsQuery) RunQuery { return q.RunQuery }, (*run).commandPage))
	post(api, "/forks", "Begin another future", http.StatusAccepted, s.fork)
	get(api, "/compare", "Two runs side by side", s.compare)
	remove := operation(http.MethodDelete, "/runs/{id}", "End and forget a fork", http.StatusNoContent)
	huma.Register(api, remove, func(_ context.Context, q *struct {
		ID string `path:"id"`
	}) (*noBody, error) {
		if _, ok := s.runs.find(q.ID); !ok {
			return nil, huma.Error404NotFound(fmt.Sprintf("no run %q", q.ID))
		}
		if err := s.runs.remove(q.ID); err != nil {
			return nil, huma.Error409Conflict(err.Error())
		}
		return &noBody{}, nil
	})
}
