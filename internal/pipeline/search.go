package pipeline

import (
	"strings"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/expr"
	"github.com/mortondb/morton/internal/query"
)

// A text search stands in the first stage, where an index answers it; what documents score is known to all stages behind it.

// checkSearches reports whether the first stage searches, and refuses searches elsewhere. natural: there is no index before the first stage.
func checkSearches(list []spec, natural bool) (searches bool, err error) {
	for i, s := range list {
		if s.name != "$match" {
			continue
		}
		if !hasText(s.arg) {
			if usesScore(s.arg) {
				return false, query.CheckMeta(expr.TextScore, nil)
			}
			continue
		}
		if i > 0 || natural {
			return false, fail(17313, "$match with $text is only allowed as the first pipeline stage")
		}
		searches = true
	}
	return searches, nil
}

// hasText looks for a $text anywhere in a filter, as mongod does.
func hasText(v document.Value) bool {
	for it := v.Doc().Iter(); it.Next(); {
		if it.Key() == "$text" || hasText(it.Value()) {
			return true
		}
	}
	return false
}

// usesScore looks for a {$meta: "textScore"} in a filter.
func usesScore(v document.Value) bool {
	for it := v.Doc().Iter(); it.Next(); {
		if it.Key() == "$meta" && it.Value().Str() == expr.TextScore || usesScore(it.Value()) {
			return true
		}
	}
	return false
}

// CheckSearches refuses text searches in other stages than the first.
func CheckSearches(stages []document.Doc) error {
	_, err := checkSearches(specs(stages), false)
	return err
}

// checkOrder refuses an order by score before stages that take a few fields and not the score, which mongod 6.0 cannot do: the name that it gives the score
// in the order is none that a projection may have.
func (p *Pipeline) checkOrder() error {
	if !sortsByMeta(p.front.Sort) || p.front.Limit > 0 || p.metas {
		return nil
	}
	for _, s := range p.sent {
		switch s.takes() {
		case wholeDocuments:
			return nil
		case someFields:
			return fail(16410, "FieldPath field names may not start with '$'. Consider using $getField or $setField.")
		}
	}
	return nil
}

func sortsByMeta(order document.Doc) bool {
	if order == nil {
		return false
	}
	for it := order.Iter(); it.Next(); {
		if it.Value().Type == document.TypeDocument {
			return true
		}
	}
	return false
}

// taken is what a stage takes of documents, besides what those behind it do.
type taken int

const (
	anyFields taken = iota // it does not end with it
	someFields
	wholeDocuments
)

func (s spec) takes() taken {
	fields, whole := reads(s.arg)
	switch s.name {
	case "$count":
		return wholeDocuments // it takes nothing, which is no projection
	case "$project":
		if query.IsExclusion(s.arg.Doc()) {
			return anyFields
		}
		return someFields
	case "$group", "$sortByCount":
		if !fields {
			return wholeDocuments
		}
	case "$replaceRoot", "$replaceWith":
	default:
		if whole {
			return wholeDocuments
		}
		return anyFields
	}
	if whole {
		return wholeDocuments
	}
	return someFields
}

// reads reports whether a stage's argument has expressions that read fields, and whether one reads whole documents.
func reads(v document.Value) (fields, whole bool) {
	switch v.Type {
	case document.TypeString:
		text := v.Str()
		whole = text == "$$ROOT" || text == "$$CURRENT"
		return strings.HasPrefix(text, "$"), whole
	case document.TypeDocument, document.TypeArray:
		for it := v.Doc().Iter(); it.Next(); {
			f, w := reads(it.Value())
			fields, whole = fields || f, whole || w
		}
	}
	return fields, whole
}
