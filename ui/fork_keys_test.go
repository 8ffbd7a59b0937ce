package ui

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/twins"
)

// forksOf returns the forks of a server.
func (t *tester) forksOf() (ids []string) {
	for _, r := range t.runs.list()[1:] {
		ids = append(ids, r.id)
	}
	return ids
}

// While a fork is being made, as many others wait as there are places, and the next caller is refused at once.
func TestForksBeyondTheMostAreRefusedAtOnce(t *testing.T) {
	s := serve(t, "hamlet", nil)
	s.step(2)
	s.runs.building <- struct{}{} // a fork is being made
	var leave []func(bool)
	for i := range mostForks {
		l, err := s.runs.enter(fmt.Sprint(i))
		if err != nil {
			t.Fatal(err)
		}
		leave = append(leave, l)
	}
	s.want(409, "POST", "/forks", `{"at":1,"set":[]}`, nil)
	if l, err := s.runs.enter("0"); err != nil {
		t.Errorf("a caller that waits for the same fork was refused: %v", err)
	} else {
		l(false)
	}
	for _, l := range leave {
		l(false)
	}
	<-s.runs.building
	if s.runs.places != 0 {
		t.Errorf("%d places are taken", s.runs.places)
	}
	for range mostForks {
		s.want(202, "POST", "/forks", `{"at":1,"set":[]}`, nil)
	}
	s.want(409, "POST", "/forks", `{"at":1,"set":[]}`, nil)
	s.want(204, "DELETE", "/runs/fork-3", "", nil)
	s.want(202, "POST", "/forks", `{"at":1,"set":[]}`, nil)
}

// leavingPast is a Past whose caller leaves while a world is being restored.
type leavingPast struct {
	Past
	leave func()
}

func (p *leavingPast) ForkAt(at twins.Tick) (*sim.World, twins.Tick, *sim.Chain, error) {
	p.leave()
	return p.Past.ForkAt(at)
}

// No fork is made for a caller that has gone, neither while it waits for its turn nor while its fork is being
// made; and nothing of it is kept.
func TestNoForkForWhoHasGone(t *testing.T) {
	h := &shelf{notes: map[string][]byte{}}
	past := &leavingPast{h, func() {}}
	s := shelved(t, h, func(o *Options) { o.Begun.Past = past })
	s.step(3)
	gone, leave := context.WithCancel(t.Context())
	s.runs.building <- struct{}{}
	answered := make(chan error, 1)
	go func() {
		_, _, err := s.runs.fork(gone, s.live, forkOf{at: 1, key: "a"})
		answered <- err
	}()
	leave()
	if err := <-answered; !errors.Is(err, context.Canceled) {
		t.Errorf("while it waits for its turn: %v", err)
	}
	<-s.runs.building
	gone, past.leave = context.WithCancel(t.Context())
	if _, _, err := s.runs.fork(gone, s.live, forkOf{at: 1, key: "a"}); !errors.Is(err, context.Canceled) {
		t.Errorf("while its fork is being made: %v", err)
	}
	if n := len(s.forksOf()); n > 0 || s.runs.places > 0 || len(h.notes) > 0 {
		t.Errorf("%d forks, %d places taken, notes %v", n, s.runs.places, h.notes)
	}
}

// Callers with the same key get the same fork, however many ask at once.
func TestForkWithKeyIsMadeOnce(t *testing.T) {
	h := &shelf{notes: map[string][]byte{}}
	s := shelved(t, h, nil)
	s.step(3)
	const body = `{"at":2,"name":"half","set":["households.home-1.load.scale=0.5"]}`
	got := make([]ForkInfo, 12)
	var all sync.WaitGroup
	for i := range got {
		all.Go(func() { s.want(202, "POST", "/forks", body, &got[i], "Idempotency-Key", "a") })
	}
	all.Wait()
	first := 0
	for _, f := range got {
		if f.ID != "fork-1" {
			t.Errorf("%+v", f)
		}
		if !f.Repeated {
			first++
		}
	}
	if n := len(s.forksOf()); first != 1 || n != 1 || s.runs.places != 1 {
		t.Errorf("%d forks, made for %d callers, with %d places taken; wanted one each", n, first, s.runs.places)
	}
	for _, another := range []string{strings.Replace(body, "0.5", "0.6", 1), strings.Replace(body, `"at":2`, `"at":1`, 1), strings.Replace(body, "half", "whole", 1), strings.Replace(body, `"at":2`, `"at":2,"later_commands":"drop"`, 1)} {
		s.want(409, "POST", "/forks", another, nil, "Idempotency-Key", "a")
	}
	s.want(409, "POST", "/forks?run=fork-1", body, nil, "Idempotency-Key", "a")
	s.want(202, "POST", "/forks", body, nil, "Idempotency-Key", "b")
	s.want(202, "POST", "/forks", body, nil)
	s.want(204, "DELETE", "/runs/fork-1", "", nil)
	s.want(409, "POST", "/forks", body, nil, "Idempotency-Key", "a")
	if got := fmt.Sprint(s.forksOf()); got != "[fork-2 fork-3]" || s.runs.places != 2 {
		t.Errorf("%s, %d places taken", got, s.runs.places)
	}

	h.fails = &NotKeptError{Full: true, Err: errors.New("no room")}
	s.want(507, "POST", "/forks", body, nil, "Idempotency-Key", "c")
	s.want(507, "DELETE", "/runs/fork-2", "", nil)
	h.fails = nil
	if n := len(s.forksOf()); n != 2 || s.runs.places != 2 {
		t.Errorf("on a full disk: %d forks, %d places taken", n, s.runs.places)
	}
}

