package plan

import (
	"fmt"
	"slices"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/keys"
	"github.com/mortondb/morton/internal/query"
)

// An index with a collation has sort keys in the place of strings. Its bounds on strings, and on documents and arrays, which may hold strings, and its
// order serve queries with the same collation only; what it says about all other values serves every query.

// withCollation returns the indexes with a note of which have another collation than the query.
func withCollation(indexes []Index, c document.Collator) []Index {
	if !slices.ContainsFunc(indexes, func(ix Index) bool { return !document.SameCollator(ix.Collator, c) }) {
		return indexes
	}
	indexes = slices.Clone(indexes)
	for i := range indexes {
		indexes[i].foreign = !document.SameCollator(indexes[i].Collator, c)
	}
	return indexes
}

// boundsOf is [boundsOf] for a condition on a field of this index.
func (ix *Index) boundsOf(n *query.Node, multikey bool) (b bounds, ok bool) {
	switch {
	case ix.foreign && looksAtStrings(n):
		return bounds{}, false
	case ix.Collator != nil && !ix.foreign:
		n = collated(ix.Collator, n)
	}
	return boundsOf(n, multikey)
}

// looksAtStrings reports whether a condition's bounds depend on the order of strings. Of operators that are not known here it is supposed.
func looksAtStrings(n *query.Node) bool {
	switch n.Op {
	case query.OpEq, query.OpGt, query.OpGte, query.OpLt, query.OpLte:
		return document.Collatable(n.Value)
	case query.OpIn:
		return slices.ContainsFunc(n.Values, document.Collatable)
	case query.OpNot, query.OpElemMatch, query.OpAnd:
		return slices.ContainsFunc(n.Children, looksAtStrings)
	case query.OpExists, query.OpType, query.OpMod, query.OpSize, query.OpAlwaysFalse:
		return false
	}
	return true
}

// shownKey is how mongod's explain shows values of an index with a collation.
func shownKey(v document.Value) string {
	if v.Type == document.TypeString {
		return fmt.Sprintf("CollationKey(0x%x)", v.Str())
	}
	return v.Shell()
}

// ordersStrings reports whether there may be strings, or what may hold strings, among the values by which the ranges are sorted.
func (a *access) ordersStrings(sort *query.Sort) bool {
	for _, s := range sort.Fields() {
		i := slices.IndexFunc(a.index.Key, func(k KeyField) bool { return k.Path == s.Path })
		if i < 0 || i >= len(a.fields) || len(a.fields[i].set.intersect(collatable)) > 0 {
			return true
		}
	}
	return false
}

// collatable is all values that compare differently by different collators.
var collatable = func() intervals {
	lo, _ := keys.AppendTypeRange(nil, nil, document.TypeString.Order())
	_, hi := keys.AppendTypeRange(nil, nil, document.TypeArray.Order())
	return between(lo, hi)
}()

// collated returns a condition with sort keys in the place of strings, for making bounds only.
func collated(c document.Collator, n *query.Node) *query.Node {
	m := *n
	if n.Op != query.OpType { // whose operand is names
		m.Value = document.Collated(c, n.Value)
	}
	m.Values, m.Children = nil, nil
	for _, v := range n.Values {
		m.Values = append(m.Values, document.Collated(c, v))
	}
	for _, child := range n.Children {
		m.Children = append(m.Children, collated(c, child))
	}
	return &m
}
