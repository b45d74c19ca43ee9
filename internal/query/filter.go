package query

import "github.com/mortondb/morton/internal/document"

// Filter is a compiled filter. It is immutable; any number of goroutines may use it.
type Filter struct {
	root *Node
}

// FilterOptions change what a filter means.
type FilterOptions struct {
	// Collation is the command's collation document; empty means the simple (binary) one, which is the only one there is yet.
	Collation document.Doc
}

// CompileFilter compiles a filter document. The filter aliases its bytes.
func CompileFilter(filter document.Doc, opts FilterOptions) (*Filter, error) { panic("soon") }

// Match reports whether doc matches.
func (f *Filter) Match(doc document.Doc) bool { panic("soon") }

// MatchPosition is Match that also tells at which array index an implicitly traversed array matched, which is what the
// positional operator `$` of updates and projections stands for; "" if no array was traversed.
func (f *Filter) MatchPosition(doc document.Doc) (index string, matched bool) { panic("soon") }

// MatchesAll reports whether the filter has no condition.
func (f *Filter) MatchesAll() bool { panic("soon") }

// Root returns the filter's tree, for planning.
func (f *Filter) Root() *Node { return f.root }

// Op names an operator as MongoDB spells it.
type Op string

// Node is one condition of a filter's tree. Read-only for others.
type Node struct {
	Op       Op
	Path     string           // of a condition on a path, dotted
	Value    document.Value   // its operand
	Values   []document.Value // of $in: ascending, without duplicates
	Children []*Node          // of $and, $or, $nor, $not
}

// IDEquality is the fast path of point operations: it returns v if filter is exactly `{_id: v}` or `{_id: {$eq: v}}`
// with a v that can only equal itself (no operator, regular expression or array).
func IDEquality(filter document.Doc) (v document.Value, ok bool) { panic("soon") }
