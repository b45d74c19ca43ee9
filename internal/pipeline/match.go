package pipeline

import (
	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/query"
)

func checkMatch(v document.Value) error {
	if v.Type != document.TypeDocument {
		return fail(15959, "the match filter must be an expression in an object")
	}
	return checkOperators(v.Doc())
}

// checkOperators refuses operators that a $match cannot have.
func checkOperators(filter document.Doc) error {
	for it := filter.Iter(); it.Next(); {
		switch inside := it.Value().Doc(); it.Key() {
		case "$where":
			return mongoerr.New(mongoerr.BadValue, "$where is not allowed in this context")
		case "$and", "$or", "$nor":
			for e := inside.Iter(); e.Next(); {
				if err := checkOperators(e.Value().Doc()); err != nil {
					return err
				}
			}
		default:
			for _, near := range []string{"$near", "$nearSphere", "$geoNear"} {
				if !inside.Lookup(near).IsMissing() && it.Value().Type == document.TypeDocument {
					return mongoerr.New(5626500, "$geoNear, $near, and $nearSphere are not allowed in this context")
				}
			}
		}
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
