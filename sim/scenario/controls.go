package scenario

import (
	"fmt"
	"slices"
	"strings"

	"github.com/smatrix-grid/smatrix/sim/problem"
	"github.com/smatrix-grid/smatrix/twins"

	_ "github.com/smatrix-grid/smatrix/twins/operator" // declares the strategies of the grid
)

// preset is a word that controls can have, with the strategy of each level.
type preset struct {
	name       string
	what       string // description, for the schema
	strategies [twins.NumLevels]string
}

// presets are the words of controls. The first is the default; it also has the strategies of
// levels that a scenario does not name.
var presets = []preset{
	{"full", "demand response and plans", [...]string{"operator", "pro_rata", "own_aims"}},
	{"none", "no peak control, charging plans or demand response", [...]string{"plain", "pro_rata", "own_aims"}},
}

// Strategies are a scenario's strategies with their specs, by level.
type Strategies [twins.NumLevels]twins.Choice

// controlsSchema is the schema of controls: a preset's word, or a strategy for each level and
// the strategies' own keys under their names.
func controlsSchema() tree {
	s := readJSON(`{"default": "` + presets[0].name + `", "anyOf": [{"enum": []}, {"type": "object"}], "additionalProperties": false, "properties": {}}`)
	words := &s.get("anyOf").items[0]
	var descriptions []string
	for _, p := range presets {
		words.get("enum").items = append(words.get("enum").items, tree{form: formText, text: p.name})
		descriptions = append(descriptions, p.name+": "+p.what)
	}
	s.put("description", tree{form: formText, text: "who decides, and how. " + strings.Join(descriptions, "; ") + "; or a strategy for each level, those that are left out as with " + presets[0].name})
	properties := s.get("properties")
	for l := range twins.NumLevels {
		properties.put(l.String(), levelSchema(l))
	}
	for l := range twins.NumLevels {
		for _, strategy := range twins.Strategies(l) {
			if strategy.Schema == "" {
				continue
			}
			keys := readJSON(`{"type": "object", "additionalProperties": false}`)
			keys.put("description", tree{form: formText, text: "keys of the strategy " + strategy.Name + " of the " + l.String()})
			keys.add(readJSON(strategy.Schema))
			properties.put(strategy.Name, keys)
		}
	}
	return s
}

func levelSchema(l twins.Level) tree {
	s := readJSON(`{"enum": []}`)
	var descriptions []string
	for _, strategy := range twins.Strategies(l) {
		s.get("enum").items = append(s.get("enum").items, tree{form: formText, text: strategy.Name})
		descriptions = append(descriptions, strategy.Name+": "+strategy.Label)
	}
	s.put("default", tree{form: formText, text: presets[0].strategies[l]})
	s.put("description", tree{form: formText, text: "strategy of the " + l.String() + ". " + strings.Join(descriptions, "; ")})
	return s
}

// expandPreset replaces a preset's word by its strategies, level by level, so that --set can
// change one of them. If path names a key of a strategy, it also adds the strategy's keys with
// their defaults.
func (d *document) expandPreset(path string) {
	keys := strings.Split(path, ".")
	if keys[0] != "controls" || len(keys) < 2 {
		return
	}
	at := d.root.get("controls")
	of, _ := d.schema.key(d.schema.top(), "controls")
	if p := presetNamed(at.text); p != nil && at.form == formText {
		spelled := tree{form: formObject, line: at.line}
		for l, name := range p.strategies {
			spelled.put(twins.Level(l).String(), tree{form: formText, text: name, line: at.line})
		}
		d.root.put("controls", spelled)
		at = d.root.get("controls")
	}
	if sub, ok := d.schema.key(of, keys[1]); ok && len(keys) > 2 && sub.get("properties") != nil && at.get(keys[1]) == nil {
		at.put(keys[1], tree{form: formObject, line: at.line})
		d.schema.fill(of, at)
	}
}

func presetNamed(name string) *preset {
	at := slices.IndexFunc(presets, func(p preset) bool { return p.name == name })
	if at < 0 {
		return nil
	}
	return &presets[at]
}

// checkControls refuses keys of a strategy that is not chosen.
func (d *document) checkControls() (found []error) {
	at := d.root.get("controls")
	for i, key := range at.keys {
		s := twins.StrategyNamed(key)
		if s == nil || at.textOf(s.Level.String()) == key {
			continue
		}
		found = append(found, d.errorAt(at.items[i].line, "controls.%s: keys of a strategy that is not chosen, wanted %s: %[1]s, or no such keys", key, s.Level))
	}
	return found
}

// readStrategies returns the strategies of a scenario, with the defaults of their keys.
func (d *document) readStrategies() (all Strategies) {
	at := d.root.get("controls")
	of, _ := d.schema.key(d.schema.top(), "controls")
	for l := range twins.NumLevels {
		name := at.textOf(l.String())
		if p := presetNamed(at.text); at.form == formText && p != nil {
			name = p.strategies[l]
		}
		c := twins.Choice{Strategy: twins.StrategyNamed(name)}
		if sub, ok := d.schema.key(of, name); ok && c.Strategy.Schema != "" {
			keys := tree{form: formObject}
			if own := at.get(name); own != nil {
				keys = own.clone()
			}
			d.schema.fill(sub, &keys)
			c.Spec = keys.appendJSON(nil)
		}
		all[l] = c
	}
	return all
}

// ControlsProblem turns an error of a strategy about its keys into a *problem.At with their line.
func (s *Scenario) ControlsProblem(err error) error {
	d := s.document
	at := d.root.get("controls")
	if name, _, ok := strings.Cut(err.Error(), ": "); ok && at.get(name) != nil {
		at = at.get(name)
	}
	return &problem.At{File: d.file, Line: int(at.line), What: fmt.Sprintf("controls.%v", err), Err: err}
}
