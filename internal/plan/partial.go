package plan

import (
	"slices"
	"strings"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/query"
)

// A partial index has entries of the documents that match its expression only. It may be used if the filter implies the expression:
// if every document that matches the filter matches the expression, too.

// implied reports whether the conjuncts of a filter imply the index's expression.
func (ix *Index) implied(conjuncts []*query.Node) bool {
	return ix.Partial == nil || ix.impliesAll(conjuncts, ix.Partial.Root())
}

// impliesAll reports whether conditions that all hold imply n.
func (ix *Index) impliesAll(conjuncts []*query.Node, n *query.Node) bool {
	switch n.Op {
	case query.OpAlwaysTrue:
		return true
	case query.OpAnd:
		return !slices.ContainsFunc(n.Children, func(c *query.Node) bool { return !ix.impliesAll(conjuncts, c) })
	}
	if slices.ContainsFunc(conjuncts, func(c *query.Node) bool { return ix.implies(c, n) }) {
		return true
	}
	return n.Op == query.OpOr && slices.ContainsFunc(n.Children, func(c *query.Node) bool { return ix.impliesAll(conjuncts, c) })
}

// implies reports whether one condition implies another.
func (ix *Index) implies(c, n *query.Node) bool {
	switch {
	case c.Op == query.OpAlwaysFalse:
		return true
	case c.Op == query.OpAnd:
		return ix.impliesAll(c.Children, n)
	case c.Op == query.OpOr:
		return !slices.ContainsFunc(c.Children, func(branch *query.Node) bool { return !ix.implies(branch, n) })
	case n.Op == query.OpAnd:
		return !slices.ContainsFunc(n.Children, func(part *query.Node) bool { return !ix.implies(c, part) })
	case n.Op == query.OpOr:
		return slices.ContainsFunc(n.Children, func(branch *query.Node) bool { return ix.implies(c, branch) })
	case c.Path != n.Path || c.Path == "":
		return false
	case ix.foreign && (looksAtStrings(c) || looksAtStrings(n)):
		return false
	case ix.Collator != nil && !ix.foreign:
		c, n = collated(ix.Collator, c), collated(ix.Collator, n)
	}
	return impliesOnPath(c, n)
}

// impliesOnPath is for conditions on one path, each of which is met by one value at it, be it among others in an array: then the same
// value meets the other condition.
func impliesOnPath(c, n *query.Node) bool {
	if n.Op == query.OpExists {
		negated := c.Op == query.OpNot && strings.Contains(c.Path, ".") // which an empty array on the way meets, too
		return !c.MatchesMissing() && !negated
	}
	if c.Op == query.OpType && n.Op == query.OpType {
		return document.Equal(c.Value, n.Value)
	}
	have, ok := comparedValues(c)
	if !ok {
		return false
	}
	want, ok := comparedValues(n)
	return ok && have.within(want)
}

// comparedValues returns the values that meet a comparison, exactly.
func comparedValues(n *query.Node) (intervals, bool) {
	switch n.Op {
	case query.OpIn:
		set := nothing
		for _, v := range n.Values {
			s, ok := equalValues(v)
			if !ok {
				return nil, false
			}
			set = set.union(s)
		}
		return set, true
	case query.OpEq:
		return equalValues(n.Value)
	case query.OpLt, query.OpLte, query.OpGt, query.OpGte:
		b, ok := orderBounds(n.Op, n.Value, true)
		return b.set, ok && b.exact
	}
	return nil, false
}

// equalValues returns the values that are equal to v, in the form of equalBounds. An array is equal to arrays only, as a whole or as an
// element, which is a value like others here.
func equalValues(v document.Value) (intervals, bool) {
	switch v.Type {
	case document.TypeRegex:
		return nil, false
	case document.TypeNull:
		return pointOf(undefined).union(pointOf(document.Null)), true
	}
	return pointOf(v), true
}

// within reports whether every value of s is in t.
func (s intervals) within(t intervals) bool { return len(s.intersect(t.complement())) == 0 }