// After a kill a request with the key of a fork makes the fork again, once and the same: with the id that it
// had, and without commands that its parent has had since.
func TestForkWithKeyAfterAKill(t *testing.T) {
	h := &shelf{notes: map[string][]byte{}}
	s := shelved(t, h, nil)
	s.step(12)
	command := `{"target":"` + aHome(s) + `","setting":"load.scale","value":%s,"tick":%d}`
	s.want(202, "POST", "/commands", fmt.Sprintf(command, "0.5", 14), nil)
	const body, other = `{"at":8,"set":["households.home-2.load.scale=2"]}`, `{"at":9,"set":[]}`
	s.want(202, "POST", "/forks", other, nil)
	var before, after ForkInfo
	s.want(202, "POST", "/forks", body, &before, "Idempotency-Key", "a")
	s.want(202, "POST", "/forks", other, nil, "Idempotency-Key", "deleted")
	s.want(204, "DELETE", "/runs/fork-3", "", nil)
	fork, _ := s.runs.find(before.ID)
	<-fork.done
	s.want(202, "POST", "/commands", fmt.Sprintf(command, "3", 15), nil)
	s.Close()

	w, at, chain, err := h.ForkAt(math.MaxInt64) // with all commands
	if err != nil {
		t.Fatal(err)
	}
	again := serve(t, "hamlet", func(o *Options) {
		o.World, o.Chain, o.Keep = w, chain, h
		o.Begun = Begun{Past: h, Steps: at, Known: 12, Commands: h.commands, Notes: h.notes}
	})
	again.want(202, "POST", "/forks", other, nil)
	again.want(409, "POST", "/forks", other, nil, "Idempotency-Key", "a")
	again.want(409, "POST", "/forks", other, nil, "Idempotency-Key", "deleted")
	again.want(202, "POST", "/forks", body, &after, "Idempotency-Key", "a")
	if after.Repeated || after.ID != before.ID || after.LaterCommandsCount != 1 {
		t.Errorf("the fork is %+v, it was %+v", after, before)
	}
	same, _ := again.runs.find(after.ID)
	<-same.done
	if same.finished() != fork.finished() {
		t.Errorf("the fork made again has digest %s, it had %s", same.finished(), fork.finished())
	}
	again.want(202, "POST", "/forks", body, &after, "Idempotency-Key", "a")
	if got := fmt.Sprint(again.forksOf()); !after.Repeated || got != "[fork-4 fork-2]" {
		t.Errorf("the key once more: %+v, forks %s", after, got)
	}
}

// A caller is answered however long it waits for its fork: neither of the connection's deadlines ends the
// request, nor cancels it as if the caller had gone.
func TestForkMayTakeLong(t *testing.T) {
	d := openDoor(t, nil)
	d.runs.building <- struct{}{}
	until := make(chan time.Time, 100)
	d.deadlines.Store(&until)
	const body = `{"at":0,"set":[]}`
	d.dial("192.0.2.1:1", fmt.Sprintf("POST /api/v1/forks HTTP/1.1\r\nHost: 127.0.0.1\r\n%sContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", withToken, len(body), body))
	for late, limit := 0, time.Now().Add(forkedIn/2); late < 2; { // the read and the write deadline
		if at := <-until; at.After(limit) {
			late++
		}
	}
	<-d.runs.building
}

// A name of a note that is no fork's is left alone.
func TestNotesOfForks(t *testing.T) {
	s := newRuns(&Options{}, nil)
	note, _ := json.Marshal(forkNote{Parent: "live", At: 3, ID: "fork-7"})
	s.begun(map[string][]byte{"fork/a": note, "fork/b": []byte("{"), "acknowledge/c": note})
	if len(s.keys.notes) != 1 || s.keys.notes["a"].At != 3 || s.forks != 7 {
		t.Errorf("%+v, %d", s.keys.notes, s.forks)
	}
	for i := range mostKeys + 5 {
		s.keys.add(&forkNote{Key: fmt.Sprint(i)})
	}
	if len(s.keys.notes) != mostKeys {
		t.Errorf("%d keys are remembered", len(s.keys.notes))
	}
}

// Changes that no note can hold are refused at the entrance, with and without a key; those that are let in fit a
// note, however JSON writes them.
func TestForkWithTooManyChanges(t *testing.T) {
	s := serve(t, "hamlet", nil)
	s.step(2)
	home := "households.home-1.pv.scale=0.5" + strings.Repeat("0", 1000)
	for n, want := range map[int]int{60: 202, 70: 413, 90: 413} {
		body, err := json.Marshal(map[string]any{"at": 1, "set": slices.Repeat([]string{home}, n)})
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range []string{"", fmt.Sprint("key of ", n)} {
			status, kind, b := s.ask("POST", "/api/v1/forks", string(body), "Idempotency-Key", key)
			if status != want || want == 413 && (!isProblem(kind, b) || !bytes.Contains(b, []byte("wanted at most 65536"))) {
				t.Errorf("%d changes with key %q: %d %.200s, want %d", n, key, status, b, want)
			}
		}
	}
	const mostPerNote = 512 << 10 // of persistence
	for _, worst := range []string{"<", "\x01", "\xff", "\u2028"} {
		text := strings.Repeat(worst, mostChanges/len(worst))
		note, err := json.Marshal(&forkNote{Parent: "live", Set: []string{text}, Name: strings.Repeat("\U0001f50c", 100), Later: sim.KeepLater, ID: "fork-1000"})
		if err != nil || len(note)+1000 > mostPerNote {
			t.Errorf("changes of %q: a note of %d bytes, %v", worst, len(note), err)
		}
	}
}
