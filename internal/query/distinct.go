package query

import (
	"strings"

	"github.com/mortondb/morton/internal/document"
)

// AppendDistinct appends the values that the distinct command sees at path in doc, which alias it: arrays on the way and at
// the end are spread, and a number in the path also names an array's element (mongod's extractAllElementsAlongPath).
func AppendDistinct(dst []document.Value, doc document.Doc, path string) []document.Value {
	return appendAlong(dst, doc.AsValue(), path)
}

func appendAlong(dst []document.Value, v document.Value, path string) []document.Value {
	if v = v.Doc().Lookup(path); !v.IsMissing() { // the whole path may be one field's name
		return appendSpread(dst, v)
	}
	return dst
}

func appendSpread(dst []document.Value, v document.Value) []document.Value {
	if v.Type != document.TypeArray {
		return append(dst, v)
	}
	for it := v.Doc().Iter(); it.Next(); {
		dst = append(dst, it.Value())
	}
	return dst
}

var _ = strings.Cut
