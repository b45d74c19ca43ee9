package plan

import (
	"bytes"
	"slices"

	"github.com/mortondb/morton/internal/query"
)

// unionAccess returns the bounds of a disjunction: what each of the branches together with the other conjuncts gives. Nil if one
// gives none, so that everything would have to be looked at anyway.
func unionAccess(ix *Index, branches, others []*query.Node) *access {
	u := &access{index: ix}
	for i, branch := range branches {
		conjuncts := append(slices.Clone(others), branch)
		if branch.Op == query.OpAnd {
			conjuncts = append(slices.Clone(others), branch.Children...)
		}
		a := newAccess(ix, conjuncts)
		if !a.bounded() || !a.complete(conjuncts) {
			return nil
		}
		if i == 0 {
			u.met = slices.DeleteFunc(a.met, func(n *query.Node) bool { return !slices.Contains(others, n) })
		}
		u.met = slices.DeleteFunc(u.met, func(n *query.Node) bool { return !slices.Contains(a.met, n) })
		u.addFields(a, i == 0)
		u.ranges = append(u.ranges, a.ranges...)
		u.deep = u.deep || a.deep
	}
	u.entire = true
	u.mergeRanges()
	return u
}

// addFields widens the bounds by those of another branch. A field that has none in some branch can have any value.
func (a *access) addFields(b *access, first bool) {
	for i := range a.index.Key {
		set := everything
		if i < len(b.fields) {
			set = b.fields[i].set
		}
		switch {
		case i < len(a.fields):
			a.fields[i].set = a.fields[i].set.union(set)
		case first && i < len(b.fields):
			a.fields = append(a.fields, fieldAccess{set: set})
		case i < len(b.fields):
			a.fields = append(a.fields, fieldAccess{set: everything})
		}
	}
}

// mergeRanges sorts the ranges and joins those that overlap.
func (a *access) mergeRanges() {
	slices.SortFunc(a.ranges, func(x, y Range) int { return bytes.Compare(x.Start, y.Start) })
	var out []Range
	for _, r := range a.ranges {
		last := len(out) - 1
		switch {
		case last < 0 || out[last].End != nil && bytes.Compare(out[last].End, r.Start) < 0:
			out = append(out, r)
		case out[last].End != nil && (r.End == nil || bytes.Compare(out[last].End, r.End) < 0):
			out[last].End = r.End
		}
	}
	a.ranges = out
}
