package query

import (
	"slices"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/text"
)

// Op names an operator as MongoDB spells it.
type Op string

// The operators that a filter's tree is made of; what has no node of its own ($ne, $nin, $all) is made of these.
const (
	OpAnd           Op = "$and"
	OpOr            Op = "$or"
	OpNor           Op = "$nor"
	OpNot           Op = "$not" // on one path: not all of the children, which are on that path
	OpEq            Op = "$eq"
	OpGt            Op = "$gt"
	OpGte           Op = "$gte"
	OpLt            Op = "$lt"
	OpLte           Op = "$lte"
	OpIn            Op = "$in"
	OpExists        Op = "$exists"
	OpType          Op = "$type"
	OpSize          Op = "$size"
	OpMod           Op = "$mod"
	OpElemMatch     Op = "$elemMatch"
	OpAlwaysTrue    Op = "$alwaysTrue"
	OpAlwaysFalse   Op = "$alwaysFalse"
	OpRegex         Op = "$regex"
	OpInPatterns    Op = "$in with regular expressions"
	OpExpr          Op = "$expr"
	OpSampleRate    Op = "$sampleRate"
	OpWhere         Op = "$where"
	OpGeoWithin     Op = "$geoWithin"
	OpGeoIntersects Op = "$geoIntersects"
	OpNear          Op = "$near" // everything matches it: it asks for an order and for bounds of the distance, which who finds documents sees to
	OpJSONSchema    Op = "$jsonSchema"
	OpText          Op = "$text"
)

// Node is one condition of a filter's tree. Read-only for others.
type Node struct {
	Op       Op
	Path     string           // of a condition on a path, dotted
	Value    document.Value   // its operand
	Values   []document.Value // of $in: ascending, without duplicates
	Near     *Near            // of $near
	Text     *text.Search     // of $text
	Children []*Node          // of $and, $or, $nor, $not; of $elemMatch what an element must match: conditions without a path, or one $and on paths within it

	pred    predicate  // of a condition on a path
	spread  bool       // the condition is tried on the elements of an array, too
	doc     docMatcher // of a condition on whole documents
	mayFail bool       // doc may find that there is no answer
}

// MatchesNothing reports whether a look at the condition tells that no document meets it.
func (n *Node) MatchesNothing() bool {
	switch n.Op {
	case OpAlwaysFalse:
		return true
	case OpIn:
		return len(n.Values) == 0
	case OpAnd:
		return slices.ContainsFunc(n.Children, (*Node).MatchesNothing)
	}
	return false
}

// MatchesMissing reports whether a condition on a path holds if there is nothing at the path; true for nodes that are no such condition.
func (n *Node) MatchesMissing() bool {
	if p := n.value(); p != nil {
		return p.matchValue(document.Value{}, nil)
	}
	return true
}

// fallible reports whether matching may fail. It may where a predicate says so.
func (n *Node) fallible() bool {
	if n.mayFail {
		return true
	}
	if p, ok := n.pred.(interface{ fallible() bool }); ok && p.fallible() {
		return true
	}
	return slices.ContainsFunc(n.Children, (*Node).fallible)
}

// docMatcher is a condition on a document.
type docMatcher interface {
	matchDoc(doc document.Doc, run *matching) bool
}

// fieldMatcher is a condition that looks at one top-level field only. All such conditions of an $and share one walk.
type fieldMatcher interface {
	first() string
	matchField(v document.Value, run *matching) bool
}

// and returns an $and of nodes without an $and as child.
func and(nodes []*Node) *Node {
	if len(nodes) == 1 && nodes[0].Op == OpAnd {
		return nodes[0]
	}
	n := &Node{Op: OpAnd}
	for _, c := range nodes {
		if c.Op == OpAnd {
			n.Children = append(n.Children, c.Children...)
		} else {
			n.Children = append(n.Children, c)
		}
	}
	return n
}

// single returns the only condition of an $and of one.
func (n *Node) single() *Node {
	if n.Op == OpAnd && len(n.Children) == 1 {
		return n.Children[0]
	}
	return n
}

// compile makes the matcher of a node that stands where whole documents are matched.
func (n *Node) compile() docMatcher {
	switch n.Op {
	case OpAnd:
		return newAll(n.Children)
	case OpOr:
		return anyOf(compileEach(n.Children))
	case OpNor:
		return noneOf(compileEach(n.Children))
	case OpAlwaysTrue:
		return always(true)
	case OpAlwaysFalse:
		return always(false)
	}
	if n.doc != nil {
		return n.doc
	}
	return newAll([]*Node{n})
}

func compileEach(nodes []*Node) []docMatcher {
	list := make([]docMatcher, len(nodes))
	for i, n := range nodes {
		list[i] = n.single().compile()
	}
	return list
}

// field makes the matcher of a condition on a path; nil if n is not one.
func (n *Node) field() fieldMatcher {
	switch {
	case n.pred != nil:
		return newPathPredicate(n.Path, n.spread, n.pred)
	case n.Op == OpNot:
		not := notField{}
		for _, c := range n.Children {
			not = append(not, c.field())
		}
		return not
	}
	return nil
}

// value makes the predicate of a condition without a path, as it stands in a $elemMatch on values.
func (n *Node) value() predicate {
	if n.Op == OpNot {
		not := notValue{}
		for _, c := range n.Children {
			not = append(not, c.value())
		}
		return not
	}
	return n.pred
}
