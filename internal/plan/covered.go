package plan

import (
	"slices"

	"github.com/mortondb/morton/internal/query"
)

// What an index's entries tell need not be fetched: neither to look whether a document matches, nor to return it.

// remains returns what is left of the filter when the bounds are met: what entries tell enough of, and what needs the document.
func (p *planner) remains(a *access) (ofKeys, ofDocuments *query.Filter) {
	if !a.index.Covers || a.deep {
		return nil, p.residual(a.met)
	}
	var keys, documents []*query.Node
	for _, n := range p.conjuncts {
		switch {
		case slices.Contains(a.met, n):
		case a.index.tells(n):
			keys = append(keys, n)
		default:
			documents = append(documents, n)
		}
	}
	if len(keys) > 0 {
		ofKeys = query.FilterOf(keys...)
	}
	switch {
	case len(documents) == len(p.conjuncts) && len(documents) > 0:
		ofDocuments = p.req.Filter
	case len(documents) > 0:
		ofDocuments = query.FilterOf(documents...)
	}
	return ofKeys, ofDocuments
}

// tells reports whether an entry tells whether the document meets a condition.
func (ix *Index) tells(n *query.Node) bool {
	switch {
	case n.Path != "":
		return ix.has(n.Path)
	case n.Op == query.OpAnd || n.Op == query.OpOr || n.Op == query.OpNor:
		return !slices.ContainsFunc(n.Children, func(c *query.Node) bool { return !ix.tells(c) })
	}
	return n.Op == query.OpAlwaysTrue || n.Op == query.OpAlwaysFalse
}

func (ix *Index) has(path string) bool {
	return slices.ContainsFunc(ix.Key, func(k KeyField) bool { return k.Path == path })
}

// covered reports whether entries tell everything that is wanted of documents.
func (p *planner) covered(a *access, sorted bool) bool {
	ix := a.index
	switch {
	case p.req.Needs == nil:
		return false
	case len(p.req.Needs) == 0 && sorted:
		return true // documents are only counted
	case !ix.Covers || a.deep:
		return false
	}
	if !sorted && slices.ContainsFunc(p.req.Sort.Fields(), func(f query.SortField) bool { return !ix.has(f.Path) }) {
		return false
	}
	return !slices.ContainsFunc(p.req.Needs, func(path string) bool { return !ix.has(path) })
}
