package geo

import (
	"strings"

	"github.com/mortondb/morton/internal/document"
)

// appendAlong appends what is at a path: of documents in arrays on the way, what is at each. An array at the end is one value, as it is. A number in the path
// also names an array's element. through reports whether there was an array on the way.
func appendAlong(list []document.Value, d document.Doc, path string) (out []document.Value, through bool) {
	part, rest, dotted := strings.Cut(path, ".")
	v := d.Lookup(part)
	switch {
	case v.IsMissing():
		return list, false
	case !dotted:
		return append(list, v), false
	case v.Type == document.TypeDocument:
		return appendAlong(list, v.Doc(), rest)
	case v.Type != document.TypeArray:
		return list, false
	}
	next, _, _ := strings.Cut(rest, ".")
	if !v.Doc().Lookup(next).IsMissing() { // the position of an element
		list, _ = appendAlong(list, v.Doc(), rest)
		return list, true
	}
	for it := v.Doc().Iter(); it.Next(); {
		if e := it.Value(); e.Type == document.TypeDocument {
			list, _ = appendAlong(list, e.Doc(), rest)
		}
	}
	return list, true
}

// lastPart returns the last name of a path.
func lastPart(path string) string { return path[strings.LastIndexByte(path, '.')+1:] }
