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

// Community is a community of a scenario with its members. A cell is built from it.
type Community struct {
	document *document
	id       string
	entry    *tree
	members  []groupMember
}

type groupMember struct {
	kind  *twins.Kind
	index int // of the entry in the kind's list
}

// Communities returns the communities, sorted by path, each with its members.
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

// Kinds iterates over the kinds of the members in their order, each with whether that member
// is absent at the start (Entry.Absent).
func (g *Community) Kinds() iter.Seq2[*twins.Kind, bool] {
	return func(yield func(*twins.Kind, bool) bool) {
		for _, m := range g.members {
			if !yield(m.kind, isAbsent(&g.document.entries(m.kind.Plural)[m.index])) {
				return
			}
		}
	}
}

// Specs returns the community and its members with the specs that their kinds read.
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

// Limit returns the community's limit of net import and export, 0 for none.
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

// LimitProblem returns an error about the limit, with its line. The community must have one.
func (g *Community) LimitProblem(format string, args ...any) error {
	return g.document.errorAt(g.entry.get("limit_w").line, "communities.%s.limit_w: %s", g.id, fmt.Sprintf(format, args...))
}

// specOf returns an entry as JSON for its kind: without the keys that all kinds share.
func specOf(entry *tree) []byte {
	rest := entry.without("id", "community", "owner")
	return rest.appendJSON(nil)
}

// Problem turns an error of a kind, which begins with the path of a member or of a household's
// part, into a *problem.At with the name and line of the entry.
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
