package plan

import (
	"slices"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/geo"
	"github.com/mortondb/morton/internal/keys"
	"github.com/mortondb/morton/internal/query"
)

// boundsOn returns the bounds of a condition on field i of the index, by the field's kind.
func (ix *Index) boundsOn(i int, n *query.Node) (b bounds, ok bool) {
	switch ix.Key[i].Kind {
	case keys.KindHashed:
		return ix.hashedBounds(n)
	case keys.KindWildcard:
		return ix.wildcardBounds(n)
	case geo.KindSphere, geo.KindFlat:
		return ix.geoBounds(n)
	}
	return ix.boundsOf(n, ix.multikey(i))
}

// hashedBounds returns the hashes of the values that a condition is met by. Only equality has any. Different values may have one hash (1 and 1.5
// always), so that the condition must be looked at again. There are no arrays in documents of the index.
func (ix *Index) hashedBounds(n *query.Node) (b bounds, ok bool) {
	if ix.foreign && looksAtStrings(n) {
		return bounds{}, false
	}
	if ix.Collator != nil && !ix.foreign {
		n = collated(ix.Collator, n)
	}
	values := n.Values
	switch n.Op {
	case query.OpEq:
		values = []document.Value{n.Value}
	case query.OpIn:
	default:
		return bounds{}, false
	}
	if slices.ContainsFunc(values, func(v document.Value) bool { return !ix.hashes(v) }) {
		return bounds{}, false
	}
	b.set = nothing
	for _, v := range values {
		b.set = b.set.union(hashOf(v))
		if v.IsNullish() {
			b.set = b.set.union(hashOf(document.Null)).union(hashOf(undefined))
		}
	}
	return b, true
}

// hashes reports whether every document whose field equals v has an entry that tells of it.
func (ix *Index) hashes(v document.Value) bool {
	return v.Type != document.TypeArray && !(ix.Sparse && v.IsNullish())
}

func hashOf(v document.Value) intervals { return pointOf(document.Int64(keys.Hash(v))) }
