package ui

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/smatrix-grid/smatrix/sim/live"
	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/twins"
)

// CommandBody changes a setting of a twin.
type CommandBody struct {
	Target   string `json:"target" maxLength:"500" doc:"path of a member or a community"`
	Setting  string `json:"setting" maxLength:"100"`
	Value    Scalar `json:"value,omitempty" doc:"in the setting's unit; a word where it is a choice; true or false"`
	Word     string `json:"word,omitempty" maxLength:"100" pattern:"^[A-Za-z0-9_.-]*$" doc:"the same as a word in value"`
	Multiply Scalar `json:"multiply,omitempty" doc:"a factor, instead of a value"`
	Tick     *int64 `json:"tick,omitempty" minimum:"0" doc:"step in which it is carried out, which must not have been begun; the next one if left out"`
}

// CommandInfo is a command that was accepted.
type CommandInfo struct {
	Seq      int64  `json:"seq"`
	Tick     int64  `json:"tick"`
	Target   string `json:"target"`
	Setting  string `json:"setting"`
	Name     string `json:"name" doc:"set, multiply, or another command that the twin takes: it has no setting"`
	Value    Number `json:"value" doc:"in the setting's unit, or the factor"`
	Repeated bool   `json:"repeated" doc:"the Idempotency-Key was used before: the command was not carried out again"`
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

// command reads a request as --set reads a change of the scenario: with the same bounds and the
// same error texts.
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
	var tick twins.Tick
	if b.Tick != nil {
		tick = twins.Tick(*b.Tick)
	}
	commands, err := r.scenario.Commands([]string{e.SetPath(b.Setting) + sign + value}, tick)
	if err != nil {
		return c, errors.New(strings.TrimPrefix(err.Error(), "--set: "))
	}
	return commands[0], nil
}

func settingNames(e scenario.Entry) (names []string) {
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
	taken, repeated, err := r.take(c, q.Body.Tick != nil)
	switch clock := r.pace.Clock(); {
	case errors.As(err, new(*NotKeptError)):
		return nil, notKept(err)
	case errors.Is(err, live.ErrOver) && clock.State == live.Failed:
		return nil, huma.Error503ServiceUnavailable("the run has failed, nothing is taken any more: " + r.trouble(&clock))
	case errors.Is(err, live.ErrTooMany):
		return nil, huma.Error429TooManyRequests(err.Error())
	case errors.Is(err, errKeyReused), errors.Is(err, live.ErrOver), errors.Is(err, errReplay), errors.As(err, new(*live.BegunError)):
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
	some, more, err := r.commands.newest(from, q.Limit)
	if err != nil {
		return nil, err
	}
	list := &commandPage{Commands: []CommandInfo{}}
	if more {
		list.Next = strconv.Itoa(from + len(some))
	}
	for _, c := range some {
		list.Commands = append(list.Commands, r.commandInfo(c, false))
	}
	return list, nil
}

func (s *Server) commandRoutes(a *api) {
	post(a, "/commands", Control, "Change a setting of a twin", http.StatusAccepted, s.order)
	get(a, "/commands", Watch, "Accepted commands, newest first", of(s, func(q *commandsQuery) RunQuery { return q.RunQuery }, (*run).commandPage))
}
