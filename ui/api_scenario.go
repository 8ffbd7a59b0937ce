package ui

import (
	"context"
	"maps"
	"math"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/twins"
)

// ColumnInfo describes a column.
type ColumnInfo struct {
	Name    string `json:"name"`
	Unit    string `json:"unit"`
	Places  int    `json:"places" doc:"stored integer ÷ 10^places is in the unit"`
	Derived bool   `json:"derived"`
}

// SettingInfo describes a setting, which a command can change while the run goes on.
type SettingInfo struct {
	Name    string   `json:"name"`
	Unit    string   `json:"unit"`
	Places  int      `json:"places"`
	Min     Number   `json:"min"`
	Max     Number   `json:"max"`
	Words   []string `json:"words" doc:"names of the values 0, 1, …, where it is a choice"`
	Boolean bool     `json:"boolean"`
	Zero    string   `json:"zero" doc:"what 0 means where it is not a quantity, such as none; empty elsewhere"`
}

// KindInfo describes a kind of twin.
type KindInfo struct {
	Name     string        `json:"name"`
	Plural   string        `json:"plural"`
	Label    string        `json:"label"`
	Role     string        `json:"role" enum:"load,storage,producer,tie,node"`
	Ownable  bool          `json:"ownable"`
	Prepares bool          `json:"prepares" doc:"the scenario may prepare one: it is absent until a command puts it in"`
	Columns  []ColumnInfo  `json:"columns"`
	Gauges   []GaugeKind   `json:"gauges" doc:"figures beside the columns that a twin of the kind may have; those of a home's devices as DEVICE.NAME"`
	Settings []SettingInfo `json:"settings"`
}

// Catalogue describes the columns of the stream.
type Catalogue struct {
	Version     string       `json:"version"`
	Kinds       []KindInfo   `json:"kinds"`
	FlowColumns []ColumnInfo `json:"flow_columns"`
	Sources     []Source     `json:"sources"`
	Reasons     []string     `json:"reasons" doc:"names of the values of the column reason"`
	Rules       []Rule       `json:"rules"`
}

func (x *Index) catalogue() Catalogue {
	c := Catalogue{Version: x.Version, Sources: x.Sources, Rules: rules(), Kinds: []KindInfo{}}
	for _, k := range twins.Kinds() {
		info := KindInfo{Name: k.Name, Plural: k.Plural, Label: k.Label, Role: k.Role.String(), Ownable: k.Ownable, Prepares: k.Prepares, Columns: []ColumnInfo{}, Gauges: []GaugeKind{}, Settings: []SettingInfo{}}
		for _, g := range k.AllGauges() {
			info.Gauges = append(info.Gauges, gaugeKind(g))
		}
		for _, col := range k.Columns {
			info.Columns = append(info.Columns, ColumnInfo{col.Name, unitOf(col.Name), col.Places, col.Derived})
		}
		for _, s := range k.Settings {
			boolean := s.Scale == 1 && s.Min == 0 && s.Max == 1 && s.Words == nil
			info.Settings = append(info.Settings, settingInfo(s, boolean))
		}
		c.Kinds = append(c.Kinds, info)
	}
	for _, f := range flowColumns {
		c.FlowColumns = append(c.FlowColumns, ColumnInfo{Name: f.name, Unit: unitOf(f.name), Places: f.places})
	}
	c.Reasons = reasonNames()
	return c
}

// reasonNames returns the names of the values of the column reason.
func reasonNames() (names []string) {
	for r := twins.NoReason; r <= twins.Reserve; r++ {
		names = append(names, r.String())
	}
	return names
}

func settingInfo(s twins.Setting, boolean bool) SettingInfo {
	places := placesOf(s.Scale)
	words := s.Words
	if words == nil {
		words = []string{}
	}
	return SettingInfo{s.Name, unitOf(s.Name), places, inUnit(s.Min, s.Scale), inUnit(s.Max, s.Scale), words, boolean, s.Zero}
}

// inUnit converts a setting's stored value to the unit of its name. Most are stored in a
// decimal fraction of it; hours are stored in seconds, and shown to a thousandth.
func inUnit(v, scale int64) Number {
	places := placesOf(scale)
	tens := int64(math.Pow10(places))
	if tens != scale {
		v, _ = twins.MulDiv(v, tens, scale)
	}
	return Number{v, places}
}

func placesOf(scale int64) (places int) {
	for ; scale >= 10; scale /= 10 {
		places++
	}
	return places
}

// ScenarioInfo describes the scenario, which all runs share.
type ScenarioInfo struct {
	Name        string         `json:"name"`
	Description string         `json:"description"`
	File        string         `json:"file"`
	Seed        uint64         `json:"seed"`
	Hosting     string         `json:"hosting"`
	Start       string         `json:"start"`
	Zone        string         `json:"zone"`
	StepS       int64          `json:"step_s"`
	Steps       int64          `json:"steps"`
	Members     map[string]int `json:"members" doc:"present at the start, by kind"`
	Prepared    map[string]int `json:"prepared" doc:"absent at the start, and can be put in while the run goes on, by kind"`
	Events      []CommandInfo  `json:"events"`
	Priced      bool           `json:"priced" doc:"it has a market: price_eur_per_mwh is known"`
	Mixed       bool           `json:"mixed" doc:"the market has a mix: co2_g_per_kwh is known"`
	Warnings    []WarningInfo  `json:"warnings" doc:"doubts about the scenario and its data, which the runs take as they are"`
}

// WarningInfo is a doubt about a value that can be read and is not plausible.
type WarningInfo struct {
	File   string `json:"file"`
	Line   int64  `json:"line" doc:"from 1; 0 if it is about the whole file"`
	Column string `json:"column" doc:"of a data file, or the path of a scenario's entry"`
	Kind   string `json:"kind" doc:"a word such as counter, unit, gap, zone"`
	Text   string `json:"text" doc:"what is doubtful, and its likely cause"`
}

func warningsOf(w *sim.World) []WarningInfo {
	all := make([]WarningInfo, 0, len(w.Warnings))
	for _, one := range w.Warnings {
		all = append(all, WarningInfo{one.File, int64(one.Line), one.Column, one.Kind, one.Text})
	}
	return all
}

func (r *run) scenarioInfo() ScenarioInfo {
	s := r.scenario
	i := ScenarioInfo{Name: s.Name, Description: s.Description, File: s.File, Seed: s.Seed, Hosting: s.Hosting, Start: r.time(0),
		Zone: s.Calendar.Start.Location().String(), StepS: int64(s.Calendar.Step), Steps: int64(s.Calendar.Steps), Members: maps.Clone(r.members), Prepared: maps.Clone(r.prepared), Events: []CommandInfo{}, Priced: r.priced, Mixed: r.mixed, Warnings: r.warnings}
	for _, c := range s.Events {
		i.Events = append(i.Events, r.commandInfo(c, false))
	}
	return i
}

func (s *Server) scenarioRoutes(a *api) {
	get(a, "/scenario", Watch, "The scenario of the runs", func(context.Context, *struct{}) (*answer[ScenarioInfo], error) {
		return &answer[ScenarioInfo]{s.live.scenarioInfo()}, nil
	})
	get(a, "/catalogue", Watch, "Kinds, columns, sources, rules", func(_ context.Context, q *TagQuery) (*tagged[Catalogue], error) {
		return tag(s, *q, s.index.catalogue)
	})
}
