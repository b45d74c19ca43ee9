package query

import (
	"strings"

	"github.com/mortondb/morton/internal/document"
)

// AppendDistinct appends the values that the distinct command sees at path in doc, which alias it (mongod's
// extractAllElementsAlongPath): arrays at the end are spread; of arrays on the way, each element that is a document or an
// array is followed, or only the one whose position the path names.
func AppendDistinct(dst []document.Value, doc document.Doc, path string) []document.Value {
	if v := doc.Lookup(path); !v.IsMissing() { // a name with dots in it comes first
		if v.Type != document.TypeArray {
			return append(dst, v)
		}
		for it := v.Doc().Iter(); it.Next(); {
			dst = append(dst, it.Value())
		}
		return dst
	}
	part, rest, dotted := strings.Cut(path, ".")
	if !dotted {
		return dst
	}
	v := doc.Lookup(part)
	next, _, _ := strings.Cut(rest, ".")
	switch {
	case v.Type == document.TypeDocument, v.Type == document.TypeArray && isIndex(next):
		return AppendDistinct(dst, v.Doc(), rest)
	case v.Type == document.TypeArray:
		for it := v.Doc().Iter(); it.Next(); {
			if d := it.Value().Doc(); d != nil {
				dst = AppendDistinct(dst, d, rest)
			}
		}
	}
	return dst
}
