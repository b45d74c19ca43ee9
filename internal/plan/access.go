package plan

import (
	"bytes"
	"slices"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/keys"
	"github.com/mortondb/morton/internal/query"
)

// access is what an index can do for a conjunction: bounds on its first fields, as far as they go.
//
// The fields are taken in order. As long as a field's bounds are single values, the next field's can be added to each; the first
// field that has ranges is the last. What comes after that, conditions on other fields, is left to the residual filter.
type access struct {
	index  *Index
	fields []fieldAccess
	ranges []Range
	met    []*query.Node // conditions that every entry within ranges meets
	deep   bool          // of a wildcard index: what is at longer paths counts, too, so that entries do not tell what is at the path
	entire bool          // it is known that no document that matches is without an entry
}

// fieldAccess is the bounds that are used on one field.
type fieldAccess struct {
	set     intervals
	element *element // of the $elemMatch that the condition stands in
	present bool     // the entry is of a field that is there, if only as null
}

// maxRanges is how many ranges may come of multiplying the values of several fields.
const maxRanges = 2000

// newAccess returns the bounds that the conjuncts of a filter give to an index.
func newAccess(ix *Index, conjuncts []*query.Node) *access {
	if ix.onPath != nil {
		return ix.pathAccess(conjuncts)
	}
	a := &access{index: ix}
	if ix.isText() {
		a.pointRanges([][]byte{nil})
		return a
	}
	list := conditionsOn(ix, conjuncts)
	prefixes := [][]byte{nil}
	for i := range ix.Key {
		f, met, ok := a.field(i, list)
		if !ok || i > 0 && len(prefixes)*len(f.set) > maxRanges {
			break
		}
		a.fields = append(a.fields, f)
		a.met = append(a.met, met...)
		if !f.set.pointsOnly() {
			a.addRanges(i, prefixes)
			return a
		}
		prefixes = a.extended(i, prefixes)
	}
	a.pointRanges(prefixes)
	return a
}

// pointRanges makes the ranges of all that begins with one of the prefixes.
func (a *access) pointRanges(prefixes [][]byte) {
	for _, p := range prefixes {
		a.ranges = append(a.ranges, Range{Start: p, End: keys.Successor(p)})
	}
	a.mergeRanges()
}

// field returns the bounds on field i. Conditions on a field without arrays are met by one value and can be intersected; with arrays
// each may be met by another element, so that only the best is used. Paths through positions of arrays get none: what a
// filter finds there and what the index holds differ in too many ways.
func (a *access) field(i int, list []condition) (f fieldAccess, met []*query.Node, ok bool) {
	path, multikey := a.index.Key[i].Path, a.index.multikey(i)
	if hasPosition(path) && a.index.onPath == nil {
		return f, nil, false
	}
	for _, c := range list {
		if c.path != path {
			continue
		}
		b, has := a.index.boundsOn(i, c.node)
		present := a.index.Sparse && c.node.Op == query.OpExists // which the index being sparse is worth much to
		if present {
			b, has = bounds{set: everything}, true
		}
		if !has || b.set.isEverything() && !present {
			continue
		}
		candidate := fieldAccess{b.set, c.element, present}
		switch {
		case !multikey && ok:
			f.set, f.present = f.set.intersect(b.set), f.present || present
		case !multikey:
			f = candidate
		case !a.sharesElement(i, candidate):
			continue
		case !ok || narrower(b.set, f.set):
			f, met = candidate, nil
			if b.exact && c.element == nil && someElement(c.node, b.set) {
				met = []*query.Node{c.node}
			}
		}
		ok = true
		if !multikey && b.exact && c.element == nil {
			met = append(met, c.node)
		}
	}
	return f, met, ok
}

// someElement reports whether a condition holds if one element of an array meets it, as one does if there is an entry in set. Null and undefined
// are keys of arrays that have nothing where the path leads, too.
func someElement(n *query.Node, set intervals) bool {
	switch n.Op {
	case query.OpEq, query.OpIn, query.OpLt, query.OpLte, query.OpGt, query.OpGte:
		return !set.contains(document.Null) && !set.contains(undefined)
	}
	return false
}

// narrower guesses whether s has fewer values than t.
func narrower(s, t intervals) bool {
	if s.pointsOnly() != t.pointsOnly() {
		return s.pointsOnly()
	}
	return len(s) < len(t) || t.isEverything()
}

// sharesElement reports whether bounds on field i may be combined with those on the fields before it. If both lead through one
// array, the two conditions may be met by different elements, which have different entries; unless both stand in the $elemMatch of that array.
func (a *access) sharesElement(i int, f fieldAccess) bool {
	path := a.index.Key[i].Path
	for j, before := range a.fields {
		if !a.index.multikey(j) {
			continue
		}
		common := commonPath(a.index.Key[j].Path, path)
		if common == "" {
			continue
		}
		if f.element == nil || f.element != before.element || len(common) > len(f.element.array) {
			return false
		}
	}
	return true
}

