package plan

import (
	"slices"
	"strings"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/keys"
	"github.com/mortondb/morton/internal/query"
)

// bounds is what a condition says about the keys of one index field.
//
// The law: a document that meets the condition has an entry whose value of the field is in set. If the field met no array in any
// document (it is not multikey) and exact is true, then the converse holds too: the condition need not be looked at again.
type bounds struct {
	set   intervals
	exact bool
}

// boundsOf returns the bounds of a condition on an index field's own path; ok is false if it says nothing. multikey: arrays are to
// be reckoned with.
func boundsOf(n *query.Node, multikey bool) (b bounds, ok bool) {
	switch n.Op {
	case query.OpEq:
		return equalBounds(n.Value), true
	case query.OpIn:
		b = bounds{nothing, true}
		for _, v := range n.Values {
			e := equalBounds(v)
			b = bounds{append(b.set, e.set...), b.exact && e.exact}
		}
		b.set = intervals{}.union(b.set)
		return b, true
	case query.OpLt, query.OpLte, query.OpGt, query.OpGte:
		return orderBounds(n.Op, n.Value, multikey)
	case query.OpMod:
		return bounds{numbers(), false}, true
	case query.OpAlwaysFalse:
		return bounds{nothing, true}, true
	case query.OpType:
		return typeBounds(n)
	case query.OpNot:
		if len(n.Children) == 1 && n.Children[0].Op == query.OpExists {
			return bounds{pointOf(document.Null), false}, true // what is missing has the key of null
		}
		return notBounds(n, multikey)
	case query.OpElemMatch:
		return elemMatchBounds(n)
	}
	return bounds{}, false
}

// equalBounds is for equality, which null has with undefined and missing values, too. An array's elements are its keys, or, if a
// position named it, it is one itself.
func equalBounds(v document.Value) bounds {
	switch v.Type {
	case document.TypeNull:
		return bounds{pointOf(undefined).union(pointOf(document.Null)), true}
	case document.TypeArray:
		first := v.Doc().First().Value
		if first.IsMissing() {
			first = undefined
		}
		return bounds{pointOf(v).union(pointOf(first)), false}
	}
	return bounds{pointOf(v), true}
}

var undefined = document.Value{Type: document.TypeUndefined}

// numbers returns all numbers but NaN, which is less than none and greater than none.
func numbers() intervals {
	_, hi := keys.AppendTypeRange(nil, nil, document.TypeInt32.Order())
	return between(pointOf(notANumber)[0].hi, hi)
}

var notANumber = document.Double(nan())

func nan() float64 {
	var zero float64
	return zero / zero
}

// typeBounds is for $type. Keys tell kinds of types apart, not numbers from each other; an array has no key of its own.
func typeBounds(n *query.Node) (bounds, bool) {
	set := nothing
	for _, t := range n.Types() {
		switch t {
		case document.TypeArray, document.TypeUndefined:
			return bounds{}, false
		}
		lo, hi := keys.AppendTypeRange(nil, nil, t.Order())
		set = set.union(between(lo, hi))
	}
	return bounds{set, false}, true
}

// orderBounds is for comparisons, which hold only among values of one kind, except that MinKey and MaxKey lie beyond all.
func orderBounds(op query.Op, v document.Value, multikey bool) (b bounds, ok bool) {
	orEqual := op == query.OpLte || op == query.OpGte
	less := op == query.OpLt || op == query.OpLte
	switch {
	case v.Type == document.TypeArray:
		return bounds{}, false // arrays as wholes have no key
	case v.Type == document.TypeMinKey || v.Type == document.TypeMaxKey:
		if multikey {
			return bounds{}, false
		}
		return bounds{beyond(v, less, orEqual), true}, true
	case v.Type == document.TypeNull || isNaN(v):
		if orEqual {
			return equalBounds(v), true
		}
		return bounds{nothing, true}, true
	}
	p := pointOf(v)[0]
	lo, hi := keys.AppendTypeRange(nil, nil, v.Type.Order())
	if v.IsNumber() {
		lo = numbers()[0].lo
	}
	switch op {
	case query.OpLt:
		return bounds{between(lo, p.lo), true}, true
	case query.OpLte:
		return bounds{between(lo, p.hi), true}, true
	case query.OpGt:
		return bounds{between(p.hi, hi), true}, true
	}
	return bounds{between(p.lo, hi), true}, true
}

func isNaN(v document.Value) bool { return v.IsNumber() && document.Equal(v, notANumber) }

// beyond is for comparison with MinKey and MaxKey: everything, nothing, or only or all but themselves.
func beyond(v document.Value, less, orEqual bool) intervals {
	all := less == (v.Type == document.TypeMaxKey)
	switch {
	case all && orEqual:
		return everything
	case all:
		return pointOf(v).complement()
	case orEqual:
		return pointOf(v)
	}
	return nothing
}

// notBounds is for a negated conjunction: some condition does not hold. With arrays this means that no element meets it, so that all
// keys are in the complement of its bounds, as long as keys tell exactly which values meet it; for null and arrays they do not. A condition that
// is itself a negation of several may be held up by different elements.
func notBounds(n *query.Node, multikey bool) (b bounds, ok bool) {
	set := nothing
	for _, c := range n.Children {
		inner, ok := boundsOf(c, multikey)
		if !ok || !inner.exact || c.Op == query.OpNot || multikey && inner.set.contains(document.Null) {
			return bounds{}, false
		}
		set = set.union(inner.set.complement())
	}
	return bounds{set, true}, true
}

// elemMatchBounds is for $elemMatch on values: one element, which has a key of its own, meets all conditions.
func elemMatchBounds(n *query.Node) (b bounds, ok bool) {
	b.set = everything
	for _, c := range n.Children {
		if c.Path != "" || c.Op == query.OpAnd || c.Op == query.OpNot || c.Op == query.OpElemMatch {
			continue
		}
		if inner, has := boundsOf(c, true); has {
			b.set, ok = b.set.intersect(inner.set), true
		}
	}
	return b, ok
}

// condition is a conjunct of a filter with the full path that it is about.
type condition struct {
	path    string
	node    *query.Node
	element *element // of a condition within $elemMatch
}

// element is the array element that all conditions of one $elemMatch must be met by.
type element struct {
	array string // the array's path
}

// conditionsOn returns the conjuncts of list that are about a field of an index, also those within $elemMatch.
func conditionsOn(ix *Index, list []*query.Node) []condition {
	return slices.DeleteFunc(appendConditions(nil, list, "", nil), func(c condition) bool {
		return !slices.ContainsFunc(ix.Key, func(k KeyField) bool { return k.Path == c.path })
	})
}

func appendConditions(out []condition, list []*query.Node, prefix string, e *element) []condition {
	for _, n := range list {
		if n.Path == "" {
			continue
		}
		path := prefix + n.Path
		out = append(out, condition{path, n, e})
		if n.Op == query.OpElemMatch && len(n.Children) == 1 && n.Children[0].Op == query.OpAnd {
			out = appendConditions(out, n.Children[0].Children, path+".", &element{path})
		}
	}
	return out
}

// hasPosition reports whether a part of a path is a number, which may name an array's element.
func hasPosition(path string) bool {
	for part := range strings.SplitSeq(path, ".") {
		if part != "" && part[0] >= '0' && part[0] <= '9' {
			return true
		}
	}
	return false
}
