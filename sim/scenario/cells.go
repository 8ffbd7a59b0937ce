package scenario

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/smatrix-grid/smatrix/sim/problem"
	"github.com/smatrix-grid/smatrix/twins"
)

// Community is a community of a scenario with its members: what a cell is built from.
type Community struct {
	document *document
	id       string
	entry    *tree
	members  []groupMember
}

type groupMember struct {
	kind  *twins.Kind
	index int // in its list
}

// Communities sorts members by community, communities by path.
func (s *Scenario) Communities() []*Community {
	d := s.document
	var groups []*Community
	of := map[string]*Community{}
	for i := range d.entries(twins.Community.Plural) {
		entry := &d.entries(twins.Community.Plural)[i]
		g := &Community{document: d, id: entry.textOf("id"), entry: entry}
		groups, of[g.id] = append(groups, g), g
	}
	for _, k := range memberKinds() {
		for i := range d.entries(k.Plural) {
			g := of[d.entries(k.Plural)[i].textOf("community")]
			g.members = append(g.members, groupMember{k, i})
		}
	}
	slices.SortFunc(groups, func(a, b *Community) int { return strings.Compare(communityPath(a.id), communityPath(b.id)) })
	return groups
}

// Path is the community's path.
func (g *Community) Path() string { return communityPath(g.id) }

// Kinds are the kinds of its members in their order, each with whether it is prepared and
// not there at the start.
func (g *Community) Kinds() iter.Seq2[*twins.Kind, bool] {
	return func(yield func(*twins.Kind, bool) bool) {
		for _, m := range g.members {
			if !yield(m.kind, isAbsent(&g.document.entries(m.kind.Plural)[m.index])) {
				return
			}
		}
	}
}

// Specs are the community and its members as their kinds read them.
func (g *Community) Specs() (self twins.Member, members []twins.CellMember) {
	members = make([]twins.CellMember, len(g.members))
	for i, m := range g.members {
		entry := &g.document.entries(m.kind.Plural)[m.index]
		members[i] = twins.CellMember{Kind: m.kind, Member: twins.Member{Path: memberPath(entry), Spec: specOf(entry)}}
		if owner := entry.textOf("owner"); owner != "" {
			members[i].Owner = communityPath(g.id) + "/" + owner
		}
	}
	return twins.Member{Path: communityPath(g.id), Spec: specOf(g.entry)}, members
}

// Limit is the community's limit, 0 without one.
func (g *Community) Limit() (twins.Power, error) {
	entry := g.entry.get("limit_w")
	if entry == nil || entry.form == formNull {
		return 0, nil
	}
	limit, err := twins.ParseScaled(entry.text, int64(twins.Watt))
	if err != nil {
		return 0, g.LimitProblem("%v", err)
	}
	return twins.Power(limit), nil
}

// LimitProblem is an error about the limit, with its line. The community must have one.
func (g *Community) LimitProblem(format string, args ...any) error {
	return g.document.errorAt(g.entry.get("limit_w").line, "communities.%s.limit_w: %s", g.id, fmt.Sprintf(format, args...))
}

// specOf is an entry as its kind reads it: without the keys that all share.
func specOf(entry *tree) []byte {
	rest := entry.without("id", "community", "owner")
	return rest.appendJSON(nil)
}

// Problem gives an error of a kind, which begins with the member's path, or
// with that of a household's part, the name and the line of the entry.
func (g *Community) Problem(err error) error {
	d := g.document
	path, what, _ := strings.Cut(err.Error(), ": ")
	at := func(name string, entry *tree) error {
		return &problem.At{File: d.file, Line: int(entry.line), What: name + ": " + what, Err: err}
	}
	for _, m := range g.members {
		entry := &d.entries(m.kind.Plural)[m.index]
		name, part, isPart := entryName(m.kind.Plural, m.index, entry), "", false
		if path == memberPath(entry) {
			return at(name, entry)
		}
		if part, isPart = strings.CutPrefix(path, memberPath(entry)+"."); isPart && entry.get(part) != nil {
			return at(joinPath(name, part), entry.get(part))
		}
	}
	if path == communityPath(g.id) {
		return at(entryName(twins.Community.Plural, 0, g.entry), g.entry)
	}
	return &problem.At{File: d.file, What: err.Error(), Err: errors.Unwrap(err)}
}
