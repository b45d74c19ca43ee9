package query

import (
	"slices"
	"strings"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/expr"
	"github.com/mortondb/morton/internal/mongoerr"
)

// The sort key of a document is the first, in the sort's order, of the keys that an index on the sort's fields would hold
// for it (mongod's SortKeyGenerator and BtreeKeyGenerator): a missing field counts as null, an array as each of its
// elements, an empty array as undefined. Fields that go through the same array take their values from the same element.

var undefined = document.Value{Type: document.TypeUndefined}

// AppendKey appends doc's sort key, one value for each field, which aliases doc unless the sort has a collator: then its keys stand for strings. The error is that of parallel arrays.
func (s *Sort) AppendKey(dst []document.Value, doc document.Doc) ([]document.Value, error) {
	n := len(dst)
	for i := range s.fields {
		if s.fields[i].Meta != "" {
			dst = append(dst, document.Null)
			continue
		}
		v, plain := plainLookup(doc, s.fields[i].Path)
		if !plain {
			return s.appendSpreadKey(dst[:n], doc)
		}
		dst = append(dst, document.Collated(s.collator, v))
	}
	return dst, nil
}

// AppendKeyOf is [Sort.AppendKey] with what is known of the document besides.
func (s *Sort) AppendKeyOf(dst []document.Value, doc document.Doc, m *expr.Meta) ([]document.Value, error) {
	n := len(dst)
	dst, err := s.AppendKey(dst, doc)
	if err != nil || !s.metas {
		return dst, err
	}
	for i, f := range s.fields {
		if f.Meta == "" {
			continue
		}
		if v := m.Value(f.Meta); !v.IsMissing() {
			dst[n+i] = v
		}
	}
	return dst, nil
}

// plainLookup returns the sort value at path, or plain = false if there is an array on the way or at the end.
func plainLookup(doc document.Doc, path string) (v document.Value, plain bool) {
	for {
		part, rest, more := strings.Cut(path, ".")
		v = doc.Lookup(part)
		switch {
		case v.IsMissing():
			return document.Null, true
		case v.Type == document.TypeArray:
			return document.Value{}, false
		case !more:
			return v, true
		case v.Type != document.TypeDocument:
			return document.Null, true
		}
		doc, path = v.Doc(), rest
	}
}

func (s *Sort) appendSpreadKey(dst []document.Value, doc document.Doc) ([]document.Value, error) {
	g := keySpreader{sort: s}
	todo := make([]spreadField, len(s.fields))
	for i := range todo {
		todo[i].rest = s.fields[i].Path
		if s.fields[i].Meta != "" {
			todo[i].value = document.Null
		}
	}
	if err := g.spread(doc, todo); err != nil {
		return nil, err
	}
	return append(dst, g.best...), nil
}

// keySpreader goes through all keys of a document and keeps the best.
type keySpreader struct {
	sort *Sort
	best []document.Value
}

// spreadField is how far one field of the sort has been followed.
type spreadField struct {
	rest  string // of the path; empty when value is final
	value document.Value

	// What the enclosing array has at the position that rest starts with, if it starts with one: the element, and what is found by
	// following the path through it.
	at     document.Value
	array  document.Doc
	atLeaf document.Value
	atRest string
}

// next follows the field into doc as far as the next array.
func (f *spreadField) next(doc document.Doc) (v document.Value, rest string, nested bool, err error) {
	part, _, _ := strings.Cut(f.rest, ".")
	inDoc := !doc.Lookup(part).IsMissing()
	switch {
	case inDoc && !f.at.IsMissing():
		return v, "", false, mongoerr.New(16746, "Ambiguous field name found in array (do not use numeric field names in embedded elements in an array), field: '%s' for array: %s", part, docText(f.array))
	case inDoc:
		v, rest = untilArray(doc, f.rest)
		return v, rest, false, nil
	case !f.at.IsMissing():
		return f.atLeaf, f.atRest, f.at.Type == document.TypeArray, nil
	}
	return document.Value{}, "", false, nil
}

// untilArray follows path through documents up to its end or to the first array, and returns what is left of it.
func untilArray(doc document.Doc, path string) (v document.Value, rest string) {
	for {
		part, rest, _ := strings.Cut(path, ".")
		v = doc.Lookup(part)
		switch {
		case v.IsMissing() || v.Type == document.TypeArray || rest == "":
			return v, rest
		case v.Type != document.TypeDocument:
			return document.Value{}, ""
		}
		doc, path = v.Doc(), rest
	}
}

// spread completes the fields from doc, which is the document or an element of the array that was met last.
func (g *keySpreader) spread(doc document.Doc, fields []spreadField) error {
	var array document.Value
	var inArray []int
	whole := false // an array that was reached by position in another one is a value as a whole
	for i := range fields {
		f := &fields[i]
		if f.rest == "" {
			continue
		}
		v, rest, nested, err := f.next(doc)
		if err != nil {
			return err
		}
		f.rest, f.value = rest, v
		switch {
		case v.IsMissing():
			f.rest, f.value = "", document.Null
		case v.Type == document.TypeArray:
			if !array.IsMissing() && &array.Data[0] != &v.Data[0] {
				return badValue("cannot sort with keys that are parallel arrays")
			}
			array = v
			inArray = append(inArray, i)
			whole = whole || nested
		}
	}
	if array.IsMissing() {
		g.offer(fields)
		return nil
	}
	return g.spreadArray(array, inArray, whole, fields)
}

func (g *keySpreader) spreadArray(array document.Value, inArray []int, whole bool, fields []spreadField) error {
	for _, i := range inArray {
		fields[i].enter(array.Doc())
	}
	element := func(v, value document.Value) error {
		next := slices.Clone(fields)
		for _, i := range inArray {
			if next[i].rest == "" {
				next[i].value = value
			}
		}
		var inner document.Doc
		if v.Type == document.TypeDocument {
			inner = v.Doc()
		}
		return g.spread(inner, next)
	}
	if array.Doc().IsEmpty() {
		return element(undefined, undefined)
	}
	for it := array.Doc().Iter(); it.Next(); {
		value := it.Value()
		if whole {
			value = array
		}
		if err := element(it.Value(), value); err != nil {
			return err
		}
	}
	return nil
}

// enter notes what array has at the position that the field's path may name.
func (f *spreadField) enter(array document.Doc) {
	f.at = document.Value{}
	if f.rest == "" {
		return
	}
	part, _, _ := strings.Cut(f.rest, ".")
	if f.at = array.Lookup(part); f.at.IsMissing() {
		return
	}
	f.array = array
	f.atLeaf, f.atRest = untilArray(array, f.rest)
}

func (g *keySpreader) offer(fields []spreadField) {
	key := make([]document.Value, len(fields))
	for i := range fields {
		key[i] = document.Collated(g.sort.collator, fields[i].value)
	}
	if g.best == nil || g.sort.Compare(key, g.best) < 0 {
		g.best = key
	}
}
