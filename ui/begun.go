package ui

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/smatrix-grid/smatrix/sim"
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
	noteKey         = "key/"         // and an Idempotency-Key: keyNote. They were written until commands had their keys
	noteAcknowledge = "acknowledge/" // and an alert's id: acknowledgeNote
)

// keyNote is the command that came with a key.
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

// command is the note's.
func (n *keyNote) command() twins.Command {
	c := twins.Set(n.Command.Target, n.Command.Args.Setting, n.Command.Args.Value).At(n.Command.Step, n.Command.Seq)
	c.Type = twins.CommandNamed(n.Command.Name)
	return c
}

type acknowledgeNote struct {
	Tick twins.Tick `json:"tick"` // steps that had been made
}

// kept is sim.LiveOptions.Keep: it keeps commands and then lists them, before a step can
// carry them out.
func (r *run) kept(commands []twins.Command) error {
	if r.keep != nil {
		if err := r.keep.KeepCommands(commands...); err != nil {
			return err
		}
	}
	r.commands.add(commands)
	r.limits.add(commands)
	return nil
}

// acknowledge says that an alert has been seen, and keeps that.
func (r *run) acknowledge(id string) (alert, error) {
	if r.keep != nil && r.alerts.has(id) {
		value, _ := json.Marshal(acknowledgeNote{r.pace.Clock().Tick}) // plain data
		if err := r.keep.KeepNote(noteAcknowledge+id, value); err != nil {
			return alert{}, err
		}
	}
	return r.alerts.acknowledge(id)
}

// catchUp brings what is not in the world to where the run stands: commands, keys,
// settings and alerts, with what was acknowledged of them: it returns when, by alert.
func (r *run) catchUp(b *Begun) (seen map[string]twins.Tick, err error) {
	r.digest = b.Digest
	r.commands.add(withKeys(b.Commands, b.Notes))
	r.follow()
	seen = map[string]twins.Tick{}
	for name, value := range b.Notes {
		if id, ok := strings.CutPrefix(name, noteAcknowledge); ok {
			var n acknowledgeNote
			if json.Unmarshal(value, &n) == nil {
				seen[id] = n.Tick
			}
		}
	}
	if b.Past == nil || b.Steps == 0 {
		return seen, nil
	}
	if err = b.Past.Replay(0, b.Steps, false, &folded{r, seen}); err != nil {
		return nil, fmt.Errorf("steps that were made before: %w", err)
	}
	r.alerts.seen(b.Steps, seen)
	return seen, nil
}

// withKeys are commands by number, with the keys that old notes have for them. A key
// without its command was never acknowledged.
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

// follow has the limits of communities follow the commands that are there.
func (r *run) follow() {
	r.limits.forget()
	r.limits.add(r.scenario.Events)
	r.limits.add(r.commands.list())
}

// folded is the sink that takes settings, alerts, how far off forecasts were and what plants did from records.
type folded struct {
	run  *run
	seen map[string]twins.Tick
}

// Commit implements sim.Sink.
func (f *folded) Commit(r *sim.StepRecord) error {
	f.run.alerts.seen(r.Tick, f.seen)
	f.run.alerts.step(r, f.run.limits.of)
	f.run.settings.step(r, f.run)
	f.run.judged.step(r)
	f.run.plants.step(r)
	return nil
}

// seen acknowledges what was acknowledged when so many steps had been made.
func (a *alerts) seen(made twins.Tick, seen map[string]twins.Tick) {
	for id, tick := range seen {
		if tick == made {
			_, _ = a.acknowledge(id) // it may have been left out for too many others
		}
	}
}
