package ui

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/twins"
)

// RunInfo is one run: the live one or a fork.
type RunInfo struct {
	ID     string   `json:"id"`
	Name   string   `json:"name"`
	Parent string   `json:"parent"`
	At     int64    `json:"at" doc:"first step in which it may differ from its parent"`
	Set    []string `json:"set"`
	State  string   `json:"state" enum:"paused,live,ended,failed,replay"`
	Tick   int64    `json:"tick"`
	Steps  int64    `json:"steps"`
	First  int64    `json:"first"`
	Digest string   `json:"digest" doc:"once the run is over"`
	// Of a fork.
	LaterCommands      string `json:"later_commands" enum:",keep,drop" doc:"what the fork has done with the commands that its parent had for step at and later ones; empty if it is no fork"`
	LaterCommandsCount int    `json:"later_commands_count" doc:"number of these commands"`
	Error              string `json:"error"`
}

func (r *run) info() RunInfo {
	c := r.pace.Clock()
	first, _ := r.history.Bounds()
	i := RunInfo{ID: r.id, Name: r.name, Parent: r.parent, At: int64(r.at), Set: append([]string{}, r.set...), State: r.stateName(c.State),
		Tick: int64(c.Tick), Steps: int64(r.scenario.Calendar.Steps), First: int64(first), Digest: r.finished(),
		LaterCommands: string(r.later), LaterCommandsCount: r.laterCommands}
	i.Error = r.trouble(&c)
	return i
}

type runList struct {
	Runs []RunInfo `json:"runs"`
}

// ForkInfo is a fork that was made.
type ForkInfo struct {
	RunInfo
	Repeated bool `json:"repeated" doc:"the Idempotency-Key was used before: the fork was not made again"`
}

type forkInput struct {
	RunQuery
	Key  string `header:"Idempotency-Key" maxLength:"200"`
	Body struct {
		At            int64    `json:"at" minimum:"0" doc:"first step in which the changes apply"`
		Name          string   `json:"name,omitempty" maxLength:"100"`
		Set           []string `json:"set" maxItems:"100" doc:"changes as in --set: producers.coal.available=false; at most 64 KiB together"`
		LaterCommands string   `json:"later_commands,omitempty" enum:"keep,drop" default:"keep" doc:"whether the fork carries out the commands that its parent has for step at and later ones, those that wait included"`
	}
}

func (s *Server) fork(ctx context.Context, q *forkInput) (*answer[ForkInfo], error) {
	parent, err := s.runOf(q.RunQuery)
	if err != nil {
		return nil, err
	}
	if n := lengthOf(q.Body.Set); n > mostChanges {
		return nil, huma.NewError(http.StatusRequestEntityTooLarge, fmt.Sprintf("set has %d bytes, wanted at most %d: change several entries at once with * in a path", n, mostChanges))
	}
	r, repeated, err := s.runs.fork(ctx, parent, forkOf{twins.Tick(q.Body.At), q.Body.Name, q.Body.Set, sim.Later(q.Body.LaterCommands), q.Key})
	switch {
	case errors.Is(err, errTooManyForks), errors.Is(err, errKeyReused), errors.As(err, new(*errForkDeleted)):
		return nil, huma.Error409Conflict(err.Error())
	case errors.As(err, new(*NotKeptError)):
		return nil, notKept(err)
	case err != nil && ctx.Err() != nil:
		return nil, huma.Error503ServiceUnavailable("the caller has gone: no fork was made")
	case err != nil:
		return nil, huma.Error422UnprocessableEntity(strings.TrimPrefix(err.Error(), "--set: "))
	}
	return &answer[ForkInfo]{ForkInfo{r.info(), repeated}}, nil
}

// mostChanges bounds the texts of a fork's changes together, bytes. The note that keeps a fork with its key holds
// them as JSON, in which a byte takes at most six; persistence takes notes of 512 KiB.
const mostChanges = 64 << 10

func lengthOf(texts []string) (n int) {
	for _, s := range texts {
		n += len(s)
	}
	return n
}

// notKept returns the answer for a NotKeptError: 507 while the disk is full, else 503.
func notKept(err error) error {
	if lost := new(NotKeptError); errors.As(err, &lost) && lost.Full {
		return huma.NewError(http.StatusInsufficientStorage, err.Error())
	}
	return huma.Error503ServiceUnavailable(err.Error())
}

// forkedIn bounds the time of a request for a fork: other forks may be made before it, and a large world
// takes minutes.
const forkedIn = 10 * time.Minute

type noBody struct{}

func (s *Server) runRoutes(a *api) {
	get(a, "/runs", Watch, "The live run and its forks", func(context.Context, *struct{}) (*answer[runList], error) {
		list := runList{[]RunInfo{}}
		for _, r := range s.runs.list() {
			list.Runs = append(list.Runs, r.info())
		}
		return &answer[runList]{list}, nil
	})
	get(a, "/runs/{id}", Watch, "One run", func(_ context.Context, q *struct {
		ID string `path:"id"`
	}) (*answer[RunInfo], error) {
		r, err := s.runOf(RunQuery{q.ID})
		if err != nil {
			return nil, err
		}
		return &answer[RunInfo]{r.info()}, nil
	})
	fork := operation(http.MethodPost, "/forks", "Fork a run", http.StatusAccepted)
	fork.Middlewares = huma.Middlewares{answerIn(forkedIn)}
	register(a, Control, fork, s.fork)
	remove := operation(http.MethodDelete, "/runs/{id}", "End and delete a fork", http.StatusNoContent)
	register(a, Control, remove, func(_ context.Context, q *struct {
		ID string `path:"id"`
	}) (*noBody, error) {
		if _, ok := s.runs.find(q.ID); !ok {
			return nil, huma.Error404NotFound(fmt.Sprintf("no run %q", q.ID))
		}
		err := s.runs.remove(q.ID)
		switch {
		case errors.As(err, new(*NotKeptError)):
			return nil, notKept(err)
		case err != nil:
			return nil, huma.Error409Conflict(err.Error())
		}
		return &noBody{}, nil
	})
}
