package query

import (
	"context"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/expr"
	"github.com/mortondb/morton/internal/text"
)

// Filter is a compiled filter. It is immutable; any number of goroutines may use it.
type Filter struct {
	root     *Node
	matcher  docMatcher
	collator document.Collator
	fallible bool  // there may be documents for which there is no answer but an error
	text     *Node // its $text; nil: none
}

// FilterOptions change what a filter means.
type FilterOptions struct {
	Collator document.Collator // of strings; nil: by bytes
	Expr     expr.Options      // of $expr, besides the collator
	Upsert   bool              // refuse $expr: it describes no document that could be inserted
	Near     bool              // there may be a $near, which the caller sees to

	// Text compiles a $text for the text index that there is; nil: there is none.
	Text func(TextSearch) (*text.Search, error)
}

// CompileFilter compiles a filter document. The filter aliases its bytes.
func CompileFilter(filter document.Doc, opts FilterOptions) (*Filter, error) {
	opts.Expr.Collator = opts.Collator
	c := filterCompiler{collator: opts.Collator, expr: opts.Expr, upsert: opts.Upsert, near: opts.Near, text: opts.Text}
	root, err := c.document(filter)
	if err != nil {
		return nil, err
	}
	if err := checkNear(root); err != nil {
		return nil, err
	}
	f := FilterOf(root)
	f.collator = opts.Collator
	return f, c.checkTexts(f)
}

// FilterOf returns the filter that demands all of the given nodes, which are parts of compiled filters.
func FilterOf(nodes ...*Node) *Filter {
	root := and(nodes)
	return &Filter{root: root, matcher: root.compile(), fallible: root.fallible()}
}

// Match reports whether doc matches.
func (f *Filter) Match(doc document.Doc) (bool, error) {
	return f.MatchContext(context.Background(), doc)
}

// MatchContext is Match of what may take long, which ends with ctx.
func (f *Filter) MatchContext(ctx context.Context, doc document.Doc) (bool, error) {
	if !f.fallible {
		return f.matcher.matchDoc(doc, nil), nil
	}
	run := &matching{ctx: ctx}
	matched := f.matcher.matchDoc(doc, run)
	return matched, run.err
}

// MatchPosition is Match that also tells at which array index an implicitly traversed array matched, which is what the
// positional operator `$` of updates and projections stands for; "" if no array was traversed.
func (f *Filter) MatchPosition(doc document.Doc) (index string, matched bool, err error) {
	run := &matching{noting: true}
	matched = f.matcher.matchDoc(doc, run)
	return run.position, matched, run.err
}

// MatchesAll reports whether the filter has no condition.
func (f *Filter) MatchesAll() bool { return f.root.Op == OpAnd && len(f.root.Children) == 0 }

// Near returns the $near or $nearSphere of the filter; nil if it has none.
func (f *Filter) Near() *Node { return nearOf(f.root) }

// Collator returns what the filter compares strings with; nil for bytes.
func (f *Filter) Collator() document.Collator { return f.collator }

// Root returns the filter's tree, for planning. An $and stands at the root, with the conditions of which all must hold; none
// of its children is an $and itself.
func (f *Filter) Root() *Node { return f.root }

// IDEquality is the fast path of point operations: it returns v if filter is exactly `{_id: v}` or `{_id: {$eq: v}}`
// with a v that can only equal itself (no operator, regular expression or array).
func IDEquality(filter document.Doc) (v document.Value, ok bool) {
	it := filter.Iter()
	if !it.Next() || it.Key() != "_id" {
		return document.Value{}, false
	}
	v = it.Value()
	if it.Next() {
		return document.Value{}, false
	}
	if isOperatorDoc(v) {
		e := v.Doc().First()
		if e.Key != "$eq" || v.Doc().Len() != 1 {
			return document.Value{}, false
		}
		v = e.Value
	}
	switch v.Type {
	case document.TypeArray, document.TypeRegex, document.TypeUndefined:
		return document.Value{}, false
	}
	return v, true
}
