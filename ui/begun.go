package ui

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/smatrix-grid/smatrix/sim/views"
	"github.com/smatrix-grid/smatrix/twins"
)

// Begun is what is kept of a run that the server continues, or shows as a replay: its first steps were
// made before, by this process or another one.
type Begun struct {
	Past     Past              // nil: nothing is kept
	Steps    twins.Tick        // steps made: the state that Options.World has
	Known    twins.Tick        // steps before this one are made again at once, before viewers connect
	Views    *views.Live       // after Steps, with a sink of Options.Sinks that adds each step to them; nil: the server folds views of its own
	Commands []twins.Command   // acknowledged commands from outside
	Notes    map[string][]byte // by name, as they were given to the Keeper
	Digest   string            // of a run that is over
}

// Prefixes of the names of notes.
const (
	noteKey         = "key/"         // then an Idempotency-Key; holds a keyNote. Written by old versions: now a command is kept with its key
	noteFork        = "fork/"        // then an Idempotency-Key; holds a forkNote
	noteAcknowledge = "acknowledge/" // then an alert's id; holds an acknowledgeNote
)

// keyNote is the command that was sent with a key.
type keyNote struct {
	Command struct {
		Step         twins.Tick
		Seq          int64
		Target, Name string
		Args         struct {
			Setting string
			Value   int64
		}
	} `json:"command"`
}

// command returns the command of the note.
func (n *keyNote) command() twins.Command {
	c := twins.Set(n.Command.Target, n.Command.Args.Setting, n.Command.Args.Value).At(n.Command.Step, n.Command.Seq)
	c.Type = twins.CommandNamed(n.Command.Name)
	return c
}

type acknowledgeNote struct {
	Tick twins.Tick `json:"tick"` // number of steps made by then
}

// keepCommands is live.Options.Keep: it makes commands durable and then lists them, before a step
// can carry them out.
func (r *run) keepCommands(commands []twins.Command) error {
	if r.keep != nil {
		if err := r.keep.KeepCommands(commands...); err != nil {
			return err
		}
	}
	r.commands.add(commands)
	return nil
}

// acknowledge marks an alert as acknowledged, after making that durable.
func (r *run) acknowledge(id string) (alert, error) {
	if r.replay {
		return alert{}, errReplay
	}
	made := latest(r.views, views.AlertsKind, (*views.Alerts).Steps)
	if r.keep != nil && r.alerts.has(id) {
		value, _ := json.Marshal(acknowledgeNote{made}) // plain data
		if err := r.keep.KeepNote(noteAcknowledge+id, value); err != nil {
			return alert{}, err
		}
	}
	return r.alerts.acknowledge(id, made)
}

// catchUp restores what the world does not hold: the digest, commands with their keys, views, and
// which alerts are acknowledged.
func (r *run) catchUp(o *runOptions) error {
	b := &o.begun
	r.digest = b.Digest
	r.commands.past = b.Past
	r.commands.add(withKeys(b.Commands, b.Notes))
	seen := map[string]twins.Tick{}
	for name, value := range b.Notes {
		if id, ok := strings.CutPrefix(name, noteAcknowledge); ok {
			var n acknowledgeNote
			if json.Unmarshal(value, &n) == nil {
				seen[id] = n.Tick
			}
		}
	}
	if err := r.fold(o); err != nil {
		return fmt.Errorf("restore views: %w", err)
	}
	if o.parent != nil {
		seen = o.parent.alerts.acknowledgedUntil(b.Steps)
	}
	r.alerts = newAlerts(r.views, seen)
	return nil
}

// fold restores the run's views to their state after the steps made before.
func (r *run) fold(o *runOptions) error {
	r.views = &folded{Live: views.NewLive(o.views)}
	switch {
	case o.parent != nil:
		if first := o.parent.views.older; first != nil {
			common := o.at
			if o.parent.parent != "" {
				common = min(common, o.parent.common)
			}
			r.views.older = &older{past: first.past, until: common}
		}
		return nil
	case o.begun.Past != nil:
		r.views.older = &older{past: o.begun.Past, until: math.MaxInt64}
	}
	switch {
	case o.begun.Views != nil:
		r.views.Live = o.begun.Views
		if n := r.views.Steps(); n != o.begun.Steps {
			return fmt.Errorf("they are of %d steps, wanted %d", n, o.begun.Steps)
		}
		return nil
	case o.begun.Past != nil && o.begun.Steps > 0:
		set, err := r.views.older.at(o.begun.Steps)
		r.views.Live = views.NewLive(set)
		return err
	}
	r.views.Live = views.NewLive(views.NewSet(o.world))
	return nil
}

// withKeys returns the commands sorted by number, with the keys that old notes have for them. A key
// whose command is missing was never acknowledged: it is ignored.
func withKeys(commands []twins.Command, notes map[string][]byte) []twins.Command {
	all := slices.Clone(commands)
	slices.SortFunc(all, func(a, b twins.Command) int { return cmp.Compare(a.Seq, b.Seq) })
	for name, value := range notes {
		key, ok := strings.CutPrefix(name, noteKey)
		var n keyNote
		if !ok || json.Unmarshal(value, &n) != nil {
			continue
		}
		c := n.command()
		at, found := slices.BinarySearchFunc(all, c.Seq, func(c twins.Command, seq int64) int { return cmp.Compare(c.Seq, seq) })
		if found && all[at].Same(&c) {
			all[at].Key = key
		}
	}
	return all
}
