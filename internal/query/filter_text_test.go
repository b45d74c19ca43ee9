package query

import (
	"testing"

	"github.com/mortondb/morton/internal/mongoerr"
)

// TestTextIsChecked shows the errors of $text, which come before the one that there is no text index.
func TestTextIsChecked(t *testing.T) {
	for filter, want := range map[string]mongoerr.Code{
		`{"$text": {"$search": "x"}}`:                                 mongoerr.IndexNotFound,
		`{"a": 1, "$text": {"$search": "x", "$caseSensitive": true}}`: mongoerr.IndexNotFound,
		`{"$text": "x"}`:                                                 mongoerr.BadValue,
		`{"$text": {}}`:                                                  mongoerr.NoSuchKey,
		`{"$text": {"$search": 1}}`:                                      mongoerr.TypeMismatch,
		`{"$text": {"$search": "x", "$language": 1}}`:                    mongoerr.TypeMismatch,
		`{"$text": {"$search": "x", "$diacriticSensitive": "x"}}`:        mongoerr.TypeMismatch,
		`{"$text": {"$search": "x", "y": 1}}`:                            mongoerr.BadValue,
		`{"a": {"$elemMatch": {"$and": [{"$text": {"$search": "x"}}]}}}`: mongoerr.BadValue,
	} {
		_, err := CompileFilter(mustJSON(t, filter), FilterOptions{})
		if e := mongoerr.From(err); e == nil || e.Code != want {
			t.Errorf("%s: %v, want code %d", filter, err, want)
		}
	}
}
