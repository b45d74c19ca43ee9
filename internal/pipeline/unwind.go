package pipeline

import (
	"context"
	"strings"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/expr"
)

// unwind is $unwind: a document for each element of an array.
type unwind struct {
	path     []string
	index    []string // where the position goes; nil: nowhere
	preserve bool
}

func compileUnwind(v document.Value, _ *Options) ([]stage, error) {
	s := &unwind{}
	path, given := v, v.Type == document.TypeString
	switch v.Type {
	case document.TypeString:
	case document.TypeDocument:
		for it := v.Doc().Iter(); it.Next(); {
			a := it.Value()
			switch it.Key() {
			case "path":
				if a.Type != document.TypeString {
					return nil, fail(28808, "expected a string as the path for $unwind stage, got %s", a.Type)
				}
				path, given = a, true
			case "preserveNullAndEmptyArrays":
				if a.Type != document.TypeBool {
					return nil, fail(28809, "expected a boolean for the preserveNullAndEmptyArrays option to $unwind stage, got %s", a.Type)
				}
				s.preserve = a.Bool()
			case "includeArrayIndex":
				if a.Type != document.TypeString || a.Str() == "" {
					return nil, fail(28810, "expected a non-empty string for the includeArrayIndex  option to $unwind stage, got %s", a.Type)
				}
				if strings.HasPrefix(a.Str(), "$") {
					return nil, fail(28822, "includeArrayIndex option to $unwind stage should not be prefixed with a '$': %s", a.Str())
				}
				if err := expr.CheckPath(a.Str()); err != nil {
					return nil, err
				}
				s.index = strings.Split(a.Str(), ".")
			default:
				return nil, fail(28811, "unrecognized option to $unwind stage: %s", it.Key())
			}
		}
	default:
		return nil, fail(15981, "expected either a string or an object as specification for $unwind stage, got %s", v.Type)
	}
	switch {
	case !given || path.Str() == "":
		return nil, fail(28812, "no path specified to $unwind stage")
	case !strings.HasPrefix(path.Str(), "$"):
		return nil, fail(28818, "path option to $unwind stage should be prefixed with a '$': %s", path.Str())
	}
	if err := expr.CheckPath(path.Str()[1:]); err != nil {
		return nil, err
	}
	s.path = strings.Split(path.Str()[1:], ".")
	return []stage{s}, nil
}

func (s *unwind) over(src Source) Source {
	var doc document.Doc // whose elements are returned
	var it document.Iter
	open, i := false, int64(0)
	var buf []byte
	return passing{src, func(ctx context.Context) (document.Doc, error) {
		for {
			if open && it.Next() {
				buf = s.result(buf[:0], doc, it.Value(), document.Int64(i))
				i++
				return buf, nil
			}
			open = false
			next, err := src.Next(ctx)
			if err != nil {
				return nil, err
			}
			v := plain(next, s.path)
			switch {
			case v.Type == document.TypeArray && !v.Doc().IsEmpty():
				doc, it, open, i = next, v.Doc().Iter(), true, 0
			case v.Type != document.TypeArray && !v.IsNullish():
				buf = s.result(buf[:0], next, v, document.Null)
				return buf, nil
			case s.preserve:
				if v.Type == document.TypeArray {
					v = document.Value{} // an empty array leaves no field
				}
				buf = s.result(buf[:0], next, v, document.Null)
				return buf, nil
			}
		}
	}}
}

// result appends doc with the element in the array's place, and its position.
func (s *unwind) result(dst []byte, doc document.Doc, v, position document.Value) []byte {
	if s.index == nil {
		return setPath(dst, doc, s.path, v)
	}
	return setPath(dst, setPath(nil, doc, s.path, v), s.index, position)
}

// plain follows a path through documents.
func plain(doc document.Doc, path []string) document.Value {
	v := doc.AsValue()
	for _, part := range path {
		if v.Type != document.TypeDocument {
			return document.Value{}
		}
		v = v.Doc().Lookup(part)
	}
	return v
}

// setPath appends doc with v at a path, which goes through documents; what is in its way gives way. A missing v removes the field.
func setPath(dst []byte, doc document.Doc, path []string, v document.Value) []byte {
	b := document.NewBuilder(dst)
	appendSet(&b, doc, path, v)
	return b.FinishBuffer()
}

func appendSet(b *document.Builder, doc document.Doc, path []string, v document.Value) {
	found := false
	for it := doc.Iter(); it.Next(); {
		if it.Key() != path[0] || found {
			b.AppendValue(it.Key(), it.Value())
			continue
		}
		found = true
		appendAt(b, it.Value(), path, v)
	}
	if !found {
		appendAt(b, document.Value{}, path, v)
	}
}

func appendAt(b *document.Builder, old document.Value, path []string, v document.Value) {
	switch {
	case len(path) == 1:
		b.AppendValue(path[0], v)
	case old.Type == document.TypeDocument:
		b.OpenDoc(path[0])
		appendSet(b, old.Doc(), path[1:], v)
		b.Close()
	case v.IsMissing():
		b.AppendValue(path[0], old)
	default:
		b.OpenDoc(path[0])
		appendSet(b, document.Empty, path[1:], v)
		b.Close()
	}
}
