package query

import (
	"strings"

	"github.com/mortondb/morton/internal/document"
)

// What a dotted path means in a document (mongod's ElementPath and BSONElementIterator):
//
//   - Through documents it goes by field names. A part that is not there, or that would have to be inside a scalar,
//     yields one missing value.
//   - An array on the way is traversed: the rest of the path is followed into each element that is a document, and, if the
//     next part is a number, also into the element at that position. Elements that are neither yield nothing, so that an
//     array can yield no value at all, not even a missing one.
//   - An array at the end is spread for most predicates: each element is tried, then the array as a whole. An array that was reached by its
//     position in another array is not spread.

// pathPredicate holds a predicate to the values at a path.
type pathPredicate struct {
	parts  []string // at least one
	spread bool     // an array at the end yields its elements too
	pred   predicate
}

// predicate is a condition on one value, which may be missing.
type predicate interface {
	matchValue(v document.Value, run *matching) bool
}

func newPathPredicate(path string, spread bool, pred predicate) *pathPredicate {
	return &pathPredicate{parts: strings.Split(path, "."), spread: spread, pred: pred}
}

func (p *pathPredicate) first() string { return p.parts[0] }

// matchField matches v, the value of the document's field called parts[0].
func (p *pathPredicate) matchField(v document.Value, run *matching) bool {
	return p.matchAt(v, p.parts[1:], run)
}

// matchAt matches v, of which rest is still to be followed.
func (p *pathPredicate) matchAt(v document.Value, rest []string, run *matching) bool {
	switch {
	case v.Type == document.TypeArray:
		if len(rest) > 0 {
			return p.matchArray(v.Doc(), rest, run)
		}
		return p.spread && p.matchElements(v.Doc(), run) || p.pred.matchValue(v, run)
	case len(rest) == 0:
		return p.pred.matchValue(v, run)
	case v.Type == document.TypeDocument:
		return p.matchAt(v.Doc().Lookup(rest[0]), rest[1:], run)
	}
	return p.pred.matchValue(document.Value{}, run)
}

func (p *pathPredicate) matchElements(array document.Doc, run *matching) bool {
	for it := array.Iter(); it.Next(); {
		if p.pred.matchValue(it.Value(), run) {
			setPosition(run, &it)
			return true
		}
	}
	return false
}

// matchArray follows rest, which is not empty, into the elements of an array.
func (p *pathPredicate) matchArray(array document.Doc, rest []string, run *matching) bool {
	numeric := isIndex(rest[0])
	for it := array.Iter(); it.Next(); {
		v := it.Value()
		if v.Type == document.TypeDocument && p.matchAt(v.Doc().Lookup(rest[0]), rest[1:], run) {
			setPosition(run, &it)
			return true
		}
		if numeric && it.Key() == rest[0] && p.matchAtIndex(&it, rest[1:], run) {
			return true
		}
	}
	return false
}

// matchAtIndex matches the element that the path named by its position; rest is what follows the position.
func (p *pathPredicate) matchAtIndex(it *document.Iter, rest []string, run *matching) bool {
	v := it.Value()
	switch {
	case len(rest) == 0:
		if p.pred.matchValue(v, run) {
			setPosition(run, it)
			return true
		}
	case v.Type == document.TypeDocument:
		return p.matchAt(v.Doc().Lookup(rest[0]), rest[1:], run)
	case v.Type == document.TypeArray:
		return p.matchArray(v.Doc(), rest, run)
	}
	return false
}

// isIndex reports whether a path's part can be an array position.
func isIndex(part string) bool {
	if part == "" {
		return false
	}
	for i := range len(part) {
		if part[i] < '0' || part[i] > '9' {
			return false
		}
	}
	return true
}