// commonPath returns the parts that two paths have in common at their beginning.
func commonPath(a, b string) string {
	n := 0
	for i := 0; ; i++ {
		endA, endB := i == len(a) || a[i] == '.', i == len(b) || b[i] == '.'
		if endA && endB {
			n = i
		}
		if i == len(a) || i == len(b) || a[i] != b[i] {
			return a[:n]
		}
	}
}

// extended returns each prefix followed by each value of field i.
func (a *access) extended(i int, prefixes [][]byte) [][]byte {
	var out [][]byte
	for _, p := range prefixes {
		for _, v := range a.fields[i].set {
			value := v.lo
			if a.index.Key[i].Descending {
				value = bytes.Clone(v.lo)
				for k := range value {
					value[k] = ^value[k]
				}
			}
			out = append(out, slices.Concat(p, value))
		}
	}
	return out
}

// addRanges makes the ranges of each prefix followed by the intervals of field i.
func (a *access) addRanges(i int, prefixes [][]byte) {
	for _, p := range prefixes {
		for _, v := range a.fields[i].set {
			lo, hi := v.lo, v.hi
			if a.index.Key[i].Descending {
				lo, hi = inverted(v.hi), inverted(v.lo)
			}
			r := Range{Start: slices.Concat(p, lo), End: slices.Concat(p, hi)}
			if len(hi) == 0 {
				r.End = keys.Successor(p)
			}
			a.ranges = append(a.ranges, r)
		}
	}
	a.mergeRanges()
}

// bounded reports whether the index narrows the search at all.
func (a *access) bounded() bool { return len(a.fields) > 0 }

// points returns how many of the first fields are bound to single values.
func (a *access) points() int {
	n := 0
	for n < len(a.fields) && a.fields[n].set.pointsOnly() {
		n++
	}
	return n
}

// constant reports whether all entries within the ranges have the same value of field i.
func (a *access) constant(i int) bool {
	return i < len(a.fields) && len(a.fields[i].set) == 1 && a.fields[i].set[0].point
}

// order reports whether scanning the ranges gives documents in the order of sort, and if so, whether backwards.
//
// The entries come in the order of the index, whatever the ranges are. A field that is constant may be skipped on either side. A
// document with several entries comes up at its first, which has to be the one that the sort counts: it is, if the ranges hold all
// of the document's entries, which bounds on a multikey field do not guarantee; and a sparse index has none of elements without any of
// its fields, which the sort counts as null.
func (a *access) order(sort *query.Sort) (reverse, ok bool) {
	if a.index.foreign && a.ordersStrings(sort) || a.index.isText() {
		return false, false
	}
	i, direction := 0, 0
	multikey := false
	for _, s := range sort.Fields() {
		for i < len(a.index.Key) && a.index.Key[i].Path != s.Path && a.constant(i) {
			i++
		}
		if i == len(a.index.Key) || a.index.Key[i].Path != s.Path {
			if a.constantPath(s.Path) {
				continue
			}
			return false, false
		}
		k := a.index.Key[i]
		if k.Kind != "" && k.Kind != keys.KindWildcard {
			return false, false
		}
		multikey = multikey || a.index.multikey(i)
		if !a.constant(i) || a.index.multikey(i) {
			d := 1
			if k.Descending != s.Descending {
				d = -1
			}
			if direction != 0 && d != direction {
				return false, false
			}
			direction = d
		}
		i++
	}
	if multikey {
		if a.index.Sparse {
			return false, false
		}
		for j := range a.fields {
			if a.index.multikey(j) {
				return false, false
			}
		}
	}
	return direction < 0, true
}

// constantPath reports whether all documents within the ranges sort alike by path.
func (a *access) constantPath(path string) bool {
	for i, k := range a.index.Key {
		if k.Path == path && k.Kind != keys.KindHashed && a.constant(i) && !a.index.multikey(i) {
			return true
		}
	}
	return false
}

// complete reports whether the index has the entries within the ranges of every document that meets all conjuncts. A sparse index
// has no entry for a document, or for an element of an array, without any of its fields: some bounds must rule null out, or some
// condition on a field without arrays that it is missing.
func (a *access) complete(conjuncts []*query.Node) bool {
	if a.index.Cells != nil {
		return a.entire || a.findsPlaces()
	}
	if !a.index.Sparse || a.entire {
		return true
	}
	for _, f := range a.fields {
		if f.present || !f.set.contains(document.Null) {
			return true
		}
	}
	for _, c := range conditionsOn(a.index, conjuncts) {
		for i, k := range a.index.Key {
			if c.path == k.Path && (!hasPosition(k.Path) || a.index.onPath != nil) && !a.index.multikey(i) && !c.node.MatchesMissing() {
				return true
			}
		}
	}
	return false
}

func (ix *Index) multikey(i int) bool { return ix.Multikey&(1<<i) != 0 }

// idValue returns the value that _id must have if it is a single one, and the condition that says so.
func idValue(conjuncts []*query.Node) (id document.Value, by *query.Node) {
	for _, n := range conjuncts {
		if n.Op == query.OpEq && n.Path == "_id" && !n.Value.IsNullish() && n.Value.Type != document.TypeArray {
			return n.Value, n
		}
	}
	return document.Value{}, nil
}
