package timeseries

import (
	"slices"
	"strings"

	"github.com/mortondb/morton/internal/document"
)

// extreme is the least and the greatest value of a field in a bucket: of a document or an array, of each field or place in it.
type extreme struct {
	name   string
	kind   document.Type // TypeDocument, TypeArray, or TypeMissing for anything else
	lo, hi document.Value
	inside []extreme
}

func kindOf(v document.Value) document.Type {
	if v.Type == document.TypeDocument || v.Type == document.TypeArray {
		return v.Type
	}
	return document.TypeMissing
}

// fits reports whether a value is of the same type as those before.
func fits(list []extreme, name string, v document.Value) bool {
	i := slices.IndexFunc(list, func(e extreme) bool { return e.name == name })
	if i < 0 {
		return true
	}
	e := &list[i]
	if e.kind != kindOf(v) {
		return false
	}
	if e.kind == document.TypeMissing {
		return e.lo.Type.Order() == v.Type.Order()
	}
	for it := v.Doc().Iter(); it.Next(); {
		if !fits(e.inside, it.Key(), it.Value()) {
			return false
		}
	}
	return true
}

// widen takes a value of a field into account.
func widen(list []extreme, name string, v document.Value, c document.Collator) []extreme {
	i := slices.IndexFunc(list, func(e extreme) bool { return e.name == name })
	if i < 0 {
		i = len(list)
		list = append(list, extreme{name: strings.Clone(name), kind: kindOf(v), lo: v, hi: v})
	}
	e := &list[i]
	if e.kind != document.TypeMissing {
		for it := v.Doc().Iter(); it.Next(); {
			e.inside = widen(e.inside, it.Key(), it.Value(), c)
		}
		return list
	}
	if document.CompareWith(c, v, e.lo) < 0 {
		e.lo = v
	}
	if document.CompareWith(c, v, e.hi) > 0 {
		e.hi = v
	}
	return list
}

// readExtremes reads them from control.min and control.max.
func readExtremes(lo, hi document.Doc) (list []extreme) {
	for it := lo.Iter(); it.Next(); {
		e := extreme{name: it.Key(), kind: kindOf(it.Value()), lo: it.Value(), hi: hi.Lookup(it.Key())}
		if e.hi.IsMissing() || kindOf(e.hi) != e.kind {
			e.hi = e.lo
		}
		if e.kind != document.TypeMissing {
			e.inside = readExtremes(e.lo.Doc(), e.hi.Doc())
		}
		list = append(list, e)
	}
	return list
}

func appendExtremes(b *document.Builder, list []extreme, high bool) {
	for i := range list {
		e := &list[i]
		switch {
		case e.kind == document.TypeDocument:
			b.OpenDoc(e.name)
		case e.kind == document.TypeArray:
			b.OpenArray(e.name)
		case high:
			b.AppendValue(e.name, e.hi)
			continue
		default:
			b.AppendValue(e.name, e.lo)
			continue
		}
		appendExtremes(b, e.inside, high)
		b.Close()
	}
}
