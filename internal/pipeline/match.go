package pipeline

import (
	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/query"
)

func checkMatch(v document.Value) error {
	if v.Type != document.TypeDocument {
		return fail(15959, "the match filter must be an expression in an object")
	}
	return nil
}

// match is $match where no index can help.
type match struct{ filter *query.Filter }

func compileMatch(v document.Value, opts *Options) ([]stage, error) {
	if err := checkMatch(v); err != nil {
		return nil, err
	}
	f, err := query.CompileFilter(v.Doc(), query.FilterOptions{Collator: opts.Expr.Collator, Expr: opts.Expr})
	return []stage{match{f}}, err
}

func (s match) over(src Source) Source {
	return each(src, func(doc document.Doc) (document.Doc, bool, error) {
		ok, err := s.filter.Match(doc)
		return doc, ok, err
	})
}
