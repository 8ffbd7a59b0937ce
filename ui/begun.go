package ui

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/smatrix-grid/smatrix/sim/views"
	"github.com/smatrix-grid/smatrix/twins"
)

// Begun is what there is of a run whose first steps were made before, by this process
// or another one.
type Begun struct {
	Past     Past              // nil: nothing is kept
	Steps    twins.Tick        // that were made: the world stands behind them
	Known    twins.Tick        // steps up to it are made again at once, before anybody looks
	Commands []twins.Command   // from outside, that were acknowledged
	Notes    map[string][]byte // by name, as the Keeper got them
	Digest   string            // of a run that is over
}

// The names of notes, and what they have.
const (
	noteKey         = "key/"         // and an Idempotency-Key: keyNote
	noteAcknowledge = "acknowledge/" // and an alert's id: acknowledgeNote
)

type keyNote struct {
	Body    string        `json:"body"`
	Command twins.Command `json:"command"`
}

type acknowledgeNote struct {
	Tick twins.Tick `json:"tick"` // steps that had been made
}

// kept is sim.LiveOptions.Keep: it keeps commands with the key that they came with, and
// then lists them, before a step can carry them out.
func (r *run) kept(commands []twins.Command) error {
	if r.keep != nil {
		if err := r.keepAll(commands); err != nil {
			return err
		}
	}
	r.commands.add(commands)
	return nil
}

func (r *run) keepAll(commands []twins.Command) error {
	name, value := "", []byte(nil)
	if l := &r.commands; l.key != "" && len(commands) == 1 {
		name = noteKey + l.key
		value, _ = json.Marshal(keyNote{l.body, commands[0]}) // plain data
	}
	for _, c := range commands {
		if err := r.keep.KeepCommand(c, name, value); err != nil {
			return err
		}
	}
	return nil
}

// acknowledge says that an alert has been seen, and keeps that.
func (r *run) acknowledge(id string) (alert, error) {
	made := latest(r.views, views.AlertsKind, (*views.Alerts).Steps)
	if r.keep != nil && r.alerts.has(id) {
		value, _ := json.Marshal(acknowledgeNote{made}) // plain data
		if err := r.keep.KeepNote(noteAcknowledge+id, value); err != nil {
			return alert{}, err
		}
	}
	return r.alerts.acknowledge(id, made)
}

// catchUp brings what is not in the world to where the run stands: commands, keys and views, with
// what was acknowledged of the alerts.
func (r *run) catchUp(o *runOptions) error {
	b := &o.begun
	r.digest = b.Digest
	r.commands.all = slices.Clone(b.Commands)
	slices.SortFunc(r.commands.all, func(a, b twins.Command) int { return int(a.Seq - b.Seq) })
	seen := map[string]twins.Tick{}
	for _, name := range sortedNames(b.Notes) {
		value := b.Notes[name]
		if key, ok := strings.CutPrefix(name, noteKey); ok {
			var n keyNote
			// Without its command it was never acknowledged.
			if json.Unmarshal(value, &n) == nil && slices.Contains(r.commands.all, n.Command) {
				r.commands.note(n.Command, key, n.Body)
			}
		} else if id, ok := strings.CutPrefix(name, noteAcknowledge); ok {
			var n acknowledgeNote
			if json.Unmarshal(value, &n) == nil {
				seen[id] = n.Tick
			}
		}
	}
	if err := r.fold(o); err != nil {
		return fmt.Errorf("steps that were made before: %w", err)
	}
	if o.parent != nil {
		seen = o.parent.alerts.acknowledgedUntil(b.Steps)
	}
	r.alerts = newAlerts(r.views, seen)
	return nil
}

// fold makes the run's views as they were before its first step.
func (r *run) fold(o *runOptions) (err error) {
	r.views = &folded{set: o.views}
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
		if o.begun.Steps > 0 {
			r.views.set, err = r.views.older.at(o.begun.Steps)
			return err
		}
	}
	r.views.set = views.NewSet(o.world)
	return nil
}

func sortedNames[V any](m map[string]V) (names []string) {
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
