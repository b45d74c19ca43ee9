package query

import (
	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

// Hint is a compiled hint. At most one field is set; none for no hint.
type Hint struct {
	Index   string      // an index's name
	Key     []HintField // an index's key pattern
	Natural int         // 1 or -1: read the collection, forwards or backwards
}

// HintField is one field of a key pattern.
type HintField struct {
	Path       string
	Descending bool
	Kind       string // of the field, if it is not just ordered: "hashed"
}

// Errors of hints, which are found out when indexes are known.
var (
	ErrBadHint            = mongoerr.New(mongoerr.BadValue, "planner returned error :: caused by :: hint provided does not correspond to an existing index")
	ErrAmbiguousHint      = mongoerr.New(mongoerr.IndexNotFound, "planner returned error :: caused by :: Hint matched multiple indexes, must hint by index name.")
	ErrNoSolutions        = mongoerr.New(mongoerr.NoQueryExecutionPlans, "No query solutions")
	ErrWholeWildcard      = mongoerr.New(mongoerr.NoQueryExecutionPlans, "$hint: refusing to build whole-index solution, because it's a wildcard index")
	ErrHintAgainstNatural = mongoerr.New(mongoerr.BadValue, "index hint not allowed with $natural sort order")
	ErrHintOtherNatural   = mongoerr.New(mongoerr.BadValue, "$natural hint must be in the same direction as $natural sort order")
)

// CompileHint compiles the hint of a command; a missing value and an empty document are no hint.
func CompileHint(v document.Value) (h Hint, hinted bool, err error) {
	switch {
	case v.IsMissing(), v.Type == document.TypeDocument && v.Doc().IsEmpty():
		return Hint{}, false, nil
	case v.Type == document.TypeString:
		return Hint{Index: v.Str()}, true, nil
	case v.Type != document.TypeDocument:
		return Hint{}, false, mongoerr.New(mongoerr.FailedToParse, "Hint must be a string or an object")
	}
	spec := v.Doc()
	if natural := spec.Lookup("$natural"); !natural.IsMissing() {
		if spec.Len() > 1 {
			return Hint{}, false, badValue("Cannot include '$natural' in compound hint: %s", docText(spec))
		}
		return Hint{Natural: NaturalDirection(natural)}, true, nil
	}
	if name := spec.First(); name.Key == "$hint" && name.Type == document.TypeString {
		return Hint{Index: name.Str()}, true, nil
	}
	for it := spec.Iter(); it.Next(); {
		n, _ := it.Value().AsFloat64()
		if kind := it.Value().Str(); it.Value().Type == document.TypeString && kind != "" {
			h.Key = append(h.Key, HintField{Path: it.Key(), Kind: kind})
			continue
		}
		if n == 0 || n != n {
			return Hint{}, false, ErrBadHint
		}
		h.Key = append(h.Key, HintField{Path: it.Key(), Descending: n < 0})
	}
	return h, true, nil
}

// Errors of min and max.
var (
	ErrBoundsWithoutHint = mongoerr.New(51173, "When using min()/max() a hint of which index to use must be provided")
	ErrBoundsOfOther     = mongoerr.New(51174, "The index chosen is not compatible with min/max")
	ErrBoundsReversed    = mongoerr.New(51175, "The value provided for min() does not come before the value provided for max() in the hinted index")
)
